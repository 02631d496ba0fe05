//! server_firewall: the limits of a server's packet filter.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    customers::CustomerId,
    firewall::{Firewall, FirewallChanges, Limit},
    orders::OrderId,
    tasks::{Operation, TaskId},
};

use super::manage::{ServerFailure, queue, usable};
use crate::{
    db::{Conn, Error, Tx, sql},
    tasks::{NewTask, Undo, waiting},
};

/// A server's limits as a row has them.
#[derive(Clone, Copy, QueryableByName)]
pub(crate) struct Limits {
    #[diesel(sql_type = sql_types::Integer)]
    pps: i32,
    #[diesel(sql_type = sql_types::Integer)]
    pps_icmp: i32,
    #[diesel(sql_type = sql_types::Integer)]
    pps_udp: i32,
    #[diesel(sql_type = sql_types::Integer)]
    pps_syn: i32,
    #[diesel(sql_type = sql_types::Integer)]
    connlimit: i32,
}

impl Limits {
    /// The limits.
    pub(crate) fn firewall(&self) -> Result<Firewall, Error> {
        let limit = |value: i32| u32::try_from(value).map_err(Error::corrupt);
        Ok(Firewall {
            pps: limit(self.pps)?,
            pps_icmp: limit(self.pps_icmp)?,
            pps_udp: limit(self.pps_udp)?,
            pps_syn: limit(self.pps_syn)?,
            connlimit: limit(self.connlimit)?,
        })
    }
}

/// A server's limits, as they were last set; none where none ever were.
///
/// # Errors
/// [`Error`] from the database.
pub async fn firewall_of(connection: &mut Conn, order: OrderId) -> Result<Firewall, Error> {
    let rows: Vec<Limits> = sql("select pps, pps_icmp, pps_udp, pps_syn, connlimit from firewall where order_id = $1")
        .bind::<sql_types::BigInt, _>(order.0)
        .load(connection)
        .await?;
    rows.as_slice().first().map_or_else(|| Ok(Firewall::default()), Limits::firewall)
}

/// A server's limits, as a transaction sees them.
///
/// # Errors
/// [`Error`] from the database.
pub async fn limits_in_force(tx: &mut Tx, order: OrderId) -> Result<Firewall, Error> {
    firewall_of(tx.conn(), order).await
}

/// Sets a server's limits. Returns those in force then, with the task that brings them about; none when they are what
/// they were, and no task for them waits.
///
/// # Errors
/// [`ServerFailure`].
pub async fn set_firewall(
    tx: &mut Tx,
    customer: CustomerId,
    id: OrderId,
    changes: &FirewallChanges,
) -> Result<(Firewall, Option<TaskId>), ServerFailure> {
    let order = usable(tx, customer, id, Operation::Firewall).await?;
    let before = firewall_of(tx.conn(), id).await?;
    let after = before.with(changes);
    let params = Limit::ALL.into_iter().map(|limit| (limit.name().to_owned(), after.get(limit).to_string().into()));
    let params = serde_json::Value::Object(params.collect());
    let undo = Some(Undo::firewall(&before));
    let task = NewTask { params, undo, by_hand: order.by_hand, ..Operation::Firewall.into() };
    if after == before {
        return Ok((after, waiting(tx, id, &task).await?));
    }
    write(tx, id, &after).await?;
    Ok((after, Some(queue(tx, id, task).await?)))
}

async fn write(tx: &mut Tx, id: OrderId, limits: &Firewall) -> Result<(), Error> {
    let limit = |limit| i32::try_from(limits.get(limit)).map_err(Error::corrupt);
    sql("insert into firewall (order_id, pps, pps_icmp, pps_udp, pps_syn, connlimit) values ($1, $2, $3, $4, $5, $6) \
         on conflict (order_id) do update set pps = excluded.pps, pps_icmp = excluded.pps_icmp, \
           pps_udp = excluded.pps_udp, pps_syn = excluded.pps_syn, connlimit = excluded.connlimit")
    .bind::<sql_types::BigInt, _>(id.0)
    .bind::<sql_types::Integer, _>(limit(Limit::Packets)?)
    .bind::<sql_types::Integer, _>(limit(Limit::Icmp)?)
    .bind::<sql_types::Integer, _>(limit(Limit::Udp)?)
    .bind::<sql_types::Integer, _>(limit(Limit::Syn)?)
    .bind::<sql_types::Integer, _>(limit(Limit::Connections)?)
    .execute(tx.conn())
    .await?;
    Ok(())
}
