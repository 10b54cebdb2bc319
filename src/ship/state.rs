//! How far a receiver has come, in a file of its own.

use super::Delivered;
use crate::eventlog::Position;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The form of the file, higher by one with every change that an older program does not know.
const FORM: u32 = 1;

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
    /// It is of a later form: whoever went back to an older program has to say what is to be done.
    #[error(
        "{}: is of form {found}, which a newer mxray wrote, and this one reads up to form {FORM}; \
         go on with the newer one, or remove the file to deliver the log once more, from its beginning",
        path.display()
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// The form that it is of.
        found: u32,
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
    lock: Option<File>,
    kept: Kept,
}

/// The content of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    #[serde(default)]
    form: u32,
    /// Everything before it has arrived, or is set aside.
    position: Option<Position>,
    delivered: u64,
    refused: u64,
    lost: u64,
    /// Of those refused, no longer set aside.
    #[serde(default)]
    refused_removed: u64,
}

/// What stands in every form, and nothing else of it.
#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    form: u32,
}

impl State {
    /// The state of the receiver of that name, for this process alone. The folder is made.
    pub fn open(folder: &Path, name: &str) -> Result<Self, StateError> {
        let fault = |path: &Path| {
            let path = path.to_owned();
            move |error| StateError::Io { path, error }
        };
        make_folder(folder).map_err(fault(folder))?;
        let path = folder.join(format!("{name}.lock"));
        let lock = match lock(&path) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(StateError::InUse(path));
            }
            locked => Some(locked.map_err(fault(&path))?),
        };
        Ok(Self {
            lock,
            ..Self::look(folder, name)?
        })
    }

    /// The same, to look at and not to keep.
    pub fn look(folder: &Path, name: &str) -> Result<Self, StateError> {
        let path = folder.join(format!("{name}.offset"));
        let kept = match fs::read(&path) {
            Ok(text) => match serde_json::from_slice(&text) {
                Ok(Form { form: found }) if found > FORM => {
                    return Err(StateError::Newer { path, found });
                }
                _ => serde_json::from_slice(&text).map_err(|error| StateError::Damaged {
                    path: path.clone(),
                    message: error.to_string(),
                })?,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(StateError::Io { path, error }),
        };
        Ok(Self {
            path,
            lock: None,
            kept,
        })
    }

    /// Where to go on; from the beginning where there is none.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.kept.position
    }

    /// Keeps a place, and counts what became of the events before it. After this returned it
    /// outlives a power failure. A folder that somebody has removed is made again.
    pub fn keep(&mut self, position: Position, more: Delivered) -> io::Result<()> {
        self.kept.form = FORM;
        self.kept.position = Some(position);
        self.kept.delivered += more.delivered;
        self.kept.refused += more.refused;
        self.kept.lost += more.lost;
        self.kept.refused_removed += more.removed;
        match self.write() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder(self.folder())?;
                self.lock = Some(lock(&self.path.with_extension("lock"))?);
                self.write()
            }
            written => written,
        }
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    fn write(&self) -> io::Result<()> {
        let new = self.path.with_extension("offset.new");
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o640);
        let mut file = options.open(&new)?;
        let mut text = serde_json::to_vec(&self.kept)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        File::open(self.folder())?.sync_all()
    }
}

/// Makes the folder of the states, and none above it: a log that is not there yet is for the sensor
/// to make.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Takes a file for this process, until it is closed; an error of the kind `WouldBlock` is that
/// another one has it.
fn lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let lock = options.create(true).append(true).mode(0o640).open(path)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) => Err(error),
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
    fn one_of_a_newer_mxray_is_said_to_be_that() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.offset");
        let text = r#"{"form":2,"place":{"of":"another kind"},"delivered":1}"#;
        fs::write(&path, text).unwrap();
        let error = State::open(folder.path(), "a").unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains("is of form 2, which a newer mxray wrote"),
            "{told}"
        );
        assert_eq!(fs::read_to_string(path).unwrap(), text);
        // And one from before they were counted.
        let text = r#"{"position":null,"delivered":7,"refused":0,"lost":0}"#;
        fs::write(folder.path().join("b.offset"), text).unwrap();
        assert_eq!(State::open(folder.path(), "b").unwrap().kept.delivered, 7);
    }

    #[test]
    fn a_folder_that_was_removed_is_made_again_and_is_ours() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("ship");
        let mut state = State::open(&folder, "a").unwrap();
        fs::remove_dir_all(&folder).unwrap();
        state
            .keep(Position::default(), Delivered::default())
            .unwrap();
        assert_eq!(
            State::look(&folder, "a").unwrap().position(),
            Some(Position::default())
        );
        let second = State::open(&folder, "a");
        assert!(matches!(second, Err(StateError::InUse(_))), "{second:?}");
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
