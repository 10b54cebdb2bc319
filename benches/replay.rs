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
#[path = "replay/options.rs"]
mod options;
#[path = "replay/results.rs"]
mod results;
#[path = "replay/traffic.rs"]
mod traffic;

use captures::{Form, capture};
use commands::CHILD;
use goals::Goal;
use options::{Options, SMOKE};
use results::Results;
use traffic::Profile;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [CHILD, which, file] = *arguments.iter().map(String::as_str).collect::<Vec<_>>() {
        return commands::child(which, Path::new(file));
    }
    let options = Options::read(&arguments)?;
    let mut results = Results::new(!options.smoke)?;
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
    goals::table(&goals, &mut results)?;
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
    let (mut commands, missing) = commands::all(profile, packets, options)?;
    for peer in missing {
        results.line(&format!("# {peer}"))?;
    }
    commands.retain(|command| works || !command.is_mxray());
    results.runs_begin()?;
    // Interleaved, so that what else the machine does in a while hits all of them.
    for run in 1..=options.runs {
        for command in &mut commands {
            match command.run() {
                Ok(usage) => results.run(run, command, &usage)?,
                // Another version of it, say, that knows other options.
                Err(error) if command.is_peer() => {
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

/// What reads nothing is fast: mxray must have seen every packet of a small capture.
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
    let mxray = env!("CARGO_BIN_EXE_mxray");
    let run = Command::new(mxray)
        .args(["replay", "-q"])
        .arg(capture(profile, packets, form)?)
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
