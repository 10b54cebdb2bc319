//! Against <https://docs.splunk.com/Documentation/Splunk/latest/Data/TroubleshootHTTPEventCollector>.

use super::http::{Answer, Request, serve};
use super::{Arrivals, Place};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) fn said(status: u16, text: &str, code: u32) -> Answer {
    Answer::Is(status, "", json!({"text": text, "code": code}).to_string())
}

/// Checks a request, and yields its events.
fn events(request: &Request) -> Vec<Value> {
    assert_eq!(request.target, "/services/collector/event");
    let wrapped = serde_json::Deserializer::from_str(&request.body).into_iter();
    wrapped
        .map(|event| {
            let event: Value = event.unwrap();
            assert_eq!(event["source"], "mxray");
            assert_eq!(event["sourcetype"], "mxray:json");
            assert_eq!(event["host"], "north");
            assert!(event["event"].is_object());
            event
        })
        .collect()
}

#[test]
fn events_arrive_with_their_time_and_a_token_that_nobody_sees() {
    let place = Place::with(3);
    place.write("token", "t0k3n\n");
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let address = serve(move |request| {
        assert_eq!(request.headers["authorization"], "Splunk t0k3n");
        for (number, event) in (0..).zip(events(request)) {
            // 2005-02-25 09:00 UTC, as a number, and to the microsecond.
            assert!(
                request
                    .body
                    .contains(&format!("{{\"time\":1109322000.{number:06},"))
            );
            assert_eq!(event["index"], "mail");
            seen.add(&event["event"].to_string());
        }
        said(200, "Success", 0)
    });
    let line = format!(
        "ship --log log --to splunk+http://{address} --token-file token --index mail --once"
    );
    let output = place.mxray(&line).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    assert!(!told.contains("t0k3n"), "{told}");
    arrivals.check_once(3);
    let port = address.port();
    let kept = place.read(&format!("log/ship/splunk-http-127.0.0.1-{port}.offset"));
    assert!(kept.contains("\"delivered\":3"), "{kept}");
}

/// A server that takes what `before` has no answer for, by the number of the request.
pub(super) fn collector(
    arrivals: &Arrivals,
    before: impl Fn(usize, &[Value]) -> Option<Answer> + Send + Sync + 'static,
) -> SocketAddr {
    let (arrivals, requests) = (arrivals.clone(), AtomicUsize::new(0));
    serve(move |request| {
        let events = events(request);
        let number = requests.fetch_add(1, Ordering::SeqCst);
        before(number, &events).unwrap_or_else(|| {
            for event in events {
                arrivals.add(&event["event"].to_string());
            }
            said(200, "Success", 0)
        })
    })
}

/// One that never takes event 17.
fn particular(arrivals: &Arrivals) -> SocketAddr {
    collector(arrivals, |_, events| {
        let has = events.iter().any(|event| event["event"]["n"] == 17);
        has.then(|| said(400, "Invalid data format", 6))
    })
}

/// What that one takes of forty.
fn all_but_one() -> Vec<u64> {
    (0..40).filter(|&n| n != 17).collect()
}

#[test]
fn a_busy_server_is_waited_for_and_a_wrong_token_mended() {
    let place = Place::with(20);
    let arrivals = Arrivals::default();
    let address = collector(&arrivals, |number, _| match number {
        0 => Some(said(503, "Server is busy", 9)),
        1 => Some(said(403, "Invalid token", 4)),
        _ => None,
    });
    place.receiver(&format!("splunk+http://{address}"), "");
    let told = place.once(0);
    assert!(
        told.contains("503 Service Unavailable: {\"code\":9"),
        "{told}"
    );
    arrivals.check_once(20);
}

#[test]
fn an_event_that_is_refused_is_found_and_set_aside_and_the_others_arrive() {
    let place = Place::with(40);
    let arrivals = Arrivals::default();
    let address = particular(&arrivals);
    place.receiver(&format!("splunk+http://{address}"), "");
    let told = place.once(1);
    assert!(told.contains("39 events delivered, 1 refused"), "{told}");
    assert_eq!(arrivals.all(), all_but_one());
    let aside = place.read("log/ship/r.refused.ndjson");
    assert!(
        aside.contains("\"n\":17") && aside.contains("Invalid data format"),
        "{aside}"
    );
}

#[test]
fn while_nothing_can_be_set_aside_what_arrived_is_not_sent_again() {
    let place = Place::with(40);
    let arrivals = Arrivals::default();
    let address = particular(&arrivals);
    place.receiver(&format!("splunk+http://{address}"), "");
    // A folder where the file is to be.
    let aside = place.path("log/ship/r.refused.ndjson");
    std::fs::create_dir_all(&aside).unwrap();
    let mut shipper = place.start();
    place.wait_told("setting events aside in log/ship/r.refused.ndjson");
    std::fs::remove_dir(&aside).unwrap();
    arrivals.wait(39);
    shipper.signal("-TERM");
    assert_eq!(arrivals.all(), all_but_one());
    let aside = place.read("log/ship/r.refused.ndjson");
    assert!(aside.contains("\"n\":17"), "{aside}");
}
