//! Webhooks that take nothing: since when, why, and when they are given up.

use diesel::sql_types;
use diesel_async::RunQueryDsl;
use domain::notices::{News, WebhookDisabled};

use super::{
    deliver::{Claimed, Webhook},
    remind::write,
};
use crate::db::{Error, Tx, sql};

/// A webhook took its message: it isn't failing any more.
///
/// # Errors
/// [`Error`] from the database.
pub async fn succeed_webhook(tx: &mut Tx, webhook: i64) -> Result<(), Error> {
    sql("update webhook set failing_since = null, trouble = null where id = $1 and failing_since is not null")
        .bind::<sql_types::BigInt, _>(webhook)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A webhook took no message. Once that has gone on for `days` it is given up: what waits for it has failed, and
/// customer and staff are told.
///
/// # Errors
/// [`Error`] from the database.
pub async fn fail_webhook(tx: &mut Tx, of: &Claimed, webhook: &Webhook, days: u16, why: &str) -> Result<bool, Error> {
    sql("update webhook set failing_since = coalesce(failing_since, now()), trouble = $2 where id = $1")
        .bind::<sql_types::BigInt, _>(webhook.id)
        .bind::<sql_types::Text, _>(why)
        .execute(tx.conn())
        .await?;
    disable(tx, of, webhook, Some(days)).await
}

/// A webhook said that it is gone for good: it is given up at once, and customer and staff are told. False when it was
/// given up already.
///
/// # Errors
/// [`Error`] from the database.
pub async fn end_webhook(tx: &mut Tx, of: &Claimed, webhook: &Webhook, why: &str) -> Result<bool, Error> {
    sql("update webhook set failing_since = coalesce(failing_since, now()), trouble = $2 where id = $1")
        .bind::<sql_types::BigInt, _>(webhook.id)
        .bind::<sql_types::Text, _>(why)
        .execute(tx.conn())
        .await?;
    disable(tx, of, webhook, None).await
}

/// Gives a webhook up that has failed for so many days, or in any case.
async fn disable(tx: &mut Tx, of: &Claimed, webhook: &Webhook, days: Option<u16>) -> Result<bool, Error> {
    let disabled = sql("update webhook set disabled_at = now() where id = $1 and disabled_at is null \
           and ($2 is null or failing_since <= now() - make_interval(days => $2))")
    .bind::<sql_types::BigInt, _>(webhook.id)
    .bind::<sql_types::Nullable<sql_types::Integer>, _>(days.map(i32::from))
    .execute(tx.conn())
    .await?;
    if disabled == 0 {
        return Ok(false);
    }
    sql("update notice set state = 'failed', ended_at = now(), claimed_by = null, claimed_until = null, \
           detail = 'the webhook was given up' where webhook_id = $1 and state = 'waiting' and channel = 'webhook'")
    .bind::<sql_types::BigInt, _>(webhook.id)
    .execute(tx.conn())
    .await?;
    let key = format!("webhook.disabled {} {}", webhook.id, tx.now().as_microsecond());
    let news = News::WebhookDisabled(WebhookDisabled {
        webhook: webhook.id,
        url: webhook.url.clone(),
        days: days.unwrap_or_default(),
        gone: days.is_none(),
    });
    write(tx, &key, of.customer.id, &news, true).await?;
    Ok(true)
}
