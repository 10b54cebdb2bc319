//! Files of packets, read back by the same program and by Wireshark's.

use super::*;
use crate::capture::{Input, LinkType, Replay, Source as _};
use crate::correlate::Judgement;
use crate::correlate::evidence::{Evidence, Family, Witness};
use crate::correlate::role::{RoleSource, RoleView};
use crate::verdict::{Class, Role};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

const HOST: HostAddr = HostAddr::from_v4([192, 0, 2, 2]);
const OCTETS: &[u8] =
    b"\x45\0\0\x1d\0\0\0\0\x40\x11\0\0\xc0\0\x02\x02\xc6\x33\x64\x35\x9c\x40\0\x35\0\x09\0\0";

fn time(second: i64) -> Timestamp {
    Timestamp::from_parts(1_109_289_600 + second, 123_456_789)
}

fn frame(number: u64) -> Frame<'static> {
    Frame {
        bytes: OCTETS,
        wire_len: 60,
        time: time(i64::try_from(number).unwrap()),
        link: LinkType::RAW,
        origin: Origin {
            file: u32::try_from(number % 2).unwrap(),
            frame: number,
        },
    }
}

/// A verdict that names a packet.
fn verdict(host: HostAddr, named: u64) -> Verdict {
    let frame = frame(named);
    let judgement = Judgement {
        class: Class::Gen2Mx,
        level: Level::Likely,
        evidence: vec![Evidence {
            family: Family::Mx,
            llr: 4.25,
            capped: false,
            text: "asked for the exchangers of never-told.example".to_owned(),
            packets: vec![Witness {
                origin: frame.origin,
                time: frame.time,
            }],
            domains: Vec::new(),
            more: false,
        }],
        ..Judgement::ordinary(RoleView {
            role: Role::Pc,
            source: RoleSource::Default,
            basis: Vec::new(),
        })
    };
    Verdict::first(host, time(0), judgement)
}

fn host(number: u8) -> HostAddr {
    HostAddr::from_v4([192, 0, 2, number])
}

fn open(folder: &Path, payload: bool) -> PacketFiles {
    let interfaces = ["eth1", "eth2"].map(str::to_owned);
    PacketFiles::open(folder, "north", &interfaces, payload).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Times and lengths of the frames of a file.
fn read(path: &Path) -> Vec<(Timestamp, usize, u32)> {
    let mut replay = Replay::open(&[path.to_owned()]);
    let mut frames = Vec::new();
    while let Some(input) = replay.next_input() {
        let Input::Frame(frame) = input else { continue };
        assert_eq!((frame.bytes, frame.link), (OCTETS, LinkType::RAW));
        frames.push((frame.time, frame.bytes.len(), frame.wire_len));
    }
    assert_eq!(replay.take_faults().len(), 0);
    frames
}

fn written(numbers: impl Iterator<Item = u64>) -> Vec<(Timestamp, usize, u32)> {
    numbers.map(|number| (frame(number).time, 28, 60)).collect()
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut packets = open(folder.path(), false);
    // Nobody has heard of it.
    packets.packets(HOST, &[frame(1)]);
    packets.verdict(&verdict(HOST, 3));
    packets.packets(HOST, &[1, 2, 3].map(frame));
    packets.packets(HOST, &[4, 5].map(frame));
    let [file] = files(folder.path()).try_into().unwrap();
    let id = episode_id("north", &verdict(HOST, 3));
    let name = format!("192.0.2.2-{id}.pcapng");
    assert_eq!(file.file_name().unwrap().to_str(), Some(&*name));
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(read(&file), written(1..=5));

    // Another run goes on where this one ended, in a section of its own.
    let mut packets = open(folder.path(), false);
    packets.verdict(&verdict(HOST, 3));
    packets.packets(HOST, &[frame(6)]);
    assert_eq!(read(&file), written(1..=6));
    let counts = EvidenceCounts {
        packets: 1,
        ..EvidenceCounts::default()
    };
    assert_eq!(packets.counts(), counts);
    assert_eq!(packets.take_faults().len(), 0);
}

#[test]
fn comments_tell_what_the_verdict_names() {
    for payload in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut packets = open(folder.path(), payload);
        packets.verdict(&verdict(HOST, 2));
        packets.packets(HOST, &[1, 2, 3].map(frame));
        let [file] = files(folder.path()).try_into().unwrap();
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        let comment = "192.0.2.2 likely gen2-mx: mx +4.2";
        assert_eq!(text.matches(comment).count(), 1, "{text}");
        assert_eq!(text.contains("never-told.example"), payload);
        assert!(text.contains("sensor north: 192.0.2.2, episode "));
        assert!(text.contains(concat!("mxray ", env!("CARGO_PKG_VERSION"))));

        let Ok(shown) = Command::new("tshark")
            .args([
                "-T",
                "fields",
                "-e",
                "frame.number",
                "-e",
                "frame.time_epoch",
            ])
            .args([
                "-e",
                "frame.cap_len",
                "-e",
                "frame.len",
                "-e",
                "udp.dstport",
            ])
            .args(["-e", "frame.interface_name", "-e", "frame.comment", "-r"])
            .arg(&file)
            .output()
        else {
            eprintln!("no tshark: not compared");
            continue;
        };
        let shown = String::from_utf8(shown.stdout).unwrap();
        let lines: Vec<Vec<_>> = shown
            .lines()
            .map(|line| line.split('\t').collect())
            .collect();
        assert_eq!(lines.len(), 3, "{shown}");
        for (line, (second, name)) in lines.iter().zip([(1, "eth2"), (2, "eth1"), (3, "eth2")]) {
            assert_eq!(line[1], format!("{}.123456789", 1_109_289_600 + second));
            assert_eq!(line[2..6], ["28", "60", "53", name]);
            assert_eq!(line[6].starts_with(comment), second == 2, "{shown}");
        }
    }
}

