//! What is written is read, whatever happens to writer, disk and reader.

use super::index::Index;
use super::*;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const ROOMY: Bounds = Bounds {
    total: 1 << 30,
    segment: 1 << 20,
};

/// As it is opened, but that the first segment is the first.
fn open(folder: &Path, bounds: Bounds) -> Result<Writer, OpenError> {
    Writer::open_from(folder, bounds, 1)
}

fn event(number: u64) -> String {
    format!("{{\"event\":{number}}}")
}

/// As [`crate::report::json`] does it: pieces, the line's end, and now and then a flush.
fn write(log: &mut Writer, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let event = event(number);
        let (front, back) = event.split_at(4);
        log.write_all(front.as_bytes()).unwrap();
        log.write_all(back.as_bytes()).unwrap();
        log.write_all(b"\n").unwrap();
        log.flush().unwrap();
    }
}

fn read(reader: &mut Reader) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        lines.push(String::from_utf8(entry.line.to_vec()).unwrap());
    }
    lines
}

fn events(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(event).collect()
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let numbers = segment::list(folder).unwrap();
    numbers
        .iter()
        .map(|&n| segment::events(folder, n))
        .collect()
}

/// A log of these events in one segment, closed.
fn log_of(numbers: std::ops::Range<u64>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&mut open(folder.path(), ROOMY).unwrap(), numbers);
    folder
}

#[test]
fn events_are_lines_and_the_index_knows_them() {
    let folder = log_of(0..3);
    let text = fs::read_to_string(segment::events(folder.path(), 1)).unwrap();
    assert_eq!(text, "{\"event\":0}\n{\"event\":1}\n{\"event\":2}\n");
    let index = Index::read(folder.path(), 1).unwrap();
    assert_eq!((index.first, index.events()), (Some(0), 3));
    let first = index.batches.first().unwrap();
    let octets = usize::try_from(first.octets).unwrap();
    let sum = xxhash_rust::xxh3::xxh3_64(&text.as_bytes()[..octets]);
    assert_eq!(first.sum, sum);
}

#[test]
fn a_reader_follows_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = Reader::open(&folder.path().join("log"), None);
    assert_eq!(reader.next().unwrap(), None);
    let mut log = open(&folder.path().join("log"), ROOMY).unwrap();
    assert_eq!(reader.next().unwrap(), None);
    write(&mut log, 0..2);
    assert_eq!(read(&mut reader), events(0..2));
    // Half an event is none.
    let path = segment::events(&folder.path().join("log"), 1);
    let mut other = fs::OpenOptions::new().append(true).open(&path).unwrap();
    other.write_all(b"{\"half\":").unwrap();
    assert_eq!(reader.next().unwrap(), None);
    other.write_all(b"1}\n").unwrap();
    assert_eq!(read(&mut reader), ["{\"half\":1}"]);
}

#[test]
fn a_place_that_was_kept_is_gone_on_from_at_every_event_and_over_segments() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds {
        segment: 64,
        ..ROOMY
    };
    write(&mut open(folder.path(), bounds).unwrap(), 0..100);
    assert!(segments(folder.path()).len() > 5);
    let mut reader = Reader::open(folder.path(), None);
    let mut places = vec![reader.position()];
    while let Some(entry) = reader.next().unwrap() {
        places.push(entry.next);
    }
    assert_eq!(places.len(), 101);
    for (number, &place) in (0..).zip(&places) {
        assert_eq!(place.event, number);
        let mut reader = Reader::open(folder.path(), Some(place));
        assert_eq!(read(&mut reader), events(number..100));
        assert_eq!(reader.take_lost(), 0);
        reader.seek(place);
        assert_eq!(read(&mut reader), events(number..100));
    }
}

#[test]
fn the_end_is_behind_everything() {
    let folder = log_of(0..3);
    let mut reader = Reader::open_at_end(folder.path()).unwrap();
    assert_eq!(reader.position().event, 3);
    assert_eq!(reader.next().unwrap(), None);
    let mut log = open(folder.path(), ROOMY).unwrap();
    write(&mut log, 3..4);
    assert_eq!(read(&mut reader), events(3..4));
    assert_eq!(reader.take_lost(), 0);
    let empty = tempfile::tempdir().unwrap();
    let reader = Reader::open_at_end(empty.path()).unwrap();
    assert_eq!(reader.position(), Position::default());
}

