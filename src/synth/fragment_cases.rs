//! Queries and replies in fragments, in each order that a network makes of them.

use super::case::{Case, HOST, PORT};
use super::dialogue::RESOLVER;
use super::link_cases::{ETHERNET, four, packet, six};
use super::message::{Message, QR, RD, kind::A};
use super::packet::{Capture, Endpoint, Packet, udp};
use super::tunnel_cases::{ethernet, ipv4, over_udp};

/// Where the payload of an IPv4 packet without options and of IPv6's fixed header begins.
const V4: usize = 20;
const V6: usize = 40;

/// The IPv4 packet in fragments of at most `size` octets of payload, each in Ethernet.
fn split4(frame: &[u8], id: u16, size: usize) -> Vec<Vec<u8>> {
    let (header, payload) = packet(frame).split_at(V4);
    let pieces = payload.chunks(size).zip((0_usize..).step_by(size));
    pieces
        .map(|(piece, offset)| fragment4(header, id, offset, offset + size < payload.len(), piece))
        .collect()
}

/// One fragment with its place; the header's checksum is right.
fn fragment4(header: &[u8], id: u16, offset: usize, more: bool, piece: &[u8]) -> Vec<u8> {
    let mut header = etherparse::Ipv4Header::from_slice(header)
        .expect("a header")
        .0;
    header.identification = id;
    let units = u16::try_from(offset / 8).expect("an offset");
    header.fragment_offset = units.try_into().expect("an offset");
    header.more_fragments = more;
    header.dont_fragment = false;
    header.set_payload_len(piece.len()).expect("a short piece");
    header.header_checksum = header.calc_header_checksum();
    ethernet(0x0800, &[&header.to_bytes(), piece].concat())
}

/// The IPv6 packet in fragments; what they carry begins with a header of that kind.
fn split6(frame: &[u8], id: u32, size: usize, kind: u8) -> Vec<Vec<u8>> {
    let (header, payload) = packet(frame).split_at(V6);
    let pieces = payload.chunks(size).zip((0_usize..).step_by(size));
    pieces
        .map(|(piece, offset)| {
            let more = u16::from(offset + size < payload.len());
            let place = u16::try_from(offset).expect("an offset") | more;
            let mut octets = header.to_vec();
            let length = u16::try_from(piece.len() + 8).expect("a short piece");
            octets.splice(4..6, length.to_be_bytes());
            octets.splice(6..7, [44]);
            octets.extend_from_slice(&[kind, 0]);
            octets.extend_from_slice(&place.to_be_bytes());
            octets.extend_from_slice(&id.to_be_bytes());
            octets.extend_from_slice(piece);
            ethernet(0x86dd, &octets)
        })
        .collect()
}

impl Case {
    fn frames(self, frames: impl IntoIterator<Item = Vec<u8>>) -> Self {
        frames.into_iter().fold(self, Self::frame)
    }
}

/// What networks do to long datagrams.
pub(super) fn fragments() -> Capture {
    let mut case = Case::new();
    let whole = four(&mut case, "mail-in-order");
    case = case.frames(split4(&whole, 1, 24));
    let whole = four(&mut case, "mail-reversed");
    case = case.frames(split4(&whole, 2, 16).into_iter().rev());
    // Each fragment twice, as a mirror port of both directions makes them.
    let whole = four(&mut case, "mail-doubled");
    case = case.frames(
        split4(&whole, 3, 24)
            .into_iter()
            .flat_map(|one| [one.clone(), one]),
    );
    // Two datagrams at a time, with the same number: the resolver's reply and a query.
    let whole = four(&mut case, "mail-crossing");
    let mut answer = Message::new(0x1004, QR | RD).question("mail-crossing.example", A);
    answer = answer.raw(&[0; 40]);
    let from = Endpoint::new(RESOLVER, 53);
    let answer = udp(from, Endpoint::new(HOST, PORT), &answer.octets());
    let pairs = split4(&whole, 4, 40)
        .into_iter()
        .zip(split4(&answer, 4, 64));
    case = case.frames(pairs.flat_map(|(one, other)| [one, other]));
    // IPv6; then with destination options that were fragmented as well.
    let whole = six(&mut case, "mail-v6");
    case = case.frames(split6(&whole, 5, 24, 17));
    let whole = six(&mut case, "mail-v6-options");
    let (head, rest) = whole.split_at(ETHERNET + V6);
    let whole = [head, &[17, 0, 1, 4, 0, 0, 0, 0], rest].concat();
    case = case.frames(split6(&whole, 6, 16, 60).into_iter().rev());
    // The first fragment holds less than a UDP header.
    let whole = four(&mut case, "mail-tiny");
    case = case.frames(split4(&whole, 7, 8));
    // Fragments in a tunnel, a tunnel in fragments, and both at once.
    let vxlan = |inner: &[u8]| over_udp(4789, &[&[8, 0, 0, 0, 0, 1, 2, 0], inner]);
    let whole = four(&mut case, "mail-inside");
    case = case.frames(split4(&whole, 8, 32).iter().map(|one| vxlan(one)));
    let whole = four(&mut case, "mail-outside");
    case = case.frames(split4(&vxlan(&whole), 9, 48));
    let whole = four(&mut case, "mail-both");
    for (one, id) in split4(&whole, 10, 32).iter().zip(11..) {
        case = case.frames(split4(&vxlan(one), id, 48));
    }
    // A large ping is of no use, whole or not.
    let ping = ethernet(0x0800, &ipv4(1, &[8; 64]));
    case.frames(split4(&ping, 20, 32)).on_ethernet()
}

