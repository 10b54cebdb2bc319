//! What was told in the same hour already: facts that say no more when they are told again.

use crate::time::Timestamp;
use foldhash::quality::FixedState;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::hash::{BuildHasher as _, Hash};

/// Facts that are remembered, in buckets of [`WAYS`]. One more takes the place of the eldest in
/// its bucket, which is told again when it is seen again: that costs time, and nothing else.
const SLOTS: usize = 4096;
const WAYS: usize = 4;

/// Facts told in a second at most: a scan of a network, or a flood with forged addresses, must
/// not fill the memory.
const TOLD_A_SECOND: u32 = 256;

/// Where a key stands in the table depends on its hash, and so may what is told twice: the hash
/// is the same in every run.
const SEED: u64 = 0x6c61_7465_6c79_0001;

/// The memory of one shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Lately {
    /// Hashes of what was told, and when; made when the first is.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    slots: Vec<u64>,
    /// A second, and what was told in it.
    told: (i64, u32),
}

/// The first place of the bucket that a hash is in.
#[expect(clippy::cast_possible_truncation, reason = "reduced right away")]
fn bucket(hash: u64) -> usize {
    hash as usize % (SLOTS / WAYS) * WAYS
}

/// Writes the slots that are taken. A bucket is filled from its front.
fn write<S: Serializer>(slots: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
    let taken: Vec<_> = slots.iter().filter(|hash| **hash != 0).collect();
    serializer.collect_seq(taken)
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    let taken = Vec::<u64>::deserialize(deserializer)?;
    let mut slots = vec![0; if taken.is_empty() { 0 } else { SLOTS }];
    for hash in taken {
        let first = bucket(hash);
        let mut bucket = slots.iter_mut().skip(first).take(WAYS);
        let Some(free) = bucket.find(|slot| **slot == 0).filter(|_| hash != 0) else {
            return Err(D::Error::custom("more in a bucket than it holds"));
        };
        *free = hash;
    }
    Ok(slots)
}

/// What there is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It was told in this hour.
    Known,
    /// It is to be told.
    New,
    /// It would be, and too much was told in this second.
    TooMany,
}

impl Lately {
    /// Whether something is to be told at `time`; it is remembered as told.
    pub(super) fn news(&mut self, time: Timestamp, key: impl Hash) -> News {
        let second = time.second();
        let hash = FixedState::with_seed(SEED).hash_one((key, second.div_euclid(3600)));
        // An empty slot is 0.
        let hash = hash.max(1);
        if self.slots.is_empty() {
            self.slots = vec![0; SLOTS];
        }
        let first = bucket(hash);
        let bucket = &mut self.slots[first..first + WAYS];
        if bucket.contains(&hash) {
            return News::Known;
        }
        // A late second uses what the newest one leaves.
        if second > self.told.0 || self.told.1 == 0 {
            self.told = (second, 0);
        }
        if self.told.1 >= TOLD_A_SECOND {
            return News::TooMany;
        }
        self.told.1 += 1;
        bucket.rotate_right(1);
        bucket[0] = hash;
        News::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_parts(second, 0)
    }

    #[test]
    fn once_in_an_hour() {
        let mut lately = Lately::default();
        assert_eq!(lately.news(at(3_600), "a"), News::New);
        assert_eq!(lately.news(at(7_199), "a"), News::Known);
        assert_eq!(lately.news(at(7_199), "b"), News::New);
        assert_eq!(lately.news(at(7_200), "a"), News::New);
        assert_eq!(lately.news(at(-1), "a"), News::New);
    }

    #[test]
    fn two_seconds_in_turns_do_not_open_the_gate_anew() {
        let mut lately = Lately::default();
        let news = (0..2_000_u32).map(|key| lately.news(at(10 + i64::from(key % 2)), key));
        let told = news.filter(|news| *news == News::New).count();
        assert_eq!(told, 1 + 256);
    }

    #[test]
    fn a_flood_is_cut_off_and_the_next_second_begins_anew() {
        let mut lately = Lately::default();
        let told = |lately: &mut Lately, second, keys: std::ops::Range<u32>| {
            let news = keys.map(|key| lately.news(at(second), key));
            news.filter(|news| *news == News::New).count()
        };
        assert_eq!(told(&mut lately, 0, 0..100_000), 256);
        assert_eq!(lately.slots.len(), SLOTS);
        // What was not told is not known either.
        assert_eq!(lately.news(at(1), 99_999), News::New);
        assert_eq!(told(&mut lately, 1, 100_000..200_000), 255);
    }
}
