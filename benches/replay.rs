//! What a whole replay costs, beside the least that any reader of a capture can cost: a bare
//! libpcap loop. Every figure is of a process of its own, as the kernel accounts for it:
//! processor seconds of all its threads, and its largest resident set.
//!
//! `cargo bench --bench replay -- --packets 2000000 --runs 5`; see docs/BENCHMARKING.md.
#![expect(clippy::print_stdout, reason = "the table is what this is for")]

use anyhow::{Context, Result, bail, ensure};
use mxray::capture::{Replay, Source as _};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4 as _;

#[path = "replay/traffic.rs"]
mod traffic;

use traffic::Profile;

/// With this as the first argument the process is one of the measured: the loop, the file.
const CHILD: &str = "--child";

/// Packets of a run that is only to show that all works.
const SMOKE: u64 = 20_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [CHILD, which, file] = *arguments.iter().map(String::as_str).collect::<Vec<_>>() {
        return child(which, Path::new(file));
    }
    let options = Options::read(&arguments)?;
    // The floors are worth a look even where mxray does not work.
    let works = check();
    if let Err(error) = &works {
        println!("# mxray is left out: {error:#}");
    }
    for profile in Profile::ALL {
        if options.profile.is_none_or(|wanted| wanted == profile) {
            compare(profile, &options, works.is_ok())?;
        }
    }
    works
}

/// Measures all commands on one capture.
fn compare(profile: Profile, options: &Options, works: bool) -> Result<()> {
    let capture = capture(profile, options.packets)?;
    println!("# run\tcommand\tcpu_s\twall_s\trss_mib");
    let mut commands = commands(&capture)?;
    commands.retain(|command| works || !command.name.starts_with("mxray"));
    // Interleaved, so that what else the machine does in a while hits all of them.
    for run in 1..=options.runs {
        for command in &mut commands {
            let usage = measure(command)?;
            println!(
                "{run}\t{}\t{:.3}\t{:.3}\t{:.1}",
                command.name,
                usage.cpu.as_secs_f64(),
                usage.wall.as_secs_f64(),
                usage.rss_mib
            );
            command.runs.push(usage);
        }
    }
    table(profile, &capture, options.packets, &commands)
}

/// What reads nothing is fast: mxray must have seen every packet of a small capture.
fn check() -> Result<()> {
    let mxray = env!("CARGO_BIN_EXE_mxray");
    for (profile, decoded) in [(Profile::Dns, SMOKE), (Profile::Campus, SMOKE * 9 / 10)] {
        let run = Command::new(mxray)
            .args(["replay", "-q"])
            .arg(capture(profile, SMOKE)?)
            .output()?;
        ensure!(run.status.success(), "{mxray} replay: {}", run.status);
        let events = String::from_utf8(run.stdout)?;
        let mut packets = events.lines().filter_map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).ok()?;
            let packets = event.pointer("/mxray/packets")?;
            Some((packets["seen"].as_u64()?, packets["decoded"].as_u64()?))
        });
        let (seen, read) = packets.next_back().context("no totals in its events")?;
        ensure!(
            seen == SMOKE && read >= decoded,
            "{seen} packets seen, {read} read of {SMOKE}"
        );
    }
    Ok(())
}

struct Options {
    packets: u64,
    runs: usize,
    /// One of them only.
    profile: Option<Profile>,
}

impl Options {
    fn read(arguments: &[String]) -> Result<Self> {
        // `cargo bench` says --bench; without it, or with --test, all is tried and nothing
        // measured.
        let smoke = arguments.iter().any(|one| one == "--test")
            || !arguments.iter().any(|one| one == "--bench");
        let mut options = if smoke {
            Self {
                packets: SMOKE,
                runs: 1,
                profile: None,
            }
        } else {
            Self {
                packets: 10_000_000,
                runs: 3,
                profile: None,
            }
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "--profile" {
                let wanted = arguments.next().context("a profile is missing")?;
                let mut known = Profile::ALL.into_iter();
                let found = known.find(|profile| profile.name() == wanted);
                options.profile = Some(found.with_context(|| format!("{wanted}: no profile"))?);
                continue;
            }
            let mut number = || {
                let value = arguments.next().context("a number is missing")?;
                let digits: String = value.chars().filter(|&c| c != '_').collect();
                let number: u64 = digits
                    .parse()
                    .with_context(|| format!("{value}: no number"))?;
                ensure!(number > 0, "0 is too few");
                Ok(number)
            };
            match argument.as_str() {
                "--packets" => options.packets = number()?,
                "--runs" => options.runs = usize::try_from(number()?)?,
                "--bench" | "--test" => {}
                other if other.starts_with('-') => bail!("{other}: no such option"),
                // The filter that `cargo bench NAME` hands to every bench.
                _ => {}
            }
        }
        Ok(options)
    }
}

