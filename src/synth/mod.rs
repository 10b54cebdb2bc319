//! Captures of known behaviour, made and not recorded: `mxray synth`.
//!
//! The study's six clients with its own counts, ordinary PCs, and small cases for parsers.
//! Everything else of mxray is tried on these. Uses the frame's link types and packet time,
//! and none of the stages that it is there to test.
//!
//! Promise: a name gives the same bytes on every machine; a test keeps the digest of each, so
//! that nobody changes one unknowingly. Nothing here reads a clock, the network or a file.
//!
//! ```
//! let mut file = Vec::new();
//! let written = mxray::synth::write("study-client-b", &mut file)?;
//! assert_eq!(written.packets, 452);
//! # Ok::<(), mxray::synth::Error>(())
//! ```
#![forbid(unsafe_code)]

mod day;
mod dialogue;
mod dice;
mod figure7;
mod mailserver;
mod message;
mod names;
mod ordinary;
mod packet;
mod worm;

use packet::Capture;
use std::io::{self, Write};

/// A capture that can be made.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// What it is asked for by.
    pub name: &'static str,
    /// What is in it, in one line.
    pub summary: &'static str,
    /// What it catches: how a wrong sensor shows itself on it.
    pub catches: &'static str,
    build: fn() -> Capture,
}

/// How much was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Packets in the capture.
    pub packets: u64,
}

/// Why a capture was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No recipe has this name.
    #[error("no recipe is named {0:?}; `mxray synth --list` shows them all")]
    Unknown(String),
    /// The output refused.
    #[error("cannot write the capture")]
    Write(#[from] io::Error),
}

/// All recipes, the study's first.
#[must_use]
pub fn catalogue() -> &'static [Recipe] {
    &CATALOGUE
}

/// Writes the capture of that name to `out` as pcap with microseconds.
///
/// It is made in memory first, at most some 15 MB.
pub fn write(name: &str, out: &mut impl Write) -> Result<Written, Error> {
    let recipe = CATALOGUE
        .iter()
        .find(|recipe| recipe.name == name)
        .ok_or_else(|| Error::Unknown(name.to_owned()))?;
    let capture = (recipe.build)();
    let mut out = io::BufWriter::new(out);
    capture.write(&mut out)?;
    out.flush()?;
    let packets = capture.packets.len() as u64;
    Ok(Written { packets })
}

macro_rules! recipes {
    ($($name:literal, $build:expr, $summary:literal, $catches:literal;)*) => {
        [$(Recipe { name: $name, summary: $summary, catches: $catches, build: $build }),*]
    };
}

static CATALOGUE: [Recipe; 8] = recipes! {
    "study-client-a", || dialogue::capture(&mailserver::study_client_a()),
    "a mail server, 2004-02-26: 2922 MX, 6675 A, 139 PTR queries (Table 1)",
    "a rule that calls a mail server a worm because it asks for MX";

    "study-client-b", || dialogue::capture(&worm::study_client_b()),
    "a PC with W32/Sobig.F, 2003-08-19: 190 MX, 36 A, no PTR (Table 1)",
    "a rule that needs many queries before it sees an SMTP engine";

    "study-client-c", || dialogue::capture(&worm::study_client_c()),
    "a PC with W32/Mydoom.A, 2004-01-28: 807 MX, 4823 A, no PTR (Table 1)",
    "a rule that takes more A than MX for a mail server";

    "study-client-d", || dialogue::capture(&worm::study_client_d()),
    "a PC with W32/Netsky.Q, 2004-03-29: 17346 MX, 1115 A, no PTR (Table 1)",
    "a table or a list that is not bounded";

    "study-client-e", || dialogue::capture(&worm::study_client_e()),
    "a PC with W32/Mydoom.S, 2004-08-16: 351 MX, 947 A, no PTR (Figure 5)",
    "a rule by the ratio of MX to A, which is that of the mail server";

    "study-client-f", || dialogue::capture(&figure7::study_client_f()),
    "a PC with W32/Mytob.A, 2005-02-25: 16521 A queries with the prefixes of Figure 7",
    "a rule that waits for MX; counts of prefixes or of K and T that are not exact";

    "ordinary-pcs", || dialogue::capture(&ordinary::ordinary_pcs()),
    "forty ordinary PCs on 2005-02-25, none a worm",
    "a rule that convicts a mail program, a poll, a search suffix or `dig mx`";

    "study-day", || dialogue::capture(&day::study_day()),
    "clients A to F, forty ordinary PCs and the resolver's own queries on 2005-02-25",
    "a resolver that is judged as a host; hosts that leak into each other";
};

#[cfg(test)]
mod tests;
