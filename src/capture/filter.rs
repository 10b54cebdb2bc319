//! Which frames are looked at: an expression in libpcap's language, and a span of packet
//! time. Uses [`super::frame`] and libpcap's compiler.
//!
//! On an interface, Linux takes the VLAN tag off before libpcap's filter sees a frame, so that
//! `port 53` also matches tagged frames; in a file it does not. Here it does in both: a frame
//! with tags passes if the expression matches it as it is (`vlan 7`) or without them. So does
//! `not port 53` match a tagged DNS frame, as it is; `not port 53 and not (vlan and port 53)`
//! is what matches neither.
//!
//! Of a fragmented datagram `port 53` matches the first fragment only, as with libpcap, since
//! ports stand nowhere else; the others are let through by `or ip[6:2] & 0x1fff != 0`.

use super::Fault;
use super::frame::{Frame, LinkType, Origin};
use crate::time::Timestamp;
use pcap::{BpfInstruction, BpfProgram, Capture, Linktype};
use std::path::{Path, PathBuf};

/// The link types that [`Filter::new`] tries an expression for: Ethernet, then those that
/// know words that Ethernet does not (`inbound`, `wlan`).
const TRIED: [LinkType; 5] = [
    LinkType::ETHERNET,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::RAW,
    LinkType(105),
];

/// The instructions that load the length of the packet: `BPF_LD | BPF_LEN` and
/// `BPF_LDX | BPF_LEN` of `bpf(4)`.
const LENGTH_LOADS: [u32; 2] = [0x80, 0x81];

/// The instructions that load from a fixed place in the packet: `BPF_LD | BPF_ABS` with
/// `BPF_W`, `BPF_H` and `BPF_B`.
const LOADS: [u32; 3] = [0x20, 0x28, 0x30];

/// From here on a place is not in the packet but in what Linux knows beside it: `SKF_AD_OFF`
/// of `linux/filter.h`.
const BESIDE_PACKET: u32 = 0xffff_f000;

/// Beyond this a frame is not made longer for the sake of its length.
const MAX_PADDED: u32 = super::record::MAX_CAPTURED;

/// Chooses frames.
pub struct Filter {
    expression: Option<String>,
    since: Timestamp,
    /// The first time that is too late; `None` is no end.
    until: Option<Timestamp>,
    /// One for each link type met so far, the last used in front; `None` where the expression
    /// does not compile.
    programs: Vec<(LinkType, Option<Program>)>,
    refusals: Vec<Refusal>,
    /// Where a cut frame is brought to its length on the wire.
    padded: Vec<u8>,
    /// Where a frame is put without its VLAN tags.
    untagged: Vec<u8>,
}

struct Program {
    bpf: BpfProgram,
    /// Whether it looks at the packet's length.
    length: bool,
}

/// An expression that libpcap does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("filter {expression:?}: {message}")]
pub struct BadFilter {
    /// The expression.
    pub expression: String,
    /// What libpcap says about it.
    pub message: String,
}

/// An expression that makes no sense for a link type that was met. Frames of that type do not
/// pass; it counts as a failure of the run, as it does for tcpdump.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("filter {expression:?} cannot be used for frames of type {}: {message}", link.name())]
pub struct Refusal {
    /// The expression.
    pub expression: String,
    /// The link type.
    pub link: LinkType,
    /// The first frame of that type.
    pub origin: Origin,
    /// What libpcap says about it.
    pub message: String,
}

impl Refusal {
    /// The fault of the file in which the link type was met; `files` are the
    /// [`files`](super::Source::files) of the source that the frames came from.
    #[must_use]
    pub fn fault(&self, files: &[PathBuf]) -> Fault {
        let path = files.get(self.origin.file as usize);
        let path = path.map_or(Path::new("filter"), PathBuf::as_path);
        Fault::error(path, self.to_string())
    }
}

