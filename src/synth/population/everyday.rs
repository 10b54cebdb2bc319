//! Ordinary hosts: ten to some thousand queries a day, each kind with habits of its own.

use super::super::message::kind::{A, AAAA, MX, NS, PTR, SOA, SRV, TXT};
use super::host::{Host, Kinds, MILLI, seconds};
use super::rates::{HOUR, Law, MINUTE};
use crate::time::Timestamp;
use std::net::IpAddr;

/// A mail provider as a person uses it.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    pub(super) domain: String,
    pub(super) imap: String,
    pub(super) smtp: String,
    pub(super) port: u16,
}

impl Host {
    /// How many queries a day: from ten to five thousand, most a few hundred at the most.
    pub(super) fn appetite(&mut self) -> u32 {
        let bits = self.dice.below(90).min(self.dice.below(90));
        let floor = 10 << (bits / 10);
        self.dice.between(floor, floor * 2)
    }

    /// The host of a site that people go to.
    fn page_host(&mut self, site: &str) -> String {
        let labels = [
            "www", "www", "www", "cdn", "static", "img", "api", "login", "news", "m", "media1",
            "fonts", "a2", "tracker", "mailing", "search",
        ];
        let label = *self.dice.pick(&labels);
        format!("{label}.{site}")
    }

    /// Reads pages between two milliseconds of the day, with about so many queries.
    pub(super) fn browse(&mut self, queries: u32, law: Law, from: u32, to: u32) {
        let sites = self.dice.between(15, 400);
        let first = self.dice.below(4000);
        let each = if self.stub.kinds >= Kinds::Both { 2 } else { 1 };
        let pages = (queries / (4 * each)).max(1);
        for at in self.moments(law, pages, from, to) {
            let mut now = at;
            let site = self.site(first, sites);
            for _ in 0..self.dice.between(1, 7) {
                let site = if self.dice.chance(600) {
                    site.clone()
                } else {
                    self.site(first, sites)
                };
                let name = self.page_host(&site);
                if self.stub.kinds == Kinds::Web && self.dice.chance(500) {
                    self.query(now, &name, super::super::message::kind::HTTPS);
                }
                self.lookup(now, &name);
                now = now.plus_nanos(self.pause(1, 400));
            }
        }
    }

    fn site(&mut self, first: u32, sites: u32) -> String {
        let number = first + self.dice.popular(sites);
        self.world.domain(number)
    }

    /// Where a person has mail.
    pub(super) fn provider(&mut self) -> Provider {
        let number = self.dice.below(12);
        let domain = self.world.hoster(100 + number);
        let (imap, smtp) = match self.dice.below(4) {
            0 => ("imap", "smtp"),
            1 => ("mail", "mail"),
            2 => ("pop", "smtp"),
            _ => ("outlook", "submission"),
        };
        Provider {
            imap: format!("{imap}.{domain}"),
            smtp: format!("{smtp}.{domain}"),
            port: *self.dice.pick(&[465, 587, 587]),
            domain,
        }
    }

    /// Submits a letter or two as people do.
    pub(super) fn send_mail(&mut self, at: Timestamp, provider: &Provider) {
        let (now, _) = self.lookup(at, &provider.smtp);
        let server: IpAddr = self.world.v4(&provider.smtp).into();
        let letters = self.dice.between(1, 2);
        let name = format!("pc-{}", self.dice.below(90));
        let to = (server, provider.port, &*provider.smtp);
        self.submit(now.plus_nanos(MILLI), to, &name, letters, true);
    }

    /// Asks for one name at a beat.
    pub(super) fn poll(&mut self, name: &str, period: u32, from: u32, to: u32) {
        let mut at = from + self.dice.below(period);
        while at < to {
            let slip = self.dice.below(60);
            self.lookup(Self::at(at + slip), name);
            at += period;
        }
    }
}

fn law(host: &mut Host) -> Law {
    *host
        .dice
        .pick(&[Law::Diurnal, Law::HeavyTail, Law::Poisson, Law::Bursts(30)])
}

pub(super) fn office(host: &mut Host, _: u32) {
    let (queries, law) = (host.appetite(), law(host));
    host.browse(queries, law, 0, 24 * HOUR);
    if host.dice.chance(100) {
        let connections = host.dice.between(1, 9);
        for at in host.moments(Law::Diurnal, connections, 0, 24 * HOUR) {
            host.hide_dns(at);
        }
    }
    let provider = host.provider();
    let letters = host.dice.below(9);
    for at in host.moments(Law::Diurnal, letters, 0, 24 * HOUR) {
        host.send_mail(at, &provider);
    }
}

