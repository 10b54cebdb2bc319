//! The registrable domains of query names, by a memory of what the public suffix list says: a look
//! into the list costs more than all else that is done with a name.

use super::names::{self, Labels};

/// Ends of names that are remembered, a power of two: more domains than are busy at a site at a
/// time, in a part of a core's cache (128 KiB).
const REMEMBERED: usize = 1 << 13;

/// Labels of such an end. The list needs no more of most names: it knows what may stand in front of
/// `com`, and not what may stand in front of `example.com`.
const LABELS: usize = 2;

/// What the list said lately, by the hash of the last two labels: the octets of the public suffix. A
/// newer end in the same place makes an older one forgotten. So a name that nobody has asked for
/// before is looked up in the list only where its domain is as new.
#[derive(Debug)]
pub struct Domains(Box<[(u64, usize)]>);

impl Default for Domains {
    fn default() -> Self {
        // No name ends in the labels of this hash: they would be none.
        Self(vec![(names::hash(&[]), 0); REMEMBERED].into_boxed_slice())
    }
}

impl Domains {
    /// The hash of the registrable domain of a folded name.
    #[inline]
    pub fn of(&mut self, folded: &[u8]) -> u64 {
        let labels = Labels::of(folded);
        let Some(end) = labels.last(LABELS) else {
            // Less than two labels are a domain of their own.
            return names::hash(folded);
        };
        let hash = names::hash(end);
        #[expect(clippy::cast_possible_truncation, reason = "reduced right away")]
        let slot = &mut self.0[hash as usize % REMEMBERED];
        let suffix = if slot.0 == hash {
            slot.1
        } else {
            let (suffix, asked) = labels.suffix();
            if asked <= LABELS {
                *slot = (hash, suffix.len);
            }
            suffix.len
        };
        let domain = labels.registrable(suffix);
        if domain.len() == end.len() {
            hash
        } else {
            names::hash(domain)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever was asked for before, and in whatever order.
        #[test]
        fn what_is_remembered_is_what_the_list_says(
            names in prop::collection::vec(
                (prop::collection::vec("[a-z]{1,3}", 0..3), prop::sample::select(vec![
                    "com", "example.com", "blogspot.com", "co.jp", "kobe.jp", "city.kobe.jp", "jp",
                    "ck", "www.ck", "s3.amazonaws.com", "invalid", "k12.ma.us", "uk",
                ])),
                1..60,
            )
        ) {
            let mut domains = Domains::default();
            for (front, end) in names {
                let text = front.iter().map(String::as_str).chain([end]);
                let text = text.collect::<Vec<_>>().join(".");
                let folded = names::fold_text(text.as_bytes()).unwrap();
                let expected = names::hash(names::registrable(&folded));
                prop_assert_eq!(domains.of(&folded), expected, "{}", text);
            }
        }
    }

    #[test]
    fn an_end_that_the_list_looks_behind_is_not_remembered() {
        let mut domains = Domains::default();
        let mut kept = |text: &str| {
            let folded = names::fold_text(text.as_bytes()).unwrap();
            let _ = domains.of(&folded);
            let fresh = Domains::default();
            domains
                .0
                .iter()
                .zip(&fresh.0)
                .filter(|(a, b)| a != b)
                .count()
        };
        assert_eq!(kept("a.b.kobe.jp"), 0);
        assert_eq!(kept("www.example.com"), 1);
        assert_eq!(kept("other.example.com"), 1);
        assert_eq!(kept("example.co.jp"), 2);
        assert_eq!(kept("com"), 2);
    }
}
