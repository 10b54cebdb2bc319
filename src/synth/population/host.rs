//! One generated host: what it sends and hears, and what an evaluation must know of it.

use super::super::dice::Dice;
use super::super::message::{Data, Message, QR, RA, RD, Reply, kind};
use super::super::packet::{Endpoint, Packet, udp};
use super::rates::{Law, arrivals};
use super::world::World;
use super::{Frame, Place, Shows};
use crate::time::{NANOS, Timestamp};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

/// 2026-03-02, a Monday, UTC.
pub(super) const MONDAY: i64 = 1_772_409_600;
/// Nanoseconds in a millisecond.
pub(super) const MILLI: i64 = 1_000_000;

/// What a stub asks beside A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kinds {
    /// Nothing.
    V4,
    /// AAAA.
    Both,
    /// AAAA, and HTTPS for pages.
    Web,
}

/// How a host's stub resolver asks.
#[derive(Clone, Debug)]
pub(super) struct Stub {
    pub(super) server: IpAddr,
    /// Wishes for recursion; resolvers do not.
    pub(super) recursion: bool,
    pub(super) edns: Option<u16>,
    /// Mixes the case of names ("0x20").
    pub(super) mixes_case: bool,
    pub(super) kinds: Kinds,
    /// A name that is not there is asked again with this behind it.
    pub(super) suffix: Option<String>,
    /// So many of a thousand queries are sent twice.
    pub(super) retries: u32,
    /// Milliseconds for which an answer is kept; 0 for none.
    pub(super) cache: u32,
}

/// A host under construction.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) world: World,
    pub(super) place: Place,
    pub(super) address: IpAddr,
    pub(super) mac: [u8; 6],
    pub(super) dice: Dice,
    pub(super) stub: Stub,
    pub(super) frames: Vec<Frame>,
    /// When it turned to which recipient domain.
    pub(super) recipients: Vec<(Timestamp, String)>,
    /// When what it is judged for began.
    pub(super) onset: Option<Timestamp>,
    /// Which of the row's forms it is.
    pub(super) form: String,
    /// Addresses that it had, all of them.
    pub(super) addresses: Vec<IpAddr>,
    /// Whether what it is judged for shows in its DNS, and in its SMTP.
    pub(super) shows: Shows,
    /// A person uses it besides.
    pub(super) mixed: bool,
    /// Stands on block lists.
    pub(super) listed: bool,
    /// So many of a thousand servers that it turns to are seen asking for its name.
    pub(super) known_outside: u32,
    /// Servers that have put it off, and since when.
    pub(super) put_off: HashMap<IpAddr, Timestamp>,
    kept: HashMap<(String, u16), (Timestamp, Reply)>,
}

impl Host {
    pub(super) fn new(world: World, place: Place, seed: &str) -> Self {
        let mut dice = Dice::new(seed);
        let address = place.v4(world.family);
        let known_outside = if dice.chance(400) {
            dice.between(300, 900)
        } else {
            0
        };
        let stub = Stub {
            server: world.family.resolver(),
            recursion: true,
            edns: dice.chance(700).then_some(1232),
            mixes_case: dice.chance(80),
            kinds: *dice.pick(&[Kinds::V4, Kinds::Both, Kinds::Both, Kinds::Web, Kinds::Web]),
            suffix: dice.chance(150).then(|| world.living(3_000_000)),
            retries: dice.below(30),
            cache: if dice.chance(700) { 300_000 } else { 0 },
        };
        Self {
            world,
            place,
            address,
            mac: place.mac(),
            dice,
            stub,
            frames: Vec::new(),
            recipients: Vec::new(),
            onset: None,
            form: String::new(),
            addresses: vec![address],
            shows: Shows {
                dns: true,
                smtp: true,
            },
            mixed: false,
            listed: false,
            known_outside,
            put_off: HashMap::new(),
            kept: HashMap::new(),
        }
    }

    /// The address of a name outside, of the family that it speaks itself.
    pub(super) fn outside(&self, name: &str) -> IpAddr {
        if self.address.is_ipv6() {
            self.world.v6(name).into()
        } else {
            self.world.v4(name).into()
        }
    }

    /// So many milliseconds into the day.
    pub(super) fn at(millis: u32) -> Timestamp {
        Timestamp::from_parts(MONDAY, i64::from(millis) * MILLI)
    }

    /// `count` moments between two milliseconds of the day.
    pub(super) fn moments(&mut self, law: Law, count: u32, from: u32, to: u32) -> Vec<Timestamp> {
        let times = arrivals(&mut self.dice, law, count, to - from);
        times
            .into_iter()
            .map(|time| Self::at(from + time))
            .collect()
    }

    /// What it is judged for begins now, if it has not begun.
    pub(super) fn begin(&mut self, at: Timestamp) {
        self.onset = Some(self.onset.map_or(at, |onset| onset.min(at)));
    }

    /// It turns to a recipient domain.
    pub(super) fn turn_to(&mut self, at: Timestamp, domain: &str) {
        self.begin(at);
        self.recipients.push((at, domain.to_owned()));
    }

    /// From now on it has another address.
    pub(super) fn move_to(&mut self, address: IpAddr) {
        self.address = address;
        self.addresses.push(address);
    }

    /// Asks, and tells when it was answered and what.
    pub(super) fn query(&mut self, at: Timestamp, name: &str, asked: u16) -> (Timestamp, Reply) {
        let reply = self.world.answer(name, asked);
        let answered = self.hear(at, name, asked, reply.clone());
        (answered, reply)
    }

