//! TCP connections to mail servers, to the DNS and to chat servers: begun, answered or not, and what was said
//! in them, in order.
//!
//! [`half`] puts one direction together, `stream` both and reads what they carry; this file
//! holds the connections that are known. It is written for a mirror port: it follows a
//! connection from any place in its middle, with either direction missing, and over holes.
//! Packet time is the only clock ([`Connections::expire`]).

pub mod half;
mod list;
mod stream;

use super::irc;
use super::observation::{MailPorts, Service, sender};
use super::packet::{LinkTag, Packet, Segment, Transport};
use super::smtp::{Heard, Side};
use crate::capture::Origin;
use crate::host::HostAddr;
use crate::time::{NANOS, Timestamp};
use foldhash::fast::RandomState;
use half::{Payload, SegmentCounts};
use hashbrown::HashTable;
use list::{Links, List};
use std::hash::BuildHasher as _;
use stream::Stream;

/// An attempt that is not answered by then counts as unanswered: after the fourth SYN of
/// common systems (RFC 6298 section 5; at 1, 3, 7, 15 s).
pub const UNANSWERED: i64 = 30 * NANOS;

/// A connection without a packet for so long is forgotten: longer than the longest time that
/// a mail client has to wait for a reply (RFC 5321 section 4.5.3.2: 10 minutes), and than
/// systems repeat a SYN.
pub const IDLE: i64 = 900 * NANOS;

/// Port of IRC in TLS (RFC 7194).
const IRC_IN_TLS: u16 = 6697;

/// Parts of the bound of quiet connections that are forgotten at a time.
pub const GENERATIONS: u32 = 16;

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    generation: u32,
    /// Octets that wait, over all.
    octets: usize,
    counts: TcpCounts,
}

#[derive(Debug)]
struct Slot {
    connection: Connection,
    links: Links,
    state: State,
    /// The initial sequence number, where it is known.
    initial: Option<u32>,
    attempt: Attempt,
    /// What was said of the server's packets.
    answers: Option<bool>,
    /// It was followed to its end.
    ended: bool,
    generation: u32,
    began: Timestamp,
    last: Timestamp,
    origin: Origin,
    stream: Option<Box<Stream>>,
}

/// Which list a connection stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Live,
    Done,
}

/// What was said of the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// Its beginning was not seen.
    Unseen,
    /// An answer to a SYN that was not seen, as also comes to a host whose address somebody
    /// else used: no attempt until more follows.
    Doubtful,
    /// The refusal of a SYN that was not seen: no attempt unless that follows, as where a
    /// capture has the two directions slightly out of order.
    Early,
    /// Said.
    Said(Option<Outcome>),
}

