//! Where the tap is, by who asks whom.

use crate::count::site::Asking;
use serde::{Deserialize, Serialize};

/// Queries without which nothing is said.
const QUERIES: u64 = 300;

/// Slots of a window, and two such windows must agree before what is known is given up.
const SLOTS: u32 = 2;

/// Hosts that ask resolvers, at the least, and how many to a resolver: a household has fewer, and
/// then nobody can tell it from a lone resolver with a few neighbours.
const CLIENTS: f64 = 10.0;
const PER_RESOLVER: f64 = 2.0;

/// At a resolver's egress so many of ten queries have RD clear, as those to authoritative servers
/// have. The rest is of hosts that pass the resolver by.
const ITERATIVE: u64 = 9;

/// They come from a few resolvers and go to many servers. In front of an authoritative server it
/// is the other way round.
const ITERATORS: f64 = 8.5;
const AUTHORITIES: f64 = 50.0;

/// Where the tap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Vantage {
    /// Between hosts and their resolvers: who sends a query wants the answer.
    Access,
    /// Between resolvers and the servers of the Internet: a query is of any of their clients.
    ResolverEgress,
}

impl Vantage {
    /// The stable name that events use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::ResolverEgress => "resolver-egress",
        }
    }

    /// What these queries say.
    fn of(asking: &Asking) -> Option<Self> {
        let all = asking.recursive + asking.iterative;
        let (clients, resolvers) = (asking.clients.estimate(), asking.resolvers.estimate());
        let iterators = asking.iterators.estimate();
        // In front of an authoritative server some set RD as well, but they are the fewer.
        let stubs = asking.recursive >= asking.iterative || iterators <= ITERATORS;
        if all < QUERIES {
            None
        } else if stubs && clients >= CLIENTS && clients >= PER_RESOLVER * resolvers {
            // Also where the resolver's own queries are seen: those of its clients are theirs.
            Some(Self::Access)
        } else if asking.iterative * 10 >= all * ITERATIVE
            && iterators <= ITERATORS
            && asking.authorities.estimate() >= AUTHORITIES
        {
            Some(Self::ResolverEgress)
        } else {
            None
        }
    }
}

/// Finds out where the tap is, and holds on to it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Finder {
    vantage: Option<Vantage>,
    window: Asking,
    slots: u32,
    /// What the last window said, where that was another.
    other: Option<Vantage>,
}

impl Finder {
    pub(super) fn vantage(&self) -> Option<Vantage> {
        self.vantage
    }

    /// Takes in a second. While nothing is known, the first window need not be over: hosts are
    /// judged from their first query.
    pub(super) fn second(&mut self, asking: &Asking) {
        self.window.add(asking);
        if self.vantage.is_none() {
            self.vantage = Vantage::of(&self.window);
        }
    }

    pub(super) fn slot_ends(&mut self) {
        self.slots += 1;
        if self.slots < SLOTS || self.window.recursive + self.window.iterative < QUERIES {
            return;
        }
        let said = Vantage::of(&self.window);
        // Nights and holidays say nothing, and take nothing back.
        let said = said.filter(|said| Some(*said) != self.vantage);
        if said.is_some() && said == self.other {
            self.vantage = said;
        }
        self.other = said;
        self.window = Asking::default();
        self.slots = 0;
    }
}
