//! From counts to judgement. Pure: no clock, no I/O, no threads; what goes in is the closed
//! seconds in order ([`crate::count::delta`]), what comes out is verdicts.
//!
//! One rule a file ([`gen2`], [`gen3`], [`spam_fanout`]): each weighs what a [`suspect::Suspect`] has shown
//! and puts it into words. A new rule is a file beside them and a line in `Findings`.

#![forbid(unsafe_code)]

mod correlator;
pub mod evidence;
pub mod fanout;
pub mod gen2;
pub mod gen3;
pub mod identity;
pub mod peers;
pub mod regression;
pub mod role;
pub mod server;
pub mod spam_fanout;
pub mod suspect;
pub mod window;

pub use correlator::{Context, Correlator};

use crate::count::host::HostTotals;
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::verdict::{Class, Level};
use evidence::{Evidence, Weight};
use fanout::Reach;
use role::RoleView;
use suspect::Suspect;

/// Score for a posterior of one half, with one host in a thousand infected: ln 999.
const SUSPECTED: f64 = 6.9;
/// Score for a posterior of .99: ln 999 + ln 99.
const LIKELY: f64 = 11.5;
/// Score for `confirmed`, with two families of which one is of SMTP.
const CONFIRMED: f64 = 16.0;
/// What conduct must weigh on its own: ten to one.
const LEAST_CONDUCT: f64 = 2.3;
/// The same in SMTP: twenty to one. Of a thousand honest senders that begin, one has bad luck
/// with its first destinations; with ten to one it would be three.
const LEAST_SMTP_CONDUCT: f64 = 3.0;
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
        let least = if self.content.family.is_smtp() {
            LEAST_SMTP_CONDUCT
        } else {
            LEAST_CONDUCT
        };
        if self.conduct() < least {
            score.min(CONTENT_ALONE)
        } else {
            score
        }
    }

    /// The level that the score reaches. Without SMTP in sight that is `likely` at the most.
    #[must_use]
    pub fn level(&self) -> Level {
        let speaking = || self.weights().filter(|weight| weight.llr > 0.0);
        let smtp = speaking().any(|weight| weight.family.is_smtp()) && speaking().count() >= 2;
        match self.score() {
            score if score >= CONFIRMED && smtp => Level::Confirmed,
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
    /// Its mail connections over the last 10 minutes, hour and day; empty where there are none.
    pub windows: Vec<Reach>,
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
            windows: Vec::new(),
        }
    }
}

/// What every rule finds in a host.
struct Findings {
    gen2: Option<Finding>,
    gen3: Option<Finding>,
    spam_fanout: Option<Finding>,
}

impl Findings {
    fn of(suspect: &Suspect, totals: &HostTotals, pc: bool) -> Self {
        Self {
            gen2: gen2::weigh(suspect, pc),
            gen3: gen3::weigh(suspect, &suspect.day(totals), pc),
            spam_fanout: spam_fanout::weigh(&suspect.peers, &totals.smtp),
        }
    }

    /// Level and class by the rules about DNS: both at `suspected` or more make a hybrid.
    fn dns(&self) -> (Level, Class) {
        let reached = |finding: &&Finding| finding.level() > Level::None;
        let [gen2, gen3] = [&self.gen2, &self.gen3].map(|f| f.as_ref().filter(reached));
        match (gen2, gen3) {
            (Some(one), Some(other)) => (one.level().max(other.level()), Class::Hybrid),
            (Some(one), None) | (None, Some(one)) => (one.level(), one.class),
            (None, None) => (Level::None, Class::Ordinary),
        }
    }

    fn smtp(&self) -> Level {
        let found = self.spam_fanout.as_ref();
        found.map_or(Level::None, Finding::level)
    }

    /// Whether DNS convicts and SMTP agrees, each by content and conduct of its own.
    fn agree(&self) -> bool {
        self.dns().0.convicted() && self.smtp() >= Level::Suspected
    }

    /// The highest level that the role allows, and the class: that of the DNS where a rule
    /// about it reaches `suspected`, since it says more about what the host is.
    fn outcome(&self, role: &RoleView) -> (Level, Class) {
        let (dns, smtp) = (self.dns(), self.smtp());
        let level = if self.agree() {
            Level::Confirmed
        } else {
            dns.0.max(smtp)
        };
        let class = match (dns, smtp) {
            ((Level::None, _), Level::None) => Class::Ordinary,
            ((Level::None, _), _) => Class::SpamFanout,
            ((_, class), _) => class,
        };
        (level.min(role.limit()), class)
    }

    /// The highest score; where DNS and SMTP agree, both together.
    fn score(&self) -> f64 {
        let score = |finding: &Option<Finding>| finding.as_ref().map_or(0.0, Finding::score);
        let dns = score(&self.gen2).max(score(&self.gen3));
        let smtp = score(&self.spam_fanout);
        if self.agree() {
            dns + smtp
        } else {
            dns.max(smtp)
        }
    }
}

fn judge(suspect: &Suspect, totals: &HostTotals, role: RoleView, now: Timestamp) -> Judgement {
    let windows = suspect.fanout.windows(now);
    if role.limit() == Level::None {
        return Judgement {
            counterevidence: counterevidence(suspect, None),
            windows,
            ..Judgement::ordinary(role)
        };
    }
    let findings = Findings::of(suspect, totals, role.is_known_pc());
    let (level, class) = findings.outcome(&role);
    let mut evidence = Vec::new();
    let mut reasons = Vec::new();
    let tells = |finding: &&Finding| level == Level::None || finding.level() > Level::None;
    let mut tell = |(pieces, reason): (Vec<Evidence>, String)| {
        evidence.extend(pieces);
        reasons.push(reason);
    };
    if let Some(finding) = findings.gen2.as_ref().filter(tells) {
        tell(gen2::explain(finding, suspect));
    }
    if let Some(finding) = findings.gen3.as_ref().filter(tells) {
        tell(gen3::explain(finding, suspect, &suspect.day(totals)));
    }
    if let Some(finding) = findings.spam_fanout.as_ref().filter(tells) {
        tell(spam_fanout::explain(finding, &suspect.peers));
    }
    let reason = if reasons.is_empty() {
        Judgement::ordinary(role.clone()).reason
    } else {
        reasons.join("; it ")
    };
    Judgement {
        class,
        level,
        score: findings.score(),
        role,
        evidence,
        counterevidence: counterevidence(suspect, findings.spam_fanout.as_ref()),
        reason,
        windows,
    }
}

fn counterevidence(suspect: &Suspect, smtp: Option<&Finding>) -> Vec<CounterEvidence> {
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
    against.extend(
        smtp.into_iter()
            .flat_map(|smtp| spam_fanout::against(smtp, &suspect.peers)),
    );
    against
}

#[cfg(test)]
mod tests;
