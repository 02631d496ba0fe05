//! A machine's counters: Proxmox VE's own, and what the machine's agent adds.

use domain::{orders::OrderId, usage::Counters};
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    api::Api,
    fault::Fault,
    look::{self, Vm},
};

/// A tick of `/proc/stat`, in nanoseconds: there are 100 a second on every Linux that servers run.
const TICK_NS: i64 = 10_000_000;
const MB: i64 = 1024 * 1024;

#[derive(Deserialize)]
struct Status {
    cpus: Option<i64>,
    netin: Option<i64>,
    netout: Option<i64>,
    diskread: Option<i64>,
    diskwrite: Option<i64>,
    mem: Option<i64>,
    maxmem: Option<i64>,
    maxdisk: Option<i64>,
}

/// `None` where there is no machine, or two of them.
pub(super) async fn counters(api: &Api, order: OrderId, until: Instant) -> Result<Option<Counters>, Fault> {
    let seen = look::look(api, order, until).await?;
    let [vm] = seen.ours()[..] else { return Ok(None) };
    let status: Status = api.get(&vm.path("status/current"), &[], until).await?;
    let mb = |bytes: Option<i64>| bytes.map(|bytes| bytes / MB);
    let mut counters = Counters {
        vcpus: status.cpus,
        rx_bytes: status.netin,
        tx_bytes: status.netout,
        disk_read_bytes: status.diskread,
        disk_write_bytes: status.diskwrite,
        memory_used_mb: mb(status.mem),
        memory_limit_mb: mb(status.maxmem),
        disk_limit_mb: mb(status.maxdisk),
        ..Counters::default()
    };
    if vm.agent.answers {
        ask_agent(api, vm, until, &mut counters).await;
    }
    Ok(Some(counters))
}

/// What an agent does not tell is left out.
async fn ask_agent(api: &Api, vm: &Vm, until: Instant, counters: &mut Counters) {
    #[derive(Deserialize)]
    struct Content {
        content: String,
    }
    #[derive(Deserialize)]
    struct Systems {
        result: Vec<System>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct System {
        used_bytes: Option<i64>,
    }
    let read = async |file: &str| {
        let form = [("file", file.to_owned())];
        let content: Option<Content> = api.get(&vm.path("agent/file-read"), &form, until).await.ok();
        content.map(|content| content.content).unwrap_or_default()
    };
    counters.cpu_ns = cpu_ns(&read("/proc/stat").await);
    counters.load_hundredths = load_hundredths(&read("/proc/loadavg").await);
    let systems: Option<Systems> = api.get(&vm.path("agent/get-fsinfo"), &[], until).await.ok();
    let used = systems.map(|systems| systems.result.iter().filter_map(|system| system.used_bytes).sum::<i64>());
    counters.disk_used_mb = used.map(|bytes| bytes / MB);
}

/// The time that was not spent idle: of `cpu user nice system idle iowait irq softirq steal …`.
fn cpu_ns(stat: &str) -> Option<i64> {
    let mut fields = stat.lines().next()?.split_ascii_whitespace();
    (fields.next()? == "cpu").then_some(())?;
    let ticks: Vec<i64> = fields.map_while(|ticks| ticks.parse().ok()).take(7).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq] = ticks[..] else { return None };
    [user, nice, system, irq, softirq].into_iter().try_fold(0, i64::checked_add)?.checked_mul(TICK_NS)
}

/// The second of `/proc/loadavg`'s averages, of five minutes.
fn load_hundredths(loadavg: &str) -> Option<i64> {
    let (whole, part) = loadavg.split_ascii_whitespace().nth(1)?.split_once('.')?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(part.get(..2)?.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_writes() {
        assert_eq!(cpu_ns("cpu  100 2 30 1000 5 1 2 0 0 0\ncpu0 1\n"), Some(135 * TICK_NS));
        assert_eq!(load_hundredths("0.52 1.07 0.59 1/389 1234\n"), Some(107));
        for garbage in ["", "cpu", "cpu 1 2", "cpu x 1 2 3 4 5 6", "intr 1 2 3 4 5 6 7 8"] {
            assert_eq!(cpu_ns(garbage), None, "{garbage}");
            assert_eq!(load_hundredths(garbage), None, "{garbage}");
        }
    }
}
