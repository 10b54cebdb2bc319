//! What was typed for `mxray ship`, and its config file.

use super::layer::{Given, Origin};
use super::{Error, Verbosity, named, value};
use crate::cli;
use crate::ship::{BatchBounds, Credentials, Destination, Retry, Secret, Settings, TlsFiles};
use crate::toml_file::{self, FileError, Item, Table};
use jiff::SignedDuration;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where Elastic's own agents put what is no metric.
const INDEX: &str = "logs-{dataset}-default";
/// At once: below what receivers take by default, of which the least is 1 MiB.
const BATCH: BatchBounds = BatchBounds {
    events: 1000,
    octets: 900 << 10,
    wait: Duration::from_secs(1),
};
const RETRY: Retry = Retry {
    first: Duration::from_secs(1),
    most: Duration::from_mins(1),
};
const TIMEOUT: Duration = Duration::from_secs(30);
/// Receivers; each takes a thread, and memory for a batch.
const MAX_RECEIVERS: usize = 16;
/// Octets of a batch, which is held in memory twice.
const MAX_BATCH: u64 = 64 << 20;
/// Longer waits are those of somebody who mistook the unit.
const MAX_WAIT: Duration = Duration::from_hours(1);

/// `mxray ship`.
#[derive(Clone, Debug)]
pub struct ShipConfig {
    /// The log.
    pub log: PathBuf,
    /// Where it is kept how far each receiver has come.
    pub state: PathBuf,
    /// At least one; no two of the same name.
    pub receivers: Vec<Settings>,
    /// Whether it ends when all is delivered.
    pub once: bool,
    /// Whether it only shows what would be sent.
    pub dry_run: bool,
    /// How much people are told on standard error.
    pub verbosity: Verbosity,
}

/// Checks what was typed for `mxray ship`.
pub fn ship(args: cli::Ship) -> Result<ShipConfig, Error> {
    let file = match &args.config {
        Some(path) => {
            let text = toml_file::read(path);
            let text = text.map_err(|error| named(error, &Origin::CommandLine("--config")))?;
            from_text(path, &text)?
        }
        None => FromFile::default(),
    };
    let receivers = if args.to.is_empty() {
        file.receivers
    } else {
        typed(&args)?
    };
    let missing = |option, message: &str| Error::Value {
        origin: Origin::CommandLine(option),
        message: message.to_owned(),
    };
    let log = args.log.or(file.log);
    let log =
        log.ok_or_else(|| missing("--log", "is given neither here nor in the config file"))?;
    if receivers.is_empty() {
        return Err(missing(
            "--to",
            "is given, and [[receiver]] in the config file, not once",
        ));
    }
    if receivers.len() > MAX_RECEIVERS {
        return Err(missing("--to", "names more than 16 receivers"));
    }
    Ok(ShipConfig {
        state: args
            .state
            .or(file.state)
            .unwrap_or_else(|| log.join("ship")),
        log,
        receivers,
        once: args.once,
        dry_run: args.dry_run,
        verbosity: if args.quiet {
            Verbosity::Quiet
        } else {
            Verbosity::Normal
        },
    })
}

/// What a config file says.
#[derive(Default)]
struct FromFile {
    log: Option<PathBuf>,
    state: Option<PathBuf>,
    receivers: Vec<Settings>,
}

/// The receivers of `--to`, all of which are treated alike.
fn typed(args: &cli::Ship) -> Result<Vec<Settings>, Error> {
    let given = |option, value: &str| Given {
        value: value.to_owned(),
        origin: Origin::CommandLine(option),
    };
    let token = match (&args.token_file, &args.token_env) {
        (Some(path), _) => {
            Some(Secret::read(path).map_err(|message| given("--token-file", "").error(message))?)
        }
        (None, Some(name)) => {
            Some(secret_of(name).map_err(|message| given("--token-env", "").error(message))?)
        }
        (None, None) => None,
    };
    let mut receivers: Vec<Settings> = Vec::new();
    for url in &args.to {
        let to = given("--to", url);
        let to = Destination::parse(url).map_err(|message| to.error(message))?;
        let mut settings = defaults(name_of(url), to);
        if receivers.iter().any(|other| other.name == settings.name) {
            return Err(given("--to", url).error(format!("`{url}` is given twice")));
        }
        settings.datasets.clone_from(&args.dataset);
        settings.credentials = token.clone().map(Credentials::Token);
        settings.secret_file.clone_from(&args.token_file);
        settings.tls = TlsFiles {
            ca: args.tls_ca.clone(),
            client: args.tls_cert.clone().zip(args.tls_key.clone()),
        };
        if let Some(index) = &args.index {
            settings.index.clone_from(index);
            settings.hec_index = Some(index.clone());
        }
        receivers.push(settings);
    }
    Ok(receivers)
}

