//! The files of a log, by their names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const BEGIN: &str = "mxray-";
const END: &str = ".ndjson";
const INDEX: &str = ".index";
/// Digits of a number at least, so that names sort as numbers do.
const DIGITS: usize = 10;

/// The file with the events of a segment.
pub(super) fn events(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{BEGIN}{number:0DIGITS$}{END}"))
}

/// The file beside it.
pub(super) fn index(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{BEGIN}{number:0DIGITS$}{INDEX}"))
}

/// The numbers of the segments that are there, in order.
pub(super) fn list(folder: &Path) -> io::Result<Vec<u64>> {
    numbers(folder, END)
}

/// The same of the indexes.
pub(super) fn indexes(folder: &Path) -> io::Result<Vec<u64>> {
    numbers(folder, INDEX)
}

fn numbers(folder: &Path, end: &str) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| number(name, end)));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn number(name: &str, end: &str) -> Option<u64> {
    let digits = name.strip_prefix(BEGIN)?.strip_suffix(end)?;
    let plain = digits.len() >= DIGITS && digits.bytes().all(|octet| octet.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_segments_are_listed_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for number in [10, 9, 12_345_678_901] {
            fs::write(events(folder.path(), number), "").unwrap();
            fs::write(index(folder.path(), number), "").unwrap();
        }
        for other in [
            "mxray-1.ndjson",
            "mxray-000000000x.ndjson",
            "mxray-+000000001.ndjson",
            "events.ndjson",
        ] {
            fs::write(folder.path().join(other), "").unwrap();
        }
        assert_eq!(list(folder.path()).unwrap(), [9, 10, 12_345_678_901]);
        fs::remove_file(index(folder.path(), 10)).unwrap();
        assert_eq!(indexes(folder.path()).unwrap(), [9, 12_345_678_901]);
    }
}
