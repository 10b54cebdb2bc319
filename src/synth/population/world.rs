//! The outside world of one family of generators: domains, what the DNS says of them, and
//! the mail servers behind their exchangers.
//!
//! Everything follows from a name or an address alone, so that whoever asks twice hears the
//! same twice. The families differ in how their names are made, in what a resolver adds to an
//! answer, in how exchangers are called, and in who wrote the mail servers.

use super::super::dice::{Dice, digest};
use super::super::message::{Data, NXDOMAIN, Record, Reply, SERVFAIL, kind};
use super::Family;
use super::mta::Mta;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One family's part of the Internet.
#[derive(Clone, Copy, Debug)]
pub(super) struct World {
    pub(super) family: Family,
}

/// A mail server as its address makes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    pub(super) mta: Mta,
    pub(super) door: Door,
    /// Puts off whom it does not know (RFC 6647).
    pub(super) greylists: bool,
    /// Milliseconds until it greets: a tarpit takes many seconds.
    pub(super) slow: u32,
    pub(super) starttls: bool,
    /// Asks block lists, and when it tells.
    pub(super) lists: Option<Told>,
    /// Milliseconds there and back.
    pub(super) distance: u32,
}

/// Whether port 25 is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Open,
    /// RST.
    Shut,
    /// Nobody answers.
    Silent,
}

/// When a server tells a client that it stands on a block list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    AtConnect,
    AtRecipient,
}

