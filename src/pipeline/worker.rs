//! A worker's thread: counts what comes, closes seconds where the marks say so.
//!
//! Packets come on a lane from each capture thread. What bears on all of them waits until every
//! lane has come to it: a second closes when none of them can bring a packet of it any more, and
//! totals are taken when each has come to their mark, so that they add up to the packets that
//! were seen.

use super::batch::{Batch, Boundary, Item, Mark};
use super::latest::Latest;
use super::{Hosts, HungUp, Message, Settings};
use crate::count::Counters;
use crate::count::delta::Delta;
use crate::count::period::Period;
use crate::home::Home;
use crate::time::Timestamp;
use crossbeam_channel::{Receiver, Select, Sender};
use std::collections::VecDeque;
use std::sync::Arc;

/// Counts until all lanes have ended.
pub(super) fn work(
    number: usize,
    counters: Counters,
    settings: &Settings,
    lanes: Vec<Receiver<Batch>>,
    latest: &Latest,
    recycle: &Sender<Batch>,
    to_correlate: &Sender<Message>,
) -> Result<(), HungUp> {
    let mut worker = Worker {
        number,
        counters,
        lanes: lanes.into_iter().map(Lane::new).collect(),
        closed: i64::MIN,
        told: i64::MIN,
        told_hosts: settings.hosts,
        home: Arc::clone(&settings.context.home),
        periods: VecDeque::new(),
        deltas: Vec::new(),
        latest,
        seen: 0,
        recycle,
        to_correlate,
    };
    while let Some(lane) = worker.next_lane()? {
        worker.read(lane)?;
    }
    worker.finish()
}

/// Seconds that a lane is read ahead of another at most: what is open between them is kept for
/// every host. A lane further ahead waits, and its batches with it.
const AHEAD: i64 = 30;

/// Packets whose counters are fetched at once.
const FETCHED: usize = 16;

struct Worker<'a> {
    number: usize,
    counters: Counters,
    lanes: Vec<Lane>,
    /// The second that was closed last.
    closed: i64,
    /// The second up to which that was told.
    told: i64,
    /// Which hosts are told by period, if any.
    told_hosts: Hosts,
    home: Arc<Home>,
    /// What hosts did in periods that have ended, until the last second of each is closed.
    periods: VecDeque<(i64, Period)>,
    /// What was closed and has not been told.
    deltas: Vec<Delta>,
    latest: &'a Latest,
    /// How often keywords had been set when that was last looked at.
    seen: u64,
    recycle: &'a Sender<Batch>,
    to_correlate: &'a Sender<Message>,
}

/// The way from a capture thread.
struct Lane {
    batches: Receiver<Batch>,
    /// The batch that is being read, and how far.
    open: Option<(Batch, usize)>,
    /// The second up to which this lane brings nothing any more.
    closed: i64,
    /// The mark that it waits at for the others.
    waits: Option<Boundary>,
    /// Its newest packet, where it has ended with one.
    end: Option<Timestamp>,
    /// Whether the state is kept at the end.
    kept: bool,
    ended: bool,
}

impl Lane {
    fn new(batches: Receiver<Batch>) -> Self {
        Self {
            batches,
            open: None,
            closed: i64::MIN,
            waits: None,
            end: None,
            kept: false,
            ended: false,
        }
    }

    /// Whether it can be read, as far as it goes by itself.
    fn is_free(&self) -> bool {
        !self.ended && self.waits.is_none()
    }

    /// Whether it has to wait for the slowest of those that can be read, which is at `slowest`.
    fn is_ahead(&self, slowest: i64) -> bool {
        self.closed > slowest.saturating_add(AHEAD)
    }
}

