//! Judgement over hand-made seconds.

use super::correlator::{Context, Correlator};
use super::suspects::SUSPECTS;
use super::*;
use crate::count::delta::{Delta, Domain, Fact, Outcome, Refusal, Server, What};
use crate::count::host::Label;
use crate::count::names::ServerLookup;
use crate::home::Home;
use crate::verdict::Role;
use std::sync::Arc;

mod blind;
mod counted;
mod machines;

fn host(number: u8) -> HostAddr {
    HostAddr::from_v4([192, 0, 2, number])
}

/// A second in which these things were observed of a host, one after the other.
fn delta(second: i64, host: HostAddr, whats: &[What]) -> Delta {
    let facts = whats.iter().zip(0..).map(|(&what, nanos)| Fact {
        host,
        time: Timestamp::from_parts(second, nanos),
        origin: crate::capture::Origin::default(),
        packet_time: Timestamp::from_parts(second, nanos),
        what,
    });
    let facts = facts.collect();
    Delta {
        second,
        facts,
        ..Delta::default()
    }
}

fn domain(hash: u64) -> Domain {
    let (at, len) = (0, 0);
    Domain { hash, at, len }
}

/// MX lookups of that many domains.
fn mx(domains: u64) -> Vec<What> {
    (0..domains)
        .map(|hash| What::MxQuery(domain(hash)))
        .collect()
}

/// The same, answered: half of the domains do not exist.
fn dead(domains: u64) -> Vec<What> {
    (0..domains)
        .flat_map(|hash| {
            let failed = hash % 2 == 0;
            let reply = What::MxReply {
                domain: hash,
                failed,
            };
            [What::MxQuery(domain(hash)), reply]
        })
        .collect()
}

/// A second in which a worm asks for the exchangers of so many domains, and another in which
/// it asks for the next address of each; half of them do not exist.
fn worm(second: i64, host: HostAddr, domains: u64) -> [Delta; 2] {
    [second, second + 90].map(|second| delta(second, host, &dead(domains)))
}

fn run(correlator: &mut Correlator, deltas: impl IntoIterator<Item = Delta>) -> Vec<Verdict> {
    let told = deltas.into_iter().map(|delta| correlator.second(&[delta]));
    told.flatten().collect()
}

/// Those that are more than a notice.
fn serious(verdicts: Vec<Verdict>) -> Vec<Verdict> {
    let serious = |verdict: &Verdict| verdict.judgement.level > Level::Notice;
    verdicts.into_iter().filter(serious).collect()
}

#[test]
fn a_resolver_stays_one_over_a_silent_week() {
    let mut correlator = Correlator::new(Context::default());
    let answers = delta(0, host(1), &[What::AnswersDns]);
    assert_eq!(correlator.second(&[answers]), []);
    for day in [1, 4, 7] {
        let other = delta(day * 86_400, host(2), &mx(1));
        assert_eq!(serious(correlator.second(&[other])), []);
    }
    // Any other host would be convicted; of a resolver it is a suspicion.
    for (host, level) in [(host(1), Level::Suspected), (host(3), Level::Likely)] {
        let told = run(&mut correlator, worm(8 * 86_400, host, 500));
        let mut told = told.iter().filter(|verdict| verdict.host == host);
        assert_eq!(
            told.next_back().map(|verdict| verdict.judgement.level),
            Some(level)
        );
    }
}

/// A lookup of `mail` in a domain that does not exist.
fn guess(hash: u64) -> [What; 2] {
    let (domain, name) = (domain(hash), hash);
    let label = Label::new(b"mail");
    let query = What::MailHostQuery {
        domain,
        name,
        label,
    };
    [query, What::MailHostReply { name, failed: true }]
}

