//! `mxray live`.

use super::{Events, Hosts, Reading};
use clap::Args;
use std::path::PathBuf;

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
