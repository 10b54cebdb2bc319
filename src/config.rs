//! What is to be done, typed and checked: the command line over a config file over defaults.
//!
//! Built from [`crate::cli`], used by what runs. Everything that a person can get wrong is
//! found here, before a packet is read: building a config reads the files that it names and
//! asks libpcap about the filter, and writes nothing. Every error is one line that names the
//! option, or the file and line; a program that gets one exits with 2.
//!
//! Paths in a config file are relative to the folder that the file lies in, as a site keeps
//! its inventory and word lists beside it and runs from anywhere. An option on the command
//! line replaces the file's; the repeatable `--home` and `--keywords` do so as a whole, since
//! otherwise nothing could be taken back.

mod check;
mod layer;
mod notify;
mod report;
mod ship;
mod value;

pub use crate::report::Format;
pub use check::{Finding, check};
pub use layer::Origin;
pub use notify::{Delivery, NotifyConfig, Source, notify};
pub use report::{PlotConfig, ReportConfig, plot, report};
pub use ship::{ShipConfig, ship};

use crate::capture;
use crate::capture::live::SNAPLEN;
use crate::cli;
use crate::decode::observation::MailPorts;
use crate::eventlog::Bounds;
use crate::home::{Home, parse_net};
use crate::host::HostAddr;
use crate::inventory::Inventory;
use crate::keywords::{self, Keywords};
use crate::report::language::Language;
use crate::time::Timestamp;
use crate::toml_file::FileError;
use crate::words::one_line;
use layer::{Given, Layer};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};

/// More threads than this wait for each other and for the disk.
const MAX_WORKERS: usize = 64;
/// Less than this does not hold the tables of a single worker.
const MIN_MEMORY: u64 = 1 << 20;
const DEFAULT_MEMORY: u64 = 1 << 30;
/// A day of packet time is the longest that totals are of use.
const MAX_STATS: u64 = 86_400;
/// Between two totals of a link, and between two checkpoints, in seconds: what is lost is known
/// within the minute, and no more than one is lost.
const MINUTE: NonZeroU64 = NonZeroU64::new(60).unwrap();
const HOUR: NonZeroU64 = NonZeroU64::new(3600).unwrap();
/// Threads that share an interface's packets: more than the queues of a network card.
const MAX_FANOUT: u32 = 64;
/// libpcap wants room for some packets of the greatest length, and takes no more than a signed
/// number of 32 bits.
const RINGS: std::ops::RangeInclusive<u64> = 1 << 20..=i32::MAX as u64;
/// Octets of an event log, and of a segment of it: some hundred thousand verdicts, and a
/// sixteenth of them.
const LOG: u64 = 1 << 30;
const LOG_SEGMENT: u64 = 64 << 20;
/// Less than this makes more files than anybody wants.
const MIN_LOG_SEGMENT: u64 = 1 << 16;
/// The name stands in every event, which has a size to keep.
const MAX_SENSOR: usize = 128;

/// `mxray replay`.
#[derive(Clone, Debug)]
pub struct ReplayConfig {
    /// Captures, folders, or `-`; at least one.
    pub paths: Vec<PathBuf>,
    /// How they are read and judged.
    pub reading: Reading,
    /// Which hosts get an event of their own.
    pub hosts: Hosts,
    /// Packet time between two totals, in seconds; without it there is one, at the end.
    pub stats: Option<NonZeroU64>,
    /// Where events go.
    pub output: Output,
    /// The event log, if there is one.
    pub log: Option<Log>,
    /// The names that events use.
    pub format: Format,
    /// `observer.name`.
    pub sensor: String,
    /// What evidence may show.
    pub evidence: Evidence,
    /// Whether a convicted host makes the exit status 10.
    pub exit_code: bool,
    /// Where counts per host and second go, if anywhere.
    pub bins: Option<PathBuf>,
    /// Where a report goes, if anywhere.
    pub report: Option<PathBuf>,
    /// Its language.
    pub language: Language,
}

