//! The third generation: a worm that guesses mail hosts, gluing `mail`, `smtp`, `mx` and the
//! like to harvested domains, and asks for their addresses without asking for MX.
//!
//! The study told it by R² = 0.999 between keyword and all A queries (section 3.2). That is
//! evidence here and no gate: a mail client that polls its server reaches 1, and a worm on a
//! PC with a browser 0.77. What separates them is how many *domains* are asked for.

use super::evidence::{Family, Trail};
use super::regression::Correlation;
use super::score::{Against, Score};
use super::suspect::Suspect;
use crate::count::series::Sums;
use crate::words::counted;

/// Domains whose mail hosts say nothing: a person has accounts in so many, and each set-up of
/// a mail program guesses the names of its servers.
pub(super) const OWN_DOMAINS: usize = 3;
/// A new domain beyond those: five worms for one honest PC. A mail server gets its names from
/// MX answers, which may not be seen.
pub(super) const NEW_DOMAIN: Against = Against::each(1.6, 0.2, 0.0);
/// A further keyword tried on one domain, once for each domain.
pub(super) const SWEPT: Against = Against::all(1.0);
/// A mail host that does not exist; crawlers meet many.
pub(super) const NO_HOST: Against = Against::each(0.5, 0.5, 0.1);
/// One that does: half of a worm's guesses (the study's client F) against nine of ten.
pub(super) const IS_HOST: Against = Against::each(-0.25, -0.25, -0.05);

/// Domains, or names in them, beyond any list that a person keeps (mail hosts to be watched,
/// partners): before that, the share of such lookups and R² say nothing.
const MANY_DOMAINS: usize = 60;
/// See [`MANY_DOMAINS`].
const MANY_NAMES: usize = 100;
/// Domains from which on the share is looked at.
const SOME_DOMAINS: usize = 10;
/// Part of keyword names in all A queries. A web user is at 0.01, a mail server at 0.34; the
/// study's client F at 0.45.
const SHARE: f64 = 0.3;
/// Weight of the share, and again with many domains; a mail server may have it as well.
const SHARE_WEIGHT: Against = Against::each(2.3, 1.0, 0.0);
/// The study's R², loosened: 0.999 needs a burstiness that ordinary worms do not reach.
const R2: f64 = 0.95;
/// Keyword queries before R² is believed.
const R2_QUERIES: u64 = 100;
/// Lower end of its 95% interval.
const R2_LOWER: f64 = 0.6;
/// Weight of R²: the study's mail server has .335. A monitor has 1.
const R2_WEIGHT: Against = Against::each(2.0, 2.0, 0.0);

/// Sets what the shares of the last day say.
pub(super) fn weigh_day(score: &mut Score, shown: Shown, day: &Sums) {
    let Shown { domains, names } = shown;
    let many = domains >= MANY_DOMAINS || names >= MANY_NAMES;
    let shared = domains >= SOME_DOMAINS && share(day) >= SHARE;
    let weight = match (shared, many) {
        (false, _) => Against::default(),
        (true, false) => SHARE_WEIGHT,
        (true, true) => SHARE_WEIGHT + SHARE_WEIGHT,
    };
    score.set(Family::KeywordShare, weight);
    let r2 = shared && many && correlates(day);
    score.set(Family::R2, if r2 { R2_WEIGHT } else { Against::default() });
}

/// How many domains and names of guessed mail hosts there were within a day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) domains: usize,
    pub(super) names: usize,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share needs no more than the first digits"
)]
fn share(day: &Sums) -> f64 {
    day.keyword.k as f64 / day.t.max(1) as f64
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

/// A family of this rule in words, and the packets that show it.
pub(super) fn explain(family: Family, suspect: &Suspect, day: &Sums) -> Option<(Trail, String)> {
    let domains = counted(suspect.mail_hosts.len() as u64, "domain");
    let answers = suspect.answered.len() + suspect.mx_answered.len();
    let failed = suspect.failed.len() + suspect.mx_failed.len();
    Some(match family {
        Family::Kwa => (
            suspect.kwa_trail.clone(),
            format!(
                "asked for the addresses of mail hosts by keyword in {domains} within a day, to \
                 which no MX lookup had led"
            ),
        ),
        Family::KeywordShare => (
            Trail::default(),
            format!(
                "asked for mail hosts in {:.0}% of its A queries",
                100.0 * share(day)
            ),
        ),
        Family::LabelSweep => (
            suspect.sweep_trail.clone(),
            format!(
                "tried several keywords in turn on {}",
                counted(suspect.swept.len() as u64, "domain")
            ),
        ),
        Family::FailingAnswers => (
            suspect.failed_trail.clone(),
            format!(
                "{failed} of {answers} mail hosts and mail domains that it asked for do not exist"
            ),
        ),
        Family::R2 => {
            let r2 = Correlation::of(day).r2_active.unwrap_or(0.0);
            let text =
                format!("its keyword and all A queries per second correlate with R² {r2:.4}");
            (Trail::default(), text)
        }
        _ => return None,
    })
}
