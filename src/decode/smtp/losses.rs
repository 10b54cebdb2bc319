//! Made-up dialogues whose truth is known, as a tap hears them that loses segments.

use super::{Command, Heard, Side};
use crate::capture::Origin;
use crate::decode::observation::Service;
use crate::decode::packet::{LinkTag, Packet, Segment, Transport};
use crate::decode::tcp::{Connections, Limits, Said};
use crate::host::HostAddr;
use crate::time::Timestamp;
use rand_core::Rng as _;
use rand_pcg::Pcg32;

/// What was said, or heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    mail: u32,
    rcpt: u32,
    replies: u32,
    replies_4xx: u32,
    replies_5xx: u32,
    messages: u32,
    accepted: u32,
}

impl Counts {
    fn all(&self) -> [(&'static str, u32); 7] {
        [
            ("mail", self.mail),
            ("rcpt", self.rcpt),
            ("replies", self.replies),
            ("replies_4xx", self.replies_4xx),
            ("replies_5xx", self.replies_5xx),
            ("messages", self.messages),
            ("accepted", self.accepted),
        ]
    }

    fn hear(&mut self, heard: Heard<'_>) {
        match heard {
            Heard::Command(Command::Mail { .. }) => self.mail += 1,
            Heard::Command(Command::Rcpt { .. }) => self.rcpt += 1,
            Heard::Reply(reply) => self.reply(reply.code),
            Heard::Message { accepted } => {
                self.messages += 1;
                self.accepted += u32::from(accepted);
            }
            _ => {}
        }
    }

    fn reply(&mut self, code: u16) {
        self.replies += 1;
        self.replies_4xx += u32::from(code / 100 == 4);
        self.replies_5xx += u32::from(code / 100 == 5);
    }
}

struct Chance(Pcg32);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0.next_u32() as usize % limit
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())]
    }
}

/// Both ends of a connection, and what they said: who speaks and what, by turns.
struct Dialogue {
    chance: Chance,
    turns: Vec<(Side, Vec<u8>)>,
    truth: Counts,
    /// The client sends commands ahead, as the server allows it to.
    pipelines: bool,
    /// Replies that the server has not given yet.
    owed: Vec<u8>,
    /// What the client has not sent yet.
    held: Vec<u8>,
}

/// Lines of texts; many look like what is said outside of them.
const LINES: [&str; 14] = [
    "Subject: hello",
    "From: a@a.example",
    "",
    "Just some words that end with a full stop.",
    "MAIL FROM:<quoted@a.example>",
    "RCPT TO:<quoted@b.example>",
    "DATA",
    "QUIT",
    "RSET",
    "HELP me please",
    "..",
    ".MAIL FROM:<dotted@a.example>",
    "EHLO a.example",
    "BDAT 7 LAST",
];

impl Dialogue {
    fn new(seed: u64) -> Self {
        let mut dialogue = Self {
            chance: Chance(Pcg32::new(seed, 7)),
            turns: Vec::new(),
            truth: Counts::default(),
            pipelines: false,
            owed: Vec::new(),
            held: Vec::new(),
        };
        dialogue.play();
        dialogue
    }

    fn client(&mut self, octets: impl AsRef<[u8]>) {
        self.flush_server();
        self.held.extend(octets.as_ref());
    }

    fn reply(&mut self, code: u16) {
        self.truth.reply(code);
        let more = if self.chance.percent(20) {
            format!("{code}-first\r\n{code}-and\r\n")
        } else {
            String::new()
        };
        let text = self
            .chance
            .pick(&["ok", "2.0.0 go on", "a longer text for this", "x"]);
        self.owed
            .extend(format!("{more}{code} {text}\r\n").into_bytes());
    }

    fn flush_client(&mut self) {
        if !self.held.is_empty() {
            let octets = std::mem::take(&mut self.held);
            self.turns.push((Side::Client, octets));
        }
    }

    fn flush_server(&mut self) {
        if !self.owed.is_empty() {
            self.flush_client();
            let octets = std::mem::take(&mut self.owed);
            self.turns.push((Side::Server, octets));
        }
    }

    /// A command and its reply; one that pipelines goes on before that.
    fn ask(&mut self, command: &str, code: u16) {
        if self.pipelines {
            self.held.extend(command.as_bytes());
        } else {
            self.client(command);
        }
        self.reply(code);
    }

