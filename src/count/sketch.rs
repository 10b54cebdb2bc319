//! How a sketch of distinct hashes is saved: as its words, and read back into the same state.
//!
//! For `#[serde(with = "…")]`, in place of what the sketch's own crate does: that also writes
//! the address at which the words stand, and, where their number is no power of two, gives
//! memory back by another size than it was taken by. Here a vector is made with room for as
//! many words as the sketch will say that it has.

use cardinality_estimator::CardinalityEstimator;
use serde::de::value::{SeqDeserializer, U64Deserializer};
use serde::de::{Deserializer, Error, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

type Sketch = CardinalityEstimator<u64>;

/// Hashes in their encoded form, up to which they are kept as they are.
const FEW: usize = 128;
/// Registers of the other form, and words of it: the number of empty registers, a sum, six bits
/// for each register, and one word more.
const REGISTERS: u32 = 1 << 12;
const WORDS: usize = REGISTERS as usize * 6 / 32 + 3;
/// The lowest two bits say which form it is.
const FORM: u64 = 3;
const SMALL: u64 = 0;
const ARRAY: u64 = 1;
const REGISTER: u64 = 3;

/// A sketch's words.
#[derive(Serialize, Deserialize)]
enum Saved {
    /// Two encoded hashes in one number.
    Small(u64),
    /// Up to [`FEW`].
    Array(Vec<u32>),
    /// Registers, word by word, the lowest octet first.
    Registers(Vec<[u8; 4]>),
}

/// Writes a sketch.
pub fn serialize<S: Serializer>(sketch: &Sketch, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::Error;
    // The only way to its words is what its crate writes.
    let octets = postcard::to_allocvec(sketch).map_err(S::Error::custom)?;
    let (data, words): (u64, Option<Vec<u32>>) =
        postcard::from_bytes(&octets).map_err(S::Error::custom)?;
    let saved = match (data & FORM, words) {
        (SMALL, None) => Saved::Small(data),
        (ARRAY, Some(words)) => Saved::Array(words),
        (REGISTER, Some(words)) => {
            Saved::Registers(words.into_iter().map(u32::to_le_bytes).collect())
        }
        _ => return Err(S::Error::custom("a sketch of an unknown form")),
    };
    saved.serialize(serializer)
}

/// Reads a sketch.
///
/// # Errors
/// Also where it cannot be one.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sketch, D::Error> {
    let (data, words) = match Saved::deserialize(deserializer)? {
        Saved::Small(data) if data & FORM == SMALL => (data, None),
        Saved::Array(words) if (3..=FEW).contains(&words.len()) => (ARRAY, Some(words)),
        Saved::Registers(words) if words.len() == WORDS => {
            let words: Vec<_> = words.into_iter().map(u32::from_le_bytes).collect();
            if words.first().is_none_or(|empty| *empty > REGISTERS) {
                return Err(D::Error::custom("more empty registers than there are"));
            }
            (REGISTER, Some(words))
        }
        _ => return Err(D::Error::custom("no sketch")),
    };
    Sketch::deserialize(Parts { data, words }).map_err(D::Error::custom)
}

type Failure = serde::de::value::Error;

/// What the sketch's crate reads: the number, and words where there are some.
struct Parts {
    data: u64,
    words: Option<Vec<u32>>,
}

impl<'de> Deserializer<'de> for Parts {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_seq(Elements {
            data: Some(self.data),
            words: Some(Words(self.words)),
        })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

struct Elements {
    data: Option<u64>,
    words: Option<Words>,
}

impl<'de> SeqAccess<'de> for Elements {
    type Error = Failure;

    fn next_element_seed<T: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        if let Some(data) = self.data.take() {
            let data: U64Deserializer<Failure> = data.into_deserializer();
            return seed.deserialize(data).map(Some);
        }
        let words = self.words.take();
        words.map(|words| seed.deserialize(words)).transpose()
    }
}

/// Words, or none.
struct Words(Option<Vec<u32>>);

impl<'de> Deserializer<'de> for Words {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            None => visitor.visit_none(),
            Some(words) => visitor.visit_some(SeqDeserializer::new(Roomy {
                room: if words.len() == WORDS {
                    WORDS
                } else {
                    words.len().next_power_of_two()
                },
                words: words.into_iter(),
            })),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

/// Words that ask for more room than they take.
struct Roomy {
    words: std::vec::IntoIter<u32>,
    room: usize,
}

impl Iterator for Roomy {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.words.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.room, Some(self.room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::names;

    #[derive(Serialize, Deserialize)]
    struct Saved(#[serde(with = "super")] Sketch);

    fn hash(number: u32) -> u64 {
        names::hash(&number.to_be_bytes())
    }

    #[test]
    fn a_sketch_goes_on_where_it_was() {
        for n in [
            0, 1, 2, 3, 4, 5, 7, 8, 9, 33, 100, 127, 128, 129, 130, 5_000,
        ] {
            let mut sketch = Sketch::new();
            (0..n).for_each(|number| sketch.insert_hash(hash(number)));
            let octets = postcard::to_allocvec(&Saved(sketch.clone())).unwrap();
            let mut back: Saved = postcard::from_bytes(&octets).unwrap();
            assert_eq!(back.0.estimate(), sketch.estimate(), "{n}");
            assert_eq!(postcard::to_allocvec(&back).unwrap(), octets, "{n}");
            for number in n..n + 300 {
                sketch.insert_hash(hash(number));
                back.0.insert_hash(hash(number));
                assert_eq!(back.0.estimate(), sketch.estimate(), "{n} {number}");
            }
            let other = postcard::to_allocvec(&Saved(sketch)).unwrap();
            assert_eq!(postcard::to_allocvec(&back).unwrap(), other, "{n}");
        }
    }

    #[test]
    fn what_is_no_sketch_is_refused() {
        let refused = |saved: &super::Saved| {
            let octets = postcard::to_allocvec(saved).unwrap();
            postcard::from_bytes::<Saved>(&octets).is_err()
        };
        let registers = |len: usize, empty: u32| {
            let mut words = vec![[0; 4]; len];
            words[0] = empty.to_le_bytes();
            super::Saved::Registers(words)
        };
        assert!(refused(&super::Saved::Small(ARRAY)));
        assert!(refused(&super::Saved::Array(vec![1; 2])));
        assert!(refused(&super::Saved::Array(vec![1; FEW + 1])));
        assert!(refused(&registers(WORDS - 1, 0)));
        assert!(refused(&registers(WORDS + 1, 0)));
        assert!(refused(&registers(WORDS, REGISTERS + 1)));
        assert!(!refused(&registers(WORDS, REGISTERS)));
    }
}
