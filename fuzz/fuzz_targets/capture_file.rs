//! Any octets as a capture file: read, decoded and counted.
#![no_main]

#[path = "../laws/capture_file.rs"]
mod capture_file;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| capture_file::holds(octets));
