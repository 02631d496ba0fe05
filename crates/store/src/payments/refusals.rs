//! Payments that were told of and refused for good.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{billing::PaymentReference, text::plain};

use crate::db::{Conn, Error, Tx, sql};

/// What was told and refused.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct PaymentRefusal {
    /// The payment's reference, as far as one could be read.
    #[diesel(sql_type = sql_types::Text)]
    pub reference: String,
    /// The customer that it named, as far as one could be read.
    #[diesel(sql_type = sql_types::Text)]
    pub login: String,
    /// What the bridge was told.
    #[diesel(sql_type = sql_types::Text)]
    pub why: String,
    /// The HTTP status.
    #[diesel(sql_type = sql_types::Integer)]
    pub status: i32,
    /// How often.
    #[diesel(sql_type = sql_types::Integer)]
    pub times: i32,
}

/// Writes a refusal down, and takes out those of a month ago.
///
/// # Errors
/// [`Error`] from the database.
pub async fn note_refusal(tx: &mut Tx, reference: &str, login: &str, status: u16, why: &str) -> Result<(), Error> {
    sql("delete from payment_refusal where last_at < now() - interval '30 days'").execute(tx.conn()).await?;
    sql("insert into payment_refusal (reference, login, why, status) values ($1, $2, $3, $4) \
         on conflict (reference, login, why) do update set times = payment_refusal.times + 1, last_at = now()")
    .bind::<sql_types::Text, _>(plain(reference, PaymentReference::MOST))
    .bind::<sql_types::Text, _>(plain(login, 64))
    .bind::<sql_types::Text, _>(plain(why, 500))
    .bind::<sql_types::Integer, _>(i32::from(status))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Refusals of the last week that came more than once and whose payment has not been recorded since: a bridge that tells
/// the same again and again waits for somebody. A hundred at the most.
///
/// # Errors
/// [`Error`] from the database.
pub async fn repeated_refusals(connection: &mut Conn) -> Result<Vec<PaymentRefusal>, Error> {
    let query = "select reference, login, why, status, times from payment_refusal r \
         where times > 1 and last_at > now() - interval '7 days' \
           and not exists (select from payment p where p.reference = r.reference and p.received_at > r.first_at) \
         order by last_at desc limit 100";
    Ok(sql(query).load(connection).await?)
}
