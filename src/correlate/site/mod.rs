//! What the sensor sees of the site, and what it has ceased to see: pure, one rule a file.
//!
//! Seconds of the site ([`SiteBin`]) go in, in order, and are gathered into slots of five minutes;
//! a rule looks at each slot when it ends. What is missing is told once and again when it is back
//! (docs/decisions/0013 says where each line comes from). Nothing is claimed of a capture that is
//! shorter than ten minutes.

mod halving;
mod loss;
mod one_way;
mod pause;
mod silence;
mod vantage;

use crate::count::site::{Losses, Sides, SiteBin};
use crate::time::Timestamp;
use halving::Halving;
use loss::Loss;
use one_way::OneWay;
use pause::Pause;
use serde::{Deserialize, Serialize};
use silence::Silence;
use std::collections::BTreeMap;
use vantage::Finder;
pub use vantage::Vantage;

/// Seconds in a slot, which begins at a multiple of it. Long enough for a thousand messages of a
/// site of a hundred hosts, short enough that two of them are told of before an operator asks.
pub const SLOT: i64 = 300;

/// A silence that a rule about rates does not look across, in seconds: the shortest that
/// [`Pause`] may tell.
const QUIET: i64 = pause::SHORTEST;

/// What is missing, by the names of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Missing {
    /// Nothing arrives.
    NoPackets,
    /// Of one side only.
    OneDirection,
    /// No DNS among what arrives.
    NoDns,
    /// No mail connections among it.
    NoSmtp,
    /// Half of the DNS or more is gone at once.
    Halving,
    /// Part of what was sent is not seen.
    Losses,
}

impl Missing {
    /// The stable name that events use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoPackets => "no-packets",
            Self::OneDirection => "one-direction",
            Self::NoDns => "no-dns",
            Self::NoSmtp => "no-smtp",
            Self::Halving => "halving",
            Self::Losses => "losses",
        }
    }
}

/// What is looked at on both its sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// Queries and replies.
    Dns,
    /// Mail connections.
    Smtp,
}

impl Protocol {
    /// The stable name that events use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Smtp => "smtp",
        }
    }

    fn of(self, bin: &SiteBin) -> Sides {
        match self {
            Self::Dns => bin.dns,
            Self::Smtp => bin.smtp,
        }
    }
}

/// How much of a protocol is in sight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sight {
    /// Too little came to say.
    #[default]
    Unknown,
    /// None of it, though other traffic is there.
    Absent,
    /// Only who asks, or begins.
    ClientSide,
    /// Only who answers.
    ServerSide,
    /// Both sides.
    Both,
}

/// What the sensor sees at a moment, for judging hosts by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SiteView {
    /// Where the tap is; `None` where that cannot be told.
    pub vantage: Option<Vantage>,
    /// Share of what was sent that mxray did not see, 0 to 1: the greater of the packets that
    /// were dropped lately and of the octets of mail and DNS in TCP that were missing when that
    /// was last measured. `None` where nothing was dropped and nothing was measured.
    pub loss: Option<f64>,
    /// What was lost lately: in the running slot and the one before.
    pub losses: Losses,
    /// How much of the DNS is in sight.
    pub dns: Sight,
    /// How much of the mail connections.
    pub smtp: Sight,
}

impl SiteView {
    /// Whether DNS queries are those of the hosts that send them. Behind a resolver they are of
    /// all its clients together, and rules about a host's DNS say nothing.
    #[must_use]
    pub fn dns_is_by_host(&self) -> bool {
        self.vantage != Some(Vantage::ResolverEgress)
    }
}

/// Whether the sensor got worse or better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Something is missing now.
    Blind,
    /// It is back.
    Recovered,
}

/// What is told of the sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct SensorEvent {
    /// When it was known.
    pub time: Timestamp,
    /// For worse or better.
    pub action: Action,
    /// What this is about.
    pub cause: Missing,
    /// Of which protocol, where it is about one.
    pub protocol: Option<Protocol>,
    /// Since when it was missing.
    pub since: Timestamp,
    /// All that is missing from now on.
    pub missing: Vec<Missing>,
    /// The numbers that it rests on.
    pub window: Window,
    /// One plain sentence.
    pub reason: String,
}

/// What was seen in the time that is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Its length in seconds.
    pub span: u64,
    /// What came in it.
    pub seen: SiteBin,
    /// DNS messages in as much time before, where that is compared.
    pub before: Option<u64>,
}

/// Five minutes of the site.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Slot {
    start: i64,
    bin: SiteBin,
    /// It is not whole: packets began in it, ended in it, or paused.
    partial: bool,
}

impl Slot {
    fn end(&self) -> i64 {
        self.start + SLOT
    }
}

/// Slots that are judged together.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Gathered {
    start: i64,
    slots: u32,
    bin: SiteBin,
}

impl Gathered {
    fn add(&mut self, slot: &Slot) {
        if self.slots == 0 {
            self.start = slot.start;
        }
        self.slots += 1;
        self.bin.add(&slot.bin);
    }

    /// Takes what was gathered.
    fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    fn window(self) -> Window {
        Window {
            span: u64::from(self.slots) * SLOT.unsigned_abs(),
            seen: self.bin,
            before: None,
        }
    }
}

/// What a rule has found: something is missing from now on, or back.
#[derive(Clone, Debug, PartialEq)]
enum Turn {
    Blind {
        since: i64,
        window: Window,
        reason: String,
    },
    Recovered {
        window: Window,
        reason: String,
    },
}

/// What the events are about.
type Cause = (Missing, Option<Protocol>);

