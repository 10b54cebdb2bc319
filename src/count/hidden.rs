//! DNS that cannot be read, and mailboxes: what single packets of other ports tell.
//!
//! Looked at are TCP port 853 (DNS over TLS), UDP port 853 (DNS over QUIC), and on TCP port 443
//! the first segment of TLS, where it has the name of a known resolver. Not seen through are a
//! resolver of another name, a name that lies in a second segment, Encrypted Client Hello, and
//! HTTP/3.

use super::delta::{HiddenDns, Server, What};
use super::doh;
use super::host::HostCounters;
use super::shard_of;
use super::tally::Tally;
use crate::decode::observation::Service;
use crate::decode::packet::Packet;
use crate::decode::smtp::Side;
use crate::decode::tls::ClientHello;
use crate::host::HostAddr;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Hosts with hidden DNS that a shard remembers. One more takes the place of another.
const HOSTS: usize = 1024;

/// Hosts seen to hide their DNS, whether or not they are counted yet: who hides it may be
/// counted first when it begins mail connections, hours later.
#[derive(Debug, Default)]
pub(super) struct Hiders(Vec<HostAddr>);

impl Serialize for Hiders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = self.0.iter().filter(|host| **host != HostAddr::default());
        serializer.collect_seq(known.collect::<Vec<_>>())
    }
}

impl<'de> Deserialize<'de> for Hiders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut hiders = Self::default();
        for host in Vec::<HostAddr>::deserialize(deserializer)? {
            if hiders
                .0
                .get(Self::place(host))
                .is_some_and(|it| *it != HostAddr::default())
            {
                return Err(D::Error::custom("two hosts in one place"));
            }
            hiders.insert(host);
        }
        Ok(hiders)
    }
}

impl Hiders {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "both halves are of 64 bits, and the place is reduced"
    )]
    fn place(host: HostAddr) -> usize {
        let (high, low) = ((host.bits() >> 64) as u64, host.bits() as u64);
        let mixed = (high.rotate_left(29) ^ low).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed >> 32) as usize % HOSTS
    }

    fn insert(&mut self, host: HostAddr) {
        if self.0.is_empty() {
            self.0 = vec![HostAddr::default(); HOSTS];
        }
        self.0[Self::place(host)] = host;
    }

    fn contains(&self, host: HostAddr) -> bool {
        self.0.get(Self::place(host)) == Some(&host)
    }

    /// Notes in a host's counters that it is one.
    pub(super) fn mark(&self, host: HostAddr, counters: &mut HostCounters) {
        if self.contains(host) {
            counters.dns_hidden = Some(true);
        }
    }
}

impl Tally {
    /// Counts a TCP segment of a service that is not followed.
    pub(super) fn glance(&mut self, packet: &Packet<'_>, side: Side, service: Service, late: bool) {
        let (client, client_port, server) = match side {
            Side::Client => (packet.src, packet.src_port, (packet.dst, packet.dst_port)),
            Side::Server => (packet.dst, packet.dst_port, (packet.src, packet.src_port)),
        };
        let (addr, port) = server;
        let server = Server { addr, port };
        match service {
            Service::Mailbox if !late => {
                let what = What::Mailbox { server };
                let key = (client, client_port, what);
                let origin = (packet.origin, packet.time);
                self.tell_once(client, key, origin, (packet.time, client, what));
            }
            Service::EncryptedDns => self.hidden(packet, late, client, server, HiddenDns::Tls),
            Service::Web => {
                let name = ClientHello::first_segment(packet.payload).server_name;
                if name.is_some_and(doh::is_resolver) {
                    self.hidden(packet, late, client, server, HiddenDns::Https);
                } else if let Some(counters) = self.shards[shard_of(client)].hosts.get_mut(client) {
                    counters.dns_hidden.get_or_insert(false);
                }
            }
            _ => {}
        }
    }

    /// Counts a datagram from a server of DNS over QUIC.
    pub(super) fn quic(&mut self, packet: &Packet<'_>, late: bool) {
        let server = Server {
            addr: packet.src,
            port: packet.src_port,
        };
        self.hidden(packet, late, packet.dst, server, HiddenDns::Quic);
    }

    fn hidden(
        &mut self,
        packet: &Packet<'_>,
        late: bool,
        client: HostAddr,
        server: Server,
        kind: HiddenDns,
    ) {
        let shard = &mut self.shards[shard_of(client)];
        shard.hiders.insert(client);
        if late {
            return;
        }
        let what = What::HiddenDns { server, kind };
        let time = packet.time;
        self.tell_once(
            client,
            (client, what),
            (packet.origin, time),
            (time, client, what),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hiders_are_remembered_until_another_takes_the_place() {
        let mut hiders = Hiders::default();
        let host = |n: u32| HostAddr::from_v4(n.to_be_bytes());
        assert!(!hiders.contains(host(7)) && !hiders.contains(HostAddr::default()));
        hiders.insert(host(7));
        assert!(hiders.contains(host(7)) && !hiders.contains(host(8)));
        for other in 1_000..100_000 {
            hiders.insert(host(other));
        }
        assert!(!hiders.contains(host(7)) && hiders.contains(host(99_999)));
        assert_eq!(hiders.0.len(), HOSTS);
    }
}
