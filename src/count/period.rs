//! What hosts did in a period: deltas between two places in the stream of packets.
//!
//! A period ends in two steps. At its end, as packets come, what is counted by the packet is
//! taken ([`Counters::end_period`]); when its last second is closed, the sums over seconds
//! ([`Counters::close_period`]). So both are of the period, but for packets that come up to two
//! seconds late: those count in the next.

use super::Counters;
use super::coupling::CouplingSums;
use super::host::{HostCounters, HostTotals, Label, Queries, Replies, TOLD, Tiers};
use super::series::Sums;
use super::smtp::{PortTotals, SmtpTotals};
use crate::host::HostAddr;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Hosts that are told of a period at most. They are the first by score and then by volume among
/// as many with the greatest volume and as many that ever sent or looked up mail: who has a score
/// nearly always did.
pub const TOLD_HOSTS: usize = 10_000;

/// What hosts did in a period.
#[derive(Debug, Default)]
pub struct Period {
    /// Hosts that did anything, of those that are asked for.
    pub active: u64,
    /// Those that may be told.
    pub hosts: Vec<Did>,
}

/// What a host did in a period.
#[derive(Debug)]
pub struct Did {
    /// The host.
    pub host: HostAddr,
    /// What it did.
    pub totals: HostTotals,
    /// Whether it ever sent or looked up mail.
    pub mail: bool,
    /// Its queries from the beginning, and those of them without the wish for recursion: by
    /// these its role is known.
    pub queries: (Queries, u64),
}

impl Period {
    /// Adds those of another worker, and leaves those that one worker would have had.
    pub fn add(&mut self, mut other: Self) {
        self.active += other.active;
        self.hosts.append(&mut other.hosts);
        self.hosts
            .sort_unstable_by_key(|did| rank(did.totals.volume(), did.host));
        let mut choice = Choice::default();
        self.hosts.retain(|did| choice.takes(did.mail));
    }
}

/// The greatest volume first.
fn rank(volume: u64, host: HostAddr) -> (Reverse<u64>, HostAddr) {
    (Reverse(volume), host)
}

/// Which of the hosts are chosen, asked in order of their volume.
#[derive(Default)]
struct Choice {
    asked: usize,
    mail: usize,
}

impl Choice {
    fn takes(&mut self, mail: bool) -> bool {
        self.asked += 1;
        self.mail += usize::from(mail);
        self.asked <= TOLD_HOSTS || mail && self.mail <= TOLD_HOSTS
    }
}

/// What a counter has grown by.
fn more(now: u64, before: u64) -> u64 {
    now.saturating_sub(before)
}

impl Queries {
    fn since(self, before: Self) -> Self {
        Self {
            total: more(self.total, before.total),
            a: more(self.a, before.a),
            aaaa: more(self.aaaa, before.aaaa),
            mx: more(self.mx, before.mx),
            ptr: more(self.ptr, before.ptr),
            ns: more(self.ns, before.ns),
            txt: more(self.txt, before.txt),
            srv: more(self.srv, before.srv),
            https: more(self.https, before.https),
            any: more(self.any, before.any),
            other: more(self.other, before.other),
        }
    }
}

impl HostTotals {
    /// How much there was of it: queries and mail connections.
    #[must_use]
    pub fn volume(&self) -> u64 {
        self.queries.total + self.smtp.attempts
    }

    /// What came after `before`, a former state of the same host, but for the sums over seconds.
    /// Of what is distinct, that which was new. Labels must be all there are on both sides.
    fn since(self, before: &Self) -> Self {
        let known: BTreeMap<Label, u64> = before.labels.iter().copied().collect();
        let since = |(label, count): &(Label, u64)| {
            let before = known.get(label).copied().unwrap_or(0);
            // A count at the bound of its table may have been lowered.
            Some((*label, more(*count, before))).filter(|(_, more)| *more > 0)
        };
        let mut labels: Vec<_> = self.labels.iter().filter_map(since).collect();
        labels.sort_by_key(|(label, count)| (Reverse(*count), *label));
        let cut = labels.len() > TOLD;
        labels.truncate(TOLD);
        Self {
            queries: self.queries.since(before.queries),
            iterative: more(self.iterative, before.iterative),
            cut: more(self.cut, before.cut),
            replies: Replies {
                total: more(self.replies.total, before.replies.total),
                nxdomain: more(self.replies.nxdomain, before.replies.nxdomain),
                servfail: more(self.replies.servfail, before.replies.servfail),
            },
            keyword: Tiers {
                exact: more(self.keyword.exact, before.keyword.exact),
                numbered: more(self.keyword.numbered, before.keyword.numbered),
                prefix: more(self.keyword.prefix, before.keyword.prefix),
            },
            labels,
            labels_cut: cut,
            names: more(self.names, before.names),
            domains: more(self.domains, before.domains),
            mx_domains: more(self.mx_domains, before.mx_domains),
            // Those are their own: see `Counters::close_period`.
            sums: Sums::default(),
            coupling: CouplingSums::default(),
            smtp: self.smtp.since(&before.smtp),
            ..self
        }
    }
}

