//! The `_bulk` of Elasticsearch and OpenSearch.
//!
//! Every document is created under the event's identifier, so that one that is sent again is
//! known: a conflict (409) means that it is there. `create` is also what data streams take.

use super::http::{Answer, Http};
use super::{Event, Failure, Fate, Receiver};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use ureq::http::StatusCode;

/// What is asked of the answer: it could be much larger.
const ASKED: &str = "?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason";

pub(super) struct Bulk {
    http: Http,
    index: String,
}

#[derive(Serialize)]
struct Action<'a> {
    create: Create<'a>,
}

#[derive(Serialize)]
struct Create<'a> {
    _index: &'a str,
    _id: &'a str,
}

#[derive(Deserialize)]
struct Outcome {
    items: Vec<BTreeMap<String, Item>>,
}

/// What it says of a request as a whole.
#[derive(Deserialize)]
struct Whole {
    error: ItemError,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    error: Option<ItemError>,
}

#[derive(Deserialize)]
struct ItemError {
    #[serde(rename = "type")]
    kind: String,
    reason: Option<String>,
}

impl Bulk {
    pub(super) fn new(http: Http, index: &str) -> Self {
        Self {
            http: http.asking(ASKED),
            index: index.to_owned(),
        }
    }

    fn body(&self, events: &[Event]) -> Vec<u8> {
        let mut body = Vec::new();
        for event in events {
            let index = self.index.replace("{dataset}", &event.dataset);
            let create = Create {
                _index: &index,
                _id: &event.id,
            };
            // Text into memory: there is nothing to fail.
            let _ = serde_json::to_writer(&mut body, &Action { create });
            body.push(b'\n');
            body.extend_from_slice(&event.line);
            body.push(b'\n');
        }
        body
    }
}

impl Receiver for Bulk {
    fn deliver(&mut self, events: &[Event], until: Instant) -> Result<Vec<Fate>, Failure> {
        let body = self.body(events);
        let answer = self.http.post("application/x-ndjson", &body, until)?;
        fates(&answer, events.len())
    }

    /// Each shard of an index answers for itself.
    fn takes_part(&self) -> bool {
        true
    }

    fn show(&self, events: &[Event]) -> Vec<u8> {
        self.body(events)
    }
}

fn fates(answer: &Answer, events: usize) -> Result<Vec<Fate>, Failure> {
    if answer.status == StatusCode::BAD_REQUEST {
        let said = serde_json::from_slice::<Whole>(&answer.body);
        return Err(match said {
            Ok(Whole { error }) if error.is_of_a_document() => answer.unacceptable(),
            _ => answer.failure(),
        });
    }
    if answer.status != StatusCode::OK {
        return Err(answer.failure());
    }
    let outcome: Outcome = serde_json::from_slice(&answer.body)
        .map_err(|error| answer.later(format_args!("an answer that is not understood: {error}")))?;
    let items = outcome.items.iter().flat_map(BTreeMap::values);
    let fates: Vec<_> = items.map(|item| item.fate(answer.after())).collect();
    if fates.len() != events {
        let told = fates.len();
        return Err(answer.later(format_args!("it tells of {told} of {events} events")));
    }
    Ok(fates)
}

impl ItemError {
    /// Whether a request is refused as a whole for what stands in one of its lines.
    fn is_of_a_document(&self) -> bool {
        let kind = self.kind.as_str();
        // The first is of an identifier that is too long.
        kind == "action_request_validation_exception"
            || kind.ends_with("_parse_exception")
            || kind.ends_with("_parsing_exception")
    }

    /// Whether people have to mend an index, or its name.
    fn is_of_an_index(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "index_not_found_exception" | "index_closed_exception" | "invalid_index_name_exception"
        )
    }
}

impl Item {
    fn fate(&self, after: Option<Duration>) -> Fate {
        let reason = || match &self.error {
            Some(ItemError { kind, reason }) => {
                let reason = reason.as_deref().unwrap_or_default();
                format!("{} {kind}: {reason}", self.status)
            }
            None => self.status.to_string(),
        };
        let later = || Fate::Later {
            reason: reason(),
            after,
        };
        match self.status {
            200..=299 | 409 => Fate::Delivered,
            // Too much at once; and what is no fault of the event: rights, a full disk, and what
            // is not there.
            401 | 403 | 404 | 429 | 500..=599 => later(),
            _ if self.error.as_ref().is_some_and(ItemError::is_of_an_index) => later(),
            _ => Fate::Refused(reason()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates_of(status: u16, body: &str, events: usize) -> Result<Vec<Fate>, Failure> {
        fates(&Answer::of(status, body), events)
    }

    #[test]
    fn each_item_has_its_fate() {
        let body = r#"{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409,
            "error":{"type":"version_conflict_engine_exception","reason":"exists"}}},
            {"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"busy"}}},
            {"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"[1:2] no"}}},
            {"create":{"status":503}}]}"#;
        let later = |reason: &str| Fate::Later {
            reason: reason.to_owned(),
            after: None,
        };
        let fates = [
            Fate::Delivered,
            Fate::Delivered,
            later("429 es_rejected_execution_exception: busy"),
            Fate::Refused("400 document_parsing_exception: [1:2] no".to_owned()),
            later("503"),
        ];
        assert_eq!(fates_of(200, body, 5).unwrap(), fates);
    }

    #[test]
    fn what_people_have_to_mend_is_tried_again() {
        for (status, kind) in [
            (404, "index_not_found_exception"),
            (400, "invalid_index_name_exception"),
            (400, "index_closed_exception"),
        ] {
            let body = format!(
                r#"{{"items":[{{"create":{{"status":{status},"error":{{"type":"{kind}"}}}}}}]}}"#
            );
            let fates = fates_of(200, &body, 1).unwrap();
            assert!(matches!(&fates[..], [Fate::Later { .. }]), "{fates:?}");
        }
        let wrong = r#"{"create":{"status":400,"error":{"type":"mapper_exception"}}}"#;
        let right = r#"{"create":{"status":201}}"#;
        let one = fates_of(200, &format!(r#"{{"items":[{wrong},{right}]}}"#), 2).unwrap();
        assert!(matches!(&one[..], [Fate::Refused(_), Fate::Delivered]));
    }

    #[test]
    fn a_request_is_taken_apart_only_where_a_document_is_said_to_be_wrong() {
        let said = |kind| format!(r#"{{"error":{{"type":"{kind}","reason":"no"}},"status":400}}"#);
        for (body, apart) in [
            (said("x_content_parse_exception"), true),
            (said("document_parsing_exception"), true),
            (said("action_request_validation_exception"), true),
            (said("illegal_argument_exception"), false),
            ("<html>nginx</html>".to_owned(), false),
            (String::new(), false),
        ] {
            let failure = fates_of(400, &body, 2).unwrap_err();
            let apart_now = matches!(failure, Failure::Unacceptable { .. });
            assert_eq!(apart_now, apart, "{body}");
        }
    }

    #[test]
    fn an_answer_that_does_not_tell_of_every_event_tells_nothing() {
        let one = r#"{"errors":false,"items":[{"create":{"status":201}}]}"#;
        for (status, body, events) in [(200, one, 2), (200, "<html>", 1), (502, one, 1)] {
            let fates = fates_of(status, body, events);
            assert!(matches!(fates, Err(Failure::Later { .. })), "{fates:?}");
        }
    }
}
