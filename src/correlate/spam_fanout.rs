//! Mail straight to many servers: what every spam bot does that has a mail engine of its own,
//! whatever it asks the DNS.
//!
//! Content is to how many servers a host turns ([`Family::Fan`]). A mail server does that too,
//! so it takes conduct: connections that come to nothing, refusals, and SMTP that is not a mail
//! server's. Weights are likelihood ratios between a bot and an honest sender that delivers by
//! itself, once for each destination in a day; all are priors until they are fitted. "The
//! study" is the sketch of weights that the project began with (its sections 3 and 4).

use super::CounterEvidence;
use super::Finding;
use super::evidence::{Evidence, Family, Trail, Weight};
use super::peers::{Peers, Tally};
use crate::count::smtp::SmtpTotals;
use crate::decode::smtp::Defect;
use crate::verdict::Class;
use crate::words::counted;

/// Servers on port 25 that say nothing: a person's machine has a relay or two at the most.
/// The study: "from the third on".
const RELAYS: u32 = 2;
/// Weight of each further one (the study; as for a domain in the second generation's rule).
const PER_SERVER: f64 = 2.3;
/// Submission servers that say nothing: people have up to three providers (the study).
const PROVIDERS: u32 = 3;
/// Weight of each further one (the study).
const PER_PROVIDER: f64 = 1.5;
/// Content alone brings even odds and no more (prior 1 in 1000), as in the second generation's
/// rule.
const FAN_CAP: f64 = 6.9;

/// Share of a bot's destinations that fail: the study reckons with .4; lists of harvested
/// addresses are old.
const BOT_FAILS: f64 = 0.4;
/// The same of an honest sender: dead exchangers, and those of dead domains.
const HONEST_FAILS: f64 = 0.05;
/// `FAN_CAP` and this together are below `likely`: who only knocks on port 25 is a scanner as
/// well.
const FAIL_CAP: f64 = 4.5;
/// Five servers that answer: a past without failures buys no more than that.
const FAIL_CREDIT: f64 = 2.3;

/// Weight of a server that does not know the recipients: .3 of a bot's (the study) against .02
/// of a list that is cared for. The study gives 4; there are honest lists that rot.
const UNKNOWN: f64 = 2.7;
/// Weight of a server that takes the host for a spammer (the study).
const BLOCKED: f64 = 4.0;
/// All of those together: one entry in one block list, as every home connection has, is told
/// by all servers.
const BLOCKED_CAP: f64 = 4.6;
/// Weight of any other refusal for good (the study).
const REFUSED: f64 = 1.5;
/// Weight of a server that puts off and accepts nothing later: .3 against .2, since
/// greylisting puts off every sender.
const DEFERRED: f64 = 0.4;
/// All of those together: there are places where every server does.
const DEFERRED_CAP: f64 = 2.0;
/// Weight of a server that accepts: .7 of a bot's against .95.
const ACCEPTED: f64 = -0.31;
/// The study's cap of a family.
const REJ_CAP: f64 = 9.0;
/// Fifteen servers that accept.
const REJ_CREDIT: f64 = 4.6;

/// Weight of a third name in HELO (the study: 1.5 for a second and 2 for a third; nobody needs
/// more than two in a week, and two alone say nothing here).
const NAMES: f64 = 3.5;
/// Names in HELO that say nothing.
const OWN_NAMES: usize = 2;
/// Weight of senders of many domains (the study).
const SENDERS: f64 = 2.0;
/// How many those are (the study).
const MANY_SENDERS: usize = 3;
/// Weight of leaving without QUIT (the study).
const NO_QUIT: f64 = 1.0;
/// Weight of each destination that was not left so (the study: −.2 a session).
const QUIT: f64 = -0.2;
/// Courtesy costs a bot nothing, so that it buys little.
const QUIT_CREDIT: f64 = 0.5;
/// Neither names nor manners weigh more than a hundred to one.
const PROTO_CAP: f64 = 4.6;

/// How telling a defect is, seen once or often; the study's 1.5 for a bad HELO, 1 for others,
/// and half of that for what careless programs of honest people do as well.
fn defect_weight(defect: Defect) -> f64 {
    match defect {
        Defect::HeloBareIp
        | Defect::HeloLocalhost
        | Defect::HeloMissing
        | Defect::HeloChanged
        | Defect::EarlyTalk => 1.5,
        Defect::BareLf | Defect::MissingBrackets | Defect::NoHelo | Defect::UnofferedPipelining => {
            1.0
        }
        Defect::HeloNotQualified
        | Defect::LineTooLong
        | Defect::SpaceAfterColon
        | Defect::Syntax
        | Defect::EightBit
        | Defect::UnknownCommand => 0.5,
        // Connections break: only where it is the habit, see `proto`.
        Defect::NoQuit => 0.0,
    }
}