/// The memory about the site.
#[derive(Debug, Serialize, Deserialize)]
pub struct Site {
    pause: Pause,
    slot: Option<Slot>,
    dns: OneWay,
    smtp: OneWay,
    no_dns: Silence,
    no_smtp: Silence,
    halving: Halving,
    loss: Loss,
    vantage: Finder,
    /// What is missing, and since when.
    missing: BTreeMap<Cause, i64>,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            pause: Pause::default(),
            slot: None,
            dns: OneWay::new(Protocol::Dns),
            smtp: OneWay::new(Protocol::Smtp),
            no_dns: Silence::new(Protocol::Dns),
            no_smtp: Silence::new(Protocol::Smtp),
            halving: Halving::default(),
            loss: Loss::default(),
            vantage: Finder::default(),
            missing: BTreeMap::new(),
        }
    }
}

impl Site {
    /// The next second at whose begin something is known that no packet tells: a slot's end, or
    /// that a pause is too long.
    #[must_use]
    pub fn due(&self) -> Option<i64> {
        let slot = self.slot.as_ref().map(Slot::end);
        slot.into_iter().chain(self.pause.due()).min()
    }

    /// What is known when `second` begins, and nothing of an earlier one can come any more. May
    /// be called as often as one likes; a gap of years is two steps.
    pub fn until(&mut self, second: i64) -> Vec<SensorEvent> {
        let mut events = Vec::new();
        while let Some(due) = self.due().filter(|due| *due <= second) {
            if self.slot.as_ref().is_some_and(|slot| slot.end() == due) {
                self.slot_ends(&mut events);
            } else {
                let turn = self.pause.told();
                self.turn(due, (Missing::NoPackets, None), turn, &mut events);
            }
        }
        self.loss.until(second);
        events
    }

    /// Takes in a second of the site; what is known by it. Seconds must come in order.
    pub fn second(&mut self, second: i64, bin: &SiteBin) -> Vec<SensorEvent> {
        let mut events = self.until(second);
        if bin.packets > 0 {
            let (gap, turn) = self.pause.packets(second, bin.packets);
            self.turn(second, (Missing::NoPackets, None), turn, &mut events);
            let slot = self.slot.get_or_insert_with(|| Slot {
                start: second.div_euclid(SLOT) * SLOT,
                ..Slot::default()
            });
            slot.partial |= gap.is_none_or(|gap| gap >= QUIET);
        } else if bin.losses != Losses::default() {
            // So much was dropped that nothing came, or there were broken packets alone.
            self.slot.get_or_insert_with(|| Slot {
                start: second.div_euclid(SLOT) * SLOT,
                partial: true,
                ..Slot::default()
            });
        }
        if let Some(asking) = &bin.asking {
            self.vantage.second(asking);
        }
        // Octets of TCP may be told of in a second that had no packet.
        if let Some(slot) = &mut self.slot {
            slot.bin.add(bin);
        }
        events
    }

    /// The sensor was away behind the newest second, or may have been: that is no pause of what
    /// arrives.
    pub fn interrupted(&mut self) {
        self.pause.interrupted();
    }

    /// What the sensor sees by now.
    #[must_use]
    pub fn view(&self) -> SiteView {
        let sight = |protocol, rule: &OneWay| {
            let cause = match protocol {
                Protocol::Dns => Missing::NoDns,
                Protocol::Smtp => Missing::NoSmtp,
            };
            if self.missing.contains_key(&(cause, Some(protocol))) {
                Sight::Absent
            } else {
                rule.sight()
            }
        };
        let (loss, losses) = self.loss.lately(self.slot.as_ref());
        SiteView {
            vantage: self.vantage.vantage(),
            loss,
            losses,
            dns: sight(Protocol::Dns, &self.dns),
            smtp: sight(Protocol::Smtp, &self.smtp),
        }
    }

    fn slot_ends(&mut self, events: &mut Vec<SensorEvent>) {
        let Some(mut slot) = self.slot.take() else {
            return;
        };
        let end = slot.end();
        slot.partial |= self.pause.last().is_none_or(|last| last < end - QUIET);
        self.pause.slot_ends(end);
        self.vantage.slot_ends();
        let turns = [
            (
                (Missing::OneDirection, Some(Protocol::Dns)),
                self.dns.judge(&slot),
            ),
            (
                (Missing::OneDirection, Some(Protocol::Smtp)),
                self.smtp.judge(&slot),
            ),
            (
                (Missing::NoDns, Some(Protocol::Dns)),
                self.no_dns.judge(&slot),
            ),
            (
                (Missing::NoSmtp, Some(Protocol::Smtp)),
                self.no_smtp.judge(&slot),
            ),
            ((Missing::Halving, None), self.halving.judge(&slot)),
            ((Missing::Losses, None), self.loss.judge(&slot)),
        ];
        for (cause, turn) in turns {
            self.turn(end, cause, turn, events);
        }
    }

    /// Notes a turn, and puts it into an event.
    fn turn(
        &mut self,
        second: i64,
        cause: Cause,
        turn: Option<Turn>,
        events: &mut Vec<SensorEvent>,
    ) {
        let (action, since, window, reason) = match turn {
            None => return,
            Some(Turn::Blind {
                since,
                window,
                reason,
            }) => {
                self.missing.insert(cause, since);
                (Action::Blind, since, window, reason)
            }
            Some(Turn::Recovered { window, reason }) => {
                let since = self.missing.remove(&cause).unwrap_or(second);
                (Action::Recovered, since, window, reason)
            }
        };
        let mut missing: Vec<_> = self.missing.keys().map(|(missing, _)| *missing).collect();
        missing.dedup();
        events.push(SensorEvent {
            time: Timestamp::from_parts(second, 0),
            action,
            cause: cause.0,
            protocol: cause.1,
            since: Timestamp::from_parts(since, 0),
            missing,
            window,
            reason,
        });
    }
}

#[cfg(test)]
mod tests;
