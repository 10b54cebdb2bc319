//! Both sides of the line: hosts of known conduct, destination by destination.

use super::*;
use crate::capture::Origin;
use crate::correlate::coupling::Coupling;
use crate::correlate::judge::Judge;
use crate::correlate::role::{self, RoleSource, RoleView};
use crate::correlate::suspect::Suspect;
use crate::correlate::{Judgement, SUSPECTED, client};
use crate::count::delta::{Delta, Fact, Outcome, Refusal, Server, What};
use crate::count::host::HostTotals;
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::verdict::{Level, Role};
use proptest::prelude::*;
use rand_core::SeedableRng as _;
use rand_pcg::Pcg64Mcg;

fn server(number: u32, port: u16) -> Server {
    let addr = HostAddr::from_v4((0x0a00_0000 | number).to_be_bytes());
    Server { addr, port }
}

const IN_SIGHT: View = View {
    smtp: true,
    answers: true,
};

fn learn_with(host: &mut Suspect, second: i64, what: What, view: View) {
    let time = Timestamp::from_parts(second, 0);
    host.expire(time);
    let fact = Fact {
        host: HostAddr::from_v4([192, 0, 2, 1]),
        time,
        origin: Origin::default(),
        packet_time: time,
        what,
    };
    host.learn(&fact, &Delta::default(), view);
    host.weigh(&HostTotals::default());
}

fn learn(host: &mut Suspect, second: i64, what: What) {
    learn_with(host, second, what, IN_SIGHT);
}

fn pc() -> RoleView {
    RoleView {
        role: Role::Pc,
        source: RoleSource::Default,
        basis: Vec::new(),
    }
}

/// A judge who knows nothing but the role.
fn judge(role: &RoleView) -> Judge<'_> {
    Judge {
        role,
        muted: &[],
        others: None,
        asks_for_others: false,
        two_in_one: false,
        view: IN_SIGHT,
        own_mail: true,
        egress: false,
        loss: 0.0,
    }
}

/// The level that it has at the moment; a notice is none.
fn seen(host: &Suspect) -> Level {
    let role = pc();
    match judge(&role).outcome(host, &host.score).level {
        Level::Notice => Level::None,
        level => level,
    }
}

fn told(host: &Suspect) -> Judgement {
    let role = pc();
    let now = Timestamp::from_parts(1_000, 0);
    judge(&role).explain(host, &host.score, Coupling::default(), now)
}

/// What a host does with each of its destinations, in parts of a thousand.
#[derive(Clone, Copy)]
struct Habit {
    port: u16,
    fails: u64,
    /// Of those that are reached: first put off, later accepted.
    greylists: u64,
    /// Of those that are reached.
    unknown: u64,
    /// Of those that are reached.
    blocked: u64,
    defects: &'static [Defect],
    names: u64,
    senders: u64,
}

const MAIL_SERVER: Habit = Habit {
    port: 25,
    fails: 30,
    greylists: 200,
    unknown: 20,
    blocked: 0,
    defects: &[],
    names: 1,
    senders: 1,
};

const BOT: Habit = Habit {
    fails: 400,
    greylists: 0,
    unknown: 300,
    defects: &[],
    ..MAIL_SERVER
};

/// The facts of one destination, in time order; a mail server comes back to who put it off.
fn visit(habit: Habit, number: u32, dice: &mut impl FnMut(u64) -> bool) -> Vec<(i64, What)> {
    let server = server(number, habit.port);
    let second = i64::from(number) * 10;
    let mut facts = vec![(second, What::Attempt(server))];
    if dice(habit.fails) {
        facts.push((second + 30, What::Outcome(server, Outcome::Unanswered)));
        return facts;
    }
    facts.push((second, What::Outcome(server, Outcome::Established)));
    let name = u64::from(number) % habit.names;
    facts.push((second, What::Helo { server, name }));
    let domain = Some(u64::from(number) % habit.senders);
    facts.push((second + 1, What::Mail { server, domain }));
    for &defect in habit.defects {
        facts.push((second + 1, What::Defect { server, defect }));
    }
    let refusal = |code, cause| What::Refusal {
        server,
        code,
        cause,
    };
    if dice(habit.unknown) {
        facts.push((second + 1, refusal(550, Refusal::UnknownUser)));
    } else if dice(habit.blocked) {
        facts.push((second + 1, refusal(554, Refusal::Blocked)));
    } else {
        let accepted = true;
        let message = What::Message { server, accepted };
        if dice(habit.greylists) {
            facts.push((second + 1, refusal(451, Refusal::Other)));
            facts.push((second + 301, message));
        } else {
            facts.push((second + 1, message));
        }
    }
    facts
}

