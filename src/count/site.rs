//! What a second of the whole site looked like: how much came, from which side, of how many.
//!
//! Nothing here is a host's. The capture thread counts the packets, since only it sees what no
//! worker gets; the workers add the octets of TCP and what they lose when they close a second.

use super::delta::Delta;
use crate::decode::observation::{DNS, MailPorts};
use crate::decode::packet::{Packet, Segment, Transport};
use crate::decode::tcp::half::SegmentCounts;
use crate::host::HostAddr;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One second of the site, or several added up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteBin {
    /// Packets that passed the filter, whatever they carry; late ones not.
    pub packets: u64,
    /// DNS messages: datagrams, and TCP segments with payload.
    pub dns: Sides,
    /// Segments of mail connections but SYN and RST: a scan or a blocked port makes none.
    pub smtp: Sides,
    /// Octets of mail and DNS in TCP that were read, each once.
    pub octets: u64,
    /// Octets of it that were sent and never seen, though no snap length cut them.
    pub lost: u64,
    /// What came near and was not read.
    pub losses: Losses,
    /// Who asks whom by DNS; `None` where nobody does.
    pub asking: Option<Box<Asking>>,
}

/// What came near and was not read, or is known no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// Packets that the kernel dropped for want of room in the ring.
    pub kernel: u64,
    /// Packets that the interface or its driver dropped, whatever they carried.
    pub interface: u64,
    /// Packets thrown away since a worker was behind; they are among those that passed the filter.
    pub shed: u64,
    /// Packets that are broken, or whose message is.
    pub malformed: u64,
    /// Hosts that had to leave a full table.
    pub evicted: u64,
}

impl Losses {
    /// Adds what was lost elsewhere, or at another time.
    pub fn add(&mut self, other: Self) {
        let Self {
            kernel,
            interface,
            shed,
            malformed,
            evicted,
        } = other;
        self.kernel += kernel;
        self.interface += interface;
        self.shed += shed;
        self.malformed += malformed;
        self.evicted += evicted;
    }

    /// What was lost after `before` was.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            kernel: self.kernel.saturating_sub(before.kernel),
            interface: self.interface.saturating_sub(before.interface),
            shed: self.shed.saturating_sub(before.shed),
            malformed: self.malformed.saturating_sub(before.malformed),
            evicted: self.evicted.saturating_sub(before.evicted),
        }
    }
}

/// How much came from either side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// From who asks, or begins.
    pub client: u64,
    /// From who answers.
    pub server: u64,
}

impl Sides {
    /// Both.
    #[must_use]
    pub fn sum(self) -> u64 {
        self.client + self.server
    }

    fn add(&mut self, other: Self) {
        self.client += other.client;
        self.server += other.server;
    }
}

/// Who asks whom, by the RD bit of the queries (RFC 1034 section 4.3.1): stubs set it, a
/// resolver that asks authoritative servers does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// Queries with RD set.
    pub recursive: u64,
    /// Queries without.
    pub iterative: u64,
    /// Who sends the first.
    pub clients: Sketch<8>,
    /// To whom.
    pub resolvers: Sketch<8>,
    /// Who sends the others.
    pub iterators: Sketch<8>,
    /// To whom.
    pub authorities: Sketch<8>,
    /// Who with whom, of both.
    pub pairs: Sketch<64>,
}

/// A count of distinct hashes by linear counting (Whang, Vander-Zanden, Taylor 1990) in `64 * W`
/// bits: within 5% up to twice as many, and no more than a lower bound far beyond. Adds up over
/// parts in any order, since it is a union.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch<const W: usize>([u64; W]);

impl<const W: usize> Default for Sketch<W> {
    fn default() -> Self {
        Self([0; W])
    }
}

impl<const W: usize> Serialize for Sketch<W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0)
    }
}

impl<'de, const W: usize> Deserialize<'de> for Sketch<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<u64>::deserialize(deserializer)?;
        let words = words
            .try_into()
            .map_err(|_| D::Error::custom("no sketch of this size"))?;
        Ok(Self(words))
    }
}

impl<const W: usize> Sketch<W> {
    /// Adds a well-mixed hash.
    #[inline]
    pub fn insert(&mut self, hash: u64) {
        self.0[(hash >> 6) as usize % W] |= 1 << (hash % 64);
    }

