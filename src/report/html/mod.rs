//! The report: one page that needs nothing else, to look at and to hand on.
//!
//! Its markup is written by [`maud`], which escapes whatever is put into it, since much of it is
//! what a stranger chose. What its script works on is JSON in an element of its own; there nothing
//! can end the element. A content security policy lets the page run its own style and script, by
//! their hashes, and fetch nothing.

mod host;
mod quality;
mod resolvers;
mod site;

use super::language::{Language, Words};
use super::plot::{self, Figure, Kind};
use super::story::{Finding, Row, Story};
use crate::host::HostAddr;
use crate::verdict::{Class, Level, Role};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// Convicted hosts in the summary, and suspected ones; the table has all.
const SUMMARY: usize = 50;

/// A picture's numbers, for the page's script.
#[derive(Serialize)]
struct Numbers {
    /// The file that they are downloaded as.
    name: String,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, story: &Story, language: Language) -> io::Result<()> {
    let words = language.words();
    let mut numbers = BTreeMap::new();
    let pages: Vec<_> = story
        .pages
        .iter()
        .map(|(host, page)| {
            let figures = Kind::ALL
                .into_iter()
                .filter_map(|kind| plot::draw(kind, *host, page, words));
            let figures = figures
                .map(|figure| number(figure, &mut numbers))
                .collect::<Vec<_>>();
            host::page(*host, page, story, &figures, words)
        })
        .collect();
    let style = format!("{STYLE}{}", plot::STYLE);
    let classes = Class::ALL.into_iter().map(Class::name);
    let terms = classes.chain(Role::ALL.into_iter().map(Role::name));
    let data = json!({
        "hosts": story.hosts.iter().map(|row| cells(row, story)).collect::<Vec<_>>(),
        "figures": numbers,
        "levels": Level::ALL.map(|level| (level.name(), (words.level)(level))),
        "terms": terms.map(|word| (word, (words.term)(word))).collect::<BTreeMap<_, _>>(),
    });
    let page = html! {
        (DOCTYPE)
        html lang=(words.tag) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(&style));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (words.page.title) }
                style { (PreEscaped(&style)) }
            }
            body {
                header {
                    h1 { (words.page.title) }
                    p { (span(story, words)) }
                    nav aria-label=(words.page.title) {
                        a href="#summary" { (words.page.summary_heading) }
                        a href="#hosts" { (words.page.hosts) }
                        a href="#pages" { (words.page.pages) }
                        a href="#site" { (words.page.site) }
                    }
                }
                main {
                    (summary(story, words))
                    (table(story, words))
                    section id="pages" aria-labelledby="pages-heading" {
                        h2 id="pages-heading" { (words.page.pages) }
                        p { (words.page.pages_about) " " code { "mxray report --host ADDRESS PATH..." } }
                        @if story.changed { p class="warning" { (words.page.changed) } }
                        @if story.once { p class="warning" { (words.page.once) } }
                        @if story.pages_omitted > 0 { p class="warning" { ((words.page.pages_omitted)(story.pages_omitted)) } }
                        @for page in &pages { (page) }
                    }
                    (site::section(story, words))
                }
                footer { p { ((words.page.made)(env!("CARGO_PKG_VERSION"))) } }
                script type="application/json" id="data" { (PreEscaped(embedded(&data))) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    out.write_all(page.into_string().as_bytes())?;
    out.flush()
}

/// A picture with its place, its numbers put by.
fn number(mut figure: Figure, numbers: &mut BTreeMap<String, Numbers>) -> (String, Figure) {
    let id = format!("{}-{}", figure.kind.name(), figure.host);
    let known = Numbers {
        name: format!(
            "{}-{}.csv",
            figure.host.to_string().replace(':', "-"),
            figure.kind.name()
        ),
        columns: std::mem::take(&mut figure.columns),
        rows: std::mem::take(&mut figure.rows),
    };
    numbers.insert(id.clone(), known);
    (id, figure)
}

/// What the page may do: run its own style and script, and nothing else.
fn policy(style: &str) -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(style)
    )
}

/// JSON for an element of a page: no octet of it can be markup.
fn embedded(data: &Value) -> String {
    let json = data.to_string();
    let json = json
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026");
    // Line ends to JavaScript, though not to JSON.
    json.replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// The first packet's time and the last one's.
fn span(story: &Story, words: &Words) -> String {
    let Some(totals) = &story.totals else {
        return String::new();
    };
    if totals.mxray.time_source == "wall" {
        return words.page.no_packets.to_owned();
    }
    let time = |time: &Option<String>| time.clone().unwrap_or_default();
    (words.page.span)(&time(&totals.event.start), &time(&totals.event.end))
}

fn summary(story: &Story, words: &Words) -> Markup {
    let page = &words.page;
    let hosts = story.hosts.len() as u64 + story.hosts_omitted;
    let mut found: Vec<_> = story
        .findings
        .iter()
        .filter(|(_, finding)| finding.level >= Level::Suspected && !finding.acquitted)
        .collect();
    found.sort_by(|(_, one), (_, other)| other.gravity(one));
    let (found, suspected): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|(_, finding)| finding.level.convicted());
    html! {
        section id="summary" aria-labelledby="summary-heading" {
            h2 id="summary-heading" { (page.summary_heading) }
            p class="lead" { ((page.summary)(hosts, story.found())) }
            @if found.is_empty() { p { (page.nothing_found) } }
            @if !story.sensor.is_empty() {
                p class="warning" { ((page.gaps)(story.sensor.len())) " " a href="#quality" { (page.quality) } }
            }
            @if !found.is_empty() {
                ul class="found" {
                    @for (host, finding) in found.iter().take(SUMMARY) {
                        li class=(finding.level) { (convicted(**host, finding, story, words)) }
                    }
                }
                @if found.len() > SUMMARY { p { a href="#hosts" { "+ " (found.len() - SUMMARY) } } }
            }
            @if !suspected.is_empty() {
                p {
                    strong { (page.suspected) }
                    @for (host, finding) in suspected.iter().take(SUMMARY) {
                        " " (address(**host, story)) " " span class="wire" { "(" (finding.class.name()) ")" }
                    }
                    @if suspected.len() > SUMMARY { " " a href="#hosts" { "+ " (suspected.len() - SUMMARY) } }
                }
            }
        }
    }
}

