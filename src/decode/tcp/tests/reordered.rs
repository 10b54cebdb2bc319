//! Dialogues of a mail server and its clients, as they are sent, and as a mirror port may
//! bring them, none later than [`REORDER`]: what is counted must be the same.

use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

const MILLI: i64 = 1_000_000;

#[derive(Clone)]
struct Frame {
    time: Timestamp,
    client: bool,
    segment: Segment,
    octets: Vec<u8>,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            time,
            client,
            segment: Segment { seq, ack, flags },
            octets,
        } = self;
        let (side, octets) = (if *client { "C" } else { "S" }, octets.escape_ascii());
        write!(f, "{side} {time} {flags:#07b} {seq} {ack} {octets}")
    }
}

/// What is said at once, by one side.
#[derive(Clone, Debug)]
struct Turn {
    client: bool,
    octets: Vec<u8>,
    /// Where it is cut into segments.
    cuts: Vec<Index>,
    /// Parts of it that are sent again: from, to, milliseconds after.
    again: Vec<(Index, Index, i64)>,
    /// Milliseconds before it.
    pause: i64,
}

/// How the connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Fins,
    ServerFinFirst,
    /// RST, with and without ACK.
    ClientReset(bool),
    ServerReset(bool),
    Open,
}

/// What is said in a session, line by line.
fn script() -> impl Strategy<Value = Vec<(bool, String)>> {
    let letter = (
        1_usize..4,
        0_usize..3,
        0_usize..3,
        0_usize..40,
        any::<bool>(),
    );
    (
        proptest::collection::vec(letter, 0..3),
        0_usize..3,
        any::<bool>(),
    )
        .prop_map(|(letters, greeting, quits)| {
            let greeting = ["220 mx.test ESMTP", "220-mx\r\n220 test", "554 5.7.1 no"][greeting];
            let mut script = vec![(false, format!("{greeting}\r\n"))];
            let mut say = |client: &str, server: &str| {
                script.push((true, format!("{client}\r\n")));
                script.push((false, format!("{server}\r\n")));
            };
            say(
                "EHLO pc.corp.test",
                "250-mx.test\r\n250-PIPELINING\r\n250 8BITMIME",
            );
            for (rcpts, refused, verdict, lines, ahead) in letters {
                let replies = ["250 2.1.5 Ok", "550 5.1.1 no", "450 4.2.0 later"];
                let mut commands = vec![("MAIL FROM:<a@corp.test>", "250 2.1.0 Ok")];
                for number in 0..rcpts {
                    let reply = if number == 0 {
                        replies[0]
                    } else {
                        replies[refused]
                    };
                    commands.push(("RCPT TO:<b@example.org>", reply));
                }
                commands.push(("DATA", "354 go"));
                if ahead {
                    let (client, server): (Vec<_>, Vec<_>) = commands.into_iter().unzip();
                    say(&client.join("\r\n"), &server.join("\r\n"));
                } else {
                    for (client, server) in commands {
                        say(client, server);
                    }
                }
                let text = "MAIL FROM:<in the text>\r\n..and dots\r\n".repeat(lines);
                say(
                    &format!("{text}."),
                    ["250 2.0.0 Ok", "554 5.6.0 spam", "451 4.3.0 later"][verdict],
                );
            }
            if quits {
                say("QUIT", "221 2.0.0 Bye");
            }
            script
        })
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    script().prop_flat_map(|script| {
        let turns: Vec<_> = script
            .into_iter()
            .map(|(client, line)| {
                let cuts = proptest::collection::vec(any::<Index>(), 0..4);
                let again = (any::<Index>(), any::<Index>(), 0_i64..400);
                let again = proptest::collection::vec(again, 0..2);
                let pause = prop_oneof![8 => 0_i64..60, 1 => 0_i64..5_000];
                (cuts, again, pause).prop_map(move |(cuts, again, pause)| Turn {
                    client,
                    octets: line.clone().into_bytes(),
                    cuts,
                    again,
                    pause,
                })
            })
            .collect();
        turns
    })
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        2 => Just(End::Fins),
        1 => Just(End::ServerFinFirst),
        1 => any::<bool>().prop_map(End::ClientReset),
        1 => any::<bool>().prop_map(End::ServerReset),
        1 => Just(End::Open),
    ]
}

