//! Command lines (RFC 5321 section 4.1 and the extensions).
//!
//! Whole lines are judged by smtp-proto; what it refuses is read again with leniency, since
//! what bots send counts though it is wrong.

mod path;

use super::defects::Defects;
use super::pieces::Line;
use super::{Command, Defect};
use path::{mail, path};
use smtp_proto::{Error, Request};
use std::net::IpAddr;

/// Longest command line with its end (RFC 5321 section 4.5.3.1.4).
const MAX_LINE: usize = 512;
/// Longest MAIL or RCPT line: extensions add 500 octets each for AUTH (RFC 4954 section 3) and
/// for ORCPT (RFC 3461 section 4), and less for each of the others.
const MAX_PATH_LINE: usize = 1536;
/// Longest AUTH line (RFC 4954 section 4).
const MAX_AUTH_LINE: usize = 12_288;

/// The verbs that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Helo,
    Ehlo,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Quit,
    Auth,
    StartTls,
    Other,
}

const WORDS: [(&[u8], Word); 28] = [
    (b"HELO", Word::Helo),
    (b"EHLO", Word::Ehlo),
    (b"MAIL", Word::Mail),
    (b"RCPT", Word::Rcpt),
    (b"DATA", Word::Data),
    (b"BDAT", Word::Bdat),
    (b"RSET", Word::Rset),
    (b"QUIT", Word::Quit),
    (b"AUTH", Word::Auth),
    (b"STARTTLS", Word::StartTls),
    // What Exchange servers say to each other in its place.
    (b"X-ANONYMOUSTLS", Word::StartTls),
    (b"NOOP", Word::Other),
    (b"VRFY", Word::Other),
    (b"EXPN", Word::Other),
    (b"HELP", Word::Other),
    (b"ETRN", Word::Other),
    (b"ATRN", Word::Other),
    (b"BURL", Word::Other),
    (b"TURN", Word::Other),
    (b"SEND", Word::Other),
    (b"SOML", Word::Other),
    (b"SAML", Word::Other),
    (b"LHLO", Word::Other),
    (b"VERB", Word::Other),
    (b"XCLIENT", Word::Other),
    (b"XFORWARD", Word::Other),
    (b"XEXCH50", Word::Other),
    (b"X-EXPS", Word::Other),
];

/// A command and what it means for what follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parsed<'a> {
    pub(super) command: Command<'a>,
    pub(super) defects: Defects,
    /// BDAT: so many octets follow.
    pub(super) chunk: u64,
    /// AUTH: credentials stand in the line.
    pub(super) initial: bool,
    /// MAIL with SMTPUTF8.
    pub(super) utf8: bool,
}

impl<'a> Parsed<'a> {
    fn new(command: Command<'a>) -> Self {
        Self {
            command,
            defects: Defects::default(),
            chunk: 0,
            initial: false,
            utf8: false,
        }
    }

    fn with(command: Command<'a>, defect: Defect) -> Self {
        let mut parsed = Self::new(command);
        parsed.defects.insert(defect);
        parsed
    }
}

/// The verb at the start of a line, and what follows it.
fn word(line: &[u8]) -> Option<(Word, &[u8])> {
    let end = line
        .iter()
        .position(|octet| !octet.is_ascii_alphanumeric() && *octet != b'-')
        .unwrap_or(line.len());
    let (verb, rest) = line.split_at_checked(end)?;
    let delimited = matches!(rest, [] | [b' ' | b'\t' | b'\r' | b'\n', ..]);
    let known = WORDS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(verb));
    known.filter(|_| delimited).map(|(_, word)| (*word, rest))
}

/// How surely octets are the start of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Start {
    /// No verb that is known, or not to its end.
    None,
    /// A verb, and behind it what can stand there.
    Known,
    /// Octets that hardly stand at the start of a line in a text: a verb with what must
    /// follow it.
    Sure,
}

/// How surely `octets` begin with a command.
pub(super) fn start(octets: &[u8]) -> Start {
    let Some((word, rest)) = word(octets) else {
        return Start::None;
    };
    let alone = matches!(rest, [b'\r' | b'\n', ..]);
    let sure = match word {
        Word::Mail => path(rest, b"FROM").is_some(),
        Word::Rcpt => path(rest, b"TO").is_some(),
        // Never first in a line of a text: upper case or not, one word behind, and no more.
        Word::Helo | Word::Ehlo => rest.starts_with(b" ") && words(rest) == 1,
        Word::Data | Word::Rset | Word::Quit | Word::StartTls => alone,
        Word::Bdat => matches!(rest, [b' ', digit, ..] if digit.is_ascii_digit()),
        Word::Auth => rest.starts_with(b" ") && matches!(words(rest), 1 | 2),
        Word::Other => alone || rest.starts_with(b" "),
    };
    match (word, sure) {
        (_, false) => Start::None,
        (Word::Other, true) => Start::Known,
        (_, true) => Start::Sure,
    }
}

