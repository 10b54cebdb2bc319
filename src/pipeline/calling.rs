//! The calling thread: puts the workers' seconds together, correlates and reports.

use super::desk::Desk;
use super::keeper::Keeper;
use super::latest::Latest;
use super::state::{Kept, StateKeeper};
use super::{Behind, Hosts, Message, Settings};
use crate::capture::Fault;
use crate::checkpoint::Parts;
use crate::correlate::site::Site;
use crate::correlate::{Correlator, Verdict};
use crate::count::PacketCounts;
use crate::count::delta::Delta;
use crate::count::host::{HostCounters, HostTotals};
use crate::count::period::{self, Did, Period};
use crate::count::site::SiteBin;
use crate::host::HostAddr;
use crate::report::{CaptureCounts, EvidenceCounts, Followed, HostReport, Sink, Totals};
use crate::time::Timestamp;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// After so long without a message the sink hears that time passes.
const BEAT: Duration = Duration::from_secs(1);

pub(super) struct Calling<'a> {
    correlator: Correlator,
    site: Site,
    latest: &'a Latest,
    keep: Option<&'a mut dyn StateKeeper>,
    /// States that are on their way, by the second as of which they are.
    kept: BTreeMap<i64, Kept>,
    /// Workers and capture threads.
    of: (usize, usize),
    live: bool,
    /// Whether hosts are followed.
    follow: bool,
    sink: &'a mut dyn Sink,
    /// Where the packets behind verdicts are asked for, if anywhere.
    desk: Option<Desk>,
    /// The second up to which each worker has closed, and behind them each capture thread.
    closed: Vec<i64>,
    /// Seconds that not all workers have closed yet.
    pending: BTreeMap<i64, Vec<Delta>>,
    /// Hosts that correlation had to forget, as far as the site knows of them.
    evicted: u64,
    /// Totals on their way, by the second at which they are told; of how many capture threads.
    totals: BTreeMap<i64, (usize, Totals)>,
    /// What hosts did in periods that have ended, by their ends, and in the last one with the
    /// greatest number; of how many workers.
    periods: BTreeMap<i64, (usize, Period)>,
    /// When the period that runs began.
    period_began: Option<Timestamp>,
    hosts_omitted: u64,
    /// Verdicts of the input's last second.
    last: Vec<Verdict>,
    end: End,
}

/// What the workers leave.
#[derive(Default)]
pub(super) struct End {
    counts: PacketCounts,
    hosts: Vec<(HostAddr, HostCounters)>,
}

impl<'a> Calling<'a> {
    pub(super) fn new(
        settings: &Settings,
        captures: usize,
        latest: &'a Latest,
        judged: Option<(Correlator, Site)>,
        keep: Option<&'a mut dyn StateKeeper>,
        desk: Option<Desk>,
        sink: &'a mut dyn Sink,
    ) -> Self {
        let (correlator, site) = judged.unwrap_or_else(|| {
            let correlator = Correlator::new(settings.context.clone());
            (correlator, Site::default())
        });
        Self {
            evicted: correlator.evicted(),
            correlator,
            site,
            keep,
            kept: BTreeMap::new(),
            of: (settings.workers.get(), captures),
            latest,
            live: settings.behind != Behind::Wait,
            follow: settings.follow,
            sink,
            desk,
            closed: vec![i64::MIN; settings.workers.get() + captures],
            pending: BTreeMap::new(),
            totals: BTreeMap::new(),
            periods: BTreeMap::new(),
            period_began: match settings.behind {
                Behind::Shed { from } => Some(Timestamp::from_parts(from, 0)),
                Behind::Wait => None,
            },
            hosts_omitted: 0,
            last: Vec::new(),
            end: End::default(),
        }
    }

