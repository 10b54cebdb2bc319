//! The attempts of a host that makes more than are kept: integer counters and sketches in
//! buckets of time.
//!
//! | ring | buckets | kept | for the window |
//! |---|---|---|---|
//! | fine | 1 min | 16 | 10 min: 9 to 10 min |
//! | middle | 5 min | 24 | 1 h: 55 to 60 min |
//! | coarse | 1 h | 49 | 24 h: 23 to 24 h |
//!
//! A window is as many whole buckets and the one that is open, so shorter by up to a bucket;
//! the counters of its buckets are exact. The rest of each ring is for the destinations from
//! before a window: new ones are the difference of two unions, an estimate with the error of
//! the larger one, 1.6% of it (standard).
//!
//! Memory of a host: a sketch is 8 octets for two addresses, 520 for 128, then 3 kB; for one
//! port at most 89 buckets, 280 kB; at most [`PORTS`] ports. 1,024 attempts are kept for the
//! outcomes that are to come.

use super::{Answer, Attempt, DAY, PATIENCE, Reach, owner};
use crate::count::delta::Outcome;
use crate::count::smtp::PortTotals;
use crate::decode::tcp::UNANSWERED;
use crate::time::{NANOS, Timestamp};
use cardinality_estimator::CardinalityEstimator;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Ports of a host that are told apart; further ones count in the totals.
const PORTS: usize = 8;
/// The further ones.
const OTHER: u16 = 0;
/// Attempts whose outcome can still be told to be theirs.
const RECENT: usize = 1_024;

/// Buckets of a minute, five minutes and an hour.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Rings {
    newest: Timestamp,
    /// By width, least first.
    widths: [Ring; 3],
    recent: VecDeque<(Attempt, Option<Outcome>)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Ring {
    width: i64,
    kept: i64,
    /// By index; a bucket without attempts is missing.
    buckets: VecDeque<Bucket>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Bucket {
    index: i64,
    cells: Vec<Cell>,
}

/// One port in one bucket.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Cell {
    port: u16,
    attempts: u64,
    established: u64,
    refused: u64,
    unanswered: u64,
    #[serde(with = "crate::count::sketch")]
    destinations: CardinalityEstimator<u64>,
}

impl Default for Rings {
    fn default() -> Self {
        let ring = |width: i64, kept| Ring {
            width: width * NANOS,
            kept,
            buckets: VecDeque::new(),
        };
        Self {
            newest: Timestamp::MIN,
            widths: [ring(60, 16), ring(300, 24), ring(3_600, 49)],
            recent: VecDeque::new(),
        }
    }
}

impl Rings {
    /// Memory beside the struct itself; a sketch is as long as its attempts make it, at the most.
    pub(super) fn octets(&self) -> usize {
        const SKETCH: u64 = 3_100;
        let cells = self.widths.iter().flat_map(|ring| &ring.buckets);
        let cells = cells.flat_map(|bucket| &bucket.cells);
        let sketch = |cell: &Cell| usize::try_from((8 * cell.attempts).min(SKETCH)).unwrap_or(0);
        let cells = cells.map(|cell| size_of_val(cell) + size_of::<Bucket>() + sketch(cell));
        self.recent.len() * size_of::<(Attempt, Option<Outcome>)>() + cells.sum::<usize>()
    }

    /// Time of the newest attempt.
    pub(super) fn newest(&self) -> Timestamp {
        self.newest
    }

    pub(super) fn attempt(&mut self, attempt: Attempt, outcome: Option<Outcome>) {
        self.newest = self.newest.max(attempt.time);
        for ring in &mut self.widths {
            let Some(cell) = ring.cell(attempt.time, attempt.port) else {
                continue;
            };
            cell.attempts += 1;
            cell.destinations.insert_hash(attempt.destination);
            if let Some(outcome) = outcome {
                *cell.of(outcome) += 1;
            }
        }
        super::insert(&mut self.recent, (attempt, outcome));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// Adds those of another address of the host.
    pub(super) fn merge(&mut self, other: &Self) {
        self.newest = self.newest.max(other.newest);
        for (ring, other) in self.widths.iter_mut().zip(&other.widths) {
            for bucket in &other.buckets {
                for cell in &bucket.cells {
                    if let Some(mine) = ring.cell_of(bucket.index, cell.port) {
                        mine.attempts += cell.attempts;
                        mine.established += cell.established;
                        mine.refused += cell.refused;
                        mine.unanswered += cell.unanswered;
                        mine.destinations.merge(&cell.destinations);
                    }
                }
            }
        }
        for one in &other.recent {
            super::insert(&mut self.recent, *one);
        }
        let excess = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..excess);
    }

