//! How much each DNS server is asked in a minute of packet time, by whom and for what: what a
//! flood is told by.
//!
//! Counted apart in each shard: which server still has a place, and which source or name leads,
//! then follows from the shard's packets alone, so that the number of workers changes nothing.
//! Shards are put together by addition.

use super::{SHARDS, mixed, shard_of};
use crate::capture::Origin;
use crate::host::HostAddr;
use crate::time::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds of packet time that are counted together. A minute holds enough queries of a busy
/// server to compare their mix, and is soon over.
pub const MINUTE: i64 = 60;

/// Servers of a shard that are counted in a minute. The hosts of a shard are a sixty-fourth of
/// the site and share its few resolvers; who asks more servers than that is a resolver itself.
pub const SERVERS: usize = 32;

/// Groups that the sources of a shard fall into, by a hash of their address.
pub const SOURCES: usize = 16;

/// Groups that names fall into, by their hash.
pub const NAMES: usize = 256;

/// Octets of a name that is kept as an example: enough for that of an IPv6 address (74). Of a
/// longer one only the hash is known.
const LONGEST: usize = 80;

/// What the hosts of one shard asked one server in one minute.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// The server.
    pub server: HostAddr,
    /// A queries.
    pub a: Option<Box<Load>>,
    /// PTR queries below `in-addr.arpa` and `ip6.arpa`.
    pub ptr: Option<Box<Load>>,
}

/// Queries of one type.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Load {
    /// How many.
    pub queries: u64,
    /// By groups of sources.
    pub sources: [Source; SOURCES],
    /// By groups of names.
    #[serde(serialize_with = "write_names", deserialize_with = "read_names")]
    pub names: [u32; NAMES],
    /// The name that leads.
    pub name: Name,
}

/// One group of sources, and who leads in it (Boyer and Moore's vote, which is Misra and Gries'
/// algorithm with one counter).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Source {
    /// Queries of the group.
    pub queries: u32,
    /// By how many the leader leads, a lower bound of its queries: all of them where it is alone
    /// in its group.
    pub lead: u32,
    /// The leader.
    pub addr: HostAddr,
    /// The packet by which it took the lead.
    pub packet: (Origin, Timestamp),
}

/// The name that leads, likewise.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// By how many queries, a lower bound of them.
    pub lead: u64,
    hash: u64,
    octets: [u8; LONGEST],
    len: u8,
}

impl Name {
    /// The folded name; empty where it is too long to be kept.
    #[must_use]
    pub fn folded(&self) -> &[u8] {
        self.octets.get(..self.len.into()).unwrap_or_default()
    }

    fn count(&mut self, hash: u64, folded: &[u8]) {
        if self.hash == hash {
            self.lead += 1;
        } else if self.lead > 0 {
            self.lead -= 1;
        } else {
            (self.hash, self.lead, self.len) = (hash, 1, 0);
            if let Some(octets) = self.octets.get_mut(..folded.len()) {
                octets.copy_from_slice(folded);
                self.len = u8::try_from(folded.len()).unwrap_or(0);
            }
        }
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.lead, self.hash, self.folded()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (lead, hash, folded) = <(u64, u64, Vec<u8>)>::deserialize(deserializer)?;
        let mut octets = [0; LONGEST];
        let Some(to) = octets.get_mut(..folded.len()) else {
            return Err(D::Error::custom("a name longer than any that is kept"));
        };
        to.copy_from_slice(&folded);
        Ok(Self {
            lead,
            hash,
            octets,
            len: u8::try_from(folded.len()).unwrap_or(0),
        })
    }
}

fn write_names<S: Serializer>(names: &[u32; NAMES], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(names)
}

fn read_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u32; NAMES], D::Error> {
    let names = Vec::<u32>::deserialize(deserializer)?;
    names
        .try_into()
        .map_err(|_| D::Error::custom("another number of groups"))
}

impl Load {
    /// Nothing yet.
    pub(crate) fn new() -> Box<Self> {
        Box::new(Self {
            queries: 0,
            sources: [Source::default(); SOURCES],
            names: [0; NAMES],
            name: Name {
                lead: 0,
                hash: 0,
                octets: [0; LONGEST],
                len: 0,
            },
        })
    }

    fn count(&mut self, query: &Query<'_>) {
        self.queries += 1;
        let group = (mixed(query.source) >> (64 - 10)) as usize % SOURCES;
        let source = &mut self.sources[group];
        source.queries += 1;
        if source.addr == query.source {
            source.lead += 1;
        } else if source.lead > 0 {
            source.lead -= 1;
        } else {
            (source.addr, source.lead, source.packet) = (query.source, 1, query.packet);
        }
        #[expect(clippy::cast_possible_truncation, reason = "reduced right away")]
        let group = query.hash as usize % NAMES;
        self.names[group] += 1;
        self.name.count(query.hash, query.folded);
    }
}

/// What a server can be flooded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Addresses.
    A,
    /// Reverse names.
    Ptr,
}

/// A query to be counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a> {
    pub(super) source: HostAddr,
    pub(super) server: HostAddr,
    pub(super) kind: Kind,
    /// The name's hash.
    pub(super) hash: u64,
    /// The folded name.
    pub(super) folded: &'a [u8],
    pub(super) packet: (Origin, Timestamp),
}

/// The minutes that are not over.
#[derive(Debug, Default)]
pub(super) struct Minutes {
    /// In order of time; two where packets come out of order, seldom more.
    open: Vec<Open>,
    /// Queries that were not counted, since their shard had no place for the server.
    pub(super) omitted: u64,
}

#[derive(Debug)]
struct Open {
    minute: i64,
    shards: Vec<Vec<Asked>>,
}

