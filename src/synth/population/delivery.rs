//! Mail from a host to a server: the dialect of the client, the temper of the server.

use super::super::conversation::{Conversation, Side};
use super::super::packet::Endpoint;
use super::super::secret::{self, Asks, Version};
use super::host::Host;
use super::world::{Door, Server, Told};
use crate::time::{NANOS, Timestamp};
use std::net::IpAddr;

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

/// How a client speaks SMTP; what is a number is in a thousand.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub(super) struct Dialect {
    /// Names in HELO; one is taken for each session.
    pub(super) names: Vec<String>,
    /// Domains of senders; one is taken for each letter.
    pub(super) senders: Vec<String>,
    /// EHLO and not HELO.
    pub(super) extended: bool,
    /// Says QUIT at the end.
    pub(super) quits: u32,
    /// Uses STARTTLS where it is offered.
    pub(super) starttls: bool,
    /// Sends the envelope ahead where that is offered (RFC 2920).
    pub(super) groups: bool,
    /// Sends ahead where that was not offered.
    pub(super) ahead: u32,
    /// Speaks before it is greeted.
    pub(super) early: u32,
    /// Writes `MAIL FROM: <`.
    pub(super) loose: u32,
    /// Tries again at once where it was put off.
    pub(super) impatient: bool,
    /// Octets of a letter.
    pub(super) octets: u32,
}

impl Dialect {
    /// That of a well-kept mail server.
    pub(super) fn server(name: &str, domain: &str) -> Self {
        Self {
            names: vec![name.to_owned()],
            senders: vec![domain.to_owned()],
            extended: true,
            quits: 995,
            starttls: true,
            groups: false,
            ahead: 0,
            early: 0,
            loose: 0,
            impatient: false,
            octets: 1500,
        }
    }
}

/// What is delivered.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) recipients: Vec<String>,
    /// Whether the mailboxes are gone.
    pub(super) unknown: bool,
    /// Whether it ends after RCPT: only asked whether the mailbox is there.
    pub(super) probe: bool,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Silent,
    Refused,
    Blocked,
    PutOff,
    Unknown,
    Accepted,
}

/// A session under way.
struct Session {
    tcp: Conversation,
    secret: Option<Version>,
    /// What the server sends of its own accord when the handshake is over, octets each.
    tickets: &'static [usize],
}

impl Session {
    fn send(&mut self, side: Side, octets: &[u8]) {
        match self.secret {
            None => self.tcp.data(side, octets),
            Some(version) => self.tcp.data(side, &version.sealed(octets)),
        };
    }

    fn say(&mut self, text: &str) {
        self.tcp.wait(2);
        self.send(CLIENT, text.as_bytes());
    }

    fn reply(&mut self, lines: &str) {
        self.send_tickets();
        self.tcp.wait(6);
        let octets = format!("{}\r\n", lines.replace('\n', "\r\n"));
        self.send(SERVER, octets.as_bytes());
    }

    fn ask(&mut self, line: &str, reply: &str) {
        self.say(&format!("{line}\r\n"));
        self.reply(reply);
    }

    /// Session tickets come on the way to what is said next.
    fn send_tickets(&mut self) {
        for octets in std::mem::take(&mut self.tickets) {
            self.send(SERVER, &vec![0; *octets]);
        }
    }

    fn secure(&mut self, name: &str, tls: Tls) {
        let asks = Asks {
            version: tls.version,
            ..Asks::name(name)
        };
        self.tcp.wait(2).data(CLIENT, &asks.records());
        self.tcp.wait(4).data(SERVER, &asks.version.server_flight());
        self.tcp
            .wait(2)
            .data(CLIENT, &asks.version.client_finished());
        self.secret = Some(asks.version);
        self.tickets = tls.tickets;
        if tls.at_once {
            self.send_tickets();
        }
    }

