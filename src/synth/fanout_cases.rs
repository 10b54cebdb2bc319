//! Hosts of which no DNS is seen, told apart by whom they connect to and how: a bot, an
//! honest mail server, ordinary PCs, and a bot that uses other people's accounts.
//!
//! How many of each outcome there are is fixed; the dice decide only which they are.

use super::conversation::{Conversation, Side, capture};
use super::dice::Dice;
use super::mail::{Mail, OFFERS, OFFERS_TLS, host, mx};
use super::packet::Capture;
use super::secret::Asks;
use std::net::{IpAddr, Ipv4Addr};

const CLIENT: Side = Side::Client;
const MINUTE: i64 = 60_000;

/// One of 500 mail servers elsewhere.
fn destination(number: usize) -> IpAddr {
    let last = u8::try_from(number % 250 + 1).expect("at most 250");
    if number < 250 {
        mx(last)
    } else {
        Ipv4Addr::new(203, 0, 113, last).into()
    }
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Unanswered,
    Refused,
    BlockedAtConnect,
    BlockedAtRcpt,
    Delivered,
}

/// The name that the bot gives: 12 of an address, 12 of one label, 10 of domains that it
/// made up, and localhost; 35 in all.
fn bot_name(number: usize) -> String {
    match number % 35 {
        part @ 0..12 => format!("203.0.113.{}", 10 + part),
        part @ 12..24 => format!("win-{}", 7 * part),
        part @ 24..34 => format!("mail{part}.offers{part}.test"),
        _ => "localhost".to_owned(),
    }
}

pub(super) fn fanout_bot() -> Capture {
    let mut dice = Dice::new("fanout bot");
    let outcomes = [
        (Outcome::Unanswered, 160),
        (Outcome::Refused, 40),
        (Outcome::BlockedAtConnect, 30),
        (Outcome::BlockedAtRcpt, 30),
        (Outcome::Delivered, 140),
    ];
    let outcomes = outcomes.into_iter();
    let mut outcomes: Vec<_> = outcomes
        .flat_map(|(outcome, times)| vec![outcome; times])
        .collect();
    dice.shuffle(&mut outcomes);
    // 300 destinations, the first hundred twice.
    let mut destinations: Vec<usize> = (0..300).chain(0..100).collect();
    dice.shuffle(&mut destinations);
    let (mut greeted, mut delivered) = (0, 0);
    let mut all = Vec::new();
    for (number, (outcome, to)) in (0..).zip(outcomes.iter().zip(destinations)) {
        let at = number * 5900 + i64::from(dice.below(2000));
        let mut mail = Mail::new(at, host(66), destination(to), 25);
        if matches!(outcome, Outcome::BlockedAtRcpt | Outcome::Delivered) {
            mail.greet()
                .ask(&format!("EHLO {}", bot_name(greeted)), OFFERS);
            // Forty domains of senders.
            mail.from(&format!("promo@shop{}.test", greeted % 40));
            greeted += 1;
        }
        match outcome {
            Outcome::Unanswered => {
                mail.tcp.unanswered(&[0, 3000, 9000]);
            }
            Outcome::Refused => {
                mail.tcp.refused();
            }
            Outcome::BlockedAtConnect => {
                mail.tcp.open();
                mail.reply(
                    "554 5.7.1 Service unavailable; Client host [192.0.2.66] blocked using \
                     zen.spamhaus.example",
                );
                mail.tcp.wait(3).rst(CLIENT);
            }
            Outcome::BlockedAtRcpt => {
                mail.ask(
                    "RCPT TO:<info@victim.test>",
                    "550 5.7.1 Client host [192.0.2.66] blocked using bl.spamcop.example",
                );
                mail.hang_up();
            }
            Outcome::Delivered => {
                // One, two, three, one, ...
                for name in ["info", "sales", "office"].iter().take(delivered % 3 + 1) {
                    mail.to(&format!("{name}@victim{to}.test"));
                }
                delivered += 1;
                mail.data(
                    "From: Shop <promo@shop.test>\r\nSubject: Cheap watches\r\n\r\n\
                     Only today.\r\n.\r\n",
                );
                mail.hang_up();
            }
        }
        all.push(mail.done());
    }
    capture(all)
}

