//! The short table for people after a replay.

use super::Totals;
use crate::correlate::{State, Verdict};
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::verdict::{Class, Level};
use crate::words::counted;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Rows at most; what lies beyond is counted in a last line.
const ROWS: usize = 50;

/// The hosts that are not `none`, worst first.
#[derive(Debug, Default)]
pub struct Table(BTreeMap<HostAddr, Row>);

#[derive(Clone, Debug)]
struct Row {
    /// The address that its episode began under, and when.
    episode: (HostAddr, Timestamp),
    level: Level,
    class: Class,
    since: Timestamp,
    suppressed: bool,
    reason: String,
}

impl Table {
    /// Takes a verdict in; the highest level of a host stays. An episode that moved to another
    /// address has its row there.
    pub fn add(&mut self, verdict: &Verdict) {
        let judgement = &verdict.judgement;
        let episode = (verdict.began_as, verdict.first_seen);
        for former in std::iter::once(&verdict.began_as).chain(&judgement.related) {
            let same = |row: &Row| *former != verdict.host && row.episode == episode;
            if self.0.get(former).is_some_and(same)
                && let Some(row) = self.0.remove(former)
            {
                let here = self.0.entry(verdict.host).or_insert_with(|| row.clone());
                if here.level < row.level {
                    *here = row;
                }
            }
        }
        if verdict.acquitted {
            self.0.remove(&verdict.host);
            return;
        }
        let before = self.0.get(&verdict.host);
        if before.is_some_and(|row| row.level > judgement.level) {
            return;
        }
        let since = match before {
            // The time of conviction, not of what came after it.
            Some(row) if row.level == judgement.level => row.since,
            _ if verdict.state == State::Closed => return,
            _ => verdict.time,
        };
        let row = Row {
            episode,
            level: judgement.level,
            class: judgement.class,
            since,
            suppressed: verdict.suppressed.is_some(),
            reason: judgement.reason.clone(),
        };
        self.0.insert(verdict.host, row);
    }

    /// Whether a host is convicted.
    #[must_use]
    pub fn convicted(&self) -> bool {
        self.0.values().any(|row| row.level.convicted())
    }

    /// Writes the table and a line of totals.
    pub fn write(&self, out: &mut dyn Write, totals: &Totals) -> io::Result<()> {
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort_by_key(|(host, row)| (std::cmp::Reverse(row.level), **host));
        if !rows.is_empty() {
            let host = |host: &HostAddr| host.to_string();
            let width = rows
                .iter()
                .map(|(h, _)| host(h).len())
                .max()
                .unwrap_or(0)
                .max(4);
            let class_width = rows.iter().map(|(_, row)| row.class.name().len()).max();
            let class_width = class_width.unwrap_or(0).max(5);
            writeln!(
                out,
                "{:width$}  LEVEL      {:class_width$}  SINCE (UTC)          WHY",
                "HOST", "CLASS"
            )?;
            for (addr, row) in rows.iter().take(ROWS) {
                let since = row.since.to_string();
                let since = since.get(..19).unwrap_or(&since).replace('T', " ");
                let Row {
                    level,
                    class,
                    reason,
                    ..
                } = row;
                let muted = if row.suppressed { " (suppressed)" } else { "" };
                writeln!(
                    out,
                    "{:width$}  {level:9}  {class:class_width$}  {since}  {reason}{muted}",
                    host(addr)
                )?;
            }
            if rows.len() > ROWS {
                writeln!(out, "and {} more hosts", rows.len() - ROWS)?;
            }
        }
        if let Some(report) = &totals.op25b {
            for (family, holes) in [("IPv4", &report.ipv4), ("IPv6", &report.ipv6)] {
                if let Some(leaked) = holes.leaked.filter(|leaked| *leaked > 0) {
                    writeln!(
                        out,
                        "port 25 outside over {family}: {leaked} of {} got through, from {}",
                        counted(holes.attempts, "connection"),
                        counted(holes.hosts, "host"),
                    )?;
                }
            }
        }
        let capture = &totals.capture;
        if capture.late > capture.seen / 2 {
            writeln!(
                out,
                "{} of {} are late, and in no second: one packet is of the future, or the clock went back",
                capture.late,
                counted(capture.seen, "packet")
            )?;
        }
        let convicted = rows.iter().filter(|(_, row)| row.level.convicted()).count();
        writeln!(
            out,
            "{}, {} decoded, {}, {convicted} convicted",
            counted(capture.seen, "packet"),
            totals.count.decoded,
            counted(totals.count.hosts, "host")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::Judgement;
    use crate::correlate::role::{RoleSource, RoleView};
    use crate::verdict::Role;

    /// A verdict of one episode that began as host 1, under this address.
    fn verdict(number: u8, level: Level, second: i64, state: State) -> Verdict {
        let host = |number| HostAddr::from_v4([192, 0, 2, number]);
        let time = Timestamp::from_parts(second, 0);
        let role = RoleView {
            role: Role::Pc,
            source: RoleSource::Default,
            basis: Vec::new(),
        };
        let judgement = Judgement {
            class: Class::Gen2Mx,
            level,
            reason: "did it".to_owned(),
            related: (1..number).map(host).collect(),
            ..Judgement::ordinary(role)
        };
        Verdict {
            began_as: host(1),
            state,
            acquitted: level == Level::None,
            first_seen: Timestamp::from_parts(0, 0),
            ..Verdict::first(host(number), time, judgement)
        }
    }

    fn written(table: &Table) -> String {
        let mut out = Vec::new();
        table.write(&mut out, &Totals::default()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_episode_that_moves_is_one_row_under_its_newest_address() {
        let mut table = Table::default();
        table.add(&verdict(1, Level::Suspected, 0, State::New));
        table.add(&verdict(1, Level::Likely, 10, State::Updated));
        table.add(&verdict(2, Level::Likely, 20, State::Updated));
        table.add(&verdict(3, Level::Likely, 30, State::Closed));
        let text = written(&table);
        let [_, row, totals] = text.lines().collect::<Vec<_>>()[..] else {
            panic!("{text}")
        };
        assert!(
            row.starts_with("192.0.2.3") && row.contains(" 00:00:10 "),
            "{row}"
        );
        assert!(totals.ends_with("1 convicted"), "{totals}");
        // Taken back, whatever address it was told under.
        table.add(&verdict(4, Level::None, 40, State::Closed));
        assert!(!table.convicted());
        assert!(
            written(&table).ends_with(", 0 convicted\n"),
            "{}",
            written(&table)
        );
    }

    #[test]
    fn where_most_is_late_that_is_said() {
        let mut totals = Totals::default();
        (totals.capture.seen, totals.capture.late) = (10, 5);
        let write = |totals: &Totals| {
            let mut out = Vec::new();
            Table::default().write(&mut out, totals).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert!(!write(&totals).contains("late"));
        totals.capture.late = 6;
        assert!(write(&totals).starts_with("6 of 10 packets are late"));
    }
}