    pub(super) fn outcome(&mut self, answer: Answer) {
        let Answer { time, outcome, .. } = answer;
        let from = self
            .recent
            .partition_point(|(attempt, _)| time.nanos_since(attempt.time) > PATIENCE);
        let server = (answer.destination, answer.port);
        let own = self.recent.iter().enumerate().skip(from);
        let own = own.filter(|(_, (attempt, _))| attempt.server() == server && attempt.waits(time));
        let found = owner(own.clone().map(|(_, (_, known))| *known), outcome);
        let index = found.and_then(|at| own.clone().nth(at)).map(|(at, _)| at);
        let told = if outcome == Outcome::Unanswered {
            time.plus_nanos(-UNANSWERED)
        } else {
            time
        };
        if let Some((attempt, known)) = index.and_then(|index| self.recent.get_mut(index)) {
            let (attempt, before) = (*attempt, known.replace(outcome));
            self.change(attempt.time, attempt.port, before, outcome);
        } else if self.recent.len() == RECENT
            && self
                .recent
                .front()
                .is_some_and(|(first, _)| first.time > told)
        {
            // Its attempt is not kept any more; it was made about then.
            self.change(told, answer.port, None, outcome);
        }
    }

    /// Counts an outcome of an attempt at `time`, instead of what it was `before`.
    fn change(&mut self, time: Timestamp, port: u16, before: Option<Outcome>, outcome: Outcome) {
        for ring in &mut self.widths {
            if let Some(cell) = ring.cell(time, port) {
                if let Some(before) = before {
                    let count = cell.of(before);
                    *count = count.saturating_sub(1);
                }
                *cell.of(outcome) += 1;
            }
        }
    }

    pub(super) fn window(&self, span: u32, now: Timestamp) -> Reach {
        let span_nanos = i64::from(span) * NANOS;
        let [fine, middle, coarse] = &self.widths;
        let ring = match span {
            ..=600 => fine,
            601..=3_600 => middle,
            _ => coarse,
        };
        let last = now.nanos().div_euclid(ring.width);
        let first = last - span_nanos / ring.width + 1;
        let mut reach = Reach {
            span,
            ..Reach::default()
        };
        let mut all = CardinalityEstimator::default();
        let mut ports: BTreeMap<u16, (PortTotals, CardinalityEstimator<u64>)> = BTreeMap::new();
        let within = |bucket: &&Bucket| (first..=last).contains(&bucket.index);
        for cell in ring.buckets.iter().filter(within).flat_map(|b| &b.cells) {
            reach.attempts += cell.attempts;
            reach.established += cell.established;
            reach.refused += cell.refused;
            reach.unanswered += cell.unanswered;
            all.merge(&cell.destinations);
            let (port, destinations) = ports.entry(cell.port).or_default();
            port.port = cell.port;
            port.attempts += cell.attempts;
            port.established += cell.established;
            destinations.merge(&cell.destinations);
        }
        // What lies before the window, in whichever buckets end before it.
        let start = first.saturating_mul(ring.width);
        let mut known: CardinalityEstimator<u64> = CardinalityEstimator::default();
        for ring in &self.widths {
            for bucket in &ring.buckets {
                let end = bucket.index.saturating_add(1).saturating_mul(ring.width);
                if end <= start && start.saturating_sub(end) < DAY {
                    for cell in &bucket.cells {
                        known.merge(&cell.destinations);
                    }
                }
            }
        }
        reach.destinations = all.estimate() as u64;
        let before = known.estimate() as u64;
        known.merge(&all);
        let new = (known.estimate() as u64).saturating_sub(before);
        reach.new = new.min(reach.destinations);
        // Nothing is nothing.
        reach.exact = reach.attempts == 0;
        let ports = ports.into_iter().filter(|(port, _)| *port != OTHER);
        let ports = ports.map(|(_, (port, destinations))| PortTotals {
            destinations: destinations.estimate() as u64,
            ..port
        });
        reach.ports = ports.collect();
        reach
    }
}

impl Ring {
    /// The counters of a port at `time`; none where that lies too far back.
    fn cell(&mut self, time: Timestamp, port: u16) -> Option<&mut Cell> {
        self.cell_of(time.nanos().div_euclid(self.width), port)
    }

    /// The same in a bucket.
    fn cell_of(&mut self, index: i64, port: u16) -> Option<&mut Cell> {
        let newest = self.buckets.back().map_or(index, |bucket| bucket.index);
        if newest.saturating_sub(index) >= self.kept {
            return None;
        }
        let at = self.buckets.partition_point(|bucket| bucket.index < index);
        if self
            .buckets
            .get(at)
            .is_none_or(|bucket| bucket.index != index)
        {
            let cells = Vec::new();
            self.buckets.insert(at, Bucket { index, cells });
            while self
                .buckets
                .pop_front_if(|first| index.saturating_sub(first.index) >= self.kept)
                .is_some()
            {}
        }
        let at = self.buckets.partition_point(|bucket| bucket.index < index);
        self.buckets.get_mut(at)?.cell(port)
    }
}

impl Bucket {
    fn cell(&mut self, port: u16) -> Option<&mut Cell> {
        let known = self.cells.iter().any(|cell| cell.port == port);
        let full = self.cells.len() >= PORTS;
        let port = if !known && full { OTHER } else { port };
        if !self.cells.iter().any(|cell| cell.port == port) {
            self.cells.push(Cell {
                port,
                ..Cell::default()
            });
        }
        let at = self.cells.iter().position(|cell| cell.port == port);
        at.and_then(|at| self.cells.get_mut(at))
    }
}

impl Cell {
    fn of(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Established => &mut self.established,
            Outcome::Refused => &mut self.refused,
            Outcome::Unanswered => &mut self.unanswered,
        }
    }
}
