//! Brings the log to one receiver.

use super::backoff::Backoff;
use super::batch::{Batch, Size};
use super::unconfirmed::Unconfirmed;
use super::{
    Arrived, Aside, BatchBounds, Event, Failure, Receiver, Settings, State, StateError, TlsError,
    receiver,
};
use crate::eventlog::{Position, Reader};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

mod hand_over;
mod telling;
#[cfg(test)]
mod tests;

/// How often the log is looked at for new events.
const POLL: Duration = Duration::from_millis(100);
/// Where nobody answers: the longest time, and the most events, after which it is made sure that
/// all arrived. As much is delivered once more after a failure; less where that fails often.
const CONFIRM: Duration = Duration::from_secs(10);
/// And where nothing more comes, the time after which it is.
const QUIET: Duration = Duration::from_secs(1);
const CONFIRM_EVENTS: usize = 10_000;
/// So many times in a row that all arrived let it be more again.
const GROWS: u32 = 16;

/// Why a receiver cannot be delivered to at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// How far it has come.
    #[error(transparent)]
    State(#[from] StateError),
}

/// How a run ends, and who hears of it.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// End when all that is in the log is delivered.
    pub once: bool,
    /// End after the batch in hand.
    pub stop: &'a AtomicBool,
    /// Takes what people should be told.
    pub tell: &'a (dyn Fn(&str) + Sync),
}

/// What became of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Arrived.
    pub delivered: u64,
    /// Set aside.
    pub refused: u64,
    /// Removed from the log before they could be read.
    pub lost: u64,
    /// Of all that was ever set aside, removed to make room.
    pub removed: u64,
}

impl Delivered {
    /// And these.
    pub(super) fn add(&mut self, more: Self) {
        self.delivered += more.delivered;
        self.refused += more.refused;
        self.lost += more.lost;
        self.removed += more.removed;
    }
}

/// A receiver, and how far it has come.
pub struct Worker {
    name: String,
    receiver: Box<dyn Receiver>,
    reader: Reader,
    state: State,
    aside: Aside,
    datasets: Vec<String>,
    bounds: BatchBounds,
    size: Size,
    backoff: Backoff,
    /// Before it nothing has to be handed over again, and what was since.
    kept: Position,
    unconfirmed: Unconfirmed,
    /// The time that it is given.
    timeout: Duration,
    /// When it was last seen that it is not told to end.
    looked: Instant,
    /// When something was last handed over.
    handed: Instant,
    /// Events that may be, until it is found out whether they arrived; and how often in a row
    /// they had since that was changed.
    open_most: usize,
    arrived: u32,
    /// The place where it begins was kept, or that was tried.
    begun: bool,
    total: Delivered,
    failing: Option<Instant>,
    /// What people were told of, and are not told again when all is read once more: of the log, events
    /// up to that number; that it was cut, where it is gone back to that place; lines set aside up to
    /// that place.
    missed_before: u64,
    cut_from: Option<Position>,
    aside_before: Position,
    /// How far it has come cannot be kept.
    unkept: bool,
    /// People were told that it does not say what arrived.
    unsure: bool,
}

/// Whether to go on.
enum Step {
    On,
    /// From the place that is kept.
    Back,
    End,
}

impl Worker {
    /// Makes ready to deliver the log in `log`; how far that came is kept in `state`.
    pub fn new(log: &Path, state: &Path, settings: &Settings) -> Result<Self, StartError> {
        let kept = State::open(state, &settings.name)?;
        Self::with(log, state, settings, kept)
    }

    /// Makes ready to show what would be delivered, and keeps nothing.
    pub fn dry(log: &Path, state: &Path, settings: &Settings) -> Result<Self, StartError> {
        let kept = State::look(state, &settings.name)?;
        Self::with(log, state, settings, kept)
    }

