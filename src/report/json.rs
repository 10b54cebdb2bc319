//! Events as lines of JSON, as [`super::event`] has them or in another [`Format`].

use super::composer::Composer;
use super::eve::EveEvent;
use super::event::{self, Body, Event};
use super::ocsf::OcsfEvent;
use super::{HostReport, LifeEvent, Totals, eve, ocsf};
use crate::correlate::Verdict;
use crate::correlate::site::SensorEvent;
use crate::time::Timestamp;
use std::io::{self, Write};
use std::path::PathBuf;

/// Octets of an event at most, its line end included, as the contract says (syslog relays
/// often cut at 8 kB).
pub const LARGEST: usize = 7_500;
/// Version of mxray.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

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
    pub(super) fn length<B: Body>(self, event: &Event<B>) -> io::Result<usize> {
        let mut line = Vec::with_capacity(LARGEST);
        self.write(&mut line, event)?;
        // Each format tells the version once.
        Ok(line.len() + VERSION.len() + 1)
    }
}

/// Writes events to `out`, one a line, each flushed as a whole when `flush` says so.
pub struct EventWriter<W> {
    out: W,
    composer: Composer,
    /// The event at hand: it is written in a thousand little pieces, and goes out in one.
    line: Vec<u8>,
}

impl<W: Write> EventWriter<W> {
    /// Events of a sensor that reads these files.
    pub fn new(out: W, sensor: &str, files: &[PathBuf]) -> Self {
        Self {
            out,
            composer: Composer::new(sensor, files),
            line: Vec::with_capacity(LARGEST),
        }
    }

    /// Writes events in this format.
    #[must_use]
    pub fn in_format(self, format: Format) -> Self {
        Self {
            composer: self.composer.in_format(format),
            ..self
        }
    }

    /// Where it writes to.
    pub fn out_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes a verdict, at once.
    pub fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        let event = self.composer.verdict(verdict)?;
        self.line(&event)?;
        // Somebody may wait for it.
        self.out.flush()
    }

    /// Writes a host.
    pub fn host(&mut self, report: &HostReport<'_>) -> io::Result<()> {
        let event = self.composer.host(report)?;
        self.line(&event)
    }

    /// Writes what is told of the sensor, at once.
    pub fn sensor(&mut self, told: &SensorEvent) -> io::Result<()> {
        let event = self.composer.sensor(told)?;
        self.line(&event)?;
        // Somebody may wait for it.
        self.out.flush()
    }

    /// Writes what becomes of the sensor itself, at once.
    pub fn life(&mut self, told: &LifeEvent) -> io::Result<()> {
        let event = self.composer.life(told)?;
        self.line(&event)?;
        self.out.flush()
    }

    /// Writes totals, at once.
    pub fn totals(&mut self, totals: &Totals, at: Option<Timestamp>) -> io::Result<()> {
        let event = self.composer.totals(totals, at)?;
        self.line(&event)?;
        // At intervals somebody may wait for it.
        self.out.flush()
    }

    /// Ends the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn line<B: Body>(&mut self, event: &Event<B>) -> io::Result<()> {
        self.line.clear();
        self.composer.format().write(&mut self.line, event)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }
}
