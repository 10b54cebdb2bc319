//! A capture thread: reads frames, keeps packet time, finds out whose packet it is and
//! puts it into that host's lane.

use super::batch::Mark;
use super::clock::Clock;
use super::generation::Generation;
use super::keeper::Keeper;
use super::lanes::Lanes;
use super::outbox::Outbox;
use super::schedule::Schedule;
use super::site::Site;
use super::{HungUp, Message, Settings, Tap};
use crate::capture::{Filter, Frame, Input, KernelCounts, Progress, Source};
use crate::count::site::{Losses, SiteSeconds};
use crate::decode::fragment::Fragments;
use crate::decode::observation::{MailPorts, Route, route};
use crate::decode::packet::{self, Sliced};
use crate::report::CaptureCounts;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a capture thread is and goes on with.
pub(super) struct Seat {
    /// That of a further worker, as which it closes the seconds of the site.
    pub(super) number: usize,
    pub(super) schedule: Schedule,
    /// Whether the state is kept at the end, where it is kept at all.
    pub(super) at_end: Option<Arc<AtomicBool>>,
    /// What was counted before.
    pub(super) counts: CaptureCounts,
    /// Seconds that were open.
    pub(super) seconds: SiteSeconds,
    /// Where packets are kept for verdicts, if anywhere.
    pub(super) keeper: Option<Keeper>,
}

/// Reads the source to its end and returns what was counted, and the packets that were kept.
pub(super) fn read(
    tap: Tap<'_>,
    mut lanes: Lanes,
    mut to_correlate: Outbox,
    settings: &Settings,
    seat: Seat,
) -> (CaptureCounts, Option<Keeper>) {
    let Tap {
        source,
        mut filter,
        progress,
    } = tap;
    let (mut counts, mut keeper) = (seat.counts, seat.keeper);
    let kernel_before = counts.kernel.unwrap_or_default();
    // What could not be opened is told at once, not after all the others were read.
    let _ = to_correlate.send(Message::Faults(source.take_faults()));
    let mut reader = Reader {
        lanes: &mut lanes,
        to_correlate: &mut to_correlate,
        counts: &mut counts,
        mail: &settings.count.mail,
        clock: Clock::default(),
        fragments: Fragments::default(),
        connections: Generation::new(settings.count.connections),
        site: Site::new(seat.number, seat.seconds),
        schedule: seat.schedule,
        at_end: seat.at_end,
        prompt: source.progress().total == 0,
        kernel_before,
        dropped: kernel_before.losses(),
        ask_kernel: true,
        keeper: keeper.as_mut(),
    };
    // An early end means that the sink failed, which the calling thread knows.
    let _ = reader.read(source, &mut filter, progress);
    let mut faults = source.take_faults();
    let refusals = filter.take_refusals();
    faults.extend(refusals.iter().map(|refusal| refusal.fault(source.files())));
    let _ = to_correlate.send(Message::Faults(faults));
    (counts, keeper)
}

/// The thread at work.
struct Reader<'a> {
    lanes: &'a mut Lanes,
    to_correlate: &'a mut Outbox,
    counts: &'a mut CaptureCounts,
    mail: &'a MailPorts,
    clock: Clock,
    fragments: Fragments,
    connections: Generation,
    site: Site,
    schedule: Schedule,
    at_end: Option<Arc<AtomicBool>>,
    /// Somebody waits at the other end: what is counted is handed over at every second.
    prompt: bool,
    /// What earlier runs' kernels counted.
    kernel_before: KernelCounts,
    /// What the kernels have lost, as far as the seconds of the site know of it.
    dropped: Losses,
    /// A second has passed since the kernel was asked what it counts.
    ask_kernel: bool,
    /// Keeps packets, where that is asked for.
    keeper: Option<&'a mut Keeper>,
}

impl KernelCounts {
    fn losses(self) -> Losses {
        Losses {
            kernel: self.dropped,
            interface: self.if_dropped,
            ..Losses::default()
        }
    }
}

