//! The same bytes read by others: hickory-proto for DNS, etherparse for headers, psl for
//! registrable domains.

use crate::captures::{self, Captured};
use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use hickory_proto::op::{Header, Message, MessageType, Query};
use hickory_proto::rr::{RData, RecordData as _};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder};
use mxray::capture::{Frame, LinkType, Origin};
use mxray::count::names::registrable;
use mxray::decode::dns::{self, Data};
use mxray::decode::observation::DNS;
use mxray::decode::packet::{Packet, Segment, Sliced, Transport, slice};
use mxray::time::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A name as its labels.
type Labels = Vec<Vec<u8>>;

/// A record of which the data is read.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Address(Labels, IpAddr),
    Cname(Labels, Labels),
    Mx(Labels, u16, Labels),
}

fn our_name(name: &dns::Name<'_>) -> Labels {
    name.labels().map(<[u8]>::to_vec).collect()
}

fn their_name(name: &hickory_proto::rr::Name) -> Labels {
    name.iter().map(<[u8]>::to_vec).collect()
}

/// Our records of the four types, and what ended the walk.
fn our_records(message: &dns::Message<'_>) -> (Vec<Told>, Option<&'static str>) {
    let mut told = Vec::new();
    for record in message.records() {
        let record = match record {
            Ok(record) => record,
            Err(damage) => return (told, Some(damage.name())),
        };
        let owner = our_name(&record.owner);
        told.extend(match record.data {
            Data::A(ip) => Some(Told::Address(owner, ip.into())),
            Data::Aaaa(ip) => Some(Told::Address(owner, ip.into())),
            Data::Cname(name) => Some(Told::Cname(owner, our_name(&name))),
            Data::Mx {
                preference,
                exchange,
            } => Some(Told::Mx(owner, preference, our_name(&exchange))),
            Data::Other => None,
        });
    }
    (told, None)
}

fn their_records(message: &Message) -> Vec<Told> {
    let told = message.all_sections().filter_map(|record| {
        let owner = their_name(&record.name);
        match &record.data {
            RData::A(ip) => Some(Told::Address(owner, ip.0.into())),
            RData::AAAA(ip) => Some(Told::Address(owner, ip.0.into())),
            RData::CNAME(name) => Some(Told::Cname(owner, their_name(&name.0))),
            RData::MX(mx) => Some(Told::Mx(owner, mx.preference, their_name(&mx.exchange))),
            _ => None,
        }
    });
    told.collect()
}

/// How the two readings of a message compare.
#[derive(Debug, Default)]
struct Compared {
    /// Messages that hickory reads whole, and so do we, with the same result.
    whole: u64,
    /// Messages that hickory refuses: header and first question agree.
    refused: u64,
    /// Differences by design, by reason.
    by_design: BTreeMap<&'static str, u64>,
    /// Differences that nobody has explained.
    differing: Vec<String>,
}

mod reasons {
    /// RFC 2136 section 2.4: in a dynamic update a record of no data means "delete"; it has
    /// a type and no address. Updates are no lookups, so that nothing reads their records.
    pub(super) const EMPTY: &str = "empty data of a dynamic update";
}

