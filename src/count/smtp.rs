//! The SMTP counters of one host.

use crate::decode::smtp::Defect;
use std::collections::BTreeMap;

/// A host's SMTP at a moment, in the form that correlation and the events use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SmtpTotals {
    /// TCP connections begun to a mail port, by 4-tuple and initial sequence.
    pub attempts: u64,
    /// Those that the server answered with SYN and ACK, or data.
    pub established: u64,
    /// Those that the server refused with RST before that.
    pub refused: u64,
    /// Those of which neither was seen within 30 s.
    pub unanswered: u64,
    /// Whether the servers' packets were mirrored; `None` where nothing tells. If not, what
    /// follows from their packets is unknown.
    pub answers_seen: Option<bool>,
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

/// The attempts of a host to one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
