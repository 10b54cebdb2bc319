//! Mails on their way, by the site's relay. SMTP, TLS and the form of a mail are lettre's.

use super::compose::Letter;
use super::digest::Batch;
use crate::report::text;
use lettre::Message;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, SmtpConnection, TlsParameters,
};
use lettre::transport::smtp::commands::{Mail, Rset};
use lettre::transport::smtp::extension::ClientId;
use std::error::Error as _;
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::time::Duration;
use url::{Host, Url};
use xxhash_rust::xxh3::xxh3_128;

/// How long the relay may take for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where mails are handed over, and how.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Its name, which its certificate must bear.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What hides the mail on its way.
    pub security: Security,
    /// What its certificate is checked by; without it, what the system trusts.
    pub roots: Option<Certificate>,
    /// Who we are there.
    pub login: Option<Login>,
}

/// What hides a mail on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first octet on (RFC 8314).
    Tls,
    /// STARTTLS (RFC 3207), and nothing without it.
    StartTls,
    /// Nothing.
    Plain,
}

/// A user and a password, which are never shown.
#[derive(Clone)]
pub struct Login {
    user: String,
    password: String,
}

impl Login {
    /// As typed.
    #[must_use]
    pub fn new(user: String, password: String) -> Self {
        Self { user, password }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

/// An address of a relay, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// TLS from the first octet on.
    pub tls: bool,
    /// It is this machine.
    pub loopback: bool,
}

impl Address {
    /// Reads `smtp://HOST[:PORT]` or `smtps://HOST[:PORT]`; by default port 25, or 465. The error
    /// says what is wrong with it, and never repeats a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let wants = "wants smtp://HOST:PORT or smtps://HOST:PORT";
        let url = Url::parse(url).map_err(|_| wants.to_owned())?;
        let (tls, port) = match url.scheme() {
            "smtp" => (false, 25),
            "smtps" => (true, 465),
            _ => return Err(wants.to_owned()),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "takes no user and no password, which others could read; see --relay-login"
                    .to_owned(),
            );
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(wants.to_owned());
        }
        // Of a scheme that it does not know, url leaves addresses as names.
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(Host::Ipv4(address)) => address.to_string(),
            _ => return Err(wants.to_owned()),
        };
        let address = host.parse::<IpAddr>();
        let loopback = address.map_or(host == "localhost", |address| address.is_loopback());
        Ok(Self {
            port: url.port().unwrap_or(port),
            host,
            tls,
            loopback,
        })
    }
}

/// Hands mails over.
pub struct Postman {
    host: String,
    port: u16,
    security: Security,
    tls: Option<TlsParameters>,
    login: Option<Credentials>,
    name: ClientId,
}

/// Why a mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// It never will be, as it is.
    pub refused: bool,
    /// It is no matter of this mail: the relay takes none now, or none from us.
    pub relay: bool,
    /// What the relay or the network said.
    pub text: String,
}

impl Failure {
    fn of(error: &smtp::Error, relay: bool) -> Self {
        let code = error.status().map(u16::from);
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let more = error.to_string();
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            cause = error.source();
        }
        // That a login is wanted or wrong (RFC 4954 section 6), or that the relay takes no mail from
        // us to others, is for people to mend, and no fault of the mail.
        let mended = matches!(code, Some(530 | 534 | 535 | 538)) || is_of_relaying(&text);
        Self {
            refused: error.is_permanent() && !relay && !mended,
            relay,
            text: text::plain(&text),
        }
    }
}

/// Whether an answer says that the relay does not relay for us. There is no code of its own for it:
/// RFC 3463 has 5.7.1 for all that is not permitted, and 5.7.1 is what spam filters answer too. So it
/// is known by the words of Postfix, Sendmail, Exim and Exchange.
fn is_of_relaying(text: &str) -> bool {
    const WORDS: [&str; 6] = [
        "relay access denied",
        "relaying denied",
        "relay not permitted",
        "relaying not permitted",
        "unable to relay",
        "not permitted to relay",
    ];
    let text = text.to_ascii_lowercase();
    WORDS.iter().any(|words| text.contains(words))
}

impl Postman {
    /// One that greets the relay as `name`.
    pub fn new(relay: Relay, name: String) -> Result<Self, smtp::Error> {
        let Relay {
            host,
            port,
            security,
            roots,
            login,
        } = relay;
        let mut trust = TlsParameters::builder(host.clone());
        if let Some(roots) = roots {
            trust = trust
                .certificate_store(CertificateStore::None)
                .add_root_certificate(roots);
        }
        let tls = match security {
            Security::Tls | Security::StartTls => Some(trust.build()?),
            Security::Plain => None,
        };
        Ok(Self {
            host,
            port,
            security,
            tls,
            login: login.map(|Login { user, password }| Credentials::new(user, password)),
            name: ClientId::Domain(name),
        })
    }

