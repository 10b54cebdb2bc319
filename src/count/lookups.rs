//! The names that a host asked for: how many distinct ones there are, and how they begin.

use super::distinct::Distinct;
use super::prefixes::{Prefix, Prefixes};
use serde::{Deserialize, Serialize};
use std::hint::black_box;

/// Lookups that wait. What they are counted in lies all over a host's memory: gone through for
/// several at once, it is fetched once, and who asks a few names needs none of it.
const WAITING: usize = 3;

/// Names by their hashes, names of A queries also by their prefixes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Lookups {
    /// Those asked for last, in order, which are not counted yet.
    waiting: [Lookup; WAITING],
    count: u8,
    counted: Option<Box<Counted>>,
}

/// What one question asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lookup {
    /// The hash of the name, well mixed.
    pub name: u64,
    /// That of its registrable domain.
    pub domain: u64,
    /// What of it.
    pub of: Of,
}

/// The type that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Of {
    /// An IPv4 address, of a name that begins so.
    A(Prefix),
    /// Mail exchangers.
    Mx,
    /// Anything else.
    #[default]
    Other,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Counted {
    names: Distinct,
    domains: Distinct,
    mx_domains: Distinct,
    prefixes: Prefixes,
}

/// How many distinct names and domains there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Names.
    pub(super) names: u64,
    /// Registrable domains.
    pub(super) domains: u64,
    /// Registrable domains asked for by MX.
    pub(super) mx_domains: u64,
    /// Whether all three are exact.
    pub(super) exact: bool,
}

impl Lookups {
    /// Adds what a question asked for; whether that may have taken memory.
    #[inline]
    pub fn add(&mut self, lookup: Lookup) -> bool {
        let grew = usize::from(self.count) >= WAITING && self.settle();
        if let Some(slot) = self.waiting.get_mut(usize::from(self.count)) {
            *slot = lookup;
            self.count += 1;
        }
        grew
    }

    /// Brings what the next one changes into the cache.
    #[inline]
    pub(super) fn fetch(&self) {
        black_box(self.waiting.get(usize::from(self.count)).map(|it| it.name));
    }

    fn waiting(&self) -> &[Lookup] {
        self.waiting
            .get(..self.count.into())
            .unwrap_or(&self.waiting)
    }

    /// Counts those that wait; whether that may have taken memory.
    #[inline(never)]
    fn settle(&mut self) -> bool {
        let mut grew = self.counted.is_none();
        let counted = self.counted.get_or_insert_default();
        let count = std::mem::take(&mut self.count);
        let waiting = || self.waiting.iter().take(count.into());
        // One after the other, so that the memory answers to all of a kind at once.
        for lookup in waiting() {
            grew |= counted.names.insert(lookup.name);
        }
        for lookup in waiting() {
            grew |= counted.domains.insert(lookup.domain);
        }
        for lookup in waiting() {
            match lookup.of {
                Of::A(prefix) => grew |= counted.prefixes.add(prefix),
                Of::Mx => grew |= counted.mx_domains.insert(lookup.domain),
                Of::Other => {}
            }
        }
        grew
    }

    /// Gives up prefixes that are rare.
    pub(super) fn cut(&mut self) {
        if let Some(counted) = &mut self.counted {
            counted.prefixes.cut();
        }
    }

    /// Memory beside the struct itself.
    pub(super) fn octets(&self) -> usize {
        self.counted.as_deref().map_or(0, |counted| {
            let distinct = [&counted.names, &counted.domains, &counted.mx_domains];
            size_of_val(counted)
                + distinct.map(Distinct::octets).iter().sum::<usize>()
                + counted.prefixes.octets()
        })
    }

    /// How many there are.
    pub(super) fn counts(&mut self) -> Counts {
        if self.counted.is_none() {
            // As long as all wait they are few.
            let waiting = self.waiting();
            let mx = waiting.iter().filter(|lookup| lookup.of == Of::Mx);
            return Counts {
                names: distinct(waiting.iter().map(|lookup| lookup.name)),
                domains: distinct(waiting.iter().map(|lookup| lookup.domain)),
                mx_domains: distinct(mx.map(|lookup| lookup.domain)),
                exact: true,
            };
        }
        self.settle();
        let counted = self.counted.get_or_insert_default();
        let Counted {
            names,
            domains,
            mx_domains,
            ..
        } = &**counted;
        Counts {
            names: names.count(),
            domains: domains.count(),
            mx_domains: mx_domains.count(),
            exact: names.is_exact() && domains.is_exact() && mx_domains.is_exact(),
        }
    }

    /// The prefixes of the names of A queries.
    pub fn prefixes(&mut self) -> &Prefixes {
        self.settle();
        &self.counted.get_or_insert_default().prefixes
    }
}

/// How many of a few hashes differ.
fn distinct(hashes: impl Iterator<Item = u64>) -> u64 {
    let mut known = Vec::with_capacity(WAITING);
    for hash in hashes {
        if !known.contains(&hash) {
            known.push(hash);
        }
    }
    known.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Asked in between or at the end, the counts are those of all lookups so far.
        #[test]
        fn what_waits_is_counted(steps in prop::collection::vec((0_u64..12, 0_u64..4, 0_u8..3, any::<bool>()), 0..60)) {
            let mut lookups = Lookups::default();
            let (mut names, mut domains) = (BTreeSet::new(), BTreeSet::new());
            let (mut mx_domains, mut prefixes) = (BTreeSet::new(), Prefixes::default());
            for (name, domain, of, ask) in steps {
                let prefix = Prefix::of(&[1, b'a' + u8::try_from(name).unwrap()]);
                let of = [Of::A(prefix), Of::Mx, Of::Other][usize::from(of)];
                lookups.add(Lookup { name, domain, of });
                names.insert(name);
                domains.insert(domain);
                match of {
                    Of::A(_) => drop(prefixes.add(prefix)),
                    Of::Mx => drop(mx_domains.insert(domain)),
                    Of::Other => {}
                }
                if ask {
                    let expected = [&names, &domains, &mx_domains].map(|set| set.len() as u64);
                    let counts = lookups.counts();
                    prop_assert_eq!([counts.names, counts.domains, counts.mx_domains], expected);
                    prop_assert!(counts.exact);
                }
            }
            prop_assert_eq!(lookups.prefixes().columns(), prefixes.columns());
        }
    }
}
