//! How many messages are handed over inside TLS, by the sizes of its records.
//!
//! A client's octets come in turns: what it sends between two things that the server says.
//! The text of a message is one turn, and it has a header at least: From, To, Subject, Date,
//! Message-ID and two of MIME come to some 220 octets with short values, and most texts are
//! far longer. EHLO, AUTH with a password, single commands, and MAIL, RCPT and DATA sent
//! together for a few recipients are below [`TEXT`].
//!
//! Two more things are known of texts. Some turns come before the first: the end of the
//! handshake, EHLO, the envelope. And no two of them are neighbours, as there is an envelope
//! between; so of turns in a row that are large only each second, from the first on, is a
//! text, and an envelope for many recipients does not count.
//!
//! Wrong by one message are: a text of hardly any header; a long envelope that no text
//! follows; an OAuth token that is sent alone (XOAUTH2, RFC 7628) inside
//! implicit TLS; BDAT in several chunks that each wait for their reply; and messages whose
//! envelope and BDAT chunk come together count half.
//!
//! That **no** message is handed over is known better than how many are: no turn is large
//! enough for one, though commands were answered that come to the octets of an envelope. It
//! needs the overhead of encryption. In TLS 1.3 that is known ([`OVERHEAD_1_3`]); before, it
//! depends on the cipher, and the shortest record is taken for the shortest of commands
//! ([`SHORTEST`]), so that commands come out too short where none is. A login that is refused
//! looks like an envelope. So does what asks and never sends: callouts, who checks addresses.

use super::Side;
use crate::decode::tls::record::{APPLICATION_DATA, HANDSHAKE, Header};

/// Octets that encryption adds to a record: 17 in TLS 1.3, 16 to 24 with the AEADs of TLS
/// 1.2, more with CBC.
const OVERHEAD: u16 = 22;
/// The same in TLS 1.3, where there is no padding: tag and inner type (RFC 8446 section 5.2).
/// It is the least that there is.
const OVERHEAD_1_3: u32 = 17;
/// Octets of DATA, NOOP, QUIT and RSET with their CRLF.
const SHORTEST: u32 = 6;
/// Octets of the shortest envelope: `MAIL FROM:<>`, `RCPT TO:<a@b.cd>`, with their CRLF.
const ENVELOPE: u32 = 14 + 18;
/// A turn with more octets than this can be a message's text.
const TEXT: u32 = 200;
/// Turns between EHLO (in TLS 1.3 together with the end of the handshake, as a rule) and the
/// first text: the envelope.
const ENVELOPES: u8 = 1;

/// The turns of a client inside TLS.
#[derive(Debug, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the connection"
)]
pub(super) struct Estimate {
    /// TLS began with the connection.
    implicit: bool,
    /// The client changed to encryption (only in TLS 1.2 and before, a handshake record
    /// follows that).
    changed: bool,
    /// The end of the client's handshake was a handshake record: TLS 1.2 or before.
    old: bool,
    /// The turn that goes on.
    turn: Option<Turn>,
    /// Turns that are over; no more than matter are counted.
    turns: u8,
    /// The first of them was the end of the handshake and nothing else.
    alone: bool,
    /// Large turns in a row up to now.
    run: u32,
    /// Some turn was large, the first and the last ones included.
    large: bool,
    /// Records of the answered turns behind EHLO, and octets of their bodies.
    asked: (u32, u32),
    /// Octets of the shortest of those.
    shortest: Option<u16>,
    stopped: bool,
}

/// What a client sends between two things that the server says.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    records: u32,
    /// Of their bodies.
    octets: u32,
    /// Of what they carry, by [`OVERHEAD`].
    plain: u32,
    /// Of the shortest body.
    shortest: Option<u16>,
}

impl Estimate {
    pub(super) fn new(implicit: bool) -> Self {
        Self {
            implicit,
            ..Self::default()
        }
    }

    /// Records of a direction cannot be found any more, and so nothing is estimated.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// The next record; whether with it a message is taken for handed over.
    pub(super) fn record(&mut self, side: Side, header: Header) -> bool {
        match (side, header.kind) {
            (Side::Client, APPLICATION_DATA) => {
                let turn = self.turn.get_or_insert_default();
                turn.records = turn.records.saturating_add(1);
                turn.octets = turn.octets.saturating_add(header.length.into());
                let plain = header.length.saturating_sub(OVERHEAD);
                turn.plain = turn.plain.saturating_add(plain.into());
                turn.shortest = least(turn.shortest, Some(header.length));
                self.large |= turn.plain > TEXT;
                false
            }
            (Side::Client, HANDSHAKE) => {
                self.old |= self.changed;
                false
            }
            (Side::Client, CHANGE_CIPHER_SPEC) => {
                self.changed = true;
                false
            }
            (Side::Server, APPLICATION_DATA) => self.end_of_turn(),
            _ => false,
        }
    }

