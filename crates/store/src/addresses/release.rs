//! Giving addresses back.

use std::net::IpAddr;

use diesel::sql_types;
use diesel_async::RunQueryDsl;
use domain::orders::{OrderId, OrderState};
use ipnetwork::IpNetwork;

use crate::{
    db::{Error, Tx, sql},
    orders::lock,
};

/// All addresses of a server that is gone rest from now on.
pub(crate) async fn release_all(tx: &mut Tx, order: OrderId) -> Result<(), Error> {
    sql("update address set released_at = now(), ptr = null where order_id = $1 and released_at is null")
        .bind::<sql_types::BigInt, _>(order.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Staff say that the server of a terminated order is gone, though no task did it: its addresses rest from now on.
///
/// # Errors
/// [`Error::Refused`] while the order goes on; [`Error::NotFound`] when nobody holds the address.
pub async fn release(tx: &mut Tx, ip: IpAddr) -> Result<OrderId, Error> {
    let held = super::held(tx.conn(), None).await?;
    let held = held.into_iter().find(|held| held.ip == ip && held.released_at.is_none());
    let order = held.ok_or_else(|| Error::NotFound(format!("nobody holds {ip}")))?.order;
    let ended = lock(tx, order).await?.is_some_and(|order| order.state == OrderState::Terminated);
    if !ended {
        return Err(Error::Refused(format!("order {order} goes on: its server still has {ip}")));
    }
    let query =
        "update address set released_at = now(), ptr = null where ip = $1 and order_id = $2 and released_at is null";
    sql(query)
        .bind::<sql_types::Inet, _>(IpNetwork::from(ip))
        .bind::<sql_types::BigInt, _>(order.0)
        .execute(tx.conn())
        .await?;
    Ok(order)
}
