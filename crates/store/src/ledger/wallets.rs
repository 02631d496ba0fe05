//! What customers have.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::Wallets,
    customers::CustomerId,
    money::{Currency, Money},
};

use super::TEST_BALANCE;
use crate::db::{Conn, Error, RealmKind, Tx, sql};

#[derive(QueryableByName)]
struct Wallet {
    #[diesel(sql_type = sql_types::Text)]
    kind: String,
    #[diesel(sql_type = sql_types::BigInt)]
    balance: i64,
}

fn gather(rows: &[Wallet], currency: Currency) -> Wallets {
    let of = |kind: &str| rows.iter().find(|w| w.kind == kind).map_or(0, |w| w.balance);
    Wallets { credit: Money::minor(of("credit"), currency), bonus: Money::minor(of("bonus"), currency) }
}

/// In the test realm nobody has wallets, and everybody always has the same (CONTRACT 1.6).
fn of_test_access(currency: Currency) -> Wallets {
    Wallets { credit: Money::minor(TEST_BALANCE, currency), bonus: Money::zero(currency) }
}

/// A customer's wallets, held until the transaction ends. Take them last of all locks.
///
/// # Errors
/// [`Error`] from the database.
pub async fn lock_wallets(tx: &mut Tx, customer: CustomerId, currency: Currency) -> Result<Wallets, Error> {
    if tx.realm() == RealmKind::Test {
        return Ok(of_test_access(currency));
    }
    let rows: Vec<Wallet> = sql("select kind, balance from lock_wallets($1)")
        .bind::<sql_types::BigInt, _>(customer.0)
        .load(tx.conn())
        .await?;
    Ok(gather(&rows, currency))
}

/// A customer's wallets, as they are.
///
/// # Errors
/// [`Error`] from the database.
pub async fn balance(
    connection: &mut Conn,
    realm: RealmKind,
    customer: CustomerId,
    currency: Currency,
) -> Result<Wallets, Error> {
    if realm == RealmKind::Test {
        return Ok(of_test_access(currency));
    }
    let rows: Vec<Wallet> = sql("select kind, balance from account where customer_id = $1")
        .bind::<sql_types::BigInt, _>(customer.0)
        .load(connection)
        .await?;
    Ok(gather(&rows, currency))
}
