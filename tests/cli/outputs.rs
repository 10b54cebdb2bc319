use super::*;
use std::collections::BTreeMap;
use std::process::Stdio;

#[test]
fn statuses_say_what_happened() {
    let place = Place::with("study-client-b");
    place.write("a.pcap", capture("study-client-a"));
    place.run("replay -q study-client-b.pcap", 0);
    place.run("replay -q --exit-code study-client-b.pcap", 10);
    place.run("replay -q --exit-code a.pcap", 0);
    place.run("replay -q --exit-code study-client-b.pcap missing", 1);
    place.run("replay -q --exit-code --workers 0 study-client-b.pcap", 2);
    place.run("replay --frobnicate study-client-b.pcap", 2);
    // A conviction that nobody is told of is a conviction.
    place.write("mute.toml", "[[suppress]]\nnet = \"192.0.2.2\"\n");
    place.run(
        "replay -q --exit-code --inventory mute.toml study-client-b.pcap",
        10,
    );
}

#[test]
fn people_read_standard_error_and_quiet_silences_it() {
    let place = Place::with("study-client-b");
    let run = place.run("replay study-client-b.pcap", 0);
    let expected = "\
HOST       LEVEL      CLASS    SINCE (UTC)          WHY
192.0.2.2  likely     gen2-mx  2003-08-19 08:59:21  looked up the mail exchangers of 66 domains \
within a day; it made none of a mail server's other lookups (reverse names, sender policies, block \
lists) beside 179 MX queries; it asked again for the exchangers of 44 domains, as an engine does for \
each address on its list
452 packets, 452 decoded, 1 host, 1 convicted
";
    assert_eq!(run.stderr, expected);
    let quiet = place.run("replay -q study-client-b.pcap", 0);
    assert_eq!(quiet.stderr, "");
    assert_eq!(quiet.stdout, run.stdout);
}

#[test]
fn verbose_says_what_was_passed_over() {
    let place = Place::with("one-packet");
    place.write("notes.txt", "no capture at all");
    let said = |line: &str| place.run(line, 0).stderr.contains("notes.txt");
    assert!(!said("replay ."));
    assert!(said("replay -v ."));
    assert!(said("replay -vv ."));
    assert!(!place.run("replay -vv .", 0).stdout.contains("notes.txt"));
}

#[test]
fn two_runs_give_the_same_octets() {
    let place = Place::with("study-client-e");
    let line = "replay -q --hosts=all --stats 600 --bins bins study-client-e.pcap";
    let first = place.run(line, 0).stdout;
    let bins = place.read("bins");
    assert_eq!(place.run(line, 0).stdout, first);
    assert_eq!(place.read("bins"), bins);
    let workers = place.run(&format!("{line} --workers 3"), 0);
    assert_eq!(workers.stdout, first);
    assert_eq!(place.read("bins"), bins);
    // Also without packet time the event is the same one.
    place.write("empty.pcap", capture("empty"));
    let id = || place.run("replay -q empty.pcap", 0).events()[0]["event"]["id"].clone();
    assert_eq!(id(), id());
}

#[test]
fn without_packets_the_time_is_that_on_the_wall() {
    let place = Place::with("empty");
    let before = jiff::Timestamp::now().as_second();
    let event = place.run("replay -q empty.pcap", 0).events().remove(0);
    let time: jiff::Timestamp = event["@timestamp"].as_str().unwrap().parse().unwrap();
    assert!((before..=before + 60).contains(&time.as_second()));
    assert_eq!(event["mxray"]["time_source"], "wall");
    assert_eq!(event["mxray"]["files"], 1);
}

