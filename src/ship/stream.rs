//! Syslog over a connection: octet counting (RFC 6587 section 3.4.1), in clear or in TLS
//! (RFC 5425).
//!
//! Nobody answers on such a connection, and what the kernel took may still be lost with the
//! receiver. So a connection is ended from time to time as TCP means it: we say that nothing more
//! follows, and a receiver that has read to the end closes its side. One that is gone with
//! something unread resets the connection instead. Only what was sent before an orderly end is
//! known to have arrived.
//!
//! A receiver that never closes its side may read or not. Its connection is left open, and of what
//! it is sent that is known to have been read which no kernel can hold any more. Now and then it is
//! asked on another connection whether it would close by now.

use super::connection::Connection;
use super::probe::Probe;
use super::syslog::{lines, message};
use super::{Arrived, Endpoint, Event, Failure, Fate, Receiver};
use crate::eventlog::Position;
use rustls::ClientConfig;
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// A receiver that is slow closes its side late, and gets less the next time, down to so many
/// events.
const FEW: usize = 100;
/// One that did not close so often when it had no more than that is taken for one that never does.
const PATIENCE: u32 = 3;

/// Octets that two kernels can hold between us and whoever reads: ours at most 4 MiB for a
/// connection, the other 32 MiB (the highest defaults of Linux, `tcp_wmem` and `tcp_rmem` of 6.16).
const HELD: u64 = 64 << 20;
/// Octets among those whose events are not told apart.
pub(super) const STEP: u64 = 64 << 10;

/// No connection is given less time than that.
const LEAST: Duration = Duration::from_millis(1);

/// What is added to the time that a reset takes to come.
const SETTLED: Duration = Duration::from_millis(50);

/// Messages to a receiver, over one connection after the other.
pub(super) struct Stream {
    to: Endpoint,
    tls: Option<Arc<ClientConfig>>,
    open: Option<Connection>,
    sent: Sent,
    /// How often in a row it did not close its side when we did, though it had got few events.
    unclosed: u32,
    /// Where that was too often: whether it still does not.
    probe: Probe,
    /// It did not even take what it was sent last.
    stuck: bool,
    /// How long it took to connect, and when something was last sent.
    round_trip: Duration,
    sent_last: Instant,
}

/// What was sent on the open connection.
struct Sent {
    events: usize,
    octets: u64,
    /// How many octets there were at the end of an event, and the place behind it; in order, the
    /// eldest first, of those that may be unread, and the last of each step.
    places: VecDeque<(u64, Position)>,
    /// What was read for certain.
    read: Option<Position>,
    held: u64,
}

impl Sent {
    fn new(held: u64) -> Self {
        Self {
            events: 0,
            octets: 0,
            places: VecDeque::new(),
            read: None,
            held,
        }
    }

    /// An event was sent, behind which is `next`.
    fn add(&mut self, octets: usize, next: Position) {
        self.events += 1;
        let before = self.octets / STEP;
        self.octets += octets as u64;
        if before == self.octets / STEP {
            self.places.pop_back();
        }
        self.places.push_back((self.octets, next));
    }

    /// The place up to which all was read.
    fn read(&mut self) -> Option<Position> {
        while let Some(&(end, place)) = self.places.front()
            && end + self.held <= self.octets
        {
            self.read = Some(place);
            self.places.pop_front();
        }
        self.read
    }
}

impl Stream {
    pub(super) fn new(to: &Endpoint, tls: Option<Arc<ClientConfig>>) -> Self {
        Self {
            to: to.clone(),
            tls,
            open: None,
            sent: Sent::new(HELD),
            unclosed: 0,
            probe: Probe::new(),
            stuck: false,
            round_trip: Duration::ZERO,
            sent_last: Instant::now(),
        }
    }

