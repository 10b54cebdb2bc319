//! What a packet says, and about whom: the vocabulary between decoding and counting.

use super::dns::{self, Message};
use super::malformed::{Malformed, Unsupported};
use super::packet::{Packet, Transport};
use crate::host::HostAddr;

/// UDP and TCP port of the DNS (RFC 1035 section 4.2).
pub const DNS: u16 = 53;
/// Ports of mail transport and submission (RFC 5321, RFC 6409, RFC 8314).
pub const MAIL: [u16; 3] = [25, 465, 587];

/// What is to be done with a packet, by its ports alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Counts for this host, whose traffic all goes the same way.
    Host(HostAddr),
    /// Nothing that mxray reads.
    Ignored,
    /// It would have to be decoded first, and is not.
    Unsupported(Unsupported),
}

/// Whose packet this is. Only the ports and, where both are 53, the QR bit are looked at.
#[must_use]
#[inline]
pub fn route(packet: &Packet<'_>) -> Route {
    match packet.transport {
        Transport::Udp => match (packet.src_port, packet.dst_port) {
            (DNS, DNS) if reply_bit(packet.payload) => Route::Host(packet.dst),
            (_, DNS) => Route::Host(packet.src),
            (DNS, _) => Route::Host(packet.dst),
            _ => Route::Ignored,
        },
        Transport::Tcp => {
            let ours = |port| port == DNS || MAIL.contains(&port);
            if ours(packet.src_port) || ours(packet.dst_port) {
                Route::Unsupported(Unsupported::TcpStream)
            } else {
                Route::Ignored
            }
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
