//! What the stages tell the calling thread.

use super::keeper::Excerpt;
use crate::capture::{Fault, LinkChange};
use crate::count::PacketCounts;
use crate::count::delta::Delta;
use crate::count::host::HostCounters;
use crate::count::period::Period;
use crate::count::saved::Saved;
use crate::count::site::SiteSeconds;
use crate::host::HostAddr;
use crate::report::CaptureCounts;
use crossbeam_channel::SendError;

/// What reaches the calling thread.
pub(super) enum Message {
    /// What went wrong with an input.
    Faults(Vec<Fault>),
    /// What has become of an interface.
    Link(LinkChange),
    /// The capture thread's counts at a mark.
    Captured { at: i64, counts: CaptureCounts },
    /// A worker's counts at a mark.
    Counted { at: i64, counts: PacketCounts },
    /// What a worker's hosts did in the period that ends at a mark, when its seconds are closed.
    Period { at: i64, period: Period },
    /// A worker's state at a mark, or with the greatest number at the end.
    Saved {
        at: i64,
        /// The second up to which it had closed.
        closed: i64,
        saved: Box<Saved>,
    },
    /// A capture thread's state there.
    CaptureSaved {
        at: i64,
        counts: CaptureCounts,
        seconds: SiteSeconds,
    },
    /// Packets behind a verdict.
    Kept(Excerpt),
    /// A worker has closed the seconds up to `through`; or a capture thread has, whose numbers
    /// are behind those of the workers.
    Closed {
        worker: usize,
        through: i64,
        deltas: Vec<Delta>,
    },
    /// A worker has ended.
    Finished {
        counts: PacketCounts,
        hosts: Vec<(HostAddr, HostCounters)>,
    },
}

/// The other side has gone: the run is over.
pub(super) struct HungUp;

impl<T> From<SendError<T>> for HungUp {
    fn from(_: SendError<T>) -> Self {
        Self
    }
}
