//! Capture files as one stream of frames in the order of packet time. Uses `paths` to find
//! the captures and `walk` to read them.
//!
//! The order of frames within a file is never changed. Between files the one whose next
//! packet is the earliest goes first, and the earlier-ordered one where they are equal. A file
//! is open from the time of its first packet to its last, so that thousands of consecutive
//! files need one descriptor; files that all overlap are all open, and where the system's
//! limit is reached the rest are faults.

use super::open::{self, Opened, ReadAhead, Taken};
use super::paths::{Finder, Found, Input};
use super::record::Stop;
use super::walk::Walk;
use super::{Fault, Frame, Progress, Source};
use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Reads capture files; a [`Source`].
pub struct Replay {
    /// In the order of their first packets; the index is [`super::Origin::file`].
    files: Vec<PathBuf>,
    /// As many as `files`.
    states: Vec<State>,
    /// The files that wait, by the time of their next packet.
    queue: BinaryHeap<Reverse<Turn>>,
    /// The front of `queue`, at hand for the comparison at each frame.
    front: Option<Turn>,
    current: Option<Current>,
    faults: Vec<Fault>,
    /// How compressed files are read ahead, if they are.
    ahead: Option<ReadAhead>,
    /// What was found, as it was found.
    snapshot: Snapshot,
    /// Of each file no more is read than it held then.
    as_found: bool,
    /// Octets of the files that are done with.
    done: u64,
    total: u64,
}

/// When the next packet of a file was captured, and which file it is: the key of the merge.
type Turn = (Timestamp, u32);

/// What there is of a file that is not the current one.
enum State {
    /// Found, and to be opened.
    Closed(u64),
    /// Open; its next packet has been read and not been lent.
    Parked(Opened, u64),
    /// At its end, or current.
    Gone,
}

/// The captures that were found, in the order in which they are read, and how long each was then:
/// by this the same is read again, whatever was added meanwhile. A stream has gone by.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Path, time of the first packet, octets.
    files: Vec<(PathBuf, Option<Timestamp>, u64)>,
}

/// The file that frames are lent from.
struct Current {
    file: u32,
    walk: Box<Walk>,
    taken: Taken,
    size: u64,
}

impl Replay {
    /// Finds the captures that `paths` mean (files, folders, `-`), and orders them by their
    /// first packets. What is wrong with a PATH is a fault to be taken; the others are read.
    ///
    /// Blocks until standard input, where it is named, has sent a packet.
    #[must_use]
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Self {
        let mut finder = Finder::default();
        for path in paths {
            finder.path(path.as_ref());
        }
        Self::new(finder.found, finder.faults)
    }

    /// Reads the one capture that `source` yields, as if it were a file called `name`: pcap or
    /// pcapng, compressed or not. What is wrong with it is a fault to be taken.
    ///
    /// Blocks until `source` has sent a packet.
    #[must_use]
    pub fn from_reader(name: impl AsRef<Path>, source: impl Read + Send + 'static) -> Self {
        let mut finder = Finder::default();
        finder.reader(name.as_ref(), source);
        Self::new(finder.found, finder.faults)
    }

    /// Reads what was found before once more, of each file as many octets as it held then.
    #[must_use]
    pub fn again(snapshot: &Snapshot) -> Self {
        let files = snapshot.files.iter();
        let found = files.map(|(path, first, size)| Found {
            path: path.clone(),
            first: *first,
            input: Input::File(*size),
        });
        let mut replay = Self::new(found.collect(), Vec::new());
        replay.stop_where_found();
        replay
    }

    /// Reads of each file no more than it held when it was found, though it grow.
    pub fn stop_where_found(&mut self) {
        self.as_found = true;
    }

