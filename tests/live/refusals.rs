//! What is refused, listed or warned of at the beginning.

use super::{Network, Sensor};
use nix::sys::signal::Signal::SIGTERM;
use std::process::Command;

#[test]
fn interfaces_are_listed() {
    let Some(network) = Network::new() else {
        return;
    };
    network.ip("link set near down");
    let list = network
        .within(env!("CARGO_BIN_EXE_mxray"))
        .args(["live", "-D"])
        .output()
        .unwrap();
    assert!(list.status.success());
    let list = String::from_utf8(list.stdout).unwrap();
    let lines = list.lines().map(str::split_whitespace);
    let states: Vec<_> = lines
        .map(|mut words| (words.next().unwrap(), words.next().unwrap()))
        .collect();
    assert!(states.contains(&("near", "down")), "{list}");
    assert!(states.contains(&("any", "up")), "{list}");
}

#[test]
fn without_the_right_to_read_packets_one_sentence_says_what_to_do() {
    let Some(network) = Network::new() else {
        return;
    };
    if Command::new("setpriv").arg("--version").output().is_err() {
        eprintln!("skipped: there is no setpriv");
        return;
    }
    for who in [
        "--reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all",
        "--bounding-set -all --inh-caps -all",
    ] {
        let run = network
            .within("setpriv")
            .args(who.split(' '))
            .arg(env!("CARGO_BIN_EXE_mxray"))
            .args(["live", "-i", "near"])
            .output()
            .unwrap();
        let said = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.contains("near") && said.contains("CAP_NET_RAW"),
            "{said}"
        );
        assert!(run.stdout.is_empty());
    }
}

#[test]
fn merged_packets_are_warned_of_with_the_command_that_ends_it() {
    let Some(network) = Network::new() else {
        return;
    };
    let set = |what| {
        network
            .within("ethtool")
            .args(["-K", "near", "gro", what])
            .output()
    };
    if !set("on").is_ok_and(|run| run.status.success()) {
        eprintln!("skipped: there is no ethtool, or it cannot turn GRO on");
        return;
    }
    let sensor = Sensor::start(&network, "-i near");
    let said = sensor.end(SIGTERM).stderr;
    assert!(said.contains("ethtool -K near gro off"), "{said}");
    assert!(set("off").unwrap().status.success());
    let sensor = Sensor::start(&network, "-i near");
    let said = sensor.end(SIGTERM).stderr;
    assert!(!said.contains("ethtool"), "{said}");
}

#[test]
fn a_wrong_filter_is_refused() {
    let Some(network) = Network::new() else {
        return;
    };
    let sensor = Sensor::begin(&network, "-i near --filter prot");
    let (status, said) = sensor.status();
    assert!(matches!(status, Some(1 | 2)), "{status:?} {said}");
    assert!(said.contains("prot"), "{said}");
}
