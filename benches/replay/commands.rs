//! What is measured, each as a process of its own: the floors, mxray, and what else is installed.

use crate::captures::{Form, capture};
use crate::least;
use crate::options::Options;
use crate::traffic::Profile;
use anyhow::{Context, Result, bail, ensure};
use mxray::capture::{Replay, Source as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4 as _;

/// With this as the first argument the process is one of the measured: the loop, the file.
pub(crate) const CHILD: &str = "--child";

/// Those that others are compared with.
pub(crate) const LOOP: &str = "libpcap loop";
const LEAST: &str = "DNS counted in one loop";
pub(crate) const ONE: &str = "mxray, 1 worker";
pub(crate) const TWO: &str = "mxray, 2 workers";

/// What the walk over the records of a form is called.
pub(crate) const fn walk_of(form: Form) -> &'static str {
    match form {
        Form::Pcap => "record walk",
        Form::Pcapng => "record walk, pcapng",
        Form::Gzip => "record walk, pcap.gz",
        Form::Zstd => "record walk, pcap.zst",
    }
}

/// What a replay of a form by two workers is called.
pub(crate) const fn replay_of(form: Form) -> &'static str {
    match form {
        Form::Pcap => TWO,
        Form::Pcapng => "mxray, 2 workers, pcapng",
        Form::Gzip => "mxray, 2 workers, pcap.gz",
        Form::Zstd => "mxray, 2 workers, pcap.zst",
    }
}

/// Packets that a peer which takes microseconds for each of them reads at the most.
const SLOW: u64 = 200_000;

/// What is measured, and how it went.
pub(crate) struct Measured {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) packets: u64,
    command: Command,
    pub(crate) runs: Vec<Usage>,
}

#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// Of the processor: the program's own, and the system's for it.
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    pub(crate) wall: Duration,
    pub(crate) rss_mib: f64,
}

impl Usage {
    pub(crate) fn cpu(&self) -> f64 {
        (self.user + self.system).as_secs_f64()
    }
}

/// Whose a command is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A loop of this program's own.
    Floor,
    Mxray,
    /// Another version of it may know other options.
    Peer,
}

impl Measured {
    pub(crate) fn new(
        kind: Kind,
        name: impl Into<String>,
        packets: u64,
        mut command: Command,
    ) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self {
            kind,
            name: name.into(),
            packets,
            command,
            runs: Vec::new(),
        }
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
            user: used.rusage.utime,
            system: used.rusage.stime,
            wall,
            rss_mib,
        };
        self.runs.push(usage);
        Ok(usage)
    }
}

/// All that is measured on a profile's capture.
pub(crate) fn all(profile: Profile, packets: u64, options: &Options) -> Result<Vec<Measured>> {
    let file = capture(profile, packets, Form::Pcap)?;
    let mut commands = vec![
        Measured::new(Kind::Floor, LOOP, packets, own("libpcap", &file)?),
        Measured::new(
            Kind::Floor,
            walk_of(Form::Pcap),
            packets,
            own("walk", &file)?,
        ),
        Measured::new(Kind::Mxray, ONE, packets, mxray("1", profile, &file)),
        Measured::new(Kind::Mxray, TWO, packets, mxray("2", profile, &file)),
    ];
    if matches!(profile, Profile::Dns | Profile::Campus) {
        commands.push(Measured::new(
            Kind::Floor,
            LEAST,
            packets,
            own("least", &file)?,
        ));
    }
    // Hosts outside of home are counted and not judged, and nobody is inside of this one.
    let mut unjudged = mxray("2", profile, &file);
    unjudged.args(["--home", "192.0.2.255/32"]);
    commands.push(Measured::new(
        Kind::Mxray,
        "mxray, no judgement",
        packets,
        unjudged,
    ));
    if profile == Profile::Report {
        let mut report = mxray("2", profile, &file);
        report.arg("--report").arg(file.with_extension("html"));
        commands.push(Measured::new(
            Kind::Mxray,
            "mxray, 2 workers, report",
            packets,
            report,
        ));
    }
    if profile == Profile::Dns {
        for form in Form::OTHERS {
            let file = capture(profile, packets, form)?;
            let walk = own("walk", &file)?;
            commands.push(Measured::new(Kind::Floor, walk_of(form), packets, walk));
            let all = mxray("2", profile, &file);
            commands.push(Measured::new(Kind::Mxray, replay_of(form), packets, all));
        }
    }
    for (name, line) in &options.peers {
        // To begin takes it longer than all others need.
        if !(options.smoke && line.contains("{slow}") && profile != Profile::Dns) {
            commands.push(peer(name, line, &file, packets)?);
        }
    }
    Ok(commands)
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
    /// Its arguments; `{}` is the capture, `{dir}` a folder for what it writes, and `{slow}` how many
    /// packets it reads at the most ([`SLOW`]).
    arguments: &'static str,
}

const PEERS: [Peer; 5] = [
    Peer {
        program: "tcpdump",
        arguments: "-r {} -w /dev/null",
    },
    Peer {
        program: "nfpcapd",
        arguments: "-r {} -w {dir}",
    },
    Peer {
        program: "dnstop",
        arguments: "-l 3 {}",
    },
    Peer {
        program: "argus",
        arguments: "-r {} -w /dev/null",
    },
    Peer {
        program: "tshark",
        arguments: "-r {} -c {slow} -Y dns||smtp -T fields -e ip.src -e dns.qry.name \
                    -e smtp.req.command",
    },
];

/// Those that are installed, with their command lines.
pub(crate) fn installed() -> Vec<(String, String)> {
    let peers = PEERS.iter().filter_map(|peer| {
        let path = std::env::var_os("PATH")?;
        // `dnstop` and `argus` belong to the administrator.
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
        let mut found = folders.map(|folder| folder.join(peer.program));
        let program = found.find(|path| path.is_file())?;
        let line = format!("{} {}", program.display(), peer.arguments);
        Some((peer.program.to_owned(), line))
    });
    peers.collect()
}

/// What a peer says of its version; some do in the first line of their help.
pub(crate) fn version(line: &str) -> String {
    let program = line.split_whitespace().next().unwrap_or_default();
    let is_version = |line: &&str| {
        let number =
            |part: &[u8]| matches!(part, [a, b'.', b] if a.is_ascii_digit() && b.is_ascii_digit());
        let digits = line.bytes().any(|octet| octet.is_ascii_digit());
        line.as_bytes().windows(3).any(number) || digits && line.contains("ersion")
    };
    let said = ["--version", "-V"].iter().find_map(|option| {
        let mut asked = Command::new(program);
        let output = asked.arg(option).stdin(Stdio::null()).output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Some(said.lines().find(is_version)?.trim().to_owned())
    });
    said.unwrap_or_else(|| "of an unknown version".to_owned())
}

/// A peer on a capture.
fn peer(name: &str, line: &str, file: &Path, packets: u64) -> Result<Measured> {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    for word in words {
        match word {
            "{}" => command.arg(file),
            "{slow}" => command.arg(SLOW.to_string()),
            "{dir}" => {
                let folder = file.with_file_name(name);
                std::fs::create_dir_all(&folder)?;
                command.arg(folder)
            }
            other => command.arg(other),
        };
    }
    let packets = if line.contains("{slow}") {
        packets.min(SLOW)
    } else {
        packets
    };
    Ok(Measured::new(Kind::Peer, name, packets, command))
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
        "least" => octets = least::count(file)?,
        other => bail!("{other}: no such loop"),
    }
    ensure!(octets > 0, "nothing was read");
    Ok(())
}
