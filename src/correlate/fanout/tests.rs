//! The windows against a naive count.

use super::*;
use proptest::prelude::*;

const DAY_S: i64 = 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_parts(second, 0)
}

fn server(number: u32, port: u16) -> Server {
    let addr = HostAddr::from_v4(number.to_be_bytes());
    Server { addr, port }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Attempt(Timestamp, Server),
    Outcome(Timestamp, Server, Outcome),
}

impl Event {
    fn time(self) -> Timestamp {
        match self {
            Self::Attempt(time, _) | Self::Outcome(time, ..) => time,
        }
    }

    fn hand(self, fanout: &mut Fanout) {
        match self {
            Self::Attempt(time, server) => fanout.attempt(time, server),
            Self::Outcome(time, server, outcome) => fanout.outcome(time, server, outcome),
        }
    }
}

fn fanout(events: impl IntoIterator<Item = Event>) -> Fanout {
    let mut fanout = Fanout::default();
    for event in events {
        event.hand(&mut fanout);
    }
    fanout
}

/// The words of the definition over the whole list, one by one.
fn naive(events: &[Event], span: u32, now: Timestamp) -> Reach {
    let mut events = events.to_vec();
    let rank = |event: &Event| match *event {
        Event::Attempt(..) => None,
        Event::Outcome(_, _, outcome) => Some(outcome),
    };
    events.sort_by_key(|event| (event.time(), rank(event)));
    let mut attempts: Vec<(Timestamp, Server, Option<Outcome>)> = Vec::new();
    for event in &events {
        match *event {
            Event::Attempt(time, server) => attempts.push((time, server, None)),
            Event::Outcome(time, server, outcome) => {
                let own = |(of, s, _): &&mut (Timestamp, Server, Option<Outcome>)| {
                    *s == server && time.nanos_since(*of) <= PATIENCE
                };
                let open = |it: &&mut (_, _, Option<Outcome>)| it.2.is_none();
                let late = |it: &&mut (_, _, Option<Outcome>)| {
                    it.2 == Some(Outcome::Unanswered) && outcome == Outcome::Established
                };
                if let Some(it) = attempts.iter_mut().filter(own).find(open) {
                    it.2 = Some(outcome);
                } else if let Some(it) = attempts.iter_mut().filter(own).find(late) {
                    it.2 = Some(outcome);
                }
            }
        }
    }
    let start = now.nanos() - i64::from(span) * NANOS;
    let within: Vec<_> = attempts
        .iter()
        .filter(|(time, ..)| time.nanos() > start && *time <= now)
        .collect();
    let count = |outcome| within.iter().filter(|it| it.2 == Some(outcome)).count() as u64;
    let addrs: std::collections::BTreeSet<_> = within.iter().map(|it| it.1.addr).collect();
    let known = |addr: &HostAddr| {
        let before = |time: Timestamp| time.nanos() <= start && time.nanos() > start - DAY;
        attempts.iter().any(|it| it.1.addr == *addr && before(it.0))
    };
    let mut ports: Vec<u16> = within.iter().map(|it| it.1.port).collect();
    ports.sort_unstable();
    ports.dedup();
    let port = |&port: &u16| {
        let own: Vec<_> = within.iter().filter(|it| it.1.port == port).collect();
        let addrs: std::collections::BTreeSet<_> = own.iter().map(|it| it.1.addr).collect();
        let established = own.iter().filter(|it| it.2 == Some(Outcome::Established));
        PortTotals {
            port,
            attempts: own.len() as u64,
            established: established.count() as u64,
            destinations: addrs.len() as u64,
        }
    };
    Reach {
        span,
        attempts: within.len() as u64,
        established: count(Outcome::Established),
        refused: count(Outcome::Refused),
        unanswered: count(Outcome::Unanswered),
        destinations: addrs.len() as u64,
        exact: true,
        new: addrs.iter().filter(|addr| !known(addr)).count() as u64,
        ports: ports.iter().map(port).collect(),
    }
}

fn attempts(windows: &[Reach]) -> Vec<u64> {
    windows.iter().map(|window| window.attempts).collect()
}

