use super::*;
use crate::decode::observation::{DNS, MailPorts, sender};
use crate::decode::packet::Transport;

mod bounds;
mod lost_window;
mod reordered;

const CLIENT: [u8; 4] = [192, 0, 2, 7];
const SERVER: [u8; 4] = [198, 51, 100, 25];
const SYN: u8 = Segment::SYN;
const ACK: u8 = Segment::ACK;
const RST: u8 = Segment::RST;
const FIN: u8 = Segment::FIN;

/// Connections, and what they said in short.
struct Tap {
    connections: Connections,
    mail: MailPorts,
    said: Vec<String>,
    frame: u64,
    newest: Timestamp,
}

fn word(said: Said<'_>) -> String {
    match said {
        Said::Attempt => "attempt".to_owned(),
        Said::Outcome(outcome) => format!("{outcome:?}"),
        Said::Answers(true) => "answers".to_owned(),
        Said::Answers(false) => "no answers".to_owned(),
        Said::Dns { side, message, cut } => {
            let cut = if cut { " cut" } else { "" };
            format!("{side:?} dns {}{cut}", message.len())
        }
        Said::Smtp(Heard::Command(command)) => format!("{command:?}")
            .split([' ', '{'])
            .next()
            .unwrap_or_default()
            .to_owned(),
        Said::Smtp(Heard::Reply(reply)) => reply.code.to_string(),
        Said::Smtp(heard) => format!("{heard:?}"),
        Said::Irc(heard) => format!("{heard:?}"),
        Said::Ended { gapped } => if gapped { "ended gapped" } else { "ended" }.to_owned(),
    }
}

impl Tap {
    fn new() -> Self {
        Self::with(Limits {
            streams: 100,
            octets: 1 << 20,
        })
    }

    fn with(limits: Limits) -> Self {
        Self {
            connections: Connections::new(limits),
            mail: MailPorts::default(),
            said: Vec::new(),
            frame: 0,
            newest: Timestamp::MIN,
        }
    }

    fn packet(
        &mut self,
        second: i64,
        src: ([u8; 4], u16),
        dst: ([u8; 4], u16),
        segment: Segment,
        payload: &[u8],
    ) {
        self.packet_at(Timestamp::from_parts(second, 0), src, dst, segment, payload);
    }

    fn packet_at(
        &mut self,
        time: Timestamp,
        (src, src_port): ([u8; 4], u16),
        dst: ([u8; 4], u16),
        segment: Segment,
        payload: &[u8],
    ) {
        self.frame += 1;
        self.newest = self.newest.max(time);
        let packet = Packet {
            time,
            origin: Origin {
                file: 0,
                frame: self.frame,
            },
            tag: LinkTag::default(),
            src: HostAddr::from_v4(src),
            dst: HostAddr::from_v4(dst.0),
            transport: Transport::Tcp(segment),
            src_port,
            dst_port: dst.1,
            missing: 0,
            payload,
        };
        let mut said = std::mem::take(&mut self.said);
        self.take(&packet, &mut |_, _, what| said.push(word(what)));
        self.said = said;
    }

    fn take(&mut self, packet: &Packet<'_>, out: &mut Listener<'_>) {
        let Transport::Tcp(segment) = packet.transport else {
            panic!("no segment");
        };
        let sent = sender(packet, segment, &self.mail).expect("a port that is looked at");
        self.connections.take(packet, segment, sent, false, out);
    }

