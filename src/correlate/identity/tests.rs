use super::*;
use crate::capture::Origin;
use crate::decode::lan::Said;
use proptest::prelude::*;

/// 2026-01-05T00:00:00Z.
const START: i64 = 1_767_571_200;
const MINUTE: i64 = 60;
const HOURS: i64 = 3600;
const PC: [u8; 6] = [2, 0, 0, 0, 2, 7];
const OTHER: [u8; 6] = [2, 0, 0, 0, 2, 8];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn at(second: i64) -> Timestamp {
    Timestamp::from_parts(START + second, 0)
}

fn ip(text: &str) -> HostAddr {
    text.parse::<IpAddr>().unwrap().into()
}

/// An IPv4 address of its own for each number.
fn v4(number: u32) -> HostAddr {
    HostAddr::from_v4((0x0a00_0000 + number).to_be_bytes())
}

/// An IPv6 address: of which network, and which there.
fn v6(net: u64, number: u64) -> HostAddr {
    let bits = 0x2001_0db8_u128 << 96 | u128::from(net) << 64 | u128::from(number);
    HostAddr::from_v6(bits.to_be_bytes())
}

fn tag(mac: [u8; 6], vlan: impl Into<Option<u16>>) -> LinkTag {
    LinkTag {
        mac: Some(mac),
        vlan: vlan.into(),
    }
}

/// What is learned, in one line each.
impl Identity {
    fn says(&mut self, mac: [u8; 6], addr: HostAddr, second: i64, how: How) -> Option<[u8; 6]> {
        self.learn(&Binding {
            time: at(second),
            origin: Origin::default(),
            said: Said { addr, mac, how },
        })
    }

    fn uses(&mut self, mac: [u8; 6], addr: HostAddr, second: i64) -> Option<[u8; 6]> {
        self.see(addr, tag(mac, None), at(second))
    }

    /// Said and used: bound.
    fn binds(&mut self, mac: [u8; 6], addr: HostAddr, second: i64) -> Option<[u8; 6]> {
        let said = self.says(mac, addr, second, How::Arp);
        said.or(self.uses(mac, addr, second))
    }

    fn is(&self, addr: HostAddr, second: i64) -> Entity {
        self.entity(addr, at(second))
    }

    fn since(&self, addr: HostAddr) -> Option<Timestamp> {
        self.user(addr).map(|user| user.since)
    }
}

#[test]
fn what_is_said_and_used_is_bound_and_neither_alone() {
    for how in [How::Arp, How::Neighbor, How::Dhcp] {
        let (said, used, both) = (ip("192.0.2.1"), ip("192.0.2.2"), ip("2001:db8::3"));
        let mut identity = Identity::new();
        identity.says(PC, said, 0, how);
        identity.uses(PC, used, 0);
        identity.says(PC, both, 0, how);
        identity.uses(PC, both, 0);
        assert_eq!(identity.is(said, 0), Entity::Ip(said));
        assert_eq!(identity.is(used, 0), Entity::Ip(used));
        assert_eq!(identity.is(both, 0), Entity::Mac(PC));
        assert_eq!(identity.addresses(PC, at(0)), [both]);
    }
}

#[test]
fn the_order_of_said_and_used_does_not_matter_and_the_use_counts_from_its_begin() {
    let addr = ip("192.0.2.7");
    let mut identity = Identity::new();
    identity.uses(PC, addr, 10);
    identity.uses(PC, addr, 500);
    assert_eq!(identity.is(addr, 500), Entity::Ip(addr));
    identity.says(PC, addr, 900, How::Arp);
    assert_eq!(identity.is(addr, 900), Entity::Mac(PC));
    // What was kept of the address since then is the machine's.
    assert_eq!(identity.since(addr), Some(at(10)));
}

