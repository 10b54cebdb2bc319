//! Events as lines of JSON, in the form of [`super::event`].

use super::event::{
    AgainstBody, CaptureBody, CorrelationBody, CounterBody, CouplingBody, CouplingSumsBody, Dns,
    ECS_VERSION, Ecs, Episode, Event, EvidenceBody, Floods, HostBody, Hosts, Identity, KeywordBody,
    LabelBody, Meta, Network, Observer, Op25b, Op25bFlows, Op25bHoles, Op25bPrefix, PacketBody,
    Packets, QueriesBody, Related, RepliesBody, RoleBody, Rule, SCHEMA_VERSION, Sensor, SensorBody,
    SensorWindow, Smtp, SmtpDefect, SmtpName, SmtpPort, SmtpWindow, Source, StatsBody, SumsBody,
    Tcp, TiersBody, VerdictBody, Visibility, Vlan,
};
use super::text;
use super::{HostReport, Totals};
use crate::correlate::coupling::{Coupling, Uncoupled};
use crate::correlate::evidence::{Evidence, Witness};
use crate::correlate::fanout::Reach;
use crate::correlate::op25b;
use crate::correlate::regression::{Correlation, Undefined};
use crate::correlate::role::{RoleSource, RoleView};
use crate::correlate::site::{Action, Missing, Protocol, SensorEvent, Vantage, Window};
use crate::correlate::{Verdict, posterior};
use crate::count::PacketCounts;
use crate::count::coupling::CouplingSums;
use crate::count::host::HostTotals;
use crate::count::smtp::SmtpTotals;
use crate::decode::packet::LinkTag;
use crate::decode::tcp::TcpCounts;
use crate::decode::tcp::half::SegmentCounts;
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::verdict::{Class, Level};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use xxhash_rust::xxh3::xxh3_128;

/// Octets of an event at most, its line end included, as the contract says (syslog relays
/// often cut at 8 kB).
pub const LARGEST: usize = 7_500;
/// Version of mxray.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Octets of a file's path in an event; of a longer one the end is kept.
const PATH: usize = 128;
/// Why the inventory says nobody is to be told, at most.
const TEXT: usize = 256;
/// Names of servers in an event.
const SERVER_NAMES: usize = 5;
/// Ports in an event that is too long.
const PORTS: usize = 3;

/// Writes events to `out`, one a line, each flushed as a whole when `flush` says so.
pub struct EventWriter<W> {
    out: W,
    sensor: String,
    files: Vec<PathBuf>,
}

impl<W: Write> EventWriter<W> {
    /// Events of a sensor that reads these files.
    pub fn new(out: W, sensor: &str, files: &[PathBuf]) -> Self {
        Self {
            out,
            sensor: sensor.to_owned(),
            files: files.to_vec(),
        }
    }

