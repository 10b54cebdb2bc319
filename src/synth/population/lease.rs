//! A change of address by DHCP (RFC 2131), as a segment sees it.

use super::super::packet::{Endpoint, udp};
use super::host::{Host, MILLI};
use crate::time::Timestamp;
use std::net::Ipv4Addr;

impl Host {
    /// From `at` it has the address `new`: DHCPACK, then a gratuitous ARP (RFC 5227).
    pub(super) fn leased(&mut self, at: Timestamp, old: Ipv4Addr, new: Ipv4Addr) {
        let server = Ipv4Addr::new(old.octets()[0], old.octets()[1], 0, 1);
        let mut body = vec![2, 1, 6, 0, 0x3a, 0x1b, 0x55, 0x07, 0, 0, 0, 0];
        body.extend_from_slice(&[0; 4]); // ciaddr
        body.extend_from_slice(&new.octets());
        body.extend_from_slice(&server.octets());
        body.extend_from_slice(&[0; 4]); // giaddr
        body.extend_from_slice(&self.mac);
        body.extend_from_slice(&[0; 10 + 64 + 128]);
        body.extend_from_slice(&[99, 130, 83, 99, 53, 1, 5, 54, 4]);
        body.extend_from_slice(&server.octets());
        body.extend_from_slice(&[51, 4, 0, 0, 0x0e, 0x10, 255]);
        self.move_to(new.into());
        let ack = udp(Endpoint::new(server, 67), Endpoint::new(new, 68), &body);
        self.frame(at, ack);
        let mut arp = [[0xff; 6], self.mac].concat();
        arp.extend_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        arp.extend_from_slice(&self.mac);
        arp.extend_from_slice(&new.octets());
        arp.extend_from_slice(&[0; 6]);
        arp.extend_from_slice(&new.octets());
        self.raw(at.plus_nanos(20 * MILLI), arp);
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::World;
    use super::super::{Family, Place};
    use super::*;

    #[test]
    fn an_acknowledgment_and_a_gratuitous_arp() {
        let family = Family::Reed;
        let mut host = Host::new(World { family }, Place(3), "lease");
        let (old, new) = (Ipv4Addr::new(10, 1, 1, 4), Ipv4Addr::new(10, 1, 101, 4));
        host.leased(Host::at(0), old, new);
        let [ack, arp] = &host.frames[..] else {
            panic!("two frames")
        };
        assert_eq!(ack.octets[42 + 16..42 + 20], new.octets());
        assert_eq!(ack.octets[42 + 28..42 + 34], host.mac);
        assert_eq!(arp.octets.len(), 42);
        assert_eq!(arp.octets[22..28], host.mac);
        assert_eq!(arp.octets[28..32], new.octets());
    }
}