/// Whether a defect is about the name in HELO: one bad name is one fault.
fn is_name(defect: Defect) -> bool {
    matches!(
        defect,
        Defect::HeloBareIp | Defect::HeloLocalhost | Defect::HeloMissing | Defect::HeloNotQualified
    )
}

/// Whether a host leaves without QUIT by habit.
fn breaks_off(tally: &Tally) -> bool {
    tally.no_quit >= 2 && tally.no_quit * 2 >= tally.mailed
}

/// Weighs a host that is no known server; `smtp`: its counters.
#[must_use]
pub fn weigh(peers: &Peers, smtp: &SmtpTotals) -> Option<Finding> {
    let tally = &peers.tally;
    let servers = f64::from(tally.between_servers.saturating_sub(RELAYS));
    let providers = f64::from(tally.submission.saturating_sub(PROVIDERS));
    let fan = PER_SERVER * servers + PER_PROVIDER * providers;
    if fan == 0.0 {
        return None;
    }
    // Where the servers' packets are not mirrored, their silence and their replies are unknown.
    let mirrored = smtp.answers_seen != Some(false);
    let outcomes = tally.reached + tally.failed > 0;
    Some(Finding {
        class: Class::SpamFanout,
        content: Weight::new(Family::Fan, fan, FAN_CAP),
        conduct: [
            (mirrored && outcomes).then(|| fail(tally)),
            mirrored.then(|| rej(tally)).flatten(),
            proto(peers, smtp),
            None,
        ],
    })
}

fn between(family: Family, llr: f64, credit: f64, cap: f64) -> Weight {
    Weight {
        family,
        llr: llr.clamp(-credit, cap),
        capped: llr >= cap || llr <= -credit,
    }
}

/// The sequential test of connections: each destination that fails or answers.
fn fail(tally: &Tally) -> Weight {
    let failed = (BOT_FAILS / HONEST_FAILS).ln();
    let reached = ((1.0 - BOT_FAILS) / (1.0 - HONEST_FAILS)).ln();
    let llr = f64::from(tally.failed) * failed + f64::from(tally.reached) * reached;
    between(Family::Fail, llr, FAIL_CREDIT, FAIL_CAP)
}

fn rej(tally: &Tally) -> Option<Weight> {
    let Tally {
        accepted,
        blocked,
        unknown,
        refused,
        deferred,
        ..
    } = *tally;
    if accepted + blocked + unknown + refused + deferred == 0 {
        return None;
    }
    let refusals = f64::from(unknown) * UNKNOWN + f64::from(refused) * REFUSED;
    let blocked = f64::from(blocked) * BLOCKED;
    let deferred = f64::from(deferred) * DEFERRED;
    let llr = refusals + blocked + deferred + f64::from(accepted) * ACCEPTED;
    // Taken off last, so that those that accept are set against all of them.
    let most = refusals + blocked.min(BLOCKED_CAP) + deferred.min(DEFERRED_CAP);
    Some(between(Family::Rej, llr.min(most), REJ_CREDIT, REJ_CAP))
}

fn proto(peers: &Peers, smtp: &SmtpTotals) -> Option<Weight> {
    let tally = &peers.tally;
    // Who hands over no mail is a scanner or a monitor, whose manners are others.
    if tally.mailed == 0 && smtp.tls == 0 {
        return None;
    }
    let weights = |name| {
        let defects = peers.defects().filter(move |d| is_name(*d) == name);
        defects.map(defect_weight)
    };
    let mut llr = weights(false).sum::<f64>() + weights(true).fold(0.0, f64::max);
    if breaks_off(tally) {
        llr += NO_QUIT;
    }
    if peers.helo.len() > OWN_NAMES {
        llr += NAMES;
    }
    if peers.senders.len() >= MANY_SENDERS {
        llr += SENDERS;
    }
    llr += (f64::from(quits(tally)) * QUIT).max(-QUIT_CREDIT);
    (llr != 0.0).then(|| between(Family::Proto, llr, QUIT_CREDIT, PROTO_CAP))
}

/// Destinations that got mail and were not left without QUIT.
fn quits(tally: &Tally) -> u32 {
    tally.mailed.saturating_sub(tally.no_quit)
}

