//! Times that a wrong clock mistakes: seconds' edges, long gaps, packets out of order.

use super::case::Case;
use super::dialogue::{MICRO, MILLI};
use super::message::kind::A;
use super::names;
use super::packet::Capture;

/// A host's name under the domain of these cases.
fn name(label: &str) -> String {
    format!("{label}.{}", names::domain(5))
}

/// One query, nothing else: no span, no bin before or after it, R² undefined.
pub(super) fn one_packet() -> Capture {
    Case::new().query(&name("mail"), A).on_ethernet()
}

/// Queries at the first and the last microsecond of seconds, and a gap of three years.
pub(super) fn second_edges() -> Capture {
    const LAST: i64 = 999_999 * MICRO;
    const THREE_YEARS: i64 = 1096 * 86_400;
    let mut case = Case::new();
    for (second, nanos) in [
        (0, 0),
        (0, LAST), // the same bin as the one before it
        (1, 0),    // a microsecond later, the next
        (1, LAST),
        (2, 0),
        (59, LAST), // minutes and hours turn
        (60, 0),
        (3599, LAST),
        (3600, 0),
        (THREE_YEARS, 0), // no reader may walk over the empty seconds between
        (THREE_YEARS, LAST),
    ] {
        case = case.at(second, nanos).query(&name("mail"), A);
    }
    case.on_ethernet()
}

/// Packets that come after later ones: by less than two seconds they still belong to their
/// second, by more they are late.
pub(super) fn late_packets() -> Capture {
    let mut case = Case::new();
    for (millis, label) in [
        (10_000, "mail"),
        (11_200, "www"),
        (12_300, "smtp"),
        (10_800, "mx"), // 1.5 s behind: counted in second 10
        (12_900, "www2"),
        (14_000, "relay"),
        (9_000, "gate"), // 5 s behind: late, in totals but in no bin
        (14_100, "www3"),
        (12_100, "mail1"), // 2.0 s behind exactly: not more than two, so not late
        (12_099, "mail2"), // and a millisecond more: late
        (15_000, "ns"),
    ] {
        case = case
            .at(millis / 1000, millis % 1000 * MILLI)
            .query(&name(label), A);
    }
    case.on_ethernet()
}
