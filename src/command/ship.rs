//! `mxray ship`: a thread for each receiver, and what people are told of them.

use super::{Outcome, TO_STDOUT, say};
use crate::config::{ShipConfig, Verbosity};
use crate::ship::{Delivered, Run, StartError, Worker};
use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub(super) fn run(config: &ShipConfig) -> anyhow::Result<Outcome> {
    if config.dry_run {
        return show(config);
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The second one ends it at once.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    for settings in &config.receivers {
        if settings.credentials.is_some() && settings.to.is_clear() {
            say(format_args!(
                "warning: {}: credentials go in clear, where others can read them",
                settings.name
            ));
        }
    }
    let workers = workers(config, Worker::new)?;
    let run = Run {
        once: config.once,
        stop: &stop,
        tell: &|text| say(text),
    };
    let results = thread::scope(|scope| {
        let started: Result<Vec<_>, _> = workers
            .into_iter()
            .map(|(name, mut worker)| {
                let thread = thread::Builder::new().name("ship".to_owned());
                let thread = thread.spawn_scoped(scope, move || {
                    let _stop = StopOnPanic(run.stop);
                    worker.run(run)
                });
                thread.map(|thread| (name, thread))
            })
            .collect();
        let started = started.inspect_err(|_| {
            stop.store(true, Ordering::Relaxed);
        })?;
        let ended = started.into_iter().map(|(name, thread)| {
            let result = thread.join();
            (
                name,
                result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            )
        });
        Ok::<_, io::Error>(ended.collect::<Vec<_>>())
    });
    let mut failed = false;
    for (name, (delivered, all)) in results.context("starting a thread")? {
        let Delivered {
            delivered,
            refused,
            lost,
            removed,
        } = delivered;
        if config.verbosity != Verbosity::Quiet {
            say(format_args!(
                "{name}: {delivered} events delivered, {refused} refused, {lost} lost"
            ));
            if removed > 0 {
                say(format_args!(
                    "{name}: {removed} events that were refused are no longer set aside"
                ));
            }
        }
        failed |= refused > 0 || lost > 0 || (config.once && !all);
    }
    Ok(if failed {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

/// Ends the others where a thread of them panics: whoever started them then learns of it at once,
/// and not when the last one ends.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

fn workers(
    config: &ShipConfig,
    make: impl Fn(
        &std::path::Path,
        &std::path::Path,
        &crate::ship::Settings,
    ) -> Result<Worker, StartError>,
) -> anyhow::Result<Vec<(String, Worker)>> {
    let workers = config.receivers.iter().map(|settings| {
        let worker = make(&config.log, &config.state, settings);
        let worker = worker.with_context(|| settings.name.clone())?;
        Ok((settings.name.clone(), worker))
    });
    workers.collect()
}

/// Writes what each receiver would get, one after the other.
fn show(config: &ShipConfig) -> anyhow::Result<Outcome> {
    let mut out = io::stdout().lock();
    for (name, mut worker) in workers(config, Worker::dry)? {
        if config.verbosity != Verbosity::Quiet {
            say(format_args!("{name} would be sent:"));
        }
        worker.show(&mut out).context(TO_STDOUT)?;
    }
    out.flush().context(TO_STDOUT)?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_the_others() {
        let stop = AtomicBool::new(false);
        drop(StopOnPanic(&stop));
        assert!(!stop.load(Ordering::Relaxed));
        let joined = thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let _stop = StopOnPanic(&stop);
                panic!("as asked for");
            });
            thread.join()
        });
        assert!(joined.is_err());
        assert!(stop.load(Ordering::Relaxed));
    }
}