    fn play(&mut self) {
        if self.chance.percent(4) {
            self.reply(554);
            self.client("QUIT\r\n");
            self.reply(221);
            self.flush_server();
            return;
        }
        self.reply(220);
        self.client("EHLO host.a.example\r\n");
        self.truth.replies += 1;
        let offered = self.chance.percent(60);
        self.owed.extend(b"250-mx.b.example\r\n");
        if offered {
            self.owed.extend(b"250-PIPELINING\r\n250-CHUNKING\r\n");
        }
        self.owed.extend(b"250 SIZE 10000000\r\n");
        self.flush_server();
        if self.chance.percent(15) {
            self.ask("AUTH LOGIN\r\n", 334);
            self.ask("dXNlcg==\r\n", 334);
            let code = self.chance.pick(&[235, 535]);
            self.ask("c2VjcmV0\r\n", code);
            self.flush_server();
        }
        self.pipelines = offered && self.chance.percent(60);
        for _ in 0..self.chance.below(5) {
            self.mail();
        }
        match self.chance.below(3) {
            0 => {}
            1 => self.ask("NOOP\r\n", 250),
            _ => self.ask("QUIT\r\n", 221),
        }
        self.flush_server();
        self.flush_client();
    }

    fn mail(&mut self) {
        self.truth.mail += 1;
        let sender = self.chance.below(100);
        let good = !self.chance.percent(8);
        let code = if good { 250 } else { 550 };
        self.ask(&format!("MAIL FROM:<user{sender}@a.example>\r\n"), code);
        if !good && !self.pipelines {
            return;
        }
        let mut accepted = 0;
        for to in 0..=self.chance.below(3) {
            self.truth.rcpt += 1;
            let code = if good {
                self.chance.pick(&[250, 250, 250, 550, 450])
            } else {
                503
            };
            accepted += u32::from(code == 250);
            self.ask(&format!("RCPT TO:<to{to}@b.example>\r\n"), code);
        }
        if self.chance.percent(25) {
            self.chunks(accepted > 0);
        } else if accepted > 0 || self.pipelines {
            self.data(accepted > 0);
        } else if self.chance.percent(50) {
            self.ask("RSET\r\n", 250);
        }
    }

    fn data(&mut self, possible: bool) {
        let granted = possible && !self.chance.percent(12);
        let code = if granted {
            354
        } else {
            self.chance.pick(&[451, 503, 554])
        };
        self.ask("DATA\r\n", code);
        self.flush_server();
        if !granted {
            match self.chance.below(4) {
                0 => self.ask("RSET\r\n", 250),
                1 => self.ask("NOOP\r\n", 250),
                _ => {}
            }
            return;
        }
        let mut text = Vec::new();
        for _ in 0..self.chance.below(12) {
            text.extend(self.chance.pick(&LINES).as_bytes());
            text.extend(b"\r\n");
        }
        text.extend(b".\r\n");
        self.client(text);
        self.message();
        // What follows may be sent with the end of the text.
        if !self.pipelines || self.chance.percent(60) {
            self.flush_server();
        }
    }

    fn message(&mut self) {
        let code = self.chance.pick(&[250, 250, 250, 250, 451, 554]);
        self.truth.messages += 1;
        self.truth.accepted += u32::from(code == 250);
        self.reply(code);
    }

    fn chunks(&mut self, possible: bool) {
        let lines: Vec<_> = (0..4).map(|_| self.chance.pick(&LINES)).collect();
        let octets = lines.join("\r\n");
        if self.chance.percent(40) {
            let code = if possible { 250 } else { 503 };
            self.ask(&format!("BDAT {}\r\n{octets}", octets.len()), code);
        }
        let command = format!("BDAT {} LAST\r\n{octets}", octets.len());
        if self.pipelines {
            self.held.extend(command.into_bytes());
        } else {
            self.client(command);
        }
        if possible {
            self.message();
        } else {
            self.truth.messages += 1;
            self.reply(503);
        }
        self.flush_server();
    }
}

/// How a tap hears a dialogue.
#[derive(Clone, Copy, Debug)]
struct Tap {
    /// Of a thousand segments, those that it loses.
    loss: usize,
    /// Which direction it does not hear.
    deaf: Option<Side>,
    /// Sometimes an end thinks for seconds.
    slow: bool,
}

/// Cuts a turn into segments: as few as can be, at each line, or anywhere.
fn segments(octets: &[u8], how: usize, chance: &mut Chance) -> Vec<Vec<u8>> {
    let mut cut = Vec::new();
    if how == 1 {
        cut.extend(
            octets
                .split_inclusive(|octet| *octet == b'\n')
                .map(<[u8]>::to_vec),
        );
        return cut;
    }
    let mut rest = octets;
    while !rest.is_empty() {
        let at = if how == 0 { 1460 } else { 1 + chance.below(60) };
        let (head, tail) = rest.split_at(rest.len().min(at));
        cut.push(head.to_vec());
        rest = tail;
    }
    cut
}

