//! The resolvers' part of the page: what they asked, and the floods of those who ask them.

use super::super::event::{Event, HostBody};
use super::super::language::Words;
use super::super::story::{Flood, Story};
use super::site::{table, term};
use super::{address, level};
use crate::host::HostAddr;
use crate::verdict::Role;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Resolvers that are listed.
const RESOLVERS: usize = 200;

pub(super) fn section(story: &Story, words: &Words) -> Markup {
    let page = &words.page;
    html! {
        h3 id="resolvers" { (page.resolvers) }
        (resolvers(story, words))
        h3 id="floods" { (page.floods) }
        @if story.floods.is_empty() { p { (page.none) } } @else { (floods(story, words)) }
        @if story.floods_omitted > 0 { p class="warning" { ((page.floods_omitted)(story.floods_omitted)) } }
    }
}

/// Hosts by role, and servers that were flooded: of one that asked nothing no more is known.
fn resolvers(story: &Story, words: &Words) -> Markup {
    let page = &words.page;
    let flooded = story.floods.iter().map(|flood| (flood.host, None));
    let is_resolver = |role| role == Role::Resolver;
    let known = story.hosts.iter().filter_map(|row| {
        let flooded = story.floods.iter().any(|flood| flood.host == row.host);
        let listed = flooded || is_resolver(row.event.mxray.role.name);
        listed.then_some((row.host, Some(&*row.event)))
    });
    let found: BTreeMap<HostAddr, Option<&Event<HostBody>>> = flooded.chain(known).collect();
    let columns = [
        page.host,
        page.role,
        words.plot.queries,
        "A",
        "MX",
        "PTR",
        page.replies,
        "NXDOMAIN",
        "SERVFAIL",
        page.names,
        page.domains,
        page.floods_column,
    ];
    let rows = found.iter().take(RESOLVERS).map(|(host, event)| {
        let floods = story.floods.iter().filter(|flood| flood.host == *host);
        let mut cells = vec![address(*host, story)];
        match event {
            Some(event) => {
                let role = &event.mxray.role;
                let dns = &event.mxray.dns;
                let basis = role.basis.join("; ");
                cells.push(html! {
                    (term(role.name.name(), words)) br;
                    span class="basis" { (term(role.source, words)) @if !basis.is_empty() { ": " (basis) } }
                });
                let (queries, replies) = (&dns.queries, &dns.replies);
                let counts = [
                    queries.total,
                    queries.a,
                    queries.mx,
                    queries.ptr,
                    replies.total,
                    replies.nxdomain,
                    replies.servfail,
                    dns.names_distinct,
                    dns.domains_distinct,
                ];
                cells.extend(counts.map(|count| html! { (count) }));
            }
            None => cells.extend([(); 10].map(|()| html! { "–" })),
        }
        cells.push(html! { (floods.count()) });
        cells
    });
    let rows: Vec<_> = rows.collect();
    html! {
        p { (page.resolvers_about) }
        @if rows.is_empty() { p { (page.none) } } @else { (table(page.resolvers, &columns, &rows)) }
        @if found.len() > RESOLVERS { p { "+ " (found.len() - RESOLVERS) } }
    }
}

/// Each flood with the rate and the pair of entropies, in the sentences of its evidence.
fn floods(story: &Story, words: &Words) -> Markup {
    let page = &words.page;
    let columns = [
        page.host,
        page.class,
        page.level,
        page.score,
        page.time,
        page.sentence,
        page.related,
    ];
    let row = |flood: &Flood| {
        let body = &flood.event.mxray;
        let related = flood.event.related.as_ref().map(|related| &related.ip);
        let others = related.into_iter().flatten();
        let others = others.filter(|ip| **ip != flood.host.to_string());
        let others = others.cloned().collect::<Vec<_>>().join(", ");
        let over = flood.over.as_deref().unwrap_or("…");
        vec![
            address(flood.host, story),
            term(body.class.name(), words),
            level(body.level.name(), (words.level)(body.level)),
            html! { (body.score) },
            html! { (body.episode.first_seen) " – " (over) },
            html! { ul { @for piece in &body.evidence { li { (piece.text) " (" (piece.llr) @if piece.capped { " ≥" } ")" } } } },
            html! { span class="wire" { (others) } },
        ]
    };
    let rows: Vec<_> = story.floods.iter().map(row).collect();
    table(page.floods, &columns, &rows)
}
