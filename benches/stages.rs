//! What one packet costs in each stage, beside the library that would otherwise do the work.
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use etherparse::LaxSlicedPacket;
use hickory_proto::op::Message;
use mxray::capture::{Frame, LinkType, Origin, Replay};
use mxray::count::names::{hash, registrable};
use mxray::count::{Counters, Settings};
use mxray::decode::dns::decode;
use mxray::decode::dns::name::Room;
use mxray::decode::packet::{Packet, Sliced, slice};
use mxray::host::HostAddr;
use mxray::keywords::Keywords;
use mxray::synth;
use mxray::time::{NANOS, Timestamp};
use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

/// Hosts that ask in [`count`]: more than fit in a processor's nearest cache.
const HOSTS: u32 = 2_000;

criterion_group!(benches, walk, headers, messages, names, count);
criterion_main!(benches);

/// A day of the study: queries and replies of some fifty hosts.
fn capture() -> Vec<u8> {
    let mut capture = Vec::new();
    synth::write("study-day", &mut capture).expect("memory takes all");
    capture
}

/// Each bench below goes through the same frames.
fn frames() -> Vec<(Timestamp, Vec<u8>)> {
    let mut replay = Replay::from_reader("study-day", Cursor::new(capture()));
    let mut frames = Vec::new();
    while let Some(frame) = replay.next_frame() {
        frames.push((frame.time, frame.bytes.to_vec()));
    }
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

fn packets(frames: &[(Timestamp, Vec<u8>)]) -> Vec<Packet<'_>> {
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
    let capture: Arc<[u8]> = capture().into();
    let mut group = c.benchmark_group("walk");
    group.throughput(Throughput::Elements(frames().len() as u64));
    group.bench_function("ours", |b| {
        b.iter(|| {
            let mut replay = Replay::from_reader("study-day", Cursor::new(Arc::clone(&capture)));
            let mut octets = 0;
            while let Some(frame) = replay.next_frame() {
                octets += frame.bytes.len();
            }
            octets
        });
    });
}

fn headers(c: &mut Criterion) {
    let frames = frames();
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
}

fn messages(c: &mut Criterion) {
    let frames = frames();
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

fn names(c: &mut Criterion) {
    let frames = frames();
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
/// every host asks and is answered a few times.
fn count(c: &mut Criterion) {
    let frames = frames();
    let packets = packets(&frames);
    let mut group = c.benchmark_group("count");
    group.throughput(Throughput::Elements(packets.len() as u64));
    for (name, hosts) in [("as captured", None), ("2000 hosts", Some(HOSTS))] {
        let mut packets = packets.clone();
        for (number, packet) in (0_u32..).zip(&mut packets) {
            // A query and its reply stand next to each other, and stay of one host.
            let Some(hosts) = hosts else { break };
            let [_, _, high, low] = (number / 2 % hosts).to_be_bytes();
            let host = HostAddr::from_v4([198, 18, high, low]);
            if packet.dst_port == 53 {
                packet.src = host;
            } else {
                packet.dst = host;
            }
        }
        let mut counters = Counters::new(Settings {
            hosts: 100_000,
            ..Settings::default()
        });
        let mut second = 1_000_000_000;
        group.bench_function(name, |b| {
            b.iter(|| {
                for packets in packets.chunks_mut(20_000) {
                    for (number, packet) in (0_i64..).zip(&mut *packets) {
                        packet.time = Timestamp::from_parts(second, number * NANOS / 20_000);
                        counters.record(packet, false);
                    }
                    black_box(counters.close(second));
                    second += 1;
                }
            });
        });
    }
}