impl Open {
    fn new(minute: i64) -> Self {
        let shards = vec![Vec::new(); SHARDS];
        Self { minute, shards }
    }

    fn last_second(&self) -> i64 {
        self.minute.saturating_mul(MINUTE) + (MINUTE - 1)
    }
}

impl Minutes {
    fn open(&mut self, minute: i64) -> &mut Open {
        let at = match self.open.iter().rposition(|open| open.minute <= minute) {
            Some(at) if self.open[at].minute == minute => at,
            before => {
                let at = before.map_or(0, |before| before + 1);
                self.open.insert(at, Open::new(minute));
                at
            }
        };
        &mut self.open[at]
    }

    /// What a shard's hosts asked in each minute that is not over.
    pub(super) fn of_shard(&self, shard: usize) -> Vec<(i64, &[Asked])> {
        let minutes = self.open.iter();
        let minutes = minutes.map(|open| (open.minute, &*open.shards[shard]));
        minutes.filter(|(_, asked)| !asked.is_empty()).collect()
    }

    /// Puts back what a shard's hosts had asked in a minute.
    pub(super) fn restore(&mut self, shard: usize, minute: i64, asked: Vec<Asked>) {
        self.open(minute).shards[shard] = asked;
    }

    /// Counts a query that is neither late nor a second copy.
    #[inline]
    pub(super) fn count(&mut self, query: &Query<'_>) {
        let (_, time) = query.packet;
        let minute = time.second().div_euclid(MINUTE);
        let shard = shard_of(query.source);
        let servers = &mut self.open(minute).shards[shard];
        let at = match servers.iter().position(|it| it.server == query.server) {
            Some(at) => at,
            None if servers.len() < SERVERS => {
                servers.push(Asked {
                    server: query.server,
                    a: None,
                    ptr: None,
                });
                servers.len() - 1
            }
            None => {
                self.omitted += 1;
                return;
            }
        };
        let asked = &mut servers[at];
        let load = match query.kind {
            Kind::A => &mut asked.a,
            Kind::Ptr => &mut asked.ptr,
        };
        load.get_or_insert_with(Load::new).count(query);
    }

    /// Takes out the minutes that are over at the end of second `through`: each with its last
    /// second.
    pub(super) fn close(&mut self, through: i64) -> Vec<(i64, Vec<Asked>)> {
        let count = self
            .open
            .partition_point(|open| open.last_second() <= through);
        self.open
            .drain(..count)
            .map(|open| {
                let second = open.last_second();
                (second, open.shards.into_iter().flatten().collect())
            })
            .collect()
    }

    /// Drops what is not a whole minute at the end of the input, which cannot be compared.
    pub(super) fn end(&mut self, newest: Timestamp) {
        self.open
            .retain(|open| open.last_second() <= newest.second());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(source: u8, server: u8, second: i64, name: &[u8]) -> Query<'_> {
        Query {
            source: HostAddr::from_v4([192, 0, 2, source]),
            server: HostAddr::from_v4([198, 51, 100, server]),
            kind: Kind::Ptr,
            hash: super::super::names::hash(name),
            folded: name,
            packet: (Origin::default(), Timestamp::from_parts(second, 0)),
        }
    }

    #[test]
    fn a_minute_is_told_when_it_is_over_and_whole() {
        let mut minutes = Minutes::default();
        for second in [59, 60, 58, 119, 120, -1] {
            minutes.count(&query(1, 1, second, b"\x01a"));
        }
        assert!(minutes.close(-2).is_empty());
        let told = |minutes: Vec<(i64, Vec<Asked>)>| -> Vec<(i64, u64)> {
            let queries = |asked: &Asked| asked.ptr.as_ref().unwrap().queries;
            let minutes = minutes.into_iter();
            minutes
                .map(|(second, asked)| (second, asked.iter().map(queries).sum()))
                .collect()
        };
        assert_eq!(told(minutes.close(118)), [(-1, 1), (59, 2)]);
        minutes.end(Timestamp::from_parts(178, 0));
        assert_eq!(told(minutes.close(i64::MAX)), [(119, 2)]);
    }

    #[test]
    fn who_leads() {
        let mut minutes = Minutes::default();
        for _ in 0..3 {
            minutes.count(&query(1, 1, 0, b"\x01a"));
            minutes.count(&query(1, 1, 0, b"\x01b"));
            minutes.count(&query(1, 1, 0, b"\x01a"));
        }
        let long = vec![b'x'; 200];
        minutes.count(&query(1, 2, 0, &long));
        let (_, asked) = minutes.close(i64::MAX).remove(0);
        let [one, other] = &asked[..] else {
            panic!("two servers")
        };
        let load = one.ptr.as_ref().unwrap();
        assert_eq!((load.queries, load.name.folded()), (9, &b"\x01a"[..]));
        let leaders = load.sources.iter().filter(|source| source.queries > 0);
        let leaders: Vec<_> = leaders.map(|it| (it.addr, it.queries, it.lead)).collect();
        assert_eq!(leaders, [(HostAddr::from_v4([192, 0, 2, 1]), 9, 9)]);
        assert_eq!(load.names.iter().sum::<u32>(), 9);
        assert!(one.a.is_none());
        assert_eq!(other.ptr.as_ref().unwrap().name.folded(), b"");
    }

    #[test]
    fn who_asks_every_server_takes_no_more_than_its_shards_places() {
        let mut minutes = Minutes::default();
        for server in 0..100 {
            minutes.count(&query(1, server, 0, b"\x01a"));
            minutes.count(&query(1, server, 60, b"\x01a"));
        }
        let bound = SERVERS as u64;
        assert_eq!(minutes.omitted, 2 * (100 - bound));
        for (_, asked) in minutes.close(i64::MAX) {
            assert_eq!(asked.len(), SERVERS);
        }
    }
}
