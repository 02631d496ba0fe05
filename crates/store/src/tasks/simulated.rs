//! The simulated hypervisor's machines: rows of the realm, so that every process sees the same ones.
//!
//! A machine that was removed leaves a row of generation 0 behind: a task that was overtaken can't bring it back then,
//! because its fence is older than the row's.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{orders::OrderId, tasks::Operation};

use super::claim::ClaimedTask;
use crate::db::{Conn, Error, Tx};

/// A simulated machine.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct SimulatedServer {
    /// Whether it is switched on.
    #[diesel(sql_type = sql_types::Bool)]
    pub running: bool,
    /// How often its system was made.
    #[diesel(sql_type = sql_types::Integer)]
    pub generation: i32,
    /// How often it started.
    #[diesel(sql_type = sql_types::BigInt)]
    pub boots: i64,
}

impl SimulatedServer {
    /// A place without a machine.
    const GONE: Self = Self { running: false, generation: 0, boots: 0 };

    const fn is_there(&self) -> bool {
        self.generation > 0
    }

    const fn started(self) -> Self {
        Self { running: true, boots: self.boots + 1, ..self }
    }
}

/// What became of an operation on a simulated machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Simulated {
    /// It is as the task wants it.
    Done,
    /// There is no machine.
    Missing,
    /// A newer claim has been at it; nothing was done.
    Outdated,
}

/// The machine as an operation leaves it. `None` when there is none to do it to. `again` when an earlier try of the
/// same task did it already.
fn after(operation: Operation, generation: i32, now: SimulatedServer, again: bool) -> Option<SimulatedServer> {
    match operation {
        Operation::Create | Operation::Reinstall if now.generation < generation => {
            Some(SimulatedServer { generation, ..now.started() })
        }
        Operation::Destroy => Some(SimulatedServer::GONE),
        _ if !now.is_there() => None,
        Operation::Suspend => Some(SimulatedServer { running: false, ..now }),
        Operation::Restart if !again => Some(now.started()),
        Operation::Create | Operation::Reinstall | Operation::Unsuspend | Operation::Restart if now.running => {
            Some(now)
        }
        Operation::Create | Operation::Reinstall | Operation::Unsuspend | Operation::Restart => Some(now.started()),
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    server: SimulatedServer,
    #[diesel(sql_type = sql_types::Bool)]
    again: bool,
    #[diesel(sql_type = sql_types::Bool)]
    outdated: bool,
}

/// Operations of an order run one after another, so a fence newer than those of all its other tasks is this task's own.
const FIND: &str = "\
    select running, generation, boots, last_fence > $3 as outdated, \
      last_fence > coalesce((select max(t.fence) from task t where t.order_id = $1 and t.id <> $2), 0) as again \
    from simulated_server where order_id = $1 for update";

const PUT: &str = "\
    insert into simulated_server as s (order_id, last_fence, running, generation, boots, image_id) \
      values ($1, $2, $3, $4, $5, $6) \
    on conflict (order_id) do update set last_fence = excluded.last_fence, running = excluded.running, \
      generation = excluded.generation, boots = excluded.boots, changed_at = now(), \
      image_id = case when s.generation = excluded.generation then s.image_id else excluded.image_id end \
      where s.last_fence <= excluded.last_fence";

/// Brings a simulated machine into the state that a task wants; again is no second time.
///
/// # Errors
/// [`Error`] from the database.
pub async fn apply_simulated(tx: &mut Tx, task: &ClaimedTask) -> Result<Simulated, Error> {
    let lease = &task.lease;
    let found: Option<Row> = diesel::sql_query(FIND)
        .bind::<sql_types::BigInt, _>(lease.order.0)
        .bind::<sql_types::BigInt, _>(lease.id.0)
        .bind::<sql_types::BigInt, _>(lease.fence)
        .get_result(tx.conn())
        .await
        .optional()?;
    let (now, again, outdated) =
        found.map_or((SimulatedServer::GONE, false, false), |row| (row.server, row.again, row.outdated));
    if outdated {
        return Ok(Simulated::Outdated);
    }
    let Some(then) = after(task.operation, task.generation, now, again) else {
        return Ok(Simulated::Missing);
    };
    let put = diesel::sql_query(PUT)
        .bind::<sql_types::BigInt, _>(lease.order.0)
        .bind::<sql_types::BigInt, _>(lease.fence)
        .bind::<sql_types::Bool, _>(then.running)
        .bind::<sql_types::Integer, _>(then.generation)
        .bind::<sql_types::BigInt, _>(then.boots)
        .bind::<sql_types::Nullable<sql_types::Text>, _>(task.image.as_deref().filter(|_| then.is_there()))
        .execute(tx.conn())
        .await?;
    Ok(if put == 1 { Simulated::Done } else { Simulated::Outdated })
}

/// A simulated machine, as it is; `None` when there is none.
///
/// # Errors
/// [`Error`] from the database.
pub async fn simulated(connection: &mut Conn, order: OrderId) -> Result<Option<SimulatedServer>, Error> {
    Ok(diesel::sql_query(
        "select running, generation, boots from simulated_server where order_id = $1 and generation > 0",
    )
    .bind::<sql_types::BigInt, _>(order.0)
    .get_result(connection)
    .await
    .optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machines() -> Vec<SimulatedServer> {
        let of = |generation| [false, true].map(|running| SimulatedServer { running, generation, boots: 7 });
        let mut machines: Vec<_> = (1..4).flat_map(of).collect();
        machines.push(SimulatedServer::GONE);
        machines
    }

    #[test]
    fn an_operation_done_again_changes_nothing() {
        for (operation, machine) in Operation::ALL.into_iter().flat_map(|o| machines().into_iter().map(move |m| (o, m)))
        {
            if let Some(once) = after(operation, 2, machine, false) {
                assert_eq!(after(operation, 2, once.clone(), true), Some(once), "{operation}");
            }
        }
    }

    #[test]
    fn only_making_and_removing_need_no_machine() {
        for operation in Operation::ALL {
            let done = after(operation, 1, SimulatedServer::GONE, false).is_some();
            let expected = matches!(operation, Operation::Create | Operation::Reinstall | Operation::Destroy);
            assert_eq!(done, expected, "{operation}");
        }
    }

    #[test]
    fn a_machine_is_started_as_often_as_it_is_asked_for() {
        let on = SimulatedServer { running: true, generation: 1, boots: 1 };
        let off = SimulatedServer { running: false, ..on.clone() };
        let boots = |operation, machine: &SimulatedServer| after(operation, 1, machine.clone(), false).unwrap().boots;
        assert_eq!(boots(Operation::Restart, &on), 2);
        assert_eq!(boots(Operation::Unsuspend, &on), 1);
        assert_eq!(boots(Operation::Unsuspend, &off), 2);
        assert_eq!(boots(Operation::Reinstall, &on), 1, "the system is of that generation already");
        assert_eq!(after(Operation::Reinstall, 2, on, false).unwrap().boots, 2);
    }
}
