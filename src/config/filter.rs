//! Whether libpcap understands a filter, before any capture is opened.

use pcap::{Capture, Linktype};

/// The link types that captures may have, by their numbers in pcap files.
const LINK_TYPES: [i32; 4] = [1, 113, 101, 0]; // Ethernet, Linux cooked, raw IP, loopback

/// Compiles `expr` for each link type until one takes it, since a filter may make sense on
/// one only (`ether host`, `inbound`); which it is only the capture will tell.
pub(super) fn check(expr: &str) -> Result<(), String> {
    let mut first = None;
    for link in LINK_TYPES {
        let compiled = Capture::dead(Linktype(link)).and_then(|dead| {
            dead.compile(expr, true)?;
            Ok(())
        });
        match compiled {
            Ok(()) => return Ok(()),
            Err(error) => first = first.or(Some(error)),
        }
    }
    match first {
        None => Ok(()),
        // libpcap's own words; its wrapper's add only that they are libpcap's.
        Some(pcap::Error::PcapError(message)) => Err(format!("`{expr}`: {message}")),
        Some(error) => Err(format!("`{expr}`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        for expr in [
            "port 53",
            "ether host 00:11:22:33:44:55",
            "inbound",
            "vlan 7 and tcp",
        ] {
            assert_eq!(check(expr), Ok(()), "{expr}");
        }
        let error = check("udp prot 53").unwrap_err();
        assert!(error.starts_with("`udp prot 53`: "), "{error}");
        assert!(error.contains("syntax error"), "{error}");
        assert!(check("port 53\0").is_err());
    }
}