    /// The client does not like what the server shows.
    fn give_up(&mut self, name: &str, tls: Tls) {
        let asks = Asks {
            version: tls.version,
            ..Asks::name(name)
        };
        self.tcp.wait(2).data(CLIENT, &asks.records());
        self.tcp.wait(4).data(SERVER, &asks.version.server_flight());
        self.tcp.wait(2).data(CLIENT, &secret::alert());
        self.tcp.close(CLIENT);
    }

    fn bye(&mut self, quits: bool) {
        if quits {
            self.ask("QUIT", "221 2.0.0 Bye");
            self.tcp.close(SERVER);
        } else {
            self.tcp.wait(3).close(CLIENT);
        }
    }
}

/// How a server speaks TLS.
#[derive(Clone, Copy)]
struct Tls {
    version: Version,
    /// Octets of the session tickets of TLS 1.3.
    tickets: &'static [usize],
    /// The client goes on only when they are there.
    at_once: bool,
}

impl Host {
    /// How a server at an address speaks TLS: many have been left as they were installed, and
    /// programs send none, one or two tickets.
    fn tls(&mut self, address: IpAddr) -> Tls {
        let turn = self.world.fate(&address.to_string(), "tls", 100);
        let tickets: &[usize] = match turn {
            0..20 => &[],
            20..60 => &[250, 250],
            60..80 => &[74],
            _ => &[233],
        };
        Tls {
            version: if turn < 15 {
                Version::Tls12
            } else {
                Version::Tls13
            },
            tickets,
            at_once: self.dice.chance(100),
        }
    }

    fn connection(&mut self, at: Timestamp, server: IpAddr, port: u16, distance: u32) -> Session {
        let from = Endpoint::new(self.address, self.dice.word(32_768));
        let tcp = Conversation::new(at, from, Endpoint::new(server, port));
        Session {
            tcp: tcp.round_trip(i64::from(distance)),
            secret: None,
            tickets: &[],
        }
    }

    fn finish(&mut self, session: Session) -> Timestamp {
        let end = session.tcp.now;
        self.take(session.tcp.packets());
        end
    }

    /// Knocks on a port that a filter on the way shuts without a word.
    pub(super) fn knock(&mut self, at: Timestamp, server: IpAddr, port: u16) -> Timestamp {
        let mut session = self.connection(at, server, port, 20);
        let times: &[i64] = match self.dice.below(3) {
            0 => &[0, 1000, 3000],
            1 => &[0, 3000, 9000],
            _ => &[0, 1000, 3000, 7000, 15_000],
        };
        session.tcp.unanswered(times);
        self.finish(session)
    }

    /// Delivers to port 25 of the server that an outside address has.
    pub(super) fn deliver(
        &mut self,
        at: Timestamp,
        address: IpAddr,
        dialect: &Dialect,
        letter: &Letter,
    ) -> (Timestamp, End) {
        let server = self.world.server(address);
        let (now, end) = self.deliver_to(at, address, server, dialect, letter);
        if !matches!(end, End::Silent | End::Refused) {
            let soon = at.plus_nanos(self.pause(40, 300));
            self.looked_up(soon, address);
        }
        (now, end)
    }

    /// Delivers to a server of that temper.
    pub(super) fn deliver_to(
        &mut self,
        at: Timestamp,
        address: IpAddr,
        server: Server,
        dialect: &Dialect,
        letter: &Letter,
    ) -> (Timestamp, End) {
        if server.door == Door::Silent {
            return (self.knock(at, address, 25), End::Silent);
        }
        let mut session = self.connection(at, address, 25, server.distance);
        if server.door == Door::Shut {
            session.tcp.refused();
            return (self.finish(session), End::Refused);
        }
        if let Some(end) = self.speak(&mut session, address, server, dialect, letter) {
            return (self.finish(session), end);
        }
        // Better in clear than not at all.
        let at = self.finish(session).plus_nanos(self.pause(100, 2000));
        let mut plain = dialect.clone();
        plain.starttls = false;
        self.deliver_to(at, address, server, &plain, letter)
    }

