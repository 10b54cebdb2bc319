//! Names of public resolvers of DNS over HTTPS, as they stand in the TLS of their clients.
//!
//! A name is listed where its operator publishes it, or a browser ships it; next to each group
//! stands where. Names under which ordinary web pages are served too (`dns.google`) count: who
//! reads that page is rare beside who resolves there. Any list is behind, and a resolver of
//! one's own stands on none.

/// In order of the octets, which a test holds.
const RESOLVERS: [&str; 52] = [
    // IIJ, Alibaba, AdGuard and so on stand below by name; the sources, by operator:
    //   AdGuard: adguard-dns.io/en/public-dns.html
    //   Alibaba: alidns.com
    //   Apple: doh.dns.apple.com, in the settings of its systems
    //   CIRA: cira.ca/en/canadian-shield
    //   CleanBrowsing: cleanbrowsing.org/guides/dnsoverhttps
    //   Cloudflare: developers.cloudflare.com/1.1.1.1; chrome. by Chromium, mozilla. by Firefox
    //   Comcast, Cox, CZ.NIC, DNS4EU, DNS.SB, Google, IIJ, Levonet, NextDNS, OpenDNS, Quad9,
    //   Quickline, Spectrum: Chromium, net/dns/public/doh_provider_entry.cc
    //   Control D: docs.controld.com
    //   Digitale Gesellschaft: digitale-gesellschaft.ch/dns
    //   Hurricane Electric: dns.he.net
    //   Mullvad: mullvad.net/en/help/dns-over-https-and-dns-over-tls
    //   Tencent: docs.dnspod.cn/public-dns
    //   TWNIC: 101.101.101.101
    "adblock.dns.mullvad.net",
    "all.dns.mullvad.net",
    "base.dns.mullvad.net",
    "chrome.cloudflare-dns.com",
    "chromium.dns.nextdns.io",
    "cloudflare-dns.com",
    "dns.adguard-dns.com",
    "dns.adguard.com",
    "dns.alidns.com",
    "dns.cloudflare.com",
    "dns.controld.com",
    "dns.digitale-gesellschaft.ch",
    "dns.google",
    "dns.google.com",
    "dns.levonet.sk",
    "dns.mullvad.net",
    "dns.nextdns.io",
    "dns.quad9.net",
    "dns.twnic.tw",
    "dns10.quad9.net",
    "dns11.quad9.net",
    "dns64.dns.google",
    "dns9.quad9.net",
    "doh-01.spectrum.com",
    "doh-02.spectrum.com",
    "doh.cleanbrowsing.org",
    "doh.cox.net",
    "doh.dns.apple.com",
    "doh.dns.sb",
    "doh.familyshield.opendns.com",
    "doh.opendns.com",
    "doh.pub",
    "doh.quickline.ch",
    "doh.sb",
    "doh.umbrella.com",
    "doh.xfinity.com",
    "extended.dns.mullvad.net",
    "family.adguard-dns.com",
    "family.canadianshield.cira.ca",
    "family.cloudflare-dns.com",
    "family.dns.mullvad.net",
    "firefox.dns.nextdns.io",
    "freedns.controld.com",
    "mozilla.cloudflare-dns.com",
    "odvr.nic.cz",
    "ordns.he.net",
    "private.canadianshield.cira.ca",
    "protected.canadianshield.cira.ca",
    "protective.joindns4.eu",
    "public.dns.iij.jp",
    "security.cloudflare-dns.com",
    "unfiltered.adguard-dns.com",
];

/// Whether this is the name of a known resolver, in any case of letters.
pub(super) fn is_resolver(name: &[u8]) -> bool {
    let name = name.strip_suffix(b".").unwrap_or(name).to_ascii_lowercase();
    let known = RESOLVERS.binary_search_by(|known| known.as_bytes().cmp(&name));
    known.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_found() {
        assert!(RESOLVERS.is_sorted_by(|a, b| a < b));
        for name in RESOLVERS {
            assert!(is_resolver(name.as_bytes()), "{name}");
        }
        assert!(is_resolver(b"DNS.Google") && is_resolver(b"dns.google."));
        assert!(!is_resolver(b"www.google.com") && !is_resolver(b"x.dns.google"));
        assert!(!is_resolver(b""));
    }
}
