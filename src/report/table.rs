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

#[derive(Debug)]
struct Row {
    level: Level,
    class: Class,
    since: Timestamp,
    suppressed: bool,
    reason: String,
}

impl Table {
    /// Takes a verdict in; the highest level of a host stays.
    pub fn add(&mut self, verdict: &Verdict) {
        let judgement = &verdict.judgement;
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
        let convicted = rows.iter().filter(|(_, row)| row.level.convicted()).count();
        writeln!(
            out,
            "{}, {} decoded, {}, {convicted} convicted",
            counted(totals.capture.seen, "packet"),
            totals.count.decoded,
            counted(totals.count.hosts, "host")
        )
    }
}
