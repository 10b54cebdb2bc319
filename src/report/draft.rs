//! Learned roles as a draft of an inventory, which [`crate::inventory`] reads.

use super::text;
use crate::correlate::Verdict;
use crate::correlate::role::{RoleSource, RoleView};
use crate::host::HostAddr;
use crate::inventory::{HostEntry, Inventory};
use crate::time::Timestamp;
use crate::verdict::{Class, Level, Role};
use crate::words::counted;
use ipnet::IpNet;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

/// Capture files that are named.
const FILES: usize = 20;

/// What people are told first.
const HEADER: &str = "\
# A draft of an inventory: the roles that hosts showed, to be read by a person before use.
# A role grants no immunity, but it changes what a host is measured by: keep the entries of
# which you know that they are true. An unregistered-mta that is meant to mail is a mail-server.
";

/// The roles that hosts showed, beside what an inventory says of them.
#[derive(Debug)]
pub struct Draft<'a> {
    known: &'a Inventory,
    roles: BTreeMap<HostAddr, RoleView>,
    /// By the highest level that was told of them.
    /// Level, class, and the episode: where and when it began.
    convicted: BTreeMap<HostAddr, (Level, Class, (HostAddr, Timestamp))>,
}

/// What was read for a draft.
#[derive(Debug)]
pub struct Reads<'a> {
    /// The capture files.
    pub files: &'a [PathBuf],
    /// Packet time of the first packet and of the last; `None` where there was none.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Whether it is known what is inside.
    pub home: bool,
}

/// A `[[host]]`, as [`HostEntry`] is written.
#[derive(Serialize)]
struct Written<'a> {
    net: String,
    role: Role,
    owner: Option<&'a str>,
    note: Option<String>,
}

impl<'a> Draft<'a> {
    /// An empty draft, to go with the inventory `known`.
    #[must_use]
    pub fn new(known: &'a Inventory) -> Self {
        Self {
            known,
            roles: BTreeMap::new(),
            convicted: BTreeMap::new(),
        }
    }

    /// Takes in what was told of a host: that one is convicted stands beside its role.
    pub fn verdict(&mut self, verdict: &Verdict) {
        let (level, class) = (verdict.judgement.level, verdict.judgement.class);
        let episode = (verdict.began_as, verdict.first_seen);
        if verdict.acquitted {
            // It may have been told under another address of the same machine.
            self.convicted.retain(|_, (.., told)| *told != episode);
        } else if level.convicted() {
            let highest = self.convicted.entry(verdict.host);
            let highest = highest.or_insert((level, class, episode));
            if level >= highest.0 {
                *highest = (level, class, episode);
            }
        }
    }

    /// Takes in a host at the end. Its role must be what it showed, not what the inventory
    /// says; roles that it did not show, and hosts outside, are passed over, and so are those
    /// of which the inventory says the same.
    pub fn host(&mut self, host: HostAddr, role: &RoleView) {
        let shown = role.source == RoleSource::Learned && role.role != Role::External;
        let said = self.said(host).and_then(|entry| entry.role);
        if shown && said.is_none_or(|said| !agree(said, role.role)) {
            self.roles.insert(host, role.clone());
        }
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty()
    }

    /// Writes the draft, in the order of addresses.
    pub fn write(&self, out: &mut dyn Write, reads: &Reads<'_>) -> io::Result<()> {
        header(out, reads)?;
        let said = |host| self.said(host).and_then(|entry| entry.role);
        let differing = || {
            let roles = self.roles.iter();
            roles.filter_map(|(&host, role)| Some((host, said(host)?, role)))
        };
        if differing().next().is_some() {
            writeln!(out, "\n# Otherwise than the inventory says:")?;
        }
        for (host, said, role) in differing() {
            let note = note(role).unwrap_or_default();
            let role = role.role;
            writeln!(
                out,
                "# {host} is \"{said}\" in the inventory, and behaves as {role}: {note}"
            )?;
            self.tell_conviction(out, host)?;
        }
        for (&host, role) in &self.roles {
            if said(host).is_none() {
                self.entry(out, host, role)?;
            }
        }
        out.flush()
    }

