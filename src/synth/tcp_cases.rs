//! The same letters over TCP connections that are disturbed: what a wrong reassembly counts
//! twice, loses or makes up.

use super::conversation::{Conversation, Side, capture};
use super::mail::{Mail, OFFERS, host, mx, text};
use super::packet::Capture;

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

/// The commands of one letter to three, with their lengths told apart.
const COMMANDS: [&str; 5] = [
    "MAIL FROM:<alice@corp.test>\r\n",
    "RCPT TO:<bob@example.org>\r\n",
    "RCPT TO:<carol@example.org>\r\n",
    "RCPT TO:<dave@example.org>\r\n",
    "DATA\r\n",
];
/// What is answered to them.
const REPLIES: &str = "250 2.1.0 Ok\n250 2.1.5 Ok\n250 2.1.5 Ok\n250 2.1.5 Ok\n354 Go ahead";

/// Greeted, and EHLO done; the server offers PIPELINING. One begins each twenty seconds.
fn begun(number: u8) -> Mail {
    let mut mail = fresh(number);
    mail.greet().ehlo("pc.corp.test");
    mail
}

fn fresh(number: u8) -> Mail {
    let at = i64::from(number - 11) * 20_000;
    Mail::new(at, host(number), mx(number), 25)
}

/// What follows the five replies: the letter's text, accepted, and QUIT.
fn finished(mail: &mut Mail) -> Conversation {
    mail.reply(REPLIES);
    ended(mail)
}

fn ended(mail: &mut Mail) -> Conversation {
    let text = text("alice@corp.test", "bob@example.org");
    mail.say(format!("{text}.\r\n")).reply("250 2.0.0 Ok");
    mail.quit().done()
}

/// Each session: one letter to three, accepted.
pub(super) fn tcp_reassembly() -> Capture {
    capture([rearranged(), again()].concat())
}

/// The octets of the commands come in another order, or again with others.
fn rearranged() -> Vec<Conversation> {
    let commands = COMMANDS.concat();
    let [mail_from, one, two, three, data] = COMMANDS;
    let mut all = Vec::new();
    // Undisturbed: what the others are compared with.
    let mut mail = begun(11);
    mail.say(&commands);
    all.push(finished(&mut mail));
    // Each command in its segment, in the order 2, 5, 1, 4, 3.
    let mut mail = begun(12);
    mail.tcp.wait(3).shuffled(
        |tcp| {
            for command in COMMANDS {
                tcp.data(CLIENT, command.as_bytes());
            }
        },
        |packets| {
            packets.swap(0, 1); // 2 1 3 4 5
            packets.swap(1, 4); // 2 5 3 4 1
            packets.swap(2, 4); // 2 5 1 4 3
        },
    );
    all.push(finished(&mut mail));
    // In three segments, then all of it again in two with other boundaries, then the middle.
    let mut mail = begun(13);
    let begin = mail.tcp.next(CLIENT);
    mail.tcp.wait(3);
    mail.tcp.pieces(CLIENT, commands.as_bytes(), &[40, 41]);
    let (first, second) = commands.split_at(61);
    mail.tcp.wait(250).resend(CLIENT, begin, first.as_bytes());
    mail.tcp
        .resend(CLIENT, begin.wrapping_add(61), second.as_bytes());
    let middle = [one, two].concat();
    mail.tcp
        .resend(CLIENT, begin.wrapping_add(29), middle.as_bytes());
    all.push(finished(&mut mail));
    // A second copy of the same length says another thing: one RCPT instead of three.
    let mut mail = begun(14);
    let begin = mail.tcp.next(CLIENT);
    mail.say(&commands);
    let rest = commands.len() - mail_from.len() - one.len() - data.len();
    let idle = format!("NOOP {}\r\n", "x".repeat(rest - 7));
    let other = [mail_from, one, &idle, data].concat();
    debug_assert_eq!(other.len(), commands.len());
    mail.tcp.wait(1).resend(CLIENT, begin, other.as_bytes());
    all.push(finished(&mut mail));
    // The second segment begins before the end of the first, and says there what would make
    // four RCPT of it.
    let mut mail = begun(15);
    let begin = mail.tcp.next(CLIENT);
    let head = [mail_from, one, two].concat();
    mail.say(&head);
    let back = two.len();
    let evil = format!("RCPT TO:<x@a.test>\r\nNOOP {}\r\n", "x".repeat(back - 27));
    debug_assert_eq!(evil.len(), back);
    let at = begin.wrapping_add(u32::try_from(head.len() - back).expect("short"));
    let tail = [&evil, three, data].concat();
    mail.tcp.wait(1).resend(CLIENT, at, tail.as_bytes());
    // The sender's own account of it: the tail was new.
    mail.tcp.unseen(|tcp| {
        tcp.data(CLIENT, [three, data].concat().as_bytes());
    });
    all.push(finished(&mut mail));
    // Both sequence numbers pass 2^32: the server's within its reply to EHLO, the client's
    // within the commands.
    let mut mail = fresh(16);
    mail.tcp = mail.tcp.sequences(u32::MAX - 70, u32::MAX - 60);
    mail.greet().ehlo("pc.corp.test");
    mail.tcp.wait(3);
    mail.tcp.pieces(CLIENT, commands.as_bytes(), &[10; 14]);
    all.push(finished(&mut mail));
    // The wrap-around in an exchange of order: the segment behind it comes first.
    let mut mail = fresh(17);
    mail.tcp = mail.tcp.sequences(u32::MAX - 70, 0);
    mail.greet().ehlo("pc.corp.test");
    mail.tcp.wait(3).shuffled(
        |tcp| {
            for command in COMMANDS {
                tcp.data(CLIENT, command.as_bytes());
            }
        },
        <[_]>::reverse,
    );
    all.push(finished(&mut mail));
    all
}

