//! Which events owners are told of, and what of them.
//!
//! The events are read as a consumer reads them: by the names of the schema, past names that are
//! not known. Their text is the wire's, escaped once; whoever can write events may have written
//! anything, so that everything is bounded and made harmless again here.

use crate::correlate::evidence::Family;
use crate::report::text;
use crate::time::{NANOS, Timestamp};
use crate::verdict::{Class, Level, Role};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::str::FromStr;

/// Pieces of evidence that a mail shows.
const PIECES: usize = 8;
/// Octets of a text. The sensor's are shorter, and as many as may wait have to fit into the state.
const TEXT: usize = 1024;
/// Octets of an identifier.
const IDENTIFIER: usize = 64;

/// What an event says of a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The episode, in all events of which it is the same.
    pub episode: String,
    /// The host.
    pub host: IpAddr,
    /// Its Ethernet address, or the last router's.
    pub mac: Option<String>,
    /// The VLAN that it was seen in.
    pub vlan: Option<String>,
    /// What it is for, where that is known.
    #[serde(default)]
    pub role: Option<Role>,
    /// What it is taken for.
    pub class: Class,
    /// How sure.
    pub level: Level,
    /// Whether the episode is over.
    pub closed: bool,
    /// Whether it is over since the host turned out to be something else: a false alarm.
    #[serde(default)]
    pub acquitted: bool,
    /// Whether the inventory that the sensor read wants nobody told.
    pub suppressed: bool,
    /// The first observation of the episode.
    pub first_seen: Timestamp,
    /// The packet that the verdict came with.
    pub time: Timestamp,
    /// The sensor's sentence, in English.
    pub reason: String,
    /// What speaks for it, the weightiest first.
    pub evidence: Vec<Piece>,
    /// What was counted.
    pub numbers: Vec<(Number, u64)>,
    /// The sensor's name.
    pub sensor: String,
    /// The event, for who looks it up.
    pub event: String,
}

/// A piece of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    /// Of which kind.
    pub family: Family,
    /// What it weighs: a log-likelihood ratio, natural logarithm.
    pub llr: f64,
}

/// What is counted of a host and told to its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Number {
    /// Connections begun to mail ports.
    Connections,
    /// Different mail servers among them.
    Servers,
    /// Connections that were refused or not answered.
    Failed,
    /// Messages handed over, in clear or inside TLS.
    Messages,
    /// Recipients named.
    Recipients,
    /// Replies of servers that refused.
    Refusals,
    /// Domains whose mail exchangers were asked for.
    MxDomains,
    /// Queries for mail hosts by keyword.
    MailHosts,
    /// Queries to the DNS of any kind.
    Queries,
}

/// What a line is.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// A verdict on a host.
    Verdict(Box<Case>),
    /// Another event, or an empty line.
    Other,
    /// An event as `eve` or `ocsf` has it, which does not say what owners are told.
    OtherFormat,
    /// No event: not JSON, or a verdict without what a verdict has.
    Damaged(String),
}

/// Reads a line of an event file.
#[must_use]
pub fn read(line: &str) -> Line {
    if line.trim().is_empty() {
        return Line::Other;
    }
    let head: Head = match serde_json::from_str(line) {
        Ok(head) => head,
        Err(error) => {
            let other = serde_json::from_str::<Other>(line)
                .is_ok_and(|other| other.event_type.is_some() || other.class_uid.is_some());
            return if other {
                Line::OtherFormat
            } else {
                Line::Damaged(error.to_string())
            };
        }
    };
    if head.event.dataset != "mxray.verdict" {
        return Line::Other;
    }
    let read = serde_json::from_str::<Event>(line).map_err(|error| error.to_string());
    match read.and_then(Case::of) {
        Ok(case) => Line::Verdict(Box::new(case)),
        Err(error) => Line::Damaged(error),
    }
}

impl Case {
    fn of(event: Event) -> Result<Self, String> {
        let Event {
            timestamp,
            meta,
            observer,
            source,
            network,
            mxray,
        } = event;
        let time = moment(&timestamp)?;
        let mut evidence: Vec<_> = mxray.evidence.iter().filter_map(Piece::of).collect();
        evidence.sort_by(|one, other| other.llr.total_cmp(&one.llr));
        evidence.truncate(PIECES);
        let numbers = numbers(&mxray);
        let reason = plain(&meta.reason.unwrap_or_default());
        Ok(Self {
            episode: identifier(&mxray.episode.id)?,
            host: source.ip,
            mac: source.mac.map(|mac| plain(&mac)),
            vlan: network.map(|network| plain(&network.vlan.id)),
            // One of a later version is not known.
            role: mxray.role.and_then(|role| role.name.parse().ok()),
            class: word(&mxray.class)?,
            level: Level::ALL
                .into_iter()
                .find(|level| level.name() == mxray.level)
                .ok_or_else(|| format!("there is no level `{}`", text::plain(&mxray.level)))?,
            closed: mxray.state == "closed",
            acquitted: mxray.acquitted,
            suppressed: mxray.suppressed,
            first_seen: moment(&mxray.episode.first_seen)?,
            time,
            reason,
            evidence,
            numbers,
            sensor: plain(&observer.name),
            event: identifier(&meta.id)?,
        })
    }
}

