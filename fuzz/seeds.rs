//! The seeds of the fuzz targets as plain tests, for every `cargo test` on stable. With
//! `MXRAY_BLESS=1` the seeds are made again from `mxray::synth` first.

#![expect(
    clippy::duplicate_mod,
    reason = "each law is also that of a target, which has the folder for itself"
)]

#[path = "laws/capture_file.rs"]
mod capture_file;
#[path = "laws/checkpoint.rs"]
mod checkpoint;
#[path = "laws/client_hello.rs"]
mod client_hello;
#[path = "laws/config.rs"]
mod config;
#[path = "laws/dns_message.rs"]
mod dns_message;
#[path = "laws/event_log.rs"]
mod event_log;
#[path = "laws/inventory.rs"]
mod inventory;
#[path = "laws/link_ip.rs"]
mod link_ip;
#[path = "laws/smtp_session.rs"]
mod smtp_session;
#[path = "laws/tcp_segments.rs"]
mod tcp_segments;

use mxray::capture::{Fault, Filter, Frame, Replay};
use mxray::checkpoint::Parts;
use mxray::correlate::{Context, Verdict};
use mxray::count;
use mxray::decode::packet::{Sliced, Transport, slice};
use mxray::decode::smtp::Side;
use mxray::pipeline::{self, Behind, Hosts, KeepState, Tap};
use mxray::report::{HostReport, Sink};
use mxray::synth;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Write as _};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Larger captures only make the fuzzer slow.
const LARGEST: usize = 16 * 1024;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target)
}

/// The seeds of a target, with their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    if std::env::var_os("MXRAY_BLESS").is_some() {
        bless(target);
    }
    let mut seeds: Vec<_> = fs::read_dir(folder(target))
        .expect("the seeds are part of the repository")
        .map(|entry| {
            let entry = entry.expect("a folder that can be listed");
            let octets = fs::read(entry.path()).expect("a seed");
            (entry.file_name().to_string_lossy().into_owned(), octets)
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty());
    seeds
}

fn bless(target: &str) {
    let made = match target {
        "capture_file" => captures(),
        "link_ip" => in_sequence(),
        "tcp_segments" => segments(),
        "smtp_session" => sessions(),
        "client_hello" => hellos(),
        "checkpoint" => states(),
        "config" => configs(),
        "event_log" => logs(),
        "inventory" => inventories(),
        _ => messages(),
    };
    fs::create_dir_all(folder(target)).expect("a folder");
    for (name, octets) in made {
        fs::write(folder(target).join(name), octets).expect("a seed written");
    }
}

/// The small captures of the catalogue, and one of them in each other form of file.
fn captures() -> Vec<(String, Vec<u8>)> {
    let mut made = Vec::new();
    for recipe in synth::catalogue() {
        let mut octets = Vec::new();
        synth::write(recipe.name, &mut octets).expect("memory takes all");
        if octets.len() <= LARGEST {
            made.push((format!("{}.pcap", recipe.name), octets));
        }
    }
    let mut small = Vec::new();
    synth::write("dns-replies", &mut small).expect("memory takes all");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&small).expect("memory takes all");
    let gzip = gzip.finish().expect("memory takes all");
    made.push(("dns-replies.pcap.gz".into(), gzip));
    let zstd = zstd::encode_all(&small[..], 19).expect("memory takes all");
    made.push(("dns-replies.pcap.zst".into(), zstd));
    made.push(("dns-replies.pcapng".into(), pcapng(small)));
    made
}

/// The same frames in enhanced packet blocks: one section, one interface, microseconds.
fn pcapng(pcap: Vec<u8>) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let length = u32::try_from(body.len().next_multiple_of(4) + 12).expect("a small block");
        let mut octets = [kind.to_le_bytes(), length.to_le_bytes()].concat();
        octets.extend(body);
        octets.resize(length as usize - 4, 0);
        octets.extend(length.to_le_bytes());
        octets
    };
    let words = |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|w| w.to_le_bytes()).collect() };
    let mut octets = block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    octets.extend(block(1, &words(&[1, 0])));
    frames(pcap, |frame| {
        let micros = u64::try_from(frame.time.nanos() / 1000).expect("a time after 1970");
        let [high, low] = [micros >> 32, micros & 0xffff_ffff]
            .map(|half| u32::try_from(half).expect("half of 64 bits"));
        let captured = u32::try_from(frame.bytes.len()).expect("a small frame");
        let head = words(&[0, high, low, captured, frame.wire_len]);
        octets.extend(block(6, &[&head, frame.bytes].concat()));
    });
    octets
}

