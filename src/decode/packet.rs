//! A frame's headers, through link layer and tunnels down to the innermost transport payload.
//!
//! Addresses and payload are those of the innermost IP packet. What an ICMP error quotes is
//! no traffic, and is not looked into.

use super::fragment::{Fragment, Whole};
use super::ip::{self, Ip};
use super::lan::{self, Binding, Heard};
use super::link::{self, Network, Stop};
use super::malformed::{Malformed, Unsupported};
use super::observation::DNS;
use super::tunnel;
use crate::capture::{Frame, LinkType, Origin};
use crate::host::HostAddr;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow::{self, Break, Continue};

/// Encapsulations that are taken off a frame. Networks use two or three (a mirror tunnel, an
/// overlay, a subscriber's); more is a loop or an attack, and counts as `nesting`.
pub const MAX_LAYERS: u8 = 8;

/// An IP packet with a readable transport header, borrowed from the frame.
pub type Packet<'a> = PacketWith<&'a [u8]>;

/// The same with a payload `P`: the octets, or where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketWith<P> {
    /// When it was captured.
    pub time: Timestamp,
    /// Where a person finds it again.
    pub origin: Origin,
    /// Ethernet source address and VLAN, where the link has them.
    pub tag: LinkTag,
    /// Innermost IP source.
    pub src: HostAddr,
    /// Innermost IP destination.
    pub dst: HostAddr,
    /// UDP or TCP.
    pub transport: Transport,
    /// Transport source port.
    pub src_port: u16,
    /// Transport destination port.
    pub dst_port: u16,
    /// Octets of the payload that the capture does not hold: the snap length cut them off.
    pub missing: u32,
    /// What the transport carries; trailing link padding is left out.
    pub payload: P,
}

impl<P> PacketWith<P> {
    /// Whether the capture holds less of the payload than was sent.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.missing > 0
    }

    /// The same packet with another payload, or with the same elsewhere.
    #[must_use]
    #[inline]
    pub fn with_payload<Q>(&self, payload: Q) -> PacketWith<Q> {
        let &Self {
            time,
            origin,
            tag,
            src,
            dst,
            transport,
            src_port,
            dst_port,
            missing,
            payload: _,
        } = self;
        PacketWith {
            time,
            origin,
            tag,
            src,
            dst,
            transport,
            src_port,
            dst_port,
            missing,
            payload,
        }
    }
}

/// What the innermost Ethernet header, or that of the frame, says about the sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkTag {
    /// Ethernet source address: the host's own on its LAN, else the last router's.
    pub mac: Option<[u8; 6]>,
    /// Outermost IEEE 802.1Q VLAN identifier.
    pub vlan: Option<u16>,
}

impl LinkTag {
    /// This tag, with what it lacks taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            mac: self.mac.or(other.mac),
            vlan: self.vlan.or(other.vlan),
        }
    }
}

/// Transport protocols with ports that mxray looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// RFC 9293.
    Tcp(Segment),
    /// RFC 768.
    Udp,
}

/// What a TCP header says of the place of its payload (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number of the first octet, or of SYN.
    pub seq: u32,
    /// The next octet that the sender expects, where [`Segment::ACK`] is set.
    pub ack: u32,
    /// The eight flags.
    pub flags: u8,
}

impl Segment {
    /// No more octets from the sender.
    pub const FIN: u8 = 1;
    /// The connection begins.
    pub const SYN: u8 = 2;
    /// The connection is refused or given up.
    pub const RST: u8 = 4;
    /// `ack` counts.
    pub const ACK: u8 = 16;

