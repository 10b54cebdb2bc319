//! Connections to mail ports that fail, are seen by half, or are of something else; and each
//! defect that bots are told by. Each is of a host of its own.

use super::conversation::{Side, after, capture};
use super::mail::{Mail, OFFERS_FEW, host, mx, text};
use super::packet::Capture;
use super::secret::Asks;
use std::net::{IpAddr, Ipv6Addr};

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;
const PORTS: [u16; 3] = [25, 465, 587];
/// When Linux sends a SYN again: milliseconds after the first.
const RETRIES: [i64; 6] = [0, 1000, 3000, 7000, 15_000, 31_000];

/// Not opened yet; one begins each ten seconds.
fn fresh(number: u8) -> Mail {
    let at = i64::from(number - 11) * 10_000;
    Mail::new(at, host(number), mx(number), 25)
}

fn whole() -> String {
    format!("{}.\r\n", text("alice@corp.test", "bob@example.org"))
}

pub(super) fn smtp_outcomes() -> Capture {
    let mut all = Vec::new();
    for (port, at) in PORTS.into_iter().zip((0..).step_by(2000)) {
        // Answered.
        let mut mail = Mail::new(at, host(11), mx(11), port);
        if port == 465 {
            mail.tcp.open();
            mail.secure(Asks::name("mx11.example.net"));
            mail.reply("220 mx.example.net ESMTP").quit();
        } else {
            mail.greet().quit();
        }
        all.push(mail.done());
        // Refused.
        let mut mail = Mail::new(10_000 + at, host(12), mx(12), port);
        mail.tcp.refused();
        all.push(mail.done());
        // Not answered.
        let mut mail = Mail::new(20_000 + at, host(13), mx(13), port);
        mail.tcp.unanswered(&RETRIES);
        all.push(mail.done());
    }
    // Answered 40 s after the first SYN, 9 s after the last.
    let mut mail = fresh(14);
    mail.tcp.unanswered(&RETRIES).wait(9000);
    mail.tcp.syn_ack().ack(CLIENT);
    mail.reply("220 mx.example.net ESMTP");
    all.push(mail.quit().done());
    // The same four numbers a minute later with another initial sequence: another attempt.
    let mut mail = fresh(15);
    mail.tcp = mail.tcp.sequences(1_000_000, 5_000_000);
    mail.tcp.unanswered(&[0, 1000, 3000]);
    let mut again = fresh(15);
    again.tcp = again.tcp.sequences(9_000_000, 5_000_000);
    again.tcp.wait(60_000);
    again.greet().quit();
    all.extend([mail.done(), again.done()]);
    // The SYN was not mirrored, what follows was.
    let mut mail = fresh(16);
    mail.tcp.unseen(|tcp| {
        tcp.syn();
    });
    mail.tcp.syn_ack().ack(CLIENT);
    mail.reply("220 mx.example.net ESMTP");
    all.push(mail.quit().done());
    // A look at an open port: RST at once, and RST after the greeting.
    let mut mail = fresh(17);
    mail.tcp.syn().syn_ack().rst(CLIENT);
    let mut other = Mail::new(65_000, host(17), mx(17), 25);
    other.greet().tcp.rst(CLIENT);
    all.extend([mail.done(), other.done()]);
    // The client gives up before an answer.
    let mut mail = fresh(18);
    mail.tcp.unanswered(&[0, 1000]).wait(2000);
    mail.tcp.rst(CLIENT);
    all.push(mail.done());
    // IPv6: one refused, one answered.
    let ip6 = |net, last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 0, last));
    let mut mail = Mail::new(80_000, ip6(2, 0x19), ip6(25, 0x25), 25);
    mail.tcp.refused();
    let mut other = Mail::greeted(82_000, ip6(2, 0x19), ip6(25, 0x26), 25);
    all.extend([mail.done(), other.quit().done()]);
    // Refused after it was answered: the server resets the connection at the first octets.
    let mut mail = fresh(20);
    mail.tcp.open().rst(SERVER);
    all.push(mail.done());
    capture(all)
}

