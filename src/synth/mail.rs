//! SMTP over a [`Conversation`] (RFC 5321): lines of the client, replies of the server, whole
//! letters, in clear or in TLS.

use super::conversation::{Conversation, Side, after};
use super::dice::hash;
use super::packet::Endpoint;
use super::secret::{Asks, Version};
use std::net::{IpAddr, Ipv4Addr};

/// A host of the network that is watched.
pub(super) fn host(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number).into()
}

/// A mail server elsewhere.
pub(super) fn mx(number: u8) -> IpAddr {
    Ipv4Addr::new(198, 51, 100, number).into()
}

/// What most servers offer.
pub(super) const OFFERS: &str = "250-mx.example.net\n250-PIPELINING\n250-SIZE 20971520\n\
    250-8BITMIME\n250-CHUNKING\n250 ENHANCEDSTATUSCODES";
/// The same with STARTTLS and AUTH, as on port 587.
pub(super) const OFFERS_TLS: &str = "250-mx.example.net\n250-PIPELINING\n250-SIZE 20971520\n\
    250-STARTTLS\n250-AUTH PLAIN LOGIN CRAM-MD5\n250 ENHANCEDSTATUSCODES";
/// What a server offers that cannot be sent ahead to.
pub(super) const OFFERS_FEW: &str = "250-mx.example.net\n250 SIZE 20971520";

/// The text of a letter: a header and a few lines, without the dot.
pub(super) fn text(from: &str, to: &str) -> String {
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: Minutes of Monday\r\n\
         Date: Mon, 05 Jan 2026 09:00:00 +0900\r\nMessage-ID: <1.20260105@example.com>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n\
         Dear all,\r\n\r\nthe minutes of our meeting are on the shelf by the window.\r\n\
         Please tell me of mistakes until Friday.\r\n\r\nKind regards\r\n"
    )
}

/// A session of a client with a mail server.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub(super) tcp: Conversation,
    /// TLS is spoken from now on.
    secret: Option<Version>,
}

impl Mail {
    /// A connection that is not opened yet, so many milliseconds after the start.
    pub(super) fn new(millis: i64, client: IpAddr, server: IpAddr, port: u16) -> Self {
        let ports = hash(&format!("{millis} {client} {server} {port}")) % 16_384;
        let from = 49_152 + u16::try_from(ports).expect("a remainder");
        let (from, to) = (Endpoint::new(client, from), Endpoint::new(server, port));
        // Servers are near and far.
        let round_trip = 9 + i64::try_from(ports % 120).expect("a remainder");
        let tcp = Conversation::new(after(millis), from, to).round_trip(round_trip);
        let secret = None;
        Self { tcp, secret }
    }

    /// Opened, and greeted by the server.
    pub(super) fn greeted(millis: i64, client: IpAddr, server: IpAddr, port: u16) -> Self {
        let mut mail = Self::new(millis, client, server, port);
        mail.greet();
        mail
    }

    pub(super) fn greet(&mut self) -> &mut Self {
        self.tcp.open();
        self.reply("220 mx.example.net ESMTP")
    }

    fn send(&mut self, side: Side, octets: &[u8]) {
        match self.secret {
            None => self.tcp.data(side, octets),
            Some(version) => self.tcp.data(side, &version.sealed(octets)),
        };
    }

    /// The client says these octets.
    pub(super) fn say(&mut self, octets: impl AsRef<[u8]>) -> &mut Self {
        self.tcp.wait(3);
        self.send(Side::Client, octets.as_ref());
        self
    }

    /// The client says a line.
    pub(super) fn line(&mut self, line: &str) -> &mut Self {
        self.say(format!("{line}\r\n"))
    }

    /// The server says lines, after it has thought.
    pub(super) fn reply(&mut self, lines: &str) -> &mut Self {
        self.tcp.wait(12);
        let octets = format!("{}\r\n", lines.replace('\n', "\r\n"));
        self.send(Side::Server, octets.as_bytes());
        self
    }

    /// A line and the reply.
    pub(super) fn ask(&mut self, line: &str, reply: &str) -> &mut Self {
        self.line(line).reply(reply)
    }

    /// EHLO with what most servers offer.
    pub(super) fn ehlo(&mut self, name: &str) -> &mut Self {
        self.ask(&format!("EHLO {name}"), OFFERS)
    }

    pub(super) fn from(&mut self, address: &str) -> &mut Self {
        self.ask(&format!("MAIL FROM:<{address}>"), "250 2.1.0 Ok")
    }

    pub(super) fn to(&mut self, address: &str) -> &mut Self {
        self.ask(&format!("RCPT TO:<{address}>"), "250 2.1.5 Ok")
    }

    /// DATA, the octets of a message with its dot, and the reply.
    pub(super) fn data(&mut self, octets: impl AsRef<[u8]>) -> &mut Self {
        self.ask("DATA", "354 End data with <CR><LF>.<CR><LF>")
            .say(octets);
        self.tcp.wait(120);
        self.reply("250 2.0.0 Ok: queued as 4Q1x")
    }

    /// A whole letter: MAIL, RCPT for each of `to`, DATA, and all is accepted.
    pub(super) fn letter(&mut self, from: &str, to: &[&str]) -> &mut Self {
        self.from(from);
        for address in to {
            self.to(address);
        }
        let text = text(from, to.first().unwrap_or(&""));
        self.data(format!("{text}.\r\n"))
    }

    /// QUIT, and both close.
    pub(super) fn quit(&mut self) -> &mut Self {
        self.ask("QUIT", "221 2.0.0 Bye");
        self.tcp.close(Side::Server);
        self
    }

    /// The client closes without a word.
    pub(super) fn hang_up(&mut self) -> &mut Self {
        self.tcp.wait(3).close(Side::Client);
        self
    }

    /// The TLS handshake, and TLS from then on.
    pub(super) fn secure(&mut self, asks: Asks<'_>) -> &mut Self {
        self.secure_in(asks.version, &asks.records(), &[])
    }

    /// The same with a first flight of the client in segments of those sizes.
    pub(super) fn secure_in(
        &mut self,
        version: Version,
        hello: &[u8],
        sizes: &[usize],
    ) -> &mut Self {
        self.tcp.wait(2).pieces(Side::Client, hello, sizes);
        self.tcp.wait(4);
        self.tcp.data(Side::Server, &version.server_flight());
        self.tcp.wait(2);
        self.tcp.data(Side::Client, &version.client_finished());
        self.secret = Some(version);
        self
    }

    /// STARTTLS, accepted, and the handshake.
    pub(super) fn starttls(&mut self, asks: Asks<'_>) -> &mut Self {
        self.ask("STARTTLS", "220 2.0.0 Ready to start TLS")
            .secure(asks)
    }

    pub(super) fn done(&self) -> Conversation {
        self.tcp.clone()
    }
}
