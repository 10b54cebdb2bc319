//! Brings the log to one receiver.

use super::backoff::Backoff;
use super::{
    Aside, BatchBounds, Event, Failure, Fate, Receiver, Settings, State, StateError, TlsError,
    receiver,
};
use crate::eventlog::{Position, Reader};
use crate::report::text;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often the log is looked at for new events.
const POLL: Duration = Duration::from_millis(100);
/// Where nobody answers: the longest time, and the most events, after which it is made sure that
/// all arrived. As much is delivered once more after a failure.
const CONFIRM: Duration = Duration::from_secs(10);
/// And where nothing more comes, the time after which it is.
const QUIET: Duration = Duration::from_secs(1);
const CONFIRM_EVENTS: usize = 10_000;
/// It becomes less, down to this, while that fails.
const CONFIRM_LEAST: usize = 100;
/// A batch is not made smaller than this for a receiver to whom it is too large.
const SMALLEST: usize = 1 << 14;
/// Between two reasons that people are told.
const TELL: Duration = Duration::from_mins(1);

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
    backoff: Backoff,
    /// Since the place that is kept.
    open: Delivered,
    open_since: Instant,
    /// When the last of them was handed over.
    handed: Instant,
    /// Events that may be.
    open_most: usize,
    total: Delivered,
    failing: Option<Instant>,
}

/// Whether to go on.
enum Step {
    On,
    /// From the place that is kept.
    Back,
    End,
}

