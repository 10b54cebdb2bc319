//! The correlation stage's memory: which hosts made mail lookups or mail connections, and which
//! episodes are open.

mod machines;

use super::evidence::Family;
use super::floods::Floods;
use super::identity::Identity;
use super::op25b::{self, Audit, Report};
use super::others::Others;
use super::role;
use super::site::SiteView;
use super::suspect::{DAY, View};
use super::suspects::{SUSPECTS, Suspects};
use super::watched::{Setting, Watched};
use super::{Judgement, Verdict};
use crate::count::delta::{Delta, Fact, What, of_others};
use crate::count::host::HostTotals;
use crate::decode::tcp::Outcome;
use crate::home::Home;
use crate::host::HostAddr;
use crate::inventory::Inventory;
use crate::time::Timestamp;
use crate::verdict::{Class, Level, Role};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Hosts known to answer DNS that are remembered; a site has some dozen, and what lies beyond
/// the bound is told by other signs or not at all.
const SERVERS: usize = 65_536;

/// What correlation needs to know.
#[derive(Clone, Debug)]
pub struct Context {
    /// Known hosts.
    pub inventory: Arc<Inventory>,
    /// What is inside.
    pub home: Arc<Home>,
    /// Memory for what is remembered of hosts with mail lookups or connections.
    pub octets: usize,
    /// Families of evidence that are left out, to measure what they are worth.
    pub muted: Vec<Family>,
}

impl Default for Context {
    /// Nothing is known, and there is room for some thirty thousand hosts.
    fn default() -> Self {
        Self {
            inventory: Arc::default(),
            home: Arc::default(),
            octets: 1 << 28,
            muted: Vec::new(),
        }
    }
}

impl Context {
    /// Why events about `class` of `host` are marked as suppressed at that time, if they are.
    pub(super) fn suppressed(
        &self,
        host: HostAddr,
        class: Class,
        time: Timestamp,
    ) -> Option<String> {
        let suppression = self.inventory.suppressed(host, class, time)?;
        Some(suppression.reason.clone().unwrap_or_default())
    }
}

/// The correlation stage: remembers hosts with mail lookups or connections and judges them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Correlator {
    /// Not saved: who runs the sensor says it anew.
    #[serde(skip)]
    context: Context,
    suspects: Suspects,
    /// Hosts inside that answer DNS queries of others. Counting tells of each only once, so
    /// that they must outlive a day's silence.
    #[serde(with = "crate::sorted::set")]
    servers: HashSet<HostAddr, RandomState>,
    floods: Floods,
    /// What became of connections to port 25 outside.
    audit: Audit,
    /// Whose addresses are.
    identity: Identity,
    /// Under which address a machine's memory stands, by its Ethernet address.
    #[serde(with = "crate::sorted::map")]
    machines: HashMap<[u8; 6], HostAddr, RandomState>,
    /// What others do with hosts.
    others: Others,
    /// What is known of the tap.
    site: SiteView,
    /// The newest mail connection of anybody.
    newest_attempt: Option<Timestamp>,
    /// A mail server has answered a host inside, by a packet of its own.
    mail_answered: bool,
    /// The earliest second at which a host may have been silent for a day.
    next_expiry: i64,
    evicted: u64,
    /// An hour, and the notices in it.
    notices: (i64, u32),
    /// Packet time: the end of the newest second, or of the input.
    now: Timestamp,
}

impl Correlator {
    /// The site says otherwise from now on: of its hosts, and what is inside.
    pub fn reload(&mut self, inventory: Arc<Inventory>, home: Arc<Home>) {
        self.audit.know(inventory.domains());
        (self.context.inventory, self.context.home) = (inventory, home);
    }