/// A convicted host: what, since when, how sure, what to do first.
fn convicted(host: HostAddr, finding: &Finding, story: &Story, words: &Words) -> Markup {
    let page = &words.page;
    html! {
        p {
            strong { (address(host, story)) }
            " " (level(finding.level.name(), (words.level)(finding.level)))
            " " ((words.class)(finding.class)) ": "
            ((words.seen)(finding.class)) " "
            (signs(finding, words))
            @if finding.one_way { " " (page.one_way) }
            @if finding.suppressed { " " (page.suppressed) }
        }
        p { strong { (page.first) } " " ((words.first)(finding.class, finding.level)) }
    }
}

/// Since when, and how sure an infection is. Who floods a server, or comes through a port that should
/// be shut, need not be infected.
fn signs(finding: &Finding, words: &Words) -> String {
    let since = (words.page.since)(&finding.first_seen);
    if finding.class.is_flood() || finding.class == Class::Op25bViolation {
        return since;
    }
    let probability = (words.page.probability)(&percent(finding.posterior));
    format!("{since} {probability}")
}

/// A probability in percent; nothing is certain.
fn percent(posterior: f64) -> String {
    if posterior > 0.999 {
        "> 99.9".to_owned()
    } else {
        format!("{:.1}", 100.0 * posterior)
    }
}

/// A host's address, with the way to its page where it has one.
fn address(host: HostAddr, story: &Story) -> Markup {
    html! { @if story.pages.contains_key(&host) { a href=(format!("#host-{host}")) { (host) } } @else { (host) } }
}

/// A level, by a word and a mark of its own.
fn level(name: &str, word: &str) -> Markup {
    html! { span class=(format!("level {name}")) { (word) } }
}

fn table(story: &Story, words: &Words) -> Markup {
    let page = &words.page;
    let choose = |id: &str, label: &str| {
        html! {
            label { (label) " " select id=(id) { option value="" { (page.all) } } }
        }
    };
    html! {
        section id="hosts" aria-labelledby="hosts-heading" {
            h2 id="hosts-heading" { (page.hosts) }
            p { (page.hosts_about) }
            @if story.findings_omitted > 0 { p class="warning" { ((page.findings_omitted)(story.findings_omitted)) } }
            @if story.hosts_omitted > 0 { p class="warning" { ((page.hosts_omitted)(story.hosts_omitted)) } }
            noscript { p class="warning" { (page.noscript) } }
            form class="controls" role="search" {
                label { (page.search) " " input type="search" id="search" autocomplete="off" spellcheck="false"; }
                (choose("class", page.class))
                (choose("level", page.level))
                label { input type="checkbox" id="all"; " " (page.all_columns) }
                output id="shown" aria-live="polite" data-word=(page.shown) {}
            }
            div class="wide" tabindex="0" role="group" aria-labelledby="hosts-heading" {
                table id="table" {
                    thead { tr { @for (column, shown) in page.columns.iter().zip(SHOWN) {
                        th scope="col" class=[shown] { button type="button" { (column) } }
                    } } }
                    tbody {}
                }
            }
            button type="button" id="more" hidden { (page.more) }
            p id="printed" data-word=(page.printed) {}
        }
    }
}

/// Where each column of the table is shown: everywhere, or not on a narrow page (`less`), or only where
/// all columns are asked for (`least`), as they would not fit; and what it holds.
const SHOWN: [Option<&str>; 15] = [
    None,
    None,
    Some("least"),
    None,
    Some("number"),
    Some("least number"),
    Some("less"),
    Some("less number"),
    Some("less number"),
    Some("less number"),
    Some("less number"),
    Some("less number"),
    Some("less number"),
    Some("less number"),
    Some("less time"),
];

/// A row of the table, in the order of its columns. All are numbers and words of the host's event
/// but for the gravest level, which is that of a verdict. Beyond the columns: whether the host has a
/// page, and what the gravest verdict took it for.
fn cells(row: &Row, story: &Story) -> Value {
    let event = &row.event;
    let body = &event.mxray;
    let (queries, smtp) = (&body.dns.queries, &body.smtp);
    let finding = story.findings.get(&row.host);
    let gravest = finding.map(|finding| finding.level.name());
    let found = finding.map(|finding| finding.class.name());
    json!([
        row.host.to_string(),
        body.class.name(),
        body.level.name(),
        gravest.unwrap_or(body.level.name()),
        body.score,
        body.posterior,
        body.role.name.name(),
        queries.total,
        queries.mx,
        queries.a,
        queries.ptr,
        body.correlation.r2_active,
        smtp.attempts,
        smtp.destinations,
        event.event.start,
        story.pages.contains_key(&row.host),
        found.unwrap_or(body.class.name()),
    ])
}

#[cfg(test)]
mod tests;
