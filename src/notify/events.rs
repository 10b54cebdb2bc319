//! Lines of events, from wherever they are written.

use std::io::{self, BufRead, Read as _};

/// Octets of a line at most, several times those of an event; a longer one is no event.
pub const LONGEST: usize = 64 << 10;

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A line, without its end.
    Line(String),
    /// A line that is no text or too long, and was passed over.
    Unreadable,
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
        Ok(String::from_utf8(octets).map_or(Next::Unreadable, Next::Line))
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
        let line = |text: &str| Next::Line(text.to_owned());
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
