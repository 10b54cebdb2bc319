//! What must hold of any segments of a few connections of mail, the DNS and chat: the octets of
//! a direction beside an ordered reference, and the table of connections within its bounds. The
//! fuzz target tries it on what the fuzzer thinks of, the test `fuzz_seeds` on what is kept.
#![allow(
    clippy::indexing_slicing,
    clippy::option_option,
    reason = "a reference, as plain as can be"
)]

use mxray::capture::Origin;
use mxray::decode::observation::{DNS, MailPorts, Service, sender};
use mxray::decode::packet::{LinkTag, Packet, Segment, Transport};
use mxray::decode::tcp::half::{Half, MAX_WAITING, Payload, SegmentCounts, Stretch};
use mxray::decode::tcp::{Connection, Connections, Limits, Said};
use mxray::host::HostAddr;
use mxray::time::Timestamp;

/// A port of chat servers.
const IRC: u16 = 6667;

const LIMITS: Limits = Limits {
    streams: 4,
    octets: 3_000,
};

/// Seven octets of head, then the payload.
const HEAD: usize = 7;

/// The input: segments of seven octets and a payload each: which connection, service and side
/// (and in the highest bit, whether the snap length cut it), flags, sequence, acknowledgement, length,
/// seconds since the one before.
///
/// # Panics
/// Where it does not hold that the first copy of each octet is read in order, that holes are
/// told, that what waits is within its bounds, that an attempt is said once for each initial
/// number, and that a connection says only what those of its service can.
pub(crate) fn holds(input: &[u8]) {
    let mut connections = Connections::new(LIMITS);
    let mail = MailPorts::default();
    let mut reference = Reference::default();
    let (mut rest, mut second, mut frame) = (input, 0, 0);
    let (mut attempts, mut syns) = (0_u32, 0_u32);
    let mut listen = |connection: &Connection, said: Said<'_>| {
        attempts += u32::from(said == Said::Attempt);
        let service = match said {
            Said::Dns { .. } => Service::Dns,
            Said::Irc(_) => Service::Irc,
            _ => Service::Mail,
        };
        assert_eq!(connection.service, service);
    };
    while let Some((head, behind)) = rest.split_first_chunk::<HEAD>() {
        let [which, flags, high, low, ack, length, wait] = *head;
        let (payload, next) = behind.split_at(usize::from(length).min(behind.len()));
        rest = next;
        second += i64::from(wait);
        frame += 1;
        let missing = u32::from(which >> 7) * 10;
        let segment = Segment {
            seq: u32::from(u16::from_be_bytes([high, low])),
            ack: u32::from(ack),
            flags,
        };
        let client = (
            HostAddr::from_v4([192, 0, 2, 1]),
            40_000 + u16::from(which & 7),
        );
        let port = match which & 0x28 {
            0 => 25,
            8 => DNS,
            _ => IRC,
        };
        let server = (HostAddr::from_v4([198, 51, 100, 1]), port);
        let (src, dst) = if which & 16 == 0 {
            (client, server)
        } else {
            (server, client)
        };
        let time = Timestamp::from_parts(second, 0);
        let packet = Packet {
            time,
            origin: Origin { file: 0, frame },
            tag: LinkTag::default(),
            src: src.0,
            dst: dst.0,
            transport: Transport::Tcp(segment),
            src_port: src.1,
            dst_port: dst.1,
            missing,
            payload,
        };
        syns += u32::from(segment.has(Segment::SYN));
        let sent = sender(&packet, segment, &mail).expect("a port that is followed");
        connections.take(&packet, segment, sent, false, &mut |connection, _, said| {
            listen(connection, said);
        });
        if wait > 200 {
            connections.forget();
        }
        let closed = Timestamp::from_parts(second - 3, 0);
        connections.expire(closed, &mut |connection, _, said| listen(connection, said));
        let (known, waiting) = connections.kept();
        assert!(known as u64 <= frame && waiting <= LIMITS.octets + 2 * 255);
        reference.segment(time, segment.seq, payload, missing);
    }
    let end = Timestamp::from_parts(second, 0);
    connections.finish(end, &mut |connection, _, said| listen(connection, said));
    assert_eq!(connections.kept().1, 0);
    assert!(attempts <= syns);
    reference.finish();
}

/// One direction, beside a list with a place for each octet.
struct Reference {
    half: Half,
    counts: SegmentCounts,
    said: Vec<Option<u8>>,
    /// `None`: nothing came; `Some(None)`: known to be lost.
    octets: Vec<Option<Option<u8>>>,
}

impl Default for Reference {
    fn default() -> Self {
        let mut half = Half::default();
        half.begin(0, true);
        Self {
            half,
            counts: SegmentCounts::default(),
            said: Vec::new(),
            octets: Vec::new(),
        }
    }
}

impl Reference {
    fn segment(&mut self, time: Timestamp, seq: u32, payload: &[u8], missing: u32) {
        let Self {
            half,
            counts,
            said,
            octets,
        } = self;
        let before = said.len();
        let taken = Payload {
            seq,
            octets: payload,
            missing,
            after: None,
        };
        // What waits for too long is given up: tried in the table of connections.
        half.payload(time, taken, None, counts, &mut |stretch| {
            keep(said, stretch);
        });
        assert!(half.waiting() <= MAX_WAITING);
        let start = seq as usize;
        let end = start + payload.len() + missing as usize;
        octets.resize(octets.len().max(end), None);
        let sent = payload.iter().copied().map(Some);
        let sent = sent.chain(std::iter::repeat_n(None, missing as usize));
        for (place, octet) in (start..).zip(sent).filter(|(place, _)| *place >= before) {
            octets[place].get_or_insert(octet);
        }
        for place in before..said.len() {
            // What was never seen can only have been given up.
            assert_eq!(said[place], octets[place].flatten());
        }
    }

    fn finish(mut self) {
        let Self {
            half,
            counts,
            said,
            octets,
        } = &mut self;
        while half.waits_since().is_some() {
            half.skip(counts, &mut |stretch| keep(said, stretch));
            half.drain(None, counts, &mut |stretch| keep(said, stretch));
        }
        half.finish(counts, &mut |stretch| keep(said, stretch));
        let lost = said.iter().filter(|octet| octet.is_none()).count();
        assert_eq!(lost as u64, counts.lost);
        assert_eq!(half.waiting(), 0);
        assert!(
            said.iter()
                .zip(octets)
                .all(|(said, octet)| *said == octet.flatten())
        );
    }
}

/// Octets as they are, a hole as so many `None`s.
fn keep(said: &mut Vec<Option<u8>>, stretch: Stretch<'_>) {
    match stretch {
        Stretch::Octets(octets) => said.extend(octets.iter().copied().map(Some)),
        Stretch::Hole(Some(count)) => said.extend(std::iter::repeat_n(None, count as usize)),
        Stretch::Hole(None) => panic!("numbers of 16 bits lie in one window"),
    }
}
