//! To how many mail servers a host turns: its attempts over the last 10 minutes, hour and day
//! of packet time.
//!
//! Exact while there are at most 1,024 attempts within a day: attempts and outcomes are kept
//! as they are (24 octets each), and nothing is computed before somebody asks. So what is told
//! follows from the set of facts alone, whatever their order. Beyond that a host is counted in
//! rings of buckets (`rings.rs`), until a day has passed without an attempt.
//!
//! A destination is **new** in a window when the host made no attempt to it in the 24 hours
//! before the window began; that is why two days are kept.
//!
//! Memory of a host: at most 2,048 attempts and 6,144 outcomes, 192 KiB; in rings see there.

mod rings;

use crate::count::delta::{Outcome, Server};
use crate::count::names;
use crate::count::smtp::PortTotals;
use crate::host::HostAddr;
use crate::time::{NANOS, Timestamp};
use hashbrown::{HashMap, HashSet};
use rings::Rings;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The windows, in seconds.
pub const SPANS: [u32; 3] = [600, 3_600, 86_400];
/// A day.
const DAY: i64 = 86_400 * NANOS;
/// Attempts in a day up to which all is exact.
const EXACT: usize = 1_024;
/// Outcomes kept beside them: two of an attempt that was answered after all, and some whose
/// attempt was not seen.
const OUTCOMES: usize = 6 * EXACT;
/// An outcome belongs to an attempt this old at the most: it is told after 30 s, and an answer
/// that comes after all within minutes.
const PATIENCE: i64 = 600 * NANOS;
/// How long attempts are kept: a day, the day before it, and the time that outcomes take.
const KEPT: i64 = 2 * DAY + PATIENCE;

/// What a host's attempts of a window add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The window's length in seconds.
    pub span: u32,
    /// Attempts.
    pub attempts: u64,
    /// Those that the server answered.
    pub established: u64,
    /// Those that it refused.
    pub refused: u64,
    /// Those that nobody answered.
    pub unanswered: u64,
    /// Distinct addresses.
    pub destinations: u64,
    /// Whether all of this is exact. If not, the window is up to a bucket shorter, and
    /// destinations are estimates.
    pub exact: bool,
    /// Those of the addresses without an attempt in the 24 hours before the window.
    pub new: u64,
    /// By port, lowest first.
    pub ports: Vec<PortTotals>,
}

impl Reach {
    fn count(&mut self, outcome: Option<Outcome>) {
        self.attempts += 1;
        match outcome {
            Some(Outcome::Established) => self.established += 1,
            Some(Outcome::Refused) => self.refused += 1,
            Some(Outcome::Unanswered) => self.unanswered += 1,
            None => {}
        }
    }
}

/// The hash of an address, the same in every run.
#[must_use]
pub fn hash(addr: HostAddr) -> u64 {
    names::hash(&addr.bits().to_be_bytes())
}

/// An attempt; sorted by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Attempt {
    time: Timestamp,
    destination: u64,
    port: u16,
}

/// An outcome; sorted by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Answer {
    time: Timestamp,
    destination: u64,
    port: u16,
    outcome: Outcome,
}

impl Attempt {
    fn server(&self) -> (u64, u16) {
        (self.destination, self.port)
    }

    /// Whether an outcome of its server at `time` can be its own.
    fn waits(&self, time: Timestamp) -> bool {
        self.time <= time && time.nanos_since(self.time) <= PATIENCE
    }
}

/// A host's attempts of the last two days.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fanout(Form);

#[derive(Debug, Serialize, Deserialize)]
enum Form {
    Exact(Exact),
    Rings(Box<Rings>),
}

impl Default for Fanout {
    fn default() -> Self {
        Self(Form::Exact(Exact::default()))
    }
}

