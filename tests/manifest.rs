//! Real captures, counted beside tshark.
//!
//! The captures are not part of the repository; docs/REAL-CAPTURES.md says what they are and
//! where tshark and mxray count differently, and why. `GROUND_TRUTH.jsonl` beside them holds
//! what tshark counts: queries by source (the twenty that ask most) and in all, over UDP and
//! TCP together.

use crate::captures;
use crate::feed::{run, settings};
use mxray::count::host::Queries;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Queries by type: all, A, AAAA, MX, PTR.
type Counts = [u64; 5];

const FIELDS: [&str; 5] = ["queries", "A", "AAAA", "MX", "PTR"];

/// What differs in a capture: of a source, or of `all`.
type Difference = (String, &'static str, u64, u64);

fn ours(queries: &Queries) -> Counts {
    [
        queries.total,
        queries.a,
        queries.aaaa,
        queries.mx,
        queries.ptr,
    ]
}

fn theirs(source: &Value, total: &str) -> Counts {
    let count = |field: &str| source.get(field).and_then(Value::as_u64).unwrap_or(0);
    [
        count(total),
        count("A"),
        count("AAAA"),
        count("MX"),
        count("PTR"),
    ]
}

/// Every difference between our counts of a capture and tshark's.
fn differences(path: &Path, truth: &Value) -> Vec<Difference> {
    let outcome = run(&captures::read(&[path]), 2, &settings(1_000_000));
    let mut all: Counts = [0; 5];
    let mut hosts = BTreeMap::new();
    for (host, (totals, _)) in &outcome.hosts {
        let counts = ours(&totals.queries);
        for (sum, count) in all.iter_mut().zip(counts) {
            *sum += count;
        }
        hosts.insert(host.to_string(), counts);
    }
    let mut pairs = Vec::new();
    let mut expected = theirs(&truth["dns_types"], "");
    expected[0] = truth["dns_queries"].as_u64().unwrap();
    pairs.push(("all".to_owned(), all, expected));
    for (source, counts) in truth["dns_by_source"].as_object().unwrap() {
        let expected = theirs(counts, "queries");
        pairs.push((
            source.clone(),
            hosts.remove(source).unwrap_or_default(),
            expected,
        ));
    }
    if truth["dns_clients"].as_u64().unwrap() <= 20 {
        let more = hosts
            .into_iter()
            .map(|(source, counts)| (source, counts, [0; 5]));
        pairs.extend(more);
    }
    let mut found = Vec::new();
    for (source, ours, theirs) in pairs {
        for ((field, ours), theirs) in FIELDS.into_iter().zip(ours).zip(theirs) {
            if ours != theirs {
                found.push((source.clone(), field, ours, theirs));
            }
        }
    }
    found
}

/// Why a capture is counted differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// Streams are not put together yet.
    Tcp,
    /// The link type is not decoded.
    Link,
    /// The message is shorter than its header: broken, and no query.
    Header,
    /// A query comes *from* port 53: the contract counts those to it.
    Direction,
}

impl Reason {
    /// Whether a later stage will make the counts equal.
    fn is_passing(self) -> bool {
        matches!(self, Self::Tcp | Self::Link)
    }
}

use Reason::{Direction, Header, Link, Tcp};

