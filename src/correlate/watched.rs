//! A host that is watched: what it has shown, and the episode that came of it.

use super::counterevidence;
use super::coupling::Coupling;
use super::evidence::Family;
use super::judge::{Judge, Outcome};
use super::others::Seen;
use super::role::{self, RoleView};
use super::score::{Against, Score};
use super::site::SiteView;
use super::suspect::{Suspect, View};
use super::{Context, Judgement, State, Verdict};
use crate::count::host::HostTotals;
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::verdict::{Class, Level, Role};
use crate::words::with_article;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// Notices in an hour of packet time: beyond them a host is told when it is suspected. A
/// flood of made-up sources must not fill the log.
pub(super) const NOTICES: u32 = 1_000;

/// Moves of an episode to another address that are told: a machine that makes itself addresses
/// must not fill the log either.
const MOVES: u8 = 16;

/// Said of who was noticed for lookups alone, before it was known whose they are.
const BEHIND: &str = "the tap showed to lie behind a resolver, so that its lookups may be those of \
                      others, and nothing else speaks against it";

/// Said of a level that lookups helped to bring before that.
const SINCE: &str = "; since then the tap showed to lie behind a resolver, and its lookups are not \
                     weighed any more";

/// A remembered host.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Watched {
    pub(super) suspect: Suspect,
    pub(super) totals: HostTotals,
    /// Time of the first and the newest fact.
    pub(super) facts: Option<(Timestamp, Timestamp)>,
    /// Seconds in which it did something, those before it had to leave for others included.
    pub(super) active: u32,
    pub(super) episode: Option<Episode>,
    /// The machine whose memory this is, where that is known.
    pub(super) owner: Option<[u8; 6]>,
    /// Octets that it takes, as of when it was weighed last ([`super::suspects`]).
    #[serde(skip)]
    pub(super) weight: usize,
    /// The sentence that the level of the episode was told with.
    sentence: String,
    /// The sums when the score of the episode was highest, and that score: what the closing
    /// verdict tells, since sums decay.
    peak: Option<(f64, Box<Score>)>,
}

/// An episode: from the first crossing of a level to a day's silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Episode {
    /// The address under which it began.
    host: HostAddr,
    first_seen: Timestamp,
    sequence: u64,
    class: Class,
    pub(super) level: Level,
    /// The role that the newest verdict was about.
    role: Role,
    /// How often it was told that it moved to another address.
    moves: u8,
}

/// Which host, when, and what is known beside what it did itself.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) host: HostAddr,
    pub(super) time: Timestamp,
    pub(super) view: View,
    pub(super) answers_dns: bool,
    pub(super) others: Option<&'a Seen>,
    pub(super) site: SiteView,
    pub(super) context: &'a Context,
}

impl<'a> Setting<'a> {
    fn judge(&self, role: &'a RoleView, suspect: &Suspect) -> Judge<'a> {
        let serves = suspect.server.is_server()
            || self
                .others
                .is_some_and(|seen| seen.is_mail_server(self.time));
        Judge {
            role,
            muted: &self.context.muted,
            others: self.others,
            asks_for_others: role.asks_for_others(suspect),
            two_in_one: suspect.is_used() && serves,
            view: self.view,
            own_mail: suspect.sends(),
            egress: !self.site.dns_is_by_host(),
            loss: self.site.loss.unwrap_or(0.0),
        }
    }
}

impl Watched {
    /// Memory of all that is remembered: by how much there is, so that it is the same in every run.
    pub(super) fn octets(&self) -> usize {
        let totals = &self.totals;
        let names = totals.smtp.server_names.iter();
        let peak = self
            .peak
            .as_ref()
            .map_or(0, |(_, sums)| size_of_val(&**sums));
        size_of_val(self)
            + self.suspect.octets()
            + size_of_val(&*totals.labels)
            + size_of_val(&*totals.smtp.by_port)
            + names.map(|(name, _)| name.len() + 32).sum::<usize>()
            + self.sentence.len()
            + peak
    }

