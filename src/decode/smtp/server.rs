//! The server's direction: replies, and what they answer.

use super::body::Text;
use super::client::is_rest_of_line;
use super::pieces::{Line, Pieces, behind_line, split_line};
use super::reply::{self, ReplyLine};
use super::session::{Out, Owed, Session};
use super::{Defect, Heard, Reply, Side, Verb};
use crate::decode::tls::record;

/// What the server's first octets are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Speech {
    /// Too few of them, or none, are seen.
    #[default]
    Unknown,
    /// A reply.
    Replies,
    /// Anything else.
    Other,
}

/// A reply of which more lines are to come.
#[derive(Clone, Copy, Debug)]
struct Begun {
    code: u16,
    /// A line says PIPELINING.
    pipelining: bool,
    /// Octets of it are missing.
    cut: bool,
}

/// What is known of the server.
#[derive(Debug, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the connection"
)]
pub(super) struct Server {
    pub(super) speech: Speech,
    pub(super) tls: bool,
    pieces: Pieces,
    begun: Option<Begun>,
    seen: bool,
    lined: bool,
    gapped: bool,
    /// The next octets come right after a hole.
    fresh: bool,
    /// Octets up to the next LF are the rest of a line whose start was missed.
    skipping: bool,
    /// Its first reply has come, or was missed.
    replied: bool,
    /// Its first reply was a greeting.
    greeted: bool,
    /// It offers PIPELINING.
    pipelining: bool,
    /// It is known not to offer PIPELINING.
    plain: bool,
    /// It said that it hangs up (421).
    closing: bool,
}

impl Server {
    /// It is seen, and all of it.
    pub(super) fn is_reliable(&self) -> bool {
        self.seen && !self.gapped
    }

    /// Something of it was seen, or seen to be missing.
    pub(super) fn is_seen(&self) -> bool {
        self.seen
    }

    /// It is not in the middle of a reply.
    pub(super) fn is_silent(&self) -> bool {
        self.pieces.is_empty() && self.begun.is_none()
    }

    pub(super) fn has_spoken(&self) -> bool {
        self.lined
    }

    /// Its first octets are no reply.
    pub(super) fn speaks_otherwise(&self) -> bool {
        self.speech == Speech::Other
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// It is known not to offer PIPELINING, though later replies may have been missed.
    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// What it said is all known, and it did not offer PIPELINING.
    pub(super) fn refuses_pipelining(&self) -> bool {
        self.greeted && !self.gapped && !self.pipelining
    }

    pub(super) fn kept(&self) -> usize {
        self.pieces.kept()
    }

    pub(super) fn after_hole(&mut self) {
        self.gapped = true;
        self.fresh = true;
        self.skipping = false;
        self.pieces.clear();
        // The greeting, where it is not just being said, was missed.
        self.replied |= self.begun.is_none();
    }
}

impl Session {
    pub(super) fn server_octets(&mut self, octets: &[u8], out: &mut Out<'_>) {
        self.server.seen = true;
        if std::mem::take(&mut self.server.fresh)
            && !self.server.tls
            && reply::begins(octets) == Some(false)
            && record::begins(octets, 20..=23) != Some(true)
        {
            self.server.skipping = true;
        }
        let mut rest = octets;
        while !rest.is_empty() && !self.is_over() {
            if self.server.tls {
                self.tls_octets(Side::Server, rest, out);
                return;
            }
            rest = self.server_lines(rest, out);
        }
    }

    /// One line, or the piece of one; what is behind it.
    fn server_lines<'a>(&mut self, octets: &'a [u8], out: &mut Out<'_>) -> &'a [u8] {
        if self.server.skipping {
            let behind = behind_line(octets);
            self.server.skipping = behind.is_none();
            return behind.unwrap_or_default();
        }
        if self.server.pieces.line().length < 3 {
            // Records never begin as replies do, and so nothing need be known of STARTTLS.
            match self
                .server
                .pieces
                .begins_with(octets, |octets| record::begins(octets, 20..=23))
            {
                Some(true) => {
                    self.client_must_have_spoken(out);
                    self.server_to_tls();
                    let pieces = std::mem::take(&mut self.server.pieces);
                    self.tls_octets(Side::Server, pieces.line().head, out);
                    return octets;
                }
                None => {
                    self.server.pieces.push(octets);
                    return &[];
                }
                Some(false) => {}
            }
        }
        if self.server.speech == Speech::Unknown && !self.server.gapped {
            let begins = self.server.pieces.begins_with(octets, |octets| {
                // Three digits alone do not tell yet.
                reply::begins(octets).filter(|begins| !begins || octets.len() > 3)
            });
            if let Some(begins) = begins {
                self.server_speaks(begins, out);
                if self.is_over() {
                    return &[];
                }
            }
        }
        let Some((line, rest)) = split_line(octets) else {
            self.server.pieces.push(octets);
            return &[];
        };
        if self.server.pieces.is_empty() {
            self.server_line(&Line::new(line), out);
        } else {
            let mut pieces = std::mem::take(&mut self.server.pieces);
            pieces.push(line);
            self.server_line(&pieces.line(), out);
            pieces.clear();
            self.server.pieces = pieces;
        }
        rest
    }