    /// Whether an envelope was answered and no text came, of a connection of which nothing is
    /// missing up to its end.
    pub(super) fn handed_nothing(&self) -> bool {
        let (records, octets) = self.asked;
        let overhead = match self.shortest {
            Some(shortest) if self.old => u32::from(shortest).saturating_sub(SHORTEST),
            _ => OVERHEAD_1_3,
        };
        let plain = octets.saturating_sub(records.saturating_mul(overhead));
        plain >= ENVELOPE && !self.large && !self.stopped
    }

    fn end_of_turn(&mut self) -> bool {
        let Some(turn) = self.turn.take() else {
            return false;
        };
        // The end of the handshake is a turn of its own where the server greets after it, or
        // its tickets come before EHLO.
        self.alone |= self.turns == 0 && !self.old && (self.implicit || turn.records == 1);
        let ehlo = 1 + u8::from(self.alone);
        if self.turns >= ehlo {
            let (records, octets) = self.asked;
            self.asked = (
                records.saturating_add(turn.records),
                octets.saturating_add(turn.octets),
            );
            self.shortest = least(self.shortest, turn.shortest);
        }
        if self.turns < ehlo + ENVELOPES {
            self.turns += 1;
            return false;
        }
        if turn.plain <= TEXT {
            self.run = 0;
            return false;
        }
        self.run = self.run.saturating_add(1);
        self.run % 2 == 1 && !self.stopped
    }
}

/// The lesser of those that there are.
fn least(one: Option<u16>, other: Option<u16>) -> Option<u16> {
    one.into_iter().chain(other).min()
}

