//! The second generation: a worm with its own mail engine looks up the mail exchangers of
//! harvested domains, and does nothing else that a mail server does.
//!
//! The study's rule is "a PC that sends MX and no PTR queries" (section 2.2, Table 1). What
//! makes it safe is to ask how sure the "no PTR" is: after three MX lookups it means nothing,
//! after a hundred it does.

use super::evidence::{Evidence, Family, Trail, Weight};
use super::suspect::Suspect;
use super::{Finding, server};
use crate::verdict::Class;
use crate::words::counted;

/// Weight of a new domain: ten worms for one honest machine that asks for it.
const PER_DOMAIN: f64 = 2.3;

/// Content alone brings even odds and no more (prior 1 in 1000).
const CONTENT_CAP: f64 = 6.9;

/// Weighs a host that is no known server; `pc`: the inventory says that it is a PC.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "a count of some thousand at the most"
)]
pub fn weigh(suspect: &Suspect, pc: bool) -> Option<Finding> {
    let domains = suspect.mx.len();
    if domains == 0 {
        return None;
    }
    let none = Weight::new(
        Family::NoServerLookups,
        suspect.server.weight(pc),
        server::CAP,
    );
    Some(Finding {
        class: Class::Gen2Mx,
        content: Weight::new(Family::Mx, PER_DOMAIN * domains as f64, CONTENT_CAP),
        conduct: [Some(none), None, None, None],
    })
}

/// The finding in words: a piece of evidence for each weight, and one sentence.
#[must_use]
pub fn explain(finding: &Finding, suspect: &Suspect) -> (Vec<Evidence>, String) {
    let domains = counted(suspect.mx.len() as u64, "domain");
    let beside = match suspect.server.lookups() {
        0 => "none".to_owned(),
        n => format!("only {n}"),
    };
    let evidence = finding.weights().map(|weight| match weight.family {
        Family::Mx => suspect.mx_trail.evidence(
            weight,
            format!("asked for the mail exchangers of {domains} within a day"),
        ),
        _ => Trail::default().evidence(
            weight,
            format!(
                "made {beside} of a mail server's other lookups (reverse names, sender policies, \
                 block lists) beside {} MX queries",
                suspect.server.mx_queries
            ),
        ),
    });
    let reason = format!(
        "looked up the mail exchangers of {domains} and made {beside} of the other \
         lookups of a mail server"
    );
    (evidence.collect(), reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::names::ServerLookup;
    use crate::verdict::Level;

    /// A host after `mx` MX queries of as many domains, then `server` server lookups.
    fn suspect(mx: u64, lookups: u64) -> Suspect {
        let mut suspect = Suspect::default();
        for domain in 0..mx {
            suspect
                .mx
                .touch(domain, crate::time::Timestamp::from_parts(0, 0));
            suspect.server.mx_query();
        }
        for _ in 0..lookups {
            suspect.server.lookup(ServerLookup::ReversePtr);
        }
        suspect
    }

    fn level(suspect: &Suspect, pc: bool) -> Level {
        weigh(suspect, pc).map_or(Level::None, |finding| finding.level())
    }

    #[test]
    fn both_sides_of_the_line() {
        assert_eq!(level(&suspect(0, 0), false), Level::None);
        assert_eq!(level(&suspect(60, 0), false), Level::None);
        assert_eq!(level(&suspect(120, 0), false), Level::Suspected);
        assert_eq!(level(&suspect(160, 0), false), Level::Likely);
        assert_eq!(level(&suspect(160, 2), false), Level::None);
    }

    #[test]
    fn the_inventory_shortens_the_wait() {
        assert_eq!(level(&suspect(1, 0), true), Level::None);
        assert_eq!(level(&suspect(2, 0), true), Level::Suspected);
        assert_eq!(level(&suspect(60, 0), true), Level::Likely);
    }
}
