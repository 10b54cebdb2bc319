//! A LAN: stations with Ethernet addresses, who say which IP address is theirs, ask the DNS and
//! send mail over the one router.

use super::conversation::after;
use super::mail::{Mail, OFFERS};
use super::message::{Data, Message, QR, RA, RD, kind};
use super::names;
use super::packet::{Capture, Endpoint, Packet, udp};
use etherparse::icmpv6::{NeighborAdvertisementHeader, RouterAdvertisementHeader};
use etherparse::{ArpHardwareId, ArpOperation, ArpPacket, EtherType, Icmpv6Type, PacketBuilder};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An Ethernet address.
pub(super) type Mac = [u8; 6];
/// The router's.
pub(super) const ROUTER: Mac = [0x02, 0, 0, 0, 0, 1];
pub(super) const ALL: Mac = [0xff; 6];
/// The group of all nodes (RFC 4291 section 2.7.1), and its Ethernet address (RFC 2464 section 7).
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: Mac = [0x33, 0x33, 0, 0, 0, 1];
/// Message types of DHCP (RFC 2132 section 9.6).
pub(super) const DISCOVER: u8 = 1;
pub(super) const OFFER: u8 = 2;
pub(super) const REQUEST: u8 = 3;
pub(super) const ACK: u8 = 5;

/// A station of the LAN.
pub(super) fn station(number: u8) -> Mac {
    [0x02, 0, 0, 0, 2, number]
}

/// An ARP packet in Ethernet, as its sender sends it.
pub(super) fn arp(operation: ArpOperation, from: (Mac, Ipv4Addr), to: (Mac, Ipv4Addr)) -> Vec<u8> {
    let packet = ArpPacket::new(
        ArpHardwareId::ETHERNET,
        EtherType::IPV4,
        operation,
        &from.0,
        &from.1.octets(),
        &if operation == ArpOperation::REQUEST {
            [0; 6]
        } else {
            to.0
        },
        &to.1.octets(),
    );
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(from.0, to.0)
        .arp(packet.expect("addresses of the same lengths"))
        .write(&mut frame)
        .expect("memory takes all");
    // Ethernet's shortest frame (IEEE 802.3 section 3.2.8) has 60 octets before its check.
    frame.resize(60, 0);
    frame
}

/// "Who has `target`?"
pub(super) fn who_has(from: (Mac, Ipv4Addr), target: Ipv4Addr) -> Vec<u8> {
    arp(ArpOperation::REQUEST, from, (ALL, target))
}

/// A message of neighbour discovery to all nodes, on the link.
pub(super) fn discovery(
    mac: Mac,
    from: Ipv6Addr,
    kind: Icmpv6Type,
    body: &[u8],
    hops: u8,
) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(mac, ALL_NODES_MAC)
        .ipv6(from.octets(), ALL_NODES.octets(), hops)
        .icmpv6(kind)
        .write(&mut frame, body)
        .expect("memory takes all");
    frame
}

/// An address, and an option with the sender's own Ethernet address (RFC 4861 section 4.6.1).
pub(super) fn with_option(address: Option<Ipv6Addr>, option: u8, mac: Mac) -> Vec<u8> {
    let mut body = address.map_or(Vec::new(), |address| address.octets().to_vec());
    body.extend([option, 1]);
    body.extend(mac);
    body
}

/// Duplicate address detection (RFC 4862 section 5.4.2): nobody asks for the address that it
/// would have.
pub(super) fn tries(mac: Mac, address: Ipv6Addr) -> Vec<u8> {
    let kind = Icmpv6Type::NeighborSolicitation;
    discovery(mac, Ipv6Addr::UNSPECIFIED, kind, &address.octets(), 255)
}

/// "Who has `target`?"
pub(super) fn solicits(mac: Mac, from: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let body = with_option(Some(target), 1, mac);
    discovery(mac, from, Icmpv6Type::NeighborSolicitation, &body, 255)
}

/// "I have `target`."
pub(super) fn advertises(mac: Mac, target: Ipv6Addr) -> Vec<u8> {
    let kind = Icmpv6Type::NeighborAdvertisement(NeighborAdvertisementHeader {
        router: false,
        solicited: false,
        r#override: true,
    });
    discovery(mac, target, kind, &with_option(Some(target), 2, mac), 255)
}

/// A router's advertisement, for half an hour.
pub(super) fn routes(mac: Mac, from: Ipv6Addr) -> Vec<u8> {
    let kind = Icmpv6Type::RouterAdvertisement(RouterAdvertisementHeader {
        cur_hop_limit: 64,
        managed_address_config: false,
        other_config: false,
        router_lifetime: 1800,
    });
    // Reachable and retransmission time: not said.
    let body = [vec![0; 8], with_option(None, 1, mac)].concat();
    discovery(mac, from, kind, &body, 255)
}

/// A DHCP message (RFC 2131 section 2): who sends it to whom, the client's Ethernet address, and
/// its and its future IP address.
pub(super) fn dhcp(
    kind: u8,
    (mac, from): (Mac, Ipv4Addr),
    to: Ipv4Addr,
    client: Mac,
    [has, gets]: [Ipv4Addr; 2],
) -> Vec<u8> {
    let reply = matches!(kind, OFFER | ACK);
    let mut message = vec![if reply { 2 } else { 1 }, 1, 6, 0];
    message.extend([0x39, 0x03, 0xf3, 0x26, 0, 0, 0, 0]); // transaction, seconds, flags
    message.extend(has.octets());
    message.extend(gets.octets());
    message.extend([0; 8]); // next server, relay
    message.extend(client);
    message.extend([0; 10 + 64 + 128]); // padding, server's name, file
    message.extend([0x63, 0x82, 0x53, 0x63]);
    message.extend([53, 1, kind]);
    if reply {
        message.extend([51, 4, 0, 0, 0x0e, 0x10]); // a lease of an hour
    }
    message.push(255);
    let ports = if reply { (67, 68) } else { (68, 67) };
    let frame = udp(
        Endpoint::new(from, ports.0),
        Endpoint::new(to, ports.1),
        &message,
    );
    between(frame, mac, ALL)
}