/// The capture of so many packets, made on the first call. It stays in `target/bench`.
fn capture(profile: Profile, packets: u64) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
    fs::create_dir_all(&folder)?;
    let name = format!("{}-{packets}-v{}.pcap", profile.name(), traffic::VERSION);
    let path = folder.join(name);
    if !path.exists() {
        // Complete or not there: another name until it is written.
        let half = path.with_extension("half");
        let about = traffic::write(&half, profile, packets)?;
        fs::rename(&half, &path)?;
        println!("# {}: {about}", path.display());
    }
    // The first reader must not be the one that pays for the disk.
    std::io::copy(&mut fs::File::open(&path)?, &mut std::io::sink())?;
    Ok(path)
}

/// What is measured, and how it went.
struct Measured {
    name: &'static str,
    command: Command,
    runs: Vec<Usage>,
}

#[derive(Clone, Copy)]
struct Usage {
    cpu: Duration,
    wall: Duration,
    rss_mib: f64,
}

fn commands(capture: &Path) -> Result<Vec<Measured>> {
    let measured = |name, mut command: Command| {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Measured {
            name,
            command,
            runs: Vec::new(),
        }
    };
    let this = std::env::current_exe()?;
    let own = |which: &str| {
        let mut command = Command::new(&this);
        command.args([CHILD, which]).arg(capture);
        command
    };
    let mxray = |workers: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mxray"));
        command.args(["replay", "-q", "-o", "/dev/null", "--workers", workers]);
        command.arg(capture);
        command
    };
    // Hosts outside of home are counted and not judged, and nobody is inside of this one.
    let mut unjudged = mxray("2");
    unjudged.args(["--home", "192.0.2.255/32"]);
    let mut commands = vec![
        measured("libpcap loop", own("libpcap")),
        measured("record walk", own("walk")),
        measured("mxray, 1 worker", mxray("1")),
        measured("mxray, 2 workers", mxray("2")),
        measured("mxray, no judgement", unjudged),
    ];
    let installed = Command::new("tcpdump").arg("--version").output().is_ok();
    if installed {
        let mut command = Command::new("tcpdump");
        command.arg("-r").arg(capture).args(["-w", "/dev/null"]);
        command.stderr(Stdio::null());
        commands.push(measured("tcpdump -w", command));
    }
    Ok(commands)
}

fn measure(measured: &mut Measured) -> Result<Usage> {
    let begin = Instant::now();
    let child = measured.command.spawn().context(measured.name)?;
    let used = child.wait4().context(measured.name)?;
    let wall = begin.elapsed();
    ensure!(used.status.success(), "{}: {}", measured.name, used.status);
    #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
    let rss_mib = used.rusage.maxrss as f64 / f64::from(1 << 20);
    Ok(Usage {
        cpu: used.rusage.utime + used.rusage.stime,
        wall,
        rss_mib,
    })
}

/// One of the loops that are the floor.
fn child(which: &str, file: &Path) -> Result<()> {
    let mut packets = 0_u64;
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
                packets += 1;
            }
        }
        "walk" => {
            let mut replay = Replay::open(&[file]);
            while let Some(frame) = replay.next_frame() {
                octets += frame.bytes.len();
                packets += 1;
            }
            let faults = replay.take_faults();
            ensure!(faults.is_empty(), "{faults:?}");
        }
        other => bail!("{other}: no such loop"),
    }
    println!("{packets} packets, {octets} octets");
    Ok(())
}

/// Medians, and how they compare with the libpcap loop.
fn table(profile: Profile, capture: &Path, packets: u64, commands: &[Measured]) -> Result<()> {
    let size = fs::metadata(capture)?.len();
    let mut out = std::io::stdout().lock();
    let name = profile.name();
    writeln!(
        out,
        "\n{name}: {packets} packets, {} MB; medians",
        size / 1_000_000
    )?;
    writeln!(
        out,
        "{:<19} {:>8} {:>8} {:>9} {:>12} {:>7}",
        "", "CPU s", "wall s", "RSS MiB", "packets/CPU s", "x loop"
    )?;
    let mut floor = None;
    for Measured { name, runs, .. } in commands {
        let cpu = median(runs, |run| run.cpu.as_secs_f64());
        let wall = median(runs, |run| run.wall.as_secs_f64());
        let rss = median(runs, |run| run.rss_mib);
        let floor = *floor.get_or_insert(cpu);
        #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
        let rate = packets as f64 / cpu / 1e6;
        writeln!(
            out,
            "{name:<19} {cpu:>8.3} {wall:>8.3} {rss:>9.1} {rate:>11.2} M {:>7.2}",
            cpu / floor
        )?;
    }
    Ok(())
}

fn median(runs: &[Usage], figure: impl Fn(&Usage) -> f64) -> f64 {
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    figures.get(middle).copied().unwrap_or(f64::NAN)
}