/// The frames of captures of link layers, tunnels, fragments and a LAN as `link_ip` takes them.
fn in_sequence() -> Vec<(String, Vec<u8>)> {
    let parts = ["link-", "tunnel-", "fragments", "lan-bindings"];
    let recipes = synth::catalogue().iter().map(|recipe| recipe.name);
    recipes
        .filter(|name| parts.iter().any(|part| name.starts_with(part)))
        .map(|name| {
            let mut capture = Vec::new();
            synth::write(name, &mut capture).expect("memory takes all");
            let (mut octets, mut before) = (Vec::new(), None);
            frames(capture, |frame| {
                if octets.is_empty() {
                    octets.push(link_ip::number(frame.link));
                }
                let length = u16::try_from(frame.bytes.len()).expect("a small frame");
                octets.extend(length.to_be_bytes());
                let second = frame.time.second();
                let wait = second - before.unwrap_or(second);
                octets.push(u8::try_from(wait).expect("a short wait"));
                octets.extend(frame.bytes);
                before = Some(second);
            });
            (name.to_owned(), octets)
        })
        .collect()
}

/// The segments of captures of TCP as `tcp_segments` takes them: numbers from the first of
/// each side on, and short payloads.
fn segments() -> Vec<(String, Vec<u8>)> {
    let names = [
        "dns-tcp",
        "tcp-reassembly",
        "tcp-holes",
        "smtp-outcomes",
        "smtp-one-way",
        "irc-bot",
    ];
    let mut made = Vec::new();
    for name in names {
        let mut capture = Vec::new();
        synth::write(name, &mut capture).expect("memory takes all");
        let (mut octets, mut before) = (Vec::new(), None);
        let mut first = HashMap::new();
        frames(capture, |frame| {
            let Sliced::Packet(packet) = slice(frame) else {
                return;
            };
            let Transport::Tcp(segment) = packet.transport else {
                return;
            };
            let from_server = packet.src_port < packet.dst_port;
            let port = packet.src_port.min(packet.dst_port);
            let irc = matches!(port, 6660..=6669);
            let client = packet.src_port.max(packet.dst_port);
            let side = (packet.src, packet.src_port, packet.dst);
            let first = *first.entry(side).or_insert(segment.seq);
            let which = (client & 7) as u8
                | u8::from(port == 53) << 3
                | u8::from(from_server) << 4
                | u8::from(irc) << 5
                | u8::from(packet.is_cut()) << 7;
            let seq = (segment.seq.wrapping_sub(first) & 0xffff) as u16;
            let payload = packet.payload.get(..255).unwrap_or(packet.payload);
            let second = frame.time.second();
            let wait = second - before.replace(second).unwrap_or(second);
            octets.extend([which, segment.flags]);
            octets.extend(seq.to_be_bytes());
            octets.push((segment.ack & 0xff) as u8);
            octets.push(u8::try_from(payload.len()).expect("cut above"));
            octets.push(u8::try_from(wait).unwrap_or(u8::MAX));
            octets.extend(payload);
        });
        octets.truncate(LARGEST);
        made.push((name.to_owned(), octets));
    }
    made
}

/// The DNS messages in those captures, each once.
fn messages() -> Vec<(String, Vec<u8>)> {
    let mut made = Vec::new();
    let mut seen = HashSet::new();
    for name in ["dns-types", "dns-compression", "dns-replies"] {
        let mut capture = Vec::new();
        synth::write(name, &mut capture).expect("memory takes all");
        frames(capture, |frame| {
            if let Sliced::Packet(packet) = slice(frame)
                && seen.insert(packet.payload.to_vec())
            {
                let name = format!("{name}-{:02}", frame.origin.frame);
                made.push((name, packet.payload.to_vec()));
            }
        });
    }
    made
}