#[test]
fn a_hybrid_stays_one_when_it_is_convicted() {
    let mut correlator = Correlator::new(Context::default());
    // All its A queries are for mail hosts, then few are.
    let asked = |second, whats: &[What], others: u32| {
        let mut delta = delta(second, host(1), whats);
        let mut totals = HostTotals::default();
        let t = 10 + others;
        let bin = crate::count::series::Bin {
            t,
            exact: 10,
            ..Default::default()
        };
        totals.sums.add(second, bin);
        delta.totals.push((host(1), totals));
        delta
    };
    let guesses: Vec<_> = (1_000..1_010).map(|hash| guess(hash)[0]).collect();
    let mut told = correlator.second(&[asked(0, &guesses, 0)]);
    told.extend(correlator.second(&[asked(10, &mx(120), 0)]));
    told.extend(correlator.second(&[asked(20, &dead(200), 1_000)]));
    told.extend(correlator.second(&[asked(200, &dead(200), 1_000)]));
    let told: Vec<_> = told.iter().map(|verdict| &verdict.judgement).collect();
    let told: Vec<_> = told.iter().map(|it| (it.level, it.class)).collect();
    assert_eq!(
        told,
        [
            (Level::Suspected, Class::Gen3A),
            (Level::Suspected, Class::Hybrid),
            (Level::Likely, Class::Hybrid),
        ]
    );
}

#[test]
fn an_episode_that_ends_in_silence_says_so() {
    let mut correlator = Correlator::new(Context::default());
    let told = run(&mut correlator, worm(0, host(1), 500));
    assert_eq!(told.last().unwrap().judgement.level, Level::Likely);
    let told = correlator.second(&[delta(2 * 86_400, host(2), &mx(1))]);
    let [closed, _] = &told[..] else {
        panic!("the closing verdict and a notice")
    };
    assert_eq!((closed.host, closed.state), (host(1), State::Closed));
    let Judgement { level, reason, .. } = &closed.judgement;
    assert_eq!(*level, Level::None);
    assert_eq!(reason, "has made no mail lookups for a day");
}

/// Evidence is of the last day: a host that is never silent is not judged by its past.
#[test]
fn failures_of_last_week_are_no_evidence() {
    let mut correlator = Correlator::new(Context::default());
    // Two guesses an hour, 48 a day, of which six fail: one in eight.
    for hour in 0..24 * 14 {
        let guesses = [guess(2 * hour), guess(2 * hour + 1)];
        let mut whats: Vec<_> = guesses.into_iter().flatten().collect();
        for (index, what) in whats.iter_mut().enumerate() {
            if let What::MailHostReply { failed, .. } = what {
                *failed = index == 1 && hour % 4 == 0;
            }
        }
        let second = i64::try_from(hour).unwrap() * 3_600;
        let told = correlator.second(&[delta(second, host(1), &whats)]);
        assert_eq!(serious(told), [], "in hour {hour}");
    }
    // The same, and most of them fail.
    let whats: Vec<_> = (10_000..10_040).flat_map(guess).collect();
    let second = 24 * 14 * 3_600;
    assert!(
        !correlator
            .second(&[delta(second, host(1), &whats)])
            .is_empty()
    );
}

#[test]
fn servers_outside_take_no_place() {
    let home = Arc::new(Home::new(["192.0.2.0/24".parse().unwrap()]));
    let mut correlator = Correlator::new(Context {
        home,
        ..Context::default()
    });
    let outside = HostAddr::from_v4([198, 51, 100, 1]);
    correlator.second(&[
        delta(0, outside, &[What::AnswersDns]),
        delta(0, host(1), &[What::AnswersDns]),
    ]);
    assert_eq!(correlator.remembered(), (0, 1));
    let role = |host| correlator.judgement(host, &HostTotals::default()).role.role;
    assert_eq!(
        (role(host(1)), role(outside)),
        (Role::Resolver, Role::External)
    );
}

#[test]
fn scores_and_posteriors() {
    assert!((posterior(0.0) - 0.001).abs() < 1e-12);
    assert!((posterior(SUSPECTED) - 0.5).abs() < 0.01);
    assert!((posterior(LIKELY) - 0.99).abs() < 0.001);
}

fn mx_of(hash: u64) -> What {
    What::MxQuery(domain(hash))
}

/// A lookup of this keyword in a domain of its own.
fn mail_host(n: u64, label: &[u8]) -> What {
    let (domain, label) = (domain(1_000_000 + n), Label::new(label));
    What::MailHostQuery {
        domain,
        name: n,
        label,
    }
}

fn ptr(name: u64) -> What {
    What::ServerLookup {
        lookup: ServerLookup::ReversePtr,
        name,
    }
}