    /// From the client's port 40000 to the server's port 25.
    fn client(&mut self, second: i64, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> &mut Self {
        let segment = Segment { seq, ack, flags };
        self.packet(second, (CLIENT, 40_000), (SERVER, 25), segment, payload);
        self
    }

    fn server(&mut self, second: i64, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> &mut Self {
        let segment = Segment { seq, ack, flags };
        self.packet(second, (SERVER, 25), (CLIENT, 40_000), segment, payload);
        self
    }

    fn expire(&mut self, second: i64) -> &mut Self {
        let said = &mut self.said;
        let now = Timestamp::from_parts(second, 0);
        self.connections.expire(now, &mut |_, moment, what| {
            said.push(format!("{} at {}", word(what), moment.time.second()));
        });
        self
    }

    fn finish(&mut self) -> String {
        let said = &mut self.said;
        let now = self.newest;
        self.connections
            .finish(now, &mut |_, _, what| said.push(word(what)));
        std::mem::take(&mut self.said).join(", ")
    }
}

#[test]
fn an_attempt_is_said_once_whatever_is_repeated() {
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"").client(1, SYN, 100, 0, b"");
    tap.server(2, SYN | ACK, 500, 101, b"")
        .server(2, SYN | ACK, 500, 101, b"");
    tap.client(2, ACK, 101, 501, b"")
        .client(3, SYN, 100, 0, b"");
    tap.client(4, FIN | ACK, 101, 501, b"")
        .server(4, FIN | ACK, 501, 102, b"");
    tap.client(5, SYN, 100, 0, b"")
        .client(5, FIN | ACK, 101, 501, b"");
    assert_eq!(tap.finish(), "attempt, Established, answers, ended");
    assert_eq!(tap.connections.counts().midstream, 0);
}

#[test]
fn another_initial_number_is_another_attempt() {
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"")
        .client(1, SYN, 9_000, 0, b"");
    tap.server(1, SYN | ACK, 500, 101, b""); // answers the first
    tap.server(1, SYN | ACK, 700, 9_001, b"")
        .client(1, ACK, 9_001, 701, b"");
    tap.client(2, SYN, 20_000, 0, b"");
    assert_eq!(
        tap.finish(),
        "attempt, attempt, Established, answers, ended, Established, answers, ended, attempt"
    );
}

#[test]
fn an_attempt_that_another_follows_has_its_own_outcome() {
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"")
        .client(10, SYN, 9_000, 0, b"")
        .client(11, SYN, 100, 0, b"") // again, and no third
        .server(12, RST | ACK, 0, 9_001, b"");
    assert_eq!(tap.said.join(", "), "attempt, attempt, Refused, answers");
    tap.said.clear();
    tap.expire(31);
    tap.client(40, SYN, 20_000, 0, b"");
    tap.expire(80).client(81, SYN, 100, 0, b"");
    assert_eq!(tap.finish(), "Unanswered at 30, attempt, Unanswered at 70");
    // The answer to the first, and the client goes on with that.
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"")
        .client(1, SYN, 9_000, 0, b"")
        .server(2, SYN | ACK, 500, 101, b"")
        .server(2, ACK, 501, 101, b"220 mx.\r\n")
        .client(2, ACK, 101, 509, b"QUIT\r\n")
        .expire(60);
    assert_eq!(
        tap.finish(),
        "attempt, attempt, Established, answers, 220, Quit, Unanswered at 31, ended"
    );
}

#[test]
fn a_refusal_must_be_of_this_syn() {
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"")
        .server(0, RST | ACK, 0, 77, b"");
    tap.client(1, RST, 101, 0, b"")
        .server(2, RST | ACK, 0, 101, b"");
    tap.server(3, RST | ACK, 0, 101, b"").expire(100);
    assert_eq!(tap.finish(), "attempt, Refused, answers");
}

#[test]
fn a_refusal_or_an_answer_may_be_captured_before_its_syn() {
    let mut tap = Tap::new();
    tap.server(0, RST | ACK, 0, 101, b"")
        .client(0, SYN, 100, 0, b"");
    tap.client(1, SYN, 100, 0, b"")
        .server(1, RST | ACK, 0, 101, b"");
    assert_eq!(tap.finish(), "attempt, Refused, answers");
    let mut tap = Tap::new();
    tap.server(0, SYN | ACK, 500, 101, b"")
        .client(0, SYN, 100, 0, b"");
    assert_eq!(tap.finish(), "attempt, Established, answers, ended");
    // Alone it may be meant for somebody else.
    let mut tap = Tap::new();
    tap.server(0, RST | ACK, 0, 101, b"").expire(60);
    assert_eq!(tap.finish(), "");
}

#[test]
fn the_first_command_waits_for_the_greeting_that_it_answers() {
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"")
        .server(0, SYN | ACK, 500, 101, b"");
    tap.client(0, ACK, 101, 510, b"QUIT\r\n");
    assert_eq!(tap.said.join(", "), "attempt, Established, answers");
    tap.server(0, ACK, 501, 101, b"220 mx.\r\n");
    let said = tap.said.join(", ");
    assert_eq!(said, "attempt, Established, answers, 220, Quit");
}

#[test]
fn silence_is_told_at_thirty_seconds_and_an_answer_after_it_too() {
    let mut tap = Tap::new();
    tap.client(10, SYN, 100, 0, b"")
        .client(13, SYN, 100, 0, b"")
        .expire(39)
        .expire(45);
    tap.client(41, SYN, 100, 0, b"")
        .server(50, SYN | ACK, 5, 101, b"");
    assert_eq!(
        tap.finish(),
        "attempt, Unanswered at 40, Established, answers, ended"
    );
}

