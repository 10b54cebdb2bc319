//! Events of the Open Cybersecurity Schema Framework, for data lakes that speak it.
//!
//! A verdict is a Detection Finding (class 2004): a finding for each episode, which its verdicts
//! create, update and close. Hosts, totals and what is told of the sensor are no findings, and no
//! class has names for them: they are Base Events (class 0), which OCSF has for that. What has
//! no name in OCSF stands under `unmapped`, in the names of [`super::event`]. Times stand twice,
//! as numbers and, by the profile `datetime`, as text with microseconds.

use super::event::{Body, Event, EvidenceBody, Meta, Related, VerdictBody, schema_of};
use crate::verdict::Level;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Version of OCSF whose names are used.
const OCSF_VERSION: &str = "1.8.0";
/// Category and class of a Detection Finding.
const FINDING: (u32, u32) = (2, 2004);
/// `type_id` of an observable that is an IP address.
const IP_ADDRESS: u8 = 2;

/// An event.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct OcsfEvent<'a> {
    /// Of a finding 1 Create, 2 Update, 3 Close; else 99 Other.
    activity_id: u32,
    /// In words; of no finding, what happened in ours.
    activity_name: &'static str,
    /// 2 of a finding, else 0.
    category_uid: u32,
    /// In words.
    category_name: &'static str,
    /// 2004 of a finding, else 0.
    class_uid: u32,
    /// In words.
    class_name: &'static str,
    /// 100 times the class, and the activity.
    type_uid: u32,
    /// 1 Informational, 2 Low, 3 Medium, 4 High, 5 Critical.
    severity_id: u8,
    /// In words.
    severity: &'static str,
    /// 1 New, 3 Suppressed; 99 when the episode has ended, which nobody has reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_id: Option<u8>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// A conviction that is not suppressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_alert: Option<bool>,
    /// 1 Low, 2 Medium, 3 High.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence_id: Option<u8>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<&'static str>,
    /// 100 times the posterior, a whole number.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence_score: Option<u8>,
    /// Milliseconds since 1970.
    time: i64,
    /// The same, with microseconds.
    time_dt: &'a str,
    /// Time of the first packet that the event is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<i64>,
    /// The same, with microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time_dt: Option<&'a str>,
    /// Time of the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    /// The same, with microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time_dt: Option<&'a str>,
    /// One plain sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// The event itself.
    metadata: Metadata<'a>,
    /// The host.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Device<'a>>,
    /// The episode.
    #[serde(skip_serializing_if = "Option::is_none")]
    finding_info: Option<FindingInfo<'a>>,
    /// What speaks for an infection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidences: Vec<Artifact<'a>>,
    /// Every address in the event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    observables: Vec<Observable<'a>>,
    /// What OCSF has no name for.
    unmapped: Unmapped<'a>,
}

/// `metadata`.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Metadata<'a> {
    /// Version of OCSF.
    version: &'static str,
    /// `datetime`, and `host` where there is a device.
    profiles: Vec<&'static str>,
    /// `event.id`.
    uid: &'a str,
    /// `event.dataset`.
    log_name: &'static str,
    /// Who says so.
    product: Product,
}

/// `metadata.product`.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Product {
    /// `mxray`.
    name: &'static str,
    /// `mxray`.
    vendor_name: &'static str,
    /// Version of mxray.
    version: &'static str,
}

/// `device`.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Device<'a> {
    /// 0 Unknown.
    type_id: u8,
    /// The host's address.
    ip: &'a str,
    /// Ethernet source of its newest query: its own on its LAN, else the last router's.
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<&'a str>,
    /// Outermost 802.1Q identifier of its newest query.
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan_uid: Option<&'a str>,
}

/// `finding_info`.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FindingInfo<'a> {
    /// `mxray.episode.id`, the same in all events of the episode.
    uid: &'a str,
    /// The class in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
    /// One plain sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    desc: Option<&'a str>,
    /// The class.
    types: [&'static str; 1],
    /// What found it.
    analytic: Analytic,
    /// Time of the episode's first observation, in milliseconds since 1970.
    first_seen_time: i64,
    /// The same, with microseconds.
    first_seen_time_dt: &'a str,
    /// Time of the last packet that the event is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_time: Option<i64>,
    /// The same, with microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_time_dt: Option<&'a str>,
}

