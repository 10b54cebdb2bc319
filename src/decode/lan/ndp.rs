//! Neighbour discovery (RFC 4861) and duplicate address detection (RFC 4862), by etherparse.

use super::super::ip::Ip;
use super::super::malformed::Malformed;
use super::super::packet::LinkTag;
use super::{Heard, How, said};
use crate::host::HostAddr;
use etherparse::Icmpv6Slice;
use etherparse::icmpv6::{Icmpv6PayloadSlice, NdpOptionSlice, NdpOptionsIterator};

/// The types of these messages (RFC 4861 section 4).
const TYPES: std::ops::RangeInclusive<u8> = 133..=137;
/// What no router lets pass: the sender is on the link (RFC 4861 section 3.1).
const ON_LINK: u8 = 255;

/// Whose an address is, or who is a router. Other `ICMPv6`, and what came over a router, is of no
/// use.
///
/// # Errors
/// [`Malformed::Ndp`] where the message or one of its options ends too early.
pub(in super::super) fn read(ip: &Ip<'_>, tag: LinkTag) -> Heard {
    if !ip.payload.first().is_some_and(|kind| TYPES.contains(kind)) || ip.hops != ON_LINK {
        return Ok(None);
    }
    let icmp = Icmpv6Slice::from_slice(ip.payload).map_err(|_| Malformed::Ndp)?;
    if icmp.code_u8() != 0 {
        return Ok(None);
    }
    let message = icmp.payload_slice().map_err(|_| Malformed::Ndp)?;
    let target = |octets: std::net::Ipv6Addr| HostAddr::from_v6(octets.octets());
    let unspecified = ip.src == HostAddr::default();
    let (addr, how, options) = match message {
        Icmpv6PayloadSlice::RouterSolicitation(body) => {
            (ip.src, How::Neighbor, body.options_iterator())
        }
        Icmpv6PayloadSlice::RouterAdvertisement(body) => {
            (ip.src, How::Router, body.options_iterator())
        }
        Icmpv6PayloadSlice::Redirect(body) => (ip.src, How::Router, body.options_iterator()),
        // Without a source the target is the address that the sender wants to have.
        Icmpv6PayloadSlice::NeighborSolicitation(body) if unspecified => {
            let addr = target(body.target_address());
            (addr, How::Neighbor, body.options_iterator())
        }
        Icmpv6PayloadSlice::NeighborSolicitation(body) => {
            (ip.src, How::Neighbor, body.options_iterator())
        }
        Icmpv6PayloadSlice::NeighborAdvertisement(body) => {
            let addr = target(body.target_address());
            (addr, How::Neighbor, body.options_iterator())
        }
        _ => return Ok(None),
    };
    let told = own(options, how)?;
    // A redirect's option is of the address that it leads to, not of the sender.
    let Some(mac) = tag.mac.filter(|mac| told.is_none_or(|told| told == mac)) else {
        return Ok(None);
    };
    Ok(said(addr, mac, how))
}