/// Nine reverse lookups: with another one an hour later it is a mail server's trade.
fn reverse(correlator: &mut Correlator, second: i64) -> Vec<Verdict> {
    let lookups: Vec<_> = (1..10).map(ptr).collect();
    correlator.second(&[delta(second, host(1), &lookups)])
}

/// Where the replies are not seen, what follows an MX lookup is taken for its consequence.
#[test]
fn a_mail_server_is_not_judged_by_what_its_lookups_lead_to() {
    let mut correlator = Correlator::new(Context::default());
    for n in 0..20_u64 {
        let whats = [mx_of(n), mail_host(n, b"mail"), mail_host(n, b"smtp")];
        let told = correlator.second(&[delta(n.cast_signed(), host(1), &whats)]);
        assert_eq!(serious(told), []);
    }
}

#[test]
fn who_turns_out_to_be_a_server_is_cleared() {
    let mut correlator = Correlator::new(Context::default());
    let told: Vec<_> = (0..120_u64)
        .flat_map(|n| correlator.second(&[delta(10 * n.cast_signed(), host(1), &[mx_of(n)])]))
        .collect();
    let levels: Vec<_> = told.iter().map(|v| (v.state, v.judgement.level)).collect();
    let notice = (State::New, Level::Notice);
    assert_eq!(levels, [notice, (State::Updated, Level::Suspected)]);
    assert_eq!(reverse(&mut correlator, 2_000), []);
    let cleared = correlator.second(&[delta(5_600, host(1), &[ptr(10)])]);
    let [verdict] = &cleared[..] else {
        panic!("{cleared:?}")
    };
    assert_eq!(
        (verdict.state, verdict.judgement.level),
        (State::Closed, Level::None)
    );
    assert_eq!(
        (verdict.sequence, verdict.judgement.role.role),
        (3, Role::MailServer)
    );
    // Others come and go; a hundred MX queries more are a server's.
    correlator.expire(87_000);
    let more: Vec<_> = (200..320).map(mx_of).collect();
    assert_eq!(correlator.second(&[delta(87_001, host(1), &more)]), []);
    assert_eq!(correlator.finish(Timestamp::from_parts(87_500, 0)), []);
}

/// A host that asks for one name again and again, as for that of its own address.
#[test]
fn one_name_is_one_lookup_however_often_it_is_asked_for() {
    let role = |name: u64| {
        let mut correlator = Correlator::new(Context::default());
        correlator.second(&[delta(0, host(1), &mx(10))]);
        reverse(&mut correlator, 100);
        for second in [1_900, 3_690, 3_710] {
            correlator.second(&[delta(second, host(1), &[ptr(9)])]);
        }
        correlator.second(&[delta(3_720, host(1), &[ptr(name)])]);
        let judgement = correlator.judgement(host(1), &HostTotals::default());
        judgement.role.role
    };
    assert_eq!(role(9), Role::Pc);
    assert_eq!(role(10), Role::MailServer);
}

/// It answers DNS only after it was noticed, so that the notice stands and its reasons do not
/// weigh for the role that it has by then.
#[test]
fn the_sentence_is_of_the_level_that_stands() {
    let mut correlator = Correlator::new(Context::default());
    let told = correlator.second(&[delta(0, host(1), &knocks(1))]);
    let noticed = told[0].judgement.clone();
    assert_eq!(noticed.level, Level::Notice);
    correlator.second(&[delta(10, host(1), &[What::AnswersDns])]);
    let judgement = correlator.judgement(host(1), &HostTotals::default());
    let told = correlator.finish(Timestamp::from_parts(60, 0));
    for judgement in [&judgement, &told[0].judgement] {
        assert_eq!(judgement.role.role, Role::Resolver);
        assert_eq!(judgement.level, Level::Notice);
        assert_eq!(judgement.reason, noticed.reason);
    }
}

