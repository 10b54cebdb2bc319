//! What outlives a run: state that is kept at intervals and at the end, and with which another
//! run goes on.

use crate::checkpoint::{Parts, State};
use crate::correlate::Correlator;
use crate::correlate::site::Site;
use crate::count::saved::{Invalid, Saved};
use crate::count::site::SiteSeconds;
use crate::count::{Counters, Settings};
use crate::report::CaptureCounts;
use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Keeps the state of a run.
pub trait StateKeeper {
    /// Keeps it. What is kept at the end, where nothing more follows, is told so.
    ///
    /// # Errors
    /// It could not be kept; the run goes on, and what was kept before is still there.
    fn keep(&mut self, parts: &Parts<'_>, end: bool) -> io::Result<()>;
}

/// How a run's state is kept.
pub struct KeepState<'a> {
    /// By whom.
    pub keeper: &'a mut dyn StateKeeper,
    /// Seconds of packet time between two times.
    pub every: NonZeroU64,
    /// Whether it is kept at the end, too. Then what is open stays open, for the next run; else
    /// it is closed. Looked at when the input has ended.
    pub at_end: Arc<AtomicBool>,
}

/// What an earlier run left, ready to go on with.
#[derive(Debug, Default)]
pub struct Resumed {
    pub(super) capture: CaptureCounts,
    pub(super) seconds: SiteSeconds,
    /// Of each worker.
    pub(super) counters: Vec<Counters>,
    /// What the calling thread knew.
    pub(super) judged: Option<(Correlator, Site)>,
}

impl Resumed {
    /// What was thought of hosts.
    #[must_use]
    pub fn correlator(&self) -> Option<&Correlator> {
        self.judged.as_ref().map(|(correlator, _)| correlator)
    }

    /// Deals a state out among workers.
    ///
    /// # Errors
    /// Where it is no state of counting, which is a fault of mxray.
    pub fn new(state: State, workers: NonZeroUsize, settings: &Settings) -> Result<Self, Invalid> {
        let State {
            capture,
            seconds,
            counting,
            correlator,
            site,
        } = state;
        let dealt = counting.deal(workers.get(), |shard| shard % workers.get());
        let counters = dealt.into_iter();
        let counters = counters.map(|saved| Counters::load(settings.clone(), saved));
        Ok(Self {
            capture,
            seconds,
            counters: counters.collect::<Result<_, _>>()?,
            judged: Some((correlator, site)),
        })
    }
}

/// What has come of a state that is to be kept.
#[derive(Default)]
pub(super) struct Kept {
    /// The second up to which it was closed.
    pub(super) closed: i64,
    pub(super) counting: Saved,
    /// Workers whose part is in it.
    pub(super) workers: usize,
    pub(super) capture: CaptureCounts,
    pub(super) seconds: SiteSeconds,
    /// Capture threads whose part is in it.
    pub(super) captures: usize,
}
