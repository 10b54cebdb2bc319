//! The walk over a pcap file (draft-ietf-opsawg-pcap). Uses [`super::window`] and
//! [`super::order`]; [`super::walk`] drives it.

use super::frame::LinkType;
use super::order::Order;
use super::record::{MAX_CAPTURED, Record, Stop};
use super::window::Window;
use crate::time::Timestamp;

/// Length of the file header.
const FILE_HEADER: usize = 24;
/// Length of a record header.
const RECORD_HEADER: usize = 16;
/// Length of a record header of the "modified" format of old Linux patches, which adds the
/// interface, protocol and packet type: `struct pcap_sf_patched_pkthdr` of libpcap's
/// `sf-pcap.c`.
const MODIFIED_HEADER: usize = 24;

/// What the first four octets of a pcap file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Magic {
    order: Order,
    /// Nanoseconds in a unit of the second time stamp field.
    unit: i64,
    record_header: usize,
}

impl Magic {
    /// Recognises a pcap file by its first octets.
    pub(super) fn read(octets: [u8; 4]) -> Option<Self> {
        [Order::Little, Order::Big].into_iter().find_map(|order| {
            let (unit, record_header) = match order.u32(octets) {
                0xa1b2_c3d4 => (1_000, RECORD_HEADER),
                0xa1b2_3c4d => (1, RECORD_HEADER),
                0xa1b2_cd34 => (1_000, MODIFIED_HEADER),
                _ => return None,
            };
            Some(Self {
                order,
                unit,
                record_header,
            })
        })
    }
}

/// What the file header said, and how many records came since.
pub(super) struct Pcap {
    magic: Magic,
    link: LinkType,
    /// Before version 2.4 some writers had the two lengths of a record the other way round.
    old: bool,
    number: u64,
}

impl Pcap {
    /// Reads the file header.
    pub(super) fn open(window: &mut Window, magic: Magic) -> Result<Self, Stop> {
        if !window.fill(FILE_HEADER)? {
            return Err(Stop::ended(window, || "the file header".to_owned()));
        }
        let header = magic.order.numbers(window.bytes());
        let [_, version, _zone, _accuracy, _snaplen, network] = header.unwrap_or_default();
        let (major, minor) = match magic.order {
            Order::Little => (version & 0xffff, version >> 16),
            Order::Big => (version >> 16, version & 0xffff),
        };
        if major != 2 {
            return Err(Stop::Damaged(format!(
                "pcap version {major}.{minor} is not one that is known"
            )));
        }
        window.consume(FILE_HEADER);
        Ok(Self {
            magic,
            // The link type is the low 16 bits; above it lie the length of the frame check
            // sequence (4 bits), whether that is given (1 bit), and bits that a reader must
            // not interpret (draft-ietf-opsawg-pcap, section 4).
            link: LinkType(network & 0xffff),
            old: minor < 4,
            number: 0,
        })
    }

