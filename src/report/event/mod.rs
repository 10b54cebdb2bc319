//! The wire schema: every event as it is written, in the names of ECS 8.17 with ours under
//! `mxray`, each beside what fills it in. `mxray schema` prints the JSON Schema that is
//! generated from these types.

mod correlation;
mod dns;
mod sensor;
mod smtp;
mod stats;
mod verdict;

pub use correlation::{CorrelationBody, CouplingBody, CouplingSumsBody, SumsBody, TiersBody};
pub use dns::{Dns, KeywordBody, LabelBody, QueriesBody, RepliesBody};
pub use sensor::{InterfaceBody, LifeBody, Sensor, SensorBody, SensorWindow};
pub use smtp::{Smtp, SmtpDefect, SmtpName, SmtpPort, SmtpWindow};
pub use stats::{
    Floods, Hosts, Identity, Kernel, Op25b, Op25bFlows, Op25bHoles, Op25bPrefix, Packets,
    StatsBody, Tcp,
};
pub use verdict::{
    AgainstBody, CaptureBody, CounterBody, Episode, EvidenceBody, HostBody, PacketBody, RoleBody,
    VerdictBody, Visibility,
};

use crate::decode::packet::LinkTag;
use crate::host::HostAddr;
use crate::verdict::{Class, Level};
use schemars::JsonSchema;
use serde::Serialize;

/// Version of this schema. A name never changes its meaning; new names raise the last part.
pub const SCHEMA_VERSION: &str = "1.0.0";

/// Version of the Elastic Common Schema whose names are used.
pub const ECS_VERSION: &str = "8.17.0";

/// Any event.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum AnyEvent {
    /// `mxray.verdict`: a host's level or class changed, or its episode ended.
    Verdict(Box<Event<VerdictBody>>),
    /// `mxray.host`: a host at the end of a replay.
    Host(Box<Event<HostBody>>),
    /// `mxray.stats`: totals.
    Stats(Box<Event<StatsBody>>),
    /// `mxray.sensor`: the sensor sees less than before, or more again.
    Sensor(Box<Event<SensorBody>>),
    /// `mxray.sensor` too: it begins or ends, or an interface goes or comes.
    Life(Box<Event<LifeBody>>),
}

/// What every event has, and its body under `mxray`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Event<B> {
    /// Packet time in UTC with microseconds; of a verdict the crossing packet's.
    #[serde(rename = "@timestamp")]
    pub timestamp: String,
    /// The schema that the names are from.
    pub ecs: Ecs,
    /// What kind of event this is.
    pub event: Meta,
    /// The sensor.
    pub observer: Observer,
    /// The rule behind a verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// The host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Every address in the event, where collectors look for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related: Option<Related>,
    /// The network that the host was seen in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Ours.
    pub mxray: B,
}

/// `ecs`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Ecs {
    /// Version of the schema.
    pub version: &'static str,
}

/// What is under `mxray`.
pub trait Body: Serialize {
    /// It, where it is a verdict.
    fn verdict(&self) -> Option<&VerdictBody> {
        None
    }
}

impl Body for VerdictBody {
    fn verdict(&self) -> Option<&VerdictBody> {
        Some(self)
    }
}

impl Body for HostBody {}
impl Body for StatsBody {}
impl Body for SensorBody {}
impl Body for LifeBody {}

