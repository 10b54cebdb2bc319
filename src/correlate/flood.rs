//! Whether one server is flooded with queries of one type: a change of the rate, and of the mix
//! of sources and of names.
//!
//! The rate is compared with what is usual, slowly learned, by a CUSUM; volume alone says
//! nothing. The mix is told by a pair of entropies (Ludeña Romaña and Musashi, 2006 to 2008):
//! what kind of flood it is follows from which of the two rose and which fell. Both rise where a
//! site wakes up in the morning, and that is no flood.
//!
//! The entropy is that of order two, by the share of pairs that are alike: of that share, pairs
//! are an estimate without bias however few there are. Shannon's, which the study used over
//! whole days, grows with the number of queries, so that over minutes any jump of the rate would
//! look like a change of the mix.

use crate::count::asked::Kind;
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_2;

/// Minutes after which what is usual has followed a change by two thirds.
const MEMORY: f64 = 30.0;
/// Minutes that must be known before anything is compared.
const WARM_UP: u32 = 10;
/// Queries in a minute that are usual anywhere: below one a second nothing is flooded.
const FLOOR: f64 = 60.0;
/// Doublings of the rate that are nothing yet; as the memory follows a change within half an
/// hour, that lets a morning rise pass which doubles every twenty minutes.
const ALLOWANCE: f64 = 1.0;
/// Doublings beyond that by which one minute counts at the most, up and down.
const STEP: f64 = 2.0;
/// Doublings, added up over minutes, at which the rate has changed: two minutes of an eightfold
/// rate, three of a fourfold one.
const CHANGED: f64 = 3.0;
/// The same at the most, so that a flood is over ten minutes after the rate is as usual, five
/// after there is none.
const MOST: f64 = 10.0;
/// Pairs of queries in a usual minute that must be known before a mix can be compared: some 250
/// within the memory, so that of a mix of sixteen sources its entropy is known to half a bit.
const PAIRS: f64 = 8.0;
/// Bits by which an entropy must move: half, or twice, as many sources or names.
const MOVED: f64 = 1.0;
/// Bits of an entropy of names that are few, and many, where nothing is known of what is usual:
/// two names, sixteen.
const FEW_MANY: (f64, f64) = (1.0, 4.0);
/// What the rate weighs at the most, a hundred to one: below `suspected`.
const RATE: f64 = 4.6;
/// What the mix weighs at the most, a thousand to one.
const MIX: f64 = 6.9;
/// Minutes after which a flood is what is usual.
const DAY: u32 = 1_440;

/// What a server was asked in a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Minute {
    /// Queries.
    pub queries: u64,
    /// Pairs of queries of one source, a pair counted in both orders.
    pub same_source: u64,
    /// Pairs of queries for one name, likewise.
    pub same_name: u64,
}

/// Of so many queries, the pairs in both orders.
#[must_use]
pub fn pairs(queries: u64) -> u64 {
    queries.saturating_mul(queries.saturating_sub(1))
}

/// Which of the two entropies fell, which rose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// Both fell: few sources ask for few names.
    Targeted,
    /// Sources rose, names fell: many ask for few names.
    SpamBot,
    /// Sources fell, names rose: few ask for many names.
    HostSearch,
}

/// What is found in a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The pattern.
    pub pattern: Pattern,
    /// Queries in the minute.
    pub queries: u64,
    /// Queries in a minute that are usual.
    pub usual: f64,
    /// What the change of the rate weighs.
    pub rate: f64,
    /// What the change of the mix weighs.
    pub mix: f64,
    /// Entropies of sources and of names in bits: usual, now.
    pub sources: (f64, f64),
    /// The same of names; what is usual is not known where hardly anybody asks.
    pub names: (Option<f64>, f64),
}

impl Found {
    /// Rate and mix together: never `suspected` (6.9) by one of them alone, as the mix counts
    /// only where the rate has changed.
    #[must_use]
    pub fn score(&self) -> f64 {
        self.rate + self.mix
    }

    /// Whether a cap cut what the rate, and the mix, weigh.
    #[must_use]
    pub fn capped(&self) -> [bool; 2] {
        [self.rate >= RATE, self.mix >= MIX]
    }
}

/// What is known of one server and type.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Watch {
    minutes: u32,
    usual: Usual,
    /// CUSUM of doublings beyond the allowance.
    excess: f64,
    /// Minutes since the rate changed.
    changed: u32,
}

/// Averages over the memory.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Usual {
    queries: f64,
    pairs: f64,
    same_source: f64,
    same_name: f64,
}

