//! The cases of this folder, run as a user runs them: a capture in, events out, and every
//! event is the one that a person has looked at and committed.
//!
//! `MXRAY_BLESS=1 cargo test --test replay` writes inputs and expectations anew; README.md
//! says how to add a case. What must hold of any capture is checked on each of them too.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that fails here says where"
)]

use assert_cmd::Command;
use flate2::{Compression, GzBuilder, read::MultiGzDecoder};
use mxray::synth;
use mxray::time::Timestamp;
use serde_json::Value;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Inputs of more octets than this are kept compressed.
const COMPRESS: usize = 64 * 1024;
/// Octets of an event at most, its line end included.
const LARGEST: usize = 7_500;
/// How the time of an event is kept that no packet gave a time.
const WALL: &str = "the time of the run";

/// Expectations and inputs are to be written, not compared.
static BLESS: LazyLock<bool> = LazyLock::new(|| std::env::var_os("MXRAY_BLESS").is_some());

/// All cases, with what mxray says of them; the inputs are blessed first, as all else depends
/// on them.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps");
    let entries = fs::read_dir(home).unwrap().map(Result::unwrap);
    let folders = entries.map(|entry| entry.path());
    let mut folders: Vec<_> = folders.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.into_iter().map(Case::load).collect()
});

struct Case {
    name: String,
    folder: PathBuf,
    /// Further options, one line in the file `args`.
    args: Vec<String>,
    /// `input.pcap` or `input.pcap.gz`.
    input: &'static str,
    /// The capture, not compressed.
    capture: Vec<u8>,
    /// What mxray prints of it.
    output: String,
}

impl Case {
    fn load(folder: PathBuf) -> Self {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let args = fs::read_to_string(folder.join("args")).unwrap_or_default();
        let args = args.split_whitespace().map(str::to_owned).collect();
        if *BLESS {
            bless_input(&name, &folder);
        }
        let found = ["input.pcap", "input.pcap.gz"]
            .into_iter()
            .find_map(|input| Some((input, capture(&folder.join(input))?)));
        let Some((input, capture)) = found else {
            panic!("pcaps/{name} has no input; is it a recipe, and not blessed yet?");
        };
        let mut case = Self {
            name,
            folder,
            args,
            input,
            capture,
            output: String::new(),
        };
        case.output = case.replay(&[], &case.folder, &[input]);
        case
    }

    /// What `mxray replay -q ARGS MORE PATHS...` prints in `folder`.
    fn replay(&self, more: &[&str], folder: &Path, paths: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mxray"));
        command.current_dir(folder).args(["replay", "-q"]);
        let run = command.args(&self.args).args(more).args(paths).assert();
        let run = run.success().stderr("");
        let output = String::from_utf8(run.get_output().stdout.clone()).unwrap();
        output.lines().fold(String::new(), |mut text, line| {
            text.push_str(&settled(line));
            text.push('\n');
            text
        })
    }

    fn events(&self) -> Vec<Value> {
        events(&self.output)
    }
}

/// The octets of a capture file; `None` if it is not there.
fn capture(path: &Path) -> Option<Vec<u8>> {
    let octets = fs::read(path).ok()?;
    if path.extension().is_some_and(|end| end == "gz") {
        let mut plain = Vec::new();
        let mut decoder = MultiGzDecoder::new(&*octets);
        decoder.read_to_end(&mut plain).unwrap();
        return Some(plain);
    }
    Some(octets)
}

/// What `mxray synth` writes under this name, if there is such a recipe.
fn recipe(name: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    match synth::write(name, &mut octets) {
        Ok(_) => Some(octets),
        Err(synth::Error::Unknown(_)) => None,
        Err(error) => panic!("{name}: {error}"),
    }
}

/// Writes the recipe's capture, unless it is there already: another version of the compressor
/// makes no other capture.
fn bless_input(name: &str, folder: &Path) {
    let Some(octets) = recipe(name) else {
        return;
    };
    let (plain, packed) = (folder.join("input.pcap"), folder.join("input.pcap.gz"));
    let (path, other) = if octets.len() > COMPRESS {
        (packed, plain)
    } else {
        (plain, packed)
    };
    let _ = fs::remove_file(other);
    if capture(&path).as_ref() == Some(&octets) {
        return;
    }
    if octets.len() > COMPRESS {
        let file = fs::File::create(path).unwrap();
        let mut gzip = GzBuilder::new().mtime(0).write(file, Compression::best());
        gzip.write_all(&octets).unwrap();
        gzip.finish().unwrap();
    } else {
        fs::write(path, octets).unwrap();
    }
}