/// `event`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Meta {
    /// `alert` for a conviction that is not suppressed, `event`, or `metric`.
    pub kind: &'static str,
    /// ECS category.
    pub category: [&'static str; 1],
    /// ECS type.
    #[serde(rename = "type")]
    pub kind_of: [&'static str; 1],
    /// `mxray`.
    pub module: &'static str,
    /// `mxray.verdict`, `mxray.host`, `mxray.stats` or `mxray.sensor`.
    pub dataset: &'static str,
    /// Unique to the event, and the same whenever the same capture is read again.
    pub id: String,
    /// Time of the first packet that the event is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Time of the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// What happened: `host-noticed`, `host-suspected`, `host-convicted` or `host-cleared`;
    /// `sensor-started`, `sensor-stopped`, `sensor-blind`, `sensor-recovered`, `interface-down`,
    /// `interface-up`, `config-reloaded` or `config-refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    /// 0 none, 21 notice, 47 suspected, 73 likely, 99 confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<u8>,
    /// 100 times the posterior.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_score: Option<f64>,
    /// One plain sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `observer`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Observer {
    /// `--sensor`.
    pub name: String,
    /// `mxray`.
    pub product: &'static str,
    /// `sensor`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Version of mxray.
    pub version: &'static str,
}

/// `rule`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Rule {
    /// The class.
    pub id: String,
    /// The class in words.
    pub name: &'static str,
}

/// `source`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Source {
    /// The host's address.
    pub ip: String,
    /// Ethernet source of its newest query: its own on its LAN, else the last router's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
}

/// `related`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Related {
    /// The host's address, then those of others that the verdict is about.
    pub ip: Vec<String>,
}

/// `network`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Network {
    /// The VLAN.
    pub vlan: Vlan,
}

/// `network.vlan`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Vlan {
    /// Outermost 802.1Q identifier of the host's newest query.
    pub id: String,
}

/// The JSON Schema of all events.
#[must_use]
pub fn schema() -> schemars::Schema {
    schema_of::<AnyEvent>("mxray event")
}

/// The JSON Schema of what is written as a type says.
pub(super) fn schema_of<T: JsonSchema>(title: &str) -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema
}

impl<B> Event<B> {
    /// Says which host it is about, and where that was seen.
    pub(super) fn place(&mut self, host: HostAddr, tag: LinkTag) {
        let ip = host.to_string();
        let mac = tag
            .mac
            .map(|mac| mac.map(|octet| format!("{octet:02X}")).join("-"));
        self.source = Some(Source {
            ip: ip.clone(),
            mac,
        });
        self.related = Some(Related { ip: vec![ip] });
        self.network = tag.vlan.map(|id| Network {
            vlan: Vlan { id: id.to_string() },
        });
    }
}

impl Rule {
    /// The rule behind a class.
    pub(super) fn of(class: Class) -> Self {
        Self {
            id: class.name().to_owned(),
            name: rule_name(class),
        }
    }
}

fn rule_name(class: Class) -> &'static str {
    match class {
        Class::Gen2Mx => "Mail exchanger lookups without a mail server's other lookups",
        Class::Gen3A => "Mail host lookups by keyword over many domains",
        Class::Hybrid => "Mail exchanger and mail host lookups of a worm",
        Class::SpamFanout => "Mail straight to many servers, in the manner of a bot",
        Class::Gen1Relay => "Mail in bulk through one server, in the manner of a bot",
        Class::SubmissionAbuse => "Logins at many mail providers, in the manner of a bot",
        Class::HijackedRelay => "A machine that takes mail from outside and hands on a bot's",
        Class::HijackedServer => "A mail server whose mail is a bot's",
        Class::Op25bViolation => "Port 25 outside, by a host that is no mail server",
        Class::PtrFlood => "A flood of PTR queries: the rate and the mix change",
        Class::AFlood => "A flood of A queries: the rate and the mix change",
        Class::Ordinary => Class::Ordinary.name(),
    }
}

/// `event.action` of a level.
pub(super) fn action(level: Level) -> &'static str {
    match level {
        Level::None => "host-cleared",
        Level::Notice => "host-noticed",
        Level::Suspected => "host-suspected",
        Level::Likely | Level::Confirmed => "host-convicted",
    }
}

/// `event.severity` of a level.
pub(super) fn severity(level: Level) -> u8 {
    match level {
        Level::None => 0,
        Level::Notice => 21,
        Level::Suspected => 47,
        Level::Likely => 73,
        Level::Confirmed => 99,
    }
}

/// Six decimals, which is what the numbers are worth.
pub(super) fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
