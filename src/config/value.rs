//! Values that have a notation of their own: moments and sizes.
//!
//! Errors are the end of a sentence that begins with the option's name.

use crate::decode::observation::DNS;
use crate::time::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Hosts keep counts by port.
const MAX_PORTS: usize = 64;

/// Reads a moment: RFC 3339 with an offset, a date or a date and time in UTC, or seconds
/// since the epoch with an optional fraction.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Some(time) = seconds(text) {
        return time;
    }
    let hint = || {
        format!(
            "`{text}` is no time: write 2005-02-25, 2005-02-25T09:00 (UTC), \
             2005-02-25T09:00:00+09:00 or seconds since 1970"
        )
    };
    // jiff's civil parser would take `[Asia/Tokyo]` or an offset and drop it, and nine hours
    // with it: what is not in our notation must not reach it.
    let civil = |octet: u8| octet.is_ascii_digit() || b"-:. Tt".contains(&octet);
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time,
        Err(_) if text.bytes().all(civil) && text.matches('-').count() == 2 => {
            let time: DateTime = text.parse().map_err(|_| hint())?;
            let zoned = time.to_zoned(TimeZone::UTC).map_err(|_| hint())?;
            zoned.timestamp()
        }
        Err(_) => return Err(hint()),
    };
    let nanos = i64::try_from(time.as_nanosecond()).map_err(|_| beyond(text))?;
    Ok(Timestamp::from_nanos(nanos))
}

/// `Some` if `text` has the form of seconds since the epoch.
///
/// Read as digits and not as a floating-point number, which could not hold the nanoseconds.
fn seconds(text: &str) -> Option<Result<Timestamp, String>> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|o| o.is_ascii_digit());
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    if fraction.len() > 9 {
        return Some(Err(format!("`{text}` is finer than nanoseconds")));
    }
    let nanos = || {
        let whole: i64 = whole.parse().ok()?;
        let fraction: i64 = format!("{fraction:0<9}").parse().ok()?;
        let nanos = whole.checked_mul(1_000_000_000)?.checked_add(fraction)?;
        nanos.checked_mul(sign)
    };
    Some(
        nanos()
            .map(Timestamp::from_nanos)
            .ok_or_else(|| beyond(text)),
    )
}

fn beyond(text: &str) -> String {
    format!("`{text}` lies outside of the years 1678 to 2261")
}

/// Reads a list of TCP ports into those before: `=` in front replaces them, `+` or nothing
/// adds to them.
pub(super) fn ports(text: &str, ports: &mut Vec<u16>) -> Result<(), String> {
    let list = match text.strip_prefix('=') {
        Some(list) => {
            ports.clear();
            list
        }
        None => text.strip_prefix('+').unwrap_or(text),
    };
    for word in list.split(',') {
        match word.trim().parse() {
            Ok(DNS) => return Err("53 is the port of the DNS".to_owned()),
            Ok(port) if port > 0 => ports.push(port),
            _ => {
                return Err(format!(
                    "`{word}` is no TCP port: write 2525,2526 to add some, =25,2525 for no others"
                ));
            }
        }
    }
    if ports.len() > MAX_PORTS {
        return Err(format!("more than {MAX_PORTS} ports"));
    }
    Ok(())
}

/// Reads a number of octets with an optional unit.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let hint = || format!("`{text}` is no size: write 512M, 1.5G or 2GiB");
    let unit_at = text
        .find(|c: char| c != '.' && !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(unit_at).ok_or_else(hint)?;
    let unit = unit_of(unit.trim_start()).ok_or_else(hint)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || number.ends_with('.') {
        return Err(hint());
    }
    let whole: u128 = whole.parse().map_err(|_| hint())?;
    let octets = whole.checked_mul(u128::from(unit)).ok_or_else(hint)?;
    // Tenths and hundredths are what people write; more digits than that change nothing.
    let fraction: String = fraction.chars().take(6).collect();
    let parts: u128 = format!("{fraction:0<6}").parse().map_err(|_| hint())?;
    let octets = octets.saturating_add(parts * u128::from(unit) / 1_000_000);
    let most = u64::try_from(isize::MAX).unwrap_or(u64::MAX);
    u64::try_from(octets)
        .ok()
        .filter(|&octets| octets <= most)
        .ok_or_else(|| format!("`{text}` is more than this machine can address"))
}

fn unit_of(text: &str) -> Option<u64> {
    Some(match text.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for (text, time) in [
            ("2005-02-25", "2005-02-25T00:00:00.000000Z"),
            ("2005-02-25 09:00", "2005-02-25T09:00:00.000000Z"),
            ("2005-02-25T09:00", "2005-02-25T09:00:00.000000Z"),
            ("2005-02-25T09", "2005-02-25T09:00:00.000000Z"),
            ("2005-02-25T09:00:30", "2005-02-25T09:00:30.000000Z"),
            ("2005-02-25 09:00:30.25", "2005-02-25T09:00:30.250000Z"),
            ("2005-02-25T09:00:00Z", "2005-02-25T09:00:00.000000Z"),
            ("2005-02-25T09:00:00+09:00", "2005-02-25T00:00:00.000000Z"),
            ("2005-02-25 09:00:00-01:30", "2005-02-25T10:30:00.000000Z"),
            ("2005-02-25T09:00+09:00", "2005-02-25T00:00:00.000000Z"),
            ("0", "1970-01-01T00:00:00.000000Z"),
            ("1109289600", "2005-02-25T00:00:00.000000Z"),
            ("1109289600.25", "2005-02-25T00:00:00.250000Z"),
            ("-0.5", "1969-12-31T23:59:59.500000Z"),
        ] {
            assert_eq!(moment(text).unwrap().to_string(), time, "{text}");
        }
        assert_eq!(
            moment("1109289600.123456789").unwrap().nanos(),
            1_109_289_600_123_456_789
        );
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "1e9",
            "today",
            "09:00",
            "2005-13-01",
            "2005-02-30",
            "2005-02-25T25:00",
            "20050225T090000",
            "2005-02-25T09:00:00[Asia/Tokyo]",
            "2005-02-25T09:00:00+26:00",
            " 2005-02-25",
            "２005-02-25",
        ] {
            let error = moment(text).unwrap_err();
            assert!(error.contains("is no time"), "{text}: {error}");
        }
        for text in ["9999-01-01", "1600-01-01T00:00:00Z", "99999999999"] {
            let error = moment(text).unwrap_err();
            assert!(error.contains("outside of the years"), "{text}: {error}");
        }
        assert!(moment("1.0000000001").unwrap_err().contains("finer"));
    }

    #[test]
    fn sizes() {
        for (text, octets) in [
            ("1048576", 1 << 20),
            ("512M", 512 << 20),
            ("512m", 512 << 20),
            ("2G", 2 << 30),
            ("1GiB", 1 << 30),
            ("1 GiB", 1 << 30),
            ("1.5G", 3 << 29),
            ("0.25T", 1 << 38),
            ("64KiB", 1 << 16),
            ("500MB", 500_000_000),
            ("7b", 7),
        ] {
            assert_eq!(size(text), Ok(octets), "{text}");
        }
        for text in [
            "", "G", "1.G", ".5G", "1..5G", "1,5G", "-1G", "1GG", "1 G iB", "1Go", "much", "１G",
        ] {
            let error = size(text).unwrap_err();
            assert!(error.contains("is no size"), "{text}: {error}");
        }
        assert!(size("99999999T").unwrap_err().contains("can address"));
    }
}
