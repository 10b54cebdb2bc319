//! What decoding reads, said in libpcap's language, so that the kernel keeps the rest of a link
//! away. Uses [`super::observation`]'s ports; [`crate::capture::live`] hands it to the kernel.
//!
//! It lets through at least what [`super::packet`] and [`super::observation::route`] would keep
//! (a test holds every made capture against it), and little more: of HTTPS the first segment of
//! TLS, of fragments and of IPv6 with extension headers all, since ports stand elsewhere there.

use super::observation::{DNS, ENCRYPTED_DNS, HTTPS, IRC, MAILBOX, MAILBOX_IN_TLS, MailPorts};
use super::tunnel;

/// Frames by what follows IP or the link, whatever the number of VLAN tags before it.
///
/// `user` is what the operator wants to see of it, in the same language. It is asked of a frame
/// as it is and without its tags, as [`crate::capture::Filter`] does, and left to that where it
/// speaks of tags or of other headers itself: behind `vlan` every offset means something else.
#[must_use]
pub fn expression(mail: &MailPorts, tunnels: bool, user: Option<&str>) -> String {
    let mut wanted = ip(mail, tunnels);
    wanted.extend(["arp".to_owned(), SNAP.to_owned()]);
    if tunnels {
        wanted.push(LINK_TUNNELS.to_owned());
    }
    let mut wanted = format!("({})", wanted.join(" or "));
    if let Some(user) = user.filter(|user| !shifts(user)) {
        wanted = format!("({wanted} and ({user}))");
    }
    // With more than two tags all is let through.
    format!("{wanted} or (vlan and ({wanted} or (vlan and ({wanted} or vlan))))")
}

/// As [`expression`], for frames of several interfaces together (cooked), of which libpcap sees
/// through no tags: those that have any are all let through.
#[must_use]
pub fn cooked_expression(mail: &MailPorts, tunnels: bool, user: Option<&str>) -> String {
    let mut wanted = ip(mail, tunnels);
    wanted.push("arp".to_owned());
    if tunnels {
        wanted.push(LINK_TUNNELS.to_owned());
    }
    let mut wanted = wanted.join(" or ");
    if let Some(user) = user.filter(|user| !shifts(user)) {
        wanted = format!("({wanted}) and ({user})");
    }
    let tags = TAGS.map(|tag| format!("ether proto {tag:#x}")).join(" or ");
    format!("({wanted}) or {tags}")
}

/// As [`expression`], for a link that carries IP and nothing else.
#[must_use]
pub fn ip_expression(mail: &MailPorts, tunnels: bool, user: Option<&str>) -> String {
    let wanted = ip(mail, tunnels).join(" or ");
    match user.filter(|user| !shifts(user)) {
        Some(user) => format!("({wanted}) and ({user})"),
        None => wanted,
    }
}

/// An 802.3 length, then LLC with SNAP (RFC 1042).
const SNAP: &str = "(ether[12:2] <= 1500 and ether[14:2] = 0xaaaa)";

/// VLAN tags: 802.1Q, 802.1ad, and what switches used before it.
const TAGS: [u16; 5] = [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300];

/// MPLS and `PPPoE`.
const LINK_TUNNELS: &str = "ether proto 0x8847 or ether proto 0x8848 or ether proto 0x8864";

/// Fragments of IPv4; of IPv6 whatever stands behind an extension header (hop-by-hop options,
/// routing, fragment, destination options), and of both an authentication header.
const ELSEWHERE: &str = "ip[6:2] & 0x3fff != 0 or ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 \
                         or ip6[6] = 60 or ip proto 51 or ip6[6] = 51";

/// Neighbour discovery: router solicitation to redirect (RFC 4861 section 4).
const NEIGHBORS: &str = "(ip6[6] = 58 and ip6[40] >= 133 and ip6[40] <= 137)";

/// The words that move the offsets of what stands behind them (pcap-filter(7)), or that only
/// some links know.
const SHIFTS: [&str; 6] = ["vlan", "mpls", "pppoed", "pppoes", "geneve", "vxlan"];

/// Whether the expression speaks of headers between the link's and IP.
fn shifts(expression: &str) -> bool {
    expression
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|word| SHIFTS.contains(&word))
}

fn ip(mail: &MailPorts, tunnels: bool) -> Vec<String> {
    let tcp = [DNS, ENCRYPTED_DNS].into_iter();
    let tcp = tcp.chain(mail.iter()).chain(IRC).chain(MAILBOX);
    let tcp = tcp.chain(MAILBOX_IN_TLS);
    let mut wanted = vec![
        format!("udp port {DNS}"),
        format!("udp src port {ENCRYPTED_DNS}"),
        "udp port 67 or udp port 68".to_owned(),
        ports("tcp port", tcp),
        // A record of a handshake (RFC 8446 section 5.1) behind a TCP header of any length.
        format!("(tcp dst port {HTTPS} and tcp[(tcp[12] & 0xf0) >> 2] = 22)"),
        format!("(ip6[6] = 6 and ip6[42:2] = {HTTPS} and ip6[40 + ((ip6[52] & 0xf0) >> 2)] = 22)"),
        NEIGHBORS.to_owned(),
        ELSEWHERE.to_owned(),
    ];
    if tunnels {
        wanted.push(ports("udp port", tunnel::PORTS));
        for protocol in tunnel::PROTOCOLS {
            wanted.push(format!("ip proto {protocol} or ip6[6] = {protocol}"));
        }
    }
    wanted
}

/// Ports as few ranges as they make.
fn ports(what: &str, ports: impl IntoIterator<Item = u16>) -> String {
    let mut ports: Vec<u16> = ports.into_iter().collect();
    ports.sort_unstable();
    ports.dedup();
    let ranges = ports.chunk_by(|one, next| one + 1 == *next);
    let ranges = ranges.filter_map(|range| {
        let (first, last) = (range.first()?, range.last()?);
        Some(if first == last {
            format!("{what} {first}")
        } else {
            format!("{what}range {first}-{last}")
        })
    });
    ranges.collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_in_ranges() {
        assert_eq!(
            ports("tcp port", [25, 7000, 6666, 6667, 6668]),
            "tcp port 25 or tcp portrange 6666-6668 or tcp port 7000"
        );
    }

    #[test]
    fn a_word_that_shifts_is_left_to_ourselves() {
        let mail = MailPorts::default();
        let with = |user| expression(&mail, false, Some(user));
        assert!(with("net 192.0.2.0/24").contains("net 192.0.2.0/24"));
        assert!(!with("vlan 7 and port 53").contains("vlan 7"));
        assert!(!with("(vlan)").contains("(vlan))"));
        // Part of a name only.
        assert!(with("host vlan7.example").contains("vlan7.example"));
    }
}
