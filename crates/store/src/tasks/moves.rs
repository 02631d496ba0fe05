//! Addresses on their way from one server to another: two tasks, of which the second waits for the first.
//!
//! The claim honours `task.after`: a task is taken once the one that it comes after has succeeded, and not before. As
//! long as that one waits for staff, the later tasks of the waiting one's own order go past it; they are not told of the
//! address (see `network`).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    orders::OrderId,
    tasks::{Operation, TaskId},
};
use serde_json::json;

use super::{NewTask, enqueue, finish::hold_order};
use crate::db::{Error, Tx, sql};

/// The addresses that a task is still to bring to a server, or to take away.
pub(crate) async fn on_their_way(tx: &mut Tx, order: OrderId) -> Result<BTreeSet<IpAddr>, Error> {
    let rows: Vec<Address> = sql("select params ->> 'ip' as ip from task where order_id = $1 and operation = $2 \
           and state in ('queued', 'running', 'manual') and params ->> 'ip' is not null")
    .bind::<sql_types::BigInt, _>(order.0)
    .bind::<sql_types::Text, _>(Operation::MoveAddress.name())
    .load(tx.conn())
    .await?;
    Ok(rows.iter().filter_map(|row| row.ip.parse().ok()).collect())
}

/// What waited for tasks of an order that are cancelled with it waits for its removal: with the machine the address is
/// free. Where there is no machine to remove, it waits for nothing.
pub(crate) async fn wait_for_removal(tx: &mut Tx, order: OrderId, removal: Option<TaskId>) -> Result<(), Error> {
    sql("update task t set after = $2 from task f where f.id = t.after and f.order_id = $1 \
           and f.state = 'cancelled' and t.state in ('queued', 'manual')")
    .bind::<sql_types::BigInt, _>(order.0)
    .bind::<sql_types::Nullable<sql_types::BigInt>, _>(removal.map(|removal| removal.0))
    .execute(tx.conn())
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Address {
    #[diesel(sql_type = sql_types::Text)]
    ip: String,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = sql_types::Bool)]
    yes: bool,
}

/// Whether the server that a task brings an address to would have none of its family without it. Another that may itself
/// come to nothing soon is none.
pub(super) async fn is_last_address(tx: &mut Tx, id: TaskId) -> Result<bool, Error> {
    let last: Answer = sql("select exists (select from task t join orders o on o.id = t.order_id \
           where t.id = $1 and o.state <> 'terminated' and not exists (select from address a \
             where a.order_id = t.order_id and a.released_at is null and host(a.ip) <> t.params ->> 'ip' \
               and family(a.ip) = family((t.params ->> 'ip')::inet) \
               and not exists (select from task m where m.order_id = t.order_id and m.operation = $2 \
                 and m.params ->> 'ip' = host(a.ip) and m.state in ('queued', 'running', 'manual') \
                 and m.cancel_requested_at is not null))) as yes")
    .bind::<sql_types::BigInt, _>(id.0)
    .bind::<sql_types::Text, _>(Operation::MoveAddress.name())
    .get_result(tx.conn())
    .await?;
    Ok(last.yes)
}

/// A move that was cancelled because the order of one of its servers ended.
#[derive(QueryableByName)]
struct Ended {
    #[diesel(sql_type = sql_types::Text)]
    ip: String,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    target: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    first: Option<i64>,
}

/// What was to come first may have been cancelled in its turn, with its order: then that one's machine has the address
/// until it is removed, or until it gives it up once it is restored.
const ENDED: &str = "\
    select m.params ->> 'ip' as ip, m.params ->> 'target_id' as target, \
      case when g.state = 'cancelled' then (select max(x.id) from task x where x.order_id = g.order_id \
          and x.state in ('queued', 'running', 'manual') \
          and (x.operation = $4 or x.operation = $2 and x.params ->> 'ip' = m.params ->> 'ip')) \
        when g.state <> 'succeeded' then g.id end as first \
    from task m left join task g on g.id = m.after \
    where m.order_id = $1 and m.operation = $2 and m.state = 'cancelled' and m.params ->> 'ip' is not null \
      and m.results like '%cancelled: the order ended%' \
      and m.completed_at >= (select min(r.created_at) from task r where r.id = any($3)) \
    order by m.id";

/// The moves of a server that were cancelled when its order ended.
#[derive(Debug, Default)]
pub(crate) struct EndedMoves {
    /// The addresses that were to be brought to it, and what has to be done first, if it still has.
    pub arriving: BTreeMap<IpAddr, Option<TaskId>>,
    /// The addresses that it was to give up, and to which order's server.
    pub leaving: BTreeMap<IpAddr, String>,
}

