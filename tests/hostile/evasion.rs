//! Tricks of a bot that knows how it is looked for: each is the traffic of a bot of the
//! evaluation with its packets changed, read by the whole sensor.

use super::bot::{Bot, of_row, time};
use super::sensor::{Ran, Timed, replay};
use super::wire::{A, ACK, Ends, FIN, MX, PTR, SYN, ipv4, mix, query, tcp, udp};
use mxray::time::{NANOS, Timestamp};
use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

/// A trick, and what must be said all the same.
struct Trick {
    name: &'static str,
    summary: &'static str,
    /// The evaluation's row whose packets are changed.
    row: &'static str,
    change: fn(&Bot) -> Vec<Timed>,
    /// The level that it comes to, and the class: with `suspected` it gets through.
    comes_to: [&'static str; 2],
}

const TRICKS: [Trick; 23] = [
    Trick {
        name: "none",
        summary: "MX lookups and deliveries, as they come",
        row: "gen2-mx",
        change: |bot| bot.frames.clone(),
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "case",
        summary: "names in mixed case",
        row: "gen2-mx",
        change: |bot| each_question(bot, mixed_case),
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "dots",
        summary: "a dot as the last octet of each first label",
        row: "gen2-mx",
        change: |bot| each_question(bot, dotted),
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "pointers",
        summary: "questions whose name is a pointer to octets behind them",
        row: "gen2-mx",
        change: |bot| each_question(bot, pointed),
        comes_to: ["likely", "spam-fanout"],
    },
    Trick {
        name: "dns-tcp",
        summary: "DNS over TCP, lengths and messages in segments of their own",
        row: "gen2-mx",
        change: over_tcp,
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "fragments",
        summary: "every packet in IP fragments of eight octets, the last one first",
        row: "gen2-mx",
        change: |bot| each(bot, fragmented),
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "octets",
        summary: "TCP segments of one octet",
        row: "gen2-mx",
        change: |bot| each(bot, one_by_one),
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "reversed",
        summary: "TCP segments of eight octets, each message's last one first",
        row: "gen2-mx",
        change: |bot| each(bot, backwards),
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "overlap-after",
        summary: "every TCP segment again with other octets",
        row: "gen2-mx",
        change: |bot| each(bot, |part| doubled(part, false)),
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "overlap-before",
        summary: "other octets before every segment of its own, which the server does not get",
        row: "gen2-mx",
        change: |bot| each(bot, |part| doubled(part, true)),
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "reset",
        summary: "an RST after each handshake, which the server does not get",
        row: "gen2-mx",
        change: |bot| each(bot, reset),
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "reset-outside",
        summary: "the same far outside of the window",
        row: "gen2-mx",
        change: |bot| each(bot, reset_outside),
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "ptr",
        summary: "a reverse lookup of another address for each MX lookup",
        row: "gen2-mx",
        change: |bot| decoys(bot, 1, |number| (reverse(number), PTR)),
        comes_to: ["likely", "hijacked-server"],
    },
    Trick {
        name: "ptr-few",
        summary: "one for every twenty, as the study's mail server made",
        row: "gen2-mx",
        change: |bot| decoys(bot, 20, |number| (reverse(number), PTR)),
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "slow",
        summary: "a letter in ten minutes",
        row: "slow-bot",
        change: |bot| bot.frames.clone(),
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "slower",
        summary: "the same forty times as slow: a few letters a day",
        row: "slow-bot",
        change: |bot| stretched(bot, SLOWER),
        comes_to: ["likely", "gen2-mx"],
    },
    Trick {
        name: "serves",
        summary: "it answers on port 25 to four hosts outside before it begins",
        row: "gen2-mx",
        change: serves_mail,
        comes_to: ["likely", "hijacked-server"],
    },
    Trick {
        name: "resolves",
        summary: "it asks without the wish for recursion, as resolvers do",
        row: "gen2-mx",
        change: |bot| each_question(bot, iterative),
        comes_to: ["suspected", "gen2-mx"],
    },
    Trick {
        name: "answers-dns",
        summary: "it answers DNS queries of an accomplice",
        row: "gen2-mx",
        change: answers_dns,
        comes_to: ["suspected", "gen2-mx"],
    },
    Trick {
        name: "browses",
        summary: "ten web names for each MX lookup",
        row: "gen2-mx",
        change: |bot| {
            decoys(bot, 1, |number| {
                (format!("www.shop{}.test", mix(number)), A)
            })
        },
        comes_to: ["confirmed", "gen2-mx"],
    },
    Trick {
        name: "guesses",
        summary: "guessed mail hosts and deliveries, as they come",
        row: "gen3-a",
        change: |bot| bot.frames.clone(),
        comes_to: ["confirmed", "gen3-a"],
    },
    Trick {
        name: "guesses-browses",
        summary: "the same with twenty web names for each delivery, to spoil the R²",
        row: "gen3-a",
        change: browses,
        comes_to: ["confirmed", "gen3-a"],
    },
    Trick {
        name: "hops",
        summary: "another of 64 source addresses for each server",
        row: "gen2-mx",
        change: hops,
        comes_to: ["suspected", "gen2-mx"],
    },
];

/// How many times as slow the slowest bot is.
const SLOWER: i64 = 40;

/// What came of a trick.
struct Came {
    level: String,
    class: String,
    score: f64,
    /// Recipient domains until it was convicted, and until its last packet.
    domains: (Option<usize>, usize),
}

fn came(trick: &Trick) -> Came {
    let bot = of_row(trick.row, 0);
    let frames = (trick.change)(&bot);
    let scale = if trick.name == "slower" { SLOWER } else { 1 };
    let ran = replay("--home 10.0.0.0/8", |wire| {
        let mut frames = frames.iter();
        frames.try_for_each(|(time, octets)| wire.frame(*time, octets))
    });
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.total("/packets/seen"), ran.packets);
    told(&ran, &bot, scale)
}

