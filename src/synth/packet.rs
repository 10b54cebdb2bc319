//! Frames round a payload, and the pcap file that they go into. Well-formed headers come
//! from etherparse; what must be broken is cut or spliced by the case that breaks it.

use crate::capture::frame::LinkType;
use crate::time::{NANOS, Timestamp};
use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep, TcpHeader};
use std::io::{self, Write};
use std::net::IpAddr;

/// Where a datagram comes from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) ip: IpAddr,
    pub(super) port: u16,
}

impl Endpoint {
    pub(super) fn new(ip: impl Into<IpAddr>, port: u16) -> Self {
        let ip = ip.into();
        Self { ip, port }
    }

    /// Locally administered; machines beyond 192.0.2.0/24 are reached by the one router.
    pub(super) fn mac(self) -> [u8; 6] {
        match self.ip {
            IpAddr::V4(v4) if v4.octets().starts_with(&[192, 0, 2]) => {
                let [_, _, net, host] = v4.octets();
                [0x02, 0, 0, 0, net, host]
            }
            IpAddr::V6(v6) => {
                let [.., high, low] = v6.octets();
                [0x02, 0, 0, 6, high, low]
            }
            IpAddr::V4(_) => [0x02, 0, 0, 0, 0, 1],
        }
    }
}

/// Ethernet II and IPv4 or IPv6, as the ends are.
fn headers(from: Endpoint, to: Endpoint) -> PacketBuilderStep<IpHeaders> {
    const HOPS: u8 = 64;
    let link = PacketBuilder::ethernet2(from.mac(), to.mac());
    match (from.ip, to.ip) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            link.ipv4(source.octets(), destination.octets(), HOPS)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            link.ipv6(source.octets(), destination.octets(), HOPS)
        }
        _ => panic!("both ends of a packet are of one family"),
    }
}

/// A UDP datagram in IPv4 or IPv6 in Ethernet II, checksums right.
pub(super) fn udp(from: Endpoint, to: Endpoint, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(62 + payload.len());
    let written = headers(from, to)
        .udp(from.port, to.port)
        .write(&mut frame, payload);
    written.expect("a vector takes all, and no payload here comes near 64 KiB");
    frame
}

/// A TCP segment, likewise; of `header` all but the ports and the checksum is taken.
pub(super) fn tcp(from: Endpoint, to: Endpoint, mut header: TcpHeader, payload: &[u8]) -> Vec<u8> {
    (header.source_port, header.destination_port) = (from.port, to.port);
    let mut frame = Vec::with_capacity(74 + payload.len());
    let written = headers(from, to)
        .tcp_header(header)
        .write(&mut frame, payload);
    written.expect("a vector takes all, and no payload here comes near 64 KiB");
    frame
}

/// One frame with its time.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) time: Timestamp,
    pub(super) octets: Vec<u8>,
    /// The length it had on the wire, where the snap length cut it.
    pub(super) wire_len: Option<u32>,
}

impl Packet {
    pub(super) fn new(time: Timestamp, octets: Vec<u8>) -> Self {
        let wire_len = None;
        Self {
            time,
            octets,
            wire_len,
        }
    }

    /// The same frame of which only the first `kept` octets were captured.
    pub(super) fn cut(mut self, kept: usize) -> Self {
        self.wire_len = Some(length(&self.octets));
        self.octets.truncate(kept);
        self
    }
}

/// A capture file in memory.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    pub(super) link: LinkType,
    pub(super) packets: Vec<Packet>,
}

impl Capture {
    pub(super) fn ethernet(packets: Vec<Packet>) -> Self {
        let link = LinkType::ETHERNET;
        Self { link, packets }
    }

    /// Writes pcap 2.4 with microseconds, little-endian on every machine.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        /// The snap length that tcpdump asks for when nobody says otherwise.
        const SNAPLEN: u32 = 262_144;
        let mut header = Vec::with_capacity(24);
        header.extend_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
        header.extend_from_slice(&2_u16.to_le_bytes());
        header.extend_from_slice(&4_u16.to_le_bytes());
        header.extend_from_slice(&[0; 8]); // time zone and accuracy: always 0
        header.extend_from_slice(&SNAPLEN.to_le_bytes());
        header.extend_from_slice(&self.link.0.to_le_bytes());
        out.write_all(&header)?;
        for packet in &self.packets {
            let seconds = u32::try_from(packet.time.second()).expect("a time from 1970 to 2106");
            let micros = packet.time.nanos().rem_euclid(NANOS) / 1000;
            let micros = u32::try_from(micros).expect("under a million");
            let kept = length(&packet.octets);
            for word in [seconds, micros, kept, packet.wire_len.unwrap_or(kept)] {
                out.write_all(&word.to_le_bytes())?;
            }
            out.write_all(&packet.octets)?;
        }
        Ok(())
    }
}

fn length(octets: &[u8]) -> u32 {
    u32::try_from(octets.len()).expect("a frame under 4 GiB")
}
