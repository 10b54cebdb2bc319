//! What was typed for `mxray explain`.

use super::layer::Layer;
use super::outputs::sensor;
use super::reading::{Reading, reading};
use super::{Error, config_file, report};
use crate::cli;
use crate::host::HostAddr;
use std::path::PathBuf;

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
