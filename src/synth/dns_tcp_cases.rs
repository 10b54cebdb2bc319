//! DNS over TCP (RFC 1035 section 4.2.2, RFC 7766): messages behind their lengths, in
//! segments that know nothing of them.

use super::conversation::{Conversation, Side, after, capture};
use super::dialogue::RESOLVER;
use super::mail::host;
use super::message::kind::{A, AAAA, MX, PTR, TXT};
use super::message::{Data, Message, QR, RA, RD, Record, Reply};
use super::names;
use super::packet::{Capture, Endpoint};
use std::net::{IpAddr, Ipv6Addr};

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

/// A host's name under the domain of these cases.
fn name(label: &str) -> String {
    format!("{label}.{}", names::domain(8))
}

/// A message behind its length.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("a short message");
    [&length.to_be_bytes()[..], message].concat()
}

fn query(id: u16, label: &str, kind: u16) -> Vec<u8> {
    framed(&Message::new(id, RD).question(&name(label), kind).octets())
}

/// The reply with one record, or with none where the type is none that we make.
fn reply(id: u16, label: &str, kind: u16) -> Vec<u8> {
    let data = match kind {
        A => Some(Data::A([203, 0, 113, 25].into())),
        MX => Some(Data::Mx(10, name("mx1"))),
        TXT => Some(Data::Txt("v=spf1 mx -all".to_owned())),
        _ => None,
    };
    let answers = data.map(|data| Record {
        owner: name(label),
        ttl: 300,
        data,
    });
    let reply = Reply {
        answers: answers.into_iter().collect(),
        ..Reply::default()
    };
    let message = Message::new(id, QR | RD | RA).question(&name(label), kind);
    framed(&message.reply(&reply).octets())
}

/// Not opened yet; one begins each two seconds.
fn connection(number: u8) -> Conversation {
    let client = Endpoint::new(host(number), 40_000 + u16::from(number));
    let at = after(i64::from(number - 131) * 2000);
    Conversation::new(at, client, Endpoint::new(RESOLVER, 53))
}

fn opened(number: u8) -> Conversation {
    let mut tcp = connection(number);
    tcp.open();
    tcp
}

pub(super) fn dns_tcp() -> Capture {
    capture([whole(), damaged(), others()].concat())
}

/// All octets are there, in segments of any size.
fn whole() -> Vec<Conversation> {
    let mut all = Vec::new();
    // Three queries in one segment, three replies in one, in another order (RFC 7766
    // section 6.2.1.1).
    let mut tcp = opened(131);
    let queries = [query(1, "mail", A), query(2, "a", MX), query(3, "b", TXT)];
    let replies = [reply(3, "b", TXT), reply(1, "mail", A), reply(2, "a", MX)];
    tcp.data(CLIENT, &queries.concat());
    tcp.data(SERVER, &replies.concat()).close(CLIENT);
    all.push(tcp);
    // Octet by octet, the length too.
    let mut tcp = opened(132);
    tcp.pieces(CLIENT, &query(4, "mail", A), &[1; 60]);
    tcp.pieces(SERVER, &reply(4, "mail", A), &[1; 80]);
    tcp.close(CLIENT);
    all.push(tcp);
    // The length of the second query is split.
    let mut tcp = opened(133);
    let (one, other) = (query(5, "smtp", A), query(6, "a", MX));
    tcp.pieces(CLIENT, &[&*one, &other].concat(), &[one.len() + 1]);
    tcp.data(SERVER, &reply(5, "smtp", A));
    tcp.data(SERVER, &reply(6, "a", MX)).close(CLIENT);
    all.push(tcp);
    all
}

