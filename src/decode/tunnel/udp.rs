//! Tunnels that nothing but a UDP port tells of. Whatever their headers fix is checked.

use super::super::link::Network;
use super::super::reader::Reader;
use super::{Inner, ether_type, ip};

/// VXLAN (RFC 7348 section 5): the flag I, a network number, and an Ethernet frame. The other
/// flags and the reserved octets are used by extensions, and a receiver ignores them.
pub(super) fn vxlan(octets: &[u8]) -> Option<Inner<'_>> {
    let mut reader = Reader::new(octets);
    let [flags, .., reserved] = reader.array::<8>()?;
    (flags & 0x08 != 0 && reserved == 0).then(|| (Network::Ethernet, reader.rest()))
}

/// Geneve (RFC 8926 section 3.4): version 0, options in units of four octets, an Ethernet type.
pub(super) fn geneve(octets: &[u8]) -> Option<Inner<'_>> {
    const CONTROL: u8 = 0x80;
    const RESERVED: u8 = 0x3f;
    let mut reader = Reader::new(octets);
    let [first, second] = reader.array()?;
    let protocol = reader.u16()?;
    let [_, _, _, last] = reader.array()?; // network number, reserved
    if first >> 6 != 0 || second & (CONTROL | RESERVED) != 0 || last != 0 {
        return None;
    }
    reader.skip(usize::from(first & 0x3f) * 4)?;
    ether_type(protocol, reader).ok()
}

/// A G-PDU of GTP-U version 1 (3GPP TS 29.281 section 5.1): a subscriber's packet. Its length
/// counts what follows the first eight octets, and must be that of the datagram.
pub(super) fn gtp_u(octets: &[u8], whole: bool) -> Option<Inner<'_>> {
    const VERSION_AND_TYPE: u8 = 0xf0;
    const OPTIONAL: u8 = 0x07;
    const EXTENSION: u8 = 0x04;
    let mut reader = Reader::new(octets);
    let [flags, kind] = reader.array()?;
    let length = usize::from(reader.u16()?);
    reader.skip(4)?; // tunnel
    if flags & VERSION_AND_TYPE != 0x30 || kind != 0xff {
        return None;
    }
    if whole && length != reader.rest().len() {
        return None;
    }
    if flags & OPTIONAL != 0 {
        // Sequence (2), N-PDU number (1), type of the first extension.
        let [_, _, _, mut next] = reader.array()?;
        while flags & EXTENSION != 0 && next != 0 {
            // In units of four octets, of which the last is the next one's type.
            let body = usize::from(reader.u8()?).checked_mul(4)?.checked_sub(2)?;
            reader.skip(body)?;
            next = reader.u8()?;
        }
    }
    ip(reader.rest())
}

/// Teredo (RFC 4380 section 5.1.1): perhaps authentication, perhaps the origin, then an IPv6
/// packet of just the length that is left.
pub(super) fn teredo(octets: &[u8], whole: bool) -> Option<Inner<'_>> {
    let mut reader = Reader::new(octets);
    if octets.starts_with(&[0, 1]) {
        reader.skip(2)?;
        let [id, authentication] = reader.array()?;
        // Both of these, a nonce of eight octets, and whether it is confirmed.
        reader.skip(usize::from(id) + usize::from(authentication) + 9)?;
    }
    if reader.rest().starts_with(&[0, 0]) {
        reader.skip(8)?;
    }
    let packet = reader.rest();
    let [first, _, _, _, high, low] = reader.array()?;
    let length = usize::from(u16::from_be_bytes([high, low])) + 40;
    (first >> 4 == 6 && (!whole || length == packet.len())).then_some((Network::Ipv6, packet))
}

/// AYIYA (draft-massar-v6ops-ayiya-02 section 3): identity, signature, and what the next
/// header says, forwarded (operation 1).
pub(super) fn ayiya(octets: &[u8]) -> Option<Inner<'_>> {
    let mut reader = Reader::new(octets);
    let [identity, signature, operation, next] = reader.array()?;
    if operation & 0x0f != 1 {
        return None;
    }
    reader.skip(4)?; // time
    reader.skip(1 << (identity >> 4))?;
    reader.skip(usize::from(signature >> 4) * 4)?;
    match next {
        4 => Some((Network::Ipv4, reader.rest())),
        41 => Some((Network::Ipv6, reader.rest())),
        _ => None,
    }
}