/// The line, but for a time that is another in each run.
fn settled(line: &str) -> String {
    let event: Value = serde_json::from_str(line).expect("every line is one JSON value");
    let time = event["@timestamp"].as_str().expect("a time");
    if event["mxray"]["time_source"] == "wall" {
        line.replace(time, WALL)
    } else {
        line.to_owned()
    }
}

fn events(output: &str) -> Vec<Value> {
    let lines = output.lines().map(serde_json::from_str);
    lines.map(Result::unwrap).collect()
}

/// What an event is about, for people.
fn title(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let dataset = text(&event["event"]["dataset"]);
    let state = text(&event["mxray"]["state"]);
    format!("{dataset} {} {state}", text(&event["source"]["ip"]))
        .trim_end()
        .to_owned()
}

/// The first place at which two values differ, as a JSON pointer, and what stands there.
fn difference(expected: &Value, found: &Value, pointer: &str) -> Option<String> {
    let told = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
    match (expected, found) {
        (Value::Object(one), Value::Object(other)) => {
            let more = other.keys().filter(|key| !one.contains_key(*key));
            one.keys().chain(more).find_map(|key| {
                let pointer = format!("{pointer}/{key}");
                match (one.get(key), other.get(key)) {
                    (Some(one), Some(other)) => difference(one, other, &pointer),
                    (one, other) => {
                        let (one, other) = (told(one), told(other));
                        Some(format!("{pointer}: expected {one}, found {other}"))
                    }
                }
            })
        }
        (Value::Array(one), Value::Array(other)) => {
            let longer = one.len().max(other.len());
            (0..longer).find_map(|at| {
                let pointer = format!("{pointer}/{at}");
                match (one.get(at), other.get(at)) {
                    (Some(one), Some(other)) => difference(one, other, &pointer),
                    (one, other) => {
                        let (one, other) = (told(one), told(other));
                        Some(format!("{pointer}: expected {one}, found {other}"))
                    }
                }
            })
        }
        (one, other) if one == other => None,
        (one, other) => Some(format!("{pointer}: expected {one}, found {other}")),
    }
}

/// Where two outputs part, or `None` where they are the same octet by octet.
fn parting(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let (one, other) = (events(expected), events(found));
    for (at, (one, other)) in one.iter().zip(&other).enumerate() {
        // An identifier is a hash of all the rest: what it hides is the better word.
        let nameless = |event: &Value| {
            let mut event = event.clone();
            event["event"]["id"].take();
            event
        };
        let what = difference(&nameless(one), &nameless(other), "");
        if let Some(what) = what.or_else(|| difference(one, other, "")) {
            return Some(format!("event {} ({}): {what}", at + 1, title(one)));
        }
    }
    let mut all = format!("expected {} events, found {}", one.len(), other.len());
    if one.len() == other.len() {
        all.push_str(", which differ in the order of their keys or how numbers are written");
    }
    for event in one.iter().skip(other.len()) {
        let _ = write!(all, "\n  missing: {}", title(event));
    }
    for event in other.iter().skip(one.len()) {
        let _ = write!(all, "\n  not expected: {}", title(event));
    }
    Some(all)
}

/// Fails with what is wrong with each case.
fn report(faults: &[String], help: &str) {
    assert!(faults.is_empty(), "\n{}\n{help}", faults.join("\n"));
}

#[test]
fn events_are_as_expected() {
    let mut faults = Vec::new();
    for case in &*CASES {
        let path = case.folder.join("expected.jsonl");
        if *BLESS {
            fs::write(path, &case.output).unwrap();
            continue;
        }
        let expected = fs::read_to_string(path).unwrap_or_default();
        if let Some(what) = parting(&expected, &case.output) {
            faults.push(format!("{}: {what}", case.name));
        }
    }
    let help = "If that is right: MXRAY_BLESS=1 cargo test --test replay, then git diff.";
    report(&faults, help);
}

#[test]
fn inputs_are_what_synth_writes() {
    let mut faults = Vec::new();
    for case in &*CASES {
        if recipe(&case.name).is_some_and(|octets| octets != case.capture) {
            faults.push(format!("{}: {} is not the recipe's", case.name, case.input));
        }
    }
    let help = "If the recipe is right: MXRAY_BLESS=1 cargo test --test replay.";
    report(&faults, help);
}

