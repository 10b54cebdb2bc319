//! Where events go: to a file or standard output, into the event log, or both.

use crate::config::{self, Output};
use crate::eventlog::{LogCounts, Writer};
use anyhow::Context as _;
use std::io::{self, Write};

/// Takes the same octets for all of them.
pub(super) struct Outputs {
    /// The file, or standard output; a failure there is a failure of the run.
    main: Option<Box<dyn Write>>,
    /// The log, which fails never.
    log: Option<Writer>,
}

impl Outputs {
    /// The log is opened here; what is wrong with it by now is an error.
    pub(super) fn new(
        main: Option<Box<dyn Write>>,
        log: Option<&config::Log>,
    ) -> anyhow::Result<Self> {
        let log = log
            .map(|log| {
                Writer::open(&log.folder, log.bounds)
                    .with_context(|| format!("opening the event log {}", log.folder.display()))
            })
            .transpose()?;
        Ok(Self { main, log })
    }

    /// Writes to another file from now on; the log stays.
    pub(super) fn write_to(&mut self, main: Option<Box<dyn Write>>) {
        self.main = main;
    }

    /// What became of the events of the log.
    pub(super) fn log_counts(&self) -> Option<LogCounts> {
        self.log.as_ref().map(Writer::counts)
    }

    /// What people should be told of the log.
    pub(super) fn take_faults(&mut self) -> Vec<String> {
        self.log
            .as_mut()
            .map(Writer::take_faults)
            .unwrap_or_default()
    }

    /// Ends both.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if let Some(log) = &mut self.log {
            log.close();
        }
        self.main.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Write for Outputs {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if let Some(log) = &mut self.log {
            log.write_all(octets)?;
        }
        if let Some(main) = &mut self.main {
            main.write_all(octets)?;
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(log) = &mut self.log {
            log.flush()?;
        }
        self.main.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// The name of an output, for errors.
pub(super) fn name(output: &Output) -> String {
    match output {
        Output::Stdout => "standard output".to_owned(),
        Output::File(path) => path.display().to_string(),
        Output::Nowhere => "the event log".to_owned(),
    }
}
