//! Per-source counters: each worker owns the tables of its shards and is their only writer,
//! so nothing here locks and nothing is shared.
//!
//! Uses [`crate::decode`]'s observations. A host belongs to one of [`SHARDS`] shards by its
//! address, a shard to one worker; every bound is a shard's, so that the counts, evictions
//! included, are the same for any number of workers. Seconds are closed from outside
//! ([`Counters::close`]), by packet time; a closed second leaves as a [`Delta`].

#![forbid(unsafe_code)]
#![expect(
    clippy::indexing_slicing,
    reason = "indexes here are reduced to a table's size"
)]

pub mod delta;
pub mod distinct;
pub mod duplicates;
pub mod host;
pub mod names;
pub mod prefixes;
pub mod series;
pub mod smtp;
pub mod table;
pub mod top;

use crate::decode::dns::name::MAX_NAME;
use crate::decode::dns::{Data, INTERNET, Message, NXDOMAIN, QType, Question, SERVFAIL, Section};
use crate::decode::malformed::Malformed;
use crate::decode::observation::{Observation, observe};
use crate::decode::packet::Packet;
use crate::host::HostAddr;
use crate::keywords::{Keywords, Tier};
use delta::{Delta, Domain, Fact, HostBin, What};
use duplicates::Duplicates;
use host::{HostCounters, Label};
use names::ServerLookup;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use table::HostTable;

/// Parts that the hosts are divided into. A power of two well above any sensible number of
/// workers, so that they share the work evenly.
pub const SHARDS: usize = 64;

/// Hosts known to answer DNS that a shard remembers, to tell of each only once.
const SERVERS: usize = 4096;

/// Exchangers of one MX reply that are told: RFC 5321 section 5.1 lets a client try a few.
const EXCHANGERS: usize = 16;

/// The shard that a host belongs to.
#[must_use]
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "both halves are of 64 bits"
)]
pub fn shard_of(host: HostAddr) -> usize {
    // Fibonacci hashing: the high bits of the product depend on every bit of the address.
    let (high, low) = ((host.bits() >> 64) as u64, host.bits() as u64);
    let mixed = (high.rotate_left(32) ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (64 - SHARDS.trailing_zeros())) as usize
}

/// What counting needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Mail-host keywords.
    pub keywords: Arc<Keywords>,
    /// Hosts at most, over all shards.
    pub hosts: usize,
    /// Whether to keep per-host bins of every second.
    pub bins: bool,
}

/// The counters of one worker.
#[derive(Debug)]
pub struct Counters {
    settings: Settings,
    shards: Vec<Shard>,
    /// Seconds that may still receive packets, in order of time.
    open: Vec<OpenSecond>,
    domains: DomainCache,
    packets: PacketCounts,
}

/// What became of the packets that a worker was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketCounts {
    /// Whole messages.
    pub decoded: u64,
    /// Broken ones, by what was wrong; what could be read of them is counted too.
    pub malformed: BTreeMap<Malformed, u64>,
    /// Messages that came a second time within milliseconds, as from a doubled mirror port.
    pub duplicates: u64,
    /// Observations left out of correlation, since their host had made too many in a second.
    pub untold: u64,
    /// Hosts in the tables.
    pub hosts: u64,
    /// Hosts that had to leave a full table.
    pub evicted: u64,
}

impl PacketCounts {
    /// Adds what another worker counted.
    pub fn add(&mut self, other: &Self) {
        self.decoded += other.decoded;
        self.duplicates += other.duplicates;
        self.untold += other.untold;
        self.hosts += other.hosts;
        self.evicted += other.evicted;
        for (&damage, &count) in &other.malformed {
            *self.malformed.entry(damage).or_insert(0) += count;
        }
    }
}

#[derive(Debug)]
struct Shard {
    hosts: HostTable<HostCounters>,
    servers: HashSet<HostAddr, foldhash::fast::RandomState>,
    duplicates: Duplicates,
}

#[derive(Debug, Default)]
struct OpenSecond {
    delta: Delta,
    bins: BTreeMap<HostAddr, HostBin>,
}

/// A query name in the forms that are counted.
struct Folded<'a> {
    text: &'a [u8],
    hash: u64,
}