/// `mxray live`.
#[derive(Clone, Debug)]
pub struct LiveConfig {
    /// Names of interfaces; at least one, and each once.
    pub interfaces: Vec<String>,
    /// Threads that share an interface's packets.
    pub fanout: u32,
    /// The kernel's memory for packets, for each of them, in octets.
    pub ring: u32,
    /// Octets of a packet that are read at most.
    pub snaplen: u32,
    /// Whether packets to other stations are asked for.
    pub promiscuous: bool,
    /// Whether the kernel lets tunnels through.
    pub tunnels: bool,
    /// Whom root becomes.
    pub user: Option<String>,
    /// Where it is told what is going on.
    pub status: Option<PathBuf>,
    /// Where what is known outlives the process.
    pub checkpoint: Option<PathBuf>,
    /// Seconds between two times that it is written.
    pub checkpoint_interval: NonZeroU64,
    /// Files that a reload reads again: config, inventory, lists of keywords.
    pub read_again: Vec<PathBuf>,
    /// How packets are read and judged.
    pub reading: Reading,
    /// Which hosts get an event of their own.
    pub hosts: Hosts,
    /// Seconds between two times that they do.
    pub hosts_interval: NonZeroU64,
    /// Seconds between two totals.
    pub stats: NonZeroU64,
    /// Where events go.
    pub output: Output,
    /// The event log, if there is one.
    pub log: Option<Log>,
    /// The names that events use.
    pub format: Format,
    /// `observer.name`; without it the machine's name.
    pub sensor: Option<String>,
    /// What evidence may show.
    pub evidence: Evidence,
    /// Where the packets behind verdicts go, if anywhere.
    pub write: Option<Write>,
}

/// The event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The folder.
    pub folder: PathBuf,
    /// How much it may take.
    pub bounds: Bounds,
}

/// Packets behind verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The folder that they are written to; it was there.
    pub folder: PathBuf,
    /// Whether they are kept whole, and not their headers alone.
    pub payload: bool,
}

/// `mxray explain`.
#[derive(Clone, Debug)]
pub struct ExplainConfig {
    /// The host to explain.
    pub host: HostAddr,
    /// Captures, folders, or `-`; at least one.
    pub paths: Vec<PathBuf>,
    /// How they are read and judged.
    pub reading: Reading,
    /// Its events and series as JSON, for scripts.
    pub json: bool,
    /// `observer.name`.
    pub sensor: String,
}

/// `mxray inventory`.
#[derive(Clone, Debug)]
pub struct InventoryConfig {
    /// Captures, folders, or `-`; at least one.
    pub paths: Vec<PathBuf>,
    /// How they are read and judged.
    pub reading: Reading,
    /// Where the draft goes.
    pub output: Output,
}

/// `mxray synth`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SynthConfig {
    /// Tell the names.
    List,
    /// Write the capture of this name.
    Write {
        /// As typed; whether there is such a behaviour is for synth to say.
        name: String,
        /// Where the capture goes.
        output: Output,
    },
}

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

/// Checks what was typed for `mxray replay`.
pub fn replay(mut args: cli::Replay) -> Result<ReplayConfig, Error> {
    let paths = std::mem::take(&mut args.paths);
    let typed = std::mem::take(&mut args.reading);
    let below = config_file(typed.site.config.as_deref())?;
    let layer = Layer::from(typed).with_replay(args).over(below);
    let (output, bins) = outputs(&layer, &paths)?;
    let (output, log) = log(&layer, output)?;
    Ok(ReplayConfig {
        reading: reading(&layer)?,
        hosts: layer.hosts.unwrap_or_default(),
        stats: stats(&layer)?,
        output,
        log,
        format: layer.format.unwrap_or_default(),
        sensor: sensor(&layer)?.unwrap_or_else(|| "mxray".to_owned()),
        evidence: layer.evidence.unwrap_or_default(),
        exit_code: layer.exit_code.unwrap_or_default(),
        bins,
        report: page(&layer, &paths)?,
        language: report::language(&layer),
        paths,
    })
}

