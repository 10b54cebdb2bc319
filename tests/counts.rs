//! Counts are those of the packets, however the work is divided.

use crate::captures::{self, Captured};
use crate::feed::{Feed, Outcome, RESOLVER, message, packet, query, run, settings};
use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use mxray::count::delta::What;
use mxray::count::shard_of;
use mxray::decode::fragment::Fragments;
use mxray::decode::observation::DNS;
use mxray::decode::packet::{Sliced, Transport};
use mxray::host::HostAddr;
use mxray::time::{REORDER, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

const START: i64 = 1_767_571_200;

fn host(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0000 | number)
}

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_parts(START, nanos)
}

/// A stream of numbers that is the same in every run (a linear congruence, Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(bound)).unwrap()
    }
}

#[track_caller]
fn assert_same(name: &str, one: &Outcome, other: &Outcome) {
    // Field by field: a whole outcome is too much to print.
    assert_eq!(one.packets, other.packets, "{name}");
    assert_eq!(
        (one.recorded, one.late),
        (other.recorded, other.late),
        "{name}"
    );
    for (key, second) in &one.seconds {
        let same = other.seconds.get(key).cloned().unwrap_or_default();
        assert_eq!(second.totals, same.totals, "{name} {key:?}");
        assert_eq!(second.bin, same.bin, "{name} {key:?}");
        assert_eq!(second.facts, same.facts, "{name} {key:?}");
    }
    for (host, counters) in &one.hosts {
        assert_eq!(Some(counters), other.hosts.get(host), "{name} {host}");
    }
    assert!(one == other, "{name}: the other has more");
}

#[test]
fn merged_is_sequential() {
    for name in captures::synth_names() {
        let frames = captures::synth(name);
        let one = run(&frames, 1, &settings(10_000));
        for workers in [2, 4, 64] {
            assert_same(name, &one, &run(&frames, workers, &settings(10_000)));
        }
    }
}

/// A resolver asks on its own account in the second in which it answers: the answers are seen
/// by the worker of whom it answers, its queries by its own.
#[test]
fn a_resolver_is_counted_by_its_own_worker() {
    let server = Ipv4Addr::new(198, 51, 100, 1);
    // None of those whom it answers is counted by its worker, be they two or more.
    let apart = |number: &u32| shard_of(host(*number).into()) % 2 != shard_of(RESOLVER.into()) % 2;
    let clients: Vec<_> = (0..80).filter(apart).collect();
    let feed = |workers| {
        let mut feed = Feed::new(workers, &settings(10_000));
        for &number in &clients {
            let time = at(i64::from(number) * 1_000_000);
            let id = u16::try_from(number).unwrap();
            let asked = message(id, 0x0100, "www.example.com", 1);
            feed.packet(&query(host(number), time, &asked));
            // Packets made by hand are told apart by their times alone.
            let time = time.plus_nanos(1);
            let own = message(id, 0, "www.example.com", 1);
            feed.packet(&packet((RESOLVER, 53_000), (server, DNS), time, &own));
            let time = time.plus_nanos(1);
            let answer = message(id, 0x8180, "www.example.com", 1);
            feed.packet(&packet(
                (RESOLVER, DNS),
                (host(number), 40_000),
                time,
                &answer,
            ));
        }
        feed.finish()
    };
    let one = feed(1);
    let answers = one.seconds.values().flat_map(|second| &second.facts);
    let answers = answers.filter(|fact| fact.what == What::AnswersDns).count();
    assert!(
        (2..=40).contains(&answers),
        "each shard tells once: {answers}"
    );
    for workers in [2, 4, 64] {
        assert_same("resolver", &one, &feed(workers));
    }
}

/// What is told of the replies to a host's lookups of one mail host: whether each is negative.
fn answers(name: &str, replies: &[(u16, u16)]) -> Vec<bool> {
    let mut feed = Feed::new(1, &settings(10));
    for (&(qtype, rcode), id) in replies.iter().zip(1..) {
        let asked = message(id, 0x0100, name, qtype);
        feed.packet(&query(host(1), at(0), &asked));
        // No answer, and an SOA record (of no data) in the authority section.
        let mut answer = message(id, 0x8180 | rcode, name, qtype);
        answer[9] = 1;
        answer.extend(b"\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x3c\x00\x00");
        feed.packet(&packet((RESOLVER, DNS), (host(1), 40_000), at(0), &answer));
    }
    let outcome = feed.finish();
    let facts = outcome
        .seconds
        .into_values()
        .flat_map(|second| second.facts);
    let told = facts.filter_map(|fact| match fact.what {
        What::MailHostReply { failed, .. } => Some(failed),
        _ => None,
    });
    told.collect()
}

