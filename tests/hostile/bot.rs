//! The bot that is watched while others make noise: it looks up mail exchangers and delivers.

use super::sensor::{Ran, Timed, replay};
use mxray::synth::population::{Family, Place, rows, sample};
use mxray::time::Timestamp;
use serde_json::Value;
use std::sync::LazyLock;

/// Its frames, and what is said of it where nobody else is.
pub(crate) struct Bot {
    pub(crate) address: String,
    pub(crate) frames: Vec<Timed>,
    /// When it turned to which recipient domain.
    pub(crate) recipients: Vec<(Timestamp, String)>,
}

/// The bot; nobody uses its machine besides.
pub(crate) static BOT: LazyLock<Bot> = LazyLock::new(|| of_row("gen2-mx", 0));

/// A host of that row of the evaluation's, without a person, from the beginning of what it is
/// judged for.
pub(crate) fn of_row(name: &str, first: u32) -> Bot {
    let row = rows().iter().find(|row| row.name == name).unwrap();
    let samples = (first..).map(|index| sample(row, Family::Reed, "hostile", index, Place(7)));
    let mut alone = samples.filter(|sample| !sample.mixed);
    let bot = alone.next().unwrap();
    let onset = bot.onset.unwrap();
    let frames = bot.frames.into_iter();
    let frames = frames.filter(|frame| frame.time >= onset);
    Bot {
        address: bot.addresses[0].to_string(),
        frames: frames.map(|frame| (frame.time, frame.octets)).collect(),
        recipients: bot.recipients,
    }
}

/// What matters of a conviction: when, of what class, at what level, and what was counted until
/// the end.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) convicted: Value,
    pub(crate) class: Value,
    pub(crate) level: Value,
    pub(crate) queries: Value,
    pub(crate) attempts: Value,
}

impl Found {
    pub(crate) fn of(ran: &Ran, host: &str) -> Option<Self> {
        let verdicts = ran.verdicts(host);
        let convicts = |event: &&Value| event["event"]["action"] == "host-convicted";
        let first = verdicts.iter().find(convicts)?;
        let last = verdicts.last()?;
        Some(Self {
            convicted: first["@timestamp"].clone(),
            class: last["mxray"]["class"].clone(),
            level: last["mxray"]["level"].clone(),
            queries: last["mxray"]["dns"]["queries"]["total"].clone(),
            attempts: last["mxray"]["smtp"]["attempts"].clone(),
        })
    }
}

/// What is found of it where nobody else is.
pub(crate) static ALONE: LazyLock<Found> = LazyLock::new(|| {
    let ran = replay("", |wire| {
        let mut frames = BOT.frames.iter();
        frames.try_for_each(|(time, octets)| wire.frame(*time, octets))
    });
    Found::of(&ran, &BOT.address).unwrap()
});
