//! Who registers at a chat server and joins a channel (RFC 1459 sections 4.1 and 4.2, RFC 2812):
//! only the first lines of the client, which are alike for a person and for a bot that its
//! master commands there. What is talked about is nobody's business here.

use super::tls::record::{HANDSHAKE, begins};

/// Octets of the client that are read at most.
const MAX_OCTETS: usize = 4096;
/// Lines of the client that are read at most: registration takes some five, and the answers to
/// the server's PING a few.
const MAX_LINES: usize = 60;
/// Octets of a line that are kept: more than its 512 no line has (RFC 1459 section 2.3).
const MAX_LINE: usize = 512;

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The client gave a nickname and a user, or began TLS at the port of IRC in TLS.
    Registers,
    /// It asked to join a channel after that.
    Joins,
}

/// The client's direction of a chat connection.
#[derive(Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the connection"
)]
pub struct Client {
    /// The port is that of IRC in TLS.
    tls: bool,
    line: Vec<u8>,
    octets: usize,
    lines: usize,
    nick: bool,
    user: bool,
    over: bool,
}

impl Client {
    /// A connection that is seen from its beginning. `tls`: to the port of IRC in TLS.
    #[must_use]
    pub fn new(tls: bool) -> Self {
        Self {
            tls,
            line: Vec::new(),
            octets: 0,
            lines: 0,
            nick: false,
            user: false,
            over: false,
        }
    }

    /// Octets that are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.line.len()
    }

    /// Whether nothing more will be heard.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Octets are missing: what a line behind them would be is not known.
    pub fn gap(&mut self) {
        self.end();
    }

    /// The next octets.
    pub fn octets(&mut self, octets: &[u8], out: &mut dyn FnMut(Heard)) {
        for &octet in octets {
            if self.over {
                return;
            }
            self.octets += 1;
            if self.line.len() < MAX_LINE {
                self.line.push(octet);
            }
            // The first octets of all: TLS, or text.
            if self.octets == 3 && begins(&self.line, HANDSHAKE..=HANDSHAKE) == Some(true) {
                if self.tls {
                    out(Heard::Registers);
                }
                return self.end();
            }
            // Servers take either for the end of a line.
            if octet == b'\n' || octet == b'\r' {
                self.lines += usize::from(octet == b'\n');
                let line = std::mem::take(&mut self.line);
                self.line(&line, out);
                self.line = line;
                self.line.clear();
            }
            if self.octets >= MAX_OCTETS || self.lines >= MAX_LINES {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        self.over = true;
        self.line = Vec::new();
    }

    fn line(&mut self, line: &[u8], out: &mut dyn FnMut(Heard)) {
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let mut command = words.next().unwrap_or_default();
        if command.starts_with(b":") {
            command = words.next().unwrap_or_default();
        }
        let registered = self.nick && self.user;
        if command.eq_ignore_ascii_case(b"NICK") {
            self.nick |= words.next().is_some();
        } else if command.eq_ignore_ascii_case(b"USER") {
            // User, host or mode, server, and the real name; FTP and POP3 have one only.
            self.user |= words.count() >= 4;
        } else if command.eq_ignore_ascii_case(b"JOIN") && registered {
            let channel = words.next().and_then(|word| word.first());
            if channel.is_some_and(|first| b"#&+!".contains(first)) {
                out(Heard::Joins);
                self.end();
            }
        }
        if !registered && self.nick && self.user {
            out(Heard::Registers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn heard(tls: bool, pieces: &[&[u8]]) -> (Vec<Heard>, bool) {
        let mut client = Client::new(tls);
        let mut said = Vec::new();
        for piece in pieces {
            client.octets(piece, &mut |heard| said.push(heard));
            assert!(client.line.len() <= MAX_LINE);
        }
        (said, client.is_over())
    }

    #[test]
    fn registration_and_joining() {
        use Heard::{Joins, Registers};
        for (text, expected) in [
            (
                "NICK bot\r\nUSER b 0 * :real name\r\nJOIN #x key\r\n",
                &[Registers, Joins][..],
            ),
            (
                "CAP LS 302\r\nnick bot\nuser b b b b\nMODE bot +x\njoin &x\n",
                &[Registers, Joins],
            ),
            (
                "PASS x\r\n:me NICK bot\r\nUSER b 0 * :\r\nPONG :1\r\n",
                &[Registers],
            ),
            ("USER b h s :r\rNICK bot\rJOIN #a,#b\r", &[Registers, Joins]),
            ("NICK bot\r\nNICK bot_\r\nUSER b 0 * :r\r\n", &[Registers]),
            ("NICK\r\nUSER b 0 * :r\r\n", &[]),
            ("NICK bot\r\nUSER b\r\n", &[]),
            ("JOIN #x\r\nNICK bot\r\n", &[]),
            ("USER b 0 * :r\r\nNICK b\r\nJOIN 0\r\n", &[Registers]),
            ("GET / HTTP/1.1\r\nHost: NICK\r\nUSER a b c d\r\n\r\n", &[]),
            ("NICK bot\r\nUSER b 0 * :r", &[]),
        ] {
            assert_eq!(heard(false, &[text.as_bytes()]).0, expected, "{text:?}");
            let octets: Vec<_> = text.as_bytes().chunks(1).collect();
            assert_eq!(heard(false, &octets).0, expected, "{text:?} octet by octet");
        }
    }

    #[test]
    fn of_tls_the_port_tells() {
        let hello: &[u8] = b"\x16\x03\x01\x02\x00\x01";
        assert_eq!(heard(true, &[hello]), (vec![Heard::Registers], true));
        assert_eq!(
            heard(true, &[&hello[..2], &hello[2..]]).0,
            [Heard::Registers]
        );
        assert_eq!(heard(false, &[hello]), (vec![], true));
        assert_eq!(
            heard(true, &[b"NICK b\r\nUSER a b c d\r\n"]).0,
            [Heard::Registers]
        );
    }

    #[test]
    fn no_more_is_read_than_a_beginning() {
        let late = b"NICK b\r\nUSER a b c d\r\nJOIN #x\r\n";
        assert_eq!(
            heard(false, &[&b"PING\r\n".repeat(60), late]),
            (vec![], true)
        );
        assert_eq!(heard(false, &[&b"PING\r\n".repeat(56), late]).0.len(), 2);
        assert_eq!(heard(false, &[&b"x".repeat(4096), late]), (vec![], true));
        assert_eq!(heard(false, &[&b"x".repeat(4000), b"\n", late]).0.len(), 2);
        let mut client = Client::new(false);
        client.gap();
        client.octets(late, &mut |_| panic!("behind a hole"));
    }

    proptest! {
        #[test]
        fn the_cuts_of_segments_do_not_matter(
            words in proptest::collection::vec(
                prop_oneof![
                    Just("NICK b"), Just("USER a b c d"), Just("JOIN #x"), Just("PING"), Just("\r\n"),
                    Just("\n"), Just("\u{16}\u{3}\u{1}"), Just(":p "), Just(" "),
                ],
                0..40
            ),
            cut in 1_usize..20, tls in any::<bool>()
        ) {
            let text = words.concat();
            let pieces: Vec<_> = text.as_bytes().chunks(cut).collect();
            prop_assert_eq!(heard(tls, &pieces), heard(tls, &[text.as_bytes()]));
        }

        #[test]
        fn any_octets_are_read(octets in proptest::collection::vec(any::<u8>(), 0..5000)) {
            heard(true, &[&octets]);
        }
    }
}