    /// Whether all of these flags are set.
    #[must_use]
    #[inline]
    pub fn has(self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sliced<'a> {
    /// A UDP or TCP packet.
    Packet(Packet<'a>),
    /// Who has an address on the LAN: ARP, neighbour discovery or DHCP.
    Binding(Binding),
    /// A fragment of an IP packet: its ports or its end lie elsewhere.
    Fragment(Fragment<'a>),
    /// Well-formed, and nothing that mxray reads (ICMP, 802.3 control frames, …).
    Ignored,
    /// Carried by something that mxray does not decode.
    Unsupported(Unsupported),
    /// Broken before its ports could be read.
    Malformed(Malformed),
}

/// Reads a frame's headers. Never panics, never allocates.
#[must_use]
pub fn slice<'a>(frame: &Frame<'a>) -> Sliced<'a> {
    match link::strip(frame.link, frame.bytes) {
        Ok((network, octets, tag)) => {
            let context = Context::new(frame, tag);
            match context.direct(network, octets) {
                Some(packet) => Sliced::Packet(packet),
                None => Walk(context).down(network, octets),
            }
        }
        Err(Stop::Ignored) => Sliced::Ignored,
        Err(Stop::Unsupported(reason)) => Sliced::Unsupported(reason),
        Err(Stop::Cut) => Sliced::Malformed(Malformed::LinkHeader.or_cut(is_snapped(frame))),
    }
}

/// What [`slice()`] finds in a frame of UDP or TCP in plain IP in plain Ethernet, as most frames are;
/// `None` for any other, and for what is broken. Compiled into whoever reads frames, so that a packet
/// is put where it belongs at once.
#[must_use]
#[expect(
    clippy::inline_always,
    reason = "on the way of every packet: a call would put all of it into memory and fetch it again"
)]
#[inline(always)]
pub fn usual<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    let (network, octets, tag) = match frame.link {
        LinkType::ETHERNET => link::plain(frame.bytes)?,
        _ => return None,
    };
    Context::new(frame, tag).direct(network, octets)
}

/// Whether the capture holds less than the frame.
#[inline]
fn is_snapped(frame: &Frame<'_>) -> bool {
    frame.wire_len as usize > frame.bytes.len()
}

/// Octets of the frame up to where its packet's payload begins: all headers that were read, and
/// nothing that they carry. Of a fragment, whose transport header stands elsewhere or is followed
/// by an end of something else, those up to the end of the outer IP header.
#[must_use]
pub fn headers_len(frame: &Frame<'_>, packet: &Packet<'_>) -> usize {
    if let Some(length) = offset_in(frame.bytes, packet.payload) {
        return length;
    }
    // The payload is a datagram's that was put together, of which this frame was the last piece.
    let Ok((network, octets, _)) = link::strip(frame.link, frame.bytes) else {
        return 0;
    };
    let inner = ip::read(network, octets).map_or(octets, |ip| ip.payload);
    offset_in(frame.bytes, inner).unwrap_or(0)
}

/// Where `part` lies in `whole`, if it was borrowed from there.
fn offset_in(whole: &[u8], part: &[u8]) -> Option<usize> {
    let offset = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    (offset.checked_add(part.len())? <= whole.len()).then_some(offset)
}

/// Reads on in a datagram that was put together.
#[must_use]
pub(super) fn resume(whole: &Whole) -> Sliced<'_> {
    let mut ip = Ip {
        src: whole.key.src,
        dst: whole.key.dst,
        // Neighbour discovery in fragments is no such (RFC 6980 section 5).
        hops: 0,
        protocol: whole.protocol,
        part: None,
        missing: 0,
        payload: &whole.octets,
    };
    let mut walk = Walk(whole.context);
    if whole.key.v6 {
        match ip::upper(ip.protocol, ip.payload) {
            Ok((protocol, payload)) => (ip.protocol, ip.payload) = (protocol, payload),
            Err(damage) => return walk.broken(damage),
        }
    }
    match walk.datagram(&ip) {
        Break(sliced) => sliced,
        Continue((network, octets)) => walk.down(network, octets),
    }
}

