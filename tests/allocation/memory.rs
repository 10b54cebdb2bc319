//! What hosts take in memory, and that time and repetition take none.

use super::{ALLOCATOR, ALONE, record};
use mxray::count::{Counters, Settings};
use mxray::time::Timestamp;
use stats_alloc::Region;

/// 2026-01-05T00:00:00Z.
const START: i64 = 1_767_571_200;
/// Servers that an active host turns to.
const SERVERS: u32 = 5;
/// Names that it asks for.
const NAMES: u32 = 20;
/// Its queries.
const QUERIES: u32 = 200;

fn at(second: u32) -> Timestamp {
    Timestamp::from_parts(START + i64::from(second), 0)
}

fn counters() -> Counters {
    Counters::new(Settings {
        hosts: 1 << 20,
        ..Settings::default()
    })
}

/// Octets that are held now and were not when the region began.
fn held(region: &Region<'_, std::alloc::System>) -> usize {
    let change = region.change();
    let grown = isize::try_from(change.bytes_allocated).unwrap()
        - isize::try_from(change.bytes_deallocated).unwrap();
    usize::try_from(grown).unwrap_or(0)
}

pub(super) fn ip(protocol: u8, ends: [[u8; 4]; 2], transport: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 53, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    frame.extend(u16::try_from(20 + transport.len()).unwrap().to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    frame.extend(ends.concat());
    frame.extend(transport);
    frame
}

pub(super) fn address(client: u32) -> [u8; 4] {
    (0x0a00_0000 + client).to_be_bytes()
}

/// Asks for the address of one of [`NAMES`], of which the last is a mail host's.
fn query(client: u32, number: u32) -> Vec<u8> {
    let label = if (number + 1).is_multiple_of(NAMES) {
        "mail"
    } else {
        "www0"
    };
    let domain = format!("site{:02}", number % NAMES);
    address_query(client, [label, &domain, "example"])
}

/// Asks for the address of the name with these labels.
fn address_query(client: u32, labels: [&str; 3]) -> Vec<u8> {
    let mut dns = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in labels {
        dns.push(u8::try_from(label.len()).unwrap());
        dns.extend(label.as_bytes());
    }
    dns.extend([0, 0, 1, 0, 1]);
    let mut udp = vec![0x9c, 0x40, 0, 53];
    udp.extend(u16::try_from(8 + dns.len()).unwrap().to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(dns);
    ip(17, [address(client), [192, 0, 2, 53]], &udp)
}

/// Begins a connection to the mail port of a server.
fn attempt(client: u32, number: u32) -> Vec<u8> {
    let server = [203, 0, 113, u8::try_from(number % SERVERS).unwrap()];
    let [.., port] = number.to_be_bytes();
    let mut tcp = vec![0xc0, port, 0, 25];
    tcp.extend([0; 8]);
    tcp.extend([0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
    ip(6, [address(client), server], &tcp)
}

/// Has so many hosts ask so often and try so many connections, a query a second.
fn act(counters: &mut Counters, hosts: u32, queries: u32, attempts: u32, from: u32) {
    for number in 0..queries.max(attempts) {
        let asked = (0..hosts).filter(|_| number < queries);
        let mut frames: Vec<_> = asked.map(|host| query(host, number)).collect();
        if number < attempts {
            frames.extend((0..hosts).map(|host| attempt(host, number)));
        }
        record(counters, &frames, at(from + number));
        drop(counters.close(at(from + number).second() - 3));
    }
}

/// Octets of a host, with its part of the tables that it stands in: of so many, and as many more,
/// the difference, since shards have memory of their own.
fn each(hosts: u32, queries: u32, attempts: u32) -> usize {
    let [once, twice] = [hosts, 2 * hosts].map(|hosts| {
        let mut counters = counters();
        let region = Region::new(ALLOCATOR);
        act(&mut counters, hosts, queries, attempts, 0);
        // Connections are over by then, and what is open is not the hosts'.
        drop(counters.close(at(queries + 3_600).second()));
        held(&region)
    });
    (twice - once) / usize::try_from(hosts).unwrap()
}

#[test]
fn what_a_host_takes() {
    let _alone = ALONE.lock();
    let idle = each(2_048, 1, 0);
    let seldom = each(2_048, 5, 0);
    let active = each(256, QUERIES, SERVERS);
    println!("a host with a query: {idle} octets, of {IDLE} at most");
    println!("a host with five queries: {seldom} octets, of {SELDOM} at most");
    println!(
        "a host with {QUERIES} queries of {NAMES} names and {SERVERS} mail servers: {active} octets, \
         of {ACTIVE} at most"
    );
    assert!(idle <= IDLE && seldom <= SELDOM, "{idle}, {seldom}");
    assert!(active <= ACTIVE, "{active}");
}

/// A million hosts with up to ten packets each then take less than a gibibyte.
const IDLE: usize = 512;
const SELDOM: usize = 900;
const ACTIVE: usize = 4_096;

#[test]
fn ten_times_the_packets_of_the_same_hosts_take_no_more_memory() {
    let _alone = ALONE.lock();
    let mut counters = counters();
    act(&mut counters, 100, 20, 5, 0);
    let region = Region::new(ALLOCATOR);
    act(&mut counters, 100, 200, 0, 20);
    assert_eq!(held(&region), 0);
}

#[test]
fn names_that_only_begin_with_a_keyword_are_within_the_bound_too() {
    let _alone = ALONE.lock();
    let bound = 2 << 20;
    let mut counters = Counters::new(Settings {
        host_octets: bound,
        ..Settings::default()
    });
    let region = Region::new(ALLOCATOR);
    for number in 0..1_000 {
        // Alike in the five letters that prefixes are counted by.
        let label = format!("maila{number:03x}");
        let ask = |client| address_query(client, [&label, "site", "example"]);
        let frames: Vec<_> = (0..256).map(ask).collect();
        record(&mut counters, &frames, at(number));
        drop(counters.close(at(number).second() - 3));
    }
    drop(counters.close(at(10_000).second()));
    assert!(held(&region) < 2 * bound, "{}", held(&region));
}

#[test]
fn years_without_a_packet_take_nothing() {
    let _alone = ALONE.lock();
    let mut counters = counters();
    act(&mut counters, 100, 20, 0, 0);
    drop(counters.close(at(99).second()));
    let frames: Vec<_> = (0..100).map(|host| query(host, 1)).collect();
    let mut after = |years: i64| {
        let region = Region::new(ALLOCATOR);
        let time = at(100).plus_nanos(years * 365 * 86_400 * mxray::time::NANOS);
        record(&mut counters, &frames, time);
        let deltas = counters.close(time.second()).len();
        (deltas, region.change().allocations)
    };
    let (deltas, allocations) = after(0);
    assert!(deltas <= 1, "{deltas} seconds were told");
    for years in [1, 10, 100] {
        let (deltas, more) = after(years);
        assert!(deltas <= 1 && more <= allocations + 8, "{deltas}, {more}");
    }
}
