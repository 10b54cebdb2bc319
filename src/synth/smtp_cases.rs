//! SMTP as clients and servers speak it: well, with extensions, inside TLS. Each session is
//! of a host of its own, which tells them apart.

use super::conversation::{Conversation, Side, capture};
use super::mail::{Mail, OFFERS, OFFERS_FEW, OFFERS_TLS, host, mx, text};
use super::packet::Capture;
use super::secret::{Asks, Version, alert};
use std::net::{IpAddr, Ipv6Addr};

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;
const OPEN: &str = "354 End data with <CR><LF>.<CR><LF>";

/// Greeted on that port; one begins each ten seconds.
fn on(port: u16, number: u8) -> Mail {
    let at = i64::from(number - 11) * 10_000;
    Mail::greeted(at, host(number), mx(number), port)
}

/// Greeted on port 25, and EHLO done.
fn begun(number: u8) -> Mail {
    let mut mail = on(25, number);
    mail.ehlo("mail.corp.test");
    mail
}

/// A letter's octets with the dot.
fn whole() -> String {
    format!("{}.\r\n", text("alice@corp.test", "bob@example.org"))
}

pub(super) fn smtp_session() -> Capture {
    let mut all = Vec::new();
    // Two letters and all the rest that RFC 5321 section 4.1 knows.
    let mut mail = Mail::new(0, host(11), mx(11), 25);
    mail.tcp.open();
    mail.reply("220-mx.example.net ESMTP\n220-No unsolicited mail, please\n220 ");
    mail.ehlo("mail.corp.test");
    mail.ask("NOOP", "250 2.0.0 Ok");
    mail.ask("VRFY bob", "252 2.5.2 Cannot VRFY user");
    mail.letter("alice@corp.test", &["bob@example.org", "carol@example.org"]);
    mail.from("alice@corp.test").to("dave@example.org");
    mail.ask("RSET", "250 2.0.0 Ok");
    mail.ask(
        "HELP",
        "214-2.0.0 See RFC 5321\n214-2.0.0 and\n214 2.0.0 no more",
    );
    mail.ask(
        "MAIL FROM:<alice@news.corp.test> SIZE=500 BODY=8BITMIME",
        "250 2.1.0 Ok",
    );
    mail.to("eve@example.com").data(whole());
    all.push(mail.quit().done());
    // IPv6, through a tunnel that leaves 1220 octets a segment.
    let ip6 = |net, last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 0, last));
    let mut mail = Mail::new(10_000, ip6(2, 0x12), ip6(0x25, 0x25), 25);
    mail.tcp = mail.tcp.mss(1220);
    mail.greet().ehlo("mail6.corp.test");
    mail.letter("alice@corp.test", &["bob@example.org"]);
    all.push(mail.quit().done());
    // A port that is one of mail only where somebody says so.
    let mut mail = on(2525, 13);
    mail.ehlo("mail.corp.test");
    mail.letter("alice@corp.test", &["bob@example.org"]);
    all.push(mail.quit().done());
    // HELO, small letters, the null sender, a quoted local part, codes without text.
    let mut mail = on(25, 14);
    mail.ask("helo [192.0.2.14]", "250");
    mail.ask("mail from:<>", "250");
    mail.ask("rcpt to:<\"a > b\"@example.org>", "250");
    mail.ask(
        "Rcpt To:<@relay.example.net:carol@example.org>",
        "251 will forward",
    );
    mail.ask("data", "354").say(whole()).reply("250");
    mail.ask("quit", "221").tcp.close(CLIENT);
    all.push(mail.done());
    // Nothing but a look: EHLO and QUIT.
    let mut mail = begun(15);
    all.push(mail.quit().done());
    capture(all)
}

/// MAIL, two RCPT and DATA.
const GROUP: &str = "MAIL FROM:<alice@corp.test>\r\nRCPT TO:<bob@example.org>\r\n\
    RCPT TO:<carol@example.org>\r\nDATA\r\n";
const GROUP_TAKEN: &str = "250 2.1.0 Ok\n250 2.1.5 Ok\n250 2.1.5 Ok\n354 Go ahead";