impl Compared {
    fn message(&mut self, place: &str, octets: &[u8]) {
        let Ok(ours) = dns::decode(octets) else {
            let short = Header::read(&mut BinDecoder::new(octets)).is_err();
            return self.note(short, place, "we refuse the header");
        };
        let mut decoder = BinDecoder::new(octets);
        let Ok(header) = Header::read(&mut decoder) else {
            return self.note(false, place, "hickory refuses the header");
        };
        let same = same_header(ours.header, &header);
        self.note(same, place, "header");
        let first = (header.counts.queries > 0).then(|| Query::read(&mut decoder));
        let Ok(theirs) = Message::from_vec(octets) else {
            // Only what both can read is compared.
            match first {
                Some(Ok(query)) => self.note(same_question(&ours, &query), place, "question"),
                Some(Err(error)) => {
                    let message = format!("hickory refuses the question: {error}");
                    self.note(ours.question.is_none(), place, &message);
                }
                None => self.note(ours.question.is_none(), place, "no question"),
            }
            self.refused += 1;
            return;
        };
        match theirs.queries.first() {
            Some(query) => self.note(same_question(&ours, query), place, "question"),
            None => self.note(ours.question.is_none(), place, "no question"),
        }
        let (records, broken) = our_records(&ours);
        let expected = their_records(&theirs);
        if records == expected && broken.is_none() {
            self.whole += 1;
        } else if theirs.all_sections().any(|record| record.data.is_update()) {
            *self.by_design.entry(reasons::EMPTY).or_default() += 1;
        } else {
            let difference = format!("{place}: {records:?} {broken:?}, {expected:?}");
            self.differing.push(difference);
        }
    }

    fn note(&mut self, agree: bool, place: &str, what: &str) {
        if !agree {
            self.differing.push(format!("{place}: {what}"));
        }
    }

    /// Every DNS message over UDP in these frames.
    fn frames(&mut self, name: &str, frames: &[Captured]) {
        for captured in frames {
            if let Sliced::Packet(packet) = slice(&captured.frame())
                && packet.transport == Transport::Udp
                && (packet.src_port == DNS || packet.dst_port == DNS)
            {
                let place = format!("{name} frame {}", captured.origin.frame);
                self.message(&place, packet.payload);
            }
        }
    }

    fn told(&self) {
        println!(
            "{} whole, {} refused by hickory, by design {:?}",
            self.whole, self.refused, self.by_design
        );
        for difference in &self.differing {
            println!("{difference}");
        }
    }
}

fn same_header(ours: dns::Header, theirs: &Header) -> bool {
    let metadata = &theirs.metadata;
    let counts = &theirs.counts;
    ours.id == metadata.id
        && ours.is_reply() == (metadata.message_type == MessageType::Response)
        && ours.opcode() == u8::from(metadata.op_code)
        && ours.is_truncated() == metadata.truncation
        && ours.recursion_desired() == metadata.recursion_desired
        && u16::from(ours.rcode()) == u16::from(metadata.response_code)
        && ours.counts
            == [
                counts.queries,
                counts.answers,
                counts.authorities,
                counts.additionals,
            ]
}

fn same_question(ours: &dns::Message<'_>, theirs: &Query) -> bool {
    ours.question.is_some_and(|question| {
        our_name(&question.name) == their_name(theirs.name())
            && question.qtype.0 == u16::from(theirs.query_type())
            && question.qclass == u16::from(theirs.query_class())
    })
}

#[test]
fn made_messages_read_as_hickory_reads_them() {
    let mut compared = Compared::default();
    for name in captures::synth_names() {
        compared.frames(name, &captures::synth(name));
    }
    compared.told();
    assert!(compared.differing.is_empty(), "{:?}", compared.differing);
    assert!(compared.by_design.is_empty(), "{:?}", compared.by_design);
    assert!(compared.whole > 10_000);
}

#[test]
fn real_messages_read_as_hickory_reads_them() {
    let Some(folder) = captures::real_folder() else {
        return;
    };
    let mut compared = Compared::default();
    for path in captures::real_files(&folder) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        compared.frames(&name, &captures::read(&[path]));
    }
    compared.told();
    assert!(compared.differing.is_empty(), "{:?}", compared.differing);
}

/// Octets of an IPv4 or IPv6 packet before its transport header, with the protocol to come.
#[derive(Clone, Debug)]
struct Ip {
    v6: bool,
    options: usize,
    extensions: Vec<(u8, u8)>,
    trailer: usize,
}

