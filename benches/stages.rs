//! What one packet costs in each stage, beside the library that would otherwise do the work.
//!
//! A packet's way is `walk`, `slice`, `count` and `correlate`, whose times of a packet can be added up:
//! `thrpt` counts packets there. `dns`, `smtp` and `name` are parts of `count`, looked at by themselves.
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use etherparse::LaxSlicedPacket;
use hickory_proto::op::Message;
use mimalloc::MiMalloc;
use mxray::capture::{Frame, LinkType, Origin, Replay};
use mxray::correlate::{Context, Correlator};
use mxray::count::delta::Delta;
use mxray::count::names::{hash, registrable};
use mxray::count::{Counters, Settings};
use mxray::decode::dns::decode;
use mxray::decode::dns::name::Room;
use mxray::decode::observation::{MailPorts, sender};
use mxray::decode::packet::{Packet, Sliced, Transport, slice};
use mxray::decode::tcp::{Connections, Limits};
use mxray::home::{Home, parse_net};
use mxray::host::HostAddr;
use mxray::keywords::Keywords;
use mxray::synth;
use mxray::time::{NANOS, REORDER, Timestamp};
use std::hint::black_box;
use std::io::Cursor;
use std::slice::from_ref;
use std::sync::Arc;

/// The allocator of the `mxray` program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Hosts that ask in [`count`]: more than fit in a processor's nearest cache.
const HOSTS: u32 = 2_000;
/// Packets of a second in [`count`], and the time between two of them.
const RATE: usize = 20_000;
const BETWEEN: i64 = NANOS / 20_000;
/// Packets whose counters are fetched at once, as in a worker's thread.
const FETCHED: usize = 16;
/// Seconds after which the same mail sessions come again: by then all of a session is forgotten, and
/// its ports are free.
const PAUSE: i64 = 3_600;
/// Clients of mail servers connect from this port or a higher one, each session from another.
const EPHEMERAL: u16 = 49_152;
/// A day of DNS over UDP, most of it that of five worms and a mail server.
const DAY: &str = "study-day";
/// Some two hours of mail: a bot, a mail server, ten PCs, and a bot that uses other people's
/// accounts. In clear and in TLS; some of it is refused, and some not answered.
const MAIL: [&str; 4] = [
    "fanout-bot",
    "fanout-server",
    "fanout-pcs",
    "submission-bot",
];

criterion_group!(
    benches, walk, headers, messages, sessions, names, count, correlate, judge
);
criterion_main!(benches);

/// A frame's time and octets.
type Captured = (Timestamp, Vec<u8>);

fn capture(name: &str) -> Vec<u8> {
    let mut capture = Vec::new();
    synth::write(name, &mut capture).expect("memory takes all");
    capture
}

fn frames(name: &str) -> Vec<Captured> {
    let mut replay = Replay::from_reader(name, Cursor::new(capture(name)));
    let mut frames = Vec::new();
    while let Some(frame) = replay.next_frame() {
        frames.push((frame.time, frame.bytes.to_vec()));
    }
    frames
}

/// The frames of all captures of [`MAIL`], in order of time.
fn mail() -> Vec<Captured> {
    let mut frames: Vec<_> = MAIL.into_iter().flat_map(frames).collect();
    frames.sort_by_key(|(time, _)| *time);
    frames
}

fn frame(bytes: &[u8], time: Timestamp) -> Frame<'_> {
    Frame {
        bytes,
        wire_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        time,
        link: LinkType::ETHERNET,
        origin: Origin::default(),
    }
}

fn packets(frames: &[Captured]) -> Vec<Packet<'_>> {
    let sliced = frames
        .iter()
        .map(|(time, bytes)| slice(&frame(bytes, *time)));
    sliced
        .filter_map(|sliced| match sliced {
            Sliced::Packet(packet) => Some(packet),
            _ => None,
        })
        .collect()
}

fn walk(c: &mut Criterion) {
    let capture: Arc<[u8]> = capture(DAY).into();
    let mut group = c.benchmark_group("walk");
    group.throughput(Throughput::Elements(frames(DAY).len() as u64));
    group.bench_function("ours", |b| {
        b.iter(|| {
            let mut replay = Replay::from_reader(DAY, Cursor::new(Arc::clone(&capture)));
            let mut octets = 0;
            while let Some(frame) = replay.next_frame() {
                octets += frame.bytes.len();
            }
            octets
        });
    });
}

