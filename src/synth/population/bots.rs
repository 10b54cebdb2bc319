//! Spam bots with a mail engine of their own: how they find servers, at what rate, and how
//! they speak.

use super::super::message::kind::{A, AAAA, MX};
use super::Family;
use super::delivery::{Dialect, End, Letter};
use super::host::{Host, exchangers, glue, seconds};
use super::rates::{HOUR, Law, MINUTE};
use crate::time::Timestamp;
use std::net::{IpAddr, Ipv4Addr};

/// How a bot finds the server of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Find {
    /// MX, then the addresses.
    Exchangers,
    /// Addresses of guessed mail hosts.
    Guesses,
    /// Guesses where MX fails.
    Both,
    /// By a way that is not seen.
    Hidden,
}

/// A spam campaign of one bot.
#[derive(Clone, Debug)]
struct Campaign {
    find: Find,
    law: Law,
    mails: u32,
    /// Milliseconds of the day.
    from: u32,
    to: u32,
    /// Of a thousand recipients: in a domain that is gone, in a mailbox that is gone.
    dead: u32,
    unknown: u32,
    /// First and number of the domains on its list.
    list: (u32, u32),
    /// Letters to one server at once.
    together: u32,
    /// Port 25 is shut.
    shut: bool,
    guesses: Vec<&'static str>,
    dialect: Dialect,
}

impl Campaign {
    /// Drawn from the ranges of the family.
    fn new(host: &mut Host, find: Find) -> Self {
        let dice = &mut host.dice;
        let law = match (host.world.family, dice.below(3)) {
            (Family::Reed | Family::Dune, 0) => Law::Even,
            (Family::Reed | Family::Dune, _) => Law::Poisson,
            (Family::Birch, _) => Law::Bursts(dice.between(4, 60)),
            (Family::Elder, 1..) => Law::Bursts(dice.between(2, 12)),
            (Family::Cedar | Family::Elder, 0) => Law::Diurnal,
            (Family::Cedar, _) => Law::HeavyTail,
        };
        let hours = dice.between(1, 8);
        let from = dice.between(0, 15 * 60) * MINUTE;
        let mut guesses = vec![
            "mail", "smtp", "mx", "mx1", "relay", "mail1", "gate", "ns", "mxs", "mx01", "smtp2",
            "mailhost", "email",
        ];
        dice.shuffle(&mut guesses);
        guesses.truncate(dice.between(3, 9) as usize);
        if !guesses
            .iter()
            .any(|label| matches!(*label, "mail" | "smtp" | "mx"))
        {
            guesses.push("mail");
        }
        Self {
            find,
            law,
            mails: dice.between(60, 220),
            from,
            to: from + hours * HOUR,
            dead: dice.between(80, 450),
            unknown: dice.between(100, 500),
            list: (dice.below(3000), dice.between(150, 3000)),
            together: dice.between(1, 3),
            shut: false,
            guesses,
            dialect: manners(host),
        }
    }

    fn run(&self, host: &mut Host) {
        host.shows.dns &= self.find != Find::Hidden;
        for at in host.moments(self.law, self.mails, self.from, self.to) {
            self.mail(host, at);
        }
    }

    fn mail(&self, host: &mut Host, at: Timestamp) {
        let dead = host.dice.chance(self.dead);
        let (first, size) = self.list;
        let domain = host.world.harvested(&mut host.dice, first, size, dead);
        host.turn_to(at, &domain);
        let (now, servers) = self.find(host, at, &domain);
        let unknown = host.dice.chance(self.unknown);
        let names = ["info", "sales", "m.sato", "jsmith", "contact"];
        let count = host.dice.between(1, self.together) as usize;
        let recipients = names
            .iter()
            .take(count)
            .map(|name| format!("{name}@{domain}"));
        let letter = Letter {
            recipients: recipients.collect(),
            unknown,
            probe: false,
        };
        let mut now = now.plus_nanos(host.pause(1, 60));
        for server in servers.into_iter().take(2) {
            if self.shut {
                host.knock(now, server, 25);
                break;
            }
            let (then, end) = host.deliver(now, server, &self.dialect, &letter);
            if end == End::PutOff && self.dialect.impatient {
                let again = seconds(then, i64::from(host.dice.between(1, 40)));
                host.deliver(again, server, &self.dialect, &letter);
            }
            if !matches!(end, End::Silent | End::Refused) {
                break;
            }
            now = then.plus_nanos(host.pause(10, 500));
        }
    }

