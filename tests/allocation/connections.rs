//! Connections that go on allocate nothing per packet, and one that is new a few times.

use super::memory::{address, ip};
use super::{ALLOCATOR, ALONE, asked_for, record};
use mxray::count::{Counters, Settings};
use mxray::time::Timestamp;
use stats_alloc::Region;

/// 2026-01-05T00:00:00Z.
const START: i64 = 1_767_571_200;
/// Clients, each with a connection.
const CLIENTS: u32 = 50;
/// Seconds that are measured.
const SECONDS: u32 = 10;

/// Seconds before that.
const WARM: u32 = 5;

const FIN: u8 = 1;
const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

use Side::{Client, Server};

/// A segment: who says what. Without octets it acknowledges.
type Segment<'a> = (Side, &'a [u8]);

/// What is said before the first letter.
const GREETING: [Segment<'_>; 3] = [
    (Server, b"220 mx.example.com ESMTP\r\n"),
    (Client, b"EHLO client.example.net\r\n"),
    (Server, b"250-mx.example.com\r\n250 PIPELINING\r\n"),
];

/// A letter up to its text.
const ENVELOPE: [Segment<'_>; 6] = [
    (Client, b"MAIL FROM:<a@example.net>\r\n"),
    (Server, b"250 2.1.0 Ok\r\n"),
    (Client, b"RCPT TO:<b@example.com>\r\n"),
    (Server, b"250 2.1.5 Ok\r\n"),
    (Client, b"DATA\r\n"),
    (Server, b"354 Go on\r\n"),
];

/// The end of a letter, and of the connection.
const END: [Segment<'_>; 4] = [
    (Client, b"\r\n.\r\n"),
    (Server, b"250 2.0.0 Ok\r\n"),
    (Client, b"QUIT\r\n"),
    (Server, b"221 2.0.0 Bye\r\n"),
];

/// Commands of which nothing is told, and their replies.
const COMMANDS: [Segment<'_>; 6] = [
    (Client, b"NOOP\r\n"),
    (Server, b"250 2.0.0 Ok\r\n"),
    (Client, b"RSET\r\n"),
    (Server, b"250 2.0.0 Ok\r\n"),
    (Client, b"VRFY b@example.com\r\n"),
    (Server, b"252 2.0.0 b@example.com\r\n"),
];

/// A TCP connection of a client to a port.
struct Connection {
    client: u32,
    client_port: u16,
    port: u16,
    /// The next numbers of client and server.
    numbers: [u32; 2],
}

impl Connection {
    /// One that begins, and its frames so far.
    fn open(client: u32, client_port: u16, port: u16) -> (Self, Vec<Vec<u8>>) {
        let mut connection = Self {
            client,
            client_port,
            port,
            numbers: [1_000, 2_000],
        };
        let frames = vec![
            connection.frame(Client, SYN, b""),
            connection.frame(Server, SYN | ACK, b""),
            connection.frame(Client, ACK, b""),
        ];
        (connection, frames)
    }

    fn close(&mut self) -> Vec<Vec<u8>> {
        vec![
            self.frame(Client, FIN | ACK, b""),
            self.frame(Server, FIN | ACK, b""),
            self.frame(Client, ACK, b""),
        ]
    }