/// Record type of the change to encryption (RFC 5246 section 7.1); in TLS 1.3 it means
/// nothing (RFC 8446 appendix D.4).
const CHANGE_CIPHER_SPEC: u8 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(implicit: bool, records: &str) -> usize {
        heard(implicit, records).0
    }

    /// Messages in records as `c23:100 s23:50`.
    fn heard(implicit: bool, records: &str) -> (usize, Estimate) {
        let mut estimate = Estimate::new(implicit);
        let record = |word: &str| {
            let (side, rest) = word.split_at(1);
            let (kind, length) = rest.split_once(':').unwrap();
            let side = if side == "c" {
                Side::Client
            } else {
                Side::Server
            };
            let (kind, length) = (kind.parse().unwrap(), length.parse().unwrap());
            (side, Header { kind, length })
        };
        let messages = records
            .split_whitespace()
            .map(record)
            .filter(|(side, header)| estimate.record(*side, *header))
            .count();
        (messages, estimate)
    }

    /// TLS 1.3 behind STARTTLS: the handshake ends in the turn of EHLO.
    const STARTTLS_13: &str = "c22:300 s22:122 s20:1 s23:27 s23:900 s23:281 s23:69 c20:1 c23:69 \
                               c23:40 s23:250 s23:250 s23:150 ";
    /// The same, from the connection's beginning on.
    const IMPLICIT_13: &str = "c22:300 s22:122 s20:1 s23:27 s23:900 s23:281 s23:69 c20:1 c23:69 \
                               s23:250 s23:250 s23:60 c23:40 s23:150 ";
    /// TLS 1.2 from the beginning on.
    const IMPLICIT_12: &str = "c22:200 s22:90 s22:900 s22:300 s22:4 c22:70 c20:1 c22:40 s22:180 \
                               s20:1 s22:40 s23:60 c23:44 s23:160 ";

    #[test]
    fn of_none_one_and_three_messages() {
        let auth = "c23:90 s23:60 ";
        let envelope = "c23:60 s23:40 c23:60 s23:40 c23:30 s23:60 ";
        let text = "c23:1200 s23:70 ";
        let long = "c23:16401 c23:16401 c23:5000 c23:30 s23:70 ";
        let quit = "c23:28 s23:40 c21:19 s21:19";
        for (implicit, handshake) in [
            (false, STARTTLS_13),
            (true, IMPLICIT_13),
            (true, IMPLICIT_12),
        ] {
            let count =
                |parts: &[&str]| messages(implicit, &[&[handshake], parts].concat().concat());
            assert_eq!(count(&[quit]), 0);
            assert_eq!(count(&[auth, quit]), 0);
            assert_eq!(count(&[envelope, quit]), 0);
            assert_eq!(count(&[envelope, text, quit]), 1);
            assert_eq!(count(&[auth, envelope, long, quit]), 1);
            let one = [envelope, text].concat();
            assert_eq!(count(&[auth, &one, &one, &one, quit]), 3);
            // A text without its reply.
            assert_eq!(count(&[envelope, "c23:1200"]), 0);
            // Pipelined: one turn for the envelope.
            let one = "c23:180 s23:120 c23:1200 s23:70 ";
            assert_eq!(count(&[one, one, one, quit]), 3);
            // For many recipients, again and again.
            let one = "c23:900 s23:500 c23:1200 s23:70 ";
            assert_eq!(count(&[auth, one, one, one, quit]), 3);
        }
    }

    #[test]
    fn what_comes_first_does_not_count() {
        let rest = "s23:40 c23:60 s23:40 c23:1200 s23:70 ";
        // A client's certificate.
        let certificate = IMPLICIT_13.replace("c20:1 c23:69", "c20:1 c23:1900 c23:69");
        assert_eq!(messages(true, &[&certificate, "c23:90 ", rest].concat()), 1);
        // An OAuth token behind STARTTLS, sent with AUTH.
        assert_eq!(
            messages(false, &[STARTTLS_13, "c23:1500 ", rest].concat()),
            1
        );
        // The limit that is known of: sent alone inside implicit TLS.
        let alone = [IMPLICIT_13, "c23:35 s23:30 c23:1500 ", rest].concat();
        assert_eq!(messages(true, &alone), 2);
    }

    /// Whether nothing is handed over.
    fn nothing(implicit: bool, records: &str) -> bool {
        heard(implicit, records).1.handed_nothing()
    }

    #[test]
    fn an_envelope_without_a_text_is_told_from_less_and_from_more() {
        let text = "c23:1200 s23:70 ";
        let quit = "c23:23 s23:40 ";
        for (implicit, handshake) in [(false, STARTTLS_13), (true, IMPLICIT_13)] {
            let nothing = |rest: &str| nothing(implicit, &[handshake, rest].concat());
            // EHLO alone, with NOOP and RSET.
            for rest in ["", quit, "c23:23 s23:30 c23:23 s23:30 c23:23 s23:40"] {
                assert!(!nothing(rest), "{rest}");
            }
            // A sender, and a recipient who is refused.
            let envelope = "c23:47 s23:40 c23:45 s23:60 ";
            for rest in [quit, "c23:23 s23:30 c23:23 s23:40", "c23:23", ""] {
                let rest = [envelope, rest].concat();
                assert!(nothing(&rest), "{rest}");
            }
            // Sent ahead with DATA, in one record or in three.
            for envelope in ["c23:98 s23:120 ", "c23:47 c23:45 c23:23 s23:120 "] {
                assert!(nothing(&[envelope, quit].concat()));
                assert!(!nothing(&[envelope, text, quit].concat()));
            }
            // Nobody knows what the server would have said.
            assert!(!nothing("c23:98"));
            // A text, with and without a reply, and after a refusal.
            for rest in [text, "c23:1200", &[envelope, text].concat()] {
                assert!(!nothing(&[envelope, rest].concat()), "{rest}");
            }
        }
    }

    #[test]
    fn ehlo_is_no_envelope_where_tickets_come_before_it() {
        let tickets = "c22:300 s22:122 s20:1 s23:900 c20:1 c23:69 s23:250 s23:250 c23:57 s23:150 ";
        let quit = "c23:23 s23:40";
        assert!(!nothing(false, &[tickets, quit].concat()));
        assert!(nothing(false, &[tickets, "c23:98 s23:120 ", quit].concat()));
    }

    #[test]
    fn before_tls_13_the_shortest_record_tells_what_the_cipher_adds() {
        // AES in CBC with SHA-256: an IV, a MAC and up to 16 octets of padding.
        let quit = "c23:64 s23:80 ";
        let nothing = |rest: &str| nothing(true, &[IMPLICIT_12, rest].concat());
        for rest in [quit, "c23:64 s23:80 c23:64 s23:80 "] {
            assert!(!nothing(rest));
        }
        let envelope = "c23:80 s23:80 c23:80 s23:96 ";
        assert!(nothing(&[envelope, quit].concat()));
        // Without a short one nobody knows.
        assert!(!nothing(envelope));
    }

    #[test]
    fn nothing_of_one_direction_or_after_a_loss() {
        let client = "c23:69 c23:40 c23:60 c23:1200 c23:60 c23:1200";
        assert_eq!(messages(false, client), 0);
        assert!(!nothing(false, "c23:69 c23:40 c23:60 c23:60 c23:23"));
        let mut estimate = Estimate::new(false);
        estimate.stop();
        for length in [40, 60, 1200, 60, 1200] {
            let kind = APPLICATION_DATA;
            assert!(!estimate.record(Side::Client, Header { kind, length }));
            assert!(!estimate.record(Side::Server, Header { kind, length: 60 }));
        }
    }
}
