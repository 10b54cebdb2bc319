//! Generic routing encapsulation, PPTP's variant of it, and the mirror ports that send their
//! copies in it (ERSPAN).

use super::super::link::{Network, Stop};
use super::super::malformed::Unsupported;
use super::super::reader::Reader;
use super::{Inner, ether_type, ppp};

/// Checksum, routing, key and sequence number are there (RFC 2784 section 2.1, RFC 1701,
/// RFC 2890 section 2); acknowledgment, of version 1 (RFC 2637 section 4.1).
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// Protocol types of ERSPAN (draft-foschiano-erspan-03 section 4).
const ERSPAN: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;

/// What a GRE header stands before.
pub(super) fn behind(octets: &[u8]) -> Result<Inner<'_>, Stop> {
    let mut reader = Reader::new(octets);
    let flags = reader.u16().ok_or(Stop::Cut)?;
    let protocol = reader.u16().ok_or(Stop::Cut)?;
    match flags & VERSION {
        0 if flags & ROUTING == 0 => {
            let words = [CHECKSUM, KEY, SEQUENCE].map(|flag| usize::from(flags & flag != 0));
            let length = words.iter().sum::<usize>() * 4;
            reader.skip(length).ok_or(Stop::Cut)?;
        }
        1 => return pptp(flags, protocol, reader),
        _ => return Err(Stop::Unsupported(Unsupported::Gre)),
    }
    match protocol {
        // Type I has no header of its own, and no sequence number either.
        ERSPAN if flags & SEQUENCE == 0 => Ok((Network::Ethernet, reader.rest())),
        ERSPAN => erspan_2(reader),
        ERSPAN_3 => erspan_3(reader),
        _ => ether_type(protocol, reader),
    }
}

/// Version 1: key (length and call), then what the flags say. Without a sequence number it
/// is a mere acknowledgment.
fn pptp(flags: u16, protocol: u16, mut reader: Reader<'_>) -> Result<Inner<'_>, Stop> {
    if protocol != 0x880b {
        return Err(Stop::Unsupported(Unsupported::Gre));
    }
    let length = usize::from(reader.u16().ok_or(Stop::Cut)?);
    reader.skip(2).ok_or(Stop::Cut)?;
    if flags & SEQUENCE == 0 {
        return Err(Stop::Ignored);
    }
    reader.skip(4).ok_or(Stop::Cut)?;
    if flags & ACKNOWLEDGMENT != 0 {
        reader.skip(4).ok_or(Stop::Cut)?;
    }
    let rest = reader.rest();
    ppp::frame(rest.get(..length).unwrap_or(rest))
}

/// Eight octets that begin with the version 1.
fn erspan_2(mut reader: Reader<'_>) -> Result<Inner<'_>, Stop> {
    let [version, ..] = reader.array::<8>().ok_or(Stop::Cut)?;
    if version >> 4 != 1 {
        return Err(Stop::Unsupported(Unsupported::Gre));
    }
    Ok((Network::Ethernet, reader.rest()))
}

/// Twelve octets that begin with the version 2, perhaps eight more, and either an Ethernet
/// frame or an IP packet.
fn erspan_3(mut reader: Reader<'_>) -> Result<Inner<'_>, Stop> {
    let [version, .., high, low] = reader.array::<12>().ok_or(Stop::Cut)?;
    if version >> 4 != 2 {
        return Err(Stop::Unsupported(Unsupported::Gre));
    }
    // The last bit tells of the platform's subheader.
    if low & 1 != 0 {
        reader.skip(8).ok_or(Stop::Cut)?;
    }
    match (high >> 2) & 0x1f {
        0 => Ok((Network::Ethernet, reader.rest())),
        2 => Ok((Network::Ip, reader.rest())),
        _ => Err(Stop::Unsupported(Unsupported::Gre)),
    }
}
