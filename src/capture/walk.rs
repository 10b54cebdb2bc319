//! One open capture of either format, walked from packet to packet. Uses [`super::pcap`] and
//! [`super::pcapng`]; [`super::open`] makes it, [`super::replay`] drives it.
//!
//! Promises: frames are lent from the window, nothing is copied or allocated for a record;
//! octets of any kind lead to a [`Stop`], never to a panic or an endless loop.

use super::frame::{Frame, LinkType, Origin};
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::record::{Record, Stop};
use super::window::Window;
use crate::time::Timestamp;

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
