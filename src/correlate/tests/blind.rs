//! Judgement where something is out of sight.

use super::super::evidence::Family;
use super::super::site::Vantage;
use super::*;

/// MX queries for so many domains in this second, and for all of them again 90 s later, when
/// three turn out to be gone.
fn asks(second: i64, domains: u64) -> [Delta; 2] {
    let gone = (0..3).map(|domain| What::MxReply {
        domain,
        failed: true,
    });
    let again: Vec<_> = mx(domains).into_iter().chain(gone).collect();
    [
        delta(second, host(1), &mx(domains)),
        delta(second + 90, host(1), &again),
    ]
}

fn families(judgement: &Judgement) -> Vec<Family> {
    judgement.evidence.iter().map(|it| it.family).collect()
}

/// What cannot be read may be a mail server's lookups.
#[test]
fn lookups_that_may_be_hidden_are_not_missed() {
    let judged = |dns_hidden| {
        let mut correlator = Correlator::new(Context::default());
        let totals = HostTotals {
            dns_hidden,
            ..HostTotals::default()
        };
        let deltas = asks(0, 300).map(|mut delta| {
            delta.totals.push((host(1), totals.clone()));
            delta
        });
        let told = run(&mut correlator, deltas);
        told.last().unwrap().judgement.clone()
    };
    for seen in [None, Some(false)] {
        let judgement = judged(seen);
        assert!(families(&judgement).contains(&Family::NoServerLookups));
        assert_eq!(judgement.level, Level::Likely);
    }
    let judgement = judged(Some(true));
    assert!(!families(&judgement).contains(&Family::NoServerLookups));
    assert!(!judgement.level.convicted());
}

/// The mail of others does not make a sender of a host whose own mail is cut off before the tap.
#[test]
fn who_sends_nothing_is_none_of_those_who_only_send() {
    let level = |mut before: Delta| {
        let mut correlator = Correlator::new(Context::default());
        before.second = 0;
        correlator.second(&[before]);
        let told = run(&mut correlator, asks(10, 300));
        let told = told.iter().filter(|verdict| verdict.host == host(1));
        told.map(|verdict| verdict.judgement.level).max()
    };
    assert_eq!(level(delta(0, host(2), &mx(1))), Some(Level::Likely));
    assert_eq!(level(delta(0, host(2), &knocks(1))), Some(Level::Likely));
    // Its own mail does.
    assert_eq!(level(delta(0, host(1), &knocks(1))), Some(Level::Suspected));
}

/// Of a server whose own port 25 is cut off before a tap that sees others', its lookups are all
/// there is: they acquit it though somebody browses behind the same address. Where its mail is in
/// sight, that decides.
#[test]
fn what_a_server_asks_acquits_it_where_its_own_mail_is_cut() {
    let judged = |own: bool| {
        let mut correlator = Correlator::new(Context::default());
        let mut totals = HostTotals::default();
        totals.queries.https = 5;
        correlator.second(&[delta(0, host(2), &knocks(1))]);
        let mut told = Vec::new();
        let mut asks = |second, whats: &[What]| {
            let mut delta = delta(second, host(1), whats);
            delta.totals.push((host(1), totals.clone()));
            told.extend(correlator.second(&[delta]));
        };
        if own {
            asks(1, &knocks(1));
        }
        for n in 0..20_u64 {
            asks(10 + 200 * n.cast_signed(), &[ptr(n)]);
        }
        asks(5_000, &dead(50));
        asks(5_090, &dead(50));
        assert!(
            told.iter()
                .all(|verdict| verdict.judgement.role.role == Role::Pc)
        );
        told.iter().map(|verdict| verdict.judgement.level).max()
    };
    assert_eq!(judged(false), Some(Level::Notice));
    assert!(judged(true) >= Some(Level::Suspected));
}

/// Where its mail is out of sight, a server with a stolen account is suspected by its lookups: of more
/// domains than ever more than ever are gone. (Somebody may validate a list on it.)
#[test]
fn a_server_whose_mail_is_out_of_sight_is_held_against_its_own_past() {
    let judged = |gone: u64| {
        let mut correlator = Correlator::new(Context::default());
        let asked = |second, from: u64, many: u64, gone: u64| {
            let whats: Vec<_> = (from..from + many)
                .flat_map(|hash| {
                    let reply = What::MxReply {
                        domain: hash,
                        failed: gone > 0 && hash % gone == 0,
                    };
                    [What::MxQuery(domain(hash)), reply, ptr(hash)]
                })
                .collect();
            delta(second, host(1), &whats)
        };
        let mut told = Vec::new();
        for hour in 0..8_u64 {
            let usual = asked(3_600 * hour.cast_signed(), 10 * hour, 10, 25);
            told.extend(serious(correlator.second(&[usual])));
        }
        assert_eq!(told, []);
        for span in 0..6_u64 {
            let more = asked(
                36_000 + 600 * span.cast_signed(),
                1_000 + 40 * span,
                40,
                gone,
            );
            told.extend(serious(correlator.second(&[more])));
        }
        told.last().map(|verdict| verdict.judgement.clone())
    };
    let used = judged(4).unwrap();
    assert_eq!(
        (used.level, used.class),
        (Level::Suspected, Class::HijackedServer)
    );
    assert!(families(&used).contains(&Family::DeadJump));
    assert!(
        used.reason.contains("take no mail, where"),
        "{}",
        used.reason
    );
    // A newsletter is more, but to domains as good as before.
    assert_eq!(judged(25), None);
}

fn behind_a_resolver() -> SiteView {
    SiteView {
        vantage: Some(Vantage::ResolverEgress),
        ..SiteView::default()
    }
}

/// Its lookups were everybody's: nothing is left of the suspicion, and it is told so at once.
#[test]
fn who_is_found_to_ask_for_others_is_cleared() {
    for asks_on in [true, false] {
        let mut correlator = Correlator::new(Context::default());
        let told = run(&mut correlator, asks(0, 300));
        assert_eq!(told.last().unwrap().judgement.level, Level::Likely);
        correlator.set_view(behind_a_resolver());
        let told = if asks_on {
            correlator.second(&[delta(200, host(1), &mx(1))])
        } else {
            correlator.finish(Timestamp::from_parts(200, 0))
        };
        let [closed] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!((closed.state, closed.acquitted), (State::Closed, true));
        let Judgement { level, reason, .. } = &closed.judgement;
        assert_eq!(*level, Level::None);
        assert!(reason.starts_with("the tap showed to lie behind a resolver"));
        assert_eq!(correlator.finish(Timestamp::from_parts(300, 0)), []);
    }
}

#[test]
fn mail_convicts_before_a_resolver_too() {
    let mut correlator = Correlator::new(Context::default());
    run(&mut correlator, asks(0, 300));
    correlator.second(&[delta(100, host(1), &spam(30))]);
    correlator.set_view(behind_a_resolver());
    assert_eq!(correlator.second(&[delta(200, host(1), &mx(1))]), []);
    // Not when what it did has lost its weight either: a level stands.
    assert_eq!(correlator.second(&[delta(80_000, host(1), &mx(1))]), []);
    let told = correlator.finish(Timestamp::from_parts(80_010, 0));
    assert!(told.last().unwrap().judgement.level.convicted());
}
