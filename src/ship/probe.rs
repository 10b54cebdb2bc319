//! Whether a receiver that did not close its side when we did would do so by now.
//!
//! To try that on the connection that is open would mean to send all again that is on it. So it is
//! asked on another one, which carries nothing.

use super::connection::Connection;
use std::io;
use std::time::{Duration, Instant};

/// The time after which it is asked; twice as long each time that is for nothing, up to the second.
const FIRST: Duration = Duration::from_mins(10);
const LONGEST: Duration = Duration::from_hours(24);

/// When it is asked, and what is open for that.
pub(super) struct Probe {
    pub(super) wait: Duration,
    since: Instant,
    asked: Option<Connection>,
}

impl Probe {
    /// Asks for the first time when a while has passed.
    pub(super) fn new() -> Self {
        Self {
            wait: FIRST,
            since: Instant::now(),
            asked: None,
        }
    }

    /// Whether it does, as far as that is known. Does not wait for it, only to connect.
    pub(super) fn closes(&mut self, connect: impl FnOnce() -> io::Result<Connection>) -> bool {
        if let Some(connection) = &self.asked {
            match connection.is_at_end() {
                Ok(true) => {
                    self.asked = None;
                    return true;
                }
                Ok(false) if self.since.elapsed() < self.wait => {}
                _ => self.was_for_nothing(),
            }
            return false;
        }
        if self.since.elapsed() < self.wait {
            return false;
        }
        self.since = Instant::now();
        let asked = connect().and_then(|mut connection| {
            connection.say_end()?;
            Ok(connection)
        });
        match asked {
            Ok(connection) => self.asked = Some(connection),
            Err(_) => self.was_for_nothing(),
        }
        false
    }

    /// It is asked again after twice the time.
    pub(super) fn was_for_nothing(&mut self) {
        self.asked = None;
        self.since = Instant::now();
        self.wait = (self.wait * 2).min(LONGEST);
    }
}
