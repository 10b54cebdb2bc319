//! The second generation: a worm with its own mail engine looks up the mail exchangers of
//! harvested domains, and does nothing else that a mail server does.
//!
//! The study's rule is "a PC that sends MX and no PTR queries" (section 2.2, Table 1). What
//! makes it safe is to ask how sure the "no PTR" is: after three MX lookups it means nothing,
//! after a hundred it does.

use super::Finding;
use super::evidence::{Evidence, Family, Trail, Weight};
use super::suspect::Suspect;
use crate::verdict::Class;

/// Reverse lookups per MX lookup of the study's mail server, client A in Table 1: the
/// fewest that a mail server is known to make, so the slowest to tell it apart.
const SERVER_RATE: f64 = 139.0 / 2922.0;

/// The same of an infected PC: the study's worms made none, other programs make a few.
const WORM_RATE: f64 = 0.002;

/// Weight of "worm" against "mail server" before anything is known: on a campus there are
/// about ten machines with a mail server's program for one that is infected.
const PRIOR: f64 = -2.3;

/// The same where the inventory says that the host is a PC.
const PRIOR_PC: f64 = 2.3;

/// No lookups may buy more credit than two hundred MX lookups use up, either way.
const CAP: f64 = 9.2;

/// Weight of a new domain: ten worms for one honest machine that asks for it.
const PER_DOMAIN: f64 = 2.3;

/// Content alone brings even odds and no more (prior 1 in 1000).
const CONTENT_CAP: f64 = 6.9;

/// The weight after one more MX query: a Poisson process of server lookups, of which none
/// came.
#[must_use]
pub fn after_mx_query(llr: f64) -> f64 {
    (llr + (SERVER_RATE - WORM_RATE)).min(CAP - PRIOR)
}

/// The weight after a lookup that mail servers make.
#[must_use]
pub fn after_server_lookup(llr: f64) -> f64 {
    (llr + (WORM_RATE / SERVER_RATE).ln()).max(-CAP - PRIOR)
}

/// Whether the mix of lookups is clearly a mail server's: a hundred to one, and not by a lookup
/// or two of either kind, as a person makes them by hand.
#[must_use]
pub fn looks_like_server(suspect: &Suspect) -> bool {
    let lookups: u64 = suspect.server_lookups.values().sum();
    suspect.mx_queries >= 3 && lookups >= 3 && suspect.server_llr + PRIOR <= -4.6
}

/// Weight of "worm" against "mail server"; `pc`: the inventory says that it is a PC.
#[must_use]
pub fn not_a_server(suspect: &Suspect, pc: bool) -> f64 {
    suspect.server_llr + if pc { PRIOR_PC } else { PRIOR }
}

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
    let none = Weight::new(Family::NoServerLookups, not_a_server(suspect, pc), CAP);
    Some(Finding {
        class: Class::Gen2Mx,
        content: Weight::new(Family::Mx, PER_DOMAIN * domains as f64, CONTENT_CAP),
        conduct: [Some(none), None, None, None],
    })
}

/// The finding in words: a piece of evidence for each weight, and one sentence.
#[must_use]
pub fn explain(finding: &Finding, suspect: &Suspect) -> (Vec<Evidence>, String) {
    let domains = suspect.mx.len();
    let beside = match suspect.server_lookups.values().sum() {
        0_u64 => "none".to_owned(),
        n => format!("only {n}"),
    };
    let evidence = finding.weights().map(|weight| match weight.family {
        Family::Mx => suspect.mx_trail.evidence(
            weight,
            format!("asked for the mail exchangers of {domains} domains within a day"),
        ),
        _ => Trail::default().evidence(
            weight,
            format!(
                "made {beside} of a mail server's other lookups (reverse names, sender policies, \
                 block lists) beside {} MX queries",
                suspect.mx_queries
            ),
        ),
    });
    let reason = format!(
        "looked up the mail exchangers of {domains} domains and made {beside} of the other \
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
    fn suspect(mx: u64, server: u64) -> Suspect {
        let mut suspect = Suspect::default();
        for domain in 0..mx {
            suspect
                .mx
                .touch(domain, crate::time::Timestamp::from_parts(0, 0));
            suspect.mx_queries += 1;
            suspect.server_llr = after_mx_query(suspect.server_llr);
        }
        for _ in 0..server {
            suspect.server_llr = after_server_lookup(suspect.server_llr);
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

    #[test]
    fn a_mail_server_is_told_by_a_few_lookups() {
        let asked = |mx, lookups| {
            let mut suspect = suspect(mx, lookups);
            suspect
                .server_lookups
                .insert(ServerLookup::ReversePtr, lookups);
            looks_like_server(&suspect)
        };
        assert!(!asked(10, 0) && !asked(10, 2) && !asked(1, 5));
        assert!(asked(10, 3));
        assert!(!asked(1000, 3));
    }
}
