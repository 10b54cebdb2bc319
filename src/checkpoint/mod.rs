//! The state of a sensor in a file, for the next start: written at intervals and when it stops,
//! read when it begins.
//!
//! [`save`] writes what [`Parts`] lists, taken at one place in the stream of packets; [`load`]
//! reads it back, or says why not, and [`set_aside`] keeps what could not be used for a look.
//! The file itself is [`mod@file`]'s. What is left out, and what that costs, says
//! docs/decisions/0017. Called by [`crate::pipeline`]; uses [`crate::count`],
//! [`crate::correlate`] and of [`crate::report`] what the capture thread counts.

#![forbid(unsafe_code)]

pub mod file;

use crate::correlate::site::Site;
use crate::correlate::{Context, Correlator};
use crate::count::saved::Saved;
use crate::count::site::SiteSeconds;
use crate::report::CaptureCounts;
pub use file::{Expected, Head, Refused, set_aside};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::path::Path;

/// Number of what is written, and how. Another one whenever a type that is saved changes, the
/// order of an enum's variants included, or means something else: a test holds a file of this
/// number against it.
pub const FORMAT: u32 = 7;

/// What is saved: the same place in the stream of packets in all of it.
#[derive(Debug, Serialize)]
pub struct Parts<'a> {
    /// What the capture thread has counted.
    pub capture: &'a CaptureCounts,
    /// Its seconds that are open.
    pub seconds: &'a SiteSeconds,
    /// What the workers hold, put together.
    pub counting: &'a Saved,
    /// Who is suspected of what.
    pub correlator: &'a Correlator,
    /// What the sensor sees.
    pub site: &'a Site,
}

/// The same as it is read.
#[derive(Debug, Deserialize)]
pub struct State {
    /// What the capture thread has counted.
    pub capture: CaptureCounts,
    /// Its seconds that are open.
    pub seconds: SiteSeconds,
    /// What the workers hold: to be dealt out.
    pub counting: Saved,
    /// Who is suspected of what.
    pub correlator: Correlator,
    /// What the sensor sees.
    pub site: Site,
}

impl State {
    /// Nothing arrived while the sensor was away, up to now, for `seconds` of packet time, and
    /// that says nothing about who is silent or what is usual.
    pub fn interrupted(&mut self, seconds: i64) {
        self.correlator.interrupted(seconds);
        self.site.interrupted();
    }
}

/// Writes a checkpoint in the place of the one before, and yields its size in octets. However
/// this ends, one of them is there as a whole.
pub fn save(path: &Path, head: &Head, parts: &Parts<'_>) -> io::Result<u64> {
    file::write(path, FORMAT, head, parts)
}

/// Writes a state into an open file, for another process that has it open.
pub fn leave(file: &mut File, head: &Head, parts: &Parts<'_>) -> io::Result<u64> {
    file::put(file, FORMAT, head, parts)
}

/// Reads what [`leave`] wrote. The correlator goes on with `context`.
pub fn take(
    file: &mut File,
    expected: &Expected<'_>,
    context: Context,
) -> Result<(Head, State), Refused> {
    let (head, mut state) = file::take::<State>(file, FORMAT, expected)?;
    state.correlator = state.correlator.with(context);
    Ok((head, state))
}

/// Reads the checkpoint of a sensor; `None` where there is none. The correlator goes on with
/// `context`.
pub fn load(
    path: &Path,
    expected: &Expected<'_>,
    context: Context,
) -> Result<Option<(Head, State)>, Refused> {
    let read = file::read::<State>(path, FORMAT, expected)?;
    Ok(read.map(|(head, mut state)| {
        state.correlator = state.correlator.with(context);
        (head, state)
    }))
}