fn defaults(name: String, to: Destination) -> Settings {
    Settings {
        name,
        to,
        datasets: Vec::new(),
        credentials: None,
        secret_file: None,
        tls: TlsFiles::default(),
        index: INDEX.to_owned(),
        hec_index: None,
        batch: BATCH,
        gzip: true,
        retry: RETRY,
        timeout: TIMEOUT,
    }
}

/// A URL as the name of a file.
fn name_of(url: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '-'
        }
    };
    let name: String = url.chars().map(plain).collect();
    let mut name = name.trim_matches('-').to_owned();
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    // A file's name ends at 255, and others follow.
    name.truncate(200);
    name
}

fn from_text(path: &Path, text: &str) -> Result<FromFile, FileError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut table = Table::parse(path, text)?;
    let mut file = FromFile {
        log: table
            .take("log")
            .map(|item| in_folder(&item, folder))
            .transpose()?,
        state: table
            .take("state")
            .map(|item| in_folder(&item, folder))
            .transpose()?,
        receivers: Vec::new(),
    };
    if let Some(item) = table.take("receiver") {
        for table in item.tables()? {
            let receiver = receiver(table, folder, &file.receivers)?;
            file.receivers.push(receiver);
        }
    }
    table.finish()?;
    Ok(file)
}

fn receiver(
    mut table: Table<'_>,
    folder: &Path,
    others: &[Settings],
) -> Result<Settings, FileError> {
    let to = table.require("to")?;
    let url = to.string()?;
    let destination = Destination::parse(&url).map_err(|message| to.error(message))?;
    let mut settings = defaults(name_of(&url), destination);
    if let Some(item) = table.take("name") {
        settings.name = item.string()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name = &settings.name;
        if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.chars().all(plain)
        {
            return Err(item.wants("letters, digits, '.', '_' and '-', as for a file"));
        }
    }
    if others.iter().any(|other| other.name == settings.name) {
        return Err(to.error(format!(
            "there are two receivers `{}`: give them names",
            settings.name
        )));
    }
    if let Some(item) = table.take("dataset") {
        let names = item.one_or_more();
        settings.datasets = names.iter().map(Item::string).collect::<Result<_, _>>()?;
    }
    if let Some(item) = table.take("index") {
        settings.index = item.string()?;
        settings.hec_index = Some(settings.index.clone());
    }
    (settings.credentials, settings.secret_file) = credentials(&mut table, folder)?;
    let mut path = |key| {
        table
            .take(key)
            .map(|item| in_folder(&item, folder))
            .transpose()
    };
    settings.tls.ca = path("tls-ca")?;
    let certificate = table.take("tls-cert");
    let key = table.take("tls-key");
    settings.tls.client = match (certificate, key) {
        (Some(certificate), Some(key)) => {
            Some((in_folder(&certificate, folder)?, in_folder(&key, folder)?))
        }
        (None, None) => None,
        (Some(item), None) => return Err(item.error("wants tls-key, its key")),
        (None, Some(item)) => return Err(item.error("wants tls-cert, its certificate")),
    };
    if let Some(item) = table.take("batch-events") {
        let events = usize::try_from(item.number()?).ok();
        let events = events.filter(|events| (1..=100_000).contains(events));
        settings.batch.events = events.ok_or_else(|| item.wants("a number from 1 to 100000"))?;
    }
    if let Some(item) = table.take("batch-size") {
        let size = value::size(&item.scalar("a size, as \"1M\"")?);
        let size = size.map_err(|message| item.error(message))?;
        let octets = usize::try_from(size)
            .ok()
            .filter(|_| (1..=MAX_BATCH).contains(&size));
        settings.batch.octets = octets.ok_or_else(|| item.wants("a size up to 64M"))?;
    }
    let mut time = |key, to: &mut Duration| -> Result<(), FileError> {
        if let Some(item) = table.take(key) {
            *to = duration(&item)?;
        }
        Ok(())
    };
    time("batch-wait", &mut settings.batch.wait)?;
    time("retry-first", &mut settings.retry.first)?;
    time("retry-most", &mut settings.retry.most)?;
    time("timeout", &mut settings.timeout)?;
    if let Some(item) = table.take("gzip") {
        settings.gzip = item.boolean()?;
    }
    table.finish()?;
    Ok(settings)
}

