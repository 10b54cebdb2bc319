//! What needs no receiver: the log of a replay, what would be sent, what is wrong.

use super::Place;
use std::fs;

#[test]
fn the_log_of_a_replay_is_its_output() {
    let place = Place::new();
    let mut capture = fs::File::create(place.path("a.pcap")).unwrap();
    mxray::synth::write("study-client-b", &mut capture).unwrap();
    let run = |line: &str| {
        let output = place.mxray(line).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{told}");
        (String::from_utf8(output.stdout).unwrap(), told)
    };
    let (plain, _) = run("replay -q a.pcap");
    let (both, told) = run("replay -q --log events -o - a.pcap");
    assert_eq!((both, told), (plain.clone(), String::new()));
    assert_eq!(place.segment("events"), plain);
    // Without -o the log alone has it; a second run goes on in a segment of its own.
    let (nothing, _) = run("replay -q --log events a.pcap");
    assert_eq!(nothing, "");
    let segments = place.segments("events");
    assert_eq!(segments.len(), 2);
    assert_eq!(place.read(&format!("{}.ndjson", segments[1])), plain);
    let index = place.read(&format!("{}.index", segments[1]));
    // How many batches there are is a matter of time.
    let mut lines = index.lines();
    let events = plain.lines().count();
    assert_eq!(lines.next(), Some(&*format!("mxray-index 1 {events}")));
    let batches: Vec<Vec<_>> = lines.map(|line| line.split(' ').collect()).collect();
    let sum = |place: usize| {
        let numbers = batches.iter().map(|batch| batch[place].parse::<usize>());
        numbers.map(Result::unwrap).sum::<usize>()
    };
    assert_eq!((batches[0][0], sum(1), sum(2)), ("0", plain.len(), events));
}

#[test]
fn a_log_that_cannot_be_is_told_before_anything_is_read() {
    let place = Place::new();
    place.write("file", "");
    for (line, status, what) in [
        (
            "replay --log file a.pcap",
            1,
            "opening the event log file: ",
        ),
        // This test writes to it.
        (
            "replay --log log a.pcap",
            1,
            "opening the event log log: another mxray writes to it",
        ),
        ("replay --log-size 2G a.pcap", 2, "--log-size: wants --log"),
        (
            "replay --log a --log-size 1K a.pcap",
            2,
            "--log-size: `1K` is less than 1M",
        ),
        (
            "replay --log a --log-segment 1G a.pcap",
            2,
            "--log-segment: `1G` is not from 64K to a quarter",
        ),
    ] {
        let output = place.mxray(line).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{line}: {told}");
        assert!(told.contains(what), "{line}: {told}");
    }
}

#[test]
fn a_dry_run_shows_what_would_be_sent_and_keeps_nothing() {
    let place = Place::with(3);
    place.write("token", "t0k3n");
    let show = |to: &str| {
        let line = format!("ship --log log --token-file token --dry-run --to {to}");
        let output = place.mxray(&line).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(
            !shown.contains("t0k3n") && !told.contains("t0k3n"),
            "{shown}{told}"
        );
        shown
    };
    let events = place.segment("log");
    let first = events.lines().next().unwrap();
    let syslog = show("syslog+tcp://log.example");
    let head = "<131>1 2005-02-25T09:00:00.000000Z north mxray - mxray.verdict - ";
    assert!(syslog.starts_with(&format!("{head}{first}\n")), "{syslog}");
    let bulk = show("opensearch+http://os.example");
    let action = r#"{"create":{"_index":"logs-mxray.verdict-default","_id":"id0"}}"#;
    assert!(bulk.starts_with(&format!("{action}\n{first}\n")), "{bulk}");
    let hec = show("splunk+http://splunk.example");
    assert!(
        hec.starts_with("{\"time\":1109322000.000000,\"host\":\"north\","),
        "{hec}"
    );
    assert_eq!(
        [
            syslog.lines().count(),
            bulk.lines().count(),
            hec.lines().count()
        ],
        [3, 6, 3]
    );
    assert!(!place.path("log/ship").exists());
}

