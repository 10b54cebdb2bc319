//! What the command line asks of the bench.

use crate::commands::installed;
use crate::traffic::Profile;
use crate::{growth, shares};
use anyhow::{Context, Result, bail, ensure};

/// Packets of a run that is only to show that all works.
pub(crate) const SMOKE: u64 = 20_000;

pub(crate) struct Options {
    pub(crate) packets: u64,
    pub(crate) runs: usize,
    /// Whose captures commands are compared on.
    pub(crate) profiles: Vec<Profile>,
    /// Whether it is measured what must not grow.
    pub(crate) growth: bool,
    /// Programs that somebody would run instead: a name, and the command line.
    pub(crate) peers: Vec<(String, String)>,
    /// Whether it is counted which functions the instructions are in.
    pub(crate) shares: bool,
    /// What other benches printed, to be kept with the rest: a file's name, and what stands in it.
    pub(crate) other: Vec<(String, String)>,
    /// Nothing is measured, and nothing is kept.
    pub(crate) smoke: bool,
}

impl Options {
    pub(crate) fn read(arguments: &[String]) -> Result<Self> {
        // `cargo bench` says --bench; without it, or with --test, all is tried and nothing
        // measured.
        let smoke = arguments.iter().any(|one| one == "--test")
            || !arguments.iter().any(|one| one == "--bench");
        let (packets, runs) = if smoke { (SMOKE, 1) } else { (10_000_000, 7) };
        let mut options = Self {
            packets,
            runs,
            profiles: Profile::ALL.into(),
            growth: true,
            shares: true,
            other: Vec::new(),
            peers: installed(),
            smoke,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let value = arguments.next();
                value.with_context(|| format!("{argument}: nothing follows"))
            };
            match argument.as_str() {
                "--profile" => {
                    let wanted = value()?;
                    options.profiles = Profile::ALL.into();
                    options.profiles.retain(|profile| profile.name() == wanted);
                    options.growth = wanted == growth::NAME;
                    options.shares = wanted == shares::NAME;
                    ensure!(
                        options.growth || options.shares || !options.profiles.is_empty(),
                        "{wanted}: no profile"
                    );
                }
                "--peer" => {
                    let (name, line) = value()?
                        .split_once('=')
                        .context("--peer takes NAME=COMMAND, in which {} is the capture")?;
                    let plain = |octet: char| octet.is_ascii_alphanumeric() || octet == '-';
                    ensure!(
                        !name.is_empty() && name.chars().all(plain),
                        "--peer {name}: a name has letters, digits and hyphens"
                    );
                    ensure!(
                        line.split_whitespace().skip(1).any(|word| word == "{}"),
                        "--peer {name}: the command has no {{}} for the capture"
                    );
                    options.peers.retain(|(known, _)| known != name);
                    options.peers.push((name.to_owned(), line.to_owned()));
                }
                "--with" => {
                    let path = value()?;
                    let text = std::fs::read_to_string(path).with_context(|| path.clone())?;
                    options.other.push((path.clone(), text));
                }
                "--packets" => options.packets = number(value()?)?,
                "--runs" => options.runs = usize::try_from(number(value()?)?)?,
                "--bench" | "--test" => {}
                other if other.starts_with('-') => bail!("{other}: no such option"),
                // The filter that `cargo bench NAME` hands to every bench.
                _ => {}
            }
        }
        Ok(options)
    }

    /// All whose captures are read.
    pub(crate) fn captures(&self) -> Vec<Profile> {
        let growth = growth::PROFILES.into_iter().filter(|_| self.growth);
        let shares = shares::PROFILES.into_iter().filter(|_| self.shares);
        let mut captures = self.profiles.clone();
        for profile in growth.chain(shares) {
            if !captures.contains(&profile) {
                captures.push(profile);
            }
        }
        captures
    }
}

fn number(text: &str) -> Result<u64> {
    let digits: String = text.chars().filter(|&c| c != '_').collect();
    let number: u64 = digits
        .parse()
        .with_context(|| format!("{text}: no number"))?;
    ensure!(number > 0, "0 is too few");
    Ok(number)
}
