//! What shows only from within.

use super::*;
use crate::eventlog::{Bounds, Writer};
use crate::ship::{BatchBounds, Destination, Fate, Retry, TlsFiles};
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Takes all, and has people end the run meanwhile.
struct Ended {
    stop: Arc<AtomicBool>,
    until: Arc<Mutex<Vec<Instant>>>,
}

impl Receiver for Ended {
    fn deliver(&mut self, events: &[Event], until: Instant) -> Result<Vec<Fate>, Failure> {
        self.until.lock().unwrap().push(until);
        self.stop.store(true, Ordering::Relaxed);
        Ok(vec![Fate::Delivered; events.len()])
    }

    fn answers(&self) -> bool {
        false
    }

    fn confirm(&mut self, last: bool, until: Instant) -> Result<Arrived, Failure> {
        assert!(last);
        self.until.lock().unwrap().push(until);
        Ok(Arrived::All)
    }

    fn show(&self, _: &[Event]) -> Vec<u8> {
        Vec::new()
    }
}

fn worker(lines: &[&[u8]], dataset: &[&str]) -> (TempDir, Worker) {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds {
        total: 1 << 30,
        segment: 1 << 20,
    };
    let mut log = Writer::open(folder.path(), bounds).unwrap();
    for line in lines {
        log.write_all(line).unwrap();
        log.write_all(b"\n").unwrap();
        log.flush().unwrap();
    }
    let settings = Settings {
        name: "r".to_owned(),
        to: Destination::SyslogUnix("none".into()),
        datasets: dataset.iter().map(|&name| name.to_owned()).collect(),
        credentials: None,
        secret_file: None,
        tls: TlsFiles::default(),
        index: String::new(),
        hec_index: None,
        batch: BatchBounds {
            events: 1000,
            octets: 1 << 20,
            wait: Duration::ZERO,
        },
        gzip: false,
        retry: Retry {
            first: Duration::ZERO,
            most: Duration::ZERO,
        },
        timeout: Duration::from_mins(1),
    };
    let worker = Worker::new(folder.path(), &folder.path().join("ship"), &settings).unwrap();
    (folder, worker)
}

#[test]
fn told_to_end_all_that_follows_has_the_time_of_what_goes_on() {
    let (_folder, mut worker) = worker(&[b"{}"], &[]);
    let (stop, until) = (Arc::new(AtomicBool::new(false)), Arc::default());
    worker.receiver = Box::new(Ended {
        stop: Arc::clone(&stop),
        until: Arc::clone(&until),
    });
    let run = Run {
        once: false,
        stop: &stop,
        tell: &|_| (),
    };
    let (delivered, all) = worker.run(run);
    assert_eq!((delivered.delivered, all), (1, true));
    let until = until.lock().unwrap();
    let [deliver, confirm] = until[..] else {
        panic!("{until:?}");
    };
    assert_eq!(deliver, confirm);
}

#[test]
fn told_to_end_it_does_not_pass_by_all_that_is_for_others() {
    let (_folder, mut worker) = worker(&[&b"{}"[..]; 100], &["mxray.verdict"]);
    let stop = AtomicBool::new(true);
    let run = Run {
        once: false,
        stop: &stop,
        tell: &|_| (),
    };
    assert!(worker.gather(run).unwrap().is_empty());
    assert_eq!(worker.reader.position(), Position::default());
}

#[test]
fn lines_that_are_no_events_are_bounded_as_events_are() {
    let line = vec![b'x'; 600 << 10];
    let (_folder, mut worker) = worker(&[&line[..]; 5], &[]);
    let stop = AtomicBool::new(false);
    let run = Run {
        once: true,
        stop: &stop,
        tell: &|_| (),
    };
    assert_eq!(worker.gather(run).unwrap().strange.len(), 2);
}
