//! What must hold of any octets that are taken for a DNS message. The fuzz target tries it on
//! what the fuzzer thinks of, the test `fuzz_seeds` on what is kept.

use hickory_proto::op::{Edns, Message as Oracle, MessageType};
use hickory_proto::rr::{Name as OracleName, RData, Record as OracleRecord};
use mxray::count::names::{ServerLookup, hash, registrable};
use mxray::decode::dns::name::Room;
use mxray::decode::dns::{Data, Message, Name, Section, decode};
use mxray::decode::malformed::Malformed;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Fewer octets cannot hold a name of more pointers than we follow (127, of two octets each):
/// the one bound that hickory does not have.
const POINTERS_TOO_MANY: usize = 2 * 128;
/// OPCODE of a dynamic update (RFC 2136), whose records may be empty whatever their type.
const UPDATE: u8 = 5;

/// A record as both parsers must tell it.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    section: usize,
    owner: Vec<Vec<u8>>,
    ttl: u32,
    value: Value,
}

#[derive(Debug, PartialEq, Eq)]
enum Value {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Cname(Vec<Vec<u8>>),
    Mx(u16, Vec<Vec<u8>>),
}

/// Reads `octets` to the last record. Whatever hickory accepts we must accept, and then header,
/// first question and all A, AAAA, CNAME and MX records must be the same.
///
/// # Panics
/// Where that does not hold.
pub(crate) fn holds(octets: &[u8]) {
    let ours = decode(octets);
    let rows = ours.as_ref().map(rows);
    let Ok(theirs) = Oracle::from_vec(octets) else {
        return;
    };
    let (Ok(ours), Ok(rows)) = (ours, rows) else {
        panic!("hickory reads what has no header for us");
    };
    header(&ours, &theirs);
    match ours.damage {
        Some(Malformed::DnsPointer) if octets.len() >= POINTERS_TOO_MANY => return,
        damage => assert_eq!(damage, None, "of a question that hickory reads"),
    }
    match (ours.question, theirs.queries.first()) {
        (None, None) => {}
        (Some(ours), Some(theirs)) => {
            assert_eq!(labels(ours.name), oracle_labels(theirs.name()));
            assert_eq!(ours.qtype.0, u16::from(theirs.query_type()));
            assert_eq!(ours.qclass, u16::from(theirs.query_class()));
        }
        (ours, theirs) => panic!("question: {ours:?}, hickory: {theirs:?}"),
    }
    match rows {
        Ok(rows) => assert_eq!(rows, oracle_rows(&theirs)),
        Err(Malformed::DnsPointer) if octets.len() >= POINTERS_TOO_MANY => {}
        Err(Malformed::DnsRecord) if ours.header.opcode() == UPDATE => {}
        Err(damage) => panic!("{damage:?} of a record that hickory reads"),
    }
}

fn header(ours: &Message<'_>, theirs: &Oracle) {
    let metadata = &theirs.metadata;
    assert_eq!(ours.header.id, metadata.id);
    assert_eq!(ours.header.opcode(), u8::from(metadata.op_code));
    let is_reply = metadata.message_type == MessageType::Response;
    assert_eq!(ours.header.is_reply(), is_reply);
    assert_eq!(ours.header.is_truncated(), metadata.truncation);
    assert_eq!(ours.header.recursion_desired(), metadata.recursion_desired);
    // Where there is an OPT record, hickory has put its eight higher bits before ours.
    let high = theirs.edns.as_ref().map_or(0, Edns::rcode_high);
    let rcode = u16::from(high) << 4 | u16::from(ours.header.rcode());
    assert_eq!(rcode, u16::from(metadata.response_code));
}

/// Our records of the types that are read, or what broke the walk.
fn rows(message: &Message<'_>) -> Result<Vec<Row>, Malformed> {
    if let Some(question) = message.question {
        // Seen to here as well, in case that hickory refuses the message.
        labels(question.name);
        let mut room = Room::default();
        let _ = ServerLookup::of(question.qtype, question.name.fold(&mut room));
    }
    let mut rows = Vec::new();
    let mut ended = None;
    for record in message.records() {
        assert_eq!(ended, None, "nothing follows a broken record");
        let record = match record {
            Ok(record) => record,
            Err(damage) => {
                ended = Some(damage);
                continue;
            }
        };
        let owner = labels(record.owner);
        let value = match record.data {
            Data::A(address) => Value::A(address),
            Data::Aaaa(address) => Value::Aaaa(address),
            Data::Cname(name) => Value::Cname(labels(name)),
            Data::Mx {
                preference,
                exchange,
            } => Value::Mx(preference, labels(exchange)),
            Data::Other => continue,
        };
        let section = match record.section {
            Section::Answer => 0,
            Section::Authority => 1,
            Section::Additional => 2,
        };
        rows.push(Row {
            section,
            owner,
            ttl: record.ttl,
            value,
        });
    }
    ended.map_or(Ok(rows), Err)
}

fn oracle_rows(message: &Oracle) -> Vec<Row> {
    let row = |section: usize, record: &OracleRecord| {
        let value = match &record.data {
            RData::A(address) => Value::A(address.0),
            RData::AAAA(address) => Value::Aaaa(address.0),
            RData::CNAME(name) => Value::Cname(oracle_labels(&name.0)),
            RData::MX(mx) => Value::Mx(mx.preference, oracle_labels(&mx.exchange)),
            _ => return None,
        };
        let owner = oracle_labels(&record.name);
        let ttl = record.ttl;
        Some(Row {
            section,
            owner,
            ttl,
            value,
        })
    };
    [&message.answers, &message.authorities, &message.additionals]
        .into_iter()
        .enumerate()
        .flat_map(|(section, records)| records.iter().filter_map(move |one| row(section, one)))
        .collect()
}

/// The labels of a name, after a look at everything else that is said of it.
fn labels(name: Name<'_>) -> Vec<Vec<u8>> {
    let labels: Vec<_> = name.labels().map(<[u8]>::to_vec).collect();
    let mut expected = Vec::new();
    for label in &labels {
        expected.push(u8::try_from(label.len()).expect("at most 63"));
        expected.extend(label.to_ascii_lowercase());
    }
    assert_eq!(name.wire_len(), expected.len() + 1);
    assert_eq!(
        name.first_label(),
        labels.first().map_or(&[][..], |one| one)
    );
    let mut room = Room::default();
    let folded = name.fold(&mut room);
    assert_eq!(folded, expected);
    let domain = registrable(folded);
    assert!(folded.ends_with(domain), "a domain is the end of its name");
    assert_eq!(hash(domain), hash(registrable(domain)), "of itself");
    labels
}

fn oracle_labels(name: &OracleName) -> Vec<Vec<u8>> {
    name.iter().map(<[u8]>::to_vec).collect()
}
