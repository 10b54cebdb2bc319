//! A sensor that stops and starts again says what one says that never stopped.

use crate::captures::{self, Captured};
use crate::feed::{message, query, settings};
use mxray::checkpoint::{self, Expected, FORMAT, Head, Parts, Refused, State, file, set_aside};
use mxray::correlate::site::Site;
use mxray::correlate::{Context, Correlator};
use mxray::count::delta::Delta;
use mxray::count::host::HostTotals;
use mxray::count::saved::Saved;
use mxray::count::site::{SiteBin, SiteSeconds};
use mxray::count::{Counters, PacketCounts, Settings, shard_of};
use mxray::decode::fragment::Fragments;
use mxray::decode::observation::{Route, route};
use mxray::decode::packet::Sliced;
use mxray::home::{Home, parse_net};
use mxray::host::HostAddr;
use mxray::report::CaptureCounts;
use mxray::report::json::EventWriter;
use mxray::time::{REORDER, Timestamp};
use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// All that a run of mxray holds, put together as its pipeline does, on one thread.
struct Sensor {
    settings: Settings,
    fragments: Fragments,
    capture: CaptureCounts,
    seconds: SiteSeconds,
    newest: Timestamp,
    workers: Vec<Counters>,
    correlator: Correlator,
    site: Site,
    /// The lines that were written.
    told: Vec<String>,
}

fn context() -> Context {
    let nets = ["10.0.0.0/8", "192.0.2.0/24", "198.51.100.53/32"];
    Context {
        home: Arc::new(Home::new(nets.map(|net| parse_net(net).unwrap()))),
        ..Context::default()
    }
}

fn expected(settings: &Settings) -> Expected<'static> {
    Expected {
        sensor: "sensor",
        meaning: settings.meaning(),
        now: Timestamp::MAX,
    }
}

impl Sensor {
    fn new(workers: usize, settings: &Settings) -> Self {
        let counters = std::iter::repeat_with(|| Counters::new(settings.clone()));
        Self {
            settings: settings.clone(),
            fragments: Fragments::default(),
            capture: CaptureCounts::default(),
            seconds: SiteSeconds::default(),
            newest: Timestamp::MIN,
            workers: counters.take(workers).collect(),
            correlator: Correlator::new(context()),
            site: Site::default(),
            told: Vec::new(),
        }
    }

    fn frames(&mut self, frames: &[Captured]) {
        for frame in frames {
            self.frame(frame);
        }
    }

    fn frame(&mut self, captured: &Captured) {
        self.capture.seen += 1;
        if captured.time.second() > self.newest.second() {
            self.close(captured.time.plus_nanos(-REORDER).second() - 1);
        }
        self.newest = self.newest.max(captured.time);
        let late = self.newest.nanos_since(captured.time) > REORDER;
        if !late {
            self.seconds.second(captured.time.second()).packets += 1;
        }
        let count = self.workers.len();
        let mut fragments = std::mem::take(&mut self.fragments);
        match fragments.slice(&captured.frame()).sliced {
            Sliced::Packet(packet) => {
                if let Route::Host(host) = route(&packet, &self.settings.mail) {
                    if !late {
                        let second = self.seconds.second(packet.time.second());
                        second.count(&packet, host, &self.settings.mail);
                    }
                    self.workers[shard_of(host) % count].record(&packet, late);
                }
            }
            Sliced::Binding(binding) => {
                self.workers[shard_of(binding.said.addr) % count].bind(&binding, late);
            }
            _ => {}
        }
        self.fragments = fragments;
    }

    fn close(&mut self, through: i64) {
        let deltas = self.workers.iter_mut().flat_map(|it| it.close(through));
        let mut deltas: Vec<_> = deltas.collect();
        deltas.extend(self.seconds.close(through));
        self.correlate(deltas);
        if through < i64::MAX {
            let events = self.site.until(through + 1);
            self.tell(|out| events.iter().try_for_each(|event| out.sensor(event)));
        }
    }

