//! What must hold of an event log after a crash, and after damage to any octet of it. The fuzz
//! target tries it on what the fuzzer thinks of, the test `fuzz_seeds` on what is kept.
//!
//! The log is written here by what `mxray::eventlog` says of its files, and not by its writer:
//! so an index can promise any part of a segment, as at any moment of a run.

#![expect(
    clippy::indexing_slicing,
    reason = "places here are those of what was written above"
)]

#[path = "scratch.rs"]
mod scratch;

use mxray::eventlog::{Bounds, Position, Reader, Writer};
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// Segments at most, and events of each.
const SEGMENTS: u8 = 3;
const EVENTS: u8 = 12;

/// Octets of each thing that befalls it: which file and how, two for where, one for what.
const DAMAGE: usize = 4;

/// A segment as it was written.
struct Segment {
    number: u64,
    text: Vec<u8>,
    /// Where each event stands in it, with its line's end.
    events: Vec<Range<usize>>,
    index: Vec<u8>,
    /// How many of its events the index promises.
    promised: usize,
}

/// What is known to have become of a segment.
#[derive(Default)]
struct Fate {
    /// Octets that were changed.
    changed: HashSet<usize>,
    /// From where on it is gone.
    cut: Option<usize>,
    /// Its index is not what was written.
    index: bool,
}

impl Segment {
    /// Takes its head from the input: how many events; behind which of them a batch ends; how
    /// many batches the index has.
    fn read(number: u64, first: usize, input: &[u8]) -> Option<(Self, &[u8])> {
        let (&[count, ends, more_ends, indexed], rest) = input.split_first_chunk()?;
        let mut text = Vec::new();
        let mut events = Vec::new();
        for at in 0..usize::from(count % (EVENTS + 1)) {
            let begin = text.len();
            text.extend(event(first + at).bytes());
            text.push(b'\n');
            events.push(begin..text.len());
        }
        let ends = u16::from_be_bytes([ends, more_ends]);
        let mut index = format!("mxray-index 1 {first}\n");
        let (mut promised, mut offset, mut batches) = (0, 0, 0);
        for (at, event) in events.iter().enumerate() {
            if ends >> at & 1 == 1 && batches < indexed {
                let batch = &text[offset..event.end];
                let sum = xxh3_64(batch);
                let lines = at + 1 - promised;
                writeln!(index, "{offset} {} {lines} {sum:016x}", batch.len()).expect("memory");
                (promised, offset) = (at + 1, event.end);
                batches += 1;
            }
        }
        let segment = Self {
            number,
            text,
            events,
            index: index.into_bytes(),
            promised,
        };
        Some((segment, rest))
    }

    fn write(&self, folder: &Path) {
        fs::write(self.path(folder), &self.text).expect("room");
        fs::write(self.index_path(folder), &self.index).expect("room");
    }

    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("mxray-{:010}.ndjson", self.number))
    }

    fn index_path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("mxray-{:010}.index", self.number))
    }

    /// Where the promise ends.
    fn end(&self) -> usize {
        let last = self.promised.checked_sub(1);
        last.map_or(0, |last| self.events[last].end)
    }

    /// What a crash can do: the end is lost or is garbage, up to what was promised; the index
    /// may lack its last octets.
    fn crash(&mut self, folder: &Path, how: u8, place: usize, what: u8) {
        let end = self.end();
        let cut = end + place % (self.text.len() - end + 1);
        let mut text = self.text[..cut].to_vec();
        if how & 1 == 1 {
            // Of a block that was never written, or was another file's; no event of ours.
            let octet = if what == b'{' { 0 } else { what };
            text.resize(cut + usize::from(how >> 1), octet);
        }
        fs::write(self.path(folder), &text).expect("room");
        let index = self.index.len() - usize::from(what) % (self.index.len() + 1);
        fs::write(self.index_path(folder), &self.index[..index]).expect("room");
    }

    /// What a bad disk can do: any octet changed, any end lost.
    fn damage(&self, folder: &Path, how: u8, place: usize, what: u8, fate: &mut Fate) {
        let of_index = how & 2 != 0;
        let path = if of_index {
            self.index_path(folder)
        } else {
            self.path(folder)
        };
        let mut octets = fs::read(&path).unwrap_or_default();
        let at = place % (octets.len() + 1);
        if how & 4 != 0 {
            octets.truncate(at);
            if !of_index {
                fate.cut = Some(fate.cut.unwrap_or(at).min(at));
            }
        } else if let Some(octet) = octets.get_mut(at) {
            *octet = what;
            if !of_index {
                fate.changed.insert(at);
            }
        }
        fate.index |= of_index;
        fs::write(path, octets).expect("room");
    }
}

