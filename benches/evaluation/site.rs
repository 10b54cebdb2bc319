//! A site: hosts of one world on one segment, judged together by the real pipeline.

use super::baselines::Watch;
use super::outcome::{Crossing, Outcome, RuledOut, finds};
use super::plan::Part;
use anyhow::Result;
use mxray::capture::{Fault, Filter, Frame as Captured, Input, LinkType, Origin, Progress, Source};
use mxray::correlate::evidence::Family;
use mxray::correlate::{Context, Verdict};
use mxray::home::{Home, parse_net};
use mxray::host::HostAddr;
use mxray::pipeline::{self, Behind, Hosts, Settings, Tap};
use mxray::report::{HostReport, Sink};
use mxray::synth::population::{Frame, HOME, Place, Sample, View, sample};
use mxray::time::Timestamp;
use mxray::verdict::{Class, Level};
use std::collections::{HashMap, HashSet};
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

/// Frames of a site, about: some hundred megabytes at the most.
const FRAMES: usize = 400_000;
/// Hosts of a site at most.
const HOSTS: usize = 900;

pub(crate) struct Site {
    view: View,
    samples: Vec<Sample>,
    /// In the order in which the sensor sees them.
    frames: Vec<Frame>,
}

/// The sites of a part, one after the other.
pub(crate) fn sites(part: &Part, seed: &str) -> impl Iterator<Item = Site> {
    let mut hosts = part.hosts.iter().peekable();
    let mut number = 0;
    std::iter::from_fn(move || {
        hosts.peek()?;
        number += 1;
        let mut samples: Vec<Sample> = Vec::new();
        let mut frames = 0;
        while frames < FRAMES && samples.len() < HOSTS {
            let Some((row, index)) = hosts.next() else {
                break;
            };
            let place = Place(u16::try_from(samples.len()).unwrap_or(u16::MAX));
            let seed = format!("{seed} {}", part.view.name());
            let made = sample(row, part.family, &seed, *index, place);
            frames += made.frames.len();
            samples.push(made);
        }
        Some(Site::new(part.view, samples, &format!("{seed} {number}")))
    })
}

impl Site {
    fn new(view: View, mut samples: Vec<Sample>, seed: &str) -> Self {
        let mut frames = Vec::new();
        for sample in &mut samples {
            frames.append(&mut sample.frames);
        }
        frames.sort_by_key(|frame| frame.time);
        Self {
            view,
            samples,
            frames: view.of(frames, seed),
        }
    }

    pub(crate) fn packets(&self) -> usize {
        self.frames.len()
    }

    /// Runs it through the pipeline, which is deaf to some families of evidence.
    fn run(&self, muted: Vec<Family>) -> Result<Told> {
        let mut told = Told::default();
        let mut source = Memory {
            frames: self.frames.iter(),
            number: 0,
            files: vec![PathBuf::from("memory")],
        };
        let filter = Filter::new(None, None, None)?;
        let tap = Tap {
            source: &mut source,
            filter,
            progress: &mut |_| {},
        };
        pipeline::run(vec![tap], &settings(muted), None, None, &mut told)?;
        Ok(told)
    }

    /// The hosts, and which of them are convicted without the evidence of some families.
    pub(crate) fn convicted(&self, muted: Vec<Family>) -> Result<Vec<(&Sample, bool)>> {
        let told = self.run(muted)?;
        let convicted: HashSet<HostAddr> = told
            .verdicts
            .iter()
            .filter(|(_, verdict)| finds(verdict.level, verdict.class))
            .flat_map(|(host, verdict)| verdict.named(*host))
            .collect();
        let judged = self.samples.iter().map(|sample| {
            let mut addresses = sample.addresses.iter();
            (
                sample,
                addresses.any(|one| convicted.contains(&(*one).into())),
            )
        });
        Ok(judged.collect())
    }

