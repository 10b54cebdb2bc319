//! The same kind of query inside tunnels. The routers at a tunnel's ends ask nothing: whoever
//! counts a query for them has not looked inside.

use super::case::{Case, HOST};
use super::dialogue::RESOLVER;
use super::link_cases::{ETHERNET, ETHERTYPE, four, packet, six, spliced};
use super::packet::{Capture, Endpoint, udp};
use etherparse::{IpNumber, PacketBuilder};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The tunnel's ends.
const NEAR: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const FAR: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
const NEAR6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);
const FAR6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 2);

const IPV4: u8 = 4;
const IPV6: u8 = 41;
const GRE: u8 = 47;

/// `payload` in an IPv4 packet from end to end, without a link header.
pub(super) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    PacketBuilder::ipv4(NEAR.octets(), FAR.octets(), 64)
        .write(&mut octets, IpNumber(protocol), payload)
        .expect("memory takes all");
    octets
}

fn ipv6(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    PacketBuilder::ipv6(NEAR6.octets(), FAR6.octets(), 64)
        .write(&mut octets, IpNumber(protocol), payload)
        .expect("memory takes all");
    octets
}

/// An Ethernet frame of that type between two routers.
pub(super) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut octets = vec![2, 0, 0, 0, 0xff, 2, 2, 0, 0, 0, 0xff, 1];
    octets.extend_from_slice(&ether_type.to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}

fn over_ipv4(protocol: u8, parts: &[&[u8]]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(protocol, &parts.concat()))
}

/// In UDP between the ends, to that port.
pub(super) fn over_udp(port: u16, parts: &[&[u8]]) -> Vec<u8> {
    let (near, far) = (Endpoint::new(NEAR, 50_000), Endpoint::new(FAR, port));
    udp(near, far, &parts.concat())
}

/// Labels, pseudowires, and what only looks like one of them.
pub(super) fn tunnel_mpls() -> Capture {
    const MPLS: u16 = 0x8847;
    // Labels 16 and up, the bottom one marked; explicit null is label 0.
    let stack: [&[u8]; 3] = [
        &[0, 1, 1, 64],
        &[0, 1, 0, 64, 0, 1, 0x10, 64, 0, 0, 1, 64],
        &[0, 1, 0, 64, 0, 2, 1, 64],
    ];
    let [one, three, two] = stack;
    let mut case = Case::new();
    let v4 = four(&mut case, "mail-one-label");
    case = case.frame(ethernet(MPLS, &[one, packet(&v4)].concat()));
    let v6 = six(&mut case, "mail-three-labels");
    case = case.frame(ethernet(MPLS, &[three, packet(&v6)].concat()));
    let tagged = four(&mut case, "mail-behind-vlan");
    let tagged = ethernet(MPLS, &[one, packet(&tagged)].concat());
    case = case.frame(spliced(&tagged, ETHERTYPE, &[0x81, 0, 0, 9]));
    // A pseudowire's control word begins with four bits of 0; so does the address of the frame
    // in the next one, which has none (RFC 4928 section 3).
    let word = four(&mut case, "mail-control-word");
    case = case.frame(ethernet(MPLS, &[two, &[0, 0, 0, 7], &word].concat()));
    let plain = four(&mut case, "mail-no-control-word");
    case = case.frame(ethernet(MPLS, &[two, &plain].concat()));
    // An address that begins as IPv4 does.
    let four_like = four(&mut case, "mail-four-like");
    let four_like = [&[0x45], four_like.split_at(1).1].concat();
    case = case.frame(ethernet(MPLS, &[two, &four_like].concat()));
    let inside = four(&mut case, "mail-vlan-in-pseudowire");
    let inside = spliced(&inside, ETHERTYPE, &[0x81, 0, 0, 77]);
    case = case.frame(ethernet(0x8848, &[two, &[0, 0, 0, 8], &inside].concat()));
    // The associated channel; nothing known; a stack without a bottom.
    case = case.frame(ethernet(
        MPLS,
        &[one, &[0x10, 0, 0, 7, 1, 2, 3, 4]].concat(),
    ));
    case = case.frame(ethernet(MPLS, &[one, &[0xee; 40]].concat()));
    case.frame(ethernet(MPLS, &[0, 1, 0, 64, 0, 1, 0, 64]))
        .on_ethernet()
}

