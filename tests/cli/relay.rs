//! A relay that takes mail by SMTP (RFC 5321), as far as a test needs one: it answers as it was
//! told to, and keeps what it was handed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// A mail that was taken.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) to: Vec<String>,
    pub(crate) mail: Vec<u8>,
}

/// The relay, until the end of the test.
pub(crate) struct Relay {
    place: SocketAddr,
    taken: Receiver<Taken>,
}

impl Relay {
    /// One that answers MAIL and RCPT with an address so; `None` is 250.
    pub(crate) fn new(rcpt: impl FnMut(&str) -> Option<&'static str> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        let (to, taken) = channel();
        let mut rcpt = rcpt;
        thread::spawn(move || {
            for stream in listener.incoming() {
                // Who leaves in the middle is the test's to find out.
                let _ = session(&stream.unwrap(), &mut rcpt, &to);
            }
        });
        Self { place, taken }
    }

    /// One that takes everything.
    pub(crate) fn willing() -> Self {
        Self::new(|_| None)
    }

    /// `--relay` of it.
    pub(crate) fn url(&self) -> String {
        format!("smtp://{}", self.place)
    }

    /// The next mail; waits for it.
    pub(crate) fn next(&self) -> Taken {
        self.taken
            .recv_timeout(Duration::from_mins(1))
            .expect("a mail comes")
    }

    /// All mails that came, by recipients.
    pub(crate) fn all(&self) -> Vec<Taken> {
        let mut all: Vec<_> = self.taken.try_iter().collect();
        all.sort_by(|one, other| one.to.cmp(&other.to));
        all
    }
}

fn session(
    stream: &TcpStream,
    rcpt: &mut impl FnMut(&str) -> Option<&'static str>,
    taken: &Sender<Taken>,
) -> std::io::Result<()> {
    let mut to = Vec::new();
    let mut out = stream;
    let mut lines = BufReader::new(stream);
    out.write_all(b"220 relay.example ESMTP\r\n")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let answer = match line.split([' ', ':']).next().unwrap() {
            "EHLO" => "250-relay.example\r\n250 8BITMIME",
            "MAIL" => {
                let address = line.split(['<', '>']).nth(1).unwrap();
                rcpt(address).unwrap_or("250 ok")
            }
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap();
                let answer = rcpt(address).unwrap_or("250 ok");
                if answer.starts_with('2') {
                    to.push(address.to_owned());
                }
                answer
            }
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                let mut mail = Vec::new();
                while !mail.ends_with(b"\r\n.\r\n") {
                    if lines.read_until(b'\n', &mut mail)? == 0 {
                        return Ok(());
                    }
                }
                // The dot is no part of it.
                mail.truncate(mail.len() - b".\r\n".len());
                let to = std::mem::take(&mut to);
                // The test may be over.
                let _ = taken.send(Taken { to, mail });
                "250 taken"
            }
            "RSET" | "NOOP" => "250 ok",
            "QUIT" => "221 bye",
            _ => "502 not here",
        };
        out.write_all(format!("{answer}\r\n").as_bytes())?;
    }
}
