//! Where a request comes from.
//!
//! IPv4 addresses written as IPv6 ones (`::ffff:192.0.2.1`, as sockets of both families have them) are IPv4 here, in
//! addresses and in networks. An IPv6 network shorter than /96 holds no IPv4 address: `::/0` is all of IPv6.

use std::net::{IpAddr, SocketAddr};

use actix_web::{HttpRequest, http::header};
use ipnetwork::{IpNetwork, Ipv4Network};

/// Bits that come before the IPv4 address in an IPv6 one that stands for it.
const MAPPED_PREFIX: u8 = 96;

/// The address of a request's client: see [`client`].
#[must_use]
pub fn of_request(request: &HttpRequest, trusted: &[IpNetwork]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    // A header that is not text is one that can't be read, in its place.
    let headers = request.headers().get_all(header::X_FORWARDED_FOR).map(|value| value.to_str().unwrap_or_default());
    client(peer, &headers.collect::<Vec<_>>(), trusted)
}

/// The client's address: the peer's, unless the peer is a trusted proxy. Then `X-Forwarded-For` (all headers of that
/// name, in their order) is followed from the right, as far as each hop was named by a trusted one: what is further
/// left anybody may have written. Where a trusted proxy names nobody, or nobody that can be read, there is no address:
/// the proxy's own would open what is open to the machine that it runs on.
#[must_use]
pub fn client(peer: IpAddr, forwarded: &[&str], trusted: &[IpNetwork]) -> Option<IpAddr> {
    let mut hops = forwarded.iter().rev().flat_map(|header| header.rsplit(','));
    let mut address = peer.to_canonical();
    while holds(trusted, address) {
        address = read(hops.next()?)?;
    }
    Some(address)
}

/// Whether a customer's list lets the address in (code 54). An empty list lets all in.
#[must_use]
pub fn allowed(networks: &[IpNetwork], address: IpAddr) -> bool {
    networks.is_empty() || holds(networks, address)
}

/// Whether one of the networks has the address.
#[must_use]
pub fn holds(networks: &[IpNetwork], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|&network| canonical(network).contains(address))
}

/// The network, of IPv4 if its addresses are.
fn canonical(network: IpNetwork) -> IpNetwork {
    let IpNetwork::V6(mapped) = network else { return network };
    let (Some(address), Some(prefix)) = (mapped.ip().to_ipv4_mapped(), mapped.prefix().checked_sub(MAPPED_PREFIX))
    else {
        return network;
    };
    Ipv4Network::new(address, prefix).map_or(network, IpNetwork::V4)
}

/// One hop of the header: an address, which some proxies write in brackets or with a port.
fn read(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests;
