//! What a connection carries: both directions in order, and who reads them.

use super::half::{Half, Payload, SegmentCounts, Stretch};
use super::{Moment, Said};
use crate::decode::dns::framing::Framing;
use crate::decode::irc;
use crate::decode::packet::Segment;
use crate::decode::smtp::{End, Session, Side};
use crate::time::Timestamp;

/// A connection whose octets are followed.
#[derive(Debug)]
pub(super) struct Stream {
    client: Half,
    server: Half,
    reader: Reader,
    /// When one end reset it; octets from before that may still come.
    reset: Option<Moment>,
}

/// What reads the octets.
#[derive(Debug)]
enum Reader {
    Dns {
        client: Framing,
        server: Framing,
    },
    Smtp(Box<Session>),
    /// Of the client only.
    Irc(irc::Client),
}

impl Reader {
    fn take(&mut self, side: Side, stretch: Stretch<'_>, out: &mut dyn FnMut(Said<'_>)) {
        match (self, stretch) {
            (Self::Smtp(session), Stretch::Octets(octets)) => {
                session.octets(side, octets, &mut |heard| out(Said::Smtp(heard)));
            }
            (Self::Smtp(session), Stretch::Hole(missing)) => {
                session.gap(side, missing, &mut |heard| out(Said::Smtp(heard)));
            }
            (Self::Irc(client), Stretch::Octets(octets)) => {
                client.octets(octets, &mut |heard| out(Said::Irc(heard)));
            }
            (Self::Irc(client), Stretch::Hole(_)) => client.gap(),
            (Self::Dns { client, server }, stretch) => {
                let framing = if side == Side::Client { client } else { server };
                let mut say = |message: &[u8], cut| out(Said::Dns { side, message, cut });
                match stretch {
                    Stretch::Octets(octets) => framing.octets(octets, &mut say),
                    Stretch::Hole(missing) => framing.gap(missing, &mut say),
                }
            }
        }
    }

    /// Says what there is of unfinished messages.
    fn cut(&mut self, out: &mut dyn FnMut(Said<'_>)) {
        if let Self::Dns { client, server } = self {
            for (side, framing) in [(Side::Client, client), (Side::Server, server)] {
                framing.cut(&mut |message, cut| out(Said::Dns { side, message, cut }));
            }
        }
    }

    /// Octets of unfinished messages, lines and hellos.
    fn waiting(&self) -> usize {
        match self {
            Self::Dns { client, server } => client.waiting() + server.waiting(),
            Self::Smtp(session) => session.kept(),
            Self::Irc(client) => client.kept(),
        }
    }
}

impl Stream {
    /// A connection of the DNS; whether its beginning was seen.
    pub(super) fn dns(from_start: bool) -> Self {
        Self::new(Reader::Dns {
            client: Framing::new(from_start),
            server: Framing::new(from_start),
        })
    }

    /// A connection to a chat server; whether to the port of IRC in TLS.
    pub(super) fn irc(tls: bool) -> Self {
        Self::new(Reader::Irc(irc::Client::new(tls)))
    }

    /// A mail connection; whether its beginning was seen.
    pub(super) fn smtp(from_start: bool) -> Self {
        let session = if from_start {
            Session::new()
        } else {
            Session::midstream()
        };
        Self::new(Reader::Smtp(Box::new(session)))
    }

    fn new(reader: Reader) -> Self {
        Self {
            client: Half::default(),
            server: Half::default(),
            reader,
            reset: None,
        }
    }

    /// The first octet of a direction has this number; `seen`: its SYN was.
    pub(super) fn begin(&mut self, side: Side, seq: u32, seen: bool) {
        match side {
            Side::Client => self.client.begin(seq, seen),
            // What is not read would be waited for.
            Side::Server if matches!(self.reader, Reader::Irc(_)) => {}
            Side::Server => self.server.begin(seq, seen),
        }
    }

    /// Whether a segment of that number could be the sender's.
    pub(super) fn accepts(&self, side: Side, seq: u32) -> bool {
        match side {
            Side::Client => self.client.is_near(seq),
            Side::Server => self.server.is_near(seq),
        }
    }

    /// Whether there is something that can be given up.
    pub(super) fn can_shed(&self) -> bool {
        let unfinished = matches!(self.reader, Reader::Dns { .. }) && self.reader.waiting() > 0;
        unfinished || self.client.waiting() + self.server.waiting() > 0
    }

    /// Octets that wait for others.
    pub(super) fn waiting(&self) -> usize {
        self.client.waiting() + self.server.waiting() + self.reader.waiting()
    }

