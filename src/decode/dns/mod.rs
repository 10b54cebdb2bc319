//! DNS messages (RFC 1035): header, first question, and of the records those that mxray's
//! job needs.
//!
//! A message is read as far as it goes: a readable header counts though the question behind
//! it is broken, which is then reported beside it. hickory-proto is the oracle of this
//! module's differential test.

pub mod framing;
pub mod full;
pub mod name;

use super::malformed::Malformed;
use super::reader::Reader;
pub use name::Name;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Length of a message header in octets (RFC 1035 section 4.1.1).
pub const HEADER: usize = 12;

/// A message whose header could be read.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The header.
    pub header: Header,
    /// The first question, where there is one and it could be read.
    pub question: Option<Question<'a>>,
    /// The type of the first question, if that is there to its end: also where its name is
    /// broken.
    pub qtype: Option<QType>,
    /// What was wrong with that question.
    pub damage: Option<Malformed>,
    octets: &'a [u8],
    records_at: usize,
}

/// A message header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Identifier that a reply repeats.
    pub id: u16,
    /// The flag and code bits, as they stand on the wire.
    pub flags: u16,
    /// How many questions and records the header counts: question, answer, authority,
    /// additional.
    pub counts: [u16; 4],
}

impl Header {
    #[inline]
    fn of(octets: [u8; HEADER]) -> Self {
        let [i0, i1, f0, f1, q0, q1, n0, n1, u0, u1, d0, d1] = octets;
        Self {
            id: u16::from_be_bytes([i0, i1]),
            flags: u16::from_be_bytes([f0, f1]),
            counts: [[q0, q1], [n0, n1], [u0, u1], [d0, d1]].map(u16::from_be_bytes),
        }
    }

    /// QR: the message is a reply.
    #[must_use]
    pub fn is_reply(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// OPCODE: 0 is a standard query.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        (self.flags >> 11 & 0xf) as u8
    }

    /// TC: the sender cut the message.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// RD: the asker wants the server to do the work, as a stub resolver does.
    #[must_use]
    pub fn recursion_desired(&self) -> bool {
        self.flags & 0x0100 != 0
    }

    /// RCODE, the four bits of the header.
    #[must_use]
    pub fn rcode(&self) -> u8 {
        (self.flags & 0xf) as u8
    }
}

/// RCODE 2: the server failed.
pub const SERVFAIL: u8 = 2;
/// RCODE 3: the name does not exist.
pub const NXDOMAIN: u8 = 3;

/// QCLASS 1: the Internet, the class of all mail (RFC 1035 section 3.2.4).
pub const INTERNET: u16 = 1;

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// QNAME.
    pub name: Name<'a>,
    /// QTYPE.
    pub qtype: QType,
    /// QCLASS.
    pub qclass: u16,
}

/// A record or question type, by its number
/// (<https://www.iana.org/assignments/dns-parameters>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QType(pub u16);

impl QType {
    /// IPv4 address.
    pub const A: Self = Self(1);
    /// Authoritative server.
    pub const NS: Self = Self(2);
    /// Alias.
    pub const CNAME: Self = Self(5);
    /// Start of a zone; in the authority section it marks a negative answer (RFC 2308).
    pub const SOA: Self = Self(6);
    /// Reverse lookup and service enumeration.
    pub const PTR: Self = Self(12);
    /// Mail exchanger.
    pub const MX: Self = Self(15);
    /// Text: SPF, DKIM, DMARC and others.
    pub const TXT: Self = Self(16);
    /// IPv6 address.
    pub const AAAA: Self = Self(28);
    /// Service location.
    pub const SRV: Self = Self(33);
    /// TLS certificate association (RFC 6698).
    pub const TLSA: Self = Self(52);
    /// Service binding for the web (RFC 9460): asked for by browsers.
    pub const HTTPS: Self = Self(65);
    /// Every type at once.
    pub const ANY: Self = Self(255);
}

