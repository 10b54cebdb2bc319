//! A request, and what an answer means that is the same for everybody.

use super::{Credentials, Destination, Failure, Secret, Settings, TlsError, tls};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, EXPECT, RETRY_AFTER};
use ureq::http::{HeaderValue, StatusCode};

/// Octets of an answer at most: some kilobytes for each event of a batch.
const ANSWER: u64 = 16 << 20;
/// No request is given less time than that.
const LEAST: Duration = Duration::from_millis(1);
/// Octets of an answer that people are told.
const TOLD: usize = 200;

/// Posts to a URL.
pub(super) struct Http {
    agent: Agent,
    url: String,
    credentials: Option<Credentials>,
    secret_file: Option<PathBuf>,
    /// What a token is called there.
    scheme: &'static str,
    gzip: bool,
    /// A request did not get through: an answer may have come before all of it was sent, and was
    /// lost as the receiver cut the connection.
    asks_first: bool,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    after: Option<Duration>,
}

impl Http {
    pub(super) fn new(url: &str, settings: &Settings) -> Result<Self, TlsError> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Where it leads nobody has been asked to trust.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("mxray/", env!("CARGO_PKG_VERSION")));
        let config = if url.starts_with("https:") {
            config.tls_config(tls::http(&settings.tls)?)
        } else {
            config
        };
        Ok(Self {
            agent: config.build().new_agent(),
            url: url.to_owned(),
            credentials: settings.credentials.clone(),
            secret_file: settings.secret_file.clone(),
            scheme: match settings.to {
                Destination::Hec(_) => "Splunk",
                _ => "ApiKey",
            },
            gzip: settings.gzip,
            asks_first: false,
        })
    }

    /// The same with a query.
    pub(super) fn asking(mut self, query: &str) -> Self {
        self.url += query;
        self
    }

    /// Posts a body; the answer has to be there until that moment.
    pub(super) fn post(
        &mut self,
        kind: &str,
        body: &[u8],
        until: Instant,
    ) -> Result<Answer, Failure> {
        let left = until.saturating_duration_since(Instant::now());
        let request = self.agent.post(&self.url).config();
        let request = request.timeout_global(Some(left.max(LEAST))).build();
        let mut request = request.header(CONTENT_TYPE, kind);
        let credentials = self.credentials.as_ref();
        if let Some(value) = credentials.and_then(|of| authorization(of, self.scheme)) {
            request = request.header(AUTHORIZATION, value);
        }
        if self.asks_first {
            // RFC 9110 section 10.1.1: what would be refused is not sent. A receiver that knows
            // nothing of it gets the body after a second.
            request = request.header(EXPECT, "100-continue");
        }
        let sent = if self.gzip {
            let packed = pack(body).map_err(Failure::later)?;
            request.header(CONTENT_ENCODING, "gzip").send(&packed[..])
        } else {
            request.send(body)
        };
        // If that fails as well, it is not the size; and what is on the way may not like to be asked.
        self.asks_first = sent.is_err() && !self.asks_first;
        let mut answer = sent.map_err(Failure::later)?;
        let after = answer.headers().get(RETRY_AFTER);
        let after = after
            .and_then(|value| value.to_str().ok())
            .and_then(|text| retry_after(text, Timestamp::now()));
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(ANSWER);
        let answer = Answer {
            status,
            after,
            body: body.read_to_vec().map_err(Failure::later)?,
        };
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            self.renew().map_err(|message| answer.later(message))?;
        }
        Ok(answer)
    }

    /// Reads the secret again, which people change while this runs.
    fn renew(&mut self) -> Result<(), String> {
        let (Some(path), Some(credentials)) = (&self.secret_file, &mut self.credentials) else {
            return Ok(());
        };
        let (Credentials::Token(secret)
        | Credentials::Password {
            password: secret, ..
        }) = credentials;
        *secret = Secret::read(path)?;
        Ok(())
    }
}

impl Answer {
    /// What it means where it is no success, and says nothing of the events.
    pub(super) fn failure(&self) -> Failure {
        match self.status {
            StatusCode::PAYLOAD_TOO_LARGE => Failure::Unacceptable {
                reason: self.told(),
                too_large: true,
            },
            // Too many requests, trouble on the other side; and what is no fault of the events: a
            // wrong token, URL or right, which people mend. A 400 too, where nobody says more: it
            // may be of something on the way.
            _ => Failure::Later {
                reason: self.told(),
                after: self.after,
            },
        }
    }

    /// It says that something is wrong with an event.
    pub(super) fn unacceptable(&self) -> Failure {
        Failure::Unacceptable {
            reason: self.told(),
            too_large: false,
        }
    }

    /// How long the receiver wants to be left alone.
    pub(super) fn after(&self) -> Option<Duration> {
        self.after
    }

