//! Networks of addresses, and ranges of them. IPv4 and IPv6 alike: an address is its number within its family.

use std::{cmp::Ordering, fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

/// An address as a number, and how to make one of it again.
fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// The address of that number in the family of `like`; none beyond the family's last.
fn address(number: u128, like: IpAddr) -> Option<IpAddr> {
    match like {
        IpAddr::V4(_) => u32::try_from(number).ok().map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(_) => Some(IpAddr::V6(number.into())),
    }
}

/// The bits that an address of a family has.
const fn width(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// A network, such as `198.51.100.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The length of its prefix, in bits.
    #[must_use]
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether its addresses are of IPv4.
    #[must_use]
    pub const fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// All of its addresses.
    #[must_use]
    pub fn range(&self) -> AddressRange {
        let host_bits = u32::from(width(self.address).saturating_sub(self.prefix));
        let hosts = 1_u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1);
        let last = address(number(self.address) | hosts, self.address).unwrap_or(self.address);
        AddressRange { first: self.address, last }
    }

    /// The addresses that machines can have: in IPv4 neither the first, which names the network, nor the last, which
    /// reaches all in it, unless it is too small to have them (RFC 3021); in IPv6 not the first (RFC 4291, 2.6.1).
    #[must_use]
    pub fn hosts(&self) -> AddressRange {
        let AddressRange { first, last } = self.range();
        if self.prefix + 1 >= width(self.address) {
            return AddressRange { first, last };
        }
        let last = match self.address {
            IpAddr::V4(_) => address(number(last) - 1, last).unwrap_or(last),
            IpAddr::V6(_) => last,
        };
        AddressRange { first: address(number(first) + 1, first).unwrap_or(first), last }
    }
}

impl FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is not a network: write it like 198.51.100.0/24 or 2001:db8::/64");
        let (ip, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let ip: IpAddr = ip.parse().map_err(|_| wrong())?;
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| digits && *prefix <= width(ip)).ok_or_else(wrong)?;
        let network = Self { address: ip, prefix };
        let host_bits = u32::from(width(ip).saturating_sub(prefix));
        let lowest = number(ip).checked_shr(host_bits).unwrap_or(0).checked_shl(host_bits).unwrap_or(0);
        match address(lowest, ip).filter(|lowest| *lowest != ip) {
            None => Ok(network),
            Some(lowest) => Err(format!("{text:?} is not the first address of its network: write {lowest}/{prefix}")),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Addresses from one to another, both of one family and both in it: `198.51.100.10-198.51.100.99`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

impl AddressRange {
    /// One address.
    #[must_use]
    pub const fn one(ip: IpAddr) -> Self {
        Self { first: ip, last: ip }
    }

    /// The first.
    #[must_use]
    pub const fn first(&self) -> IpAddr {
        self.first
    }

    /// The last.
    #[must_use]
    pub const fn last(&self) -> IpAddr {
        self.last
    }

    /// Whether an address is one of these.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.overlaps(&Self::one(ip))
    }

    /// Whether all of another are among these.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.contains(other.first) && self.contains(other.last)
    }

    /// Whether any address is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first.is_ipv4() == other.first.is_ipv4() && self.first <= other.last && other.first <= self.last
    }

    /// How many they are; the most that can be counted, if they are more.
    #[must_use]
    pub fn count(&self) -> u128 {
        (number(self.last) - number(self.first)).saturating_add(1)
    }

    /// Those that come after one of them; none after the last.
    #[must_use]
    pub fn after(&self, ip: IpAddr) -> Option<Self> {
        let first = number(ip).checked_add(1).and_then(|next| address(next, self.first))?;
        (self.contains(ip) && first <= self.last).then_some(Self { first, ..*self })
    }

    /// The addresses, one by one.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + use<> {
        let like = self.first;
        (number(self.first)..=number(self.last)).filter_map(move |number| address(number, like))
    }

    /// What is left of these without another.
    fn without(self, other: &Self) -> impl Iterator<Item = Self> + use<> {
        let parts = match self.overlaps(other) {
            false => [Some(self), None],
            true => {
                let before = number(other.first).checked_sub(1).and_then(|last| address(last, self.first));
                let after = number(other.last).checked_add(1).and_then(|first| address(first, self.first));
                let before = before.filter(|last| *last >= self.first).map(|last| Self { last, ..self });
                [before, after.filter(|first| *first <= self.last).map(|first| Self { first, ..self })]
            }
        };
        parts.into_iter().flatten()
    }
}

impl Ord for AddressRange {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.first, self.last).cmp(&(other.first, other.last))
    }
}

impl PartialOrd for AddressRange {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What is left of some ranges without others, in the order of the former.
#[must_use]
pub fn without(ranges: &[AddressRange], others: &[AddressRange]) -> Vec<AddressRange> {
    others.iter().fold(ranges.to_vec(), |left, other| left.iter().flat_map(|range| range.without(other)).collect())
}

impl FromStr for AddressRange {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is neither an address nor a range like 198.51.100.10-198.51.100.99");
        let parse = |text: &str| text.trim().parse::<IpAddr>().map_err(|_| wrong());
        let range = match text.split_once('-') {
            None => Self::one(parse(text)?),
            Some((first, last)) => Self { first: parse(first)?, last: parse(last)? },
        };
        if range.first.is_ipv4() != range.last.is_ipv4() || range.first > range.last {
            return Err(format!("{text:?}: the range must go from an address up to one of the same family"));
        }
        Ok(range)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => self.first.fmt(f),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

#[cfg(test)]
mod tests;
