//! TCP connections to mail servers, to the DNS and to chat servers: begun, answered or not, and
//! what was said in them, in order.
//!
//! [`half`] puts one direction together, `stream` both and reads what they carry; `table`
//! holds the connections that are known, `early` what may have overtaken their beginning, and
//! this file says what each packet changes. It is written for a mirror port: it follows a
//! connection from any place in its middle, with either direction missing, and over holes.
//! Packet time is the only clock ([`Connections::expire`]).

mod early;
pub mod half;
mod list;
pub mod saved;
mod slot;
mod stream;
mod table;

use super::irc;
use super::observation::Service;
use super::packet::{LinkTag, Packet, Segment};
use super::smtp::{Heard, Side};
use crate::capture::Origin;
use crate::host::HostAddr;
use crate::time::{NANOS, REORDER, Timestamp};
use foldhash::fast::RandomState;
use half::{Payload, SegmentCounts};
use hashbrown::HashTable;
use list::List;
use serde::{Deserialize, Serialize};
use slot::{Attempt, Slot, State};
use std::collections::BTreeSet;
use stream::Stream;

/// An attempt that is not answered by then counts as unanswered: after the fourth SYN of
/// common systems (RFC 6298 section 5; at 1, 3, 7, 15 s).
pub const UNANSWERED: i64 = 30 * NANOS;

/// A connection without a packet for so long is forgotten: longer than the longest time that
/// a mail client has to wait for a reply (RFC 5321 section 4.5.3.2: 10 minutes), and than
/// systems repeat a SYN.
pub const IDLE: i64 = 900 * NANOS;

/// Parts of the bound of quiet connections that are forgotten at a time.
pub const GENERATIONS: u32 = 16;

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Connection {
    /// Who began it.
    pub client: HostAddr,
    /// Whom with.
    pub server: HostAddr,
    /// From which port.
    pub client_port: u16,
    /// To which port.
    pub port: u16,
    /// What that is for.
    pub service: Service,
}

/// When and where something was heard.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Packet time; of what is known by silence, when that was long enough.
    pub time: Timestamp,
    /// The packet, or the connection's first where it is known by silence.
    pub origin: Origin,
    /// The time of that packet.
    pub packet_time: Timestamp,
    /// Link address and VLAN of the client's packet; empty for others.
    pub tag: LinkTag,
    /// The packet was late.
    pub late: bool,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// The server answered.
    Established,
    /// It refused with RST.
    Refused,
    /// Nothing came within 30 s.
    Unanswered,
}

/// What a connection says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// The client begins it. Said once, of mail ports only, as the next two.
    Attempt,
    /// What became of that. An attempt that is answered or refused after it counted as
    /// unanswered has two outcomes.
    Outcome(Outcome),
    /// Whether the server's packets are mirrored: the first of them was seen, or the client
    /// acknowledged one that was not.
    Answers(bool),
    /// A message of the DNS.
    Dns {
        /// Who sent it.
        side: Side,
        /// Its octets, without the length before them.
        message: &'a [u8],
        /// Whether it ended before it was complete.
        cut: bool,
    },
    /// Chat.
    Irc(irc::Heard),
    /// SMTP, or what was found in its place.
    Smtp(Heard<'a>),
    /// The mail connection has ended, or is forgotten; whether octets of it were missing.
    Ended {
        /// Octets were missing.
        gapped: bool,
    },
}

/// Takes what connections say.
pub type Listener<'l> = dyn FnMut(&Connection, &Moment, Said<'_>) + 'l;

/// How many connections and octets may be kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections whose octets are followed.
    pub streams: usize,
    /// Octets in them that wait for others.
    pub octets: usize,
}

/// What is counted of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpCounts {
    /// Segments with payload.
    pub segments: SegmentCounts,
    /// Connections that were picked up in the middle.
    pub midstream: u64,
    /// Connections that had to be forgotten for others.
    pub evicted: u64,
    /// Connections of which octets had to be given up for want of room.
    pub shed: u64,
}

impl TcpCounts {
    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.segments.add(&other.segments);
        self.midstream += other.midstream;
        self.evicted += other.evicted;
        self.shed += other.shed;
    }
}

