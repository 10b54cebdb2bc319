//! One host in a screenful: what it did, what is thought of it, and why.

use super::story::Page;
use super::story::rates::Rates;
use super::text;
use crate::capture::Origin;
use crate::correlate::evidence::Evidence;
use crate::correlate::regression::Correlation;
use crate::correlate::{Judgement, Verdict, posterior};
use crate::count::host::HostTotals;
use crate::count::prefixes::Column;
use crate::count::smtp::SmtpTotals;
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::words::counted;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

/// Rows of the prefix table in a screenful.
pub const PREFIXES: usize = 8;
/// Labels shown.
const LABELS: usize = 8;
/// Mail ports shown.
const PORTS: usize = 8;
/// Names of servers shown.
const SERVER_NAMES: usize = 5;
/// Columns of the line of queries over time.
const SPARKS: usize = 48;
/// Packets shown per piece of evidence.
const PACKETS: usize = 2;

/// Everything that is told of a host.
#[derive(Debug)]
pub struct Story {
    /// The host.
    pub host: HostAddr,
    /// Its counters.
    pub totals: HostTotals,
    /// What is thought of it.
    pub judgement: Judgement,
    /// Its prefix table.
    pub prefixes: Vec<Column>,
    /// What it asked over time.
    pub rates: Rates,
    /// The verdicts of its episodes, in order.
    pub verdicts: Vec<Verdict>,
    /// The capture files.
    pub files: Vec<PathBuf>,
    /// What the packets behind the evidence say, as far as they could be read again.
    pub packets: BTreeMap<Origin, String>,
}

impl Story {
    /// The packets that are shown.
    pub fn witnesses(&self) -> impl Iterator<Item = Origin> + '_ {
        let evidence = self.judgement.evidence.iter();
        evidence
            .flat_map(|piece| piece.packets.iter().take(PACKETS))
            .map(|packet| packet.origin)
    }
}

/// Writes the story of a host, with so many rows of its prefix table.
pub fn write(out: &mut dyn Write, story: &Story, rows: usize) -> io::Result<()> {
    let Story {
        host,
        totals,
        judgement,
        ..
    } = story;
    let span =
        |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    writeln!(
        out,
        "{host}  {}  {}  score {:.1}  posterior {:.3}",
        judgement.level,
        judgement.class,
        judgement.score,
        posterior(judgement.score)
    )?;
    writeln!(out, "{host} {}.", judgement.reason)?;
    against(out, judgement)?;
    let role = &judgement.role;
    let basis = match role.basis.join(", ") {
        basis if basis.is_empty() => "nothing speaks for another one".to_owned(),
        basis => basis,
    };
    writeln!(out, "role      {} ({basis})", role.role)?;
    writeln!(
        out,
        "seen      {} to {}",
        span(totals.first),
        span(totals.last)
    )?;
    let queries = &totals.queries;
    writeln!(
        out,
        "queries   {}: A {}, AAAA {}, MX {}, PTR {}, NS {}, TXT {}, SRV {}, HTTPS {}, ANY {}, other {}",
        queries.total,
        queries.a,
        queries.aaaa,
        queries.mx,
        queries.ptr,
        queries.ns,
        queries.txt,
        queries.srv,
        queries.https,
        queries.any,
        queries.other
    )?;
    let replies = &totals.replies;
    writeln!(
        out,
        "replies   {}: NXDOMAIN {}, SERVFAIL {}",
        replies.total, replies.nxdomain, replies.servfail
    )?;
    let about = if totals.distinct_exact { "" } else { "about " };
    writeln!(
        out,
        "asked for {about}{} names in {} domains; MX of {} domains",
        totals.names, totals.domains, totals.mx_domains
    )?;
    sparkline(out, &story.rates)?;
    correlation(out, totals)?;
    smtp(out, story)?;
    if !totals.labels.is_empty() {
        let labels: Vec<_> = totals
            .labels
            .iter()
            .take(LABELS)
            .map(|(label, count)| format!("{} {count}", text::escape(label.text())))
            .collect();
        let more = if totals.labels_cut || totals.labels.len() > LABELS {
            ", …"
        } else {
            ""
        };
        writeln!(out, "labels    {}{more}", labels.join(", "))?;
    }
    let mut shown = Vec::new();
    for piece in &judgement.evidence {
        // What tells two things is shown once.
        let known = !piece.packets.is_empty() && shown.contains(&&piece.packets);
        evidence(out, piece, story, !known)?;
        shown.push(&piece.packets);
    }
    for piece in &judgement.counterevidence {
        writeln!(out, "against   {}", piece.text)?;
    }
    if totals.replies.total == 0 && queries.total > 0 {
        writeln!(out, "unseen    no replies to its queries")?;
    }
    if totals.smtp.answers_seen == Some(false) {
        writeln!(out, "unseen    what mail servers answered it")?;
    }
    for verdict in &story.verdicts {
        let judgement = &verdict.judgement;
        let state = verdict.state.name();
        writeln!(
            out,
            "verdict   {}  {}  {} ({state})",
            verdict.time, judgement.level, judgement.class
        )?;
    }
    prefix_table(out, &story.prefixes, rows)
}