    /// Writes a `[[host]]`. Of several nets the longest says all of a host, so the owner goes
    /// along where the inventory says one without a role.
    fn entry(&self, out: &mut dyn Write, host: HostAddr, role: &RoleView) -> io::Result<()> {
        writeln!(out)?;
        self.tell_conviction(out, host)?;
        let known = self.said(host);
        if let Some(entry) = known {
            writeln!(out, "# In the inventory without a role, by {}.", entry.net)?;
        }
        let written = Written {
            net: IpNet::from(host.ip()).to_string(),
            role: role.role,
            owner: known.and_then(|entry| entry.owner.as_deref()),
            note: note(role),
        };
        let text = toml::to_string(&written).map_err(io::Error::other)?;
        write!(out, "[[host]]\n{text}")
    }

    fn tell_conviction(&self, out: &mut dyn Write, host: HostAddr) -> io::Result<()> {
        let Some((level, class, _)) = self.convicted.get(&host) else {
            return Ok(());
        };
        writeln!(
            out,
            "# {host} is convicted in these captures: {level}, {class}."
        )
    }

    fn said(&self, host: HostAddr) -> Option<&'a HostEntry> {
        self.known.host(host)
    }
}

fn header(out: &mut dyn Write, reads: &Reads<'_>) -> io::Result<()> {
    out.write_all(HEADER.as_bytes())?;
    if !reads.home {
        writeln!(
            out,
            "# Without --home, hosts outside of the site are among them."
        )?;
    }
    match reads.span {
        Some((first, last)) => writeln!(out, "# Packet time {first} to {last}, from")?,
        None if reads.files.is_empty() => writeln!(out, "# No capture was read.")?,
        None => writeln!(out, "# No packet was read from")?,
    }
    for file in reads.files.iter().take(FILES) {
        let name = text::escape(file.as_os_str().as_encoded_bytes());
        writeln!(out, "#   {name}")?;
    }
    match reads.files.len().saturating_sub(FILES) as u64 {
        0 => Ok(()),
        more => writeln!(out, "#   and {}", counted(more, "more file")),
    }
}

/// Whether what is said of a host and what it shows is the same. The three that mail by trade
/// show the same, and which of them a host is only the site knows.
fn agree(said: Role, shown: Role) -> bool {
    let mails = |role| {
        matches!(
            role,
            Role::MailServer | Role::UnregisteredMta | Role::Gateway
        )
    };
    said == shown || (mails(said) && mails(shown))
}

