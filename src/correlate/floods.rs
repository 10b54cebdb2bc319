//! The DNS servers that are asked, minute by minute, and the episodes in which one is flooded.
//!
//! A verdict here is about the server that is asked. Who asks, and for what, is its evidence;
//! a host outside of home is not judged.

use super::correlator::Context;
use super::evidence::{Evidence, Family, Witness};
use super::flood::{Found, Minute, Pattern, Watch, pairs};
use super::role::{RoleSource, RoleView};
use super::room;
use super::site::SiteView;
use super::{Judgement, LIKELY, SUSPECTED, State, Verdict};
use crate::count::asked::{Asked, Kind, Load, MINUTE, NAMES, Source};
use crate::count::delta::Delta;
use crate::count::host::HostTotals;
use crate::count::names;
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::verdict::{Class, Level, Role};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Servers that are remembered: a site asks some dozen, its resolvers some thousands.
pub(super) const SERVERS: usize = 4_096;
/// Sources, and names, that a verdict tells of.
const TOLD: usize = 5;

/// The servers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Floods {
    #[serde(with = "crate::sorted::map")]
    servers: HashMap<HostAddr, Server, RandomState>,
    /// Those with an episode.
    raised: BTreeSet<HostAddr>,
    evicted: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Server {
    a: Watch,
    ptr: Watch,
    /// The newest minute that was taken in.
    minute: i64,
    episode: Option<Episode>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Episode {
    first_seen: Timestamp,
    sequence: u64,
    judgement: Judgement,
}

/// What a server was asked in a minute, by everybody.
struct Sum<'a> {
    kind: Kind,
    loads: Vec<&'a Load>,
}

impl<'a> Sum<'a> {
    fn of(kind: Kind, asked: &[&'a Asked]) -> Self {
        let load = |asked: &&'a Asked| match kind {
            Kind::A => asked.a.as_deref(),
            Kind::Ptr => asked.ptr.as_deref(),
        };
        let loads = asked.iter().filter_map(load).collect();
        Self { kind, loads }
    }

    fn minute(&self) -> Minute {
        let mut minute = Minute::default();
        if self.loads.is_empty() {
            return minute;
        }
        let mut names = [0_u64; NAMES];
        for load in &self.loads {
            minute.queries += load.queries;
            // A source is of one shard, a name of any.
            let sources = load.sources.iter();
            minute.same_source += sources
                .map(|source| pairs(source.queries.into()))
                .sum::<u64>();
            for (sum, part) in names.iter_mut().zip(&load.names) {
                *sum += u64::from(*part);
            }
        }
        minute.same_name = names.iter().copied().map(pairs).sum();
        minute
    }

    /// Who asked most, most first.
    fn sources(&self) -> Vec<&'a Source> {
        let sources = self.loads.iter().flat_map(|load| &load.sources);
        let mut sources: Vec<_> = sources.filter(|source| source.lead > 0).collect();
        sources.sort_by_key(|source| (std::cmp::Reverse(source.lead), source.addr));
        sources.truncate(TOLD);
        sources
    }

    /// What was asked for most, most first.
    fn names(&self) -> Vec<&'a [u8]> {
        let mut names = BTreeMap::<_, u64>::new();
        for load in &self.loads {
            if !load.name.folded().is_empty() {
                *names.entry(load.name.folded()).or_default() += load.name.lead;
            }
        }
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_by_key(|(name, lead)| (std::cmp::Reverse(*lead), *name));
        names.into_iter().map(|(name, _)| name).take(TOLD).collect()
    }
}