    fn told(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let end = text.floor_char_boundary(TOLD);
        let text = text.get(..end).unwrap_or_default();
        format!("{}: {}", self.status, text.trim())
    }

    /// To be tried again, as its body says.
    pub(super) fn later(&self, reason: impl std::fmt::Display) -> Failure {
        Failure::Later {
            reason: format!("{}: {reason}", self.status),
            after: self.after,
        }
    }

    #[cfg(test)]
    pub(super) fn of(status: u16, body: &str) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap(),
            body: body.as_bytes().to_vec(),
            after: None,
        }
    }
}

/// Fast rather than small: what matters is the line, and JSON shrinks by any.
fn pack(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(body)?;
    packed.finish()
}

fn authorization(credentials: &Credentials, scheme: &str) -> Option<HeaderValue> {
    let text = match credentials {
        Credentials::Token(token) => format!("{scheme} {}", token.0),
        Credentials::Password { user, password } => {
            format!("Basic {}", BASE64.encode(format!("{user}:{}", password.0)))
        }
    };
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Retry-After (RFC 9110 section 10.2.3): seconds, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ship::{BatchBounds, Retry, TlsFiles};
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::net::TcpListener;

    fn to(listener: &TcpListener) -> Http {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let settings = Settings {
            name: "r".to_owned(),
            to: Destination::Bulk(url.clone()),
            datasets: Vec::new(),
            credentials: None,
            secret_file: None,
            tls: TlsFiles::default(),
            index: String::new(),
            hec_index: None,
            batch: BatchBounds {
                events: 1,
                octets: 1,
                wait: Duration::ZERO,
            },
            gzip: false,
            retry: Retry {
                first: Duration::ZERO,
                most: Duration::ZERO,
            },
            timeout: Duration::from_mins(1),
        };
        Http::new(&url, &settings).unwrap()
    }

    #[test]
    fn an_answer_that_comes_before_all_is_sent_is_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = to(&listener);
        // It says that this is too large when it has read the head, and cuts the connection.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(&stream).lines();
                while !lines.next().unwrap().unwrap().is_empty() {}
                let answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        // More than kernels hold, so that sending it fails.
        let body = vec![b'x'; 32 << 20];
        let failures: Vec<_> = (0..2)
            .map(|_| {
                let until = Instant::now() + Duration::from_mins(1);
                http.post("text/plain", &body, until)
                    .map(|answer| answer.status)
            })
            .collect();
        assert!(
            failures.contains(&Ok(StatusCode::PAYLOAD_TOO_LARGE)),
            "{failures:?}"
        );
    }

    #[test]
    fn an_octet_at_a_time_does_not_make_the_time_longer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = to(&listener);
        let talks = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let until = Instant::now() + Duration::from_millis(300);
        let answer = http.post("text/plain", b"{}", until);
        let failure = answer.map(|answer| answer.status);
        assert!(failure.is_err(), "{failure:?}");
        drop(http);
        talks.join().unwrap();
    }

    #[test]
    fn a_date_or_seconds() {
        let now: Timestamp = "2026-10-21T07:27:00Z".parse().unwrap();
        let after = |text| retry_after(text, now);
        assert_eq!(after(" 7 "), Some(Duration::from_secs(7)));
        let date = after("Wed, 21 Oct 2026 07:28:00 GMT");
        assert_eq!(date, Some(Duration::from_mins(1)));
        assert_eq!(after("Wed, 21 Oct 2026 07:26:00 GMT"), Some(Duration::ZERO));
        assert_eq!((after("soon"), after("-1")), (None, None));
    }

    #[test]
    fn credentials_become_headers_that_debug_does_not_show() {
        let token = Credentials::Token(Secret("t0k".to_owned()));
        let header = authorization(&token, "Splunk").unwrap();
        assert_eq!(header, "Splunk t0k");
        assert!(!format!("{header:?}").contains("t0k"));
        // RFC 7617 section 2.
        let password = Credentials::Password {
            user: "Aladdin".to_owned(),
            password: Secret("open sesame".to_owned()),
        };
        let header = authorization(&password, "ApiKey").unwrap();
        assert_eq!(header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn what_statuses_mean() {
        let failure = |status| {
            let answer = Answer {
                status: StatusCode::from_u16(status).unwrap(),
                body: b"because".to_vec(),
                after: Some(Duration::from_secs(3)),
            };
            answer.failure()
        };
        for status in [301, 400, 401, 403, 404, 422, 429, 500, 503] {
            let Failure::Later { reason, after } = failure(status) else {
                panic!("{status}");
            };
            assert!(reason.ends_with(": because"), "{reason}");
            assert_eq!(after, Some(Duration::from_secs(3)));
        }
        let large = failure(413);
        assert!(matches!(large, Failure::Unacceptable { too_large, .. } if too_large));
    }
}