    /// Asks and is answered with `reply`.
    pub(super) fn hear(
        &mut self,
        at: Timestamp,
        name: &str,
        asked: u16,
        mut reply: Reply,
    ) -> Timestamp {
        let name = if self.stub.mixes_case {
            mixed(name, &mut self.dice)
        } else {
            name.to_owned()
        };
        for record in &mut reply.answers {
            if record.owner.eq_ignore_ascii_case(&name) {
                record.owner.clone_from(&name);
            }
        }
        let longest = if self.dice.chance(600) { 3 } else { 60 };
        let delay = i64::from(self.dice.between(300, longest * 1000)) * 1000;
        let client = Endpoint::new(self.address, self.dice.word(1025));
        let server = Endpoint::new(self.stub.server, 53);
        let id = self.dice.word(0);
        let (wishes, may) = if self.stub.recursion {
            (RD, RD | RA)
        } else {
            (0, 0)
        };
        let mut query = Message::new(id, wishes).question(&name, asked);
        let mut said = Message::new(id, QR | may | reply.flags)
            .question(&name, asked)
            .reply(&reply);
        if let Some(size) = self.stub.edns {
            query = query.edns(size);
            said = said.edns(1232);
        }
        let query = udp(client, server, &query.octets());
        let mut sent = at;
        if self.dice.chance(self.stub.retries) {
            self.frame(at, query.clone());
            sent = at.plus_nanos(i64::from(self.dice.between(1000, 5000)) * MILLI);
        }
        self.frame(sent, query);
        let answered = sent.plus_nanos(delay);
        self.frame(answered, udp(server, client, &said.octets()));
        answered
    }

    /// Looks up an address as its stub does, and tells the IPv4 addresses.
    pub(super) fn lookup(&mut self, at: Timestamp, name: &str) -> (Timestamp, Vec<Ipv4Addr>) {
        let key = (name.to_owned(), kind::A);
        if let Some((until, reply)) = self.kept.get(&key)
            && at < *until
        {
            return (at, addresses(reply));
        }
        let (mut answered, reply) = self.query(at, name, kind::A);
        if self.stub.kinds >= Kinds::Both {
            let twin = at.plus_nanos(i64::from(self.dice.between(20, 900)) * 1000);
            answered = answered.max(self.query(twin, name, kind::AAAA).0);
        }
        let found = addresses(&reply);
        if found.is_empty()
            && let Some(suffix) = self.stub.suffix.clone()
        {
            let name = format!("{name}.{suffix}");
            answered = self.query(answered.plus_nanos(MILLI), &name, kind::A).0;
        }
        if self.stub.cache > 0 {
            let until = answered.plus_nanos(i64::from(self.stub.cache) * MILLI);
            self.kept.insert(key, (until, reply));
        }
        (answered, found)
    }

    /// A frame of its own or to it.
    pub(super) fn frame(&mut self, time: Timestamp, octets: Vec<u8>) {
        let octets = self.linked(octets);
        self.frames.push(Frame { time, octets });
    }

    /// A frame as it is.
    pub(super) fn raw(&mut self, time: Timestamp, octets: Vec<u8>) {
        self.frames.push(Frame { time, octets });
    }

    pub(super) fn take(&mut self, packets: impl Iterator<Item = Packet>) {
        for packet in packets {
            self.frame(packet.time, packet.octets);
        }
    }

    /// Puts its own link address beside its network address; all else comes from the router.
    fn linked(&self, mut octets: Vec<u8>) -> Vec<u8> {
        let router = [0x02, 0x10, 0, 0, 0, 1];
        let from_here = match self.address {
            IpAddr::V4(v4) => octets.get(26..30) == Some(&v4.octets()[..]),
            IpAddr::V6(v6) => octets.get(22..38) == Some(&v6.octets()[..]),
        };
        let ends = if from_here {
            [router, self.mac]
        } else {
            [self.mac, router]
        };
        if let Some(head) = octets.get_mut(..12) {
            head.copy_from_slice(ends.as_flattened());
        }
        octets
    }

    /// A pause of so many milliseconds, about.
    pub(super) fn pause(&mut self, from: u32, to: u32) -> i64 {
        i64::from(self.dice.between(from, to)) * MILLI
    }
}

/// The IPv4 addresses of an answer.
pub(super) fn addresses(reply: &Reply) -> Vec<Ipv4Addr> {
    let answers = reply.answers.iter();
    answers
        .filter_map(|record| match record.data {
            Data::A(address) => Some(address),
            _ => None,
        })
        .collect()
}

/// The exchangers of an answer, in its order.
pub(super) fn exchangers(reply: &Reply) -> Vec<String> {
    let answers = reply.answers.iter();
    answers
        .filter_map(|record| match &record.data {
            Data::Mx(_, host) => Some(host.clone()),
            _ => None,
        })
        .collect()
}

/// The address that came along with the exchangers.
pub(super) fn glue(reply: &Reply) -> Option<Ipv4Addr> {
    let mut additional = reply.additional.iter();
    additional.find_map(|record| match record.data {
        Data::A(address) => Some(address),
        _ => None,
    })
}

fn mixed(name: &str, dice: &mut Dice) -> String {
    let letters = name.chars().map(|letter| {
        if dice.chance(500) {
            letter.to_ascii_uppercase()
        } else {
            letter
        }
    });
    letters.collect()
}

/// Seconds later.
pub(super) fn seconds(time: Timestamp, seconds: i64) -> Timestamp {
    time.plus_nanos(seconds * NANOS)
}
