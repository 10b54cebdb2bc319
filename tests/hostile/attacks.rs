//! What an attacker sends to fill a table: each a sequence of packets of any length, of which
//! the one with a number follows from the number alone.

use super::wire::{A, ACK, Ends, MX, PTR, SYN, datagram, ethernet, ipv4, mix, query, tcp, udp};
use mxray::count::{names, shard_of};
use mxray::host::HostAddr;
use std::net::Ipv4Addr;
use std::sync::LazyLock;

/// When the packets of a flood come.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// Evenly.
    Even,
    /// Evenly; each source has so many packets, with numbers one after the other, which come more
    /// than a second apart.
    Again(u64),
    /// In so many parts: the first one evenly, so that its hosts are known, each other one within
    /// a second.
    Bursts(u64),
}

/// A flood.
#[derive(Clone, Copy)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// What it is, in one line.
    pub(crate) summary: &'static str,
    pub(crate) pace: Pace,
    /// The frame with that number.
    pub(crate) frame: fn(u64) -> Vec<u8>,
    /// What of the totals says that a bound was met, where it was, or else that the flood was seen:
    /// it is more than of the bot alone.
    pub(crate) told: &'static [&'static str],
}

const RESOLVER: (Ipv4Addr, u16) = (Ipv4Addr::new(198, 51, 100, 53), 53);
const TRACKED: &str = "/hosts/tracked";
const EVICTED: &str = "/hosts/evicted";
const CONNECTIONS: &str = "/tcp/evicted";
const SHED: &str = "/tcp/shed";
const OMITTED: &str = "/observations_omitted";

