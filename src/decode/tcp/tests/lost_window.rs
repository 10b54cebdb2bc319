//! A capture that loses a connection for longer than a window: nobody knows how much is missing,
//! and so what comes next is none of what went on before.

use super::*;

/// So many segments from outside of the window move it.
const STRAYS: usize = 8;

/// A mail connection from its handshake on.
struct Talk {
    tap: Tap,
    /// The next octet of client and server.
    next: [u32; 2],
}

impl Talk {
    fn new() -> Self {
        let mut tap = Tap::new();
        tap.client(0, SYN, 100, 0, b"")
            .server(0, SYN | ACK, 500, 101, b"");
        tap.said.clear();
        let next = [101, 501];
        Self { tap, next }
    }

    fn say(&mut self, from: Side, octets: &str) {
        let [client, server] = &mut self.next;
        let count = u32::try_from(octets.len()).unwrap();
        match from {
            Side::Client => {
                self.tap.client(1, ACK, *client, *server, octets.as_bytes());
                *client += count;
            }
            Side::Server => {
                self.tap.server(1, ACK, *server, *client, octets.as_bytes());
                *server += count;
            }
        }
    }

    /// The capture loses a gigabyte, and then sees `octets` again and again.
    fn say_after_loss(&mut self, from: Side, octets: &str) {
        let at = usize::from(from == Side::Server);
        let begin = self.next[at] + (1 << 30);
        for _ in 0..STRAYS {
            self.next[at] = begin;
            self.say(from, octets);
        }
    }
}

fn after_envelope() -> Talk {
    use Side::{Client, Server};
    let mut talk = Talk::new();
    for (from, octets) in [
        (Server, "220 a\r\n"),
        (Client, "HELO a.example\r\n"),
        (Server, "250 a\r\n"),
        (Client, "MAIL FROM:<a@b.example>\r\n"),
        (Server, "250 a\r\n"),
        (Client, "RCPT TO:<c@d.example>\r\n"),
        (Server, "250 a\r\n"),
    ] {
        talk.say(from, octets);
    }
    talk.tap.said.clear();
    talk
}

#[test]
fn commands_behind_it_are_none_of_a_chunk_that_went_on_before() {
    let mut talk = after_envelope();
    talk.say(Side::Client, "BDAT 100 LAST\r\nhello");
    talk.say_after_loss(Side::Client, "QUIT\r\n");
    talk.say(Side::Server, "221 a\r\n");
    assert_eq!(talk.tap.finish(), "Bdat, Quit, 221, ended gapped");
}

#[test]
fn a_reply_behind_it_is_not_to_the_text_that_was_sent_before() {
    let mut talk = after_envelope();
    talk.say(Side::Client, "DATA\r\n");
    talk.say(Side::Server, "354 go");
    talk.say(Side::Client, "hello\r\n.\r\n");
    talk.say_after_loss(Side::Server, "250 a\r\n");
    assert_eq!(talk.tap.finish(), "Data, 354, 250, ended gapped");
}

/// Where the message ends that it is in is known by its length.
#[test]
fn a_hole_of_one_octet_is_known() {
    let query = |name: &[u8; 5]| {
        let head = b"\0\x17\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x05";
        [&head[..], name, b"\0\0\x01\0\x01"].concat()
    };
    let stream = [query(b"mail1"), query(b"mail2"), query(b"mail3")].concat();
    let mut tap = Tap::new();
    let mut send = |second, flags, seq: usize, octets: &[u8]| {
        let seq = u32::try_from(seq).unwrap();
        let segment = Segment { seq, ack: 1, flags };
        tap.packet(second, (CLIENT, 40_000), (SERVER, DNS), segment, octets);
    };
    send(0, SYN, 99, b"");
    send(1, ACK, 100, &stream[..20]);
    send(1, ACK, 100 + 21, &stream[21..]);
    // What is not acknowledged may still come for half a minute.
    send(40, ACK | FIN, 100 + stream.len(), b"");
    tap.expire(50);
    assert_eq!(
        tap.finish(),
        "Client dns 18 cut at 40, Client dns 23 at 40, Client dns 23 at 40"
    );
}
