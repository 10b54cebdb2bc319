//! What must hold of any octets that are taken for a capture file. The fuzz target tries it on
//! what the fuzzer thinks of, the test `fuzz_seeds` on what is kept.

use mxray::capture::{Frame, Replay, Source as _};
use mxray::count::{Counters, Settings};
use mxray::decode::fragment::Fragments;
use mxray::decode::observation::{MailPorts, Route, route};
use mxray::decode::packet::Sliced;
use mxray::time::Timestamp;
use std::io::{self, Read};

/// Seconds behind the newest packet after which a second is closed.
const LATE: i64 = 2;

/// Reads `octets` to the end twice, once whole and once by small pieces as from a slow pipe;
/// both must yield the same frames and faults. Every frame is decoded and counted, and the
/// counts must add up.
///
/// # Panics
/// Where that does not hold.
pub(crate) fn holds(octets: &[u8]) {
    let mut counting = None;
    let whole = read(octets, usize::MAX, |frame| {
        // Counters take half a megabyte: not for what holds no frame.
        counting.get_or_insert_with(Counting::new).frame(frame);
    });
    let pieces = read(octets, 1 + octets.len() % 7, |_| {});
    if damaged_within(octets, &whole) && damaged_within(octets, &pieces) {
        let (whole, pieces) = (whole.0, pieces.0);
        assert!(whole.starts_with(&pieces) || pieces.starts_with(&whole));
    } else {
        assert_eq!(whole, pieces);
    }
    if let Some(counting) = counting {
        counting.finish();
    }
}

/// The frames as (time, link type, length on the wire, octets), and the faults.
type Told = (Vec<(i64, u32, u32, Vec<u8>)>, Vec<String>);

/// A compressed stream that is damaged: how much a decompressor hands over of what stands
/// before the damage depends on how much it was given at a time. So does what is told of it,
/// and only that much may differ.
fn damaged_within(octets: &[u8], (_, faults): &Told) -> bool {
    let compressed = matches!(octets, [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..])
        || matches!(octets, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    compressed && !faults.is_empty()
}

fn read(octets: &[u8], piece: usize, mut each: impl FnMut(&Frame<'_>)) -> Told {
    let source = Pieces {
        octets: octets.to_vec(),
        at: 0,
        piece,
    };
    let mut replay = Replay::from_reader("octets", source);
    let mut frames = Vec::new();
    while let Some(frame) = replay.next_frame() {
        assert!(frame.wire_len as usize >= frame.bytes.len());
        assert!(frame.origin.frame > frames.len() as u64, "from 1 upwards");
        each(&frame);
        frames.push((
            frame.time.nanos(),
            frame.link.0,
            frame.wire_len,
            frame.bytes.to_vec(),
        ));
    }
    assert!(replay.next_frame().is_none(), "and so it stays");
    let faults = replay.take_faults().into_iter();
    (frames, faults.map(|fault| fault.to_string()).collect())
}

/// Hands over at most `piece` octets at a time.
struct Pieces {
    octets: Vec<u8>,
    at: usize,
    piece: usize,
}

impl Read for Pieces {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let rest = self.octets.get(self.at..).unwrap_or_default();
        let (piece, _) = rest.split_at(self.piece.min(rest.len()).min(room.len()));
        let (room, _) = room.split_at_mut(piece.len());
        room.copy_from_slice(piece);
        self.at += piece.len();
        Ok(piece.len())
    }
}

struct Counting {
    fragments: Fragments,
    counters: Counters,
    newest: i64,
    recorded: u64,
}

impl Counting {
    fn new() -> Self {
        let settings = Settings {
            hosts: 128,
            bins: true,
            ..Settings::default()
        };
        Self {
            fragments: Fragments::default(),
            counters: Counters::new(settings),
            newest: i64::MIN,
            recorded: 0,
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        let Sliced::Packet(packet) = self.fragments.slice(frame).sliced else {
            return;
        };
        if !matches!(route(&packet, &MailPorts::default()), Route::Host(_)) {
            return;
        }
        let second = frame.time.second();
        if second > self.newest {
            self.newest = second;
            self.counters.close(second.saturating_sub(LATE + 1));
        }
        let late = second < self.newest.saturating_sub(LATE);
        self.counters.record(&packet, late);
        self.recorded += 1;
    }

    fn finish(mut self) {
        for delta in self.counters.end(Timestamp::from_parts(self.newest, 0)) {
            assert!(delta.facts.is_sorted_by_key(|fact| fact.host));
        }
        let packets = self.counters.packets();
        let malformed: u64 = packets.malformed.values().sum();
        assert_eq!(packets.decoded + malformed, self.recorded);
        assert!(self.counters.finish().len() as u64 == packets.hosts);
    }
}
