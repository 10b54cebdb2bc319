//! MPLS: a stack of labels, and a payload that nothing names.

use super::super::link::{Network, Stop, ethernet};
use super::super::reader::Reader;
use super::{Inner, ip};

/// What stands below the last label. By its first four bits it is IPv4, IPv6, or the control
/// word of a pseudowire (RFC 4385 section 3), before an Ethernet frame (RFC 4448). A frame
/// without a control word may begin with any bits (RFC 4928 section 3), so where an address
/// could have been taken for a version or a control word, the Ethernet types decide.
pub(super) fn behind(octets: &[u8]) -> Result<Inner<'_>, Stop> {
    let mut reader = Reader::new(octets);
    // Label (20 bits), traffic class (3), bottom of stack (1), time to live (8).
    while reader.u32().ok_or(Stop::Cut)? & 0x100 == 0 {}
    let payload = reader.rest();
    match payload.first().ok_or(Stop::Cut)? >> 4 {
        0 => {
            let frame = payload.get(4..).ok_or(Stop::Cut)?;
            let plain = !is_frame(frame) && is_frame(payload);
            Ok((Network::Ethernet, if plain { payload } else { frame }))
        }
        // The associated channel: the network's own control (RFC 4385 section 5).
        1 if !is_frame(payload) => Err(Stop::Ignored),
        4 | 6 if !is_frame(payload) || fits(payload) => ip(payload).ok_or(Stop::Cut),
        _ => Ok((Network::Ethernet, payload)),
    }
}

/// Whether this is an Ethernet frame of a type that can carry IP.
fn is_frame(octets: &[u8]) -> bool {
    ethernet(octets).is_ok()
}

/// Whether the length in this IP header is that of the octets, or more: padding is rare
/// where there are labels.
fn fits(octets: &[u8]) -> bool {
    let mut reader = Reader::new(octets);
    let Some([first, _, high, low, v6_high, v6_low]) = reader.array() else {
        return false;
    };
    let length = match first >> 4 {
        4 => usize::from(u16::from_be_bytes([high, low])),
        _ => usize::from(u16::from_be_bytes([v6_high, v6_low])) + 40,
    };
    length >= octets.len()
}
