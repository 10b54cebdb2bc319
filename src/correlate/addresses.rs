//! The addresses of one machine, and what was counted of each: counters are an address's, and
//! a machine is judged by their sum.
//!
//! The sums over bins are added as well. A bin is then one second of one address: where two are
//! used in the same second these are two bins, since Σ(a+b)² is not Σa² + Σb², and the counts of
//! the second as a whole are not known here. Every packet is in one bin, K and T of a bin are of
//! the same packets, and shares are exact.

use super::suspect::DAY;
use crate::count::host::HostTotals;
use crate::count::series::Sums;
use crate::host::HostAddr;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Addresses of a machine that are known at a time; at the bound the one unused longest leaves.
/// A host that makes more in a day tells of fewer, and is judged by all of them.
const KEPT: usize = 16;

/// The addresses that a machine used within a day; of most hosts there is one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Addresses {
    of: Vec<Address>,
    /// Some had to leave: what was counted of one that comes back may be in the sum already.
    left: bool,
    /// A queries of all of them.
    sums: Sums,
    /// Queries for service bindings of the web, likewise.
    https: u64,
}

/// An address, and what of its counters is in the sum already, or is another's.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Address {
    host: HostAddr,
    newest: Timestamp,
    /// Time of the first packet that its counters counted: later where they began anew.
    first: Option<Timestamp>,
    sums: Sums,
    https: u64,
}

impl Addresses {
    /// Memory beside the struct itself.
    pub(super) fn octets(&self) -> usize {
        size_of_val(&*self.of)
    }

    /// Adds what was counted of an address since the last time; `lately`: counters of an address
    /// that is not known yet count from their begin, else from now on.
    pub(super) fn count(
        &mut self,
        host: HostAddr,
        totals: &HostTotals,
        lately: bool,
        now: Timestamp,
    ) {
        if !self.knows(host) {
            let counted = if self.left {
                Address::of(host, totals, now)
            } else {
                Address {
                    sums: if lately { Sums::default() } else { totals.sums },
                    https: 0,
                    ..Address::of(host, totals, now)
                }
            };
            self.insert(counted);
        }
        let Some(known) = self.of.iter_mut().find(|known| known.host == host) else {
            return;
        };
        // A full table forgets hosts that are still watched here; then they are counted anew.
        // (A late packet sets the first time back.)
        let anew = totals.first > known.first || totals.sums.t < known.sums.t;
        if anew {
            (known.sums, known.https) = (Sums::default(), 0);
        }
        self.sums = self.sums.beside(totals.sums.since(known.sums));
        self.https += totals.queries.https.saturating_sub(known.https);
        *known = Address::of(host, totals, known.newest.max(now));
        self.of
            .retain(|known| known.host == host || now.nanos_since(known.newest) <= DAY);
    }

    /// Leaves out what the counters of an address hold so far: that is of another machine.
    pub(super) fn disown(&mut self, host: HostAddr, totals: &HostTotals, now: Timestamp) {
        self.of.retain(|known| known.host != host);
        self.insert(Address::of(host, totals, now));
    }

    fn insert(&mut self, address: Address) {
        if self.of.len() >= KEPT
            && let Some(silent) = self.of.iter().min_by_key(|it| (it.newest, it.host))
        {
            let silent = silent.host;
            self.of.retain(|known| known.host != silent);
            self.left = true;
        }
        if self.of.is_empty() {
            // Of most hosts there is one.
            self.of.reserve_exact(1);
        }
        self.of.push(address);
    }

    /// Takes in those of another memory of the same machine, of which `day` are the A queries
    /// that count still.
    pub(super) fn merge(&mut self, other: &Self, day: Sums) {
        self.sums = self.sums.beside(day);
        self.https += other.https;
        self.left |= other.left;
        for address in &other.of {
            let known = self.of.iter().find(|known| known.host == address.host);
            if known.is_none_or(|known| known.newest <= address.newest) {
                self.of.retain(|known| known.host != address.host);
                self.insert(*address);
            }
        }
    }

    /// Whether an address was used within a day.
    pub(super) fn knows(&self, host: HostAddr) -> bool {
        self.of.iter().any(|known| known.host == host)
    }

    /// All but this one, in order.
    pub(super) fn others(&self, host: HostAddr) -> Vec<HostAddr> {
        let others = self.of.iter().map(|known| known.host);
        let mut others: Vec<_> = others.filter(|other| *other != host).collect();
        others.sort_unstable();
        others
    }

    /// A queries of all of them.
    pub(super) fn sums(&self) -> Sums {
        self.sums
    }

    /// Queries for service bindings of the web of all of them.
    pub(super) fn https(&self) -> u64 {
        self.https
    }
}

impl Address {
    fn of(host: HostAddr, totals: &HostTotals, newest: Timestamp) -> Self {
        Self {
            host,
            newest,
            first: totals.first,
            sums: totals.sums,
            https: totals.queries.https,
        }
    }
}
