//! Any octets as a DNS message, held against hickory-proto.
#![no_main]

#[path = "../laws/dns_message.rs"]
mod dns_message;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| dns_message::holds(octets));
