//! The walk over a pcapng file (draft-ietf-opsawg-pcapng). Blocks are framed and the rare ones
//! parsed by `pcap-parser`; [`super::interface`] keeps the clocks, [`super::walk`] drives it.
//!
//! An Enhanced Packet Block that is right is framed here. Others, and the obsolete Packet Block,
//! are framed with `pcap-parser`'s parser of unknown blocks: its own parser of Enhanced Packet
//! Blocks collects the options of each into a `Vec` (28 ns a block without options, 51 ns with
//! one; framing alone 5 ns), and it has none for the obsolete one. The 20 octets of fixed fields
//! of both are read here.

use super::frame::LinkType;
use super::interface::Interface;
use super::order::Order;
use super::record::{MAX_CAPTURED, Record, Stop};
use super::window::Window;
use crate::time::Timestamp;
use pcap_parser::nom;
use pcap_parser::{
    CB_MAGIC, DCB_MAGIC, EPB_MAGIC, IDB_MAGIC, SHB_MAGIC, SJE_MAGIC, SPB_MAGIC,
    parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_sectionheaderblock, parse_simplepacketblock_be, parse_simplepacketblock_le,
    parse_unknownblock_be, parse_unknownblock_le,
};

/// The Section Header Block's type, the same in both byte orders.
pub(super) const SECTION: [u8; 4] = SHB_MAGIC.to_be_bytes();
/// The byte-order magic, in one order; it lies eight octets behind [`SECTION`].
pub(super) const BYTE_ORDER: [u8; 4] = pcap_parser::BOM_MAGIC.to_be_bytes();

/// The obsolete Packet Block (draft-ietf-opsawg-pcapng, appendix A).
const OBSOLETE_PACKET: u32 = 2;
/// Blocks that Wireshark gives frame numbers although they hold no packet: custom blocks,
/// journal entries, and events of sysdig (`pcapng_read` of its `wiretap/pcapng.c`, blocks that
/// are not `internal`; tried with tshark 4.0.17, which does not count sysdig's 0x208).
const NUMBERED: [u32; 6] = [CB_MAGIC, DCB_MAGIC, SJE_MAGIC, 0x204, 0x216, 0x221];
/// Type and length in front of a block's body.
const HEAD: usize = 8;
/// The fixed fields of a packet block.
const PACKET_FIELDS: usize = 20;
/// Longer blocks mean a damaged file: `MAX_BLOCKSIZE` of libpcap's `sf-pcapng.c`,
/// `MAX_BLOCK_SIZE` of Wireshark's `wiretap/pcapng.c`.
const MAX_BLOCK: usize = 16 * 1024 * 1024;
/// Interfaces in a section; the obsolete Packet Block could not name more. Bounds our table.
const MAX_INTERFACES: usize = 65_536;

/// The section that is being read.
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// The last time stamp of the file, for packets that have none.
    last: Timestamp,
    number: u64,
}

/// A whole block that stands at the front of the window.
struct Block {
    kind: u32,
    len: usize,
}

/// A packet, by its place in its block.
struct Packet {
    /// Where its octets begin.
    at: usize,
    len: usize,
    wire_len: u32,
    time: Timestamp,
    link: LinkType,
}

impl Pcapng {
    pub(super) fn new() -> Self {
        Self {
            // Until the first Section Header Block says so.
            order: Order::Little,
            interfaces: Vec::new(),
            last: Timestamp::default(),
            number: 0,
        }
    }

    /// Goes to the next packet.
    #[inline]
    pub(super) fn next(&mut self, window: &mut Window) -> Result<Record, Stop> {
        loop {
            let Block { kind, len } = self.block(window)?;
            let bytes = window.bytes().get(..len).unwrap_or_default();
            let packet = match kind {
                EPB_MAGIC | OBSOLETE_PACKET => self.packet(kind, bytes).map(Some),
                SPB_MAGIC => self.simple_packet(bytes).map(Some),
                _ => self.other(kind, bytes).map(|()| None),
            };
            let packet = packet.map_err(|what| self.damaged(window, &what))?;
            let start = window.consume(len);
            if let Some(packet) = packet {
                self.number += 1;
                return Ok(Record {
                    at: start + packet.at,
                    len: packet.len,
                    wire_len: packet.wire_len,
                    time: packet.time,
                    link: packet.link,
                    number: self.number,
                });
            }
        }
    }

