//! Long runs: what a sensor needs does not grow, and what it counts stays exact.

use super::asked::ask;
use super::frames::{of_captures, of_hosts, query};
use super::{Network, Sensor, patiently};
use nix::sys::signal::Signal::SIGTERM;
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long hosts come and go, in seconds.
const SECONDS: &str = "MXRAY_LIVE_SECONDS";

/// Hosts of a round, and packets a second: hosts are forgotten, as the memory is small.
const HOSTS: u32 = 100_000;
const RATE: u32 = 5_000;

/// After this time tables, rings and logs are full, in seconds.
const FILLED: u64 = 300;

#[test]
#[ignore = "a minute, or MXRAY_LIVE_SECONDS"]
fn hosts_come_and_go_and_nothing_grows() {
    let Some(network) = Network::new() else {
        return;
    };
    let seconds = std::env::var(SECONDS).map_or(60, |text| text.parse().unwrap());
    let folder = network.path("kept");
    for path in [folder.clone(), folder.join("log"), folder.join("packets")] {
        fs::create_dir(&path).unwrap();
        // For whomever it becomes.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let place = |name: &str| folder.join(name).display().to_string();
    let line = format!(
        "-i near --memory 64M --stats 1 --hosts --hosts-interval 120 -o {} --log {} \
         --log-size 8M --log-segment 1M --write {} --checkpoint {} --checkpoint-interval 10 \
         --status {}",
        place("events"),
        place("log"),
        place("packets"),
        place("state"),
        place("status"),
    );
    let sensor = Sensor::begin(&network, &line);
    let status = || ask(&folder.join("status"));
    patiently("it to start", || status().is_some());
    let rounds = seconds * u64::from(RATE) / u64::from(HOSTS) + 1;
    // Mail sessions too, each of few packets, so that connections come and go.
    let mail = of_captures(&["smtp-outcomes", "fanout-bot", "submission-bot"]);
    let packets = rounds * u64::from(HOSTS);
    let begin = Instant::now();
    let mut sending = network.sending("far", &of_hosts(HOSTS, query), rounds, RATE);
    let mut sent = 0;
    let mut samples = Vec::new();
    while begin.elapsed().as_secs() < seconds {
        network.send("far", &mail, 1);
        sent += mail.len() as u64;
        std::thread::sleep(Duration::from_secs(5));
        assert!(status().is_some(), "{}", sensor.stderr());
        samples.push((memory(&sensor), handles(&sensor)));
        eprintln!("{} s: {:?}", begin.elapsed().as_secs(), samples.last());
    }
    patiently_ended(&mut sending);
    let ended = sensor.end(SIGTERM);
    for fault in ["cannot be written", "not written"] {
        assert!(!ended.stderr.contains(fault), "{}", ended.stderr);
    }
    let totals = totals(&folder.join("events"));
    eprintln!("sent {}, told {totals}", packets + sent);
    let of = |path: &str| totals.pointer(path).and_then(Value::as_u64).unwrap();
    assert_eq!(of("/kernel/received"), packets + sent);
    assert_eq!(
        of("/packets/seen") + of("/kernel/dropped"),
        packets + sent,
        "{totals}"
    );
    assert_eq!(of("/log/lost"), 0);
    // Tables fill in the first third, or in five minutes.
    let filled = samples.len() / 3;
    let filled = filled.min(usize::try_from(FILLED / 5).unwrap());
    let (filling, flat) = samples.split_at(filled);
    let highest = |samples: &[(u64, usize)]| samples.iter().map(|of| of.0).max().unwrap();
    let (early, late) = (highest(filling), highest(flat));
    eprintln!("{early} KiB at most while it fills, {late} KiB after that");
    assert!(late <= early + early / 4, "{early} KiB, then {late} KiB");
    // A checkpoint, a segment or a file of packets that is being written, a connection.
    let handles = |samples: &[(u64, usize)]| samples.iter().map(|of| of.1).max().unwrap();
    assert!(handles(flat) <= handles(filling) + 3, "{flat:?}");
}

/// The last totals in a file of events.
fn totals(file: &Path) -> Value {
    let lines = BufReader::new(fs::File::open(file).unwrap()).lines();
    let lines = lines.map(|line| line.unwrap());
    let last = lines.filter(|line| line.contains("\"dataset\":\"mxray.stats\""));
    let last: Value = serde_json::from_str(&last.last().unwrap()).unwrap();
    last["mxray"].clone()
}

fn patiently_ended(sending: &mut std::process::Child) {
    patiently("the sender", || sending.try_wait().unwrap().is_some());
}

/// Resident memory of it and its children, in KiB.
fn memory(sensor: &Sensor) -> u64 {
    let of = |process: &u32| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .unwrap_or(0)
    };
    sensor.processes().iter().map(of).sum::<u64>()
}

/// Descriptors of it and its children.
fn handles(sensor: &Sensor) -> usize {
    let of = |process: &u32| fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
    sensor.processes().iter().map(of).sum()
}
