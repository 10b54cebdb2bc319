//! Puts the client's first message together from the pieces of its records.

use super::ClientHello;

/// Handshake message type of a `ClientHello` (RFC 8446 section 4).
pub(super) const CLIENT_HELLO: u8 = 1;
/// Type and length before the message.
const HEADER: usize = 4;
/// Longest message that is put together; those of today are below 2 KiB, or 4 KiB with
/// post-quantum keys and tickets.
pub const MAX_HELLO: usize = 16 * 1024;

/// The first handshake message of a client, while it comes in.
#[derive(Debug, Default)]
pub struct Gathering {
    /// Its header and body, as far as they have come in several pieces.
    kept: Vec<u8>,
    done: bool,
}

impl Gathering {
    /// Whether nothing is waited for any more.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Octets that are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// A piece of a handshake record. The message is said once: when it is whole, or when it
    /// turns out to be none, and then without names.
    pub fn piece(&mut self, piece: &[u8], out: &mut dyn FnMut(ClientHello<'_>)) {
        if self.done {
            return;
        }
        if self.kept.is_empty()
            && let Some(hello) = read(piece)
        {
            self.finish(hello, out);
            return;
        }
        let room = (HEADER + MAX_HELLO).saturating_sub(self.kept.len());
        self.kept.extend(piece.iter().take(room));
        let kept = std::mem::take(&mut self.kept);
        if let Some(hello) = read(&kept) {
            self.finish(hello, out);
        } else {
            self.kept = kept;
        }
    }

    /// No more of it will come.
    pub fn give_up(&mut self, out: &mut dyn FnMut(ClientHello<'_>)) {
        if !self.done {
            self.finish(ClientHello::default(), out);
        }
    }

    fn finish(&mut self, hello: ClientHello<'_>, out: &mut dyn FnMut(ClientHello<'_>)) {
        self.done = true;
        self.kept = Vec::new();
        out(hello);
    }
}

/// The message at the start of `octets`; `None` where it is not all there.
fn read(octets: &[u8]) -> Option<ClientHello<'_>> {
    let (head, rest) = octets.split_first_chunk::<HEADER>()?;
    let [kind, high, middle, low] = *head;
    let length = u32::from_be_bytes([0, high, middle, low]) as usize;
    if kind != CLIENT_HELLO || length > MAX_HELLO {
        return Some(ClientHello::default());
    }
    rest.get(..length).map(ClientHello::read)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alpn, body, sni};
    use super::*;

    fn told(pieces: &[&[u8]], give_up: bool) -> Vec<String> {
        let mut told = Vec::new();
        let mut out = |hello: ClientHello<'_>| {
            let text = |octets: Option<&[u8]>| {
                octets.map_or("-".into(), |octets| {
                    String::from_utf8_lossy(octets).into_owned()
                })
            };
            told.push(format!("{} {}", text(hello.server_name), text(hello.alpn)));
        };
        let mut gathering = Gathering::default();
        for piece in pieces {
            gathering.piece(piece, &mut out);
            assert!(gathering.kept() <= HEADER + MAX_HELLO);
        }
        if give_up {
            gathering.give_up(&mut out);
            assert!(gathering.is_done());
        }
        told
    }

    #[test]
    fn whole_in_pieces_and_broken() {
        let body = body(&[sni("mx.example"), alpn(&["smtp"])]);
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let message = [&[CLIENT_HELLO], &length[1..], &body].concat();
        let names = ["mx.example smtp"];
        assert_eq!(told(&[&message], true), names);
        for cut in 0..message.len() {
            let (first, second) = message.split_at(cut);
            assert_eq!(told(&[first, second, b"more"], true), names);
        }
        assert_eq!(told(&[&message[..9]], false), [""; 0]);
        assert_eq!(told(&[&message[..9]], true), ["- -"]);
        assert_eq!(told(&[b"\x02\x00\x00\x01"], false), ["- -"]);
        // Longer than any that is put together.
        assert_eq!(told(&[b"\x01\x01\x00\x00"], false), ["- -"]);
    }
}
