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

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

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

const LIVE_EXAMPLES: &str = "\
Examples:
  mxray live -D                                     which interfaces there are
  mxray live -i eth1 --home 192.0.2.0/24 -o events.ndjson
  mxray live -i eth1 -i eth2 --fanout 2 --ring 256M --config /etc/mxray/mxray.toml

It ends on SIGINT (Ctrl-C) or SIGTERM, when what was captured until then is judged and told. On
SIGHUP it opens its outputs anew and reads the config file, inventory and keywords again; what is
wrong in them is told, and the old ones stay. Other options take effect at the next start.

Exit status:
  0   it ran until it was told to end
  1   it failed, or an interface could not be read
  2   wrong usage, on the command line or in a file that it names";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  mxray explain 192.0.2.77 monday.pcap
  mxray explain 2001:db8::4d --since '2005-02-25 08:00' --until '2005-02-25 09:00' spool/";

const INVENTORY_EXAMPLES: &str = "\
Examples:
  A draft to read, to cut down and to keep:
    mxray inventory --home 192.0.2.0/24 -o draft.toml spool/
    mxray check --inventory draft.toml

  What the inventory does not hold yet, and where hosts do otherwise than it says:
    mxray inventory --inventory inventory.toml spool/

Exit status:
  0   it ran, also where no host showed a role
  1   it failed, or a PATH could not be read or is no capture (after all others were read)
  2   wrong usage, on the command line or in a file that it names";

const SYNTH_EXAMPLES: &str = "\
Examples:
  mxray synth --list
  mxray synth study-client-b -o study-client-b.pcap && mxray replay study-client-b.pcap
  mxray synth study-client-b -o - | mxray replay -";

const CHECK_EXAMPLES: &str = "\
Examples:
  mxray check --config /etc/mxray/mxray.toml
  mxray check --inventory inventory.toml --keywords +mta,post -f 'port 53 or port 25'

Exit status: 0 all is valid, 1 something is not, 2 wrong usage.";

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

    /// Exit with status 10 when a host is convicted
    #[arg(long, help_heading = "Output")]
    pub exit_code: bool,
}

