//! What a host asked per second, by type, over any time in a bounded number of buckets.

use crate::count::delta::HostBin;

/// Buckets at most: more are no wider than a line in a picture.
pub const BUCKETS: usize = 400;

/// Lengths of a bucket in seconds, each a multiple of the one before; then twice as long each.
const WIDTHS: [i64; 12] = [
    1, 2, 10, 30, 60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400,
];

/// Queries of a host by type, and mail connections: a sum, or the most in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Queries of any type.
    pub total: u64,
    /// A.
    pub a: u64,
    /// MX.
    pub mx: u64,
    /// PTR.
    pub ptr: u64,
    /// AAAA.
    pub aaaa: u64,
    /// Any other type.
    pub other: u64,
    /// Mail connections begun.
    pub smtp: u64,
}

impl Counts {
    fn of(bin: &HostBin) -> Self {
        let [a, mx, ptr] = [bin.a.t, bin.mx, bin.ptr].map(u64::from);
        let [aaaa, other, smtp] = [bin.aaaa, bin.other, bin.smtp_attempts].map(u64::from);
        Self {
            total: a + mx + ptr + aaaa + other,
            a,
            mx,
            ptr,
            aaaa,
            other,
            smtp,
        }
    }

    fn with(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            total: f(self.total, other.total),
            a: f(self.a, other.a),
            mx: f(self.mx, other.mx),
            ptr: f(self.ptr, other.ptr),
            aaaa: f(self.aaaa, other.aaaa),
            other: f(self.other, other.other),
            smtp: f(self.smtp, other.smtp),
        }
    }
}

/// What a host did in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// In all of it.
    pub sum: Counts,
    /// In its busiest second, each type for itself.
    pub peak: Counts,
}

impl Bucket {
    fn plus(self, other: Self) -> Self {
        Self {
            sum: self.sum.with(other.sum, |one, more| one + more),
            peak: self.peak.with(other.peak, u64::max),
        }
    }
}

/// A host's queries over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// The UTC second that the first bucket begins with, a multiple of `width`.
    start: i64,
    /// Length of a bucket in seconds.
    width: i64,
    buckets: Vec<Bucket>,
}

impl Rates {
    /// Adds a second's bin. Seconds come in order.
    pub fn add(&mut self, second: i64, bin: &HostBin) {
        if self.buckets.is_empty() {
            (self.start, self.width) = (second, 1);
        }
        while self.place(second) >= BUCKETS {
            self.widen();
        }
        let place = self.place(second);
        if self.buckets.len() <= place {
            self.buckets.resize(place + 1, Bucket::default());
        }
        let counts = Counts::of(bin);
        if let Some(bucket) = self.buckets.get_mut(place) {
            *bucket = bucket.plus(Bucket {
                sum: counts,
                peak: counts,
            });
        }
    }

    /// Length of a bucket in seconds.
    #[must_use]
    pub fn width(&self) -> i64 {
        self.width
    }

    /// The buckets, each with the second that it begins with.
    pub fn buckets(&self) -> impl Iterator<Item = (i64, &Bucket)> + '_ {
        let starts = std::iter::successors(Some(self.start), |start| start.checked_add(self.width));
        starts.zip(&self.buckets)
    }

    /// Everything together.
    #[must_use]
    pub fn all(&self) -> Bucket {
        let zero = Bucket::default();
        self.buckets.iter().fold(zero, |sum, more| sum.plus(*more))
    }

    fn place(&self, second: i64) -> usize {
        let seconds = second.saturating_sub(self.start).max(0);
        usize::try_from(seconds / self.width.max(1)).unwrap_or(usize::MAX)
    }

    /// Makes buckets longer.
    fn widen(&mut self) {
        let width = WIDTHS.into_iter().find(|width| *width > self.width);
        let width = width.unwrap_or(self.width.saturating_mul(2));
        let start = self.start.div_euclid(width) * width;
        let mut wider: Vec<Bucket> = Vec::new();
        for (from, bucket) in self.buckets() {
            let place = usize::try_from((from - start) / width).unwrap_or(usize::MAX);
            while wider.len() <= place {
                wider.push(Bucket::default());
            }
            if let Some(to) = wider.get_mut(place) {
                *to = to.plus(*bucket);
            }
        }
        (self.start, self.width, self.buckets) = (start, width, wider);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bin(mx: u32) -> HostBin {
        HostBin {
            mx,
            ..HostBin::default()
        }
    }

    #[test]
    fn nothing_is_lost_however_long_it_takes() {
        let mut rates = Rates::default();
        for second in 0..86_400 {
            rates.add(
                1_000_007 + second,
                &bin(if second == 50_000 { 9 } else { 1 }),
            );
        }
        assert_eq!(rates.width(), 300);
        assert!(rates.buckets().count() <= BUCKETS);
        let all = rates.all();
        assert_eq!(
            (all.sum.mx, all.sum.total, all.peak.mx),
            (86_408, 86_408, 9)
        );
        // Five minutes begin where they do on a clock.
        assert!(rates.buckets().all(|(start, _)| start % 300 == 0));
    }

    #[test]
    fn a_gap_of_years_is_no_loop() {
        let mut rates = Rates::default();
        rates.add(0, &bin(1));
        rates.add(i64::MAX / 4, &bin(2));
        assert_eq!(rates.all().sum.mx, 3);
        assert!(rates.buckets().count() <= BUCKETS);
    }
}
