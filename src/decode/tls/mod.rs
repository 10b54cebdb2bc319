//! What TLS says in clear (RFC 8446): the names in the client's first message, and the sizes
//! of records.
//!
//! Own code finds the records ([`record`]), puts the first message together ([`hello`]), and
//! finds the extensions of one that is not there whole; what they say is read by tls-parser.

pub mod hello;
pub mod record;

use super::reader::Reader;
use tls_parser::{
    TlsExtension, parse_tls_client_hello_extension, parse_tls_extension_unknown,
    parse_tls_handshake_client_hello,
};

/// What a client asks for in its first message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// The server's name (RFC 6066 section 3), as sent.
    pub server_name: Option<&'a [u8]>,
    /// The first application protocol that is offered (RFC 7301).
    pub alpn: Option<&'a [u8]>,
}

impl<'a> ClientHello<'a> {
    /// Reads the body of a `ClientHello` message (RFC 8446 section 4.1.2). What is broken is
    /// as if it were not there.
    #[must_use]
    pub fn read(body: &'a [u8]) -> Self {
        let Ok((_, contents)) = parse_tls_handshake_client_hello(body) else {
            return Self::default();
        };
        Self::of_extensions(contents.ext.unwrap_or_default())
    }

    /// Reads as much of a `ClientHello` as stands in a segment that begins with its record: the
    /// names in those extensions that are there whole. With the keys of today (RFC 8446 section
    /// 4.2.8, X25519MLKEM768) it seldom fits into one.
    #[must_use]
    pub fn first_segment(segment: &'a [u8]) -> Self {
        Self::of_extensions(Self::extensions(segment).unwrap_or_default())
    }

    /// Where the extensions stand, up to the end of the record or of the segment.
    fn extensions(segment: &'a [u8]) -> Option<&'a [u8]> {
        let mut reader = Reader::new(segment);
        let [kind, major, _] = reader.array()?;
        let record = usize::from(reader.u16()?);
        let rest = reader.rest();
        let mut reader = Reader::new(rest.get(..record).unwrap_or(rest));
        let [message, ..] = reader.array::<4>()?;
        if kind != record::HANDSHAKE || major != 3 || message != hello::CLIENT_HELLO {
            return None;
        }
        // Version and random number; session, cipher suites, compression; length of extensions.
        reader.skip(2 + 32)?;
        let session = reader.u8()?;
        reader.skip(session.into())?;
        let suites = reader.u16()?;
        reader.skip(suites.into())?;
        let compressions = reader.u8()?;
        reader.skip(compressions.into())?;
        let length = usize::from(reader.u16()?);
        let rest = reader.rest();
        Some(rest.get(..length).unwrap_or(rest))
    }

    fn of_extensions(mut rest: &'a [u8]) -> Self {
        let mut hello = Self::default();
        // One by one, so that one that is broken does not take the others with it.
        while let Ok((behind, _)) = parse_tls_extension_unknown(rest) {
            if let Ok((_, extension)) = parse_tls_client_hello_extension(rest) {
                match extension {
                    TlsExtension::SNI(names) => {
                        let first = names.into_iter().map(|(_, name)| name).next();
                        hello.server_name = hello.server_name.or(first);
                    }
                    TlsExtension::ALPN(protocols) => {
                        hello.alpn = hello.alpn.or(protocols.into_iter().next());
                    }
                    _ => {}
                }
            }
            rest = behind;
        }
        hello
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The body of a `ClientHello` with these extensions.
    pub(crate) fn body(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut all = Vec::new();
        for (kind, data) in extensions {
            all.extend(kind.to_be_bytes());
            all.extend(sized(data));
        }
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
        body.extend(sized(&all));
        body
    }

    fn sized(data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).unwrap();
        [&length.to_be_bytes()[..], data].concat()
    }

    pub(crate) fn sni(name: &str) -> (u16, Vec<u8>) {
        let entry = [&[0][..], &sized(name.as_bytes())].concat();
        (0, sized(&entry))
    }

    pub(crate) fn alpn(names: &[&str]) -> (u16, Vec<u8>) {
        let mut list = Vec::new();
        for name in names {
            list.push(u8::try_from(name.len()).unwrap());
            list.extend(name.bytes());
        }
        (16, sized(&list))
    }

    #[test]
    fn names_are_read_and_other_extensions_passed_over() {
        let octets = body(&[
            (0x0a0a, vec![]),
            (10, vec![0, 4, 0, 29, 0, 23]),
            sni("mx.example"),
            alpn(&["smtp", "h2"]),
        ]);
        let hello = ClientHello::read(&octets);
        assert_eq!(hello.server_name, Some(&b"mx.example"[..]));
        assert_eq!(hello.alpn, Some(&b"smtp"[..]));
    }

    #[test]
    fn a_name_in_the_first_segment_is_read_wherever_the_segment_ends() {
        let body = body(&[sni("dns.example"), alpn(&["h2"]), (51, vec![0; 1200])]);
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let message = [&[1], &length[1..], &body].concat();
        let record = [&[22, 3, 1][..], &sized(&message)].concat();
        // Record, message, version, random, session, suites, compression, length; the name.
        let name = 5 + 4 + 2 + 32 + 1 + 4 + 2 + 2 + (4 + 5 + 11);
        for end in 0..=record.len() {
            let hello = ClientHello::first_segment(&record[..end]);
            let expected = (end >= name).then_some(&b"dns.example"[..]);
            assert_eq!(hello.server_name, expected, "cut at {end}");
        }
        let mut other = record.clone();
        other[5] = 2;
        assert_eq!(ClientHello::first_segment(&other), ClientHello::default());
        // A record of few octets ends there, whatever stands behind it.
        other = record;
        other[3..5].copy_from_slice(&[0, 30]);
        assert_eq!(ClientHello::first_segment(&other), ClientHello::default());
    }

    #[test]
    fn what_is_broken_is_as_if_it_were_not_there() {
        let octets = body(&[(5, vec![]), (16, vec![9]), sni("mx.example")]);
        let hello = ClientHello::read(&octets);
        assert_eq!(hello.server_name, Some(&b"mx.example"[..]));
        assert_eq!(hello.alpn, None);
        let none = ClientHello::default();
        assert_eq!(ClientHello::read(&body(&[])), none);
        for end in 0..octets.len() {
            assert_eq!(ClientHello::read(&octets[..end]), none, "cut at {end}");
        }
    }
}
