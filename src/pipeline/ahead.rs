//! Reads inputs ahead, each in a thread of its own: what is compressed is taken apart while the
//! capture thread looks at what came before.

use crate::capture::ReadAhead;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io::{self, Read};
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
/// it any more; where there can be none, the reader stays as it is.
#[must_use]
pub fn ahead() -> ReadAhead {
    // Every reader holds one, so that its turn lasts as long as its chunks, and which inputs have
    // one depends on nothing but the order in which they are opened and closed.
    let turns = Arc::new(());
    Box::new(move |source| {
        if Arc::strong_count(&turns) > INPUTS {
            return source;
        }
        let (full, chunks) = bounded(CHUNKS);
        let (used, empty) = bounded(CHUNKS + 1);
        let (hand, handed) = bounded(1);
        let spawned = thread::Builder::new()
            .name("ahead".to_owned())
            .spawn(move || {
                if let Ok(source) = handed.recv() {
                    read(source, &full, &empty);
                }
            });
        if spawned.is_err() {
            return source;
        }
        // There is room for one; were the thread gone, its reader would be told.
        let _ = hand.send(source);
        Box::new(Ahead {
            chunks,
            used,
            chunk: Vec::new(),
            at: 0,
            ended: false,
            _turn: Arc::clone(&turns),
        })
    })
}

/// Reads to the end, which is an empty chunk, or to what goes wrong.
fn read(mut source: impl Read, full: &Sender<io::Result<Vec<u8>>>, empty: &Receiver<Vec<u8>>) {
    loop {
        let mut chunk = empty.try_recv().unwrap_or_default();
        chunk.clear();
        chunk.reserve_exact(CHUNK);
        let read = source.by_ref().take(CHUNK as u64).read_to_end(&mut chunk);
        let whole = chunk.len() == CHUNK;
        // What was read before something went wrong comes first.
        if !chunk.is_empty() && full.send(Ok(chunk)).is_err() {
            return;
        }
        let end = match read {
            Ok(_) if whole => continue,
            Ok(_) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        // Whoever does not read any more need not know.
        let _ = full.send(end);
        return;
    }
}

/// What a thread has read, in order.
struct Ahead {
    chunks: Receiver<io::Result<Vec<u8>>>,
    used: Sender<Vec<u8>>,
    chunk: Vec<u8>,
    /// How much of it has been handed over.
    at: usize,
    ended: bool,
    _turn: Arc<()>,
}

impl Read for Ahead {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() && !self.ended {
            let gone = |_| Err(io::Error::other("the thread that read it has failed"));
            let next = self.chunks.recv().unwrap_or_else(gone);
            self.ended = next.as_ref().map_or(true, Vec::is_empty);
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
    use std::io::{Cursor, ErrorKind};

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

    /// Goes on for ever, and tells when it is dropped.
    struct Endless(#[expect(dead_code, reason = "held")] Sender<()>);

    impl Read for Endless {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            room.fill(1);
            Ok(room.len())
        }
    }

    #[test]
    fn a_thread_ends_when_nobody_reads() {
        let (held, dropped) = bounded(0);
        let mut source = ahead()(Box::new(Endless(held)));
        let mut octet = [0];
        source.read_exact(&mut octet).unwrap();
        assert_eq!(octet, [1]);
        drop(source);
        // Returns when the sender is gone with its thread, and hangs if it is not.
        assert!(dropped.recv().is_err());
    }

    #[test]
    fn so_many_inputs_have_a_thread_until_they_are_closed() {
        /// Tells of which thread it was read.
        struct Whose(Sender<thread::ThreadId>);
        impl Read for Whose {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                let _ = self.0.try_send(thread::current().id());
                Ok(0)
            }
        }
        let mut ahead = ahead();
        let mut is_ahead = |kept: &mut Vec<Box<dyn Read + Send>>| {
            let (say, by) = bounded(1);
            let mut source = ahead(Box::new(Whose(say)));
            assert_eq!(source.read(&mut [0]).unwrap(), 0);
            kept.push(source);
            by.recv().unwrap() != thread::current().id()
        };
        let mut kept = Vec::new();
        for _ in 0..INPUTS {
            assert!(is_ahead(&mut kept), "though the threads before have ended");
        }
        assert!(!is_ahead(&mut kept));
        kept.remove(0);
        assert!(is_ahead(&mut kept));
    }

    #[test]
    fn a_thread_that_fails_is_no_end() {
        struct Panics;
        impl Read for Panics {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("as a library might");
            }
        }
        let mut source = ahead()(Box::new(Panics));
        assert!(source.read(&mut [0]).is_err());
        assert_eq!(source.read(&mut [0]).unwrap(), 0, "and is told once");
    }
}
