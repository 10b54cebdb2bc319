//! What each family of evidence is good for: the same hosts judged without it.

use super::figures::Share;
use super::in_order;
use super::plan::{self, Size};
use super::site::sites;
use anyhow::Result;
use mxray::correlate::evidence::Family;
use mxray::synth::population::Truth;

/// Hosts judged without a family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) without: &'static str,
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
                for (sample, convicted) in site.convicted(family.iter().copied().collect())? {
                    trial.count(sample.row.truth, convicted);
                }
            }
        }
        Ok(trials)
    })?;
    let sum = parts.into_iter().reduce(|mut all, part| {
        for (trial, more) in all.iter_mut().zip(part) {
            trial.bots += more.bots;
            trial.ordinary += more.ordinary;
            trial.hard += more.hard;
        }
        all
    });
    Ok(sum.unwrap_or_default())
}

impl Trial {
    fn without(family: Option<Family>) -> Self {
        Self {
            without: family.map_or("(nothing)", Family::name),
            bots: Share::default(),
            ordinary: Share::default(),
            hard: Share::default(),
        }
    }

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