impl Counters {
    /// Empty counters.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let bound = settings.hosts.div_ceil(SHARDS);
        let shard = || Shard {
            hosts: HostTable::new(bound),
            servers: HashSet::default(),
            duplicates: Duplicates::default(),
        };
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            open: Vec::new(),
            domains: DomainCache::default(),
            packets: PacketCounts::default(),
            settings,
        }
    }

    /// Counts a packet that was routed to one of this worker's hosts. A `late` one counts in
    /// totals only. Allocates nothing once hosts, names and seconds are known.
    #[inline]
    pub fn record(&mut self, packet: &Packet<'_>, late: bool) {
        let observation = match observe(packet) {
            Ok(observation) => observation,
            Err(damage) => return self.malformed(damage.or_cut(packet.cut)),
        };
        match &observation {
            Observation::Query(message) => self.query(packet, message, late),
            Observation::Reply(message) => self.reply(packet, message, late),
            Observation::Stray(_) => {}
        }
        // Records are looked at in replies; an update (RFC 2136) may leave their data out.
        let records = || match observation {
            Observation::Reply(message) => message.records().find_map(Result::err),
            _ => None,
        };
        match observation.message().damage.or_else(records) {
            None => self.packets.decoded += 1,
            Some(damage) => self.malformed(damage.or_cut(packet.cut)),
        }
    }

    fn malformed(&mut self, damage: Malformed) {
        *self.packets.malformed.entry(damage).or_insert(0) += 1;
    }

    fn query(&mut self, packet: &Packet<'_>, message: &Message<'_>, late: bool) {
        let shard = &mut self.shards[shard_of(packet.src)];
        let host = shard.hosts.entry(packet.src);
        host.seen(packet.time);
        host.tag = packet.tag.or(host.tag);
        host.cut += u64::from(packet.cut);
        host.queries.total += 1;
        host.iterative += u64::from(!message.header.recursion_desired());
        if let Some(qtype) = message.qtype {
            host.queries.add(qtype);
        }
        let Some(question) = message.question else {
            let a = message.qtype == Some(QType::A);
            if a && !late {
                host.series.add(packet.time.second(), None);
            }
            if !late {
                self.bin(packet, |bin| count_type(bin, message.qtype, None));
            }
            return;
        };
        let mut buffer = [0; MAX_NAME];
        let text = question.name.fold(&mut buffer);
        let name = Folded {
            text,
            hash: names::hash(text),
        };
        let domain = self.domains.of(&name);
        host.name(question.qtype, name.hash, domain);
        let mut tier = None;
        if matches!(question.qtype, QType::A | QType::AAAA) {
            let label = names::first_label(text);
            tier = self.settings.keywords.tier(label);
            if question.qtype == QType::A {
                host.prefixes.add(text);
                if let Some(tier) = tier {
                    host.keyword.add(tier);
                    host.labels.add(Label::new(label), 1);
                }
                if !late {
                    host.series.add(packet.time.second(), tier);
                }
            }
        }
        if late {
            return;
        }
        let duplicate = shard.duplicates.seen(packet, message, &question, name.hash);
        self.packets.duplicates += u64::from(duplicate);
        self.bin(packet, |bin| count_type(bin, message.qtype, tier));
        if !duplicate {
            self.query_facts(packet, &question, &name, domain, tier);
        }
    }

    /// What a query says beyond its count.
    fn query_facts(
        &mut self,
        packet: &Packet<'_>,
        question: &Question<'_>,
        name: &Folded<'_>,
        domain: u64,
        tier: Option<Tier>,
    ) {
        // `version.bind` in class CHAOS is no sender's policy, nor is anything else there mail.
        if question.qclass != INTERNET {
            return;
        }
        let mx = question.qtype == QType::MX;
        let mail_host = matches!(tier, Some(Tier::Exact | Tier::Numbered));
        let lookup = (!mx && !mail_host).then(|| ServerLookup::of(question.qtype, name.text));
        let lookup = lookup.flatten();
        if !(mx || mail_host || lookup.is_some()) || !self.tell(packet, packet.src) {
            return;
        }
        let what = if let Some(lookup) = lookup {
            What::ServerLookup {
                lookup,
                name: name.hash,
            }
        } else {
            let domain = self.domain(packet, name, domain);
            let label = Label::new(names::first_label(name.text));
            let name = name.hash;
            if mx {
                What::MxQuery(domain)
            } else {
                What::MailHostQuery {
                    domain,
                    name,
                    label,
                }
            }
        };
        self.fact(packet, packet.src, what);
    }

    /// Whether an observation about `host` is told; counts those that are not.
    fn tell(&mut self, packet: &Packet<'_>, host: HostAddr) -> bool {
        let counters = self.shards[shard_of(host)].hosts.get_mut(host);
        let told = counters.is_some_and(|counters| counters.tell(packet.time.second()));
        self.packets.untold += u64::from(!told);
        told
    }

    fn reply(&mut self, packet: &Packet<'_>, message: &Message<'_>, late: bool) {
        let shard = &mut self.shards[shard_of(packet.dst)];
        // A reply makes no host: a host is who asks.
        let Some(host) = shard.hosts.get_mut(packet.dst) else {
            return;
        };
        let rcode = message.header.rcode();
        host.cut += u64::from(packet.cut);
        host.replies.total += 1;
        host.replies.nxdomain += u64::from(rcode == NXDOMAIN);
        host.replies.servfail += u64::from(rcode == SERVFAIL);
        if late {
            return;
        }
        if shard.servers.len() < SERVERS && shard.servers.insert(packet.src) {
            self.fact(packet, packet.src, What::AnswersDns);
        }
        let Some(question) = message.question else {
            return;
        };
        let label = question.name.first_label();
        let mail_host = || {
            matches!(question.qtype, QType::A | QType::AAAA)
                && matches!(
                    self.settings.keywords.tier(label),
                    Some(Tier::Exact | Tier::Numbered)
                )
        };
        if question.qtype != QType::MX && !mail_host() {
            return;
        }
        let mut buffer = [0; MAX_NAME];
        let text = question.name.fold(&mut buffer);
        let name = Folded {
            text,
            hash: names::hash(text),
        };
        let shard = &mut self.shards[shard_of(packet.dst)];
        if shard.duplicates.seen(packet, message, &question, name.hash) {
            self.packets.duplicates += 1;
            return;
        }
        if !self.tell(packet, packet.dst) {
            return;
        }
        let failed = is_negative(message);
        if question.qtype == QType::MX {
            let domain = self.domains.of(&name);
            self.fact(packet, packet.dst, What::MxReply { domain, failed });
            self.exchangers(packet, message);
        } else if !failed || rcode == NXDOMAIN || question.qtype == QType::A {
            // That a host has no IPv6 address is the rule, and says nothing of its name.
            let name = name.hash;
            self.fact(packet, packet.dst, What::MailHostReply { name, failed });
        }
    }

    fn exchangers(&mut self, packet: &Packet<'_>, message: &Message<'_>) {
        let exchangers = message
            .records()
            .map_while(Result::ok)
            .filter_map(|record| match record.data {
                Data::Mx { exchange, .. } if record.section == Section::Answer => Some(exchange),
                _ => None,
            });
        let mut buffer = [0; MAX_NAME];
        for exchange in exchangers.take(EXCHANGERS) {
            let name = names::hash(exchange.fold(&mut buffer));
            self.fact(packet, packet.dst, What::Exchanger { name });
        }
    }

    /// The open second of a packet that is not late.
    fn second(&mut self, packet: &Packet<'_>) -> &mut OpenSecond {
        let second = packet.time.second();
        let at = match self
            .open
            .binary_search_by_key(&second, |open| open.delta.second)
        {
            Ok(at) => at,
            Err(at) => {
                let delta = Delta {
                    second,
                    ..Delta::default()
                };
                self.open.insert(
                    at,
                    OpenSecond {
                        delta,
                        ..OpenSecond::default()
                    },
                );
                at
            }
        };
        &mut self.open[at]
    }

    fn fact(&mut self, packet: &Packet<'_>, host: HostAddr, what: What) {
        let (time, origin) = (packet.time, packet.origin);
        self.second(packet).delta.facts.push(Fact {
            host,
            time,
            origin,
            what,
        });
    }

    fn domain(&mut self, packet: &Packet<'_>, name: &Folded<'_>, hash: u64) -> Domain {
        let folded = names::registrable(name.text);
        let text = &mut self.second(packet).delta.text;
        // A second's domains beyond 4 GiB of text could not be told; they keep their hash.
        let at = u32::try_from(text.len()).unwrap_or(u32::MAX);
        text.extend_from_slice(folded);
        Domain {
            hash,
            at,
            len: u8::try_from(folded.len()).unwrap_or(u8::MAX),
        }
    }

    fn bin(&mut self, packet: &Packet<'_>, count: impl FnOnce(&mut HostBin)) {
        if self.settings.bins {
            count(self.second(packet).bins.entry(packet.src).or_default());
        }
    }

    /// Closes the seconds up to `through`, and yields those in which there was something to
    /// tell, in order of time.
    pub fn close(&mut self, through: i64) -> Vec<Delta> {
        let count = self
            .open
            .partition_point(|open| open.delta.second <= through);
        let mut deltas: Vec<_> = self.open.drain(..count).collect();
        deltas
            .iter_mut()
            .map(|OpenSecond { delta, bins }| {
                let mut delta = std::mem::take(delta);
                // Stable: a host's facts keep the order of arrival.
                delta.facts.sort_by_key(|fact| fact.host);
                delta.bins = std::mem::take(bins).into_iter().collect();
                // Who answers is told by the worker of whom it answers; its counters, where it
                // asks too, only by its own.
                let own = delta
                    .facts
                    .iter()
                    .filter(|fact| fact.what != What::AnswersDns);
                let mut hosts: Vec<_> = own.map(|fact| fact.host).collect();
                hosts.dedup();
                for host in hosts {
                    if let Some(counters) = self.shards[shard_of(host)].hosts.get_mut(host) {
                        counters.series.close(delta.second);
                        delta.totals.push((host, counters.totals()));
                    }
                }
                delta
            })
            .collect()
    }

    /// What became of the packets so far.
    #[must_use]
    pub fn packets(&self) -> PacketCounts {
        let mut packets = self.packets.clone();
        packets.hosts = self
            .shards
            .iter()
            .map(|shard| shard.hosts.len() as u64)
            .sum();
        packets.evicted = self.shards.iter().map(|shard| shard.hosts.evicted()).sum();
        packets
    }

    /// Ends counting: every host with its counters, all seconds closed, in no order. Call
    /// [`Counters::close`] for the last deltas before.
    #[must_use]
    pub fn finish(mut self) -> Vec<(HostAddr, HostCounters)> {
        let mut hosts: Vec<_> = self
            .shards
            .iter_mut()
            .flat_map(|shard| shard.hosts.drain())
            .collect();
        for (_, counters) in &mut hosts {
            counters.series.close(i64::MAX);
        }
        hosts
    }
}