#[test]
fn one_forged_frame_joins_nobody() {
    let (pc, other) = (ip("192.0.2.7"), ip("192.0.2.8"));
    let mut identity = Identity::new();
    identity.binds(PC, pc, 0);
    identity.binds(OTHER, other, 0);
    // "192.0.2.8 is at the PC", and whoever believes it sends its packets there.
    for second in 1..100 {
        identity.says(PC, other, second, How::Arp);
        identity.uses(OTHER, other, second);
    }
    assert_eq!(identity.is(other, 100), Entity::Mac(OTHER));
    assert_eq!(identity.is(pc, 100), Entity::Mac(PC));
}

#[test]
fn an_address_that_moves_takes_no_history_along() {
    let (first, second) = (ip("192.0.2.7"), ip("192.0.2.9"));
    let mut identity = Identity::new();
    identity.binds(PC, first, 0);
    // A lease ends; the PC gets another, and its former one goes to somebody else.
    identity.binds(PC, second, 5 * HOURS);
    assert_eq!(identity.is(first, 5 * HOURS), Entity::Mac(PC));
    identity.uses(OTHER, first, 6 * HOURS);
    assert_eq!(identity.is(first, 6 * HOURS), Entity::Ip(first));
    assert_eq!(identity.since(first), Some(at(6 * HOURS)));
    identity.says(OTHER, first, 6 * HOURS + 1, How::Dhcp);
    assert_eq!(identity.is(first, 6 * HOURS + 1), Entity::Mac(OTHER));
    assert_eq!(identity.is(second, 6 * HOURS + 1), Entity::Mac(PC));
    // And back again, hours later.
    identity.uses(PC, first, 8 * HOURS);
    assert_eq!(identity.is(first, 8 * HOURS), Entity::Mac(PC));
    assert_eq!(identity.since(first), Some(at(8 * HOURS)));
}

#[test]
fn an_address_that_two_use_in_turns_is_nobodys_for_a_day() {
    let addr = ip("192.0.2.7");
    let turns = |pause| {
        let mut identity = Identity::new();
        identity.binds(PC, addr, 0);
        identity.binds(OTHER, addr, MINUTE);
        assert_eq!(identity.is(addr, MINUTE), Entity::Mac(OTHER));
        identity.uses(PC, addr, MINUTE + pause);
        identity
    };
    let mut identity = turns(HOURS - 1);
    let end = MINUTE + HOURS - 1 + 24 * HOURS;
    identity.uses(PC, addr, end - 1);
    assert_eq!(identity.is(addr, end - 1), Entity::Ip(addr));
    assert_eq!(identity.is(addr, end), Entity::Mac(PC));
    // An hour later it is a lease that came back.
    assert_eq!(turns(HOURS).is(addr, MINUTE + HOURS), Entity::Mac(PC));
}

#[test]
fn eight_ipv4_addresses_are_a_host_and_nine_a_router() {
    let mut identity = Identity::new();
    for number in 0..8 {
        assert_eq!(identity.binds(PC, v4(number), 0), None);
    }
    assert_eq!(identity.addresses(PC, at(0)).len(), 8);
    assert_eq!(identity.says(PC, v4(8), 10, How::Arp), Some(PC));
    for number in 0..9 {
        assert_eq!(identity.is(v4(number), 10), Entity::Ip(v4(number)));
    }
    // It stays one as long as it is heard of, and is told of once.
    assert_eq!(identity.binds(PC, v4(0), 23 * HOURS), None);
    assert_eq!(identity.is(v4(0), 23 * HOURS), Entity::Ip(v4(0)));
    assert_eq!(identity.binds(PC, v4(0), 46 * HOURS), None);
    assert_eq!(identity.is(v4(0), 46 * HOURS), Entity::Ip(v4(0)));
    identity.binds(PC, v4(0), 70 * HOURS);
    assert_eq!(identity.is(v4(0), 70 * HOURS), Entity::Mac(PC));
}

