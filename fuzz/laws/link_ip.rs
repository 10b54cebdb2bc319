//! What must hold of any octets that are taken for frames, one after the other, of any link
//! type: headers, tunnels, fragments, and what is said of a LAN's addresses. The fuzz target
//! tries it on what the fuzzer thinks of, the test `fuzz_seeds` on what is kept.

use mxray::capture::{Frame, LinkType, Origin};
use mxray::decode::fragment::{Fragments, MAX_DATAGRAMS, MAX_OCTETS};
use mxray::decode::packet::{Sliced, slice};
use mxray::time::Timestamp;

const LINKS: [LinkType; 8] = [
    LinkType::ETHERNET,
    LinkType::NULL,
    LinkType::RAW,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::IPV4,
    LinkType::IPV6,
];

/// The number of a link type in the input.
#[allow(dead_code, reason = "only those who make seeds ask for it")]
pub(crate) fn number(link: LinkType) -> u8 {
    let place = LINKS.iter().position(|known| *known == link);
    place
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(0)
}

/// The input: a link type, then frames, each behind its length (two octets; the highest bit
/// is whether it was cut) and the seconds since the one before (one octet).
///
/// # Panics
/// Where it does not hold that each frame is one thing, that what waits is within its bounds
/// and adds up, that a payload lies within its frame or in a datagram put together, and that
/// an address of a LAN is said to be a station's, where its frame lies.
pub(crate) fn holds(input: &[u8]) {
    let Some((link, mut rest)) = input.split_first() else {
        return;
    };
    let mut links = LINKS.into_iter().cycle();
    let link = links.nth(usize::from(*link)).expect("there is no end");
    let mut fragments = Fragments::default();
    let (mut waiting, mut seconds, mut number) = (0_u64, 0_i64, 0);
    while let [high, low, wait, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([high & 0x7f, *low]));
        let (bytes, next) = behind.split_at(length.min(behind.len()));
        rest = next;
        seconds += i64::from(*wait);
        number += 1;
        let length = u32::try_from(bytes.len()).expect("15 bits");
        let frame = Frame {
            bytes,
            wire_len: length + u32::from(high >> 7) * 40,
            time: Timestamp::from_parts(seconds, 0),
            link,
            origin: Origin {
                file: 0,
                frame: number,
            },
        };
        let alone = slice(&frame);
        let outcome = fragments.slice(&frame);
        match (&alone, &outcome.sliced) {
            (Sliced::Fragment(_), Sliced::Fragment(_)) => waiting += 1,
            (Sliced::Fragment(_), _) => {}
            (alone, with) => assert_eq!(alone, with),
        }
        if let Sliced::Packet(packet) = &outcome.sliced {
            assert_eq!(packet.origin, frame.origin);
            assert_eq!(packet.time, frame.time);
            let whole = if outcome.reassembled > 0 {
                65_535
            } else {
                bytes.len()
            };
            assert!(packet.payload.len() <= whole);
        }
        if let Sliced::Binding(binding) = &outcome.sliced {
            assert_eq!(binding.origin, frame.origin);
            assert_eq!(binding.time, frame.time);
            assert_eq!(binding.said.mac[0] & 1, 0, "a group has no address");
        }
        assert!(outcome.earlier <= waiting, "no frame counts twice");
        waiting -= outcome.earlier;
        let (datagrams, octets) = fragments.kept();
        assert!(datagrams <= MAX_DATAGRAMS && octets <= MAX_OCTETS);
    }
}
