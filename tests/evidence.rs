//! The packets behind verdicts, from a source in memory through the pipeline into files: no more
//! than was captured, in its order, and no payload unless that is asked for.

use crate::captures::{self, Captured, synth, synth_names};
use mxray::capture::{Fault, Filter, Frame, Input, Origin, Progress, Replay, Source};
use mxray::correlate::{Context, Verdict};
use mxray::decode::fragment::Fragments;
use mxray::decode::packet::{Sliced, headers_len};
use mxray::host::HostAddr;
use mxray::pipeline::{self, Behind, Hosts, Keep, Settings, Tap};
use mxray::report::packets::PacketFiles;
use mxray::report::{EvidenceCounts, Sink, Totals};
use mxray::time::Timestamp;
use mxray::verdict::Level;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// Some of the frames, as an interface yields them: one that knows no end.
struct Memory<'a> {
    frames: std::slice::Iter<'a, Captured>,
    files: Vec<PathBuf>,
}

impl Source for Memory<'_> {
    fn next_input(&mut self) -> Option<Input<'_>> {
        self.frames.next().map(|one| Input::Frame(one.frame()))
    }

    fn take_faults(&mut self) -> Vec<Fault> {
        Vec::new()
    }

    fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn progress(&self) -> Progress {
        Progress::default()
    }
}

struct Written {
    files: PacketFiles,
    /// Hosts with a verdict that packets are written for, and what these verdicts name.
    named: BTreeMap<HostAddr, BTreeSet<(Origin, Timestamp)>>,
}

impl Sink for Written {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.files.verdict(verdict);
        let judgement = &verdict.judgement;
        if judgement.level >= Level::Suspected {
            let packets = judgement.evidence.iter().flat_map(|piece| &piece.packets);
            let packets = packets.map(|packet| (packet.origin, packet.time));
            self.named.entry(verdict.host).or_default().extend(packets);
        }
        Ok(())
    }

    fn packets(&mut self, host: HostAddr, frames: &[Frame<'_>]) -> io::Result<()> {
        self.files.packets(host, frames);
        Ok(())
    }

    fn fault(&mut self, fault: &Fault) {
        panic!("{fault}");
    }
}

/// Runs captures, one for each capture thread, and writes what is kept.
fn run(captures: &[&[Captured]], keep: Option<Keep>, folder: &Path) -> (Written, Totals) {
    let interfaces: Vec<_> = (0..captures.len()).map(|at| format!("eth{at}")).collect();
    let files = PacketFiles::open(folder, "test", &interfaces, keep == Some(Keep::Whole)).unwrap();
    let named = BTreeMap::new();
    let mut sink = Written { files, named };
    let mut sources: Vec<_> = captures
        .iter()
        .map(|frames| Memory {
            frames: frames.iter(),
            files: vec![PathBuf::from("memory")],
        })
        .collect();
    let mut progress: Vec<_> = captures.iter().map(|_| |_| ()).collect();
    let taps = sources.iter_mut().zip(&mut progress);
    let taps = taps.map(|(source, progress)| Tap {
        source,
        filter: Filter::new(None, None, None).unwrap(),
        progress,
    });
    let settings = Settings {
        workers: NonZeroUsize::new(2).unwrap(),
        count: mxray::count::Settings::default(),
        context: Context::default(),
        stats: None,
        behind: Behind::Shed { from: 0 },
        hosts: Hosts::Never,
        keep,
        follow: false,
    };
    let totals = pipeline::run(taps.collect(), &settings, None, None, &mut sink).unwrap();
    (sink, totals)
}

/// What is in the files, by file.
fn written(folder: &Path) -> Vec<Vec<Captured>> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let frames = paths.iter().map(|path| {
        let mut replay = Replay::open(&[path]);
        let frames = captures::all(&mut replay);
        assert_eq!(replay.take_faults().len(), 0);
        frames
    });
    frames.collect()
}

fn contains(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}

