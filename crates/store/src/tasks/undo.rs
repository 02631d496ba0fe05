//! What was changed of an order and its server when a task was queued, and putting it back when the task comes to
//! nothing.

use std::net::IpAddr;

use diesel::{ExpressionMethods, QueryDsl, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    firewall::{Firewall, Limit},
    orders::{OrderId, OrderState, ServerSpec, SuspendedBy},
    tasks::TaskId,
};
use serde_json::{Map, Value, json};

use crate::{
    db::{Error, Tx, sql},
    schema::task,
};

/// Columns of `server`, `server_password`, `state` and `suspended_by` of `orders`, `firewall` with its limits, `ptr IP`
/// of addresses, with what they held; and `held IP` of an address that was given to the server.
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

    /// What an address resolved to.
    pub fn ptr(ip: IpAddr, name: Option<&str>) -> Self {
        Self(Value::Object(Map::from_iter([(format!("ptr {ip}"), json!(name))])))
    }

    /// An address that the server did not hold.
    pub fn held(ip: IpAddr) -> Self {
        Self(Value::Object(Map::from_iter([(format!("held {ip}"), Value::Null)])))
    }

    /// The limits of a server's packet filter.
    pub fn firewall(of: &Firewall) -> Self {
        let limits: Map<String, Value> =
            Limit::ALL.into_iter().map(|limit| (limit.name().to_owned(), of.get(limit).into())).collect();
        Self(json!({ "firewall": limits }))
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

const FIREWALL: &str = "\
    insert into firewall (order_id, pps, pps_icmp, pps_udp, pps_syn, connlimit) \
      select $1, f.pps, f.pps_icmp, f.pps_udp, f.pps_syn, f.connlimit from jsonb_to_record($2->'firewall') \
        as f (pps int, pps_icmp int, pps_udp int, pps_syn int, connlimit int) where $2 ? 'firewall' \
    on conflict (order_id) do update set pps = excluded.pps, pps_icmp = excluded.pps_icmp, \
      pps_udp = excluded.pps_udp, pps_syn = excluded.pps_syn, connlimit = excluded.connlimit";

/// An address that has left the order since is another's to name, unless it is still to be taken away here.
const PTR: &str = "\
    update address a set ptr = u.value from jsonb_each_text($2) u \
    where u.key = 'ptr ' || host(a.ip) and a.released_at is null and (a.order_id = $1 or exists ( \
      select from task m where m.order_id = $1 and m.operation = 'server_move_ip' and m.params ->> 'ip' = host(a.ip) \
        and m.state in ('queued', 'running', 'manual')))";

const HELD: &str = "\
    update address a set released_at = now(), ptr = null from jsonb_object_keys($2) u (key) \
    where u.key = 'held ' || host(a.ip) and a.order_id = $1 and a.released_at is null";

async fn write(tx: &mut Tx, order: OrderId, undo: Map<String, Value>) -> Result<(), Error> {
    if undo.is_empty() {
        return Ok(());
    }
    let undo = Value::Object(undo);
    for statement in [SERVER, ORDER, FIREWALL, PTR, HELD] {
        sql(statement)
            .bind::<sql_types::BigInt, _>(order.0)
            .bind::<sql_types::Jsonb, _>(&undo)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}
