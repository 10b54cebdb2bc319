//! `mxray replay`.

use super::{Outcome, Run, create, open, output_name, tell};
use crate::capture::{Fault, Source as _};
use crate::config::{Hosts, ReplayConfig, Verbosity};
use crate::correlate::Verdict;
use crate::count::delta::HostBin;
use crate::host::HostAddr;
use crate::report::bins::BinsWriter;
use crate::report::json::EventWriter;
use crate::report::table::Table;
use crate::report::{HostReport, Sink, Totals};
use crate::time::Timestamp;
use crate::verdict::Role;
use anyhow::Context as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};

pub(super) fn run(config: ReplayConfig) -> anyhow::Result<Outcome> {
    let mut run = Run::new(config.reading, &config.paths)?;
    run.settings.stats = config.stats;
    run.settings.hosts = config.hosts != Hosts::None;
    run.settings.count.bins = config.bins.is_some();
    let verbosity = run.verbosity;
    let bins = match &config.bins {
        None => None,
        Some(path) => {
            let bins = BinsWriter::new(create(path)?);
            Some(bins.with_context(|| format!("writing {}", path.display()))?)
        }
    };
    let mut sink = ReplaySink {
        events: EventWriter::new(open(&config.output)?, &config.sensor, run.source.files()),
        bins,
        hosts: config.hosts,
        table: Table::default(),
        failed: false,
        verbosity,
    };
    let totals = run
        .into_sink(&mut sink)
        .and_then(|totals| sink.flush().map(|()| totals))
        .with_context(|| format!("writing {}", output_name(&config.output)))?;
    if verbosity != Verbosity::Quiet {
        // Nobody to read it is no failure.
        let _ = sink.table.write(&mut io::stderr().lock(), &totals);
    }
    Ok(
        match (sink.failed, config.exit_code && sink.table.convicted()) {
            (true, _) => Outcome::Failed,
            (false, true) => Outcome::Convicted,
            (false, false) => Outcome::Done,
        },
    )
}

struct ReplaySink {
    events: EventWriter<Box<dyn Write>>,
    bins: Option<BinsWriter<BufWriter<File>>>,
    hosts: Hosts,
    table: Table,
    failed: bool,
    verbosity: Verbosity,
}

impl ReplaySink {
    fn flush(&mut self) -> io::Result<()> {
        self.events.flush()?;
        self.bins.as_mut().map_or(Ok(()), BinsWriter::flush)
    }
}

impl Sink for ReplaySink {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.table.add(verdict);
        self.events.verdict(verdict)
    }

    fn bins(&mut self, second: i64, bins: &[(HostAddr, HostBin)]) -> io::Result<()> {
        self.bins
            .as_mut()
            .map_or(Ok(()), |writer| writer.second(second, bins))
    }

    fn host(&mut self, host: &HostReport<'_>) -> io::Result<()> {
        if self.hosts == Hosts::Judged && host.judgement.role.role == Role::External {
            return Ok(());
        }
        self.events.host(host)
    }

    fn totals(&mut self, totals: &Totals, at: Option<Timestamp>) -> io::Result<()> {
        self.events.totals(totals, at)
    }

    fn fault(&mut self, fault: &Fault) {
        self.failed |= tell(fault, self.verbosity);
    }
}
