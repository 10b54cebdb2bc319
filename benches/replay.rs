//! What a whole replay costs, beside the least that any reader of a capture can cost, a bare
//! libpcap loop, and beside what else is installed. Every figure is of a process of its own, as
//! the kernel accounts for it: processor seconds of all its threads, and its largest resident set.
//!
//! `cargo bench --bench replay -- --packets 2000000 --runs 5`; see docs/BENCHMARKING.md.

use anyhow::{Context, Result, ensure};
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

/// As the program has it: what counts here shall not pay for small pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The least share of queries with a name that was never asked before, so that no memory of names wins.
const NEVER_ASKED: f64 = 0.3;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [CHILD, which, file] = *arguments.iter().map(String::as_str).collect::<Vec<_>>() {
        return commands::child(which, Path::new(file));
    }
    let options = Options::read(&arguments)?;
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
        for turn in 0..commands.len() {
            let at = (turn + run - 1) % commands.len();
            let Some(command) = commands.get_mut(at) else {
                continue;
            };
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

fn check_one(profile: Profile, packets: u64, form: Form) -> Result<()> {
    let file = capture(profile, packets, form)?;
    if form == Form::Pcap {
        let (digest, name) = (xxh3_64(&fs::read(&file)?), profile.name());
        ensure!(
            digest == profile.digest(),
            "{name}: other octets, {digest:#018x}"
        );
        let share = traffic::never_asked_before(profile, packets);
        ensure!(
            share >= NEVER_ASKED,
            "{name}: {share} of names were never asked before"
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