    /// Fills the window until a whole block is in front.
    fn block(&self, window: &mut Window) -> Result<Block, Stop> {
        loop {
            let bytes = window.bytes();
            if let Some(len) = self.enhanced(bytes) {
                return Ok(Block {
                    kind: EPB_MAGIC,
                    len,
                });
            }
            let framed = if bytes.starts_with(&SECTION) {
                parse_sectionheaderblock(bytes)
                    .map(|(rest, block)| (rest, SHB_MAGIC, block.block_len1, block.block_len2))
            } else if self.order == Order::Little {
                parse_unknownblock_le(bytes).map(|(rest, block)| {
                    (rest, block.block_type, block.block_len1, block.block_len2)
                })
            } else {
                // The parser reads the type as little-endian always.
                parse_unknownblock_be(bytes).map(|(rest, block)| {
                    let kind = block.block_type.swap_bytes();
                    (rest, kind, block.block_len1, block.block_len2)
                })
            };
            match framed {
                Ok((_, _, first, last)) if first != last || first % 4 != 0 => {
                    let what =
                        format!("a block's lengths of {first} in front and {last} at its end");
                    return Err(self.damaged(window, &what));
                }
                Ok((rest, kind, _, _)) => {
                    let len = bytes.len() - rest.len();
                    return Ok(Block { kind, len });
                }
                Err(nom::Err::Incomplete(needed)) => {
                    let more = match needed {
                        nom::Needed::Size(count) => count.get(),
                        nom::Needed::Unknown => 1,
                    };
                    let want = bytes.len().saturating_add(more);
                    if want > MAX_BLOCK {
                        let what = format!("a block of more than {MAX_BLOCK} octets");
                        return Err(self.damaged(window, &what));
                    }
                    if !window.fill(want)? {
                        return Err(Stop::ended(window, || {
                            format!("the block after packet {}", self.number)
                        }));
                    }
                }
                Err(_) => {
                    return Err(self.damaged(window, "no valid block header"));
                }
            }
        }
    }

    /// The length of the Enhanced Packet Block in front, where all of it is there and right: what
    /// nearly all blocks are. Any other is framed by the library, which says what is wrong.
    #[inline]
    fn enhanced(&self, bytes: &[u8]) -> Option<usize> {
        let [kind, length] = self.order.numbers(bytes)?;
        let len = usize::try_from(length).ok()?;
        let end = *bytes.get(..len)?.last_chunk()?;
        let right = kind == EPB_MAGIC
            && length.is_multiple_of(4)
            && len >= HEAD + PACKET_FIELDS + 4
            && self.order.u32(end) == length;
        right.then_some(len)
    }

    /// An Enhanced Packet Block, or an obsolete Packet Block.
    #[inline]
    fn packet(&mut self, kind: u32, bytes: &[u8]) -> Result<Packet, String> {
        let body = bytes.get(HEAD..bytes.len() - 4).unwrap_or_default();
        let Some([interface, high, low, captured, wire_len]) = self.order.numbers(body) else {
            return Err("a packet block without room for its fields".to_owned());
        };
        let interface = match (kind, body.first_chunk()) {
            // 16 bits of interface, then 16 bits of drop count.
            (OBSOLETE_PACKET, Some(&octets)) => u32::from(self.order.u16(octets)),
            _ => interface,
        };
        let &Interface { link, clock, .. } = self.interface(interface)?;
        let len = length(captured, body.len() - PACKET_FIELDS)?;
        let time = clock.time(high, low);
        self.last = time;
        Ok(Packet {
            at: HEAD + PACKET_FIELDS,
            len,
            wire_len,
            time,
            link,
        })
    }

    /// A Simple Packet Block, which belongs to interface 0 and has no time stamp: it gets the
    /// last one of the file.
    fn simple_packet(&self, bytes: &[u8]) -> Result<Packet, String> {
        let parsed = match self.order {
            Order::Little => parse_simplepacketblock_le(bytes),
            Order::Big => parse_simplepacketblock_be(bytes),
        };
        let Ok((_, block)) = parsed else {
            return Err("a simple packet block without room for its fields".to_owned());
        };
        let interface = self.interface(0)?;
        let captured = match interface.snaplen {
            0 => block.origlen,
            snaplen => block.origlen.min(snaplen),
        };
        Ok(Packet {
            // Behind the original length.
            at: HEAD + 4,
            len: length(captured, block.data.len())?,
            wire_len: block.origlen,
            time: self.last,
            link: interface.link,
        })
    }