impl Piece {
    /// A family that is not known has no words for people.
    fn of(read: &Evidence) -> Option<Self> {
        let known = Family::ALL.into_iter();
        let family = known.into_iter().find(|of| of.name() == read.family)?;
        (read.llr > 0.0).then_some(Self {
            family,
            llr: read.llr,
        })
    }
}

/// Text of an event, made harmless and short.
fn plain(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT);
    text::plain(text.get(..end).unwrap_or_default())
}

/// What was counted, where there is any.
fn numbers(of: &Mxray) -> Vec<(Number, u64)> {
    let sum = |parts: &[Option<u64>]| {
        let parts = parts.iter().flatten();
        parts.fold(0, |sum: u64, &part| sum.saturating_add(part))
    };
    let (dns, smtp) = (&of.dns, &of.smtp);
    let numbers = [
        (Number::Connections, sum(&[smtp.attempts])),
        (Number::Servers, sum(&[smtp.destinations])),
        (Number::Failed, sum(&[smtp.refused, smtp.unanswered])),
        (
            Number::Messages,
            sum(&[smtp.messages, smtp.messages_in_tls]),
        ),
        (Number::Recipients, sum(&[smtp.rcpt_to])),
        (Number::Refusals, sum(&[smtp.replies_4xx, smtp.replies_5xx])),
        (Number::MxDomains, dns.mx_domains),
        (
            Number::MailHosts,
            dns.keyword.exact.saturating_add(dns.keyword.numbered),
        ),
        (Number::Queries, dns.queries.total),
    ];
    numbers
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .collect()
}

fn word<T: FromStr>(of: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    of.parse()
        .map_err(|error: T::Err| text::plain(&error.to_string()))
}

fn moment(of: &str) -> Result<Timestamp, String> {
    let time: jiff::Timestamp = of
        .parse()
        .map_err(|_| format!("`{}` is no time", text::plain(of)))?;
    Ok(Timestamp::from_units(
        time.as_nanosecond(),
        NANOS.unsigned_abs(),
    ))
}

/// An identifier goes into headers and file names: letters and digits only.
fn identifier(of: &str) -> Result<String, String> {
    let sound = !of.is_empty()
        && of.len() <= IDENTIFIER
        && of.bytes().all(|octet| octet.is_ascii_alphanumeric());
    sound
        .then(|| of.to_owned())
        .ok_or_else(|| format!("`{}` is no identifier", text::plain(of)))
}

#[derive(Deserialize)]
struct Head {
    event: Dataset,
}

/// What `eve` and `ocsf` have instead.
#[derive(Deserialize)]
struct Other {
    event_type: Option<String>,
    class_uid: Option<u32>,
}

#[derive(Deserialize)]
struct Dataset {
    dataset: String,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    #[serde(rename = "event")]
    meta: Meta,
    observer: Observer,
    source: Source,
    network: Option<Network>,
    mxray: Mxray,
}

#[derive(Deserialize)]
struct Meta {
    id: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Observer {
    name: String,
}

#[derive(Deserialize)]
struct Source {
    ip: IpAddr,
    mac: Option<String>,
}

#[derive(Deserialize)]
struct Network {
    vlan: Vlan,
}

#[derive(Deserialize)]
struct Vlan {
    id: String,
}

#[derive(Deserialize)]
struct Mxray {
    role: Option<Named>,
    class: String,
    level: String,
    state: String,
    #[serde(default)]
    acquitted: bool,
    suppressed: bool,
    episode: Episode,
    #[serde(default)]
    evidence: Vec<Evidence>,
    dns: Dns,
    smtp: Smtp,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Episode {
    id: String,
    first_seen: String,
}

#[derive(Deserialize)]
struct Evidence {
    family: String,
    llr: f64,
}

#[derive(Deserialize)]
struct Dns {
    queries: Queries,
    keyword: Keyword,
    mx_domains: u64,
}

#[derive(Deserialize)]
struct Queries {
    total: u64,
}

#[derive(Deserialize)]
struct Keyword {
    exact: u64,
    numbered: u64,
}

#[derive(Deserialize)]
struct Smtp {
    attempts: Option<u64>,
    destinations: Option<u64>,
    refused: Option<u64>,
    unanswered: Option<u64>,
    messages: Option<u64>,
    messages_in_tls: Option<u64>,
    rcpt_to: Option<u64>,
    replies_4xx: Option<u64>,
    replies_5xx: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event() -> Value {
        json!({
            "@timestamp": "2026-01-05T00:02:00.000000Z",
            "event": {"dataset": "mxray.verdict", "id": "0a1b", "reason": "192.0.2.66 did it."},
            "observer": {"name": "campus"},
            "source": {"ip": "192.0.2.66", "mac": "02-00-00-00-02-42"},
            "network": {"vlan": {"id": "12"}},
            "mxray": {
                "role": {"name": "aggregate"}, "class": "spam-fanout", "level": "likely", "state": "new", "suppressed": false,
                "episode": {"id": "e1", "first_seen": "2026-01-05T00:00:00.5Z"},
                "evidence": [
                    {"family": "fail", "llr": 2.5, "text": "t"},
                    {"family": "fan", "llr": 9.0, "text": "t"},
                    {"family": "of-tomorrow", "llr": 9.0, "text": "t"},
                    {"family": "client", "llr": -1.0, "text": "t"}
                ],
                "dns": {"queries": {"total": 0}, "keyword": {"exact": 2, "numbered": 1}, "mx_domains": 0},
                "smtp": {"attempts": 40, "destinations": 38, "refused": null, "unanswered": null,
                    "messages": 3, "messages_in_tls": 4, "rcpt_to": 0}
            }
        })
    }

