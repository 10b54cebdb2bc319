//! What the walk of either format yields: where a packet stands in the window, or why there
//! is none.

use super::Fault;
use super::frame::LinkType;
use super::window::Window;
use crate::time::Timestamp;
use std::io;
use std::path::Path;

/// Above this a captured length means a damaged file: `MAXIMUM_SNAPLEN` of libpcap's
/// `pcap-int.h`, `WTAP_MAX_PACKET_SIZE_STANDARD` of Wireshark's `wtap.h`. Both allow more for
/// D-Bus, USB and EBHSCR only, which carry neither DNS nor SMTP for us.
pub(super) const MAX_CAPTURED: u32 = 262_144;

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
