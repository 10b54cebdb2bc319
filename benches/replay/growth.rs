//! What must not grow: what a packet costs with ten times the packets of the same hosts, with a
//! thousand times the hosts, and with years between packets.

use crate::captures::{Form, capture};
use crate::commands::{Measured, Usage, mxray};
use crate::goals::{Goal, HOSTS, HOSTS_AIM, SAME, paired};
use crate::options::Options;
use crate::results::{Results, median};
use crate::traffic::Profile;
use anyhow::{Context, Result, ensure};
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) const NAME: &str = "growth";

/// All whose captures are read here.
pub(crate) const PROFILES: [Profile; 4] =
    [Profile::Dns, Profile::Gaps, Profile::Few, Profile::Many];

/// Packets whose instructions are counted at the most, since that takes fifty times as long.
const COUNTED: u64 = 2_000_000;

/// A capture, and what its replay takes.
struct Row {
    name: &'static str,
    profile: Profile,
    /// The part of the packets that it has: one in so many.
    part: u64,
    measured: Measured,
    /// Without those of the start, of one packet.
    instructions: Option<f64>,
}

impl Row {
    fn new(name: &'static str, profile: Profile, part: u64, options: &Options) -> Result<Self> {
        let packets = (options.packets / part).max(1);
        let file = capture(profile, packets, Form::Pcap)?;
        let command = mxray("1", profile, &file);
        Ok(Self {
            name,
            profile,
            part,
            measured: Measured::new(format!("growth, {name}"), packets, command),
            instructions: None,
        })
    }

    /// Those whose instructions are counted.
    fn counted(&self, options: &Options) -> u64 {
        (options.packets.min(COUNTED) / self.part).max(1)
    }
}

/// Measures all of them in turns, prints how they compare, and gives what was asked of that.
pub(crate) fn measure(options: &Options, results: &mut Results) -> Result<Vec<Goal>> {
    let mut rows = [
        // To begin and to end, which no packet is to pay for.
        Row::new("start", Profile::Dns, u64::MAX, options)?,
        Row::new("dns, a tenth", Profile::Dns, 10, options)?,
        Row::new("dns", Profile::Dns, 1, options)?,
        Row::new("gaps", Profile::Gaps, 1, options)?,
        Row::new("few", Profile::Few, 1, options)?,
        Row::new("many", Profile::Many, 1, options)?,
    ];
    results.runs_begin()?;
    for run in 1..=options.runs {
        for row in &mut rows {
            let usage = row.measured.run()?;
            results.run(run, &row.measured, &usage)?;
        }
    }
    count(&mut rows, options, results)?;
    table(&rows, options, results)?;
    Ok(goals(&rows, options))
}

/// Counts instructions, where there is what counts them.
fn count(rows: &mut [Row], options: &Options, results: &mut Results) -> Result<()> {
    let mut start = None;
    // A moment's, where all is only tried.
    let rows = rows
        .iter_mut()
        .take(if options.smoke { 1 } else { usize::MAX });
    for row in rows {
        let packets = row.counted(options);
        let file = capture(row.profile, packets, Form::Pcap)?;
        let Some(all) = instructions(row.profile, &file)? else {
            return results.line("# valgrind is not installed: no instructions");
        };
        results.line(&format!(
            "# {}: {all} instructions, {packets} packets",
            row.measured.name
        ))?;
        let start = *start.get_or_insert(all);
        #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
        let each = all.saturating_sub(start) as f64 / packets as f64;
        row.instructions = Some(each);
    }
    Ok(())
}

/// Those of a whole replay by callgrind, unless that is not installed.
fn instructions(profile: Profile, file: &Path) -> Result<Option<u64>> {
    let command = mxray("1", profile, file);
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .output();
    let run = match run {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        run => run.context("valgrind")?,
    };
    let said = String::from_utf8_lossy(&run.stderr);
    ensure!(run.status.success(), "valgrind: {}\n{said}", run.status);
    let mut counts = said
        .lines()
        .filter_map(|line| line.split_once("Collected :"));
    let (_, count) = counts.next().context("valgrind counted nothing")?;
    let count = count.trim().parse();
    Ok(Some(count.context("what valgrind counted")?))
}

/// Processor seconds of a packet in each run, without those of the start in the same.
fn each(row: &Row, start: &Row) -> impl Iterator<Item = f64> {
    let pairs = row.measured.runs.iter().zip(&start.measured.runs);
    #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
    let packets = row.measured.packets as f64;
    let seconds = |usage: &Usage| usage.cpu.as_secs_f64();
    pairs.map(move |(run, start)| (seconds(run) - seconds(start)) / packets)
}

fn table(rows: &[Row], options: &Options, results: &mut Results) -> Result<()> {
    let [start, rest @ ..] = rows else {
        return Ok(());
    };
    results.line(&format!(
        "\n{NAME}: {} packets; medians; of a packet without the start",
        options.packets
    ))?;
    results.line(&format!(
        "{:<14} {:>9} {:>9} {:>10} {:>12} {:>13} {:>13}",
        "", "CPU s", "RSS MiB", "hosts", "ns a packet", "instructions", "of packets"
    ))?;
    for row in rest {
        let Measured { packets, runs, .. } = &row.measured;
        let count = row.instructions.map_or_else(String::new, |count| {
            format!(" {count:>13.0} {:>13}", row.counted(options))
        });
        results.line(&format!(
            "{:<14} {:>9.3} {:>9.1} {:>10} {:>12.0}{count}",
            row.name,
            median(runs.iter().map(|run| run.cpu.as_secs_f64())),
            median(runs.iter().map(|run| run.rss_mib)),
            row.profile.clients(*packets),
            median(each(row, start)) * 1e9,
        ))?;
    }
    results.line("")
}

fn goals(rows: &[Row; 6], options: &Options) -> Vec<Goal> {
    let [start, tenth, dns, gaps, few, many] = rows;
    let cpu = |of, by| {
        let pairs = each(of, start).zip(each(by, start));
        Some(median(pairs.map(|(of, by)| of / by)))
    };
    let instructions = |of: &Row, by: &Row| Some(of.instructions? / by.instructions?);
    let rss = paired(&dns.measured, &tenth.measured, |run| run.rss_mib);
    let hosts = |packets, what| {
        let [many, few] = [many, few].map(|row| row.profile.clients(packets));
        format!("{many} / {few} hosts, {what}")
    };
    let goals = [
        (
            "10 times the packets, CPU a packet".into(),
            cpu(dns, tenth),
            SAME,
            None,
        ),
        (
            "10 times the packets, instructions a packet".into(),
            instructions(dns, tenth),
            SAME,
            None,
        ),
        ("10 times the packets, RSS".into(), Some(rss), SAME, None),
        (
            hosts(options.packets, "CPU a packet"),
            cpu(many, few),
            HOSTS,
            Some(HOSTS_AIM),
        ),
        (
            hosts(many.counted(options), "instructions a packet"),
            instructions(many, few),
            HOSTS,
            Some(HOSTS_AIM),
        ),
        (
            "years between packets, CPU a packet".into(),
            cpu(gaps, dns),
            SAME,
            None,
        ),
        (
            "years between packets, instructions a packet".into(),
            instructions(gaps, dns),
            SAME,
            None,
        ),
    ];
    let goals = goals
        .into_iter()
        .filter_map(|(name, measured, asked, aim)| {
            Some(Goal {
                name: format!("{NAME}: {name}"),
                asked: Some(asked),
                aim,
                measured: measured?,
            })
        });
    goals.collect()
}
