//! The highest rate of packets that is read without loss, beside `tcpdump -w /dev/null` and
//! `dumpcap`, on the same link in the same run: figures of one machine at one time, so that
//! their ratios are what counts.
//!
//! `cargo bench --bench live -- --seconds 5`; `--mxray PATH` measures another build. Needs root
//! and `ip`. See docs/BENCHMARKING.md.
//! Rates rise by a quarter. At each, every reader that has kept up so far reads alone, from a
//! pair of interfaces in a network namespace, with a ring of the same size; who loses a packet
//! twice is out. The sender shares the machine's processors with the reader.
#![expect(clippy::print_stdout, reason = "the table is what this is for")]

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

// What the tests of live capture send, and how.
#[path = "../tests/live/frames.rs"]
#[expect(
    dead_code,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "made for tests, which take more of it"
)]
mod frames;
#[path = "../tests/live/sender.rs"]
#[expect(dead_code, reason = "made for tests, which take more of it")]
mod sender;

/// With this as the first argument the process is the sender.
const SEND: &str = "--send";
/// The ring of each reader, in MiB: small, so that a rate is what is read and not what is kept.
const RING: u32 = 8;
/// Packets a second at the beginning.
const FIRST: u32 = 20_000;
/// Hosts that send.
const HOSTS: u32 = 4_096;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    if let [SEND, times, rate, file] = words[..] {
        let begin = Instant::now();
        let sent = sender::send("far", times.parse()?, rate.parse()?, Path::new(file))?;
        println!("{sent} {}", begin.elapsed().as_secs_f64());
        return Ok(());
    }
    // Without `--bench`, which cargo adds, somebody asks whether it works at all.
    let smoke = !words.contains(&"--bench") || words.contains(&"--test");
    let option = |name| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1).copied()
    };
    let seconds = match option("--seconds") {
        Some(text) => text.parse()?,
        None if smoke => 1,
        None => 5,
    };
    let mxray = option("--mxray").unwrap_or(env!("CARGO_BIN_EXE_mxray"));
    let link = match Link::new() {
        Ok(link) => link,
        Err(error) => {
            println!("# skipped: {error:#}");
            return Ok(());
        }
    };
    climb(&link, mxray, seconds, smoke)
}

/// Raises the rate until nobody keeps up.
fn climb(link: &Link, mxray: &str, seconds: u32, smoke: bool) -> Result<()> {
    let readers = Reader::ALL.into_iter();
    let readers = readers.filter(|reader| reader.is_installed(mxray));
    // With the highest rate so far, and why there is none higher.
    let mut readers: Vec<_> = readers.map(|reader| (reader, 0.0_f64, None)).collect();
    println!("# {seconds} s at each rate, ring of {RING} MiB");
    println!("# reader\tasked_pps\tsent_pps\tsent\tlost");
    let mut rate = FIRST;
    while readers.iter().any(|(_, _, end)| end.is_none()) {
        for (reader, best, end) in readers.iter_mut().filter(|(_, _, end)| end.is_none()) {
            // Whatever else the machine does spoils a run, and seldom two.
            for _ in 0..2 {
                let run = link.measure(*reader, mxray, rate, seconds)?;
                let (name, Run { sent, lost, .. }) = (reader.name(), &run);
                println!("{name}\t{rate}\t{:.0}\t{sent}\t{lost}", run.rate);
                if run.lost > 0 {
                    *end = Some("loses above");
                    continue;
                }
                *best = best.max(run.rate);
                if run.rate >= 0.95 * f64::from(rate) {
                    *end = None;
                    break;
                }
                *end = Some("more could not be sent");
            }
            if smoke {
                *end = Some("tried only");
            }
        }
        rate = rate * 5 / 4;
    }
    let floor = readers.iter().find(|(of, ..)| *of == Reader::Tcpdump);
    println!("\n{:10} {:>16} {:>10}", "reader", "packets/s", "x tcpdump");
    for (reader, best, end) in &readers {
        let ratio = floor.map_or(f64::NAN, |(_, floor, _)| best / floor);
        let end = end.unwrap_or_default();
        println!("{:10} {best:>16.0} {ratio:>10.2}  {end}", reader.name());
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Mxray,
    Tcpdump,
    Dumpcap,
}

impl Reader {
    const ALL: [Self; 3] = [Self::Tcpdump, Self::Dumpcap, Self::Mxray];

    fn name(self) -> &'static str {
        match self {
            Self::Mxray => "mxray",
            Self::Tcpdump => "tcpdump",
            Self::Dumpcap => "dumpcap",
        }
    }

    fn is_installed(self, mxray: &str) -> bool {
        let program = self.words(mxray).swap_remove(0);
        let tried = Command::new(program).arg("--version").output();
        if tried.is_err() {
            println!("# {} is not installed", self.name());
        }
        tried.is_ok()
    }

    fn words(self, mxray: &str) -> Vec<String> {
        let line = match self {
            Self::Mxray => format!("{mxray} live -i near --ring {RING}M"),
            Self::Tcpdump => format!("tcpdump -Z root -n -i near -B {} -w /dev/null", RING * 1024),
            Self::Dumpcap => format!("dumpcap -i near -B {RING} -w /dev/null"),
        };
        line.split(' ').map(str::to_owned).collect()
    }

    /// Whether it has said that it reads.
    fn has_begun(self, stdout: &str, stderr: &str) -> bool {
        match self {
            Self::Mxray => stdout.contains("sensor-started"),
            Self::Tcpdump => stderr.contains("listening on"),
            Self::Dumpcap => stderr.contains("Capturing on"),
        }
    }

    /// How many packets it says that it has read whole.
    fn read(self, stdout: &str, stderr: &str) -> Result<u64> {
        let before = |text: &str| {
            let line = stderr.lines().find(|line| line.contains(text));
            let word = line.and_then(|line| line.split_whitespace().next())?;
            word.parse().ok()
        };
        match self {
            Self::Mxray => {
                let events = stdout.lines().rev();
                let mut events = events.filter_map(|line| serde_json::from_str(line).ok());
                let totals = events.find(|event: &Value| {
                    event.pointer("/event/dataset") == Some(&"mxray.stats".into())
                });
                let totals = totals.context("no totals")?;
                let of = |path| totals.pointer(path).and_then(Value::as_u64);
                let seen = of("/mxray/packets/seen").context("no packets")?;
                Ok(seen - of("/mxray/packets/shed").context("no packets")?)
            }
            Self::Tcpdump => before("packets captured").context("no count of tcpdump's"),
            Self::Dumpcap => {
                let line = stderr
                    .lines()
                    .find(|line| line.contains("received/dropped"));
                let (_, counts) = line
                    .and_then(|line| line.rsplit_once(": "))
                    .context("no count of dumpcap's")?;
                Ok(counts.split('/').next().unwrap_or_default().parse()?)
            }
        }
    }
}

