//! A capture thread: reads frames, keeps packet time, finds out whose packet it is and
//! puts it into that host's lane.

use super::batch::{Batch, Boundary, Mark};
use super::clock::Clock;
use super::keeper::{Excerpt, Keeper};
use super::{Behind, Hosts, HungUp, Message, Settings, Tap};
use crate::capture::{Filter, Frame, Input, KernelCounts, Progress, Source};
use crate::count::delta::Delta;
use crate::count::shard_of;
use crate::count::site::{Losses, SiteSeconds};
use crate::decode::fragment::Fragments;
use crate::decode::lan::Binding;
use crate::decode::observation::{MailPorts, Route, route, sender};
use crate::decode::packet::{self, Packet, Segment, Sliced, Transport};
use crate::decode::tcp::GENERATIONS;
use crate::host::HostAddr;
use crate::report::CaptureCounts;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The ways to the workers, each with the batch that is being filled.
pub(super) struct Lanes {
    ways: Vec<(Batch, Sender<Batch>)>,
    recycled: Receiver<Batch>,
    behind: Behind,
}

impl Lanes {
    pub(super) fn new(
        to_workers: Vec<Sender<Batch>>,
        recycled: Receiver<Batch>,
        behind: Behind,
    ) -> Self {
        let ways = to_workers
            .into_iter()
            .map(|sender| (Batch::default(), sender))
            .collect();
        Self {
            ways,
            recycled,
            behind,
        }
    }

    /// Puts a packet into its host's lane.
    #[inline]
    fn push(&mut self, host: HostAddr, packet: &Packet<'_>, late: bool) -> Result<(), HungUp> {
        let at = shard_of(host) % self.ways.len();
        if let Some((batch, _)) = self.ways.get_mut(at) {
            batch.push(packet, late);
            if batch.is_full() {
                self.send(at)?;
            }
        }
        Ok(())
    }

    /// Puts what was said of an address into that address's lane.
    fn bind(&mut self, binding: Binding, late: bool) -> Result<(), HungUp> {
        let at = shard_of(binding.said.addr) % self.ways.len();
        if let Some((batch, _)) = self.ways.get_mut(at) {
            batch.bind(binding, late);
            if batch.is_full() {
                self.send(at)?;
            }
        }
        Ok(())
    }

    /// Puts a mark into every lane.
    fn mark(&mut self, mark: Mark) -> Result<(), HungUp> {
        for at in 0..self.ways.len() {
            if let Some((batch, _)) = self.ways.get_mut(at) {
                batch.mark(mark);
                if batch.is_full() {
                    self.send(at)?;
                }
            }
        }
        Ok(())
    }

    /// Hands over what there is.
    fn flush(&mut self) -> Result<(), HungUp> {
        for at in 0..self.ways.len() {
            if self
                .ways
                .get(at)
                .is_some_and(|(batch, _)| !batch.is_empty())
            {
                self.send(at)?;
            }
        }
        Ok(())
    }

    /// Hands over what there is, and waits where a worker is behind.
    fn finish(&mut self) -> Result<(), HungUp> {
        self.behind = Behind::Wait;
        self.flush()
    }

    /// Hands a batch over and takes a used one in its place. Where the worker is behind, waits,
    /// or throws the packets of a full one away; marks always arrive.
    fn send(&mut self, at: usize) -> Result<(), HungUp> {
        let Some((batch, sender)) = self.ways.get_mut(at) else {
            return Ok(());
        };
        if self.behind == Behind::Wait {
            let empty = self.recycled.try_recv().unwrap_or_default();
            return Ok(sender.send(std::mem::replace(batch, empty))?);
        }
        match sender.try_send(std::mem::take(batch)) {
            Ok(()) => *batch = self.recycled.try_recv().unwrap_or_default(),
            Err(TrySendError::Full(full)) => {
                *batch = full;
                if batch.is_full() {
                    batch.shed();
                }
            }
            Err(TrySendError::Disconnected(_)) => return Err(HungUp),
        }
        Ok(())
    }
}

/// The way to the calling thread. Live, what finds no room waits here, as it comes by the second
/// and not by the packet, and packets must not wait: not until [`PATIENCE`] is full.
pub(super) struct Outbox {
    sender: Sender<Message>,
    waiting: VecDeque<Message>,
    behind: Behind,
}

/// Octets of packets that wait for room, beyond which those that are asked for are thrown away.
const WAITING: usize = 16 << 20;

/// Messages that wait for room: what comes within half an hour or more. Beyond them the thread
/// waits itself, since nothing that was counted may be thrown away, and the kernel drops and
/// counts the packets that come meanwhile.
const PATIENCE: usize = 4096;

