//! The client's direction: commands, credentials, and texts that are passed over.

mod command;
mod doubt;
mod holes;

use super::body::Text;
use super::line::{self, Word};
use super::pieces::{Line, Pieces, behind_line, split_line};
use super::server::Speech;
use super::session::{Out, Session};
use super::{Defect, Side, Verb};
use crate::decode::tls::record::{self, HANDSHAKE};
use doubt::Doubt;
pub(super) use holes::is_rest_of_line;

/// What the client's next octets are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Command lines, or credentials.
    #[default]
    Lines,
    /// The text of a message.
    Text {
        at: Text,
        /// Octets of it were missing, or it is not known to be one: any reply ends it.
        gapped: bool,
        /// The reply to it has come already.
        answered: bool,
    },
    /// A chunk (RFC 3030), of which so much is to come.
    Chunk(u64),
    /// TLS records.
    Tls,
}

/// An AUTH command without its final reply.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    /// Credentials stood in the command itself.
    initial: bool,
    /// The server asked for more (334).
    prompted: bool,
}

/// What is known of the client.
#[derive(Debug, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the connection"
)]
pub(super) struct Client {
    pub(super) mode: Mode,
    pieces: Pieces,
    /// Something came from it.
    seen: bool,
    /// A line came from it.
    lined: bool,
    /// Its first line was no command.
    pub(super) foreign: bool,
    gapped: bool,
    /// So many of its octets are missing, or may be.
    missing: u32,
    /// After a hole it is not known whether lines are commands.
    unsure: bool,
    /// Since a hole, or the reply after it, a line came that is no command.
    odd: bool,
    /// Lines that look like commands while text may be due or going on; what comes next tells.
    doubt: Doubt,
    /// The next octets come right after a hole.
    fresh: bool,
    /// Octets up to the next LF are the rest of a line whose start was missed.
    skipping: bool,
    /// What came in this call is of commands alone; asked of connections that were picked up in
    /// the middle, which may be that of a text that quotes some.
    commands: bool,
    /// Commands, and ends of texts, in this call.
    units: u32,
    /// It sent several commands at once, or one before the reply to another.
    pipelines: bool,
    /// It was seen to wait for replies where it need not.
    waits: bool,
    /// Its text came in one with its DATA, and so waited for nothing.
    rushed: bool,
    /// DATA was sent: what follows is text unless the server refuses.
    text_due: bool,
    /// DATA was refused, and nothing came since.
    refused: bool,
    /// STARTTLS was sent, and has not been refused.
    starttls: bool,
    auth: Option<Exchange>,
    greeted: bool,
    helo: Option<Box<[u8]>>,
    /// SMTPUTF8 holds for the mail that is handed over.
    utf8: bool,
    mailed: bool,
    /// It named a recipient.
    asked: bool,
    /// It sent a text, or a last chunk, for which it had waited.
    handed: bool,
    /// It sent one for which it had not.
    hasty: bool,
    quit: bool,
}

impl Client {
    pub(super) fn has_spoken(&self) -> bool {
        self.lined
    }

    pub(super) fn is_seen(&self) -> bool {
        self.seen
    }

    pub(super) fn is_gapped(&self) -> bool {
        self.gapped
    }

    pub(super) fn pipelines(&self) -> bool {
        self.pipelines
    }

    pub(super) fn kept(&self) -> usize {
        self.pieces.kept() + self.doubt.octets() + self.helo.as_ref().map_or(0, |name| name.len())
    }

    /// Its commands are all seen, up to now.
    pub(super) fn is_sure(&self) -> bool {
        self.seen && !self.unsure
    }

    pub(super) fn after_hole(&mut self) {
        self.unsure = true;
        self.odd = false;
        self.fresh = true;
        self.skipping = false;
        self.pieces.clear();
    }

