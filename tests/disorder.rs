//! Packets out of order or twice, within two seconds, and files that are cut or damaged: read by
//! the whole pipeline, which neither panics nor hangs, and every packet has become one thing.
//!
//! A few of each for every capture; with `MXRAY_LAWS=long` all of its packets at once, time and again, and
//! hundreds of cuts (`make laws`).

use crate::captures::{synth_file, synth_names};
use mxray::capture::{Fault, Filter, Replay};
use mxray::correlate::{Context, Verdict};
use mxray::count::Settings;
use mxray::decode::tcp::TcpCounts;
use mxray::host::HostAddr;
use mxray::pipeline::{self, Behind, Hosts, Tap};
use mxray::report::{HostReport, Sink, Totals};
use std::collections::BTreeMap;
use std::io::{self, Cursor};
use std::num::NonZeroUsize;

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// How far a packet may lie behind the newest and be counted as any other, in nanoseconds.
const WITHIN: u64 = 2_000_000_000;

/// How much is tried of each capture.
struct Effort {
    /// Packets of a capture at the most: the longer ones repeat theirs.
    length: usize,
    shuffles: u64,
    /// Packets that are late, and doubled, by themselves.
    packets: usize,
    damages: usize,
}

fn effort() -> Effort {
    match std::env::var("MXRAY_LAWS").as_deref() {
        Ok("long") => Effort {
            length: usize::MAX,
            shuffles: 40,
            packets: 60,
            damages: 400,
        },
        _ => Effort {
            length: 300,
            shuffles: 1,
            packets: 2,
            damages: 4,
        },
    }
}

/// How many queries hosts asked, by address. Of replies the first is not counted where it comes
/// before its host has asked anything.
#[derive(Default)]
struct Asked(BTreeMap<HostAddr, u64>);

impl Sink for Asked {
    fn verdict(&mut self, _: &Verdict) -> io::Result<()> {
        Ok(())
    }

    fn host(&mut self, report: &HostReport<'_>) -> io::Result<()> {
        self.0.insert(report.host, report.totals.queries.total);
        Ok(())
    }

    fn fault(&mut self, _: &Fault) {}
}

/// Reads a capture from one end to the other.
fn run(capture: Vec<u8>, workers: usize) -> (Totals, Asked) {
    let mut source = Replay::from_reader("capture", Cursor::new(capture));
    let tap = Tap {
        source: &mut source,
        filter: Filter::new(None, None, None).unwrap(),
        progress: &mut |_| (),
    };
    let settings = pipeline::Settings {
        workers: NonZeroUsize::new(workers).unwrap(),
        count: Settings {
            hosts: 1_000,
            ..Settings::default()
        },
        context: Context::default(),
        stats: None,
        behind: Behind::Wait,
        hosts: Hosts::AtEnd,
        keep: None,
        follow: false,
    };
    let mut asked = Asked::default();
    let totals = pipeline::run(vec![tap], &settings, None, None, &mut asked).unwrap();
    let (capture, count) = (&totals.capture, &totals.count);
    let sum = capture.filtered
        + capture.ignored
        + capture.fragments
        + capture.unsupported.values().sum::<u64>()
        + capture.malformed.values().sum::<u64>()
        + count.malformed.values().sum::<u64>()
        + count.decoded
        + count.shed;
    assert_eq!(capture.seen, sum);
    (totals, asked)
}

/// A capture of ours, taken apart.
struct Records {
    header: Vec<u8>,
    /// Each with its time in nanoseconds.
    records: Vec<(u64, Vec<u8>)>,
}

impl Records {
    fn of(name: &str) -> Self {
        let file = synth_file(name);
        let (header, mut rest) = file.split_at(FILE_HEADER);
        let word = |octets: &[u8], at: usize| {
            u64::from(u32::from_le_bytes(octets[at..at + 4].try_into().unwrap()))
        };
        let unit = match word(header, 0) {
            0xa1b2_3c4d => 1,
            _ => 1_000,
        };
        let mut records = Vec::new();
        while !rest.is_empty() && records.len() < effort().length {
            let kept = usize::try_from(word(rest, 8)).unwrap();
            let (record, tail) = rest.split_at(RECORD_HEADER + kept);
            let time = word(record, 0) * 1_000_000_000 + word(record, 4) * unit;
            records.push((time, record.to_vec()));
            rest = tail;
        }
        Self {
            header: header.to_vec(),
            records,
        }
    }