impl Worker<'_> {
    /// The next lane with a batch to read; waits for one. `None` when all lanes have ended.
    fn next_lane(&mut self) -> Result<Option<usize>, HungUp> {
        loop {
            let slowest = self.slowest();
            let is_open =
                |lane: &Lane| lane.open.is_some() && lane.is_free() && !lane.is_ahead(slowest);
            if let Some(at) = self.lanes.iter().position(is_open) {
                return Ok(Some(at));
            }
            let Some(at) = self.ready() else {
                return Ok(None);
            };
            let Some(lane) = self.lanes.get_mut(at) else {
                return Ok(None);
            };
            if let Ok(batch) = lane.batches.recv() {
                lane.open = Some((batch, 0));
            } else {
                lane.ended = true;
                lane.closed = i64::MAX;
                self.close()?;
                self.align()?;
            }
        }
    }

    /// How far the slowest of the lanes that can be read has come. One that has brought nothing
    /// yet tells nothing, and one that waits at a mark waits for the others.
    fn slowest(&self) -> i64 {
        let lanes = self.lanes.iter().filter(|lane| lane.is_free());
        let closed = lanes.map(|lane| lane.closed);
        closed
            .filter(|closed| *closed > i64::MIN)
            .min()
            .unwrap_or(i64::MAX)
    }

    /// A lane on which there is something to receive, or which has ended.
    fn ready(&self) -> Option<usize> {
        let slowest = self.slowest();
        let readable = || {
            let lanes = self.lanes.iter().enumerate();
            lanes.filter(move |(_, lane)| lane.is_free() && !lane.is_ahead(slowest))
        };
        // One lane is the usual case, and needs no choice.
        let (first, _) = readable().next()?;
        if readable().nth(1).is_none() {
            return Some(first);
        }
        let mut select = Select::new();
        for (_, lane) in readable() {
            select.recv(&lane.batches);
        }
        let chosen = select.ready();
        readable().nth(chosen).map(|(at, _)| at)
    }

    /// Reads a lane's batch to its end, or to a mark at which it has to wait.
    fn read(&mut self, at: usize) -> Result<(), HungUp> {
        let Some((mut batch, from)) = self.lanes.get_mut(at).and_then(|lane| lane.open.take())
        else {
            return Ok(());
        };
        let mut place = from;
        for item in batch.items(from) {
            if place.is_multiple_of(FETCHED) {
                self.fetch(batch.items(place).take(FETCHED));
            }
            place += 1;
            match item {
                Item::Packet(packet, payload, late) => {
                    self.counters.record(&packet.with_payload(payload), late);
                }
                Item::Binding(binding, late) => self.counters.bind(&binding, late),
                Item::Mark(mark) => {
                    if self.mark(at, mark)? {
                        break;
                    }
                }
            }
        }
        if place < batch.len() {
            if let Some(lane) = self.lanes.get_mut(at) {
                lane.open = Some((batch, place));
            }
        } else {
            batch.clear();
            // With the pool full or the capture thread gone, the batch is simply dropped.
            let _ = self.recycle.try_send(batch);
        }
        self.tell_closed()
    }

    /// Fetches the counters that these packets will change.
    #[inline]
    fn fetch<'a>(&self, items: impl Iterator<Item = Item<'a>>) {
        for item in items {
            if let Item::Packet(packet, payload, _) = item {
                self.counters.fetch(packet, payload);
            }
        }
    }

    /// Does what a mark says; whether its lane has to wait for others.
    fn mark(&mut self, at: usize, mark: Mark) -> Result<bool, HungUp> {
        let Some(lane) = self.lanes.get_mut(at) else {
            return Ok(false);
        };
        match mark {
            Mark::Forget => self.counters.forget(),
            Mark::Shed(packets) => self.counters.shed(packets),
            Mark::End { newest, kept } => {
                lane.end = Some(newest);
                lane.kept = kept;
            }
            Mark::Close(through) => {
                lane.closed = through;
                self.close()?;
            }
            Mark::Boundary(boundary) => {
                lane.waits = Some(boundary);
                self.align()?;
            }
        }
        let slowest = self.slowest();
        let waits = |lane: &Lane| lane.waits.is_some() || lane.is_ahead(slowest);
        Ok(self.lanes.get(at).is_some_and(waits))
    }

    /// Tells the periods whose last second is among those up to `through`, which are being closed.
    fn close_periods(&mut self, through: i64) -> Result<(), HungUp> {
        while let Some((at, _)) = self.periods.front()
            && *at <= through.saturating_add(1)
            && let Some((at, period)) = self.periods.pop_front()
        {
            self.deltas.append(&mut self.counters.close(at - 1));
            self.tell_period(at, at - 1, period)?;
        }
        Ok(())
    }

    /// Ends a period; `None` where there are none.
    fn end_period(&mut self) -> Option<Period> {
        let Hosts::Every { outside, .. } = self.told_hosts else {
            return None;
        };
        let home = &self.home;
        let is_told = |host| outside || home.contains(host) != Some(false);
        Some(self.counters.end_period(is_told))
    }

    /// Tells the periods that are left, and the last, whose seconds are closed up to `through`.
    fn last_periods(&mut self, through: i64) -> Result<(), HungUp> {
        while let Some((at, period)) = self.periods.pop_front() {
            self.tell_period(at, through.min(at - 1), period)?;
        }
        if let Some(period) = self.end_period() {
            self.tell_period(i64::MAX, through, period)?;
        }
        Ok(())
    }

    fn tell_period(&mut self, at: i64, through: i64, mut period: Period) -> Result<(), HungUp> {
        self.counters.close_period(through, &mut period);
        Ok(self.to_correlate.send(Message::Period { at, period })?)
    }

    /// Closes the seconds of which no lane brings anything any more.
    fn close(&mut self) -> Result<(), HungUp> {
        let through = self.lanes.iter().map(|lane| lane.closed).min();
        // The end has its own mark.
        let through = through.filter(|through| *through < i64::MAX);
        if let Some(through) = through.filter(|through| *through > self.closed) {
            self.close_periods(through)?;
            self.deltas.append(&mut self.counters.close(through));
            self.closed = through;
            if let Some(reload) = self.latest.since(&mut self.seen) {
                self.counters.set_keywords(reload.keywords);
                self.home = reload.home;
            }
        }
        Ok(())
    }

    /// Takes the totals, or saves the state, when every lane has come to the mark.
    fn align(&mut self) -> Result<(), HungUp> {
        let waits = self.lanes.iter().filter(|lane| !lane.ended);
        // One that is not there yet is less than any other.
        let Some(boundary) = waits.map(|lane| lane.waits).min().flatten() else {
            return Ok(());
        };
        if boundary.totals {
            let (at, counts) = (boundary.at, self.counters.packets());
            self.to_correlate.send(Message::Counted { at, counts })?;
        }
        if boundary.hosts
            && let Some(period) = self.end_period()
        {
            self.periods.push_back((boundary.at, period));
        }
        if boundary.keep {
            self.tell_closed()?;
            self.save(boundary.at)?;
        }
        for lane in &mut self.lanes {
            lane.waits = lane.waits.filter(|other| *other > boundary);
        }
        Ok(())
    }

    /// Hands over all that is counted and not told, as of a second.
    fn save(&mut self, at: i64) -> Result<(), HungUp> {
        // What cannot be saved leaves this state incomplete, and the one before stays.
        let Ok(saved) = self.counters.save() else {
            return Ok(());
        };
        Ok(self.to_correlate.send(Message::Saved {
            at,
            closed: self.closed,
            saved: Box::new(saved),
        })?)
    }

    /// Tells the seconds that were closed since it was last told.
    fn tell_closed(&mut self) -> Result<(), HungUp> {
        if self.closed > self.told {
            self.told = self.closed;
            self.to_correlate.send(Message::Closed {
                worker: self.number,
                through: self.closed,
                deltas: std::mem::take(&mut self.deltas),
            })?;
        }
        Ok(())
    }

    /// Tells what is left when all lanes have ended.
    fn finish(mut self) -> Result<(), HungUp> {
        let newest = self.lanes.iter().filter_map(|lane| lane.end).max();
        let kept = self.lanes.iter().any(|lane| lane.kept);
        if kept {
            self.tell_closed()?;
            self.save(i64::MAX)?;
            // What is open is told by whoever goes on.
            self.last_periods(self.closed)?;
        } else if let Some(newest) = newest {
            self.close_periods(i64::MAX)?;
            self.deltas.append(&mut self.counters.end(newest));
            self.last_periods(i64::MAX)?;
        }
        self.to_correlate.send(Message::Closed {
            worker: self.number,
            through: i64::MAX,
            deltas: std::mem::take(&mut self.deltas),
        })?;
        self.to_correlate.send(Message::Finished {
            counts: self.counters.packets(),
            hosts: match self.told_hosts {
                Hosts::AtEnd => self.counters.finish(),
                Hosts::Never | Hosts::Every { .. } => Vec::new(),
            },
        })?;
        Ok(())
    }
}
