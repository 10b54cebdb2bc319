//! TLS, behind STARTTLS or from the beginning on.

use super::*;

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3], &length[..], body].concat()
}

fn hello() -> Vec<u8> {
    use crate::decode::tls::tests::{alpn, body, sni};
    let body = body(&[sni("mx.b.example"), alpn(&["smtp"])]);
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1], &length[1..], &body].concat()
}

/// A TLS 1.3 session behind the hello, with so many messages.
fn sealed(messages: usize, implicit: bool) -> Vec<Step> {
    let data = |length| record(23, &vec![0; length]);
    let mut steps = vec![
        s([record(22, &[2; 90]), data(1500), data(60)].concat()),
        c(data(69)),
    ];
    if implicit {
        steps.extend([s(data(200)), c(data(40)), s(data(150))]);
    } else {
        steps.extend([c(data(40)), s(data(150))]);
    }
    for _ in 0..messages {
        for (client, server) in [(60, 40), (60, 40), (25, 60), (900, 60)] {
            steps.extend([c(data(client)), s(data(server))]);
        }
    }
    steps.extend([c(data(25)), s(data(40))]);
    steps
}

pub(super) fn starttls(messages: usize) -> Vec<Step> {
    let mut steps = vec![
        s("220 mx\r\n"),
        c("EHLO a.example\r\n"),
        s("250-mx\r\n250 STARTTLS\r\n"),
        c("STARTTLS\r\n"),
        s("220 go\r\n"),
        c(record(22, &hello())),
    ];
    steps.extend(sealed(messages, false));
    steps
}

/// Behind STARTTLS: a recipient who is refused, and QUIT.
fn refused() -> Vec<Step> {
    let data = |length| record(23, &vec![0; length]);
    let mut steps = starttls(0);
    steps.truncate(steps.len() - 2);
    for (client, server) in [(47, 40), (45, 60), (23, 40)] {
        steps.extend([c(data(client)), s(data(server))]);
    }
    steps
}

#[test]
fn an_envelope_in_tls_and_no_message() {
    const NOTHING: &str = "tls+nothing";
    let last = |steps: &[Step], end| hear_until(&mut Session::new(), steps, end).pop().unwrap();
    assert_eq!(last(&refused(), End::Said), NOTHING);
    // It is not known whether the client had more to say.
    assert_ne!(last(&refused(), End::Closed), NOTHING);
    assert_ne!(last(&refused(), End::Forgotten), NOTHING);
    let midstream = hear_midstream(&refused());
    assert!(!midstream.contains(NOTHING), "{midstream}");
    for messages in [0, 1, 3] {
        let told = hear(&starttls(messages));
        assert!(!told.contains(NOTHING), "{told}");
    }
    // Nothing is known where anything is missing: octets of a record, a record, a beginning.
    for at in 0..refused().len() {
        let mut steps = refused();
        let Step::Octets(side, octets) = &steps[at] else {
            unreachable!()
        };
        let (side, whole) = (*side, octets.clone());
        for kept in [0, 10, whole.len() - 1] {
            let kept = kept.min(whole.len() - 1);
            let missing = u32::try_from(whole.len() - kept).ok();
            steps[at] = Step::Octets(side, whole[..kept].to_vec());
            for missing in [missing, None] {
                let mut steps = steps.clone();
                steps.insert(at + 1, Step::Gap(side, missing));
                let told = hear(&steps);
                assert!(!told.contains(NOTHING), "{at} {kept}: {told}");
            }
        }
    }
    // Nor of one direction.
    for side in [Side::Client, Side::Server] {
        assert!(!hear(&only(side, &refused())).contains(NOTHING));
    }
}

#[test]
fn inside_tls() {
    let head =
        "220>Connect EHLO(a.example) 250>Helo STARTTLS 220>StartTls hello(mx.b.example smtp)";
    for messages in [0, 1, 3] {
        let told = " tls+1".repeat(messages);
        assert_eq!(hear(&starttls(messages)), format!("{head}{told}"));
        let implicit = [vec![c(record(22, &hello()))], sealed(messages, true)].concat();
        assert_eq!(hear(&implicit), format!("hello(mx.b.example smtp){told}"));
    }
    // The hello in three segments, and in two records.
    let (first, second) = (hello()[..50].to_vec(), hello()[50..].to_vec());
    let records = [record(22, &first), record(22, &second)].concat();
    let steps = [c(&records[..2]), c(&records[2..60]), c(&records[60..])];
    assert_eq!(hear(&steps), "hello(mx.b.example smtp)");
    // One direction: the client's.
    assert_eq!(
        hear(&only(Side::Client, &starttls(3))),
        "EHLO(a.example) STARTTLS hello(mx.b.example smtp)"
    );
    assert_eq!(
        hear(&only(Side::Server, &starttls(3))),
        "220>Connect unheard 250>? 220>?"
    );
    // Captured before the permission; cut.
    let mut early = starttls(1);
    early.swap(4, 5);
    assert_eq!(
        hear(&early),
        format!(
            "{} tls+1",
            head.replace(
                "220>StartTls hello(mx.b.example smtp)",
                "hello(mx.b.example smtp) 220>StartTls"
            )
        )
    );
    let cut = [c(&records[..40]), c_gap(99)];
    assert_eq!(hear(&cut), "hello(? ?)");
    assert_eq!(hear(&cut[..1]), "hello(? ?)");
    // Refused.
    let steps = [
        s("220 mx\r\n"),
        c("STARTTLS\r\n"),
        s("454 no\r\n"),
        c("QUIT\r\n"),
    ];
    assert_eq!(hear(&steps), "220>Connect STARTTLS 454>StartTls QUIT");
}