impl Watch {
    /// Takes in a minute, and says what it finds in it. Where hardly anybody makes such queries,
    /// its sources are held against `others`, the usual entropy of those of other queries.
    pub fn minute(&mut self, kind: Kind, minute: Minute, others: Option<f64>) -> Option<Found> {
        if self.minutes >= WARM_UP {
            self.compare(minute.queries);
        }
        let found = self.found(kind, minute, others);
        self.learn(minute);
        found
    }

    /// So many minutes without a query.
    pub fn silence(&mut self, minutes: u32) {
        // After the first hundred the averages are a thirtieth of what they were.
        let told = minutes.min(100);
        for _ in 0..told {
            if self.minutes >= WARM_UP {
                self.compare(0);
            }
            self.learn(Minute::default());
        }
        self.minutes = self.minutes.saturating_add(minutes - told);
    }

    /// Minutes without a query after which the rate is what it was.
    #[must_use]
    pub fn until_quiet(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 10 by its limits"
        )]
        let steps = (self.excess / STEP).ceil() as u32;
        steps
    }

    /// Whether the rate is what it was.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.excess <= 0.0
    }

    /// Doublings of the rate beyond those that are nothing yet.
    fn doublings(&self, queries: u64) -> f64 {
        let now = count(queries).max(1.0);
        (now / self.usual.queries.max(FLOOR)).log2() - ALLOWANCE
    }

    fn compare(&mut self, queries: u64) {
        let doublings = self.doublings(queries);
        self.excess = (self.excess + doublings.clamp(-STEP, STEP)).clamp(0.0, MOST);
        self.changed = if self.excess >= CHANGED || self.changed > 0 && self.excess > 0.0 {
            self.changed + 1
        } else {
            0
        };
        if self.changed > DAY {
            *self = Self::default();
        }
    }

    /// The usual entropy of sources in bits, if it is known.
    #[must_use]
    pub fn sources(&self) -> Option<f64> {
        let usual = self.usual;
        (usual.pairs >= PAIRS).then(|| entropy(usual.same_source, usual.pairs))
    }

    fn found(&self, kind: Kind, minute: Minute, others: Option<f64>) -> Option<Found> {
        // The mix of a minute that is no part of it says nothing: two queries after a flood are few
        // sources and few names.
        if self.excess < CHANGED || self.doublings(minute.queries) <= 0.0 {
            return None;
        }
        let usual = self.usual;
        let now = count(pairs(minute.queries));
        let own = self.sources();
        let sources = (own.or(others)?, entropy(count(minute.same_source), now));
        let names = (
            own.map(|_| entropy(usual.same_name, usual.pairs)),
            entropy(count(minute.same_name), now),
        );
        let source = sources.1 - sources.0;
        let (few, many) = FEW_MANY;
        let name = match names {
            (Some(before), after) => after - before,
            (None, after) if after <= few => -MOVED,
            (None, after) if after >= many => MOVED,
            (None, _) => 0.0,
        };
        let pattern = match kind {
            _ if source <= -MOVED && name <= -MOVED => Pattern::Targeted,
            _ if source <= -MOVED && name >= MOVED => Pattern::HostSearch,
            // The same of addresses is a crowd that hears of something.
            Kind::Ptr if source >= MOVED && name <= -MOVED => Pattern::SpamBot,
            _ => return None,
        };
        Some(Found {
            pattern,
            queries: minute.queries,
            usual: usual.queries,
            rate: (LN_2 * self.excess).min(RATE),
            mix: (LN_2 * (source.abs() + name.abs())).min(MIX),
            sources,
            names,
        })
    }

    /// What is usual follows slowly, and not at all where the rate has changed.
    fn learn(&mut self, minute: Minute) {
        if self.changed > 0 {
            return;
        }
        self.minutes = self.minutes.saturating_add(1);
        let part = (1.0 / f64::from(self.minutes)).max(1.0 / MEMORY);
        let follow = |usual: &mut f64, now: f64| *usual += part * (now - *usual);
        let usual = &mut self.usual;
        let queries = count(minute.queries);
        let limit = 2.0 * usual.queries.max(FLOOR);
        if self.minutes > WARM_UP && queries > limit {
            // It may be the begin of a flood.
            follow(&mut usual.queries, limit);
            return;
        }
        follow(&mut usual.queries, queries);
        follow(&mut usual.pairs, count(pairs(minute.queries)));
        follow(&mut usual.same_source, count(minute.same_source));
        follow(&mut usual.same_name, count(minute.same_name));
    }
}

/// Bits, where so many of the pairs are alike; of pairs none of which is, as if one were.
fn entropy(alike: f64, pairs: f64) -> f64 {
    (pairs / alike.max(1.0)).log2().max(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "16 digits are enough")]
fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::Rng as _;
    use rand_pcg::Pcg32;

    /// `queries` of so many sources and names, each as likely.
    fn mix(dice: &mut Pcg32, queries: u64, sources: u32, names: u32) -> [Vec<u64>; 2] {
        let mut groups = [vec![0; sources as usize], vec![0; names as usize]];
        for _ in 0..queries {
            for group in &mut groups {
                let at = dice.next_u32() as usize % group.len();
                group[at] += 1;
            }
        }
        groups
    }

    fn minute(mixes: &[[Vec<u64>; 2]]) -> Minute {
        let mut minute = Minute::default();
        for [sources, names] in mixes {
            minute.queries += sources.iter().sum::<u64>();
            minute.same_source += sources.iter().copied().map(pairs).sum::<u64>();
            minute.same_name += names.iter().copied().map(pairs).sum::<u64>();
        }
        minute
    }

    /// A server at which 40 sources ask for 60 names, 90 times a minute, for an hour.
    fn usual(dice: &mut Pcg32, kind: Kind) -> Watch {
        let mut watch = Watch::default();
        for _ in 0..60 {
            let all = mix(dice, 90, 40, 60);
            assert_eq!(watch.minute(kind, minute(&[all]), None), None);
        }
        watch
    }

    /// What is found when, from one minute to the next, so many queries come on top.
    fn flood(kind: Kind, queries: u64, sources: u32, names: u32) -> Vec<Found> {
        let mut dice = Pcg32::new(1, 2);
        let mut watch = usual(&mut dice, kind);
        (0..10)
            .filter_map(|_| {
                let all = mix(&mut dice, 90, 40, 60);
                let more = mix(&mut dice, queries, sources, names);
                watch.minute(kind, minute(&[all, more]), None)
            })
            .collect()
    }

    #[test]
    fn the_three_patterns() {
        for (sources, names, pattern) in [
            (1, 1, Pattern::Targeted),
            (1, 4000, Pattern::HostSearch),
            (900, 1, Pattern::SpamBot),
        ] {
            let found = flood(Kind::Ptr, 2000, sources, names);
            let first = found.first().expect("found");
            assert_eq!(first.pattern, pattern);
            // In the second minute, as one counts for two doublings at the most.
            assert_eq!(found.len(), 9, "{pattern:?}");
            let last = found.last().unwrap();
            assert!(last.score() >= 6.9, "{last:?}");
        }
        // A search is only suspected: names that differ fall into 256 groups, and are many
        // before it already.
        let likely = |sources, names| {
            let found = flood(Kind::Ptr, 20_000, sources, names);
            found.last().unwrap().score() >= 11.5
        };
        assert!(likely(1, 1) && likely(900, 1) && !likely(1, 256));
    }

    /// A crowd hears of something, which is no flood; when it has gone, two queries are left.
    #[test]
    fn few_queries_after_many_are_no_flood() {
        let mut dice = Pcg32::new(1, 9);
        let mut watch = usual(&mut dice, Kind::A);
        for _ in 0..3 {
            let crowd = mix(&mut dice, 5_000, 900, 1);
            assert_eq!(watch.minute(Kind::A, minute(&[crowd]), None), None);
        }
        let left = mix(&mut dice, 2, 1, 1);
        assert_eq!(watch.minute(Kind::A, minute(&[left]), None), None);
        assert!(!watch.is_quiet());
    }

    /// Where nobody asks for names of addresses, who asks is known of other queries.
    #[test]
    fn a_flood_of_what_nobody_asks() {
        let mut dice = Pcg32::new(1, 3);
        let addresses = usual(&mut dice, Kind::A);
        let pattern = |sources, names| {
            let mut dice = Pcg32::new(1, 4);
            let mut watch = Watch::default();
            watch.silence(60);
            let mut minutes = (0..5).map(|_| {
                let flood = minute(&[mix(&mut dice, 2000, sources, names)]);
                watch.minute(Kind::Ptr, flood, addresses.sources())
            });
            minutes.find_map(|found| Some(found?.pattern))
        };
        assert_eq!(pattern(1, 1), Some(Pattern::Targeted));
        assert_eq!(pattern(1, 200), Some(Pattern::HostSearch));
        assert_eq!(pattern(900, 1), Some(Pattern::SpamBot));
        assert_eq!(pattern(40, 200), None);
        assert_eq!(pattern(1, 6), None);
    }

    #[test]
    fn a_crowd_is_no_flood_of_a_queries() {
        // Everybody looks up what the news tell of.
        assert_eq!(flood(Kind::A, 5000, 900, 1), []);
        assert_eq!(flood(Kind::A, 5000, 900, 3), []);
        // More of everything, or of everybody the same as before.
        for kind in [Kind::A, Kind::Ptr] {
            assert_eq!(flood(kind, 5000, 900, 900), []);
            assert_eq!(flood(kind, 5000, 40, 60), []);
        }
        // A few at one name is one.
        assert!(!flood(Kind::A, 5000, 2, 1).is_empty());
    }

    #[test]
    fn a_change_of_the_mix_without_the_rate_is_none() {
        let mut dice = Pcg32::new(3, 4);
        let mut watch = usual(&mut dice, Kind::Ptr);
        for _ in 0..60 {
            let other = mix(&mut dice, 110, 1, 1);
            assert_eq!(watch.minute(Kind::Ptr, minute(&[other]), None), None);
        }
    }

    /// A campus over two days: the rate from 3 in the night to 30 a second, sources and names
    /// with it, by a fifth more or less from minute to minute.
    #[test]
    fn a_day_curve_is_no_flood_and_neither_is_a_morning() {
        let mut dice = Pcg32::new(5, 6);
        for kind in [Kind::A, Kind::Ptr] {
            let mut watch = Watch::default();
            for time in 0..2 * 1440 {
                let phase = f64::from(time) / 1440.0 * std::f64::consts::TAU;
                let level = 1.0 - 0.82 * phase.cos();
                let noise = 0.8 + f64::from(dice.next_u32() % 401) / 1000.0;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "small numbers"
                )]
                let [queries, sources, names] =
                    [1000.0 * level * noise, 150.0 * level, 400.0 * level].map(|it| it as u32);
                let all = mix(&mut dice, queries.into(), sources, names);
                assert_eq!(watch.minute(kind, minute(&[all]), None), None, "{time}");
                assert!(watch.is_quiet(), "{time}");
            }
            // Half past eight: ten times as much within a minute.
            for _ in 0..20 {
                let all = mix(&mut dice, 1800, 250, 700);
                assert_eq!(watch.minute(kind, minute(&[all]), None), None);
            }
        }
    }

    #[test]
    fn a_flood_ends_and_another_is_found() {
        let mut dice = Pcg32::new(7, 8);
        let mut watch = usual(&mut dice, Kind::Ptr);
        let mut over = Vec::new();
        for _ in 0..2 {
            for _ in 0..300 {
                let more = mix(&mut dice, 5000, 1, 1);
                watch.minute(Kind::Ptr, minute(&[more]), None);
            }
            assert!(!watch.is_quiet());
            assert_eq!(watch.until_quiet(), 5);
            let mut minutes = 0;
            while !watch.is_quiet() {
                let all = mix(&mut dice, 90, 40, 60);
                watch.minute(Kind::Ptr, minute(&[all]), None);
                minutes += 1;
            }
            over.push(minutes);
        }
        // The allowance of one doubling and what is usual: a step down of one at least.
        assert!(
            over.iter().all(|minutes| (5..=20).contains(minutes)),
            "{over:?}"
        );
        watch.minute(Kind::Ptr, minute(&[mix(&mut dice, 5000, 1, 1)]), None);
        let quiet = watch.until_quiet();
        watch.silence(quiet);
        assert!(watch.is_quiet());
    }

    #[test]
    fn what_goes_on_for_a_day_is_usual() {
        let mut dice = Pcg32::new(9, 1);
        let mut watch = usual(&mut dice, Kind::Ptr);
        let more = minute(&[mix(&mut dice, 5000, 1, 1)]);
        let found = (0..3 * 1440).filter_map(|_| watch.minute(Kind::Ptr, more, None));
        assert_eq!(found.count(), 1440);
        assert!(watch.is_quiet());
    }

    #[test]
    fn nothing_is_compared_with_nothing() {
        let mut watch = Watch::default();
        let many = Minute {
            queries: 100_000,
            same_source: pairs(100_000),
            same_name: pairs(100_000),
        };
        // From the begin on: it may be as usual here.
        assert!((0..50).all(|_| watch.minute(Kind::Ptr, many, None).is_none()));
        // After silence, of which there is no mix.
        let mut watch = Watch::default();
        watch.silence(u32::MAX);
        assert!((0..50).all(|_| watch.minute(Kind::Ptr, many, None).is_none()));
    }

    /// A jump of the rate alone moves no entropy, however few queries were usual.
    #[test]
    fn the_rate_does_not_move_the_entropies() {
        let mut dice = Pcg32::new(11, 12);
        let mut watch = Watch::default();
        for _ in 0..600 {
            watch.minute(Kind::Ptr, minute(&[mix(&mut dice, 12, 40, 60)]), None);
        }
        for queries in [200, 2000, 20_000] {
            let many = minute(&[mix(&mut dice, queries, 40, 60)]);
            let all = count(pairs(queries));
            let moved = |usual, now| entropy(count(now), all) - entropy(usual, watch.usual.pairs);
            assert!(moved(watch.usual.same_source, many.same_source).abs() < 0.5);
            assert!(moved(watch.usual.same_name, many.same_name).abs() < 0.5);
        }
    }
}
