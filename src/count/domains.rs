//! The registrable domains of query names, by a memory of what the public suffix list says: to
//! look each new name up in it was a tenth of what counting a DNS packet costs.

use super::names::{self, Labels};

/// Ends of names that are remembered, a power of two: more domains than are busy at a site at a
/// time, in a part of a core's cache (128 KiB).
const REMEMBERED: usize = 1 << 13;

/// Labels of such an end. The list needs no more of most names: it knows what may stand in front of
/// `com`, and not what may stand in front of `example.com`.
const LABELS: usize = 2;

/// Of an end of two labels: the list needs a third to say anything, as below `co.uk`.
const ONE_MORE: usize = usize::MAX;

/// What the list said lately, by the hash of the last two labels, or three: the octets of the public
/// suffix. A newer end in the same place makes an older one forgotten. So a name that nobody has asked
/// for before is looked up in the list only where its domain is as new.
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
        let suffix = match *self.slot(hash) {
            (known, suffix) if known == hash && suffix != ONE_MORE => suffix,
            _ => self.ask(&labels, hash),
        };
        let domain = labels.registrable(suffix);
        if domain.len() == end.len() {
            hash
        } else {
            names::hash(domain)
        }
    }

    /// What the list says of a name of whose last two labels, with this hash, it is not remembered or
    /// they are not enough.
    fn ask(&mut self, labels: &Labels<'_>, two: u64) -> usize {
        let three = labels.last(LABELS + 1).map(names::hash);
        if let Some(three) = three
            && let (known, suffix) = *self.slot(three)
            && known == three
        {
            return suffix;
        }
        let (suffix, asked) = labels.suffix();
        if asked <= LABELS {
            *self.slot(two) = (two, suffix.len);
        } else if let Some(three) = three
            && asked == LABELS + 1
        {
            *self.slot(two) = (two, ONE_MORE);
            *self.slot(three) = (three, suffix.len);
        }
        suffix.len
    }

    #[inline]
    fn slot(&mut self, hash: u64) -> &mut (u64, usize) {
        #[expect(clippy::cast_possible_truncation, reason = "reduced right away")]
        let place = hash as usize % REMEMBERED;
        &mut self.0[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A folded name of these labels.
    fn folded(labels: &[&[u8]]) -> Vec<u8> {
        let labels = labels.iter().filter(|label| !label.is_empty());
        let counted = labels.flat_map(|label| {
            let length = u8::try_from(label.len()).unwrap();
            std::iter::once(length).chain(label.iter().copied())
        });
        counted.collect()
    }

    fn of_text(text: &str) -> Vec<u8> {
        folded(&text.split('.').map(str::as_bytes).collect::<Vec<_>>())
    }

    proptest! {
        /// Whatever was asked for before, and in whatever order.
        #[test]
        fn what_is_remembered_is_what_the_list_says(
            names in prop::collection::vec(
                (
                    prop::collection::vec(prop::collection::vec(any::<u8>(), 1..3), 0..3),
                    prop::sample::select(vec![
                        "", "com", "example.com", "blogspot.com", "co.jp", "kobe.jp", "b.kobe.jp",
                        "city.kobe.jp", "jp", "ck", "www.ck", "s3.amazonaws.com", "invalid",
                        "k12.ma.us", "uk", "co.uk", "example.co.uk", "blogspot.co.uk", "com.au",
                    ]),
                ),
                1..60,
            )
        ) {
            let mut domains = Domains::default();
            for (front, end) in names {
                let name = [folded(&front.iter().map(Vec::as_slice).collect::<Vec<_>>()), of_text(end)];
                let name = name.concat();
                let expected = names::hash(names::registrable(&name));
                prop_assert_eq!(domains.of(&name), expected, "{:?} {}", front, end);
            }
        }
    }

    #[test]
    fn a_name_of_as_many_labels_as_fit() {
        let name = [1, b'a'].repeat(127);
        let mut domains = Domains::default();
        for _ in 0..2 {
            let domain = names::hash(names::registrable(&name));
            assert_eq!(domains.of(&name), domain);
        }
    }

    /// How many ends are remembered by and by.
    #[test]
    fn what_the_list_needs_is_remembered() {
        let mut domains = Domains::default();
        let mut kept = |text: &str| {
            let _ = domains.of(&of_text(text));
            let fresh = Domains::default();
            let slots = domains.0.iter().zip(&fresh.0);
            slots.filter(|(slot, empty)| slot != empty).count()
        };
        assert_eq!(kept("com"), 0);
        assert_eq!(kept("www.example.com"), 1);
        assert_eq!(kept("other.example.com"), 1);
        assert_eq!(kept("www.example.co.uk"), 3, "both ends");
        assert_eq!(kept("other.example.co.uk"), 3);
        assert_eq!(kept("example.co.jp"), 4);
        // It looks behind three labels.
        assert_eq!(kept("a.s3.dualstack.us-east-1.amazonaws.com"), 4);
    }
}
