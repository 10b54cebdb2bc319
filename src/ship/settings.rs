//! What is known of a receiver before it is connected to.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::http::Uri;

/// A receiver and how it is to be treated.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Names its files in the state folder, and it to people.
    pub name: String,
    /// Where it is.
    pub to: Destination,
    /// `event.dataset` of what it gets; all where there is none.
    pub datasets: Vec<String>,
    /// Who we are to it.
    pub credentials: Option<Credentials>,
    /// The file that the secret in them stands in, to be read again where it is refused.
    pub secret_file: Option<PathBuf>,
    /// Whom to trust, and who we are, by certificates.
    pub tls: TlsFiles,
    /// Elasticsearch's index or data stream, with `{dataset}` for the event's.
    pub index: String,
    /// Splunk's index; the token's own where there is none.
    pub hec_index: Option<String>,
    /// How much goes at once.
    pub batch: BatchBounds,
    /// Whether bodies of requests are compressed.
    pub gzip: bool,
    /// How failures are dealt with.
    pub retry: Retry,
    /// For a connection, and for a request as a whole.
    pub timeout: Duration,
}

/// How much goes at once: whatever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchBounds {
    /// Events.
    pub events: usize,
    /// Octets of events.
    pub octets: usize,
    /// How long the first event waits for others.
    pub wait: Duration,
}

/// How long to wait after failures: twice as long each time, and a random part less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// After the first.
    pub first: Duration,
    /// At most.
    pub most: Duration,
}

/// PEM files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates that are trusted; the system's where there is none.
    pub ca: Option<PathBuf>,
    /// Our certificate, and the key to it.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// Something that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Reads a file that holds a secret and nothing else: one line of text, which is all that a
    /// header takes.
    ///
    /// # Errors
    /// What is wrong with it, without its content.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("reading {}: {error}", path.display()))?;
        Self::of(&text).ok_or_else(|| format!("{} holds no line of text", path.display()))
    }

    /// A line of text; `None` where it is none.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = !text.is_empty() && !text.contains(char::is_control);
        plain.then(|| Self(text.to_owned()))
    }
}

/// Who we are to a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Splunk's token, or an API key of Elasticsearch in its encoded form.
    Token(Secret),
    /// HTTP's basic authentication.
    Password {
        /// Who.
        user: String,
        /// The password.
        password: Secret,
    },
}

/// A machine and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Where events go, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Syslog on a datagram socket of this machine.
    SyslogUnix(PathBuf),
    /// A datagram for each event (RFC 5426).
    SyslogUdp(Endpoint),
    /// Octet counting over TCP (RFC 6587).
    SyslogTcp(Endpoint),
    /// The same over TLS (RFC 5425).
    SyslogTls(Endpoint),
    /// The `_bulk` of Elasticsearch and OpenSearch, below this URL.
    Bulk(String),
    /// Splunk's HTTP event collector, below this URL.
    Hec(String),
}

impl Destination {
    /// Reads a URL; the scheme says form and transport.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        const SCHEMES: &str = "syslog+unix, syslog+udp, syslog+tcp, syslog+tls, \
                               elasticsearch+https, opensearch+https or splunk+https (or +http)";
        // A path alone is no URL to the parser below.
        if let Some(path) = text.strip_prefix("syslog+unix://") {
            let whole = path.starts_with('/').then(|| Self::SyslogUnix(path.into()));
            return whole
                .ok_or_else(|| format!("`{text}` wants a path, as syslog+unix:///dev/log"));
        }
        let url: Uri = text
            .parse()
            .map_err(|error| format!("`{}` is no URL: {error}", shown(text)))?;
        let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
            return Err(format!("`{}` is no URL of {SCHEMES}", shown(text)));
        };
        if authority.as_str().contains('@') || url.query().is_some() {
            return Err(
                "credentials do not belong into a URL, which others can see: use --token-file, \
                 or a config file"
                    .to_owned(),
            );
        }
        let port = authority.as_str().strip_prefix(authority.host());
        if port.is_some_and(|port| !port.is_empty()) && authority.port_u16().is_none() {
            return Err(format!("`{}` has no port that there can be", shown(text)));
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let endpoint = |port| Endpoint {
            host: host.clone(),
            port: authority.port_u16().unwrap_or(port),
        };
        let base = |scheme| format!("{scheme}://{authority}{}", url.path().trim_end_matches('/'));
        if scheme.starts_with("syslog+") && !matches!(url.path(), "" | "/") {
            return Err(format!("`{}`: syslog has no path", shown(text)));
        }
        Ok(match scheme {
            "syslog+udp" => Self::SyslogUdp(endpoint(514)),
            "syslog+tcp" => Self::SyslogTcp(endpoint(601)),
            "syslog+tls" => Self::SyslogTls(endpoint(6514)),
            "elasticsearch+https" | "opensearch+https" => Self::Bulk(base("https")),
            "elasticsearch+http" | "opensearch+http" => Self::Bulk(base("http")),
            "splunk+https" => Self::Hec(base("https")),
            "splunk+http" => Self::Hec(base("http")),
            _ => return Err(format!("`{scheme}` is none of {SCHEMES}")),
        })
    }

    /// Whether what is sent can be read on the way, other machines being on it.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        let clear = |url: &str| {
            let url: Option<Uri> = url.parse().ok();
            let host = url.as_ref().and_then(|url| url.host().map(str::to_owned));
            let host = host.unwrap_or_default();
            let host = host.trim_matches(['[', ']']);
            let address = host.parse::<std::net::IpAddr>();
            let here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
            url.is_some_and(|url| url.scheme_str() == Some("http")) && !here
        };
        match self {
            Self::Bulk(url) | Self::Hec(url) => clear(url),
            _ => false,
        }
    }
}