#[test]
fn output_goes_to_a_file() {
    let place = Place::with("study-client-b");
    let expected = place.run("replay -q study-client-b.pcap", 0).stdout;
    place.write(
        "events",
        "what was there before, and is longer than nothing",
    );
    let run = place.run("replay -q -o events study-client-b.pcap", 0);
    assert_eq!(run.stdout, "");
    assert_eq!(place.read("events"), expected);
    assert_eq!(
        place.run("replay -q -o - study-client-b.pcap", 0).stdout,
        expected
    );

    let run = place.run("replay -q -o no/such/folder study-client-b.pcap", 1);
    assert!(
        run.stderr.starts_with("mxray: creating no/such/folder: "),
        "{}",
        run.stderr
    );
    let run = place.run("replay -q -o study-client-b.pcap study-client-b.pcap", 2);
    assert!(
        run.stderr.starts_with("mxray: --output: "),
        "{}",
        run.stderr
    );
    assert_eq!(
        fs::read(place.path("study-client-b.pcap")).unwrap(),
        capture("study-client-b")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let place = Place::with("study-client-b");
    for (line, name) in [
        ("replay -q -o /dev/full study-client-b.pcap", "/dev/full"),
        (
            "replay -q --bins /dev/full study-client-b.pcap",
            "/dev/full",
        ),
        ("synth one-packet -o /dev/full", "/dev/full"),
    ] {
        let run = place.run(line, 1);
        assert!(
            run.stderr.starts_with(&format!("mxray: writing {name}: ")),
            "{}",
            run.stderr
        );
        assert!(
            run.stderr.contains("No space left on device"),
            "{}",
            run.stderr
        );
    }
    for line in [
        "replay -q study-client-b.pcap",
        "explain 192.0.2.2 study-client-b.pcap",
        "schema",
        "check",
        "synth --list",
        "synth one-packet -o -",
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let run = plain(&place, line).stdout(full).output().unwrap();
        assert_eq!(run.status.code(), Some(1), "{line}");
        let stderr = String::from_utf8(run.stderr).unwrap();
        assert!(
            stderr.starts_with("mxray: writing standard output: "),
            "{line}: {stderr}"
        );
    }
}

/// The same command line for what `assert_cmd` cannot do.
fn plain(place: &Place, line: &str) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mxray"));
    command.current_dir(place.0.path());
    command.args(line.split_whitespace()).stderr(Stdio::piped());
    command
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let place = Place::with("study-day");
    for line in [
        "replay --hosts=all study-day.pcap",
        "explain 192.0.2.6 study-day.pcap",
        "schema",
        "check",
        "synth --list",
        "synth study-day -o -",
    ] {
        let mut child = plain(&place, line).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let run = child.wait_with_output().unwrap();
        assert_eq!(run.status.code(), Some(0), "{line}");
        assert_eq!(String::from_utf8(run.stderr).unwrap(), "", "{line}");
    }
}

#[test]
fn totals_come_at_intervals_of_packet_time() {
    let place = Place::with("second-edges");
    let run = place.run("replay -q --stats 60 second-edges.pcap", 0);
    let told: Vec<_> = run
        .events()
        .iter()
        .map(|event| {
            let time = event["@timestamp"].as_str().unwrap().to_owned();
            (time, event["mxray"]["packets"]["seen"].as_u64().unwrap())
        })
        .collect();
    // Where a packet begins another minute; three empty years are not told minute by minute.
    let expected = [
        ("2026-01-05T00:01:00.000000Z", 6),
        ("2026-01-05T00:59:00.000000Z", 7),
        ("2026-01-05T01:00:00.000000Z", 8),
        ("2029-01-05T00:00:00.000000Z", 9),
        ("2029-01-05T00:00:00.999999Z", 11),
    ];
    assert_eq!(told, expected.map(|(time, seen)| (time.to_owned(), seen)));
    for stats in ["0", "86401", "1.5", "-1"] {
        place.run(&format!("replay -q --stats={stats} second-edges.pcap"), 2);
    }
}

/// Counts of a second: t, exact, numbered, prefix, MX, PTR, AAAA, other.
type Bin = [u64; 8];

/// What the bins must be, by a reader that knows nothing but Ethernet, IPv4 without options,
/// UDP and names without pointers, which is all that these captures hold.
fn naive_bins(capture: &[u8]) -> BTreeMap<(u32, String), Bin> {
    const KEYWORDS: [&str; 7] = ["mxs", "mx", "ns", "mail", "smtp", "gate", "relay"];
    let mut bins = BTreeMap::<_, Bin>::new();
    for record in records(capture) {
        let second = u32::from_le_bytes(record[..4].try_into().unwrap());
        let frame = &record[RECORD_HEADER..];
        let (ip, udp, dns) = (&frame[14..], &frame[34..], &frame[42..]);
        if udp[2..4] != [0, 53] || dns[2] & 0x80 != 0 {
            continue;
        }
        let host = format!("{}.{}.{}.{}", ip[12], ip[13], ip[14], ip[15]);
        let mut rest = &dns[12..];
        let mut labels = Vec::new();
        while rest[0] != 0 {
            let (label, tail) = rest[1..].split_at(rest[0].into());
            labels.push(String::from_utf8(label.to_vec()).unwrap().to_lowercase());
            rest = tail;
        }
        let bin = bins.entry((second, host)).or_default();
        let place = match u16::from_be_bytes([rest[1], rest[2]]) {
            1 => 0,
            15 => 4,
            12 => 5,
            28 => 6,
            _ => 7,
        };
        bin[place] += 1;
        let first = labels.first().map_or("", |label| label);
        // `mxs` stands before `mx`, which it begins with.
        let tail = KEYWORDS.iter().find_map(|word| first.strip_prefix(word));
        if place == 0
            && let Some(tail) = tail
        {
            let digits = tail.strip_prefix('-').unwrap_or(tail);
            let numbered = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            bin[if tail.is_empty() {
                1
            } else if numbered {
                2
            } else {
                3
            }] += 1;
        }
    }
    bins
}

