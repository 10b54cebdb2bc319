//! A verdict's way: from the packet that crosses a line to the receivers of `mxray ship`.

use super::frames::lookup;
use super::{Network, Sensor};
use flate2::read::GzDecoder;
use mxray::eventlog::Reader;
use nix::sys::signal::Signal::SIGTERM;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use std::{fs, thread};

/// Hosts that come under suspicion, one after the other.
const HOSTS: u32 = 240;
/// Domains that each asks for, which is more than a verdict needs.
const DOMAINS: u32 = 40;
/// Packets a second: a host takes a fifth of a second.
const RATE: u32 = 200;

/// No test but a measurement, since what it yields is a time: it fails only where not every verdict
/// arrives everywhere. docs/BENCHMARKING.md says how it is run, and has the figures.
#[test]
#[ignore = "a measurement, which takes a minute"]
fn packet_to_receiver() {
    let Some(network) = Network::new() else {
        return;
    };
    let folder = network.path("log");
    fs::create_dir(&folder).unwrap();
    // For whomever it becomes.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let (syslog, bulk, log) = (Seen::default(), Seen::default(), Seen::default());
    let to_syslog = serve(syslog.clone(), read_syslog);
    let to_bulk = serve(bulk.clone(), read_bulk);
    let sensor = Sensor::start(
        &network,
        &format!("-i near -o - --log {}", folder.display()),
    );
    let shipper = Command::new(env!("CARGO_BIN_EXE_mxray"))
        .args(["ship", "-q", "--log"])
        .arg(&folder)
        .args(["--to", &format!("syslog+tcp://{to_syslog}")])
        .args(["--to", &format!("elasticsearch+http://{to_bulk}")])
        .spawn();
    let shipper = Shipper(shipper.unwrap());
    let frames: Vec<_> = (0..HOSTS)
        .flat_map(|host| (0..DOMAINS).map(move |domain| lookup(host, domain)))
        .collect();
    let mut sending = network.sending("far", &frames, 1, RATE);
    let mut reader = Reader::open(&folder, None);
    let mut ended = false;
    super::patiently("a verdict on the last host everywhere", || {
        while let Some(entry) = reader.next().unwrap() {
            log.add(entry.line);
        }
        ended |= sending.try_wait().unwrap().is_some();
        let counts = [&log, &syslog, &bulk].map(Seen::hosts);
        thread::sleep(Duration::from_millis(2));
        ended && counts.iter().all(|&count| count >= HOSTS as usize)
    });
    for (name, seen) in [("log", log), ("syslog+tcp", syslog), ("bulk", bulk)] {
        seen.tell(name);
    }
    drop(shipper);
    sensor.end(SIGTERM);
}

struct Shipper(Child);

impl Drop for Shipper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Verdicts by identifier: whether it is the first on its host, and how long it was on its way when
/// it was first seen.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<String, (bool, Duration)>>>);

impl Seen {
    fn add(&self, line: &[u8]) {
        let now = SystemTime::now();
        let event: Value = serde_json::from_slice(line).unwrap();
        if event["event"]["dataset"] != "mxray.verdict" || event["mxray"]["state"] == "closed" {
            return;
        }
        let time: jiff::Timestamp = event["@timestamp"].as_str().unwrap().parse().unwrap();
        let way = now.duration_since(time.into()).unwrap();
        let first = event["mxray"]["state"] == "new";
        let id = event["event"]["id"].as_str().unwrap().to_owned();
        self.0.lock().unwrap().entry(id).or_insert((first, way));
    }

    /// Hosts that there is a verdict on.
    fn hosts(&self) -> usize {
        let seen = self.0.lock().unwrap();
        seen.values().filter(|(first, _)| *first).count()
    }

    fn tell(&self, name: &str) {
        let seen = self.0.lock().unwrap();
        let mut ways: Vec<_> = seen.values().map(|&(_, way)| way).collect();
        ways.sort();
        // The nearest rank.
        let at = |percent: usize| ways[(ways.len() * percent).div_ceil(100) - 1];
        eprintln!(
            "{name:12} {:5} verdicts  p50 {:.2?}  p99 {:.2?}  longest {:.2?}",
            ways.len(),
            at(50),
            at(99),
            at(100)
        );
    }
}

/// A server on a port of its own.
fn serve(seen: Seen, read: fn(&TcpStream, &Seen)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = seen.clone();
            thread::spawn(move || read(&stream, &seen));
        }
    });
    address
}

/// Messages with their octets before them; JSON begins at the first brace.
fn read_syslog(stream: &TcpStream, seen: &Seen) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = Vec::new();
        reader.read_until(b' ', &mut length).unwrap();
        let Some(digits) = length.strip_suffix(b" ") else {
            return;
        };
        let length = std::str::from_utf8(digits).unwrap().parse().unwrap();
        let mut message = vec![0; length];
        reader.read_exact(&mut message).unwrap();
        let json = message.iter().position(|&octet| octet == b'{').unwrap();
        seen.add(&message[json..]);
    }
}

/// Requests whose every second line is an event, all of which are taken.
fn read_bulk(stream: &TcpStream, seen: &Seen) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut line) = (0, String::new());
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).unwrap() == 0 {
                return;
            }
            let line = line.to_ascii_lowercase();
            if let Some(octets) = line.strip_prefix("content-length: ") {
                length = octets.trim().parse().unwrap();
            }
        }
        let mut body = String::new();
        let packed = reader.by_ref().take(length);
        GzDecoder::new(packed).read_to_string(&mut body).unwrap();
        let events: Vec<_> = body.lines().skip(1).step_by(2).collect();
        for event in &events {
            seen.add(event.as_bytes());
        }
        let items = vec![r#"{"create":{"status":201}}"#; events.len()].join(",");
        let answer = format!(r#"{{"errors":false,"items":[{items}]}}"#);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        let mut stream = stream;
        stream.write_all((head + &answer).as_bytes()).unwrap();
    }
}
