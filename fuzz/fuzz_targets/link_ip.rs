//! Any octets as frames of any link type: headers, tunnels, fragments.
#![no_main]

#[path = "../laws/link_ip.rs"]
mod link_ip;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| link_ip::holds(octets));
