//! One open capture of either format, walked from packet to packet. Uses [`super::pcap`] and
//! [`super::pcapng`]; [`super::open`] makes it, [`super::replay`] drives it.
//!
//! Promises: frames are lent from the window, nothing is copied or allocated for a record;
//! octets of any kind lead to a [`Stop`], never to a panic or an endless loop.

use super::Fault;
use super::frame::{Frame, LinkType, Origin};
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::window::Window;
use crate::time::Timestamp;
use std::io;
use std::path::Path;

/// Above this a captured length means a damaged file: `MAXIMUM_SNAPLEN` of libpcap's
/// `pcap-int.h`, `WTAP_MAX_PACKET_SIZE_STANDARD` of Wireshark's `wtap.h`. Both allow more for
/// D-Bus, USB and EBHSCR only, which carry neither DNS nor SMTP for us.
pub(super) const MAX_CAPTURED: u32 = 262_144;

/// An open capture and the packet it stands at.
pub(super) struct Walk {
    window: Window,
    format: Format,
    record: Record,
}

/// Which walk it is.
pub(super) enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// A packet, and where the window holds it until it is filled again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) at: usize,
    pub(super) len: usize,
    pub(super) wire_len: u32,
    pub(super) time: Timestamp,
    pub(super) link: LinkType,
    /// From 1, as Wireshark counts.
    pub(super) number: u64,
}

/// Why there is no further packet.
#[derive(Debug)]
pub(super) enum Stop {
    /// The regular end.
    End,
    /// Nothing at all in the file.
    Empty,
    /// No magic number that we know.
    NotCapture,
    /// The file ends in the middle of something.
    Cut(String),
    /// The file says something that cannot be.
    Damaged(String),
    /// The system or the decompressor failed.
    Failed(io::Error),
}

impl Walk {
    pub(super) fn new(window: Window, format: Format) -> Self {
        Self {
            window,
            format,
            record: Record {
                at: 0,
                len: 0,
                wire_len: 0,
                time: Timestamp::default(),
                link: LinkType::ETHERNET,
                number: 0,
            },
        }
    }

    /// Goes to the next packet and says when it was captured.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<Timestamp, Stop> {
        self.record = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.window)?,
            Format::Pcapng(pcapng) => pcapng.next(&mut self.window)?,
        };
        Ok(self.record.time)
    }

    /// Lends the packet that [`Self::advance`] went to.
    #[inline]
    pub(super) fn frame(&self, file: u32) -> Frame<'_> {
        let Record {
            at,
            len,
            wire_len,
            time,
            link,
            number,
        } = self.record;
        let bytes = self.window.lend(at, len);
        Frame {
            bytes,
            // Some writers leave 0 or less than what they captured; a frame is at least as
            // long as what is there.
            wire_len: wire_len.max(u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
            time,
            link,
            origin: Origin {
                file,
                frame: number,
            },
        }
    }
}

impl Stop {
    /// The input ended where a whole record `what` was expected: at a border that is the
    /// regular end, elsewhere a cut.
    pub(super) fn ended(window: &Window, what: impl FnOnce() -> String) -> Self {
        let offset = window.offset();
        if !window.bytes().is_empty() {
            Self::Cut(format!(
                "cut off in the middle of {} at offset {offset}",
                what()
            ))
        } else if window.short() {
            Self::Cut(format!(
                "the compressed data is cut off; what it holds ends at offset {offset}"
            ))
        } else {
            Self::End
        }
    }

    /// What to tell the operator; nothing of a regular end.
    pub(super) fn fault(self, path: &Path) -> Option<Fault> {
        match self {
            Self::End => None,
            Self::Empty => Some(Fault::error(path, "empty file")),
            Self::NotCapture => Some(Fault::error(
                path,
                "not a capture file (no pcap or pcapng magic number)",
            )),
            Self::Cut(message) => Some(Fault::warning(path, message)),
            Self::Damaged(message) => Some(Fault::error(path, message)),
            Self::Failed(error) => Some(Fault::error(path, format!("cannot be read: {error}"))),
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}