impl Floods {
    /// Takes in the minute that ends with `second`, of all workers, and yields verdicts by
    /// server. Of a host that `trade` knows, many queries for ever other names are its trade.
    pub fn minute(
        &mut self,
        second: i64,
        deltas: &[Delta],
        context: &Context,
        trade: &dyn Fn(HostAddr) -> bool,
    ) -> Vec<Verdict> {
        let mut servers = BTreeMap::<_, Vec<_>>::new();
        for asked in deltas.iter().flat_map(|delta| &delta.asked) {
            if context.home.contains(asked.server) != Some(false) {
                servers.entry(asked.server).or_default().push(asked);
            }
        }
        let mut verdicts = Vec::new();
        for (host, asked) in servers {
            if self.servers.len() >= SERVERS && !self.servers.contains_key(&host) {
                self.make_room();
            }
            let minute = second.div_euclid(MINUTE);
            let server = self.servers.entry(host).or_insert_with(|| Server {
                a: Watch::default(),
                ptr: Watch::default(),
                minute: minute - 1,
                episode: None,
            });
            server.silence(minute - 1);
            server.minute = minute;
            let kinds = [
                (Kind::A, server.ptr.sources()),
                (Kind::Ptr, server.a.sources()),
            ];
            let found = kinds.map(|(kind, others)| {
                let sum = Sum::of(kind, &asked);
                let watch = match kind {
                    Kind::A => &mut server.a,
                    Kind::Ptr => &mut server.ptr,
                };
                let found = watch.minute(kind, sum.minute(), others)?;
                let by_trade = found.pattern == Pattern::HostSearch
                    && sum.sources().first().is_some_and(|it| trade(it.addr));
                (!by_trade).then_some((found, sum))
            });
            let worst = found
                .into_iter()
                .flatten()
                .max_by(|(a, _), (b, _)| a.score().total_cmp(&b.score()));
            verdicts.extend(match worst {
                Some((found, sum)) => server.cross(host, second, &found, &sum, context),
                None if server.is_quiet() => server.close(host, end_of(second), None, context),
                None => None,
            });
            if server.episode.is_some() {
                self.raised.insert(host);
            } else {
                self.raised.remove(&host);
            }
        }
        verdicts
    }

    /// Closes the episodes of servers that nobody has asked since, up to the end of `second`;
    /// by time, then by server.
    pub fn expire(&mut self, second: i64, context: &Context) -> Vec<Verdict> {
        let mut quiet: Vec<_> = self
            .raised
            .iter()
            .filter_map(|host| {
                let server = self.servers.get(host)?;
                let minutes = server.a.until_quiet().max(server.ptr.until_quiet());
                let minute = server.minute + i64::from(minutes);
                let last = minute.saturating_mul(MINUTE) + (MINUTE - 1);
                (last <= second).then_some((last, *host, minute))
            })
            .collect();
        quiet.sort_unstable();
        let quiet = quiet.into_iter().filter_map(|(last, host, minute)| {
            self.raised.remove(&host);
            let server = self.servers.get_mut(&host)?;
            server.silence(minute);
            server.minute = minute;
            server.close(host, end_of(last), None, context)
        });
        quiet.collect()
    }

    /// So many seconds are none in which nobody asked.
    pub(super) fn interrupted(&mut self, seconds: i64) {
        for server in self.servers.values_mut() {
            server.minute = server.minute.saturating_add(seconds.max(0) / MINUTE);
        }
    }

    /// Ends the input at `time`: closes every episode at the level that it has.
    pub fn finish(&mut self, time: Timestamp, context: &Context) -> Vec<Verdict> {
        let raised = std::mem::take(&mut self.raised);
        let open = raised.into_iter().filter_map(|host| {
            let server = self.servers.get_mut(&host)?;
            let last = server.episode.as_ref()?.judgement.clone();
            server.close(host, time, Some(last), context)
        });
        open.collect()
    }

    /// Servers that had to be forgotten for others.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Forgets a sixteenth of the servers: those without an episode first, and of these the
    /// ones not asked for longest.
    fn make_room(&mut self) {
        let rank =
            |(host, server): (&HostAddr, &Server)| (server.episode.is_some(), server.minute, *host);
        for (_, _, host) in room::leaving(self.servers.iter().map(rank), SERVERS) {
            self.servers.remove(&host);
            self.raised.remove(&host);
            self.evicted += 1;
        }
    }
}

/// When what is found in a minute is known.
fn end_of(second: i64) -> Timestamp {
    Timestamp::from_parts(second + 1, -1)
}