/// GRE of both versions with each of its optional fields.
pub(super) fn tunnel_gre() -> Capture {
    let mut case = Case::new();
    let headers: [(&str, &[u8]); 5] = [
        ("mail-plain", &[0, 0, 8, 0]),
        ("mail-checksum", &[0x80, 0, 8, 0, 0xab, 0xcd, 0, 0]),
        ("mail-key", &[0x20, 0, 8, 0, 0, 0, 0, 5]),
        ("mail-sequence", &[0x10, 0, 8, 0, 0, 0, 0, 1]),
        (
            "mail-all",
            &[0xb0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1],
        ),
    ];
    for (label, header) in headers {
        let v4 = four(&mut case, label);
        case = case.frame(over_ipv4(GRE, &[header, packet(&v4)]));
    }
    let v6 = six(&mut case, "mail-ipv6");
    case = case.frame(over_ipv4(GRE, &[&[0, 0, 0x86, 0xdd], packet(&v6)]));
    let bridged = four(&mut case, "mail-bridged");
    case = case.frame(over_ipv4(GRE, &[&[0, 0, 0x65, 0x58], &bridged]));
    let labelled = four(&mut case, "mail-mpls");
    let header = [0, 0, 0x88, 0x47, 0, 1, 1, 64];
    case = case.frame(over_ipv4(GRE, &[&header, packet(&labelled)]));
    let over6 = four(&mut case, "mail-over-ipv6");
    let over6 = ipv6(GRE, &[&[0, 0, 8, 0], packet(&over6)].concat());
    case = case.frame(ethernet(0x86dd, &over6));
    // PPTP: key (length, call), sequence, acknowledgment; PPP with and without its address.
    let ppp = four(&mut case, "mail-pptp");
    let ppp = [&[0xff, 0x03, 0x00, 0x21], packet(&ppp)].concat();
    let [high, low] = length(&ppp);
    let header = [
        0x30, 0x81, 0x88, 0x0b, high, low, 0, 1, 0, 0, 0, 9, 0, 0, 0, 8,
    ];
    case = case.frame(over_ipv4(GRE, &[&header, &ppp]));
    let ppp = four(&mut case, "mail-pptp-short");
    let ppp = [&[0x21], packet(&ppp)].concat();
    let [high, low] = length(&ppp);
    let header = [0x30, 0x01, 0x88, 0x0b, high, low, 0, 1, 0, 0, 0, 10];
    case = case.frame(over_ipv4(GRE, &[&header, &ppp, &[0xaa; 5]]));
    // A mere acknowledgment; encrypted PPP; a keepalive; source routes; a version to come.
    let header = [0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 9];
    case = case.frame(over_ipv4(GRE, &[&header]));
    let header = [0x30, 0x01, 0x88, 0x0b, 0, 8, 0, 1, 0, 0, 0, 11];
    case = case.frame(over_ipv4(GRE, &[&header, &[0, 0xfd, 1, 2, 3, 4, 5, 6]]));
    case = case.frame(over_ipv4(GRE, &[&[0, 0, 0, 0]]));
    let routed = four(&mut case, "mail-routed");
    let header = [0x40, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    case = case.frame(over_ipv4(GRE, &[&header, packet(&routed)]));
    case.frame(over_ipv4(GRE, &[&[0, 2, 8, 0], &[0; 20]]))
        .on_ethernet()
}

fn length(octets: &[u8]) -> [u8; 2] {
    let length = u16::try_from(octets.len()).expect("a short packet");
    length.to_be_bytes()
}

/// Mirror ports that send their copies through the network.
pub(super) fn tunnel_erspan() -> Capture {
    let mut case = Case::new();
    let one = four(&mut case, "mail-type-1");
    case = case.frame(over_ipv4(GRE, &[&[0, 0, 0x88, 0xbe], &one]));
    // Version 1, VLAN 5, session 3, index 0.
    let two_header = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 7, 0x10, 5, 0, 3, 0, 0, 0, 0];
    let two = four(&mut case, "mail-type-2");
    case = case.frame(over_ipv4(GRE, &[&two_header, &two]));
    let tagged = six(&mut case, "mail-type-2-vlan");
    let tagged = spliced(&tagged, ETHERTYPE, &[0x81, 0, 0, 5]);
    case = case.frame(over_ipv4(GRE, &[&two_header, &tagged]));
    // Version 2, VLAN, session, timestamp, group tag, frame type and whether more follows.
    let three = |flags: [u8; 2]| {
        let mut header = vec![0x10, 0, 0x22, 0xeb, 0, 0, 0, 7, 0x20, 5, 0, 3];
        header.extend_from_slice(&[1, 2, 3, 4, 0, 0]);
        header.extend_from_slice(&flags);
        header
    };
    let third = four(&mut case, "mail-type-3");
    case = case.frame(over_ipv4(GRE, &[&three([0, 0]), &third]));
    let platform = four(&mut case, "mail-type-3-platform");
    case = case.frame(over_ipv4(GRE, &[&three([0, 1]), &[0; 8], &platform]));
    let bare = six(&mut case, "mail-type-3-ip");
    case = case.frame(over_ipv4(GRE, &[&three([2 << 2, 0]), packet(&bare)]));
    // Sequence numbers, and a version that nobody has defined.
    let wrong = four(&mut case, "mail-wrong");
    let header = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 7, 0x70, 5, 0, 3, 0, 0, 0, 0];
    case.frame(over_ipv4(GRE, &[&header, &wrong])).on_ethernet()
}

