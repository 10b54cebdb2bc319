//! `mxray notify`: whom to tell, how, and by which relay.

use super::{Error, Origin, named};
use crate::cli;
use crate::inventory::Inventory;
use crate::notify::compose::Language;
use crate::notify::digest::Rules;
use crate::notify::send::{Address, Login, Relay, Security};
use lettre::message::{Mailbox, Mailboxes};
use lettre::transport::smtp::client::Certificate;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Where a login is looked for that no file holds.
const USER: &str = "MXRAY_RELAY_USER";
const PASSWORD: &str = "MXRAY_RELAY_PASSWORD";

/// `mxray notify`.
#[derive(Clone, Debug)]
pub struct NotifyConfig {
    /// Where events are read.
    pub events: Source,
    /// Who owns what, and what nobody is told of.
    pub inventory: Inventory,
    /// Where that stands, to read it again.
    pub inventory_path: PathBuf,
    /// Who is told of hosts that nobody owns.
    pub fallback: Option<Mailboxes>,
    /// In which language.
    pub language: Language,
    /// When mails go.
    pub rules: Rules,
    /// Whether progress is told on standard error.
    pub quiet: bool,
    /// What is known of earlier runs.
    pub state: Option<PathBuf>,
    /// What mails go by; `None`: they are only shown.
    pub delivery: Option<Delivery>,
}

/// Where events are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input, to its end.
    Stdin,
    /// A file, to its end.
    File(PathBuf),
    /// An event log.
    Log {
        /// Its folder.
        folder: PathBuf,
        /// Whether what is written later is read too.
        follow: bool,
    },
}

/// What mails go by.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Who takes them.
    pub relay: Relay,
    /// Whom owners answer.
    pub from: Mailbox,
    /// Where it is kept what was told.
    pub state: PathBuf,
}

/// Checks what was typed for `mxray notify`.
pub fn notify(args: cli::Notify) -> Result<NotifyConfig, Error> {
    let inventory = Inventory::load(&args.inventory)
        .map_err(|error| named(error, &Origin::CommandLine("--inventory")))?;
    let fallback = args.fallback.as_deref().map(|text| {
        let parsed = text.parse::<Mailboxes>();
        parsed.map_err(|_| wrong("--fallback", format!("`{text}` is no mail address")))
    });
    let delivery = if args.dry_run {
        None
    } else {
        Some(delivery(&args)?)
    };
    let events = match (args.log, args.events) {
        (Some(folder), _) => Source::Log {
            folder,
            // What is only shown is shown when all is known.
            follow: !args.once && !args.dry_run,
        },
        (None, Some(path)) if path != Path::new("-") => Source::File(path),
        // clap lets neither be absent.
        (None, _) => Source::Stdin,
    };
    Ok(NotifyConfig {
        events,
        inventory,
        inventory_path: args.inventory,
        fallback: fallback.transpose()?,
        language: match args.language {
            cli::Language::En => Language::English,
            cli::Language::Ja => Language::Japanese,
            cli::Language::Both => Language::Both,
        },
        rules: Rules {
            digest: i64::from(args.digest),
            limit: u64::from(args.limit),
        },
        quiet: args.quiet,
        state: args.state,
        delivery,
    })
}

fn delivery(args: &cli::Notify) -> Result<Delivery, Error> {
    let missing = |option| wrong(option, "is missing; --dry-run does without it");
    let from = args.from.as_deref().ok_or_else(|| missing("--from"))?;
    let from = from
        .parse()
        .map_err(|_| wrong("--from", format!("`{from}` is no mail address")))?;
    Ok(Delivery {
        relay: relay(
            args,
            args.relay.as_deref().ok_or_else(|| missing("--relay"))?,
        )?,
        from,
        state: args.state.clone().ok_or_else(|| missing("--state"))?,
    })
}

/// TLS is wanted where the mail leaves this machine, and where somebody says what to check it by.
fn relay(args: &cli::Notify, url: &str) -> Result<Relay, Error> {
    let address = Address::parse(url).map_err(|what| wrong("--relay", what))?;
    let security = match (address.tls, args.relay_plain) {
        (true, true) => return Err(wrong("--relay-plain", "contradicts smtps://")),
        (true, false) => Security::Tls,
        (false, true) => Security::Plain,
        (false, false) if address.loopback && args.relay_ca.is_none() => Security::Plain,
        (false, false) => Security::StartTls,
    };
    let login = match &args.relay_login {
        Some(path) => Some(login_file(path)?),
        None => login_environment()?,
    };
    if login.is_some() && security == Security::Plain && !address.loopback {
        let what = "would send the password in clear; leave it out, or the login";
        return Err(wrong("--relay-plain", what));
    }
    let roots = args.relay_ca.as_deref().map(certificates).transpose()?;
    Ok(Relay {
        host: address.host,
        port: address.port,
        security,
        roots,
        login,
    })
}

fn certificates(path: &Path) -> Result<Certificate, Error> {
    let option = "--relay-ca";
    let text = fs::read(path).map_err(|error| unreadable(option, path, &error))?;
    let none = || {
        wrong(
            option,
            format!("{} holds no certificate (PEM)", path.display()),
        )
    };
    if !String::from_utf8_lossy(&text).contains("-----BEGIN CERTIFICATE-----") {
        return Err(none());
    }
    Certificate::from_pem(&text).map_err(|_| none())
}

/// The user on the first line, the password on the second; others must not be able to read it.
fn login_file(path: &Path) -> Result<Login, Error> {
    let option = "--relay-login";
    let meta = fs::metadata(path).map_err(|error| unreadable(option, path, &error))?;
    if meta.permissions().mode() & 0o007 != 0 {
        let what = format!("{} can be read by everybody: chmod o= it", path.display());
        return Err(wrong(option, what));
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(option, path, &error))?;
    let mut lines = text.lines().map(str::to_owned);
    match (lines.next(), lines.next()) {
        (Some(user), Some(password)) if !user.is_empty() && !password.is_empty() => {
            Ok(Login::new(user, password))
        }
        _ => {
            let what = "wants the user on its first line and the password on its second";
            Err(wrong(option, format!("{} {what}", path.display())))
        }
    }
}

fn login_environment() -> Result<Option<Login>, Error> {
    match (std::env::var(USER), std::env::var(PASSWORD)) {
        (Ok(user), Ok(password)) => Ok(Some(Login::new(user, password))),
        (Err(std::env::VarError::NotPresent), Err(std::env::VarError::NotPresent)) => Ok(None),
        _ => Err(wrong(
            USER,
            format!("and {PASSWORD} want each other, as text"),
        )),
    }
}

fn wrong(option: &'static str, message: impl Into<String>) -> Error {
    Error::Value {
        origin: Origin::CommandLine(option),
        message: message.into(),
    }
}

fn unreadable(option: &'static str, path: &Path, error: &io::Error) -> Error {
    wrong(option, format!("{}: {error}", path.display()))
}
