//! The correlation stage's memory: which hosts made mail lookups or mail connections, and which
//! episodes are open.

use super::evidence::Family;
use super::judge::{Judge, Outcome, counterevidence};
use super::role::{self, RoleView};
use super::score::Score;
use super::suspect::{DAY, Suspect, View};
use super::{Judgement, State, Verdict};
use crate::count::delta::{Delta, Fact, What};
use crate::count::host::HostTotals;
use crate::home::Home;
use crate::host::HostAddr;
use crate::inventory::Inventory;
use crate::time::Timestamp;
use crate::verdict::{Class, Level};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;

/// Hosts with mail lookups or mail connections that are remembered; beyond it those silent for
/// longest go.
pub(super) const SUSPECTS: usize = 65_536;
/// Hosts known to answer DNS that are remembered; a site has some dozen, and what lies beyond
/// the bound is told by other signs or not at all.
const SERVERS: usize = 65_536;

/// Notices in an hour of packet time: beyond them a host is told when it is suspected. A
/// flood of made-up sources must not fill the log.
const NOTICES: u32 = 1_000;

/// What correlation needs to know.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Known hosts.
    pub inventory: Arc<Inventory>,
    /// What is inside.
    pub home: Arc<Home>,
    /// Families of evidence that are left out, to measure what they are worth.
    pub muted: Vec<Family>,
}

/// The correlation stage: remembers hosts with mail lookups or connections and judges them.
#[derive(Debug)]
pub struct Correlator {
    context: Context,
    suspects: HashMap<HostAddr, Watched, RandomState>,
    /// Hosts inside that answer DNS queries of others. Counting tells of each only once, so
    /// that they must outlive a day's silence.
    servers: HashSet<HostAddr, RandomState>,
    /// The newest mail connection of anybody.
    newest_attempt: Option<Timestamp>,
    /// The earliest second at which a host may have been silent for a day.
    next_expiry: i64,
    evicted: u64,
    /// An hour, and the notices in it.
    notices: (i64, u32),
    /// Packet time: the end of the newest second, or of the input.
    now: Timestamp,
}

/// A remembered host.
#[derive(Debug, Default)]
struct Watched {
    suspect: Suspect,
    totals: HostTotals,
    /// Time of the first and the newest fact.
    facts: Option<(Timestamp, Timestamp)>,
    episode: Option<Episode>,
    /// The sums when the score of the episode was highest, and that score: what the closing
    /// verdict tells, since sums decay.
    peak: Option<(f64, Box<Score>)>,
}

/// An episode: from the first crossing of a level to a day's silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Episode {
    first_seen: Timestamp,
    sequence: u64,
    class: Class,
    level: Level,
}

