//! What stands beside DNS and SMTP: chat servers, mailboxes, and DNS that is hidden.

use super::conversation::{Conversation, Side, after};
use super::dialogue::{self, Client};
use super::mail::{Mail, host, mx};
use super::message::kind;
use super::packet::{Capture, Endpoint, Packet, udp};
use super::secret::Asks;
use std::net::{IpAddr, Ipv4Addr};

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

/// A server that is no mail server.
fn elsewhere(number: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, 113, number).into()
}

/// An open connection of a host to a port.
fn open(millis: i64, client: u8, server: u8, port: u16) -> Conversation {
    let from = Endpoint::new(host(client), 49_200 + u16::from(client));
    let to = Endpoint::new(elsewhere(server), port);
    let mut tcp = Conversation::new(after(millis), from, to);
    tcp.open();
    tcp
}

/// All of it in order of time.
fn capture(conversations: Vec<Conversation>, more: Vec<Packet>) -> Capture {
    let packets = conversations.into_iter().flat_map(Conversation::packets);
    let mut packets: Vec<_> = packets.chain(more).collect();
    packets.sort_by_key(|packet| packet.time);
    Capture::ethernet(packets)
}

pub(super) fn irc_bot() -> Capture {
    let mut all = Vec::new();
    // A bot that takes its orders and mails then.
    let mut bot = open(0, 60, 67, 6667);
    bot.data(CLIENT, b"PASS x\r\nNICK [JPN]71543\r\n");
    bot.data(SERVER, b":irc.test NOTICE AUTH :*** Checking ident\r\n");
    bot.data(CLIENT, b"USER gfdkw 0 0 :gfdkw\r\n");
    bot.data(SERVER, b"PING :8F21\r\n");
    bot.data(CLIENT, b"PONG :8F21\r\n");
    bot.data(
        SERVER,
        b":irc.test 001 [JPN]71543 :Welcome\r\n:irc.test 376 [JPN]71543 :End\r\n",
    );
    bot.wait(300).data(CLIENT, b"JOIN #mass# s3cr3t\r\n");
    bot.data(
        SERVER,
        b":irc.test 332 [JPN]71543 #mass# :.mail.start 198.51.100.7\r\n",
    );
    bot.wait(4000)
        .data(CLIENT, b"PRIVMSG #mass# :[MAIL]: started.\r\n");
    bot.wait(60_000).data(SERVER, b"PING :irc.test\r\n");
    bot.data(CLIENT, b"PONG :irc.test\r\n");
    all.push(bot);
    for number in 0..3_u8 {
        let at = 6000 + 2000 * i64::from(number);
        let mut mail = Mail::greeted(at, host(60), mx(7 + number), 25);
        mail.ask("HELO gfdkw", "250 mx.example.net");
        mail.letter("gfdkw@example.com", &["info@victim.test"])
            .hang_up();
        all.push(mail.done());
    }
    // Lines over segments that come out of order, without a channel.
    let mut idle = open(1000, 61, 68, 7000);
    let first = idle.next(CLIENT);
    idle.shuffled(
        |tcp| {
            tcp.data(CLIENT, b"NICK sakura\r\nUS")
                .data(CLIENT, b"ER sakura 0 * :");
            tcp.data(CLIENT, b"Sakura\r\n");
        },
        |packets| packets.swap(1, 2),
    );
    idle.resend(CLIENT, first, b"NICK sakura\r\n");
    idle.wait(500).close(CLIENT);
    all.push(idle);
    // In TLS, at the port for that and at one that has other uses.
    for (number, port) in [(62, 6697), (63, 7000)] {
        let mut tls = open(2000, number, number, port);
        tls.data(CLIENT, &Asks::name("irc.example.org").records());
        tls.wait(500).close(CLIENT);
        all.push(tls);
    }
    // Not chat: a program's own port is one of chat servers; the web on port 7000; FTP.
    let (from, to) = (
        Endpoint::new(host(64), 6667),
        Endpoint::new(elsewhere(80), 80),
    );
    let mut web = Conversation::new(after(3000), from, to);
    web.open()
        .data(CLIENT, b"GET / HTTP/1.1\r\nHost: NICK USER a b c d\r\n\r\n");
    web.data(SERVER, &[b'x'; 4000]).close(SERVER);
    all.push(web);
    let mut web = open(3500, 64, 81, 7000);
    web.data(CLIENT, b"POST /reverse HTTP/1.1\r\nX: NICK\r\n\r\n")
        .data(CLIENT, &[b'x'; 5000]);
    all.push(web.close(CLIENT).clone());
    let mut ftp = open(4000, 65, 82, 6660);
    ftp.data(SERVER, b"220 ready\r\n")
        .data(CLIENT, b"USER anonymous\r\n");
    all.push(ftp.close(CLIENT).clone());
    // Picked up in the middle.
    let from = Endpoint::new(host(66), 49_400);
    let mut late = Conversation::new(after(5000), from, Endpoint::new(elsewhere(83), 6667));
    late.unseen(|tcp| {
        tcp.open();
    });
    late.data(CLIENT, b"NICK late\r\nUSER a b c :d\r\nJOIN #late\r\n");
    all.push(late);
    capture(all, Vec::new())
}

