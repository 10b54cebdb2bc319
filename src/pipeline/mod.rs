//! The only place that starts threads and makes channels: it wires the stages.
//!
//! ```text
//! capture thread          worker threads          calling thread
//! read, filter, slice  →  decode, count       →   correlate, report
//!              batches of packets      closed seconds
//! ```
//!
//! A packet is copied once, from the reader's buffer into the batch of the worker that owns
//! its host; the worker borrows from the batch and sends it back to be filled again. Marks
//! travel in the same stream, so that every worker closes a second at the same place of it
//! whatever the number of workers. All channels are bounded: replay waits, it sheds nothing.

#![forbid(unsafe_code)]

mod batch;
mod calling;
mod capture;
mod clock;

use crate::capture::{Fault, Filter, Progress, Source};
use crate::correlate::Context;
use crate::count::delta::Delta;
use crate::count::host::HostCounters;
use crate::count::{self, Counters, PacketCounts};
use crate::host::HostAddr;
use crate::report::{CaptureCounts, Sink, Totals};
use batch::{Batch, Item, Mark};
use calling::Calling;
use capture::Lanes;
use crossbeam_channel::{Receiver, SendError, Sender, bounded};
use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::thread;

/// Batches on their way to a worker.
const QUEUED: usize = 4;
/// Messages on their way to correlation, per worker.
const MESSAGES: usize = 16;

/// What a run needs to know.
#[derive(Debug)]
pub struct Settings {
    /// Threads that decode and count.
    pub workers: NonZeroUsize,
    /// What counting needs to know.
    pub count: count::Settings,
    /// What correlation needs to know.
    pub context: Context,
    /// Packet time between two totals, in seconds.
    pub stats: Option<NonZeroU64>,
    /// Whether every host is told at the end.
    pub hosts: bool,
}

/// What reaches the calling thread.
enum Message {
    /// What went wrong with an input.
    Faults(Vec<Fault>),
    /// The capture thread's counts at a mark.
    Captured { at: i64, counts: CaptureCounts },
    /// A worker's counts at a mark.
    Counted { at: i64, counts: PacketCounts },
    /// A worker has closed the seconds up to `through`.
    Closed {
        worker: usize,
        through: i64,
        deltas: Vec<Delta>,
    },
    /// A worker has ended.
    Finished {
        counts: PacketCounts,
        hosts: Vec<(HostAddr, HostCounters)>,
    },
}

/// Runs a source through all stages into `sink`, and returns the totals at the end.
///
/// # Errors
/// Those of the sink; everything else that goes wrong is told to it as a fault.
///
/// # Panics
/// Where a stage has panicked, which is a fault of mxray.
pub fn run(
    source: &mut (dyn Source + Send),
    filter: Filter,
    settings: &Settings,
    sink: &mut dyn Sink,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> io::Result<Totals> {
    let workers = settings.workers.get();
    let (to_correlate, messages) = bounded(MESSAGES * workers);
    let (recycle, recycled) = bounded(QUEUED * workers * 2);
    thread::scope(|scope| {
        let mut to_workers = Vec::with_capacity(workers);
        for worker in 0..workers {
            let (to_worker, batches) = bounded(QUEUED);
            to_workers.push(to_worker);
            let (to_correlate, recycle) = (to_correlate.clone(), recycle.clone());
            let counters = Counters::new(settings.count.clone());
            thread::Builder::new()
                .name(format!("count-{worker}"))
                .spawn_scoped(scope, move || {
                    // An early end means that the sink failed, which the calling thread knows.
                    let _ = work(worker, counters, &batches, &recycle, &to_correlate);
                })?;
        }
        let lanes = Lanes::new(to_workers, recycled);
        let (stats, count) = (settings.stats, &settings.count);
        let capture = thread::Builder::new()
            .name("capture".to_owned())
            .spawn_scoped(scope, move || {
                capture::read(source, filter, lanes, &to_correlate, count, stats, progress)
            })?;
        let mut calling = Calling::new(settings, sink);
        let finished = calling.drain(&messages);
        // Hang up, so that a stage that still wants to send ends as well.
        drop(messages);
        let captured = capture.join().expect("the capture thread does not panic");
        finished?;
        calling.finish(captured, settings.hosts)
    })
}

/// The other side has gone: the run is over.
struct HungUp;

impl<T> From<SendError<T>> for HungUp {
    fn from(_: SendError<T>) -> Self {
        Self
    }
}

/// A worker's thread: counts what comes, closes seconds where the marks say so.
fn work(
    worker: usize,
    mut counters: Counters,
    batches: &Receiver<Batch>,
    recycle: &Sender<Batch>,
    to_correlate: &Sender<Message>,
) -> Result<(), HungUp> {
    for mut batch in batches {
        let mut deltas = Vec::new();
        let mut closed = None;
        for item in batch.items() {
            match item {
                Item::Packet(packet, late) => counters.record(&packet, late),
                Item::Binding(binding, late) => counters.bind(&binding, late),
                Item::Mark(Mark::Close(through)) => {
                    deltas.append(&mut counters.close(through));
                    closed = Some(through);
                }
                Item::Mark(Mark::Forget) => counters.forget(),
                Item::Mark(Mark::End(newest)) => {
                    deltas.append(&mut counters.end(newest));
                    closed = Some(i64::MAX);
                }
                Item::Mark(Mark::Totals(at)) => {
                    let counts = counters.packets();
                    to_correlate.send(Message::Counted { at, counts })?;
                }
            }
        }
        if let Some(through) = closed {
            to_correlate.send(Message::Closed {
                worker,
                through,
                deltas,
            })?;
        }
        batch.clear();
        // With the pool full or the capture thread gone, the batch is simply dropped.
        let _ = recycle.try_send(batch);
    }
    to_correlate.send(Message::Closed {
        worker,
        through: i64::MAX,
        deltas: Vec::new(),
    })?;
    let counts = counters.packets();
    to_correlate.send(Message::Finished {
        counts,
        hosts: counters.finish(),
    })?;
    Ok(())
}