    fn find(&self, host: &mut Host, at: Timestamp, domain: &str) -> (Timestamp, Vec<IpAddr>) {
        let v6 = host.address.is_ipv6();
        match self.find {
            Find::Hidden => {
                let mut names = host.world.exchangers(domain);
                if names.is_empty() && !host.world.dead(domain) {
                    names.push(domain.to_owned());
                }
                let servers = names.iter().map(|name| host.outside(name)).collect();
                (at, servers)
            }
            Find::Guesses => self.guess(host, at, domain),
            Find::Exchangers | Find::Both => {
                let (mut now, reply) = host.query(at, domain, MX);
                let mut names = exchangers(&reply);
                if names.is_empty() && self.find == Find::Both {
                    return self.guess(host, now, domain);
                }
                if names.is_empty() && !host.world.dead(domain) {
                    names.push(domain.to_owned());
                }
                let mut servers = Vec::new();
                if let Some(address) = glue(&reply).filter(|_| !v6) {
                    servers.push(address.into());
                    return (now, servers);
                }
                for name in names.iter().take(2) {
                    now = now.plus_nanos(host.pause(1, 30));
                    let asked = if v6 { AAAA } else { A };
                    now = host.query(now, name, asked).0;
                    servers.push(host.outside(name));
                }
                (now, servers)
            }
        }
    }

    fn guess(&self, host: &mut Host, at: Timestamp, domain: &str) -> (Timestamp, Vec<IpAddr>) {
        let mut now = at;
        for label in &self.guesses {
            let (then, reply) = host.query(now, &format!("{label}.{domain}"), A);
            now = then.plus_nanos(host.pause(1, 40));
            let found: Vec<Ipv4Addr> = super::host::addresses(&reply);
            if !found.is_empty() {
                return (now, found.into_iter().map(IpAddr::from).collect());
            }
        }
        (now, Vec::new())
    }
}

/// The manners of a bot, by its family.
pub(super) fn manners(host: &mut Host) -> Dialect {
    let (world, address) = (host.world, host.address);
    let dice = &mut host.dice;
    let domain = world.domain(dice.below(5000));
    let names: Vec<String> = match (world.family, dice.below(3)) {
        (Family::Reed, 0) | (Family::Dune, 2) => vec![address.to_string()],
        (Family::Reed, 1) => vec!["localhost".to_owned()],
        (Family::Reed, _) => vec![format!("pc{}", dice.below(900))],
        (Family::Birch, 0) => (0..9)
            .map(|n| format!("mail{n}.{}", world.domain(6000 + n)))
            .collect(),
        (Family::Birch, _) => vec![format!("win-{}", dice.below(99_999))],
        // Its own name as the DNS gives it: nothing to find fault with.
        (Family::Cedar, 0) => vec![format!("host-{}.dyn.{domain}", dice.below(250))],
        (Family::Cedar, _) => vec![format!("mail.{domain}")],
        (Family::Elder, 0) => vec![world.hoster(dice.below(24))],
        (Family::Elder, 1) => vec!["[127.0.0.1]".to_owned()],
        (Family::Elder, _) => vec![format!("desktop-{}", dice.below(99_999))],
        (Family::Dune, 0) => vec![format!("[{address}]")],
        (Family::Dune, _) => vec![format!("{}.local", dice.below(999))],
    };
    let senders = match dice.below(3) {
        0 => vec![domain],
        1 => (0..dice.between(3, 40))
            .map(|n| world.domain(7000 + n))
            .collect(),
        _ => vec![domain, world.domain(dice.below(5000))],
    };
    let (quits, starttls, ahead, early, loose) = match world.family {
        Family::Reed => (dice.between(0, 300), 50, 100, 50, 200),
        Family::Birch => (dice.between(0, 700), 300, 500, 300, 50),
        Family::Cedar => (dice.between(600, 1000), 600, 50, 0, 0),
        Family::Dune => (dice.between(0, 1000), 200, 200, 100, 300),
        Family::Elder => (dice.between(200, 900), 400, 100, 150, 100),
    };
    let mut some = |permille| {
        if dice.chance(permille) {
            dice.between(300, 1000)
        } else {
            0
        }
    };
    let (ahead, early, loose) = (some(ahead), some(early), some(loose));
    Dialect {
        names,
        senders,
        extended: host.dice.chance(700),
        quits,
        starttls: host.dice.chance(starttls),
        groups: host.dice.chance(200),
        ahead,
        early,
        loose,
        impatient: host.dice.chance(250),
        octets: host.dice.between(400, 2500),
    }
}

