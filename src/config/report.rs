//! What `mxray report` and `mxray plot` are to do.

use super::layer::{Layer, Origin};
use super::outputs::{Output, outputs, sensor};
use super::reading::{Reading, reading};
use super::{Error, config_file};
use crate::cli;
use crate::host::HostAddr;
use crate::report::language::Language;
use crate::report::plot::Kind;
use std::net::IpAddr;
use std::path::PathBuf;

/// `mxray report`.
#[derive(Clone, Debug)]
pub struct ReportConfig {
    /// Captures, folders, or `-`; at least one.
    pub paths: Vec<PathBuf>,
    /// How they are read and judged.
    pub reading: Reading,
    /// Hosts that are shown whatever they did.
    pub hosts: Vec<HostAddr>,
    /// Where the page goes.
    pub output: Output,
    /// Its language.
    pub language: Language,
    /// The folder that counts go into, if any.
    pub csv: Option<PathBuf>,
    /// `observer.name`.
    pub sensor: String,
}

/// `mxray plot`.
#[derive(Clone, Debug)]
pub struct PlotConfig {
    /// The host.
    pub host: HostAddr,
    /// What is drawn.
    pub kind: Kind,
    /// Captures, folders, or `-`; at least one.
    pub paths: Vec<PathBuf>,
    /// How they are read and judged.
    pub reading: Reading,
    /// Where the picture goes.
    pub output: Output,
    /// Its numbers are written in its place.
    pub csv: bool,
    /// Its language.
    pub language: Language,
    /// `observer.name`.
    pub sensor: String,
}

/// Checks what was typed for `mxray report`. A config file may also hold what only `replay`
/// takes; where that writes its events is no place for a page.
pub fn report(args: cli::Report) -> Result<ReportConfig, Error> {
    let below = config_file(args.reading.site.config.as_deref())?;
    let layer = Layer::from(args.reading).with_span(args.span);
    let layer = layer.with_lang(args.lang).over(below);
    let layer = layer.with_draft(Some(args.output));
    let (output, _) = outputs(&layer, &args.paths)?;
    let hosts = args.host.iter().map(|text| host("--host", text));
    Ok(ReportConfig {
        hosts: hosts.collect::<Result<_, _>>()?,
        reading: reading(&layer)?,
        output,
        language: language(&layer),
        csv: args.csv,
        sensor: sensor(&layer)?.unwrap_or_else(|| "mxray".to_owned()),
        paths: args.paths,
    })
}

/// Checks what was typed for `mxray plot`, likewise.
pub fn plot(args: cli::Plot) -> Result<PlotConfig, Error> {
    let below = config_file(args.reading.site.config.as_deref())?;
    let layer = Layer::from(args.reading).with_span(args.span);
    let layer = layer.with_lang(args.lang).over(below);
    let layer = layer.with_draft(args.output);
    let (output, _) = outputs(&layer, &args.paths)?;
    Ok(PlotConfig {
        host: host("HOST", &args.host)?,
        kind: args.kind.into(),
        reading: reading(&layer)?,
        output,
        csv: args.csv,
        language: language(&layer),
        sensor: sensor(&layer)?.unwrap_or_else(|| "mxray".to_owned()),
        paths: args.paths,
    })
}

/// The language that was asked for.
pub(super) fn language(layer: &Layer) -> Language {
    let given = layer.lang.as_ref();
    given.map(|given| given.value).unwrap_or_default()
}

/// A host's address as it was typed.
pub(super) fn host(option: &'static str, text: &str) -> Result<HostAddr, Error> {
    let host: Result<IpAddr, _> = text.parse();
    host.map(HostAddr::from).map_err(|_| Error::Value {
        origin: Origin::CommandLine(option),
        message: format!("`{text}` is no IP address"),
    })
}

impl From<cli::PageLanguage> for Language {
    fn from(typed: cli::PageLanguage) -> Self {
        match typed {
            cli::PageLanguage::En => Self::English,
            cli::PageLanguage::Ja => Self::Japanese,
        }
    }
}

impl From<cli::PlotKind> for Kind {
    fn from(typed: cli::PlotKind) -> Self {
        match typed {
            cli::PlotKind::Rates => Self::Rates,
            cli::PlotKind::Correlation => Self::Correlation,
            cli::PlotKind::Prefixes => Self::Prefixes,
            cli::PlotKind::Labels => Self::Labels,
            cli::PlotKind::Score => Self::Score,
            cli::PlotKind::Peers => Self::Peers,
        }
    }
}
