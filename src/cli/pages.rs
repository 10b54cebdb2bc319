//! `mxray completions` and `mxray man`: what packages install.

use clap::Args;
use std::path::PathBuf;

/// `mxray completions`, for packages and for who installs without one.
#[derive(Clone, Debug, Args)]
pub struct Completions {
    /// Of which shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `mxray man`, likewise.
#[derive(Clone, Debug, Args)]
pub struct Man {
    /// Write them into the folder DIR: mxray.1, and a page for each command
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}
