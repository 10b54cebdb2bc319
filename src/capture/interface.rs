//! An interface of a pcapng section and its clock. Uses [`super::order`] and `pcap-parser`'s
//! Interface Description Block; [`super::pcapng`] keeps a table of them.

use super::frame::LinkType;
use super::order::Order;
use crate::time::{NANOS, Timestamp};
use pcap_parser::InterfaceDescriptionBlock;

/// What the packets of an interface have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    pub(super) link: LinkType,
    /// Longest captured length, for Simple Packet Blocks; 0 is no limit.
    pub(super) snaplen: u32,
    pub(super) clock: Clock,
}

/// How a time stamp becomes nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    unit: Unit,
    /// Nanoseconds to add, from `if_tsoffset`.
    offset: i128,
}

/// The unit of a time stamp (`if_tsresol`), so that the usual ones need no division.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// A second or a decimal part down to a nanosecond: times this.
    Times(u64),
    /// A decimal part smaller than a nanosecond: divided by this.
    Divided(u128),
    /// 2 to the minus this.
    Binary(u32),
}

impl Interface {
    pub(super) fn new(block: &InterfaceDescriptionBlock<'_>, order: Order) -> Self {
        let offset = match order {
            Order::Little => block.if_tsoffset,
            // pcap-parser 0.17 reads this option as little-endian whatever the section is.
            Order::Big => block.if_tsoffset.swap_bytes(),
        };
        Self {
            link: LinkType(u32::try_from(block.linktype.0).unwrap_or(u32::MAX)),
            snaplen: block.snaplen,
            // Its `ts_resolution()` refuses all powers of two, hence the octet itself.
            clock: Clock::new(block.if_tsresol, offset),
        }
    }
}

impl Clock {
    /// From `if_tsresol` and `if_tsoffset` (draft-ietf-opsawg-pcapng, section 4.2).
    pub(super) fn new(resolution: u8, offset_seconds: i64) -> Self {
        let power = u32::from(resolution & 0x7f);
        let unit = if resolution & 0x80 != 0 {
            Unit::Binary(power)
        } else if power <= 9 {
            Unit::Times(10_u64.pow(9 - power))
        } else {
            // Beyond the 38 digits that fit, 64 bits of such units are no nanosecond.
            Unit::Divided(10_u128.checked_pow(power - 9).unwrap_or(u128::MAX))
        };
        Self {
            unit,
            offset: i128::from(offset_seconds) * i128::from(NANOS),
        }
    }

    /// The time of a packet; saturates like [`Timestamp`].
    pub(super) fn time(&self, high: u32, low: u32) -> Timestamp {
        let count = u64::from(high) << 32 | u64::from(low);
        let nanos = match self.unit {
            Unit::Times(factor) => u128::from(count) * u128::from(factor),
            Unit::Divided(divisor) => u128::from(count) / divisor,
            // 64 and 30 bits: fits, and a shift of at most 127 is defined.
            Unit::Binary(shift) => (u128::from(count) * u128::from(NANOS.unsigned_abs())) >> shift,
        };
        // Each at most 94 bits, so that neither step of this sum saturates by itself.
        let nanos = self.offset.saturating_add_unsigned(nanos);
        let end = if nanos < 0 { i64::MIN } else { i64::MAX };
        Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(resolution: u8, offset: i64, count: u64) -> i64 {
        let half = |shift| u32::try_from(count >> shift & u64::from(u32::MAX)).unwrap();
        Clock::new(resolution, offset)
            .time(half(32), half(0))
            .nanos()
    }

    #[test]
    fn every_resolution() {
        assert_eq!(time(0, 0, 7), 7 * NANOS);
        assert_eq!(time(6, 0, 1_340_954_905_298_858), 1_340_954_905_298_858_000);
        assert_eq!(
            time(9, 0, 1_340_954_905_298_858_123),
            1_340_954_905_298_858_123
        );
        assert_eq!(time(12, 0, 1_999), 1);
        assert_eq!(time(127, 0, u64::MAX), 0);
        assert_eq!(time(0x80, 0, 7), 7 * NANOS);
        assert_eq!(time(0x81, 0, 3), NANOS + NANOS / 2);
        assert_eq!(time(0x94, 0, 3 << 19), NANOS + NANOS / 2);
        assert_eq!(time(0xbf, 0, 3 << 62), NANOS + NANOS / 2);
        assert_eq!(time(0xff, 0, u64::MAX), 0);
    }

    #[test]
    fn offset_and_ends() {
        assert_eq!(time(6, 5, 1), 5 * NANOS + 1_000);
        assert_eq!(time(6, -5, 1), -5 * NANOS + 1_000);
        assert_eq!(time(0, 0, u64::MAX), i64::MAX);
        assert_eq!(time(0, i64::MIN, 0), i64::MIN);
        assert_eq!(time(0, i64::MAX, u64::MAX), i64::MAX);
        // The wide middle must not saturate before the offset brings it back.
        assert_eq!(time(0, -(1 << 40), (1 << 40) + 3), 3 * NANOS);
    }
}
