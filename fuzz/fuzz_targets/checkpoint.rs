//! Any octets as a checkpoint, and as the state in a whole one.
#![no_main]

#[path = "../laws/checkpoint.rs"]
mod checkpoint;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| checkpoint::holds(octets));