/// A segment and who sent it.
#[derive(Clone, Copy)]
struct Sent<'a> {
    side: Side,
    segment: Segment,
    payload: Payload<'a>,
    moment: Moment,
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
            generation: 0,
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

    /// Takes a TCP packet in that was routed here. Others are left alone.
    pub fn take(
        &mut self,
        packet: &Packet<'_>,
        late: bool,
        mail: &MailPorts,
        out: &mut Listener<'_>,
    ) {
        let Transport::Tcp(segment) = packet.transport else {
            return;
        };
        let Some((side, service)) = sender(packet, segment, mail) else {
            return;
        };
        if !service.is_followed() {
            return;
        }
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
        let begins = segment.has(Segment::SYN);
        let sent = Sent {
            side,
            segment,
            payload: Payload {
                // SYN takes a number of its own.
                seq: segment.seq.wrapping_add(u32::from(begins)),
                octets: packet.payload,
                missing: packet.missing,
                after: segment.has(Segment::ACK).then_some(segment.ack),
            },
            moment: Moment {
                time: packet.time,
                origin: packet.origin,
                packet_time: packet.time,
                tag: if client {
                    packet.tag
                } else {
                    LinkTag::default()
                },
                late,
            },
        };
        let Some(at) = self.place(&connection, &sent, out) else {
            return;
        };
        self.touch(at, sent.moment.time);
        match (begins, segment.has(Segment::RST)) {
            (_, true) => self.reset(at, &sent, out),
            (true, _) if client => self.begin(at, &sent, out),
            (true, _) => self.answer(at, &sent, out),
            _ => self.proceed(at, &sent, out),
        }
    }

    /// The place of the packet's connection; a new one where it begins one or belongs to one
    /// that is not known and says something.
    fn place(
        &mut self,
        connection: &Connection,
        sent: &Sent<'_>,
        out: &mut Listener<'_>,
    ) -> Option<u32> {
        let hash = self.hasher.hash_one(connection);
        let slots = &self.slots;
        let known = self.index.find(hash, |&at| {
            slots
                .get(at as usize)
                .is_some_and(|slot| slot.connection == *connection)
        });
        let begins = sent.segment.has(Segment::SYN) && !sent.segment.has(Segment::RST);
        let initial = match sent.side {
            Side::Client => sent.segment.seq,
            // What the server acknowledges is the SYN.
            Side::Server => sent.segment.ack.wrapping_sub(1),
        };
        if let Some(&at) = known {
            let slot = self.slots.get_mut(at as usize)?;
            let again = begins && slot.initial != Some(initial);
            // An answer to another SYN than the newest is old, unless that one is over.
            if again && (sent.side == Side::Client || slot.state == State::Done) {
                self.end(at, false, &sent.moment, out);
                self.unlink(at);
                let slot = Slot::new(*connection, self.generation, &sent.moment);
                *self.slots.get_mut(at as usize)? = slot;
                self.opening.push(&mut self.slots, at);
            }
            return Some(at);
        }
        let refusal = sent.segment.has(Segment::RST | Segment::ACK);
        let refuses = sent.side == Side::Server && refusal && sent.payload.octets.is_empty();
        if !begins && !refuses && sent.payload.octets.is_empty() {
            return None;
        }
        // Of a chat only the beginning is of use.
        if !begins && connection.service == Service::Irc {
            return None;
        }
        let mut slot = Slot::new(*connection, self.generation, &sent.moment);
        if refuses {
            slot.initial = Some(initial);
            slot.attempt = Attempt::Early;
        }
        let at = if let Some(at) = self.free.pop() {
            *self.slots.get_mut(at as usize)? = slot;
            at
        } else {
            // Four thousand million connections do not fit in memory either.
            let at = u32::try_from(self.slots.len()).ok()?;
            self.slots.push(slot);
            at
        };
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.index.insert_unique(hash, at, |&at| {
            let slot = slots.get(at as usize);
            slot.map_or(0, |slot| hasher.hash_one(slot.connection))
        });
        self.opening.push(&mut self.slots, at);
        if !begins && !refuses {
            self.counts.midstream += 1;
            self.follow(at, &sent.moment, out);
        }
        Some(at)
    }

    fn touch(&mut self, at: u32, time: Timestamp) {
        if let Some(slot) = self.slots.get_mut(at as usize) {
            slot.last = slot.last.max(time);
            if slot.state == State::Live {
                self.unlink(at);
                self.link(at, State::Live);
            }
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
                slot.say_attempt(&sent.moment, out);
            }
            Attempt::Doubtful => {
                slot.say_attempt(&sent.moment, out);
                slot.established(&sent.moment, out);
            }
            Attempt::Early => {
                slot.say_attempt(&sent.moment, out);
                slot.outcome(Outcome::Refused, &sent.moment, out);
                self.settle(at);
            }
            Attempt::Said(_) => self.counts.segments.retransmitted += 1,
        }
        if !sent.payload.octets.is_empty() {
            // Data with the SYN (RFC 7413).
            self.speak(at, sent, out);
        }
    }

    /// SYN and ACK.
    fn answer(&mut self, at: u32, sent: &Sent<'_>, out: &mut Listener<'_>) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        let initial = sent.segment.ack.wrapping_sub(1);
        match slot.initial {
            None if slot.attempt == Attempt::Unseen => {
                slot.initial = Some(initial);
                slot.attempt = Attempt::Doubtful;
                return;
            }
            Some(known) if known == initial && slot.attempt != Attempt::Early => {}
            // Of another attempt than this.
            _ => return,
        }
        if slot.attempt != Attempt::Doubtful {
            slot.established(&sent.moment, out);
            self.follow(at, &sent.moment, out);
            self.with_stream(at, &sent.moment, out, |stream, _, _| {
                stream.begin(Side::Client, initial.wrapping_add(1), true);
                stream.begin(Side::Server, sent.payload.seq, true);
            });
        }
    }

    /// RST: a refusal, or the end.
    fn reset(&mut self, at: u32, sent: &Sent<'_>, out: &mut Listener<'_>) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        let segment = sent.segment;
        if let Some(stream) = &mut slot.stream {
            // What lies outside of the window resets nothing (RFC 9293 section 3.10.7.4).
            if stream.accepts(sent.side, segment.seq) && stream.reset(sent.side, segment.seq) {
                self.end(at, true, &sent.moment, out);
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
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        let speaks = !sent.payload.octets.is_empty();
        if slot.attempt == Attempt::Early {
            // It refused nothing, and is in the middle.
            slot.attempt = Attempt::Unseen;
            slot.initial = None;
        }
        let begun = matches!(slot.attempt, Attempt::Said(_));
        if slot.attempt == Attempt::Doubtful && (sent.side == Side::Client || speaks) {
            // More follows: it was no answer to somebody else's SYN.
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
            let again = speaks && slot.connection.service != Service::Irc;
            self.counts.segments.retransmitted += u64::from(again);
            return;
        }
        if slot.attempt == Attempt::Doubtful {
            return;
        }
        let initial = slot.initial;
        if slot.stream.is_none() {
            if sent.side == Side::Server && !speaks {
                return;
            }
            self.follow(at, &sent.moment, out);
            if let Some(initial) = initial {
                self.with_stream(at, &sent.moment, out, |stream, _, _| {
                    stream.begin(Side::Client, initial.wrapping_add(1), begun);
                });
            }
        }
        self.speak(at, sent, out);
    }

    /// A segment of a connection that is followed.
    fn speak(&mut self, at: u32, sent: &Sent<'_>, out: &mut Listener<'_>) {
        self.follow(at, &sent.moment, out);
        let ended = self.with_stream(at, &sent.moment, out, |stream, counts, say| {
            let now = sent.moment.time;
            stream.segment(sent.side, sent.segment, sent.payload, now, counts, say)
        });
        if ended == Some(true) {
            self.end(at, true, &sent.moment, out);
        } else if self.octets > self.limits.octets {
            // What waits here is given up, not what others have.
            self.counts.shed += 1;
            self.with_stream(at, &sent.moment, out, Stream::shed);
        }
    }

    /// Follows the octets of a connection from now on.
    fn follow(&mut self, at: u32, moment: &Moment, out: &mut Listener<'_>) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        if slot.stream.is_some() {
            return;
        }
        let from_start = slot.attempt != Attempt::Unseen;
        slot.stream = Some(Box::new(match slot.connection.service {
            Service::Dns => Stream::dns(from_start),
            Service::Irc => Stream::irc(slot.connection.port == IRC_IN_TLS),
            _ => Stream::smtp(from_start),
        }));
        self.unlink(at);
        self.link(at, State::Live);
        if self.live.len() > self.limits.streams
            && let Some(eldest) = self.live.first()
        {
            self.counts.evicted += 1;
            let moment = Moment {
                tag: LinkTag::default(),
                ..*moment
            };
            self.end(eldest, false, &moment, out);
            self.remove(eldest);
        }
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
        let stream = slot.stream.as_mut()?;
        let before = stream.waiting();
        let connection = &slot.connection;
        let counts = &mut self.counts.segments;
        let done = work(stream, counts, &mut |said| out(connection, moment, said));
        self.octets = (self.octets + stream.waiting()).saturating_sub(before);
        Some(done)
    }

    /// Ends what a connection says; `closed`: its end was seen.
    fn end(&mut self, at: u32, closed: bool, moment: &Moment, out: &mut Listener<'_>) {
        self.with_stream(at, moment, out, |stream, counts, say| {
            stream.end(closed, counts, say);
        });
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        if slot.stream.take().is_some() {
            slot.ended = true;
            self.settle(at);
        }
    }

    /// Puts a connection among those that are over.
    fn settle(&mut self, at: u32) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        slot.generation = self.generation;
        self.unlink(at);
        self.link(at, State::Done);
    }

    /// Takes a connection out of its list.
    fn unlink(&mut self, at: u32) {
        match self.slots.get(at as usize).map(|slot| slot.state) {
            Some(State::Opening) => self.opening.remove(&mut self.slots, at),
            Some(State::Live) => self.live.remove(&mut self.slots, at),
            Some(State::Done) => self.done.remove(&mut self.slots, at),
            None => {}
        }
    }

    /// Puts a connection that is in no list at the end of one.
    fn link(&mut self, at: u32, state: State) {
        if let Some(slot) = self.slots.get_mut(at as usize) {
            slot.state = state;
        }
        match state {
            State::Opening => self.opening.push(&mut self.slots, at),
            State::Live => self.live.push(&mut self.slots, at),
            State::Done => self.done.push(&mut self.slots, at),
        }
    }

    fn remove(&mut self, at: u32) {
        let Some(slot) = self.slots.get(at as usize) else {
            return;
        };
        let hash = self.hasher.hash_one(slot.connection);
        self.unlink(at);
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == at) {
            entry.remove();
        }
        self.free.push(at);
    }

    /// Forgets quiet connections that began more than [`GENERATIONS`] calls ago. Called each
    /// time that the bound's part of connections has begun, whichever table they are in, it
    /// bounds the sum.
    pub fn forget(&mut self) {
        self.generation += 1;
        let Some(gone) = self.generation.checked_sub(GENERATIONS) else {
            return;
        };
        for state in [State::Opening, State::Done] {
            loop {
                let list = if state == State::Opening {
                    &self.opening
                } else {
                    &self.done
                };
                let Some(at) = list.first() else { break };
                let slot = self.slots.get(at as usize);
                if slot.is_none_or(|slot| slot.generation >= gone) {
                    break;
                }
                // The one that is over has said everything.
                self.counts.evicted += u64::from(state == State::Opening);
                self.remove(at);
            }
        }
    }

    /// Says what follows from silence up to `now`, which lies in a second that nothing can
    /// fall into any more, or before it; `earliest` is the first moment that may still be
    /// spoken of.
    pub fn expire(&mut self, now: Timestamp, earliest: Timestamp, out: &mut Listener<'_>) {
        // The list is in order of arrival, so of packet time but for two seconds.
        const DISORDER: i64 = 2 * NANOS;
        let mut next = self.opening.first();
        while let Some(at) = next {
            let Some(slot) = self.slots.get_mut(at as usize) else {
                break;
            };
            next = slot.links.next();
            let due = slot.began.plus_nanos(UNANSWERED);
            if now.nanos_since(due) < -DISORDER {
                break;
            }
            if due <= now {
                let moment = slot.silence(due.max(earliest));
                slot.outcome(Outcome::Unanswered, &moment, out);
                self.settle(at);
            }
        }
        while let Some(at) = self.live.first()
            && let Some(slot) = self.slots.get(at as usize)
            && slot.last.plus_nanos(IDLE) <= now
        {
            let moment = slot.silence(slot.last.plus_nanos(IDLE).max(earliest));
            self.end(at, false, &moment, out);
            self.remove(at);
        }
        while let Some(at) = self.done.first()
            && let Some(slot) = self.slots.get(at as usize)
            && slot.last.plus_nanos(IDLE) <= now
        {
            self.remove(at);
        }
    }

    /// The input ends at `now`: what connections have not said yet.
    pub fn finish(&mut self, now: Timestamp, earliest: Timestamp, out: &mut Listener<'_>) {
        self.expire(now, earliest, out);
        while let Some(at) = self.live.first() {
            let moment = self
                .slots
                .get(at as usize)
                .map(|slot| slot.silence(now.max(earliest)));
            if let Some(moment) = moment {
                self.end(at, false, &moment, out);
            }
            self.remove(at);
        }
    }
}

