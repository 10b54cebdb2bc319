//! What fails under a replay: disks, the file that is read, its clock, the process itself.

use super::bot::{BOT, Found};
use super::logged::logged;
use super::sensor::{Wire, program, replay};
use super::wire::{A, Ends, mix, query, udp};
use mxray::time::{NANOS, Timestamp};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Read as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// 2026-01-05T00:00:00Z.
const START: i64 = 1_767_571_200;

fn at(second: i64) -> Timestamp {
    Timestamp::from_parts(START + second, 0)
}

fn asks(host: u8, number: u64) -> Vec<u8> {
    let from = (Ipv4Addr::new(10, 0, 0, host), 40_000);
    let ends = Ends::new(from, (Ipv4Addr::new(192, 0, 2, 53), 53));
    udp(ends, &query(number, "www.shop.test", A))
}

/// A capture of so many queries, one a second.
fn capture(path: &Path, packets: u32) {
    let mut wire = Wire::begin(BufWriter::new(File::create(path).unwrap())).unwrap();
    for number in 0..packets {
        wire.frame(at(number.into()), &asks(1, number.into()))
            .unwrap();
    }
}

fn last_totals(output: &[u8]) -> serde_json::Value {
    let text = String::from_utf8_lossy(output);
    let last = text.lines().rfind(|line| line.contains("mxray.stats"));
    let event: serde_json::Value = serde_json::from_str(last.unwrap()).unwrap();
    event["mxray"].clone()
}

#[test]
fn a_file_that_is_truncated_while_it_is_read_ends_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.pcap");
    capture(&path, 20_000);
    let whole = fs::metadata(&path).unwrap().len();
    let record = (whole - 24) / 20_000;
    // To the middle of a record, far behind what can have been read; and to what has been.
    for (left, cut) in [(24 + 15_000 * record + 7, true), (0, false)] {
        capture(&path, 20_000);
        let mut child = Command::new(program())
            .args(["replay", "-q", "--stats", "1", "--workers", "1"])
            .arg(&path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Nobody reads its events, of which there is one a second: so it waits in the middle.
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut events = String::new();
        output.read_line(&mut events).unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(left)
            .unwrap();
        output.read_to_string(&mut events).unwrap();
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        let status = child.wait().unwrap();
        let seen = last_totals(events.as_bytes())["packets"]["seen"]
            .as_u64()
            .unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(
            said.contains("a.pcap: became shorter while it was read"),
            "{said}"
        );
        if cut {
            assert_eq!(seen, 15_000);
        } else {
            assert!((1..15_000).contains(&seen), "{seen}");
        }
    }
}

#[test]
fn a_clock_that_goes_on_by_years_ends_episodes_and_nothing_else() {
    let jump = 3 * 365 * 86_400 * NANOS;
    let (before, after) = BOT.frames.split_at(BOT.frames.len() / 2);
    let ran = replay("", |wire| {
        for (time, octets) in before {
            wire.frame(*time, octets)?;
        }
        for (time, octets) in after {
            wire.frame(time.plus_nanos(jump), octets)?;
        }
        Ok(())
    });
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.total("/packets/seen"), ran.packets);
    assert_eq!(ran.total("/late"), 0);
    let verdicts = ran.verdicts(&BOT.address);
    let episodes = verdicts
        .iter()
        .map(|event| &event["mxray"]["episode"]["id"]);
    let mut episodes: Vec<_> = episodes.collect();
    episodes.dedup();
    assert_eq!(episodes.len(), 2, "{episodes:?}");
}

#[test]
fn what_lies_behind_the_clock_is_late_and_counted() {
    // Back by an hour in the middle: late until the clock has caught up.
    let hours = [0, 1, 0, 1, 2];
    let ran = replay("", |wire| {
        for (turn, hour) in (0_u64..).zip(hours) {
            for second in 0..100 {
                let host = u8::try_from(turn).unwrap();
                wire.frame(at(hour * 3_600 + second), &asks(host, turn))?;
            }
        }
        Ok(())
    });
    assert_eq!(ran.total("/packets/seen"), 500);
    // The third part, and of the fourth what lies two seconds behind the second part's end.
    assert_eq!(ran.total("/late"), 100 + 97);
    assert_eq!(ran.total("/hosts/tracked"), 5);
}

#[test]
fn one_packet_of_the_far_future_makes_the_others_late_and_loses_none() {
    let ran = replay("", |wire| {
        let mut frames = BOT.frames.iter();
        let (time, octets) = frames.next().unwrap();
        wire.frame(*time, octets)?;
        let wrong = Timestamp::from_parts(i64::from(u32::MAX), 0);
        wire.frame(wrong, &asks(1, 1))?;
        frames.try_for_each(|(time, octets)| wire.frame(*time, octets))
    });
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.total("/packets/seen"), ran.packets);
    assert_eq!(ran.total("/late"), ran.packets - 2);
    // Counted, and not judged: what is late stands in no second.
    assert_eq!(Found::of(&ran, &BOT.address), None);
}

