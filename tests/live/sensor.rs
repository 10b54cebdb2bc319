//! `mxray live` in a namespace.

use super::{Network, patiently, signal};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};

/// A running one, ended at the end.
pub(crate) struct Sensor {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Sensor {
    /// `mxray live` with these words, when it has begun to read.
    pub(crate) fn start(network: &Network, line: &str) -> Self {
        let sensor = Self::begin(network, line);
        sensor.until("it to start", |event| action(event) == "sensor-started");
        sensor
    }

    /// `mxray live` with these words.
    pub(crate) fn begin(network: &Network, line: &str) -> Self {
        Self::run(network, network.within(env!("CARGO_BIN_EXE_mxray")), line)
    }

    /// The same when a script has run in the sensor's namespaces, and it has begun to read.
    pub(crate) fn behind(network: &Network, script: &str, line: &str) -> Self {
        let mut shell = network.within("sh");
        let script = format!("{script}\nexec \"$0\" \"$@\"");
        shell.args(["-ec", &script, env!("CARGO_BIN_EXE_mxray")]);
        let sensor = Self::run(network, shell, line);
        sensor.until("it to start", |event| action(event) == "sensor-started");
        sensor
    }

    fn run(network: &Network, mut command: Command, line: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let stdout = network.path(&format!("events-{number}"));
        let stderr = network.path(&format!("said-{number}"));
        let child = command
            .arg("live")
            .args(line.split_whitespace())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its number, and those of its children.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let own = self.child.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().map(|id| id.parse().unwrap());
        children.chain([own]).collect()
    }

    /// Lets it do nothing, or go on.
    pub(crate) fn stop(&self, stop: bool) {
        let signal = if stop {
            Signal::SIGSTOP
        } else {
            Signal::SIGCONT
        };
        for process in self.processes() {
            kill(Pid::from_raw(process.cast_signed()), signal).unwrap();
        }
    }

    /// What it has said so far.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    /// Its events so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        let output = fs::read_to_string(&self.stdout).unwrap();
        // A last line without its end is still being written.
        let lines = output.split_inclusive('\n');
        let lines = lines.filter(|line| line.ends_with('\n'));
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Waits for an event.
    pub(crate) fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut found = None;
        patiently(&format!("{what}; it said: {}", self.stderr()), || {
            found = self.events().into_iter().find(|event| is(event));
            found.is_some()
        });
        found.unwrap()
    }

    /// Waits until it has read so many packets, as its totals say: with `--stats 1` they come
    /// every second.
    pub(crate) fn until_seen(&self, packets: u64) {
        self.until(&format!("{packets} packets"), |event| {
            event["mxray"]["packets"]["seen"].as_u64() >= Some(packets)
        });
    }

    /// Tells it to end, and waits until it has: by itself, and well.
    pub(crate) fn end(mut self, by: Signal) -> Ended {
        signal(&self.child, by);
        let status = self.child.wait().unwrap();
        let ended = Ended {
            events: self.events(),
            stderr: self.stderr(),
        };
        assert_eq!(status.code(), Some(0), "{}", ended.stderr);
        ended
    }

    /// Waits until it ends by itself; its status.
    pub(crate) fn status(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        (status.code(), self.stderr())
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        // A launcher that is killed takes its child with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a run left.
pub(crate) struct Ended {
    pub(crate) events: Vec<Value>,
    pub(crate) stderr: String,
}

impl Ended {
    /// The totals at the end.
    pub(crate) fn totals(&self) -> &Value {
        let totals = self.events.iter().rev();
        let mut totals = totals.filter(|event| event["event"]["dataset"] == "mxray.stats");
        &totals.next().unwrap()["mxray"]
    }

    /// A number of them, by its path.
    pub(crate) fn total(&self, path: &str) -> u64 {
        let number = self.totals().pointer(path).and_then(Value::as_u64);
        number.unwrap_or_else(|| panic!("{path}: {}", self.totals()))
    }

    /// What its events say happened, in order.
    pub(crate) fn actions(&self) -> Vec<&str> {
        let actions = self.events.iter().map(action);
        actions.filter(|action| !action.is_empty()).collect()
    }
}

/// What an event says happened.
pub(crate) fn action(event: &Value) -> &str {
    event["event"]["action"].as_str().unwrap_or_default()
}
