//! A story gathered while a run goes on: of the hosts that it shows, files are read a second time.

use super::{Run, Teller, can_be_read_again, say};
use crate::capture::{Fault, Replay, Snapshot, Source as _};
use crate::config::{Reading, Verbosity};
use crate::correlate::Verdict;
use crate::count::delta::HostBin;
use crate::host::HostAddr;
use crate::pipeline;
use crate::report::composer::Composer;
use crate::report::story::{Chosen, Gatherer, Story};
use crate::report::{Followed, HostReport, Sink, Totals};
use crate::time::Timestamp;
use std::io;
use std::path::PathBuf;

/// Gathers a story.
pub(super) struct Telling {
    pub(super) gatherer: Gatherer,
    reading: Reading,
    files: Vec<PathBuf>,
    composer: Composer,
    /// Hosts that are to be shown in any case.
    wanted: Vec<HostAddr>,
    /// What is read a second time, if it can be.
    again: Option<Snapshot>,
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
        run.settings.hosts = pipeline::Hosts::AtEnd;
        let (chosen, again) = if can_be_read_again(paths) {
            // What is written to while it is read must end at the same octet both times.
            run.source.stop_where_found();
            (Chosen::Nobody, Some(run.source.snapshot().clone()))
        } else {
            follow_all(run);
            (Chosen::Noticed(wanted.iter().copied().collect()), None)
        };
        Self {
            gatherer: Gatherer::new(composer.clone(), chosen),
            reading: reading.clone(),
            files,
            composer,
            wanted: wanted.to_vec(),
            again,
        }
    }

    /// The whole story.
    pub(super) fn finish(self) -> anyhow::Result<Story> {
        let mut story = self.gatherer.into_story();
        story.files = self.files;
        let Some(again) = &self.again else {
            return Ok(story);
        };
        let (hosts, omitted) = story.worth(&self.wanted);
        story.pages_omitted = omitted;
        if !hosts.is_empty() {
            let chosen = Chosen::These(hosts);
            let second = follow(self.reading, again, self.composer, chosen)?;
            // Totals of the same packets have the same identifier.
            let id = |story: &Story| story.totals.as_ref().map(|totals| totals.event.id.clone());
            story.changed = id(&second) != id(&story);
            story.pages = second.pages;
        }
        if story.changed {
            say("the captures were not the same when they were read again; the report says so");
        }
        Ok(story)
    }
}

/// Reads captures for the pages of some hosts. What is wrong with the captures was told when they
/// were read before.
fn follow(
    mut reading: Reading,
    snapshot: &Snapshot,
    composer: Composer,
    chosen: Chosen,
) -> anyhow::Result<Story> {
    // What was told by -v is not told twice.
    reading.verbosity = match reading.verbosity {
        Verbosity::Quiet => Verbosity::Quiet,
        _ => Verbosity::Normal,
    };
    let mut run = Run::of(reading, Replay::again(snapshot))?;
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

    fn totals(&mut self, totals: &Totals, at: Option<Timestamp>) -> io::Result<()> {
        self.gatherer.totals(totals, at)
    }

    fn fault(&mut self, fault: &Fault) {
        if let Some(teller) = &mut self.teller {
            teller.tell(fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use crate::{config, synth};
    use clap::Parser as _;
    use std::fs;
    use std::path::Path;

    /// The story of a capture to which `between` is done when it was read once.
    fn story(between: impl FnOnce(&Path)) -> Story {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcap");
        let mut octets = Vec::new();
        synth::write("dns-types", &mut octets).unwrap();
        fs::write(&path, octets).unwrap();
        let folder = folder.path().to_str().unwrap();
        let line = [
            "mxray",
            "report",
            "-q",
            "--host",
            "192.0.2.10",
            "-o",
            "r",
            folder,
        ];
        let Command::Report(args) = Cli::parse_from(line).command else {
            panic!("that is no report");
        };
        let config = config::report(*args).unwrap();
        let mut run = Run::new(config.reading.clone(), &config.paths).unwrap();
        let place = (&config.reading, &*config.paths);
        let mut telling = Telling::new(place, &mut run, "mxray", &config.hosts);
        let mut sink = StorySink {
            gatherer: telling.gatherer,
            teller: None,
        };
        run.into_sink(&mut sink).unwrap();
        telling.gatherer = sink.gatherer;
        between(&path);
        telling.finish().unwrap()
    }

    #[test]
    fn what_came_meanwhile_is_not_read() {
        let grown = |path: &Path| {
            let octets = fs::read(path).unwrap();
            fs::write(path.with_extension("more"), &octets).unwrap();
            fs::write(path, [&octets, &octets[24..]].concat()).unwrap();
        };
        let hosts = |between: fn(&Path)| {
            let story = story(between);
            assert!(!story.changed);
            assert_eq!(story.files.len(), 1);
            story.pages.keys().copied().collect::<Vec<_>>()
        };
        let pages = hosts(|_| {});
        assert!(pages.contains(&HostAddr::from_v4([192, 0, 2, 10])));
        assert_eq!(hosts(grown), pages);
    }

    #[test]
    fn what_is_not_the_same_is_told() {
        let cut = |path: &Path| {
            let octets = fs::read(path).unwrap();
            fs::write(path, &octets[..octets.len() / 2]).unwrap();
        };
        assert!(story(cut).changed);
        assert!(story(|path| fs::remove_file(path).unwrap()).changed);
    }
}
