//! A window that slides over an input, so that records are looked at where they were read.
//! A leaf: knows no file format.
//!
//! Promises: never panics; allocates only when a record is asked for that is longer than the
//! window; one `read` at a time, so that a slow pipe hands over what it has.

use std::io::{self, ErrorKind, Read};

/// Octets of the input between what was consumed and what was read, and a place for more.
pub(super) struct Window {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// What was read and not yet consumed is `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Where `start` lies in the (decompressed) input.
    offset: u64,
    ended: Ended,
}

/// Whether more can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    No,
    Yes,
    /// A compressed stream stopped before its own end.
    Short,
}

impl Window {
    /// A window over `source` of `size` octets to begin with.
    pub(super) fn new(source: Box<dyn Read + Send>, size: usize) -> Self {
        Self {
            source,
            buffer: vec![0; size],
            start: 0,
            end: 0,
            offset: 0,
            ended: Ended::No,
        }
    }

    /// What was read and not consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Where [`Self::bytes`] begins in the (decompressed) input.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether a compressed input stopped before its own end.
    pub(super) fn short(&self) -> bool {
        self.ended == Ended::Short
    }

    /// Reads until `len` octets are there, and says whether they are; `false` is the end.
    /// The caller checks `len` first: the window grows to hold it.
    #[inline]
    pub(super) fn fill(&mut self, len: usize) -> io::Result<bool> {
        if self.end - self.start >= len {
            return Ok(true);
        }
        self.read_until(len)
    }

    #[cold]
    fn read_until(&mut self, len: usize) -> io::Result<bool> {
        // Only the beginning of one record is moved, and the next read gets all the room.
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if len > self.buffer.len() {
            self.buffer.resize(len.next_power_of_two(), 0);
        }
        while self.end < len {
            if self.ended != Ended::No {
                return Ok(false);
            }
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.source.read(room) {
                Ok(0) => self.ended = Ended::Yes,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // What both decompressors say of a stream that was cut.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    self.ended = Ended::Short;
                }
                Err(error) => {
                    self.ended = Ended::Yes;
                    return Err(error);
                }
            }
        }
        Ok(true)
    }

    /// Consumes `len` octets, which [`Self::fill`] found to be there, and says where they
    /// lie for [`Self::lend`]; that holds until the next `fill`.
    #[inline]
    pub(super) fn consume(&mut self, len: usize) -> usize {
        let at = self.start;
        debug_assert!(len <= self.end - self.start, "only what was filled");
        self.start += len;
        self.offset += len as u64;
        at
    }

    /// Lends octets that were consumed since the last `fill`.
    #[inline]
    pub(super) fn lend(&self, at: usize, len: usize) -> &[u8] {
        self.buffer.get(at..at + len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands over one octet at a time, with an interruption before each.
    struct Trickle(Vec<u8>, bool);

    impl Read for Trickle {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            if self.0.is_empty() {
                return Ok(0);
            }
            room[0] = self.0.remove(0);
            Ok(1)
        }
    }

    #[test]
    fn slides_grows_and_ends() {
        let mut window = Window::new(Box::new(Trickle((0..20).collect(), false)), 4);
        assert!(window.fill(3).unwrap());
        assert_eq!(window.bytes(), [0, 1, 2]);
        let at = window.consume(2);
        assert_eq!(window.lend(at, 2), [0, 1]);
        assert!(window.fill(10).unwrap(), "grows");
        assert_eq!(window.offset(), 2);
        assert_eq!(window.bytes(), (2..12).collect::<Vec<u8>>());
        window.consume(10);
        assert!(!window.fill(9).unwrap(), "only eight are left");
        assert_eq!(window.bytes().len(), 8);
        assert!(!window.short());
        assert!(window.fill(8).unwrap(), "and they are still there");
    }

    #[test]
    fn a_failure_is_told_once_and_then_it_is_the_end() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let mut window = Window::new(Box::new(Broken), 4);
        assert!(window.fill(1).is_err());
        assert!(!window.fill(1).unwrap());
    }
}
