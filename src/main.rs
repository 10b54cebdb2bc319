//! The `mxray` command: parses the command line, runs the command, sets the exit status.

use mimalloc::MiMalloc;
use mxray::{cli, command, config};
use std::process::ExitCode;

/// Memory in pages of 2 MiB, where the kernel has them to give (docs/decisions/0029).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match command::run(cli::parse().command) {
        Ok(outcome) => ExitCode::from(outcome.status()),
        Err(error) => {
            command::say(format_args!("{error:#}"));
            ExitCode::from(if error.is::<config::Error>() { 2 } else { 1 })
        }
    }
}
