//! Nothing arrives.

use super::{SLOT, Turn, Window};
use crate::count::site::SiteBin;
use serde::{Deserialize, Serialize};

/// A shorter pause is told of nowhere, in seconds. At one packet a second, the least that is
/// asked for, chance makes one in e^60 seconds.
pub(super) const SHORTEST: i64 = 60;

/// Traffic does not come evenly. A pause must be so many times as long as any before; from an
/// hour on, twice as long is enough.
const BEYOND: i64 = 4;
const LONG: i64 = 3600;

/// Seconds of capture, and packets in the slot and the one before, without which nobody knows
/// what a pause is: one a second over ten minutes.
const SPAN: i64 = 2 * SLOT;
const PACKETS: u64 = SPAN.unsigned_abs();

/// Watches for packets. What it expects is the longest pause that it has seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Pause {
    /// The first and the newest second with packets.
    seen: Option<(i64, i64)>,
    longest: i64,
    /// Packets in the slot before, if it is the one right before, and in this one.
    before: u64,
    now: u64,
    /// The end of the newest slot that had packets.
    slot: i64,
    /// There was traffic up to the newest packet.
    busy: bool,
    blind: bool,
}

impl Pause {
    /// The newest second with packets.
    pub(super) fn last(&self) -> Option<i64> {
        self.seen.map(|(_, last)| last)
    }

    fn patience(&self) -> i64 {
        let long = LONG.max(2 * self.longest);
        (BEYOND * self.longest).clamp(SHORTEST, long)
    }

    /// What came before does not count as the beginning of a pause. One that is told goes on.
    pub(super) fn interrupted(&mut self) {
        if !self.blind {
            self.seen = None;
        }
    }

    /// The second at whose begin the pause is too long, unless packets come before.
    pub(super) fn due(&self) -> Option<i64> {
        let last = self.last().filter(|_| self.busy && !self.blind)?;
        Some(last + 1 + self.patience())
    }

    /// It was too long.
    pub(super) fn told(&mut self) -> Option<Turn> {
        let since = self.last()? + 1;
        self.blind = true;
        let span = self.patience();
        let longest = self.longest;
        let reason = format!(
            "No packet has arrived for {span} s, where the longest pause before was {longest} s."
        );
        Some(Turn::Blind {
            since,
            window: window(span),
            reason,
        })
    }

    /// So many packets come in `second`. The seconds since those before, if there were any, and
    /// whether that ends a pause.
    pub(super) fn packets(&mut self, second: i64, count: u64) -> (Option<i64>, Option<Turn>) {
        let gap = self.last().map(|last| second - last);
        self.longest = self.longest.max(gap.unwrap_or(0));
        let (first, _) = self.seen.unwrap_or((second, second));
        self.seen = Some((first, second));
        if second >= self.slot + SLOT {
            self.before = 0;
        }
        self.now += count;
        self.busy = second - first >= SPAN && self.before + self.now >= PACKETS;
        let turn = std::mem::take(&mut self.blind).then(|| {
            let span = gap.unwrap_or(0) - 1;
            Turn::Recovered {
                window: window(span),
                reason: format!("Packets arrive again after {span} s without any."),
            }
        });
        (gap, turn)
    }

    pub(super) fn slot_ends(&mut self, end: i64) {
        self.before = std::mem::take(&mut self.now);
        self.slot = end;
    }
}

fn window(span: i64) -> Window {
    Window {
        span: span.unsigned_abs(),
        seen: SiteBin::default(),
        before: None,
    }
}
