//! What a host is for: as the inventory says, or as it shows.

use super::evidence::Family;
use super::others::Seen;
use super::score::Prior;
use super::server::BY_HAND;
use super::suspect::Suspect;
use super::watched::Setting;
use super::{Context, PCS, PRIOR};
use crate::count::host::HostTotals;
use crate::time::Timestamp;
use crate::verdict::{Level, Role};
use serde::{Deserialize, Serialize};

/// A host's role, and what that rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleView {
    /// The role.
    pub role: Role,
    /// Where it is from.
    pub source: RoleSource,
    /// What it rests on, in words.
    pub basis: Vec<String>,
}

/// Where a role is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoleSource {
    /// The operator's file.
    Inventory,
    /// What the host showed.
    Learned,
    /// Nothing is known.
    Default,
}

impl RoleView {
    fn learned(role: Role, basis: String) -> Self {
        Self {
            role,
            source: RoleSource::Learned,
            basis: vec![basis],
        }
    }

    /// How many hosts of each honest kind there are for one that is infected, among those of
    /// this role. A role says what an honest host would show, and is no immunity.
    #[must_use]
    pub fn prior(&self) -> Prior {
        match (self.role, self.source) {
            // The site knows its servers: one PC in ten thousand sends by trade.
            (Role::Pc, RoleSource::Inventory) => Prior {
                sender: 0.1,
                prober: 0.02,
                ..PRIOR
            },
            (Role::Pc | Role::External, _) => PRIOR,
            // One server in a thousand is used by others.
            (Role::MailServer | Role::UnregisteredMta | Role::Gateway, _) => Prior {
                pc: 0.0,
                sender: PCS,
                ..PRIOR
            },
            (Role::Aggregate, _) => Prior {
                sender: PCS,
                ..PRIOR
            },
            // It asks for all its clients, mail servers among them.
            (Role::Resolver, _) => Prior {
                sender: 20.0 * PCS,
                prober: 10.0,
                ..PRIOR
            },
            // The operator knows; what a host shows makes it a hundred times likelier.
            (Role::Monitor | Role::MxProber, RoleSource::Inventory) => Prior {
                prober: PCS,
                ..PRIOR
            },
            (Role::Monitor | Role::MxProber, _) => Prior {
                prober: 100.0 * PRIOR.prober,
                ..PRIOR
            },
        }
    }

    /// Whether what the host asks the DNS is others' questions, and not to be weighed. A learned
    /// resolver may be a worm that answered once, or ask for one: it must also ask what mail
    /// servers ask, as everybody's questions together do. See [`RoleView::dns_limit`].
    #[must_use]
    pub fn asks_for_others(&self, suspect: &Suspect) -> bool {
        let everybody = suspect.server.lookups() >= BY_HAND;
        self.role == Role::Resolver && (self.source == RoleSource::Inventory || everybody)
    }

    /// The highest level that its lookups may bring.
    #[must_use]
    pub fn dns_limit(&self) -> Level {
        if self.role == Role::Resolver {
            Level::Suspected
        } else {
            Level::Confirmed
        }
    }

    /// Whether it mails by trade.
    #[must_use]
    pub fn is_sender(&self) -> bool {
        matches!(
            self.role,
            Role::MailServer | Role::UnregisteredMta | Role::Gateway
        )
    }

    /// Whether it is somebody's machine, as far as is known: mail that it sends itself is
    /// worth a line.
    #[must_use]
    pub fn is_pc(&self) -> bool {
        self.role == Role::Pc
    }
}

/// The role of a host: what lies outside of home is external whatever else is known of it;
/// then the inventory's word, then what the host shows by its memory and its counters, else a PC.
pub(super) fn role(
    setting: &Setting<'_>,
    suspect: Option<&Suspect>,
    totals: &HostTotals,
) -> RoleView {
    let host = setting.host;
    let Context {
        inventory, home, ..
    } = setting.context;
    if home.contains(host) == Some(false) {
        return RoleView::learned(Role::External, "outside of --home".to_owned());
    }
    if let Some(entry) = inventory.host(host)
        && let Some(role) = entry.role
    {
        let basis = vec![format!("{} in the inventory", entry.net)];
        return RoleView {
            role,
            source: RoleSource::Inventory,
            basis,
        };
    }
    if setting.answers_dns {
        return RoleView::learned(Role::Resolver, "answers DNS queries of others".to_owned());
    }
    if totals.resolves() {
        let basis = format!(
            "{} of {} queries without recursion desired",
            totals.iterative, totals.queries.total
        );
        return RoleView::learned(Role::Resolver, basis);
    }
    if let Some(suspect) = suspect
        && let Some(view) = shown(suspect, setting.others, setting.time)
    {
        return view;
    }
    RoleView {
        role: Role::Pc,
        source: RoleSource::Default,
        basis: Vec::new(),
    }
}

/// MX domains without a mail connection, where these are in sight, that make a prober.
const PROBED: usize = 30;
/// Weight of domains asked for again and again that makes a prober doubtful.
const ENGINE: f64 = 2.3;
/// Mail hosts that a monitor watches at the most; mail programs watch three.
const WATCHED: std::ops::RangeInclusive<usize> = 4..=60;
/// Times that a monitor has asked for each.
const WATCHES: u64 = 10;

/// The role that a host shows by its mail lookups and its mail.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a count of some thousand at the most"
)]
pub(super) fn shown(suspect: &Suspect, others: Option<&Seen>, now: Timestamp) -> Option<RoleView> {
    // Somebody's machine is no mail server, whatever it does.
    if suspect.server.is_server() && !suspect.is_used() {
        let lookups = suspect.server.lookups();
        let basis = format!(
            "{lookups} reverse, policy or block list lookups beside {} MX queries",
            suspect.server.mx_queries
        );
        return Some(RoleView::learned(Role::MailServer, basis));
    }
    if let Some(seen) = others
        && seen.is_mail_server(now)
        && !suspect.is_used()
    {
        let basis = format!("answered {} hosts outside on port 25", seen.greeted());
        return Some(RoleView::learned(Role::MailServer, basis));
    }
    let tally = &suspect.peers.tally;
    if suspect.peers.is_sender() {
        let refusing = tally.refusing();
        let basis = format!(
            "{} servers accepted its mail, {refusing} refused it",
            tally.accepted
        );
        return Some(RoleView::learned(Role::UnregisteredMta, basis));
    }
    let domains = suspect.mx.len();
    let follow = &suspect.follow;
    let engine = suspect.score.of(Family::Again).prober >= ENGINE || !suspect.swept.is_empty();
    if domains >= PROBED && !engine && follow.followed == 0 && follow.alone as usize >= PROBED {
        let basis = format!("MX lookups of {domains} domains, and no mail connection after them");
        return Some(RoleView::learned(Role::MxProber, basis));
    }
    let (names, queries) = (suspect.mail_host_names.len(), suspect.mail_hosts_again);
    if WATCHED.contains(&names)
        && domains == 0
        && suspect.failed.len() * 5 <= names
        && queries >= WATCHES * names as u64
    {
        let basis = format!("asked for the same {names} mail hosts again, {queries} times");
        return Some(RoleView::learned(Role::Monitor, basis));
    }
    None
}
