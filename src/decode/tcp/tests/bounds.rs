//! What is kept is bounded, and what is forgotten for that.

use super::super::early::Early;
use super::*;
use proptest::prelude::*;

/// As many as are sent, each once: between two ends too.
#[test]
fn attempts_between_two_ends_are_exact_up_to_the_bound() {
    const ATTEMPTS: u32 = 1 << 16;
    let mut tap = Tap::new();
    for number in 0..ATTEMPTS {
        tap.client(0, SYN, number << 8, 0, b"");
        if (number + 1) % (ATTEMPTS / GENERATIONS) == 0 {
            tap.connections.forget();
        }
    }
    for number in (0..ATTEMPTS).step_by(2) {
        tap.client(1, SYN, number << 8, 0, b"");
    }
    assert_eq!(tap.connections.kept(), (ATTEMPTS as usize, 0));
    tap.expire(31);
    let unanswered = tap.said.iter().filter(|said| *said == "Unanswered at 30");
    assert_eq!(unanswered.count(), ATTEMPTS as usize);
    assert_eq!(tap.said.len(), 2 * ATTEMPTS as usize);
    tap.expire(10_000);
    assert_eq!(
        (tap.connections.kept(), tap.connections.replaced),
        ((0, 0), 0)
    );
}

/// Nothing is known of these but packets that may have been overtaken.
#[test]
fn what_is_held_back_is_bounded() {
    let limits = Limits {
        streams: 16,
        octets: 20_000,
    };
    let mut tap = Tap::with(limits);
    for number in 0..5_000_u16 {
        let segment = Segment {
            seq: 1_000,
            ack: 1,
            flags: if number % 3 == 0 { FIN | ACK } else { ACK },
        };
        let ends = ((CLIENT, number % 1_000), (SERVER, 25));
        tap.packet(
            0,
            ends.0,
            ends.1,
            segment,
            &[b'x'; 500][..usize::from(number % 500)],
        );
        let it = &tap.connections;
        assert!(it.kept().1 <= 20_000 && it.due.len() <= 16 && it.live.len() <= 16);
        assert!(it.strays.len() <= 16 && it.kept().0 <= 3 * 16);
    }
    tap.finish();
    tap.expire(10_000);
    assert_eq!(
        (tap.connections.kept(), tap.connections.due.len()),
        ((0, 0), 0)
    );
}

#[test]
fn at_the_bound_the_quietest_stream_is_given_up() {
    let mut tap = Tap::with(Limits {
        streams: 2,
        octets: 1 << 20,
    });
    for port in [1, 2, 3] {
        let (client, server) = ((CLIENT, port), (SERVER, 25));
        tap.packet(
            0,
            client,
            server,
            Segment {
                seq: 9,
                ack: 0,
                flags: SYN,
            },
            b"",
        );
        tap.packet(
            0,
            server,
            client,
            Segment {
                seq: 9,
                ack: 10,
                flags: SYN | ACK,
            },
            b"",
        );
        // The first stays, since it speaks.
        tap.packet(
            0,
            (CLIENT, 1),
            server,
            Segment {
                seq: 10,
                ack: 10,
                flags: ACK,
            },
            b"",
        );
    }
    assert_eq!(tap.connections.counts().evicted, 1);
    assert_eq!(tap.connections.kept().0, 2);
    assert_eq!(tap.said.iter().filter(|said| *said == "ended").count(), 1);
}

#[test]
fn octets_that_wait_are_bounded_over_all_connections() {
    let mut tap = Tap::with(Limits {
        streams: 1_000,
        octets: 100_000,
    });
    for port in 0..100 {
        for piece in 0..10 {
            let segment = Segment {
                seq: 1_000 + piece * 2_000,
                ack: 0,
                flags: ACK,
            };
            tap.packet(
                0,
                (CLIENT, port),
                (SERVER, 25),
                Segment { seq: 0, ..segment },
                b"x",
            );
            tap.packet(0, (CLIENT, port), (SERVER, 25), segment, &[b'x'; 1_000]);
            assert!(tap.connections.kept().1 <= 100_000);
        }
    }
    assert!(tap.connections.counts().shed > 0);
    tap.finish();
    assert_eq!(tap.connections.kept(), (0, 0));
}

#[test]
fn idle_connections_are_forgotten() {
    let mut tap = Tap::new();
    tap.client(0, SYN, 100, 0, b"")
        .server(0, SYN | ACK, 500, 101, b"");
    tap.client(100, ACK, 101, 501, b"")
        .expire(999)
        .expire(1_000);
    assert_eq!(tap.connections.kept(), (0, 0));
    assert_eq!(tap.finish(), "attempt, Established, answers, ended at 1000");
}