/// Words up to the end of the line, or of what is there of it.
fn words(line: &[u8]) -> usize {
    let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
    let line = line.get(..end).unwrap_or_default();
    line.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .count()
}

/// Whether a line is of a command that cannot be the answer to an AUTH challenge, which is
/// one word of base64.
pub(super) fn is_no_credential(line: &[u8]) -> bool {
    start(line) == Start::Sure && words(line) > 1
}

/// Whether a line whose verb is not known is clearly of another protocol.
pub(super) fn is_foreign(line: &[u8]) -> bool {
    line.starts_with(b"SSH-")
        || line.starts_with(b"{")
        || memchr::memmem::find(line, b" HTTP/").is_some()
        || is_binary(line)
}

/// Octets that no text has.
pub(super) fn is_binary(line: &[u8]) -> bool {
    // A character that is not there to its end is none yet.
    let broken = |error: std::str::Utf8Error| error.error_len().is_some();
    has_controls(line) || str::from_utf8(line).is_err_and(broken)
}

fn has_controls(line: &[u8]) -> bool {
    line.iter()
        .any(|octet| octet.is_ascii_control() && !b"\t\r\n".contains(octet))
}

/// Whether a segment is of command lines alone, and its first surely one: a text that quotes
/// some has other lines around them.
pub(super) fn is_of_commands(octets: &[u8]) -> bool {
    let mut lines = octets.split_inclusive(|octet| *octet == b'\n');
    start(octets) == Start::Sure && lines.all(|line| start(line) != Start::None)
}

/// The verb that starts a line, or a piece of one, where it is known.
pub(super) fn verb(line: &[u8]) -> Option<Word> {
    word(line).map(|(word, _)| word)
}

/// Reads a whole line. `utf8`: SMTPUTF8 holds from a MAIL before.
pub(super) fn parse<'a>(line: &Line<'a>, utf8: bool) -> Parsed<'a> {
    let content = line.content();
    let Some((word, rest)) = word(content) else {
        let mut parsed = Parsed::with(Command::Unknown, Defect::UnknownCommand);
        common(&mut parsed.defects, line, MAX_LINE);
        return parsed;
    };
    let argument = rest.trim_ascii();
    let bare = |command| {
        if argument.is_empty() {
            Parsed::new(command)
        } else {
            Parsed::with(command, Defect::Syntax)
        }
    };
    let mut max = MAX_LINE;
    let mut parsed = match word {
        Word::Helo | Word::Ehlo => helo(argument, word == Word::Ehlo),
        Word::Mail => {
            max = MAX_PATH_LINE;
            mail(line, rest, b"FROM", |address| Command::Mail { address })
        }
        Word::Rcpt => {
            max = MAX_PATH_LINE;
            mail(line, rest, b"TO", |address| Command::Rcpt { address })
        }
        Word::Data => bare(Command::Data),
        Word::Rset => bare(Command::Rset),
        Word::Quit => bare(Command::Quit),
        Word::StartTls => bare(Command::StartTls),
        Word::Bdat => bdat(argument),
        Word::Auth => {
            max = MAX_AUTH_LINE;
            auth(argument)
        }
        Word::Other => other(line),
    };
    common(&mut parsed.defects, line, max);
    if !utf8 && !parsed.utf8 && !line.head.is_ascii() {
        parsed.defects.insert(Defect::EightBit);
    }
    parsed
}

fn common(defects: &mut Defects, line: &Line<'_>, max: usize) {
    if line.bare_lf {
        defects.insert(Defect::BareLf);
    }
    if line.length > max {
        defects.insert(Defect::LineTooLong);
    }
}

