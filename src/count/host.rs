//! The counters of one host.

use super::coupling::{Coupling, CouplingSums};
use super::lookups::Lookups;
use super::series::{Series, Sums};
use super::smtp::{self, SmtpCounters, SmtpTotals};
use super::table::Weigh;
use super::top::TopCounts;
use crate::decode::dns::QType;
use crate::decode::packet::LinkTag;
use crate::keywords::Tier;
use crate::time::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::hint::black_box;

/// Keyword labels of a host that are counted exactly; the study's client F used some 400.
pub const LABELS: usize = 1024;

/// Queries without the wish for recursion that tell a resolver: stub resolvers always wish
/// for it, and `dig +norecurse` by hand stays below.
const ITERATIVE: u64 = 4;

/// Hosts of a shard of which something is told for the first time in a second: a flood of sources that
/// nobody knows must leave room for those who are known.
pub const NEW_A_SECOND: u32 = 64;

/// Octets of what is told of a shard's second: observations, and the counters of their hosts. Some
/// six seconds are on their way at a time, in all threads: with 64 shards less than 100 MiB.
const SECOND: u32 = 256 << 10;
/// An observation with the domain that it names, and a host's counters, about.
const OBSERVATION: u32 = 192;
const COUNTERS: u32 = 1_536;
/// Observations of a host in a second that are told as long as there is room at all; further ones
/// as long as half of it is left, so that who does most shuts out nobody.
const MODEST: u32 = 16;

/// What of a shard's newest second is used up.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Quota {
    second: i64,
    octets: u32,
    new: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            second: i64::MIN,
            octets: 0,
            new: 0,
        }
    }
}

/// Keyword labels that are told.
pub(super) const TOLD: usize = 20;

/// What one host asked and was answered.
///
/// What few hosts have stands apart, and what is counted of every query in front: a host that asks
/// little takes half a kilobyte, and a query touches few lines of the cache.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct HostCounters {
    /// Times of the first packet counted and of the newest.
    span: Option<(Timestamp, Timestamp)>,
    /// Link address and VLAN of the newest query.
    pub tag: LinkTag,
    /// Queries by type.
    pub queries: Queries,
    /// Queries that ask the server to answer without recursion, as a resolver does.
    pub iterative: u64,
    /// Packets that the snap length cut; at 2³² − 1 it stays there.
    cut: u32,
    /// Replies by code.
    pub replies: Replies,
    /// The names that it asked for.
    pub lookups: Lookups,
    /// A queries per second.
    pub series: Series,
    /// Its A queries for mail hosts by keyword, where it has any.
    pub keyword: Option<Box<KeywordCounts>>,
    /// Whether its DNS was hidden in TLS or QUIC; `None` where nothing tells.
    pub dns_hidden: Option<bool>,
    /// Its mail lookups and mail connections per second, where it has any.
    pub coupling: Option<Box<Coupling>>,
    /// Its SMTP, where it has any.
    pub smtp: Option<Box<SmtpCounters>>,
    /// The second of which observations were told last, and how many.
    told_of: i64,
    told: u32,
    /// It asks as resolvers do, and that was told.
    resolves: bool,
    /// What was counted when the period began; `None` where that was before its first packet.
    #[serde(skip)]
    pub(super) before: Option<Box<HostTotals>>,
}

/// Queries by the type of their first question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queries {
    /// All, those without a readable question included.
    pub total: u64,
    /// IPv4 address.
    pub a: u64,
    /// IPv6 address.
    pub aaaa: u64,
    /// Mail exchanger.
    pub mx: u64,
    /// Reverse lookup and service discovery.
    pub ptr: u64,
    /// Name server.
    pub ns: u64,
    /// Text.
    pub txt: u64,
    /// Service location.
    pub srv: u64,
    /// Service binding of the web.
    pub https: u64,
    /// Every type at once.
    pub any: u64,
    /// Any other type.
    pub other: u64,
}

impl Queries {
    /// Counts a question of this type.
    #[inline]
    pub fn add(&mut self, qtype: QType) {
        *match qtype {
            QType::A => &mut self.a,
            QType::AAAA => &mut self.aaaa,
            QType::MX => &mut self.mx,
            QType::PTR => &mut self.ptr,
            QType::NS => &mut self.ns,
            QType::TXT => &mut self.txt,
            QType::SRV => &mut self.srv,
            QType::HTTPS => &mut self.https,
            QType::ANY => &mut self.any,
            _ => &mut self.other,
        } += 1;
    }
}

/// A queries for keywords.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct KeywordCounts {
    /// By tier.
    pub tiers: Tiers,
    /// By label.
    pub labels: TopCounts<Label, LABELS>,
}

impl KeywordCounts {
    /// Counts a query for this label; whether that may have taken memory.
    pub fn add(&mut self, tier: Tier, label: Label) -> bool {
        self.tiers.add(tier);
        self.labels.add(label, 1)
    }
}

/// Replies by code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replies {
    /// All.
    pub total: u64,
    /// The name does not exist.
    pub nxdomain: u64,
    /// The server failed.
    pub servfail: u64,
}