impl Slot {
    fn new(connection: Connection, generation: u32, moment: &Moment) -> Self {
        Self {
            connection,
            links: Links::default(),
            state: State::Opening,
            initial: None,
            attempt: Attempt::Unseen,
            answers: None,
            ended: false,
            generation,
            began: moment.time,
            last: moment.time,
            origin: moment.origin,
            stream: None,
        }
    }

    /// The moment of what is known by silence.
    fn silence(&self, time: Timestamp) -> Moment {
        Moment {
            time,
            origin: self.origin,
            packet_time: self.began,
            tag: LinkTag::default(),
            late: false,
        }
    }

    fn is_mail(&self) -> bool {
        self.connection.service == Service::Mail
    }

    fn say_attempt(&mut self, moment: &Moment, out: &mut Listener<'_>) {
        self.attempt = Attempt::Said(None);
        if self.is_mail() {
            out(&self.connection, moment, Said::Attempt);
        }
    }

    /// Says an outcome that is news; whether it was.
    fn outcome(&mut self, outcome: Outcome, moment: &Moment, out: &mut Listener<'_>) -> bool {
        let Attempt::Said(before) = self.attempt else {
            return false;
        };
        let news = match before {
            // Who went on had an answer that was not mirrored.
            None => outcome != Outcome::Unanswered || self.answers.is_none(),
            Some(before) => before == Outcome::Unanswered && outcome != before,
        };
        if !news {
            return false;
        }
        self.attempt = Attempt::Said(Some(outcome));
        if self.is_mail() {
            out(&self.connection, moment, Said::Outcome(outcome));
        }
        if outcome != Outcome::Unanswered {
            self.answers(true, moment, out);
        }
        true
    }

    fn established(&mut self, moment: &Moment, out: &mut Listener<'_>) {
        self.outcome(Outcome::Established, moment, out);
        self.answers(true, moment, out);
    }

    fn answers(&mut self, seen: bool, moment: &Moment, out: &mut Listener<'_>) {
        if self.answers != Some(true) && self.answers != Some(seen) {
            self.answers = Some(seen);
            if self.is_mail() {
                out(&self.connection, moment, Said::Answers(seen));
            }
        }
    }
}

#[cfg(test)]
mod tests;
