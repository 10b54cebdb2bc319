//! The SMTP counters of one host.

use super::delta::{Refusal, Server, What};
use super::distinct::Distinct;
use super::names;
use crate::decode::smtp::{Command, Defect, Reply, Verb};
use crate::decode::tcp::{Connection, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Names that a host asks for when TLS begins, of those that are counted; a mail program has
/// one or two.
const SERVER_NAMES: usize = 64;

/// Of those, as many as are told.
pub(super) const TOLD: usize = 5;

/// A host's SMTP at a moment, in the form that correlation and the events use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SmtpTotals {
    /// TCP connections begun to a mail port, by 4-tuple and initial sequence.
    pub attempts: u64,
    /// Those that the server answered with SYN and ACK, or data.
    pub established: u64,
    /// Those that the server refused with RST before that.
    pub refused: u64,
    /// Those of which neither was seen within 30 s; one that is answered later counts twice.
    pub unanswered: u64,
    /// Whether the servers' packets were mirrored; `None` where nothing tells. If not, what
    /// follows from their packets is unknown.
    pub answers_seen: Option<bool>,
    /// Whether its own octets were mirrored; `None` where nothing tells. If not, what it said
    /// is unknown.
    pub commands_seen: Option<bool>,
    /// Distinct addresses that it made attempts to.
    pub destinations: u64,
    /// Whether that is exact.
    pub destinations_exact: bool,
    /// MAIL commands.
    pub mail_from: u64,
    /// RCPT commands.
    pub rcpt_to: u64,
    /// Messages handed over in clear.
    pub messages: u64,
    /// Those that were accepted.
    pub messages_accepted: u64,
    /// Messages handed over inside TLS, estimated by the sizes of its records.
    pub messages_in_tls: u64,
    /// Replies with 4xx.
    pub replies_4xx: u64,
    /// Replies with 5xx.
    pub replies_5xx: u64,
    /// STARTTLS commands.
    pub starttls: u64,
    /// AUTH commands.
    pub auth: u64,
    /// Distinct names in HELO and EHLO.
    pub helo_names: u64,
    /// Distinct registrable domains of senders.
    pub sender_domains: u64,
    /// Connections in which TLS was seen to begin.
    pub tls: u64,
    /// Names that it asked for when TLS began, most frequent first; raw octets.
    pub server_names: Vec<(Box<[u8]>, u64)>,
    /// Connections with neither SMTP nor TLS in them.
    pub not_smtp: u64,
    /// Connections of which octets were missing.
    pub gapped: u64,
    /// What was wrong with its lines, once a connection.
    pub defects: BTreeMap<Defect, u64>,
    /// By destination port, lowest first.
    pub by_port: Vec<PortTotals>,
}

impl SmtpTotals {
    /// Completes what is known of the servers' packets by the capture. SYNs that nobody answers
    /// look the same where the answers are not mirrored; so silence tells something only where
    /// packets would have been seen: `mirrored`.
    pub fn resolve(&mut self, mirrored: bool) {
        if self.attempts > 0 && self.answers_seen.is_none() && !mirrored {
            self.answers_seen = Some(false);
        }
    }
}

/// The attempts of a host to one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortTotals {
    /// The port.
    pub port: u16,
    /// See [`SmtpTotals::attempts`].
    pub attempts: u64,
    /// See [`SmtpTotals::established`].
    pub established: u64,
    /// See [`SmtpTotals::destinations`].
    pub destinations: u64,
}

/// What one host does by SMTP.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SmtpCounters {
    /// What is a plain count; the rest is filled in by [`SmtpCounters::totals`].
    pub(super) totals: SmtpTotals,
    answers: Option<bool>,
    commands: Option<bool>,
    destinations: Distinct,
    helo_names: Distinct,
    sender_domains: Distinct,
    server_names: BTreeMap<Box<[u8]>, u64>,
    /// In order of ports; few hosts use more than one.
    by_port: Vec<Port>,
}

/// The attempts to one port; there are as many as the operator named.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Port {
    number: u16,
    attempts: u64,
    established: u64,
    destinations: Distinct,
}

impl SmtpCounters {
    /// It begins a connection.
    pub(super) fn attempt(&mut self, connection: &Connection) {
        let destination = names::hash(&connection.server.bits().to_be_bytes());
        self.totals.attempts += 1;
        self.destinations.insert(destination);
        let port = self.port(connection.port);
        port.attempts += 1;
        port.destinations.insert(destination);
    }

