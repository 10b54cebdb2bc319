//! The words of a mail, in Japanese, in English, or in both.
//!
//! Written for who owns a machine and is no expert: what was seen, since when, what to do, and
//! the evidence as a table of numbers. What the sensor says in a sentence of its own is in English
//! and stands behind that, for who looks into it.

mod english;
mod japanese;

use super::digest::{Batch, News, Notice};
use super::pick::{Case, Number};
use crate::correlate::evidence::Family;
use crate::time::Timestamp;
use crate::verdict::{Class, Level, Role};
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// Hosts of a mail that are told in full; of further ones a line each.
const IN_FULL: usize = 20;
/// Columns of a line of running text, as RFC 5322 section 2.1.1 would have it.
const COLUMNS: usize = 72;
/// Columns of a table's first column.
const LABEL: usize = 40;
/// Log-likelihood ratios (natural logarithm) that are called strong and medium: a thousand to one
/// and ten to one.
const STRONG: f64 = 6.9;
const MEDIUM: f64 = 2.3;

/// In which language owners are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Japanese.
    Japanese,
    /// English.
    English,
    /// Both in one mail, Japanese first.
    Both,
}

/// A mail without its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Lines that end with LF.
    pub body: String,
}

/// How weighty a piece of evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strength {
    Weak,
    Medium,
    Strong,
}

impl Strength {
    fn of(llr: f64) -> Self {
        match llr {
            _ if llr >= STRONG => Self::Strong,
            _ if llr >= MEDIUM => Self::Medium,
            _ => Self::Weak,
        }
    }
}

/// What has to be said in a language.
struct Words {
    /// The subject, of one host and of several.
    subject: fn(&Notice, usize) -> String,
    /// Before the hosts: how many are new, and how many are over.
    opening: fn(usize, usize) -> String,
    /// Behind them.
    closing: &'static str,
    /// So many had waited for the next day.
    held: fn(usize) -> String,
    /// So many further events had no room.
    omitted: fn(u64) -> String,
    /// There are no more mails today.
    last_today: &'static str,
    /// Hosts of which there is but a line.
    rest: &'static str,
    /// What is new.
    news: fn(News, Level) -> &'static str,
    level: fn(Level) -> &'static str,
    /// What hosts of the class do, in sentences of whole lines.
    seen: fn(Class) -> &'static str,
    /// What their owners should do.
    steps: fn(Class) -> &'static [&'static str],
    /// Where many machines are behind the address: what that means, and what to do.
    shared: &'static str,
    shared_steps: &'static [&'static str],
    /// And where it is over.
    over: &'static str,
    /// And where it never was.
    acquitted: &'static str,
    family: fn(Family) -> &'static str,
    strength: fn(Strength) -> &'static str,
    number: fn(Number) -> &'static str,
    labels: Labels,
}

struct Labels {
    host: &'static str,
    seen: &'static str,
    steps: &'static str,
    evidence: &'static str,
    counted: &'static str,
    signs: &'static str,
    first_seen: &'static str,
    judged: &'static str,
    level: &'static str,
    class: &'static str,
    mac: &'static str,
    vlan: &'static str,
    sensor: &'static str,
}

/// Writes the mail about these hosts; times are told in `zone`.
#[must_use]
pub fn compose(batch: &Batch, language: Language, zone: &TimeZone) -> Letter {
    let words: &[&Words] = match language {
        Language::Japanese => &[&japanese::WORDS],
        Language::English => &[&english::WORDS],
        Language::Both => &[&japanese::WORDS, &english::WORDS],
    };
    // A host may have more than one episode.
    let hosts: BTreeSet<_> = batch.notices.iter().map(|of| of.case.host).collect();
    let parts = words.iter().map(|words| words.body(batch, zone));
    let subject = batch.notices.first().map_or_else(String::new, |first| {
        let parts = words
            .iter()
            .map(|words| (words.subject)(first, hosts.len()));
        format!("[mxray] {}", parts.collect::<Vec<_>>().join(" / "))
    });
    Letter {
        subject,
        body: parts
            .collect::<Vec<_>>()
            .join(&format!("\n{}\n\n", "=".repeat(COLUMNS))),
    }
}

impl Words {
    fn body(&self, batch: &Batch, zone: &TimeZone) -> String {
        let over = batch
            .notices
            .iter()
            .filter(|of| of.news == News::Over)
            .count();
        let mut out = (self.opening)(batch.notices.len() - over, over);
        if batch.held > 0 {
            out.push_str(&(self.held)(batch.held));
        }
        for notice in batch.notices.iter().take(IN_FULL) {
            self.host(&mut out, notice, zone);
        }
        let rest = batch.notices.get(IN_FULL..).unwrap_or_default();
        if !rest.is_empty() {
            line(&mut out, "");
            line(&mut out, self.rest);
        }
        for Notice { case, news } in rest {
            let what = (self.news)(*news, case.level);
            line(
                &mut out,
                &format!("  {}  {what} ({})", case.host, case.class),
            );
        }
        if batch.omitted > 0 {
            out.push_str(&(self.omitted)(batch.omitted));
        }
        line(&mut out, "");
        out.push_str(self.closing);
        if batch.last_today {
            out.push_str(self.last_today);
        }
        out
    }

