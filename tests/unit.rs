//! `packaging/systemd/mxray.service`: whether systemd understands every line of it, and how
//! exposed it takes the service to be.

use std::fs;
use std::io;
use std::process::{Command, Output};
use tempfile::TempDir;

const UNIT: &str = include_str!("../packaging/systemd/mxray.service");

/// What `systemd-analyze` says of the unit, with a program that is there in place of mxray.
fn analyze(arguments: &[&str]) -> Option<Output> {
    let place = TempDir::new().unwrap();
    let path = place.path().join("mxray.service");
    let program = std::env::current_exe().unwrap();
    let unit = UNIT.replace("/usr/bin/mxray", &program.display().to_string());
    fs::write(&path, unit).unwrap();
    let mut command = Command::new("systemd-analyze");
    match command.args(arguments).arg(&path).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("skipped: there is no systemd-analyze");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn systemd_understands_every_line() {
    let Some(output) = analyze(&["verify", "--man=no"]) else {
        return;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    // It reads the units of this machine too.
    let ours: Vec<_> = errors
        .lines()
        .filter(|line| line.contains("mxray"))
        .collect();
    assert!(ours.is_empty(), "{errors}");
    assert!(output.status.success(), "{errors}");
}

#[test]
fn exposure_is_low() {
    // Of 100; what is left is that it captures: packet sockets, the host's network.
    let arguments = ["security", "--offline=true", "--threshold=20", "--no-pager"];
    let Some(output) = analyze(&arguments) else {
        return;
    };
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    let overall = shown.lines().find(|line| line.contains("Overall"));
    println!("{}", overall.unwrap_or_default());
}
