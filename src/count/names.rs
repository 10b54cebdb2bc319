//! What is counted of a query name: a seeded hash, its registrable domain, and what the
//! shape of the name alone says about the lookup.
//!
//! A *folded* name is [`Name::fold`](crate::decode::dns::Name::fold)'s: length octets, lower
//! case, without the root's octet.

use crate::decode::dns::QType;
use crate::host::HostAddr;
use foldhash::quality::FixedState;
use psl::Psl as _;
use serde::{Deserialize, Serialize};
use std::hash::BuildHasher as _;

/// Names are hashed with one seed in every worker and every run: distinct counts must merge
/// and must not change from one replay to the next. The `quality` variant, since the sketch
/// needs well-mixed bits (with `fast`, 5,000 names were estimated 37% off).
const SEED: u64 = 0x6d78_7261_795f_6e61;

/// A 64-bit hash of folded octets, the same in every run.
#[must_use]
#[inline]
pub fn hash(folded: &[u8]) -> u64 {
    FixedState::with_seed(SEED).hash_one(folded)
}

/// Where the labels of a folded name begin.
pub(super) struct Labels<'a> {
    folded: &'a [u8],
    starts: [u8; 127],
    count: usize,
}

impl<'a> Labels<'a> {
    #[inline]
    pub(super) fn of(folded: &'a [u8]) -> Self {
        let mut labels = Self {
            folded,
            starts: [0; 127],
            count: 0,
        };
        let mut at = 0;
        while let (Some(&length), Some(slot)) =
            (folded.get(at), labels.starts.get_mut(labels.count))
        {
            // A name is at most 255 octets long.
            *slot = u8::try_from(at).unwrap_or(u8::MAX);
            labels.count += 1;
            at += 1 + usize::from(length);
        }
        labels
    }

    fn starts(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.starts
            .iter()
            .take(self.count)
            .map(|&start| start.into())
    }

    fn label(&self, start: usize) -> &'a [u8] {
        first_label(self.folded.get(start..).unwrap_or_default())
    }

    /// The end of the name that its last labels make, so many of them; `None` where it has fewer.
    #[inline]
    pub(super) fn last(&self, count: usize) -> Option<&'a [u8]> {
        let first = self.starts.get(self.count.checked_sub(count)?)?;
        self.folded.get(usize::from(*first)..)
    }

    /// What the public suffix list says of the name, and how many labels it asked for to say so,
    /// the last one first: whatever stands in front of these changes nothing.
    pub(super) fn suffix(&self) -> (psl::Info, usize) {
        let mut labels = self.starts().rev().map(|start| self.label(start));
        let mut asked = 0;
        let info = psl::List.find(std::iter::from_fn(|| {
            asked += 1;
            labels.next()
        }));
        (info, asked)
    }

    /// The registrable domain where the public suffix is so many octets of text.
    #[inline]
    pub(super) fn registrable(&self, suffix: usize) -> &'a [u8] {
        // The list counts octets of text, dots between labels included; a folded name has one
        // octet more, the first label's length.
        let suffix_at = self.folded.len().saturating_sub(suffix + 1);
        let start = self.starts().rev().find(|&start| start < suffix_at);
        self.folded.get(start.unwrap_or(0)..).unwrap_or(self.folded)
    }
}

/// The first label of a folded name; empty for the root.
#[must_use]
#[inline]
pub fn first_label(folded: &[u8]) -> &[u8] {
    folded
        .split_first()
        .and_then(|(&length, rest)| rest.get(..length.into()))
        .unwrap_or_default()
}

/// The registrable domain of a folded name by the public suffix list, as the end of the
/// name: the suffix and one label more, or the whole name where it has no more than that.
///
/// The list is compiled in; its date is the version of the `psl` crate.
#[must_use]
pub fn registrable(folded: &[u8]) -> &[u8] {
    let labels = Labels::of(folded);
    let (suffix, _) = labels.suffix();
    labels.registrable(suffix.len)
}

/// Whether a folded name is of a zone that is in no public DNS: of link-local names and of networks
/// of one's own (RFC 6762, with the list of its appendix G), of homes (RFC 8375), `internal`
/// (ICANN 2024). No mail goes there from outside, and stubs try such zones behind each name: a
/// container below `svc.cluster.local`.
#[must_use]
pub fn is_private(folded: &[u8]) -> bool {
    let labels = Labels::of(folded);
    let last = labels.starts().next_back().map(|start| labels.label(start));
    folded.ends_with(b"\x04home\x04arpa")
        || matches!(
            last,
            Some(b"local" | b"internal" | b"intranet" | b"private" | b"corp" | b"home" | b"lan")
        )
}

/// A name in text form, dots between its labels, as a folded one; `None` where it is none.
#[must_use]
pub fn fold_text(text: &[u8]) -> Option<Vec<u8>> {
    let mut folded = Vec::with_capacity(text.len() + 1);
    for label in text.split(|&octet| octet == b'.') {
        if !label.is_empty() {
            folded.push(u8::try_from(label.len()).ok()?);
            folded.extend(label.iter().map(u8::to_ascii_lowercase));
        }
    }
    (!folded.is_empty()).then_some(folded)
}