#[test]
fn packets_that_a_router_forwards_show_it_too() {
    let mut identity = Identity::new();
    identity.binds(ROUTER, v4(0), 0);
    for number in 1..8 {
        identity.uses(ROUTER, v4(number), 1);
    }
    assert_eq!(identity.is(v4(0), 1), Entity::Mac(ROUTER));
    assert_eq!(identity.uses(ROUTER, v4(8), 1), Some(ROUTER));
    assert_eq!(identity.is(v4(0), 1), Entity::Ip(v4(0)));
}

#[test]
fn addresses_one_after_the_other_do_not_add_up() {
    let mut identity = Identity::new();
    for number in 0..48 {
        // A new lease every eight minutes: seven and a half in an hour.
        let second = i64::from(number) * 8 * MINUTE;
        assert_eq!(identity.binds(PC, v4(number), second), None);
        assert_eq!(identity.is(v4(number), second), Entity::Mac(PC));
    }
    // All at once, nine would be too many.
    assert_eq!(identity.addresses(PC, at(48 * 8 * MINUTE)).len(), 48);
}

#[test]
fn privacy_addresses_of_one_network_are_one_host() {
    let mut identity = Identity::new();
    let link_local = ip("fe80::7");
    identity.binds(PC, link_local, 0);
    identity.binds(PC, v4(7), 0);
    for number in 0..62 {
        assert_eq!(identity.binds(PC, v6(1, number), 0), None, "{number}");
    }
    assert_eq!(identity.binds(PC, v6(2, 0), 0), None);
    assert_eq!(identity.addresses(PC, at(0)).len(), 65);
    assert_eq!(identity.is(v6(1, 61), 0), Entity::Mac(PC));
    // The 65th IPv6 address: it answers for others.
    assert_eq!(identity.binds(PC, v6(1, 62), 0), Some(PC));
    assert_eq!(identity.is(v6(1, 0), 0), Entity::Ip(v6(1, 0)));
}

#[test]
fn privacy_addresses_of_days_are_one_host_without_end() {
    let mut identity = Identity::new();
    for number in 0..500_u64 {
        let second = number.cast_signed() * 20 * MINUTE;
        assert_eq!(identity.binds(PC, v6(1, number), second), None);
        assert_eq!(identity.is(v6(1, number), second), Entity::Mac(PC));
    }
}

#[test]
fn nine_networks_lie_behind_a_router() {
    let mut identity = Identity::new();
    identity.binds(PC, ip("fe80::7"), 0);
    for net in 0..8 {
        assert_eq!(identity.binds(PC, v6(net, 7), 0), None);
    }
    assert_eq!(identity.is(v6(0, 7), 0), Entity::Mac(PC));
    assert_eq!(identity.binds(PC, v6(8, 7), 0), Some(PC));
    assert_eq!(identity.is(v6(0, 7), 0), Entity::Ip(v6(0, 7)));
}

#[test]
fn who_advertises_as_a_router_is_no_host() {
    let (before, after) = (v4(1), v4(2));
    let mut identity = Identity::new();
    identity.binds(ROUTER, before, 0);
    assert_eq!(identity.is(before, 0), Entity::Mac(ROUTER));
    let advertises =
        |identity: &mut Identity, second| identity.says(ROUTER, ip("fe80::1"), second, How::Router);
    assert_eq!(advertises(&mut identity, 1), Some(ROUTER));
    assert_eq!(advertises(&mut identity, 2), None);
    identity.binds(ROUTER, after, 3);
    for addr in [before, after] {
        assert_eq!(identity.is(addr, 3), Entity::Ip(addr));
    }
    // Of one that nothing was joined by there is nothing to tell.
    assert_eq!(identity.says(OTHER, ip("fe80::2"), 4, How::Router), None);
}

#[test]
fn a_routers_copy_of_a_hosts_packets_says_nothing_of_the_host() {
    let addr = ip("192.0.2.7");
    let mut identity = Identity::new();
    identity.says(ROUTER, ip("fe80::1"), 0, How::Router);
    identity.binds(PC, addr, 0);
    for second in 0..100 {
        identity.uses(ROUTER, addr, second);
        identity.uses(PC, addr, second);
    }
    assert_eq!(identity.is(addr, 100), Entity::Mac(PC));
    assert_eq!(identity.since(addr), Some(at(0)));
}

