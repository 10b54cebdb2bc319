//! Hosts on a LAN whose IP addresses change, and hosts behind a router, told apart by what ARP,
//! neighbour discovery and DHCP say.

use super::case::Case;
use super::dialogue::RESOLVER;
use super::lan::{
    ACK, ALL, Lan, Mac, REQUEST, ROUTER, advertises, arp, between, dhcp, discovery, routes,
    solicits, station, tries, who_has, with_option,
};
use super::link_cases::{ETHERTYPE, spliced};
use super::message::kind;
use super::names;
use super::packet::{Capture, Endpoint, udp};
use super::tunnel_cases::over_udp;
use etherparse::{ArpOperation, IcmpEchoHeader, Icmpv6Type};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// The router's addresses on the LAN; it is the DHCP server too.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const GATEWAY6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const RESOLVER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x53, 0, 0, 0, 0, 0x53);

fn v4(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, number)
}

/// An address in the LAN's network.
fn v6(number: u64) -> Ipv6Addr {
    let network = u128::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 0));
    Ipv6Addr::from(network | u128::from(number))
}

/// Every form in which an address is said to be somebody's, and what only looks like one: each
/// that says something names a station of its own.
pub(super) fn lan_bindings() -> Capture {
    const SERVER: (Mac, Ipv4Addr) = (ROUTER, GATEWAY);
    const NONE: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
    let at = |number| (station(number), v4(number));
    let request = ArpOperation::REQUEST;
    let reply = ArpOperation::REPLY;
    let said = [
        arp(request, at(10), (ALL, GATEWAY)),
        arp(reply, at(11), (ROUTER, GATEWAY)),
        // Announcements.
        arp(request, at(12), (ALL, v4(12))),
        arp(reply, at(13), (ALL, v4(13))),
        spliced(
            &arp(request, at(14), (ALL, GATEWAY)),
            ETHERTYPE,
            &[0x81, 0, 0, 7],
        ),
        over_udp(
            4789,
            &[
                &[8, 0, 0, 0, 0, 1, 2, 0],
                &arp(request, at(15), (ALL, GATEWAY)),
            ],
        ),
        dhcp(ACK, SERVER, v4(16), station(16), [NONE, v4(16)]),
        // To an INFORM.
        dhcp(ACK, SERVER, v4(17), station(17), [v4(17), NONE]),
        // A renewal.
        dhcp(REQUEST, at(18), GATEWAY, station(18), [v4(18), NONE]),
        solicits(station(20), v6(20), v6(1)),
        tries(station(21), v6(21)),
        advertises(station(22), v6(22)),
        discovery(
            station(23),
            v6(23),
            Icmpv6Type::RouterSolicitation,
            &with_option(None, 1, station(23)),
            255,
        ),
        routes(ROUTER, GATEWAY6),
        spliced(
            &advertises(station(24), v6(24)),
            ETHERTYPE,
            &[0x81, 0, 0, 7],
        ),
    ];
    let silent = [
        // A probe, and one that speaks for another.
        who_has((station(30), NONE), v4(30)),
        between(arp(reply, at(31), (ROUTER, GATEWAY)), station(32), ROUTER),
        arp(ArpOperation(3), at(33), (ALL, v4(33))), // RARP's operation
        dhcp(
            REQUEST,
            (station(34), NONE),
            v4(255),
            station(34),
            [NONE; 2],
        ),
        dhcp(REQUEST, at(35), GATEWAY, station(36), [v4(35), NONE]),
        // Over a router; of another; a ping.
        discovery(
            station(37),
            v6(37),
            Icmpv6Type::NeighborSolicitation,
            &with_option(Some(v6(1)), 1, station(37)),
            254,
        ),
        discovery(
            station(38),
            v6(38),
            Icmpv6Type::NeighborSolicitation,
            &with_option(Some(v6(1)), 1, station(39)),
            255,
        ),
        discovery(
            station(40),
            v6(40),
            Icmpv6Type::EchoRequest(IcmpEchoHeader { id: 7, seq: 1 }),
            b"ping",
            255,
        ),
    ];
    let cut = |frame: Vec<u8>, kept: usize| frame.into_iter().take(kept).collect::<Vec<_>>();
    let mut option = solicits(station(52), v6(52), v6(1));
    if let Some(length) = option.iter_mut().rev().nth(6) {
        *length = 0;
    }
    let broken = [
        cut(arp(request, at(50), (ALL, GATEWAY)), 40),
        // IP and UDP say what is there, DHCP needs more.
        udp(
            Endpoint::new(v4(51), 68),
            Endpoint::new(GATEWAY, 67),
            &[1, 1, 6, 0],
        ),
        option,
    ];
    let mut case = Case::new();
    for frame in said.into_iter().chain(silent).chain(broken) {
        case = case.frame(frame);
    }
    // Chatter: the same a hundred times in ten seconds.
    for _ in 0..100 {
        case = case.frame(who_has(at(10), GATEWAY));
    }
    case.on_ethernet()
}