/// SMTP connections: a line of a transcript each, behind `C` or `S` for who speaks.
const TRANSCRIPTS: [(&str, &[&str]); 6] = [
    (
        "two-mails",
        &[
            "S220 mx\r\n",
            "CEHLO a.example\r\n",
            "S250-mx\r\n250 SIZE\r\n",
            "CMAIL FROM:<a@a.example> SIZE=9\r\n",
            "S250 2.1.0 ok\r\n",
            "CRCPT TO:<b@b.example>\r\n",
            "S250 2.1.5 ok\r\n",
            "CDATA\r\n",
            "S354 go\r\n",
            "CFrom: a\r\n",
            "C..\r\n",
            "C.\r\n",
            "S250 2.0.0 queued\r\n",
            "CMAIL FROM:<>\r\n",
            "S250 ok\r\n",
            "CRCPT TO:<@c.example:b@b.example>\r\n",
            "S550 5.1.1 no\r\n",
            "CRSET\r\n",
            "S250 ok\r\n",
            "CQUIT\r\n",
            "S221 bye\r\n",
        ],
    ),
    (
        "pipelined-chunks",
        &[
            "S220 mx\r\n",
            "CEHLO a.example\r\n",
            "S250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
            "CMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nBDAT 5\r\nhelloBDAT 0 LAST\r\n",
            "S250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n",
            "CQUIT\r\n",
            "S221 bye\r\n",
        ],
    ),
    (
        "credentials",
        &[
            "S220 mx\r\n",
            "CEHLO a.example\r\n",
            "S250-mx\r\n250 AUTH LOGIN PLAIN\r\n",
            "CAUTH LOGIN\r\n",
            "S334 VXNlcm5hbWU6\r\n",
            "CdXNlcg==\r\n",
            "S334 UGFzc3dvcmQ6\r\n",
            "CcGFzcw==\r\n",
            "S535 5.7.8 no\r\n",
            "CAUTH PLAIN AGEAYg==\r\n",
            "S235 yes\r\n",
            "CQUIT\r\n",
            "S221 bye\r\n",
        ],
    ),
    (
        "starttls",
        &[
            "S220 mx\r\n",
            "CEHLO a.example\r\n",
            "S250 STARTTLS\r\n",
            "CSTARTTLS\r\n",
            "S220 go\r\n",
            "C\u{16}\u{3}\u{1}\0\u{4}\u{1}\0\0\0",
            "S\u{17}\u{3}\u{3}\0\u{1}x",
        ],
    ),
    (
        "broken",
        &[
            "CHELO localhost\n",
            "S220 mx\r\n250 ok\r\n",
            "CMAIL FROM: a@b.example\r\n",
            "S503 no\r\n",
            "CDATA\r\n",
            "Ctext\r\n",
            "S503 no\r\n",
            "CVRFY \u{1}\u{2}\r\n",
            "S421 bye\r\n",
        ],
    ),
    ("http", &["CGET / HTTP/1.1\r\n", "SHTTP/1.1 400 Bad\r\n"]),
];

/// The transcripts as `smtp_session` takes them.
fn sessions() -> Vec<(String, Vec<u8>)> {
    let made = TRANSCRIPTS.iter().map(|(name, lines)| {
        let mut octets = vec![smtp_session::WHOLE];
        for line in *lines {
            let (side, said) = match line.split_at(1) {
                ("C", said) => (Side::Client, said),
                (_, said) => (Side::Server, said),
            };
            octets.push(smtp_session::number(side));
            octets.extend(u16::try_from(said.len()).expect("short").to_be_bytes());
            octets.extend(said.bytes());
        }
        ((*name).to_owned(), octets)
    });
    made.collect()
}

/// A `ClientHello` with both names, in one record and in two.
fn hellos() -> Vec<(String, Vec<u8>)> {
    let sized = |data: &[u8]| {
        let length = u16::try_from(data.len()).expect("short").to_be_bytes();
        [&length[..], data].concat()
    };
    let name = sized(&[&[0][..], &sized(b"mx.b.example")].concat());
    let protocols = sized(b"\x04smtp\x02h2");
    let extensions = [
        b"\x0a\x0a\0\0\0\0".to_vec(),
        sized(&name),
        b"\0\x10".to_vec(),
        sized(&protocols),
    ]
    .concat();
    let body = [
        b"\x03\x03".to_vec(),
        vec![7; 32],
        b"\0\0\x02\x13\x01\x01\0".to_vec(),
        sized(&extensions),
    ]
    .concat();
    let message = [&[1, 0][..], &sized(&body)].concat();
    let record = |piece: &[u8]| [b"\x16\x03\x01", &sized(piece)[..]].concat();
    let (first, second) = message.split_at(60);
    vec![
        ("body".into(), body),
        ("one-record".into(), record(&message)),
        (
            "two-records".into(),
            [record(first), record(second)].concat(),
        ),
    ]
}

/// The states of short captures, as `checkpoint` takes them: behind what is to be damaged.
fn states() -> Vec<(String, Vec<u8>)> {
    let names = [
        "one-packet",
        "dns-replies",
        "irc-bot",
        "lan-bindings",
        "smtp-session",
    ];
    let made = names.map(|name| {
        let mut capture = Vec::new();
        synth::write(name, &mut capture).expect("memory takes all");
        let state = state(capture);
        assert!(state.len() <= LARGEST, "{name}: {}", state.len());
        (name.to_owned(), [&[0, 0, 40, 1][..], &state].concat())
    });
    made.into()
}

