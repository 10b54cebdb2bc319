//! What a run is asked for.

use crate::correlate::Context;
use crate::count;
use std::num::{NonZeroU64, NonZeroUsize};

/// What a run needs to know.
#[derive(Debug)]
pub struct Settings {
    /// Threads that decode and count.
    pub workers: NonZeroUsize,
    /// What counting needs to know.
    pub count: count::Settings,
    /// What correlation needs to know.
    pub context: Context,
    /// Packet time between two totals, in seconds.
    pub stats: Option<NonZeroU64>,
    /// What is done where a worker is behind.
    pub behind: Behind,
    /// When hosts are told.
    pub hosts: Hosts,
    /// What is kept of packets, so that those behind a verdict can be told; `None`: nothing.
    pub keep: Option<Keep>,
    /// Whether the sink is told second by second of the hosts that it follows.
    pub follow: bool,
}

/// When hosts are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Never.
    Never,
    /// All of them at the end, with what they did from the beginning.
    AtEnd,
    /// Those that did anything, every so many seconds of packet time and at the end, with what
    /// they did since: the [`TOLD_HOSTS`](crate::count::period::TOLD_HOSTS) with the highest score, and then the most to
    /// tell of.
    Every {
        /// Length of the period.
        seconds: NonZeroU64,
        /// Those outside too.
        outside: bool,
    },
}

/// What is kept of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All headers, and nothing that they carry.
    Headers,
    /// All that was captured.
    Whole,
}

/// What is done where a worker is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Wait for it, as a file does.
    Wait,
    /// Throw packets away and count them, as a link does not wait. Totals come at every multiple
    /// of their interval from this second on, with packets or without.
    Shed {
        /// The beginning, by the wall clock.
        from: i64,
    },
}