impl Server {
    /// Nobody asked until the end of `minute`.
    fn silence(&mut self, minute: i64) {
        let minutes = u32::try_from(minute - self.minute).unwrap_or(u32::MAX);
        if minute > self.minute {
            self.a.silence(minutes);
            self.ptr.silence(minutes);
        }
    }

    fn is_quiet(&self) -> bool {
        self.a.is_quiet() && self.ptr.is_quiet()
    }

    /// A verdict where the level rises, or the class changes.
    fn cross(
        &mut self,
        host: HostAddr,
        second: i64,
        found: &Found,
        sum: &Sum<'_>,
        context: &Context,
    ) -> Option<Verdict> {
        let level = match found.score() {
            score if score >= LIKELY => Level::Likely,
            score if score >= SUSPECTED => Level::Suspected,
            _ => return None,
        };
        let class = match sum.kind {
            Kind::A => Class::AFlood,
            Kind::Ptr => Class::PtrFlood,
        };
        let before = self.episode.as_ref().map(|episode| &episode.judgement);
        if before.is_some_and(|it| it.level > level || (it.level, it.class) == (level, class)) {
            return None;
        }
        let judgement = Judgement {
            class,
            level,
            score: found.score(),
            evidence: evidence(found, sum),
            reason: reason(found, sum),
            related: related(found, sum),
            ..Judgement::ordinary(role(host, context))
        };
        let sequence = self.episode.as_ref().map_or(0, |it| it.sequence) + 1;
        let started = Timestamp::from_parts(second + 1 - MINUTE, 0);
        let first_seen = self.episode.as_ref().map_or(started, |it| it.first_seen);
        let episode = Episode {
            first_seen,
            sequence,
            judgement,
        };
        let state = if sequence == 1 {
            State::New
        } else {
            State::Updated
        };
        let told = verdict(host, end_of(second), state, &episode, context);
        self.episode = Some(episode);
        Some(told)
    }

    /// Ends the episode, if there is one: with its last judgement, or cleared.
    fn close(
        &mut self,
        host: HostAddr,
        time: Timestamp,
        last: Option<Judgement>,
        context: &Context,
    ) -> Option<Verdict> {
        let mut episode = self.episode.take()?;
        episode.sequence += 1;
        episode.judgement = last.unwrap_or_else(|| Judgement {
            reason: "is asked no more than is usual by now".to_owned(),
            ..Judgement::ordinary(role(host, context))
        });
        Some(verdict(host, time, State::Closed, &episode, context))
    }
}

fn verdict(
    host: HostAddr,
    time: Timestamp,
    state: State,
    episode: &Episode,
    context: &Context,
) -> Verdict {
    let judgement = episode.judgement.clone();
    Verdict {
        host,
        began_as: host,
        time,
        newest: time,
        state,
        acquitted: false,
        first_seen: episode.first_seen,
        sequence: episode.sequence,
        suppressed: context.suppressed(host, judgement.class, time),
        inside: context.home.contains(host),
        judgement,
        totals: HostTotals::default(),
        site: SiteView::default(),
    }
}

fn role(host: HostAddr, context: &Context) -> RoleView {
    let entry = context.inventory.host(host);
    match entry.and_then(|entry| Some((entry, entry.role?))) {
        Some((entry, role)) => RoleView {
            role,
            source: RoleSource::Inventory,
            basis: vec![format!("{} in the inventory", entry.net)],
        },
        None => RoleView {
            role: Role::Resolver,
            source: RoleSource::Learned,
            basis: vec!["is asked DNS queries by others".to_owned()],
        },
    }
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::A => "A queries",
        Kind::Ptr => "PTR queries",
    }
}

fn reason(found: &Found, sum: &Sum<'_>) -> String {
    let Found { queries, usual, .. } = found;
    let by = match found.pattern {
        Pattern::Targeted => {
            "by few sources for few names: somebody aims at it, or a program runs wild"
        }
        Pattern::SpamBot => {
            "by many sources for few names: a spam bot makes the servers that it writes to ask \
             who it is"
        }
        Pattern::HostSearch => {
            "by few sources for many names: somebody searches for hosts, or reads logs"
        }
    };
    let kind = words(sum.kind);
    let mut text =
        format!("is asked {queries} {kind} in a minute where {usual:.0} are usual, {by}");
    if let (Pattern::SpamBot, Some(bot)) = (found.pattern, about(sum)) {
        let _ = write!(text, " (most ask for {bot})");
    } else if let Some(first) = sum.sources().first() {
        let _ = write!(text, " (most come from {})", first.addr);
    }
    text
}