pub(super) fn smtp_pipelining() -> Capture {
    let mut all = Vec::new();
    let accepted = |mail: &mut Mail| {
        let last = format!("{}QUIT\r\n", whole());
        mail.say(last).reply("250 2.0.0 Ok\n221 2.0.0 Bye");
        mail.tcp.close(SERVER);
        mail.done()
    };
    // Offered: a group, its replies in one segment, the text and QUIT in one.
    let mut mail = begun(11);
    mail.say(GROUP).reply(GROUP_TAKEN);
    all.push(accepted(&mut mail));
    // Not offered, and used.
    let mut mail = on(25, 12);
    mail.ask("EHLO mail.corp.test", OFFERS_FEW);
    mail.say(GROUP).reply(GROUP_TAKEN);
    all.push(accepted(&mut mail));
    // HELO offers nothing: all of it at once.
    let mut mail = on(25, 13);
    mail.say(format!("HELO mail.corp.test\r\n{GROUP}"));
    mail.reply(&format!("250 mx.example.net\n{GROUP_TAKEN}"));
    all.push(accepted(&mut mail));
    // Offered; the second of three is refused (RFC 2920 section 3.1: the others stand).
    let mut mail = begun(14);
    let group = GROUP.replace("DATA", "RCPT TO:<dave@example.org>\r\nDATA");
    mail.say(group);
    mail.reply("250 2.1.0 Ok\n250 2.1.5 Ok\n550 5.1.1 No such user\n250 2.1.5 Ok\n354 Go ahead");
    all.push(accepted(&mut mail));
    // Offered; all are refused, and so is DATA: no letter.
    let mut mail = begun(15);
    mail.say(GROUP);
    mail.reply("250 2.1.0 Ok\n550 5.1.1 No\n550 5.1.1 No\n554 5.5.1 No valid recipients");
    all.push(mail.quit().done());
    // EHLO must be the last of a group (RFC 2920 section 3.1), and here it is not.
    let mut mail = on(25, 16);
    mail.say("EHLO mail.corp.test\r\nMAIL FROM:<alice@corp.test>\r\n");
    mail.reply(&format!("{OFFERS}\n250 2.1.0 Ok"));
    mail.to("bob@example.org");
    mail.data(whole());
    all.push(mail.quit().done());
    // Offered; a group in which replies and commands cross: one RCPT more is sent before
    // the replies to the first group are there.
    let mut mail = begun(17);
    mail.say("MAIL FROM:<alice@corp.test>\r\nRCPT TO:<bob@example.org>\r\n");
    mail.say("RCPT TO:<carol@example.org>\r\n")
        .reply("250 2.1.0 Ok");
    mail.say("DATA\r\n").reply("250 2.1.5 Ok\n250 2.1.5 Ok");
    mail.reply(OPEN);
    all.push(accepted(&mut mail));
    capture(all)
}

/// BDAT and its chunk (RFC 3030 section 2).
fn chunk(text: &str, last: bool) -> String {
    let last = if last { " LAST" } else { "" };
    format!("BDAT {}{last}\r\n{text}", text.len())
}