    /// Makes this the union of both.
    pub fn add(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }

    /// How many distinct hashes; when every bit is set, as if one were not.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "some thousand bits at the most")]
    pub fn estimate(&self) -> f64 {
        let bits = (W * 64) as f64;
        let set: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        let empty = (bits - f64::from(set)).max(1.0);
        bits * (bits / empty).ln()
    }
}

/// Spreads addresses evenly (the last step of `MurmurHash3`); the seed is fixed, since the same
/// capture must look the same again.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "both halves are of 64 bits"
)]
fn mix(bits: u128) -> u64 {
    let mut hash = ((bits >> 64) as u64).rotate_left(32) ^ bits as u64;
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

impl SiteBin {
    /// Adds what is known of the same time, or of another.
    pub fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.dns.add(other.dns);
        self.smtp.add(other.smtp);
        self.octets += other.octets;
        self.lost += other.lost;
        self.losses.add(other.losses);
        if let Some(other) = &other.asking {
            self.asking.get_or_insert_default().add(other);
        }
    }

    /// Counts a packet that was routed to `host`: by its ports, and a look at the DNS header.
    #[inline]
    pub fn count(&mut self, packet: &Packet<'_>, host: HostAddr, mail: &MailPorts) {
        let client = packet.src == host;
        match packet.transport {
            Transport::Udp => self.datagram(packet, client),
            Transport::Tcp(segment) => {
                let server = if client {
                    packet.dst_port
                } else {
                    packet.src_port
                };
                let dns = server == DNS && !packet.payload.is_empty();
                let talks = segment.flags & (Segment::SYN | Segment::RST) == 0;
                if dns {
                    self.dns.one(client);
                } else if talks && mail.contains(server) {
                    self.smtp.one(client);
                }
            }
        }
    }

    fn datagram(&mut self, packet: &Packet<'_>, client: bool) {
        let Some(flags) = packet.payload.get(2) else {
            return;
        };
        // A query from port 53, or a reply to it, where neither belongs.
        if client == (flags & 0x80 != 0) {
            return;
        }
        self.dns.one(client);
        if client {
            let asking = self.asking.get_or_insert_default();
            let (src, dst) = (mix(packet.src.bits()), mix(packet.dst.bits()));
            asking
                .pairs
                .insert(mix(u128::from(src) << 64 | u128::from(dst)));
            if flags & 1 != 0 {
                asking.recursive += 1;
                asking.clients.insert(src);
                asking.resolvers.insert(dst);
            } else {
                asking.iterative += 1;
                asking.iterators.insert(src);
                asking.authorities.insert(dst);
            }
        }
    }

    /// What a worker has counted between two times; `None` for nothing.
    #[must_use]
    pub(super) fn of_worker(before: Told, now: Told) -> Option<Self> {
        // Octets of `lost` are those that the snap length cut and others.
        let lost = |told: Told| told.segments.lost.saturating_sub(told.segments.cut);
        let bin = Self {
            octets: now.segments.octets - before.segments.octets,
            lost: lost(now).saturating_sub(lost(before)),
            losses: now.losses.since(before.losses),
            ..Self::default()
        };
        (bin != Self::default()).then_some(bin)
    }
}

impl Sides {
    #[inline]
    fn one(&mut self, client: bool) {
        self.client += u64::from(client);
        self.server += u64::from(!client);
    }
}

impl Asking {
    /// Adds what others asked.
    pub fn add(&mut self, other: &Self) {
        self.recursive += other.recursive;
        self.iterative += other.iterative;
        self.clients.add(&other.clients);
        self.resolvers.add(&other.resolvers);
        self.iterators.add(&other.iterators);
        self.authorities.add(&other.authorities);
        self.pairs.add(&other.pairs);
    }
}

/// What a worker has counted that is not of a second, and is told of the site by difference.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Told {
    /// The octets of TCP.
    pub(super) segments: SegmentCounts,
    /// What it lost.
    pub(super) losses: Losses,
}

impl Told {
    /// Adds what another worker told.
    pub(super) fn add(&mut self, other: &Self) {
        self.segments.add(&other.segments);
        self.losses.add(other.losses);
    }
}

/// The seconds of the site that may still receive packets.
#[derive(Clone, Debug, Default)]
pub struct SiteSeconds(Vec<Delta>);

