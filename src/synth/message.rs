//! DNS messages as octets (RFC 1035 section 4).
//!
//! Written here and not by a DNS library, because a recipe promises the same bytes for ever
//! and a library may compress names otherwise in its next version; and because the broken
//! messages of the protocol cases need the same parts. The tests read what this writes with
//! hickory-proto.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Record types (RFC 1035 section 3.2.2 and the IANA registry).
pub(super) mod kind {
    pub(in crate::synth) const A: u16 = 1;
    pub(in crate::synth) const NS: u16 = 2;
    pub(in crate::synth) const CNAME: u16 = 5;
    pub(in crate::synth) const SOA: u16 = 6;
    pub(in crate::synth) const PTR: u16 = 12;
    pub(in crate::synth) const MX: u16 = 15;
    pub(in crate::synth) const TXT: u16 = 16;
    pub(in crate::synth) const AAAA: u16 = 28;
    pub(in crate::synth) const SRV: u16 = 33;
    pub(in crate::synth) const OPT: u16 = 41;
    pub(in crate::synth) const HTTPS: u16 = 65;
    pub(in crate::synth) const ANY: u16 = 255;
}

/// Class IN.
pub(super) const IN: u16 = 1;
/// Flags of the header's second word: response, authoritative, truncated, recursion desired,
/// recursion available.
pub(super) const QR: u16 = 0x8000;
pub(super) const AA: u16 = 0x0400;
pub(super) const TC: u16 = 0x0200;
pub(super) const RD: u16 = 0x0100;
pub(super) const RA: u16 = 0x0080;
/// Response codes, the low bits of the same word.
pub(super) const SERVFAIL: u16 = 2;
pub(super) const NXDOMAIN: u16 = 3;

/// What a record says; the type follows from it.
#[derive(Clone, Debug)]
pub(super) enum Data {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Cname(String),
    Ns(String),
    Ptr(String),
    Mx(u16, String),
    Soa(String),
    Srv(u16, String),
    Txt(String),
}

/// A resource record of class IN.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) owner: String,
    pub(super) ttl: u32,
    pub(super) data: Data,
}

/// Everything of a reply but the question.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    /// AA, TC and the response code; QR, RA and the rest are added by who sends it.
    pub(super) flags: u16,
    pub(super) answers: Vec<Record>,
    pub(super) authority: Vec<Record>,
    pub(super) additional: Vec<Record>,
}

/// A message under construction. Counts in the header are kept by the methods, so a broken
/// message is one whose octets were changed afterwards or pushed with [`Self::raw`].
#[derive(Clone, Debug)]
pub(super) struct Message {
    octets: Vec<u8>,
    /// Names written so far with their offsets, for compression.
    seen: Vec<(String, u16)>,
}

impl Message {
    pub(super) fn new(id: u16, flags: u16) -> Self {
        let mut octets = Vec::with_capacity(96);
        octets.extend_from_slice(&id.to_be_bytes());
        octets.extend_from_slice(&flags.to_be_bytes());
        octets.extend_from_slice(&[0; 8]);
        let seen = Vec::new();
        Self { octets, seen }
    }

    /// Octets that were a message before something was done to them.
    pub(super) fn raw_only(octets: &[u8]) -> Self {
        let (octets, seen) = (octets.to_vec(), Vec::new());
        Self { octets, seen }
    }

    /// A question of class IN.
    pub(super) fn question(mut self, name: &str, kind: u16) -> Self {
        self.name(name, true);
        self.words(&[kind, IN]);
        self.count(4);
        self
    }

    /// All sections of a reply.
    pub(super) fn reply(mut self, reply: &Reply) -> Self {
        for (section, field) in [
            (&reply.answers, 6),
            (&reply.authority, 8),
            (&reply.additional, 10),
        ] {
            for record in section {
                self.record(record);
                self.count(field);
            }
        }
        self
    }

    /// An EDNS pseudo-record that offers `size` octets (RFC 6891 section 6.1).
    pub(super) fn edns(mut self, size: u16) -> Self {
        self.octets.push(0);
        self.words(&[kind::OPT, size, 0, 0, 0]);
        self.count(10);
        self
    }

    /// Octets as they are; no count moves.
    pub(super) fn raw(mut self, octets: &[u8]) -> Self {
        self.octets.extend_from_slice(octets);
        self
    }

    /// Sets the number of questions to what it is not.
    pub(super) fn claim_questions(mut self, questions: u16) -> Self {
        let [high, low] = questions.to_be_bytes();
        for (at, octet) in [(4, high), (5, low)] {
            *self.octets.get_mut(at).expect("a header has 12 octets") = octet;
        }
        self
    }

    pub(super) fn octets(self) -> Vec<u8> {
        self.octets
    }

