//! What each family of evidence is good for: the same hosts judged without it.

use super::figures::Share;
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
    let parts = plan::trials(size);
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let families = std::iter::once(None).chain(Family::ALL.into_iter().map(Some));
    let mut trials: Vec<(Option<Family>, Trial)> = families
        .map(|family| {
            let trial = Trial {
                without: family.map_or("(nothing)", Family::name),
                bots: Share::default(),
                ordinary: Share::default(),
                hard: Share::default(),
            };
            (family, trial)
        })
        .collect();
    for part in &parts {
        for site in sites(part, &format!("{seed} trials")) {
            for (family, trial) in &mut trials {
                for (sample, convicted) in site.convicted(family.iter().copied().collect())? {
                    let share = match sample.row.truth {
                        Truth::Bot => &mut trial.bots,
                        Truth::Ordinary => &mut trial.ordinary,
                        Truth::Hard => &mut trial.hard,
                    };
                    share.hits += usize::from(convicted);
                    share.of += 1;
                }
            }
        }
    }
    Ok(trials.into_iter().map(|(_, trial)| trial).collect())
}