    /// Hands a mail over; returns when the relay has taken it.
    pub fn send(&self, mail: &Message) -> Result<(), Failure> {
        let envelope = mail.envelope();
        let mut relay = self
            .open(envelope.from())
            .map_err(|error| Failure::of(&error, true))?;
        relay
            .send(envelope, &mail.formatted())
            .map_err(|error| Failure::of(&error, false))?;
        // It has the mail, whatever becomes of the farewell.
        let _ = relay.quit();
        Ok(())
    }

    /// As far as it is the same for all mails: a relay that refuses the sender refuses everything.
    fn open(&self, from: Option<&lettre::Address>) -> Result<SmtpConnection, smtp::Error> {
        let place = (self.host.as_str(), self.port);
        let tls = |security| self.tls.as_ref().filter(|_| self.security == security);
        let patience = Some(PATIENCE);
        let mut relay =
            SmtpConnection::connect(place, patience, &self.name, tls(Security::Tls), None)?;
        if let Some(tls) = tls(Security::StartTls) {
            relay.starttls(tls, &self.name)?;
        }
        if let Some(login) = &self.login {
            relay.auth(DEFAULT_MECHANISMS, login)?;
        }
        relay.command(Mail::new(from.cloned(), Vec::new()))?;
        relay.command(Rset)?;
        Ok(relay)
    }
}

/// The mail, from whom and to whom.
pub fn mail(
    letter: &Letter,
    from: &Mailbox,
    to: &Mailboxes,
    identifier: &str,
) -> Result<Message, lettre::error::Error> {
    let mail = Message::builder()
        .from(from.clone())
        .subject(letter.subject.as_str())
        .date_now()
        .message_id(Some(format!("<{identifier}@{}>", from.email.domain())))
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN);
    let mail = to.iter().fold(mail, |mail, to| mail.to(to.clone()));
    mail.body(letter.body.clone())
}

/// What a mail is known by: the same for the same news to the same owner, so that who gets it
/// twice can tell.
#[must_use]
pub fn identifier(batch: &Batch) -> String {
    let mut content = batch.owner.clone();
    for notice in &batch.notices {
        // Writing to a string cannot fail.
        let _ = write!(content, "\n{} {:?}", notice.case.episode, notice.news);
    }
    format!("mxray-{:032x}", xxh3_128(content.as_bytes()))
}

/// No answering machine answers it (RFC 3834 section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays() {
        let address = |host: &str, port, tls, loopback| Address {
            host: host.to_owned(),
            port,
            tls,
            loopback,
        };
        for (url, expected) in [
            (
                "smtp://mail.example",
                address("mail.example", 25, false, false),
            ),
            (
                "smtps://mail.example/",
                address("mail.example", 465, true, false),
            ),
            (
                "smtp://192.0.2.25:587",
                address("192.0.2.25", 587, false, false),
            ),
            (
                "smtp://[2001:db8::19]:2525",
                address("2001:db8::19", 2525, false, false),
            ),
            ("smtp://localhost", address("localhost", 25, false, true)),
            ("smtp://127.0.0.2:26", address("127.0.0.2", 26, false, true)),
            ("smtp://[::1]", address("::1", 25, false, true)),
        ] {
            assert_eq!(Address::parse(url), Ok(expected), "{url}");
        }
        for url in [
            "mail.example",
            "mail.example:25",
            "http://mail.example",
            "smtp://",
            "smtp://mail.example/x",
            "smtp://mail.example?tls=none",
            "smtp://mail.example:99999",
        ] {
            assert!(
                Address::parse(url).unwrap_err().starts_with("wants"),
                "{url}"
            );
        }
        let error = Address::parse("smtp://user:secret@mail.example").unwrap_err();
        assert!(error.contains("--relay-login") && !error.contains("secret"));
    }

    #[test]
    fn a_login_is_never_shown() {
        let login = Login::new("user".to_owned(), "secret".to_owned());
        assert_eq!(format!("{login:?}"), "Login");
    }

    #[test]
    fn nothing_in_a_letter_becomes_a_header() {
        let letter = Letter {
            subject: "a\r\nBcc: victim@example.net\r\n\r\nb".to_owned(),
            body: "確認".to_owned(),
        };
        let from = "mxray <sensor@example.ac.jp>".parse().unwrap();
        let to = "a@example.ac.jp, b@example.ac.jp".parse().unwrap();
        let mail = mail(&letter, &from, &to, "mxray-0").unwrap();
        let text = String::from_utf8(mail.formatted()).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        assert!(head.contains("Auto-Submitted: auto-generated"), "{head}");
        assert!(head.contains("charset=utf-8"), "{head}");
        assert!(
            head.contains("Message-ID: <mxray-0@example.ac.jp>"),
            "{head}"
        );
        assert_eq!(mail.envelope().to().len(), 2);
    }
}
