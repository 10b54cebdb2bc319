//! Link-layer headers: what stands before the IP header, VLAN tags of any number included.
//!
//! etherparse knows neither Linux SLL2 nor BSD loopback and stops after three tags, so this
//! small walk is our own.

use super::malformed::Unsupported;
use super::packet::LinkTag;
use super::reader::Reader;
use crate::capture::LinkType;

/// What the octets behind a header are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// An Ethernet frame, without its check sequence.
    Ethernet,
    /// IPv4, says the link layer.
    Ipv4,
    /// IPv6, says the link layer.
    Ipv6,
    /// ARP (RFC 826).
    Arp,
    /// IP; the version stands in the header itself.
    Ip,
    /// A stack of MPLS labels (RFC 3032).
    Mpls,
    /// A `PPPoE` session header (RFC 2516).
    Pppoe,
}

/// Why there is nothing further to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Another protocol, of no use here.
    Ignored,
    /// Something that would have to be decoded first, and is not.
    Unsupported(Unsupported),
    /// The frame ends within its header.
    Cut,
}

/// Takes the link header off: what follows, its octets, and what the link says of the sender.
///
/// # Errors
/// Says why nothing that can be read follows. Never panics.
#[inline]
pub fn strip(link: LinkType, frame: &[u8]) -> Result<(Network, &[u8], LinkTag), Stop> {
    let mut reader = Reader::new(frame);
    match link {
        LinkType::ETHERNET => ethernet(frame),
        LinkType::LINUX_SLL => {
            // Packet type, ARPHRD type, address length, address (8), protocol.
            reader.skip(4).ok_or(Stop::Cut)?;
            let length = reader.u16().ok_or(Stop::Cut)?;
            let address: [u8; 8] = reader.array().ok_or(Stop::Cut)?;
            let protocol = reader.u16().ok_or(Stop::Cut)?;
            ether_payload(
                protocol,
                reader,
                LinkTag {
                    mac: mac(length.into(), address),
                    vlan: None,
                },
            )
        }
        LinkType::LINUX_SLL2 => {
            // Protocol, reserved (2), interface (4), ARPHRD type (2), packet type (1),
            // address length (1), address (8).
            let protocol = reader.u16().ok_or(Stop::Cut)?;
            reader.skip(9).ok_or(Stop::Cut)?;
            let length = reader.u8().ok_or(Stop::Cut)?;
            let address: [u8; 8] = reader.array().ok_or(Stop::Cut)?;
            ether_payload(
                protocol,
                reader,
                LinkTag {
                    mac: mac(length.into(), address),
                    vlan: None,
                },
            )
        }
        LinkType::RAW | LinkType::RAW_12 | LinkType::RAW_14 => {
            Ok((Network::Ip, frame, LinkTag::default()))
        }
        LinkType::IPV4 => Ok((Network::Ipv4, frame, LinkTag::default())),
        LinkType::IPV6 => Ok((Network::Ipv6, frame, LinkTag::default())),
        LinkType::NULL | LinkType::LOOP => {
            let family = reader.u32().ok_or(Stop::Cut)?;
            // The capturing machine's byte order is unknown; families are small numbers.
            let family = if family > 0xffff {
                family.swap_bytes()
            } else {
                family
            };
            match family {
                2 => Ok((Network::Ipv4, reader.rest(), LinkTag::default())),
                // AF_INET6 of Linux; NetBSD, OpenBSD and BSD/OS; FreeBSD; macOS.
                10 | 24 | 28 | 30 => Ok((Network::Ipv6, reader.rest(), LinkTag::default())),
                _ => Err(Stop::Ignored),
            }
        }
        other => Err(Stop::Unsupported(Unsupported::LinkType(other))),
    }
}

/// Takes the header off an Ethernet frame, also of one inside a tunnel.
///
/// # Errors
/// Says why nothing that can be read follows.
#[inline]
pub(super) fn ethernet(frame: &[u8]) -> Result<(Network, &[u8], LinkTag), Stop> {
    if let Some(plain) = plain(frame) {
        return Ok(plain);
    }
    let mut reader = Reader::new(frame);
    reader.skip(6).ok_or(Stop::Cut)?;
    let mac = reader.array().ok_or(Stop::Cut)?;
    let ether_type = reader.u16().ok_or(Stop::Cut)?;
    ether_payload(
        ether_type,
        reader,
        LinkTag {
            mac: Some(mac),
            vlan: None,
        },
    )
}

/// IP behind an Ethernet header without tags, as most frames are; `None` for any other.
#[inline]
pub(super) fn plain(frame: &[u8]) -> Option<(Network, &[u8], LinkTag)> {
    let (header, rest) = frame.split_first_chunk::<14>()?;
    let [_, _, _, _, _, _, mac @ .., t0, t1] = *header;
    let network = match [t0, t1] {
        [0x08, 0x00] => Network::Ipv4,
        [0x86, 0xdd] => Network::Ipv6,
        _ => return None,
    };
    let mac = Some(mac);
    Some((network, rest, LinkTag { mac, vlan: None }))
}

fn mac(length: usize, address: [u8; 8]) -> Option<[u8; 6]> {
    if length == 6 {
        address.first_chunk().copied()
    } else {
        None
    }
}

/// Follows VLAN tags and SNAP to the protocol that is carried.
#[inline]
pub(super) fn ether_payload(
    mut ether_type: u16,
    mut reader: Reader<'_>,
    mut tag: LinkTag,
) -> Result<(Network, &[u8], LinkTag), Stop> {
    loop {
        match ether_type {
            0x0800 => return Ok((Network::Ipv4, reader.rest(), tag)),
            0x86dd => return Ok((Network::Ipv6, reader.rest(), tag)),
            // 802.1Q, 802.1ad, and what switches used before it.
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => {
                let control = reader.u16().ok_or(Stop::Cut)?;
                tag.vlan.get_or_insert(control & 0x0fff);
                ether_type = reader.u16().ok_or(Stop::Cut)?;
            }
            // An 802.3 length: LLC follows; of its users only SNAP can carry IP (RFC 1042).
            0..0x0600 => {
                let Some([0xaa, 0xaa, 0x03, 0, 0, 0]) = reader.array() else {
                    return Err(Stop::Ignored);
                };
                ether_type = reader.u16().ok_or(Stop::Cut)?;
                if ether_type < 0x0600 {
                    return Err(Stop::Ignored);
                }
            }
            0x0806 => return Ok((Network::Arp, reader.rest(), tag)),
            0x8847 | 0x8848 => return Ok((Network::Mpls, reader.rest(), tag)),
            0x8864 => return Ok((Network::Pppoe, reader.rest(), tag)),
            0x88e5 => return Err(Stop::Unsupported(Unsupported::Macsec)),
            // RARP, wake on LAN, PPPoE discovery, EAPOL, LLDP, LACP and OAM,
            // PTP, loop test: control traffic of the link.
            0x8035 | 0x0842 | 0x8863 | 0x888e | 0x88cc | 0x8809 | 0x8902 | 0x88f7 | 0x9000 => {
                return Err(Stop::Ignored);
            }
            _ => return Err(Stop::Unsupported(Unsupported::EtherType)),
        }
    }
}
