//! `mxray.sensor`.

use super::SCHEMA_VERSION;
use crate::capture::LinkState;
use crate::correlate::site::{Missing, Protocol, SensorEvent, Window};
use crate::privilege::Confined;
use crate::report::{InterfaceReport, LifeEvent};
use schemars::JsonSchema;
use serde::Serialize;

/// `mxray` of the sensor's health.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SensorBody {
    /// Version of this schema.
    pub schema_version: &'static str,
    /// `packet`, or `wall` where there was no packet.
    pub time_source: &'static str,
    /// What it sees and does not see.
    pub sensor: Sensor,
}

/// `mxray.sensor`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Sensor {
    /// All that is missing from now on: `no-packets`, `one-direction`, `no-dns`, `no-smtp`,
    /// `halving`, `losses`.
    pub missing: Vec<&'static str>,
    /// What this event is about: one of them, which begins or is over.
    pub cause: &'static str,
    /// `dns` or `smtp`, where it is about one of the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'static str>,
    /// Since when it was missing.
    pub since: String,
    /// What was seen in the time that this rests on.
    pub window: SensorWindow,
}

/// `mxray.sensor.window`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SensorWindow {
    /// Its length in seconds; of several five-minute slots only those with packets.
    pub span_s: u64,
    /// Packets that passed the filter.
    pub packets: u64,
    /// DNS queries.
    pub dns_queries: u64,
    /// DNS replies.
    pub dns_replies: u64,
    /// Packets of mail clients, but SYN and RST.
    pub smtp_client: u64,
    /// Packets of mail servers, likewise.
    pub smtp_server: u64,
    /// Octets of mail and DNS over TCP that were read.
    pub octets: u64,
    /// Octets of it that were sent and never seen, though no snap length cut them.
    pub octets_lost: u64,
    /// Packets that the kernel dropped for want of room in the ring.
    pub kernel_dropped: u64,
    /// Packets that the interface or its driver dropped, whatever they carried.
    pub if_dropped: u64,
    /// Packets that mxray threw away, since its workers were behind.
    pub shed: u64,
    /// DNS messages in as much time before, where that is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_before: Option<u64>,
}

/// `mxray` of the sensor's life: it begins, it ends, an interface goes or comes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LifeBody {
    /// Version of this schema.
    pub schema_version: &'static str,
    /// `wall`: no packet says when this is.
    pub time_source: &'static str,
    /// The interfaces that this is about.
    pub interfaces: Vec<InterfaceBody>,
    /// What reads them; when it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub libpcap: Option<String>,
    /// What the process that reads packets may do; when it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privilege: Option<Confined>,
}

/// One of `mxray.interfaces`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct InterfaceBody {
    /// Its name.
    pub name: String,
    /// `up`, `down`, or `gone`: not there.
    pub state: &'static str,
    /// What is on that spoils packets before they are captured, by ethtool's names: `gro`,
    /// `lro`, `tso`, `tx`.
    pub offloads: Vec<&'static str>,
}

impl LifeBody {
    /// What is told of it.
    pub(in crate::report) fn of(told: &LifeEvent) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            time_source: "wall",
            interfaces: told.interfaces.iter().map(InterfaceBody::of).collect(),
            libpcap: told.libpcap.clone(),
            privilege: told.privilege.clone(),
        }
    }
}

impl InterfaceBody {
    fn of(report: &InterfaceReport) -> Self {
        Self {
            name: report.name.clone(),
            state: match report.state {
                LinkState::Up => "up",
                LinkState::Down => "down",
                LinkState::Gone => "gone",
            },
            offloads: report
                .offloads
                .iter()
                .map(|offload| offload.name())
                .collect(),
        }
    }
}

impl SensorBody {
    /// What is told of the sensor.
    pub(in crate::report) fn of(told: &SensorEvent) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            time_source: "packet",
            sensor: Sensor {
                missing: told.missing.iter().copied().map(Missing::name).collect(),
                cause: told.cause.name(),
                protocol: told.protocol.map(Protocol::name),
                since: told.since.to_string(),
                window: SensorWindow::of(&told.window),
            },
        }
    }
}

impl SensorWindow {
    /// What was seen in a span.
    fn of(window: &Window) -> Self {
        let Window { span, seen, before } = window;
        Self {
            span_s: *span,
            packets: seen.packets,
            dns_queries: seen.dns.client,
            dns_replies: seen.dns.server,
            smtp_client: seen.smtp.client,
            smtp_server: seen.smtp.server,
            octets: seen.octets,
            octets_lost: seen.lost,
            kernel_dropped: seen.losses.kernel,
            if_dropped: seen.losses.interface,
            shed: seen.losses.shed,
            dns_before: *before,
        }
    }
}
