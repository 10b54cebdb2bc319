//! Whose memory is whose, when addresses change hands and machines change addresses
//! (docs/decisions/0012).

use super::*;
use crate::count::delta::Binding;
use crate::count::series::Bin;
use crate::decode::lan::{How, Said};
use crate::decode::packet::LinkTag;
use evidence::Family;

const PC: [u8; 6] = [2, 0, 0, 0, 2, 7];
const OTHER: [u8; 6] = [2, 0, 0, 0, 2, 8];
const THIRD: [u8; 6] = [2, 0, 0, 0, 2, 9];

fn at(second: i64) -> Timestamp {
    Timestamp::from_parts(second, 0)
}

/// A second in which a host did these things, by packets from this Ethernet address.
fn from(mac: [u8; 6], second: i64, host: HostAddr, whats: &[What]) -> Delta {
    let mut delta = delta(second, host, whats);
    let tag = LinkTag {
        mac: Some(mac),
        vlan: None,
    };
    let first = Some(at(0));
    let totals = HostTotals {
        first,
        tag,
        ..HostTotals::default()
    };
    delta.totals.push((host, totals));
    delta
}

/// The same, and it was said in that second that the address is this machine's.
fn bound(mac: [u8; 6], second: i64, host: HostAddr, whats: &[What]) -> Delta {
    let mut delta = from(mac, second, host, whats);
    delta.bindings.push(says(mac, second, host, How::Arp));
    delta
}

fn says(mac: [u8; 6], second: i64, addr: HostAddr, how: How) -> Binding {
    Binding {
        time: at(second),
        origin: crate::capture::Origin::default(),
        said: Said { addr, mac, how },
    }
}

/// A worm's two seconds, by a machine that says whose the address is, or does not.
fn worms(mac: [u8; 6], second: i64, host: HostAddr, said: bool) -> [Delta; 2] {
    [second, second + 90].map(|second| {
        let mut delta = from(mac, second, host, &dead(500));
        if said {
            delta.bindings.push(says(mac, second, host, How::Arp));
        }
        delta
    })
}

fn level(correlator: &Correlator, host: HostAddr) -> Level {
    correlator.judgement(host, &HostTotals::default()).level
}

/// State, host and level of each.
fn told(verdicts: &[Verdict]) -> Vec<(State, HostAddr, Level)> {
    let one = |it: &Verdict| (it.state, it.host, it.judgement.level);
    verdicts.iter().map(one).collect()
}

#[test]
fn memory_of_an_address_is_adopted_where_all_its_packets_came_from_the_machine() {
    let mut correlator = Correlator::new(Context::default());
    run(&mut correlator, worms(PC, 0, host(7), false));
    assert_eq!(level(&correlator, host(7)), Level::Likely);
    // Said late; and it takes its memory along.
    let verdicts = correlator.second(&[bound(PC, 200, host(7), &mx(1))]);
    assert_eq!(verdicts, []);
    correlator.second(&[bound(PC, 300, host(8), &mx(1))]);
    assert_eq!(level(&correlator, host(8)), Level::Likely);
}

#[test]
fn memory_from_before_an_address_changed_hands_is_not_adopted() {
    let mut correlator = Correlator::new(Context::default());
    // Nobody says whose the address is, while another machine has it.
    run(&mut correlator, worms(OTHER, 0, host(7), false));
    let verdicts = correlator.second(&[bound(PC, 200, host(7), &mx(1))]);
    assert_eq!(
        told(&verdicts),
        [
            (State::Closed, host(7), Level::Likely),
            (State::New, host(7), Level::Notice)
        ]
    );
    assert!(
        verdicts[0]
            .judgement
            .reason
            .ends_with("; another machine has the address now"),
        "{}",
        verdicts[0].judgement.reason
    );
    assert_eq!(level(&correlator, host(7)), Level::Notice);
}

#[test]
fn an_address_that_another_machine_uses_and_says_nothing_begins_anew() {
    let mut correlator = Correlator::new(Context::default());
    run(&mut correlator, worms(PC, 0, host(7), true));
    let verdicts = correlator.second(&[from(OTHER, 200, host(7), &mx(1))]);
    assert_eq!(
        told(&verdicts),
        [
            (State::Closed, host(7), Level::Likely),
            (State::New, host(7), Level::Notice)
        ]
    );
    // It is nobody's when two have it in turns, and stays judged by address.
    for second in 201..210 {
        let mac = if second % 2 == 0 { OTHER } else { PC };
        assert_eq!(correlator.second(&[from(mac, second, host(7), &mx(1))]), []);
    }
    run(&mut correlator, worms(PC, 300, host(7), true));
    assert_eq!(level(&correlator, host(7)), Level::Likely);
}

