//! Answers kept for requests that are repeated (requestid, CONTRACT 1.5): claimed and saved in the transaction of
//! their effect, so that a requestid and its effect are there together or not at all.

use diesel::{ExpressionMethods, QueryDsl, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::customers::CustomerId;

use crate::{
    db::{Error, Tx, sql},
    schema::saved_answer::dsl,
};

/// A request with a requestid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestClaim {
    /// Whose request.
    pub customer: CustomerId,
    /// Its requestid.
    pub request_id: String,
    /// SHA-256 of its command and fields.
    pub hash: [u8; 32],
}

/// What came of claiming a requestid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// It is the first; its answer is to be saved.
    First,
    /// It was answered: with this.
    Answered(Vec<u8>),
    /// It was used for something else (code 101).
    OtherParameters,
}

/// For so long an answer is kept (CONTRACT 1.5).
pub const KEPT: &str = "24 hours";

#[derive(QueryableByName)]
struct One {
    #[diesel(sql_type = sql_types::Integer)]
    #[expect(dead_code, reason = "only whether there is a row matters")]
    one: i32,
}

fn place(tx: &Tx, claim: &RequestClaim) -> String {
    format!("{} saved_answer {} {}", tx.realm().schema(), claim.customer.0, claim.request_id)
}

/// Claims a requestid. A twin under way is waited for. Take it before all other locks.
///
/// # Errors
/// [`Error`] from the database.
pub async fn claim(tx: &mut Tx, claim: &RequestClaim) -> Result<Claimed, Error> {
    let claimed: Vec<One> = sql(format!(
        "insert into saved_answer as s (customer_id, request_id, request_hash) values ($1, $2, $3) \
         on conflict (customer_id, request_id) do update \
           set request_hash = excluded.request_hash, answer = null, created_at = now() \
           where s.created_at < now() - interval '{KEPT}' \
         returning 1 as one"
    ))
    .bind::<sql_types::BigInt, _>(claim.customer.0)
    .bind::<sql_types::Text, _>(&claim.request_id)
    .bind::<sql_types::Binary, _>(&claim.hash[..])
    .load(tx.conn())
    .await?;
    if !claimed.is_empty() {
        return Ok(Claimed::First);
    }
    let (hash, answer): (Vec<u8>, Option<Vec<u8>>) = dsl::saved_answer
        .find((claim.customer.0, &claim.request_id))
        .select((dsl::request_hash, dsl::answer))
        .get_result(tx.conn())
        .await?;
    if hash != claim.hash {
        return Ok(Claimed::OtherParameters);
    }
    let sealed = answer.ok_or_else(|| Error::corrupt("a saved answer without its answer"))?;
    tx.keys().open(&place(tx, claim), &sealed).map(Claimed::Answered).map_err(Error::corrupt)
}

/// Saves the answer of a request that was claimed in this transaction, sealed: it may hold a server's password.
///
/// # Errors
/// [`Error`] from the database.
pub async fn save(tx: &mut Tx, claim: &RequestClaim, answer: &[u8]) -> Result<(), Error> {
    let sealed = tx.keys().seal(&place(tx, claim), answer).map_err(|e| Error::Failed(e.to_string()))?;
    diesel::update(dsl::saved_answer.find((claim.customer.0, &claim.request_id)))
        .set(dsl::answer.eq(sealed))
        .execute(tx.conn())
        .await?;
    Ok(())
}
