//! Frames through slicing, routing and counting, as the pipeline does it, with any number of
//! workers, and what comes out in a form that can be compared.

use crate::captures::Captured;
use mxray::capture::Origin;
use mxray::count::delta::{Binding, Delta, Domain, HostBin, What};
use mxray::count::host::HostTotals;
use mxray::count::prefixes::Column;
use mxray::count::{Counters, PacketCounts, Settings, shard_of};
use mxray::decode::fragment::Fragments;
use mxray::decode::observation::{MailPorts, Route, route};
use mxray::decode::packet::{Packet, Sliced};
use mxray::host::HostAddr;
use mxray::time::{REORDER, Timestamp};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The default keywords, room for `hosts` hosts, bins kept.
pub(crate) fn settings(hosts: usize) -> Settings {
    Settings {
        hosts,
        bins: true,
        ..Settings::default()
    }
}

/// A fact without its place in a worker's text: that differs, what it says must not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) origin: Origin,
    pub(crate) time: Timestamp,
    pub(crate) what: What,
    pub(crate) domain: Vec<u8>,
}

/// What is told of a host in a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HostSecond {
    pub(crate) facts: Vec<Told>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) totals: Option<HostTotals>,
    pub(crate) bin: Option<HostBin>,
}

/// All that counting yields, free of how the work was divided.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) seconds: BTreeMap<(i64, HostAddr), HostSecond>,
    pub(crate) hosts: BTreeMap<HostAddr, (HostTotals, Vec<Column>)>,
    pub(crate) packets: PacketCounts,
    pub(crate) recorded: u64,
    pub(crate) late: u64,
}

/// Workers with the shards dealt out among them.
pub(crate) struct Feed {
    fragments: Fragments,
    mail: MailPorts,
    workers: Vec<Counters>,
    newest: Timestamp,
    outcome: Outcome,
}

impl Feed {
    pub(crate) fn new(workers: usize, settings: &Settings) -> Self {
        let counters = std::iter::repeat_with(|| Counters::new(settings.clone()));
        Self {
            fragments: Fragments::default(),
            mail: settings.mail.clone(),
            workers: counters.take(workers).collect(),
            newest: Timestamp::MIN,
            outcome: Outcome::default(),
        }
    }

    /// Takes in a frame.
    pub(crate) fn frame(&mut self, captured: &Captured) {
        self.tick(captured.time);
        // Out of itself for the while, since the packet borrows from it.
        let mut fragments = std::mem::take(&mut self.fragments);
        match fragments.slice(&captured.frame()).sliced {
            Sliced::Packet(packet) => self.count(&packet),
            Sliced::Binding(binding) => self.bind(&binding),
            _ => {}
        }
        self.fragments = fragments;
    }

    /// Takes in a packet.
    pub(crate) fn packet(&mut self, packet: &Packet<'_>) {
        self.tick(packet.time);
        self.count(packet);
    }

    /// Packet time moves on: seconds that can no longer receive a packet are closed.
    fn tick(&mut self, time: Timestamp) {
        if time.second() > self.newest.second() {
            self.close(time.plus_nanos(-REORDER).second() - 1);
        }
        self.newest = self.newest.max(time);
    }

    fn count(&mut self, packet: &Packet<'_>) {
        let Route::Host(host) = route(packet, &self.mail) else {
            return;
        };
        let late = self.newest.nanos_since(packet.time) > REORDER;
        let worker = shard_of(host) % self.workers.len();
        self.workers[worker].record(packet, late);
        self.outcome.recorded += 1;
        self.outcome.late += u64::from(late);
    }

    fn bind(&mut self, binding: &Binding) {
        let late = self.newest.nanos_since(binding.time) > REORDER;
        let worker = shard_of(binding.said.addr) % self.workers.len();
        self.workers[worker].bind(binding, late);
        self.outcome.recorded += 1;
        self.outcome.late += u64::from(late);
    }

    fn close(&mut self, through: i64) {
        for worker in &mut self.workers {
            for delta in worker.close(through) {
                merge(&mut self.outcome.seconds, &delta);
            }
        }
    }

