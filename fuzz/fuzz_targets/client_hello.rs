//! Any octets as a client's TLS records.
#![no_main]

#[path = "../laws/client_hello.rs"]
mod client_hello;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| client_hello::holds(octets));
