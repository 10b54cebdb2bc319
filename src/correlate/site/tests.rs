//! Both sides of each line: what is told, and what is not yet.

use super::*;
use crate::capture::Origin;
use crate::count::site::Asking;
use crate::decode::observation::MailPorts;
use crate::decode::packet::{LinkTag, Packet, Transport};
use crate::host::HostAddr;

/// A slot's begin.
const START: i64 = 1_767_571_200;
const HOUR: i64 = 3600;

/// A second with so much in it.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    queries: u64,
    replies: u64,
    client: u64,
    server: u64,
    other: u64,
    octets: u64,
    lost: u64,
    kernel: u64,
    interface: u64,
    shed: u64,
    /// Hosts that share the queries.
    hosts: u8,
}

fn address(host: u8) -> HostAddr {
    HostAddr::from_v4([192, 0, 2, host])
}

fn query(from: HostAddr, to: HostAddr, recursive: bool) -> Packet<'static> {
    const SET: &[u8] = &[0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    const CLEAR: &[u8] = &[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    Packet {
        time: Timestamp::default(),
        origin: Origin::default(),
        tag: LinkTag::default(),
        src: from,
        dst: to,
        transport: Transport::Udp,
        src_port: 4000,
        dst_port: 53,
        missing: 0,
        payload: if recursive { SET } else { CLEAR },
    }
}

impl Sent {
    fn bin(self, second: i64) -> SiteBin {
        let mut bin = SiteBin::default();
        let hosts = self.hosts.max(1);
        for number in 0..self.queries {
            let host = (second.unsigned_abs() + number) % u64::from(hosts);
            let host = address(u8::try_from(host).unwrap() + 1);
            let packet = query(host, address(254), true);
            bin.count(&packet, host, &MailPorts::default());
        }
        bin.dns.server = self.replies;
        (bin.smtp.client, bin.smtp.server) = (self.client, self.server);
        (bin.octets, bin.lost) = (self.octets, self.lost);
        bin.losses = Losses {
            kernel: self.kernel,
            interface: self.interface,
            shed: self.shed,
            ..Losses::default()
        };
        bin.packets = self.queries + self.replies + self.client + self.server + self.other;
        bin
    }
}

/// What is well: all there is, on both sides.
const WELL: Sent = Sent {
    queries: 2,
    replies: 2,
    client: 1,
    server: 1,
    other: 4,
    octets: 10_000,
    lost: 0,
    kernel: 0,
    interface: 0,
    shed: 0,
    hosts: 40,
};

/// Feeds each second of these stretches of so many seconds.
fn feed(site: &mut Site, at: &mut i64, stretches: &[(i64, Sent)]) -> Vec<SensorEvent> {
    let mut events = Vec::new();
    for &(seconds, sent) in stretches {
        for _ in 0..seconds {
            events.append(&mut site.until(*at));
            let bin = sent.bin(*at);
            if bin.packets > 0 {
                events.append(&mut site.second(*at, &bin));
            }
            *at += 1;
        }
    }
    events.append(&mut site.until(*at));
    events
}

/// What is told of the sensor, by its time from the start.
fn told(stretches: &[(i64, Sent)]) -> Vec<(i64, Action, &'static str)> {
    let mut at = START;
    let events = feed(&mut Site::default(), &mut at, stretches);
    by_time(&events)
}

/// The same of stretches of days: all packets of twenty seconds come in the first of them.
fn told_of_days(stretches: &[(i64, Sent)]) -> Vec<(i64, Action, &'static str)> {
    const STEP: i64 = 20;
    let (mut site, mut at, mut events) = (Site::default(), START, Vec::new());
    for &(seconds, sent) in stretches {
        let mut bin = SiteBin::default();
        for part in 0..STEP {
            bin.add(&sent.bin(START + part));
        }
        for _ in 0..seconds / STEP {
            events.append(&mut site.second(at, &bin));
            at += STEP;
        }
    }
    events.append(&mut site.until(at));
    by_time(&events)
}

fn by_time(events: &[SensorEvent]) -> Vec<(i64, Action, &'static str)> {
    events
        .iter()
        .map(|event| {
            (
                event.time.second() - START,
                event.action,
                event.cause.name(),
            )
        })
        .collect()
}

use Action::{Blind, Recovered};

#[test]
fn all_is_well_for_a_day() {
    assert_eq!(told_of_days(&[(86_400, WELL)]), []);
}

#[test]
fn a_pause_is_told_after_a_minute_where_there_was_a_packet_a_second() {
    let none = Sent::default();
    // The 60th second without packets is over; one fewer is nothing.
    assert_eq!(told(&[(700, WELL), (59, none), (100, WELL)]), []);
    assert_eq!(
        told(&[(700, WELL), (600, none), (100, WELL)]),
        [(760, Blind, "no-packets"), (1300, Recovered, "no-packets")]
    );
    // The pause goes on: nobody knows how long.
    assert_eq!(
        told(&[(700, WELL), (61, none)]),
        [(760, Blind, "no-packets")]
    );
    // Less than ten minutes of capture, or fewer than one packet a second.
    assert_eq!(told(&[(599, WELL), (600, none), (10, WELL)]), []);
    let rare: Vec<_> = (0..200)
        .flat_map(|_| [(1, WELL), (29, none)])
        .chain([(600, none)])
        .collect();
    assert_eq!(told(&rare), []);
}

#[test]
fn a_pause_like_those_before_is_none() {
    let none = Sent::default();
    let pauses = |last: i64| {
        let rhythm = (0..20).flat_map(|_| [(280, WELL), (49, none)]);
        rhythm
            .chain([(280, WELL), (last, none)])
            .collect::<Vec<_>>()
    };
    // Four times fifty seconds, from packet to packet.
    assert_eq!(told(&pauses(199)), []);
    assert_eq!(told(&pauses(200)).len(), 1);
}

#[test]
fn one_direction_of_the_dns() {
    let only = |queries, replies| Sent {
        queries,
        replies,
        ..WELL
    };
    let blind = [(600, Blind, "one-direction")];
    assert_eq!(told(&[(600, only(1, 0))]), blind);
    assert_eq!(told(&[(600, only(0, 1))]), blind);
    // Not before ten minutes, nor with fewer than 500.
    assert_eq!(told(&[(599, only(1, 0))]), []);
    assert_eq!(told(&[(499, only(1, 0)), (101, only(0, 0))]), []);
    assert_eq!(told(&[(500, only(1, 0)), (100, only(0, 0))]), blind);
    // One reply in fifty queries may leak, one in 49 not; nor fifty-one among ever so many.
    assert_eq!(told(&[(588, only(1, 0)), (12, only(1, 1))]), blind);
    assert_eq!(told(&[(587, only(1, 0)), (13, only(1, 1))]), []);
    assert_eq!(told(&[(550, only(9, 0)), (50, only(9, 1))]), blind);
    assert_eq!(told(&[(549, only(9, 0)), (51, only(9, 1))]), []);
    // And back.
    assert_eq!(
        told(&[(600, only(1, 0)), (600, only(1, 1))]),
        [blind[0], (1200, Recovered, "one-direction")]
    );
}

#[test]
fn one_direction_of_mail() {
    let only = |client, server| Sent {
        client,
        server,
        ..WELL
    };
    let mut site = Site::default();
    let mut at = START;
    let stretches = [(200, only(1, 0)), (400, only(0, 0))];
    let events = feed(&mut site, &mut at, &stretches);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].protocol, Some(Protocol::Smtp));
    assert_eq!(events[0].missing, [Missing::OneDirection]);
    assert_eq!(site.view().smtp, Sight::ClientSide);
    assert_eq!(site.view().dns, Sight::Both);
    assert_eq!(told(&[(199, only(1, 0)), (401, only(0, 0))]), []);
}

