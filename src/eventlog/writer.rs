//! Writes a log. Whoever writes events is never told of a failure and hardly ever waits: what the
//! disk does not take is kept for a while, then counted.

use super::index::{Batch, Index};
use super::sync::{Job, Syncer};
use super::{recovery, segment};
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::Xxh3Default;

/// Events that nobody asked to be written at once are, when there are as many octets.
const GATHERED: usize = 1 << 16;
/// Octets of events that wait for a disk that takes none.
const WAITING: usize = 1 << 20;
/// Between two syncs, and two attempts to write to a disk that takes none.
const SECOND: Duration = Duration::from_secs(1);
/// A segment does not grow for longer, so that what can be removed is never much.
const HOUR: Duration = Duration::from_hours(1);
/// Segments that are kept: at one an hour, 170 days.
const SEGMENTS: usize = 4096;

/// Octets of an index that come with a write, at most: its first line, and a batch's.
const INDEXED: u64 = 128;

/// How much a log may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Octets of all segments and their indexes.
    pub total: u64,
    /// Octets of a segment, and twice as many where the disk is slow; a quarter of `total` at most.
    pub segment: u64,
}

/// What became of the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// Events written.
    pub events: u64,
    /// Events that the disk did not take.
    pub lost: u64,
    /// Segments removed for want of room, read by somebody or not.
    pub segments_removed: u64,
    /// Events in them.
    pub events_removed: u64,
}

/// Why a log cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes it.
    #[error("another mxray writes to it")]
    InUse,
    /// The folder, or what is in it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes to a log, as the only one.
pub struct Writer {
    folder: PathBuf,
    bounds: Bounds,
    /// Kept open, and with it locked.
    lock: File,
    closed: VecDeque<Closed>,
    closed_octets: u64,
    open: Option<Open>,
    /// The next segment's number, and the events before it.
    number: u64,
    first: u64,
    /// Whole events that are not written yet, and then the beginning of one.
    pending: Vec<u8>,
    whole: usize,
    whole_events: u64,
    syncer: Option<Syncer>,
    synced: Instant,
    /// When the disk last took nothing, which was told.
    failed: Option<Instant>,
    lost_told: u64,
    counts: LogCounts,
    faults: Vec<String>,
}

/// A segment that is not written to any more.
struct Closed {
    number: u64,
    octets: u64,
    events: u64,
}

/// The segment that grows.
struct Open {
    number: u64,
    segment: Arc<File>,
    index: Arc<File>,
    octets: u64,
    index_octets: u64,
    events: u64,
    since: Instant,
    /// What is written and not handed over to be synced.
    batch: Batch,
    sum: Xxh3Default,
    /// Part of what the disk did not take may stand at its end.
    torn: bool,
    /// It is not known yet that the folder holds it.
    new: bool,
}

impl Writer {
    /// Opens a log, or begins one; the folder is made where it is not there. The end of the
    /// newest segment is looked at, and cut where a crash has torn it.
    pub fn open(folder: &Path, bounds: Bounds) -> Result<Self, OpenError> {
        let now = jiff::Timestamp::now().as_second();
        Self::open_from(folder, bounds, u64::try_from(now).unwrap_or(1))
    }

    /// The same; the next segment gets at least this number. By the clock, no number comes a second
    /// time, also where nothing is left of the segments that there were: whoever has kept a place
    /// in one of them would look for it in another.
    pub(super) fn open_from(folder: &Path, bounds: Bounds, number: u64) -> Result<Self, OpenError> {
        let lock = lock(folder)?;
        let mut log = Self {
            folder: folder.to_owned(),
            bounds,
            lock,
            closed: VecDeque::new(),
            closed_octets: 0,
            open: None,
            number,
            first: 0,
            pending: Vec::new(),
            whole: 0,
            whole_events: 0,
            syncer: None,
            synced: Instant::now(),
            failed: None,
            lost_told: 0,
            counts: LogCounts::default(),
            faults: Vec::new(),
        };
        log.recover()?;
        Ok(log)
    }

    /// What became of the events since it was opened.
    #[must_use]
    pub fn counts(&self) -> LogCounts {
        self.counts
    }

    /// What people should be told since this was last asked.
    pub fn take_faults(&mut self) -> Vec<String> {
        if let Some(error) = self.syncer.as_ref().and_then(Syncer::fault) {
            self.fault(format!("syncing failed: {error}"));
        }
        std::mem::take(&mut self.faults)
    }

