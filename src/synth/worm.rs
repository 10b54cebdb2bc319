//! Clients B to E of the study: PCs with mass-mailing worms that bring their own SMTP engine
//! (Figures 2 to 5 and Table 1). They ask for MX, never for PTR, in bursts, for the domains
//! of addresses found on the disk, many of them dead.

use super::dialogue::{Client, Exchange, MICRO, MILLI};
use super::dice::Dice;
use super::message::kind;
use super::names;
use crate::time::Timestamp;
use std::net::Ipv4Addr;

/// The labels that Mydoom puts before a domain whose MX it cannot get (section 3.1's list,
/// which ends in dots).
const GUESSES: [&str; 9] = [
    "mx", "mail", "smtp", "mx1", "mxs", "mail1", "relay", "ns", "gate",
];

/// One infected PC on one day.
struct Outbreak {
    name: &'static str,
    client: Ipv4Addr,
    /// Midnight UTC of its day.
    day: i64,
    /// Seconds of the day between which the worm runs.
    from: u32,
    to: u32,
    /// Table 1; for client E the text of section 3.1.
    mx: u32,
    a: u32,
    /// Distinct domains on the disk.
    harvest: u32,
    /// How many of a thousand lookups meet a domain without exchangers.
    failing: u32,
    /// Whether it guesses hosts then.
    guesses: bool,
    /// Whether the resolver sent addresses along with the MX, so that few A are asked.
    glue: bool,
    /// Deliveries in a burst, at most.
    burst: u32,
}

/// W32/Sobig.F.
pub(super) fn study_client_b() -> Vec<Exchange> {
    Outbreak {
        name: "study-client-b",
        client: Ipv4Addr::new(192, 0, 2, 2),
        day: 1_061_251_200, // 2003-08-19
        from: 4 * 3600,
        to: 9 * 3600,
        mx: 190,
        a: 36,
        harvest: 110,
        failing: 300,
        guesses: false,
        glue: true,
        burst: 14,
    }
    .exchanges()
}

/// W32/Mydoom.A.
pub(super) fn study_client_c() -> Vec<Exchange> {
    Outbreak {
        name: "study-client-c",
        client: Ipv4Addr::new(192, 0, 2, 3),
        day: 1_075_248_000, // 2004-01-28
        from: 1800,
        to: 11 * 3600,
        mx: 807,
        a: 4823,
        harvest: 420,
        failing: 600,
        guesses: true,
        glue: false,
        burst: 40,
    }
    .exchanges()
}

/// W32/Netsky.Q, which asks for the MX again for every address.
pub(super) fn study_client_d() -> Vec<Exchange> {
    Outbreak {
        name: "study-client-d",
        client: Ipv4Addr::new(192, 0, 2, 4),
        day: 1_080_518_400, // 2004-03-29
        from: 900,
        to: 14 * 3600,
        mx: 17_346,
        a: 1115,
        harvest: 800,
        failing: 350,
        guesses: false,
        glue: true,
        burst: 700,
    }
    .exchanges()
}

/// W32/Mydoom.S: its ratio of MX to A is the mail server's.
pub(super) fn study_client_e() -> Vec<Exchange> {
    Outbreak {
        name: "study-client-e",
        client: Ipv4Addr::new(192, 0, 2, 5),
        day: 1_092_614_400, // 2004-08-16
        from: 3600,
        to: 9 * 3600,
        mx: 351,
        a: 947,
        harvest: 260,
        failing: 180,
        guesses: true,
        glue: false,
        burst: 25,
    }
    .exchanges()
}

impl Outbreak {
    fn exchanges(&self) -> Vec<Exchange> {
        let mut dice = Dice::new(self.name);
        let mut client = Client::new(self.client);
        let deliveries = self.deliveries(&mut dice);
        for (at, (domain, hosts)) in self.moments(&mut dice).into_iter().zip(deliveries) {
            let mut reply = names::answer(&domain, kind::MX);
            if self.glue {
                reply = reply.with_glue();
            }
            let mut now = client.hear(at, &domain, kind::MX, reply);
            for host in hosts {
                now = now.plus_nanos(i64::from(dice.between(1, 30)) * MILLI);
                now = client.ask(now, &host, kind::A);
            }
        }
        client.log
    }