fn evidence(found: &Found, sum: &Sum<'_>) -> Vec<Evidence> {
    let [rate_capped, mix_capped] = found.capped();
    let Found { queries, usual, .. } = found;
    let kind = words(sum.kind);
    let rate = Evidence {
        family: Family::Rate,
        llr: found.rate,
        capped: rate_capped,
        text: format!("{queries} {kind} in a minute, where {usual:.0} are usual"),
        packets: Vec::new(),
        domains: Vec::new(),
        more: false,
    };
    let moved = |what: &str, (before, now): (Option<f64>, f64)| match before {
        Some(before) => {
            let way = if now < before { "fell" } else { "rose" };
            format!("entropy of {what} {way} from {before:.1} to {now:.1} bits")
        }
        None => format!("entropy of {what} is {now:.1} bits"),
    };
    let (usual_sources, sources_now) = found.sources;
    let mut text = format!(
        "{}, {}; most came from ",
        moved("sources", (Some(usual_sources), sources_now)),
        moved("names", found.names)
    );
    let sources = sum.sources();
    for (number, source) in sources.iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        let bound = if source.lead == source.queries {
            ""
        } else {
            "≥"
        };
        let _ = write!(text, "{comma}{} ({bound}{})", source.addr, source.lead);
    }
    let packets = sources.iter().map(|source| {
        let (origin, time) = source.packet;
        Witness { origin, time }
    });
    let mix = Evidence {
        family: Family::Entropy,
        llr: found.mix,
        capped: mix_capped,
        text,
        packets: packets.collect(),
        domains: sum.names().into_iter().map(Box::from).collect(),
        more: true,
    };
    vec![rate, mix]
}

/// Whom it is about besides the server: of a spam bot its address, then who asked most.
fn related(found: &Found, sum: &Sum<'_>) -> Vec<HostAddr> {
    let bot = (found.pattern == Pattern::SpamBot).then(|| about(sum));
    let sources = sum.sources().into_iter().map(|source| source.addr);
    bot.flatten().into_iter().chain(sources).collect()
}

