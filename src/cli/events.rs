//! What commands that write events take.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Where events go, and what they may show.
#[derive(Clone, Debug, Default, Args)]
pub struct Events {
    /// Write events to FILE [default: -, standard output]
    ///
    /// Of a file that is there, replay makes a new one; live writes on at its end.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Keep an event log in DIR, for `mxray ship` and any agent to follow
    ///
    /// Segments of NDJSON (mxray-0000000001.ndjson), each with an index of checksums, on the disk
    /// within a second. A crash costs no whole event, a full disk ends nothing. DIR is made if it
    /// is not there. Without -o, events go to the log alone.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub log: Option<PathBuf>,

    /// Let the event log take SIZE [default: 1G]
    ///
    /// Then its oldest segments are removed, read by somebody or not; that is counted and told.
    #[arg(long, value_name = "SIZE", help_heading = "Output")]
    pub log_size: Option<String>,

    /// Begin a new segment of the log at SIZE [default: 64M]
    ///
    /// And after an hour. From 64K to a quarter of --log-size; by default at most an eighth of it.
    #[arg(long, value_name = "SIZE", help_heading = "Output")]
    pub log_segment: Option<String>,

    /// The form of events: ecs, eve or ocsf [default: ecs]
    ///
    /// ecs: Elastic Common Schema. eve: as Suricata writes eve.json, with an alert for each
    /// conviction. ocsf: Open Cybersecurity Schema Framework, with a Detection Finding for each
    /// episode. All say the same, and an event has the same identifier in each.
    #[arg(
        long,
        value_enum,
        value_name = "ecs|eve|ocsf",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub format: Option<Format>,

    /// What evidence may show: counts, or full [default: counts]
    ///
    /// counts: no mailbox names and no message text. full: those too, with which events
    /// become personal data.
    #[arg(
        long,
        value_enum,
        value_name = "counts|full",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub evidence: Option<Evidence>,

    /// The sensor's name in events [default: mxray; live: the machine's]
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub sensor: Option<String>,
}

/// Which hosts get an event of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hosts {
    /// Those that are judged.
    #[value(hide = true)]
    Judged,
    /// Also those outside of `--home`.
    All,
}

/// The names that events use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Elastic Common Schema.
    Ecs,
    /// Suricata's EVE.
    Eve,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
}

/// What evidence may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Evidence {
    /// Numbers and names of hosts and domains.
    Counts,
    /// Mailboxes and message text too.
    Full,
}
