//! From a host's sums to a level, a class and plain sentences.

use super::counterevidence;
use super::coupling::Coupling;
use super::evidence::{Family, Trail, Weight};
use super::others::Seen;
use super::role::{RoleSource, RoleView};
use super::score::{Against, Score, score};
use super::suspect::{Suspect, View};
use super::{
    ALONE, CONFIRMED, Judgement, LEAST_CONDUCT, LEAST_CONTENT, LEAST_SMTP, LIKELY, SUSPECTED, gen2,
    gen3, op25b, spam_fanout,
};
use crate::time::Timestamp;
use crate::verdict::{Class, Level, Role};
use crate::words::counted;

/// Domains of a kind, guessed or asked for by MX, that make a generation.
const GENERATION: usize = 3;
/// Servers that a site has for its hosts' mail, at the most.
const FEW: u32 = 3;
/// Content, and conduct, named in the sentence; all of it is in the evidence.
const NAMED: usize = 2;
/// A weight that shows in one decimal.
const SHOWS: f64 = 0.05;
/// A weight that a notice is worth to tell beside its policy, ten to one.
const TELLING: f64 = 2.3;

/// What the sums of a host come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) level: Level,
    pub(super) class: Class,
    pub(super) score: f64,
    pub(super) against: Against,
}

/// Sums over families of either kind.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    content: Against,
    conduct: Against,
}

impl Sums {
    fn add(&mut self, family: Family, sum: Against, seen: f64) {
        if family.is_content() {
            self.content = self.content + sum;
        } else {
            self.conduct = self.conduct + sum.map(|llr| llr * seen);
        }
    }

    fn total(self) -> Against {
        self.content + self.conduct
    }
}

/// Who weighs what: the role changes which families count, and how many honest hosts there are.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what is known of a host and its tap, each by itself"
)]
pub(super) struct Judge<'a> {
    pub(super) role: &'a RoleView,
    /// Families that are left out, to see what they are worth.
    pub(super) muted: &'a [Family],
    /// What others do with the host.
    pub(super) others: Option<&'a Seen>,
    /// It is a resolver: what it asks is others' questions.
    pub(super) asks_for_others: bool,
    /// It is used as PCs are and accepts mail, or asks what servers ask.
    pub(super) two_in_one: bool,
    /// What is known of the tap.
    pub(super) view: View,
    /// Mail of its own to port 25 was in sight within a day.
    pub(super) own_mail: bool,
    /// The tap lies behind a resolver: lookups are those of everybody.
    pub(super) egress: bool,
    /// Share of what the tap loses: conduct rests on what did not come, too.
    pub(super) loss: f64,
}

