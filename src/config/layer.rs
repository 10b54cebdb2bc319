//! What one place says: the command line, or a config file. Nothing is checked here but the
//! shape; each value keeps where it came from, for the error that it may become.

use super::{Evidence, Format, Hosts};
use crate::cli;
use crate::keywords::Spec;
use crate::report::language::Language;
use crate::toml_file::{self, FileError, Item, Table};
use std::fmt;
use std::path::{Path, PathBuf};

/// The options of one place, `None` where it is silent.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) filter: Option<Given<String>>,
    pub(super) home: Option<Vec<Given<String>>>,
    pub(super) inventory: Option<Given<PathBuf>>,
    pub(super) keywords: Option<Vec<Given<Spec>>>,
    pub(super) smtp_ports: Option<Vec<Given<String>>>,
    pub(super) hosts: Option<Hosts>,
    pub(super) hosts_interval: Option<Given<u64>>,
    pub(super) stats: Option<Given<u64>>,
    pub(super) output: Option<Given<PathBuf>>,
    pub(super) log: Option<Given<PathBuf>>,
    pub(super) log_size: Option<Given<String>>,
    pub(super) log_segment: Option<Given<String>>,
    pub(super) format: Option<Format>,
    pub(super) workers: Option<Given<u64>>,
    pub(super) memory: Option<Given<String>>,
    pub(super) sensor: Option<Given<String>>,
    pub(super) evidence: Option<Evidence>,
    pub(super) since: Option<Given<String>>,
    pub(super) until: Option<Given<String>>,
    pub(super) exit_code: Option<bool>,
    pub(super) bins: Option<Given<PathBuf>>,
    pub(super) report: Option<Given<PathBuf>>,
    pub(super) lang: Option<Given<Language>>,
    pub(super) interface: Option<Vec<Given<String>>>,
    pub(super) fanout: Option<Given<u64>>,
    pub(super) ring: Option<Given<String>>,
    pub(super) snaplen: Option<Given<u64>>,
    pub(super) no_promiscuous: Option<bool>,
    pub(super) tunnels: Option<bool>,
    pub(super) user: Option<Given<String>>,
    pub(super) status: Option<Given<PathBuf>>,
    pub(super) checkpoint: Option<Given<PathBuf>>,
    pub(super) checkpoint_interval: Option<Given<u64>>,
    pub(super) write: Option<Given<PathBuf>>,
    pub(super) write_payload: Option<bool>,
    pub(super) quiet: Option<bool>,
    pub(super) verbose: Option<u8>,
}

/// A value, and where it was said.
#[derive(Clone, Debug)]
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

/// Where a value was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On the command line, as this option or argument.
    CommandLine(&'static str),
    /// In a config file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine(option) => f.write_str(option),
            Self::File { path, line, key } => write!(f, "{}:{line}: {key}", path.display()),
        }
    }
}