    fn correlate(&mut self, deltas: Vec<Delta>) {
        let mut seconds = BTreeMap::<_, Vec<_>>::new();
        for delta in deltas {
            seconds.entry(delta.second).or_default().push(delta);
        }
        for (second, deltas) in seconds {
            let mut bin = SiteBin::default();
            for delta in &deltas {
                bin.add(&delta.site);
            }
            let events = self.site.second(second, &bin);
            self.tell(|out| events.iter().try_for_each(|event| out.sensor(event)));
            self.correlator.set_view(self.site.view());
            let verdicts = self.correlator.second(&deltas);
            self.tell(|out| verdicts.iter().try_for_each(|verdict| out.verdict(verdict)));
        }
    }

    fn tell(&mut self, tell: impl FnOnce(&mut EventWriter<&mut Vec<u8>>) -> std::io::Result<()>) {
        let mut out = Vec::new();
        tell(&mut EventWriter::new(
            &mut out,
            "sensor",
            &["input.pcap".into()],
        ))
        .unwrap();
        let lines = String::from_utf8(out).unwrap();
        self.told.extend(lines.lines().map(str::to_owned));
    }

    fn head(&self) -> Head {
        Head {
            mxray: env!("CARGO_PKG_VERSION").to_owned(),
            sensor: "sensor".to_owned(),
            meaning: self.settings.meaning(),
            cut: self.newest,
        }
    }

    fn saved(&self) -> Saved {
        let mut all = Saved::default();
        for worker in &self.workers {
            all.add(worker.save().unwrap());
        }
        all
    }

    fn save(&self, path: &Path) -> u64 {
        let counting = self.saved();
        let parts = Parts {
            capture: &self.capture,
            seconds: &self.seconds,
            counting: &counting,
            correlator: &self.correlator,
            site: &self.site,
        };
        checkpoint::save(path, &self.head(), &parts).unwrap()
    }

    /// Everything that it holds but TCP connections, as octets.
    fn octets(&self) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        self.save(&path);
        fs::read(path).unwrap()
    }

    fn load(path: &Path, workers: usize, settings: &Settings) -> Self {
        let loaded = checkpoint::load(path, &expected(settings), context()).unwrap();
        let (head, state) = loaded.expect("a checkpoint");
        let State {
            capture,
            seconds,
            counting,
            correlator,
            site,
        } = state;
        let parts = counting.deal(workers, |shard| shard % workers);
        let counters = parts.into_iter();
        Self {
            settings: settings.clone(),
            fragments: Fragments::default(),
            capture,
            seconds,
            newest: head.cut,
            workers: counters
                .map(|part| Counters::load(settings.clone(), part).unwrap())
                .collect(),
            correlator,
            site,
            told: Vec::new(),
        }
    }

    /// Stops, and goes on with so many workers. TCP connections are gone, and what waits for
    /// the rest of its datagram.
    fn restart(self, workers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        self.save(&path);
        let mut next = Self::load(&path, workers, &self.settings);
        assert_eq!(
            next.octets(),
            self.octets(),
            "what is read is what was written"
        );
        next.told = self.told;
        next
    }

    fn end(mut self) -> End {
        let octets = self.octets();
        let deltas = self.workers.iter_mut().flat_map(|it| it.end(self.newest));
        let mut deltas: Vec<_> = deltas.collect();
        deltas.extend(self.seconds.close(i64::MAX));
        self.correlate(deltas);
        let verdicts = self.correlator.finish(self.newest);
        self.tell(|out| verdicts.iter().try_for_each(|verdict| out.verdict(verdict)));
        let mut packets = PacketCounts::default();
        let mut hosts = BTreeMap::new();
        for worker in self.workers {
            packets.add(&worker.packets());
            for (host, mut counters) in worker.finish() {
                let columns = format!("{:?}", counters.lookups.prefixes().columns());
                let totals = counters.totals();
                let judgement = format!("{:?}", self.correlator.judgement(host, &totals));
                hosts.insert(host, (totals, judgement, columns));
            }
        }
        // Those that have ended are not saved.
        packets.connections = 0;
        End {
            octets,
            told: self.told,
            packets,
            hosts,
        }
    }
}

