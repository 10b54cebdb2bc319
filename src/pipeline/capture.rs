//! The capture thread: reads frames, keeps packet time, finds out whose packet it is and
//! puts it into that host's lane.

use super::batch::{Batch, Mark};
use super::clock::Clock;
use super::{HungUp, Message};
use crate::capture::{Filter, Progress, Source};
use crate::count::delta::Delta;
use crate::count::site::SiteSeconds;
use crate::count::{self, shard_of};
use crate::decode::fragment::Fragments;
use crate::decode::lan::Binding;
use crate::decode::observation::{MailPorts, Route, route, sender};
use crate::decode::packet::{Packet, Segment, Sliced, Transport};
use crate::decode::tcp::GENERATIONS;
use crate::host::HostAddr;
use crate::report::CaptureCounts;
use crossbeam_channel::{Receiver, Sender};
use std::num::NonZeroU64;

/// The ways to the workers, each with the batch that is being filled.
pub(super) struct Lanes {
    lanes: Vec<(Batch, Sender<Batch>)>,
    recycled: Receiver<Batch>,
}

impl Lanes {
    pub(super) fn new(to_workers: Vec<Sender<Batch>>, recycled: Receiver<Batch>) -> Self {
        let lanes = to_workers
            .into_iter()
            .map(|sender| (Batch::default(), sender))
            .collect();
        Self { lanes, recycled }
    }

    /// Puts a packet into its host's lane.
    #[inline]
    fn push(&mut self, host: HostAddr, packet: &Packet<'_>, late: bool) -> Result<(), HungUp> {
        let count = self.lanes.len();
        if let Some((batch, sender)) = self.lanes.get_mut(shard_of(host) % count) {
            batch.push(packet, late);
            if batch.is_full() {
                send(batch, sender, &self.recycled)?;
            }
        }
        Ok(())
    }

    /// Puts what was said of an address into that address's lane.
    fn bind(&mut self, binding: Binding, late: bool) -> Result<(), HungUp> {
        let count = self.lanes.len();
        if let Some((batch, sender)) = self.lanes.get_mut(shard_of(binding.said.addr) % count) {
            batch.bind(binding, late);
            if batch.is_full() {
                send(batch, sender, &self.recycled)?;
            }
        }
        Ok(())
    }

    /// Puts a mark into every lane.
    fn mark(&mut self, mark: Mark) -> Result<(), HungUp> {
        for (batch, sender) in &mut self.lanes {
            batch.mark(mark);
            if batch.is_full() {
                send(batch, sender, &self.recycled)?;
            }
        }
        Ok(())
    }

    /// Hands over what there is.
    fn flush(&mut self) -> Result<(), HungUp> {
        for (batch, sender) in &mut self.lanes {
            if !batch.is_empty() {
                send(batch, sender, &self.recycled)?;
            }
        }
        Ok(())
    }
}

/// Hands a batch over and takes a used one in its place; waits while the worker is behind.
fn send(
    batch: &mut Batch,
    sender: &Sender<Batch>,
    recycled: &Receiver<Batch>,
) -> Result<(), HungUp> {
    let empty = recycled.try_recv().unwrap_or_default();
    Ok(sender.send(std::mem::replace(batch, empty))?)
}

/// Reads the source to its end and returns what was counted.
pub(super) fn read(
    source: &mut (dyn Source + Send),
    mut filter: Filter,
    mut lanes: Lanes,
    to_correlate: &Sender<Message>,
    count: &count::Settings,
    stats: Option<NonZeroU64>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> CaptureCounts {
    let mut counts = CaptureCounts::default();
    let workers = lanes.lanes.len();
    // What could not be opened is told at once, not after all the others were read.
    let _ = to_correlate.send(Message::Faults(source.take_faults()));
    let mut reader = Reader {
        lanes: &mut lanes,
        to_correlate,
        counts: &mut counts,
        mail: &count.mail,
        connections: Generation::new(count.connections),
        site: Site::new(workers),
        stats,
    };
    // An early end means that the sink failed, which the calling thread knows.
    let _ = reader.read(source, &mut filter, progress);
    let mut faults = source.take_faults();
    let refusals = filter.take_refusals();
    faults.extend(refusals.iter().map(|refusal| refusal.fault(source.files())));
    let _ = to_correlate.send(Message::Faults(faults));
    counts
}

/// Connections that begin, up to a part of those that workers may know: all of them together,
/// wherever they are counted, since only this thread sees them all in order.
struct Generation {
    begun: usize,
    bound: usize,
}

impl Generation {
    fn new(connections: usize) -> Self {
        Self {
            begun: 0,
            bound: (connections / GENERATIONS as usize).max(1),
        }
    }

    /// Whether this packet begins a connection, and with it another part is full.
    fn is_full(&mut self, packet: &Packet<'_>, mail: &MailPorts) -> bool {
        let Transport::Tcp(segment) = packet.transport else {
            return false;
        };
        // A refusal is remembered too.
        if segment.flags & (Segment::SYN | Segment::RST) != 0
            && sender(packet, segment, mail).is_some_and(|(_, service)| service.is_followed())
        {
            self.begun += 1;
        }
        let full = self.begun == self.bound;
        if full {
            self.begun = 0;
        }
        full
    }
}

/// The seconds of the site, on their way to correlation: this thread counts them, since only it
/// sees all packets, and closes them as a further worker would.
struct Site {
    worker: usize,
    seconds: SiteSeconds,
    closed: Vec<Delta>,
    /// Packets since they were handed over.
    packets: usize,
}

impl Site {
    /// Packets or seconds after which what is closed is handed over: as a batch is, so that
    /// correlation waits for nobody longer than for a worker.
    const PACKETS: usize = 2048;
    const SECONDS: usize = 64;

    fn new(worker: usize) -> Self {
        Self {
            worker,
            seconds: SiteSeconds::default(),
            closed: Vec::new(),
            packets: 0,
        }
    }

    /// Closes the seconds up to `through`, and hands them over when it is time, or `now`.
    fn close(
        &mut self,
        through: i64,
        now: bool,
        to_correlate: &Sender<Message>,
    ) -> Result<(), HungUp> {
        self.closed.extend(self.seconds.close(through));
        if now || self.packets >= Self::PACKETS || self.closed.len() >= Self::SECONDS {
            self.packets = 0;
            to_correlate.send(Message::Closed {
                worker: self.worker,
                through,
                deltas: std::mem::take(&mut self.closed),
            })?;
        }
        Ok(())
    }
}

struct Reader<'a> {
    lanes: &'a mut Lanes,
    to_correlate: &'a Sender<Message>,
    counts: &'a mut CaptureCounts,
    mail: &'a MailPorts,
    connections: Generation,
    site: Site,
    stats: Option<NonZeroU64>,
}

