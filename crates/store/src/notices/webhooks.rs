//! Customers' webhooks: where they are, and what their messages are signed with.

use base64::{Engine, engine::general_purpose::STANDARD};
use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::customers::CustomerId;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::db::{Conn, Error, Tx, sql};

/// A secret has so many random bytes.
const SECRET_BYTES: usize = 32;
/// A customer has so many webhooks at the most: each event is a message to each.
const MOST: i64 = 8;
/// So many secrets sign at once at the most, beside the newest: each is a signature in every message.
const MOST_OLD_SECRETS: i64 = 4;
/// While a secret changes, messages are signed with the old one, too, for so long.
pub const OLD_SECRET_HOURS: i32 = 24;

/// A webhook.
#[derive(Debug, Clone, QueryableByName)]
pub struct WebhookRow {
    /// Its number.
    #[diesel(sql_type = sql_types::BigInt)]
    pub id: i64,
    /// Where it is.
    #[diesel(sql_type = sql_types::Text)]
    pub url: String,
    /// Since when nothing was delivered, though it was tried.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Timestamptz>, deserialize_as = jiff_diesel::NullableTimestamp)]
    pub failing_since: Option<Timestamp>,
    /// What was wrong with the last delivery, if anything.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub trouble: Option<String>,
    /// When it was given up.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Timestamptz>, deserialize_as = jiff_diesel::NullableTimestamp)]
    pub disabled_at: Option<Timestamp>,
    /// When it was set.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub created_at: Timestamp,
}

/// A webhook with the secret it was just given: the only time that it is told.
#[derive(Debug)]
pub struct NewSecret {
    /// Its number.
    pub id: i64,
    /// `whsec_` and base64; none where the webhook kept the one it had.
    pub secret: Option<SecretString>,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
}

fn place(customer: CustomerId, url: &str) -> String {
    format!("webhook of {} {url}", customer.0)
}

pub(super) fn open_secret(tx: &Tx, customer: CustomerId, url: &str, sealed: &[u8]) -> Result<SecretString, Error> {
    let plain = tx.keys().open(&place(customer, url), sealed).map_err(Error::corrupt)?;
    String::from_utf8(plain).map(SecretString::from).map_err(Error::corrupt)
}

fn new_secret(tx: &Tx, customer: CustomerId, url: &str) -> Result<(SecretString, Vec<u8>), Error> {
    let mut bytes = [0_u8; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Error::Failed(format!("no randomness: {error}")))?;
    let secret = SecretString::from(format!("whsec_{}", STANDARD.encode(bytes)));
    let sealed = tx.keys().seal(&place(customer, url), secret.expose_secret().as_bytes()).map_err(Error::corrupt)?;
    Ok((secret, sealed))
}

/// A customer's webhooks.
///
/// # Errors
/// [`Error`] from the database.
pub async fn webhooks(connection: &mut Conn, of: CustomerId) -> Result<Vec<WebhookRow>, Error> {
    let query = "select id, url, failing_since, trouble, disabled_at, created_at from webhook where customer_id = $1 order by id";
    Ok(sql(query).bind::<sql_types::BigInt, _>(of.0).load(connection).await?)
}

/// Sets a webhook of a customer's: a new one gets a secret, one that is there is in use again if it was given up.
/// Events from now on are told to it.
///
/// # Errors
/// [`Error::Refused`] for too many.
pub async fn set(tx: &mut Tx, of: CustomerId, url: &str) -> Result<NewSecret, Error> {
    let again = "update webhook set disabled_at = null, failing_since = null, trouble = null \
         where customer_id = $1 and url = $2 returning id";
    let found: Option<Id> = sql(again)
        .bind::<sql_types::BigInt, _>(of.0)
        .bind::<sql_types::Text, _>(url)
        .get_result(tx.conn())
        .await
        .optional()?;
    if let Some(Id { id }) = found {
        return Ok(NewSecret { id, secret: None });
    }
    let (secret, sealed) = new_secret(tx, of, url)?;
    // The customer's row is held, so that they are counted one after the other.
    sql("select from customer where id = $1 for no key update")
        .bind::<sql_types::BigInt, _>(of.0)
        .execute(tx.conn())
        .await?;
    let new: Option<Id> = sql("insert into webhook (customer_id, url, secret) select $1, $2, $3 \
         where (select count(*) from webhook where customer_id = $1) < $4 returning id")
    .bind::<sql_types::BigInt, _>(of.0)
    .bind::<sql_types::Text, _>(url)
    .bind::<sql_types::Binary, _>(sealed)
    .bind::<sql_types::BigInt, _>(MOST)
    .get_result(tx.conn())
    .await
    .optional()?;
    let Id { id } = new.ok_or_else(|| Error::Refused(format!("a customer has {MOST} webhooks at the most")))?;
    Ok(NewSecret { id, secret: Some(secret) })
}

