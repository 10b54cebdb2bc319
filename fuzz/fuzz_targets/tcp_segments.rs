//! Any segments of a few connections: reassembly, attempts, bounds.
#![no_main]

#[path = "../laws/tcp_segments.rs"]
mod tcp_segments;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| tcp_segments::holds(octets));
