//! No DNS, or no mail connections, among other traffic.

use super::{Gathered, Protocol, SLOT, Slot, Turn};
use serde::{Deserialize, Serialize};

/// Slots with traffic that are judged together at the least: an hour.
const SLOTS: u32 = 12;

/// Packets of other traffic in them. A machine that shows a page or two an hour makes them.
const PACKETS: u64 = 1000;

/// Fewer are none: DNS messages of somebody who scans the net, packets of half a mail session
/// (a whole one has about twenty).
const NONE: u64 = 10;

/// Mail comes seldom at some sites, and nowhere at night. A silence must be so many times as
/// long as any that ended by itself: so of a hundred nights one or two are told of.
const BEYOND: u32 = 2;

/// But a week without is told of, whatever came before.
const LONGEST: u32 = 7 * 24;

/// Watches for a protocol.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Silence {
    protocol: Protocol,
    gathered: Gathered,
    /// Windows in a row without it, since when, and what else came in them.
    quiet: u32,
    since: i64,
    others: u64,
    /// In how many it is missing.
    patience: u32,
    blind: bool,
}

impl Silence {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            gathered: Gathered::default(),
            quiet: 0,
            since: 0,
            others: 0,
            patience: 1,
            blind: false,
        }
    }

    pub(super) fn judge(&mut self, slot: &Slot) -> Option<Turn> {
        let name = match self.protocol {
            Protocol::Dns => "DNS",
            Protocol::Smtp => "mail",
        };
        self.gathered.add(slot);
        let count = self.protocol.of(&self.gathered.bin).sum();
        if count >= NONE {
            let gathered = self.gathered.take();
            self.patience = self.patience.max(BEYOND * self.quiet).min(LONGEST);
            (self.quiet, self.others) = (0, 0);
            let again = std::mem::take(&mut self.blind);
            return again.then(|| Turn::Recovered {
                window: gathered.window(),
                reason: format!("There is {name} again."),
            });
        }
        let others = self.gathered.bin.packets - count.min(self.gathered.bin.packets);
        if self.gathered.slots < SLOTS || others < PACKETS {
            return None;
        }
        let gathered = self.gathered.take();
        if self.quiet == 0 {
            self.since = gathered.start;
        }
        self.quiet = self.quiet.saturating_add(1);
        self.others += others;
        if self.blind || self.quiet < self.patience {
            return None;
        }
        self.blind = true;
        let hours = (slot.end() - self.since) / (SLOT * i64::from(SLOTS));
        let hours = match hours {
            ..=1 => "an hour".to_owned(),
            hours => format!("{hours} hours"),
        };
        let others = self.others;
        Some(Turn::Blind {
            since: self.since,
            window: gathered.window(),
            reason: format!(
                "{others} packets in {hours} and next to none of {name}: it is not mirrored, or \
                 there is none."
            ),
        })
    }
}
