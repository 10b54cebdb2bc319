//! What must hold of any octets, holes and ends of an SMTP connection. The fuzz target tries
//! it on what the fuzzer thinks of, the test `fuzz_seeds` on what is kept.

use mxray::decode::smtp::{Defect, End, Heard, Session, Side};
use std::collections::HashSet;

/// The first octet of an input of a connection that is seen from its beginning.
#[allow(dead_code, reason = "only those who make seeds ask for it")]
pub(crate) const WHOLE: u8 = 0;

/// What a session is fed: behind the first octet of the input, each behind one octet for its
/// kind and two for its length.
#[derive(Clone, Copy)]
enum Step<'a> {
    Octets(Side, &'a [u8]),
    Gap(Side, Option<u32>),
}

/// The octet that stands for octets of a direction.
#[allow(dead_code, reason = "only those who make seeds ask for it")]
pub(crate) fn number(side: Side) -> u8 {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

fn steps(mut rest: &[u8]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    while let [kind, high, low, behind @ ..] = rest {
        let length = u16::from_be_bytes([*high, *low]);
        let side = match kind & 1 {
            0 => Side::Client,
            _ => Side::Server,
        };
        rest = behind;
        if kind & 6 == 6 {
            // Some holes are very large, and of some nobody knows how large.
            let missing = u32::from(length) << (kind >> 4);
            steps.push(Step::Gap(side, (kind & 8 == 0).then_some(missing)));
        } else {
            let (octets, next) = behind.split_at(usize::from(length).min(behind.len()));
            steps.push(Step::Octets(side, octets));
            rest = next;
        }
    }
    steps
}

/// What is heard, as text; but for what depends on segments by its nature.
fn hear(steps: &[Step<'_>], whole: bool, single: bool) -> Vec<String> {
    let mut session = if whole {
        Session::new()
    } else {
        Session::midstream()
    };
    let (mut told, mut defects) = (Vec::new(), HashSet::new());
    let (mut replies, mut messages, mut hellos, mut over) = (0, 0, 0, false);
    let (mut unheard, mut in_tls) = (0, false);
    let mut out = |heard: Heard<'_>| {
        assert!(!over, "nothing follows");
        match heard {
            Heard::Reply(reply) => {
                assert!((200..=599).contains(&reply.code));
                replies += 1;
            }
            Heard::Message { .. } => messages += 1,
            Heard::Hello(_) => hellos += 1,
            Heard::ClientUnheard => unheard += 1,
            Heard::NotSmtp => over = true,
            Heard::Defect(defect) => assert!(defects.insert(defect), "said once"),
            Heard::MessagesInTls(number) => {
                assert!(number > 0);
                in_tls = true;
            }
            Heard::NothingInTls => assert!(!in_tls, "of a session without a message"),
            Heard::OneSided { .. } => {
                assert!(replies == 0 && unheard == 0, "of the client alone");
                // What came in one tells that nobody had waited.
                return;
            }
            Heard::Command(_) => {}
        }
        assert!(messages <= replies && hellos <= 1 && unheard <= 1);
        if heard != Heard::Defect(Defect::UnofferedPipelining) {
            told.push(format!("{heard:?}"));
        }
    };
    for step in steps {
        match step {
            Step::Gap(side, missing) => session.gap(*side, *missing, &mut out),
            Step::Octets(side, octets) if single => {
                for octet in octets.chunks(1) {
                    session.octets(*side, octet, &mut out);
                }
            }
            Step::Octets(side, octets) => session.octets(*side, octets, &mut out),
        }
        assert!(session.kept() <= Session::MAX_KEPT);
    }
    session.end(End::Said, &mut out);
    let mut silent = |heard: Heard<'_>| panic!("{heard:?} after the end");
    session.octets(Side::Client, b"MAIL FROM:<a@b>\r\n", &mut silent);
    session.gap(Side::Server, None, &mut silent);
    session.end(End::Said, &mut silent);
    told
}

/// # Panics
/// Where it does not hold that what is kept is bounded, that a defect is said once, that there
/// are no more messages than replies, that nothing follows an end; and that it does not
/// matter how octets are cut into segments, as long as there are no holes and the client sends
/// no more than one line at once.
pub(crate) fn holds(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let whole = first & 1 == 0;
    let steps = steps(rest);
    let told = hear(&steps, whole, false);
    let in_turn = |step: &Step<'_>| match step {
        Step::Gap(_, missing) => *missing == Some(0),
        Step::Octets(Side::Client, octets) => {
            octets.split(|octet| *octet == b'\n').nth(2).is_none()
        }
        Step::Octets(Side::Server, _) => true,
    };
    if whole && steps.iter().all(in_turn) {
        assert_eq!(hear(&steps, whole, true), told);
    }
}
