//! The invented part of the Internet: domains that nobody has registered, and what the DNS
//! says about each. A name's answer depends on the name alone, so a recipe that asks twice
//! hears the same twice, and two recipes agree.
//!
//! Registrable domains all end in `-mxray` before a real public suffix, so that a
//! public-suffix list splits them as it would split real ones.

use super::dice::{fate, hash};
use super::message::{Data, NXDOMAIN, Record, Reply, kind};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Two words for most letters: a label of two or three letters lets the domain's first
/// letter into Figure 7's columns, where no letter may stand out.
const WORDS: [&str; 44] = [
    "aoba", "botan", "chidori", "daichi", "enoki", "fuyu", "ginkgo", "haru", "ibuki", "kaede",
    "jomon", "lapis", "mikan", "nazuna", "otome", "poplar", "quartz", "rindo", "sakaki", "tsubaki",
    "ume", "violet", "wakaba", "xylo", "yamabuki", "zakuro", "akane", "basho", "cosmo", "densha",
    "fuji", "hibiki", "izumi", "kiri", "jasmine", "lotus", "momo", "nagare", "omoto", "rikka",
    "suzu", "tachi", "utsugi", "yuzu",
];

/// Public suffixes, the campus's neighbours first.
const SUFFIXES: [&str; 16] = [
    "co.jp", "ac.jp", "com", "co.jp", "ne.jp", "net", "or.jp", "co.jp", "com", "go.jp", "org",
    "edu", "co.uk", "de", "com.tw", "co.kr",
];

/// The campus of the study.
pub(super) const CAMPUS: &str = "campus-mxray.ac.jp";

/// The invented domain number `index`.
pub(super) fn domain(index: u32) -> String {
    let place = index as usize;
    let word = WORDS.get(place % WORDS.len()).expect("a remainder");
    let suffix = SUFFIXES
        .get((place / WORDS.len() + place * 7) % SUFFIXES.len())
        .expect("a remainder");
    format!("{word}{index:04}-mxray.{suffix}")
}

/// The registrable domain that `name` is under; the last one, where a search suffix was
/// added to a name that was whole already.
fn domain_of(name: &str) -> Option<&str> {
    let mut found = None;
    let mut rest = name;
    while let Some((label, tail)) = rest.split_once('.') {
        if label.ends_with("-mxray") {
            found = Some(rest);
        }
        rest = tail;
    }
    found
}

/// Whether a domain is gone: addresses that a worm finds on disks are old.
pub(super) fn dead(domain: &str) -> bool {
    !domain.starts_with("hosting") && domain != CAMPUS && fate(domain, 100) < 25
}

/// The mail exchangers of a domain in order of preference; none for one domain in five.
pub(super) fn exchangers(domain: &str) -> Vec<String> {
    if dead(domain) {
        return Vec::new();
    }
    let number = fate(domain, 7) + 1;
    let own = |label: &str| format!("{label}.{domain}");
    match hash(domain) / 128 % 20 {
        0..4 => Vec::new(),
        4..8 => vec![own("mail")],
        8 => vec![own("mx")],
        9..12 => vec![own("mx1"), own("mx2")],
        12 => vec![own("mail"), own("ns")],
        13 => vec![own("smtp"), own("relay")],
        14 => vec![own("gw"), own("mail2")],
        // A machine with a name of its own, as most universities had.
        15 => vec![own("asagao"), format!("backup.hosting{number}-mxray.net")],
        16 => vec![own("inbound"), own("barracuda")],
        _ => (1..=3)
            .map(|host| format!("mx{host}.hosting{number}-mxray.net"))
            .collect(),
    }
}

/// What a resolver answers.
pub(super) fn answer(name: &str, asked: u16) -> Reply {
    let lower = name.to_ascii_lowercase();
    if let Some(reversed) = lower.strip_suffix(".in-addr.arpa") {
        return if asked == kind::PTR && fate(reversed, 100) >= 15 {
            records(name, [Data::Ptr(peer(reversed))])
        } else {
            negative("in-addr.arpa", NXDOMAIN)
        };
    }
    let Some(domain) = domain_of(&lower) else {
        return negative("", NXDOMAIN);
    };
    if dead(domain) || !exists(&lower, domain) {
        // Many resolvers leave out the SOA; most do so here, to keep the captures small.
        return if fate(&lower, 5) != 0 {
            Reply {
                flags: NXDOMAIN,
                ..Reply::default()
            }
        } else {
            negative(domain, NXDOMAIN)
        };
    }
    let at_apex = lower == domain;
    match asked {
        kind::A if fate(&lower, 9) == 0 && lower.starts_with("www") => {
            records(name, [Data::Cname(format!("web.{domain}"))])
                .and(&format!("web.{domain}"), Data::A(v4(&lower)))
        }
        kind::A | kind::ANY => records(name, [Data::A(v4(&lower))]),
        kind::AAAA if fate(&lower, 3) == 0 => records(name, [Data::Aaaa(v6(&lower))]),
        kind::MX if at_apex => {
            let hosts = exchangers(domain).into_iter().zip((10..).step_by(10));
            records(
                name,
                hosts.map(|(host, preference)| Data::Mx(preference, host)),
            )
        }
        kind::NS if at_apex => records(name, [1, 2].map(|n| Data::Ns(format!("ns{n}.{domain}")))),
        kind::SOA if at_apex => records(name, [Data::Soa(domain.to_owned())]),
        kind::TXT if at_apex => records(name, [Data::Txt("v=spf1 mx -all".to_owned())]),
        kind::SRV => records(name, [Data::Srv(993, format!("imap.{domain}"))]),
        _ => negative(domain, 0),
    }
}

