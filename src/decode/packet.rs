//! A frame's link, network and transport headers, down to the transport payload.
//!
//! The only file that names etherparse: it walks IP extension headers leniently, so that a
//! frame cut by the snap length still tells what it can. The common shapes (IPv4 without
//! options, IPv6 without extension headers, neither fragmented) are read by hand before
//! that, and a property test holds the two against each other.

use super::link::{self, Network};
use super::malformed::{Malformed, Unsupported};
use super::reader::Reader;
use crate::capture::{Frame, Origin};
use crate::host::HostAddr;
use crate::time::Timestamp;
use etherparse::{LaxIpSlice, err::Layer};

/// An IP packet with a readable transport header, borrowed from the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// Where a person finds it again.
    pub origin: Origin,
    /// Ethernet source address and VLAN, where the link has them.
    pub tag: LinkTag,
    /// Innermost IP source.
    pub src: HostAddr,
    /// Innermost IP destination.
    pub dst: HostAddr,
    /// UDP or TCP.
    pub transport: Transport,
    /// Transport source port.
    pub src_port: u16,
    /// Transport destination port.
    pub dst_port: u16,
    /// Whether the capture holds less of the payload than was sent.
    pub cut: bool,
    /// What the transport carries; trailing link padding is left out.
    pub payload: &'a [u8],
}

impl Packet<'_> {
    /// The same packet with its payload elsewhere.
    #[must_use]
    #[inline]
    pub fn with_payload<'a>(&self, payload: &'a [u8]) -> Packet<'a> {
        let &Packet {
            time,
            origin,
            tag,
            src,
            dst,
            transport,
            src_port,
            dst_port,
            cut,
            payload: _,
        } = self;
        Packet {
            time,
            origin,
            tag,
            src,
            dst,
            transport,
            src_port,
            dst_port,
            cut,
            payload,
        }
    }
}

/// What the link layer says about the sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkTag {
    /// Ethernet source address: the host's own on its LAN, else the last router's.
    pub mac: Option<[u8; 6]>,
    /// Outermost IEEE 802.1Q VLAN identifier.
    pub vlan: Option<u16>,
}

impl LinkTag {
    /// This tag, with what it lacks taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            mac: self.mac.or(other.mac),
            vlan: self.vlan.or(other.vlan),
        }
    }
}

/// Transport protocols with ports that mxray looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sliced<'a> {
    /// A UDP or TCP packet.
    Packet(Packet<'a>),
    /// A fragment of an IP packet: its ports or its end lie elsewhere.
    Fragment,
    /// Well-formed, and nothing that mxray reads (ARP, ICMP, 802.3 control frames, …).
    Ignored,
    /// Carried by something that mxray does not decode.
    Unsupported(Unsupported),
    /// Broken before its ports could be read.
    Malformed(Malformed),
}

/// Reads a frame's headers. Never panics, never allocates.
#[must_use]
pub fn slice<'a>(frame: &Frame<'a>) -> Sliced<'a> {
    let snapped = frame.wire_len as usize > frame.bytes.len();
    let (network, octets, tag) = match link::strip(frame.link, frame.bytes) {
        Ok(stripped) => stripped,
        Err(link::Stop::Ignored) => return Sliced::Ignored,
        Err(link::Stop::Unsupported(reason)) => return Sliced::Unsupported(reason),
        Err(link::Stop::Cut) => {
            return Sliced::Malformed(Malformed::LinkHeader.or_cut(snapped));
        }
    };
    let ip = match fast(network, octets) {
        Some(ip) => ip,
        None => match lax(octets) {
            Ok(ip) => ip,
            Err(malformed) => return Sliced::Malformed(malformed.or_cut(snapped)),
        },
    };
    if ip.fragmented {
        return Sliced::Fragment;
    }
    match ip.protocol {
        4 => return Sliced::Unsupported(Unsupported::IpInIp),
        41 => return Sliced::Unsupported(Unsupported::Ipv6InIp),
        47 => return Sliced::Unsupported(Unsupported::Gre),
        6 | 17 => {}
        _ => return Sliced::Ignored,
    }
    let cut = ip.incomplete && snapped;
    match transport(&ip) {
        Ok((transport, src_port, dst_port, payload, short)) => Sliced::Packet(Packet {
            time: frame.time,
            origin: frame.origin,
            tag,
            src: ip.src,
            dst: ip.dst,
            transport,
            src_port,
            dst_port,
            cut: cut || (short && snapped),
            payload,
        }),
        Err(malformed) => Sliced::Malformed(malformed.or_cut(snapped)),
    }
}

/// What is needed of an IP header.
#[derive(Debug, PartialEq, Eq)]
struct Ip<'a> {
    src: HostAddr,
    dst: HostAddr,
    protocol: u8,
    fragmented: bool,
    /// The header counts more octets than are there.
    incomplete: bool,
    payload: &'a [u8],
}