/// A text without what may be a password or a token in it.
fn shown(text: &str) -> &str {
    let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    text.split_once(['?', '#']).map_or(text, |(front, _)| front)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let endpoint = |host: &str, port| Endpoint {
            host: host.to_owned(),
            port,
        };
        for (url, to) in [
            (
                "syslog+unix:///dev/log",
                Destination::SyslogUnix("/dev/log".into()),
            ),
            (
                "syslog+udp://log.example",
                Destination::SyslogUdp(endpoint("log.example", 514)),
            ),
            (
                "syslog+tcp://192.0.2.1:10514/",
                Destination::SyslogTcp(endpoint("192.0.2.1", 10514)),
            ),
            (
                "syslog+tcp://log.example",
                Destination::SyslogTcp(endpoint("log.example", 601)),
            ),
            (
                "syslog+tls://[2001:db8::1]",
                Destination::SyslogTls(endpoint("2001:db8::1", 6514)),
            ),
            (
                "opensearch+https://os:9200/",
                Destination::Bulk("https://os:9200".to_owned()),
            ),
            (
                "elasticsearch+http://es:9200/a/b/",
                Destination::Bulk("http://es:9200/a/b".to_owned()),
            ),
            (
                "splunk+https://s:8088",
                Destination::Hec("https://s:8088".to_owned()),
            ),
        ] {
            assert_eq!(Destination::parse(url), Ok(to), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_its_password() {
        for (url, what) in [
            ("log.example", "is no URL"),
            ("https://es:9200", "`https` is none of syslog+unix"),
            ("syslog+unix://dev/log", "wants a path"),
            ("syslog+tcp://log.example/path", "syslog has no path"),
            (
                "splunk+https://user:secret@s:8088",
                "do not belong into a URL",
            ),
            ("splunk+https://s:port", "has no port"),
            ("syslog+tcp://s:65536", "has no port"),
            (
                "splunk+https://s:8088?token=secret",
                "do not belong into a URL",
            ),
            ("splunk+https://s:80 88?token=secret", "is no URL"),
            ("s:8088/?token=secret", "is no URL"),
            ("splunk+https://s:port#secret", "has no port"),
            ("", "is no URL"),
        ] {
            let error = Destination::parse(url).unwrap_err();
            assert!(error.contains(what), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn clear_is_what_others_can_read() {
        let clear = |url| Destination::parse(url).unwrap().is_clear();
        assert!(clear("splunk+http://s:8088"));
        assert!(clear("elasticsearch+http://192.0.2.1:9200"));
        assert!(!clear("splunk+https://s:8088"));
        assert!(!clear("opensearch+http://127.0.0.1:9200"));
        assert!(!clear("opensearch+http://[::1]:9200"));
        assert!(!clear("opensearch+http://localhost:9200"));
    }

    #[test]
    fn a_secret_is_not_shown() {
        let credentials = Credentials::Password {
            user: "mxray".to_owned(),
            password: Secret("hunter2".to_owned()),
        };
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}
