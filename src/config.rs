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
mod explain;
mod inventory;
mod layer;
mod live;
mod notify;
mod outputs;
mod reading;
mod replay;
mod report;
mod ship;
mod value;

pub use crate::report::Format;
pub use check::{Finding, check};
pub use explain::{ExplainConfig, explain};
pub use inventory::{InventoryConfig, inventory};
pub use layer::Origin;
pub use live::{LiveConfig, Write, live};
pub use notify::{Delivery, NotifyConfig, Source, notify};
pub use outputs::{Evidence, Hosts, Log, Output};
pub use reading::{Reading, Verbosity, Window};
pub use replay::{ReplayConfig, replay};
pub use report::{PlotConfig, ReportConfig, plot, report};
pub use ship::{ShipConfig, ship};

use crate::cli;
use crate::keywords;
use crate::toml_file::FileError;
use crate::words::one_line;
use layer::{Given, Layer};
use std::path::Path;

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
