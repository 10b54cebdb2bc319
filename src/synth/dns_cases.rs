//! DNS messages that a wrong parser miscounts, each with the reason beside it.

use super::case::Case;
use super::dice::fate;
use super::message::kind::{A, AAAA, ANY, CNAME, HTTPS, MX, NS, PTR, SOA, SRV, TXT};
use super::message::{Data, Message, NXDOMAIN, QR, RA, RD, Record, Reply, SERVFAIL, TC};
use super::names;
use super::packet::Capture;

/// One query of each type that is counted by itself, and of some that are `other`.
pub(super) fn dns_types() -> Capture {
    let domain = names::domain(1);
    let kinds = [
        (A, "mail"), // the only one that may move T and K
        (AAAA, "mail"),
        (MX, "mail"),
        (PTR, "mail"), // a PTR query of a forward name is no reverse lookup
        (NS, "mail"),
        (TXT, "mail"),
        (SRV, "_imaps._tcp"),
        (HTTPS, "mail"),
        (ANY, "mail"),
        (SOA, "mail"),
        (CNAME, "mail"),
        (43, "mail"),     // DS
        (64, "mail"),     // SVCB, one below HTTPS
        (257, "mail"),    // CAA: its low octet is 1, which is A to a reader of one octet
        (65_280, "mail"), // private use: its low octet is 0
    ];
    let mut case = Case::new();
    for (kind, label) in kinds {
        case = case.query(&format!("{label}.{domain}"), kind);
    }
    case = case.query("17.113.0.203.in-addr.arpa", PTR);
    let nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.1.1.0.8.b.d.0.1.0.0.2";
    case = case.query(&format!("{nibbles}.ip6.arpa"), PTR);
    // Class CHAOS: a question all the same, of type TXT.
    let chaos = b"\x07version\x04bind\x00\x00\x10\x00\x03";
    case.body(chaos).on_ethernet()
}

/// First labels at the borders of the tiers exact, numbered and prefix.
pub(super) fn dns_case_and_tiers() -> Capture {
    let domain = names::domain(2);
    let labels = [
        "mx", "MX", "Mail", "sMtP", "ns", "gate", "RELAY", "mxs", // exact, case folded
        "MX01", "mail-2", "smtp25", "relay9", "ns0", "gate-007", "mxs3", // numbered
        "mailhost", "ns-", "mx-", "gate7x", "smtp-out", "mxsa", "mail--2", "mail2-", "nsx1",
        "mxs-a", // prefix: the tail is not digits alone
        "m", "mai", "xmail", "1mx", "pop", "www", "n-s", "mta", // none
    ];
    let mut case = Case::new();
    for label in labels {
        case = case.query(&format!("{label}.{domain}"), A);
    }
    case.query("mail", A) // a single label is a first label
        .query(&format!("www.mail.{domain}"), A) // a keyword, but not the first label: none
        .query(&domain.to_uppercase(), A)
        .query("", A) // the root has no first label
        .query(&format!("mail.{domain}"), AAAA) // not A: no K
        .on_ethernet()
}

/// Names that loop, point out, or do not end; and headers that claim what is not there.
pub(super) fn dns_compression() -> Capture {
    let domain = names::domain(3);
    let tail = [0, 1, 0, 1]; // type A, class IN
    let with_tail = |name: &[u8]| [name, &tail].concat();
    let mut case = Case::new()
        // Before anything wrong, a good query: the count to compare with.
        .query(&format!("mail.{domain}"), A)
        // A pointer in the question, to offset 4, where the count of questions is 00 01 and
        // that of answers 00 00: the name ends at once. The root or refused, never another.
        .body(&with_tail(&[0xc0, 4]))
        // To itself: a reader that follows without a rule never returns.
        .body(&with_tail(&[0xc0, 12]))
        // Two that point at each other, the first forward.
        .body(&with_tail(&[0xc0, 14, 0xc0, 12]))
        // A label, then a pointer back to that label: grows until the limit of 255 octets.
        .body(&with_tail(b"\x04mail\xc0\x0c"))
        // Forward, to a good name behind the question: pointers go to prior names only
        // (RFC 1035 section 4.1.4).
        .body(b"\xc0\x12\x00\x01\x00\x01\x04mail\x00")
        // Past the end of the message.
        .body(&with_tail(&[0xff, 0xff]))
        // A pointer of which one octet is there.
        .body(&[0xc0])
        // Label types 0x40 (RFC 2673, withdrawn) and 0x80: lengths to a reader that masks.
        .body(&with_tail(b"\x44mail\x00"))
        .body(&with_tail(b"\x84mail\x00"))
        // A label longer than what is left.
        .body(b"\x3fmail")
        // The name is whole, type and class are cut after one octet.
        .body(b"\x04mail\x00\x00");
    // Four labels of 63 octets are 256 octets with the root, one over the limit.
    let long = [63].iter().chain(&[b'a'; 63]).copied().collect::<Vec<u8>>();
    case = case.body(&[long.repeat(4), vec![0], tail.to_vec()].concat());
    // The longest that is allowed, 255: three of 63, one of 61, the root.
    let last = [61].iter().chain(&[b'b'; 61]).copied().collect::<Vec<u8>>();
    case = case.body(&[long.repeat(3), last, vec![0], tail.to_vec()].concat());
    // A dot, a zero, a high octet and upper case inside a label: one label, and text that
    // must be escaped.
    case = case.body(&with_tail(b"\x09ma.il\x00\xffMX\x00"));
    // Headers of 11 octets, of 12 with no question, and an empty datagram.
    let header = case.header().octets();
    let short = header.get(..11).expect("a header has 12 octets");
    case = case.frame(super::case::query_frame(short));
    case = case.frame(super::case::query_frame(&header));
    case = case.frame(super::case::query_frame(&[]));
    // A question claimed, none there; and none claimed, one there.
    case = case.body(&[]);
    let unclaimed = case.header().question(&domain, A).claim_questions(0);
    case = case.send(unclaimed);
    // Two questions, the second through a pointer: the first one's type counts, once.
    let pair = case
        .header()
        .question(&domain, MX)
        .question(&format!("mail.{domain}"), A);
    case = case.send(pair);
    // 65535 questions claimed, one there.
    let many = case
        .header()
        .question(&format!("mx.{domain}"), A)
        .claim_questions(u16::MAX);
    case = case.send(many);
    // Octets behind the last section: a good query.
    let trailing = case
        .header()
        .question(&format!("smtp.{domain}"), A)
        .raw(b"\0\0trailing");
    case = case.send(trailing);
    // From port 53 to port 53 (an old resolver): QR decides which it is, not the port.
    let from_53 = case
        .header()
        .question(&format!("relay.{domain}"), A)
        .octets();
    let mut frame = super::case::query_frame(&from_53);
    let cut = frame.split_off(34);
    // The UDP source port follows 14 octets of Ethernet and 20 of IPv4. A checksum of 0 says
    // that there is none, which IPv4 allows.
    let [_, _, d1, d2, l1, l2, _, _, payload @ ..] = &*cut else {
        unreachable!("a UDP header has 8 octets")
    };
    frame.extend_from_slice(&[0, 53, *d1, *d2, *l1, *l2, 0, 0]);
    frame.extend_from_slice(payload);
    case.frame(frame)
        .query(&format!("mail.{domain}"), A) // and still alive
        .on_ethernet()
}

