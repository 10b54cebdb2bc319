//! Syslog over a connection: octet counting (RFC 6587 section 3.4.1), in clear or in TLS
//! (RFC 5425).
//!
//! Nobody answers on such a connection, and what the kernel took may still be lost with the
//! receiver. So a connection is ended from time to time as TCP means it: we say that nothing more
//! follows, and a receiver that has read to the end closes its side. One that is gone with
//! something unread resets the connection instead. Only what was sent before an orderly end is
//! known to have arrived.

use super::syslog::{lines, message};
use super::{Endpoint, Event, Failure, Fate, Receiver};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// A receiver that is slow closes its side late, and gets less the next time; one that did not
/// so often is taken for one that never does, and to have taken what the kernel took.
const PATIENCE: u32 = 3;
/// How long one is waited for that never does.
const SHORT: Duration = Duration::from_millis(500);

/// What is added to the time that a reset takes to come.
const SETTLED: Duration = Duration::from_millis(50);

/// Octets that are read of a receiver that talks, before it counts as one that does not close.
const TALK: usize = 1 << 20;

/// Messages to a receiver, over one connection after the other.
pub(super) struct Stream {
    to: Endpoint,
    tls: Option<Arc<ClientConfig>>,
    timeout: Duration,
    open: Option<Connection>,
    /// How often in a row it did not close its side when we did.
    unclosed: u32,
    /// How long it took to connect, and when something was last sent.
    round_trip: Duration,
    sent: Instant,
}

enum Connection {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    pub(super) fn new(to: &Endpoint, tls: Option<Arc<ClientConfig>>, timeout: Duration) -> Self {
        Self {
            to: to.clone(),
            tls,
            timeout,
            open: None,
            unclosed: 0,
            round_trip: Duration::ZERO,
            sent: Instant::now(),
        }
    }

    fn connect(&mut self) -> io::Result<Connection> {
        let mut last = None;
        for address in self.to.addresses()? {
            let begun = Instant::now();
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(stream) => {
                    self.round_trip = begun.elapsed();
                    return self.secure(stream);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("the name has no address")))
    }

    fn secure(&self, mut stream: TcpStream) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        let Some(tls) = &self.tls else {
            return Ok(Connection::Clear(stream));
        };
        let name = ServerName::try_from(self.to.host.clone()).map_err(io::Error::other)?;
        let client = ClientConnection::new(Arc::clone(tls), name);
        let mut client = client.map_err(io::Error::other)?;
        while client.is_handshaking() {
            client.complete_io(&mut stream)?;
        }
        Ok(Connection::Tls(Box::new(StreamOwned::new(client, stream))))
    }

    fn send(&mut self, events: &[Event]) -> io::Result<()> {
        let mut connection = match self.open.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let mut frames = Vec::new();
        for event in events {
            let message = message(event);
            write!(frames, "{} ", message.len())?;
            frames.extend_from_slice(&message);
        }
        connection.write(&frames)?;
        self.sent = Instant::now();
        self.open = Some(connection);
        Ok(())
    }
}

impl Receiver for Stream {
    fn deliver(&mut self, events: &[Event]) -> Result<Vec<Fate>, Failure> {
        match self.send(events) {
            Ok(()) => Ok(vec![Fate::Delivered; events.len()]),
            Err(error) => Err(Failure::later(timed(&error))),
        }
    }

    fn answers(&self) -> bool {
        false
    }

    fn confirm(&mut self) -> Result<(), Failure> {
        let Some(mut connection) = self.open.take() else {
            return Ok(());
        };
        let never = self.unclosed >= PATIENCE;
        let wait = if never { SHORT } else { self.timeout };
        if connection.end(wait).map_err(Failure::later)? {
            self.unclosed = 0;
        } else if !never {
            self.unclosed += 1;
            return Err(Failure::later(
                "it does not close the connection when we do",
            ));
        }
        // One that had closed before it got the last of it resets the connection by now.
        let by = 2 * self.round_trip + SETTLED;
        thread::sleep(by.saturating_sub(self.sent.elapsed()));
        match connection.socket().take_error() {
            Ok(None) => Ok(()),
            Ok(Some(error)) | Err(error) => Err(Failure::later(error)),
        }
    }

    fn show(&self, events: &[Event]) -> Vec<u8> {
        lines(events)
    }
}

impl Connection {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Clear(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.write_all(octets),
            Self::Tls(stream) => {
                stream.write_all(octets)?;
                stream.flush()
            }
        }
    }

    /// Says that nothing more follows, and waits for the same of the other side. `false` where it
    /// says nothing.
    fn end(&mut self, wait: Duration) -> io::Result<bool> {
        match self {
            Self::Clear(stream) => {
                stream.shutdown(Shutdown::Write)?;
                stream.set_read_timeout(Some(wait))?;
                read_to_end(stream)
            }
            Self::Tls(stream) => {
                stream.conn.send_close_notify();
                while stream.conn.wants_write() {
                    stream.conn.write_tls(&mut stream.sock)?;
                }
                stream.sock.shutdown(Shutdown::Write)?;
                stream.sock.set_read_timeout(Some(wait))?;
                read_to_end(stream)
            }
        }
    }
}

fn read_to_end(stream: &mut impl Read) -> io::Result<bool> {
    let mut octets = [0; 4096];
    let mut read = 0;
    loop {
        match stream.read(&mut octets) {
            Ok(0) => return Ok(true),
            Ok(length) => read += length,
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Ok(false),
                // Closed without the farewell of TLS, as many do.
                io::ErrorKind::UnexpectedEof => return Ok(true),
                _ => return Err(error),
            },
        }
        if read > TALK {
            return Ok(false);
        }
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