/// Reads a message's header and first question.
///
/// # Errors
/// [`Malformed::DnsHeader`] where even the header is cut.
#[expect(
    clippy::inline_always,
    reason = "on the way of every message: a call would put it into memory, and copy it out again"
)]
#[inline(always)]
pub fn decode(octets: &[u8]) -> Result<Message<'_>, Malformed> {
    let head = octets.first_chunk().ok_or(Malformed::DnsHeader)?;
    let header = Header::of(*head);
    let mut reader = Reader::at(octets, HEADER);
    let [questions, ..] = header.counts;
    let read = (questions > 0).then(|| question(octets, &mut reader));
    let (question, qtype, damage) = match read {
        Some(Ok(question)) => (Some(question), Some(question.qtype), None),
        Some(Err(damage)) => (None, type_behind_name(octets), Some(damage)),
        None => (None, None, None),
    };
    Ok(Message {
        header,
        question,
        qtype,
        damage,
        octets,
        records_at: reader.offset(),
    })
}

/// The type of the first question, found by the form of its name alone.
fn type_behind_name(octets: &[u8]) -> Option<QType> {
    let mut reader = Reader::at(octets, HEADER);
    Name::skip(&mut reader)?;
    let qtype = reader.u16()?;
    // Its class must be there too, or the question is cut.
    reader.skip(2).map(|()| QType(qtype))
}

#[expect(
    clippy::inline_always,
    reason = "on the way of every message: a call would put it into memory, and copy it out again"
)]
#[inline(always)]
fn question<'a>(octets: &'a [u8], reader: &mut Reader<'a>) -> Result<Question<'a>, Malformed> {
    let name = Name::read(octets, reader)?;
    let qtype = QType(reader.u16().ok_or(Malformed::DnsQuestion)?);
    let qclass = reader.u16().ok_or(Malformed::DnsQuestion)?;
    Ok(Question {
        name,
        qtype,
        qclass,
    })
}

impl<'a> Message<'a> {
    /// The records behind the questions, in order; ends at the first that is broken, with
    /// what broke it. A message whose first question is damaged yields none.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        let [questions, answers, authority, additional] = self.header.counts;
        let left = if self.damage.is_some() {
            [0; 3]
        } else {
            [answers, authority, additional]
        };
        Records {
            octets: self.octets,
            reader: Reader::at(self.octets, self.records_at),
            questions: questions.saturating_sub(1),
            question: self.question.map(|question| question.name),
            left,
            pointers: 0,
        }
    }

    /// What is wrong with the first record that is broken, if any is: what [`Self::records`] ends
    /// with, at a fraction of its cost, for whoever wants nothing else of them.
    #[must_use]
    pub fn broken_record(&self) -> Option<Malformed> {
        let mut records = self.records();
        loop {
            records.pass_usual();
            match records.next()? {
                Ok(_) => {}
                Err(damage) => return Some(damage),
            }
        }
    }
}

/// Iterator over a message's records.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    octets: &'a [u8],
    reader: Reader<'a>,
    /// Questions behind the first, which are passed over.
    questions: u16,
    /// The first one's name, which most records repeat by a pointer to it.
    question: Option<Name<'a>>,
    left: [u16; 3],
    /// Compression pointers followed so far. One for each octet of the message is far more
    /// than a writer can use, and keeps a message of pointers from costing its length squared.
    pointers: usize,
}

/// A section of a message that holds records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Answers the question.
    Answer,
    /// Points to who knows, or marks a negative answer.
    Authority,
    /// The rest.
    Additional,
}

/// A resource record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it stands.
    pub section: Section,
    /// The name that it belongs to.
    pub owner: Name<'a>,
    /// TYPE.
    pub rtype: QType,
    /// TTL in seconds.
    pub ttl: u32,
    /// RDATA.
    pub data: Data<'a>,
}

/// A record's data, for the types that are read.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// The name that the owner is an alias of.
    Cname(Name<'a>),
    /// A mail exchanger.
    Mx {
        /// Lower is tried first.
        preference: u16,
        /// The exchanger's name; the root means "accepts no mail" (RFC 7505).
        exchange: Name<'a>,
    },
    /// A type of which only the place and length count.
    Other,
}

