//! `mxray inventory`.

use super::{Outcome, Run, Teller, open, output_name, say};
use crate::capture::{Fault, Source as _};
use crate::config::{InventoryConfig, Verbosity};
use crate::correlate::Verdict;
use crate::pipeline;
use crate::report::draft::{Draft, Reads};
use crate::report::{HostReport, Sink};
use anyhow::Context as _;
use std::io;

pub(super) fn run(config: InventoryConfig) -> anyhow::Result<Outcome> {
    let mut reading = config.reading;
    // What is said of a host hides what it shows, and the two are to be compared.
    let known = reading.inventory.clone();
    reading.inventory = reading.inventory.without_hosts();
    let home = reading.home.is_known();
    let mut run = Run::new(reading, &config.paths)?;
    run.settings.hosts = pipeline::Hosts::AtEnd;
    let verbosity = run.verbosity;
    let files = run.source.files().to_vec();
    let mut out = open(&config.output, &files)?;
    let mut sink = DraftSink {
        draft: Draft::new(&known),
        teller: run.teller(),
    };
    let capture = run.into_sink(&mut sink)?.capture;
    let reads = Reads {
        files: &files,
        span: capture.first.zip(capture.last),
        home,
    };
    sink.draft
        .write(&mut *out, &reads)
        .with_context(|| format!("writing {}", output_name(&config.output)))?;
    if sink.draft.is_empty() && verbosity != Verbosity::Quiet {
        say(match known.hosts_len() {
            0 => "no host showed a role",
            _ => "no host showed a role that the inventory does not hold",
        });
    }
    Ok(if sink.teller.failed {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

struct DraftSink<'a> {
    draft: Draft<'a>,
    teller: Teller,
}

impl Sink for DraftSink<'_> {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.draft.verdict(verdict);
        Ok(())
    }

    fn host(&mut self, host: &HostReport<'_>) -> io::Result<()> {
        self.draft.host(host.host, &host.judgement.role);
        Ok(())
    }

    fn fault(&mut self, fault: &Fault) {
        self.teller.tell(fault);
    }
}
