//! The captures that a replay is measured with, the same bytes on every machine: small DNS
//! packets, each query followed by its reply, or a campus's mix of those with mail. They are
//! about cost, not about verdicts: `mxray synth` makes traffic to be judged.

use anyhow::Result;
use rand_core::Rng as _;
use rand_pcg::Pcg32;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

#[path = "mail.rs"]
mod mail;

/// What a capture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// DNS alone.
    Dns,
    /// Of a hundred packets 70 of the DNS, 25 of SMTP, 5 of the web.
    Campus,
}

impl Profile {
    pub(crate) const ALL: [Self; 2] = [Self::Dns, Self::Campus];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Campus => "campus",
        }
    }
}

/// Mail sessions that go on at a time.
const SESSIONS: usize = 2_000;

/// Part of the file's name: to be raised with any change here, so that an older file is not
/// measured for this one.
pub(crate) const VERSION: u32 = 1;

/// Clients, 198.18.0.0 and up (RFC 2544). Every hundredth sends mail by itself.
const CLIENTS: u32 = 2_000;
/// Names that are asked for again and again.
const KNOWN: u32 = 20_000;
/// Of a thousand queries so many ask a name that nobody has asked before.
const NEW_PERMILLE: u32 = 400;
/// Between a query and the next: 10 million packets are an hour.
const INTERVAL_MICROS: u64 = 720;
/// 2026-01-05T00:00:00Z.
const START: u64 = 1_767_571_200;
const RESOLVER: [u8; 4] = [192, 0, 2, 53];

const A: u16 = 1;
const SOA: u16 = 6;
const PTR: u16 = 12;
const MX: u16 = 15;
const AAAA: u16 = 28;
const HTTPS: u16 = 65;

/// Writes so many packets to `path`, and says what they are.
pub(crate) fn write(path: &Path, profile: Profile, packets: u64) -> Result<String> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for word in [0xa1b2_c3d4, 2 | 4 << 16, 0, 0, 262_144, 1_u32] {
        out.write_all(&word.to_le_bytes())?;
    }
    let mut traffic = Traffic::new(profile);
    let mut frame = Vec::with_capacity(2_048);
    let mut octets = 0_u64;
    for packet in 0..packets {
        traffic.frame(&mut frame);
        let length = u32::try_from(frame.len())?;
        let time = packet * INTERVAL_MICROS / 2;
        let seconds = u32::try_from(START + time / 1_000_000)?;
        let micros = u32::try_from(time % 1_000_000)?;
        for word in [seconds, micros, length, length] {
            out.write_all(&word.to_le_bytes())?;
        }
        out.write_all(&frame)?;
        octets += u64::from(length);
    }
    out.flush()?;
    Ok(format!(
        "{packets} packets of {} octets in the mean, {} queries of {} for a new name",
        octets / packets,
        traffic.fresh,
        traffic.queries,
    ))
}

/// What comes next.
struct Traffic {
    profile: Profile,
    dice: Dice,
    fresh: u64,
    queries: u64,
    /// The query that waits for its reply.
    asked: Option<Query>,
    sessions: Vec<mail::Session>,
}

impl Traffic {
    fn new(profile: Profile) -> Self {
        let mut dice = Dice(Pcg32::new(1, 1));
        let sessions = if profile == Profile::Campus {
            SESSIONS
        } else {
            0
        };
        let begin = || mail::Session::begin(&mut dice, CLIENTS);
        let sessions = std::iter::repeat_with(begin).take(sessions).collect();
        Self {
            profile,
            dice,
            fresh: 0,
            queries: 0,
            asked: None,
            sessions,
        }
    }

    fn frame(&mut self, frame: &mut Vec<u8>) {
        if let Some(query) = self.asked.take() {
            return query.frame(true, frame);
        }
        // A query brings a reply, so that of 65 turns 35 make 70 packets.
        let turn = match self.profile {
            Profile::Dns => 0,
            Profile::Campus => self.dice.below(65),
        };
        match turn {
            0..35 => {
                let query = Query::roll(&mut self.dice, &mut self.fresh);
                query.frame(false, frame);
                self.queries += 1;
                self.asked = Some(query);
            }
            35..60 => self.mail(frame),
            _ => web(self.dice.below(CLIENTS), frame),
        }
    }

    fn mail(&mut self, frame: &mut Vec<u8>) {
        let which = usize::from(self.dice.word()) % SESSIONS;
        if let Some(session) = self.sessions.get_mut(which) {
            while session.frame(frame).is_none() {
                *session = mail::Session::begin(&mut self.dice, CLIENTS);
            }
        }
    }
}

/// A segment of a connection to a web server.
fn web(client: u32, frame: &mut Vec<u8>) {
    let [_, _, high, low] = client.to_be_bytes();
    frame.clear();
    frame.extend([0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, high, low, 8, 0]);
    frame.extend([0x45, 0, 5, 220, 0, 0, 0x40, 0, 64, 6, 0, 0]);
    frame.extend([203, 0, 113, 80, 198, 18, high, low, 1, 187, 0xc0, low]);
    frame.extend([0; 8]);
    frame.extend([0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend([0xa5; 1_460]);
}

struct Dice(Pcg32);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0.next_u32() % limit
    }

    fn word(&mut self) -> u16 {
        (self.0.next_u32() >> 16) as u16
    }
}

