//! What must hold of any octets that are taken for a client's TLS records. The fuzz target
//! tries it on what the fuzzer thinks of, the test `fuzz_seeds` on what is kept.

use mxray::decode::tls::ClientHello;
use mxray::decode::tls::hello::{Gathering, MAX_HELLO};
use mxray::decode::tls::record::{HANDSHAKE, Records, Seen};

/// The names that the first handshake message says; the input comes in pieces of so many
/// octets.
fn names(octets: &[u8], piece: usize) -> Vec<[Option<Vec<u8>>; 2]> {
    let mut told = Vec::new();
    let (mut records, mut gathering) = (Records::default(), Gathering::default());
    let mut lost = false;
    for piece in octets.chunks(piece) {
        records.octets(piece, &mut |seen| {
            assert!(!lost, "nothing follows");
            match seen {
                Seen::Body(HANDSHAKE, body) => gathering.piece(body, &mut |hello| {
                    told.push([hello.server_name, hello.alpn].map(|name| name.map(<[u8]>::to_vec)));
                }),
                Seen::Lost => lost = true,
                _ => {}
            }
        });
        assert!(gathering.kept() <= MAX_HELLO + 4);
    }
    assert!(told.len() <= 1 && told.is_empty() != gathering.is_done());
    told
}

/// # Panics
/// Where it does not hold that a first message is said once and its pieces do not matter,
/// that what is kept is bounded, and that names lie within the message.
pub(crate) fn holds(input: &[u8]) {
    let whole = names(input, input.len().max(1));
    for piece in [1, 7, 600] {
        assert_eq!(names(input, piece), whole);
    }
    let hello = ClientHello::read(input);
    for name in [hello.server_name, hello.alpn].into_iter().flatten() {
        assert!(input.as_ptr_range().contains(&name.as_ptr()) || name.is_empty());
    }
}
