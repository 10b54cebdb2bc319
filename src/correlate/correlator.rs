//! The correlation stage's memory: which hosts made mail lookups or mail connections, and which
//! episodes are open.

use super::floods::Floods;
use super::op25b::{self, Audit, Report};
use super::role::{self, RoleView};
use super::suspect::{DAY, Suspect};
use super::{Findings, Judgement, State, Verdict, counterevidence, judge};
use crate::count::delta::{Delta, Fact, What, of_others};
use crate::count::host::HostTotals;
use crate::home::Home;
use crate::host::HostAddr;
use crate::inventory::Inventory;
use crate::time::Timestamp;
use crate::verdict::{Class, Level, Role};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;

/// Hosts with mail lookups or mail connections that are remembered; beyond it those silent for
/// longest go.
pub(super) const SUSPECTS: usize = 65_536;
/// Hosts known to answer DNS that are remembered; a site has some dozen, and what lies beyond
/// the bound is told by other signs or not at all.
const SERVERS: usize = 65_536;

/// What correlation needs to know.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Known hosts.
    pub inventory: Arc<Inventory>,
    /// What is inside.
    pub home: Arc<Home>,
}

/// The correlation stage: remembers hosts with mail lookups or connections and judges them.
#[derive(Debug)]
pub struct Correlator {
    context: Context,
    suspects: HashMap<HostAddr, Watched, RandomState>,
    /// Hosts inside that answer DNS queries of others. Counting tells of each only once, so
    /// that they must outlive a day's silence.
    servers: HashSet<HostAddr, RandomState>,
    floods: Floods,
    /// What became of connections to port 25 outside.
    audit: Audit,
    /// The earliest second at which a host may have been silent for a day.
    next_expiry: i64,
    evicted: u64,
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
            audit: Audit::new(context.inventory.domains()),
            context,
            suspects: HashMap::default(),
            servers: HashSet::default(),
            floods: Floods::default(),
            next_expiry: i64::MAX,
            evicted: 0,
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
        for fact in of_others(deltas) {
            if fact.what == What::AnswersDns
                && self.servers.len() < SERVERS
                && self.context.home.contains(fact.host) != Some(false)
            {
                self.servers.insert(fact.host);
            }
        }
        // By host, whichever worker counted it: at the bound it matters who comes first.
        let chunks = deltas.iter().flat_map(|delta| {
            let hosts = delta.facts.chunk_by(|a, b| a.host == b.host);
            hosts.map(move |facts| (facts, delta))
        });
        let mut chunks: Vec<_> = chunks.collect();
        chunks.sort_by_key(|(facts, _)| facts.first().map(|fact| fact.host));
        let mut crossed = Vec::new();
        for (facts, delta) in chunks {
            self.host(facts, delta, &mut crossed);
        }
        verdicts.append(&mut crossed);
        verdicts.append(&mut self.minute(second, deltas));
        // Each second by host, whatever it was told for.
        verdicts.sort_by_key(|verdict| (verdict.time.second(), verdict.host));
        verdicts
    }

    /// What floods of DNS servers there were in the minute that ends with this second.
    fn minute(&mut self, second: i64, deltas: &[Delta]) -> Vec<Verdict> {
        let mut floods = std::mem::take(&mut self.floods);
        let trade = |host| self.asks_by_trade(host);
        let mut verdicts = floods.minute(second, deltas, &self.context, &trade);
        verdicts.append(&mut floods.expire(second, &self.context));
        self.floods = floods;
        verdicts
    }

    /// Whether it is this host's trade to ask for many names.
    fn asks_by_trade(&self, host: HostAddr) -> bool {
        self.role(host).is_some_and(|role| role != Role::Pc) || self.servers.contains(&host)
    }

    /// The role of a host, where the inventory or what it does says anything about it.
    fn role(&self, host: HostAddr) -> Option<Role> {
        let given = self.context.inventory.host(host).and_then(|it| it.role);
        let watched = self.suspects.get(&host);
        given.or_else(|| watched.map(|watched| watched.role(host, &self.context).role))
    }

    fn host(&mut self, facts: &[Fact], delta: &Delta, verdicts: &mut Vec<Verdict>) {
        let Some(first) = facts.first() else { return };
        let host = first.host;
        let totals = delta.totals.binary_search_by_key(&host, |(host, _)| *host);
        let totals = totals.ok().and_then(|at| delta.totals.get(at));
        let mirrored = totals.and_then(|(_, totals)| totals.smtp.answers_seen);
        self.audit.learn(facts, mirrored, &self.context.home);
        // What others do with a host is nothing that is judged, and takes no suspect's place; every
        // other fact is of something that the host itself did.
        let weighed = || facts.iter().filter(|fact| is_weighed(fact.what));
        let Some(first) = weighed().next() else {
            return;
        };
        if self.context.home.contains(host) == Some(false) {
            return;
        }
        let context = self.context.clone();
        let answers_dns = self.servers.contains(&host);
        let watched = self.watch(first);
        watched.suspect.answers_dns |= answers_dns;
        if let Some((_, totals)) = totals {
            watched.totals = totals.clone();
            watched.suspect.sample(delta.second, totals);
        }
        for fact in weighed() {
            let (start, newest) = watched.facts.unwrap_or((fact.time, fact.time));
            watched.facts = Some((start.min(fact.time), newest.max(fact.time)));
            watched.suspect.learn(fact, delta);
            verdicts.extend(watched.cross(host, fact, &context));
        }
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
                watched.episode.is_some(),
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
        let mut verdicts = self.floods.expire(second - 1, &self.context);
        verdicts.append(&mut self.forget(second));
        verdicts.sort_by_key(|verdict| (verdict.time.second(), verdict.host));
        verdicts
    }

    fn forget(&mut self, second: i64) -> Vec<Verdict> {
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
        verdicts.append(&mut self.floods.finish(time, &self.context));
        verdicts.sort_by_key(|verdict| (verdict.time.second(), verdict.host));
        verdicts
    }

    /// The judgement about any host, by its counters.
    #[must_use]
    pub fn judgement(&self, host: HostAddr, totals: &HostTotals) -> Judgement {
        let watched = self.suspects.get(&host);
        let suspect = watched.map(|watched| &watched.suspect);
        let Context { inventory, home } = &self.context;
        let answers_dns = self.servers.contains(&host);
        let role = role::role(host, inventory, home, answers_dns, suspect, totals);
        let Some(suspect) = suspect else {
            return Judgement::ordinary(role);
        };
        let mut judgement = judge(suspect, totals, role, self.now);
        // A verdict stands until its episode ends.
        if let Some(episode) = watched.and_then(|watched| watched.episode)
            && episode.level >= judgement.level
        {
            (judgement.class, judgement.level) = (episode.class, episode.level);
        }
        judgement
    }

    /// How many suspects and how many servers are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, usize) {
        (self.suspects.len(), self.servers.len())
    }

    /// What became of connections to port 25 outside; `None` where nobody has said what is.
    #[must_use]
    pub fn op25b(&self) -> Option<Report> {
        let is_mail_server =
            |host| matches!(self.role(host), Some(Role::MailServer | Role::Gateway));
        let is_known = self.context.home.nets().next().is_some();
        is_known.then(|| self.audit.report(&is_mail_server))
    }

    /// DNS servers that had to be forgotten for others.
    #[must_use]
    pub fn servers_evicted(&self) -> u64 {
        self.floods.evicted()
    }

    /// Hosts with mail lookups or connections that had to be forgotten for others.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// Whether a fact is of something that the host did and that is judged.
