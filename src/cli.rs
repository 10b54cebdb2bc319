//! What was typed: clap's types, and the help that people read. Uses nothing of ours but
//! libpcap's version.
//!
//! Only the shape is checked here (which options exist, which exclude each other); what a
//! value means is [`crate::config`]'s to say, since a config file can hold the same value.
//! The comments on the fields are the help: one short line, then what `--help` adds.
#![expect(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "the comments are help text, in which marks would stand as they are"
)]

mod check;
mod events;
mod explain;
mod inventory;
mod live;
mod notify;
mod pages;
mod reading;
mod replay;
mod report;
mod ship;
mod synth;
#[cfg(test)]
mod tests;
mod watch;

pub use check::{Check, Schema};
pub use events::{Events, Evidence, Format, Hosts};
pub use explain::Explain;
pub use inventory::Inventory;
pub use live::Live;
pub use notify::{Language, Notify};
pub use pages::{Completions, Man};
pub use reading::{Reading, Site, Span};
pub use replay::Replay;
pub use report::{PageLanguage, Plot, PlotKind, Report};
pub use ship::Ship;
pub use synth::Synth;
pub use watch::{Metrics, Top};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  mxray replay monday.pcap                  judge every host; events on standard output
  mxray replay --home 192.0.2.0/24 spool/   judge the hosts of one net only
  mxray live -i eth1 --home 192.0.2.0/24    the same from a mirror port, as it happens
  mxray explain 192.0.2.77 spool/           one host, and why it was judged so
  mxray inventory spool/ -o draft.toml      roles that hosts showed, for you to read
  mxray synth --list                        captures of known behaviour to try it on
  mxray check --config mxray.toml           is what I wrote valid?
  mxray notify --dry-run --inventory inventory.toml events.ndjson   who would be told what
  mxray top --status /run/mxray/status      what a running sensor sees
  mxray ship --log log --to URL             events to a SIEM, of replay or live with --log log

Events go to standard output and nothing else does; what people read goes to standard error.

Exit status:
  0   it ran (a capture cut in its last record is only a warning)
  1   it failed, a PATH could not be read or is no capture, or `check` found a fault
  2   wrong usage, on the command line or in a file that it names
  10  with --exit-code: a host is convicted, and nothing failed
A closed pipe ends it quietly with 0.";

/// Finds mass-mailing worms and spam bots in captured traffic, by how they use DNS and SMTP.
#[derive(Clone, Debug, Parser)]
#[command(name = "mxray", version, after_help = EXAMPLES)]
#[command(arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Reads the command line; ends the process where it asks for help or the version, or is wrong.
#[must_use]
pub fn parse() -> Cli {
    // What reads packets has its own faults, so that its version is told too.
    let version = format!(
        "{}\nwith {}",
        env!("CARGO_PKG_VERSION"),
        crate::capture::live::device::libpcap_version()
    );
    // clap wants a text that lasts, and this is made once.
    let matches = Cli::command().version(&*version.leak()).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Read captures, write events
    Replay(Box<Replay>),
    /// The same from interfaces, as a service
    ///
    /// Reads a mirror (SPAN) port, or any other interface, until it is told to end (SIGINT,
    /// SIGTERM). The kernel hands over only what mxray reads. What could not be read is counted
    /// and told. Needs the right to read packets: root, or CAP_NET_RAW.
    Live(Box<Live>),
    /// One host in a screenful, and why
    Explain(Box<Explain>),
    /// Write a report to look at: one page of HTML with pictures
    ///
    /// Who is infected, since when, how sure that is and what to do first; every host in a table;
    /// of each host that stands out what it did over time, and the packets behind each claim, to
    /// be checked in Wireshark; the site as a whole and how much of it was in sight. Files are
    /// read twice, the second time for the hosts that are shown.
    Report(Box<Report>),
    /// Draw one picture of a host, as SVG
    Plot(Box<Plot>),
    /// Write the roles that hosts showed, as a draft of an inventory
    ///
    /// An entry for each host inside that showed what it is for, with what that rests on: for
    /// most roles, what it did in the last day before the end. It is a draft: a role grants no
    /// immunity, but it changes what a host is measured by, so keep the entries of which you
    /// know that they are true. With --inventory, hosts are left out that it gives the role
    /// that they show, and those that show another are told in comments.
    Inventory(Box<Inventory>),
    /// Write a capture of known behaviour
    Synth(Synth),
    /// Config, inventory, keywords, filter: valid, or the line that is not
    Check(Check),
    /// Print the JSON Schema of all events
    Schema(Schema),
    /// Print what completes command lines in a shell
    #[command(hide = true)]
    Completions(Completions),
    /// Write the manual pages
    #[command(hide = true)]
    Man(Man),
    /// Tell the owners of convicted hosts by mail
    ///
    /// Reads events (in the form ecs, as `-o` writes them), finds the owner of each convicted host
    /// in the inventory, and writes what was seen, since when, what to do and the evidence.
    /// It runs apart from what reads packets, which itself opens no connection.
    Notify(Box<Notify>),
    /// Serve a running sensor's totals to Prometheus
    ///
    /// Asks the sensor on its status socket each time that somebody fetches /metrics. `mxray_up`
    /// is 0 where it does not answer.
    Metrics(Metrics),
    /// Watch a running sensor in the terminal
    ///
    /// Packets a second, losses, and the hosts under suspicion, the highest score first; Enter
    /// shows why, q ends it.
    Top(Top),
    /// Deliver an event log to syslog, Elasticsearch, OpenSearch or Splunk
    ///
    /// Follows the log that --log of `mxray live` or `mxray replay` writes, and brings every event
    /// at least once and in order to each receiver. Each has a pace of its own: one that is down,
    /// slow or hostile holds up neither another nor the capture, which is another process. How far
    /// it has come is kept in a file, and it goes on there. What a receiver refuses is set aside
    /// with its reason.
    Ship(Box<Ship>),
}
