//! Judgement over packets: counting and correlation together.

use super::*;
use crate::capture::Origin;
use crate::count::{Counters, Settings};
use crate::decode::packet::{LinkTag, Packet, Transport};

const A: u16 = 1;
const MX: u16 = 15;
/// A query that wishes for recursion, one that does not, and a reply.
const RECURSIVE: u16 = 0x0100;
const ITERATIVE: u16 = 0;
const REPLY: u16 = 0x8180;

/// A tap, and what came of its packets.
struct Tap {
    counters: Counters,
    correlator: Correlator,
    told: Vec<Verdict>,
}

impl Tap {
    fn new() -> Self {
        Self {
            counters: Counters::new(Settings::default()),
            correlator: Correlator::new(Context::default()),
            told: Vec::new(),
        }
    }

    /// A message of the DNS in this second, whose seconds before are closed.
    fn message(&mut self, second: i64, src: HostAddr, dst: HostAddr, (flags, name, qtype): Asked) {
        let mut payload = Vec::new();
        for word in [u16::try_from(second).unwrap(), flags, 1, 0, 0, 0] {
            payload.extend(word.to_be_bytes());
        }
        for label in name.split('.') {
            payload.push(u8::try_from(label.len()).unwrap());
            payload.extend(label.as_bytes());
        }
        payload.push(0);
        payload.extend([qtype, 1].into_iter().flat_map(u16::to_be_bytes));
        let (src_port, dst_port) = if flags == REPLY {
            (53, 40_000)
        } else {
            (40_000, 53)
        };
        let packet = Packet {
            time: Timestamp::from_parts(second, 0),
            origin: Origin::default(),
            tag: LinkTag::default(),
            src,
            dst,
            transport: Transport::Udp,
            src_port,
            dst_port,
            missing: 0,
            payload: &payload,
        };
        self.close(second - 1);
        self.counters.record(&packet, false);
    }

    fn close(&mut self, through: i64) {
        for delta in self.counters.close(through) {
            self.told.append(&mut self.correlator.second(&[delta]));
        }
    }

    /// All verdicts, those at the end of the input included.
    fn finish(mut self, second: i64) -> Vec<Verdict> {
        self.close(second);
        let end = Timestamp::from_parts(second, 0);
        self.told.append(&mut self.correlator.finish(end));
        self.told
    }
}

type Asked = (u16, &'static str, u16);

#[test]
fn who_turns_out_to_be_a_resolver_by_queries_that_weigh_nothing_is_cleared() {
    let mut tap = Tap::new();
    let server = host(53);
    tap.message(1, host(1), server, (ITERATIVE, "example.com", MX));
    for second in 2..7 {
        let asked = (ITERATIVE, "www.example.com", A);
        tap.message(second, host(1), server, asked);
    }
    // A PC that asks the same is none.
    tap.message(7, host(2), server, (RECURSIVE, "example.com", MX));
    for second in 8..13 {
        let asked = (RECURSIVE, "www.example.com", A);
        tap.message(second, host(2), server, asked);
    }
    let told = tap.finish(60);
    let last = |host| {
        let mut of = told.iter().filter(|verdict| verdict.host == host);
        let last = of.next_back().unwrap();
        (last.state, last.judgement.level, last.judgement.role.role)
    };
    assert_eq!(last(host(1)), (State::Closed, Level::None, Role::Resolver));
    assert_eq!(last(host(2)), (State::Closed, Level::Notice, Role::Pc));
}

#[test]
fn who_answers_itself_is_no_resolver() {
    let loopback = |last| HostAddr::from_v4([127, 0, 0, last]);
    for (src, dst) in [(host(1), host(1)), (loopback(53), loopback(1))] {
        let mut tap = Tap::new();
        tap.message(1, dst, src, (RECURSIVE, "example.com", MX));
        tap.message(1, src, dst, (REPLY, "example.com", MX));
        tap.close(2);
        for host in [src, dst] {
            let judgement = tap.correlator.judgement(host, &HostTotals::default());
            assert_eq!(judgement.role.role, Role::Pc);
        }
    }
    // Nor is the server of another less known for it.
    let mut tap = Tap::new();
    tap.message(1, host(1), host(1), (RECURSIVE, "example.com", A));
    tap.message(1, host(1), host(1), (REPLY, "example.com", A));
    tap.message(2, host(2), host(1), (RECURSIVE, "example.com", A));
    tap.message(2, host(1), host(2), (REPLY, "example.com", A));
    tap.close(2);
    let judgement = tap.correlator.judgement(host(1), &HostTotals::default());
    assert_eq!(judgement.role.role, Role::Resolver);
}
