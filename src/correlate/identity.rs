//! Which addresses are one machine's: IP addresses joined by the Ethernet address that they are
//! used from, where that is a host's own.
//!
//! Two things make a binding, and neither does alone: that it was said (ARP, neighbour discovery,
//! DHCP), since a frame's source is the last router's behind a router; and that the IP address's
//! own packets came from that Ethernet address, since anyone can say anything. So no single forged
//! frame joins two hosts (docs/decisions/0012). Wherever there is doubt, an address is by itself,
//! as it is without this file: doubt can part what belongs together, and never join.
//!
//! Pure: packet time is given, and what is told depends on the order of what was learned alone.

use super::room;
use crate::decode::lan::{Binding, How};
use crate::decode::packet::LinkTag;
use crate::host::HostAddr;
use crate::time::{NANOS, Timestamp};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Pairs of an Ethernet and an IP address that are remembered, some 10 MiB: a large campus.
/// Beyond it a sixteenth leaves, what was only said first, and of these the ones silent longest.
pub const PAIRS: usize = 65_536;
/// Ethernet addresses that are known for routers'; beyond it the one silent longest leaves, and
/// is found out again.
pub const ROUTERS: usize = 4_096;
/// How long a pair, or a router, is remembered in silence, in nanoseconds. Leases of a day are
/// usual, and a machine that is off for a night is the same in the morning.
pub const SILENCE: i64 = 24 * HOUR;
/// What is used at once, or in turns, is used within this time, in nanoseconds. Long enough that
/// an address in use is said again (at least each ten minutes, as counting tells it), short
/// enough that addresses used one after the other do not add up.
const HOUR: i64 = 3600 * NANOS;

/// IPv4 addresses of a host at once, at most; beyond it the Ethernet address is a router's, or of
/// one that answers for others. A host has one, a few with aliases. The value is a default chosen
/// with a margin, not a measured one.
const MOST_V4: usize = 8;
/// IPv6 networks of /64 of a host at once, at most, but for the link's own: those of a provider or
/// two, and unique local ones (RFC 4193); more lie behind a router. Chosen as [`MOST_V4`].
const MOST_V6_NETS: usize = 8;
/// IPv6 addresses of a host at once, at most. By RFC 8981 section 3.8 a host makes a new one each
/// day for each network, and each lives two; some programs take many more. A proxy of neighbour
/// discovery (RFC 4389) answers for a whole network.
const MOST_V6: usize = 64;

/// Whom an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// The machine with this Ethernet address, whatever its IP address.
    Mac([u8; 6]),
    /// Whoever uses this IP address.
    Ip(HostAddr),
}

/// The memory of who uses which address.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Identity {
    pairs: BTreeMap<([u8; 6], HostAddr), Pair>,
    /// Of each address whose packets were seen, who uses it; its pair is in `pairs`.
    #[serde(with = "crate::sorted::map")]
    users: HashMap<HostAddr, User, RandomState>,
    /// When an Ethernet address that is no host's was last heard.
    #[serde(with = "crate::sorted::map")]
    routers: HashMap<[u8; 6], Timestamp, RandomState>,
    evicted: u64,
}

/// What is known of an Ethernet and an IP address together.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Pair {
    /// It was said that they belong together.
    said: bool,
    /// When the IP address's own packets last came from the Ethernet address, and in which VLAN.
    seen: Option<(Timestamp, Option<u16>)>,
    /// When either was last so.
    last: Timestamp,
}

/// Who uses an IP address.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct User {
    /// Its Ethernet address.
    pub mac: [u8; 6],
    /// Since when nobody else did: what was kept of the address from then on is that machine's,
    /// and what was kept before may be another's.
    pub since: Timestamp,
    /// Who did before, and when that ended.
    before: Option<([u8; 6], Timestamp)>,
    /// When two were last found to use it in turns.
    contested: Option<Timestamp>,
}

impl Identity {
    /// Knows nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what was said of an address; the Ethernet address, where that shows that it is
    /// no host's and something was joined by it. What was said in a second must come before what
    /// was seen in it, and in the order of addresses.
    pub fn learn(&mut self, binding: &Binding) -> Option<[u8; 6]> {
        let (said, now) = (binding.said, binding.time);
        if said.how == How::Router {
            return self.is_no_host(said.mac, now);
        }
        let (pair, anew) = self.pair(said.mac, said.addr, now)?;
        pair.said = true;
        if anew {
            self.weigh(said.mac, now)
        } else {
            None
        }
    }

