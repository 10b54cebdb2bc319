//! `mxray replay` as a process of its own, fed through a pipe: what it says, and what it took.

use mxray::time::{NANOS, Timestamp};
use serde_json::Value;
use std::fs;
use std::io::{self, BufWriter, Read as _, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use wait4::Wait4 as _;

/// Which program: that of the tests, or another build of it.
pub(crate) fn program() -> PathBuf {
    let other = std::env::var_os("MXRAY_HOSTILE_PROGRAM");
    other.map_or_else(|| env!("CARGO_BIN_EXE_mxray").into(), PathBuf::from)
}

/// Writes a capture, packet by packet.
pub(crate) struct Wire<W: Write> {
    out: W,
    pub(crate) packets: u64,
}

impl<W: Write> Wire<W> {
    /// A capture of Ethernet; times with nanoseconds.
    pub(crate) fn begin(mut out: W) -> io::Result<Self> {
        for word in [0xa1b2_3c4d, 2 | 4 << 16, 0, 0, 262_144, 1_u32] {
            out.write_all(&word.to_le_bytes())?;
        }
        Ok(Self { out, packets: 0 })
    }

    pub(crate) fn frame(&mut self, time: Timestamp, octets: &[u8]) -> io::Result<()> {
        let nanos = u32::try_from(time.nanos().rem_euclid(NANOS)).unwrap();
        let length = u32::try_from(octets.len()).unwrap();
        let second = u32::try_from(time.second()).unwrap();
        for word in [second, nanos, length, length] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.packets += 1;
        self.out.write_all(octets)
    }
}

/// What a run left.
pub(crate) struct Ran {
    events: String,
    /// Octets of memory at the most. What the test itself took when it started the process counts
    /// as well, which is why it keeps little.
    pub(crate) peak: u64,
    /// Packets that it was given.
    pub(crate) packets: u64,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

/// Runs it with these words on what `feed` writes.
pub(crate) fn replay(
    words: &str,
    feed: impl FnOnce(&mut Wire<&mut dyn Write>) -> io::Result<()>,
) -> Ran {
    let folder = TempDir::new().unwrap();
    let (events, said) = (folder.path().join("events"), folder.path().join("said"));
    let mut child = Command::new(program())
        .arg("replay")
        .args(words.split_whitespace())
        .args(["-q", "-o"])
        .args([&events, std::path::Path::new("-")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let mut pipe = BufWriter::with_capacity(1 << 20, child.stdin.take().unwrap());
    let mut wire = Wire::begin(&mut pipe as &mut dyn Write).unwrap();
    feed(&mut wire).unwrap();
    let packets = wire.packets;
    pipe.flush().unwrap();
    drop(pipe);
    let usage = child.wait4().unwrap();
    let mut stderr = String::new();
    let mut file = fs::File::open(said).unwrap();
    file.read_to_string(&mut stderr).unwrap();
    Ran {
        events: fs::read_to_string(events).unwrap(),
        peak: usage.rusage.maxrss,
        packets,
        stderr,
        code: usage.status.code(),
    }
}

impl Ran {
    /// A number of the totals at the end, by its path; 0 where it is not told.
    pub(crate) fn total(&self, path: &str) -> u64 {
        let value = self.totals().pointer(path).and_then(Value::as_u64);
        value.unwrap_or(0)
    }

    /// The totals at the end.
    pub(crate) fn totals(&self) -> Value {
        let totals = |line: &&str| line.contains("\"dataset\":\"mxray.stats\"");
        let last = self.events.lines().rfind(totals);
        let event: Value = serde_json::from_str(last.unwrap_or_default())
            .unwrap_or_else(|_| panic!("{}", self.stderr));
        event["mxray"].clone()
    }

    /// Verdicts about hosts whose address begins so, in order.
    pub(crate) fn verdicts(&self, host: &str) -> Vec<Value> {
        let source = format!("\"source\":{{\"ip\":\"{host}");
        let of =
            |line: &&str| line.contains("\"dataset\":\"mxray.verdict\"") && line.contains(&source);
        let lines = self.events.lines().filter(of);
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// A frame with its time.
pub(crate) type Timed = (Timestamp, Vec<u8>);
