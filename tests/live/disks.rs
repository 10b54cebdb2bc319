//! A disk that takes nothing: of what is kept beside events, that is told and ends nothing.

use super::frames::{of_captures, of_hosts, query};
use super::{Network, Sensor};
use nix::sys::signal::Signal::SIGTERM;
use std::fs;

#[test]
fn without_room_for_packets_and_states_it_goes_on() {
    let Some(network) = Network::new() else {
        return;
    };
    let folder = network.path("disk");
    fs::create_dir(&folder).unwrap();
    let disk = folder.display();
    // In the mount namespace that the sensor has with its network.
    let before = format!(
        "mount -t tmpfs -o size=64k,mode=777 none {disk}
         dd if=/dev/zero of={disk}/other bs=1k count=100 2>/dev/null || true"
    );
    let line = format!(
        "-i near --stats 1 --write {disk} --checkpoint {disk}/state --checkpoint-interval 1"
    );
    let sensor = Sensor::behind(&network, &before, &line);
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
    let said = |what: &str| {
        let lines = ended.stderr.lines();
        let lines = lines.filter(|line| line.contains(what) && line.contains("No space left"));
        lines.count()
    };
    assert!(said("checkpoint") > 0, "{}", ended.stderr);
    // The folder of packets, once.
    let packets = said("") - said("checkpoint");
    assert_eq!(packets, 1, "{}", ended.stderr);
}