/// Whether an event's octets, and the end of the line before it, are as they were.
fn is_untouched(event: &Range<usize>, fate: &Fate) -> bool {
    let from = event.start.saturating_sub(1);
    let changed = (from..event.end).any(|at| fate.changed.contains(&at));
    !changed && fate.cut.is_none_or(|cut| event.end <= cut)
}

/// The event of that number; lengths differ.
fn event(number: usize) -> String {
    format!(
        "{{\"event\":{number},\"pad\":\"{}\"}}",
        "x".repeat(number * 7 % 40)
    )
}

/// The input: 0 for a crash and 1 for damage, how many segments, their heads, and what befalls
/// them. Of a crash that is the last of them, and one thing.
///
/// # Panics
/// Where it does not hold that after a crash all is read that was promised, that nothing is read
/// but whole events that were written, in order, and that what is written then follows; and that
/// after damage every promised event is read in order whose own octets are as they were.
pub(crate) fn holds(input: &[u8]) {
    let Some((&[kind, count], mut rest)) = input.split_first_chunk() else {
        return;
    };
    let mut segments = Vec::new();
    let mut first = 0;
    for number in 0..=u64::from(count % SEGMENTS) {
        let Some((segment, behind)) = Segment::read(number + 1, first, rest) else {
            return;
        };
        first += segment.events.len();
        segments.push(segment);
        rest = behind;
    }
    // Those that came before the last were brought to the disk as a whole.
    let folder = scratch::folder();
    let folder = folder.path();
    for segment in &segments {
        segment.write(folder);
    }
    let mut fates: Vec<Fate> = segments.iter().map(|_| Fate::default()).collect();
    let crash = kind & 1 == 0;
    for damage in rest.chunks_exact(DAMAGE) {
        let &[how, high, low, what] = damage else {
            continue;
        };
        let place = usize::from(u16::from_be_bytes([high, low]));
        if crash {
            let last = segments.last_mut().expect("at least one");
            last.crash(folder, how, place, what);
            break;
        }
        let at = usize::from(how >> 3) % segments.len();
        segments[at].damage(folder, how, place, what, &mut fates[at]);
    }
    let known: HashMap<String, usize> = (0..first + 3).map(|at| (event(at), at)).collect();
    // As a reader finds it before anybody has mended it.
    let before = read(folder, None);
    let bounds = Bounds {
        total: 1 << 30,
        segment: 1 << 20,
    };
    let mut log = Writer::open(folder, bounds).expect("a folder that is there");
    for at in first..first + 3 {
        writeln!(log, "{}", event(at)).expect("never fails");
    }
    drop(log);
    let after = read(folder, None);
    for (lines, new) in [(&before, false), (&after, true)] {
        let numbers = lines.iter().map(|(line, _)| {
            let line = std::str::from_utf8(line).ok();
            line.and_then(|line| known.get(line)).copied()
        });
        let numbers: Vec<Option<usize>> = numbers.collect();
        if crash {
            // A reader may see the garbage; once it is mended there is none.
            assert!(!new || numbers.iter().all(Option::is_some), "{lines:?}");
        }
        let numbers: Vec<usize> = numbers.into_iter().flatten().collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        if new {
            assert!(numbers.ends_with(&[first, first + 1, first + 2]));
        }
        complete(&segments, &fates, &numbers);
    }
    // Whoever goes on from a place reads what is behind it.
    if let Some((_, place)) = after.get(usize::from(kind >> 1) % after.len()) {
        let behind = read(folder, Some(*place));
        assert!(after.ends_with(&behind) && behind.len() < after.len());
        let at = after.iter().position(|(_, other)| other == place);
        assert_eq!(at.map(|at| after.len() - 1 - at), Some(behind.len()));
    }
}

/// Every event is there that was promised, and whose octets are as they were.
fn complete(segments: &[Segment], fates: &[Fate], numbers: &[usize]) {
    let there: HashSet<usize> = numbers.iter().copied().collect();
    let mut first = 0;
    for (segment, fate) in segments.iter().zip(fates) {
        let mut before = true;
        for (at, event) in segment.events.iter().enumerate().take(segment.promised) {
            let untouched = is_untouched(event, fate);
            before &= untouched;
            // Who has lost the promise too may end at the first event that is none.
            let kept = if fate.index { before } else { untouched };
            assert!(
                !kept || there.contains(&(first + at)),
                "event {} of segment {} is not in {numbers:?}",
                first + at,
                segment.number,
            );
        }
        first += segment.events.len();
    }
}

/// All lines, each with the place behind it.
fn read(folder: &Path, from: Option<Position>) -> Vec<(Vec<u8>, Position)> {
    let mut reader = Reader::open(folder, from);
    let mut lines = Vec::new();
    while let Some(entry) = reader.next().expect("a folder that is there") {
        lines.push((entry.line.to_vec(), entry.next));
    }
    lines
}