fn ip() -> impl Strategy<Value = Ip> {
    // Hop-by-hop only first (RFC 8200 section 4.1), then destination options and routing.
    let extensions = (
        any::<bool>(),
        proptest::collection::vec((prop_oneof![Just(60_u8), Just(43)], 0_u8..3), 0..3),
    );
    (
        any::<bool>(),
        prop_oneof![3 => Just(0_usize), 1 => 1_usize..=10],
        extensions,
        0_usize..20,
    )
        .prop_map(|(v6, options, (hop, mut extensions), trailer)| {
            if hop {
                extensions.insert(0, (0, 1));
            }
            Ip {
                v6,
                options,
                extensions,
                trailer,
            }
        })
}

/// A frame of these parts; `Ip::trailer` octets of padding behind the packet.
fn build(
    vlans: &[u16],
    ip: &Ip,
    extended: bool,
    udp: bool,
    options: usize,
    ports: [u16; 2],
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for tag in vlans {
        frame.extend([0x81, 0x00]);
        frame.extend(tag.to_be_bytes());
    }
    let mut transport = ports.map(u16::to_be_bytes).concat();
    if udp {
        let length = u16::try_from(8 + payload.len()).unwrap();
        transport.extend(length.to_be_bytes());
        transport.extend([0, 0]);
    } else {
        transport.extend([0, 0, 0, 1, 0, 0, 0, 2]);
        transport.extend([
            u8::try_from(5 + options).unwrap() << 4,
            0x10,
            1,
            0,
            0,
            0,
            0,
            0,
        ]);
        transport.extend(vec![1; 4 * options]);
    }
    transport.extend(payload);
    let protocol = if udp { 17 } else { 6 };
    if ip.v6 {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        let extensions = if extended { &ip.extensions[..] } else { &[] };
        let mut headers = Vec::new();
        for (index, &(_, length)) in extensions.iter().enumerate() {
            headers.push(extensions.get(index + 1).map_or(protocol, |next| next.0));
            headers.push(length);
            // PadN over the rest, or a routing header of an unknown type with none left.
            headers.extend([1, 4 + 8 * length]);
            headers.extend(vec![0; 4 + 8 * usize::from(length)]);
        }
        let length = u16::try_from(headers.len() + transport.len()).unwrap();
        frame.extend(length.to_be_bytes());
        frame.extend([extensions.first().map_or(protocol, |first| first.0), 64]);
        frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 53]);
        frame.extend(headers);
    } else {
        let words = 5 + if extended { ip.options } else { 0 };
        let length = u16::try_from(4 * words + transport.len()).unwrap();
        frame.extend([0x08, 0x00, 0x40 | u8::try_from(words).unwrap(), 0]);
        frame.extend(length.to_be_bytes());
        frame.extend([
            0, 0, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, 7, 192, 0, 2, 53,
        ]);
        frame.extend(vec![1; 4 * (words - 5)]);
    }
    frame.extend(transport);
    frame.extend(vec![0xee; ip.trailer]);
    frame
}

/// What etherparse makes of the frame: addresses, ports, payload.
type Theirs<'a> = (IpAddr, IpAddr, Transport, [u16; 2], &'a [u8]);

fn theirs(frame: &[u8]) -> Option<Theirs<'_>> {
    let packet = LaxSlicedPacket::from_ethernet(frame).ok()?;
    let (src, dst): (IpAddr, IpAddr) = match packet.net? {
        LaxNetSlice::Ipv4(ip) => (
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
        ),
        LaxNetSlice::Ipv6(ip) => (
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
        ),
        LaxNetSlice::Arp(_) => return None,
    };
    match packet.transport? {
        TransportSlice::Udp(udp) => {
            let ports = [udp.source_port(), udp.destination_port()];
            Some((src, dst, Transport::Udp, ports, udp.payload()))
        }
        TransportSlice::Tcp(tcp) => {
            let ports = [tcp.source_port(), tcp.destination_port()];
            let segment = Segment {
                seq: tcp.sequence_number(),
                ack: tcp.acknowledgment_number(),
                flags: *tcp.slice().get(13)?,
            };
            Some((src, dst, Transport::Tcp(segment), ports, tcp.payload()))
        }
        _ => None,
    }
}