    fn says(&mut self, segments: &[Segment<'_>]) -> Vec<Vec<u8>> {
        let frames = segments.iter().map(|&(side, octets)| {
            let push = if octets.is_empty() { 0 } else { PSH };
            self.frame(side, push | ACK, octets)
        });
        frames.collect()
    }

    fn frame(&mut self, side: Side, flags: u8, octets: &[u8]) -> Vec<u8> {
        let mut ends = [address(self.client), [203, 0, 113, 25]];
        let mut ports = [self.client_port, self.port];
        let [mut sent, mut had] = self.numbers;
        let taken = u32::try_from(octets.len()).unwrap() + u32::from(flags & (SYN | FIN) != 0);
        if side == Client {
            self.numbers[0] += taken;
        } else {
            self.numbers[1] += taken;
            ends.reverse();
            ports.reverse();
            (sent, had) = (had, sent);
        }
        let mut tcp = Vec::new();
        tcp.extend(ports.map(u16::to_be_bytes).as_flattened());
        tcp.extend(sent.to_be_bytes());
        tcp.extend(if flags & ACK == 0 { 0 } else { had }.to_be_bytes());
        tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(octets);
        ip(6, ends, &tcp)
    }
}

fn at(second: u32) -> Timestamp {
    Timestamp::from_parts(START + i64::from(second), 0)
}

/// What connections that go on ask of the allocator.
struct Cost {
    packets: u64,
    recording: usize,
    closing: usize,
}

/// Opens a connection for each client and has it say `begin`, and then `again` so many `times` a
/// second. Some seconds go by before it is measured.
fn going_on(port: u16, begin: &[Segment<'_>], again: &[Segment<'_>], times: usize) -> Cost {
    let mut counters = Counters::new(Settings::default());
    let mut connections = Vec::new();
    for client in 0..CLIENTS {
        let (mut connection, mut frames) = Connection::open(client, 50_000, port);
        frames.extend(connection.says(begin));
        record(&mut counters, &frames, at(0));
        connections.push(connection);
    }
    let mut cost = Cost {
        packets: 0,
        recording: 0,
        closing: 0,
    };
    let before = counters.packets().tcp.segments;
    for second in 1..=WARM + SECONDS {
        let mut frames = Vec::new();
        for connection in &mut connections {
            for _ in 0..times {
                frames.extend(connection.says(again));
            }
        }
        let region = Region::new(ALLOCATOR);
        drop(counters.close(at(second).second() - 3));
        let closing = asked(&region);
        let region = Region::new(ALLOCATOR);
        let packets = record(&mut counters, &frames, at(second));
        let recording = asked(&region);
        if second > WARM {
            cost.packets += packets;
            cost.recording += recording;
            cost.closing += closing;
        }
    }
    // All was read, in order and to its end.
    let said = again.iter().map(|(_, octets)| octets.len()).sum::<usize>() * times;
    let said = u64::try_from(said).unwrap() * u64::from(CLIENTS * (WARM + SECONDS));
    let after = counters.packets().tcp.segments;
    assert_eq!(after.octets - before.octets, said);
    assert_eq!((after.reordered, after.holes), (0, 0));
    cost
}

fn asked(region: &Region<'_, std::alloc::System>) -> usize {
    let (allocations, reallocations) = asked_for(&region.change());
    allocations + reallocations
}

/// `octets` in segments of a size that is usual, each second one of them acknowledged.
fn segments(octets: &[u8]) -> Vec<Segment<'_>> {
    let full = octets.chunks(1_448).map(|octets| (Client, octets));
    let full = full.collect::<Vec<_>>();
    full.chunks(2)
        .flat_map(|pair| [pair, &[(Server, b"")]].concat())
        .collect()
}

/// So many octets of a letter, whose lines do not end where segments do.
fn letter(octets: usize) -> Vec<u8> {
    let line = b"A line of a letter, as long as lines of letters are nowadays.\r\n";
    line.iter().copied().cycle().take(octets).collect()
}

/// A letter that each client sends, and does not come to its end: the frames of each second.
pub(super) fn endless_letters(seconds: u32) -> Vec<Vec<Vec<u8>>> {
    let text = letter(10 * 1_448);
    let mut connections = Vec::new();
    let mut first = Vec::new();
    for client in 0..CLIENTS {
        let (mut connection, begin) = Connection::open(client, 50_000, 25);
        first.extend(begin);
        first.extend(connection.says(&[&GREETING[..], &ENVELOPE].concat()));
        connections.push(connection);
    }
    let others = (1..seconds).map(|_| {
        let letters = connections.iter_mut();
        letters
            .flat_map(|letter| letter.says(&segments(&text)))
            .collect()
    });
    std::iter::once(first).chain(others).collect()
}

/// A DNS message with the octets of its length before it (RFC 1035 section 4.2.2).
fn message(reply: bool) -> Vec<u8> {
    let frame = super::frame(1, "www.example.com", super::A, reply);
    // Behind the headers of Ethernet, IPv4 and UDP.
    let (_, message) = frame.split_at(14 + 20 + 8);
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes(), message].concat()
}