/// What the pipeline would keep at the end of a capture.
fn state(capture: Vec<u8>) -> Vec<u8> {
    struct Kept(Vec<u8>);
    impl pipeline::StateKeeper for Kept {
        fn keep(&mut self, parts: &Parts<'_>, _: bool) -> io::Result<()> {
            self.0 = postcard::to_allocvec(parts).map_err(io::Error::other)?;
            Ok(())
        }
    }
    struct Silent;
    impl Sink for Silent {
        fn verdict(&mut self, _: &Verdict) -> io::Result<()> {
            Ok(())
        }
        fn host(&mut self, _: &HostReport<'_>) -> io::Result<()> {
            Ok(())
        }
        fn fault(&mut self, fault: &Fault) {
            panic!("{fault}");
        }
    }
    let mut source = Replay::from_reader("capture", io::Cursor::new(capture));
    let tap = Tap {
        source: &mut source,
        filter: Filter::new(None, None, None).expect("no filter"),
        progress: &mut |_| (),
    };
    let settings = pipeline::Settings {
        workers: NonZeroUsize::MIN,
        count: count::Settings::default(),
        context: Context::default(),
        stats: None,
        behind: Behind::Wait,
        hosts: Hosts::Never,
        keep: None,
        follow: false,
    };
    let mut kept = Kept(Vec::new());
    let keep = KeepState {
        keeper: &mut kept,
        every: NonZeroU64::MAX,
        at_end: Arc::new(AtomicBool::new(true)),
    };
    pipeline::run(vec![tap], &settings, None, Some(keep), &mut Silent).expect("no sink fails");
    assert!(!kept.0.is_empty());
    kept.0
}

/// The examples that are shipped, and values of each kind.
fn configs() -> Vec<(String, Vec<u8>)> {
    let values = r#"home = ["192.0.2.0/24", "2001:db8::/32"]
keywords = ["+post", "=mx,mail"]
smtp-ports = ["=25,2525"]
interface = ["eth1", "eth2"]
filter = "port 53 or port 25"
log = "log"
log-size = "4M"
log-segment = "64K"
memory = "512M"
since = 2005-02-25
until = "2005-02-25T09:00:00.5+09:00"
stats = 60
hosts = "all"
verbose = 2
"#;
    let mut made = examples(["mxray.toml", "ship.toml"]);
    made.push(("values".to_owned(), values.into()));
    made
}

fn inventories() -> Vec<(String, Vec<u8>)> {
    let nested = r#"[site]
domains = ["Example.AC.jp."]
[[host]]
net = "192.0.2.0/24"
owner = "net@example.org"
note = "all"
[[host]]
net = "192.0.2.64/26"
role = "mail-server"
[[host]]
net = "::ffff:192.0.2.77"
note = "one"
[[host]]
net = "::/0"
role = "monitor"
[[suppress]]
net = "192.0.2.0/25"
class = "spam-fanout"
until = 2027-01-31
[[suppress]]
net = "192.0.2.77"
reason = "known"
"#;
    let mut made = examples(["inventory.toml"]);
    made.push(("nested".to_owned(), nested.into()));
    made
}

fn examples<const N: usize>(names: [&str; N]) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples");
    let read = |name: &str| fs::read(folder.join(name)).expect("an example");
    names.map(|name| (name.to_owned(), read(name))).into()
}

/// Logs as `event_log` takes them: three segments, the last of which is promised in part.
fn logs() -> Vec<(String, Vec<u8>)> {
    let segments = [
        [4, 0b0000_1111, 0xff, 9],
        [3, 0, 0b100, 1],
        [9, 0, 0b10010, 2],
    ]
    .concat();
    let log = |kind: u8, fate: &[[u8; 4]]| [&[kind, 2], &*segments, &fate.concat()].concat();
    let made = [
        ("as-it-was", log(0, &[])),
        ("crash-torn", log(0, &[[0, 0, 45, 30]])),
        ("crash-garbage", log(0, &[[9, 0, 45, 0]])),
        ("crash-line", log(0, &[[3, 0, 45, b'\n']])),
        (
            "damage-in-the-last-promised-batch",
            log(1, &[[0x10, 0, 120, 7]]),
        ),
        ("damage-to-a-line-end", log(1, &[[0x08, 0, 25, b' ']])),
        ("damage-to-the-index", log(1, &[[0x12, 0, 20, b'9']])),
        ("index-lost", log(1, &[[0x16, 0, 0, 0], [0x0e, 0, 3, 0]])),
        ("segment-cut", log(1, &[[0x0c, 0, 40, 0], [0x14, 0, 60, 0]])),
    ];
    made.map(|(name, octets)| (name.to_owned(), octets)).into()
}

