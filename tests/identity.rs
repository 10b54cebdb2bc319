//! Who is one host on a LAN, from frames to entities: what decoding and counting tell of
//! addresses, taken in second by second as correlation does.

use crate::captures;
use crate::feed::{HostSecond, run, settings};
use mxray::correlate::identity::{Entity, Identity};
use mxray::decode::lan::How;
use mxray::host::HostAddr;
use mxray::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// 2026-01-05T00:00:00Z, when all cases begin.
const START: i64 = 1_767_571_200;
const BOT: [u8; 6] = [2, 0, 0, 0, 2, 0x66];
const HEIR: [u8; 6] = [2, 0, 0, 0, 2, 0x67];
const VICTIM: [u8; 6] = [2, 0, 0, 0, 2, 0x68];

type Seconds = BTreeMap<i64, BTreeMap<HostAddr, HostSecond>>;

fn seconds(name: &str, workers: usize) -> Seconds {
    let outcome = run(&captures::synth(name), workers, &settings(1000));
    let mut seconds = Seconds::new();
    for ((second, host), told) in outcome.seconds {
        seconds.entry(second).or_default().insert(host, told);
    }
    seconds
}

fn ip(text: &str) -> HostAddr {
    text.parse::<IpAddr>().unwrap().into()
}

/// Each entity that an address was taken for when it did something, in order, with the second
/// after the start from which it was.
fn entities(seconds: &Seconds) -> BTreeMap<HostAddr, Vec<(i64, Entity)>> {
    let mut identity = Identity::new();
    let mut found: BTreeMap<HostAddr, Vec<(i64, Entity)>> = BTreeMap::new();
    for (&second, hosts) in seconds {
        for binding in hosts.values().flat_map(|told| &told.bindings) {
            identity.learn(binding);
        }
        let now = Timestamp::from_parts(second, 0);
        for (&host, told) in hosts {
            // Who only answers, or says whose an address is, has no counters here.
            let Some(totals) = &told.totals else { continue };
            identity.see(host, totals.tag, now);
            let entity = identity.entity(host, now);
            let all = found.entry(host).or_default();
            if all.last().is_none_or(|(_, last)| *last != entity) {
                all.push((second - START, entity));
            }
        }
    }
    found
}

#[test]
fn each_form_of_a_binding_is_told_once_and_nothing_else_is() {
    for workers in [1, 3] {
        let mut told = BTreeSet::new();
        let mut times = 0;
        for hosts in seconds("lan-bindings", workers).values() {
            for binding in hosts.values().flat_map(|told| &told.bindings) {
                told.insert((binding.said.how, binding.said.addr, binding.said.mac));
                times += 1;
            }
        }
        let station = |number| [2, 0, 0, 0, 2, number];
        let mut expected = BTreeSet::new();
        for number in 10..16 {
            let addr = HostAddr::from_v4([192, 0, 2, number]);
            expected.insert((How::Arp, addr, station(number)));
        }
        for number in 16..19 {
            let addr = HostAddr::from_v4([192, 0, 2, number]);
            expected.insert((How::Dhcp, addr, station(number)));
        }
        for number in 20..25 {
            let addr = ip(&format!("2001:db8:0:2::{number:x}"));
            expected.insert((How::Neighbor, addr, station(number)));
        }
        expected.insert((How::Router, ip("fe80::1"), [2, 0, 0, 0, 0, 1]));
        assert_eq!(told, expected);
        assert_eq!(times, 15, "with {workers} workers");
    }
}

#[test]
fn a_bot_keeps_its_history_over_a_lease_and_its_heir_gets_none() {
    for workers in [1, 4] {
        let found = entities(&seconds("lan-arp-dhcp", workers));
        let expected = [
            ("192.0.2.66", vec![(60, BOT), (6000, HEIR)]),
            ("192.0.2.67", vec![(3660, BOT)]),
            ("192.0.2.68", vec![(1500, VICTIM)]),
        ];
        let expected = expected.map(|(addr, macs)| {
            let macs = macs.into_iter().map(|(at, mac)| (at, Entity::Mac(mac)));
            (ip(addr), macs.collect::<Vec<_>>())
        });
        assert_eq!(found, BTreeMap::from(expected));
    }
}

#[test]
fn privacy_addresses_are_one_host() {
    let found = entities(&seconds("lan-ipv6-privacy", 2));
    // The PC there reads the Web alone, and does nothing that is judged.
    assert_eq!(found.len(), 10);
    for (addr, entities) in found {
        assert_eq!(entities.len(), 1, "{addr}");
        assert_eq!(entities[0].1, Entity::Mac(BOT), "{addr}");
    }
}

#[test]
fn hosts_behind_a_router_are_not_one() {
    let found = entities(&seconds("lan-router", 2));
    assert_eq!(found.len(), 16);
    for (addr, entities) in found {
        assert_eq!(entities.len(), 1, "{addr}");
        assert_eq!(entities[0].1, Entity::Ip(addr));
    }
}
