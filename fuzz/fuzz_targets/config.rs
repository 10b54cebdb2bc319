//! Any octets as a config file.
#![no_main]

#[path = "../laws/config.rs"]
mod config;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| config::holds(octets));
