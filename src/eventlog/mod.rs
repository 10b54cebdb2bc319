//! The event log: a folder of NDJSON that outlives crashes, full disks and slow readers.
//!
//! A **segment** (`mxray-1795703999.ndjson`) holds events, one a line, and nothing else, so that
//! any agent can follow it. Beside it lies its **index** (`mxray-1795703999.index`): how many
//! events came before it, and for each batch that is safe on the disk where it begins, its octets,
//! its events and their XXH3. Segments are numbered in order, from the second in which the log was made; only the last one grows, and none is
//! written to again after a restart. [`Writer`] writes, rotates, syncs and removes; [`Reader`]
//! follows from a [`Position`], over rotation and removal, while the writer runs and when it does
//! not.
//!
//! Reasons are in `docs/decisions/0020-event-log-and-shipping.md`.

#![forbid(unsafe_code)]

mod index;
mod reader;
mod recovery;
mod segment;
mod sync;
mod writer;

pub use reader::{Entry, Position, Reader};
pub use writer::{Bounds, LogCounts, OpenError, Writer};

#[cfg(test)]
mod tests;
