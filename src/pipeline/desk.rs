//! The calling thread's part of the packets behind verdicts: asks the capture threads for them,
//! waits until all have had time to answer, and hands them to the sink in order of time.

use super::keeper::{Excerpt, Keeper, Wish};
use crate::capture::Frame;
use crate::correlate::{State, Verdict};
use crate::host::HostAddr;
use crate::report::Sink;
use crate::time::Timestamp;
use crate::verdict::Level;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeMap;
use std::io;

/// Wishes on their way to a capture thread, which looks for them every second at the least.
const WISHES: usize = 1024;
/// Seconds, by packet time, that frames wait here: more than a verdict is behind its packets, so
/// that it is known by then which of them it names, and more than capture threads are apart.
const DELAY: i64 = 10;
/// Octets that wait here, at most. Of ten seconds of all that is followed, with headers alone,
/// some megabytes.
const OCTETS: usize = 64 << 20;

/// Asks for frames, and puts them in order.
pub(super) struct Desk {
    ways: Vec<Sender<Wish>>,
    /// Of the capture threads, when they have ended.
    keepers: Vec<Keeper>,
    waiting: Vec<Waiting>,
    /// Octets of what waits.
    octets: usize,
    /// Frames that were thrown away, since too many waited.
    pub(super) omitted: u64,
    /// Hosts that the capture threads were not asked about, since they were behind.
    pub(super) unasked: u64,
}

struct Waiting {
    excerpt: Excerpt,
    /// Frames that were handed on.
    done: usize,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            ways: Vec::new(),
            keepers: Vec::new(),
            waiting: Vec::new(),
            octets: 0,
            omitted: 0,
            unasked: 0,
        }
    }

    /// The way to a further capture thread.
    pub(super) fn way(&mut self) -> Receiver<Wish> {
        let (way, wishes) = bounded(WISHES);
        self.ways.push(way);
        wishes
    }

    /// Asks for what a verdict makes worth keeping, when `closed` was the last second that was
    /// judged. Waits for nobody.
    pub(super) fn verdict(&mut self, verdict: &Verdict, closed: i64) {
        let (host, judgement) = (verdict.host, &verdict.judgement);
        // A flood's names the server that is asked, whose packets are others'; and about what is
        // suppressed nobody wants to know more.
        if judgement.class.is_flood() || verdict.suppressed.is_some() {
            return;
        }
        let wish = match (verdict.state, judgement.level) {
            (State::Closed, _) => Wish::Forget(host),
            (_, Level::None) => return,
            (_, Level::Notice) => Wish::Notice(host),
            (_, Level::Suspected | Level::Likely | Level::Confirmed) => Wish::Suspect {
                host,
                named: judgement
                    .evidence
                    .iter()
                    .flat_map(|piece| &piece.packets)
                    .map(|packet| (packet.origin, packet.time))
                    .collect(),
                asked: closed,
            },
        };
        for way in &self.ways {
            self.unasked += u64::from(way.try_send(wish.clone()).is_err());
        }
        let asked = self.keepers.iter_mut();
        let answers: Vec<_> = asked.filter_map(|of| of.fulfil(wish.clone())).collect();
        for answer in answers {
            self.take(answer);
        }
    }

    /// Takes in what a capture thread hands over.
    pub(super) fn take(&mut self, excerpt: Excerpt) {
        let (frames, octets) = excerpt.size();
        if self.octets + octets > OCTETS {
            self.omitted += frames as u64;
            return;
        }
        self.octets += octets;
        self.waiting.push(Waiting { excerpt, done: 0 });
    }

    /// The capture threads have ended, and will be asked here.
    pub(super) fn ended(&mut self, keepers: Vec<Keeper>) {
        self.ways.clear();
        self.keepers = keepers;
        let mut left = Vec::new();
        for keeper in &mut self.keepers {
            while let Some(answer) = keeper.answer() {
                left.push(answer);
            }
            left.extend(keeper.follow());
        }
        for excerpt in left {
            self.take(excerpt);
        }
    }

    /// Hands the sink what has waited for long enough when all seconds up to `closed` are.
    pub(super) fn tell(&mut self, closed: i64, sink: &mut dyn Sink) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let through = if closed == i64::MAX {
            closed
        } else {
            closed.saturating_sub(DELAY)
        };
        let mut due: Vec<(Timestamp, HostAddr, Frame<'_>)> = Vec::new();
        for Waiting { excerpt, done } in &mut self.waiting {
            if excerpt.asked.is_some_and(|asked| asked > through) {
                continue;
            }
            while let Some((host, frame)) = excerpt.get(*done)
                && frame.time.second() <= through
            {
                due.push((frame.time, host, frame));
                *done += 1;
            }
        }
        due.sort_by_key(|(time, ..)| *time);
        let mut hosts: BTreeMap<HostAddr, Vec<Frame<'_>>> = BTreeMap::new();
        for (_, host, frame) in due {
            hosts.entry(host).or_default().push(frame);
        }
        for (host, frames) in &hosts {
            sink.packets(*host, frames)?;
        }
        drop(hosts);
        let octets = &mut self.octets;
        self.waiting.retain(|Waiting { excerpt, done }| {
            let (frames, size) = excerpt.size();
            if *done == frames {
                *octets -= size;
            }
            *done < frames
        });
        Ok(())
    }
}
