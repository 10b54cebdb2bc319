//! Frames of an attacker: Ethernet and IPv4, with what is said in them and nothing checked.

use std::net::Ipv4Addr;

/// Bits of a TCP header (RFC 9293 section 3.1).
pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const ACK: u8 = 0x10;

/// Types of questions.
pub(crate) const A: u16 = 1;
pub(crate) const PTR: u16 = 12;
pub(crate) const MX: u16 = 15;

/// Who speaks, and to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) from: (Ipv4Addr, u16),
    pub(crate) to: (Ipv4Addr, u16),
}

impl Ends {
    pub(crate) fn new(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16)) -> Self {
        Self { from, to }
    }

    /// The way back.
    pub(crate) fn turned(self) -> Self {
        Self::new(self.to, self.from)
    }
}

/// A number that looks random, of any number: the finaliser of `SplitMix64`.
pub(crate) fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// An Ethernet frame with these octets, which are of that type.
pub(crate) fn ethernet(to: [u8; 6], from: [u8; 6], kind: u16, octets: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(14 + octets.len());
    frame.extend_from_slice(&to);
    frame.extend_from_slice(&from);
    frame.extend_from_slice(&kind.to_be_bytes());
    frame.extend_from_slice(octets);
    frame
}

/// An IPv4 packet, all of it or a fragment: its identification, and where in the datagram it
/// stands, with the bit that says that more follows.
pub(crate) fn ipv4(ends: Ends, protocol: u8, (id, place): (u16, u16), octets: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + octets.len()).unwrap();
    let mut packet = Vec::with_capacity(20 + octets.len());
    packet.extend_from_slice(&[0x45, 0]);
    packet.extend_from_slice(&length.to_be_bytes());
    packet.extend_from_slice(&id.to_be_bytes());
    packet.extend_from_slice(&place.to_be_bytes());
    packet.extend_from_slice(&[64, protocol, 0, 0]);
    packet.extend_from_slice(&ends.from.0.octets());
    packet.extend_from_slice(&ends.to.0.octets());
    packet.extend_from_slice(octets);
    let [_, a, b, c] = ends.from.0.octets();
    ethernet([2, 0, 0, 0, 0, 1], [2, 0, 1, a, b, c], 0x0800, &packet)
}

/// A UDP datagram without a checksum.
pub(crate) fn udp(ends: Ends, payload: &[u8]) -> Vec<u8> {
    ipv4(ends, 17, (0, 0x4000), &datagram(ends, payload))
}

/// The same without its IP header.
pub(crate) fn datagram(ends: Ends, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let mut datagram = Vec::with_capacity(8 + payload.len());
    for word in [ends.from.1, ends.to.1, length, 0] {
        datagram.extend_from_slice(&word.to_be_bytes());
    }
    datagram.extend_from_slice(payload);
    datagram
}

/// A TCP segment.
pub(crate) fn tcp(ends: Ends, flags: u8, [seq, ack]: [u32; 2], payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(20 + payload.len());
    segment.extend_from_slice(&ends.from.1.to_be_bytes());
    segment.extend_from_slice(&ends.to.1.to_be_bytes());
    segment.extend_from_slice(&seq.to_be_bytes());
    segment.extend_from_slice(&ack.to_be_bytes());
    segment.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend_from_slice(payload);
    ipv4(ends, 6, (0, 0x4000), &segment)
}

/// A DNS query, as a stub resolver asks.
pub(crate) fn query(id: u64, name: &str, kind: u16) -> Vec<u8> {
    let [.., high, low] = id.to_be_bytes();
    let mut message = vec![high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message
}
