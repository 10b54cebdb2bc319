//! The inventory: what the site knows of its hosts, and what it wants no mail about.
//!
//! Uses [`crate::home`] for nets, [`crate::toml_file`] for lines, [`crate::verdict`] for the
//! words. A list of hosts is read whole or not at all: half an inventory would judge mail
//! servers as PCs. Looking up neither allocates nor panics.

use crate::home;
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::toml_file::{self, FileError, Item, Table};
use crate::verdict::{Class, Role};
use ipnet::IpNet;
use prefix_trie::joint::JointPrefixMap;
use std::collections::HashMap;
use std::path::Path;

/// Texts of the inventory go into events, which have a size to keep.
const MAX_TEXT: usize = 256;

/// What the site says of its hosts; by default nothing.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    domains: Vec<String>,
    hosts: JointPrefixMap<IpNet, HostEntry>,
    suppressions: JointPrefixMap<IpNet, Vec<Suppression>>,
}

/// What a `[[host]]` says of a net.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostEntry {
    /// The net it was said of.
    pub net: IpNet,
    /// What the hosts are for, where that is said; else it is learned.
    pub role: Option<Role>,
    /// Who is told.
    pub owner: Option<String>,
    /// What people should know of it.
    pub note: Option<String>,
}

/// What a `[[suppress]]` says: events are written and marked, and nobody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The net it is for.
    pub net: IpNet,
    /// The class it is for; every class where none is said.
    pub class: Option<Class>,
    /// Why.
    pub reason: Option<String>,
    /// The first moment at which it no longer holds.
    end: Option<Timestamp>,
}