#[test]
fn every_recipe_is_a_case_and_every_case_is_told_of() {
    let index = include_str!("README.md");
    let cases: HashSet<&str> = CASES.iter().map(|case| &*case.name).collect();
    for recipe in synth::catalogue() {
        assert!(cases.contains(recipe.name), "pcaps/{}", recipe.name);
    }
    for case in &*CASES {
        let name = &case.name;
        assert!(
            index.contains(&format!("[{name}]({name})")),
            "{name} is not in pcaps/README.md"
        );
        let readme = fs::read_to_string(case.folder.join("README.md")).unwrap_or_default();
        let lines = readme.lines().count();
        assert!((5..=12).contains(&lines), "{name}: {lines} lines of README");
        assert!(
            readme.contains("A wrong parser") || readme.contains("A wrong sensor"),
            "{name}: why would a wrong one fail?"
        );
    }
}

#[test]
fn events_keep_the_schema() {
    let schema = Command::new(env!("CARGO_BIN_EXE_mxray"))
        .arg("schema")
        .assert()
        .success();
    let schema: Value = serde_json::from_slice(&schema.get_output().stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    for case in &*CASES {
        for event in case.events() {
            // Of an enumeration's failures each is told: the one dataset that is meant is not.
            let faults: Vec<_> = validator
                .iter_errors(&event)
                .map(|e| e.to_string())
                .collect();
            assert!(
                faults.is_empty(),
                "{} {}: {faults:?}",
                case.name,
                title(&event)
            );
        }
    }
}

#[test]
fn events_keep_the_contract() {
    for case in &*CASES {
        let mut ids = HashSet::new();
        let packets = records(&case.capture);
        for (line, event) in case.output.lines().zip(case.events()) {
            let what = format!("{}: {}", case.name, title(&event));
            assert!(line.len() < LARGEST, "{what}: {} octets", line.len());
            assert!(!has_dotted_key(&event), "{what}: a key with a dot");
            let id = event["event"]["id"].as_str().unwrap().to_owned();
            assert!(ids.insert(id), "{what}: an identifier twice");
            let counts = &event["mxray"]["packets"];
            assert_eq!(
                sum(counts),
                2 * counts["seen"].as_u64().unwrap_or(0),
                "{what}"
            );
            let reason = event["event"]["reason"].as_str();
            let host = event["source"]["ip"].as_str();
            if let Some((reason, host)) = reason.zip(host) {
                // Else there would be two subjects, or nothing but one.
                let said = reason.strip_prefix(host).map(str::trim_start);
                let begins = said.is_some_and(|said| said.starts_with(|c: char| c.is_lowercase()));
                assert!(begins, "{what}: {reason}");
            }
            let correlation = &event["mxray"]["correlation"];
            if correlation.is_object() {
                let figures = correlation.as_object().unwrap().iter();
                let undefined = figures
                    .filter(|(key, _)| !["r2_reason", "smtp"].contains(&key.as_str()))
                    .any(|(_, figure)| has_null(figure));
                let reason = &correlation["r2_reason"];
                assert_eq!(reason.is_string(), undefined, "{what}");
                let smtp = &correlation["smtp"];
                assert_eq!(smtp["reason"].is_string(), smtp["r2"].is_null(), "{what}");
                assert_eq!(smtp["lag_s"].is_null(), smtp["r2"].is_null(), "{what}");
            }
            for evidence in event["mxray"]["evidence"].as_array().into_iter().flatten() {
                for packet in evidence["packets"].as_array().unwrap() {
                    assert_eq!(packet["file"], case.input, "{what}");
                    let frame = usize::try_from(packet["frame"].as_u64().unwrap()).unwrap();
                    let record = &packets[frame - 1];
                    assert_eq!(packet["ts"], record.time.to_string(), "{what}");
                }
            }
        }
        in_order(case);
    }
}

/// All numbers of a value.
fn sum(value: &Value) -> u64 {
    match value {
        Value::Object(map) => map.values().map(sum).sum(),
        value => value.as_u64().unwrap_or(0),
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().any(has_null),
        value => value.is_null(),
    }
}

fn has_dotted_key(value: &Value) -> bool {
    match value {
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains('.') || has_dotted_key(value)),
        Value::Array(list) => list.iter().any(has_dotted_key),
        _ => false,
    }
}