/// What a run comes to.
#[derive(PartialEq)]
struct End {
    octets: Vec<u8>,
    told: Vec<String>,
    packets: PacketCounts,
    hosts: BTreeMap<HostAddr, (HostTotals, String, String)>,
}

#[track_caller]
fn assert_same(name: &str, one: &End, other: &End) {
    assert_eq!(one.told.len(), other.told.len(), "{name}: lines");
    for (one, other) in one.told.iter().zip(&other.told) {
        assert_eq!(one, other, "{name}");
    }
    assert_eq!(one.packets, other.packets, "{name}");
    for (host, told) in &one.hosts {
        assert_eq!(Some(told), other.hosts.get(host), "{name} {host}");
    }
    if one.octets != other.octets {
        let at = one
            .octets
            .iter()
            .zip(&other.octets)
            .position(|(a, b)| a != b);
        panic!(
            "{name}: other octets at {at:?} of {} and {}",
            one.octets.len(),
            other.octets.len()
        );
    }
    assert!(one == other, "{name}: something else is held");
}

/// Captures of the DNS alone, of a LAN, and of what the site as a whole looks like.
const WITHOUT_TCP: [&str; 14] = [
    "dns-case-and-tiers",
    "dns-compression",
    "dns-replies",
    "dns-types",
    "flood-a",
    "flood-ptr",
    "late-packets",
    "ordinary-pcs",
    "resolver-egress",
    "second-edges",
    "sensor-blind",
    "study-client-b",
    "study-client-e",
    "study-client-f",
];

fn run(frames: &[Captured], workers: usize, settings: &Settings) -> End {
    let mut sensor = Sensor::new(workers, settings);
    sensor.frames(frames);
    sensor.end()
}

/// A mail session that is cut is another matter; between sessions nothing is lost, whatever is
/// known of attempts.
const WITH_PAUSES: [&str; 9] = [
    "fanout-bot",
    "fanout-pcs",
    "fanout-server",
    "lan-arp-dhcp",
    "lan-router",
    "op25b",
    "smtp-outcomes",
    "smtp-session",
    "submission-bot",
];

#[test]
fn nothing_is_lost_between_mail_sessions() {
    for name in WITH_PAUSES {
        let frames = captures::synth(name);
        let settings = settings(10_000);
        let whole = run(&frames, 1, &settings);
        let pauses = (1..frames.len())
            .filter(|&at| frames[at].time.nanos_since(frames[at - 1].time) >= 3_000_000_000);
        let pauses: Vec<_> = pauses.collect();
        let step = pauses.len().div_ceil(6).max(1);
        assert!(!pauses.is_empty(), "{name}");
        for &cut in pauses.iter().step_by(step) {
            let mut sensor = Sensor::new(2, &settings);
            sensor.frames(&frames[..cut]);
            let mut sensor = sensor.restart(3);
            sensor.frames(&frames[cut..]);
            assert_same(&format!("{name} at {cut}"), &sensor.end(), &whole);
        }
    }
}

/// A host that tells more in a second than is told of any.
#[test]
fn a_restart_in_a_second_that_is_full_changes_nothing() {
    let mut frames = captures::synth("study-client-d");
    frames.truncate(3_000);
    let begin = frames[0].time;
    for (frame, number) in frames.iter_mut().zip(0..) {
        frame.time = begin.plus_nanos(number * 100_000);
    }
    let settings = settings(10_000);
    let whole = run(&frames, 1, &settings);
    assert!(whole.packets.untold > 100);
    for cut in [700, 2_000] {
        let mut sensor = Sensor::new(1, &settings);
        sensor.frames(&frames[..cut]);
        let mut sensor = sensor.restart(2);
        sensor.frames(&frames[cut..]);
        assert_same(&format!("at {cut}"), &sensor.end(), &whole);
    }
}

#[test]
fn a_restart_changes_nothing() {
    for name in WITHOUT_TCP {
        let frames = captures::synth(name);
        let settings = settings(10_000);
        let whole = run(&frames, 1, &settings);
        let cuts = [(1, [2, 64]), (5, [4, 1]), (3, [1, 3]), (7, [64, 2])];
        let few = if frames.len() > 5_000 { 1 } else { cuts.len() };
        for (cut, workers) in cuts.into_iter().take(few) {
            let cut = frames.len() * cut / 8;
            let mut sensor = Sensor::new(workers[0], &settings);
            sensor.frames(&frames[..cut]);
            let mut sensor = sensor.restart(workers[1]);
            sensor.frames(&frames[cut..]);
            assert_same(&format!("{name} at {cut}"), &sensor.end(), &whole);
        }
    }
}

