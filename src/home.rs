//! Nets as people write them, and the set of inside nets that `--home` names.
//!
//! Uses [`crate::host`]. A net is read in one place, so that the command line, the config
//! file and the inventory agree on what is one. Looking up neither allocates nor panics.

use crate::host::HostAddr;
use ipnet::IpNet;
use prefix_trie::joint::JointPrefixSet;
use std::net::IpAddr;

/// What is inside; by default nobody has said.
#[derive(Clone, Debug, Default)]
pub struct Home {
    nets: JointPrefixSet<IpNet>,
}

impl Home {
    /// The set of `nets`; with none, inside and outside stay unknown.
    #[must_use]
    pub fn new(nets: impl IntoIterator<Item = IpNet>) -> Self {
        let mut home = Self::default();
        for net in nets {
            home.nets.insert(net);
        }
        home
    }

    /// Whether anybody has said what is inside.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.nets.is_empty()
    }

    /// Whether `host` is inside, or `None` where nobody has said what is.
    #[must_use]
    pub fn contains(&self, host: HostAddr) -> Option<bool> {
        let is_inside = || self.nets.get_lpm(&host.ip().into()).is_some();
        self.is_known().then(is_inside)
    }

    /// The nets, IPv4 first, each once.
    pub fn nets(&self) -> impl Iterator<Item = IpNet> {
        self.nets.iter()
    }
}

/// Reads an address (a net of one) or `address/prefix`; an IPv4-mapped net is its IPv4 net.
///
/// Bits behind the prefix are refused and not cut away: `192.0.2.7/24` is as often a
/// mistyped host as a net, and a role given to 256 machines by mistake hides a worm.
pub fn parse_net(text: &str) -> Result<IpNet, NetError> {
    let not_a_net = || NetError::Syntax(text.to_owned());
    let net = match text.split_once('/') {
        None => IpNet::from(text.parse::<IpAddr>().map_err(|_| not_a_net())?),
        Some((ip, prefix)) => {
            let ip: IpAddr = ip.parse().map_err(|_| not_a_net())?;
            // u8's parser takes a sign, nets do not.
            if !prefix.bytes().all(|octet| octet.is_ascii_digit()) {
                return Err(not_a_net());
            }
            let prefix = prefix.parse().map_err(|_| not_a_net())?;
            IpNet::new(ip, prefix).map_err(|_| not_a_net())?
        }
    };
    if net.trunc() != net {
        return Err(NetError::HostBits {
            text: text.to_owned(),
            net: net.trunc(),
            host: net.addr(),
        });
    }
    Ok(unmapped(net))
}

/// `::ffff:a.b.c.d/96+n` as `a.b.c.d/n`, since the sensor knows such hosts as IPv4 only.
fn unmapped(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let (Some(v4), Some(prefix)) = (
        v6.addr().to_ipv4_mapped(),
        v6.prefix_len().checked_sub(128 - 32),
    ) else {
        return net;
    };
    IpNet::new(v4.into(), prefix).unwrap_or(net)
}

/// Why a text is not a net.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// Neither an address nor a net.
    #[error("`{0}` is not a net: write an address or a net, as 192.0.2.0/24 or 2001:db8::/32")]
    Syntax(String),
    /// Bits are set behind the prefix.
    #[error(
        "`{text}` has bits set behind its prefix: write {net} for the net, {host} for the host"
    )]
    HostBits {
        /// What was written.
        text: String,
        /// The net that was perhaps meant.
        net: IpNet,
        /// The host that was perhaps meant.
        host: IpAddr,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> HostAddr {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn nets_as_people_write_them() {
        for (text, net) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("::/0", "::/0"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
        ] {
            assert_eq!(parse_net(text).unwrap().to_string(), net, "{text}");
        }
    }

    #[test]
    fn what_is_no_net() {
        for text in [
            "",
            "/",
            "192.0.2",
            "192.0.2.0/",
            "192.0.2.0/33",
            "192.0.2.0/+24",
            "192.0.2.0/255.255.255.0",
            " 192.0.2.0/24",
            "2001:db8::/129",
            "fe80::1%eth0",
            "campus",
        ] {
            assert_eq!(parse_net(text), Err(NetError::Syntax(text.into())));
        }
        assert_eq!(
            parse_net("192.0.2.7/24").unwrap_err().to_string(),
            "`192.0.2.7/24` has bits set behind its prefix: write 192.0.2.0/24 for the net, \
             192.0.2.7 for the host"
        );
    }

    #[test]
    fn unset_is_neither_inside_nor_outside() {
        assert_eq!(Home::default().contains(host("192.0.2.7")), None);
    }

    #[test]
    fn inside_by_family() {
        let nets = ["192.0.2.0/24", "10.0.0.0/8", "2001:db8::/32"];
        let home = Home::new(nets.map(|net| parse_net(net).unwrap()));
        for (text, inside) in [
            ("192.0.2.255", true),
            ("192.0.3.0", false),
            ("10.255.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(home.contains(host(text)), Some(inside), "{text}");
        }
        // All of IPv6 is not all of IPv4, though `HostAddr` holds IPv4 inside of it.
        let home = Home::new([parse_net("::/0").unwrap()]);
        assert_eq!(home.contains(host("192.0.2.7")), Some(false));
    }
}
