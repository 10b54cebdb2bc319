//! The wire schema: every event as it is written, in the names of ECS 8.17 with ours under
//! `mxray`. Types that only serialise, apart from the internal ones; `mxray schema` prints
//! the JSON Schema that is generated from them.

use crate::count::coupling::LAGS;
use crate::verdict::{Class, Level, Role};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

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
    /// `sensor-blind` or `sensor-recovered`.
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

/// `mxray` of a verdict.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VerdictBody {
    /// Version of this schema.
    pub schema_version: &'static str,
    /// `packet`, or `wall` where there was no packet.
    pub time_source: &'static str,
    /// What the host is taken for.
    pub class: Class,
    /// How sure.
    pub level: Level,
    /// Sum of the log-likelihood ratios, natural logarithm.
    pub score: f64,
    /// Probability of an infection, with one host in a thousand infected.
    pub posterior: f64,
    /// The sums of evidence that `score` comes from, for each thing that the host could honestly be.
    pub against: AgainstBody,
    /// `new`, `updated` or `closed`.
    pub state: &'static str,
    /// The inventory wants nobody told.
    pub suppressed: bool,
    /// Why, in the inventory's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed_reason: Option<String>,
    /// The episode.
    pub episode: Episode,
    /// What the host is for.
    pub role: RoleBody,
    /// What speaks for an infection.
    pub evidence: Vec<EvidenceBody>,
    /// What speaks against it.
    pub counterevidence: Vec<CounterBody>,
    /// What of the host's traffic was in sight; null where that cannot be told.
    pub visibility: Visibility,
    /// How whole the capture was.
    pub capture: CaptureBody,
    /// Its DNS.
    pub dns: Dns,
    /// Its SMTP.
    pub smtp: Smtp,
    /// Keyword A queries against all A queries.
    pub correlation: CorrelationBody,
}

/// `mxray.against`: log-likelihood ratios, natural logarithm, of "bot" against an honest host of
/// each kind.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AgainstBody {
    /// Somebody's machine.
    pub pc: f64,
    /// A machine that delivers mail by trade.
    pub sender: f64,
    /// A machine that asks about mail servers and sends nothing.
    pub prober: f64,
}

/// `mxray` of a host.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HostBody {
    /// Version of this schema.
    pub schema_version: &'static str,
    /// `packet`, or `wall` where there was no packet.
    pub time_source: &'static str,
    /// What the host is taken for.
    pub class: Class,
    /// How sure.
    pub level: Level,
    /// Sum of the log-likelihood ratios, natural logarithm.
    pub score: f64,
    /// Probability of an infection, with one host in a thousand infected.
    pub posterior: f64,
    /// What the host is for.
    pub role: RoleBody,
    /// Its DNS.
    pub dns: Dns,
    /// Its SMTP.
    pub smtp: Smtp,
    /// Keyword A queries against all A queries.
    pub correlation: CorrelationBody,
}

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
    /// DNS messages in as much time before, where that is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_before: Option<u64>,
}

/// `mxray` of the totals, all from the beginning of the run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StatsBody {
    /// Version of this schema.
    pub schema_version: &'static str,
    /// `packet`, or `wall` where there was no packet.
    pub time_source: &'static str,
    /// What became of the packets: `seen` is the sum of the rest.
    pub packets: Packets,
    /// Packets that the snap length cut.
    pub truncated: u64,
    /// Datagrams put together from fragments. Of a datagram's frames, the one that completed it
    /// counts in `mxray.packets` by what the datagram is, the others as ignored.
    pub reassembled: u64,
    /// Packets more than two seconds behind the newest: counted in totals, not in bins.
    pub late: u64,
    /// Messages that the mirror port delivered twice; counted, and no evidence.
    pub duplicates: u64,
    /// Observations left out of judgement, since their host had made over a thousand of them in
    /// a second, or a few of them had come together of too many pairs of hosts; they were counted.
    pub observations_omitted: u64,
    /// The look for floods of DNS servers.
    pub floods: Floods,
    /// Which addresses are one machine's.
    pub identity: Identity,
    /// TCP connections to mail servers, to the DNS and to chat servers.
    pub tcp: Tcp,
    /// Hosts.
    pub hosts: Hosts,
    /// Capture files read.
    pub files: u64,
    /// Audit of outbound port 25 blocking; in the last totals, with `--home`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op25b: Option<Op25b>,
}