/// As behind two routers: neither ever says that the address is its own.
#[test]
fn where_nobody_says_whose_an_address_is_it_keeps_its_memory() {
    let mut correlator = Correlator::new(Context::default());
    let [first, second] = worms(PC, 0, host(7), false);
    run(
        &mut correlator,
        [first, from(OTHER, 40, host(7), &mx(1)), second],
    );
    let verdicts = correlator.second(&[from(THIRD, 200, host(7), &mx(1))]);
    assert_eq!(verdicts, []);
    assert_eq!(level(&correlator, host(7)), Level::Likely);
}

#[test]
fn what_was_joined_by_a_router_is_taken_back_and_judged_apart() {
    let mut correlator = Correlator::new(Context::default());
    run(&mut correlator, worms(PC, 0, host(1), true));
    correlator.second(&[bound(PC, 200, host(2), &mx(1))]);
    assert_eq!(level(&correlator, host(2)), Level::Likely);
    let advertises = Delta {
        second: 300,
        bindings: vec![says(PC, 300, host(2), How::Router)],
        ..Delta::default()
    };
    let verdicts = correlator.second(&[advertises]);
    assert_eq!(told(&verdicts), [(State::Closed, host(2), Level::None)]);
    let [verdict] = &verdicts[..] else {
        panic!("one verdict")
    };
    assert!(verdict.acquitted && verdict.began_as == host(1));
    assert_eq!(
        verdict.judgement.reason,
        "was taken for one machine with 1 other address, and turned out to be a router or a \
         proxy: each address is judged by itself from now on"
    );
    assert_eq!(verdict.judgement.related, [host(1)]);
    // Whatever is said of them, each is by itself.
    for host in [host(1), host(2)] {
        let verdicts = correlator.second(&[bound(PC, 400, host, &mx(1))]);
        assert_eq!(told(&verdicts), [(State::New, host, Level::Notice)]);
    }
}

#[test]
fn a_machine_that_forwards_for_nine_is_taken_back_too() {
    let mut correlator = Correlator::new(Context::default());
    run(&mut correlator, worms(PC, 0, host(1), true));
    for number in 2..9 {
        correlator.second(&[bound(PC, 200, host(number), &mx(1))]);
    }
    let verdicts = correlator.second(&[from(PC, 300, host(9), &mx(1))]);
    assert_eq!(
        told(&verdicts),
        [
            (State::Closed, host(8), Level::None),
            (State::New, host(9), Level::Notice)
        ]
    );
}

#[test]
fn a_router_with_one_address_keeps_its_memory() {
    let mut correlator = Correlator::new(Context::default());
    run(&mut correlator, worms(PC, 0, host(1), true));
    let advertises = Delta {
        second: 300,
        bindings: vec![says(PC, 300, host(1), How::Router)],
        ..Delta::default()
    };
    assert_eq!(correlator.second(&[advertises]), []);
    assert_eq!(correlator.second(&[bound(PC, 301, host(1), &mx(1))]), []);
    assert_eq!(level(&correlator, host(1)), Level::Likely);
}

#[test]
fn an_episode_goes_on_under_the_address_that_its_machine_moves_to() {
    let mut correlator = Correlator::new(Context::default());
    let before = run(&mut correlator, worms(PC, 0, host(1), true));
    let verdicts = correlator.second(&[bound(PC, 200, host(2), &mx(1))]);
    assert_eq!(told(&verdicts), [(State::Updated, host(2), Level::Likely)]);
    let (last, verdict) = (before.last().unwrap(), &verdicts[0]);
    assert_eq!(
        (verdict.began_as, verdict.first_seen, verdict.sequence),
        (host(1), last.first_seen, last.sequence + 1)
    );
    assert_eq!(verdict.judgement.related, [host(1)]);
    assert_eq!(verdict.judgement.class, last.judgement.class);
    assert!(
        verdict
            .judgement
            .reason
            .ends_with("; it is the same machine as 192.0.2.1"),
        "{}",
        verdict.judgement.reason
    );
    // Two addresses in turns are told once.
    for second in 201..210 {
        let host = host(1 + u8::try_from(second % 2).unwrap());
        assert_eq!(correlator.second(&[bound(PC, second, host, &mx(1))]), []);
    }
    let verdicts = correlator.finish(at(300));
    assert_eq!(told(&verdicts), [(State::Closed, host(2), Level::Likely)]);
    assert_eq!(verdicts[0].sequence, last.sequence + 2);
    assert_eq!(verdicts[0].judgement.related, [host(1)]);
}

#[test]
fn an_episode_that_hops_from_address_to_address_is_not_told_without_end() {
    let mut correlator = Correlator::new(Context::default());
    run(&mut correlator, worms(PC, 0, host(1), true));
    let mut updates = 0;
    for number in 2..200 {
        let second = i64::from(number) * 600;
        let verdicts = correlator.second(&[bound(PC, second, host(number), &mx(1))]);
        updates += verdicts.len();
    }
    assert_eq!(updates, 16);
    assert_eq!(level(&correlator, host(199)), Level::Likely);
}

