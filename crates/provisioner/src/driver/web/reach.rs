//! Which addresses may be reached. The URL is staff's own, but names can be made to lead elsewhere by others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnetwork::IpNetwork;
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// Where clouds tell a machine its credentials, outside of the link-local networks.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Which addresses may be reached.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    networks: Vec<IpNetwork>,
    /// Whether addresses of the Internet may be reached beside the networks, and no others.
    outside: bool,
}

impl Reach {
    /// Those in `networks`; all that machines have when there are none.
    pub(super) const fn new(networks: Vec<IpNetwork>) -> Self {
        Self { networks, outside: false }
    }

    /// Those of the Internet, and those in `networks`: for addresses that customers name.
    pub(super) const fn outside(networks: Vec<IpNetwork>) -> Self {
        Self { networks, outside: true }
    }

    /// A URL whose host is an address is not resolved, and looked at here.
    ///
    /// # Errors
    /// Why it may not be reached.
    pub(super) fn check(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default();
        match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(ip) if !self.allows(ip) => Err(format!("{ip} may not be reached: it is not in `networks`, or nobody's")),
            _ => Ok(()),
        }
    }

    /// Whether an address may be reached.
    fn allows(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let nobodys = match ip {
            IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        if nobodys || ip.is_unspecified() || ip.is_multicast() || METADATA.contains(&ip) {
            return false;
        }
        let within = self.networks.iter().any(|network| network.contains(ip));
        if self.outside { within || is_of_the_internet(ip) } else { within || self.networks.is_empty() }
    }
}

/// Whether anybody on the Internet can have an address: it is in none of IANA's special-purpose registries, and doesn't
/// hold another address that could be.
fn is_of_the_internet(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let special = matches!(
                (a, b, c),
                (0 | 10 | 127 | 240.., ..)
                    | (100, 64..=127, _)
                    | (169, 254, _)
                    | (172, 16..=31, _)
                    | (192, 0, 0 | 2)
                    | (192, 88, 99)
                    | (192, 168, _)
                    | (198, 18..=19, _)
                    | (198, 51, 100)
                    | (203, 0, 113)
            );
            !special && !v4.is_multicast()
        }
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            // 2000::/3 is all that was ever given out; of it, protocols' own, examples and what holds an IPv4 address.
            let special =
                matches!((a, b), (0x2001, 0..=0x01ff) | (0x2001, 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff));
            (0x2000..=0x3fff).contains(&a) && !special
        }
    }
}

/// A name leads nowhere but where it may not lead.
#[derive(Debug, thiserror::Error)]
#[error("none of the addresses of {0} may be reached: they are not in `networks`, or nobody's")]
pub(super) struct NotAllowed(String);

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| this.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err(NotAllowed(name.as_str().to_owned()).into());
            }
            let allowed: Addrs = Box::new(allowed.into_iter());
            Ok(allowed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(networks: &[&str], host: &str) -> bool {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        Reach::new(networks).check(&Url::parse(&format!("http://{host}/x")).unwrap()).is_err()
    }

    #[test]
    fn nobodys_addresses_are_refused_however_they_are_written() {
        let metadata = ["169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]", "[fd00:ec2::254]"];
        let others = ["0.0.0.0", "[::]", "224.0.0.1", "[fe80::1]", "255.255.255.255", "100.100.100.200"];
        for host in metadata.iter().chain(&others) {
            assert!(refuses(&[], host), "{host}");
            assert!(refuses(&["0.0.0.0/0", "::/0"], host), "{host}");
        }
        for host in ["127.0.0.1", "10.0.0.5", "192.0.2.1", "[2001:db8::1]"] {
            assert!(!refuses(&[], host), "{host}");
        }
    }

    #[test]
    fn networks_that_are_given_are_the_only_ones() {
        assert!(!refuses(&["10.0.0.0/8"], "10.1.2.3"));
        assert!(!refuses(&["10.0.0.0/8"], "[::ffff:10.1.2.3]"));
        assert!(refuses(&["10.0.0.0/8"], "127.0.0.1") && refuses(&["10.0.0.0/8"], "[2001:db8::1]"));
    }

    #[test]
    fn customers_lead_nobody_into_the_company_s_networks() {
        let inside = [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.9",
            "2130706433",
            "0x7f.1",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:7f00:1]",
            "[fc00::1]",
            "[fd12::1]",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::]",
            "[2001:0:1::]",
            "[2001:db8::1]",
            "[::7f00:1]",
        ];
        let check = |networks: Vec<IpNetwork>, host: &str| {
            Reach::outside(networks).check(&Url::parse(&format!("https://{host}/x")).unwrap())
        };
        for host in inside {
            assert!(check(Vec::new(), host).is_err(), "{host}");
        }
        for host in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "[2a00:1450::1]", "[2606:4700::1]"] {
            assert!(check(Vec::new(), host).is_ok(), "{host}");
        }
        assert!(check(vec!["10.0.0.0/8".parse().unwrap()], "10.1.2.3").is_ok());
        assert!(check(vec!["10.0.0.0/8".parse().unwrap()], "8.8.8.8").is_ok());
        assert!(check(vec!["0.0.0.0/0".parse().unwrap()], "169.254.169.254").is_err());
    }

    #[tokio::test]
    async fn names_that_lead_inside_are_refused() {
        assert!(Reach::outside(Vec::new()).resolve("localhost".parse().unwrap()).await.is_err());
        let own = Reach::outside(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        assert!(own.resolve("localhost".parse().unwrap()).await.is_ok());
    }

    #[tokio::test]
    async fn names_lead_nowhere_else() {
        let within = |network: &str| Reach::new(vec![network.parse().unwrap()]);
        let found = within("192.0.2.0/24").resolve("localhost".parse().unwrap()).await;
        assert!(found.is_err());
        assert!(within("127.0.0.0/8").resolve("localhost".parse().unwrap()).await.is_ok());
    }
}
