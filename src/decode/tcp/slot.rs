//! A connection in the table, and what has been said of its attempt.

use super::early::Early;
use super::half::{WINDOW, ahead};
use super::list::Links;
use super::stream::Stream;
use super::{Connection, Listener, Moment, Outcome, Said, Sent, UNANSWERED};
use crate::capture::Origin;
use crate::decode::observation::Service;
use crate::decode::packet::{LinkTag, Segment};
use crate::decode::smtp::Side;
use crate::host::HostAddr;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A connection. There may be a million of them: the ends and the origin stand here without
/// the room that they would need apart.
#[derive(Debug)]
pub(super) struct Slot {
    client: HostAddr,
    server: HostAddr,
    client_port: u16,
    port: u16,
    pub(super) service: Service,
    pub(super) links: Links,
    pub(super) state: State,
    /// The initial sequence number, where it is known.
    pub(super) initial: Option<u32>,
    pub(super) attempt: Attempt,
    /// What was said of the server's packets.
    pub(super) answers: Option<bool>,
    /// It was followed to its end.
    pub(super) ended: bool,
    /// Another attempt has its ends now; this one is known by its initial number too.
    pub(super) replaced: bool,
    pub(super) generation: u16,
    pub(super) began: Timestamp,
    pub(super) last: Timestamp,
    file: u32,
    frame: u64,
    /// Packets that came before the handshake; there is no stream then.
    #[allow(
        clippy::box_collection,
        reason = "few connections have any, and all have the room for it"
    )]
    pub(super) held: Option<Box<Vec<Early>>>,
    pub(super) stream: Option<Box<Stream>>,
}

/// Which list a connection stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Opening,
    Live,
    Done,
    /// Over, and the beginning was not seen.
    Stray,
}

/// What was said of the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Attempt {
    /// Its beginning was not seen.
    Unseen,
    /// An answer to a SYN that was not seen, as also comes to a host whose address somebody
    /// else used: no attempt until more follows. The number of the server's first octet.
    Doubtful(u32),
    /// Said.
    Said(Option<Outcome>),
}

impl Slot {
    pub(super) fn new(connection: &Connection, generation: u16, moment: &Moment) -> Self {
        let origin = (moment.origin.file, moment.origin.frame);
        Self::known(connection, generation, (moment.time, moment.time), origin)
    }

    /// One whose first packet, of these times and this place, came before.
    pub(super) fn known(
        connection: &Connection,
        generation: u16,
        (began, last): (Timestamp, Timestamp),
        (file, frame): (u32, u64),
    ) -> Self {
        Self {
            client: connection.client,
            server: connection.server,
            client_port: connection.client_port,
            port: connection.port,
            service: connection.service,
            links: Links::default(),
            state: State::Opening,
            initial: None,
            attempt: Attempt::Unseen,
            answers: None,
            ended: false,
            replaced: false,
            generation,
            began,
            last,
            file,
            frame,
            held: None,
            stream: None,
        }
    }

    pub(super) fn connection(&self) -> Connection {
        Connection {
            client: self.client,
            server: self.server,
            client_port: self.client_port,
            port: self.port,
            service: self.service,
        }
    }

    /// File and frame of its first packet.
    pub(super) fn origin(&self) -> (u32, u64) {
        (self.file, self.frame)
    }

    /// The attempt begins here.
    pub(super) fn begins(&mut self, moment: &Moment) {
        self.began = moment.time;
        self.file = moment.origin.file;
        self.frame = moment.origin.frame;
    }

    /// When it counts as unanswered.
    pub(super) fn due(&self) -> Timestamp {
        self.began.plus_nanos(UNANSWERED)
    }

    /// The moment of what is known by silence.
    pub(super) fn silence(&self, time: Timestamp) -> Moment {
        Moment {
            time,
            origin: Origin {
                file: self.file,
                frame: self.frame,
            },
            packet_time: self.began,
            tag: LinkTag::default(),
            late: false,
        }
    }

    /// Whether it waits for the answer.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Opening && self.attempt == Attempt::Said(None)
    }

    /// Whether it has said everything.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Done | State::Stray)
    }

    /// Whether a packet may have overtaken SYN or its answer, and so is not read yet. A
    /// refusal is read at once: only the answer to a SYN has the number 0 (RFC 9293 section
    /// 3.10.7.1).
    pub(super) fn is_too_early(&self, sent: &Sent<'_>) -> bool {
        let segment = sent.segment;
        if self.stream.is_some() || self.ended {
            return false;
        }
        if segment.has(Segment::RST) {
            let refuses = sent.side == Side::Server
                && segment.has(Segment::ACK)
                && segment.seq == 0
                && matches!(self.attempt, Attempt::Said(_));
            return !refuses;
        }
        !segment.has(Segment::SYN)
    }

    /// Whether a packet can be one of this connection: as long as nothing was answered, its
    /// numbers must be near the first.
    pub(super) fn may_have(&self, sent: &Sent<'_>) -> bool {
        match self.initial {
            Some(initial) if self.stream.is_none() && !self.ended => sent.follows(initial),
            _ => true,
        }
    }

    fn is_mail(&self) -> bool {
        self.service == Service::Mail
    }

    pub(super) fn say_attempt(&mut self, moment: &Moment, out: &mut Listener<'_>) {
        self.attempt = Attempt::Said(None);
        if self.is_mail() {
            out(&self.connection(), moment, Said::Attempt);
        }
    }

    /// Says an outcome that is news; whether it was.
    pub(super) fn outcome(
        &mut self,
        outcome: Outcome,
        moment: &Moment,
        out: &mut Listener<'_>,
    ) -> bool {
        let Attempt::Said(before) = self.attempt else {
            return false;
        };
        let news = match before {
            // Who went on had an answer that was not mirrored.
            None => outcome != Outcome::Unanswered || self.answers != Some(false),
            Some(before) => before == Outcome::Unanswered && outcome != before,
        };
        if !news {
            return false;
        }
        self.attempt = Attempt::Said(Some(outcome));
        if self.is_mail() {
            out(&self.connection(), moment, Said::Outcome(outcome));
        }
        if outcome != Outcome::Unanswered {
            self.answers(true, moment, out);
        }
        true
    }

    pub(super) fn established(&mut self, moment: &Moment, out: &mut Listener<'_>) {
        self.outcome(Outcome::Established, moment, out);
        self.answers(true, moment, out);
    }

    pub(super) fn answers(&mut self, seen: bool, moment: &Moment, out: &mut Listener<'_>) {
        if self.answers != Some(true) && self.answers != Some(seen) {
            self.answers = Some(seen);
            if self.is_mail() {
                out(&self.connection(), moment, Said::Answers(seen));
            }
        }
    }
}

impl Sent<'_> {
    /// Whether its numbers are those of a connection with that initial number.
    pub(super) fn follows(&self, initial: u32) -> bool {
        let from = match self.side {
            Side::Client => ahead(self.segment.seq, initial),
            Side::Server if self.segment.has(Segment::ACK) => {
                ahead(self.segment.ack, initial.wrapping_add(1))
            }
            Side::Server => 0,
        };
        (0..=WINDOW.cast_signed()).contains(&from)
    }
}
