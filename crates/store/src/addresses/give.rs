//! Staff give a server one address more.

use std::net::IpAddr;

use domain::{
    orders::{OrderId, OrderState},
    tasks::{Operation, TaskId},
};
use serde_json::json;

use super::{hand_out::hand_out_one, node_of};
use crate::{
    db::{Error, Tx},
    orders::lock,
    tasks::{NewTask, Undo, enqueue},
};

/// Gives a server one address more, out of a pool of that name, else of the first that serves it and has one left. A
/// task brings it there.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for what is no server in being, and where no pool has one left.
pub async fn give(tx: &mut Tx, id: OrderId, pool: Option<&str>) -> Result<(IpAddr, TaskId), Error> {
    let order = lock(tx, id).await?.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
    if !order.vid.is_server() || order.start.is_none() || order.state == OrderState::Terminated {
        return Err(Error::Refused(format!("order {id} has no server that could have an address")));
    }
    let catalogue = tx.catalogue();
    let node = node_of(tx, id, order.tariff).await?;
    let mut pools = catalogue.pools_for(order.tariff, node.as_deref()).concat();
    pools.retain(|own| pool.is_none_or(|name| own.name == name));
    let given = hand_out_one(tx, id, &pools).await?;
    let ip = given.ok_or_else(|| Error::Refused(format!("no pool that serves order {id} has an address left")))?;
    let params = json!({ "ip": ip.to_string() });
    let undo = Some(Undo::held(ip));
    let task = NewTask { params, undo, by_hand: order.by_hand, ..Operation::MoveAddress.into() };
    Ok((ip, enqueue(tx, id, task).await?.id))
}