    fn with(
        log: &Path,
        state: &Path,
        settings: &Settings,
        kept: State,
    ) -> Result<Self, StartError> {
        let reader = Reader::open(log, kept.position());
        Ok(Self {
            name: settings.name.clone(),
            receiver: receiver(settings)?,
            kept: reader.position(),
            reader,
            aside: Aside::new(state, &settings.name),
            state: kept,
            datasets: settings.datasets.clone(),
            bounds: settings.batch,
            size: Size::new(settings.batch.octets),
            backoff: Backoff::new(settings.retry),
            unconfirmed: Unconfirmed::new(),
            timeout: settings.timeout,
            looked: Instant::now(),
            handed: Instant::now(),
            open_most: CONFIRM_EVENTS,
            arrived: 0,
            begun: false,
            total: Delivered::default(),
            failing: None,
            missed_before: 0,
            cut_from: None,
            aside_before: Position::default(),
            unkept: false,
            unsure: false,
        })
    }

    /// Delivers until it is told to end; `true` where all that is in the log is delivered then.
    pub fn run(&mut self, run: Run<'_>) -> (Delivered, bool) {
        loop {
            match self.step(run) {
                Step::On => {}
                Step::Back => {
                    // What was handed over since is handed over once more.
                    self.unconfirmed.clear();
                    self.reader.seek(self.kept);
                }
                Step::End => break,
            }
        }
        let unknown = self.unconfirmed.unknown();
        if unknown > 0 && !self.receiver.answers() {
            self.tell(
                run,
                format_args!(
                    "{unknown} events were sent and are not known to have arrived; they are sent \
                     again the next time"
                ),
            );
        }
        let all = self.reader.position() == self.kept && matches!(self.reader.next(), Ok(None));
        (self.total, all)
    }

    /// Writes what would be sent for all that is in the log.
    pub fn show(&mut self, out: &mut dyn io::Write) -> io::Result<()> {
        let stop = AtomicBool::new(false);
        let run = Run {
            once: true,
            stop: &stop,
            tell: &|_| (),
        };
        loop {
            let batch = self.gather(run)?;
            if batch.is_empty() {
                return Ok(());
            }
            if !batch.events.is_empty() {
                out.write_all(&self.receiver.show(&batch.events))?;
            }
        }
    }

    fn step(&mut self, run: Run<'_>) -> Step {
        if self.is_told_to_end(run) {
            if self.reader.position() != self.kept {
                // Whether it works or not, this is the end.
                let _ = self.settle(run, true);
            }
            return Step::End;
        }
        let batch = match self.begin(run).and_then(|()| self.gather(run)) {
            Ok(batch) => batch,
            Err(error) => {
                return self.fail(run, &format!("reading the log: {error}"), None, Step::Back);
            }
        };
        self.tell_of_the_log(run);
        let idle = batch.is_empty();
        if self.set_strange_aside(run, batch.strange).is_err() {
            return Step::Back;
        }
        if !batch.events.is_empty() {
            match self.deliver(run, batch.events) {
                Step::On => self.handed = Instant::now(),
                other => return other,
            }
        }
        // Also where nothing of it is for this receiver.
        let place = self.reader.position();
        if place != self.unconfirmed.last().unwrap_or(self.kept) {
            self.unconfirmed.at(place);
        }
        let due = self.receiver.answers()
            || self.unconfirmed.unasked().is_some_and(|(events, since)| {
                events >= self.open_most as u64 || since.elapsed() >= CONFIRM
            })
            || (idle && (run.once || self.handed.elapsed() >= QUIET));
        let last = idle && run.once;
        if due && place != self.kept && self.settle(run, last).is_err() {
            return Step::Back;
        }
        if last {
            return Step::End;
        }
        if idle {
            thread::sleep(POLL);
        }
        Step::On
    }

    fn is_told_to_end(&mut self, run: Run<'_>) -> bool {
        let told = run.stop.load(Ordering::Relaxed);
        if !told {
            self.looked = Instant::now();
        }
        told
    }

    /// By when what the receiver is asked now has to be done. All that it is asked after it was told
    /// to end takes no longer together than one thing does.
    fn until(&mut self, run: Run<'_>) -> Instant {
        self.is_told_to_end(run);
        self.looked + self.timeout
    }

    /// Keeps where it begins, as soon as there is something: what is removed from the log before
    /// anything arrives is known to be lost then.
    fn begin(&mut self, run: Run<'_>) -> io::Result<()> {
        if !self.begun && self.state.position().is_none() && self.reader.begin()? {
            self.begun = true;
            self.kept = self.reader.position();
            self.keep(run, Delivered::default());
        }
        Ok(())
    }