    /// Domains with the hosts asked after the MX, in number those of Table 1.
    fn deliveries(&self, dice: &mut Dice) -> Vec<(String, Vec<String>)> {
        let mut deliveries: Vec<(String, Vec<String>)> = (0..self.mx)
            .map(|_| {
                let fails = dice.chance(self.failing);
                let domain = self.harvested(dice, fails);
                let hosts = if fails && self.guesses {
                    guess(&domain)
                } else if self.glue {
                    Vec::new()
                } else {
                    names::exchangers(&domain).into_iter().take(2).collect()
                };
                (domain, hosts)
            })
            .collect();
        self.fit(&mut deliveries, dice);
        deliveries
    }

    /// A domain whose MX lookup fails or does not, as wanted.
    fn harvested(&self, dice: &mut Dice, fails: bool) -> String {
        loop {
            // Each worm has its own part of the domains, with some overlap.
            let first = u32::from(self.client.octets()[3]) * 150;
            let domain = names::domain(first + dice.popular(self.harvest));
            if names::exchangers(&domain).is_empty() == fails {
                return domain;
            }
        }
    }

    /// Brings the A queries to the study's number: a further address of a domain asks for its
    /// first host again, and a guess may be left out after a first delivery worked.
    fn fit(&self, deliveries: &mut [(String, Vec<String>)], dice: &mut Dice) {
        let wanted = self.a as usize;
        let mut now: usize = deliveries.iter().map(|(_, hosts)| hosts.len()).sum();
        while now != wanted {
            let place = dice.index(deliveries.len());
            let (domain, hosts) = deliveries.get_mut(place).expect("an index of it");
            if now > wanted && hosts.len() > 1 {
                hosts.pop();
                now -= 1;
            } else if now < wanted && hosts.len() < GUESSES.len() {
                let exchangers = names::exchangers(domain);
                let host = hosts
                    .first()
                    .or(exchangers.first())
                    .unwrap_or(domain)
                    .clone();
                hosts.push(host);
                now += 1;
            }
        }
    }

    /// When deliveries begin: bursts with short gaps, and the rest of the time shared out to
    /// the pauses between bursts.
    fn moments(&self, dice: &mut Dice) -> Vec<Timestamp> {
        let mut gaps: Vec<(bool, i64)> = Vec::new();
        let mut left = 0;
        for _ in 0..self.mx {
            if left == 0 {
                left = dice.between(1, self.burst);
                let weight = i64::from(dice.between(1, 40));
                gaps.push((true, weight * weight));
            } else {
                gaps.push((false, i64::from(dice.between(4, 400)) * MILLI));
            }
            left -= 1;
        }
        let busy: i64 = gaps.iter().filter(|gap| !gap.0).map(|gap| gap.1).sum();
        let weights: i64 = gaps.iter().filter(|gap| gap.0).map(|gap| gap.1).sum();
        let span = i64::from(self.to - self.from) * crate::time::NANOS;
        let unit = (span - busy) / weights / MICRO * MICRO;
        assert!(unit > 0, "{}: its bursts fill its hours", self.name);
        let mut now = Timestamp::from_parts(self.day + i64::from(self.from), 0);
        gaps.iter()
            .map(|(pause, size)| {
                now = now.plus_nanos(if *pause { size * unit } else { *size });
                now
            })
            .collect()
    }
}

/// All guesses for a dead domain, for a live one up to the first that is there.
fn guess(domain: &str) -> Vec<String> {
    let mut hosts = Vec::new();
    for label in GUESSES {
        let host = format!("{label}.{domain}");
        let found = !names::answer(&host, kind::A).answers.is_empty();
        hosts.push(host);
        if found {
            break;
        }
    }
    hosts
}
