//! Follows a log: whole events in order, each with the place behind it.

use super::index::Index;
use super::segment;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Octets of a line at most. An event has 7.5 kB; what is longer is none, and is passed over.
const LONGEST: u64 = 1 << 20;

/// A place in a log, between two events. A reader that keeps it goes on there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The segment's number.
    pub segment: u64,
    /// Octets of it that come before.
    pub offset: u64,
    /// Events of the log that come before, those in segments that are gone included.
    pub event: u64,
}

/// An event, as it stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its line without the line's end.
    pub line: &'a [u8],
    /// The place behind it.
    pub next: Position,
}

/// Reads a log from a place on.
#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    at: Position,
    /// The segment that `at` is in, where it was found.
    file: Option<BufReader<File>>,
    line: Vec<u8>,
    /// The segment that the folder is known to hold for good.
    synced: Option<u64>,
    lost: u64,
    damaged: u64,
    missed_before: u64,
    cut: bool,
}

impl Reader {
    /// Begins at `from`, or at the oldest event that is there. The folder may be empty, and
    /// need not even be there yet.
    #[must_use]
    pub fn open(folder: &Path, from: Option<Position>) -> Self {
        Self {
            folder: folder.to_owned(),
            at: from.unwrap_or_default(),
            file: None,
            line: Vec::new(),
            synced: None,
            lost: 0,
            damaged: 0,
            missed_before: 0,
            cut: false,
        }
    }

    /// Begins behind the newest event that is there.
    pub fn open_at_end(folder: &Path) -> io::Result<Self> {
        let mut reader = Self::open(folder, None);
        if let Some(&last) = reader.segments()?.last() {
            let first = Index::read(folder, last)?.first.unwrap_or_default();
            reader.at.event = first;
            reader.enter(last, first)?;
        }
        while reader.next()?.is_some() {}
        Ok(reader)
    }

    /// Looks for where it begins; `false` where there is nothing yet. After that [`Self::position`] is
    /// a place in the log.
    pub fn begin(&mut self) -> io::Result<bool> {
        Ok(self.file.is_some() || self.find()?)
    }

    /// The next event; `None` where there is none yet. Then it may be asked again at any time.
    #[expect(
        clippy::should_implement_trait,
        reason = "the entry borrows from the reader, and None is no end"
    )]
    pub fn next(&mut self) -> io::Result<Option<Entry<'_>>> {
        loop {
            if !self.begin()? {
                return Ok(None);
            }
            if self.line()? {
                break;
            }
            // Whatever was written here was written before the next segment was made.
            let after = self.segments()?.into_iter().find(|&n| n > self.at.segment);
            let Some(after) = after else {
                return Ok(None);
            };
            if self.line()? {
                break;
            }
            let first = Index::read(&self.folder, after)?.first;
            self.enter(after, first.unwrap_or(self.at.event))?;
        }
        Ok(Some(Entry {
            line: &self.line,
            next: self.at,
        }))
    }

    /// The place behind the last event that was read.
    #[must_use]
    pub fn position(&self) -> Position {
        self.at
    }

    /// Reads on from another place. What was missed and not asked for is missed again from there.
    pub fn seek(&mut self, to: Position) {
        self.file = None;
        self.at = to;
        (self.lost, self.damaged, self.cut) = (0, 0, false);
    }

    /// Brings what was read to the disk, which the writer does once a second: a place that is
    /// kept after this is there after a power failure.
    pub fn sync(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        file.get_ref().sync_data()?;
        if self.synced != Some(self.at.segment) {
            match File::open(&self.folder) {
                // Somebody removed all of it: there is nothing that could outlive anything.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => opened?.sync_all()?,
            }
            self.synced = Some(self.at.segment);
        }
        Ok(())
    }

    /// Whether the log was found to end, or to begin anew, before the place that was come to, since
    /// this was last asked. Then a power failure took its end, or people removed it.
    pub fn take_cut(&mut self) -> bool {
        std::mem::take(&mut self.cut)
    }

    /// Events that were removed before they could be read, since this was last asked.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Lines that are too long to be events, and were passed over, since this was last asked.
    pub fn take_damaged(&mut self) -> u64 {
        std::mem::take(&mut self.damaged)
    }

    /// The number of the event behind the last one that was ever missed, removed or too long. Whoever
    /// goes back and misses events once more knows by it which of them are new.
    #[must_use]
    pub fn missed_before(&self) -> u64 {
        self.missed_before
    }

    fn segments(&self) -> io::Result<Vec<u64>> {
        match segment::list(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed,
        }
    }

    /// Opens the segment that it is in, or else the one that comes next.
    fn find(&mut self) -> io::Result<bool> {
        let segments = self.segments()?;
        let Some((&oldest, &newest)) = segments.first().zip(segments.last()) else {
            return Ok(false);
        };
        if segments.contains(&self.at.segment) {
            return self.enter(self.at.segment, self.at.event);
        }
        let next = segments.into_iter().find(|&n| n > self.at.segment);
        // Where even the newest is older, this is another log, or its end is lost. What there is
        // may have been read or not.
        self.cut |= newest < self.at.segment;
        let begins = self.at == Position::default() || newest < self.at.segment;
        let next = next.unwrap_or(oldest);
        let first = Index::read(&self.folder, next)?.first;
        if begins {
            self.at.event = first.unwrap_or_default();
        }
        self.enter(next, first.unwrap_or(self.at.event))
    }

    /// Goes on in a segment before which there are `first` events, where it still is.
    fn enter(&mut self, number: u64, first: u64) -> io::Result<bool> {
        let file = match File::open(segment::events(&self.folder, number)) {
            // Removed since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.file = None;
                return Ok(false);
            }
            opened => opened?,
        };
        let mut file = BufReader::with_capacity(1 << 16, file);
        if number == self.at.segment {
            // What a power failure took after it was read comes no more.
            let length = file.get_ref().metadata()?.len();
            self.cut |= length < self.at.offset;
            self.at.offset = self.at.offset.min(length);
            file.seek(SeekFrom::Start(self.at.offset))?;
        } else {
            if first > self.at.event {
                self.lost = self.lost.saturating_add(first - self.at.event);
                self.missed_before = first;
            }
            self.cut |= first < self.at.event;
            self.at = Position {
                segment: number,
                offset: 0,
                event: first,
            };
        }
        self.file = Some(file);
        Ok(true)
    }

    /// Reads a whole line, where there is one.
    fn line(&mut self) -> io::Result<bool> {
        let Some(file) = &mut self.file else {
            return Ok(false);
        };
        loop {
            self.line.clear();
            let mut octets = 0;
            let whole = loop {
                let part = file.fill_buf()?;
                let end = memchr::memchr(b'\n', part);
                let (taken, whole) = match end {
                    Some(end) => (end + 1, true),
                    None => (part.len(), false),
                };
                if octets <= LONGEST {
                    self.line
                        .extend_from_slice(part.get(..taken).unwrap_or_default());
                }
                octets += taken as u64;
                file.consume(taken);
                if whole || taken == 0 {
                    break whole;
                }
            };
            if !whole {
                // The rest is not written yet.
                file.seek(SeekFrom::Start(self.at.offset))?;
                return Ok(false);
            }
            self.at.offset += octets;
            self.at.event = self.at.event.saturating_add(1);
            if octets <= LONGEST {
                self.line.pop();
                return Ok(true);
            }
            self.damaged += 1;
            self.missed_before = self.at.event;
        }
    }
}
