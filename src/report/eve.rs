//! Events in the shape of Suricata's EVE, for what reads its `eve.json`.
//!
//! A conviction is an `alert`, and all else is `mxray`, a type that readers of EVE pass by; totals
//! are no `stats`, of which they expect Suricata's counters. What EVE has no name for stands under `mxray`, in the names of
//! [`super::event`]. Names and types are those of Suricata's `etc/schema.json`, and `host` is where
//! it writes its `sensor-name`; there is no `dest_ip` and no `proto`, since a verdict is about a
//! host and not about a flow.

use super::event::{
    Body, Event, HostBody, LifeBody, Meta, Network, Observer, Related, Rule, SensorBody, Source,
    StatsBody, VerdictBody, schema_of,
};
use crate::verdict::{Class, Level};
use schemars::JsonSchema;
use serde::Serialize;

/// `alert.gid`: whose signatures these are. Suricata's own rules have 1, so that no number of
/// ours is one of theirs.
const GENERATOR: u32 = 2525;

/// An event.
#[derive(Serialize, JsonSchema)]
pub(super) struct EveEvent<'a, B> {
    /// As `@timestamp`, with the offset as EVE writes it: +0000.
    timestamp: String,
    /// `alert` or `mxray`.
    event_type: &'static str,
    /// The sensor's name.
    host: &'a str,
    /// The host's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    src_ip: Option<&'a str>,
    /// Outermost 802.1Q identifier of the host's newest query.
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<[u16; 1]>,
    /// Of an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Alert>,
    /// Ours.
    mxray: Ours<'a, B>,
}

/// `alert`.
#[derive(Serialize, JsonSchema)]
struct Alert {
    /// `allowed`: a sensor stops nothing.
    action: &'static str,
    /// Whose signatures these are: mxray's.
    gid: u32,
    /// The number of the class.
    signature_id: u32,
    /// Version of what the number means.
    rev: u32,
    /// The class in words.
    signature: &'static str,
    /// In the words of Suricata's `classification.config`.
    category: &'static str,
    /// 1 confirmed, 2 likely.
    severity: u8,
}

/// `mxray`.
#[derive(Serialize, JsonSchema)]
struct Ours<'a, B> {
    event: &'a Meta,
    observer: &'a Observer,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a Rule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related: Option<&'a Related>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a Network>,
    #[serde(flatten)]
    body: &'a B,
}

/// Any event, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is asked for")]
enum AnyEve<'a> {
    Verdict(EveEvent<'a, VerdictBody>),
    Host(EveEvent<'a, HostBody>),
    Stats(EveEvent<'a, StatsBody>),
    Sensor(EveEvent<'a, SensorBody>),
    Life(EveEvent<'a, LifeBody>),
}

/// The JSON Schema of all events in this format.
#[must_use]
pub fn schema() -> schemars::Schema {
    schema_of::<AnyEve<'_>>("mxray event, in the shape of EVE")
}

impl<'a, B: Body> EveEvent<'a, B> {
    /// An event in this shape.
    pub(super) fn of(event: &'a Event<B>) -> Self {
        let alert = event
            .mxray
            .verdict()
            .filter(|_| event.event.kind == "alert");
        let event_type = if alert.is_some() { "alert" } else { "mxray" };
        let vlan = event.network.as_ref().map(|network| &network.vlan.id);
        Self {
            timestamp: event.timestamp.replace('Z', "+0000"),
            event_type,
            host: &event.observer.name,
            src_ip: event.source.as_ref().map(|source| &*source.ip),
            vlan: vlan.and_then(|id| id.parse().ok()).map(|id| [id]),
            alert: alert.map(Alert::of),
            mxray: Ours {
                event: &event.event,
                observer: &event.observer,
                rule: event.rule.as_ref(),
                source: event.source.as_ref(),
                related: event.related.as_ref(),
                network: event.network.as_ref(),
                body: &event.mxray,
            },
        }
    }
}

impl Alert {
    fn of(verdict: &VerdictBody) -> Self {
        Self {
            action: "allowed",
            gid: GENERATOR,
            signature_id: signature_id(verdict.class),
            rev: 1,
            signature: Rule::of(verdict.class).name,
            category: category(verdict.class),
            severity: if verdict.level == Level::Confirmed {
                1
            } else {
                2
            },
        }
    }
}

/// The number of a class; it never changes, and none is used again.
fn signature_id(class: Class) -> u32 {
    match class {
        Class::Ordinary => 0,
        Class::Gen1Relay => 1,
        Class::Gen2Mx => 2,
        Class::Gen3A => 3,
        Class::Hybrid => 4,
        Class::SpamFanout => 5,
        Class::SubmissionAbuse => 6,
        Class::HijackedRelay => 7,
        Class::HijackedServer => 8,
        Class::Op25bViolation => 9,
        Class::PtrFlood => 10,
        Class::AFlood => 11,
    }
}

/// Suricata's class types `trojan-activity`, `policy-violation` and `denial-of-service`.
fn category(class: Class) -> &'static str {
    match class {
        Class::Op25bViolation => "Potential Corporate Privacy Violation",
        Class::PtrFlood | Class::AFlood => "Detection of a Denial of Service Attack",
        _ => "A Network Trojan was detected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_classes_have_one_number() {
        let ids: BTreeSet<_> = Class::ALL.into_iter().map(signature_id).collect();
        assert_eq!(ids.len(), Class::ALL.len());
    }
}