impl Reader<'_> {
    fn read(
        &mut self,
        source: &mut (dyn Source + Send),
        filter: &mut Filter,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), HungUp> {
        let mut clock = Clock::default();
        let mut fragments = Fragments::default();
        let mut next_totals = None;
        // Somebody may wait at the other end of a pipe: hand over at every second of it.
        let piped = source.progress().total == 0;
        let mut until_progress = 0_u32;
        loop {
            until_progress += 1;
            if until_progress == 1 << 16 {
                until_progress = 0;
                progress(source.progress());
                let faults = source.take_faults();
                if !faults.is_empty() {
                    self.to_correlate.send(Message::Faults(faults))?;
                }
            }
            let Some(frame) = source.next_frame() else {
                break;
            };
            let passes = filter.passes(&frame);
            let mut late = false;
            if passes {
                let (is_late, closed) = clock.tick(frame.time);
                late = is_late;
                if let Some(closed) = closed {
                    self.totals_due(frame.time.second(), &mut next_totals)?;
                    self.lanes.mark(Mark::Close(closed))?;
                    self.site.close(closed, piped, self.to_correlate)?;
                    if piped {
                        self.lanes.flush()?;
                    }
                }
                if !late {
                    self.site.seconds.second(frame.time.second()).packets += 1;
                    self.site.packets += 1;
                }
                self.counts.first = clock.first();
                self.counts.last = clock.newest();
            }
            let counts = &mut *self.counts;
            counts.seen += 1;
            counts.truncated += u64::from(frame.wire_len as usize > frame.bytes.len());
            counts.late += u64::from(late);
            if !passes {
                counts.filtered += 1;
                continue;
            }
            let outcome = fragments.slice(&frame);
            if outcome.reassembled > 0 {
                counts.fragments -= outcome.earlier;
                counts.ignored += outcome.earlier;
                counts.reassembled += outcome.reassembled;
            }
            match outcome.sliced {
                Sliced::Packet(packet) => match route(&packet, self.mail) {
                    Route::Host(host) => {
                        if !late {
                            let second = self.site.seconds.second(frame.time.second());
                            second.count(&packet, host, self.mail);
                        }
                        self.lanes.push(host, &packet, late)?;
                        if self.connections.is_full(&packet, self.mail) {
                            self.lanes.mark(Mark::Forget)?;
                        }
                    }
                    Route::Ignored => counts.ignored += 1,
                },
                Sliced::Binding(binding) => self.lanes.bind(binding, late)?,
                Sliced::Ignored => counts.ignored += 1,
                Sliced::Fragment(_) => counts.fragments += 1,
                Sliced::Unsupported(reason) => counts.unsupported(reason),
                Sliced::Malformed(damage) => *counts.malformed.entry(damage).or_insert(0) += 1,
            }
        }
        progress(source.progress());
        if let Some(newest) = clock.newest() {
            self.lanes.mark(Mark::End(newest))?;
        }
        self.site.close(i64::MAX, true, self.to_correlate)?;
        self.lanes.flush()
    }

    /// Asks for the totals where the newest packet begins another interval.
    fn totals_due(&mut self, second: i64, next: &mut Option<i64>) -> Result<(), HungUp> {
        let Some(every) = self.stats.and_then(|every| i64::try_from(every.get()).ok()) else {
            return Ok(());
        };
        let begun = second.div_euclid(every) * every;
        if next.is_some_and(|next| second >= next) {
            let counts = self.counts.clone();
            self.to_correlate
                .send(Message::Captured { at: begun, counts })?;
            self.lanes.mark(Mark::Totals(begun))?;
        }
        *next = Some(begun.saturating_add(every));
        Ok(())
    }
}