/// The highest level that a host with this habit reaches over so many destinations, and after
/// how many destinations it was first likely and first confirmed.
fn run(habit: Habit, destinations: u32, seed: u64) -> (Level, Option<u32>, Option<u32>) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut dice = |share| random.next_u64() % 1_000 < share;
    let mut facts: Vec<_> = (0..destinations)
        .flat_map(|number| visit(habit, number, &mut dice))
        .collect();
    facts.sort_by_key(|(second, _)| *second);
    let mut host = Suspect::default();
    let (mut highest, mut likely, mut confirmed) = (Level::None, None, None);
    for (second, what) in facts {
        learn(&mut host, second, what);
        let level = seen(&host);
        highest = highest.max(level);
        let met = host.peers.tally.between_servers;
        if level >= Level::Likely {
            likely.get_or_insert(met);
        }
        if level >= Level::Confirmed {
            confirmed.get_or_insert(met);
        }
    }
    (highest, likely, confirmed)
}

#[test]
fn an_honest_mail_server_is_never_suspected() {
    // Every 33rd fails, every fifth puts off.
    let mut host = Suspect::default();
    for number in 0..1_000_u32 {
        let mut turn = 0;
        let mut dice = |share: u64| {
            turn += 1;
            match (turn, share) {
                (1, _) => number % 33 == 32,
                (_, 200) => number % 5 == 4,
                _ => false,
            }
        };
        for (second, what) in visit(MAIL_SERVER, number, &mut dice) {
            learn(&mut host, second, what);
            assert_eq!(seen(&host), Level::None, "at destination {number}");
        }
    }
}

/// How often luck is against a host that begins to deliver: over 100 destinations.
#[test]
fn honest_mail_servers_are_suspected_seldom_and_not_convicted() {
    let runs = (0..2_000).filter(|&seed| run(MAIL_SERVER, 100, seed).0 > Level::None);
    let suspected = runs.count();
    println!("honest servers suspected at some moment: {suspected} of 2000");
    assert!(suspected <= 80, "{suspected}");
    let cared_for = Habit {
        unknown: 0,
        ..MAIL_SERVER
    };
    let runs: Vec<_> = (0..2_000).map(|seed| run(cared_for, 100, seed).0).collect();
    let suspected = runs.iter().filter(|level| **level > Level::None).count();
    println!("those without unknown recipients: {suspected} of 2000");
    assert!(suspected <= 20 && runs.iter().all(|level| *level < Level::Likely));
}

#[test]
fn a_bot_is_likely_after_few_destinations() {
    let runs: Vec<_> = (0..1_000).map(|seed| run(BOT, 200, seed)).collect();
    let mut likely: Vec<_> = runs.iter().filter_map(|run| run.1).collect();
    let mut confirmed: Vec<_> = runs.iter().filter_map(|run| run.2).collect();
    likely.sort_unstable();
    confirmed.sort_unstable();
    println!(
        "likely in {} of 1000 runs, after {} (p95 {}) destinations; confirmed in {}, after {} (p95 {})",
        likely.len(),
        likely[likely.len() / 2],
        likely[likely.len() * 95 / 100],
        confirmed.len(),
        confirmed[confirmed.len() / 2],
        confirmed[confirmed.len() * 95 / 100],
    );
    assert_eq!((likely.len(), confirmed.len()), (1_000, 1_000));
    assert!(likely[500] <= 14 && likely[950] <= 40);
    // Bad manners shorten it.
    let rude = Habit {
        defects: &[Defect::HeloBareIp, Defect::NoQuit],
        ..BOT
    };
    let mut confirmed: Vec<_> = (0..1_000)
        .filter_map(|seed| run(rude, 200, seed).2)
        .collect();
    confirmed.sort_unstable();
    println!("with bad manners: confirmed after {}", confirmed[500]);
    assert!(confirmed.len() == 1_000 && confirmed[500] <= 35);
}

#[test]
fn a_mail_program_shows_nothing() {
    for port in [25, 587] {
        let mut host = Suspect::default();
        for second in 0..1_000 {
            let server = server(u32::try_from(second % 2).unwrap(), port);
            learn(&mut host, second, What::Attempt(server));
            learn(&mut host, second, What::Outcome(server, Outcome::Refused));
            assert_eq!(seen(&host), Level::None);
        }
    }
}

