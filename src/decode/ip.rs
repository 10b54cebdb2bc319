//! IP headers of both versions, with what of fragmentation a sensor needs.
//!
//! Headers are etherparse's to read: it walks IP extension headers leniently, so that a
//! frame cut by the snap length still tells what it can. The common shapes (IPv4 without
//! options, IPv6 without extension headers, neither fragmented) are read by hand before
//! that, and a property test holds the two against each other.

use super::link::Network;
use super::malformed::Malformed;
use super::reader::Reader;
use crate::host::HostAddr;
use etherparse::err::Layer;
use etherparse::{IpNumber, Ipv6ExtensionsSlice, LaxIpSlice};

/// What is needed of an IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ip<'a> {
    pub(super) src: HostAddr,
    pub(super) dst: HostAddr,
    /// How many routers may still pass it on: TTL, or hop limit.
    pub(super) hops: u8,
    /// What the payload is; of a later IPv6 fragment what its header says that the first is.
    pub(super) protocol: u8,
    /// Which part of a datagram this is, where it is not the whole.
    pub(super) part: Option<Part>,
    /// Octets that the header counts and that are not there.
    pub(super) missing: usize,
    pub(super) payload: &'a [u8],
}

/// The place of a fragment in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// What the fragments of a datagram have in common, beside addresses and protocol.
    pub(super) id: u32,
    /// Where it belongs, in octets.
    pub(super) offset: u16,
    /// Whether it is not the last.
    pub(super) more: bool,
    /// Whether it is IPv6's.
    pub(super) v6: bool,
}

/// Any IP header: by hand where it is a common one, else by etherparse.
#[inline]
pub(super) fn read(network: Network, octets: &[u8]) -> Result<Ip<'_>, Malformed> {
    match fast(network, octets) {
        Some(ip) => Ok(ip),
        None => lax(octets),
    }
}

/// IPv4 without options and IPv6 without extension headers, unfragmented, with UDP or TCP
/// inside; `None` for anything else, which is then read by etherparse.
#[expect(
    clippy::inline_always,
    reason = "on the way of every packet: a call would put all of it into memory and fetch it again"
)]
#[inline(always)]
pub(super) fn fast(network: Network, octets: &[u8]) -> Option<Ip<'_>> {
    match network {
        Network::Ipv4 => fast_v4(octets),
        Network::Ipv6 => fast_v6(octets),
        _ => None,
    }
}

#[inline]
fn fast_v4(octets: &[u8]) -> Option<Ip<'_>> {
    let (header, rest) = octets.split_first_chunk::<20>()?;
    let [
        0x45,
        _,
        len0,
        len1,
        _,
        _,
        frag0,
        frag1,
        hops,
        protocol @ (6 | 17),
        _,
        _,
        src @ ..,
        d0,
        d1,
        d2,
        d3,
    ] = *header
    else {
        return None;
    };
    // Reserved and "don't fragment" may be set; "more fragments" and an offset not.
    if u16::from_be_bytes([frag0, frag1]) & 0x3fff != 0 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([len0, len1])).checked_sub(20)?;
    Some(Ip {
        src: HostAddr::from_v4(src),
        dst: HostAddr::from_v4([d0, d1, d2, d3]),
        hops,
        protocol,
        part: None,
        missing: length.saturating_sub(rest.len()),
        payload: rest.get(..length).unwrap_or(rest),
    })
}

#[inline]
fn fast_v6(octets: &[u8]) -> Option<Ip<'_>> {
    let mut reader = Reader::new(octets);
    let [first, ..] = reader.array::<4>()?;
    let length = usize::from(reader.u16()?);
    let [protocol @ (6 | 17), hops] = reader.array::<2>()? else {
        return None;
    };
    if first >> 4 != 6 || length == 0 {
        return None;
    }
    let (src, dst) = (reader.array::<16>()?, reader.array::<16>()?);
    let rest = reader.rest();
    Some(Ip {
        src: HostAddr::from_v6(src),
        dst: HostAddr::from_v6(dst),
        hops,
        protocol,
        part: None,
        missing: length.saturating_sub(rest.len()),
        payload: rest.get(..length).unwrap_or(rest),
    })
}

