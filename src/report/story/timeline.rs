//! How the score of a host came about: what each family of evidence weighed, over time.

use crate::correlate::Judgement;
use crate::correlate::evidence::Family;
use crate::report::event::round;
use crate::verdict::Level;

/// Moments kept at most.
pub const MOMENTS: usize = 500;

/// What was thought of a host at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// The UTC second.
    pub second: i64,
    /// The score.
    pub score: f64,
    /// How sure.
    pub level: Level,
    /// What each family weighs.
    pub families: Vec<(Family, f64)>,
}

impl Moment {
    /// What a judgement says at that second.
    #[must_use]
    pub fn of(second: i64, judgement: &Judgement) -> Self {
        let evidence = judgement.evidence.iter();
        Self {
            second,
            score: round(judgement.score),
            level: judgement.level,
            families: evidence
                .map(|piece| (piece.family, round(piece.llr)))
                .collect(),
        }
    }
}

impl Moment {
    fn says(&self) -> (Level, &[(Family, f64)]) {
        (self.level, &self.families)
    }
}

/// The moments at which anything changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline(Vec<Moment>);

impl Timeline {
    /// Adds a moment, behind the others. Where there are too many, every second one of those
    /// leaves at which neither the level changed nor evidence of another kind came.
    pub fn add(&mut self, moment: Moment) {
        if self
            .0
            .last()
            .is_some_and(|last| last.second > moment.second)
        {
            return;
        }
        // What stays the same is told twice: when it began, and until when it lasted.
        let same = |known: &Moment| known.says() == moment.says();
        if let [.., before, last] = self.0.as_mut_slice()
            && same(before)
            && same(last)
        {
            last.second = moment.second;
            return;
        }
        self.0.push(moment);
        if self.0.len() > MOMENTS {
            self.thin();
        }
    }

    /// The moments, in order.
    #[must_use]
    pub fn moments(&self) -> &[Moment] {
        &self.0
    }

    fn thin(&mut self) {
        let mut odd = false;
        let mut before: Option<(Level, usize)> = None;
        self.0.retain(|moment| {
            odd = !odd;
            let now = (moment.level, moment.families.len());
            let changes = before.replace(now) != Some(now);
            odd || changes
        });
        // Where everything changes, the eldest are needed least.
        if self.0.len() > MOMENTS {
            self.0.drain(..MOMENTS / 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(second: i64, level: Level) -> Moment {
        Moment {
            second,
            score: 0.0,
            level,
            families: vec![(Family::Mx, f64::from(i32::try_from(second).unwrap()))],
        }
    }

    #[test]
    fn the_crossing_stays() {
        let mut timeline = Timeline::default();
        for second in 0..10_000 {
            let level = if second < 4_321 {
                Level::None
            } else {
                Level::Likely
            };
            timeline.add(moment(second, level));
        }
        let moments = timeline.moments();
        assert!(moments.len() <= MOMENTS);
        let crossing = moments.iter().find(|moment| moment.level == Level::Likely);
        assert_eq!(crossing.map(|moment| moment.second), Some(4_321));
        assert_eq!(moments.last().map(|moment| moment.second), Some(9_999));
    }

    #[test]
    fn what_stays_the_same_is_told_when_it_began_and_ended() {
        let mut timeline = Timeline::default();
        for second in 1..9 {
            timeline.add(Moment {
                second,
                ..moment(1, Level::Notice)
            });
        }
        timeline.add(moment(9, Level::Notice));
        let moments = timeline.moments().iter();
        assert_eq!(moments.map(|it| it.second).collect::<Vec<_>>(), [1, 8, 9]);
    }
}
