//! The captures on disk, in `target/bench`: made once, in each of the forms that mxray reads.

use crate::traffic::{self, Profile};
use anyhow::Result;
use mxray::capture::Replay;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A form of a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Pcap,
    Pcapng,
    Gzip,
    Zstd,
}

impl Form {
    /// Those beside the plain one.
    pub(crate) const OTHERS: [Self; 3] = [Self::Pcapng, Self::Gzip, Self::Zstd];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pcap => "pcap",
            Self::Pcapng => "pcapng",
            Self::Gzip => "pcap.gz",
            Self::Zstd => "pcap.zst",
        }
    }
}

/// The capture of a profile with so many packets, made on the first call.
pub(crate) fn capture(profile: Profile, packets: u64, form: Form) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
    fs::create_dir_all(&folder)?;
    let stem = format!("{}-{packets}-v{}", profile.name(), traffic::VERSION);
    let path = folder.join(format!("{stem}.{}", form.name()));
    if !path.exists() {
        let plain = || capture(profile, packets, Form::Pcap);
        // Complete or not there: another name until it is written.
        let half = folder.join(format!("{stem}.{}.half", form.name()));
        match form {
            Form::Pcap => traffic::write(&half, profile, packets)?,
            Form::Pcapng => pcapng(&plain()?, &half)?,
            Form::Gzip => gzip(&plain()?, &half)?,
            Form::Zstd => zstd(&plain()?, &half)?,
        }
        fs::rename(&half, &path)?;
    }
    // The first reader must not be the one that pays for the disk.
    io::copy(&mut File::open(&path)?, &mut io::sink())?;
    Ok(path)
}

fn gzip(from: &Path, to: &Path) -> Result<()> {
    let fast = flate2::Compression::fast();
    let mut encoder = flate2::write::GzEncoder::new(writer(to)?, fast);
    io::copy(&mut File::open(from)?, &mut encoder)?;
    encoder.finish()?.flush()?;
    Ok(())
}

fn zstd(from: &Path, to: &Path) -> Result<()> {
    let mut out = writer(to)?;
    zstd::stream::copy_encode(File::open(from)?, &mut out, 1)?;
    out.flush()?;
    Ok(())
}

fn writer(to: &Path) -> Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(1 << 20, File::create(to)?))
}

/// One section, one Ethernet interface with microseconds, packets in enhanced blocks without
/// options (draft-ietf-opsawg-pcapng), as dumpcap writes them.
fn pcapng(from: &Path, to: &Path) -> Result<()> {
    let out = &mut writer(to)?;
    let words = |out: &mut dyn Write, words: &[u32]| -> io::Result<()> {
        let octets: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        out.write_all(&octets)
    };
    let unknown = u32::MAX;
    words(
        out,
        &[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, unknown, unknown, 28],
    )?;
    words(out, &[1, 20, 1, 262_144, 20])?;
    let mut replay = Replay::open(&[from]);
    while let Some(frame) = replay.next_frame() {
        let micros = u64::try_from(frame.time.nanos() / 1_000)?;
        let (high, low) = (
            u32::try_from(micros >> 32)?,
            u32::try_from(micros & 0xffff_ffff)?,
        );
        let captured = u32::try_from(frame.bytes.len())?;
        let padding = captured.next_multiple_of(4) - captured;
        let length = 32 + captured + padding;
        words(out, &[6, length, 0, high, low, captured, frame.wire_len])?;
        out.write_all(frame.bytes)?;
        for _ in 0..padding {
            out.write_all(&[0])?;
        }
        words(out, &[length])?;
    }
    out.flush()?;
    Ok(())
}