/// `mxray.op25b`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Op25b {
    /// Prefixes with hosts that are no mail servers and connected to port 25 outside, the worst
    /// first.
    pub prefixes: Vec<Op25bPrefix>,
    /// All hosts of IPv4.
    pub ipv4: Op25bHoles,
    /// All hosts of IPv6.
    pub ipv6: Op25bHoles,
    /// The other flows of mail that go round a site's servers.
    pub flows: Op25bFlows,
    /// Whether there are more prefixes or hosts than are told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// A prefix of `mxray.op25b`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Op25bPrefix {
    /// A /24 of IPv4, a /64 of IPv6.
    pub net: String,
    /// Its hosts.
    #[serde(flatten)]
    pub holes: Op25bHoles,
}

/// Connections to port 25 outside.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Op25bHoles {
    /// Hosts that are no mail servers and made some.
    pub hosts: u64,
    /// Their connections.
    pub attempts: u64,
    /// Those that were refused or not answered; null where servers' packets were not mirrored.
    pub blocked: Option<u64>,
    /// Those that were answered; null likewise.
    pub leaked: Option<u64>,
    /// Connections of mail servers.
    pub allowed: u64,
    /// `leaked` as a part of `leaked` and `blocked`; null where both are 0 or null.
    pub leak_ratio: Option<f64>,
}

/// `mxray.op25b.flows`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Op25bFlows {
    /// MAIL commands of hosts outside to port 25 inside with an own domain of the site.
    pub forged: u64,
    /// Connections to port 25 of a server at which the host had read mail within half an hour.
    pub pop_before_smtp: u64,
    /// Submissions to port 587 with AUTH.
    pub submitted_auth: u64,
    /// With TLS, in which AUTH cannot be seen.
    pub submitted_tls: u64,
    /// With neither before MAIL.
    pub submitted_open: u64,
}

/// `mxray.packets`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Packets {
    /// All.
    pub seen: u64,
    /// Decoded whole.
    pub decoded: u64,
    /// Well-formed, and nothing that mxray reads; of a whole datagram's fragments all but the
    /// one that completed it.
    pub ignored: u64,
    /// Kept out by the filter or the window of time.
    pub filtered: u64,
    /// Not decoded, by reason.
    pub unsupported: BTreeMap<String, u64>,
    /// Broken, by reason; what could be read was counted.
    pub malformed: BTreeMap<String, u64>,
    /// Fragments whose datagram was not whole by then. At the end of the input: never was.
    pub fragments_unfinished: u64,
    /// Thrown away for lack of time.
    pub shed: u64,
}

/// `mxray.floods`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Floods {
    /// Queries left out, since a sixty-fourth of the hosts had asked 32 other servers in that
    /// minute.
    pub queries_omitted: u64,
    /// Servers that were forgotten for others.
    pub servers_evicted: u64,
}

/// `mxray.identity`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Identity {
    /// Pairs of an IP and an Ethernet address that were forgotten for others, within a day of
    /// their last sign.
    pub bindings_evicted: u64,
}

/// `mxray.tcp`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Tcp {
    /// Connections in the tables now.
    pub connections: u64,
    /// That were picked up in the middle.
    pub midstream: u64,
    /// That were forgotten for others before they had ended.
    pub evicted: u64,
    /// Segments with nothing new: retransmissions, and copies of a doubled mirror port.
    pub retransmitted: u64,
    /// Segments with something new beside what was known; the first copy of an octet counts.
    pub overlapped: u64,
    /// Segments that came before others that belong before them.
    pub reordered: u64,
    /// Segments too far from what was expected, which were left out.
    pub out_of_window: u64,
    /// Holes in connections: lost by the capture, or cut off by the snap length.
    pub holes: u64,
    /// Octets in them.
    pub octets_lost: u64,
    /// Times that octets which waited for others were given up for want of room.
    pub shed: u64,
}

