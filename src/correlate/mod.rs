//! From counts to judgement. Pure: no clock, no I/O, no threads; what goes in is the closed
//! seconds in order ([`crate::count::delta`]), what comes out is verdicts.
//!
//! One rule a file ([`gen2`], [`gen3`]): each weighs what a [`suspect::Suspect`] has shown
//! and puts it into words. A new rule is a file beside them and a line in `weigh`.

#![forbid(unsafe_code)]

mod correlator;
pub mod evidence;
pub mod fanout;
pub mod gen2;
pub mod gen3;
pub mod regression;
pub mod role;
pub mod server;
pub mod suspect;
pub mod window;

pub use correlator::{Context, Correlator};

use crate::count::host::HostTotals;
use crate::count::series::Sums;
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::verdict::{Class, Level};
use evidence::{Evidence, Weight};
use role::RoleView;
use suspect::Suspect;

/// Score for a posterior of one half, with one host in a thousand infected: ln 999.
const SUSPECTED: f64 = 6.9;
/// Score for a posterior of .99: ln 999 + ln 99.
const LIKELY: f64 = 11.5;
/// What conduct must weigh on its own: ten to one.
const LEAST_CONDUCT: f64 = 2.3;
/// What content may weigh without conduct: below `suspected`.
const CONTENT_ALONE: f64 = 4.6;

/// What a rule finds in a host: one family of content, up to four of conduct.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// The class that the rule stands for.
    pub class: Class,
    /// Weight of what the host asks for.
    pub content: Weight,
    /// Weights of how it does that.
    pub conduct: [Option<Weight>; 4],
}

impl Finding {
    /// Every weight.
    pub fn weights(&self) -> impl Iterator<Item = Weight> + '_ {
        std::iter::once(self.content).chain(self.conduct.iter().flatten().copied())
    }

    fn conduct(&self) -> f64 {
        self.conduct.iter().flatten().map(|weight| weight.llr).sum()
    }

    /// Content and conduct together; never below 0, which is the prior. Content without
    /// conduct brings no more than a hundred to one.
    #[must_use]
    pub fn score(&self) -> f64 {
        let score = (self.content.llr + self.conduct()).max(0.0);
        if self.conduct() < LEAST_CONDUCT {
            score.min(CONTENT_ALONE)
        } else {
            score
        }
    }

    /// The level that the score reaches. Without SMTP in sight that is `likely` at the most.
    #[must_use]
    pub fn level(&self) -> Level {
        match self.score() {
            score if score >= LIKELY => Level::Likely,
            score if score >= SUSPECTED => Level::Suspected,
            _ => Level::None,
        }
    }
}

/// Probability of an infection at this score, with one host in a thousand infected.
#[must_use]
pub fn posterior(score: f64) -> f64 {
    1.0 / (1.0 + 999.0 * (-score).exp())
}

/// Where an episode stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The first verdict of an episode.
    New,
    /// Its level or class changed.
    Updated,
    /// The host has been silent for a day, or the input ended.
    Closed,
}

impl State {
    /// The stable name that events use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Updated => "updated",
            Self::Closed => "closed",
        }
    }
}

/// A judgement about a host at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The class.
    pub class: Class,
    /// How sure.
    pub level: Level,
    /// Sum of the log-likelihood ratios.
    pub score: f64,
    /// Its role.
    pub role: RoleView,
    /// Evidence for it.
    pub evidence: Vec<Evidence>,
    /// Evidence against it.
    pub counterevidence: Vec<CounterEvidence>,
    /// One plain sentence, without its subject.
    pub reason: String,
}

/// What speaks for the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterEvidence {
    /// The stable name of what was seen.
    pub what: &'static str,
    /// How often.
    pub count: u64,
    /// One plain sentence.
    pub text: String,
}