#[test]
fn a_reader_that_closes_the_pipe_ends_a_dry_run_quietly() {
    let place = Place::with(20_000);
    let mut command = place.mxray("ship --log log --to syslog+udp://log.example --dry-run -q");
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn what_is_wrong_is_one_line_that_says_where() {
    let place = Place::new();
    place.write("empty", "\n");
    for (config, what) in [
        (
            "log = 'log'",
            "--to: is given, and [[receiver]] in the config file, not once",
        ),
        (
            "[[receiver]]\nto = 'syslog+udp://a'",
            "--log: is given neither here nor in",
        ),
        (
            "lug = 'log'",
            "ship.toml:1: unknown key `lug` (did you mean `log`?)",
        ),
        (
            "log = 'log'\n[[receiver]]\nname = 'a'",
            "ship.toml:2: [[receiver]] has no `to`",
        ),
        (
            "log = 'log'\n[[receiver]]\nto = 'http://a'",
            "ship.toml:3: to: `http` is none of syslog+unix",
        ),
        (
            "[[receiver]]\nto = 'splunk+http://a'\ntoken-file = 'none'",
            "ship.toml:3: token-file: reading none: ",
        ),
        (
            "[[receiver]]\nto = 'splunk+http://a'\ntoken-file = 'empty'",
            "ship.toml:3: token-file: empty holds no line",
        ),
        (
            "[[receiver]]\nto = 'splunk+http://a'\ntoken-env = 'NONE'",
            "ship.toml:3: token-env: there is no environment variable `NONE`",
        ),
        (
            "[[receiver]]\nto = 'splunk+http://a'\nuser = 'u'",
            "ship.toml:3: user: wants password-file",
        ),
        (
            "[[receiver]]\nto = 'splunk+http://a'\ntls-cert = 'u'",
            "ship.toml:3: tls-cert: wants tls-key",
        ),
        (
            "[[receiver]]\nto = 'splunk+http://a'\ntoken = 'secret'",
            "ship.toml:3: unknown key `token` in [[receiver]]",
        ),
        (
            "[[receiver]]\nto = 'splunk+http://a'\nname = '../a'",
            "ship.toml:3: name: wants letters",
        ),
        (
            "[[receiver]]\nto = 'splunk+http://a'\nbatch-wait = '2 fortnights'",
            "ship.toml:3: batch-wait: wants a time",
        ),
        (
            "[[receiver]]\nto = 'splunk+http://a'\nbatch-size = '1T'",
            "ship.toml:3: batch-size: wants a size up to 64M",
        ),
        (
            "[[receiver]]\nto = 'syslog+udp://a'\n[[receiver]]\nto = 'syslog+udp://a'",
            "ship.toml:4: to: there are two receivers",
        ),
    ] {
        place.write("ship.toml", config);
        let output = place
            .mxray("ship --config ship.toml --once")
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{config}: {told}");
        assert!(
            told.contains(what) && told.lines().count() == 1,
            "{config}: {told}"
        );
        assert!(!told.contains("secret"), "{told}");
    }
    let url = "ship --log log --to splunk+https://user:secret@splunk.example";
    let output = place.mxray(url).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told.contains("--to: credentials do not belong into a URL") && !told.contains("secret"),
        "{told}"
    );
}

#[test]
fn the_example_is_valid_and_secrets_come_from_the_environment() {
    let place = Place::with(2);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/ship.toml");
    let mut command = place.mxray("ship --log log --state none --dry-run --config");
    command
        .arg(example)
        .env("OPENSEARCH_PASSWORD", "one")
        .env("SPLUNK_TOKEN", "two");
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("would be sent").count(), 3, "{told}");
    let shown = String::from_utf8(output.stdout).unwrap();
    // Two lines, two with their actions, two.
    assert_eq!(shown.lines().count(), 8, "{shown}");
}

#[test]
fn a_log_that_is_not_there_is_told_and_not_made() {
    let place = Place::new();
    let output = place
        .mxray("ship --log none --to syslog+udp://127.0.0.1 --once")
        .output();
    let output = output.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("none/ship: No such file or directory"),
        "{told}"
    );
    assert!(!place.path("none").exists());
}

#[test]
fn two_at_once_for_the_same_receiver_are_one_too_many() {
    let mut place = Place::new();
    place.events(1);
    place.receiver("syslog+tcp://127.0.0.1:1", "");
    let _shipper = place.start();
    place.wait_told("it is tried again");
    let told = place.once(1);
    assert!(
        told.contains("another mxray delivers to this receiver"),
        "{told}"
    );
}