pub(super) fn developer(host: &mut Host, _: u32) {
    let (queries, law) = (host.appetite(), law(host));
    host.browse(queries, law, 0, 24 * HOUR);
    let api = format!("api.{}", host.world.living(77));
    let period = host.dice.between(1, 30) * MINUTE;
    host.poll(&api, period, 8 * HOUR, 19 * HOUR);
    if host.dice.chance(150) {
        host.irc(Host::at(9 * HOUR));
    }
    // Looks something up by hand now and then.
    let times = host.dice.below(4);
    for at in host.moments(Law::Poisson, times, 9 * HOUR, 18 * HOUR) {
        let domain = host.site(0, 300);
        let mut now = at;
        for asked in [MX, A, TXT, NS, SOA] {
            if host.dice.chance(600) {
                now = seconds(host.query(now, &domain, asked).0, 9);
            }
        }
        host.query(now, "17.3.18.198.in-addr.arpa", PTR);
    }
}

pub(super) fn gamer(host: &mut Host, _: u32) {
    let queries = host.appetite() / 2 + 5;
    host.browse(queries, Law::Bursts(25), 15 * HOUR, 24 * HOUR);
    let maker = host.world.living(901);
    for at in host.moments(Law::Bursts(6), 12, 16 * HOUR, 24 * HOUR) {
        host.query(at, &format!("_game._udp.{maker}"), SRV);
        let shard = host.dice.below(40);
        host.lookup(at.plus_nanos(30 * MILLI), &format!("eu{shard}.{maker}"));
    }
}

pub(super) fn phone(host: &mut Host, _: u32) {
    let names = host.dice.between(3, 25);
    let maker = host.world.living(911);
    let beats = host.appetite() / 2;
    for at in host.moments(Law::Even, beats.max(5), 0, 24 * HOUR) {
        let name = host.dice.popular(names);
        host.lookup(at, &format!("push{name}.{maker}"));
    }
    let queries = host.appetite() / 2;
    host.browse(queries, Law::HeavyTail, 6 * HOUR, 23 * HOUR);
    let provider = host.provider();
    let period = host.dice.between(10, 60) * MINUTE;
    host.poll(&provider.imap, period, 6 * HOUR, 23 * HOUR);
}

pub(super) fn mail_reader(host: &mut Host, _: u32) {
    let providers = host.dice.between(1, 3);
    for _ in 0..providers {
        let provider = host.provider();
        let period = host.dice.between(3, 20) * MINUTE;
        host.poll(&provider.imap, period, 7 * HOUR, 20 * HOUR);
        let letters = host.dice.below(8);
        for at in host.moments(Law::Diurnal, letters, 0, 24 * HOUR) {
            host.send_mail(at, &provider);
        }
        // Each make finds its servers in its own way.
        let at = Host::at(7 * HOUR + host.dice.below(HOUR));
        let domain = &provider.domain;
        match host.dice.below(4) {
            0 => {
                host.lookup(at, &format!("autoconfig.{domain}"));
            }
            1 => {
                let (now, _) = host.lookup(at, &format!("autodiscover.{domain}"));
                host.query(now, &format!("_autodiscover._tcp.{domain}"), SRV);
            }
            2 => {
                host.query(at, &format!("_imaps._tcp.{domain}"), SRV);
                host.query(at, &format!("_submission._tcp.{domain}"), SRV);
            }
            _ => {}
        }
    }
    let (queries, law) = (host.appetite(), law(host));
    host.browse(queries, law, 0, 24 * HOUR);
}

pub(super) fn mac(host: &mut Host, _: u32) {
    let (queries, law) = (host.appetite(), law(host));
    host.browse(queries, law, 7 * HOUR, 23 * HOUR);
    let times = host.dice.between(3, 12);
    let site = host.world.living(3_000_000);
    for at in host.moments(Law::Poisson, times, 7 * HOUR, 23 * HOUR) {
        for service in ["b", "db", "r", "dr", "lb"] {
            host.query(at, &format!("{service}._dns-sd._udp.{site}"), PTR);
        }
    }
    let provider = host.provider();
    host.poll(&provider.imap, 15 * MINUTE, 8 * HOUR, 20 * HOUR);
}

