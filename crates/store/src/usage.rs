//! What servers use: the newest reading of each, and rows of four resolutions for a bounded time (domain::usage).

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    catalogue::{Handling, TariffId},
    orders::OrderId,
    usage::{Counters, Resolution, Rollups, Sample, bucket, sample},
};
use jiff::Timestamp;
use jiff_diesel::ToDiesel;

use crate::{
    Realm, catalogue,
    db::{Conn, Error, Tx, sql},
    schema::{usage_reading, usage_rollup},
};

/// A server whose usage is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueReading {
    /// The server.
    pub order: OrderId,
    /// The driver that reaches it.
    pub driver: String,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    tariff_id: i64,
}

/// Servers that were not read for `seconds`, those longest ago first.
///
/// # Errors
/// [`Error`] from the database.
pub async fn due(realm: &Realm, connection: &mut Conn, seconds: i32, most: i64) -> Result<Vec<DueReading>, Error> {
    let rows: Vec<DueRow> =
        sql("select o.id, o.tariff_id from orders o left join usage_reading u on u.order_id = o.id \
         where o.vid in ('vds', 'dedicated') and o.state in ('active', 'suspended') and not o.by_hand \
           and (u.read_at is null or u.read_at <= now() - make_interval(secs => $1)) \
         order by u.read_at nulls first, o.id limit $2")
        .bind::<sql_types::Integer, _>(seconds)
        .bind::<sql_types::BigInt, _>(most)
        .load(connection)
        .await?;
    let catalogue = catalogue::newest(realm, connection).await?;
    let driver = |row: &DueRow| match &catalogue.tariff(TariffId(row.tariff_id))?.handling {
        Handling::Driver(name) => Some(name.0.clone()),
        Handling::Manual => None,
    };
    Ok(rows.iter().filter_map(|row| Some(DueReading { order: OrderId(row.id), driver: driver(row)? })).collect())
}

/// Keeps a reading: its rates go into the rows of all resolutions. False when another worker read the server within
/// `seconds`: then nothing is written.
///
/// # Errors
/// [`Error`] from the database.
pub async fn record(tx: &mut Tx, order: OrderId, counters: &Counters, seconds: i32) -> Result<bool, Error> {
    let before: Option<(jiff_diesel::Timestamp, serde_json::Value)> = usage_reading::table
        .find(order.0)
        .select((usage_reading::read_at, usage_reading::counters))
        .for_update()
        .get_result(tx.conn())
        .await
        .optional()?;
    let now = tx.now();
    let before = before.map(|(at, counters)| (at.to_jiff(), counters));
    if before.as_ref().is_some_and(|(at, _)| now.duration_since(*at).as_secs() < i64::from(seconds)) {
        return Ok(false);
    }
    let since = match before {
        Some((at, counters)) => Some((at, serde_json::from_value::<Counters>(counters).map_err(Error::corrupt)?)),
        None => None,
    };
    let measured = since.and_then(|(at, before)| sample(&before, at, counters, now));
    let measured = measured.unwrap_or_else(|| Sample::gauges(counters));
    put_reading(tx, order, counters, &measured).await?;
    let rollups = Rollups::of(&measured);
    for resolution in Resolution::ALL {
        join(tx, order, resolution, &rollups).await?;
    }
    Ok(true)
}