fn headers(c: &mut Criterion) {
    let frames = frames(DAY);
    let mut group = c.benchmark_group("slice");
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function("ours", |b| {
        b.iter(|| {
            for (time, bytes) in &frames {
                black_box(slice(&frame(bytes, *time)));
            }
        });
    });
    group.bench_function("etherparse", |b| {
        b.iter(|| {
            for (_, bytes) in &frames {
                let _ = black_box(LaxSlicedPacket::from_ethernet(bytes));
            }
        });
    });
    let frames = mail();
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function("ours, smtp sessions", |b| {
        b.iter(|| {
            for (time, bytes) in &frames {
                black_box(slice(&frame(bytes, *time)));
            }
        });
    });
}

fn messages(c: &mut Criterion) {
    let frames = frames(DAY);
    let packets = packets(&frames);
    let mut group = c.benchmark_group("dns");
    group.throughput(Throughput::Elements(packets.len() as u64));
    // What counting does with most messages.
    group.bench_function("ours, to the question", |b| {
        b.iter(|| {
            for packet in &packets {
                let _ = black_box(decode(packet.payload));
            }
        });
    });
    group.bench_function("ours, all records", |b| {
        b.iter(|| {
            for packet in &packets {
                if let Ok(message) = decode(packet.payload) {
                    message.records().for_each(|record| {
                        let _ = black_box(record);
                    });
                }
            }
        });
    });
    group.bench_function("hickory-proto, all records", |b| {
        b.iter(|| {
            for packet in &packets {
                let _ = black_box(Message::from_vec(packet.payload));
            }
        });
    });
}

/// Mail sessions put together and read, without counting. Few of them are open at a time.
fn sessions(c: &mut Criterion) {
    let frames = mail();
    let mut packets = packets(&frames);
    let ports = MailPorts::default();
    let mut connections = Connections::new(Limits {
        streams: 1 << 16,
        octets: 1 << 27,
    });
    let mut second = 1_000_000_000;
    let mut group = c.benchmark_group("smtp");
    group.throughput(Throughput::Elements(packets.len() as u64));
    group.bench_function("ours", |b| {
        b.iter(|| {
            let closed = Timestamp::from_parts(second, -1);
            connections.expire(closed, &mut |_, _, said| {
                black_box(said);
            });
            for (number, packet) in (0_i64..).zip(&mut packets) {
                packet.time = Timestamp::from_parts(second, number * BETWEEN);
                if let Transport::Tcp(segment) = packet.transport
                    && let Some(of) = sender(packet, segment, &ports)
                {
                    connections.take(packet, segment, of, false, &mut |_, _, said| {
                        black_box(said);
                    });
                }
            }
            second += PAUSE;
        });
    });
}

fn names(c: &mut Criterion) {
    let frames = frames(DAY);
    let packets = packets(&frames);
    let names: Vec<_> = packets
        .iter()
        .filter_map(|packet| decode(packet.payload).ok()?.question)
        .map(|question| question.name)
        .collect();
    let mut room = Room::default();
    let folded: Vec<_> = names
        .iter()
        .map(|name| name.fold(&mut room).to_vec())
        .collect();
    let keywords = Keywords::default();
    let mut group = c.benchmark_group("name");
    group.throughput(Throughput::Elements(names.len() as u64));
    group.bench_function("fold and hash", |b| {
        let mut room = Room::default();
        b.iter(|| {
            for name in &names {
                black_box(hash(name.fold(&mut room)));
            }
        });
    });
    group.bench_function("registrable domain", |b| {
        b.iter(|| {
            for folded in &folded {
                black_box(registrable(folded));
            }
        });
    });
    group.bench_function("keyword tier", |b| {
        b.iter(|| {
            for name in &names {
                black_box(keywords.tier(name.first_label()));
            }
        });
    });
}

/// The steady state: hosts and their names are known, and seconds go by, in each of which
/// every host asks and is answered a few times; or mail sessions, all of them new.
fn count(c: &mut Criterion) {
    let (day, mail) = (frames(DAY), mail());
    let (day, mail) = (packets(&day), packets(&mail));
    let mut group = c.benchmark_group("count");
    for (name, mut packets, pause) in [
        ("as captured", day.clone(), 1),
        ("2000 hosts", of_hosts(HOSTS, day), 1),
        ("smtp sessions", of_clients(mail), PAUSE),
    ] {
        let mut counters = Counters::new(Settings {
            hosts: 100_000,
            ..Settings::default()
        });
        let mut second = 1_000_000_000;
        group.throughput(Throughput::Elements(packets.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                for packets in packets.chunks_mut(RATE) {
                    black_box(counters.close(second - 1));
                    count_second(&mut counters, second, packets);
                    second += pause;
                }
            });
        });
    }
}

