//! How a Proxmox VE cluster is driven.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use domain::orders::OrderId;

use crate::driver::{EndpointSettings, MachineSize};

/// How a Proxmox VE cluster is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxmoxSettings {
    /// Where its API is: `https://HOST:8006`, without `/api2/json`.
    pub endpoint: EndpointSettings,
    /// The API token's id: `USER@REALM!NAME`.
    pub token_id: String,
    /// The file with the token's secret, and nothing else. Read at each use, so that a new one counts at once.
    pub token_file: PathBuf,
    /// The nodes that new machines are put on, the one with the most free memory first; the template's own when empty.
    pub nodes: Vec<String>,
    /// The template of each image, by its VM id.
    pub templates: BTreeMap<String, u32>,
    /// Where disks are put; where the template's is when `None`.
    pub storage: Option<String>,
    /// The pool that machines belong to.
    pub pool: Option<String>,
    /// Of the first machine: an order has the VM ids `vmid_base + 2 × order` and the one after it.
    pub vmid_base: u32,
    /// What our machines are marked with, in their notes and as their tag.
    pub mark: String,
    /// The disk that a plan's disk is.
    pub disk: String,
    /// What of a processor's speed one core is, in MHz: a plan's GHz become cores and a limit on them.
    pub mhz_per_core: u32,
    /// How long a machine has to shut down by itself before it is switched off.
    pub shutdown: Duration,
    /// How long a new system has to boot.
    pub boot: Duration,
    /// How often work under way is asked after.
    pub poll: Duration,
}

impl ProxmoxSettings {
    /// The two VM ids of an order: a reinstallation is made beside the machine that it replaces. `None` when they are
    /// beyond what Proxmox VE takes.
    pub(super) fn vmids(&self, order: OrderId) -> Option<[u32; 2]> {
        let first = u32::try_from(order.0).ok()?.checked_mul(2)?.checked_add(self.vmid_base)?;
        (100..999_999_999).contains(&first).then_some([first, first + 1])
    }

    /// What a plan's processor is in cores, and what they may use of one second together, in hundredths of a second.
    pub(super) fn cores(&self, size: MachineSize) -> (u32, u32) {
        let hundredths = (size.cpu_ghz * 100_000).div_ceil(self.mhz_per_core.max(1)).max(1);
        (hundredths.div_ceil(100), hundredths)
    }

    /// The reverse of [`Self::cores`]: none where no whole number of GHz has it.
    pub(super) fn ghz(&self, cores: u32, hundredths: u32) -> Option<u32> {
        let about = hundredths.checked_mul(self.mhz_per_core)? / 100_000;
        let size = |cpu_ghz| MachineSize { cpu_ghz, ram_mb: 0, disk_gb: 0, bandwidth_mbps: 0 };
        (about..=about + 1).find(|ghz| self.cores(size(*ghz)) == (cores, hundredths))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A cluster's, for tests of what follows from it.
    pub fn settings() -> ProxmoxSettings {
        ProxmoxSettings {
            endpoint: EndpointSettings { url: "http://127.0.0.1:1".into(), networks: Vec::new(), ca_file: None },
            token_id: "vartai@pve!vartai".into(),
            token_file: PathBuf::from("/nowhere"),
            nodes: Vec::new(),
            templates: BTreeMap::from([("debian-12-x86_64".into(), 9000)]),
            storage: None,
            pool: None,
            vmid_base: 100_000,
            mark: "vartai".into(),
            disk: "scsi0".into(),
            mhz_per_core: 2600,
            shutdown: Duration::from_mins(1),
            boot: Duration::from_mins(5),
            poll: Duration::from_secs(2),
        }
    }

    proptest! {
        #[test]
        fn a_processor_is_recognised(cpu_ghz in 1..=64_u32, mhz_per_core in 800..=6000_u32) {
            let settings = ProxmoxSettings { mhz_per_core, ..settings() };
            let (cores, hundredths) = settings.cores(MachineSize { cpu_ghz, ram_mb: 0, disk_gb: 0, bandwidth_mbps: 0 });
            prop_assert!(hundredths <= cores * 100 && hundredths * mhz_per_core >= cpu_ghz * 100_000);
            prop_assert_eq!(settings.ghz(cores, hundredths), Some(cpu_ghz));
        }

        #[test]
        fn no_two_orders_have_a_vm_id_in_common(a in 1..1_000_000_i64, b in 1..1_000_000_i64) {
            let (a, b) = (OrderId(a), OrderId(b));
            let (of_a, of_b) = (settings().vmids(a).unwrap(), settings().vmids(b).unwrap());
            prop_assert_eq!(a == b, of_a.iter().any(|vmid| of_b.contains(vmid)));
        }
    }

    #[test]
    fn vm_ids_that_proxmox_does_not_take_are_none() {
        for order in [-1, 0x7fff_ffff, i64::MAX, 499_950_000] {
            assert_eq!(settings().vmids(OrderId(order)), None, "{order}");
        }
    }
}
