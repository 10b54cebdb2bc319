//! `mxray explain`.

use super::{Reading, Span};
use clap::Args;
use std::path::PathBuf;

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  mxray explain 192.0.2.77 monday.pcap
  mxray explain --json 192.0.2.77 monday.pcap | jq .verdicts
  mxray explain 2001:db8::4d --since '2005-02-25 08:00' --until '2005-02-25 09:00' spool/";

/// `mxray explain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub struct Explain {
    /// The host's address
    #[arg(value_name = "HOST")]
    pub host: String,

    /// Captures: files, folders, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// What all that read captures take.
    #[command(flatten)]
    pub reading: Reading,

    /// The part that is read.
    #[command(flatten)]
    pub span: Span,

    /// Write one JSON object, for scripts: its events, prefixes and queries over time
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
