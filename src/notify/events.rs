//! Lines of events, from wherever they are written.

use crate::eventlog::{Position, Reader};
use std::collections::VecDeque;
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
    /// A log ends, or begins anew, before the place that was come to: its end is gone. What is there
    /// now follows.
    Cut,
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
    /// Read already.
    ahead: VecDeque<Next>,
}

impl Log {
    /// What the reader has still to read; `follow`: and what is written later.
    #[must_use]
    pub fn new(reader: Reader, follow: bool) -> Self {
        Self {
            reader,
            follow,
            ahead: VecDeque::new(),
        }
    }
}

impl Events for Log {
    fn next(&mut self) -> io::Result<Next> {
        loop {
            if let Some(read) = self.ahead.pop_front() {
                return Ok(read);
            }
            let entry = self.reader.next()?;
            let read = entry.map(|entry| line(entry.line.to_vec(), Some(entry.next)));
            // What was passed by on the way to it comes before it.
            self.ahead
                .extend(self.reader.take_cut().then_some(Next::Cut));
            let lost = self.reader.take_lost();
            self.ahead.extend((lost > 0).then_some(Next::Lost(lost)));
            for _ in 0..self.reader.take_damaged() {
                self.ahead.push_back(Next::Unreadable);
            }
            self.ahead.extend(read);
            if self.ahead.is_empty() {
                if !self.follow {
                    return Ok(Next::End);
                }
                thread::sleep(LOOK);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eventlog::{Bounds, Writer};
    use std::fs;
    use std::io::Write as _;

    #[test]
    fn what_a_log_has_not_got_any_more_is_told_before_what_follows() {
        let folder = tempfile::tempdir().unwrap();
        let bounds = Bounds {
            total: 1 << 20,
            segment: 1 << 18,
        };
        let mut log = Writer::open(folder.path(), bounds).unwrap();
        log.write_all(b"{}\n").unwrap();
        log.close();
        let file = fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().path());
        let file = { file }.find(|file| file.extension().is_some_and(|end| end == "ndjson"));
        let mut file = fs::File::options()
            .append(true)
            .open(file.unwrap())
            .unwrap();
        // Too long to be an event.
        let line = "x".repeat(1 << 20);
        write!(file, "{line}\n{{\"n\":1}}\n").unwrap();
        // It was read in a segment that is not there, and there is no newer one.
        let place = Position {
            segment: u64::MAX,
            offset: 100,
            event: 30,
        };
        let mut events = Log::new(Reader::open(folder.path(), Some(place)), false);
        let mut all = Vec::new();
        while let Ok(next) = events.next()
            && next != Next::End
        {
            all.push(match next {
                Next::Line(line, _) => line,
                other => format!("{other:?}"),
            });
        }
        assert_eq!(all, ["Cut", "{}", "Unreadable", "{\"n\":1}"]);
    }

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
