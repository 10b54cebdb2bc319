//! A section of a pcapng file, block by block. The blocks are `pcap-parser`'s to write.

use crate::capture::live::SNAPLEN;
use crate::capture::{Frame, LinkType};
use pcap_parser::{
    EnhancedPacketBlock, InterfaceDescriptionBlock, Linktype, OptionCode, PcapNGOption,
    SectionHeaderBlock, ToVec,
};
use std::borrow::Cow;
use std::io;

/// Octets of a comment at most: a line or two in Wireshark.
const COMMENT: usize = 512;
/// 10^-9 s, the option `if_tsresol`.
const NANOSECONDS: u8 = 9;

/// An interface of a section: that of the capture, by its index, and what its frames are.
type Interface = (u32, LinkType);

/// What has been said in a section.
#[derive(Debug, Default)]
pub(super) struct Section {
    interfaces: Vec<Interface>,
}

impl Section {
    /// A section that begins here, and its block.
    pub(super) fn begin(comment: &str) -> io::Result<(Self, Vec<u8>)> {
        let mut block = SectionHeaderBlock {
            block_type: 0,
            block_len1: 0,
            bom: 0,
            major_version: 1,
            minor_version: 0,
            // It ends where the file does.
            section_len: -1,
            options: vec![
                text(OptionCode::Comment, comment),
                text(
                    OptionCode::ShbUserAppl,
                    concat!("mxray ", env!("CARGO_PKG_VERSION")),
                ),
            ],
            block_len2: 0,
        };
        Ok((Self::default(), octets(&mut block)?))
    }

    /// The block of a packet of the interface of this name; before it that of the interface,
    /// where there is none yet.
    pub(super) fn packet(
        &mut self,
        frame: &Frame<'_>,
        name: &str,
        comments: &[String],
    ) -> io::Result<Vec<u8>> {
        let interface = (frame.origin.file, frame.link);
        let known = self.interfaces.iter().position(|one| *one == interface);
        let mut out = Vec::new();
        let number = if let Some(number) = known {
            number
        } else {
            out = Self::interface(frame.link, name)?;
            self.interfaces.push(interface);
            self.interfaces.len() - 1
        };
        // pcapng knows no time before 1970.
        let time = u64::try_from(frame.time.nanos()).unwrap_or(0);
        let mut block = EnhancedPacketBlock {
            block_type: 0,
            block_len1: 0,
            if_id: u32::try_from(number).map_err(io::Error::other)?,
            ts_high: u32::try_from(time >> 32).map_err(io::Error::other)?,
            ts_low: u32::try_from(time & 0xffff_ffff).map_err(io::Error::other)?,
            caplen: u32::try_from(frame.bytes.len()).map_err(io::Error::other)?,
            origlen: frame.wire_len,
            data: frame.bytes,
            options: comments
                .iter()
                .map(|comment| text(OptionCode::Comment, comment))
                .collect(),
            block_len2: 0,
        };
        out.append(&mut octets(&mut block)?);
        Ok(out)
    }

    fn interface(link: LinkType, name: &str) -> io::Result<Vec<u8>> {
        let mut block = InterfaceDescriptionBlock {
            block_type: 0,
            block_len1: 0,
            linktype: Linktype(i32::try_from(link.0).map_err(io::Error::other)?),
            reserved: 0,
            snaplen: SNAPLEN,
            options: vec![text(OptionCode::IfName, name)],
            block_len2: 0,
            if_tsresol: NANOSECONDS,
            if_tsoffset: 0,
        };
        octets(&mut block)
    }
}

fn text(code: OptionCode, text: &str) -> PcapNGOption<'_> {
    let text = text.get(..text.floor_char_boundary(COMMENT));
    let value = text.unwrap_or_default().as_bytes();
    PcapNGOption {
        code,
        len: u16::try_from(value.len()).unwrap_or(0),
        value: Cow::Borrowed(value),
    }
}

fn octets(block: &mut impl ToVec) -> io::Result<Vec<u8>> {
    block.to_vec().map_err(io::Error::other)
}