    fn server_speaks(&mut self, replies: bool, out: &mut Out<'_>) {
        if replies {
            self.server.speech = Speech::Replies;
            self.settled = true;
        } else {
            self.server.speech = Speech::Other;
            if self.client.foreign && !self.settled {
                self.not_smtp(out);
            }
        }
    }

    fn server_line(&mut self, line: &Line<'_>, out: &mut Out<'_>) {
        self.server.lined = true;
        let Some(read) = reply::read(line.content()) else {
            return;
        };
        self.reply_line(read, out);
    }

    fn reply_line(&mut self, line: ReplyLine<'_>, out: &mut Out<'_>) {
        let other = |begun: Begun| begun.cut && begun.code != line.code;
        if self.server.begun.is_some_and(other) {
            self.flush_cut_reply(out);
        }
        let keyword = line.text.split(u8::is_ascii_whitespace).next();
        let pipelining = keyword.is_some_and(|word| word.eq_ignore_ascii_case(b"PIPELINING"))
            || self.server.begun.is_some_and(|begun| begun.pipelining);
        if line.more {
            self.server.begun = Some(Begun {
                code: line.code,
                pipelining,
                cut: false,
            });
        } else {
            let cut = self.server.begun.take().is_some_and(|begun| begun.cut);
            self.reply(line.code, line.text, pipelining, out);
            if cut {
                self.outstanding.lose();
                self.owed.doubt();
            }
        }
    }

    /// A reply of several lines whose end was missed has ended when the client goes on.
    pub(super) fn flush_cut_reply(&mut self, out: &mut Out<'_>) {
        if let Some(begun) = self.server.begun.take_if(|begun| begun.cut) {
            self.reply(begun.code, b"", begun.pipelining, out);
            // The hole may have had more than the rest of it.
            self.outstanding.lose();
            self.owed.doubt();
        }
    }

    fn reply(&mut self, code: u16, text: &[u8], pipelining: bool, out: &mut Out<'_>) {
        let first = !std::mem::replace(&mut self.server.replied, true);
        if !first {
            self.client_must_have_spoken(out);
        }
        let lost = self.outstanding.is_lost();
        self.client_before_reply(code, out);
        let (to, message) = self.attribute(first, code);
        let (enhanced, text) = reply::enhanced(code, text);
        out(Heard::Reply(Reply {
            code,
            enhanced,
            to,
            text,
        }));
        let accepted = code / 100 == 2;
        if message {
            out(Heard::Message { accepted });
        }
        match to {
            Some(Verb::Connect) if code == 220 => {
                self.server.greeted = true;
                if self.client.is_seen() && !self.server.gapped && !self.client.is_gapped() {
                    self.defect(Defect::EarlyTalk, out);
                }
            }
            Some(Verb::Helo) if accepted => {
                self.server.pipelining = pipelining;
                self.server.plain = !pipelining && !self.server.gapped;
            }
            Some(Verb::Data) if code >= 400 => {
                if self.outstanding.holds(Verb::Message) {
                    // The server took the text for commands.
                    self.outstanding.lose();
                }
                self.client.refuse_text();
                self.client_believed(out);
            }
            Some(Verb::Auth) if code != 334 => self.client.auth_over(),
            Some(Verb::StartTls) if accepted => {
                self.client_pending_to_tls(out);
                self.server_to_tls();
            }
            Some(Verb::StartTls) => self.client.starttls_refused(),
            None if lost => {
                self.server.pipelining |= pipelining;
                self.client.auth_over();
            }
            _ => {}
        }
        if code == 334 {
            self.client.prompted();
        }
        self.server.closing |= code == 421;
    }