pub(crate) const ATTACKS: [Attack; 24] = [
    Attack {
        name: "sources",
        summary: "an A query from each of so many spoofed sources",
        pace: Pace::Even,
        frame: |number| asks(source(number), number, &web(number), A),
        told: &[EVICTED],
    },
    Attack {
        name: "sources-again",
        summary: "three A queries from each spoofed source, so that it counts as a regular",
        pace: Pace::Even,
        frame: |number| asks(source(number / 3), number, &web(number), A),
        told: &[EVICTED],
    },
    Attack {
        name: "sources-one-shard",
        summary: "the same with sources that all fall into the watched bot's shard",
        pace: Pace::Even,
        frame: |number| asks(neighbour(number / 3), number, &web(number), A),
        told: &[EVICTED],
    },
    Attack {
        name: "sources-mail",
        summary: "an MX query from each spoofed source, so that it is one to be watched",
        pace: Pace::Even,
        frame: |number| asks(source(number), number, &domain(number % 5_000), MX),
        told: &[EVICTED],
    },
    Attack {
        name: "sources-mail-again",
        summary: "MX queries of each spoofed source in four seconds, so that it goes on as a bot does",
        pace: Pace::Again(4),
        frame: |number| asks(source(number / 4), number, &domain(mix(number) % 5_000), MX),
        told: &[EVICTED],
    },
    Attack {
        name: "names",
        summary: "random names of A and PTR, asked by 50 hosts",
        pace: Pace::Even,
        frame: |number| {
            let (name, kind) = if number.is_multiple_of(2) {
                (format!("{:x}.flood.test", mix(number)), A)
            } else {
                (reverse(source(number)), PTR)
            };
            asks(inside(number % 50), number, &name, kind)
        },
        told: &[TRACKED],
    },
    Attack {
        name: "names-of-many",
        summary: "random names, asked by 100,000 hosts",
        pace: Pace::Even,
        frame: |number| {
            let name = format!("{:x}.flood.test", mix(number));
            asks(inside(mix(number) % 100_000), number, &name, A)
        },
        told: &[EVICTED],
    },
    Attack {
        name: "mail-names",
        summary: "MX of random domains and guessed mail hosts of others, asked by 20,000 hosts",
        pace: Pace::Even,
        frame: |number| {
            let (name, kind) = if number.is_multiple_of(2) {
                (domain(mix(number)), MX)
            } else {
                (format!("mail.{}", domain(mix(number))), A)
            };
            asks(inside(mix(number) % 20_000), number, &name, kind)
        },
        told: &[EVICTED],
    },
    Attack {
        name: "syn-25",
        summary: "a SYN to port 25 of a random server from each spoofed source",
        pace: Pace::Even,
        frame: |number| tcp(to_mail(number, 25), SYN, [low(mix(number)), 0], b""),
        told: &[CONNECTIONS],
    },
    Attack {
        name: "syn-few",
        summary: "SYNs to port 25 of random servers from 200 hosts",
        pace: Pace::Even,
        frame: |number| {
            let ends = Ends {
                from: (inside(number % 200), port(number)),
                ..to_mail(number, 25)
            };
            tcp(ends, SYN, [low(mix(number)), 0], b"")
        },
        told: &[EVICTED],
    },
    Attack {
        name: "half-open-smtp",
        summary: "mail sessions of spoofed sources that stop in the middle of an envelope",
        pace: Pace::Even,
        frame: |number| {
            let lines: [(bool, &[u8]); 3] = [
                (false, b"220 mx.test ESMTP\r\n"),
                (true, b"EHLO pc\r\n"),
                (true, b"MAIL FROM:<a@b.te"),
            ];
            said(number, 25, &lines)
        },
        told: &[CONNECTIONS],
    },
    Attack {
        name: "long-lines",
        summary: "commands without an end, in a session of each spoofed source",
        pace: Pace::Even,
        frame: |number| said(number, 25, &[(true, [b'x'; 1_200].as_slice()); 6]),
        told: &[CONNECTIONS],
    },
    Attack {
        name: "headers",
        summary: "letters of headers without an end, in 64 sessions",
        pace: Pace::Even,
        frame: |number| {
            let (flow, step) = (number % 64, number / 64);
            let header = b"X-Header: value of a header, again and again\r\n".repeat(25);
            let lines: [(bool, &[u8]); 7] = [
                (false, b"220 mx.test ESMTP\r\n"),
                (true, b"HELO pc\r\n"),
                (false, b"250 hello\r\n"),
                (
                    true,
                    b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n",
                ),
                (false, b"250 ok\r\n250 ok\r\n354 go on\r\n"),
                (true, &header),
                (true, &header),
            ];
            endless(flow, 25, step, &lines)
        },
        told: &[TRACKED],
    },
    Attack {
        name: "tls-hellos",
        summary: "client hellos that claim 16 KiB and never end, of each spoofed source",
        pace: Pace::Even,
        frame: |number| {
            let mut first = vec![22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3];
            first.resize(1_400, 0x5a);
            let rest = [0x5a; 1_400];
            let mut lines: [(bool, &[u8]); 11] = [(true, &rest); 11];
            lines[0] = (true, &first);
            said(number, 465, &lines)
        },
        told: &[CONNECTIONS],
    },
    Attack {
        name: "dns-tcp",
        summary: "DNS over TCP, messages of 64 KiB that never end, of each spoofed source",
        pace: Pace::Even,
        frame: |number| {
            let mut first = vec![0xff, 0xff];
            first.extend(query(number, "a.test", A));
            first.resize(1_400, 0);
            let rest = [0; 1_400];
            let mut lines: [(bool, &[u8]); 40] = [(true, &rest); 40];
            lines[0] = (true, &first);
            said(number, 53, &lines)
        },
        told: &[SHED],
    },
    Attack {
        name: "holes",
        summary: "mail sessions of spoofed sources with a hole before 56 kB",
        pace: Pace::Even,
        frame: |number| said_behind(number, 25, 1_000, &[(true, [b'x'; 1_400].as_slice()); 40]),
        told: &[SHED],
    },
    Attack {
        name: "fragments",
        summary: "first fragments whose rest never comes",
        pace: Pace::Even,
        frame: |number| {
            let ends = Ends::new((source(number), port(number)), RESOLVER);
            let mut octets = datagram(ends, &query(number, &web(number), A));
            octets.resize(1_400, 0);
            ipv4(ends, 17, (port(number), 0x2000), &octets)
        },
        told: &["/packets/fragments_unfinished"],
    },
    Attack {
        name: "pointers",
        summary: "replies whose names are chains of 127 compression pointers",
        pace: Pace::Even,
        frame: |number| {
            let mut message = query(number, "a.test", MX);
            message[2] = 0x81;
            message[7] = 1;
            // A name that leads back, pointer by pointer.
            let begin = message.len();
            message.extend([1, b'z', 0]);
            for step in 0..127 {
                let to = if step == 0 {
                    begin
                } else {
                    begin + 1 + 2 * step
                };
                message.extend((0xc000 | u16::try_from(to).unwrap()).to_be_bytes());
            }
            message.extend([0, 15, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12]);
            let ends = Ends::new((inside(number % 50), port(number)), RESOLVER);
            udp(ends.turned(), &message)
        },
        told: &["/packets/malformed/dns-record"],
    },
    Attack {
        name: "irc",
        summary: "chat of spoofed sources that register and join channel after channel",
        pace: Pace::Even,
        frame: |number| {
            let line = format!("NICK n{number}\r\nUSER u 0 * :u\r\nJOIN #c{number}\r\n");
            said(
                number,
                6667,
                &[(true, line.as_bytes()), (true, line.as_bytes())],
            )
        },
        told: &[EVICTED],
    },
    Attack {
        name: "arp",
        summary: "ARP replies and neighbour advertisements of made-up machines, and queries from each",
        pace: Pace::Even,
        frame: |number| match number % 4 {
            0 => arp(number / 4),
            1 => advertisement(number / 4),
            _ => {
                let from = source(number / 4);
                let mut frame = asks(from, number, &domain(number % 5_000), MX);
                frame[6..12].copy_from_slice(&station(number / 4));
                frame
            }
        },
        told: &[EVICTED],
    },
    Attack {
        name: "servers",
        summary: "queries of a thousand hosts to a random DNS server each",
        pace: Pace::Even,
        frame: |number| {
            let from = (inside(number % 1_000), port(number));
            let to = (source(number), 53);
            udp(Ends::new(from, to), &query(number, &web(number), A))
        },
        told: &["/floods/queries_omitted"],
    },
    Attack {
        name: "facts",
        summary: "MX queries of random domains by 3,000 hosts that are known, all in the same seconds",
        pace: Pace::Bursts(4),
        frame: |number| asks(source(number % 3_000), number, &domain(mix(number)), MX),
        told: &[EVICTED],
    },
    Attack {
        name: "facts-one-shard",
        summary: "the same by 1,000 hosts that all fall into the watched bot's shard",
        pace: Pace::Bursts(4),
        frame: |number| asks(neighbour(number % 1_000), number, &domain(mix(number)), MX),
        told: &[OMITTED],
    },
    Attack {
        name: "collisions",
        summary: "MX and guesses of 256 names whose hashes fall into one slot, asked by four hosts",
        pace: Pace::Even,
        frame: |number| {
            let name = &COLLIDING[usize::try_from(number % 256).unwrap()];
            let kind = if number.is_multiple_of(3) { A } else { MX };
            asks(inside(number % 4), number, name, kind)
        },
        told: &[TRACKED],
    },
];