/// The Ethernet address that a message gives for the IP address that it tells.
fn own(options: NdpOptionsIterator<'_>, how: How) -> Result<Option<&[u8]>, Malformed> {
    let mut told = None;
    for option in options {
        let octets = match option.map_err(|_| Malformed::Ndp)? {
            NdpOptionSlice::SourceLinkLayerAddress(option) => option.link_layer_address(),
            NdpOptionSlice::TargetLinkLayerAddress(option) if how == How::Neighbor => {
                option.link_layer_address()
            }
            _ => continue,
        };
        told = told.or(Some(octets));
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 2, 7];
    const ELSE: [u8; 6] = [2, 0, 0, 0, 2, 8];
    const HOST: &str = "2001:db8::7";
    const OTHER: &str = "fe80::9";

    fn octets(addr: &str) -> [u8; 16] {
        addr.parse::<std::net::Ipv6Addr>().unwrap().octets()
    }

    /// Type, code, checksum, flags, and what follows; then an option for an address.
    fn message(kind: u8, body: &[u8], option: Option<(u8, [u8; 6])>) -> Vec<u8> {
        let mut message = vec![kind, 0, 0, 0, 0, 0, 0, 0];
        message.extend(body);
        if let Some((kind, mac)) = option {
            message.extend([kind, 1]);
            message.extend(mac);
        }
        message
    }

    fn heard(src: &str, hops: u8, payload: &[u8]) -> Heard {
        let ip = Ip {
            src: HostAddr::from_v6(octets(src)),
            dst: HostAddr::from_v6(octets("ff02::1")),
            protocol: 58,
            hops,
            part: None,
            missing: 0,
            payload,
        };
        let tag = LinkTag {
            mac: Some(MAC),
            vlan: None,
        };
        read(&ip, tag)
    }

    fn told(src: &str, payload: &[u8]) -> Option<(String, How)> {
        let said = heard(src, 255, payload).unwrap()?;
        assert_eq!(said.mac, MAC);
        Some((said.addr.to_string(), said.how))
    }

    #[test]
    fn solicitations_tell_their_source_and_without_one_their_target() {
        let host = Some((HOST.to_owned(), How::Neighbor));
        let target = octets(OTHER);
        assert_eq!(told(HOST, &message(135, &target, Some((1, MAC)))), host);
        assert_eq!(told(HOST, &message(135, &target, None)), host);
        assert_eq!(told("::", &message(135, &octets(HOST), None)), host);
        assert_eq!(told(HOST, &message(133, &[], Some((1, MAC)))), host);
        assert_eq!(told("::", &message(133, &[], None)), None);
        assert_eq!(told("::", &message(135, &octets("ff02::1"), None)), None);
    }

    #[test]
    fn advertisements_tell_their_target_and_routers_themselves() {
        let host = Some((HOST.to_owned(), How::Neighbor));
        let router = Some((OTHER.to_owned(), How::Router));
        let advertised = octets(HOST);
        assert_eq!(
            told(OTHER, &message(136, &advertised, Some((2, MAC)))),
            host
        );
        assert_eq!(told(OTHER, &message(136, &advertised, None)), host);
        assert_eq!(told(OTHER, &message(134, &[0; 8], Some((1, MAC)))), router);
        assert_eq!(told(OTHER, &message(134, &[0; 8], None)), router);
        let redirect = [octets(HOST), octets(HOST)].concat();
        assert_eq!(
            told(OTHER, &message(137, &redirect, Some((2, ELSE)))),
            router
        );
    }

    #[test]
    fn who_speaks_for_others_says_nothing() {
        assert_eq!(
            told(OTHER, &message(136, &octets(HOST), Some((2, ELSE)))),
            None
        );
        assert_eq!(
            told(HOST, &message(135, &octets(OTHER), Some((1, ELSE)))),
            None
        );
        assert_eq!(told(OTHER, &message(134, &[0; 8], Some((1, ELSE)))), None);
    }

    #[test]
    fn what_came_over_a_router_or_is_something_else_is_of_no_use() {
        let solicitation = message(135, &octets(OTHER), Some((1, MAC)));
        assert_eq!(heard(HOST, 254, &solicitation), Ok(None));
        for kind in [0, 1, 128, 129, 132, 138] {
            assert_eq!(told(HOST, &message(kind, &octets(OTHER), None)), None);
        }
        let mut coded = solicitation;
        coded[1] = 1;
        assert_eq!(told(HOST, &coded), None);
        assert_eq!(told(HOST, &[]), None);
    }

    #[test]
    fn what_ends_too_early_is_broken() {
        let whole = message(136, &octets(HOST), Some((2, MAC)));
        for end in 1..whole.len() {
            let heard = heard(OTHER, 255, &whole[..end]);
            // Options may be missing, but not in part.
            let expected = if end == 24 {
                None
            } else {
                Some(Malformed::Ndp)
            };
            assert_eq!(heard.err(), expected, "{end}");
        }
        let mut endless = whole;
        endless[25] = 0;
        assert_eq!(heard(OTHER, 255, &endless), Err(Malformed::Ndp));
    }
}
