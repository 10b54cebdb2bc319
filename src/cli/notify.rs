//! `mxray notify`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

const NOTIFY_EXAMPLES: &str = "\
Examples:
  What would be mailed to whom, without sending anything:
    mxray notify --dry-run --inventory inventory.toml events.ndjson

  The same, sent in both languages by the site's relay:
    mxray notify --inventory inventory.toml --relay smtp://mail.example.ac.jp:587 \\
        --relay-login /etc/mxray/relay-login --from 'Network team <noc@example.ac.jp>' \\
        --language both --state /var/lib/mxray/notify.json events.ndjson

  As a service beside a sensor, from its event log:
    mxray live -i eth1 --log /var/lib/mxray/log
    mxray notify --log /var/lib/mxray/log --inventory inventory.toml \\
        --relay smtp://localhost --from noc@example.ac.jp --state /var/lib/mxray/notify.json

An episode is mailed when its host is convicted, once more if it is confirmed later, and once more
when it is taken back or the host was silent for a day. Hosts that the inventory suppresses are
never mailed about. SIGHUP reads the inventory again.

The login may also stand in the environment, as MXRAY_RELAY_USER and MXRAY_RELAY_PASSWORD.

Exit status:
  0   all that was to be mailed was, or waits for its time
  1   it failed, or mails were refused, or could not be handed over and wait for the next run
  2   wrong usage, on the command line or in a file that it names";

/// `mxray notify`.
#[derive(Clone, Debug, Args)]
#[command(after_help = NOTIFY_EXAMPLES)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub struct Notify {
    /// Events: a file of lines, read to its end, or - for standard input
    #[arg(value_name = "EVENTS", required_unless_present = "log")]
    pub events: Option<PathBuf>,

    /// Follow the event log in DIR, which --log of `mxray live` or `mxray replay` writes
    ///
    /// From the oldest event that is there, and with --state from where the last run ended.
    #[arg(long, value_name = "DIR", conflicts_with = "events")]
    pub log: Option<PathBuf>,

    /// With --log, end where the log ends
    #[arg(long, conflicts_with = "events")]
    pub once: bool,

    /// Read the owners of hosts, and what to suppress, from FILE (TOML)
    ///
    /// The owner of the narrowest net around a host that has one: a mail address, or several
    /// between commas.
    #[arg(long, value_name = "FILE", help_heading = "Whom")]
    pub inventory: PathBuf,

    /// Tell ADDRESS of hosts that have no owner
    ///
    /// Without it they are counted and told on standard error.
    #[arg(long, value_name = "ADDRESS", help_heading = "Whom")]
    pub fallback: Option<String>,

    /// Write in en, ja, or both in one mail
    #[arg(
        long,
        value_enum,
        value_name = "en|ja|both",
        default_value = "en",
        hide_possible_values = true,
        help_heading = "Whom"
    )]
    pub language: Language,

    /// Let a mail wait SECONDS for more hosts of its owner
    ///
    /// At the end of the events nothing waits any more.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        value_parser = clap::value_parser!(u32).range(0..=86_400),
        help_heading = "When"
    )]
    pub digest: u32,

    /// Send an owner N mails a day (UTC), 1 to 1000
    ///
    /// What is found beyond that waits for the next day's first mail, which says so.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..=1000),
        help_heading = "When"
    )]
    pub limit: u32,

    /// Keep in FILE what was told, and what waits
    ///
    /// With it no restart tells anything twice. Mails that the relay refuses for good are set
    /// aside in the folder FILE.refused.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "dry_run",
        help_heading = "When"
    )]
    pub state: Option<PathBuf>,

    /// Hand mails to smtp://HOST:PORT, or smtps://HOST:PORT
    ///
    /// smtp wants STARTTLS, unless HOST is this machine; smtps is TLS from the beginning.
    #[arg(
        long,
        value_name = "URL",
        required_unless_present = "dry_run",
        help_heading = "How"
    )]
    pub relay: Option<String>,

    /// Do without TLS
    #[arg(long, help_heading = "How")]
    pub relay_plain: bool,

    /// Trust only the certificates in FILE (PEM) to vouch for the relay
    ///
    /// By default those that the system trusts. With it TLS is wanted of this machine too. A
    /// certificate that the relay signed itself will do if it is no authority's (CA:FALSE).
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "relay_plain",
        help_heading = "How"
    )]
    pub relay_ca: Option<PathBuf>,

    /// Log in with the user and the password on the first two lines of FILE
    ///
    /// Others must not be able to read it.
    #[arg(long, value_name = "FILE", help_heading = "How")]
    pub relay_login: Option<PathBuf>,

    /// Write as ADDRESS, which owners answer to
    #[arg(
        long,
        value_name = "ADDRESS",
        required_unless_present = "dry_run",
        help_heading = "How"
    )]
    pub from: Option<String>,

    /// Print the mails and send nothing
    ///
    /// With --state, those that were sent before are left out; it is not written to.
    #[arg(long, help_heading = "How")]
    pub dry_run: bool,

    /// Print nothing on standard error but errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// In which language people are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English.
    En,
    /// Japanese.
    Ja,
    /// Both in one mail.
    Both,
}
