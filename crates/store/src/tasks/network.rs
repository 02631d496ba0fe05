//! What a driver is told of a server's addresses and of the limits of its packet filter.

use std::net::IpAddr;

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    field::Field,
    firewall::{Firewall, FirewallChanges, Limit},
    tasks::Operation,
};
use ipnetwork::IpNetwork;

use super::{claim::ClaimedTask, lease::Lease};
use crate::{
    db::{Error, Tx, sql},
    servers::Limits,
};

/// What connects a server, as it is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerNetwork {
    /// Its addresses, in order; none that another server has yet to give up.
    pub addresses: Vec<ServerAddress>,
    /// The limits of its packet filter, as they were last set.
    pub firewall: Firewall,
}

/// An address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// The address.
    pub ip: IpAddr,
    /// The prefix of its network, in bits; `None` when its pool is gone from the catalogue.
    pub prefix: Option<u8>,
    /// The gateway of its network.
    pub gateway: Option<IpAddr>,
    /// What it is to resolve to, with A-labels.
    pub ptr: Option<String>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    limits: Limits,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Inet>)]
    ip: Option<IpNetwork>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    ptr: Option<String>,
}

/// A row for each address, and one without where there is none; each with the limits. An address on its way is its new
/// server's already, but that one is not told of it before the old one has given it up: no task of another kind may bring
/// it there first.
const NETWORK: &str = "\
    select coalesce(f.pps, 0) as pps, coalesce(f.pps_icmp, 0) as pps_icmp, coalesce(f.pps_udp, 0) as pps_udp, \
      coalesce(f.pps_syn, 0) as pps_syn, coalesce(f.connlimit, 0) as connlimit, a.ip, a.ptr \
    from (select $1::bigint as order_id) o left join firewall f on f.order_id = o.order_id \
      left join address a on a.order_id = o.order_id and a.released_at is null and not exists ( \
        select from task m where m.order_id = o.order_id and m.state in ('queued', 'manual') \
          and m.id <> $2 and m.operation = 'server_move_ip' and m.params ->> 'ip' = host(a.ip) \
          and (select g.state from task g where g.id = m.after) <> 'succeeded' offset 0) \
    order by a.ip";

/// What connects the server of a claimed task.
pub(super) async fn network_of(tx: &mut Tx, lease: &Lease) -> Result<ServerNetwork, Error> {
    let rows: Vec<Row> = sql(NETWORK)
        .bind::<sql_types::BigInt, _>(lease.order.0)
        .bind::<sql_types::BigInt, _>(lease.id.0)
        .load(tx.conn())
        .await?;
    let catalogue = tx.catalogue();
    let address = |row: Row| {
        let ip = row.ip?.ip();
        let pool = catalogue.pool_of(ip);
        let (prefix, gateway) = (pool.map(|pool| pool.network.prefix()), pool.and_then(|pool| pool.gateway));
        Some(ServerAddress { ip, prefix, gateway, ptr: row.ptr })
    };
    let firewall = rows.as_slice().first().map_or_else(|| Ok(Firewall::default()), |row| row.limits.firewall())?;
    Ok(ServerNetwork { addresses: rows.into_iter().filter_map(address).collect(), firewall })
}

impl ClaimedTask {
    /// Has the driver told the name that this task sets: one that was asked for later has a task of its own. The address
    /// may be on its way to another server by now; it is still here then, because that comes after.
    pub(super) fn tell_own_ptr(&mut self) {
        let Some((ip, name)) = self.wanted_ptr().map(|(ip, name)| (ip, name.to_owned())) else { return };
        let addresses = &mut self.network.addresses;
        match addresses.iter_mut().find(|address| address.ip == ip) {
            Some(address) => address.ptr = Some(name),
            None => addresses.push(ServerAddress { ip, prefix: None, gateway: None, ptr: Some(name) }),
        }
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(serde_json::Value::as_str)
    }

    /// The limits that the server is to have when this task is done. A task that sets some names them all: those that
    /// were asked for later have a task of their own.
    #[must_use]
    pub fn wanted_firewall(&self) -> Firewall {
        let own = |limit: Limit| match self.param(limit.name()).and_then(|text| text.parse().ok()) {
            // None at all can't be asked for of every limit, but it is what there is until it is.
            None | Some(0) => Field::Absent,
            Some(value) => Field::Given(value),
        };
        match FirewallChanges::read(own) {
            Ok(all) if self.operation == Operation::Firewall => Firewall::default().with(&all),
            Ok(_) | Err(_) => self.network.firewall,
        }
    }

    /// The address that is to resolve to another name when this task is done, and the name, with A-labels.
    #[must_use]
    pub fn wanted_ptr(&self) -> Option<(IpAddr, &str)> {
        let ip = self.param("ip")?.parse().ok()?;
        self.param("domain").filter(|_| self.operation == Operation::Ptr).map(|name| (ip, name))
    }
}
