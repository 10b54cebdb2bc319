//! What a whole replay costs, beside the least that any reader of a capture can cost, a bare
//! libpcap loop, and beside what else is installed. Every figure is of a process of its own, as
//! the kernel accounts for it: processor seconds of all its threads, and its largest resident set.
//!
//! `cargo bench --bench replay -- --packets 2000000 --runs 5`; see docs/BENCHMARKING.md.

use anyhow::{Context, Result, ensure};
use mxray::capture::Replay;
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

#[path = "replay/captures.rs"]
mod captures;
#[path = "replay/commands.rs"]
mod commands;
#[path = "replay/goals.rs"]
mod goals;
#[path = "replay/growth.rs"]
mod growth;
#[path = "replay/least.rs"]
mod least;
#[path = "replay/options.rs"]
mod options;
#[path = "replay/results.rs"]
mod results;
#[path = "replay/shares.rs"]
mod shares;
#[path = "replay/traffic.rs"]
mod traffic;

use captures::{Form, capture};
use commands::{CHILD, Kind};
use goals::Goal;
use options::{Options, SMOKE};
use results::Results;
use traffic::Profile;
use xxhash_rust::xxh3::xxh3_64;

/// That of the `mxray` program: the loop that counts shall not wait longer for its memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The least share of queries with a name that nobody has asked for before, so that no memory of names
/// wins: of as many packets as it takes until all names that are asked for again and again are known.
const NEVER_ASKED: f64 = 0.3;
const ALL_KNOWN: u64 = 1_000_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [CHILD, which, file] = *arguments.iter().map(String::as_str).collect::<Vec<_>>() {
        return commands::child(which, Path::new(file));
    }
    let options = Options::read(&arguments)?;
    check_names()?;
    let mut results = Results::new(&options)?;
    // The floors are worth a look even where mxray does not work.
    let works = check(&options);
    if let Err(error) = &works {
        results.line(&format!("# mxray is left out: {error:#}"))?;
    }
    let mut goals = Vec::new();
    for &profile in &options.profiles {
        goals.extend(compare(profile, &options, works.is_ok(), &mut results)?);
    }
    if options.growth && works.is_ok() {
        goals.extend(growth::measure(&options, &mut results)?);
    }
    if options.shares && works.is_ok() {
        shares::measure(&options, &mut results)?;
    }
    goals::table(&goals, &mut results)?;
    results.end()?;
    works
}

/// Measures all commands on one capture, and gives what was asked of them.
fn compare(
    profile: Profile,
    options: &Options,
    works: bool,
    results: &mut Results,
) -> Result<Vec<Goal>> {
    let packets = profile.packets(options.packets);
    let mut commands = commands::all(profile, packets, options)?;
    commands.retain(|command| works || command.kind != Kind::Mxray);
    results.runs_begin()?;
    // Interleaved, so that what else the machine does in a while hits all of them; and each run
    // begins with another, so that none of them always follows the same.
    for run in 1..=options.runs {
        let begin = (run - 1) % commands.len();
        let (last, first) = commands.split_at_mut(begin);
        for command in first.iter_mut().chain(last) {
            match command.run() {
                Ok(usage) => results.run(run, command, &usage)?,
                // Another version of it, say, that knows other options.
                Err(error) if command.kind == Kind::Peer => {
                    results.line(&format!("# left out: {error:#}"))?;
                }
                Err(error) => return Err(error),
            }
        }
        commands.retain(|command| command.runs.len() == run);
    }
    let size = fs::metadata(capture(profile, packets, Form::Pcap)?)?.len();
    let name = profile.name();
    let title = format!("{name}: {packets} packets, {} MB", size / 1_000_000);
    results.table(&title, &commands)?;
    Ok(goals::of(profile, packets, &commands))
}

/// What reads nothing is fast: mxray must have seen every packet of a small capture. And that must be
/// what it is said to be.
fn check(options: &Options) -> Result<()> {
    for profile in options.captures() {
        let packets = profile.packets(SMOKE);
        // The other forms are measured of one profile.
        let others = Form::OTHERS.into_iter();
        let others = others.filter(|_| profile == Profile::Dns);
        for form in [Form::Pcap].into_iter().chain(others) {
            check_one(profile, packets, form)?;
        }
    }
    Ok(())
}

/// Of the queries in the second half of a capture, enough must ask for a name that none before them asked for.
fn check_names() -> Result<()> {
    let replay = &mut Replay::open(&[capture(Profile::Dns, ALL_KNOWN, Form::Pcap)?]);
    let (mut known, mut queries, mut new) = (HashSet::new(), 0_u64, 0_u64);
    let mut packets = 0;
    while let Some(frame) = replay.next_frame() {
        packets += 1;
        // Ethernet, IPv4 and UDP without options; then the identifier, and the flags.
        let message = frame.bytes.get(42..).unwrap_or_default();
        let Some(([_, _, flags, ..], behind)) = message.split_first_chunk::<12>() else {
            continue;
        };
        if flags & 0x80 == 0 {
            let fresh = known.insert(behind.to_vec());
            queries += u64::from(packets > ALL_KNOWN / 2);
            new += u64::from(fresh && packets > ALL_KNOWN / 2);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = new as f64 / queries as f64;
    ensure!(
        share >= NEVER_ASKED,
        "{share} of names are asked for the first time"
    );
    Ok(())
}

fn check_one(profile: Profile, packets: u64, form: Form) -> Result<()> {
    let file = capture(profile, packets, form)?;
    if form == Form::Pcap {
        let (digest, name) = (xxh3_64(&fs::read(&file)?), profile.name());
        ensure!(
            digest == profile.digest(),
            "{name}: other octets, {digest:#018x}"
        );
    }
    let mxray = env!("CARGO_BIN_EXE_mxray");
    let run = Command::new(mxray)
        .args(["replay", "-q"])
        .arg(file)
        .output()?;
    ensure!(run.status.success(), "{mxray} replay: {}", run.status);
    let events = String::from_utf8(run.stdout)?;
    let mut counts = events.lines().filter_map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        let packets = event.pointer("/mxray/packets")?;
        Some((packets["seen"].as_u64()?, packets["decoded"].as_u64()?))
    });
    let (seen, read) = counts.next_back().context("no totals in its events")?;
    ensure!(
        seen == packets && read >= packets * profile.of_use() / 100,
        "{}: {seen} packets seen, {read} read of {packets}",
        profile.name()
    );
    Ok(())
}
