//! The words of pictures and of the page, in each language. Event text stays as events have it.

pub(crate) mod english;
pub(crate) mod japanese;

use crate::correlate::evidence::Family;
use crate::report::plot::Kind;
use crate::verdict::{Class, Level, Role};

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Japanese.
    Japanese,
}

impl Language {
    /// Its words.
    #[must_use]
    pub fn words(self) -> &'static Words {
        match self {
            Self::English => &english::WORDS,
            Self::Japanese => &japanese::WORDS,
        }
    }
}

/// Words that are put together the same way in every language.
#[derive(Debug)]
pub struct Words {
    /// BCP 47 tag.
    pub tag: &'static str,
    /// What a picture shows.
    pub title: fn(Kind) -> &'static str,
    /// How to read a picture, in a sentence or two.
    pub reading: fn(Kind) -> &'static str,
    /// Level.
    pub level: fn(Level) -> &'static str,
    /// Class, in a few words.
    pub class: fn(Class) -> &'static str,
    /// What a host of this class did.
    pub seen: fn(Class) -> &'static str,
    /// What to do first about it.
    pub steps: fn(Class) -> &'static [&'static str],
    /// Role.
    pub role: fn(Role) -> &'static str,
    /// Family of evidence.
    pub family: fn(Family) -> &'static str,
    /// Labels of pictures.
    pub plot: PlotWords,
    /// Labels of the page.
    pub page: PageWords,
}

/// Labels of pictures.
#[derive(Debug)]
pub struct PlotWords {
    /// The axis of time, on these days.
    pub time: fn(&str) -> String,
    /// Queries per second, in the busiest second of so many.
    pub rate: fn(i64) -> String,
    /// All queries.
    pub total: &'static str,
    /// Mail connections.
    pub smtp: &'static str,
    /// The axis of all A queries.
    pub all_a: &'static str,
    /// The axis of keyword A queries.
    pub keyword_a: &'static str,
    /// Slope of the fitted line.
    pub slope: &'static str,
    /// Seconds.
    pub seconds: &'static str,
    /// Counts are cut down to multiples of this.
    pub grid: fn(u32) -> String,
    /// Prefixes of so many characters; whether counts are lower bounds.
    pub characters: fn(usize, bool) -> String,
    /// Number of queries.
    pub queries: &'static str,
    /// Score (natural logarithm of odds).
    pub score: &'static str,
    /// Mail connections: begun.
    pub attempts: &'static str,
    /// Answered.
    pub established: &'static str,
    /// Refused.
    pub refused: &'static str,
    /// Not answered.
    pub unanswered: &'static str,
    /// Outcomes were not in sight.
    pub unseen: &'static str,
    /// Messages accepted.
    pub accepted: &'static str,
    /// Times mail was refused.
    pub rejected: &'static str,
    /// Mail server.
    pub server: &'static str,
    /// Further servers.
    pub others: fn(u64) -> String,
    /// Table columns.
    pub columns: Columns,
}

/// Columns of the numbers behind pictures.
#[derive(Debug)]
pub struct Columns {
    /// Begin of a stretch of time.
    pub begin: &'static str,
    /// Its length in seconds.
    pub seconds: &'static str,
    /// Level.
    pub level: &'static str,
    /// Label.
    pub label: &'static str,
    /// Characters of a prefix.
    pub length: &'static str,
    /// Prefix.
    pub prefix: &'static str,
    /// How often.
    pub count: &'static str,
    /// Sum of a type.
    pub sum: &'static str,
    /// Most in a second.
    pub peak: &'static str,
    /// Port.
    pub port: &'static str,
}

