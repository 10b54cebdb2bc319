//! Commands, as surely as they are such: what each means for what follows.

use super::super::body::Text;
use super::super::line::{self, Parsed, Start};
use super::super::pieces::Line;
use super::super::session::{Out, Owed, Session};
use super::super::{Command, Defect, Heard, Verb};
use super::{Exchange, Mode};

impl Session {
    pub(super) fn client_sure_line(&mut self, line: &Line<'_>, out: &mut Out<'_>) {
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
    pub(super) fn is_credential(&mut self, line: &[u8]) -> bool {
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

    pub(super) fn command(&mut self, parsed: &Parsed<'_>, out: &mut Out<'_>) {
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
            Command::Rcpt { .. } => {
                self.client.asked = true;
                Verb::Rcpt
            }
            Command::Data => Verb::Data,
            Command::Bdat { last: true } => {
                self.client.hands_over(alone);
                Verb::Message
            }
            Command::Bdat { last: false } => Verb::Chunk,
            Command::Other | Command::Unknown => Verb::Other,
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
            Command::Data if self.permitted => self.client_begins_text(Text::Start, false),
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
    pub(super) fn expect(&mut self, verb: Verb, alone: bool) -> bool {
        if self.owed == Owed::Perhaps {
            self.owed = Owed::No;
        }
        // Who goes on before the reply pipelines; had that been missed, it would be known.
        self.client.pipelines |= self.server.is_seen() && !self.outstanding.is_empty();
        // Of BDAT, which needs no permission, it must be known that nothing before it waits.
        let waits = verb != Verb::Message || self.client.waits || self.server.is_plain();
        let waited = alone && waits && !self.client.pipelines && self.server.is_silent();
        self.outstanding.command(verb, waited)
    }

    pub(super) fn helo(&mut self, name: &[u8], out: &mut Out<'_>) {
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
}