/// Checks what was typed for `mxray live`. A config file may also hold what only `replay` takes.
pub fn live(mut args: cli::Live) -> Result<LiveConfig, Error> {
    let typed = std::mem::take(&mut args.reading);
    let config_path = typed.site.config.clone();
    let below = config_file(config_path.as_deref())?;
    let mut layer = Layer::from(typed).with_live(args).over(below);
    // Of captures alone; a link has but one time.
    (layer.since, layer.until) = (None, None);
    (layer.bins, layer.report) = (None, None);
    let (output, _) = outputs(&layer, &[])?;
    let (output, log) = log(&layer, output)?;
    let ring = ring(&layer)?;
    let inventory = layer.inventory.iter().map(|given| given.value.clone());
    let lists = layer.keywords.iter().flatten();
    let lists = lists.filter_map(|given| match &given.value {
        keywords::Spec::File(path) => Some(path.clone()),
        keywords::Spec::Extend(_) | keywords::Spec::Replace(_) => None,
    });
    let read_again = config_path.into_iter().chain(inventory).chain(lists);
    Ok(LiveConfig {
        interfaces: interfaces(&layer)?,
        fanout: bounded(layer.fanout.as_ref(), MAX_FANOUT)?.unwrap_or(1),
        ring,
        snaplen: bounded(layer.snaplen.as_ref(), SNAPLEN)?.unwrap_or(SNAPLEN),
        promiscuous: !layer.no_promiscuous.unwrap_or_default(),
        tunnels: layer.tunnels.unwrap_or_default(),
        user: layer.user.as_ref().map(|given| given.value.clone()),
        status: layer.status.as_ref().map(|given| given.value.clone()),
        checkpoint: layer.checkpoint.as_ref().map(|given| given.value.clone()),
        checkpoint_interval: seconds(layer.checkpoint_interval.as_ref())?.unwrap_or(MINUTE),
        read_again: read_again.collect(),
        reading: reading(&layer)?,
        hosts: layer.hosts.unwrap_or_default(),
        hosts_interval: seconds(layer.hosts_interval.as_ref())?.unwrap_or(HOUR),
        stats: stats(&layer)?.unwrap_or(MINUTE),
        output,
        log,
        format: layer.format.unwrap_or_default(),
        sensor: sensor(&layer)?,
        evidence: layer.evidence.unwrap_or_default(),
        write: write(&layer)?,
    })
}

/// Checks what was typed for `mxray explain`. A config file may also hold what only `replay`
/// takes, so that one file serves both.
pub fn explain(args: cli::Explain) -> Result<ExplainConfig, Error> {
    let below = config_file(args.reading.site.config.as_deref())?;
    let layer = Layer::from(args.reading).with_span(args.span).over(below);
    Ok(ExplainConfig {
        host: report::host("HOST", &args.host)?,
        json: args.json,
        sensor: sensor(&layer)?.unwrap_or_else(|| "mxray".to_owned()),
        paths: args.paths,
        reading: reading(&layer)?,
    })
}

/// Checks what was typed for `mxray inventory`. A config file may also hold what only `replay`
/// takes; where that writes its events is no place for a draft.
pub fn inventory(args: cli::Inventory) -> Result<InventoryConfig, Error> {
    let below = config_file(args.reading.site.config.as_deref())?;
    let layer = Layer::from(args.reading).with_span(args.span).over(below);
    let layer = layer.with_draft(args.output);
    let (output, _) = outputs(&layer, &args.paths)?;
    // The draft leaves out what the inventory holds, and would be all that is left of it.
    if let (Some(draft), Some(known)) = (&layer.output, &layer.inventory)
        && same_file(&draft.value, &known.value)
    {
        return Err(draft.error("is the same file as --inventory"));
    }
    Ok(InventoryConfig {
        reading: reading(&layer)?,
        output,
        paths: args.paths,
    })
}

/// Checks what was typed for `mxray synth`.
#[must_use]
pub fn synth(args: cli::Synth) -> SynthConfig {
    match (args.list, args.name, args.output) {
        (false, Some(name), Some(output)) => SynthConfig::Write {
            name,
            output: output.into(),
        },
        // clap lets a name or an output be absent only with `--list`.
        _ => SynthConfig::List,
    }
}

