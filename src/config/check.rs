//! `mxray check`: is what I wrote valid?
//!
//! Each part is checked for itself, so that one look shows all that is wrong.

use super::layer::Layer;
use super::live::{MAX_FANOUT, bounded, interfaces, ring, write};
use super::outputs::{log, outputs, seconds, sensor, stats};
use super::reading::{filter, home, keywords, known, memory, smtp_ports, window, workers};
use super::replay::page;
use super::{Error, config_file};
use crate::capture::live::SNAPLEN;
use crate::cli;
use crate::words::one_line;
use std::fmt;

/// What was found about one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The part: `config`, `inventory`, `keywords`, `smtp-ports`, `home` or `filter`.
    pub part: &'static str,
    /// What is valid, or what is not and where.
    pub outcome: Result<String, String>,
}

impl Finding {
    fn new(part: &'static str, outcome: Result<String, Error>) -> Self {
        Self {
            part,
            outcome: outcome.map_err(|error| error.to_string()),
        }
    }

    /// Whether the part is as it should be; if one is not, the exit status is 1.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.outcome.is_ok()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(what) => write!(f, "{}: valid: {}", self.part, one_line(what)),
            Err(fault) => write!(f, "{}: not valid: {fault}", self.part),
        }
    }
}

/// Checks what was typed and the files that it names. Keywords are always among the findings,
/// since there are always some; the other parts are where something was given.
#[must_use]
pub fn check(args: cli::Check) -> Vec<Finding> {
    let mut findings = Vec::new();
    let path = args.site.config.clone();
    let below = match config_file(path.as_deref()) {
        Ok(layer) => {
            if let Some(path) = path {
                let valid = numbers(&layer).map(|()| path.display().to_string());
                findings.push(Finding::new("config", valid));
            }
            layer
        }
        Err(error) => {
            findings.push(Finding::new("config", Err(error)));
            Layer::default()
        }
    };
    let layer = Layer::from_check(args).over(below);
    if let Some(given) = &layer.inventory {
        let valid = known(&layer).map(|inventory| {
            let path = given.value.display();
            let hosts = inventory.hosts_len();
            let suppressions = inventory.suppressions_len();
            let domains = inventory.domains().len();
            format!("{path}, {hosts} [[host]], {suppressions} [[suppress]], {domains} domains")
        });
        findings.push(Finding::new("inventory", valid));
    }
    let valid = keywords(&layer).map(|keywords| {
        let words: Vec<&str> = keywords.words().collect();
        words.join(" ")
    });
    findings.push(Finding::new("keywords", valid));
    if layer.smtp_ports.is_some() {
        let valid = smtp_ports(&layer).map(|ports| {
            let ports: Vec<String> = ports.iter().map(|port| port.to_string()).collect();
            ports.join(" ")
        });
        findings.push(Finding::new("smtp-ports", valid));
    }
    if layer.home.is_some() {
        let valid = home(&layer).map(|home| {
            let nets: Vec<String> = home.nets().map(|net| net.to_string()).collect();
            nets.join(" ")
        });
        findings.push(Finding::new("home", valid));
    }
    if layer.filter.is_some() {
        let valid = filter(&layer).map(Option::unwrap_or_default);
        findings.push(Finding::new("filter", valid));
    }
    findings
}

/// The values of a config file that are no part of their own.
fn numbers(layer: &Layer) -> Result<(), Error> {
    window(layer)?;
    workers(layer)?;
    memory(layer)?;
    stats(layer)?;
    sensor(layer)?;
    ring(layer)?;
    seconds(layer.checkpoint_interval.as_ref())?;
    seconds(layer.hosts_interval.as_ref())?;
    bounded(layer.fanout.as_ref(), MAX_FANOUT)?;
    bounded(layer.snaplen.as_ref(), SNAPLEN)?;
    if layer.interface.is_some() {
        interfaces(layer)?;
    }
    let (output, _) = outputs(layer, &[])?;
    log(layer, output)?;
    page(layer, &[])?;
    write(layer)?;
    Ok(())
}
