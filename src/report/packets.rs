//! The packets behind verdicts, in files of pcapng: one for each episode of a host.
//!
//! Who sends packets decides how many are worth keeping, and so all is bounded: a file, the
//! files and their octets together. At the bound of a file its further packets are left out; at
//! that of the folder the file that was written to longest ago is removed, since what happens
//! now is what somebody will look at. Only files of our own names are counted and removed.
//!
//! A folder that cannot be written to is told of once, and ends nothing: events go on.

mod section;

use super::EvidenceCounts;
use super::composer::episode_id;
use crate::capture::{Fault, Frame, Origin};
use crate::correlate::{State, Verdict};
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::verdict::Level;
use hashbrown::HashMap;
use section::Section;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Octets of a file: of headers some hundred thousand packets, more than anybody reads.
const FILE: u64 = 16 << 20;
/// Octets of all files in the folder: what an ordinary disk has to spare. Without payload, some
/// thousand episodes.
const FOLDER: u64 = 1 << 30;
/// Files in the folder.
const FILES: usize = 4096;
/// Episodes whose packets may still come.
const EPISODES: usize = 1024;
/// How files are named, behind the address and the episode's identifier.
const ENDING: &str = ".pcapng";

/// The folder, and what is in it.
pub struct PacketFiles {
    folder: PathBuf,
    bounds: Bounds,
    /// Comments may show what the packets' payload does.
    payload: bool,
    sensor: String,
    interfaces: Vec<String>,
    episodes: HashMap<HostAddr, Episode>,
    /// Files by name.
    files: HashMap<String, Known>,
    octets: u64,
    /// What was written to and what was heard of, in order.
    order: u64,
    counts: EvidenceCounts,
    /// The last write failed, which was told.
    failing: bool,
    faults: Vec<Fault>,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    file: u64,
    folder: u64,
    files: usize,
}

/// A file.
#[derive(Clone, Copy, Debug)]
struct Known {
    octets: u64,
    /// When it was written to.
    order: u64,
}

/// An episode with a verdict of `suspected` or more.
#[derive(Debug)]
struct Episode {
    /// Its file.
    name: String,
    id: String,
    host: HostAddr,
    first_seen: Timestamp,
    /// The packets that its verdicts name, and what to say of each.
    named: HashMap<(Origin, Timestamp), Vec<String>>,
    /// When it was heard of.
    order: u64,
    /// The section that is being written, and where it ends.
    section: Option<(Section, u64)>,
}

impl PacketFiles {
    /// Files in this folder, of a sensor that reads these interfaces. `payload`: packets are
    /// kept whole.
    ///
    /// # Errors
    /// There is no such folder, or nothing can be written there.
    pub fn open(
        folder: &Path,
        sensor: &str,
        interfaces: &[String],
        payload: bool,
    ) -> io::Result<Self> {
        let bounds = Bounds {
            file: FILE,
            folder: FOLDER,
            files: FILES,
        };
        Self::bounded(folder, sensor, interfaces, payload, bounds)
    }

