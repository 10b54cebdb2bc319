//! A run of the whole pipeline over a file costs by the second, by the batch and by the chunk, and
//! not by the packet: a run over twice the packets of the same hosts asks the allocator, and reads
//! from the file, hardly more often.

use super::connections::endless_letters;
use super::{ALLOCATOR, ALONE, asked_for, ordinary, told};
use flate2::Compression;
use flate2::write::GzEncoder;
use mxray::capture::{Fault, Filter, Replay};
use mxray::correlate::{Context, Verdict};
use mxray::pipeline::{self, Behind, Hosts, Settings, Tap};
use mxray::report::Sink;
use stats_alloc::Region;
use std::fs;
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;

/// 2026-01-05T00:00:00Z.
const START: u32 = 1_767_571_200;
/// Seconds of the shorter run; the other has twice as many.
const SECONDS: u32 = 10;

/// A pcap of Ethernet: of each second its frames, some microseconds apart.
fn capture(seconds: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut words = |words: &[u32], frame: &[u8]| {
        octets.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        octets.extend(frame);
    };
    words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1], &[]);
    for (second, frames) in (START..).zip(seconds) {
        let between = 1_000_000 / frames.len();
        for (frame, micros) in frames.iter().zip((0..).step_by(between)) {
            let length = u32::try_from(frame.len()).unwrap();
            words(&[second, micros, length, length], frame);
        }
    }
    octets
}

/// Takes no notice of anything but faults.
struct Deaf;

impl Sink for Deaf {
    fn verdict(&mut self, _: &Verdict) -> io::Result<()> {
        Ok(())
    }

    fn fault(&mut self, fault: &Fault) {
        panic!("{fault}");
    }
}

/// What a run costs.
#[derive(Clone, Copy, Debug)]
struct Cost {
    packets: u64,
    /// Octets of the file.
    octets: u64,
    allocations: u64,
    /// Calls to read, where the system counts them.
    reads: Option<u64>,
}

/// Runs a file through the pipeline.
fn run(path: &Path) -> Cost {
    let before = reads();
    let region = Region::new(ALLOCATOR);
    let mut source = Replay::open(&[path]).read_ahead(pipeline::ahead());
    let mut progress = |_| ();
    let tap = Tap {
        source: &mut source,
        filter: Filter::new(None, None, None).unwrap(),
        progress: &mut progress,
    };
    let settings = Settings {
        workers: NonZeroUsize::new(2).unwrap(),
        count: mxray::count::Settings::default(),
        context: Context::default(),
        stats: None,
        behind: Behind::Wait,
        hosts: Hosts::AtEnd,
        keep: None,
        follow: false,
    };
    let totals = pipeline::run(vec![tap], &settings, None, None, &mut Deaf).unwrap();
    drop(source);
    let (allocations, reallocations) = asked_for(&region.change());
    let reads = reads().zip(before).map(|(after, before)| after - before);
    // The file alone takes some; a system that says 0 does not count.
    let reads = reads.filter(|reads| *reads > 0);
    let seen = totals.capture.seen;
    assert!(totals.count.decoded > seen / 2, "{totals:?}");
    Cost {
        packets: seen,
        octets: fs::metadata(path).unwrap().len(),
        allocations: (allocations + reallocations) as u64,
        reads,
    }
}

/// How often this process has called read (`syscr` in `proc_pid_io(5)`).
fn reads() -> Option<u64> {
    let counted = fs::read_to_string("/proc/self/io").ok()?;
    let line = counted
        .lines()
        .find_map(|line| line.strip_prefix("syscr: "));
    line?.parse().ok()
}

/// What the packets of the second half cost: those of a run over all seconds less those of a run
/// over the first half of them.
fn second_half(name: &str, seconds: &[Vec<Vec<u8>>], write: fn(&Path, &[u8])) -> Cost {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let cost = |seconds| {
        write(&path, &capture(seconds));
        run(&path)
    };
    // The first run pays for what a process has once.
    let (first, _) = seconds.split_at(seconds.len() / 2);
    cost(first);
    let (half, whole) = (cost(first), cost(seconds));
    Cost {
        packets: whole.packets - half.packets,
        octets: whole.octets - half.octets,
        allocations: whole.allocations.saturating_sub(half.allocations),
        reads: whole
            .reads
            .zip(half.reads)
            .map(|(whole, half)| whole - half),
    }
}

fn plain(path: &Path, octets: &[u8]) {
    fs::write(path, octets).unwrap();
}

fn gzip(path: &Path, octets: &[u8]) {
    let mut encoder = GzEncoder::new(fs::File::create(path).unwrap(), Compression::fast());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap();
}

/// Of each second ordinary lookups, and letters that go on.
fn steady() -> Vec<Vec<Vec<u8>>> {
    let letters = endless_letters(2 * SECONDS).into_iter();
    letters
        .map(|letters| [ordinary(), letters].concat())
        .collect()
}

#[test]
fn a_run_costs_by_the_second_the_batch_and_the_chunk() {
    let _alone = ALONE.lock();
    let steady = steady();
    for (name, write, chunk) in [
        ("capture.pcap", plain as fn(&Path, &[u8]), 256 * 1024),
        ("capture.pcap.gz", gzip, 64 * 1024),
    ] {
        let cost = second_half(name, &steady, write);
        println!("{name}: {cost:?}");
        assert!(cost.packets >= 80_000, "{cost:?}");
        // Measured: 9 a second, which is one for a thousand packets; and a few hundred more are
        // possible where more batches are on their way at once, each of which grows.
        assert!(cost.allocations <= cost.packets / 200, "{cost:?}");
        // Measured: one for each chunk of the file.
        match cost.reads {
            Some(reads) => assert!(reads <= cost.octets / chunk + 16, "{cost:?}"),
            None => println!("skipped: nothing here says how often a process reads"),
        }
    }
}

/// A host that looks mail servers up is judged in each second in which it does.
#[test]
fn judging_costs_by_the_host_and_second() {
    let _alone = ALONE.lock();
    let told = told();
    let seconds = steady().into_iter();
    let seconds: Vec<_> = seconds
        .map(|frames| [&frames[..], &told].concat())
        .collect();
    let cost = second_half("told.pcap", &seconds, plain);
    println!("told.pcap: {cost:?}");
    // Measured: 5 for each of fifty hosts and each second, in which there are nine thousand packets.
    let judged = u64::from(SECONDS) * 50;
    assert!(cost.allocations <= 8 * judged, "{cost:?}");
}