#[test]
fn who_only_knocks_is_suspected_at_most() {
    let scanner = Habit {
        fails: 1_000,
        ..MAIL_SERVER
    };
    assert_eq!(run(scanner, 1_000, 1).0, Level::Suspected);
    // And who connects and leaves, whatever it says: a monitor.
    let mut host = Suspect::default();
    for number in 0..200 {
        let server = server(number, 25);
        let defect = Defect::EarlyTalk;
        for what in [
            What::Attempt(server),
            What::Outcome(server, Outcome::Established),
            What::Defect { server, defect },
        ] {
            learn(&mut host, 0, what);
            assert_eq!(seen(&host), Level::None);
        }
    }
}

/// Every server says that its address stands on a list, as those of home connections do.
#[test]
fn a_block_list_entry_alone_does_not_convict() {
    let home = Habit {
        blocked: 1_000,
        unknown: 0,
        ..MAIL_SERVER
    };
    let mut convicted = 0;
    for seed in 0..100 {
        convicted += u32::from(run(home, 100, seed).0.convicted());
    }
    // Where two of the first servers fail as well.
    println!("listed home servers convicted: {convicted} of 100");
    assert!(convicted <= 10);
}

/// Twenty people behind one address, with a dozen providers.
#[test]
fn many_mail_programs_behind_one_address_are_not_suspected() {
    let office = Habit {
        port: 587,
        unknown: 0,
        names: 20,
        senders: 20,
        defects: &[Defect::HeloBareIp, Defect::HeloNotQualified],
        ..MAIL_SERVER
    };
    let suspected = (0..100).filter(|&seed| run(office, 20, seed).0 > Level::None);
    // Where two of the first providers do not answer.
    assert!(suspected.count() <= 10);
    assert!((0..100).all(|seed| !run(office, 20, seed).0.convicted()));
}

#[test]
fn volume_alone_says_nothing() {
    let mut host = Suspect::default();
    for number in 0..5_000 {
        learn(&mut host, 0, What::Attempt(server(number, 25)));
    }
    assert_eq!(seen(&host), Level::None);
    let judgement = told(&host);
    assert!(judgement.score < SUSPECTED && judgement.evidence[0].capped);
}

#[test]
fn a_person_s_round_mail_is_suspected_at_the_most() {
    let mut host = Suspect::default();
    let server = server(1, 587);
    for second in 0..400 {
        learn(&mut host, second, What::TlsMessages { server, count: 1 });
    }
    host.score.set(Family::Client, client::weigh(100));
    assert_eq!(seen(&host), Level::Suspected);
    let text = told(&host).reason;
    let said = "handed over 400 messages (estimated inside TLS) to one server within ten minutes";
    assert!(text.starts_with(said), "{text}");
}

#[test]
fn who_is_welcome_is_a_sender_unless_it_breaks_off() {
    let now = Timestamp::from_parts(1_000, 0);
    let shown = |host: &Suspect| role::shown(host, None, now).map(|view| view.role);
    let sends = |breaks_off| {
        let mut host = Suspect::default();
        for number in 0..12 {
            for (second, what) in visit(MAIL_SERVER, number, &mut |_| false) {
                learn(&mut host, second, what);
            }
            if breaks_off {
                let (server, defect) = (server(number, 25), Defect::NoQuit);
                learn(&mut host, 900, What::Defect { server, defect });
            }
        }
        host
    };
    assert_eq!(shown(&sends(false)), Some(Role::UnregisteredMta));
    assert_eq!(shown(&sends(true)), None);
}

#[test]
fn what_is_not_mirrored_is_not_weighed() {
    let blind = View {
        answers: false,
        ..IN_SIGHT
    };
    for (view, level) in [(IN_SIGHT, Level::Suspected), (blind, Level::None)] {
        let mut host = Suspect::default();
        for number in 0..20 {
            let server = server(number, 25);
            learn_with(&mut host, 0, What::Attempt(server), view);
        }
        for number in 0..20 {
            let unanswered = What::Outcome(server(number, 25), Outcome::Unanswered);
            learn_with(&mut host, 30, unanswered, view);
        }
        assert_eq!(seen(&host), level);
    }
}

