//! Opens an input and recognises what it is, by its first octets and never by its name. Uses
//! [`super::walk`]; [`super::paths`] and [`super::replay`] call it.

use super::pcap::{Magic, Pcap};
use super::pcapng::{self, Pcapng};
use super::record::Stop;
use super::walk::{Format, Walk};
use super::window::Window;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Window of an input that is read to its end. Measured on 2 million small packets: 64 KiB
/// costs a twelfth more, 1 MiB is no faster, and files that overlap in time have one each.
pub(super) const WINDOW: usize = 256 * 1024;
/// Window of an input of which only the first packet is wanted.
pub(super) const GLANCE: usize = 16 * 1024;
/// What a decompressor is handed at a time.
const COMPRESSED_WINDOW: usize = 64 * 1024;

/// The magic number of gzip (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The magic number of a Zstandard frame (RFC 8878, section 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The magic number of a skippable frame, but for its low four bits (section 3.1.2).
const ZSTD_SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// A capture that is open.
pub(super) struct Opened {
    pub(super) walk: Box<Walk>,
    /// Octets taken from the file so far, compressed as they may be.
    pub(super) taken: Taken,
}

/// Octets that were read of a file, known beside the reader that counts them.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(Arc<AtomicU64>);

impl Taken {
    pub(super) fn octets(&self) -> u64 {
        // Relaxed: a number to show, nothing else is published with it.
        self.0.load(Ordering::Relaxed)
    }
}

