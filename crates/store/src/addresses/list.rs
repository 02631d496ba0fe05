//! Who holds what.

use std::net::IpAddr;

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    catalogue::{Catalogue, TariffId},
    orders::OrderId,
};
use ipnetwork::IpNetwork;

use crate::db::{Conn, Error, Tx, sql};

/// An address that a server holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldAddress {
    /// The address.
    pub ip: IpAddr,
    /// The server.
    pub order: OrderId,
    /// Whose the server is.
    pub login: String,
    /// What it resolves to, with A-labels.
    pub ptr: Option<String>,
    /// Since when.
    pub held_at: jiff::Timestamp,
    /// When it was given back; such ones rest.
    pub released_at: Option<jiff::Timestamp>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Inet)]
    ip: IpNetwork,
    #[diesel(sql_type = sql_types::BigInt)]
    order_id: i64,
    #[diesel(sql_type = sql_types::Text)]
    login: String,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    ptr: Option<String>,
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    held_at: jiff::Timestamp,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Timestamptz>, deserialize_as = jiff_diesel::NullableTimestamp)]
    released_at: Option<jiff::Timestamp>,
}

/// Addresses by their number: those that a server holds, or those of all servers with what was given back.
///
/// # Errors
/// [`Error`] from the database.
pub async fn held(connection: &mut Conn, order: Option<OrderId>) -> Result<Vec<HeldAddress>, Error> {
    let rows: Vec<Row> = sql("select a.ip, a.order_id, c.login, a.ptr, a.held_at, a.released_at \
         from address a join orders o on o.id = a.order_id join customer c on c.id = o.customer_id \
         where $1 is null or (a.order_id = $1 and a.released_at is null) order by a.ip")
    .bind::<sql_types::Nullable<sql_types::BigInt>, _>(order.map(|order| order.0))
    .load(connection)
    .await?;
    let held = |row: Row| HeldAddress {
        ip: row.ip.ip(),
        order: OrderId(row.order_id),
        login: row.login,
        ptr: row.ptr,
        held_at: row.held_at,
        released_at: row.released_at,
    };
    Ok(rows.into_iter().map(held).collect())
}

/// The addresses that a server holds, by their number.
///
/// # Errors
/// [`Error`] from the database.
pub async fn of(tx: &mut Tx, order: OrderId) -> Result<Vec<HeldAddress>, Error> {
    held(tx.conn(), Some(order)).await
}

/// All addresses of a realm that are held or were given back, by their number.
///
/// # Errors
/// [`Error`] from the database.
pub async fn all(tx: &mut Tx) -> Result<Vec<HeldAddress>, Error> {
    held(tx.conn(), None).await
}

/// Held addresses that are of no pool of a catalogue: nobody could tell their servers prefix and gateway any more.
///
/// # Errors
/// [`Error`] from the database.
pub async fn held_outside(connection: &mut Conn, catalogue: &Catalogue) -> Result<Vec<HeldAddress>, Error> {
    let mut all = held(connection, None).await?;
    all.retain(|held| held.released_at.is_none() && catalogue.pool_of(held.ip).is_none());
    Ok(all)
}

#[derive(QueryableByName)]
struct OnNode {
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    node: Option<String>,
}

/// The node that a server is on, or is to be made on.
pub(crate) async fn node_of(tx: &mut Tx, order: OrderId, tariff: TariffId) -> Result<Option<String>, Error> {
    let rows: Vec<OnNode> = sql("select node from server where order_id = $1")
        .bind::<sql_types::BigInt, _>(order.0)
        .load(tx.conn())
        .await?;
    let catalogue = tx.catalogue();
    let planned = || catalogue.tariff(tariff).and_then(|t| catalogue.node_for(t)).map(|node| node.name.clone());
    Ok(rows.into_iter().find_map(|row| row.node).or_else(planned))
}