    /// Brings all that was written to the disk, and waits for it.
    pub fn close(&mut self) {
        self.write_pending(true);
        // What is still there now finds no disk any more.
        self.counts.lost += self.whole_events;
        match self.whole_events {
            0 => {}
            1 => self.fault("1 event is lost"),
            lost => self.fault(format_args!("{lost} events are lost")),
        }
        self.pending.clear();
        (self.whole, self.whole_events) = (0, 0);
        self.sync(true);
        if let Some(mut open) = self.open.take() {
            open.close_into(&mut self.closed, &mut self.closed_octets);
        }
        self.syncer = None;
    }

    fn fault(&mut self, what: impl std::fmt::Display) {
        self.faults
            .push(format!("event log {}: {what}", self.folder.display()));
    }

    fn recover(&mut self) -> io::Result<()> {
        let numbers = segment::list(&self.folder)?;
        self.pass_by_removed(&numbers)?;
        let Some((&last, earlier)) = numbers.split_last() else {
            return Ok(());
        };
        let mut first = 0;
        for &number in earlier {
            let index = Index::read(&self.folder, number)?;
            self.add_closed(number, index.events())?;
            first = index.first.unwrap_or(first).saturating_add(index.events());
        }
        let recovered = recovery::recover(&self.folder, last, first)?;
        if recovered.cut > 0 {
            let name = segment::events(&self.folder, last);
            self.fault(format_args!(
                "{} octets at the end of {} are no whole event, and are cut",
                recovered.cut,
                name.display()
            ));
        }
        if recovered.damaged > 0 {
            self.fault(format_args!(
                "{} batches of segment {last} are not what was written",
                recovered.damaged
            ));
        }
        if let Some(error) = recovered.index {
            self.fault(format_args!(
                "the index of segment {last} cannot be written: {error}"
            ));
        }
        self.add_closed(last, recovered.events)?;
        let first = recovered.first.saturating_add(recovered.events);
        self.first = self.first.max(first);
        self.number = self.number.max(last.saturating_add(1));
        Ok(())
    }

    /// Counts on behind segments that somebody removed, as far as their indexes know, which then
    /// leave too.
    fn pass_by_removed(&mut self, segments: &[u64]) -> io::Result<()> {
        let newest = segments.last().copied().unwrap_or_default();
        for number in segment::indexes(&self.folder)? {
            if segments.contains(&number) {
                continue;
            }
            if number > newest {
                let index = Index::read(&self.folder, number)?;
                let first = index.first.unwrap_or(self.first);
                self.first = first.saturating_add(index.events());
                self.number = self.number.max(number.saturating_add(1));
            }
            // One that cannot leave does no harm.
            let _ = fs::remove_file(segment::index(&self.folder, number));
        }
        Ok(())
    }

    fn add_closed(&mut self, number: u64, events: u64) -> io::Result<()> {
        let mut octets = fs::metadata(segment::events(&self.folder, number))?.len();
        if let Ok(index) = fs::metadata(segment::index(&self.folder, number)) {
            octets += index.len();
        }
        self.closed_octets += octets;
        self.closed.push_back(Closed {
            number,
            octets,
            events,
        });
        Ok(())
    }

    /// Writes whole events, and tells where that fails for the first time, and where it no longer
    /// does.
    fn write_pending(&mut self, now: bool) {
        let waits = |failed: Instant| !now && failed.elapsed() < SECOND;
        if self.whole == 0 || self.failed.is_some_and(waits) {
            return;
        }
        match self.try_pending() {
            Ok(()) => {
                if self.failed.take().is_some() {
                    let lost = self.counts.lost - self.lost_told;
                    self.lost_told = self.counts.lost;
                    self.fault(format_args!(
                        "is written again; {lost} events could not be kept meanwhile"
                    ));
                }
            }
            Err(error) => {
                if self.failed.replace(Instant::now()).is_none() {
                    self.fault(format_args!(
                        "cannot be written: {error}; up to {WAITING} octets of events wait, \
                         further ones are lost and counted"
                    ));
                }
            }
        }
    }