#[test]
fn no_dns_or_no_mail_is_told_once() {
    let silent = Sent {
        client: 0,
        server: 0,
        ..WELL
    };
    assert_eq!(told(&[(3599, silent)]), []);
    assert_eq!(
        told_of_days(&[(86_400, silent)]),
        [(3600, Blind, "no-smtp")]
    );
    let dark = Sent {
        queries: 0,
        replies: 0,
        ..WELL
    };
    assert_eq!(told_of_days(&[(86_400, dark)]), [(3600, Blind, "no-dns")]);
    // An hour with fewer than a thousand other packets says nothing.
    let rare: Vec<_> = (0..12)
        .flat_map(|_| [(10, silent), (290, Sent::default())])
        .collect();
    assert_eq!(told(&rare), []);
    // Ten packets are some, nine are none.
    let few = |count| [(count, WELL), (3600 - count, dark)];
    assert_eq!(told(&few(2)), [(3600, Blind, "no-dns")]);
    assert_eq!(told(&few(3)), []);
}

#[test]
fn a_night_without_mail_is_told_once_and_a_week_always() {
    let night = Sent {
        client: 0,
        server: 0,
        ..WELL
    };
    let days: Vec<_> = (0..5)
        .flat_map(|_| [(14 * HOUR, WELL), (10 * HOUR, night)])
        .chain([(HOUR, WELL), (170 * HOUR, night)])
        .collect();
    let told = told_of_days(&days);
    let first = [
        (15 * HOUR, Blind, "no-smtp"),
        (24 * HOUR + 300, Recovered, "no-smtp"),
        (5 * 24 * HOUR + 21 * HOUR, Blind, "no-smtp"),
    ];
    assert_eq!(told, first);
}

