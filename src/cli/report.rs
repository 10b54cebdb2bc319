//! `mxray report` and `mxray plot`.

use super::{Reading, Span};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

const REPORT_EXAMPLES: &str = "\
Examples:
  What happened on Monday, to look at in a browser:
    mxray report monday.pcap -o monday.html

  In Japanese, with a page for two hosts of which nothing was found, and with all counts as CSV:
    mxray report --lang ja --host 192.0.2.10 --host 2001:db8::4d --csv counts/ -o r.html spool/

  From a pipe; it is read once, and pictures are of convicted hosts alone:
    ssh sensor cat monday.pcap | mxray report - -o monday.html

Exit status:
  0   it ran, whatever was found
  1   it failed, or a PATH could not be read or is no capture (after all others were read)
  2   wrong usage, on the command line or in a file that it names";

const PLOT_EXAMPLES: &str = "\
Examples:
  Queries per second by type, as in the study's Figures 1 to 6:
    mxray plot 192.0.2.6 rates monday.pcap -o f.svg

  Keyword lookups against all lookups (Figure 8), and the numbers of that picture:
    mxray plot 192.0.2.6 correlation monday.pcap -o r2.svg
    mxray plot 192.0.2.6 correlation monday.pcap --csv > r2.csv";

/// `mxray report`.
#[derive(Clone, Debug, Args)]
#[command(after_help = REPORT_EXAMPLES)]
pub struct Report {
    /// Captures: files, folders, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// What all that read captures take.
    #[command(flatten)]
    pub reading: Reading,

    /// The part that is read.
    #[command(flatten)]
    pub span: Span,

    /// Show this host in full as well (repeatable)
    ///
    /// Hosts about which there is a verdict are shown in any case, the gravest first, up to 48
    /// with these.
    #[arg(long, value_name = "HOST", help_heading = "Output")]
    pub host: Vec<String>,

    /// Write the report to FILE, one page of HTML; - is standard output
    ///
    /// The page needs nothing else: no other file and no network. It names hosts and holds names
    /// that they asked for, and so is as confidential as the captures.
    #[arg(
        short,
        long,
        required = true,
        value_name = "FILE",
        help_heading = "Output"
    )]
    pub output: PathBuf,

    /// The report's language: en or ja [default: en]
    #[arg(
        long,
        value_enum,
        value_name = "en|ja",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub lang: Option<PageLanguage>,

    /// Write every host's counts and every second's as CSV into DIR
    ///
    /// hosts.csv has a line for each host with the numbers of its event, bins.csv one for each
    /// host and second (as `replay --bins`). DIR is made if it is not there.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub csv: Option<PathBuf>,
}

/// `mxray plot`.
#[derive(Clone, Debug, Args)]
#[command(after_help = PLOT_EXAMPLES)]
pub struct Plot {
    /// The host's address
    #[arg(value_name = "HOST")]
    pub host: String,

    /// What to draw
    #[arg(value_enum, value_name = "KIND")]
    pub kind: PlotKind,

    /// Captures: files, folders, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// What all that read captures take.
    #[command(flatten)]
    pub reading: Reading,

    /// The part that is read.
    #[command(flatten)]
    pub span: Span,

    /// Write the picture to FILE [default: -, standard output]
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Write the numbers of the picture as CSV, not the picture
    #[arg(long, help_heading = "Output")]
    pub csv: bool,

    /// The picture's language: en or ja [default: en]
    #[arg(
        long,
        value_enum,
        value_name = "en|ja",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub lang: Option<PageLanguage>,
}

/// The language of a report or picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PageLanguage {
    /// English.
    En,
    /// Japanese.
    Ja,
}

/// What a picture is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlotKind {
    /// Queries per second by type over time
    Rates,
    /// Keyword A queries against all A queries, with the line and R²
    Correlation,
    /// The most frequent prefixes of names, 1 to 5 characters long
    Prefixes,
    /// The most frequent mail keywords
    Labels,
    /// The score and each family of evidence over time
    Score,
    /// Mail servers, and what became of connections to them
    Peers,
}