    fn try_pending(&mut self) -> io::Result<()> {
        let octets = self.whole as u64;
        let full = |open: &Open| {
            open.octets + octets > self.bounds.segment || open.since.elapsed() >= HOUR
        };
        // While batches wait for the disk, it goes on growing, but not for ever.
        let open = self.open.as_ref();
        let wait = open.is_some_and(|open| open.octets >= 2 * self.bounds.segment);
        if open.is_some_and(full)
            && self.sync(wait)
            && let Some(mut open) = self.open.take()
        {
            open.close_into(&mut self.closed, &mut self.closed_octets);
        }
        self.make_room(octets);
        if self.open.is_none() {
            self.open = Some(self.begin()?);
            self.number += 1;
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let events = self.pending.get(..self.whole).unwrap_or_default();
        open.mend()?;
        if let Err(error) = (&*open.segment).write_all(events) {
            open.torn = true;
            // Where not even that works, it is done before the next attempt.
            let _ = open.mend();
            return Err(error);
        }
        open.sum.update(events);
        open.octets += octets;
        open.events += self.whole_events;
        open.batch.octets += octets;
        open.batch.events += self.whole_events;
        self.first = self.first.saturating_add(self.whole_events);
        self.counts.events += self.whole_events;
        self.pending.drain(..self.whole);
        (self.whole, self.whole_events) = (0, 0);
        Ok(())
    }

    /// Begins the next segment; in another folder of that name, where somebody has removed it.
    fn begin(&mut self) -> io::Result<Open> {
        match Open::make(&self.folder, self.number, self.first) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) => {}
            made => return made,
        }
        self.lock = lock(&self.folder).map_err(|error| {
            io::Error::other(format!(
                "its folder was removed, and cannot be made again, which may take a restart: {error}"
            ))
        })?;
        self.closed.clear();
        self.closed_octets = 0;
        self.fault("its folder was removed, and is made again");
        Open::make(&self.folder, self.number, self.first)
    }

    /// Removes the oldest segments until there is room for so many octets.
    fn make_room(&mut self, octets: u64) {
        let open = self.open.as_ref();
        let open = open.map_or(0, |open| open.octets + open.index_octets);
        while self.closed_octets + open + octets + INDEXED > self.bounds.total
            || self.closed.len() >= SEGMENTS
        {
            let Some(oldest) = self.closed.pop_front() else {
                return;
            };
            self.closed_octets -= oldest.octets;
            if self.counts.segments_removed == 0 {
                self.fault(
                    "is as large as it may be (--log-size): its oldest segments are removed from \
                     now on, also where nobody has read them",
                );
            }
            self.counts.segments_removed += 1;
            self.counts.events_removed += oldest.events;
            let removed = fs::remove_file(segment::events(&self.folder, oldest.number));
            // A segment without an index can be read, and an index alone is of no use.
            let _ = fs::remove_file(segment::index(&self.folder, oldest.number));
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.fault(format_args!("removing segment {}: {error}", oldest.number));
                }
                _ => {}
            }
        }
    }

    /// Hands over what was written, to be synced; `false` where it has to wait.
    fn sync(&mut self, wait: bool) -> bool {
        let Some(open) = &mut self.open else {
            return true;
        };
        if open.batch.octets == 0 {
            return true;
        }
        if self.syncer.is_none() {
            match Syncer::start() {
                Ok(syncer) => self.syncer = Some(syncer),
                Err(error) => {
                    self.fault(format_args!("starting a thread: {error}"));
                    return false;
                }
            }
        }
        let (Some(syncer), Some(open)) = (&self.syncer, &mut self.open) else {
            return false;
        };
        open.batch.sum = open.sum.digest();
        let job = Job {
            segment: Arc::clone(&open.segment),
            index: Arc::clone(&open.index),
            batch: open.batch,
            folder: open.new.then(|| File::open(&self.folder).ok()).flatten(),
        };
        if wait {
            syncer.hand(job);
        } else if syncer.offer(job).is_err() {
            return false;
        }
        open.handed_over();
        self.synced = Instant::now();
        true
    }
}

impl Writer {
    /// Begins another segment where somebody has removed the one that grows, which nobody would
    /// find any more.
    fn leave_removed(&mut self) {
        let removed = |open: &Open| open.segment.metadata().is_ok_and(|file| file.nlink() == 0);
        if !self.open.as_ref().is_some_and(removed) {
            return;
        }
        let Some(open) = self.open.take() else {
            return;
        };
        let _ = fs::remove_file(segment::index(&self.folder, open.number));
        self.fault(format_args!(
            "segment {} was removed while it was written, and its {} events with it",
            open.number, open.events
        ));
    }
}