/// What became of a rate.
struct Run {
    sent: u32,
    /// Packets a second that were sent.
    rate: f64,
    lost: u32,
}

/// A namespace with a pair of interfaces, gone at the end.
struct Link {
    name: String,
    place: TempDir,
    frames: PathBuf,
}

impl Link {
    fn new() -> Result<Self> {
        let name = format!("mxray-{}-bench", std::process::id());
        ip(&format!("netns add {name}"))?;
        let place = tempfile::tempdir()?;
        let frames = place.path().join("frames");
        let link = Self {
            name,
            place,
            frames,
        };
        sender::store(&frames::of_hosts(HOSTS, frames::query), &link.frames)?;
        let quiet = "[ ! -e /proc/sys/net/ipv6 ] || for of in all default; do \
                     echo 1 >/proc/sys/net/ipv6/conf/$of/disable_ipv6; done";
        link.within("sh").args(["-c", quiet]).status()?;
        let name = &link.name;
        ip(&format!("-n {name} link add near type veth peer name far"))?;
        for end in ["near", "far"] {
            ip(&format!("-n {name} link set {end} up"))?;
        }
        Ok(link)
    }

    fn within(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command.current_dir(self.place.path());
        command
    }

    /// Lets one read while it is sent at that rate.
    fn measure(&self, reader: Reader, mxray: &str, rate: u32, seconds: u32) -> Result<Run> {
        let (stdout, stderr) = (
            self.place.path().join("stdout"),
            self.place.path().join("stderr"),
        );
        let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let mut words = reader.words(mxray).into_iter();
        let mut running = self
            .within(words.next().unwrap_or_default())
            .args(words)
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .spawn()?;
        let begin = Instant::now();
        while !reader.has_begun(&text(&stdout), &text(&stderr)) {
            if begin.elapsed().as_secs() > 30 || running.try_wait()?.is_some() {
                let _ = running.kill();
                bail!("{} does not begin: {}", reader.name(), text(&stderr));
            }
            thread::sleep(Duration::from_millis(20));
        }
        // dumpcap says so a moment before.
        thread::sleep(Duration::from_millis(300));
        let times = (rate * seconds).div_ceil(HOSTS);
        let sending = self
            .within(std::env::current_exe()?)
            .args([SEND, &times.to_string(), &rate.to_string()])
            .arg(&self.frames)
            .stderr(Stdio::inherit())
            .output()?;
        // tcpdump ends where it is, so that what it has not read by then would be lost.
        thread::sleep(Duration::from_secs(1));
        end(&mut running)?;
        ensure!(sending.status.success(), "the sender failed");
        let sent = String::from_utf8(sending.stdout)?;
        let (sent, took) = sent.trim().split_once(' ').context("no count of sent")?;
        let (sent, took): (u32, f64) = (sent.parse()?, took.parse()?);
        let read = reader.read(&text(&stdout), &text(&stderr))?;
        Ok(Run {
            sent,
            rate: f64::from(sent) / took,
            lost: sent.saturating_sub(u32::try_from(read)?),
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = ip(&format!("netns del {}", self.name));
    }
}

/// As Ctrl-C does.
fn end(child: &mut Child) -> Result<()> {
    let process = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGINT)?;
    child.wait()?;
    Ok(())
}

fn ip(line: &str) -> Result<()> {
    let run = Command::new("ip").args(line.split_whitespace()).output();
    let run = run.context("ip")?;
    let said = String::from_utf8_lossy(&run.stderr);
    ensure!(run.status.success(), "ip {line}: {}", said.trim());
    Ok(())
}