    /// Finds out what has arrived, and keeps the place up to which all has.
    fn settle(&mut self, run: Run<'_>, last: bool) -> Result<(), ()> {
        let until = self.until(run);
        let arrived = match self.receiver.confirm(last, until) {
            Ok(arrived) => arrived,
            Err(failure) => {
                self.hand_over_less(0);
                let (reason, after) = reason(failure);
                self.fail(run, &reason, after, Step::Back);
                return Err(());
            }
        };
        let unsure = arrived != Arrived::All;
        if unsure && !self.unsure {
            self.tell(
                run,
                "it does not close the connection when we do, so that nobody knows what it has \
                 read: what it is sent counts as delivered when it has taken 64 MiB more, and is \
                 sent again after a failure",
            );
        }
        if self.unsure && !unsure && !last {
            self.tell(
                run,
                "it closes the connection again, and has all that it was sent",
            );
        }
        self.unsure = unsure;
        if let Some((place, delivered)) = self.unconfirmed.take(arrived) {
            self.kept = place;
            self.keep(run, delivered);
            self.arrived += 1;
            if self.arrived >= GROWS {
                self.arrived = 0;
                self.open_most = (self.open_most * 2).min(CONFIRM_EVENTS);
            }
            self.works(run);
        }
        Ok(())
    }

    /// Keeps how far it has come.
    fn keep(&mut self, run: Run<'_>, delivered: Delivered) {
        // What is read is on the disk before it is said to have been: no place is kept that the
        // log does not have after a power failure.
        let kept = self.reader.sync();
        let kept = kept.and_then(|()| self.state.keep(self.kept, delivered));
        let unkept = kept.is_err();
        match kept {
            Ok(()) if self.unkept => self.tell(run, "how far it has come is kept again"),
            // It has arrived all the same, and is only not known to have after a restart.
            Err(error) if !self.unkept => {
                self.tell(run, format_args!("keeping how far it has come: {error}"));
            }
            _ => {}
        }
        self.unkept = unkept;
        self.total.add(delivered);
    }

    /// One that does not answer may be too slow for as much as it has, and these.
    fn hand_over_less(&mut self, these: usize) {
        let open = usize::try_from(self.unconfirmed.unknown()).unwrap_or(usize::MAX);
        self.open_most =
            (self.open_most.min(open.saturating_add(these)) / 2).max(self.receiver.least());
        self.arrived = 0;
    }

    /// Takes the next events from the log: as many as belong together, and those that come while
    /// they wait for others.
    fn gather(&mut self, run: Run<'_>) -> io::Result<Batch> {
        let mut batch = Batch::default();
        let mut octets = 0;
        let mut since = None;
        loop {
            // Also while all that comes is for others.
            if self.is_told_to_end(run) {
                return Ok(batch);
            }
            let Some(entry) = self.reader.next()? else {
                let full = since.is_none_or(|since: Instant| since.elapsed() >= self.bounds.wait);
                if full || run.once {
                    return Ok(batch);
                }
                thread::sleep(POLL.min(self.bounds.wait));
                continue;
            };
            since.get_or_insert_with(Instant::now);
            match Event::parse(entry.line, entry.next) {
                Ok(event) => {
                    if self.datasets.is_empty() || self.datasets.contains(&event.dataset) {
                        octets += event.line.len();
                        batch.events.push(event);
                    }
                }
                Err(reason) => {
                    octets += entry.line.len();
                    batch
                        .strange
                        .push((entry.line.to_vec(), reason, entry.next));
                }
            }
            let open = self.unconfirmed.unasked().map_or(0, |(events, _)| events);
            let room = self
                .open_most
                .saturating_sub(usize::try_from(open).unwrap_or(usize::MAX));
            let most = self.bounds.events.min(room).max(1);
            let many = batch.events.len() + batch.strange.len() >= most;
            if many || octets >= self.size.octets() {
                return Ok(batch);
            }
        }
    }
}

fn reason(failure: Failure) -> (String, Option<Duration>) {
    match failure {
        Failure::Later { reason, after } => (reason, after),
        Failure::Unacceptable { reason, .. } => (reason, None),
    }
}
