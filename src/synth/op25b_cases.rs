//! A site that blocks port 25 but for its mail server, and has holes.

use super::conversation::capture;
use super::mail::{Mail, OFFERS, OFFERS_TLS, host, mx};
use super::packet::Capture;
use super::secret::Asks;
use std::net::{IpAddr, Ipv6Addr};

/// A host of the site by IPv6, and a server outside.
fn v6(net: u16, number: u16) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 0, number).into()
}

/// A host that is not of the site, 203.0.113.5.
fn outside() -> IpAddr {
    std::net::Ipv4Addr::new(203, 0, 113, 5).into()
}

pub(super) fn op25b() -> Capture {
    let mut all = Vec::new();
    let mut at = 0;
    let mut next = |client, server, port| {
        at += 40_000;
        Mail::new(at, client, server, port)
    };
    // Blocked: two in silence, one with RST.
    for server in [1, 2] {
        let mut mail = next(host(11), mx(server), 25);
        mail.tcp.unanswered(&[0, 1000, 3000]);
        all.push(mail.done());
    }
    let mut mail = next(host(11), mx(3), 25);
    mail.tcp.refused();
    all.push(mail.done());
    // A PC that gets through twice of three times, one of them after 36 s.
    let mut mail = next(host(12), mx(4), 25);
    mail.tcp.unanswered(&[0, 1000, 3000, 7000, 15_000]);
    all.push(mail.done());
    let mut mail = next(host(12), mx(5), 25);
    mail.tcp.unanswered(&[0, 1000, 3000, 7000, 15_000]);
    mail.tcp.wait(21_000).syn().syn_ack();
    mail.reply("220 mx.example.net ESMTP");
    all.push(mail.quit().done());
    for (client, server) in [
        (host(12), mx(6)),
        // By IPv6 everybody does, as nobody thought of it.
        (v6(1, 0x11), v6(0xffff, 1)),
        (v6(1, 0x12), v6(0xffff, 2)),
        // The mail server may.
        (host(25), mx(7)),
        (host(25), mx(8)),
    ] {
        let mut mail = next(client, server, 25);
        mail.greet().ask("EHLO mail.example.ac.jp", OFFERS);
        mail.letter("alice@example.ac.jp", &["bob@example.org"]);
        all.push(mail.quit().done());
    }
    // From outside: two letters with the site's own domain, one with another.
    for from in [
        "dean@example.ac.jp",
        "bank@example.ac.jp",
        "eve@example.org",
    ] {
        let mut mail = next(outside(), host(25), 25);
        mail.greet().ask("EHLO mail.example.org", OFFERS);
        mail.letter(from, &["alice@example.ac.jp"]);
        all.push(mail.quit().done());
    }
    // Submission with AUTH in clear, in TLS, and with neither.
    let mut mail = next(host(13), mx(9), 587);
    mail.greet().ask("EHLO pc", OFFERS_TLS);
    mail.ask("AUTH PLAIN AGFsaWNlAG9wZW5zZXNhbWU=", "235 2.7.0 Ok");
    mail.letter("alice@example.ac.jp", &["bob@example.org"]);
    all.push(mail.quit().done());
    let mut mail = next(host(13), mx(9), 587);
    mail.greet().ask("EHLO pc", OFFERS_TLS);
    mail.starttls(Asks::name("submit.example.com"));
    mail.ask("EHLO pc", OFFERS_TLS);
    mail.letter("alice@example.ac.jp", &["bob@example.org"]);
    all.push(mail.quit().done());
    let mut mail = next(host(13), mx(9), 587);
    mail.greet().ask("EHLO pc", OFFERS_TLS);
    mail.letter("alice@example.ac.jp", &["bob@example.org"]);
    all.push(mail.quit().done());
    capture(all)
}