impl Filter {
    /// A filter that passes frames that `expression` matches and whose time lies in
    /// [`since`, `until`). An expression that no usual link type can do with is refused.
    pub fn new(
        expression: Option<&str>,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Self, BadFilter> {
        let mut filter = Self {
            expression: None,
            since: since.unwrap_or(Timestamp::MIN),
            until,
            programs: Vec::new(),
            refusals: Vec::new(),
            padded: Vec::new(),
            untagged: Vec::new(),
        };
        if let Some(expression) = expression {
            let mut tries = TRIED
                .map(|link| (link, compile(expression, link)))
                .into_iter();
            let first = tries.next();
            match first {
                Some((link, Ok(program))) => filter.programs.push((link, Some(program))),
                Some((_, Err(message))) if !tries.any(|(_, other)| other.is_ok()) => {
                    return Err(BadFilter {
                        expression: expression.to_owned(),
                        message,
                    });
                }
                _ => {}
            }
            filter.expression = Some(expression.to_owned());
        }
        Ok(filter)
    }

    /// Whether this frame is to be looked at.
    #[inline]
    pub fn passes(&mut self, frame: &Frame<'_>) -> bool {
        if frame.time < self.since || self.until.is_some_and(|until| frame.time >= until) {
            return false;
        }
        self.expression.is_none() || self.matches(frame)
    }

    /// Takes the link types that the expression could not be compiled for since the last
    /// call; each is told once.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.refusals)
    }

    fn matches(&mut self, frame: &Frame<'_>) -> bool {
        if self
            .programs
            .first()
            .is_none_or(|first| first.0 != frame.link)
        {
            self.bring_forward(frame);
        }
        let Some((_, Some(program))) = self.programs.first() else {
            return false;
        };
        if program.matches(frame.bytes, frame.wire_len, &mut self.padded) {
            return true;
        }
        let Some(tags) = untag(frame, &mut self.untagged) else {
            return false;
        };
        let wire_len = frame.wire_len.saturating_sub(tags);
        program.matches(&self.untagged, wire_len, &mut self.padded)
    }

    /// Puts the program for this frame's link type in front; compiles it at the first.
    #[cold]
    fn bring_forward(&mut self, frame: &Frame<'_>) {
        let link = frame.link;
        let known = self.programs.iter().position(|known| known.0 == link);
        let at = known.unwrap_or_else(|| {
            let expression = self.expression.clone().unwrap_or_default();
            let program = match compile(&expression, link) {
                Ok(program) => Some(program),
                Err(message) => {
                    self.refusals.push(Refusal {
                        expression,
                        link,
                        origin: frame.origin,
                        message,
                    });
                    None
                }
            };
            self.programs.push((link, program));
            self.programs.len() - 1
        });
        self.programs.swap(0, at);
    }
}

impl Program {
    #[inline]
    fn matches(&self, bytes: &[u8], wire_len: u32, padded: &mut Vec<u8>) -> bool {
        let wire_len = wire_len.min(MAX_PADDED) as usize;
        if self.length && wire_len > bytes.len() {
            // `BpfProgram::filter` takes the length of the slice for that on the wire, so
            // that `greater 100` would not match a longer frame cut to 96. Zeros behind
            // what was captured put that right.
            padded.clear();
            padded.extend_from_slice(bytes);
            padded.resize(wire_len, 0);
            return self.bpf.filter(padded);
        }
        self.bpf.filter(bytes)
    }
}

/// Puts a frame that has VLAN tags into `untagged` without them, and says how many octets
/// they had.
#[inline]
fn untag(frame: &Frame<'_>, untagged: &mut Vec<u8>) -> Option<u32> {
    // Where the type of the payload stands, and where the payload begins.
    let (kind, payload) = match frame.link {
        LinkType::ETHERNET => (12, 14),
        LinkType::LINUX_SLL => (14, 16),
        LinkType::LINUX_SLL2 => (0, 20),
        _ => return None,
    };
    let word = |at: usize| Some([*frame.bytes.get(at)?, *frame.bytes.get(at + 1)?]);
    let (header, _) = frame.bytes.split_at_checked(payload)?;
    let (mut ether_type, mut rest) = (word(kind)?, payload);
    // 802.1Q, 802.1ad, and what switches used before it, as `decode::link` knows them.
    while matches!(ether_type, [0x81 | 0x91 | 0x92 | 0x93, 0] | [0x88, 0xa8]) {
        ether_type = word(rest + 2)?;
        rest += 4;
    }
    if rest == payload {
        return None;
    }
    untagged.clear();
    untagged.extend_from_slice(header);
    untagged.splice(kind..kind + 2, ether_type);
    untagged.extend_from_slice(frame.bytes.get(rest..)?);
    u32::try_from(rest - payload).ok()
}

