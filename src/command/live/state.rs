//! What is known when the process ends, kept for the next one: in a file, and in memory for the
//! process that opens sockets anew.

use crate::checkpoint::{self, Expected, Head, Parts, Refused, State};
use crate::command::say;
use crate::correlate::Context;
use crate::pipeline::{Resumed, StateKeeper};
use crate::privilege::Child;
use crate::time::{NANOS, Timestamp};
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Where it is kept, and as whose.
pub(super) struct StateFiles {
    pub(super) path: Option<PathBuf>,
    pub(super) sensor: String,
    /// What counters mean, by the keywords that were read last.
    pub(super) meaning: Arc<AtomicU64>,
    /// Whether the process ends for another one that opens sockets anew.
    pub(super) reopen: Arc<AtomicBool>,
    pub(super) child: Child,
}

impl StateFiles {
    /// What was left for this process, or is in the file. What cannot be used is told of and set
    /// aside, and everything begins anew.
    pub(super) fn resume(
        &mut self,
        context: &Context,
        workers: NonZeroUsize,
        settings: &crate::count::Settings,
    ) -> io::Result<Option<Resumed>> {
        let sensor = self.sensor.clone();
        let expected = Expected {
            sensor: &sensor,
            meaning: self.meaning.load(Ordering::Relaxed),
            now: Timestamp::now(),
        };
        let left = self
            .child
            .take_state(|file| checkpoint::take(file, &expected, context.clone()))?;
        let read = match (left, &self.path) {
            (Some(Ok(left)), _) => Some(left),
            (Some(Err(refused)), _) => {
                say(format_args!("warning: what was known is lost: {refused}"));
                None
            }
            (None, Some(path)) => match checkpoint::load(path, &expected, context.clone()) {
                Ok(read) => read,
                // What cannot be read now may be another time.
                Err(Refused::Io(error)) => {
                    let path = path.display();
                    say(format_args!(
                        "warning: checkpoint {path} cannot be read: {error}"
                    ));
                    None
                }
                Err(refused) => {
                    self.set_aside(&refused);
                    None
                }
            },
            (None, None) => None,
        };
        let Some((head, mut state)) = read else {
            return Ok(None);
        };
        let away = expected.now.nanos_since(head.cut).max(0) / NANOS;
        state.interrupted(away);
        Ok(self.deal(state, workers, settings))
    }

    fn deal(
        &self,
        state: State,
        workers: NonZeroUsize,
        settings: &crate::count::Settings,
    ) -> Option<Resumed> {
        match Resumed::new(state, workers, settings) {
            Ok(resumed) => Some(resumed),
            Err(invalid) => {
                self.set_aside(&invalid);
                None
            }
        }
    }

    fn set_aside(&self, why: &dyn std::fmt::Display) {
        let Some(path) = &self.path else {
            return say(format_args!("warning: what was known is lost: {why}"));
        };
        let shown = path.display();
        match checkpoint::set_aside(path) {
            Ok(aside) => say(format_args!(
                "warning: checkpoint {shown} is not used, since {why}; it is now {}",
                aside.display()
            )),
            Err(error) => say(format_args!(
                "warning: checkpoint {shown} is not used, since {why}, and cannot be set aside: {error}"
            )),
        }
    }
}

impl StateKeeper for StateFiles {
    fn keep(&mut self, parts: &Parts<'_>, end: bool) -> io::Result<()> {
        let head = Head {
            mxray: env!("CARGO_PKG_VERSION").to_owned(),
            sensor: self.sensor.clone(),
            meaning: self.meaning.load(Ordering::Relaxed),
            cut: parts.capture.last.unwrap_or_else(Timestamp::now),
        };
        if let Some(path) = &self.path {
            checkpoint::save(path, &head, parts).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
        }
        if end && self.reopen.load(Ordering::SeqCst) {
            self.child
                .leave_state(|file| checkpoint::leave(file, &head, parts).map(|_| ()))?;
        }
        Ok(())
    }
}