pub(super) fn smtp_one_way() -> Capture {
    let session = |at: i64, client: u8, server: u8| {
        let mut mail = Mail::greeted(at, host(client), mx(server), 25);
        mail.ehlo("mail.corp.test");
        mail.letter("alice@corp.test", &["bob@example.org", "carol@example.org"]);
        mail.quit().done()
    };
    let rejected = |at: i64, client: u8, server: u8| {
        let mut mail = Mail::greeted(at, host(client), mx(server), 25);
        mail.ehlo("mail.corp.test").from("alice@corp.test");
        mail.ask("RCPT TO:<bob@example.org>", "550 5.1.1 User unknown");
        mail.ask("RCPT TO:<carol@example.org>", "450 4.2.0 Greylisted");
        mail.quit().done()
    };
    let mut all = Vec::new();
    for (number, at) in (1..=3).zip((0..).step_by(10_000)) {
        // What the client sends, of host 11; what the servers send, of host 12.
        all.push(session(at, 11, number).only(CLIENT));
        all.push(session(at + 2000, 12, number).only(SERVER));
    }
    all.push(rejected(40_000, 11, 4).only(CLIENT));
    all.push(rejected(42_000, 12, 4).only(SERVER));
    // Client only: nobody can say whether this was answered.
    let mut mail = Mail::new(50_000, host(11), mx(5), 25);
    mail.tcp.unanswered(&RETRIES);
    all.push(mail.done());
    // Server only: refused.
    let mut mail = Mail::new(52_000, host(12), mx(5), 25);
    mail.tcp.refused();
    all.push(mail.done().only(SERVER));
    // Client only, in TLS.
    let mut mail = Mail::new(60_000, host(13), mx(6), 465);
    mail.tcp.open();
    mail.secure(Asks::name("smtp.example.com"));
    mail.reply("220 mx.example.net ESMTP").ehlo("pc.corp.test");
    mail.letter("alice@corp.test", &["bob@example.org"]);
    all.push(mail.quit().done().only(CLIENT));
    capture(all)
}

/// Each session has the one defect that its number stands for, and delivers a letter to one
/// where that is possible.
pub(super) fn smtp_defects() -> Capture {
    const OK: &str = "250 2.1.0 Ok";
    const NO: &str = "501 5.5.4 Syntax error";
    let mut all = Vec::new();
    let letter = |mail: &mut Mail| {
        mail.letter("alice@corp.test", &["bob@example.org"]);
    };
    let begun = |number: u8, helo: &str| {
        let mut mail = fresh(number);
        mail.greet().ask(helo, OFFERS_FEW);
        mail
    };
    // 11: none.
    let mut mail = begun(11, "EHLO mail.corp.test");
    letter(&mut mail);
    all.push(mail.quit().done());
    // 12 bare-lf: all commands.
    let mut mail = fresh(12);
    mail.greet().say("EHLO mail.corp.test\n").reply(OFFERS_FEW);
    mail.say("MAIL FROM:<alice@corp.test>\n").reply(OK);
    mail.say("RCPT TO:<bob@example.org>\n").reply(OK);
    mail.say("DATA\n").reply("354 Go ahead");
    mail.say(whole()).reply("250 2.0.0 Ok");
    mail.say("QUIT\n").reply("221 2.0.0 Bye");
    mail.tcp.close(SERVER);
    all.push(mail.done());
    // 13 early-talk: EHLO before the greeting.
    let mut mail = fresh(13);
    mail.tcp.open();
    mail.line("EHLO mail.corp.test");
    mail.reply("220 mx.example.net ESMTP").reply(OFFERS_FEW);
    letter(&mut mail);
    all.push(mail.quit().done());
    // 14 to 17: the name. 14 helo-bare-ip, 15 and 28 helo-localhost, 16 helo-missing,
    // 17 helo-not-qualified.
    for (number, helo) in [
        (14, "EHLO 192.0.2.14"),
        (15, "EHLO localhost"),
        (16, "HELO"),
        (17, "HELO desktop-7f3k"),
        (28, "HELO localhost.localdomain"),
    ] {
        let mut mail = begun(number, helo);
        letter(&mut mail);
        all.push(mail.quit().done());
    }
    // 18 helo-changed, between two letters.
    let mut mail = begun(18, "EHLO mail.corp.test");
    letter(&mut mail);
    mail.ask("EHLO relay.shop.test", OFFERS_FEW);
    letter(&mut mail);
    all.push(mail.quit().done());
    // 19 line-too-long: longer than AUTH may be (RFC 4954 section 4: 12288).
    let mut mail = begun(19, "EHLO mail.corp.test");
    mail.ask(
        &format!("NOOP {}", "x".repeat(13_000)),
        "500 5.5.2 Line too long",
    );
    letter(&mut mail);
    all.push(mail.quit().done());
    // 20 missing-brackets.
    let mut mail = begun(20, "EHLO mail.corp.test");
    mail.ask("MAIL FROM:alice@corp.test", OK);
    mail.ask("RCPT TO:bob@example.org", OK).data(whole());
    all.push(mail.quit().done());
    // 21 no-helo.
    let mut mail = fresh(21);
    letter(mail.greet());
    all.push(mail.quit().done());
    // 22 no-quit: FIN; 29 no-quit: RST.
    let mut mail = begun(22, "EHLO mail.corp.test");
    letter(&mut mail);
    all.push(mail.hang_up().done());
    let mut mail = begun(29, "EHLO mail.corp.test");
    letter(&mut mail);
    mail.tcp.wait(3).rst(CLIENT);
    all.push(mail.done());
    // 23 space-after-colon.
    let mut mail = begun(23, "EHLO mail.corp.test");
    mail.ask("MAIL FROM: <alice@corp.test>", OK);
    mail.ask("RCPT TO: <bob@example.org>", OK).data(whole());
    all.push(mail.quit().done());
    // 24 syntax: MAIL with no FROM, RCPT with a path that does not end, refused both.
    let mut mail = begun(24, "EHLO mail.corp.test");
    mail.ask("MAIL TO:<alice@corp.test>", NO);
    mail.from("alice@corp.test");
    mail.ask("RCPT TO:<bob@example.org", NO);
    mail.to("bob@example.org").data(whole());
    all.push(mail.quit().done());
    // 25 eight-bit: ISO 8859-1 in an address; SMTPUTF8 was not asked for.
    let mut mail = begun(25, "EHLO mail.corp.test");
    mail.from("alice@corp.test");
    mail.say(b"RCPT TO:<j\xf6rg@example.org>\r\n").reply(OK);
    mail.data(whole());
    all.push(mail.quit().done());
    // 30 none: UTF-8 in an address, and SMTPUTF8 asked for (RFC 6531 section 3.4).
    let mut mail = fresh(30);
    mail.greet().ask(
        "EHLO mail.corp.test",
        "250-mx.example.net\n250-8BITMIME\n250 SMTPUTF8",
    );
    mail.ask("MAIL FROM:<alice@corp.test> BODY=8BITMIME SMTPUTF8", OK);
    mail.ask("RCPT TO:<j\u{f6}rg@example.org>", OK)
        .data(whole());
    all.push(mail.quit().done());
    // 26 unknown-command: one of no RFC.
    let mut mail = begun(26, "EHLO mail.corp.test");
    mail.ask("XYZZY now", "502 5.5.2 Error: command not recognized");
    letter(&mut mail);
    all.push(mail.quit().done());
    // 27 unoffered-pipelining.
    let mut mail = begun(27, "EHLO mail.corp.test");
    mail.say("MAIL FROM:<alice@corp.test>\r\nRCPT TO:<bob@example.org>\r\n");
    mail.reply("250 2.1.0 Ok\n250 2.1.5 Ok").data(whole());
    all.push(mail.quit().done());
    capture(all)
}

