//! A host's part of the page.

use super::super::event::{CaptureBody, Event, EvidenceBody, PacketBody, VerdictBody, Visibility};
use super::super::language::Words;
use super::super::plot::Figure;
use super::super::story::{Page, Story};
use super::site::term;
use super::{level, signs};
use crate::correlate::evidence::Family;
use crate::host::HostAddr;
use crate::verdict::{Level, Role};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn page(
    host: HostAddr,
    page: &Page,
    story: &Story,
    figures: &[(String, Figure)],
    words: &Words,
) -> Markup {
    let finding = story.findings.get(&host);
    // One that closes an episode may have nothing to say any more.
    let mut newest = page.verdicts.iter().rev();
    let telling = newest.find(|verdict| !verdict.mxray.evidence.is_empty());
    html! {
        details class="host" id=(format!("host-{host}")) {
            summary {
                h3 { (host) }
                " " @if let Some(finding) = finding {
                    (level(finding.level.name(), (words.level)(finding.level))) " " ((words.class)(finding.class))
                }
            }
            @if let Some(finding) = finding {
                p class="lead" { (finding.reason) }
                @if finding.acquitted { p { strong { (words.page.acquitted) } } }
                @if finding.suppressed { p { (words.page.suppressed) } }
                p { (signs(finding, words)) }
                @if finding.level >= Level::Suspected && !finding.acquitted {
                    h4 { (words.page.did) }
                    p { (words.page.check) }
                    ol {
                        li { ((words.first)(finding.class, finding.level)) }
                        // What would come first, were it sure.
                        @if !finding.level.convicted() && !finding.class.is_flood() { li { ((words.first)(finding.class, Level::Likely)) } }
                        @for step in (words.steps)(finding.class) { li { (step) } }
                    }
                }
            }
            (about(page, words))
            @if let Some(verdict) = telling { (evidence(verdict, words)) }
            h4 { (words.page.wireshark) }
            p { (filter(&display_filter(host, page), words)) }
            @for (id, figure) in figures {
                figure {
                    figcaption { strong { ((words.title)(figure.kind)) } " " ((words.reading)(figure.kind)) }
                    div class="wide" tabindex="0" role="group" aria-label=((words.title)(figure.kind)) { (figure.svg(id)) }
                    details class="numbers" data-figure=(id) {
                        summary { (words.page.numbers) }
                        button type="button" { (words.page.download) }
                    }
                }
            }
            (verdicts(page, words))
            p { a href="#hosts" { (words.page.back) } }
        }
    }
}

/// What the host is, as its newest event says.
fn about(page: &Page, words: &Words) -> Markup {
    let verdict = page.newest();
    let role = page.event.as_ref().map(|event| &event.mxray.role);
    let role = role.or(verdict.map(|verdict| &verdict.mxray.role));
    let source = page.event.as_ref().and_then(|event| event.source.as_ref());
    let mac = source.and_then(|source| source.mac.as_deref());
    html! {
        dl {
            @if let Some(role) = role {
                dt { (words.page.role) } dd { ((words.role)(role.name)) " (" (term(role.source, words)) @for basis in &role.basis { "; " (basis) } ")" }
            }
            @if let Some(mac) = mac { dt { "MAC" } dd { (mac) } }
            @if let Some(event) = &page.event {
                dt { "DNS" } dd { (words.plot.queries) " " (event.mxray.dns.queries.total) ", MX " (event.mxray.dns.queries.mx)
                    ", A " (event.mxray.dns.queries.a) ", PTR " (event.mxray.dns.queries.ptr) }
            }
            @if let Some(verdict) = verdict {
                dt { (words.page.score) } dd {
                    @let against = &verdict.mxray.against;
                    (verdict.mxray.score) " (" ((words.role)(Role::Pc)) " " (against.pc) ", " ((words.role)(Role::MailServer)) " "
                    (against.sender) ", " ((words.role)(Role::MxProber)) " " (against.prober) ")"
                }
                dt { (words.page.visibility) } dd { (sight(&verdict.mxray.visibility, words)) }
                dt { (words.page.capture) } dd { (capture(&verdict.mxray.capture, words)) }
            }
        }
    }
}

/// What of the host's traffic was in sight.
fn sight(seen: &Visibility, words: &Words) -> Markup {
    let [
        dns,
        dns_replies,
        smtp,
        smtp_replies,
        tls_only,
        hidden,
        home,
        tap,
    ] = words.page.sights;
    let marks = [
        (dns, Some(seen.dns)),
        (dns_replies, Some(seen.dns_replies)),
        (smtp, seen.smtp_out),
        (smtp_replies, seen.smtp_replies),
        (tls_only, seen.tls_only),
        (hidden, seen.dns_hidden),
    ];
    html! {
        @for (what, seen) in marks { (what) " " (mark(seen)) ", " }
        (home) " " (term(seen.home, words))
        @if let Some(vantage) = seen.vantage { ", " (tap) " " (term(vantage, words)) }
    }
}

