//! `mxray metrics` and `mxray top`: a running sensor.

use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

const METRICS_EXAMPLES: &str = "\
Examples:
  mxray live -i eth1 --status /run/mxray/status -o events.ndjson &
  mxray metrics --status /run/mxray/status
  curl http://127.0.0.1:9464/metrics

It runs until a signal ends it. The totals are those that the sensor took last (--stats of
`mxray live`), as mxray_totals_timestamp_seconds says.

Exit status: 1 it failed, 2 wrong usage.";

const TOP_EXAMPLES: &str = "\
Examples:
  mxray live -i eth1 --status /run/mxray/status --stats 1 -o events.ndjson &
  mxray top --status /run/mxray/status
  mxray top --status /run/mxray/status --once

Keys: up, down, page up, page down, home, end choose a host; Enter shows why, Esc goes back;
q ends it. Rates are as fresh as the totals that the sensor takes (--stats of `mxray live`).

Exit status: 0 it ran, 1 it failed or with --once the sensor did not answer, 2 wrong usage.";

/// `mxray metrics`.
#[derive(Clone, Debug, Args)]
#[command(after_help = METRICS_EXAMPLES)]
pub struct Metrics {
    /// Ask the sensor on the unix socket PATH, as its own --status says
    #[arg(long, value_name = "PATH")]
    pub status: PathBuf,

    /// Serve /metrics on ADDRESS:PORT
    ///
    /// By default to this machine alone. There is no login and no TLS: what is beyond it should
    /// come by a proxy that has both.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9464")]
    pub listen: SocketAddr,
}

/// `mxray top`.
#[derive(Clone, Debug, Args)]
#[command(after_help = TOP_EXAMPLES)]
pub struct Top {
    /// Ask the sensor on the unix socket PATH, as its own --status says
    #[arg(long, value_name = "PATH")]
    pub status: PathBuf,

    /// Print what there is to see once, as text, and end
    #[arg(long)]
    pub once: bool,
}