/// Replies of all kinds, each after its query.
pub(super) fn dns_replies() -> Capture {
    let domain = names::domain(6);
    let host = |label: &str| format!("{label}.{domain}");
    let record = |owner: String, data: Data| Record {
        owner,
        ttl: 300,
        data,
    };
    let v4 = |name: &str| Data::A([203, 0, 113, fate(name, 199) + 1].into());
    let answers = |answers: Vec<Record>| Reply {
        answers,
        ..Reply::default()
    };
    let empty = |flags: u16| Reply {
        flags,
        ..Reply::default()
    };
    let soa = || vec![record(domain.clone(), Data::Soa(domain.clone()))];
    let exchangers = ["mx1", "mx2"].map(|label| record(domain.clone(), Data::Mx(10, host(label))));
    let alias = vec![
        record(host("www"), Data::Cname(host("web"))),
        record(host("web"), v4("web")), // the address is not the asked name's own
    ];
    let two = ["one", "two"].map(|n| record(host("mail"), v4(n)));
    let v6 = Data::Aaaa("2001:db8:113::25".parse().expect("an address"));
    let cases = [
        (host("mail"), A, answers(two.to_vec())),
        (host("mail"), AAAA, answers(vec![record(host("mail"), v6)])),
        // Exchangers with their addresses in the additional section.
        (domain.clone(), MX, answers(exchangers.to_vec()).with_glue()),
        (host("www"), A, answers(alias)),
        (domain.clone(), SOA, answers(soa())),
        // A null MX (RFC 7505): the exchanger is the root.
        (
            host("null"),
            MX,
            answers(vec![record(host("null"), Data::Mx(0, String::new()))]),
        ),
        (
            host("gone"),
            A,
            Reply {
                authority: soa(),
                ..empty(NXDOMAIN)
            },
        ),
        // No error and no answer: the name is there, the type is not. No NXDOMAIN.
        (
            host("mail"),
            TXT,
            Reply {
                authority: soa(),
                ..empty(0)
            },
        ),
        (host("broken"), A, empty(SERVFAIL)),
        // TC: what follows comes over TCP.
        (host("large"), TXT, empty(TC)),
    ];
    let mut case = Case::new();
    for (id, (name, kind, reply)) in (1..).zip(cases) {
        let question = |flags| Message::new(id, flags).question(&name, kind);
        case = case
            .send(question(RD))
            .answer(question(QR | RD | RA | reply.flags).reply(&reply));
    }
    // The second of two records ends in the middle of its data: the first still counts.
    let whole = Message::new(90, QR | RD | RA)
        .question(&host("mail"), A)
        .reply(&answers(two.to_vec()))
        .octets();
    let kept = whole
        .get(..whole.len() - 2)
        .expect("longer than two octets");
    case = case
        .send(Message::new(90, RD).question(&host("mail"), A))
        .answer(Message::raw_only(kept));
    // A reply that nobody asked for, and a reply with no question.
    let unasked = Message::new(91, QR | RD | RA).question(&host("smtp"), A);
    case = case.answer(unasked.reply(&answers(two.to_vec())));
    case.answer(Message::new(92, QR | RD | RA | SERVFAIL))
        .on_ethernet()
}
