//! The only place that starts threads and makes channels: it wires the stages.
//!
//! ```text
//! capture threads         worker threads          calling thread
//! read, filter, slice  →  decode, count       →   correlate, report
//!              batches of packets      closed seconds
//! ```
//!
//! There is one capture thread for all files, and live one for each packet socket. What is
//! compressed has another that takes it apart (`ahead`).
//!
//! A packet is copied once, from the reader's buffer into the batch of the worker that owns
//! its host; the worker borrows from the batch and sends it back to be filled again. Marks
//! travel in the same stream, so that every worker closes a second at the same place of it
//! whatever the number of workers. All channels are bounded: replay waits and sheds nothing,
//! live sheds packets, counts them and waits for nobody but an output that takes nothing for half
//! an hour (`outbox`).

#![forbid(unsafe_code)]

mod ahead;
mod batch;
mod calling;
mod capture;
mod clock;
mod desk;
mod generation;
mod keeper;
mod lanes;
mod latest;
mod message;
mod outbox;
mod ring;
mod schedule;
mod settings;
mod site;
mod state;
mod sync;
mod worker;

use crate::capture::{Filter, Progress, Source};
use crate::count::Counters;
use crate::report::{CaptureCounts, Sink, Totals};
pub use ahead::ahead;
use calling::Calling;
use capture::Seat;
use crossbeam_channel::bounded;
use desk::Desk;
use keeper::Keeper;
use lanes::Lanes;
use latest::Latest;
use message::{HungUp, Message};
use outbox::Outbox;
use schedule::Schedule;
pub use settings::{Behind, Hosts, Keep, Settings};
pub use state::{KeepState, Resumed, StateKeeper};
use std::io;
use std::sync::Arc;
use std::thread;

/// Batches on their way to a worker.
const QUEUED: usize = 4;
/// Batches on their way from a packet socket to a worker, 16 MiB at the most: what a worker may
/// be behind before packets are shed.
const QUEUED_LIVE: usize = 64;
/// Messages on their way to correlation, per worker: seconds, of which a flood makes each take
/// several megabytes.
const MESSAGES: usize = 2;

/// A source, and which of its frames are looked at.
pub struct Tap<'a> {
    /// Where frames come from.
    pub source: &'a mut (dyn Source + Send),
    /// Which are read.
    pub filter: Filter,
    /// Hears how far reading has come.
    pub progress: &'a mut (dyn FnMut(Progress) + Send),
}

/// Runs the sources through all stages into `sink`, each in a thread of its own, and returns the
/// totals at the end. Goes on with what an earlier run left, and has its own state kept.
///
/// # Errors
/// Those of the sink; everything else that goes wrong is told to it as a fault.
///
/// # Panics
/// Where a stage has panicked, which is a fault of mxray.
pub fn run(
    taps: Vec<Tap<'_>>,
    settings: &Settings,
    resumed: Option<Resumed>,
    keep: Option<KeepState<'_>>,
    sink: &mut dyn Sink,
) -> io::Result<Totals> {
    let workers = settings.workers.get();
    let queued = match settings.behind {
        Behind::Wait => QUEUED,
        Behind::Shed { .. } => QUEUED_LIVE,
    };
    let (to_correlate, messages) = bounded(MESSAGES * (workers + taps.len()));
    let (recycle, recycled) = bounded(queued * workers * 2);
    let latest = &Latest::default();
    let schedule = Schedule::new(settings, keep.as_ref().map(|keep| keep.every));
    let at_end = keep.as_ref().map(|keep| Arc::clone(&keep.at_end));
    let keep_state: Option<&mut dyn StateKeeper> = match keep {
        Some(keep) => Some(keep.keeper),
        None => None,
    };
    let Resumed {
        capture: mut counts,
        mut seconds,
        counters,
        judged,
    } = resumed.unwrap_or_default();
    let mut counters = counters.into_iter();
    thread::scope(|scope| {
        let mut lanes: Vec<Vec<_>> = taps.iter().map(|_| Vec::with_capacity(workers)).collect();
        for worker in 0..workers {
            let ways = lanes.iter_mut().map(|lanes| {
                let (to_worker, batches) = bounded(queued);
                lanes.push(to_worker);
                batches
            });
            let batches = ways.collect();
            let (to_correlate, recycle) = (to_correlate.clone(), recycle.clone());
            let counters = counters.next();
            let mut counters = counters.unwrap_or_else(|| Counters::new(settings.count.clone()));
            if matches!(settings.hosts, Hosts::Every { .. }) {
                // What an earlier run told, or lost, is not told again.
                counters.begin_period();
            }
            thread::Builder::new()
                .name(format!("count-{worker}"))
                .spawn_scoped(scope, move || {
                    // An early end means that the sink failed, which the calling thread knows.
                    let _ = worker::work(
                        worker,
                        counters,
                        settings,
                        batches,
                        latest,
                        &recycle,
                        &to_correlate,
                    );
                })?;
        }
        let mut desk = settings.keep.map(|_| Desk::new());
        let mut keepers: Vec<_> = taps
            .iter()
            .map(|_| Some(Keeper::new(settings.keep?, desk.as_mut()?.way())))
            .collect();
        let mut calling =
            Calling::new(settings, taps.len(), latest, judged, keep_state, desk, sink);
        let mut captures = Vec::with_capacity(taps.len());
        for (at, (tap, lanes)) in taps.into_iter().zip(lanes).enumerate() {
            let keeper = keepers.get_mut(at).and_then(Option::take);
            let lanes = Lanes::new(lanes, recycled.clone(), settings.behind);
            let to_correlate = Outbox::new(to_correlate.clone(), settings.behind);
            let seat = Seat {
                number: workers + at,
                schedule,
                at_end: at_end.clone(),
                // What an earlier run counted is the first one's to go on with.
                counts: std::mem::take(&mut counts),
                seconds: std::mem::take(&mut seconds),
                keeper,
            };
            let capture = thread::Builder::new()
                .name(format!("capture-{at}"))
                .spawn_scoped(scope, move || {
                    capture::read(tap, lanes, to_correlate, settings, seat)
                })?;
            captures.push(capture);
        }
        drop((to_correlate, recycled));
        let finished = calling.drain(&messages);
        // Hang up, so that a stage that still wants to send ends as well.
        drop(messages);
        let mut counts = CaptureCounts::default();
        let mut keepers = Vec::new();
        for capture in captures {
            let (counted, keeper) = capture.join().expect("a capture thread does not panic");
            counts.add(&counted);
            keepers.extend(keeper);
        }
        finished?;
        calling.finish(counts, keepers, settings.hosts)
    })
}