/// The sums that the score comes from.
fn against(out: &mut dyn Write, judgement: &Judgement) -> io::Result<()> {
    let against = judgement.against;
    writeln!(
        out,
        "bot or    against a PC {:+.1}, a sender of mail {:+.1}, a prober of mail servers {:+.1}",
        against.pc, against.sender, against.prober
    )
}

/// Its busiest seconds over time.
fn sparkline(out: &mut dyn Write, rates: &Rates) -> io::Result<()> {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let peaks: Vec<_> = rates
        .buckets()
        .map(|(_, bucket)| bucket.peak.total)
        .collect();
    let Some(most) = peaks.iter().copied().max().filter(|most| *most > 0) else {
        return Ok(());
    };
    let together = peaks.len().div_ceil(SPARKS).max(1);
    let line: String = peaks
        .chunks(together)
        .map(|peaks| match peaks.iter().max() {
            None | Some(0) => ' ',
            Some(peak) => {
                let bar = (peak * BARS.len() as u64).div_ceil(most).saturating_sub(1);
                let bar = usize::try_from(bar).ok().and_then(|bar| BARS.get(bar));
                bar.copied().unwrap_or('█')
            }
        })
        .collect();
    let seconds = rates.width().unsigned_abs() * together as u64;
    writeln!(
        out,
        "rate      {line}  up to {} a second, {seconds} s a column",
        match most {
            1 => "1 query".to_owned(),
            most => format!("{most} queries"),
        }
    )
}

/// Writes a host's events and series as one JSON object.
pub fn write_json(out: &mut dyn Write, host: HostAddr, page: &Page) -> io::Result<()> {
    let prefixes = page.prefixes.iter().map(|column| {
        let top = column.top.iter();
        let top = top
            .map(|(prefix, count)| json!({"prefix": text::escape(prefix.text()), "count": count}));
        json!({"length": column.length, "error": column.error, "top": top.collect::<Vec<_>>()})
    });
    let rates = page.rates.buckets().map(|(second, bucket)| {
        let sum = &bucket.sum;
        json!({
            "ts": second, "total": sum.total, "a": sum.a, "mx": sum.mx, "ptr": sum.ptr, "aaaa": sum.aaaa,
            "other": sum.other, "smtp_attempts": sum.smtp, "peak": bucket.peak.total,
        })
    });
    let story = json!({
        "host": host.to_string(),
        "event": page.event,
        "verdicts": page.verdicts,
        "prefixes": prefixes.collect::<Vec<_>>(),
        "rates": {"width_s": page.rates.width(), "buckets": rates.collect::<Vec<_>>()},
    });
    serde_json::to_writer(&mut *out, &story)?;
    writeln!(out)
}

fn correlation(out: &mut dyn Write, totals: &HostTotals) -> io::Result<()> {
    let keyword = &totals.keyword;
    writeln!(
        out,
        "keywords  exact {}, numbered {}, prefix {} of {} A queries",
        keyword.exact, keyword.numbered, keyword.prefix, totals.queries.a
    )?;
    let sums = &totals.sums;
    let correlation = Correlation::of(sums);
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
    let why = correlation
        .r2_reason
        .map(|reason| format!(" ({})", reason.name()));
    writeln!(
        out,
        "R²        {} over {} active seconds, {} over all {}{}; lower bound {}, slope {}, share {}",
        number(correlation.r2_active),
        sums.active,
        number(correlation.r2_all),
        sums.span(),
        why.unwrap_or_default(),
        number(correlation.r2_lower95),
        number(correlation.slope),
        number(correlation.share)
    )
}

/// Its mail connections, what became of them, and what was said in them.
fn smtp(out: &mut dyn Write, story: &Story) -> io::Result<()> {
    let smtp = &story.totals.smtp;
    let said = smtp.mail_from + smtp.helo_names + smtp.tls + smtp.not_smtp + smtp.starttls;
    if smtp.attempts == 0 && said == 0 {
        return writeln!(out, "smtp      no mail connections");
    }
    let mirrored = smtp.answers_seen != Some(false);
    let became = |established, refused, unanswered| {
        if mirrored {
            format!("{established} established, {refused} refused, {unanswered} unanswered")
        } else {
            "outcomes not seen".to_owned()
        }
    };
    let about = |exact: bool| if exact { "" } else { "about " };
    let ports: Vec<_> = smtp
        .by_port
        .iter()
        .take(PORTS)
        .map(|port| format!("port {} {}", port.port, port.attempts))
        .collect();
    let ports = match ports.join(", ") {
        ports if ports.is_empty() => ports,
        ports => format!(" ({ports})"),
    };
    writeln!(
        out,
        "smtp      {} begun to {}{}{ports}: {}",
        counted(smtp.attempts, "mail connection"),
        about(smtp.destinations_exact || smtp.destinations == 0),
        counted(smtp.destinations, "address"),
        became(smtp.established, smtp.refused, smtp.unanswered)
    )?;
    for window in &story.judgement.windows {
        let span = match window.span {
            600 => "10 min",
            3_600 => "1 h",
            _ => "24 h",
        };
        writeln!(
            out,
            "          last {span:6} {} to {}{}, {} of them new: {}",
            window.attempts,
            about(window.exact),
            counted(window.destinations, "address"),
            window.new,
            became(window.established, window.refused, window.unanswered)
        )?;
    }
    mail(out, smtp, mirrored)
}

