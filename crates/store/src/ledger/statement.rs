//! What moved a customer's wallets.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::customers::CustomerId;

use crate::db::{Conn, Error, sql};

/// A wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wallet {
    /// Money paid in.
    Credit,
    /// Given by the company.
    Bonus,
}

impl Wallet {
    const fn name(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Bonus => "bonus",
        }
    }
}

/// One movement of one wallet.
#[derive(Debug, Clone, QueryableByName)]
pub struct StatementLine {
    /// The journal.
    #[diesel(sql_type = sql_types::BigInt)]
    pub journal: i64,
    /// When.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub at: jiff::Timestamp,
    /// `credit` or `bonus`.
    #[diesel(sql_type = sql_types::Text)]
    pub wallet: String,
    /// What happened.
    #[diesel(sql_type = sql_types::Text)]
    pub kind: String,
    /// Minor units, signed.
    #[diesel(sql_type = sql_types::BigInt)]
    pub amount: i64,
    /// Minor units in the wallet then.
    #[diesel(sql_type = sql_types::BigInt)]
    pub balance_after: i64,
    /// Why.
    #[diesel(sql_type = sql_types::Text)]
    pub note: String,
    /// What the bank or the payment provider calls it, of a payment that has such a name.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub reference: Option<String>,
}

/// A customer's movements of one wallet or both, newest first.
///
/// # Errors
/// [`Error`] from the database.
pub async fn statement(
    connection: &mut Conn,
    customer: CustomerId,
    wallet: Option<Wallet>,
    most: i64,
) -> Result<Vec<StatementLine>, Error> {
    let query = "select j.id as journal, j.created_at as at, a.kind as wallet, j.kind, e.amount, \
           coalesce(e.balance_after, 0) as balance_after, p.reference, \
           case when j.note = '' then coalesce(p.reference, '') else j.note end as note \
         from account a join entry e on e.account_id = a.id join journal j on j.id = e.journal_id \
           left join payment p on p.kind = j.kind and j.ref_type = 'movement' and p.movement_id = j.ref_id \
         where a.customer_id = $1 and ($3 is null or a.kind = $3) order by j.id desc, e.line desc limit $2";
    Ok(sql(query)
        .bind::<sql_types::BigInt, _>(customer.0)
        .bind::<sql_types::BigInt, _>(most)
        .bind::<sql_types::Nullable<sql_types::Text>, _>(wallet.map(Wallet::name))
        .load(connection)
        .await?)
}
