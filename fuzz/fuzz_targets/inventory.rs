//! Any octets as an inventory, looked up beside a plain search.
#![no_main]

#[path = "../laws/inventory.rs"]
mod inventory;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| inventory::holds(octets));
