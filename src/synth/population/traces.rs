//! What else a host leaves on the wire: an IRC channel, DNS hidden in HTTPS, and the lookups
//! of its name by those whom it turned to.

use super::super::conversation::{Conversation, Side};
use super::super::message::{Data, Message, NXDOMAIN, QR, Reply, kind};
use super::super::packet::{Endpoint, udp};
use super::super::secret::Asks;
use super::host::{Host, MILLI, seconds};
use super::relays::reversed;
use super::world::records;
use crate::time::Timestamp;
use std::net::IpAddr;

impl Host {
    /// Registers with an IRC server outside and joins a channel (RFC 2812).
    pub(super) fn irc(&mut self, at: Timestamp) {
        let port = *self.dice.pick(&[6667, 6667, 6668, 6660, 7000]);
        let number = self.dice.below(9);
        let server = self.outside(&format!("irc {number}"));
        let from = Endpoint::new(self.address, self.dice.word(32_768));
        let nick = format!(
            "{}{}",
            self.dice.pick(&["JPN", "usr", "anna", "XP-", "bob_"]),
            self.dice.below(99_999)
        );
        let mut tcp = Conversation::new(at, from, Endpoint::new(server, port));
        let hello = format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n");
        tcp.open().data(Side::Client, hello.as_bytes());
        let welcome = format!(":irc.example.net 001 {nick} :Welcome\r\n");
        tcp.wait(80).data(Side::Server, welcome.as_bytes());
        let channel = format!(
            "#{}",
            self.dice.pick(&["x", "rbot", "linux", "help", "ops"])
        );
        tcp.wait(20)
            .data(Side::Client, format!("JOIN {channel}\r\n").as_bytes());
        for _ in 0..self.dice.between(1, 10) {
            tcp.wait(120_000)
                .data(Side::Server, b"PING :irc.example.net\r\n");
            tcp.data(Side::Client, b"PONG :irc.example.net\r\n");
        }
        tcp.close(Side::Client);
        self.take(tcp.packets());
    }

    /// Asks its questions by HTTPS (RFC 8484) of one of the known resolvers.
    pub(super) fn hide_dns(&mut self, at: Timestamp) {
        let names = [
            "dns.google",
            "cloudflare-dns.com",
            "mozilla.cloudflare-dns.com",
            "dns.quad9.net",
        ];
        let name = *self.dice.pick(&names);
        let from = Endpoint::new(self.address, self.dice.word(32_768));
        let server = Endpoint::new(self.outside(name), 443);
        let asks = Asks::name(name);
        let mut tcp = Conversation::new(at, from, server);
        tcp.open().data(Side::Client, &asks.records());
        tcp.data(Side::Server, &asks.version.server_flight());
        tcp.data(Side::Client, &asks.version.client_finished());
        for _ in 0..self.dice.between(2, 20) {
            tcp.wait(900)
                .data(Side::Client, &asks.version.sealed(&[0; 120]));
            tcp.wait(5)
                .data(Side::Server, &asks.version.sealed(&[0; 300]));
        }
        tcp.close(Side::Client);
        self.take(tcp.packets());
    }

    /// A server that it turned to asks for its name, where the site's name server is seen.
    pub(super) fn looked_up(&mut self, at: Timestamp, by: IpAddr) {
        let IpAddr::V4(here) = self.address else {
            return;
        };
        if !self.dice.chance(self.known_outside) {
            return;
        }
        let asker = self.world.v4(&format!("resolver of {by}"));
        let asker = Endpoint::new(asker, self.dice.word(1025));
        let server = Endpoint::new(self.world.family.resolver(), 53);
        let id = self.dice.word(0);
        let name = format!("{}.in-addr.arpa", reversed(here.octets()));
        let reply = if self.dice.chance(700) {
            records(
                &name,
                [Data::Ptr(format!("host.{}", self.world.living(3_000_000)))],
            )
        } else {
            Reply {
                flags: NXDOMAIN,
                ..Reply::default()
            }
        };
        let query = Message::new(id, 0).question(&name, kind::PTR).octets();
        let said = Message::new(id, QR | reply.flags).question(&name, kind::PTR);
        self.frame(seconds(at, 0), udp(asker, server, &query));
        self.frame(
            at.plus_nanos(MILLI),
            udp(server, asker, &said.reply(&reply).octets()),
        );
    }
}