/// What becomes of the secrets that a webhook had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Old {
    /// They sign until their time is over.
    SignOn,
    /// They sign no more.
    End,
}

/// Gives a webhook a new secret. With [`Old::SignOn`] its messages are signed with the old one, too, for
/// [`OLD_SECRET_HOURS`]; and with those before it until their own time is over.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] when too many sign already.
pub async fn rotate(tx: &mut Tx, of: CustomerId, url: &str, old: Old) -> Result<NewSecret, Error> {
    let (secret, sealed) = new_secret(tx, of, url)?;
    let rotated: Option<Id> =
        sql("update webhook set old_secret = secret, old_until = now() + make_interval(hours => $4), secret = $3 \
         where customer_id = $1 and url = $2 returning id")
        .bind::<sql_types::BigInt, _>(of.0)
        .bind::<sql_types::Text, _>(url)
        .bind::<sql_types::Binary, _>(sealed)
        .bind::<sql_types::Integer, _>(OLD_SECRET_HOURS)
        .get_result(tx.conn())
        .await
        .optional()?;
    let Id { id } = rotated.ok_or_else(|| unknown(url))?;
    match old {
        Old::SignOn => keep_old_secret(tx, id).await?,
        Old::End => end_old_secrets(tx, id).await?,
    }
    Ok(NewSecret { id, secret: Some(secret) })
}

/// The secret that a webhook had signs on for a while; those whose time is over are taken out.
async fn keep_old_secret(tx: &mut Tx, webhook: i64) -> Result<(), Error> {
    sql("delete from webhook_old_secret where webhook_id = $1 and until <= now()")
        .bind::<sql_types::BigInt, _>(webhook)
        .execute(tx.conn())
        .await?;
    let kept = sql("insert into webhook_old_secret (webhook_id, secret, until) \
         select id, old_secret, old_until from webhook where id = $1 \
           and (select count(*) from webhook_old_secret where webhook_id = $1) < $2")
    .bind::<sql_types::BigInt, _>(webhook)
    .bind::<sql_types::BigInt, _>(MOST_OLD_SECRETS)
    .execute(tx.conn())
    .await?;
    if kept == 1 {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "{MOST_OLD_SECRETS} secrets of before sign still: rotate it tomorrow, or at once and end them all (--now)"
    )))
}

/// Ends all secrets that a webhook had before its newest: they may have leaked.
async fn end_old_secrets(tx: &mut Tx, webhook: i64) -> Result<(), Error> {
    for ending in [
        "delete from webhook_old_secret where webhook_id = $1",
        "update webhook set old_secret = null, old_until = null where id = $1",
    ] {
        sql(ending).bind::<sql_types::BigInt, _>(webhook).execute(tx.conn()).await?;
    }
    Ok(())
}

/// Takes a webhook out. What waits for it is skipped.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn remove(tx: &mut Tx, of: CustomerId, url: &str) -> Result<(), Error> {
    let removed = sql("delete from webhook where customer_id = $1 and url = $2")
        .bind::<sql_types::BigInt, _>(of.0)
        .bind::<sql_types::Text, _>(url)
        .execute(tx.conn())
        .await?;
    if removed == 1 { Ok(()) } else { Err(unknown(url)) }
}

fn unknown(url: &str) -> Error {
    Error::NotFound(format!("the customer has no webhook {url}"))
}
