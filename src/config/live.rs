//! What was typed for `mxray live`.

use super::layer::{Given, Layer, Origin};
use super::outputs::{Evidence, Hosts, Log, Output, log, outputs, seconds, sensor, stats};
use super::reading::{Reading, reading};
use super::{Error, Format, config_file, value};
use crate::capture;
use crate::capture::live::SNAPLEN;
use crate::{cli, keywords};
use std::num::NonZeroU64;
use std::path::PathBuf;

/// Between two totals of a link, and between two checkpoints, in seconds: what is lost is known
/// within the minute, and no more than one is lost.
const MINUTE: NonZeroU64 = NonZeroU64::new(60).unwrap();
const HOUR: NonZeroU64 = NonZeroU64::new(3600).unwrap();
/// Threads that share an interface's packets: more than the queues of a network card.
pub(super) const MAX_FANOUT: u32 = 64;
/// libpcap wants room for some packets of the greatest length, and takes no more than a signed
/// number of 32 bits.
const RINGS: std::ops::RangeInclusive<u64> = 1 << 20..=i32::MAX as u64;

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

/// Packets behind verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The folder that they are written to; it was there.
    pub folder: PathBuf,
    /// Whether they are kept whole, and not their headers alone.
    pub payload: bool,
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

pub(super) fn interfaces(layer: &Layer) -> Result<Vec<String>, Error> {
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

pub(super) fn ring(layer: &Layer) -> Result<u32, Error> {
    let Some(given) = &layer.ring else {
        return Ok(capture::live::RING);
    };
    let octets = value::size(&given.value).map_err(|message| given.error(message))?;
    let octets = Some(octets).filter(|octets| RINGS.contains(octets));
    let octets = octets.and_then(|octets| u32::try_from(octets).ok());
    octets.ok_or_else(|| given.error(format!("`{}` is not from 1M to 2047M", given.value)))
}

/// Where packets go. A folder is not made: who may look into it is for the operator to say.
pub(super) fn write(layer: &Layer) -> Result<Option<Write>, Error> {
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
pub(super) fn bounded(given: Option<&Given<u64>>, most: u32) -> Result<Option<u32>, Error> {
    let Some(given) = given else {
        return Ok(None);
    };
    let number = u32::try_from(given.value).ok();
    match number.filter(|number| (1..=most).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(given.error(format!("{} is not from 1 to {most}", given.value))),
    }
}