    /// Connects, and yields how long that took.
    fn connect(&self, until: Instant) -> io::Result<(Connection, Duration)> {
        let addresses: Vec<_> = self.to.addresses()?.collect();
        let mut last = None;
        for (others, address) in (1..=addresses.len()).rev().zip(&addresses) {
            let begun = Instant::now();
            // One that nobody answers at leaves as much time to each of the others.
            let others = u32::try_from(others).unwrap_or(u32::MAX);
            let part = until.saturating_duration_since(begun) / others;
            match TcpStream::connect_timeout(address, part.max(LEAST)) {
                Ok(stream) => {
                    let took = begun.elapsed();
                    let tls = self.tls.as_ref();
                    let connection = Connection::new(stream, until, tls, &self.to.host)?;
                    return Ok((connection, took));
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("the name has no address")))
    }

    fn send(&mut self, events: &[Event], until: Instant) -> io::Result<()> {
        let mut connection = if let Some(connection) = self.open.take() {
            connection
        } else {
            self.sent = Sent::new(self.sent.held);
            self.stuck = false;
            let (connection, took) = self.connect(until)?;
            self.round_trip = took;
            connection
        };
        let mut frames = Vec::new();
        let mut ends = Vec::with_capacity(events.len());
        for event in events {
            let before = frames.len();
            let message = message(event);
            write!(frames, "{} ", message.len())?;
            frames.extend_from_slice(&message);
            ends.push((frames.len() - before, event.next));
        }
        connection.until(until);
        self.stuck = true;
        connection.write(&frames)?;
        self.stuck = false;
        self.sent_last = Instant::now();
        for (octets, next) in ends {
            self.sent.add(octets, next);
        }
        self.open = Some(connection);
        Ok(())
    }

    fn would_close(&mut self, until: Instant) -> bool {
        let mut probe = std::mem::replace(&mut self.probe, Probe::new());
        let would = probe.closes(|| Ok(self.connect(until)?.0));
        self.probe = probe;
        would
    }

    /// Ends the connection; `false` where the other side does not, or had before, which says
    /// nothing of what it has read.
    fn end(&self, mut connection: Connection, until: Instant) -> io::Result<bool> {
        connection.until(until);
        if connection.has_ended()? || !connection.end()? {
            return Ok(false);
        }
        // One that had closed before it got the last of it resets the connection by now.
        let by = 2 * self.round_trip + SETTLED;
        thread::sleep(by.saturating_sub(self.sent_last.elapsed()));
        match connection.socket().take_error()? {
            None => Ok(true),
            Some(error) => Err(error),
        }
    }
}

impl Receiver for Stream {
    fn deliver(&mut self, events: &[Event], until: Instant) -> Result<Vec<Fate>, Failure> {
        match self.send(events, until) {
            Ok(()) => Ok(vec![Fate::Delivered; events.len()]),
            Err(error) => {
                // Whether it closes is seen anew.
                self.unclosed = 0;
                Err(Failure::later(timed(&error)))
            }
        }
    }

    fn answers(&self) -> bool {
        false
    }

    fn least(&self) -> usize {
        if self.stuck { 1 } else { FEW }
    }

    fn confirm(&mut self, last: bool, until: Instant) -> Result<Arrived, Failure> {
        let Some(connection) = self.open.take() else {
            return Ok(Arrived::All);
        };
        let never = self.unclosed >= PATIENCE;
        let ended = connection.has_ended();
        if never
            && !last
            && let Ok(false) = ended
            && !self.would_close(until)
        {
            self.open = Some(connection);
            return Ok(Arrived::Until(self.sent.read()));
        }
        match ended.and_then(|ended| Ok((ended, self.end(connection, until)?))) {
            Ok((_, true)) => {
                self.unclosed = 0;
                Ok(Arrived::All)
            }
            Ok(_) if never && last => Ok(Arrived::Until(self.sent.read())),
            // It may be another one that takes connections from now on.
            Ok((true, _)) => {
                self.unclosed = 0;
                Err(Failure::later("it has ended the connection"))
            }
            Ok((false, _)) => {
                if never {
                    self.probe.was_for_nothing();
                } else if self.sent.events <= FEW {
                    self.unclosed += 1;
                    if self.unclosed == PATIENCE {
                        self.probe = Probe::new();
                    }
                }
                Err(Failure::later(
                    "it does not close the connection when we do",
                ))
            }
            Err(error) => {
                self.unclosed = 0;
                Err(Failure::later(error))
            }
        }
    }

    fn show(&self, events: &[Event]) -> Vec<u8> {
        lines(events)
    }
}

/// A timeout, in words that say so.
fn timed(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "it takes too long".to_owned(),
        _ => error.to_string(),
    }
}

impl Endpoint {
    pub(super) fn addresses(&self) -> io::Result<impl Iterator<Item = SocketAddr> + use<>> {
        (self.host.as_str(), self.port).to_socket_addrs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::net::TcpListener;

    fn place(event: u64) -> Position {
        Position {
            segment: 1,
            offset: event * 1000,
            event,
        }
    }

    fn event(number: u64, octets: usize) -> Event {
        let line = format!("{{\"n\":{number},\"x\":\"{}\"}}", "x".repeat(octets));
        Event::parse(line.as_bytes(), place(number)).unwrap()
    }

    /// For what works, however slow the machine is; and for what never comes.
    const PATIENT: Duration = Duration::from_mins(1);
    const IMPATIENT: Duration = Duration::from_millis(50);

    fn deliver(stream: &mut Stream, events: &[Event]) {
        let fates = stream.deliver(events, Instant::now() + PATIENT).unwrap();
        assert_eq!(fates, vec![Fate::Delivered; events.len()]);
    }

    fn confirm(stream: &mut Stream, last: bool, time: Duration) -> Result<Arrived, Failure> {
        stream.confirm(last, Instant::now() + time)
    }

    fn to(listener: &TcpListener) -> Stream {
        let to = Endpoint {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
        };
        Stream::new(&to, None)
    }

    #[test]
    fn what_no_kernel_can_hold_any_more_was_read() {
        let mut sent = Sent::new(1000);
        sent.add(400, place(1));
        sent.add(65_536, place(2));
        assert_eq!(sent.read(), Some(place(1)));
        sent.add(900, place(3));
        assert_eq!(sent.read(), Some(place(1)));
        sent.add(65_536, place(4));
        assert_eq!(sent.read(), Some(place(3)));
        // However small they are, there is a bound to what is remembered.
        let mut sent = Sent::new(HELD);
        for number in 0..500_000 {
            sent.add(300, place(number));
            sent.read();
        }
        assert!(sent.places.len() as u64 <= HELD / STEP + 2);
        assert!(sent.read().is_some());
    }

    #[test]
    fn one_that_never_closes_has_what_it_must_have_read_and_no_more() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = to(&listener);
        stream.sent.held = 100_000;
        let mut kept = Vec::new();
        for _ in 0..PATIENCE {
            deliver(&mut stream, &[event(1, 10)]);
            kept.push(listener.accept().unwrap());
            confirm(&mut stream, false, IMPATIENT).unwrap_err();
        }
        // Whoever reads nothing has nothing.
        deliver(&mut stream, &[event(1, 10)]);
        let mut reads = listener.accept().unwrap().0;
        assert_eq!(
            confirm(&mut stream, false, PATIENT),
            Ok(Arrived::Until(None))
        );
        let reader = thread::spawn(move || {
            io::copy(&mut reads, &mut io::sink()).unwrap();
            reads
        });
        deliver(&mut stream, &[event(2, 150_000)]);
        assert_eq!(
            confirm(&mut stream, false, PATIENT),
            Ok(Arrived::Until(Some(place(1))))
        );
        // And one that goes has to be sent all again but that.
        assert_eq!(
            confirm(&mut stream, true, IMPATIENT),
            Ok(Arrived::Until(Some(place(1))))
        );
        drop(reader.join().unwrap());
    }