#[test]
fn both_generations_make_a_hybrid_and_it_stays_one() {
    let mut correlator = Correlator::new(Context::default());
    let mut told = Vec::new();
    for n in 0..200_u64 {
        let second = 20 * n.cast_signed();
        told.extend(correlator.second(&[delta(second, host(1), &[mx_of(n)])]));
        // Too long after the MX lookup to be led by it.
        let guesses = [mail_host(n, b"mail"), mail_host(n, b"smtp")];
        told.extend(correlator.second(&[delta(second + 10, host(1), &guesses)]));
    }
    let last = told.last().unwrap();
    assert_eq!(
        (last.judgement.class, last.judgement.level),
        (Class::Hybrid, Level::Likely)
    );
    assert!(told.is_sorted_by_key(|verdict| verdict.judgement.level));
    let sequences: Vec<_> = told.iter().map(|verdict| verdict.sequence).collect();
    assert_eq!(sequences, (1..=told.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_flood_of_suspects_spares_those_with_an_episode() {
    let mut correlator = Correlator::new(Context {
        octets: usize::MAX,
        ..Context::default()
    });
    for n in 0..200_u64 {
        correlator.second(&[delta(n.cast_signed(), host(1), &[mx_of(n)])]);
    }
    let flood = u32::try_from(3 * SUSPECTS).unwrap();
    for n in 0..flood {
        let spoofed = HostAddr::from_v4((0x0a00_0000 | n).to_be_bytes());
        correlator.second(&[delta(300, spoofed, &[mx_of(1)])]);
        assert!(correlator.remembered().0 <= SUSPECTS);
    }
    assert_eq!(
        correlator.evicted(),
        1 + u64::from(flood) - correlator.remembered().0 as u64
    );
    let closing = serious(correlator.finish(Timestamp::from_parts(301, 0)));
    assert_eq!(
        closing
            .iter()
            .map(|verdict| verdict.host)
            .collect::<Vec<_>>(),
        [host(1)]
    );
}

#[test]
fn what_is_remembered_stays_within_its_memory() {
    let mut correlator = Correlator::new(Context {
        octets: 1 << 21,
        ..Context::default()
    });
    for n in 0..200_u64 {
        correlator.second(&[delta(n.cast_signed(), host(1), &[mx_of(n)])]);
    }
    for n in 0..3_000_u32 {
        let spoofed = HostAddr::from_v4((0x0a00_0000 | n).to_be_bytes());
        correlator.second(&[delta(300, spoofed, &[mx_of(1)])]);
    }
    // Of 4 kB and more each.
    let (left, _) = correlator.remembered();
    assert!((50..500).contains(&left), "{left}");
    assert_eq!(correlator.evicted(), 3_001 - left as u64);
    let closing = serious(correlator.finish(Timestamp::from_parts(301, 0)));
    let hosts: Vec<_> = closing.iter().map(|verdict| verdict.host).collect();
    assert_eq!(hosts, [host(1)]);
}

/// A host is heard of every fifth second among made-up ones that take all places in less than that, and
/// each of which is heard of four times.
#[test]
fn who_goes_on_outlasts_made_up_hosts_that_all_come_again() {
    let mut correlator = Correlator::new(Context {
        octets: 1 << 19,
        ..Context::default()
    });
    let made_up = |number: i64| {
        let number = u32::try_from(number).unwrap();
        HostAddr::from_v4((0x0a00_0000 | number).to_be_bytes())
    };
    let mut told = Vec::new();
    for second in 0..500_i64 {
        let born = second - second % 4;
        for number in 50 * born..50 * born + 200 {
            let domain = mx_of((second % 4).unsigned_abs());
            correlator.second(&[delta(second, made_up(number), &[domain])]);
        }
        if second % 5 == 0 {
            let domain = mx_of(second.unsigned_abs());
            told.extend(correlator.second(&[delta(second, host(1), &[domain])]));
        }
    }
    let (left, _) = correlator.remembered();
    assert!(left < 150, "{left}");
    let own = told.iter().filter(|verdict| verdict.host == host(1));
    let highest = own.map(|verdict| verdict.judgement.level).max();
    assert!(highest >= Some(Level::Suspected), "{highest:?}");
}

#[test]
fn silence_ends_an_episode_also_when_nothing_more_happens() {
    let mut correlator = Correlator::new(Context::default());
    correlator.second(&[delta(0, host(1), &mx(500))]);
    let told = correlator.finish(Timestamp::from_parts(3 * 86_400, 0));
    let [closed] = &told[..] else {
        panic!("one verdict")
    };
    assert_eq!(closed.time, Timestamp::from_parts(86_401, 0));
    let Judgement { level, class, .. } = closed.judgement;
    assert_eq!((level, class), (Level::None, Class::Ordinary));
}

fn mail_server(number: u8) -> Server {
    let addr = HostAddr::from_v4([198, 51, 100, number]);
    Server { addr, port: 25 }
}

/// Attempts to so many servers of which every other fails, and of the rest every other
/// refuses the recipient.
fn spam(servers: u8) -> Vec<What> {
    (0..servers)
        .flat_map(|number| {
            let server = mail_server(number);
            let outcome = if number % 2 == 0 {
                Outcome::Refused
            } else {
                Outcome::Established
            };
            let refusal = What::Refusal {
                server,
                code: 550,
                cause: Refusal::UnknownUser,
            };
            let refused = (number % 4 == 1).then_some(refusal);
            let accepted = (number % 4 == 3).then_some(What::Message {
                server,
                accepted: true,
            });
            [What::Attempt(server), What::Outcome(server, outcome)]
                .into_iter()
                .chain(refused)
                .chain(accepted)
        })
        .collect()
}

/// Attempts to so many servers, all refused.
fn knocks(servers: u8) -> Vec<What> {
    (0..servers)
        .map(mail_server)
        .flat_map(|server| {
            [
                What::Attempt(server),
                What::Outcome(server, Outcome::Refused),
            ]
        })
        .collect()
}

fn told(verdicts: &[Verdict]) -> Vec<(Level, Class)> {
    let told = verdicts.iter().map(|verdict| &verdict.judgement);
    told.map(|it| (it.level, it.class)).collect()
}

#[test]
fn a_host_that_only_mails_is_judged_by_that() {
    let mut correlator = Correlator::new(Context::default());
    let verdicts = correlator.second(&[delta(0, host(1), &spam(30))]);
    assert_eq!(
        told(&verdicts),
        [
            (Level::Notice, Class::SpamFanout),
            (Level::Suspected, Class::SpamFanout),
            (Level::Likely, Class::SpamFanout),
            (Level::Confirmed, Class::SpamFanout),
        ]
    );
    let last = &verdicts.last().unwrap().judgement;
    assert!(last.score >= 16.0);
    let spans: Vec<_> = last.windows.iter().map(|window| window.span).collect();
    assert_eq!(spans, [600, 3_600, 86_400]);
    let [ten_minutes, ..] = &last.windows[..] else {
        panic!("three windows")
    };
    // As of the crossing packet.
    assert!(ten_minutes.exact && (5..30).contains(&ten_minutes.attempts));
    // At the end of the input the ten minutes are over.
    assert_eq!(correlator.finish(Timestamp::from_parts(4_000, 0)).len(), 1);
    let judgement = correlator.judgement(host(1), &HostTotals::default());
    let attempts: Vec<_> = judgement.windows.iter().map(|it| it.attempts).collect();
    assert_eq!(attempts, [0, 0, 30]);
    assert_eq!(judgement.windows[2].refused, 15);
}

#[test]
fn silence_ends_an_episode_of_mail_too() {
    let mut correlator = Correlator::new(Context::default());
    correlator.second(&[delta(0, host(1), &spam(30))]);
    let closed = correlator.finish(Timestamp::from_parts(3 * 86_400, 0));
    let Judgement { reason, level, .. } = &closed[0].judgement;
    assert_eq!(
        (reason.as_str(), *level),
        (
            "has made no mail lookups and no mail connections for a day",
            Level::None
        )
    );
}

/// What looks up mail exchangers as well is a worm of the second generation, not both.
#[test]
fn fan_out_becomes_the_generation_that_its_lookups_show() {
    let mut correlator = Correlator::new(Context::default());
    let mut verdicts = correlator.second(&[delta(0, host(1), &knocks(30))]);
    let notice = (Level::Notice, Class::SpamFanout);
    assert_eq!(
        told(&verdicts),
        [notice, (Level::Suspected, Class::SpamFanout)]
    );
    verdicts.extend(run(&mut correlator, worm(10, host(1), 200)));
    assert_eq!(
        told(&verdicts)[2..],
        [
            (Level::Suspected, Class::Gen2Mx),
            (Level::Likely, Class::Gen2Mx),
            (Level::Confirmed, Class::Gen2Mx),
        ]
    );
    let ids: Vec<_> = verdicts.iter().map(|verdict| verdict.sequence).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    // More of the one changes nothing any more.
    assert_eq!(correlator.second(&[delta(30, host(1), &knocks(60))]), []);
    // The other way round it is the same.
    let mut correlator = Correlator::new(Context::default());
    let mut verdicts = run(&mut correlator, worm(0, host(1), 200));
    verdicts.extend(correlator.second(&[delta(20, host(1), &knocks(30))]));
    assert_eq!(
        told(&verdicts).last(),
        Some(&(Level::Confirmed, Class::Gen2Mx))
    );
    let score = verdicts.last().unwrap().judgement.score;
    assert!(score >= CONFIRMED, "{score}");
}

/// Beside many servers, a few guessed mail hosts are what an office's mail programs look for.
#[test]
fn a_few_guesses_among_many_servers_are_no_generation() {
    let class = |label: &[u8]| {
        let mut correlator = Correlator::new(Context::default());
        correlator.second(&[delta(0, host(1), &spam(30))]);
        let mut guesses: Vec<_> = (0..6).map(|n| mail_host(n, b"mail")).collect();
        guesses.extend((0..6).map(|n| mail_host(n, label)));
        correlator.second(&[delta(10, host(1), &guesses)]);
        let judgement = correlator.judgement(host(1), &HostTotals::default());
        assert_eq!(judgement.level, Level::Confirmed);
        judgement.class
    };
    assert_eq!(class(b"mail"), Class::SpamFanout);
    // Who tries one keyword after the other is a worm of the third.
    assert_eq!(class(b"smtp"), Class::Gen3A);
}

/// That it is a mail server explains to how many it turns, and not how it fares.
#[test]
fn a_mail_server_s_role_is_no_immunity() {
    let greeted = |whats: Vec<What>| {
        let mut correlator = Correlator::new(Context::default());
        correlator.second(&[delta(0, host(1), &mx(10))]);
        reverse(&mut correlator, 10);
        let mut all = vec![ptr(10)];
        all.extend(whats);
        let told = serious(correlator.second(&[delta(3_700, host(1), &all)]));
        let judgement = correlator.judgement(host(1), &HostTotals::default());
        assert_eq!(judgement.role.role, Role::MailServer);
        // And it is told where it turned.
        assert!(judgement.windows[0].attempts > 0);
        told.last().map(|verdict| verdict.judgement.clone())
    };
    let accepted = (0..30).map(mail_server).flat_map(|server| {
        [
            What::Attempt(server),
            What::Outcome(server, Outcome::Established),
            What::Message {
                server,
                accepted: true,
            },
        ]
    });
    assert_eq!(greeted(accepted.collect()), None);
    let used = greeted(spam(30)).unwrap();
    assert_eq!(used.class, Class::HijackedServer);
    assert!(used.level.convicted());
}

/// SYNs alone look the same whether nobody answers or the answers are not mirrored.
#[test]
fn silence_is_known_only_where_answers_would_be_seen() {
    let silent = || {
        let mut totals = HostTotals::default();
        totals.smtp.attempts = 9;
        totals.smtp.unanswered = 9;
        totals
    };
    let seen = |correlator: &Correlator, mut totals: HostTotals| {
        correlator.resolve(&mut totals);
        totals.smtp.answers_seen
    };
    let home = Home::new(["192.0.2.0/24".parse().unwrap()]);
    let context = Context {
        home: Arc::new(home),
        ..Context::default()
    };
    let mut correlator = Correlator::new(context);
    assert_eq!(seen(&correlator, silent()), Some(false));
    assert_eq!(seen(&correlator, HostTotals::default()), None);
    // Replies to its queries come the same way.
    let mut asked = silent();
    asked.replies.total = 1;
    assert_eq!(seen(&correlator, asked), None);
    // What a server inside answers goes the other way.
    let server = Server {
        addr: host(25),
        port: 25,
    };
    let answered = [What::Outcome(server, Outcome::Established)];
    let outside = HostAddr::from_v4([198, 51, 100, 1]);
    correlator.second(&[delta(0, outside, &answered)]);
    assert_eq!(seen(&correlator, silent()), Some(false));
    correlator.second(&[delta(1, host(2), &answered)]);
    assert_eq!(seen(&correlator, silent()), None);
}