impl Reader<'_> {
    fn read(
        &mut self,
        source: &mut (dyn Source + Send),
        filter: &mut Filter,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), HungUp> {
        let mut until_progress = 0_u32;
        loop {
            until_progress += 1;
            if until_progress == 1 << 16 {
                until_progress = 0;
                progress(source.progress());
                self.tell_faults(source)?;
            }
            if self.ask_kernel {
                self.ask_kernel = false;
                self.count_kernel(source);
            }
            match source.next_input() {
                Some(Input::Frame(frame)) => {
                    let passes = filter.passes(&frame);
                    self.frame(&frame, passes)?;
                }
                Some(Input::Time(time)) => {
                    if let Some(closed) = self.clock.pass(time) {
                        self.close(closed, time.second())?;
                    }
                    self.counts.last = self.clock.newest();
                    // Nothing more comes soon, and somebody may wait.
                    self.lanes.flush()?;
                    self.hand_over()?;
                    self.to_correlate.flush()?;
                    self.tell_faults(source)?;
                }
                Some(Input::Link(change)) => self.to_correlate.send(Message::Link(change))?,
                None => break,
            }
        }
        progress(source.progress());
        self.count_kernel(source);
        self.to_correlate.finish()?;
        let at_end = self.at_end.as_ref();
        let kept = at_end.is_some_and(|at_end| at_end.load(Ordering::SeqCst));
        if let Some(newest) = self.clock.newest() {
            self.lanes.mark(Mark::End { newest, kept })?;
        }
        if kept {
            self.save(i64::MAX)?;
            self.site.seconds = SiteSeconds::default();
        }
        self.site.close(i64::MAX, true, self.to_correlate)?;
        self.lanes.finish()
    }

    /// Counts a frame, and hands it to whom it concerns.
    #[inline]
    fn frame(&mut self, frame: &Frame<'_>, passes: bool) -> Result<(), HungUp> {
        let mut late = false;
        let second = frame.time.second();
        if passes {
            let (is_late, closed) = self.clock.tick(frame.time);
            late = is_late;
            if let Some(closed) = closed {
                self.close(closed, second)?;
            }
            if !late {
                self.site.packet(second);
            }
            self.counts.first = self.clock.first();
            self.counts.last = self.clock.newest();
        }
        let counts = &mut *self.counts;
        counts.seen += 1;
        counts.truncated += u64::from(frame.wire_len as usize > frame.bytes.len());
        counts.late += u64::from(late);
        if !passes {
            counts.filtered += 1;
            return Ok(());
        }
        let packet = if let Some(packet) = packet::usual(frame) {
            packet
        } else {
            let outcome = self.fragments.slice(frame);
            if outcome.reassembled > 0 {
                counts.fragments -= outcome.earlier;
                counts.ignored += outcome.earlier;
                counts.reassembled += outcome.reassembled;
            }
            match outcome.sliced {
                Sliced::Packet(packet) => packet,
                Sliced::Binding(binding) => return self.lanes.bind(binding, late),
                Sliced::Ignored => {
                    counts.ignored += 1;
                    return Ok(());
                }
                Sliced::Fragment(_) => {
                    counts.fragments += 1;
                    return Ok(());
                }
                Sliced::Unsupported(reason) => {
                    counts.unsupported(reason);
                    return Ok(());
                }
                Sliced::Malformed(damage) => {
                    *counts.malformed.entry(damage).or_insert(0) += 1;
                    if !late {
                        self.site.seconds.second(second).losses.malformed += 1;
                    }
                    return Ok(());
                }
            }
        };
        let Route::Host(host) = route(&packet, self.mail) else {
            counts.ignored += 1;
            return Ok(());
        };
        if !late {
            let second = self.site.seconds.second(second);
            second.count(&packet, host, self.mail);
        }
        self.lanes.push(host, &packet, late)?;
        if self.connections.is_full(&packet, self.mail) {
            self.lanes.mark(Mark::Forget)?;
        }
        let keeper = self.keeper.as_mut();
        if keeper.is_some_and(|keeper| keeper.keep(host, frame, &packet)) {
            self.hand_over()?;
        }
        Ok(())
    }

    /// Time has moved on to `second`, and nothing of `closed` or earlier can come any more.
    fn close(&mut self, closed: i64, second: i64) -> Result<(), HungUp> {
        self.ask_kernel = true;
        self.hand_over()?;
        while let Some(boundary) = self.schedule.due(second) {
            let at = boundary.at;
            if boundary.totals {
                let counts = self.counts.clone();
                self.to_correlate.send(Message::Captured { at, counts })?;
            }
            if boundary.keep {
                self.save(at)?;
            }
            self.lanes.mark(Mark::Boundary(boundary))?;
        }
        self.lanes.mark(Mark::Close(closed))?;
        self.site.close(closed, self.prompt, self.to_correlate)?;
        if self.prompt {
            self.lanes.flush()?;
        }
        Ok(())
    }

    /// Hands over what is counted here and not told, as of a second.
    fn save(&mut self, at: i64) -> Result<(), HungUp> {
        self.to_correlate.send(Message::CaptureSaved {
            at,
            counts: self.counts.clone(),
            seconds: self.site.seconds.clone(),
        })
    }

    /// Asks what the kernel counts; what it has dropped since the last time belongs to about now.
    fn count_kernel(&mut self, source: &mut (dyn Source + Send)) {
        let Some(mut now) = source.kernel() else {
            return;
        };
        now.add(self.kernel_before);
        self.counts.kernel = Some(now);
        let lost = now.losses().since(self.dropped);
        if lost != Losses::default()
            && let Some(newest) = self.clock.newest()
        {
            self.dropped = now.losses();
            let second = self.site.seconds.second(newest.second());
            second.losses.add(lost);
        }
    }

    /// Hands over the packets that were asked for.
    fn hand_over(&mut self) -> Result<(), HungUp> {
        let Some(keeper) = self.keeper.as_mut() else {
            return Ok(());
        };
        while let Some(excerpt) = keeper.answer() {
            keeper.omitted += self.to_correlate.hand_over(excerpt)?;
        }
        if let Some(excerpt) = keeper.follow() {
            keeper.omitted += self.to_correlate.hand_over(excerpt)?;
        }
        self.counts.evidence_omitted = keeper.omitted;
        self.counts.evidence_unfollowed = keeper.unfollowed;
        Ok(())
    }

    fn tell_faults(&mut self, source: &mut (dyn Source + Send)) -> Result<(), HungUp> {
        let faults = source.take_faults();
        if faults.is_empty() {
            return Ok(());
        }
        self.to_correlate.send(Message::Faults(faults))
    }
}