/// `finding_info.analytic`.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Analytic {
    /// 2 Behavioral.
    type_id: u8,
    /// In words.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The class.
    uid: &'static str,
}

/// One of `evidences`.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Artifact<'a> {
    /// The family of evidence.
    name: &'static str,
    /// As in `mxray.evidence`.
    data: &'a EvidenceBody,
}

/// One of `observables`.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Observable<'a> {
    /// Where in the event it is from.
    name: &'static str,
    /// 2 IP Address.
    type_id: u8,
    /// In words.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The address.
    value: &'a str,
}

/// `unmapped`.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Unmapped<'a> {
    event: Rest,
    observer: Named<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related: Option<&'a Related>,
    /// Ours, but the evidence of a verdict.
    mxray: Value,
}

/// `unmapped.event`: what of it has no other place.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Rest {
    /// As in ECS.
    kind: &'static str,
    /// As in ECS.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    /// As in ECS.
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<u8>,
    /// As in ECS.
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_score: Option<f64>,
}

/// `unmapped.observer`.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Named<'a> {
    /// The sensor's name.
    name: &'a str,
}

/// The JSON Schema of all events in this format.
#[must_use]
pub fn schema() -> schemars::Schema {
    schema_of::<OcsfEvent<'_>>("mxray event, as OCSF")
}

impl<'a> OcsfEvent<'a> {
    /// An event in this format.
    pub(super) fn of<B: Body>(event: &'a Event<B>) -> serde_json::Result<Self> {
        let meta = &event.event;
        let verdict = event.mxray.verdict();
        let (activity_id, activity_name) = match verdict {
            Some(verdict) => activity(verdict.state),
            None => (99, meta.action.unwrap_or(meta.dataset)),
        };
        let (category_uid, class_uid) = verdict.map_or((0, 0), |_| FINDING);
        let (severity_id, severity) = severity(meta, verdict);
        let status = verdict.map(status);
        let confidence = verdict.map(|verdict| confidence(verdict.level));
        Ok(Self {
            activity_id,
            activity_name,
            category_uid,
            category_name: verdict.map_or("Uncategorized", |_| "Findings"),
            class_uid,
            class_name: verdict.map_or("Base Event", |_| "Detection Finding"),
            type_uid: 100 * class_uid + activity_id,
            severity_id,
            severity,
            status_id: status.map(|(id, _)| id),
            status: status.map(|(_, name)| name),
            is_alert: verdict.map(|_| meta.kind == "alert"),
            confidence_id: confidence.map(|(id, _)| id),
            confidence: confidence.map(|(_, name)| name),
            confidence_score: verdict.map(|verdict| percent(verdict.posterior)),
            time: millis(&event.timestamp),
            time_dt: &event.timestamp,
            start_time: meta.start.as_deref().map(millis),
            start_time_dt: meta.start.as_deref(),
            end_time: meta.end.as_deref().map(millis),
            end_time_dt: meta.end.as_deref(),
            message: meta.reason.as_deref(),
            metadata: Metadata::of(event),
            device: event.source.as_ref().map(|source| Device {
                type_id: 0,
                ip: &source.ip,
                mac: source.mac.as_deref(),
                vlan_uid: event.network.as_ref().map(|network| &*network.vlan.id),
            }),
            finding_info: verdict.map(|verdict| FindingInfo::of(event, verdict)),
            evidences: verdict.map(artifacts).unwrap_or_default(),
            observables: observables(event),
            unmapped: Unmapped::of(event)?,
        })
    }
}

impl<'a> Metadata<'a> {
    fn of<B>(event: &'a Event<B>) -> Self {
        let host = event.source.as_ref().map(|_| "host");
        Self {
            version: OCSF_VERSION,
            profiles: ["datetime"].into_iter().chain(host).collect(),
            uid: &event.event.id,
            log_name: event.event.dataset,
            product: Product {
                name: event.observer.product,
                vendor_name: event.observer.product,
                version: event.observer.version,
            },
        }
    }
}