/// IPv4 without options and IPv6 without extension headers, unfragmented, with UDP or TCP
/// inside; `None` for anything else, which is then read by etherparse.
#[inline]
fn fast(network: Network, octets: &[u8]) -> Option<Ip<'_>> {
    match network {
        Network::Ipv4 => {
            let header: &[u8; 20] = octets.first_chunk()?;
            let [
                0x45,
                _,
                len0,
                len1,
                _,
                _,
                frag0,
                frag1,
                _,
                protocol @ (6 | 17),
                _,
                _,
                ..,
            ] = *header
            else {
                return None;
            };
            // Reserved and "don't fragment" may be set; "more fragments" and an offset not.
            if u16::from_be_bytes([frag0, frag1]) & 0x3fff != 0 {
                return None;
            }
            let length = usize::from(u16::from_be_bytes([len0, len1])).checked_sub(20)?;
            let rest = octets.get(20..)?;
            let [.., s0, s1, s2, s3, d0, d1, d2, d3] = *header;
            Some(Ip {
                src: HostAddr::from_v4([s0, s1, s2, s3]),
                dst: HostAddr::from_v4([d0, d1, d2, d3]),
                protocol,
                fragmented: false,
                incomplete: rest.len() < length,
                payload: rest.get(..length).unwrap_or(rest),
            })
        }
        Network::Ipv6 => {
            let mut reader = Reader::new(octets);
            let [first, ..] = reader.array::<4>()?;
            let length = usize::from(reader.u16()?);
            let [protocol @ (6 | 17), _] = reader.array::<2>()? else {
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
                protocol,
                fragmented: false,
                incomplete: rest.len() < length,
                payload: rest.get(..length).unwrap_or(rest),
            })
        }
        Network::Ip => None,
    }
}

/// Any IP header, by etherparse.
fn lax(octets: &[u8]) -> Result<Ip<'_>, Malformed> {
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
    // A fault in an extension header leaves the upper protocol unknown.
    if let Some((_, layer)) = stop
        && !payload.fragmented
        && layer != Layer::IpAuthHeader
    {
        return Err(Malformed::IpHeader);
    }
    Ok(Ip {
        src: ip.source_addr().into(),
        dst: ip.destination_addr().into(),
        protocol: payload.ip_number.0,
        fragmented: payload.fragmented,
        incomplete: payload.incomplete,
        payload: payload.payload,
    })
}

/// The ports, the payload, and whether the payload is shorter than the UDP header says.
type Ports<'a> = (Transport, u16, u16, &'a [u8], bool);

fn transport<'a>(ip: &Ip<'a>) -> Result<Ports<'a>, Malformed> {
    let mut reader = Reader::new(ip.payload);
    if ip.protocol == 17 {
        let mut header = || Some((reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?));
        let (src, dst, length, _checksum) = header().ok_or(Malformed::UdpHeader)?;
        let rest = reader.rest();
        // Zero is a jumbogram's (RFC 2675) or an offloading stack's; then all that is there.
        let length = match usize::from(length) {
            0 => rest.len(),
            length => length.checked_sub(8).ok_or(Malformed::UdpHeader)?,
        };
        let payload = rest.get(..length).unwrap_or(rest);
        Ok((Transport::Udp, src, dst, payload, length > rest.len()))
    } else {
        let mut header = || {
            let (src, dst) = (reader.u16()?, reader.u16()?);
            reader.skip(8)?;
            let offset = usize::from(reader.u8()? >> 4) * 4;
            reader.skip(7)?;
            reader.skip(offset.checked_sub(20)?)?;
            Some((src, dst))
        };
        let (src, dst) = header().ok_or(Malformed::TcpHeader)?;
        Ok((Transport::Tcp, src, dst, reader.rest(), false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;

    /// A UDP datagram of one octet in IPv4 whose header claims `total` octets.
    fn sliced(total: u16) -> (Vec<u8>, bool) {
        let mut octets = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0]; // to the checksum
        octets.extend_from_slice(&[192, 0, 2, 1, 192, 0, 2, 53]); // addresses
        octets.extend_from_slice(&[0x9c, 0x40, 0, 53, 0, 9, 0, 0, 0xab]); // UDP, length 9
        octets.splice(2..4, total.to_be_bytes());
        let frame = Frame {
            bytes: &octets,
            wire_len: u32::try_from(octets.len()).unwrap(),
            time: Timestamp::default(),
            link: LinkType::RAW,
            origin: Origin::default(),
        };
        match slice(&frame) {
            Sliced::Packet(packet) => (packet.payload.to_vec(), true),
            Sliced::Malformed(Malformed::IpHeader) => (Vec::new(), false),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_total_length_below_the_headers_own_is_no_packet_but_zero_is_an_offload() {
        assert_eq!(sliced(29), (vec![0xab], true));
        assert_eq!(sliced(0), (vec![0xab], true));
        assert_eq!(sliced(1500), (vec![0xab], true));
        for total in [1, 19] {
            assert_eq!(sliced(total), (Vec::new(), false), "{total}");
        }
    }
}
