//! Packets and losses, to the packet.

use super::frames::{noise, of_captures, of_hosts, query};
use super::{Ended, Network, Sensor, sender};
use nix::sys::signal::Signal::{SIGINT, SIGTERM};
use serde_json::Value;

/// What was received is what was read or told as lost, and of what was read each packet was
/// decoded or told as lost.
fn adds_up(ended: &Ended, matching: u64) {
    let of = |path| ended.total(path);
    let totals = ended.totals();
    assert_eq!(of("/kernel/received"), matching, "{totals}");
    assert_eq!(
        of("/packets/seen") + of("/kernel/dropped"),
        matching,
        "{totals}"
    );
    assert_eq!(
        of("/packets/decoded") + of("/packets/ignored") + of("/packets/shed"),
        of("/packets/seen"),
        "{totals}"
    );
}

#[test]
fn what_was_sent_before_the_end_was_asked_for_is_counted() {
    for by in [SIGTERM, SIGINT] {
        let Some(network) = Network::new() else {
            return;
        };
        let sensor = Sensor::start(&network, "-i near");
        network.send("far", &of_hosts(20_000, query), 1);
        let ended = sensor.end(by);
        adds_up(&ended, 20_000);
        assert_eq!(ended.total("/packets/decoded"), 20_000);
        assert_eq!(ended.total("/hosts/tracked"), 20_000);
        assert_eq!(
            ended.actions().last(),
            Some(&"sensor-stopped"),
            "{:?}",
            ended.actions()
        );
    }
}

#[test]
fn what_is_sent_at_full_speed_is_read_or_told_as_lost() {
    let Some(network) = Network::new() else {
        return;
    };
    // A ring that is far too small, and for a while nobody reads.
    let sensor = Sensor::start(&network, "-i near --ring 1M");
    let mut frames = of_hosts(30_000, query);
    frames.append(&mut of_hosts(10_000, noise));
    sensor.stop(true);
    network.send("far", &frames, 1);
    sensor.stop(false);
    network.send("far", &frames, 9);
    let ended = sensor.end(SIGTERM);
    adds_up(&ended, 300_000);
    assert!(ended.total("/kernel/dropped") > 0, "{}", ended.totals());
}

#[test]
fn what_tcpreplay_sends_is_counted() {
    let Some(network) = Network::new() else {
        return;
    };
    let file = network.path("made.pcap");
    let mut capture = Vec::new();
    let written = mxray::synth::write("fanout-bot", &mut capture).unwrap();
    std::fs::write(&file, capture).unwrap();
    let sensor = Sensor::start(&network, "-i near");
    let mut replay = network.within("tcpreplay");
    let replay = replay.args(["-q", "--topspeed", "-i", "far"]).arg(&file);
    if !replay.output().is_ok_and(|run| run.status.success()) {
        eprintln!("skipped: there is no tcpreplay");
        return;
    }
    adds_up(&sensor.end(SIGTERM), written.packets);
}

/// Of totals what does not depend on who read the packets. Where a host shows more than is
/// judged, how much that is rests on the order, and threads keep that of a flow alone.
fn alike(ended: &Ended) -> Value {
    let mut totals = ended.totals().clone();
    totals["files"].take();
    totals["observations_omitted"].take();
    totals
}

/// DNS by UDP and TCP, mail sessions of several hosts.
const MIXED: [&str; 7] = [
    "study-client-b",
    "fanout-bot",
    "submission-bot",
    "smtp-session",
    "smtp-outcomes",
    "dns-tcp",
    "ordinary-pcs",
];

#[test]
fn threads_that_share_an_interface_count_as_one() {
    let Some(network) = Network::new() else {
        return;
    };
    // Seconds begin at the same packet for all.
    let clock = sender::stamped().unwrap();
    let one = Sensor::start(&network, "-i near");
    let two = Sensor::start(&network, "-i near --fanout 2");
    let four = Sensor::start(&network, "-i near --fanout 4 --workers 2");
    let mut frames = of_captures(&MIXED);
    frames.append(&mut of_hosts(5_000, query));
    network.send("far", &frames, 1);
    drop(clock);
    let one = one.end(SIGTERM);
    assert_eq!(one.total("/kernel/dropped"), 0);
    assert!(one.total("/tcp/connections") > 100);
    for shared in [two, four] {
        assert_eq!(alike(&shared.end(SIGTERM)), alike(&one));
    }
}