#[test]
fn an_attempt_leaves_each_window_at_its_edge() {
    let fanout = fanout([Event::Attempt(at(0), server(1, 25))]);
    let seen = |nanos| attempts(&fanout.windows(Timestamp::from_nanos(nanos)));
    assert_eq!(seen(-1), [0, 0, 0]);
    assert_eq!(seen(0), [1, 1, 1]);
    for (edge, before, after) in [
        (600 * NANOS, [1, 1, 1], [0, 1, 1]),
        (3_600 * NANOS, [0, 1, 1], [0, 0, 1]),
        (DAY, [0, 0, 1], [0, 0, 0]),
    ] {
        assert_eq!((seen(edge - 1), seen(edge)), (before.into(), after.into()));
    }
    assert!(Fanout::default().windows(at(0)).is_empty());
}

#[test]
fn new_is_what_was_not_tried_in_the_day_before_the_window() {
    let event = |second, number| Event::Attempt(at(second), server(number, 25));
    let fanout = fanout([event(0, 1), event(1, 2), event(DAY_S, 1), event(DAY_S, 3)]);
    let new = |second| {
        let windows = fanout.windows(at(second));
        windows.iter().map(|window| window.new).collect::<Vec<_>>()
    };
    assert_eq!(new(1), [2, 2, 2]);
    // 3 in the shorter windows, 2 and 3 in the day; 1 was tried at 0, which lies before each.
    assert_eq!(new(DAY_S), [1, 1, 2]);
    assert_eq!(new(DAY_S + 599), [1, 1, 1]);
    // At the edge: 0 is a day before the window begins at a day, and no more in the day before.
    let fanout = self::fanout([event(0, 1), event(DAY_S + 300, 1)]);
    let new = |second| fanout.windows(at(second))[0].new;
    assert_eq!((new(DAY_S + 599), new(DAY_S + 600)), (0, 1));
}

#[test]
fn outcomes_find_their_attempts() {
    let (attempt, outcome) = (Event::Attempt, Event::Outcome);
    let one = server(1, 25);
    let window = |events: &[Event]| {
        let windows = fanout(events.iter().copied()).windows(at(100));
        let Reach {
            established,
            refused,
            unanswered,
            ..
        } = windows[0];
        (established, refused, unanswered)
    };
    let late = [
        attempt(at(0), one),
        outcome(at(30), one, Outcome::Unanswered),
        outcome(at(40), one, Outcome::Established),
    ];
    assert_eq!(window(&late), (1, 0, 0));
    // An answer takes nobody else's place, and one without an attempt is nobody's.
    let other = [
        attempt(at(0), one),
        outcome(at(1), server(1, 587), Outcome::Established),
        outcome(at(1), one, Outcome::Refused),
        outcome(at(2), one, Outcome::Established),
    ];
    assert_eq!(window(&other), (0, 1, 0));
    let two = [
        attempt(at(0), one),
        attempt(at(1), one),
        outcome(at(1), one, Outcome::Established),
        outcome(at(31), one, Outcome::Unanswered),
    ];
    assert_eq!(window(&two), (1, 0, 1));
}

#[test]
fn a_busy_host_is_counted_in_rings_and_later_exactly_again() {
    let mut fanout = Fanout::default();
    for n in 0..=EXACT {
        assert!(fanout.windows(at(0)).iter().all(|window| window.exact));
        fanout.attempt(at(0), server(u32::try_from(n).unwrap(), 25));
    }
    let windows = fanout.windows(at(0));
    assert!(windows.iter().all(|window| !window.exact));
    assert_eq!(attempts(&windows), [1_025; 3]);
    // The day has run empty.
    assert_eq!(attempts(&fanout.windows(at(2 * DAY_S))), [0; 3]);
    fanout.attempt(at(2 * DAY_S), server(1, 25));
    let windows = fanout.windows(at(2 * DAY_S));
    assert!(
        windows
            .iter()
            .all(|window| window.exact && window.attempts == 1)
    );
}

/// 1,024 within any day stay exact, however many days there are.
#[test]
fn the_bound_is_per_day() {
    let mut fanout = Fanout::default();
    let step = DAY_S / 1_024 + 1;
    for n in 0..5_000_u32 {
        fanout.attempt(at(i64::from(n) * step), server(n, 25));
    }
    let Form::Exact(exact) = &fanout.0 else {
        panic!("a sketch")
    };
    assert!(exact.attempts.len() <= 2 * EXACT + 8);
}

