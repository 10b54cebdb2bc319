//! Logs and states on disks that are full or read-only, in a mount namespace.

use super::{Arrivals, Place};
use std::fs;
use std::process::{Command, Output};

/// Runs a script as root of namespaces of its own, in the test's folder; `None` where there can be
/// none, which is said.
fn namespaced(place: &Place, script: &str) -> Option<Output> {
    let words = ["--user", "--map-root-user", "--mount"];
    let unshare = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(words).args(args);
        command
            .current_dir(place.folder.path())
            .env("MXRAY", env!("CARGO_BIN_EXE_mxray"))
            .output()
    };
    let tried = unshare(&["mount", "-t", "tmpfs", "none", "/mnt"]);
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no tmpfs can be mounted in a namespace here");
        return None;
    }
    Some(unshare(&["sh", "-ec", script]).unwrap())
}

#[test]
fn a_full_disk_is_told_and_a_replay_goes_on() {
    let place = Place::new();
    let mut capture = fs::File::create(place.path("a.pcap")).unwrap();
    mxray::synth::write("study-client-b", &mut capture).unwrap();
    // The disk takes nothing to begin with, and is given room at the end of the capture.
    let script = "mkdir disk; mount -t tmpfs -o size=64k none disk
        dd if=/dev/zero of=disk/other bs=1k count=200 2>/dev/null || true
        \"$MXRAY\" replay --hosts -q --log disk/log -o all.ndjson a.pcap 2>told && status=0 || status=$?
        echo $status >status
        rm disk/other
        \"$MXRAY\" replay --hosts -q --log disk/log a.pcap 2>told.after
        cp disk/log/*.ndjson .";
    let Some(output) = namespaced(&place, script) else {
        return;
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // What is written elsewhere is whole, and the loss makes the run a failure.
    let all = place.read("all.ndjson");
    assert!(all.lines().count() > 2);
    let told = place.read("told");
    assert_eq!(
        told.matches("cannot be written: No space left on device")
            .count(),
        1,
        "{told}"
    );
    let lost = format!("{} events are lost", all.lines().count());
    assert!(told.contains(&lost), "{told}");
    assert_eq!(place.read("status"), "1\n");
    // With room, the next one has them all.
    assert_eq!(place.read("told.after"), "");
    assert_eq!(place.segment("."), all);
}

#[test]
fn without_room_for_how_far_it_has_come_everything_arrives_and_that_is_told() {
    let (mut place, arrivals) = (Place::new(), Arrivals::default());
    place.events(10);
    let seen = arrivals.clone();
    let address = super::syslog::serve(move |_, stream| super::syslog::read_all(stream, &seen));
    place.receiver(&format!("syslog+tcp://{address}"), "");
    // The state of the shipper has no room: told, and everything arrives all the same.
    let script = "mkdir disk; mount -t tmpfs -o size=16k none disk; mkdir disk/state
        dd if=/dev/zero of=disk/other bs=1k count=200 2>/dev/null || true
        \"$MXRAY\" ship --config ship.toml --state disk/state --once 2>told";
    let Some(output) = namespaced(&place, script) else {
        return;
    };
    let told = place.read("told");
    assert!(output.status.success(), "{told}");
    assert!(
        told.contains("keeping how far it has come: No space left"),
        "{told}"
    );
    arrivals.check_once(10);
}

#[test]
fn what_had_no_room_as_a_whole_is_set_aside_once() {
    let mut place = Place::new();
    place.events(200);
    let address = super::hec::collector(&Arrivals::default(), |_, _| {
        Some(super::hec::said(400, "Invalid data format", 6))
    });
    place.receiver(&format!("splunk+http://{address}"), "");
    // Room for some of what is refused, and then for all.
    let script = "mkdir disk; mount -t tmpfs -o size=1m none disk; mkdir disk/state
        dd if=/dev/zero of=disk/other bs=1k count=1000 2>/dev/null
        (until grep -q 'setting events aside' told; do sleep .05; done; rm disk/other) &
        \"$MXRAY\" ship --config ship.toml --state disk/state --once 2>told || true
        cp disk/state/r.refused.ndjson .";
    let Some(output) = namespaced(&place, script) else {
        return;
    };
    let told = place.read("told");
    assert!(output.status.success(), "{told}");
    assert!(
        told.contains("setting events aside in disk/state/r.refused.ndjson: No space left"),
        "{told}"
    );
    let numbers: Vec<_> = place
        .read("r.refused.ndjson")
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["event"]["n"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
}

#[test]
fn a_read_only_disk_is_told_by_name_and_a_replay_goes_on() {
    let mut place = Place::new();
    place.events(10);
    place.receiver("syslog+tcp://127.0.0.1:9", "");
    let mut capture = fs::File::create(place.path("a.pcap")).unwrap();
    mxray::synth::write("study-client-b", &mut capture).unwrap();
    let script = "mkdir disk; mount -t tmpfs none disk; mkdir disk/log disk/state
        mount -o remount,ro disk
        for output in '--log disk/log' '--log disk/new' '-o disk/events' '--bins disk/bins'; do
            \"$MXRAY\" replay -q $output a.pcap 2>>told || true
        done
        \"$MXRAY\" replay -q --hosts --log disk/log -o all.ndjson a.pcap 2>/dev/null || true
        \"$MXRAY\" replay -q --hosts -o alone.ndjson a.pcap
        \"$MXRAY\" ship --config ship.toml --state disk/state --once 2>told.ship || true";
    let Some(output) = namespaced(&place, script) else {
        return;
    };
    let (told, shipped) = (place.read("told"), place.read("told.ship"));
    assert!(output.status.success());
    // Each names what it could not write; a log loses its events and says how many.
    let told: Vec<_> = told.lines().collect();
    let [log, lost, new, events, bins] = told[..] else {
        panic!("{told:?}");
    };
    assert!(lost.contains("event log disk/log: ") && lost.contains(" lost"));
    for (line, name) in [
        (log, "disk/log"),
        (new, "disk/new"),
        (events, "disk/events"),
        (bins, "disk/bins"),
    ] {
        assert!(
            line.contains(name) && line.contains("Read-only file system"),
            "{line}"
        );
    }
    // What is written elsewhere is whole.
    assert_eq!(place.read("all.ndjson"), place.read("alone.ndjson"));
    // Who cannot keep where it is would send everything again and again, and does not begin.
    assert!(
        shipped.contains("disk/state/r.lock: Read-only file system"),
        "{shipped}"
    );
}
