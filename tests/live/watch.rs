//! A running sensor, watched by its status socket: `mxray metrics` and `mxray top`.

use super::frames::of_captures;
use super::{Network, Sensor, patiently};
use nix::sys::signal::Signal::SIGTERM;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command};

/// Ended at the end.
struct Metrics {
    child: Child,
    place: String,
}

impl Metrics {
    /// One that asks this socket.
    fn start(network: &Network, socket: &Path) -> Self {
        let said = network.path("metrics-said");
        let child = Command::new(env!("CARGO_BIN_EXE_mxray"))
            .args(["metrics", "--listen", "127.0.0.1:0", "--status"])
            .arg(socket)
            .stderr(File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let mut place = None;
        patiently("metrics to listen", || {
            let said = fs::read_to_string(&said).unwrap();
            let line = said.strip_suffix("/metrics\n").map(str::to_owned);
            place = line.and_then(|line| Some(line.split_once("http://")?.1.to_owned()));
            place.is_some()
        });
        let place = place.unwrap();
        Self { child, place }
    }

    /// What it serves.
    fn page(&self) -> String {
        let mut stream = TcpStream::connect(&self.place).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n")
            .unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }

    /// The sample of that name, where there is one.
    fn sample(&self, name: &str) -> Option<u64> {
        let page = self.page();
        let mut lines = page.lines().filter_map(|line| line.rsplit_once(' '));
        let (_, value) = lines.find(|(sample, _)| *sample == name)?;
        value.parse().ok()
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_a_sensor_tells_those_who_watch() {
    let Some(network) = Network::new() else {
        return;
    };
    let folder = network.path("status");
    fs::create_dir(&folder).unwrap();
    // For whomever it becomes.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let socket = folder.join("socket");
    let top = || {
        let mut top = Command::new(env!("CARGO_BIN_EXE_mxray"));
        let top = top.args(["top", "--once", "--status"]).arg(&socket);
        top.output().unwrap()
    };
    let metrics = Metrics::start(&network, &socket);
    assert_eq!(metrics.sample("mxray_up"), Some(0));
    assert!(!top().status.success());
    let line = format!("-i near --stats 1 --status {}", socket.display());
    let sensor = Sensor::start(&network, &line);
    let frames = of_captures(&["fanout-bot"]);
    network.send("far", &frames, 1);
    let sent = frames.len() as u64;
    patiently("the totals to have all", || {
        metrics.sample("mxray_packets_seen_total") == Some(sent)
    });
    assert_eq!(metrics.sample("mxray_up"), Some(1));
    let convicted = |level: &str| metrics.sample(&format!("mxray_hosts{{level=\"{level}\"}}"));
    patiently("the bot to be convicted", || {
        convicted("likely").unwrap_or(0) + convicted("confirmed").unwrap_or(0) == 1
    });
    let told = String::from_utf8(top().stdout).unwrap();
    assert!(told.contains(&format!("{sent} packets read")), "{told}");
    let row = told.lines().find(|line| line.starts_with("192.0.2.66 "));
    assert!(row.unwrap().contains(" spam-fanout "), "{told}");
    sensor.end(SIGTERM);
    assert_eq!(metrics.sample("mxray_up"), Some(0));
}
