//! Command lines, run as people run them: the built program in a folder of its own, with what
//! it prints, what it writes and how it exits. What the events say is for `pcaps/`.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that fails here says where"
)]

use assert_cmd::Command;
use mxray::synth;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

// The report in a browser.
mod browser;
// What drives it.
mod chromium;
// The other commands: check, explain, schema, synth; help and wrong usage.
mod commands;
// The same events in the names of others.
mod formats;
// Learned roles as a draft of an inventory.
mod inventory;
// What strangers say and how they name files, through every output.
mod injection;
// PATHs, times and filters: what is read.
mod inputs;
// Owners are told by mail.
mod notify;
// The report, pictures and tables.
mod report;
// A relay for that.
mod relay;
// Frames twice and out of order.
mod mirror;
// The report's numbers beside those of events.
mod numbers;
// Where events, bins and totals go, and what happens when they cannot.
mod outputs;
// Real captures: what is said of their hosts; needs MXRAY_REAL_CAPTURES.
mod real_verdicts;
// Home, inventory, keywords, config file: what the site says.
mod site;

/// A folder to run in, gone at the end.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With the capture of that recipe as `NAME.pcap`.
    fn with(name: &str) -> Self {
        let place = Self::new();
        place.write(&format!("{name}.pcap"), capture(name));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, octets: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// `mxray` with these words, which stand between spaces.
    fn mxray(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mxray"));
        command.current_dir(self.0.path());
        command.args(line.split_whitespace());
        command
    }

    /// Runs it and looks at the exit status.
    fn run(&self, line: &str, status: i32) -> Run {
        Run::of(&mut self.mxray(line), status)
    }
}

/// What a run left.
#[derive(Debug)]
struct Run {
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(command: &mut Command, status: i32) -> Self {
        let run = command.assert().code(status);
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        Self {
            stdout: text(&run.get_output().stdout),
            stderr: text(&run.get_output().stderr),
        }
    }

    fn events(&self) -> Vec<Value> {
        events(&self.stdout)
    }

    /// The totals at the end.
    fn totals(&self) -> Value {
        self.events().last().unwrap()["mxray"].clone()
    }

    /// The events of a dataset.
    fn of_dataset(&self, dataset: &str) -> Vec<Value> {
        let events = self.events().into_iter();
        events
            .filter(|event| event["event"]["dataset"] == dataset)
            .collect()
    }

    fn verdicts(&self) -> Vec<Value> {
        self.of_dataset("mxray.verdict")
    }

    fn hosts(&self) -> Vec<Value> {
        self.of_dataset("mxray.host")
    }
}

fn events(output: &str) -> Vec<Value> {
    let lines = output.lines().map(serde_json::from_str);
    lines.map(Result::unwrap).collect()
}

/// What `mxray synth` writes.
fn capture(name: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    synth::write(name, &mut octets).unwrap();
    octets
}

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// The records of a capture of ours, each with its header.
fn records(capture: &[u8]) -> Vec<&[u8]> {
    let mut rest = &capture[FILE_HEADER..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let kept = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (record, tail) = rest.split_at(RECORD_HEADER + kept);
        records.push(record);
        rest = tail;
    }
    records
}

/// A capture of these records.
fn of_records<'a>(capture: &[u8], records: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let header = capture[..FILE_HEADER].to_vec();
    records.into_iter().fold(header, |mut file, record| {
        file.extend_from_slice(record);
        file
    })
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain).unwrap();
    gzip.finish().unwrap()
}

/// The output without what says in which file a packet lies.
fn placeless(output: &str) -> Vec<Value> {
    let mut events = events(output);
    for event in &mut events {
        event["mxray"]["files"].take();
        let evidence = event["mxray"]["evidence"].as_array_mut();
        for piece in evidence.into_iter().flatten() {
            for packet in piece["packets"].as_array_mut().unwrap() {
                packet["file"].take();
                packet["frame"].take();
            }
        }
    }
    events
}

/// Whether there is such a file.
fn is_there(path: &Path) -> bool {
    path.try_exists().unwrap()
}
