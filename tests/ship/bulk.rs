//! Against <https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk>.

use super::http::{Answer, Request, serve};
use super::{Arrivals, HOSTS, Place};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Checks a request, and yields index, identifier and document of each of its actions.
fn actions(request: &Request) -> Vec<(String, String, String)> {
    let (path, query) = request.target.split_once('?').unwrap();
    assert_eq!(path, "/_bulk");
    assert!(query.starts_with("filter_path=errors,items."), "{query}");
    assert_eq!(request.headers["content-type"], "application/x-ndjson");
    assert!(request.headers["user-agent"].starts_with("mxray/"));
    // "The final line of data must end with a newline character."
    assert!(request.body.ends_with('\n'));
    let lines: Vec<_> = request.body.lines().collect();
    let (pairs, rest) = lines.as_chunks();
    assert!(rest.is_empty());
    let pairs = pairs.iter().map(|[action, document]| {
        let action: Value = serde_json::from_str(action).unwrap();
        let create = &action["create"];
        let text = |key: &str| create[key].as_str().unwrap().to_owned();
        (text("_index"), text("_id"), (*document).to_owned())
    });
    pairs.collect()
}

fn answer(items: &[Value]) -> Answer {
    let items: Vec<_> = items.iter().map(|item| json!({"create": item})).collect();
    Answer::Is(200, "", json!({"errors": true, "items": items}).to_string())
}

/// A server that keeps documents by their identifiers, as the real one does.
fn index(
    arrivals: &Arrivals,
    before: impl Fn(usize) -> Option<Answer> + Send + Sync + 'static,
) -> String {
    let arrivals = arrivals.clone();
    let (known, requests) = (Mutex::new(BTreeSet::new()), AtomicUsize::new(0));
    let address = serve(move |request| {
        let actions = actions(request);
        if let Some(answer) = before(requests.fetch_add(1, Ordering::SeqCst)) {
            return answer;
        }
        let items = actions.iter().map(|(_, id, document)| {
            if known.lock().unwrap().insert(id.clone()) {
                arrivals.add(document);
                json!({"status": 201})
            } else {
                json!({"status": 409, "error": {"type": "version_conflict_engine_exception"}})
            }
        });
        answer(&items.collect::<Vec<_>>())
    });
    format!("elasticsearch+http://{address}")
}

#[test]
fn documents_arrive_once_and_in_order_under_their_identifiers() {
    let place = Place::with(2500);
    let arrivals = Arrivals::default();
    place.receiver(&index(&arrivals, |_| None), "");
    let told = place.once(0);
    assert!(
        told.contains("r: 2500 events delivered, 0 refused, 0 lost"),
        "{told}"
    );
    arrivals.check_once(2500);
    // It goes on where it was, which is the end.
    let told = place.once(0);
    assert!(told.contains("r: 0 events delivered"), "{told}");
    arrivals.check_once(2500);
}

#[test]
fn where_it_goes_and_who_sends_it() {
    let place = Place::with(1);
    place.write("password", "open sesame\n");
    for (more, index, authorization) in [
        ("", "logs-mxray.verdict-default", None),
        (
            "index = 'mxray-{dataset}'\ngzip = false",
            "mxray-mxray.verdict",
            None,
        ),
        (
            "index = 'one'\ntoken-env = 'KEY'",
            "one",
            Some("ApiKey k3y"),
        ),
        (
            "user = 'Aladdin'\npassword-file = 'password'",
            "logs-mxray.verdict-default",
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ),
    ] {
        let gzip = !more.contains("gzip");
        let address = serve(move |request| {
            assert_eq!(request.headers.contains_key("content-encoding"), gzip);
            assert_eq!(
                request.headers.get("authorization").map(String::as_str),
                authorization
            );
            assert_eq!(actions(request)[0].0, index);
            answer(&[json!({"status": 201})])
        });
        place.receiver(&format!("opensearch+http://{address}"), more);
        let mut command = place.mxray("ship --config ship.toml --once");
        let output = command.env("KEY", "k3y").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{more}: {told}");
        assert!(!told.contains("k3y") && !told.contains("sesame"), "{told}");
        std::fs::remove_file(place.path("log/ship/r.offset")).unwrap();
    }
}

