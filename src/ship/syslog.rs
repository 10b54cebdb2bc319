//! Syslog messages (RFC 5424), and sending them one by one.

use super::{Endpoint, Event, Failure, Fate, Receiver};
use std::io;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The facility local0 (RFC 5424 section 6.2.1): neither the kernel's nor anybody else's.
const FACILITY: u8 = 16;
/// A full socket of this machine may take no message for that time at least.
const LEAST: Duration = Duration::from_millis(1);

/// An event as a message: the time is the event's, MSGID its dataset, MSG its JSON. There is no
/// BOM before that, which parsers of JSON would not take.
pub(super) fn message(event: &Event) -> Vec<u8> {
    let priority = FACILITY * 8 + event.severity;
    let time = event.time.map(|time| format!("{time:.6}"));
    let time = time.unwrap_or_else(|| "-".to_owned());
    // Sections 6.2.4 and 6.2.7: 255 and 32 characters.
    let host = word(event.sensor.as_deref().unwrap_or_default(), 255);
    let dataset = word(&event.dataset, 32);
    let mut message = format!("<{priority}>1 {time} {host} mxray - {dataset} - ").into_bytes();
    message.extend_from_slice(&event.line);
    message
}

/// PRINTUSASCII of section 6: no spaces and nothing outside of ASCII.
fn word(text: &str, length: usize) -> String {
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    let word: String = text.chars().map(plain).take(length).collect();
    if word.is_empty() {
        "-".to_owned()
    } else {
        word
    }
}

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

enum To {
    Udp(Endpoint),
    Unix(PathBuf),
}

/// A message in a datagram. Over UDP nobody says whether it arrived.
pub(super) struct Datagrams {
    to: To,
    socket: Option<Socket>,
}

impl Datagrams {
    pub(super) fn udp(to: &Endpoint) -> Self {
        Self {
            to: To::Udp(to.clone()),
            socket: None,
        }
    }

    pub(super) fn unix(path: &Path) -> Self {
        Self {
            to: To::Unix(path.to_owned()),
            socket: None,
        }
    }

    fn connect(&self) -> io::Result<Socket> {
        match &self.to {
            To::Udp(to) => {
                let mut last = None;
                for address in to.addresses()? {
                    let any = if address.is_ipv4() {
                        "0.0.0.0:0"
                    } else {
                        "[::]:0"
                    };
                    let socket = UdpSocket::bind(any)?;
                    match socket.connect(address) {
                        Ok(()) => return Ok(Socket::Udp(socket)),
                        Err(error) => last = Some(error),
                    }
                }
                Err(last.unwrap_or_else(|| io::Error::other("the name has no address")))
            }
            To::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Ok(Socket::Unix(socket))
            }
        }
    }

    fn send(&mut self, message: &[u8], until: Instant) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.connect()?,
        };
        let sent = match &socket {
            Socket::Udp(socket) => socket.send(message),
            Socket::Unix(socket) => {
                let left = until.saturating_duration_since(Instant::now());
                socket.set_write_timeout(Some(left.max(LEAST)))?;
                socket.send(message)
            }
        };
        self.socket = Some(socket);
        sent.map(|_| ())
    }
}

impl Receiver for Datagrams {
    fn deliver(&mut self, events: &[Event], until: Instant) -> Result<Vec<Fate>, Failure> {
        let mut fates = Vec::with_capacity(events.len());
        for event in events {
            match self.send(&message(event), until) {
                Ok(()) => fates.push(Fate::Delivered),
                Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
                    fates.push(Fate::Refused(format!("a datagram: {error}")));
                }
                Err(error) if fates.is_empty() => {
                    self.socket = None;
                    return Err(Failure::later(error));
                }
                Err(error) => {
                    self.socket = None;
                    // Those before it are gone; it and what follows wait.
                    let reason = error.to_string();
                    fates.resize(
                        events.len(),
                        Fate::Later {
                            reason,
                            after: None,
                        },
                    );
                    break;
                }
            }
        }
        Ok(fates)
    }

    fn show(&self, events: &[Event]) -> Vec<u8> {
        lines(events)
    }
}

/// Messages as people read them.
pub(super) fn lines(events: &[Event]) -> Vec<u8> {
    let mut lines = Vec::new();
    for event in events {
        lines.append(&mut message(event));
        lines.push(b'\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eventlog::Position;

    fn event(line: &str) -> Event {
        Event::parse(line.as_bytes(), Position::default()).unwrap()
    }

    #[test]
    fn a_message() {
        let line = r#"{"@timestamp":"2005-02-25T09:00:00.250000Z","event":{"dataset":"mxray.verdict","kind":"alert","severity":99},"observer":{"name":"north"}}"#;
        let text = String::from_utf8(message(&event(line))).unwrap();
        let head = "<130>1 2005-02-25T09:00:00.250000Z north mxray - mxray.verdict - ";
        assert_eq!(text, format!("{head}{line}"));
    }

    #[test]
    fn what_is_not_known_is_a_hyphen_and_a_name_cannot_break_out() {
        let text = String::from_utf8(message(&event("{}"))).unwrap();
        assert_eq!(text, "<134>1 - - mxray - mxray - {}");
        let line = r#"{"observer":{"name":"a b\n<0>1 é"}}"#;
        let text = String::from_utf8(message(&event(line))).unwrap();
        assert!(
            text.starts_with("<134>1 - a_b_<0>1__ mxray - mxray - {"),
            "{text}"
        );
        assert_eq!(word(&"x".repeat(300), 255).len(), 255);
    }

    #[test]
    fn what_does_not_fit_into_a_datagram_is_refused_and_the_rest_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let listener = UnixDatagram::bind(&path).unwrap();
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(10 << 20));
        let mut datagrams = Datagrams::unix(&path);
        let until = Instant::now() + Duration::from_mins(1);
        let both = [event(&large), event("{}")];
        let fates = datagrams.deliver(&both, until).unwrap();
        assert!(
            matches!(&fates[..], [Fate::Refused(_), Fate::Delivered]),
            "{fates:?}"
        );
        let mut octets = [0; 100];
        let length = listener.recv(&mut octets).unwrap();
        assert!(octets[..length].ends_with(b" - {}"));
        drop(listener);
        assert!(matches!(
            datagrams.deliver(&[event("{}")], until),
            Err(Failure::Later { .. })
        ));
    }
}