/// What was told of the bot, under any of its addresses: they are the only ones inside.
fn told(ran: &Ran, bot: &Bot, scale: i64) -> Came {
    let verdicts = ran.verdicts("");
    let mut verdicts: Vec<_> = verdicts.iter().collect();
    let score = |event: &serde_json::Value| event["mxray"]["score"].as_f64().unwrap_or(0.0);
    let convicts = |event: &&serde_json::Value| event["event"]["action"] == "host-convicted";
    let first = verdicts.iter().copied().find(convicts);
    let at = first.map(time);
    let begin = bot.frames[0].0;
    let until = |end: Option<Timestamp>| {
        let before = bot.recipients.iter().filter(|(time, _)| {
            let later = time.nanos_since(begin) * scale;
            end.is_none_or(|end| later <= end.nanos_since(begin))
        });
        before
            .map(|(_, domain)| domain)
            .collect::<HashSet<_>>()
            .len()
    };
    verdicts.sort_by(|a, b| score(a).total_cmp(&score(b)));
    let rank = |event: &serde_json::Value| event["event"]["severity"].as_u64();
    let text = |event: &serde_json::Value, key: &str| {
        event["mxray"][key].as_str().unwrap_or("none").to_owned()
    };
    let worst = verdicts.iter().max_by_key(|event| rank(event));
    Came {
        level: worst.map_or("none".to_owned(), |event| text(event, "level")),
        class: worst.map_or("ordinary".to_owned(), |event| text(event, "class")),
        score: verdicts.last().map_or(0.0, |event| score(event)),
        domains: (at.map(|at| until(Some(at))), until(None)),
    }
}

fn comes_to(name: &str) {
    let trick = TRICKS.iter().find(|trick| trick.name == name).unwrap();
    let came = came(trick);
    assert_eq!([&*came.level, &*came.class], trick.comes_to, "{name}");
    assert_eq!(
        came.domains.0.is_some(),
        came.level != "suspected",
        "{name}"
    );
}

/// A test for each; a module, since they are called as what they try.
mod trick {
    use super::comes_to;

    macro_rules! each {
    ($($test:ident $name:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            comes_to($name);
        })*
    };
}

    each! {
        as_it_is "none",
        case "case",
        dots "dots",
        pointers "pointers",
        dns_tcp "dns-tcp",
        fragments "fragments",
        octets "octets",
        reversed "reversed",
        overlap_after "overlap-after",
        overlap_before "overlap-before",
        reset "reset",
        reset_outside "reset-outside",
        ptr "ptr",
        ptr_few "ptr-few",
        slow "slow",
        slower "slower",
        serves "serves",
        resolves "resolves",
        answers_dns "answers-dns",
        browses "browses",
        guesses "guesses",
        guesses_browses "guesses-browses",
        hops "hops",
    }
}

