//! Other people's rules on the same hosts.
//!
//! They get what mxray's counting gets, decoded by it, and none of mxray's judgement.

use mxray::capture::{Frame as Captured, LinkType, Origin};
use mxray::correlate::regression::Correlation;
use mxray::count::delta::{Delta, Outcome, Server, What};
use mxray::count::host::HostTotals;
use mxray::count::{Counters, Settings};
use mxray::decode::observation::{MailPorts, Route, route};
use mxray::decode::packet::{Sliced, slice};
use mxray::host::HostAddr;
use mxray::synth::population::Frame;
use mxray::time::{NANOS, Timestamp};
use std::collections::{HashMap, HashSet, VecDeque};

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Baseline {
    /// Seed 000: MX and no PTR.
    SeedMx,
    /// Seed 000: R² of keyword A against all A at .999 or more.
    SeedR2,
    /// Either of them.
    Seed,
    /// Whyte and others 2006: any MX query.
    AnyMx,
    /// Emerging Threats 2000328: ten connections to port 25 in 120 s.
    Fanout,
    /// Jung and others 2004: sequential test of first connections, .8 and .2.
    Trw,
    /// Duan and others 2012: sequential test of messages, .2 and .9.
    Spot,
}

impl Baseline {
    pub(crate) const ALL: [Self; 7] = [
        Self::SeedMx,
        Self::SeedR2,
        Self::Seed,
        Self::AnyMx,
        Self::Fanout,
        Self::Trw,
        Self::Spot,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SeedMx => "seed: MX and no PTR",
            Self::SeedR2 => "seed: R² ≥ .999",
            Self::Seed => "seed: either",
            Self::AnyMx => "any MX query",
            Self::Fanout => "10 connections to 25 in 120 s",
            Self::Trw => "TRW (.8/.2)",
            Self::Spot => "SPOT (.2/.9)",
        }
    }
}

/// Which of them raise an alarm.
#[derive(Clone, Debug, Default)]
pub(crate) struct Baselines {
    alarms: HashSet<&'static str>,
}

impl Baselines {
    pub(crate) fn alarms(&self, baseline: Baseline) -> bool {
        self.alarms.contains(baseline.name())
    }

    /// Judges an address of the host.
    pub(crate) fn add(&mut self, smtp: &Smtp, totals: &HostTotals) {
        let queries = totals.queries;
        let correlation = Correlation::of(&totals.sums);
        let mx = queries.mx > 0 && queries.ptr == 0;
        let r2 = correlation.r2_active.is_some_and(|r2| r2 >= 0.999);
        for (baseline, alarm) in [
            (Baseline::SeedMx, mx),
            (Baseline::SeedR2, r2),
            (Baseline::Seed, mx || r2),
            (Baseline::AnyMx, queries.mx > 0),
            (Baseline::Fanout, smtp.fanout),
            (Baseline::Trw, smtp.trw.alarm),
            (Baseline::Spot, smtp.spot.alarm),
        ] {
            if alarm {
                self.alarms.insert(baseline.name());
            }
        }
    }
}

/// What the rules about SMTP keep of a host.
#[derive(Debug, Default)]
pub(crate) struct Smtp {
    recent: VecDeque<Timestamp>,
    fanout: bool,
    known: HashSet<Server>,
    trw: Sequential,
    spot: Sequential,
}

/// Wald's test with α = β = .01, begun anew after each acquittal.
#[derive(Debug, Default)]
struct Sequential {
    sum: f64,
    alarm: bool,
}

impl Sequential {
    /// An observation of probability `bad` from a bot and `good` from an honest host.
    fn see(&mut self, bad: f64, good: f64) {
        self.sum += (bad / good).ln();
        let border = 99_f64.ln();
        self.alarm |= self.sum >= border;
        if self.sum <= -border || self.sum >= border {
            self.sum = 0.0;
        }
    }
}

impl Smtp {
    fn attempt(&mut self, at: Timestamp) {
        self.recent.push_back(at);
        while self
            .recent
            .front()
            .is_some_and(|first| at.nanos_since(*first) > 120 * NANOS)
        {
            self.recent.pop_front();
        }
        self.fanout |= self.recent.len() >= 10;
    }

    fn learn(&mut self, time: Timestamp, what: &What) {
        match what {
            What::Attempt(server) if server.port == 25 => self.attempt(time),
            What::Outcome(server, outcome) if server.port == 25 && self.known.insert(*server) => {
                if *outcome == Outcome::Established {
                    self.trw.see(0.2, 0.8);
                } else {
                    self.trw.see(0.8, 0.2);
                }
            }
            What::Refusal { code: 500.., .. } => self.spot.see(0.9, 0.2),
            What::Message { accepted: true, .. } => self.spot.see(0.1, 0.8),
            _ => {}
        }
    }
}

/// The rules about SMTP at work on a site.
#[derive(Debug)]
pub(crate) struct Watch {
    hosts: HashMap<HostAddr, Smtp>,
}

impl Watch {
    /// Watches all of it.
    pub(crate) fn new(frames: &[Frame]) -> Self {
        let mut watch = Self {
            hosts: HashMap::new(),
        };
        let mut counters = Counters::new(Settings::default());
        let ports = MailPorts::default();
        let (mut newest, mut closed) = (Timestamp::MIN, i64::MIN);
        for frame in frames {
            newest = newest.max(frame.time);
            if newest.second() - 3 > closed {
                closed = newest.second() - 3;
                watch.learn(&counters.close(closed));
            }
            let captured = Captured {
                bytes: &frame.octets,
                wire_len: u32::try_from(frame.octets.len()).unwrap_or(u32::MAX),
                time: frame.time,
                link: LinkType::ETHERNET,
                origin: Origin::default(),
            };
            if let Sliced::Packet(packet) = slice(&captured)
                && matches!(route(&packet, &ports), Route::Host(_))
            {
                counters.record(&packet, false);
            }
        }
        watch.learn(&counters.end(newest));
        watch
    }

    fn learn(&mut self, deltas: &[Delta]) {
        for fact in deltas.iter().flat_map(|delta| &delta.facts) {
            let smtp = self.hosts.entry(fact.host).or_default();
            smtp.learn(fact.time, &fact.what);
        }
    }

    /// What is known of a host.
    pub(crate) fn take(&mut self, host: HostAddr) -> Smtp {
        self.hosts.remove(&host).unwrap_or_default()
    }
}
