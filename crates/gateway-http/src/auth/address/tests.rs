//! Addresses, and the walk along the proxies against the simplest way to say it.

use std::net::IpAddr;

use actix_web::test::TestRequest;
use ipnetwork::IpNetwork;
use proptest::prelude::*;

use super::{allowed, client, of_request};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn networks(texts: &[&str]) -> Vec<IpNetwork> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

const PROXIES: [&str; 2] = ["10.0.0.0/8", "2001:db8:a::/48"];

#[test]
fn nobody_is_believed_by_default() {
    assert_eq!(client(ip("198.51.100.7"), &["192.0.2.1"], &[]), Some(ip("198.51.100.7")));
    assert_eq!(client(ip("198.51.100.7"), &["192.0.2.1"], &networks(&PROXIES)), Some(ip("198.51.100.7")));
}

#[test]
fn trusted_hops_are_followed_from_the_right() {
    let trusted = networks(&PROXIES);
    let of = |forwarded: &[&str]| client(ip("10.0.0.1"), forwarded, &trusted);
    assert_eq!(of(&["203.0.113.9, 192.0.2.1"]), Some(ip("192.0.2.1")), "what the client wrote itself is not believed");
    assert_eq!(of(&["192.0.2.1, 2001:db8:a::5 ,10.9.9.9"]), Some(ip("192.0.2.1")));
    assert_eq!(of(&["203.0.113.9", "192.0.2.1"]), Some(ip("192.0.2.1")), "the last header is the nearest");
    assert_eq!(of(&["[2001:db8::1]:443"]), Some(ip("2001:db8::1")));
    assert_eq!(of(&["[2001:db8::1]"]), Some(ip("2001:db8::1")));
    assert_eq!(of(&["192.0.2.1:52100"]), Some(ip("192.0.2.1")));
}

#[test]
fn a_proxy_that_names_nobody_is_no_client() {
    let trusted = networks(&PROXIES);
    for garbage in ["", "unknown", "192.0.2.1 192.0.2.2", "192.0.2.256", "_hidden", "fe80::1%eth0", "192.0.2.1:", "[]"]
    {
        let forwarded = format!("203.0.113.9,{garbage}, 10.0.0.2");
        assert_eq!(client(ip("10.0.0.1"), &[&forwarded], &trusted), None, "{garbage}");
        assert_eq!(client(ip("10.0.0.1"), &[garbage], &trusted), None, "{garbage}");
    }
    assert_eq!(client(ip("10.0.0.1"), &[], &trusted), None);
    assert_eq!(client(ip("10.0.0.1"), &["10.0.0.2,10.0.0.3"], &trusted), None, "proxies all the way");
    assert_eq!(client(ip("127.0.0.1"), &[], &networks(&["127.0.0.1/32"])), None);
}

#[test]
fn ipv4_is_ipv4_however_it_is_written() {
    let trusted = networks(&["::ffff:10.0.0.0/104"]);
    assert_eq!(client(ip("::ffff:10.0.0.1"), &["::ffff:192.0.2.1"], &trusted), Some(ip("192.0.2.1")));
    for list in [&["192.0.2.0/24"], &["::ffff:192.0.2.0/120"]] {
        let list = networks(list);
        assert!(allowed(&list, ip("192.0.2.77")) && allowed(&list, ip("::ffff:192.0.2.77")));
        assert!(!allowed(&list, ip("192.0.3.77")) && !allowed(&list, ip("::ffff:192.0.3.77")));
    }
    assert!(!allowed(&networks(&["::/0"]), ip("192.0.2.1")), "all of IPv6 is no IPv4");
    assert!(allowed(&networks(&["::/0"]), ip("2001:db8::1")));
    assert!(!allowed(&networks(&["0.0.0.0/0"]), ip("2001:db8::1")));
}

#[test]
fn an_empty_list_lets_all_in() {
    assert!(allowed(&[], ip("192.0.2.1")) && allowed(&[], ip("2001:db8::1")));
    let list = networks(&["192.0.2.1/32", "2001:db8::/64"]);
    assert!(allowed(&list, ip("192.0.2.1")) && allowed(&list, ip("2001:db8::ff")));
    assert!(!allowed(&list, ip("192.0.2.2")) && !allowed(&list, ip("2001:db8:0:1::ff")));
}

#[test]
fn a_request_tells_its_peer_and_all_its_headers() {
    let request = TestRequest::default()
        .peer_addr("10.0.0.1:5000".parse().unwrap())
        .append_header(("X-Forwarded-For", "203.0.113.9"))
        .append_header(("x-forwarded-for", "192.0.2.1"))
        .to_http_request();
    assert_eq!(of_request(&request, &networks(&PROXIES)), Some(ip("192.0.2.1")));
    assert_eq!(of_request(&request, &[]), Some(ip("10.0.0.1")));
    let unreadable = TestRequest::default()
        .peer_addr("10.0.0.1:5000".parse().unwrap())
        .append_header(("X-Forwarded-For", "192.0.2.1"))
        .append_header(("X-Forwarded-For", &b"\xff"[..]))
        .to_http_request();
    assert_eq!(of_request(&unreadable, &networks(&PROXIES)), None);
}

fn hop() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0_u8..4).prop_map(|n| format!("10.0.0.{n}")),
        2 => (0_u8..4).prop_map(|n| format!("::ffff:10.0.0.{n}")),
        2 => (0_u8..4).prop_map(|n| format!("192.0.2.{n}")),
        1 => Just("junk".to_owned()),
    ]
}

proptest! {
    /// The oracle takes the whole chain, from the peer on, and looks for the first that is not a trusted address: where
    /// there is none, or it can't be read, there is no client.
    #[test]
    fn the_walk_ends_at_the_first_hop_that_is_no_trusted_proxy(
        peer in 0_u8..8, hops in proptest::collection::vec(hop(), 0..6), split in 0_usize..6,
    ) {
        let peer = if peer < 6 { ip(&format!("10.0.0.{peer}")) } else { ip("198.51.100.1") };
        let plain = |hop: &String| hop.trim_start_matches("::ffff:").to_owned();
        let chain: Vec<String> = std::iter::once(peer.to_string()).chain(hops.iter().rev().map(plain)).collect();
        let expected = chain.iter().find(|hop| !hop.starts_with("10.")).and_then(|hop| hop.parse().ok());

        let (first, second) = hops.split_at(split.min(hops.len()));
        let headers: Vec<String> = [first, second].iter().filter(|part| !part.is_empty()).map(|part| part.join(", ")).collect();
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        prop_assert_eq!(client(peer, &headers, &networks(&["10.0.0.0/8"])), expected);
    }

    #[test]
    fn no_header_can_move_the_address_of_an_untrusted_peer(header in ".{0,60}") {
        prop_assert_eq!(client(ip("192.0.2.9"), &[&header], &networks(&PROXIES)), Some(ip("192.0.2.9")));
    }
}