#[test]
fn at_the_bound_the_oldest_leave_and_a_reader_is_told_how_many() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds {
        total: 2000,
        segment: 200,
    };
    let mut log = open(folder.path(), bounds).unwrap();
    let mut slow = Reader::open(folder.path(), None);
    write(&mut log, 0..1);
    assert_eq!(read(&mut slow), events(0..1));
    let place = slow.position();
    // Elsewhere, so that no open file keeps what was removed.
    drop(slow);
    for from in (1..1000).step_by(10) {
        write(&mut log, from..from + 10);
        let size = |path: PathBuf| fs::metadata(path).map_or(0, |file| file.len());
        let all = fs::read_dir(folder.path()).unwrap();
        let all: u64 = all.map(|entry| size(entry.unwrap().path())).sum();
        assert!(all <= bounds.total, "{all}");
    }
    let counts = log.counts();
    assert_eq!((counts.events, counts.lost), (1001, 0));
    assert!(counts.segments_removed > 10 && counts.events_removed > 500);
    let told = log.take_faults();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("--log-size"), "{told:?}");

    let mut reader = Reader::open(folder.path(), Some(place));
    let read = read(&mut reader);
    let lost = counts.events_removed - place.event;
    assert_eq!(read, events(place.event + lost..1001));
    assert_eq!((reader.take_lost(), reader.take_lost()), (lost, 0));
    // Who was never there has lost nothing.
    let mut new = Reader::open(folder.path(), None);
    assert_eq!(
        new.next().unwrap().unwrap().next.event,
        place.event + lost + 1
    );
    assert_eq!(new.take_lost(), 0);
}

#[test]
fn a_restart_goes_on_in_a_new_segment_and_counts_what_is_there() {
    let folder = log_of(0..3);
    write(&mut open(folder.path(), ROOMY).unwrap(), 3..5);
    // Nothing written, nothing made.
    drop(open(folder.path(), ROOMY).unwrap());
    assert_eq!(segments(folder.path()).len(), 2);
    assert_eq!(Index::read(folder.path(), 2).unwrap().first, Some(3));
    assert_eq!(read(&mut Reader::open(folder.path(), None)), events(0..5));
}

#[test]
fn a_torn_end_is_cut_wherever_it_is_torn() {
    let whole = log_of(0..2);
    let text = fs::read(segment::events(whole.path(), 1)).unwrap();
    let index = fs::read(segment::index(whole.path(), 1)).unwrap();
    for cut in 0..=text.len() {
        // The index as it was when nothing, or all, had been synced; and none.
        for index in [Some(&index[..16]), Some(&index[..]), None] {
            // What a power failure leaves behind it, at some places.
            let garbage = [&b""[..], b"\0\0\0\n", b"not json\n"];
            for garbage in &garbage[..if cut % 6 == 0 { 3 } else { 1 }] {
                let folder = tempfile::tempdir().unwrap();
                let torn = [&text[..cut], *garbage].concat();
                fs::write(segment::events(folder.path(), 1), &torn).unwrap();
                if let Some(index) = index {
                    fs::write(segment::index(folder.path(), 1), index).unwrap();
                }
                let kept = memchr::memchr_iter(b'\n', &text[..cut]).count() as u64;
                let mut log = open(folder.path(), ROOMY).unwrap();
                assert_eq!(
                    log.take_faults().len(),
                    usize::from(torn.last().is_some_and(|_| torn.len() as u64 != kept * 12))
                );
                write(&mut log, 100..101);
                drop(log);
                let mut reader = Reader::open(folder.path(), None);
                assert_eq!(read(&mut reader), events((0..kept).chain([100])));
                assert_eq!(reader.position().event, kept + 1);
                assert_eq!(Index::read(folder.path(), 1).unwrap().events(), kept);
            }
        }
    }
}

#[test]
fn a_torn_end_whose_index_cannot_be_written_is_told_and_ends_nothing() {
    let folder = log_of(0..2);
    let path = segment::events(folder.path(), 1);
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"event\":2}\n{\"ev").unwrap();
    // A folder where it is to be: nothing can be made there, by nobody.
    let new = segment::index(folder.path(), 1).with_extension("index.new");
    fs::create_dir(&new).unwrap();
    let mut log = open(folder.path(), ROOMY).unwrap();
    let told = log.take_faults();
    assert!(told[0].contains("are cut"), "{told:?}");
    assert!(
        told.len() == 2 && told[1].contains("index of segment 1 cannot be written"),
        "{told:?}"
    );
    write(&mut log, 3..5);
    drop(log);
    let mut reader = Reader::open(folder.path(), None);
    assert_eq!(read(&mut reader), events(0..5));
    assert_eq!((reader.position().event, reader.take_lost()), (5, 0));
}