pub(super) fn hidden_dns() -> Capture {
    let mut all = Vec::new();
    let mut more = Vec::new();
    // Each asks for mail exchangers too, so that something is said of it.
    let mut asked = Vec::new();
    for number in 71..=77_u8 {
        let mut client = Client::new(Ipv4Addr::new(192, 0, 2, number));
        for domain in 1..=120_i64 {
            let at = after(250 * domain + i64::from(number));
            client.ask(at, &format!("kaede{domain:03}-mxray.co.jp"), kind::MX);
        }
        asked.append(&mut client.log);
    }
    more.extend(dialogue::capture(&asked).packets);
    // 71: DNS over TLS. 72: it is refused there.
    let mut dot = open(500, 71, 53, 853);
    dot.data(CLIENT, &Asks::name("dns.example.net").records())
        .close(CLIENT);
    all.push(dot);
    let ends = |client: u8, port| {
        let from = Endpoint::new(host(client), 49_300);
        (from, Endpoint::new(elsewhere(53), port))
    };
    let (from, to) = ends(72, 853);
    let mut refused = Conversation::new(after(500), from, to);
    all.push(refused.refused().clone());
    // 73: DNS over HTTPS, by a hello of two segments; its end is not seen.
    let doh = Asks {
        large: true,
        ..Asks::name("DNS.Google")
    };
    let mut https = open(500, 73, 8, 443);
    https
        .data(CLIENT, &doh.records())
        .data(SERVER, &[0x17; 3000]);
    all.push(https);
    // 74: the web only, 8 kB of it up and down.
    let mut web = open(500, 74, 80, 443);
    web.data(CLIENT, &Asks::name("www.example.org").records());
    web.data(SERVER, &[0x17; 8000])
        .data(CLIENT, &[0x17; 8000])
        .close(CLIENT);
    all.push(web);
    // 75: DNS over QUIC, answered. 76: not answered.
    for (number, answered) in [(75, true), (76, false)] {
        let (from, to) = ends(number, 853);
        let initial = [&[0xc3, 0, 0, 0, 1, 8][..], &[7; 1194]].concat();
        more.push(Packet::new(after(500), udp(from, to, &initial)));
        if answered {
            more.push(Packet::new(after(530), udp(to, from, &initial)));
            more.push(Packet::new(after(560), udp(to, from, &[0x41; 80])));
        }
    }
    // 77 hides nothing and has no TLS; it reads its mail, twice, before it sends.
    for (millis, port, from) in [(600, 110, 49_310), (700, 995, 49_311)] {
        let from = Endpoint::new(host(77), from);
        let mut inbox = Conversation::new(after(millis), from, Endpoint::new(mx(25), port));
        inbox.open();
        if port == 110 {
            inbox
                .data(SERVER, b"+OK ready\r\n")
                .data(CLIENT, b"USER u\r\n");
            inbox
                .data(SERVER, b"+OK\r\n")
                .data(CLIENT, b"PASS p\r\n")
                .data(SERVER, b"+OK\r\n");
        }
        all.push(inbox.close(CLIENT).clone());
    }
    let mut mail = Mail::greeted(3100, host(77), mx(25), 25);
    mail.ask("EHLO pc77.example.jp", "250 mx.example.net");
    mail.letter("u@example.jp", &["v@example.com"]).quit();
    all.push(mail.done());
    capture(all, more)
}