/// What a walk down a frame's headers knows besides the octets that are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Context {
    time: Timestamp,
    origin: Origin,
    tag: LinkTag,
    /// The capture holds less than the frame.
    snapped: bool,
    /// Encapsulations so far.
    layers: u8,
    /// Where a port or a nibble alone spoke for the innermost encapsulation: what the packet
    /// is if it was not one.
    guessed: Option<Guess>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guess {
    /// By its port: then it is a datagram of no use here.
    Port,
    /// Behind MPLS labels.
    Mpls,
}

impl Context {
    #[inline]
    fn new(frame: &Frame<'_>, tag: LinkTag) -> Self {
        Self {
            time: frame.time,
            origin: frame.origin,
            tag,
            snapped: is_snapped(frame),
            layers: 0,
            guessed: None,
        }
    }

    /// The packet in a common IP header, without a walk; `None` where there is more to it.
    #[expect(
        clippy::inline_always,
        reason = "on the way of every packet: a call would put all of it into memory and fetch it again"
    )]
    #[inline(always)]
    fn direct<'a>(&self, network: Network, octets: &'a [u8]) -> Option<Packet<'a>> {
        let ip = ip::fast(network, octets)?;
        let ports = transport(&ip).ok()?;
        (!goes_on(&ports)).then(|| self.packet(&ip, ports))
    }

    /// When the frame was captured.
    pub(super) fn time(&self) -> Timestamp {
        self.time
    }

    #[inline]
    fn packet<'a>(&self, ip: &Ip<'a>, ports: Ports<'a>) -> Packet<'a> {
        let (transport, src_port, dst_port, payload, missing) = ports;
        Packet {
            time: self.time,
            origin: self.origin,
            tag: self.tag,
            src: ip.src,
            dst: ip.dst,
            transport,
            src_port,
            dst_port,
            missing: u32::try_from(missing * usize::from(self.snapped)).unwrap_or(u32::MAX),
            payload,
        }
    }
}

