//! The address resolution protocol, of IPv4 over Ethernet (RFC 826), by etherparse.

use super::super::malformed::Malformed;
use super::super::packet::LinkTag;
use super::{Heard, How, said};
use crate::host::HostAddr;
use etherparse::{ArpHardwareId, ArpOperation, ArpPacketSlice, EtherType};

/// Whose the sender's address is. A probe has none yet (RFC 5227 section 2.1.1) and says
/// nothing; an announcement is a request of which sender and target are one.
///
/// # Errors
/// [`Malformed::Arp`] where it ends before its addresses do.
pub(in super::super) fn read(octets: &[u8], tag: LinkTag) -> Heard {
    let arp = ArpPacketSlice::from_slice(octets).map_err(|_| Malformed::Arp)?;
    let known = arp.hw_addr_type() == ArpHardwareId::ETHERNET
        && arp.proto_addr_type() == EtherType::IPV4
        && matches!(arp.operation(), ArpOperation::REQUEST | ArpOperation::REPLY);
    let (Ok(mac), Ok(addr)) = (
        <[u8; 6]>::try_from(arp.sender_hw_addr()),
        <[u8; 4]>::try_from(arp.sender_protocol_addr()),
    ) else {
        return Ok(None);
    };
    if !known || tag.mac != Some(mac) {
        return Ok(None);
    }
    Ok(said(HostAddr::from_v4(addr), mac, How::Arp))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 2, 7];

    fn packet(operation: u8, mac: [u8; 6], sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
        let mut octets = vec![0, 1, 8, 0, 6, 4, 0, operation];
        octets.extend(mac);
        octets.extend(sender);
        octets.extend([0; 6]);
        octets.extend(target);
        octets
    }

    fn read_from(mac: [u8; 6], octets: &[u8]) -> Option<String> {
        let tag = LinkTag {
            mac: Some(mac),
            vlan: None,
        };
        let said = read(octets, tag).unwrap()?;
        assert_eq!((said.mac, said.how), (MAC, How::Arp));
        Some(said.addr.to_string())
    }

    #[test]
    fn requests_replies_and_announcements_tell_their_sender_and_probes_nothing() {
        let (host, other) = ([192, 0, 2, 7], [192, 0, 2, 9]);
        let told = Some("192.0.2.7".to_owned());
        assert_eq!(read_from(MAC, &packet(1, MAC, host, other)), told);
        assert_eq!(read_from(MAC, &packet(2, MAC, host, other)), told);
        assert_eq!(read_from(MAC, &packet(1, MAC, host, host)), told);
        assert_eq!(read_from(MAC, &packet(2, MAC, host, host)), told);
        assert_eq!(read_from(MAC, &packet(1, MAC, [0; 4], other)), None);
        // RARP, inverse ARP.
        for operation in [0, 3, 4, 8, 9] {
            assert_eq!(read_from(MAC, &packet(operation, MAC, host, other)), None);
        }
    }

    #[test]
    fn who_speaks_for_others_says_nothing() {
        let octets = packet(2, MAC, [192, 0, 2, 7], [192, 0, 2, 9]);
        assert_eq!(read_from([2, 0, 0, 0, 2, 8], &octets), None);
        assert_eq!(read(&octets, LinkTag::default()), Ok(None));
        for nobody in [[0; 6], [0xff; 6], [1, 0, 0x5e, 0, 0, 1]] {
            let octets = packet(2, nobody, [192, 0, 2, 7], [192, 0, 2, 9]);
            assert_eq!(read_from(nobody, &octets), None);
        }
        for nobody in [[255; 4], [224, 0, 0, 1], [127, 0, 0, 1]] {
            assert_eq!(
                read_from(MAC, &packet(1, MAC, nobody, [192, 0, 2, 9])),
                None
            );
        }
    }

    #[test]
    fn what_is_cut_is_broken_and_what_is_not_ethernet_is_of_no_use() {
        let whole = packet(1, MAC, [192, 0, 2, 7], [192, 0, 2, 9]);
        let tag = LinkTag {
            mac: Some(MAC),
            vlan: None,
        };
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end], tag), Err(Malformed::Arp), "{end}");
        }
        for (at, other) in [(1, 7), (2, 0x86), (4, 5), (5, 3)] {
            let mut octets = whole.clone();
            octets[at] = other;
            assert_eq!(read(&octets, tag), Ok(None), "{at}");
        }
    }
}
