//! PPP frames, and what they come in: `PPPoE` sessions and L2TP.

use super::super::link::{Network, Stop};
use super::super::malformed::Unsupported;
use super::super::reader::Reader;
use super::Inner;

/// What a `PPPoE` session header (RFC 2516 section 4) stands before: a PPP frame of the length
/// that it says, whatever Ethernet padded it to.
pub(super) fn session(octets: &[u8]) -> Result<Inner<'_>, Stop> {
    let mut reader = Reader::new(octets);
    let [version, code] = reader.array().ok_or(Stop::Cut)?;
    reader.skip(2).ok_or(Stop::Cut)?; // session
    let length = usize::from(reader.u16().ok_or(Stop::Cut)?);
    if (version, code) != (0x11, 0) {
        return Err(Stop::Ignored);
    }
    let rest = reader.rest();
    frame(rest.get(..length).unwrap_or(rest))
}

/// What a PPP frame carries (RFC 1661 section 2). Address and control may be left out, and the
/// first octet of the protocol where it is 0 (RFC 1661 section 6.5, 6.6): an odd octet ends it.
pub(super) fn frame(octets: &[u8]) -> Result<Inner<'_>, Stop> {
    let mut reader = Reader::new(octets.strip_prefix(&[0xff, 0x03]).unwrap_or(octets));
    let first = reader.u8().ok_or(Stop::Cut)?;
    let protocol = if first & 1 != 0 {
        u16::from(first)
    } else {
        u16::from_be_bytes([first, reader.u8().ok_or(Stop::Cut)?])
    };
    match protocol {
        0x0021 => Ok((Network::Ipv4, reader.rest())), // RFC 1332
        0x0057 => Ok((Network::Ipv6, reader.rest())), // RFC 5072
        0x0281 | 0x0283 => Ok((Network::Mpls, reader.rest())), // RFC 3032 section 4.3
        // TCP headers by Van Jacobson, a bundle of links, ROHC, compressed or encrypted data.
        0x002d | 0x002f | 0x003d | 0x0003 | 0x0005 | 0x0061 | 0x0069 | 0x00fb | 0x00fd | 0x0053
        | 0x0055 => Err(Stop::Unsupported(Unsupported::Ppp)),
        // Control protocols of the link and of its networks, and other networks.
        _ => Err(Stop::Ignored),
    }
}

/// What a data message of L2TP version 2 (RFC 2661 section 3.1) stands before.
pub(super) fn l2tp(octets: &[u8]) -> Option<Inner<'_>> {
    const CONTROL: u16 = 0x8000;
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    const RESERVED: u16 = 0x34f0;
    const VERSION: u16 = 0x000f;
    let mut reader = Reader::new(octets);
    let flags = reader.u16()?;
    if flags & VERSION != 2 || flags & (CONTROL | RESERVED) != 0 {
        return None;
    }
    if flags & LENGTH != 0 {
        let length = usize::from(reader.u16()?);
        reader = Reader::at(octets.get(..length).unwrap_or(octets), reader.offset());
    }
    reader.skip(4)?; // tunnel, session
    if flags & SEQUENCE != 0 {
        reader.skip(4)?;
    }
    if flags & OFFSET != 0 {
        let offset = reader.u16()?;
        reader.skip(offset.into())?;
    }
    frame(reader.rest()).ok()
}
