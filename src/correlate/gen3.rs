//! The third generation: a worm that guesses mail hosts, gluing `mail`, `smtp`, `mx` and the
//! like to harvested domains, and asks for their addresses without asking for MX.
//!
//! The study told it by R² = 0.999 between keyword and all A queries (section 3.2). That is
//! evidence here and no gate: a mail client that polls its server reaches 1, and a worm on a
//! PC with a browser 0.77. What separates them is how many *domains* are asked for.

use super::evidence::{Evidence, Family, Trail, Weight};
use super::regression::Correlation;
use super::suspect::Suspect;
use super::{Finding, LEAST_CONDUCT};
use crate::count::series::Sums;
use crate::verdict::Class;
use crate::words::counted;

/// New domains within ten minutes, or within a day, before the rule looks at all: a mail
/// client's set-up touches one to three, a person's accounts fewer than ten.
const BURST_DOMAINS: usize = 10;
/// See [`BURST_DOMAINS`].
const DAY_DOMAINS: usize = 30;
/// Domains, or names in them, beyond any list that a person keeps (mail hosts to be watched,
/// partners): a monitor stays below, and its share and its R² then weigh little.
const MANY_DOMAINS: usize = 60;
/// See [`MANY_DOMAINS`].
const MANY_NAMES: usize = 100;
/// A host with an MX query for every ten mail hosts is no worm of the third generation alone:
/// it may be a mail server, until that is ruled out as for the second.
const MX_RATIO: u64 = 10;
/// Part of the keyword domains that no MX lookup led to.
const MXLESS: f64 = 0.5;
/// Part of keyword names in all A queries. A web user is at 0.01, a mail server at 0.34; the
/// study's client F at 0.45.
const SHARE: f64 = 0.3;
/// Domains with several keywords tried in turn.
const SWEPT: usize = 5;
/// Negative part of the answers to keyword lookups, and answers needed.
const FAILING: f64 = 0.3;
/// See [`FAILING`].
const ANSWERS: usize = 5;
/// The study's R², loosened: 0.999 needs a burstiness that ordinary worms do not reach.
const R2: f64 = 0.95;
/// Keyword queries before R² is believed.
const R2_QUERIES: u64 = 100;
/// Lower end of its 95% interval.
const R2_LOWER: f64 = 0.6;

/// Weight of a new domain.
const PER_DOMAIN: f64 = 1.6;
/// Content alone never convicts.
const CONTENT_CAP: f64 = 9.0;
/// Content below the rule's gate stays below a posterior of one in ten.
const UNGATED_CAP: f64 = 4.6;
/// Weight of the share, and again with many domains.
const SHARE_WEIGHT: f64 = 2.3;
/// Weight of a swept domain, and of a name that does not exist.
const SWEPT_WEIGHT: f64 = 1.0;
/// See [`SWEPT_WEIGHT`].
const FAILED_WEIGHT: f64 = 0.5;
/// Neither alone may weigh more than a hundred to one.
const CONDUCT_CAP: f64 = 4.6;
/// Weight of R².
const R2_WEIGHT: f64 = 2.0;

/// The figures that the rule looks at.
struct Figures {
    domains: usize,
    mxless: f64,
    share: f64,
    answers: usize,
    failing: f64,
}

impl Figures {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of some thousand at the most"
    )]
    fn of(suspect: &Suspect, day: &Sums) -> Self {
        let domains = suspect.mail_hosts.len();
        let answers = suspect.answered.len();
        Self {
            domains,
            mxless: domains as f64 / (domains + suspect.led.len()).max(1) as f64,
            share: day.keyword.k as f64 / day.t.max(1) as f64,
            answers,
            failing: suspect.failed.len() as f64 / answers.max(1) as f64,
        }
    }
}

/// Weighs a host that is no known server by its lookups and its A queries of the last day.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of some thousand at the most"
)]
pub fn weigh(suspect: &Suspect, day: &Sums, pc: bool) -> Option<Finding> {
    let figures = Figures::of(suspect, day);
    let domains = figures.domains;
    if domains == 0 {
        return None;
    }
    let shared = figures.share >= SHARE;
    let sweeping = suspect.swept.len() >= SWEPT;
    let failed = figures.answers >= ANSWERS && figures.failing >= FAILING;
    let often = suspect.mail_hosts_burst.len() >= BURST_DOMAINS || domains >= DAY_DOMAINS;
    let names = suspect.mail_host_names.len();
    let address_only = suspect.server.mx_queries * MX_RATIO < names as u64;
    let no_server = address_only || suspect.server.weight(pc) >= LEAST_CONDUCT;
    let gate = no_server && often && figures.mxless >= MXLESS && (shared || sweeping || failed);

    let many = domains >= MANY_DOMAINS || names >= MANY_NAMES;
    let share = SHARE_WEIGHT * if many { 2.0 } else { 1.0 };
    let swept = SWEPT_WEIGHT * (suspect.swept.len() + 1).saturating_sub(SWEPT) as f64;
    let failing = FAILED_WEIGHT * suspect.failed.len() as f64;
    let conduct =
        |holds: bool, family, llr| (gate && holds).then(|| Weight::new(family, llr, CONDUCT_CAP));
    let content_cap = if gate { CONTENT_CAP } else { UNGATED_CAP };
    Some(Finding {
        class: Class::Gen3A,
        content: Weight::new(Family::Kwa, PER_DOMAIN * domains as f64, content_cap),
        conduct: [
            conduct(shared, Family::KeywordShare, share),
            conduct(sweeping, Family::LabelSweep, swept),
            conduct(failed, Family::FailingAnswers, failing),
            conduct(shared && many && correlates(day), Family::R2, R2_WEIGHT),
        ],
    })
}

