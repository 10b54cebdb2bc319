//! Any octets and holes as the two directions of an SMTP connection.
#![no_main]

#[path = "../laws/smtp_session.rs"]
mod smtp_session;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| smtp_session::holds(octets));