#[test]
fn half_of_the_hosts_gone_at_once() {
    let half = Sent {
        queries: 1,
        replies: 1,
        hosts: 20,
        ..WELL
    };
    // The first slot only opens the capture; twelve whole ones, then two low ones.
    assert_eq!(told(&[(13 * SLOT, WELL), (2 * SLOT - 1, half)]), []);
    assert_eq!(
        told(&[(13 * SLOT, WELL), (2 * SLOT, half), (SLOT, WELL)]),
        [
            (15 * SLOT, Blind, "halving"),
            (16 * SLOT, Recovered, "halving")
        ]
    );
    assert_eq!(told(&[(12 * SLOT, WELL), (2 * SLOT, half)]), []);
    // One low slot is chance, and does not become what is usual.
    let dips = [(13 * SLOT, WELL), (SLOT, half), (SLOT, WELL)];
    assert_eq!(told(&dips), []);
    // The same hosts ask less: they rest.
    let rest = Sent { hosts: 40, ..half };
    assert_eq!(told(&[(13 * SLOT, WELL), (4 * SLOT, rest)]), []);
    // Half of the hosts and three quarters of the messages: people go home.
    let more = |seconds: i64| (0..seconds / 2).flat_map(|_| [(1, half), (1, WELL)]);
    let home: Vec<_> = [(13 * SLOT, WELL)]
        .into_iter()
        .chain(more(4 * SLOT))
        .collect();
    assert_eq!(told(&home), []);
}

#[test]
fn a_busy_evening_falls_without_a_word() {
    // From 4 messages a second to none in an hour, as fast as people leave an office.
    let evening = (0..60).flat_map(|minute| {
        let level = 60 - minute;
        let some = Sent {
            hosts: u8::try_from(40 - minute * 2 / 3).unwrap(),
            ..WELL
        };
        [
            (level, some),
            (
                60 - level,
                Sent {
                    queries: 0,
                    replies: 0,
                    ..WELL
                },
            ),
        ]
    });
    let all: Vec<_> = [(20 * SLOT, WELL)].into_iter().chain(evening).collect();
    assert_eq!(told(&all), []);
}

#[test]
fn after_two_hours_half_is_what_is_usual() {
    let half = Sent {
        queries: 1,
        replies: 1,
        hosts: 20,
        ..WELL
    };
    assert_eq!(
        told(&[(13 * SLOT, WELL), (40 * SLOT, half)]),
        [
            (15 * SLOT, Blind, "halving"),
            (39 * SLOT, Recovered, "halving")
        ]
    );
}

