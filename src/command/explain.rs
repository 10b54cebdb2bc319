//! `mxray explain`.

use super::{Outcome, Run, TO_STDOUT, tell};
use crate::capture::{Fault, Source as _};
use crate::config::{ExplainConfig, Verbosity};
use crate::correlate::Verdict;
use crate::host::HostAddr;
use crate::report::{HostReport, Sink, explain};
use anyhow::Context as _;
use std::io;
use std::path::PathBuf;

pub(super) fn run(config: ExplainConfig) -> anyhow::Result<Outcome> {
    let mut run = Run::new(config.reading, &config.paths)?;
    run.settings.hosts = true;
    let mut sink = ExplainSink {
        host: config.host,
        files: run.source.files().to_vec(),
        verdicts: Vec::new(),
        found: false,
        failed: false,
        verbosity: run.verbosity,
    };
    run.into_sink(&mut sink).context(TO_STDOUT)?;
    if !sink.found {
        eprintln!("mxray: {} asked nothing in these captures", config.host);
    }
    Ok(if sink.failed || !sink.found {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

struct ExplainSink {
    host: HostAddr,
    files: Vec<PathBuf>,
    verdicts: Vec<Verdict>,
    found: bool,
    failed: bool,
    verbosity: Verbosity,
}

impl Sink for ExplainSink {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        if verdict.host == self.host {
            self.verdicts.push(verdict.clone());
        }
        Ok(())
    }

    fn host(&mut self, host: &HostReport<'_>) -> io::Result<()> {
        if host.host != self.host {
            return Ok(());
        }
        self.found = true;
        explain::write(&mut io::stdout().lock(), host, &self.verdicts, &self.files)
    }

    fn fault(&mut self, fault: &Fault) {
        self.failed |= tell(fault, self.verbosity);
    }
}