    /// Sets the families that are states: what the host is like at the moment.
    pub(super) fn weigh(&mut self, setting: &Setting<'_>) {
        self.suspect.weigh(&self.totals);
        if let Some(seen) = setting.others {
            let known = setting.context.inventory.host(setting.host);
            let used =
                self.suspect.is_used() || known.is_some_and(|entry| entry.role == Some(Role::Pc));
            seen.weigh(&mut self.suspect.score, used, setting.time);
        } else {
            for family in [Family::Back, Family::Inbound] {
                self.suspect.score.set(family, Against::default());
            }
        }
    }

    /// Takes in what was kept of the same machine under another address, and the time that it
    /// has been known. An episode of that address has no successor.
    pub(super) fn merge(&mut self, other: Self) {
        self.suspect.merge(other.suspect);
        self.active = self.active.saturating_add(other.active);
        self.facts = match (self.facts, other.facts) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
    }

    /// Which of two episodes of a machine goes on: the greater, by level and then by age.
    pub(super) fn rank(&self) -> Option<(Level, Reverse<Timestamp>)> {
        let episode = self.episode?;
        Some((episode.level, Reverse(episode.first_seen)))
    }

    /// Whether there is memory of other addresses in it than this one.
    pub(super) fn is_joined(&self, host: HostAddr) -> bool {
        !self.related(host).is_empty()
    }

    /// The machine's addresses within a day, and the one that the episode began under.
    fn related(&self, host: HostAddr) -> Vec<HostAddr> {
        let mut related = self.suspect.addresses.others(host);
        if let Some(episode) = self.episode
            && episode.host != host
            && !related.contains(&episode.host)
        {
            related.insert(0, episode.host);
        }
        related
    }

    /// Tells that an episode goes on under another address of the machine, which it has not been
    /// told under; a notice says so when there is more to say.
    pub(super) fn moves(&mut self, setting: &Setting<'_>, before: HostAddr) -> Option<Verdict> {
        let episode = self.episode.as_mut()?;
        if episode.level <= Level::Notice || episode.moves >= MOVES {
            return None;
        }
        episode.moves += 1;
        episode.sequence += 1;
        let role = role::role(setting, Some(&self.suspect), &self.totals);
        let mut judgement = self.judgement(setting, &role);
        let same = format!("; it is the same machine as {before}");
        judgement.reason.push_str(&same);
        Some(self.verdict(setting, State::Updated, judgement))
    }

    /// Ends the episode at its level, since the memory of it does not go on here.
    pub(super) fn end(&mut self, setting: &Setting<'_>, why: &str) -> Option<Verdict> {
        let mut verdict = self.close(setting, false)?;
        let reason = &mut verdict.judgement.reason;
        reason.push_str("; ");
        reason.push_str(why);
        Some(verdict)
    }

    /// Takes back what was said of several hosts as one.
    pub(super) fn take_back(&mut self, setting: &Setting<'_>) -> Option<Verdict> {
        let role = role::role(setting, Some(&self.suspect), &self.totals);
        let others = self.related(setting.host).len() as u64;
        let others = match others {
            1 => "1 other address".to_owned(),
            _ => format!("{others} other addresses"),
        };
        let reason = format!(
            "was taken for one machine with {others}, and turned out to be a router or a proxy: \
             each address is judged by itself from now on"
        );
        self.acquit(setting, role, reason)
    }