    /// Writes a verdict, at once.
    pub fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        let judgement = &verdict.judgement;
        let ip = verdict.host.to_string();
        let first_seen = verdict.first_seen.to_string();
        let began_as = verdict.began_as.to_string();
        let episode = digest(&[&self.sensor, "mxray.verdict", &began_as, &first_seen]);
        let posterior = posterior(judgement.score);
        let convicted = judgement.level.convicted() && verdict.suppressed.is_none();
        let mut event = self.event(verdict.time, "mxray.verdict", |schema_version| {
            VerdictBody {
                schema_version,
                time_source: "packet",
                class: judgement.class,
                level: judgement.level,
                score: round(judgement.score),
                posterior: round(posterior),
                against: AgainstBody {
                    pc: round(judgement.against.pc),
                    sender: round(judgement.against.sender),
                    prober: round(judgement.against.prober),
                },
                state: verdict.state.name(),
                suppressed: verdict.suppressed.is_some(),
                suppressed_reason: verdict
                    .suppressed
                    .clone()
                    .filter(|reason| !reason.is_empty()),
                episode: Episode {
                    id: episode,
                    sequence: verdict.sequence,
                    first_seen,
                },
                role: role(&judgement.role),
                evidence: judgement.evidence.iter().map(evidence).collect(),
                counterevidence: judgement
                    .counterevidence
                    .iter()
                    .map(|against| CounterBody {
                        what: against.what,
                        n: against.count,
                        text: against.text.clone(),
                    })
                    .collect(),
                visibility: visibility(verdict),
                capture: CaptureBody {
                    loss_pct: verdict.site.loss.map(|share| round(100.0 * share)),
                    truncated: verdict.totals.cut,
                    one_way: one_way(&verdict.totals),
                },
                dns: dns(&verdict.totals),
                smtp: smtp(&verdict.totals.smtp, &judgement.windows),
                correlation: correlation(&verdict.totals),
            }
        });
        let meta = &mut event.event;
        meta.kind = if convicted { "alert" } else { "event" };
        meta.category = ["intrusion_detection"];
        meta.start = Some(verdict.first_seen.to_string());
        meta.end = Some(verdict.newest.to_string());
        meta.action = Some(action(judgement.level));
        meta.severity = Some(severity(judgement.level));
        meta.risk_score = Some(round(100.0 * posterior));
        meta.reason = Some(cut(&format!("{ip} {}.", judgement.reason), TEXT * 2));
        event.rule = Some(Rule {
            id: judgement.class.name().to_owned(),
            name: rule_name(judgement.class),
        });
        place(&mut event, verdict.host, verdict.totals.tag);
        if let Some(related) = &mut event.related {
            let others = judgement.related.iter();
            related.ip.extend(others.map(ToString::to_string));
        }
        self.write_verdict(event, &judgement.evidence)?;
        // Somebody may wait for it.
        self.out.flush()
    }

    /// Writes a host.
    pub fn host(&mut self, report: &HostReport<'_>) -> io::Result<()> {
        let HostReport {
            host,
            at,
            totals,
            judgement,
            ..
        } = report;
        let mut event = self.event(*at, "mxray.host", |schema_version| HostBody {
            schema_version,
            time_source: "packet",
            class: judgement.class,
            level: judgement.level,
            score: round(judgement.score),
            posterior: round(posterior(judgement.score)),
            role: role(&judgement.role),
            dns: dns(totals),
            smtp: smtp(&totals.smtp, &judgement.windows),
            correlation: correlation(totals),
        });
        event.event.start = totals.first.map(|time| time.to_string());
        event.event.end = totals.last.map(|time| time.to_string());
        place(&mut event, *host, totals.tag);
        let mut labels = event.mxray.dns.labels.len();
        while serialised(&event)? > LARGEST {
            if shorten_smtp(&mut event.mxray.smtp) {
                continue;
            }
            if labels == 0 {
                break;
            }
            labels /= 2;
            shorten(&mut event.mxray.dns, labels);
        }
        event.event.id = Self::id(&event)?;
        self.line(event)
    }

    /// Writes what is told of the sensor, at once.
    pub fn sensor(&mut self, told: &SensorEvent) -> io::Result<()> {
        let mut event = self.event(told.time, "mxray.sensor", |schema_version| SensorBody {
            schema_version,
            time_source: "packet",
            sensor: Sensor {
                missing: told.missing.iter().copied().map(Missing::name).collect(),
                cause: told.cause.name(),
                protocol: told.protocol.map(Protocol::name),
                since: told.since.to_string(),
                window: sensor_window(&told.window),
            },
        });
        let meta = &mut event.event;
        let (action, kind_of) = match told.action {
            Action::Blind => ("sensor-blind", "error"),
            Action::Recovered => ("sensor-recovered", "info"),
        };
        meta.kind = "event";
        meta.kind_of = [kind_of];
        meta.action = Some(action);
        meta.start = Some(told.since.to_string());
        meta.end = Some(told.time.to_string());
        meta.reason = Some(told.reason.clone());
        event.event.id = Self::id(&event)?;
        self.line(event)?;
        // Somebody may wait for it.
        self.out.flush()
    }

    /// Writes the totals; `at` is packet time.
    pub fn totals(&mut self, totals: &Totals, at: Option<Timestamp>) -> io::Result<()> {
        let (capture, count) = (&totals.capture, &totals.count);
        let mut malformed = BTreeMap::new();
        for (damage, number) in capture.malformed.iter().chain(&count.malformed) {
            *malformed.entry(damage.name().to_owned()).or_insert(0) += number;
        }
        let unsupported = capture.unsupported.iter();
        let time = at.unwrap_or_else(wall_clock);
        let mut event = self.event(time, "mxray.stats", |schema_version| StatsBody {
            schema_version,
            time_source: if at.is_some() { "packet" } else { "wall" },
            packets: Packets {
                seen: capture.seen,
                decoded: count.decoded,
                ignored: capture.ignored,
                filtered: capture.filtered,
                unsupported: unsupported
                    .map(|(why, n)| (why.name().into_owned(), *n))
                    .collect(),
                malformed,
                fragments_unfinished: capture.fragments,
                shed: 0,
            },
            truncated: capture.truncated,
            reassembled: capture.reassembled,
            late: capture.late,
            duplicates: count.duplicates,
            observations_omitted: count.untold,
            floods: Floods {
                queries_omitted: count.unasked,
                servers_evicted: totals.servers_evicted,
            },
            identity: Identity {
                bindings_evicted: totals.bindings_evicted,
            },
            tcp: tcp(count),
            hosts: Hosts {
                tracked: count.hosts,
                evicted: count.evicted + totals.suspects_evicted,
                omitted: 0,
            },
            files: 0,
            op25b: totals.op25b.as_ref().map(op25b),
        });
        event.event.start = capture.first.map(|time| time.to_string());
        event.event.end = capture.last.map(|time| time.to_string());
        // The number of files is the one thing that a split of the capture changes, and the
        // time on the wall the one that another run does.
        if at.is_none() {
            event.timestamp.clear();
        }
        event.event.id = Self::id(&event)?;
        event.timestamp = time.to_string();
        // Where there was no packet, the moment is all there is.
        event.event.start.get_or_insert_with(|| time.to_string());
        event.event.end.get_or_insert_with(|| time.to_string());
        event.mxray.files = self.files.len() as u64;
        self.line(event)?;
        // At intervals somebody may wait for it.
        self.out.flush()
    }

    /// Ends the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// An event with its common part; metrics need no more than that.
    fn event<B>(
        &self,
        time: Timestamp,
        dataset: &'static str,
        body: impl FnOnce(&'static str) -> B,
    ) -> Event<B> {
        Event {
            timestamp: time.to_string(),
            ecs: Ecs {
                version: ECS_VERSION,
            },
            event: Meta {
                kind: "metric",
                category: ["network"],
                kind_of: ["info"],
                module: "mxray",
                dataset,
                id: String::new(),
                start: None,
                end: None,
                action: None,
                severity: None,
                risk_score: None,
                reason: None,
            },
            observer: Observer {
                name: self.sensor.clone(),
                product: "mxray",
                kind: "sensor",
                // Filled in when it is written: a release must not change the identifiers.
                version: "",
            },
            rule: None,
            source: None,
            related: None,
            network: None,
            mxray: body(SCHEMA_VERSION),
        }
    }

    /// Fits a verdict into its size and writes it. The packets come last, since where they
    /// lie depends on how a capture was cut into files: neither the identifier nor what else
    /// is listed may depend on that.
    fn write_verdict(
        &mut self,
        mut event: Event<VerdictBody>,
        evidence: &[Evidence],
    ) -> io::Result<()> {
        /// Octets of a packet but for its path: keys, number, time.
        const PACKET: usize = 80;
        event.event.id = Self::id(&event)?;
        let mut labels = event.mxray.dns.labels.len();
        let mut packets = evidence
            .iter()
            .map(|piece| piece.packets.len())
            .max()
            .unwrap_or(0);
        loop {
            let count: usize = evidence
                .iter()
                .map(|piece| piece.packets.len().min(packets))
                .sum();
            if serialised(&event)? + count * (PACKET + PATH) <= LARGEST {
                break;
            }
            if shorten_smtp(&mut event.mxray.smtp) {
                // As long as that does not suffice.
            } else if packets > 2 {
                packets -= 1;
            } else if labels > 0 {
                labels /= 2;
                shorten(&mut event.mxray.dns, labels);
            } else if packets > 0 {
                packets -= 1;
            } else {
                break;
            }
        }
        for (body, piece) in event.mxray.evidence.iter_mut().zip(evidence) {
            body.packets = piece
                .packets
                .iter()
                .take(packets)
                .map(|w| self.packet(w))
                .collect();
            body.cut |= piece.packets.len() > packets;
        }
        self.line(event)
    }

    fn packet(&self, witness: &Witness) -> PacketBody {
        let path = self.files.get(witness.origin.file as usize);
        let file = path.map(|path| text::escape(path.as_os_str().as_encoded_bytes()));
        let mut file = file.unwrap_or_default();
        if file.len() > PATH {
            let from = file.ceil_char_boundary(file.len() - PATH);
            file.drain(..from);
        }
        PacketBody {
            file,
            frame: witness.origin.frame,
            ts: witness.time.to_string(),
        }
    }

    /// A hash of all that the event says. It is taken before the packets and the number of
    /// files are filled in, which a cut of the capture into files changes.
    fn id<B: Serialize>(event: &Event<B>) -> io::Result<String> {
        Ok(format!("{:032x}", xxh3_128(&serde_json::to_vec(event)?)))
    }

    fn line<B: Serialize>(&mut self, mut event: Event<B>) -> io::Result<()> {
        event.observer.version = VERSION;
        serde_json::to_writer(&mut self.out, &event)?;
        self.out.write_all(b"\n")
    }
}