/// Labels of the page.
#[derive(Debug)]
pub struct PageWords {
    /// Title of the page.
    pub title: &'static str,
    /// From when to when packets are.
    pub span: fn(&str, &str) -> String,
    /// Hosts seen; convicted, suspected, noticed.
    pub summary: fn(u64, [usize; 3]) -> String,
    /// Heading of the summary.
    pub summary_heading: &'static str,
    /// No packet was read.
    pub no_packets: &'static str,
    /// Since when a host shows it.
    pub since: fn(&str) -> String,
    /// How sure an infection is: the posterior in percent.
    pub probability: fn(&str) -> String,
    /// What to do first.
    pub first: &'static str,
    /// The inventory wants nobody told.
    pub suppressed: &'static str,
    /// Turned out honest.
    pub acquitted: &'static str,
    /// Nothing was found, and what that is worth.
    pub nothing_found: &'static str,
    /// The sensor had gaps, told this often.
    pub gaps: fn(usize) -> String,
    /// Heading of the table of hosts.
    pub hosts: &'static str,
    /// What the table is.
    pub hosts_about: &'static str,
    /// Verdicts about hosts that were not remembered.
    pub findings_omitted: fn(u64) -> String,
    /// Hosts left out of the table.
    pub hosts_omitted: fn(u64) -> String,
    /// Search field.
    pub search: &'static str,
    /// Filter by class.
    pub class: &'static str,
    /// Filter by level.
    pub level: &'static str,
    /// No filter.
    pub all: &'static str,
    /// Shown hosts of all.
    pub shown: &'static str,
    /// Show more rows.
    pub more: &'static str,
    /// Needs JavaScript.
    pub noscript: &'static str,
    /// Column names of the table of hosts.
    pub columns: [&'static str; 15],
    /// Heading of the host pages.
    pub pages: &'static str,
    /// Whose pages are there, and how to get others.
    pub pages_about: &'static str,
    /// Pages left out.
    pub pages_omitted: fn(u64) -> String,
    /// The input was a pipe.
    pub once: &'static str,
    /// What it did.
    pub did: &'static str,
    /// Role.
    pub role: &'static str,
    /// Basis of the role.
    pub basis: &'static str,
    /// Verdicts.
    pub verdicts: &'static str,
    /// Verdicts left out.
    pub verdicts_omitted: fn(u64) -> String,
    /// Evidence.
    pub evidence: &'static str,
    /// Evidence against.
    pub counter: &'static str,
    /// None.
    pub none: &'static str,
    /// Packets to look at.
    pub packets: &'static str,
    /// Filter for Wireshark.
    pub wireshark: &'static str,
    /// Copy.
    pub copy: &'static str,
    /// Numbers behind a picture.
    pub numbers: &'static str,
    /// Download as CSV.
    pub download: &'static str,
    /// Time.
    pub time: &'static str,
    /// State.
    pub state: &'static str,
    /// Weight.
    pub weight: &'static str,
    /// Sentence.
    pub sentence: &'static str,
    /// Score.
    pub score: &'static str,
    /// Posterior.
    pub posterior: &'static str,
    /// What of it was in sight.
    pub visibility: &'static str,
    /// Heading of the site.
    pub site: &'static str,
    /// Totals of queries.
    pub totals: &'static str,
    /// Hosts by role.
    pub roles: &'static str,
    /// Audit of port 25.
    pub op25b: &'static str,
    /// Not audited without home.
    pub op25b_unknown: &'static str,
    /// Floods.
    pub floods: &'static str,
    /// Capture quality.
    pub quality: &'static str,
    /// What the sensor missed.
    pub missed: &'static str,
    /// Files.
    pub files: &'static str,
    /// Prefix of the site.
    pub prefix: &'static str,
    /// Hosts that leak.
    pub leaking: &'static str,
    /// Blocked.
    pub blocked: &'static str,
    /// Leaked.
    pub leaked: &'static str,
    /// Leak ratio.
    pub leak_ratio: &'static str,
    /// Connections that the inventory allows.
    pub allowed: &'static str,
    /// Column names of the other flows of mail.
    pub flows: [&'static str; 5],
    /// What was missed.
    pub cause: &'static str,
    /// Host.
    pub host: &'static str,
    /// Replies.
    pub replies: &'static str,
    /// Distinct names.
    pub names: &'static str,
    /// Number.
    pub number: &'static str,
    /// How this page was made.
    pub made: fn(&str) -> String,
    /// Back to the table.
    pub back: &'static str,
}
