//! Hash tables written in the order of their keys, so that the same content is the same octets
//! whatever the table's seed, and put into a table with a new seed when they are read. A leaf:
//! uses nothing of ours.
//!
//! For `#[serde(with = "…")]`. What is read grows with what is there and not with the length
//! that is said before it.

/// A map, as pairs.
pub mod map {
    use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
    use serde::ser::{Serialize, Serializer};
    use std::fmt;
    use std::hash::{BuildHasher, Hash};
    use std::marker::PhantomData;

    /// Writes pairs in the order of keys.
    pub fn serialize<K, V, B, S>(
        map: &hashbrown::HashMap<K, V, B>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        K: Ord + Serialize,
        V: Serialize,
        S: Serializer,
    {
        let mut pairs: Vec<_> = map.iter().collect();
        pairs.sort_unstable_by_key(|(key, _)| *key);
        serializer.collect_seq(pairs)
    }

    struct Pairs<K, V, B>(PhantomData<(K, V, B)>);

    impl<'de, K, V, B> Visitor<'de> for Pairs<K, V, B>
    where
        K: Deserialize<'de> + Eq + Hash,
        V: Deserialize<'de>,
        B: BuildHasher + Default,
    {
        type Value = hashbrown::HashMap<K, V, B>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("pairs of different keys")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
            let mut map = Self::Value::default();
            while let Some((key, value)) = pairs.next_element()? {
                if map.insert(key, value).is_some() {
                    return Err(A::Error::custom("a key stands twice"));
                }
            }
            Ok(map)
        }
    }

    /// Reads pairs.
    ///
    /// # Errors
    /// Also where a key stands twice.
    pub fn deserialize<'de, K, V, B, D>(
        deserializer: D,
    ) -> Result<hashbrown::HashMap<K, V, B>, D::Error>
    where
        K: Deserialize<'de> + Eq + Hash,
        V: Deserialize<'de>,
        B: BuildHasher + Default,
        D: Deserializer<'de>,
    {
        deserializer.deserialize_seq(Pairs(PhantomData))
    }
}

/// A set.
pub mod set {
    use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
    use serde::ser::{Serialize, Serializer};
    use std::fmt;
    use std::hash::{BuildHasher, Hash};
    use std::marker::PhantomData;

    /// Writes the elements in order.
    pub fn serialize<T, B, S>(
        set: &hashbrown::HashSet<T, B>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        T: Ord + Serialize,
        S: Serializer,
    {
        let mut elements: Vec<_> = set.iter().collect();
        elements.sort_unstable();
        serializer.collect_seq(elements)
    }

    struct Elements<T, B>(PhantomData<(T, B)>);

    impl<'de, T, B> Visitor<'de> for Elements<T, B>
    where
        T: Deserialize<'de> + Eq + Hash,
        B: BuildHasher + Default,
    {
        type Value = hashbrown::HashSet<T, B>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("different elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
            let mut set = Self::Value::default();
            while let Some(element) = elements.next_element()? {
                if !set.insert(element) {
                    return Err(A::Error::custom("an element stands twice"));
                }
            }
            Ok(set)
        }
    }

    /// Reads the elements.
    ///
    /// # Errors
    /// Also where one stands twice.
    pub fn deserialize<'de, T, B, D>(deserializer: D) -> Result<hashbrown::HashSet<T, B>, D::Error>
    where
        T: Deserialize<'de> + Eq + Hash,
        B: BuildHasher + Default,
        D: Deserializer<'de>,
    {
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}