/// Packets come again, before their time or late.
fn again() -> Vec<Conversation> {
    let commands = COMMANDS.concat();
    let [mail_from, one, two, three, data] = COMMANDS;
    let mut all = Vec::new();
    // Every frame twice.
    let mut mail = begun(18);
    mail.say(&commands);
    all.push(finished(&mut mail).mirrored());
    // SYN before and after its answer again, FIN three times.
    let mut mail = fresh(19);
    mail.tcp.unanswered(&[0, 1000]);
    mail.tcp.syn_ack().syn_again().ack(CLIENT);
    mail.reply("220 mx.example.net ESMTP").ehlo("pc.corp.test");
    mail.say(&commands);
    mail.reply(REPLIES);
    let text = text("alice@corp.test", "bob@example.org");
    mail.say(format!("{text}.\r\n")).reply("250 2.0.0 Ok");
    mail.ask("QUIT", "221 2.0.0 Bye").tcp.fin(CLIENT);
    mail.tcp.wait(200).fin_again(CLIENT);
    mail.tcp.wait(400).fin_again(CLIENT);
    mail.tcp.fin(SERVER).ack(CLIENT).fin_again(SERVER);
    all.push(mail.done());
    // Keep-alive (RFC 9293 section 3.8.4): the octet before the next, any octet, and
    // without one.
    let mut mail = begun(20);
    let next = mail.tcp.next(CLIENT);
    let before = next.wrapping_sub(1);
    mail.tcp.wait(6000).resend(CLIENT, before, b"X").ack(SERVER);
    mail.tcp.wait(6000).resend(CLIENT, before, b"").ack(SERVER);
    mail.say(&commands);
    all.push(finished(&mut mail));
    // The server's window is closed: probes carry the next octet again and again
    // (RFC 9293 section 3.8.6.1), and then it comes with the rest.
    let mut mail = begun(21);
    mail.tcp.window(0);
    let next = mail.tcp.next(CLIENT);
    for pause in [300, 600, 1200] {
        mail.tcp.wait(pause).resend(CLIENT, next, b"M").ack(SERVER);
    }
    mail.tcp.window(64_240);
    mail.say(&commands);
    all.push(finished(&mut mail));
    // The first of the commands comes 4 s behind the others, after it was asked for.
    let mut mail = begun(22);
    let next = mail.tcp.next(CLIENT);
    mail.tcp.unseen(|tcp| {
        tcp.data(CLIENT, mail_from.as_bytes());
    });
    let rest = [one, two, three, data].concat();
    mail.tcp.wait(3).data(CLIENT, rest.as_bytes());
    mail.tcp.wait(4000);
    mail.tcp.resend(CLIENT, next, mail_from.as_bytes());
    all.push(finished(&mut mail));
    all
}

/// Greeted, EHLO done, and the first letter's commands answered one by one up to DATA.
fn commanded(number: u8) -> Mail {
    let mut mail = begun(number);
    mail.from("alice@corp.test").to("bob@example.org");
    mail.to("carol@example.org");
    mail
}

const OPEN: &str = "354 End data with <CR><LF>.<CR><LF>";

/// The second letter of each session, whole, and QUIT.
fn second(mail: &mut Mail) -> Conversation {
    mail.letter("alice@corp.test", &["eve@example.com"]);
    mail.quit().done()
}

/// What is sent meanwhile is lost for the sensor.
fn lost(mail: &mut Mail, sent: impl FnOnce(&mut Mail)) {
    let mut copy = mail.clone();
    sent(&mut copy);
    mail.tcp.unseen(|tcp| tcp.follow(&copy.tcp));
}