    /// Memory of it.
    pub(super) fn octets(&self) -> usize {
        let ports = self.by_port.iter().map(|port| &port.destinations);
        let distinct = [&self.destinations, &self.helo_names, &self.sender_domains];
        let distinct = distinct.into_iter().chain(ports).map(Distinct::octets);
        let names = self.server_names.keys().map(|name| name.len() + 48);
        size_of_val(self)
            + size_of_val(&*self.by_port)
            + distinct.sum::<usize>()
            + names.sum::<usize>()
    }

    /// Connections that it began.
    pub(super) fn attempts(&self) -> u64 {
        self.totals.attempts
    }

    fn port(&mut self, port: u16) -> &mut Port {
        let at = match self
            .by_port
            .binary_search_by_key(&port, |known| known.number)
        {
            Ok(at) => at,
            Err(at) => {
                let new = Port {
                    number: port,
                    ..Port::default()
                };
                self.by_port.insert(at, new);
                at
            }
        };
        &mut self.by_port[at]
    }

    /// What became of an attempt to that port.
    pub(super) fn outcome(&mut self, port: u16, outcome: Outcome) {
        match outcome {
            Outcome::Established => {
                self.totals.established += 1;
                self.port(port).established += 1;
            }
            Outcome::Refused => self.totals.refused += 1,
            Outcome::Unanswered => self.totals.unanswered += 1,
        }
    }

    /// A server's packet was seen, or was seen to be missing.
    pub(super) fn answers(&mut self, seen: bool) {
        learn(&mut self.answers, seen);
    }

    /// Something that it said was heard, or it was answered and nothing was heard.
    pub(super) fn commands(&mut self, seen: bool) {
        learn(&mut self.commands, seen);
    }

    /// A command; what is to be told of it.
    pub(super) fn command(&mut self, command: Command<'_>, server: Server) -> Option<What> {
        match command {
            Command::Helo { name, .. } => {
                // Of a line that was cut, or that has none.
                if name.is_empty() {
                    return None;
                }
                let name = names::hash(&name.to_ascii_lowercase());
                self.helo_names.insert(name);
                Some(What::Helo { server, name })
            }
            Command::Mail { address } => {
                self.totals.mail_from += 1;
                let domain = address.and_then(sender_domain);
                if let Some(domain) = domain {
                    self.sender_domains.insert(domain);
                }
                Some(What::Mail { server, domain })
            }
            Command::Rcpt { .. } => {
                self.totals.rcpt_to += 1;
                Some(What::Recipient { server })
            }
            Command::StartTls => {
                self.totals.starttls += 1;
                None
            }
            Command::Auth { .. } => {
                self.totals.auth += 1;
                let accepted = None;
                Some(What::Auth { server, accepted })
            }
            _ => None,
        }
    }

    /// A reply; why the server refuses mail, if it does.
    pub(super) fn reply(&mut self, reply: &Reply<'_>) -> Option<Refusal> {
        match reply.code / 100 {
            4 => self.totals.replies_4xx += 1,
            5 => self.totals.replies_5xx += 1,
            _ => return None,
        }
        Refusal::of(reply)
    }

    /// TLS begins.
    pub(super) fn hello(&mut self, server_name: Option<&[u8]>) {
        self.totals.tls += 1;
        let Some(name) = server_name else { return };
        let name: Box<[u8]> = name.to_ascii_lowercase().into();
        if self.server_names.len() < SERVER_NAMES || self.server_names.contains_key(&name) {
            *self.server_names.entry(name).or_insert(0) += 1;
        }
    }

    /// The counters as they stand, with that many names of servers.
    #[must_use]
    pub fn totals(&mut self, most: usize) -> SmtpTotals {
        let mut names: Vec<_> = self.server_names.clone().into_iter().collect();
        names.sort_by(|(a, x), (b, y)| y.cmp(x).then(a.cmp(b)));
        names.truncate(most);
        let by_port = self.by_port.iter_mut().map(|port| PortTotals {
            port: port.number,
            attempts: port.attempts,
            established: port.established,
            destinations: port.destinations.count(),
        });
        SmtpTotals {
            answers_seen: self.answers,
            commands_seen: self.commands,
            destinations: self.destinations.count(),
            destinations_exact: self.destinations.is_exact(),
            helo_names: self.helo_names.count(),
            sender_domains: self.sender_domains.count(),
            server_names: names,
            by_port: by_port.collect(),
            ..self.totals.clone()
        }
    }
}

/// Whether a direction is mirrored: one packet of it tells, whatever else was missed.
fn learn(mirrored: &mut Option<bool>, seen: bool) {
    *mirrored = Some(seen || *mirrored == Some(true));
}

