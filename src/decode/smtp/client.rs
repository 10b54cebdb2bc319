//! The client's direction: commands, credentials, and texts that are passed over.

use super::body::Text;
use super::line::{self, Parsed, Start};
use super::pieces::{Line, MAX_KEPT, Pieces};
use super::server::Speech;
use super::session::{Out, Session};
use super::{Command, Defect, Heard, Side, Verb};
use crate::decode::tls::record::{self, HANDSHAKE};

/// No longer than this is the rest of a TCP segment.
const REST_OF_SEGMENT: u32 = 1460;

/// The shortest envelope: `MAIL FROM:<>`, `RCPT TO:<a>` and `DATA` with their ends. A shorter
/// hole before any MAIL hides no text.
const ENVELOPE: u32 = 33;

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

/// A line that may be a command, or of a text.
#[derive(Debug)]
struct Doubtful {
    line: Vec<u8>,
    /// Its end is missing.
    cut: bool,
}

impl Doubtful {
    fn is_rcpt(&self) -> bool {
        let command = line::parse_cut(&self.line).map(|parsed| parsed.command);
        matches!(command, Some(Command::Rcpt { .. }))
    }

    fn is(&self, command: Command<'_>) -> bool {
        line::parse_cut(&self.line).is_some_and(|parsed| parsed.command == command)
    }
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
    doubtful: Vec<Doubtful>,
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
        self.pieces.kept() + self.doubt() + self.helo.as_ref().map_or(0, |name| name.len())
    }

    /// Octets of lines in doubt.
    fn doubt(&self) -> usize {
        self.doubtful.iter().map(|one| one.line.len()).sum()
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
        self.doubtful.clear();
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

    /// The beginning of a segment behind a hole.
    fn client_after_hole(&mut self, octets: &[u8]) {
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

    /// One line, or the piece of one; what is behind it.
    fn client_lines<'a>(&mut self, octets: &'a [u8], out: &mut Out<'_>) -> &'a [u8] {
        let end = memchr::memchr(b'\n', octets);
        if self.client.skipping {
            self.client.skipping = end.is_none();
            return end
                .and_then(|end| octets.get(end + 1..))
                .unwrap_or_default();
        }
        if self.client_may_begin_tls() {
            match begins_with(&self.client.pieces, octets, |octets| {
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
        let Some((line, rest)) = end.and_then(|end| octets.split_at_checked(end + 1)) else {
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
        if self.identifies() && line::is_binary(head) && !line::is_known(head) {
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

    /// A line where text may be due, or going on.
    fn client_doubtful_line(&mut self, line: &Line<'_>, out: &mut Out<'_>) {
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
        let bare_lf = self.said.contains(Defect::BareLf);
        self.permitted = false;
        self.client.begin_text(Text::Start, doubtful, bare_lf);
    }

    /// The lines in doubt were commands, up to one that hands a text over.
    pub(super) fn client_believed(&mut self, out: &mut Out<'_>) {
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
    pub(super) fn client_before_reply(&mut self, code: u16, out: &mut Out<'_>) {
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

    /// A reply was missed, which may have been 354, or the one to a text.
    pub(super) fn client_unheard(&mut self) {
        self.client.doubtful.clear();
        if let Mode::Text { gapped, .. } = &mut self.client.mode {
            *gapped = true;
        }
    }

    /// The reply to the text has come. Where its end was missed, commands follow.
    pub(super) fn client_text_answered(&mut self) {
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

    fn client_sure_line(&mut self, line: &Line<'_>, out: &mut Out<'_>) {
        let parsed = line::parse(line, self.client.utf8);
        if parsed.command == Command::Unknown {
            if self.identifies() && !line.content().is_empty() {
                self.client_is_foreign(line::is_foreign(line.head), out);
                if self.is_over() {
                    return;
                }
            }
        } else {
            self.settled = true;
        }
        self.command(&parsed, out);
    }

    /// Whether a line is a step of AUTH (RFC 4954 section 4), and so none of our business.
    fn is_credential(&mut self, line: &[u8]) -> bool {
        let Some(exchange) = self.client.auth else {
            return false;
        };
        if line::is_no_credential(line) {
            self.client.auth = None;
            return false;
        }
        if self.server.is_reliable() {
            return exchange.prompted || !exchange.initial;
        }
        // Four letters can be a challenge's answer, but who does not see the replies cannot
        // know better.
        if line::start(line) != Start::None {
            self.client.auth = None;
            return false;
        }
        if line.starts_with(b"*") {
            self.client.auth = None;
        }
        true
    }

    fn command(&mut self, parsed: &Parsed<'_>, out: &mut Out<'_>) {
        out(Heard::Command(parsed.command));
        for defect in parsed.defects.iter() {
            self.defect(defect, out);
        }
        // Only what came in one segment was surely sent at once: a capture may have the two
        // directions slightly out of order.
        let alone = self.client.units == 0;
        self.client.units += 1;
        if !alone {
            self.client.pipelines = true;
            if self.server.refuses_pipelining() {
                self.defect(Defect::UnofferedPipelining, out);
            }
        }
        let verb = match parsed.command {
            Command::Helo { name, .. } => {
                self.helo(name, out);
                Verb::Helo
            }
            Command::Mail { .. } => {
                if self.whole && !self.client.gapped && !self.client.greeted {
                    self.defect(Defect::NoHelo, out);
                }
                self.client.mailed = true;
                self.client.utf8 = parsed.utf8;
                Verb::Mail
            }
            Command::Rcpt { .. } => Verb::Rcpt,
            Command::Data => Verb::Data,
            Command::Bdat { last: true } => Verb::Message,
            Command::Bdat { last: false } | Command::Other | Command::Unknown => Verb::Other,
            Command::Rset => Verb::Rset,
            Command::Quit => {
                self.client.quit = true;
                Verb::Quit
            }
            Command::Auth { .. } => Verb::Auth,
            Command::StartTls => Verb::StartTls,
        };
        let waits = matches!(verb, Verb::Rcpt | Verb::Data | Verb::Message);
        self.client.waits |= waits
            && alone
            && self.server.is_seen()
            && !self.outstanding.is_lost()
            && self.outstanding.is_empty();
        let answered = self.expect(verb, alone);
        match parsed.command {
            Command::Data if self.permitted => self.client_begins_text(false),
            Command::Data => self.client.text_due = true,
            Command::Bdat { .. } if parsed.chunk > 0 => {
                self.client.mode = Mode::Chunk(parsed.chunk);
            }
            Command::Auth { .. } if !answered => {
                self.client.auth = Some(Exchange {
                    initial: parsed.initial,
                    prompted: false,
                });
            }
            Command::StartTls => self.client.starttls = true,
            _ => {}
        }
    }

    /// A reply to this is to come; whether it has come already. `alone`: it was not sent with
    /// others.
    fn expect(&mut self, verb: Verb, alone: bool) -> bool {
        self.owed &= !self.doubtful;
        // Who goes on before the reply pipelines; had that been missed, it would be known.
        self.client.pipelines |= self.server.is_seen() && !self.outstanding.is_empty();
        // Of BDAT, which needs no permission, it must be known that nothing before it waits.
        let waits = verb != Verb::Message || self.client.waits || self.server.is_plain();
        let waited = alone && waits && !self.client.pipelines && self.server.is_silent();
        self.outstanding.command(verb, waited)
    }

    fn helo(&mut self, name: &[u8], out: &mut Out<'_>) {
        self.client.greeted = true;
        self.client.utf8 = false;
        let name = name.get(..255).unwrap_or(name);
        if name.is_empty() {
            return;
        }
        match &self.client.helo {
            Some(before) if !before.eq_ignore_ascii_case(name) => {
                self.defect(Defect::HeloChanged, out);
            }
            Some(_) => {}
            None => self.client.helo = Some(name.into()),
        }
    }

    /// The client goes on with text.
    pub(super) fn client_begins_text(&mut self, gapped: bool) {
        let bare_lf = self.said.contains(Defect::BareLf);
        let at = if gapped { Text::Inside } else { Text::Start };
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

    pub(super) fn client_gap(&mut self, missing: Option<u32>, out: &mut Out<'_>) {
        self.client.seen = true;
        let octets = missing.unwrap_or(u32::MAX);
        self.client.missing = self.client.missing.saturating_add(octets);
        match self.client.mode {
            Mode::Lines => {
                let counted = self.client_cut_line(missing, out);
                self.client.gapped = true;
                if self.permitted || self.client.text_due && !self.server.is_seen() {
                    self.client_begins_text(true);
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
    fn client_cut_line(&mut self, missing: Option<u32>, out: &mut Out<'_>) -> bool {
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
            let room = self.client.doubt() + head.len() <= MAX_KEPT;
            if sure && room && parsed.is_some() && !self.client.text_due {
                self.client.doubtful.push(Doubtful {
                    line: head.to_vec(),
                    cut: true,
                });
            } else {
                self.client.doubtful.clear();
            }
        }
        pieces.clear();
        self.client.pieces = pieces;
        counts
    }

    /// `closed`: the connection was seen to end.
    pub(super) fn client_end(&mut self, closed: bool, out: &mut Out<'_>) {
        self.client.units = 0;
        if self.client.mode == Mode::Lines {
            self.client_cut_line(Some(0), out);
            let quits = self
                .client
                .doubtful
                .last()
                .is_some_and(|last| last.is(Command::Quit));
            if !self.server.is_seen() && (!self.client.text_due || quits) {
                self.client_believed(out);
            }
        }
        // Where a hole may have taken it, or the server has hung up, or TLS hides it, nothing
        // can be said.
        let unknown = self.client.unsure
            || self.tls.is_some()
            || self.server.is_closing()
            || matches!(self.client.mode, Mode::Text { gapped: true, .. });
        if closed && self.client.mailed && !self.client.quit && !unknown {
            self.defect(Defect::NoQuit, out);
        }
    }
}

/// Whether a hole behind a line that was cut is taken for the rest of it: nothing else was in
/// its segment, where the client waits for each reply.
pub(super) fn is_rest_of_line(missing: Option<u32>) -> bool {
    missing.is_some_and(|missing| missing <= REST_OF_SEGMENT)
}

/// Asks of the first octets of a line, the pending and the new.
pub(super) fn begins_with(
    pieces: &Pieces,
    octets: &[u8],
    ask: impl FnOnce(&[u8]) -> Option<bool>,
) -> Option<bool> {
    let mut first = [0; 4];
    let all = pieces.line().head.iter().chain(octets);
    let mut length = 0;
    for (place, octet) in first.iter_mut().zip(all) {
        *place = *octet;
        length += 1;
    }
    ask(first.get(..length).unwrap_or_default())
}
