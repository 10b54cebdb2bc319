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

pub mod asked;
mod binding;
pub mod coupling;
pub mod delta;
pub mod distinct;
mod dns;
mod doh;
pub mod domains;
pub mod duplicates;
mod hidden;
pub mod host;
mod lately;
pub mod lookups;
mod mail;
pub mod names;
mod open;
pub mod period;
pub mod prefixes;
pub mod saved;
pub mod series;
pub mod site;
pub mod sketch;
mod slots;
pub mod smtp;
pub mod table;
mod tally;
pub mod top;

use crate::decode::lan::Binding;
use crate::decode::malformed::Malformed;
use crate::decode::observation::{DNS, ENCRYPTED_DNS, MailPorts, sender};
use crate::decode::packet::{Packet, PacketWith, Segment, Transport};
use crate::decode::smtp::Side;
use crate::decode::tcp::{Connection, Connections, Limits, Moment, Said, TcpCounts};
use crate::host::HostAddr;
use crate::keywords::Keywords;
use crate::time::{NANOS, Timestamp};
use delta::Delta;
use host::HostCounters;
use serde::{Deserialize, Serialize};
use site::{Losses, SiteBin, Told};
use std::collections::BTreeMap;
use std::sync::Arc;
use tally::Tally;

/// Parts that the hosts are divided into. A power of two well above any sensible number of
/// workers, so that they share the work evenly.
pub const SHARDS: usize = 64;

/// The shard that a host belongs to.
#[must_use]
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "as many bits as a shard's number has"
)]
pub fn shard_of(host: HostAddr) -> usize {
    (mixed(host) >> (64 - SHARDS.trailing_zeros())) as usize
}

/// A hash of the address, of which the highest bits are the shard.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "both halves are of 64 bits"
)]
fn mixed(host: HostAddr) -> u64 {
    // Fibonacci hashing: the high bits of the product depend on every bit of the address.
    let (high, low) = ((host.bits() >> 64) as u64, host.bits() as u64);
    (high.rotate_left(32) ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// What counting needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Mail-host keywords.
    pub keywords: Arc<Keywords>,
    /// Ports that mail goes to.
    pub mail: MailPorts,
    /// Hosts at most, over all shards.
    pub hosts: usize,
    /// Octets that their counters may take, over all shards.
    pub host_octets: usize,
    /// TCP connections without octets to follow at most, over all shards; whoever routes
    /// packets has them forgotten in time ([`Mark::Forget`](crate::pipeline)).
    pub connections: usize,
    /// TCP connections whose octets are followed at most, over all shards.
    pub streams: usize,
    /// Octets in them that wait for others, over all shards.
    pub stream_octets: usize,
    /// Whether to keep per-host bins of every second.
    pub bins: bool,
}

impl Default for Settings {
    /// The default words and ports, and room for some hundred thousand hosts and connections.
    fn default() -> Self {
        Self {
            keywords: Arc::default(),
            mail: MailPorts::default(),
            hosts: 1 << 18,
            host_octets: 1 << 29,
            connections: 1 << 20,
            streams: 1 << 16,
            stream_octets: 1 << 27,
            bins: false,
        }
    }
}

impl Settings {
    /// A number that is another where counters mean something else: by keywords, by mail ports,
    /// and by the hash of names. Bounds are not in it.
    #[must_use]
    pub fn meaning(&self) -> u64 {
        let mut text = Vec::new();
        for word in self.keywords.words() {
            text.extend(word.as_bytes());
            text.push(0);
        }
        for port in (0..=u16::MAX).filter(|port| self.mail.contains(*port)) {
            text.extend(port.to_be_bytes());
        }
        names::hash(&text)
    }

    /// Hosts of a shard at most.
    fn hosts_of_shard(&self) -> table::Bound {
        table::Bound {
            hosts: self.hosts.div_ceil(SHARDS),
            octets: self.host_octets.div_ceil(SHARDS),
        }
    }
}

/// Memory of a hash table of so many entries, by their number alone: one that has not shrunk is
/// seven eighths full at the most, in powers of two.
fn table_octets<T>(entries: usize) -> usize {
    let places = (entries * 8).div_ceil(7).next_power_of_two();
    if entries == 0 {
        0
    } else {
        places.max(4) * (size_of::<T>() + 1)
    }
}

/// The counters of one worker.
#[derive(Debug)]
pub struct Counters {
    connections: Vec<Connections>,
    mail: MailPorts,
    tally: Tally,
    /// What was told of the site.
    told: Told,
    /// What was counted of connections before these are known.
    before: TcpCounts,
}

/// What became of the packets that a worker was given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketCounts {
    /// Read without fault.
    pub decoded: u64,
    /// With a broken message, by what was wrong; what could be read of it is counted too.
    pub malformed: BTreeMap<Malformed, u64>,
    /// Thrown away before, since the worker was behind.
    pub shed: u64,
    /// Messages that came a second time within milliseconds, as from a doubled mirror port.
    pub duplicates: u64,
    /// Observations left out of correlation, or of bins, since their host, or the hosts of its shard
    /// together, had made too many in a second.
    pub untold: u64,
    /// Queries left out of the look for floods ([`asked::SERVERS`]).
    pub unasked: u64,
    /// Hosts in the tables.
    pub hosts: u64,
    /// Hosts that had to leave a full table.
    pub evicted: u64,
    /// TCP connections that are known.
    pub connections: u64,
    /// What was counted of TCP.
    pub tcp: TcpCounts,
}