    /// What was found.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    fn new(mut found: Vec<Found>, faults: Vec<Fault>) -> Self {
        // Stable, so that equal times keep the order given. Captures without packets go last.
        found.sort_by_key(|found| (found.first.is_none(), found.first));
        let mut replay = Self {
            files: Vec::with_capacity(found.len()),
            states: Vec::with_capacity(found.len()),
            queue: BinaryHeap::with_capacity(found.len()),
            front: None,
            current: None,
            faults,
            ahead: None,
            snapshot: Snapshot::default(),
            as_found: false,
            done: 0,
            total: 0,
        };
        let mut streams = false;
        for (file, found) in (0_u32..).zip(found) {
            let (size, state) = match found.input {
                Input::File(size) => (size, State::Closed(size)),
                Input::Stream(opened) => {
                    streams = true;
                    (0, State::Parked(opened, 0))
                }
            };
            replay.total += size;
            let known = (found.path.clone(), found.first, size);
            replay.snapshot.files.push(known);
            if let Some(time) = found.first {
                replay.queue.push(Reverse((time, file)));
                replay.states.push(state);
            } else {
                replay.done += size;
                replay.states.push(State::Gone);
            }
            replay.files.push(found.path);
        }
        if streams {
            replay.total = 0;
        }
        replay.front = replay.queue.peek().map(|&Reverse(turn)| turn);
        replay
    }

    /// Has compressed files read ahead as `ahead` does it, but for streams, which are open already.
    #[must_use]
    pub fn read_ahead(mut self, ahead: ReadAhead) -> Self {
        self.ahead = Some(ahead);
        self
    }

    /// Lends the next frame, or `None` when all files are read.
    #[inline]
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        if !self.step() {
            return None;
        }
        let current = self.current.as_ref()?;
        Some(current.walk.frame(current.file))
    }

    /// Makes the file with the earliest packet current and goes to that packet; `false` when
    /// all files are read.
    #[inline]
    fn step(&mut self) -> bool {
        loop {
            if let Some(current) = &mut self.current {
                match current.walk.advance() {
                    Ok(time) if self.front.is_none_or(|turn| (time, current.file) < turn) => {
                        return true;
                    }
                    Ok(time) => self.park(time),
                    Err(stop) => self.finish(stop),
                }
            }
            match self.next_file() {
                Some(true) => return true,
                Some(false) => {}
                None => return false,
            }
        }
    }

    /// Lets the current file wait for the turn of its packet, which was captured at `time`.
    fn park(&mut self, time: Timestamp) {
        if let Some(current) = self.current.take() {
            let (walk, taken) = (current.walk, current.taken);
            self.set(
                current.file,
                State::Parked(Opened { walk, taken }, current.size),
            );
            self.queue.push(Reverse((time, current.file)));
        }
    }

    /// Makes the file at the front of the queue current: `true` if it stands at its packet,
    /// `false` if it was opened only now. `None` when no file waits.
    fn next_file(&mut self) -> Option<bool> {
        let Reverse((_, file)) = self.queue.pop()?;
        self.front = self.queue.peek().map(|&Reverse(turn)| turn);
        let (opened, size, ready) = match self.set(file, State::Gone) {
            State::Parked(opened, size) => (Ok(opened), size, true),
            State::Closed(size) => {
                let path = self.files.get(file as usize).map(PathBuf::as_path);
                let path = path.unwrap_or(Path::new(""));
                // What grows is read to its end, wherever that is by then.
                let most = if self.as_found { size } else { u64::MAX };
                let opened = open::part(path, most, self.ahead.as_mut());
                (opened, size, false)
            }
            State::Gone => return Some(false),
        };
        match opened {
            Ok(Opened { walk, taken }) => {
                self.current = Some(Current {
                    file,
                    walk,
                    taken,
                    size,
                });
                Some(ready)
            }
            Err(stop) => {
                self.done += size;
                let fault = stop.fault(self.path(file));
                self.faults.extend(fault);
                Some(false)
            }
        }
    }

    /// Closes the current file.
    #[cold]
    fn finish(&mut self, stop: Stop) {
        let Some(current) = self.current.take() else {
            return;
        };
        let path = self.path(current.file);
        let taken = current.taken.octets();
        let shrunk = matches!(stop, Stop::End | Stop::Cut(_)) && taken < current.size;
        let fault = if shrunk {
            let message = format!(
                "became shorter while it was read: {taken} of {} octets were left",
                current.size
            );
            Some(Fault::error(path, message))
        } else {
            stop.fault(path)
        };
        self.faults.extend(fault);
        self.done += taken.max(current.size);
    }

    fn set(&mut self, file: u32, state: State) -> State {
        match self.states.get_mut(file as usize) {
            Some(place) => std::mem::replace(place, state),
            None => State::Gone,
        }
    }

    fn path(&self, file: u32) -> &Path {
        self.files
            .get(file as usize)
            .map_or(Path::new(""), PathBuf::as_path)
    }
}

