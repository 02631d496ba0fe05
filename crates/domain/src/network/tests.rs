use std::{collections::BTreeSet, net::Ipv4Addr};

use proptest::prelude::*;

use super::*;

fn v4(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(number))
}

/// Ranges among the first addresses of a network, so that they often meet.
fn ranges() -> impl Strategy<Value = Vec<AddressRange>> {
    let range =
        (0..40_u32, 0..10_u32).prop_map(|(first, more)| AddressRange { first: v4(first), last: v4(first + more) });
    prop::collection::vec(range, 0..5)
}

fn all(ranges: &[AddressRange]) -> BTreeSet<u32> {
    (0..60).filter(|number| ranges.iter().any(|range| range.contains(v4(*number)))).collect()
}

proptest! {
    #[test]
    fn what_is_taken_out_is_out_and_the_rest_stays(from in ranges(), out in ranges()) {
        let left = without(&from, &out);
        let expected: BTreeSet<u32> = all(&from).difference(&all(&out)).copied().collect();
        prop_assert_eq!(all(&left), expected);
    }

    #[test]
    fn a_range_counts_its_addresses(range in ranges()) {
        for range in range {
            prop_assert_eq!(range.count(), u128::try_from(all(&[range]).len()).unwrap());
            let each: Vec<IpAddr> = range.addresses().collect();
            prop_assert_eq!(&each, &all(&[range]).into_iter().map(v4).collect::<Vec<_>>());
            for (at, ip) in each.iter().enumerate() {
                let rest: Vec<IpAddr> = range.after(*ip).map(|rest| rest.addresses().collect()).unwrap_or_default();
                prop_assert_eq!(each[at + 1..].to_vec(), rest);
            }
        }
    }

    #[test]
    fn texts_read_back(first in any::<u128>(), more in any::<u64>(), prefix in 0..=128_u8) {
        let last = first.saturating_add(more.into());
        let range = AddressRange { first: IpAddr::V6(first.into()), last: IpAddr::V6(last.into()) };
        prop_assert_eq!(range.to_string().parse(), Ok(range));
        let lowest = if prefix == 0 { 0 } else { first & (u128::MAX << (128 - u32::from(prefix))) };
        let network: Network = format!("{}/{prefix}", std::net::Ipv6Addr::from(lowest)).parse().unwrap();
        prop_assert_eq!(network.to_string().parse(), Ok(network));
        prop_assert!(network.range().contains(range.first));
        prop_assert!(network.range().covers(&network.hosts()));
    }
}

#[test]
fn networks_keep_back_what_no_machine_can_have() {
    let hosts = |text: &str| text.parse::<Network>().unwrap().hosts().to_string();
    assert_eq!(hosts("198.51.100.0/24"), "198.51.100.1-198.51.100.254");
    assert_eq!(hosts("198.51.100.4/31"), "198.51.100.4-198.51.100.5");
    assert_eq!(hosts("198.51.100.4/32"), "198.51.100.4");
    assert_eq!(hosts("0.0.0.0/0"), "0.0.0.1-255.255.255.254");
    assert_eq!(hosts("2001:db8::/64"), "2001:db8::1-2001:db8::ffff:ffff:ffff:ffff");
    assert_eq!(hosts("::/0"), "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

#[test]
fn what_is_no_network_or_range_is_refused() {
    for text in
        ["", "198.51.100.0", "198.51.100.0/33", "198.51.100.1/24", "2001:db8::1/64", "a/8", "::/129", "::/+1", "::/"]
    {
        assert!(text.parse::<Network>().is_err(), "{text}");
    }
    for text in ["", "-", "198.51.100.9-198.51.100.1", "198.51.100.1-::1", "198.51.100.0/24", "1-2"] {
        assert!(text.parse::<AddressRange>().is_err(), "{text}");
    }
}
