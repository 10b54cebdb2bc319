//! `mxray.smtp`.

use super::super::text;
use crate::correlate::fanout::Reach;
use crate::count::smtp::{PortTotals, SmtpTotals};
use schemars::JsonSchema;
use serde::Serialize;

/// Names of servers in an event.
const SERVER_NAMES: usize = 5;
/// Ports in an event that is too long.
const PORTS: usize = 3;

/// `mxray.smtp`: null is unseen. What follows from the servers' packets is null where these are
/// not mirrored, and what it said itself where its own are not.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Smtp {
    /// TCP connections begun to a mail port.
    pub attempts: Option<u64>,
    /// Those that the server answered.
    pub established: Option<u64>,
    /// Those that it refused.
    pub refused: Option<u64>,
    /// Those that nobody answered within 30 s.
    pub unanswered: Option<u64>,
    /// Distinct destinations.
    pub destinations: Option<u64>,
    /// Whether that is exact.
    pub destinations_exact: Option<bool>,
    /// MAIL commands.
    pub mail_from: Option<u64>,
    /// RCPT commands.
    pub rcpt_to: Option<u64>,
    /// Messages handed over in clear.
    pub messages: Option<u64>,
    /// Those that were accepted.
    pub messages_accepted: Option<u64>,
    /// Messages handed over inside TLS: an estimate from the sizes of its records.
    pub messages_in_tls: Option<u64>,
    /// Replies that said "not now".
    pub replies_4xx: Option<u64>,
    /// Replies that said "no".
    pub replies_5xx: Option<u64>,
    /// STARTTLS commands.
    pub starttls: Option<u64>,
    /// AUTH commands.
    pub auth: Option<u64>,
    /// Distinct names in HELO and EHLO.
    pub helo_names: Option<u64>,
    /// Distinct registrable domains of senders.
    pub sender_domains: Option<u64>,
    /// Connections in which TLS began, at once or by STARTTLS.
    pub tls: Option<u64>,
    /// Connections with neither SMTP nor TLS in them.
    pub not_smtp: Option<u64>,
    /// Connections of which octets were missing.
    pub gapped: Option<u64>,
    /// By destination port.
    pub by_port: Option<Vec<SmtpPort>>,
    /// Names of servers that it asked for when TLS began, most frequent first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_names: Vec<SmtpName>,
    /// What was wrong with its lines, once a connection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub defects: Vec<SmtpDefect>,
    /// The last 10 minutes, hour and day before this event's time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<SmtpWindow>,
    /// Whether there are more server names or ports than are listed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// `mxray.smtp.by_port`, also of a window.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SmtpPort {
    /// The port.
    pub port: u16,
    /// See [`Smtp::attempts`].
    pub attempts: u64,
    /// See [`Smtp::established`].
    pub established: Option<u64>,
    /// See [`Smtp::destinations`].
    pub destinations: u64,
}

/// `mxray.smtp.server_names`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SmtpName {
    /// The name.
    pub name: String,
    /// In how many connections.
    pub count: u64,
}

/// `mxray.smtp.defects`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SmtpDefect {
    /// Its name.
    pub name: &'static str,
    /// In how many connections.
    pub count: u64,
}

/// `mxray.smtp.windows`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SmtpWindow {
    /// The window's length in seconds.
    pub span_s: u32,
    /// See [`Smtp::attempts`].
    pub attempts: u64,
    /// See [`Smtp::established`].
    pub established: Option<u64>,
    /// See [`Smtp::refused`].
    pub refused: Option<u64>,
    /// See [`Smtp::unanswered`].
    pub unanswered: Option<u64>,
    /// See [`Smtp::destinations`].
    pub destinations: u64,
    /// Whether the window is exact. If not, it is up to a minute, five minutes, an hour
    /// shorter, and the numbers of destinations are estimates.
    pub destinations_exact: bool,
    /// Destinations without an attempt in the 24 hours before the window.
    pub destinations_new: u64,
    /// By destination port.
    pub by_port: Vec<SmtpPort>,
}

impl Smtp {
    /// What was counted of a host.
    pub(in crate::report) fn of(totals: &SmtpTotals, windows: &[Reach]) -> Self {
        // What the servers' packets tell is unknown where they are not mirrored.
        let mirrored = totals.answers_seen != Some(false);
        let told = |count: u64| mirrored.then_some(count);
        // And what it said itself is where its own are not.
        let heard = totals.commands_seen != Some(false);
        let said = |count: u64| heard.then_some(count);
        let names = totals.server_names.iter().take(SERVER_NAMES);
        let by_port = |port: &PortTotals| SmtpPort {
            port: port.port,
            attempts: port.attempts,
            established: told(port.established),
            destinations: port.destinations,
        };
        let window = |reach: &Reach| SmtpWindow {
            span_s: reach.span,
            attempts: reach.attempts,
            established: told(reach.established),
            refused: told(reach.refused),
            unanswered: told(reach.unanswered),
            destinations: reach.destinations,
            destinations_exact: reach.exact,
            destinations_new: reach.new,
            by_port: reach.ports.iter().map(by_port).collect(),
        };
        Self {
            attempts: Some(totals.attempts),
            established: told(totals.established),
            refused: told(totals.refused),
            unanswered: told(totals.unanswered),
            destinations: Some(totals.destinations),
            // Of nothing the count is exact, whatever the counters' default says.
            destinations_exact: Some(totals.destinations_exact || totals.destinations == 0),
            mail_from: said(totals.mail_from),
            rcpt_to: said(totals.rcpt_to),
            messages: told(totals.messages),
            messages_accepted: told(totals.messages_accepted),
            messages_in_tls: said(totals.messages_in_tls),
            replies_4xx: told(totals.replies_4xx),
            replies_5xx: told(totals.replies_5xx),
            starttls: said(totals.starttls),
            auth: said(totals.auth),
            helo_names: said(totals.helo_names),
            sender_domains: said(totals.sender_domains),
            tls: said(totals.tls),
            not_smtp: Some(totals.not_smtp),
            gapped: Some(totals.gapped),
            by_port: Some(totals.by_port.iter().map(by_port).collect()),
            server_names: names
                .map(|(name, count)| SmtpName {
                    name: text::escape(name),
                    count: *count,
                })
                .collect(),
            defects: totals
                .defects
                .iter()
                .map(|(defect, count)| SmtpDefect {
                    name: defect.name(),
                    count: *count,
                })
                .collect(),
            windows: windows.iter().map(window).collect(),
            cut: totals.server_names.len() > SERVER_NAMES,
        }
    }

    /// Leaves out one thing more, the least needed first; whether there was one.
    pub(in crate::report) fn shorten(&mut self) -> bool {
        if self.server_names.pop().is_some() {
            self.cut = true;
            return true;
        }
        let windows = self.windows.iter_mut().map(|window| &mut window.by_port);
        if let Some(ports) = windows.rev().find(|ports| !ports.is_empty()) {
            ports.clear();
            self.cut = true;
            return true;
        }
        let ports = self.by_port.as_mut().filter(|ports| ports.len() > PORTS);
        let cut = ports.is_some();
        if let Some(ports) = ports {
            ports.truncate(PORTS);
        }
        self.cut |= cut;
        cut
    }
}
