//! The bot that is watched while others make noise: it looks up mail exchangers and delivers.

use super::sensor::{Ran, Timed, replay};
use mxray::synth::population::{Family, Place, rows, sample};
use mxray::time::{NANOS, Timestamp};
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

/// The longest that the bot in a hurry pauses: long enough for hundreds of packets of a flood to
/// come between.
const PAUSE: i64 = 5 * NANOS;

/// The same without its long pauses: some thousand packets of a flood are as many for each of its
/// steps as millions are for those of the other, and it is convicted among them.
pub(crate) static HASTY: LazyLock<Bot> = LazyLock::new(|| {
    let Bot {
        address,
        mut frames,
        recipients,
    } = of_row("gen2-mx", 0);
    let mut before = frames[0].0;
    let mut now = before;
    for (time, _) in &mut frames {
        now = now.plus_nanos(time.nanos_since(before).min(PAUSE));
        before = std::mem::replace(time, now);
    }
    Bot {
        address,
        frames,
        recipients,
    }
});

impl Bot {
    /// Its first packet, and its last one.
    pub(crate) fn span(&self) -> [Timestamp; 2] {
        [self.frames.first(), self.frames.last()].map(|frame| frame.unwrap().0)
    }

    /// A run where nobody else is.
    fn alone(&self) -> Ran {
        replay("", |wire| {
            let mut frames = self.frames.iter();
            frames.try_for_each(|(time, octets)| wire.frame(*time, octets))
        })
    }
}

/// What matters of a conviction: when, of what class then and in the end, at what level, and what
/// was counted until the end.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) convicted: Timestamp,
    pub(crate) convicted_as: Value,
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
            convicted: time(first),
            convicted_as: first["mxray"]["class"].clone(),
            class: last["mxray"]["class"].clone(),
            level: last["mxray"]["level"].clone(),
            queries: last["mxray"]["dns"]["queries"]["total"].clone(),
            attempts: last["mxray"]["smtp"]["attempts"].clone(),
        })
    }
}

/// The time of an event.
pub(crate) fn time(event: &Value) -> Timestamp {
    let text = event["@timestamp"].as_str().unwrap();
    let time: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_nanos(i64::try_from(time.as_nanosecond()).unwrap())
}

/// The bot in a hurry where nobody else is.
pub(crate) static HASTY_RAN: LazyLock<Ran> = LazyLock::new(|| HASTY.alone());

/// What is found of each there.
pub(crate) static ALONE: LazyLock<Found> =
    LazyLock::new(|| Found::of(&BOT.alone(), &BOT.address).unwrap());
pub(crate) static HASTY_ALONE: LazyLock<Found> =
    LazyLock::new(|| Found::of(&HASTY_RAN, &HASTY.address).unwrap());
