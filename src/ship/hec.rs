//! Splunk's HTTP event collector.

use super::http::{Answer, Http};
use super::{Event, Failure, Fate, Receiver};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::Instant;
use ureq::http::StatusCode;

pub(super) struct Hec {
    http: Http,
    index: Option<String>,
}

/// An event with its metadata.
#[derive(Serialize)]
struct Wrapped<'a> {
    /// Seconds since 1970, with microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    source: &'a str,
    sourcetype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    event: &'a RawValue,
}

/// What it says of a request.
#[derive(Deserialize)]
struct Said {
    code: u32,
}

impl Hec {
    pub(super) fn new(http: Http, index: Option<&str>) -> Self {
        Self {
            http,
            index: index.map(str::to_owned),
        }
    }

    fn body(&self, events: &[Event]) -> Vec<u8> {
        let mut body = Vec::new();
        for event in events {
            // What was parsed as JSON is text.
            let Ok(line) = serde_json::from_slice(&event.line) else {
                continue;
            };
            let time = event.time.map(|time| {
                let micros = time.as_microsecond();
                let (seconds, micros) =
                    (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
                RawValue::from_string(format!("{seconds}.{micros:06}"))
            });
            let wrapped = Wrapped {
                time: time.and_then(Result::ok),
                host: event.sensor.as_deref(),
                source: "mxray",
                sourcetype: "mxray:json",
                index: self.index.as_deref(),
                event: line,
            };
            // Into memory: there is nothing to fail.
            let _ = serde_json::to_writer(&mut body, &wrapped);
            body.push(b'\n');
        }
        body
    }
}

impl Receiver for Hec {
    fn deliver(&mut self, events: &[Event], until: Instant) -> Result<Vec<Fate>, Failure> {
        let body = self.body(events);
        let answer = self.http.post("application/json", &body, until)?;
        fates(&answer, events.len())
    }

    fn show(&self, events: &[Event]) -> Vec<u8> {
        self.body(events)
    }
}

/// It takes all events of a request or none, and only its own words say which: a 200 may be
/// somebody's login page, and a 400 a proxy's. Of what it says with 400, the format of the data
/// (6) and its field `event` (12, 13) are about the events; an index that is not there (7) or a
/// channel (10, 11) are for people to mend.
fn fates(answer: &Answer, events: usize) -> Result<Vec<Fate>, Failure> {
    let said = serde_json::from_slice::<Said>(&answer.body).ok();
    match (answer.status, said.map(|said| said.code)) {
        (StatusCode::OK, Some(0)) => Ok(vec![Fate::Delivered; events]),
        (StatusCode::BAD_REQUEST, Some(6 | 12 | 13)) => Err(answer.unacceptable()),
        _ => Err(answer.failure()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_or_none() {
        let fates = |status, body| fates(&Answer::of(status, body), 2);
        let success = r#"{"text":"Success","code":0}"#;
        assert_eq!(fates(200, success), Ok(vec![Fate::Delivered; 2]));
        for (status, body) in [
            (503, r#"{"text":"Server is busy","code":9}"#),
            (403, r#"{"text":"Invalid token","code":4}"#),
            (400, r#"{"text":"Incorrect index","code":7}"#),
            (200, r#"{"text":"?","code":8}"#),
            (200, ""),
            (200, "<html>"),
            (400, "<html>"),
            (200, "{}"),
            (200, r#"{"text":"Success","co"#),
        ] {
            let fates = fates(status, body);
            assert!(matches!(fates, Err(Failure::Later { .. })), "{fates:?}");
        }
        let invalid = r#"{"text":"Invalid data format","code":6,"invalid-event-number":1}"#;
        assert!(matches!(
            fates(400, invalid),
            Err(Failure::Unacceptable {
                too_large: false,
                ..
            })
        ));
        assert!(matches!(
            fates(413, ""),
            Err(Failure::Unacceptable {
                too_large: true,
                ..
            })
        ));
    }
}