#[test]
fn a_quiet_connection_takes_no_more_than_is_reckoned() {
    assert!(size_of::<Slot>() <= 112);
}

/// Each SYN is sent twice: within the bound each connection is counted exactly once.
#[test]
fn half_open_connections_are_exact_up_to_the_bound_and_forgotten_beyond() {
    const CONNECTIONS: u32 = 1 << 16;
    let syn = |tap: &mut Tap, number: u32| {
        let [a, b, c, d] = number.to_be_bytes();
        let segment = Segment {
            seq: number,
            ack: 0,
            flags: SYN,
        };
        tap.packet(0, (CLIENT, 40_000), ([0x0a | a, b, c, d], 25), segment, b"");
    };
    let mut tap = Tap::new();
    for number in 0..CONNECTIONS {
        syn(&mut tap, number);
        if (number + 1) % (CONNECTIONS / GENERATIONS) == 0 {
            tap.connections.forget();
        }
    }
    (0..CONNECTIONS)
        .filter(|number| number % 8 == 7)
        .for_each(|number| syn(&mut tap, number));
    assert_eq!(tap.said.len(), CONNECTIONS as usize);
    assert_eq!(tap.connections.kept().0, CONNECTIONS as usize);
    // As many again: the first ones go.
    for number in CONNECTIONS..2 * CONNECTIONS {
        syn(&mut tap, number);
        if (number + 1) % (CONNECTIONS / GENERATIONS) == 0 {
            tap.connections.forget();
        }
        assert!(tap.connections.kept().0 <= (CONNECTIONS + 2 * CONNECTIONS / GENERATIONS) as usize);
    }
    assert_eq!(tap.said.len(), 2 * CONNECTIONS as usize);
    assert!(tap.connections.counts().evicted > u64::from(CONNECTIONS / 2));
    tap.expire(10_000);
    assert_eq!(tap.connections.kept(), (0, 0));
}

proptest! {
    #[test]
    fn any_segments_keep_lists_and_bounds_in_order(
        segments in proptest::collection::vec(
            (0_u16..12, any::<bool>(), 0_u8..32, 0_u32..40, 0_u32..40, 0_usize..30, 0_i64..40), 0..400
        )
    ) {
        let mut tap = Tap::with(Limits { streams: 4, octets: 60 });
        let mut second = 0;
        for (port, from_client, flags, seq, ack, length, wait) in segments {
            second += wait;
            let segment = Segment { seq, ack, flags };
            let (client, server) = ((CLIENT, port), (SERVER, if port % 3 == 0 { DNS } else { 25 }));
            let payload = vec![b'a'; length];
            if from_client {
                tap.packet(second, client, server, segment, &payload);
            } else {
                tap.packet(second, server, client, segment, &payload);
            }
            if wait == 39 {
                tap.connections.forget();
            }
            tap.expire(second - 3);
            let it = &tap.connections;
            let listed = it.opening.len() + it.live.len() + it.done.len() + it.strays.len();
            let held = |slot: &Slot| slot.held.is_some() || slot.stream.as_ref().is_some_and(|s| s.reset_at().is_some());
            prop_assert_eq!(it.due.len(), it.slots.iter().filter(|slot| held(slot)).count());
            prop_assert_eq!(listed, it.kept().0);
            prop_assert_eq!(it.index.len(), listed);
            prop_assert!(it.live.len() <= 4 && it.kept().1 <= 60 + 30);
            let waiting: usize = it.slots.iter().filter_map(|slot| slot.stream.as_ref()).map(|s| s.waiting()).sum();
            let held = it.slots.iter().filter_map(|slot| slot.held.as_ref());
            let held: usize = held.flat_map(|held| held.iter().map(Early::octets)).sum();
            prop_assert_eq!(waiting + held, it.kept().1);
        }
        let said = tap.finish();
        prop_assert_eq!(tap.connections.kept().1, 0);
        // What silence tells has its second behind it.
        let words: Vec<_> = said.split(", ").filter_map(|one| one.split(" at ").next()).collect();
        let count = |word: &str| words.iter().filter(|said| **said == word).count();
        prop_assert!(count("Established") + count("Refused") <= count("attempt"));
        prop_assert!(count("Unanswered") <= count("attempt"));
    }
}
