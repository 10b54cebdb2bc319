//! What an event log holds, for the tests that kill who writes it.

use mxray::eventlog::Reader;
use std::path::Path;

/// All its lines; none may be lost or damaged.
pub(crate) fn logged(folder: &Path) -> Vec<Vec<u8>> {
    let mut reader = Reader::open(folder, None);
    let mut lines = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        lines.push(entry.line.to_vec());
    }
    assert_eq!((reader.take_lost(), reader.take_damaged()), (0, 0));
    lines
}
