//! The site's part of the page: what was seen of it as a whole, and how whole that was.

use super::super::event::{Op25b, Op25bHoles};
use super::super::language::Words;
use super::super::story::{Finding, Row, Story};
use super::{address, quality, resolvers};
use crate::verdict::{Class, Role};
use maud::{Markup, html};

/// Hosts with a role of their own that are listed.
const ROLES: usize = 200;
/// Files that are listed.
const FILES: usize = 100;

pub(super) fn section(story: &Story, words: &Words) -> Markup {
    let page = &words.page;
    html! {
        section id="site" aria-labelledby="site-heading" {
            h2 id="site-heading" { (page.site) }
            (queries(&story.hosts, words))
            (roles(story, words))
            (resolvers::section(story, words))
            h3 { (page.op25b) }
            @match story.totals.as_ref().and_then(|totals| totals.mxray.op25b.as_ref()) {
                Some(audit) => { (op25b(audit, words)) }
                None => { p { (page.op25b_unknown) " " code { "--home" } } }
            }
            (violations(story, words))
            (quality::section(story, words))
            h3 { (page.files) }
            ul { @for file in story.files.iter().take(FILES) { li class="wire" { (super::super::text::escape(file.as_os_str().as_encoded_bytes())) } } }
            @if story.files.len() > FILES { p { "+ " (story.files.len() - FILES) } }
        }
    }
}

/// A word of the events in the page's language, with the word itself where that is another.
pub(super) fn term(word: &'static str, words: &Words) -> Markup {
    let told = (words.term)(word);
    html! { (told) @if !told.eq_ignore_ascii_case(word) { " " span class="wire" { "(" (word) ")" } } }
}

/// A table in a frame that scrolls where the page is narrow.
pub(super) fn table(label: &str, columns: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div class="wide" tabindex="0" role="group" aria-label=(label) {
            table {
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
            }
        }
    }
}

/// The sums of Table 1 over the hosts in the table of hosts.
fn queries(hosts: &[Row], words: &Words) -> Markup {
    let mut sums = [0_u64; 6];
    for row in hosts {
        let queries = &row.event.mxray.dns.queries;
        let smtp = row.event.mxray.smtp.attempts.unwrap_or_default();
        let of = [
            queries.total,
            queries.mx,
            queries.a,
            queries.ptr,
            queries.aaaa,
            smtp,
        ];
        for (sum, more) in sums.iter_mut().zip(of) {
            *sum += more;
        }
    }
    let columns = [
        words.plot.queries,
        "MX",
        "A",
        "PTR",
        "AAAA",
        words.plot.attempts,
    ];
    html! {
        h3 { (words.page.totals) }
        (table(words.page.totals, &columns, &[sums.map(|sum| html! { (sum) }).into()]))
    }
}

/// The hosts that are something else than somebody's machine, or a resolver: mail servers and others.
fn roles(story: &Story, words: &Words) -> Markup {
    let of = |row: &&Row| {
        let role = row.event.mxray.role.name;
        !matches!(role, Role::Pc | Role::Resolver | Role::External)
    };
    let mut found: Vec<_> = story.hosts.iter().filter(of).collect();
    found.sort_by_key(|row| (row.event.mxray.role.name, row.host));
    let rows = found.iter().take(ROLES).map(|row| {
        let body = &row.event.mxray;
        let queries = &body.dns.queries;
        vec![
            address(row.host, story),
            term(body.role.name.name(), words),
            html! { (term(body.role.source, words)) ": " (body.role.basis.join("; ")) },
            html! { (queries.total) },
            html! { (queries.mx) },
            html! { (body.dns.replies.total) },
            html! { (body.dns.names_distinct) },
        ]
    });
    let rows: Vec<_> = rows.collect();
    let page = &words.page;
    let columns = [
        page.host,
        page.role,
        page.basis,
        words.plot.queries,
        "MX",
        page.replies,
        page.names,
    ];
    html! {
        h3 { (page.roles) }
        @if rows.is_empty() { p { (page.none) } } @else { (table(page.roles, &columns, &rows)) }
        @if found.len() > ROLES { p { "+ " (found.len() - ROLES) } }
    }
}

fn op25b(audit: &Op25b, words: &Words) -> Markup {
    let page = &words.page;
    let told = |count: Option<u64>| count.map_or_else(|| "–".to_owned(), |count| count.to_string());
    let row = |net: &str, holes: &Op25bHoles| {
        let ratio = holes
            .leak_ratio
            .map_or_else(|| "–".to_owned(), |ratio| ratio.to_string());
        vec![
            html! { (net) },
            html! { (holes.hosts) },
            html! { (holes.attempts) },
            html! { (told(holes.blocked)) },
            html! { (told(holes.leaked)) },
            html! { (ratio) },
            html! { (holes.allowed) },
        ]
    };
    let mut rows = vec![row("IPv4", &audit.ipv4), row("IPv6", &audit.ipv6)];
    rows.extend(audit.prefixes.iter().map(|of| row(&of.net, &of.holes)));
    let columns = [
        page.prefix,
        page.leaking,
        words.plot.attempts,
        page.blocked,
        page.leaked,
        page.leak_ratio,
        page.allowed,
    ];
    let flows = &audit.flows;
    let flows = [
        flows.forged,
        flows.pop_before_smtp,
        flows.submitted_auth,
        flows.submitted_tls,
        flows.submitted_open,
    ];
    html! {
        (table(page.op25b, &columns, &rows))
        (table(page.op25b, &page.flows, &[flows.map(|count| html! { (count) }).into()]))
        @if audit.cut { p class="warning" { (words.page.op25b_cut) } }
    }
}

/// The hosts whose gravest verdict is that they connect to port 25 outside.
fn violations(story: &Story, words: &Words) -> Markup {
    let of = |finding: &Finding| finding.class == Class::Op25bViolation;
    let found = story.findings.iter().filter(|(_, finding)| of(finding));
    let found: Vec<_> = found.collect();
    html! {
        @if !found.is_empty() {
            p { (words.page.op25b_hosts) }
            ul { @for (host, finding) in found.iter().take(ROLES) { li { (address(**host, story)) ": " (finding.reason) } } }
            @if found.len() > ROLES { p { "+ " (found.len() - ROLES) } }
        }
    }
}