/// Octets are lost, wrong or sent again.
fn damaged() -> Vec<Conversation> {
    let mut all = Vec::new();
    // The second of four queries is lost; those behind begin with their segments.
    let mut tcp = opened(134);
    tcp.data(CLIENT, &query(7, "mail", A));
    tcp.unseen(|tcp| {
        tcp.data(CLIENT, &query(8, "lost", A));
    });
    tcp.data(CLIENT, &query(9, "relay", A));
    tcp.data(CLIENT, &query(10, "a", MX));
    tcp.ack(SERVER).close(CLIENT);
    all.push(tcp);
    // The capture began later than the connection.
    let mut tcp = connection(135);
    tcp.unseen(|tcp| {
        tcp.open().data(CLIENT, &query(11, "before", A));
        tcp.data(SERVER, &reply(11, "before", A));
    });
    tcp.data(CLIENT, &query(12, "mail", A));
    tcp.data(SERVER, &reply(12, "mail", A));
    tcp.data(CLIENT, &query(13, "a", MX));
    tcp.data(SERVER, &reply(13, "a", MX)).close(CLIENT);
    all.push(tcp);
    // Messages with damage, each behind a right length, and a good query after each: a name
    // that points at itself, one that ends in the air, five octets, and none.
    let mut tcp = opened(137);
    let broken =
        |octets: &[u8]| framed(&Message::new(15, RD).claim_questions(1).raw(octets).octets());
    tcp.data(CLIENT, &broken(&[0xc0, 12, 0, 1, 0, 1]));
    tcp.data(CLIENT, &query(16, "mail", A));
    tcp.data(CLIENT, &broken(b"\x3fmail"));
    tcp.data(CLIENT, &query(17, "smtp", A));
    tcp.data(CLIENT, &framed(&[0, 18, 1, 0, 0]));
    tcp.data(CLIENT, &query(19, "relay", A));
    tcp.data(CLIENT, &framed(&[]));
    tcp.data(CLIENT, &query(20, "a", MX)).ack(SERVER);
    tcp.close(CLIENT);
    all.push(tcp);
    // Sent again, with other boundaries.
    let mut tcp = opened(140);
    let (one, other) = (query(22, "mail", A), query(23, "a", MX));
    let both = [&*one, &other].concat();
    let begin = tcp.next(CLIENT);
    tcp.pieces(CLIENT, &both, &[20, 20]).wait(300);
    tcp.resend(CLIENT, begin, &both);
    tcp.data(SERVER, &reply(22, "mail", A));
    tcp.data(SERVER, &reply(23, "a", MX)).close(CLIENT);
    all.push(tcp);
    // The end comes in the middle of the third query.
    let mut tcp = opened(141);
    let queries = [
        query(24, "mail", A),
        query(25, "smtp", AAAA),
        query(26, "cut", A),
    ]
    .concat();
    let kept = queries.get(..queries.len() - 10).expect("longer");
    tcp.data(CLIENT, kept).close(CLIENT);
    all.push(tcp);
    // Queries overtake each other: the segments arrive in the order 3, 1, 2.
    let mut tcp = opened(145);
    tcp.shuffled(
        |tcp| {
            let all = [
                query(29, "mail", A),
                query(30, "17.113.0.203", PTR),
                query(31, "a", MX),
            ];
            tcp.pieces(CLIENT, &all.concat(), &[30])
                .data(CLIENT, &query(32, "b", MX));
        },
        |packets| packets.rotate_right(1),
    );
    tcp.ack(SERVER).close(CLIENT);
    all.push(tcp);
    all
}

/// Other ends and other kinds of connections.
fn others() -> Vec<Conversation> {
    let mut all = Vec::new();
    // From port 53 to port 53: who began is who sent the SYN.
    let (from, to) = (Endpoint::new(host(136), 53), Endpoint::new(RESOLVER, 53));
    let mut tcp = Conversation::new(after(10_000), from, to);
    tcp.open().data(CLIENT, &query(14, "mail", A));
    tcp.data(SERVER, &reply(14, "mail", A)).close(CLIENT);
    all.push(tcp);
    // IPv6, and a reply in three segments.
    let ip6 = |last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, last));
    let (from, to) = (
        Endpoint::new(ip6(0x138), 40_138),
        Endpoint::new(ip6(0x53), 53),
    );
    let mut tcp = Conversation::new(after(14_000), from, to);
    tcp.open().data(CLIENT, &query(21, "large", TXT));
    let record = Record {
        owner: name("large"),
        ttl: 300,
        data: Data::Txt("0123456789".repeat(20)),
    };
    let answers = vec![record; 15];
    let large = Reply {
        answers,
        ..Reply::default()
    };
    let message = Message::new(21, QR | RD | RA).question(&name("large"), TXT);
    tcp.data(SERVER, &framed(&message.reply(&large).octets()));
    tcp.close(CLIENT);
    all.push(tcp);
    // Refused.
    let mut tcp = connection(139);
    tcp.refused();
    all.push(tcp);
    // Only one direction was mirrored: of the resolver, of the client.
    let mut tcp = opened(142);
    tcp.data(CLIENT, &query(27, "mail", A));
    tcp.data(SERVER, &reply(27, "mail", A)).close(CLIENT);
    all.push(tcp.only(SERVER));
    let mut tcp = opened(143);
    tcp.data(CLIENT, &query(28, "mail", A));
    tcp.data(SERVER, &reply(28, "mail", A)).close(CLIENT);
    all.push(tcp.only(CLIENT));
    // Something else on port 53.
    let mut tcp = opened(144);
    tcp.data(CLIENT, b"GET / HTTP/1.1\r\nHost: resolver.test\r\n\r\n");
    tcp.ack(SERVER).close(SERVER);
    all.push(tcp);
    all
}