impl Layer {
    /// This layer, and where it is silent, the one below.
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            filter: self.filter.or(below.filter),
            home: self.home.or(below.home),
            inventory: self.inventory.or(below.inventory),
            keywords: self.keywords.or(below.keywords),
            smtp_ports: self.smtp_ports.or(below.smtp_ports),
            hosts: self.hosts.or(below.hosts),
            hosts_interval: self.hosts_interval.or(below.hosts_interval),
            stats: self.stats.or(below.stats),
            output: self.output.or(below.output),
            log: self.log.or(below.log),
            log_size: self.log_size.or(below.log_size),
            log_segment: self.log_segment.or(below.log_segment),
            format: self.format.or(below.format),
            workers: self.workers.or(below.workers),
            memory: self.memory.or(below.memory),
            sensor: self.sensor.or(below.sensor),
            evidence: self.evidence.or(below.evidence),
            since: self.since.or(below.since),
            until: self.until.or(below.until),
            exit_code: self.exit_code.or(below.exit_code),
            bins: self.bins.or(below.bins),
            report: self.report.or(below.report),
            lang: self.lang.or(below.lang),
            interface: self.interface.or(below.interface),
            fanout: self.fanout.or(below.fanout),
            ring: self.ring.or(below.ring),
            snaplen: self.snaplen.or(below.snaplen),
            no_promiscuous: self.no_promiscuous.or(below.no_promiscuous),
            tunnels: self.tunnels.or(below.tunnels),
            user: self.user.or(below.user),
            status: self.status.or(below.status),
            checkpoint: self.checkpoint.or(below.checkpoint),
            checkpoint_interval: self.checkpoint_interval.or(below.checkpoint_interval),
            write: self.write.or(below.write),
            write_payload: self.write_payload.or(below.write_payload),
            quiet: self.quiet.or(below.quiet),
            verbose: self.verbose.or(below.verbose),
        }
    }

    /// Adds what `replay` alone takes.
    pub(super) fn with_replay(self, typed: cli::Replay) -> Self {
        Self {
            hosts: typed.hosts.map(Hosts::from),
            stats: on_line("--stats", typed.stats),
            exit_code: typed.exit_code.then_some(true),
            bins: on_line("--bins", typed.bins),
            report: on_line("--report", typed.report),
            ..self
                .with_lang(typed.lang)
                .with_events(typed.events)
                .with_span(typed.span)
        }
    }

    /// Adds what `live` alone takes.
    pub(super) fn with_live(self, typed: cli::Live) -> Self {
        Self {
            interface: all_on_line("--interface", typed.interface),
            fanout: on_line("--fanout", typed.fanout),
            ring: on_line("--ring", typed.ring),
            snaplen: on_line("--snaplen", typed.snaplen),
            no_promiscuous: typed.no_promiscuous.then_some(true),
            tunnels: typed.tunnels.then_some(true),
            user: on_line("--user", typed.user),
            status: on_line("--status", typed.status),
            checkpoint: on_line("--checkpoint", typed.checkpoint),
            checkpoint_interval: on_line("--checkpoint-interval", typed.checkpoint_interval),
            write: on_line("--write", typed.write),
            write_payload: typed.write_payload.then_some(true),
            hosts: typed.hosts.map(Hosts::from),
            hosts_interval: on_line("--hosts-interval", typed.hosts_interval),
            stats: on_line("--stats", typed.stats),
            ..self.with_events(typed.events)
        }
    }

    fn with_events(self, typed: cli::Events) -> Self {
        Self {
            output: on_line("--output", typed.output),
            log: on_line("--log", typed.log),
            log_size: on_line("--log-size", typed.log_size),
            log_segment: on_line("--log-segment", typed.log_segment),
            format: typed.format.map(Format::from),
            sensor: on_line("--sensor", typed.sensor),
            evidence: typed.evidence.map(Evidence::from),
            ..self
        }
    }

    /// Adds the language of a report.
    pub(super) fn with_lang(self, typed: Option<cli::PageLanguage>) -> Self {
        Self {
            lang: on_line("--lang", typed.map(Language::from)),
            ..self
        }
    }

    /// Adds which part of captures is read.
    pub(super) fn with_span(self, typed: cli::Span) -> Self {
        Self {
            since: on_line("--since", typed.since),
            until: on_line("--until", typed.until),
            ..self
        }
    }

    /// Sets what `inventory` writes, to standard output where nothing was typed.
    pub(super) fn with_draft(self, typed: Option<PathBuf>) -> Self {
        Self {
            output: on_line("--output", typed),
            bins: None,
            report: None,
            ..self
        }
    }

    /// What was typed for `check`.
    pub(super) fn from_check(typed: cli::Check) -> Self {
        Self {
            filter: on_line("--filter", typed.filter),
            ..typed.site.into()
        }
    }

    /// Reads a config file.
    pub(super) fn from_file(path: &Path) -> Result<Self, FileError> {
        Self::from_text(path, &toml_file::read(path)?)
    }

    /// As [`Self::from_file`], with the file's text at hand.
    pub(super) fn from_text(path: &Path, text: &str) -> Result<Self, FileError> {
        let mut table = Table::parse(path, text)?;
        // `Path::parent` of a bare name is the empty path, which is the working directory.
        let folder = path.parent().unwrap_or(Path::new(""));
        let moment = "a time, as 2005-02-25 or 2005-02-25T09:00:00Z";
        let placed = |item| in_folder(&item, folder);
        let mut value = |key| table.take(key);
        let quiet = value("quiet").map(|item| item.boolean()).transpose()?;

        let layer = Self {
            filter: value("filter").map(|item| string(&item)).transpose()?,
            home: value("home").map(|item| list(item, string)).transpose()?,
            inventory: value("inventory").map(placed).transpose()?,
            keywords: value("keywords")
                .map(|item| list(item, |item| spec(item, folder)))
                .transpose()?,
            smtp_ports: value("smtp-ports")
                .map(|item| list(item, |item| scalar(item, "ports, as 2525")))
                .transpose()?,
            hosts: value("hosts").map(|item| hosts(&item)).transpose()?,
            hosts_interval: value("hosts-interval")
                .map(|item| number(&item))
                .transpose()?,
            stats: value("stats").map(|item| number(&item)).transpose()?,
            output: value("output").map(placed).transpose()?,
            log: value("log").map(placed).transpose()?,
            log_size: value("log-size")
                .map(|item| scalar(&item, "a size, as \"1G\""))
                .transpose()?,
            log_segment: value("log-segment")
                .map(|item| scalar(&item, "a size, as \"64M\""))
                .transpose()?,
            format: value("format")
                .map(|item| {
                    let words = [
                        ("ecs", Format::Ecs),
                        ("eve", Format::Eve),
                        ("ocsf", Format::Ocsf),
                    ];
                    one_of(&item, &words)
                })
                .transpose()?,
            workers: value("workers").map(|item| number(&item)).transpose()?,
            memory: value("memory")
                .map(|item| scalar(&item, "a size, as \"512M\""))
                .transpose()?,
            sensor: value("sensor").map(|item| string(&item)).transpose()?,
            evidence: value("evidence")
                .map(|item| {
                    let words = [("counts", Evidence::Counts), ("full", Evidence::Full)];
                    one_of(&item, &words)
                })
                .transpose()?,
            since: value("since")
                .map(|item| scalar(&item, moment))
                .transpose()?,
            until: value("until")
                .map(|item| scalar(&item, moment))
                .transpose()?,
            exit_code: value("exit-code").map(|item| item.boolean()).transpose()?,
            bins: value("bins").map(placed).transpose()?,
            report: value("report").map(placed).transpose()?,
            lang: value("lang")
                .map(|item| {
                    let words = [("en", Language::English), ("ja", Language::Japanese)];
                    let language = one_of(&item, &words)?;
                    Ok(given(&item, language))
                })
                .transpose()?,
            interface: value("interface")
                .map(|item| list(item, string))
                .transpose()?,
            fanout: value("fanout").map(|item| number(&item)).transpose()?,
            ring: value("ring")
                .map(|item| scalar(&item, "a size, as \"64M\""))
                .transpose()?,
            snaplen: value("snaplen").map(|item| number(&item)).transpose()?,
            no_promiscuous: value("no-promiscuous")
                .map(|item| item.boolean())
                .transpose()?,
            tunnels: value("tunnels").map(|item| item.boolean()).transpose()?,
            checkpoint: value("checkpoint").map(placed).transpose()?,
            checkpoint_interval: value("checkpoint-interval")
                .map(|item| number(&item))
                .transpose()?,
            user: value("user").map(|item| string(&item)).transpose()?,
            status: value("status").map(placed).transpose()?,
            write: value("write").map(placed).transpose()?,
            write_payload: value("write-payload")
                .map(|item| item.boolean())
                .transpose()?,
            quiet,
            verbose: value("verbose")
                .map(|item| verbose(&item, quiet))
                .transpose()?,
        };
        table.finish()?;
        Ok(layer)
    }
}

