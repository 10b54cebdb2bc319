//! What a sensor sees of what happened.

use super::super::dice::Dice;
use super::Frame;
use crate::time::NANOS;

/// How a sensor stands to the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// All of it.
    Full,
    /// The DNS only.
    DnsOnly,
    /// SMTP only.
    SmtpOnly,
    /// All but connections between hosts inside and port 25 outside: they are cut off before the
    /// tap, or go another way; mail to the site's own server is seen.
    Cut,
    /// What hosts inside send.
    Outbound,
    /// What hosts inside receive.
    Inbound,
    /// Every frame twice, as a SPAN port of both directions of a link.
    Twice,
    /// So many of a hundred frames are lost.
    Loss(u8),
    /// Frames come up to two seconds late.
    Reordered,
}

impl View {
    /// All that the evaluation uses.
    pub const ALL: [Self; 11] = [
        Self::Full,
        Self::DnsOnly,
        Self::SmtpOnly,
        Self::Outbound,
        Self::Inbound,
        Self::Twice,
        Self::Loss(1),
        Self::Loss(5),
        Self::Loss(10),
        Self::Reordered,
        Self::Cut,
    ];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "both halves",
            Self::DnsOnly => "DNS only",
            Self::SmtpOnly => "SMTP only",
            Self::Cut => "port 25 cut before the tap",
            Self::Outbound => "client side only",
            Self::Inbound => "server side only",
            Self::Twice => "every frame twice",
            Self::Loss(0..2) => "loss 1 %",
            Self::Loss(2..7) => "loss 5 %",
            Self::Loss(_) => "loss 10 %",
            Self::Reordered => "reordered by up to 2 s",
        }
    }

    /// Whether it misses half of what there is.
    #[must_use]
    pub fn is_half(self) -> bool {
        matches!(
            self,
            Self::DnsOnly | Self::SmtpOnly | Self::Cut | Self::Outbound | Self::Inbound
        )
    }

    /// What the sensor sees of frames in order of time, in the order in which it sees them.
    #[must_use]
    pub fn of(self, frames: Vec<Frame>, seed: &str) -> Vec<Frame> {
        let mut dice = Dice::new(seed);
        match self {
            Self::Full => frames,
            Self::DnsOnly => kept(frames, |frame| is_dns(&frame.octets)),
            Self::SmtpOnly => kept(frames, |frame| !is_dns(&frame.octets)),
            Self::Cut => kept(frames, |frame| !is_cut(&frame.octets)),
            Self::Outbound => kept(frames, |frame| from_inside(&frame.octets)),
            Self::Inbound => kept(frames, |frame| !from_inside(&frame.octets)),
            Self::Twice => {
                let twice = frames.into_iter().flat_map(|frame| {
                    let mut copy = frame.clone();
                    copy.time = copy.time.plus_nanos(i64::from(dice.between(2, 900)) * 1000);
                    [frame, copy]
                });
                let mut frames: Vec<Frame> = twice.collect();
                frames.sort_by_key(|frame| frame.time);
                frames
            }
            Self::Loss(percent) => kept(frames, |_| !dice.chance(u32::from(percent) * 10)),
            Self::Reordered => {
                let mut late: Vec<_> = frames
                    .into_iter()
                    .map(|frame| {
                        // Most in time; those that are late by up to two seconds.
                        let late = if dice.chance(100) {
                            dice.below(1900)
                        } else {
                            0
                        };
                        (frame.time.plus_nanos(i64::from(late) * NANOS / 1000), frame)
                    })
                    .collect();
                late.sort_by_key(|(seen, _)| *seen);
                late.into_iter().map(|(_, frame)| frame).collect()
            }
        }
    }
}

fn kept(mut frames: Vec<Frame>, keep: impl FnMut(&Frame) -> bool) -> Vec<Frame> {
    frames.retain(keep);
    frames
}

/// Whether a frame of Ethernet is of UDP from or to port 53; everything here is plain.
fn is_dns(octets: &[u8]) -> bool {
    let (protocol, ports) = match octets.get(12..14) {
        Some([8, 0]) => (octets.get(23), octets.get(34..38)),
        Some([0x86, 0xdd]) => (octets.get(20), octets.get(54..58)),
        _ => return false,
    };
    protocol == Some(&17)
        && ports.is_some_and(|ports| ports.starts_with(&[0, 53]) || ports.ends_with(&[0, 53]))
}

/// Whether a frame is of port 25 and of no server of a site ([`super::Family`]).
fn is_cut(octets: &[u8]) -> bool {
    let (protocol, ends, ports, server): (_, _, _, &[u8]) = match octets.get(12..14) {
        Some([8, 0]) => (
            octets.get(23),
            [octets.get(26..30), octets.get(30..34)],
            octets.get(34..38),
            &[0, 25],
        ),
        Some([0x86, 0xdd]) => (octets.get(20), [None, None], octets.get(54..58), &[]),
        _ => return false,
    };
    let relayed = ends
        .into_iter()
        .flatten()
        .any(|end| end.first() == Some(&10) && end.ends_with(server));
    protocol == Some(&6)
        && ports.is_some_and(|ports| ports.starts_with(&[0, 25]) || ports.ends_with(&[0, 25]))
        && !relayed
}

/// Whether a frame comes from a host inside; from a server inside as well, but for a site's
/// resolver, which stands beyond the tap.
fn from_inside(octets: &[u8]) -> bool {
    match octets.get(12..14) {
        Some([8, 0]) => octets
            .get(26..30)
            .is_some_and(|source| source.first() == Some(&10) && !source.ends_with(&[0, 53])),
        Some([0x86, 0xdd]) => {
            let source = octets.get(22..30).unwrap_or_default();
            source.starts_with(&[0x20, 1, 0xd, 0xb8, 0, 10]) && !source.ends_with(&[0, 0])
        }
        _ => true,
    }
}
