//! What each family of evidence is good for: the same hosts judged without it.

use super::figures::Share;
use super::in_order;
use super::plan::{self, Size};
use super::site::sites;
use anyhow::Result;
use mxray::correlate::evidence::Family;
use mxray::synth::population::{Truth, View};

/// Hosts judged without a family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) without: &'static str,
    /// Both halves seen.
    pub(crate) full: Convicted,
    /// The DNS only; nothing where the family is none of its.
    pub(crate) dns: Convicted,
}

/// How many are convicted of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Convicted {
    pub(crate) bots: Share,
    pub(crate) ordinary: Share,
    pub(crate) hard: Share,
}

/// One trial with all, then one without each family.
pub(crate) fn run(size: Size, seed: &str) -> Result<Vec<Trial>> {
    let families: Vec<Option<Family>> = std::iter::once(None)
        .chain(Family::ALL.into_iter().map(Some))
        .collect();
    let parts = in_order(&plan::trials(size), |part| {
        let mut trials: Vec<Trial> = families.iter().copied().map(Trial::without).collect();
        for site in sites(part, &format!("{seed} trials")) {
            for (family, trial) in families.iter().zip(&mut trials) {
                let dns = part.view == View::DnsOnly;
                if dns && family.is_some_and(|family| !family.is_dns()) {
                    continue;
                }
                let these = if dns { &mut trial.dns } else { &mut trial.full };
                for (sample, convicted) in site.convicted(family.iter().copied().collect())? {
                    these.count(sample.row.truth, convicted);
                }
            }
        }
        Ok(trials)
    })?;
    let sum = parts.into_iter().reduce(|mut all, part| {
        for (trial, more) in all.iter_mut().zip(part) {
            trial.full += more.full;
            trial.dns += more.dns;
        }
        all
    });
    Ok(sum.unwrap_or_default())
}

impl Trial {
    fn without(family: Option<Family>) -> Self {
        Self {
            without: family.map_or("(nothing)", Family::name),
            full: Convicted::default(),
            dns: Convicted::default(),
        }
    }
}

impl std::ops::AddAssign for Convicted {
    fn add_assign(&mut self, more: Self) {
        self.bots += more.bots;
        self.ordinary += more.ordinary;
        self.hard += more.hard;
    }
}

impl Convicted {
    fn count(&mut self, truth: Truth, convicted: bool) {
        let share = match truth {
            Truth::Bot => &mut self.bots,
            Truth::Ordinary => &mut self.ordinary,
            Truth::Hard => &mut self.hard,
        };
        share.hits += usize::from(convicted);
        share.of += 1;
    }
}
