//! server_ptr and server_move_ip: what customers ask of their servers' addresses.

use std::net::IpAddr;

use diesel::sql_types;
use diesel_async::RunQueryDsl;
use domain::{
    customers::CustomerId,
    domain_name::DomainName,
    orders::{Order, OrderId},
    tasks::{Operation, TaskId},
};
use ipnetwork::IpNetwork;
use serde_json::json;

use super::manage::{ServerFailure, check_usable, queue, usable};
use crate::{
    addresses::{held, node_of},
    db::{Error, Tx, sql},
    orders::{load, lock_own},
    tasks::{NewTask, Undo, on_their_way, waiting},
};

/// Gives an address that a server holds another reverse name.
///
/// # Errors
/// [`ServerFailure`].
pub async fn set_ptr(
    tx: &mut Tx,
    customer: CustomerId,
    id: OrderId,
    ip: IpAddr,
    name: &DomainName,
) -> Result<TaskId, ServerFailure> {
    own_server(tx, customer, id).await?;
    let has = held(tx.conn(), Some(id)).await?;
    let before = has.into_iter().find(|held| held.ip == ip).ok_or(ServerFailure::NotHeld)?;
    let order = usable(tx, customer, id, Operation::Ptr).await?;
    sql("update address set ptr = $3 where ip = $1 and order_id = $2 and released_at is null")
        .bind::<sql_types::Inet, _>(IpNetwork::from(ip))
        .bind::<sql_types::BigInt, _>(id.0)
        .bind::<sql_types::Text, _>(name.ascii())
        .execute(tx.conn())
        .await?;
    let params = json!({ "ip": ip.to_string(), "domain": name.ascii() });
    let undo = Some(Undo::ptr(ip, before.ptr.as_deref()));
    queue(tx, id, NewTask { params, undo, by_hand: order.by_hand, ..Operation::Ptr.into() }).await
}

async fn own_server(tx: &mut Tx, customer: CustomerId, id: OrderId) -> Result<Order, ServerFailure> {
    let order = lock_own(tx, customer, id).await?.filter(|order| order.vid.is_server());
    order.ok_or(ServerFailure::Unknown)
}

async fn addresses_of(tx: &mut Tx, id: OrderId) -> Result<Vec<IpAddr>, Error> {
    Ok(held(tx.conn(), Some(id)).await?.into_iter().map(|held| held.ip).collect())
}

/// Moves an address from one of a customer's servers to another. It is the other's at once; two tasks bring it about,
/// and the one that gives it to the other is not taken before the one that takes it away has succeeded. Returns the
/// latter.
///
/// # Errors
/// [`ServerFailure`]: parameters before state.
pub async fn move_address(
    tx: &mut Tx,
    customer: CustomerId,
    id: OrderId,
    ip: IpAddr,
    target: OrderId,
) -> Result<TaskId, ServerFailure> {
    let (from, to) = both(tx, customer, id, target).await?;
    let params = json!({ "ip": ip.to_string(), "target_id": target.to_string() });
    let giving = NewTask { params, by_hand: from.by_hand, ..Operation::MoveAddress.into() };
    let has = addresses_of(tx, id).await?;
    let again = waiting(tx, id, &giving).await?;
    if again.is_none() && !has.contains(&ip) {
        return Err(ServerFailure::NotHeld);
    }
    for order in [&from, &to] {
        check_usable(tx, order, Operation::MoveAddress)?;
    }
    if let Some(task) = again {
        return Ok(task);
    }
    // One that is still to come may come late, or never: until it is there, the machine can't be reached by it.
    let moving = on_their_way(tx, id).await?;
    let mut there = has.iter().filter(|other| !moving.contains(other));
    let only = !there.any(|other| *other != ip && other.is_ipv4() == ip.is_ipv4());
    if only || moving.contains(&ip) || !reaches(tx, ip, &to).await? {
        return Err(ServerFailure::Immovable);
    }
    sql("update address set order_id = $3, held_at = now() where ip = $1 and order_id = $2 and released_at is null")
        .bind::<sql_types::Inet, _>(IpNetwork::from(ip))
        .bind::<sql_types::BigInt, _>(id.0)
        .bind::<sql_types::BigInt, _>(target.0)
        .execute(tx.conn())
        .await?;
    let gives_up = queue(tx, id, giving).await?;
    let params = json!({ "ip": ip.to_string(), "source_id": id.to_string() });
    let after = Some(gives_up);
    queue(tx, target, NewTask { params, after, by_hand: to.by_hand, ..Operation::MoveAddress.into() }).await?;
    Ok(gives_up)
}

/// Both servers, held in the order of their ids, so that moves there and back never wait for one another. Whose they
/// are is asked without a lock first.
async fn both(
    tx: &mut Tx,
    customer: CustomerId,
    id: OrderId,
    target: OrderId,
) -> Result<(Order, Order), ServerFailure> {
    for (id, missing) in [(id, ServerFailure::Unknown), (target, ServerFailure::NoTarget)] {
        let found = load(tx.conn(), customer, id).await?;
        if !found.is_some_and(|order| order.vid.is_server()) {
            return Err(missing);
        }
    }
    if id == target {
        return Err(ServerFailure::SameServer);
    }
    let first = own_server(tx, customer, id.min(target)).await;
    let second = own_server(tx, customer, id.max(target)).await;
    let (from, to) = if id < target { (first, second) } else { (second, first) };
    // Terminated a moment ago.
    let to = to.map_err(|failure| match failure {
        ServerFailure::Unknown => ServerFailure::NoTarget,
        other => other,
    });
    Ok((from?, to?))
}

/// Whether an address can be used by a server: where its pool serves certain tariffs or nodes, it is routed there only.
async fn reaches(tx: &mut Tx, ip: IpAddr, to: &Order) -> Result<bool, Error> {
    let node = node_of(tx, to.id, to.tariff).await?;
    Ok(tx.catalogue().pool_of(ip).is_none_or(|pool| pool.serves(to.tariff, node.as_deref())))
}