    #[test]
    fn one_that_closes_again_is_found_out_though_its_connection_stays_open() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = to(&listener);
        stream.unclosed = PATIENCE;
        stream.probe.wait = Duration::ZERO;
        deliver(&mut stream, &[event(1, 10)]);
        // From then on it reads to the end and closes, on every connection.
        let reader = thread::spawn(move || {
            let mut octets = Vec::new();
            for _ in 0..2 {
                let mut read = Vec::new();
                let mut peer = listener.accept().unwrap().0;
                // The first that is accepted is the last that is ended.
                octets.push(thread::spawn(move || {
                    peer.read_to_end(&mut read).unwrap();
                    read.len()
                }));
            }
            octets
                .into_iter()
                .map(|of| of.join().unwrap())
                .collect::<Vec<_>>()
        });
        assert_eq!(
            confirm(&mut stream, false, PATIENT),
            Ok(Arrived::Until(None))
        );
        stream.probe.wait = PATIENT;
        while confirm(&mut stream, false, PATIENT) != Ok(Arrived::All) {
            assert!(stream.open.is_some());
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(stream.unclosed, 0);
        let octets = reader.join().unwrap();
        assert!(octets[0] > 0 && octets[1] == 0, "{octets:?}");
    }

    #[test]
    fn one_that_ended_its_side_is_no_longer_taken_for_one_that_never_does() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = to(&listener);
        stream.unclosed = PATIENCE;
        deliver(&mut stream, &[event(1, 10)]);
        let peer = listener.accept().unwrap().0;
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        while confirm(&mut stream, false, PATIENT) == Ok(Arrived::Until(None)) {
            thread::yield_now();
        }
        assert_eq!((stream.unclosed, stream.open.is_none()), (0, true));
    }

    #[test]
    fn one_that_had_ended_its_side_before_may_have_read_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = to(&listener);
        deliver(&mut stream, &[event(1, 10)]);
        let other = listener.accept().unwrap().0;
        other.shutdown(std::net::Shutdown::Write).unwrap();
        while !stream.open.as_ref().unwrap().has_ended().unwrap() {
            thread::yield_now();
        }
        confirm(&mut stream, false, PATIENT).unwrap_err();
    }

    #[test]
    fn one_that_is_gone_with_something_unread_is_found_out_also_where_nothing_more_is_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = to(&listener);
        stream.unclosed = PATIENCE;
        deliver(&mut stream, &[event(1, 10)]);
        let peer = listener.accept().unwrap().0;
        // It is there, unread.
        peer.peek(&mut [0]).unwrap();
        assert_eq!(
            confirm(&mut stream, false, PATIENT),
            Ok(Arrived::Until(None))
        );
        drop(peer);
        while confirm(&mut stream, false, PATIENT) == Ok(Arrived::Until(None)) {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!((stream.unclosed, stream.open.is_none()), (0, true));
    }

    #[test]
    fn an_octet_at_a_time_does_not_make_the_time_longer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = to(&listener);
        deliver(&mut stream, &[event(1, 10)]);
        let mut peer = listener.accept().unwrap().0;
        // More often than it can be out of patience, until the connection is gone.
        let talks = thread::spawn(move || {
            let mut said = 0u64;
            while peer.write_all(b"x").is_ok() {
                said += 1;
                thread::sleep(Duration::from_millis(5));
            }
            said
        });
        confirm(&mut stream, false, IMPATIENT).unwrap_err();
        drop(stream);
        assert!(talks.join().unwrap() > 0);
    }
}