    /// Takes a segment in; whether the connection is over.
    pub(super) fn segment(
        &mut self,
        side: Side,
        segment: Segment,
        payload: Payload<'_>,
        now: Timestamp,
        counts: &mut SegmentCounts,
        out: &mut dyn FnMut(Said<'_>),
    ) -> bool {
        self.tick(now, counts, out);
        let Self {
            client,
            server,
            reader,
            ..
        } = self;
        if let Reader::Irc(chat) = reader
            && (side == Side::Server || chat.is_over())
        {
            return chat.is_over();
        }
        let (half, other) = match side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        if segment.has(Segment::ACK) {
            other.acknowledge(segment.ack);
        }
        let length = u32::try_from(payload.octets.len()).unwrap_or(u32::MAX);
        if segment.has(Segment::FIN) {
            let end = payload.seq.wrapping_add(length);
            half.end(end.wrapping_add(payload.missing));
        }
        if !payload.is_empty() {
            half.payload(now, payload, other.reached(), counts, &mut |stretch| {
                reader.take(side, stretch, out);
            });
        }
        self.settle(counts, out);
        // Where only one direction is mirrored, its end is all there will be.
        let over =
            |half: &Half, other: &Half| half.is_ended() && (other.is_ended() || !other.is_known());
        over(&self.client, &self.server)
            || over(&self.server, &self.client)
            || matches!(&self.reader, Reader::Irc(chat) if chat.is_over())
    }

    /// Takes an RST in; whether it is the first. The connection goes on for as long as packets
    /// may come that were sent before it.
    pub(super) fn reset(&mut self, side: Side, segment: Segment, moment: Moment) -> bool {
        let (half, other) = match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        };
        half.end(segment.seq);
        if segment.has(Segment::ACK) {
            other.acknowledge(segment.ack);
        }
        let first = self.reset.is_none();
        self.reset.get_or_insert(moment);
        first
    }

    /// When it was reset, if it was.
    pub(super) fn reset_at(&self) -> Option<&Moment> {
        self.reset.as_ref()
    }

    /// Gives up what was waited for for too long.
    fn tick(&mut self, now: Timestamp, counts: &mut SegmentCounts, out: &mut dyn FnMut(Said<'_>)) {
        while self.client.is_overdue(now) || self.server.is_overdue(now) {
            self.skip(counts, out);
        }
    }

    /// Gives up what a piece waits for: a hole first, since that may be what the other
    /// direction waits for, and else what came first. The octets of the other direction that
    /// it answers are told to be missing before it is read.
    fn skip(&mut self, counts: &mut SegmentCounts, out: &mut dyn FnMut(Said<'_>)) {
        let Self {
            client,
            server,
            reader,
            ..
        } = self;
        let rank = |half: &Half| {
            let since = half.waits_since();
            (since.is_none(), !half.has_hole(), since)
        };
        let ((side, half), (others, other)) = if rank(client) <= rank(server) {
            ((Side::Client, client), (Side::Server, server))
        } else {
            ((Side::Server, server), (Side::Client, client))
        };
        if !half.has_hole()
            && let Some(after) = half.waits_after()
            && other.waits_since().is_none()
        {
            other.give_up(after, counts, &mut |stretch| {
                reader.take(others, stretch, out);
            });
        } else {
            half.skip(counts, &mut |stretch| reader.take(side, stretch, out));
        }
        self.settle(counts, out);
    }

    /// Hands on what waited for the other direction, back and forth.
    fn settle(&mut self, counts: &mut SegmentCounts, out: &mut dyn FnMut(Said<'_>)) {
        let Self {
            client,
            server,
            reader,
            ..
        } = self;
        loop {
            let (at_client, at_server) = (client.reached(), server.reached());
            let more = server.drain(at_client, counts, &mut |stretch| {
                reader.take(Side::Server, stretch, out);
            });
            let others = client.drain(at_server, counts, &mut |stretch| {
                reader.take(Side::Client, stretch, out);
            });
            if !more && !others {
                break;
            }
        }
    }

    /// Gives up what waits.
    pub(super) fn shed(&mut self, counts: &mut SegmentCounts, out: &mut dyn FnMut(Said<'_>)) {
        self.give_up(counts, out);
        self.reader.cut(out);
    }

    /// Nothing more will come: it was seen to end (`closed`), or is forgotten.
    pub(super) fn end(
        &mut self,
        closed: bool,
        counts: &mut SegmentCounts,
        out: &mut dyn FnMut(Said<'_>),
    ) {
        self.give_up(counts, out);
        let Self {
            client,
            server,
            reader,
            ..
        } = self;
        for (side, half) in [(Side::Client, &mut *client), (Side::Server, server)] {
            half.finish(counts, &mut |stretch| reader.take(side, stretch, out));
        }
        reader.cut(out);
        if let Reader::Smtp(session) = reader {
            let end = match (closed, client.is_ended()) {
                (true, true) => End::Said,
                (true, false) => End::Closed,
                (false, _) => End::Forgotten,
            };
            session.end(end, &mut |heard| out(Said::Smtp(heard)));
            let gapped = session.gapped();
            out(Said::Ended { gapped });
        }
    }

    fn give_up(&mut self, counts: &mut SegmentCounts, out: &mut dyn FnMut(Said<'_>)) {
        while self
            .client
            .waits_since()
            .or(self.server.waits_since())
            .is_some()
        {
            self.skip(counts, out);
        }
    }
}