pub(super) fn not_smtp() -> Capture {
    let opened = |number: u8| {
        let mut mail = fresh(number);
        mail.tcp.open();
        mail
    };
    let get = "GET / HTTP/1.1\r\nHost: mx.example.net\r\nUser-Agent: probe\r\n\r\n";
    let page = "HTTP/1.1 400 Bad Request\nContent-Length: 0\nConnection: close\n";
    let noise = |seed: u8, length: usize| -> Vec<u8> {
        let octets = (0..=u8::MAX).map(|at| at.wrapping_mul(167).wrapping_add(seed) | 0x80);
        octets.cycle().take(length).collect()
    };
    let mut all = Vec::new();
    // A web server, and a browser.
    let mut mail = opened(11);
    mail.say(get).reply(page).tcp.close(SERVER);
    all.push(mail.done());
    // SSH (RFC 4253 section 4.2).
    let mut mail = opened(12);
    mail.reply("SSH-2.0-OpenSSH_9.6");
    mail.line("SSH-2.0-OpenSSH_9.6");
    let exchange = [&[0, 0, 1, 0x1c, 8, 20][..], &noise(1, 282)].concat();
    mail.say(&exchange).tcp.data(SERVER, &exchange);
    mail.hang_up();
    all.push(mail.done());
    // Octets of no protocol.
    let mut mail = opened(13);
    mail.say(noise(2, 200)).tcp.data(SERVER, &noise(3, 300));
    mail.say(noise(4, 200)).tcp.data(SERVER, &noise(5, 900));
    mail.hang_up();
    all.push(mail.done());
    // A web server that speaks first.
    let mut mail = opened(14);
    mail.tcp.wait(5000);
    mail.reply("HTTP/1.1 408 Request Timeout\nContent-Length: 0\nConnection: close\n");
    mail.tcp.close(SERVER);
    all.push(mail.done());
    // TLS at once.
    let mut mail = opened(15);
    mail.secure(Asks::name("hidden.example.com"));
    mail.say(noise(6, 400)).reply("ok").hang_up();
    all.push(mail.done());
    // The server says nothing.
    let mut mail = opened(16);
    mail.say(noise(7, 64)).tcp.ack(SERVER).close(CLIENT);
    all.push(mail.done());
    // A browser, and a mail server (a page that posts to port 25).
    let mut mail = fresh(17);
    mail.greet().say("POST / HTTP/1.1\r\n");
    mail.reply("221 2.7.0 Error: I can break rules, too. Goodbye.");
    mail.tcp.close(SERVER);
    all.push(mail.done());
    // Nobody says anything.
    let mut mail = opened(18);
    mail.tcp.wait(60_000).close(CLIENT);
    all.push(mail.done());
    debug_assert!(all.iter().all(|tcp| tcp.now > after(0)));
    capture(all)
}
