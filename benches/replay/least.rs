//! A plain loop that counts most of what an event tells of a host's DNS, in one thread, by the parts
//! that mxray has for names, domains and distinct counts, and does nothing else: no hand-over, no mail,
//! no copies of a mirror, no seconds that may still change, no bounds, no tiers of keywords and no
//! labels, nothing saved or judged, and no packet but the plainest.

use anyhow::{Result, ensure};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use mxray::capture::{Replay, Source as _};
use mxray::count::distinct::Distinct;
use mxray::count::domains::Domains;
use mxray::count::host::{Queries, Replies};
use mxray::count::names;
use mxray::decode::dns::name::Room;
use mxray::decode::dns::{NXDOMAIN, QType, SERVFAIL};
use mxray::decode::observation::{By, DNS, observe};
use mxray::decode::packet::{self, Transport};
use mxray::host::HostAddr;
use mxray::keywords::Keywords;
use std::hint::black_box;
use std::path::Path;

/// What is counted of a host.
#[derive(Default)]
struct Host {
    queries: Queries,
    replies: Replies,
    keyword: u64,
    names: Distinct,
    domains: Distinct,
    /// The first five octets of the names of A queries.
    prefixes: HashMap<[u8; 5], u64, RandomState>,
    /// The second that is open, its A queries and those for mail hosts.
    open: Option<(i64, u64, u64)>,
    /// The sums behind R².
    sums: [u64; 6],
}

impl Host {
    fn a(&mut self, second: i64, mail: bool) {
        if self.open.is_none_or(|(open, ..)| open != second) {
            self.close();
        }
        let (_, t, k) = self.open.get_or_insert((second, 0, 0));
        *t += 1;
        *k += u64::from(mail);
    }

    fn close(&mut self) {
        if let Some((_, t, k)) = self.open.take() {
            for (sum, more) in self.sums.iter_mut().zip([1, t, k, t * t, k * k, t * k]) {
                *sum += more;
            }
        }
    }
}

/// Counts all hosts of a capture; how many octets of it were read.
pub(crate) fn count(file: &Path) -> Result<usize> {
    let keywords = Keywords::default();
    let mut hosts: HashMap<HostAddr, Host, RandomState> = HashMap::default();
    let mut domains = Domains::default();
    let mut replay = Replay::open(&[file]);
    let mut octets = 0;
    while let Some(frame) = replay.next_frame() {
        octets += frame.bytes.len();
        let Some(packet) = packet::usual(&frame) else {
            continue;
        };
        let datagram = packet.transport == Transport::Udp;
        if !datagram || ![packet.src_port, packet.dst_port].contains(&DNS) {
            continue;
        }
        let Ok(observation) = observe(&packet) else {
            continue;
        };
        let message = observation.message;
        match observation.by {
            By::Server => {
                if let Some(host) = hosts.get_mut(&packet.dst) {
                    let rcode = message.header.rcode();
                    host.replies.total += 1;
                    host.replies.nxdomain += u64::from(rcode == NXDOMAIN);
                    host.replies.servfail += u64::from(rcode == SERVFAIL);
                }
            }
            By::Host => {
                let host = hosts.entry(packet.src).or_default();
                let Some(question) = message.question else {
                    continue;
                };
                let mut room = Room::default();
                let name = question.name.fold(&mut room);
                host.names.insert(names::hash(name));
                host.domains.insert(domains.of(name));
                host.queries.total += 1;
                host.queries.add(question.qtype);
                if question.qtype == QType::A {
                    let mail = keywords.tier(names::first_label(name)).is_some();
                    host.keyword += u64::from(mail);
                    host.a(packet.time.second(), mail);
                    let prefix = name.get(1..).and_then(<[u8]>::first_chunk);
                    *host.prefixes.entry(*prefix.unwrap_or(&[0; 5])).or_default() += 1;
                }
            }
            By::Nobody => {}
        }
    }
    let faults = replay.take_faults();
    ensure!(faults.is_empty(), "{faults:?}");
    hosts.values_mut().for_each(Host::close);
    let hosts = black_box(hosts);
    let queries = hosts.values().map(|host| host.queries.total);
    ensure!(queries.sum::<u64>() > 0, "no queries");
    Ok(octets)
}
