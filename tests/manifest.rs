//! Real captures, counted beside tshark.
//!
//! The captures are not part of the repository; docs/REAL-CAPTURES.md says what they are and
//! where tshark and mxray count differently, and why. `GROUND_TRUTH.jsonl` beside them holds
//! what tshark counts, by source (the twenty busiest) and in all: DNS queries over UDP and TCP
//! together; SMTP connections; MAIL and RCPT commands, these in two ways, which differ where
//! commands are pipelined or segments missing.

use crate::captures;
use crate::feed::{run, settings};
use mxray::count::host::HostTotals;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is compared, with the names that it has in the folder's file.
const FIELDS: [&str; 8] = [
    "queries",
    "A",
    "AAAA",
    "MX",
    "PTR",
    "connections",
    "MAIL",
    "RCPT",
];

type Counts = [u64; FIELDS.len()];

/// What differs in a capture: of a source, or of `all`.
type Difference = (String, &'static str, u64, u64);

fn ours(totals: &HostTotals) -> Counts {
    let HostTotals { queries, smtp, .. } = totals;
    [
        queries.total,
        queries.a,
        queries.aaaa,
        queries.mx,
        queries.ptr,
        smtp.attempts,
        smtp.mail_from,
        smtp.rcpt_to,
    ]
}

/// tshark's counts of a capture.
fn all(truth: &Value) -> Counts {
    let types = |field: &str| &truth["dns_types"][field];
    let commands = |field: &str| &truth["smtp_commands"][field];
    [
        &truth["dns_queries"],
        types("A"),
        types("AAAA"),
        types("MX"),
        types("PTR"),
        &truth["smtp_connections"],
        commands("MAIL"),
        commands("RCPT"),
    ]
    .map(|count| count.as_u64().unwrap_or(0))
}

/// Every difference between our counts of a capture and tshark's.
fn differences(path: &Path, truth: &Value) -> Vec<Difference> {
    let outcome = run(&captures::read(&[path]), 2, &settings(1_000_000));
    let mut sums: Counts = [0; FIELDS.len()];
    let mut hosts = BTreeMap::new();
    for (host, (totals, _)) in &outcome.hosts {
        let counts = ours(totals);
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
        hosts.insert(host.to_string(), counts);
    }
    let mut expected = all(truth);
    // Where the two ways to count commands differ, either will do.
    let lines = ["mail_lines", "rcpt_lines"].map(|field| truth[field].as_u64().unwrap());
    let [.., mail, rcpt] = &mut expected;
    let one_way = [*mail, *rcpt] == lines;
    for ((count, lines), ours) in [mail, rcpt].into_iter().zip(lines).zip(&sums[6..]) {
        if lines == *ours {
            *count = lines;
        }
    }
    let mut found = Vec::new();
    let mut compare =
        |source: &str, ours: Counts, theirs: Counts, fields: std::ops::Range<usize>| {
            for field in fields {
                if ours[field] != theirs[field] {
                    found.push((source.to_owned(), FIELDS[field], ours[field], theirs[field]));
                }
            }
        };
    compare("all", sums, expected, 0..8);
    let smtp = if one_way { 5..8 } else { 5..6 };
    let parts = [
        (
            "dns_by_source",
            0..5,
            truth["dns_clients"].as_u64().unwrap(),
        ),
        (
            "smtp_by_source",
            smtp,
            truth["smtp_clients"].as_u64().unwrap(),
        ),
    ];
    for (by_source, fields, clients) in parts {
        let sources = truth[by_source].as_object().unwrap();
        for (source, counts) in sources {
            let theirs = FIELDS.map(|field| counts[field].as_u64().unwrap_or(0));
            let ours = hosts.get(source).copied().unwrap_or_default();
            compare(source, ours, theirs, fields.clone());
        }
        if clients <= 20 {
            for (source, ours) in hosts.iter().filter(|host| !sources.contains_key(host.0)) {
                compare(source, *ours, [0; FIELDS.len()], fields.clone());
            }
        }
    }
    found
}

/// Why a capture is counted differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// The link type is not decoded.
    Link,
    /// The message is shorter than its header: broken, and no query.
    Header,
    /// A query comes *from* port 53: the contract counts those to it.
    Direction,
}

use Reason::{Direction, Header, Link};

/// Over all sources: the file, the field, ours, tshark's, and why. With frame numbers in
/// docs/REAL-CAPTURES.md.
const EXPLAINED: &[(&str, &str, u64, u64, Reason)] = &[
    ("dns-fddi-inverse-query.pcap", "queries", 0, 1, Link),
    ("dns-sip-fuzzed-2594.pcap", "queries", 249, 251, Header),
    (
        "dns-truncated-snaplen-mixed.pcap",
        "queries",
        71,
        72,
        Direction,
    ),
    ("dns-wlan-monitor.pcap", "queries", 0, 1, Link),
    ("dns-wlan-monitor.pcap", "A", 0, 1, Link),
];

#[test]
fn counts_are_those_of_tshark() {
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
    println!(
        "{} captures, {} equal; {} queries of tshark's {}",
        files.len(),
        files.len() - differing.len(),
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