impl From<cli::Reading> for Layer {
    fn from(typed: cli::Reading) -> Self {
        Self {
            filter: on_line("--filter", typed.filter),
            workers: on_line("--workers", typed.workers),
            memory: on_line("--memory", typed.memory),
            // Each undoes what a file says of the other.
            quiet: (typed.quiet || typed.verbose > 0).then_some(typed.quiet),
            verbose: (typed.quiet || typed.verbose > 0).then_some(typed.verbose),
            ..typed.site.into()
        }
    }
}

impl From<cli::Site> for Layer {
    fn from(typed: cli::Site) -> Self {
        let specs = typed.keywords.iter();
        let specs = specs.map(|text| Spec::new(text, Path::new(""))).collect();
        Self {
            home: all_on_line("--home", typed.home),
            inventory: on_line("--inventory", typed.inventory),
            keywords: all_on_line("--keywords", specs),
            smtp_ports: all_on_line("--smtp-ports", typed.smtp_ports),
            ..Self::default()
        }
    }
}

impl From<cli::Hosts> for Hosts {
    fn from(typed: cli::Hosts) -> Self {
        match typed {
            cli::Hosts::Judged => Self::Judged,
            cli::Hosts::All => Self::All,
        }
    }
}

impl From<cli::Format> for Format {
    fn from(typed: cli::Format) -> Self {
        match typed {
            cli::Format::Ecs => Self::Ecs,
            cli::Format::Eve => Self::Eve,
            cli::Format::Ocsf => Self::Ocsf,
        }
    }
}

