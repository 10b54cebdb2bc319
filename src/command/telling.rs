//! A story gathered while a run goes on: of the hosts that it shows, files are read a second time.

use super::{Run, Teller, can_be_read_again};
use crate::capture::{Fault, Source as _};
use crate::config::{Reading, Verbosity};
use crate::correlate::Verdict;
use crate::count::delta::HostBin;
use crate::host::HostAddr;
use crate::pipeline;
use crate::report::composer::Composer;
use crate::report::story::{Chosen, Gatherer, Story};
use crate::report::{Followed, HostReport, Sink};
use std::io;
use std::path::PathBuf;

/// Gathers a story.
pub(super) struct Telling {
    pub(super) gatherer: Gatherer,
    reading: Reading,
    paths: Vec<PathBuf>,
    files: Vec<PathBuf>,
    composer: Composer,
    /// Hosts that are to be shown in any case.
    wanted: Vec<HostAddr>,
    twice: bool,
}

impl Telling {
    /// Of a run that reads these captures so, with the `wanted` hosts in it; what it is told of
    /// must include all hosts.
    pub(super) fn new(
        (reading, paths): (&Reading, &[PathBuf]),
        run: &mut Run,
        sensor: &str,
        wanted: &[HostAddr],
    ) -> Self {
        let files = run.source.files().to_vec();
        let composer = Composer::new(sensor, &files);
        let twice = can_be_read_again(paths);
        let chosen = if twice {
            Chosen::Nobody
        } else {
            Chosen::Noticed(wanted.iter().copied().collect())
        };
        run.settings.hosts = pipeline::Hosts::AtEnd;
        if !twice {
            follow_all(run);
        }
        Self {
            gatherer: Gatherer::new(composer.clone(), chosen),
            reading: reading.clone(),
            paths: paths.to_vec(),
            files,
            composer,
            wanted: wanted.to_vec(),
            twice,
        }
    }

    /// The whole story.
    pub(super) fn finish(self) -> anyhow::Result<Story> {
        let mut story = self.gatherer.into_story();
        story.files = self.files;
        if self.twice {
            let (hosts, omitted) = story.worth(&self.wanted);
            story.pages_omitted = omitted;
            if !hosts.is_empty() {
                let chosen = Chosen::These(hosts);
                story.pages = follow(self.reading, &self.paths, self.composer, chosen)?.pages;
            }
        }
        Ok(story)
    }
}

/// Reads captures for the pages of some hosts. What is wrong with the captures was told when they
/// were read before.
fn follow(
    mut reading: Reading,
    paths: &[PathBuf],
    composer: Composer,
    chosen: Chosen,
) -> anyhow::Result<Story> {
    // What was told by -v is not told twice.
    reading.verbosity = match reading.verbosity {
        Verbosity::Quiet => Verbosity::Quiet,
        _ => Verbosity::Normal,
    };
    let mut run = Run::new(reading, paths)?;
    let mut sink = StorySink {
        gatherer: Gatherer::new(composer, chosen),
        teller: None,
    };
    follow_all(&mut run);
    run.into_sink(&mut sink)?;
    Ok(sink.gatherer.into_story())
}

/// Has a run tell all that a story of chosen hosts needs.
pub(super) fn follow_all(run: &mut Run) {
    run.settings.hosts = pipeline::Hosts::AtEnd;
    run.settings.follow = true;
    run.settings.count.bins = true;
}

/// Takes in a story and nothing else.
pub(super) struct StorySink {
    pub(super) gatherer: Gatherer,
    /// Whom faults are told to, if they are.
    pub(super) teller: Option<Teller>,
}

impl Sink for StorySink {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.gatherer.verdict(verdict)
    }

    fn bins(&mut self, second: i64, bins: &[(HostAddr, HostBin)]) -> io::Result<()> {
        self.gatherer.bins(second, bins);
        Ok(())
    }

    fn follows(&self, host: HostAddr) -> bool {
        self.gatherer.follows(host)
    }

    fn followed(&mut self, second: &Followed<'_>) -> io::Result<()> {
        self.gatherer.followed(second);
        Ok(())
    }

    fn host(&mut self, host: &HostReport<'_>) -> io::Result<()> {
        self.gatherer.host(host)
    }

    fn fault(&mut self, fault: &Fault) {
        if let Some(teller) = &mut self.teller {
            teller.tell(fault);
        }
    }
}
