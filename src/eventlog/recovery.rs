//! Finds where a segment ends after a crash.

use super::index::{Batch, Index};
use super::segment;
use serde::de::IgnoredAny;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3Default;

/// What a segment was found to be.
pub(super) struct Recovered {
    /// Events in all earlier segments.
    pub(super) first: u64,
    /// Events in it.
    pub(super) events: u64,
    /// Octets that were cut from its end.
    pub(super) cut: u64,
    /// Batches that stay and are not what was written.
    pub(super) damaged: usize,
    /// Why its index could not be made to say so.
    pub(super) index: Option<io::Error>,
}

/// Looks at the newest segment. Up to the last batch whose checksum is right it stays as it is;
/// behind that, whole events stay, of what the index promises also those behind a line that is
/// none, and what follows them is cut. Then the index says all of it, where the disk has room
/// for that; a sensor starts without as well.
/// `first` is for an index that does not say.
pub(super) fn recover(folder: &Path, number: u64, first: u64) -> io::Result<Recovered> {
    let found = Index::read(folder, number)?;
    let first = found.first.unwrap_or(first);
    let path = segment::events(folder, number);
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 18, &file);
    let mut right = Vec::with_capacity(found.batches.len());
    for batch in &found.batches {
        right.push(sum(&mut reader, batch.octets)? == Some(batch.sum));
    }
    let kept = right
        .iter()
        .rposition(|&right| right)
        .map_or(0, |last| last + 1);
    let mut batches = found.batches.clone();
    let promised = batches.last().map_or(0, Batch::end);
    batches.truncate(kept);
    let end = batches.last().map_or(0, Batch::end);
    reader.seek(SeekFrom::Start(end))?;
    let rest = whole_events(&mut reader, end, promised)?;
    if rest.octets > 0 {
        batches.push(rest);
    }
    let end = end + rest.octets;
    let stays = found.batches.iter().take_while(|batch| batch.end() <= end);
    let damaged = stays.zip(&right).filter(|&(_, &right)| !right).count();
    if end < length {
        file.set_len(end)?;
    }
    let index = Index {
        first: Some(first),
        batches,
    };
    let mut fault = None;
    if index != found {
        file.sync_all()?;
        fault = rewrite(folder, number, first, &index.batches).err();
    }
    Ok(Recovered {
        first,
        events: index.events(),
        cut: length.saturating_sub(end),
        damaged,
        index: fault,
    })
}

/// The checksum of the next octets; `None` where there are fewer.
fn sum(reader: &mut impl io::BufRead, octets: u64) -> io::Result<Option<u64>> {
    let mut reader = reader.take(octets);
    let mut sum = Xxh3Default::new();
    loop {
        let part = reader.fill_buf()?;
        if part.is_empty() {
            break;
        }
        sum.update(part);
        let length = part.len();
        reader.consume(length);
    }
    Ok((reader.limit() == 0).then(|| sum.digest()))
}

/// The lines up to the last that is a whole event. Before the octet `promised`, where all was
/// safe on the disk once, a line that is none is passed over; behind it, one is the end.
fn whole_events(reader: &mut impl io::BufRead, offset: u64, promised: u64) -> io::Result<Batch> {
    /// More than an event has: a disk may hold anything behind a power failure.
    const LONGEST: u64 = 1 << 20;
    let mut batch = Batch {
        offset,
        octets: 0,
        events: 0,
        sum: 0,
    };
    let mut sum = Xxh3Default::new();
    let (mut octets, mut lines) = (0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        let whole = line.ends_with(b"\n");
        let event =
            whole && line.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(&line).is_ok();
        if read == 0 || (!event && offset + octets >= promised) {
            break;
        }
        sum.update(&line);
        octets += read as u64;
        lines += u64::from(whole);
        if event {
            batch = Batch {
                octets,
                events: lines,
                sum: sum.digest(),
                ..batch
            };
        }
    }
    Ok(batch)
}

fn rewrite(folder: &Path, number: u64, first: u64, batches: &[Batch]) -> io::Result<()> {
    let path = segment::index(folder, number);
    let new = path.with_extension("index.new");
    let written = fs::write(&new, Index::text(first, batches))
        .and_then(|()| File::open(&new)?.sync_all())
        .and_then(|()| fs::rename(&new, &path));
    written.inspect_err(|_| {
        // Part of one is of no use, and takes room.
        let _ = fs::remove_file(&new);
    })
}
