//! What commands that read packets take: what to read, and what the site is.

use clap::Args;
use std::path::PathBuf;

/// What to read, what the site is, and how much may be used for it.
#[derive(Clone, Debug, Default, Args)]
pub struct Reading {
    /// Read only packets that match EXPR, in libpcap's language
    ///
    /// The language of tcpdump, described in pcap-filter(7). Packets that do not match are
    /// counted as filtered and not looked at. VLAN tags are seen through, in files as on an
    /// interface: a packet with tags passes if EXPR matches it with them or without. Other
    /// tunnels are not: EXPR sees the outer header. Fragments have no ports: a filter on
    /// ports loses all but the first of a datagram.
    #[arg(short, long, value_name = "EXPR", help_heading = "Input")]
    pub filter: Option<String>,

    /// What the site is.
    #[command(flatten)]
    pub site: Site,

    /// Decode with N threads, 1 to 64 [default: processors less one]
    ///
    /// Events are the same octet by octet for any N.
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub workers: Option<u64>,

    /// Keep hosts and connections that fit into SIZE (512M, 2G) [default: 1G]
    ///
    /// Three eighths are for hosts, some 2 KiB each; a quarter for what is remembered of those with
    /// mail lookups or mail connections, some 8 KiB each; an eighth each for TCP connections without
    /// data (160 octets), for those with data (2 KiB) and for octets that wait in these. Where it does
    /// not suffice, hosts and connections with the least to say are forgotten, and counted; a host
    /// that asks thousands of names gives up the rarest first. What does not grow with the site
    /// comes on top, 128M at the most, and 24M for each worker beyond the first. K, M, G, T and KiB,
    /// MiB, GiB, TiB count by 1024; kB, MB, GB, TB by 1000; a bare number is octets. At least 1M.
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    pub memory: Option<String>,

    /// Print nothing on standard error but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more about what is done; -vv says most
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// Of captures, the part that is read.
#[derive(Clone, Debug, Default, Args)]
pub struct Span {
    /// Read only packets at TIME or later
    ///
    /// TIME is RFC 3339 with its offset (2005-02-25T09:00:00+09:00); a date or a date and time
    /// in UTC (2005-02-25, '2005-02-25 09:00', 2005-02-25T09:00:30.5), a date being its first
    /// moment; or seconds since 1970, with a fraction if need be (1109289600.25).
    #[arg(
        long,
        value_name = "TIME",
        allow_negative_numbers = true,
        help_heading = "Input"
    )]
    pub since: Option<String>,

    /// Read only packets before TIME
    ///
    /// Written as for --since. A packet at TIME itself is not read, so that the end of one run
    /// can be the start of the next.
    #[arg(
        long,
        value_name = "TIME",
        allow_negative_numbers = true,
        help_heading = "Input"
    )]
    pub until: Option<String>,
}

/// What is known of the site, and where more of it is written.
#[derive(Clone, Debug, Default, Args)]
pub struct Site {
    /// NET is inside, as 192.0.2.0/24 or 2001:db8::/32 (repeatable)
    ///
    /// Hosts outside are counted and never judged. Without this option every host is judged,
    /// and the rules that need to know inside from outside say so.
    #[arg(long, value_name = "NET", help_heading = "Site")]
    pub home: Vec<String>,

    /// Read the roles and owners of hosts, and what to suppress, from FILE (TOML)
    #[arg(long, value_name = "FILE", help_heading = "Site")]
    pub inventory: Option<PathBuf>,

    /// Mail keywords: FILE or +word,word adds, =word,word replaces (repeatable)
    ///
    /// A query counts as a guess at a mail host by the first label of its name: a keyword
    /// (mx), a numbered one (mx01, mail-2), or another word that begins so (mailing). FILE has
    /// one word a line, # begins a comment. SPECs apply in order.
    /// [default: mx mxs ns mail smtp gate relay]
    #[arg(long, value_name = "SPEC", help_heading = "Site")]
    pub keywords: Vec<String>,

    /// TCP ports of mail: 2525,2526 adds, =25,2525 replaces (repeatable)
    ///
    /// What goes to these ports is read as SMTP, in clear or up to where TLS begins.
    /// [default: 25,465,587]
    #[arg(long, value_name = "N", help_heading = "Site")]
    pub smtp_ports: Vec<String>,

    /// Read options from FILE (TOML); the command line wins
    ///
    /// Its keys are the long names of the options: home = ["192.0.2.0/24"], exit-code = true.
    /// Unknown keys are refused. Paths in it are relative to the folder that it lies in. An
    /// option given on the command line replaces the file's, repeatable ones as a whole.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