/// Who we are, and the file that says so.
fn credentials(
    table: &mut Table<'_>,
    folder: &Path,
) -> Result<(Option<Credentials>, Option<PathBuf>), FileError> {
    let token = secret(table.take("token-file"), table.take("token-env"), folder)?;
    let password = secret(
        table.take("password-file"),
        table.take("password-env"),
        folder,
    )?;
    let user = table.take("user");
    match (token, user, password) {
        (None, None, None) => Ok((None, None)),
        (Some(token), None, None) => Ok((Some(Credentials::Token(token.secret)), token.file)),
        (None, Some(user), Some(password)) => {
            let credentials = Credentials::Password {
                user: user.string()?,
                password: password.secret,
            };
            Ok((Some(credentials), password.file))
        }
        (_, Some(user), None) => Err(user.error("wants password-file or password-env")),
        (None, None, Some(password)) => {
            Err(password.item.error("wants user, whose password it is"))
        }
        (Some(token), _, _) => {
            let both = "a token, or user and password, and not both";
            Err(token.item.error(both))
        }
    }
}

/// A secret, and what named its place.
struct Found<'a> {
    item: Item<'a>,
    secret: Secret,
    file: Option<PathBuf>,
}

fn secret<'a>(
    file: Option<Item<'a>>,
    variable: Option<Item<'a>>,
    folder: &Path,
) -> Result<Option<Found<'a>>, FileError> {
    let (item, secret, file) = match (file, variable) {
        (None, None) => return Ok(None),
        (Some(item), Some(_)) => {
            return Err(item.error("a file or a variable, and not both"));
        }
        (Some(item), None) => {
            let path = in_folder(&item, folder)?;
            (item, Secret::read(&path), Some(path))
        }
        (None, Some(item)) => {
            let secret = secret_of(&item.string()?);
            (item, secret, None)
        }
    };
    let secret = secret.map_err(|message| item.error(message))?;
    Ok(Some(Found { item, secret, file }))
}

fn secret_of(name: &str) -> Result<Secret, String> {
    let text =
        std::env::var(name).map_err(|_| format!("there is no environment variable `{name}`"))?;
    Secret::of(&text)
        .ok_or_else(|| format!("the environment variable `{name}` holds no line of text"))
}

fn in_folder(item: &Item<'_>, folder: &Path) -> Result<PathBuf, FileError> {
    let text = item.string()?;
    if text.is_empty() {
        return Err(item.wants("a path"));
    }
    Ok(folder.join(text))
}

/// A time, as `500ms`; a bare number is seconds.
fn duration(item: &Item<'_>) -> Result<Duration, FileError> {
    let wants = || item.wants("a time, as \"500ms\", \"30s\" or \"2m\", up to an hour");
    let time = if let Ok(seconds) = item.number() {
        Duration::from_secs(seconds)
    } else {
        let time: Result<SignedDuration, _> = item.string()?.parse();
        let time = time.map_err(|_| wants())?;
        Duration::try_from(time).map_err(|_| wants())?
    };
    let sound = !time.is_zero() && time <= MAX_WAIT;
    sound.then_some(time).ok_or_else(wants)
}
