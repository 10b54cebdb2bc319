//! A DNS query and its reply.

use super::{Dice, Site};
use rand_core::Rng as _;

/// Names that are asked for again and again.
const KNOWN: u32 = 20_000;
/// Of a thousand queries so many ask a name that nobody has asked before.
const NEW_PERMILLE: u32 = 400;
const RESOLVER: [u8; 4] = [192, 0, 2, 53];

const A: u16 = 1;
const SOA: u16 = 6;
const PTR: u16 = 12;
const MX: u16 = 15;
const AAAA: u16 = 28;
const HTTPS: u16 = 65;

/// A query, and with it its reply.
pub(super) struct Query {
    /// Of the client.
    address: [u8; 4],
    port: u16,
    id: u16,
    qtype: u16,
    /// With length octets and the root.
    name: Vec<u8>,
    missing: bool,
    answer: u32,
}

impl Query {
    pub(super) fn roll(dice: &mut Dice, site: Site, fresh: &mut u64) -> Self {
        let client = site.asks(dice);
        let mails = site.mails(client);
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
            address: site.address(client),
            port: 1024 | dice.word(),
            id: dice.word(),
            qtype,
            name: name(qtype, mails, domain),
            missing: dice.below(100) < 5,
            answer: dice.0.next_u32() >> 8,
        }
    }

    pub(super) fn frame(&self, reply: bool, frame: &mut Vec<u8>) {
        let ends = [(self.address, self.port), (RESOLVER, 53)];
        let [(source, from), (destination, to)] = if reply { [ends[1], ends[0]] } else { ends };
        frame.clear();
        super::ethernet(self.address, frame);
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
            let [a, b, c] = [self.answer >> 16, self.answer >> 8, self.answer]
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
    let end = match domain % 8 {
        0..4 => "com",
        4 => "net",
        5 => "co.jp",
        6 => "co.uk",
        _ => "example.com",
    };
    let text = match qtype {
        PTR => format!("{b}.{c}.{d}.198.in-addr.arpa"),
        MX => format!("site{domain:x}.{end}"),
        // A mail engine guesses; others ask for what a page links to.
        A if mails => format!("mail.site{domain:x}.{end}"),
        _ => format!("www{}.shop-{domain:x}.{end}", domain % 3),
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
