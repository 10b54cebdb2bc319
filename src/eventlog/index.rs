//! What is written beside a segment, in lines of text:
//!
//! ```text
//! mxray-index 1 FIRST
//! OFFSET OCTETS EVENTS XXH3
//! ```
//!
//! FIRST is the number of events in all earlier segments. A line follows for each batch when it
//! is safe on the disk, never before, so that the index promises no more than there is; it may
//! promise less. Numbers are decimal but for the checksum, which is 16 hexadecimal digits.

use super::segment;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

const HEAD: &str = "mxray-index 1 ";

/// A batch of events that follow each other in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Where it begins, in octets.
    pub(super) offset: u64,
    /// Its length in octets.
    pub(super) octets: u64,
    /// Lines in it.
    pub(super) events: u64,
    /// XXH3 of its octets.
    pub(super) sum: u64,
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            octets,
            events,
            sum,
        } = self;
        writeln!(f, "{offset} {octets} {events} {sum:016x}")
    }
}

impl Batch {
    /// Where it ends, in octets.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.octets)
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let batch = Self {
            offset: words.next()?.parse().ok()?,
            octets: words.next()?.parse().ok()?,
            events: words.next()?.parse().ok()?,
            sum: u64::from_str_radix(words.next().filter(|sum| sum.len() == 16)?, 16).ok()?,
        };
        words.next().is_none().then_some(batch)
    }
}

/// The index of a segment as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// Events in all earlier segments, where the first line is whole.
    pub(super) first: Option<u64>,
    /// The batches, as far as they join on to each other.
    pub(super) batches: Vec<Batch>,
}

impl Index {
    /// Reads an index; what is missing, torn or no index says less.
    pub(super) fn read(folder: &Path, number: u64) -> io::Result<Self> {
        match fs::read(segment::index(folder, number)) {
            Ok(octets) => Ok(Self::parse(&String::from_utf8_lossy(&octets))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Self {
        // A last line without its end is torn.
        let mut lines = text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'));
        let head = lines.next().and_then(|line| line.strip_prefix(HEAD));
        let Some(first) = head.and_then(|first| first.parse().ok()) else {
            return Self::default();
        };
        let mut batches = Vec::new();
        let mut end = 0u64;
        for batch in lines.map_while(Batch::parse) {
            let next = batch.offset.checked_add(batch.octets);
            let (true, Some(next)) = (batch.offset == end, next) else {
                break;
            };
            end = next;
            batches.push(batch);
        }
        Self {
            first: Some(first),
            batches,
        }
    }

    /// The events that it knows of in its segment.
    pub(super) fn events(&self) -> u64 {
        let events = self.batches.iter().map(|batch| batch.events);
        events.fold(0, u64::saturating_add)
    }

    /// The whole text, of a segment before which there are `first` events.
    pub(super) fn text(first: u64, batches: &[Batch]) -> String {
        use fmt::Write as _;
        let mut text = format!("{HEAD}{first}\n");
        for batch in batches {
            // Writing to a String does not fail.
            let _ = write!(text, "{batch}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(offset: u64, octets: u64) -> Batch {
        Batch {
            offset,
            octets,
            events: 2,
            sum: 0xfe,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let batches = [batch(0, 10), batch(10, 5)];
        let text = Index::text(7, &batches);
        assert_eq!(
            text,
            "mxray-index 1 7\n0 10 2 00000000000000fe\n10 5 2 00000000000000fe\n"
        );
        let index = Index::parse(&text);
        assert_eq!(index.first, Some(7));
        assert_eq!(index.batches, batches);
        assert_eq!(index.events(), 4);
    }

    #[test]
    fn a_torn_index_says_less_and_nothing_else() {
        let text = Index::text(7, &[batch(0, 10), batch(10, 5)]);
        for cut in 0..text.len() {
            let torn = text.get(..cut).unwrap();
            let index = Index::parse(torn);
            let lines = torn.matches('\n').count();
            assert_eq!(index.first, (lines > 0).then_some(7), "{cut}");
            assert_eq!(index.batches.len(), lines.saturating_sub(1), "{cut}");
        }
    }

    #[test]
    fn batches_that_do_not_join_on_end_it() {
        for second in [
            "11 5 2 00000000000000fe",
            "10 18446744073709551615 2 00000000000000fe",
            "10 5 2 fe",
            "10 5 2 00000000000000fe 1",
            "x",
        ] {
            let text = format!("{}{second}\n", Index::text(0, &[batch(0, 10)]));
            assert_eq!(Index::parse(&text).batches.len(), 1, "{second}");
        }
        assert_eq!(Index::parse("another 1 7\n"), Index::default());
    }
}
