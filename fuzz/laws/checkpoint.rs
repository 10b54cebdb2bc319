//! What must hold of any octets as a checkpoint, and as the state in one that is whole: whoever
//! has taken the capturing process over can write that. The fuzz target tries it on what the
//! fuzzer thinks of, the test `fuzz_seeds` on what is kept.

#[path = "scratch.rs"]
mod scratch;

use mxray::checkpoint::{self, Expected, FORMAT, Head, Parts, Refused, State, file};
use mxray::correlate::Context;
use mxray::count::{Counters, Settings};
use mxray::time::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeTuple as _};
use std::cell::RefCell;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};

const SENSOR: &str = "sensor";
const MEANING: u64 = 7;

/// What is damaged of a whole file: three octets for where, one for how.
const DAMAGE: usize = 4;

thread_local! {
    static FILE: RefCell<File> = RefCell::new({
        let folder = scratch::folder();
        tempfile::tempfile_in(folder.path()).expect("a file")
    });
}

/// Octets as they are, in the place of a state.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for octet in self.0 {
            tuple.serialize_element(octet)?;
        }
        tuple.end()
    }
}

fn head() -> Head {
    Head {
        mxray: String::new(),
        sensor: SENSOR.to_owned(),
        meaning: MEANING,
        cut: Timestamp::from_parts(0, 0),
    }
}

fn take(octets: &[u8]) -> Result<State, Refused> {
    let expected = Expected {
        sensor: SENSOR,
        meaning: MEANING,
        now: Timestamp::MAX,
    };
    FILE.with_borrow_mut(|file| {
        written(file, |file| file.write_all(octets).expect("room"));
        let (_, state) = checkpoint::take(file, &expected, Context::default())?;
        Ok(state)
    })
}

/// What is written into an empty file.
fn written(file: &mut File, write: impl FnOnce(&mut File)) -> Vec<u8> {
    file.rewind().expect("a place");
    file.set_len(0).expect("a file");
    write(file);
    file.rewind().expect("a place");
    let mut octets = Vec::new();
    file.read_to_end(&mut octets).expect("a file");
    octets
}

fn saved(state: &State) -> Vec<u8> {
    let parts = Parts {
        capture: &state.capture,
        seconds: &state.seconds,
        counting: &state.counting,
        correlator: &state.correlator,
        site: &state.site,
    };
    FILE.with_borrow_mut(|file| {
        written(file, |file| {
            checkpoint::leave(file, &head(), &parts).expect("room");
        })
    })
}

/// The input: what is damaged, and then a state.
///
/// # Panics
/// Where it does not hold that a file which is not octet by octet what was written is refused;
/// that a state which is taken is written as one that is taken, octet by octet the same; and that
/// what counting makes of it, dealt out among workers, can be saved again.
pub(crate) fn holds(octets: &[u8]) {
    // As a whole file: nobody guesses a checksum.
    assert!(take(octets).is_err());
    let Some((damage, state)) = octets.split_first_chunk::<DAMAGE>() else {
        return;
    };
    let whole = FILE.with_borrow_mut(|file| {
        written(file, |file| {
            file::put(file, FORMAT, &head(), &Raw(state)).expect("room");
        })
    });
    damaged(&whole, *damage);
    let Ok(state) = take(&whole) else {
        return;
    };
    let once = saved(&state);
    let again = take(&once).expect("what was just written");
    assert!(saved(&again) == once, "what is read is what was written");
    for workers in [1, 3] {
        let State { counting, .. } = take(&once).expect("as before");
        for part in counting.deal(workers, |shard| shard % workers) {
            let settings = Settings {
                hosts: 128,
                ..Settings::default()
            };
            if let Ok(counters) = Counters::load(settings, part) {
                counters.save().expect("what was read can be written");
            }
        }
    }
}

/// Cut, or with one octet changed, it is refused.
fn damaged(whole: &[u8], [high, mid, low, how]: [u8; DAMAGE]) {
    let at = usize::from(high) << 16 | usize::from(mid) << 8 | usize::from(low);
    let (head, tail) = whole.split_at(at % whole.len());
    assert!(take(head).is_err(), "cut at {}", head.len());
    if let (Some((octet, tail)), 1..) = (tail.split_first(), how) {
        let flipped = [head, &[octet ^ how], tail].concat();
        assert!(take(&flipped).is_err(), "flipped at {}", head.len());
    }
}