#[test]
fn losses_from_one_in_a_hundred_until_half_of_that() {
    let lossy = |lost| Sent {
        octets: 10_000 - lost,
        lost,
        ..WELL
    };
    assert_eq!(told(&[(600, lossy(99))]), []);
    assert_eq!(
        told(&[(600, lossy(100)), (600, lossy(50)), (600, lossy(49))]),
        [(600, Blind, "losses"), (1800, Recovered, "losses")]
    );
    // A megabyte, no less.
    let little = |octets| Sent {
        octets,
        lost: 20,
        ..WELL
    };
    assert_eq!(told(&[(600, little(1_646))]), []);
    assert_eq!(told(&[(600, little(1_647))]).len(), 1);
    let mut site = Site::default();
    let mut at = START;
    feed(&mut site, &mut at, &[(599, lossy(300))]);
    assert_eq!(site.view().loss, None);
    feed(&mut site, &mut at, &[(1, lossy(300))]);
    assert_eq!(site.view().loss, Some(0.03));
}

#[test]
fn dropped_packets_from_one_in_a_hundred_until_half_of_that() {
    // Ten packets a second are read.
    let dropping = |kernel, shed| Sent {
        kernel,
        shed,
        octets: 0,
        ..WELL
    };
    let one_slot = |dropped| [(SLOT, dropped), (SLOT, dropping(0, 0))];
    // 300 of 3,300 are 9%, and 100 at the least are something.
    assert_eq!(
        told(&one_slot(dropping(1, 0))),
        [(SLOT, Blind, "losses"), (2 * SLOT, Recovered, "losses")]
    );
    assert_eq!(told(&[(99, dropping(1, 0)), (201, WELL)]), []);
    assert_eq!(told(&[(100, dropping(0, 1)), (200, WELL)]).len(), 1);
    // 3 of 1,000 is below the line, and with the others of the interface too.
    let few = Sent {
        other: 40_000,
        interface: 40_000,
        ..dropping(100, 20)
    };
    assert_eq!(told(&one_slot(few)), []);
    let mut site = Site::default();
    let mut at = START;
    let lately = |site: &Site| (site.view().loss, site.view().losses);
    assert_eq!(lately(&site), (None, Losses::default()));
    feed(&mut site, &mut at, &[(10, dropping(10, 5))]);
    // At once: 150 of the 100 that were read and the 100 that were not.
    let losses = Losses {
        kernel: 100,
        shed: 50,
        ..Losses::default()
    };
    assert_eq!(lately(&site), (Some(0.75), losses));
    let told = feed(&mut site, &mut at, &[(SLOT - 10, dropping(0, 0))]);
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].reason,
        "4.8% of the packets were not read: the kernel dropped 100, mxray threw 50 away."
    );
    feed(&mut site, &mut at, &[(SLOT - 1, dropping(0, 0))]);
    assert_eq!(lately(&site).1, losses);
    feed(&mut site, &mut at, &[(2, dropping(0, 0))]);
    assert_eq!(lately(&site), (None, Losses::default()));
}

#[test]
fn what_is_missing_is_told_together() {
    let dark = Sent {
        queries: 0,
        replies: 0,
        client: 0,
        server: 0,
        ..WELL
    };
    let mut site = Site::default();
    let mut at = START;
    let stretches = [(3600, dark), (600, Sent::default()), (300, WELL)];
    let events = feed(&mut site, &mut at, &stretches);
    let missing: Vec<_> = events.iter().map(|event| event.missing.clone()).collect();
    let (dns, smtp) = (Missing::NoDns, Missing::NoSmtp);
    assert_eq!(
        missing,
        [
            vec![dns],
            vec![dns, smtp],
            vec![Missing::NoPackets, dns, smtp],
            vec![dns, smtp],
            vec![smtp],
            vec![],
        ]
    );
    assert_eq!(events[2].since.second() - START, 3600);
    assert_eq!(events[3].window.span, 600);
    assert_eq!(site.view().dns, Sight::Both);
}

#[test]
fn how_often_it_is_asked_does_not_matter() {
    let none = Sent::default();
    let half = Sent {
        queries: 1,
        replies: 1,
        hosts: 10,
        ..WELL
    };
    let stretches = [
        (13 * SLOT, WELL),
        (700, half),
        (4000, none),
        (3000, WELL),
        (70, none),
        (4000, Sent { replies: 0, ..WELL }),
        (1_000_000, none),
        (10, WELL),
    ];
    let mut at = START;
    let often = feed(&mut Site::default(), &mut at, &stretches);
    let (mut site, mut at, mut seldom) = (Site::default(), START, Vec::new());
    for (seconds, sent) in stretches {
        for _ in 0..seconds {
            let bin = sent.bin(at);
            if bin.packets > 0 {
                seldom.append(&mut site.second(at, &bin));
            }
            at += 1;
        }
    }
    assert!(often.len() > 5);
    assert_eq!(often, seldom);
}

