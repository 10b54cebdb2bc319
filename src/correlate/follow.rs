//! Whether a host's mail connections follow its mail lookups: an engine looks up to deliver, a
//! prober to know.

use super::coupling::Coupling;
use super::evidence::{Family, Trail, Witness};
use super::score::{Against, Score};
use crate::time::{NANOS, Timestamp};
use crate::words::counted;
use serde::{Deserialize, Serialize};

/// A connection belongs to a lookup this long before it at the most: engines of worms queue
/// what they have looked up, most for seconds.
const SOON: i64 = 60 * NANOS;
/// A lookup has had no connection when this has passed.
const LONG: i64 = 600 * NANOS;

/// A connection after a lookup. Who validates lists may connect as well, to ask for the
/// recipient: five to one, by five of them.
const FOLLOWED: Against = Against::each(0.0, 0.0, 0.3);
/// A lookup that nothing followed, where connections are in sight: .7 of an engine's (what it
/// has cached, what has no exchanger) against all of a prober's. A bot may send most of
/// its mail where the tap does not see it, so that this buys little ([`Family::credit`]).
const NOT_FOLLOWED: Against = Against::each(0.0, 0.0, -0.36);

/// The lookups of a host that wait for a connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Follow {
    /// Time of the first and the newest lookup since the newest connection, and how many.
    waits: Option<(Timestamp, Timestamp, u64)>,
    /// Connections that followed a lookup, and lookups that none followed.
    pub followed: u64,
    /// See `followed`.
    pub alone: u64,
    /// Witnesses of connections that followed.
    trail: Trail,
}

impl Follow {
    /// A mail lookup; `seen`: mail connections are in sight at this tap, `own`: of this host. Where
    /// none is, its connections may be cut off before the tap, so that there is no lookup that one
    /// could follow, and nothing to be weighed.
    pub(super) fn lookup(&mut self, score: &mut Score, now: Timestamp, seen: bool, own: bool) {
        let (first, _, count) = self.waits.unwrap_or((now, now, 0));
        if now.nanos_since(first) > LONG {
            if seen {
                self.alone += count;
            }
            if own {
                score.add(Family::Follow, NOT_FOLLOWED, now);
            }
            self.waits = Some((now, now, 1));
        } else {
            self.waits = Some((first, now, count + 1));
        }
    }

    /// Takes in how it went from another address of the host.
    pub(super) fn merge(&mut self, other: &Self) {
        self.followed += other.followed;
        self.alone += other.alone;
        self.trail.merge(&other.trail);
    }

    /// A mail connection begins.
    pub(super) fn attempt(&mut self, score: &mut Score, witness: Witness, now: Timestamp) {
        if let Some((_, newest, _)) = self.waits.take()
            && now.nanos_since(newest) <= SOON
        {
            self.followed += 1;
            self.trail.note(witness, None);
            score.add(Family::Follow, FOLLOWED, now);
        }
    }

    /// This family in words, and the packets that show it.
    pub(super) fn explain(&self, coupling: Coupling) -> (Trail, String) {
        let text = format!(
            "opened {} within a minute of a mail lookup{}",
            counted(self.followed, "mail connection"),
            coupling.words()
        );
        (self.trail.clone(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Origin;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_parts(second, 0)
    }

    fn prober(score: &Score) -> f64 {
        score.of(Family::Follow).prober
    }

    #[test]
    fn connections_speak_against_a_prober_and_their_absence_for_one() {
        let (mut follow, mut score) = (Follow::default(), Score::default());
        for second in 0..5 {
            follow.lookup(&mut score, at(100 * second), true, true);
            let time = at(100 * second + 2);
            let origin = Origin::default();
            follow.attempt(&mut score, Witness { origin, time }, time);
        }
        assert!(prober(&score) > 1.4);
        let (trail, _) = follow.explain(Coupling::default());
        assert_ne!(trail, Trail::default());
        let (mut follow, mut score) = (Follow::default(), Score::default());
        for second in 0..20 {
            follow.lookup(&mut score, at(300 * second), true, true);
        }
        assert!(prober(&score) < -0.6 && follow.alone >= 15);
        // An engine that first looks up and then connects has not waited for so long.
        let (mut follow, mut score) = (Follow::default(), Score::default());
        for second in 0..100 {
            follow.lookup(&mut score, at(second), true, true);
        }
        assert_eq!(follow.alone, 0);
    }

    #[test]
    fn where_none_of_its_connections_is_in_sight_their_absence_weighs_nothing() {
        let (mut follow, mut score) = (Follow::default(), Score::default());
        for second in 0..20 {
            follow.lookup(&mut score, at(300 * second), true, false);
        }
        assert!(prober(&score).abs() < 1e-9);
        // But it is known, as is that of a host that asks and does not connect.
        assert!(follow.alone >= 15);
    }
}
