//! Gathers a story out of what the pipeline tells.

use super::timeline::Moment;
use super::{FINDINGS, FLOODS, Finding, Flood, HOSTS, PAGES, Page, Row, SENSOR, Story, VERDICTS};
use crate::correlate::Verdict;
use crate::correlate::site::SensorEvent;
use crate::count::delta::HostBin;
use crate::count::prefixes::Prefixes;
use crate::host::HostAddr;
use crate::report::composer::Composer;
use crate::report::event::{Event, VerdictBody};
use crate::report::{Followed, HostReport, Totals};
use crate::time::Timestamp;
use crate::verdict::Role;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io;

/// Hosts that are followed on suspicion, since one of them may be convicted.
const FOLLOWED: usize = 256;

/// The hosts that a page is gathered of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// None: who is to be shown is not known yet.
    Nobody,
    /// These, whatever they do.
    These(BTreeSet<HostAddr>),
    /// Those that are noticed, from then on, of whom the convicted ones are shown; and these.
    Noticed(BTreeSet<HostAddr>),
}

/// Takes in what the pipeline tells.
#[derive(Debug)]
pub struct Gatherer {
    composer: Composer,
    chosen: Chosen,
    story: Story,
}

impl Gatherer {
    /// Gathers pages of these hosts, and whatever else there is.
    #[must_use]
    pub fn new(composer: Composer, chosen: Chosen) -> Self {
        let mut story = Story {
            once: matches!(chosen, Chosen::Noticed(_)),
            ..Story::default()
        };
        if let Chosen::These(hosts) | Chosen::Noticed(hosts) = &chosen {
            story.pages = hosts.iter().map(|host| (*host, Page::default())).collect();
        }
        Self {
            composer,
            chosen,
            story,
        }
    }

    /// What was gathered. The files are not known here.
    #[must_use]
    pub fn into_story(mut self) -> Story {
        let story = &mut self.story;
        if let Chosen::Noticed(wanted) = &self.chosen {
            let findings = &story.findings;
            story.pages.retain(|host, _| {
                let found = findings.get(host);
                wanted.contains(host) || found.is_some_and(|finding| finding.level.convicted())
            });
            let wanted: Vec<_> = wanted.iter().copied().collect();
            let (worth, _) = story.worth(&wanted);
            story.pages.retain(|host, _| worth.contains(host));
            story.pages_omitted = story.found()[0].saturating_sub(story.pages.len()) as u64;
        }
        self.bound_hosts(0);
        self.story.hosts.sort_by_key(|row| row.host);
        self.story
    }