/// The table of docs/HARDENING.md: those named in `MXRAY_HOSTILE_TRICKS`, else all.
#[test]
#[ignore = "a minute; make hostile"]
fn table() {
    let only = std::env::var("MXRAY_HOSTILE_TRICKS").unwrap_or_default();
    let only: Vec<_> = only.split_whitespace().collect();
    let wanted = TRICKS
        .iter()
        .filter(|trick| only.is_empty() || only.contains(&trick.name));
    let mut other = Vec::new();
    for trick in wanted {
        let came = came(trick);
        let (until, all) = came.domains;
        let until = until.map_or("–".to_owned(), |count| count.to_string());
        println!(
            "| {} | {} | {} | {} | {:.1} | {until} of {all} |",
            trick.name, trick.summary, came.level, came.class, came.score
        );
        if [&*came.level, &*came.class] != trick.comes_to {
            other.push(trick.name);
        }
    }
    assert!(other.is_empty(), "{other:?}");
}

const RESOLVER_PORT: u16 = 53;

/// A packet of the bot's, taken apart.
#[derive(Clone, Copy)]
struct Part<'a> {
    time: Timestamp,
    ends: Ends,
    /// Of TCP: flags, sequence and acknowledgement.
    tcp: Option<(u8, [u32; 2])>,
    payload: &'a [u8],
    frame: &'a [u8],
    /// It is sent by the bot.
    own: bool,
}