    fn case(event: &Value) -> Case {
        match read(&event.to_string()) {
            Line::Verdict(case) => *case,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_an_owner_may_want_to_know() {
        let case = case(&event());
        assert_eq!(case.host, IpAddr::from([192, 0, 2, 66]));
        assert_eq!((case.class, case.level), (Class::SpamFanout, Level::Likely));
        assert_eq!(case.role, Some(Role::Aggregate));
        let families: Vec<_> = case.evidence.iter().map(|piece| piece.family).collect();
        assert_eq!(families, [Family::Fan, Family::Fail]);
        assert_eq!(
            case.numbers,
            [
                (Number::Connections, 40),
                (Number::Servers, 38),
                (Number::Messages, 7),
                (Number::MailHosts, 3)
            ]
        );
        assert_eq!(case.vlan.as_deref(), Some("12"));
        assert_eq!(case.first_seen.to_string(), "2026-01-05T00:00:00.500000Z");
    }

    #[test]
    fn text_of_an_event_turns_no_line() {
        let mut event = event();
        event["event"]["reason"] = "a\r\nBcc: x@example.net\\010\u{202e}".into();
        event["observer"]["name"] = "n\nm".into();
        let case = case(&event);
        assert_eq!(
            case.reason,
            "a\\013\\010Bcc: x@example.net\\010\\226\\128\\174"
        );
        assert_eq!(case.sensor, "n\\010m");
    }

    #[test]
    fn what_nobody_counts_and_no_sensor_writes_does_no_harm() {
        let mut event = event();
        for number in ["messages", "messages_in_tls"] {
            event["mxray"]["smtp"][number] = u64::MAX.into();
        }
        event["mxray"]["dns"]["keyword"]["exact"] = u64::MAX.into();
        event["event"]["reason"] = "é".repeat(10_000).into();
        let case = case(&event);
        for number in [Number::Messages, Number::MailHosts] {
            assert!(case.numbers.contains(&(number, u64::MAX)), "{number:?}");
        }
        assert_eq!(case.reason, "é".repeat(TEXT / 2));
    }

    #[test]
    fn a_false_alarm_is_none_that_only_went_silent() {
        let mut event = event();
        event["mxray"]["state"] = "closed".into();
        // Whatever its reason says.
        event["event"]["reason"] = "192.0.2.66 turned out to be a resolver: inventory.".into();
        assert!(!case(&event).acquitted);
        event["mxray"]["acquitted"] = true.into();
        assert!(case(&event).acquitted);
    }

    #[test]
    fn other_formats_are_known_as_such() {
        for line in [r#"{"event_type":"alert"}"#, r#"{"class_uid":2004}"#] {
            assert_eq!(read(line), Line::OtherFormat, "{line}");
        }
    }

    #[test]
    fn what_is_no_verdict() {
        for line in ["", "  ", r#"{"event":{"dataset":"mxray.stats"}}"#] {
            assert_eq!(read(line), Line::Other, "{line}");
        }
        for line in ["no", "[]", "{}", r#"{"event":{"dataset":"mxray.verdict"}}"#] {
            assert!(matches!(read(line), Line::Damaged(_)), "{line}");
        }
        for (pointer, value) in [
            ("/source/ip", "192.0.2.600"),
            ("/mxray/class", "gen4"),
            ("/mxray/level", "sure"),
            ("/mxray/episode/id", "a>\r\nb"),
            ("/mxray/episode/id", ""),
            ("/event/id", "x y"),
            ("/@timestamp", "yesterday"),
        ] {
            let mut event = event();
            *event.pointer_mut(pointer).unwrap() = value.into();
            let line = read(&event.to_string());
            assert!(matches!(line, Line::Damaged(_)), "{pointer}: {line:?}");
        }
    }
}
