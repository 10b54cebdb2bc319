//! Evidence: what was seen, how much it weighs, and the packets that show it.

use crate::capture::Origin;
use crate::time::Timestamp;

/// Packets kept as witnesses of one family: enough to check it by hand.
const WITNESSES: usize = 5;

/// Example domains kept for a family's sentence.
const EXAMPLES: usize = 4;

/// Kinds of evidence. Content is what a host asks for, conduct is how; a conviction needs
/// both, since each alone has honest explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Content: mail exchangers of ever new domains.
    Mx,
    /// Content: addresses of mail hosts by keyword, of ever new domains, without MX lookups.
    Kwa,
    /// Conduct: none of the other lookups that a mail server makes.
    NoServerLookups,
    /// Conduct: keyword lookups are a large part of all address lookups.
    KeywordShare,
    /// Conduct: several keywords tried in turn on one domain.
    LabelSweep,
    /// Conduct: many of the mail hosts do not exist.
    FailingAnswers,
    /// Conduct: keyword lookups follow all lookups second by second.
    R2,
    /// Content: mail connections to ever new servers.
    Fan,
    /// Conduct: many of the connections come to nothing.
    Fail,
    /// Conduct: many of the servers refuse what they are handed.
    Rej,
    /// Conduct: its SMTP is not a mail server's.
    Proto,
    /// Content: a server is asked much more than is usual.
    Rate,
    /// Conduct: by other sources, and for other names, than is usual.
    Entropy,
}

impl Family {
    /// The stable name that events use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mx => "mx",
            Self::Kwa => "kwa",
            Self::NoServerLookups => "no-server-lookups",
            Self::KeywordShare => "keyword-share",
            Self::LabelSweep => "label-sweep",
            Self::FailingAnswers => "failing-answers",
            Self::R2 => "r2",
            Self::Fan => "fan",
            Self::Fail => "fail",
            Self::Rej => "rej",
            Self::Proto => "proto",
            Self::Rate => "rate",
            Self::Entropy => "entropy",
        }
    }

    /// Whether it is seen in SMTP.
    #[must_use]
    pub fn is_smtp(self) -> bool {
        matches!(self, Self::Fan | Self::Fail | Self::Rej | Self::Proto)
    }
}

/// How much a family weighs at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight {
    /// The family.
    pub family: Family,
    /// Log-likelihood ratio (natural logarithm): how much likelier a worm shows this.
    pub llr: f64,
    /// Whether the family's cap cut it.
    pub capped: bool,
}

impl Weight {
    /// `llr`, limited to ±`cap`.
    #[must_use]
    pub fn new(family: Family, llr: f64, cap: f64) -> Self {
        Self {
            family,
            llr: llr.clamp(-cap, cap),
            capped: llr.abs() >= cap,
        }
    }
}

/// One piece of evidence in a verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Its family.
    pub family: Family,
    /// Log-likelihood ratio (natural logarithm): how much likelier a worm shows this.
    pub llr: f64,
    /// Whether the family's cap cut it.
    pub capped: bool,
    /// One plain sentence.
    pub text: String,
    /// The first packets that show it.
    pub packets: Vec<Witness>,
    /// Domains for example, folded.
    pub domains: Vec<Box<[u8]>>,
    /// Whether there were more packets or domains than are kept.
    pub more: bool,
}

/// A packet that shows a piece of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Where a person finds it.
    pub origin: Origin,
    /// When it was captured.
    pub time: Timestamp,
}

/// The first few packets and domains of a family.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    packets: Vec<Witness>,
    domains: Vec<Box<[u8]>>,
    more: bool,
}

impl Trail {
    /// Keeps the packet and the domain while there is room.
    pub fn note(&mut self, witness: Witness, domain: Option<&[u8]>) {
        if self.packets.len() < WITNESSES {
            self.packets.push(witness);
        } else {
            self.more = true;
        }
        let Some(domain) = domain else { return };
        if self.domains.len() < EXAMPLES {
            self.domains.push(domain.into());
        } else {
            self.more = true;
        }
    }

    /// Evidence of this weight, with the packets and domains of this trail.
    #[must_use]
    pub fn evidence(&self, weight: Weight, text: String) -> Evidence {
        let Weight {
            family,
            llr,
            capped,
        } = weight;
        let Self {
            packets,
            domains,
            more,
        } = self.clone();
        Evidence {
            family,
            llr,
            capped,
            text,
            packets,
            domains,
            more,
        }
    }
}