impl Fanout {
    /// Takes in an attempt.
    pub fn attempt(&mut self, time: Timestamp, server: Server) {
        let attempt = Attempt {
            time,
            destination: hash(server.addr),
            port: server.port,
        };
        match &mut self.0 {
            Form::Exact(exact) => {
                exact.attempt(attempt);
                if exact.is_too_many() {
                    self.0 = Form::Rings(Box::new(exact.spill()));
                }
            }
            // A day without attempts: the window has run empty.
            Form::Rings(rings) if time.nanos_since(rings.newest()) >= DAY => {
                let mut exact = Exact::default();
                exact.attempt(attempt);
                self.0 = Form::Exact(exact);
            }
            Form::Rings(rings) => rings.attempt(attempt, None),
        }
    }

    /// Takes in what became of an attempt to a server.
    pub fn outcome(&mut self, time: Timestamp, server: Server, outcome: Outcome) {
        let answer = Answer {
            time,
            destination: hash(server.addr),
            port: server.port,
            outcome,
        };
        match &mut self.0 {
            Form::Exact(exact) => exact.outcome(answer),
            Form::Rings(rings) => rings.outcome(answer),
        }
    }

    /// Takes in the attempts from another address of the host.
    pub(super) fn merge(&mut self, other: Self) {
        match (&mut self.0, other.0) {
            (Form::Exact(exact), Form::Exact(other)) => {
                for attempt in other.attempts {
                    exact.attempt(attempt);
                }
                for answer in other.outcomes {
                    exact.outcome(answer);
                }
                if exact.is_too_many() {
                    self.0 = Form::Rings(Box::new(exact.spill()));
                }
            }
            (Form::Exact(exact), Form::Rings(mut rings)) => {
                exact.pour(&mut rings);
                self.0 = Form::Rings(rings);
            }
            (Form::Rings(rings), Form::Exact(other)) => other.pour(rings),
            (Form::Rings(rings), Form::Rings(other)) => rings.merge(&other),
        }
    }

    /// Memory beside the struct itself.
    pub(super) fn octets(&self) -> usize {
        match &self.0 {
            Form::Exact(Exact { attempts, outcomes }) => {
                attempts.len() * size_of::<Attempt>() + outcomes.len() * size_of::<Answer>()
            }
            Form::Rings(rings) => size_of::<Rings>() + rings.octets(),
        }
    }

    /// Whether there is nothing to tell of.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Form::Exact(exact) if exact.attempts.is_empty())
    }

    /// The windows that end at `now`, inclusive: later attempts do not count. One for each of
    /// [`SPANS`], none where there never was an attempt.
    #[must_use]
    pub fn windows(&self, now: Timestamp) -> Vec<Reach> {
        match &self.0 {
            Form::Exact(exact) if exact.attempts.is_empty() => Vec::new(),
            Form::Exact(exact) => exact.windows(now),
            Form::Rings(rings) => SPANS.map(|span| rings.window(span, now)).into(),
        }
    }
}

/// Attempts and outcomes as they are, by time.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Exact {
    attempts: VecDeque<Attempt>,
    outcomes: VecDeque<Answer>,
}

/// Adds to a sorted queue; nearly always at its end.
fn insert<T: Ord>(queue: &mut VecDeque<T>, item: T) {
    if queue.back().is_none_or(|last| *last <= item) {
        queue.push_back(item);
    } else {
        let at = queue.partition_point(|other| *other <= item);
        queue.insert(at, item);
    }
}

impl Exact {
    fn attempt(&mut self, attempt: Attempt) {
        insert(&mut self.attempts, attempt);
        let gone = |time: Timestamp| attempt.time.nanos_since(time) >= KEPT;
        while self.attempts.pop_front_if(|a| gone(a.time)).is_some() {}
        while self.outcomes.pop_front_if(|a| gone(a.time)).is_some() {}
    }

    fn outcome(&mut self, answer: Answer) {
        insert(&mut self.outcomes, answer);
        if self.outcomes.len() > OUTCOMES {
            self.outcomes.pop_front();
        }
    }