impl Judge<'_> {
    /// Whether a family counts of this host.
    pub(super) fn counts(&self, family: Family) -> bool {
        self.counts_of(family, self.role.is_sender())
    }

    /// Whether a family counts of a host that is, or is not, known as a sender.
    fn counts_of(&self, family: Family, sender: bool) -> bool {
        let others = self.asks_for_others || self.egress;
        !(self.muted.contains(&family)
            || others && family.is_dns()
            // A past says something of those who have one.
            || !sender && matches!(family, Family::Jump | Family::RejJump | Family::DeadJump)
            // A machine that is both used and a server may be many behind one address. What each
            // of them asks for once is asked for again, and what one asks acquits no other; but
            // where of its mail the DNS is all there is, whatever is seen of others', it is what
            // tells a mail server from a bot.
            || self.two_in_one
                && (matches!(family, Family::Client | Family::Again)
                    || family == Family::NoServerLookups && self.own_mail)
            // What a server asks for is its trade, and says nothing of who uses it; but none
            // tries one keyword after the other.
            || sender && family.is_dns() && !matches!(family, Family::LabelSweep | Family::DeadJump))
    }

    /// Level, class and score.
    pub(super) fn outcome(&self, suspect: &Suspect, sums: &Score) -> Outcome {
        let (mut all, mut smtp, mut elsewhere) =
            (Sums::default(), Sums::default(), Sums::default());
        // What the capture loses lowers what conduct weighs.
        let seen = 1.0 - self.loss.clamp(0.0, 1.0);
        for family in Family::ALL {
            let sum = sums.of(family);
            if sum == Against::default() || !self.counts(family) {
                continue;
            }
            all.add(family, sum, seen);
            // Of a server whose mail is out of sight the jump is one of lookups.
            if family.is_smtp() && (family != Family::Jump || self.own_mail) {
                smtp.add(family, sum, seen);
            }
            if !family.is_dns() {
                elsewhere.add(family, sum, seen);
            }
        }
        let score = self.score(all);
        let highest = if smtp.total().most() >= LEAST_SMTP {
            Level::Confirmed
        } else {
            Level::Likely
        };
        let mut level = level(score).min(highest);
        let limit = self.role.dns_limit();
        if level > limit {
            level = limit.max(self::level(self.score(elsewhere)));
        }
        let mut class = self.class(suspect, sums);
        if level == Level::None {
            (level, class) = self.policy(suspect, sums);
        }
        Outcome {
            level,
            class,
            score,
            against: all.total(),
        }
    }

    fn score(&self, sums: Sums) -> f64 {
        let total = score(sums.total(), self.role.prior());
        if sums.content.most() < LEAST_CONTENT || sums.conduct.most() < LEAST_CONDUCT {
            total.clamp(0.0, ALONE)
        } else {
            total.max(0.0)
        }
    }

    /// Worth a line though nothing speaks for an infection: a PC that looks up mail exchangers
    /// or delivers mail itself (Whyte and others 2006: one attempt tells), or turns to so many
    /// submission servers that were it one person's, it would be suspected.
    fn policy(&self, suspect: &Suspect, sums: &Score) -> (Level, Class) {
        let counts = |family| self.counts(family);
        let violates = suspect.direct == Some(Class::Op25bViolation);
        if !self.role.is_pc() {
            (Level::None, Class::Ordinary)
        } else if !suspect.mx.is_empty() && counts(Family::Mx) && !violates {
            (Level::Notice, Class::Gen2Mx)
        } else if let Some(class) = suspect.direct.filter(|_| counts(Family::Fan)) {
            (Level::Notice, class)
        } else if sums.of(Family::Submit).pc >= SUSPECTED && counts(Family::Submit) {
            (Level::Notice, Class::SubmissionAbuse)
        } else {
            (Level::None, Class::Ordinary)
        }
    }

    /// The class by the content that there is.
    fn class(&self, suspect: &Suspect, sums: &Score) -> Class {
        // Who became known as a sender by what it is judged for, and does not stand out against
        // a past, is none that was hijacked.
        let met_today = self.role.role == Role::UnregisteredMta
            && self.role.source == RoleSource::Learned
            && sums.of(Family::Jump).sender <= 0.0
            && sums.of(Family::RejJump).sender <= 0.0
            && sums.of(Family::DeadJump).sender <= 0.0;
        if self.role.is_sender() && !met_today {
            // What nobody has registered, takes mail from outside and hands it on for many.
            let relay = self.role.source == RoleSource::Learned
                && self.others.is_some_and(|seen| seen.greeted() > 0)
                && suspect.peers.senders.len() >= spam_fanout::MOST_SENDERS;
            return if relay {
                Class::HijackedRelay
            } else {
                Class::HijackedServer
            };
        }
        let weight = |family| {
            if self.counts_of(family, self.role.is_sender() && !met_today) {
                sums.of(family).pc
            } else {
                0.0
            }
        };
        if weight(Family::Inbound) > 0.0 && weight(Family::Fan) > 0.0 {
            return Class::HijackedRelay;
        }
        let [mx, kwa, fan, submit, relay] = [
            Family::Mx,
            Family::Kwa,
            Family::Fan,
            Family::Submit,
            Family::Relay,
        ]
        .map(weight);
        let tally = &suspect.peers.tally;
        if relay > 0.0 && mx == 0.0 && tally.between_servers + tally.submission <= FEW {
            return Class::Gen1Relay;
        }
        let asks = mx > 0.0 && suspect.mx.len() >= GENERATION;
        // Who looks for submission servers has no use for exchangers.
        if submit > fan && !asks {
            return Class::SubmissionAbuse;
        }
        let guesses = kwa > 0.0 && suspect.unasked.len() >= GENERATION;
        match (asks, guesses) {
            (true, true) => Class::Hybrid,
            (true, false) => Class::Gen2Mx,
            // An office's mail programs guess a few hosts too: it takes more of that than of servers
            // that it turns to, or one keyword after the other.
            (false, true) if kwa >= fan || !suspect.swept.is_empty() => Class::Gen3A,
            _ if fan > 0.0 => Class::SpamFanout,
            _ if kwa > mx => Class::Gen3A,
            _ => Class::Gen2Mx,
        }
    }

    /// The judgement in full: `outcome` in words, with the packets that show it.
    pub(super) fn explain(
        &self,
        suspect: &Suspect,
        sums: &Score,
        coupling: Coupling,
        now: Timestamp,
    ) -> Judgement {
        let outcome = self.outcome(suspect, sums);
        let day = suspect.day();
        let mut evidence = Vec::new();
        let mut told: Vec<(Weight, String)> = Vec::new();
        for family in Family::ALL {
            let weight = Weight::of(family, sums.of(family));
            if weight.llr < SHOWS || !self.counts(family) {
                continue;
            }
            let words = gen2::explain(family, suspect)
                .or_else(|| gen3::explain(family, suspect, &day))
                .or_else(|| spam_fanout::explain(family, &suspect.peers))
                .or_else(|| suspect.relay.explain(family))
                .or_else(|| words(family, suspect, self.others, coupling));
            let Some((trail, text)) = words else { continue };
            told.push((weight, text.clone()));
            evidence.push(trail.evidence(weight, text));
        }
        let reason = match outcome.level {
            Level::Notice => policy_words(suspect, outcome.class) + &beside(&told),
            Level::Suspected => sentence(&told) + self.undecided(&outcome, self.view.smtp),
            _ if told.is_empty() => Judgement::ordinary(self.role.clone()).reason,
            _ => sentence(&told),
        };
        let reason = if self.egress {
            reason + "; the tap lies behind a resolver, so that its lookups were not weighed"
        } else {
            reason
        };
        Judgement {
            class: outcome.class,
            level: outcome.level,
            score: outcome.score,
            against: outcome.against,
            role: self.role.clone(),
            evidence,
            counterevidence: counterevidence::of(self, suspect, sums),
            reason,
            windows: suspect.fanout.windows(now),
            related: Vec::new(),
        }
    }

    /// What keeps a suspicion from a conviction.
    fn undecided(&self, outcome: &Outcome, smtp_in_sight: bool) -> &'static str {
        let left = outcome
            .against
            .with(self.role.prior(), |sum, many| many.ln() - sum);
        let sender = left.sender >= left.prober.max(left.pc);
        let prober = left.prober >= left.pc;
        match (sender, prober, smtp_in_sight) {
            (true, _, true) => "; a mail server could look like that",
            (true, _, false) => "; a mail server could look like that: its SMTP would decide",
            (_, true, true) => "; who probes mail servers could look like that",
            (_, true, false) => {
                "; who probes mail servers could look like that: its SMTP would decide"
            }
            _ => "",
        }
    }
}

