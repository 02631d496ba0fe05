//! The simulated hypervisor's machines: rows of the realm, so that every process sees the same ones.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{orders::OrderId, tasks::Operation};

use super::claim::ClaimedTask;
use crate::db::{Error, Tx};

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

/// Brings a simulated machine into the state that a task wants; again is no second time. `None` when the machine is
/// gone, or when a newer claim has been at it.
///
/// # Errors
/// [`Error`] from the database.
pub async fn apply_simulated(tx: &mut Tx, task: &ClaimedTask) -> Result<Option<SimulatedServer>, Error> {
    let query = match task.operation {
        Operation::Create | Operation::Reinstall => {
            "insert into simulated_server as s (order_id, running, generation, boots, image_id, last_fence) \
               values ($1, true, $3, 1, $4, $2) \
             on conflict (order_id) do update set running = true, generation = $3, image_id = $4, last_fence = $2, \
               boots = s.boots + (s.generation < $3)::int, changed_at = now() where s.last_fence <= $2 returning *"
        }
        Operation::Suspend => {
            "update simulated_server set running = false, last_fence = $2, changed_at = now() \
             where order_id = $1 and last_fence <= $2 and $3 is not null and ($4 is null or true) returning *"
        }
        Operation::Unsuspend | Operation::Restart => {
            "update simulated_server set running = true, boots = boots + 1, last_fence = $2, changed_at = now() \
             where order_id = $1 and last_fence <= $2 and $3 is not null and ($4 is null or true) returning *"
        }
        Operation::Destroy => {
            "update simulated_server set running = false, last_fence = $2, changed_at = now() \
             where order_id = $1 and last_fence <= $2 and $3 is not null and ($4 is null or true) returning *"
        }
    };
    Ok(diesel::sql_query(query)
        .bind::<sql_types::BigInt, _>(task.order.0)
        .bind::<sql_types::BigInt, _>(task.fence)
        .bind::<sql_types::Integer, _>(task.generation)
        .bind::<sql_types::Nullable<sql_types::Text>, _>(task.image.as_deref())
        .get_result(tx.conn())
        .await
        .optional()?)
}

/// A simulated machine, as it is.
///
/// # Errors
/// [`Error`] from the database.
pub async fn simulated(tx: &mut Tx, order: OrderId) -> Result<Option<SimulatedServer>, Error> {
    Ok(diesel::sql_query("select running, generation, boots from simulated_server where order_id = $1")
        .bind::<sql_types::BigInt, _>(order.0)
        .get_result(tx.conn())
        .await
        .optional()?)
}