impl<'a> Records<'a> {
    #[inline]
    fn name(&mut self, reader: &mut Reader<'a>) -> Result<Name<'a>, Malformed> {
        let repeated = self.question.and_then(|name| name.repeated(reader));
        let name = match repeated {
            Some(name) => name,
            None => Name::read(self.octets, reader)?,
        };
        self.pointers += name.pointers();
        if self.pointers > self.octets.len() {
            return Err(Malformed::DnsPointer);
        }
        Ok(name)
    }

    /// Passes over records that are right at a glance, as most are, up to the first that must be
    /// read: the owner is the root or a pointer into the question's name, and the data have the one
    /// length that their type can have, or any.
    #[inline]
    fn pass_usual(&mut self) {
        let Some(question) = self.question.filter(|_| self.questions == 0) else {
            return;
        };
        let Self {
            octets,
            reader,
            left: [answers, authority, additional],
            pointers,
            ..
        } = self;
        for left in [answers, authority, additional] {
            while *left > 0 {
                let (behind, pointer) = match *reader.rest() {
                    [0, ref behind @ ..] => (behind, 0),
                    [high, low, ref behind @ ..]
                        if question.is_led_to(u16::from_be_bytes([high, low])) =>
                    {
                        (behind, 1)
                    }
                    _ => return,
                };
                let Some((&[t0, t1, _, _, _, _, _, _, l0, l1], data)) = behind.split_first_chunk()
                else {
                    return;
                };
                let length = usize::from(u16::from_be_bytes([l0, l1]));
                let fits = match QType(u16::from_be_bytes([t0, t1])) {
                    QType::A => length == 4,
                    QType::AAAA => length == 16,
                    QType::CNAME | QType::MX => false,
                    _ => true,
                };
                if !fits || length > data.len() || *pointers + pointer > octets.len() {
                    return;
                }
                *pointers += pointer;
                *left -= 1;
                *reader = Reader::at(octets, octets.len() - (data.len() - length));
            }
        }
    }

    /// Passes over the questions behind the first.
    #[cold]
    fn questions(&mut self) -> Result<(), Malformed> {
        for _ in 0..std::mem::take(&mut self.questions) {
            let mut reader = self.reader;
            self.name(&mut reader)?;
            reader.skip(4).ok_or(Malformed::DnsQuestion)?;
            self.reader = reader;
        }
        Ok(())
    }

    #[inline]
    fn record(&mut self, section: Section) -> Result<Record<'a>, Malformed> {
        if self.questions > 0 {
            self.questions()?;
        }
        let mut reader = self.reader;
        let owner = self.name(&mut reader)?;
        self.reader = reader;
        let reader = &mut self.reader;
        let fixed = reader.array().ok_or(Malformed::DnsRecord)?;
        let [t0, t1, _, _, ttl @ .., l0, l1]: [u8; 10] = fixed;
        let rtype = QType(u16::from_be_bytes([t0, t1]));
        let ttl = u32::from_be_bytes(ttl);
        let length = u16::from_be_bytes([l0, l1]);
        let mut data = *reader;
        reader.skip(length.into()).ok_or(Malformed::DnsRecord)?;
        let end = reader.offset();
        let data = self.data(rtype, &mut data, end)?;
        Ok(Record {
            section,
            owner,
            rtype,
            ttl,
            data,
        })
    }

