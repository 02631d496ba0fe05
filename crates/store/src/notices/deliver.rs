//! Taking notices out: claimed in one short transaction, ended in another, sent in between by whoever claimed.

use std::time::Duration;

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{customers::CustomerId, language::Language, notices::News};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use super::webhooks::open_secret;
use crate::db::{Conn, Error, Tx, sql};

/// A claim is believed in for so long, in seconds; no try takes as long.
const CLAIM_SECONDS: i32 = 120;
/// So many old notices are taken out at a time.
const SWEPT_AT_A_TIME: i64 = 1000;

/// A notice in a worker's hand.
#[derive(Debug)]
pub struct Claimed {
    /// Its number.
    pub id: i64,
    /// What makes its message the same each time.
    pub uid: Uuid,
    /// What happened.
    pub news: News,
    /// When, by the realm's clock.
    pub at: Timestamp,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// How long ago it was written, or staff had it tried again.
    pub age: Duration,
    /// Whose.
    pub customer: Addressee,
    /// Where to.
    pub target: Target,
    worker: Uuid,
}

/// A customer, as notices address it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// Its id.
    pub id: CustomerId,
    /// Its login.
    pub login: String,
    /// Its name on paper, if there is one.
    pub name: Option<String>,
    /// What it speaks.
    pub language: Language,
}

/// Where a notice goes.
#[derive(Debug)]
pub enum Target {
    /// To the customer's address, if it has one.
    Mail(Option<String>),
    /// To the company's staff.
    Staff,
    /// To a service of the customer's; `None` when it was removed or given up meanwhile.
    Webhook(Option<Webhook>),
}

/// A customer's service.
#[derive(Debug)]
pub struct Webhook {
    /// Its number.
    pub id: i64,
    /// Where it is.
    pub url: String,
    /// What to sign with; several while they change.
    pub secrets: Vec<SecretString>,
    /// Since when nothing was delivered.
    pub failing_for: Option<Duration>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::Uuid)]
    uid: Uuid,
    #[diesel(sql_type = sql_types::Text)]
    event: String,
    #[diesel(sql_type = sql_types::Jsonb)]
    facts: Value,
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    at: Timestamp,
    #[diesel(sql_type = sql_types::Integer)]
    attempt: i32,
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    since: Timestamp,
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    now: Timestamp,
    #[diesel(sql_type = sql_types::Text)]
    channel: String,
    #[diesel(sql_type = sql_types::BigInt)]
    customer_id: i64,
    #[diesel(sql_type = sql_types::Text)]
    login: String,
    #[diesel(sql_type = sql_types::Text)]
    language: String,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    name: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    email: Option<String>,
    #[diesel(sql_type = sql_types::BigInt)]
    webhook_id: i64,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    url: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Binary>)]
    secret: Option<Vec<u8>>,
    #[diesel(sql_type = sql_types::Array<sql_types::Binary>)]
    old_secrets: Vec<Vec<u8>>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Timestamptz>, deserialize_as = jiff_diesel::NullableTimestamp)]
    failing_since: Option<Timestamp>,
}

/// What is due and in nobody's hand.
const IS_DUE: &str = "state = 'waiting' and due_at <= now() and (claimed_until is null or claimed_until < now())";

/// Whether a notice's webhook may be one that took nothing the last time.
const MAY_FAIL: &str =
    "($6 or not exists (select from webhook f where f.id = webhook_id and f.failing_since is not null))";

/// Of mail the oldest; of each webhook that is not in `busy` the oldest one.
const CLAIM: &str = "\
    with letters as ( \
      select id from notice where webhook_id = 0 and IS_DUE order by due_at, id limit $2 for update skip locked), \
    oldest as ( \
      select id from (select distinct on (webhook_id) id, due_at from notice \
        where webhook_id <> 0 and webhook_id <> all ($5) and MAY_FAIL and IS_DUE order by webhook_id, due_at, id) o \
      order by due_at, id limit $4), \
    messages as (select id from notice where id in (select id from oldest) and IS_DUE order by id for update skip locked), \
    due as (select id from letters union all select id from messages), \
    mine as ( \
      update notice n set attempt = n.attempt + 1, claimed_by = $1, \
        claimed_until = now() + make_interval(secs => $3) from due where n.id = due.id returning n.*) \
    select n.id, n.uid, n.event, n.facts, n.at, n.attempt, n.since, now() as now, n.channel, n.customer_id, c.login, \
      c.language, coalesce(p.company, p.name) as name, p.email, n.webhook_id, w.url, w.secret, \
      array(select s.secret from webhook_old_secret s where s.webhook_id = w.id and s.until > now() order by s.id desc) \
        as old_secrets, w.failing_since \
    from mine n join customer c on c.id = n.customer_id left join profile p on p.customer_id = n.customer_id \
      left join webhook w on w.id = n.webhook_id and w.disabled_at is null order by n.due_at, n.id";