fn is_weighed(what: What) -> bool {
    let unused = matches!(
        what,
        What::Recipient { .. } | What::Auth { .. } | What::Tls { .. } | What::TlsMessages { .. }
    );
    !unused && !what.is_of_others()
}

/// Whether a PC speaks to port 25 outside.
fn violates(fact: &Fact, role: &RoleView, context: &Context) -> bool {
    role.role == Role::Pc && op25b::violates(fact.what, &context.home)
}

impl Watched {
    /// Tells a verdict where level or class changed. A level stands until its episode ends: by
    /// a day's silence, or when the host turns out to be a server.
    fn cross(&mut self, host: HostAddr, fact: &Fact, context: &Context) -> Option<Verdict> {
        let time = fact.time;
        self.suspect.expire(time);
        let before = self
            .episode
            .map_or((Level::None, Class::Ordinary), |e| (e.level, e.class));
        let role = self.role(host, context);
        if role.limit() == Level::None {
            return self.clear(host, time, role, context);
        }
        // The weights are cheap; the words are only for what is told.
        let findings = Findings::of(&self.suspect, &self.totals, role.is_known_pc());
        let after = match findings.outcome(&role) {
            (Level::None, _) if before.1 == Class::Ordinary && violates(fact, &role, context) => {
                (Level::Notice, Class::Op25bViolation)
            }
            (Level::None, _) => before,
            (level, class) if before.0 <= Level::Notice => (level, class),
            (level, class) if class == before.1 => (level.max(before.0), class),
            // The DNS says more about what it is than its connections alone.
            (level, Class::SpamFanout) => (level.max(before.0), before.1),
            (level, class) if before.1 == Class::SpamFanout => (level.max(before.0), class),
            // Who showed one generation and now another is both.
            (level, _) => (level.max(before.0), Class::Hybrid),
        };
        if after == before {
            return None;
        }
        let mut judgement = judge(&self.suspect, &self.totals, role, time);
        let (level, class) = after;
        (judgement.level, judgement.class) = after;
        if class == Class::Op25bViolation {
            op25b::REASON.clone_into(&mut judgement.reason);
        }
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

    fn role(&self, host: HostAddr, context: &Context) -> RoleView {
        let Context { inventory, home } = context;
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
            counterevidence: counterevidence(&self.suspect, None),
            windows: self.suspect.fanout.windows(time),
            ..Judgement::ordinary(role)
        };
        let verdict = self.verdict(host, time, State::Closed, judgement, context);
        self.episode = None;
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
        let mut judgement = judge(&self.suspect, &self.totals, role, time);
        (judgement.class, judgement.level) = (episode.class, level);
        if episode.class == Class::Op25bViolation {
            op25b::REASON.clone_into(&mut judgement.reason);
        }
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
            first_seen: self.first_seen(time),
            sequence: self.episode.map_or(1, |episode| episode.sequence),
            suppressed: suppression.map(|entry| entry.reason.clone().unwrap_or_default()),
            inside: context.home.contains(host),
            judgement,
            totals: self.totals.clone(),
        }
    }
}
