//! Interfaces that go and come, links that are silent.

use super::frames::{of_hosts, query};
use super::sensor::action;
use super::{Network, Sensor};
use nix::sys::signal::Signal::SIGTERM;
use serde_json::Value;

/// Whether an event says so of the interface, in its state.
fn says(event: &Value, what: &str, state: &str) -> bool {
    action(event) == what && event["mxray"]["interfaces"][0]["state"] == state
}

#[test]
fn an_interface_that_is_made_again_is_read_again() {
    let Some(network) = Network::new() else {
        return;
    };
    let sensor = Sensor::start(&network, "-i near --stats 1");
    network.send("far", &of_hosts(100, query), 1);
    sensor.until_seen(100);
    network.ip("link del near");
    sensor.until("that it is gone", |event| {
        says(event, "interface-down", "gone")
    });
    network.pair("near", "far");
    sensor.until("that it is back", |event| says(event, "interface-up", "up"));
    network.send("far", &of_hosts(50, query), 1);
    let ended = sensor.end(SIGTERM);
    assert_eq!(ended.total("/packets/seen"), 150);
    assert_eq!(ended.total("/kernel/received"), 150);
    assert_eq!(
        ended.actions(),
        [
            "sensor-started",
            "interface-down",
            "interface-up",
            "sensor-stopped"
        ]
    );
}

#[test]
fn what_came_before_an_interface_went_is_counted() {
    let Some(network) = Network::new() else {
        return;
    };
    let sensor = Sensor::start(&network, "-i near");
    // More than are read between two looks at the interface, and all of it before it goes.
    sensor.stop(true);
    network.send("far", &of_hosts(50_000, query), 2);
    network.ip("link del near");
    sensor.stop(false);
    sensor.until("that it is gone", |event| {
        says(event, "interface-down", "gone")
    });
    let ended = sensor.end(SIGTERM);
    let of = |path| ended.total(path);
    assert_eq!(of("/kernel/received"), 100_000, "{}", ended.totals());
    assert_eq!(
        of("/packets/seen") + of("/kernel/dropped"),
        100_000,
        "{}",
        ended.totals()
    );
}

#[test]
fn an_interface_that_was_down_is_read_on() {
    let Some(network) = Network::new() else {
        return;
    };
    let sensor = Sensor::start(&network, "-i near --stats 1");
    network.send("far", &of_hosts(100, query), 1);
    sensor.until_seen(100);
    network.ip("link set near down");
    sensor.until("that it is down", |event| {
        says(event, "interface-down", "down")
    });
    network.ip("link set near up");
    sensor.until("that it is up", |event| says(event, "interface-up", "up"));
    network.send("far", &of_hosts(50, query), 1);
    let ended = sensor.end(SIGTERM);
    assert_eq!(ended.total("/packets/seen"), 150);
    assert_eq!(ended.total("/kernel/received"), 150);
}

#[test]
fn an_interface_that_appears_later_is_waited_for() {
    let Some(network) = Network::empty() else {
        return;
    };
    let sensor = Sensor::start(&network, "-i near");
    let said = sensor.stderr();
    assert!(
        said.contains("near: there is no such interface; waiting for it"),
        "{said}"
    );
    network.pair("near", "far");
    sensor.until("that it is up", |event| says(event, "interface-up", "up"));
    network.send("far", &of_hosts(50, query), 1);
    let ended = sensor.end(SIGTERM);
    assert_eq!(ended.total("/packets/seen"), 50);
}

#[test]
fn on_a_silent_link_totals_come_by_the_clock() {
    let Some(network) = Network::new() else {
        return;
    };
    let sensor = Sensor::start(&network, "-i near --stats 1");
    let totals = || {
        let events = sensor.events().into_iter();
        events.filter(|event| event["event"]["dataset"] == "mxray.stats")
    };
    super::patiently("three totals", || totals().count() >= 3);
    assert!(totals().all(|event| event["mxray"]["packets"]["seen"] == 0));
    let mut times: Vec<_> = totals()
        .map(|event| event["@timestamp"].to_string())
        .collect();
    times.dedup();
    assert!(times.len() >= 3 && times.is_sorted(), "{times:?}");
    sensor.end(SIGTERM);
}