impl Correlator {
    /// Knows nobody yet.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self {
            context,
            suspects: HashMap::default(),
            servers: HashSet::default(),
            newest_attempt: None,
            next_expiry: i64::MAX,
            evicted: 0,
            notices: (0, 0),
            now: Timestamp::MIN,
        }
    }

    /// Takes in one closed second, as the deltas of all workers, and yields the verdicts that
    /// it leads to, by host. Seconds must come in order.
    pub fn second(&mut self, deltas: &[Delta]) -> Vec<Verdict> {
        let Some(second) = deltas.first().map(|delta| delta.second) else {
            return Vec::new();
        };
        self.now = self.now.max(Timestamp::from_parts(second + 1, -1));
        let mut verdicts = self.expire(second);
        // A server's answers may be seen by any worker: first, so that order does not matter.
        for fact in deltas.iter().flat_map(|delta| &delta.facts) {
            if fact.what == What::AnswersDns
                && self.servers.len() < SERVERS
                && self.context.home.contains(fact.host) != Some(false)
            {
                self.servers.insert(fact.host);
            }
        }
        for fact in deltas.iter().flat_map(|delta| &delta.facts) {
            if matches!(fact.what, What::Attempt(_)) {
                self.newest_attempt = self.newest_attempt.max(Some(fact.time));
            }
        }
        // By host, whichever worker counted it, and by time: facts of others may come from any.
        let facts = deltas
            .iter()
            .flat_map(|delta| delta.facts.iter().map(move |fact| (fact, delta)));
        let mut facts: Vec<_> = facts.collect();
        facts.sort_by_key(|(fact, _)| (fact.host, fact.time, fact.origin));
        for facts in facts.chunk_by(|(a, _), (b, _)| a.host == b.host) {
            self.host(facts, &mut verdicts);
        }
        verdicts
    }

    fn host(&mut self, facts: &[(&Fact, &Delta)], verdicts: &mut Vec<Verdict>) {
        let Some((first, _)) = facts.first() else {
            return;
        };
        let host = first.host;
        // Who only answers DNS does nothing that is judged, and takes no suspect's place; every
        // other fact is of something that the host itself did.
        let own = |fact: &&(&Fact, &Delta)| fact.0.what != What::AnswersDns;
        let asks = facts.iter().any(|fact| own(&fact));
        if !asks || self.context.home.contains(host) == Some(false) {
            return;
        }
        let context = self.context.clone();
        let answers_dns = self.servers.contains(&host);
        let smtp = self.smtp_in_sight(first.time);
        let watched = self.watch(first);
        watched.suspect.answers_dns |= answers_dns;
        // Its counters come from the worker that saw what it did itself.
        for (_, delta) in facts.iter().filter(own).take(1) {
            if let Ok(at) = delta.totals.binary_search_by_key(&host, |(host, _)| *host)
                && let Some((_, totals)) = delta.totals.get(at)
            {
                watched.totals = totals.clone();
                watched.suspect.sample(delta.second, totals);
            }
        }
        let view = View {
            smtp,
            answers: watched.totals.smtp.answers_seen != Some(false),
        };
        let hour = first.time.second().div_euclid(3_600);
        if self.notices.0 != hour {
            self.notices = (hour, 0);
        }
        let mut notices = self.notices.1;
        let watched = self.watch(first);
        for (fact, delta) in facts {
            let (start, newest) = watched.facts.unwrap_or((fact.time, fact.time));
            watched.facts = Some((start.min(fact.time), newest.max(fact.time)));
            watched.suspect.expire(fact.time);
            watched.suspect.learn(fact, delta, &view);
            watched.suspect.weigh(&watched.totals);
            if let Some(verdict) = watched.cross(host, fact.time, &view, &context, notices) {
                notices += u32::from(verdict.judgement.level == Level::Notice);
                verdicts.push(verdict);
            }
        }
        self.notices.1 = notices;
    }

    /// Whether mail connections of anybody were in sight within the last day.
    fn smtp_in_sight(&self, now: Timestamp) -> bool {
        let newest = self.newest_attempt;
        newest.is_some_and(|newest| now.nanos_since(newest) <= DAY)
    }

    /// The memory of a fact's host.
    fn watch(&mut self, fact: &Fact) -> &mut Watched {
        if self.suspects.len() >= SUSPECTS && !self.suspects.contains_key(&fact.host) {
            self.make_room();
        }
        let expiry = fact.time.plus_nanos(DAY).second() + 1;
        self.next_expiry = self.next_expiry.min(expiry);
        self.suspects.entry(fact.host).or_default()
    }

    /// Forgets a sixteenth of the hosts: those without an episode first, and of these the ones
    /// silent for longest. Many at once, so that a flood does not cost a search each.
    fn make_room(&mut self) {
        let rank = |(host, watched): (&HostAddr, &Watched)| {
            (
                watched.episode.map(|episode| episode.level > Level::Notice),
                watched.facts.map(|(_, newest)| newest),
                *host,
            )
        };
        let mut ranked: Vec<_> = self.suspects.iter().map(rank).collect();
        let count = SUSPECTS / 16;
        ranked.select_nth_unstable(count);
        for (_, _, host) in ranked.iter().take(count) {
            self.suspects.remove(host);
        }
        self.evicted += count as u64;
    }

    /// Forgets hosts silent for a day at `second`, and closes their episodes: called before
    /// anything of that second or a later one is told, so that what is told comes in order.
    pub fn expire(&mut self, second: i64) -> Vec<Verdict> {
        if second < self.next_expiry {
            return Vec::new();
        }
        let deadline = |watched: &Watched| {
            let newest = watched.facts.map_or(Timestamp::MIN, |(_, newest)| newest);
            newest.plus_nanos(DAY).second() + 1
        };
        let gone = self
            .suspects
            .extract_if(|_, watched| deadline(watched) <= second);
        let mut gone: Vec<_> = gone.collect();
        self.next_expiry = self
            .suspects
            .values()
            .map(deadline)
            .min()
            .unwrap_or(i64::MAX);
        gone.sort_by_key(|(host, watched)| (deadline(watched), *host));
        gone.into_iter()
            .filter_map(|(host, mut watched)| {
                let time = Timestamp::from_parts(deadline(&watched), 0);
                watched.suspect.expire(time);
                watched.close(host, time, Level::None, &self.context)
            })
            .collect()
    }

    /// Ends the input at `time`: closes every open episode at the level that it has.
    pub fn finish(&mut self, time: Timestamp) -> Vec<Verdict> {
        self.now = time;
        let mut verdicts = self.expire(time.second());
        let mut open: Vec<_> = self
            .suspects
            .iter_mut()
            .filter(|(_, watched)| watched.episode.is_some())
            .collect();
        open.sort_by_key(|(host, _)| **host);
        verdicts.extend(open.into_iter().filter_map(|(host, watched)| {
            let level = watched.episode.map_or(Level::None, |episode| episode.level);
            watched.close(*host, time, level, &self.context)
        }));
        verdicts
    }

    /// The judgement about any host, by its counters.
    #[must_use]
    pub fn judgement(&self, host: HostAddr, totals: &HostTotals) -> Judgement {
        let watched = self.suspects.get(&host);
        let suspect = watched.map(|watched| &watched.suspect);
        let Context {
            inventory, home, ..
        } = &self.context;
        let answers_dns = self.servers.contains(&host);
        let role = role::role(host, inventory, home, answers_dns, suspect, totals);
        let Some(watched) = watched else {
            return Judgement::ordinary(role);
        };
        let smtp = self.smtp_in_sight(self.now);
        let mut judgement = watched.explain(&role, smtp, self.now, &self.context);
        // A verdict stands until its episode ends.
        if let Some(episode) = watched.episode {
            (judgement.class, judgement.level) = (episode.class, episode.level);
        }
        judgement
    }

    /// How many suspects and how many servers are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, usize) {
        (self.suspects.len(), self.servers.len())
    }

    /// Hosts with mail lookups or connections that had to be forgotten for others.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }
}