    /// Tells a verdict where level or class changed. A level stands until its episode ends: by
    /// a day's silence, or when the host turns out to mail or to ask by trade and nothing
    /// else speaks against it. `notices`: so many were told in this hour.
    pub(super) fn cross(&mut self, setting: &Setting<'_>, notices: u32) -> Option<Verdict> {
        // Most hosts that are remembered are so for the names of addresses that they asked for.
        if self.episode.is_none() && !self.suspect.shows_content() {
            return None;
        }
        let role = role::role(setting, Some(&self.suspect), &self.totals);
        let judge = setting.judge(&role, &self.suspect);
        let mut outcome = judge.outcome(&self.suspect, &self.suspect.score);
        if outcome.level == Level::Notice && self.episode.is_none() && notices >= NOTICES {
            outcome.level = Level::None;
        }
        let turned_out =
            judge.asks_for_others || self.episode.is_some_and(|it| it.role != role.role);
        if turned_out && !role.is_pc() && outcome.level == Level::None {
            return self.clear(setting, role);
        }
        if self.asked_for_others(&judge) {
            return self.free(setting, role);
        }
        let after = self.after(&outcome);
        let before = self.episode.map(|episode| (episode.level, episode.class));
        let highest = self.peak.as_ref().map(|(score, _)| *score);
        if after.0 > Level::None && highest.is_none_or(|highest| outcome.score > highest) {
            self.peak = Some((outcome.score, Box::new(self.suspect.score.clone())));
        }
        if after.0 == Level::None || before == Some(after) {
            return None;
        }
        let mut judgement = judge.explain(
            &self.suspect,
            &self.suspect.score,
            Coupling::of(&self.totals.coupling),
            setting.time,
        );
        let (level, class) = after;
        (judgement.level, judgement.class) = after;
        self.sentence.clone_from(&judgement.reason);
        let sequence = self.episode.map_or(1, |episode| episode.sequence + 1);
        self.episode = Some(Episode {
            host: self.episode.map_or(setting.host, |episode| episode.host),
            first_seen: self.first_seen(setting.time),
            sequence,
            class,
            level,
            role: role.role,
            moves: self.episode.map_or(0, |episode| episode.moves),
        });
        let state = if sequence == 1 {
            State::New
        } else {
            State::Updated
        };
        Some(self.verdict(setting, state, judgement))
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
            // The DNS says more about what it is than its connections alone, and a role more than
            // a generation.
            (Class::SpamFanout | Class::SubmissionAbuse | Class::Gen1Relay, after)
            | (
                Class::Gen2Mx | Class::Gen3A | Class::Hybrid,
                after @ (Class::Hybrid | Class::HijackedRelay | Class::SubmissionAbuse),
            )
            | (_, after @ Class::HijackedServer) => after,
            (before, _) => before,
        };
        (level, class)
    }

