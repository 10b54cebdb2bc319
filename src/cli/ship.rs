//! `mxray ship`.

use clap::Args;
use std::path::PathBuf;

const SHIP_EXAMPLES: &str = "\
Examples:
  A sensor's events to a syslog server, as a service beside it:
    mxray live -i eth1 --log /var/lib/mxray/log
    mxray ship --log /var/lib/mxray/log --to syslog+tls://log.example.ac.jp

  What Splunk would get, without sending it:
    mxray ship --log /var/lib/mxray/log --to splunk+https://splunk.example:8088 --dry-run

  The verdicts of a capture into OpenSearch, once:
    mxray replay --log log monday.pcap
    mxray ship --log log --to opensearch+https://os.example:9200 --token-env OS_KEY \\
        --dataset mxray.verdict --once

  Several receivers, with credentials: a config file (docs/examples/ship.toml)
    mxray ship --config /etc/mxray/ship.toml

It ends on SIGINT (Ctrl-C) or SIGTERM, after the batch that is on its way.

Exit status:
  0   it ran until it was told to end; with --once, everything arrived
  1   it failed, or events were refused or lost
  2   wrong usage, on the command line or in a file that it names";

/// `mxray ship`.
#[derive(Clone, Debug, Args)]
#[command(after_help = SHIP_EXAMPLES)]
pub struct Ship {
    /// Deliver the event log in DIR
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "config",
        help_heading = "Input"
    )]
    pub log: Option<PathBuf>,

    /// Deliver to URL (repeatable)
    ///
    /// syslog+tls://HOST:6514, syslog+tcp://HOST:601: RFC 5424, octet counting;
    /// syslog+udp://HOST:514, syslog+unix:///dev/log: a datagram for each event;
    /// elasticsearch+https://HOST:9200, opensearch+https://HOST:9200: the bulk API;
    /// splunk+https://HOST:8088: the HTTP event collector. Also +http, in clear. Those ports of
    /// syslog need not be written.
    #[arg(
        long,
        value_name = "URL",
        required_unless_present = "config",
        help_heading = "Output"
    )]
    pub to: Vec<String>,

    /// Elasticsearch's index or data stream [default: logs-{dataset}-default]
    ///
    /// {dataset} stands for the event's, as mxray.verdict. Splunk's index is that of its token,
    /// or the one given here.
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub index: Option<String>,

    /// Deliver only events of DATASET, as mxray.verdict (repeatable)
    #[arg(long, value_name = "DATASET", help_heading = "Output")]
    pub dataset: Vec<String>,

    /// Read Splunk's token or Elasticsearch's API key from FILE
    ///
    /// Names and passwords go into a config file. Neither is ever shown or logged.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "token_env",
        help_heading = "Security"
    )]
    pub token_file: Option<PathBuf>,

    /// Read it from the environment variable VAR
    #[arg(long, value_name = "VAR", help_heading = "Security")]
    pub token_env: Option<String>,

    /// Trust the certificates in FILE (PEM) [default: the system's]
    #[arg(long, value_name = "FILE", help_heading = "Security")]
    pub tls_ca: Option<PathBuf>,

    /// Show our certificate, in FILE (PEM), to receivers that ask for one
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        help_heading = "Security"
    )]
    pub tls_cert: Option<PathBuf>,

    /// The key to --tls-cert, in FILE (PEM)
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_cert",
        help_heading = "Security"
    )]
    pub tls_key: Option<PathBuf>,

    /// Keep in DIR how far each receiver has come [default: ship/ in the log]
    ///
    /// NAME.offset for each receiver, and NAME.refused.ndjson with what it refused and why.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub state: Option<PathBuf>,

    /// End when all that is in the log is delivered
    #[arg(long)]
    pub once: bool,

    /// Print what would be sent, and send and keep nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Read options and receivers from FILE (TOML); the command line wins
    ///
    /// Keys: log, state, and for each receiver (as in docs/examples/ship.toml): to, name, dataset, index, token-file, token-env,
    /// user, password-file, password-env, tls-ca, tls-cert, tls-key, batch-events, batch-size,
    /// batch-wait, gzip, retry-first, retry-most, timeout. --to replaces all of the file's receivers.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print nothing on standard error but errors
    #[arg(short, long)]
    pub quiet: bool,
}