/// What networks do not do, or only to evade; and what is never whole.
pub(super) fn fragments_hostile() -> Capture {
    let mut case = Case::new();
    // An overlap that says something else: the first copy is read (mail-first, not mail-other).
    let whole = four(&mut case, "mail-first");
    let other = four(&mut case, "mail-other");
    let (first, second) = (split4(&whole, 1, 24), split4(&other, 1, 24));
    let middle = first
        .iter()
        .zip(&second)
        .flat_map(|(one, other)| [one, other]);
    case = case.frames(middle.cloned());
    // The end told twice, the second time sooner.
    let whole = four(&mut case, "mail-ends");
    let (header, payload) = packet(&whole).split_at(V4);
    let (head, tail) = payload.split_at(32);
    case = case
        .frame(fragment4(header, 2, 32, false, tail))
        .frame(fragment4(header, 2, 16, false, &[0xee; 8]))
        .frame(fragment4(header, 2, 0, true, head));
    // Same number, other protocol and other addresses: three datagrams, of which none is whole.
    let whole = four(&mut case, "mail-mixed");
    let (header, payload) = packet(&whole).split_at(V4);
    let (head, tail) = payload.split_at(32);
    case = case.frame(fragment4(header, 3, 0, true, head));
    let tcp = [header.split_at(9).0, &[6], header.split_at(10).1].concat();
    case = case.frame(fragment4(&tcp, 3, 32, false, tail));
    let from = [
        header.split_at(12).0,
        &[192, 0, 2, 131],
        header.split_at(16).1,
    ]
    .concat();
    case = case.frame(fragment4(&from, 3, 32, false, tail));
    // No multiple of eight; beyond 65,535 octets.
    case = case.frame(fragment4(header, 4, 0, true, &[0xee; 20]));
    case = case.frame(fragment4(header, 4, 65_528, true, &[0xee; 64]));
    // The capture lost the end of the first fragment: what it says is not known.
    let whole = four(&mut case, "mail-cut");
    let pieces = split4(&whole, 5, 24);
    case = case.frames(pieces.clone());
    let at = case.packets.len() - pieces.len();
    let cut = case.packets.remove(at);
    case.packets.insert(at, Packet::cut(cut, 50));
    // The second half comes 31 s later: nobody waits so long.
    let whole = four(&mut case, "mail-late");
    let mut pieces = split4(&whole, 6, 40).into_iter();
    case = case.at(20, 0).frames(pieces.next());
    case = case.at(51, 0).frames(pieces);
    // The number used again two seconds after: another datagram.
    for (second, label) in [(60, "mail-number"), (62, "mail-again")] {
        let whole = four(&mut case, label);
        case = case.at(second, 0).frames(split4(&whole, 7, 40));
    }
    // A fragment within a fragment, and extension headers that end in the air.
    let whole = six(&mut case, "mail-twice");
    let (head, rest) = whole.split_at(ETHERNET + V6);
    let inner = [head, &[17, 0, 0, 1, 0, 0, 0, 9], rest].concat();
    case = case.frames(split6(&inner, 8, 24, 44));
    let whole = six(&mut case, "mail-air");
    let (head, rest) = whole.split_at(ETHERNET + V6);
    let inner = [head, &[17, 200, 1, 4, 0, 0, 0, 0], rest].concat();
    case.frames(split6(&inner, 9, 24, 60)).on_ethernet()
}