/// A client of both families asks for A and AAAA; most mail hosts have only the first.
#[test]
fn a_mail_host_without_an_ipv6_address_does_exist() {
    let answers = |replies| answers("mail.example.com", replies);
    assert_eq!(answers(&[(28, 0)]), [] as [bool; 0]);
    assert_eq!(answers(&[(1, 0)]), [true]);
    assert_eq!(answers(&[(1, 3), (28, 3)]), [true, true]);
}

/// A stub tries its suffixes first: that there is no such host says nothing of the one meant.
#[test]
fn below_a_zone_of_no_public_dns_there_are_no_mail_hosts() {
    let suffixed = "smtp.example.com.shop.svc.cluster.local";
    assert_eq!(answers(suffixed, &[(1, 3)]), [] as [bool; 0]);
    // It counts as what it is, a keyword query.
    let mut feed = Feed::new(1, &settings(10));
    feed.packet(&query(host(1), at(0), &message(1, 0x0100, suffixed, 1)));
    let outcome = feed.finish();
    let second = outcome.seconds.into_values().next().unwrap();
    let lookup = |what| matches!(what, What::MailHostQuery { .. });
    assert!(!second.facts.iter().any(|fact| lookup(fact.what)));
    assert_eq!(second.bin.unwrap().a.exact, 1);
}

/// Where in a pcap file each record begins, and its length in all.
fn records(file: &[u8]) -> Vec<&[u8]> {
    let mut rest = &file[24..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let kept = u32::from_le_bytes(*rest[8..].first_chunk().unwrap());
        let (record, behind) = rest.split_at(16 + kept as usize);
        records.push(record);
        rest = behind;
    }
    records
}

fn without_files(mut outcome: Outcome) -> Outcome {
    for second in outcome.seconds.values_mut() {
        for fact in &mut second.facts {
            fact.origin = mxray::capture::Origin::default();
        }
        for binding in &mut second.bindings {
            binding.origin = mxray::capture::Origin::default();
        }
    }
    outcome
}

/// But where time steps back at the cut: the parts then overlap in time and are merged by it,
/// so that what was late in the whole may be in time in the parts.
#[test]
fn a_capture_in_two_files_counts_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut cuts = 0;
    for name in captures::synth_names() {
        let file = captures::synth_file(name);
        let records = records(&file);
        let whole = captures::synth(name);
        let expected = without_files(run(&whole, 1, &settings(10_000)));
        let cuts_here = if records.len() > 2_000 { 3 } else { 12 };
        let step = records.len().div_ceil(cuts_here).max(1);
        let latest = |frames: &[Captured]| frames.iter().map(|frame| frame.time).max();
        for cut in (1..records.len()).step_by(step) {
            let (before, after) = whole.split_at(cut);
            if latest(before) > after.iter().map(|frame| frame.time).min() {
                continue;
            }
            let paths = ["a.pcap", "b.pcap"].map(|part| folder.path().join(part));
            for (path, part) in paths.iter().zip([&records[..cut], &records[cut..]]) {
                let part = [&file[..24], &part.concat()].concat();
                std::fs::write(path, part).unwrap();
            }
            let frames = captures::read(&paths);
            let parts = without_files(run(&frames, 4, &settings(10_000)));
            assert_same(&format!("{name} cut at {cut}"), &expected, &parts);
            cuts += 1;
        }
    }
    println!("{cuts} cuts");
}

#[test]
fn a_late_packet_counts_in_totals_and_in_no_second() {
    let asked = message(1, 0x0100, "mail.example.com", 1);
    let late = message(2, 0x0100, "smtp.example.com", 1);
    let mut feed = Feed::new(1, &settings(10));
    feed.packet(&query(host(1), at(5_000_000_000), &asked));
    // To the nanosecond: as late as allowed, and later.
    feed.packet(&query(host(1), at(5_000_000_000 - REORDER), &late));
    feed.packet(&query(host(1), at(5_000_000_000 - REORDER - 1), &late));
    let outcome = feed.finish();
    assert_eq!((outcome.recorded, outcome.late), (3, 1));
    let (totals, _) = &outcome.hosts[&host(1).into()];
    assert_eq!((totals.queries.a, totals.keyword.exact), (3, 3));
    assert_eq!(
        (totals.sums.t, totals.sums.active, totals.sums.span()),
        (2, 2, 3)
    );
    let seconds: Vec<_> = outcome
        .seconds
        .keys()
        .map(|(second, _)| second - START)
        .collect();
    assert_eq!(seconds, [3, 5]);
    assert_eq!(totals.first, Some(at(5_000_000_000 - REORDER - 1)));
}