#[test]
fn bins_are_those_of_a_naive_count() {
    let place = Place::new();
    let expected_header = "ts,host,t,k_exact,k_numbered,k_prefix,mx,ptr,aaaa,other,smtp_attempts";
    for name in [
        "dns-case-and-tiers",
        "second-edges",
        "ordinary-pcs",
        "study-client-a",
    ] {
        let capture = capture(name);
        place.write("in.pcap", &capture);
        place.run("replay -q --bins bins.csv -o events in.pcap", 0);
        let csv = place.read("bins.csv");
        let (header, lines) = csv.split_once('\n').unwrap();
        assert_eq!(header, expected_header);
        let read = |line: &str| {
            let fields: Vec<&str> = line.split(',').collect();
            assert_eq!(fields.len(), 11, "{line}");
            assert_eq!(fields[10], "0", "these hosts open no mail connections");
            let counts = fields[2..10].iter().map(|field| field.parse().unwrap());
            let counts: Vec<u64> = counts.collect();
            let bin: Bin = counts.try_into().unwrap();
            ((fields[0].parse().unwrap(), fields[1].to_owned()), bin)
        };
        let found: Vec<((u32, String), Bin)> = lines.lines().map(read).collect();
        assert!(found.is_sorted_by_key(|((second, host), _)| {
            (*second, host.parse::<std::net::Ipv4Addr>().unwrap())
        }));
        let found_map: BTreeMap<_, _> = found.iter().cloned().collect();
        assert_eq!(found_map.len(), found.len(), "{name}: a bin twice");
        assert!(found_map == naive_bins(&capture), "{name}");
    }
    let wrong = place.run("replay --bins - in.pcap", 2);
    assert!(
        wrong.stderr.starts_with("mxray: --bins: "),
        "{}",
        wrong.stderr
    );
}

/// A folder holds captures that were not named one by one; none of them may be written over.
#[test]
fn an_output_never_takes_the_place_of_a_capture_in_a_folder() {
    let place = Place::new();
    place.write("folder/a.pcap", capture("one-packet"));
    for line in [
        "replay -q folder -o folder/a.pcap",
        "replay -q folder --bins folder/a.pcap",
    ] {
        let run = place.run(line, 1);
        assert!(
            run.stderr.contains("is one of the captures to read"),
            "{}",
            run.stderr
        );
        let left = fs::read(place.path("folder/a.pcap")).unwrap();
        assert_eq!(left, capture("one-packet"));
    }
}

#[test]
fn nobody_to_read_the_errors_changes_no_status() {
    let place = Place::with("one-packet");
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_mxray"))
        .current_dir(place.0.path())
        .args(["replay", "one-packet.pcap", "missing.pcap"])
        .stdout(Stdio::null())
        .stderr(full)
        .status();
    assert_eq!(status.unwrap().code(), Some(1));
}

/// That hosts fell silent is known by the time of packets, whatever else is asked for.
#[test]
fn bins_change_no_verdict() {
    let place = Place::with("study-client-b");
    // Three days later somebody else asks something.
    place.write("later.pcap", capture("study-client-f"));
    let line = "replay -q study-client-b.pcap later.pcap";
    let plain = place.run(line, 0);
    assert_eq!(
        place.run(&format!("{line} --bins bins"), 0).stdout,
        plain.stdout
    );
    let cleared = |event: &Value| event["event"]["action"] == "host-cleared";
    assert!(plain.verdicts().iter().any(cleared));
}
