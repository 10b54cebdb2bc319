//! Lines of events, from wherever they are written.

use crate::eventlog::{Position, Reader};
use std::io::{self, BufRead, Read as _};
use std::thread;
use std::time::Duration;

/// Octets of a line at most, several times those of an event; a longer one is no event.
pub const LONGEST: usize = 64 << 10;

/// How often it is looked whether a log has grown.
const LOOK: Duration = Duration::from_millis(500);

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A line, without its end; of a log, with the place behind it.
    Line(String, Option<Position>),
    /// A line that is no text or too long, and was passed over.
    Unreadable,
    /// So many events of a log were removed before they were read.
    Lost(u64),
    /// There are no more.
    End,
}

/// Where events come from.
pub trait Events: Send {
    /// The next line; waits for it where more can come.
    fn next(&mut self) -> io::Result<Next>;
}

/// The lines of a file or a pipe.
pub struct Lines<R>(R);

impl<R: BufRead> Lines<R> {
    /// All that is still to be read.
    pub fn new(from: R) -> Self {
        Self(from)
    }
}

impl<R: BufRead + Send> Events for Lines<R> {
    fn next(&mut self) -> io::Result<Next> {
        let mut octets = Vec::new();
        let most = LONGEST as u64 + 1;
        self.0.by_ref().take(most).read_until(b'\n', &mut octets)?;
        if octets.is_empty() {
            return Ok(Next::End);
        }
        if octets.pop_if(|last| *last == b'\n').is_none() && octets.len() > LONGEST {
            self.0.skip_until(b'\n')?;
            return Ok(Next::Unreadable);
        }
        Ok(line(octets, None))
    }
}

fn line(octets: Vec<u8>, behind: Option<Position>) -> Next {
    String::from_utf8(octets).map_or(Next::Unreadable, |line| Next::Line(line, behind))
}

/// An event log.
pub struct Log {
    reader: Reader,
    follow: bool,
    /// Read already, behind events that were lost.
    ahead: Option<Next>,
}

impl Log {
    /// What the reader has still to read; `follow`: and what is written later.
    #[must_use]
    pub fn new(reader: Reader, follow: bool) -> Self {
        Self {
            reader,
            follow,
            ahead: None,
        }
    }
}

impl Events for Log {
    fn next(&mut self) -> io::Result<Next> {
        if let Some(read) = self.ahead.take() {
            return Ok(read);
        }
        loop {
            let entry = self.reader.next()?;
            let read = entry.map(|entry| line(entry.line.to_vec(), Some(entry.next)));
            let lost = self.reader.take_lost();
            if lost > 0 {
                self.ahead = read;
                return Ok(Next::Lost(lost));
            }
            match read {
                Some(read) => return Ok(read),
                None if self.reader.take_damaged() > 0 => return Ok(Next::Unreadable),
                None if self.follow => thread::sleep(LOOK),
                None => return Ok(Next::End),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_what_is_none() {
        let long = "x".repeat(LONGEST);
        let text = format!("a\n\n{long}\n{long}yz\nb\n");
        let mut octets = text.into_bytes();
        octets.extend_from_slice(b"\xff\nc");
        let mut lines = Lines::new(octets.as_slice());
        let line = |text: &str| Next::Line(text.to_owned(), None);
        for expected in [
            line("a"),
            line(""),
            line(&long),
            Next::Unreadable,
            line("b"),
            Next::Unreadable,
            line("c"),
            Next::End,
            Next::End,
        ] {
            assert_eq!(lines.next().unwrap(), expected);
        }
    }
}