/// What a cut in the midst of mail sessions costs: the rest of them is read from its middle.
/// Nothing is counted twice, and what is lost is part of the sessions that were cut.
#[test]
fn sessions_that_are_cut_are_counted_once() {
    let mut cut_short = 0;
    for name in [
        "fanout-bot",
        "smtp-session",
        "smtp-outcomes",
        "smtp-pipelining",
    ] {
        let frames = captures::synth(name);
        let settings = settings(10_000);
        let whole = run(&frames, 1, &settings);
        let step = (frames.len() / 40).max(1);
        for cut in (1..frames.len()).step_by(step) {
            let mut sensor = Sensor::new(2, &settings);
            sensor.frames(&frames[..cut]);
            let mut sensor = sensor.restart(2);
            sensor.frames(&frames[cut..]);
            let end = sensor.end();
            assert_eq!(
                end.packets.decoded, whole.packets.decoded,
                "{name} at {cut}"
            );
            cut_short += u64::from(end.told != whole.told);
            for (host, (totals, ..)) in &whole.hosts {
                let none = HostTotals::default();
                let found = end.hosts.get(host).map_or(&none, |(totals, ..)| totals);
                let (smtp, found) = (&totals.smtp, &found.smtp);
                // Packets that overtook the handshake waited for it, and are gone.
                assert!(found.attempts <= smtp.attempts, "{name} at {cut}: {host}");
                assert!(
                    found.unanswered <= smtp.unanswered,
                    "{name} at {cut}: {host}"
                );
                assert!(found.established <= found.attempts);
                assert!(found.messages_accepted <= found.messages);
                assert!(found.messages <= smtp.messages);
                assert!(found.mail_from <= smtp.mail_from);
                assert!(found.rcpt_to <= smtp.rcpt_to);
            }
        }
    }
    assert!(cut_short > 0, "some cut costs something");
}

/// A file with some state in it, and the settings that it was counted with.
fn some(folder: &Path) -> (std::path::PathBuf, Settings) {
    let path = folder.join("checkpoint");
    let settings = settings(10_000);
    let frames = captures::synth("lan-arp-dhcp");
    let mut sensor = Sensor::new(2, &settings);
    sensor.frames(&frames[..frames.len() * 2 / 3]);
    sensor.save(&path);
    (path, settings)
}

fn refusal(path: &Path, expected: &Expected<'_>) -> Option<Refused> {
    checkpoint::load(path, expected, context()).err()
}

#[test]
fn every_beginning_and_every_changed_octet_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, settings) = some(folder.path());
    let octets = fs::read(&path).unwrap();
    let expected = expected(&settings);
    assert!(refusal(&path, &expected).is_none());
    let near = (0..60).chain(octets.len() - 40..octets.len());
    let sampled = (60..octets.len() - 40).step_by(octets.len() / 100);
    for at in near.chain(sampled) {
        fs::write(&path, &octets[..at]).unwrap();
        let found = refusal(&path, &expected);
        assert!(
            matches!(found, Some(Refused::Torn { .. } | Refused::Other)),
            "{at}: {found:?}"
        );
        for bit in [0x01, 0x80, 0xff] {
            let mut changed = octets.clone();
            changed[at] ^= bit;
            fs::write(&path, &changed).unwrap();
            assert!(refusal(&path, &expected).is_some(), "{at} {bit:#x}");
        }
    }
    // And more behind it.
    let mut longer = octets;
    longer.push(0);
    fs::write(&path, &longer).unwrap();
    assert!(matches!(
        refusal(&path, &expected),
        Some(Refused::Torn { .. })
    ));
}