fn low(bits: u64) -> u32 {
    u32::try_from(bits & 0xffff_ffff).unwrap()
}

fn port(number: u64) -> u16 {
    1_024 + u16::try_from(mix(number) % 60_000).unwrap()
}

/// Anywhere but in 0.0.0.0/8, 10.0.0.0/8, where the bot is, and 127.0.0.0/8.
fn source(number: u64) -> Ipv4Addr {
    let bits = low(mix(number ^ 0x5eed));
    let first = [11, 172, 200][usize::try_from(number % 3).unwrap()] + (bits >> 24) % 15;
    Ipv4Addr::from(first << 24 | bits & 0xff_ffff)
}

/// One of few.
fn inside(number: u64) -> Ipv4Addr {
    Ipv4Addr::from(0x0a80_0000 + low(number))
}

/// The same number of sources, of the shard that the bot is in.
fn neighbour(number: u64) -> Ipv4Addr {
    let bot: std::net::IpAddr = super::bot::BOT.address.parse().unwrap();
    let shard = shard_of(HostAddr::from(bot));
    let mut tries = (0..).map(|turn| source(number * 1_000 + turn));
    let of_shard = |address: &Ipv4Addr| shard_of(HostAddr::from_v4(address.octets())) == shard;
    tries.find(of_shard).unwrap()
}

fn web(number: u64) -> String {
    format!("www.shop{}.test", number % 1_000)
}

fn domain(number: u64) -> String {
    format!("d{number:x}.test")
}

fn reverse(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("{d}.{c}.{b}.{a}.in-addr.arpa")
}