/// How whole the host's part of the capture was.
fn capture(capture: &CaptureBody, words: &Words) -> Markup {
    let [lost, truncated, one_way] = words.page.captured;
    html! {
        (lost) " " @match capture.loss_pct { Some(percent) => { (percent) "%" } None => { "?" } }
        ", " (truncated) " " (capture.truncated) ", " (one_way) " " (mark(Some(capture.one_way)))
        @if let Some(lost) = &capture.lost {
            " (kernel_dropped " (lost.kernel_dropped) ", if_dropped " (lost.if_dropped) ", shed " (lost.shed)
            ", malformed " (lost.malformed) ", evicted " (lost.evicted) ")"
        }
    }
}

fn mark(seen: Option<bool>) -> &'static str {
    match seen {
        Some(true) => "✓",
        Some(false) => "✗",
        None => "?",
    }
}

fn evidence(verdict: &Event<VerdictBody>, words: &Words) -> Markup {
    let page = &words.page;
    let body = &verdict.mxray;
    html! {
        h4 { (page.evidence) }
        div class="wide" tabindex="0" role="group" aria-label=(page.evidence) {
            table {
                thead { tr { th scope="col" { (page.sentence) } th scope="col" { (page.weight) } th scope="col" { (page.packets) } } }
                tbody { @for piece in &body.evidence { (claim(piece, words)) } }
            }
        }
        h4 { (page.counter) }
        @if body.counterevidence.is_empty() { p { (page.none) } } @else {
            ul { @for piece in &body.counterevidence { li { (piece.text) } } }
        }
    }
}

/// A piece of evidence, and the packets with which anybody can check it.
fn claim(piece: &EvidenceBody, words: &Words) -> Markup {
    let mut files: BTreeMap<&str, Vec<&PacketBody>> = BTreeMap::new();
    for packet in &piece.packets {
        files.entry(&packet.file).or_default().push(packet);
    }
    let family = Family::ALL
        .into_iter()
        .find(|family| family.name() == piece.family);
    html! {
        tr {
            td {
                @if let Some(family) = family { strong { ((words.family)(family)) } br; }
                (piece.text)
                @if !piece.domains.is_empty() { br; span class="wire" { (piece.domains.join(", ")) } }
            }
            td { (piece.llr) @if piece.capped { " ≥" } }
            td {
                @for (file, packets) in &files {
                    p { span class="wire" { (file) } ": " @for packet in packets { span title=(packet.ts) { (packet.frame) } " " } }
                    (filter(&frames(packets), words))
                }
                @if piece.cut { "…" }
            }
        }
    }
}

fn frames(packets: &[&PacketBody]) -> String {
    let frames: BTreeSet<_> = packets.iter().map(|packet| packet.frame).collect();
    let frames: Vec<_> = frames.iter().map(ToString::to_string).collect();
    format!("frame.number in {{{}}}", frames.join(", "))
}

/// What shows a host's DNS and mail in Wireshark.
fn display_filter(host: HostAddr, page: &Page) -> String {
    let servers = page.peers.by_attempts();
    let ports = servers.iter().map(|(server, _)| server.port);
    let ports: BTreeSet<_> = ports.chain([25, 465, 587]).collect();
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    let address = if host.ip().is_ipv4() {
        "ip.addr"
    } else {
        "ipv6.addr"
    };
    let ports = ports.join(", ");
    format!("{address} == {host} && (dns || tcp.port in {{{ports}}})")
}

/// A display filter, to be copied.
fn filter(text: &str, words: &Words) -> Markup {
    html! {
        span class="filter" { code { (text) } " " button type="button" class="copy" data-copy=(text) hidden { (words.page.copy) } }
    }
}

fn verdicts(page: &Page, words: &Words) -> Markup {
    let columns = [
        words.page.time,
        words.page.level,
        words.page.class,
        words.page.state,
        words.page.score,
        words.page.posterior,
    ];
    html! {
        @if !page.verdicts.is_empty() {
            h4 { (words.page.verdicts) }
            @if page.verdicts_omitted > 0 { p { ((words.page.verdicts_omitted)(page.verdicts_omitted)) } }
            div class="wide" tabindex="0" role="group" aria-label=(words.page.verdicts) {
                table {
                    thead { tr { @for column in columns { th scope="col" { (column) } } } }
                    tbody {
                        @for verdict in &page.verdicts {
                            @let body = &verdict.mxray;
                            tr {
                                td { (verdict.timestamp) } td { (level(body.level.name(), (words.level)(body.level))) }
                                td { ((words.class)(body.class)) } td { (term(body.state, words)) } td { (body.score) } td { (body.posterior) }
                            }
                        }
                    }
                }
            }
        }
    }
}
