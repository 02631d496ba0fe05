//! What was changed of an order and its server when a task was queued, and putting it back when the task comes to
//! nothing.

use diesel::{ExpressionMethods, QueryDsl, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    orders::{OrderId, OrderState, ServerSpec, SuspendedBy},
    tasks::TaskId,
};
use serde_json::{Map, Value, json};

use crate::{
    db::{Error, Tx, sql},
    schema::task,
};

/// Columns of `server`, and `server_password`, `state` and `suspended_by` of `orders`, with what they held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undo(pub(super) Value);

impl Undo {
    /// A server's sizes.
    pub fn sizes(of: &ServerSpec) -> Self {
        Self(json!({
            "cpu_ghz": of.cpu_ghz, "ram_mb": of.ram_mb, "disk_gb": of.disk_gb, "bandwidth_mbps": of.bandwidth_mbps,
        }))
    }

    /// A server's hostname.
    pub fn hostname(of: Option<&str>) -> Self {
        Self(json!({ "hostname": of }))
    }

    /// A server's image, where it is chosen, and the order's password, sealed as it is, where a new one is.
    pub fn system(image: Option<Option<&str>>, password: Option<Option<&[u8]>>) -> Self {
        let mut of = Map::new();
        if let Some(image) = image {
            of.insert("image_id".to_owned(), json!(image));
        }
        if let Some(sealed) = password {
            of.insert("server_password".to_owned(), json!(sealed.map(hex)));
        }
        Self(Value::Object(of))
    }

    /// An order's state.
    pub fn power(state: OrderState, by: Option<SuspendedBy>) -> Self {
        Self(json!({ "state": state.name(), "suspended_by": by.map(SuspendedBy::name) }))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts back what a task changed when it was queued, but for what a later task has changed again: that one would put
/// back now what this one found.
pub(super) async fn put_back(tx: &mut Tx, order: OrderId, id: TaskId, undo: Option<Value>) -> Result<(), Error> {
    let Some(Value::Object(mut undo)) = undo else { return Ok(()) };
    let later: Vec<(i64, Option<Value>)> = task::table
        .filter(task::order_id.eq(order.0))
        .filter(task::id.gt(id.0))
        .filter(task::state.ne_all(["failed", "cancelled"]))
        .filter(task::undo.is_not_null())
        .order(task::id)
        .select((task::id, task::undo))
        .load(tx.conn())
        .await?;
    for (id, found) in later {
        let Some(Value::Object(mut found)) = found else { continue };
        let common: Vec<String> = undo.keys().filter(|key| found.contains_key(*key)).cloned().collect();
        for key in &common {
            if let Some(value) = undo.remove(key) {
                found.insert(key.clone(), value);
            }
        }
        if !common.is_empty() {
            diesel::update(task::table.find(id)).set(task::undo.eq(Value::Object(found))).execute(tx.conn()).await?;
        }
    }
    write(tx, order, undo).await
}

const SERVER: &str = "\
    update server set cpu_ghz = coalesce(($2->>'cpu_ghz')::int, cpu_ghz), ram_mb = coalesce(($2->>'ram_mb')::int, ram_mb), \
      disk_gb = coalesce(($2->>'disk_gb')::int, disk_gb), \
      bandwidth_mbps = coalesce(($2->>'bandwidth_mbps')::int, bandwidth_mbps), \
      hostname = case when $2 ? 'hostname' then $2->>'hostname' else hostname end, \
      image_id = case when $2 ? 'image_id' then $2->>'image_id' else image_id end \
    where order_id = $1";

/// An order that has ended, or is staff's, stays what it is. What was being made then may have been made meanwhile.
const ORDER: &str = "\
    update orders set \
      server_password = case when $2 ? 'server_password' then decode($2->>'server_password', 'hex') \
        else server_password end, \
      state = case when not ($2 ? 'state' and state in ('active', 'suspended')) then state \
        when $2->>'state' <> 'provisioning' or exists (select from task t where t.order_id = $1 \
          and t.operation = 'server_create' and t.state in ('queued', 'running')) then $2->>'state' \
        else 'active' end, \
      suspended_by = case when $2 ? 'state' and state in ('active', 'suspended') then $2->>'suspended_by' \
        else suspended_by end \
    where id = $1";

async fn write(tx: &mut Tx, order: OrderId, undo: Map<String, Value>) -> Result<(), Error> {
    if undo.is_empty() {
        return Ok(());
    }
    let undo = Value::Object(undo);
    for statement in [SERVER, ORDER] {
        sql(statement)
            .bind::<sql_types::BigInt, _>(order.0)
            .bind::<sql_types::Jsonb, _>(&undo)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}