impl Serialize for SiteSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = self.0.iter().map(|delta| (delta.second, &delta.site));
        serializer.collect_seq(seconds.collect::<Vec<_>>())
    }
}

impl<'de> Deserialize<'de> for SiteSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = Vec::<(i64, SiteBin)>::deserialize(deserializer)?;
        if !seconds.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(D::Error::custom("seconds out of order"));
        }
        let deltas = seconds.into_iter().map(|(second, site)| Delta {
            second,
            site,
            ..Delta::default()
        });
        Ok(Self(deltas.collect()))
    }
}

impl SiteSeconds {
    /// Adds what another capture thread has of the same time.
    pub fn add(&mut self, other: &Self) {
        for delta in &other.0 {
            self.second(delta.second).add(&delta.site);
        }
    }

    /// The open second of a packet that is not late.
    #[inline]
    pub fn second(&mut self, second: i64) -> &mut SiteBin {
        // Nearly always the newest, which stands last.
        let at = match self.0.last() {
            Some(newest) if newest.second == second => self.0.len() - 1,
            _ => self.place(second),
        };
        &mut self.0[at].site
    }

    /// Where a second stands, which is opened if it is not.
    #[cold]
    fn place(&mut self, second: i64) -> usize {
        let found = self.0.binary_search_by_key(&second, |delta| delta.second);
        found.unwrap_or_else(|at| {
            let delta = Delta {
                second,
                ..Delta::default()
            };
            self.0.insert(at, delta);
            at
        })
    }

    /// Closes the seconds up to `through`, in order of time.
    pub fn close(&mut self, through: i64) -> impl Iterator<Item = Delta> + '_ {
        let count = self.0.partition_point(|delta| delta.second <= through);
        self.0.drain(..count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_sketch_counts_within_five_in_a_hundred() {
        for n in [1_u32, 8, 10, 50, 100, 500, 1000] {
            let mut sketch = Sketch::<8>::default();
            for host in 0..n {
                let host = HostAddr::from_v4((0xc000_0200 + host).to_be_bytes());
                sketch.insert(mix(host.bits()));
                sketch.insert(mix(host.bits()));
            }
            let (n, found) = (f64::from(n), sketch.estimate());
            assert!((found / n - 1.0).abs() < 0.1, "{found} for {n}");
        }
        let mut full = Sketch::<8>::default();
        (0..100_000).for_each(|n| full.insert(mix(n)));
        assert!(full.estimate() > 3000.0 && full.estimate().is_finite());
    }

    #[test]
    fn seconds_are_kept_in_order_and_closed_once() {
        let mut seconds = SiteSeconds::default();
        for second in [5, 7, 6, 7, 5, 9] {
            seconds.second(second).packets += 1;
        }
        let told = |deltas: Vec<Delta>| -> Vec<_> {
            let deltas = deltas.into_iter();
            deltas
                .map(|delta| (delta.second, delta.site.packets))
                .collect()
        };
        let first: Vec<_> = seconds.close(7).collect();
        assert_eq!(told(first), [(5, 2), (6, 1), (7, 2)]);
        let rest: Vec<_> = seconds.close(i64::MAX).collect();
        assert_eq!(told(rest), [(9, 1)]);
        assert_eq!(seconds.close(i64::MAX).count(), 0);
    }

    proptest! {
        #[test]
        fn parts_add_up_in_any_order(
            asked in proptest::collection::vec((0_u128..200, 0_u128..20, any::<bool>()), 1..200),
            cut in 0_usize..200
        ) {
            let bin = |asked: &[(u128, u128, bool)]| {
                let mut bin = SiteBin::default();
                for &(src, dst, recursive) in asked {
                    bin.packets += 1;
                    let asking = bin.asking.get_or_insert_default();
                    asking.recursive += u64::from(recursive);
                    asking.clients.insert(mix(src));
                    asking.pairs.insert(mix(src << 64 | dst));
                }
                bin
            };
            let (one, other) = asked.split_at(cut.min(asked.len()));
            let (mut forward, mut back) = (bin(one), bin(other));
            forward.add(&bin(other));
            back.add(&bin(one));
            prop_assert_eq!(&forward, &bin(&asked));
            prop_assert_eq!(&back, &forward);
        }
    }
}