#[test]
fn addresses_that_routers_share_are_no_hosts_and_made_up_ones_are() {
    let shared = [
        [0, 0, 0x5e, 0, 1, 9],
        [0, 0, 0x5e, 0, 2, 9],
        [0, 0, 0x0c, 0x07, 0xac, 9],
        [0, 0, 0x0c, 0x9f, 0xf1, 9],
        [0, 5, 0x73, 0xa0, 1, 9],
        [0, 7, 0xb4, 0, 1, 2],
        [1, 0, 0x5e, 0, 0, 1],
        [0xff; 6],
        [0; 6],
    ];
    let addr = ip("192.0.2.7");
    for mac in shared {
        let mut identity = Identity::new();
        assert_eq!(identity.binds(mac, addr, 0), None);
        assert_eq!(identity.says(mac, addr, 0, How::Router), None);
        assert_eq!(identity.is(addr, 0), Entity::Ip(addr), "{mac:x?}");
    }
    // Next to them, and as phones make them up.
    let hosts = [
        [0, 0, 0x5e, 0, 0, 9],
        [0, 0, 0x5e, 0, 3, 9],
        [0, 0, 0x0c, 0x07, 0xad, 9],
        [0, 0, 0x0c, 0x9f, 0xef, 9],
        [0, 5, 0x73, 0xa0, 0x10, 9],
        [0xda, 0xa1, 0x19, 3, 4, 5],
    ];
    for mac in hosts {
        let mut identity = Identity::new();
        identity.binds(mac, addr, 0);
        assert_eq!(identity.is(addr, 0), Entity::Mac(mac));
    }
}

#[test]
fn one_that_is_in_two_vlans_in_turns_is_no_host_and_one_that_moves_is() {
    let (here, there) = (ip("10.1.0.7"), ip("10.2.0.7"));
    let start = || {
        let mut identity = Identity::new();
        for addr in [here, there] {
            identity.says(PC, addr, 0, How::Arp);
        }
        identity.see(here, tag(PC, 1), at(0));
        identity.see(there, tag(PC, 2), at(10));
        identity
    };
    let mut identity = start();
    for second in 11..20 {
        assert_eq!(identity.see(there, tag(PC, 2), at(second)), None);
    }
    assert_eq!(identity.is(here, 20), Entity::Mac(PC));
    assert_eq!(identity.is(there, 20), Entity::Mac(PC));
    assert_eq!(identity.see(here, tag(PC, 1), at(3599)), Some(PC));
    assert_eq!(identity.is(there, 3599), Entity::Ip(there));
    // Back after an hour: it has moved again.
    assert_eq!(start().see(here, tag(PC, 1), at(3600)), None);
    // A copy that lost its tag is in no other network.
    let mut identity = start();
    assert_eq!(identity.see(there, tag(PC, None), at(11)), None);
    assert_eq!(identity.see(there, tag(PC, None), at(12)), None);
}

#[test]
fn silence_of_a_day_unbinds() {
    let addr = ip("192.0.2.7");
    let mut identity = Identity::new();
    identity.binds(PC, addr, 0);
    assert_eq!(identity.is(addr, 24 * HOURS - 1), Entity::Mac(PC));
    assert_eq!(identity.is(addr, 24 * HOURS), Entity::Ip(addr));
    assert_eq!(identity.addresses(PC, at(24 * HOURS)), []);
    // Used again it must be said again, and what was before is not taken for its own.
    identity.uses(PC, addr, 25 * HOURS);
    assert_eq!(identity.is(addr, 25 * HOURS), Entity::Ip(addr));
    assert_eq!(identity.since(addr), Some(at(25 * HOURS)));
    identity.says(PC, addr, 25 * HOURS, How::Arp);
    assert_eq!(identity.is(addr, 25 * HOURS), Entity::Mac(PC));
    // In use it lives on, however long ago it was said.
    for hour in 25..100 {
        identity.uses(PC, addr, hour * HOURS);
    }
    assert_eq!(identity.is(addr, 100 * HOURS), Entity::Mac(PC));
}