    /// Takes messages until every other thread has ended.
    pub(super) fn drain(&mut self, messages: &Receiver<Message>) -> io::Result<()> {
        loop {
            // A clock that was set back closes nothing for a while, and the sink is to hear all
            // the same that time passes.
            let message = if self.live {
                messages.recv_timeout(BEAT)
            } else {
                messages.recv().map_err(RecvTimeoutError::from)
            };
            let message = match message {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => {
                    self.beat()?;
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            match message {
                Message::Faults(faults) => {
                    for fault in &faults {
                        self.sink.fault(fault);
                    }
                }
                Message::Link(change) => self.sink.link(&change)?,
                Message::Kept(excerpt) => {
                    if let Some(desk) = &mut self.desk {
                        desk.take(excerpt);
                    }
                }
                Message::Captured { at, counts } => {
                    let (captures, totals) = self.totals.entry(at).or_default();
                    *captures += 1;
                    totals.capture.add(&counts);
                }
                Message::Period { at, period } => {
                    let (workers, known) = self.periods.entry(at).or_default();
                    *workers += 1;
                    known.add(period);
                }
                Message::Saved { at, closed, saved } => {
                    let kept = self.kept.entry(at).or_default();
                    kept.counting.add(*saved);
                    kept.closed = closed;
                    kept.workers += 1;
                }
                Message::CaptureSaved {
                    at,
                    counts,
                    seconds,
                } => {
                    let kept = self.kept.entry(at).or_default();
                    kept.capture.add(&counts);
                    kept.seconds.add(&seconds);
                    kept.captures += 1;
                }
                Message::Counted { at, counts } => {
                    self.totals.entry(at).or_default().1.count.add(&counts);
                }
                Message::Closed {
                    worker,
                    through,
                    deltas,
                } => {
                    for delta in deltas {
                        self.pending.entry(delta.second).or_default().push(delta);
                    }
                    if let Some(closed) = self.closed.get_mut(worker) {
                        *closed = through;
                    }
                    self.advance()?;
                    if self.live {
                        self.beat()?;
                    }
                }
                Message::Finished { counts, mut hosts } => {
                    self.end.counts.add(&counts);
                    self.end.hosts.append(&mut hosts);
                }
            }
        }
        Ok(())
    }

    /// Lets the sink say what is asked of the run.
    fn beat(&mut self) -> io::Result<()> {
        if let Some(reload) = self.sink.beat()? {
            let (inventory, home) = (Arc::clone(&reload.inventory), Arc::clone(&reload.home));
            self.correlator.reload(inventory, home);
            self.latest.set(reload);
        }
        Ok(())
    }

    /// Correlates the seconds that every worker has closed, in order.
    fn advance(&mut self) -> io::Result<()> {
        let closed = self.closed();
        while let Some((&second, _)) = self.pending.first_key_value() {
            if second > closed {
                break;
            }
            self.keep_before(second);
            let Some(deltas) = self.pending.remove(&second) else {
                break;
            };
            self.site_until(second)?;
            self.tell_totals(second)?;
            self.site_second(second, &deltas)?;
            self.correlator.set_view(self.site.view());
            let verdicts = self.correlator.second(&deltas);
            if closed == i64::MAX && self.pending.is_empty() {
                // At the end what is open is closed: within its second, by host.
                self.last = verdicts;
            } else {
                self.tell_verdicts(verdicts)?;
            }
            if self.follow {
                self.tell_followed(second, &deltas)?;
            }
            let mut bins: Vec<_> = deltas.into_iter().flat_map(|delta| delta.bins).collect();
            if !bins.is_empty() {
                bins.sort_unstable_by_key(|(host, _)| *host);
                self.sink.bins(second, &bins)?;
            }
        }
        self.keep_before(closed.saturating_add(1));
        // At the end of the input nobody knows what would have come.
        if closed < i64::MAX {
            self.site_until(closed.saturating_add(1))?;
        }
        // At the end more may be asked for.
        if let Some(desk) = self.desk.as_mut().filter(|_| closed < i64::MAX) {
            desk.tell(closed, self.sink)?;
        }
        // A worker counts at a mark before it closes the second before that mark.
        self.tell_totals(closed.saturating_add(1))
    }

    /// Keeps a state that is as of a place before `second`, where all of it has come.
    ///
    /// Earlier ones of which a part never came go with it: they would wait for ever.
    fn keep_before(&mut self, second: i64) {
        let whole = self.kept.iter().rev().find(|(at, kept)| {
            **at < i64::MAX && kept.closed < second && (kept.workers, kept.captures) == self.of
        });
        let Some(at) = whole.map(|(at, _)| *at) else {
            return;
        };
        let later = self.kept.split_off(&(at + 1));
        let kept = std::mem::replace(&mut self.kept, later).remove(&at);
        if let Some(kept) = kept {
            self.keep(&kept, false);
        }
    }

    /// Keeps a state; that this fails is told, and is no reason to end.
    fn keep(&mut self, kept: &Kept, end: bool) {
        let parts = Parts {
            capture: &kept.capture,
            seconds: &kept.seconds,
            counting: &kept.counting,
            correlator: &self.correlator,
            site: &self.site,
        };
        if let Some(keeper) = &mut self.keep
            && let Err(error) = keeper.keep(&parts, end)
        {
            let fault = Fault::warning(Path::new("checkpoint"), format!("not written: {error}"));
            self.sink.fault(&fault);
        }
    }

    /// The second up to which all have closed.
    fn closed(&self) -> i64 {
        self.closed.iter().copied().min().unwrap_or(i64::MIN)
    }

    /// Tells what is known of the sensor when `second` begins. Step by step, each behind what is
    /// due before it, so that nothing depends on how far the workers have come.
    fn site_until(&mut self, second: i64) -> io::Result<()> {
        while let Some(due) = self.site.due().filter(|due| *due <= second) {
            self.tell_totals(due)?;
            let verdicts = self.correlator.expire(due);
            self.tell_verdicts(verdicts)?;
            for event in self.site.until(due) {
                self.sink.sensor(&event)?;
            }
        }
        Ok(())
    }

    /// Takes in what a second of the site looked like, of all workers together.
    fn site_second(&mut self, second: i64, deltas: &[Delta]) -> io::Result<()> {
        let mut bin = SiteBin::default();
        for delta in deltas {
            bin.add(&delta.site);
        }
        let evicted = self.correlator.evicted();
        bin.losses.evicted += evicted - std::mem::replace(&mut self.evicted, evicted);
        for event in self.site.second(second, &bin) {
            self.sink.sensor(&event)?;
        }
        Ok(())
    }

    fn tell_verdicts(&mut self, verdicts: Vec<Verdict>) -> io::Result<()> {
        let closed = self.closed();
        for verdict in verdicts {
            self.sink.verdict(&verdict)?;
            if let Some(desk) = &mut self.desk {
                desk.verdict(&verdict, closed);
            }
        }
        Ok(())
    }

    /// Tells what the hosts that the sink follows did in a second.
    fn tell_followed(&mut self, second: i64, deltas: &[Delta]) -> io::Result<()> {
        let facts = deltas.iter().flat_map(|delta| &delta.facts);
        let mut facts: Vec<_> = facts.filter(|fact| self.sink.follows(fact.host)).collect();
        facts.sort_by_key(|fact| (fact.host, fact.time, fact.origin));
        for facts in facts.chunk_by(|one, other| one.host == other.host) {
            let Some(host) = facts.first().map(|fact| fact.host) else {
                continue;
            };
            let totals = deltas.iter().find_map(|delta| delta.totals(host));
            let totals = totals.cloned().unwrap_or_default();
            self.sink.followed(&Followed {
                host,
                second,
                facts: facts.to_vec(),
                judgement: self.correlator.judgement(host, &totals),
            })?;
        }
        Ok(())
    }

    /// Tells what hosts did in the periods that ended at `second` or before, and were closed.
    fn tell_periods(&mut self, second: i64) -> io::Result<()> {
        while let Some(entry) = self.periods.first_entry()
            && *entry.key() <= second
            // What is left to the end is told there, by its time.
            && *entry.key() < i64::MAX
            && entry.get().0 == self.of.0
        {
            let (at, (_, period)) = entry.remove_entry();
            let verdicts = self.correlator.expire(at);
            self.tell_verdicts(verdicts)?;
            self.tell_period(period, Timestamp::from_parts(at, 0))?;
        }
        Ok(())
    }

    /// Tells what hosts did: those with the highest score first, and then who did most.
    fn tell_period(&mut self, period: Period, end: Timestamp) -> io::Result<()> {
        let Period { active, hosts } = period;
        let mut reports: Vec<_> = hosts
            .into_iter()
            .map(|did| {
                let Did {
                    host,
                    mut totals,
                    queries: (queries, iterative),
                    ..
                } = did;
                self.correlator.resolve(&mut totals);
                let whole = HostTotals {
                    queries,
                    iterative,
                    ..HostTotals::default()
                };
                HostReport {
                    host,
                    at: end,
                    span: (self.period_began, Some(end)),
                    totals,
                    judgement: self.correlator.judgement(host, &whole),
                    prefixes: None,
                }
            })
            .collect();
        reports.sort_unstable_by(|one, other| {
            let of = |report: &HostReport<'_>| (Reverse(report.totals.volume()), report.host);
            let by_score = other.judgement.score.total_cmp(&one.judgement.score);
            by_score.then_with(|| of(one).cmp(&of(other)))
        });
        reports.truncate(period::TOLD_HOSTS);
        self.hosts_omitted += active - reports.len() as u64;
        self.period_began = Some(end);
        for report in &reports {
            self.sink.host(report)?;
        }
        Ok(())
    }

    /// Tells the totals that are due at `second` or before, and behind what hosts did until then.
    fn tell_totals(&mut self, second: i64) -> io::Result<()> {
        while let Some(entry) = self.totals.first_entry()
            && *entry.key() <= second
        {
            let (second, (captures, mut totals)) = entry.remove_entry();
            self.tell_periods(second)?;
            // One that ended before it came there leaves the totals to the end.
            if captures < self.of.1 {
                continue;
            }
            let verdicts = self.correlator.expire(second);
            self.tell_verdicts(verdicts)?;
            let at = Timestamp::from_parts(second, 0);
            totals.suspects_evicted = self.correlator.evicted();
            totals.servers_evicted = self.correlator.servers_evicted();
            totals.bindings_evicted = self.correlator.bindings_evicted();
            totals.hosts_omitted = self.hosts_omitted;
            totals.evidence = self.evidence(&totals.capture);
            self.sink.totals(&totals, Some(at))?;
        }
        self.tell_periods(second)
    }

    /// What became of the packets behind verdicts on the way to the sink, which adds its own.
    fn evidence(&self, capture: &CaptureCounts) -> Option<EvidenceCounts> {
        self.desk.as_ref().map(|desk| EvidenceCounts {
            omitted: capture.evidence_omitted + desk.omitted,
            unfollowed: capture.evidence_unfollowed + desk.unasked,
            ..EvidenceCounts::default()
        })
    }

    /// Closes what is open and tells what is told at the end.
    pub(super) fn finish(
        mut self,
        capture: CaptureCounts,
        keepers: Vec<Keeper>,
        hosts: Hosts,
    ) -> io::Result<Totals> {
        let End {
            counts,
            hosts: mut all,
        } = std::mem::take(&mut self.end);
        if let Some(desk) = &mut self.desk {
            desk.ended(keepers);
        }
        let mut totals = Totals {
            capture,
            count: counts,
            suspects_evicted: self.correlator.evicted(),
            servers_evicted: self.correlator.servers_evicted(),
            bindings_evicted: self.correlator.bindings_evicted(),
            op25b: self.correlator.op25b(),
            hosts_omitted: 0,
            evidence: None,
            log: None,
        };
        let end = totals.capture.last;
        let kept = self.kept.remove(&i64::MAX);
        if let Some(kept) = kept.filter(|kept| (kept.workers, kept.captures) == self.of) {
            // What is open stays open, for whoever goes on.
            let verdicts = std::mem::take(&mut self.last);
            self.tell_verdicts(verdicts)?;
            self.keep(&kept, true);
        } else if let Some(end) = end {
            let mut verdicts = std::mem::take(&mut self.last);
            verdicts.append(&mut self.correlator.finish(end));
            verdicts.sort_by_key(|verdict| (verdict.time.second(), verdict.host));
            self.tell_verdicts(verdicts)?;
        }
        if let Some(desk) = &mut self.desk {
            desk.tell(i64::MAX, self.sink)?;
        }
        totals.evidence = self.evidence(&totals.capture);
        if let Some((_, period)) = self.periods.remove(&i64::MAX) {
            self.tell_period(period, end.unwrap_or_default())?;
        }
        totals.hosts_omitted = self.hosts_omitted;
        if hosts == Hosts::AtEnd {
            all.sort_unstable_by_key(|(host, _)| *host);
            for (host, mut counters) in all {
                let mut totals = counters.totals();
                self.correlator.resolve(&mut totals);
                self.sink.host(&HostReport {
                    host,
                    at: end.unwrap_or_default(),
                    span: (totals.first, totals.last),
                    judgement: self.correlator.judgement(host, &totals),
                    totals,
                    prefixes: Some(counters.lookups.prefixes()),
                })?;
            }
        }
        self.sink.totals(&totals, end)?;
        Ok(totals)
    }
}
