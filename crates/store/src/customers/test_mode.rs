//! Test mode of a customer's own login (CONTRACT 1.6): a test key, and a realm that only it opens.

use std::collections::BTreeSet;

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::customers::CustomerId;
use jiff::Timestamp;

use super::{CustomerRow, by_id};
use crate::{
    db::{Conn, Database, Error, Hand, Realm, RealmKind, Tx, sql},
    sweep,
};

/// So many customers can be in test mode at once: each has a schema.
pub const MOST: i64 = 100;

/// A realm that was not used for so long sleeps: no worker looks after it until it is used again.
const AWAKE: &str = "15 minutes";

/// A customer's test mode.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct TestMode {
    /// Its realm's schema.
    #[diesel(sql_type = sql_types::Text)]
    pub name: String,
    /// The key's first characters.
    #[diesel(sql_type = sql_types::Text)]
    pub key_hint: String,
    /// When the key stops working and the realm is taken out.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub expires_at: Timestamp,
    /// When the key was last used, to the minute.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub used_at: Timestamp,
}

/// A new test key, as it is kept.
#[derive(Debug, Clone, Copy)]
pub struct NewTestKey<'a> {
    /// SHA-256.
    pub digest: &'a [u8],
    /// What its owner may know it by.
    pub hint: &'a str,
    /// For so many days.
    pub days: i32,
}

/// Switches test mode on. A customer that is in it keeps its realm and gets a new key in place of the old one.
///
/// # Errors
/// [`Error::Refused`] when too many customers are in test mode.
pub async fn turn_on(database: &Database, of: CustomerId, key: &NewTestKey<'_>) -> Result<TestMode, Error> {
    // Until what it made is in the books, so that nobody sweeps it.
    let mut hand = None;
    let name = if database.is_scratch() {
        // Its test realm stands for all of them.
        "own_0000000000000000".to_owned()
    } else {
        let hand = hand.insert(Hand::wait(database.settings()).await?);
        realm_of(database, of, hand).await?
    };
    database.live.transaction("test mode on", async |tx| keep(tx, of, &name, key).await).await?;
    drop(hand);
    let mode = database.live.read(async |connection| test_mode(connection, of).await).await?;
    mode.ok_or_else(|| Error::NotFound("the customer is not in test mode".into()))
}

/// The realm that the customer has, or a new one, with the customer in it.
async fn realm_of(database: &Database, of: CustomerId, hand: &mut Hand) -> Result<String, Error> {
    let customer = database.live.read(async |connection| by_id(connection, of).await).await?;
    let there = database.live.read(async |connection| test_mode(connection, of).await).await?;
    let name = match there {
        Some(mode) => mode.name,
        None => {
            refuse_too_many(database).await?;
            hand.make().await?
        }
    };
    move_in(&database.own_realm(&name)?, &customer).await?;
    Ok(name)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    count: i64,
}

async fn refuse_too_many(database: &Database) -> Result<(), Error> {
    let counting = database.live.read(async |connection| {
        let query = sql("select count(*) as count from own_realm");
        query.get_result::<Count>(connection).await.map_err(Error::from)
    });
    if counting.await?.count >= MOST {
        return Err(Error::Refused(format!("{MOST} customers are in test mode: switch it off for one of them first")));
    }
    Ok(())
}

/// The customer itself, under its own number. What it is let in by stays in the live realm.
async fn move_in(realm: &Realm, customer: &CustomerRow) -> Result<(), Error> {
    let query = "insert into customer (id, login, currency, language, vat_points, vat_fixed, api_enabled, demo) \
                 overriding system value values ($1, $2, $3, $4, $5, $6, true, false) on conflict do nothing";
    let moving = realm.transaction("move into own realm", async |tx: &mut Tx| {
        sql(query)
            .bind::<sql_types::BigInt, _>(customer.id)
            .bind::<sql_types::Text, _>(&customer.login)
            .bind::<sql_types::Text, _>(&customer.currency)
            .bind::<sql_types::Text, _>(&customer.language)
            .bind::<sql_types::Integer, _>(customer.vat_points)
            .bind::<sql_types::Bool, _>(customer.vat_fixed)
            .execute(tx.conn())
            .await
            .map_err(Error::from)
    });
    moving.await.map(|_| ())
}

