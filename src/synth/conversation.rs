//! One TCP connection, packet by packet (RFC 9293), and what networks, mirror ports and
//! attackers do to one.
//!
//! Each step moves the clock and keeps the sequence numbers, so that a case says only what is
//! said; a disturbance is a step too, after which the rest is still right.

use super::case::START;
use super::dialogue::{MICRO, MILLI};
use super::dice::hash;
use super::packet::{Capture, Endpoint, Packet, tcp};
use crate::time::Timestamp;
use etherparse::{TcpHeader, TcpOptionElement};

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Who began.
    Client,
    Server,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What a segment is for; ACK is set wherever there is something to acknowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    /// The last of what is said at once.
    Push,
    Syn,
    Fin,
    Reset,
}

/// So many milliseconds after the start of all cases.
pub(super) fn after(millis: i64) -> Timestamp {
    Timestamp::from_parts(START, 0).plus_nanos(millis * MILLI)
}

/// A connection under construction.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    client: Endpoint,
    server: Endpoint,
    /// The next sequence number of each.
    of_client: u32,
    of_server: u32,
    pub(super) now: Timestamp,
    /// Who sent last: a change of sides takes time.
    last: Option<Side>,
    /// Nanoseconds between the sensor and the server and back; the client is near.
    round_trip: i64,
    mss: u16,
    /// What the server can take.
    window: u16,
    packets: Vec<(Side, Packet)>,
}

impl Conversation {
    /// Nothing is sent yet. The initial sequence numbers follow from the ends and the time.
    pub(super) fn new(at: Timestamp, client: Endpoint, server: Endpoint) -> Self {
        let seed = |side: &str| {
            let all = hash(&format!("{side} {client:?} {server:?} {at}"));
            u32::try_from(all >> 32).expect("the upper half of 64 bits")
        };
        Self {
            client,
            server,
            of_client: seed("client"),
            of_server: seed("server"),
            now: at,
            last: None,
            round_trip: 24 * MILLI,
            mss: 1460,
            window: 64_240,
            packets: Vec::new(),
        }
    }

    /// Other initial sequence numbers.
    pub(super) fn sequences(mut self, client: u32, server: u32) -> Self {
        (self.of_client, self.of_server) = (client, server);
        self
    }

    /// Another round trip, in milliseconds.
    pub(super) fn round_trip(mut self, millis: i64) -> Self {
        self.round_trip = millis * MILLI;
        self
    }

    /// Another largest segment.
    pub(super) fn mss(mut self, octets: u16) -> Self {
        self.mss = octets;
        self
    }

    pub(super) fn wait(&mut self, millis: i64) -> &mut Self {
        self.now = self.now.plus_nanos(millis * MILLI);
        self
    }

    /// The next sequence number of a side.
    pub(super) fn next(&self, side: Side) -> u32 {
        match side {
            Side::Client => self.of_client,
            Side::Server => self.of_server,
        }
    }

    fn advance(&mut self, side: Side, octets: usize) {
        let octets = u32::try_from(octets).expect("a short conversation");
        let next = match side {
            Side::Client => &mut self.of_client,
            Side::Server => &mut self.of_server,
        };
        *next = next.wrapping_add(octets);
    }

    /// One packet with that sequence number; nothing is advanced.
    fn send(&mut self, side: Side, sequence: u32, kind: Kind, payload: &[u8]) {
        self.now = self.now.plus_nanos(match (self.last, side) {
            (Some(last), side) if last == side => 20 * MICRO,
            (Some(Side::Client), Side::Server) => self.round_trip,
            (Some(_), _) => 300 * MICRO,
            (None, _) => 0,
        });
        self.last = Some(side);
        let (from, to, window) = match side {
            Side::Client => (self.client, self.server, 64_240),
            Side::Server => (self.server, self.client, self.window),
        };
        let mut header = TcpHeader::new(0, 0, sequence, window);
        header.syn = kind == Kind::Syn;
        header.fin = kind == Kind::Fin;
        header.rst = kind == Kind::Reset;
        header.psh = kind == Kind::Push;
        // Only the first packet of a connection acknowledges nothing.
        header.ack = !(header.syn && side == Side::Client);
        if header.ack {
            header.acknowledgment_number = self.next(side.other());
        }
        if header.syn {
            let options = [
                TcpOptionElement::MaximumSegmentSize(self.mss),
                TcpOptionElement::Noop,
                TcpOptionElement::Noop,
                TcpOptionElement::SelectiveAcknowledgementPermitted,
            ];
            header.set_options(&options).expect("eight octets");
        }
        let packet = Packet::new(self.now, tcp(from, to, header, payload));
        self.packets.push((side, packet));
    }

    /// The client's first packet; again if it was sent already, as the clock stands.
    pub(super) fn syn(&mut self) -> &mut Self {
        self.send(Side::Client, self.of_client, Kind::Syn, &[]);
        self
    }

    /// SYN at each of so many milliseconds after now, and no answer.
    pub(super) fn unanswered(&mut self, at: &[i64]) -> &mut Self {
        let begun = self.now;
        for millis in at {
            self.now = begun.plus_nanos(millis * MILLI);
            self.last = None;
            self.syn();
        }
        self
    }

    /// The server's answer to it.
    pub(super) fn syn_ack(&mut self) -> &mut Self {
        self.advance(Side::Client, 1);
        self.send(Side::Server, self.of_server, Kind::Syn, &[]);
        self.advance(Side::Server, 1);
        self
    }

    /// The handshake in three packets.
    pub(super) fn open(&mut self) -> &mut Self {
        self.syn().syn_ack().ack(Side::Client)
    }

