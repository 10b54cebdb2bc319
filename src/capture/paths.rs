//! From the PATHs of a command line to the captures that they mean. Uses [`super::open`];
//! [`super::replay`] orders and reads what is found here.

use super::Fault;
use super::open::{self, Opened};
use super::record::Stop;
use crate::time::Timestamp;
use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The PATH that means standard input.
const STDIN: &str = "-";

/// A capture, as a first glance found it.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// When its first packet was captured; `None` where it holds none.
    pub(super) first: Option<Timestamp>,
    pub(super) input: Input,
}

/// How the packets of a capture are had.
pub(super) enum Input {
    /// A regular file of this many octets, to be opened when its time has come.
    File(u64),
    /// Standard input or a pipe, which cannot be read twice: it stands at its first packet.
    Stream(Opened),
}

/// Looks PATHs up, one after the other.
#[derive(Default)]
pub(super) struct Finder {
    pub(super) found: Vec<Found>,
    pub(super) faults: Vec<Fault>,
    stdin_taken: bool,
}

impl Finder {
    /// Finds what a PATH means: `-`, a folder, or a file.
    pub(super) fn path(&mut self, path: &Path) {
        if path == Path::new(STDIN) {
            if std::mem::replace(&mut self.stdin_taken, true) {
                self.faults
                    .push(Fault::error(path, "standard input can be read once only"));
                return;
            }
            return self.reader(path, std::io::stdin());
        }
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => self.folder(path),
            Ok(about) => self.named(path, look(path, &about)),
            Err(error) => self.named(path, Err(error.into())),
        }
    }

    /// Finds the capture that `source` yields.
    pub(super) fn reader(&mut self, name: &Path, source: impl Read + Send + 'static) {
        let opened = open::source(source, open::WINDOW, None);
        let glance = opened.and_then(|opened| glance(name, opened, None));
        self.named(name, glance);
    }

    /// Keeps what was named, or what is wrong with it.
    fn named(&mut self, path: &Path, glance: Result<Glance, Stop>) {
        match glance {
            Ok(glance) => self.keep(path, glance),
            Err(stop) => self.faults.extend(stop.fault(path)),
        }
    }

    fn keep(&mut self, path: &Path, glance: Glance) {
        if let Some(stop) = glance.stop {
            self.faults.extend(stop.fault(path));
        }
        self.found.push(glance.found);
    }

    /// Finds the captures in a folder and in the folders in it, in the order of their names.
    fn folder(&mut self, folder: &Path) {
        let mut captures = 0_usize;
        // A link beside its target (`latest.pcap`) is one capture, not two.
        let mut seen = HashSet::new();
        for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.loop_ancestor().is_some() => {
                    tracing::debug!(%error, "passed over");
                    continue;
                }
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_owned();
                    let why = error
                        .into_io_error()
                        .map_or_else(|| "unknown failure".to_owned(), |error| error.to_string());
                    let message = format!("cannot be read: {why}");
                    self.faults.push(Fault::error(&path, message));
                    continue;
                }
            };
            // Nor is a pipe or a device opened that nobody named.
            if !entry.file_type().is_file() {
                continue;
            }
            let path = entry.path();
            if let Ok(real) = path.canonicalize()
                && !seen.insert(real)
            {
                tracing::debug!(path = %path.display(), "passed over: seen by another name");
                continue;
            }
            let glance = fs::metadata(path)
                .map_err(Stop::from)
                .and_then(|about| look(path, &about));
            match glance {
                Err(Stop::NotCapture | Stop::Empty) => {
                    tracing::debug!(path = %path.display(), "passed over: no capture");
                }
                glance => {
                    captures += usize::from(glance.is_ok());
                    self.named(path, glance);
                }
            }
        }
        tracing::debug!(folder = %folder.display(), captures, "folder read");
        if captures == 0 {
            self.faults
                .push(Fault::error(folder, "no capture file in this folder"));
        }
    }
}

/// What the first packet of an input told, and what went wrong before there was any.
struct Glance {
    found: Found,
    stop: Option<Stop>,
}

/// Glances at a file that can be closed and opened again, or opens a pipe for good.
fn look(path: &Path, about: &fs::Metadata) -> Result<Glance, Stop> {
    if about.is_file() {
        glance(
            path,
            open::file(path, open::GLANCE, None)?,
            Some(about.len()),
        )
    } else {
        glance(path, open::file(path, open::WINDOW, None)?, None)
    }
}

/// Reads up to the first packet.
fn glance(path: &Path, mut opened: Opened, size: Option<u64>) -> Result<Glance, Stop> {
    let (first, stop) = match opened.walk.advance() {
        Ok(time) => (Some(time), None),
        Err(Stop::End) => (None, None),
        Err(stop @ Stop::Cut(_)) => (None, Some(stop)),
        Err(stop) => return Err(stop),
    };
    let found = Found {
        path: path.to_owned(),
        first,
        input: match size {
            Some(size) => Input::File(size),
            None => Input::Stream(opened),
        },
    };
    Ok(Glance { found, stop })
}