    fn record(&mut self, record: &Record) {
        self.name(&record.owner, true);
        let kind = match &record.data {
            Data::A(_) => kind::A,
            Data::Aaaa(_) => kind::AAAA,
            Data::Cname(_) => kind::CNAME,
            Data::Ns(_) => kind::NS,
            Data::Ptr(_) => kind::PTR,
            Data::Mx(..) => kind::MX,
            Data::Soa(_) => kind::SOA,
            Data::Srv(..) => kind::SRV,
            Data::Txt(_) => kind::TXT,
        };
        self.words(&[kind, IN]);
        self.octets.extend_from_slice(&record.ttl.to_be_bytes());
        let length_at = self.octets.len();
        self.words(&[0]);
        match &record.data {
            Data::A(ip) => self.octets.extend_from_slice(&ip.octets()),
            Data::Aaaa(ip) => self.octets.extend_from_slice(&ip.octets()),
            Data::Cname(name) | Data::Ns(name) | Data::Ptr(name) => self.name(name, true),
            Data::Mx(preference, name) => {
                self.words(&[*preference]);
                self.name(name, true);
            }
            Data::Soa(zone) => {
                self.name(&format!("ns1.{zone}"), true);
                self.name(&format!("hostmaster.{zone}"), true);
                // Serial, refresh, retry, expire, and an hour of negative caching.
                for number in [2_005_022_501_u32, 7200, 1800, 604_800, 3600] {
                    self.octets.extend_from_slice(&number.to_be_bytes());
                }
            }
            Data::Srv(port, target) => {
                self.words(&[0, 0, *port]);
                self.name(target, false); // RFC 2782: not compressed
            }
            Data::Txt(text) => {
                self.octets
                    .push(u8::try_from(text.len()).expect("a short text"));
                self.octets.extend_from_slice(text.as_bytes());
            }
        }
        let length = u16::try_from(self.octets.len() - length_at - 2).expect("short data");
        for (at, octet) in (length_at..).zip(length.to_be_bytes()) {
            *self.octets.get_mut(at).expect("reserved above") = octet;
        }
    }

    /// A name, the empty one for the root, its longest known tail as a pointer.
    fn name(&mut self, name: &str, compress: bool) {
        let mut rest = name;
        while !rest.is_empty() {
            if compress && let Some((_, at)) = self.seen.iter().find(|(seen, _)| seen == rest) {
                let pointer = 0xc000 | at;
                self.words(&[pointer]);
                return;
            }
            if let Ok(at @ 0..0x4000) = u16::try_from(self.octets.len()) {
                self.seen.push((rest.to_owned(), at));
            }
            let (label, tail) = rest.split_once('.').unwrap_or((rest, ""));
            self.octets
                .push(u8::try_from(label.len()).expect("a label has at most 63 octets"));
            self.octets.extend_from_slice(label.as_bytes());
            rest = tail;
        }
        self.octets.push(0);
    }

    fn words(&mut self, words: &[u16]) {
        for word in words {
            self.octets.extend_from_slice(&word.to_be_bytes());
        }
    }

    /// One more in the 16-bit count at `field`; no message here has 256 of anything.
    fn count(&mut self, field: usize) {
        let low = self
            .octets
            .get_mut(field + 1)
            .expect("a header has 12 octets");
        *low = low.checked_add(1).expect("under 256 records");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::Message as Hickory;
    use hickory_proto::rr::Record as HickoryRecord;
    use hickory_proto::rr::RecordType::{MX, SRV, TXT};

    #[test]
    fn hickory_reads_what_is_written() {
        let owner = "Kaede001-mxray.co.jp".to_owned();
        let ttl = 60;
        let mail = |data| Record {
            owner: owner.clone(),
            ttl,
            data,
        };
        let reply = Reply {
            flags: AA,
            answers: vec![
                mail(Data::Mx(10, format!("mx1.{owner}"))),
                mail(Data::Mx(20, "mx.hosting1-mxray.net".to_owned())),
                mail(Data::Txt("v=spf1 mx -all".to_owned())),
                mail(Data::Srv(993, format!("imap.{owner}"))),
            ],
            authority: vec![mail(Data::Soa(owner.clone()))],
            additional: vec![mail(Data::A(Ipv4Addr::new(203, 0, 113, 1)))],
        };
        let octets = Message::new(7, QR | RD)
            .question(&owner, kind::ANY)
            .reply(&reply)
            .edns(1232)
            .octets();
        let read = Hickory::from_vec(&octets).unwrap();
        assert_eq!(read.queries[0].name().to_string(), "Kaede001-mxray.co.jp.");
        let kinds: Vec<_> = read
            .answers
            .iter()
            .map(HickoryRecord::record_type)
            .collect();
        assert_eq!(kinds, [MX, MX, TXT, SRV]);
        assert_eq!(
            read.answers[0].data.to_string(),
            "10 mx1.Kaede001-mxray.co.jp."
        );
        assert_eq!(read.authorities.len(), 1);
        assert_eq!(read.additionals.len(), 1);
        assert_eq!(read.edns.unwrap().max_payload(), 1232);
    }
}