/// The hash of the registrable domain of an address; `None` where it has none.
fn sender_domain(address: &[u8]) -> Option<u64> {
    let at = address.iter().rposition(|&octet| octet == b'@')?;
    let folded = names::fold_text(address.get(at + 1..)?)?;
    Some(names::hash(names::registrable(&folded)))
}

/// Names of the block lists in wide use, and what all of them are called.
const LISTS: [&[u8]; 8] = [
    b"abuseat",
    b"barracuda",
    b"cbl.",
    b"dnsbl",
    b"rbl",
    b"sorbs",
    b"spamcop",
    b"spamhaus",
];

/// Words by which servers say that a client stands on a block list or is taken for a spammer:
/// the wording that Postfix, Exim, Sendmail and the large providers have for them (Microsoft:
/// "banned sending IP"; Google: "likely unsolicited mail"; Yahoo: "user complaints"). `listed`
/// alone says nothing: users are listed, and greylisted senders are.
const BLOCKED: [&[u8]; 14] = [
    b"banned",
    b"black list",
    b"blacklist",
    b"block list",
    b"blocked",
    b"blocklist",
    b"is listed at",
    b"is listed by",
    b"is listed in",
    b"is listed on",
    b"reputation",
    b"spam",
    b"unsolicited",
    b"user complaints",
];

/// Words by which servers put off a sender that they do not know yet: every one, spammer or
/// not, whatever else they say of the reason.
const GREYLISTED: [&[u8]; 2] = [b"graylist", b"greylist"];

/// Words by which servers say that there is no such mailbox ("unrouteable address" is Exim's,
/// "mailbox unavailable" that of RFC 5321 section 4.2.3).
const UNKNOWN_USER: [&[u8]; 14] = [
    b"does not exist",
    b"doesn't exist",
    b"invalid mailbox",
    b"invalid recipient",
    b"mailbox not found",
    b"mailbox unavailable",
    b"no mailbox",
    b"no such",
    b"recipient not found",
    b"unknown recipient",
    b"unknown user",
    b"unrouteable address",
    b"user not found",
    b"user unknown",
];

impl Refusal {
    /// Why a server refused mail, if a reply says that it did. Who is taken for a spammer is
    /// told so in whatever reply; in that to a login by the name of a list, since accounts are
    /// blocked as well.
    #[must_use]
    pub fn of(reply: &Reply<'_>) -> Option<Self> {
        let text = reply.text.to_ascii_lowercase();
        let cause = Self::cause(reply, &text);
        let login = matches!(reply.to, Some(Verb::Auth));
        let blocked = cause == Self::Blocked && (!login || says(&text, &LISTS));
        let refused = blocked || refuses_mail(reply);
        (reply.code >= 400 && refused).then_some(cause)
    }

    /// Why a server said no: by the enhanced code (RFC 3463 section 3.2; 5.1.1 is a bad mailbox,
    /// 5.1.10 a domain without mail), else by its wording, `text` in small letters.
    fn cause(reply: &Reply<'_>, text: &[u8]) -> Self {
        let says = |words: &[&[u8]]| says(text, words);
        let rcpt = matches!(reply.to, Some(Verb::Rcpt) | None);
        if rcpt && matches!(reply.enhanced, Some((5, 1, 0 | 1 | 10))) {
            Self::UnknownUser
        } else if reply.code < 500 && says(&GREYLISTED) {
            Self::Other
        } else if says(&LISTS) || says(&BLOCKED) {
            Self::Blocked
        } else if rcpt && reply.code >= 500 && says(&UNKNOWN_USER) {
            Self::UnknownUser
        } else {
            Self::Other
        }
    }
}

/// Whether a reply of 4xx or 5xx turns mail away, or the client as a sender of it. A failed login
/// is told by itself, and VRFY, STARTTLS and the like hand over nothing.
fn refuses_mail(reply: &Reply<'_>) -> bool {
    // It does not know the command, or what stands behind it (RFC 5321 section 4.2.3).
    let syntax = matches!(reply.code, 500..=504);
    match reply.to {
        Some(
            Verb::Connect | Verb::Mail | Verb::Rcpt | Verb::Data | Verb::Chunk | Verb::Message,
        ) => true,
        // Who is told so of EHLO says HELO then (RFC 5321 section 3.2).
        Some(Verb::Helo) => !syntax,
        Some(Verb::Auth | Verb::StartTls | Verb::Rset | Verb::Quit | Verb::Other) => false,
        // Some codes answer nothing but AUTH (RFC 4954 section 6).
        None => !syntax && !matches!(reply.code, 534 | 535 | 538),
    }
}

