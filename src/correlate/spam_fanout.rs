//! Mail straight to many servers: what every spam bot does that has a mail engine of its own,
//! whatever it asks the DNS.
//!
//! Content is to how many servers a host turns ([`Family::Fan`]). A mail server does that too,
//! so it takes conduct: connections that come to nothing, refusals, and SMTP that is not a mail
//! server's. Weights are likelihood ratios between a bot and an honest sender that delivers by
//! itself, once for each destination in a day; all are priors until they are fitted. "The
//! study" is the sketch of weights that the project began with (its sections 3 and 4).

use super::CounterEvidence;
use super::evidence::{Family, Trail};
use super::peers::{Answers, Moved, Peer, Peers, Tally};
use super::score::{Against, Score};
use super::suspect::View;
use crate::count::smtp::SmtpTotals;
use crate::decode::smtp::Defect;
use crate::time::Timestamp;
use crate::words::counted;

/// Servers on port 25 that say nothing: a person's machine has a relay or two at the most.
/// The study: "from the third on".
const RELAYS: u32 = 2;
/// A further one (the study; as for a domain in the second generation's rule).
const SERVER: Against = Against::pc(2.3);
/// Submission servers that say nothing: people have up to three providers (the study).
const PROVIDERS: u32 = 3;
/// A further one (the study). An office behind one address has many.
const PROVIDER: Against = Against::each(1.5, 0.0, 0.7);

/// A destination that fails: .25 of a bot's against .05 of an honest sender's (dead exchangers,
/// and those of dead domains); probers meet as many. The study reckons with .4 of a bot's, of
/// which half fail in the DNS already.
const FAILS: Against = Against::each(1.6, 1.6, 0.3);
/// One that answers.
const ANSWERS: Against = Against::each(-0.24, -0.24, -0.05);

/// A server that does not know the recipients: .3 of a bot's (the study) against .04 of an
/// honest sender's. The study gives 4; there are honest lists that rot, and lists are
/// validated that way.
const UNKNOWN: Against = Against::each(2.0, 2.0, 0.0);
/// A server that takes the host for a spammer (the study). The second one adds little, and
/// further ones nothing: one entry in one block list, as every home connection has, is told by
/// all servers.
const BLOCKED: [Against; 2] = [Against::each(3.0, 2.3, 1.0), Against::each(0.6, 0.6, 0.6)];
/// Any other refusal for good: mostly, that of the same lists in other words. Two at the most,
/// and none beside those who say it.
const REFUSED: (u32, Against) = (2, Against::each(0.7, 0.7, 0.0));
/// A server that puts off and accepts nothing later: .3 against .2, since greylisting puts off
/// every sender; and five of them at the most, since there are places where every server does.
const DEFERRED: (u32, Against) = (5, Against::each(0.4, 0.4, 0.0));
/// A server that took nothing where its replies cannot be read: unknown recipients and block lists are .4 of a bot's
/// ([`super::fares`]), greylisting a tenth of both, and honest senders make callouts and find
/// mailboxes gone in as many. Three at the most, and none beside those who say that they take the
/// host for a spammer, since these may say the same.
const TOOK_NOTHING: (u32, Against) = (3, Against::each(1.0, 1.0, 0.0));
/// A server that accepts: .7 of a bot's against .95.
const ACCEPTED: Against = Against::each(-0.31, -0.31, 0.0);
/// A submission server that lets nobody in: a person has mistyped a password, or left an old
/// one in a program; a list of stolen ones has rotted. From the second one on.
const LOGIN_FAILS: (u32, Against) = (1, Against::each(1.5, 2.3, 2.3));
/// A message is handed over: who probes says no more than RCPT.
const HANDED: Against = Against::each(0.0, 0.0, 3.0);
/// The envelope was, the server did not mind, as far as can be seen, and no message follows.
const ASKED: Against = Against::each(0.0, 0.0, -0.8);