    /// The judgement as of its highest score, where there is an episode, at its level.
    pub(super) fn judgement<'a>(&self, setting: &Setting<'a>, role: &'a RoleView) -> Judgement {
        let peak = self.peak.as_ref().filter(|_| self.episode.is_some());
        let sums = peak.map_or(&self.suspect.score, |(_, sums)| sums);
        let judge = setting.judge(role, &self.suspect);
        let coupling = Coupling::of(&self.totals.coupling);
        let mut judgement = judge.explain(&self.suspect, sums, coupling, setting.time);
        // A verdict stands until its episode ends, and with it its sentence: by another role
        // since, or what the tap loses, the sums may come to another level.
        if let Some(episode) = self.episode {
            if judgement.level != episode.level {
                let before = judge.egress && !self.sentence.contains("behind a resolver");
                let since = if before { SINCE } else { "" };
                judgement.reason = format!("{}{since}", self.sentence);
            }
            (judgement.class, judgement.level) = (episode.class, episode.level);
        }
        judgement
    }

    /// Ends the episode of a host that turned out to be no PC.
    fn clear(&mut self, setting: &Setting<'_>, role: RoleView) -> Option<Verdict> {
        let reason = format!(
            "turned out to be {}: {}",
            with_article(role.role),
            role.basis.join(", ")
        );
        let verdict = self.acquit(setting, role, reason)?;
        // What comes next begins anew, and the memory of the server stays.
        self.facts = Some((setting.time, setting.time));
        Some(verdict)
    }

    /// Whether an episode rests on lookups alone that turned out to be those of everybody behind a
    /// resolver.
    fn asked_for_others(&self, judge: &Judge<'_>) -> bool {
        let sums = self.peak.as_ref().map(|(_, sums)| &**sums);
        let none = |sums| judge.outcome(&self.suspect, sums).level == Level::None;
        judge.egress && self.episode.is_some() && none(&self.suspect.score) && sums.is_none_or(none)
    }

    /// Ends the episode of who turned out to lie before a resolver with all its clients.
    fn free(&mut self, setting: &Setting<'_>, role: RoleView) -> Option<Verdict> {
        let verdict = self.acquit(setting, role, BEHIND.to_owned())?;
        self.facts = Some((setting.time, setting.time));
        Some(verdict)
    }

    /// Ends the episode at none.
    fn acquit(&mut self, setting: &Setting<'_>, role: RoleView, reason: String) -> Option<Verdict> {
        self.episode.as_mut()?.sequence += 1;
        let judge = setting.judge(&role, &self.suspect);
        let against = counterevidence::of(&judge, &self.suspect, &self.suspect.score);
        let judgement = Judgement {
            reason,
            counterevidence: against,
            windows: self.suspect.fanout.windows(setting.time),
            ..Judgement::ordinary(role)
        };
        let mut verdict = self.verdict(setting, State::Closed, judgement);
        verdict.acquitted = true;
        self.episode = None;
        self.peak = None;
        Some(verdict)
    }

    fn first_seen(&self, time: Timestamp) -> Timestamp {
        let start = self.facts.map_or(time, |(start, _)| start);
        self.episode.map_or(start, |episode| episode.first_seen)
    }

    /// Closes the episode, at its level or, after a day's silence, at none.
    pub(super) fn close(&mut self, setting: &Setting<'_>, silent: bool) -> Option<Verdict> {
        let episode = self.episode?;
        let role = role::role(setting, Some(&self.suspect), &self.totals);
        if !silent && self.asked_for_others(&setting.judge(&role, &self.suspect)) {
            return self.free(setting, role);
        }
        let mut judgement = self.judgement(setting, &role);
        let mut level = episode.level;
        if silent {
            // Nothing is left of the evidence.
            let reason = if self.suspect.fanout.is_empty() {
                "has made no mail lookups for a day"
            } else {
                "has made no mail lookups and no mail connections for a day"
            };
            reason.clone_into(&mut judgement.reason);
            level = Level::None;
            (judgement.class, judgement.level) = (Class::Ordinary, level);
            judgement.evidence.clear();
        }
        self.episode = Some(Episode {
            sequence: episode.sequence + 1,
            level,
            ..episode
        });
        Some(self.verdict(setting, State::Closed, judgement))
    }

    /// What is thought of it now, where an episode is open.
    pub(super) fn standing(&self, setting: &Setting<'_>) -> Option<Verdict> {
        self.episode?;
        let role = role::role(setting, Some(&self.suspect), &self.totals);
        let judgement = self.judgement(setting, &role);
        Some(self.verdict(setting, State::Updated, judgement))
    }

    fn verdict(&self, setting: &Setting<'_>, state: State, mut judgement: Judgement) -> Verdict {
        let Setting {
            host,
            time,
            context,
            ..
        } = *setting;
        judgement.related.append(&mut self.related(host));
        Verdict {
            host,
            began_as: self.episode.map_or(host, |episode| episode.host),
            time,
            newest: self.facts.map_or(time, |(_, newest)| newest),
            state,
            acquitted: false,
            first_seen: self.first_seen(time),
            sequence: self.episode.map_or(1, |episode| episode.sequence),
            suppressed: context.suppressed(host, judgement.class, time),
            inside: context.home.contains(host),
            judgement,
            totals: self.totals.clone(),
            site: setting.site,
        }
    }
}