#[test]
fn of_two_episodes_of_one_machine_the_lesser_is_closed() {
    for (worse, lesser) in [(1, 2), (2, 1)] {
        let mut correlator = Correlator::new(Context::default());
        run(&mut correlator, worms(PC, 0, host(worse), false));
        correlator.second(&[from(PC, 100, host(lesser), &mx(1))]);
        // It comes out that they are one.
        let verdicts = correlator.second(&[bound(PC, 200, host(1), &mx(1))]);
        assert_eq!(verdicts, []);
        let verdicts = correlator.second(&[bound(PC, 300, host(2), &mx(1))]);
        let closed = (State::Closed, host(lesser), Level::Notice);
        let goes_on = (State::Updated, host(2), Level::Likely);
        if worse == 1 {
            assert_eq!(told(&verdicts), [closed, goes_on]);
        } else {
            // It has been told under this address.
            assert_eq!(told(&verdicts), [closed]);
        }
        let verdicts = correlator.finish(at(400));
        assert_eq!(told(&verdicts), [(State::Closed, host(2), Level::Likely)]);
        assert_eq!(verdicts[0].began_as, host(worse));
    }
}

#[test]
fn a_flood_of_made_up_bindings_is_told() {
    let mut correlator = Correlator::new(Context::default());
    let flood = 0..identity::PAIRS as u64 + 1;
    let said = flood.map(|number| {
        let [.., a, b, c] = number.to_be_bytes();
        says(
            [6, 0, 0, a, b, c],
            0,
            HostAddr::from_v4([10, a, b, c]),
            How::Arp,
        )
    });
    assert_eq!(correlator.bindings_evicted(), 0);
    correlator.second(&[Delta {
        bindings: said.collect(),
        ..Delta::default()
    }]);
    assert_eq!(correlator.bindings_evicted(), identity::PAIRS as u64 / 16);
}

/// Of a host with IPv4 and IPv6 that asks by either in turns, for days.
#[test]
fn what_is_asked_from_two_addresses_is_one_share() {
    let mut correlator = Correlator::new(Context::default());
    let mut totals = [HostTotals::default(), HostTotals::default()];
    for hour in 0..60_i64 {
        for (number, totals) in (1_u8..).zip(&mut totals) {
            let second = 3_600 * hour + i64::from(number);
            let bin = Bin {
                t: 10,
                exact: 5,
                ..Bin::default()
            };
            totals.sums.add(second, bin);
            let whats = guess(2 * hour.cast_unsigned() + u64::from(number));
            let mut delta = bound(PC, second, host(number), &whats);
            totals.first = Some(at(i64::from(number)));
            totals.tag = delta.totals[0].1.tag;
            delta.totals = vec![(host(number), totals.clone())];
            correlator.second(&[delta]);
        }
    }
    let judgement = correlator.judgement(host(2), &HostTotals::default());
    let families = judgement.evidence.iter().map(|one| one.family);
    assert!(
        families
            .clone()
            .any(|family| family == Family::KeywordShare)
    );
    let text = |one: &&Evidence| one.family == Family::KeywordShare;
    let share = judgement.evidence.iter().find(text).unwrap();
    assert_eq!(share.text, "asked for mail hosts in 50% of its A queries");
}

/// What the counters of an address hold of its former user is nobody else's.
#[test]
fn what_a_former_user_asked_is_in_no_share() {
    let mut correlator = Correlator::new(Context::default());
    let mut totals = HostTotals {
        first: Some(at(0)),
        ..HostTotals::default()
    };
    let mut second = |correlator: &mut Correlator, mac, second, (t, exact), whats: &[What]| {
        let bin = Bin {
            t,
            exact,
            ..Bin::default()
        };
        totals.sums.add(second, bin);
        let mut delta = bound(mac, second, host(1), whats);
        totals.tag = delta.totals[0].1.tag;
        delta.totals = vec![(host(1), totals.clone())];
        correlator.second(&[delta]);
    };
    second(&mut correlator, OTHER, 0, (1_000, 0), &mx(1));
    second(&mut correlator, PC, 10, (10, 10), &mx(1));
    let whats: Vec<_> = (0..40).flat_map(guess).collect();
    second(&mut correlator, PC, 20, (40, 40), &whats);
    let judgement = correlator.judgement(host(1), &HostTotals::default());
    let share = judgement
        .evidence
        .iter()
        .find(|one| one.family == Family::KeywordShare);
    assert_eq!(
        share.map(|one| one.text.as_str()),
        Some("asked for mail hosts in 100% of its A queries")
    );
}
