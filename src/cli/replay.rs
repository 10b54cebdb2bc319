//! `mxray replay`.

use super::{Events, Hosts, PageLanguage, Reading, Span};
use clap::Args;
use std::path::PathBuf;

const REPLAY_EXAMPLES: &str = "\
Examples:
  Judge one capture; a short table of the hosts that stand out follows on standard error:
    mxray replay monday.pcap

  A folder of compressed captures, with what the site knows of its hosts:
    mxray replay --home 192.0.2.0/24 --inventory inventory.toml -o events.ndjson spool/

  Every host's counts, to sort or plot:
    mxray replay --hosts -q monday.pcap | jq -c 'select(.mxray.host)'

  From a pipe, and only the packets of one net:
    ssh sensor cat monday.pcap | mxray replay -f 'net 192.0.2.0/24' -

  In a script: status 10 when a host is convicted:
    mxray replay --exit-code -q -o events.ndjson monday.pcap

Exit status:
  0   it ran (a capture cut in its last record is only a warning)
  1   it failed, or a PATH could not be read or is no capture (after all others were read)
  2   wrong usage, on the command line or in a file that it names
  10  with --exit-code: a host is convicted, and nothing failed";

/// `mxray replay`.
#[derive(Clone, Debug, Args)]
#[command(after_help = REPLAY_EXAMPLES)]
pub struct Replay {
    /// Captures: files, folders, or - for standard input
    ///
    /// pcap or pcapng, as they are or compressed with gzip or zstd, known by their first
    /// octets and not by name. Folders are read with all that is in them. All are put in the
    /// order of their first packets, and merged by time where they overlap.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// What all that read captures take.
    #[command(flatten)]
    pub reading: Reading,

    /// The part that is read.
    #[command(flatten)]
    pub span: Span,

    /// Write an event for each host as well [=all: also those outside]
    ///
    /// They follow at the end. With =all the hosts that --home leaves outside are among them,
    /// counted and not judged.
    #[arg(
        long,
        value_enum,
        value_name = "all",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "judged",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub hosts: Option<Hosts>,

    /// Write totals every SECONDS of packet time [default: at the end]
    ///
    /// They are written at the end in any case.
    #[arg(long, value_name = "SECONDS", help_heading = "Output")]
    pub stats: Option<u64>,

    /// Where events go, and what they may show.
    #[command(flatten)]
    pub events: Events,

    /// Write counts per host and second to FILE, as CSV
    ///
    /// What is counted: A queries (t) and those with a keyword by tier (k_exact, k_numbered,
    /// k_prefix), MX, PTR, AAAA and other queries, SMTP attempts.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub bins: Option<PathBuf>,

    /// Write a report to FILE as well, one page of HTML (as `mxray report`)
    ///
    /// Files are read a second time for the hosts that it shows.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<PathBuf>,

    /// That report's language: en or ja [default: en]
    #[arg(
        long,
        value_enum,
        value_name = "en|ja",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub lang: Option<PageLanguage>,

    /// Exit with status 10 when a host is convicted
    #[arg(long, help_heading = "Output")]
    pub exit_code: bool,
}
