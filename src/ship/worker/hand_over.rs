//! Hands a batch to the receiver, and deals with what becomes of it.

use super::super::batch::by_turns;
use super::super::{Event, Failure, Fate};
use super::{Run, Step, Worker, reason};
use crate::eventlog::Position;
use crate::report::text;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What has to be sent again.
struct Again {
    events: Vec<Event>,
    reason: String,
    /// How long the receiver wants to be left alone.
    after: Option<Duration>,
}

impl Worker {
    /// Brings a batch to the receiver, in parts where it must be, and until it is there.
    ///
    /// Where one that takes part takes none of many, a mapping or a pipeline is wrong rather than
    /// they are, and all are tried again.
    pub(super) fn deliver(&mut self, run: Run<'_>, batch: Vec<Event>) -> Step {
        let many = self.receiver.takes_part() && batch.len() > 1;
        let mut parts = self.parts(batch);
        let mut refused = Vec::new();
        let mut taken = !many;
        loop {
            let Some(part) = parts.pop_front() else {
                let Some((_, reason)) = refused.first() else {
                    return Step::On;
                };
                let reason = format!("all {} events are refused: {reason}", refused.len());
                if let Step::End = self.fail(run, &reason, None, Step::On) {
                    return Step::End;
                }
                parts = self.parts(refused.drain(..).map(|(event, _)| event).collect());
                continue;
            };
            let until = self.until(run);
            match self.receiver.deliver(&part, until) {
                Ok(fates) => match self.sort(run, part, fates, &mut taken, &mut refused) {
                    Ok(None) => {
                        self.size.taken();
                        if self.receiver.answers() && taken {
                            self.works(run);
                        }
                    }
                    Ok(Some(Again {
                        events,
                        reason,
                        after,
                    })) => {
                        parts.push_front(events);
                        if let Step::End = self.fail(run, &reason, after, Step::On) {
                            return Step::End;
                        }
                    }
                    Err(()) => return Step::Back,
                },
                Err(Failure::Unacceptable { reason, too_large }) => {
                    if too_large && part.len() > 1 {
                        self.size.too_large();
                    }
                    if part.len() == 1 {
                        let lines: Vec<_> = part
                            .iter()
                            .map(|event| (event.line.clone(), reason.clone()))
                            .collect();
                        if self.set_aside(run, &lines).is_err() {
                            return Step::Back;
                        }
                        continue;
                    }
                    let mut part = part;
                    let rest = part.split_off(part.len() / 2);
                    parts.push_front(rest);
                    parts.push_front(part);
                }
                Err(failure) => {
                    let (reason, after) = reason(failure);
                    let these = part.len();
                    parts.push_front(part);
                    let then = if self.receiver.answers() {
                        Step::On
                    } else {
                        self.hand_over_less(these);
                        Step::Back
                    };
                    match self.fail(run, &reason, after, then) {
                        Step::On => {}
                        other => return other,
                    }
                }
            }
            if run.stop.load(Ordering::Relaxed) && !(parts.is_empty() && refused.is_empty()) {
                return Step::End;
            }
        }
    }

    fn parts(&self, batch: Vec<Event>) -> VecDeque<Vec<Event>> {
        if self.receiver.takes_part() {
            by_turns(batch)
        } else {
            VecDeque::from([batch])
        }
    }

    /// Counts what arrived, sets aside what is refused once some of it was `taken`, and yields the
    /// rest with a reason, and how long the receiver wants to be left alone.
    fn sort(
        &mut self,
        run: Run<'_>,
        part: Vec<Event>,
        fates: Vec<Fate>,
        taken: &mut bool,
        refused: &mut Vec<(Event, String)>,
    ) -> Result<Option<Again>, ()> {
        let mut again = Vec::new();
        let mut why = None;
        for (event, fate) in part.into_iter().zip(fates) {
            match fate {
                Fate::Delivered => {
                    self.unconfirmed.open.delivered += 1;
                    self.unconfirmed.open_octets += event.line.len() as u64;
                    *taken = true;
                    if !self.receiver.answers() {
                        // In order, each by itself: where it does not say what arrived, some of a
                        // batch may have.
                        self.unconfirmed.at(event.next);
                    }
                }
                Fate::Refused(reason) => refused.push((event, reason)),
                Fate::Later { reason, after } => {
                    again.push(event);
                    why.get_or_insert((reason, after));
                }
            }
        }
        if *taken && !refused.is_empty() {
            let lines = refused.drain(..);
            let lines: Vec<_> = lines.map(|(event, reason)| (event.line, reason)).collect();
            self.set_aside(run, &lines)?;
        }
        Ok(why.map(|(reason, after)| Again {
            events: again,
            reason,
            after,
        }))
    }

    /// Sets lines aside that are no events. Those that were already, before all that follows them had
    /// to be handed over again, are only counted again.
    pub(super) fn set_strange_aside(
        &mut self,
        run: Run<'_>,
        strange: Vec<(Vec<u8>, String, Position)>,
    ) -> Result<(), ()> {
        let all = strange.len();
        let Some(&(_, _, last)) = strange.last() else {
            return Ok(());
        };
        let new = strange.into_iter();
        let new = new.filter(|&(_, _, place)| place > self.aside_before);
        let new: Vec<_> = new.map(|(line, reason, _)| (line, reason)).collect();
        self.unconfirmed.open.refused += (all - new.len()) as u64;
        if !new.is_empty() {
            self.set_aside(run, &new)?;
            self.aside_before = last;
        }
        Ok(())
    }

    /// Sets events aside, and tries until that is done: who has no room for a few is not to be
    /// sent all others again meanwhile. An error is that it was told to end.
    pub(super) fn set_aside(
        &mut self,
        run: Run<'_>,
        refused: &[(Vec<u8>, String)],
    ) -> Result<(), ()> {
        let lines: Vec<_> = refused
            .iter()
            .map(|(line, reason)| (&line[..], reason.as_str()))
            .collect();
        let removed = loop {
            let error = match self.aside.put(&lines) {
                Ok(removed) => break removed,
                Err(error) => error,
            };
            let what = format!(
                "setting events aside in {}: {error}",
                self.aside.path().display()
            );
            if let Step::End = self.fail(run, &what, None, Step::On) {
                return Err(());
            }
        };
        if removed > 0 {
            self.unconfirmed.open.removed += removed;
            self.tell(
                run,
                format_args!("{removed} events that were set aside earlier had to make room"),
            );
        }
        if self.total.refused + self.unconfirmed.open.refused == 0
            && let Some((_, reason)) = refused.first()
        {
            self.tell(
                run,
                format_args!(
                    "events are refused, and set aside in {}: {}",
                    self.aside.path().display(),
                    text::escape(reason.as_bytes())
                ),
            );
        }
        self.unconfirmed.open.refused += refused.len() as u64;
        Ok(())
    }
}
