//! What TLS says in clear (RFC 8446): the names in the client's first message, and the sizes
//! of records.
//!
//! Own code only finds the records ([`record`]) and puts the first message together
//! ([`hello`]); what that says is read by tls-parser.

pub mod hello;
pub mod record;

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
        let mut hello = Self::default();
        let Ok((_, contents)) = parse_tls_handshake_client_hello(body) else {
            return hello;
        };
        let mut rest = contents.ext.unwrap_or_default();
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