    fn host(&self, out: &mut String, Notice { case, news }: &Notice, zone: &TimeZone) {
        let labels = &self.labels;
        line(out, "");
        line(out, &"-".repeat(COLUMNS));
        let head = format!("{} {}", labels.host, case.host);
        line(out, &head);
        line(out, (self.news)(*news, case.level));
        line(out, "");
        if *news == News::Over {
            out.push_str(if case.acquitted {
                self.acquitted
            } else {
                self.over
            });
            self.table(out, case, zone);
            return;
        }
        heading(out, labels.seen);
        let shared = shared(case);
        if shared {
            out.push_str(self.shared);
        }
        out.push_str((self.seen)(case.class));
        line(out, "");
        heading(out, labels.steps);
        let steps = if shared {
            self.shared_steps
        } else {
            (self.steps)(case.class)
        };
        for (number, step) in (1..).zip(steps) {
            // The first line after its number, the others below it.
            for (index, text) in step.lines().enumerate() {
                let before = if index == 0 {
                    format!("{number}.")
                } else {
                    String::new()
                };
                line(out, &format!("  {before:3}{text}"));
            }
        }
        line(out, "");
        self.table(out, case, zone);
    }

    /// The evidence.
    fn table(&self, out: &mut String, case: &Case, zone: &TimeZone) {
        let labels = &self.labels;
        heading(out, labels.evidence);
        row(out, labels.first_seen, &clock(case.first_seen, zone));
        row(out, labels.judged, &clock(case.time, zone));
        let level = (self.level)(case.level);
        row(out, labels.level, &format!("{level} ({})", case.level));
        row(out, labels.class, case.class.name());
        if let Some(mac) = &case.mac {
            row(out, labels.mac, mac);
        }
        if let Some(vlan) = &case.vlan {
            row(out, labels.vlan, vlan);
        }
        if !case.numbers.is_empty() {
            line(out, &format!("  [{}]", labels.counted));
        }
        for (what, number) in &case.numbers {
            row(out, (self.number)(*what), &number.to_string());
        }
        if !case.evidence.is_empty() {
            line(out, &format!("  [{}]", labels.signs));
        }
        for piece in &case.evidence {
            let strength = (self.strength)(Strength::of(piece.llr));
            row(out, (self.family)(piece.family), strength);
        }
        line(out, &format!("  [{}]", labels.sensor));
        wrapped(out, &case.reason);
        wrapped(out, &format!("{} / {}", case.sensor, case.event));
    }
}

/// Whether it is a machine behind the address that is meant: who takes the address off the network
/// cuts off all of them.
fn shared(case: &Case) -> bool {
    let servers = [Class::PtrFlood, Class::AFlood, Class::HijackedServer];
    matches!(
        case.role,
        Some(Role::Aggregate | Role::Gateway | Role::Resolver)
    ) && !servers.contains(&case.class)
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn heading(out: &mut String, text: &str) {
    line(out, &format!("* {text}"));
}

/// A row of a table; a label that is too wide has a line of its own.
fn row(out: &mut String, label: &str, value: &str) {
    let width = label.width();
    if width > LABEL {
        line(out, &format!("  {label}"));
        line(out, &format!("  {}: {value}", " ".repeat(LABEL)));
        return;
    }
    let gap = " ".repeat(LABEL - width);
    line(out, &format!("  {label}{gap}: {value}"));
}

/// Text that is broken at spaces where it gets too wide.
fn wrapped(out: &mut String, text: &str) {
    let mut width = 0;
    for word in text.split(' ') {
        let wide = word.width();
        if width == 0 {
            out.push_str("  ");
            width = 2;
        } else if width + 1 + wide > COLUMNS {
            out.push_str("\n  ");
            width = 2;
        } else {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += wide;
    }
    out.push('\n');
}

/// A time as clocks show it at the place, with what it differs from UTC.
fn clock(time: Timestamp, zone: &TimeZone) -> String {
    let at = jiff::Timestamp::from_nanosecond(i128::from(time.nanos())).unwrap_or_default();
    let mut shown = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        shown,
        "{}",
        at.to_zoned(zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S %Z (UTC%:z)")
    );
    shown
}

#[cfg(test)]
mod tests;