impl SmtpTotals {
    fn since(self, before: &Self) -> Self {
        let mut defects = self.defects;
        for (defect, count) in &before.defects {
            if let Some(now) = defects.get_mut(defect) {
                *now = more(*now, *count);
            }
        }
        defects.retain(|_, count| *count > 0);
        let known: BTreeMap<_, _> = before.server_names.iter().cloned().collect();
        let since = |(name, count): (Box<[u8]>, u64)| {
            let before = known.get(&name).copied().unwrap_or(0);
            Some((name, more(count, before))).filter(|(_, more)| *more > 0)
        };
        let mut server_names: Vec<_> = self.server_names.into_iter().filter_map(since).collect();
        server_names.sort_by(|(a, x), (b, y)| y.cmp(x).then(a.cmp(b)));
        server_names.truncate(super::smtp::TOLD);
        let port = |now: PortTotals| {
            let same = |before: &&PortTotals| before.port == now.port;
            let before = before.by_port.iter().find(same);
            let before = before.copied().unwrap_or_default();
            PortTotals {
                port: now.port,
                attempts: more(now.attempts, before.attempts),
                established: more(now.established, before.established),
                destinations: more(now.destinations, before.destinations),
            }
        };
        let by_port = self.by_port.into_iter().map(port);
        Self {
            attempts: more(self.attempts, before.attempts),
            established: more(self.established, before.established),
            refused: more(self.refused, before.refused),
            unanswered: more(self.unanswered, before.unanswered),
            destinations: more(self.destinations, before.destinations),
            mail_from: more(self.mail_from, before.mail_from),
            rcpt_to: more(self.rcpt_to, before.rcpt_to),
            messages: more(self.messages, before.messages),
            messages_accepted: more(self.messages_accepted, before.messages_accepted),
            messages_in_tls: more(self.messages_in_tls, before.messages_in_tls),
            replies_4xx: more(self.replies_4xx, before.replies_4xx),
            replies_5xx: more(self.replies_5xx, before.replies_5xx),
            starttls: more(self.starttls, before.starttls),
            auth: more(self.auth, before.auth),
            helo_names: more(self.helo_names, before.helo_names),
            sender_domains: more(self.sender_domains, before.sender_domains),
            tls: more(self.tls, before.tls),
            server_names,
            not_smtp: more(self.not_smtp, before.not_smtp),
            gapped: more(self.gapped, before.gapped),
            defects,
            by_port: by_port
                .filter(|port| port.attempts + port.established > 0)
                .collect(),
            ..self
        }
    }
}

impl HostCounters {
    /// Whether it did anything since the period began.
    fn is_active(&self) -> bool {
        let Some(before) = &self.before else {
            return true;
        };
        // Of packets at the same time, or late, the counts tell.
        self.last() > before.last
            || self.volume() > before.volume()
            || self.replies.total > before.replies.total
    }

    fn volume(&self) -> u64 {
        let attempts = self.smtp.as_ref().map_or(0, |smtp| smtp.attempts());
        self.queries.total + attempts
    }

    /// How much it did in the period, and whether it ever had to do with mail.
    fn weight(&self) -> (u64, bool) {
        let before = self.before.as_ref().map_or(0, |before| before.volume());
        let attempts = self.smtp.as_ref().map_or(0, |smtp| smtp.attempts());
        let keyword = self.keyword.as_ref();
        let keyword = keyword.map_or(0, |keyword| keyword.tiers.exact + keyword.tiers.numbered);
        let mail = attempts + self.queries.mx + keyword;
        (more(self.volume(), before), mail > 0)
    }

    /// What it did in the period, which ends with this, but for the sums over seconds.
    fn end_period(&mut self) -> HostTotals {
        let now = self.totals_of(usize::MAX, usize::MAX);
        let before = self.before.replace(Box::new(now.clone()));
        now.since(&before.map_or_else(HostTotals::default, |before| *before))
    }
}

impl Counters {
    /// Ends a period: what those hosts did in it that are asked for, but for the sums over seconds.
    pub fn end_period(&mut self, is_asked_for: impl Fn(HostAddr) -> bool) -> Period {
        let mut active: Vec<_> = self
            .tally
            .each_host()
            .filter(|(_, counters)| counters.is_active())
            .map(|(host, counters)| (counters.weight(), host))
            .collect();
        active.sort_unstable_by_key(|((volume, _), host)| rank(*volume, *host));
        let (mut period, mut choice) = (Period::default(), Choice::default());
        for ((_, mail), host) in active {
            let Some(counters) = self.tally.host_mut(host) else {
                continue;
            };
            let totals = counters.end_period();
            if !is_asked_for(host) {
                continue;
            }
            period.active += 1;
            if choice.takes(mail) {
                period.hosts.push(Did {
                    host,
                    totals,
                    mail,
                    queries: (counters.queries, counters.iterative),
                });
            }
        }
        period
    }

    /// Puts the sums over seconds into what [`Counters::end_period`] has taken. Every second of
    /// the period, and none that is later, must be closed.
    pub fn close_period(&mut self, through: i64, period: &mut Period) {
        for (_, counters) in self.tally.each_host() {
            counters.close(through);
        }
        for did in &mut period.hosts {
            // One that had to leave the table meanwhile took its sums along.
            let counters = self.tally.host_mut(did.host);
            if let Some(counters) = counters.filter(|counters| counters.before.is_some()) {
                (did.totals.sums, did.totals.coupling) = counters.period_sums();
            }
        }
        self.begin_sums();
    }

    /// Begins a period with what the hosts have done until now, as before any is known.
    pub fn begin_period(&mut self) {
        for (_, counters) in self.tally.each_host() {
            counters.end_period();
        }
        self.begin_sums();
    }

    fn begin_sums(&mut self) {
        let hosts = self.tally.each_host();
        // The others' period has begun with their first packet.
        for (_, counters) in hosts.filter(|(_, counters)| counters.before.is_some()) {
            counters.begin_sums();
        }
        self.tally.weigh_all();
    }
}