    /// Goes on with text, of which what is pending is the beginning.
    pub(super) fn begin_text(&mut self, mut at: Text, gapped: bool, bare_lf: bool) {
        let pending = self.pieces.line();
        if pending.is_cut() {
            at = Text::Inside;
        } else {
            at.skip(pending.head, bare_lf);
        }
        self.pieces.clear();
        self.doubt.clear();
        self.rushed = false;
        self.text_due = false;
        self.refused = false;
        self.mode = Mode::Text {
            at,
            gapped,
            answered: false,
        };
    }

    pub(super) fn is_text_due(&self) -> bool {
        self.text_due
    }

    /// Whether it handed over a message, where it alone is seen; `None` where that cannot be told
    /// by what it sent.
    pub(super) fn handed(&self) -> Option<bool> {
        (self.asked && !self.hasty).then_some(self.handed)
    }

    /// It sent a text or a last chunk; whether it had waited with it for replies.
    fn hands_over(&mut self, waited: bool) {
        self.handed |= waited;
        self.hasty |= !waited;
    }

    /// It sends text, and it is not known for sure where that ends, or that it is one.
    pub(super) fn is_in_doubtful_text(&self) -> bool {
        matches!(self.mode, Mode::Text { gapped: true, .. })
    }

    /// 354 has come to a DATA of this client: whether text follows that was not expected.
    pub(super) fn is_before_text(&self) -> bool {
        self.mode == Mode::Lines && !self.skipping
    }

    /// DATA was refused.
    pub(super) fn refuse_text(&mut self) {
        self.refused = self.text_due && self.pieces.is_empty();
        self.text_due = false;
        if let Mode::Text { at, gapped, .. } = self.mode {
            self.mode = Mode::Lines;
            self.skipping = at != Text::Start;
            self.unsure |= gapped;
        }
    }

    pub(super) fn was_refused(&self) -> bool {
        self.refused
    }

    pub(super) fn take_pieces(&mut self) -> Pieces {
        std::mem::take(&mut self.pieces)
    }

    pub(super) fn prompted(&mut self) {
        if let Some(exchange) = &mut self.auth {
            exchange.prompted = true;
        }
    }

    pub(super) fn auth_over(&mut self) {
        self.auth = None;
    }

    pub(super) fn starttls_refused(&mut self) {
        self.starttls = false;
    }

    pub(super) fn is_starting_tls(&self) -> bool {
        self.starttls
    }
}

impl Session {
    pub(super) fn client_octets(&mut self, octets: &[u8], out: &mut Out<'_>) {
        self.flush_cut_reply(out);
        self.client.units = 0;
        self.client.seen = true;
        self.client.commands = !self.whole && line::is_of_commands(octets);
        if std::mem::take(&mut self.client.fresh) {
            self.client_after_hole(octets);
        }
        let mut rest = octets;
        while !rest.is_empty() && !self.is_over() {
            rest = match self.client.mode {
                Mode::Lines => self.client_lines(rest, out),
                Mode::Text { .. } => self.client_text(rest),
                Mode::Chunk(left) => self.client_chunk(left, rest),
                Mode::Tls => {
                    self.tls_octets(Side::Client, rest, out);
                    return;
                }
            };
        }
    }

    /// One line, or the piece of one; what is behind it.
    fn client_lines<'a>(&mut self, octets: &'a [u8], out: &mut Out<'_>) -> &'a [u8] {
        if self.client.skipping {
            let behind = behind_line(octets);
            self.client.skipping = behind.is_none();
            return behind.unwrap_or_default();
        }
        if self.client_may_begin_tls() {
            match self.client.pieces.begins_with(octets, |octets| {
                record::begins(octets, HANDSHAKE..=HANDSHAKE)
            }) {
                Some(true) => {
                    self.client_to_tls(true);
                    let pieces = std::mem::take(&mut self.client.pieces);
                    self.tls_octets(Side::Client, pieces.line().head, out);
                    return octets;
                }
                None => {
                    self.client.pieces.push(octets);
                    return &[];
                }
                Some(false) => {}
            }
        }
        let Some((line, rest)) = split_line(octets) else {
            self.client.pieces.push(octets);
            self.client_piece(out);
            return &[];
        };
        if self.client.pieces.is_empty() {
            self.client_line(&Line::new(line), out);
        } else {
            let mut pieces = std::mem::take(&mut self.client.pieces);
            pieces.push(line);
            self.client_line(&pieces.line(), out);
            pieces.clear();
            self.client.pieces = pieces;
        }
        rest
    }

