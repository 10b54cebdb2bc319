//! rsyslog and syslog-ng as Debian has them, each over TCP and TLS: ten thousand events, every one
//! parsed by the names of its fields. Skipped, saying so, where they are not installed.

use super::tls::Authority;
use super::{Place, Shipper};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

const EVENTS: u64 = 10_000;

/// Whether a program is there, in `/usr/sbin` too.
fn find(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: there is no {name} here");
    }
    found
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Starts a server that listens on `port`, delivers to it, and looks at what it wrote into `out`:
/// identifier, address and number of each event.
fn deliver(place: &Place, mut server: Command, port: u16, tls: bool) {
    let log = fs::File::create(place.path("server.log")).unwrap();
    server.current_dir(place.folder.path()).stdin(Stdio::null());
    server.stdout(log.try_clone().unwrap()).stderr(log);
    let mut server = Shipper(server.spawn().unwrap());
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = server.0.try_wait().unwrap();
        assert!(ended.is_none(), "{}", place.read("server.log"));
        thread::sleep(Duration::from_millis(20));
    }
    let scheme = if tls { "syslog+tls" } else { "syslog+tcp" };
    place.receiver(&format!("{scheme}://localhost:{port}"), "tls-ca = 'ca.pem'");
    let told = place.once(0);
    assert!(told.contains("10000 events delivered"), "{told}");
    assert!(!told.contains("tried again"), "{told}");
    // It writes what it has when it ends.
    server.signal("-TERM");
    let out = place.read("out");
    let events = (0..EVENTS).map(|n| {
        format!(
            "id{n} 192.0.2.{} {n} north mxray mxray.verdict\n",
            n % super::HOSTS
        )
    });
    let expected: String = events.collect();
    assert!(
        out == expected,
        "{} lines; {}",
        out.lines().count(),
        place.read("server.log")
    );
}

fn certificates(place: &Place) {
    let authority = Authority::new("one");
    let (certificate, key) = authority.issue("localhost");
    place.write("ca.pem", &authority.pem());
    place.write("server.pem", &certificate);
    place.write("server.key", &key);
}

fn rsyslog(tls: bool) {
    let Some(program) = find("rsyslogd") else {
        return;
    };
    let place = Place::with(EVENTS);
    certificates(&place);
    let (port, folder) = (free_port(), place.folder.path().display());
    let (global, module) = if tls {
        if ![
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
            "/usr/lib64",
        ]
        .iter()
        .any(|folder| {
            std::path::Path::new(folder)
                .join("rsyslog/lmnsd_gtls.so")
                .is_file()
        }) {
            eprintln!("skipped: there is no rsyslog-gnutls here");
            return;
        }
        (
            format!(
                "DefaultNetstreamDriver=\"gtls\" DefaultNetstreamDriverCAFile=\"{folder}/ca.pem\"
                 DefaultNetstreamDriverCertFile=\"{folder}/server.pem\"
                 DefaultNetstreamDriverKeyFile=\"{folder}/server.key\""
            ),
            "StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"anon\"",
        )
    } else {
        (String::new(), "")
    };
    place.write(
        "rsyslog.conf",
        &format!(
            r#"global(workDirectory="{folder}" {global})
module(load="imtcp" {module})
module(load="mmjsonparse")
template(name="fields" type="string"
    string="%$!event!id% %$!source!ip% %$!n% %$!observer!name% %app-name% %msgid%\n")
ruleset(name="mxray") {{
    action(type="mmjsonparse" cookie="")
    if $parsesuccess == "OK" then action(type="omfile" file="{folder}/out" template="fields")
    else action(type="omfile" file="{folder}/out")
}}
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="mxray")
"#
        ),
    );
    let mut server = Command::new(program);
    // It works from the root folder.
    server.args([
        "-n",
        "-i",
        &format!("{folder}/pid"),
        "-f",
        &format!("{folder}/rsyslog.conf"),
    ]);
    deliver(&place, server, port, tls);
}

fn syslog_ng(tls: bool) {
    let Some(program) = find("syslog-ng") else {
        return;
    };
    let place = Place::with(EVENTS);
    certificates(&place);
    let (port, folder) = (free_port(), place.folder.path().display());
    let transport = if tls {
        format!(
            "transport(\"tls\") tls(key-file(\"{folder}/server.key\") \
             cert-file(\"{folder}/server.pem\") peer-verify(optional-untrusted))"
        )
    } else {
        "transport(\"tcp\")".to_owned()
    };
    place.write(
        "syslog-ng.conf",
        &format!(
            r#"@version: current
options {{ keep-hostname(yes); }};
source mxray {{ syslog(ip("127.0.0.1") port({port}) {transport}); }};
parser json {{ json-parser(prefix("json.")); }};
destination out {{ file("{folder}/out" template(
    "${{json.event.id}} ${{json.source.ip}} ${{json.n}} ${{json.observer.name}} ${{PROGRAM}} ${{MSGID}}\n")); }};
log {{ source(mxray); parser(json); destination(out); }};
"#
        ),
    );
    let mut server = Command::new(program);
    server.args([
        "-F",
        "-f",
        "syslog-ng.conf",
        "-R",
        "persist",
        "-p",
        "pid",
        "-c",
        "ctl",
    ]);
    deliver(&place, server, port, tls);
}

#[test]
fn rsyslog_over_tcp() {
    rsyslog(false);
}

#[test]
fn rsyslog_over_tls() {
    rsyslog(true);
}

#[test]
fn syslog_ng_over_tcp() {
    syslog_ng(false);
}

#[test]
fn syslog_ng_over_tls() {
    syslog_ng(true);
}
