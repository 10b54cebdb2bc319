//! Reads inputs ahead, each in a thread of its own: what is compressed is taken apart while the
//! capture thread looks at what came before.

use crate::capture::ReadAhead;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::thread;

/// Octets of a chunk: as many as the reader's window takes at a time.
const CHUNK: usize = 256 * 1024;
/// Chunks that wait to be read.
const CHUNKS: usize = 4;
/// Inputs that are read ahead at a time. Files that overlap in time are all open at once, and
/// those beyond are taken apart by who reads them.
const INPUTS: usize = 8;

/// Makes a reader into one that is read ahead. A thread ends with its input, or when nobody reads
/// it any more.
#[must_use]
pub fn ahead() -> ReadAhead {
    // Every thread holds one.
    let running = Arc::new(());
    Box::new(move |source| {
        if Arc::strong_count(&running) > INPUTS {
            return source;
        }
        let (full, chunks) = bounded(CHUNKS);
        let (used, empty) = bounded(CHUNKS + 1);
        let turn = Arc::clone(&running);
        let failed = full.clone();
        let spawned = thread::Builder::new()
            .name("ahead".to_owned())
            .spawn(move || {
                read(source, &full, &empty);
                drop(turn);
            });
        if let Err(error) = spawned {
            // The only thing that is ever sent, so that there is room.
            let _ = failed.send(Err(error));
        }
        Box::new(Ahead {
            chunks,
            used,
            chunk: Vec::new(),
            at: 0,
        })
    })
}

/// Reads to the end, or to what goes wrong.
fn read(mut source: impl Read, full: &Sender<io::Result<Vec<u8>>>, empty: &Receiver<Vec<u8>>) {
    loop {
        let mut chunk = empty.try_recv().unwrap_or_default();
        chunk.resize(CHUNK, 0);
        // One read, so that a slow pipe hands over what it has.
        let chunk = match source.read(&mut chunk) {
            Ok(0) => return,
            Ok(count) => {
                chunk.truncate(count);
                Ok(chunk)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let last = chunk.is_err();
        if full.send(chunk).is_err() || last {
            return;
        }
    }
}

/// What a thread has read, in order.
struct Ahead {
    chunks: Receiver<io::Result<Vec<u8>>>,
    used: Sender<Vec<u8>>,
    chunk: Vec<u8>,
    /// How much of it has been handed over.
    at: usize,
}

impl Read for Ahead {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            let Ok(next) = self.chunks.recv() else {
                return Ok(0);
            };
            let used = std::mem::replace(&mut self.chunk, next?);
            self.at = 0;
            // With the thread gone, it is simply dropped.
            let _ = self.used.try_send(used);
        }
        let mut rest = self.chunk.get(self.at..).unwrap_or_default();
        let count = rest.read(room)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// Yields a few octets at a time, and then fails.
    struct Fails(Cursor<Vec<u8>>);

    impl Read for Fails {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let few = room.len().min(1_000);
            match self.0.read(&mut room[..few])? {
                0 => Err(ErrorKind::UnexpectedEof.into()),
                count => Ok(count),
            }
        }
    }

    #[test]
    fn the_same_octets_come_in_order() {
        let octets: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let mut source = ahead()(Box::new(Cursor::new(octets.clone())));
        let mut read = Vec::new();
        assert_eq!(source.read_to_end(&mut read).unwrap(), octets.len());
        assert!(read == octets);
        assert_eq!(source.read(&mut [0]).unwrap(), 0, "and so it stays");
    }

    #[test]
    fn what_goes_wrong_comes_behind_what_was_read() {
        let mut source = ahead()(Box::new(Fails(Cursor::new(vec![7; 10_500]))));
        let mut read = Vec::new();
        let error = source.read_to_end(&mut read).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(read, [7; 10_500]);
    }

    #[test]
    fn a_thread_ends_when_nobody_reads() {
        let mut ahead = ahead();
        // Each would go on for ever; more than there may be at a time.
        for _ in 0..3 * INPUTS {
            let mut source = ahead(Box::new(io::repeat(1)));
            let mut octet = [0];
            source.read_exact(&mut octet).unwrap();
            assert_eq!(octet, [1]);
        }
    }
}