/// Whatever stands in a file whose checksum is right: an error or a state, and no panic.
#[test]
fn a_wrong_content_under_a_right_checksum_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let (path, settings) = some(folder.path());
    let octets = fs::read(&path).unwrap();
    let expected = expected(&settings);
    let body = octets.len() - 16;
    let mut read = 0;
    for at in (12..body).step_by(octets.len() / 400 + 1) {
        for octet in [0x00, 0x7f, 0x80, 0xff] {
            let mut changed = octets.clone();
            changed[at] = octet;
            let sum = xxhash(&changed[..body + 8]);
            changed[body + 8..].copy_from_slice(&sum.to_le_bytes());
            fs::write(&path, &changed).unwrap();
            let loaded = checkpoint::load(&path, &expected, context());
            let Ok(Some((_, state))) = loaded else {
                continue;
            };
            let mut parts = state.counting.deal(1, |_| 0);
            let counters = Counters::load(settings.clone(), parts.remove(0));
            read += u64::from(counters.is_ok());
            if let Ok(mut counters) = counters {
                for (_, mut host) in {
                    counters.end(Timestamp::from_parts(0, 0));
                    counters.finish()
                } {
                    let _ = host.totals();
                }
            }
        }
    }
    assert!(read > 0, "a changed number is another number");
}

fn xxhash(octets: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(octets)
}

#[test]
fn another_one_is_refused_with_its_reason_and_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (path, settings) = some(folder.path());
    let right = expected(&settings);
    let reason = |expected: &Expected<'_>| refusal(&path, expected).unwrap().to_string();
    let sensor = "another";
    assert_eq!(
        reason(&Expected { sensor, ..right }),
        r#"it is the sensor "sensor"'s, and this is "another""#
    );
    let meaning = right.meaning + 1;
    assert_eq!(
        reason(&Expected { meaning, ..right }),
        "it was counted with other keywords or mail ports"
    );
    let now = Timestamp::from_parts(1_000, 0);
    assert!(reason(&Expected { now, ..right }).ends_with("now it is 1970-01-01T00:16:40.000000Z"));
    let head = Head {
        mxray: "9.9.9".to_owned(),
        sensor: "sensor".to_owned(),
        meaning: settings.meaning(),
        cut: now,
    };
    file::write(&path, FORMAT + 1, &head, &[0_u64; 3]).unwrap();
    assert_eq!(
        reason(&right),
        format!(
            "it is of a newer format, {}; this mxray reads {FORMAT}",
            FORMAT + 1
        )
    );
    fs::write(&path, "\n").unwrap();
    assert_eq!(reason(&right), "it is no checkpoint of mxray");
    fs::write(&path, "").unwrap();
    assert!(reason(&right).starts_with("it is torn: 0 octets"));
    // The first ones are kept, and no more than four.
    for number in 1..=6 {
        fs::write(&path, number.to_string()).unwrap();
        set_aside(&path).unwrap();
    }
    assert!(
        checkpoint::load(&path, &right, context())
            .unwrap()
            .is_none()
    );
    let mut kept: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    kept.sort_by_key(|entry| entry.as_ref().unwrap().file_name());
    let kept = kept.into_iter().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    let kept: Vec<_> = kept.collect();
    let expected = [("", "1"), (".2", "2"), (".3", "3"), (".4", "6")];
    let expected =
        expected.map(|(end, text)| (format!("checkpoint.refused{end}"), text.to_owned()));
    assert_eq!(kept, expected);
}

