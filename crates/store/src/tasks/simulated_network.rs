//! What connects a simulated machine: it keeps what it was told, so that it can be looked at.

use std::{collections::BTreeMap, net::IpAddr};

use diesel::{QueryableByName, sql_types};
use domain::firewall::{Firewall, Limit};
use ipnetwork::IpNetwork;
use serde_json::{Value, json};

use super::{ClaimedTask, ServerAddress};

/// What connects a simulated machine.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct SimulatedNetwork {
    #[diesel(sql_type = sql_types::Array<sql_types::Inet>)]
    pub(super) addresses: Vec<IpNetwork>,
    #[diesel(sql_type = sql_types::Jsonb)]
    pub(super) ptr: Value,
    #[diesel(sql_type = sql_types::Jsonb)]
    pub(super) firewall: Value,
}

impl Default for SimulatedNetwork {
    fn default() -> Self {
        Self { addresses: Vec::new(), ptr: json!({}), firewall: json!({}) }
    }
}

impl SimulatedNetwork {
    /// Its addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().map(IpNetwork::ip)
    }

    /// What its addresses resolve to.
    #[must_use]
    pub fn ptr(&self) -> BTreeMap<IpAddr, String> {
        let names = self.ptr.as_object().into_iter().flatten();
        names.filter_map(|(ip, name)| Some((ip.parse().ok()?, name.as_str()?.to_owned()))).collect()
    }

    /// The limits of its packet filter.
    #[must_use]
    pub fn firewall(&self) -> Firewall {
        let limit = |limit: Limit| {
            let value = self.firewall.get(limit.name()).and_then(Value::as_u64);
            value.and_then(|value| u32::try_from(value).ok()).unwrap_or(0)
        };
        Firewall {
            pps: limit(Limit::Packets),
            pps_icmp: limit(Limit::Icmp),
            pps_udp: limit(Limit::Udp),
            pps_syn: limit(Limit::Syn),
            connlimit: limit(Limit::Connections),
        }
    }

    /// With these addresses and no others; those that are new resolve to what they are to.
    pub(super) fn with_addresses(mut self, wanted: &[ServerAddress]) -> Self {
        self.addresses = wanted.iter().map(|address| IpNetwork::from(address.ip)).collect();
        for ServerAddress { ip, ptr, .. } in wanted {
            if let Some(name) = ptr {
                self = self.with_ptr(*ip, name);
            }
        }
        self
    }

    /// With a name that an address resolves to.
    pub(super) fn with_ptr(mut self, ip: IpAddr, name: &str) -> Self {
        if let Some(names) = self.ptr.as_object_mut() {
            names.insert(ip.to_string(), name.into());
        }
        self
    }

    /// With these limits and no others.
    pub(super) fn with_firewall(self, wanted: &Firewall) -> Self {
        let limits = Limit::ALL.into_iter().map(|limit| (limit.name().to_owned(), wanted.get(limit).into()));
        Self { firewall: Value::Object(limits.collect()), ..self }
    }

    /// What a task wants of it: what a new system is told, or what is changed.
    pub(super) fn wanted_by(task: &ClaimedTask) -> WantedNetwork {
        WantedNetwork {
            addresses: task.network.addresses.clone(),
            ptr: task.wanted_ptr().map(|(ip, name)| (ip, name.to_owned())),
            firewall: task.wanted_firewall(),
        }
    }
}

/// What a task wants of what connects a machine.
#[derive(Debug, Clone, Default)]
pub(super) struct WantedNetwork {
    pub(super) addresses: Vec<ServerAddress>,
    pub(super) ptr: Option<(IpAddr, String)>,
    pub(super) firewall: Firewall,
}