impl From<cli::Evidence> for Evidence {
    fn from(typed: cli::Evidence) -> Self {
        match typed {
            cli::Evidence::Counts => Self::Counts,
            cli::Evidence::Full => Self::Full,
        }
    }
}

fn on_line<T>(option: &'static str, value: Option<T>) -> Option<Given<T>> {
    let origin = Origin::CommandLine(option);
    value.map(|value| Given { value, origin })
}

fn all_on_line<T>(option: &'static str, values: Vec<T>) -> Option<Vec<Given<T>>> {
    if values.is_empty() {
        return None;
    }
    let given = values.into_iter().map(|value| Given {
        value,
        origin: Origin::CommandLine(option),
    });
    Some(given.collect())
}

fn given<T>(item: &Item<'_>, value: T) -> Given<T> {
    let origin = Origin::File {
        path: item.path().to_owned(),
        line: item.line_at(item.offset()),
        key: item.key(),
    };
    Given { value, origin }
}

fn string(item: &Item<'_>) -> Result<Given<String>, FileError> {
    Ok(given(item, item.string()?))
}

fn number(item: &Item<'_>) -> Result<Given<u64>, FileError> {
    Ok(given(item, item.number()?))
}

fn scalar(item: &Item<'_>, what: &str) -> Result<Given<String>, FileError> {
    Ok(given(item, item.scalar(what)?))
}

/// A path relative to the config file's folder, so that a site's files can be moved and read
/// from anywhere; `-` stays standard output.
fn in_folder(item: &Item<'_>, folder: &Path) -> Result<Given<PathBuf>, FileError> {
    let text = item.string()?;
    if text.is_empty() {
        return Err(item.wants("a path"));
    }
    let path = if text == "-" {
        PathBuf::from(text)
    } else {
        folder.join(text)
    };
    Ok(given(item, path))
}

fn spec(item: &Item<'_>, folder: &Path) -> Result<Given<Spec>, FileError> {
    Ok(given(item, Spec::new(&item.string()?, folder)))
}

fn list<T>(
    item: Item<'_>,
    read: impl Fn(&Item<'_>) -> Result<T, FileError>,
) -> Result<Vec<T>, FileError> {
    item.one_or_more().iter().map(read).collect()
}

fn hosts(item: &Item<'_>) -> Result<Hosts, FileError> {
    match (item.boolean(), item.string().as_deref()) {
        (Ok(false), _) => Ok(Hosts::None),
        (Ok(true), _) => Ok(Hosts::Judged),
        (_, Ok("all")) => Ok(Hosts::All),
        _ => Err(item.wants("true, false or \"all\"")),
    }
}

fn verbose(item: &Item<'_>, quiet: Option<bool>) -> Result<u8, FileError> {
    let level = item.number()?;
    if quiet == Some(true) && level > 0 {
        return Err(item.error("contradicts quiet = true"));
    }
    u8::try_from(level).map_err(|_| item.wants("0, 1 or 2"))
}

fn one_of<T: Copy>(item: &Item<'_>, words: &[(&str, T)]) -> Result<T, FileError> {
    let text = item.string()?;
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|&(_, value)| value).ok_or_else(|| {
        let words: Vec<_> = words
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect();
        item.wants(&words.join(" or "))
    })
}
