//! What was told, in a file that outlives the process.
//!
//! JSON, so that people can look into it. A new one is written beside it, made durable and put in
//! its place, so that a crash leaves the one or the other.

use super::digest::Digest;
use crate::eventlog::Position;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Of what form the file is.
const FORMAT: u32 = 1;
/// Octets that are read: twice what the bounds of [`Digest`] come to.
const LARGEST: u64 = 192 << 20;
/// Refused mails that are kept; a further one is only told.
const REFUSED: usize = 100;

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// What was told, and what waits.
    pub digest: Digest,
    /// Where an event log is read on.
    pub position: Option<Position>,
}

/// What stands in every form.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

#[derive(Deserialize)]
struct Stored {
    digest: Digest,
    position: Option<Position>,
}

#[derive(Serialize)]
struct Storing<'a> {
    format: u32,
    digest: &'a Digest,
    position: Option<Position>,
}

/// Reads the state; an empty one where there is no file.
pub fn load(path: &Path) -> io::Result<State> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
        file => file?,
    };
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text)?;
    let Form { format } = serde_json::from_str(&text)?;
    if format > FORMAT {
        let what = format!(
            "it is of form {format}, which a newer mxray wrote, and this one reads up to form \
             {FORMAT}; go on with the newer one, or remove the file to tell all anew that holds"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let stored: Stored = serde_json::from_str(&text)?;
    Ok(State {
        digest: stored.digest,
        position: stored.position,
    })
}

/// Takes the state for this process, until the file that it yields is closed: two at once would
/// tell everything twice. `None` where another process has it.
pub fn lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(beside(path, ".lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Writes the state in place of what is there; its owner alone can read it.
pub fn save(path: &Path, state: &State) -> io::Result<()> {
    let text = serde_json::to_vec(&Storing {
        format: FORMAT,
        digest: &state.digest,
        position: state.position,
    })?;
    let new = beside(path, ".new");
    // What a crash left, and no link that somebody put there.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write_new(&new, &text).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // The first failure is the one to tell.
        let _ = fs::remove_file(&new);
    }
    written?;
    let folder = path.parent().filter(|of| !of.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Keeps a mail that the relay will not take, for people to look at. `None` where so many are
/// kept that this one is not.
pub fn set_aside(path: &Path, name: &str, mail: &[u8]) -> io::Result<Option<PathBuf>> {
    let folder = beside(path, ".refused");
    fs::create_dir_all(&folder)?;
    if fs::read_dir(&folder)?.count() >= REFUSED {
        return Ok(None);
    }
    let kept = folder.join(format!("{name}.eml"));
    match write_new(&kept, mail) {
        // The same mail, of an earlier try.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        written => written?,
    }
    Ok(Some(kept))
}

fn write_new(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    file.write_all(octets)?;
    file.sync_all()
}

/// A path with something behind its name.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_torn_is_not() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state");
        assert_eq!(load(&path).unwrap(), State::default());
        fs::write(place.path().join("state.new"), "left by a crash").unwrap();
        let state = State {
            position: Some(Position {
                segment: 3,
                offset: 70,
                event: 900,
            }),
            ..State::default()
        };
        save(&path, &state).unwrap();
        assert_eq!(load(&path).unwrap(), state);
        assert!(!place.path().join("state.new").exists());
        for text in ["", "{", r#"{"format":2,"digest":{"told":{},"owners":{}}}"#] {
            fs::write(&path, text).unwrap();
            assert!(load(&path).is_err(), "{text}");
        }
        let newer = r#"{"format":2,"owners":["of","another","kind"]}"#;
        fs::write(&path, newer).unwrap();
        let told = load(&path).unwrap_err().to_string();
        assert!(told.contains("form 2, which a newer mxray wrote"), "{told}");
    }

    #[test]
    fn one_process_has_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state");
        let first = lock(&path).unwrap();
        assert!(first.is_some());
        assert!(lock(&path).unwrap().is_none());
        drop(first);
        assert!(lock(&path).unwrap().is_some());
    }

    #[test]
    fn refused_mails_are_kept_up_to_a_number() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state");
        for number in 0..REFUSED {
            let kept = set_aside(&path, &number.to_string(), b"mail").unwrap();
            assert_eq!(fs::read(kept.unwrap()).unwrap(), b"mail");
        }
        assert_eq!(set_aside(&path, "more", b"mail").unwrap(), None);
    }
}
