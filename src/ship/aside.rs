//! Events that a receiver will never take, in a file beside its state: NDJSON, for people.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Octets of the file. Then it becomes the earlier one, and the one before that leaves.
const LARGEST: u64 = 16 << 20;
/// Octets of a reason, which the receiver has written.
const REASON: usize = 512;

/// Sets events aside.
#[derive(Debug)]
pub struct Aside {
    path: PathBuf,
    largest: u64,
}

/// An event that was refused.
#[derive(Serialize)]
struct Refused<'a> {
    at: String,
    reason: &'a str,
    /// As it stood in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a RawValue>,
    /// What was no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<String>,
}

impl Aside {
    /// What the receiver of that name refuses.
    #[must_use]
    pub fn new(folder: &Path, name: &str) -> Self {
        Self {
            path: folder.join(format!("{name}.refused.ndjson")),
            largest: LARGEST,
        }
    }

    /// Where it is written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets lines of the log aside, with the reasons. After this returned they outlive a power
    /// failure.
    pub fn put(&self, refused: &[(&[u8], &str)]) -> io::Result<()> {
        let mut file = self.file()?;
        let mut octets = file.metadata()?.len();
        for &(line, reason) in refused {
            if octets >= self.largest {
                file.sync_all()?;
                fs::rename(&self.path, self.path.with_extension("ndjson.1"))?;
                file = self.file()?;
                octets = 0;
            }
            let event = serde_json::from_slice(line).ok();
            let end = reason.floor_char_boundary(REASON);
            let lossy = || String::from_utf8_lossy(line).into_owned();
            let mut text = serde_json::to_vec(&Refused {
                at: Timestamp::now().to_string(),
                reason: reason.get(..end).unwrap_or_default(),
                line: event.is_none().then(lossy),
                event,
            })?;
            text.push(b'\n');
            if let Err(error) = file.write_all(&text) {
                // No half of a line stays, to which the next one would be joined.
                let _ = file.set_len(octets);
                return Err(error);
            }
            octets += text.len() as u64;
        }
        file.sync_all()
    }

    fn file(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options
            .create(true)
            .append(true)
            .mode(0o640)
            .open(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_kept_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let aside = Aside::new(folder.path(), "a");
        aside
            .put(&[(b"{\"b\":1}", "no \"b\"\n"), (b"{torn", "no JSON")])
            .unwrap();
        let text = fs::read_to_string(aside.path()).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["event"]["b"], 1);
        assert_eq!(lines[0]["reason"], "no \"b\"\n");
        assert_eq!(lines[1]["line"], "{torn");
    }

    #[test]
    fn at_the_bound_the_oldest_leave() {
        let folder = tempfile::tempdir().unwrap();
        let aside = Aside {
            largest: 500,
            ..Aside::new(folder.path(), "a")
        };
        for number in 0..100 {
            let line = format!("{{\"number\":{number}}}");
            aside
                .put(&[(line.as_bytes(), &"x".repeat(10_000))])
                .unwrap();
        }
        let files = fs::read_dir(folder.path()).unwrap();
        let sizes: Vec<_> = files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .collect();
        assert_eq!(sizes.len(), 2);
        assert!(sizes.iter().all(|&size| size < 2000), "{sizes:?}");
        let text = fs::read_to_string(aside.path()).unwrap();
        assert!(
            text.trim_end().ends_with("\"event\":{\"number\":99}}"),
            "{text}"
        );
    }
}