    /// Notes that packets of `addr` came with this source on the link, and yields what
    /// [`Self::learn`] does. `now` is not after the first of them.
    pub fn see(&mut self, addr: HostAddr, tag: LinkTag, now: Timestamp) -> Option<[u8; 6]> {
        let mac = tag.mac?;
        let (pair, anew) = self.pair(mac, addr, now)?;
        let before = pair.seen.replace((now, tag.vlan));
        if self.is_in_two_networks(mac, tag.vlan, before, now) {
            return self.is_no_host(mac, now);
        }
        let user = self.users.entry(addr).or_insert(User {
            mac,
            since: now,
            before: None,
            contested: None,
        });
        if user.mac != mac {
            let returns = user
                .before
                .is_some_and(|(before, until)| before == mac && now.nanos_since(until) < HOUR);
            *user = User {
                mac,
                since: now,
                before: Some((user.mac, now)),
                contested: if returns { Some(now) } else { user.contested },
            };
        }
        if anew { self.weigh(mac, now) } else { None }
    }

    /// Whose `addr` is at `now`.
    #[must_use]
    pub fn entity(&self, addr: HostAddr, now: Timestamp) -> Entity {
        let bound = || {
            let user = self.users.get(&addr)?;
            let contested = user
                .contested
                .is_some_and(|when| is_within(when, now, SILENCE));
            let pair = self.pairs.get(&(user.mac, addr))?;
            let holds = pair.said && pair.seen.is_some() && is_within(pair.last, now, SILENCE);
            (holds && !contested).then_some(user.mac)
        };
        bound().map_or(Entity::Ip(addr), Entity::Mac)
    }

    /// Who uses `addr`, said or not; `None` where no packet of it told.
    #[must_use]
    pub fn user(&self, addr: HostAddr) -> Option<User> {
        self.users.get(&addr).copied()
    }

    /// The addresses that are the machine's at `now`, in order.
    #[must_use]
    pub fn addresses(&self, mac: [u8; 6], now: Timestamp) -> Vec<HostAddr> {
        let pairs = self.of(mac).map(|(addr, _)| addr);
        pairs
            .filter(|addr| self.entity(*addr, now) == Entity::Mac(mac))
            .collect()
    }

    /// Pairs that had to leave for others (`mxray.identity.bindings_evicted`).
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The pairs of an Ethernet address.
    fn of(&self, mac: [u8; 6]) -> impl Iterator<Item = (HostAddr, &Pair)> {
        let all = (mac, HostAddr::from_v6([0; 16]))..=(mac, HostAddr::from_v6([0xff; 16]));
        self.pairs.range(all).map(|((_, addr), pair)| (*addr, pair))
    }

    /// The pair of these two, noted as heard of, and whether it was not within the hour before, so
    /// that the Ethernet address is used with one more; `None` where that is no host's.
    fn pair(&mut self, mac: [u8; 6], addr: HostAddr, now: Timestamp) -> Option<(&mut Pair, bool)> {
        if is_shared(mac) {
            return None;
        }
        if let Some(heard) = self.routers.get_mut(&mac) {
            if is_within(*heard, now, SILENCE) {
                *heard = now.max(*heard);
                return None;
            }
            self.routers.remove(&mac);
        }
        if self.pairs.len() >= PAIRS && !self.pairs.contains_key(&(mac, addr)) {
            self.make_room(now);
        }
        let fresh = Pair {
            said: false,
            seen: None,
            last: now,
        };
        let mut anew = false;
        let pair = self.pairs.entry((mac, addr)).or_insert_with(|| {
            anew = true;
            fresh
        });
        anew |= !is_within(pair.last, now, HOUR);
        if !is_within(pair.last, now, SILENCE) {
            *pair = fresh;
            if let Some(user) = self.users.get(&addr)
                && user.mac == mac
            {
                self.users.remove(&addr);
            }
        }
        pair.last = now.max(pair.last);
        Some((pair, anew))
    }

