//! Pools of addresses that servers get theirs from.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::TariffId;
use crate::{
    domain_name::DomainName,
    network::{AddressRange, Network, without},
};

/// A pool of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its name, for staff.
    pub name: String,
    /// The network that its addresses are in.
    pub network: Network,
    /// Where machines send what leaves the network; never handed out.
    pub gateway: Option<IpAddr>,
    /// What is handed out, all of it in the network; every address of the network that a machine can have, when empty.
    pub ranges: Vec<AddressRange>,
    /// What is not, such as the company's own machines.
    pub exclude: Vec<AddressRange>,
    /// The tariffs whose servers it serves; all, when empty.
    pub tariffs: Vec<TariffId>,
    /// The nodes whose servers it serves; all, when empty.
    pub nodes: Vec<String>,
    /// The name that a new server's address resolves to: a pattern with `{ip}` in it.
    pub reverse: Option<String>,
    /// For so many days an address that was given back is nobody's.
    pub quarantine_days: u32,
    /// Whether addresses are handed out of it.
    pub open: bool,
}

impl Pool {
    /// The days of quarantine where the file says nothing: reverse names, lists of bad senders and caches have forgotten
    /// the one who had the address before.
    pub const QUARANTINE_DAYS: u32 = 7;

    /// What can be handed out: never the gateway.
    #[must_use]
    pub fn handed_out(&self) -> Vec<AddressRange> {
        let whole = [self.network.hosts()];
        let ranges = if self.ranges.is_empty() { &whole[..] } else { &self.ranges };
        let gateway = self.gateway.map(AddressRange::one);
        let kept_back: Vec<AddressRange> = self.exclude.iter().copied().chain(gateway).collect();
        without(ranges, &kept_back)
    }

    /// How many addresses it can hand out in all.
    #[must_use]
    pub fn size(&self) -> u128 {
        self.handed_out().iter().fold(0, |sum: u128, range| sum.saturating_add(range.count()))
    }

    /// Whether an address is of its network: held ones stay its own, also once they are not handed out any more.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.network.range().contains(ip)
    }

    /// Whether a server of a tariff, on a node if it has one, can use its addresses.
    #[must_use]
    pub fn serves(&self, tariff: TariffId, node: Option<&str>) -> bool {
        let node = || node.is_some_and(|node| self.nodes.iter().any(|name| name == node));
        (self.tariffs.is_empty() || self.tariffs.contains(&tariff)) && (self.nodes.is_empty() || node())
    }

    /// The name that an address of it resolves to at first.
    #[must_use]
    pub fn reverse_of(&self, ip: IpAddr) -> Option<DomainName> {
        reverse_name(self.reverse.as_deref()?, ip)
    }
}

/// The reverse name that a pattern makes of an address; none when it makes no name.
#[must_use]
pub fn reverse_name(pattern: &str, ip: IpAddr) -> Option<DomainName> {
    if !pattern.contains("{ip}") {
        return None;
    }
    let whole = match ip {
        IpAddr::V4(ip) => ip.to_string().replace('.', "-"),
        // Without the short form, whose hyphens could stand at an end.
        IpAddr::V6(ip) => ip.segments().map(|part| format!("{part:x}")).join("-"),
    };
    DomainName::parse(&pattern.replace("{ip}", &whole)).ok()
}
