//! DHCP for IPv4 (RFC 2131, RFC 2132): the few fields that tell a lease.
//!
//! By hand, since what is needed are two addresses, a type and nothing else: a whole decoder
//! (dhcproto) refuses a lease for a fault in any of its options, and allocates each. smoltcp's
//! reads the same octets in a test.

use super::super::malformed::Malformed;
use super::super::packet::LinkTag;
use super::super::reader::Reader;
use super::{Heard, How, said};
use crate::host::HostAddr;

/// The server's port and the client's (RFC 2131 section 4.1).
const SERVER: u16 = 67;
const CLIENT: u16 = 68;
/// What stands before the options of DHCP, and of plain BOOTP does not (RFC 2131 section 3).
const COOKIE: u32 = 0x6382_5363;
/// Ethernet (RFC 2131 section 2, "htype").
const ETHERNET: [u8; 2] = [1, 6];
/// Options: padding, the end, and the message's type (RFC 2132 sections 3.1, 3.2 and 9.6).
const PAD: u8 = 0;
const END: u8 = 255;
const TYPE: u8 = 53;
/// Types that tell of an address in use.
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const INFORM: u8 = 8;

/// Whether a datagram of these UDP ports may be DHCP; relays send from the server's port.
#[inline]
pub(in super::super) fn is_ports(src: u16, dst: u16) -> bool {
    matches!((src, dst), (CLIENT, SERVER) | (SERVER, CLIENT | SERVER))
}

/// The lease that a server acknowledges, or the address that its client says it has. A client
/// that asks for one has none yet.
///
/// # Errors
/// [`Malformed::Dhcp`] where header or options end too early.
pub(in super::super) fn read(octets: &[u8], tag: LinkTag) -> Heard {
    let mut reader = Reader::new(octets);
    let mut header = || {
        let [op, hardware @ .., _hops] = reader.array::<4>()?;
        reader.skip(8)?; // transaction, seconds, flags
        let (client, yours) = (reader.array()?, reader.array()?);
        reader.skip(8)?; // next server, relay
        let mac = reader.array::<6>()?;
        reader.skip(10 + 64 + 128)?; // padding, server's name, file
        Some((op, hardware, client, yours, mac, reader.u32()?))
    };
    let (op, hardware, client, yours, mac, cookie) = header().ok_or(Malformed::Dhcp)?;
    if cookie != COOKIE || hardware != ETHERNET {
        return Ok(None);
    }
    let addr = match (op, message_type(reader)?) {
        // To an INFORM it leaves out whose address is known (RFC 2131 section 3.4).
        (2, Some(ACK)) if yours == [0; 4] => client,
        (2, Some(ACK)) => yours,
        (1, Some(REQUEST | INFORM)) if tag.mac == Some(mac) => client,
        _ => return Ok(None),
    };
    Ok(said(HostAddr::from_v4(addr), mac, How::Dhcp))
}

