//! `mxray replay`.

use super::outputs::Outputs;
use super::telling::Telling;
use super::{Outcome, Run, Teller, create, create_later, open, output_name, say};
use crate::capture::{Fault, Source as _};
use crate::config::{Hosts, ReplayConfig, Verbosity};
use crate::correlate::Verdict;
use crate::correlate::site::SensorEvent;
use crate::count::delta::HostBin;
use crate::host::HostAddr;
use crate::pipeline;
use crate::report::bins::BinsWriter;
use crate::report::html;
use crate::report::json::EventWriter;
use crate::report::table::Table;
use crate::report::{Followed, HostReport, Sink, Totals};
use crate::time::Timestamp;
use anyhow::Context as _;
use std::fs::File;
use std::io::{self, BufWriter};

pub(super) fn run(config: &ReplayConfig) -> anyhow::Result<Outcome> {
    let mut run = Run::new(config.reading.clone(), &config.paths)?;
    run.settings.stats = config.stats;
    if config.hosts != Hosts::None {
        run.settings.hosts = pipeline::Hosts::AtEnd;
    }
    run.settings.count.bins = config.bins.is_some();
    let mut telling = None;
    let mut page = None;
    if let Some(path) = &config.report {
        page = Some((create_later(path, run.source.files())?, path));
        telling = Some(Telling::new(
            (&config.reading, &config.paths),
            &mut run,
            &config.sensor,
            &[],
        ));
    }
    let verbosity = run.verbosity;
    let bins = match &config.bins {
        None => None,
        Some(path) => {
            let bins = BinsWriter::new(create(path, run.source.files())?);
            let name = path.display().to_string();
            let bins = bins.with_context(|| format!("writing {name}"))?;
            Some((bins, name))
        }
    };
    let mut sink = ReplaySink {
        events: EventWriter::new(
            Outputs::new(
                Some(open(&config.output, run.source.files())?),
                config.log.as_ref(),
            )?,
            &config.sensor,
            run.source.files(),
        )
        .in_format(config.format),
        bins,
        telling,
        hosts: config.hosts,
        table: Table::default(),
        refused: output_name(&config.output),
        teller: run.teller(),
    };
    let totals = run
        .into_sink(&mut sink)
        .and_then(|totals| sink.close().map(|()| totals))
        .with_context(|| format!("writing {}", sink.refused));
    for fault in sink.events.out_mut().take_faults() {
        say(fault);
    }
    let totals = totals?;
    if let (Some(telling), Some((mut out, path))) = (sink.telling.take(), page) {
        let story = telling.finish()?;
        sink.teller.failed |= story.changed;
        html::write(&mut out, &story, config.language)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    let lost = sink.events.out_mut().log_counts();
    sink.teller.failed |= lost.is_some_and(|counts| counts.lost > 0);
    if verbosity != Verbosity::Quiet {
        // Nobody to read it is no failure.
        let _ = sink.table.write(&mut io::stderr().lock(), &totals);
    }
    Ok(
        match (
            sink.teller.failed,
            config.exit_code && sink.table.convicted(),
        ) {
            (true, _) => Outcome::Failed,
            (false, true) => Outcome::Convicted,
            (false, false) => Outcome::Done,
        },
    )
}

struct ReplaySink {
    events: EventWriter<Outputs>,
    /// With the name of its file.
    bins: Option<(BinsWriter<BufWriter<File>>, String)>,
    telling: Option<Telling>,
    hosts: Hosts,
    table: Table,
    /// The output that an error of the sink is about.
    refused: String,
    teller: Teller,
}

impl ReplaySink {
    fn close(&mut self) -> io::Result<()> {
        self.events.out_mut().close()?;
        self.write_bins(BinsWriter::flush)
    }

    fn write_bins(
        &mut self,
        write: impl FnOnce(&mut BinsWriter<BufWriter<File>>) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some((bins, name)) = &mut self.bins else {
            return Ok(());
        };
        write(bins).inspect_err(|_| self.refused.clone_from(name))
    }
}

impl Sink for ReplaySink {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.table.add(verdict);
        if let Some(telling) = &mut self.telling {
            telling.gatherer.verdict(verdict)?;
        }
        self.events.verdict(verdict)
    }

    fn sensor(&mut self, event: &SensorEvent) -> io::Result<()> {
        if let Some(telling) = &mut self.telling {
            telling.gatherer.sensor(event)?;
        }
        self.events.sensor(event)
    }

    fn bins(&mut self, second: i64, bins: &[(HostAddr, HostBin)]) -> io::Result<()> {
        if let Some(telling) = &mut self.telling {
            telling.gatherer.bins(second, bins);
        }
        self.write_bins(|writer| writer.second(second, bins))
    }

    fn follows(&self, host: HostAddr) -> bool {
        let telling = self.telling.as_ref();
        telling.is_some_and(|telling| telling.gatherer.follows(host))
    }

    fn followed(&mut self, second: &Followed<'_>) -> io::Result<()> {
        if let Some(telling) = &mut self.telling {
            telling.gatherer.followed(second);
        }
        Ok(())
    }

    fn host(&mut self, host: &HostReport<'_>) -> io::Result<()> {
        if let Some(telling) = &mut self.telling {
            telling.gatherer.host(host)?;
        }
        if self.hosts.wants(host) {
            return self.events.host(host);
        }
        Ok(())
    }

    fn totals(&mut self, totals: &Totals, at: Option<Timestamp>) -> io::Result<()> {
        if let Some(telling) = &mut self.telling {
            telling.gatherer.totals(totals, at)?;
        }
        self.events.totals(totals, at)
    }

    fn fault(&mut self, fault: &Fault) {
        self.teller.tell(fault);
    }
}
