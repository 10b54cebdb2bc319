//! Evidence: what was seen, how much it weighs, and the packets that show it.

use super::score::Against;
use crate::capture::Origin;
use crate::count::delta::Fact;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Packets kept as witnesses of one family: enough to check it by hand.
const WITNESSES: usize = 5;

/// ln 10.
const TEN_TO_ONE: f64 = 2.3;

/// Example domains kept for a family's sentence.
const EXAMPLES: usize = 4;

/// Kinds of evidence. Content is what a host asks for or to whom it turns, conduct is how; a
/// conviction needs both, since each alone has honest explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// Content: mail exchangers of ever new domains.
    Mx,
    /// Content: addresses of mail hosts by keyword, of ever new domains, without MX lookups.
    Kwa,
    /// Content: connections to port 25 of ever new servers.
    Fan,
    /// Content: connections to ever new submission servers.
    Submit,
    /// Content: recipients, message after message, through one server.
    Relay,
    /// Content: a server's use jumps beyond its own past.
    Jump,
    /// Content: it is turned to on port 25 itself.
    Inbound,
    /// Conduct: none of the other lookups that a mail server makes.
    NoServerLookups,
    /// Conduct: it asks again and again for the exchangers of the same domains.
    Again,
    /// Conduct: keyword lookups are a large part of all address lookups.
    KeywordShare,
    /// Conduct: several keywords tried in turn on one domain.
    LabelSweep,
    /// Conduct: many of the mail hosts, or of the domains asked for by MX, do not exist.
    FailingAnswers,
    /// Conduct: keyword lookups follow all lookups second by second.
    R2,
    /// Conduct: mail connections follow mail lookups, or do not.
    Follow,
    /// Conduct: many of the connections come to nothing.
    Fail,
    /// Conduct: many of the servers refuse what they are handed.
    Rej,
    /// Conduct: more of them refuse it than did before.
    RejJump,
    /// Conduct: more of the domains that it looks up take no mail than did before.
    DeadJump,
    /// Conduct: its SMTP is not a mail server's.
    Proto,
    /// Conduct: it hands over messages.
    Mail,
    /// Conduct: many networks ask for its name, as receivers of mail do.
    Back,
    /// Conduct: it registers with IRC servers outside.
    Irc,
    /// Conduct: it is a machine that somebody uses.
    Client,
    /// Content: a server is asked much more than is usual.
    Rate,
    /// Conduct: by other sources, and for other names, than is usual.
    Entropy,
}

impl Family {
    /// Every family: content, then conduct.
    pub const ALL: [Self; 25] = [
        Self::Mx,
        Self::Kwa,
        Self::Fan,
        Self::Submit,
        Self::Relay,
        Self::Jump,
        Self::Inbound,
        Self::NoServerLookups,
        Self::Again,
        Self::KeywordShare,
        Self::LabelSweep,
        Self::FailingAnswers,
        Self::R2,
        Self::Follow,
        Self::Fail,
        Self::Rej,
        Self::RejJump,
        Self::DeadJump,
        Self::Proto,
        Self::Mail,
        Self::Back,
        Self::Irc,
        Self::Client,
        Self::Rate,
        Self::Entropy,
    ];