/// A connection under way: the next number of each side, the client's first.
struct Sender {
    now: Timestamp,
    next: [u32; 2],
    frames: Vec<Frame>,
}

impl Sender {
    fn send(&mut self, client: bool, flags: u8, octets: &[u8]) {
        self.now = self.now.plus_nanos(MILLI);
        let (own, other) = if client { (0, 1) } else { (1, 0) };
        let ack = if flags & ACK == 0 {
            0
        } else {
            self.next[other]
        };
        self.frames.push(Frame {
            time: self.now,
            client,
            segment: Segment {
                seq: self.next[own],
                ack,
                flags,
            },
            octets: octets.to_vec(),
        });
        let takes = u32::from(flags & (SYN | FIN) != 0);
        let length = u32::try_from(octets.len()).unwrap();
        self.next[own] = self.next[own].wrapping_add(length + takes);
    }

    fn turn(&mut self, turn: &Turn) {
        self.now = self.now.plus_nanos(turn.pause * MILLI);
        let length = turn.octets.len();
        let begun = self.frames.len();
        let mut cuts: Vec<_> = turn.cuts.iter().map(|cut| cut.index(length)).collect();
        cuts.extend([0, length]);
        cuts.sort_unstable();
        cuts.dedup();
        for pair in cuts.windows(2) {
            self.send(turn.client, ACK, &turn.octets[pair[0]..pair[1]]);
        }
        let first = self.frames[begun].clone();
        for (from, to, after) in &turn.again {
            let (from, to) = (from.index(length), to.index(length));
            let (from, to) = (from.min(to), from.max(to) + 1);
            let mut again = first.clone();
            let ahead = u32::try_from(from).unwrap();
            again.segment.seq = again.segment.seq.wrapping_add(ahead);
            again.octets = turn.octets[from..to].to_vec();
            again.time = self.now.plus_nanos(after * MILLI);
            self.frames.push(again);
        }
        if turn.pause % 2 == 0 {
            self.send(!turn.client, ACK, b"");
        }
    }

    fn end(&mut self, end: End) {
        let with = |ack| if ack { RST | ACK } else { RST };
        match end {
            End::Fins => {
                self.send(true, FIN | ACK, b"");
                self.send(false, FIN | ACK, b"");
                self.send(true, ACK, b"");
            }
            End::ServerFinFirst => {
                self.send(false, FIN | ACK, b"");
                self.send(true, FIN | ACK, b"");
                self.send(false, ACK, b"");
            }
            End::ClientReset(ack) => self.send(true, with(ack), b""),
            End::ServerReset(ack) => self.send(false, with(ack), b""),
            End::Open => {}
        }
    }
}

/// A connection as it is sent.
fn connection() -> impl Strategy<Value = Vec<Frame>> {
    let established = (any::<(u32, u32)>(), turns(), end()).prop_map(|(first, turns, end)| {
        let mut sender = sender(first);
        sender.send(true, SYN, b"");
        sender.send(false, SYN | ACK, b"");
        sender.send(true, ACK, b"");
        for turn in &turns {
            sender.turn(turn);
        }
        sender.end(end);
        sender.frames
    });
    let refused = (any::<(u32, u32)>(), 0..2_u32).prop_map(|(first, number)| {
        let mut sender = sender(first);
        sender.send(true, SYN, b"");
        // By its host, or by something on the way.
        sender.next[1] *= number;
        sender.send(false, RST | ACK, b"");
        sender.frames
    });
    let unanswered = (any::<(u32, u32)>(), 1..4_i64).prop_map(|(first, count)| {
        let mut sender = sender(first);
        for number in 0..count {
            sender.now = sender.now.plus_nanos(number * NANOS);
            sender.next[0] = first.0;
            sender.send(true, SYN, b"");
        }
        sender.frames
    });
    prop_oneof![8 => established, 1 => refused, 1 => unanswered]
}

