//! Lines of which it is not known yet whether they are commands, or of a text.

use super::super::Command;
use super::super::body::Text;
use super::super::line::{self, Start};
use super::super::pieces::{Line, MAX_KEPT};
use super::super::session::{Out, Session};
use super::Mode;

/// The shortest envelope: `MAIL FROM:<>`, `RCPT TO:<a>` and `DATA` with their ends. A shorter
/// hole before any MAIL hides no text.
const ENVELOPE: u32 = 33;

/// A line that may be a command, or of a text.
#[derive(Debug)]
pub(super) struct Doubtful {
    pub(super) line: Vec<u8>,
    /// Its end is missing.
    pub(super) cut: bool,
}

impl Doubtful {
    fn is_rcpt(&self) -> bool {
        let command = line::parse_cut(&self.line).map(|parsed| parsed.command);
        matches!(command, Some(Command::Rcpt { .. }))
    }

    pub(super) fn is(&self, command: Command<'_>) -> bool {
        line::parse_cut(&self.line).is_some_and(|parsed| parsed.command == command)
    }
}

impl Session {
    /// A line where text may be due, or going on.
    pub(super) fn client_doubtful_line(&mut self, line: &Line<'_>, out: &mut Out<'_>) {
        let start = line::start(line.head);
        let room = self.client.doubt() + line.length <= MAX_KEPT;
        let chunk = matches!(line::parse(line, false).command, Command::Bdat { .. });
        self.client.odd |= start == Start::None;
        if start == Start::None || chunk && self.client.text_due || !room || line.is_cut() {
            self.client.doubtful.clear();
            if self.client.text_due {
                let rushed = self.client.units > 0;
                self.client_goes_on_with_text();
                self.client.rushed = rushed;
                if line.content() == b"." {
                    self.client_text_end();
                }
            }
            return;
        }
        let parsed = line::parse(line, false);
        if chunk {
            // What follows is no line, whether this is a command or not.
            self.client.doubtful.clear();
            if parsed.chunk > 0 {
                self.client.mode = Mode::Chunk(parsed.chunk);
            }
            return;
        }
        self.client.doubtful.push(Doubtful {
            line: line.head.to_vec(),
            cut: false,
        });
        // Where no reply will tell: hardly any text is of commands alone, from its first line on
        // over RCPT to DATA.
        let begun = !self.client.text_due || self.client.doubtful.iter().any(Doubtful::is_rcpt);
        let unanswered = !self.server.is_seen() && (self.whole || self.client.commands);
        if parsed.command == Command::Data && begun && unanswered {
            self.client_believed(out);
        }
    }

    /// Text that was due begins; where the permission may have been missed, it may be none.
    fn client_goes_on_with_text(&mut self) {
        let doubtful = self.server.is_seen() && self.outstanding.is_lost();
        self.client_begins_text(Text::Start, doubtful);
    }

    /// The lines in doubt were commands, up to one that hands a text over.
    pub(in super::super) fn client_believed(&mut self, out: &mut Out<'_>) {
        let doubtful = std::mem::take(&mut self.client.doubtful);
        if doubtful.is_empty() {
            return;
        }
        self.client.unsure = false;
        self.client.text_due = false;
        self.client.units = 0;
        let mut lines = doubtful.iter();
        for Doubtful { line, cut } in lines.by_ref() {
            if *cut {
                if let Some(parsed) = line::parse_cut(line) {
                    self.settled = true;
                    self.command(&parsed, out);
                }
            } else {
                self.client_sure_line(&Line::new(line), out);
            }
            if self.client.text_due || self.client.mode != Mode::Lines || self.is_over() {
                break;
            }
        }
        if self.client.text_due && lines.next().is_some() {
            self.client_goes_on_with_text();
        }
    }

    /// A reply is about to be read: of what lines in doubt were.
    pub(in super::super) fn client_before_reply(&mut self, code: u16, out: &mut Out<'_>) {
        if self.client.text_due && !self.outstanding.is_empty() {
            // What it is to will tell.
            return;
        }
        if self.client.unsure && self.client.mode == Mode::Lines && !self.client.pieces.is_empty() {
            // Nobody answers half a line: it is the end of a chunk.
            self.client.doubtful.clear();
            self.client.pieces.clear();
        }
        // Behind other lines they may be of a chunk or a text, whose rest was missed.
        if std::mem::take(&mut self.client.odd) && self.client.unsure {
            self.client.doubtful.clear();
        }
        if self.client.doubtful.is_empty() {
            self.unheard &= self.client.unsure || self.client.mode != Mode::Lines;
            return;
        }
        let text = self.client.mailed || self.client.missing >= ENVELOPE || !self.whole;
        let unheard = std::mem::take(&mut self.unheard) && text;
        if code == 354 {
            let mut lines = self.client.doubtful.iter();
            if !lines.any(|one| one.is(Command::Data)) {
                self.client.doubtful.clear();
            }
        } else if unheard || self.owed || code == 421 {
            self.client.doubtful.clear();
            self.client.unsure = true;
            self.client.text_due = false;
        }
        self.client_believed(out);
    }
}
