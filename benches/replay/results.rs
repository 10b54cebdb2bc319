//! What was measured, on the terminal and in `benches/results/`, with the machine's description.
#![expect(clippy::print_stdout, reason = "the table is what this is for")]

use crate::commands::{Measured, Usage, version};
use crate::options::Options;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where it goes.
pub(crate) struct Results {
    file: Option<File>,
}

impl Results {
    /// On the terminal, and where it is measured in earnest, in a new file of today.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let mut results = Self { file: None };
        if !options.smoke {
            let path = free_path()?;
            results.file = Some(File::create(&path)?);
            let name = path.file_name().unwrap_or_default();
            results.line(&format!("# {}", name.display()))?;
        }
        results.line(&machine())?;
        let profiles = options.profiles.iter().map(|profile| profile.name());
        results.line(&format!(
            "# {} packets, {} runs, profiles: {}{}{}",
            options.packets,
            options.runs,
            profiles.collect::<Vec<_>>().join(" "),
            if options.growth { " growth" } else { "" },
            if options.shares { " shares" } else { "" },
        ))?;
        for (name, line) in &options.peers {
            results.line(&format!("# {name}: {line}; {}", version(line)))?;
        }
        for (name, text) in &options.other {
            results.line(&format!("\n{name}\n{text}"))?;
        }
        Ok(results)
    }

    /// What the machine had to do when all was measured.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.line(&format!("# at the end: {}", load()))
    }

    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        println!("{text}");
        if let Some(file) = &mut self.file {
            writeln!(file, "{text}")?;
        }
        Ok(())
    }

    /// What stands in the lines of runs.
    pub(crate) fn runs_begin(&mut self) -> Result<()> {
        self.line("# run\tcommand\tpackets\tuser_s\tsystem_s\twall_s\trss_mib")
    }

    /// A run as it was.
    pub(crate) fn run(&mut self, run: usize, measured: &Measured, usage: &Usage) -> Result<()> {
        self.line(&format!(
            "{run}\t{}\t{}\t{:.3}\t{:.3}\t{:.3}\t{:.1}",
            measured.name,
            measured.packets,
            usage.user.as_secs_f64(),
            usage.system.as_secs_f64(),
            usage.wall.as_secs_f64(),
            usage.rss_mib
        ))
    }

    /// Medians, and how the processor seconds of a packet compare with those of the first, which
    /// is the libpcap loop.
    pub(crate) fn table(&mut self, title: &str, commands: &[Measured]) -> Result<()> {
        self.line(&format!("\n{title}; medians"))?;
        self.line(&format!(
            "{:<27} {:>9} {:>9} {:>9} {:>12} {:>7} {:>9}",
            "", "CPU s", "wall s", "RSS MiB", "packets/CPU s", "x loop", "x (wall)"
        ))?;
        let mut floor = None;
        for Measured {
            name,
            packets,
            runs,
            ..
        } in commands
        {
            let cpu = median(runs.iter().map(Usage::cpu));
            let wall = median(runs.iter().map(|run| run.wall.as_secs_f64()));
            let rss = median(runs.iter().map(|run| run.rss_mib));
            #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
            let packets = *packets as f64;
            let (least, least_wall) = *floor.get_or_insert((cpu / packets, wall / packets));
            self.line(&format!(
                "{name:<27} {cpu:>9.3} {wall:>9.3} {rss:>9.1} {:>11.2} M {:>7.2} {:>9.2}",
                packets / cpu / 1e6,
                cpu / packets / least,
                wall / packets / least_wall
            ))?;
        }
        self.line("")
    }
}

/// A name of today that no earlier results have.
fn free_path() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results");
    let today = jiff::Zoned::now().date();
    let mut names = (1..100).map(|number| match number {
        1 => folder.join(format!("{today}-replay.txt")),
        _ => folder.join(format!("{today}-replay-{number}.txt")),
    });
    let free = names.find(|path| !path.exists());
    free.context("a hundred results of one day")
}

/// What else the machine has to do.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("load {}", load.trim())
}

/// Commit, compiler, processor, memory and system, and what else the machine has to do.
fn machine() -> String {
    let says = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        let output = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        output.unwrap_or_default().trim().to_owned()
    };
    let of = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut lines = text.lines().filter(|line| line.starts_with(key));
        lines.next().unwrap_or(key).to_owned()
    };
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let lines = [
        format!(
            "commit {}",
            says("git", &["describe", "--always", "--dirty"])
        ),
        format!(
            "{}, {}",
            says("rustc", &["--version"]),
            if cfg!(debug_assertions) {
                "not optimised"
            } else {
                "optimised"
            }
        ),
        format!(
            "{} ({processors} processors)",
            of("/proc/cpuinfo", "model name")
        ),
        of("/proc/meminfo", "MemTotal"),
        // Who built it, and with what, is of no use here.
        of("/proc/version", "Linux version")
            .split(" (")
            .take(1)
            .collect(),
        load(),
    ];
    lines.map(|line| format!("# {line}")).join("\n")
}

pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    // Of an even number, half of the way between the two in the middle.
    let middle = [figures.len().saturating_sub(1) / 2, figures.len() / 2];
    let [lower, upper] = middle.map(|place| figures.get(place).copied().unwrap_or(f64::NAN));
    f64::midpoint(lower, upper)
}