/// Verdicts by second and host, totals and what is said of the sensor between them at their time,
/// hosts behind them by address, the last totals at the end.
fn in_order(case: &Case) {
    let events = case.events();
    let name = &case.name;
    let of = |dataset: &'static str| {
        let events = events.iter().enumerate();
        events.filter(move |(_, event)| event["event"]["dataset"] == dataset)
    };
    let time = |event: &Value| event["@timestamp"].as_str().unwrap().to_owned();
    let host = |event: &Value| -> u128 {
        match event["source"]["ip"].as_str().unwrap().parse().unwrap() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
            IpAddr::V6(ip) => ip.to_bits(),
        }
    };
    let second = |event: &Value| time(event).get(..19).unwrap().to_owned();
    assert!(
        of("mxray.verdict").is_sorted_by_key(|(_, event)| (second(event), host(event))),
        "{name}: verdicts"
    );
    let timed = events
        .iter()
        .filter(|event| event["event"]["dataset"] != "mxray.host");
    assert!(timed.map(second).is_sorted(), "{name}: seconds");
    assert!(
        of("mxray.host").is_sorted_by_key(|(_, event)| host(event)),
        "{name}: hosts"
    );
    let (last, _) = of("mxray.stats").next_back().expect("totals, always");
    assert_eq!(last + 1, events.len(), "{name}: totals come last");
    for (place, totals) in of("mxray.stats").filter(|(place, _)| *place != last) {
        for (at, verdict) in of("mxray.verdict") {
            let before = time(verdict) < time(totals);
            assert_eq!(before, at < place, "{name}: {}", time(totals));
        }
    }
    if let (Some((verdict, _)), Some((host, _))) =
        (of("mxray.verdict").next_back(), of("mxray.host").next())
    {
        assert!(verdict < host, "{name}: hosts come after verdicts");
    }
}

#[test]
fn any_number_of_workers_says_the_same() {
    for case in &*CASES {
        for workers in ["1", "2", "4"] {
            let output = case.replay(&["--workers", workers], &case.folder, &[case.input]);
            if let Some(what) = parting(&case.output, &output) {
                panic!("{} with {workers} workers: {what}", case.name);
            }
        }
    }
}

/// A packet of a capture file of ours, which are all little-endian with microseconds.
struct Record<'a> {
    time: Timestamp,
    octets: &'a [u8],
}

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

fn records(capture: &[u8]) -> Vec<Record<'_>> {
    let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    assert_eq!(word(0), 0xa1b2_c3d4, "little-endian, microseconds");
    let mut at = FILE_HEADER;
    let mut records = Vec::new();
    while at < capture.len() {
        let end = at + RECORD_HEADER + word(at + 8) as usize;
        records.push(Record {
            time: Timestamp::from_parts(i64::from(word(at)), i64::from(word(at + 4)) * 1000),
            octets: &capture[at..end],
        });
        at = end;
    }
    records
}

/// The capture as five files that follow each other, of as many packets.
fn five_files(capture: &[u8]) -> Vec<Vec<u8>> {
    let records = records(capture);
    let header = &capture[..FILE_HEADER];
    (0..5)
        .map(|part| {
            let part = &records[records.len() * part / 5..records.len() * (part + 1) / 5];
            let octets = part.iter().flat_map(|record| record.octets.iter().copied());
            header.iter().copied().chain(octets).collect()
        })
        .collect()
}

/// Whether no file begins before those ahead of it end.
fn are_consecutive(files: &[Vec<u8>]) -> bool {
    let times = files.iter().flat_map(|file| {
        let records = records(file);
        let times = records.iter().map(|record| record.time);
        let (first, last) = (times.clone().min(), times.max());
        [first, last].into_iter().flatten().collect::<Vec<_>>()
    });
    times.is_sorted()
}

#[test]
fn cut_in_five_files_it_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["1.pcap", "2.pcap", "3.pcap", "4.pcap", "5.pcap"];
    for case in &*CASES {
        let files = five_files(&case.capture);
        if !are_consecutive(&files) {
            // Its packets go back in time, so that its parts overlap, and are merged.
            assert_eq!(case.name, "late-packets");
            continue;
        }
        for (name, octets) in names.iter().zip(&files) {
            fs::write(folder.path().join(name), octets).unwrap();
        }
        // What an option names by a path lies beside the capture.
        if let Ok(inventory) = fs::read(case.folder.join("inventory.toml")) {
            fs::write(folder.path().join("inventory.toml"), inventory).unwrap();
        }
        let output = case.replay(&[], folder.path(), &names);
        let (one, other) = (placeless(&case.output), placeless(&output));
        if let Some(what) = parting(&one, &other) {
            panic!("{} in five files: {what}", case.name);
        }
    }
}

/// The output without what says in which file a packet lies.
fn placeless(output: &str) -> String {
    events(output)
        .iter_mut()
        .fold(String::new(), |text, event| {
            for evidence in event["mxray"]["evidence"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                for packet in evidence["packets"].as_array_mut().unwrap() {
                    let packet = packet.as_object_mut().unwrap();
                    assert!(packet.remove("file").is_some() && packet.remove("frame").is_some());
                }
            }
            if let Some(files) = event["mxray"].get_mut("files") {
                files.take();
            }
            format!("{text}{event}\n")
        })
}
