//! When workers forget the eldest TCP connections: at the same packets, however many workers
//! there are.

use crate::decode::observation::{MailPorts, sender};
use crate::decode::packet::{Packet, Segment, Transport};
use crate::decode::tcp::GENERATIONS;

/// Connections that begin, up to a part of those that workers may know: all of them together,
/// wherever they are counted, since only the capture thread sees them all in order.
pub(super) struct Generation {
    begun: usize,
    bound: usize,
}

impl Generation {
    pub(super) fn new(connections: usize) -> Self {
        Self {
            begun: 0,
            bound: (connections / GENERATIONS as usize).max(1),
        }
    }

    /// Whether this packet begins a connection, and with it another part is full.
    pub(super) fn is_full(&mut self, packet: &Packet<'_>, mail: &MailPorts) -> bool {
        let Transport::Tcp(segment) = packet.transport else {
            return false;
        };
        // A refusal is remembered too.
        if segment.flags & (Segment::SYN | Segment::RST) != 0
            && sender(packet, segment, mail).is_some_and(|(_, service)| service.is_followed())
        {
            self.begun += 1;
        }
        let full = self.begun == self.bound;
        if full {
            self.begun = 0;
        }
        full
    }
}
