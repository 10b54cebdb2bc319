//! Each format against its own schema, against what readers of it rely on (`reference/`, written
//! from Suricata's and OCSF's own schemas), and against the events as they are in ECS.

use super::*;
use jsonschema::Validator;
use std::net::IpAddr;

/// What they are made of: verdicts of all states, convictions, hosts and totals; a sensor that is
/// blind and recovers; hosts in VLANs.
const CASES: [&str; 3] = ["fanout-bot", "sensor-blind", "link-vlan"];

fn told(case: &str, format: &str) -> Vec<Value> {
    let place = Place::with(case);
    let line = format!("replay -q --hosts=all --format {format} {case}.pcap");
    place.run(&line, 0).events()
}

fn schema(format: &str) -> Validator {
    let run = Place::new().run(&format!("schema --format {format}"), 0);
    let schema = serde_json::from_str(&run.stdout).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn reference(text: &str) -> Validator {
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

fn check(validator: &Validator, event: &Value) {
    let errors: Vec<_> = validator.iter_errors(event).collect();
    assert!(errors.is_empty(), "{errors:?}\n{event}");
}

#[test]
fn eve_is_what_its_readers_expect() {
    let (schema, reference) = (schema("eve"), reference(include_str!("reference/eve.json")));
    let mut alerts = 0;
    for case in CASES {
        let (ecs, eve) = (told(case, "ecs"), told(case, "eve"));
        assert_eq!(ecs.len(), eve.len());
        for (ecs, eve) in ecs.iter().zip(&eve) {
            check(&schema, eve);
            check(&reference, eve);
            let time = eve["timestamp"].as_str().unwrap().replace("+0000", "Z");
            assert_eq!(ecs["@timestamp"], time);
            assert_eq!(eve["host"], ecs["observer"]["name"]);
            assert_eq!(eve.get("src_ip"), ecs.pointer("/source/ip"));
            let vlan = eve.pointer("/vlan/0").map(|id| json_text(&id.to_string()));
            assert_eq!(vlan.as_ref(), ecs.pointer("/network/vlan/id"));
            let convicted = ecs["event"]["kind"] == "alert";
            let kind = if convicted { "alert" } else { "mxray" };
            assert_eq!(eve["event_type"], kind);
            alerts += usize::from(convicted);
            // All of ours is there.
            for (key, value) in ecs["mxray"].as_object().unwrap() {
                assert_told(&eve["mxray"][key], value, key);
            }
            for key in ["event", "observer", "rule", "source", "related", "network"] {
                assert_eq!(eve["mxray"].get(key), ecs.get(key), "{key}");
            }
        }
    }
    assert!(alerts > 0);
}

/// That something is told as in ECS. Of lists that the bound of a line cuts, a longer format may
/// hold less, marked as such.
fn assert_told(told: &Value, ecs: &Value, key: &str) {
    match (told, ecs) {
        (Value::Object(told), Value::Object(ecs)) => {
            for (key, value) in ecs {
                if key != "cut" {
                    assert_told(&told[key], value, key);
                }
            }
            assert!(told.keys().all(|key| key == "cut" || ecs.contains_key(key)));
        }
        (Value::Array(told), Value::Array(ecs)) => {
            let may_be_cut = ["packets", "labels", "by_port"].contains(&key);
            assert!(
                told.len() == ecs.len() || may_be_cut && told.len() < ecs.len(),
                "{key}"
            );
            for (told, ecs) in told.iter().zip(ecs) {
                assert_told(told, ecs, key);
            }
        }
        _ => assert_eq!(told, ecs, "{key}"),
    }
}

fn json_text(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn ocsf_is_what_its_readers_expect() {
    let (schema, reference) = (
        schema("ocsf"),
        reference(include_str!("reference/ocsf.json")),
    );
    let mut activities = [0; 3];
    for case in CASES {
        let (ecs, ocsf) = (told(case, "ecs"), told(case, "ocsf"));
        assert_eq!(ecs.len(), ocsf.len());
        for (ecs, ocsf) in ecs.iter().zip(&ocsf) {
            check(&schema, ocsf);
            check(&reference, ocsf);
            let number = |key: &str| ocsf[key].as_u64().unwrap();
            let type_uid = 100 * number("class_uid") + number("activity_id");
            assert_eq!(number("type_uid"), type_uid);
            assert_eq!(ocsf["metadata"]["uid"], ecs["event"]["id"]);
            // Both times are one.
            for (millis, text) in [
                ("/time", "/time_dt"),
                ("/start_time", "/start_time_dt"),
                ("/end_time", "/end_time_dt"),
                (
                    "/finding_info/first_seen_time",
                    "/finding_info/first_seen_time_dt",
                ),
                (
                    "/finding_info/last_seen_time",
                    "/finding_info/last_seen_time_dt",
                ),
            ] {
                let text = ocsf.pointer(text).map(|text| {
                    let time: jiff::Timestamp = text.as_str().unwrap().parse().unwrap();
                    time.as_millisecond()
                });
                let millis = ocsf.pointer(millis).map(|number| number.as_i64().unwrap());
                assert_eq!(millis, text);
            }
            assert_eq!(ocsf["time_dt"], ecs["@timestamp"]);
            assert_eq!(ocsf.pointer("/device/ip"), ecs.pointer("/source/ip"));
            for seen in ocsf["observables"].as_array().into_iter().flatten() {
                seen["value"].as_str().unwrap().parse::<IpAddr>().unwrap();
                // The host where readers look for it, others where they stand.
                let host = seen["value"] == ocsf["device"]["ip"];
                let name = if host {
                    "device.ip"
                } else {
                    "unmapped.related.ip"
                };
                assert_eq!(seen["name"], name);
            }
            let mut ours = ecs["mxray"].clone();
            if ecs["event"]["dataset"] == "mxray.verdict" {
                let state = ["new", "updated", "closed"]
                    .iter()
                    .position(|state| ecs["mxray"]["state"] == *state)
                    .unwrap();
                assert_eq!(number("activity_id"), state as u64 + 1);
                activities[state] += 1;
                assert_eq!(ocsf["is_alert"], ecs["event"]["kind"] == "alert");
                assert_eq!(ocsf["finding_info"]["uid"], ecs["mxray"]["episode"]["id"]);
                assert_eq!(ocsf["finding_info"]["types"][0], ecs["mxray"]["class"]);
                // Evidence is told once, and not lost.
                let evidence = ours.as_object_mut().unwrap().remove("evidence").unwrap();
                let told: Vec<_> = ocsf["evidences"].as_array().into_iter().flatten().collect();
                assert_eq!(told.len(), evidence.as_array().unwrap().len());
                for (told, piece) in told.into_iter().zip(evidence.as_array().unwrap()) {
                    assert_told(&told["data"], piece, "evidence");
                }
            } else {
                assert_eq!(number("class_uid"), 0);
            }
            assert_told(&ocsf["unmapped"]["mxray"], &ours, "mxray");
            for key in ["kind", "action", "severity", "risk_score"] {
                assert_eq!(ocsf["unmapped"]["event"].get(key), ecs["event"].get(key));
            }
        }
    }
    assert!(activities.iter().all(|count| *count > 0), "{activities:?}");
}

/// The index template speaks of fields that events have.
#[test]
fn the_index_template_knows_the_events() {
    let template = include_str!("../../docs/deploy/opensearch-index-template.json");
    let template: Value = serde_json::from_str(template).unwrap();
    let mut names = Vec::new();
    leaves(
        &template["template"]["mappings"]["properties"],
        "",
        &mut names,
    );
    assert!(names.contains(&"/source/ip".to_owned()), "{names:?}");
    let events = told("fanout-bot", "ecs");
    for name in names {
        assert!(
            events.iter().any(|event| event.pointer(&name).is_some()),
            "{name}"
        );
    }
}

/// The fields that a mapping gives a type.
fn leaves(properties: &Value, above: &str, names: &mut Vec<String>) {
    for (key, field) in properties.as_object().unwrap() {
        let name = format!("{above}/{key}");
        match field.get("properties") {
            Some(below) => leaves(below, &name, names),
            None => names.push(name),
        }
    }
}

/// One conviction as a person would look at it; `INSTA_UPDATE=always` writes them anew.
#[test]
fn a_conviction_in_each_format() {
    for format in ["ecs", "eve", "ocsf"] {
        let place = Place::with("study-client-b");
        let run = place.run(
            &format!("replay -q --format {format} study-client-b.pcap"),
            0,
        );
        let convicted = |line: &&str| line.contains("\"host-convicted\"");
        let line = run.stdout.lines().find(convicted).unwrap();
        let event: Value = serde_json::from_str(line).unwrap();
        let text = serde_json::to_string_pretty(&event).unwrap();
        let text = text.replace(env!("CARGO_PKG_VERSION"), "[version]");
        insta::assert_snapshot!(format!("conviction_{format}"), text);
    }
}
