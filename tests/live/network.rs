//! A network namespace with pairs of interfaces, for one test.

use super::{patiently, sender};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Why no namespace can be had, where that is so.
static REFUSAL: LazyLock<Option<String>> = LazyLock::new(|| {
    let name = format!("mxray-{}-try", std::process::id());
    let made = ip(&["netns", "add", &name])
        .and_then(|()| ip(&["-n", &name, "link", "add", "near", "type", "veth"]));
    let _ = ip(&["netns", "del", &name]);
    made.err()
});

/// The namespace, gone at the end with all that is in it.
pub(crate) struct Network {
    name: String,
    place: TempDir,
}

impl Network {
    /// One with a pair: what is sent on `far` arrives on `near`, and nothing else does. `None`,
    /// and why, where this machine lets nobody make one.
    pub(crate) fn new() -> Option<Self> {
        let network = Self::empty()?;
        network.pair("near", "far");
        Some(network)
    }

    /// One without a pair.
    pub(crate) fn empty() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if let Some(refusal) = &*REFUSAL {
            eprintln!("skipped: no network namespace can be made here: {refusal}");
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("mxray-{}-{number}", std::process::id());
        ip(&["netns", "add", &name]).unwrap();
        let network = Self {
            name,
            place: open_to_all(),
        };
        // What the kernel says of itself by IPv6 would be counted too.
        let quiet =
            "for of in all default; do echo 1 >/proc/sys/net/ipv6/conf/$of/disable_ipv6; done";
        let quiet = "[ ! -e /proc/sys/net/ipv6 ] || ".to_owned() + quiet;
        assert!(
            network
                .within("sh")
                .args(["-c", &quiet])
                .status()
                .unwrap()
                .success()
        );
        Some(network)
    }

    /// Makes a pair and brings both ends up.
    pub(crate) fn pair(&self, near: &str, far: &str) {
        self.ip(&format!("link add {near} type veth peer name {far}"));
        for end in [near, far] {
            // Some made frames are longer than Ethernet's.
            self.ip(&format!("link set {end} mtu 3000 up"));
        }
    }

    /// `ip` with these words, in the namespace.
    pub(crate) fn ip(&self, line: &str) {
        let words = ["-n", &self.name].into_iter();
        let words: Vec<_> = words.chain(line.split(' ')).collect();
        ip(&words).unwrap();
    }

    /// The program, in the namespace.
    pub(crate) fn within(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command.current_dir(self.place.path());
        command
    }

    /// A file of this test's.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Sends the frames so many times over, as fast as it goes, and waits until they are sent.
    pub(crate) fn send(&self, interface: &str, frames: &[Vec<u8>], times: u64) {
        let sent = self.sending(interface, frames, times, 0).wait().unwrap();
        assert!(sent.success());
    }

    /// Begins to send, `rate` packets a second; 0 is as fast as it goes.
    pub(crate) fn sending(
        &self,
        interface: &str,
        frames: &[Vec<u8>],
        times: u64,
        rate: u32,
    ) -> Child {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let file = self.path(&format!("frames-{number}"));
        sender::store(frames, &file).unwrap();
        let task = format!("{interface} {times} {rate} {}", file.display());
        self.within(std::env::current_exe().unwrap())
            .args(["--exact", "sends"])
            .env(super::SEND, task)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// `dumpcap` that records what arrives on `near`.
    pub(crate) fn recording(&self, file: &Path) -> Option<Recording> {
        let mut command = self.within("dumpcap");
        command.args(["-q", "-B", "64", "-i", "near", "-w"]);
        let child = command.arg(file).stderr(Stdio::null()).spawn().ok()?;
        let recording = Recording(child);
        // It writes the header of the interface when it has opened it.
        patiently("dumpcap to begin", || {
            fs::metadata(file).is_ok_and(|file| file.len() > 0)
        });
        Some(recording)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = ip(&["netns", "del", &self.name]);
    }
}

/// A recording, stopped at the end.
pub(crate) struct Recording(Child);

impl Recording {
    /// Ends it when it has written so many packets.
    pub(crate) fn end(mut self) {
        super::signal(&self.0, nix::sys::signal::Signal::SIGINT);
        self.0.wait().unwrap();
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `ip`; what it says where it fails.
fn ip(words: &[&str]) -> Result<(), String> {
    let run = Command::new("ip").args(words).output();
    let run = run.map_err(|error| format!("ip: {error}"))?;
    if run.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&run.stderr);
    Err(format!("ip {}: {}", words.join(" "), said.trim()))
}

/// A folder in which whom a sensor becomes may write.
fn open_to_all() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), Permissions::from_mode(0o777)).unwrap();
    place
}