/// Overlays that a port alone tells of, and others on their ports.
pub(super) fn tunnel_vxlan_geneve() -> Capture {
    const VXLAN: [u8; 8] = [8, 0, 0, 0, 0, 1, 2, 0];
    let mut case = Case::new();
    let plain = four(&mut case, "mail-vxlan");
    case = case.frame(over_udp(4789, &[&VXLAN, &plain]));
    let tagged = six(&mut case, "mail-vxlan-vlan");
    let tagged = spliced(&tagged, ETHERTYPE, &[0x81, 0, 0, 12]);
    case = case.frame(over_udp(4789, &[&VXLAN, &tagged]));
    let bridged = four(&mut case, "mail-geneve");
    let header = [
        2, 0, 0x65, 0x58, 0, 0, 9, 0, 1, 1, 0, 1, 0xaa, 0xbb, 0xcc, 0xdd,
    ];
    case = case.frame(over_udp(6081, &[&header, &bridged]));
    let bare = six(&mut case, "mail-geneve-ipv6");
    case = case.frame(over_udp(
        6081,
        &[&[0, 0, 0x86, 0xdd, 0, 0, 9, 0], packet(&bare)],
    ));
    // A host may ask from such a port: the query is its own.
    let message = case.header().question("mail-own.example", 1).octets();
    let from = Endpoint::new(HOST, 4789);
    case = case.frame(udp(from, Endpoint::new(RESOLVER, 53), &message));
    // Not VXLAN: no flag, or nothing behind it. Not Geneve: a control message, a version.
    let other = four(&mut case, "mail-no-flag");
    case = case.frame(over_udp(4789, &[&[0; 8], &other]));
    case = case.frame(over_udp(4789, &[&VXLAN, &[0x5a; 60]]));
    let broken = four(&mut case, "mail-broken");
    let broken: Vec<u8> = broken.iter().take(ETHERNET + 24).copied().collect();
    case = case.frame(over_udp(4789, &[&VXLAN, &broken]));
    let control = four(&mut case, "mail-control");
    case = case.frame(over_udp(
        6081,
        &[&[0, 0x80, 0x65, 0x58, 0, 0, 9, 0], &control],
    ));
    let version = four(&mut case, "mail-version");
    case.frame(over_udp(
        6081,
        &[&[0x40, 0, 0x65, 0x58, 0, 0, 9, 0], &version],
    ))
    .on_ethernet()
}