/// Whether one of these words, or of these beginnings of words, stands in a text in small letters.
fn says(text: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| begins_word(text, word))
}

/// Whether these octets stand in a text at the beginning of a word.
fn begins_word(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find_iter(text, word).any(|at| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        before.is_none_or(|octet| !octet.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_list_is_told_from_words_that_look_like_one() {
        let of = |code, text: &str| {
            let text = text.as_bytes();
            let to = Some(Verb::Rcpt);
            let enhanced = None;
            Refusal::of(&Reply {
                code,
                enhanced,
                to,
                text,
            })
            .unwrap()
        };
        for (code, text) in [
            (
                450,
                "<u@example.com>: Recipient address rejected: Greylisted",
            ),
            (451, "Greylisted, try again later"),
            (450, "Graylisted for 300 seconds"),
            (451, "Greylisting in action, an anti-spam measure"),
            (450, "User not listed in directory"),
            (450, "connection wait-listed"),
            (450, "Welcome to the marbles server, please wait"),
            (550, "address has been unblocked, use the new one"),
            (421, "Too many connections"),
        ] {
            assert_eq!(of(code, text), Refusal::Other, "{text}");
        }
        for text in [
            "Service unavailable; Client host [192.0.2.25] blocked using zen.spamhaus.org",
            "192.0.2.25 is listed at dnsbl.sorbs.net",
            "Your host is listed in bl.spamcop.net",
            "found on one or more RBLs, see http://rbl.example/",
            "Message rejected as spam",
            "poor reputation",
            "Blacklisted by b.barracudacentral.org",
            "Access denied, banned sending IP [192.0.2.25]",
            "Our system has detected that this message is likely unsolicited mail",
        ] {
            assert_eq!(of(554, text), Refusal::Blocked, "{text}");
        }
        for text in [
            "User unknown",
            "Unrouteable address",
            "Requested action not taken: mailbox unavailable",
        ] {
            assert_eq!(of(550, text), Refusal::UnknownUser, "{text}");
        }
    }

    #[test]
    fn mail_is_refused_by_replies_to_its_envelope_and_to_who_hands_it_over() {
        use Refusal::{Blocked, Other, UnknownUser};
        let mut counters = SmtpCounters::default();
        for (to, code, text, expected) in [
            (
                Some(Verb::Connect),
                554,
                "no SMTP service here",
                Some(Other),
            ),
            (
                Some(Verb::Connect),
                421,
                "too many connections",
                Some(Other),
            ),
            (Some(Verb::Helo), 550, "go away", Some(Other)),
            // The client says HELO then (RFC 5321 section 3.2).
            (Some(Verb::Helo), 500, "command unrecognized", None),
            (Some(Verb::Helo), 502, "not implemented", None),
            (Some(Verb::Helo), 504, "no such parameter", None),
            (Some(Verb::Mail), 530, "log in first", Some(Other)),
            (Some(Verb::Rcpt), 550, "User unknown", Some(UnknownUser)),
            (Some(Verb::Rcpt), 451, "try again later", Some(Other)),
            (Some(Verb::Data), 554, "no valid recipients", Some(Other)),
            (Some(Verb::Message), 554, "virus found", Some(Other)),
            (Some(Verb::Auth), 535, "authentication failed", None),
            (Some(Verb::Auth), 454, "try again later", None),
            // VRFY, NOOP, BDAT of no size.
            (Some(Verb::Other), 550, "unknown user", None),
            (Some(Verb::StartTls), 454, "TLS not available", None),
            (Some(Verb::Rset), 503, "bad sequence", None),
            (
                Some(Verb::Auth),
                535,
                "blocked using zen.spamhaus.org",
                Some(Blocked),
            ),
            (Some(Verb::Auth), 535, "account blocked", None),
            (Some(Verb::Other), 521, "blacklisted", Some(Blocked)),
            // What the reply answers was missed.
            (None, 550, "rejected", Some(Other)),
            (None, 500, "command unrecognized", None),
            (None, 535, "authentication failed", None),
        ] {
            let text = text.as_bytes();
            let enhanced = None;
            let reply = Reply {
                code,
                enhanced,
                to,
                text,
            };
            assert_eq!(counters.reply(&reply), expected, "{code} to {to:?}");
        }
        // All of them are counted.
        let SmtpTotals {
            replies_4xx,
            replies_5xx,
            ..
        } = counters.totals(TOLD);
        assert_eq!((replies_4xx, replies_5xx), (4, 18));
    }
}