/// A mirror of two ports tells everything twice: totals and bins count both, facts one.
#[test]
fn a_doubled_packet_is_counted_twice_and_told_once() {
    for name in ["study-client-b", "dns-types", "dns-replies"] {
        let frames = captures::synth(name);
        let twice: Vec<_> = frames
            .iter()
            .flat_map(|frame| [frame.clone(), frame.clone()])
            .collect();
        let once = run(&frames, 1, &settings(100));
        let doubled = run(&twice, 4, &settings(100));
        assert_eq!(doubled.recorded, 2 * once.recorded);
        for (host, (totals, _)) in &once.hosts {
            let (both, _) = &doubled.hosts[host];
            assert_eq!(
                both.queries.total,
                2 * totals.queries.total,
                "{name} {host}"
            );
            assert_eq!(both.queries.mx, 2 * totals.queries.mx);
            assert_eq!(both.replies.total, 2 * totals.replies.total);
            assert_eq!(both.sums.t, 2 * totals.sums.t);
            assert_eq!(both.sums.tt, 4 * totals.sums.tt);
            assert_eq!((both.names, both.domains), (totals.names, totals.domains));
        }
        for (key, second) in &once.seconds {
            let whats = |facts: &[crate::feed::Told]| -> Vec<_> {
                facts.iter().map(|fact| (fact.time, fact.what)).collect()
            };
            assert_eq!(
                whats(&second.facts),
                whats(&doubled.seconds[key].facts),
                "{name}"
            );
        }
        assert!(doubled.packets.duplicates > 0);
    }
}

#[test]
fn a_full_table_evicts_the_same_for_any_number_of_workers() {
    // 64 shards of two hosts; some speak often, most once or twice.
    let feed = |workers| {
        let mut numbers = Numbers(1);
        let mut feed = Feed::new(workers, &settings(128));
        for step in 0..20_000_i64 {
            let number = match numbers.below(3) {
                0 => numbers.below(40),
                _ => 1_000 + numbers.below(3_000),
            };
            let name = format!("mail.d{}.example", numbers.below(50));
            let qtype = [1, 15, 12, 28][numbers.below(4) as usize];
            let asked = message(u16::try_from(step % 60_000).unwrap(), 0x0100, &name, qtype);
            feed.packet(&query(host(number), at(step * 1_000_000), &asked));
        }
        feed.finish()
    };
    let one = feed(1);
    assert!(one.packets.evicted > 5_000, "{}", one.packets.evicted);
    assert!(one.packets.hosts <= 128);
    for workers in [2, 4, 64] {
        assert_same("evictions", &one, &feed(workers));
    }
}