pub(super) fn smtp_bdat() -> Capture {
    let text = text("alice@corp.test", "bob@example.org");
    let addressed = |number: u8| {
        let mut mail = begun(number);
        mail.from("alice@corp.test").to("bob@example.org");
        mail
    };
    let mut all = Vec::new();
    // One chunk.
    let mut mail = addressed(11);
    mail.say(chunk(&text, true)).reply("250 2.0.0 Ok: queued");
    all.push(mail.quit().done());
    // Three, then BDAT 0 LAST.
    let mut mail = addressed(12);
    for number in 1..=3 {
        mail.say(chunk(&text, false));
        mail.reply(&format!("250 2.0.0 chunk {number}"));
    }
    mail.say(chunk("", true)).reply("250 2.0.0 Ok: queued");
    all.push(mail.quit().done());
    // Chunks that look like commands, and like the end of a body.
    let mut mail = addressed(13);
    let evil = "Subject: x\r\n\r\n.\r\nMAIL FROM:<mallory@a.test>\r\nRCPT TO:<trent@b.test>\r\n\
        DATA\r\nBDAT 9000 LAST\r\nQUIT\r\n";
    mail.say(chunk(evil, false)).reply("250 2.0.0 Ok");
    mail.say(chunk("RSET\r\nQUIT\r\n", true))
        .reply("250 2.0.0 Ok");
    all.push(mail.quit().done());
    // All at once (RFC 3030 section 4.2), in segments that end within chunks and commands.
    let mut mail = begun(14);
    let (one, other) = text.split_at(101);
    let group = format!(
        "MAIL FROM:<alice@corp.test>\r\nRCPT TO:<bob@example.org>\r\n{}{}QUIT\r\n",
        chunk(one, false),
        chunk(other, true)
    );
    mail.tcp.wait(3);
    mail.tcp.pieces(CLIENT, group.as_bytes(), &[60, 80, 37, 12]);
    mail.reply("250 2.1.0 Ok\n250 2.1.5 Ok\n250 2.0.0 Ok\n250 2.0.0 Ok\n221 2.0.0 Bye");
    mail.tcp.close(SERVER);
    all.push(mail.done());
    // The last chunk is refused.
    let mut mail = addressed(15);
    mail.say(chunk(&text, true));
    mail.reply("552 5.3.4 Message too big");
    all.push(mail.quit().done());
    // A letter given up after a chunk, and another one.
    let mut mail = addressed(16);
    mail.say(chunk(&text, false)).reply("250 2.0.0 Ok");
    mail.ask("RSET", "250 2.0.0 Ok");
    mail.from("alice@corp.test").to("carol@example.org");
    mail.say(chunk(&text, true)).reply("250 2.0.0 Ok");
    all.push(mail.quit().done());
    capture(all)
}

pub(super) fn smtp_body() -> Capture {
    let mut all = Vec::new();
    let addressed = |mail: &mut Mail| {
        mail.from("alice@corp.test").to("bob@example.org");
        mail.ask("DATA", OPEN);
    };
    let taken = |mail: &mut Mail| {
        mail.reply("250 2.0.0 Ok");
    };
    // Lines that begin with dots (RFC 5321 section 4.5.2).
    let mut mail = begun(11);
    addressed(&mut mail);
    mail.say("Subject: dots\r\n\r\n..\r\n...\r\n..hidden\r\nno.\r\n. \r\n.x\r\n.\r\n");
    taken(&mut mail);
    all.push(mail.quit().done());
    // The five octets of the end over two segments in each way, and one by one.
    let mut mail = begun(12);
    let text = whole();
    for tail in 1..=4 {
        addressed(&mut mail);
        mail.tcp.wait(3);
        mail.tcp
            .pieces(CLIENT, text.as_bytes(), &[text.len() - tail]);
        taken(&mut mail);
    }
    addressed(&mut mail);
    mail.tcp.wait(3);
    let sizes = [text.len() - 5, 1, 1, 1, 1, 1];
    mail.tcp.pieces(CLIENT, text.as_bytes(), &sizes);
    taken(&mut mail);
    all.push(mail.quit().done());
    // Lines that look like commands and replies.
    let mut mail = begun(13);
    addressed(&mut mail);
    mail.say(
        "Subject: how to\r\n\r\nMAIL FROM:<mallory@a.test>\r\nRCPT TO:<trent@b.test>\r\n\
         DATA\r\n250 2.0.0 Ok\r\nRSET\r\nQUIT\r\nEHLO localhost\r\n.\r\n",
    );
    taken(&mut mail);
    all.push(mail.quit().done());
    // A body of 300 kB.
    let mut mail = begun(14);
    addressed(&mut mail);
    let line = "All work and no play makes a dull boy, said he, and filled the next line.\r\n";
    mail.say(format!("Subject: long\r\n\r\n{}.\r\n", line.repeat(4000)));
    taken(&mut mail);
    all.push(mail.quit().done());
    // Nothing but the dot, which then stands at the begin of a line.
    let mut mail = begun(15);
    addressed(&mut mail);
    mail.say(".\r\n");
    taken(&mut mail);
    all.push(mail.quit().done());
    // LF . LF, CR LF . LF and LF . CR LF end nothing: behind them is text, and not another
    // letter that is smuggled (RFC 5321 section 4.1.1.4).
    let mut mail = begun(16);
    addressed(&mut mail);
    let evil = "MAIL FROM:<mallory@a.test>\r\nRCPT TO:<trent@b.test>\r\nDATA\r\n";
    mail.say(format!(
        "Subject: x\r\n\r\n1\n.\n{evil}2\r\n.\n{evil}3\n.\r\n{evil}4\r.\r{evil}.\r\n"
    ));
    taken(&mut mail);
    all.push(mail.quit().done());
    // Octets above 127 and zeros.
    let mut mail = begun(17);
    addressed(&mut mail);
    let header: &[u8] = b"Subject: octets\r\n\r\n";
    let octets: Vec<u8> = (0..=u8::MAX)
        .filter(|octet| !b"\r\n.".contains(octet))
        .collect();
    mail.say([header, &octets, b"\r\n.\r\n"].concat());
    taken(&mut mail);
    all.push(mail.quit().done());
    capture(all)
}

