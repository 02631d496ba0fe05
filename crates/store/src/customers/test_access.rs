//! The customer of test access (CONTRACT 1.6).

use diesel::ExpressionMethods;
use diesel_async::RunQueryDsl;

use crate::{
    db::{Error, RealmKind, Tx},
    schema::customer,
};

/// Adds the test realm's own customer, billed in euros and spoken to in Russian; one that is there stays as it is.
/// It gets no wallets: in the test realm nobody has any.
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
    Ok(())
}