impl Source for Replay {
    #[inline]
    fn next_input(&mut self) -> Option<super::Input<'_>> {
        self.next_frame().map(super::Input::Frame)
    }

    fn take_faults(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.faults)
    }

    fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn progress(&self) -> Progress {
        let parked = self.states.iter().map(|state| match state {
            State::Parked(opened, _) => opened.taken.octets(),
            State::Closed(_) | State::Gone => 0,
        });
        let current = self.current.as_ref();
        let current = current.map_or(0, |current| current.taken.octets());
        Progress {
            done: self.done + parked.sum::<u64>() + current,
            total: self.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::super::sample::{BIG, LITTLE, Sample, gzip, zstd};
    use super::*;
    use std::fs;
    use std::io::Cursor;

    /// A pcap with a packet at each of these seconds; its one octet is the `mark`.
    fn pcap(mark: u8, seconds: &[u32]) -> Vec<u8> {
        let sample = Sample::pcap(LITTLE, 0xa1b2_c3d4);
        let sample = seconds
            .iter()
            .fold(sample, |sample, &second| sample.record(second, 0, &[mark]));
        sample.bytes
    }

    fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    /// All frames as (second, mark), and all faults as severity, file name, message.
    fn read(replay: &mut Replay) -> (Vec<(i64, char)>, Vec<String>) {
        let mut seen = Vec::new();
        while let Some(frame) = replay.next_frame() {
            seen.push((frame.time.second(), char::from(frame.bytes[0])));
        }
        assert!(replay.next_frame().is_none(), "and so it stays");
        let faults = replay.take_faults().into_iter();
        let told = faults.map(|fault| {
            let name = fault.path.file_name().unwrap().to_string_lossy();
            format!("{:?} {name}: {}", fault.severity, fault.message)
        });
        (seen, told.collect())
    }

    fn names(replay: &Replay) -> Vec<String> {
        let names = replay.files().iter();
        names
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn a_reader_is_read_as_a_file_of_that_name() {
        let bytes = gzip(&pcap(b'm', &[20, 21]));
        let mut replay = Replay::from_reader("memory", Cursor::new(bytes));
        assert_eq!(names(&replay), ["memory"]);
        let (seen, faults) = read(&mut replay);
        assert_eq!(seen, [(20, 'm'), (21, 'm')]);
        assert!(faults.is_empty());
        let mut replay = Replay::from_reader("text", &b"no capture at all"[..]);
        let (seen, faults) = read(&mut replay);
        assert!(seen.is_empty());
        assert_eq!(
            faults,
            ["Error text: not a capture file (no pcap or pcapng magic number)"]
        );
    }

    #[test]
    fn files_are_ordered_by_their_first_packets() {
        let folder = folder(&[
            ("late", pcap(b'l', &[30, 31])),
            ("early", pcap(b'e', &[10, 11])),
            ("none", pcap(b'n', &[])),
            ("middle", gzip(&pcap(b'm', &[20, 21]))),
        ]);
        let paths = ["late", "none", "early", "middle"].map(|name| folder.path().join(name));
        let mut replay = Replay::open(&paths);
        assert_eq!(names(&replay), ["early", "middle", "late", "none"]);
        let (seen, faults) = read(&mut replay);
        let expected = [
            (10, 'e'),
            (11, 'e'),
            (20, 'm'),
            (21, 'm'),
            (30, 'l'),
            (31, 'l'),
        ];
        assert_eq!(seen, expected);
        assert!(faults.is_empty());
    }

    #[test]
    fn overlapping_files_are_merged_and_ties_go_to_the_earlier() {
        let folder = folder(&[
            ("a", pcap(b'a', &[10, 20, 30, 30, 40])),
            ("b", zstd(&pcap(b'b', &[10, 25, 30, 50]))),
            // Backwards within itself: that order stays.
            ("c", pcap(b'c', &[27, 5, 60])),
        ]);
        let mut replay = Replay::open(&[
            folder.path().join("b"),
            folder.path().join("c"),
            folder.path().join("a"),
        ]);
        assert_eq!(names(&replay), ["b", "a", "c"], "b was given before a");
        let (seen, faults) = read(&mut replay);
        let order: String = seen.iter().map(|seen| seen.1).collect();
        assert_eq!(order, "baabccbaaabc");
        assert!(faults.is_empty());
    }

    #[test]
    fn the_same_is_read_again_whatever_came_meanwhile() {
        let folder = folder(&[
            ("b", pcap(b'b', &[20, 21])),
            ("a", pcap(b'a', &[10])),
            ("none", pcap(b'n', &[])),
        ]);
        let mut replay = Replay::open(&[folder.path()]);
        replay.stop_where_found();
        let snapshot = replay.snapshot().clone();
        let more = &pcap(b'm', &[1, 2])[24..];
        for name in ["a", "b", "none"] {
            let path = folder.path().join(name);
            fs::write(&path, [fs::read(&path).unwrap(), more.to_vec()].concat()).unwrap();
        }
        fs::write(folder.path().join("new"), pcap(b'w', &[5])).unwrap();
        let before = [(10, 'a'), (20, 'b'), (21, 'b')];
        assert_eq!(read(&mut replay), (before.to_vec(), Vec::new()));
        let mut again = Replay::again(&snapshot);
        assert_eq!(names(&again), names(&replay));
        assert_eq!(read(&mut again), (before.to_vec(), Vec::new()));

        fs::write(folder.path().join("b"), pcap(b'b', &[20])).unwrap();
        let (seen, faults) = read(&mut Replay::again(&snapshot));
        assert_eq!(seen, before[..2]);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with("Error b: became shorter"),
            "{faults:?}"
        );
    }

    #[test]
    fn a_replay_may_be_read_in_another_thread() {
        fn sent(_: impl Send + 'static) {}
        sent(Replay::open::<&str>(&[]));
    }

    #[test]
    fn origin_says_file_and_frame() {
        let folder = folder(&[("a", pcap(b'a', &[10, 30])), ("b", pcap(b'b', &[20]))]);
        let mut replay = Replay::open(&[folder.path()]);
        let mut origins = Vec::new();
        while let Some(frame) = replay.next_frame() {
            origins.push(frame.origin);
        }
        let expected = [(0, 1), (1, 1), (0, 2)].map(|(file, frame)| Origin { file, frame });
        assert_eq!(origins, expected);
        assert_eq!(replay.files()[0], folder.path().join("a"));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_read_recursively_and_other_files_are_passed_over() {
        let folder = folder(&[
            ("notes.txt", b"no capture at all".to_vec()),
            ("empty", Vec::new()),
            ("deep/er/one.pcap", pcap(b'1', &[1])),
            (
                "two",
                Sample::pcapng(BIG).enhanced(0, 2_000_000, b"2", &[]).bytes,
            ),
            ("cut", pcap(b'3', &[3, 4])[..42].to_vec()),
        ]);
        for (target, name) in [
            (folder.path(), "deep/loop"),
            (Path::new("two"), "zz-latest"),
            (Path::new("nowhere"), "dangling"),
        ] {
            std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        }
        let mut replay = Replay::open(&[folder.path()]);
        assert_eq!(names(&replay), ["one.pcap", "two", "cut"]);
        let (seen, faults) = read(&mut replay);
        assert_eq!(seen, [(1, '1'), (2, '2'), (3, '3')]);
        let expected = [
            "Error dangling: cannot be read: No such file or directory (os error 2)",
            "Warning cut: cut off in the middle of record 2 at offset 41",
        ];
        assert_eq!(faults, expected);
    }

    #[test]
    fn what_was_named_must_be_a_capture_and_the_others_are_still_read() {
        let folder = folder(&[
            ("notes.txt", b"no capture at all".to_vec()),
            ("empty", Vec::new()),
            ("sub/readme", b"nor this".to_vec()),
            ("good", pcap(b'g', &[1])),
            ("header", pcap(b'h', &[])[..10].to_vec()),
            (
                "bad",
                pcap(b'b', &[2, 3])
                    .into_iter()
                    .map(|octet| octet | (octet & 3) << 6)
                    .collect(),
            ),
        ]);
        let names = [
            "notes.txt",
            "empty",
            "sub",
            "missing",
            "good",
            "header",
            "bad",
        ];
        let paths = names.map(|name| folder.path().join(name));
        let (seen, faults) = read(&mut Replay::open(&paths));
        assert_eq!(seen, [(1, 'g')]);
        let expected = [
            "Error notes.txt: not a capture file (no pcap or pcapng magic number)",
            "Error empty: empty file",
            "Error sub: no capture file in this folder",
            "Error missing: cannot be read: No such file or directory (os error 2)",
            "Warning header: cut off in the middle of the file header at offset 0",
            "Error bad: not a capture file (no pcap or pcapng magic number)",
        ];
        assert_eq!(faults, expected);
    }

    #[test]
    fn damage_ends_one_file_only() {
        let mut damaged = pcap(b'd', &[1, 3]);
        damaged[24 + 17 + 11] = 0xff;
        let folder = folder(&[("damaged", damaged), ("good", pcap(b'g', &[2, 4]))]);
        let (seen, faults) = read(&mut Replay::open(&[folder.path()]));
        assert_eq!(seen, [(1, 'd'), (2, 'g'), (4, 'g')]);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("Error damaged: damaged at record 2, offset 41: "));
    }

    #[test]
    fn files_that_vanish_or_shrink_are_errors() {
        let seconds: Vec<u32> = (0..100).collect();
        let folder = folder(&[
            ("gone", pcap(b'g', &[10])),
            ("shrunk", pcap(b's', &seconds)),
            ("replaced", pcap(b'r', &[50])),
        ]);
        let mut replay = Replay::open(&[folder.path()]);
        fs::remove_file(folder.path().join("gone")).unwrap();
        fs::write(folder.path().join("shrunk"), &pcap(b's', &[0, 1])[..50]).unwrap();
        fs::write(folder.path().join("replaced"), b"something else").unwrap();
        let (seen, faults) = read(&mut replay);
        assert_eq!(seen, [(0, 's')]);
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(
            faults[0].starts_with("Error shrunk: became shorter"),
            "{faults:?}"
        );
        assert!(faults[1].starts_with("Error gone: cannot be read: "));
        assert!(faults[2].starts_with("Error replaced: not a capture file"));
    }

    #[test]
    fn pipes_are_read_once_and_merged_with_files() {
        let folder = folder(&[("file", pcap(b'f', &[1, 3]))]);
        let mut finder = Finder::default();
        finder.path(&folder.path().join("file"));
        let stream = Cursor::new(gzip(&pcap(b'-', &[2, 4])));
        let mut opened = open::source(stream, open::WINDOW, None).unwrap();
        finder.found.push(Found {
            path: "-".into(),
            first: opened.walk.advance().ok(),
            input: Input::Stream(opened),
        });
        let mut replay = Replay::new(finder.found, finder.faults);
        assert_eq!(replay.progress().total, 0, "not known");
        let (seen, faults) = read(&mut replay);
        assert_eq!(seen, [(1, 'f'), (2, '-'), (3, 'f'), (4, '-')]);
        assert!(faults.is_empty());
        assert!(replay.progress().done > 0);
    }

    #[test]
    fn progress_counts_octets_on_disk() {
        let seconds: Vec<u32> = (0..1000).collect();
        let files = [
            ("a", gzip(&pcap(b'a', &seconds))),
            ("b", pcap(b'b', &[2000])),
            ("c", pcap(b'c', &[])),
        ];
        let sizes: Vec<u64> = files.iter().map(|file| file.1.len() as u64).collect();
        let folder = folder(&files);
        let mut replay = Replay::open(&[folder.path()]);
        let total = sizes.iter().sum();
        let start = Progress {
            done: sizes[2],
            total,
        };
        assert_eq!(
            replay.progress(),
            start,
            "without packets there is nothing to do"
        );
        replay.next_frame().unwrap();
        assert_eq!(replay.progress().done, sizes[0] + sizes[2]);
        read(&mut replay);
        assert_eq!(replay.progress(), Progress { done: total, total });
    }

    /// Real captures and their numbers of packets as tshark counts them: a folder with
    /// `MANIFEST.tsv`, columns `file`, `packets` and `link_type`, lines with `#` being notes.
    /// Where there is no link type, what tshark counts are custom blocks and no packets.
    #[test]
    fn real_captures_have_as_many_frames_as_tshark_counts() {
        let Some(folder) = std::env::var_os("MXRAY_REAL_CAPTURES").map(PathBuf::from) else {
            eprintln!("skipped: MXRAY_REAL_CAPTURES names no folder");
            return;
        };
        let manifest = fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
        let mut rows = manifest
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split('\t').collect::<Vec<_>>());
        let columns = rows.next().unwrap();
        let column = |name| columns.iter().position(|column| *column == name).unwrap();
        let (file, packets, link) = (column("file"), column("packets"), column("link_type"));
        let mut wrong = Vec::new();
        let mut captures = 0;
        for row in rows {
            let mut replay = Replay::open(&[folder.join(row[file])]);
            let mut frames = 0_u64;
            while replay.next_frame().is_some() {
                frames += 1;
            }
            captures += 1;
            let faults = replay.take_faults();
            let expected = if row[link] == "unknown" {
                "0"
            } else {
                row[packets]
            };
            if frames.to_string() != expected {
                wrong.push(format!(
                    "{}: {frames} of {} {faults:?}",
                    row[file], expected
                ));
            }
        }
        assert!(captures > 0);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
