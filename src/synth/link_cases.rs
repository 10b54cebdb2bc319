//! The same kind of query behind different link and network headers. Each packet asks for a
//! name that says what is in front of it, so a missed one is seen at once.

use super::case::{Case, HOST, PORT, query_frame};
use super::message::kind::{A, NS};
use super::packet::{Capture, Endpoint, udp};
use super::{dialogue::RESOLVER, names};
use crate::capture::frame::LinkType;
use std::net::Ipv6Addr;

/// Where the Ethernet header's type stands, and where the payload begins.
pub(super) const ETHERTYPE: usize = 12;
pub(super) const ETHERNET: usize = 14;
/// The IPv6 host and its resolver.
const HOST6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 0x130);
const RESOLVER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x53, 0, 0, 0, 0, 0x53);

/// Extension headers in order, each with its number.
type Chain = [(u8, &'static [u8])];

/// A host's name under the domain of these cases.
fn name(label: &str) -> String {
    format!("{label}.{}", names::domain(4))
}

/// A query over IPv4 in Ethernet.
pub(super) fn four(case: &mut Case, label: &str) -> Vec<u8> {
    query_frame(&case.header().question(&name(label), A).octets())
}

/// A query over IPv6 in Ethernet.
pub(super) fn six(case: &mut Case, label: &str) -> Vec<u8> {
    let message = case.header().question(&name(label), A).octets();
    udp(
        Endpoint::new(HOST6, PORT),
        Endpoint::new(RESOLVER6, 53),
        &message,
    )
}

/// `octets` with `more` put in at `at`.
pub(super) fn spliced(octets: &[u8], at: usize, more: &[u8]) -> Vec<u8> {
    let (before, after) = octets.split_at(at);
    [before, more, after].concat()
}

/// The IP packet of an Ethernet frame.
pub(super) fn packet(frame: &[u8]) -> &[u8] {
    frame.split_at(ETHERNET).1
}

/// VLAN tags: how many and of which types.
pub(super) fn link_vlan() -> Capture {
    let stacks: [(&str, &[u16]); 8] = [
        ("mail-vlan1", &[0x8100]),
        ("mail-vlan2", &[0x88a8, 0x8100]), // IEEE 802.1ad: service tag, customer tag
        ("mail-vlan2q", &[0x8100, 0x8100]),
        ("mail-vlan9100", &[0x9100, 0x8100]), // the service tag before the standard
        ("mail-vlan88a8", &[0x88a8]),         // a service tag alone
        ("mail-vlan4", &[0x88a8, 0x8100, 0x8100, 0x8100]),
        ("mail-vlan6", &[0x8100; 6]), // more than readers with a fixed depth expect
        ("mail-vlan0", &[]),
    ];
    let mut case = Case::new();
    for (label, types) in stacks {
        let plain = four(&mut case, label);
        let tags: Vec<u8> = types
            .iter()
            .zip(100_u16..)
            .flat_map(|(kind, vlan)| [kind.to_be_bytes(), vlan.to_be_bytes()].concat())
            .collect();
        case = case.frame(spliced(&plain, ETHERTYPE, &tags));
    }
    // IPv6 behind a tag: the type inside it decides, not the one before.
    let plain = six(&mut case, "mail-vlan1-ipv6");
    case = case.frame(spliced(&plain, ETHERTYPE, &[0x81, 0, 0xe0, 7])); // priority 7, VLAN 7
    // A tag at the very end: nothing follows.
    let cut = four(&mut case, "mail-cut").into_iter().take(ETHERTYPE);
    case.frame(cut.chain([0x81, 0, 0, 7]).collect())
        .on_ethernet()
}

/// IPv6 extension headers between the fixed header and UDP.
pub(super) fn link_ipv6_extensions() -> Capture {
    // The first octet of each is the next header, filled in below; the second the length in
    // units of eight beyond the first eight.
    const PAD: [u8; 8] = [0, 0, 1, 4, 0, 0, 0, 0];
    const LONG_PAD: [u8; 16] = [0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    // An experimental type with no segment left is passed over (RFC 8200 section 4.4).
    const ROUTING: [u8; 24] = [
        0, 2, 253, 0, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, 0, 0x53, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53,
    ];
    // Offset 0 and no more fragments: an atomic fragment (RFC 6946) is a whole datagram.
    const ATOMIC: [u8; 8] = [0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef];
    let (hop, routing, fragment, destination) = (0_u8, 43_u8, 44_u8, 60_u8);
    let chains: [(&str, &Chain); 6] = [
        ("mail-hop", &[(hop, &PAD)]),
        ("mail-routing", &[(routing, &ROUTING)]),
        ("mail-destination", &[(destination, &LONG_PAD)]),
        ("mail-atomic", &[(fragment, &ATOMIC)]),
        (
            "mail-all",
            &[
                (hop, &LONG_PAD),
                (destination, &PAD),
                (routing, &ROUTING),
                (fragment, &ATOMIC),
            ],
        ),
        ("mail-none", &[]),
    ];
    let mut case = Case::new();
    for (label, chain) in chains {
        let plain = six(&mut case, label);
        case = case.frame(extended(&plain, chain));
    }
    // No next header (59): what follows is not UDP, however much it looks like it.
    let none = six(&mut case, "mail-no-next");
    case = case.frame(extended_to(&none, &[], 59));
    // A length that reaches past the end of the packet.
    let over = six(&mut case, "mail-over");
    case.frame(extended(
        &over,
        &[(destination, &[0, 200, 1, 4, 0, 0, 0, 0])],
    ))
    .on_ethernet()
}

/// `frame` with the extension headers of `chain` before its UDP header.
fn extended(frame: &[u8], chain: &Chain) -> Vec<u8> {
    const UDP: u8 = 17;
    extended_to(frame, chain, UDP)
}

fn extended_to(frame: &[u8], chain: &Chain, last: u8) -> Vec<u8> {
    const NEXT: usize = 6; // offset in the IPv6 header
    const FIXED: usize = 40;
    let kinds = chain.iter().map(|(kind, _)| *kind).chain([last]);
    let mut kinds: Vec<u8> = kinds.collect();
    let first = kinds.remove(0);
    let more: Vec<u8> = chain
        .iter()
        .zip(kinds)
        .flat_map(|((_, header), next)| {
            let mut header = header.to_vec();
            header.splice(..1, [next]);
            header
        })
        .collect();
    let mut frame = spliced(frame, ETHERNET + FIXED, &more);
    let length = u16::try_from(frame.len() - ETHERNET - FIXED).expect("a short packet");
    let [high, low] = length.to_be_bytes();
    frame.splice(ETHERNET + NEXT - 2..=ETHERNET + NEXT, [high, low, first]);
    frame
}

/// Octets that belong to no datagram, and a length that an offload left out.
pub(super) fn link_padding() -> Capture {
    let mut case = Case::new();
    // 59 octets for the root's NS, padded to Ethernet's 60, with a check sequence behind.
    let root = query_frame(&case.header().question("", NS).octets());
    case = case.frame([&*root, &[0xaa]].concat());
    let root = query_frame(&case.header().question("", NS).octets());
    case = case.frame([&*root, &[0xaa, 0xde, 0xad, 0xbe, 0xef]].concat());
    // A switch that pads to 128 with what was in its buffer: another query's name.
    let padded = four(&mut case, "mail-pad");
    let rest = b"\x04smtp\x0astale-mxray\x02co\x02jp\x00\x00\x01\x00\x01"
        .iter()
        .cycle();
    let padded = padded.iter().chain(rest).take(128).copied().collect();
    case = case.frame(padded);
    // Octets inside the IPv4 packet behind the UDP datagram: the UDP length ends it. The
    // total length at 16 grows, its checksum with it.
    let inner = four(&mut case, "mail-inner");
    let inner = with_total_length(&[&*inner, &[0xbb; 7]].concat(), None);
    case = case.frame(inner);
    // A total length of 0 is what the capturing kernel sees before the card cuts large
    // segments; the rest of the frame is the packet.
    let offload = four(&mut case, "mail-offload");
    case = case.frame(with_total_length(&offload, Some(0)));
    // A total length that is more than the frame: lies, or the frame was cut.
    let beyond = four(&mut case, "mail-beyond");
    case = case.frame(with_total_length(&beyond, Some(1400)));
    // A total length below the header's own: not a packet.
    let below = four(&mut case, "mail-below");
    case.frame(with_total_length(&below, Some(19)))
        .on_ethernet()
}

/// The frame with that total length, or its true one, and the header's checksum anew.
fn with_total_length(frame: &[u8], length: Option<u16>) -> Vec<u8> {
    let true_length = u16::try_from(frame.len() - ETHERNET).expect("a short packet");
    let mut frame = frame.to_vec();
    frame.splice(16..18, length.unwrap_or(true_length).to_be_bytes());
    frame.splice(24..26, [0, 0]);
    let header = frame.iter().skip(ETHERNET).take(20);
    let sum = header.enumerate().fold(0_u32, |sum, (place, octet)| {
        sum + (u32::from(*octet) << if place % 2 == 0 { 8 } else { 0 })
    });
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    let checksum = u16::try_from(0xffff - folded).expect("16 bits");
    frame.splice(24..26, checksum.to_be_bytes());
    frame
}

/// Frames of which the capture kept only the beginning.
pub(super) fn snaplen_cut() -> Capture {
    // 14 Ethernet, 20 IPv4, 8 UDP, 12 DNS header, then the name.
    let host = name("mail");
    Case::new()
        .query(&host, A) // whole
        .cut(&host, 14 + 20 + 8 + 12 + 5 + 3) // in the second label
        .cut(&host, 14 + 20 + 8 + 12 + 5) // after "mail": a label that looks whole
        .cut(&host, 14 + 20 + 8 + 12 + 3) // in the first label
        .cut(&host, 14 + 20 + 8 + 12) // no question: QR is known, the type is not
        .cut(&host, 14 + 20 + 8 + 5) // in the DNS header
        .cut(&host, 14 + 20 + 8) // no DNS
        .cut(&host, 14 + 20 + 3) // in the UDP ports
        .cut(&host, 14 + 20) // no UDP
        .cut(&host, 14 + 11) // in the IP header: no source
        .cut(&host, 14)
        .cut(&host, 9) // in the Ethernet header
        .cut(&host, 0)
        .query(&host, A) // whole
        .on_ethernet()
}

/// Linux cooked capture: `tcpdump -i any`.
pub(super) fn link_sll() -> Capture {
    cooked(LinkType::LINUX_SLL, |ethertype| {
        // Sent by us, Ethernet, address of 6 octets in 8, type of what follows.
        let mut header = vec![0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 2, 130, 0, 0];
        header.extend_from_slice(&ethertype);
        header
    })
}

/// Linux cooked capture, version 2.
pub(super) fn link_sll2() -> Capture {
    cooked(LinkType::LINUX_SLL2, |ethertype| {
        // Type of what follows, reserved, interface 3, Ethernet, sent by us, address.
        let mut header = ethertype.to_vec();
        header.extend_from_slice(&[0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 2, 130, 0, 0]);
        header
    })
}

/// IPv4, IPv6 and ARP behind a cooked header.
fn cooked(link: LinkType, header: fn([u8; 2]) -> Vec<u8>) -> Capture {
    let mut case = Case::new();
    let v4 = four(&mut case, "mail-v4");
    case = case.frame([&header([0x08, 0x00]), packet(&v4)].concat());
    let v6 = six(&mut case, "mail-v6");
    case = case.frame([&header([0x86, 0xdd]), packet(&v6)].concat());
    // A VLAN tag between the cooked header and IP.
    let tagged = four(&mut case, "mail-tagged");
    case = case.frame([&header([0x81, 0x00]), &[0, 7, 8, 0][..], packet(&tagged)].concat());
    // ARP is no IP, and neither malformed nor unsupported.
    let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 2, 130];
    arp.extend_from_slice(&HOST.octets());
    arp.extend_from_slice(&[0; 6]);
    arp.extend_from_slice(&RESOLVER.octets());
    case.frame([header([0x08, 0x06]), arp].concat()).on(link)
}

/// BSD loopback: the address family in the byte order of who captured, which nobody noted.
pub(super) fn link_null() -> Capture {
    let mut case = Case::new();
    let v4 = four(&mut case, "mail-v4");
    case = case.frame([&2_u32.to_le_bytes(), packet(&v4)].concat());
    let other_order = four(&mut case, "mail-v4-big-endian");
    case = case.frame([&2_u32.to_be_bytes(), packet(&other_order)].concat());
    // AF_INET6 on NetBSD and OpenBSD, FreeBSD, macOS.
    for family in [24_u32, 28, 30] {
        let v6 = six(&mut case, &format!("mail-v6-{family}"));
        case = case.frame([&family.to_le_bytes(), packet(&v6)].concat());
    }
    case.on(LinkType::NULL)
}

/// `OpenBSD` loopback: the same in network byte order.
pub(super) fn link_loop() -> Capture {
    let mut case = Case::new();
    let v4 = four(&mut case, "mail-v4");
    case = case.frame([&2_u32.to_be_bytes(), packet(&v4)].concat());
    let v6 = six(&mut case, "mail-v6");
    case.frame([&24_u32.to_be_bytes(), packet(&v6)].concat())
        .on(LinkType::LOOP)
}

/// No link header: the version in the first four bits is all there is.
pub(super) fn link_raw() -> Capture {
    let mut case = Case::new();
    let v4 = four(&mut case, "mail-v4");
    case = case.frame(packet(&v4).to_vec());
    let v6 = six(&mut case, "mail-v6");
    case = case.frame(packet(&v6).to_vec());
    let version_9 = four(&mut case, "mail-v9");
    let wrong = packet(&version_9).iter().skip(1).copied();
    case.frame([0x95].into_iter().chain(wrong).collect())
        .on(LinkType::RAW)
}