fn op25b(report: &op25b::Report) -> Op25b {
    let holes = |holes: &op25b::Holes| Op25bHoles {
        hosts: holes.hosts,
        attempts: holes.attempts,
        blocked: holes.blocked,
        leaked: holes.leaked,
        allowed: holes.allowed,
        leak_ratio: holes.leak_ratio().map(round),
    };
    let prefixes = report.prefixes.iter().map(|(net, of)| Op25bPrefix {
        net: format!("{net}/{}", if net.is_ipv4() { 24 } else { 64 }),
        holes: holes(of),
    });
    let op25b::Flows {
        forged,
        pop_before_smtp,
        submitted_auth,
        submitted_tls,
        submitted_open,
    } = report.flows;
    Op25b {
        prefixes: prefixes.collect(),
        ipv4: holes(&report.ipv4),
        ipv6: holes(&report.ipv6),
        flows: Op25bFlows {
            forged,
            pop_before_smtp,
            submitted_auth,
            submitted_tls,
            submitted_open,
        },
        cut: report.cut,
    }
}

fn tcp(count: &PacketCounts) -> Tcp {
    let TcpCounts {
        segments,
        midstream,
        evicted,
        shed,
    } = count.tcp;
    let SegmentCounts {
        retransmitted,
        overlapped,
        reordered,
        out_of_window,
        holes,
        lost,
        ..
    } = segments;
    Tcp {
        connections: count.connections,
        midstream,
        evicted,
        retransmitted,
        overlapped,
        reordered,
        out_of_window,
        holes,
        octets_lost: lost,
        shed,
    }
}

