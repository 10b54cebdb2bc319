//! Packet time, the only clock that the stages know. A leaf: uses nothing of ours.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A packet's time stamp: nanoseconds since 1970-01-01T00:00:00 UTC.
///
/// Times outside 1677-09-21 to 2262-04-11 saturate at the ends of that range; a capture
/// file can hold any 64-bit number there, and a wrong clock is no reason to stop.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(i64);

/// Nanoseconds in a second.
pub const NANOS: i64 = 1_000_000_000;

/// A packet this many nanoseconds behind the newest one is late: it counts in totals and in
/// no second.
pub const REORDER: i64 = 2 * NANOS;

impl Timestamp {
    /// The earliest time that can be told.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time that can be told.
    pub const MAX: Self = Self(i64::MAX);

    /// The wall clock's time: for what happens without a packet, never for a packet.
    #[must_use]
    pub fn now() -> Self {
        Self::from_units(jiff::Timestamp::now().as_nanosecond(), 1_000_000_000)
    }

    /// From nanoseconds since the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From seconds and nanoseconds, which are added; saturates.
    #[must_use]
    pub const fn from_parts(seconds: i64, nanos: i64) -> Self {
        Self(seconds.saturating_mul(NANOS).saturating_add(nanos))
    }

    /// From a count of `1/units_per_second` since the epoch (as pcapng counts), saturating.
    #[must_use]
    pub fn from_units(units: i128, units_per_second: u64) -> Self {
        let nanos = units.saturating_mul(i128::from(NANOS)) / i128::from(units_per_second.max(1));
        Self(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The UTC second that this time lies in (floor, also before 1970).
    #[must_use]
    pub const fn second(self) -> i64 {
        self.0.div_euclid(NANOS)
    }

    /// This time moved by `nanos`, saturating.
    #[must_use]
    pub const fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Nanoseconds from `earlier` to this time, saturating.
    #[must_use]
    pub const fn nanos_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// RFC 3339 in UTC with microseconds, as the events write it (cut, not rounded).
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_nanosecond(i128::from(self.0))
            .expect("jiff holds the years -9999 to 9999, an i64 of nanoseconds 1677 to 2262");
        write!(f, "{time:.6}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_utc_with_microseconds() {
        let time = Timestamp::from_parts(1_109_289_600, 123_456_789);
        assert_eq!(time.to_string(), "2005-02-25T00:00:00.123456Z");
        assert_eq!(
            Timestamp::from_parts(0, 0).to_string(),
            "1970-01-01T00:00:00.000000Z"
        );
        assert!(Timestamp::MIN.to_string().starts_with("1677-09-21T"));
        assert!(Timestamp::MAX.to_string().starts_with("2262-04-11T"));
    }

    #[test]
    fn second_is_the_floor() {
        assert_eq!(Timestamp::from_nanos(-1).second(), -1);
        assert_eq!(Timestamp::from_parts(5, 999_999_999).second(), 5);
        assert_eq!(Timestamp::from_parts(5, NANOS).second(), 6);
    }

    #[test]
    fn any_resolution_and_any_number() {
        assert_eq!(
            Timestamp::from_units(3, 2),
            Timestamp::from_parts(1, 500_000_000)
        );
        assert_eq!(
            Timestamp::from_units(i128::from(u64::MAX), 1),
            Timestamp::MAX
        );
        assert_eq!(Timestamp::from_units(i128::MIN, 1), Timestamp::MIN);
        assert_eq!(Timestamp::from_units(1, 0), Timestamp::from_parts(1, 0));
        assert_eq!(Timestamp::from_parts(i64::MAX, 1), Timestamp::MAX);
    }
}
