//! The `mxray` command: parses the command line, runs the command, sets the exit status.

use clap::Parser as _;
use mxray::cli::Cli;
use mxray::{command, config};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match command::run(cli.command) {
        Ok(outcome) => ExitCode::from(outcome.status()),
        Err(error) => {
            command::say(format_args!("{error:#}"));
            ExitCode::from(if error.is::<config::Error>() { 2 } else { 1 })
        }
    }
}
