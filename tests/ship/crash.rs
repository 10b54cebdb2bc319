//! Killed at any moment, while connections are cut and the log is written and rotated: every event
//! arrives at least once, and none of a host's out of order.

use super::syslog::{check, frame, read_all, serve};
use super::{Arrivals, Place};
use std::fs;
use std::io::BufReader;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How often it is killed: `MXRAY_SHIP_KILLS`, else five times.
fn kills() -> u64 {
    let kills = std::env::var("MXRAY_SHIP_KILLS").ok();
    kills.map_or(5, |kills| kills.parse().unwrap())
}

/// Numbers that look random and come of a seed, which is told where a test fails.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        // xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn killed_at_random_every_event_arrives() {
    let seed = u64::from(std::process::id()) * 2_654_435_761 + 1;
    eprintln!("seed {seed}");
    let mut dice = Dice(seed);
    let mut place = Place::bounded(1 << 15);
    let arrivals = Arrivals::default();
    let got = arrivals.clone();
    // Every third connection is cut somewhere; at the end none is any more.
    let (calm, cuts) = (
        Arc::new(AtomicBool::new(false)),
        AtomicU64::new(dice.below(1000)),
    );
    let calmed = Arc::clone(&calm);
    let address = serve(move |count, stream| {
        if count % 3 != 0 || calmed.load(Ordering::SeqCst) {
            return read_all(stream, &got);
        }
        let mut reader = BufReader::new(stream);
        for _ in 0..cuts.fetch_add(37, Ordering::SeqCst) % 400 {
            match frame(&mut reader) {
                Ok(Some(message)) => got.add(&check(&message)),
                _ => return,
            }
        }
    });
    place.receiver(&format!("syslog+tcp://{address}"), "batch-events = 50");
    for _ in 0..kills() {
        let mut shipper = place.start();
        let before = arrivals.all().len();
        place.events(100 + dice.below(400));
        // Not by the clock: after some more have arrived, be they new or not.
        arrivals.wait(before + 1 + usize::try_from(dice.below(90)).unwrap());
        shipper.signal("-KILL");
    }
    calm.store(true, Ordering::SeqCst);
    place.once(0);
    arrivals.check(place.written);
}

#[test]
fn a_log_that_is_removed_with_the_state_in_it_is_gone_on_with() {
    let mut place = Place::with(10);
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let address = serve(move |_, stream| read_all(stream, &seen));
    place.receiver(&format!("syslog+tcp://{address}"), "");
    let mut shipper = place.start();
    arrivals.wait(10);
    // The shipper may be making a file in it just then.
    while fs::remove_dir_all(place.path("log")).is_err() {}
    // The sensor looks once a second.
    while !place
        .log
        .take_faults()
        .iter()
        .any(|told| told.contains("is made again"))
    {
        place.events(1);
        std::thread::sleep(Duration::from_millis(20));
    }
    place.events(10);
    while arrivals.all().last() != Some(&(place.written - 1)) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let status = shipper.signal("-TERM");
    let told = place.read("told");
    assert!(status.code().is_some(), "{told}");
    let kept = place.read("log/ship/r.offset");
    assert!(
        kept.contains(&format!("\"event\":{}}}", place.written)),
        "{kept} {told}"
    );
    assert!(told.matches("keeping how far").count() <= 1, "{told}");
}
