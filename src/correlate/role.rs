//! What a host is for: as the inventory says, or as it shows.

use super::suspect::Suspect;
use crate::count::host::HostTotals;
use crate::home::Home;
use crate::host::HostAddr;
use crate::inventory::Inventory;
use crate::verdict::{Level, Role};

/// Queries without the wish for recursion that tell a resolver: stub resolvers always wish
/// for it, and `dig +norecurse` by hand stays below.
const ITERATIVE: u64 = 4;

/// A host's role, and what that rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleView {
    /// The role.
    pub role: Role,
    /// Where it is from.
    pub source: RoleSource,
    /// What it rests on, in words.
    pub basis: Vec<String>,
}

/// Where a role is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// The highest level that the rules about PCs may give. A learned resolver may be a worm
    /// that answered once, or ask for one: it is told, and not convicted for that. Servers
    /// have another profile, and what is outside is not judged.
    #[must_use]
    pub fn limit(&self) -> Level {
        match (self.role, self.source) {
            (Role::Pc, _) => Level::Confirmed,
            (Role::Resolver, RoleSource::Learned) => Level::Suspected,
            _ => Level::None,
        }
    }

    /// Whether the inventory says that this is a PC.
    #[must_use]
    pub fn is_known_pc(&self) -> bool {
        self.role == Role::Pc && self.source == RoleSource::Inventory
    }
}

/// The role of a host: what lies outside of home is external whatever else is known of it;
/// then the inventory's word, then what the host shows, else a PC.
#[must_use]
pub fn role(
    host: HostAddr,
    inventory: &Inventory,
    home: &Home,
    answers_dns: bool,
    suspect: Option<&Suspect>,
    totals: &HostTotals,
) -> RoleView {
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
    if answers_dns {
        return RoleView::learned(Role::Resolver, "answers DNS queries of others".to_owned());
    }
    let queries = totals.queries.total;
    if totals.iterative >= ITERATIVE && totals.iterative * 2 >= queries {
        let basis = format!(
            "{} of {queries} queries without recursion desired",
            totals.iterative
        );
        return RoleView::learned(Role::Resolver, basis);
    }
    if let Some(suspect) = suspect
        && suspect.server.is_server()
    {
        let lookups = suspect.server.lookups();
        let basis = format!(
            "{lookups} reverse, policy or block list lookups beside {} MX queries",
            suspect.server.mx_queries
        );
        return RoleView::learned(Role::MailServer, basis);
    }
    RoleView {
        role: Role::Pc,
        source: RoleSource::Default,
        basis: Vec::new(),
    }
}
