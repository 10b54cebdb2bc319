//! Lines of which it is not known yet whether they are commands, or of a text.

use super::super::body::Text;
use super::super::line::{self, Start, Word};
use super::super::pieces::{Line, MAX_KEPT};
use super::super::session::{Out, Owed, Session};
use super::Mode;

/// The shortest envelope: `MAIL FROM:<>`, `RCPT TO:<a>` and `DATA` with their ends. A shorter
/// hole before any MAIL hides no text.
const ENVELOPE: u32 = 33;

/// Lines that may be commands, or of a text: [`MAX_KEPT`] octets of them.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    lines: Vec<Doubtful>,
    octets: usize,
}

#[derive(Debug)]
struct Doubtful {
    line: Vec<u8>,
    word: Word,
    /// Its end is missing.
    cut: bool,
}

impl Doubt {
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    pub(super) fn has_room(&self, line: &[u8]) -> bool {
        self.octets + line.len() <= MAX_KEPT
    }

    /// One line more, for which there is room; `cut`: its end is missing.
    pub(super) fn push(&mut self, line: &[u8], word: Word, cut: bool) {
        self.octets += line.len();
        let line = line.to_vec();
        self.lines.push(Doubtful { line, word, cut });
    }

    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.octets = 0;
    }

    pub(super) fn last(&self) -> Option<Word> {
        self.lines.last().map(|last| last.word)
    }

    fn holds(&self, word: Word) -> bool {
        self.lines.iter().any(|one| one.word == word)
    }
}

impl Session {
    /// A line where text may be due, or going on.
    pub(super) fn client_doubtful_line(&mut self, line: &Line<'_>, out: &mut Out<'_>) {
        let word = line::verb(line.head).filter(|_| line::start(line.head) != Start::None);
        self.client.odd |= word.is_none();
        let fits = self.client.doubt.has_room(line.head) && !line.is_cut();
        let chunk_of_text = word == Some(Word::Bdat) && self.client.text_due;
        let Some(word) = word.filter(|_| fits && !chunk_of_text) else {
            self.client.doubt.clear();
            if self.client.text_due {
                let rushed = self.client.units > 0;
                self.client_goes_on_with_text();
                self.client.rushed = rushed;
                if line.content() == b"." {
                    self.client_text_end();
                }
            }
            return;
        };
        if word == Word::Bdat {
            // What follows is no line, whether this is a command or not.
            self.client.doubt.clear();
            let chunk = line::parse(line, false).chunk;
            if chunk > 0 {
                self.client.mode = Mode::Chunk(chunk);
            }
            return;
        }
        self.client.doubt.push(line.head, word, false);
        // Where no reply will tell: hardly any text is of commands alone, from its first line on
        // over RCPT to DATA.
        let unanswered = !self.server.is_seen() && (self.whole || self.client.commands);
        if word == Word::Data
            && unanswered
            && (!self.client.text_due || self.client.doubt.holds(Word::Rcpt))
        {
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
        let doubtful = std::mem::take(&mut self.client.doubt).lines;
        if doubtful.is_empty() {
            return;
        }
        self.client.unsure = false;
        self.client.text_due = false;
        self.client.units = 0;
        let mut lines = doubtful.iter();
        for Doubtful { line, cut, .. } in lines.by_ref() {
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
            self.client.doubt.clear();
            self.client.pieces.clear();
        }
        // Behind other lines they may be of a chunk or a text, whose rest was missed.
        if std::mem::take(&mut self.client.odd) && self.client.unsure {
            self.client.doubt.clear();
        }
        if self.client.doubt.lines.is_empty() {
            self.unheard &= self.client.unsure || self.client.mode != Mode::Lines;
            return;
        }
        let text = self.client.mailed || self.client.missing >= ENVELOPE || !self.whole;
        let unheard = std::mem::take(&mut self.unheard) && text;
        if code == 354 {
            if !self.client.doubt.holds(Word::Data) {
                self.client.doubt.clear();
            }
        } else if unheard || self.owed != Owed::No || code == 421 {
            self.client.doubt.clear();
            self.client.unsure = true;
            self.client.text_due = false;
        }
        self.client_believed(out);
    }
}
