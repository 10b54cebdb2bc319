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
    /// A fixed word of events (a class, a role, a state), in a word or two; one that is not known
    /// stays as it is.
    pub term: fn(&'static str) -> &'static str,
    /// What a counter of the totals counts, by its name.
    pub counter: fn(&str) -> &'static str,
    /// What a host of this class did.
    pub seen: fn(Class) -> &'static str,
    /// What to do first about a host of this class, so sure as it is.
    pub first: fn(Class, Level) -> &'static str,
    /// What to do then.
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
    /// Hosts that are suspected, to be looked at.
    pub suspected: &'static str,
    /// One direction alone was seen of a host.
    pub one_way: &'static str,
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
    /// Show all columns.
    pub all_columns: &'static str,
    /// Which rows are printed, behind their number and that of all.
    pub printed: &'static str,
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
    /// The captures were not the same when they were read again.
    pub changed: &'static str,
    /// What to do.
    pub did: &'static str,
    /// Where the packets to check it by are.
    pub check: &'static str,
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
    /// What there is to see: DNS, DNS replies, SMTP, SMTP replies, nothing but TLS, hidden DNS, home,
    /// vantage.
    pub sights: [&'static str; 8],
    /// How whole its capture was.
    pub capture: &'static str,
    /// That in particular: packets lost, packets cut, one direction alone.
    pub captured: [&'static str; 3],
    /// Hosts with a verdict of which that holds: one direction alone, packets cut.
    pub partial: [&'static str; 2],
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
    /// More prefixes than are told.
    pub op25b_cut: &'static str,
    /// Hosts of that class.
    pub op25b_hosts: &'static str,
    /// Floods.
    pub floods: &'static str,
    /// The same as the name of a column.
    pub floods_column: &'static str,
    /// Floods left out.
    pub floods_omitted: fn(u64) -> String,
    /// Who asks most, or is asked for.
    pub related: &'static str,
    /// The resolvers.
    pub resolvers: &'static str,
    /// What is known of resolvers, and what is not.
    pub resolvers_about: &'static str,
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
    /// Distinct domains.
    pub domains: &'static str,
    /// Number.
    pub number: &'static str,
    /// What a number means.
    pub meaning: &'static str,
    /// How this page was made.
    pub made: fn(&str) -> String,
    /// Back to the table.
    pub back: &'static str,
}