/// `mxray.hosts`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Hosts {
    /// In the tables now.
    pub tracked: u64,
    /// That had to leave a full table.
    pub evicted: u64,
    /// That were left out of the host events.
    pub omitted: u64,
}

/// `mxray.episode`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Episode {
    /// The same in all events of the episode.
    pub id: String,
    /// Counts them from 1.
    pub sequence: u64,
    /// Time of the episode's first observation.
    pub first_seen: String,
}

/// `mxray.role`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RoleBody {
    /// The role.
    pub name: Role,
    /// `inventory`, `learned` or `default`.
    pub source: &'static str,
    /// What it rests on.
    pub basis: Vec<String>,
}

/// A piece of evidence.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct EvidenceBody {
    /// Its family.
    pub family: &'static str,
    /// Log-likelihood ratio, natural logarithm.
    pub llr: f64,
    /// Whether the family's cap cut it.
    pub capped: bool,
    /// One plain sentence.
    pub text: String,
    /// Domains for example.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// The first packets that show it.
    pub packets: Vec<PacketBody>,
    /// Whether there are more packets or domains than are listed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// A packet to look at.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PacketBody {
    /// The capture file.
    pub file: String,
    /// Its number there, as Wireshark counts.
    pub frame: u64,
    /// Its time.
    pub ts: String,
}

/// A piece of counter-evidence.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CounterBody {
    /// What was seen.
    pub what: &'static str,
    /// How often.
    pub n: u64,
    /// One plain sentence.
    pub text: String,
}

/// `mxray.visibility`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Visibility {
    /// Its DNS queries were seen.
    pub dns: bool,
    /// Replies to them were seen.
    pub dns_replies: bool,
    /// Its mail connections were seen.
    pub smtp_out: Option<bool>,
    /// The servers' packets were seen; null where nothing tells.
    pub smtp_replies: Option<bool>,
    /// All its mail connections that carried anything were TLS from the first octet on; null
    /// where none did.
    pub tls_only: Option<bool>,
    /// Where the tap is: `access`, between hosts and their resolvers, or `resolver-egress`,
    /// between resolvers and the Internet, where no host is judged by its DNS; null where that
    /// cannot be told.
    pub vantage: Option<&'static str>,
    /// Part of its DNS was hidden: it used DNS over TLS or QUIC, or DNS over HTTPS at a resolver
    /// known by name. False where its TLS was seen, and none of that; null where neither was.
    /// A resolver of another name, HTTP/3 and Encrypted Client Hello are not seen through.
    pub dns_hidden: Option<bool>,
    /// `inside`, or `unknown` without `--home`.
    pub home: &'static str,
}

/// `mxray.capture`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CaptureBody {
    /// Percentage of the octets of mail and DNS over TCP that were lost before mxray saw them,
    /// over the last ten minutes or more; null where too few were seen.
    pub loss_pct: Option<f64>,
    /// Packets of this host that the snap length cut.
    pub truncated: u64,
    /// Only one direction of its DNS, or of its SMTP, was seen.
    pub one_way: bool,
}

/// `mxray.dns`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Dns {
    /// Queries by the type of the first question; every datagram counts.
    pub queries: QueriesBody,
    /// Replies by code.
    pub replies: RepliesBody,
    /// A queries by the keyword tier of the first label.
    pub keyword: KeywordBody,
    /// Keyword labels, most frequent first.
    pub labels: Vec<LabelBody>,
    /// Whether there are more labels than are listed, or counts are lower bounds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Distinct names asked for.
    pub names_distinct: u64,
    /// Distinct registrable domains asked for.
    pub domains_distinct: u64,
    /// Distinct registrable domains asked for by MX.
    pub mx_domains: u64,
    /// Whether these three are exact; each is up to 128, and beyond it an estimate with a
    /// standard error of 1.6%.
    pub distinct_exact: bool,
}

