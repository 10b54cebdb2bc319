//! The goals that were set for this tool, beside what was measured of them in this run.

use crate::captures::Form;
use crate::commands::{LOOP, Measured, ONE, TWO, Usage};
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
            Self::Cpu => run.cpu.as_secs_f64(),
            Self::Wall => run.wall.as_secs_f64(),
        }
    }
}

/// Profile, figure, of which command, divided by which other's; what it shall be at least or at
/// most, and what would be better still.
type Quotient = (
    Profile,
    Figure,
    &'static str,
    &'static str,
    Option<Bound>,
    Option<Bound>,
);

/// The goals that were set for this tool (docs/decisions/0024).
#[rustfmt::skip] // A table.
const QUOTIENTS: [Quotient; 14] = [
    (Profile::Dns, Figure::Cpu, ONE, LOOP, Some(Most(2.0)), Some(Most(1.0))),
    (Profile::Dns, Figure::Wall, TWO, LOOP, None, Some(Most(1.0))),
    (Profile::Campus, Figure::Cpu, ONE, LOOP, Some(Most(3.0)), Some(Most(1.5))),
    (Profile::Mirror, Figure::Cpu, ONE, "tcpdump", Some(Most(1.0)), None),
    (Profile::Dns, Figure::Cpu, "nfpcapd", ONE, Some(Least(4.0)), None),
    (Profile::Campus, Figure::Cpu, "nfpcapd", ONE, Some(Least(4.0)), None),
    (Profile::Dns, Figure::Cpu, "dnstop", ONE, Some(Least(12.0)), None),
    (Profile::Campus, Figure::Cpu, "dnstop", ONE, Some(Least(12.0)), None),
    (Profile::Dns, Figure::Cpu, Form::Pcapng.mxray(), TWO, Some(Most(1.3)), None),
    // What the walk over compressed records takes is nearly all the decompressor's.
    (Profile::Dns, Figure::Wall, Form::Gzip.mxray(), Form::Gzip.walk(), Some(Most(1.0)), None),
    (Profile::Dns, Figure::Wall, Form::Zstd.mxray(), Form::Zstd.walk(), Some(Most(1.0)), None),
    (Profile::Dns, Figure::Wall, TWO, ONE, Some(Most(1.0)), None),
    (Profile::Campus, Figure::Wall, TWO, ONE, Some(Most(1.0)), None),
    (Profile::Mirror, Figure::Wall, TWO, ONE, Some(Most(1.0)), None),
];
/// Of a million hosts, which are there where the capture has ten million packets.
const MANY_MIB: Bound = Most(1_536.0);
/// What shall be as it was, within what paired runs differ.
pub(crate) const SAME: Bound = Most(1.1);
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
    let quotients = QUOTIENTS.iter().filter(|quotient| quotient.0 == profile);
    let goals = quotients.filter_map(|&(_, figure, of, by, asked, aim)| {
        let measured = paired(find(of)?, find(by)?, |run| figure.of(run));
        let what = match figure {
            Figure::Cpu => "CPU",
            Figure::Wall => "wall",
        };
        let name = format!("{}, {what}: {of} / {by}", profile.name());
        Some(Goal {
            name,
            asked,
            aim,
            measured,
        })
    });
    let many = find(TWO).filter(|_| profile == Profile::Many);
    let many = many.map(|measured| Goal {
        name: format!("many, {} hosts: RSS, MiB", profile.clients(packets)),
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
            "{:<62} {:>8} {:>8} {:>9.2}  {}",
            goal.name,
            bound(goal.asked),
            bound(goal.aim),
            goal.measured,
            goal.verdict()
        ))?;
    }
    results.line("")
}
