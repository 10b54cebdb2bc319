//! SMTP as a mirror port brings it (RFC 5321): either direction may be missing, octets may be
//! missing in between, and what bots send is often no valid SMTP at all.
//!
//! A [`Session`] is fed the octets of both directions in order ([`Session::octets`]), is told
//! of holes ([`Session::gap`]) and of the end ([`Session::end`]), and says what it heard.

mod attribution;
mod body;
mod client;
mod defects;
mod estimate;
mod line;
#[cfg(test)]
mod losses;
mod pieces;
mod reply;
mod server;
mod session;
#[cfg(test)]
mod transcripts;

use super::tls::ClientHello;
use serde::{Deserialize, Serialize};
pub use session::{End, Session};

/// Which end of the connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who began the connection: the host.
    Client,
    /// The mail server.
    Server,
}

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A command of the client.
    Command(Command<'a>),
    /// A whole reply of the server.
    Reply(Reply<'a>),
    /// A message was handed over: 354 and its text, or a last BDAT chunk, were followed by a
    /// reply.
    Message {
        /// That reply was 2xx.
        accepted: bool,
    },
    /// TLS begins: what the client asks for in clear.
    Hello(ClientHello<'a>),
    /// So many more messages were handed over inside TLS, by the sizes of its records: an
    /// estimate.
    MessagesInTls(u32),
    /// A connection has ended in TLS with an envelope, or a login, that was answered and no
    /// message behind it, by the sizes of records: an estimate. Not said of one of which
    /// anything is missing.
    NothingInTls,
    /// A connection has ended of which nothing of the server was seen, after an envelope: whether
    /// a message was handed over. SMTP waits for replies (RFC 5321 section 4.3.1), so that a text
    /// after DATA had its 354, and an envelope that none follows was refused: an estimate. Not said
    /// of one of which anything is missing, nor of a client that waits for nothing.
    OneSided {
        /// The client sent a text, and went on.
        handed: bool,
    },
    /// The server answers a client of which nothing was heard: its packets are not mirrored.
    /// Said once.
    ClientUnheard,
    /// Neither side speaks SMTP or TLS. Said once, and nothing else after it.
    NotSmtp,
    /// Something was wrong with what the client sent.
    Defect(Defect),
}

/// A command line; arguments are raw octets from the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// HELO, or EHLO where `extended`.
    Helo {
        /// The name that the client gives, without surrounding space; may be empty.
        name: &'a [u8],
        /// EHLO.
        extended: bool,
    },
    /// MAIL FROM.
    Mail {
        /// The address, without brackets; empty for the null sender; `None` where no
        /// address could be read, or only part of the line was seen.
        address: Option<&'a [u8]>,
    },
    /// RCPT TO.
    Rcpt {
        /// The address, as in [`Command::Mail`].
        address: Option<&'a [u8]>,
    },
    /// DATA.
    Data,
    /// BDAT (RFC 3030), with the size of its chunk.
    Bdat {
        /// It carries the end of the message.
        last: bool,
    },
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
    /// AUTH (RFC 4954), without the credentials.
    Auth {
        /// The mechanism as sent.
        mechanism: &'a [u8],
    },
    /// STARTTLS (RFC 3207).
    StartTls,
    /// Another known command: VRFY, EXPN, HELP, NOOP, ETRN, …; and BDAT of no size.
    Other,
    /// No command that is known.
    Unknown,
}

/// What a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Nothing: the greeting.
    Connect,
    /// HELO or EHLO.
    Helo,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, as a command.
    Data,
    /// A chunk of a message, but the last: BDAT.
    Chunk,
    /// The end of a message: the dot, or BDAT LAST.
    Message,
    /// AUTH and its steps.
    Auth,
    /// STARTTLS.
    StartTls,
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
    /// Anything else.
    Other,
}

/// A reply, all its lines together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The code, 200 to 599.
    pub code: u16,
    /// The enhanced status code (RFC 3463), where there is one: class, subject, detail.
    pub enhanced: Option<(u8, u16, u16)>,
    /// What it answers; `None` where commands were missed.
    pub to: Option<Verb>,
    /// The text of its last line, after the codes.
    pub text: &'a [u8],
}

/// What is wrong with what a client sent. Data, not an error: bots are told by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Defect {
    /// A line ends with LF alone (RFC 5321 section 2.3.8).
    BareLf,
    /// The client spoke before the greeting (RFC 5321 section 4.3.1).
    EarlyTalk,
    /// HELO or EHLO with an IP address that is not in brackets (RFC 5321 section 4.1.3).
    HeloBareIp,
    /// HELO or EHLO as `localhost` or `localhost.localdomain`.
    HeloLocalhost,
    /// HELO or EHLO without a name.
    HeloMissing,
    /// HELO or EHLO with a name of one label (RFC 5321 section 2.3.5).
    HeloNotQualified,
    /// HELO or EHLO with another name than before in the session.
    HeloChanged,
    /// A command line is longer than any that is allowed (RFC 5321 section 4.5.3.1).
    LineTooLong,
    /// MAIL or RCPT with an address that is not in angle brackets.
    MissingBrackets,
    /// MAIL before HELO and EHLO (RFC 5321 section 4.1.4).
    NoHelo,
    /// The connection ended after a MAIL command without QUIT (RFC 5321 section 4.1.1.10).
    NoQuit,
    /// Space after the colon of `MAIL FROM:` or `RCPT TO:` (RFC 5321 section 3.3).
    SpaceAfterColon,
    /// A known command with an argument that cannot be one.
    Syntax,
    /// Octets above 127 in a command without SMTPUTF8 (RFC 6531).
    EightBit,
    /// A command that is none.
    UnknownCommand,
    /// Commands sent ahead where the server had not offered PIPELINING (RFC 2920).
    UnofferedPipelining,
}

impl Defect {
    /// The stable name that events use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BareLf => "bare-lf",
            Self::EarlyTalk => "early-talk",
            Self::HeloBareIp => "helo-bare-ip",
            Self::HeloLocalhost => "helo-localhost",
            Self::HeloMissing => "helo-missing",
            Self::HeloNotQualified => "helo-not-qualified",
            Self::HeloChanged => "helo-changed",
            Self::LineTooLong => "line-too-long",
            Self::MissingBrackets => "missing-brackets",
            Self::NoHelo => "no-helo",
            Self::NoQuit => "no-quit",
            Self::SpaceAfterColon => "space-after-colon",
            Self::Syntax => "syntax",
            Self::EightBit => "eight-bit",
            Self::UnknownCommand => "unknown-command",
            Self::UnofferedPipelining => "unoffered-pipelining",
        }
    }
}
