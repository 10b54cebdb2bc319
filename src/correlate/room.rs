//! Room in a full table: a sixteenth of it leaves at once, so that a flood does not cost a search
//! for each that comes.

/// Those of a table for `bound` that leave for others: a sixteenth, the least in rank, in no
/// order.
pub(super) fn leaving<R: Ord>(ranks: impl Iterator<Item = R>, bound: usize) -> Vec<R> {
    let mut ranked: Vec<R> = ranks.collect();
    let count = bound / 16;
    if count < ranked.len() {
        ranked.select_nth_unstable(count);
    }
    ranked.truncate(count);
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_leave() {
        let mut gone = leaving((0..64).rev(), 64);
        gone.sort_unstable();
        assert_eq!(gone, [0, 1, 2, 3]);
        assert_eq!(leaving([7].into_iter(), 64), [7]);
    }
}
