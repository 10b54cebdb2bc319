//! The seconds of a host that may still receive a packet, each with a bin.

use serde::{Deserialize, Serialize};

/// Seconds that are open at a time: the newest and two before it may still receive a packet,
/// since one may come up to 2 s late, and one is being opened.
const OPEN: usize = 4;

/// How far back a second is closed when a new one opens.
const OPEN_SECONDS: i64 = 3;

/// Bins of the open seconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Open<B>([Option<(i64, B)>; OPEN]);

impl<B: Copy + Default> Open<B> {
    /// The bin of `second`, which must not have been closed. Seconds that can no longer receive
    /// a packet go to `fold`, in order.
    #[inline]
    pub(super) fn bin(&mut self, second: i64, mut fold: impl FnMut(i64, B)) -> &mut B {
        let at = match self.place(|open| open == Some(second)) {
            Some(at) => at,
            None => self.open(second, &mut fold),
        };
        let slot = &mut self.0[at];
        &mut slot.get_or_insert((second, B::default())).1
    }

    #[inline]
    fn place(&self, is: impl Fn(Option<i64>) -> bool) -> Option<usize> {
        let second = |slot: &Option<(i64, B)>| slot.map(|(second, _)| second);
        self.0.iter().position(|slot| is(second(slot)))
    }

    fn open(&mut self, second: i64, fold: &mut impl FnMut(i64, B)) -> usize {
        self.close(second - OPEN_SECONDS, &mut *fold);
        if let Some(free) = self.place(|open| open.is_none()) {
            return free;
        }
        // Not reached while the caller keeps late packets out; nothing is lost if it does.
        let seconds = self.0.iter().flatten().map(|(second, _)| *second);
        let earliest = seconds.min().unwrap_or(second);
        self.close(earliest, fold);
        self.place(|open| open.is_none()).unwrap_or(0)
    }

    /// Hands the seconds up to `through` to `fold`, in order.
    pub(super) fn close(&mut self, through: i64, mut fold: impl FnMut(i64, B)) {
        while let Some(slot) = self.earliest(through) {
            if let Some((second, bin)) = slot.take() {
                fold(second, bin);
            }
        }
    }

    fn earliest(&mut self, through: i64) -> Option<&mut Option<(i64, B)>> {
        let ready = |slot: &&mut Option<(i64, B)>| slot.is_some_and(|(s, _)| s <= through);
        self.0
            .iter_mut()
            .filter(ready)
            .min_by_key(|slot| slot.map(|(second, _)| second))
    }
}
