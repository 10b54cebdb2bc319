//! Events as lines of JSON, as [`super::event`] has them or in another [`Format`].

use super::eve::EveEvent;
use super::event::{
    self, Body, ECS_VERSION, Ecs, Event, HostBody, LifeBody, Meta, Observer, PacketBody, Rule,
    SensorBody, StatsBody, VerdictBody, action, round, severity,
};
use super::ocsf::OcsfEvent;
use super::{HostReport, LifeAction, LifeEvent, Totals, eve, ocsf, text};
use crate::correlate::evidence::{Evidence, Witness};
use crate::correlate::site::{Action, SensorEvent};
use crate::correlate::{Verdict, posterior};
use crate::time::Timestamp;
use serde::Serialize;
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
/// Octets of a sentence at most.
const REASON: usize = 512;

/// The names that events use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Elastic Common Schema.
    #[default]
    Ecs,
    /// Suricata's EVE.
    Eve,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
}

impl Format {
    /// The JSON Schema of all events in this format.
    #[must_use]
    pub fn schema(self) -> schemars::Schema {
        match self {
            Self::Ecs => event::schema(),
            Self::Eve => eve::schema(),
            Self::Ocsf => ocsf::schema(),
        }
    }

    fn write<B: Body>(self, out: impl Write, event: &Event<B>) -> io::Result<()> {
        match self {
            Self::Ecs => serde_json::to_writer(out, event)?,
            Self::Eve => serde_json::to_writer(out, &EveEvent::of(event))?,
            Self::Ocsf => serde_json::to_writer(out, &OcsfEvent::of(event)?)?,
        }
        Ok(())
    }

    /// Octets of the line that an event will be.
    fn length<B: Body>(self, event: &Event<B>) -> io::Result<usize> {
        let mut line = Vec::new();
        self.write(&mut line, event)?;
        // Each format tells the version once.
        Ok(line.len() + VERSION.len() + 1)
    }
}

/// Writes events to `out`, one a line, each flushed as a whole when `flush` says so.
pub struct EventWriter<W> {
    out: W,
    format: Format,
    sensor: String,
    files: Vec<PathBuf>,
}

impl<W: Write> EventWriter<W> {
    /// Events of a sensor that reads these files.
    pub fn new(out: W, sensor: &str, files: &[PathBuf]) -> Self {
        Self {
            out,
            format: Format::default(),
            sensor: sensor.to_owned(),
            files: files.to_vec(),
        }
    }

    /// Writes events in this format.
    #[must_use]
    pub fn in_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// Where it writes to.
    pub fn out_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes a verdict, at once.
    pub fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        let judgement = &verdict.judgement;
        let ip = verdict.host.to_string();
        let first_seen = verdict.first_seen.to_string();
        let episode = episode_id(&self.sensor, verdict);
        let convicted = judgement.level.convicted() && verdict.suppressed.is_none();
        let mut event = self.event(
            verdict.time,
            "mxray.verdict",
            VerdictBody::of(verdict, episode),
        );
        let meta = &mut event.event;
        meta.kind = if convicted { "alert" } else { "event" };
        meta.category = ["intrusion_detection"];
        meta.start = Some(first_seen);
        meta.end = Some(verdict.newest.to_string());
        meta.action = Some(action(judgement.level));
        meta.severity = Some(severity(judgement.level));
        meta.risk_score = Some(round(100.0 * posterior(judgement.score)));
        meta.reason = Some(cut(&format!("{ip} {}.", judgement.reason), REASON));
        event.rule = Some(Rule::of(judgement.class));
        event.place(verdict.host, verdict.totals.tag);
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
            span: (start, end),
            totals,
            ..
        } = report;
        let mut event = self.event(*at, "mxray.host", HostBody::of(report));
        event.event.start = start.map(|time| time.to_string());
        event.event.end = end.map(|time| time.to_string());
        event.place(*host, totals.tag);
        let mut labels = event.mxray.dns.labels.len();
        while self.format.length(&event)? > LARGEST {
            if event.mxray.smtp.shorten() {
                continue;
            }
            if labels == 0 {
                break;
            }
            labels /= 2;
            event.mxray.dns.shorten(labels);
        }
        event.event.id = Self::id(&event)?;
        self.line(event)
    }

    /// Writes what is told of the sensor, at once.
    pub fn sensor(&mut self, told: &SensorEvent) -> io::Result<()> {
        let mut event = self.event(told.time, "mxray.sensor", SensorBody::of(told));
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

    /// Writes what becomes of the sensor itself, at once.
    pub fn life(&mut self, told: &LifeEvent) -> io::Result<()> {
        let mut event = self.event(told.time, "mxray.sensor", LifeBody::of(told));
        let meta = &mut event.event;
        let (action, kind_of) = match told.action {
            LifeAction::Started => ("sensor-started", "start"),
            LifeAction::Stopped => ("sensor-stopped", "end"),
            LifeAction::InterfaceDown => ("interface-down", "error"),
            LifeAction::InterfaceUp => ("interface-up", "info"),
            LifeAction::ConfigReloaded => ("config-reloaded", "change"),
            LifeAction::ConfigRefused => ("config-refused", "error"),
        };
        meta.kind = "event";
        meta.kind_of = [kind_of];
        meta.action = Some(action);
        meta.start = Some(told.time.to_string());
        meta.end = Some(told.time.to_string());
        meta.reason = Some(told.reason.clone());
        event.event.id = Self::id(&event)?;
        self.line(event)?;
        self.out.flush()
    }

    /// Writes the totals; `at` is packet time.
    pub fn totals(&mut self, totals: &Totals, at: Option<Timestamp>) -> io::Result<()> {
        let capture = &totals.capture;
        let time = at.unwrap_or_else(Timestamp::now);
        let mut event = self.event(
            time,
            "mxray.stats",
            StatsBody::of(totals, capture.first.is_none()),
        );
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
    fn event<B>(&self, time: Timestamp, dataset: &'static str, body: B) -> Event<B> {
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
            mxray: body,
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
            if self.format.length(&event)? + count * (PACKET + PATH) <= LARGEST {
                break;
            }
            if event.mxray.smtp.shorten() {
                // As long as that does not suffice.
            } else if packets > 2 {
                packets -= 1;
            } else if labels > 0 {
                labels /= 2;
                event.mxray.dns.shorten(labels);
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

    /// A hash of all that the event says, in any format the same. It is taken before the packets and the number of
    /// files are filled in, which a cut of the capture into files changes.
    fn id<B: Serialize>(event: &Event<B>) -> io::Result<String> {
        Ok(format!("{:032x}", xxh3_128(&serde_json::to_vec(event)?)))
    }

    fn line<B: Body>(&mut self, mut event: Event<B>) -> io::Result<()> {
        event.observer.version = VERSION;
        self.format.write(&mut self.out, &event)?;
        self.out.write_all(b"\n")
    }
}

/// `mxray.episode.id` of a verdict of this sensor.
pub(super) fn episode_id(sensor: &str, verdict: &Verdict) -> String {
    let began_as = verdict.began_as.to_string();
    let first_seen = verdict.first_seen.to_string();
    digest(&[sensor, "mxray.verdict", &began_as, &first_seen])
}

fn digest(parts: &[&str]) -> String {
    format!("{:032x}", xxh3_128(parts.join("\0").as_bytes()))
}

fn cut(text: &str, length: usize) -> String {
    text.get(..text.floor_char_boundary(length))
        .unwrap_or_default()
        .to_owned()
}
