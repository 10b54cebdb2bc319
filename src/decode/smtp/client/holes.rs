//! Where octets of either direction are missing: what that leaves unknown of the client, and
//! what tells again.

use super::super::Side;
use super::super::body::Text;
use super::super::line::{self, Start};
use super::super::session::{Out, Session};
use super::Mode;
use crate::decode::tls::record::{self, HANDSHAKE};

/// No longer than this is the rest of a TCP segment.
const REST_OF_SEGMENT: u32 = 1460;

/// Whether a hole behind a line that was cut is taken for the rest of it: nothing else was in
/// its segment, where the client waits for each reply.
pub(in super::super) fn is_rest_of_line(missing: Option<u32>) -> bool {
    missing.is_some_and(|missing| missing <= REST_OF_SEGMENT)
}

impl Session {
    /// The beginning of a segment behind a hole.
    pub(super) fn client_after_hole(&mut self, octets: &[u8]) {
        match self.client.mode {
            Mode::Lines => {
                if self.client.unsure && record::begins(octets, 20..=23) == Some(true) {
                    let hello = record::begins(octets, HANDSHAKE..=HANDSHAKE) == Some(true);
                    self.client_to_tls(hello);
                }
            }
            // The server's reply tells where a text has ended. Who does not see that takes a
            // segment of nothing but commands for such, and a last line that is sent alone for
            // the end; it is put in doubt.
            Mode::Text { .. } if !self.server.is_seen() => {
                let rest = octets.strip_prefix(b".\r\n");
                if rest.is_some_and(|rest| rest.is_empty() || line::is_of_commands(rest))
                    || line::is_of_commands(octets)
                {
                    self.client.mode = Mode::Lines;
                    self.client.unsure = true;
                }
            }
            Mode::Text { .. } | Mode::Chunk(_) | Mode::Tls => {}
        }
    }

    /// A reply was missed, which may have been 354, or the one to a text.
    pub(in super::super) fn client_unheard(&mut self) {
        self.client.doubt.clear();
        if let Mode::Text { gapped, .. } = &mut self.client.mode {
            *gapped = true;
        }
    }

    /// The reply to the text has come. Where its end was missed, commands follow.
    pub(in super::super) fn client_text_answered(&mut self) {
        if let Mode::Text {
            at,
            gapped,
            answered,
        } = &mut self.client.mode
        {
            if *gapped {
                self.client.skipping = false;
                // More may have been sent behind it, and another DATA with that.
                self.client.unsure =
                    self.client.pipelines || !self.client.fresh && *at != Text::Start;
                self.client.mode = Mode::Lines;
                if self.client.pipelines {
                    self.outstanding.lose();
                }
            } else {
                *answered = true;
            }
        }
    }

    pub(in super::super) fn client_gap(&mut self, missing: Option<u32>, out: &mut Out<'_>) {
        self.client.seen = true;
        let octets = missing.unwrap_or(u32::MAX);
        self.client.missing = self.client.missing.saturating_add(octets);
        match self.client.mode {
            Mode::Lines => {
                let counted = self.client_cut_line(missing, out);
                self.client.gapped = true;
                if self.permitted || self.client.text_due && !self.server.is_seen() {
                    self.client_begins_text(Text::Inside, true);
                }
                // Of a chunk it is not known how much is missing before it.
                let chunk = matches!(self.client.mode, Mode::Chunk(_));
                if chunk {
                    self.client.mode = Mode::Lines;
                }
                let rest = counted && !self.client.pipelines && is_rest_of_line(missing);
                if rest && !chunk {
                    self.outstanding.lose_all_but_one();
                } else {
                    self.outstanding.lose();
                }
                self.client.after_hole();
            }
            Mode::Text {
                ref mut at,
                ref mut gapped,
                ..
            } => {
                *at = Text::Inside;
                *gapped = true;
                self.client.fresh = true;
                self.client.gapped = true;
            }
            Mode::Chunk(_) => {
                self.client.gapped = true;
                self.client_gap_in_chunk(missing);
            }
            Mode::Tls => self.tls_gap(Side::Client, missing, out),
        }
    }

    fn client_gap_in_chunk(&mut self, missing: Option<u32>) {
        let Mode::Chunk(left) = self.client.mode else {
            return;
        };
        match missing.and_then(|missing| left.checked_sub(missing.into())) {
            Some(0) => self.client.mode = Mode::Lines,
            Some(left) => self.client.mode = Mode::Chunk(left),
            None => {
                self.client.mode = Mode::Lines;
                self.outstanding.lose();
                self.client.after_hole();
            }
        }
    }

    /// What is there of a line whose end will not come, but a hole of `missing` octets from it
    /// on; whether it counted as a command.
    pub(super) fn client_cut_line(&mut self, missing: Option<u32>, out: &mut Out<'_>) -> bool {
        let mut pieces = std::mem::take(&mut self.client.pieces);
        let head = pieces.line().head;
        let nothing = self.client.skipping || pieces.is_empty();
        let parsed = line::parse_cut(head)
            .filter(|_| !nothing)
            .filter(|_| !self.is_credential(head));
        let expected = !self.client.unsure && !self.client.text_due;
        let counts = expected && parsed.is_some();
        if let Some(parsed) = parsed.filter(|_| expected) {
            self.client.lined = true;
            self.settled = true;
            self.command(&parsed, out);
        } else if !(expected || nothing && missing == Some(0)) {
            // `QUIT` is whole without its end only where commands are expected.
            let sure = line::start(head) == Start::Sure && is_rest_of_line(missing);
            let fits = self.client.doubt.has_room(head) && !self.client.text_due;
            let known = line::verb(head).filter(|_| parsed.is_some());
            match known.filter(|_| sure && fits) {
                Some(word) => self.client.doubt.push(head, word, true),
                None => self.client.doubt.clear(),
            }
        }
        pieces.clear();
        self.client.pieces = pieces;
        counts
    }
}