/// Connections, by their ends.
///
/// At its bound it forgets the connections that were quiet for longest ([`Limits::streams`]);
/// those without octets to follow (not answered yet, refused, ended) go by generations, so
/// that their number is bounded over all tables together ([`Connections::forget`]).
#[derive(Debug)]
pub struct Connections {
    limits: Limits,
    hasher: RandomState,
    index: HashTable<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Begun, and not answered yet; in order of arrival.
    opening: List,
    /// Followed; the one that was silent for longest first.
    live: List,
    /// Unanswered, refused, ended; kept to know a repeated SYN and late segments by.
    done: List,
    /// Ended, and picked up in the middle; kept to know late segments by.
    strays: List,
    generation: u16,
    /// Connections of which the index knows a newer attempt.
    replaced: usize,
    /// What waits for packets that may have been overtaken: connections with packets that are
    /// held back, and those that were reset; by the time of the first such packet.
    due: BTreeSet<(Timestamp, u32)>,
    /// The first moment that may still be spoken of: what lies before it is closed.
    open: Timestamp,
    /// Octets that wait, over all.
    octets: usize,
    counts: TcpCounts,
}

/// A segment and who sent it.
#[derive(Clone, Copy)]
struct Sent<'a> {
    side: Side,
    segment: Segment,
    payload: Payload<'a>,
    moment: Moment,
}

impl<'a> Sent<'a> {
    fn new(side: Side, segment: Segment, octets: &'a [u8], missing: u32, moment: Moment) -> Self {
        // SYN takes a number of its own.
        let syn = u32::from(segment.has(Segment::SYN));
        Self {
            side,
            segment,
            payload: Payload {
                seq: segment.seq.wrapping_add(syn),
                octets,
                missing,
                after: segment.has(Segment::ACK).then_some(segment.ack),
            },
            moment,
        }
    }
}