    /// See [`crate::report::Sink::verdict`].
    pub fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        let event = self.composer.verdict(verdict)?;
        self.find(verdict, &event);
        self.flood(verdict.host, &event);
        let Some(page) = self.page(verdict.host) else {
            return Ok(());
        };
        page.timeline
            .add(Moment::of(verdict.time.second(), &verdict.judgement));
        page.verdicts.push(event);
        if page.verdicts.len() > VERDICTS {
            // The first ones say how it began, and the last how it ended.
            page.verdicts.remove(VERDICTS / 2);
            page.verdicts_omitted += 1;
        }
        Ok(())
    }

    /// Remembers the gravest verdict about a host, where its episode is now.
    fn find(&mut self, verdict: &Verdict, event: &Event<VerdictBody>) {
        let Story {
            findings,
            findings_omitted,
            ..
        } = &mut self.story;
        let episode = (verdict.began_as, verdict.first_seen);
        for former in std::iter::once(&verdict.began_as).chain(&verdict.judgement.related) {
            let moved = |known: &Finding| *former != verdict.host && known.episode == episode;
            if findings.get(former).is_some_and(moved)
                && let Some(known) = findings.remove(former)
            {
                let here = findings
                    .entry(verdict.host)
                    .or_insert_with(|| known.clone());
                if known.gravity(here).is_gt() {
                    *here = known;
                }
            }
        }
        let body = &event.mxray;
        let known = findings.get_mut(&verdict.host);
        if verdict.acquitted {
            if let Some(known) = known {
                known.acquitted = true;
            }
            return;
        }
        let mut finding = Finding {
            episode,
            class: body.class,
            level: body.level,
            first_seen: body.episode.first_seen.clone(),
            posterior: body.posterior,
            score: body.score,
            one_way: body.capture.one_way,
            truncated: body.capture.truncated,
            suppressed: body.suppressed,
            acquitted: false,
            reason: event.event.reason.clone().unwrap_or_default(),
        };
        if let Some(known) = known {
            let same = known.level == finding.level;
            // How sure, an episode's newest verdict says; since when, the first of that level.
            let newer = same && known.episode == episode;
            if newer || finding.gravity(known).is_gt() {
                if same {
                    finding.first_seen.clone_from(&known.first_seen);
                }
                *known = finding;
            }
            return;
        }
        if findings.len() >= FINDINGS {
            *findings_omitted += 1;
            let least = findings
                .iter()
                .min_by(|(_, one), (_, other)| one.gravity(other));
            match least {
                Some((host, least)) if finding.gravity(least).is_gt() => {
                    let host = *host;
                    findings.remove(&host);
                }
                _ => return,
            }
        }
        findings.insert(verdict.host, finding);
    }

    /// Remembers a flood, and when it was over.
    fn flood(&mut self, host: HostAddr, event: &Event<VerdictBody>) {
        let Story {
            floods,
            floods_omitted,
            ..
        } = &mut self.story;
        let episode = &event.mxray.episode.id;
        let is_flood = event.mxray.class.is_flood();
        let known = floods
            .iter_mut()
            .find(|flood| flood.event.mxray.episode.id == *episode);
        if let Some(flood) = known {
            if is_flood {
                flood.event = event.clone();
            } else {
                flood.over = Some(event.timestamp.clone());
            }
        } else if is_flood && floods.len() < FLOODS {
            floods.push(Flood {
                host,
                event: event.clone(),
                over: None,
            });
        } else if is_flood {
            *floods_omitted += 1;
        }
    }

    /// See [`crate::report::Sink::sensor`].
    pub fn sensor(&mut self, told: &SensorEvent) -> io::Result<()> {
        if self.story.sensor.len() < SENSOR {
            self.story.sensor.push(self.composer.sensor(told)?);
        } else {
            self.story.sensor_omitted += 1;
        }
        Ok(())
    }

    /// See [`crate::report::Sink::bins`].
    pub fn bins(&mut self, second: i64, bins: &[(HostAddr, HostBin)]) {
        for (host, bin) in bins {
            if let Some(page) = self.story.pages.get_mut(host) {
                page.rates.add(second, bin);
                page.scatter.add(&bin.a);
            }
        }
    }

    /// See [`crate::report::Sink::follows`].
    #[must_use]
    pub fn follows(&self, host: HostAddr) -> bool {
        self.story.pages.contains_key(&host)
    }

    /// See [`crate::report::Sink::followed`].
    pub fn followed(&mut self, second: &Followed<'_>) {
        let Some(page) = self.story.pages.get_mut(&second.host) else {
            return;
        };
        for fact in &second.facts {
            page.peers.learn(fact);
        }
        // A server that is flooded is judged by those who ask it: its verdicts say how.
        if !second.judgement.evidence.is_empty() {
            let moment = Moment::of(second.second, &second.judgement);
            page.timeline.add(moment);
        }
    }

    /// See [`crate::report::Sink::host`].
    pub fn host(&mut self, report: &HostReport<'_>) -> io::Result<()> {
        let page = self.story.pages.get_mut(&report.host);
        // Of hosts outside there are thousands, and nothing to say.
        let outside = report.judgement.role.role == Role::External;
        if page.is_none() && (outside || matches!(self.chosen, Chosen::These(_))) {
            return Ok(());
        }
        let event = Box::new(self.composer.host(report)?);
        if let Some(page) = page {
            page.event = Some(event.clone());
            page.prefixes = report.prefixes.map(Prefixes::columns).unwrap_or_default();
        }
        self.story.hosts.push(Row {
            host: report.host,
            event,
        });
        // In great steps, as each sorts.
        self.bound_hosts(HOSTS);
        Ok(())
    }

    /// See [`crate::report::Sink::totals`].
    pub fn totals(&mut self, totals: &Totals, at: Option<Timestamp>) -> io::Result<()> {
        self.story.totals = Some(self.composer.totals(totals, at)?);
        Ok(())
    }

    /// The page of a host about which there is a verdict.
    fn page(&mut self, host: HostAddr) -> Option<&mut Page> {
        let pages = &mut self.story.pages;
        if matches!(self.chosen, Chosen::Noticed(_)) && pages.len() < FOLLOWED {
            pages.entry(host).or_default();
        }
        pages.get_mut(&host)
    }

    /// Leaves out the hosts beyond the bound, once there are so many more.
    fn bound_hosts(&mut self, more: usize) {
        let Story {
            hosts,
            findings,
            hosts_omitted,
            ..
        } = &mut self.story;
        if hosts.len() <= HOSTS + more {
            return;
        }
        hosts.sort_by(|one, other| {
            let of = |row: &Row| {
                let body = &row.event.mxray;
                let volume = body.dns.queries.total + body.smtp.attempts.unwrap_or_default();
                let found = findings.get(&row.host).map(|finding| finding.level);
                (Reverse(found), Reverse(volume), row.host)
            };
            let score = |row: &Row| row.event.mxray.score;
            let by_score = score(other).total_cmp(&score(one));
            let (one, other) = (of(one), of(other));
            one.0.cmp(&other.0).then(by_score).then(one.cmp(&other))
        });
        *hosts_omitted += (hosts.len() - HOSTS) as u64;
        hosts.truncate(HOSTS);
    }
}

const _: () = assert!(FOLLOWED > PAGES);
