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

use super::Side;
use crate::decode::tls::record::{APPLICATION_DATA, HANDSHAKE, Header};

/// Octets that encryption adds to a record: 17 in TLS 1.3, 16 to 24 with the AEADs of TLS
/// 1.2, more with CBC.
const OVERHEAD: u16 = 22;
/// A turn with more octets than this can be a message's text.
const TEXT: u32 = 200;
/// Turns before the first text behind STARTTLS: EHLO (in TLS 1.3 together with the end of
/// the handshake), envelope. Of implicit TLS 1.2 the same.
const TURNS_BEFORE: u8 = 2;

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
    /// Octets of the turn that goes on.
    turn: Option<u32>,
    /// Turns that are over; no more than matter are counted.
    turns: u8,
    /// Large turns in a row up to now.
    run: u32,
    stopped: bool,
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
                let octets = u32::from(header.length.saturating_sub(OVERHEAD));
                self.turn = Some(self.turn.unwrap_or(0).saturating_add(octets));
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

    fn end_of_turn(&mut self) -> bool {
        let Some(octets) = self.turn.take() else {
            return false;
        };
        // The end of the handshake is a turn of its own where the server greets after it.
        let before = TURNS_BEFORE + u8::from(self.implicit && !self.old);
        if self.turns < before {
            self.turns += 1;
            return false;
        }
        if octets <= TEXT {
            self.run = 0;
            return false;
        }
        self.run = self.run.saturating_add(1);
        self.run % 2 == 1 && !self.stopped
    }
}

/// Record type of the change to encryption (RFC 5246 section 7.1); in TLS 1.3 it means
/// nothing (RFC 8446 appendix D.4).
const CHANGE_CIPHER_SPEC: u8 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// Records as `c23:100 s23:50`.
    pub(super) fn messages(implicit: bool, records: &str) -> usize {
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
        records
            .split_whitespace()
            .map(record)
            .filter(|(side, header)| estimate.record(*side, *header))
            .count()
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

    #[test]
    fn nothing_of_one_direction_or_after_a_loss() {
        let client = "c23:69 c23:40 c23:60 c23:1200 c23:60 c23:1200";
        assert_eq!(messages(false, client), 0);
        let mut estimate = Estimate::new(false);
        estimate.stop();
        for length in [40, 60, 1200, 60, 1200] {
            let kind = APPLICATION_DATA;
            assert!(!estimate.record(Side::Client, Header { kind, length }));
            assert!(!estimate.record(Side::Server, Header { kind, length: 60 }));
        }
    }
}