impl Connections {
    /// Knows none.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            hasher: RandomState::default(),
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            opening: List::default(),
            live: List::default(),
            done: List::default(),
            strays: List::default(),
            generation: 0,
            replaced: 0,
            due: BTreeSet::new(),
            open: Timestamp::MIN,
            octets: 0,
            counts: TcpCounts::default(),
        }
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> TcpCounts {
        self.counts
    }

    /// How many connections are known, and how many octets wait in them.
    #[must_use]
    pub fn kept(&self) -> (usize, usize) {
        (self.slots.len() - self.free.len(), self.octets)
    }

    /// Takes a packet in that was routed here: a segment, and of which side and for what that
    /// is, as [`sender`](super::observation::sender) says; one of the services that are followed.
    pub fn take(
        &mut self,
        packet: &Packet<'_>,
        segment: Segment,
        (side, service): (Side, Service),
        late: bool,
        out: &mut Listener<'_>,
    ) {
        debug_assert!(service.is_followed());
        let client = side == Side::Client;
        let connection = if client {
            Connection {
                client: packet.src,
                server: packet.dst,
                client_port: packet.src_port,
                port: packet.dst_port,
                service,
            }
        } else {
            Connection {
                client: packet.dst,
                server: packet.src,
                client_port: packet.dst_port,
                port: packet.src_port,
                service,
            }
        };
        let moment = Moment {
            time: packet.time,
            origin: packet.origin,
            packet_time: packet.time,
            tag: if client {
                packet.tag
            } else {
                LinkTag::default()
            },
            late,
        };
        let sent = Sent::new(side, segment, packet.payload, packet.missing, moment);
        let Some(at) = self.place(&connection, &sent, out) else {
            return;
        };
        self.touch(at, packet.time);
        if self.slot(at).is_some_and(|slot| slot.is_too_early(&sent)) {
            self.hold(at, &sent, out);
        } else {
            self.act(at, &sent, out);
        }
    }

    /// What a packet says whose turn it is.
    fn act(&mut self, at: u32, sent: &Sent<'_>, out: &mut Listener<'_>) {
        self.lapse(at, sent, out);
        match (
            sent.segment.has(Segment::SYN),
            sent.segment.has(Segment::RST),
        ) {
            (_, true) => self.reset(at, sent, out),
            (true, _) if sent.side == Side::Client => self.begin(at, sent, out),
            (true, _) => self.answer(at, sent, out),
            _ => self.proceed(at, sent, out),
        }
    }

    /// An answer that comes too late: the attempt is unanswered, though the second in which it
    /// became that may not be closed yet.
    fn lapse(&mut self, at: u32, sent: &Sent<'_>, out: &mut Listener<'_>) {
        let late = |slot: &Slot| slot.state == State::Opening && slot.due() < sent.moment.time;
        if sent.side == Side::Server && self.slot(at).is_some_and(late) {
            self.unanswered(at, out);
        }
    }

    fn unanswered(&mut self, at: u32, out: &mut Listener<'_>) {
        let open = self.open;
        if let Some(slot) = self.slots.get_mut(at as usize) {
            let moment = slot.silence(slot.due().max(open));
            slot.outcome(Outcome::Unanswered, &moment, out);
            self.settle(at);
        }
    }

    /// SYN: an attempt, or the repetition of one.
    fn begin(&mut self, at: u32, sent: &Sent<'_>, out: &mut Listener<'_>) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        match slot.attempt {
            Attempt::Unseen => {
                slot.initial = Some(sent.segment.seq);
                slot.begins(&sent.moment);
                slot.say_attempt(&sent.moment, out);
            }
            Attempt::Doubtful(first) => {
                slot.begins(&sent.moment);
                slot.say_attempt(&sent.moment, out);
                self.establish(at, first, &sent.moment, out);
            }
            Attempt::Said(outcome) => {
                self.counts.segments.retransmitted += 1;
                // Seen in another order than sent.
                if outcome.is_none() && !sent.moment.late && sent.moment.time < slot.began {
                    slot.begins(&sent.moment);
                }
            }
        }
        if !sent.payload.is_empty() {
            // Data with the SYN (RFC 7413).
            match self.slot(at) {
                Some(slot) if slot.stream.is_some() => self.speak(at, sent, out),
                Some(slot) if !slot.ended => self.hold(at, sent, out),
                _ => {}
            }
        }
    }

    /// SYN and ACK.
    fn answer(&mut self, at: u32, sent: &Sent<'_>, out: &mut Listener<'_>) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        let initial = sent.segment.ack.wrapping_sub(1);
        match slot.attempt {
            Attempt::Unseen if slot.initial.is_none() => {
                slot.initial = Some(initial);
                slot.attempt = Attempt::Doubtful(sent.payload.seq);
            }
            Attempt::Said(_) if slot.initial == Some(initial) => {
                self.establish(at, sent.payload.seq, &sent.moment, out);
                if !sent.payload.is_empty() && self.slot(at).is_some_and(|it| it.stream.is_some()) {
                    self.speak(at, sent, out);
                }
            }
            // Again, or of another attempt than this.
            _ => {}
        }
    }

    /// The server has answered, and its first octet has the number `first`.
    fn establish(&mut self, at: u32, first: u32, moment: &Moment, out: &mut Listener<'_>) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        slot.established(moment, out);
        if slot.ended {
            return;
        }
        if slot.replaced {
            // Its packets would be taken for those of the newer one.
            self.settle(at);
            return;
        }
        self.follow(at, moment, out);
        self.with_stream(at, moment, out, |stream, _, _| {
            stream.begin(Side::Server, first, true);
        });
        self.release(at, out);
    }

    /// RST: a refusal, or the end.
    fn reset(&mut self, at: u32, sent: &Sent<'_>, out: &mut Listener<'_>) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        let segment = sent.segment;
        if let Some(stream) = &mut slot.stream {
            // What lies outside of the window resets nothing (RFC 9293 section 3.10.7.4).
            if stream.accepts(sent.side, segment.seq)
                && stream.reset(sent.side, segment, sent.moment)
            {
                self.due.insert((sent.moment.time, at));
            }
            return;
        }
        let ours = !segment.has(Segment::ACK)
            || slot
                .initial
                .is_some_and(|initial| segment.ack == initial.wrapping_add(1));
        if sent.side == Side::Server
            && ours
            && !slot.ended
            && slot.outcome(Outcome::Refused, &sent.moment, out)
        {
            self.settle(at);
        }
    }

    /// Any other segment.
    fn proceed(&mut self, at: u32, sent: &Sent<'_>, out: &mut Listener<'_>) {
        let speaks = !sent.payload.is_empty();
        let attempt = self.slot(at).map(|slot| slot.attempt);
        if let Some(Attempt::Doubtful(_)) = attempt {
            if sent.side == Side::Server && !speaks {
                return;
            }
            // More follows: it was no answer to somebody else's SYN.
            self.follow(at, &sent.moment, out);
        }
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        if let Attempt::Doubtful(_) = slot.attempt {
            slot.say_attempt(&sent.moment, out);
            slot.established(&sent.moment, out);
        }
        match sent.side {
            Side::Server if speaks => slot.established(&sent.moment, out),
            Side::Server => slot.answers(true, &sent.moment, out),
            // The client takes the connection for established: the answer passed us by.
            Side::Client if slot.answers.is_none() && slot.attempt != Attempt::Unseen => {
                slot.answers(false, &sent.moment, out);
            }
            Side::Client => {}
        }
        if slot.ended {
            // Of a chat, what follows its beginning is new.
            let again = speaks && slot.service != Service::Irc;
            self.counts.segments.retransmitted += u64::from(again);
        } else if slot.stream.is_some() {
            self.speak(at, sent, out);
        }
    }

    /// A segment of a connection that is followed.
    fn speak(&mut self, at: u32, sent: &Sent<'_>, out: &mut Listener<'_>) {
        let ended = self.with_stream(at, &sent.moment, out, |stream, counts, say| {
            let now = sent.moment.time;
            stream.segment(sent.side, sent.segment, sent.payload, now, counts, say)
        });
        if ended == Some(true) {
            self.end(at, true, &sent.moment, out);
        } else if self.octets > self.limits.octets {
            // What waits here is given up, not what others have.
            let stream = self.slot(at).and_then(|slot| slot.stream.as_ref());
            if stream.is_some_and(|stream| stream.can_shed()) {
                self.counts.shed += 1;
                self.with_stream(at, &sent.moment, out, Stream::shed);
            }
            self.relieve(&sent.moment, out);
        }
    }

    /// Ends those connections that were silent for longest while all keep too many octets: of
    /// lines and hellos, nothing can be given up.
    fn relieve(&mut self, moment: &Moment, out: &mut Listener<'_>) {
        while self.octets > self.limits.octets
            && let Some(eldest) = self.live.first()
        {
            self.evict(eldest, moment, out);
        }
    }

    /// Ends a connection to make room.
    fn evict(&mut self, at: u32, moment: &Moment, out: &mut Listener<'_>) {
        self.counts.evicted += 1;
        let moment = Moment {
            tag: LinkTag::default(),
            ..*moment
        };
        self.end(at, false, &moment, out);
        self.remove(at);
    }

    /// Works on a connection's stream, and keeps account of its octets.
    fn with_stream<R>(
        &mut self,
        at: u32,
        moment: &Moment,
        out: &mut Listener<'_>,
        work: impl FnOnce(&mut Stream, &mut SegmentCounts, &mut dyn FnMut(Said<'_>)) -> R,
    ) -> Option<R> {
        let slot = self.slots.get_mut(at as usize)?;
        let connection = slot.connection();
        let stream = slot.stream.as_mut()?;
        let before = stream.waiting();
        let counts = &mut self.counts.segments;
        let done = work(stream, counts, &mut |said| out(&connection, moment, said));
        self.octets = (self.octets + stream.waiting()).saturating_sub(before);
        Some(done)
    }

    /// Ends what a connection says; `closed`: its end was seen. An RST before this was it.
    fn end(&mut self, at: u32, closed: bool, moment: &Moment, out: &mut Listener<'_>) {
        let stream = self.slot(at).and_then(|slot| slot.stream.as_ref());
        let reset = stream.and_then(|stream| stream.reset_at().copied());
        if let Some(reset) = reset {
            self.due.remove(&(reset.time, at));
        }
        let moment = reset.as_ref().unwrap_or(moment);
        self.with_stream(at, moment, out, |stream, counts, say| {
            stream.end(closed || reset.is_some(), counts, say);
        });
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        if let Some(stream) = slot.stream.take() {
            self.octets = self.octets.saturating_sub(stream.waiting());
            slot.ended = true;
            self.settle(at);
        }
    }

    /// Says what follows from silence up to `now`, with which a second closes: no packet that
    /// is in time can come before it any more.
    pub fn expire(&mut self, now: Timestamp, out: &mut Listener<'_>) {
        while let Some(&(time, at)) = self.due.first()
            && time <= now
        {
            self.come_due(at, out);
        }
        let mut next = self.opening.first();
        while let Some(at) = next {
            let Some(slot) = self.slot(at) else {
                break;
            };
            next = slot.links.next();
            let due = slot.due();
            // The list is in order of arrival, so of packet time but for what is in time.
            if now.nanos_since(due) < -REORDER {
                break;
            }
            if due <= now {
                self.unanswered(at, out);
            }
        }
        while let Some(at) = self.gone(self.live, now)
            && let Some(slot) = self.slot(at)
        {
            let moment = slot.silence(slot.last.plus_nanos(IDLE).max(self.open));
            self.end(at, false, &moment, out);
            self.remove(at);
        }
        while let Some(at) = self.gone(self.done, now).or(self.gone(self.strays, now)) {
            self.remove(at);
        }
        self.open = self.open.max(now.plus_nanos(1));
    }

    /// The first of a list, where it was silent for long enough.
    fn gone(&self, list: List, now: Timestamp) -> Option<u32> {
        let at = list.first()?;
        (self.slot(at)?.last.plus_nanos(IDLE) <= now).then_some(at)
    }

    /// The input ends at `now`: what connections have not said yet.
    pub fn finish(&mut self, now: Timestamp, out: &mut Listener<'_>) {
        let open = self.open;
        self.expire(now, out);
        while let Some(at) = self.live.first() {
            if let Some(slot) = self.slot(at) {
                let moment = slot.silence(now.max(open));
                self.end(at, false, &moment, out);
            }
            self.remove(at);
        }
    }
}

#[cfg(test)]
mod tests;