/// Whether block lists know it: most bots are found there within hours.
fn infect(host: &mut Host, find: Find) -> Campaign {
    host.listed = host.dice.chance(650);
    let campaign = Campaign::new(host, find);
    let before = Host::at(campaign.from.saturating_sub(MINUTE));
    // Who tells it what to send, and who answers its questions.
    if host.dice.chance(200) {
        host.irc(before);
    }
    if find == Find::Hidden && host.dice.chance(500) {
        host.hide_dns(before);
    }
    campaign
}

/// A person uses the machine in most cases, at half, once or five times the bot's rate.
fn user(host: &mut Host, queries: u32) {
    let (ratio, times) = *host
        .dice
        .pick(&[("alone", 0), ("0.5×", 1), ("1×", 2), ("5×", 10)]);
    host.form = format!("{}, {ratio} user", host.form);
    if times > 0 {
        host.mixed = true;
        host.browse((queries * times / 2).min(4000), Law::Diurnal, 0, 24 * HOUR);
    }
}

fn bot(host: &mut Host, find: Find) {
    let campaign = infect(host, find);
    campaign.run(host);
    user(host, campaign.mails * 3);
}

pub(super) fn gen2(host: &mut Host, _: u32) {
    bot(host, Find::Exchangers);
}

pub(super) fn gen3(host: &mut Host, _: u32) {
    bot(host, Find::Guesses);
}

pub(super) fn hybrid(host: &mut Host, _: u32) {
    bot(host, Find::Both);
}

pub(super) fn fanout(host: &mut Host, _: u32) {
    bot(host, Find::Hidden);
}

/// The bot asks a resolver outside; the person's questions go to the site's.
pub(super) fn own_resolver(host: &mut Host, _: u32) {
    let campaign = infect(host, Find::Exchangers);
    let site = host.stub.server;
    host.stub.server = host.world.v4("open resolver").into();
    campaign.run(host);
    host.stub.server = site;
    user(host, campaign.mails * 3);
}

/// Some hundred letters at the rate of 30,000 an hour.
pub(super) fn phorpiex(host: &mut Host, _: u32) {
    let find = *host
        .dice
        .pick(&[Find::Exchangers, Find::Hidden, Find::Both]);
    let mut campaign = infect(host, find);
    campaign.mails = host.dice.between(300, 500);
    campaign.law = Law::Poisson;
    campaign.to = campaign.from + campaign.mails * 120;
    campaign.list.1 = 5000;
    campaign.run(host);
    user(host, 300);
}

pub(super) fn slow(host: &mut Host, _: u32) {
    let find = *host
        .dice
        .pick(&[Find::Exchangers, Find::Hidden, Find::Both]);
    let mut campaign = infect(host, find);
    (campaign.from, campaign.to) = (host.dice.below(2 * HOUR), 23 * HOUR);
    campaign.mails = (campaign.to - campaign.from) / (10 * MINUTE);
    campaign.law = *host.dice.pick(&[Law::Even, Law::Poisson]);
    campaign.run(host);
    user(host, 200);
}

pub(super) fn behind_nat(host: &mut Host, _: u32) {
    let find = *host
        .dice
        .pick(&[Find::Exchangers, Find::Hidden, Find::Both]);
    let campaign = infect(host, find);
    campaign.run(host);
    super::infrastructure::users(host);
    host.mixed = true;
}

pub(super) fn over_v6(host: &mut Host, _: u32) {
    let family = host.world.family;
    host.addresses.clear();
    host.move_to(host.place.v6(family));
    host.stub.server = "2001:db8:a::53".parse().expect("an address");
    let campaign = infect(host, Find::Exchangers);
    campaign.run(host);
    user(host, campaign.mails * 2);
}

/// Gets another address by DHCP in the middle of its campaign.
pub(super) fn moving(host: &mut Host, _: u32) {
    let find = *host.dice.pick(&[Find::Exchangers, Find::Both]);
    let mut campaign = infect(host, find);
    let all = (campaign.from, campaign.to);
    let middle = all.0 + (all.1 - all.0) / 2;
    campaign.mails /= 2;
    campaign.to = middle;
    campaign.run(host);
    let IpAddr::V4(old) = host.address else {
        return;
    };
    let [a, b, c, d] = old.octets();
    let new = Ipv4Addr::new(a, b, c.wrapping_add(100), d);
    host.leased(Host::at(middle), old, new);
    (campaign.from, campaign.to) = (middle + MINUTE, all.1 + MINUTE);
    campaign.run(host);
}

pub(super) fn shut_in(host: &mut Host, _: u32) {
    let find = *host
        .dice
        .pick(&[Find::Exchangers, Find::Hidden, Find::Both]);
    let mut campaign = infect(host, find);
    campaign.shut = true;
    campaign.run(host);
    user(host, 200);
}
