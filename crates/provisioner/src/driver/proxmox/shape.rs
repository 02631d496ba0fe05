//! A plan's size, and the settings of Proxmox VE that it becomes.

use store::tasks::ServerAddress;

use super::{look::Vm, settings::ProxmoxSettings};
use crate::driver::MachineSize;

/// The network card that a plan's bandwidth is of.
const CARD: &str = "net0";

/// The settings of a size, the disk's aside. The card stays the template's, but for how fast it is.
pub(super) fn of(settings: &ProxmoxSettings, vm: &Vm, size: MachineSize) -> Vec<(&'static str, String)> {
    let (cores, hundredths) = settings.cores(size);
    let mut set = vec![
        ("sockets", "1".to_owned()),
        ("cores", cores.to_string()),
        ("cpulimit", decimal(hundredths)),
        ("memory", size.ram_mb.to_string()),
    ];
    if let Some(card) = vm.setting(CARD) {
        let others = card.split(',').filter(|part| !part.starts_with("rate="));
        let rate = format!("rate={}", rate(size.bandwidth_mbps));
        set.push((CARD, others.chain([rate.as_str()]).collect::<Vec<_>>().join(",")));
    }
    set
}

/// Whether a machine has a size, its disk aside.
pub(super) fn is(settings: &ProxmoxSettings, vm: &Vm, size: MachineSize) -> bool {
    seen(settings, vm).is_some_and(|seen| MachineSize { disk_gb: size.disk_gb, ..seen } == size)
}

/// The size that a machine has, if it is one that plans have.
pub(super) fn seen(settings: &ProxmoxSettings, vm: &Vm) -> Option<MachineSize> {
    let cores = vm.number("cores")?.checked_mul(vm.number("sockets").unwrap_or(1))?;
    let rate = vm.setting(CARD)?.split(',').find_map(|part| part.strip_prefix("rate="))?;
    Some(MachineSize {
        cpu_ghz: settings.ghz(cores, thousandths(vm.setting("cpulimit")?)? / 10)?,
        ram_mb: vm.number("memory")?,
        disk_gb: vm.disk_gb(&settings.disk)?,
        bandwidth_mbps: thousandths(rate)?.checked_mul(8)? / 1000,
    })
}

/// Addresses, for cloud-init, which has one of each family for a card. None when there are none: then the template's stay.
pub(super) fn addresses(all: &[ServerAddress]) -> Option<String> {
    let of = |v6: bool, ip: &str, gateway: &str| {
        let address = all.iter().find(|address| address.ip.is_ipv6() == v6)?;
        let prefix = address.prefix.unwrap_or(if v6 { 128 } else { 32 });
        let through = address.gateway.map(|through| format!(",{gateway}={through}")).unwrap_or_default();
        Some(format!("{ip}={}/{prefix}{through}", address.ip))
    };
    let parts: Vec<String> = [of(false, "ip", "gw"), of(true, "ip6", "gw6")].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(","))
}

/// A machine's tags, with ours and, when it is suspended, with one that says so.
pub(super) fn tags(settings: &ProxmoxSettings, vm: &Vm, suspended: bool) -> String {
    let (ours, off) = (settings.mark.clone(), format!("{}-suspended", settings.mark));
    let others = vm.setting("tags").unwrap_or_default().split([';', ',', ' ']);
    let others = others.filter(|tag| !tag.is_empty() && **tag != *ours && **tag != *off).map(str::to_owned);
    let mut tags: Vec<String> = others.collect();
    tags.push(ours);
    tags.extend(suspended.then_some(off));
    tags.join(";")
}

/// A bandwidth as Proxmox VE has it, in MB/s: a Mbps is 0.125 of them.
fn rate(mbps: u32) -> String {
    format!("{}.{:03}", mbps / 8, mbps % 8 * 125)
}

fn decimal(hundredths: u32) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Up to three digits behind the point are read.
fn thousandths(decimal: &str) -> Option<u32> {
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    whole.parse::<u32>().ok()?.checked_mul(1000)?.checked_add(part.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decimals_are_read_as_they_are_written(mbps in 1..100_000_u32, hundredths in 0..100_000_u32) {
            prop_assert_eq!(thousandths(&rate(mbps)).unwrap() * 8 / 1000, mbps);
            prop_assert_eq!(thousandths(&decimal(hundredths)).unwrap() / 10, hundredths);
            // As a number of JSON's it loses its last zeros.
            let short = rate(mbps).trim_end_matches('0').trim_end_matches('.').to_owned();
            prop_assert_eq!(thousandths(&short), thousandths(&rate(mbps)));
        }

        #[test]
        fn any_text_is_read_or_not(text in any::<String>()) {
            let _ = thousandths(&text);
        }
    }

    #[test]
    fn addresses_are_one_of_each_family() {
        let address = |ip: &str, prefix, gateway: Option<&str>| ServerAddress {
            ip: ip.parse().unwrap(),
            prefix,
            gateway: gateway.map(|gateway| gateway.parse().unwrap()),
            ptr: None,
        };
        let first = address("192.0.2.10", Some(24), Some("192.0.2.1"));
        let v6 = address("2001:db8::5", Some(64), Some("2001:db8::1"));
        assert_eq!(addresses(&[]), None);
        assert_eq!(addresses(&[address("192.0.2.9", None, None)]).unwrap(), "ip=192.0.2.9/32");
        let both = addresses(&[first, address("192.0.2.11", Some(24), None), v6]).unwrap();
        assert_eq!(both, "ip=192.0.2.10/24,gw=192.0.2.1,ip6=2001:db8::5/64,gw6=2001:db8::1");
    }
}
