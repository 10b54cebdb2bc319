//! Crashes of an event log, and damage to its files.
#![no_main]

#[path = "../laws/event_log.rs"]
mod event_log;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| event_log::holds(octets));