#[test]
fn the_thirty_seconds_are_exact_though_seconds_close_later() {
    for (nanos, said) in [
        (0, "attempt, Established, answers, ended"),
        (1, "attempt, Unanswered, Established, answers, ended"),
    ] {
        let mut tap = Tap::new();
        tap.client(10, SYN, 100, 0, b"").expire(36);
        let answer = Segment {
            seq: 500,
            ack: 101,
            flags: SYN | ACK,
        };
        let time = Timestamp::from_parts(40, nanos);
        tap.packet_at(time, (SERVER, 25), (CLIENT, 40_000), answer, b"");
        assert_eq!(tap.expire(40).finish(), said);
    }
    // A refusal, and data where the answer itself was lost.
    let mut tap = Tap::new();
    tap.client(10, SYN, 100, 0, b"")
        .server(41, RST | ACK, 0, 101, b"");
    assert_eq!(tap.finish(), "attempt, Unanswered, Refused, answers");
    let mut tap = Tap::new();
    tap.client(10, SYN, 100, 0, b"")
        .server(41, ACK, 501, 101, b"220 mx.\r\n");
    assert_eq!(
        tap.finish(),
        "attempt, Unanswered, Established, answers, 220, ended"
    );
}

#[test]
fn the_moment_of_silence_is_thirty_seconds_after_the_syn_also_if_an_answer_tells_of_it() {
    let mut tap = Tap::new();
    let mut moments = Vec::new();
    tap.client(10, SYN, 100, 0, b"").expire(37);
    let packet = |time, flags| {
        let (src, dst) = (HostAddr::from_v4(SERVER), HostAddr::from_v4(CLIENT));
        Packet {
            time,
            origin: Origin { file: 0, frame: 9 },
            tag: LinkTag::default(),
            src,
            dst,
            transport: Transport::Tcp(Segment {
                seq: 0,
                ack: 101,
                flags,
            }),
            src_port: 25,
            dst_port: 40_000,
            missing: 0,
            payload: b"",
        }
    };
    let answer = packet(Timestamp::from_parts(41, 0), RST | ACK);
    tap.take(&answer, &mut |_, moment, said| {
        let (second, frame) = (moment.time.second(), moment.origin.frame);
        moments.push((second, frame, said == Said::Attempt));
    });
    assert_eq!(moments, [(40, 1, false), (41, 9, false), (41, 9, false)]);
}

#[test]
fn a_bare_acknowledgement_answers_no_attempt() {
    // As a server sends it that has a connection of these ends still (RFC 5961).
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"")
        .server(0, ACK, 7_000_000, 900_000_000, b"")
        .server(1, ACK, 501, 101, b"")
        .expire(60);
    assert_eq!(tap.finish(), "attempt, answers at 1, Unanswered at 30");
}

#[test]
fn data_with_a_syn_are_no_answer() {
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"EHLO a\r\n").expire(60);
    assert_eq!(tap.finish(), "attempt, Unanswered at 30");
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"QUIT\r\n")
        .server(1, SYN | ACK, 500, 107, b"");
    assert_eq!(tap.connections.counts().segments.holes, 0);
    tap.server(1, SYN | ACK, 500, 101, b"");
    assert!(tap.finish().contains("Quit"));
}

#[test]
fn what_comes_again_after_the_end_opens_nothing() {
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"")
        .server(0, SYN | ACK, 500, 101, b"");
    tap.client(1, FIN | ACK, 101, 501, b"")
        .server(1, FIN | ACK, 501, 102, b"");
    tap.client(1, SYN, 100, 0, b"")
        .server(1, SYN | ACK, 500, 101, b"");
    assert_eq!(tap.finish(), "attempt, Established, answers, ended");
}

#[test]
fn a_copy_of_the_answer_shows_no_client() {
    // Only servers are mirrored: their replies wait for nobody.
    let mut tap = Tap::new();
    tap.server(0, SYN | ACK, 500, 101, b"")
        .server(0, ACK, 501, 101, b"220 a\r\n")
        .expire(2)
        .server(3, SYN | ACK, 500, 101, b"")
        .server(3, ACK, 508, 120, b"250 b\r\n");
    let said = tap.said.join(", ");
    assert!(said.contains("220 at 0"), "{said}");
    assert!(said.ends_with("250"), "{said}");
}

