//! Recording a packet of a known host or connection allocates nothing, a run of the pipeline
//! nothing by the packet, a checkpoint no more than it holds, and a host what is said of it.
//!
//! A test binary of its own: the allocator is the whole binary's, so nothing else may run
//! beside what is measured. That is also why the tests here wait for each other.

#![expect(clippy::unwrap_used, reason = "a test that fails here says where")]

use mxray::capture::{Frame, LinkType, Origin};
use mxray::checkpoint::{Expected, FORMAT, State, file};
use mxray::count::{Counters, Settings};
use mxray::decode::observation::{MailPorts, Route, route};
use mxray::decode::packet::{Sliced, slice};
use mxray::time::Timestamp;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use std::alloc::System;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

#[path = "allocation/connections.rs"]
mod connections;
#[path = "allocation/memory.rs"]
mod memory;
#[path = "allocation/pipeline.rs"]
mod pipeline;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Held by the test that runs.
static ALONE: Mutex<()> = Mutex::new(());

const A: u8 = 1;
const PTR: u8 = 12;
const MX: u8 = 15;
const AAAA: u8 = 28;

/// A query in Ethernet, IPv4 and UDP, or the reply to it; checksums are not looked at.
fn frame(host: u8, name: &str, qtype: u8, reply: bool) -> Vec<u8> {
    let mut dns = vec![
        0,
        host,
        if reply { 0x81 } else { 1 },
        0,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        0,
    ];
    for label in name.split('.') {
        dns.push(u8::try_from(label.len()).unwrap());
        dns.extend(label.as_bytes());
    }
    dns.extend([0, 0, qtype, 0, 1]);
    let mut frame = vec![2, 0, 0, 0, 0, 53, 2, 0, 0, 0, 0, host, 8, 0];
    frame.extend([0x45, 0]);
    frame.extend(u16::try_from(28 + dns.len()).unwrap().to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    let (client, server) = ([10, 0, 0, host], [192, 0, 2, 53]);
    let ends = if reply {
        [server, client]
    } else {
        [client, server]
    };
    frame.extend(ends.concat());
    let ports = if reply {
        [0, 53, 0x9c, 0x40]
    } else {
        [0x9c, 0x40, 0, 53]
    };
    frame.extend(ports);
    frame.extend(u16::try_from(8 + dns.len()).unwrap().to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(dns);
    frame
}

/// The ordinary lookups of fifty hosts: web, service discovery, mail by keyword in prefix
/// form; nothing of which correlation is told.
fn ordinary() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for host in 0..50 {
        for number in 0..40 {
            let name = format!("www{number}.site{host}.example.co.jp");
            for qtype in [A, AAAA] {
                frames.push(frame(host, &name, qtype, false));
                frames.push(frame(host, &name, qtype, true));
            }
        }
        frames.push(frame(host, "mailing.example.com", A, false));
        frames.push(frame(host, "b._dns-sd._udp.example.com", PTR, false));
    }
    frames
}

/// Lookups of which correlation is told.
fn told() -> Vec<Vec<u8>> {
    let hosts = 0..50;
    let frames = hosts.flat_map(|host| {
        [
            frame(host, &format!("{host}.2.0.192.in-addr.arpa"), PTR, false),
            frame(host, "mail.example.com", A, false),
            frame(host, "example.com", MX, false),
            frame(host, "example.com", MX, true),
        ]
    });
    frames.collect()
}

static MAIL: LazyLock<MailPorts> = LazyLock::new(MailPorts::default);

fn record(counters: &mut Counters, frames: &[Vec<u8>], time: Timestamp) -> u64 {
    let mut recorded = 0;
    for bytes in frames {
        let frame = Frame {
            bytes,
            wire_len: u32::try_from(bytes.len()).unwrap(),
            time,
            link: LinkType::ETHERNET,
            origin: Origin::default(),
        };
        let Sliced::Packet(packet) = slice(&frame) else {
            panic!("a whole frame");
        };
        if let Route::Host(_) = route(&packet, &MAIL) {
            counters.record(&packet, false);
            recorded += 1;
        }
    }
    recorded
}

fn asked_for(stats: &Stats) -> (usize, usize) {
    (stats.allocations, stats.reallocations)
}

#[test]
fn the_hot_path_allocates_nothing_once_hosts_and_names_are_known() {
    let _alone = ALONE.lock();
    let mut counters = Counters::new(Settings {
        hosts: 10_000,
        ..Settings::default()
    });
    let (ordinary, told) = (ordinary(), told());
    let start = 1_767_571_200_i64;
    let at = |second: i64| Timestamp::from_parts(start + second, 0);
    // Warm up: hosts and names become known, and servers as such; two seconds are closed.
    for second in [-1, 0] {
        record(&mut counters, &ordinary, at(second));
        record(&mut counters, &told, at(second));
    }
    drop(counters.close(at(0).second()));

    // A hundred thousand packets over thirteen seconds, which nothing is told of.
    let region = Region::new(ALLOCATOR);
    let mut recorded = 0;
    for second in 1..=13 {
        // As it is done with the first packet of a second.
        assert!(counters.close(at(second).second() - 3).is_empty());
        recorded += record(&mut counters, &ordinary, at(second));
    }
    let stats = region.change();
    assert!(recorded >= 100_000, "{recorded}");
    assert_eq!(asked_for(&stats), (0, 0), "of {recorded} packets");
    assert!(counters.close(at(13).second()).is_empty());

    // With facts, each open second has lists that grow by doubling, whatever is recorded.
    for tenth in 0..5 {
        let region = Region::new(ALLOCATOR);
        // Far enough apart to be no copies of each other.
        let time = at(20).plus_nanos(tenth * 100_000_000);
        let facts = record(&mut counters, &told, time);
        let stats = region.change();
        println!("{facts} packets with facts: {:?}", asked_for(&stats));
        assert!(stats.allocations + stats.reallocations <= 24, "{stats:?}");
    }
    // Closing a second hands out what was told: lists of facts and of totals, and the labels
    // of each host.
    let region = Region::new(ALLOCATOR);
    let deltas = counters.close(at(20).second());
    let stats = region.change();
    let hosts = deltas.iter().map(|delta| delta.totals.len()).sum::<usize>();
    assert_eq!((deltas.len(), hosts), (1, 50));
    println!("closing a second of {hosts} hosts: {:?}", asked_for(&stats));
    assert!(
        stats.allocations + stats.reallocations <= 2 * hosts + 24,
        "{stats:?}"
    );
}

/// Of a checkpoint whose checksum is right, and whose lengths are not.
#[test]
fn a_length_that_is_not_true_takes_no_memory() {
    let _alone = ALONE.lock();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoint.kept");
    let octets = std::fs::read(kept).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let expected = Expected {
        sensor: "sensor",
        meaning: Settings::default().meaning(),
        now: Timestamp::MAX,
    };
    let body = octets.len() - 16;
    let mut most = 0;
    for at in (12..body - 10).step_by(7) {
        let mut changed = octets.clone();
        // As a number: 2^62 and more.
        changed[at..at + 9]
            .copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        let sum = xxhash_rust::xxh3::xxh3_64(&changed[..body + 8]);
        changed[body + 8..].copy_from_slice(&sum.to_le_bytes());
        std::fs::write(&path, &changed).unwrap();
        let region = Region::new(ALLOCATOR);
        if let Ok(Some((_, state))) = file::read::<State>(&path, FORMAT, &expected) {
            let counting = state.counting.deal(1, |_| 0).remove(0);
            drop(Counters::load(Settings::default(), counting));
        }
        most = most.max(region.change().bytes_allocated);
    }
    println!("{most} octets at most, for {}", octets.len());
    assert!(most < 16 << 20, "{most}");
}
