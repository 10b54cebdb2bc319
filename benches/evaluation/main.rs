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
use mxray::synth::population::{Family, Row, Truth};
use outcome::Outcome;
use plan::Size;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

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
                "--test" => options.size = Size::TRIAL,
                // What cargo hands to every bench.
                "--bench" => {}
                other if other.starts_with('-') => bail!("{other}: no such option"),
                _ => {}
            }
        }
        Ok(options)
    }
}

/// The results of all items, in their order; as many at once as there are processors.
fn in_order<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<R>>>> = items.iter().map(|_| Mutex::default()).collect();
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((item, result)) = {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    items.get(number).zip(results.get(number))
                } {
                    *result.lock().expect("no other thread holds it") = Some(work(item));
                }
            });
        }
    });
    let done = results.into_iter().map(|result| {
        let result = result.into_inner().expect("no thread has failed");
        result.expect("every item was worked on")
    });
    done.collect()
}

fn main() -> Result<()> {
    let options = Options::read(env::args().skip(1))?;
    let mut parts = plan::parts(options.size);
    if !options.rows.is_empty() {
        let asked = |(row, _): &(&Row, u32)| options.rows.iter().any(|name| name == row.name);
        for part in &mut parts {
            part.hosts.retain(asked);
        }
    }
    let judged = in_order(&parts, |part| {
        let mut outcomes: Vec<Outcome> = Vec::new();
        let (mut packets, mut others) = (0, 0);
        for site in site::sites(part, &options.seed) {
            packets += site.packets();
            others += site.judge(&mut outcomes)?;
        }
        eprintln!(
            "{} / {}: {} host-days, {packets} packets",
            part.family.name(),
            part.view.name(),
            outcomes.len(),
        );
        Ok((outcomes, packets, others))
    })?;
    let mut outcomes = Vec::new();
    let (mut packets, mut others) = (0, 0);
    for (more, these, convicted) in judged {
        outcomes.extend(more);
        packets += these;
        others += convicted;
    }
    if !options.rows.is_empty() {
        for outcome in &outcomes {
            eprintln!("{outcome}");
        }
        return Ok(());
    }
    // Whoever changes a rule wants to know whom it wrongs.
    let honest = outcomes
        .iter()
        .filter(|one| one.sample.row.truth != Truth::Bot);
    for outcome in honest.filter(|one| one.found()) {
        eprintln!("{outcome}");
    }
    let trials = ablation::run(options.size, &options.seed)?;
    let run = document::Run {
        size: options.size,
        seed: &options.seed,
        packets,
        others,
    };
    let held_out = outcomes.extract_if(.., |one| one.sample.family == Family::HELD_OUT);
    let held_out: Vec<_> = held_out.collect();
    let text = document::write(&run, &outcomes, &held_out, &trials);
    let Some(path) = options.output else {
        eprintln!("{text}");
        return Ok(());
    };
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}