/// Counts a query of this type in a bin.
fn count_type(bin: &mut HostBin, qtype: Option<QType>, tier: Option<Tier>) {
    match qtype {
        Some(QType::A) => bin.a.add(tier),
        Some(QType::MX) => bin.mx += 1,
        Some(QType::PTR) => bin.ptr += 1,
        Some(QType::AAAA) => bin.aaaa += 1,
        _ => bin.other += 1,
    }
}

/// The answer says that there is nothing: the name does not exist, or no record of that type
/// (RFC 2308: no answer, and an SOA in the authority section).
fn is_negative(message: &Message<'_>) -> bool {
    let [_, answers, ..] = message.header.counts;
    let no_data = || {
        answers == 0
            && message
                .records()
                .map_while(Result::ok)
                .any(|record| record.section == Section::Authority && record.rtype == QType::SOA)
    };
    match message.header.rcode() {
        NXDOMAIN => true,
        0 => !message.header.is_truncated() && no_data(),
        _ => false,
    }
}

/// The registrable domains of names seen lately: a lookup in the suffix list costs more than
/// all else that is done with a query.
#[derive(Debug)]
struct DomainCache(Box<[(u64, u64)]>);

impl Default for DomainCache {
    fn default() -> Self {
        Self(vec![(0, names::hash(&[])); 1 << 13].into_boxed_slice())
    }
}

impl DomainCache {
    /// The hash of the registrable domain of a name.
    #[inline]
    fn of(&mut self, name: &Folded<'_>) -> u64 {
        let mask = self.0.len() - 1;
        #[expect(clippy::cast_possible_truncation, reason = "masked right away")]
        let slot = &mut self.0[name.hash as usize & mask];
        if slot.0 != name.hash {
            *slot = (name.hash, names::hash(names::registrable(name.text)));
        }
        slot.1
    }
}
