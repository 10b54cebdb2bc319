//! Name prefixes, the study's Figure 7: how often the first one to five characters of the
//! names of A queries occur (Musashi, "Botnet countermeasures", Figure 7).

use super::top::TopCounts;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::hash::{Hash, Hasher};

/// Characters of the longest prefix.
pub const LONGEST: usize = 5;
/// Distinct prefixes of a length up to which the counts are exact.
pub const EXACT: usize = 4096;
/// Prefixes of a length that are told.
pub const TOLD: usize = 32;

/// One to five octets of text; what follows the text is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix {
    octets: [u8; LONGEST],
    length: u8,
}

/// As one number, and not octet by octet.
impl Hash for Prefix {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut number = [0; 8];
        for (to, from) in number.iter_mut().zip(self.octets) {
            *to = from;
        }
        number[7] = self.length;
        state.write_u64(u64::from_le_bytes(number));
    }
}

impl Prefix {
    /// The octets.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.octets
            .get(..usize::from(self.length))
            .unwrap_or(&self.octets)
    }

    fn cut(self, length: usize) -> Self {
        let mut octets = [0; LONGEST];
        for (to, from) in octets.iter_mut().zip(self.text().iter().take(length)) {
            *to = *from;
        }
        Self::with_length(octets, self.text().len().min(length))
    }

    fn with_length(octets: [u8; LONGEST], length: usize) -> Self {
        // A prefix has at most five octets.
        let length = u8::try_from(length).unwrap_or(0);
        Self { octets, length }
    }

    /// The first five characters of a folded name as text: a dot for each length octet but
    /// the first.
    #[inline]
    pub(super) fn of(folded: &[u8]) -> Self {
        let mut octets = [0; LONGEST];
        let mut left = folded.first().copied().unwrap_or(0);
        let mut length = 0;
        for (to, &from) in octets.iter_mut().zip(folded.iter().skip(1)) {
            if left == 0 {
                left = from;
                *to = b'.';
            } else {
                left -= 1;
                *to = from;
            }
            length += 1;
        }
        Self::with_length(octets, length)
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.text())
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Vec::<u8>::deserialize(deserializer)?;
        let mut octets = [0; LONGEST];
        let Some(to) = octets.get_mut(..text.len()) else {
            return Err(D::Error::custom("a prefix of more than five characters"));
        };
        to.copy_from_slice(&text);
        Ok(Self::with_length(octets, text.len()))
    }
}

/// Counts of name prefixes of a host.
///
/// While fewer than [`EXACT`] distinct five-character prefixes have come, only those are
/// counted, one addition a query, and the shorter ones follow from them by adding up. Then
/// each length gets a table of its own, with the same bound.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Prefixes {
    longest: TopCounts<Prefix, EXACT>,
    shorter: Option<Box<[TopCounts<Prefix, EXACT>; LONGEST - 1]>>,
}

/// The prefixes of one length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Characters of each prefix.
    pub length: usize,
    /// The most frequent ones, most first.
    pub top: Vec<(Prefix, u64)>,
    /// By how much a count can be too small; 0 means that all are exact.
    pub error: u64,
}

impl Prefixes {
    /// Counts this prefix, of five characters or of a shorter name, and those that it begins with;
    /// whether that may have taken memory.
    #[inline]
    pub fn add(&mut self, prefix: Prefix) -> bool {
        if self.longest.len() == EXACT && self.shorter.is_none() {
            self.shorter = Some(Box::new(self.derive_shorter()));
        }
        let mut grew = self.longest.add(prefix, 1);
        if let Some(shorter) = &mut self.shorter {
            for (length, table) in (1..).zip(shorter.iter_mut()) {
                if prefix.text().len() >= length {
                    grew |= table.add(prefix.cut(length), 1);
                }
            }
        }
        grew
    }

    /// Gives up all but what is told, as at the bound.
    pub(super) fn cut(&mut self) {
        if self.shorter.is_none() {
            self.shorter = Some(Box::new(self.derive_shorter()));
        }
        let shorter = self.shorter.iter_mut().flat_map(|tables| tables.iter_mut());
        for table in shorter.chain([&mut self.longest]) {
            table.cut(TOLD);
        }
    }