fn judge<'a>(role: &'a RoleView, context: &'a Context) -> Judge<'a> {
    Judge {
        role,
        muted: &context.muted,
        egress: false,
    }
}

impl Watched {
    /// Tells a verdict where level or class changed. A level stands until its episode ends: by
    /// a day's silence, or when the host turns out to mail or to ask by trade and nothing
    /// else speaks against it.
    fn cross(
        &mut self,
        host: HostAddr,
        time: Timestamp,
        view: &View,
        context: &Context,
        notices: u32,
    ) -> Option<Verdict> {
        let role = self.role(host, context);
        let mut outcome = judge(&role, context).outcome(&self.suspect, &self.suspect.score);
        if outcome.level == Level::Notice && self.episode.is_none() && notices >= NOTICES {
            outcome.level = Level::None;
        }
        if !role.is_pc() && outcome.level == Level::None {
            return self.clear(host, time, role, context);
        }
        let after = self.after(&outcome);
        let before = self.episode.map(|episode| (episode.level, episode.class));
        let higher = self
            .peak
            .as_ref()
            .is_none_or(|(score, _)| outcome.score > *score);
        if higher && after.0 > Level::None {
            self.peak = Some((outcome.score, Box::new(self.suspect.score.clone())));
        }
        if after.0 == Level::None || before == Some(after) {
            return None;
        }
        let judge = judge(&role, context);
        if std::env::var_os("MX_DEBUG").is_some() {
            let j = judge.explain(&self.suspect, &self.totals, &self.suspect.score, true, time);
            eprintln!("DBG {host} {:?} mx {} kwa {} fan {} score {:.1} {:?} {}", after, self.suspect.mx.len(), self.suspect.mail_hosts.len(), self.suspect.peers.tally.between_servers, outcome.score, outcome.against, j.reason.split('[').last().unwrap_or(""));
        }
        let mut judgement = judge.explain(
            &self.suspect,
            &self.totals,
            &self.suspect.score,
            view.smtp,
            time,
        );
        let (level, class) = after;
        (judgement.level, judgement.class) = after;
        let sequence = self.episode.map_or(1, |episode| episode.sequence + 1);
        let first_seen = self.first_seen(time);
        self.episode = Some(Episode {
            first_seen,
            sequence,
            class,
            level,
        });
        let state = if sequence == 1 {
            State::New
        } else {
            State::Updated
        };
        Some(self.verdict(host, time, state, judgement, context))
    }