fn sensor_window(window: &Window) -> SensorWindow {
    let Window { span, seen, before } = window;
    SensorWindow {
        span_s: *span,
        packets: seen.packets,
        dns_queries: seen.dns.client,
        dns_replies: seen.dns.server,
        smtp_client: seen.smtp.client,
        smtp_server: seen.smtp.server,
        octets: seen.octets,
        octets_lost: seen.lost,
        dns_before: *before,
    }
}

fn serialised<B: Serialize>(event: &Event<B>) -> io::Result<usize> {
    Ok(serde_json::to_vec(event)?.len() + VERSION.len() + 1)
}

fn digest(parts: &[&str]) -> String {
    format!("{:032x}", xxh3_128(parts.join("\0").as_bytes()))
}

fn shorten(dns: &mut Dns, labels: usize) {
    dns.cut |= dns.labels.len() > labels;
    dns.labels.truncate(labels);
}

/// Leaves out one thing more of SMTP, the least needed first; whether there was one.
fn shorten_smtp(smtp: &mut Smtp) -> bool {
    if smtp.server_names.pop().is_some() {
        smtp.cut = true;
        return true;
    }
    let windows = smtp.windows.iter_mut().map(|window| &mut window.by_port);
    if let Some(ports) = windows.rev().find(|ports| !ports.is_empty()) {
        ports.clear();
        smtp.cut = true;
        return true;
    }
    let ports = smtp.by_port.as_mut().filter(|ports| ports.len() > PORTS);
    let cut = ports.is_some();
    if let Some(ports) = ports {
        ports.truncate(PORTS);
    }
    smtp.cut |= cut;
    cut
}

fn cut(text: &str, length: usize) -> String {
    text.get(..text.floor_char_boundary(length))
        .unwrap_or_default()
        .to_owned()
}

/// Six decimals, which is what the numbers are worth.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Where there was no packet, there is no packet time.
fn wall_clock() -> Timestamp {
    let now = jiff::Timestamp::now();
    Timestamp::from_units(now.as_nanosecond(), 1_000_000_000)
}

