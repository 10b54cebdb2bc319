//! Events that a receiver will never take, in a file beside its state: NDJSON, for people.

use super::state::make_folder;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Octets of the file, beyond which nothing is begun in it. Then it becomes the earlier one, and
/// the one before that leaves.
const LARGEST: u64 = 16 << 20;
/// Octets of a reason, which the receiver has written.
const REASON: usize = 512;

/// Sets events aside.
#[derive(Debug)]
pub struct Aside {
    path: PathBuf,
    largest: u64,
    /// Lines that had to leave and were not told of.
    removed: u64,
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
            removed: 0,
        }
    }

    /// Where it is written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets lines of the log aside, with the reasons: all, or with an error none, as the caller
    /// tries again with all. After this returned they outlive a power failure. Yields how many of
    /// the oldest had to leave.
    pub fn put(&mut self, refused: &[(&[u8], &str)]) -> io::Result<u64> {
        let mut file = self.file()?;
        let mut octets = cut(&file)?;
        if octets >= self.largest {
            file.sync_all()?;
            let earlier = self.path.with_extension("ndjson.1");
            let leaving = lines(&earlier)?;
            fs::rename(&self.path, earlier)?;
            self.removed += leaving;
            file = self.file()?;
            octets = 0;
        }
        let mut text = Vec::new();
        for &(line, reason) in refused {
            let event = serde_json::from_slice(line).ok();
            let end = reason.floor_char_boundary(REASON);
            let lossy = || String::from_utf8_lossy(line).into_owned();
            let refused = Refused {
                at: Timestamp::now().to_string(),
                reason: reason.get(..end).unwrap_or_default(),
                line: event.is_none().then(lossy),
                event,
            };
            serde_json::to_writer(&mut text, &refused)?;
            text.push(b'\n');
        }
        let written = file.write_all(&text).and_then(|()| file.sync_all());
        if written.is_err() {
            let _ = file.set_len(octets);
        }
        written?;
        Ok(std::mem::take(&mut self.removed))
    }

    fn file(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let options = options.create(true).read(true).append(true).mode(0o640);
        match (options.open(&self.path), self.path.parent()) {
            // Somebody removed the folder.
            (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
                make_folder(folder)?;
                options.open(&self.path)
            }
            (opened, _) => opened,
        }
    }
}

/// Cuts what is no whole line from the end of a file, as a process leaves it that was killed; the
/// event is set aside again. Yields the octets that stay.
fn cut(file: &File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut end = length;
    let mut octets = [0; 4096];
    while end > 0 {
        let begin = end.saturating_sub(octets.len() as u64);
        let part = octets.get_mut(..usize::try_from(end - begin).unwrap_or_default());
        let part = part.unwrap_or_default();
        file.read_exact_at(part, begin)?;
        if let Some(last) = memchr::memrchr(b'\n', part) {
            end = begin + last as u64 + 1;
            break;
        }
        end = begin;
    }
    if end < length {
        file.set_len(end)?;
    }
    Ok(end)
}

/// The lines of a file; none where there is no file.
fn lines(path: &Path) -> io::Result<u64> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        opened => opened?,
    };
    let mut octets = [0; 1 << 13];
    let mut lines = 0;
    loop {
        let length = file.read(&mut octets)?;
        let part = octets.get(..length).unwrap_or_default();
        if part.is_empty() {
            return Ok(lines);
        }
        lines += memchr::memchr_iter(b'\n', part).count() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_kept_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let mut aside = Aside::new(folder.path(), "a");
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
        let mut aside = Aside {
            largest: 500,
            ..Aside::new(folder.path(), "a")
        };
        let mut removed = 0;
        for number in 0..100 {
            let line = format!("{{\"number\":{number}}}");
            removed += aside
                .put(&[(line.as_bytes(), &"x".repeat(10_000))])
                .unwrap();
        }
        let files = fs::read_dir(folder.path()).unwrap();
        let sizes: Vec<_> = files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .collect();
        assert_eq!(sizes.len(), 2);
        assert!(sizes.iter().all(|&size| size < 2000), "{sizes:?}");
        let earlier = aside.path().with_extension("ndjson.1");
        assert_eq!(
            removed + lines(&earlier).unwrap() + lines(aside.path()).unwrap(),
            100
        );
        let text = fs::read_to_string(aside.path()).unwrap();
        assert!(
            text.trim_end().ends_with("\"event\":{\"number\":99}}"),
            "{text}"
        );
    }

    #[test]
    fn nothing_is_joined_to_what_a_kill_has_torn() {
        let folder = tempfile::tempdir().unwrap();
        let mut aside = Aside::new(folder.path(), "a");
        for torn in ["{\"at\":\"2026", &"x".repeat(10_000)] {
            aside.put(&[(b"{\"number\":1}", "no")]).unwrap();
            let mut file = aside.file().unwrap();
            file.write_all(torn.as_bytes()).unwrap();
            aside.put(&[(b"{\"number\":2}", "no")]).unwrap();
            let text = fs::read_to_string(aside.path()).unwrap();
            let numbers: Vec<_> = text
                .lines()
                .map(|line| {
                    let line: serde_json::Value = serde_json::from_str(line).unwrap();
                    line["event"]["number"].as_u64().unwrap()
                })
                .collect();
            assert_eq!(numbers, [1, 2]);
            fs::remove_file(aside.path()).unwrap();
        }
        // A file that is nothing else.
        fs::write(aside.path(), "{").unwrap();
        aside.put(&[(b"{}", "no")]).unwrap();
        assert!(!fs::read_to_string(aside.path()).unwrap().starts_with("{{"));
    }
}