/// A queries by keyword tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiers {
    /// First label equal to a keyword.
    pub exact: u64,
    /// First label a keyword with a number.
    pub numbered: u64,
    /// First label that begins with a keyword otherwise.
    pub prefix: u64,
}

impl Tiers {
    /// Counts a label of this tier.
    pub fn add(&mut self, tier: Tier) {
        *match tier {
            Tier::Exact => &mut self.exact,
            Tier::Numbered => &mut self.numbered,
            Tier::Prefix => &mut self.prefix,
        } += 1;
    }
}

/// A label in lower case, 63 octets at most (RFC 1035 section 2.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label([u8; 64]);

impl Label {
    /// From a folded label.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        let mut octets = [0; 64];
        // The length stands last, so that labels sort by their text.
        octets[63] = u8::try_from(text.len().min(63)).unwrap_or(63);
        for (to, from) in octets.iter_mut().take(63).zip(text) {
            *to = *from;
        }
        Self(octets)
    }

    /// Its octets.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        let Self([text @ .., length]) = self;
        text.get(..usize::from(*length)).unwrap_or(text)
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.text())
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Vec::<u8>::deserialize(deserializer)?;
        if text.len() > 63 {
            return Err(D::Error::custom("a label of more than 63 octets"));
        }
        Ok(Self::new(&text))
    }
}

/// A host's counters at a moment, in the form that correlation and the events use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostTotals {
    /// Time of the first packet counted.
    pub first: Option<Timestamp>,
    /// Time of the newest packet counted.
    pub last: Option<Timestamp>,
    /// Link address and VLAN of the newest query.
    pub tag: LinkTag,
    /// Queries by type.
    pub queries: Queries,
    /// Queries without the wish for recursion.
    pub iterative: u64,
    /// Packets that the snap length cut.
    pub cut: u64,
    /// Replies by code.
    pub replies: Replies,
    /// A queries by keyword tier.
    pub keyword: Tiers,
    /// The keyword labels seen most, most frequent first.
    pub labels: Vec<(Label, u64)>,
    /// Whether there are more labels than these.
    pub labels_cut: bool,
    /// By how much a label's count can be too small.
    pub labels_error: u64,
    /// Distinct names asked for.
    pub names: u64,
    /// Distinct registrable domains asked for.
    pub domains: u64,
    /// Distinct registrable domains asked for by MX.
    pub mx_domains: u64,
    /// Whether those three are exact.
    pub distinct_exact: bool,
    /// A queries over the closed seconds.
    pub sums: Sums,
    /// Whether its DNS was hidden in TLS or QUIC; `None` where nothing tells.
    pub dns_hidden: Option<bool>,
    /// Its mail lookups and mail connections over the closed seconds.
    pub coupling: CouplingSums,
    /// Its SMTP.
    pub smtp: SmtpTotals,
}

impl HostTotals {
    /// Whether it asks as resolvers do.
    #[must_use]
    pub fn resolves(&self) -> bool {
        resolves(self.iterative, &self.queries)
    }
}

/// Whether so many queries without the wish for recursion tell a resolver.
fn resolves(iterative: u64, queries: &Queries) -> bool {
    iterative >= ITERATIVE && iterative * 2 >= queries.total
}

impl Weigh for HostCounters {
    fn octets(&self) -> usize {
        let before = self.before.as_deref();
        let before = before.map_or(0, |before| {
            size_of_val(before) + size_of_val(&*before.labels)
        });
        let keyword = self.keyword.as_deref();
        before
            + self.lookups.octets()
            + self.series.octets()
            + keyword.map_or(0, |keyword| size_of_val(keyword) + keyword.labels.octets())
            + self.coupling.as_deref().map_or(0, size_of_val)
            + self.smtp.as_ref().map_or(0, |smtp| smtp.octets())
    }
}

impl HostCounters {
    /// Notes the time of a packet.
    #[inline]
    pub fn seen(&mut self, time: Timestamp) {
        let (first, last) = self.span.unwrap_or((time, time));
        self.span = Some((first.min(time), last.max(time)));
    }