#[test]
fn one_that_is_busy_is_asked_again_and_waited_for() {
    let place = Place::with(300);
    let arrivals = Arrivals::default();
    let url = index(&arrivals, |request| match request {
        0 => Some(Answer::Is(429, "Retry-After: 1\r\n", "{}".to_owned())),
        1 => Some(Answer::Is(503, "", "unavailable".to_owned())),
        2 => Some(Answer::Cut),
        3 => Some(Answer::Is(200, "", "<html>".to_owned())),
        _ => None,
    });
    place.receiver(&url, "batch-events = 100");
    let begun = std::time::Instant::now();
    let told = place.once(0);
    // Not before it said so; how much later is nobody's matter.
    assert!(begun.elapsed() >= std::time::Duration::from_secs(1));
    assert!(
        told.contains("r: 429 Too Many Requests: {}; it is tried again"),
        "{told}"
    );
    assert!(told.contains("r: it takes events again"), "{told}");
    arrivals.check_once(300);
}

#[test]
fn what_is_not_acknowledged_is_sent_again_and_known() {
    let place = Place::with(50);
    let arrivals = Arrivals::default();
    let (kept, calls) = (arrivals.clone(), AtomicUsize::new(0));
    let url = index(&arrivals, |_| None);
    let inner = url.replace("elasticsearch+http://", "");
    // Between the two: the request arrives and the answer does not.
    let address = serve(move |request| {
        let mut stream = std::net::TcpStream::connect(&inner).unwrap();
        let head = format!(
            "POST {} HTTP/1.1\r\nContent-Type: application/x-ndjson\r\nUser-Agent: mxray/\r\n\
             Content-Length: {}\r\n\r\n{}",
            request.target,
            request.body.len(),
            request.body
        );
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = String::from_utf8(super::read_rest(&mut stream)).unwrap();
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::Cut,
            _ => Answer::Is(200, "", answer.split_once("\r\n\r\n").unwrap().1.to_owned()),
        }
    });
    place.receiver(&format!("elasticsearch+http://{address}"), "");
    let told = place.once(0);
    assert!(told.contains("50 events delivered, 0 refused"), "{told}");
    kept.check_once(50);
}

