//! What came of one host.

use super::baselines::Baselines;
use mxray::correlate::score::{Against, score};
use mxray::correlate::{Judgement, posterior};
use mxray::host::HostAddr;
use mxray::synth::population::{Sample, Truth, View};
use mxray::time::{NANOS, Timestamp};
use mxray::verdict::{Class, Level};
use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// A verdict as it was told.
#[derive(Clone, Debug)]
pub(crate) struct Crossing {
    pub(crate) time: Timestamp,
    pub(crate) level: Level,
    pub(crate) class: Class,
    pub(crate) score: f64,
    pub(crate) ruled_out: RuledOut,
    pub(crate) reason: String,
    pub(crate) closes: bool,
    /// Of a flood, whom the verdict about the server names first.
    pub(crate) leader: Option<HostAddr>,
}

impl Crossing {
    /// Whom it is held to have named, told of this host: of a flood, who leads it as well.
    pub(crate) fn named(&self, host: HostAddr) -> impl Iterator<Item = HostAddr> {
        self.leader.into_iter().chain([host])
    }
}

/// Whether a verdict of this level and class finds what there is: a conviction, but of a flood
/// what is told at all, since few have both caps that a conviction takes (decision 0014).
pub(crate) fn finds(level: Level, class: Class) -> bool {
    let flood = matches!(class, Class::PtrFlood | Class::AFlood);
    level.convicted() || flood && level >= Level::Suspected
}

/// The score if one honest thing that a host could be were ruled out for certain: what any
/// evidence against that thing alone could win at the most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuledOut([f64; 3]);

impl Default for RuledOut {
    fn default() -> Self {
        Self([f64::NEG_INFINITY; 3])
    }
}

impl RuledOut {
    /// What is ruled out, in order.
    pub(crate) const THINGS: [&str; 3] = ["PC", "sender", "prober"];

    pub(crate) fn of(judgement: &Judgement) -> Self {
        let (sums, prior) = (judgement.against, judgement.role.prior());
        let without = [
            Against { pc: 0.0, ..prior },
            Against {
                sender: 0.0,
                ..prior
            },
            Against {
                prober: 0.0,
                ..prior
            },
        ];
        Self(without.map(|prior| score(sums, prior)))
    }

    fn raise(&mut self, other: Self) {
        for (mine, other) in self.0.iter_mut().zip(other.0) {
            *mine = mine.max(other);
        }
    }

    /// With which of the three ruled out the host would be convicted.
    pub(crate) fn convicts(&self) -> [bool; 3] {
        self.0.map(|score| posterior(score) >= 0.99)
    }
}

/// How long a level took from the onset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delay {
    /// Frames of the host that the sensor saw.
    pub(crate) packets: usize,
    /// Recipient domains.
    pub(crate) domains: usize,
    pub(crate) seconds: f64,
}

/// What came of a host in its day.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) sample: Sample,
    pub(crate) view: View,
    /// The highest level, and the class that it had then.
    pub(crate) level: Level,
    pub(crate) class: Class,
    /// The highest score and posterior.
    pub(crate) score: f64,
    pub(crate) posterior: f64,
    pub(crate) ruled_out: RuledOut,
    /// The sentence of the most severe verdict, or of the end where there was none.
    pub(crate) reason: String,
    /// The first time of each level from `notice` on, of who has an onset to reckon from.
    pub(crate) reached: BTreeMap<Level, Delay>,
    /// Seconds from the nearest packet before to each verdict.
    pub(crate) lags: Vec<f64>,
    /// Families that spoke against it at the end.
    pub(crate) families: Vec<&'static str>,
    pub(crate) baselines: Baselines,
    times: Vec<Timestamp>,
}

impl Outcome {
    pub(crate) fn new(sample: Sample, view: View, times: Vec<Timestamp>) -> Self {
        Self {
            sample,
            view,
            level: Level::None,
            class: Class::Ordinary,
            score: 0.0,
            posterior: posterior(0.0),
            ruled_out: RuledOut::default(),
            reason: String::new(),
            reached: BTreeMap::new(),
            lags: Vec::new(),
            families: Vec::new(),
            baselines: Baselines::default(),
            times,
        }
    }