/// Weight of a third name in HELO (the study: 1.5 for a second and 2 for a third; nobody needs
/// more than two in a week, and two alone say nothing here).
const NAMES: f64 = 3.5;
/// Names in HELO that say nothing.
const OWN_NAMES: usize = 2;
/// Weight of senders of many domains (the study).
const SENDERS: f64 = 2.0;
/// How many those are (the study).
const MANY_SENDERS: usize = 3;
/// Weight of senders of so many domains that no relation between them is left.
const FORGED: f64 = 3.5;
/// How many those are.
pub(super) const MOST_SENDERS: usize = 8;
/// What that weighs more against a PC: people have a few addresses, and a server that forwards
/// for others sends as whoever wrote to them.
const NO_PERSON: f64 = 3.4;
/// What manners weigh at the most against a sender, a hundred to one; some senders' are bad.
const MANNERS: f64 = 4.6;
/// Weight of leaving without QUIT (the study).
const NO_QUIT: f64 = 1.0;
/// Weight of each destination that was not left so (the study: −.2 a session).
const QUIT: f64 = -0.2;

/// How telling a defect is, seen once or often; the study's 1.5 for a bad HELO, 1 for others,
/// and half of that for what careless programs of honest people do as well.
fn defect_weight(defect: Defect) -> f64 {
    match defect {
        // What servers shut out bots by, and no mail server does (Postfix's pregreet test).
        Defect::EarlyTalk => 3.0,
        Defect::HeloBareIp | Defect::HeloLocalhost | Defect::HeloMissing | Defect::HeloChanged => {
            1.5
        }
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
pub(super) fn breaks_off(tally: &Tally) -> bool {
    tally.no_quit >= 2 && tally.no_quit * 2 >= tally.mailed
}

/// Moves the score by what a destination has become; `tally` is the one after that.
pub(super) fn step(score: &mut Score, moved: &Moved, tally: &Tally, view: View, now: Timestamp) {
    let Moved { before, after } = moved;
    let before = before.unwrap_or_default();
    if after.between_servers && !before.between_servers && tally.between_servers > RELAYS {
        score.add(Family::Fan, SERVER, now);
    }
    if after.submission && !before.submission && tally.submission > PROVIDERS {
        score.add(Family::Submit, PROVIDER, now);
    }
    let failed = |peer: &Peer| peer.login_failed && !peer.login;
    if failed(after) && !failed(&before) && tally.login_failed > LOGIN_FAILS.0 {
        score.add(Family::Rej, LOGIN_FAILS.1, now);
    }
    let difference = delivery(after, view) - delivery(&before, view);
    if difference != Against::default() {
        score.add(Family::Mail, difference, now);
    }
    // Where the servers' packets are not mirrored, SYNs may be all that is captured: the host must
    // be seen to go on with some server, before its SYNs alone tell that others did not answer.
    let goes_on = view.answers || tally.reached > 0;
    let difference = connection(after) - connection(&before);
    if goes_on && difference != Against::default() {
        score.add(Family::Fail, difference, now);
    }
    let left = u32::from(before.answers() != after.answers());
    let difference = answer(after, tally, 0) - answer(&before, tally, left);
    if difference != Against::default() {
        score.add(Family::Rej, difference, now);
    }
}

/// What a destination weighs by whether it answers at all.
fn connection(peer: &Peer) -> Against {
    match (peer.reached, peer.failed) {
        (true, _) => ANSWERS,
        (false, true) => FAILS,
        (false, false) => Against::default(),
    }
}

/// What a destination weighs by whether it gets a message. Where the servers' packets are not
/// mirrored, it is not known before the end whether one that says nothing minds.
fn delivery(peer: &Peer, view: View) -> Against {
    let asked = match peer.answers() {
        Answers::Nothing => peer.mailed && view.answers,
        answers => answers == Answers::TookNothing,
    };
    match (peer.handed, asked) {
        (true, _) => HANDED,
        (false, true) => ASKED,
        (false, false) => Against::default(),
    }
}

/// What a destination weighs by how it answers what it is handed; `left`: destinations that
/// have answered so and do no longer.
fn answer(peer: &Peer, tally: &Tally, left: u32) -> Against {
    match peer.answers() {
        Answers::Accepted => ACCEPTED,
        Answers::Unknown => UNKNOWN,
        Answers::Refused if tally.blocked == 0 && tally.refused + left <= REFUSED.0 => REFUSED.1,
        Answers::Blocked => {
            let place = (tally.blocked + left).saturating_sub(1) as usize;
            BLOCKED.get(place).copied().unwrap_or_default()
        }
        Answers::Deferred if tally.deferred + left <= DEFERRED.0 => DEFERRED.1,
        Answers::TookNothing
            if tally.blocked == 0 && tally.took_nothing + left <= TOOK_NOTHING.0 =>
        {
            TOOK_NOTHING.1
        }
        Answers::Refused | Answers::Deferred | Answers::TookNothing | Answers::Nothing => {
            Against::default()
        }
    }
}

/// Sets what the manners of a host weigh.
pub(super) fn weigh_manners(score: &mut Score, peers: &Peers, smtp: &SmtpTotals) {
    let llr = proto(peers, smtp);
    let pc = if llr > 0.0 && peers.senders.len() >= MOST_SENDERS {
        llr + NO_PERSON
    } else {
        llr
    };
    let sender = llr.min(MANNERS);
    // Who probes has manners of its own.
    score.set(Family::Proto, Against::each(pc, sender, sender / 2.0));
}

fn proto(peers: &Peers, smtp: &SmtpTotals) -> f64 {
    let tally = &peers.tally;
    // Who hands over no mail is a scanner or a monitor, whose manners are others.
    if tally.mailed == 0 && smtp.tls == 0 {
        return 0.0;
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
    llr += match peers.senders.len() {
        MOST_SENDERS.. => FORGED,
        MANY_SENDERS.. => SENDERS,
        _ => 0.0,
    };
    llr + (f64::from(quits(tally)) * QUIT).max(-Family::Proto.credit())
}

/// Destinations that got mail and were not left without QUIT. Of the newest, whose connection is open,
/// nobody knows yet: of a host that has left others so it is not taken for one.
fn quits(tally: &Tally) -> u32 {
    let open = u32::from(tally.no_quit > 0);
    tally.mailed.saturating_sub(tally.no_quit + open)
}

/// A family of this rule in words, and the packets that show it.
pub(super) fn explain(family: Family, peers: &Peers) -> Option<(Trail, String)> {
    let tally = &peers.tally;
    let (trail, text) = match family {
        Family::Fan | Family::Submit => (
            &peers.fan_trail,
            format!("{}, {}", fan(tally), examples(peers)),
        ),
        // What failed when the score was highest has answered since.
        Family::Fail if tally.failed == 0 => return None,
        Family::Fail => (&peers.fail_trail, failures(tally)),
        Family::Rej => (&peers.rej_trail, refusals(tally)),
        Family::RejJump => return Some(peers.fares.explain()),
        Family::Proto => (&peers.proto_trail, manners(peers)),
        Family::Mail => {
            let servers = counted(tally.handed, "server");
            (
                &peers.mail_trail,
                format!("handed over messages to {servers}"),
            )
        }
        _ => return None,
    };
    Some((trail.clone(), text))
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
        (tally.took_nothing, "got an envelope and no message"),
        (tally.login_failed, "did not let it in"),
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

/// What pulled the score down; `weight`: what a family weighs.
pub(super) fn against(
    weight: &dyn Fn(Family) -> Against,
    peers: &Peers,
) -> impl Iterator<Item = CounterEvidence> {
    let tally = &peers.tally;
    let Tally {
        reached,
        failed,
        accepted,
        ..
    } = *tally;
    let all = counted(reached + failed, "server");
    let quits = quits(tally);
    let quit = (f64::from(quits) * QUIT).max(-Family::Proto.credit());
    let against = [
        (
            "smtp-answered",
            reached,
            weight(Family::Fail).sender,
            format!("{reached} of {all} answered"),
        ),
        (
            "smtp-accepted",
            accepted,
            weight(Family::Rej).sender,
            format!("{} accepted its mail", counted(accepted, "server")),
        ),
        (
            "smtp-quit",
            quits,
            quit,
            format!("left {} in order, with QUIT", counted(quits, "server")),
        ),
    ];
    let told = against
        .into_iter()
        .map(|(what, count, llr, text)| CounterEvidence::new(what, count.into(), llr, text));
    told.filter(CounterEvidence::weighs)
}

#[cfg(test)]
mod tests;