/// A spammer of 20,000 an hour over three hours, to ever new servers of which a tenth comes
/// again; 4 of 10 fail.
#[test]
fn rings_are_close() {
    let mut fanout = Fanout::default();
    let mut events = Vec::new();
    for n in 0..60_000_u32 {
        let time = Timestamp::from_nanos(i64::from(n) * 180_000_000);
        let server = server(if n % 10 == 0 { n / 2 } else { n }, 25);
        events.push(Event::Attempt(time, server));
        let outcome = match n % 10 {
            1..=3 => (30 * NANOS, Outcome::Unanswered),
            4 => (50_000_000, Outcome::Refused),
            _ => (50_000_000, Outcome::Established),
        };
        let (delay, outcome) = outcome;
        events.push(Event::Outcome(time.plus_nanos(delay), server, outcome));
    }
    events.sort_by_key(|event| event.time());
    let now = Timestamp::from_nanos(60_000 * 180_000_000);
    events.retain(|event| event.time() <= now);
    for &event in &events {
        event.hand(&mut fanout);
    }
    for (window, slack) in fanout.windows(now).into_iter().zip([60, 300, 3_600]) {
        // The window of the rings begins with a bucket.
        let cut = i64::from(window.span) - slack + now.second().rem_euclid(slack);
        let cut = u32::try_from(cut).unwrap();
        let truth = |span| naive_counts(&events, span, now);
        let shorter = truth(window.span - u32::try_from(slack).unwrap());
        let longer = truth(window.span);
        for (count, low, high) in [
            (window.attempts, shorter.0, longer.0),
            (window.established, shorter.1, longer.1),
            (window.refused, shorter.2, longer.2),
            (window.unanswered, shorter.3, longer.3),
        ] {
            assert!((low..=high).contains(&count), "{low}..={high}: {window:?}");
        }
        let (.., destinations) = truth(cut);
        let error = destinations.abs_diff(window.destinations);
        println!("{destinations} destinations, told {}", window.destinations);
        assert!(error * 20 <= destinations, "{destinations}: {window:?}");
        assert_eq!(window.ports.len(), 1);
        assert!(window.new <= window.destinations);
    }
}

/// Attempts, established, refused, unanswered (each outcome within moments of its attempt,
/// or 30 s), distinct addresses.
fn naive_counts(events: &[Event], span: u32, now: Timestamp) -> (u64, u64, u64, u64, u64) {
    let start = now.plus_nanos(-i64::from(span) * NANOS);
    let (mut counts, mut addrs) = ((0, 0, 0, 0), HashSet::new());
    for event in events {
        let (time, kind) = match *event {
            Event::Attempt(time, server) => {
                if time > start {
                    addrs.insert(server.addr);
                }
                (time, &mut counts.0)
            }
            Event::Outcome(time, _, Outcome::Established) => {
                (time.plus_nanos(-50_000_000), &mut counts.1)
            }
            Event::Outcome(time, _, Outcome::Refused) => {
                (time.plus_nanos(-50_000_000), &mut counts.2)
            }
            Event::Outcome(time, _, Outcome::Unanswered) => {
                (time.plus_nanos(-30 * NANOS), &mut counts.3)
            }
        };
        *kind += u64::from(time > start);
    }
    (counts.0, counts.1, counts.2, counts.3, addrs.len() as u64)
}

/// New destinations of a host that has known 5,000 for a day and turns to 2,000 others.
#[test]
fn new_destinations_in_rings_are_estimates() {
    let mut fanout = Fanout::default();
    for n in 0..20_000_u32 {
        let time = at(i64::from(n) * 4);
        fanout.attempt(time, server(n % 5_000, 25));
    }
    let start = 20_000 * 4;
    for n in 0..2_000_u32 {
        let time = at(start + i64::from(n) / 4);
        fanout.attempt(time, server(100_000 + n, 25));
    }
    let windows = fanout.windows(at(start + 500));
    let [ten_minutes, ..] = &windows[..] else {
        panic!("three windows")
    };
    println!("2000 new, told {}", ten_minutes.new);
    assert!(
        (1_800..=2_200).contains(&ten_minutes.new),
        "{ten_minutes:?}"
    );
}