    /// Level and class with what came before: a level stands, and a class becomes another one
    /// where that says more of what the host is.
    fn after(&self, outcome: &Outcome) -> (Level, Class) {
        let Some(before) = self.episode else {
            return (outcome.level, outcome.class);
        };
        let level = outcome.level.max(before.level);
        if outcome.level < before.level {
            return (level, before.class);
        }
        let class = match (before.class, outcome.class) {
            _ if before.level == Level::Notice => outcome.class,
            (before, after) if before == after => after,
            // Who showed one generation and now another is both.
            (Class::Gen2Mx, Class::Gen3A) | (Class::Gen3A, Class::Gen2Mx) => Class::Hybrid,
            // The DNS says more about what it is than its connections alone.
            (Class::SpamFanout | Class::SubmissionAbuse | Class::Gen1Relay, after) => after,
            (Class::Gen2Mx | Class::Gen3A, after @ (Class::Hybrid | Class::HijackedRelay)) => after,
            (_, after @ Class::HijackedServer) => after,
            (before, _) => before,
        };
        (level, class)
    }

    /// The judgement as of its highest score, where there is an episode.
    fn explain(
        &self,
        role: &RoleView,
        smtp_in_sight: bool,
        now: Timestamp,
        context: &Context,
    ) -> Judgement {
        let peak = self.peak.as_ref().filter(|_| self.episode.is_some());
        let sums = peak.map_or(&self.suspect.score, |(_, sums)| sums);
        judge(role, context).explain(&self.suspect, &self.totals, sums, smtp_in_sight, now)
    }

    fn role(&self, host: HostAddr, context: &Context) -> RoleView {
        let Context {
            inventory, home, ..
        } = context;
        let suspect = &self.suspect;
        role::role(
            host,
            inventory,
            home,
            suspect.answers_dns,
            Some(suspect),
            &self.totals,
        )
    }

    /// Ends the episode of a host that turned out to be no PC.
    fn clear(
        &mut self,
        host: HostAddr,
        time: Timestamp,
        role: RoleView,
        context: &Context,
    ) -> Option<Verdict> {
        let mut episode = self.episode?;
        episode.sequence += 1;
        self.episode = Some(episode);
        let reason = format!(
            "turned out to be a {}: {}",
            role.role,
            role.basis.join(", ")
        );
        let judgement = Judgement {
            reason,
            counterevidence: counterevidence(&self.suspect, &self.suspect.score),
            windows: self.suspect.fanout.windows(time),
            ..Judgement::ordinary(role)
        };
        let mut verdict = self.verdict(host, time, State::Closed, judgement, context);
        verdict.acquitted = true;
        self.episode = None;
        self.peak = None;
        // What comes next begins anew, and the memory of the server stays.
        self.facts = Some((time, time));
        Some(verdict)
    }

    fn first_seen(&self, time: Timestamp) -> Timestamp {
        let start = self.facts.map_or(time, |(start, _)| start);
        self.episode.map_or(start, |episode| episode.first_seen)
    }

    fn close(
        &mut self,
        host: HostAddr,
        time: Timestamp,
        level: Level,
        context: &Context,
    ) -> Option<Verdict> {
        let episode = self.episode?;
        let role = self.role(host, context);
        let mut judgement = self.explain(&role, true, time, context);
        (judgement.class, judgement.level) = (episode.class, level);
        if level == Level::None {
            // Nothing is left of the evidence.
            let silent = if self.suspect.fanout.is_empty() {
                "has made no mail lookups for a day"
            } else {
                "has made no mail lookups and no mail connections for a day"
            };
            silent.clone_into(&mut judgement.reason);
            judgement.class = Class::Ordinary;
        }
        self.episode = Some(Episode {
            sequence: episode.sequence + 1,
            level,
            ..episode
        });
        Some(self.verdict(host, time, State::Closed, judgement, context))
    }

    fn verdict(
        &self,
        host: HostAddr,
        time: Timestamp,
        state: State,
        judgement: Judgement,
        context: &Context,
    ) -> Verdict {
        let suppression = context.inventory.suppressed(host, judgement.class, time);
        Verdict {
            host,
            time,
            newest: self.facts.map_or(time, |(_, newest)| newest),
            state,
            acquitted: false,
            first_seen: self.first_seen(time),
            sequence: self.episode.map_or(1, |episode| episode.sequence),
            suppressed: suppression.map(|entry| entry.reason.clone().unwrap_or_default()),
            inside: context.home.contains(host),
            judgement,
            totals: self.totals.clone(),
        }
    }
}
