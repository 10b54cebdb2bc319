//! The state of counting as octets: saved by each worker, put together, dealt out anew among any
//! number of workers, and read by each.
//!
//! What belongs to a shard is saved as the shard's, so that it is read by whoever has the shard
//! then. Of TCP connections only attempts are saved (docs/decisions/0017).

use super::asked::Asked;
use super::binding::Bindings;
use super::delta::{Binding, Delta, Domain, Fact, HostBin, What};
use super::duplicates::Duplicates;
use super::hidden::Hiders;
use super::host::{HostCounters, Quota};
use super::lately::Lately;
use super::site::Told;
use super::table;
use super::tally::{Bins, Shard};
use super::{Counters, PacketCounts, Settings, TcpCounts, shard_of};
use crate::decode::tcp::Connections;
use crate::decode::tcp::saved::Attempts;
use crate::host::HostAddr;
use crate::time::Timestamp;
use hashbrown::HashSet;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// What counting holds at a place in the stream of packets.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Saved {
    /// The shards that hold anything, by number.
    shards: BTreeMap<u8, Octets>,
    /// Seconds that may still receive packets.
    open: BTreeMap<i64, Second>,
    /// All but what the shards themselves know.
    packets: PacketCounts,
    /// What the site was told.
    told: Told,
    /// The first moment of a connection that may still be spoken of.
    moment: Option<Timestamp>,
}

/// Why what was saved cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// It is no such state.
    #[error(transparent)]
    Octets(#[from] postcard::Error),
    /// A shard has a number that no shard has.
    #[error("there is no shard {0}")]
    Shard(u8),
    /// A host stands in a table where it does not belong, or twice.
    #[error("a host stands in shard {0} that is another's, or stands there twice")]
    Host(u8),
}

/// An open second of one worker, or of several.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Second {
    facts: Vec<Fact>,
    bindings: Vec<Binding>,
    bins: Vec<(HostAddr, HostBin)>,
    text: Vec<u8>,
}

/// A shard, what it had asked in minutes that are not over, and its clients' attempts.
#[derive(Serialize)]
struct Written<'a> {
    shard: &'a Shard,
    asked: Vec<(i64, &'a [Asked])>,
    attempts: Attempts,
}

/// The same as it is read; field by field what [`Written`] and [`Shard`] have.
#[derive(Deserialize)]
struct Read {
    hosts: table::Saved<HostCounters>,
    #[serde(with = "crate::sorted::set")]
    servers: HashSet<HostAddr, foldhash::fast::RandomState>,
    duplicates: Duplicates,
    hiders: Hiders,
    lately: Lately,
    bindings: Bindings,
    quota: Quota,
    asked: Vec<(i64, Vec<Asked>)>,
    attempts: Attempts,
}

impl Saved {
    /// Adds what another worker has saved at the same place.
    pub fn add(&mut self, other: Self) {
        self.shards.extend(other.shards);
        for (second, other) in other.open {
            self.open.entry(second).or_default().add(&other);
        }
        self.packets.add(&other.packets);
        self.told.add(&other.told);
        self.moment = self.moment.max(other.moment);
    }

    /// Deals it out among `workers`, of whom `owner` says who has a shard. The counts that are
    /// no shard's go to the first.
    #[must_use]
    pub fn deal(self, workers: usize, owner: impl Fn(usize) -> usize) -> Vec<Self> {
        let mut dealt: Vec<_> = std::iter::repeat_with(Self::default)
            .take(workers.max(1))
            .collect();
        let last = dealt.len() - 1;
        let owner = |shard: usize| owner(shard).min(last);
        for (shard, octets) in self.shards {
            dealt[owner(shard.into())].shards.insert(shard, octets);
        }
        for (second, open) in &self.open {
            for (worker, saved) in dealt.iter_mut().enumerate() {
                let part = open.part(|host| owner(shard_of(host)) == worker);
                if !part.is_empty() {
                    saved.open.insert(*second, part);
                }
            }
        }
        for saved in &mut dealt {
            saved.moment = self.moment;
        }
        (dealt[0].packets, dealt[0].told) = (self.packets, self.told);
        dealt
    }
}

