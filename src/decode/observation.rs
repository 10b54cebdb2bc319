//! What a packet says, and about whom: the vocabulary between decoding and counting.

use super::dns::{self, Message};
use super::malformed::Malformed;
use super::packet::{Packet, Segment, Transport};
use super::smtp::Side;
use crate::host::HostAddr;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// UDP and TCP port of the DNS (RFC 1035 section 4.2).
pub const DNS: u16 = 53;

/// TCP and UDP port of DNS over TLS (RFC 7858 section 3.1) and over QUIC (RFC 9250 section 4.1.1).
pub const ENCRYPTED_DNS: u16 = 853;

/// TCP port of HTTPS, where DNS may be hidden (RFC 8484).
pub(super) const HTTPS: u16 = 443;

/// TCP ports of chat servers (IRC): those in use since RFC 1459, one that many networks have
/// beside them, and that of IRC in TLS.
pub(super) const IRC: [u16; 12] = [
    6660, 6661, 6662, 6663, 6664, 6665, 6666, 6667, 6668, 6669, IRC_IN_TLS, 7000,
];

/// TCP port of IRC in TLS (RFC 7194).
pub const IRC_IN_TLS: u16 = 6697;

/// TCP ports of mailboxes: POP3 and IMAP (RFC 1939, RFC 9051).
pub(super) const MAILBOX: [u16; 2] = [110, 143];

/// Both in TLS (RFC 8314).
pub(super) const MAILBOX_IN_TLS: [u16; 2] = [993, 995];

/// A client's segment on a mailbox port without TLS that is longer than this is no command line
/// (RFC 2449 section 4: 255 octets), but a letter on its way to a folder.
const COMMAND: usize = 255;

/// What a TCP port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Service {
    /// The DNS.
    Dns,
    /// Mail.
    Mail,
    /// Chat.
    Irc,
    /// A mailbox.
    Mailbox,
    /// DNS over TLS.
    EncryptedDns,
    /// The web, of which only the beginnings of TLS are looked at.
    Web,
}

impl Service {
    /// Whether its connections are followed; of the others single packets tell all.
    #[must_use]
    pub fn is_followed(self) -> bool {
        matches!(self, Self::Dns | Self::Mail | Self::Irc)
    }

    /// Of two ports in use, who has the smaller rank is the server: ports of chat servers are
    /// also those that clients of mail servers connect from.
    fn rank(self) -> bool {
        !matches!(self, Self::Dns | Self::Mail)
    }
}

/// The TCP ports that mail goes to, and whatever else is looked at.
#[derive(Clone, PartialEq, Eq)]
pub struct MailPorts {
    /// A bit for each port: one look for any number of them.
    mail: Arc<[u64; 1024]>,
    /// Likewise of all ports that are looked at.
    all: Arc<[u64; 1024]>,
}

impl MailPorts {
    /// Mail transport and submission (RFC 5321, RFC 8314, RFC 6409).
    pub const DEFAULT: [u16; 3] = [25, 465, 587];

    /// These ports and no others; that of the DNS cannot be one.
    #[must_use]
    pub fn new(ports: impl IntoIterator<Item = u16>) -> Self {
        fn set(bits: &mut [u64; 1024], port: u16) {
            if let Some(word) = bits.get_mut(usize::from(port / 64)) {
                *word |= 1 << (port % 64);
            }
        }
        let mut mail = [0_u64; 1024];
        for port in ports.into_iter().filter(|port| *port != DNS) {
            set(&mut mail, port);
        }
        let mut all = mail;
        for port in [DNS, ENCRYPTED_DNS, HTTPS]
            .into_iter()
            .chain(IRC)
            .chain(MAILBOX)
            .chain(MAILBOX_IN_TLS)
        {
            set(&mut all, port);
        }
        Self {
            mail: Arc::new(mail),
            all: Arc::new(all),
        }
    }

    /// What a port is for; what the operator calls a mail port is one.
    #[must_use]
    #[inline]
    pub fn service(&self, port: u16) -> Option<Service> {
        has(&self.all, port).then(|| self.known(port))
    }

    /// What a port is for that is looked at.
    fn known(&self, port: u16) -> Service {
        match port {
            DNS => Service::Dns,
            _ if self.contains(port) => Service::Mail,
            HTTPS => Service::Web,
            ENCRYPTED_DNS => Service::EncryptedDns,
            _ if MAILBOX.contains(&port) || MAILBOX_IN_TLS.contains(&port) => Service::Mailbox,
            _ => Service::Irc,
        }
    }

    /// Whether mail goes to this port.
    #[must_use]
    #[inline]
    pub fn contains(&self, port: u16) -> bool {
        has(&self.mail, port)
    }

    /// The ports, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0..=u16::MAX).filter(|port| self.contains(*port))
    }
}

#[inline]
fn has(bits: &[u64; 1024], port: u16) -> bool {
    let word = bits.get(usize::from(port / 64));
    word.is_some_and(|word| word >> (port % 64) & 1 != 0)
}

