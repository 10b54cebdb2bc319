//! What can be wrong with a packet. Damage is data: counted by a stable name, never logged
//! packet by packet, and whatever could still be read counts.

use crate::capture::LinkType;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What was wrong with a packet, and in which layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Malformed {
    /// An ARP packet ends before its addresses do (RFC 826).
    Arp,
    /// A DHCP message ends within its header or an option (RFC 2131 section 2).
    Dhcp,
    /// The DNS message is shorter than its 12-octet header (RFC 1035 section 4.1.1).
    DnsHeader,
    /// A label length octet begins with the bits 01 or 10 (RFC 1035 section 4.1.4; RFC 6891
    /// section 5 withdrew the one extension that used them).
    DnsLabelType,
    /// A name is longer than 255 octets (RFC 1035 section 2.3.4).
    DnsNameLength,
    /// A name runs past the end of the message.
    DnsNameOverrun,
    /// A compression pointer does not point to a prior place of the message
    /// (RFC 1035 section 4.1.4), or too many follow each other.
    DnsPointer,
    /// The message ends within a question, or has none where it counts some.
    DnsQuestion,
    /// A resource record runs past the end of the message, or its data past its length.
    DnsRecord,
    /// A fragment ends beyond 65,535 octets, or is not the last and no multiple of eight
    /// octets long (RFC 791 section 3.2, RFC 8200 section 4.5).
    Fragment,
    /// An IP header is cut, has an impossible length, or a version other than 4 and 6.
    IpHeader,
    /// The frame is shorter than its link-layer header.
    LinkHeader,
    /// A message of neighbour discovery ends within its header or an option (RFC 4861 section 4).
    Ndp,
    /// The capture's snap length cut off what was needed.
    SnaplenCut,
    /// The TCP header is cut or has an impossible length (RFC 9293 section 3.1).
    TcpHeader,
    /// The header of a tunnel is cut or impossible.
    TunnelHeader,
    /// The UDP header is cut or has an impossible length (RFC 768).
    UdpHeader,
}

impl Malformed {
    /// The stable name that events use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Arp => "arp",
            Self::Dhcp => "dhcp",
            Self::DnsHeader => "dns-header",
            Self::DnsLabelType => "dns-label-type",
            Self::DnsNameLength => "dns-name-length",
            Self::DnsNameOverrun => "dns-name-overrun",
            Self::DnsPointer => "dns-pointer",
            Self::DnsQuestion => "dns-question",
            Self::DnsRecord => "dns-record",
            Self::Fragment => "fragment",
            Self::IpHeader => "ip-header",
            Self::LinkHeader => "link-header",
            Self::Ndp => "ndp",
            Self::SnaplenCut => "snaplen-cut",
            Self::TcpHeader => "tcp-header",
            Self::TunnelHeader => "tunnel-header",
            Self::UdpHeader => "udp-header",
        }
    }

    /// The same damage, or [`Malformed::SnaplenCut`] where the capture had cut the packet:
    /// then the sender is not to blame.
    #[must_use]
    pub fn or_cut(self, cut: bool) -> Self {
        if cut { Self::SnaplenCut } else { self }
    }
}

/// Why a well-formed packet was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Unsupported {
    /// An Ethernet payload type that mxray does not know.
    EtherType,
    /// GRE with source routes (RFC 1701), of an unknown version, or ERSPAN of one.
    Gre,
    /// A link type that is not decoded.
    LinkType(LinkType),
    /// `MACsec`: encrypted.
    Macsec,
    /// Behind MPLS labels, neither IP nor Ethernet as far as can be told.
    Mpls,
    /// More than [`MAX_LAYERS`](super::packet::MAX_LAYERS) encapsulations.
    Nesting,
    /// PPP that is compressed, encrypted or split over links.
    Ppp,
}

impl Unsupported {
    /// The stable name that events use.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::EtherType => "ether-type",
            Self::Gre => "gre",
            Self::LinkType(link) => return link.name(),
            Self::Macsec => "macsec",
            Self::Mpls => "mpls",
            Self::Nesting => "nesting",
            Self::Ppp => "ppp",
        })
    }
}
