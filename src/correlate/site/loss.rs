//! What was sent and never seen: octets that are missing in TCP, and packets that are known to
//! have been dropped.

use super::{Gathered, SLOT, Slot, Turn};
use crate::count::site::Losses;
use serde::{Deserialize, Serialize};

/// Slots that holes are judged over at the least.
const SLOTS: u32 = 2;

/// Octets of mail and DNS in TCP without which holes say nothing: some seven hundred full
/// segments, of which seven are lost at one in a hundred.
const OCTETS: u64 = 1_000_000;

/// Dropped packets in a slot of which nothing is said, whatever their share is: a moment.
const FEW: u64 = 100;

/// From so much on it is told. At one packet in a hundred, one mail session in five lacks one of
/// its twenty.
const TOLD: f64 = 0.01;

/// Below so much it is over.
const OVER: f64 = 0.005;

/// Watches the holes in TCP connections, and the counters of drops.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Loss {
    gathered: Gathered,
    /// Share of octets in holes, where it was last measured.
    holes: Option<f64>,
    /// The slot before the one that runs.
    before: Recent,
    blind: Option<By>,
}

/// What told that the sensor is blind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum By {
    Holes,
    Drops,
}

/// What a slot lost, and of how much.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Recent {
    start: i64,
    packets: u64,
    losses: Losses,
}

impl Recent {
    fn of(slot: &Slot) -> Self {
        Self {
            start: slot.start,
            packets: slot.bin.packets,
            losses: slot.bin.losses,
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.packets += other.packets;
        self.losses.add(other.losses);
        self
    }

    /// Packets that would have been read, and were dropped. Those of the interface are not among
    /// them: nobody knows what they carried.
    fn dropped(self) -> u64 {
        self.losses.kernel + self.losses.shed
    }

    /// Share of the packets that would have been read.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share needs no more than 53 bits"
    )]
    fn share(self) -> f64 {
        let all = self.packets + self.losses.kernel;
        if all == 0 {
            return 0.0;
        }
        self.dropped() as f64 / all as f64
    }

    /// Says what was dropped, and by whom.
    fn told(self) -> String {
        let Losses { kernel, shed, .. } = self.losses;
        let percent = 100.0 * self.share();
        let who = match (kernel, shed) {
            (_, 0) => format!("the kernel dropped {kernel} for want of room in the ring"),
            (0, _) => format!("mxray threw {shed} away, since its workers were behind"),
            _ => format!("the kernel dropped {kernel}, mxray threw {shed} away"),
        };
        format!("{percent:.1}% of the packets were not read: {who}.")
    }
}

impl Loss {
    /// What was lost lately: in the slot that runs and the one before. The share is the greater
    /// of what was dropped in that time and of what holes in TCP said last; `None` where nothing
    /// was dropped and no hole was measured.
    pub(super) fn lately(&self, running: Option<&Slot>) -> (Option<f64>, Losses) {
        let running = running.map(Recent::of);
        let lately = self.before.and(running.unwrap_or_default());
        let dropped = Some(lately.share()).filter(|share| *share > 0.0);
        let share = dropped.into_iter().chain(self.holes).reduce(f64::max);
        (share, lately.losses)
    }

    /// It is this late: a slot that ended a whole one ago, or before, is not lately any more.
    pub(super) fn until(&mut self, second: i64) {
        if self.before.start.saturating_add(2 * SLOT) <= second {
            self.before = Recent::default();
        }
    }

    pub(super) fn judge(&mut self, slot: &Slot) -> Option<Turn> {
        self.before = Recent::of(slot);
        self.gathered.add(slot);
        let measured = self.measure();
        let holes = measured.as_ref().and(self.holes);
        let dropped = self.before.share();
        match self.blind {
            None if holes.is_some_and(|share| share >= TOLD) => {
                let reason = format!("{} before the sensor saw them.", lost(holes));
                Some(self.goes_blind(By::Holes, measured.unwrap_or_default(), reason))
            }
            None if dropped >= TOLD && self.before.dropped() >= FEW => {
                Some(self.goes_blind(By::Drops, alone(slot), self.before.told()))
            }
            Some(By::Holes) if dropped < OVER && holes.is_some_and(|share| share < OVER) => {
                let reason = format!("No more than {}.", lost(holes));
                Some(self.recovers(measured.unwrap_or_default(), reason))
            }
            // Holes that were measured before are not of what was dropped.
            Some(By::Drops) if dropped < OVER && holes.is_none_or(|share| share < OVER) => {
                let percent = 100.0 * dropped;
                let reason = format!("No more than {percent:.1}% of the packets were not read.");
                Some(self.recovers(alone(slot), reason))
            }
            _ => None,
        }
    }

    fn goes_blind(&mut self, by: By, of: Gathered, reason: String) -> Turn {
        self.blind = Some(by);
        Turn::Blind {
            since: of.start,
            window: of.window(),
            reason,
        }
    }

    fn recovers(&mut self, of: Gathered, reason: String) -> Turn {
        self.blind = None;
        Turn::Recovered {
            window: of.window(),
            reason,
        }
    }

    /// Measures the share of holes, where there is enough to; what it was measured over.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share needs no more than 53 bits"
    )]
    fn measure(&mut self) -> Option<Gathered> {
        let (octets, lost) = (self.gathered.bin.octets, self.gathered.bin.lost);
        if self.gathered.slots < SLOTS || octets + lost < OCTETS {
            return None;
        }
        self.holes = Some(lost as f64 / (octets + lost) as f64);
        Some(self.gathered.take())
    }
}

/// A slot alone.
fn alone(slot: &Slot) -> Gathered {
    let mut gathered = Gathered::default();
    gathered.add(slot);
    gathered
}

fn lost(share: Option<f64>) -> String {
    let percent = 100.0 * share.unwrap_or_default();
    format!("{percent:.1}% of the octets of mail and DNS over TCP were lost")
}