impl Inventory {
    /// Reads the inventory at `path`.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Self::parse(path, &toml_file::read(path)?)
    }

    /// What is said of `host`, by the longest net that it lies in.
    #[must_use]
    pub fn host(&self, host: HostAddr) -> Option<&HostEntry> {
        let (_, entry) = self.hosts.get_lpm(&host.ip().into())?;
        Some(entry)
    }

    /// Who is told of `host`: the owner of the narrowest net around it that has one.
    #[must_use]
    pub fn owner(&self, host: HostAddr) -> Option<&str> {
        let cover = self.hosts.cover(&host.ip().into());
        cover.filter_map(|(_, entry)| entry.owner.as_deref()).last()
    }

    /// Every owner, as often as there is one.
    pub fn owners(&self) -> impl Iterator<Item = &str> {
        self.hosts
            .values()
            .filter_map(|entry| entry.owner.as_deref())
    }

    /// What suppresses `class` of `host` at the packet time `at`.
    ///
    /// Any suppression whose net the host lies in will do, so a narrow one never undoes a
    /// wide one; of several, the narrowest is given.
    #[must_use]
    pub fn suppressed(&self, host: HostAddr, class: Class, at: Timestamp) -> Option<&Suppression> {
        // From the widest net to the narrowest.
        let cover = self.suppressions.cover(&host.ip().into());
        cover
            .flat_map(|(_, suppressions)| suppressions)
            .filter(|suppression| suppression.holds(class, at))
            .last()
    }

    /// The site's own mail domains: lower case, no dot at the end.
    #[must_use]
    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// The site without what is said of its hosts.
    #[must_use]
    pub fn without_hosts(self) -> Self {
        Self {
            hosts: JointPrefixMap::default(),
            ..self
        }
    }

    /// How many nets have a `[[host]]`.
    #[must_use]
    pub fn hosts_len(&self) -> usize {
        self.hosts.len()
    }

    /// How many `[[suppress]]` there are.
    #[must_use]
    pub fn suppressions_len(&self) -> usize {
        self.suppressions.values().map(Vec::len).sum()
    }

    fn parse(path: &Path, text: &str) -> Result<Self, FileError> {
        let mut inventory = Self::default();
        let mut top = Table::parse(path, text)?;
        if let Some(site) = top.take("site") {
            inventory.read_site(site.table()?)?;
        }
        if let Some(hosts) = top.take("host") {
            let mut places = HashMap::new();
            for table in hosts.tables()? {
                inventory.read_host(table, &mut places)?;
            }
        }
        if let Some(suppressions) = top.take("suppress") {
            for table in suppressions.tables()? {
                inventory.read_suppression(table)?;
            }
        }
        top.finish()?;
        Ok(inventory)
    }

    fn read_site(&mut self, mut table: Table<'_>) -> Result<(), FileError> {
        let domains = table.take("domains").map(Item::one_or_more);
        for item in domains.unwrap_or_default() {
            let domain = item.string()?.to_ascii_lowercase();
            let domain = domain.strip_suffix('.').unwrap_or(&domain);
            if !is_domain(domain) {
                return Err(item.wants("a domain, as example.ac.jp"));
            }
            self.domains.push(domain.to_owned());
        }
        table.finish()
    }

    /// `places` holds where each net was first seen.
    fn read_host(
        &mut self,
        mut table: Table<'_>,
        places: &mut HashMap<IpNet, usize>,
    ) -> Result<(), FileError> {
        let item = table.require("net")?;
        let net = net(&item)?;
        if let Some(first) = places.insert(net, item.offset()) {
            let first = item.line_at(first);
            return Err(item.error(format_args!(
                "{net} already has a [[host]], at line {first}"
            )));
        }
        let role = table.take("role").map(|item| role(&item)).transpose()?;
        let owner = table.take("owner").map(|item| text(&item)).transpose()?;
        let note = table.take("note").map(|item| text(&item)).transpose()?;
        table.finish()?;
        let entry = HostEntry {
            net,
            role,
            owner,
            note,
        };
        self.hosts.insert(net, entry);
        Ok(())
    }

    fn read_suppression(&mut self, mut table: Table<'_>) -> Result<(), FileError> {
        let net = net(&table.require("net")?)?;
        let class = table.take("class").map(|item| class(&item)).transpose()?;
        let end = table
            .take("until")
            .map(|item| end_of_day(&item))
            .transpose()?;
        let reason = table.take("reason").map(|item| text(&item)).transpose()?;
        table.finish()?;
        let suppression = Suppression {
            net,
            class,
            reason,
            end,
        };
        match self.suppressions.get_mut(&net) {
            Some(others) => others.push(suppression),
            None => {
                self.suppressions.insert(net, vec![suppression]);
            }
        }
        Ok(())
    }
}

impl Suppression {
    fn holds(&self, class: Class, at: Timestamp) -> bool {
        self.class.is_none_or(|only| only == class) && self.end.is_none_or(|end| at < end)
    }
}

fn net(item: &Item<'_>) -> Result<IpNet, FileError> {
    home::parse_net(&item.string()?).map_err(|error| item.error(error))
}

fn role(item: &Item<'_>) -> Result<Role, FileError> {
    item.string()?.parse().map_err(|error| item.error(error))
}

fn class(item: &Item<'_>) -> Result<Class, FileError> {
    let class = item.string()?.parse().map_err(|error| item.error(error))?;
    if class == Class::Ordinary {
        return Err(item.error("`ordinary` is never reported, so there is nothing to suppress"));
    }
    Ok(class)
}

fn text(item: &Item<'_>) -> Result<String, FileError> {
    let text = item.string()?;
    if text.is_empty() || text.len() > MAX_TEXT || text.contains(char::is_control) {
        return Err(item.error(format_args!(
            "wants 1 to {MAX_TEXT} octets of text without control characters"
        )));
    }
    Ok(text)
}

/// `until` includes the day that it names: the first moment of the next day, in UTC.
fn end_of_day(item: &Item<'_>) -> Result<Timestamp, FileError> {
    let date = item.date()?;
    let failed = |error: jiff::Error| item.error(error);
    let text = date.to_string();
    let day: jiff::civil::Date = text.parse().map_err(failed)?;
    let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(failed)?;
    let next = midnight.timestamp().as_second().saturating_add(86_400);
    Ok(Timestamp::from_parts(next, 0))
}