    /// `None`: TLS failed.
    fn speak(
        &mut self,
        session: &mut Session,
        address: IpAddr,
        server: Server,
        dialect: &Dialect,
        letter: &Letter,
    ) -> Option<End> {
        let mta = server.mta;
        let client = self.address.to_string();
        let called = format!(
            "mx{}.{}",
            self.world.fate(&address.to_string(), "name", 9),
            "example.net"
        );
        let blocked = self.listed.then_some(server.lists).flatten();
        let quits = self.dice.chance(dialect.quits);
        let name = self.dice.pick(&dialect.names).clone();
        let hello = if dialect.extended { "EHLO" } else { "HELO" };
        let hello = format!("{hello} {name}");
        session.tcp.open();
        let early = self.dice.chance(dialect.early);
        if early {
            session.say(&format!("{hello}\r\n"));
        }
        session.tcp.wait(i64::from(server.slow));
        if blocked == Some(Told::AtConnect) {
            session.reply(&mta.listed(&client));
            session.bye(quits);
            return Some(End::Blocked);
        }
        session.reply(&mta.banner(&called));
        let offers = if dialect.extended {
            mta.offers(&called, server.starttls)
        } else {
            format!("250 {called}")
        };
        if early {
            session.reply(&offers);
        } else {
            session.ask(&hello, &offers);
        }
        if dialect.starttls && dialect.extended && server.starttls {
            session.ask("STARTTLS", "220 2.0.0 Ready to start TLS");
            let tls = self.tls(address);
            // Certificates that have expired, programs that have no cipher in common.
            if self.dice.chance(10) {
                session.give_up(&called, tls);
                return None;
            }
            session.secure(&called, tls);
            session.ask(&hello, &mta.offers(&called, false));
        }
        let space = if self.dice.chance(dialect.loose) {
            " "
        } else {
            ""
        };
        let sender = self.dice.pick(&dialect.senders).clone();
        let sender = if sender.is_empty() {
            String::new()
        } else {
            format!(
                "{}@{sender}",
                self.dice.pick(&["info", "news", "office", "anna", "sales"])
            )
        };
        let octets = self.dice.between(dialect.octets / 3, dialect.octets * 2);
        let size = if dialect.extended && dialect.groups {
            format!(" SIZE={octets}")
        } else {
            String::new()
        };
        let mail = format!("MAIL FROM:{space}<{sender}>{size}");
        let groups = dialect.extended && dialect.groups && mta.pipelines() && !letter.probe;
        let end = self.envelope(
            session,
            address,
            (server, blocked),
            dialect,
            letter,
            (&mail, space, groups),
        );
        if end == End::PutOff {
            self.put_off.entry(address).or_insert(session.tcp.now);
        }
        if end != End::Accepted || letter.probe {
            session.bye(quits);
            return Some(end);
        }
        if !groups {
            session.ask("DATA", "354 Go ahead");
        }
        let to = letter.recipients.first().map_or("", String::as_str);
        session.say(&text(&sender, to, octets));
        session.tcp.wait(60);
        session.reply(mta.queued());
        session.bye(quits);
        Some(end)
    }

    /// MAIL and RCPT: what the server thinks of sender and recipients.
    fn envelope(
        &mut self,
        session: &mut Session,
        address: IpAddr,
        (server, blocked): (Server, Option<Told>),
        dialect: &Dialect,
        letter: &Letter,
        (mail, space, groups): (&str, &str, bool),
    ) -> End {
        let (mta, client) = (server.mta, self.address.to_string());
        let first = self.put_off.get(&address).copied();
        let put_off = server.greylists
            && first.is_none_or(|first| session.tcp.now.nanos_since(first) < 290 * NANOS);
        let verdict = |to: &str| match blocked {
            Some(_) => (End::Blocked, mta.listed(&client)),
            None if put_off => (End::PutOff, mta.greylisted().to_owned()),
            None if letter.unknown => (End::Unknown, mta.unknown(to)),
            None => (End::Accepted, mta.ok().to_owned()),
        };
        let mut end = End::Accepted;
        if groups || !mta.pipelines() && self.dice.chance(dialect.ahead) {
            let rcpt = letter
                .recipients
                .iter()
                .map(|to| format!("RCPT TO:{space}<{to}>\r\n"));
            let data = if groups { "DATA\r\n" } else { "" };
            let rcpt: String = rcpt.collect();
            session.say(&format!("{mail}\r\n{rcpt}{data}"));
            session.reply(mta.ok());
            for to in &letter.recipients {
                let (outcome, reply) = verdict(to);
                session.reply(&reply);
                end = outcome;
            }
            if groups {
                session.reply(match end {
                    End::Accepted => "354 Go ahead",
                    _ => "554 5.5.1 Error: no valid recipients",
                });
            }
        } else {
            session.ask(mail, mta.ok());
            for to in &letter.recipients {
                let (outcome, reply) = verdict(to);
                session.ask(&format!("RCPT TO:{space}<{to}>"), &reply);
                end = outcome;
            }
        }
        end
    }

