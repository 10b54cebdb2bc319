//! How packets are read and judged: what all commands take that read captures or a link.

use super::layer::{Given, Layer};
use super::{Error, named, value};
use crate::capture;
use crate::decode::observation::MailPorts;
use crate::home::{Home, parse_net};
use crate::inventory::Inventory;
use crate::keywords::{self, Keywords};
use crate::time::Timestamp;
use std::num::NonZeroUsize;

/// More threads than this wait for each other and for the disk.
pub(super) const MAX_WORKERS: usize = 64;
/// Less than this does not hold the tables of a single worker.
pub(super) const MIN_MEMORY: u64 = 1 << 20;
const DEFAULT_MEMORY: u64 = 1 << 30;

/// How captures are read and judged.
#[derive(Clone, Debug)]
pub struct Reading {
    /// An expression that libpcap takes for at least one of our link types; without it all
    /// packets are read.
    pub filter: Option<String>,
    /// The packet times that are read.
    pub window: Window,
    /// What is inside.
    pub home: Home,
    /// What the site knows of its hosts.
    pub inventory: Inventory,
    /// Which labels count as guesses at mail hosts.
    pub keywords: Keywords,
    /// TCP ports that mail goes to.
    pub smtp_ports: MailPorts,
    /// Threads that decode.
    pub workers: NonZeroUsize,
    /// Memory to stay within, in octets.
    pub memory: u64,
    /// How much people are told on standard error.
    pub verbosity: Verbosity,
}

/// A span of packet time: at `since` or later, and before `until`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first moment that is read; without it, from the beginning.
    pub since: Option<Timestamp>,
    /// The first moment that is no longer read; without it, to the end.
    pub until: Option<Timestamp>,
}

impl Window {
    /// Whether a packet of the time `at` is read.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// How much people are told on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Progress, warnings, the table at the end.
    #[default]
    Normal,
    /// `-v`: what is done, too.
    Verbose,
    /// `-vv`: everything.
    Debug,
}

pub(super) fn reading(layer: &Layer) -> Result<Reading, Error> {
    Ok(Reading {
        filter: filter(layer)?,
        window: window(layer)?,
        home: home(layer)?,
        inventory: known(layer)?,
        keywords: keywords(layer)?,
        smtp_ports: smtp_ports(layer)?,
        workers: workers(layer)?,
        memory: memory(layer)?,
        verbosity: verbosity(layer),
    })
}

pub(super) fn filter(layer: &Layer) -> Result<Option<String>, Error> {
    let Some(given) = &layer.filter else {
        return Ok(None);
    };
    // Compiled as for reading, so that what is taken here is taken there.
    capture::Filter::new(Some(&given.value), None, None)
        .map_err(|bad| given.error(format_args!("`{}`: {}", given.value, bad.message)))?;
    Ok(Some(given.value.clone()))
}

pub(super) fn home(layer: &Layer) -> Result<Home, Error> {
    let given = layer.home.iter().flatten();
    let nets = given.map(|given| parse_net(&given.value).map_err(|error| given.error(error)));
    Ok(Home::new(nets.collect::<Result<Vec<_>, _>>()?))
}

pub(super) fn known(layer: &Layer) -> Result<Inventory, Error> {
    let Some(given) = &layer.inventory else {
        return Ok(Inventory::default());
    };
    Inventory::load(&given.value).map_err(|error| named(error, &given.origin))
}

pub(super) fn keywords(layer: &Layer) -> Result<Keywords, Error> {
    let mut keywords = Keywords::builder();
    for given in layer.keywords.iter().flatten() {
        keywords
            .apply(&given.value)
            .map_err(|error| spec_error(error, given))?;
    }
    let last = layer.keywords.iter().flatten().next_back();
    keywords.build().map_err(|error| match last {
        Some(given) => given.error(error),
        None => Error::Keywords(error),
    })
}

/// A fault in a word list names its own file and line, others the option.
fn spec_error(error: keywords::Error, given: &Given<keywords::Spec>) -> Error {
    match error {
        keywords::Error::Line { .. } => Error::Keywords(error),
        other => given.error(other),
    }
}

pub(super) fn smtp_ports(layer: &Layer) -> Result<MailPorts, Error> {
    let mut ports = MailPorts::DEFAULT.to_vec();
    for given in layer.smtp_ports.iter().flatten() {
        value::ports(&given.value, &mut ports).map_err(|message| given.error(message))?;
    }
    Ok(MailPorts::new(ports))
}

pub(super) fn window(layer: &Layer) -> Result<Window, Error> {
    let moment =
        |given: &Given<String>| value::moment(&given.value).map_err(|message| given.error(message));
    let window = Window {
        since: layer.since.as_ref().map(moment).transpose()?,
        until: layer.until.as_ref().map(moment).transpose()?,
    };
    if let (Some(since), Some(until), Some(given)) = (window.since, window.until, &layer.since)
        && since >= until
    {
        let message = format!("{since} is not before --until, {until}");
        return Err(given.error(message));
    }
    Ok(window)
}

pub(super) fn workers(layer: &Layer) -> Result<NonZeroUsize, Error> {
    let Some(given) = &layer.workers else {
        // One processor is left to the thread that reads and hands out.
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers = processors.saturating_sub(1).clamp(1, MAX_WORKERS);
        return Ok(NonZeroUsize::new(workers).unwrap_or(NonZeroUsize::MIN));
    };
    let number = usize::try_from(given.value)
        .ok()
        .and_then(NonZeroUsize::new);
    number
        .filter(|number| number.get() <= MAX_WORKERS)
        .ok_or_else(|| given.error(format!("{} is not from 1 to {MAX_WORKERS}", given.value)))
}

pub(super) fn memory(layer: &Layer) -> Result<u64, Error> {
    let Some(given) = &layer.memory else {
        return Ok(DEFAULT_MEMORY);
    };
    let octets = value::size(&given.value).map_err(|message| given.error(message))?;
    if octets < MIN_MEMORY {
        let message = format!("`{}` is less than 1M (a unit, as in 512M?)", given.value);
        return Err(given.error(message));
    }
    Ok(octets)
}

fn verbosity(layer: &Layer) -> Verbosity {
    match (layer.quiet, layer.verbose) {
        (Some(true), _) => Verbosity::Quiet,
        (_, None | Some(0)) => Verbosity::Normal,
        (_, Some(1)) => Verbosity::Verbose,
        (_, Some(_)) => Verbosity::Debug,
    }
}
