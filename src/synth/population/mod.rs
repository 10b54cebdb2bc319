//! Labelled hosts for the evaluation (docs/EVALUATION.md): a day of packets of each, with
//! what it is and when it began to be that.
//!
//! A [`Row`] is a kind of host; a [`Family`] is a world that it lives in, with its own words,
//! laws of time, resolver, mail servers and manners of bots. Everything that could be a
//! constant of the generator is drawn for each host from a range, so that a rule which fits
//! hosts of three families can be tried on the fourth. A [`View`] is what a sensor sees of it.
//!
//! Inside is 10.0.0.0/8 and `2001:db8:a::/48`; outside is 198.18.0.0/15 (RFC 2544), since the
//! documentation nets hold too few mail servers.

mod bots;
mod careless;
mod delivery;
mod everyday;
mod floods;
mod guests;
mod host;
mod infrastructure;
mod lease;
mod mailers;
mod mta;
mod probers;
mod rates;
mod relays;
mod seeds;
mod senders;
mod submission;
mod traces;
mod view;
mod world;

pub use view::View;

use crate::time::Timestamp;
use crate::verdict::Class;
use host::Host;
use mta::Mta;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use world::World;

/// The nets that are inside, as `--home` takes them.
pub const HOME: [&str; 2] = ["10.0.0.0/8", "2001:db8:a::/48"];

/// A world of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Japanese syllables, Poisson times, glue, Postfix and Sendmail, old-fashioned bots.
    Reed,
    /// Made-up words, bursts, minimal answers, Exchange and providers, hasty bots.
    Birch,
    /// English compounds, heavy tails, aliases, Exim and qmail, well-mannered bots.
    Cedar,
    /// Letters and numbers, steady times, forwarders, appliances and Postfix, mixed bots.
    Dune,
    /// Made-up brands, short bursts, a mix of all servers, bots of desktops: by which nothing is
    /// chosen.
    Elder,
}

impl Family {
    /// One that was looked at when nothing was chosen any more, and never before.
    pub const HELD_OUT: Self = Self::Elder;

    /// All but that.
    pub const ALL: [Self; 4] = [Self::Reed, Self::Birch, Self::Cedar, Self::Dune];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reed => "reed",
            Self::Birch => "birch",
            Self::Cedar => "cedar",
            Self::Dune => "dune",
            Self::Elder => "elder",
        }
    }

    /// The site's resolver.
    fn resolver(self) -> IpAddr {
        Ipv4Addr::new(10, self.number(), 0, 53).into()
    }

    /// The site's mail server.
    fn relay(self) -> IpAddr {
        Ipv4Addr::new(10, self.number(), 0, 25).into()
    }

    fn salt(self) -> u64 {
        super::dice::digest(self.name().as_bytes())
    }

    fn number(self) -> u8 {
        match self {
            Self::Reed => 1,
            Self::Birch => 2,
            Self::Cedar => 3,
            Self::Dune => 4,
            Self::Elder => 5,
        }
    }

    /// Who wrote the mail server number `turn` of 16.
    fn mta(self, turn: u32) -> Mta {
        match (self, turn) {
            (Self::Reed, 0..8) | (Self::Dune, 12..) | (Self::Elder, 5..9) => Mta::Postfix,
            (Self::Reed, 8..13) => Mta::Sendmail,
            (Self::Reed, _) | (Self::Birch, 14..) => Mta::Qmail,
            (Self::Birch, 0..7) | (Self::Elder, 0..5) => Mta::Exchange,
            (Self::Birch, _) | (Self::Cedar | Self::Elder, 14..) => Mta::Provider,
            (Self::Cedar, 0..10) | (Self::Elder, 9..12) => Mta::Exim,
            (Self::Cedar, _) => Mta::Sendmail,
            (Self::Dune | Self::Elder, _) => Mta::Appliance,
        }
    }
}

/// What a host is in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// Sends spam, or floods.
    Bot,
    /// An ordinary host.
    Ordinary,
    /// An honest host that looks like a bot in some way.
    Hard,
}