/// Runs a script as root of namespaces of its own, in a folder with a capture of the bot; `None`
/// where there can be none, which is said.
fn namespaced(folder: &Path, script: &str) -> Option<Output> {
    let words = ["--user", "--map-root-user", "--mount"];
    let mut tried = Command::new("unshare");
    let mount = ["mount", "-t", "tmpfs", "none", "/mnt"];
    if !tried
        .args(words)
        .args(mount)
        .output()
        .is_ok_and(|it| it.status.success())
    {
        println!("skipped: no tmpfs can be mounted in a namespace here");
        return None;
    }
    let file = File::create(folder.join("bot.pcap")).unwrap();
    let mut wire = Wire::begin(BufWriter::new(file)).unwrap();
    for (time, octets) in &BOT.frames {
        wire.frame(*time, octets).unwrap();
    }
    drop(wire);
    let mut command = Command::new("unshare");
    command
        .args(words)
        .args(["sh", "-c", script])
        .current_dir(folder);
    Some(command.env("MXRAY", program()).output().unwrap())
}

#[test]
fn an_output_that_cannot_be_written_is_named_and_the_log_has_all() {
    let folder = TempDir::new().unwrap();
    // A file on a disk that is full, or that nobody may write to; the log lies elsewhere.
    let script = "mkdir full read
        mount -t tmpfs -o size=16k none full; mount -t tmpfs -o ro none read
        dd if=/dev/zero of=full/other bs=1k count=100 2>/dev/null
        for disk in full read; do
            \"$MXRAY\" replay -q --stats 1 --log $disk.log -o $disk/events bot.pcap 2>$disk.said
            echo $? >$disk.status
            \"$MXRAY\" replay -q -o /dev/null --bins $disk/bins bot.pcap 2>$disk.bins
            echo $? >>$disk.status
        done";
    let Some(output) = namespaced(folder.path(), script) else {
        return;
    };
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    for (disk, why) in [("full", "No space left"), ("read", "Read-only file system")] {
        assert_eq!(read(&format!("{disk}.status")), "1\n1\n", "{output:?}");
        for (said, file) in [("said", "events"), ("bins", "bins")] {
            let said = read(&format!("{disk}.{said}"));
            assert!(said.contains(&format!("{disk}/{file}")), "{said}");
            assert!(said.contains(why), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
}

/// Numbers that look random and come of a seed, which is told where a test fails.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0) % limit
    }
}

/// How often it is killed: `MXRAY_HOSTILE_KILLS`, else six times.
#[test]
fn killed_at_random_the_log_keeps_what_it_held_and_holds_whole_events() {
    let kills = std::env::var("MXRAY_HOSTILE_KILLS");
    let kills: u64 = kills.map_or(6, |kills| kills.parse().unwrap());
    let seed = u64::from(std::process::id()) << 20;
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let folder = TempDir::new().unwrap();
    let (path, log) = (folder.path().join("a.pcap"), folder.path().join("log"));
    capture(&path, 5_000);
    let command = || {
        let mut command = Command::new(program());
        command.args(["replay", "-q", "--stats", "1", "--workers", "1"]);
        command.arg(&path).stdin(Stdio::null());
        command
    };
    let whole = command().output().unwrap().stdout;
    let whole: Vec<&[u8]> = whole.split(|octet| *octet == b'\n').collect();
    let octets = || -> u64 {
        let files = fs::read_dir(&log).into_iter().flatten();
        files
            .map(|file| file.unwrap().metadata().map_or(0, |it| it.len()))
            .sum()
    };
    let mut before: Vec<Vec<u8>> = Vec::new();
    let mut killed = 0;
    for _ in 0..kills {
        let wanted = octets() + dice.below(600_000);
        let mut child = command()
            .arg("--log")
            .arg(&log)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut held = Vec::new();
        while child.try_wait().unwrap().is_none() {
            if octets() > wanted {
                // Who follows the log has read this, and hands it on.
                held = logged(&log);
                let _ = child.kill();
                child.wait().unwrap();
                killed += 1;
                break;
            }
        }
        let now = logged(&log);
        assert!(now.starts_with(&before) && now.starts_with(&held));
        // What this run wrote is the beginning of what it had to tell.
        let own = now[before.len()..].iter().map(Vec::as_slice);
        assert!(own.eq(whole.iter().copied().take(now.len() - before.len())));
        before = now;
    }
    assert!(killed > 0);
}
