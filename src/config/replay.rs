//! What was typed for `mxray replay`.

use super::layer::{Layer, Origin};
use super::outputs::{Evidence, Hosts, Log, Output, log, outputs, same_file, sensor, stats};
use super::reading::{Reading, reading};
use super::{Error, Format, config_file, report};
use crate::cli;
use crate::report::language::Language;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

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

/// Where a report goes: to a file of its own.
pub(super) fn page(layer: &Layer, inputs: &[PathBuf]) -> Result<Option<PathBuf>, Error> {
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
