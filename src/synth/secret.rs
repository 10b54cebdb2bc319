//! TLS as a sensor sees it (RFC 8446, RFC 5246): the hellos octet by octet, and behind them
//! records that only their lengths tell of. Nothing is encrypted: what would be ciphertext
//! is a pattern, which gzip makes small.

/// Versions of records and hellos.
const TLS_1_0: u16 = 0x0301;
const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;
/// What a record may hold before it is encrypted (RFC 8446 section 5.1).
const LARGEST: usize = 16_384;

/// Types of records (RFC 8446 appendix B.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// Which of the two that are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Tls12,
    Tls13,
}

/// A record of that type.
pub(super) fn record(kind: u8, version: u16, octets: &[u8]) -> Vec<u8> {
    [&[kind][..], &version.to_be_bytes(), &vector(2, octets)].concat()
}

/// Octets behind their number in `width` octets.
fn vector(width: usize, octets: &[u8]) -> Vec<u8> {
    let length = u32::try_from(octets.len()).expect("short");
    let length = length.to_be_bytes();
    let (_, length) = length.split_at(4 - width);
    [length, octets].concat()
}

/// An extension.
fn extension(kind: u16, octets: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector(2, octets)].concat()
}

/// What would be ciphertext or a random number.
fn pattern(length: usize) -> Vec<u8> {
    (0..=u8::MAX).rev().cycle().take(length).collect()
}

/// A handshake message.
fn handshake(kind: u8, octets: &[u8]) -> Vec<u8> {
    [&[kind][..], &vector(3, octets)].concat()
}

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asks<'a> {
    pub(super) server_name: Option<&'a str>,
    pub(super) protocols: &'static [&'static str],
    /// A post-quantum key share, which makes it longer than a segment.
    pub(super) large: bool,
    pub(super) version: Version,
}

impl<'a> Asks<'a> {
    pub(super) const fn name(server_name: &'a str) -> Self {
        Self {
            server_name: Some(server_name),
            protocols: &[],
            large: false,
            version: Version::Tls13,
        }
    }

    /// The `ClientHello`, without a record round it.
    pub(super) fn hello(self) -> Vec<u8> {
        let mut extensions = Vec::new();
        if let Some(name) = self.server_name {
            let name = [&[0][..], &vector(2, name.as_bytes())].concat(); // RFC 6066 section 3
            extensions.extend(extension(0, &vector(2, &name)));
        }
        extensions.extend(extension(23, &[])); // extended master secret
        extensions.extend(extension(10, &[0, 4, 0, 29, 0, 23])); // x25519, secp256r1
        extensions.extend(extension(13, &[0, 6, 4, 3, 8, 4, 4, 1])); // signatures
        if !self.protocols.is_empty() {
            let names = self.protocols.iter();
            let names: Vec<u8> = names.flat_map(|name| vector(1, name.as_bytes())).collect();
            extensions.extend(extension(16, &vector(2, &names))); // RFC 7301
        }
        if self.version == Version::Tls13 {
            extensions.extend(extension(43, &[4, 3, 4, 3, 3]));
            extensions.extend(extension(45, &[1, 1]));
            // X25519MLKEM768 and x25519.
            let large = [&[0x11, 0xec][..], &vector(2, &pattern(1216))].concat();
            let small = [&[0, 29][..], &vector(2, &pattern(32))].concat();
            let shares = if self.large {
                [large, small].concat()
            } else {
                small
            };
            extensions.extend(extension(51, &vector(2, &shares)));
        }
        let ciphers = [0x13, 0x01, 0x13, 0x02, 0xc0, 0x2f, 0xc0, 0x30];
        let body = [
            &TLS_1_2.to_be_bytes()[..],
            &pattern(32),
            &vector(1, &pattern(32)),
            &vector(2, &ciphers),
            &[1, 0],
            &vector(2, &extensions),
        ];
        handshake(1, &body.concat())
    }

    /// It in one record.
    pub(super) fn records(self) -> Vec<u8> {
        record(HANDSHAKE, TLS_1_0, &self.hello())
    }

    /// It in two records (RFC 8446 section 5.1), the first of `first` octets.
    pub(super) fn two_records(self, first: usize) -> Vec<u8> {
        let hello = self.hello();
        let (one, other) = hello.split_at(first);
        [one, other]
            .map(|part| record(HANDSHAKE, TLS_1_0, part))
            .concat()
    }
}

impl Version {
    /// What the server says to a `ClientHello`. In version 1.2 the session is resumed
    /// (RFC 5246 section 7.3), so that no certificate is needed.
    pub(super) fn server_flight(self) -> Vec<u8> {
        let (cipher, extensions, behind) = match self {
            Self::Tls12 => (
                [0xc0, 0x2f],
                extension(23, &[]),
                record(HANDSHAKE, TLS_1_2, &pattern(40)),
            ),
            Self::Tls13 => {
                let share = [&[0, 29][..], &vector(2, &pattern(32))].concat();
                let version = extension(43, &TLS_1_3.to_be_bytes());
                let extensions = [version, extension(51, &share)].concat();
                // Extensions, certificates and Finished.
                ([0x13, 0x01], extensions, self.sealed(&[0; 2300]))
            }
        };
        let body = [
            &TLS_1_2.to_be_bytes()[..],
            &pattern(32),
            &vector(1, &pattern(32)),
            &cipher,
            &[0],
            &vector(2, &extensions),
        ];
        let hello = record(HANDSHAKE, TLS_1_2, &handshake(2, &body.concat()));
        let change = record(CHANGE_CIPHER_SPEC, TLS_1_2, &[1]);
        [hello, change, behind].concat()
    }

    /// The end of the client's handshake.
    pub(super) fn client_finished(self) -> Vec<u8> {
        let change = record(CHANGE_CIPHER_SPEC, TLS_1_2, &[1]);
        let finished = match self {
            Self::Tls12 => record(HANDSHAKE, TLS_1_2, &pattern(40)),
            Self::Tls13 => self.sealed(&[0; 36]),
        };
        [change, finished].concat()
    }

    /// So many octets in records of application data: in version 1.3 each longer by the
    /// inner type and the tag, in 1.2 by the nonce and the tag of AES-GCM.
    pub(super) fn sealed(self, plain: &[u8]) -> Vec<u8> {
        let more = match self {
            Self::Tls12 => 24,
            Self::Tls13 => 17,
        };
        let pieces = plain.chunks(LARGEST);
        pieces
            .flat_map(|piece| record(APPLICATION_DATA, TLS_1_2, &pattern(piece.len() + more)))
            .collect()
    }
}

/// A fatal alert in clear: the handshake failed.
pub(super) fn alert() -> Vec<u8> {
    record(ALERT, TLS_1_2, &[2, 40])
}
