//! What a packet says, and about whom: the vocabulary between decoding and counting.

use super::dns::{self, Message};
use super::malformed::Malformed;
use super::packet::{Packet, Segment, Transport};
use super::smtp::Side;
use crate::host::HostAddr;
use std::sync::Arc;

/// UDP and TCP port of the DNS (RFC 1035 section 4.2).
pub const DNS: u16 = 53;

/// The TCP ports that mail goes to.
#[derive(Clone, PartialEq, Eq)]
pub struct MailPorts {
    /// A bit for each port: one look for any number of them.
    bits: Arc<[u64; 1024]>,
}

impl MailPorts {
    /// Mail transport and submission (RFC 5321, RFC 8314, RFC 6409).
    pub const DEFAULT: [u16; 3] = [25, 465, 587];

    /// These ports and no others; that of the DNS cannot be one.
    #[must_use]
    pub fn new(ports: impl IntoIterator<Item = u16>) -> Self {
        let mut bits = [0_u64; 1024];
        for port in ports.into_iter().filter(|port| *port != DNS) {
            if let Some(word) = bits.get_mut(usize::from(port / 64)) {
                *word |= 1 << (port % 64);
            }
        }
        Self {
            bits: Arc::new(bits),
        }
    }

    /// Whether mail goes to this port.
    #[must_use]
    #[inline]
    pub fn contains(&self, port: u16) -> bool {
        let word = self.bits.get(usize::from(port / 64));
        word.is_some_and(|word| word >> (port % 64) & 1 != 0)
    }

    /// The ports, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0..=u16::MAX).filter(|port| self.contains(*port))
    }
}

impl Default for MailPorts {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

impl std::fmt::Debug for MailPorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What is to be done with a packet, by its ports alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Counts for this host, whose traffic all goes the same way.
    Host(HostAddr),
    /// Nothing that mxray reads.
    Ignored,
}

/// Whose packet this is. Only the ports are looked at, and where they are alike the QR bit
/// of UDP or the flags of TCP.
#[must_use]
#[inline]
pub fn route(packet: &Packet<'_>, mail: &MailPorts) -> Route {
    match packet.transport {
        Transport::Udp => match (packet.src_port, packet.dst_port) {
            (DNS, DNS) if reply_bit(packet.payload) => Route::Host(packet.dst),
            (_, DNS) => Route::Host(packet.src),
            (DNS, _) => Route::Host(packet.dst),
            _ => Route::Ignored,
        },
        Transport::Tcp(segment) => match sender(packet, segment, mail) {
            Some(Side::Client) => Route::Host(packet.src),
            Some(Side::Server) => Route::Host(packet.dst),
            None => Route::Ignored,
        },
    }
}

/// Which end of a connection sent this segment; `None` where it is none of ours.
///
/// Of two ports that are both ours the flags of the handshake tell, and after it the lower
/// one is the server's, as in nearly all there is. Two equal ports are those of old servers
/// among themselves, of which the lower address is then taken for the client's.
#[must_use]
#[inline]
pub(super) fn sender(packet: &Packet<'_>, segment: Segment, mail: &MailPorts) -> Option<Side> {
    let ours = |port| port == DNS || mail.contains(port);
    match (ours(packet.src_port), ours(packet.dst_port)) {
        (false, false) => None,
        (false, true) => Some(Side::Client),
        (true, false) => Some(Side::Server),
        (true, true) => {
            let to = (packet.dst_port, packet.src);
            let from = (packet.src_port, packet.dst);
            let client = match segment.flags & (Segment::SYN | Segment::ACK) {
                Segment::SYN => true,
                flags if flags & Segment::SYN != 0 => false,
                _ => to < from,
            };
            Some(if client { Side::Client } else { Side::Server })
        }
    }
}

fn reply_bit(payload: &[u8]) -> bool {
    payload.get(2).is_some_and(|flags| flags & 0x80 != 0)
}

/// What a routed packet says.
#[derive(Clone, Copy, Debug)]
pub enum Observation<'a> {
    /// The host asks: a message with QR = 0 to port 53.
    Query(Message<'a>),
    /// The host is answered: a message with QR = 1 from port 53.
    Reply(Message<'a>),
    /// A DNS message whose direction its ports deny: evidence of nothing.
    Stray(Message<'a>),
}

impl<'a> Observation<'a> {
    /// The message.
    #[must_use]
    pub fn message(&self) -> &Message<'a> {
        let (Self::Query(message) | Self::Reply(message) | Self::Stray(message)) = self;
        message
    }
}

/// Decodes a routed packet.
///
/// # Errors
/// Says what is broken where not even a message header can be read.
#[inline]
pub fn observe<'a>(packet: &Packet<'a>) -> Result<Observation<'a>, Malformed> {
    let message = dns::decode(packet.payload)?;
    Ok(match message.header.is_reply() {
        false if packet.dst_port == DNS => Observation::Query(message),
        true if packet.src_port == DNS => Observation::Reply(message),
        _ => Observation::Stray(message),
    })
}