    /// SYN, answered with RST.
    pub(super) fn refused(&mut self) -> &mut Self {
        self.syn();
        self.advance(Side::Client, 1);
        self.of_server = 0; // RFC 9293 section 3.10.7.1
        self.rst(Side::Server)
    }

    pub(super) fn ack(&mut self, side: Side) -> &mut Self {
        self.send(side, self.next(side), Kind::Plain, &[]);
        self
    }

    /// Octets in as many segments as they need; the other side acknowledges every second
    /// full one, and the rest with what it says itself.
    pub(super) fn data(&mut self, side: Side, octets: &[u8]) -> &mut Self {
        let sizes = vec![usize::from(self.mss); octets.len() / usize::from(self.mss)];
        self.pieces(side, octets, &sizes)
    }

    /// Octets in segments of those sizes, the rest in one more.
    pub(super) fn pieces(&mut self, side: Side, mut octets: &[u8], sizes: &[usize]) -> &mut Self {
        for (number, size) in sizes.iter().enumerate() {
            let (piece, rest) = octets.split_at((*size).min(octets.len()));
            octets = rest;
            self.segment(side, piece, rest.is_empty());
            if number % 2 == 1 {
                self.ack(side.other());
            }
        }
        if !octets.is_empty() {
            self.segment(side, octets, true);
        }
        self
    }

    fn segment(&mut self, side: Side, octets: &[u8], last: bool) {
        let kind = if last { Kind::Push } else { Kind::Plain };
        self.send(side, self.next(side), kind, octets);
        self.advance(side, octets.len());
    }

    /// Octets at that sequence number, whatever was sent there before; nothing is advanced.
    pub(super) fn resend(&mut self, side: Side, sequence: u32, octets: &[u8]) -> &mut Self {
        self.send(side, sequence, Kind::Push, octets);
        self
    }

    pub(super) fn fin(&mut self, side: Side) -> &mut Self {
        self.send(side, self.next(side), Kind::Fin, &[]);
        self.advance(side, 1);
        self
    }

    /// The last FIN of a side once more.
    pub(super) fn fin_again(&mut self, side: Side) -> &mut Self {
        self.send(side, self.next(side).wrapping_sub(1), Kind::Fin, &[]);
        self
    }

    pub(super) fn rst(&mut self, side: Side) -> &mut Self {
        self.send(side, self.next(side), Kind::Reset, &[]);
        self
    }

    /// Both directions end, that of `first` before the other.
    pub(super) fn close(&mut self, first: Side) -> &mut Self {
        self.fin(first).fin(first.other()).ack(first)
    }

    /// The server says how much it can take from now on.
    pub(super) fn window(&mut self, octets: u16) -> &mut Self {
        self.window = octets;
        self.ack(Side::Server)
    }

    /// The SYN once more, though it was answered.
    pub(super) fn syn_again(&mut self) -> &mut Self {
        self.send(Side::Client, self.of_client.wrapping_sub(1), Kind::Syn, &[]);
        self
    }

    /// Takes over what another, that was this one before, has come to.
    pub(super) fn follow(&mut self, other: &Self) {
        *self = other.clone();
    }

    /// What is sent meanwhile the sensor does not see.
    pub(super) fn unseen(&mut self, sent: impl FnOnce(&mut Self)) -> &mut Self {
        let seen = self.packets.len();
        sent(self);
        self.packets.truncate(seen);
        self
    }

    /// The packets sent meanwhile are seen in the order that `order` makes of them, at the
    /// times at which packets were seen.
    pub(super) fn shuffled(
        &mut self,
        sent: impl FnOnce(&mut Self),
        order: impl FnOnce(&mut [(Side, Packet)]),
    ) -> &mut Self {
        let before = self.packets.len();
        sent(self);
        let packets = self.packets.get_mut(before..).expect("only added to");
        let times: Vec<_> = packets.iter().map(|(_, packet)| packet.time).collect();
        order(packets);
        for ((_, packet), time) in packets.iter_mut().zip(times) {
            packet.time = time;
        }
        self
    }

    /// Every packet so far twice, as a mirror port of both interfaces of a router sends them.
    pub(super) fn mirrored(mut self) -> Self {
        let twice = self.packets.into_iter().flat_map(|(side, packet)| {
            let mut copy = packet.clone();
            copy.time = copy.time.plus_nanos(5 * MICRO);
            [(side, packet), (side, copy)]
        });
        self.packets = twice.collect();
        self
    }

    /// Only the packets of one side were mirrored.
    pub(super) fn only(mut self, side: Side) -> Self {
        self.packets.retain(|(from, _)| *from == side);
        self
    }

    /// Of each frame at most so many octets were captured.
    pub(super) fn snapped(mut self, kept: usize) -> Self {
        let cut = self.packets.into_iter().map(|(side, packet)| {
            let long = packet.octets.len() > kept;
            (side, if long { packet.cut(kept) } else { packet })
        });
        self.packets = cut.collect();
        self
    }

    pub(super) fn packets(self) -> impl Iterator<Item = Packet> {
        self.packets.into_iter().map(|(_, packet)| packet)
    }
}

/// All conversations as one capture in order of time.
pub(super) fn capture(conversations: impl IntoIterator<Item = Conversation>) -> Capture {
    let conversations = conversations.into_iter();
    let mut packets: Vec<Packet> = conversations.flat_map(Conversation::packets).collect();
    packets.sort_by_key(|packet| packet.time); // stable: a conversation keeps its order
    Capture::ethernet(packets)
}
