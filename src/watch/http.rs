//! One page by HTTP/1.1, for those who fetch metrics. Requests are read by httparse.
//!
//! A connection carries one request, and only so many are served at a time; others wait in the
//! kernel's queue. Each has so long and no longer, so that nobody holds a place by being slow.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Connections that are served at a time.
const SERVED: usize = 4;
/// Octets of a request, and headers in it, at most.
const REQUEST: usize = 8 << 10;
const HEADERS: usize = 64;
/// How long a request may take to come, and an answer to go.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is served, and under which path.
pub struct Page<F> {
    /// The path.
    pub path: &'static str,
    /// What kind of text it is.
    pub content_type: &'static str,
    /// Makes it, anew for each request.
    pub text: F,
}

/// Serves the page until the process ends.
pub fn serve<F: Fn() -> String + Sync>(listener: &TcpListener, page: &Page<F>) {
    thread::scope(|scope| {
        for _ in 0..SERVED {
            scope.spawn(|| {
                loop {
                    match listener.accept() {
                        // That somebody goes away is no failure of ours.
                        Ok((stream, _)) => drop(answer(stream, page)),
                        // Too many open files, for example, which passes.
                        Err(_) => thread::sleep(Duration::from_millis(100)),
                    }
                }
            });
        }
    });
}

fn answer<F: Fn() -> String>(mut stream: TcpStream, page: &Page<F>) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let (status, text, body) = match request(&mut stream)? {
        None => ("400 Bad Request", "this is no request\n".to_owned(), true),
        Some((method, path)) => {
            let body = method != "HEAD";
            let path = path.split('?').next().unwrap_or_default().to_owned();
            if !matches!(method.as_str(), "GET" | "HEAD") {
                ("405 Method Not Allowed", "GET or HEAD\n".to_owned(), body)
            } else if path == page.path {
                ("200 OK", (page.text)(), body)
            } else {
                ("404 Not Found", format!("see {}\n", page.path), body)
            }
        }
    };
    let kind = match status {
        "200 OK" => page.content_type,
        _ => "text/plain; charset=utf-8",
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Allow: GET, HEAD\r\nConnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes())?;
    if body {
        stream.write_all(text.as_bytes())?;
    }
    stream.flush()
}

/// The method and the path; `None` where it is no request or comes too slowly.
fn request(stream: &mut TcpStream) -> io::Result<Option<(String, String)>> {
    let begun = Instant::now();
    let mut octets = Vec::new();
    let mut piece = [0; 1024];
    while octets.len() < REQUEST {
        let Some(left) = PATIENCE
            .checked_sub(begun.elapsed())
            .filter(|left| !left.is_zero())
        else {
            return Ok(None);
        };
        stream.set_read_timeout(Some(left))?;
        let count = match stream.read(&mut piece) {
            Ok(0) => return Ok(None),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        octets.extend_from_slice(piece.get(..count).unwrap_or_default());
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&octets) {
            Ok(httparse::Status::Partial) => {}
            Ok(httparse::Status::Complete(_)) => {
                let found = request.method.zip(request.path);
                return Ok(found.map(|(method, path)| (method.to_owned(), path.to_owned())));
            }
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the server says to these octets.
    fn ask(octets: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                let page = Page {
                    path: "/metrics",
                    content_type: "text/x-page",
                    text: || "the page\n".to_owned(),
                };
                let (stream, _) = listener.accept().unwrap();
                answer(stream, &page)
            });
            let mut stream = TcpStream::connect(place).unwrap();
            stream.write_all(octets).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            said
        })
    }

    #[test]
    fn one_page() {
        let said = ask(b"GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
        assert!(said.contains("Content-Type: text/x-page\r\n"), "{said}");
        assert!(said.contains("Content-Length: 9\r\n"), "{said}");
        assert!(said.ends_with("\r\n\r\nthe page\n"), "{said}");
        let said = ask(b"HEAD /metrics HTTP/1.0\r\n\r\n");
        assert!(said.ends_with("\r\n\r\n"), "{said}");
    }

    #[test]
    fn nothing_else() {
        for (octets, status) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], "404"),
            (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
            (b"\x16\x03\x01\x02\x00", "400"),
            (b"GET /metrics HTTP/1.1\r\n", "400"),
            (b"", "400"),
            (&[b'x'; REQUEST], "400"),
        ] {
            let said = ask(octets);
            assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
        }
    }
}
