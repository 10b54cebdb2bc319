//! What every source hands over: a frame as captured, and where it stood.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One captured frame, borrowed from the reader's buffer until the next one is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The octets that were captured.
    pub bytes: &'a [u8],
    /// Length on the wire; more than `bytes.len()` where the snap length cut the frame.
    pub wire_len: u32,
    /// When it was captured.
    pub time: Timestamp,
    /// What the first octets are.
    pub link: LinkType,
    /// Where a person finds it again.
    pub origin: Origin,
}

/// The place of a frame in its capture file.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Origin {
    /// Index of the file in [`Source::files`](super::Source::files).
    pub file: u32,
    /// Number of the frame in that file, from 1, as Wireshark counts.
    pub frame: u64,
}

/// A link-layer header type, as numbered in pcap files (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback: four octets of address family in the capturing machine's byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// Raw IP on the systems whose `DLT_RAW` is 12.
    pub const RAW_12: Self = Self(12);
    /// Raw IP on `OpenBSD`.
    pub const RAW_14: Self = Self(14);
    /// Raw IPv4 or IPv6.
    pub const RAW: Self = Self(101);
    /// `OpenBSD` loopback: as [`Self::NULL`], in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture.
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
