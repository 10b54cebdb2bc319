//! What is sent.

use mxray::synth;

/// A DNS query of the host with that number, of its own name, by UDP and IPv4.
pub(crate) fn query(host: u32) -> Vec<u8> {
    udp(host, 53, &message(host))
}

/// A query of that host for the mail exchangers of the domain with that number.
pub(crate) fn lookup(host: u32, domain: u32) -> Vec<u8> {
    const MX: u8 = 15;
    let name = format!("d{domain}of{host}");
    udp(host, 53, &question(domain, &[&name, "test"], MX))
}

/// A datagram that mxray does not read.
pub(crate) fn noise(host: u32) -> Vec<u8> {
    udp(host, 9_999, &message(host))
}

/// The same for each of so many hosts.
pub(crate) fn of_hosts(hosts: u32, frame: fn(u32) -> Vec<u8>) -> Vec<Vec<u8>> {
    (0..hosts).map(frame).collect()
}

/// The frames of captures that `mxray synth` makes.
pub(crate) fn of_captures(names: &[&str]) -> Vec<Vec<u8>> {
    let frames = names.iter().flat_map(|name| {
        let mut capture = Vec::new();
        synth::write(name, &mut capture).unwrap();
        let mut rest = &capture[24..];
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let kept = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
            frames.push(rest[16..16 + kept].to_vec());
            rest = &rest[16 + kept..];
        }
        frames
    });
    frames.collect()
}

fn message(host: u32) -> Vec<u8> {
    const A: u8 = 1;
    question(host, &[&format!("h{host}"), "example", "test"], A)
}

fn question(id: u32, labels: &[&str], kind: u8) -> Vec<u8> {
    let id = id.to_be_bytes();
    let mut message = vec![id[2], id[3], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in labels {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, kind, 0, 1]);
    message
}

fn udp(host: u32, port: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let [_, a, b, c] = host.to_be_bytes();
    let mut packet = vec![0x45, 0];
    packet.extend_from_slice(&(20 + length).to_be_bytes());
    packet.extend_from_slice(&[c, b, 0, 0, 64, 17, 0, 0, 10, a, b, c, 192, 0, 2, 53]);
    let sum = packet.chunks(2).fold(0, |sum, pair| {
        sum + u32::from(u16::from_be_bytes([pair[0], pair[1]]))
    });
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend_from_slice(&(10_000 + (host % 50_000) as u16).to_be_bytes());
    packet.extend_from_slice(&port.to_be_bytes());
    packet.extend_from_slice(&length.to_be_bytes());
    // Without a checksum, which RFC 768 allows.
    packet.extend_from_slice(&[0, 0]);
    packet.extend_from_slice(payload);
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.append(&mut packet);
    frame
}