/// The packets with other addresses: those of so many hosts.
fn of_hosts(hosts: u32, mut packets: Vec<Packet<'_>>) -> Vec<Packet<'_>> {
    for (number, packet) in (0_u32..).zip(&mut packets) {
        // A query and its reply stand next to each other, and stay of one host.
        let [_, _, high, low] = (number / 2 % hosts).to_be_bytes();
        let host = HostAddr::from_v4([198, 18, high, low]);
        if packet.dst_port == 53 {
            packet.src = host;
        } else {
            packet.dst = host;
        }
    }
    packets
}

/// The packets of mail sessions with other addresses: each session has a client of its own. Of the few
/// that there are so much is observed in one second that half of it would be left out.
fn of_clients(mut packets: Vec<Packet<'_>>) -> Vec<Packet<'_>> {
    for packet in &mut packets {
        let (client, port) = if packet.src_port >= EPHEMERAL {
            (&mut packet.src, packet.src_port)
        } else {
            (&mut packet.dst, packet.dst_port)
        };
        let [high, low] = port.to_be_bytes();
        *client = HostAddr::from_v4([198, 18, high, low]);
    }
    packets
}

/// Counts these packets as a worker does, as those of a second.
fn count_second(counters: &mut Counters, second: i64, packets: &mut [Packet<'_>]) {
    let mut time = Timestamp::from_parts(second, 0);
    for packets in packets.chunks_mut(FETCHED) {
        for packet in &*packets {
            counters.fetch(packet, packet.payload);
        }
        for packet in packets {
            packet.time = time;
            counters.record(packet, false);
            time = time.plus_nanos(BETWEEN);
        }
    }
}

/// The seconds of these packets as a worker tells them, at their own times.
fn seconds(packets: &[Packet<'_>]) -> Vec<Delta> {
    let mut counters = Counters::new(Settings::default());
    let mut newest = Timestamp::MIN;
    let mut seconds = Vec::new();
    for packet in packets {
        if packet.time.second() > newest.second() {
            let closed = packet.time.plus_nanos(-REORDER).second() - 1;
            seconds.append(&mut counters.close(closed));
        }
        newest = newest.max(packet.time);
        counters.record(packet, false);
    }
    seconds.append(&mut counters.end(newest));
    seconds
}

/// Takes in all seconds, each from one worker.
fn take_in(correlator: &mut Correlator, seconds: &[Delta]) {
    for delta in seconds {
        black_box(correlator.second(from_ref(delta)));
    }
}

/// What closed seconds cost, from no knowledge to the last verdict: facts are put in order, what
/// hosts have shown is remembered, weighed with each fact, and told where a level is crossed.
///
/// Nearly each packet of that day is a fact, being of worms and mail servers, and nearly every other
/// one of mail; of ordinary traffic few are. Some ten packets are of a second, so that what each second
/// costs is in it. With nobody inside facts are put in order and passed over: the rest is what it
/// takes to remember hosts and to weigh them, and to look for floods.
fn correlate(c: &mut Criterion) {
    let outside = parse_net("240.0.0.0/4").expect("a net that nobody has");
    let nobody = Context {
        home: Arc::new(Home::new([outside])),
        ..Context::default()
    };
    let mut group = c.benchmark_group("correlate");
    for (name, frames) in [("as captured", frames(DAY)), ("smtp sessions", mail())] {
        let packets = packets(&frames);
        let seconds = seconds(&packets);
        group.throughput(Throughput::Elements(packets.len() as u64));
        for (name, context) in [
            (name.to_owned(), Context::default()),
            (format!("{name}, nobody inside"), nobody.clone()),
        ] {
            group.bench_function(name, |b| {
                b.iter_batched_ref(
                    || Correlator::new(context.clone()),
                    |correlator| take_in(correlator, &seconds),
                    BatchSize::LargeInput,
                );
            });
        }
    }
}

/// What one judgement in full costs, by all that is remembered of a host: its role, its level and
/// class, and the evidence in words. `thrpt` counts judgements, of the hosts with an open episode;
/// one is made where something is told of a host, not for each packet. Whether a fact crosses a
/// level is a part of [`correlate`].
fn judge(c: &mut Criterion) {
    let mut group = c.benchmark_group("judge");
    for (name, frames) in [("as captured", frames(DAY)), ("smtp sessions", mail())] {
        let mut correlator = Correlator::new(Context::default());
        take_in(&mut correlator, &seconds(&packets(&frames)));
        let hosts: Vec<_> = correlator
            .standing()
            .map(|verdict| (verdict.host, verdict.totals))
            .collect();
        group.throughput(Throughput::Elements(hosts.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                for (host, totals) in &hosts {
                    black_box(correlator.judgement(*host, totals));
                }
            });
        });
    }
}