/// What was said in them.
fn mail(out: &mut dyn Write, smtp: &SmtpTotals, mirrored: bool) -> io::Result<()> {
    if smtp.commands_seen == Some(false) {
        write!(out, "mail      what it said not seen")?;
    } else {
        write!(
            out,
            "mail      {} in HELO; {} of {}, {}",
            counted(smtp.helo_names, "name"),
            counted(smtp.mail_from, "sender"),
            counted(smtp.sender_domains, "domain"),
            counted(smtp.rcpt_to, "recipient")
        )?;
    }
    if mirrored {
        writeln!(
            out,
            "; {}, {} accepted; replies 4xx {}, 5xx {}",
            counted(smtp.messages, "message"),
            smtp.messages_accepted,
            smtp.replies_4xx,
            smtp.replies_5xx
        )?;
    } else {
        writeln!(out)?;
    }
    if smtp.tls + smtp.starttls + smtp.auth > 0 {
        let names: Vec<_> = smtp
            .server_names
            .iter()
            .take(SERVER_NAMES)
            .map(|(name, count)| format!("{} {count}", text::escape(name)))
            .collect();
        let names = match names.join(", ") {
            names if names.is_empty() => names,
            names => format!("; to {names}"),
        };
        writeln!(
            out,
            "tls       {}, {} STARTTLS, {} AUTH in clear, about {} inside{names}",
            counted(smtp.tls, "connection"),
            smtp.starttls,
            smtp.auth,
            counted(smtp.messages_in_tls, "message")
        )?;
    }
    if smtp.not_smtp + smtp.gapped > 0 {
        writeln!(
            out,
            "streams   {} were neither SMTP nor TLS, {} had holes",
            smtp.not_smtp, smtp.gapped
        )?;
    }
    if !smtp.defects.is_empty() {
        let defects: Vec<_> = smtp
            .defects
            .iter()
            .map(|(defect, count)| format!("{} {count}", defect.name()))
            .collect();
        writeln!(out, "defects   {}", defects.join(", "))?;
    }
    Ok(())
}

/// A piece of evidence, and the packets behind it if they are to be `shown`.
fn evidence(out: &mut dyn Write, piece: &Evidence, story: &Story, shown: bool) -> io::Result<()> {
    let sign = if piece.capped { ", capped" } else { "" };
    writeln!(
        out,
        "for       {} ({:+.1}{sign}): {}",
        piece.family.name(),
        piece.llr,
        piece.text
    )?;
    if !shown {
        return Ok(());
    }
    if !piece.domains.is_empty() {
        let domains: Vec<_> = piece
            .domains
            .iter()
            .map(|domain| text::name(domain))
            .collect();
        writeln!(out, "            as {}", domains.join(", "))?;
    }
    for witness in piece.packets.iter().take(PACKETS) {
        let origin = witness.origin;
        let file = story.files.get(origin.file as usize);
        let file = file.map(|path| text::escape(path.as_os_str().as_encoded_bytes()));
        let says = story.packets.get(&origin).map(|says| format!(": {says}"));
        writeln!(
            out,
            "            see {} frame {}{}",
            file.unwrap_or_default(),
            origin.frame,
            says.unwrap_or_default()
        )?;
    }
    Ok(())
}

/// The study's Figure 7: the most frequent prefixes of each length side by side.
fn prefix_table(out: &mut dyn Write, columns: &[Column], rows: usize) -> io::Result<()> {
    if columns.iter().all(|column| column.top.is_empty()) {
        return Ok(());
    }
    write!(out, "prefixes ")?;
    for column in columns {
        let estimate = if column.error > 0 { "≥" } else { " " };
        write!(out, " {:>14}", format!("{}{estimate}", column.length))?;
    }
    writeln!(out)?;
    for row in 0..rows {
        if columns.iter().all(|column| column.top.get(row).is_none()) {
            break;
        }
        write!(out, "         ")?;
        for column in columns {
            let cell = column
                .top
                .get(row)
                .map(|(prefix, count)| format!("{} {count:>6}", text::escape(prefix.text())));
            write!(out, " {:>14}", cell.unwrap_or_default())?;
        }
        writeln!(out)?;
    }
    Ok(())
}