    /// Whether there were more attempts than are kept within a day.
    fn is_too_many(&self) -> bool {
        let newest = self.attempts.back();
        let first = self.attempts.iter().rev().nth(EXACT);
        first.is_some_and(|first| newest.is_some_and(|n| n.time.nanos_since(first.time) < DAY))
    }

    /// What became of each attempt: an outcome belongs to the oldest attempt to its server
    /// that has none; an answer may come after all where there was none.
    fn resolved(&self) -> Vec<Option<Outcome>> {
        let mut outcomes = vec![None; self.attempts.len()];
        let mut of_server: HashMap<(u64, u16), Vec<usize>> = HashMap::new();
        for (index, attempt) in self.attempts.iter().enumerate() {
            of_server.entry(attempt.server()).or_default().push(index);
        }
        for answer in &self.outcomes {
            let Some(indices) = of_server.get(&(answer.destination, answer.port)) else {
                continue;
            };
            let time = |index: usize| self.attempts.get(index).map(|attempt| attempt.time);
            let from = indices.partition_point(|&index| {
                time(index).is_some_and(|time| answer.time.nanos_since(time) > PATIENCE)
            });
            let waiting = indices.iter().skip(from);
            let waiting = waiting.take_while(|&&index| time(index) <= Some(answer.time));
            let among: Vec<_> = waiting.map(|&index| (index, outcomes.get(index))).collect();
            let found = owner(
                among.iter().map(|(_, outcome)| outcome.copied().flatten()),
                answer.outcome,
            );
            if let Some(&(index, _)) = found.and_then(|at| among.get(at))
                && let Some(slot) = outcomes.get_mut(index)
            {
                *slot = Some(answer.outcome);
            }
        }
        outcomes
    }

    fn windows(&self, now: Timestamp) -> Vec<Reach> {
        let outcomes = self.resolved();
        let window = |span: u32| {
            let start = now.plus_nanos(-i64::from(span) * NANOS);
            let before_start = start.plus_nanos(-DAY);
            let mut reach = Reach {
                span,
                exact: true,
                ..Reach::default()
            };
            let mut known = HashSet::new();
            let mut all = HashSet::new();
            let mut ports: BTreeMap<u16, (Reach, HashSet<u64>)> = BTreeMap::new();
            for (attempt, outcome) in self.attempts.iter().zip(&outcomes) {
                if attempt.time > now || attempt.time <= before_start {
                    continue;
                }
                if attempt.time <= start {
                    known.insert(attempt.destination);
                    continue;
                }
                all.insert(attempt.destination);
                reach.count(*outcome);
                let (port, destinations) = ports.entry(attempt.port).or_default();
                port.count(*outcome);
                destinations.insert(attempt.destination);
            }
            reach.destinations = all.len() as u64;
            reach.new = all.difference(&known).count() as u64;
            let ports = ports.into_iter().map(|(port, (counts, destinations))| {
                let (attempts, established) = (counts.attempts, counts.established);
                PortTotals {
                    port,
                    attempts,
                    established,
                    destinations: destinations.len() as u64,
                }
            });
            reach.ports = ports.collect();
            reach
        };
        SPANS.map(window).into()
    }

    fn spill(&self) -> Rings {
        let mut rings = Rings::default();
        self.pour(&mut rings);
        rings
    }

    fn pour(&self, rings: &mut Rings) {
        for (&attempt, outcome) in self.attempts.iter().zip(self.resolved()) {
            rings.attempt(attempt, outcome);
        }
    }
}

/// Which of these attempts, oldest first, an outcome belongs to.
fn owner(
    attempts: impl Iterator<Item = Option<Outcome>> + Clone,
    outcome: Outcome,
) -> Option<usize> {
    let open = attempts.clone().position(|known| known.is_none());
    open.or_else(|| {
        let mut attempts = attempts;
        let after_all = outcome == Outcome::Established;
        let late = attempts.position(|known| known == Some(Outcome::Unanswered));
        late.filter(|_| after_all)
    })
}

#[cfg(test)]
mod tests;
