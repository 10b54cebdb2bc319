//! Names of the link-layer header types. A leaf beside [`super::frame`].

use super::frame::LinkType;
use std::borrow::Cow;

/// The `LINKTYPE_` names of <https://www.tcpdump.org/linktypes.html>, in lower case and with
/// hyphens, sorted by number: the types that a reader of captures does meet.
const NAMES: &[(u32, &str)] = &[
    (0, "null"),
    (1, "ethernet"),
    (3, "ax25"),
    (6, "ieee802-5"),
    (7, "arcnet-bsd"),
    (8, "slip"),
    (9, "ppp"),
    (10, "fddi"),
    // Not in the registry: what some writers of raw IP left in the file, their own `DLT_RAW`.
    (12, "raw"),
    (14, "raw"),
    (50, "ppp-hdlc"),
    (51, "ppp-ether"),
    (100, "atm-rfc1483"),
    (101, "raw"),
    (104, "c-hdlc"),
    (105, "ieee802-11"),
    (107, "frelay"),
    (108, "loop"),
    (113, "linux-sll"),
    (114, "ltalk"),
    (117, "pflog"),
    (119, "ieee802-11-prism"),
    (122, "ip-over-fc"),
    (123, "sunatm"),
    (127, "ieee802-11-radiotap"),
    (129, "arcnet-linux"),
    (138, "apple-ip-over-ieee1394"),
    (139, "mtp2-with-phdr"),
    (140, "mtp2"),
    (141, "mtp3"),
    (142, "sccp"),
    (143, "docsis"),
    (144, "linux-irda"),
    (147, "user0"),
    (163, "ieee802-11-avs"),
    (166, "ppp-pppd"),
    (187, "bluetooth-hci-h4"),
    (189, "usb-linux"),
    (192, "ppi"),
    (195, "ieee802-15-4-withfcs"),
    (197, "erf"),
    (201, "bluetooth-hci-h4-with-phdr"),
    (204, "ppp-with-dir"),
    (205, "c-hdlc-with-dir"),
    (206, "frelay-with-dir"),
    (220, "usb-linux-mmapped"),
    (224, "fc-2"),
    (226, "ipnet"),
    (227, "can-socketcan"),
    (228, "ipv4"),
    (229, "ipv6"),
    (230, "ieee802-15-4-nofcs"),
    (231, "dbus"),
    (239, "nflog"),
    (240, "netanalyzer"),
    (242, "ipoib"),
    (247, "infiniband"),
    (248, "sctp"),
    (249, "usbpcap"),
    (251, "bluetooth-le-ll"),
    (252, "wireshark-upper-pdu"),
    (253, "netlink"),
    (255, "bluetooth-bredr-bb"),
    (256, "bluetooth-le-ll-with-phdr"),
    (258, "pktap"),
    (276, "linux-sll2"),
];

impl LinkType {
    /// The name to count this type by: `ethernet`, `ieee802-11`, ...; `link-type-N` where the
    /// number is not in the table.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        NAMES
            .binary_search_by_key(&self.0, |&(number, _)| number)
            .ok()
            .and_then(|at| NAMES.get(at))
            .map_or_else(
                || Cow::Owned(format!("link-type-{}", self.0)),
                |&(_, name)| Cow::Borrowed(name),
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_number() {
        assert!(NAMES.is_sorted_by(|one, next| one.0 < next.0));
        assert_eq!(LinkType::ETHERNET.name(), "ethernet");
        assert_eq!(LinkType(105).name(), "ieee802-11");
        assert_eq!(LinkType(127).name(), "ieee802-11-radiotap");
        assert_eq!(LinkType::LINUX_SLL2.name(), "linux-sll2");
        assert_eq!(LinkType::RAW_14.name(), "raw");
        assert_eq!(LinkType(2).name(), "link-type-2");
        assert_eq!(LinkType(u32::MAX).name(), "link-type-4294967295");
    }
}