async fn put_reading(tx: &mut Tx, order: OrderId, counters: &Counters, measured: &Sample) -> Result<(), Error> {
    let row = (
        usage_reading::read_at.eq(tx.now().to_diesel()),
        usage_reading::counters.eq(serde_json::to_value(counters).map_err(Error::corrupt)?),
        usage_reading::sample.eq(serde_json::to_value(measured).map_err(Error::corrupt)?),
    );
    diesel::insert_into(usage_reading::table)
        .values((usage_reading::order_id.eq(order.0), row.clone()))
        .on_conflict(usage_reading::order_id)
        .do_update()
        .set(row)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Joins values into the row of now. The reading's row is held, so nobody else has this one.
async fn join(tx: &mut Tx, order: OrderId, resolution: Resolution, more: &Rollups) -> Result<(), Error> {
    let seconds = i32::try_from(resolution.seconds()).map_err(Error::corrupt)?;
    let start = bucket(resolution, tx.now()).to_diesel();
    let row = usage_rollup::table.find((order.0, seconds, start));
    let there: Option<serde_json::Value> = row.select(usage_rollup::rollup).get_result(tx.conn()).await.optional()?;
    let mut joined: Rollups = match there {
        Some(there) => serde_json::from_value(there).map_err(Error::corrupt)?,
        None => Rollups::default(),
    };
    joined.join(more);
    let joined = serde_json::to_value(&joined).map_err(Error::corrupt)?;
    diesel::insert_into(usage_rollup::table)
        .values((
            usage_rollup::order_id.eq(order.0),
            usage_rollup::resolution.eq(seconds),
            usage_rollup::starts_at.eq(start),
            usage_rollup::rollup.eq(&joined),
        ))
        .on_conflict((usage_rollup::order_id, usage_rollup::resolution, usage_rollup::starts_at))
        .do_update()
        .set(usage_rollup::rollup.eq(&joined))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The newest rates and gauges of a server, with the newest counters; `None` until it was measured.
///
/// # Errors
/// [`Error`] from the database.
pub async fn newest(connection: &mut Conn, order: OrderId) -> Result<Option<(Counters, Sample)>, Error> {
    let found: Option<(serde_json::Value, serde_json::Value)> = usage_reading::table
        .find(order.0)
        .select((usage_reading::counters, usage_reading::sample))
        .get_result(connection)
        .await
        .optional()?;
    found
        .map(|(counters, measured)| {
            let counters = serde_json::from_value(counters).map_err(Error::corrupt)?;
            Ok((counters, serde_json::from_value(measured).map_err(Error::corrupt)?))
        })
        .transpose()
}

/// A server's rows of a resolution since a moment, by their starts.
///
/// # Errors
/// [`Error`] from the database.
pub async fn rows(
    connection: &mut Conn,
    order: OrderId,
    resolution: Resolution,
    since: Timestamp,
) -> Result<Vec<(Timestamp, Rollups)>, Error> {
    let seconds = i32::try_from(resolution.seconds()).map_err(Error::corrupt)?;
    let rows: Vec<(jiff_diesel::Timestamp, serde_json::Value)> = usage_rollup::table
        .filter(usage_rollup::order_id.eq(order.0))
        .filter(usage_rollup::resolution.eq(seconds))
        .filter(usage_rollup::starts_at.ge(since.to_diesel()))
        .order(usage_rollup::starts_at)
        .select((usage_rollup::starts_at, usage_rollup::rollup))
        .load(connection)
        .await?;
    let read = |(at, row): (jiff_diesel::Timestamp, serde_json::Value)| {
        Ok((at.to_jiff(), serde_json::from_value(row).map_err(Error::corrupt)?))
    };
    rows.into_iter().map(read).collect()
}

/// Takes out rows that are older than their resolution keeps, so that what a server takes is bounded
/// ([`domain::usage::ROWS_PER_SERVER`]). Returns how many.
///
/// # Errors
/// [`Error`] from the database.
pub async fn sweep(tx: &mut Tx) -> Result<usize, Error> {
    let mut swept = 0;
    for resolution in Resolution::ALL {
        let oldest = resolution.oldest(tx.now()).to_diesel();
        let seconds = i32::try_from(resolution.seconds()).map_err(Error::corrupt)?;
        let old =
            usage_rollup::table.filter(usage_rollup::resolution.eq(seconds)).filter(usage_rollup::starts_at.lt(oldest));
        swept += diesel::delete(old).execute(tx.conn()).await?;
    }
    Ok(swept)
}
