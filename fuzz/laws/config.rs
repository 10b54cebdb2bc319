//! What must hold of any octets as a config file: of `replay` and `live`, and of `ship`. The fuzz
//! target tries it on what the fuzzer thinks of, the test `fuzz_seeds` on what is kept.

#[path = "scratch.rs"]
mod scratch;

use clap::Parser as _;
use mxray::cli::{self, Cli, Command};
use mxray::config::{self, Error, LiveConfig, Log, Reading, ReplayConfig, ShipConfig};
use mxray::toml_file::FileError;
use std::cell::RefCell;
use std::fs;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// The file, and what is typed for each command that reads one.
struct Typed {
    _folder: TempDir,
    path: PathBuf,
    check: cli::Check,
    replay: cli::Replay,
    live: cli::Live,
    ship: cli::Ship,
}

impl Typed {
    fn new() -> Self {
        let folder = scratch::folder();
        let path = folder.path().join("site.toml");
        let named = path.to_str().expect("plain").to_owned();
        let typed = |words: &[&str]| {
            let words = ["mxray"].iter().chain(words).copied();
            let words = words.map(|word| if word == "@" { &named } else { word });
            Cli::try_parse_from(words).expect("right usage").command
        };
        let (
            Command::Check(check),
            Command::Replay(replay),
            Command::Live(live),
            Command::Ship(ship),
        ) = (
            typed(&["check", "--config", "@"]),
            typed(&["replay", "--config", "@", "-"]),
            typed(&["live", "--config", "@"]),
            typed(&["ship", "--config", "@"]),
        )
        else {
            unreachable!("these were typed");
        };
        Self {
            _folder: folder,
            path,
            check,
            replay: *replay,
            live: *live,
            ship: *ship,
        }
    }
}

thread_local! {
    static TYPED: RefCell<Typed> = RefCell::new(Typed::new());
}

/// # Panics
/// Where it does not hold that what is refused is refused in one line that names the file and a
/// line of it, or an option; that what is taken is within its bounds; and that what `check`
/// calls valid is taken.
pub(crate) fn holds(octets: &[u8]) {
    TYPED.with_borrow(|typed| {
        fs::write(&typed.path, octets).expect("room");
        let lines = 1 + octets.split(|octet| *octet == b'\n').count();
        let findings = config::check(typed.check.clone());
        for finding in &findings {
            is_one_line(&finding.to_string());
        }
        let valid = findings.iter().all(config::Finding::is_valid);
        match config::replay(typed.replay.clone()) {
            Ok(taken) => replay(&taken),
            Err(fault) => {
                assert!(!valid, "check finds it valid, and: {fault}");
                refused(&fault, lines);
            }
        }
        match config::live(typed.live.clone()) {
            Ok(taken) => live(&taken),
            Err(fault) => refused(&fault, lines),
        }
        match config::ship(typed.ship.clone()) {
            Ok(taken) => ship(&taken),
            Err(fault) => refused(&fault, lines),
        }
    });
}

fn refused(fault: &Error, lines: usize) {
    let told = fault.to_string();
    is_one_line(&told);
    if let Error::File(FileError::Line { line, path, .. }) = fault {
        let known = TYPED.with_borrow(|typed| typed.path == *path);
        assert!(*line >= 1 && (!known || *line <= lines), "{told}");
    }
}

fn is_one_line(told: &str) {
    assert!(
        !told.is_empty() && !told.contains(char::is_control),
        "{told:?}"
    );
}

fn within_a_day(seconds: NonZeroU64) {
    assert!(seconds.get() <= 86_400);
}

fn reading(taken: &Reading) {
    assert!(taken.workers.get() <= 64);
    assert!(taken.memory >= 1 << 20);
    assert!(taken.keywords.words().len() <= 1_000);
    if let (Some(since), Some(until)) = (taken.window.since, taken.window.until) {
        assert!(since < until);
    }
}

fn log(taken: Option<&Log>) {
    if let Some(log) = taken {
        assert!(log.bounds.total >= 1 << 20);
        assert!((1 << 16..=log.bounds.total / 4).contains(&log.bounds.segment));
    }
}

fn sensor(name: &str) {
    assert!((1..=128).contains(&name.len()) && !name.contains(char::is_control));
}

fn replay(taken: &ReplayConfig) {
    reading(&taken.reading);
    log(taken.log.as_ref());
    sensor(&taken.sensor);
    if let Some(seconds) = taken.stats {
        within_a_day(seconds);
    }
}

fn live(taken: &LiveConfig) {
    reading(&taken.reading);
    log(taken.log.as_ref());
    taken.sensor.as_deref().map(sensor);
    for seconds in [taken.stats, taken.hosts_interval, taken.checkpoint_interval] {
        within_a_day(seconds);
    }
    assert!((1..=64).contains(&taken.fanout));
    assert!(taken.ring >= 1 << 20 && i32::try_from(taken.ring).is_ok());
    assert!((1..=mxray::capture::live::SNAPLEN).contains(&taken.snaplen));
    assert!(!taken.interfaces.is_empty() && taken.interfaces.iter().all(|name| !name.is_empty()));
}

fn ship(taken: &ShipConfig) {
    assert!((1..=16).contains(&taken.receivers.len()));
    let bounds = Duration::from_nanos(1)..=Duration::from_hours(1);
    for (at, receiver) in taken.receivers.iter().enumerate() {
        let (before, _) = taken.receivers.split_at(at);
        assert!(before.iter().all(|other| other.name != receiver.name));
        assert!((1..=100_000).contains(&receiver.batch.events));
        assert!((1..=64 << 20).contains(&receiver.batch.octets));
        for time in [
            receiver.batch.wait,
            receiver.retry.first,
            receiver.retry.most,
            receiver.timeout,
        ] {
            assert!(bounds.contains(&time));
        }
    }
}