/// A kind of host.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What it is called in tables.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// What it is in truth.
    pub truth: Truth,
    /// The classes that are right for it; the first is the best.
    pub classes: &'static [Class],
    build: fn(&mut Host, u32),
}

/// All rows.
#[must_use]
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// A frame of Ethernet.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When it was on the wire.
    pub time: Timestamp,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// A host's place in its site, which gives its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub u16);

impl Place {
    fn octets(self) -> [u8; 2] {
        let number = |part: u16| u8::try_from(part).expect("under 251");
        [number(1 + self.0 / 250), number(1 + self.0 % 250)]
    }

    fn v4(self, family: Family) -> IpAddr {
        let [net, host] = self.octets();
        Ipv4Addr::new(10, family.number(), net, host).into()
    }

    fn v6(self, family: Family) -> IpAddr {
        let site = u16::from(family.number());
        Ipv6Addr::new(0x2001, 0xdb8, 0xa, site, 0, 0, 1, self.0).into()
    }

    fn mac(self) -> [u8; 6] {
        let [net, host] = self.octets();
        [0x02, 0x20, 0, 0, net, host]
    }
}

/// Where the thing shows that a host is judged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shows {
    /// In its DNS queries.
    pub dns: bool,
    /// In its mail connections.
    pub smtp: bool,
}

/// A day of a host.
#[derive(Debug)]
pub struct Sample {
    /// Its kind.
    pub row: &'static Row,
    /// Its world.
    pub family: Family,
    /// Which form of its kind, where there are several.
    pub form: String,
    /// Where the thing shows that it is judged for.
    pub shows: Shows,
    /// Whether a person uses it besides what it is judged for.
    pub mixed: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// When what it is judged for began.
    pub onset: Option<Timestamp>,
    /// When it turned to which recipient domain.
    pub recipients: Vec<(Timestamp, String)>,
    /// What it sent and heard, in order of time.
    pub frames: Vec<Frame>,
}

/// Makes the host number `index` of a row.
#[must_use]
pub fn sample(row: &'static Row, family: Family, seed: &str, index: u32, place: Place) -> Sample {
    let name = format!("{seed} {} {} {index}", family.name(), row.name);
    let mut host = Host::new(World { family }, place, &name);
    (row.build)(&mut host, index);
    host.frames.sort_by_key(|frame| frame.time);
    host.recipients.sort();
    Sample {
        row,
        family,
        form: host.form,
        shows: host.shows,
        mixed: host.mixed,
        addresses: host.addresses,
        onset: host.onset,
        recipients: host.recipients,
        frames: host.frames,
    }
}

macro_rules! rows {
    ($($name:literal, $truth:ident, [$($class:ident),*], $build:expr, $summary:literal;)*) => {
        [$(Row {
            name: $name,
            summary: $summary,
            truth: Truth::$truth,
            classes: &[$(Class::$class),*],
            build: $build,
        }),*]
    };
}

