//! All that a person is shown of a run: the site, every host, and of chosen hosts what they did
//! over time. [`crate::report::html`] makes a page of it, [`crate::report::plot`] pictures.
//!
//! A [`Gatherer`] takes in what the pipeline tells. What stands in it as a number of a host or of
//! the site is an event as it is written elsewhere, and nothing is computed a second time.
//!
//! Series of seconds are kept of the hosts that are shown alone. Who that is, is known at the end:
//! files are read twice, and of a pipe there are the hosts that were noticed, from then on.

mod gather;
pub mod peers;
pub mod rates;
pub mod scatter;
pub mod timeline;

pub use gather::{Chosen, Gatherer};

use super::event::{Event, HostBody, SensorBody, StatsBody, VerdictBody};
use crate::count::prefixes::Column;
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::verdict::{Class, Level};
use peers::Peers;
use rates::Rates;
use scatter::Scatter;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use timeline::Timeline;

/// Hosts in the table at most.
pub const HOSTS: usize = 20_000;
/// Hosts with a page of their own at most.
pub const PAGES: usize = 48;
/// Hosts of whose verdicts the gravest is remembered.
pub const FINDINGS: usize = 16_384;
/// Verdicts of a host that are shown.
pub const VERDICTS: usize = 64;
/// Floods that are shown.
pub const FLOODS: usize = 200;
/// What the sensor missed, told so often.
pub const SENSOR: usize = 200;

/// What there is to show.
#[derive(Debug, Default)]
pub struct Story {
    /// The capture files.
    pub files: Vec<PathBuf>,
    /// Hosts with their events, by address.
    pub hosts: Vec<Row>,
    /// Hosts that are left out, those with the lowest score and the least to tell.
    pub hosts_omitted: u64,
    /// The gravest verdict about each host.
    pub findings: BTreeMap<HostAddr, Finding>,
    /// Verdicts about hosts of which there was no room to remember any, or no more.
    pub findings_omitted: u64,
    /// The floods of DNS servers, in order.
    pub floods: Vec<Flood>,
    /// Further ones.
    pub floods_omitted: u64,
    /// What the sensor missed.
    pub sensor: Vec<Event<SensorBody>>,
    /// Further such events.
    pub sensor_omitted: u64,
    /// The totals at the end.
    pub totals: Option<Event<StatsBody>>,
    /// The hosts with a page of their own.
    pub pages: BTreeMap<HostAddr, Page>,
    /// Hosts that were worth one and got none.
    pub pages_omitted: u64,
    /// The input was read once: pages are of what came after a host was noticed, and of convicted
    /// hosts alone.
    pub once: bool,
    /// The captures were read again for the pages, and were not the same.
    pub changed: bool,
}

/// A flood of a DNS server.
#[derive(Clone, Debug)]
pub struct Flood {
    /// The server.
    pub host: HostAddr,
    /// The newest verdict that tells of it.
    pub event: Event<VerdictBody>,
    /// When the server was asked no more than is usual, where that came.
    pub over: Option<String>,
}

/// A host and its event.
#[derive(Clone, Debug)]
pub struct Row {
    /// The host.
    pub host: HostAddr,
    /// What is told of it at the end.
    pub event: Box<Event<HostBody>>,
}

/// The gravest verdict about a host.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The address that its episode began under, and when.
    pub episode: (HostAddr, Timestamp),
    /// What the host is taken for.
    pub class: Class,
    /// How sure.
    pub level: Level,
    /// Time of the episode's first observation.
    pub first_seen: String,
    /// Probability of an infection.
    pub posterior: f64,
    /// The score.
    pub score: f64,
    /// Only one direction of its DNS, or of its SMTP, was seen.
    pub one_way: bool,
    /// Packets of it that the snap length cut.
    pub truncated: u64,
    /// The inventory wants nobody told.
    pub suppressed: bool,
    /// The host turned out to be an honest one after all.
    pub acquitted: bool,
    /// One plain sentence.
    pub reason: String,
}

impl Finding {
    /// Orders by level, and then by score.
    #[must_use]
    pub fn gravity(&self, other: &Self) -> Ordering {
        let by_level = self.level.cmp(&other.level);
        by_level.then_with(|| self.score.total_cmp(&other.score))
    }
}

/// All of a host.
#[derive(Debug, Default)]
pub struct Page {
    /// What is told of it at the end; none of a host that was only asked.
    pub event: Option<Box<Event<HostBody>>>,
    /// The verdicts about it, in order.
    pub verdicts: Vec<Event<VerdictBody>>,
    /// Verdicts between the first and the last of these that are left out.
    pub verdicts_omitted: u64,
    /// Its prefix table.
    pub prefixes: Vec<Column>,
    /// What it asked over time.
    pub rates: Rates,
    /// All A queries of a second against those for mail keywords.
    pub scatter: Scatter,
    /// Its score over time.
    pub timeline: Timeline,
    /// The mail servers that it turned to.
    pub peers: Peers,
}

impl Page {
    /// The newest verdict.
    #[must_use]
    pub fn newest(&self) -> Option<&Event<VerdictBody>> {
        self.verdicts.last()
    }
}

impl Story {
    /// The hosts that are worth a page: these first, then the gravest findings; and how many
    /// more there would be.
    #[must_use]
    pub fn worth(&self, wanted: &[HostAddr]) -> (BTreeSet<HostAddr>, u64) {
        let mut found: Vec<_> = self.findings.iter().collect();
        found.sort_by(|(one, a), (other, b)| b.gravity(a).then_with(|| one.cmp(other)));
        let found = found.into_iter().map(|(host, _)| *host);
        let all = wanted.iter().copied().chain(found);
        let mut hosts = BTreeSet::new();
        let mut omitted = BTreeSet::new();
        for host in all {
            if hosts.contains(&host) {
                continue;
            }
            if hosts.len() < PAGES {
                hosts.insert(host);
            } else {
                omitted.insert(host);
            }
        }
        (hosts, omitted.len() as u64)
    }

    /// The numbers of convicted, suspected and noticed hosts, but for those that were cleared.
    #[must_use]
    pub fn found(&self) -> [usize; 3] {
        let count = |is: &dyn Fn(Level) -> bool| {
            let findings = self.findings.values();
            findings
                .filter(|finding| !finding.acquitted && is(finding.level))
                .count()
        };
        [
            count(&|level| level.convicted()),
            count(&|level| level == Level::Suspected),
            count(&|level| level == Level::Notice),
        ]
    }
}