/// The address whose name is asked for by the PTR query of this folded name: the whole of an
/// address below `in-addr.arpa` (RFC 1035 section 3.5) or `ip6.arpa` (RFC 3596 section 2.5).
#[must_use]
pub fn reverse_address(folded: &[u8]) -> Option<HostAddr> {
    let labels = Labels::of(folded);
    let label = |at: usize| Some(labels.label((*labels.starts.get(at)?).into()));
    if folded.ends_with(b"\x07in-addr\x04arpa") && labels.count == 6 {
        let mut octets = [0_u8; 4];
        for (at, octet) in octets.iter_mut().rev().enumerate() {
            let text = label(at)?;
            // As written by everybody: digits, no leading zero.
            let digits = text.iter().all(u8::is_ascii_digit);
            if !digits || text.len() > 1 && text.starts_with(b"0") {
                return None;
            }
            *octet = std::str::from_utf8(text).ok()?.parse().ok()?;
        }
        return Some(HostAddr::from_v4(octets));
    }
    if folded.ends_with(b"\x03ip6\x04arpa") && labels.count == 34 {
        let mut bits = 0_u128;
        for at in (0..32).rev() {
            let [digit] = *label(at)? else { return None };
            bits = bits << 4 | u128::from(char::from(digit).to_digit(16)?);
        }
        return Some(HostAddr::from_v6(bits.to_be_bytes()));
    }
    None
}

/// Lookups that a mail server makes in the course of its work and a worm's mail engine has
/// no use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServerLookup {
    /// The name of a peer's address: PTR below `in-addr.arpa` or `ip6.arpa`. Service
    /// discovery also asks PTR, of its own names (`_services._dns-sd._udp`) and below the
    /// address of its network (`lb._dns-sd._udp.0.2.0.192.in-addr.arpa`, RFC 6763 section
    /// 11), and does not count.
    ReversePtr,
    /// A sender's policy or key: TXT of `_dmarc`, of a `_domainkey`, of `_mta-sts`, or of a
    /// registrable domain itself (SPF, RFC 7208). Of the last the suffix must be on the list, and
    /// not taken for one by its default rule: tunnels ask for labels of their own.
    MailTxt,
    /// A mail server's certificate: TLSA (RFC 7672).
    Tlsa,
    /// An MTA-STS policy host (RFC 8461).
    MtaSts,
    /// A block list: A of a reversed IPv4 address below a list's zone (RFC 5782).
    Dnsbl,
}

impl ServerLookup {
    /// The stable name that events use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReversePtr => "reverse-ptr",
            Self::MailTxt => "mail-txt",
            Self::Tlsa => "tlsa",
            Self::MtaSts => "mta-sts",
            Self::Dnsbl => "dnsbl",
        }
    }

    /// The same for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::ReversePtr => "reverse name",
            Self::MailTxt => "sender policy",
            Self::Tlsa => "mail server certificate",
            Self::MtaSts => "transport policy",
            Self::Dnsbl => "block list",
        }
    }

    /// Recognises such a lookup by the type and the folded name asked for.
    #[must_use]
    pub fn of(qtype: QType, folded: &[u8]) -> Option<Self> {
        match qtype {
            QType::PTR => {
                // No address has an underscore, and every service has (RFC 6763 section 7).
                let service = folded.contains(&b'_');
                let reverse = folded.ends_with(b"\x07in-addr\x04arpa")
                    || folded.ends_with(b"\x03ip6\x04arpa");
                (reverse && !service).then_some(Self::ReversePtr)
            }
            QType::TXT => {
                let first = first_label(folded);
                let policy = first == b"_dmarc" || first == b"_mta-sts";
                let key = || folded.windows(11).any(|part| part == b"\x0a_domainkey");
                let domain = || registrable(folded).len() == folded.len();
                let listed = || Labels::of(folded).suffix().0.typ.is_some();
                (policy || key() || domain() && listed()).then_some(Self::MailTxt)
            }
            QType::TLSA => Some(Self::Tlsa),
            QType::A | QType::AAAA if first_label(folded) == b"mta-sts" => Some(Self::MtaSts),
            QType::A => is_dnsbl(folded).then_some(Self::Dnsbl),
            _ => None,
        }
    }
}

