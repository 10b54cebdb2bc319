//! The event log of a capture that may write nothing but it.

use super::frames::{of_captures, of_hosts, query};
use super::{Network, Sensor};
use mxray::eventlog::Reader;
use nix::sys::signal::Signal::SIGTERM;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn the_log_has_what_was_told_and_the_next_run_goes_on_in_it() {
    let Some(network) = Network::new() else {
        return;
    };
    let folder = network.path("log");
    fs::create_dir(&folder).unwrap();
    // For whomever it becomes.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    // Segments of the least size, so that they are made and removed under way.
    let line = format!(
        "-i near --stats 1 --hosts -o - --log {} --log-size 1M --log-segment 64K",
        folder.display()
    );
    let mut reader = Reader::open(&folder, None);
    let (mut told, mut logged) = (Vec::new(), Vec::new());
    let mut segments = BTreeSet::new();
    for _ in 0..2 {
        let sensor = Sensor::start(&network, &line);
        network.send("far", &of_captures(&["study-client-b"]), 1);
        network.send("far", &of_hosts(100, query), 1);
        let is_seen = |event: &Value| event["mxray"]["packets"]["seen"].as_u64() > Some(100);
        let totals = sensor.until("packets in the totals", is_seen);
        assert_eq!(totals["mxray"]["log"]["lost"], 0);
        let ended = sensor.end(SIGTERM);
        assert!(!ended.stderr.contains("event log"), "{}", ended.stderr);
        told.extend(ended.events);
        while let Some(entry) = reader.next().unwrap() {
            segments.insert(entry.next.segment);
            logged.push(serde_json::from_slice::<Value>(entry.line).unwrap());
        }
    }
    assert!(told.len() > 200);
    assert!(logged == told, "{} of {} events", logged.len(), told.len());
    assert!(segments.len() > 3, "{segments:?}");
    assert_eq!(reader.take_lost(), 0);
}