impl Outbox {
    pub(super) fn new(sender: Sender<Message>, behind: Behind) -> Self {
        Self {
            sender,
            waiting: VecDeque::new(),
            behind,
        }
    }

    fn send(&mut self, message: Message) -> Result<(), HungUp> {
        if self.behind == Behind::Wait {
            return Ok(self.sender.send(message)?);
        }
        self.waiting.push_back(message);
        self.flush()?;
        while self.waiting.len() > PATIENCE
            && let Some(message) = self.waiting.pop_front()
        {
            self.sender.send(message)?;
        }
        Ok(())
    }

    /// Sends packets that were asked for, or throws them away where many wait already; how many.
    fn hand_over(&mut self, excerpt: Excerpt) -> Result<u64, HungUp> {
        let waiting = self.waiting.iter().map(|message| match message {
            Message::Kept(excerpt) => excerpt.size().1,
            _ => 0,
        });
        if waiting.sum::<usize>() >= WAITING {
            return Ok(excerpt.size().0 as u64);
        }
        self.send(Message::Kept(excerpt))?;
        Ok(0)
    }

    /// Sends what waits, as far as there is room.
    fn flush(&mut self) -> Result<(), HungUp> {
        while let Some(message) = self.waiting.pop_front() {
            match self.sender.try_send(message) {
                Ok(()) => {}
                Err(TrySendError::Full(message)) => {
                    self.waiting.push_front(message);
                    break;
                }
                Err(TrySendError::Disconnected(_)) => return Err(HungUp),
            }
        }
        Ok(())
    }

    /// Sends what waits, and from now on waits for room.
    fn finish(&mut self) -> Result<(), HungUp> {
        self.behind = Behind::Wait;
        for message in self.waiting.drain(..) {
            self.sender.send(message)?;
        }
        Ok(())
    }
}

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
    // What could not be opened is told at once, not after all the others were read.
    let _ = to_correlate.send(Message::Faults(source.take_faults()));
    let mut reader = Reader {
        lanes: &mut lanes,
        to_correlate: &mut to_correlate,
        kernel_before: counts.kernel.unwrap_or_default(),
        dropped: counts.kernel.unwrap_or_default().losses(),
        counts: &mut counts,
        mail: &settings.count.mail,
        clock: Clock::default(),
        fragments: Fragments::default(),
        connections: Generation::new(settings.count.connections),
        site: Site::new(seat.number, seat.seconds),
        schedule: seat.schedule,
        at_end: seat.at_end,
        prompt: source.progress().total == 0,
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

/// Connections that begin, up to a part of those that workers may know: all of them together,
/// wherever they are counted, since only this thread sees them all in order.
struct Generation {
    begun: usize,
    bound: usize,
}

impl Generation {
    fn new(connections: usize) -> Self {
        Self {
            begun: 0,
            bound: (connections / GENERATIONS as usize).max(1),
        }
    }

    /// Whether this packet begins a connection, and with it another part is full.
    fn is_full(&mut self, packet: &Packet<'_>, mail: &MailPorts) -> bool {
        let Transport::Tcp(segment) = packet.transport else {
            return false;
        };
        // A refusal is remembered too.
        if segment.flags & (Segment::SYN | Segment::RST) != 0
            && sender(packet, segment, mail).is_some_and(|(_, service)| service.is_followed())
        {
            self.begun += 1;
        }
        let full = self.begun == self.bound;
        if full {
            self.begun = 0;
        }
        full
    }
}

/// The seconds of the site, on their way to correlation: this thread counts them, since only it
/// sees all packets, and closes them as a further worker would.
struct Site {
    worker: usize,
    seconds: SiteSeconds,
    closed: Vec<Delta>,
    /// Packets since they were handed over.
    packets: usize,
}

impl Site {
    /// Packets or seconds after which what is closed is handed over: as a batch is, so that
    /// correlation waits for nobody longer than for a worker.
    const PACKETS: usize = 2048;
    const SECONDS: usize = 64;

    fn new(worker: usize, seconds: SiteSeconds) -> Self {
        Self {
            worker,
            seconds,
            closed: Vec::new(),
            packets: 0,
        }
    }

    /// Closes the seconds up to `through`, and hands them over when it is time, or `now`.
    fn close(&mut self, through: i64, now: bool, to_correlate: &mut Outbox) -> Result<(), HungUp> {
        self.closed.extend(self.seconds.close(through));
        if now || self.packets >= Self::PACKETS || self.closed.len() >= Self::SECONDS {
            self.packets = 0;
            to_correlate.send(Message::Closed {
                worker: self.worker,
                through,
                deltas: std::mem::take(&mut self.closed),
            })?;
        }
        Ok(())
    }
}

/// When totals are due, state is to be kept and hosts are told, by packet time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    totals: Option<Every>,
    keep: Option<Every>,
    hosts: Option<Every>,
    /// Whether each is due that time has passed, and not the last one alone: what several
    /// capture threads do must be of the same times.
    each: bool,
}