/// IP in IP of all four kinds, and a packet that is only quoted.
pub(super) fn tunnel_ip_in_ip() -> Capture {
    let mut case = Case::new();
    let inner = four(&mut case, "mail-4-in-4");
    case = case.frame(over_ipv4(IPV4, &[packet(&inner)]));
    let inner = six(&mut case, "mail-6-in-4");
    case = case.frame(over_ipv4(IPV6, &[packet(&inner)]));
    let inner = four(&mut case, "mail-4-in-6");
    case = case.frame(ethernet(0x86dd, &ipv6(IPV4, packet(&inner))));
    let inner = six(&mut case, "mail-6-in-6");
    case = case.frame(ethernet(0x86dd, &ipv6(IPV6, packet(&inner))));
    // The resolver's network is unreachable, says a router, and quotes the query (RFC 792).
    let quoted = four(&mut case, "mail-quoted");
    let error = [&[3, 0, 0, 0, 0, 0, 0, 0], packet(&quoted)];
    case = case.frame(over_ipv4(1, &error));
    // IPv4 where the protocol promised IPv6; nothing at all.
    let inner = four(&mut case, "mail-4-as-6");
    case = case.frame(over_ipv4(IPV6, &[packet(&inner)]));
    case.frame(over_ipv4(IPV4, &[])).on_ethernet()
}

/// Subscribers' sessions.
pub(super) fn tunnel_pppoe_ppp() -> Capture {
    const SESSION: u16 = 0x8864;
    let pppoe = |ppp: &[u8]| {
        let [high, low] = length(ppp);
        ethernet(SESSION, &[&[0x11, 0, 0, 1, high, low], ppp].concat())
    };
    let l2tp = |header: &[u8], ppp: &[u8]| over_udp(1701, &[header, ppp]);
    let mut case = Case::new();
    let inner = four(&mut case, "mail-v4");
    case = case.frame(pppoe(&[&[0, 0x21], packet(&inner)].concat()));
    let inner = six(&mut case, "mail-v6");
    let tagged = pppoe(&[&[0, 0x57], packet(&inner)].concat());
    case = case.frame(spliced(
        &tagged,
        ETHERTYPE,
        &[0x88, 0xa8, 0, 3, 0x81, 0, 0, 4],
    ));
    let inner = four(&mut case, "mail-compressed");
    case = case.frame(pppoe(&[&[0x21], packet(&inner)].concat()));
    let inner = four(&mut case, "mail-padded");
    let padded = pppoe(&[&[0, 0x21], packet(&inner)].concat());
    case = case.frame([&*padded, &[0xee; 9]].concat());
    // The link's own: LCP echo, a version to come, discovery.
    case = case.frame(pppoe(&[0xc0, 0x21, 9, 0, 0, 8, 1, 2, 3, 4]));
    case = case.frame(ethernet(SESSION, &[0x12, 0, 0, 1, 0, 4, 0, 0x21, 1, 2]));
    case = case.frame(ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0]));
    // L2TP: the shortest header; length and sequence; an offset. Then a control message.
    let inner = four(&mut case, "mail-l2tp");
    let ppp = [&[0xff, 0x03, 0, 0x21], packet(&inner)].concat();
    case = case.frame(l2tp(&[0, 2, 0, 1, 0, 2], &ppp));
    let inner = four(&mut case, "mail-l2tp-sequence");
    let ppp = [&[0, 0x21], packet(&inner)].concat();
    let total = u16::try_from(ppp.len() + 12).expect("a short packet");
    let [high, low] = total.to_be_bytes();
    let header = [0x48, 2, high, low, 0, 1, 0, 2, 0, 3, 0, 4];
    case = case.frame(l2tp(&header, &[&*ppp, &[0xaa; 4]].concat()));
    let inner = four(&mut case, "mail-l2tp-offset");
    let ppp = [&[0, 0x21], packet(&inner)].concat();
    case = case.frame(l2tp(&[2, 2, 0, 1, 0, 2, 0, 2, 0xff, 0xff], &ppp));
    case = case.frame(l2tp(&[0xc8, 2, 0, 12, 0, 1, 0, 0, 0, 1, 0, 1], &[]));
    // Voice on L2TP's port: no version.
    case.frame(l2tp(&[0x80, 0, 0x1f, 0x2a], &[0x21; 30]))
        .on_ethernet()
}

