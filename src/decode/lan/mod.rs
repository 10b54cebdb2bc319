//! Who has which address on a LAN: what ARP, neighbour discovery and DHCP say in passing.
//!
//! A frame here says that an IP address is that of an Ethernet address, or that an Ethernet
//! address is a router's. It is heard and not proved: anyone on the link may send it. What is
//! made of it is [`crate::correlate::identity`]'s to judge (docs/decisions/0012).
//!
//! Heard only of itself: an address in ARP or neighbour discovery that is not the frame's own
//! source speaks for somebody else (a proxy, a repeater, a liar) and says nothing here. DHCP
//! servers speak for their clients.

mod arp;
mod dhcp;
mod ndp;

pub(super) use arp::read as arp;
pub(super) use dhcp::{is_ports as is_dhcp, read as dhcp};
pub(super) use ndp::read as ndp;

use crate::capture::Origin;
use crate::host::HostAddr;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// An IP address and the Ethernet address that it is said to belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// When it was said.
    pub time: Timestamp,
    /// Where a person finds the frame.
    pub origin: Origin,
    /// Who says so, and of whom.
    pub said: Said,
}

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Said {
    /// The IP address.
    pub addr: HostAddr,
    /// The Ethernet address.
    pub mac: [u8; 6],
    /// By which protocol.
    pub how: How,
}

/// How an address was said to be somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum How {
    /// The sender of an ARP request or reply (RFC 826).
    Arp,
    /// The sender of a solicitation, or the target of an advertisement or of duplicate address
    /// detection (RFC 4861, RFC 4862 section 5.4).
    Neighbor,
    /// A lease that a server acknowledged, or that its client uses (RFC 2131).
    Dhcp,
    /// The sender of a router advertisement or a redirect, which only routers send
    /// (RFC 4861 sections 4.2 and 4.5).
    Router,
}

/// What a frame says, nothing where it says nothing of use, or that it is broken.
pub(super) type Heard = Result<Option<Said>, super::malformed::Malformed>;

/// Whether a host can have this address for its own.
fn is_unicast(addr: HostAddr) -> bool {
    match addr.ip() {
        IpAddr::V4(v4) => {
            !(v4.is_unspecified() || v4.is_loopback() || v4.is_multicast() || v4.is_broadcast())
        }
        IpAddr::V6(v6) => !(v6.is_unspecified() || v6.is_loopback() || v6.is_multicast()),
    }
}

/// Whether this is one station's address: neither a group's nor none at all.
fn is_station(mac: [u8; 6]) -> bool {
    let [first, ..] = mac;
    first & 1 == 0 && mac != [0; 6]
}

/// What is said, where both addresses can be a host's.
fn said(addr: HostAddr, mac: [u8; 6], how: How) -> Option<Said> {
    (is_unicast(addr) && is_station(mac)).then_some(Said { addr, mac, how })
}