    #[inline]
    fn data(
        &mut self,
        rtype: QType,
        reader: &mut Reader<'a>,
        end: usize,
    ) -> Result<Data<'a>, Malformed> {
        let short = Malformed::DnsRecord;
        let data = match rtype {
            QType::A => Data::A(reader.array::<4>().ok_or(short)?.into()),
            QType::AAAA => Data::Aaaa(reader.array::<16>().ok_or(short)?.into()),
            QType::CNAME => Data::Cname(self.name(reader)?),
            QType::MX => {
                let preference = reader.u16().ok_or(short)?;
                Data::Mx {
                    preference,
                    exchange: self.name(reader)?,
                }
            }
            _ => return Ok(Data::Other),
        };
        // What was read must be all of RDATA, neither more nor less.
        if reader.offset() == end {
            Ok(data)
        } else {
            Err(short)
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let [answers, authority, additional] = &mut self.left;
        let (count, section) = if *answers > 0 {
            (answers, Section::Answer)
        } else if *authority > 0 {
            (authority, Section::Authority)
        } else if *additional > 0 {
            (additional, Section::Additional)
        } else {
            return None;
        };
        *count -= 1;
        let record = self.record(section);
        if record.is_err() {
            self.left = [0; 3];
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Header: id 0x1234, flags, counts.
    fn header(flags: u16, counts: [u16; 4]) -> Vec<u8> {
        let mut octets = vec![0x12, 0x34];
        octets.extend(flags.to_be_bytes());
        for count in counts {
            octets.extend(count.to_be_bytes());
        }
        octets
    }

    #[test]
    fn a_query() {
        let mut octets = header(0x0100, [1, 0, 0, 0]);
        octets.extend(b"\x04mail\x02ex\x00\x00\x0f\x00\x01");
        let message = decode(&octets).unwrap();
        assert!(!message.header.is_reply() && message.header.recursion_desired());
        assert_eq!((message.header.id, message.header.opcode()), (0x1234, 0));
        let question = message.question.unwrap();
        assert_eq!((question.qtype, question.qclass), (QType::MX, 1));
        assert_eq!(question.name.first_label(), b"mail");
        assert_eq!(message.damage, None);
        assert!(message.records().next().is_none());
    }

    #[test]
    fn damage_stands_beside_what_could_be_read() {
        assert_eq!(decode(&[0; 11]).unwrap_err(), Malformed::DnsHeader);
        let none = header(0, [0; 4]);
        let message = decode(&none).unwrap();
        assert!(message.question.is_none() && message.damage.is_none());
        let missing = header(0, [1, 0, 0, 0]);
        assert_eq!(
            decode(&missing).unwrap().damage,
            Some(Malformed::DnsNameOverrun)
        );
        let mut short = header(0, [1, 0, 0, 0]);
        short.extend(b"\x01a\x00\x00\x01\x00");
        let message = decode(&short).unwrap();
        assert!(message.question.is_none());
        assert_eq!(message.damage, Some(Malformed::DnsQuestion));
        // Of further questions only the place counts, where records stand behind them.
        let mut second = header(0, [2, 1, 0, 0]);
        second.extend(b"\x01a\x00\x00\x01\x00\x01\x01b");
        let message = decode(&second).unwrap();
        assert_eq!(message.question.unwrap().qtype, QType::A);
        assert_eq!(message.damage, None);
        let records: Vec<_> = message.records().map(Result::err).collect();
        assert_eq!(records, [Some(Malformed::DnsNameOverrun)]);
    }

    #[test]
    fn behind_a_broken_name_the_type_is_read() {
        for (name, qtype) in [
            (&b"\x01a\xc0\x0c"[..], Some(QType::MX)),
            (
                &[[3, b'x', b'x', b'x'].repeat(70).as_slice(), &[0]].concat(),
                Some(QType::MX),
            ),
            (b"\x41a\x00", None),
        ] {
            let octets = [&header(0, [1, 0, 0, 0]), name, b"\x00\x0f\x00\x01"].concat();
            let message = decode(&octets).unwrap();
            assert!(message.question.is_none() && message.damage.is_some());
            assert_eq!(message.qtype, qtype);
        }
    }

    #[test]
    fn a_message_of_pointers_costs_no_more_than_its_length() {
        // A chain of pointers, and then record after record at the end of it.
        let mut octets = header(0x8180, [0, u16::MAX, 0, 0]);
        octets.push(0);
        let mut last = 12_u16;
        for _ in 0..120 {
            let at = u16::try_from(octets.len()).unwrap();
            octets.extend((0xc000 | last).to_be_bytes());
            last = at;
        }
        let chain = octets.len();
        for _ in 0..1000 {
            octets.extend((0xc000 | last).to_be_bytes());
            octets.extend([0; 10]);
        }
        let mut message = decode(&octets).unwrap();
        message.records_at = chain;
        let read = message.records().count();
        assert!(read <= octets.len() / 120 + 1, "{read} records");
    }

    fn reply(records: &[u8], counts: [u16; 3]) -> Vec<u8> {
        let [answers, authority, additional] = counts;
        let mut octets = header(0x8180, [1, answers, authority, additional]);
        octets.extend(b"\x02ex\x00\x00\x0f\x00\x01");
        octets.extend(records);
        octets
    }

    #[test]
    fn records_that_count_are_read_and_others_passed_over() {
        let octets = reply(
            // MX 10 mail.ex, then CNAME, TXT, SOA (by length), A, AAAA.
            b"\xc0\x0c\x00\x0f\x00\x01\x00\x00\x00\x3c\x00\x09\x00\x0a\x04mail\xc0\x0c\
              \xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01b\xc0\x0c\
              \xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x3c\x00\x02\x01x\
              \xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x3c\x00\x03abc\
              \x00\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01\
              \x00\x00\x1c\x00\x01\x00\x00\x00\x3c\x00\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
            [3, 1, 2],
        );
        let message = decode(&octets).unwrap();
        assert_eq!(message.broken_record(), None);
        let records: Vec<_> = message.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), 6);
        let Data::Mx {
            preference,
            exchange,
        } = records[0].data
        else {
            panic!("no MX")
        };
        assert_eq!(preference, 10);
        assert_eq!(exchange.labels().collect::<Vec<_>>(), [&b"mail"[..], b"ex"]);
        assert!(matches!(records[1].data, Data::Cname(name) if name.first_label() == b"b"));
        assert!(matches!(records[2].data, Data::Other));
        assert_eq!(
            (records[3].section, records[3].rtype),
            (Section::Authority, QType::SOA)
        );
        assert!(matches!(records[4].data, Data::A(a) if a == Ipv4Addr::new(192, 0, 2, 1)));
        assert!(matches!(records[5].data, Data::Aaaa(a) if a.to_string() == "2001:db8::1"));
        assert_eq!(records[5].ttl, 60);
    }