static ROWS: [Row; 63] = rows! {
    "client-a", Hard, [Ordinary], seeds::client_a,
        "the study's mail server, 2922 MX, 6675 A, 139 PTR";
    "client-b", Bot, [Gen2Mx], seeds::client_b, "Sobig.F, 190 MX, 36 A";
    "client-c", Bot, [Gen2Mx, Hybrid], seeds::client_c, "Mydoom.A, 807 MX, 4823 A";
    "client-d", Bot, [Gen2Mx], seeds::client_d, "Netsky.Q, 17,346 MX, 1115 A";
    "client-e", Bot, [Gen2Mx, Hybrid], seeds::client_e, "Mydoom.S, 351 MX, 947 A";
    "client-f", Bot, [Gen3A], seeds::client_f, "Mytob.A, 16,521 A";
    "gen1-relay", Bot, [Gen1Relay], relays::gen1_relay, "mails in bulk through the site's server";
    "gen2-mx", Bot, [Gen2Mx], bots::gen2, "asks MX, delivers itself";
    "gen3-a", Bot, [Gen3A], bots::gen3, "guesses mail hosts, delivers itself";
    "hybrid", Bot, [Hybrid, Gen2Mx, Gen3A], bots::hybrid, "asks MX, guesses where there is none";
    "spam-fanout", Bot, [SpamFanout], bots::fanout, "its DNS is hidden (DoH)";
    "own-resolver", Bot, [SpamFanout, Gen2Mx], bots::own_resolver, "asks a resolver of its own outside";
    "submission-abuse", Bot, [SubmissionAbuse], submission::abuse, "stolen passwords at many providers";
    "hijacked-relay", Bot, [HijackedRelay], relays::hijacked_relay, "a PC that takes and sends mail on 25";
    "hijacked-server", Bot, [HijackedServer, SpamFanout, Gen2Mx], senders::hijacked, "a mail server with a stolen account";
    "phorpiex", Bot, [SpamFanout, Gen2Mx, Hybrid], bots::phorpiex, "30,000 mails an hour";
    "slow-bot", Bot, [Gen2Mx, SpamFanout, Hybrid], bots::slow, "a mail in ten minutes";
    "bot-behind-nat", Bot, [Gen2Mx, SpamFanout, Hybrid], bots::behind_nat, "one address with 50 users, one infected";
    "ipv6-bot", Bot, [Gen2Mx, SpamFanout], bots::over_v6, "all over IPv6";
    "dhcp-bot", Bot, [Gen2Mx, Hybrid], bots::moving, "its address changes meanwhile";
    "op25b-bot", Bot, [Gen2Mx, SpamFanout, Hybrid, Op25bViolation], bots::shut_in, "port 25 is shut: its SYNs are not answered";
    "ptr-flood", Bot, [PtrFlood], floods::ptr, "a flood of PTR queries";
    "a-flood", Bot, [AFlood], floods::a, "a flood of A queries for random names";
    "idle-mail-client", Hard, [Ordinary], mailers::idle, "polls one name of a mail host all day (R² = 1)";
    "autodiscover", Hard, [Ordinary], mailers::autodiscover, "a mail program guesses hosts of one to three domains";
    "mail-client", Hard, [Ordinary], mailers::client, "polls and submits at one to three providers";
    "printer", Hard, [Ordinary], mailers::printer, "scan to mail";
    "monitor", Hard, [Ordinary], probers::monitor, "looks after 30 mail hosts";
    "crawler", Hard, [Ordinary], probers::crawler, "studies the mail hosts of many domains, by DNS only";
    "web-crawler", Hard, [Ordinary], probers::web_crawler, "addresses of many web servers";
    "list-validator", Hard, [Ordinary], probers::validator, "MX of every domain of a list, once each";
    "list-validator-naive", Hard, [Ordinary], probers::naive_validator, "MX and A for every address of a list";
    "rcpt-prober", Hard, [Ordinary], probers::rcpt_prober, "asks servers whether mailboxes exist, sends nothing";
    "banner-scanner", Hard, [Ordinary], probers::banner_scanner, "connects to 25 of hosts that it did not look up";
    "dig-mx", Hard, [Ordinary], probers::by_hand, "dig mx by hand";
    "dnsbl-gateway", Hard, [Ordinary], senders::gateway, "filters mail, asks block lists";
    "newsletter", Hard, [Ordinary], senders::newsletter, "a newsletter to a list with some rotten addresses";
    "newsletter-listed", Hard, [Ordinary], senders::listed_newsletter, "the same, on a block list";
    "small-mail-server", Hard, [Ordinary], senders::small, "a mail server of ten people";
    "send-only-server", Hard, [Ordinary], senders::send_only, "notices of an application, straight to their receivers";
    "reporting-server", Hard, [Ordinary], senders::reporting, "a mail server that sends hundreds of domains its daily reports";
    "list-server", Hard, [Ordinary], careless::list_server, "hands on what others write, in their names";
    "careless-sender", Hard, [Ordinary], careless::careless, "an application's notices, as localhost or a bare address";
    "mail-behind-nat", Hard, [Ordinary], careless::behind_nat, "a small mail server and 50 users behind one address";
    "university-mail", Hard, [Ordinary], senders::university, "a mail server of thousands";
    "resolver", Hard, [Ordinary], infrastructure::resolver, "asks authoritative servers for others";
    "forwarder", Hard, [Ordinary], infrastructure::forwarder, "hands others' questions on to a resolver";
    "nat-50", Hard, [Ordinary], infrastructure::nat, "one address with 50 users";
    "office", Ordinary, [Ordinary], everyday::office, "pages, mail";
    "developer", Ordinary, [Ordinary], everyday::developer, "pages, interfaces, lookups by hand";
    "gamer", Ordinary, [Ordinary], everyday::gamer, "games in the evening";
    "phone", Ordinary, [Ordinary], everyday::phone, "a few names all day";
    "mail-reader", Ordinary, [Ordinary], everyday::mail_reader, "a mail program and pages";
    "mac", Ordinary, [Ordinary], everyday::mac, "pages, and PTR for DNS-SD";
    "search-suffix", Ordinary, [Ordinary], everyday::search_suffix, "every name again with the site's suffix";
    "container-node", Ordinary, [Ordinary], everyday::containers, "every name with three suffixes of the cluster first";
    "office-printer", Ordinary, [Ordinary], everyday::printer, "time, firmware, scan to mail";
    "iot", Ordinary, [Ordinary], everyday::iot, "one to four names at a beat";
    "script-host", Ordinary, [Ordinary], everyday::script, "reports by mail through the site's server";
    "idle", Ordinary, [Ordinary], everyday::idle, "on, and nobody there";
    "tablet", Ordinary, [Ordinary], everyday::tablet, "video and pages in bursts";
    "guest", Ordinary, [Ordinary], guests::guest, "somebody else's laptop, its company's suffix and mail";
    "kiosk", Ordinary, [Ordinary], guests::kiosk, "the same few pages all day";
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_row_makes_a_host() {
        let names: HashSet<_> = rows().iter().map(|row| row.name).collect();
        assert_eq!(names.len(), rows().len());
        for (row, family) in rows().iter().zip(Family::ALL.into_iter().cycle()) {
            let made = sample(row, family, "test", 1, Place(7));
            let name = row.name;
            assert!(!made.frames.is_empty(), "{name}");
            assert!(made.frames.is_sorted_by_key(|frame| frame.time), "{name}");
            assert_eq!(made.onset.is_some(), row.truth == Truth::Bot, "{name}");
        }
    }

    #[test]
    fn port_25_is_cut_but_that_of_the_site_s_server() {
        let made = |name| {
            let row = rows().iter().find(|row| row.name == name).unwrap();
            sample(row, Family::Reed, "test", 1, Place(7)).frames
        };
        let smtp = |frames: &[Frame]| {
            let port = |octets: &[u8]| octets[23] == 6 && octets[34..38].contains(&25);
            frames.iter().filter(|frame| port(&frame.octets)).count()
        };
        let all = made("university-mail");
        let seen = View::Cut.of(all.clone(), "test");
        assert!(smtp(&all) > 0 && seen.len() < all.len());
        assert_eq!(smtp(&seen), 0);
        let all = made("script-host");
        let seen = View::Cut.of(all.clone(), "test");
        assert!(smtp(&all) > 0);
        assert_eq!(smtp(&seen), smtp(&all));
    }

    #[test]
    fn bots_of_ipv6_speak_nothing_else() {
        let row = rows().iter().find(|row| row.name == "ipv6-bot").unwrap();
        for index in 0..4 {
            let made = sample(row, Family::Dune, "test", index, Place(7));
            assert!(
                made.frames
                    .iter()
                    .all(|frame| frame.octets[12..14] == [0x86, 0xdd])
            );
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_host() {
        let row = rows().iter().find(|row| row.name == "hybrid").unwrap();
        let octets = |seed| -> Vec<_> {
            let made = sample(row, Family::Cedar, seed, 3, Place(7));
            made.frames
                .into_iter()
                .map(|frame| (frame.time, frame.octets))
                .collect()
        };
        assert_eq!(octets("one"), octets("one"));
        assert_ne!(octets("one"), octets("two"));
    }
}
