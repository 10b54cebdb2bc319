//! What counting hands to correlation at each second of packet time.

use super::asked::Asked;
use super::host::{HostTotals, Label};
use super::names::ServerLookup;
use super::series::Bin;
use super::site::SiteBin;
use crate::capture::Origin;
pub use crate::decode::lan::Binding;
use crate::decode::smtp::Defect;
pub use crate::decode::tcp::Outcome;
use crate::host::HostAddr;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One closed second of the hosts of one worker.
#[derive(Clone, Debug, Default)]
pub struct Delta {
    /// The UTC second.
    pub second: i64,
    /// What was observed, by host, then by time, then in the order of arrival.
    pub facts: Vec<Fact>,
    /// What was said of addresses on the LAN, by address and then in the order of arrival.
    /// Apart from the facts, since it is nothing that the host is judged by.
    pub bindings: Vec<Binding>,
    /// The counters of the hosts in `facts`, by host, as they stand when the second is closed.
    /// A host that was evicted is missing, and one that only answers others.
    pub totals: Vec<(HostAddr, HostTotals)>,
    /// Per-host bins of this second, by host; only kept when asked for.
    pub bins: Vec<(HostAddr, HostBin)>,
    /// How much DNS servers were asked in the minute that ends with this second, by shards of
    /// those who asked; empty in every other second.
    pub asked: Vec<Asked>,
    /// Folded registrable domains that facts refer to, one behind the other.
    pub text: Vec<u8>,
    /// What the second looked like as a whole.
    pub site: SiteBin,
}

/// An observation that bears on a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Whom it is about.
    pub host: HostAddr,
    /// When it was known: the packet's time, or later where silence says it.
    pub time: Timestamp,
    /// Where a person finds the packet.
    pub origin: Origin,
    /// The packet's time.
    pub packet_time: Timestamp,
    /// What was observed.
    pub what: What,
}

/// What was observed. Names and domains are hashes ([`super::names::hash`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum What {
    /// The host answers DNS queries of others.
    AnswersDns,
    /// It asked for the mail exchangers of a domain.
    MxQuery(Domain),
    /// The reply to that; `failed`: the domain has none, or does not exist.
    MxReply {
        /// The domain.
        domain: u64,
        /// Whether the answer was negative.
        failed: bool,
    },
    /// An MX reply to the host named this exchanger.
    Exchanger {
        /// The exchanger's name.
        name: u64,
    },
    /// It asked for the address of a mail host by keyword.
    MailHostQuery {
        /// The domain of the mail host.
        domain: Domain,
        /// The whole name.
        name: u64,
        /// The first label.
        label: Label,
    },
    /// The reply to that; `failed`: there is no such host, or it has no IPv4
    /// address.
    MailHostReply {
        /// The whole name.
        name: u64,
        /// Whether the answer was negative.
        failed: bool,
    },
    /// It made a lookup that mail servers make.
    ServerLookup {
        /// Of which kind.
        lookup: ServerLookup,
        /// The whole name.
        name: u64,
    },
    /// By its counters it asks as resolvers do, and did not before: so that who was noticed is
    /// cleared, whose queries tell nothing else.
    Resolves,
    /// It began a TCP connection to a mail port.
    Attempt(Server),
    /// What became of that; of an attempt that is answered after all there are two.
    Outcome(Server, Outcome),
    /// It said HELO or EHLO.
    Helo {
        /// To whom.
        server: Server,
        /// The name that it gave, folded.
        name: u64,
    },
    /// It named a sender (MAIL).
    Mail {
        /// To whom.
        server: Server,
        /// The registrable domain of the sender's address; `None` for the null sender, or
        /// where the address could not be read.
        domain: Option<u64>,
    },
    /// Its mail was refused, or it itself as a sender of mail: not its login, nor a command
    /// that hands over nothing.
    Refusal {
        /// By whom.
        server: Server,
        /// The reply's code.
        code: u16,
        /// Why, as far as the reply says.
        cause: Refusal,
    },
    /// It handed over a message, as far as can be seen.
    Message {
        /// To whom.
        server: Server,
        /// Whether it was accepted.
        accepted: bool,
    },
    /// Something was wrong with what it sent by SMTP.
    Defect {
        /// To whom.
        server: Server,
        /// What.
        defect: Defect,
    },
    /// It named a recipient (RCPT).
    Recipient {
        /// To whom.
        server: Server,
    },
    /// It logs in (AUTH): told when it asks, and again when it is answered.
    Auth {
        /// Where.
        server: Server,
        /// Whether the server let it in; `None` when it asks.
        accepted: Option<bool>,
    },
    /// TLS began on a mail connection.
    Tls {
        /// With whom.
        server: Server,
        /// The name of the server that it asked for, as of a name in the DNS.
        name: Option<u64>,
    },
    /// It handed over messages inside TLS: an estimate by the sizes of records.
    TlsMessages {
        /// To whom.
        server: Server,
        /// So many.
        count: u32,
    },
    /// It had an envelope, or a login, answered inside TLS, and handed over nothing in that
    /// connection: an estimate by the sizes of records. The packet is the connection's last one.
    NothingInTls {
        /// To whom.
        server: Server,
    },
    /// A connection of which the server's packets were not seen ended after an envelope: an
    /// estimate. The packet is the connection's last one.
    OneSided {
        /// To whom.
        server: Server,
        /// It handed over a message.
        handed: bool,
    },
    /// It is registered at a chat server (IRC); told once in an hour of each server.
    Irc {
        /// Which.
        server: Server,
        /// Whether it has joined a channel: told again then. Inside TLS that is not seen.
        joined: bool,
    },
    /// It opened its mailbox (POP3, IMAP); told once a connection, and again in each hour in
    /// which it gives short commands in it.
    Mailbox {
        /// Where.
        server: Server,
    },
    /// It uses DNS that cannot be read; told once in an hour of each server.
    HiddenDns {
        /// Whose.
        server: Server,
        /// By which protocol.
        kind: HiddenDns,
    },
    /// The host was asked for a connection to its port 25. This fact and the next two are told
    /// once in an hour of each pair and domain.
    InboundAttempt {
        /// By whom.
        peer: HostAddr,
    },
    /// The host answered by SMTP on its port 25.
    ServesSmtp {
        /// Whom.
        peer: HostAddr,
    },
    /// The host was named a sender (MAIL) on its port 25.
    InboundMail {
        /// By whom.
        peer: HostAddr,
        /// The registrable domain of the sender's address, as in [`What::Mail`].
        domain: Option<u64>,
    },
    /// Somebody asked for the name of the host's address (PTR), as servers do of whoever sends
    /// them mail. Told once in an hour of each address and network of queriers.
    Backscatter {
        /// Who asked.
        querier: HostAddr,
    },
}