#[test]
fn times_at_the_ends_of_time() {
    let mut site = Site::default();
    for second in [-9_223_372_036, 0, 9_223_372_036] {
        assert_eq!(site.second(second, &WELL.bin(second)), []);
    }
}

/// `count` queries from `sources` hosts to `targets`.
fn asked(count: u32, recursive: bool, sources: u8, targets: u8) -> Asking {
    let mut bin = SiteBin::default();
    for number in 0..count {
        let part = |of: u8, step: u32| u8::try_from(number / step % u32::from(of)).unwrap();
        let from = HostAddr::from_v4([192, 0, 2, part(sources, 1)]);
        let to = HostAddr::from_v4([203, 0, 113, part(targets, u32::from(sources))]);
        bin.count(&query(from, to, recursive), from, &MailPorts::default());
    }
    *bin.asking.unwrap()
}

fn vantage(parts: &[Asking]) -> Option<Vantage> {
    let mut second = Asking::default();
    for part in parts {
        second.add(part);
    }
    let mut finder = Finder::default();
    finder.second(&second);
    finder.vantage()
}

#[test]
fn where_the_tap_is() {
    let access = Some(Vantage::Access);
    assert_eq!(vantage(&[asked(300, true, 40, 2)]), access);
    assert_eq!(vantage(&[asked(299, true, 40, 2)]), None);
    assert_eq!(vantage(&[asked(300, true, 10, 2)]), access);
    // A household, a lone host, hosts that all ask somebody else.
    assert_eq!(vantage(&[asked(300, true, 9, 1)]), None);
    assert_eq!(vantage(&[asked(300, true, 1, 1)]), None);
    assert_eq!(vantage(&[asked(300, true, 12, 12)]), None);
    let egress = Some(Vantage::ResolverEgress);
    assert_eq!(vantage(&[asked(300, false, 1, 100)]), egress);
    assert_eq!(vantage(&[asked(800, false, 8, 80)]), egress);
    assert_eq!(vantage(&[asked(800, false, 10, 80)]), None);
    assert_eq!(vantage(&[asked(300, false, 1, 40)]), None);
    // Some hosts pass the resolver by; with one query in ten it is not only the resolver's.
    let beside = |count| [asked(900, false, 2, 100), asked(count, true, 5, 1)];
    assert_eq!(vantage(&beside(100)), egress);
    assert_eq!(vantage(&beside(101)), None);
    // Both sides of the resolver.
    let both = [asked(900, false, 1, 200), asked(300, true, 40, 1)];
    assert_eq!(vantage(&both), access);
    // In front of an authoritative server, where some set RD for no reason.
    let authority = [asked(900, false, 200, 2), asked(300, true, 40, 1)];
    assert_eq!(vantage(&authority), None);
    assert!(
        !SiteView {
            vantage: egress,
            ..SiteView::default()
        }
        .dns_is_by_host()
    );
    assert!(
        SiteView {
            vantage: access,
            ..SiteView::default()
        }
        .dns_is_by_host()
    );
}

#[test]
fn a_tap_that_is_moved_is_known_after_two_windows() {
    let mut finder = Finder::default();
    let window = |finder: &mut Finder, asking: &Asking| {
        finder.second(asking);
        finder.slot_ends();
        finder.slot_ends();
        finder.vantage()
    };
    let (access, egress) = (asked(600, true, 40, 2), asked(600, false, 1, 100));
    assert_eq!(window(&mut finder, &access), Some(Vantage::Access));
    assert_eq!(window(&mut finder, &egress), Some(Vantage::Access));
    // A window of the one kind takes back what the other said; a quiet one does not.
    assert_eq!(window(&mut finder, &access), Some(Vantage::Access));
    assert_eq!(window(&mut finder, &egress), Some(Vantage::Access));
    assert_eq!(
        window(&mut finder, &asked(10, true, 1, 1)),
        Some(Vantage::Access)
    );
    assert_eq!(window(&mut finder, &egress), Some(Vantage::ResolverEgress));
}