    /// A block that is no packet.
    #[cold]
    fn other(&mut self, kind: u32, bytes: &[u8]) -> Result<(), String> {
        match kind {
            SHB_MAGIC => {
                let Ok((_, block)) = parse_sectionheaderblock(bytes) else {
                    return Err("no valid section header".to_owned());
                };
                if block.major_version != 1 {
                    let (major, minor) = (block.major_version, block.minor_version);
                    return Err(format!(
                        "pcapng version {major}.{minor}, which is not known"
                    ));
                }
                self.order = if block.big_endian() {
                    Order::Big
                } else {
                    Order::Little
                };
                self.interfaces.clear();
            }
            IDB_MAGIC => {
                let parsed = match self.order {
                    Order::Little => parse_interfacedescriptionblock_le(bytes),
                    Order::Big => parse_interfacedescriptionblock_be(bytes),
                };
                let Ok((_, block)) = parsed else {
                    return Err("no valid interface description".to_owned());
                };
                if self.interfaces.len() >= MAX_INTERFACES {
                    return Err(format!("more than {MAX_INTERFACES} interfaces"));
                }
                self.interfaces.push(Interface::new(&block, self.order));
            }
            kind if NUMBERED.contains(&kind) => self.number += 1,
            _ => {}
        }
        Ok(())
    }

    /// The interface of a packet. That it does not exist is an error for tshark, too: what
    /// kind of link it was nobody knows, and the lengths around it are then worth no trust.
    fn interface(&self, index: u32) -> Result<&Interface, String> {
        self.interfaces.get(index as usize).ok_or_else(|| {
            let count = self.interfaces.len();
            format!("a packet of interface {index}, but the section describes {count} so far")
        })
    }

    #[cold]
    fn damaged(&self, window: &Window, what: &str) -> Stop {
        let (number, offset) = (self.number, window.offset());
        Stop::Damaged(format!(
            "damaged after packet {number}, at offset {offset}: {what}"
        ))
    }
}