/// Whether anything is due that has room, without a transaction.
///
/// # Errors
/// [`Error`] from the database.
pub async fn is_due(connection: &mut Conn, lanes: &Lanes) -> Result<bool, Error> {
    let query = format!(
        "select $1 > 0 and exists (select from notice where webhook_id = 0 and {IS_DUE}) \
           or $2 > 0 and exists (select from notice where webhook_id <> 0 and webhook_id <> all ($3) and {IS_DUE}) as due"
    );
    let found: Due = sql(query)
        .bind::<sql_types::BigInt, _>(lanes.mail)
        .bind::<sql_types::BigInt, _>(lanes.webhooks)
        .bind::<sql_types::Array<sql_types::BigInt>, _>(&lanes.busy)
        .get_result(connection)
        .await?;
    Ok(found.due)
}

/// Which ways out have room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lanes {
    /// For so many letters.
    pub mail: i64,
    /// For a message to each of so many webhooks,
    pub webhooks: i64,
    /// but not to these;
    pub busy: Vec<i64>,
    /// and whether to those that took nothing the last time.
    pub failing: bool,
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = sql_types::Bool)]
    due: bool,
}

/// Takes notices that are due and have room, the oldest of each lane first; those in other workers' hands are passed
/// over. One that can't be read has failed: it keeps no other.
///
/// # Errors
/// [`Error`] from the database.
pub async fn claim(tx: &mut Tx, worker: Uuid, lanes: &Lanes) -> Result<Vec<Claimed>, Error> {
    let rows: Vec<Row> = sql(CLAIM.replace("IS_DUE", IS_DUE).replace("MAY_FAIL", MAY_FAIL))
        .bind::<sql_types::Uuid, _>(worker)
        .bind::<sql_types::BigInt, _>(lanes.mail)
        .bind::<sql_types::Integer, _>(CLAIM_SECONDS)
        .bind::<sql_types::BigInt, _>(lanes.webhooks)
        .bind::<sql_types::Array<sql_types::BigInt>, _>(&lanes.busy)
        .bind::<sql_types::Bool, _>(lanes.failing)
        .load(tx.conn())
        .await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.id;
        match claimed(tx, row, worker) {
            Ok(claimed) => all.push(claimed),
            Err(why) => unreadable(tx, id, &why).await?,
        }
    }
    Ok(all)
}

async fn unreadable(tx: &mut Tx, id: i64, why: &Error) -> Result<(), Error> {
    sql("update notice set state = 'failed', ended_at = now(), claimed_by = null, claimed_until = null, detail = $2 \
         where id = $1")
    .bind::<sql_types::BigInt, _>(id)
    .bind::<sql_types::Text, _>(why.to_string())
    .execute(tx.conn())
    .await?;
    Ok(())
}

fn claimed(tx: &Tx, row: Row, worker: Uuid) -> Result<Claimed, Error> {
    let news = serde_json::from_value(json!({ "event": row.event, "facts": row.facts }));
    let customer = CustomerId(row.customer_id);
    let target = match row.channel.as_str() {
        "mail" => Target::Mail(row.email),
        "staff" => Target::Staff,
        "webhook" => Target::Webhook(match (row.url, row.secret) {
            (Some(url), Some(secret)) => {
                let sealed = [secret].into_iter().chain(row.old_secrets);
                let secrets =
                    sealed.map(|sealed| open_secret(tx, customer, &url, &sealed)).collect::<Result<_, _>>()?;
                let failing_for = row.failing_since.map(|since| elapsed(since, row.now));
                Some(Webhook { id: row.webhook_id, url, secrets, failing_for })
            }
            _ => None,
        }),
        other => return Err(Error::corrupt(format!("notice {} goes by {other:?}", row.id))),
    };
    Ok(Claimed {
        id: row.id,
        uid: row.uid,
        news: news.map_err(Error::corrupt)?,
        at: row.at,
        attempt: u32::try_from(row.attempt).map_err(Error::corrupt)?,
        age: elapsed(row.since, row.now),
        customer: Addressee {
            id: customer,
            login: row.login,
            name: row.name,
            language: row.language.parse().map_err(Error::corrupt)?,
        },
        target,
        worker,
    })
}

fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(since).max(SignedDuration::ZERO).unsigned_abs()
}

/// Ends a claim. False when another worker has it in hand meanwhile: then nothing is written.
async fn end(tx: &mut Tx, of: &Claimed, state: &str, pause: Duration, detail: &str) -> Result<bool, Error> {
    let ended = sql("update notice set state = $3, detail = $4, claimed_by = null, claimed_until = null, \
           ended_at = case when $3 = 'waiting' then null else now() end, due_at = now() + make_interval(secs => $5) \
         where id = $1 and claimed_by = $2 and state = 'waiting'")
    .bind::<sql_types::BigInt, _>(of.id)
    .bind::<sql_types::Uuid, _>(of.worker)
    .bind::<sql_types::Text, _>(state)
    .bind::<sql_types::Text, _>(detail)
    .bind::<sql_types::Double, _>(pause.as_secs_f64())
    .execute(tx.conn())
    .await?;
    Ok(ended == 1)
}

/// It was sent. False when another worker has it in hand: it is sent twice then, with the same name.
///
/// # Errors
/// [`Error`] from the database.
pub async fn sent(tx: &mut Tx, of: &Claimed, detail: &str) -> Result<bool, Error> {
    end(tx, of, "sent", Duration::ZERO, detail).await
}

/// There is no way to tell it.
///
/// # Errors
/// [`Error`] from the database.
pub async fn skip(tx: &mut Tx, of: &Claimed, why: &str) -> Result<bool, Error> {
    end(tx, of, "skipped", Duration::ZERO, why).await
}

/// It is given up; staff can have it tried again.
///
/// # Errors
/// [`Error`] from the database.
pub async fn fail(tx: &mut Tx, of: &Claimed, why: &str) -> Result<bool, Error> {
    end(tx, of, "failed", Duration::ZERO, why).await
}

/// It is tried again after `pause`. Where nothing else gets through either, what goes the same way waits as well, so
/// that one dead service doesn't keep the others waiting.
///
/// # Errors
/// [`Error`] from the database.
pub async fn keep_trying(tx: &mut Tx, of: &Claimed, pause: Duration, why: &str, whole: bool) -> Result<bool, Error> {
    let mine = end(tx, of, "waiting", pause, why).await?;
    if mine && whole {
        let (condition, id) = match &of.target {
            Target::Webhook(webhook) => ("webhook_id = $1", webhook.as_ref().map_or(0, |webhook| webhook.id)),
            Target::Mail(_) | Target::Staff => ("channel <> 'webhook' and webhook_id = $1", 0),
        };
        sql(format!(
            "update notice set due_at = greatest(due_at, now() + make_interval(secs => $2)) \
             where state = 'waiting' and claimed_by is null and {condition}"
        ))
        .bind::<sql_types::BigInt, _>(id)
        .bind::<sql_types::Double, _>(pause.as_secs_f64())
        .execute(tx.conn())
        .await?;
    }
    Ok(mine)
}

/// Takes out notices that ended so many days ago. Returns how many.
///
/// # Errors
/// [`Error`] from the database.
pub async fn sweep(tx: &mut Tx, days: u16) -> Result<usize, Error> {
    let query = "delete from notice where id in (select id from notice \
        where ended_at < now() - make_interval(days => $1) order by ended_at limit $2 for update skip locked)";
    Ok(sql(query)
        .bind::<sql_types::Integer, _>(i32::from(days))
        .bind::<sql_types::BigInt, _>(SWEPT_AT_A_TIME)
        .execute(tx.conn())
        .await?)
}
