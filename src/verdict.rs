//! The closed words of a judgement: role, class, level. A leaf: uses nothing of ours.
//!
//! The inventory, the rules and the events all speak these words, so each is spelled once,
//! here. A word never changes its meaning; new ones may come.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a host is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Somebody's machine: asks a resolver, hands its mail to a mail server.
    Pc,
    /// Accepts mail for others and delivers it; looks up MX by trade.
    MailServer,
    /// Behaves as a mail server and is in no inventory.
    UnregisteredMta,
    /// Asks the DNS on behalf of others.
    Resolver,
    /// Many machines behind one address: NAT, proxy, forwarder.
    Aggregate,
    /// Asks for the same few names at a steady beat, to see whether they answer.
    Monitor,
    /// Looks up MX of many domains and sends them nothing: crawlers, validators of lists.
    MxProber,
    /// Filters mail for the servers behind it, and asks block lists by DNS.
    Gateway,
    /// Outside of what `--home` covers: counted, never judged.
    External,
}

impl Role {
    /// Every role, in the order of the contract.
    pub const ALL: [Self; 9] = [
        Self::Pc,
        Self::MailServer,
        Self::UnregisteredMta,
        Self::Resolver,
        Self::Aggregate,
        Self::Monitor,
        Self::MxProber,
        Self::Gateway,
        Self::External,
    ];

    /// The word for it in files and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pc => "pc",
            Self::MailServer => "mail-server",
            Self::UnregisteredMta => "unregistered-mta",
            Self::Resolver => "resolver",
            Self::Aggregate => "aggregate",
            Self::Monitor => "monitor",
            Self::MxProber => "mx-prober",
            Self::Gateway => "gateway",
            Self::External => "external",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|role| role.name() == word);
        found.ok_or_else(|| UnknownWord::new("role", word, Self::ALL.map(Self::name)))
    }
}

/// What a host is taken for.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A worm of the first generation: sends through its site's own mail server.
    Gen1Relay,
    /// A worm of the second generation: looks up MX itself.
    Gen2Mx,
    /// A worm of the third generation: guesses mail hosts and asks for their A records.
    Gen3A,
    /// Signs of more than one generation.
    Hybrid,
    /// Mail straight to many servers, without the lookups that a worm makes.
    SpamFanout,
    /// Much mail through the submission ports, as with a stolen password.
    SubmissionAbuse,
    /// A PC that sends and accepts on port 25.
    HijackedRelay,
    /// A mail server whose use jumps.
    HijackedServer,
    /// Port 25 to the outside where the site's rule is to go through its servers.
    Op25bViolation,
    /// A flood of PTR queries.
    PtrFlood,
    /// A flood of A queries.
    AFlood,
    /// Nothing to report: level `none`.
    #[default]
    Ordinary,
}

impl Class {
    /// Every class, in the order of the contract.
    pub const ALL: [Self; 12] = [
        Self::Gen1Relay,
        Self::Gen2Mx,
        Self::Gen3A,
        Self::Hybrid,
        Self::SpamFanout,
        Self::SubmissionAbuse,
        Self::HijackedRelay,
        Self::HijackedServer,
        Self::Op25bViolation,
        Self::PtrFlood,
        Self::AFlood,
        Self::Ordinary,
    ];

    /// The word for it in files and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gen1Relay => "gen1-relay",
            Self::Gen2Mx => "gen2-mx",
            Self::Gen3A => "gen3-a",
            Self::Hybrid => "hybrid",
            Self::SpamFanout => "spam-fanout",
            Self::SubmissionAbuse => "submission-abuse",
            Self::HijackedRelay => "hijacked-relay",
            Self::HijackedServer => "hijacked-server",
            Self::Op25bViolation => "op25b-violation",
            Self::PtrFlood => "ptr-flood",
            Self::AFlood => "a-flood",
            Self::Ordinary => "ordinary",
        }
    }

    /// Whether it is about a server that is asked, and not about what a host does.
    #[must_use]
    pub const fn is_flood(self) -> bool {
        matches!(self, Self::PtrFlood | Self::AFlood)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Class {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|class| class.name() == word);
        found.ok_or_else(|| UnknownWord::new("class", word, Self::ALL.map(Self::name)))
    }
}

/// How sure we are, in rising order.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing.
    #[default]
    None,
    /// Worth a line in a list.
    Notice,
    /// Worth a look.
    Suspected,
    /// Convicted: an alert.
    Likely,
    /// Convicted, by evidence of its own kind.
    Confirmed,
}

impl Level {
    /// Every level, in rising order.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Notice,
        Self::Suspected,
        Self::Likely,
        Self::Confirmed,
    ];

    /// The word for it in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Notice => "notice",
            Self::Suspected => "suspected",
            Self::Likely => "likely",
            Self::Confirmed => "confirmed",
        }
    }

    /// Whether it is `likely` or `confirmed`.
    #[must_use]
    pub const fn convicted(self) -> bool {
        matches!(self, Self::Likely | Self::Confirmed)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is none of the closed list it should be from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no {kind}: one of {known}")]
pub struct UnknownWord {
    kind: &'static str,
    word: String,
    known: String,
}

impl UnknownWord {
    fn new<const N: usize>(kind: &'static str, word: &str, known: [&'static str; N]) -> Self {
        Self {
            kind,
            word: word.to_owned(),
            known: known.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// serde derives its spelling from the variant, people read `name`: they must agree.
    #[test]
    fn serde_and_people_read_the_same_words() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        for class in Class::ALL {
            assert_eq!(serde_json::to_value(class).unwrap(), class.name());
            assert_eq!(class.to_string().parse(), Ok(class));
        }
        for level in Level::ALL {
            assert_eq!(serde_json::to_value(level).unwrap(), level.name());
        }
    }

    #[test]
    fn the_two_upper_levels_convict() {
        assert!(Level::ALL.is_sorted());
        let convicted = Level::ALL.map(Level::convicted);
        assert_eq!(convicted, [false, false, false, true, true]);
    }

    #[test]
    fn an_unknown_word_is_told_with_the_known_ones() {
        let error = "printer".parse::<Role>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`printer` is no role: one of pc, mail-server, unregistered-mta, resolver, \
             aggregate, monitor, mx-prober, gateway, external"
        );
    }
}