/// The name of a machine that delivers mail to the campus, by its reversed address.
pub(super) fn peer(reversed: &str) -> String {
    let number = u32::from(fate(reversed, 200));
    let label = ["mail", "gw", "mx1", "sakura", "smtp", "relay", "out1"]
        .get(usize::from(fate(reversed, 7)))
        .expect("a remainder");
    format!("{label}.{}", domain(number))
}

/// Whether a host is there, its domain being alive.
fn exists(name: &str, domain: &str) -> bool {
    let Some(host) = name.strip_suffix(domain).and_then(|h| h.strip_suffix('.')) else {
        return true; // the domain itself
    };
    if host.contains("-mxray") {
        return false; // a search suffix on a whole name
    }
    if domain == CAMPUS || domain.starts_with("hosting") || host == "www" {
        return true;
    }
    if exchangers(domain).iter().any(|exchanger| exchanger == name) {
        return true;
    }
    let odds = match host {
        "mail" => 60,
        "ns" | "smtp" | "pop" => 40,
        "mx" | "mx1" | "relay" | "gate" => 20,
        "mxs" | "mail1" | "autodiscover" | "autoconfig" | "wpad" => 5,
        _ => 70,
    };
    fate(name, 100) < odds
}

fn records(owner: &str, data: impl IntoIterator<Item = Data>) -> Reply {
    let ttl = 3600;
    let owner = owner.to_owned();
    let answers: Vec<Record> = data
        .into_iter()
        .map(|data| Record {
            owner: owner.clone(),
            ttl,
            data,
        })
        .collect();
    Reply {
        answers,
        ..Reply::default()
    }
}

fn negative(zone: &str, flags: u16) -> Reply {
    let data = Data::Soa(zone.to_owned());
    let authority = vec![Record {
        owner: zone.to_owned(),
        ttl: 3600,
        data,
    }];
    Reply {
        flags,
        authority,
        ..Reply::default()
    }
}

impl Reply {
    fn and(mut self, owner: &str, data: Data) -> Self {
        self.answers.push(Record {
            owner: owner.to_owned(),
            ttl: 300,
            data,
        });
        self
    }

    /// With the address of the first exchanger, as servers of the time sent it along.
    pub(super) fn with_glue(mut self) -> Self {
        let first = self.answers.iter().find_map(|record| match &record.data {
            Data::Mx(_, host) if !host.is_empty() => Some(host.clone()),
            _ => None,
        });
        if let Some(owner) = first {
            let (ttl, data) = (3600, Data::A(v4(&owner)));
            self.additional.push(Record { owner, ttl, data });
        }
        self
    }
}

fn v4(name: &str) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, fate(name, 199) + 1)
}

fn v6(name: &str) -> Ipv6Addr {
    Ipv6Addr::new(
        0x2001,
        0xdb8,
        0x113,
        0,
        0,
        0,
        0,
        u16::from(fate(name, 250)) + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn domains_are_distinct_registrable_ones() {
        let domains: HashSet<String> = (0..2000).map(domain).collect();
        assert_eq!(domains.len(), 2000);
        for name in &domains {
            assert_eq!(
                psl::domain_str(&format!("mail.{name}")),
                Some(name.as_str())
            );
            assert_eq!(domain_of(&format!("mail.{name}")), Some(name.as_str()));
        }
        let dead = domains.iter().filter(|name| dead(name)).count();
        assert!((400..600).contains(&dead), "{dead} of 2000 dead");
    }

    #[test]
    fn exchangers_that_an_answer_names_have_addresses() {
        for name in (0..200).map(domain) {
            for host in exchangers(&name) {
                assert!(!answer(&host, kind::A).answers.is_empty(), "{host}");
            }
        }
    }

    #[test]
    fn a_search_suffix_on_a_whole_name_is_not_found() {
        let name = format!("www.{}.{CAMPUS}", domain(1));
        assert_eq!(answer(&name, kind::A).flags, NXDOMAIN);
    }
}