#[test]
fn damage_within_is_told_and_kept_and_does_not_cut_what_follows() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), ROOMY).unwrap();
    write(&mut log, 0..2);
    drop(log);
    let path = segment::events(folder.path(), 1);
    let mut text = fs::read(&path).unwrap();
    let sum = |part: &[u8]| xxhash_rust::xxh3::xxh3_64(part);
    let index = format!(
        "mxray-index 1 0\n0 12 1 {:016x}\n12 12 1 {:016x}\n",
        sum(&text[..12]),
        sum(&text[12..])
    );
    fs::write(segment::index(folder.path(), 1), index).unwrap();
    text[9] = b'7';
    fs::write(&path, &text).unwrap();
    let mut log = open(folder.path(), ROOMY).unwrap();
    let told = log.take_faults();
    assert!(told[0].contains("1 batches of segment 1"), "{told:?}");
    assert_eq!(fs::read(&path).unwrap(), text);
}

#[test]
fn one_process_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), ROOMY).unwrap();
    let second = open(folder.path(), ROOMY);
    assert!(matches!(second, Err(OpenError::InUse)));
    drop(log);
    assert!(open(folder.path(), ROOMY).is_ok());
}

#[test]
fn a_disk_that_takes_nothing_is_told_once_and_written_to_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), ROOMY).unwrap();
    // A folder where the segment is to be: nothing can be made there, by nobody.
    let path = segment::events(folder.path(), 1);
    fs::create_dir(&path).unwrap();
    write(&mut log, 0..10);
    let told = log.take_faults();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("cannot be written"), "{told:?}");
    // More than waits: the newest are lost.
    let large = format!("{{\"event\":\"{}\"}}\n", "x".repeat(7000));
    for _ in 0..200 {
        log.write_all(large.as_bytes()).unwrap();
    }
    let lost = log.counts().lost;
    assert!((40..=60).contains(&lost), "{lost}");
    fs::remove_dir(&path).unwrap();
    log.close();
    let told = log.take_faults();
    let again = format!("is written again; {lost} events");
    assert!(told.len() == 1 && told[0].contains(&again), "{told:?}");
    let lines = read(&mut Reader::open(folder.path(), None));
    assert_eq!(lines[..10], events(0..10));
    assert_eq!(lines.len() as u64, 210 - lost);
    assert_eq!(log.counts().events, 210 - lost);
}

#[test]
fn what_is_no_event_is_passed_over() {
    let folder = log_of(0..1);
    let path = segment::events(folder.path(), 1);
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&vec![b'x'; 3 << 20]).unwrap();
    file.write_all(b"\n{}\n").unwrap();
    let mut reader = Reader::open(folder.path(), None);
    assert_eq!(read(&mut reader), [event(0), "{}".to_owned()]);
    assert_eq!(reader.take_damaged(), 1);
}

#[test]
fn a_log_that_people_removed_goes_on_and_a_reader_finds_out() {
    // Everything, or the events alone, whose indexes then still know how many there were.
    for (everything, lost) in [(true, 0), (false, 2)] {
        let folder = tempfile::tempdir().unwrap();
        write(&mut Writer::open(folder.path(), ROOMY).unwrap(), 0..6);
        let mut reader = Reader::open(folder.path(), None);
        for _ in 0..4 {
            reader.next().unwrap();
        }
        let place = reader.position();
        for file in fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            if everything || path.extension().is_some_and(|end| end == "ndjson") {
                fs::remove_file(path).unwrap();
            }
        }
        // A second is what numbers are told apart by.
        let later = u64::try_from(jiff::Timestamp::now().as_second()).unwrap() + 1;
        let mut log = Writer::open_from(folder.path(), ROOMY, later).unwrap();
        write(&mut log, 6..9);
        for mut reader in [reader, Reader::open(folder.path(), Some(place))] {
            let mut read = read(&mut reader);
            // An open file is still there for whoever has it.
            read.retain(|line| *line != event(4) && *line != event(5));
            assert_eq!(read, events(6..9), "{everything}");
            if reader.take_cut() {
                assert!(everything);
            } else {
                assert!(!everything);
            }
        }
        let mut reader = Reader::open(folder.path(), Some(place));
        reader.next().unwrap();
        assert_eq!(reader.take_lost(), lost);
        assert_eq!(segment::indexes(folder.path()).unwrap().len(), 1);
    }
}

#[test]
fn a_segment_that_is_removed_while_it_grows_is_told_and_another_begins() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), ROOMY).unwrap();
    let mut reader = Reader::open(folder.path(), None);
    write(&mut log, 0..3);
    assert_eq!(read(&mut reader), events(0..3));
    for file in segments(folder.path()) {
        fs::remove_file(file).unwrap();
    }
    // Until it has noticed, which it does once a second.
    let mut told = Vec::new();
    while told.is_empty() {
        write(&mut log, 3..4);
        told = log.take_faults();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(told[0].contains("segment 1 was removed"), "{told:?}");
    write(&mut log, 4..6);
    drop(reader);
    let lines = read(&mut Reader::open(folder.path(), None));
    assert_eq!(lines, events(4..6));
}

