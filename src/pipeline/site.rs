//! What the capture thread counts itself: the seconds of the site as a whole.

use super::batch::{MARKS, PACKETS};
use super::outbox::Outbox;
use super::{HungUp, Message};
use crate::count::delta::Delta;
use crate::count::site::SiteSeconds;

/// The seconds of the site, on their way to correlation: the capture thread counts them, since
/// only it sees all packets, and closes them as a further worker would.
pub(super) struct Site {
    worker: usize,
    pub(super) seconds: SiteSeconds,
    closed: Vec<Delta>,
    /// Packets since they were handed over.
    packets: usize,
}

impl Site {
    pub(super) fn new(worker: usize, seconds: SiteSeconds) -> Self {
        Self {
            worker,
            seconds,
            closed: Vec::new(),
            packets: 0,
        }
    }

    /// Counts a packet in its second, whatever it carries.
    #[inline]
    pub(super) fn packet(&mut self, second: i64) {
        self.seconds.second(second).packets += 1;
        self.packets += 1;
    }

    /// Closes the seconds up to `through`, and hands them over `now`, or when a batch would be, so
    /// that correlation waits for nobody longer than for a worker.
    pub(super) fn close(
        &mut self,
        through: i64,
        now: bool,
        to_correlate: &mut Outbox,
    ) -> Result<(), HungUp> {
        self.closed.extend(self.seconds.close(through));
        if now || self.packets >= PACKETS || self.closed.len() >= MARKS {
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
