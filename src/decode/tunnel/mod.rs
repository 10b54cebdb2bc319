//! What carries packets inside packets, a file for each family: what it is that a tunnel's
//! header stands before.
//!
//! A tunnel is known by an Ethernet type or an IP protocol, or by nothing but a UDP port.
//! Ports prove nothing, so those headers must be right in all that can be checked; else the
//! datagram is taken for what it is, one of no use here.

mod gre;
mod mpls;
mod ppp;
mod udp;

use super::link::{Network, Stop, ether_payload};
use super::packet::LinkTag;
use super::reader::Reader;

/// What stands behind a header, and its octets.
pub(super) type Inner<'a> = (Network, &'a [u8]);

/// Takes off what the link layer says is a tunnel.
pub(super) fn behind(network: Network, octets: &[u8]) -> Result<Inner<'_>, Stop> {
    match network {
        Network::Mpls => mpls::behind(octets),
        Network::Pppoe => ppp::session(octets),
        Network::Ethernet | Network::Ip | Network::Ipv4 | Network::Ipv6 | Network::Arp => {
            Ok((network, octets))
        }
    }
}

/// The IP protocols that [`carried`] knows.
pub(super) const PROTOCOLS: [u8; 3] = [4, 41, 47];

/// Whether [`carried`] knows this IP protocol.
pub(super) fn is_protocol(protocol: u8) -> bool {
    PROTOCOLS.contains(&protocol)
}

/// Takes off what the IP header says is a tunnel.
pub(super) fn carried(protocol: u8, payload: &[u8]) -> Result<Inner<'_>, Stop> {
    match protocol {
        // RFC 2003 and RFC 4213; over IPv6 both RFC 2473.
        4 => Ok((Network::Ipv4, payload)),
        41 => Ok((Network::Ipv6, payload)),
        47 => gre::behind(payload),
        _ => Err(Stop::Ignored),
    }
}

/// L2TP's UDP port (RFC 2661 section 8.1).
const L2TP: u16 = 1701;
/// GTP-U's (3GPP TS 29.281 section 4.4.2).
const GTP_U: u16 = 2152;
/// Teredo servers' (RFC 4380 section 2.7).
const TEREDO: u16 = 3544;
/// VXLAN's (RFC 7348 section 5).
const VXLAN: u16 = 4789;
/// AYIYA's, of tunnel brokers until 2017 (draft-massar-v6ops-ayiya-02).
const AYIYA: u16 = 5072;
/// Geneve's (RFC 8926 section 3.3).
const GENEVE: u16 = 6081;

/// The UDP ports that [`by_port`] knows.
pub(super) const PORTS: [u16; 6] = [L2TP, GTP_U, TEREDO, VXLAN, AYIYA, GENEVE];

/// Whether [`by_port`] knows this UDP port.
#[inline]
pub(super) fn is_port(port: u16) -> bool {
    PORTS.contains(&port)
}

/// Takes off the tunnel header that a UDP port speaks for, if there is one; `whole` is
/// whether the datagram was captured to its end.
pub(super) fn by_port(port: u16, payload: &[u8], whole: bool) -> Option<Inner<'_>> {
    match port {
        L2TP => ppp::l2tp(payload),
        GTP_U => udp::gtp_u(payload, whole),
        TEREDO => udp::teredo(payload, whole),
        VXLAN => udp::vxlan(payload),
        AYIYA => udp::ayiya(payload),
        GENEVE => udp::geneve(payload),
        _ => None,
    }
}

/// What an Ethernet type in a tunnel's header says: also bridged Ethernet (RFC 1701) and PPP
/// (RFC 2637 section 4.1), which stand behind no Ethernet header.
fn ether_type(ether_type: u16, reader: Reader<'_>) -> Result<Inner<'_>, Stop> {
    match ether_type {
        0x6558 => Ok((Network::Ethernet, reader.rest())),
        0x880b => ppp::frame(reader.rest()),
        _ => ether_payload(ether_type, reader, LinkTag::default())
            .map(|(network, octets, _)| (network, octets)),
    }
}

/// IP of the version that its first four bits say.
fn ip(octets: &[u8]) -> Option<Inner<'_>> {
    match octets.first()? >> 4 {
        4 => Some((Network::Ipv4, octets)),
        6 => Some((Network::Ipv6, octets)),
        _ => None,
    }
}
