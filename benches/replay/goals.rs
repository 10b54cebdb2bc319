//! The goals that were set for this tool, beside what was measured of them in this run.

use crate::captures::Form;
use crate::commands::{LOOP, Measured, ONE, TWO, Usage, replay_of, walk_of};
use crate::results::{Results, median};
use crate::traffic::Profile;
use anyhow::Result;

/// What a figure may be.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    Most(f64),
    Least(f64),
}

use Bound::{Least, Most};
use Figure::{Cpu, Wall};
use Profile::{Campus, Dns, Mirror, Worm};

impl Bound {
    fn holds(self, figure: f64) -> bool {
        match self {
            Most(bound) => figure <= bound,
            Least(bound) => figure >= bound,
        }
    }

    fn text(self) -> String {
        match self {
            Most(bound) => format!("<= {bound}"),
            Least(bound) => format!(">= {bound}"),
        }
    }
}

/// What is compared of two commands on the same capture.
#[derive(Clone, Copy)]
enum Figure {
    Cpu,
    Wall,
}

impl Figure {
    fn of(self, run: &Usage) -> f64 {
        match self {
            Self::Cpu => run.cpu(),
            Self::Wall => run.wall.as_secs_f64(),
        }
    }
}

/// A command's figure divided by another's, both on the same capture.
struct Quotient {
    profile: Profile,
    figure: Figure,
    of: &'static str,
    by: &'static str,
    asked: Option<Bound>,
    aim: Option<Bound>,
}

const fn quotient(
    profile: Profile,
    figure: Figure,
    of: &'static str,
    by: &'static str,
) -> Quotient {
    Quotient {
        profile,
        figure,
        of,
        by,
        asked: None,
        aim: None,
    }
}

impl Quotient {
    /// What it shall be.
    const fn asked(self, bound: Bound) -> Self {
        Self {
            asked: Some(bound),
            ..self
        }
    }

    /// What would be better still.
    const fn aim(self, bound: Bound) -> Self {
        Self {
            aim: Some(bound),
            ..self
        }
    }
}

/// The goals that were set for this tool (docs/decisions/0024).
#[rustfmt::skip] // A table.
const QUOTIENTS: [Quotient; 18] = [
    quotient(Dns, Cpu, ONE, LOOP).asked(Most(2.0)).aim(Most(1.0)),
    quotient(Dns, Wall, TWO, LOOP).aim(Most(1.0)),
    quotient(Campus, Cpu, ONE, LOOP).asked(Most(3.0)).aim(Most(1.5)),
    quotient(Mirror, Cpu, ONE, "tcpdump").asked(Most(1.0)),
    quotient(Mirror, Cpu, TWO, "tcpdump").asked(Most(1.0)),
    quotient(Mirror, Wall, TWO, "tcpdump").asked(Most(1.0)),
    quotient(Dns, Cpu, "nfpcapd", ONE).asked(Least(4.0)),
    quotient(Campus, Cpu, "nfpcapd", ONE).asked(Least(4.0)),
    quotient(Dns, Cpu, "dnstop", ONE).asked(Least(12.0)),
    quotient(Campus, Cpu, "dnstop", ONE).asked(Least(12.0)),
    quotient(Dns, Cpu, walk_of(Form::Pcapng), walk_of(Form::Pcap)).asked(Most(1.3)),
    quotient(Dns, Cpu, replay_of(Form::Pcapng), TWO).asked(Most(1.3)),
    // What the walk over compressed records takes is nearly all the decompressor's.
    quotient(Dns, Wall, replay_of(Form::Gzip), walk_of(Form::Gzip)).asked(Most(1.0)),
    quotient(Dns, Wall, replay_of(Form::Zstd), walk_of(Form::Zstd)).asked(Most(1.0)),
    quotient(Dns, Wall, TWO, ONE).asked(Most(1.0)),
    quotient(Campus, Wall, TWO, ONE).asked(Most(1.0)),
    quotient(Mirror, Wall, TWO, ONE).asked(Most(1.0)),
    quotient(Worm, Wall, TWO, ONE).asked(Most(1.0)),
];
/// Hosts of which it is asked what they take; they are there where the capture has ten million packets.
const MANY: u32 = 1_000_000;
const MANY_MIB: Bound = Most(1_536.0);
/// What shall be as it was, within what paired runs differ.
pub(crate) const SAME: Bound = Most(1.1);
/// System calls of a packet: those for a piece of the file, or for a batch of 2,048 packets, are far
/// fewer than packets.
pub(crate) const CALLS: Bound = Most(0.02);
/// A packet of a million hosts, in packets of a thousand hosts.
pub(crate) const HOSTS: Bound = Most(4.0);
pub(crate) const HOSTS_AIM: Bound = Most(2.0);