/// Who goes on with some servers shows that it does not with others, and SMTP waits for replies.
#[test]
fn of_the_client_alone_silence_and_what_it_sends_tell() {
    let alone = View {
        answers: false,
        ..IN_SIGHT
    };
    // Every fifth does not answer.
    let judged = |takes: fn(u32) -> bool| {
        let mut host = Suspect::default();
        for number in 0..40 {
            let (server, second) = (server(number, 25), i64::from(number) * 40);
            learn_with(&mut host, second, What::Attempt(server), alone);
            if number % 5 == 4 {
                let silent = What::Outcome(server, Outcome::Unanswered);
                learn_with(&mut host, second + 30, silent, alone);
                continue;
            }
            let (name, domain, handed) = (1, Some(1), takes(number));
            for what in [
                What::Helo { server, name },
                What::Mail { server, domain },
                What::OneSided { server, handed },
            ] {
                learn_with(&mut host, second + 1, what, alone);
            }
        }
        host
    };
    // Of the rest one in four takes a message.
    let bot = judged(|number| number % 4 == 0);
    let families: Vec<_> = told(&bot).evidence.iter().map(|it| it.family).collect();
    for family in [Family::Fail, Family::Rej] {
        assert!(families.contains(&family), "{families:?}");
    }
    // Whose mail is taken is a sender; its servers' silence is not enough.
    let sender = judged(|_| true);
    assert!(!seen(&sender).convicted());
    assert_eq!(sender.peers.tally.accepted, 32);
    assert!(rej(&sender) < -1.0 && rej(&bot) > 0.0);
}

/// Beyond the bound the destinations met first leave, the failing ones as the others.
#[test]
fn at_the_bound_the_shares_stay() {
    let mut host = Suspect::default();
    for number in 0..20_000_u32 {
        let server = server(number, 25);
        let second = i64::from(number);
        learn(&mut host, second, What::Attempt(server));
        let fails = number % 33 == 0;
        let outcome = if fails {
            Outcome::Refused
        } else {
            Outcome::Established
        };
        learn(&mut host, second, What::Outcome(server, outcome));
        // Those that failed are tried again and again.
        let retry = self::server(number / 33 * 33, 25);
        learn(&mut host, second, What::Attempt(retry));
        assert_eq!(seen(&host), Level::None);
    }
    let Tally {
        between_servers,
        reached,
        failed,
        ..
    } = host.peers.tally;
    println!("{between_servers} kept: {reached} answered, {failed} failed");
    assert_eq!(between_servers, 4_096);
    assert!(failed < between_servers / 20);
    // A day later nothing is left.
    host.expire(Timestamp::from_parts(20_000 + 86_401, 0));
    assert_eq!(host.peers.tally, Tally::default());
}

#[test]
fn a_big_provider_s_refusals_are_seen_in_proportion() {
    let mut host = Suspect::default();
    for number in 0..10 {
        let server = server(number, 25);
        let accepted = true;
        for message in 0..50 {
            learn(&mut host, message, What::Message { server, accepted });
        }
        let (code, cause) = (550, Refusal::UnknownUser);
        for _ in 0..3 {
            let refusal = What::Refusal {
                server,
                code,
                cause,
            };
            learn(&mut host, 60, refusal);
        }
    }
    assert_eq!(
        (host.peers.tally.accepted, host.peers.tally.unknown),
        (10, 0)
    );
    assert_eq!(seen(&host), Level::None);
}

#[test]
fn words_for_what_speaks_for_and_against() {
    let mut random = Pcg64Mcg::seed_from_u64(7);
    let mut dice = |share| random.next_u64() % 1_000 < share;
    let rude = Habit {
        names: 5,
        senders: 4,
        defects: &[Defect::HeloLocalhost, Defect::NoQuit],
        ..BOT
    };
    let mut host = Suspect::default();
    for number in 0..12 {
        for (second, what) in visit(rude, number, &mut dice) {
            learn(&mut host, second, what);
        }
    }
    let judgement = told(&host);
    println!("{}", judgement.reason);
    let evidence = &judgement.evidence;
    let families: Vec<_> = evidence.iter().map(|piece| piece.family).collect();
    let smtp = [Family::Fan, Family::Fail, Family::Rej, Family::Proto];
    assert_eq!(families, [&smtp[..], &[Family::Mail]].concat());
    for (piece, words) in evidence.iter().zip([
        "turned to port 25 of 12 addresses within a day, as 10.0.0.0, 10.0.0.1, ",
        "of 12 servers refused the connection or did not answer",
        "knew no such recipient, ",
        "gave 5 names for itself in HELO, sent as 4 domains, left ",
    ]) {
        assert!(piece.text.contains(words), "{}", piece.text);
        assert!(!piece.packets.is_empty());
    }
    let mut honest = Suspect::default();
    for number in 0..12 {
        for (second, what) in visit(MAIL_SERVER, number, &mut |_| false) {
            learn(&mut honest, second, what);
        }
    }
    let judgement = told(&honest);
    let against = judgement.counterevidence.iter();
    let texts: Vec<_> = against.map(|it| it.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "12 of 12 servers answered, which weighs -1.2",
            "12 servers accepted its mail, which weighs -3.7",
            "left 12 servers in order, with QUIT, which weighs -0.5",
        ]
    );
}

