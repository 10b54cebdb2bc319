//! Long runs: what a sensor needs does not grow, and what it counts stays exact.

use super::frames::{of_captures, of_hosts, query};
use super::{Network, Sensor, patiently};
use nix::sys::signal::Signal::SIGTERM;
use std::fs;
use std::time::{Duration, Instant};

/// How long hosts come and go, in seconds.
const SECONDS: &str = "MXRAY_LIVE_SECONDS";

/// Hosts of a round, and packets a second: hosts are forgotten, as the memory is small.
const HOSTS: u32 = 100_000;
const RATE: u32 = 5_000;

#[test]
#[ignore = "a minute, or MXRAY_LIVE_SECONDS"]
fn hosts_come_and_go_and_nothing_grows() {
    let Some(network) = Network::new() else {
        return;
    };
    let seconds = std::env::var(SECONDS).map_or(60, |text| text.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let sensor = Sensor::start(
        &network,
        "-i near --memory 64M --stats 1 --hosts --hosts-interval 60",
    );
    let rounds = seconds * u64::from(RATE) / u64::from(HOSTS) + 1;
    // Mail sessions too, each of few packets, so that connections come and go.
    let mail = of_captures(&["smtp-outcomes", "fanout-bot", "submission-bot"]);
    let packets = rounds * u64::from(HOSTS);
    let mut sending = network.sending("far", &of_hosts(HOSTS, query), rounds, RATE);
    let mut sent = 0;
    let mut samples = Vec::new();
    while Instant::now() < end {
        network.send("far", &mail, 1);
        sent += mail.len() as u64;
        std::thread::sleep(Duration::from_secs(5));
        samples.push((memory(&sensor), handles(&sensor)));
        eprintln!("{:?}", samples.last());
    }
    patiently_ended(&mut sending);
    let ended = sensor.end(SIGTERM);
    let of = |path| ended.total(path);
    assert_eq!(of("/kernel/received"), packets + sent, "{}", ended.totals());
    assert_eq!(
        of("/packets/seen") + of("/kernel/dropped"),
        packets + sent,
        "{}",
        ended.totals()
    );
    eprintln!("{}", ended.totals());
    // Tables fill in the first third.
    let (filling, flat) = samples.split_at(samples.len() / 3);
    let highest = |samples: &[(u64, usize)]| samples.iter().map(|of| of.0).max().unwrap();
    let (early, late) = (highest(filling), highest(flat));
    assert!(late <= early + early / 4, "{early} KiB, then {late} KiB");
    let first = flat[0].1;
    assert!(flat.iter().all(|of| of.1 == first), "{flat:?}");
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