fn place<B>(event: &mut Event<B>, host: HostAddr, tag: LinkTag) {
    let ip = host.to_string();
    let mac = tag
        .mac
        .map(|mac| mac.map(|octet| format!("{octet:02X}")).join("-"));
    event.source = Some(Source {
        ip: ip.clone(),
        mac,
    });
    event.related = Some(Related { ip: vec![ip] });
    event.network = tag.vlan.map(|id| Network {
        vlan: Vlan { id: id.to_string() },
    });
}

fn action(level: Level) -> &'static str {
    match level {
        Level::None => "host-cleared",
        Level::Notice => "host-noticed",
        Level::Suspected => "host-suspected",
        Level::Likely | Level::Confirmed => "host-convicted",
    }
}

fn severity(level: Level) -> u8 {
    match level {
        Level::None => 0,
        Level::Notice => 21,
        Level::Suspected => 47,
        Level::Likely => 73,
        Level::Confirmed => 99,
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

fn role(view: &RoleView) -> RoleBody {
    let source = match view.source {
        RoleSource::Inventory => "inventory",
        RoleSource::Learned => "learned",
        RoleSource::Default => "default",
    };
    RoleBody {
        name: view.role,
        source,
        basis: view.basis.clone(),
    }
}

/// All but the packets.
fn evidence(piece: &Evidence) -> EvidenceBody {
    EvidenceBody {
        family: piece.family.name(),
        llr: round(piece.llr),
        capped: piece.capped,
        text: piece.text.clone(),
        domains: piece
            .domains
            .iter()
            .map(|domain| text::name(domain))
            .collect(),
        packets: Vec::new(),
        cut: piece.more,
    }
}

/// Whether the other side of its DNS, or of its SMTP, was not seen.
fn one_way(totals: &HostTotals) -> bool {
    let dns = totals.queries.total > 0 && totals.replies.total == 0;
    let smtp = &totals.smtp;
    dns || smtp.answers_seen == Some(false) || smtp.commands_seen == Some(false)
}

/// Whether all its mail connections that carried anything were TLS from the first octet on.
fn tls_only(smtp: &SmtpTotals) -> Option<bool> {
    let clear = smtp.mail_from
        + smtp.rcpt_to
        + smtp.messages
        + smtp.replies_4xx
        + smtp.replies_5xx
        + smtp.starttls
        + smtp.auth
        + smtp.helo_names
        + smtp.not_smtp;
    let clear = clear > 0 || !smtp.defects.is_empty();
    (clear || smtp.tls > 0).then_some(!clear)
}

fn smtp(totals: &SmtpTotals, windows: &[Reach]) -> Smtp {
    // What the servers' packets tell is unknown where they are not mirrored.
    let mirrored = totals.answers_seen != Some(false);
    let told = |count: u64| mirrored.then_some(count);
    // And what it said itself is where its own are not.
    let heard = totals.commands_seen != Some(false);
    let said = |count: u64| heard.then_some(count);
    let names = totals.server_names.iter().take(SERVER_NAMES);
    let window = |reach: &Reach| SmtpWindow {
        span_s: reach.span,
        attempts: reach.attempts,
        established: told(reach.established),
        refused: told(reach.refused),
        unanswered: told(reach.unanswered),
        destinations: reach.destinations,
        destinations_exact: reach.exact,
        destinations_new: reach.new,
        by_port: reach
            .ports
            .iter()
            .map(|port| SmtpPort {
                port: port.port,
                attempts: port.attempts,
                established: told(port.established),
                destinations: port.destinations,
            })
            .collect(),
    };
    Smtp {
        attempts: Some(totals.attempts),
        established: told(totals.established),
        refused: told(totals.refused),
        unanswered: told(totals.unanswered),
        destinations: Some(totals.destinations),
        // Of nothing the count is exact, whatever the counters' default says.
        destinations_exact: Some(totals.destinations_exact || totals.destinations == 0),
        mail_from: said(totals.mail_from),
        rcpt_to: said(totals.rcpt_to),
        messages: told(totals.messages),
        messages_accepted: told(totals.messages_accepted),
        messages_in_tls: said(totals.messages_in_tls),
        replies_4xx: told(totals.replies_4xx),
        replies_5xx: told(totals.replies_5xx),
        starttls: said(totals.starttls),
        auth: said(totals.auth),
        helo_names: said(totals.helo_names),
        sender_domains: said(totals.sender_domains),
        tls: said(totals.tls),
        not_smtp: Some(totals.not_smtp),
        gapped: Some(totals.gapped),
        by_port: Some(
            totals
                .by_port
                .iter()
                .map(|port| SmtpPort {
                    port: port.port,
                    attempts: port.attempts,
                    established: told(port.established),
                    destinations: port.destinations,
                })
                .collect(),
        ),
        server_names: names
            .map(|(name, count)| SmtpName {
                name: text::escape(name),
                count: *count,
            })
            .collect(),
        defects: totals
            .defects
            .iter()
            .map(|(defect, count)| SmtpDefect {
                name: defect.name(),
                count: *count,
            })
            .collect(),
        windows: windows.iter().map(window).collect(),
        cut: totals.server_names.len() > SERVER_NAMES,
    }
}

fn visibility(verdict: &Verdict) -> Visibility {
    let smtp = &verdict.totals.smtp;
    let tls_only = tls_only(smtp);
    Visibility {
        dns: verdict.totals.queries.total > 0,
        dns_replies: verdict.totals.replies.total > 0,
        smtp_out: Some(smtp.attempts > 0 || tls_only.is_some()),
        smtp_replies: smtp.answers_seen,
        tls_only,
        dns_hidden: verdict.totals.dns_hidden,
        vantage: verdict.site.vantage.map(Vantage::name),
        home: match verdict.inside {
            Some(true) => "inside",
            Some(false) => "outside",
            None => "unknown",
        },
    }
}

fn dns(totals: &HostTotals) -> Dns {
    let queries = &totals.queries;
    let label = |(label, count): &(crate::count::host::Label, u64)| LabelBody {
        label: text::escape(label.text()),
        count: *count,
    };
    Dns {
        queries: QueriesBody {
            total: queries.total,
            a: queries.a,
            aaaa: queries.aaaa,
            mx: queries.mx,
            ptr: queries.ptr,
            ns: queries.ns,
            txt: queries.txt,
            srv: queries.srv,
            https: queries.https,
            any: queries.any,
            other: queries.other,
        },
        replies: RepliesBody {
            total: totals.replies.total,
            nxdomain: totals.replies.nxdomain,
            servfail: totals.replies.servfail,
        },
        keyword: KeywordBody {
            exact: totals.keyword.exact,
            numbered: totals.keyword.numbered,
            prefix: totals.keyword.prefix,
        },
        labels: totals.labels.iter().map(label).collect(),
        cut: totals.labels_cut || totals.labels_error > 0,
        names_distinct: totals.names,
        domains_distinct: totals.domains,
        mx_domains: totals.mx_domains,
        distinct_exact: totals.distinct_exact,
    }
}

fn correlation(totals: &HostTotals) -> CorrelationBody {
    let sums = &totals.sums;
    let correlation = Correlation::of(sums);
    let rounded = |value: Option<f64>| value.map(round);
    CorrelationBody {
        bin_s: 1,
        t: sums.t,
        k: sums.keyword.k,
        n_active: sums.active,
        n_all: sums.span(),
        sums: SumsBody {
            t: sums.t,
            k: sums.keyword.k,
            tt: sums.tt,
            kk: sums.keyword.kk,
            tk: sums.keyword.tk,
        },
        r2_active: rounded(correlation.r2_active),
        r2_all: rounded(correlation.r2_all),
        r2_reason: correlation.r2_reason.map(Undefined::name),
        r2_lower95: rounded(correlation.r2_lower95),
        slope: rounded(correlation.slope),
        share: rounded(correlation.share),
        r_rest: rounded(correlation.r_rest),
        r2_independent: rounded(correlation.r2_independent),
        r2_tiers: TiersBody {
            exact: rounded(correlation.r2_exact),
            prefix: rounded(correlation.r2_prefix),
        },
        smtp: coupling(&totals.coupling),
    }
}

fn coupling(sums: &CouplingSums) -> CouplingBody {
    let coupling = Coupling::of(sums);
    CouplingBody {
        n: sums.pairs(),
        lag_s: coupling.lag,
        r2: coupling.r2.map(round),
        reason: coupling.reason.map(Uncoupled::name),
        sums: CouplingSumsBody {
            m: sums.m,
            c: sums.c,
            mm: sums.mm,
            cc: sums.cc,
            mc: sums.mc,
        },
    }
}