/// What a role rests on, within what the inventory takes as a text and on one line.
fn note(role: &RoleView) -> Option<String> {
    let basis = role.basis.join("; ");
    (!basis.is_empty()).then(|| text::escape(basis.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::Judgement;
    use std::net::IpAddr;

    fn host(text: &str) -> HostAddr {
        text.parse::<IpAddr>().unwrap().into()
    }

    fn role(role: Role, source: RoleSource, basis: &str) -> RoleView {
        RoleView {
            role,
            source,
            basis: vec![basis.to_owned()],
        }
    }

    fn learned(of: Role) -> RoleView {
        role(of, RoleSource::Learned, "showed it")
    }

    fn verdict(of: &str, level: Level, acquitted: bool) -> Verdict {
        let judgement = Judgement {
            class: Class::Gen2Mx,
            level,
            ..Judgement::ordinary(learned(Role::Pc))
        };
        Verdict {
            acquitted,
            ..Verdict::first(host(of), Timestamp::from_parts(0, 0), judgement)
        }
    }

    fn inventory(text: &str) -> Inventory {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inventory.toml");
        std::fs::write(&path, text).unwrap();
        Inventory::load(&path).unwrap()
    }

    fn written(draft: &Draft<'_>) -> String {
        let files: Vec<PathBuf> = (0..22).map(|n| format!("{n}\n.pcap").into()).collect();
        let reads = Reads {
            files: &files,
            span: None,
            home: true,
        };
        let mut out = Vec::new();
        draft.write(&mut out, &reads).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// What follows the header.
    fn told(draft: &Draft<'_>) -> String {
        let written = written(draft);
        let told = written.split_once("and 2 more files\n").unwrap().1;
        told.to_owned()
    }

    #[test]
    fn learned_roles_are_told_by_address_and_others_are_not() {
        let known = Inventory::default();
        let mut draft = Draft::new(&known);
        assert!(draft.is_empty());
        for (of, view) in [
            ("2001:db8::5", learned(Role::Resolver)),
            ("192.0.2.10", learned(Role::MailServer)),
            ("192.0.2.9", learned(Role::UnregisteredMta)),
            ("192.0.2.8", learned(Role::External)),
            ("192.0.2.7", role(Role::Pc, RoleSource::Default, "")),
        ] {
            draft.host(host(of), &view);
        }
        let expected = r#"
[[host]]
net = "192.0.2.9/32"
role = "unregistered-mta"
note = "showed it"

[[host]]
net = "192.0.2.10/32"
role = "mail-server"
note = "showed it"

[[host]]
net = "2001:db8::5/128"
role = "resolver"
note = "showed it"
"#;
        assert_eq!(told(&draft), expected);
    }

    #[test]
    fn what_the_inventory_says_is_left_out_or_differs() {
        let known = inventory(
            r#"
            host = [
                { net = "192.0.2.0/24", role = "pc", owner = "desk@example.org" },
                { net = "192.0.2.2", role = "resolver" },
                { net = "192.0.2.3", role = "gateway" },
                { net = "198.51.100.0/24", owner = "lab@example.org" },
            ]"#,
        );
        let mut draft = Draft::new(&known);
        draft.host(host("192.0.2.2"), &learned(Role::Resolver));
        draft.host(host("192.0.2.3"), &learned(Role::UnregisteredMta));
        assert!(draft.is_empty(), "as the inventory says");
        draft.host(host("192.0.2.5"), &learned(Role::MailServer));
        draft.host(host("198.51.100.1"), &learned(Role::Monitor));
        draft.host(host("203.0.113.1"), &learned(Role::MxProber));
        let expected = r#"
# Otherwise than the inventory says:
# 192.0.2.5 is "pc" in the inventory, and behaves as mail-server: showed it

# In the inventory without a role, by 198.51.100.0/24.
[[host]]
net = "198.51.100.1/32"
role = "monitor"
owner = "lab@example.org"
note = "showed it"

[[host]]
net = "203.0.113.1/32"
role = "mx-prober"
note = "showed it"
"#;
        assert_eq!(told(&draft), expected);
    }

    #[test]
    fn a_convicted_host_is_told_as_such() {
        let known = inventory("[[host]]\nnet = '192.0.2.2'\nrole = 'pc'");
        let mut draft = Draft::new(&known);
        for of in ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"] {
            draft.host(host(of), &learned(Role::MailServer));
        }
        for (of, level, acquitted) in [
            ("192.0.2.1", Level::Confirmed, false),
            ("192.0.2.1", Level::Likely, false),
            ("192.0.2.2", Level::Likely, false),
            ("192.0.2.3", Level::Likely, false),
            ("192.0.2.3", Level::None, true),
            ("192.0.2.4", Level::Suspected, false),
        ] {
            draft.verdict(&verdict(of, level, acquitted));
        }
        let text = told(&draft);
        let convicted = |line: &&str| line.contains("convicted");
        let lines: Vec<_> = text.lines().filter(convicted).collect();
        let expected = [
            "# 192.0.2.2 is convicted in these captures: likely, gen2-mx.",
            "# 192.0.2.1 is convicted in these captures: confirmed, gen2-mx.",
        ];
        assert_eq!(lines, expected);
    }

    /// Whatever a basis or a file's name holds, the inventory takes the draft, and no line of
    /// it becomes another.
    #[test]
    fn texts_stay_texts() {
        let known = inventory("[[host]]\nnet = '192.0.2.2'\nrole = 'pc'");
        let basis = format!(
            "a \"b\" 'c' \\d\n[[host]]\nrole = 'pc'\n{}",
            "é".repeat(300)
        );
        let mut draft = Draft::new(&known);
        for of in ["192.0.2.1", "192.0.2.2"] {
            draft.host(host(of), &role(Role::Resolver, RoleSource::Learned, &basis));
        }
        let read = inventory(&written(&draft));
        assert_eq!(read.hosts_len(), 1);
        let entry = read.host(host("192.0.2.1")).unwrap();
        assert_eq!(entry.role, Some(Role::Resolver));
        let note = entry.note.as_deref().unwrap();
        assert!(
            note.starts_with("a \"b\" 'c' \\092d\\010[[host]]"),
            "{note}"
        );
        assert!((200..=256).contains(&note.len()), "{}", note.len());
    }
}
