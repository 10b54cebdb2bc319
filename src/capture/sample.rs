//! Writes small captures of every format variant, for the tests of this folder.

use super::open;
use super::order::Order;
use super::record::Stop;
use std::io::{Cursor, Write};

pub(super) const LITTLE: Order = Order::Little;
pub(super) const BIG: Order = Order::Big;

/// A capture in the making.
pub(super) struct Sample {
    pub(super) bytes: Vec<u8>,
    order: Order,
    /// Offsets at which a record or block ends: cut there, a capture is whole.
    pub(super) borders: Vec<usize>,
}

impl Sample {
    fn new(order: Order) -> Self {
        Self {
            bytes: Vec::new(),
            order,
            borders: Vec::new(),
        }
    }

    /// A pcap file header, version 2.4, Ethernet.
    pub(super) fn pcap(order: Order, magic: u32) -> Self {
        let mut sample = Self::new(order);
        sample.u32(magic).u16(2).u16(4);
        sample.u32(0).u32(0).u32(65_535).u32(1).border()
    }

    /// A pcapng section header and one Ethernet interface with microseconds.
    pub(super) fn pcapng(order: Order) -> Self {
        Self::new(order).section(order).interface(1, 0, &[])
    }

    pub(super) fn u16(&mut self, number: u16) -> &mut Self {
        self.bytes.extend(match self.order {
            Order::Little => number.to_le_bytes(),
            Order::Big => number.to_be_bytes(),
        });
        self
    }

    pub(super) fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes.extend(match self.order {
            Order::Little => number.to_le_bytes(),
            Order::Big => number.to_be_bytes(),
        });
        self
    }

    fn border(&mut self) -> Self {
        self.borders.push(self.bytes.len());
        Self {
            bytes: std::mem::take(&mut self.bytes),
            order: self.order,
            borders: std::mem::take(&mut self.borders),
        }
    }

    /// Puts `octets` at `at`.
    pub(super) fn patch(mut self, at: usize, octets: &[u8]) -> Self {
        self.bytes[at..at + octets.len()].copy_from_slice(octets);
        self
    }

    /// A pcap record.
    pub(super) fn record(mut self, seconds: u32, fraction: u32, data: &[u8]) -> Self {
        let len = u32::try_from(data.len()).unwrap();
        self.u32(seconds).u32(fraction).u32(len).u32(len);
        self.bytes.extend(data);
        self.border()
    }

    /// A pcapng block of any kind around `body`.
    pub(super) fn block(mut self, kind: u32, body: &[u8]) -> Self {
        let padding = body.len().next_multiple_of(4) - body.len();
        let len = u32::try_from(12 + body.len() + padding).unwrap();
        self.u32(kind).u32(len);
        self.bytes.extend(body);
        self.bytes.extend(&[0; 4][..padding]);
        self.u32(len).border()
    }

    /// A Section Header Block, from which on `order` holds.
    pub(super) fn section(mut self, order: Order) -> Self {
        self.order = order;
        let body = self.body(|body| {
            body.u32(0x1a2b_3c4d).u16(1).u16(0);
            body.u32(u32::MAX).u32(u32::MAX);
        });
        self.block(0x0a0d_0d0a, &body)
    }

    /// An Interface Description Block; `options` as (code, value).
    pub(super) fn interface(self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Self {
        let body = self.body(|body| {
            body.u16(link).u16(0).u32(snaplen);
            for (code, value) in options {
                let len = u16::try_from(value.len()).unwrap();
                body.u16(*code).u16(len).bytes.extend(*value);
                let padding = value.len().next_multiple_of(4) - value.len();
                body.bytes.extend(&[0; 4][..padding]);
            }
            if !options.is_empty() {
                body.u32(0);
            }
        });
        self.block(1, &body)
    }

    /// An Enhanced Packet Block.
    pub(super) fn enhanced(self, interface: u32, count: u64, data: &[u8], tail: &[u8]) -> Self {
        let len = u32::try_from(data.len()).unwrap();
        let body = self.body(|body| {
            body.u32(interface).count(count).u32(len).u32(len);
            body.bytes.extend(data);
            let padding = data.len().next_multiple_of(4) - data.len();
            body.bytes.extend(&[0; 4][..padding]);
            body.bytes.extend(tail);
        });
        self.block(6, &body)
    }

    /// An obsolete Packet Block.
    pub(super) fn obsolete(self, interface: u16, count: u64, data: &[u8]) -> Self {
        let len = u32::try_from(data.len()).unwrap();
        let body = self.body(|body| {
            body.u16(interface).u16(7).count(count).u32(len).u32(len);
            body.bytes.extend(data);
        });
        self.block(2, &body)
    }

    /// A Simple Packet Block.
    pub(super) fn simple(self, wire_len: u32, data: &[u8]) -> Self {
        let body = self.body(|body| {
            body.u32(wire_len).bytes.extend(data);
        });
        self.block(3, &body)
    }

    fn count(&mut self, count: u64) -> &mut Self {
        let low = u32::try_from(count & u64::from(u32::MAX)).unwrap();
        self.u32(u32::try_from(count >> 32).unwrap()).u32(low)
    }

    fn body(&self, write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut body = Self::new(self.order);
        write(&mut body);
        body.bytes
    }
}

/// A frame as the tests compare it: number, nanoseconds, link type, length on the wire, octets.
pub(super) type Seen = (u64, i64, u32, u32, Vec<u8>);

/// Walks a capture to its end.
pub(super) fn walk(bytes: &[u8]) -> (Vec<Seen>, Stop) {
    let mut opened = match open::source(Cursor::new(bytes.to_vec()), 64, None) {
        Ok(opened) => opened,
        Err(stop) => return (Vec::new(), stop),
    };
    let mut seen = Vec::new();
    loop {
        if let Err(stop) = opened.walk.advance() {
            return (seen, stop);
        }
        let frame = opened.walk.frame(0);
        seen.push((
            frame.origin.frame,
            frame.time.nanos(),
            frame.link.0,
            frame.wire_len,
            frame.bytes.to_vec(),
        ));
    }
}

/// What a stop tells the operator; empty for a regular end.
pub(super) fn told(stop: Stop) -> String {
    let fault = stop.fault("x".as_ref());
    fault.map_or(String::new(), |fault| {
        format!("{:?} {}", fault.severity, fault.message)
    })
}

/// Every prefix of a capture yields a prefix of its frames, and one warning unless it ends at
/// a border; every capture with one octet changed comes to an end.
pub(super) fn survives(sample: &Sample, recognised: usize) {
    let (all, stop) = walk(&sample.bytes);
    assert_eq!(told(stop), "");
    for cut in 0..sample.bytes.len() {
        let (seen, stop) = walk(&sample.bytes[..cut]);
        assert_eq!(seen, all[..seen.len()], "cut at {cut}");
        match stop {
            Stop::Empty => assert_eq!(cut, 0),
            Stop::NotCapture => assert!(cut < recognised, "cut at {cut}"),
            Stop::End => assert!(sample.borders.contains(&cut), "cut at {cut}"),
            Stop::Cut(_) => assert!(!sample.borders.contains(&cut), "cut at {cut}"),
            Stop::Damaged(_) | Stop::Failed(_) => panic!("cut at {cut}: {stop:?}"),
        }
    }
    for at in 0..sample.bytes.len() {
        for bits in [0x01, 0x80, 0xff] {
            let mut bytes = sample.bytes.clone();
            bytes[at] ^= bits;
            let (seen, _) = walk(&bytes);
            assert!(seen.len() <= bytes.len() / 12);
        }
    }
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 0).unwrap()
}
