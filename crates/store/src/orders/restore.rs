//! Taking an order's end back.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{
    orders::{Order, OrderId, OrderState, SuspendedBy},
    tasks::Operation,
};
use jiff_diesel::ToDiesel;
use serde_json::json;

use super::lock;
use crate::{
    addresses::{self, HandedOut},
    db::{Error, Tx},
    schema::{orders::dsl, task},
    tasks::{self, EndedMoves, NewTask, Undo},
};

/// Takes an order's end back while its server is still there: the order is what it was, and its server runs again
/// unless it was suspended. One that nobody paid for is kept from today on, so that there is time to pay. Addresses that
/// staff gave back meanwhile are its own again while they rest; in the place of the last one that is another's by now it
/// gets a new one.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] when it has not ended, its server is gone or going, its domain was ordered
/// again, or there is no address left for it.
pub async fn restore(tx: &mut Tx, id: OrderId) -> Result<(), Error> {
    let order = lock(tx, id).await?.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
    if order.state != OrderState::Terminated {
        return Err(Error::Refused(format!("order {id} is {}", order.state.name())));
    }
    let before: (Option<String>, Option<String>, Option<jiff_diesel::Date>) = dsl::orders
        .find(id.0)
        .select((dsl::ended_state, dsl::ended_suspended_by, dsl::lapsed_on))
        .get_result(tx.conn())
        .await?;
    let (Some(state), by, lapsed) = before else {
        return Err(Error::Refused(format!("order {id} had no server to restore, or it was removed at once")));
    };
    let untaken = task::table
        .filter(task::order_id.eq(id.0))
        .filter(task::operation.eq(Operation::Destroy.name()))
        .filter(task::state.eq_any(["queued", "manual"]))
        .filter(task::assigned_at.is_null());
    let removals: Vec<i64> = diesel::update(untaken)
        .set((
            task::state.eq("cancelled"),
            task::completed_at.eq(diesel::dsl::now),
            task::results.eq("cancelled: the order is restored\n"),
        ))
        .returning(task::id)
        .get_results(tx.conn())
        .await?;
    if removals.is_empty() {
        return Err(Error::Refused(format!("the server of order {id} is removed already, or is being removed")));
    }
    let restored = diesel::update(dsl::orders.find(id.0))
        .set((
            dsl::state.eq(&state),
            dsl::suspended_by.eq(by),
            dsl::terminated_at.eq(None::<jiff_diesel::Timestamp>),
            dsl::ended_state.eq(None::<String>),
            dsl::ended_suspended_by.eq(None::<String>),
            // Its days of keeping begin anew: the billing run would end it again at once.
            dsl::lapsed_on.eq(lapsed.map(|_| tx.today().to_diesel())),
        ))
        .execute(tx.conn())
        .await
        .map_err(Error::from);
    restored.map_err(|error| match error.constraint() {
        Some("orders_domain_taken") => Error::Refused(format!("the domain of order {id} was ordered again")),
        _ => error,
    })?;
    if state != OrderState::Suspended.name() {
        // Without it the server stays off.
        let undo = Some(Undo::power(OrderState::Suspended, Some(SuspendedBy::Customer)));
        tasks::enqueue(tx, id, NewTask { undo, ..Operation::Unsuspend.into() }).await?;
    }
    if order.vid.is_server() {
        reconnect(tx, &order, &removals).await?;
    }
    Ok(())
}

/// Sees to it that a restored server has the addresses that it is to have, at least one of each family, and no others;
/// tasks bring them there, and take away what other servers waited for its removal to have.
async fn reconnect(tx: &mut Tx, order: &Order, removals: &[i64]) -> Result<(), Error> {
    let mut lacks = addresses::hold_again(tx, order.id).await?;
    let had: BTreeSet<IpAddr> = addresses::of(tx, order.id).await?.into_iter().map(|held| held.ip).collect();
    if let HandedOut::Exhausted(pools) = addresses::hand_out(tx, order.id, order.tariff).await? {
        let (id, pools) = (order.id, pools.join(", "));
        return Err(Error::Refused(format!(
            "the addresses of order {id} are others' by now, and {pools} has none left"
        )));
    }
    let holds: BTreeSet<IpAddr> = addresses::of(tx, order.id).await?.into_iter().map(|held| held.ip).collect();
    lacks.extend(holds.difference(&had));
    let EndedMoves { arriving, leaving } = tasks::moves_that_ended_with(tx, order.id, removals).await?;
    lacks.extend(arriving.keys().filter(|ip| holds.contains(ip)));
    for ip in lacks {
        let params = json!({ "ip": ip.to_string() });
        let undo = if had.contains(&ip) { None } else { Some(Undo::held(ip)) };
        let after = arriving.get(&ip).copied().flatten();
        let arrives = NewTask { params, undo, after, by_hand: order.by_hand, ..Operation::MoveAddress.into() };
        tasks::enqueue(tx, order.id, arrives).await?;
    }
    let leaving = leaving.into_iter().filter(|(ip, _)| !holds.contains(ip)).collect();
    give_up(tx, order, removals, leaving).await
}

/// What other servers waited for the removal to have is taken off the restored one, as is what it was to give up to who
/// is gone by now.
async fn give_up(
    tx: &mut Tx,
    order: &Order,
    removals: &[i64],
    mut leaving: BTreeMap<IpAddr, String>,
) -> Result<(), Error> {
    let waiting = tasks::waiting_for(tx, removals).await?;
    let taken = waiting.iter().filter_map(|taking| Some((taking.ip.parse().ok()?, taking.order_id.to_string())));
    leaving.extend(taken);
    for (ip, target) in leaving {
        let params = json!({ "ip": ip.to_string(), "target_id": target });
        let gives_up = NewTask { params, by_hand: order.by_hand, ..Operation::MoveAddress.into() };
        let gives_up = tasks::enqueue(tx, order.id, gives_up).await?.id;
        for taking in waiting.iter().filter(|taking| taking.ip.parse() == Ok(ip)) {
            tasks::come_after(tx, taking.id, gives_up).await?;
        }
    }
    Ok(())
}
