//! Frames that the mirror port delivered twice.

use super::slots;
use crate::decode::dns::{Message, Question};
use crate::decode::packet::{Packet, PacketWith};
use crate::time::Timestamp;
use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};
use std::hash::BuildHasher as _;
use std::hint::black_box;

/// A mirror of two ports delivers the copies of a frame within about a millisecond; stub
/// resolvers wait a second or more before they repeat a query. Between the two.
const WINDOW: i64 = 50_000_000;

/// Messages remembered; a power of two. Copies follow each other closely.
const REMEMBERED: usize = 256;

/// The last messages of a shard, each in the place that its hash names: a newer one in the
/// same place makes it forgotten, and then a copy counts once more.
#[derive(Debug, Serialize, Deserialize)]
pub struct Duplicates(
    #[serde(
        serialize_with = "slots::write",
        deserialize_with = "slots::read::<REMEMBERED, _>"
    )]
    Box<[(u64, Timestamp)]>,
);

impl Default for Duplicates {
    fn default() -> Self {
        Self(vec![(0, Timestamp::MIN); REMEMBERED].into_boxed_slice())
    }
}

/// A hash of which the lowest bits are the place of a message, by what stands in front of its name.
#[inline]
fn place<P>(packet: &PacketWith<P>, id: u16) -> u64 {
    FixedState::default().hash_one((
        packet.src.bits() ^ packet.dst.bits().rotate_left(64),
        u64::from(packet.src_port) << 48 | u64::from(packet.dst_port) << 32 | u64::from(id),
    ))
}

impl Duplicates {
    /// Brings the place of a message into the cache.
    #[inline]
    pub(super) fn fetch<P>(&self, packet: &PacketWith<P>, payload: &[u8]) {
        if let [high, low, ..] = *payload {
            let place = place(packet, u16::from_be_bytes([high, low]));
            #[expect(clippy::cast_possible_truncation, reason = "reduced right away")]
            black_box(self.0[place as usize % REMEMBERED].0);
        }
    }

    /// Whether this message was seen just before: same addresses, ports, identifier, flags,
    /// name and type.
    #[inline]
    pub fn seen(
        &mut self,
        packet: &Packet<'_>,
        message: &Message<'_>,
        question: &Question<'_>,
        name: u64,
    ) -> bool {
        let place = place(packet, message.header.id);
        let what = name ^ u64::from(question.qtype.0) ^ u64::from(message.header.flags) << 48;
        // The place stays in the lowest bits, by which a saved one is put back.
        let low = REMEMBERED as u64 - 1;
        let hash = place & low | (place ^ what) & !low;
        #[expect(clippy::cast_possible_truncation, reason = "reduced right away")]
        let slot = &mut self.0[place as usize % REMEMBERED];
        let last = std::mem::replace(slot, (hash, packet.time));
        let apart = packet.time.nanos_since(last.1);
        last.0 == hash && (-WINDOW..=WINDOW).contains(&apart)
    }
}