/// Any IP header, by etherparse.
fn lax(octets: &[u8]) -> Result<Ip<'_>, Malformed> {
    let octets_there = octets.len();
    let (ip, stop) = LaxIpSlice::from_slice(octets).map_err(|_| Malformed::IpHeader)?;
    // A total length of 0 is an offloading stack's: then all that is there is the packet.
    // Any other below the header's own describes no packet, and what follows is not one.
    if let Some(v4) = ip.ipv4() {
        let header = v4.header();
        let total = usize::from(header.total_len());
        if total != 0 && total < header.slice().len() {
            return Err(Malformed::IpHeader);
        }
    }
    let payload = ip.payload();
    let (protocol, octets, part) = if payload.fragmented {
        fragment(&ip, octets)?
    } else {
        // A fault in an extension header leaves the upper protocol unknown.
        if stop.is_some_and(|(_, layer)| layer != Layer::IpAuthHeader) {
            return Err(Malformed::IpHeader);
        }
        (payload.ip_number.0, payload.payload, None)
    };
    let hops = match (ip.ipv4(), ip.ipv6()) {
        (Some(v4), _) => v4.header().ttl(),
        (_, Some(v6)) => v6.header().hop_limit(),
        _ => 0,
    };
    Ok(Ip {
        src: ip.source_addr().into(),
        dst: ip.destination_addr().into(),
        hops,
        protocol,
        part,
        missing: missing(&ip, octets_there),
        payload: octets,
    })
}

/// Octets that the header of a packet counts beyond those that are there.
fn missing(ip: &LaxIpSlice<'_>, there: usize) -> usize {
    let length = match (ip.ipv4(), ip.ipv6()) {
        (Some(v4), _) => v4.header().total_len().into(),
        // Zero is a jumbogram's, or an offloading stack's.
        (_, Some(v6)) => match v6.header().payload_length() {
            0 => 0,
            length => 40 + usize::from(length),
        },
        _ => 0,
    };
    length.saturating_sub(there)
}

/// The protocol, the octets and the place of a fragment. etherparse reads extension headers
/// also where a later fragment has payload, so its walk is not used beyond the fixed header.
fn fragment<'a>(
    ip: &LaxIpSlice<'_>,
    octets: &'a [u8],
) -> Result<(u8, &'a [u8], Option<Part>), Malformed> {
    let read = || {
        if let Some(v4) = ip.ipv4() {
            let header = v4.header();
            let extensions = v4.extensions().auth.map_or(0, |auth| auth.slice().len());
            let mut reader = Reader::new(octets);
            reader.skip(header.slice().len())?;
            let part = Part {
                id: header.identification().into(),
                offset: header.fragments_offset().byte_offset(),
                more: header.more_fragments(),
                v6: false,
            };
            let rest = reader.take(extensions + ip.payload().payload.len())?;
            return Some((header.protocol().0, rest, Some(part)));
        }
        let v6 = ip.ipv6()?;
        let extensions = v6.extensions().slice().len();
        let mut reader = Reader::new(octets);
        reader.skip(40)?; // the fixed header (RFC 8200 section 3)
        let mut reader = Reader::new(reader.take(extensions + ip.payload().payload.len())?);
        let mut kind = v6.header().next_header().0;
        loop {
            let next = reader.u8()?;
            let length = usize::from(reader.u8()?);
            match kind {
                // Hop-by-hop, routing and destination options, in units of eight.
                0 | 43 | 60 => reader.skip(length * 8 + 6)?,
                // Authentication (RFC 4302 section 2.2), in units of four.
                51 => reader.skip(length * 4 + 6)?,
                44 => {
                    let place = reader.u16()?;
                    let part = Part {
                        id: reader.u32()?,
                        offset: place & 0xfff8,
                        more: place & 1 != 0,
                        v6: true,
                    };
                    if part.more || part.offset != 0 {
                        return Some((next, reader.rest(), Some(part)));
                    }
                }
                _ => return None,
            }
            kind = next;
        }
    };
    read().ok_or(Malformed::IpHeader)
}

/// What an IPv6 datagram of such a payload carries, behind the extension headers that were
/// fragmented with it.
pub(super) fn upper(protocol: u8, payload: &[u8]) -> Result<(u8, &[u8]), Malformed> {
    match Ipv6ExtensionsSlice::from_slice(IpNumber(protocol), payload) {
        // A fragment within a fragment: nobody sends it, and it would never be whole.
        Ok((extensions, ..)) if extensions.is_fragmenting_payload() => Err(Malformed::Fragment),
        Ok((_, protocol, payload)) => Ok((protocol.0, payload)),
        Err(_) => Err(Malformed::IpHeader),
    }
}
