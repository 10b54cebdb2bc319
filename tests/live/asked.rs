//! What a running sensor tells those who ask.

use super::frames::of_captures;
use super::{Network, Sensor, patiently};
use nix::sys::signal::Signal::SIGTERM;
use serde_json::Value;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// What is told on the socket; `None` where nobody answers yet.
pub(crate) fn ask(socket: &Path) -> Option<Value> {
    let mut line = String::new();
    UnixStream::connect(socket)
        .ok()?
        .read_to_string(&mut line)
        .ok()?;
    serde_json::from_str(&line).ok()
}

fn has_suspects(status: Option<&Value>) -> bool {
    let hosts = status.and_then(|status| status["hosts"].as_array());
    hosts.is_some_and(|hosts| !hosts.is_empty())
}

#[test]
fn hosts_under_suspicion_are_told_also_after_a_restart() {
    let Some(network) = Network::new() else {
        return;
    };
    let (socket, state) = (network.path("status"), network.path("state"));
    let line = format!(
        "-i near --stats 1 --status {} --checkpoint {}",
        socket.display(),
        state.display()
    );
    let sensor = Sensor::start(&network, &line);
    network.send("far", &of_captures(&["study-client-b"]), 1);
    let mut status = None;
    patiently("a suspect", || {
        status = ask(&socket);
        has_suspects(status.as_ref()) && status.as_ref().is_some_and(|it| it["rates"].is_object())
    });
    let status = status.unwrap();
    let bot = &status["hosts"][0];
    assert_eq!(bot["ip"], "192.0.2.2", "{status}");
    assert_eq!(status["rates"]["dropped"], 0.0);
    assert!(bot["reason"].as_str().unwrap().contains("mail exchangers"));
    sensor.end(SIGTERM);

    let sensor = Sensor::start(&network, &line);
    let mut again = None;
    patiently("an answer", || {
        again = ask(&socket);
        again.is_some()
    });
    let again = again.unwrap();
    assert_eq!(again["hosts"][0]["ip"], bot["ip"], "{again}");
    assert_eq!(again["hosts"][0]["first_seen"], bot["first_seen"]);
    sensor.end(SIGTERM);
}
