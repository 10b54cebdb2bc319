//! Chance that falls the same way everywhere: a seeded generator with integer arithmetic
//! only, since the last bits of logarithms and powers differ between machines. A leaf.

use rand_core::Rng as _;
use rand_pcg::Pcg32;

/// The stream of the generator; any odd-looking number would do, but never another one, for
/// it decides every byte that a recipe writes.
const STREAM: u64 = 0x6d78_7261_7921;

/// FNV-1a, 64 bits, then one round of mixing so that small remainders are even too.
pub(super) fn hash(text: &str) -> u64 {
    let fnv = digest(text.as_bytes());
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

/// FNV-1a, 64 bits, of any octets.
pub(super) fn digest(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |sum, octet| {
        (sum ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The remainder of a name's hash: the same name always meets the same fate.
pub(super) fn fate(name: &str, of: u8) -> u8 {
    u8::try_from(hash(name) % u64::from(of)).expect("a remainder of a u8 is a u8")
}

/// A generator seeded by a word.
#[derive(Clone, Debug)]
pub(super) struct Dice(Pcg32);

impl Dice {
    pub(super) fn new(seed: &str) -> Self {
        Self(Pcg32::new(hash(seed), STREAM))
    }

    /// A number from 0 to `limit - 1`, and 0 where `limit` is 0.
    ///
    /// Multiply and shift: the bias is under one in a million for the limits used here.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        let product = u64::from(self.0.next_u32()) * u64::from(limit);
        u32::try_from(product >> 32).expect("a product of two u32, shifted by 32, is a u32")
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// A port or an identifier: any number from `low` to 65535.
    pub(super) fn word(&mut self, low: u16) -> u16 {
        let number = self.between(u32::from(low), u32::from(u16::MAX));
        u16::try_from(number).expect("at most 65535")
    }

    /// Whether something that happens `permille` times in a thousand happens now.
    pub(super) fn chance(&mut self, permille: u32) -> bool {
        self.below(1000) < permille
    }

    /// A number below `limit` where small numbers are common and large ones rare, about as
    /// 1/rank: mail goes to few domains often and to many seldom.
    pub(super) fn popular(&mut self, limit: u32) -> u32 {
        let ceiling = self.below(limit) + 1;
        self.below(ceiling)
    }

    /// An index into something of `len` entries.
    pub(super) fn index(&mut self, len: usize) -> usize {
        let len = u32::try_from(len).expect("nothing here has four thousand million entries");
        self.below(len) as usize
    }

    /// One of `these`.
    pub(super) fn pick<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        let index = self.index(these.len());
        these.get(index).expect("index is below the length")
    }

    /// Fisher and Yates.
    pub(super) fn shuffle<T>(&mut self, these: &mut [T]) {
        for last in (1..these.len()).rev() {
            let other = self.index(last + 1);
            these.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_the_same_way_everywhere() {
        assert_eq!(digest(b"a"), 0xaf63_dc4c_8601_ec8c); // the published FNV-1a vector
        let mut dice = Dice::new("seed");
        let first: Vec<u32> = (0..6).map(|_| dice.below(1000)).collect();
        assert_eq!(first, FIRST_OF_SEED);
        assert!((0..1000).all(|_| (5..=9).contains(&dice.between(5, 9))));
        assert_eq!(dice.below(0), 0);
    }

    const FIRST_OF_SEED: [u32; 6] = [587, 493, 821, 231, 148, 149];
}
