//! What a mirror port does to a capture changes no verdict: frames twice, frames out of order.

use super::{Place, capture};
use serde_json::{Value, json};

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// Captures with hosts that are convicted by DNS and by SMTP, and with one that must not be.
const CASES: [&str; 5] = [
    "study-client-b",
    "study-client-e",
    "study-client-f",
    "fanout-bot",
    "fanout-server",
];

/// A frame and its time in microseconds.
#[derive(Clone)]
struct Frame {
    micros: i64,
    octets: Vec<u8>,
}

/// The frames of a made capture: Ethernet and IPv4, microseconds, little-endian.
fn frames(name: &str) -> Vec<Frame> {
    let file = capture(name);
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let mut frames = Vec::new();
    let mut at = FILE_HEADER;
    while at < file.len() {
        let octets = at + RECORD_HEADER;
        let end = octets + word(at + 8) as usize;
        frames.push(Frame {
            micros: i64::from(word(at)) * 1_000_000 + i64::from(word(at + 4)),
            octets: file[octets..end].to_vec(),
        });
        at = end;
    }
    frames
}

/// What is said of hosts in a capture of these frames in this order, and of the whole.
fn replay(name: &str, frames: &[Frame]) -> (Vec<Value>, Value) {
    let mut file = capture(name)[..FILE_HEADER].to_vec();
    for Frame { micros, octets } in frames {
        let length = u32::try_from(octets.len()).unwrap();
        let second = u32::try_from(micros.div_euclid(1_000_000)).unwrap();
        let micros = u32::try_from(micros.rem_euclid(1_000_000)).unwrap();
        for word in [second, micros, length, length] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(octets);
    }
    let place = Place::new();
    place.write("input.pcap", file);
    let run = place.mxray("replay -q input.pcap").assert().success();
    let output = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let events = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut events: Vec<Value> = events.collect();
    let totals = events.pop().unwrap();
    events.retain(|event| event["event"]["dataset"] == "mxray.verdict");
    (events, totals)
}

fn verdicts(name: &str, frames: &[Frame]) -> Vec<Value> {
    replay(name, frames).0
}

/// Of whom a verdict is, and what it says.
fn said(verdict: &Value) -> Value {
    let mxray = &verdict["mxray"];
    json!([
        verdict["source"]["ip"],
        mxray["state"],
        mxray["class"],
        mxray["level"]
    ])
}

/// The same with the score and, but for the end of the capture, the time.
fn in_full(verdict: &Value) -> Value {
    let closed = verdict["mxray"]["state"] == "closed";
    let time = (!closed).then(|| verdict["@timestamp"].clone());
    json!([said(verdict), verdict["mxray"]["score"], time])
}

/// How the second copy of a frame differs from the first.
type Change = fn(&mut Vec<u8>);

#[test]
fn every_frame_twice_is_no_evidence() {
    const MAC: usize = 12;
    const TTL: usize = 22;
    /// Where the destination's port stands.
    const DNS: std::ops::Range<usize> = 36..38;
    let copies: [(&str, i64, Change); 4] = [
        ("at once", 0, |_| ()),
        ("a millisecond later", 1000, |_| ()),
        ("from another VLAN", 1000, |octets| {
            octets.splice(MAC..MAC, [0x81, 0, 0, 7]);
        }),
        ("from behind a router", 1000, |octets| octets[TTL] -= 1),
    ];
    for name in CASES {
        let once = frames(name);
        let expected: Vec<_> = verdicts(name, &once).iter().map(in_full).collect();
        assert!(!expected.is_empty());
        for (what, later, change) in copies {
            let copies = once.iter().map(|frame| {
                let mut copy = frame.clone();
                copy.micros += later;
                change(&mut copy.octets);
                copy
            });
            let mut twice: Vec<_> = once.iter().cloned().chain(copies).collect();
            twice.sort_by_key(|frame| frame.micros);
            let (verdicts, totals) = replay(name, &twice);
            let found: Vec<_> = verdicts.iter().map(in_full).collect();
            assert_eq!(found, expected, "{name}, the copy {what}");
            // Beside mail lookups' replies, each query was known again.
            let queries = once.iter().filter(|frame| frame.octets[DNS] == [0, 53]);
            let known = totals["mxray"]["duplicates"].as_u64().unwrap();
            assert!(known >= queries.count() as u64, "{name}, the copy {what}");
        }
    }
}

/// Up to two seconds late, as after a mirror of several links and a slow one among them. Of the
/// DNS the verdicts are the very same; of SMTP, who waits for what changes when a thing is known.
#[test]
fn out_of_order_it_says_the_same() {
    for name in CASES {
        let ordered = frames(name);
        let expected: Vec<_> = verdicts(name, &ordered).iter().map(said).collect();
        for seed in [1, 2] {
            let mut state: u64 = seed;
            let mut late = || {
                // The generator of Knuth's MMIX; its upper bits are even enough.
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                i64::try_from((state >> 33) % 1_900_000).unwrap()
            };
            let arrived = ordered.iter().map(|frame| (frame.micros + late(), frame));
            let mut arrived: Vec<_> = arrived.collect();
            arrived.sort_by_key(|(at, _)| *at);
            let mixed: Vec<_> = arrived
                .into_iter()
                .map(|(_, frame)| frame.clone())
                .collect();
            let found: Vec<_> = verdicts(name, &mixed).iter().map(said).collect();
            assert_eq!(found, expected, "{name}, {seed}");
        }
    }
}