    /// The file with its records in the order of these numbers, some of which may come twice.
    fn file(&self, order: impl IntoIterator<Item = usize>) -> Vec<u8> {
        order.into_iter().fold(self.header.clone(), |mut file, at| {
            file.extend(&self.records[at].1);
            file
        })
    }

    /// The same with each record as far behind its time as is said, and again, where that is
    /// said of it.
    fn behind(&self, delays: impl Fn(usize) -> (u64, Option<u64>)) -> Vec<u8> {
        let mut places = Vec::new();
        for (at, (time, _)) in self.records.iter().enumerate() {
            let (delay, again) = delays(at);
            places.extend(
                [Some(delay), again]
                    .into_iter()
                    .flatten()
                    .map(|delay| (time + delay, at)),
            );
        }
        places.sort_unstable();
        self.file(places.into_iter().map(|(_, at)| at))
    }
}

/// Numbers that look like dice (`SplitMix64`), always the same.
fn dice(seed: u64) -> impl Fn(usize, u64) -> u64 {
    move |at, below| {
        let mut state = (seed << 32 | at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (state ^ state >> 31) % below
    }
}

/// Whether what hosts asked cannot depend on the order: in order, each message once, datagrams
/// alone and whole.
fn is_simple(totals: &Totals) -> bool {
    let (capture, count) = (&totals.capture, &totals.count);
    capture.late == 0
        && count.duplicates == 0
        && count.tcp == TcpCounts::default()
        && capture.fragments + capture.reassembled == 0
        && count.evicted == 0
}

#[test]
fn packets_out_of_order_and_twice_within_two_seconds() {
    let effort = effort();
    let mut runs = 0;
    for name in synth_names() {
        let capture = Records::of(name);
        let (base, asked) = run(capture.file(0..capture.records.len()), 1);
        let check = |file: Vec<u8>, copies: u64| {
            let (totals, after) = run(file, 2);
            assert_eq!(totals.capture.seen, base.capture.seen + copies, "{name}");
            if !is_simple(&base) {
                return;
            }
            assert_eq!(totals.capture.late, 0, "{name}");
            for (host, queries) in &asked.0 {
                let more = after.0[host];
                assert!(
                    (*queries..=queries + copies).contains(&more),
                    "{name}: {host}"
                );
            }
        };
        for seed in 0..effort.shuffles {
            let dice = dice(seed);
            check(capture.behind(|at| (dice(at, WITHIN), None)), 0);
            let twice = |at: usize| (dice(at, WITHIN), Some(dice(at + (1 << 31), WITHIN)));
            check(capture.behind(twice), capture.records.len() as u64);
            runs += 2;
        }
        let step = capture.records.len().div_ceil(effort.packets).max(1);
        for one in (0..capture.records.len()).step_by(step) {
            check(
                capture.behind(|at| (if at == one { WITHIN } else { 0 }, None)),
                0,
            );
            check(capture.behind(|at| (0, (at == one).then_some(WITHIN))), 1);
            runs += 2;
        }
    }
    println!("{runs} runs");
}

#[test]
fn a_file_that_is_cut_or_damaged_anywhere() {
    let effort = effort();
    let mut runs = 0;
    for (at, name) in synth_names().enumerate() {
        let capture = Records::of(name);
        let file = capture.file(0..capture.records.len());
        let dice = dice(at as u64);
        for number in 0..effort.damages {
            let place = dice(number, file.len() as u64);
            let place = usize::try_from(place).unwrap();
            run(file[..place].to_vec(), 1);
            let mut damaged = file.clone();
            damaged[place] ^= u8::try_from(dice(number + 1_000, 255) + 1).unwrap();
            run(damaged, 2);
            runs += 2;
        }
    }
    println!("{runs} runs");
}