/// `mxray live`.
#[derive(Clone, Debug, Args)]
#[command(after_help = LIVE_EXAMPLES)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub struct Live {
    /// Read packets of IF (repeatable)
    ///
    /// One that is not there yet, or goes and comes again, is waited for.
    #[arg(
        short,
        long,
        value_name = "IF",
        required_unless_present_any = ["list_interfaces", "config"],
        help_heading = "Input"
    )]
    pub interface: Vec<String>,

    /// List the interfaces that can be read
    #[arg(short = 'D', long, help_heading = "Input")]
    pub list_interfaces: bool,

    /// Read each interface with N threads, 1 to 64 [default: 1]
    ///
    /// They share its packets by a hash of addresses and ports (PACKET_FANOUT). Hosts are
    /// counted as exactly as by one.
    #[arg(long, value_name = "N", help_heading = "Input")]
    pub fanout: Option<u64>,

    /// Keep packets for each thread in SIZE until they are read [default: 64M]
    ///
    /// Memory of the kernel, in which packets wait while mxray is busy: more of it outlasts
    /// longer bursts. Up to 2047M.
    #[arg(long, value_name = "SIZE", help_heading = "Input")]
    pub ring: Option<String>,

    /// Read the first N octets of a packet [default: 262144, all]
    #[arg(long, value_name = "N", help_heading = "Input")]
    pub snaplen: Option<u64>,

    /// Do not ask for packets to other stations (promiscuous mode)
    #[arg(short = 'p', long, help_heading = "Input")]
    pub no_promiscuous: bool,

    /// Read what is inside of tunnels too
    ///
    /// IP in IP, GRE, VXLAN, Geneve, GTP-U, L2TP, Teredo, MPLS, PPPoE. Without it the kernel keeps them away, whatever is inside.
    #[arg(long, help_heading = "Input")]
    pub tunnels: bool,

    /// What all that read packets take.
    #[command(flatten)]
    pub reading: Reading,

    /// Run as USER, where started as root [default: mxray]
    ///
    /// By default `nobody` where there is no user `mxray`. What reads packets runs as that user,
    /// may do nothing beyond it, and sees of the file system the folders that the options name.
    /// USER must be able to write the outputs. `root` stays root, without its capabilities.
    #[arg(long, value_name = "USER", help_heading = "Service")]
    pub user: Option<String>,

    /// Keep what is known in FILE for the next start
    ///
    /// It is written at intervals and at the end. With it a restart continues counts, roles,
    /// scores and episodes, which then stay open at the end; without it they begin anew. A FILE
    /// that cannot be used (torn, of another sensor, of another version) is told of and set aside
    /// as FILE.refused.
    #[arg(long, value_name = "FILE", help_heading = "Service")]
    pub checkpoint: Option<PathBuf>,

    /// Write the checkpoint every SECONDS [default: 60]
    #[arg(long, value_name = "SECONDS", help_heading = "Service")]
    pub checkpoint_interval: Option<u64>,

    /// Tell on the unix socket PATH what is going on
    ///
    /// Who connects is sent one line of JSON and then the end: totals, and the hosts under
    /// suspicion, the highest score first. Nothing is read from the socket.
    #[arg(long, value_name = "PATH", help_heading = "Service")]
    pub status: Option<PathBuf>,
    /// Keep the packets behind verdicts in DIR, as pcapng
    ///
    /// A file for each episode of a host that is suspected, or more: what is still known of its
    /// packets then, and what follows in ten minutes, up to a thousand packets a verdict. Comments
    /// tell which ones the verdict names. Of packets only headers are kept. Each thread takes 64M
    /// for packets of which it is not known yet whether they will matter. A file ends at 16M;
    /// when DIR holds 1G or 4096 of these files, the one written to longest ago is removed.
    /// DIR must be there. Its files are for the user alone whom mxray runs as (mode 0600).
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub write: Option<PathBuf>,

    /// With --write, keep packets whole: names asked for, and mail
    #[arg(long, help_heading = "Output")]
    pub write_payload: bool,

    /// Write an event for each host as well [=all: also those outside]
    ///
    /// Every --hosts-interval, and at the end, for the hosts that did anything since: what they
    /// did in that time, ten thousand of them, by score and then by volume. Each host takes more
    /// of --memory. With =all the hosts that --home leaves outside are among them, counted and
    /// not judged.
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

    /// With --hosts, write them every SECONDS [default: 3600]
    ///
    /// At multiples of SECONDS, as on the hour.
    #[arg(long, value_name = "SECONDS", help_heading = "Output")]
    pub hosts_interval: Option<u64>,

    /// Write totals every SECONDS [default: 60]
    ///
    /// By packet time, and on a silent link by the clock on the wall.
    #[arg(long, value_name = "SECONDS", help_heading = "Output")]
    pub stats: Option<u64>,

    /// Where events go, and what they may show.
    #[command(flatten)]
    pub events: Events,
}

/// `mxray explain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub struct Explain {
    /// The host's address
    #[arg(value_name = "HOST")]
    pub host: String,

    /// Captures: files, folders, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// What all that read captures take.
    #[command(flatten)]
    pub reading: Reading,

    /// The part that is read.
    #[command(flatten)]
    pub span: Span,
}

/// `mxray inventory`.
#[derive(Clone, Debug, Args)]
#[command(after_help = INVENTORY_EXAMPLES)]
pub struct Inventory {
    /// Captures: files, folders, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// What all that read captures take.
    #[command(flatten)]
    pub reading: Reading,

    /// The part that is read.
    #[command(flatten)]
    pub span: Span,

    /// Write the draft to FILE [default: -, standard output]
    ///
    /// A file that is there is overwritten. What a config file says of the output is for
    /// events, and not for this.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}

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