/// Each session: a letter to two with a hole somewhere, then a whole one to one.
pub(super) fn tcp_holes() -> Capture {
    let body = text("alice@corp.test", "bob@example.org");
    let whole = format!("{body}.\r\n");
    let mut all = Vec::new();
    // The second RCPT is lost; its reply is not.
    let mut mail = begun(11);
    mail.from("alice@corp.test").to("bob@example.org");
    lost(&mut mail, |mail| {
        mail.line("RCPT TO:<carol@example.org>");
    });
    mail.reply("250 2.1.5 Ok").data(&whole);
    all.push(second(&mut mail));
    // MAIL is lost, and its reply too.
    let mut mail = begun(12);
    lost(&mut mail, |mail| {
        mail.from("alice@corp.test");
    });
    mail.to("bob@example.org")
        .to("carol@example.org")
        .data(&whole);
    all.push(second(&mut mail));
    // The middle of a body.
    let mut mail = commanded(13);
    let (head, rest) = body.split_at(120);
    let (gone, tail) = rest.split_at(120);
    mail.ask("DATA", OPEN).say(head);
    lost(&mut mail, |mail| {
        mail.say(gone);
    });
    mail.say(format!("{tail}.\r\n")).reply("250 2.0.0 Ok");
    all.push(second(&mut mail));
    // The end of a body, with the dot; the reply is there.
    let mut mail = commanded(14);
    mail.ask("DATA", OPEN).say(head);
    lost(&mut mail, |mail| {
        mail.say(format!("{rest}.\r\n"));
    });
    mail.reply("250 2.0.0 Ok");
    all.push(second(&mut mail));
    // The end of a body, its reply, and the next MAIL in the same hole of the client.
    let mut mail = commanded(15);
    mail.ask("DATA", OPEN).say(head);
    lost(&mut mail, |mail| {
        mail.say(format!("{rest}.\r\n")).reply("250 2.0.0 Ok");
        mail.from("alice@corp.test");
    });
    mail.to("eve@example.com").data(&whole);
    all.push(mail.quit().done());
    // The server's reply to the second RCPT, a refusal.
    let mut mail = begun(16);
    mail.from("alice@corp.test").to("bob@example.org");
    mail.line("RCPT TO:<carol@example.org>");
    lost(&mut mail, |mail| {
        mail.reply("550 5.1.1 No such user");
    });
    mail.data(&whole);
    all.push(second(&mut mail));
    // The server's 354.
    let mut mail = commanded(17);
    mail.line("DATA");
    lost(&mut mail, |mail| {
        mail.reply(OPEN);
    });
    mail.say(&whole).reply("250 2.0.0 Ok");
    all.push(second(&mut mail));
    // The capture begins between MAIL and RCPT.
    let mut mail = fresh(18);
    lost(&mut mail, |mail| {
        mail.greet().ehlo("pc.corp.test").from("alice@corp.test");
    });
    mail.to("bob@example.org")
        .to("carol@example.org")
        .data(&whole);
    all.push(second(&mut mail));
    // It begins within a body, whose next lines look like commands.
    let mut mail = fresh(19);
    lost(&mut mail, |mail| {
        mail.greet().ehlo("pc.corp.test").from("alice@corp.test");
        mail.to("bob@example.org").to("carol@example.org");
        mail.ask("DATA", OPEN).say(head);
    });
    let quoted = "they wrote:\r\n\r\nMAIL FROM:<mallory@a.test>\r\nRCPT TO:<trent@b.test>\r\n\
        DATA\r\n\r\nand no more.\r\n.\r\n";
    mail.say(quoted).reply("250 2.0.0 Ok");
    all.push(second(&mut mail));
    // The greeting and the reply to EHLO are lost, and EHLO with them.
    let mut mail = fresh(20);
    mail.tcp.open();
    lost(&mut mail, |mail| {
        mail.reply("220 mx.example.net ESMTP").ehlo("pc.corp.test");
    });
    mail.from("alice@corp.test").to("bob@example.org");
    mail.to("carol@example.org").data(&whole);
    all.push(second(&mut mail));
    // The last segment and the FIN of the client are lost: the capture ends.
    let mut mail = commanded(21);
    mail.data(&whole);
    mail.letter("alice@corp.test", &["eve@example.com"]);
    lost(&mut mail, |mail| {
        mail.quit();
    });
    all.push(mail.done());
    capture(all)
}

/// A session of which 90 octets a frame were kept, 36 of them TCP payload.
pub(super) fn tcp_snaplen() -> Capture {
    let mut mail = begun(11);
    mail.from("alice@corp.test").to("bob@example.org");
    mail.to("somebody.with.a.long.name@department.example.org");
    mail.data(format!(
        "{}.\r\n",
        text("alice@corp.test", "bob@example.org")
    ));
    let first = second(&mut mail);
    // A client that sends ahead: of its one segment only MAIL is there.
    let mut mail = Mail::greeted(20_000, host(12), mx(12), 25);
    mail.ask("EHLO pc.corp.test", OFFERS).say(COMMANDS.concat());
    let other = finished(&mut mail);
    capture([first, other].map(|tcp| tcp.snapped(90)))
}