    /// The client's next octets are TLS, and so are those that are pending.
    fn client_pending_to_tls(&mut self, out: &mut Out<'_>) {
        if self.client.is_before_text() {
            let pieces = self.client.take_pieces();
            self.client_to_tls(true);
            self.tls_octets(Side::Client, pieces.line().head, out);
        }
    }

    /// What a reply answers, and whether it is the one that a message waited for.
    fn attribute(&mut self, first: bool, code: u16) -> (Option<Verb>, bool) {
        if first && self.whole {
            if code == 220 || code >= 400 {
                return (Some(Verb::Connect), false);
            }
            // The replies before it were not seen.
            if !self.outstanding.is_empty() {
                self.outstanding.lose();
            }
        }
        if code == 354 {
            self.begin_text();
            return (Some(Verb::Data), false);
        }
        if std::mem::take(&mut self.owed) != Owed::No {
            if self.outstanding.next() == Some(Verb::Message) {
                self.outstanding.answer();
            } else if !self.client.pipelines() {
                self.outstanding.settle();
            }
            self.client_text_answered();
            return (Some(Verb::Message), true);
        }
        let answered = self.in_turn(code);
        if self.client.is_in_doubtful_text() {
            // It has ended.
            self.client_text_answered();
        }
        answered
    }

    fn in_turn(&mut self, code: u16) -> (Option<Verb>, bool) {
        if code == 334 {
            return (Some(Verb::Auth), false);
        }
        let to = self.outstanding.answer();
        if to.is_none() && self.outstanding.is_lost() {
            let clear = match code {
                221 => Some(Verb::Quit),
                220 if self.client.is_starting_tls() => Some(Verb::StartTls),
                _ => None,
            };
            return (clear, false);
        }
        if to.is_none() && self.client.is_sure() && code != 421 && !self.gapped() {
            self.outstanding.ahead();
        }
        (to, to == Some(Verb::Message))
    }

    /// 354: the client's text follows.
    fn begin_text(&mut self) {
        self.owed = Owed::Surely;
        self.unheard = false;
        let due = self.client.is_text_due();
        let waiting = self.outstanding.answer_to(Verb::Data);
        let known = waiting || due || self.client.was_refused();
        if known || !self.client.is_sure() || self.gapped() {
            if self.client.is_before_text() {
                let gapped = !known || !self.client.is_sure();
                let at = if gapped { Text::Inside } else { Text::Start };
                self.client_begins_text(at, gapped);
            }
            if due && !waiting {
                // Whatever was sent before has been answered.
                self.outstanding.settle();
            }
        } else {
            // Its DATA is still to come, or was missed and that is not known yet.
            self.permitted = true;
            self.outstanding.settle();
            self.outstanding.ahead();
        }
    }

    pub(super) fn server_gap(&mut self, missing: Option<u32>, out: &mut Out<'_>) {
        self.server.seen = true;
        if self.server.tls {
            self.tls_gap(Side::Server, missing, out);
            return;
        }
        let said = self.server_cut_line(out);
        if let Some(begun) = &mut self.server.begun {
            begun.cut = true;
        }
        // A hole behind a reply that was cut is taken for the rest of it, and no more, if the
        // rest of a segment can be as long.
        let rest = (said || self.server.begun.is_some()) && is_rest_of_line(missing);
        self.owed.doubt();
        if !rest {
            self.owed = Owed::No;
            self.unheard = true;
            self.client_unheard();
        }
        if rest && !self.client.pipelines() {
            self.outstanding.lose_all_but_one();
        } else {
            self.outstanding.lose();
        }
        self.server.after_hole();
    }

    /// What is there of a line whose end will not come; whether it was a reply.
    fn server_cut_line(&mut self, out: &mut Out<'_>) -> bool {
        if self.server.skipping || self.server.pieces.line().length <= 3 {
            return false;
        }
        let mut pieces = std::mem::take(&mut self.server.pieces);
        let read = reply::read(pieces.line().content());
        let said = read.is_some();
        if let Some(line) = read {
            self.reply_line(line, out);
        }
        pieces.clear();
        self.server.pieces = pieces;
        said
    }

    pub(super) fn server_end(&mut self, out: &mut Out<'_>) {
        if !self.server.tls {
            self.server_cut_line(out);
        }
        self.flush_cut_reply(out);
    }
}
