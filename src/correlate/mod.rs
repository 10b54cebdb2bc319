//! From counts to judgement. Pure: no clock, no I/O, no threads; what goes in is the closed
//! seconds in order ([`crate::count::delta`]), what comes out is verdicts.
//!
//! One rule a file ([`gen2`], [`gen3`]): each weighs what a [`suspect::Suspect`] has shown
//! and puts it into words. A new rule is a file beside them and a line in [`weigh`].

#![forbid(unsafe_code)]

pub mod evidence;
pub mod gen2;
pub mod gen3;
pub mod regression;
pub mod role;
pub mod suspect;
pub mod window;

use crate::count::delta::{Delta, Fact, What};
use crate::count::host::HostTotals;
use crate::count::series::Sums;
use crate::home::Home;
use crate::host::HostAddr;
use crate::inventory::Inventory;
use crate::time::Timestamp;
use crate::verdict::{Class, Level, Role};
use evidence::{Evidence, Weight};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use role::RoleView;
use std::sync::Arc;
use suspect::{DAY, Suspect};

/// Score for a posterior of one half, with one host in a thousand infected: ln 999.
const SUSPECTED: f64 = 6.9;
/// Score for a posterior of .99: ln 999 + ln 99.
const LIKELY: f64 = 11.5;
/// What conduct must weigh on its own: ten to one.
const LEAST_CONDUCT: f64 = 2.3;
/// Hosts with mail lookups that are remembered; beyond it the one silent for longest goes.
const SUSPECTS: usize = 65_536;
/// Hosts known to answer DNS that are remembered; a site has some dozen, and what lies beyond
/// the bound is told by other signs or not at all.
const SERVERS: usize = 65_536;

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

    /// Content and conduct together; never below 0, which is the prior.
    #[must_use]
    pub fn score(&self) -> f64 {
        (self.content.llr + self.conduct()).max(0.0)
    }

    /// The level that the score reaches. Without SMTP in sight that is `likely` at the most.
    #[must_use]
    pub fn level(&self) -> Level {
        match self.score() {
            _ if self.conduct() < LEAST_CONDUCT => Level::None,
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

/// What correlation needs to know.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Known hosts.
    pub inventory: Arc<Inventory>,
    /// What is inside.
    pub home: Arc<Home>,
}

/// The correlation stage: remembers hosts with mail lookups and judges them.
#[derive(Debug)]
pub struct Correlator {
    context: Context,
    suspects: HashMap<HostAddr, Watched, RandomState>,
    /// Hosts inside that answer DNS queries of others. Counting tells of each only once, so
    /// that they must outlive a day's silence.
    servers: HashSet<HostAddr, RandomState>,
    /// The earliest second at which a host may have been silent for a day.
    next_expiry: i64,
    evicted: u64,
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
    /// The host's counters at the end of that second.
    pub totals: HostTotals,
}

impl Correlator {
    /// Knows nobody yet.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self {
            context,
            suspects: HashMap::default(),
            servers: HashSet::default(),
            next_expiry: i64::MAX,
            evicted: 0,
        }
    }

    /// Takes in one closed second, as the deltas of all workers, and yields the verdicts that
    /// it leads to, by host. Seconds must come in order.
    pub fn second(&mut self, deltas: &[Delta]) -> Vec<Verdict> {
        let Some(second) = deltas.first().map(|delta| delta.second) else {
            return Vec::new();
        };
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
        let mut crossed = Vec::new();
        for delta in deltas {
            for facts in delta.facts.chunk_by(|a, b| a.host == b.host) {
                self.host(facts, delta, &mut crossed);
            }
        }
        crossed.sort_by_key(|verdict| verdict.host);
        verdicts.append(&mut crossed);
        verdicts
    }

    fn host(&mut self, facts: &[Fact], delta: &Delta, verdicts: &mut Vec<Verdict>) {
        let Some(first) = facts.first() else { return };
        let host = first.host;
        // Who only answers does nothing that is judged, and takes no suspect's place.
        let asks = facts.iter().any(|fact| fact.what != What::AnswersDns);
        if !asks || self.context.home.contains(host) == Some(false) {
            return;
        }
        let context = self.context.clone();
        let answers_dns = self.servers.contains(&host);
        let watched = self.watch(first);
        watched.suspect.answers_dns |= answers_dns;
        if let Ok(at) = delta.totals.binary_search_by_key(&host, |(host, _)| *host)
            && let Some((_, totals)) = delta.totals.get(at)
        {
            watched.totals = totals.clone();
            watched.suspect.sample(delta.second, totals);
        }
        for fact in facts {
            let (start, newest) = watched.facts.unwrap_or((fact.time, fact.time));
            watched.facts = Some((start.min(fact.time), newest.max(fact.time)));
            watched.suspect.learn(fact, delta);
            verdicts.extend(watched.cross(host, fact.time, &context));
        }
    }

    /// The memory of a fact's host.
    fn watch(&mut self, fact: &Fact) -> &mut Watched {
        if self.suspects.len() >= SUSPECTS && !self.suspects.contains_key(&fact.host) {
            let newest = |watched: &Watched| watched.facts.map(|(_, newest)| newest);
            let quiet = self
                .suspects
                .iter()
                .filter(|(_, watched)| watched.episode.is_none());
            let oldest = quiet.map(|(host, watched)| (newest(watched), *host)).min();
            if let Some((_, host)) = oldest {
                self.suspects.remove(&host);
                self.evicted += 1;
            }
        }
        let expiry = fact.time.plus_nanos(DAY).second() + 1;
        self.next_expiry = self.next_expiry.min(expiry);
        self.suspects.entry(fact.host).or_default()
    }

    /// Forgets hosts silent for a day before `second`, and closes their episodes.
    fn expire(&mut self, second: i64) -> Vec<Verdict> {
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
        let mut open: Vec<_> = self
            .suspects
            .iter_mut()
            .filter(|(_, watched)| watched.episode.is_some())
            .collect();
        open.sort_by_key(|(host, _)| **host);
        open.into_iter()
            .filter_map(|(host, watched)| {
                let level = watched.episode.map_or(Level::None, |episode| episode.level);
                watched.close(*host, time, level, &self.context)
            })
            .collect()
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
        let mut judgement = judge(suspect, &suspect.day(totals), role);
        // A verdict stands until its episode ends.
        if let Some(episode) = watched.and_then(|watched| watched.episode)
            && episode.level >= judgement.level
        {
            (judgement.class, judgement.level) = (episode.class, episode.level);
        }
        judgement
    }

    /// Hosts with mail lookups that had to be forgotten for others.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }
}