impl Second {
    fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.bindings.is_empty() && self.bins.is_empty()
    }

    /// What is about hosts of some shards, in order.
    fn part(&self, of: impl Fn(HostAddr) -> bool) -> Self {
        let mut part = Self::default();
        let facts = self.facts.iter().filter(|fact| of(fact.host));
        part.facts = facts.copied().collect();
        let bindings = self.bindings.iter().filter(|it| of(it.said.addr));
        part.bindings = bindings.copied().collect();
        let bins = self.bins.iter().filter(|(host, _)| of(*host));
        part.bins = bins.copied().collect();
        part.text.clone_from(&self.text);
        part.settle();
        part
    }

    fn add(&mut self, other: &Self) {
        let at = self.text.len();
        self.text.extend(&other.text);
        for fact in &other.facts {
            let mut fact = *fact;
            if let Some(domain) = domain(&mut fact.what) {
                let moved = at + domain.at as usize;
                domain.at = u32::try_from(moved).unwrap_or(u32::MAX);
            }
            self.facts.push(fact);
        }
        self.bindings.extend(&other.bindings);
        self.bins.extend(&other.bins);
        self.settle();
    }

    /// Puts all into the one order that does not depend on who counted it, and the text
    /// likewise.
    fn settle(&mut self) {
        // Stable: of what one packet says, one worker has told, in order.
        self.facts
            .sort_by_key(|fact| (fact.host, fact.time, fact.origin));
        self.bindings
            .sort_by_key(|binding| (binding.said.addr, binding.time));
        self.bins.sort_by_key(|(host, _)| *host);
        let before = Delta {
            text: std::mem::take(&mut self.text),
            ..Delta::default()
        };
        for fact in &mut self.facts {
            if let Some(domain) = domain(&mut fact.what) {
                let folded = before.domain(*domain);
                domain.at = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
                self.text.extend(folded);
            }
        }
    }
}

/// Where a fact has a domain.
fn domain(what: &mut What) -> Option<&mut Domain> {
    match what {
        What::MxQuery(domain) | What::MailHostQuery { domain, .. } => Some(domain),
        _ => None,
    }
}

impl Counters {
    /// Saves the state, but for TCP connections that talk. To be called between packets.
    ///
    /// # Errors
    /// None that is known: everything here can be written.
    pub fn save(&self) -> Result<Saved, postcard::Error> {
        let tally = &self.tally;
        let mut saved = Saved {
            packets: PacketCounts {
                hosts: 0,
                evicted: 0,
                connections: 0,
                ..self.packets()
            },
            told: self.told,
            moment: self.connections.iter().map(Connections::open).max(),
            ..Saved::default()
        };
        let write = |shard, asked, attempts| {
            postcard::to_allocvec(&Written {
                shard,
                asked,
                attempts,
            })
        };
        let empty = Shard::new(&tally.settings);
        let empty = write(&empty, Vec::new(), Attempts::default())?;
        for ((number, shard), connections) in (0..).zip(&tally.shards).zip(&self.connections) {
            let asked = tally.asked.of_shard(usize::from(number));
            let octets = write(shard, asked, connections.attempts())?;
            if octets != empty {
                saved.shards.insert(number, Octets(octets));
            }
        }
        for open in &tally.open {
            let mut second = Second {
                facts: open.delta.facts.clone(),
                bindings: open.delta.bindings.clone(),
                bins: open.bins.iter().map(|(host, bin)| (*host, *bin)).collect(),
                text: open.delta.text.clone(),
            };
            second.settle();
            saved.open.insert(open.delta.second, second);
        }
        Ok(saved)
    }

    /// Counters that go on from a state, or from a part that [`Saved::deal`] made of it.
    pub fn load(settings: Settings, saved: Saved) -> Result<Self, Invalid> {
        let mut counters = Self::new(settings);
        let tally = &mut counters.tally;
        if let Some(moment) = saved.moment {
            for connections in &mut counters.connections {
                connections.reopen(moment);
            }
        }
        let bound = tally.settings.hosts_of_shard();
        for (number, Octets(octets)) in saved.shards {
            let at = usize::from(number);
            let Some(shard) = tally.shards.get_mut(at) else {
                return Err(Invalid::Shard(number));
            };
            let read: Read = postcard::from_bytes(&octets)?;
            let hosts = read.hosts.table(bound).ok_or(Invalid::Host(number))?;
            let own = |host| shard_of(host) == at;
            if !hosts.hosts().all(own) || !read.attempts.are_of(own) {
                return Err(Invalid::Host(number));
            }
            *shard = Shard {
                hosts,
                servers: read.servers,
                duplicates: read.duplicates,
                hiders: read.hiders,
                lately: read.lately,
                bindings: read.bindings,
                quota: read.quota,
            };
            if let Some(connections) = counters.connections.get_mut(at) {
                connections.restore(read.attempts);
            }
            for (minute, asked) in read.asked {
                tally.asked.restore(at, minute, asked);
            }
        }
        for (second, saved) in saved.open {
            let open = tally.open_second(second);
            open.delta.facts = saved.facts;
            open.delta.bindings = saved.bindings;
            open.delta.text = saved.text;
            open.bins = Bins::of(saved.bins);
        }
        tally.asked.omitted = saved.packets.unasked;
        (counters.before, counters.told) = (saved.packets.tcp, saved.told);
        tally.packets = PacketCounts {
            unasked: 0,
            tcp: TcpCounts::default(),
            ..saved.packets
        };
        // Each table brings its own evictions, and what a smaller one loses now was no flood's.
        counters.told.losses.evicted = counters.tally.evicted();
        Ok(counters)
    }
}

/// Octets in one piece.
#[derive(Debug)]
struct Octets(Vec<u8>);

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Octets;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("octets")
            }

            fn visit_bytes<E>(self, octets: &[u8]) -> Result<Octets, E> {
                Ok(Octets(octets.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}
