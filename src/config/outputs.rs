//! What is told, how often, and where it goes.

use super::Error;
use super::layer::{Given, Layer};
use super::reading::MIN_MEMORY;
use super::value;
use crate::eventlog::Bounds;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

/// A day of packet time is the longest that totals are of use.
const MAX_STATS: u64 = 86_400;
/// Octets of an event log, and of a segment of it: some hundred thousand verdicts, and a
/// sixteenth of them.
const LOG: u64 = 1 << 30;
const LOG_SEGMENT: u64 = 64 << 20;
/// Less than this makes more files than anybody wants.
const MIN_LOG_SEGMENT: u64 = 1 << 16;
/// The name stands in every event, which has a size to keep.
const MAX_SENSOR: usize = 128;

/// Where something is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    #[default]
    Stdout,
    /// A file, overwritten if it is there.
    File(PathBuf),
    /// Nowhere: the event log alone has it.
    Nowhere,
}

impl Output {
    /// The file, where it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout | Self::Nowhere => None,
            Self::File(path) => Some(path),
        }
    }
}

impl From<PathBuf> for Output {
    fn from(path: PathBuf) -> Self {
        if path == Path::new("-") {
            Self::Stdout
        } else {
            Self::File(path)
        }
    }
}

/// The event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The folder.
    pub folder: PathBuf,
    /// How much it may take.
    pub bounds: Bounds,
}

/// Which hosts get an event of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hosts {
    /// None.
    #[default]
    None,
    /// Those that are judged.
    Judged,
    /// Also those outside of home.
    All,
}

/// What evidence may show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evidence {
    /// Numbers, and names of hosts and domains.
    #[default]
    Counts,
    /// Mailboxes and message text too.
    Full,
}

/// Where events and counts go. They must not be one file, nor one of the captures: opening
/// such a file for writing would destroy what is about to be read.
pub(super) fn outputs(
    layer: &Layer,
    inputs: &[PathBuf],
) -> Result<(Output, Option<PathBuf>), Error> {
    for given in [&layer.output, &layer.bins].into_iter().flatten() {
        let clash = |input: &&PathBuf| same_file(input, &given.value);
        if let Some(input) = inputs.iter().find(clash) {
            let message = format!("{} is also a PATH to read", input.display());
            return Err(given.error(message));
        }
    }
    let output = layer
        .output
        .as_ref()
        .map(|given| given.value.clone().into());
    let output: Output = output.unwrap_or_default();
    if let Some(bins) = &layer.bins {
        if bins.value == Path::new("-") {
            return Err(bins.error("wants a file, as standard output is for events"));
        }
        if matches!(&output, Output::File(path) if *path == bins.value || same_file(path, &bins.value))
        {
            return Err(bins.error("is the same file as --output"));
        }
    }
    let bins = layer.bins.as_ref().map(|given| given.value.clone());
    Ok((output, bins))
}

/// The event log. Where it is given and no output is, it alone gets the events: a service has no
/// use for a copy on standard output.
pub(super) fn log(layer: &Layer, output: Output) -> Result<(Output, Option<Log>), Error> {
    let size = |given: &Option<Given<String>>| {
        let read = |given: &Given<String>| {
            value::size(&given.value).map_err(|message| given.error(message))
        };
        given.as_ref().map(read).transpose()
    };
    let (total, segment) = (size(&layer.log_size)?, size(&layer.log_segment)?);
    let Some(folder) = &layer.log else {
        return match [&layer.log_size, &layer.log_segment]
            .into_iter()
            .flatten()
            .next()
        {
            Some(given) => Err(given.error("wants --log, which says where the event log lies")),
            None => Ok((output, None)),
        };
    };
    let bounds = Bounds {
        total: total.unwrap_or(LOG),
        segment: segment.unwrap_or(LOG_SEGMENT.min(total.unwrap_or(LOG) / 8)),
    };
    if let Some(given) = &layer.log_size
        && bounds.total < MIN_MEMORY
    {
        return Err(given.error(format!("`{}` is less than 1M", given.value)));
    }
    if let Some(given) = &layer.log_segment
        && !(MIN_LOG_SEGMENT..=bounds.total / 4).contains(&bounds.segment)
    {
        let message = format!(
            "`{}` is not from 64K to a quarter of --log-size",
            given.value
        );
        return Err(given.error(message));
    }
    let output = match layer.output {
        Some(_) => output,
        None => Output::Nowhere,
    };
    let folder = folder.value.clone();
    Ok((output, Some(Log { folder, bounds })))
}

/// Whether both are there and are one file. `-` is none, though a file may have that name.
pub(super) fn same_file(one: &Path, other: &Path) -> bool {
    if [one, other].contains(&Path::new("-")) {
        return false;
    }
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other && one.is_file(),
        _ => false,
    }
}

pub(super) fn sensor(layer: &Layer) -> Result<Option<String>, Error> {
    let Some(given) = &layer.sensor else {
        return Ok(None);
    };
    let name = given.value.trim();
    if name.is_empty() || name.len() > MAX_SENSOR || name.contains(char::is_control) {
        let message = format!("wants 1 to {MAX_SENSOR} octets without control characters");
        return Err(given.error(message));
    }
    Ok(Some(name.to_owned()))
}

pub(super) fn stats(layer: &Layer) -> Result<Option<NonZeroU64>, Error> {
    seconds(layer.stats.as_ref())
}

/// Seconds of an interval.
pub(super) fn seconds(given: Option<&Given<u64>>) -> Result<Option<NonZeroU64>, Error> {
    let Some(given) = given else {
        return Ok(None);
    };
    let seconds = NonZeroU64::new(given.value).filter(|seconds| seconds.get() <= MAX_STATS);
    let fault = || {
        given.error(format!(
            "{} is not from 1 to {MAX_STATS} seconds",
            given.value
        ))
    };
    Ok(Some(seconds.ok_or_else(fault)?))
}
