//! What must be true in the end, when nothing is left to be done.

use super::{RICH, World};
use crate::acts::balance;

/// What must have no rows. A server whose change was paid back though it may have been made is what nobody knows: staff are
/// to look at it.
const WRONG: [(&str, &str); 7] = [
    (
        "open tasks",
        "select id || ' ' || operation || ' ' || state from live.task where state in ('queued', 'running', 'manual')",
    ),
    (
        "changes that were not made and not returned, or made and returned",
        "select t.id::text from live.task t where t.invoice_id is not null \
           and (t.state = 'succeeded') = exists (select from live.credit_note n where n.invoice_id = t.invoice_id)",
    ),
    (
        "orders that were not made and not returned, or made and returned",
        "select t.order_id::text from live.task t join live.invoice i on i.order_id = t.order_id and i.purpose = 'order' \
         where t.operation = 'server_create' \
           and (t.state = 'succeeded') = exists (select from live.credit_note n where n.invoice_id = i.id)",
    ),
    (
        "servers that are not what is told of them",
        "select o.id || ' ' || to_jsonb(m) || to_jsonb(s)::text || coalesce(to_jsonb(f)::text, '') \
         from live.orders o join live.server s on s.order_id = o.id join live.simulated_server m on m.order_id = o.id \
           left join live.firewall f on f.order_id = o.id \
         where o.state = 'active' and not exists (select from live.task t join live.task_attempt a on a.task_id = t.id \
             where t.order_id = o.id and t.operation = 'server_change' and t.state = 'failed' \
               and a.outcome in ('unknown', 'lost', 'released')) \
           and (m.generation < 1 or not m.running or m.hostname <> coalesce(s.hostname, o.domain_ascii, 's' || o.id) \
             or (m.cpu_ghz, m.ram_mb, m.disk_gb, m.bandwidth_mbps) <> (s.cpu_ghz, s.ram_mb, s.disk_gb, s.bandwidth_mbps) \
             or coalesce((m.firewall ->> 'pps')::int, 0) <> coalesce(f.pps, 0) \
             or coalesce((m.firewall ->> 'connlimit')::int, 0) <> coalesce(f.connlimit, 0))",
    ),
    (
        "servers whose addresses are not what is told of them",
        "select o.id || ' ' || to_jsonb(m) || array(select to_jsonb(a) from live.address a where a.order_id = o.id)::text \
         from live.orders o join live.simulated_server m on m.order_id = o.id \
         where o.state = 'active' and not exists (select from live.task t join live.task_attempt a on a.task_id = t.id \
             where t.order_id = o.id and t.operation = 'server_change' and t.state = 'failed' \
               and a.outcome in ('unknown', 'lost', 'released')) \
           and (m.addresses <> array(select a.ip from live.address a where a.order_id = o.id and a.released_at is null \
               order by a.ip) \
             or exists (select from live.address a where a.order_id = o.id and a.released_at is null \
               and m.ptr ->> host(a.ip) <> a.ptr))",
    ),
    (
        "servers of ended orders",
        "select o.id::text from live.orders o join live.simulated_server m on m.order_id = o.id \
         where o.state = 'terminated' and m.generation > 0",
    ),
    (
        "addresses of ended orders",
        "select a.ip::text from live.address a join live.orders o on o.id = a.order_id \
         where o.state = 'terminated' and a.released_at is null",
    ),
];

/// At any time: an address that two machines have is nobody's.
const TWICE: &str = "\
    select ip::text from live.simulated_server m, unnest(m.addresses) ip group by ip having count(*) > 1";

/// All that happened to tasks, for who looks into what went wrong.
const STORY: &str = "\
    select coalesce(string_agg(concat_ws(' ', t.created_at::time, t.id, 'of', t.order_id, operation, t.params, t.state, \
        'after ' || t.after, 'undoes ' || t.undo::text, 'until', t.completed_at::time, replace(t.results, E'\\n', '; '), \
        (select string_agg(a.started_at::time || ' ' || a.fence || ' ' || coalesce(a.outcome, '?'), ', ' order by a.fence) \
          from live.task_attempt a where a.task_id = t.id)), E'\\n' order by t.id), '') from live.task t";

impl World<'_> {
    pub(super) async fn story(&self) -> String {
        self.db.value(STORY).await
    }

    pub(super) async fn no_address_twice(&self) -> Result<(), String> {
        let found: Vec<String> = self.db.value(&format!("select array({TWICE})")).await;
        if found.is_empty() { Ok(()) } else { Err(format!("on two machines: {found:?}")) }
    }

    pub(super) async fn oracle(&self) -> Result<(), String> {
        for (what, wrong) in WRONG {
            let found: Vec<String> = self.db.value(&format!("select array({wrong})")).await;
            if !found.is_empty() {
                return Err(format!("{what}: {found:?}"));
            }
        }
        for (id, fence) in &self.done {
            let newest: i64 = self.db.value(&format!("select fence from live.task where id = {id}")).await;
            if newest != *fence {
                return Err(format!("task {id} was ended by claim {fence}, and was claim {newest}'s"));
            }
        }
        let kept = "select coalesce(sum(total), 0)::bigint from live.invoice i where status = 'paid' \
            and not exists (select from live.credit_note n where n.invoice_id = i.id)";
        let (kept, left) = (self.db.value::<i64>(kept).await, balance(&self.db.database, &self.ann).await);
        if left != RICH - kept {
            return Err(format!("of {RICH} there are {left} left, and {kept} are earned"));
        }
        Ok(())
    }
}