/// `mxray.dns.queries`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct QueriesBody {
    /// All, those without a readable question included.
    pub total: u64,
    /// IPv4 address.
    pub a: u64,
    /// IPv6 address.
    pub aaaa: u64,
    /// Mail exchanger.
    pub mx: u64,
    /// Reverse lookup.
    pub ptr: u64,
    /// Name server.
    pub ns: u64,
    /// Text.
    pub txt: u64,
    /// Service location.
    pub srv: u64,
    /// Service binding of the web.
    pub https: u64,
    /// Every type at once.
    pub any: u64,
    /// Any other type.
    pub other: u64,
}

/// `mxray.dns.replies`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RepliesBody {
    /// All.
    pub total: u64,
    /// The name does not exist.
    pub nxdomain: u64,
    /// The server failed.
    pub servfail: u64,
}

/// `mxray.dns.keyword`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KeywordBody {
    /// First label equal to a keyword.
    pub exact: u64,
    /// Keyword, perhaps a hyphen, digits.
    pub numbered: u64,
    /// Any other label that begins with a keyword.
    pub prefix: u64,
}

/// A keyword label.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LabelBody {
    /// The label.
    pub label: String,
    /// How often.
    pub count: u64,
}

/// `mxray.smtp`: null is unseen. What follows from the servers' packets is null where these are
/// not mirrored, and what it said itself where its own are not.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Smtp {
    /// TCP connections begun to a mail port.
    pub attempts: Option<u64>,
    /// Those that the server answered.
    pub established: Option<u64>,
    /// Those that it refused.
    pub refused: Option<u64>,
    /// Those that nobody answered within 30 s.
    pub unanswered: Option<u64>,
    /// Distinct destinations.
    pub destinations: Option<u64>,
    /// Whether that is exact.
    pub destinations_exact: Option<bool>,
    /// MAIL commands.
    pub mail_from: Option<u64>,
    /// RCPT commands.
    pub rcpt_to: Option<u64>,
    /// Messages handed over in clear.
    pub messages: Option<u64>,
    /// Those that were accepted.
    pub messages_accepted: Option<u64>,
    /// Messages handed over inside TLS: an estimate from the sizes of its records.
    pub messages_in_tls: Option<u64>,
    /// Replies that said "not now".
    pub replies_4xx: Option<u64>,
    /// Replies that said "no".
    pub replies_5xx: Option<u64>,
    /// STARTTLS commands.
    pub starttls: Option<u64>,
    /// AUTH commands.
    pub auth: Option<u64>,
    /// Distinct names in HELO and EHLO.
    pub helo_names: Option<u64>,
    /// Distinct registrable domains of senders.
    pub sender_domains: Option<u64>,
    /// Connections in which TLS began, at once or by STARTTLS.
    pub tls: Option<u64>,
    /// Connections with neither SMTP nor TLS in them.
    pub not_smtp: Option<u64>,
    /// Connections of which octets were missing.
    pub gapped: Option<u64>,
    /// By destination port.
    pub by_port: Option<Vec<SmtpPort>>,
    /// Names of servers that it asked for when TLS began, most frequent first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_names: Vec<SmtpName>,
    /// What was wrong with its lines, once a connection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub defects: Vec<SmtpDefect>,
    /// The last 10 minutes, hour and day before this event's time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<SmtpWindow>,
    /// Whether there are more server names or ports than are listed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// `mxray.smtp.by_port`, also of a window.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SmtpPort {
    /// The port.
    pub port: u16,
    /// See [`Smtp::attempts`].
    pub attempts: u64,
    /// See [`Smtp::established`].
    pub established: Option<u64>,
    /// See [`Smtp::destinations`].
    pub destinations: u64,
}

/// `mxray.smtp.server_names`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SmtpName {
    /// The name.
    pub name: String,
    /// In how many connections.
    pub count: u64,
}