/// Over all sources: the file, the field, ours, tshark's, and why. With frame numbers in
/// docs/REAL-CAPTURES.md.
const EXPLAINED: &[(&str, &str, u64, u64, Reason)] = &[
    (
        "dns-530-queries-in-8-tcp-frames-sll.pcap",
        "queries",
        0,
        530,
        Tcp,
    ),
    ("dns-fddi-inverse-query.pcap", "queries", 0, 1, Link),
    ("dns-ip-fragments.pcap", "queries", 20, 22, Tcp),
    (
        "dns-matching-queries-and-responses.pcap",
        "queries",
        3,
        6,
        Tcp,
    ),
    ("dns-matching-queries-and-responses.pcap", "A", 1, 2, Tcp),
    (
        "dns-nsd-authoritative-live.pcapng",
        "queries",
        10326,
        10432,
        Tcp,
    ),
    ("dns-nsd-authoritative-live.pcapng", "A", 5929, 5966, Tcp),
    ("dns-nsd-authoritative-live.pcapng", "AAAA", 2396, 2428, Tcp),
    ("dns-nsd-authoritative-live.pcapng", "PTR", 392, 393, Tcp),
    ("dns-over-one-tcp-connection.pcap", "queries", 0, 41, Tcp),
    ("dns-over-one-tcp-connection.pcap", "A", 0, 24, Tcp),
    ("dns-over-one-tcp-connection.pcap", "PTR", 0, 17, Tcp),
    ("dns-sip-fuzzed-2594.pcap", "queries", 249, 251, Header),
    (
        "dns-tcp-many-messages-one-packet.pcap",
        "queries",
        0,
        3,
        Tcp,
    ),
    ("dns-tcp-many-messages-one-packet.pcap", "A", 0, 3, Tcp),
    ("dns-tcp-time-gap.pcap", "queries", 0, 3, Tcp),
    ("dns-tcp-time-gap.pcap", "A", 0, 3, Tcp),
    ("dns-tcp-with-padding.pcap", "queries", 0, 1, Tcp),
    ("dns-tcp-with-padding.pcap", "A", 0, 1, Tcp),
    (
        "dns-truncated-snaplen-mixed.pcap",
        "queries",
        71,
        72,
        Direction,
    ),
    ("dns-two-queries-one-tcp-stream.pcap", "queries", 0, 2, Tcp),
    ("dns-two-queries-one-tcp-stream.pcap", "A", 0, 2, Tcp),
    ("dns-wlan-monitor.pcap", "queries", 0, 1, Link),
    ("dns-wlan-monitor.pcap", "A", 0, 1, Link),
    ("scan-nmap-version-sll.pcap", "queries", 0, 2, Tcp),
];

#[test]
fn queries_are_those_that_tshark_counts() {
    let Some(folder) = captures::real_folder() else {
        return;
    };
    let truths = std::fs::read_to_string(folder.join("GROUND_TRUTH.jsonl")).unwrap();
    let mut files = BTreeSet::new();
    let mut unexplained = Vec::new();
    let mut explained = BTreeSet::new();
    let mut queries = [0; 2];
    for line in truths.lines() {
        let truth: Value = serde_json::from_str(line).unwrap();
        let file = truth["file"].as_str().unwrap();
        files.insert(file.to_owned());
        let found = differences(&folder.join(file), &truth);
        let all = found
            .iter()
            .find(|found| found.0 == "all" && found.1 == "queries");
        let total = truth["dns_queries"].as_u64().unwrap();
        queries[0] += all.map_or(total, |found| found.2);
        queries[1] += total;
        for (source, field, ours, theirs) in found {
            let rows = EXPLAINED.iter().find(|row| row.0 == file && row.1 == field);
            // A source's part of what is explained for all: never more than is.
            let holds = rows.is_some_and(|row| match source.as_str() {
                "all" => (row.2, row.3) == (ours, theirs),
                _ => theirs > ours && theirs - ours <= row.3 - row.2,
            });
            let told = format!("{file}\t{source}\t{field}\t{ours}\t{theirs}");
            match rows.filter(|_| holds) {
                Some(row) => {
                    println!("{told}\t{:?}", row.4);
                    explained.insert((row.0, row.1));
                }
                None => unexplained.push(told),
            }
        }
    }
    let differing: BTreeMap<_, _> = EXPLAINED.iter().map(|row| (row.0, row.4)).collect();
    let passing = differing
        .values()
        .filter(|reason| reason.is_passing())
        .count();
    println!(
        "{} captures, {} equal, {passing} not yet comparable, {} by other rules; \
         {} queries of tshark's {}",
        files.len(),
        files.len() - differing.len(),
        differing.len() - passing,
        queries[0],
        queries[1],
    );
    assert!(
        unexplained.is_empty(),
        "unexplained:\n{}",
        unexplained.join("\n")
    );
    // What no longer differs must leave the table; a folder may hold fewer captures.
    for row in EXPLAINED.iter().filter(|row| files.contains(row.0)) {
        assert!(
            explained.contains(&(row.0, row.1)),
            "{} {} is equal",
            row.0,
            row.1
        );
    }
}

#[test]
fn each_difference_is_in_the_documentation() {
    let text = include_str!("../docs/REAL-CAPTURES.md");
    for (file, ..) in EXPLAINED {
        assert!(text.contains(file), "{file}");
    }
}