/// The captured length, which must be there and legal.
fn length(captured: u32, there: usize) -> Result<usize, String> {
    let len = captured as usize;
    if captured > MAX_CAPTURED {
        Err(format!(
            "a captured length of {captured} is over {MAX_CAPTURED}"
        ))
    } else if len > there {
        Err(format!(
            "a captured length of {captured} in a block that holds {there}"
        ))
    } else {
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{BIG, LITTLE, Sample, survives, told, walk};
    use super::*;

    #[test]
    fn sections_have_their_own_order_and_interfaces() {
        for (one, other) in [(LITTLE, BIG), (BIG, LITTLE)] {
            let sample = Sample::pcapng(one)
                .interface(101, 0, &[(9, &[9])])
                .enhanced(0, 1_500_000, b"first", &[])
                .enhanced(1, 1_500_000, b"second", &[])
                .section(other)
                .interface(113, 0, &[(9, &[0x81])])
                .enhanced(0, 3, b"third", &[]);
            let (seen, stop) = walk(&sample.bytes);
            let expected = [
                (1, 1_500_000_000, 1, 5, b"first".to_vec()),
                (2, 1_500_000, 101, 6, b"second".to_vec()),
                (3, 1_500_000_000, 113, 5, b"third".to_vec()),
            ];
            assert_eq!(seen, expected);
            assert!(matches!(stop, Stop::End));
        }
    }

    #[test]
    fn a_clock_offset_is_read_in_the_order_of_the_section() {
        for (order, offset) in [
            (LITTLE, (-5_i64).to_le_bytes()),
            (BIG, (-5_i64).to_be_bytes()),
        ] {
            let sample = Sample::pcapng(order)
                .interface(1, 0, &[(2, b"eth0"), (14, &offset)])
                .enhanced(1, 7_000_001, b"x", &[]);
            assert_eq!(walk(&sample.bytes).0[0].1, 2_000_001_000);
        }
    }

    #[test]
    fn simple_packets_take_the_last_time_and_the_snap_length() {
        for order in [LITTLE, BIG] {
            let sample = Sample::pcapng(order)
                .section(order)
                .interface(1, 6, &[])
                .simple(5, b"short")
                .enhanced(0, 1_000_000, b"packet", &[])
                .simple(60, b"cut to six");
            let (seen, _) = walk(&sample.bytes);
            let expected = [
                (1, 0, 1, 5, b"short".to_vec()),
                (2, 1_000_000_000, 1, 6, b"packet".to_vec()),
                (3, 1_000_000_000, 1, 60, b"cut to".to_vec()),
            ];
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn obsolete_packets_options_and_other_blocks() {
        for order in [LITTLE, BIG] {
            let sample = Sample::pcapng(order)
                .block(5, &[0; 24]) // interface statistics, too short to be any
                .obsolete(0, 1_000_000, b"old one")
                .block(0xbad, b"a custom block")
                .block(0x7777, b"")
                .enhanced(0, 2_000_000, b"commented", b"\x01\0\x02\0hi\0\0\0\0\0\0")
                .block(
                    9,
                    b"a journal entry has a number of its own, as custom blocks have",
                )
                .enhanced(0, 3_000_000, b"last", &[]);
            let (seen, stop) = walk(&sample.bytes);
            let expected = [
                (1, 1_000_000_000, 1, 7, b"old one".to_vec()),
                (3, 2_000_000_000, 1, 9, b"commented".to_vec()),
                (5, 3_000_000_000, 1, 4, b"last".to_vec()),
            ];
            assert_eq!(seen, expected);
            assert!(matches!(stop, Stop::End));
        }
    }

    #[test]
    fn what_cannot_be_stops_with_an_error_and_keeps_what_came_before() {
        let start = || Sample::pcapng(LITTLE).enhanced(0, 1, b"good", &[]);
        let front = start().bytes.len();
        let cases = [
            (
                start().enhanced(1, 2, b"bad", &[]),
                "a packet of interface 1, but the section describes 1 so far",
            ),
            (
                start().section(LITTLE).simple(3, b"bad"),
                "a packet of interface 0, but the section describes 0 so far",
            ),
            (
                // Captured length over what the block holds.
                start().enhanced(0, 2, b"bad!", &[]).patch(front + 20, &[5]),
                "a captured length of 5 in a block that holds 4",
            ),
            (
                start().enhanced(0, 2, &vec![0; 262_145], &[]),
                "a captured length of 262145 is over 262144",
            ),
            (
                start().block(6, b"no fields"),
                "a packet block without room for its fields",
            ),
            (start().block(1, b""), "no valid interface description"),
            (
                start().block(7, b"").patch(front + 8, &[16]),
                "a block's lengths of 12 in front and 16 at its end",
            ),
            (
                start().block(7, b"").patch(front + 4, &[11]),
                "no valid block header",
            ),
            (
                start().block(7, b"").patch(front + 7, &[1]),
                "a block of more than 16777216 octets",
            ),
            (
                start().section(LITTLE).patch(front + 12, &[2]),
                "pcapng version 2.0, which is not known",
            ),
        ];
        for (sample, what) in cases {
            let (seen, stop) = walk(&sample.bytes);
            assert_eq!(seen.len(), 1, "{what}");
            let told = told(stop);
            assert!(
                told.starts_with("Error damaged after packet 1, at offset "),
                "{told}"
            );
            assert!(told.ends_with(what), "{told} and not {what}");
        }
    }

    #[test]
    fn survives_cuts_and_changes() {
        for (one, other) in [(LITTLE, BIG), (BIG, LITTLE)] {
            let sample = Sample::pcapng(one)
                .enhanced(0, 1, b"first", &[])
                .simple(6, b"second")
                .obsolete(0, 2, b"third")
                .block(4, b"name")
                .section(other)
                .interface(101, 96, &[(2, b"eth0"), (9, &[9]), (14, &[1; 8])])
                .enhanced(0, 3, b"fourth", b"\x01\0\x02\0hi\0\0\0\0\0\0");
            survives(&sample, 4);
        }
    }

    #[test]
    fn a_cut_names_packet_and_offset() {
        let sample = Sample::pcapng(LITTLE)
            .enhanced(0, 1, b"one", &[])
            .enhanced(0, 2, b"two", &[]);
        let (_, stop) = walk(&sample.bytes[..sample.bytes.len() - 1]);
        assert_eq!(
            told(stop),
            "Warning cut off in the middle of the block after packet 1 at offset 84"
        );
    }
}
