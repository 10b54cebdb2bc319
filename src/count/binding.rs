//! What was said of addresses on a LAN, told to correlation once in a while: machines say it
//! again and again, and a flood of it must cost nothing.

use super::tally::Tally;
use super::{shard_of, slots};
use crate::decode::lan::{Binding, Said};
use crate::time::{NANOS, Timestamp};
use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};
use std::hash::BuildHasher as _;

/// How long what was told is not told again, in nanoseconds: often enough for what is forgotten
/// after hours, and machines ask for their router's address every minute or so.
const AGAIN: i64 = 600 * NANOS;
/// What was told lately, of a shard: 16 octets each. A power of two, and with all shards for
/// some 30,000 addresses.
const REMEMBERED: usize = 512;
/// What a shard tells in a second. Over all shards that is ten times a large campus waking up,
/// and what is left out is said again.
const TOLD_A_SECOND: u32 = 32;

/// What was told lately, each in the place that its hash names; another in the same place makes
/// it forgotten, and then it is told once more.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bindings {
    #[serde(
        serialize_with = "slots::write",
        deserialize_with = "slots::read::<REMEMBERED, _>"
    )]
    told: Box<[(u64, Timestamp)]>,
    /// The newest second, and how much was told in it.
    second: (i64, u32),
}

/// What becomes of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    Told,
    Known,
    TooMany,
}

impl Default for Bindings {
    fn default() -> Self {
        Self {
            told: vec![(0, Timestamp::MIN); REMEMBERED].into_boxed_slice(),
            second: (i64::MIN, 0),
        }
    }
}

impl Bindings {
    fn telling(&mut self, said: &Said, time: Timestamp) -> Telling {
        let hash = FixedState::default().hash_one(said);
        #[expect(clippy::cast_possible_truncation, reason = "reduced right away")]
        let slot = &mut self.told[hash as usize % REMEMBERED];
        if slot.0 == hash && time.nanos_since(slot.1) < AGAIN {
            return Telling::Known;
        }
        if time.second() > self.second.0 {
            self.second = (time.second(), 0);
        }
        if self.second.1 == TOLD_A_SECOND {
            return Telling::TooMany;
        }
        self.second.1 += 1;
        *slot = (hash, time);
        Telling::Told
    }
}

impl Tally {
    /// Takes in what was said of an address; of a `late` one only that it came.
    pub(super) fn binding(&mut self, binding: &Binding, late: bool) {
        self.packets.decoded += 1;
        if late {
            return;
        }
        let shard = &mut self.shards[shard_of(binding.said.addr)];
        match shard.bindings.telling(&binding.said, binding.time) {
            Telling::Told => self.second(binding.time).delta.bindings.push(*binding),
            Telling::Known => {}
            Telling::TooMany => self.packets.untold += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::lan::How;
    use crate::host::HostAddr;

    fn said(addr: u8, mac: u8) -> Said {
        Said {
            addr: HostAddr::from_v4([192, 0, 2, addr]),
            mac: [2, 0, 0, 0, 0, mac],
            how: How::Arp,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_parts(second, 0)
    }

    #[test]
    fn chatter_is_told_every_ten_minutes_and_a_change_at_once() {
        let mut bindings = Bindings::default();
        assert_eq!(bindings.telling(&said(1, 1), at(0)), Telling::Told);
        assert_eq!(bindings.telling(&said(1, 1), at(599)), Telling::Known);
        assert_eq!(bindings.telling(&said(1, 2), at(599)), Telling::Told);
        assert_eq!(bindings.telling(&said(1, 1), at(600)), Telling::Told);
        let leased = Said {
            how: How::Dhcp,
            ..said(1, 1)
        };
        assert_eq!(bindings.telling(&leased, at(601)), Telling::Told);
    }

    #[test]
    fn a_flood_is_cut_off_within_its_second_and_what_was_left_out_may_come_again() {
        let mut bindings = Bindings::default();
        let flood = |bindings: &mut Bindings, second| {
            let each = (0..=255).map(|mac| bindings.telling(&said(1, mac), at(second)));
            each.filter(|telling| *telling == Telling::Told).count()
        };
        assert_eq!(flood(&mut bindings, 0), TOLD_A_SECOND as usize);
        assert_eq!(bindings.telling(&said(2, 0), at(0)), Telling::TooMany);
        // A packet from before, which came out of order, does not open the second again.
        assert_eq!(bindings.telling(&said(2, 0), at(-1)), Telling::TooMany);
        assert_eq!(bindings.telling(&said(2, 0), at(1)), Telling::Told);
    }
}
