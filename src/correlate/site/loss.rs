//! Octets that were sent and never seen.

use super::{Gathered, Slot, Turn};
use serde::{Deserialize, Serialize};

/// Slots that are judged together at the least.
const SLOTS: u32 = 2;

/// Octets of mail and DNS in TCP without which nothing is said: some seven hundred full
/// segments, of which seven are lost at one in a hundred.
const OCTETS: u64 = 1_000_000;

/// From so much on it is told. At one packet in a hundred, one mail session in five lacks one of
/// its twenty.
const TOLD: f64 = 0.01;

/// Below so much it is over.
const OVER: f64 = 0.005;

/// Watches the holes in TCP connections.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Loss {
    gathered: Gathered,
    share: Option<f64>,
    blind: bool,
}

impl Loss {
    /// The share that was last measured.
    pub(super) fn share(&self) -> Option<f64> {
        self.share
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a share needs no more than 53 bits"
    )]
    pub(super) fn judge(&mut self, slot: &Slot) -> Option<Turn> {
        self.gathered.add(slot);
        let (octets, lost) = (self.gathered.bin.octets, self.gathered.bin.lost);
        if self.gathered.slots < SLOTS || octets + lost < OCTETS {
            return None;
        }
        let share = lost as f64 / (octets + lost) as f64;
        self.share = Some(share);
        let gathered = self.gathered.take();
        let since = gathered.start;
        let window = gathered.window();
        let percent = 100.0 * share;
        let what = format!("{percent:.1}% of the octets of mail and DNS over TCP were lost");
        if !self.blind && share >= TOLD {
            self.blind = true;
            let reason = format!("{what} before the sensor saw them.");
            return Some(Turn::Blind {
                since,
                window,
                reason,
            });
        }
        if self.blind && share < OVER {
            self.blind = false;
            let reason = format!("No more than {what}.");
            return Some(Turn::Recovered { window, reason });
        }
        None
    }
}
