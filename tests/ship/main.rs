//! `mxray ship`, run as people run it, against servers of the test that check what the receivers'
//! documentation demands and answer as it says; and against the real ones, where they are there.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that fails here says where"
)]

use mxray::eventlog::{Bounds, Writer};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tempfile::TempDir;

// Elasticsearch's and OpenSearch's bulk API.
mod bulk;
// Processes and connections that end at any moment.
mod crash;
// A disk that is full.
mod full_disk;
// Splunk's HTTP event collector.
mod hec;
// A server for the two before.
mod http;
// The log of a replay, --dry-run, wrong usage: what needs no receiver.
mod local;
// rsyslog and syslog-ng.
mod real;
// Syslog over all its transports, and a server for that.
mod syslog;
// Certificates, and who has the wrong one.
mod tls;

/// A folder with a log, gone at the end.
struct Place {
    folder: TempDir,
    log: Writer,
    written: u64,
}

/// Hosts that events are about.
const HOSTS: u64 = 7;

impl Place {
    fn new() -> Self {
        Self::bounded(1 << 20)
    }

    fn bounded(segment: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bounds = Bounds {
            total: 1 << 30,
            segment,
        };
        let log = Writer::open(&folder.path().join("log"), bounds).unwrap();
        Self {
            folder,
            log,
            written: 0,
        }
    }

    /// With so many events.
    fn with(events: u64) -> Self {
        let mut place = Self::new();
        place.events(events);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The segments of a log, in order, by their names without `.ndjson`.
    fn segments(&self, log: &str) -> Vec<String> {
        let files = fs::read_dir(self.path(log)).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let names = names.filter(|name| name.starts_with("mxray-"));
        let names =
            names.filter_map(|name| Some(format!("{log}/{}", name.strip_suffix(".ndjson")?)));
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// What the only segment of a log holds.
    fn segment(&self, log: &str) -> String {
        let [name] = &self.segments(log)[..] else {
            panic!("{:?}", self.segments(log));
        };
        self.read(&format!("{name}.ndjson"))
    }

    /// Writes further events, which are numbered.
    fn events(&mut self, count: u64) {
        for _ in 0..count {
            let number = self.written;
            let host = number % HOSTS;
            let line = format!(
                "{{\"@timestamp\":\"2005-02-25T09:00:00.{:06}Z\",\"event\":{{\"id\":\"id{number}\",\
                 \"dataset\":\"mxray.verdict\",\"kind\":\"alert\",\"severity\":73}},\"observer\":\
                 {{\"name\":\"north\"}},\"source\":{{\"ip\":\"192.0.2.{host}\"}},\"n\":{number}}}\n",
                number % 1_000_000
            );
            self.log.write_all(line.as_bytes()).unwrap();
            self.written += 1;
        }
        self.log.flush().unwrap();
    }

    /// A config file `ship.toml` with this receiver, impatient.
    fn receiver(&self, to: &str, more: &str) {
        self.write(
            "ship.toml",
            &format!(
                "log = 'log'\n[[receiver]]\nname = 'r'\nto = '{to}'\nretry-first = '10ms'\n\
                 retry-most = '100ms'\nbatch-wait = '20ms'\ntimeout = '5s'\n{more}\n"
            ),
        );
    }

    /// The same, with hardly any time for the receiver.
    fn impatient(&self, to: &str) {
        self.receiver(to, "");
        let text = self.read("ship.toml").replace("'5s'", "'200ms'");
        self.write("ship.toml", &text);
    }

    fn mxray(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mxray"));
        command.current_dir(self.folder.path());
        command.args(line.split_whitespace());
        // No proxy stands before a loopback address.
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command
    }

    /// Delivers what is there, and yields what people were told.
    fn once(&self, status: i32) -> String {
        let output = self
            .mxray("ship --config ship.toml --once")
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{told}");
        assert!(output.stdout.is_empty());
        told
    }

    /// Begins to deliver; what people are told goes to `told`.
    fn start(&self) -> Shipper {
        let mut told = fs::File::options();
        let told = told
            .create(true)
            .append(true)
            .open(self.path("told"))
            .unwrap();
        let mut command = self.mxray("ship --config ship.toml");
        Shipper(command.stderr(told).stdin(Stdio::null()).spawn().unwrap())
    }

    /// Waits until people were told this.
    fn wait_told(&self, what: &str) {
        while !self.read("told").contains(what) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A process that ends with its test.
struct Shipper(Child);

impl Shipper {
    fn signal(&mut self, signal: &str) -> ExitStatus {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
        self.0.wait().unwrap()
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The numbers of events in the order in which a server got them.
#[derive(Clone, Default)]
struct Arrivals(Arc<(Mutex<Vec<u64>>, Condvar)>);

impl Arrivals {
    /// An event in JSON has arrived.
    fn add(&self, event: &str) {
        let event: serde_json::Value = serde_json::from_str(event).unwrap();
        let number = event["n"].as_u64().unwrap();
        assert_eq!(event["event"]["id"], format!("id{number}"));
        self.0.0.lock().unwrap().push(number);
        self.0.1.notify_all();
    }

    fn all(&self) -> Vec<u64> {
        self.0.0.lock().unwrap().clone()
    }

    /// Waits until so many have arrived, those that came twice included.
    fn wait(&self, count: usize) {
        let numbers = self.0.0.lock().unwrap();
        let more = |numbers: &mut Vec<u64>| numbers.len() < count;
        drop(self.0.1.wait_while(numbers, more).unwrap());
    }

    /// Every event has arrived at least once, and no host's out of order.
    fn check(&self, events: u64) {
        let mut first: Vec<u64> = Vec::new();
        let mut newest: BTreeMap<u64, u64> = BTreeMap::new();
        let mut seen = vec![false; usize::try_from(events).unwrap()];
        for number in self.all() {
            let seen = &mut seen[usize::try_from(number).unwrap()];
            if !*seen {
                *seen = true;
                first.push(number);
                let before = newest.insert(number % HOSTS, number);
                assert!(
                    before.is_none_or(|before| before < number),
                    "{before:?} {number}"
                );
            }
        }
        assert_eq!(first.len() as u64, events);
    }

    /// The same, and none twice.
    fn check_once(&self, events: u64) {
        assert_eq!(self.all(), (0..events).collect::<Vec<_>>());
    }
}

/// Reads what is there until the end; what a peer that is gone leaves is an end too.
fn read_rest(stream: &mut impl std::io::Read) -> Vec<u8> {
    let mut octets = Vec::new();
    let _ = stream.read_to_end(&mut octets);
    octets
}
