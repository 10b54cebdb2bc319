//! A host's address as one number. A leaf: uses nothing of ours.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IP address as the number of its IPv6 form; IPv4 is held as `::ffff:a.b.c.d`, so that
/// an IPv4-mapped IPv6 address and the IPv4 address are one host.
///
/// Sixteen plain octets hash and compare faster than [`IpAddr`]'s enum. The order is that of
/// the numbers, with all of IPv4 inside `::/64`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct HostAddr(u128);

impl HostAddr {
    /// From the four octets of an IPv4 header.
    #[must_use]
    pub const fn from_v4(octets: [u8; 4]) -> Self {
        Self(0xffff_0000_0000 | u32::from_be_bytes(octets) as u128)
    }

    /// From the sixteen octets of an IPv6 header.
    #[must_use]
    pub const fn from_v6(octets: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(octets))
    }

    /// The address as the number of its IPv6 form.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// The network that the address lies in, of the size that sites are given: the /24 of IPv4,
    /// the /48 of IPv6 (RFC 6177).
    #[must_use]
    pub const fn network(self) -> Self {
        let host_bits = if self.0 >> 32 == 0xffff { 8 } else { 80 };
        Self(self.0 >> host_bits << host_bits)
    }

    /// The address in the standard library's type, IPv4-mapped as IPv4.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        Ipv6Addr::from_bits(self.0).to_canonical()
    }
}

impl From<IpAddr> for HostAddr {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => v4.into(),
            IpAddr::V6(v6) => Self::from_v6(v6.octets()),
        }
    }
}

impl From<Ipv4Addr> for HostAddr {
    fn from(ip: Ipv4Addr) -> Self {
        Self::from_v4(ip.octets())
    }
}

impl fmt::Display for HostAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (ip, network) in [
            ("192.0.2.7", "192.0.2.0"),
            ("2001:db8:1:2::7", "2001:db8:1::"),
        ] {
            let [ip, network] = [ip, network].map(|ip| ip.parse::<IpAddr>().unwrap());
            assert_eq!(HostAddr::from(ip).network(), HostAddr::from(network));
        }
    }

    #[test]
    fn mapped_ipv6_is_the_ipv4_host() {
        let v4: IpAddr = "192.0.2.7".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
        assert_eq!(HostAddr::from(v4), HostAddr::from(mapped));
        assert_eq!(HostAddr::from(mapped).to_string(), "192.0.2.7");
        let v6: IpAddr = "2001:db8::7".parse().unwrap();
        assert_eq!(HostAddr::from(v6).ip(), v6);
    }
}