    /// Goes to the next record.
    #[inline]
    pub(super) fn next(&mut self, window: &mut Window) -> Result<Record, Stop> {
        let number = self.number + 1;
        let Magic {
            order,
            unit,
            record_header,
        } = self.magic;
        if !window.fill(record_header)? {
            return Err(Stop::ended(window, || format!("record {number}")));
        }
        let header = order.numbers(window.bytes());
        let [seconds, fraction, mut captured, mut wire_len] = header.unwrap_or_default();
        if self.old && captured > wire_len {
            std::mem::swap(&mut captured, &mut wire_len);
        }
        if captured > MAX_CAPTURED {
            return Err(Stop::Damaged(format!(
                "damaged at record {number}, offset {}: a captured length of {captured} is over \
                 {MAX_CAPTURED}",
                window.offset()
            )));
        }
        let len = captured as usize;
        if !window.fill(record_header + len)? {
            return Err(Stop::ended(window, || format!("record {number}")));
        }
        let at = window.consume(record_header + len) + record_header;
        self.number = number;
        Ok(Record {
            at,
            len,
            wire_len,
            // A fraction of a second or more is added, as libpcap's users see it.
            time: Timestamp::from_parts(i64::from(seconds), i64::from(fraction) * unit),
            link: self.link,
            number,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{BIG, LITTLE, Sample, survives, told, walk};
    use super::*;

    const MICROS: u32 = 0xa1b2_c3d4;
    const NANOS: u32 = 0xa1b2_3c4d;

    #[test]
    fn both_orders_and_both_units() {
        for order in [LITTLE, BIG] {
            let micros = Sample::pcap(order, MICROS)
                .record(5, 999_999, b"one")
                .record(6, 1_000_001, b"")
                .record(u32::MAX, 0, b"three");
            let (seen, stop) = walk(&micros.bytes);
            let expected = [
                (1, 5_999_999_000, 1, 3, b"one".to_vec()),
                (2, 7_000_001_000, 1, 0, Vec::new()),
                (3, 4_294_967_295_000_000_000, 1, 5, b"three".to_vec()),
            ];
            assert_eq!(seen, expected);
            assert!(matches!(stop, Stop::End));

            let nanos = Sample::pcap(order, NANOS).record(5, 999_999_999, b"one");
            let (seen, _) = walk(&nanos.bytes);
            assert_eq!(seen, [(1, 5_999_999_999, 1, 3, b"one".to_vec())]);
        }
    }

    #[test]
    fn modified_records_have_eight_octets_more() {
        // Interface index, protocol, packet type, padding; then the frame.
        let record = b"\0\0\0\x02\x08\0\x04\0frame";
        for order in [LITTLE, BIG] {
            let sample = Sample::pcap(order, 0xa1b2_cd34).record(1, 2, record);
            let captured = match order {
                Order::Little => [5, 0, 0, 0],
                Order::Big => [0, 0, 0, 5],
            };
            let (seen, stop) = walk(&sample.patch(32, &captured).patch(36, &captured).bytes);
            assert_eq!(seen, [(1, 1_000_002_000, 1, 5, b"frame".to_vec())]);
            assert!(matches!(stop, Stop::End));
        }
    }

    #[test]
    fn frame_check_sequence_bits_are_no_part_of_the_link_type() {
        let sample = Sample::pcap(BIG, MICROS).record(1, 0, b"x");
        // FCS length 2 (of 16 bits), P, all reserved bits, LINKTYPE_RAW.
        let (seen, _) = walk(&sample.patch(20, &[0x2f, 0xff, 0, 101]).bytes);
        assert_eq!(seen[0].2, 101);
    }

    #[test]
    fn version_2_3_may_swap_the_lengths_and_version_3_is_unknown() {
        let sample = Sample::pcap(LITTLE, MICROS).record(1, 0, b"abc");
        let swapped = sample.patch(6, &[3]).patch(32, &[60]);
        assert_eq!(
            walk(&swapped.bytes).0,
            [(1, 1_000_000_000, 1, 60, b"abc".to_vec())]
        );
        let (_, stop) = walk(&swapped.patch(4, &[3]).bytes);
        assert_eq!(
            told(stop),
            "Error pcap version 3.3 is not one that is known"
        );
    }

    #[test]
    fn wire_length_is_never_less_than_what_is_there() {
        let sample = Sample::pcap(LITTLE, MICROS).record(1, 0, b"abc");
        assert_eq!(walk(&sample.patch(36, &[1]).bytes).0[0].3, 3);
    }

    #[test]
    fn a_length_that_cannot_be_is_damage_and_what_came_before_counts() {
        let sample = Sample::pcap(LITTLE, MICROS)
            .record(1, 0, b"abc")
            .record(2, 0, &vec![7; 262_144])
            .record(3, 0, b"abc");
        let (seen, stop) = walk(&sample.bytes);
        assert_eq!(seen.len(), 3);
        assert!(matches!(stop, Stop::End));
        let (seen, stop) = walk(&sample.patch(51, &[1, 0, 4, 0]).bytes);
        assert_eq!(seen.len(), 1);
        assert_eq!(
            told(stop),
            "Error damaged at record 2, offset 43: a captured length of 262145 is over 262144"
        );
    }

    #[test]
    fn survives_cuts_and_changes() {
        for order in [LITTLE, BIG] {
            for magic in [MICROS, NANOS] {
                let sample = Sample::pcap(order, magic)
                    .record(1, 2, b"first")
                    .record(3, 4, b"")
                    .record(5, 6, &[9; 100]);
                survives(&sample, 4);
            }
        }
    }

    #[test]
    fn a_cut_names_record_and_offset() {
        let sample = Sample::pcap(LITTLE, MICROS)
            .record(1, 2, b"first")
            .record(3, 4, b"second");
        let (seen, stop) = walk(&sample.bytes[..sample.bytes.len() - 1]);
        assert_eq!(seen.len(), 1);
        assert_eq!(
            told(stop),
            "Warning cut off in the middle of record 2 at offset 45"
        );
        let (_, stop) = walk(&sample.bytes[..23]);
        assert_eq!(
            told(stop),
            "Warning cut off in the middle of the file header at offset 0"
        );
    }
}