pub(super) fn smtp_auth() -> Capture {
    const DONE: &str = "235 2.7.0 Authentication successful";
    const WRONG: &str = "535 5.7.8 Authentication credentials invalid";
    /// The prompts `Username:` and `Password:`.
    const PROMPTS: [&str; 2] = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"];
    let [user, password] = PROMPTS;
    let submission = |number: u8| {
        let mut mail = on(587, number);
        mail.ask("EHLO pc.corp.test", OFFERS_TLS);
        mail
    };
    let sent = |mail: &mut Mail| {
        mail.letter("alice@corp.test", &["bob@example.org"]);
        mail.quit().done()
    };
    let mut all = Vec::new();
    // LOGIN.
    let mut mail = submission(11);
    mail.ask("AUTH LOGIN", user).ask("YWxpY2U=", password);
    mail.ask("b3BlbnNlc2FtZQ==", DONE);
    all.push(sent(&mut mail));
    // PLAIN with what the server would ask for (RFC 4616).
    let mut mail = submission(12);
    mail.ask("AUTH PLAIN AGFsaWNlAG9wZW5zZXNhbWU=", DONE);
    all.push(sent(&mut mail));
    // PLAIN without.
    let mut mail = submission(13);
    mail.ask("AUTH PLAIN", "334 ");
    mail.ask("AGFsaWNlAG9wZW5zZXNhbWU=", DONE);
    all.push(sent(&mut mail));
    // CRAM-MD5 (RFC 2195).
    let mut mail = submission(14);
    mail.ask("AUTH CRAM-MD5", "334 PDEyMzQuNTY3OEBteC5leGFtcGxlLm5ldD4=");
    mail.ask("YWxpY2UgOWUxMDdkOWQzNzJiYjY4MjZiZDgxZDM1NDJhNDE5ZDY=", DONE);
    all.push(sent(&mut mail));
    // LOGIN, three times wrong.
    let mut mail = submission(15);
    for guess in ["MTIzNDU2", "cGFzc3dvcmQ=", "cXdlcnR5"] {
        mail.ask("AUTH LOGIN", user).ask("YWxpY2U=", password);
        mail.ask(guess, WRONG);
    }
    all.push(mail.quit().done());
    // Given up with `*` (RFC 4954 section 4).
    let mut mail = submission(16);
    mail.ask("AUTH LOGIN", user);
    mail.ask("*", "501 5.7.0 Authentication cancelled");
    all.push(mail.quit().done());
    // PLAIN wrong, and MAIL all the same.
    let mut mail = submission(17);
    mail.ask("AUTH PLAIN AGFsaWNlADEyMzQ1Ng==", WRONG);
    mail.ask(
        "MAIL FROM:<alice@corp.test>",
        "530 5.7.0 Authentication required",
    );
    all.push(mail.quit().done());
    // LOGIN with a name and a password that are commands to whoever lost count.
    let mut mail = submission(18);
    mail.ask("AUTH LOGIN YWxpY2U=", "501 5.5.4 No initial response here");
    mail.ask("auth login", user).ask("RSET", password);
    mail.ask("QUIT", DONE);
    all.push(sent(&mut mail));
    capture(all)
}