/// The moves of a server that were cancelled with the end that these removals of it are of.
pub(crate) async fn moves_that_ended_with(tx: &mut Tx, order: OrderId, removals: &[i64]) -> Result<EndedMoves, Error> {
    let rows: Vec<Ended> = sql(ENDED)
        .bind::<sql_types::BigInt, _>(order.0)
        .bind::<sql_types::Text, _>(Operation::MoveAddress.name())
        .bind::<sql_types::Array<sql_types::BigInt>, _>(removals.to_vec())
        .bind::<sql_types::Text, _>(Operation::Destroy.name())
        .load(tx.conn())
        .await?;
    let mut moves = EndedMoves::default();
    for row in rows {
        let Ok(ip) = row.ip.parse() else { continue };
        match row.target {
            Some(target) => drop(moves.leaving.insert(ip, target)),
            None => drop(moves.arriving.insert(ip, row.first.map(TaskId))),
        }
    }
    Ok(moves)
}

/// A task that is to bring an address to a server.
#[derive(QueryableByName)]
pub(crate) struct Taking {
    /// The task.
    #[diesel(sql_type = sql_types::BigInt)]
    pub id: i64,
    /// The server's.
    #[diesel(sql_type = sql_types::BigInt)]
    pub order_id: i64,
    /// The address.
    #[diesel(sql_type = sql_types::Text)]
    pub ip: String,
}

/// What waits for one of these tasks before it brings an address to another server.
pub(crate) async fn waiting_for(tx: &mut Tx, first: &[i64]) -> Result<Vec<Taking>, Error> {
    let query = "select id, order_id, coalesce(params ->> 'ip', '') as ip from task \
        where after = any($1) and state in ('queued', 'manual') order by id";
    Ok(sql(query).bind::<sql_types::Array<sql_types::BigInt>, _>(first.to_vec()).load(tx.conn()).await?)
}

/// Has a task wait for another one than until now.
pub(crate) async fn come_after(tx: &mut Tx, id: i64, first: TaskId) -> Result<(), Error> {
    sql("update task set after = $2 where id = $1 and state in ('queued', 'manual')")
        .bind::<sql_types::BigInt, _>(id)
        .bind::<sql_types::BigInt, _>(first.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Pair {
    #[diesel(sql_type = sql_types::BigInt)]
    giving: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    giver: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    taking: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    taker: i64,
    #[diesel(sql_type = sql_types::Text)]
    ip: String,
    #[diesel(sql_type = sql_types::Bool)]
    tried: bool,
    #[diesel(sql_type = sql_types::Bool)]
    by_hand: bool,
}

const PAIR: &str = "\
    select g.id as giving, g.order_id as giver, t.id as taking, t.order_id as taker, g.params ->> 'ip' as ip, \
      g.assigned_at is not null as tried, o.by_hand \
    from task t join task g on g.id = t.after join orders o on o.id = g.order_id \
    where t.operation = $2 and g.operation = $2 and g.state <> 'succeeded' and t.state in ('queued', 'manual') \
      and (t.id = $1 or g.id = $1)";

/// Cancels the move that a task is half of, if it is one that has not begun to arrive: both halves, and the address is
/// its old server's again. A machine that may have given it up already is told so. False when the task is no such half.
///
/// # Errors
/// [`Error::Refused`] when a worker has the first half.
pub(super) async fn cancel_move(tx: &mut Tx, id: TaskId) -> Result<bool, Error> {
    let Some(seen) = pair(tx, id).await? else { return Ok(false) };
    for order in [seen.giver.min(seen.taker), seen.giver.max(seen.taker)] {
        hold_order(tx, OrderId(order)).await?;
    }
    let Some(pair) = pair(tx, id).await? else {
        return Err(Error::Refused(format!("task {} does not wait any more", id.0)));
    };
    let cancelled = sql(
        "update task set state = 'cancelled', completed_at = now() where id in ($1, $2) and state in ('queued', 'manual')",
    )
    .bind::<sql_types::BigInt, _>(pair.giving)
    .bind::<sql_types::BigInt, _>(pair.taking)
    .execute(tx.conn())
    .await?;
    if cancelled != 2 {
        return Err(Error::Refused(format!("a worker has task {}, which takes {} away", pair.giving, pair.ip)));
    }
    sql("update address set order_id = $3 where host(ip) = $1 and order_id = $2 and released_at is null")
        .bind::<sql_types::Text, _>(&pair.ip)
        .bind::<sql_types::BigInt, _>(pair.taker)
        .bind::<sql_types::BigInt, _>(pair.giver)
        .execute(tx.conn())
        .await?;
    if pair.tried {
        let back = NewTask { params: json!({ "ip": pair.ip }), by_hand: pair.by_hand, ..Operation::MoveAddress.into() };
        enqueue(tx, OrderId(pair.giver), back).await?;
    }
    Ok(true)
}

async fn pair(tx: &mut Tx, id: TaskId) -> Result<Option<Pair>, Error> {
    Ok(sql(PAIR)
        .bind::<sql_types::BigInt, _>(id.0)
        .bind::<sql_types::Text, _>(Operation::MoveAddress.name())
        .get_result(tx.conn())
        .await
        .optional()?)
}