/// A goal, and where the tool stands.
pub(crate) struct Goal {
    pub(crate) name: String,
    pub(crate) asked: Option<Bound>,
    pub(crate) aim: Option<Bound>,
    pub(crate) measured: f64,
}

impl Goal {
    fn verdict(&self) -> &'static str {
        // A packet's part is the difference to a start, which may drown in it.
        if self.measured.is_nan() || self.measured <= 0.0 {
            return "too few packets";
        }
        let holds = |bound: Option<Bound>| bound.map(|bound| bound.holds(self.measured));
        match (holds(self.asked), holds(self.aim)) {
            (Some(false), _) => "missed",
            (_, Some(true)) => "met, with its aim",
            (Some(true), _) => "met",
            (None, _) => "aim missed",
        }
    }
}

/// The goals of which all that they compare was measured on this profile.
pub(crate) fn of(profile: Profile, packets: u64, commands: &[Measured]) -> Vec<Goal> {
    let find = |name: &str| commands.iter().find(|command| command.name == name);
    let quotients = QUOTIENTS.iter().filter(|it| it.profile == profile);
    let goals = quotients.filter_map(
        |&Quotient {
             figure,
             of,
             by,
             asked,
             aim,
             ..
         }| {
            let measured = paired(find(of)?, find(by)?, |run| figure.of(run));
            let what = match figure {
                Cpu => "CPU",
                Wall => "wall",
            };
            let name = format!("{}, {what}: {of} / {by}", profile.name());
            Some(Goal {
                name,
                asked,
                aim,
                measured,
            })
        },
    );
    let million = profile == Profile::Many && profile.clients(packets) == MANY;
    let many = find(TWO).filter(|_| million);
    let many = many.map(|measured| Goal {
        name: format!("many, {MANY} hosts: RSS, MiB"),
        asked: Some(MANY_MIB),
        aim: None,
        measured: median(measured.runs.iter().map(|run| run.rss_mib)),
    });
    goals.chain(many).collect()
}

/// The median of what one command took in a run divided by what the other took in the same.
pub(crate) fn paired(of: &Measured, by: &Measured, figure: impl Fn(&Usage) -> f64) -> f64 {
    let pairs = of.runs.iter().zip(&by.runs);
    median(pairs.map(|(of, by)| figure(of) / figure(by)))
}

pub(crate) fn table(goals: &[Goal], results: &mut Results) -> Result<()> {
    if goals.is_empty() {
        return Ok(());
    }
    results.line("goals; medians of what was measured in the same run")?;
    results.line(&format!(
        "{:<62} {:>8} {:>8} {:>9}",
        "", "asked", "aim", "measured"
    ))?;
    for goal in goals {
        let bound = |bound: Option<Bound>| bound.map_or_else(|| "-".into(), Bound::text);
        results.line(&format!(
            "{:<62} {:>8} {:>8} {:>9}  {}",
            goal.name,
            bound(goal.asked),
            bound(goal.aim),
            if goal.measured < 0.1 {
                format!("{:.4}", goal.measured)
            } else {
                format!("{:.2}", goal.measured)
            },
            goal.verdict()
        ))?;
    }
    results.line("")
}