impl Default for MailPorts {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

impl std::fmt::Debug for MailPorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What is to be done with a packet, by its ports alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Counts for this host, whose traffic all goes the same way.
    Host(HostAddr),
    /// Nothing that mxray reads.
    Ignored,
}

/// Whose packet this is. Only the ports are looked at, and where they are alike the QR bit
/// of UDP or the flags of TCP; of what may be encrypted DNS the first octets.
#[must_use]
#[inline]
pub fn route(packet: &Packet<'_>, mail: &MailPorts) -> Route {
    match packet.transport {
        Transport::Udp => match (packet.src_port, packet.dst_port) {
            (DNS, DNS) if reply_bit(packet.payload) => Route::Host(packet.dst),
            (_, DNS) => Route::Host(packet.src),
            (DNS, _) => Route::Host(packet.dst),
            (ENCRYPTED_DNS, _) if is_quic_handshake(packet.payload) => Route::Host(packet.dst),
            _ => Route::Ignored,
        },
        Transport::Tcp(segment) => match sender(packet, segment, mail) {
            Some((side, service)) if is_of_use(packet, segment, side, service) => match side {
                Side::Client => Route::Host(packet.src),
                Side::Server => Route::Host(packet.dst),
            },
            _ => Route::Ignored,
        },
    }
}

/// Which end of a connection sent this segment, and what for; `None` where it is none of ours.
///
/// Of two ports that are both ours the flags of the handshake tell, and after it the lower
/// one is the server's, as in nearly all there is. Two equal ports are those of old servers
/// among themselves, of which the lower address is then taken for the client's.
#[must_use]
#[inline]
pub fn sender(packet: &Packet<'_>, segment: Segment, mail: &MailPorts) -> Option<(Side, Service)> {
    match (mail.service(packet.src_port), mail.service(packet.dst_port)) {
        (None, None) => None,
        (None, Some(service)) => Some((Side::Client, service)),
        (Some(service), None) => Some((Side::Server, service)),
        (Some(src), Some(dst)) => {
            let to = (dst.rank(), packet.dst_port, packet.src);
            let from = (src.rank(), packet.src_port, packet.dst);
            let client = match segment.flags & (Segment::SYN | Segment::ACK) {
                Segment::SYN => true,
                flags if flags & Segment::SYN != 0 => false,
                _ => to < from,
            };
            Some(if client {
                (Side::Client, dst)
            } else {
                (Side::Server, src)
            })
        }
    }
}

/// Whether a segment says something that is looked at.
#[inline]
fn is_of_use(packet: &Packet<'_>, segment: Segment, side: Side, service: Service) -> bool {
    match (service, side) {
        (Service::Dns | Service::Mail, _) => true,
        // A program's own port may be one of these; no client has one of a system's services.
        (Service::Irc, Side::Client) => packet.src_port >= 1024,
        // What the server of a chat says is passed over.
        (Service::Irc, Side::Server) => {
            let begins = segment.has(Segment::SYN | Segment::ACK);
            let ends = segment.flags & (Segment::FIN | Segment::RST) != 0;
            packet.dst_port >= 1024 && (begins || ends)
        }
        (Service::Web | Service::EncryptedDns, Side::Client) => is_client_hello(packet.payload),
        (Service::Web, Side::Server) => false,
        (Service::Mailbox | Service::EncryptedDns, Side::Server) => {
            segment.has(Segment::SYN | Segment::ACK)
        }
        // Where the server's packets are not mirrored, who says something was answered.
        (Service::Mailbox, Side::Client) => {
            let plain = MAILBOX.contains(&packet.dst_port);
            let command = plain && (1..=COMMAND).contains(&packet.payload.len());
            command || is_client_hello(packet.payload)
        }
    }
}

/// Whether a segment begins with a TLS record that begins with a `ClientHello` (RFC 8446 sections
/// 4 and 5.1).
#[inline]
fn is_client_hello(payload: &[u8]) -> bool {
    matches!(payload, [0x16, 3, _, _, _, 1, ..])
}

/// Whether a datagram is of QUIC's handshake: a long header with the fixed bit (RFC 9000 section
/// 17.2).
#[inline]
fn is_quic_handshake(payload: &[u8]) -> bool {
    payload.first().is_some_and(|first| first & 0xc0 == 0xc0)
}

fn reply_bit(payload: &[u8]) -> bool {
    payload.get(2).is_some_and(|flags| flags & 0x80 != 0)
}

/// What a routed packet says.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// Who says it.
    pub by: By,
    /// What.
    pub message: Message<'a>,
}

/// Which way a DNS message goes, as seen from the host that it counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The host asks: a message with QR = 0 to port 53.
    Host,
    /// The host is answered: a message with QR = 1 from port 53.
    Server,
    /// A message whose direction its ports deny: evidence of nothing.
    Nobody,
}