#[test]
fn what_a_reply_answers_is_told_to_be_missing_before_it() {
    let mut tap = Tap::new();
    let mut said = Vec::new();
    tap.client(0, SYN, 100, 0, b"")
        .server(0, SYN | ACK, 500, 101, b"");
    tap.server(0, ACK, 501, 101, b"220 a\r\n");
    // QUIT is lost, and no octet of the client comes behind it.
    tap.server(1, ACK, 508, 107, b"221 b\r\n");
    tap.client(4, ACK, 107, 515, b"");
    let slot = tap.connections.slots.first().unwrap();
    said.append(&mut tap.said);
    assert_eq!(said.join(", "), "attempt, Established, answers, 220, 221");
    assert_eq!(slot.stream.as_ref().unwrap().waiting(), 0);
    assert_eq!(tap.connections.counts().segments.lost, 6);
    assert_eq!(tap.finish(), "ended gapped");
}

#[test]
fn an_end_from_outside_the_window_is_none() {
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"")
        .server(0, SYN | ACK, 500, 101, b"");
    tap.client(0, FIN | ACK, 900_000_000, 501, b"")
        .client(1, ACK, 101, 501, b"QUIT\r\n")
        .client(1, FIN | ACK, 107, 501, b"")
        .server(1, FIN | ACK, 501, 108, b"");
    assert!(tap.said.join(", ").ends_with("ended"), "{:?}", tap.said);
}

#[test]
fn snapped_data_are_an_answer() {
    let mut tap = Tap::new();
    let (client, server) = (HostAddr::from_v4(CLIENT), HostAddr::from_v4(SERVER));
    let packet = |origin, flags, missing| Packet {
        time: Timestamp::from_parts(0, 0),
        origin: Origin { file: 0, frame: 1 },
        tag: LinkTag::default(),
        src: if origin { client } else { server },
        dst: if origin { server } else { client },
        transport: Transport::Tcp(Segment {
            seq: 100,
            ack: 101,
            flags,
        }),
        src_port: if origin { 40_000 } else { 25 },
        dst_port: if origin { 25 } else { 40_000 },
        missing,
        payload: b"",
    };
    let mut said = Vec::new();
    for packet in [packet(true, SYN, 0), packet(false, ACK, 20)] {
        tap.take(&packet, &mut |_, _, what| said.push(word(what)));
    }
    tap.said = said;
    tap.newest = Timestamp::from_parts(0, 0);
    assert_eq!(tap.finish(), "attempt, Established, answers, ended gapped");
}

#[test]
fn where_the_handshake_was_not_seen_what_was_overtaken_is_put_in_order_too() {
    // Picked up in the middle.
    let mut tap = Tap::new();
    tap.client(0, ACK, 120, 501, b"QUIT\r\n")
        .client(0, ACK, 100, 501, b"MAIL FROM:<a@b.cd>\r\n")
        .expire(1);
    // In order; what may be text is said when the connection shows that it was none.
    assert_eq!(tap.finish(), "Mail, Quit, ended gapped");
    // The answer was lost, and the RST came before what was said.
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"")
        .server(0, RST | ACK, 508, 101, b"")
        .server(0, ACK, 501, 101, b"220 a\r\n")
        .expire(1);
    assert_eq!(
        tap.finish(),
        "attempt, Established at 0, answers at 0, 220 at 0, ended at 0"
    );
}

#[test]
fn the_end_of_the_input_is_no_silence() {
    let mut tap = Tap::new();
    tap.client(10, SYN, 100, 0, b"")
        .client(39, SYN, 100, 0, b"");
    assert_eq!(tap.finish(), "attempt");
}

#[test]
fn where_answers_are_not_mirrored_there_is_no_outcome() {
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"")
        .client(0, ACK, 101, 501, b"");
    tap.client(1, ACK, 101, 501, b"QUIT\r\n").expire(60);
    tap.client(61, FIN | ACK, 107, 600, b"")
        .client(62, FIN | ACK, 107, 600, b"");
    let said = tap.finish();
    assert!(said.starts_with("attempt, no answers"), "{said}");
    assert!(
        !said.contains("Unanswered") && said.matches("ended").count() == 1,
        "{said}"
    );
}