#[test]
fn a_file_and_the_folder_have_bounds() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.pcapng"), "not ours").unwrap();
    let bounds = Bounds {
        file: 1000,
        folder: 3500,
        files: 3,
    };
    let mut packets =
        PacketFiles::bounded(folder.path(), "north", &["eth1".to_owned()], false, bounds).unwrap();
    let frames: Vec<_> = (0..20).map(|number| frame(2 * number)).collect();
    for number in 1..=5 {
        packets.verdict(&verdict(host(number), 0));
        packets.packets(host(number), &frames);
        packets.packets(host(number), &frames);
    }
    let names: Vec<_> = files(folder.path());
    assert_eq!(names.len(), 4, "{names:?}");
    let mut kept = 0;
    for (file, number) in names.iter().zip(3..=5) {
        assert!(
            file.to_str()
                .unwrap()
                .contains(&format!("/192.0.2.{number}-"))
        );
        assert!(fs::metadata(file).unwrap().len() <= 1000);
        let frames = read(file).len();
        assert!(frames > 5);
        kept += frames as u64;
    }
    let counts = packets.counts();
    assert_eq!((counts.files, counts.removed), (5, 2));
    assert_eq!(counts.packets, kept / 3 * 5);
    assert_eq!(counts.omitted, 200 - counts.packets);

    // What is there from before counts too, the eldest first.
    let bounds = Bounds { files: 1, ..bounds };
    let mut packets =
        PacketFiles::bounded(folder.path(), "north", &["eth1".to_owned()], false, bounds).unwrap();
    packets.verdict(&verdict(host(9), 0));
    packets.packets(host(9), &frames);
    let names: Vec<_> = files(folder.path());
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(packets.counts().removed, 3);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_told_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    assert!(PacketFiles::open(&missing, "north", &[], false).is_err());

    let mut packets = open(folder.path(), false);
    packets.verdict(&verdict(HOST, 0));
    // A link that somebody laid is not followed.
    let id = episode_id("north", &verdict(HOST, 0));
    let target = folder.path().join("target");
    symlink(&target, folder.path().join(name(HOST, &id))).unwrap();
    packets.packets(HOST, &[frame(0)]);
    packets.packets(HOST, &[frame(0)]);
    assert!(!target.exists());
    assert_eq!(packets.take_faults().len(), 1);
    assert_eq!(packets.counts().omitted, 2);
}

#[test]
fn names_that_are_ours() {
    let v6 = HostAddr::from_v6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x4d]);
    let id = "0123456789abcdef0123456789abcdef";
    assert_eq!(name(v6, id), format!("2001_db8__4d-{id}.pcapng"));
    for host in [HOST, v6] {
        assert!(is_ours(&name(host, id)));
    }
    for other in [
        "monday.pcapng",
        "192.0.2.2-notes.pcapng",
        "192.0.2.2-0123456789abcdef0123456789abcdef.pcap",
        "north-0123456789abcdef0123456789abcdef.pcapng",
    ] {
        assert!(!is_ours(other), "{other}");
    }
}