/// Reads a line of which only the beginning was seen, if that says which command it is. It
/// has no defects.
pub(super) fn parse_cut(head: &[u8]) -> Option<Parsed<'_>> {
    let (word, rest) = word(head)?;
    // The word behind the verb, if its end is there.
    let argument = rest.trim_ascii_start();
    let end = argument.iter().position(u8::is_ascii_whitespace);
    let first = end.and_then(|end| argument.get(..end)).unwrap_or_default();
    let mut parsed = Parsed::new(match word {
        Word::Helo | Word::Ehlo if !rest.is_empty() => Command::Helo {
            name: first,
            extended: word == Word::Ehlo,
        },
        Word::Mail => path(rest, b"FROM").map(|_| Command::Mail { address: None })?,
        Word::Rcpt => path(rest, b"TO").map(|_| Command::Rcpt { address: None })?,
        Word::Data => Command::Data,
        Word::Rset => Command::Rset,
        Word::Quit => Command::Quit,
        Word::StartTls => Command::StartTls,
        Word::Bdat if !first.is_empty() => return Some(bdat(argument)),
        Word::Auth if !rest.is_empty() => Command::Auth { mechanism: first },
        Word::Other => Command::Other,
        _ => return None,
    });
    parsed.initial = end.is_some();
    Some(parsed)
}

fn helo(name: &[u8], extended: bool) -> Parsed<'_> {
    let mut parsed = Parsed::new(Command::Helo { name, extended });
    let host = name.strip_suffix(b".").unwrap_or(name);
    let text = std::str::from_utf8(host).unwrap_or_default();
    let local: [&[u8]; 2] = [b"localhost", b"localhost.localdomain"];
    let defect = if name.is_empty() {
        Some(Defect::HeloMissing)
    } else if text.parse::<IpAddr>().is_ok() {
        Some(Defect::HeloBareIp)
    } else if local.iter().any(|local| local.eq_ignore_ascii_case(host)) {
        Some(Defect::HeloLocalhost)
    } else if !host.contains(&b'.') && !host.starts_with(b"[") {
        Some(Defect::HeloNotQualified)
    } else {
        None
    };
    if let Some(defect) = defect {
        parsed.defects.insert(defect);
    }
    if name.len() > 255 || has_controls(name) || name.contains(&b' ') {
        parsed.defects.insert(Defect::Syntax);
    }
    parsed
}

fn bdat(argument: &[u8]) -> Parsed<'_> {
    let mut words = argument
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let size = words.next().unwrap_or_default();
    let last = words.next();
    let is_last = last.is_some_and(|last| last.eq_ignore_ascii_case(b"LAST"));
    let mut parsed = Parsed::new(Command::Bdat { last: is_last });
    let digits = size.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(size).ok().filter(|_| digits);
    // Servers count octets in 63 bits (Postfix in `off_t`), and answer greater numbers as no number.
    let number = number.and_then(|number| number.parse::<i64>().ok());
    match number.map(i64::cast_unsigned) {
        Some(size) if last.is_none() || is_last => parsed.chunk = size,
        // No chunk follows that anybody could find the end of.
        _ => return Parsed::with(Command::Other, Defect::Syntax),
    }
    if words.next().is_some() {
        parsed.defects.insert(Defect::Syntax);
    }
    parsed
}

fn auth(argument: &[u8]) -> Parsed<'_> {
    let (mechanism, rest) = first_word(argument);
    let mechanism = mechanism.unwrap_or_default();
    let mut parsed = Parsed::new(Command::Auth { mechanism });
    parsed.initial = !rest.trim_ascii().is_empty();
    let sound = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    // RFC 4422 section 3.1.
    if !(1..=20).contains(&mechanism.len()) || !mechanism.iter().all(sound) {
        parsed.defects.insert(Defect::Syntax);
    }
    parsed
}

fn other<'a>(line: &Line<'a>) -> Parsed<'a> {
    let refused = !line.is_cut()
        && matches!(
            Request::parse(&mut line.head.iter()),
            Err(Error::SyntaxError { .. })
        );
    if refused || has_controls(line.content()) {
        Parsed::with(Command::Other, Defect::Syntax)
    } else {
        Parsed::new(Command::Other)
    }
}