/// Labels of letters, digits, hyphens and underscores, as mail domains are written.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn parse(text: &str) -> Result<Inventory, String> {
        Inventory::parse(Path::new("inventory.toml"), text).map_err(|error| error.to_string())
    }

    fn host(text: &str) -> HostAddr {
        text.parse::<IpAddr>().unwrap().into()
    }

    fn time(text: &str) -> Timestamp {
        let time: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_parts(time.as_second(), i64::from(time.subsec_nanosecond()))
    }

    #[test]
    fn nothing_is_known_by_default() {
        let empty = Inventory::default();
        assert_eq!(empty.host(host("192.0.2.7")), None);
        let suppressed = empty.suppressed(host("192.0.2.7"), Class::Gen2Mx, Timestamp::MIN);
        assert_eq!(suppressed, None);
        assert!(empty.domains().is_empty());
        assert!(parse("").unwrap().domains().is_empty());
    }

    #[test]
    fn the_longest_prefix_wins() {
        let inventory = parse(
            r#"
            host = [
                { net = "192.0.2.0/24", role = "mail-server", owner = "mail@example.org" },
                { net = "192.0.2.128/25", role = "pc" },
                { net = "192.0.2.200", note = "the printer" },
                { net = "::ffff:198.51.100.0/120", role = "monitor" },
                { net = "2001:db8::/32", role = "resolver" },
                { net = "::/0", role = "external" },
            ]"#,
        )
        .unwrap();
        assert_eq!(inventory.hosts_len(), 6);
        for (address, net, role) in [
            ("192.0.2.1", "192.0.2.0/24", Some(Role::MailServer)),
            ("192.0.2.129", "192.0.2.128/25", Some(Role::Pc)),
            ("192.0.2.200", "192.0.2.200/32", None),
            ("::ffff:192.0.2.1", "192.0.2.0/24", Some(Role::MailServer)),
            ("198.51.100.9", "198.51.100.0/24", Some(Role::Monitor)),
            ("2001:db8::1", "2001:db8::/32", Some(Role::Resolver)),
            ("2001:db9::1", "::/0", Some(Role::External)),
        ] {
            let entry = inventory.host(host(address)).unwrap();
            assert_eq!((entry.net.to_string().as_str(), entry.role), (net, role));
        }
        assert_eq!(inventory.host(host("203.0.113.1")), None);
        let without = inventory.clone().without_hosts();
        assert_eq!(without.host(host("192.0.2.1")), None);
        let owner = &inventory.host(host("192.0.2.1")).unwrap().owner;
        assert_eq!(owner.as_deref(), Some("mail@example.org"));
    }

    #[test]
    fn suppression_by_net_class_and_day() {
        let inventory = parse(
            r#"
            [[suppress]]
            net = "192.0.2.0/24"
            class = "spam-fanout"
            until = 2027-01-31
            [[suppress]]
            net = "192.0.2.77"
            reason = "ticket 4711"
            until = 2026-12-31
            [[suppress]]
            net = "192.0.2.77"
            class = "ptr-flood"
            "#,
        )
        .unwrap();
        assert_eq!(inventory.suppressions_len(), 3);
        let net = |address, class, at| {
            let found = inventory.suppressed(host(address), class, time(at))?;
            Some(found.net.to_string())
        };
        let narrow = Some("192.0.2.77/32".to_owned());
        let wide = Some("192.0.2.0/24".to_owned());
        let fanout = Class::SpamFanout;
        assert_eq!(net("192.0.2.77", fanout, "2005-02-25T00:00:00Z"), narrow);
        assert_eq!(net("192.0.2.77", fanout, "2026-12-31T23:59:59.9Z"), narrow);
        assert_eq!(net("192.0.2.77", fanout, "2027-01-01T00:00:00Z"), wide);
        assert_eq!(net("192.0.2.7", fanout, "2027-01-31T23:59:59.9Z"), wide);
        assert_eq!(net("192.0.2.7", fanout, "2027-02-01T00:00:00Z"), None);
        assert_eq!(
            net("192.0.2.7", Class::Gen2Mx, "2026-01-01T00:00:00Z"),
            None
        );
        let flood = net("192.0.2.77", Class::PtrFlood, "2040-01-01T00:00:00Z");
        assert_eq!(flood, narrow);
    }

    #[test]
    fn domains_are_folded() {
        let inventory = parse("site.domains = ['Example.AC.jp.', 'a_b.example']").unwrap();
        assert_eq!(inventory.domains(), ["example.ac.jp", "a_b.example"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, message) in [
            ("[[host]\n", "1: unclosed array table, expected `]`"),
            ("[sites]\n", "1: unknown key `sites` (did you mean `site`?)"),
            (
                "\n[site]\ndomain = []",
                "3: unknown key `domain` in [site] (did you mean `domains`?)",
            ),
            (
                "[site]\ndomains = [\n 'a.example',\n 'a..example']",
                "4: domains: wants a domain, as example.ac.jp, not \"a..example\"",
            ),
            (
                "[host]\nnet = '192.0.2.1'",
                "1: host: wants a list: write [[host]]",
            ),
            (
                "host = ['192.0.2.1']",
                "1: host: wants a table: write [[host]]",
            ),
            (
                "[[host]]\nnet = '192.0.2.1'\n\n[[host]]\nrole = 'pc'",
                "4: [[host]] has no `net`",
            ),
            (
                "[[host]]\nnet = '192.0.2.1/24'",
                "2: net: `192.0.2.1/24` has bits set behind its prefix: write 192.0.2.0/24 for \
                 the net, 192.0.2.1 for the host",
            ),
            (
                "[[host]]\nnet = '192.0.2.1'\n[[host]]\nnet = '::ffff:192.0.2.1'",
                "4: net: 192.0.2.1/32 already has a [[host]], at line 2",
            ),
            (
                "[[host]]\nnet = '::1'\nroles = 'pc'",
                "3: unknown key `roles` in [[host]] (did you mean `role`?)",
            ),
            (
                "[[host]]\nnet = '::1'\nrole = 'printer'",
                "3: role: `printer` is no role: one of pc, mail-server, unregistered-mta, \
                 resolver, aggregate, monitor, mx-prober, gateway, external",
            ),
            (
                "[[host]]\nnet = '::1'\nowner = 7",
                "3: owner: wants a string, not 7",
            ),
            (
                "[[host]]\nnet = '::1'\nnote = ''",
                "3: note: wants 1 to 256 octets of text without control characters",
            ),
            (
                "[[suppress]]\nclass = 'hybrid'",
                "1: [[suppress]] has no `net`",
            ),
            (
                "[[suppress]]\nnet = '::1'\nclass = 'ordinary'",
                "3: class: `ordinary` is never reported, so there is nothing to suppress",
            ),
            (
                "[[suppress]]\nnet = '::1'\nuntil = '2027-01-31'",
                "3: until: wants a date without quotes, as 2027-01-31, not \"2027-01-31\"",
            ),
            (
                "[[suppress]]\nnet = '::1'\nuntil = 2027-01-31T00:00:00Z",
                "3: until: wants a date without quotes, as 2027-01-31, not the date or time \
                 2027-01-31T00:00:00Z",
            ),
            (
                "[[suppress]]\nnet = '::1'\nhost = 'x'",
                "3: unknown key `host` in [[suppress]] (known are class, net, reason, until)",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, format!("inventory.toml:{message}"), "{text}");
        }
        let error = parse("[[suppress]]\nnet = '::1'\nuntil = 2027-02-30").unwrap_err();
        assert!(error.starts_with("inventory.toml:3: "), "{error}");
    }
}