/// A query, and with it its reply.
struct Query {
    client: u32,
    port: u16,
    id: u16,
    qtype: u16,
    /// With length octets and the root.
    name: Vec<u8>,
    missing: bool,
    address: u32,
}

impl Query {
    fn roll(dice: &mut Dice, fresh: &mut u64) -> Self {
        let client = dice.below(CLIENTS);
        let mails = client.is_multiple_of(100);
        let qtype = match (mails, dice.below(100)) {
            (true, 0..60) => MX,
            (true, _) | (false, 0..60) => A,
            (false, 60..85) => AAAA,
            (false, 85..95) => HTTPS,
            _ => PTR,
        };
        let domain = if dice.below(1000) < NEW_PERMILLE {
            *fresh += 1;
            u64::from(KNOWN) + *fresh
        } else {
            // Twice the dice: few names are asked for often and many seldom.
            let ceiling = dice.below(KNOWN) + 1;
            u64::from(dice.below(ceiling))
        };
        Self {
            client,
            port: 1024 | dice.word(),
            id: dice.word(),
            qtype,
            name: name(qtype, mails, domain),
            missing: dice.below(100) < 5,
            address: dice.0.next_u32() >> 8,
        }
    }

    fn frame(&self, reply: bool, frame: &mut Vec<u8>) {
        let [_, _, high, low] = self.client.to_be_bytes();
        let client = [198, 18, high, low];
        let ends = [(client, self.port), (RESOLVER, 53)];
        let [(source, from), (destination, to)] = if reply { [ends[1], ends[0]] } else { ends };
        frame.clear();
        // Ethernet, locally administered addresses, IPv4.
        frame.extend([0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, high, low, 8, 0]);
        let mut message = Vec::with_capacity(200);
        self.message(reply, &mut message);
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX) + 8;
        let [id0, id1] = self.id.to_be_bytes();
        let [len0, len1] = (length + 20).to_be_bytes();
        let mut header = vec![0x45, 0, len0, len1, id0, id1, 0x40, 0, 64, 17, 0, 0];
        header.extend(source);
        header.extend(destination);
        let [sum0, sum1] = checksum(&header).to_be_bytes();
        header.splice(10..12, [sum0, sum1]);
        frame.extend(header);
        // A UDP checksum of 0 says that there is none.
        frame.extend([from, to, length, 0].map(u16::to_be_bytes).as_flattened());
        frame.extend(message);
    }

    fn message(&self, reply: bool, out: &mut Vec<u8>) {
        let answers = match self.qtype {
            _ if !reply || self.missing => 0,
            A | MX => 2,
            AAAA | PTR => 1,
            _ => 0,
        };
        let negative = u16::from(reply && answers == 0);
        let flags = match (reply, self.missing) {
            (false, _) => 0x0100,
            (true, false) => 0x8180,
            (true, true) => 0x8183,
        };
        words(out, &[self.id, flags, 1, answers, negative, 0]);
        out.extend(&self.name);
        words(out, &[self.qtype, 1]);
        for (answer, digit) in (0_u16..answers).zip(1_u8..) {
            // The owner is the question's name; class IN, an hour.
            words(out, &[0xc00c, self.qtype, 1, 0, 3600]);
            let [a, b, c] = [self.address >> 16, self.address >> 8, self.address]
                .map(|octet| (octet & 0xff) as u8);
            match self.qtype {
                A => {
                    words(out, &[4]);
                    out.extend([10 + digit, a, b, c]);
                }
                AAAA => {
                    words(out, &[16, 0x2001, 0x0db8, 0, 0, 0, 0, 0]);
                    out.extend([a, b]);
                }
                MX => {
                    words(out, &[8, 10 * (answer + 1)]);
                    out.extend([3, b'm', b'x', b'0' + digit, 0xc0, 0x0c]);
                }
                _ => {
                    words(out, &[7]);
                    out.extend(b"\x04host\xc0\x0c");
                }
            }
        }
        if negative == 1 {
            words(out, &[0xc00c, SOA, 1, 0, 3600, 27]);
            out.extend(b"\x02ns\xc0\x0c");
            words(out, &[0xc00c, 0, 1, 0, 7200, 0, 900, 9, 14976, 0, 3600]);
        }
    }
}

fn name(qtype: u16, mails: bool, domain: u64) -> Vec<u8> {
    let [.., b, c, d] = domain.to_be_bytes();
    let text = match qtype {
        PTR => format!("{b}.{c}.{d}.198.in-addr.arpa"),
        MX => format!("site{domain:x}.example.com"),
        // A mail engine guesses; others ask for what a page links to.
        A if mails => format!("mail.site{domain:x}.example.com"),
        _ => format!("www{}.shop-{domain:x}.co.jp", domain % 3),
    };
    let mut name = Vec::with_capacity(text.len() + 2);
    for label in text.split('.') {
        name.push(u8::try_from(label.len()).unwrap_or(0));
        name.extend(label.bytes());
    }
    name.push(0);
    name
}

fn words(out: &mut Vec<u8>, words: &[u16]) {
    for word in words {
        out.extend(word.to_be_bytes());
    }
}

/// RFC 1071, of an even number of octets.
fn checksum(octets: &[u8]) -> u16 {
    let (words, _) = octets.as_chunks::<2>();
    let sum: u32 = words
        .iter()
        .map(|&word| u32::from(u16::from_be_bytes(word)))
        .sum();
    // The carries are added, and the one that this may make.
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).unwrap_or_default()
}