fn ours<'a>(packet: &Packet<'a>) -> Theirs<'a> {
    let ports = [packet.src_port, packet.dst_port];
    (
        packet.src.ip(),
        packet.dst.ip(),
        packet.transport,
        ports,
        packet.payload,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn headers_read_as_etherparse_reads_them(
        // etherparse stops after three tags.
        vlans in proptest::collection::vec(0_u16..4096, 0..4),
        ip in ip(),
        (extended, udp, options) in (any::<bool>(), any::<bool>(), 0_usize..5),
        ports in any::<[u16; 2]>(),
        payload in proptest::collection::vec(any::<u8>(), 0..80),
        // Mostly whole, else cut anywhere.
        cut in prop_oneof![Just(None), (0.0..1.0_f64).prop_map(Some)],
    ) {
        let whole = build(&vlans, &ip, extended, udp, options, ports, &payload);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the frame")]
        let end = cut.map_or(whole.len(), |part| (whole.len() as f64 * part) as usize);
        let bytes = &whole[..end];
        let frame = Frame {
            bytes,
            wire_len: u32::try_from(whole.len()).unwrap(),
            time: Timestamp::default(),
            link: LinkType::ETHERNET,
            origin: Origin::default(),
        };
        let sliced = slice(&frame);
        match (&sliced, theirs(bytes)) {
            (Sliced::Packet(packet), Some(expected)) => {
                prop_assert_eq!(ours(packet), expected);
                prop_assert_eq!(packet.tag.vlan, vlans.first().copied());
                prop_assert_eq!(packet.tag.mac, Some([2, 0, 0, 0, 0, 2]));
                // Cut is what lacks payload; a lost trailer is no loss.
                prop_assert_eq!(packet.is_cut(), end < whole.len() - ip.trailer);
                if !packet.is_cut() {
                    prop_assert_eq!(packet.payload, &payload[..]);
                }
            }
            // Cut within the options: all but them is known.
            (Sliced::Packet(packet), None) => {
                prop_assert!(matches!(packet.transport, Transport::Tcp(_)));
                prop_assert!(end < whole.len() && packet.payload.is_empty());
                prop_assert_eq!(packet.missing as usize, payload.len());
            }
            (Sliced::Malformed(damage), None) => {
                prop_assert_eq!(damage.name(), "snaplen-cut");
                prop_assert!(end < whole.len());
            }
            (_, expected) => prop_assert!(false, "{:?}, {:?}", sliced, expected),
        }
    }

    #[test]
    fn registrable_domains_are_those_of_the_list(
        labels in proptest::collection::vec("[a-z0-9-]{1,12}", 0..4),
        suffix in prop_oneof![
            Just(""), Just("com"), Just("co.jp"), Just("ac.jp"), Just("kawasaki.jp"), Just("city.kawasaki.jp"),
            Just("ck"), Just("www.ck"), Just("uk"), Just("co.uk"), Just("github.io"), Just("compute.amazonaws.com"),
            Just("s3.amazonaws.com"), Just("arpa"), Just("in-addr.arpa"), Just("local"), Just("corp"), Just("bd"),
        ],
    ) {
        let mut labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        labels.extend(suffix.split('.').filter(|label| !label.is_empty()));
        let name = labels.join(".");
        let fold = |text: &str| {
            let labels = text.split('.').filter(|label| !label.is_empty());
            labels.fold(Vec::new(), |mut folded, label| {
                folded.push(u8::try_from(label.len()).unwrap());
                folded.extend(label.as_bytes());
                folded
            })
        };
        // A name that is itself a suffix has no registrable domain: then the whole name.
        let expected = psl::domain_str(&name).unwrap_or(&name);
        let folded = fold(&name);
        prop_assert_eq!(registrable(&folded), &fold(expected)[..], "{}", name);
    }
}
