//! Which functions a replay's instructions are in, thread by thread, by callgrind: where it is installed.

use crate::captures::{Form, capture};
use crate::growth::said_by;
use crate::options::Options;
use crate::results::Results;
use crate::traffic::Profile;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

pub(crate) const NAME: &str = "shares";

/// Those that are looked at.
pub(crate) const PROFILES: [Profile; 3] = [Profile::Dns, Profile::Campus, Profile::Mirror];

/// Packets of a capture that are read: callgrind takes fifty times as long.
const PACKETS: u64 = 400_000;

/// Functions of a thread that are told.
const TOLD: usize = 12;

/// What callgrind counts apart: instructions of a function's own, without those that it calls.
type Functions = BTreeMap<String, u64>;

/// Prints the shares of all of them.
pub(crate) fn measure(options: &Options, results: &mut Results) -> Result<()> {
    // A moment's, where all is only tried.
    let profiles = PROFILES
        .iter()
        .take(if options.smoke { 1 } else { PROFILES.len() });
    for &profile in profiles {
        let packets = profile.packets(options.packets).min(PACKETS);
        let file = capture(profile, packets, Form::Pcap)?;
        let Some(threads) = threads(profile, &file)? else {
            return results.line("# without valgrind and its callgrind_annotate no shares");
        };
        results.line(&format!(
            "{}, the first {packets} packets: instructions a packet, by thread and function",
            profile.name()
        ))?;
        for functions in &threads {
            thread(functions, packets, results)?;
        }
        results.line("")?;
    }
    Ok(())
}

fn thread(functions: &Functions, packets: u64, results: &mut Results) -> Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
    let each = |count: u64| count as f64 / packets as f64;
    let all: u64 = functions.values().sum();
    let mut most: Vec<_> = functions.iter().collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let is_of = |file: &str| functions.keys().any(|name| name.contains(file));
    let role = if is_of("pipeline::calling::") {
        "calling"
    } else if is_of("pipeline::capture::") || is_of("capture::walk::") {
        "capture"
    } else if is_of("count::tally::") {
        "count"
    } else {
        "another"
    };
    results.line(&format!("{:>10.1}  {role} thread", each(all)))?;
    for (name, count) in most.into_iter().take(TOLD) {
        results.line(&format!("{:>10.1}    {name}", each(*count)))?;
    }
    Ok(())
}

/// The threads of a replay by one worker; `None` where there is nothing to count with.
fn threads(profile: Profile, file: &Path) -> Result<Option<Vec<Functions>>> {
    let folder = tempfile::tempdir()?;
    let out = format!(
        "--callgrind-out-file={}",
        folder.path().join("out").display()
    );
    let options = ["--tool=callgrind", "--separate-threads=yes", &out];
    if said_by("valgrind", &options, profile, file)?.is_none() {
        return Ok(None);
    }
    let mut files = fs::read_dir(folder.path())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    // One for each thread, and one of that name that stays empty.
    files.retain(|file| !file.ends_with("out"));
    files.sort();
    let mut threads = Vec::new();
    for file in files {
        let annotate = Command::new("callgrind_annotate")
            .args(["--threshold=100", "--auto=no"])
            .arg(&file)
            .output();
        let annotate = match annotate {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            annotate => annotate.context("callgrind_annotate")?,
        };
        let said = String::from_utf8_lossy(&annotate.stderr);
        ensure!(annotate.status.success(), "callgrind_annotate: {said}");
        let functions = functions(&String::from_utf8_lossy(&annotate.stdout));
        if !functions.is_empty() {
            threads.push(functions);
        }
    }
    Ok(Some(threads))
}

/// The functions in a table of `callgrind_annotate`, of lines like `1,234 (5.67%)  file:function
/// [program]`. What was inlined from other files is put to the function that it is in.
fn functions(table: &str) -> Functions {
    let mut functions = Functions::new();
    for line in table.lines() {
        let Some((count, rest)) = line.split_once('(') else {
            continue;
        };
        let Ok(count) = count.trim().replace(',', "").parse::<u64>() else {
            continue;
        };
        let Some((_, place)) = rest.split_once(")  ").or_else(|| rest.split_once(") ")) else {
            continue;
        };
        let name = place.split_once(':').map_or(place, |(_, name)| name);
        let name = name.split(" [").next().unwrap_or(name).trim();
        if name != "PROGRAM TOTALS" {
            *functions.entry(name.to_owned()).or_default() += count;
        }
    }
    functions
}
