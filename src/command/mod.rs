//! What each command does: builds the stages' inputs from a checked configuration, runs the
//! pipeline, and turns the outcome into an exit status. All that people read goes to
//! standard error, all that machines read to standard output.

mod explain;
mod inventory;
mod live;
mod metrics;
mod notify;
mod outputs;
mod pages;
mod replay;
mod report;
mod ship;
mod telling;
mod top;

use crate::capture::Source as _;
use crate::cli::Command;
use crate::config::{self, Reading, SynthConfig, Verbosity};
use crate::correlate::Context;
use crate::report::text::plain;
use crate::report::{HostReport, Sink, Totals};
use crate::verdict::Role;
use crate::{capture, count, pipeline, synth};
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use outputs::name as output_name;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was asked.
    Done,
    /// It ran, and an input could not be read, or something checked is not valid.
    Failed,
    /// It ran, a host is convicted, and `--exit-code` asked to be told.
    Convicted,
    /// What another process of ours ended with.
    Status(u8),
}

impl Outcome {
    /// The process's exit status.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Convicted => 10,
            Self::Status(status) => status,
        }
    }
}

/// What an error of standard output is told with.
const TO_STDOUT: &str = "writing standard output";

/// Runs a command.
///
/// # Errors
/// A [`config::Error`] where what was typed is wrong (exit status 2); anything else is a
/// failure while running (1). A closed pipe at standard output is no error.
pub fn run(command: Command) -> anyhow::Result<Outcome> {
    let outcome = match command {
        Command::Replay(args) => replay::run(&config::replay(*args)?),
        Command::Live(args) if args.list_interfaces => live::list(),
        Command::Live(args) => live::run(&args),
        Command::Explain(args) => explain::run(config::explain(*args)?),
        Command::Report(args) => report::run(&config::report(*args)?),
        Command::Plot(args) => report::plot(config::plot(*args)?),
        Command::Inventory(args) => inventory::run(config::inventory(*args)?),
        Command::Synth(args) => synthesise(config::synth(args)),
        Command::Check(args) => check(&config::check(args)),
        Command::Schema(args) => schema(config::schema(&args)),
        Command::Completions(args) => pages::completions(args.shell),
        Command::Man(args) => pages::man(&args.folder),
        Command::Notify(args) => notify::run(config::notify(*args)?),
        Command::Metrics(args) => metrics::run(&args),
        Command::Top(args) => top::run(&args),

        Command::Ship(args) => ship::run(&config::ship(*args)?),
    };
    match outcome {
        Err(error) if is_closed_pipe(&error) => Ok(Outcome::Done),
        outcome => outcome,
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

fn synthesise(config: SynthConfig) -> anyhow::Result<Outcome> {
    match config {
        SynthConfig::List => {
            let mut out = io::stdout().lock();
            for recipe in synth::catalogue() {
                let line = writeln!(out, "{:20}  {}", recipe.name, recipe.summary);
                line.context(TO_STDOUT)?;
            }
        }
        SynthConfig::Write { name, output } => {
            // Found out before a file is made.
            if !synth::catalogue().iter().any(|recipe| recipe.name == name) {
                anyhow::bail!(config::Error::Value {
                    origin: config::Origin::CommandLine("NAME"),
                    message: format!("there is no `{name}`; `mxray synth --list` lists them"),
                });
            }
            let mut out = open(&output, &[])?;
            synth::write(&name, &mut out)
                .with_context(|| format!("writing {}", output_name(&output)))?;
            out.flush()
                .with_context(|| format!("writing {}", output_name(&output)))?;
        }
    }
    Ok(Outcome::Done)
}

fn check(findings: &[config::Finding]) -> anyhow::Result<Outcome> {
    let mut out = io::stdout().lock();
    for finding in findings {
        writeln!(out, "{finding}").context(TO_STDOUT)?;
    }
    let valid = findings.iter().all(config::Finding::is_valid);
    Ok(if valid {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}

fn schema(format: config::Format) -> anyhow::Result<Outcome> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &format.schema())
        .map_err(io::Error::from)
        .and_then(|()| writeln!(out))
        .context(TO_STDOUT)?;
    Ok(Outcome::Done)
}

fn open(output: &config::Output, reads: &[PathBuf]) -> anyhow::Result<Box<dyn Write>> {
    Ok(match output {
        config::Output::Stdout => Box::new(BufWriter::new(io::stdout())),
        config::Output::File(path) => Box::new(create(path, reads)?),
        config::Output::Nowhere => Box::new(io::sink()),
    })
}

/// The same, but what is there stays until there is something to write.
fn open_later(output: &config::Output, reads: &[PathBuf]) -> anyhow::Result<Box<dyn Write>> {
    let config::Output::File(path) = output else {
        return open(output, reads);
    };
    Ok(Box::new(create_later(path, reads)?))
}

/// Opens a file that is made anew when something is written.
fn create_later(path: &Path, reads: &[PathBuf]) -> anyhow::Result<BufWriter<Later>> {
    not_read(path, reads)?;
    let mut options = File::options();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(|| format!("creating {}", path.display()))?;
    Ok(BufWriter::new(Later { file, begun: false }))
}

/// A file that is emptied by the first write.
struct Later {
    file: File,
    begun: bool,
}

impl Write for Later {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        // What is no regular file has nothing to be emptied of.
        if !std::mem::replace(&mut self.begun, true) && self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Makes a file, but none of those that are `reads`: a folder may hold more than meets the eye.
fn create(path: &Path, reads: &[PathBuf]) -> anyhow::Result<BufWriter<File>> {
    not_read(path, reads)?;
    let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
    Ok(BufWriter::new(file))
}

/// A capture is not overwritten.
fn not_read(path: &Path, reads: &[PathBuf]) -> anyhow::Result<()> {
    if let Ok(there) = path.canonicalize()
        && reads
            .iter()
            .any(|read| read.canonicalize().is_ok_and(|read| read == there))
    {
        anyhow::bail!("{} is one of the captures to read", path.display());
    }
    Ok(())
}

/// Whether captures can be read a second time. A pipe cannot; of what is not there, that was told.
fn can_be_read_again(paths: &[PathBuf]) -> bool {
    let again = |path: &PathBuf| path.is_file() || path.is_dir() || !path.exists();
    paths
        .iter()
        .all(|path| again(path) && path != Path::new("-"))
}

/// What `replay`, `explain` and `inventory` do alike: open the captures and run them through the stages.
struct Run {
    source: capture::Replay,
    filter: capture::Filter,
    settings: pipeline::Settings,
    verbosity: Verbosity,
    bar: ProgressBar,
}

/// Memory that a host with a few names takes, tables and all; by it three eighths of `--memory`
/// become a number of hosts. What they take is bounded by that part too.
const HOST_OCTETS: usize = 2048;
/// Memory of a TCP connection that is begun or over, all of which get an eighth of `--memory`,
/// and what one takes more whose octets are followed, which get another; octets that wait
/// get a third, and what is remembered of hosts with mail lookups or connections a quarter.
const CONNECTION_OCTETS: usize = 160;
const STREAM_OCTETS: usize = 2048;

impl config::Hosts {
    /// Whether a host gets an event of its own.
    fn wants(self, report: &HostReport<'_>) -> bool {
        match self {
            Self::None => false,
            Self::Judged => report.judgement.role.role != Role::External,
            Self::All => true,
        }
    }
}

/// What the stages need to know, by what was asked for.
fn settings(reading: Reading) -> pipeline::Settings {
    let Reading {
        home,
        inventory,
        keywords,
        smtp_ports,
        workers,
        memory,
        ..
    } = reading;
    let part = |of: u64| usize::try_from(memory / of).unwrap_or(usize::MAX);
    pipeline::Settings {
        workers,
        count: count::Settings {
            keywords: Arc::new(keywords),
            mail: smtp_ports,
            hosts: 3 * part(8) / HOST_OCTETS,
            host_octets: 3 * part(8),
            connections: part(8) / CONNECTION_OCTETS,
            streams: part(8) / STREAM_OCTETS,
            stream_octets: part(8),
            bins: false,
        },
        context: Context {
            inventory: Arc::new(inventory),
            home: Arc::new(home),
            octets: part(4),
            ..Context::default()
        },
        stats: None::<NonZeroU64>,
        behind: pipeline::Behind::Wait,
        hosts: pipeline::Hosts::Never,
        keep: None,
        follow: false,
    }
}

impl Run {
    fn new(reading: Reading, paths: &[PathBuf]) -> anyhow::Result<Self> {
        // Before they are looked for: what is passed over is part of the log.
        log(reading.verbosity);
        Self::of(reading, capture::Replay::open(paths))
    }

    /// Of captures that were found already.
    fn of(reading: Reading, source: capture::Replay) -> anyhow::Result<Self> {
        let (window, verbosity) = (reading.window, reading.verbosity);
        let filter = reading.filter.as_deref();
        let filter = capture::Filter::new(filter, window.since, window.until)?;
        let settings = settings(reading);
        let source = source.read_ahead(pipeline::ahead());
        let bar = progress_bar(verbosity, source.progress().total);
        Ok(Self {
            source,
            filter,
            settings,
            verbosity,
            bar,
        })
    }

    fn teller(&self) -> Teller {
        Teller {
            bar: self.bar.clone(),
            verbosity: self.verbosity,
            failed: false,
        }
    }

    fn into_sink(mut self, sink: &mut dyn Sink) -> io::Result<Totals> {
        let tap = pipeline::Tap {
            source: &mut self.source,
            filter: self.filter,
            progress: &mut |progress: capture::Progress| self.bar.set_position(progress.done),
        };
        let totals = pipeline::run(vec![tap], &self.settings, None, None, sink);
        self.bar.finish_and_clear();
        totals
    }
}

/// What is done goes to standard error, where `-v` asks for it.
fn log(verbosity: Verbosity) {
    let level = match verbosity {
        Verbosity::Quiet | Verbosity::Normal => return,
        Verbosity::Verbose => tracing::Level::DEBUG,
        Verbosity::Debug => tracing::Level::TRACE,
    };
    let log = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_max_level(level);
    // A log that was set up before stays.
    let _ = log.without_time().with_target(false).try_init();
}

/// Shown when standard error is a terminal and people want to be told.
fn progress_bar(verbosity: Verbosity, total: u64) -> ProgressBar {
    if verbosity == Verbosity::Quiet || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    // Of a pipe nobody knows the end.
    let template = match total {
        0 => "{elapsed_precise} {bytes} {binary_bytes_per_sec}",
        _ => "{elapsed_precise} {wide_bar} {bytes}/{total_bytes} {eta}",
    };
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    bar.set_style(style.expect("the templates are constants, and tried"));
    bar
}

/// Says something to people, on one line; that nobody can read it is no failure. Names of files
/// are in it, which may be a stranger's, and do nothing to a terminal.
pub fn say(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "mxray: {}", plain(&text.to_string()));
}

/// Tells people what goes wrong with inputs, above the progress bar.
struct Teller {
    bar: ProgressBar,
    verbosity: Verbosity,
    failed: bool,
}

impl Teller {
    fn tell(&mut self, fault: &capture::Fault) {
        let error = fault.severity == capture::Severity::Error;
        self.failed |= error;
        if error {
            self.bar.suspend(|| say(fault));
        } else if self.verbosity != Verbosity::Quiet {
            self.bar.suspend(|| say(format_args!("warning: {fault}")));
        }
    }
}
