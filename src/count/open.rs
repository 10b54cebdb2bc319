//! The seconds of a host that may still receive a packet, each with a bin.

use serde::{Deserialize, Serialize};

/// Seconds that are kept in place: the newest and two before it may still receive a packet,
/// since one may come up to 2 s late, and one is being opened.
const OPEN: usize = 4;

/// No second: before any that a packet can have.
const NONE: i64 = i64::MIN;

/// Bins of the open seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Open<B> {
    /// Apart from the bins, since they are looked through for each packet.
    seconds: [i64; OPEN],
    bins: [B; OPEN],
    /// Further ones, where a capture thread is seconds behind another: how many, is bounded by
    /// whoever reads from both.
    more: Option<Box<Self>>,
}

impl<B: Copy + Default> Default for Open<B> {
    fn default() -> Self {
        Self {
            seconds: [NONE; OPEN],
            bins: [B::default(); OPEN],
            more: None,
        }
    }
}

impl<B: Copy + Default> Open<B> {
    /// The bin of `second`, which must be later than `closed`. If it is a new one, the seconds up
    /// to `closed`, which can no longer receive a packet, go to `fold`, in order.
    #[inline]
    pub(super) fn bin(
        &mut self,
        second: i64,
        closed: i64,
        fold: &mut impl FnMut(i64, B),
    ) -> &mut B {
        let at = match self.place(second) {
            Some(at) => at,
            None => match self.free(closed, fold) {
                Some(at) => {
                    self.seconds[at] = second;
                    at
                }
                None => return self.more.get_or_insert_default().bin(second, closed, fold),
            },
        };
        &mut self.bins[at]
    }

    /// Whether that second is open.
    #[inline]
    pub(super) fn holds(&self, second: i64) -> bool {
        self.place(second).is_some()
    }

    #[inline]
    fn place(&self, second: i64) -> Option<usize> {
        self.seconds.iter().position(|open| *open == second)
    }

    /// A place for another second; none while there are seconds beyond these, of which it may be
    /// one.
    fn free(&mut self, closed: i64, fold: &mut impl FnMut(i64, B)) -> Option<usize> {
        self.close(closed, fold);
        self.place(NONE).filter(|_| self.more.is_none())
    }

    /// Hands the seconds up to `through` to `fold`, in order.
    #[inline]
    pub(super) fn close(&mut self, through: i64, fold: &mut impl FnMut(i64, B)) {
        while let Some(earliest) = self.earliest().filter(|earliest| *earliest <= through) {
            if let Some(bin) = self.take(earliest) {
                fold(earliest, bin);
            }
        }
        if self.more.as_ref().is_some_and(|more| more.is_empty()) {
            self.more = None;
        }
    }

    fn earliest(&self) -> Option<i64> {
        let here = self.seconds.iter().copied().filter(|open| *open != NONE);
        let beyond = self.more.as_ref().and_then(|more| more.earliest());
        here.chain(beyond).min()
    }

    fn take(&mut self, second: i64) -> Option<B> {
        if let Some(at) = self.place(second) {
            self.seconds[at] = NONE;
            return Some(std::mem::take(&mut self.bins[at]));
        }
        self.more.as_mut()?.take(second)
    }

    fn is_empty(&self) -> bool {
        self.earliest().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What was folded of `packets`, each a second, where seconds up to `closed` are closed
    /// before each.
    fn folded(packets: &[(i64, i64)]) -> Vec<(i64, u32)> {
        let mut open: Open<u32> = Open::default();
        let mut folded = Vec::new();
        let fold = &mut |second, bin| folded.push((second, bin));
        for &(second, closed) in packets {
            *open.bin(second, closed, fold) += 1;
        }
        open.close(i64::MAX, fold);
        assert!(open.is_empty());
        folded
    }

    #[test]
    fn a_second_is_folded_when_it_is_closed_and_not_before() {
        // A thread at second 20, and one that still brings what is of 10 and 11.
        let packets = [10, 20, 21, 22, 23, 24, 10, 25, 11, 24, 10].map(|second| (second, 9));
        let told = folded(&packets);
        assert_eq!(
            told,
            [
                (10, 3),
                (11, 1),
                (20, 1),
                (21, 1),
                (22, 1),
                (23, 1),
                (24, 2),
                (25, 1)
            ]
        );
    }

    proptest! {
        /// Each second is folded once, in order, with all of its packets.
        #[test]
        fn nothing_is_folded_twice(steps in prop::collection::vec((0_i64..12, 0_i64..3), 0..200)) {
            let mut closed = 0;
            let mut packets = Vec::new();
            for (ahead, step) in steps {
                closed += step;
                packets.push((closed + 1 + ahead, closed));
            }
            let mut counts = std::collections::BTreeMap::new();
            for (second, _) in &packets {
                *counts.entry(*second).or_insert(0) += 1;
            }
            prop_assert_eq!(folded(&packets), counts.into_iter().collect::<Vec<_>>());
        }
    }
}