    /// Knows nobody yet.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self {
            audit: Audit::new(context.inventory.domains()),
            context,
            suspects: Suspects::default(),
            servers: HashSet::default(),
            floods: Floods::default(),
            identity: Identity::new(),
            machines: HashMap::default(),
            others: Others::default(),
            site: SiteView::default(),
            newest_attempt: None,
            next_expiry: i64::MAX,
            mail_answered: false,
            evicted: 0,
            notices: (0, 0),
            now: Timestamp::MIN,
        }
    }

    /// One that was saved goes on with this context, which is not saved.
    #[must_use]
    pub fn with(mut self, context: Context) -> Self {
        self.audit.know(context.inventory.domains());
        self.context = context;
        self.suspects.weigh_all();
        self.others.count();
        self
    }

    /// The sensor was away for so many seconds of packet time: of what is usual in a minute, that
    /// says nothing.
    pub fn interrupted(&mut self, seconds: i64) {
        self.floods.interrupted(seconds);
    }

    /// What is known of the tap from now on.
    pub fn set_view(&mut self, site: SiteView) {
        self.site = site;
    }

    /// Takes in one closed second, as the deltas of all workers, and yields the verdicts that
    /// it leads to, by host. Seconds must come in order.
    pub fn second(&mut self, deltas: &[Delta]) -> Vec<Verdict> {
        let Some(second) = deltas.first().map(|delta| delta.second) else {
            return Vec::new();
        };
        self.now = self.now.max(Timestamp::from_parts(second + 1, -1));
        let mut verdicts = self.expire(second);
        verdicts.append(&mut self.said(deltas));
        // A server's answers may be seen by any worker: first, so that order does not matter.
        for fact in of_others(deltas) {
            if fact.what == What::AnswersDns
                && self.servers.len() < SERVERS
                && self.context.home.contains(fact.host) != Some(false)
            {
                self.servers.insert(fact.host);
            }
            self.others.learn(&fact, &self.context.home);
        }
        for fact in deltas.iter().flat_map(|delta| &delta.facts) {
            match fact.what {
                What::Attempt(_) if self.context.home.contains(fact.host) != Some(false) => {
                    self.newest_attempt = self.newest_attempt.max(Some(fact.time));
                }
                What::Outcome(_, Outcome::Established | Outcome::Refused) => {
                    self.mail_answered |= self.context.home.contains(fact.host) != Some(false);
                }
                _ => {}
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
        let watched = self.suspects.get(host);
        given.or_else(|| {
            let watched = watched?;
            let setting = self.setting(host, self.now);
            let role = role::role(&setting, Some(&watched.suspect), &watched.totals);
            Some(role.role)
        })
    }

    fn host(&mut self, facts: &[(&Fact, &Delta)], verdicts: &mut Vec<Verdict>) {
        // What others do with a host takes no suspect's place, and neither does a resolver of whom
        // nothing is known; every other fact is of something that the host itself did.
        let host = facts.first().map(|(fact, _)| fact.host);
        let known = host.is_some_and(|host| self.suspects.knows(host));
        let own = |fact: &&(&Fact, &Delta)| {
            is_weighed(fact.0.what) || known && fact.0.what == What::Resolves
        };
        self.audit(facts);
        let Some((first, delta)) = facts.iter().find(own) else {
            return;
        };
        let host = first.host;
        if self.context.home.contains(host) == Some(false) {
            return;
        }
        verdicts.append(&mut self.watch(first));
        verdicts.append(&mut self.follow(host, facts));
        let smtp = self.smtp_in_sight(first.time);
        let hour = first.time.second().div_euclid(3_600);
        if self.notices.0 != hour {
            self.notices = (hour, 0);
        }
        let Some(watched) = self.suspects.get_mut(host) else {
            return;
        };
        // Its counters come from the worker that saw what it did itself.
        if let Some(totals) = delta.totals(host) {
            watched.totals = totals.clone();
            resolve(&mut watched.totals, self.mail_answered);
            watched.suspect.sample(delta.second, host, totals);
        }
        let mut setting = Setting {
            host,
            time: first.time,
            view: View {
                smtp,
                answers: watched.totals.smtp.answers_seen != Some(false),
            },
            answers_dns: self.servers.contains(&host),
            others: self.others.get(host),
            site: self.site,
            context: &self.context,
        };
        watched.active = watched.active.saturating_add(1);
        // A day's windows need no closer look than once a second.
        watched.suspect.expire(first.time);
        for (fact, delta) in facts.iter().filter(own) {
            setting.time = fact.time;
            if is_weighed(fact.what) {
                let (start, newest) = watched.facts.unwrap_or((fact.time, fact.time));
                watched.facts = Some((start.min(fact.time), newest.max(fact.time)));
            }
            watched.suspect.score.advance(fact.time);
            if let Some(class) = op25b::direct(fact.what, &self.context.home) {
                watched.suspect.direct = Some(class);
            }
            watched.suspect.learn(fact, delta, setting.view);
            watched.weigh(&setting);
            if let Some(verdict) = watched.cross(&setting, self.notices.1) {
                self.notices.1 += u32::from(verdict.judgement.level == Level::Notice);
                verdicts.push(verdict);
            }
        }
        self.suspects.weigh(host);
        if self.suspects.take_more_than(self.context.octets) {
            verdicts.append(&mut self.make_room(first.time));
        }
    }

    /// Has the audit of port 25 take in a host's facts.
    fn audit(&mut self, facts: &[(&Fact, &Delta)]) {
        let mirrored = facts
            .iter()
            .find_map(|(fact, delta)| delta.totals(fact.host)?.smtp.answers_seen);
        for (fact, _) in facts {
            self.audit.learn(fact, mirrored, &self.context.home);
        }
    }

    /// What is known beside what a host did itself.
    fn setting(&self, host: HostAddr, time: Timestamp) -> Setting<'_> {
        Setting {
            host,
            time,
            view: View {
                smtp: self.smtp_in_sight(time),
                answers: true,
            },
            answers_dns: self.servers.contains(&host),
            others: self.others.get(host),
            site: self.site,
            context: &self.context,
        }
    }

    /// Whether mail connections of anybody were in sight within the last day.
    fn smtp_in_sight(&self, now: Timestamp) -> bool {
        let newest = self.newest_attempt;
        newest.is_some_and(|newest| now.nanos_since(newest) <= DAY)
    }

    /// Makes sure that a fact's host is remembered; closes the episodes of those that leave for
    /// it.
    fn watch(&mut self, fact: &Fact) -> Vec<Verdict> {
        let mut closed = Vec::new();
        if self.suspects.len() >= SUSPECTS && !self.suspects.knows(fact.host) {
            closed = self.make_room(fact.time);
        }
        let expiry = fact.time.plus_nanos(DAY).second() + 1;
        self.next_expiry = self.next_expiry.min(expiry);
        self.suspects.entry(fact.host);
        closed
    }

    /// Forgets a sixteenth of the hosts.
    fn make_room(&mut self, now: Timestamp) -> Vec<Verdict> {
        let mut closed = Vec::new();
        for host in self.suspects.leaving(self.context.octets) {
            if let Some(mut watched) = self.suspects.evict(host) {
                closed.extend(watched.close(&self.setting(host, now), false));
                self.evicted += 1;
            }
        }
        closed
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
        let mut gone = self.suspects.take(|watched| deadline(watched) <= second);
        let left = self.suspects.iter().map(|(_, watched)| deadline(watched));
        self.next_expiry = left.min().unwrap_or(i64::MAX);
        gone.sort_by_key(|(host, watched)| (deadline(watched), *host));
        gone.into_iter()
            .filter_map(|(host, mut watched)| {
                let time = Timestamp::from_parts(deadline(&watched), 0);
                watched.suspect.expire(time);
                watched.close(&self.setting(host, time), true)
            })
            .collect()
    }

    /// Ends the input at `time`: closes every open episode at the level that it has.
    pub fn finish(&mut self, time: Timestamp) -> Vec<Verdict> {
        self.now = time;
        let mut verdicts = self.expire(time.second());
        let open = self.suspects.iter();
        let open = open.filter(|(_, watched)| watched.episode.is_some());
        let mut open: Vec<_> = open.map(|(host, _)| host).collect();
        open.sort_unstable();
        for host in open {
            if let Some(mut watched) = self.suspects.remove(host) {
                verdicts.extend(watched.close(&self.setting(host, time), false));
                self.suspects.insert(host, watched);
            }
        }
        verdicts.append(&mut self.floods.finish(time, &self.context));
        verdicts.sort_by_key(|verdict| (verdict.time.second(), verdict.host));
        verdicts
    }

    /// What is thought of each host with an open episode, in no order: for who begins to look
    /// when a run goes on from a state.
    pub fn standing(&self) -> impl Iterator<Item = Verdict> + '_ {
        let watched = self.suspects.iter();
        watched.filter_map(|(host, watched)| watched.standing(&self.setting(host, self.now)))
    }

    /// Completes the counters of a host by what is known of the capture.
    pub fn resolve(&self, totals: &mut HostTotals) {
        resolve(totals, self.mail_answered);
    }

    /// The judgement about any host, by its counters.
    #[must_use]
    pub fn judgement(&self, host: HostAddr, totals: &HostTotals) -> Judgement {
        let watched = self.suspects.get(host);
        let setting = self.setting(host, self.now);
        let role = role::role(&setting, watched.map(|watched| &watched.suspect), totals);
        match watched {
            Some(watched) => watched.judgement(&setting, &role),
            None => Judgement::ordinary(role),
        }
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
        let is_known = self.context.home.is_known();
        is_known.then(|| self.audit.report(&is_mail_server))
    }

    /// DNS servers that had to be forgotten for others.
    #[must_use]
    pub fn servers_evicted(&self) -> u64 {
        self.floods.evicted()
    }

    /// Pairs of an IP and an Ethernet address that had to be forgotten for others.
    #[must_use]
    pub fn bindings_evicted(&self) -> u64 {
        self.identity.evicted()
    }

    /// Hosts with mail lookups or connections that had to be forgotten for others.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// Whether a fact is of something that the host did and that is weighed.
fn is_weighed(what: What) -> bool {
    let unused = matches!(
        what,
        What::Tls { .. } | What::Mailbox { .. } | What::HiddenDns { .. } | What::Resolves
    );
    !unused && !what.is_of_others()
}

/// Replies to a host's queries come the way that mail servers' answers do, and so do the
/// answers to any other host inside.
fn resolve(totals: &mut HostTotals, mail_answered: bool) {
    let mirrored = mail_answered || totals.replies.total > 0;
    totals.smtp.resolve(mirrored);
}