fn hear(dialogue: &Dialogue, tap: Tap, seed: u64) -> Counts {
    const ENDS: [([u8; 4], u16); 2] = [([192, 0, 2, 7], 40_000), ([198, 51, 100, 25], 25)];
    let mut chance = Chance(Pcg32::new(seed, 11));
    let mut connections = Connections::new(Limits {
        streams: 10,
        octets: 1 << 20,
    });
    let mut heard = Counts::default();
    let (mut now, mut frame) = (0_i64, 0);
    let mut next = [chance.0.next_u32(), chance.0.next_u32()];
    let mut transmit =
        |from: usize, flags: u8, next: &mut [u32; 2], octets: &[u8], chance: &mut Chance| {
            now += if tap.slow && chance.percent(10) {
                3_000_000_000
            } else {
                1_000_000
            };
            frame += 1;
            let (seq, ack) = (next[from], next[1 - from]);
            let counted = u32::from(flags & (Segment::SYN | Segment::FIN) != 0);
            next[from] = seq.wrapping_add(u32::try_from(octets.len()).unwrap() + counted);
            let deaf = tap.deaf == Some([Side::Client, Side::Server][from]);
            if deaf || chance.below(1000) < tap.loss {
                return;
            }
            let segment = Segment { seq, ack, flags };
            let packet = Packet {
                time: Timestamp::from_parts(now / 1_000_000_000, now % 1_000_000_000),
                origin: Origin { file: 0, frame },
                tag: LinkTag::default(),
                src: HostAddr::from_v4(ENDS[from].0),
                dst: HostAddr::from_v4(ENDS[1 - from].0),
                transport: Transport::Tcp(segment),
                src_port: ENDS[from].1,
                dst_port: ENDS[1 - from].1,
                missing: 0,
                payload: octets,
            };
            let sent = ([Side::Client, Side::Server][from], Service::Mail);
            connections.take(&packet, segment, sent, false, &mut |_, _, said| {
                if let Said::Smtp(said) = said {
                    heard.hear(said);
                }
            });
        };
    transmit(0, Segment::SYN, &mut next, b"", &mut chance);
    transmit(1, Segment::SYN | Segment::ACK, &mut next, b"", &mut chance);
    transmit(0, Segment::ACK, &mut next, b"", &mut chance);
    let how = chance.below(3);
    for (side, octets) in &dialogue.turns {
        let from = usize::from(*side == Side::Server);
        for segment in segments(octets, how, &mut chance) {
            transmit(from, Segment::ACK, &mut next, &segment, &mut chance);
        }
        if chance.percent(30) {
            transmit(1 - from, Segment::ACK, &mut next, b"", &mut chance);
        }
    }
    transmit(0, Segment::FIN | Segment::ACK, &mut next, b"", &mut chance);
    transmit(1, Segment::FIN | Segment::ACK, &mut next, b"", &mut chance);
    let end = Timestamp::from_parts(now / 1_000_000_000 + 1, 0);
    connections.finish(end, &mut |_, _, said| {
        if let Said::Smtp(said) = said {
            heard.hear(said);
        }
    });
    heard
}

fn spoken(dialogue: &Dialogue) -> String {
    let turn = |(side, octets): &(Side, Vec<u8>)| format!("{side:?}: {}\n", octets.escape_ascii());
    dialogue.turns.iter().map(turn).collect()
}

/// Each seed is a dialogue, how it is cut into segments, and which of them are lost.
fn each(seeds: std::ops::Range<u64>, tap: Tap, check: impl Fn(Counts, Counts, &str)) {
    for seed in seeds {
        let dialogue = Dialogue::new(seed);
        let slow = seed % 4 == 0;
        let heard = hear(&dialogue, Tap { slow, ..tap }, seed);
        let told = format!("seed {seed}, {tap:?}\n{}", spoken(&dialogue));
        check(heard, dialogue.truth, &told);
    }
}

fn losing(loss: usize) -> Tap {
    Tap {
        loss,
        deaf: None,
        slow: false,
    }
}

#[test]
fn all_is_heard_where_nothing_is_lost() {
    each(0..1500, losing(0), |heard, truth, told| {
        assert_eq!(heard, truth, "{told}");
    });
}

/// And not much less: of 3% lost segments, each command is in one, and a loss may hide what
/// another command was.
#[test]
fn no_more_is_heard_than_was_said() {
    for (loss, least) in [(10, 95), (30, 88), (100, 70)] {
        let sums = std::cell::Cell::new((0, 0));
        each(0..1500, losing(loss), |heard, truth, told| {
            for ((name, truth), (_, heard)) in truth.all().into_iter().zip(heard.all()) {
                assert!(heard <= truth, "{name}: {heard} of {truth}, {told}");
            }
            let (all, kept) = sums.get();
            let sum = |counts: Counts| counts.mail + counts.rcpt + counts.messages;
            sums.set((all + sum(truth), kept + sum(heard)));
        });
        let (all, kept) = sums.get();
        assert!(kept * 100 >= all * least, "{kept} of {all} at {loss}");
    }
}

#[test]
fn of_one_direction_no_more_than_that_said() {
    let tap = losing(0);
    let deaf = Some(Side::Client);
    each(0..500, Tap { deaf, ..tap }, |heard, truth, told| {
        assert_eq!((heard.mail, heard.rcpt), (0, 0), "{told}");
        assert_eq!(heard.replies, truth.replies, "{told}");
        assert!(heard.accepted <= truth.accepted, "{told}");
    });
}
