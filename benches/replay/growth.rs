//! What must not grow: what a packet costs with ten times the packets of the same hosts, with a
//! thousand times the hosts, and with years between packets.

use crate::captures::{Form, capture};
use crate::commands::{Kind, Measured, Usage, mxray};
use crate::goals::{CALLS, Goal, HOSTS, HOSTS_AIM, SAME, paired};
use crate::options::Options;
use crate::results::{Results, median};
use crate::traffic::Profile;
use anyhow::{Context, Result};
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
    /// System calls likewise.
    calls: Option<f64>,
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
            measured: Measured::new(Kind::Mxray, format!("growth, {name}"), packets, command),
            instructions: None,
            calls: None,
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
        let (last, first) = rows.split_at_mut((run - 1) % 6);
        for row in first.iter_mut().chain(last) {
            let usage = row.measured.run()?;
            results.run(run, &row.measured, &usage)?;
        }
    }
    count(&mut rows, options, results)?;
    table(&rows, options, results)?;
    Ok(goals(&rows, options))
}

/// Counts instructions and system calls, where there is what counts them.
fn count(rows: &mut [Row], options: &Options, results: &mut Results) -> Result<()> {
    // A moment's, where all is only tried.
    let rows = rows
        .iter_mut()
        .take(if options.smoke { 1 } else { usize::MAX });
    let (mut start, mut start_calls) = (None, None);
    for row in rows {
        let packets = row.counted(options);
        let file = capture(row.profile, packets, Form::Pcap)?;
        #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
        let each = |all: u64, start: u64| all.saturating_sub(start) as f64 / packets as f64;
        let (all, calls) = (
            instructions(row.profile, &file)?,
            calls(row.profile, &file)?,
        );
        results.line(&format!(
            "# {}, {packets} packets: {} instructions, {} system calls",
            row.measured.name,
            all.map_or_else(|| "without valgrind no".into(), |it| it.to_string()),
            calls.map_or_else(|| "without strace no".into(), |it| it.to_string()),
        ))?;
        row.instructions = all.map(|all| each(all, *start.get_or_insert(all)));
        row.calls = calls.map(|all| each(all, *start_calls.get_or_insert(all)));
    }
    Ok(())
}

/// What a tool that counts says on its standard error of a replay by one worker; `None` where it is not
/// installed, or may not look on.
pub(crate) fn said_by(
    tool: &str,
    options: &[&str],
    profile: Profile,
    file: &Path,
) -> Result<Option<String>> {
    let command = mxray("1", profile, file);
    let run = Command::new(tool)
        .args(options)
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .output();
    match run {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Ok(run) if !run.status.success() => Ok(None),
        run => {
            let run = run.with_context(|| tool.to_owned())?;
            Ok(Some(String::from_utf8_lossy(&run.stderr).into_owned()))
        }
    }
}

/// Instructions of a whole replay.
fn instructions(profile: Profile, file: &Path) -> Result<Option<u64>> {
    let options = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let Some(said) = said_by("valgrind", &options, profile, file)? else {
        return Ok(None);
    };
    let mut counts = said
        .lines()
        .filter_map(|line| line.split_once("Collected :"));
    let (_, count) = counts.next().context("valgrind counted nothing")?;
    let count = count.trim().parse();
    Ok(Some(count.context("what valgrind counted")?))
}

/// System calls of a whole replay, all threads together.
fn calls(profile: Profile, file: &Path) -> Result<Option<u64>> {
    let Some(said) = said_by("strace", &["-f", "-c"], profile, file)? else {
        return Ok(None);
    };
    // The last column is the name, those before it end where their names do; some may be empty.
    let end = said
        .lines()
        .find_map(|line| Some(line.find(" calls ")? + " calls".len()));
    let total = said.lines().find(|line| line.ends_with(" total"));
    let count = end.zip(total).and_then(|(end, line)| {
        let column = line.get(..end)?.split_whitespace().next_back()?;
        column.parse().ok()
    });
    Ok(Some(count.context("strace counted nothing")?))
}

/// Processor seconds of a packet in each run, without those of the start in the same.
fn each(row: &Row, start: &Row) -> impl Iterator<Item = f64> {
    let pairs = row.measured.runs.iter().zip(&start.measured.runs);
    #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
    let packets = row.measured.packets as f64;
    let seconds = |usage: &Usage| usage.cpu();
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
        "{:<14} {:>9} {:>9} {:>10} {:>12} {:>13} {:>13} {:>13}",
        "",
        "CPU s",
        "RSS MiB",
        "hosts",
        "ns a packet",
        "instructions",
        "system calls",
        "of packets"
    ))?;
    for row in rest {
        let Measured { packets, runs, .. } = &row.measured;
        results.line(&format!(
            "{:<14} {:>9.3} {:>9.1} {:>10} {:>12.0} {:>13.0} {:>13.5} {:>13}",
            row.name,
            median(runs.iter().map(Usage::cpu)),
            median(runs.iter().map(|run| run.rss_mib)),
            row.profile.clients(*packets),
            median(each(row, start)) * 1e9,
            row.instructions.unwrap_or(f64::NAN),
            row.calls.unwrap_or(f64::NAN),
            row.counted(options),
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
        ("system calls a packet".into(), dns.calls, CALLS, None),
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