    #[test]
    fn a_broken_record_ends_the_walk() {
        // An A record of three octets, then a good one that must not be believed.
        let octets = reply(
            b"\xc0\x0c\x00\x01\x00\x01\0\0\0\0\x00\x03abc\xc0\x0c\x00\x01\x00\x01\0\0\0\0\x00\x04abcd",
            [2, 0, 0],
        );
        let message = decode(&octets).unwrap();
        let records: Vec<_> = message.records().collect();
        assert_eq!(records.len(), 1);
        assert_eq!(*records[0].as_ref().unwrap_err(), Malformed::DnsRecord);
        // A header that counts records which are not there.
        let octets = reply(b"", [65535, 65535, 65535]);
        assert_eq!(decode(&octets).unwrap().records().count(), 1);
    }

    /// An owner and the data of a record, as often right as not.
    fn any_record() -> impl Strategy<Value = Vec<u8>> {
        let owners: [&[u8]; 7] = [
            b"\xc0\x0c",
            b"\xc0\x0f",
            b"\xc0\x10",
            b"\xc0\x1d",
            b"\x01a\xc0\x0c",
            b"\x00",
            b"\x45",
        ];
        let data: [&[u8]; 5] = [
            b"\x04\x04\x04\x04",
            b"\x00\x0a\xc0\x0c",
            b"\xc0\x0c",
            b"0123456789abcdef",
            b"",
        ];
        let owner = prop::sample::select(owners.to_vec());
        let qtype = prop::sample::select(vec![1_u16, 28, 5, 15, 6, 41]);
        let data = prop::sample::select(data.to_vec());
        (owner, qtype, data, 0_u16..20).prop_map(|(owner, qtype, data, wrong)| {
            let length = u16::try_from(data.len()).unwrap() + wrong.saturating_sub(18);
            [
                owner,
                &qtype.to_be_bytes(),
                &[0, 1, 0, 0, 0, 60],
                &length.to_be_bytes(),
                data,
            ]
            .concat()
        })
    }

    proptest! {
        #[test]
        fn a_glance_finds_what_reading_does(
            records in prop::collection::vec(any_record(), 0..6),
            counts in [0_u16..4, 0_u16..3, 0_u16..3],
            questions in 0_u16..3
        ) {
            let mut octets = reply(&records.concat(), counts);
            if let Some(count) = octets.get_mut(5) {
                *count = u8::try_from(questions).unwrap();
            }
            let message = decode(&octets).unwrap();
            let read = message.records().find_map(Result::err);
            prop_assert_eq!(message.broken_record(), read);
        }
    }
}