/// The address whose name was asked for most.
fn about(sum: &Sum<'_>) -> Option<HostAddr> {
    names::reverse_address(sum.names().first()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::asked::SOURCES;
    use crate::home::{Home, parse_net};
    use std::sync::Arc;

    fn resolver() -> HostAddr {
        HostAddr::from_v4([192, 0, 2, 53])
    }

    /// Queries of one shard, spread over its groups of sources and over so many of names; the
    /// first group asks `more` for the first name besides.
    fn asked(server: HostAddr, shard: u8, more: u32) -> Asked {
        let mut load = Load::new();
        for group in 0..SOURCES {
            load.sources[group].queries = 2;
            load.sources[group].lead = 2;
            load.sources[group].addr =
                HostAddr::from_v4([10, 0, shard, u8::try_from(group).unwrap()]);
            load.names[(group * 7 + usize::from(shard)) % NAMES] += 2;
            load.queries += 2;
        }
        load.sources[0].queries += more;
        load.sources[0].lead += more;
        load.names[0] += more;
        load.queries += u64::from(more);
        Asked {
            server,
            a: None,
            ptr: Some(load),
        }
    }

    /// The minute's load by four shards, of which one floods, as of so many workers.
    fn deltas(minute: i64, server: HostAddr, more: u32, workers: usize) -> Vec<Delta> {
        let second = minute * MINUTE + MINUTE - 1;
        let mut deltas = vec![
            Delta {
                second,
                ..Delta::default()
            };
            workers
        ];
        for shard in 0..4 {
            let more = if shard == 2 { more } else { 0 };
            let at = usize::from(shard) % workers;
            deltas[at].asked.push(asked(server, shard, more));
        }
        deltas
    }

    fn run(floods: &mut Floods, context: &Context, workers: usize) -> Vec<Verdict> {
        let mut told = Vec::new();
        for minute in 0..45 {
            let more = if (25..30).contains(&minute) { 5000 } else { 0 };
            let deltas = deltas(minute, resolver(), more, workers);
            let second = deltas.first().unwrap().second;
            told.extend(floods.minute(second, &deltas, context, &|_| false));
        }
        told
    }

    #[test]
    fn told_once_cleared_once_and_the_same_of_any_workers() {
        let context = Context::default();
        let told = run(&mut Floods::default(), &context, 1);
        let levels: Vec<_> = told
            .iter()
            .map(|it| (it.time.second(), it.state, it.judgement.level))
            .collect();
        let [
            (first, State::New, Level::Suspected),
            ..,
            (last, State::Closed, Level::None),
        ] = levels[..]
        else {
            panic!("{levels:?}")
        };
        assert_eq!((first, last), (26 * 60 + 59, 39 * 60 + 59));
        let verdict = told.first().unwrap();
        assert_eq!(verdict.judgement.class, Class::PtrFlood);
        assert_eq!(verdict.first_seen, Timestamp::from_parts(26 * 60, 0));
        let busiest = HostAddr::from_v4([10, 0, 2, 0]);
        assert_eq!(verdict.judgement.related.first(), Some(&busiest));
        for workers in [2, 4] {
            assert_eq!(run(&mut Floods::default(), &context, workers), told);
        }
    }

    #[test]
    fn who_is_asked_outside_is_not_judged() {
        let home = |net| Context {
            home: Arc::new(Home::new([parse_net(net).unwrap()])),
            ..Context::default()
        };
        assert!(run(&mut Floods::default(), &home("10.0.0.0/8"), 1).is_empty());
        assert!(!run(&mut Floods::default(), &home("192.0.2.0/24"), 1).is_empty());
    }

    #[test]
    fn silence_ends_a_flood_and_so_does_the_input() {
        let context = Context::default();
        for silent in [true, false] {
            let mut floods = Floods::default();
            for minute in 0..30 {
                let more = if minute < 25 { 0 } else { 5000 };
                let deltas = deltas(minute, resolver(), more, 1);
                let second = minute * MINUTE + MINUTE - 1;
                floods.minute(second, &deltas, &context, &|_| false);
            }
            let told = if silent {
                assert!(floods.expire(34 * 60 + 58, &context).is_empty());
                floods.expire(34 * 60 + 59, &context)
            } else {
                floods.finish(Timestamp::from_parts(30 * 60, 0), &context)
            };
            let [verdict] = &told[..] else {
                panic!("{told:?}")
            };
            assert_eq!(verdict.state, State::Closed);
            assert_eq!(verdict.judgement.level == Level::None, silent);
            let second = if silent { 34 * 60 + 59 } else { 30 * 60 };
            assert_eq!(verdict.time.second(), second);
            assert!(floods.expire(i64::MAX / MINUTE, &context).is_empty());
        }
    }

    #[test]
    fn servers_have_a_bound_and_one_in_a_flood_stays() {
        let context = Context::default();
        let mut floods = Floods::default();
        for minute in 0..30 {
            let more = if minute < 25 { 0 } else { 5000 };
            let deltas = deltas(minute, resolver(), more, 1);
            floods.minute(minute * MINUTE + 59, &deltas, &context, &|_| false);
        }
        let second = 30 * MINUTE + 59;
        for number in 0..u32::try_from(2 * SERVERS).unwrap() {
            let server = HostAddr::from(std::net::Ipv4Addr::from_bits(number));
            let delta = Delta {
                second,
                asked: vec![asked(server, 0, 0)],
                ..Delta::default()
            };
            floods.minute(second, &[delta], &context, &|_| false);
        }
        assert!(floods.servers.len() <= SERVERS);
        assert!(floods.servers.contains_key(&resolver()));
        let left = 1 + 2 * SERVERS as u64 - floods.servers.len() as u64;
        assert_eq!(floods.evicted(), left);
    }
}
