//! What a sensor says on its status socket (`mxray live --status`): one line of JSON.
//!
//! Read as any other consumer reads it, past names that are not known, within bounds of size and
//! time. Text is made harmless once more, as it ends in a terminal.

use crate::report::text;
use crate::time::{NANOS, Timestamp};
use serde::{Deserialize, Deserializer};
use socket2::{Domain, SockAddr, Socket, Type};
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

/// How long the sensor may take, which answers each second.
const PATIENCE: Duration = Duration::from_secs(5);
/// Octets of an answer at most, several times those of a real one.
const LARGEST: u64 = 4 << 20;

/// The answer.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Snapshot {
    /// When it answered.
    #[serde(rename = "@timestamp", deserialize_with = "plain")]
    pub timestamp: String,
    /// The sensor's version.
    #[serde(deserialize_with = "plain")]
    pub version: String,
    /// When the totals were taken.
    #[serde(default, deserialize_with = "moment")]
    pub stats_at: Option<Timestamp>,
    /// What came a second before that; not of the first totals.
    #[serde(default)]
    pub rates: Option<Rates>,
    /// Totals from the beginning.
    pub stats: Stats,
    /// How many hosts stand at each level.
    #[serde(default)]
    pub levels: BTreeMap<String, u64>,
    /// Hosts under suspicion, the highest score first.
    #[serde(default)]
    pub hosts: Vec<Host>,
    /// Those that are not among them.
    #[serde(default)]
    pub hosts_omitted: u64,
}

/// What came a second, between the last two totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Rates {
    /// Packets read.
    pub packets: f64,
    /// Packets that the kernel dropped.
    pub dropped: f64,
    /// Packets thrown away.
    pub shed: f64,
}

/// A host under suspicion.
#[derive(Clone, Debug, Deserialize)]
pub struct Host {
    /// Its address.
    pub ip: std::net::IpAddr,
    /// What it is taken for.
    #[serde(deserialize_with = "plain")]
    pub class: String,
    /// How sure.
    #[serde(deserialize_with = "plain")]
    pub level: String,
    /// Sum of the log-likelihood ratios.
    pub score: f64,
    /// When its episode began.
    #[serde(deserialize_with = "plain")]
    pub first_seen: String,
    /// When its newest verdict was.
    #[serde(deserialize_with = "plain")]
    pub updated: String,
    /// Nobody is to be told.
    pub suppressed: bool,
    /// One plain sentence.
    #[serde(deserialize_with = "plain")]
    pub reason: String,
    /// What speaks for it; of the first hosts alone.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// A piece of evidence.
#[derive(Clone, Debug, Deserialize)]
pub struct Evidence {
    /// Its family.
    #[serde(deserialize_with = "plain")]
    pub family: String,
    /// Log-likelihood ratio.
    pub llr: f64,
    /// One plain sentence.
    #[serde(deserialize_with = "plain")]
    pub text: String,
}

/// Totals, as `mxray` of the event `mxray.stats`.
#[derive(Clone, Debug, Default, Deserialize)]
#[expect(
    missing_docs,
    reason = "the names are those of the schema, where they are told"
)]
pub struct Stats {
    pub packets: Packets,
    pub kernel: Option<Kernel>,
    pub truncated: u64,
    pub reassembled: u64,
    pub late: u64,
    pub duplicates: u64,
    pub observations_omitted: u64,
    pub tcp: Tcp,
    pub hosts: Hosts,
}

/// `mxray.packets`.
#[derive(Clone, Debug, Default, Deserialize)]
#[expect(
    missing_docs,
    reason = "the names are those of the schema, where they are told"
)]
pub struct Packets {
    pub seen: u64,
    pub decoded: u64,
    pub ignored: u64,
    pub filtered: u64,
    pub unsupported: BTreeMap<String, u64>,
    pub malformed: BTreeMap<String, u64>,
    pub fragments_unfinished: u64,
    pub shed: u64,
}

/// `mxray.kernel`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[expect(
    missing_docs,
    reason = "the names are those of the schema, where they are told"
)]
pub struct Kernel {
    pub received: u64,
    pub dropped: u64,
    pub if_dropped: u64,
}

/// `mxray.tcp`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[expect(
    missing_docs,
    reason = "the names are those of the schema, where they are told"
)]
pub struct Tcp {
    pub connections: u64,
    pub evicted: u64,
    pub holes: u64,
    pub octets_lost: u64,
    pub shed: u64,
}

/// `mxray.hosts`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[expect(
    missing_docs,
    reason = "the names are those of the schema, where they are told"
)]
pub struct Hosts {
    pub tracked: u64,
    pub evicted: u64,
    pub omitted: u64,
}