pub(super) fn smtp_rejections() -> Capture {
    const BLOCKED: &str = "554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked \
        using zen.spamhaus.example; https://check.spamhaus.example/query/ip/192.0.2.25";
    let mut all = Vec::new();
    // Two of three do not exist.
    let mut mail = begun(11);
    mail.from("alice@corp.test").to("bob@example.org");
    mail.ask(
        "RCPT TO:<gone@example.org>",
        "550 5.1.1 <gone@example.org>: Recipient address rejected: User unknown",
    );
    mail.ask("RCPT TO:<old@example.org>", "550 No such user here");
    mail.data(whole());
    all.push(mail.quit().done());
    // On a block list, said at once (RFC 5321 section 3.1).
    let mut mail = Mail::new(10_000, host(12), mx(12), 25);
    mail.tcp.open();
    mail.reply(BLOCKED);
    all.push(mail.quit().done());
    // On a block list, said at RCPT.
    let mut mail = begun(13);
    mail.from("alice@corp.test");
    mail.ask("RCPT TO:<bob@example.org>", BLOCKED);
    all.push(mail.quit().done());
    // Too many connections.
    let mut mail = Mail::new(30_000, host(14), mx(14), 25);
    mail.tcp.open();
    mail.reply("421 4.7.0 mx.example.net Error: too many connections");
    mail.tcp.close(SERVER);
    all.push(mail.done());
    // Greylisted, and taken six minutes later.
    for (at, refused) in [(40_000, true), (400_000, false)] {
        let mut mail = Mail::greeted(at, host(15), mx(15), 25);
        mail.ehlo("mail.corp.test").from("alice@corp.test");
        if refused {
            let reply = "450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted";
            mail.ask("RCPT TO:<bob@example.org>", reply);
        } else {
            mail.to("bob@example.org").data(whole());
        }
        all.push(mail.quit().done());
    }
    // DATA is refused.
    let mut mail = begun(16);
    mail.from("alice@corp.test").to("bob@example.org");
    mail.ask("DATA", "451 4.3.0 Temporary lookup failure");
    all.push(mail.quit().done());
    // The message is refused, for good and for now.
    let mut mail = begun(17);
    for reply in [
        "550 5.7.1 Message content rejected",
        "452 4.3.1 Insufficient storage",
    ] {
        mail.from("alice@corp.test").to("bob@example.org");
        mail.ask("DATA", OPEN).say(whole()).reply(reply);
    }
    all.push(mail.quit().done());
    // The server closes down within a session (RFC 5321 section 3.8).
    let mut mail = begun(18);
    mail.from("alice@corp.test");
    mail.ask(
        "RCPT TO:<bob@example.org>",
        "421 4.3.2 Service shutting down",
    );
    mail.line("QUIT").tcp.close(SERVER);
    all.push(mail.done());
    // EHLO is refused, then HELO too; the sender's domain is refused.
    let mut mail = on(25, 19);
    mail.ask(
        "EHLO mail.corp.test",
        "502 5.5.2 Error: command not recognized",
    );
    mail.ask("HELO mail.corp.test", "250 mx.example.net");
    mail.ask(
        "MAIL FROM:<alice@nowhere.invalid>",
        "550 5.1.8 <alice@nowhere.invalid>: Sender address rejected: Domain not found",
    );
    all.push(mail.quit().done());
    // A refusal of several lines is one.
    let mut mail = begun(20);
    mail.from("alice@corp.test").to("bob@example.org");
    mail.ask("DATA", OPEN).say(whole()).reply(
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\n\
         550-5.7.26 It must authenticate with either SPF or DKIM.\n\
         550 5.7.26 https://support.example.com/mail - gsmtp",
    );
    all.push(mail.quit().done());
    capture(all)
}

/// In TLS: EHLO, so many letters, QUIT.
fn in_secret(mail: &mut Mail, letters: usize) -> Conversation {
    mail.ask("EHLO mail.corp.test", OFFERS);
    for _ in 0..letters {
        mail.letter("alice@corp.test", &["bob@example.org"]);
    }
    mail.quit().done()
}

