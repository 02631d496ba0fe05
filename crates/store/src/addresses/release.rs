//! Giving addresses back.

use std::{collections::BTreeSet, net::IpAddr};

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

/// A server that was not gone after all holds again what still rests of its addresses, under the names of their pools.
/// Which they are.
pub(crate) async fn hold_again(tx: &mut Tx, order: OrderId) -> Result<BTreeSet<IpAddr>, Error> {
    let catalogue = tx.catalogue();
    let mut again = super::all(tx).await?;
    again.retain(|held| held.order == order && held.released_at.is_some());
    for held in &again {
        let name = catalogue.pool_of(held.ip).and_then(|pool| pool.reverse_of(held.ip));
        sql("update address set released_at = null, ptr = $3 where ip = $1 and order_id = $2")
            .bind::<sql_types::Inet, _>(IpNetwork::from(held.ip))
            .bind::<sql_types::BigInt, _>(order.0)
            .bind::<sql_types::Nullable<sql_types::Text>, _>(name.map(|name| name.ascii().to_owned()))
            .execute(tx.conn())
            .await?;
    }
    Ok(again.into_iter().map(|held| held.ip).collect())
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
