//! A disk that takes nothing: of what is kept beside events, that is told and ends nothing.

use super::frames::{of_captures, of_hosts, query};
use super::{Network, Sensor, patiently};
use nix::sys::signal::Signal::SIGTERM;
use std::fs;

/// What a disk is at which a sensor keeps packets and states.
struct Disk {
    /// Makes it so; a script in the mount namespace that the sensor has with its network. `$1` is
    /// the folder, `$2` a file that is to be there once it is so.
    script: &'static str,
    /// What is said of it.
    error: &'static str,
}

const FULL: Disk = Disk {
    script: "mount -t tmpfs -o size=64k,mode=777 none $1
        dd if=/dev/zero of=$1/other bs=1k count=100 2>/dev/null || true
        touch $2",
    error: "No space left",
};

/// As file systems become where a disk fails: after a first state was kept.
const READ_ONLY: Disk = Disk {
    script: "mount -t tmpfs -o mode=777 none $1
        (until [ -e $1/state ] && mount -o remount,ro $1; do sleep .05; done; touch $2) 2>/dev/null &",
    error: "Read-only file system",
};

fn goes_on_without(disk: &Disk) {
    let Some(network) = Network::new() else {
        return;
    };
    let (folder, ready) = (network.path("disk"), network.path("ready"));
    fs::create_dir(&folder).unwrap();
    let disk_at = folder.display();
    let before = format!(
        "set -- {disk_at} {} \"$@\"\n{}\nshift 2",
        ready.display(),
        disk.script
    );
    let line = format!(
        "-i near --stats 1 --write {disk_at} --checkpoint {disk_at}/state --checkpoint-interval 1"
    );
    let sensor = Sensor::behind(&network, &before, &line);
    patiently("the disk to be so", || ready.exists());
    let bot = of_captures(&["fanout-bot"]);
    network.send("far", &bot, 1);
    sensor.until_seen(bot.len() as u64);
    sensor.until("a verdict", |event| {
        super::sensor::action(event) == "host-convicted"
    });
    let frames = of_hosts(1_000, query);
    network.send("far", &frames, 1);
    let sent = (bot.len() + frames.len()) as u64;
    sensor.until_seen(sent);
    let ended = sensor.end(SIGTERM);
    assert_eq!(ended.total("/packets/seen"), sent);
    let of_states = format!("checkpoint: not written: {disk_at}/state: {}", disk.error);
    let said = |what: &str| {
        let lines = ended.stderr.lines();
        let lines = lines.filter(|line| line.contains(what) && line.contains(disk.error));
        lines.count()
    };
    assert!(said(&of_states) > 0, "{}", ended.stderr);
    // The folder of packets, once.
    let packets = said("") - said(&of_states);
    assert_eq!(packets, 1, "{}", ended.stderr);
}

#[test]
fn without_room_for_packets_and_states_it_goes_on() {
    goes_on_without(&FULL);
}

#[test]
fn when_the_disk_of_packets_and_states_becomes_read_only_it_goes_on() {
    goes_on_without(&READ_ONLY);
}
