//! Whose memory is whose: a machine's stands under the address that it uses now, and what is
//! another's begins anew (docs/decisions/0012).

use super::super::identity::{Entity, User};
use super::{Correlator, Delta, Fact, HostAddr, SUSPECTS, Timestamp, Verdict, Watched};
use super::{is_weighed, resolve};
use crate::count::host::HostTotals;

impl Correlator {
    /// Takes in what was said of addresses in a second: first, so that order does not matter.
    /// Yields what that takes back.
    pub(super) fn said(&mut self, deltas: &[Delta]) -> Vec<Verdict> {
        let bindings = deltas.iter().flat_map(|delta| &delta.bindings);
        let mut bindings: Vec<_> = bindings.collect();
        bindings.sort_by_key(|binding| (binding.said.addr, binding.time));
        let mut told = Vec::new();
        for binding in bindings {
            if let Some(router) = self.identity.learn(binding) {
                told.extend(self.part(router, binding.time));
            }
        }
        told
    }

    /// Brings a machine's memory along to the address that it uses now: one of several, or one
    /// that it was given anew. Yields the verdicts that this leads to: of what was kept of
    /// another machine, of what was one host and is not, and of an episode that moves.
    pub(super) fn follow(&mut self, host: HostAddr, facts: &[(&Fact, &Delta)]) -> Vec<Verdict> {
        let mut told = Vec::new();
        let own = facts.iter().find(|(fact, _)| is_weighed(fact.what));
        let Some((now, totals)) = own.and_then(|(first, delta)| {
            let totals = delta.totals(host)?;
            Some((first.time, totals))
        }) else {
            return told;
        };
        if let Some(router) = self.identity.see(host, totals.tag, now) {
            told.extend(self.part(router, now));
        }
        let entity = self.identity.entity(host, now);
        told.extend(self.disown(host, entity, totals, now));
        if let Entity::Mac(mac) = entity {
            self.bring(host, mac, totals, now, &mut told);
        }
        self.suspects.entry(host);
        told
    }

    /// Begins anew where the memory under an address is not that of who uses it now: it is
    /// known to be another machine's, or began when another used the address.
    fn disown(
        &mut self,
        host: HostAddr,
        entity: Entity,
        totals: &HostTotals,
        now: Timestamp,
    ) -> Option<Verdict> {
        let watched = self.suspects.get(host)?;
        let User { mac, since, .. } = self.identity.user(host)?;
        let others = if let Some(owner) = watched.owner {
            owner != mac
        } else {
            // Who is not told apart is judged by address, whoever it is.
            let begin = watched.facts.map(|(start, _)| start);
            entity != Entity::Ip(host) && begin.is_some_and(|begin| begin < since)
        };
        if !others {
            return None;
        }
        let mut before = self.suspects.remove(host)?;
        let mut fresh = Box::<Watched>::default();
        fresh.suspect.addresses.disown(host, totals, now);
        self.suspects.insert(host, fresh);
        before.end(
            &self.setting(host, now),
            "another machine has the address now",
        )
    }

    /// Brings the memory of `mac` to `host`. Where there is memory under both, as when it is
    /// known late that they are one machine's, it is put together, and of two episodes the
    /// lesser is closed.
    fn bring(
        &mut self,
        host: HostAddr,
        mac: [u8; 6],
        totals: &HostTotals,
        now: Timestamp,
        told: &mut Vec<Verdict>,
    ) {
        if self.machines.len() >= SUSPECTS && !self.machines.contains_key(&mac) {
            let suspects = &self.suspects;
            self.machines.retain(|mac, addr| {
                let watched = suspects.get(*addr);
                watched.is_some_and(|watched| watched.owner == Some(*mac))
            });
        }
        let before = self.machines.insert(mac, host).filter(|it| *it != host);
        let moved = before.and_then(|before| {
            let watched = self.suspects.get(before)?;
            let own = watched.owner == Some(mac);
            own.then(|| Some((before, self.suspects.remove(before)?)))?
        });
        let Some((before, mut watched)) = moved else {
            self.suspects.entry(host).owner = Some(mac);
            return;
        };
        let (mut place, mut elsewhere) = (before, host);
        let mut other = self.suspects.remove(host);
        if let Some(other) = &mut other
            && other.rank() > watched.rank()
        {
            std::mem::swap(&mut watched, other);
            std::mem::swap(&mut place, &mut elsewhere);
        }
        let known = watched.suspect.addresses.knows(host);
        if let Some(mut other) = other {
            let why = format!("it is the same machine as {place}, of which more is told");
            told.extend(other.end(&self.setting(elsewhere, now), &why));
            watched.merge(*other);
        }
        if !known {
            watched.totals = totals.clone();
            resolve(&mut watched.totals, self.mail_answered);
            told.extend(watched.moves(&self.setting(host, now), place));
        }
        watched.owner = Some(mac);
        self.suspects.insert(host, watched);
    }

    /// Takes back what is known of several hosts as one, since their Ethernet address is none's:
    /// what was joined cannot be parted again. Who had one address keeps its memory there.
    fn part(&mut self, router: [u8; 6], now: Timestamp) -> Option<Verdict> {
        let host = self.machines.remove(&router)?;
        let watched = self.suspects.get_mut(host);
        let watched = watched.filter(|watched| watched.owner == Some(router))?;
        if !watched.is_joined(host) {
            watched.owner = None;
            return None;
        }
        let mut watched = self.suspects.remove(host)?;
        watched.take_back(&self.setting(host, now))
    }
}
