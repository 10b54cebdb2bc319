//! What a killed process leaves for the next one, and a reload under load.

use super::frames::{of_captures, of_hosts, query};
use super::logged::logged;
use super::sensor::action;
use super::{Network, Sensor, patiently};
use nix::sys::signal::Signal::{SIGHUP, SIGKILL, SIGTERM};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

/// The lines of a file of events; each must be whole.
fn events(text: &str) -> Vec<Value> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn seen(event: &Value) -> Option<u64> {
    event["mxray"]["packets"]["seen"].as_u64()
}

#[test]
fn a_kill_costs_an_interval_and_no_event() {
    let Some(network) = Network::new() else {
        return;
    };
    let kills = std::env::var("MXRAY_LIVE_KILLS");
    let kills: u64 = kills.map_or(3, |kills| kills.parse().unwrap());
    let folder = network.path("kept");
    fs::create_dir(&folder).unwrap();
    // For whomever it becomes.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let (file, state) = (folder.join("events"), folder.join("state"));
    let line = format!(
        "-i near --stats 1 -o {} --checkpoint {} --checkpoint-interval 1",
        file.display(),
        state.display()
    );
    let read = || fs::read_to_string(&file).unwrap_or_default();
    let worm = of_captures(&["study-client-b"]);
    let mut before = String::new();
    for run in 0..kills {
        let sensor = Sensor::begin(&network, &line);
        let is_started = |event: &&Value| action(event) == "sensor-started";
        patiently("it to start", || {
            events(&read()).iter().filter(is_started).count() as u64 == run + 1
        });
        let told = events(&before).iter().filter_map(seen).max().unwrap_or(0);
        if run == 0 {
            network.send("far", &worm, 1);
        }
        let frames = of_hosts(500, query);
        network.send("far", &frames, 1);
        // Of what was told, the state is in the file.
        patiently("what was sent to be told", || {
            let now = events(&read()).iter().filter_map(seen).max();
            now >= Some(told + frames.len() as u64)
        });
        for process in sensor.processes() {
            let _ = kill(Pid::from_raw(process.cast_signed()), SIGKILL);
        }
        drop(sensor);
        let now = read();
        assert!(now.starts_with(&before), "what was written stays");
        before = now;
    }
    let sensor = Sensor::begin(&network, &line);
    patiently("it to start", || read().len() > before.len());
    // The launcher tells the child of it only when there is one.
    let ended = sensor.end(SIGTERM);
    assert!(!ended.stderr.contains("not used"), "{}", ended.stderr);
    let events = events(&read());
    // Counts go on where they were, and never back.
    let counts: Vec<u64> = events.iter().filter_map(seen).collect();
    assert!(counts.is_sorted(), "{counts:?}");
    let sent = worm.len() as u64 + 500 * kills;
    assert_eq!(counts.last(), Some(&sent));
    // The worm's episode is one, counted on, and still open.
    let verdicts: Vec<&Value> = events.iter().filter(|it| it["rule"].is_object()).collect();
    let of_worm = |event: &&&Value| event["source"]["ip"] == "192.0.2.2";
    let mut verdicts: Vec<_> = verdicts.iter().filter(of_worm).collect();
    // What was told after the state was kept is told again, as the same.
    let mut ids = BTreeSet::new();
    verdicts.retain(|verdict| ids.insert(verdict["event"]["id"].to_string()));
    assert!(!verdicts.is_empty());
    for (number, verdict) in (1..).zip(&verdicts) {
        assert_eq!(
            verdict["mxray"]["episode"]["id"],
            verdicts[0]["mxray"]["episode"]["id"]
        );
        assert_eq!(verdict["mxray"]["episode"]["sequence"], number);
        assert_ne!(verdict["mxray"]["state"], "closed");
    }
}