/// Intervals that time has left behind at once beyond which a clock was set, and nothing waited.
const LEAP: i64 = 1_000;

/// Something that is due at each multiple of a number of seconds.
#[derive(Clone, Copy, Debug)]
struct Every {
    seconds: i64,
    next: Option<i64>,
}

impl Every {
    fn new(seconds: NonZeroU64, from: Option<i64>) -> Option<Self> {
        let mut every = Self {
            seconds: i64::try_from(seconds.get()).ok()?,
            next: None,
        };
        every.next = from.map(|from| every.after(from));
        Some(every)
    }

    /// The first multiple that is later.
    fn after(self, second: i64) -> i64 {
        (second.div_euclid(self.seconds) * self.seconds).saturating_add(self.seconds)
    }
}

impl Schedule {
    pub(super) fn new(settings: &Settings, keep: Option<NonZeroU64>) -> Self {
        let from = match settings.behind {
            Behind::Wait => None,
            Behind::Shed { from } => Some(from),
        };
        let hosts = match settings.hosts {
            Hosts::Never | Hosts::AtEnd => None,
            Hosts::Every { seconds, .. } => Some(seconds),
        };
        Self {
            totals: settings.stats.and_then(|every| Every::new(every, from)),
            keep: keep.and_then(|every| Every::new(every, from)),
            hosts: hosts.and_then(|every| Every::new(every, from)),
            each: from.is_some(),
        }
    }

    /// What is due at `second` or before, and was not told yet; the earliest first.
    fn due(&mut self, second: i64) -> Option<Boundary> {
        let due = |every: &Option<Every>| {
            let every = every.as_ref()?;
            let next = every.next.filter(|next| second >= *next)?;
            // The newest one that has come, where the others do not matter, and where a clock
            // was set ahead.
            let leap = (second - next) / every.seconds > LEAP;
            Some(if self.each && !leap {
                next
            } else {
                every.after(second) - every.seconds
            })
        };
        let (totals, keep, hosts) = (due(&self.totals), due(&self.keep), due(&self.hosts));
        let at = [totals, keep, hosts].into_iter().flatten().min();
        let all = [&mut self.totals, &mut self.keep, &mut self.hosts];
        for every in all.into_iter().flatten() {
            every.next = match (at, every.next) {
                (Some(at), next) if self.each => next.map(|next| next.max(every.after(at))),
                (None, next) if self.each => next,
                _ => Some(every.after(second)),
            };
        }
        Some(Boundary {
            at: at?,
            totals: totals == at,
            keep: keep == at,
            hosts: hosts == at,
        })
    }
}

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
    /// What earlier runs' kernels counted.
    kernel_before: KernelCounts,
    /// Somebody waits at the other end: what is counted is handed over at every second.
    prompt: bool,
    /// What of it the seconds of the site know as lost.
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
                self.site.seconds.second(second).packets += 1;
                self.site.packets += 1;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn what_waits_for_a_reader_has_a_bound_and_none_of_it_is_lost() {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        let mut outbox = Outbox::new(sender, Behind::Shed { from: 0 });
        let sent = AtomicUsize::new(0);
        let all = i64::try_from(2 * PATIENCE).unwrap();
        std::thread::scope(|scope| {
            let waited = scope.spawn(|| {
                let mut most = 0;
                for through in 0..all {
                    let closed = Message::Closed {
                        worker: 0,
                        through,
                        deltas: Vec::new(),
                    };
                    assert!(outbox.send(closed).is_ok());
                    most = most.max(outbox.waiting.len());
                    sent.fetch_add(1, Ordering::SeqCst);
                }
                assert!(outbox.finish().is_ok());
                drop(outbox);
                most
            });
            while sent.load(Ordering::SeqCst) <= PATIENCE {
                std::thread::yield_now();
            }
            let came = receiver.iter().map(|message| match message {
                Message::Closed { through, .. } => through,
                _ => unreachable!(),
            });
            assert!(came.eq(0..all));
            assert_eq!(waited.join().unwrap(), PATIENCE);
        });
    }
}