    /// Whether packets come from one Ethernet address in two VLANs in turns: it forwards between
    /// them, or there are two of it. A machine that moves to another network does so once.
    fn is_in_two_networks(
        &self,
        mac: [u8; 6],
        vlan: Option<u16>,
        before: Option<(Timestamp, Option<u16>)>,
        now: Timestamp,
    ) -> bool {
        // A copy of a frame may have lost its tag on the way; that is no other network.
        let Some((before, _)) = before.filter(|(_, same)| vlan.is_some() && *same == vlan) else {
            return false;
        };
        is_within(before, now, HOUR)
            && self.of(mac).any(|(_, pair)| {
                pair.seen
                    .is_some_and(|(time, other)| time > before && other.is_some() && other != vlan)
            })
    }

    /// Counts what an Ethernet address has been used with lately: too much for a host?
    fn weigh(&mut self, mac: [u8; 6], now: Timestamp) -> Option<[u8; 6]> {
        let (mut v4, mut v6) = (0, 0);
        let mut nets = BTreeSet::new();
        for (addr, pair) in self.of(mac) {
            if !is_within(pair.last, now, HOUR) {
                continue;
            }
            match addr.ip() {
                IpAddr::V4(_) => v4 += 1,
                IpAddr::V6(ip) => {
                    v6 += 1;
                    if !ip.is_unicast_link_local() {
                        nets.insert(addr.bits() >> 64);
                    }
                }
            }
        }
        if v4 > MOST_V4 || v6 > MOST_V6 || nets.len() > MOST_V6_NETS {
            return self.is_no_host(mac, now);
        }
        None
    }

    /// Notes that an Ethernet address is no host's, and lets go of what was joined by it; yields
    /// it, where something was.
    fn is_no_host(&mut self, mac: [u8; 6], now: Timestamp) -> Option<[u8; 6]> {
        if is_shared(mac) {
            return None;
        }
        if let Some(heard) = self.routers.get_mut(&mac) {
            *heard = now.max(*heard);
            return None;
        }
        if self.routers.len() >= ROUTERS {
            let eldest = self.routers.iter().map(|(mac, heard)| (*heard, *mac)).min();
            if let Some((_, eldest)) = eldest {
                self.routers.remove(&eldest);
            }
        }
        self.routers.insert(mac, now);
        let gone: Vec<_> = self.of(mac).map(|(addr, pair)| (addr, *pair)).collect();
        for (addr, _) in &gone {
            self.forget(mac, *addr);
        }
        let joined = gone
            .iter()
            .any(|(_, pair)| pair.said && pair.seen.is_some());
        joined.then_some(mac)
    }

    fn forget(&mut self, mac: [u8; 6], addr: HostAddr) {
        self.pairs.remove(&(mac, addr));
        if self.users.get(&addr).is_some_and(|user| user.mac == mac) {
            self.users.remove(&addr);
        }
    }

    /// Forgets a sixteenth: what has been silent for a day, then what was only said, and of these
    /// the ones silent longest.
    fn make_room(&mut self, now: Timestamp) {
        let rank = |(&key, pair): (&([u8; 6], HostAddr), &Pair)| {
            let lives = is_within(pair.last, now, SILENCE);
            (lives, pair.seen.is_some(), pair.said, pair.last, key)
        };
        for (lives, .., (mac, addr)) in room::leaving(self.pairs.iter().map(rank), PAIRS) {
            self.forget(mac, addr);
            self.evicted += u64::from(lives);
        }
    }
}

/// Whether `time` is less than `span` before `now`, or after it.
fn is_within(time: Timestamp, now: Timestamp, span: i64) -> bool {
    now.nanos_since(time) < span
}

/// Whether an Ethernet address is shared by routers that stand in for each other: VRRP of both
/// families (RFC 9568 section 7.3, and CARP, which uses the same), HSRP versions 1 and 2 of both,
/// GLBP (Cisco's assignments). Groups have no addresses of their own.
fn is_shared(mac: [u8; 6]) -> bool {
    let [first, ..] = mac;
    matches!(
        mac,
        [0, 0, 0x5e, 0, 1 | 2, _]
            | [0, 0, 0x0c, 0x07, 0xac, _]
            | [0, 0, 0x0c, 0x9f, 0xf0..=0xff, _]
            | [0, 0x05, 0x73, 0xa0, 0..=0x0f, _]
            | [0, 0x07, 0xb4, _, _, _]
    ) || first & 1 == 1
        || mac == [0; 6]
}

#[cfg(test)]
mod tests;