#[test]
fn killed_at_any_moment_it_keeps_what_it_told_and_no_state_is_torn() {
    let Some(network) = Network::new() else {
        return;
    };
    let kills = std::env::var("MXRAY_LIVE_KILLS");
    let kills: u64 = kills.map_or(3, |kills| kills.parse().unwrap());
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let folder = network.path("kept");
    let (log, state) = (folder.join("log"), folder.join("state"));
    for path in [&folder, &log] {
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let line = format!(
        "-i near --stats 1 --log {} --checkpoint {} --checkpoint-interval 1",
        log.display(),
        state.display()
    );
    let frames = of_hosts(2_000, query);
    let mut before = Vec::new();
    for run in 0..=kills {
        let sensor = Sensor::begin(&network, &line);
        patiently("it to start", || logged(&log).len() > before.len());
        let mut sending = network.sending("far", &frames, 2, 2_000);
        if run == kills {
            patiently("the sender", || sending.try_wait().unwrap().is_some());
            let ended = sensor.end(SIGTERM);
            // What was read, and no word of a state that is none.
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
            assert!(ended.stderr.contains(" packets read, "), "{}", ended.stderr);
            break;
        }
        // Any moment of two seconds, in which events and a state are written.
        let millis = seed.wrapping_mul(run + 1).wrapping_mul(0x9e37_79b9) >> 8;
        std::thread::sleep(Duration::from_millis(millis % 2_000));
        let held = logged(&log);
        for process in sensor.processes() {
            let _ = kill(Pid::from_raw(process.cast_signed()), SIGKILL);
        }
        // Of an earlier state nothing was wrong.
        assert_eq!(sensor.stderr(), "");
        drop(sensor);
        let _ = sending.kill();
        sending.wait().unwrap();
        let now = logged(&log);
        assert!(now.starts_with(&held) && now.starts_with(&before));
        before = now;
    }
    let lines = logged(&log);
    assert!(lines.starts_with(&before));
    for line in &lines {
        serde_json::from_slice::<Value>(line).unwrap();
    }
}

#[test]
fn a_checkpoint_that_is_torn_is_set_aside() {
    let Some(network) = Network::new() else {
        return;
    };
    let folder = network.path("kept");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let state = folder.join("state");
    let line = format!("-i near --checkpoint {}", state.display());
    let sensor = Sensor::start(&network, &line);
    network.send("far", &of_hosts(100, query), 1);
    assert_eq!(sensor.end(SIGTERM).total("/packets/seen"), 100);
    let whole = fs::read(&state).unwrap();
    fs::write(&state, &whole[..whole.len() / 2]).unwrap();
    let sensor = Sensor::start(&network, &line);
    let ended = sensor.end(SIGTERM);
    assert!(ended.stderr.contains("it is torn"), "{}", ended.stderr);
    assert_eq!(ended.total("/packets/seen"), 0);
    assert_eq!(
        fs::read(folder.join("state.refused")).unwrap().len(),
        whole.len() / 2
    );
}

#[test]
fn a_reload_under_load_loses_nothing() {
    let Some(network) = Network::new() else {
        return;
    };
    let folder = network.path("site");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let (file, inventory) = (folder.join("events"), folder.join("inventory.toml"));
    let valid = "[[host]]\nnet = \"192.0.2.9/32\"\nrole = \"mail-server\"\n";
    // What the option names is a link into another folder.
    let elsewhere = network.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("hosts.toml"), valid).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("hosts.toml"), &inventory).unwrap();
    let line = format!(
        "-i near --stats 1 -o {} --inventory {}",
        file.display(),
        inventory.display()
    );
    let sensor = Sensor::begin(&network, &line);
    let read = |path: &Path| events(&fs::read_to_string(path).unwrap_or_default());
    let has = |path: &Path, what: &str| read(path).iter().any(|it| action(it) == what);
    patiently("it to start", || has(&file, "sensor-started"));
    let hup = || kill(Pid::from_raw(sensor.id().cast_signed()), SIGHUP).unwrap();
    let frames = of_hosts(20_000, query);
    network.send("far", &frames, 1);
    let aside = folder.join("events.1");
    fs::rename(&file, &aside).unwrap();
    hup();
    network.send("far", &frames, 1);
    patiently("it to reload", || has(&file, "config-reloaded"));
    fs::write(
        &inventory,
        "[[host]]\nnet = \"192.0.2.9/32\"\nrole = \"zebra\"\n",
    )
    .unwrap();
    hup();
    network.send("far", &frames, 1);
    patiently("it to refuse", || has(&file, "config-refused"));
    let refused = read(&file);
    let refused = refused
        .iter()
        .find(|it| action(it) == "config-refused")
        .unwrap();
    let reason = refused["event"]["reason"].as_str().unwrap();
    assert!(reason.contains("inventory.toml:3"), "{reason}");
    sensor.end(SIGTERM);
    let last = read(&file);
    let last = last.iter().rfind(|it| seen(it).is_some()).unwrap();
    assert_eq!(seen(last), Some(60_000));
    assert_eq!(last["mxray"]["kernel"]["received"], 60_000);
}