#[test]
fn an_answer_to_somebody_elses_syn_is_no_attempt() {
    let mut tap = Tap::new();
    // Backscatter: the host may tell the server so.
    tap.server(0, SYN | ACK, 500, 101, b"")
        .server(1, SYN | ACK, 500, 101, b"");
    tap.client(1, RST, 101, 0, b"").expire(60);
    assert_eq!(tap.finish(), "");
    // A capture that began between SYN and its answer, or sees servers only.
    tap.server(70, SYN | ACK, 500, 901, b"")
        .server(70, ACK, 501, 901, b"220 mail\r\n");
    let said = tap.finish();
    assert!(said.starts_with("attempt, Established, answers"), "{said}");
}

#[test]
fn a_reset_from_outside_the_window_ends_nothing() {
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"")
        .server(0, SYN | ACK, 500, 101, b"");
    tap.server(1, RST, 900_000_000, 0, b"");
    assert_eq!(
        std::mem::take(&mut tap.said).join(", "),
        "attempt, Established, answers"
    );
    tap.server(2, RST, 501, 0, b"");
    assert_eq!(tap.finish(), "ended");
}

#[test]
fn bare_acknowledgements_of_an_unknown_connection_are_nothing() {
    let mut tap = Tap::new();
    tap.client(0, ACK, 100, 500, b"")
        .server(0, FIN | ACK, 500, 100, b"")
        .server(0, RST, 500, 0, b"");
    assert_eq!(
        (tap.finish().as_str(), tap.connections.kept()),
        ("", (0, 0))
    );
}

#[test]
fn dns_messages_come_in_order_from_any_segments() {
    let mut tap = Tap::new();
    let mut message = b"\0\x17\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x05mail1".to_vec();
    message.extend(b"\0\0\x01\0\x01");
    let (a, b) = message.split_at(7);
    let segment = |seq| Segment {
        seq,
        ack: 1,
        flags: ACK,
    };
    let ends = ((CLIENT, 40_000), (SERVER, DNS));
    tap.packet(
        0,
        ends.0,
        ends.1,
        Segment {
            seq: 99,
            ack: 0,
            flags: SYN,
        },
        b"",
    );
    let answer = Segment {
        seq: 0,
        ack: 100,
        flags: SYN | ACK,
    };
    tap.packet(0, ends.1, ends.0, answer, b"");
    let b_at = 100 + u32::try_from(a.len()).unwrap();
    tap.packet(1, ends.0, ends.1, segment(b_at), b);
    assert_eq!(tap.connections.kept(), (1, b.len()));
    tap.packet(1, ends.0, ends.1, segment(100), a);
    tap.packet(1, ends.0, ends.1, segment(100), a);
    assert_eq!(
        (tap.finish().as_str(), tap.connections.kept()),
        ("Client dns 23", (0, 0))
    );
}

#[test]
fn of_a_chat_the_beginning_of_the_client_is_read_and_nothing_is_counted_as_mail() {
    let mut tap = Tap::new();
    let chat = ([203, 0, 113, 67], 6667);
    let mut send = |second, from_client, flags, (seq, ack), payload: &[u8]| {
        let segment = Segment { seq, ack, flags };
        let (src, dst) = ((CLIENT, 40_000), chat);
        let (src, dst) = if from_client { (src, dst) } else { (dst, src) };
        tap.packet(second, src, dst, segment, payload);
    };
    let (syn, ack) = (Segment::SYN, Segment::ACK);
    send(0, true, syn, (100, 0), b"");
    send(0, false, syn | ack, (500, 101), b"");
    send(1, true, ack, (101, 501), b"NICK b\r\n");
    // The server has said 40 octets that are not read, and so not waited for.
    send(2, true, ack, (109, 541), b"USER a b c d\r\n");
    send(
        3,
        true,
        ack,
        (123, 541),
        b"JOIN #x\r\nPRIVMSG #x :hello\r\n",
    );
    send(4, true, ack, (152, 600), b"PRIVMSG #x :and more\r\n");
    send(4, true, ack | Segment::FIN, (174, 600), b"");
    // Picked up in the middle.
    let segment = Segment {
        seq: 9,
        ack: 9,
        flags: ack,
    };
    tap.packet(
        5,
        (CLIENT, 40_001),
        chat,
        segment,
        b"NICK b\r\nUSER a b c d\r\n",
    );
    tap.expire(2000);
    assert_eq!(tap.said, ["Registers", "Joins"]);
    assert_eq!(tap.connections.kept(), (0, 0));
    let SegmentCounts { octets, .. } = tap.connections.counts().segments;
    let mut counts = TcpCounts::default();
    counts.segments.octets = octets;
    assert_eq!(tap.connections.counts(), counts);
}
