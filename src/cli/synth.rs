//! `mxray synth`.

use clap::Args;
use std::path::PathBuf;

const SYNTH_EXAMPLES: &str = "\
Examples:
  mxray synth --list
  mxray synth study-client-b -o study-client-b.pcap && mxray replay study-client-b.pcap
  mxray synth study-client-b -o - | mxray replay -";

/// `mxray synth`.
#[derive(Clone, Debug, Args)]
#[command(after_help = SYNTH_EXAMPLES)]
pub struct Synth {
    /// Which behaviour, one of those that --list shows
    #[arg(value_name = "NAME", required_unless_present = "list")]
    pub name: Option<String>,

    /// Write the capture (pcap) to FILE, or to standard output with -
    #[arg(short, long, value_name = "FILE", required_unless_present = "list")]
    pub output: Option<PathBuf>,

    /// List the behaviours
    #[arg(long, conflicts_with_all = ["name", "output"])]
    pub list: bool,
}