/// Makes the folder where it is not there, and takes it for this process.
fn lock(folder: &Path) -> Result<File, OpenError> {
    fs::create_dir_all(folder)?;
    // The folder itself: a full disk has no room for a file that is there for this alone.
    let lock = File::open(folder)?;
    lock.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => OpenError::InUse,
        fs::TryLockError::Error(error) => OpenError::Io(error),
    })?;
    Ok(lock)
}

impl Write for Writer {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        for part in octets.split_inclusive(|&octet| octet == b'\n') {
            self.pending.extend_from_slice(part);
            if part.last() != Some(&b'\n') {
                continue;
            }
            if self.pending.len() > WAITING {
                self.pending.truncate(self.whole);
                self.counts.lost += 1;
                continue;
            }
            self.whole = self.pending.len();
            self.whole_events += 1;
        }
        if self.whole >= GATHERED {
            self.write_pending(false);
        }
        Ok(octets.len())
    }

    /// Writes what is whole, and syncs it once a second. Fails never.
    fn flush(&mut self) -> io::Result<()> {
        self.write_pending(false);
        if self.synced.elapsed() >= SECOND {
            self.sync(false);
            self.leave_removed();
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Open {
    fn make(folder: &Path, number: u64, first: u64) -> io::Result<Self> {
        let events = segment::events(folder, number);
        let index = segment::index(folder, number);
        let made = Self::make_files(&events, &index, number, first);
        if made.is_err() {
            // Made again at the next attempt.
            let _ = fs::remove_file(events);
            let _ = fs::remove_file(index);
        }
        made
    }

    /// Makes the index first, so that there is no segment without.
    fn make_files(events: &Path, index: &Path, number: u64, first: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o640);
        let index = options.open(index)?;
        index.set_len(0)?;
        let head = Index::text(first, &[]);
        (&index).write_all(head.as_bytes())?;
        let segment = options.create(false).create_new(true).open(events)?;
        Ok(Self {
            number,
            segment: Arc::new(segment),
            index: Arc::new(index),
            octets: 0,
            index_octets: head.len() as u64,
            events: 0,
            since: Instant::now(),
            batch: Batch {
                offset: 0,
                octets: 0,
                events: 0,
                sum: 0,
            },
            sum: Xxh3Default::new(),
            torn: false,
            new: true,
        })
    }

    /// No half event may stay, nor any that is written once more.
    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.segment.set_len(self.octets)?;
            self.torn = false;
        }
        Ok(())
    }

    /// The next batch begins.
    fn handed_over(&mut self) {
        self.index_octets += self.batch.to_string().len() as u64;
        self.batch = Batch {
            offset: self.octets,
            octets: 0,
            events: 0,
            sum: 0,
        };
        self.sum.reset();
        self.new = false;
    }

    fn close_into(&mut self, closed: &mut VecDeque<Closed>, all: &mut u64) {
        let octets = self.octets + self.index_octets;
        *all += octets;
        closed.push_back(Closed {
            number: self.number,
            octets,
            events: self.events,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_end_that_cannot_be_cut_at_once_is_cut_before_anything_follows() {
        let folder = tempfile::tempdir().unwrap();
        let bounds = Bounds {
            total: 1 << 30,
            segment: 1 << 20,
        };
        let mut log = Writer::open_from(folder.path(), bounds, 1).unwrap();
        log.write_all(b"{\"event\":0}\n").unwrap();
        log.flush().unwrap();
        let path = segment::events(folder.path(), 1);
        // A disk that is full, and cannot even be cut.
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let mut swap = Arc::new(full);
        std::mem::swap(&mut log.open.as_mut().unwrap().segment, &mut swap);
        log.write_all(b"{\"event\":1}\n").unwrap();
        log.flush().unwrap();
        assert_eq!(log.take_faults().len(), 1);
        (&*swap).write_all(b"{\"ev").unwrap();
        log.open.as_mut().unwrap().segment = swap;
        log.close();
        assert_eq!(
            fs::read_to_string(path).unwrap(),
            "{\"event\":0}\n{\"event\":1}\n"
        );
        assert_eq!(log.counts().lost, 0);
    }
}
