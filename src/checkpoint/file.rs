//! The file of a checkpoint.
//!
//! | octets | what |
//! |---|---|
//! | 8 | [`MAGIC`] |
//! | 4 | number of the format, the least significant octet first, as all numbers here |
//! | … | [`Head`] and the state, by the rules of postcard |
//! | 8 | octets before this field |
//! | 8 | XXH3 of all octets before this field |
//!
//! The magic octets and the number of the format stay where they are in every format. The
//! checksum is looked at before anything else is believed, in one pass without memory; only a file
//! that is whole is read into it. So a torn file costs no more memory than its size, and nothing
//! is made of it.

use crate::time::{NANOS, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Seek as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3Default;

/// What a checkpoint begins with. The first octet is no text, and line ends that somebody changed
/// show.
pub const MAGIC: [u8; 8] = *b"\x89mxray\r\n";
/// Octets before [`Head`], and behind the state.
const FRONT: usize = MAGIC.len() + 4;
const BACK: usize = 16;

/// How far a checkpoint may lie ahead of the clock, in nanoseconds: clocks are set a little.
const AHEAD: i64 = 60 * NANOS;

/// Files that are kept of those set aside.
const KEPT: u32 = 4;

/// Whose state it is, and of when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version of mxray that wrote it.
    pub mxray: String,
    /// The sensor's name, which its events bear.
    pub sensor: String,
    /// What counters mean ([`crate::count::Settings::meaning`]).
    pub meaning: u64,
    /// The newest packet that is in it.
    pub cut: Timestamp,
}

/// What a checkpoint must be to be used.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// See [`Head::sensor`].
    pub sensor: &'a str,
    /// See [`Head::meaning`].
    pub meaning: u64,
    /// The time of the clock; [`Timestamp::MAX`] where packet time is another.
    pub now: Timestamp,
}

/// Why a checkpoint is not used.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is another file.
    #[error("it is no checkpoint of mxray")]
    Other,
    /// Its end is missing, or something stands behind it.
    #[error("it is torn: {found} octets, and its end does not say so")]
    Torn {
        /// Its size in octets.
        found: u64,
    },
    /// Some of it has changed.
    #[error("it is damaged: its checksum is another")]
    Damaged,
    /// A later mxray wrote it.
    #[error("it is of a newer format, {found}; this mxray reads {reads}")]
    Newer {
        /// Its number.
        found: u32,
        /// The number that is read.
        reads: u32,
    },
    /// An earlier mxray wrote it.
    #[error("it is of an older format, {found}; this mxray reads {reads}")]
    Older {
        /// Its number.
        found: u32,
        /// The number that is read.
        reads: u32,
    },
    /// Another sensor wrote it.
    #[error("it is the sensor {found:?}'s, and this is {expected:?}")]
    Sensor {
        /// Whose.
        found: String,
        /// Who asks.
        expected: String,
    },
    /// It was counted by other keywords or for other mail ports.
    #[error("it was counted with other keywords or mail ports")]
    Meaning,
    /// It lies in the future: one of the clocks was wrong.
    #[error("it is of {cut}, and now it is {now}")]
    Future {
        /// Its newest packet.
        cut: Timestamp,
        /// The time of the clock.
        now: Timestamp,
    },
    /// It is whole, and yet makes no state: a fault of mxray.
    #[error("its content cannot be read: {0}")]
    Content(#[from] postcard::Error),
}

/// Passes octets on and keeps their checksum and number.
struct Summed<W> {
    to: W,
    sum: Xxh3Default,
    count: u64,
}

impl<W> Summed<W> {
    fn new(to: W) -> Self {
        Self {
            to,
            sum: Xxh3Default::new(),
            count: 0,
        }
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let count = self.to.write(octets)?;
        self.sum.update(octets.get(..count).unwrap_or_default());
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Writes a state: into a file beside `path` that only its owner can read, then in its place.
/// Yields the size in octets.
pub fn write<T: Serialize>(path: &Path, format: u32, head: &Head, state: &T) -> io::Result<u64> {
    let new = beside(path, ".new");
    // What a crash left behind; and not whatever stands there under that name.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written =
        write_new(&new, format, head, state).and_then(|size| fs::rename(&new, path).map(|()| size));
    if written.is_err() {
        // The first failure is the one to tell.
        let _ = fs::remove_file(&new);
    }
    let size = written?;
    File::open(folder(path))?.sync_all()?;
    Ok(size)
}

fn write_new<T: Serialize>(path: &Path, format: u32, head: &Head, state: &T) -> io::Result<u64> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let size = put(&mut file, format, head, state)?;
    file.sync_all()?;
    Ok(size)
}

/// Writes a state into an open file, from where it stands. Yields the size in octets.
pub fn put<T: Serialize>(file: &mut File, format: u32, head: &Head, state: &T) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 18, Summed::new(file));
    out.write_all(&MAGIC)?;
    out.write_all(&format.to_le_bytes())?;
    if let Err(error) = postcard::to_io(&(head, state), &mut out) {
        // Of a failure to write it says nothing; writing the rest of the buffer does.
        out.flush()?;
        return Err(io::Error::other(error));
    }
    let mut out = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    let length = out.count;
    out.write_all(&length.to_le_bytes())?;
    let sum = out.sum.digest();
    out.write_all(&sum.to_le_bytes())?;
    Ok(out.count)
}

