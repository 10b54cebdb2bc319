//! `mxray live`, run as people run it: on interfaces of a network namespace that each test has
//! for itself, with what another process sends there.
//!
//! That needs root (`CAP_SYS_ADMIN`, `CAP_NET_ADMIN`, `CAP_NET_RAW`) and `ip`; where either is
//! missing, a test says so and is passed over. No test measures time: each waits for what must
//! come.
#![cfg(target_os = "linux")]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that fails here says where"
)]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

// What a running one tells those who ask.
mod asked;
// Long runs, when asked for.
mod churn;
// Packets and losses, to the packet; several interfaces and threads.
mod counting;
// Disks that are full.
mod disks;
mod frames;
// How long a verdict is on its way, when asked for.
mod latency;
// Interfaces that go and come, links that are silent.
mod links;
// The event log.
mod log;
#[path = "../logged.rs"]
mod logged;
mod network;
// What a recording of the same link says.
mod recording;
// What is refused, listed or warned of at the beginning.
mod refusals;
// What outlives a kill, and a reload.
mod restarts;
mod sender;
mod sensor;
// An output that nobody reads.
mod unread;
// Those who watch a running sensor.
mod watch;

use network::Network;
use sensor::{Ended, Sensor};

/// What this process is to send, where it is a test's sender.
const SEND: &str = "MXRAY_LIVE_SEND";

/// No test, but what a test starts in its namespace to send from there.
#[test]
fn sends() {
    let Ok(task) = std::env::var(SEND) else {
        return;
    };
    let [interface, times, rate, file] = task.splitn(4, ' ').collect::<Vec<_>>()[..] else {
        panic!("{task}");
    };
    let (times, rate) = (times.parse().unwrap(), rate.parse().unwrap());
    sender::send(interface, times, rate, Path::new(file)).unwrap();
}

/// Waits until that is so; longer than any machine takes.
fn patiently(what: &str, mut is: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is() {
        assert!(begin.elapsed().as_secs() < 120, "waited for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, signal: Signal) {
    let process = Pid::from_raw(child.id().cast_signed());
    kill(process, signal).unwrap();
}