/// A judgement that is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The host.
    pub host: HostAddr,
    /// The crossing packet's time; at closing the time of closing.
    pub time: Timestamp,
    /// Time of the host's newest fact.
    pub newest: Timestamp,
    /// Where the episode stands.
    pub state: State,
    /// Time of the first observation of the episode.
    pub first_seen: Timestamp,
    /// Number of this verdict in its episode, from 1.
    pub sequence: u64,
    /// Why the operator wants no mail about it.
    pub suppressed: Option<String>,
    /// Whether the host lies inside; `None` without `--home`.
    pub inside: Option<bool>,
    /// The judgement.
    pub judgement: Judgement,
    /// The host's counters when that second was closed: bins to its end, and of the rest what
    /// had arrived, up to about two seconds more.
    pub totals: HostTotals,
}

impl Judgement {
    /// Nothing to report.
    #[must_use]
    pub fn ordinary(role: RoleView) -> Self {
        Self {
            class: Class::Ordinary,
            level: Level::None,
            score: 0.0,
            role,
            evidence: Vec::new(),
            counterevidence: Vec::new(),
            reason: "showed nothing of a mass mailer".to_owned(),
        }
    }
}

/// What every rule finds.
fn weigh(suspect: &Suspect, day: &Sums, pc: bool) -> [Option<Finding>; 2] {
    [gen2::weigh(suspect, pc), gen3::weigh(suspect, day, pc)]
}

/// The highest level that the role allows, and the class: both rules at `suspected` or more
/// make a hybrid.
fn outcome(findings: &[Option<Finding>], role: &RoleView) -> (Level, Class) {
    let mut reached = findings
        .iter()
        .flatten()
        .filter(|finding| finding.level() > Level::None);
    let Some(first) = reached.next() else {
        return (Level::None, Class::Ordinary);
    };
    let both =
        |(level, _): (Level, Class), finding: &Finding| (finding.level().max(level), Class::Hybrid);
    let (level, class) = reached.fold((first.level(), first.class), both);
    (level.min(role.limit()), class)
}

fn judge(suspect: &Suspect, day: &Sums, role: RoleView) -> Judgement {
    if role.limit() == Level::None {
        return Judgement {
            counterevidence: counterevidence(suspect),
            ..Judgement::ordinary(role)
        };
    }
    let findings = weigh(suspect, day, role.is_known_pc());
    let (level, class) = outcome(&findings, &role);
    let [gen2, gen3] = &findings;
    let mut evidence = Vec::new();
    let mut reasons = Vec::new();
    let tells = |finding: &Finding| level == Level::None || finding.level() > Level::None;
    if let Some(finding) = gen2.as_ref().filter(|finding| tells(finding)) {
        let (pieces, reason) = gen2::explain(finding, suspect);
        evidence.extend(pieces);
        reasons.push(reason);
    }
    if let Some(finding) = gen3.as_ref().filter(|finding| tells(finding)) {
        let (pieces, reason) = gen3::explain(finding, suspect, day);
        evidence.extend(pieces);
        reasons.push(reason);
    }
    let score = findings
        .iter()
        .flatten()
        .map(Finding::score)
        .fold(0.0, f64::max);
    Judgement {
        class,
        level,
        score,
        role,
        evidence,
        counterevidence: counterevidence(suspect),
        reason: reasons.join("; it "),
    }
}

fn counterevidence(suspect: &Suspect) -> Vec<CounterEvidence> {
    let mut against: Vec<_> = suspect
        .server
        .lookups
        .iter()
        .map(|(lookup, &count)| {
            let what = lookup.name();
            let text = format!(
                "made {count} {} lookups, as mail servers do",
                lookup.words()
            );
            CounterEvidence { what, count, text }
        })
        .collect();
    let led = suspect.led.len() as u64;
    if led > 0 {
        let text = format!("in {led} domains an MX lookup led to the mail host");
        against.push(CounterEvidence {
            what: "mx-led",
            count: led,
            text,
        });
    }
    against
}

#[cfg(test)]
mod tests;
