//! What is measured, each as a process of its own: the floors, mxray, and what else is installed.

use crate::captures::{Form, capture};
use crate::options::Options;
use crate::traffic::Profile;
use anyhow::{Context, Result, bail, ensure};
use mxray::capture::{Replay, Source as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4 as _;

/// With this as the first argument the process is one of the measured: the loop, the file.
pub(crate) const CHILD: &str = "--child";

/// Those that others are compared with.
pub(crate) const LOOP: &str = "libpcap loop";
pub(crate) const ONE: &str = "mxray, 1 worker";
pub(crate) const TWO: &str = "mxray, 2 workers";

/// Packets that a peer which takes microseconds for each of them reads at the most.
const SLOW: u64 = 200_000;

/// What is measured, and how it went.
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) packets: u64,
    command: Command,
    pub(crate) runs: Vec<Usage>,
}

#[derive(Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    pub(crate) rss_mib: f64,
}

impl Measured {
    pub(crate) fn new(name: impl Into<String>, packets: u64, mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self {
            name: name.into(),
            packets,
            command,
            runs: Vec::new(),
        }
    }

    pub(crate) fn is_mxray(&self) -> bool {
        self.name.starts_with("mxray")
    }

    pub(crate) fn is_peer(&self) -> bool {
        PEERS.iter().any(|peer| self.name.starts_with(peer.program))
    }

    pub(crate) fn run(&mut self) -> Result<Usage> {
        let begin = Instant::now();
        let child = self.command.spawn().with_context(|| self.name.clone())?;
        // What the command prints is of no use, and what it has used comes from the kernel.
        let used = { child }.wait4().with_context(|| self.name.clone())?;
        let wall = begin.elapsed();
        ensure!(used.status.success(), "{}: {}", self.name, used.status);
        #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
        let rss_mib = used.rusage.maxrss as f64 / f64::from(1 << 20);
        let usage = Usage {
            cpu: used.rusage.utime + used.rusage.stime,
            wall,
            rss_mib,
        };
        self.runs.push(usage);
        Ok(usage)
    }
}

/// Whether a program is one of the peers.
pub(crate) fn is_peer(program: &Path) -> bool {
    PEERS.iter().any(|peer| program.ends_with(peer.program))
}

/// All that is measured on a profile's capture, and a word for each peer that is not there.
pub(crate) fn all(
    profile: Profile,
    packets: u64,
    options: &Options,
) -> Result<(Vec<Measured>, Vec<String>)> {
    let file = capture(profile, packets, Form::Pcap)?;
    let mut commands = vec![
        Measured::new(LOOP, packets, own("libpcap", &file)?),
        Measured::new(Form::Pcap.walk(), packets, own("walk", &file)?),
        Measured::new(ONE, packets, mxray("1", profile, &file)),
        Measured::new(TWO, packets, mxray("2", profile, &file)),
    ];
    // Hosts outside of home are counted and not judged, and nobody is inside of this one.
    let mut unjudged = mxray("2", profile, &file);
    unjudged.args(["--home", "192.0.2.255/32"]);
    commands.push(Measured::new("mxray, no judgement", packets, unjudged));
    if profile == Profile::Report {
        let mut report = mxray("2", profile, &file);
        report.arg("--report").arg(file.with_extension("html"));
        commands.push(Measured::new("mxray, 2 workers, report", packets, report));
    }
    if profile == Profile::Dns {
        for form in Form::OTHERS {
            let file = capture(profile, packets, form)?;
            let walk = own("walk", &file)?;
            commands.push(Measured::new(form.walk(), packets, walk));
            let all = mxray("2", profile, &file);
            commands.push(Measured::new(form.mxray(), packets, all));
        }
    }
    let mut missing = Vec::new();
    for peer in PEERS {
        // To begin takes it longer than all others need.
        if options.smoke && peer.slow && profile != Profile::Dns {
            continue;
        }
        match peer.find(options) {
            Some(program) => commands.push(peer.measured(&program, &file, packets)?),
            None => missing.push(format!("{} is not installed: left out", peer.program)),
        }
    }
    Ok((commands, missing))
}

fn own(which: &str, file: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([CHILD, which]).arg(file);
    Ok(command)
}

pub(crate) fn mxray(workers: &str, profile: Profile, file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mxray"));
    command.args(["replay", "-q", "-o", "/dev/null", "--workers", workers]);
    if matches!(profile, Profile::Many | Profile::Few) {
        // Room for all of them, so that none has to leave; for few as much, to compare with.
        command.args(["--memory", "4G"]);
    }
    command.arg(file);
    command
}

/// A program that somebody would run instead.
struct Peer {
    program: &'static str,
    /// Its arguments; `{}` is the capture, `{dir}` a folder for what it writes.
    arguments: &'static [&'static str],
    /// Whether it reads no more than [`SLOW`] packets, by its `-c`.
    slow: bool,
}

const PEERS: [Peer; 5] = [
    Peer {
        program: "tcpdump",
        arguments: &["-r", "{}", "-w", "/dev/null"],
        slow: false,
    },
    Peer {
        program: "nfpcapd",
        arguments: &["-r", "{}", "-w", "{dir}"],
        slow: false,
    },
    Peer {
        program: "dnstop",
        arguments: &["-l", "3", "{}"],
        slow: false,
    },
    Peer {
        program: "argus",
        arguments: &["-r", "{}", "-w", "/dev/null"],
        slow: false,
    },
    Peer {
        program: "tshark",
        arguments: &[
            "-r",
            "{}",
            "-c",
            "200000",
            "-Y",
            "dns or smtp",
            "-T",
            "fields",
            "-e",
            "ip.src",
            "-e",
            "dns.qry.name",
            "-e",
            "smtp.req.command",
        ],
        slow: true,
    },
];

impl Peer {
    /// Where it is: named by `--peer`, or in the search path.
    fn find(&self, options: &Options) -> Option<PathBuf> {
        let named = options
            .peers
            .iter()
            .find(|path| path.ends_with(self.program));
        let path = std::env::var_os("PATH")?;
        // `dnstop` and `argus` belong to the administrator.
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
        let mut found = folders.map(|folder| folder.join(self.program));
        named.cloned().or_else(|| found.find(|path| path.is_file()))
    }

    fn measured(&self, program: &Path, file: &Path, packets: u64) -> Result<Measured> {
        let mut command = Command::new(program);
        for argument in self.arguments {
            match *argument {
                "{}" => command.arg(file),
                "{dir}" => {
                    let folder = file.with_file_name(self.program);
                    std::fs::create_dir_all(&folder)?;
                    command.arg(folder)
                }
                other => command.arg(other),
            };
        }
        let packets = if self.slow {
            packets.min(SLOW)
        } else {
            packets
        };
        Ok(Measured::new(self.program, packets, command))
    }
}

/// One of the loops that are the floor.
pub(crate) fn child(which: &str, file: &Path) -> Result<()> {
    let mut octets = 0;
    match which {
        "libpcap" => {
            let mut capture = pcap::Capture::from_file(file)?;
            loop {
                match capture.next_packet() {
                    Ok(packet) => octets += packet.data.len(),
                    Err(pcap::Error::NoMorePackets) => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        "walk" => {
            let mut replay = Replay::open(&[file]);
            while let Some(frame) = replay.next_frame() {
                octets += frame.bytes.len();
            }
            let faults = replay.take_faults();
            ensure!(faults.is_empty(), "{faults:?}");
        }
        other => bail!("{other}: no such loop"),
    }
    ensure!(octets > 0, "nothing was read");
    Ok(())
}