/// The finding in words: a piece of evidence for each weight that speaks against the host, and
/// one sentence.
#[must_use]
pub fn explain(finding: &Finding, peers: &Peers) -> (Vec<Evidence>, String) {
    let tally = &peers.tally;
    let evidence = finding.weights().filter(|weight| weight.llr > 0.0);
    let evidence = evidence.map(|weight| {
        let (trail, text): (&Trail, _) = match weight.family {
            Family::Fail => (&peers.fail_trail, failures(tally)),
            Family::Rej => (&peers.rej_trail, refusals(tally)),
            Family::Proto => (&peers.proto_trail, manners(peers)),
            _ => (
                &peers.fan_trail,
                format!("{}, {}", fan(tally), examples(peers)),
            ),
        };
        trail.evidence(weight, text)
    });
    let weighs = |family| finding.weights().any(|w| w.family == family && w.llr > 0.0);
    let mut reason = fan(tally);
    if weighs(Family::Fail) {
        reason = format!("{reason}; {}", failures(tally));
    }
    if weighs(Family::Rej) {
        reason = format!("{reason}; {}", refusals(tally));
    }
    if weighs(Family::Proto) {
        reason = format!("{reason}; it {}", manners(peers));
    }
    (evidence.collect(), reason)
}

fn fan(tally: &Tally) -> String {
    let servers = tally.between_servers;
    let beside = match tally.submission {
        0 => String::new(),
        submission => format!(" and to {} ", counted(submission, "submission server")),
    };
    let beside = beside.trim_end();
    if servers == 0 {
        let submission = counted(tally.submission, "submission server");
        return format!("turned to {submission} within a day");
    }
    let servers = counted(servers, "address");
    format!("turned to port 25 of {servers}{beside} within a day")
}

fn examples(peers: &Peers) -> String {
    let examples: Vec<_> = peers.examples.iter().map(ToString::to_string).collect();
    format!("as {}", examples.join(", "))
}

fn failures(tally: &Tally) -> String {
    let Tally {
        failed, reached, ..
    } = *tally;
    let all = counted(failed + reached, "server");
    format!("{failed} of {all} refused the connection or did not answer")
}

fn refusals(tally: &Tally) -> String {
    let said = [
        (tally.unknown, "knew no such recipient"),
        (tally.blocked, "took it for a spammer"),
        (tally.refused, "refused it otherwise"),
        (tally.deferred, "put it off"),
    ];
    let mut said: Vec<_> = said
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", counted(*count, "server")))
        .collect();
    said.push(match tally.accepted {
        0 => "none was seen to accept its mail".to_owned(),
        accepted => format!("{} accepted its mail", counted(accepted, "server")),
    });
    said.join(", ")
}

fn manners(peers: &Peers) -> String {
    let mut said = Vec::new();
    let names = peers.helo.len();
    if names > OWN_NAMES {
        said.push(format!("gave {names} names for itself in HELO"));
    }
    let senders = peers.senders.len();
    if senders >= MANY_SENDERS {
        said.push(format!("sent as {senders} domains"));
    }
    if breaks_off(&peers.tally) {
        let Tally {
            no_quit, mailed, ..
        } = peers.tally;
        said.push(format!("left {no_quit} of {mailed} servers without QUIT"));
    }
    let defects: Vec<_> = peers
        .defects()
        .filter(|defect| *defect != Defect::NoQuit)
        .map(Defect::name)
        .collect();
    if !defects.is_empty() {
        said.push(format!("spoke SMTP with defects ({})", defects.join(", ")));
    }
    said.join(", ")
}

/// What pulled the score down, in plain sentences with what it weighs.
#[must_use]
pub fn against(finding: &Finding, peers: &Peers) -> Vec<CounterEvidence> {
    let tally = &peers.tally;
    let weight = |family| {
        let found = finding.weights().find(|weight| weight.family == family);
        found.map_or(0.0, |weight| weight.llr)
    };
    let mut against = Vec::new();
    let mut tell = |what, count: u32, text: String| {
        against.push(CounterEvidence {
            what,
            count: count.into(),
            text,
        });
    };
    let Tally {
        reached,
        failed,
        accepted,
        ..
    } = *tally;
    let llr = weight(Family::Fail);
    if llr < 0.0 {
        let all = counted(reached + failed, "server");
        let text = format!("{reached} of {all} answered, which weighs {llr:+.1}");
        tell("smtp-answered", reached, text);
    }
    let llr = weight(Family::Rej);
    if llr < 0.0 {
        let servers = counted(accepted, "server");
        let text = format!("{servers} accepted its mail, which weighs {llr:+.1}");
        tell("smtp-accepted", accepted, text);
    }
    let quits = quits(tally);
    if quits > 0
        && finding
            .weights()
            .any(|weight| weight.family == Family::Proto)
    {
        let llr = (f64::from(quits) * QUIT).max(-QUIT_CREDIT);
        let servers = counted(quits, "server");
        let text = format!("left {servers} in order, with QUIT, which weighs {llr:+.1}");
        tell("smtp-quit", quits, text);
    }
    against
}

#[cfg(test)]
mod tests;