#[test]
fn of_a_batch_that_fails_in_part_only_that_part_is_sent_again() {
    let place = Place::with(10);
    let (requests, seen) = (AtomicUsize::new(0), Arrivals::default());
    let arrivals = seen.clone();
    let address = serve(move |request| {
        assert!(actions(request).len() <= usize::try_from(HOSTS).unwrap());
        let first = requests.fetch_add(1, Ordering::SeqCst) == 0;
        let items = actions(request).into_iter().map(|(_, id, document)| {
            match (id.as_str(), first) {
                ("id3", _) => json!({"status": 400, "error": {"type": "document_parsing_exception", "reason": "no\u{1b}[2J"}}),
                ("id5" | "id6", true) => json!({"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "queue"}}),
                _ => {
                    assert!(first || !["id0", "id1", "id2", "id4"].contains(&&*id), "{id}");
                    seen.add(&document);
                    json!({"status": 201})
                }
            }
        });
        answer(&items.collect::<Vec<_>>())
    });
    place.receiver(&format!("elasticsearch+http://{address}"), "");
    let told = place.once(1);
    assert!(
        told.contains("r: 9 events delivered, 1 refused, 0 lost"),
        "{told}"
    );
    assert!(
        told.contains("set aside in log/ship/r.refused.ndjson: 400 document_parsing_exception"),
        "{told}"
    );
    // What the receiver says does nothing to a terminal.
    assert!(!told.contains('\u{1b}'), "{told}");
    // No host has a second event in a request: none is overtaken by its next one.
    assert_eq!(arrivals.all(), [0, 1, 2, 4, 5, 6, 7, 8, 9]);
    let aside = place.read("log/ship/r.refused.ndjson");
    let aside: Value = serde_json::from_str(aside.trim_end()).unwrap();
    assert_eq!(aside["event"]["n"], 3);
    assert_eq!(
        aside["reason"],
        "400 document_parsing_exception: no\u{1b}[2J"
    );
}

#[test]
fn what_is_too_large_is_sent_in_parts() {
    let place = Place::with(100);
    let (requests, seen) = (AtomicUsize::new(0), Arrivals::default());
    let arrivals = seen.clone();
    let address = serve(move |request| {
        requests.fetch_add(1, Ordering::SeqCst);
        let actions = actions(request);
        if actions.len() > 3 {
            return Answer::Is(413, "", "{}".to_owned());
        }
        let items = actions.iter().map(|(_, _, document)| {
            seen.add(document);
            json!({"status": 201})
        });
        answer(&items.collect::<Vec<_>>())
    });
    place.receiver(&format!("elasticsearch+http://{address}"), "");
    place.once(0);
    arrivals.check_once(100);
}

#[test]
fn one_that_takes_no_event_of_a_batch_does_not_take_events_again() {
    let place = Place::with(HOSTS);
    let arrivals = Arrivals::default();
    let busy = json!({"status": 429, "error": {"type": "es_rejected_execution_exception"}});
    let url = index(&arrivals, move |request| {
        let Answer::Is(status, _, body) = answer(&vec![busy.clone(); 7]) else {
            return None;
        };
        match request {
            0 => Some(Answer::Is(status, "Retry-After: 1\r\n", body)),
            1..=3 => Some(Answer::Is(status, "", body)),
            _ => None,
        }
    });
    place.receiver(&url, "");
    let begun = std::time::Instant::now();
    let told = place.once(0);
    // Not before it said so; how much later is nobody's matter.
    assert!(begun.elapsed() >= std::time::Duration::from_secs(1));
    assert_eq!(told.matches("it is tried again").count(), 1, "{told}");
    assert_eq!(told.matches("it takes events again").count(), 1, "{told}");
    arrivals.check_once(HOSTS);
}

#[test]
fn a_mapping_that_takes_nothing_is_waited_for() {
    let place = Place::with(HOSTS);
    let arrivals = Arrivals::default();
    let wrong = json!({"status": 400, "error": {"type": "strict_dynamic_mapping_exception"}});
    let url = index(&arrivals, move |request| match request {
        0 => Some(answer(&vec![wrong.clone(); 7])),
        1 => Some(Answer::Is(400, "", "<html>a proxy</html>".to_owned())),
        _ => None,
    });
    place.receiver(&url, "");
    let told = place.once(0);
    assert!(
        told.contains("all 7 events are refused: 400 strict_dynamic_mapping_exception"),
        "{told}"
    );
    assert!(told.contains("7 events delivered, 0 refused"), "{told}");
    arrivals.check_once(HOSTS);
}

#[test]
fn of_hosts_that_have_several_events_in_a_batch_only_the_bad_ones_are_set_aside() {
    // The last two of them are alone in a part, and both are bad.
    let place = Place::with(HOSTS + 2);
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let address = serve(move |request| {
        let items = actions(request).into_iter().map(|(_, _, document)| {
            let event: Value = serde_json::from_str(&document).unwrap();
            if ["192.0.2.0", "192.0.2.1"].contains(&event["source"]["ip"].as_str().unwrap()) {
                return json!({"status": 400, "error": {"type": "document_parsing_exception"}});
            }
            seen.add(&document);
            json!({"status": 201})
        });
        answer(&items.collect::<Vec<_>>())
    });
    place.receiver(&format!("elasticsearch+http://{address}"), "");
    let told = place.once(1);
    assert!(told.contains("5 events delivered, 4 refused"), "{told}");
}

#[test]
fn a_token_that_was_changed_is_read_again() {
    let place = Place::with(2);
    place.write("token", "old\n");
    let arrivals = Arrivals::default();
    let (seen, path) = (arrivals.clone(), place.path("token"));
    let address = serve(move |request| {
        if request.headers["authorization"] != "ApiKey new" {
            // Somebody changes it now.
            std::fs::write(&path, "new\n").unwrap();
            return Answer::Is(401, "", "{}".to_owned());
        }
        let items = actions(request).into_iter().map(|(_, _, document)| {
            seen.add(&document);
            json!({"status": 201})
        });
        answer(&items.collect::<Vec<_>>())
    });
    let url = format!("elasticsearch+http://{address}");
    place.receiver(&url, "token-file = 'token'");
    let told = place.once(0);
    assert!(told.contains("401 Unauthorized"), "{told}");
    assert!(!told.contains("old") && !told.contains("new"), "{told}");
    arrivals.check_once(2);
    // As it is typed, too.
    let mut place = Place::with(2);
    place.write("token", "old\n");
    let (seen, path) = (Arrivals::default(), place.path("token"));
    let arrivals = seen.clone();
    let address = serve(move |request| {
        if request.headers["authorization"] == "ApiKey old" {
            std::fs::write(&path, "new\n").unwrap();
            return Answer::Is(403, "", "{}".to_owned());
        }
        let items = actions(request).into_iter().map(|(_, _, document)| {
            seen.add(&document);
            json!({"status": 201})
        });
        answer(&items.collect::<Vec<_>>())
    });
    place.events(1);
    let line =
        format!("ship --log log --once --token-file token --to elasticsearch+http://{address}");
    let output = place.mxray(&line).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    arrivals.check_once(3);
}