/// The first message type among the options; walks no further than they go. `None` where there
/// is none.
fn message_type(mut reader: Reader<'_>) -> Result<Option<u8>, Malformed> {
    while let Some(option) = reader.u8() {
        match option {
            PAD => {}
            END => break,
            _ => {
                let length = usize::from(reader.u8().ok_or(Malformed::Dhcp)?);
                let value = reader.take(length).ok_or(Malformed::Dhcp)?;
                if option == TYPE {
                    return Ok(value.first().copied());
                }
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use smoltcp::wire::{DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, Ipv4Address};

    const MAC: [u8; 6] = [2, 0, 0, 0, 2, 7];
    const NONE: [u8; 4] = [0; 4];
    const LEASE: [u8; 4] = [192, 0, 2, 7];

    /// A message by smoltcp.
    fn message(kind: DhcpMessageType, client: [u8; 4], yours: [u8; 4]) -> Vec<u8> {
        let repr = DhcpRepr {
            message_type: kind,
            transaction_id: 7,
            secs: 0,
            client_hardware_address: EthernetAddress(MAC),
            client_ip: Ipv4Address::from(client),
            your_ip: Ipv4Address::from(yours),
            server_ip: Ipv4Address::UNSPECIFIED,
            router: None,
            subnet_mask: None,
            relay_agent_ip: Ipv4Address::UNSPECIFIED,
            broadcast: false,
            requested_ip: None,
            client_identifier: None,
            server_identifier: None,
            parameter_request_list: None,
            dns_servers: None,
            max_size: None,
            lease_duration: Some(3600),
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
        };
        let mut octets = vec![0; repr.buffer_len()];
        repr.emit(&mut DhcpPacket::new_unchecked(&mut octets))
            .unwrap();
        octets
    }

    fn from(mac: [u8; 6]) -> LinkTag {
        LinkTag {
            mac: Some(mac),
            vlan: None,
        }
    }

    fn told(kind: DhcpMessageType, client: [u8; 4], yours: [u8; 4]) -> Option<String> {
        let said = read(&message(kind, client, yours), from(MAC)).unwrap()?;
        assert_eq!((said.mac, said.how), (MAC, How::Dhcp));
        Some(said.addr.to_string())
    }

    #[test]
    fn a_lease_is_told_by_its_acknowledgement_and_its_renewal() {
        use DhcpMessageType::*;
        let lease = Some("192.0.2.7".to_owned());
        assert_eq!(told(Ack, NONE, LEASE), lease);
        assert_eq!(told(Ack, LEASE, NONE), lease);
        assert_eq!(told(Request, LEASE, NONE), lease);
        assert_eq!(told(Inform, LEASE, NONE), lease);
        assert_eq!(told(Request, NONE, NONE), None);
        for kind in [Discover, Offer, Decline, Nak, Release] {
            assert_eq!(told(kind, LEASE, LEASE), None, "{kind:?}");
        }
    }

    #[test]
    fn a_server_speaks_for_others_and_a_client_only_for_itself() {
        let router = from([2, 0, 0, 0, 0, 1]);
        let ack = message(DhcpMessageType::Ack, NONE, LEASE);
        assert_eq!(read(&ack, router).unwrap().unwrap().mac, MAC);
        let request = message(DhcpMessageType::Request, LEASE, NONE);
        assert_eq!(read(&request, router), Ok(None));
    }

    #[test]
    fn another_protocol_is_of_no_use_and_a_cut_message_is_broken() {
        let whole = message(DhcpMessageType::Ack, NONE, LEASE);
        let type_at = whole.len() - whole.iter().rev().position(|&o| o == TYPE).unwrap() - 1;
        for end in 0..240 {
            assert_eq!(
                read(&whole[..end], from(MAC)),
                Err(Malformed::Dhcp),
                "{end}"
            );
        }
        // Within the option of the type; without it, it is plain BOOTP.
        for end in [type_at + 1, type_at + 2] {
            assert_eq!(
                read(&whole[..end], from(MAC)),
                Err(Malformed::Dhcp),
                "{end}"
            );
        }
        assert_eq!(read(&whole[..240], from(MAC)), Ok(None));
        // Hardware, its addresses' length, the cookie.
        for at in [1, 2, 236] {
            let mut octets = whole.clone();
            octets[at] ^= 0x40;
            assert_eq!(read(&octets, from(MAC)), Ok(None), "{at}");
        }
    }

    proptest! {
        /// Where smoltcp understands a message, its type and addresses are the ones found here.
        #[test]
        fn smoltcp_reads_the_same(
            client in any::<[u8; 4]>(),
            yours in prop_oneof![Just(NONE), any::<[u8; 4]>()],
            kind in 0_u8..10,
            padding in 0_usize..4,
            options in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut octets = message(DhcpMessageType::Ack, client, yours);
            octets.truncate(240);
            octets.extend(vec![PAD; padding]);
            octets.extend([TYPE, 1, kind]);
            octets.extend(&options);
            let packet = DhcpPacket::new_checked(&octets).unwrap();
            let theirs = packet.options().find(|option| option.kind == TYPE);
            let theirs = theirs.and_then(|option| option.data.first().copied());
            prop_assert_eq!(message_type(Reader::at(&octets, 240)), Ok(theirs));
            let addr = if yours == NONE { client } else { yours };
            let expected = (kind == ACK).then(|| said(HostAddr::from_v4(addr), MAC, How::Dhcp));
            prop_assert_eq!(read(&octets, from(MAC)), Ok(expected.flatten()));
        }

        #[test]
        fn no_octets_make_it_panic_or_linger(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&octets, from(MAC));
        }
    }
}