    /// Submits letters with a password: 465 in TLS from the begin, 587 with STARTTLS.
    pub(super) fn submit(
        &mut self,
        at: Timestamp,
        (address, port, name): (IpAddr, u16, &str),
        helo: &str,
        letters: u32,
        works: bool,
    ) -> Timestamp {
        let server = self.world.server(address);
        let mta = server.mta;
        let tls = self.tls(address);
        let mut session = self.connection(at, address, port, server.distance);
        session.tcp.open();
        if port == 465 {
            session.secure(name, tls);
            session.reply(&mta.banner(name));
        } else {
            session.reply(&mta.banner(name));
            session.ask(&format!("EHLO {helo}"), &mta.offers(name, true));
            session.ask("STARTTLS", "220 2.0.0 Ready to start TLS");
            session.secure(name, tls);
        }
        session.ask(&format!("EHLO {helo}"), &mta.offers(name, false));
        if works {
            session.ask("AUTH PLAIN AGFsaWNlAG9wZW5zZXNhbWU=", "235 2.7.0 Accepted");
            for _ in 0..letters {
                session.ask("MAIL FROM:<alice@example.com>", mta.ok());
                session.ask("RCPT TO:<bob@example.org>", mta.ok());
                session.ask("DATA", "354 Go ahead");
                let octets = self.dice.between(300, 6000);
                session.say(&text("alice@example.com", "bob@example.org", octets));
                session.reply(mta.queued());
            }
        } else {
            session.ask(
                "AUTH PLAIN AGFsaWNlAG9wZW5zZXNhbWU=",
                "535 5.7.8 Error: authentication failed",
            );
        }
        session.bye(true);
        self.finish(session)
    }

    /// Takes a letter from an outside client on port 25.
    pub(super) fn accept(&mut self, at: Timestamp, peer: IpAddr, domain: &str, named: &str) {
        let from = Endpoint::new(peer, self.dice.word(32_768));
        let tcp = Conversation::new(at, from, Endpoint::new(self.address, 25));
        let mut session = Session {
            tcp: tcp.round_trip(1),
            secret: None,
            tickets: &[],
        };
        session.tcp.wait(30).open();
        session.reply(&format!("220 {named} ESMTP"));
        session.ask(
            "EHLO mail.example.net",
            &format!("250-{named}\n250 PIPELINING"),
        );
        session.ask("MAIL FROM:<carol@example.net>", "250 2.1.0 Ok");
        session.ask(&format!("RCPT TO:<office@{domain}>"), "250 2.1.5 Ok");
        session.ask("DATA", "354 Go ahead");
        session.say(&text("carol@example.net", domain, 900));
        session.reply("250 2.0.0 Ok");
        session.bye(true);
        self.finish(session);
    }
}

/// A letter of about so many octets, with its dot.
fn text(from: &str, to: &str, octets: u32) -> String {
    let mut text = format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: Notes\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
    );
    while text.len() < octets as usize {
        text.push_str("The minutes are on the shelf by the window, as they always were.\r\n");
    }
    text.push_str(".\r\n");
    text
}
