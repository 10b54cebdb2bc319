//! `mxray check` and `mxray schema`: what is valid.

use super::{Format, Site};
use clap::Args;

const CHECK_EXAMPLES: &str = "\
Examples:
  mxray check --config /etc/mxray/mxray.toml
  mxray check --inventory inventory.toml --keywords +mta,post -f 'port 53 or port 25'

Exit status: 0 all is valid, 1 something is not, 2 wrong usage.";

/// `mxray check`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct Check {
    /// Check EXPR, a filter in libpcap's language
    #[arg(short, long, value_name = "EXPR", help_heading = "Input")]
    pub filter: Option<String>,

    /// What the site is.
    #[command(flatten)]
    pub site: Site,
}

/// `mxray schema`.
#[derive(Clone, Debug, Args)]
pub struct Schema {
    /// Of events in this form: ecs, eve or ocsf [default: ecs]
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<Format>,
}