/// Why a PC is worth a line.
fn policy_words(suspect: &Suspect, class: Class) -> String {
    let exchangers = suspect.mx.len() as u64;
    if suspect.direct == Some(Class::Op25bViolation) {
        return op25b::REASON.to_owned();
    }
    if class == Class::SubmissionAbuse {
        let servers = counted(suspect.peers.tally.submission, "submission server");
        return format!("turned to {servers} within a day, where people have a few");
    }
    let servers = suspect.peers.tally.between_servers;
    let what = match (exchangers, servers) {
        // It was more than a day ago.
        (0, 0) => "turned to port 25".to_owned(),
        (0, _) => format!("turned to port 25 of {}", counted(servers, "address")),
        (_, 0) => format!(
            "looked up the mail exchangers of {}",
            counted(exchangers, "domain")
        ),
        _ => format!(
            "looked up the mail exchangers of {} and turned to port 25 of {}",
            counted(exchangers, "domain"),
            counted(servers, "address")
        ),
    };
    what + ", which PCs leave to their mail server"
}

/// What else is known of a host that is worth a line: the conduct that weighs most.
fn beside(told: &[(Weight, String)]) -> String {
    let conduct = told
        .iter()
        .filter(|(weight, _)| weight.llr >= TELLING && !weight.family.is_content())
        .filter(|(weight, _)| !matches!(weight.family, Family::Client | Family::Mail))
        .max_by(|(a, _), (b, _)| a.llr.total_cmp(&b.llr));
    conduct.map_or_else(String::new, |(weight, text)| {
        joint(weight.family).to_owned() + text
    })
}

/// What joins a family's words to those before; some have a subject of their own.
fn joint(family: Family) -> &'static str {
    match family {
        Family::Fail
        | Family::Rej
        | Family::RejJump
        | Family::DeadJump
        | Family::R2
        | Family::FailingAnswers
        | Family::Back => "; ",
        _ => "; it ",
    }
}

/// The level that a score reaches.
fn level(score: f64) -> Level {
    match score {
        score if score >= CONFIRMED => Level::Confirmed,
        score if score >= LIKELY => Level::Likely,
        score if score >= SUSPECTED => Level::Suspected,
        _ => Level::None,
    }
}

/// Families that no other rule puts into words.
fn words(
    family: Family,
    suspect: &Suspect,
    others: Option<&Seen>,
    coupling: Coupling,
) -> Option<(Trail, String)> {
    match family {
        Family::Irc => Some(suspect.irc.explain()),
        Family::Inbound | Family::Back => others?.explain(family),
        Family::Follow => Some(suspect.follow.explain(coupling)),
        Family::Client => {
            // Counted, and so without packets.
            let queries = suspect.addresses.https();
            let text = format!(
                "asks for service bindings of the web, as browsers do ({queries} queries of type \
                 HTTPS)"
            );
            Some((Trail::default(), text))
        }
        _ => None,
    }
}

/// The content and the conduct that weigh most, as one sentence without its subject.
fn sentence(told: &[(Weight, String)]) -> String {
    let most = |content: bool| {
        let mut told: Vec<_> = told
            .iter()
            .filter(|(weight, _)| weight.family.is_content() == content)
            .filter(|(weight, _)| !matches!(weight.family, Family::Client | Family::Mail))
            .collect();
        told.sort_by(|(a, _), (b, _)| b.llr.total_cmp(&a.llr));
        told.truncate(NAMED);
        told
    };
    let mut sentence = String::new();
    for (weight, text) in most(true).into_iter().chain(most(false)) {
        if !sentence.is_empty() {
            sentence.push_str(joint(weight.family));
        }
        sentence.push_str(text);
    }
    sentence
}
