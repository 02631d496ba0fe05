//! The customer of test access (CONTRACT 1.6).

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;

use super::API;
use crate::{
    db::{Error, RealmKind, Tx},
    schema::{customer, sub_user},
};

/// Adds the test realm's own customer, billed in euros and spoken to in Russian; one that is there stays as it is.
/// It gets no wallets: in the test realm nobody has any. Its API user has the same name and password.
///
/// # Errors
/// [`Error::Refused`] in any other realm; [`Error`] from the database.
pub async fn ensure_test_customer(tx: &mut Tx, login: &str, password_hash: &str) -> Result<(), Error> {
    if tx.realm() != RealmKind::Test {
        return Err(Error::Refused("test access is in the test realm".into()));
    }
    diesel::insert_into(customer::table)
        .values((
            customer::login.eq(login),
            customer::currency.eq("EUR"),
            customer::language.eq("ru"),
            customer::vat_points.eq(0),
            customer::api_enabled.eq(true),
            customer::password_hash.eq(password_hash),
            customer::demo.eq(false),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())
        .await?;
    let id: i64 = customer::table.filter(customer::login.eq(login)).select(customer::id).get_result(tx.conn()).await?;
    diesel::insert_into(sub_user::table)
        .values((
            sub_user::customer_id.eq(id),
            sub_user::nick.eq(login),
            sub_user::description.eq(API),
            sub_user::password_hash.eq(password_hash),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())
        .await?;
    Ok(())
}
