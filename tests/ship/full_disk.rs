//! A log on a disk of a megabyte, in a mount namespace.

use super::{Arrivals, Place};
use assert_cmd::Command;
use std::fs;

/// A script as root of namespaces of its own; `None` where there can be none, which is said.
fn namespaced(script: &str) -> Option<Command> {
    let words = ["--user", "--map-root-user", "--mount"];
    let tried = std::process::Command::new("unshare");
    let tried = { tried }
        .args(words)
        .args(["mount", "-t", "tmpfs", "none", "/mnt"])
        .output();
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no tmpfs can be mounted in a namespace here");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(words).args(["sh", "-ec", script]);
    Some(command)
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
    let Some(mut command) = namespaced(script) else {
        return;
    };
    let output = command
        .current_dir(place.folder.path())
        .env("MXRAY", env!("CARGO_BIN_EXE_mxray"))
        .output()
        .unwrap();
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
    let Some(mut command) = namespaced(script) else {
        return;
    };
    command
        .current_dir(place.folder.path())
        .env("MXRAY", env!("CARGO_BIN_EXE_mxray"));
    let output = command.output().unwrap();
    let told = place.read("told");
    assert!(output.status.success(), "{told}");
    assert!(
        told.contains("keeping how far it has come: No space left"),
        "{told}"
    );
    arrivals.check_once(10);
}