/// Compiles an expression for a link type, or says why not in libpcap's words.
fn compile(expression: &str, link: LinkType) -> Result<Program, String> {
    let compiled = Capture::dead(data_link(link)).and_then(|dead| dead.compile(expression, true));
    let bpf = compiled.map_err(|error| match error {
        pcap::Error::PcapError(message) => message,
        error => error.to_string(),
    })?;
    let mut length = false;
    for instruction in bpf.get_instructions() {
        let (code, place) = parts(instruction);
        length |= LENGTH_LOADS.contains(&code);
        // libpcap refuses this for files, but takes a dead handle for a live one.
        if LOADS.contains(&code) && place >= BESIDE_PACKET {
            return Err("it asks for what only a live capture knows".to_owned());
        }
    }
    Ok(Program { bpf, length })
}

/// The operation and the constant of an instruction, which the crate tells in text only:
/// `code jt jf k`.
fn parts(instruction: &BpfInstruction) -> (u32, u32) {
    let shown = instruction.to_string();
    let mut numbers = shown.split(' ').map(|number| number.parse().unwrap_or(0));
    let code = numbers.next().unwrap_or(0);
    (code, numbers.next_back().unwrap_or(0))
}

/// The `DLT_` number that this system's libpcap compiles for; it differs from the number in
/// files for a few types (`pcap_dlt.h`, and the `map` of libpcap's `pcap-common.c`).
fn data_link(link: LinkType) -> Linktype {
    // `DLT_RAW` is 14 on OpenBSD and 12 elsewhere, `DLT_ATM_RFC1483` 11.
    let raw = if cfg!(target_os = "openbsd") { 14 } else { 12 };
    Linktype(match link {
        LinkType::RAW | LinkType::RAW_12 | LinkType::RAW_14 => raw,
        LinkType(100) => 11,
        LinkType(other) => i32::try_from(other).unwrap_or(i32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: &[u8], wire_len: u32, link: LinkType) -> Frame<'_> {
        Frame {
            bytes,
            wire_len,
            time: Timestamp::from_parts(10, 0),
            link,
            origin: Origin { file: 1, frame: 7 },
        }
    }

    /// IPv4, UDP from port 1024 to 53, no payload.
    const IPV4: &[u8] = b"\x45\0\0\x1c\0\0\0\0\x40\x11\0\0\x0a\0\0\x01\x0a\0\0\x02\
        \x04\0\0\x35\0\x08\0\0";

    fn ethernet() -> Vec<u8> {
        [b"\0\0\0\0\0\x02\0\0\0\0\0\x01\x08\0", IPV4].concat()
    }

    #[test]
    fn compiles_for_each_link_type() {
        let mut filter = Filter::new(Some("udp port 53"), None, None).unwrap();
        let ethernet = ethernet();
        let cooked = [b"\0\0\0\x01\0\x06\0\0\0\0\0\x01\0\0\x08\0", IPV4].concat();
        let null = [b"\x02\0\0\0", IPV4].concat();
        for _ in 0..2 {
            assert!(filter.passes(&frame(&ethernet, 42, LinkType::ETHERNET)));
            assert!(filter.passes(&frame(&cooked, 44, LinkType::LINUX_SLL)));
            assert!(filter.passes(&frame(&null, 32, LinkType::NULL)));
            for raw in [
                LinkType::RAW,
                LinkType::RAW_12,
                LinkType::RAW_14,
                LinkType::IPV4,
            ] {
                assert!(filter.passes(&frame(IPV4, 28, raw)), "{}", raw.name());
                assert!(!filter.passes(&frame(&IPV4[..20], 28, raw)), "cut");
            }
        }
        assert_eq!(filter.take_refusals(), []);
    }

    #[test]
    fn a_bad_expression_is_told_at_once_in_words_of_libpcap() {
        let told = Filter::new(Some("port fifty-"), None, None).err().unwrap();
        assert!(told.to_string().starts_with("filter \"port fifty-\": "));
        assert!(Filter::new(Some("udp prot 53"), None, None).is_err());
        assert!(Filter::new(Some("udp\0"), None, None).is_err());
        assert!(Filter::new(Some(""), None, None).is_ok());
    }

    #[test]
    fn an_expression_may_suit_one_link_type_only() {
        let mut filter = Filter::new(Some("ether host 0:0:0:0:0:1"), None, None).unwrap();
        for _ in 0..3 {
            assert!(filter.passes(&frame(&ethernet(), 42, LinkType::ETHERNET)));
            assert!(!filter.passes(&frame(IPV4, 28, LinkType::RAW)));
        }
        let refusals = filter.take_refusals();
        assert_eq!(refusals.len(), 1, "told once");
        assert_eq!(refusals[0].origin.frame, 7);
        assert!(refusals[0].to_string().starts_with(
            "filter \"ether host 0:0:0:0:0:1\" cannot be used for frames of type raw: "
        ));
        let fault = refusals[0].fault(&["a.pcap".into(), "b.pcap".into()]);
        assert!(fault.to_string().starts_with("b.pcap: filter "), "{fault}");
        assert!(filter.take_refusals().is_empty());

        // Not for Ethernet, but for cooked captures.
        let mut filter = Filter::new(Some("inbound"), None, None).unwrap();
        assert!(!filter.passes(&frame(&ethernet(), 42, LinkType::ETHERNET)));
        assert_eq!(filter.take_refusals().len(), 1);
    }

    #[test]
    fn length_is_that_on_the_wire() {
        let ethernet = ethernet();
        let cut = frame(&ethernet, 100, LinkType::ETHERNET);
        let huge = frame(&ethernet, u32::MAX, LinkType::ETHERNET);
        for (expression, long) in [
            ("greater 100", true),
            ("less 60", false),
            ("len > 99 and port 53", true),
        ] {
            let mut filter = Filter::new(Some(expression), None, None).unwrap();
            assert_eq!(filter.passes(&cut), long, "{expression}");
            assert_eq!(filter.passes(&huge), long, "{expression}");
        }
        let mut filter = Filter::new(Some("less 60"), None, None).unwrap();
        assert!(filter.passes(&frame(&ethernet, 42, LinkType::ETHERNET)));
    }

    #[test]
    fn tags_are_seen_through_as_on_an_interface() {
        let tags: [&[u8]; 4] = [
            b"",
            b"\x81\0\0\x07",
            b"\x88\xa8\0\x07\x81\0\0\x08",
            b"\x91\0\0\x01\x81\0\0\x02\x81\0\0\x03\x81\0\0\x04",
        ];
        let ethernet = ethernet();
        let cooked = [b"\0\0\0\x01\0\x06\0\0\0\0\0\x01\0\0\x08\0", IPV4].concat();
        let second = [b"\x08\0\0\0\0\0\0\x03\0\x01\0\x06\0\0\0\0\0\x01\0\0", IPV4].concat();
        for tags in tags {
            let with = |frame: &[u8], kind: usize, payload: usize| {
                let mut tagged = frame.to_vec();
                let types: Vec<u8> = [tags, b"\x08\0"].concat();
                tagged.splice(kind..kind + 2, types[..2].to_vec());
                tagged.splice(payload..payload, types[2..].to_vec());
                tagged
            };
            let frames = [
                (with(&ethernet, 12, 14), LinkType::ETHERNET),
                (with(&cooked, 14, 16), LinkType::LINUX_SLL),
                (with(&second, 0, 20), LinkType::LINUX_SLL2),
            ];
            for (octets, link) in frames {
                let length = u32::try_from(octets.len()).unwrap();
                for (expression, passes) in [
                    ("udp port 53", true),
                    ("host 10.0.0.2", true),
                    ("port 25", false),
                    ("less 48 and udp port 53", true), // as long as without the tags
                ] {
                    let mut filter = Filter::new(Some(expression), None, None).unwrap();
                    assert_eq!(
                        filter.passes(&frame(&octets, length, link)),
                        passes,
                        "{expression}"
                    );
                }
                // The tags themselves.
                let mut filter = Filter::new(Some("vlan 7"), None, None).unwrap();
                if link == LinkType::ETHERNET {
                    let tagged = tags.ends_with(&[7]) || tags.starts_with(b"\x88");
                    assert_eq!(filter.passes(&frame(&octets, length, link)), tagged);
                }
                // A frame that ends within a tag has none that could be taken off.
                let mut filter = Filter::new(Some("udp port 53"), None, None).unwrap();
                for end in 0..octets.len().min(20) {
                    assert!(!filter.passes(&frame(&octets[..end], length, link)));
                }
            }
        }
    }

    #[test]
    fn time_is_half_open() {
        fn sent<T: Send>(one: T) -> T {
            one
        }
        let at = |seconds| Some(Timestamp::from_parts(seconds, 0));
        for (since, until, passes) in [
            (None, None, true),
            (at(10), None, true),
            (at(11), None, false),
            (None, at(10), false),
            (at(9), at(11), true),
        ] {
            let mut filter = Filter::new(None, since, until).unwrap();
            assert_eq!(filter.passes(&frame(b"", 0, LinkType(147))), passes);
        }
        let mut filter = sent(Filter::new(None, None, None).unwrap());
        let mut last = frame(b"", 0, LinkType(147));
        last.time = Timestamp::MAX;
        assert!(filter.passes(&last));
    }
}