impl Watched {
    /// Tells a verdict where level or class rose.
    fn cross(&mut self, host: HostAddr, time: Timestamp, context: &Context) -> Option<Verdict> {
        self.suspect.expire(time);
        let day = self.suspect.day(&self.totals);
        let before = self
            .episode
            .map_or((Level::None, Class::Ordinary), |e| (e.level, e.class));
        // The weights are cheap; the words are only for what is told.
        let pc = context
            .inventory
            .host(host)
            .is_some_and(|entry| entry.role == Some(Role::Pc));
        let (level, _) = outcome(&weigh(&self.suspect, &day, pc));
        if level == Level::None || level < before.0 {
            return None;
        }
        let role = role::role(
            host,
            &context.inventory,
            &context.home,
            self.suspect.answers_dns,
            Some(&self.suspect),
            &self.totals,
        );
        let mut judgement = judge(&self.suspect, &day, role);
        // A host that showed both generations stays a hybrid.
        if before.1 == Class::Hybrid && judgement.level > Level::None {
            judgement.class = Class::Hybrid;
        }
        let Judgement { level, class, .. } = judgement;
        if level == Level::None || (level, class) == before || level < before.0 {
            return None;
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
        let Context { inventory, home } = context;
        let Self {
            suspect, totals, ..
        } = &*self;
        let answers_dns = suspect.answers_dns;
        let role = role::role(host, inventory, home, answers_dns, Some(suspect), totals);
        let mut judgement = judge(&self.suspect, &self.suspect.day(&self.totals), role);
        (judgement.class, judgement.level) = (episode.class, level);
        if level == Level::None {
            // Nothing is left of the evidence.
            "has made no mail lookups for a day".clone_into(&mut judgement.reason);
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
    [gen2::weigh(suspect, pc), gen3::weigh(suspect, day)]
}

/// The highest level, and the class: both rules at `suspected` or more make a hybrid.
fn outcome(findings: &[Option<Finding>]) -> (Level, Class) {
    let mut reached = findings
        .iter()
        .flatten()
        .filter(|finding| finding.level() > Level::None);
    let Some(first) = reached.next() else {
        return (Level::None, Class::Ordinary);
    };
    reached.fold((first.level(), first.class), |(level, _), finding| {
        (level.max(finding.level()), Class::Hybrid)
    })
}

fn judge(suspect: &Suspect, day: &Sums, role: RoleView) -> Judgement {
    // These rules are about PCs; the profile of a server is another one.
    if role.role != Role::Pc {
        return Judgement {
            counterevidence: counterevidence(suspect),
            ..Judgement::ordinary(role)
        };
    }
    let findings = weigh(suspect, day, role.is_known_pc());
    let (level, class) = outcome(&findings);
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
        .server_lookups
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
mod tests {
    use super::*;

    use crate::count::delta::Domain;

    fn host(number: u8) -> HostAddr {
        HostAddr::from_v4([192, 0, 2, number])
    }

    /// A second in which these things were observed of a host, one after the other.
    fn delta(second: i64, host: HostAddr, whats: &[What]) -> Delta {
        let facts = whats.iter().zip(0..).map(|(&what, nanos)| Fact {
            host,
            time: Timestamp::from_parts(second, nanos),
            origin: crate::capture::Origin::default(),
            what,
        });
        let facts = facts.collect();
        Delta {
            second,
            facts,
            ..Delta::default()
        }
    }

    fn domain(hash: u64) -> Domain {
        let (at, len) = (0, 0);
        Domain { hash, at, len }
    }

    /// MX lookups of that many domains.
    fn mx(domains: u64) -> Vec<What> {
        (0..domains)
            .map(|hash| What::MxQuery(domain(hash)))
            .collect()
    }

    #[test]
    fn a_resolver_stays_one_over_a_silent_week() {
        let mut correlator = Correlator::new(Context::default());
        let answers = delta(0, host(1), &[What::AnswersDns]);
        assert_eq!(correlator.second(&[answers]), []);
        for day in [1, 4, 7] {
            let other = delta(day * 86_400, host(2), &mx(1));
            assert_eq!(correlator.second(&[other]), []);
        }
        let asks = delta(8 * 86_400, host(1), &mx(500));
        assert_eq!(correlator.second(&[asks]), []);
        // Any other host would be convicted.
        let asks = delta(8 * 86_400 + 1, host(3), &mx(500));
        assert!(!correlator.second(&[asks]).is_empty());
    }

    /// A lookup of `mail` in a domain that does not exist.
    fn guess(hash: u64) -> [What; 2] {
        let (domain, name) = (domain(hash), hash);
        let label = crate::count::host::Label::new(b"mail");
        let query = What::MailHostQuery {
            domain,
            name,
            label,
        };
        [query, What::MailHostReply { name, failed: true }]
    }

    #[test]
    fn a_hybrid_stays_one_when_it_is_convicted() {
        let mut correlator = Correlator::new(Context::default());
        // All its A queries are for mail hosts, then few are.
        let asked = |second, whats: &[What], others: u32| {
            let mut delta = delta(second, host(1), whats);
            let mut totals = HostTotals::default();
            let t = 10 + others;
            let bin = crate::count::series::Bin {
                t,
                exact: 10,
                ..Default::default()
            };
            totals.sums.add(second, bin);
            delta.totals.push((host(1), totals));
            delta
        };
        let guesses: Vec<_> = (1_000..1_010).map(|hash| guess(hash)[0]).collect();
        let mut told = correlator.second(&[asked(0, &guesses, 0)]);
        told.extend(correlator.second(&[asked(10, &mx(120), 0)]));
        told.extend(correlator.second(&[asked(20, &mx(200), 1_000)]));
        let told: Vec<_> = told.iter().map(|verdict| &verdict.judgement).collect();
        let told: Vec<_> = told.iter().map(|it| (it.level, it.class)).collect();
        assert_eq!(
            told,
            [
                (Level::Suspected, Class::Gen3A),
                (Level::Suspected, Class::Hybrid),
                (Level::Likely, Class::Hybrid),
            ]
        );
    }

    #[test]
    fn an_episode_that_ends_in_silence_says_so() {
        let mut correlator = Correlator::new(Context::default());
        let told = correlator.second(&[delta(0, host(1), &mx(500))]);
        assert_eq!(told.last().unwrap().judgement.level, Level::Likely);
        let told = correlator.second(&[delta(2 * 86_400, host(2), &mx(1))]);
        let [closed] = &told[..] else {
            panic!("one verdict")
        };
        assert_eq!((closed.host, closed.state), (host(1), State::Closed));
        let Judgement { level, reason, .. } = &closed.judgement;
        assert_eq!(*level, Level::None);
        assert_eq!(reason, "has made no mail lookups for a day");
    }

    /// Evidence is of the last day: a host that is never silent is not judged by its past.
    #[test]
    fn failures_of_last_week_are_no_evidence() {
        let mut correlator = Correlator::new(Context::default());
        // Two guesses an hour, 48 a day, of which six fail: one in eight.
        for hour in 0..24 * 14 {
            let guesses = [guess(2 * hour), guess(2 * hour + 1)];
            let mut whats: Vec<_> = guesses.into_iter().flatten().collect();
            for (index, what) in whats.iter_mut().enumerate() {
                if let What::MailHostReply { failed, .. } = what {
                    *failed = index == 1 && hour % 4 == 0;
                }
            }
            let second = i64::try_from(hour).unwrap() * 3_600;
            let told = correlator.second(&[delta(second, host(1), &whats)]);
            assert_eq!(told, [], "in hour {hour}");
        }
        // The same, and most of them fail.
        let whats: Vec<_> = (10_000..10_040).flat_map(guess).collect();
        let second = 24 * 14 * 3_600;
        assert!(
            !correlator
                .second(&[delta(second, host(1), &whats)])
                .is_empty()
        );
    }

    #[test]
    fn servers_outside_take_no_place() {
        let home = Arc::new(Home::new(["192.0.2.0/24".parse().unwrap()]));
        let mut correlator = Correlator::new(Context {
            home,
            ..Context::default()
        });
        let outside = HostAddr::from_v4([198, 51, 100, 1]);
        correlator.second(&[
            delta(0, outside, &[What::AnswersDns]),
            delta(0, host(1), &[What::AnswersDns]),
        ]);
        assert_eq!(
            (correlator.suspects.len(), correlator.servers.len()),
            (0, 1)
        );
        let role = |host| correlator.judgement(host, &HostTotals::default()).role.role;
        assert_eq!(
            (role(host(1)), role(outside)),
            (Role::Resolver, Role::External)
        );
    }

    #[test]
    fn scores_and_posteriors() {
        assert!((posterior(0.0) - 0.001).abs() < 1e-12);
        assert!((posterior(SUSPECTED) - 0.5).abs() < 0.01);
        assert!((posterior(LIKELY) - 0.99).abs() < 0.001);
    }
}
