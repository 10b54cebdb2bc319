//! Half of the DNS is gone at once.
//!
//! Of the DNS, and not of all packets: every host asks all day long, while one backup or one
//! newsletter makes half of a link's packets for hours and then ends.

use super::{SLOT, Slot, Turn, Window};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Whole slots that are remembered, and needed: two hours, one hour. What falls over an hour, as
/// evening does, never lies below half of the least of them.
const REMEMBERED: usize = 24;
const NEEDED: usize = 12;

/// Slots in a row that must lie below. Were all slots alike and in any order, the last two would
/// be the least two of fourteen once in 91 pairs; that they lie so far below the third needs more
/// than chance.
const SLOTS: usize = 2;

/// DNS messages in each slot before, at the least: a hundred hosts or so. Then half is sixteen
/// standard deviations of a Poisson count away, and no single host makes the rest.
const LEAST: u64 = 1000;

/// So much of the least slot before is half of what usually came: half of the mean of twelve and
/// more even slots is up to .55 of their least, and two slots vary as well.
const HALF: f64 = 0.6;

/// Of the pairs of who asks and who is asked, so many must be gone as well: a bot or a crawler
/// that ends takes its queries with it, but no pairs.
const PAIRS: f64 = 0.75;

/// Beyond so many pairs the count is no more than a lower bound, and no host is half of them.
const MANY_PAIRS: f64 = 12_000.0;

/// It has recovered at so much of what was.
const BACK: f64 = 0.75;

/// After so many whole slots, two hours, this is how it is now.
const SETTLED: u32 = 24;

/// Watches the rate of the DNS.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Halving {
    /// Messages and pairs in the last whole slots, without those that lie below.
    level: VecDeque<(u64, f64)>,
    /// Those that lie below, and when they began.
    below: Vec<(u64, f64)>,
    since: i64,
    /// Told; messages in a slot before, and slots since.
    blind: Option<(u64, u32)>,
}

impl Halving {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a slot has no more than 2^53 messages"
    )]
    pub(super) fn judge(&mut self, slot: &Slot) -> Option<Turn> {
        if slot.partial {
            self.below.clear();
            return None;
        }
        let messages = slot.bin.dns.sum();
        let asking = slot.bin.asking.as_deref();
        let pairs = asking.map_or(0.0, |asking| asking.pairs.estimate());
        if let Some((before, slots)) = &mut self.blind {
            *slots += 1;
            let back = messages as f64 >= BACK * *before as f64;
            if !back && *slots < SETTLED {
                return None;
            }
            let window = window(slot, *before);
            let reason = if back {
                format!("{messages} DNS messages in 5 minutes again, after {before} before.")
            } else {
                format!(
                    "{messages} DNS messages in 5 minutes for two hours now, after {before} \
                     before: this counts as usual from now on."
                )
            };
            if !back {
                self.level.clear();
            }
            self.blind = None;
            self.remember(messages, pairs);
            return Some(Turn::Recovered { window, reason });
        }
        let least = self.level.iter().map(|(messages, _)| *messages).min();
        let fewest = self.level.iter().map(|(_, pairs)| *pairs);
        let fewest = fewest.fold(f64::INFINITY, f64::min);
        let low = |least: u64| {
            messages as f64 <= HALF * least as f64
                && (pairs <= PAIRS * fewest || fewest >= MANY_PAIRS)
        };
        let known = least.filter(|least| self.level.len() >= NEEDED && *least >= LEAST);
        let Some(least) = known.filter(|least| low(*least)) else {
            for (messages, pairs) in std::mem::take(&mut self.below) {
                self.remember(messages, pairs);
            }
            self.remember(messages, pairs);
            return None;
        };
        if self.below.is_empty() {
            self.since = slot.start;
        }
        self.below.push((messages, pairs));
        if self.below.len() < SLOTS {
            return None;
        }
        self.below.clear();
        self.blind = Some((least, 0));
        Some(Turn::Blind {
            since: self.since,
            window: window(slot, least),
            reason: format!(
                "{messages} DNS messages in 5 minutes, after {least} or more in each before: half \
                 or more of it is gone, and of those who ask."
            ),
        })
    }

    fn remember(&mut self, messages: u64, pairs: f64) {
        self.level.truncate(REMEMBERED - 1);
        self.level.push_front((messages, pairs));
    }
}

fn window(slot: &Slot, before: u64) -> Window {
    Window {
        span: SLOT.unsigned_abs(),
        seen: slot.bin.clone(),
        before: Some(before),
    }
}
