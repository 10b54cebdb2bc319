//! How far a receiver has come, in a file of its own.

use super::Delivered;
use crate::eventlog::Position;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Why a state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process delivers to the same receiver.
    #[error("{0} is in use: another mxray delivers to this receiver")]
    InUse(PathBuf),
    /// A file.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is not what was written.
    #[error("{}: {message}; remove it to deliver the log from its beginning", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

/// What is kept, and who may keep it.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    /// Kept open, and with it locked; none where nothing is written.
    _lock: Option<File>,
    kept: Kept,
}

/// The content of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// Everything before it has arrived, or is set aside.
    position: Option<Position>,
    delivered: u64,
    refused: u64,
    lost: u64,
    /// Of those refused, no longer set aside.
    #[serde(default)]
    refused_removed: u64,
}

impl State {
    /// The state of the receiver of that name, for this process alone. The folder is made.
    pub fn open(folder: &Path, name: &str) -> Result<Self, StateError> {
        let fault = |path: &Path| {
            let path = path.to_owned();
            move |error| StateError::Io { path, error }
        };
        // And none above it: a log that is not there yet is for the sensor to make.
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(fault(folder)(error));
            }
            _ => {}
        }
        let path = folder.join(format!("{name}.lock"));
        let mut options = OpenOptions::new();
        let lock = options.create(true).append(true).mode(0o640).open(&path);
        let lock = lock.map_err(fault(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse(path)),
            Err(TryLockError::Error(error)) => return Err(fault(&path)(error)),
        }
        Ok(Self {
            _lock: Some(lock),
            ..Self::look(folder, name)?
        })
    }

    /// The same, to look at and not to keep.
    pub fn look(folder: &Path, name: &str) -> Result<Self, StateError> {
        let path = folder.join(format!("{name}.offset"));
        let kept = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| StateError::Damaged {
                path: path.clone(),
                message: error.to_string(),
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(StateError::Io { path, error }),
        };
        Ok(Self {
            path,
            _lock: None,
            kept,
        })
    }

    /// Where to go on; from the beginning where there is none.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.kept.position
    }

    /// Keeps a place, and counts what became of the events before it. After this returned it
    /// outlives a power failure.
    pub fn keep(&mut self, position: Position, more: Delivered) -> io::Result<()> {
        self.kept.position = Some(position);
        self.kept.delivered += more.delivered;
        self.kept.refused += more.refused;
        self.kept.lost += more.lost;
        self.kept.refused_removed += more.removed;
        let new = self.path.with_extension("offset.new");
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o640);
        let mut file = options.open(&new)?;
        let mut text = serde_json::to_vec(&self.kept)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let position = Position {
            segment: 3,
            offset: 70,
            event: 12,
        };
        let mut state = State::open(folder.path(), "a").unwrap();
        assert_eq!(state.position(), None);
        let of = |delivered, refused, lost, removed| Delivered {
            delivered,
            refused,
            lost,
            removed,
        };
        state.keep(position, of(10, 1, 1, 0)).unwrap();
        drop(state);
        let mut state = State::open(folder.path(), "a").unwrap();
        assert_eq!(state.position(), Some(position));
        state.keep(position, of(1, 0, 0, 5)).unwrap();
        let kept = State::look(folder.path(), "a").unwrap().kept;
        assert_eq!((kept.delivered, kept.refused_removed), (11, 5));
        assert_eq!(State::look(folder.path(), "b").unwrap().position(), None);
    }

    #[test]
    fn only_one_process_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let _state = State::open(folder.path(), "a").unwrap();
        let second = State::open(folder.path(), "a");
        assert!(matches!(second, Err(StateError::InUse(_))), "{second:?}");
        assert!(State::look(folder.path(), "a").is_ok());
        assert!(State::open(folder.path(), "b").is_ok());
    }

    #[test]
    fn one_that_is_not_what_was_written_is_not_guessed_at() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{", "{\"position\":{\"segment\":1}}", "{\"segment\":1}"] {
            fs::write(folder.path().join("a.offset"), text).unwrap();
            let error = State::open(folder.path(), "a").unwrap_err();
            assert!(
                matches!(error, StateError::Damaged { .. }),
                "{text}: {error}"
            );
        }
    }
}