    /// The stable name that events use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mx => "mx",
            Self::Kwa => "kwa",
            Self::Fan => "fan",
            Self::Submit => "submit",
            Self::Relay => "relay",
            Self::Jump => "jump",
            Self::Inbound => "inbound",
            Self::NoServerLookups => "no-server-lookups",
            Self::Again => "again",
            Self::KeywordShare => "keyword-share",
            Self::LabelSweep => "label-sweep",
            Self::FailingAnswers => "failing-answers",
            Self::R2 => "r2",
            Self::Follow => "follow",
            Self::Fail => "fail",
            Self::Rej => "rej",
            Self::RejJump => "rej-jump",
            Self::DeadJump => "dead-jump",
            Self::Proto => "proto",
            Self::Mail => "mail",
            Self::Back => "back",
            Self::Irc => "irc",
            Self::Client => "client",
            Self::Rate => "rate",
            Self::Entropy => "entropy",
        }
    }

    /// Whether it is seen in SMTP.
    #[must_use]
    pub fn is_smtp(self) -> bool {
        matches!(
            self,
            Self::Fan
                | Self::Submit
                | Self::Relay
                | Self::Jump
                | Self::Inbound
                | Self::Follow
                | Self::Fail
                | Self::Rej
                | Self::RejJump
                | Self::Proto
                | Self::Mail
        )
    }

    /// Whether it is seen in what the host itself asks the DNS: nothing of the host's own
    /// where the tap lies behind a resolver.
    #[must_use]
    pub fn is_dns(self) -> bool {
        matches!(
            self,
            Self::Mx
                | Self::Kwa
                | Self::NoServerLookups
                | Self::Again
                | Self::KeywordShare
                | Self::LabelSweep
                | Self::FailingAnswers
                | Self::DeadJump
                | Self::R2
                | Self::Client
        )
    }

    /// Whether it is content.
    #[must_use]
    pub fn is_content(self) -> bool {
        self <= Self::Inbound || self == Self::Rate
    }

    /// Whether it is a state that is set anew, and no sum of steps.
    #[must_use]
    pub fn is_state(self) -> bool {
        matches!(
            self,
            Self::NoServerLookups
                | Self::KeywordShare
                | Self::R2
                | Self::Proto
                | Self::Client
                | Self::Inbound
                | Self::Back
                | Self::Irc
        )
    }

    /// What it may weigh at the most, against any alternative. Content, which every sender
    /// shows too, is held by that alternative; of conduct no family may convict by itself
    /// (against a sender that takes 6.2 with the prior of five to one), but for refusals and
    /// what a mail server does not ask, which come of many destinations and lookups, and which
    /// a prober shows as well.
    #[must_use]
    pub fn cap(self) -> f64 {
        match self {
            // A million to one, which rules a PC out.
            Self::Mx | Self::Kwa | Self::Fan | Self::Submit => 13.8,
            // One PC in two thousand sends a round mail of hundreds in a day, and is a person's all the
            // same: it is suspected, whatever shows that somebody uses it.
            Self::Relay => 7.6,
            // Twenty to one: of mail servers so many send a round in a day that is beyond what is usual
            // for them (reports, a newsletter, a list).
            Self::Jump => 3.0,
            // A thousand to one; of entropy see decision 0014.
            // Manners so against a PC only, see `spam_fanout::MANNERS`; messages against a prober,
            // who hands over none.
            Self::Entropy | Self::Proto | Self::Mail => 6.9,
            // The study's cap of a family (its section 4).
            Self::Rej | Self::RejJump | Self::DeadJump => 9.0,
            // Domains and hosts, which are of two kinds.
            Self::FailingAnswers => 5.5,
            // A hundred to one. Who only knocks on port 25 is a scanner as well, and a network
            // that blocks port 25 makes everybody fail.
            Self::Fail
            | Self::LabelSweep
            | Self::Again
            | Self::KeywordShare
            | Self::Inbound
            | Self::Client
            | Self::Rate
            | Self::Back => 4.6,
            // See `server::ServerTest::weight`: of who is seen to send it stays below a third.
            Self::NoServerLookups => 6.5,
            // Ten to one.
            Self::R2 | Self::Irc => 2.3,
            // Five to one.
            Self::Follow => 1.6,
        }
    }

    /// How far it may fall below zero.
    #[must_use]
    pub fn credit(self) -> f64 {
        match self {
            // What a server is known by.
            Self::NoServerLookups => 9.0,
            // Fifteen servers that accept; six that were only asked.
            Self::Rej | Self::Mail => 4.6,
            // Five that answer: everybody who mails has such.
            Self::Fail | Self::FailingAnswers | Self::DeadJump => 1.2,
            Self::Follow => 0.7,
            // Courtesy costs a bot nothing, so that it buys little.
            Self::Proto => 0.5,
            _ => 0.0,
        }
    }

    /// Within `-credit` and `cap`. Of content, which senders and probers show as well, no more
    /// than ten to one counts against those, but for a server's jump beyond its own past.
    #[must_use]
    pub fn limit(self, sum: Against) -> Against {
        let limit = |value: f64, cap: f64| value.clamp(-self.credit(), cap);
        let cap = self.cap();
        let others = if self.is_content() && self != Self::Jump {
            TEN_TO_ONE
        } else {
            cap
        };
        Against {
            pc: limit(sum.pc, cap),
            sender: limit(sum.sender, others),
            prober: limit(sum.prober, others),
        }
    }
}

/// How much a family weighs at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight {
    /// The family.
    pub family: Family,
    /// Log-likelihood ratio (natural logarithm): how much likelier a bot shows this than the
    /// honest host that it speaks against most: a PC where it is content, a sender or a prober
    /// where it is conduct. So the weights of families do not add up to a score, which is of
    /// three sums.
    pub llr: f64,
    /// Whether the family's cap cut it.
    pub capped: bool,
}

impl Weight {
    /// The weight of a family's sums.
    #[must_use]
    pub fn of(family: Family, sums: Against) -> Self {
        let llr = sums.most();
        Self {
            family,
            llr,
            capped: llr >= family.cap() && !family.is_state(),
        }
    }
}

/// One piece of evidence in a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its family.
    pub family: Family,
    /// Log-likelihood ratio (natural logarithm): see [`Weight::llr`].
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// Where a person finds it.
    pub origin: Origin,
    /// When it was captured.
    pub time: Timestamp,
}

impl Witness {
    /// The packet behind a fact.
    #[must_use]
    pub fn of(fact: &Fact) -> Self {
        Self {
            origin: fact.origin,
            time: fact.packet_time,
        }
    }
}

/// The first few packets and domains of a family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    packets: Vec<Witness>,
    domains: Vec<Box<[u8]>>,
    more: bool,
}

impl Trail {
    /// Keeps the packet and the domain while there is room; a packet that shows two things once.
    pub fn note(&mut self, witness: Witness, domain: Option<&[u8]>) {
        if self.packets.last() == Some(&witness) {
            // It is there.
        } else if self.packets.len() < WITNESSES {
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

    /// Memory beside the struct itself.
    pub(super) fn octets(&self) -> usize {
        let domains = self.domains.iter().map(|domain| domain.len() + 32);
        size_of_val(&*self.packets) + domains.sum::<usize>()
    }

    /// Keeps those of another address of the same host, earliest first, while there is room.
    pub(super) fn merge(&mut self, other: &Self) {
        self.packets.extend(&other.packets);
        self.packets.sort_by_key(|witness| witness.time);
        self.packets.dedup();
        self.domains.extend(other.domains.iter().cloned());
        self.more |= other.more || self.packets.len() > WITNESSES || self.domains.len() > EXAMPLES;
        self.packets.truncate(WITNESSES);
        self.domains.truncate(EXAMPLES);
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