/// Decodes a routed packet.
///
/// # Errors
/// Says what is broken where not even a message header can be read.
#[expect(
    clippy::inline_always,
    reason = "on the way of every message: a call would put it into memory, and copy it out again"
)]
#[inline(always)]
pub fn observe<'a>(packet: &Packet<'a>) -> Result<Observation<'a>, Malformed> {
    let message = dns::decode(packet.payload)?;
    let by = match message.header.is_reply() {
        false if packet.dst_port == DNS => By::Host,
        true if packet.src_port == DNS => By::Server,
        _ => By::Nobody,
    };
    Ok(Observation { by, message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Origin;
    use crate::decode::packet::LinkTag;
    use crate::time::Timestamp;

    const HOST: HostAddr = HostAddr::from_v4([192, 0, 2, 1]);
    const SERVER: HostAddr = HostAddr::from_v4([198, 51, 100, 1]);

    /// Whose the packet is that goes from `src_port` of the host to `dst_port` of the server.
    fn whose(ports: (u16, u16), flags: u8, payload: &[u8]) -> Option<HostAddr> {
        let segment = Segment {
            flags,
            ..Segment::default()
        };
        routed(ports, Transport::Tcp(segment), payload)
    }

    fn routed(
        (src_port, dst_port): (u16, u16),
        transport: Transport,
        payload: &[u8],
    ) -> Option<HostAddr> {
        let packet = Packet {
            time: Timestamp::MIN,
            origin: Origin::default(),
            tag: LinkTag::default(),
            src: HOST,
            dst: SERVER,
            transport,
            src_port,
            dst_port,
            missing: 0,
            payload,
        };
        match route(&packet, &MailPorts::default()) {
            Route::Host(host) => Some(host),
            Route::Ignored => None,
        }
    }

    const HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

    #[test]
    fn of_the_web_only_hellos_of_clients() {
        assert_eq!(whose((40_000, 443), Segment::ACK, HELLO), Some(HOST));
        for (ports, flags, payload) in [
            ((40_000, 443), Segment::SYN, &b""[..]),
            ((40_000, 443), Segment::ACK, b"\x17\x03\x03\x02\x00\x01"),
            ((40_000, 443), Segment::ACK, b"\x16\x03\x01\x02\x00\x02"),
            ((40_000, 443), Segment::ACK, b"\x16\x03\x01\x02"),
            ((443, 40_000), Segment::ACK, HELLO),
        ] {
            assert_eq!(whose(ports, flags, payload), None, "{ports:?} {payload:?}");
        }
    }

    #[test]
    fn of_mailboxes_and_hidden_dns_what_shows_an_answer() {
        let answer = Segment::SYN | Segment::ACK;
        for port in [110, 143, 993, 995, 853] {
            assert_eq!(whose((port, 40_000), answer, b""), Some(SERVER));
            assert_eq!(whose((port, 40_000), Segment::ACK, b"+OK"), None);
            assert_eq!(
                whose((port, 40_000), Segment::RST | Segment::ACK, b""),
                None
            );
            assert_eq!(whose((40_000, port), Segment::SYN, b""), None);
            assert_eq!(whose((40_000, port), Segment::ACK, HELLO), Some(HOST));
        }
        assert_eq!(
            whose((40_000, 110), Segment::ACK, b"USER u\r\n"),
            Some(HOST)
        );
        assert_eq!(whose((40_000, 143), Segment::ACK, &[b'x'; 1000]), None);
        assert_eq!(whose((40_000, 993), Segment::ACK, b"x"), None);
        assert_eq!(routed((853, 40_000), Transport::Udp, b"\xc0"), Some(SERVER));
        assert_eq!(routed((853, 40_000), Transport::Udp, b"\x40"), None);
        assert_eq!(routed((40_000, 853), Transport::Udp, b"\xc0"), None);
    }

    #[test]
    fn a_client_may_use_a_port_of_chat_servers() {
        for (client, server) in [(6667, 25), (7000, 443), (6660, 993)] {
            let to_server = whose((client, server), Segment::ACK, HELLO);
            assert_eq!(to_server, Some(HOST), "{client} to {server}");
        }
        let chat = MailPorts::new([6667]);
        assert_eq!(chat.service(6667), Some(Service::Mail));
        assert_eq!(MailPorts::default().service(6667), Some(Service::Irc));
        assert_eq!(MailPorts::default().service(80), None);
        for flags in [Segment::SYN, Segment::ACK, Segment::FIN | Segment::ACK] {
            assert_eq!(whose((7000, 80), flags, b"GET"), None);
            assert_eq!(whose((80, 7000), flags, b"HTTP/1.1"), None);
        }
        // Said by a chat server, and passed over.
        assert_eq!(whose((6667, 40_000), Segment::ACK, b":s 001 n"), None);
        assert_eq!(whose((40_000, 6667), Segment::ACK, b"NICK n"), Some(HOST));
    }
}
