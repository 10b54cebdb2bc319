//! A connection that is ended as TCP means it, and on which nothing goes on for ever.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Octets that are read of a receiver that talks, before it counts as one that does not close.
const TALK: usize = 1 << 20;

/// A connection, in clear or in TLS.
pub(super) enum Connection {
    Clear(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

/// One on which nothing goes on for longer than until a moment, however little comes or
/// goes at a time.
pub(super) struct Timed {
    stream: TcpStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(Some(left))
    }
}

impl Read for Timed {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(octets)
    }
}

impl Write for Timed {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Connection {
    /// Over what was connected; all that is needed for TLS has to be done until that moment.
    pub(super) fn new(
        stream: TcpStream,
        until: Instant,
        tls: Option<&Arc<ClientConfig>>,
        host: &str,
    ) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let mut stream = Timed { stream, until };
        let Some(tls) = tls else {
            return Ok(Self::Clear(stream));
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let client = ClientConnection::new(Arc::clone(tls), name);
        let mut client = client.map_err(io::Error::other)?;
        while client.is_handshaking() {
            client.complete_io(&mut stream)?;
        }
        Ok(Self::Tls(Box::new(StreamOwned::new(client, stream))))
    }

    fn timed(&mut self) -> &mut Timed {
        match self {
            Self::Clear(stream) => stream,
            Self::Tls(stream) => &mut stream.sock,
        }
    }

    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Clear(stream) => &stream.stream,
            Self::Tls(stream) => &stream.sock.stream,
        }
    }

    /// What comes now has to be done until that moment.
    pub(super) fn until(&mut self, until: Instant) {
        self.timed().until = until;
    }

    pub(super) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.write_all(octets),
            Self::Tls(stream) => {
                stream.write_all(octets)?;
                stream.flush()
            }
        }
    }

    /// Whether the other side has ended it, of itself.
    pub(super) fn has_ended(&self) -> io::Result<bool> {
        let socket = self.socket();
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        socket.set_nonblocking(true)?;
        let peeked = socket.peek(&mut [0]);
        socket.set_nonblocking(false)?;
        match peeked {
            Ok(octets) => Ok(octets == 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Says that nothing more follows.
    pub(super) fn say_end(&mut self) -> io::Result<()> {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            while stream.conn.wants_write() {
                stream.conn.write_tls(&mut stream.sock)?;
            }
        }
        self.socket().shutdown(Shutdown::Write)
    }

    /// Says so, and waits for the same of the other side. `false` where it says nothing.
    pub(super) fn end(&mut self) -> io::Result<bool> {
        self.say_end()?;
        match self {
            Self::Clear(stream) => read_to_end(stream),
            Self::Tls(stream) => read_to_end(stream),
        }
    }

    /// Whether the other side has ended too by now, whatever it has said before.
    pub(super) fn is_at_end(&self) -> io::Result<bool> {
        let mut socket = self.socket();
        socket.set_nonblocking(true)?;
        let ended = read_to_end(&mut socket);
        socket.set_nonblocking(false)?;
        ended
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