pub(super) fn search_suffix(host: &mut Host, _: u32) {
    host.stub.suffix = Some(host.world.living(3_000_000));
    let (queries, law) = (host.appetite(), law(host));
    host.browse(queries, law, 0, 24 * HOUR);
    let site = host.world.living(3_000_000);
    let names = ["mail", "intranet", "wpad", "isatap", "files", "mail"];
    let times = host.dice.between(5, 40);
    for at in host.moments(Law::Diurnal, times, 0, 24 * HOUR) {
        let name = *host.dice.pick(&names);
        host.query(at, name, A);
        host.query(at.plus_nanos(5 * MILLI), &format!("{name}.{site}"), A);
    }
}

/// A node of a container cluster, whose stubs try each suffix of the cluster on what has fewer than
/// five dots, and so on nearly all names: interfaces, and the mail hosts of its applications.
pub(super) fn containers(host: &mut Host, _: u32) {
    host.stub.kinds = Kinds::Both;
    host.stub.suffix = None;
    host.stub.cache = 0;
    let spaces = ["default", "shop", "monitoring", "crm"];
    let space = *host.dice.pick(&spaces);
    let suffixes = [
        format!("{space}.svc.cluster.local"),
        "svc.cluster.local".to_owned(),
        "cluster.local".to_owned(),
    ];
    let first = host.dice.below(3000);
    let there = (first..).map(|number| format!("smtp.{}", host.world.domain(number)));
    let there = there.filter(|name| host.world.has(name));
    let mail_hosts: Vec<_> = there.take(host.dice.between(1, 8) as usize).collect();
    let times = host.dice.between(60, 400);
    for at in host.moments(Law::Even, times, 0, 24 * HOUR) {
        let name = if host.dice.chance(300) {
            host.dice.pick(&mail_hosts).clone()
        } else {
            let domain = host.world.living(first + 100 + host.dice.below(20));
            format!(
                "{}.{domain}",
                host.dice.pick(&["api", "www", "auth", "cdn"])
            )
        };
        let mut now = at;
        for suffix in &suffixes {
            now = host.lookup(now, &format!("{name}.{suffix}")).0;
        }
        host.lookup(now, &name);
    }
    let provider = host.provider();
    let letters = host.dice.below(40);
    for at in host.moments(Law::Even, letters, 0, 24 * HOUR) {
        host.send_mail(at, &provider);
    }
}

pub(super) fn printer(host: &mut Host, _: u32) {
    let maker = host.world.living(905);
    let period = host.dice.between(20, 240) * MINUTE;
    host.poll(&format!("time.{maker}"), period, 0, 24 * HOUR);
    host.poll(&format!("firmware.{maker}"), 6 * HOUR, 0, 24 * HOUR);
    let provider = host.provider();
    let scans = host.dice.below(12);
    for at in host.moments(Law::Diurnal, scans, 0, 24 * HOUR) {
        host.send_mail(at, &provider);
    }
}

pub(super) fn iot(host: &mut Host, _: u32) {
    let maker = host.world.living(920 + host.dice.below(20));
    for name in 0..host.dice.between(1, 4) {
        let period = host.dice.between(2, 120) * MINUTE;
        host.poll(&format!("mqtt{name}.{maker}"), period, 0, 24 * HOUR);
    }
}

pub(super) fn script(host: &mut Host, _: u32) {
    let queries = host.appetite() / 3 + 5;
    host.browse(queries, Law::Even, 0, 24 * HOUR);
    let relay = host.world.family.relay();
    let site = host.world.living(3_000_000);
    let letters = host.dice.between(1, 24);
    let name = format!("host{}.{site}", host.dice.below(99));
    let dialect = super::delivery::Dialect::server(&name, &site);
    for at in host.moments(Law::Even, letters, 0, 24 * HOUR) {
        let (now, _) = host.lookup(at, &format!("mail.{site}"));
        host.hand_over(now, relay, &dialect, &[format!("root@{site}")]);
    }
}

pub(super) fn idle(host: &mut Host, _: u32) {
    let maker = host.world.living(930);
    let checks = host.dice.between(10, 60);
    for at in host.moments(Law::Even, checks, 0, 24 * HOUR) {
        let name = *host.dice.pick(&["update", "telemetry", "time", "www"]);
        host.query(at, &format!("{name}.{maker}"), A);
        if host.stub.kinds >= Kinds::Both {
            host.query(at, &format!("{name}.{maker}"), AAAA);
        }
    }
}

pub(super) fn tablet(host: &mut Host, _: u32) {
    let queries = host.appetite();
    host.browse(queries, Law::Bursts(60), 16 * HOUR, 23 * HOUR);
}
