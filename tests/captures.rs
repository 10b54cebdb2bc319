//! Captures read into memory, so that a test can walk them as often as it likes.

use mxray::capture::{Frame, LinkType, Origin, Replay};
use mxray::time::Timestamp;
use std::path::{Path, PathBuf};

/// A frame that owns its octets.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    pub(crate) bytes: Vec<u8>,
    pub(crate) wire_len: u32,
    pub(crate) time: Timestamp,
    pub(crate) link: LinkType,
    pub(crate) origin: Origin,
}

impl Captured {
    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame {
            bytes: &self.bytes,
            wire_len: self.wire_len,
            time: self.time,
            link: self.link,
            origin: self.origin,
        }
    }
}

/// Every frame of the captures, as a replay merges them. Cut ends are no matter here.
pub(crate) fn read<P: AsRef<Path>>(paths: &[P]) -> Vec<Captured> {
    all(&mut Replay::open(paths))
}

/// Every frame that is still to come.
pub(crate) fn all(replay: &mut Replay) -> Vec<Captured> {
    let mut frames = Vec::new();
    while let Some(frame) = replay.next_frame() {
        frames.push(Captured {
            bytes: frame.bytes.to_vec(),
            wire_len: frame.wire_len,
            time: frame.time,
            link: frame.link,
            origin: frame.origin,
        });
    }
    frames
}

/// The octets of a made capture.
pub(crate) fn synth_file(name: &str) -> Vec<u8> {
    let mut file = Vec::new();
    mxray::synth::write(name, &mut file).unwrap();
    file
}

/// The frames of a made capture.
pub(crate) fn synth(name: &str) -> Vec<Captured> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, synth_file(name)).unwrap();
    read(&[path])
}

/// The names of all made captures but the big day, which holds what the others do.
pub(crate) fn synth_names() -> impl Iterator<Item = &'static str> {
    let names = mxray::synth::catalogue().iter().map(|recipe| recipe.name);
    names.filter(|name| *name != "study-day")
}

/// The folder of real captures, which are not part of the repository; without it a test says
/// why it has nothing to do.
pub(crate) fn real_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MXRAY_REAL_CAPTURES").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: MXRAY_REAL_CAPTURES names no folder of captures");
    }
    folder
}

/// The captures in that folder, by name.
pub(crate) fn real_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("pcap" | "pcapng"))
    });
    files.sort();
    files
}