/// Four labels of an address's decimal octets with a zone of two labels or more behind.
fn is_dnsbl(folded: &[u8]) -> bool {
    if !folded.get(1).is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let labels = Labels::of(folded);
    let octets = labels.starts().take(4).filter(|&start| {
        let text = std::str::from_utf8(labels.label(start)).unwrap_or_default();
        text.bytes().all(|octet| octet.is_ascii_digit()) && text.parse::<u8>().is_ok()
    });
    octets.count() == 4 && labels.count >= 6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(text: &str) -> Vec<u8> {
        let mut folded = Vec::new();
        for label in text.split('.').filter(|label| !label.is_empty()) {
            folded.push(u8::try_from(label.len()).unwrap());
            folded.extend(label.as_bytes());
        }
        folded
    }

    #[test]
    fn private_zones() {
        for name in [
            "smtp.example.com.shop.svc.cluster.local",
            "mail.corp",
            "mail.home.arpa",
            "local",
        ] {
            assert!(is_private(&fold(name)), "{name}");
        }
        for name in ["mail.local.example", "mail.example.com", "arpa", ""] {
            assert!(!is_private(&fold(name)), "{name}");
        }
    }

    #[test]
    fn registrable_domains() {
        for (name, domain) in [
            ("mail.example.co.jp", "example.co.jp"),
            ("a.b.c.example.com", "example.com"),
            ("example.com", "example.com"),
            ("co.jp", "co.jp"),
            ("mail.corp", "mail.corp"),
            ("a.mail.corp", "mail.corp"),
            ("localhost", "localhost"),
            ("www.city.kawasaki.jp", "city.kawasaki.jp"),
            ("", ""),
        ] {
            assert_eq!(registrable(&fold(name)), fold(domain), "{name}");
        }
        let many = vec![1; 254];
        assert_eq!(registrable(&many).len(), 4);
    }

    #[test]
    fn registrable_domains_are_those_of_the_list() {
        for name in [
            "a.b.example.ac.jp",
            "x.github.io",
            "www.ck",
            "foo.bar.ck",
            "a.b.c.d.e.uk",
        ] {
            let ours = registrable(&fold(name)).to_vec();
            let theirs = psl::domain_str(name).unwrap();
            assert_eq!(ours, fold(theirs), "{name}");
        }
    }

    #[test]
    fn lookups_of_mail_servers() {
        use ServerLookup::{Dnsbl, MailTxt, MtaSts, ReversePtr, Tlsa};
        for (qtype, name, expected) in [
            (QType::PTR, "7.2.0.192.in-addr.arpa", Some(ReversePtr)),
            (
                QType::PTR,
                "1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                Some(ReversePtr),
            ),
            (QType::PTR, "b._dns-sd._udp.example.com", None),
            (QType::PTR, "b._dns-sd._udp.0.2.0.192.in-addr.arpa", None),
            (QType::PTR, "lb._dns-sd._udp.0.2.0.192.in-addr.arpa", None),
            (QType::TXT, "example.com", Some(MailTxt)),
            (QType::TXT, "_dmarc.example.com", Some(MailTxt)),
            (QType::TXT, "s1._domainkey.example.com", Some(MailTxt)),
            (QType::TXT, "x8c.tunnel.example.com", None),
            // No suffix of the list.
            (QType::TXT, "dnscat.f97c01f5e40bba0d", None),
            (QType::TXT, "f97c01f5e40bba0d", None),
            (QType::TXT, "_dmarc.mail.corp", Some(MailTxt)),
            (QType::TLSA, "_25._tcp.mx.example.com", Some(Tlsa)),
            (QType::A, "mta-sts.example.com", Some(MtaSts)),
            (QType::A, "7.2.0.192.zen.dnsbl.example", Some(Dnsbl)),
            (QType::A, "7.2.0.300.zen.dnsbl.example", None),
            (QType::A, "1.2.3.4.example", None),
            (QType::A, "7.+2.0.192.zen.dnsbl.example", None),
            (QType::A, "1and1.example.com", None),
            (QType::MX, "example.com", None),
        ] {
            assert_eq!(ServerLookup::of(qtype, &fold(name)), expected, "{name}");
        }
    }

    #[test]
    fn whole_addresses_in_reverse_names() {
        for (name, expected) in [
            ("7.2.0.192.in-addr.arpa", Some("192.0.2.7")),
            ("255.0.0.10.in-addr.arpa", Some("10.0.0.255")),
            ("2.0.192.in-addr.arpa", None),
            ("1.7.2.0.192.in-addr.arpa", None),
            ("07.2.0.192.in-addr.arpa", None),
            ("+7.2.0.192.in-addr.arpa", None),
            ("256.2.0.192.in-addr.arpa", None),
            ("0-7.2.0.192.in-addr.arpa", None),
            ("lb._dns-sd._udp.0.in-addr.arpa", None),
            ("7.2.0.192.in-addr.arpa.example", None),
            (
                "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa",
                Some("4321:0:1:2:3:4:567:89ab"),
            ),
            ("b.a.9.8.8.b.d.0.1.0.0.2.ip6.arpa", None),
            (
                "g.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa",
                None,
            ),
            ("", None),
        ] {
            let expected = expected.map(|ip| ip.parse::<std::net::IpAddr>().unwrap().into());
            assert_eq!(reverse_address(&fold(name)), expected, "{name}");
        }
    }

    #[test]
    fn text_folds_to_what_the_wire_does() {
        assert_eq!(
            fold_text(b"Mail.Example.com."),
            Some(fold("mail.example.com"))
        );
        assert_eq!(fold_text(b"."), None);
        assert_eq!(fold_text(&[b'a'; 256]), None);
    }

    #[test]
    fn the_hash_is_the_same_in_every_run() {
        assert_eq!(hash(b"\x02ex"), hash(b"\x02ex"));
        assert_ne!(hash(b"\x02ex"), hash(b"\x02ey"));
    }
}