pub(super) fn smtp_starttls() -> Capture {
    let offered = |number: u8| {
        let mut mail = on(25, number);
        mail.ask("EHLO mail.corp.test", OFFERS_TLS);
        mail
    };
    let ready = |mail: &mut Mail| {
        mail.ask("STARTTLS", "220 2.0.0 Ready to start TLS");
    };
    let mut all = Vec::new();
    // The hello over two segments.
    let mut mail = offered(11);
    ready(&mut mail);
    let asks = Asks::name("mx11.example.net");
    mail.secure_in(asks.version, &asks.records(), &[100]);
    all.push(in_secret(&mut mail, 1));
    // Over two records, the first of which ends within the name; with ALPN.
    let mut mail = offered(12);
    ready(&mut mail);
    let asks = Asks {
        protocols: &["smtp", "http/1.1"],
        ..Asks::name("mx12.example.net")
    };
    mail.secure_in(asks.version, &asks.two_records(100), &[]);
    all.push(in_secret(&mut mail, 2));
    // Refused for now (RFC 3207 section 4), and in clear then.
    let mut mail = offered(13);
    mail.ask(
        "STARTTLS",
        "454 4.7.0 TLS not available due to local problem",
    );
    mail.letter("alice@corp.test", &["bob@example.org"]);
    all.push(mail.quit().done());
    // TLS 1.2 with a resumed session.
    let mut mail = offered(14);
    ready(&mut mail);
    let asks = Asks {
        version: Version::Tls12,
        ..Asks::name("mx14.example.net")
    };
    mail.secure(asks);
    all.push(in_secret(&mut mail, 1));
    // The handshake fails.
    let mut mail = offered(15);
    ready(&mut mail);
    let asks = Asks::name("mx15.example.net");
    mail.tcp.wait(2).data(CLIENT, &asks.records());
    mail.tcp.data(SERVER, &alert()).close(SERVER);
    all.push(mail.done());
    // STARTTLS and nothing more.
    let mut mail = offered(16);
    ready(&mut mail);
    mail.tcp.wait(10).close(CLIENT);
    all.push(mail.done());
    capture(all)
}

pub(super) fn smtps_465() -> Capture {
    // The client speaks first (RFC 8314 section 3).
    let opened = |number: u8| {
        let at = i64::from(number - 11) * 10_000;
        let mut mail = Mail::new(at, host(number), mx(number), 465);
        mail.tcp.open();
        mail
    };
    let greeted = |mail: &mut Mail, letters: usize| {
        mail.reply("220 mx.example.net ESMTP");
        mail.ask("EHLO pc.corp.test", OFFERS_TLS);
        mail.ask("AUTH PLAIN AGFsaWNlAG9wZW5zZXNhbWU=", "235 2.7.0 Ok");
        for _ in 0..letters {
            mail.letter("alice@corp.test", &["bob@example.org"]);
        }
        mail.quit().done()
    };
    let mut all = Vec::new();
    // Three letters; a hello with a post-quantum key share, over three segments.
    let mut mail = opened(11);
    let asks = Asks {
        large: true,
        ..Asks::name("smtp.example.com")
    };
    mail.secure_in(asks.version, &asks.records(), &[90, 1300]);
    all.push(greeted(&mut mail, 3));
    // None.
    let mut mail = opened(12);
    mail.secure(Asks::name("smtp.example.com"));
    all.push(greeted(&mut mail, 0));
    // Without a name.
    let mut mail = opened(13);
    let asks = Asks {
        server_name: None,
        ..Asks::name("")
    };
    mail.secure(asks);
    all.push(greeted(&mut mail, 1));
    // A long letter, in records of 16 kB.
    let mut mail = opened(14);
    mail.secure(Asks::name("smtp.example.com"));
    mail.reply("220 mx.example.net ESMTP");
    mail.ask("EHLO pc.corp.test", OFFERS_TLS);
    mail.ask("AUTH PLAIN AGFsaWNlAG9wZW5zZXNhbWU=", "235 2.7.0 Ok");
    mail.from("alice@corp.test").to("bob@example.org");
    mail.data(format!(
        "{}.\r\n",
        "Much ado about nothing, said he.\r\n".repeat(1200)
    ));
    all.push(mail.quit().done());
    // SMTP in clear on this port.
    let mut mail = opened(15);
    mail.reply("220 mx.example.net ESMTP");
    mail.ehlo("pc.corp.test");
    mail.letter("alice@corp.test", &["bob@example.org"]);
    all.push(mail.quit().done());
    capture(all)
}
