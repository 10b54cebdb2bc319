//! Capture threads share an interface and are not always equally far: what they count together is
//! what one counts, host by host and second by second.

use crate::captures::{Captured, synth};
use crossbeam_channel::{Receiver, Sender, unbounded};
use mxray::capture::{Fault, Filter, Input, Progress, Source};
use mxray::correlate::{Context, Verdict};
use mxray::count::host::HostTotals;
use mxray::host::HostAddr;
use mxray::pipeline::{self, Behind, Hosts, Settings, Tap};
use mxray::report::{HostReport, Sink};
use mxray::time::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::vec;

#[derive(Default)]
struct Collected(BTreeMap<HostAddr, HostTotals>);

impl Sink for Collected {
    fn verdict(&mut self, _: &Verdict) -> io::Result<()> {
        Ok(())
    }

    fn host(&mut self, report: &HostReport<'_>) -> io::Result<()> {
        self.0.insert(report.host, report.totals.clone());
        Ok(())
    }

    fn fault(&mut self, fault: &Fault) {
        panic!("{fault}");
    }
}

/// Frames out of memory, some of which come when another source has come to a place.
struct Stepwise {
    frames: vec::IntoIter<Captured>,
    frame: Option<Captured>,
    /// At the frame of this number, say so.
    says: Option<(usize, Sender<()>)>,
    /// Before the frame of this number, wait until the other has.
    waits: Option<(usize, Receiver<()>)>,
    read: usize,
    files: [PathBuf; 1],
}

impl Stepwise {
    fn new(frames: Vec<Captured>) -> Self {
        Self {
            frames: frames.into_iter(),
            frame: None,
            says: None,
            waits: None,
            read: 0,
            files: [PathBuf::from("memory")],
        }
    }
}

impl Source for Stepwise {
    fn next_input(&mut self) -> Option<Input<'_>> {
        if let Some((_, other)) = self.waits.take_if(|(at, _)| *at == self.read) {
            other.recv().unwrap();
        }
        if let Some((_, other)) = self.says.take_if(|(at, _)| *at == self.read) {
            other.send(()).unwrap();
        }
        self.read += 1;
        self.frame = self.frames.next();
        Some(Input::Frame(self.frame.as_ref()?.frame()))
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

fn run(sources: &mut [Stepwise]) -> BTreeMap<HostAddr, HostTotals> {
    let mut progress: Vec<_> = sources.iter().map(|_| |_| ()).collect();
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
        behind: Behind::Wait,
        hosts: Hosts::AtEnd,
        keep: None,
        follow: false,
    };
    let mut sink = Collected::default();
    pipeline::run(taps.collect(), &settings, None, None, &mut sink).unwrap();
    sink.0
}

/// The frames of a client that asks several times a second, by turns for two threads: a question
/// and its answer for one, the next for the other.
fn halves() -> (Vec<Captured>, [Vec<Captured>; 2]) {
    let whole = synth("study-client-e");
    let mut halves = [Vec::new(), Vec::new()];
    for (number, frame) in whole.iter().enumerate() {
        halves[number / 2 % 2].push(frame.clone());
    }
    (whole, halves)
}

/// The number of the first frame at `seconds` after the first of all.
fn after(frames: &[Captured], start: Timestamp, seconds: i64) -> usize {
    let late = |frame: &Captured| frame.time.second() - start.second() >= seconds;
    let at = frames.iter().position(late);
    at.expect("a capture that long")
}

#[test]
fn a_thread_that_lags_behind_another_counts_as_exactly() {
    let (whole, halves) = halves();
    let one = run(&mut [Stepwise::new(whole.clone())]);
    let start = whole[0].time;
    // Within what is open, and further than the other is read ahead.
    for (from, behind) in [(5, 6), (5, 20), (5, 60), (40, 45)] {
        let [mut first, mut second] = halves.clone().map(Stepwise::new);
        let (says, waits) = unbounded();
        first.says = Some((after(&halves[0], start, from + behind), says));
        second.waits = Some((after(&halves[1], start, from), waits));
        let two = run(&mut [first, second]);
        assert_eq!(one.len(), two.len());
        for (host, totals) in &one {
            let (a, b) = (totals, &two[host]);
            assert_eq!(a.sums, b.sums, "{host:?}, {behind} s apart");
            assert_eq!(a.coupling, b.coupling, "{host:?}, {behind} s apart");
            assert_eq!(a.queries, b.queries, "{host:?}, {behind} s apart");
        }
    }
}
