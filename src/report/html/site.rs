//! The site's part of the page: what was seen of it as a whole, and how whole that was.

use super::super::event::{Event, Op25b, Op25bHoles, StatsBody};
use super::super::language::Words;
use super::super::story::{Row, Story};
use crate::verdict::Role;
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
            (roles(&story.hosts, words))
            h3 { (page.floods) }
            @let floods: Vec<_> = story.findings.iter().filter(|(_, finding)| finding.class.is_flood()).collect();
            @if floods.is_empty() { p { (page.none) } } @else {
                ul { @for (host, finding) in floods { li { (host) ": " (finding.reason) } } }
            }
            h3 { (page.op25b) }
            @match story.totals.as_ref().and_then(|totals| totals.mxray.op25b.as_ref()) {
                Some(audit) => { (op25b(audit, words)) }
                None => { p { (page.op25b_unknown) " " code { "--home" } } }
            }
            (quality(story, words))
            h3 { (page.files) }
            ul { @for file in story.files.iter().take(FILES) { li class="wire" { (super::super::text::escape(file.as_os_str().as_encoded_bytes())) } } }
            @if story.files.len() > FILES { p { "+ " (story.files.len() - FILES) } }
        }
    }
}

/// A table in a frame that scrolls where the page is narrow.
fn table(label: &str, columns: &[&str], rows: &[Vec<String>]) -> Markup {
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
        (table(words.page.totals, &columns, &[sums.map(|sum| sum.to_string()).into()]))
    }
}

/// The hosts that are something else than somebody's machine: resolvers, mail servers and others.
fn roles(hosts: &[Row], words: &Words) -> Markup {
    let of = |row: &&Row| !matches!(row.event.mxray.role.name, Role::Pc | Role::External);
    let mut found: Vec<_> = hosts.iter().filter(of).collect();
    found.sort_by_key(|row| (row.event.mxray.role.name, row.host));
    let rows = found.iter().take(ROLES).map(|row| {
        let body = &row.event.mxray;
        let queries = &body.dns.queries;
        vec![
            row.host.to_string(),
            (words.role)(body.role.name).to_owned(),
            format!("{}: {}", body.role.source, body.role.basis.join("; ")),
            queries.total.to_string(),
            queries.mx.to_string(),
            body.dns.replies.total.to_string(),
            body.dns.names_distinct.to_string(),
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
            net.to_owned(),
            holes.hosts.to_string(),
            holes.attempts.to_string(),
            told(holes.blocked),
            told(holes.leaked),
            ratio,
            holes.allowed.to_string(),
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
        (table(page.op25b, &page.flows, &[flows.map(|count| count.to_string()).into()]))
        @if audit.cut { p { "…" } }
    }
}

/// What became of packets, and what the sensor knows that it missed.
fn quality(story: &Story, words: &Words) -> Markup {
    let page = &words.page;
    html! {
        h3 id="quality" { (page.quality) }
        @if let Some(totals) = &story.totals { (packets(totals, words)) }
        h4 { (page.missed) }
        @if story.sensor.is_empty() { p { (page.none) } } @else {
            @let rows: Vec<_> = story.sensor.iter().map(|event| vec![
                event.timestamp.clone(), event.event.action.unwrap_or_default().to_owned(), event.mxray.sensor.cause.to_owned(),
                event.event.reason.clone().unwrap_or_default(),
            ]).collect();
            (table(page.missed, &[page.time, page.state, page.cause, page.sentence], &rows))
            @if story.sensor_omitted > 0 { p { "+ " (story.sensor_omitted) } }
        }
    }
}

fn packets(totals: &Event<StatsBody>, words: &Words) -> Markup {
    let body = &totals.mxray;
    let packets = &body.packets;
    let mut rows = vec![
        ("packets.seen", packets.seen),
        ("packets.decoded", packets.decoded),
        ("packets.ignored", packets.ignored),
        ("packets.filtered", packets.filtered),
        ("packets.fragments_unfinished", packets.fragments_unfinished),
        ("packets.shed", packets.shed),
        ("truncated", body.truncated),
        ("late", body.late),
        ("duplicates", body.duplicates),
        ("reassembled", body.reassembled),
        ("observations_omitted", body.observations_omitted),
        ("tcp.midstream", body.tcp.midstream),
        ("tcp.retransmitted", body.tcp.retransmitted),
        ("tcp.reordered", body.tcp.reordered),
        ("tcp.holes", body.tcp.holes),
        ("tcp.octets_lost", body.tcp.octets_lost),
        ("tcp.evicted", body.tcp.evicted),
        ("hosts.tracked", body.hosts.tracked),
        ("hosts.evicted", body.hosts.evicted),
        ("files", body.files),
    ];
    if let Some(kernel) = &body.kernel {
        rows.extend([
            ("kernel.received", kernel.received),
            ("kernel.dropped", kernel.dropped),
            ("kernel.if_dropped", kernel.if_dropped),
        ]);
    }
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(name, count)| vec![name.to_owned(), count.to_string()])
        .collect();
    let reasons =
        |kind: &'static str, of: &std::collections::BTreeMap<String, u64>| -> Vec<Vec<String>> {
            of.iter()
                .map(|(reason, count)| vec![format!("packets.{kind}.{reason}"), count.to_string()])
                .collect()
        };
    rows.extend(reasons("unsupported", &packets.unsupported));
    rows.extend(reasons("malformed", &packets.malformed));
    table(
        words.page.quality,
        &["mxray.stats", words.page.number],
        &rows,
    )
}
