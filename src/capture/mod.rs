//! Where frames come from. Uses only [`crate::time`].
//!
//! A capture file is found (`paths`), opened and recognised (`open`), and walked (`walk`, with
//! `pcap` or `pcapng` over a `window`); `replay` merges several into one [`Source`]. An interface
//! is read by [`live`], a source for each packet socket.
//! [`filter`] chooses among the frames of any source.

pub mod filter;
pub mod frame;
mod interface;
mod link;
pub mod live;
mod open;
mod order;
mod paths;
mod pcap;
mod pcapng;
pub mod record;
mod replay;
#[cfg(test)]
mod sample;
mod walk;
mod window;

use crate::time::Timestamp;
pub use filter::Filter;
pub use frame::{Frame, LinkType, Origin};
pub use open::ReadAhead;
pub use replay::{Replay, Snapshot};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Something that yields frames in order: capture files, or an interface.
pub trait Source {
    /// Lends the next frame, or says what came instead of one; `None` when the input has ended.
    ///
    /// A fault in one input never ends the others; it is kept for [`Source::take_faults`].
    fn next_input(&mut self) -> Option<Input<'_>>;

    /// Takes what went wrong since the last call.
    fn take_faults(&mut self) -> Vec<Fault>;

    /// The files that frames come from, indexed by [`Origin::file`].
    fn files(&self) -> &[std::path::PathBuf];

    /// How far reading has come.
    fn progress(&self) -> Progress;

    /// What the kernel counts since the beginning; `None` where no kernel captures.
    fn kernel(&mut self) -> Option<KernelCounts> {
        None
    }
}

/// What a [`Source`] yields.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// It is this late, and nothing else came: the wall clock where no packet tells the time.
    Time(Timestamp),
    /// What has become of the interface.
    Link(LinkChange),
}

/// What has become of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkChange {
    /// When it was seen, by the wall clock.
    pub time: Timestamp,
    /// Its name.
    pub interface: String,
    /// What it is now.
    pub state: LinkState,
}

/// What an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// There, and up.
    Up,
    /// There, and down or without a carrier.
    Down,
    /// Not there.
    Gone,
}

/// What the kernel counts of the packets that pass its filter, since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelCounts {
    /// All of them, those that were dropped among them.
    pub received: u64,
    /// Dropped for want of room in the ring.
    pub dropped: u64,
    /// Dropped by the interface or its driver, whatever they carried.
    pub if_dropped: u64,
}

impl KernelCounts {
    /// Adds what another socket received.
    pub fn add(&mut self, other: Self) {
        self.received += other.received;
        self.dropped += other.dropped;
        self.if_dropped += other.if_dropped;
    }
}

/// What went wrong with an input while it was read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", path.display())]
pub struct Fault {
    /// The input.
    pub path: std::path::PathBuf,
    /// Whether the input counts as failed (exit status 1) or only as cut at its end.
    pub severity: Severity,
    /// What happened, with the offset.
    pub message: String,
}

/// How much a [`Fault`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// All that was there was read; the file ends in the middle of a record.
    Warning,
    /// The input could not be read, or not to its end.
    Error,
}

/// How far reading has come, in octets of the files as they lie on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Octets read.
    pub done: u64,
    /// Octets in all; 0 where that is not known (standard input).
    pub total: u64,
}

impl Fault {
    /// A failure of `path`.
    pub fn error(path: &Path, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            severity: Severity::Error,
            message: message.into(),
        }
    }

    /// A remark on `path` that leaves the run a success.
    pub fn warning(path: &Path, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            severity: Severity::Warning,
            message: message.into(),
        }
    }
}
