//! Events out of what a run tells: complete, fitted into their size, with their identifiers. They
//! are written as they are ([`super::json`]), and shown ([`super::story`]).

use super::event::{
    Body, ECS_VERSION, Ecs, Event, HostBody, LifeBody, Meta, Observer, PacketBody, Rule,
    SensorBody, StatsBody, VerdictBody, action, round, severity,
};
use super::json::{Format, LARGEST, VERSION};
use super::{HostReport, LifeAction, LifeEvent, Totals, text};
use crate::correlate::evidence::{Evidence, Witness};
use crate::correlate::site::{Action, SensorEvent};
use crate::correlate::{Verdict, posterior};
use crate::time::Timestamp;
use serde::Serialize;
use std::io;
use std::path::PathBuf;
use xxhash_rust::xxh3::xxh3_128;

/// Octets of a file's path in an event, as JSON has it; of a longer one the end is kept.
const PATH: usize = 128;
/// Octets of a sentence at most.
const REASON: usize = 512;

/// Makes the events of a sensor that reads certain files.
#[derive(Clone, Debug)]
pub struct Composer {
    format: Format,
    sensor: String,
    files: Vec<PathBuf>,
}

impl Composer {
    /// Events of this sensor, in which packets lie in these files.
    #[must_use]
    pub fn new(sensor: &str, files: &[PathBuf]) -> Self {
        Self {
            format: Format::default(),
            sensor: sensor.to_owned(),
            files: files.to_vec(),
        }
    }

    /// Fits events into their size as they are in this format.
    #[must_use]
    pub fn in_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// The form of the events.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// A verdict.
    ///
    /// # Errors
    /// What serialising it may fail with.
    pub fn verdict(&self, verdict: &Verdict) -> io::Result<Event<VerdictBody>> {
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
        self.fit_verdict(event, &judgement.evidence)
    }

    /// A host.
    ///
    /// # Errors
    /// What serialising it may fail with.
    pub fn host(&self, report: &HostReport<'_>) -> io::Result<Event<HostBody>> {
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
        Ok(Self::complete(event))
    }

    /// What is told of the sensor.
    ///
    /// # Errors
    /// What serialising it may fail with.
    pub fn sensor(&self, told: &SensorEvent) -> io::Result<Event<SensorBody>> {
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
        Ok(Self::complete(event))
    }

    /// What becomes of the sensor itself.
    ///
    /// # Errors
    /// What serialising it may fail with.
    pub fn life(&self, told: &LifeEvent) -> io::Result<Event<LifeBody>> {
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
        Ok(Self::complete(event))
    }

    /// The totals; `at` is packet time.
    ///
    /// # Errors
    /// What serialising it may fail with.
    pub fn totals(&self, totals: &Totals, at: Option<Timestamp>) -> io::Result<Event<StatsBody>> {
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
        Ok(Self::complete(event))
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
                version: "",
            },
            rule: None,
            source: None,
            related: None,
            network: None,
            mxray: body,
        }
    }

    /// Fits a verdict into its size. The packets come last, since where they
    /// lie depends on how a capture was cut into files: neither the identifier nor what else
    /// is listed may depend on that.
    fn fit_verdict(
        &self,
        mut event: Event<VerdictBody>,
        evidence: &[Evidence],
    ) -> io::Result<Event<VerdictBody>> {
        /// Octets of a packet but for its path: keys, number, time.
        const PACKET: usize = 80;
        let plain = Self::plain(&event)?;
        event.event.id = hash(&plain);
        let mut length = match self.format {
            // What the identifier was made of lacks that alone, and the version.
            Format::Ecs => plain.len() + event.event.id.len() + VERSION.len() + 1,
            Format::Eve | Format::Ocsf => self.format.length(&event)?,
        };
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
            if length + count * (PACKET + PATH) <= LARGEST {
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
            length = self.format.length(&event)?;
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
        Ok(Self::complete(event))
    }

    fn packet(&self, witness: &Witness) -> PacketBody {
        let path = self.files.get(witness.origin.file as usize);
        let file = path.map(|path| text::escape(path.as_os_str().as_encoded_bytes()));
        let mut file = file.unwrap_or_default();
        file.drain(..file.len() - end(&file, PATH).len());
        PacketBody {
            file,
            frame: witness.origin.frame,
            ts: witness.time.to_string(),
        }
    }

    /// A hash of all that the event says, in any format the same. It is taken before the packets and the number of
    /// files are filled in, which a cut of the capture into files changes.
    fn id<B: Serialize>(event: &Event<B>) -> io::Result<String> {
        Ok(hash(&Self::plain(event)?))
    }

    /// All that the event says so far.
    fn plain<B: Serialize>(event: &Event<B>) -> io::Result<Vec<u8>> {
        // Room for nearly all of them.
        let mut plain = Vec::with_capacity(LARGEST);
        serde_json::to_writer(&mut plain, event)?;
        Ok(plain)
    }

    /// Filled in at the end: a release must not change the identifiers.
    fn complete<B: Body>(mut event: Event<B>) -> Event<B> {
        event.observer.version = VERSION;
        event
    }
}

/// `mxray.episode.id` of a verdict of this sensor.
pub(super) fn episode_id(sensor: &str, verdict: &Verdict) -> String {
    let began_as = verdict.began_as.to_string();
    let first_seen = verdict.first_seen.to_string();
    digest(&[sensor, "mxray.verdict", &began_as, &first_seen])
}

fn digest(parts: &[&str]) -> String {
    hash(parts.join("\0").as_bytes())
}

fn hash(octets: &[u8]) -> String {
    format!("{:032x}", xxh3_128(octets))
}

/// The end of a text that takes so many octets at the most in JSON, which escapes quotes and backslashes.
fn end(text: &str, length: usize) -> &str {
    let mut octets = 0;
    let kept = text.char_indices().rev().take_while(|(_, letter)| {
        octets += letter.len_utf8() + usize::from(matches!(letter, '"' | '\\'));
        octets <= length
    });
    let from = kept.last().map_or(text.len(), |(at, _)| at);
    text.get(from..).unwrap_or_default()
}

fn cut(text: &str, length: usize) -> String {
    text.get(..text.floor_char_boundary(length))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_path_takes_no_more_in_json_than_is_reckoned_for_it() {
        for text in [
            "",
            "a/b",
            &"\"".repeat(300),
            &"\\x80é".repeat(90),
            &"é".repeat(100),
        ] {
            let kept = end(text, PATH);
            let json = serde_json::to_string(kept).unwrap();
            assert!(text.ends_with(kept) && json.len() <= PATH + 2, "{json}");
            assert!(kept.len() == text.len() || json.len() + 4 > PATH);
        }
    }
}