/// A TLS record of that type.
fn tls(kind: u8, octets: u16) -> Vec<u8> {
    let [high, low] = octets.to_be_bytes();
    let header = [kind, 3, 3, high, low];
    [&header[..], &vec![0x5a; octets.into()]].concat()
}

#[test]
fn a_connection_that_goes_on_allocates_nothing_per_packet() {
    let _alone = ALONE.lock();
    let letter = letter(40 * 1_448);
    let to_letter = [&GREETING[..], &ENVELOPE].concat();
    let (hello, answer, data) = (tls(22, 512), tls(22, 1_380), tls(23, 16_000));
    let to_tls = [(Client, &hello[..]), (Server, &answer)];
    let (query, reply) = (message(false), message(true));
    let (begun, ended) = query.split_at(10);
    let lookups = [
        (Client, &query[..]),
        (Server, &reply),
        (Client, begun),
        (Client, ended),
        (Server, &reply),
    ];
    for (name, port, begin, again, times) in [
        ("a letter", 25, &to_letter[..], &segments(&letter)[..], 1),
        ("commands", 25, &GREETING, &COMMANDS, 10),
        ("a letter in TLS", 465, &to_tls, &segments(&data), 5),
        ("lookups by TCP", 53, &[], &lookups, 10),
    ] {
        let cost = going_on(port, begin, again, times);
        let (packets, recording, closing) = (cost.packets, cost.recording, cost.closing);
        println!("{name}: {packets} packets: {recording}, and {closing} in closing {SECONDS} s");
        assert!(packets >= 20_000, "{name}: {packets}");
        assert_eq!(recording, 0, "{name}, {packets} packets");
        // What the site's connections look like is told once a second.
        assert!(closing <= SECONDS as usize, "{name}: {closing}");
    }
}

/// A MAIL command alone does: its sender's domain is written in lower case.
#[test]
fn a_letter_allocates_a_few_times_however_long_it_is() {
    let _alone = ALONE.lock();
    for octets in [1_000, 100_000] {
        let text = [&letter(octets)[..], b"\r\n.\r\n"].concat();
        let accepted = [(Server, &b"250 2.0.0 Ok\r\n"[..])];
        let again = [&ENVELOPE[..], &segments(&text), &accepted].concat();
        let cost = going_on(25, &GREETING, &again, 2);
        let letters = 2 * (CLIENTS * SECONDS) as usize;
        let (packets, recording, closing) = (cost.packets, cost.recording, cost.closing);
        println!("{letters} letters in {packets} packets: {recording}, and {closing} in closing");
        // Measured: 1 for each, and a few lists of facts.
        assert!(recording <= 2 * letters, "{recording} of {letters} letters");
        // Measured: 4 for each host and second, of what is told of it.
        let told = (CLIENTS * SECONDS) as usize;
        assert!(closing <= 6 * told, "{closing} in {told} seconds of hosts");
    }
}

/// It has lines, replies and a session to remember, until a quarter of an hour after its end.
#[test]
fn a_new_connection_allocates_a_few_times() {
    let _alone = ALONE.lock();
    let text = letter(29_000);
    let dialogue = [&GREETING[..], &ENVELOPE, &segments(&text), &END].concat();
    let mut counters = Counters::new(Settings::default());
    let (mut packets, mut most) = (0, 0);
    for round in 0..20_u16 {
        let mut frames = Vec::new();
        for client in 0..CLIENTS {
            let (mut connection, begin) = Connection::open(client, 50_000 + round, 25);
            frames.extend(begin);
            frames.extend(connection.says(&dialogue));
            frames.extend(connection.close());
        }
        // From the tenth on, places of others are taken.
        let now = 100 * u32::from(round);
        let region = Region::new(ALLOCATOR);
        drop(counters.close(at(now).second() - 3));
        packets = record(&mut counters, &frames, at(now));
        if round >= 12 {
            most = most.max(asked(&region));
        }
    }
    assert_eq!(counters.packets().connections, 10 * u64::from(CLIENTS));
    println!("{CLIENTS} connections of {packets} packets in all: {most}");
    // Measured: 10 for each, of 51 packets.
    assert!(most <= 14 * CLIENTS as usize, "{most}");
}