impl What {
    /// Whether the fact is about what others do with the host, and told by the worker of one of
    /// these: its host may have done nothing at all, and be none that is counted.
    #[must_use]
    pub fn is_of_others(&self) -> bool {
        matches!(
            self,
            Self::AnswersDns
                | Self::InboundAttempt { .. }
                | Self::ServesSmtp { .. }
                | Self::InboundMail { .. }
                | Self::Backscatter { .. }
        )
    }
}

/// A protocol that hides the DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HiddenDns {
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over QUIC (RFC 9250).
    Quic,
    /// DNS over HTTPS (RFC 8484).
    Https,
}

/// A server as a host sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Server {
    /// Its address.
    pub addr: HostAddr,
    /// Its port.
    pub port: u16,
}

/// Why a server said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// The client stands on a block list, or is told that it looks like a spammer.
    Blocked,
    /// There is no such mailbox.
    UnknownUser,
    /// Anything else.
    Other,
}

/// A registrable domain: its hash, and where its folded text stands in [`Delta::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Domain {
    /// Its hash.
    pub hash: u64,
    /// Offset of the folded name in [`Delta::text`].
    pub at: u32,
    /// Its length.
    pub len: u8,
}

/// The facts of a second that are about what others do with a host, by host and then in the
/// order of packets, whichever workers told them.
#[must_use]
pub fn of_others(deltas: &[Delta]) -> Vec<Fact> {
    let facts = deltas.iter().flat_map(|delta| &delta.facts);
    let mut facts: Vec<_> = facts
        .filter(|fact| fact.what.is_of_others())
        .copied()
        .collect();
    // What one packet says is told by one worker, in order: the sort is stable.
    facts.sort_by_key(|fact| (fact.host, fact.time, fact.origin));
    facts
}

impl Delta {
    /// The counters of a host, unless they are missing.
    #[must_use]
    pub fn totals(&self, host: HostAddr) -> Option<&HostTotals> {
        let at = self.totals.binary_search_by_key(&host, |(host, _)| *host);
        let (_, totals) = self.totals.get(at.ok()?)?;
        Some(totals)
    }

    /// The folded name of a domain in this delta.
    #[must_use]
    pub fn domain(&self, domain: Domain) -> &[u8] {
        let at = domain.at as usize;
        self.text
            .get(at..at + usize::from(domain.len))
            .unwrap_or_default()
    }
}

/// Everything a host asked in one second, by type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostBin {
    /// A queries and their keyword tiers.
    pub a: Bin,
    /// MX queries.
    pub mx: u32,
    /// PTR queries.
    pub ptr: u32,
    /// AAAA queries.
    pub aaaa: u32,
    /// Queries of any other type, or without a readable question.
    pub other: u32,
    /// TCP connections begun to a mail port.
    pub smtp_attempts: u32,
}