#[test]
fn threads_that_begin_in_the_middle_of_traffic_read_no_packet_twice() {
    let Some(network) = Network::new() else {
        return;
    };
    // Each query is of another host, so that one that is read twice shows: as a copy.
    let frames = of_hosts(65_536, query);
    let mut sending = network.sending("far", &frames, 1, 30_000);
    let sensor = Sensor::start(&network, "-i near --fanout 4 --ring 8M");
    assert!(sending.wait().unwrap().success());
    let ended = sensor.end(SIGTERM);
    let of = |path| ended.total(path);
    let totals = ended.totals();
    assert_eq!(of("/duplicates"), 0, "{totals}");
    assert_eq!(of("/packets/seen"), of("/hosts/tracked"), "{totals}");
    assert_eq!(
        of("/packets/seen") + of("/kernel/dropped"),
        of("/kernel/received"),
        "{totals}"
    );
}

#[test]
fn an_end_in_the_middle_of_traffic_adds_up() {
    let Some(network) = Network::new() else {
        return;
    };
    let sensor = Sensor::start(&network, "-i near --fanout 2 --stats 1");
    let mut sending = network.sending("far", &of_hosts(65_536, query), 1, 15_000);
    sensor.until_seen(1_000);
    let ended = sensor.end(SIGTERM);
    sending.kill().unwrap();
    sending.wait().unwrap();
    adds_up(&ended, ended.total("/kernel/received"));
}

#[test]
fn what_came_before_the_filter_does_not_spoil_the_count() {
    let Some(network) = Network::new() else {
        return;
    };
    let mut sending = network.sending("far", &of_hosts(65_536, noise), 1, 30_000);
    let sensor = Sensor::start(&network, "-i near");
    assert!(sending.wait().unwrap().success());
    network.send("far", &of_hosts(100, query), 1);
    adds_up(&sensor.end(SIGTERM), 100);
}

#[test]
fn two_interfaces_count_as_two_sensors_do() {
    let Some(network) = Network::new() else {
        return;
    };
    network.pair("near2", "far2");
    let both = Sensor::start(&network, "-i near -i near2");
    let first = Sensor::start(&network, "-i near");
    let second = Sensor::start(&network, "-i near2");
    network.send("far", &of_captures(&MIXED[..3]), 1);
    network.send("far2", &of_captures(&MIXED[3..]), 1);
    let [both, first, second] = [both, first, second].map(|sensor| sensor.end(SIGTERM));
    for path in [
        "/packets/seen",
        "/packets/decoded",
        "/packets/ignored",
        "/kernel/received",
        "/tcp/connections",
    ] {
        let (first, second) = (first.total(path), second.total(path));
        assert!(
            path == "/packets/ignored" || first > 0 && second > 0,
            "{path}"
        );
        assert_eq!(both.total(path), first + second, "{path}");
    }
}

#[test]
fn tags_fragments_extension_headers_come_as_they_were_sent() {
    for (name, options) in [
        ("link-vlan", ""),
        ("link-ipv6-extensions", ""),
        ("fragments", "--tunnels"),
        ("link-padding", ""),
        ("tunnel-gre", "--tunnels"),
        ("tunnel-vxlan-geneve", "--tunnels"),
        ("tunnel-mpls", "--tunnels"),
        ("tunnel-pppoe-ppp", "--tunnels"),
    ] {
        let Some(network) = Network::new() else {
            return;
        };
        let file = network.path("made.pcap");
        let mut capture = Vec::new();
        mxray::synth::write(name, &mut capture).unwrap();
        std::fs::write(&file, capture).unwrap();
        let sensor = Sensor::start(&network, &format!("-i near {options}"));
        network.send("far", &of_captures(&[name]), 1);
        let ended = sensor.end(SIGTERM);
        let replay = network
            .within(env!("CARGO_BIN_EXE_mxray"))
            .args(["replay", "-q"])
            .arg(&file)
            .output()
            .unwrap();
        let replay = String::from_utf8(replay.stdout).unwrap();
        let replay: Value = serde_json::from_str(replay.lines().last().unwrap()).unwrap();
        for path in ["/packets/decoded", "/reassembled", "/hosts/tracked"] {
            assert_eq!(
                ended.totals().pointer(path),
                replay["mxray"].pointer(path),
                "{name} {path}: {} and in the file {}",
                ended.totals(),
                replay["mxray"]
            );
        }
    }
}

