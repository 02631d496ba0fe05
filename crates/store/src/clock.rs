//! The realm's clock. The live realm's is the database's; a test realm's can be moved ahead, to see what becomes of
//! orders when nobody calls.
//!
//! What the company's business goes by (days, invoices, the billing run, what is due) is [`Tx::now`]. Leases, retries
//! and what is kept for a while go by the database's own `now()`.

use std::time::Duration;

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use crate::db::{Conn, Error, RealmKind, Tx, sql};

/// What a realm's clock says, and the database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Clock {
    /// The moment by the realm's clock.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub realm: Timestamp,
    /// The moment by the database's clock.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub database: Timestamp,
}

impl Clock {
    /// How far the realm's clock is ahead, in seconds.
    #[must_use]
    pub fn ahead_seconds(&self) -> i64 {
        self.database.duration_until(self.realm).as_secs()
    }
}

/// What the clocks say.
///
/// # Errors
/// [`Error`] from the database.
pub async fn show(connection: &mut Conn) -> Result<Clock, Error> {
    Ok(sql("select realm_now() as realm, now() as database").get_result(connection).await?)
}

/// The same, in a transaction.
///
/// # Errors
/// [`Error`] from the database.
pub async fn look(tx: &mut Tx) -> Result<Clock, Error> {
    show(tx.conn()).await
}

/// A customer's own realm can be so many days ahead at the most.
pub const OWN_DAYS: u64 = 3660;

/// Moves a test realm's clock ahead, for all processes at once: each transaction asks for it. There is no way back.
///
/// # Errors
/// [`Error::Refused`] in the live realm, which has nothing that could be moved; when it would be a century ahead.
pub async fn advance(tx: &mut Tx, by: Duration) -> Result<Clock, Error> {
    if tx.realm() == RealmKind::Live {
        return Err(Error::Refused("the live realm's clock is the database's: it can't be moved".into()));
    }
    let seconds = i64::try_from(by.as_secs()).map_err(Error::corrupt)?;
    if tx.is_own() {
        // The row is held, so that two who move it at once don't pass the bound together.
        sql("select from clock for update").execute(tx.conn()).await?;
        let ahead = u64::try_from(show(tx.conn()).await?.ahead_seconds()).unwrap_or(0);
        if ahead.saturating_add(by.as_secs()) > OWN_DAYS * 86_400 {
            return Err(Error::Refused(format!("the clock can be {OWN_DAYS} days ahead at the most")));
        }
    }
    let moved = sql("update clock set ahead_seconds = ahead_seconds + $1")
        .bind::<sql_types::BigInt, _>(seconds)
        .execute(tx.conn())
        .await;
    match moved.map_err(Error::from) {
        Ok(_) => show(tx.conn()).await,
        Err(error) if error.constraint() == Some("clock_within_a_century") => {
            Err(Error::Refused("the clock can be a century ahead at the most".into()))
        }
        Err(error) => Err(error),
    }
}
