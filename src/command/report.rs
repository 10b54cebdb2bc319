//! `mxray report` and `mxray plot`.

use super::telling::{StorySink, Telling, follow_all};
use super::{Outcome, Run, Teller, create, open_later, output_name, say};
use crate::capture::{Fault, Source as _};
use crate::config::{PlotConfig, ReportConfig};
use crate::correlate::Verdict;
use crate::correlate::site::SensorEvent;
use crate::count::delta::HostBin;
use crate::host::HostAddr;
use crate::report::bins::BinsWriter;
use crate::report::composer::Composer;
use crate::report::hosts::HostsWriter;
use crate::report::story::{Chosen, Gatherer, Page};
use crate::report::{Followed, HostReport, Sink, Totals, html, plot};
use crate::time::Timestamp;
use crate::verdict::Role;
use anyhow::Context as _;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

pub(super) fn run(config: &ReportConfig) -> anyhow::Result<Outcome> {
    let mut run = Run::new(config.reading.clone(), &config.paths)?;
    let files = run.source.files().to_vec();
    // Found out before an hour of reading.
    let mut out = open_later(&config.output, &files)?;
    let telling = Telling::new(
        (&config.reading, &config.paths),
        &mut run,
        &config.sensor,
        &config.hosts,
    );
    run.settings.count.bins |= config.csv.is_some();
    let counts = match &config.csv {
        None => None,
        Some(folder) => Some(Counts::new(folder, &files, &config.sensor)?),
    };
    let mut sink = ReportSink {
        telling,
        counts,
        teller: run.teller(),
    };
    let told = run.into_sink(&mut sink);
    told.and_then(|_| sink.counts.as_mut().map_or(Ok(()), Counts::flush))
        .with_context(|| match &config.csv {
            Some(folder) => format!("writing into {}", folder.display()),
            None => "gathering the report".to_owned(),
        })?;
    let story = sink.telling.finish()?;
    sink.teller.failed |= story.changed;
    html::write(&mut *out, &story, config.language)
        .with_context(|| format!("writing {}", output_name(&config.output)))?;
    Ok(if sink.teller.failed {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

pub(super) fn plot(config: PlotConfig) -> anyhow::Result<Outcome> {
    let mut run = Run::new(config.reading, &config.paths)?;
    let files = run.source.files().to_vec();
    // Found out before an hour of reading.
    let mut out = open_later(&config.output, &files)?;
    let (page, failed) = {
        let mut sink = StorySink {
            gatherer: Gatherer::new(
                Composer::new(&config.sensor, &files),
                Chosen::These([config.host].into()),
            ),
            teller: Some(run.teller()),
        };
        follow_all(&mut run);
        run.into_sink(&mut sink)?;
        let failed = sink.teller.is_some_and(|teller| teller.failed);
        let mut story = sink.gatherer.into_story();
        (story.pages.remove(&config.host).unwrap_or_default(), failed)
    };
    let words = config.language.words();
    let Some(figure) = plot::draw(config.kind, config.host, &page, words) else {
        say(nothing(config.host, &page, config.kind));
        return Ok(Outcome::Failed);
    };
    let write = if config.csv {
        plot::Figure::write_csv
    } else {
        plot::Figure::write
    };
    write(&figure, &mut *out)
        .and_then(|()| out.flush())
        .with_context(|| format!("writing {}", output_name(&config.output)))?;
    Ok(if failed {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

/// Why there is no picture.
fn nothing(host: HostAddr, page: &Page, kind: plot::Kind) -> String {
    let kind = kind.name();
    if page.event.is_none() {
        format!("{host} asked nothing in these captures")
    } else {
        format!("{host} did nothing that `{kind}` would show")
    }
}

struct ReportSink {
    telling: Telling,
    counts: Option<Counts>,
    teller: Teller,
}

impl Sink for ReportSink {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.telling.gatherer.verdict(verdict)
    }

    fn sensor(&mut self, event: &SensorEvent) -> io::Result<()> {
        self.telling.gatherer.sensor(event)
    }

    fn bins(&mut self, second: i64, bins: &[(HostAddr, HostBin)]) -> io::Result<()> {
        self.telling.gatherer.bins(second, bins);
        self.counts
            .as_mut()
            .map_or(Ok(()), |counts| counts.bins.second(second, bins))
    }

    fn follows(&self, host: HostAddr) -> bool {
        self.telling.gatherer.follows(host)
    }

    fn followed(&mut self, second: &Followed<'_>) -> io::Result<()> {
        self.telling.gatherer.followed(second);
        Ok(())
    }

    fn host(&mut self, host: &HostReport<'_>) -> io::Result<()> {
        self.telling.gatherer.host(host)?;
        self.counts
            .as_mut()
            .map_or(Ok(()), |counts| counts.host(host))
    }

    fn totals(&mut self, totals: &Totals, at: Option<Timestamp>) -> io::Result<()> {
        self.telling.gatherer.totals(totals, at)
    }

    fn fault(&mut self, fault: &Fault) {
        self.teller.tell(fault);
    }
}

/// Every host and every second, as CSV.
struct Counts {
    composer: Composer,
    hosts: HostsWriter<BufWriter<File>>,
    bins: BinsWriter<BufWriter<File>>,
}

impl Counts {
    fn new(folder: &Path, reads: &[PathBuf], sensor: &str) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let writing = || format!("writing into {}", folder.display());
        let hosts = create(&folder.join("hosts.csv"), reads)?;
        let bins = create(&folder.join("bins.csv"), reads)?;
        Ok(Self {
            composer: Composer::new(sensor, reads),
            hosts: HostsWriter::new(hosts).with_context(writing)?,
            bins: BinsWriter::new(bins).with_context(writing)?,
        })
    }

    fn host(&mut self, host: &HostReport<'_>) -> io::Result<()> {
        if host.judgement.role.role == Role::External {
            return Ok(());
        }
        self.hosts.host(&self.composer.host(host)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hosts.flush()?;
        self.bins.flush()
    }
}