/// A bot whose lease changes in the middle, the PC that gets its former address, and one for
/// which somebody lies.
pub(super) fn lan_arp_dhcp() -> Capture {
    const SERVER: (Mac, Ipv4Addr) = (ROUTER, GATEWAY);
    let (bot, heir, victim) = (station(0x66), station(0x67), station(0x68));
    let (first, second) = (v4(66), v4(67));
    let resolver: IpAddr = RESOLVER.into();
    let mut lan = Lan::default();
    lan.lease(0, bot, first, SERVER);
    lan.lease(5 * SECOND, victim, v4(68), SERVER);
    // Each asks for the router, which answers.
    for (millis, mac, addr) in [(2, bot, first), (7, victim, v4(68)), (3602, bot, second)] {
        lan.frame(millis * SECOND, who_has((mac, addr), GATEWAY));
        let reply = arp(ArpOperation::REPLY, (ROUTER, GATEWAY), (mac, addr));
        lan.frame(millis * SECOND + 1, reply);
    }
    for number in 0..3 {
        let at = MINUTE * (1 + i64::from(number));
        lan.spam(at, (bot, first.into()), resolver, 300 + number);
    }
    // "192.0.2.68 is at the bot": the bot would like to read along, and does not get to.
    for seconds in (100..3000).step_by(400) {
        let lie = arp(ArpOperation::REPLY, (bot, v4(68)), (ROUTER, GATEWAY));
        lan.frame(seconds * SECOND, lie);
    }
    // The victim reads the Web, and somebody there tries `dig mx` once.
    for number in 0..20_u32 {
        let name = format!("www.{}", names::domain(400 + number));
        let at = 200 * SECOND * i64::from(number) + 10 * SECOND;
        lan.ask(at, (victim, v4(68).into()), resolver, &name, kind::A);
    }
    let at = 1500 * SECOND;
    lan.ask(
        at,
        (victim, v4(68).into()),
        resolver,
        &names::domain(420),
        kind::MX,
    );
    // An hour later the bot has another address, and goes on.
    lan.lease(HOUR, bot, second, SERVER);
    for number in 0..3 {
        let at = HOUR + MINUTE * (1 + i64::from(number));
        lan.spam(at, (bot, second.into()), resolver, 310 + number);
    }
    // A PC gets the former one; its owner tries `dig mx` too.
    lan.lease(HOUR + 30 * MINUTE, heir, first, SERVER);
    for number in 0..20_u32 {
        let name = format!("www.{}", names::domain(430 + number));
        let at = HOUR + 31 * MINUTE + 20 * SECOND * i64::from(number);
        lan.ask(at, (heir, first.into()), resolver, &name, kind::A);
    }
    let at = HOUR + 40 * MINUTE;
    lan.ask(
        at,
        (heir, first.into()),
        resolver,
        &names::domain(450),
        kind::MX,
    );
    lan.capture()
}

/// A bot with another IPv6 address every half hour, each of which sends one letter; a PC with
/// such addresses, which reads the Web.
pub(super) fn lan_ipv6_privacy() -> Capture {
    /// Any odd number: multiples of it look like chance in the lower half of an address.
    const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;
    let (bot, pc) = (station(0x66), station(0x68));
    let resolver: IpAddr = RESOLVER6.into();
    let mut lan = Lan::default();
    for step in 0..30_i64 {
        lan.frame(step * 10 * MINUTE, routes(ROUTER, GATEWAY6));
    }
    for step in 0..10_u32 {
        let at = 30 * MINUTE * i64::from(step) + 3 * SECOND;
        for (mac, salt) in [(bot, 1), (pc, 1000)] {
            let address = v6(SCATTER.wrapping_mul(u64::from(step) + salt));
            lan.frame(at, tries(mac, address));
            lan.frame(at + 1100, solicits(mac, address, GATEWAY6));
            lan.frame(at + 60 * SECOND, advertises(mac, address));
            let who = (mac, IpAddr::from(address));
            if mac == bot {
                lan.spam(at + 5 * SECOND, who, resolver, 500 + step);
            } else {
                for page in 0..3 {
                    let name = format!("www.{}", names::domain(520 + 3 * step + page));
                    let later = at + 70 * SECOND * (1 + i64::from(page));
                    lan.ask(later, who, resolver, &name, kind::AAAA);
                }
            }
        }
    }
    lan.capture()
}

/// Twelve hosts behind a router that answers ARP for them, and four behind one of IPv6 that
/// speaks for them too; each asks for one domain's exchangers and sends one letter.
pub(super) fn lan_router() -> Capture {
    let (near, other) = (station(0xfe), station(0xfd));
    let mut lan = Lan::default();
    // All that the router has behind it, it answers for: proxy ARP (RFC 1027).
    for number in 0..12_u8 {
        let addr = v4(100 + number);
        let millis = 200 * i64::from(number);
        lan.frame(millis, who_has((ROUTER, GATEWAY), addr));
        lan.frame(
            millis + 1,
            arp(ArpOperation::REPLY, (near, addr), (ROUTER, GATEWAY)),
        );
    }
    for number in 0..12_u8 {
        let at = MINUTE * (1 + i64::from(number));
        let who = (near, v4(100 + number).into());
        lan.spam(at, who, RESOLVER.into(), 600 + u32::from(number));
    }
    lan.frame(4 * SECOND, routes(other, v6(0xfe)));
    for number in 0..4_u32 {
        let addr = v6(0x100 + u64::from(number));
        let at = 5 * SECOND + MINUTE * i64::from(number);
        lan.frame(at, advertises(other, addr));
        lan.spam(
            at + SECOND,
            (other, addr.into()),
            RESOLVER6.into(),
            620 + number,
        );
    }
    lan.capture()
}
