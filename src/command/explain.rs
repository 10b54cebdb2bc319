//! `mxray explain`.

use super::telling::{StorySink, follow_all};
use super::{Outcome, Run, TO_STDOUT, Teller, can_be_read_again, say};
use crate::capture::{Fault, Origin, Replay, Source as _};
use crate::config::{ExplainConfig, Verbosity};
use crate::correlate::Verdict;
use crate::count::delta::HostBin;
use crate::count::prefixes::{self, Prefixes};
use crate::decode::dns::full;
use crate::decode::fragment::Fragments;
use crate::decode::packet::{Packet, Sliced, Transport};
use crate::host::HostAddr;
use crate::pipeline;
use crate::report::composer::Composer;
use crate::report::explain::{self, Story};
use crate::report::story::rates::Rates;
use crate::report::story::{Chosen, Gatherer};
use crate::report::{HostReport, Sink};
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

pub(super) fn run(config: ExplainConfig) -> anyhow::Result<Outcome> {
    if config.json {
        return json(config);
    }
    let mut run = Run::new(config.reading, &config.paths)?;
    run.settings.hosts = pipeline::Hosts::AtEnd;
    run.settings.count.bins = true;
    let rows = match run.verbosity {
        Verbosity::Quiet | Verbosity::Normal => explain::PREFIXES,
        Verbosity::Verbose | Verbosity::Debug => prefixes::TOLD,
    };
    let files = run.source.files().to_vec();
    let mut sink = ExplainSink {
        host: config.host,
        verdicts: Vec::new(),
        rates: Rates::default(),
        story: None,
        teller: run.teller(),
    };
    run.into_sink(&mut sink)?;
    let Some(mut story) = sink.story else {
        say(format_args!(
            "{} asked nothing in these captures",
            config.host
        ));
        return Ok(Outcome::Failed);
    };
    (story.verdicts, story.files) = (sink.verdicts, files);
    story.rates = sink.rates;
    story.packets = read_again(&config.paths, story.witnesses().collect());
    explain::write(&mut io::stdout().lock(), &story, rows).context(TO_STDOUT)?;
    Ok(if sink.teller.failed {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

/// Reads the captures again up to the last packet that is wanted, and puts these into words;
/// a pipe is gone, and its packets stay without.
fn read_again(paths: &[PathBuf], mut wanted: BTreeSet<Origin>) -> BTreeMap<Origin, String> {
    let mut words = BTreeMap::new();
    if wanted.is_empty() || !can_be_read_again(paths) {
        return words;
    }
    let mut source = Replay::open(paths);
    let mut fragments = Fragments::default();
    while !wanted.is_empty()
        && let Some(frame) = source.next_frame()
    {
        // Every frame: the one that is wanted may complete a datagram.
        let sliced = fragments.slice(&frame).sliced;
        if wanted.remove(&frame.origin)
            && let Sliced::Packet(packet) = sliced
            && let Some(text) = describe(&packet)
        {
            words.insert(frame.origin, text);
        }
    }
    words
}

/// A DNS message in words; of a TCP segment only where it goes: what it carries is half a line
/// at times, and somebody's mail.
fn describe(packet: &Packet<'_>) -> Option<String> {
    if packet.transport == Transport::Udp {
        return full::describe(packet.payload);
    }
    let (from, to) = (packet.src.ip(), packet.dst.ip());
    let (from, to) = (
        SocketAddr::new(from, packet.src_port),
        SocketAddr::new(to, packet.dst_port),
    );
    let octets = packet.payload.len();
    Some(format!("goes from {from} to {to} with {octets} octets"))
}

/// The same as JSON, in which packets are known by their numbers.
fn json(config: ExplainConfig) -> anyhow::Result<Outcome> {
    let mut run = Run::new(config.reading, &config.paths)?;
    let composer = Composer::new(&config.sensor, run.source.files());
    let mut sink = StorySink {
        gatherer: Gatherer::new(composer, Chosen::These([config.host].into())),
        teller: Some(run.teller()),
    };
    follow_all(&mut run);
    run.into_sink(&mut sink)?;
    let failed = sink.teller.is_some_and(|teller| teller.failed);
    let page = sink.gatherer.into_story().pages.remove(&config.host);
    let Some(page) = page.filter(|page| page.event.is_some()) else {
        say(format_args!(
            "{} asked nothing in these captures",
            config.host
        ));
        return Ok(Outcome::Failed);
    };
    explain::write_json(&mut io::stdout().lock(), config.host, &page).context(TO_STDOUT)?;
    Ok(if failed {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

struct ExplainSink {
    host: HostAddr,
    verdicts: Vec<Verdict>,
    rates: Rates,
    story: Option<Story>,
    teller: Teller,
}

impl Sink for ExplainSink {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        if verdict.host == self.host {
            self.verdicts.push(verdict.clone());
        }
        Ok(())
    }

    fn bins(&mut self, second: i64, bins: &[(HostAddr, HostBin)]) -> io::Result<()> {
        for (_, bin) in bins.iter().filter(|(host, _)| *host == self.host) {
            self.rates.add(second, bin);
        }
        Ok(())
    }

    fn host(&mut self, report: &HostReport<'_>) -> io::Result<()> {
        if report.host == self.host {
            self.story = Some(Story {
                host: report.host,
                totals: report.totals.clone(),
                judgement: report.judgement.clone(),
                prefixes: report.prefixes.map(Prefixes::columns).unwrap_or_default(),
                rates: Rates::default(),
                verdicts: Vec::new(),
                files: Vec::new(),
                packets: BTreeMap::new(),
            });
        }
        Ok(())
    }

    fn fault(&mut self, fault: &Fault) {
        self.teller.tell(fault);
    }
}