pub(super) fn fanout_server() -> Capture {
    const NAME: &str = "EHLO mail.corp.test";
    let mut dice = Dice::new("fanout server");
    let mut order: Vec<usize> = (0..120).collect();
    dice.shuffle(&mut order);
    let letter = |mail: &mut Mail, to: usize| {
        mail.letter("alice@corp.test", &[&*format!("bob@partner{to}.example")]);
        mail.quit();
    };
    let mut all = Vec::new();
    for (number, to) in (0..).zip(order) {
        let at = number * 29_000 + i64::from(dice.below(20_000));
        let server = destination(to);
        let mut mail = Mail::new(at, host(25), server, 25);
        match to {
            // 4 of 120 fail.
            10 | 50 => {
                mail.tcp.unanswered(&[0, 1000, 3000, 7000, 15_000, 31_000]);
            }
            30 | 90 => {
                mail.tcp.refused();
            }
            // 3 of 120 greylist, and are tried again a quarter of an hour later.
            7 | 47 | 87 => {
                mail.greet().ask(NAME, OFFERS).from("alice@corp.test");
                mail.ask(
                    &format!("RCPT TO:<bob@partner{to}.example>"),
                    "450 4.2.0 Recipient address rejected: Greylisted",
                );
                mail.quit();
                let mut again = Mail::greeted(at + 15 * MINUTE, host(25), server, 25);
                letter(again.ask(NAME, OFFERS), to);
                all.push(again.done());
            }
            // 18 do not offer STARTTLS, 95 do.
            _ if to % 6 == 0 => letter(mail.greet().ask(NAME, OFFERS), to),
            _ => {
                mail.greet().ask(NAME, OFFERS_TLS);
                mail.starttls(Asks::name("mx.partner.example"));
                letter(mail.ask(NAME, OFFERS), to);
            }
        }
        all.push(mail.done());
    }
    capture(all)
}

/// One letter by submission: STARTTLS on 587, TLS at once on 465, AUTH inside.
fn submitted(
    at: i64,
    client: IpAddr,
    server: IpAddr,
    port: u16,
    name: &'static str,
    letters: usize,
) -> Conversation {
    let mut mail = Mail::new(at, client, server, port);
    if port == 465 {
        mail.tcp.open();
        mail.secure(Asks::name(name));
        mail.reply("220 mx.example.net ESMTP");
    } else {
        mail.greet().ask("EHLO pc.corp.test", OFFERS_TLS);
        mail.starttls(Asks::name(name));
    }
    mail.ask("EHLO pc.corp.test", OFFERS_TLS);
    mail.ask("AUTH PLAIN AGFsaWNlAG9wZW5zZXNhbWU=", "235 2.7.0 Ok");
    for _ in 0..letters {
        mail.letter("alice@corp.test", &["bob@example.org"]);
    }
    mail.quit().done()
}

pub(super) fn fanout_pcs() -> Capture {
    let mut dice = Dice::new("fanout pcs");
    let mut all = Vec::new();
    for (pc, client) in (0..).zip(101_u8..=110) {
        // Odd ones 587, even ones 465, two servers of the site; the fourth uses both.
        for time in 0..4 {
            let at = time * 30 * MINUTE + i64::from(dice.below(25 * 60_000));
            let both = client == 104 && time % 2 == 1;
            let (port, server, name) = if (pc % 2 == 0) == both {
                (465, mx(202), "smtp.example.net")
            } else {
                (587, mx(201), "submit.example.com")
            };
            all.push(submitted(at, host(client), server, port, name, 1));
        }
    }
    // A script of the last one.
    for (number, minute) in (0..5).zip((20..).step_by(3)) {
        let mut mail = Mail::greeted(minute * MINUTE, host(110), destination(number), 25);
        mail.ehlo("pc110.corp.test");
        mail.letter(
            "backup@corp.test",
            &[&*format!("admin@site{number}.example")],
        );
        all.push(mail.quit().done());
    }
    capture(all)
}

pub(super) fn submission_bot() -> Capture {
    const NAMES: [&str; 12] = [
        "smtp.provider0.test",
        "smtp.provider1.test",
        "smtp.provider2.test",
        "smtp.provider3.test",
        "smtp.provider4.test",
        "mail.provider5.test",
        "mail.provider6.test",
        "mail.provider7.test",
        "mail.provider8.test",
        "mail.provider9.test",
        "mail.provider10.test",
        "mail.provider11.test",
    ];
    let mut dice = Dice::new("submission bot");
    let client = host(77);
    let mut all = Vec::new();
    for round in 0..3 {
        for (provider, name) in (0..).zip(NAMES) {
            let at = (round * 12 + provider) * 95_000 + i64::from(dice.below(60_000));
            let server = destination(300 + 5 * (all.len() % 12));
            match provider {
                0..5 => all.push(submitted(at, client, server, 465, name, 2)),
                5..10 => all.push(submitted(at, client, server, 587, name, 2)),
                // In clear: one account is good, the other is not.
                _ => {
                    let mut mail = Mail::greeted(at, client, server, 587);
                    mail.ask("EHLO win-4711", OFFERS_TLS);
                    mail.ask("AUTH LOGIN", "334 VXNlcm5hbWU6");
                    mail.ask("YWxpY2U=", "334 UGFzc3dvcmQ6");
                    if provider == 10 {
                        mail.ask("b3BlbnNlc2FtZQ==", "235 2.7.0 Ok");
                        for _ in 0..2 {
                            mail.letter("alice@stolen.test", &["a@victim.test", "b@victim.test"]);
                        }
                    } else {
                        mail.ask("MTIzNDU2", "535 5.7.8 Credentials invalid");
                    }
                    mail.quit();
                    all.push(mail.done());
                }
            }
        }
    }
    capture(all)
}