/// Names of mail hosts whose hashes agree in the bits by which the table of domains (8,192 slots)
/// and that of a server's minute (1,024 groups of names) find a place: both hash by a fixed seed.
static COLLIDING: LazyLock<Vec<String>> = LazyLock::new(|| {
    const SLOTS: u64 = 8_192;
    let hash = |name: &String| names::hash(&names::fold_text(name.as_bytes()).unwrap());
    let falls = |name: &String| hash(name).is_multiple_of(SLOTS);
    let names = (0_u64..).map(|number| format!("mail.{number:x}.test"));
    names.filter(falls).take(256).collect()
});

fn asks(from: Ipv4Addr, number: u64, name: &str, kind: u16) -> Vec<u8> {
    let ends = Ends::new((from, port(number)), RESOLVER);
    udp(ends, &query(mix(number), name, kind))
}

/// From a spoofed source to that port of a random server.
fn to_mail(number: u64, to: u16) -> Ends {
    let server = Ipv4Addr::from(0xc612_0000 | low(mix(number ^ 0x25)) & 0x1_ffff);
    Ends::new((source(number), port(number)), (server, to))
}

/// A connection for each so many packets: the handshake, and what is said then.
fn said(number: u64, to: u16, lines: &[(bool, &[u8])]) -> Vec<u8> {
    said_behind(number, to, 0, lines)
}

/// The same with so many octets of the client missing.
fn said_behind(number: u64, to: u16, missing: u32, lines: &[(bool, &[u8])]) -> Vec<u8> {
    // So many go on at a time, so that they are not one after the other.
    const TOGETHER: u64 = 256;
    let of_each = lines.len() as u64 + 2;
    let (turn, rest) = (number / (TOGETHER * of_each), number % (TOGETHER * of_each));
    let (step, flow) = (rest / TOGETHER, turn * TOGETHER + rest % TOGETHER);
    step_of(flow, to, step, missing, lines)
}

/// The steps of a connection whose last two lines come again and again.
fn endless(flow: u64, to: u16, step: u64, lines: &[(bool, &[u8])]) -> Vec<u8> {
    step_of(flow, to, step, 0, lines)
}

fn step_of(flow: u64, to: u16, step: u64, missing: u32, lines: &[(bool, &[u8])]) -> Vec<u8> {
    let ends = to_mail(flow, to);
    let step = usize::try_from(step).unwrap();
    let Some(turn) = step.checked_sub(2) else {
        return if step == 0 {
            tcp(ends, SYN, [0, 0], b"")
        } else {
            tcp(ends.turned(), SYN | ACK, [0, 1], b"")
        };
    };
    let before = |client: bool| {
        let mut octets = 0;
        for at in 0..turn {
            let (of_client, line) = lines[at.min(lines.len() - 1)];
            octets += usize::from(of_client == client) * line.len();
        }
        1 + u32::try_from(octets).unwrap()
    };
    let (client, line) = lines[turn.min(lines.len() - 1)];
    let [sent, heard] = [before(true), before(false)];
    if client {
        tcp(ends, ACK, [sent + missing, heard], line)
    } else {
        tcp(ends.turned(), ACK, [heard, sent], line)
    }
}

fn station(number: u64) -> [u8; 6] {
    let mut mac = [2; 6];
    mac[1..].copy_from_slice(&mix(number).to_be_bytes()[3..]);
    mac
}

/// "I have this address", in answer to nobody (RFC 826).
fn arp(number: u64) -> Vec<u8> {
    let (mac, address) = (station(number), source(number).octets());
    let mut packet = vec![0, 1, 8, 0, 6, 4, 0, 2];
    packet.extend(mac);
    packet.extend(address);
    packet.extend([0xff; 6]);
    packet.extend(address);
    ethernet([0xff; 6], mac, 0x0806, &packet)
}

/// The same by IPv6 (RFC 4861 section 4.4).
fn advertisement(number: u64) -> Vec<u8> {
    let mac = station(number);
    let mut address = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    address[8..].copy_from_slice(&mix(number).to_be_bytes());
    let mut message = vec![136, 0, 0, 0, 0x20, 0, 0, 0];
    message.extend(address);
    message.extend([2, 1]);
    message.extend(mac);
    let length = u8::try_from(message.len()).unwrap();
    let mut packet = vec![0x60, 0, 0, 0, 0, length, 58, 255];
    packet.extend(address);
    packet.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend(message);
    ethernet([0x33, 0x33, 0, 0, 0, 1], mac, 0x86dd, &packet)
}
