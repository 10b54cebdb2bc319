//! The second generation: a worm with its own mail engine looks up the mail exchangers of
//! harvested domains, and does nothing else that a mail server does.
//!
//! The study's rule is "a PC that sends MX and no PTR queries" (section 2.2, Table 1). What
//! makes it safe is to ask how sure the "no PTR" is ([`super::server`]): after three MX lookups
//! it means nothing, after a hundred it does.

use super::evidence::{Family, Trail};
use super::score::Against;
use super::suspect::Suspect;
use crate::time::NANOS;
use crate::words::counted;

/// A new domain: ten worms for one honest PC that asks for it. Senders and probers do so by
/// trade.
pub(super) const NEW_DOMAIN: Against = Against::pc(2.3);

/// A domain asked for once more within the day: an engine asks for each address on its list,
/// who validates a list or crawls has each domain once. Five of them are ten to one.
pub(super) const AGAIN: Against = Against::each(0.0, 0.0, 0.46);

/// A lookup so long after the last one of its domain is another, and no repetition of that:
/// Windows asks again after 1, 2, 4 and 8 s, others sooner.
pub(super) const NEXT: i64 = 16 * NANOS;

/// A domain without exchangers: .3 of what worms harvest (the study's clients), .12 of what a
/// server is asked to deliver to. Lists that are validated rot like any other.
pub(super) const NO_EXCHANGER: Against = Against::each(0.5, 0.92, 0.0);

/// A domain with exchangers: .7 against .88.
pub(super) const HAS_EXCHANGER: Against = Against::each(0.0, -0.23, 0.0);

/// Domains whose lookups a person may make by hand or by a tool, of which the answer says
/// nothing.
pub(super) const BY_HAND: usize = 1;

/// A family of this rule in words, and the packets that show it.
pub(super) fn explain(family: Family, suspect: &Suspect) -> Option<(Trail, String)> {
    let domains = counted(suspect.mx.len() as u64, "domain");
    Some(match family {
        Family::Mx => (
            suspect.mx_trail.clone(),
            format!("looked up the mail exchangers of {domains} within a day"),
        ),
        Family::NoServerLookups => {
            let text = format!(
                "made {} of a mail server's other lookups (reverse names, sender policies, block \
                 lists) beside {} MX queries",
                beside(suspect),
                suspect.server.mx_queries
            );
            (suspect.mx_trail.clone(), text)
        }
        Family::Again => {
            let text = format!(
                "asked again for the exchangers of {}, as an engine does for each address on its \
                 list",
                counted(suspect.mx_again.len() as u64, "domain")
            );
            (suspect.mx_trail.clone(), text)
        }
        Family::DeadJump => return Some(suspect.takes.explain()),
        _ => return None,
    })
}

/// How many of a server's lookups the host made, in words.
fn beside(suspect: &Suspect) -> String {
    match suspect.server.lookups() {
        0 => "none".to_owned(),
        n => format!("only {n}"),
    }
}