#[test]
fn a_folder_that_is_removed_is_made_again_and_readers_go_on() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("log");
    let mut log = open(&folder, ROOMY).unwrap();
    let mut reader = Reader::open(&folder, None);
    write(&mut log, 0..3);
    assert_eq!(read(&mut reader), events(0..3));
    let place = reader.position();
    fs::remove_dir_all(&folder).unwrap();
    // Until it has noticed, which it does once a second.
    let mut told = Vec::new();
    let mut number = 3;
    while told.len() < 2 {
        write(&mut log, number..number + 1);
        number += 1;
        told.extend(log.take_faults());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(
        told[1].contains("its folder was removed, and is made again"),
        "{told:?}"
    );
    assert!(matches!(
        Writer::open(&folder, ROOMY),
        Err(OpenError::InUse)
    ));
    write(&mut log, number..number + 3);
    // One that reads has also what it had open when that was removed.
    assert_eq!(read(&mut reader), events(3..number + 3));
    let mut later = Reader::open(&folder, Some(place));
    let left = read(&mut later).len() as u64;
    assert_eq!(place.event + later.take_lost() + left, number + 3);
    assert_eq!(log.counts().lost, 0);
    assert_eq!(log.take_faults(), Vec::<String>::new());
}

#[test]
fn a_folder_that_cannot_be_made_again_is_told_once() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("log");
    let mut log = open(&folder, ROOMY).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "in its place").unwrap();
    write(&mut log, 0..3);
    let told = log.take_faults();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("which may take a restart"), "{told:?}");
    fs::remove_file(&folder).unwrap();
    log.close();
    assert_eq!((log.counts().events, log.counts().lost), (3, 0));
}

#[test]
fn a_place_that_a_power_failure_took_is_told_and_what_follows_is_read() {
    // The end of a segment, or all of it.
    for whole in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        write(&mut open(folder.path(), ROOMY).unwrap(), 0..5);
        let mut log = open(folder.path(), ROOMY).unwrap();
        write(&mut log, 5..10);
        drop(log);
        let mut reader = Reader::open(folder.path(), None);
        assert_eq!(read(&mut reader), events(0..10));
        let place = reader.position();
        let path = segment::events(folder.path(), 2);
        fs::remove_file(segment::index(folder.path(), 2)).unwrap();
        if whole {
            fs::remove_file(path).unwrap();
        } else {
            let cut = fs::OpenOptions::new().write(true).open(path).unwrap();
            cut.set_len(30).unwrap();
        }
        // The machine is up again, and the clock has gone on.
        let mut log = Writer::open_from(folder.path(), ROOMY, 100).unwrap();
        write(&mut log, 10..30);
        let mut reader = Reader::open(folder.path(), Some(place));
        assert_eq!(read(&mut reader), events(10..30), "{whole}");
        assert!(reader.take_cut() && !reader.take_cut());
    }
}

#[test]
fn without_anything_newer_it_is_read_from_its_beginning() {
    let folder = log_of(0..3);
    let place = Position {
        segment: 7,
        offset: 100,
        event: 30,
    };
    let mut reader = Reader::open(folder.path(), Some(place));
    assert_eq!(read(&mut reader), events(0..3));
    assert!(reader.take_cut());
    assert_eq!(reader.take_lost(), 0);
}

#[test]
fn where_it_begins_is_known_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = Reader::open(folder.path(), None);
    assert!(!reader.begin().unwrap());
    let bounds = Bounds {
        total: 2000,
        segment: 200,
    };
    let mut log = open(folder.path(), bounds).unwrap();
    write(&mut log, 0..500);
    assert!(reader.begin().unwrap());
    let place = reader.position();
    assert!(place.event > 0 && place.offset == 0, "{place:?}");
    write(&mut log, 500..1000);
    let mut reader = Reader::open(folder.path(), Some(place));
    let left = read(&mut reader).len() as u64;
    assert_eq!(place.event + reader.take_lost() + left, 1000);
}

#[test]
fn a_full_disk_keeps_nobody_from_opening_a_log_that_is_there() {
    let folder = log_of(0..1);
    let files = fs::read_dir(folder.path()).unwrap().count();
    let log = open(folder.path(), ROOMY).unwrap();
    // To open it makes no file.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), files);
    drop(log);
}
