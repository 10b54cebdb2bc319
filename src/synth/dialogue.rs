//! A client that asks a resolver, and the frames of what they say: the layer between a
//! behaviour (when which name is asked) and packets.

use super::dice::Dice;
use super::message::{Message, QR, RA, RD, Reply};
use super::names;
use super::packet::{Capture, Endpoint, Packet, udp};
use crate::time::Timestamp;
use std::net::Ipv4Addr;

/// The campus resolver.
pub(super) const RESOLVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 53);
/// Nanoseconds in a microsecond and in a millisecond: pcap's unit, and the network's.
pub(super) const MICRO: i64 = 1000;
pub(super) const MILLI: i64 = 1_000_000;

/// One question and its reply.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) at: Timestamp,
    pub(super) client: Endpoint,
    pub(super) server: Ipv4Addr,
    pub(super) id: u16,
    /// RD: set by stubs, clear where a resolver asks an authoritative server.
    pub(super) recursion: bool,
    /// The size offered by EDNS.
    pub(super) edns: Option<u16>,
    pub(super) name: String,
    pub(super) kind: u16,
    pub(super) reply: Reply,
    /// Nanoseconds until the reply.
    pub(super) delay: i64,
}

impl Exchange {
    /// The query and the reply.
    pub(super) fn frames(&self) -> [Packet; 2] {
        let server = Endpoint::new(self.server, 53);
        let desired = if self.recursion { RD } else { 0 };
        let mut query = Message::new(self.id, desired).question(&self.name, self.kind);
        let available = if self.recursion { RD | RA } else { 0 };
        let mut reply = Message::new(self.id, QR | available | self.reply.flags)
            .question(&self.name, self.kind)
            .reply(&self.reply);
        if let Some(size) = self.edns {
            query = query.edns(size);
            reply = reply.edns(4096);
        }
        let answered = self.at.plus_nanos(self.delay);
        [
            Packet::new(self.at, udp(self.client, server, &query.octets())),
            Packet::new(answered, udp(server, self.client, &reply.octets())),
        ]
    }
}

/// All exchanges as one capture in order of time.
pub(super) fn capture(exchanges: &[Exchange]) -> Capture {
    let mut packets: Vec<Packet> = exchanges.iter().flat_map(Exchange::frames).collect();
    packets.sort_by_key(|packet| packet.time); // stable: a query stays before its reply
    Capture::ethernet(packets)
}

/// A stub resolver and everything it has asked.
#[derive(Debug)]
pub(super) struct Client {
    address: Ipv4Addr,
    edns: Option<u16>,
    /// Mixes the case of names (the "0x20" defence), which the resolver echoes.
    mixes_case: bool,
    dice: Dice,
    pub(super) log: Vec<Exchange>,
}

impl Client {
    pub(super) fn new(address: Ipv4Addr) -> Self {
        let dice = Dice::new(&format!("stub {address}"));
        let (edns, mixes_case, log) = (None, false, Vec::new());
        Self {
            address,
            edns,
            mixes_case,
            dice,
            log,
        }
    }

    /// From now on every query offers `size` octets.
    pub(super) fn offer_edns(&mut self, size: u16) {
        self.edns = Some(size);
    }

    /// From now on every name is asked in mixed case.
    pub(super) fn mix_case(&mut self) {
        self.mixes_case = true;
    }

    /// Asks, and tells when the reply is there.
    pub(super) fn ask(&mut self, at: Timestamp, name: &str, kind: u16) -> Timestamp {
        let reply = names::answer(name, kind);
        self.hear(at, name, kind, reply)
    }

    /// Asks and is answered with `reply`, 1 to 40 ms later.
    pub(super) fn hear(
        &mut self,
        at: Timestamp,
        name: &str,
        kind: u16,
        mut reply: Reply,
    ) -> Timestamp {
        let name = if self.mixes_case {
            self.mixed(name)
        } else {
            name.to_owned()
        };
        for record in &mut reply.answers {
            if record.owner.eq_ignore_ascii_case(&name) {
                record.owner.clone_from(&name);
            }
        }
        // Most answers come from the cache, the others from far away.
        let longest = if self.dice.chance(600) { 3000 } else { 40_000 };
        let delay = i64::from(self.dice.between(1000, longest)) * MICRO;
        self.log.push(Exchange {
            at,
            client: Endpoint::new(self.address, self.dice.word(1025)),
            server: RESOLVER,
            id: self.dice.word(0),
            recursion: true,
            edns: self.edns,
            name,
            kind,
            reply,
            delay,
        });
        at.plus_nanos(delay)
    }

    fn mixed(&mut self, name: &str) -> String {
        name.chars()
            .map(|letter| {
                if self.dice.chance(500) {
                    letter.to_ascii_uppercase()
                } else {
                    letter
                }
            })
            .collect()
    }
}
