//! The calling thread: puts the workers' seconds together, correlates and reports.

use super::{Message, Settings};
use crate::correlate::Correlator;
use crate::count::PacketCounts;
use crate::count::delta::Delta;
use crate::count::host::HostCounters;
use crate::host::HostAddr;
use crate::report::{CaptureCounts, HostReport, Sink, Totals};
use crate::time::Timestamp;
use crossbeam_channel::Receiver;
use std::collections::BTreeMap;
use std::io;

pub(super) struct Calling<'a> {
    correlator: Correlator,
    sink: &'a mut dyn Sink,
    /// The second up to which each worker has closed.
    closed: Vec<i64>,
    /// Seconds that not all workers have closed yet.
    pending: BTreeMap<i64, Vec<Delta>>,
    /// Totals on their way, by the second at which they are told.
    totals: BTreeMap<i64, Totals>,
    end: End,
}

/// What the workers leave.
#[derive(Default)]
pub(super) struct End {
    counts: PacketCounts,
    hosts: Vec<(HostAddr, HostCounters)>,
}

impl<'a> Calling<'a> {
    pub(super) fn new(settings: &Settings, sink: &'a mut dyn Sink) -> Self {
        Self {
            correlator: Correlator::new(settings.context.clone()),
            sink,
            closed: vec![i64::MIN; settings.workers.get()],
            pending: BTreeMap::new(),
            totals: BTreeMap::new(),
            end: End::default(),
        }
    }

    /// Takes messages until every other thread has ended.
    pub(super) fn drain(&mut self, messages: &Receiver<Message>) -> io::Result<()> {
        for message in messages {
            match message {
                Message::Faults(faults) => {
                    for fault in &faults {
                        self.sink.fault(fault);
                    }
                }
                Message::Captured { at, counts } => {
                    self.totals.entry(at).or_default().capture = counts;
                }
                Message::Counted { at, counts } => {
                    self.totals.entry(at).or_default().count.add(&counts);
                }
                Message::Closed {
                    worker,
                    through,
                    deltas,
                } => {
                    for delta in deltas {
                        self.pending.entry(delta.second).or_default().push(delta);
                    }
                    if let Some(closed) = self.closed.get_mut(worker) {
                        *closed = through;
                    }
                    self.advance()?;
                }
                Message::Finished { counts, mut hosts } => {
                    self.end.counts.add(&counts);
                    self.end.hosts.append(&mut hosts);
                }
            }
        }
        Ok(())
    }

    /// Correlates the seconds that every worker has closed, in order.
    fn advance(&mut self) -> io::Result<()> {
        let closed = self.closed.iter().copied().min().unwrap_or(i64::MIN);
        while let Some(entry) = self.pending.first_entry() {
            let second = *entry.key();
            if second > closed {
                break;
            }
            let deltas = entry.remove();
            self.tell_totals(second)?;
            for verdict in self.correlator.second(&deltas) {
                self.sink.verdict(&verdict)?;
            }
            let mut bins: Vec<_> = deltas.into_iter().flat_map(|delta| delta.bins).collect();
            if !bins.is_empty() {
                bins.sort_unstable_by_key(|(host, _)| *host);
                self.sink.bins(second, &bins)?;
            }
        }
        // A worker counts at a mark before it closes the second before that mark.
        self.tell_totals(closed.saturating_add(1))
    }

    /// Tells the totals that are due at `second` or before.
    fn tell_totals(&mut self, second: i64) -> io::Result<()> {
        while let Some(entry) = self.totals.first_entry()
            && *entry.key() <= second
        {
            let second = *entry.key();
            let mut totals = entry.remove();
            for verdict in self.correlator.expire(second) {
                self.sink.verdict(&verdict)?;
            }
            let at = Timestamp::from_parts(second, 0);
            totals.suspects_evicted = self.correlator.evicted();
            totals.servers_evicted = self.correlator.servers_evicted();
            self.sink.totals(&totals, Some(at))?;
        }
        Ok(())
    }

    /// Closes what is open and tells what is told at the end.
    pub(super) fn finish(mut self, capture: CaptureCounts, hosts: bool) -> io::Result<Totals> {
        let End {
            counts,
            hosts: mut all,
        } = std::mem::take(&mut self.end);
        let totals = Totals {
            capture,
            count: counts,
            suspects_evicted: self.correlator.evicted(),
            servers_evicted: self.correlator.servers_evicted(),
            op25b: self.correlator.op25b(),
        };
        let end = totals.capture.last;
        if let Some(end) = end {
            for verdict in self.correlator.finish(end) {
                self.sink.verdict(&verdict)?;
            }
        }
        if hosts {
            all.sort_unstable_by_key(|(host, _)| *host);
            for (host, mut counters) in all {
                let totals = counters.totals();
                let judgement = self.correlator.judgement(host, &totals);
                let prefixes = &counters.prefixes;
                self.sink.host(&HostReport {
                    host,
                    at: end.unwrap_or_default(),
                    totals,
                    judgement,
                    prefixes,
                })?;
            }
        }
        self.sink.totals(&totals, end)?;
        Ok(totals)
    }
}