impl<'a> Part<'a> {
    fn of((time, frame): &'a Timed, bot: &str) -> Option<Self> {
        let packet = frame.get(14..)?;
        if frame[12..14] != [8, 0] {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
        let (header, rest) = packet[..length].split_at(usize::from(packet[0] & 15) * 4);
        let address =
            |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
        let port = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
        let number = |at: usize| u32::from_be_bytes(rest[at..at + 4].try_into().unwrap());
        let ends = Ends::new((address(12), port(0)), (address(16), port(2)));
        let (tcp, payload) = match header[9] {
            6 => (
                Some((rest[13], [number(4), number(8)])),
                &rest[usize::from(rest[12] >> 4) * 4..],
            ),
            17 => (None, &rest[8..]),
            _ => return None,
        };
        Some(Self {
            time: *time,
            ends,
            tcp,
            payload,
            frame,
            own: ends.from.0.to_string() == bot,
        })
    }

    fn as_it_is(&self) -> Vec<Timed> {
        vec![(self.time, self.frame.to_vec())]
    }

    /// So many microseconds later.
    fn later(&self, micros: usize) -> Timestamp {
        self.time.plus_nanos(1_000 * i64::try_from(micros).unwrap())
    }

    fn is_dns(&self) -> bool {
        let ports = [self.ends.from.1, self.ends.to.1];
        self.tcp.is_none() && ports.contains(&RESOLVER_PORT)
    }

    /// A segment of it: octets of the payload from `at` on.
    fn segment(&self, flags: u8, [seq, ack]: [u32; 2], at: usize, octets: &[u8]) -> Vec<u8> {
        let seq = seq.wrapping_add(u32::try_from(at).unwrap());
        tcp(self.ends, flags, [seq, ack], octets)
    }
}

/// Each packet changed by itself.
fn each(bot: &Bot, change: fn(&Part<'_>) -> Vec<Timed>) -> Vec<Timed> {
    let changed = bot.frames.iter().flat_map(|timed| {
        Part::of(timed, &bot.address).map_or_else(|| vec![timed.clone()], |part| change(&part))
    });
    let mut changed: Vec<_> = changed.collect();
    changed.sort_by_key(|(time, _)| *time);
    changed
}

/// Each message of the DNS changed.
fn each_question(bot: &Bot, change: fn(&[u8]) -> Vec<u8>) -> Vec<Timed> {
    let changed = bot
        .frames
        .iter()
        .map(|timed| match Part::of(timed, &bot.address) {
            Some(part) if part.is_dns() => (part.time, udp(part.ends, &change(part.payload))),
            _ => timed.clone(),
        });
    changed.collect()
}

/// Where the question's name ends, without compression.
fn name_end(message: &[u8]) -> usize {
    let mut at = 12;
    while message[at] != 0 {
        at += 1 + usize::from(message[at]);
    }
    at + 1
}

fn mixed_case(message: &[u8]) -> Vec<u8> {
    let (mut message, end) = (message.to_vec(), name_end(message));
    for (at, octet) in message[12..end].iter_mut().enumerate() {
        if at % 2 == 0 && octet.is_ascii_lowercase() {
            octet.make_ascii_uppercase();
        }
    }
    message
}

/// Names of answers are left as they point.
fn dotted(message: &[u8]) -> Vec<u8> {
    if message[2] & 0x80 != 0 {
        return message.to_vec();
    }
    let mut message = message.to_vec();
    let length = message[12];
    message[12] += 1;
    message.insert(13 + usize::from(length), b'.');
    message
}

fn pointed(message: &[u8]) -> Vec<u8> {
    let end = name_end(message);
    if message[2] & 0x80 != 0 {
        return message.to_vec();
    }
    let mut changed = message[..12].to_vec();
    changed.extend([0xc0, 18]);
    changed.extend(&message[end..end + 4]);
    changed.extend(&message[12..end]);
    changed
}

fn iterative(message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    message[2] &= !1;
    message
}

/// A connection for each query; its reply, if there is one, comes with it.
fn over_tcp(bot: &Bot) -> Vec<Timed> {
    let parts: Vec<_> = bot
        .frames
        .iter()
        .map(|timed| (timed, Part::of(timed, &bot.address)))
        .collect();
    let replies = parts
        .iter()
        .filter_map(|(_, part)| part.filter(|part| part.is_dns() && !part.own));
    let key = |ends: Ends, payload: &[u8]| (ends.from, ends.to, payload[0], payload[1]);
    let replies: HashMap<_, _> = replies
        .map(|part| (key(part.ends.turned(), part.payload), part))
        .collect();
    let mut frames = Vec::new();
    for (timed, part) in &parts {
        let Some(part) = part.filter(Part::is_dns) else {
            frames.push((*timed).clone());
            continue;
        };
        if !part.own {
            continue;
        }
        let prefixed = |payload: &[u8]| {
            let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
            (length.to_vec(), payload.to_vec())
        };
        let (there, back) = (part.ends, part.ends.turned());
        let (length, message) = prefixed(part.payload);
        let sent = 3 + u32::try_from(message.len()).unwrap();
        let mut said = vec![
            tcp(there, SYN, [0, 0], b""),
            tcp(back, SYN | ACK, [0, 1], b""),
            tcp(there, ACK, [1, 1], &length),
            tcp(there, ACK, [3, 1], &message),
        ];
        if let Some(reply) = replies.get(&key(there, part.payload)) {
            let (length, message) = prefixed(reply.payload);
            said.push(tcp(back, ACK, [1, sent], &length));
            said.push(tcp(back, ACK, [3, sent], &message));
        }
        said.push(tcp(there, FIN | ACK, [sent, 1], b""));
        let timed = said.into_iter().enumerate();
        frames.extend(timed.map(|(at, frame)| (part.later(at), frame)));
    }
    frames.sort_by_key(|(time, _)| *time);
    frames
}

fn fragmented(part: &Part<'_>) -> Vec<Timed> {
    let packet = &part.frame[14..];
    let length = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let octets = &packet[usize::from(packet[0] & 15) * 4..length];
    let id = u16::try_from(mix(part.time.nanos().unsigned_abs()) % 65_536).unwrap();
    let last = octets.len().div_ceil(8) - 1;
    let pieces = octets.chunks(8).enumerate().rev();
    let frames = pieces.map(|(at, octets)| {
        let more = if at < last { 0x2000 } else { 0 };
        ipv4(
            part.ends,
            packet[9],
            (id, more | u16::try_from(at).unwrap()),
            octets,
        )
    });
    let timed = frames.enumerate();
    timed.map(|(at, frame)| (part.later(at), frame)).collect()
}

fn one_by_one(part: &Part<'_>) -> Vec<Timed> {
    in_pieces(part, 1, false)
}

fn backwards(part: &Part<'_>) -> Vec<Timed> {
    in_pieces(part, 8, true)
}

fn in_pieces(part: &Part<'_>, size: usize, reverse: bool) -> Vec<Timed> {
    let Some((flags, numbers)) = part.tcp.filter(|_| part.own && !part.payload.is_empty()) else {
        return part.as_it_is();
    };
    let pieces = part.payload.chunks(size).enumerate();
    let segment = |(at, octets)| part.segment(flags & !FIN, numbers, at * size, octets);
    let mut frames: Vec<_> = pieces.map(segment).collect();
    if reverse {
        frames.reverse();
    }
    if flags & FIN != 0 {
        frames.push(part.segment(flags, numbers, part.payload.len(), b""));
    }
    let timed = frames.into_iter().enumerate();
    timed.map(|(at, frame)| (part.later(at), frame)).collect()
}

/// Another copy of the client's octets that says nothing.
fn doubled(part: &Part<'_>, before: bool) -> Vec<Timed> {
    let mut frames = part.as_it_is();
    if let Some((flags, numbers)) = part.tcp.filter(|_| part.own && !part.payload.is_empty()) {
        let other = vec![b'?'; part.payload.len()];
        let other = part.segment(flags & !FIN, numbers, 0, &other);
        frames.push((part.later(1), other));
        if before {
            frames.reverse();
            frames[0].0 = part.later(0);
            frames[1].0 = part.later(1);
        }
    }
    frames
}

fn reset(part: &Part<'_>) -> Vec<Timed> {
    reset_by(part, 0)
}

fn reset_outside(part: &Part<'_>) -> Vec<Timed> {
    reset_by(part, 1 << 30)
}

/// RST of the client behind the SYN+ACK of a mail server.
fn reset_by(part: &Part<'_>, ahead: u32) -> Vec<Timed> {
    const RST: u8 = 4;
    let mut frames = part.as_it_is();
    if let Some((flags, [seq, ack])) = part.tcp
        && !part.own
        && flags & (SYN | ACK) == SYN | ACK
    {
        let numbers = [ack.wrapping_add(ahead), seq.wrapping_add(1)];
        let frame = tcp(part.ends.turned(), RST | ACK, numbers, b"");
        frames.push((part.later(10), frame));
    }
    frames
}

fn reverse(number: u64) -> String {
    let [a, b, c, ..] = mix(number).to_be_bytes();
    format!("{}.{b}.{c}.198.in-addr.arpa", a % 250)
}

fn is_mx_query(part: &Part<'_>) -> bool {
    let end = || name_end(part.payload);
    part.is_dns() && part.own && part.payload[end()..end() + 2] == MX.to_be_bytes()
}

/// One more lookup of the bot's for so many MX lookups, from a port and at a time of its own; ten of
/// the web.
fn decoys(bot: &Bot, every: usize, name: fn(u64) -> (String, u16)) -> Vec<Timed> {
    let mut frames = Vec::new();
    let mut lookups = 0;
    for timed in &bot.frames {
        frames.push(timed.clone());
        let Some(part) = Part::of(timed, &bot.address).filter(is_mx_query) else {
            continue;
        };
        lookups += 1;
        if lookups % every != 0 {
            continue;
        }
        let count = if name(0).1 == A { 10 } else { 1 };
        for number in 0..count {
            let number = u64::try_from(lookups * 10 + number).unwrap();
            let (name, kind) = name(number);
            let ends = Ends::new((part.ends.from.0, 5_000), part.ends.to);
            let at = part.later(3_000 + usize::try_from(mix(number) % 900_000).unwrap());
            frames.push((at, udp(ends, &query(number, &name, kind))));
        }
    }
    frames.sort_by_key(|(time, _)| *time);
    frames
}

/// Web names all over the bot's time, at random.
fn browses(bot: &Bot) -> Vec<Timed> {
    let mut frames = bot.frames.clone();
    let [first, last] = [bot.frames.first(), bot.frames.last()].map(|frame| frame.unwrap().0);
    let dns = bot
        .frames
        .iter()
        .filter_map(|timed| Part::of(timed, &bot.address));
    let resolver = dns.filter(Part::is_dns).find(|part| part.own).unwrap().ends;
    let span = u64::try_from(last.nanos_since(first)).unwrap();
    for number in 0..20 * bot.recipients.len() as u64 {
        // In bursts, as pages are read.
        let page = mix(number / 8) % span;
        let at = first.plus_nanos(i64::try_from(page + mix(number) % 1_000_000_000).unwrap());
        let name = format!("w{}.shop{}.test", number % 8, mix(number / 8) % 500);
        frames.push((at, udp(resolver, &query(number, &name, A))));
    }
    frames.sort_by_key(|(time, _)| *time);
    frames
}

fn stretched(bot: &Bot, times: i64) -> Vec<Timed> {
    // Within an exchange nothing is slower: what lies more than a minute apart moves.
    let mut frames = Vec::new();
    let (mut before, mut now) = (bot.frames[0].0, bot.frames[0].0);
    for (time, octets) in &bot.frames {
        let gap = time.nanos_since(before);
        now = now.plus_nanos(if gap > 60 * NANOS { gap * times } else { gap });
        before = *time;
        frames.push((now, octets.clone()));
    }
    frames
}

/// Four hosts outside are greeted on its port 25.
fn serves_mail(bot: &Bot) -> Vec<Timed> {
    let begin = bot.frames[0].0.plus_nanos(-60 * NANOS);
    let own: Ipv4Addr = bot.address.parse().unwrap();
    let mut frames = Vec::new();
    for peer in 0..4 {
        let ends = Ends::new((Ipv4Addr::new(198, 51, 100, peer), 40_000), (own, 25));
        let back = ends.turned();
        let said = [
            tcp(ends, SYN, [0, 0], b""),
            tcp(back, SYN | ACK, [0, 1], b""),
            tcp(back, ACK, [1, 1], b"220 mail.test ESMTP\r\n"),
            tcp(ends, ACK, [1, 22], b"QUIT\r\n"),
            tcp(back, FIN | ACK, [22, 7], b"221 bye\r\n"),
            tcp(ends, FIN | ACK, [7, 32], b""),
        ];
        for (at, frame) in (0..).zip(said) {
            let millis = i64::from(peer) * 1_000 + at;
            frames.push((begin.plus_nanos(millis * 1_000_000), frame));
        }
    }
    frames.extend(bot.frames.iter().cloned());
    frames
}

/// Somebody asks it, and it answers.
fn answers_dns(bot: &Bot) -> Vec<Timed> {
    let begin = bot.frames[0].0.plus_nanos(-60 * NANOS);
    let own: Ipv4Addr = bot.address.parse().unwrap();
    let ends = Ends::new((Ipv4Addr::new(10, 9, 9, 9), 40_000), (own, 53));
    let question = query(7, "www.test", A);
    let mut reply = question.clone();
    reply[2..4].copy_from_slice(&[0x81, 0x80]);
    let mut frames = vec![
        (begin, udp(ends, &question)),
        (begin.plus_nanos(1_000_000), udp(ends.turned(), &reply)),
    ];
    frames.extend(bot.frames.iter().cloned());
    frames
}

/// Its address changes with the server that it turns to, and with the name that it asks for.
fn hops(bot: &Bot) -> Vec<Timed> {
    let own: Ipv4Addr = bot.address.parse().unwrap();
    let hop = |other: (Ipv4Addr, u16), payload: &[u8], dns: bool| {
        let mut number = u64::from(u32::from(other.0));
        if dns {
            let end = name_end(payload);
            number = payload[12..end]
                .iter()
                .fold(0, |all, octet| mix(all ^ u64::from(*octet)));
        }
        let [a, b, ..] = own.octets();
        Ipv4Addr::new(a, b, 200, u8::try_from(mix(number) % 64).unwrap())
    };
    let moved = bot.frames.iter().map(|timed| {
        let Some(part) = Part::of(timed, &bot.address) else {
            return timed.clone();
        };
        let dns = part.is_dns();
        let mut ends = part.ends;
        if part.own {
            ends.from.0 = hop(ends.to, part.payload, dns);
        } else {
            ends.to.0 = hop(ends.from, part.payload, dns);
        }
        let frame = match part.tcp {
            Some((flags, numbers)) => tcp(ends, flags, numbers, part.payload),
            None => udp(ends, part.payload),
        };
        (part.time, frame)
    });
    moved.collect()
}