fn first_word(path: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let end = path
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(path.len());
    match path.split_at_checked(end) {
        Some((word, rest)) => (Some(word), rest),
        None => (None, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &[u8]) -> String {
        let parsed = parse(&Line::new(line), false);
        let text = |octets: Option<&[u8]>| {
            octets.map_or("?".into(), |octets| octets.escape_ascii().to_string())
        };
        let mut told = match parsed.command {
            Command::Helo { name, extended } => {
                format!(
                    "{}({})",
                    if extended { "EHLO" } else { "HELO" },
                    text(Some(name))
                )
            }
            Command::Mail { address } => format!("MAIL({})", text(address)),
            Command::Rcpt { address } => format!("RCPT({})", text(address)),
            Command::Bdat { last } => {
                format!("BDAT({}{})", parsed.chunk, if last { "!" } else { "" })
            }
            Command::Auth { mechanism } => {
                format!(
                    "AUTH({}{})",
                    text(Some(mechanism)),
                    if parsed.initial { " *" } else { "" }
                )
            }
            command => format!("{command:?}"),
        };
        for defect in parsed.defects.iter() {
            told = format!("{told} {defect:?}");
        }
        told
    }

    fn check(cases: &[(&str, &str)]) {
        for (line, expected) in cases {
            assert_eq!(told(line.as_bytes()), *expected, "{line:?}");
        }
    }

    #[test]
    fn names() {
        check(&[
            ("HELO mx.example\r\n", "HELO(mx.example)"),
            ("ehlo  mx.example \r\n", "EHLO(mx.example)"),
            ("EHLO [192.0.2.1]\r\n", "EHLO([192.0.2.1])"),
            ("EHLO [IPv6:2001:db8::1]\r\n", "EHLO([IPv6:2001:db8::1])"),
            ("EHLO 192.0.2.1\r\n", "EHLO(192.0.2.1) HeloBareIp"),
            ("EHLO 2001:db8::1\r\n", "EHLO(2001:db8::1) HeloBareIp"),
            ("HELO LOCALHOST\r\n", "HELO(LOCALHOST) HeloLocalhost"),
            (
                "HELO localhost.localdomain.\r\n",
                "HELO(localhost.localdomain.) HeloLocalhost",
            ),
            ("HELO\r\n", "HELO() HeloMissing"),
            ("HELO \r\n", "HELO() HeloMissing"),
            ("HELO pc-17\n", "HELO(pc-17) BareLf HeloNotQualified"),
            ("HELO my.pc x\r\n", "HELO(my.pc x) Syntax"),
            ("HELO:x\r\n", "Unknown UnknownCommand"),
        ]);
    }

    #[test]
    fn paths() {
        check(&[
            ("MAIL FROM:<a@b.example>\r\n", "MAIL(a@b.example)"),
            (
                "mail from:<a@b.example> size=1000 BODY=8BITMIME\r\n",
                "MAIL(a@b.example)",
            ),
            ("MAIL FROM:<>\r\n", "MAIL()"),
            ("MAIL FROM:<> XNEW=1 OTHER\r\n", "MAIL()"),
            ("MAIL FROM:<a@b.example> SIZE=big\r\n", "MAIL(a@b.example)"),
            ("MAIL FROM:<a@b.example> =\r\n", "MAIL(a@b.example) Syntax"),
            (
                "MAIL FROM: <a@b.example>\r\n",
                "MAIL(a@b.example) SpaceAfterColon",
            ),
            (
                "MAIL FROM:a@b.example\r\n",
                "MAIL(a@b.example) MissingBrackets",
            ),
            (
                "MAIL FROM: a@b.example SIZE=3\r\n",
                "MAIL(a@b.example) MissingBrackets SpaceAfterColon",
            ),
            (
                "MAIL FROM:<a@b.example\r\n",
                "MAIL(a@b.example) MissingBrackets",
            ),
            ("MAIL FROM:\r\n", "MAIL(?) Syntax"),
            ("MAIL\r\n", "MAIL(?) Syntax"),
            ("MAIL a@b.example\r\n", "MAIL(?) Syntax"),
            ("MAIL FROM:<a>\r\n", "MAIL(a) Syntax"),
            (
                "MAIL FROM:<\"a>b\"@c.example>\r\n",
                "MAIL(\\\"a>b\\\"@c.example)",
            ),
            (
                "MAIL FROM:<\u{e4}@b.example>\r\n",
                "MAIL(\\xc3\\xa4@b.example) EightBit",
            ),
            (
                "MAIL FROM:<\u{e4}@b.example> SMTPUTF8\r\n",
                "MAIL(\\xc3\\xa4@b.example)",
            ),
            (
                "RCPT TO:<@a.example,@b.example:c@d.example>\r\n",
                "RCPT(c@d.example)",
            ),
            (
                "RCPT TO:<c@d.example> NOTIFY=NEVER\r\n",
                "RCPT(c@d.example)",
            ),
            ("RCPT TO:<postmaster>\r\n", "RCPT(postmaster)"),
            (
                "RCPT TO:c@d.example\r\n",
                "RCPT(c@d.example) MissingBrackets",
            ),
            ("RCPT FROM:<c@d.example>\r\n", "RCPT(?) Syntax"),
        ]);
    }

    #[test]
    fn lines() {
        let long = |line: &str, length: usize| format!("{line}{}\r\n", "x".repeat(length));
        let long_name = long("HELO a.", 600);
        let long_vrfy = long("VRFY ", 600);
        check(&[
            ("DATA\r\n", "Data"),
            ("data \n", "Data BareLf"),
            ("DATA now\r\n", "Data Syntax"),
            ("BDAT 86 LAST\r\n", "BDAT(86!)"),
            ("BDAT 100000\r\n", "BDAT(100000)"),
            ("BDAT 9223372036854775807\r\n", "BDAT(9223372036854775807)"),
            ("BDAT 15555555557777777777 LAST\r\n", "Other Syntax"),
            ("BDAT 18446744073709551616\r\n", "Other Syntax"),
            ("BDAT -1\r\n", "Other Syntax"),
            ("BDAT -1 LAST\r\n", "Other Syntax"),
            ("BDAT\r\n", "Other Syntax"),
            ("BDAT 7 FIRST\r\n", "Other Syntax"),
            ("RSET\r\n", "Rset"),
            ("QUIT\r\n", "Quit"),
            ("STARTTLS\r\n", "StartTls"),
            ("AUTH PLAIN AGEAYg==\r\n", "AUTH(PLAIN *)"),
            ("AUTH CRAM-MD5\r\n", "AUTH(CRAM-MD5)"),
            ("AUTH\r\n", "AUTH() Syntax"),
            ("NOOP\r\n", "Other"),
            ("HELP me\r\n", "Other"),
            ("VRFY someone\r\n", "Other"),
            ("VRFY\r\n", "Other Syntax"),
            ("XCLIENT ADDR=192.0.2.1\r\n", "Other"),
            ("\r\n", "Unknown UnknownCommand"),
            ("MAILFROM:<a@b.example>\r\n", "Unknown UnknownCommand"),
            ("Received: from x\n", "Unknown BareLf UnknownCommand"),
            (
                &long_name,
                &format!("HELO(a.{}) LineTooLong Syntax", "x".repeat(600)),
            ),
            (&long_vrfy, "Other LineTooLong Syntax"),
        ]);
    }

    #[test]
    fn how_sure_a_start_is() {
        for (octets, expected) in [
            ("MAIL FROM:<a", Start::Sure),
            ("rcpt to:", Start::Sure),
            ("EHLO x", Start::Sure),
            ("EHLO x y\r\n", Start::None),
            ("DATA\r\n", Start::Sure),
            ("DATA", Start::None),
            ("Data is here\r\n", Start::None),
            ("QUIT\r\n", Start::Sure),
            ("Quit it\r\n", Start::None),
            ("BDAT 5", Start::Sure),
            ("AUTH LOGIN\r\n", Start::Sure),
            ("NOOP\r\n", Start::Known),
            ("Help me\r\n", Start::Known),
            ("Helpful\r\n", Start::None),
            ("Received: x\r\n", Start::None),
            ("", Start::None),
        ] {
            assert_eq!(start(octets.as_bytes()), expected, "{octets:?}");
        }
    }

    #[test]
    fn a_beginning_counts_by_its_verb() {
        for (head, expected) in [
            (
                "MAIL FROM:<someone@exam",
                Some(Command::Mail { address: None }),
            ),
            ("RCPT TO:", Some(Command::Rcpt { address: None })),
            ("RCPT T", None),
            (
                "EHLO a.example\r",
                Some(Command::Helo {
                    name: b"a.example",
                    extended: true,
                }),
            ),
            (
                "EHLO a.exa",
                Some(Command::Helo {
                    name: b"",
                    extended: true,
                }),
            ),
            ("EHLO", None),
            ("QUIT", Some(Command::Quit)),
            ("QUI", None),
            ("DATA\r", Some(Command::Data)),
            (
                "AUTH PLAIN AGEA",
                Some(Command::Auth {
                    mechanism: b"PLAIN",
                }),
            ),
            ("BDAT 100 LAST\r", Some(Command::Bdat { last: true })),
            ("BDAT 10", None),
            ("Received: from", None),
        ] {
            let parsed = parse_cut(head.as_bytes());
            assert_eq!(parsed.map(|parsed| parsed.command), expected, "{head:?}");
        }
    }

    #[test]
    fn other_protocols() {
        for line in ["GET / HTTP/1.1", "SSH-2.0-x", "{\"id\":1}", "\u{1}\u{2}"] {
            assert!(is_foreign(line.as_bytes()), "{line:?}");
        }
        for line in ["XHELO me", "", "USER me", "b\u{e4}r"] {
            assert!(!is_foreign(line.as_bytes()), "{line:?}");
        }
        assert!(is_no_credential(b"MAIL FROM:<a@b.example>\r\n"));
        assert!(!is_no_credential(b"QUIT\r\n"));
        assert!(!is_no_credential(b"AGEAYg==\r\n"));
    }
}