#[test]
fn a_flood_of_made_up_pairs_evicts_its_own_and_keeps_within_the_bound() {
    let (pc, used) = (ip("192.0.2.7"), ip("192.0.2.8"));
    let mut identity = Identity::new();
    identity.binds(PC, pc, 0);
    identity.uses(OTHER, used, 0);
    for number in 0..100_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        identity.says([6, 0, 0, a, b, c], v4(number), 1, How::Arp);
        assert!(identity.pairs.len() <= PAIRS);
    }
    assert_eq!(identity.is(pc, 1), Entity::Mac(PC));
    assert_eq!(identity.since(used), Some(at(0)));
    let kept = identity.pairs.len() as u64;
    assert_eq!(identity.evicted(), 100_002 - kept);
    // What is a day old makes room without being told of.
    let before = identity.evicted();
    for number in 0..40_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        identity.says([10, 0, 0, a, b, c], v4(number), 25 * HOURS, How::Arp);
    }
    assert_eq!(identity.evicted(), before);
}

#[test]
fn a_flood_of_made_up_routers_keeps_within_the_bound() {
    let mut identity = Identity::new();
    for number in 0..5_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        identity.says(
            [6, 0, 0, a, b, c],
            ip("fe80::1"),
            number.into(),
            How::Router,
        );
        assert!(identity.routers.len() <= ROUTERS);
    }
    assert!(identity.routers.contains_key(&[6, 0, 0, 0, 0x13, 0x87]));
    assert!(!identity.routers.contains_key(&[6, 0, 0, 0, 0, 0]));
}

proptest! {
    /// Whatever is said and seen: what is joined was both said and seen, of one who is neither a
    /// router nor more than a host can be; users have their pair; and the same again tells the
    /// same.
    #[test]
    fn only_what_was_said_and_used_is_joined(
        steps in proptest::collection::vec((0_u8..4, 0_u8..4, 0_u32..12, 0_i64..4000), 0..120),
    ) {
        let (mut identity, mut again) = (Identity::new(), Identity::new());
        let (mut said, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut advertised = BTreeSet::new();
        let mut now = 0;
        for (kind, station, number, wait) in steps {
            now += wait;
            let mac = [2, 0, 0, 0, 0, station];
            let addr = v4(number);
            for identity in [&mut identity, &mut again] {
                match kind {
                    0 => identity.says(mac, addr, now, How::Arp),
                    3 if station == 0 => identity.says(mac, addr, now, How::Router),
                    _ => identity.uses(mac, addr, now),
                };
            }
            match kind {
                0 => said.insert((mac, addr)),
                3 if station == 0 => advertised.insert((mac, now)),
                _ => seen.insert((mac, addr)),
            };
            for number in 0..12 {
                let addr = v4(number);
                let entity = identity.is(addr, now);
                prop_assert_eq!(entity, again.is(addr, now));
                let Entity::Mac(mac) = entity else { continue };
                prop_assert!(said.contains(&(mac, addr)) && seen.contains(&(mac, addr)));
                prop_assert!(!advertised.iter().any(|&(router, when)| router == mac && now - when < 24 * HOURS));
                let lately = identity.of(mac).filter(|(_, pair)| is_within(pair.last, at(now), HOUR));
                prop_assert!(lately.count() <= MOST_V4);
                prop_assert!(identity.addresses(mac, at(now)).contains(&addr));
            }
            for (addr, user) in &identity.users {
                prop_assert!(identity.pairs.contains_key(&(user.mac, *addr)));
            }
        }
    }
}