#[test]
fn what_a_crash_left_behind_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let (path, settings) = some(folder.path());
    let left = folder.path().join("checkpoint.new");
    // Even where it leads elsewhere.
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, "as it was").unwrap();
    std::os::unix::fs::symlink(&elsewhere, &left).unwrap();
    let sensor = Sensor::load(&path, 3, &settings);
    let before = fs::read(&path).unwrap();
    sensor.save(&path);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "as it was");
    assert!(!left.exists());
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // Where it cannot be written, the one before stays.
    fs::create_dir(&left).unwrap();
    let counting = sensor.saved();
    let parts = Parts {
        capture: &sensor.capture,
        seconds: &sensor.seconds,
        counting: &counting,
        correlator: &sensor.correlator,
        site: &sensor.site,
    };
    assert!(checkpoint::save(&path, &sensor.head(), &parts).is_err());
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// A file that an earlier build has written. Where this fails since something that is saved has
/// changed, [`FORMAT`] is to be raised, and `MXRAY_BLESS=1` writes the file anew.
#[test]
fn the_format_has_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoint.kept");
    if std::env::var_os("MXRAY_BLESS").is_some() {
        let (path, _) = some(folder.path());
        fs::copy(path, &kept).unwrap();
    }
    let settings = settings(10_000);
    let sensor = Sensor::load(&kept, 2, &settings);
    let path = folder.path().join("again");
    let (head, _) = checkpoint::load(&kept, &expected(&settings), context())
        .unwrap()
        .unwrap();
    let counting = sensor.saved();
    let parts = Parts {
        capture: &sensor.capture,
        seconds: &sensor.seconds,
        counting: &counting,
        correlator: &sensor.correlator,
        site: &sensor.site,
    };
    checkpoint::save(&path, &head, &parts).unwrap();
    assert!(fs::read(&path).unwrap() == fs::read(&kept).unwrap());
}

/// How large it is, and how long it takes: `cargo test --release --test tests -- --ignored
/// --nocapture checkpoint`.
#[test]
#[ignore = "measures, and says nothing of what is right"]
fn size_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let settings = settings(1 << 18);
    for (hosts, names) in [(100_000_u32, 10), (100_000, 40), (1_000, 5_000)] {
        let mut sensor = Sensor::new(1, &settings);
        let mut time = Timestamp::from_parts(1_767_571_200, 0);
        for round in 0..names {
            for number in 0..hosts {
                time = time.plus_nanos(10_000);
                let host = Ipv4Addr::from_bits(0x0a00_0000 | number);
                let name = format!("www.a{}b{round}.example", number % 977);
                // One host in a hundred looks up mail exchangers.
                let qtype = if number % 100 == 0 { 15 } else { 1 };
                let octets = message(1, 0x0100, &name, qtype);
                let second = time.second();
                if second > sensor.newest.second() {
                    sensor.close(second - 3);
                }
                sensor.newest = time;
                sensor.workers[0].record(&query(host, time, &octets), false);
            }
        }
        let start = Instant::now();
        let saved = sensor.saved();
        let counted = start.elapsed();
        drop(saved);
        let start = Instant::now();
        let size = sensor.save(&path);
        let whole = start.elapsed();
        let start = Instant::now();
        let back = Sensor::load(&path, 1, &settings);
        let loaded = start.elapsed();
        println!(
            "{hosts} hosts with {names} names: {size} octets, {} a host; workers {counted:?} of {whole:?}, read in {loaded:?}",
            size / u64::from(hosts)
        );
        drop(back);
    }
}

/// The sensor was away: the traffic did not pause, and nobody asked less.
#[test]
fn what_a_sensor_misses_while_it_is_away_is_no_silence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let settings = settings(10_000);
    let away = 3 * 3_600;
    let frames = captures::synth("flood-a");
    let cut = frames.len() / 3;
    let run = |interrupted: bool| {
        let mut sensor = Sensor::new(1, &settings);
        sensor.frames(&frames[..cut]);
        sensor.save(&path);
        let loaded = checkpoint::load(&path, &expected(&settings), context()).unwrap();
        let (_, mut state) = loaded.unwrap();
        if interrupted {
            state.interrupted(away);
        }
        let mut next = Sensor::load(&path, 1, &settings);
        (next.correlator, next.site) = (state.correlator, state.site);
        for frame in &frames[cut..] {
            let mut frame = frame.clone();
            frame.time = frame.time.plus_nanos(away * 1_000_000_000);
            next.frame(&frame);
        }
        next.told
    };
    let kind = |told: &[String], text: &str| told.iter().filter(|line| line.contains(text)).count();
    let (known, unknown) = (run(true), run(false));
    assert_eq!(kind(&known, "no-packets"), 0);
    assert!(kind(&unknown, "no-packets") > 0, "else this shows nothing");
    assert!(
        kind(&known, "a-flood") > 0,
        "a flood is found against what was usual before"
    );
}