/// The first label decides; written apart from `Keywords`.
fn is_keyword(label: &[u8]) -> bool {
    let label = label.to_ascii_lowercase();
    ["mx", "mxs", "ns", "mail", "smtp", "gate", "relay"]
        .iter()
        .any(|word| {
            label.strip_prefix(word.as_bytes()).is_some_and(|rest| {
                let digits = rest.strip_prefix(b"-").unwrap_or(rest);
                rest.is_empty() || (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
            })
        })
}

/// T and K by host and second, by hickory's reading of the messages.
fn naive(frames: &[Captured]) -> BTreeMap<HostAddr, BTreeMap<i64, (u64, u64)>> {
    let mut hosts = BTreeMap::<_, BTreeMap<_, (u64, u64)>>::new();
    let mut newest = Timestamp::MIN;
    let mut fragments = Fragments::default();
    for captured in frames {
        newest = newest.max(captured.time);
        if newest.nanos_since(captured.time) > REORDER {
            continue;
        }
        let Sliced::Packet(packet) = fragments.slice(&captured.frame()).sliced else {
            continue;
        };
        if packet.dst_port != DNS || packet.transport != Transport::Udp {
            continue;
        }
        let Ok(message) = Message::from_vec(packet.payload) else {
            continue;
        };
        if message.metadata.message_type != hickory_proto::op::MessageType::Query {
            continue;
        }
        let Some(question) = message.queries.first() else {
            continue;
        };
        if question.query_type() == RecordType::A {
            let seconds = hosts.entry(packet.src).or_default();
            let (t, k) = seconds.entry(captured.time.second()).or_default();
            *t += 1;
            let label = question.name().iter().next().unwrap_or_default();
            *k += u64::from(is_keyword(label));
        }
    }
    hosts
}

#[test]
fn sums_are_those_of_the_packets() {
    // Where hickory reads each query of a packet: broken ones and streams have tests of their own.
    let others = ["dns-compression", "snaplen-cut", "dns-tcp"];
    for name in captures::synth_names().filter(|name| !others.contains(name)) {
        let frames = captures::synth(name);
        let outcome = run(&frames, 4, &settings(10_000));
        let naive = naive(&frames);
        for (host, seconds) in &naive {
            let sums = outcome.hosts[host].0.sums;
            let bins = || seconds.values().copied();
            assert_eq!(sums.active, seconds.len() as u64, "{name} {host}");
            assert_eq!(sums.t, bins().map(|(t, _)| t).sum::<u64>(), "{name} {host}");
            assert_eq!(sums.tt, bins().map(|(t, _)| t * t).sum::<u64>());
            assert_eq!(
                sums.keyword.k,
                bins().map(|(_, k)| k).sum::<u64>(),
                "{name} {host}"
            );
            assert_eq!(sums.keyword.kk, bins().map(|(_, k)| k * k).sum::<u64>());
            assert_eq!(sums.keyword.tk, bins().map(|(t, k)| t * k).sum::<u64>());
            let lag = bins().zip(bins().skip(1));
            assert_eq!(
                sums.tt_lag,
                lag.clone().map(|(a, b)| a.0 * b.0).sum::<u64>()
            );
            assert_eq!(sums.kk_lag, lag.map(|(a, b)| a.1 * b.1).sum::<u64>());
            let (first, last) = (seconds.keys().min().unwrap(), seconds.keys().max().unwrap());
            assert_eq!(sums.span(), last.abs_diff(*first) + 1);
        }
        let active = outcome
            .hosts
            .values()
            .filter(|(totals, _)| totals.sums.active > 0);
        assert_eq!(active.count(), naive.len(), "{name}");
    }
}

/// The bins that are handed out are those that the sums are made of.
#[test]
fn bins_add_up_to_the_totals() {
    for name in captures::synth_names().filter(|name| *name != "late-packets") {
        let outcome = run(&captures::synth(name), 4, &settings(10_000));
        for (host, (totals, _)) in &outcome.hosts {
            let seconds = outcome.seconds.iter().filter(|((_, of), _)| of == host);
            let bins: Vec<_> = seconds.filter_map(|(_, second)| second.bin).collect();
            let sum = |count: fn(&mxray::count::delta::HostBin) -> u32| {
                bins.iter().map(|bin| u64::from(count(bin))).sum::<u64>()
            };
            let queries = totals.queries;
            assert_eq!(sum(|bin| bin.a.t), queries.a, "{name} {host}");
            assert_eq!(sum(|bin| bin.a.exact), totals.keyword.exact);
            assert_eq!(sum(|bin| bin.a.numbered), totals.keyword.numbered);
            assert_eq!(sum(|bin| bin.a.prefix), totals.keyword.prefix);
            let types = [sum(|bin| bin.mx), sum(|bin| bin.ptr), sum(|bin| bin.aaaa)];
            assert_eq!(types, [queries.mx, queries.ptr, queries.aaaa]);
            let all = sum(|bin| bin.a.t + bin.mx + bin.ptr + bin.aaaa + bin.other);
            assert_eq!(all, queries.total, "{name} {host}");
        }
    }
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "a relative error")]
fn distinct_names_are_near_the_exact_number() {
    // Per host names of its own, each twice.
    let sizes = [1_u32, 10, 100, 1_000, 3_000, 10_000, 30_000];
    let mut errors = Vec::new();
    for round in 0..4_u32 {
        let mut feed = Feed::new(1, &settings(10_000));
        for (index, size) in (0..).zip(sizes) {
            for number in (0..size).chain(0..size) {
                let name = format!("h{number}.r{round}s{size}.example");
                let asked = message(1, 0x0100, &name, 1);
                feed.packet(&query(host(index), at(0), &asked));
            }
        }
        let outcome = feed.finish();
        for (index, size) in (0..).zip(sizes) {
            let names = outcome.hosts[&host(index).into()].0.names;
            let error = (names as f64 - f64::from(size)) / f64::from(size);
            println!("{size} names: {names}, {:+.2}%", 100.0 * error);
            assert!(size > 100 || error.abs() < f64::EPSILON);
            errors.push(error);
        }
    }
    let worst = errors.iter().map(|error| error.abs()).fold(0.0, f64::max);
    assert!(
        worst < 0.05,
        "three standard deviations of 4,096 registers: {worst}"
    );
    errors.retain(|error| *error != 0.0);
    let mean = errors.iter().map(|error| error.abs()).sum::<f64>() / errors.len() as f64;
    assert!(mean < 0.02, "{mean}");
}

#[test]
fn the_study_clients_have_the_counts_of_the_study() {
    let study = [
        ("study-client-a", 2922, 6675, Some(139)),
        ("study-client-b", 190, 36, Some(0)),
        ("study-client-c", 807, 4823, Some(0)),
        ("study-client-d", 17346, 1115, Some(0)),
        ("study-client-e", 351, 947, None),
    ];
    for (name, mx, a, ptr) in study {
        let outcome = run(&captures::synth(name), 4, &settings(10_000));
        let found: BTreeSet<_> = outcome
            .hosts
            .values()
            .map(|(totals, _)| totals.queries)
            .map(|queries| (queries.mx, queries.a, ptr.map(|_| queries.ptr)))
            .collect();
        assert!(found.contains(&(mx, a, ptr)), "{name}: {found:?}");
    }
}