/// Mobile subscribers, and IPv6 through address translators.
pub(super) fn tunnel_gtp_teredo() -> Capture {
    let gtp = |flags: u8, kind: u8, optional: &[u8], inner: &[u8]| {
        let body = [optional, inner].concat();
        let [high, low] = length(&body);
        over_udp(2152, &[&[flags, kind, high, low, 0, 0, 1, 7], &body])
    };
    let mut case = Case::new();
    let inner = four(&mut case, "mail-gtp");
    case = case.frame(gtp(0x30, 0xff, &[], packet(&inner)));
    let inner = six(&mut case, "mail-gtp-sequence");
    case = case.frame(gtp(0x32, 0xff, &[0, 9, 0, 0], packet(&inner)));
    // A PDU session container (type 0x85), then one of eight octets.
    let inner = four(&mut case, "mail-gtp-extensions");
    let extensions = [0, 0, 0, 0x85, 1, 0, 9, 0x40, 2, 0, 0, 0, 0, 0, 0, 0];
    case = case.frame(gtp(0x34, 0xff, &extensions, packet(&inner)));
    // An echo request; an extension of no length; a length that is not the datagram's.
    case = case.frame(gtp(0x32, 1, &[0, 9, 0, 0], &[]));
    let inner = four(&mut case, "mail-gtp-no-length");
    case = case.frame(gtp(
        0x34,
        0xff,
        &[0, 0, 0, 0x85, 0, 0, 9, 0],
        packet(&inner),
    ));
    let inner = four(&mut case, "mail-gtp-wrong-length");
    let wrong = [&[0x30, 0xff, 0, 40, 0, 0, 1, 7], packet(&inner)];
    case = case.frame(over_udp(2152, &wrong));
    // Teredo, bare, with an origin, and with authentication before it.
    let origin = [0, 0, 0x12, 0x34, 0x3f, 0xff, 0xfd, 0xfe];
    let authentication = [0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0];
    let heads: [(&str, Vec<u8>); 3] = [
        ("mail-teredo", Vec::new()),
        ("mail-teredo-origin", origin.to_vec()),
        ("mail-teredo-both", [&authentication[..], &origin].concat()),
    ];
    for (label, head) in heads {
        let inner = six(&mut case, label);
        case = case.frame(over_udp(3544, &[&head, packet(&inner)]));
    }
    let inner = six(&mut case, "mail-teredo-more");
    case = case.frame(over_udp(3544, &[packet(&inner), &[0; 3]]));
    // AYIYA: identity of 16 octets, SHA-1, forward IPv6.
    let inner = six(&mut case, "mail-ayiya");
    let header = [
        &[0x42, 0x52, 0x11, 41, 1, 2, 3, 4][..],
        &[0x20; 16],
        &[0xab; 20],
    ]
    .concat();
    case.frame(over_udp(5072, &[&header, packet(&inner)]))
        .on_ethernet()
}

/// Tunnels in tunnels, up to the bound and beyond.
pub(super) fn tunnel_nested() -> Capture {
    let mut case = Case::new();
    for layers in [2, 8, 9] {
        let inner = four(&mut case, &format!("mail-{layers}"));
        // Each in the other version's, in turn.
        let (around, _) =
            (0..layers).fold(
                (packet(&inner).to_vec(), 4),
                |(inner, version), _| match version {
                    4 => (ipv6(IPV4, &inner), 6),
                    _ => (ipv4(IPV6, &inner), 4),
                },
            );
        let ether_type = if layers % 2 == 0 { 0x0800 } else { 0x86dd };
        case = case.frame(ethernet(ether_type, &around));
    }
    // A mirror port's ERSPAN of an overlay in a provider's network: GRE, MPLS, VXLAN, PPPoE.
    let inner = six(&mut case, "mail-everything");
    let ppp = [&[0, 0x57], packet(&inner)].concat();
    let [high, low] = length(&ppp);
    let inner = ethernet(0x8864, &[&[0x11, 0, 0, 1, high, low], &*ppp].concat());
    let inner = over_udp(4789, &[&[8, 0, 0, 0, 0, 1, 2, 0], &inner]);
    let inner = ethernet(0x8847, &[&[0, 1, 1, 64], packet(&inner)].concat());
    let inner = over_ipv4(GRE, &[&[0, 0, 0x88, 0xbe], &inner]);
    case.frame(inner).on_ethernet()
}
