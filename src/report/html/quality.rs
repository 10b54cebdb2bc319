//! How whole the capture was: what became of packets, and what the sensor knows that it missed.

use super::super::event::{Event, StatsBody};
use super::super::language::Words;
use super::super::story::{Finding, Story};
use super::site::{table, term};
use super::{address, level};
use crate::host::HostAddr;
use maud::{Markup, html};

/// Hosts that are named of those that were seen in part.
const NAMED: usize = 50;

pub(super) fn section(story: &Story, words: &Words) -> Markup {
    let page = &words.page;
    let [one_way, truncated] = page.partial;
    html! {
        h3 id="quality" { (page.quality) }
        @if let Some(totals) = &story.totals { (packets(totals, words)) }
        (partial(one_way, |finding| finding.one_way, story, words))
        (partial(truncated, |finding| finding.truncated > 0, story, words))
        h4 { (page.missed) }
        @if story.sensor.is_empty() { p { (page.none) } } @else {
            @let rows: Vec<_> = story.sensor.iter().map(|event| vec![
                html! { (event.timestamp) }, term(event.event.action.unwrap_or_default(), words), term(event.mxray.sensor.cause, words),
                html! { (event.event.reason.as_deref().unwrap_or_default()) },
            ]).collect();
            (table(page.missed, &[page.time, page.state, page.cause, page.sentence], &rows))
            @if story.sensor_omitted > 0 { p { "+ " (story.sensor_omitted) } }
        }
    }
}

/// The hosts with a verdict of which not all was seen, in some way.
fn partial(heading: &str, is: impl Fn(&Finding) -> bool, story: &Story, words: &Words) -> Markup {
    let of: Vec<(&HostAddr, &Finding)> = story.findings.iter().filter(|(_, of)| is(of)).collect();
    html! {
        h4 { (heading) ": " (of.len()) }
        @if !of.is_empty() {
            p {
                @for (host, finding) in of.iter().take(NAMED) {
                    (address(**host, story)) " " (level(finding.level.name(), (words.level)(finding.level))) " "
                }
                @if of.len() > NAMED { "+ " (of.len() - NAMED) }
            }
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
        .map(|(name, count)| (name.to_owned(), count))
        .collect();
    for (kind, of) in [
        ("unsupported", &packets.unsupported),
        ("malformed", &packets.malformed),
    ] {
        let of = of.iter();
        rows.extend(of.map(|(reason, count)| (format!("packets.{kind}.{reason}"), *count)));
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, count)| {
            let meaning = (words.counter)(&name);
            vec![html! { (name) }, html! { (count) }, html! { (meaning) }]
        })
        .collect();
    let columns = ["mxray.stats", words.page.number, words.page.meaning];
    table(words.page.quality, &columns, &rows)
}