/// One step: what comes next, or what became of the frame.
type Step<'a> = ControlFlow<Sliced<'a>, (Network, &'a [u8])>;

struct Walk(Context);

impl Walk {
    #[inline(never)]
    fn down(mut self, mut network: Network, mut octets: &[u8]) -> Sliced<'_> {
        loop {
            match self.step(network, octets) {
                Break(sliced) => return sliced,
                Continue(next) => (network, octets) = next,
            }
        }
    }

    fn step<'a>(&mut self, network: Network, octets: &'a [u8]) -> Step<'a> {
        match network {
            Network::Ipv4 | Network::Ipv6 | Network::Ip => match ip::read(network, octets) {
                Ok(ip) => self.datagram(&ip),
                Err(damage) => Break(self.broken(damage)),
            },
            Network::Arp => Break(self.heard(lan::arp(octets, self.0.tag))),
            Network::Ethernet => match link::ethernet(octets) {
                Ok((network, octets, tag)) => {
                    self.0.tag = tag;
                    Continue((network, octets))
                }
                Err(stop) => Break(self.stopped(stop)),
            },
            Network::Mpls | Network::Pppoe => {
                let inner = self.enter(tunnel::behind(network, octets))?;
                if network == Network::Mpls {
                    self.0.guessed = Some(Guess::Mpls);
                }
                Continue(inner)
            }
        }
    }

    /// An IP packet: a fragment, a tunnel, or what was looked for.
    fn datagram<'a>(&mut self, ip: &Ip<'a>) -> Step<'a> {
        if ip.part.is_some() {
            return Break(self.fragment(ip));
        }
        match ip.protocol {
            6 | 17 => {}
            58 => return Break(self.heard(lan::ndp(ip, self.0.tag))),
            // MPLS in IP (RFC 4023) is known by the protocol, what it carries is not.
            137 => return Continue((Network::Mpls, ip.payload)),
            protocol => return self.enter(tunnel::carried(protocol, ip.payload)),
        }
        let ports = match transport(ip) {
            Ok(ports) => ports,
            Err(damage) => return Break(self.broken(damage)),
        };
        if goes_on(&ports) {
            let (_, src, dst, payload, _) = ports;
            if lan::is_dhcp(src, dst) {
                return Break(self.heard(lan::dhcp(payload, self.0.tag)));
            }
            if let Some(inner) = self.by_port(src, dst, ip, payload) {
                return inner;
            }
        }
        Break(Sliced::Packet(self.0.packet(ip, ports)))
    }

    /// A UDP datagram of a port that tunnels use, which other programs may use as well.
    /// `None` where it is none.
    #[cold]
    fn by_port<'a>(
        &mut self,
        src: u16,
        dst: u16,
        ip: &Ip<'a>,
        payload: &'a [u8],
    ) -> Option<Step<'a>> {
        let whole = !(ip.missing > 0 && self.0.snapped);
        let inner =
            tunnel::by_port(dst, payload, whole).or_else(|| tunnel::by_port(src, payload, whole));
        let inner = inner?;
        self.0.guessed = Some(Guess::Port);
        Some(self.enter(Ok(inner)))
    }

    /// What was said of an address, if anything.
    #[cold]
    fn heard<'a>(&self, heard: Heard) -> Sliced<'a> {
        match heard {
            Ok(Some(said)) => Sliced::Binding(Binding {
                time: self.0.time,
                origin: self.0.origin,
                said,
            }),
            Ok(None) => Sliced::Ignored,
            Err(damage) => self.broken(damage),
        }
    }

    /// One encapsulation further in.
    fn enter<'a>(&mut self, inner: Result<(Network, &'a [u8]), Stop>) -> Step<'a> {
        match inner {
            Ok(_) if self.0.layers == MAX_LAYERS => {
                Break(Sliced::Unsupported(Unsupported::Nesting))
            }
            Ok(inner) => {
                self.0.layers += 1;
                Continue(inner)
            }
            Err(stop) => Break(self.stopped(stop)),
        }
    }

    #[cold]
    fn fragment<'a>(&self, ip: &Ip<'a>) -> Sliced<'a> {
        // What would be of no use whole need not be put together: large pings, for one.
        // Before what is of use, extension headers may stand.
        let upper = matches!(ip.protocol, 6 | 17 | 43 | 44 | 51 | 60 | 137);
        if !upper && !tunnel::is_protocol(ip.protocol) {
            return Sliced::Ignored;
        }
        match Fragment::new(ip, self.0) {
            Ok(fragment) => Sliced::Fragment(fragment),
            Err(damage) => self.broken(damage),
        }
    }

    fn stopped<'a>(&self, stop: Stop) -> Sliced<'a> {
        match (stop, self.0.guessed) {
            (Stop::Ignored, _) => Sliced::Ignored,
            (Stop::Unsupported(Unsupported::EtherType), Some(guess)) => guess.wrong(),
            (Stop::Unsupported(reason), _) => Sliced::Unsupported(reason),
            (Stop::Cut, _) => self.broken(Malformed::TunnelHeader),
        }
    }

    fn broken<'a>(&self, damage: Malformed) -> Sliced<'a> {
        match (damage.or_cut(self.0.snapped), self.0.guessed) {
            (Malformed::SnaplenCut, _) | (_, None) => {
                Sliced::Malformed(damage.or_cut(self.0.snapped))
            }
            (_, Some(guess)) => guess.wrong(),
        }
    }
}

impl Guess {
    fn wrong<'a>(self) -> Sliced<'a> {
        match self {
            Self::Port => Sliced::Ignored,
            Self::Mpls => Sliced::Unsupported(Unsupported::Mpls),
        }
    }
}

/// Whether a tunnel or DHCP may be what a datagram of these ports carries. DNS it is not.
#[inline]
fn goes_on(&(transport, src, dst, ..): &Ports<'_>) -> bool {
    transport == Transport::Udp
        && src != DNS
        && dst != DNS
        && (tunnel::is_port(dst) || tunnel::is_port(src) || lan::is_dhcp(src, dst))
}

