//! A small capture under construction: one host, one resolver, a clock that moves a tenth of
//! a second with each packet, so that a reader can tell packets apart by their time.

use super::dialogue::{MILLI, RESOLVER};
use super::message::{Message, RD};
use super::packet::{Capture, Endpoint, Packet, udp};
use crate::capture::frame::LinkType;
use crate::time::Timestamp;
use std::net::Ipv4Addr;

/// 2026-01-05T00:00:00Z, a Monday: no recipe of the study is near.
pub(super) const START: i64 = 1_767_571_200;
/// Who asks.
pub(super) const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 130);
/// The port it asks from.
pub(super) const PORT: u16 = 40_000;

/// The packets so far.
#[derive(Debug)]
pub(super) struct Case {
    now: Timestamp,
    id: u16,
    pub(super) packets: Vec<Packet>,
}

impl Case {
    pub(super) fn new() -> Self {
        let now = Timestamp::from_parts(START, 0);
        let (id, packets) = (0x1000, Vec::new());
        Self { now, id, packets }
    }

    /// Sets the clock to so long after the start, also backwards.
    pub(super) fn at(mut self, seconds: i64, nanos: i64) -> Self {
        self.now = Timestamp::from_parts(START + seconds, nanos);
        self
    }

    /// A fresh header for a query.
    pub(super) fn header(&mut self) -> Message {
        self.id += 1;
        Message::new(self.id, RD)
    }

    /// A well-formed query.
    pub(super) fn query(mut self, name: &str, kind: u16) -> Self {
        let message = self.header().question(name, kind);
        self.send(message)
    }

    /// A query whose octets after the header are `octets`, with one question claimed.
    pub(super) fn body(mut self, octets: &[u8]) -> Self {
        let message = self.header().claim_questions(1).raw(octets);
        self.send(message)
    }

    pub(super) fn send(self, message: Message) -> Self {
        let frame = query_frame(&message.octets());
        self.frame(frame)
    }

    /// From the resolver to the host.
    pub(super) fn answer(self, message: Message) -> Self {
        let frame = udp(
            Endpoint::new(RESOLVER, 53),
            Endpoint::new(HOST, PORT),
            &message.octets(),
        );
        self.frame(frame)
    }

    pub(super) fn frame(mut self, octets: Vec<u8>) -> Self {
        self.packets.push(Packet::new(self.now, octets));
        self.now = self.now.plus_nanos(100 * MILLI);
        self
    }

    /// The query of `name`, of which only `kept` octets were captured.
    pub(super) fn cut(mut self, name: &str, kept: usize) -> Self {
        self = self.query(name, super::message::kind::A);
        let whole = self.packets.pop().expect("just pushed");
        self.packets.push(whole.cut(kept));
        self
    }

    /// What was captured by an interface of another link type.
    pub(super) fn on(self, link: LinkType) -> Capture {
        let packets = self.packets;
        Capture { link, packets }
    }

    pub(super) fn on_ethernet(self) -> Capture {
        self.on(LinkType::ETHERNET)
    }
}

/// `payload` from the host to port 53 of the resolver, in Ethernet.
pub(super) fn query_frame(payload: &[u8]) -> Vec<u8> {
    udp(
        Endpoint::new(HOST, PORT),
        Endpoint::new(RESOLVER, 53),
        payload,
    )
}
