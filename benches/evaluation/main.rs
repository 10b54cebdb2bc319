//! Whether mxray is right: labelled hosts of known behaviour through the whole pipeline, and
//! what came out, as docs/EVALUATION.md.
//!
//! `make evaluation`, or `cargo bench --bench evaluation -- --size small --seed 1 -o FILE`. The
//! same seed and size give the same file. What is right and what is measured is in the file.
//! `--rows gen2-mx,newsletter` judges these kinds alone and prints a line for each host-day.
#![expect(clippy::print_stderr, reason = "progress is for people")]

mod ablation;
mod baselines;
mod document;
mod figures;
mod outcome;
mod plan;
mod site;

use anyhow::{Context as _, Result, bail};
use outcome::Outcome;
use plan::Size;
use std::path::PathBuf;
use std::{env, fs};

/// What was asked for.
struct Options {
    size: Size,
    seed: String,
    output: Option<PathBuf>,
    /// Rows to be judged alone, each host-day with a line of its own.
    rows: Vec<String>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            size: Size::SMALL,
            seed: "1".to_owned(),
            output: None,
            rows: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{argument} wants a value"))
            };
            match argument.as_str() {
                "--size" => {
                    let name = value()?;
                    options.size =
                        Size::named(&name).with_context(|| format!("{name}: no size"))?;
                }
                "--seed" => options.seed = value()?,
                "--rows" => options.rows = value()?.split(',').map(str::to_owned).collect(),
                "-o" => options.output = Some(value()?.into()),
                // What cargo hands to every bench.
                "--bench" | "--test" => {}
                other if other.starts_with('-') => bail!("{other}: no such option"),
                _ => {}
            }
        }
        Ok(options)
    }
}

fn main() -> Result<()> {
    let options = Options::read(env::args().skip(1))?;
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut others = 0;
    let mut packets = 0;
    for mut part in plan::parts(options.size) {
        if !options.rows.is_empty() {
            part.hosts
                .retain(|(row, _)| options.rows.iter().any(|name| name == row.name));
        }
        let before = outcomes.len();
        for site in site::sites(&part, &options.seed) {
            packets += site.packets();
            others += site.judge(&mut outcomes)?;
        }
        eprintln!(
            "{} / {}: {} host-days, {packets} packets so far",
            part.family.name(),
            part.view.name(),
            outcomes.len() - before,
        );
    }
    if !options.rows.is_empty() {
        for outcome in &outcomes {
            eprintln!("{outcome}");
        }
        return Ok(());
    }
    let trials = ablation::run(options.size, &options.seed)?;
    let run = document::Run {
        size: options.size,
        seed: &options.seed,
        packets,
        others,
    };
    let text = document::write(&run, &outcomes, &trials);
    let Some(path) = options.output else {
        eprintln!("{text}");
        return Ok(());
    };
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}