    /// Runs it through the pipeline and adds what came of each host; tells how many other
    /// hosts inside were convicted.
    pub(crate) fn judge(self, outcomes: &mut Vec<Outcome>) -> Result<usize> {
        let mut watch = Watch::new(&self.frames);
        let mut owners = HashMap::new();
        let mut times: Vec<Vec<Timestamp>> = vec![Vec::new(); self.samples.len()];
        for (number, sample) in self.samples.iter().enumerate() {
            for address in &sample.addresses {
                owners.insert(HostAddr::from(*address), number);
            }
        }
        for frame in &self.frames {
            for address in ends(&frame.octets).into_iter().flatten() {
                if let Some(times) = owners.get(&address).and_then(|n| times.get_mut(*n)) {
                    times.push(frame.time);
                }
            }
        }
        for times in &mut times {
            times.sort_unstable();
        }
        let mut told = self.run(Vec::new())?;
        for ((number, sample), times) in self.samples.into_iter().enumerate().zip(times) {
            let mut outcome = Outcome::new(sample, self.view, times);
            for (host, verdict) in &told.verdicts {
                let mut named = verdict.named(*host);
                if named.any(|host| owners.get(&host) == Some(&number)) {
                    outcome.hear(verdict);
                }
            }
            for (host, end) in &mut told.hosts {
                if owners.get(host) == Some(&number) {
                    outcome.baselines.add(&watch.take(*host), &end.0);
                    outcome.end(end.1, end.2, &end.3, &end.4);
                }
            }
            outcomes.push(outcome);
        }
        let mut others: Vec<_> = told
            .verdicts
            .iter()
            .filter(|(host, verdict)| {
                let flood = matches!(verdict.class, Class::PtrFlood | Class::AFlood);
                !owners.contains_key(host) && !flood && verdict.level.convicted()
            })
            .map(|(host, _)| *host)
            .collect();
        others.sort_unstable();
        others.dedup();
        Ok(others.len())
    }
}

/// How the pipeline is run, without the evidence of some families.
fn settings(muted: Vec<Family>) -> Settings {
    let nets = HOME.iter().filter_map(|net| parse_net(net).ok());
    Settings {
        workers: NonZeroUsize::MIN,
        count: mxray::count::Settings::default(),
        context: Context {
            home: Arc::new(Home::new(nets)),
            muted,
            ..Context::default()
        },
        stats: None,
        behind: Behind::Wait,
        hosts: Hosts::AtEnd,
        keep: None,
        follow: false,
    }
}

/// Source and destination of a frame of Ethernet.
fn ends(octets: &[u8]) -> [Option<HostAddr>; 2] {
    let v4 = |at: usize| {
        let octets: [u8; 4] = octets.get(at..at + 4)?.try_into().ok()?;
        Some(HostAddr::from_v4(octets))
    };
    let v6 = |at: usize| {
        let octets: [u8; 16] = octets.get(at..at + 16)?.try_into().ok()?;
        Some(HostAddr::from_v6(octets))
    };
    match octets.get(12..14) {
        Some([8, 0]) => [v4(26), v4(30)],
        Some([0x86, 0xdd]) => [v6(22), v6(38)],
        _ => [None, None],
    }
}

/// Frames from memory.
struct Memory<'a> {
    frames: std::slice::Iter<'a, Frame>,
    number: u64,
    files: Vec<PathBuf>,
}

impl Source for Memory<'_> {
    fn next_input(&mut self) -> Option<Input<'_>> {
        let frame = self.frames.next()?;
        self.number += 1;
        Some(Input::Frame(Captured {
            bytes: &frame.octets,
            wire_len: u32::try_from(frame.octets.len()).unwrap_or(u32::MAX),
            time: frame.time,
            link: LinkType::ETHERNET,
            origin: Origin {
                file: 0,
                frame: self.number,
            },
        }))
    }

    fn take_faults(&mut self) -> Vec<Fault> {
        Vec::new()
    }

    fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn progress(&self) -> Progress {
        // Not 0 in all, which would mean a pipe.
        Progress { done: 0, total: 1 }
    }
}

/// A host at the end: counters, score, reason, families.
type End = (
    mxray::count::host::HostTotals,
    f64,
    RuledOut,
    String,
    Vec<&'static str>,
);

/// What the pipeline told.
#[derive(Default)]
struct Told {
    verdicts: Vec<(HostAddr, Crossing)>,
    hosts: Vec<(HostAddr, End)>,
}

impl Sink for Told {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        let judgement = &verdict.judgement;
        let crossing = Crossing {
            time: verdict.time,
            level: judgement.level,
            class: if judgement.level == Level::None {
                Class::Ordinary
            } else {
                judgement.class
            },
            score: judgement.score,
            ruled_out: RuledOut::of(judgement),
            reason: judgement.reason.clone(),
            closes: verdict.state == mxray::correlate::State::Closed,
            leader: match judgement.class {
                Class::PtrFlood | Class::AFlood => judgement.related.first().copied(),
                _ => None,
            },
        };
        self.verdicts.push((verdict.host, crossing));
        Ok(())
    }

    fn host(&mut self, host: &HostReport<'_>) -> io::Result<()> {
        let judgement = &host.judgement;
        let families = judgement.evidence.iter().filter(|one| one.llr > 0.0);
        let families = families.map(|one| one.family.name()).collect();
        let reason = judgement.reason.clone();
        let ruled_out = RuledOut::of(judgement);
        let end = (
            host.totals.clone(),
            judgement.score,
            ruled_out,
            reason,
            families,
        );
        self.hosts.push((host.host, end));
        Ok(())
    }

    fn fault(&mut self, _: &Fault) {}
}