async fn keep(tx: &mut Tx, of: CustomerId, name: &str, key: &NewTestKey<'_>) -> Result<(), Error> {
    sql("insert into own_realm (customer_id, name, key_digest, key_hint, expires_at) \
           values ($1, $2, $3, $4, now() + make_interval(days => $5)) \
         on conflict (customer_id) do update set key_digest = excluded.key_digest, key_hint = excluded.key_hint, \
           expires_at = excluded.expires_at, used_at = now()")
    .bind::<sql_types::BigInt, _>(of.0)
    .bind::<sql_types::Text, _>(name)
    .bind::<sql_types::Binary, _>(key.digest)
    .bind::<sql_types::Text, _>(key.hint)
    .bind::<sql_types::Integer, _>(key.days)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A customer's test mode, if it is in it.
///
/// # Errors
/// [`Error`] from the database.
pub async fn test_mode(connection: &mut Conn, of: CustomerId) -> Result<Option<TestMode>, Error> {
    let query = "select name, key_hint, expires_at, used_at from own_realm where customer_id = $1";
    Ok(sql(query).bind::<sql_types::BigInt, _>(of.0).get_result(connection).await.optional()?)
}

/// Switches test mode off: the key opens nothing from now on. The realm is taken out by [`sweep_test_modes`].
///
/// # Errors
/// [`Error::NotFound`] when the customer is not in test mode.
pub async fn turn_off(tx: &mut Tx, of: CustomerId) -> Result<(), Error> {
    let query = sql("delete from own_realm where customer_id = $1").bind::<sql_types::BigInt, _>(of.0);
    match query.execute(tx.conn()).await? {
        0 => Err(Error::NotFound("the customer is not in test mode".into())),
        _ => Ok(()),
    }
}

/// Notes that a test key was used: its realm is awake.
///
/// # Errors
/// [`Error`] from the database.
pub async fn note_use(tx: &mut Tx, of: CustomerId) -> Result<(), Error> {
    sql("update own_realm set used_at = now() where customer_id = $1 and used_at < now() - interval '1 minute'")
        .bind::<sql_types::BigInt, _>(of.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = sql_types::Text)]
    name: String,
}

/// The own realms that a worker has to look after: in force, and used lately; the one that was used last comes first.
///
/// # Errors
/// [`Error`] from the database.
pub async fn awake(connection: &mut Conn) -> Result<Vec<String>, Error> {
    let query = format!(
        "select name from own_realm where expires_at > now() and used_at > now() - interval '{AWAKE}' order by used_at desc"
    );
    let rows: Vec<Named> = sql(query).load(connection).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Takes out the realms of customers that are not in test mode any more, and old orders of the others, however far
/// their clocks are ahead. Returns how much was taken out.
///
/// # Errors
/// [`Error`]; what is left then goes the next time.
pub async fn sweep_test_modes(database: &Database) -> Result<usize, Error> {
    if database.is_scratch() || database.live.kind() != RealmKind::Live {
        return Ok(0);
    }
    let Some(mut hand) = Hand::try_now(database.settings()).await? else { return Ok(0) };
    let over = async |tx: &mut Tx| {
        let query = sql("delete from own_realm where expires_at <= now()");
        query.execute(tx.conn()).await.map_err(Error::from)
    };
    database.live.transaction("end test modes", over).await?;
    let all = database.live.read(async |connection| {
        let rows: Vec<Named> = sql("select name from own_realm").load(connection).await?;
        Ok::<_, Error>(rows.into_iter().map(|row| row.name).collect::<BTreeSet<String>>())
    });
    let all = all.await?;
    let mut swept = hand.take_out_all_but(&all).await?;
    for name in &all {
        let realm = database.own_realm(name)?;
        swept += realm.transaction("sweep own realm", async |tx| sweep::test_realm(tx).await).await?;
    }
    Ok(swept)
}