/// Reads a state; `None` where there is no file.
pub fn read<T: DeserializeOwned>(
    path: &Path,
    format: u32,
    expected: &Expected<'_>,
) -> Result<Option<(Head, T)>, Refused> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    take(&mut file, format, expected).map(Some)
}

/// Reads a state from an open file, from its beginning.
pub fn take<T: DeserializeOwned>(
    file: &mut File,
    format: u32,
    expected: &Expected<'_>,
) -> Result<(Head, T), Refused> {
    file.rewind()?;
    let size = check(file, format)?;
    let mut octets = Vec::new();
    file.rewind()?;
    file.take(size).read_to_end(&mut octets)?;
    let body = octets
        .len()
        .checked_sub(BACK)
        .and_then(|end| octets.get(FRONT..end))
        .ok_or(Refused::Torn { found: size })?;
    let (head, rest) = postcard::take_from_bytes::<Head>(body)?;
    if head.sensor != expected.sensor {
        return Err(Refused::Sensor {
            found: head.sensor,
            expected: expected.sensor.to_owned(),
        });
    }
    if head.meaning != expected.meaning {
        return Err(Refused::Meaning);
    }
    if head.cut.nanos_since(expected.now) > AHEAD {
        return Err(Refused::Future {
            cut: head.cut,
            now: expected.now,
        });
    }
    let (state, rest) = postcard::take_from_bytes::<T>(rest)?;
    if !rest.is_empty() {
        return Err(Refused::Content(postcard::Error::DeserializeBadEncoding));
    }
    Ok((head, state))
}

/// Whether a file is a whole one of this format, without memory of it; its size.
fn check(file: &mut File, format: u32) -> Result<u64, Refused> {
    let size = file.metadata()?.len();
    let mut front = [0; FRONT];
    let found = read_up_to(file, &mut front)?;
    let magic = front.first_chunk().filter(|magic| **magic == MAGIC);
    if magic.is_none() {
        return Err(match front.get(..found.min(MAGIC.len())) {
            // Not even as long as that.
            Some(begin) if found < MAGIC.len() && MAGIC.starts_with(begin) => {
                Refused::Torn { found: size }
            }
            _ => Refused::Other,
        });
    }
    let Some(content) = size.checked_sub(BACK as u64).filter(|_| found == FRONT) else {
        return Err(Refused::Torn { found: size });
    };
    let number = front
        .last_chunk()
        .map_or(0, |four| u32::from_le_bytes(*four));
    if number > format {
        return Err(Refused::Newer {
            found: number,
            reads: format,
        });
    }
    if number < format {
        return Err(Refused::Older {
            found: number,
            reads: format,
        });
    }
    let mut summed = Summed::new(io::sink());
    summed.write_all(&front)?;
    io::copy(
        &mut file.take(content.saturating_sub(FRONT as u64)),
        &mut summed,
    )?;
    let mut back = [0; BACK];
    let found = read_up_to(file, &mut back)?;
    let (length, sum) = back.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap_or_default());
    let sum = u64::from_le_bytes(sum.try_into().unwrap_or_default());
    if content < FRONT as u64 || summed.count != content || found < BACK || length != content {
        return Err(Refused::Torn { found: size });
    }
    summed.write_all(&length.to_le_bytes())?;
    if summed.sum.digest() != sum {
        return Err(Refused::Damaged);
    }
    Ok(size)
}

/// Fills the buffer as far as there is something.
fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut octets = Vec::with_capacity(buffer.len());
    file.take(buffer.len() as u64).read_to_end(&mut octets)?;
    if let Some(to) = buffer.get_mut(..octets.len()) {
        to.copy_from_slice(&octets);
    }
    Ok(octets.len())
}

/// Renames a checkpoint that was refused, and yields its new name: `FILE.refused`, and beside
/// that three more with a number, the last of which is replaced. The first ones tell most.
pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let name = |number: u32| match number {
        1 => beside(path, ".refused"),
        _ => beside(path, &format!(".refused.{number}")),
    };
    let free = (1..KEPT).map(name).find(|path| !path.exists());
    let to = free.unwrap_or_else(|| name(KEPT));
    fs::rename(path, &to)?;
    Ok(to)
}

/// A path with something behind its name.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