    /// Ends the feed.
    pub(crate) fn finish(mut self) -> Outcome {
        for worker in &mut self.workers {
            for delta in worker.end(self.newest) {
                merge(&mut self.outcome.seconds, &delta);
            }
        }
        let Self {
            workers,
            mut outcome,
            ..
        } = self;
        for worker in workers {
            outcome.packets.add(&worker.packets());
            for (host, mut counters) in worker.finish() {
                let told = (counters.totals(), counters.lookups.prefixes().columns());
                let before = outcome.hosts.insert(host, told);
                assert!(before.is_none(), "{host} is in two shards");
            }
        }
        for second in outcome.seconds.values_mut() {
            // A host's facts may come from two workers: its own, and that of whom it answered.
            second.facts.sort_by_key(|fact| (fact.time, fact.origin));
        }
        outcome
    }
}

fn merge(seconds: &mut BTreeMap<(i64, HostAddr), HostSecond>, delta: &Delta) {
    for fact in &delta.facts {
        let (what, domain) = without_place(fact.what, delta);
        let second = seconds.entry((delta.second, fact.host)).or_default();
        second.facts.push(Told {
            origin: fact.origin,
            time: fact.time,
            what,
            domain,
        });
    }
    for binding in &delta.bindings {
        let second = seconds
            .entry((delta.second, binding.said.addr))
            .or_default();
        second.bindings.push(*binding);
    }
    for (host, totals) in &delta.totals {
        let second = seconds.entry((delta.second, *host)).or_default();
        let before = second.totals.replace(totals.clone());
        assert!(before.is_none(), "{host} is counted by two workers");
    }
    for (host, bin) in &delta.bins {
        let second = seconds.entry((delta.second, *host)).or_default();
        assert!(second.bin.replace(*bin).is_none());
    }
}

fn without_place(what: What, delta: &Delta) -> (What, Vec<u8>) {
    let text = |domain: Domain| (Domain { at: 0, ..domain }, delta.domain(domain).to_vec());
    match what {
        What::MxQuery(domain) => {
            let (domain, name) = text(domain);
            (What::MxQuery(domain), name)
        }
        What::MailHostQuery {
            domain,
            name,
            label,
        } => {
            let (domain, text) = text(domain);
            let what = What::MailHostQuery {
                domain,
                name,
                label,
            };
            (what, text)
        }
        other => (other, Vec::new()),
    }
}

/// All frames, through that many workers.
pub(crate) fn run(frames: &[Captured], workers: usize, settings: &Settings) -> Outcome {
    let mut feed = Feed::new(workers, settings);
    for frame in frames {
        feed.frame(frame);
    }
    feed.finish()
}

/// The resolver of packets made by hand.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);

/// A DNS message with one question, and no records.
pub(crate) fn message(id: u16, flags: u16, name: &str, qtype: u16) -> Vec<u8> {
    let mut octets = Vec::new();
    for word in [id, flags, 1, 0, 0, 0] {
        octets.extend(word.to_be_bytes());
    }
    for label in name.split('.').filter(|label| !label.is_empty()) {
        octets.push(u8::try_from(label.len()).unwrap());
        octets.extend(label.as_bytes());
    }
    octets.push(0);
    octets.extend(qtype.to_be_bytes());
    octets.extend(1_u16.to_be_bytes());
    octets
}

/// `payload` from a host to the resolver.
pub(crate) fn query(host: Ipv4Addr, time: Timestamp, payload: &[u8]) -> Packet<'_> {
    packet((host, 40_000), (RESOLVER, 53), time, payload)
}

/// `payload` in UDP.
pub(crate) fn packet(
    (src, src_port): (Ipv4Addr, u16),
    (dst, dst_port): (Ipv4Addr, u16),
    time: Timestamp,
    payload: &[u8],
) -> Packet<'_> {
    Packet {
        time,
        origin: Origin::default(),
        tag: mxray::decode::packet::LinkTag::default(),
        src: src.into(),
        dst: dst.into(),
        transport: mxray::decode::packet::Transport::Udp,
        src_port,
        dst_port,
        missing: 0,
        payload,
    }
}
