//! An event on its way, and what receivers want to know of it.

use crate::eventlog::Position;
use jiff::Timestamp;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

/// A line of the log.
#[derive(Clone, Debug)]
pub struct Event {
    /// As it stands in the log.
    pub line: Vec<u8>,
    /// The place behind it.
    pub next: Position,
    /// `event.id`; of an event without, a hash of its line.
    pub id: String,
    /// `event.dataset`, else `mxray`.
    pub dataset: String,
    /// When it was: packet time.
    pub time: Option<Timestamp>,
    /// Whom it is about, by address.
    pub host: Option<String>,
    /// `observer.name`.
    pub sensor: Option<String>,
    /// As syslog counts them (RFC 5424 section 6.2.1).
    pub severity: u8,
}

impl Event {
    /// Reads a line.
    ///
    /// # Errors
    /// Why it is no event.
    pub fn parse(line: &[u8], next: Position) -> Result<Self, String> {
        let event: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if !event.is_object() {
            return Err("it is no JSON object".to_owned());
        }
        let text = |path: &str| event.pointer(path).and_then(Value::as_str);
        // ECS; what others call it follows.
        let time = text("/@timestamp").or_else(|| text("/timestamp"));
        let host = text("/source/ip").or_else(|| text("/src_ip"));
        let host = host.or_else(|| text("/device/ip"));
        let id = text("/event/id").map(str::to_owned);
        Ok(Self {
            line: line.to_vec(),
            next,
            id: id.unwrap_or_else(|| format!("{:032x}", xxh3_128(line))),
            dataset: text("/event/dataset").unwrap_or("mxray").to_owned(),
            time: time.and_then(|time| time.parse().ok()),
            host: host.map(str::to_owned),
            sensor: text("/observer/name").map(str::to_owned),
            severity: severity(
                text("/event/kind"),
                event.pointer("/event/severity").and_then(Value::as_u64),
            ),
        })
    }
}

/// Our severities (21 notice, 47 suspected, 73 likely, 99 confirmed) as syslog's. Those of
/// suppressed hosts are no alerts, and no more than worth a notice.
fn severity(kind: Option<&str>, severity: Option<u64>) -> u8 {
    const CRITICAL: u8 = 2;
    const ERROR: u8 = 3;
    const WARNING: u8 = 4;
    const NOTICE: u8 = 5;
    const INFORMATIONAL: u8 = 6;
    match (kind, severity) {
        (Some("alert"), Some(99..)) => CRITICAL,
        (Some("alert"), _) => ERROR,
        (Some("event"), Some(47..=72)) => WARNING,
        (Some("event"), Some(21..)) => NOTICE,
        _ => INFORMATIONAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Event, String> {
        Event::parse(line.as_bytes(), Position::default())
    }

    #[test]
    fn what_receivers_want_to_know() {
        let event = parse(
            r#"{"@timestamp":"2005-02-25T09:00:00.250000Z","event":{"id":"ab","dataset":"mxray.verdict",
            "kind":"alert","severity":99},"observer":{"name":"north"}}"#,
        )
        .unwrap();
        assert_eq!(
            (event.id.as_str(), event.dataset.as_str()),
            ("ab", "mxray.verdict")
        );
        assert_eq!(event.time, Some("2005-02-25T09:00:00.25Z".parse().unwrap()));
        assert_eq!(event.sensor.as_deref(), Some("north"));
        assert_eq!(event.severity, 2);
    }

    #[test]
    fn an_event_without_an_id_always_gets_the_same() {
        let [one, same, other] =
            [r#"{"a":1}"#, r#"{"a":1}"#, r#"{"a":2}"#].map(|line| parse(line).unwrap());
        assert_eq!(one.id, same.id);
        assert_ne!(one.id, other.id);
        assert_eq!(
            (one.dataset.as_str(), one.time, one.severity),
            ("mxray", None, 6)
        );
    }

    #[test]
    fn what_is_no_event_is_said() {
        assert!(parse("{").is_err());
        assert_eq!(parse("[]").unwrap_err(), "it is no JSON object");
    }

    #[test]
    fn severities() {
        for (kind, number, syslog) in [
            ("alert", 73, 3),
            ("event", 99, 5),
            ("event", 73, 5),
            ("event", 47, 4),
            ("event", 21, 5),
            ("metric", 99, 6),
        ] {
            assert_eq!(
                severity(Some(kind), Some(number)),
                syslog,
                "{kind} {number}"
            );
        }
        assert_eq!(severity(Some("event"), None), 6);
    }
}