#[test]
fn what_was_lost_stands_in_verdicts() {
    let Some(network) = Network::new() else {
        return;
    };
    let sensor = Sensor::start(&network, "-i near --ring 1M --stats 1");
    sensor.stop(true);
    network.send("far", &of_hosts(40_000, query), 1);
    sensor.stop(false);
    let totals = sensor.until("a loss", |event| {
        event["mxray"]["kernel"]["dropped"].as_u64() > Some(0)
    });
    network.send("far", &of_captures(&["fanout-bot"]), 1);
    let verdict = sensor.until("a verdict", |event| {
        event["event"]["dataset"] == "mxray.verdict"
    });
    let ended = sensor.end(SIGTERM);
    let (dropped, received) = (
        ended.total("/kernel/dropped"),
        ended.total("/kernel/received"),
    );
    let capture = &verdict["mxray"]["capture"];
    assert_eq!(capture["lost"]["kernel_dropped"], dropped, "{totals}");
    // The verdict came before the last packets.
    let share = capture["loss_pct"].as_f64().unwrap();
    let least = f64::from(u32::try_from(100 * dropped / received).unwrap());
    assert!(share >= least && share < least * 1.2, "{share} of {least}");
}

/// The hosts that are told, but those that are told of as a whole.
fn hosts(events: &[Value]) -> impl Iterator<Item = &Value> {
    let events = events.iter();
    events.filter(|event| event["event"]["dataset"] == "mxray.host")
}

#[test]
fn hosts_are_told_with_what_they_did_since() {
    let Some(network) = Network::new() else {
        return;
    };
    let state = network.path("state");
    let line = format!(
        "-i near --hosts --hosts-interval 2 --stats 1 --checkpoint {}",
        state.display()
    );
    let sensor = Sensor::start(&network, &line);
    network.send("far", &of_hosts(30, query), 2);
    let first = sensor.until("a host", |event| event["event"]["dataset"] == "mxray.host");
    assert_eq!(first["event"]["kind"], "metric");
    network.send("far", &of_hosts(20, query), 3);
    let bot = of_captures(&["study-client-b"]);
    network.send("far", &bot, 1);
    sensor.until("a verdict", |event| event["mxray"]["state"] == "new");
    let mut events = sensor.end(SIGTERM).events;
    let verdicts = |events: &[Value]| -> Vec<String> {
        let events = events.iter().map(|event| &event["mxray"]["state"]);
        let states = events.filter_map(Value::as_str);
        states.map(str::to_owned).collect()
    };
    assert_eq!(verdicts(&events).first().map(String::as_str), Some("new"));
    assert!(!verdicts(&events).contains(&"closed".to_owned()));
    // What was told is not told again after a restart, and an episode goes on.
    let sensor = Sensor::start(&network, &line);
    network.send("far", &of_hosts(10, query), 1);
    network.send("far", &bot[..2], 1);
    let mut more = sensor.end(SIGTERM).events;
    assert!(!verdicts(&more).contains(&"new".to_owned()));
    events.append(&mut more);
    let mut queries = std::collections::BTreeMap::<&str, u64>::new();
    let mut span = std::collections::BTreeSet::new();
    for event in hosts(&events) {
        let host = event["source"]["ip"].as_str().unwrap();
        if !host.starts_with("10.") {
            continue;
        }
        *queries.entry(host).or_default() +=
            event["mxray"]["dns"]["queries"]["total"].as_u64().unwrap();
        let [start, end] = ["start", "end"].map(|edge| event["event"][edge].as_str().unwrap());
        assert!(start < end, "{event}");
        span.insert((start, end));
    }
    let mut counts: Vec<_> = queries.into_values().collect();
    counts.sort_unstable();
    let expected = [vec![2; 10], vec![5; 10], vec![6; 10]].concat();
    assert_eq!(counts, expected);
    // Periods follow each other.
    let span: Vec<_> = span.into_iter().collect();
    assert!(
        span.is_sorted_by(|(_, end), (start, _)| end <= start),
        "{span:?}"
    );
}
