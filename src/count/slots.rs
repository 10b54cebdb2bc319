//! How a memory is saved whose places are named by hashes: only those that are taken.

use crate::time::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// A place that nothing has taken.
const EMPTY: (u64, Timestamp) = (0, Timestamp::MIN);

/// Writes what stands in places.
pub(super) fn write<S: Serializer>(
    slots: &[(u64, Timestamp)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let taken: Vec<_> = slots.iter().filter(|slot| **slot != EMPTY).collect();
    serializer.collect_seq(taken)
}

/// Reads it, back into the places that the hashes name among `N`.
pub(super) fn read<'de, const N: usize, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Box<[(u64, Timestamp)]>, D::Error> {
    let mut slots = vec![EMPTY; N].into_boxed_slice();
    for (hash, time) in Vec::<(u64, Timestamp)>::deserialize(deserializer)? {
        #[expect(clippy::cast_possible_truncation, reason = "reduced right away")]
        let slot = &mut slots[hash as usize % N];
        if *slot != EMPTY {
            return Err(D::Error::custom("two hashes in one place"));
        }
        *slot = (hash, time);
    }
    Ok(slots)
}