    fn client_may_begin_tls(&self) -> bool {
        let first = self.whole && !self.client.lined && !self.client.gapped;
        (first || self.client.starttls) && self.client.pieces.line().length < 3
    }

    /// The first line, without its end: octets that no text has are of no text protocol.
    fn client_piece(&mut self, out: &mut Out<'_>) {
        let head = self.client.pieces.line().head;
        if self.identifies() && line::is_binary(head) && line::verb(head).is_none() {
            self.client_is_foreign(true, out);
        }
    }

    /// Whether the client's next line tells what protocol it speaks.
    fn identifies(&self) -> bool {
        !self.settled && self.whole && !self.client.gapped && !self.client.foreign
    }

    fn client_is_foreign(&mut self, clearly: bool, out: &mut Out<'_>) {
        self.client.foreign = true;
        match self.server.speech {
            Speech::Other => self.not_smtp(out),
            Speech::Unknown if clearly => self.not_smtp(out),
            Speech::Unknown | Speech::Replies => {}
        }
    }

    fn client_line(&mut self, line: &Line<'_>, out: &mut Out<'_>) {
        self.client.lined = true;
        self.client.refused = false;
        if self.is_credential(line.head) {
            return;
        }
        if self.client.text_due || self.client.unsure {
            self.client_doubtful_line(line, out);
        } else {
            self.client_sure_line(line, out);
        }
    }

    /// The client goes on with text, of which it is known where that is. `gapped`: it may be none,
    /// or some of it is missing.
    pub(super) fn client_begins_text(&mut self, at: Text, gapped: bool) {
        let bare_lf = self.said.contains(Defect::BareLf);
        self.permitted = false;
        self.client.begin_text(at, gapped, bare_lf);
    }

    fn client_text<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        let Mode::Text { at, .. } = &mut self.client.mode else {
            return octets;
        };
        match at.skip(octets, self.said.contains(Defect::BareLf)) {
            Some(rest) => {
                self.client_text_end();
                rest
            }
            None => &[],
        }
    }

    fn client_text_end(&mut self) {
        let answered = matches!(self.client.mode, Mode::Text { answered: true, .. });
        self.client.mode = Mode::Lines;
        self.client.unsure = false;
        self.client.units += 1;
        self.client.hands_over(!self.client.rushed);
        if !answered {
            // A text waits for its permission, and so for all replies before.
            let waited = !self.client.rushed && self.server.is_silent();
            self.outstanding.command(Verb::Message, waited);
        }
    }

    fn client_chunk<'a>(&mut self, left: u64, octets: &'a [u8]) -> &'a [u8] {
        let length = usize::try_from(left).map_or(octets.len(), |left| left.min(octets.len()));
        self.client.mode = match left - length as u64 {
            0 => Mode::Lines,
            left => Mode::Chunk(left),
        };
        octets.get(length..).unwrap_or_default()
    }

    /// `closed`: the connection was seen to end.
    pub(super) fn client_end(&mut self, closed: bool, out: &mut Out<'_>) {
        self.client.units = 0;
        if self.client.mode == Mode::Lines {
            self.client_cut_line(Some(0), out);
            let quits = self.client.doubt.last() == Some(Word::Quit);
            if !self.server.is_seen() && (!self.client.text_due || quits) {
                self.client_believed(out);
            }
        }
        // Where a hole may have taken it, or the server has hung up, or TLS hides it, nothing
        // can be said.
        let unknown = self.client.unsure
            || self.tls.is_some()
            || self.server.is_closing()
            || self.client.is_in_doubtful_text();
        if closed && self.client.mailed && !self.client.quit && !unknown {
            self.defect(Defect::NoQuit, out);
        }
    }
}
