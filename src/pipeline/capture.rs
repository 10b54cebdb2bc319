//! A capture thread: reads frames, keeps packet time, finds out whose packet it is and
//! puts it into that host's lane.

use super::batch::{Batch, Mark};
use super::clock::Clock;
use super::keeper::{Excerpt, Keeper};
use super::{Behind, HungUp, Message, Settings, Tap};
use crate::capture::{Filter, Frame, Input, Progress, Source};
use crate::count::delta::Delta;
use crate::count::shard_of;
use crate::count::site::SiteSeconds;
use crate::decode::fragment::Fragments;
use crate::decode::lan::Binding;
use crate::decode::observation::{MailPorts, Route, route, sender};
use crate::decode::packet::{Packet, Segment, Sliced, Transport};
use crate::decode::tcp::GENERATIONS;
use crate::host::HostAddr;
use crate::report::CaptureCounts;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use std::collections::VecDeque;

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
        if matches!(self.behind, Behind::Shed { .. }) && sender.is_full() {
            if batch.is_full() {
                batch.shed();
            }
            return Ok(());
        }
        let empty = self.recycled.try_recv().unwrap_or_default();
        // This thread alone sends here, so that where there was room there still is.
        Ok(sender.send(std::mem::replace(batch, empty))?)
    }
}

/// The way to the calling thread. Live, what finds no room waits here, as it comes by the second
/// and not by the packet, and packets must not wait.
pub(super) struct Outbox {
    sender: Sender<Message>,
    waiting: VecDeque<Message>,
    behind: Behind,
}

/// Octets of packets that wait for room, beyond which those that are asked for are thrown away.
const WAITING: usize = 16 << 20;

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
        self.flush()
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
        while !self.waiting.is_empty() && !self.sender.is_full() {
            let Some(message) = self.waiting.pop_front() else {
                break;
            };
            match self.sender.try_send(message) {
                Ok(()) => {}
                // A worker was faster.
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

/// Reads the source to its end and returns what was counted, and the packets that were kept;
/// `number` is that of a further worker, as which this thread closes the seconds of the site.
pub(super) fn read(
    tap: Tap<'_>,
    mut lanes: Lanes,
    mut to_correlate: Outbox,
    settings: &Settings,
    number: usize,
    mut keeper: Option<Keeper>,
) -> (CaptureCounts, Option<Keeper>) {
    let Tap {
        source,
        mut filter,
        progress,
    } = tap;
    let mut counts = CaptureCounts::default();
    // What could not be opened is told at once, not after all the others were read.
    let _ = to_correlate.send(Message::Faults(source.take_faults()));
    let mut reader = Reader {
        lanes: &mut lanes,
        to_correlate: &mut to_correlate,
        counts: &mut counts,
        mail: &settings.count.mail,
        connections: Generation::new(settings.count.connections),
        site: Site::new(number),
        totals: Schedule::new(settings),
        clock: Clock::default(),
        fragments: Fragments::default(),
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

    fn new(worker: usize) -> Self {
        Self {
            worker,
            seconds: SiteSeconds::default(),
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

/// When totals are due, by packet time.
struct Schedule {
    every: Option<i64>,
    next: Option<i64>,
    /// Whether each is taken that time has passed, and not the last one alone: what several
    /// capture threads take must be of the same times.
    each: bool,
}

impl Schedule {
    fn new(settings: &Settings) -> Self {
        let every = settings
            .stats
            .and_then(|every| i64::try_from(every.get()).ok());
        let from = match settings.behind {
            Behind::Wait => None,
            Behind::Shed { from } => Some(from),
        };
        let next = every
            .zip(from)
            .map(|(every, from)| Self::after(from, every));
        Self {
            every,
            next,
            each: from.is_some(),
        }
    }

    /// The first multiple of `every` that is later.
    fn after(second: i64, every: i64) -> i64 {
        (second.div_euclid(every) * every).saturating_add(every)
    }

    /// One that is due at `second` or before.
    fn due(&mut self, second: i64) -> Option<i64> {
        let every = self.every?;
        let is_due = self.next.is_some_and(|next| second >= next);
        if self.each {
            let due = self.next.filter(|_| is_due)?;
            self.next = Some(due.saturating_add(every));
            return Some(due);
        }
        let next = Self::after(second, every);
        self.next = Some(next);
        is_due.then(|| next.saturating_sub(every))
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
    totals: Schedule,
    /// Somebody waits at the other end: what is counted is handed over at every second.
    prompt: bool,
    /// A second has passed since the kernel was asked what it counts.
    ask_kernel: bool,
    /// Keeps packets, where that is asked for.
    keeper: Option<&'a mut Keeper>,
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
                self.counts.kernel = source.kernel();
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
        self.counts.kernel = source.kernel();
        self.to_correlate.finish()?;
        if let Some(newest) = self.clock.newest() {
            self.lanes.mark(Mark::End(newest))?;
        }
        self.site.close(i64::MAX, true, self.to_correlate)?;
        self.lanes.finish()
    }

    /// Counts a frame, and hands it to whom it concerns.
    #[inline]
    fn frame(&mut self, frame: &Frame<'_>, passes: bool) -> Result<(), HungUp> {
        let mut late = false;
        if passes {
            let (is_late, closed) = self.clock.tick(frame.time);
            late = is_late;
            if let Some(closed) = closed {
                self.close(closed, frame.time.second())?;
            }
            if !late {
                self.site.seconds.second(frame.time.second()).packets += 1;
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
        let outcome = self.fragments.slice(frame);
        if outcome.reassembled > 0 {
            counts.fragments -= outcome.earlier;
            counts.ignored += outcome.earlier;
            counts.reassembled += outcome.reassembled;
        }
        match outcome.sliced {
            Sliced::Packet(packet) => match route(&packet, self.mail) {
                Route::Host(host) => {
                    if !late {
                        let second = self.site.seconds.second(frame.time.second());
                        second.count(&packet, host, self.mail);
                    }
                    self.lanes.push(host, &packet, late)?;
                    let asked = self.keeper.as_mut();
                    let asked = asked.is_some_and(|keeper| keeper.keep(host, frame, &packet));
                    if self.connections.is_full(&packet, self.mail) {
                        self.lanes.mark(Mark::Forget)?;
                    }
                    if asked {
                        self.hand_over()?;
                    }
                }
                Route::Ignored => counts.ignored += 1,
            },
            Sliced::Binding(binding) => self.lanes.bind(binding, late)?,
            Sliced::Ignored => counts.ignored += 1,
            Sliced::Fragment(_) => counts.fragments += 1,
            Sliced::Unsupported(reason) => counts.unsupported(reason),
            Sliced::Malformed(damage) => *counts.malformed.entry(damage).or_insert(0) += 1,
        }
        Ok(())
    }

    /// Time has moved on to `second`, and nothing of `closed` or earlier can come any more.
    fn close(&mut self, closed: i64, second: i64) -> Result<(), HungUp> {
        self.ask_kernel = true;
        self.hand_over()?;
        while let Some(at) = self.totals.due(second) {
            let counts = self.counts.clone();
            self.to_correlate.send(Message::Captured { at, counts })?;
            self.lanes.mark(Mark::Totals(at))?;
        }
        self.lanes.mark(Mark::Close(closed))?;
        self.site.close(closed, self.prompt, self.to_correlate)?;
        if self.prompt {
            self.lanes.flush()?;
        }
        Ok(())
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