    /// Keep hosts and connections that fit into SIZE (512M, 2G), about [default: 1G]
    ///
    /// Half is for hosts at 2 KiB each, a quarter for TCP connections without data at 128
    /// octets, a quarter for those with data. That holds for hosts that ask little; one that
    /// asks thousands of names takes up to some hundred KiB, and what is remembered of mail
    /// lookups and mail connections comes on top. K, M, G, T and KiB, MiB, GiB, TiB count by
    /// 1024; kB, MB, GB, TB by 1000; a bare number is octets. At least 1M. Where it does not
    /// suffice, the hosts and connections with the least to say are forgotten, and counted.
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

/// `mxray completions`, for packages and for who installs without one.
#[derive(Clone, Debug, Args)]
pub struct Completions {
    /// Of which shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `mxray man`, likewise.
#[derive(Clone, Debug, Args)]
pub struct Man {
    /// Write them into the folder DIR: mxray.1, and a page for each command
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' ').filter(|word| !word.is_empty()))
    }

    fn help(line: &str) -> String {
        let command = Cli::command().term_width(100);
        let words = line.split(' ');
        let shown = command.try_get_matches_from(words).unwrap_err();
        assert_eq!(shown.exit_code(), 0, "{shown}");
        shown.to_string()
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_texts() {
        for (name, line) in [
            ("main", "mxray --help"),
            ("replay_short", "mxray replay -h"),
            ("replay", "mxray replay --help"),
            ("live_short", "mxray live -h"),
            ("live", "mxray live --help"),
            ("explain_short", "mxray explain -h"),
            ("inventory_short", "mxray inventory -h"),
            ("synth", "mxray synth --help"),
            ("check", "mxray check --help"),
            ("schema", "mxray schema --help"),
            ("notify", "mxray notify --help"),
            ("notify_short", "mxray notify -h"),
            ("metrics", "mxray metrics --help"),
            ("top", "mxray top --help"),
            ("ship", "mxray ship --help"),
            ("ship_short", "mxray ship -h"),
        ] {
            let help = help(line);
            if name.ends_with("_short") {
                // One line for each option, or it is not short.
                assert!(!help.contains("\n                     "), "{help}");
            }
            let widest = help.lines().map(|text| text.chars().count()).max();
            assert!(widest <= Some(100), "{line}: {widest:?} columns");
            insta::assert_snapshot!(format!("help_{name}"), help);
        }
    }

    #[test]
    fn version() {
        let shown = parse("mxray --version").unwrap_err();
        assert_eq!(shown.exit_code(), 0);
        let version = concat!("mxray ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(shown.to_string(), version);
    }

    #[test]
    fn wrong_usage_is_status_2() {
        for line in [
            "mxray",
            "mxray frobnicate",
            "mxray replay",
            "mxray replay --frobnicate a.pcap",
            "mxray replay --hosts=some a.pcap",
            "mxray replay --workers many a.pcap",
            "mxray replay --workers -1 a.pcap",
            "mxray replay --stats 0.5 a.pcap",
            "mxray replay --format cef a.pcap",
            "mxray replay --evidence all a.pcap",
            "mxray replay -q -v a.pcap",
            "mxray replay -o a -o b a.pcap",
            "mxray replay --home",
            "mxray live",
            "mxray live eth0",
            "mxray live -i eth0 --since 2005-02-25",
            "mxray explain 192.0.2.1",
            "mxray explain --hosts 192.0.2.1 a.pcap",
            "mxray inventory",
            "mxray inventory --exit-code a.pcap",
            "mxray synth",
            "mxray synth worm",
            "mxray synth -o a.pcap",
            "mxray synth worm -o a.pcap --list",
            "mxray check a.pcap",
            "mxray schema a",
            "mxray schema --format cef",
            "mxray notify",
            "mxray notify e",
            "mxray notify --inventory i --dry-run",
            "mxray notify --inventory i --dry-run --log l e",
            "mxray notify --inventory i --dry-run --once e",
            "mxray notify --inventory i e",
            "mxray notify --inventory i --dry-run --limit 0 e",
            "mxray notify --inventory i --dry-run --language fr e",
            "mxray metrics",
            "mxray metrics --status s --listen here",
            "mxray top",
            "mxray ship",
            "mxray ship --log a",
            "mxray ship --to syslog+udp://a",
            "mxray ship --log a --to b --tls-cert c",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}: {error}");
        }
    }

    #[test]
    fn hosts_takes_no_word_that_follows() {
        let hosts = |line| match parse(line).unwrap().command {
            Command::Replay(replay) => (replay.hosts, replay.paths.len()),
            other => panic!("{other:?}"),
        };
        assert_eq!(hosts("mxray replay a"), (None, 1));
        assert_eq!(hosts("mxray replay --hosts a"), (Some(Hosts::Judged), 1));
        assert_eq!(hosts("mxray replay --hosts=all a"), (Some(Hosts::All), 1));
        assert_eq!(
            hosts("mxray replay --hosts all a"),
            (Some(Hosts::Judged), 2)
        );
    }

    #[test]
    fn synth_writes_or_lists() {
        assert!(parse("mxray synth --list").is_ok());
        assert!(parse("mxray synth worm -o -").is_ok());
    }
}
