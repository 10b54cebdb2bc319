//! An output that nobody reads: nothing is lost without being counted, and it can be ended.

use super::frames::{of_hosts, query};
use super::{Network, patiently, signal};
use nix::sys::signal::Signal::SIGTERM;
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

/// A sensor whose output is full, and how many packets it was sent for that.
fn waiting(network: &Network) -> (Child, u64) {
    let line = "live -i near --stats 1 --hosts=all --hosts-interval 1";
    let child = network
        .within(env!("CARGO_BIN_EXE_mxray"))
        .args(line.split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let frames = of_hosts(1_000, query);
    let mut sent = 0;
    patiently("it to wait for a reader", || {
        network.send("far", &frames, 1);
        sent += frames.len() as u64;
        waits(child.id())
    });
    (child, sent)
}

/// Whether any thread of the process, or of what it has started, waits for a pipe's reader.
fn waits(process: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    tasks.into_iter().flatten().flatten().any(|task| {
        let read = |name| fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let children = read("children");
        read("wchan").contains("pipe_write")
            || children.split(' ').any(|id| id.parse().is_ok_and(waits))
    })
}

#[test]
fn what_comes_meanwhile_is_counted() {
    let Some(network) = Network::new() else {
        return;
    };
    let (mut child, before) = waiting(&network);
    let frames = of_hosts(1_000, query);
    // Twice of what may wait (64 batches), and more.
    network.send("far", &frames, 400);
    assert!(waits(child.id()));
    let (mut totals, mut told) = (Value::Null, false);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if event["event"]["dataset"] != "mxray.stats" {
            continue;
        }
        let received = |event: &Value| event["mxray"]["kernel"]["received"].as_u64();
        // When all has come.
        if !told && received(&event) >= Some(400_000) && received(&event) == received(&totals) {
            told = true;
            signal(&child, SIGTERM);
        }
        totals = event;
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let total = |path: &str| {
        totals["mxray"]
            .pointer(path)
            .and_then(Value::as_u64)
            .unwrap()
    };
    // What was sent before it began to read is the kernel's.
    let seen = total("/packets/seen");
    assert_eq!(total("/kernel/received"), seen + total("/kernel/dropped"));
    assert!((400_000..=before + 400_000).contains(&total("/kernel/received")));
    assert_eq!(total("/packets/decoded") + total("/packets/shed"), seen);
    assert!(total("/packets/shed") + total("/kernel/dropped") > 0);
}

#[test]
fn a_second_signal_ends_it() {
    let Some(network) = Network::new() else {
        return;
    };
    let (mut child, _) = waiting(&network);
    signal(&child, SIGTERM);
    patiently("it to end", || {
        signal(&child, SIGTERM);
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