fn sender((client, server): (u32, u32)) -> Sender {
    Sender {
        now: Timestamp::from_parts(1_000, 0),
        next: [client, server],
        frames: Vec::new(),
    }
}

/// What the network and the mirror port do to a packet: how late it is, and its copy.
type Disturbance = (i64, Option<i64>);

fn disturbances() -> impl Strategy<Value = Vec<Disturbance>> {
    let late = prop_oneof![3 => Just(0), 1 => 0..50 * MILLI, 1 => 0..REORDER];
    let copy = proptest::option::weighted(0.1, 0..REORDER);
    proptest::collection::vec((late, copy), 1..40)
}

/// In order of arrival; with the time of that, or `stamped` before.
fn disturbed(frames: &[Frame], by: &[Disturbance], stamped: bool) -> Vec<Frame> {
    let mut arrived = Vec::new();
    for (frame, (late, copy)) in frames.iter().zip(by.iter().cycle()) {
        for late in [Some(late), copy.as_ref()].into_iter().flatten() {
            arrived.push((frame.time.plus_nanos(*late), frame.clone()));
        }
    }
    arrived.sort_by_key(|(time, _)| *time);
    let frames = arrived.into_iter().map(|(time, mut frame)| {
        if !stamped {
            frame.time = time;
        }
        frame
    });
    frames.collect()
}

/// What is heard, sorted, and what is counted, with seconds closed as packet time goes on.
fn heard(frames: &[Frame]) -> (Vec<String>, TcpCounts) {
    let mut tap = Tap::new();
    let mut closed = i64::MIN;
    for frame in frames {
        let horizon = tap.newest.max(frame.time).plus_nanos(-REORDER).second() - 1;
        if horizon > closed {
            closed = horizon;
            tap.quietly(Timestamp::from_parts(closed, NANOS - 1));
        }
        let ends = ((CLIENT, 40_000), (SERVER, 25));
        let (src, dst) = if frame.client { ends } else { (ends.1, ends.0) };
        tap.packet_at(frame.time, src, dst, frame.segment, &frame.octets);
    }
    tap.quietly(tap.newest.plus_nanos(60 * NANOS));
    tap.finish_said();
    let mut said = std::mem::take(&mut tap.said);
    said.sort_unstable();
    assert!(tap.connections.due.is_empty());
    (said, tap.connections.counts())
}

impl Tap {
    fn quietly(&mut self, now: Timestamp) {
        let said = &mut self.said;
        self.connections
            .expire(now, &mut |_, _, what| said.push(word(what)));
    }

    fn finish_said(&mut self) {
        let (said, now) = (&mut self.said, self.newest);
        self.connections
            .finish(now, &mut |_, _, what| said.push(word(what)));
    }
}

/// The order in which they were sent, with what is sent again.
fn in_order(mut frames: Vec<Frame>) -> Vec<Frame> {
    frames.sort_by_key(|frame| frame.time);
    frames
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn what_comes_in_another_order_counts_the_same(
        frames in connection(), by in disturbances(), stamped in any::<bool>(),
        mirrored in prop_oneof![4 => Just(None), 1 => any::<bool>().prop_map(Some)]
    ) {
        let mut frames = in_order(frames);
        frames.retain(|frame| mirrored.is_none_or(|client| frame.client == client));
        let (ordered, before) = heard(&frames);
        prop_assert_eq!((before.segments.lost, before.midstream), (0, 0));
        let arrived = disturbed(&frames, &by, stamped);
        let (said, counts) = heard(&arrived);
        prop_assert_eq!(said, ordered, "{:#?}", arrived);
        prop_assert_eq!((counts.segments.lost, counts.segments.out_of_window), (0, 0));
        prop_assert_eq!((counts.midstream, counts.evicted), (0, 0));
    }
}
