//! `mxray inventory`.

use super::{Reading, Span};
use clap::Args;
use std::path::PathBuf;

const INVENTORY_EXAMPLES: &str = "\
Examples:
  A draft to read, to cut down and to keep:
    mxray inventory --home 192.0.2.0/24 -o draft.toml spool/
    mxray check --inventory draft.toml

  What the inventory does not hold yet, and where hosts do otherwise than it says:
    mxray inventory --inventory inventory.toml spool/

Exit status:
  0   it ran, also where no host showed a role
  1   it failed, or a PATH could not be read or is no capture (after all others were read)
  2   wrong usage, on the command line or in a file that it names";

/// `mxray inventory`.
#[derive(Clone, Debug, Args)]
#[command(after_help = INVENTORY_EXAMPLES)]
pub struct Inventory {
    /// Captures: files, folders, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// What all that read captures take.
    #[command(flatten)]
    pub reading: Reading,

    /// The part that is read.
    #[command(flatten)]
    pub span: Span,

    /// Write the draft to FILE [default: -, standard output]
    ///
    /// A file that is there is overwritten. What a config file says of the output is for
    /// events, and not for this.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}