impl World {
    /// A number below `of` that follows from a name and what is asked about it.
    pub(super) fn fate(self, name: &str, what: &str, of: u32) -> u32 {
        let mut sum = digest(name.as_bytes()) ^ digest(what.as_bytes()).rotate_left(17);
        sum ^= self.family.salt();
        sum = (sum ^ (sum >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        sum = (sum ^ (sum >> 29)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        u32::try_from((sum >> 32) % u64::from(of.max(1))).expect("a remainder of a u32")
    }

    /// The domain number `index`.
    pub(super) fn domain(self, index: u32) -> String {
        let mut dice = Dice::new(&format!("{} {index}", self.family.salt()));
        loop {
            let word = self.word(&mut dice);
            let suffix = dice.pick(self.suffixes());
            let domain = format!("{word}.{suffix}");
            // `saga.jp` is a prefecture.
            if psl::domain_str(&domain) == Some(&*domain) {
                return domain;
            }
        }
    }

    /// The first domain from `index` on that is not gone.
    pub(super) fn living(self, index: u32) -> String {
        let mut domains = (index..).map(|index| self.domain(index));
        let living = domains.find(|domain| !self.dead(domain));
        living.expect("most domains are not gone")
    }

    /// A domain below `limit` that is gone, or one that is not.
    pub(super) fn harvested(self, dice: &mut Dice, first: u32, limit: u32, dead: bool) -> String {
        loop {
            let domain = self.domain(first + dice.below(limit));
            if self.dead(&domain) == dead {
                return domain;
            }
        }
    }

    /// Whether a domain is gone, or was never outside (RFC 6762, section 3).
    pub(super) fn dead(self, domain: &str) -> bool {
        domain.rsplit('.').next() == Some("local")
            || !hosts_others(domain) && self.fate(domain, "dead", 100) < 30
    }

    fn word(self, dice: &mut Dice) -> String {
        const SYLLABLES: [&str; 32] = [
            "ka", "ki", "ku", "ko", "sa", "shi", "su", "so", "ta", "chi", "tsu", "to", "na", "ni",
            "no", "ha", "hi", "fu", "ho", "ma", "mi", "mo", "ya", "yu", "yo", "ra", "ri", "ro",
            "wa", "ga", "da", "ba",
        ];
        const FIRST: [&str; 24] = [
            "blue", "north", "green", "silver", "fast", "old", "new", "river", "stone", "hill",
            "bright", "clear", "royal", "grand", "home", "smart", "true", "open", "metro", "urban",
            "prime", "alpine", "coast", "valley",
        ];
        const SECOND: [&str; 24] = [
            "tools",
            "bakery",
            "logistics",
            "garden",
            "systems",
            "motors",
            "clinic",
            "school",
            "press",
            "foods",
            "travel",
            "studio",
            "legal",
            "energy",
            "works",
            "design",
            "sports",
            "bank",
            "hotel",
            "media",
            "paper",
            "farm",
            "cycles",
            "optics",
        ];
        match self.family {
            Family::Reed => (0..dice.between(2, 4))
                .map(|_| *dice.pick(&SYLLABLES))
                .collect(),
            Family::Birch => {
                let letters = (0..dice.between(5, 11)).map(|at| {
                    let these: &[u8] = if at % 2 == 0 {
                        b"bcdfghklmnprstvz"
                    } else {
                        b"aeiou"
                    };
                    char::from(*dice.pick(these))
                });
                letters.collect()
            }
            Family::Cedar => {
                let join = *dice.pick(&["", "-", "-", "and"]);
                format!("{}{join}{}", dice.pick(&FIRST), dice.pick(&SECOND))
                    + *dice.pick(&["", "", "", "24", "group", "online", "-uk", "-eu"])
            }
            Family::Elder => {
                let brand = *dice.pick(&["my", "get", "go", "web", "pro", "uni", "neo", "eco"]);
                let syllables = (0..2).flat_map(|_| {
                    [&b"lmnrvwkt"[..], b"aeiou", b"lnrstxmp"].map(|of| char::from(*dice.pick(of)))
                });
                brand.chars().chain(syllables).collect()
            }
            Family::Dune => {
                let head: String = (0..dice.between(2, 5))
                    .map(|_| char::from(*dice.pick(b"abcdefghijklmnopqrstuvwxyz")))
                    .collect();
                format!("{head}{}", dice.below(9999))
            }
        }
    }

    fn suffixes(self) -> &'static [&'static str] {
        match self.family {
            Family::Reed => &["co.jp", "ac.jp", "jp", "com", "ne.jp", "or.jp", "net"],
            Family::Birch => &["com", "net", "info", "ru", "io", "biz", "pl", "cz"],
            Family::Cedar => &["com", "co.uk", "org", "de", "eu", "nl", "ch", "edu"],
            Family::Elder => &["com", "de", "at", "se", "dk", "fi", "hu", "es", "pt", "be"],
            Family::Dune => &["com.br", "in", "fr", "it", "com.au", "cn", "com", "mx"],
        }
    }

    /// The mail exchangers of a domain, best first; none where its address takes mail.
    pub(super) fn exchangers(self, domain: &str) -> Vec<String> {
        if self.dead(domain) {
            return Vec::new();
        }
        let own = |label: &str| format!("{label}.{domain}");
        let hoster = self.hoster(self.fate(domain, "hoster", 24));
        let elsewhere = |labels: &[&str]| labels.iter().map(|l| format!("{l}.{hoster}")).collect();
        let turn = self.fate(domain, "mx", 20);
        match self.family {
            Family::Reed => match turn {
                0..2 => Vec::new(),
                2..6 => vec![own("mail")],
                6..9 => vec![own("mx1"), own("mx2")],
                9..11 => vec![own("ns"), own("gw")],
                11..13 => vec![own("smtp")],
                13 => vec![own("sakura")],
                _ => elsewhere(&["mx01", "mx02"]),
            },
            Family::Birch => match turn {
                0 => Vec::new(),
                1..4 => vec![own("mx")],
                4..6 => vec![own("mail"), own("relay")],
                6..9 => elsewhere(&["mxs"]),
                _ => elsewhere(&["in1-mx", "in2-mx", "in3-mx"]),
            },
            Family::Cedar => match turn {
                0..2 => Vec::new(),
                2..6 => {
                    let label = domain.replace('.', "-");
                    vec![format!("{label}.mail.protection.{hoster}")]
                }
                6..9 => vec![own("mail"), own("mail2")],
                9..11 => vec![own("exchange")],
                11..13 => vec![own("barracuda"), own("smtp")],
                _ => elsewhere(&["aspmx.l", "alt1.aspmx.l", "alt2.aspmx.l"]),
            },
            Family::Elder => match turn {
                0..2 => Vec::new(),
                2..5 => vec![own("mail")],
                5..8 => vec![own("mx-in")],
                8..11 => vec![own("mx1"), own("mx2"), own("mx3")],
                11..13 => vec![own("post")],
                _ => elsewhere(&["inbound"]),
            },
            Family::Dune => match turn {
                0..3 => Vec::new(),
                3..6 => vec![own("mail")],
                6..8 => vec![own("mx10"), own("mx20")],
                8..10 => vec![own("filter")],
                _ => elsewhere(&["mx1", "mx2"]),
            },
        }
    }

    /// The domain of a company that takes mail for others.
    pub(super) fn hoster(self, number: u32) -> String {
        let name = self.domain(1_000_000 + number).replace('.', "-");
        format!("mail{name}-hosted.net")
    }

    /// A zone that lists addresses of spammers (RFC 5782).
    pub(super) fn block_list(self, number: u32) -> String {
        let zone = self.domain(2_000_000 + number % 4);
        format!(
            "{}.{zone}",
            ["bl", "zen", "dnsbl", "cbl"]
                .get(number as usize % 4)
                .unwrap_or(&"bl")
        )
    }

    /// What a resolver answers.
    pub(super) fn answer(self, name: &str, asked: u16) -> Reply {
        let lower = name.to_ascii_lowercase();
        if let Some(reversed) = lower.strip_suffix(".arpa") {
            return if asked == kind::PTR && self.fate(reversed, "ptr", 100) < 75 {
                let peer = self.domain(self.fate(reversed, "peer", 3000));
                let label = ["mail", "host", "out", "smtp", "srv"];
                let label = label.get(self.fate(reversed, "label", 5) as usize);
                let peer = format!("{}.{peer}", label.unwrap_or(&"mail"));
                records(name, [Data::Ptr(peer)])
            } else {
                self.negative("in-addr.arpa", NXDOMAIN)
            };
        }
        let Some(domain) = psl::domain_str(&lower) else {
            return self.negative("", NXDOMAIN);
        };
        let lists = ["bl.", "zen.", "dnsbl.", "cbl."];
        if lists.iter().any(|list| lower.contains(&format!(".{list}"))) {
            return if self.fate(&lower, "listed", 100) < 20 {
                records(name, [Data::A(Ipv4Addr::new(127, 0, 0, 2))])
            } else {
                self.negative(domain, NXDOMAIN)
            };
        }
        if self.dead(domain) && self.fate(domain, "lame", 100) < 12 {
            return self.negative(domain, SERVFAIL);
        }
        if self.dead(domain) || !self.exists(&lower, domain) {
            return self.negative(domain, NXDOMAIN);
        }
        let at_apex = lower == domain;
        match asked {
            kind::A | kind::ANY if lower.starts_with("www") && self.family == Family::Cedar => {
                let edge = format!("edge{}.{}", self.fate(domain, "cdn", 40), self.hoster(99));
                let mut reply = records(name, [Data::Cname(edge.clone())]);
                reply.answers.push(record(&edge, Data::A(self.v4(&edge))));
                reply
            }
            kind::A | kind::ANY => records(name, [Data::A(self.v4(&lower))]),
            kind::AAAA if self.fate(&lower, "v6", 100) < 40 => {
                records(name, [Data::Aaaa(self.v6(&lower))])
            }
            kind::MX if at_apex => self.mx(name, domain),
            kind::NS if at_apex => {
                records(name, [1, 2].map(|n| Data::Ns(format!("ns{n}.{domain}"))))
            }
            kind::SOA if at_apex => records(name, [Data::Soa(domain.to_owned())]),
            kind::TXT if at_apex => records(name, [Data::Txt("v=spf1 mx -all".to_owned())]),
            kind::TXT if lower.starts_with("_dmarc") => {
                records(name, [Data::Txt("v=DMARC1; p=none".to_owned())])
            }
            kind::SRV if self.fate(&lower, "srv", 100) < 60 => {
                records(name, [Data::Srv(993, format!("imap.{domain}"))])
            }
            _ => self.negative(domain, 0),
        }
    }

    fn mx(self, name: &str, domain: &str) -> Reply {
        let hosts = self.exchangers(domain);
        if hosts.is_empty() {
            return self.negative(domain, 0);
        }
        let ranks = (10..).step_by(10).zip(&hosts);
        let mut reply = records(name, ranks.map(|(rank, host)| Data::Mx(rank, host.clone())));
        // Servers of old send the addresses along; minimal responses are the fashion.
        let glue = match self.family {
            Family::Reed => 70,
            Family::Birch => 0,
            Family::Cedar => 10,
            Family::Dune => 30,
            Family::Elder => 40,
        };
        if self.fate(domain, "glue", 100) < glue {
            for host in &hosts {
                reply.additional.push(record(host, Data::A(self.v4(host))));
            }
        }
        reply
    }

    /// Whether a host is there.
    pub(super) fn has(self, name: &str) -> bool {
        psl::domain_str(name).is_some_and(|domain| !self.dead(domain) && self.exists(name, domain))
    }

    /// Whether a host is there, its domain being alive.
    fn exists(self, name: &str, domain: &str) -> bool {
        let Some(host) = name.strip_suffix(domain).and_then(|h| h.strip_suffix('.')) else {
            return true; // the domain itself
        };
        if host.starts_with('_') || hosts_others(domain) {
            return true;
        }
        if host.contains('.') && host.split('.').count() > 3 {
            return false; // a search suffix on a whole name
        }
        let odds = match host {
            "www" => 97,
            "mail" => 55,
            "smtp" | "imap" | "pop" => 35,
            "mx" | "ns" | "relay" | "gate" | "mx1" | "gw" => 15,
            "mxs" | "mail1" | "autodiscover" | "autoconfig" | "wpad" => 8,
            _ => 80,
        };
        self.fate(name, "host", 100) < odds || self.exchangers(domain).iter().any(|mx| mx == name)
    }

    fn negative(self, zone: &str, flags: u16) -> Reply {
        let mut reply = Reply {
            flags,
            ..Reply::default()
        };
        // Forwarders leave the SOA out.
        let soa = match self.family {
            Family::Reed | Family::Cedar => true,
            Family::Birch => false,
            Family::Dune => self.fate(zone, "soa", 2) == 0,
            Family::Elder => self.fate(zone, "soa", 3) != 0,
        };
        if soa && flags != SERVFAIL {
            reply
                .authority
                .push(record(zone, Data::Soa(zone.to_owned())));
        }
        reply
    }

    /// The address of a name, in 198.18.0.0/15 (RFC 2544): the documentation nets are too
    /// small for thousands of mail servers.
    pub(super) fn v4(self, name: &str) -> Ipv4Addr {
        let number = self.fate(name, "v4", 1 << 17);
        Ipv4Addr::from(0xc612_0000 | number)
    }

    /// The IPv6 address of a name, in a part of `2001:db8::/32` that is not the site's.
    pub(super) fn v6(self, name: &str) -> Ipv6Addr {
        let number = self.fate(name, "v6 address", 1 << 30);
        Ipv6Addr::from((0x2001_0db8_ffff_u128 << 80) | u128::from(number))
    }

    /// The mail server at an address.
    pub(super) fn server(self, address: IpAddr) -> Server {
        let name = address.to_string();
        let turn = |what, of| self.fate(&name, what, of);
        let (greylists, tarpits, starttls, lists) = match self.family {
            Family::Reed => (15, 2, 45, 35),
            Family::Birch => (6, 8, 80, 60),
            Family::Cedar => (10, 3, 92, 75),
            Family::Dune => (20, 5, 60, 50),
            Family::Elder => (12, 4, 75, 55),
        };
        Server {
            mta: self.family.mta(turn("mta", 16)),
            door: match turn("door", 1000) {
                0..25 => Door::Silent,
                25..40 => Door::Shut,
                _ => Door::Open,
            },
            greylists: turn("grey", 100) < greylists,
            slow: if turn("tarpit", 100) < tarpits {
                5000 + turn("slow", 15_000)
            } else {
                5 + turn("slow", 200)
            },
            starttls: turn("starttls", 100) < starttls,
            lists: match turn("lists", 200) {
                part if part >= lists * 2 => None,
                part if part % 2 == 0 => Some(Told::AtConnect),
                _ => Some(Told::AtRecipient),
            },
            distance: 4 + turn("distance", 180),
        }
    }
}

/// Whether a domain is that of a [`World::hoster`], who stays, with all machines.
fn hosts_others(domain: &str) -> bool {
    domain.starts_with("mail") && domain.ends_with("-hosted.net")
}

fn record(owner: &str, data: Data) -> Record {
    Record {
        owner: owner.to_owned(),
        ttl: 3600,
        data,
    }
}

pub(super) fn records(owner: &str, data: impl IntoIterator<Item = Data>) -> Reply {
    let answers = data.into_iter().map(|data| record(owner, data)).collect();
    Reply {
        answers,
        ..Reply::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn domains_are_registrable_and_few_meet() {
        for family in Family::ALL.into_iter().chain([Family::HELD_OUT]) {
            let world = World { family };
            let domains: HashSet<String> = (0..1000).map(|index| world.domain(index)).collect();
            assert!(domains.len() > 550, "{family:?}: {}", domains.len());
            for domain in &domains {
                assert_eq!(psl::domain_str(domain), Some(domain.as_str()));
            }
            let dead = domains.iter().filter(|domain| world.dead(domain)).count();
            assert!(
                (15..45).contains(&(dead * 100 / domains.len())),
                "{family:?}"
            );
        }
    }

    #[test]
    fn the_families_share_no_words() {
        let of = |family| -> HashSet<String> {
            (0..500)
                .map(|index| World { family }.domain(index))
                .collect()
        };
        let [reed, birch, cedar, dune] = Family::ALL.map(of);
        let elder = of(Family::HELD_OUT);
        for (one, other) in [
            (&reed, &birch),
            (&birch, &cedar),
            (&cedar, &dune),
            (&dune, &reed),
            (&elder, &birch),
            (&elder, &dune),
        ] {
            assert!(one.intersection(other).count() < 5);
        }
    }

    #[test]
    fn exchangers_that_an_answer_names_have_addresses() {
        for family in Family::ALL {
            let world = World { family };
            for domain in (0..200).map(|index| world.domain(index)) {
                for host in world.exchangers(&domain) {
                    let answer = world.answer(&host, kind::A);
                    assert!(!answer.answers.is_empty(), "{host}");
                }
            }
        }
    }
}
