//! What an attacker sends, and what fails under the sensor: nothing is lost that could be kept,
//! memory stays under its limit, and a bot is found all the same.
//!
//! Small by default. The tables of docs/HARDENING.md come from `make hostile`, which runs the
//! same on millions of packets.
#![cfg(target_os = "linux")]
#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that fails here says where, and a table is for people"
)]

// What fills tables, packet by packet.
mod attacks;
// The bot that is watched meanwhile.
mod bot;
// What a bot does not to be seen.
mod evasion;
// Disks, files, clocks and kills.
mod faults;
// Bounds, with the bot among a flood.
mod floods;
#[path = "../logged.rs"]
mod logged;
// A replay as a process of its own.
mod sensor;
// Frames.
mod wire;