impl PacketCounts {
    /// Adds what another worker counted.
    pub fn add(&mut self, other: &Self) {
        self.decoded += other.decoded;
        self.shed += other.shed;
        self.duplicates += other.duplicates;
        self.untold += other.untold;
        self.unasked += other.unasked;
        self.hosts += other.hosts;
        self.evicted += other.evicted;
        self.connections += other.connections;
        self.tcp.add(&other.tcp);
        for (&damage, &count) in &other.malformed {
            *self.malformed.entry(damage).or_insert(0) += count;
        }
    }
}

impl Counters {
    /// Empty counters.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        // A busy client's connections all lie in one shard; the least is what one host needs.
        let limits = Limits {
            streams: (settings.streams / SHARDS).max(16),
            octets: (settings.stream_octets / SHARDS).max(1 << 17),
        };
        let connections = std::iter::repeat_with(|| Connections::new(limits));
        Self {
            connections: connections.take(SHARDS).collect(),
            mail: settings.mail.clone(),
            tally: Tally::new(settings),
            told: Told::default(),
            before: TcpCounts::default(),
        }
    }

    /// Counts a packet that was routed to one of this worker's hosts. A `late` one counts in
    /// totals only. Allocates nothing once hosts, names and seconds are known.
    #[inline]
    pub fn record(&mut self, packet: &Packet<'_>, late: bool) {
        let damage = match packet.transport {
            Transport::Udp if packet.src_port == ENCRYPTED_DNS && packet.dst_port != DNS => {
                self.tally.quic(packet, late);
                None
            }
            Transport::Udp => self.tally.message(packet, late),
            Transport::Tcp(segment) => self.segment(packet, segment, late),
        };
        let packets = &mut self.tally.packets;
        match damage {
            None => packets.decoded += 1,
            Some(damage) => *packets.malformed.entry(damage).or_insert(0) += 1,
        }
    }

    /// Brings into the cache what counting a DNS packet will change. Counters of thousands of hosts
    /// lie in no cache of a core; fetched for some packets ahead, the memory answers to all of them
    /// at once.
    #[inline]
    pub fn fetch<P>(&self, packet: &PacketWith<P>, payload: &[u8]) {
        if packet.transport != Transport::Udp {
            return;
        }
        let (host, asks) = if packet.dst_port == DNS {
            (packet.src, true)
        } else {
            (packet.dst, false)
        };
        let shard = &self.tally.shards[shard_of(host)];
        if let Some(counters) = shard.hosts.get(host) {
            counters.fetch();
        }
        if asks {
            shard.duplicates.fetch(packet, payload);
        }
    }

    /// Counts what a TCP packet completes; the first damage in it. Apart, so that the way of the
    /// DNS is compiled as one piece.
    #[inline(never)]
    fn segment(&mut self, packet: &Packet<'_>, segment: Segment, late: bool) -> Option<Malformed> {
        let Self {
            connections,
            tally,
            mail,
            ..
        } = self;
        let (side, service) = sender(packet, segment, mail)?;
        if !service.is_followed() {
            tally.glance(packet, side, service, late);
            return None;
        }
        let client = match side {
            Side::Client => packet.src,
            Side::Server => packet.dst,
        };
        let mut damage = None;
        let listen = &mut |connection: &Connection, moment: &Moment, said: Said<'_>| {
            let found = tally.said(connection, moment, said);
            damage = damage.or(found);
        };
        connections[shard_of(client)].take(packet, segment, (side, service), late, listen);
        if packet.is_cut() {
            tally.cut(client);
        }
        damage
    }

    /// Takes in what was said of an address that is one of this worker's. A `late` one counts
    /// in totals only.
    pub fn bind(&mut self, binding: &Binding, late: bool) {
        self.tally.binding(binding, late);
    }

    /// Notes packets that were thrown away on the way here.
    pub fn shed(&mut self, packets: u64) {
        self.tally.packets.shed += packets;
    }

    /// Closes the seconds up to `through`, and yields those in which there was something to
    /// tell, in order of time.
    pub fn close(&mut self, through: i64) -> Vec<Delta> {
        let now = Timestamp::from_parts(through, NANOS - 1);
        let Self {
            connections, tally, ..
        } = self;
        for connections in connections {
            connections.expire(now, &mut |connection, moment, said| {
                tally.said(connection, moment, said);
            });
        }
        let mut deltas = self.tally.close(through);
        self.tell_site(through, &mut deltas);
        deltas
    }

    /// Puts what was counted of the site since the last time into the newest second that is
    /// closed, or that of `second`. It belongs to seconds before; for a share over minutes that
    /// is near enough.
    fn tell_site(&mut self, second: i64, deltas: &mut Vec<Delta>) {
        let now = self.now();
        let bin = SiteBin::of_worker(self.told, now);
        self.told = now;
        let Some(bin) = bin else { return };
        let newest = deltas
            .last()
            .map_or(second, |delta| delta.second.max(second));
        match deltas.last_mut() {
            Some(delta) if delta.second == newest => delta.site.add(&bin),
            _ => deltas.push(Delta {
                second: newest,
                site: bin,
                ..Delta::default()
            }),
        }
    }

    /// What is to be told of the site by now.
    fn now(&self) -> Told {
        let mut segments = self.before.segments;
        for connections in &self.connections {
            segments.add(&connections.counts().segments);
        }
        let packets = &self.tally.packets;
        let losses = Losses {
            shed: packets.shed,
            malformed: packets.malformed.values().sum(),
            evicted: self.tally.evicted(),
            ..Losses::default()
        };
        Told { segments, losses }
    }

    /// Ends the input, whose newest packet is of `newest`: closes every second.
    pub fn end(&mut self, newest: Timestamp) -> Vec<Delta> {
        let Self {
            connections, tally, ..
        } = self;
        for connections in connections {
            connections.finish(newest, &mut |connection, moment, said| {
                tally.said(connection, moment, said);
            });
        }
        self.tally.asked.end(newest);
        let mut deltas = self.tally.close(i64::MAX);
        self.tell_site(newest.second(), &mut deltas);
        deltas
    }

    /// Labels count by these words from now on.
    pub fn set_keywords(&mut self, keywords: Arc<Keywords>) {
        self.tally.settings.keywords = keywords;
    }

    /// Forgets connections that have been quiet for long, as [`Connections::forget`] says.
    pub fn forget(&mut self) {
        for connections in &mut self.connections {
            connections.forget();
        }
    }

    /// What became of the packets so far.
    #[must_use]
    pub fn packets(&self) -> PacketCounts {
        let mut packets = self.tally.packets();
        packets.tcp = self.before;
        for connections in &self.connections {
            packets.connections += connections.kept().0 as u64;
            packets.tcp.add(&connections.counts());
        }
        packets
    }

    /// Ends counting: every host with its counters, all seconds closed, in no order. Call
    /// [`Counters::end`] for the last deltas before.
    #[must_use]
    pub fn finish(self) -> Vec<(HostAddr, HostCounters)> {
        self.tally.finish()
    }
}