/// The frame with these ends.
pub(super) fn between(mut frame: Vec<u8>, from: Mac, to: Mac) -> Vec<u8> {
    frame.splice(0..12, [to, from].concat());
    frame
}

/// What is sent on the LAN, in any order.
#[derive(Debug, Default)]
pub(super) struct Lan {
    packets: Vec<Packet>,
}

impl Lan {
    /// A frame, so many milliseconds after the start of all cases.
    pub(super) fn frame(&mut self, millis: i64, octets: Vec<u8>) {
        self.packets.push(Packet::new(after(millis), octets));
    }

    /// A station gets a lease of `server` (four messages), probes it and announces it (RFC 5227).
    pub(super) fn lease(
        &mut self,
        millis: i64,
        client: Mac,
        gets: Ipv4Addr,
        server: (Mac, Ipv4Addr),
    ) {
        const NONE: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
        const EVERYBODY: Ipv4Addr = Ipv4Addr::BROADCAST;
        let asks = |kind| dhcp(kind, (client, NONE), EVERYBODY, client, [NONE; 2]);
        let grants = |kind| dhcp(kind, server, gets, client, [NONE, gets]);
        self.frame(millis, asks(DISCOVER));
        self.frame(millis + 20, grants(OFFER));
        self.frame(millis + 30, asks(REQUEST));
        self.frame(millis + 50, grants(ACK));
        self.frame(millis + 100, who_has((client, NONE), gets));
        self.frame(millis + 1100, who_has((client, gets), gets));
    }

    /// A question over the router, and its answer; what was answered.
    pub(super) fn ask(
        &mut self,
        millis: i64,
        (mac, from): (Mac, IpAddr),
        resolver: IpAddr,
        name: &str,
        kind: u16,
    ) -> Vec<Data> {
        let port = 32_768 + u16::try_from(millis % 28_000).expect("a remainder");
        let id = u16::try_from(millis % 65_521).expect("a remainder");
        let (client, server) = (Endpoint::new(from, port), Endpoint::new(resolver, 53));
        let reply = names::answer(name, kind);
        let question = Message::new(id, RD).question(name, kind);
        let answer = Message::new(id, QR | RD | RA | reply.flags)
            .question(name, kind)
            .reply(&reply);
        let question = udp(client, server, &question.octets());
        let answer = udp(server, client, &answer.octets());
        self.frame(millis, between(question, mac, ROUTER));
        self.frame(millis + 11, between(answer, ROUTER, mac));
        reply
            .answers
            .into_iter()
            .map(|record| record.data)
            .collect()
    }

    /// Asks for a domain's exchangers and the first one's address, and tries to hand over spam
    /// there, or at the domain itself: a third each is not answered, refused, taken.
    pub(super) fn spam(&mut self, millis: i64, who: (Mac, IpAddr), resolver: IpAddr, number: u32) {
        let domain = names::domain(number);
        let exchangers = self.ask(millis, who, resolver, &domain, kind::MX);
        let host = exchangers.into_iter().find_map(|data| match data {
            Data::Mx(_, host) => Some(host),
            _ => None,
        });
        let host = host.unwrap_or(domain);
        let address = if who.1.is_ipv4() { kind::A } else { kind::AAAA };
        self.ask(millis + 40, who, resolver, &host, address);
        // Where it is does not matter here, only that each is elsewhere.
        let low = u8::try_from(number % 200 + 20).expect("under 220");
        let server: IpAddr = match who.1 {
            IpAddr::V4(_) => Ipv4Addr::new(203, 0, 113, low).into(),
            IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0x25, 0, 0, 0, 0, low.into()).into(),
        };
        let mut mail = Mail::new(millis + 100, who.1, server, 25);
        match number % 3 {
            0 => {
                mail.tcp.unanswered(&[0, 3000, 9000]);
            }
            stage => {
                mail.greet().ask("EHLO localhost", OFFERS);
                mail.from(&format!("promo@shop{number}.test"));
                if stage == 1 {
                    mail.ask(
                        "RCPT TO:<info@victim.test>",
                        "550 5.1.1 <info@victim.test>: User unknown",
                    );
                } else {
                    mail.to("info@victim.test");
                    mail.data("Subject: Cheap watches\r\n\r\nOnly today.\r\n.\r\n");
                }
                mail.hang_up();
            }
        }
        let client = Endpoint::new(who.1, 0).mac();
        for mut packet in mail.done().packets() {
            let sent = packet.octets.get(6..12) == Some(&client[..]);
            let (from, to) = if sent {
                (who.0, ROUTER)
            } else {
                (ROUTER, who.0)
            };
            packet.octets = between(packet.octets, from, to);
            self.packets.push(packet);
        }
    }

    /// All of it in order of time.
    pub(super) fn capture(mut self) -> Capture {
        self.packets.sort_by_key(|packet| packet.time);
        Capture::ethernet(self.packets)
    }
}