    /// Time of the newest packet counted.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.span.map(|(_, last)| last)
    }

    /// Notes a packet that the snap length cut.
    #[inline]
    pub fn cut_short(&mut self) {
        self.cut = self.cut.saturating_add(1);
    }

    /// Brings into the cache what a query changes.
    #[inline]
    pub(super) fn fetch(&self) {
        self.lookups.fetch();
        self.series.fetch();
        black_box((
            self.span,
            self.queries.total,
            self.queries.other,
            self.replies.total,
        ));
    }

    /// Whether another observation of this second may be told: a host is judged by less than some
    /// hundred, and a flood must not fill the memory. `quota` is its shard's.
    pub fn tell(&mut self, second: i64, quota: &mut Quota) -> bool {
        if second > quota.second {
            *quota = Quota {
                second,
                ..Quota::default()
            };
        }
        let new = self.told == 0;
        // A late second uses what the newest one leaves.
        let first = new || second > self.told_of;
        let told = if first { 0 } else { self.told };
        let octets = OBSERVATION + if first { COUNTERS } else { 0 };
        let room = if told < MODEST { SECOND } else { SECOND / 2 };
        if quota.octets + octets > room || new && quota.new >= NEW_A_SECOND {
            return false;
        }
        quota.octets += octets;
        quota.new += u32::from(new);
        if first {
            self.told_of = second;
        }
        self.told = told + 1;
        true
    }

    /// Whether it asks as resolvers do, and did not when this was asked last.
    #[inline]
    pub fn turns_resolver(&mut self) -> bool {
        let resolves = resolves(self.iterative, &self.queries);
        let before = std::mem::replace(&mut self.resolves, resolves);
        resolves && !before
    }

    /// Gives up what takes most and tells least: rare prefixes and labels. Their counts become
    /// lower bounds, and that is told.
    pub(super) fn cut(&mut self) {
        self.lookups.cut();
        if let Some(keyword) = &mut self.keyword {
            keyword.labels.cut(TOLD);
        }
    }

    /// Closes the seconds up to `through`.
    pub fn close(&mut self, through: i64) {
        self.series.close(through);
        if let Some(coupling) = &mut self.coupling {
            coupling.close(through);
        }
    }

    /// The sums over the seconds that were closed in the period.
    pub(super) fn period_sums(&self) -> (Sums, CouplingSums) {
        let coupling = self.coupling.as_ref();
        let coupling = coupling.map(|coupling| *coupling.period());
        (self.series.period(), coupling.unwrap_or_default())
    }

    /// Begins the sums of a period with the next second that is closed.
    pub(super) fn begin_sums(&mut self) {
        self.series.begin();
        if let Some(coupling) = &mut self.coupling {
            coupling.begin();
        }
    }

    /// The counters as they stand.
    #[must_use]
    pub fn totals(&mut self) -> HostTotals {
        self.totals_of(TOLD, smtp::TOLD)
    }

    /// The same with that many labels and names of servers.
    pub(super) fn totals_of(&mut self, labels: usize, names: usize) -> HostTotals {
        let lookups = self.lookups.counts();
        let keyword = self.keyword.as_deref();
        HostTotals {
            first: self.span.map(|(first, _)| first),
            last: self.last(),
            tag: self.tag,
            queries: self.queries,
            iterative: self.iterative,
            cut: self.cut.into(),
            replies: self.replies,
            keyword: keyword.map_or_else(Tiers::default, |keyword| keyword.tiers),
            labels: keyword.map_or_else(Vec::new, |keyword| keyword.labels.top(labels)),
            labels_cut: keyword.is_some_and(|keyword| keyword.labels.len() > labels),
            labels_error: keyword.map_or(0, |keyword| keyword.labels.error()),
            names: lookups.names,
            domains: lookups.domains,
            mx_domains: lookups.mx_domains,
            distinct_exact: lookups.exact,
            sums: self.series.sums(),
            dns_hidden: self.dns_hidden,
            coupling: self
                .coupling
                .as_ref()
                .map_or_else(CouplingSums::default, |coupling| *coupling.sums()),
            smtp: self
                .smtp
                .as_mut()
                .map_or_else(SmtpTotals::default, |smtp| smtp.totals(names)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(host: &mut HostCounters, second: i64, quota: &mut Quota, times: u32) -> u32 {
        (0..times)
            .map(|_| u32::from(host.tell(second, quota)))
            .sum()
    }

    #[test]
    fn who_does_most_shuts_out_nobody() {
        let quota = &mut Quota::default();
        let (mut one, mut other) = (HostCounters::default(), HostCounters::default());
        let most = told(&mut one, 5, quota, 10_000);
        assert!((500..1_000).contains(&most), "{most}");
        assert_eq!(told(&mut other, 5, quota, MODEST), MODEST);
        // A late second has what is left, and the next one all.
        assert_eq!(told(&mut one, 4, quota, 10), 0);
        assert_eq!(told(&mut one, 6, quota, 10_000), most);
    }

    #[test]
    fn a_second_of_a_shard_has_a_bound_and_those_who_are_known_have_most_of_it() {
        let quota = &mut Quota::default();
        let mut many: Vec<_> = std::iter::repeat_with(HostCounters::default)
            .take(1_000)
            .collect();
        let new = |quota: &mut Quota, many: &mut [HostCounters], second| {
            let told = many.iter_mut().map(|host| told(host, second, quota, 1));
            told.sum::<u32>()
        };
        for second in 0..20 {
            assert!(new(quota, &mut many, second) >= NEW_A_SECOND);
        }
        // By now all but a few were told of before.
        let known = new(quota, &mut many, 20);
        assert!((100..200).contains(&known), "{known}");
        assert!(quota.octets <= SECOND);
        let fresh = &mut HostCounters::default();
        assert!(!fresh.tell(20, quota) && fresh.tell(21, quota));
    }
}