proptest! {
    #[test]
    fn what_is_kept_of_destinations_does_not_depend_on_the_order_of_facts(seed in 0..1_000_u64, keys in prop::collection::vec(any::<u32>(), 400)) {
        let rude = Habit { names: 4, senders: 3, blocked: 200, greylists: 300, defects: &[Defect::BareLf, Defect::NoQuit], ..BOT };
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut dice = |share| random.next_u64() % 1_000 < share;
        let mut facts: Vec<_> = (0..30).flat_map(|number| visit(rude, number, &mut dice)).collect();
        let found = |facts: &[(i64, What)]| {
            let mut host = Suspect::default();
            for (second, what) in facts {
                learn(&mut host, *second, *what);
            }
            (host.peers.tally, host.score.of(Family::Proto))
        };
        let in_order = found(&facts);
        let mut keys = keys.into_iter().cycle();
        facts.sort_by_cached_key(|_| keys.next());
        prop_assert_eq!(in_order, found(&facts));
    }
}

/// What refusals weigh against a sender.
fn rej(host: &Suspect) -> f64 {
    host.score.of(Family::Rej).sender
}

fn nothing(number: u32, port: u16) -> What {
    let server = server(number, port);
    What::NothingInTls { server }
}

fn taken(number: u32, port: u16) -> What {
    let server = server(number, port);
    What::TlsMessages { server, count: 1 }
}

#[test]
fn servers_that_take_nothing_inside_tls_weigh_until_they_take_something() {
    let mut host = Suspect::default();
    learn(&mut host, 1, nothing(1, 25));
    assert!((rej(&host) - TOOK_NOTHING.1.sender).abs() < 1e-9);
    assert!(host.score.of(Family::Mail).prober < 0.0);
    // It was put off, and comes again.
    learn(&mut host, 400, nothing(1, 25));
    learn(&mut host, 800, taken(1, 25));
    assert!((rej(&host) - ACCEPTED.sender).abs() < 0.1, "{}", rej(&host));
    assert!(host.score.of(Family::Mail).prober > 2.0);
    // A server that has taken mail may refuse some.
    learn(&mut host, 801, nothing(1, 25));
    assert_eq!(host.peers.tally.took_nothing, 0);
    // One entry in a block list is told by all servers, so that no more than three count.
    for number in 2..40 {
        learn(&mut host, 900 + i64::from(number), nothing(number, 25));
    }
    let most = 3.0 * TOOK_NOTHING.1.sender + ACCEPTED.sender;
    assert!((rej(&host) - most).abs() < 0.2, "{}", rej(&host));
    assert!(seen(&host) <= Level::Suspected);
    let text = refusals(&host.peers.tally);
    assert_eq!(
        text,
        "38 servers got an envelope and no message, 1 server accepted its mail"
    );
}

#[test]
fn logins_that_fail_inside_tls_weigh_from_the_second_server_on() {
    let mut host = Suspect::default();
    learn(&mut host, 1, nothing(1, 465));
    learn(&mut host, 2, taken(2, 587));
    learn(&mut host, 3, nothing(2, 587));
    assert!(rej(&host).abs() < 1e-9);
    learn(&mut host, 4, nothing(3, 587));
    assert!((rej(&host) - LOGIN_FAILS.1.sender).abs() < 1e-9);
}

#[test]
fn a_server_with_a_past_is_judged_by_it_also_inside_tls() {
    let mut host = Suspect::default();
    for number in 0..60 {
        learn(&mut host, i64::from(number) * 300, taken(number, 25));
    }
    let (past, jump) = (rej(&host), host.score.of(Family::RejJump).sender);
    assert!(past < -1.0 && jump <= 0.0, "{past} {jump}");
    for number in 100..130 {
        let what = [taken, nothing][usize::from(number % 2 == 0)](number, 25);
        learn(&mut host, 20_000 + i64::from(number), what);
    }
    assert!(host.score.of(Family::RejJump).sender > 6.9);
    assert_eq!(host.peers.tally.took_nothing, 15);
}
