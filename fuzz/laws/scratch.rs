//! A folder for the files of a law: in memory, where the system has a place for that.

use std::path::Path;
use tempfile::TempDir;

/// Where memory is a file system on Linux.
const MEMORY: &str = "/dev/shm";

/// A new folder; it goes with what holds it.
pub(crate) fn folder() -> TempDir {
    let made = if Path::new(MEMORY).is_dir() {
        TempDir::new_in(MEMORY)
    } else {
        TempDir::new()
    };
    made.expect("a folder")
}