    /// A verdict about it.
    pub(crate) fn hear(&mut self, verdict: &Crossing) {
        self.raise(verdict.score, verdict.ruled_out);
        if !verdict.closes {
            let before = self.times.partition_point(|time| *time <= verdict.time);
            if let Some(packet) = before.checked_sub(1).and_then(|at| self.times.get(at)) {
                self.lags.push(seconds(*packet, verdict.time));
            }
            for level in Level::ALL {
                if level > Level::None
                    && level <= verdict.level
                    && let Some(delay) = self.delay(verdict.time)
                {
                    self.reached.entry(level).or_insert(delay);
                }
            }
        }
        if verdict.level > self.level
            || (verdict.level == self.level && verdict.level > Level::None)
        {
            self.level = verdict.level;
            self.class = verdict.class;
            self.reason.clone_from(&verdict.reason);
        }
    }

    /// The end of the input.
    pub(crate) fn end(
        &mut self,
        score: f64,
        ruled_out: RuledOut,
        reason: &str,
        families: &[&'static str],
    ) {
        self.raise(score, ruled_out);
        if self.reason.is_empty() {
            reason.clone_into(&mut self.reason);
        }
        self.families.extend_from_slice(families);
        // What the delays needed.
        if self.level == Level::None {
            self.times.clear();
        }
    }

    fn raise(&mut self, score: f64, ruled_out: RuledOut) {
        self.ruled_out.raise(ruled_out);
        self.score = self.score.max(score);
        self.posterior = posterior(self.score);
    }

    fn delay(&self, at: Timestamp) -> Option<Delay> {
        let onset = self.sample.onset?;
        let packets = self
            .times
            .iter()
            .filter(|time| **time >= onset && **time <= at);
        let recipients = self.sample.recipients.iter();
        let domains: HashSet<_> = recipients
            .filter(|(time, _)| *time <= at)
            .map(|(_, domain)| domain)
            .collect();
        Some(Delay {
            packets: packets.count(),
            domains: domains.len(),
            seconds: seconds(onset, at).max(0.0),
        })
    }

    pub(crate) fn is_bot(&self) -> bool {
        self.sample.row.truth == Truth::Bot
    }

    /// Whether it was found; see [`finds`].
    pub(crate) fn found(&self) -> bool {
        finds(self.level, self.class)
    }

    /// Whether the sensor could see what it is judged for at all.
    pub(crate) fn visible(&self) -> bool {
        let shows = self.sample.shows;
        match self.view {
            View::DnsOnly | View::Cut => shows.dns,
            View::SmtpOnly => shows.smtp,
            _ => shows.dns || shows.smtp,
        }
    }

    /// Whether of its own mail nothing was seen but the DNS.
    pub(crate) fn dns_alone(&self) -> bool {
        matches!(self.view, View::DnsOnly | View::Cut)
    }

    /// Whether both its DNS and its SMTP were seen, from both sides.
    pub(crate) fn both_halves(&self) -> bool {
        let shows = self.sample.shows;
        !self.view.is_half() && shows.dns && shows.smtp
    }

    /// Whether the class is one of those that are right: of a bot whose DNS is not seen, that
    /// it turns to many.
    pub(crate) fn class_right(&self) -> bool {
        let right = self.sample.row.classes;
        let by_dns = [Class::Gen2Mx, Class::Gen3A, Class::Hybrid];
        let unseen = self.view == View::SmtpOnly
            && self.class == Class::SpamFanout
            && by_dns.iter().any(|class| right.contains(class));
        unseen || right.contains(&self.class)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sample,
            level,
            class,
            score,
            reason,
            ..
        } = self;
        let (row, family, form) = (sample.row.name, sample.family.name(), &sample.form);
        let (view, level, class) = (self.view.name(), level.name(), class.name());
        let domains = self.reached.get(&Level::Likely).map(|delay| delay.domains);
        write!(
            f,
            "{row} | {family} | {view} | {form} | {level} | {class} | {score:.1} | {domains:?} | {} | {reason}",
            self.families.join(" ")
        )
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a day of nanoseconds, told in seconds"
)]
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.nanos_since(from) as f64 / NANOS as f64
}