#[test]
fn what_is_written_was_captured_and_is_in_order() {
    for (name, keep) in [
        ("study-client-b", Keep::Headers),
        ("study-client-b", Keep::Whole),
        ("fanout-bot", Keep::Headers),
    ] {
        let captured = synth(name);
        let folder = tempfile::tempdir().unwrap();
        let (sink, totals) = run(&[&captured], Some(keep), folder.path());
        let counts = sink.files.counts();
        assert_eq!(totals.evidence, Some(EvidenceCounts::default()), "{name}");
        let files = written(folder.path());
        assert_eq!(files.len(), sink.named.len(), "{name}");
        let packets: usize = files.iter().map(Vec::len).sum();
        assert_eq!(counts.packets, packets as u64, "{name}");
        for frames in &files {
            assert!(frames.is_sorted_by_key(|frame| frame.time), "{name}");
            // Each is one of those captured, and none is there twice.
            let mut from = captured.iter();
            for frame in frames {
                let whole = from.find(|whole| {
                    whole.time == frame.time && whole.bytes.starts_with(&frame.bytes)
                });
                let whole = whole.unwrap_or_else(|| panic!("{name}: {frame:?}"));
                assert_eq!(whole.wire_len, frame.wire_len);
                match keep {
                    Keep::Whole => assert_eq!(whole.bytes, frame.bytes),
                    Keep::Headers => assert!(frame.bytes.len() <= 14 + 4 + 60 + 60),
                }
            }
        }
        // Of what verdicts name, all is there, since it was noticed at its first lookup.
        let times: BTreeSet<_> = files.iter().flatten().map(|frame| frame.time).collect();
        for (_, time) in sink.named.values().flatten() {
            assert!(times.contains(time), "{name}: {time}");
        }
    }
}

/// Through links, tunnels and fragments, of all captures there are.
#[test]
fn headers_hold_nothing_of_the_payload() {
    for name in synth_names() {
        let mut fragments = Fragments::default();
        for captured in synth(name) {
            let frame = captured.frame();
            let outcome = fragments.slice(&frame);
            let Sliced::Packet(packet) = outcome.sliced else {
                continue;
            };
            let length = headers_len(&frame, &packet);
            let (headers, rest) = frame.bytes.split_at(length);
            let payload = packet.payload;
            // Of a datagram that was put together it lies elsewhere.
            let here = rest.starts_with(payload);
            assert!(
                here || outcome.reassembled > 0,
                "{name}: {:?}",
                frame.origin
            );
            if payload.len() >= 8 {
                let beginning = &payload[..payload.len().min(24)];
                assert!(!contains(headers, beginning), "{name}: {:?}", frame.origin);
            }
        }
    }
}

#[test]
fn names_are_written_only_where_payload_is() {
    let captured = synth("study-client-b");
    for (keep, there) in [(Keep::Headers, false), (Keep::Whole, true)] {
        let folder = tempfile::tempdir().unwrap();
        run(&[&captured], Some(keep), folder.path());
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let octets = std::fs::read(entry.unwrap().path()).unwrap();
            // What stands in every name that it asks for.
            assert_eq!(contains(&octets, b"-mxray"), there);
        }
    }
}

#[test]
fn nothing_is_kept_unless_asked_for() {
    let captured = synth("study-client-b");
    let folder = tempfile::tempdir().unwrap();
    let (sink, totals) = run(&[&captured], None, folder.path());
    assert!(!sink.named.is_empty());
    assert_eq!(totals.evidence, None);
    assert_eq!(written(folder.path()).len(), 0);
}

/// Packets of two interfaces are put in order.
#[test]
fn several_capture_threads_write_one_file_in_order() {
    let captured = synth("study-client-b");
    let of = |part: usize| {
        let frames = captured.iter().enumerate();
        let frames = frames.filter(|(at, _)| at % 2 == part).map(|(_, frame)| {
            let mut frame = frame.clone();
            frame.origin.file = u32::try_from(part).unwrap();
            frame
        });
        frames.collect::<Vec<_>>()
    };
    let folder = tempfile::tempdir().unwrap();
    let (sink, _) = run(&[&of(0), &of(1)], Some(Keep::Headers), folder.path());
    let files = written(folder.path());
    assert_eq!(files.len(), sink.named.len());
    for frames in &files {
        assert!(frames.len() > 100);
        assert!(frames.is_sorted_by_key(|frame| frame.time));
        let times: BTreeSet<_> = frames.iter().map(|frame| frame.time).collect();
        assert!(frames.len() - times.len() < frames.len() / 10);
    }
}