    /// Memory beside the struct itself.
    pub(super) fn octets(&self) -> usize {
        let shorter = self.shorter.iter().flat_map(|tables| tables.iter());
        let shorter = shorter.map(|table| size_of_val(table) + table.octets());
        self.longest.octets() + shorter.sum::<usize>()
    }

    fn derive_shorter(&self) -> [TopCounts<Prefix, EXACT>; LONGEST - 1] {
        let mut tables: [TopCounts<Prefix, EXACT>; LONGEST - 1] = Default::default();
        for (prefix, count) in self.longest.iter() {
            for (length, table) in (1..).zip(&mut tables) {
                if prefix.text().len() >= length {
                    table.add(prefix.cut(length), count);
                }
            }
        }
        tables
    }

    /// The five columns of the table, shortest prefixes first.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        let derived;
        let shorter = if let Some(shorter) = &self.shorter {
            &**shorter
        } else {
            derived = self.derive_shorter();
            &derived
        };
        let mut columns: Vec<_> = (1..)
            .zip(shorter)
            .map(|(length, table)| Column {
                length,
                top: table.top(TOLD),
                error: table.error(),
            })
            .collect();
        // The table of the longest also holds whole names that are shorter than five.
        let mut top = self.longest.top(usize::MAX);
        top.retain(|(prefix, _)| prefix.text().len() == LONGEST);
        top.truncate(TOLD);
        columns.push(Column {
            length: LONGEST,
            top,
            error: self.longest.error(),
        });
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(text: &str) -> Vec<u8> {
        let mut folded = Vec::new();
        for label in text.split('.') {
            folded.push(u8::try_from(label.len()).unwrap());
            folded.extend(label.as_bytes());
        }
        folded
    }

    fn texts(column: &Column) -> Vec<(String, u64)> {
        let text = |prefix: &Prefix| String::from_utf8(prefix.text().to_vec()).unwrap();
        column
            .top
            .iter()
            .map(|(prefix, count)| (text(prefix), *count))
            .collect()
    }

    #[test]
    fn dots_count_as_characters() {
        let mut prefixes = Prefixes::default();
        for name in ["mx.example.jp", "mx.example.com", "mail.a.jp", "a.b", "m"] {
            prefixes.add(Prefix::of(&fold(name)));
        }
        let columns = prefixes.columns();
        let column = |length: usize| texts(&columns[length - 1]);
        assert_eq!(column(1), [("m".into(), 4), ("a".into(), 1)]);
        assert_eq!(
            column(2),
            [("mx".into(), 2), ("a.".into(), 1), ("ma".into(), 1)]
        );
        assert_eq!(
            column(3),
            [("mx.".into(), 2), ("a.b".into(), 1), ("mai".into(), 1)]
        );
        assert_eq!(column(4), [("mx.e".into(), 2), ("mail".into(), 1)]);
        assert_eq!(column(5), [("mx.ex".into(), 2), ("mail.".into(), 1)]);
        assert!(columns.iter().all(|column| column.error == 0));
    }

    #[test]
    fn short_columns_stay_exact_when_the_long_one_overflows() {
        let mut prefixes = Prefixes::default();
        let mut names = Vec::new();
        for a in b'a'..=b'z' {
            for b in b'a'..=b'z' {
                for c in 0..10 {
                    names.push(format!("{}{}{c}xy.example", char::from(a), char::from(b)));
                }
            }
        }
        for name in &names {
            prefixes.add(Prefix::of(&fold(name)));
        }
        let columns = prefixes.columns();
        assert_eq!(names.len(), 6760);
        assert_eq!(texts(&columns[0]).len(), 26);
        assert!(texts(&columns[0]).iter().all(|(_, count)| *count == 260));
        assert_eq!(columns[1].error, 0);
        assert!(texts(&columns[1]).iter().all(|(_, count)| *count == 10));
        assert!(columns[4].error > 0);
    }
}
