//! What counting hands to correlation at each second of packet time.

use super::host::{HostTotals, Label};
use super::names::ServerLookup;
use super::series::Bin;
use crate::capture::Origin;
pub use crate::decode::lan::Binding;
use crate::decode::smtp::Defect;
pub use crate::decode::tcp::Outcome;
use crate::host::HostAddr;
use crate::time::Timestamp;

/// One closed second of the hosts of one worker.
#[derive(Clone, Debug, Default)]
pub struct Delta {
    /// The UTC second.
    pub second: i64,
    /// What was observed, by host and then in the order of arrival.
    pub facts: Vec<Fact>,
    /// What was said of addresses on the LAN, by address and then in the order of arrival.
    /// Apart from the facts, since it is nothing that the host is judged by.
    pub bindings: Vec<Binding>,
    /// The counters of the hosts in `facts`, by host, as they stand when the second is closed.
    /// A host that was evicted is missing, and one that only answers others.
    pub totals: Vec<(HostAddr, HostTotals)>,
    /// Per-host bins of this second, by host; only kept when asked for.
    pub bins: Vec<(HostAddr, HostBin)>,
    /// Folded registrable domains that facts refer to, one behind the other.
    pub text: Vec<u8>,
}

/// An observation that bears on a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// It was answered 4xx or 5xx.
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
}

/// A mail server as a host sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Server {
    /// Its address.
    pub addr: HostAddr,
    /// Its port.
    pub port: u16,
}

/// Why a server said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The client stands on a block list, or is told that it looks like a spammer.
    Blocked,
    /// There is no such mailbox.
    UnknownUser,
    /// Anything else.
    Other,
}

/// A registrable domain: its hash, and where its folded text stands in [`Delta::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its hash.
    pub hash: u64,
    /// Offset of the folded name in [`Delta::text`].
    pub at: u32,
    /// Its length.
    pub len: u8,
}

impl Delta {
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