/// `mxray.smtp.defects`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SmtpDefect {
    /// Its name.
    pub name: &'static str,
    /// In how many connections.
    pub count: u64,
}

/// `mxray.smtp.windows`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SmtpWindow {
    /// The window's length in seconds.
    pub span_s: u32,
    /// See [`Smtp::attempts`].
    pub attempts: u64,
    /// See [`Smtp::established`].
    pub established: Option<u64>,
    /// See [`Smtp::refused`].
    pub refused: Option<u64>,
    /// See [`Smtp::unanswered`].
    pub unanswered: Option<u64>,
    /// See [`Smtp::destinations`].
    pub destinations: u64,
    /// Whether the window is exact. If not, it is up to a minute, five minutes, an hour
    /// shorter, and the numbers of destinations are estimates.
    pub destinations_exact: bool,
    /// Destinations without an attempt in the 24 hours before the window.
    pub destinations_new: u64,
    /// By destination port.
    pub by_port: Vec<SmtpPort>,
}

/// `mxray.correlation`: null is undefined.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CorrelationBody {
    /// Length of a bin in seconds.
    pub bin_s: u8,
    /// All A queries in bins.
    pub t: u64,
    /// Those with an exact or numbered keyword.
    pub k: u64,
    /// Bins with t > 0.
    pub n_active: u64,
    /// Seconds from the first to the last A query, inclusive.
    pub n_all: u64,
    /// The exact sums over bins.
    pub sums: SumsBody,
    /// R² over active bins.
    pub r2_active: Option<f64>,
    /// R² over all bins.
    pub r2_all: Option<f64>,
    /// Why something here is null, the first in this order.
    pub r2_reason: Option<&'static str>,
    /// Lower end of the 95% interval of `r2_active`.
    pub r2_lower95: Option<f64>,
    /// Slope of k on t over active bins.
    pub slope: Option<f64>,
    /// k / t.
    pub share: Option<f64>,
    /// Correlation of k with t − k over active bins.
    pub r_rest: Option<f64>,
    /// R² that would follow from independence of k and t − k.
    pub r2_independent: Option<f64>,
    /// R² over active bins with other tiers.
    pub r2_tiers: TiersBody,
    /// Mail connections against mail lookups.
    pub smtp: CouplingBody,
}

/// `mxray.correlation.smtp`: mail connections c(t) of each second against mail lookups m(t − lag)
/// of an earlier one.
///
/// Lookups are MX queries and A queries with an exact or numbered keyword; pairs run over all
/// seconds from the first of either to 8 s behind the last.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CouplingBody {
    /// Pairs of seconds.
    pub n: u64,
    /// The lag of 0 to 8 s with the largest R², of several the least.
    pub lag_s: Option<u8>,
    /// R² at that lag.
    pub r2: Option<f64>,
    /// Why both are null.
    pub reason: Option<&'static str>,
    /// The exact sums.
    pub sums: CouplingSumsBody,
}

/// `mxray.correlation.smtp.sums`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CouplingSumsBody {
    /// Σm.
    pub m: u64,
    /// Σc.
    pub c: u64,
    /// Σm².
    pub mm: u64,
    /// Σc².
    pub cc: u64,
    /// Σm(t − lag)c(t) of each lag from 0 on.
    pub mc: [u64; LAGS],
}

/// `mxray.correlation.sums`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SumsBody {
    /// Σt.
    pub t: u64,
    /// Σk.
    pub k: u64,
    /// Σt².
    pub tt: u64,
    /// Σk².
    pub kk: u64,
    /// Σtk.
    pub tk: u64,
}

/// `mxray.correlation.r2_tiers`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TiersBody {
    /// Only the exact tier.
    pub exact: Option<f64>,
    /// All three tiers.
    pub prefix: Option<f64>,
}

/// The JSON Schema of all events.
#[must_use]
pub fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<AnyEvent>();
    schema.insert("title".to_owned(), "mxray event".into());
    schema
}
