//! A server that hands each request to a function.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// A request, its body unpacked.
pub(crate) struct Request {
    pub(crate) target: String,
    /// By names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What is answered.
pub(crate) enum Answer {
    /// A status, further header lines, and a body of JSON.
    Is(u16, &'static str, String),
    /// The connection is cut.
    Cut,
}

/// A server on a port of its own; its threads end with the test.
pub(crate) fn serve(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || connection(&stream, &*answer));
        }
    });
    address
}

fn connection(stream: &TcpStream, answer: &dyn Fn(&Request) -> Answer) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        match answer(&request) {
            Answer::Cut => return,
            Answer::Is(status, headers, body) => {
                let mut stream = stream;
                if stream
                    .write_all(head(status, headers, &body).as_bytes())
                    .is_err()
                {
                    return;
                }
            }
        }
    }
}

/// Answers one request on a stream of any kind, and closes it.
pub(crate) fn one<S: std::io::Read + Write>(stream: &mut S, answer: &dyn Fn(&Request) -> Answer) {
    let request = read(&mut BufReader::new(&mut *stream));
    if let Some(Answer::Is(status, headers, body)) = request.map(|request| answer(&request)) {
        let _ = stream.write_all(head(status, headers, &body).as_bytes());
    }
}

fn head(status: u16, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Because\r\nContent-Type: application/json\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader
        .read_line(&mut line)
        .ok()
        .filter(|&octets| octets > 0)?;
    let mut words = line.split(' ');
    assert_eq!(words.next(), Some("POST"));
    let target = words.next()?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers["content-length"].parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if headers
        .get("content-encoding")
        .is_some_and(|how| how == "gzip")
    {
        let mut unpacked = Vec::new();
        let mut gzip = flate2::read::GzDecoder::new(&body[..]);
        gzip.read_to_end(&mut unpacked).unwrap();
        body = unpacked;
    }
    Some(Request {
        target,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}