/// What was typed for `mxray schema`.
#[must_use]
pub fn schema(args: &cli::Schema) -> Format {
    args.format.map(Format::from).unwrap_or_default()
}

fn config_file(path: Option<&Path>) -> Result<Layer, Error> {
    let Some(path) = path else {
        return Ok(Layer::default());
    };
    Layer::from_file(path).map_err(|error| named(error, &Origin::CommandLine("--config")))
}

fn reading(layer: &Layer) -> Result<Reading, Error> {
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

fn filter(layer: &Layer) -> Result<Option<String>, Error> {
    let Some(given) = &layer.filter else {
        return Ok(None);
    };
    // Compiled as for reading, so that what is taken here is taken there.
    capture::Filter::new(Some(&given.value), None, None)
        .map_err(|bad| given.error(format_args!("`{}`: {}", given.value, bad.message)))?;
    Ok(Some(given.value.clone()))
}

fn home(layer: &Layer) -> Result<Home, Error> {
    let given = layer.home.iter().flatten();
    let nets = given.map(|given| parse_net(&given.value).map_err(|error| given.error(error)));
    Ok(Home::new(nets.collect::<Result<Vec<_>, _>>()?))
}

fn known(layer: &Layer) -> Result<Inventory, Error> {
    let Some(given) = &layer.inventory else {
        return Ok(Inventory::default());
    };
    Inventory::load(&given.value).map_err(|error| named(error, &given.origin))
}

fn keywords(layer: &Layer) -> Result<Keywords, Error> {
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

fn smtp_ports(layer: &Layer) -> Result<MailPorts, Error> {
    let mut ports = MailPorts::DEFAULT.to_vec();
    for given in layer.smtp_ports.iter().flatten() {
        value::ports(&given.value, &mut ports).map_err(|message| given.error(message))?;
    }
    Ok(MailPorts::new(ports))
}

/// A fault in a word list names its own file and line, others the option.
fn spec_error(error: keywords::Error, given: &Given<keywords::Spec>) -> Error {
    match error {
        keywords::Error::Line { .. } => Error::Keywords(error),
        other => given.error(other),
    }
}

fn window(layer: &Layer) -> Result<Window, Error> {
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

fn workers(layer: &Layer) -> Result<NonZeroUsize, Error> {
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

fn memory(layer: &Layer) -> Result<u64, Error> {
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

fn stats(layer: &Layer) -> Result<Option<NonZeroU64>, Error> {
    seconds(layer.stats.as_ref())
}

/// Seconds of an interval.
fn seconds(given: Option<&Given<u64>>) -> Result<Option<NonZeroU64>, Error> {
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

fn interfaces(layer: &Layer) -> Result<Vec<String>, Error> {
    let given = layer.interface.as_deref().unwrap_or_default();
    if given.is_empty() {
        return Err(Error::Value {
            origin: Origin::CommandLine("--interface"),
            message: "names no interface to read; `mxray live -D` lists them".to_owned(),
        });
    }
    let mut names: Vec<String> = Vec::with_capacity(given.len());
    for given in given {
        if given.value.is_empty() || names.contains(&given.value) {
            let message = format!("`{}` is empty, or named twice", given.value);
            return Err(given.error(message));
        }
        names.push(given.value.clone());
    }
    Ok(names)
}

fn ring(layer: &Layer) -> Result<u32, Error> {
    let Some(given) = &layer.ring else {
        return Ok(capture::live::RING);
    };
    let octets = value::size(&given.value).map_err(|message| given.error(message))?;
    let octets = Some(octets).filter(|octets| RINGS.contains(octets));
    let octets = octets.and_then(|octets| u32::try_from(octets).ok());
    octets.ok_or_else(|| given.error(format!("`{}` is not from 1M to 2047M", given.value)))
}

/// Where packets go. A folder is not made: who may look into it is for the operator to say.
fn write(layer: &Layer) -> Result<Option<Write>, Error> {
    let Some(given) = &layer.write else {
        return match layer.write_payload {
            Some(true) => Err(Error::Value {
                origin: Origin::CommandLine("--write-payload"),
                message: "wants --write, which says where packets go".to_owned(),
            }),
            _ => Ok(None),
        };
    };
    if !given.value.is_dir() {
        let message = format!("{} is not a folder that is there", given.value.display());
        return Err(given.error(message));
    }
    Ok(Some(Write {
        folder: given.value.clone(),
        payload: layer.write_payload.unwrap_or_default(),
    }))
}

/// A number from 1 to `most`.
fn bounded(given: Option<&Given<u64>>, most: u32) -> Result<Option<u32>, Error> {
    let Some(given) = given else {
        return Ok(None);
    };
    let number = u32::try_from(given.value).ok();
    match number.filter(|number| (1..=most).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(given.error(format!("{} is not from 1 to {most}", given.value))),
    }
}

fn sensor(layer: &Layer) -> Result<Option<String>, Error> {
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

fn verbosity(layer: &Layer) -> Verbosity {
    match (layer.quiet, layer.verbose) {
        (Some(true), _) => Verbosity::Quiet,
        (_, None | Some(0)) => Verbosity::Normal,
        (_, Some(1)) => Verbosity::Verbose,
        (_, Some(_)) => Verbosity::Debug,
    }
}

/// Where events and counts go. They must not be one file, nor one of the captures: opening
/// such a file for writing would destroy what is about to be read.
fn outputs(layer: &Layer, inputs: &[PathBuf]) -> Result<(Output, Option<PathBuf>), Error> {
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

/// Where a report goes: to a file of its own.
fn page(layer: &Layer, inputs: &[PathBuf]) -> Result<Option<PathBuf>, Error> {
    let Some(given) = &layer.report else {
        // In a config file it may be meant for `mxray report`.
        return match &layer.lang {
            Some(lang) if matches!(lang.origin, Origin::CommandLine(_)) => {
                Err(lang.error("wants --report, whose language it is"))
            }
            _ => Ok(None),
        };
    };
    if given.value == Path::new("-") {
        return Err(given.error("wants a file, as standard output is for events"));
    }
    if let Some(input) = inputs.iter().find(|input| same_file(input, &given.value)) {
        return Err(given.error(format!("{} is also a PATH to read", input.display())));
    }
    for other in [&layer.output, &layer.bins].into_iter().flatten() {
        if other.value == given.value || same_file(&other.value, &given.value) {
            return Err(given.error("is the same file as another output"));
        }
    }
    Ok(Some(given.value.clone()))
}

/// The event log. Where it is given and no output is, it alone gets the events: a service has no
/// use for a copy on standard output.
fn log(layer: &Layer, output: Output) -> Result<(Output, Option<Log>), Error> {
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
fn same_file(one: &Path, other: &Path) -> bool {
    if [one, other].contains(&Path::new("-")) {
        return false;
    }
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other && one.is_file(),
        _ => false,
    }
}

impl<T> Given<T> {
    fn error(&self, message: impl std::fmt::Display) -> Error {
        Error::Value {
            origin: self.origin.clone(),
            message: message.to_string(),
        }
    }
}

/// A file that cannot be read is told with the option that named it.
fn named(error: FileError, origin: &Origin) -> Error {
    match error {
        FileError::Line { .. } => Error::File(error),
        FileError::Read { .. } => Error::Value {
            origin: origin.clone(),
            message: error.to_string(),
        },
    }
}

/// What is wrong with what a person typed or wrote: one line, exit status 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A line of a config file or an inventory.
    #[error(transparent)]
    File(#[from] FileError),
    /// The mail keywords.
    #[error(transparent)]
    Keywords(#[from] keywords::Error),
    /// A value.
    #[error("{origin}: {}", one_line(message))]
    Value {
        /// Where it was said.
        origin: Origin,
        /// What is wrong with it.
        message: String,
    },
}

#[cfg(test)]
mod tests;