/// Asks the sensor behind the socket at `path`. Waits for its answer, and not for ever.
pub fn ask(path: &Path) -> io::Result<Snapshot> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // This is also how long it waits in the queue of a sensor that has ceased to answer.
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(&SockAddr::unix(path)?)?;
    let mut line = Vec::new();
    let read = socket.take(LARGEST).read_to_end(&mut line);
    read.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => {
            let what = format!("no answer within {} s", PATIENCE.as_secs());
            io::Error::new(io::ErrorKind::TimedOut, what)
        }
        _ => error,
    })?;
    // What did not fit into the socket's buffer was cut off, and is no JSON.
    Ok(serde_json::from_slice(&line)?)
}

fn plain<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(text::plain(&String::deserialize(from)?))
}

fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let time = text.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    Ok(time.map(|time| Timestamp::from_units(time.as_nanosecond(), NANOS.unsigned_abs())))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;
    use std::io::Write as _;
    use std::os::unix::net::UnixListener;
    use std::thread;

    /// An answer as a sensor gives it, with three hosts.
    pub(in crate::watch) fn answer() -> serde_json::Value {
        let host = |ip: &str, level: &str, score: f64| {
            json!({
                "ip": ip, "class": "spam-fanout", "level": level, "score": score,
                "posterior": 0.9, "first_seen": "2026-01-05T00:00:00.517000Z",
                "updated": "2026-01-05T00:02:00.000000Z", "suppressed": level == "notice",
                "reason": "turned to port 25 of 12 addresses",
                "evidence": [{"family": "fan", "llr": 9.2, "text": "turned to 12 new servers"}]
            })
        };
        json!({
            "@timestamp": "2026-01-05T00:02:01.000000Z", "version": "0.1.0",
            "stats_at": "2026-01-05T00:02:00.000000Z",
            "rates": {"seconds": 1.0, "packets": 812.4, "dropped": 3.0, "shed": 0.5},
            "stats": {
                "packets": {"seen": 1000, "decoded": 900, "ignored": 60, "filtered": 0,
                    "unsupported": {"ipv9": 10}, "malformed": {"dns-\"name\"": 5},
                    "fragments_unfinished": 0, "shed": 25},
                "kernel": {"received": 1100, "dropped": 100, "if_dropped": 3},
                "truncated": 1, "reassembled": 2, "late": 3, "duplicates": 4,
                "observations_omitted": 5,
                "tcp": {"connections": 6, "evicted": 7, "holes": 8, "octets_lost": 9, "shed": 10},
                "hosts": {"tracked": 11, "evicted": 12, "omitted": 13},
                "of_tomorrow": 1
            },
            "levels": {"notice": 1, "likely": 1, "confirmed": 1},
            "hosts": [host("192.0.2.66", "confirmed", 21.5), host("2001:db8::7", "likely", 12.0),
                host("192.0.2.9", "notice", 0.5)],
            "hosts_omitted": 0
        })
    }

    pub(in crate::watch) fn snapshot() -> Snapshot {
        serde_json::from_value(answer()).unwrap()
    }

    /// A sensor that says this to the first who asks.
    fn sensor(says: Vec<u8>) -> (tempfile::TempDir, thread::JoinHandle<()>) {
        let place = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(place.path().join("status")).unwrap();
        let answers = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // Who asks may have had enough.
            let _ = stream.write_all(&says);
        });
        (place, answers)
    }

    #[test]
    fn a_sensor_is_asked() {
        let (place, answers) = sensor(format!("{}\n", answer()).into_bytes());
        let snapshot = ask(&place.path().join("status")).unwrap();
        answers.join().unwrap();
        assert_eq!(snapshot.stats.packets.seen, 1000);
        assert_eq!(snapshot.hosts.len(), 3);
        assert_eq!(snapshot.stats_at.unwrap().second(), 1_767_571_320);
    }

    #[test]
    fn what_is_no_sensor_is_an_error() {
        for says in ["", "{", "{}", "no\n", "[1]"] {
            let (place, answers) = sensor(says.as_bytes().to_vec());
            assert!(ask(&place.path().join("status")).is_err(), "{says}");
            answers.join().unwrap();
        }
        let place = tempfile::tempdir().unwrap();
        assert!(ask(&place.path().join("status")).is_err());
    }

    #[test]
    fn text_does_nothing_in_a_terminal() {
        let mut answer = answer();
        answer["hosts"][0]["reason"] = "a\u{1b}[2J".into();
        let snapshot: Snapshot = serde_json::from_value(answer).unwrap();
        assert_eq!(snapshot.hosts[0].reason, "a\\027[2J");
    }
}