/// The study's rule, where there are enough queries to believe it.
fn correlates(day: &Sums) -> bool {
    if day.keyword.k < R2_QUERIES {
        return false;
    }
    let correlation = Correlation::of(day);
    correlation.r2_active.is_some_and(|r2| r2 >= R2)
        && correlation
            .r2_lower95
            .is_some_and(|lower| lower >= R2_LOWER)
}

/// The finding in words: a piece of evidence for each weight, and one sentence.
#[must_use]
pub fn explain(finding: &Finding, suspect: &Suspect, day: &Sums) -> (Vec<Evidence>, String) {
    let Figures {
        domains,
        mxless,
        share,
        answers,
        ..
    } = Figures::of(suspect, day);
    let domains = counted(domains as u64, "domain");
    let none = Trail::default();
    let evidence = finding.weights().map(|weight| {
        let (trail, text) = match weight.family {
            Family::KeywordShare => (
                &none,
                format!("{:.0}% of its A queries were for mail hosts", 100.0 * share),
            ),
            Family::LabelSweep => (
                &suspect.sweep_trail,
                format!(
                    "tried several keywords in turn on {}",
                    counted(suspect.swept.len() as u64, "domain")
                ),
            ),
            Family::FailingAnswers => (
                &suspect.failed_trail,
                format!(
                    "{} of {answers} mail hosts asked for do not exist",
                    suspect.failed.len()
                ),
            ),
            Family::R2 => {
                let r2 = Correlation::of(day).r2_active.unwrap_or(0.0);
                let text =
                    format!("keyword and all A queries per second correlate with R² {r2:.4}");
                (&none, text)
            }
            _ => (
                &suspect.kwa_trail,
                format!(
                    "asked for mail hosts by keyword in {domains} within a day; to \
                     {:.0}% of such domains no MX lookup had led",
                    100.0 * mxless
                ),
            ),
        };
        trail.evidence(weight, text)
    });
    let reason =
        format!("asked for the addresses of mail hosts by keyword in {domains} without MX lookups");
    (evidence.collect(), reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::series::Bin;
    use crate::time::Timestamp;
    use crate::verdict::Level;

    /// A host that asked for mail hosts in `domains` domains a second apart, and the sums of
    /// a day with this share of keywords.
    fn level(domains: u64, share: f64, swept: u64, failed: u64) -> Level {
        let mut suspect = Suspect::default();
        let now = Timestamp::from_parts(1_000, 0);
        for domain in 0..domains {
            suspect.mail_hosts.touch(domain, now);
            suspect.mail_hosts_burst.touch(domain, now);
            suspect.mail_host_names.touch(domain, now);
            suspect.answered.touch(domain, now);
        }
        for domain in 0..swept {
            suspect.swept.touch(domain, now);
        }
        for name in 0..failed {
            suspect.failed.touch(name, now);
        }
        let mut day = Sums::default();
        for second in 0..50 {
            let k = 1 + second % 3;
            let t = f64::from(k) / share;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a test"
            )]
            day.add(
                second.into(),
                Bin {
                    t: t as u32 + second % 2,
                    exact: k,
                    numbered: 0,
                    prefix: 0,
                },
            );
        }
        weigh(&suspect, &day, false).map_or(Level::None, |finding| finding.level())
    }

    #[test]
    fn a_mail_client_and_a_person_are_below_the_gate() {
        assert_eq!(level(0, 1.0, 0, 0), Level::None);
        assert_eq!(level(3, 1.0, 1, 0), Level::None);
        assert_eq!(level(9, 1.0, 5, 5), Level::None);
    }

    #[test]
    fn a_monitor_of_many_hosts_is_suspected_at_most() {
        assert_eq!(level(30, 1.0, 0, 0), Level::Suspected);
        assert_eq!(level(59, 1.0, 0, 0), Level::Suspected);
    }

    #[test]
    fn a_worm_is_convicted_by_its_domains_and_one_conduct() {
        assert_eq!(level(80, 0.45, 0, 0), Level::Likely);
        assert_eq!(level(20, 0.05, 10, 0), Level::Likely);
        assert_eq!(level(20, 0.05, 0, 8), Level::Likely);
    }

    #[test]
    fn a_crawler_asks_for_many_and_shows_nothing_else() {
        assert_eq!(level(500, 0.02, 0, 0), Level::None);
    }
}
