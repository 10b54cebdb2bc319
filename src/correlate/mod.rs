//! From counts to judgement. Pure: no clock, no I/O, no threads; what goes in is the closed
//! seconds in order ([`crate::count::delta`]), what comes out is verdicts.
//!
//! What a host has shown is kept by [`suspect::Suspect`] and weighed, step by step, in a
//! [`score::Score`]. One rule a file (`gen2`, `gen3`, `spam_fanout`, …): it says what its
//! steps weigh and why, and puts its families into words. A new rule is a file beside them, its
//! families in [`evidence`], and a line in `explain`.

#![forbid(unsafe_code)]

mod addresses;
mod client;
mod correlator;
mod counterevidence;
pub mod coupling;
pub mod evidence;
pub mod fanout;
mod fares;
pub mod flood;
pub mod floods;
pub mod follow;
mod gen2;
mod gen3;
pub mod identity;
pub mod irc;
mod judge;
pub mod op25b;
mod others;
pub mod peers;
pub mod regression;
pub mod relay;
pub mod role;
mod room;
pub mod score;
pub mod server;
pub mod site;
mod spam_fanout;
pub mod suspect;
mod suspects;
mod watched;
pub mod window;

pub use correlator::{Context, Correlator};
pub use counterevidence::CounterEvidence;
use serde::{Deserialize, Serialize};

use crate::count::host::HostTotals;
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::verdict::{Class, Level};
use evidence::Evidence;
use fanout::Reach;
use role::RoleView;
use score::{Against, Prior};
use site::SiteView;

/// Score for a posterior of one half, with one host in a thousand infected: ln 999.
pub const SUSPECTED: f64 = 6.9;
/// Score for a posterior of .99: ln 999 + ln 99.
pub const LIKELY: f64 = 11.5;
/// Score for `confirmed`, with SMTP in it.
pub const CONFIRMED: f64 = 16.0;
/// What content must weigh against a PC: the first step of any, less what an hour takes of it.
/// Conduct alone convicts nobody either.
const LEAST_CONTENT: f64 = 2.0;
/// What conduct must weigh against somebody.
const LEAST_CONDUCT: f64 = 1.0;
/// What conduct may bring without content, and content without conduct: below `suspected`.
const ALONE: f64 = 4.6;
/// What SMTP must weigh in `confirmed`, against any alternative.
const LEAST_SMTP: f64 = 2.0;

/// PCs for one that is infected: one host in a thousand (the study's section 4).
const PCS: f64 = 999.0;
/// Honest hosts for one that is infected, where nothing is known of a host. On a campus there
/// are some machines with a mail server's program, unknown to who runs the sensor, for each;
/// machines that probe mail servers are rarer than infected ones.
const PRIOR: Prior = Prior {
    pc: PCS,
    sender: 5.0,
    prober: 0.3,
};

/// Probability of an infection at this score, with one host in a thousand infected.
#[must_use]
pub fn posterior(score: f64) -> f64 {
    1.0 / (1.0 + PCS * (-score).exp())
}

/// Where an episode stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The first verdict of an episode.
    New,
    /// Its level or class changed, or its machine has another address.
    Updated,
    /// The host has been silent for a day, is another one now, or the input ended.
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The class.
    pub class: Class,
    /// How sure.
    pub level: Level,
    /// The log-likelihood ratio of "bot" against all that the host could honestly be.
    pub score: f64,
    /// The sums that it comes from.
    pub against: Against,
    /// Its role.
    pub role: RoleView,
    /// Evidence for it.
    pub evidence: Vec<Evidence>,
    /// Evidence against it.
    /// Not saved: floods, whose judgements alone are kept, have none.
    #[serde(skip)]
    pub counterevidence: Vec<CounterEvidence>,
    /// One plain sentence, without its subject.
    pub reason: String,
    /// Its mail connections over the last 10 minutes, hour and day; empty where there are none.
    pub windows: Vec<Reach>,
    /// Other hosts that it is about, and other addresses of the same machine.
    pub related: Vec<HostAddr>,
}

/// A judgement that is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The host.
    pub host: HostAddr,
    /// The address that it had when the episode began.
    pub began_as: HostAddr,
    /// The crossing packet's time; at closing the time of closing.
    pub time: Timestamp,
    /// Time of the host's newest fact.
    pub newest: Timestamp,
    /// Where the episode stands.
    pub state: State,
    /// It is closed since the host turned out to do by trade what it was noticed for, or to be
    /// several.
    pub acquitted: bool,
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
    /// What the sensor saw of the site by then.
    pub site: SiteView,
}

#[cfg(test)]
impl Verdict {
    /// The first of an episode of one moment.
    pub(crate) fn first(host: HostAddr, time: Timestamp, judgement: Judgement) -> Self {
        Self {
            host,
            began_as: host,
            time,
            newest: time,
            state: State::New,
            acquitted: false,
            first_seen: time,
            sequence: 1,
            suppressed: None,
            inside: None,
            judgement,
            totals: HostTotals::default(),
            site: SiteView::default(),
        }
    }
}

impl Judgement {
    /// Nothing to report.
    #[must_use]
    pub fn ordinary(role: RoleView) -> Self {
        Self {
            class: Class::Ordinary,
            level: Level::None,
            score: 0.0,
            against: Against::default(),
            role,
            evidence: Vec::new(),
            counterevidence: Vec::new(),
            reason: "showed nothing of a mass mailer".to_owned(),
            windows: Vec::new(),
            related: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