    fn bounded(
        folder: &Path,
        sensor: &str,
        interfaces: &[String],
        payload: bool,
        bounds: Bounds,
    ) -> io::Result<Self> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if let Some(name) = entry.file_name().to_str().filter(|name| is_ours(name))
                && let Ok(about) = entry.metadata()
                && about.is_file()
            {
                found.push((about.modified()?, name.to_owned(), about.len()));
            }
        }
        // That there is a folder does not say that something can be made there.
        let probe = folder.join(format!(".mxray-{}", std::process::id()));
        private().create_new(true).open(&probe)?;
        fs::remove_file(&probe)?;
        found.sort();
        let octets = found.iter().map(|(.., octets)| octets).sum();
        let order = found.len() as u64;
        let files = (0..).zip(found);
        Ok(Self {
            folder: folder.to_owned(),
            bounds,
            payload,
            sensor: sensor.to_owned(),
            interfaces: interfaces.to_vec(),
            episodes: HashMap::new(),
            files: files
                .map(|(order, (_, name, octets))| (name, Known { octets, order }))
                .collect(),
            octets,
            order,
            counts: EvidenceCounts::default(),
            failing: false,
            faults: Vec::new(),
        })
    }

    /// The folder, which must stay writable.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What was done since the beginning.
    #[must_use]
    pub fn counts(&self) -> EvidenceCounts {
        self.counts
    }

    /// Takes what went wrong since the last call.
    pub fn take_faults(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.faults)
    }

    /// Hears a verdict, whose packets will come.
    pub fn verdict(&mut self, verdict: &Verdict) {
        let judgement = &verdict.judgement;
        if judgement.level < Level::Suspected || verdict.state == State::Closed {
            return;
        }
        self.order += 1;
        let id = episode_id(&self.sensor, verdict);
        if self.episodes.len() >= EPISODES && !self.episodes.contains_key(&verdict.host) {
            let eldest = self.episodes.iter().min_by_key(|(_, one)| one.order);
            if let Some(host) = eldest.map(|(host, _)| *host) {
                self.episodes.remove(&host);
            }
        }
        let known = self.episodes.remove(&verdict.host);
        let mut episode = known.filter(|one| one.id == id).unwrap_or_else(|| Episode {
            name: name(verdict.began_as, &id),
            id,
            host: verdict.host,
            first_seen: verdict.first_seen,
            named: HashMap::new(),
            order: 0,
            section: None,
        });
        episode.order = self.order;
        // The evidence is all there is so far, and not what is new.
        episode.named.clear();
        for piece in &judgement.evidence {
            let (host, level, class) = (verdict.host, judgement.level, judgement.class);
            let family = piece.family.name();
            let mut comment = format!("{host} {level} {class}: {family} {:+.1}", piece.llr);
            if self.payload {
                // The sentence may name domains, as the packets do.
                comment = format!("{comment}, {}", piece.text);
            }
            for packet in &piece.packets {
                let comments = episode.named.entry((packet.origin, packet.time));
                comments.or_default().push(comment.clone());
            }
        }
        self.episodes.insert(verdict.host, episode);
    }

    /// Writes packets of a host that a verdict was heard about.
    pub fn packets(&mut self, host: HostAddr, frames: &[Frame<'_>]) {
        let all = frames.len() as u64;
        let written = match self.episodes.remove(&host) {
            Some(mut episode) => {
                let written = self.append(&mut episode, frames);
                self.episodes.insert(host, episode);
                written
            }
            None => Ok(0),
        };
        let written = match written {
            Ok(written) => {
                self.failing = false;
                written
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    let message = format!("cannot write packets: {error}");
                    self.faults.push(Fault::warning(&self.folder, message));
                }
                0
            }
        };
        self.counts.packets += written;
        self.counts.omitted += all - written;
    }

    /// Appends packets to an episode's file, and how many: as many as there is room for.
    fn append(&mut self, episode: &mut Episode, frames: &[Frame<'_>]) -> io::Result<u64> {
        let mut file = private()
            .append(true)
            .create(true)
            .open(self.folder.join(&episode.name))?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::other(format!("{} is no file", episode.name)));
        }
        let length = about.len();
        let (mut section, mut out) = match episode.section.take() {
            // Where somebody else has written or removed, nothing is known of it any more.
            Some((section, end)) if end == length => (section, Vec::new()),
            _ => Section::begin(&self.comment(episode))?,
        };
        let mut written = 0;
        for frame in frames {
            let interface = self.interfaces.get(frame.origin.file as usize);
            let interface = interface.map_or("", String::as_str);
            let comments = episode.named.get(&(frame.origin, frame.time));
            let comments = comments.map_or(&[][..], Vec::as_slice);
            let mut block = section.packet(frame, interface, comments)?;
            if length + (out.len() + block.len()) as u64 > self.bounds.file {
                break;
            }
            out.append(&mut block);
            written += 1;
        }
        if written > 0 {
            self.make_room(&episode.name, out.len() as u64);
            whole(&mut file, length, &out)?;
        }
        let end = length + if written > 0 { out.len() as u64 } else { 0 };
        if written == frames.len() as u64 {
            episode.section = Some((section, end));
        }
        self.note(&episode.name, end);
        Ok(written)
    }

    /// Removes files until there is room for `more` octets of a file that stays.
    fn make_room(&mut self, stays: &str, more: u64) {
        loop {
            let further = usize::from(!self.files.contains_key(stays));
            let fits = self.octets + more <= self.bounds.folder
                && self.files.len() + further <= self.bounds.files;
            let others = self.files.iter().filter(|(name, _)| *name != stays);
            let eldest = others.min_by_key(|(_, one)| one.order);
            let Some(name) = eldest.map(|(name, _)| name.clone()).filter(|_| !fits) else {
                return;
            };
            // One that is gone already makes room as well, and one that cannot be removed must
            // not be tried for ever.
            if fs::remove_file(self.folder.join(&name)).is_ok() {
                self.counts.removed += 1;
            }
            if let Some(known) = self.files.remove(&name) {
                self.octets -= known.octets;
            }
        }
    }

    /// Notes how large a file is now.
    fn note(&mut self, name: &str, octets: u64) {
        self.order += 1;
        let order = self.order;
        let known = Known { octets, order };
        let before = self.files.insert(name.to_owned(), known);
        self.counts.files += u64::from(before.is_none());
        self.octets -= before.map_or(0, |before| before.octets);
        self.octets += octets;
    }

    /// What a section is about.
    fn comment(&self, episode: &Episode) -> String {
        let Episode {
            id,
            host,
            first_seen,
            ..
        } = episode;
        let what = if self.payload {
            "packets as they were captured"
        } else {
            "headers only, what TCP and UDP carry is cut off"
        };
        let sensor = &self.sensor;
        format!("sensor {sensor}: {host}, episode {id} since {first_seen}; {what}")
    }
}

/// How files are opened: for nobody else, and not through a link that somebody laid.
fn private() -> OpenOptions {
    let mut options = File::options();
    options
        .write(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW);
    options
}

/// Appends all or nothing, as half a block would spoil what is appended later.
fn whole(file: &mut File, length: u64, octets: &[u8]) -> io::Result<()> {
    let written = file.write_all(octets);
    if written.is_err() {
        file.set_len(length)?;
    }
    written
}

/// The file of an episode that began at an address.
fn name(began_as: HostAddr, id: &str) -> String {
    let host = began_as.to_string().replace(':', "_");
    format!("{host}-{id}{ENDING}")
}

/// Whether it is a name that [`name`] makes.
fn is_ours(name: &str) -> bool {
    let parts = name
        .strip_suffix(ENDING)
        .and_then(|stem| stem.split_once('-'));
    parts.is_some_and(|(host, id)| {
        let hexadecimal = |octet: u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
        host.replace('_', ":").parse::<IpAddr>().is_ok()
            && id.len() == 32
            && id.bytes().all(hexadecimal)
    })
}

#[cfg(test)]
mod tests;