impl<'a> FindingInfo<'a> {
    fn of<B>(event: &'a Event<B>, verdict: &'a VerdictBody) -> Self {
        let meta = &event.event;
        Self {
            uid: &verdict.episode.id,
            title: event.rule.as_ref().map(|rule| rule.name),
            desc: meta.reason.as_deref(),
            types: [verdict.class.name()],
            analytic: Analytic {
                type_id: 2,
                kind: "Behavioral",
                uid: verdict.class.name(),
            },
            first_seen_time: millis(&verdict.episode.first_seen),
            first_seen_time_dt: &verdict.episode.first_seen,
            last_seen_time: meta.end.as_deref().map(millis),
            last_seen_time_dt: meta.end.as_deref(),
        }
    }
}

impl<'a> Unmapped<'a> {
    fn of<B: Body>(event: &'a Event<B>) -> serde_json::Result<Self> {
        let mut mxray = serde_json::to_value(&event.mxray)?;
        // It stands in `evidences`, and twice would not fit.
        if let (Some(_), Some(ours)) = (event.mxray.verdict(), mxray.as_object_mut()) {
            ours.remove("evidence");
        }
        Ok(Self {
            event: Rest {
                kind: event.event.kind,
                action: event.event.action,
                severity: event.event.severity,
                risk_score: event.event.risk_score,
            },
            observer: Named {
                name: &event.observer.name,
            },
            related: event.related.as_ref(),
            mxray,
        })
    }
}

fn artifacts(verdict: &VerdictBody) -> Vec<Artifact<'_>> {
    let pieces = verdict.evidence.iter();
    let artifacts = pieces.map(|piece| Artifact {
        name: piece.family,
        data: piece,
    });
    artifacts.collect()
}

fn observables<B>(event: &Event<B>) -> Vec<Observable<'_>> {
    let host = event.source.as_ref().map(|source| &source.ip);
    let addresses = event.related.iter().flat_map(|related| &related.ip);
    let observables = addresses.map(|ip| Observable {
        name: if host == Some(ip) {
            "device.ip"
        } else {
            "unmapped.related.ip"
        },
        type_id: IP_ADDRESS,
        kind: "IP Address",
        value: ip,
    });
    observables.collect()
}

fn activity(state: &str) -> (u32, &'static str) {
    match state {
        "new" => (1, "Create"),
        "closed" => (3, "Close"),
        _ => (2, "Update"),
    }
}

fn severity(meta: &Meta, verdict: Option<&VerdictBody>) -> (u8, &'static str) {
    match verdict.map(|verdict| verdict.level) {
        Some(Level::Confirmed) => (5, "Critical"),
        Some(Level::Likely) => (4, "High"),
        Some(Level::Suspected) => (3, "Medium"),
        Some(Level::Notice) => (2, "Low"),
        // The sensor fails at something.
        None if meta.kind_of == ["error"] => (3, "Medium"),
        Some(Level::None) | None => (1, "Informational"),
    }
}

/// 2 In Progress would be somebody at work on it, and 4 Resolved somebody who has done with it.
fn status(verdict: &VerdictBody) -> (u8, &'static str) {
    match verdict.state {
        _ if verdict.suppressed => (3, "Suppressed"),
        "closed" => (99, "Ended"),
        _ => (1, "New"),
    }
}

fn confidence(level: Level) -> (u8, &'static str) {
    match level {
        Level::Likely | Level::Confirmed => (3, "High"),
        Level::Suspected => (2, "Medium"),
        Level::Notice | Level::None => (1, "Low"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number from 0 to 100"
)]
fn percent(share: f64) -> u8 {
    (100.0 * share).round().clamp(0.0, 100.0) as u8
}

/// Milliseconds since 1970, cut as OCSF's numbers are.
fn millis(time: &str) -> i64 {
    let time: jiff::Timestamp = time.parse().expect("our own times are RFC 3339");
    time.as_millisecond()
}