/// The ports, the payload, and by how much it is shorter than the headers say.
type Ports<'a> = (Transport, u16, u16, &'a [u8], usize);

#[expect(
    clippy::inline_always,
    reason = "on the way of every packet: a call would put all of it into memory and fetch it again"
)]
#[inline(always)]
fn transport<'a>(ip: &Ip<'a>) -> Result<Ports<'a>, Malformed> {
    if ip.protocol == 17 {
        let (header, rest) = ip.payload.split_first_chunk().ok_or(Malformed::UdpHeader)?;
        let [s0, s1, d0, d1, len0, len1, _checksum @ ..]: [u8; 8] = *header;
        // Zero is a jumbogram's (RFC 2675) or an offloading stack's; then all that is there.
        let length = match usize::from(u16::from_be_bytes([len0, len1])) {
            0 => rest.len(),
            length => length.checked_sub(8).ok_or(Malformed::UdpHeader)?,
        };
        let payload = rest.get(..length).unwrap_or(rest);
        let missing = length.saturating_sub(rest.len()).max(ip.missing);
        let [src, dst] = [[s0, s1], [d0, d1]].map(u16::from_be_bytes);
        Ok((Transport::Udp, src, dst, payload, missing))
    } else {
        let (header, rest) = ip.payload.split_first_chunk().ok_or(Malformed::TcpHeader)?;
        let [
            s0,
            s1,
            d0,
            d1,
            numbers @ ..,
            offset,
            flags,
            _,
            _,
            _,
            _,
            _,
            _,
        ]: [u8; 20] = *header;
        let [q0, q1, q2, q3, a0, a1, a2, a3] = numbers;
        let segment = Segment {
            seq: u32::from_be_bytes([q0, q1, q2, q3]),
            ack: u32::from_be_bytes([a0, a1, a2, a3]),
            flags,
        };
        let options = usize::from(offset >> 4) * 4;
        let options = options.checked_sub(20).ok_or(Malformed::TcpHeader)?;
        // Where the capture ends within the options, the octets missing there are no payload.
        let cut = options.saturating_sub(rest.len());
        let missing = ip.missing.checked_sub(cut).ok_or(Malformed::TcpHeader)?;
        let payload = rest.get(options..).unwrap_or_default();
        let [src, dst] = [[s0, s1], [d0, d1]].map(u16::from_be_bytes);
        Ok((Transport::Tcp(segment), src, dst, payload, missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;

    /// A UDP datagram of one octet in IPv4 whose header claims `total` octets.
    fn sliced(total: u16) -> (Vec<u8>, bool) {
        let mut octets = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0]; // to the checksum
        octets.extend_from_slice(&[192, 0, 2, 1, 192, 0, 2, 53]); // addresses
        octets.extend_from_slice(&[0x9c, 0x40, 0, 53, 0, 9, 0, 0, 0xab]); // UDP, length 9
        octets.splice(2..4, total.to_be_bytes());
        let frame = Frame {
            bytes: &octets,
            wire_len: u32::try_from(octets.len()).unwrap(),
            time: Timestamp::default(),
            link: LinkType::RAW,
            origin: Origin::default(),
        };
        match slice(&frame) {
            Sliced::Packet(packet) => (packet.payload.to_vec(), true),
            Sliced::Malformed(Malformed::IpHeader) => (Vec::new(), false),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_total_length_below_the_headers_own_is_no_packet_but_zero_is_an_offload() {
        assert_eq!(sliced(29), (vec![0xab], true));
        assert_eq!(sliced(0), (vec![0xab], true));
        assert_eq!(sliced(1500), (vec![0xab], true));
        for total in [1, 19] {
            assert_eq!(sliced(total), (Vec::new(), false), "{total}");
        }
    }
}