/// What has to be sent again.
struct Again {
    events: Vec<Event>,
    reason: String,
    /// How long the receiver wants to be left alone.
    after: Option<Duration>,
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
        Ok(Self {
            name: settings.name.clone(),
            receiver: receiver(settings)?,
            reader: Reader::open(log, kept.position()),
            aside: Aside::new(state, &settings.name),
            state: kept,
            datasets: settings.datasets.clone(),
            bounds: settings.batch,
            backoff: Backoff::new(settings.retry),
            open: Delivered::default(),
            open_since: Instant::now(),
            handed: Instant::now(),
            open_most: CONFIRM_EVENTS,
            total: Delivered::default(),
            failing: None,
        })
    }

    /// Delivers until it is told to end; `true` where all that is in the log is delivered then.
    pub fn run(&mut self, run: Run<'_>) -> (Delivered, bool) {
        let mut from = self.reader.position();
        loop {
            let step = self.step(run, &mut from);
            match step {
                Step::On => {}
                Step::Back => {
                    // What was handed over since is handed over once more.
                    self.open = Delivered::default();
                    self.reader.seek(from);
                }
                Step::End => break,
            }
        }
        let all = self.reader.position() == from && matches!(self.reader.next(), Ok(None));
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
            if batch.events.is_empty() && batch.strange.is_empty() {
                return Ok(());
            }
            if !batch.events.is_empty() {
                out.write_all(&self.receiver.show(&batch.events))?;
            }
        }
    }

    fn step(&mut self, run: Run<'_>, from: &mut Position) -> Step {
        if run.stop.load(Ordering::Relaxed) {
            if self.reader.position() != *from {
                // Whether it works or not, this is the end.
                let _ = self.settle(run, from);
            }
            return Step::End;
        }
        let batch = match self.gather(run) {
            Ok(batch) => batch,
            Err(error) => {
                return self.fail(run, &format!("reading the log: {error}"), None, Step::Back);
            }
        };
        let lost = self.reader.take_lost() + self.reader.take_damaged();
        if lost > 0 {
            self.open.lost += lost;
            self.tell(
                run,
                format_args!("{lost} events were removed from the log before they were delivered"),
            );
        }
        let idle = batch.events.is_empty() && batch.strange.is_empty();
        if !batch.strange.is_empty() && self.set_aside(run, &batch.strange).is_err() {
            return Step::Back;
        }
        if !batch.events.is_empty() {
            match self.deliver(run, batch.events) {
                Step::On => self.handed = Instant::now(),
                other => return other,
            }
        }
        let open = self.open.delivered + self.open.refused;
        let due = self.receiver.answers()
            || open >= self.open_most as u64
            || self.open_since.elapsed() >= CONFIRM
            || (idle && (run.once || self.handed.elapsed() >= QUIET));
        if due && self.reader.position() != *from && self.settle(run, from).is_err() {
            return Step::Back;
        }
        if idle && run.once && self.reader.position() == *from {
            return Step::End;
        }
        if idle {
            thread::sleep(POLL);
        }
        Step::On
    }

    /// Makes sure that all arrived, and keeps the place.
    fn settle(&mut self, run: Run<'_>, from: &mut Position) -> Result<(), ()> {
        if let Err(failure) = self.receiver.confirm() {
            self.open_most = (self.open_most / 2).max(CONFIRM_LEAST);
            let (reason, after) = reason(failure);
            self.fail(run, &reason, after, Step::Back);
            return Err(());
        }
        let Delivered {
            delivered,
            refused,
            lost,
        } = self.open;
        let place = self.reader.position();
        if let Err(error) = self.state.keep(place, delivered, refused, lost) {
            // It has arrived all the same, and is only not known to have after a restart.
            self.tell(run, format_args!("keeping how far it has come: {error}"));
        }
        self.total.delivered += delivered;
        self.total.refused += refused;
        self.total.lost += lost;
        self.open = Delivered::default();
        self.open_since = Instant::now();
        self.open_most = (self.open_most * 2).min(CONFIRM_EVENTS);
        *from = place;
        self.works(run);
        Ok(())
    }

    /// Brings a batch to the receiver, in parts where it must be, and until it is there.
    fn deliver(&mut self, run: Run<'_>, batch: Vec<Event>) -> Step {
        if self.open.delivered == 0 {
            self.open_since = Instant::now();
        }
        let mut parts = VecDeque::from([batch]);
        while let Some(part) = parts.pop_front() {
            match self.receiver.deliver(&part) {
                Ok(fates) => match self.sort(run, part, fates) {
                    Ok(None) => {
                        if self.receiver.answers() {
                            self.works(run);
                        }
                    }
                    Ok(Some(Again {
                        events,
                        reason,
                        after,
                    })) => {
                        parts.push_front(events);
                        if let Step::End = self.fail(run, &reason, after, Step::On) {
                            return Step::End;
                        }
                    }
                    Err(()) => return Step::Back,
                },
                Err(Failure::Unacceptable { reason, too_large }) => {
                    if too_large && part.len() > 1 {
                        self.bounds.octets = (self.bounds.octets / 2).max(SMALLEST);
                    }
                    if part.len() == 1 {
                        let lines: Vec<_> = part
                            .iter()
                            .map(|event| (event.line.clone(), reason.clone()))
                            .collect();
                        if self.set_aside(run, &lines).is_err() {
                            return Step::Back;
                        }
                        continue;
                    }
                    let mut part = part;
                    let rest = part.split_off(part.len() / 2);
                    parts.push_front(rest);
                    parts.push_front(part);
                }
                Err(failure) => {
                    let (reason, after) = reason(failure);
                    parts.push_front(part);
                    let then = if self.receiver.answers() {
                        Step::On
                    } else {
                        Step::Back
                    };
                    match self.fail(run, &reason, after, then) {
                        Step::On => {}
                        other => return other,
                    }
                }
            }
            if run.stop.load(Ordering::Relaxed) && !parts.is_empty() {
                return Step::End;
            }
        }
        Step::On
    }

    /// Counts what arrived, sets aside what is refused, and yields the rest with a reason, and how
    /// long the receiver wants to be left alone.
    fn sort(
        &mut self,
        run: Run<'_>,
        part: Vec<Event>,
        fates: Vec<Fate>,
    ) -> Result<Option<Again>, ()> {
        let mut refused = Vec::new();
        let mut again = Vec::new();
        let mut why = None;
        for (event, fate) in part.into_iter().zip(fates) {
            match fate {
                Fate::Delivered => self.open.delivered += 1,
                Fate::Refused(reason) => refused.push((event.line, reason)),
                Fate::Later { reason, after } => {
                    again.push(event);
                    why.get_or_insert((reason, after));
                }
            }
        }
        if !refused.is_empty() {
            self.set_aside(run, &refused)?;
        }
        Ok(why.map(|(reason, after)| Again {
            events: again,
            reason,
            after,
        }))
    }

    /// Sets events aside, and tries until that is done: who has no room for a few is not to be
    /// sent all others again meanwhile. An error is that it was told to end.
    fn set_aside(&mut self, run: Run<'_>, refused: &[(Vec<u8>, String)]) -> Result<(), ()> {
        let lines: Vec<_> = refused
            .iter()
            .map(|(line, reason)| (&line[..], reason.as_str()))
            .collect();
        while let Err(error) = self.aside.put(&lines) {
            let what = format!(
                "setting events aside in {}: {error}",
                self.aside.path().display()
            );
            if let Step::End = self.fail(run, &what, None, Step::On) {
                return Err(());
            }
        }
        if self.total.refused + self.open.refused == 0
            && let Some((_, reason)) = refused.first()
        {
            self.tell(
                run,
                format_args!(
                    "events are refused, and set aside in {}: {}",
                    self.aside.path().display(),
                    text::escape(reason.as_bytes())
                ),
            );
        }
        self.open.refused += refused.len() as u64;
        Ok(())
    }

    /// Says so where that is new, and waits; `then`, unless it is told to end.
    fn fail(&mut self, run: Run<'_>, reason: &str, after: Option<Duration>, then: Step) -> Step {
        if self.failing.is_none_or(|told| told.elapsed() >= TELL) {
            self.failing = Some(Instant::now());
            let reason = text::escape(reason.as_bytes());
            self.tell(run, format_args!("{reason}; it is tried again"));
        }
        let until = Instant::now() + self.backoff.next(after);
        loop {
            if run.stop.load(Ordering::Relaxed) {
                return Step::End;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return then;
            }
            thread::sleep(left.min(POLL));
        }
    }

    fn works(&mut self, run: Run<'_>) {
        self.backoff.reset();
        if self.failing.take().is_some() {
            self.tell(run, "it takes events again");
        }
    }

    fn tell(&self, run: Run<'_>, what: impl std::fmt::Display) {
        (run.tell)(&format!("{}: {what}", self.name));
    }

    /// Takes the next events from the log: as many as belong together, and those that come while
    /// they wait for others.
    fn gather(&mut self, run: Run<'_>) -> io::Result<Batch> {
        let mut batch = Batch::default();
        let mut octets = 0;
        let mut since = None;
        loop {
            let Some(entry) = self.reader.next()? else {
                let full = since.is_none_or(|since: Instant| since.elapsed() >= self.bounds.wait);
                if full || run.once || run.stop.load(Ordering::Relaxed) {
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
                Err(reason) => batch.strange.push((entry.line.to_vec(), reason)),
            }
            let most = self.bounds.events.min(self.open_most);
            let many = batch.events.len() + batch.strange.len() >= most;
            if many || octets >= self.bounds.octets {
                return Ok(batch);
            }
        }
    }
}

/// Events that go together.
#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    /// Lines that are no events, and why.
    strange: Vec<(Vec<u8>, String)>,
}

fn reason(failure: Failure) -> (String, Option<Duration>) {
    match failure {
        Failure::Later { reason, after } => (reason, after),
        Failure::Unacceptable { reason, .. } => (reason, None),
    }
}