fn frames(capture: Vec<u8>, mut each: impl FnMut(&Frame<'_>)) {
    let mut replay = Replay::from_reader("capture", io::Cursor::new(capture));
    while let Some(frame) = replay.next_frame() {
        each(&frame);
    }
}

#[test]
fn capture_files() {
    for (name, octets) in seeds("capture_file") {
        println!("{name}");
        capture_file::holds(&octets);
        // Cut in the file header, in the first record, and in the last.
        for cut in [7, 23, 39, 50, octets.len().saturating_sub(1)] {
            capture_file::holds(&octets[..cut.min(octets.len())]);
        }
    }
}

#[test]
fn frames_in_sequence() {
    for (name, octets) in seeds("link_ip") {
        println!("{name}");
        link_ip::holds(&octets);
        let mut flipped = octets;
        for at in 0..flipped.len() {
            for change in [0x01, 0x20, 0x80, 0xff] {
                flipped[at] ^= change;
                link_ip::holds(&flipped);
                flipped[at] ^= change;
            }
        }
    }
}

#[test]
fn tcp_segment_sequences() {
    for (name, octets) in seeds("tcp_segments") {
        println!("{name}");
        for end in (0..octets.len()).step_by(97) {
            tcp_segments::holds(&octets[..end]);
        }
        let mut flipped = octets;
        for at in (0..flipped.len()).step_by(13) {
            for change in [0x01, 0x10, 0x80, 0xff] {
                flipped[at] ^= change;
                tcp_segments::holds(&flipped);
                flipped[at] ^= change;
            }
        }
    }
}

#[test]
fn dns_messages() {
    for (name, octets) in seeds("dns_message") {
        println!("{name}");
        dns_message::holds(&octets);
        for end in 0..octets.len() {
            dns_message::holds(&octets[..end]);
        }
        let mut flipped = octets;
        for at in 0..flipped.len() {
            for bit in 0..8 {
                flipped[at] ^= 1 << bit;
                dns_message::holds(&flipped);
                flipped[at] ^= 1 << bit;
            }
        }
    }
}

#[test]
fn smtp_sessions() {
    for (name, octets) in seeds("smtp_session") {
        println!("{name}");
        altered(&octets, smtp_session::holds);
    }
}

#[test]
fn client_hellos() {
    for (name, octets) in seeds("client_hello") {
        println!("{name}");
        altered(&octets, client_hello::holds);
    }
}

#[test]
fn checkpoints() {
    for (name, octets) in seeds("checkpoint") {
        println!("{name}");
        checkpoint::holds(&octets);
        sampled(&octets, 6, checkpoint::holds);
    }
    // What the tests hold the format against, with a head of its own.
    let kept = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoint.kept"));
    sampled(&kept.expect("it is committed"), 6, checkpoint::holds);
}

#[test]
fn configs_of_people() {
    for (name, octets) in seeds("config") {
        println!("{name}");
        config::holds(&octets);
        sampled(&octets, 20, config::holds);
    }
}

#[test]
fn inventories_of_sites() {
    for (name, octets) in seeds("inventory") {
        println!("{name}");
        inventory::holds(&octets);
        sampled(&octets, 300, inventory::holds);
    }
}

#[test]
fn event_logs() {
    for (name, octets) in seeds("event_log") {
        println!("{name}");
        event_log::holds(&octets);
        sampled(&octets, 40, event_log::holds);
    }
}

/// Cut at, and changed in, so many octets from all over it.
fn sampled(octets: &[u8], samples: usize, holds: fn(&[u8])) {
    let step = octets.len().div_ceil(samples).max(1);
    for at in (0..octets.len()).step_by(step) {
        let (head, tail) = octets.split_at(at);
        holds(head);
        let (octet, tail) = tail.split_first().expect("not the end");
        for change in [0x01, 0x10, 0x80] {
            holds(&[head, &[octet ^ change], tail].concat());
        }
    }
}

/// As it is, cut at each octet, and with octets changed.
fn altered(octets: &[u8], holds: fn(&[u8])) {
    holds(octets);
    for (at, octet) in octets.iter().enumerate() {
        let (head, tail) = octets.split_at(at);
        holds(head);
        for change in [0x01, 0x02, 0x20, 0x80, 0xff] {
            holds(&[head, &[octet ^ change], tail.split_at(1).1].concat());
        }
    }
}
