//! What hosts did period by period, as `mxray live --hosts` tells it: of each period what a run
//! over that time alone says, and of all together what a run over all says.

use crate::captures::{read, synth_file};
use mxray::capture::{Fault, Filter, Replay};
use mxray::correlate::{Context, Verdict};
use mxray::count::coupling::CouplingSums;
use mxray::count::host::{HostTotals, Label};
use mxray::count::series::Sums;
use mxray::host::HostAddr;
use mxray::pipeline::{self, Behind, Hosts, Settings, Tap};
use mxray::report::{HostReport, Sink};
use mxray::time::{NANOS, Timestamp};
use std::collections::BTreeMap;
use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::Path;

type Told = Vec<(HostAddr, Option<Timestamp>, Timestamp, HostTotals)>;

#[derive(Default)]
struct Collected(Told);

impl Sink for Collected {
    fn verdict(&mut self, _: &Verdict) -> io::Result<()> {
        Ok(())
    }

    fn host(&mut self, report: &HostReport<'_>) -> io::Result<()> {
        let (start, end) = report.span;
        let end = end.unwrap();
        self.0
            .push((report.host, start, end, report.totals.clone()));
        Ok(())
    }

    fn fault(&mut self, fault: &Fault) {
        panic!("{fault}");
    }
}

fn run(file: &Path, hosts: Hosts, workers: usize, from: Option<i64>, until: Option<i64>) -> Told {
    let second = |second| Timestamp::from_parts(second, 0);
    let settings = Settings {
        workers: NonZeroUsize::new(workers).unwrap(),
        count: mxray::count::Settings::default(),
        context: Context::default(),
        stats: None,
        // So a period in which nothing came ends with the next.
        behind: Behind::Wait,
        hosts,
        keep: None,
        follow: false,
    };
    let tap = Tap {
        source: &mut Replay::open(&[file]),
        filter: Filter::new(None, from.map(second), until.map(second)).unwrap(),
        progress: &mut |_| (),
    };
    let mut sink = Collected::default();
    pipeline::run(vec![tap], &settings, None, None, &mut sink).unwrap();
    sink.0
}

/// What adds up exactly, of packets that come in order.
type Exact = (
    Sums,
    CouplingSums,
    [u64; 11],
    Vec<(Label, u64)>,
    [u64; 6],
    Vec<(u16, u64)>,
);

fn exact(totals: &HostTotals) -> Exact {
    let (queries, replies, smtp) = (totals.queries, totals.replies, &totals.smtp);
    let counts = [
        queries.total,
        queries.a,
        queries.aaaa,
        queries.mx,
        queries.ptr,
        queries.other,
        replies.total,
        replies.nxdomain,
        totals.keyword.exact,
        totals.keyword.numbered,
        totals.keyword.prefix,
    ];
    let said = [
        smtp.attempts,
        smtp.mail_from,
        smtp.rcpt_to,
        smtp.replies_5xx,
        smtp.starttls,
        smtp.auth,
    ];
    let mut labels = totals.labels.clone();
    labels.sort_unstable();
    let ports = smtp.by_port.iter().map(|port| (port.port, port.attempts));
    (
        totals.sums,
        totals.coupling,
        counts,
        labels,
        said,
        ports.collect(),
    )
}

const EVERY: i64 = 20;

fn every() -> Hosts {
    Hosts::Every {
        seconds: NonZeroU64::new(EVERY.unsigned_abs()).unwrap(),
        outside: true,
    }
}

#[test]
fn each_period_is_a_run_over_its_time_alone() {
    // Of DNS alone: a connection that is over the edge is known to one run and not to the other.
    for name in ["study-client-b", "ordinary-pcs", "dns-types", "dns-replies"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, synth_file(name)).unwrap();
        let told = run(&file, every(), 2, None, None);
        let mut ends: Vec<_> = told.iter().map(|(_, _, end, _)| *end).collect();
        ends.dedup();
        assert!(ends.is_sorted());
        let newest = read(&[&file]).iter().map(|frame| frame.time).max();
        assert_eq!(ends.last().copied(), newest);
        ends.truncate(20);
        let mut from = None;
        for end in ends {
            // The last one ends with the capture, whose newest packet is of that time.
            let until = if end.nanos() % NANOS == 0 {
                end.second()
            } else {
                i64::MAX
            };
            let alone = run(&file, Hosts::AtEnd, 1, from, Some(until));
            from = Some(end.second());
            let alone: BTreeMap<_, _> = alone
                .iter()
                .filter(|(_, _, _, totals)| totals.queries.total > 0)
                .map(|(host, _, _, totals)| (*host, exact(totals)))
                .collect();
            let of_period = told.iter().filter(|(_, _, other, _)| *other == end);
            let of_period: BTreeMap<_, _> = of_period
                .filter(|(_, _, _, totals)| totals.queries.total > 0)
                .map(|(host, _, _, totals)| (*host, exact(totals)))
                .collect();
            assert_eq!(of_period, alone, "{name} {end}");
        }
    }
}

#[test]
fn periods_add_up_for_any_number_of_workers() {
    for name in [
        "study-client-b",
        "fanout-bot",
        "smtp-session",
        "submission-bot",
        "late-packets",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, synth_file(name)).unwrap();
        let told = run(&file, every(), 1, None, None);
        assert_eq!(run(&file, every(), 3, None, None), told, "{name}");
        let mut sums = BTreeMap::<_, (HostTotals, u64)>::new();
        for (host, start, end, totals) in told {
            assert!(start.is_none_or(|start| start < end), "{name}");
            let (sum, destinations) = sums.entry(host).or_default();
            *destinations += totals.smtp.destinations;
            sum.queries.total += totals.queries.total;
            sum.replies.total += totals.replies.total;
            sum.names += totals.names;
            sum.smtp.attempts += totals.smtp.attempts;
            sum.smtp.established += totals.smtp.established;
            sum.smtp.mail_from += totals.smtp.mail_from;
            sum.smtp.messages_accepted += totals.smtp.messages_accepted;
            sum.sums = sum.sums.then(totals.sums);
        }
        for (host, _, _, totals) in run(&file, Hosts::AtEnd, 2, None, None) {
            let (sum, destinations) = &sums[&host];
            assert_eq!(*destinations, totals.smtp.destinations, "{name} {host}");
            assert_eq!(sum.queries.total, totals.queries.total, "{name} {host}");
            assert_eq!(sum.replies.total, totals.replies.total, "{name} {host}");
            // Beyond 128 it is an estimate.
            if totals.distinct_exact {
                assert_eq!(sum.names, totals.names, "{name} {host}");
            }
            assert_eq!(sum.smtp.attempts, totals.smtp.attempts, "{name} {host}");
            assert_eq!(sum.smtp.established, totals.smtp.established, "{name}");
            assert_eq!(sum.smtp.mail_from, totals.smtp.mail_from, "{name}");
            let accepted = totals.smtp.messages_accepted;
            assert_eq!(sum.smtp.messages_accepted, accepted, "{name}");
            assert_eq!(sum.sums, totals.sums, "{name} {host}");
        }
    }
}
