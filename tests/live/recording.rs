//! What a recording of the same link says.

use super::frames::of_captures;
use super::{Network, Sensor, sender};
use nix::sys::signal::Signal::SIGTERM;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

#[test]
fn verdicts_are_those_of_a_recording_and_of_several_threads() {
    let Some(network) = Network::new() else {
        return;
    };
    let file = network.path("recorded.pcapng");
    let Some(recording) = network.recording(&file) else {
        eprintln!("skipped: there is no dumpcap");
        return;
    };
    let clock = sender::stamped().unwrap();
    let sensor = Sensor::start(&network, "-i near --sensor one");
    let two = Sensor::start(&network, "-i near --sensor one --fanout 2");
    let four = Sensor::start(&network, "-i near --sensor one --fanout 4 --workers 2");
    let frames = of_captures(&["study-client-b", "fanout-bot", "smtp-session", "link-vlan"]);
    network.send("far", &frames, 1);
    let ended = sensor.end(SIGTERM);
    let shared = [two, four].map(|sensor| sensor.end(SIGTERM));
    recording.end();
    drop(clock);
    assert_eq!(ended.total("/kernel/dropped"), 0);

    let replay = network
        .within(env!("CARGO_BIN_EXE_mxray"))
        .args(["replay", "-q", "--sensor", "one"])
        .arg(&file)
        .output()
        .unwrap();
    let replay = String::from_utf8(replay.stdout).unwrap();
    let replay: Vec<Value> = replay
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let live = verdicts(&ended.events);
    assert!(
        live.iter()
            .any(|event| event["event"]["action"] == "host-convicted")
    );
    let replay = verdicts(&replay);
    assert_eq!(live.len(), replay.len());
    for (live, replay) in live.iter().zip(&replay) {
        for (live, replay) in lines(live).zip(lines(replay)) {
            assert_eq!(live, replay);
        }
    }
    // What is told once, by the first packet that says it, is told by the first that a worker
    // reads; among threads that is not always the first that came.
    for others in &shared {
        assert_eq!(found(&verdicts(&others.events)), found(&live));
    }
    let _ = fs::remove_file(file);
}

/// What each host was found to be.
fn found(verdicts: &[Value]) -> BTreeSet<[String; 3]> {
    let of = |event: &Value| {
        let paths = ["/source/ip", "/event/action", "/mxray/class"];
        paths.map(|path| event.pointer(path).unwrap().to_string())
    };
    verdicts.iter().map(of).collect()
}

/// What an event says, a line for each value, so that a difference is told in one.
fn lines(event: &Value) -> impl Iterator<Item = String> {
    let text = serde_json::to_string_pretty(event).unwrap();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.into_iter()
}

/// The verdicts, without what says who made them and where their packets stand, and without
/// those of the end, which is not the same: a link goes on by the clock.
fn verdicts(events: &[Value]) -> Vec<Value> {
    let mut totals = events.iter().rev();
    let end = totals.find(|event| event["event"]["dataset"] == "mxray.stats");
    let end = end.unwrap()["@timestamp"].clone();
    let events = events.iter().cloned();
    let verdicts = events.filter(|event| event["event"]["dataset"] == "mxray.verdict");
    let verdicts = verdicts.filter(|event| event["@timestamp"] != end);
    let placeless = verdicts.map(|mut event| {
        event["observer"].take();
        let evidence = event["mxray"]["evidence"].as_array_mut();
        for piece in evidence.into_iter().flatten() {
            for packet in piece["packets"].as_array_mut().unwrap() {
                packet["file"].take();
                packet["frame"].take();
            }
        }
        event["mxray"]["files"].take();
        event
    });
    placeless.collect()
}