struct Counted<R> {
    source: R,
    taken: Taken,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(room)?;
        self.taken.0.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Makes a reader into one that is read ahead, in whatever way.
pub type ReadAhead = Box<dyn FnMut(Box<dyn Read + Send>) -> Box<dyn Read + Send> + Send>;

/// Opens the file `path`; one that is compressed is read `ahead`.
pub(super) fn file(
    path: &Path,
    window: usize,
    ahead: Option<&mut ReadAhead>,
) -> Result<Opened, Stop> {
    source(File::open(path)?, window, ahead)
}

/// The same to be read to its end, or up to so many octets of it.
pub(super) fn part(path: &Path, most: u64, ahead: Option<&mut ReadAhead>) -> Result<Opened, Stop> {
    source(File::open(path)?.take(most), WINDOW, ahead)
}

/// Opens whatever can be read, likewise.
pub(super) fn source(
    source: impl Read + Send + 'static,
    window: usize,
    ahead: Option<&mut ReadAhead>,
) -> Result<Opened, Stop> {
    let taken = Taken::default();
    let mut source = Counted {
        source,
        taken: taken.clone(),
    };
    let mut magic = Vec::with_capacity(4);
    source.by_ref().take(4).read_to_end(&mut magic)?;
    if magic.is_empty() {
        return Err(Stop::Empty);
    }
    let source = decompressed(magic, source, ahead)?;
    let walk = Box::new(recognise(Window::new(source, window))?);
    Ok(Opened { walk, taken })
}

/// Puts a decompressor in front where the magic number asks for one.
fn decompressed(
    magic: Vec<u8>,
    source: impl Read + Send + 'static,
    ahead: Option<&mut ReadAhead>,
) -> io::Result<Box<dyn Read + Send>> {
    let gzip = magic.starts_with(&GZIP);
    let zstd = magic == ZSTD
        || magic
            .first_chunk()
            .is_some_and(|&[low, b, c, d]| [low & 0xf0, b, c, d] == ZSTD_SKIPPABLE);
    let whole = Cursor::new(magic).chain(source);
    if !gzip && !zstd {
        return Ok(Box::new(whole));
    }
    let whole = BufReader::with_capacity(COMPRESSED_WINDOW, whole);
    let decoder: Box<dyn Read + Send> = if gzip {
        Box::new(MultiGzDecoder::new(whole))
    } else {
        Box::new(zstd::stream::read::Decoder::with_buffer(whole)?)
    };
    Ok(match ahead {
        Some(ahead) => ahead(decoder),
        None => decoder,
    })
}

/// Tells pcap from pcapng from anything else.
fn recognise(mut window: Window) -> Result<Walk, Stop> {
    // Twelve octets for pcapng, whose first four alone could be empty lines of a text.
    let whole = window.fill(12)?;
    let bytes = window.bytes();
    if bytes.is_empty() && !window.short() {
        return Err(Stop::Empty);
    }
    let Some(&first) = bytes.first_chunk() else {
        return Err(Stop::NotCapture);
    };
    if let Some(magic) = Magic::read(first) {
        let pcap = Pcap::open(&mut window, magic)?;
        return Ok(Walk::new(window, Format::Pcap(pcap)));
    }
    if first == pcapng::SECTION {
        let order = bytes.get(8..12).unwrap_or_default();
        if !whole || order == pcapng::BYTE_ORDER || order.iter().rev().eq(&pcapng::BYTE_ORDER) {
            return Ok(Walk::new(window, Format::Pcapng(Pcapng::new())));
        }
    }
    Err(Stop::NotCapture)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{LITTLE, Sample, gzip, told, walk, zstd};
    use super::*;

    fn pcap() -> Vec<u8> {
        Sample::pcap(LITTLE, 0xa1b2_c3d4)
            .record(1, 0, b"one")
            .record(2, 0, &[7; 300])
            .bytes
    }

    #[test]
    fn compressed_captures_are_known_by_their_magic_number() {
        let plain = pcap();
        let (expected, _) = walk(&plain);
        let halves = [gzip(&plain[..30]), gzip(&plain[30..])].concat();
        let skippable = [
            &[0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9],
            &zstd(&plain)[..],
        ]
        .concat();
        let frames = [zstd(&plain[..30]), zstd(&plain[30..])].concat();
        for bytes in [gzip(&plain), halves, zstd(&plain), skippable, frames] {
            let (seen, stop) = walk(&bytes);
            assert_eq!(seen, expected);
            assert_eq!(told(stop), "");
        }
        let pcapng = Sample::pcapng(LITTLE).enhanced(0, 1, b"one", &[]).bytes;
        assert_eq!(walk(&gzip(&pcapng)).0.len(), 1);
        assert_eq!(walk(&zstd(&pcapng)).0.len(), 1);
    }

    #[test]
    fn cut_compressed_captures_yield_what_they_hold() {
        let plain = pcap();
        let (all, _) = walk(&plain);
        for whole in [gzip(&plain), zstd(&plain)] {
            for cut in 0..whole.len() {
                let (seen, stop) = walk(&whole[..cut]);
                assert_eq!(seen, all[..seen.len()], "cut at {cut}");
                let told = told(stop);
                assert!(!told.is_empty(), "cut at {cut}");
                assert!(seen.is_empty() || told.starts_with("Warning"), "{told}");
            }
            for at in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[at] ^= 0x10;
                walk(&bytes);
            }
        }
        let cut = gzip(&plain);
        let (_, stop) = walk(&cut[..cut.len() - 3]);
        assert_eq!(
            told(stop),
            "Warning the compressed data is cut off; what it holds ends at offset 359"
        );
    }

    #[test]
    fn other_files_are_no_captures() {
        let texts: [&[u8]; 6] = [
            b"a",
            b"hello, world: this is no capture",
            b"\n\r\r\n and more lines of text",
            &gzip(b"a text in gzip that is long enough"),
            &zstd(b"short"),
            &gzip(b"")[..5],
        ];
        for text in texts {
            let (seen, stop) = walk(text);
            assert!(seen.is_empty());
            assert!(matches!(stop, Stop::NotCapture), "{stop:?}");
        }
        for nothing in [Vec::new(), gzip(b""), zstd(b"")] {
            let (_, stop) = walk(&nothing);
            assert!(matches!(stop, Stop::Empty), "{stop:?}");
        }
    }
}