#[test]
fn a_host_of_many_ports_keeps_its_totals() {
    let mut fanout = Fanout::default();
    for n in 0..2_000_u16 {
        fanout.attempt(at(0), server(u32::from(n), 1 + n % 100));
    }
    for window in fanout.windows(at(0)) {
        assert_eq!(window.attempts, 2_000);
        assert!(window.ports.len() < 9, "{window:?}");
    }
}

prop_compose! {
    fn event()(
        second in prop_oneof![0..3 * DAY_S, 0..1_000_i64, DAY_S - 700..DAY_S + 100],
        millis in 0..1_000_i64,
        number in 0..12_u32,
        port in prop_oneof![Just(25_u16), Just(587)],
        what in 0..5_u8,
    ) -> Event {
        let (time, server) = (Timestamp::from_parts(second, millis * 1_000_000), server(number, port));
        match what {
            0 => Event::Outcome(time, server, Outcome::Established),
            1 => Event::Outcome(time, server, Outcome::Refused),
            2 => Event::Outcome(time, server, Outcome::Unanswered),
            _ => Event::Attempt(time, server),
        }
    }
}

proptest! {
    #[test]
    fn exact_windows_are_those_of_a_naive_count(
        mut events in prop::collection::vec(event(), 1..200),
        jitter in prop::collection::vec(0..2_000_i64, 200),
        back in 0..2_000_i64,
    ) {
        events.sort_by_key(|event| event.time());
        let in_order = fanout(events.iter().copied());
        // As they might arrive: each up to two seconds late.
        let mut arrival: Vec<_> = events.iter().zip(&jitter).collect();
        arrival.sort_by_key(|(event, jitter)| event.time().nanos() + **jitter * 1_000_000);
        let jumbled = fanout(arrival.into_iter().map(|(event, _)| *event));
        let newest = events.last().unwrap().time();
        for now in [newest, newest.plus_nanos(-back * 1_000_000)] {
            let windows = in_order.windows(now);
            prop_assert_eq!(&windows, &jumbled.windows(now));
            for window in windows {
                prop_assert_eq!(&window, &naive(&events, window.span, now));
            }
        }
    }
}

/// Attempts from two addresses of a host are those of one, whatever form either is in.
#[test]
fn two_memories_put_together_tell_what_one_would() {
    for (mine, theirs) in [
        (40, 60),
        (600, 700),
        (1_500, 90),
        (90, 1_500),
        (1_500, 1_600),
    ] {
        let event = |number: u32, first: u32| {
            let server = server(first + number % 300, 25);
            let time = at(i64::from(number) * 20 + i64::from(first / 1_000));
            let outcome = match number % 3 {
                0 => Outcome::Refused,
                _ => Outcome::Established,
            };
            [
                Event::Attempt(time, server),
                Event::Outcome(time, server, outcome),
            ]
        };
        let events = |count: u32, first: u32| (0..count).flat_map(move |n| event(n, first));
        let mut all: Vec<_> = events(mine, 0).chain(events(theirs, 1_000)).collect();
        all.sort_by_key(|event| event.time());
        let mut merged = fanout(events(mine, 0));
        merged.merge(fanout(events(theirs, 1_000)));
        let now = all.last().unwrap().time();
        let (merged, whole) = (merged.windows(now), fanout(all).windows(now));
        for (merged, whole) in merged.iter().zip(&whole) {
            assert_eq!(merged.exact, whole.exact, "{mine} and {theirs}");
            let counts = |it: &Reach| (it.attempts, it.established, it.refused, it.unanswered);
            assert_eq!(counts(merged), counts(whole), "{mine} and {theirs}");
            let off = merged.destinations.abs_diff(whole.destinations);
            let most = if merged.exact {
                0
            } else {
                whole.destinations / 20
            };
            assert!(
                off <= most,
                "{} {}",
                merged.destinations,
                whole.destinations
            );
        }
    }
}
