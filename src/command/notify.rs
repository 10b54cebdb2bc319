//! `mxray notify`.

use super::{Outcome, TO_STDOUT, say};
use crate::capture::live::device::machine_name;
use crate::config::{Delivery, NotifyConfig, Source};
use crate::eventlog::{Position, Reader};
use crate::inventory::Inventory;
use crate::notify::compose::compose;
use crate::notify::digest::{Batch, Owner, Taken};
use crate::notify::events::{Events, Lines, Log, Next};
use crate::notify::pick::{self, Case, Line};
use crate::notify::send::{Postman, identifier, mail};
use crate::notify::state::{self, State};
use crate::time::Timestamp;
use crate::verdict::Class;
use crate::words::counted;
use anyhow::Context as _;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use jiff::tz::TimeZone;
use lettre::message::{Mailbox, Mailboxes};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Lines that wait to be looked at: when so many do, no further ones are read.
const AHEAD: usize = 1024;
/// How often it is looked whether a mail is due.
const LOOK: Duration = Duration::from_secs(1);
/// How long a relay is let alone that takes no mails at all.
const REST: Duration = Duration::from_secs(30);
/// Waits between the tries at the end of the events, in seconds.
const LAST_TRIES: [u64; 3] = [1, 2, 4];
/// Hosts without owner that are told of and counted.
const OWNERLESS: usize = 16_384;
/// Damaged lines that are told of one by one.
const TOLD_LINES: u64 = 3;

pub(super) fn run(config: NotifyConfig) -> anyhow::Result<Outcome> {
    let signals = Signals::catch()?;
    let lock = match &config.delivery {
        Some(Delivery { state, .. }) => Some(lock(state)?),
        None => None,
    };
    let state = match &config.state {
        Some(path) => state::load(path)
            .with_context(|| format!("reading what was told, {}", path.display()))?,
        None => State::default(),
    };
    let events = events(&config.events, state.position)?;
    let post = config.delivery.clone().map(Post::new).transpose()?;
    let mut notifier = Notifier {
        state,
        post,
        zone: TimeZone::system(),
        ownerless: BTreeSet::new(),
        ended: false,
        rests_until: None,
        counts: Counts::default(),
        config,
    };
    notifier.recheck();
    // Where it cannot be kept what was told, nothing is to be told.
    notifier.save(true)?;
    notifier.look_at_owners();
    let ended = notifier.follow(&events, &signals)?;
    if ended {
        notifier.last(&signals)?;
    }
    // How far a log was read.
    notifier.save(true)?;
    drop(lock);
    notifier.summary();
    let Counts {
        read_failed,
        refused,
        ..
    } = notifier.counts;
    Ok(
        if notifier.state.digest.failing() || read_failed || refused > 0 {
            Outcome::Failed
        } else {
            Outcome::Done
        },
    )
}

fn lock(state: &Path) -> anyhow::Result<File> {
    let locked = state::lock(state).with_context(|| format!("locking {}", state.display()))?;
    let taken = || anyhow::anyhow!("another mxray notify uses the state {}", state.display());
    locked.ok_or_else(taken)
}

/// What signals ask for.
struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The second one ends it at once, in the middle of a mail.
            flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&stop))?;
        }
        let reload = Arc::new(AtomicBool::new(false));
        flag::register(SIGHUP, Arc::clone(&reload))?;
        Ok(Self { stop, reload })
    }
}

/// The lines, read by a thread of their own, since mails are due while nothing comes.
fn events(source: &Source, from: Option<Position>) -> anyhow::Result<Receiver<io::Result<Next>>> {
    let mut events: Box<dyn Events> = match source {
        Source::Stdin => Box::new(Lines::new(BufReader::new(io::stdin()))),
        Source::Log { folder, follow } => Box::new(Log::new(Reader::open(folder, from), *follow)),
        Source::File(path) => {
            let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
            Box::new(Lines::new(BufReader::new(file)))
        }
    };
    let (to, from) = bounded(AHEAD);
    let reader = thread::Builder::new().name("events".to_owned());
    let reading = reader.spawn(move || {
        loop {
            let next = events.next();
            let last = matches!(next, Ok(Next::End) | Err(_));
            if to.send(next).is_err() || last {
                return;
            }
        }
    });
    reading.context("starting a thread")?;
    Ok(from)
}

/// By what mails go.
struct Post {
    postman: Postman,
    delivery: Delivery,
}

impl Post {
    fn new(delivery: Delivery) -> anyhow::Result<Self> {
        let postman = Postman::new(delivery.relay.clone(), machine_name());
        Ok(Self {
            postman: postman.context("preparing TLS")?,
            delivery,
        })
    }
}

#[derive(Debug, Default)]
struct Counts {
    lines: u64,
    damaged: u64,
    lost: u64,
    mails: u64,
    refused: u64,
    suppressed: u64,
    full: u64,
    read_failed: bool,
}

struct Notifier {
    config: NotifyConfig,
    state: State,
    /// Without it mails are shown.
    post: Option<Post>,
    zone: TimeZone,
    /// Convicted hosts that nobody was told of.
    ownerless: BTreeSet<std::net::IpAddr>,
    /// There are no more events.
    ended: bool,
    /// Until when the relay is let alone.
    rests_until: Option<Instant>,
    counts: Counts,
}

impl Notifier {
    /// Takes events in and sends what is due, until there are no more: `true`. A signal ends it
    /// earlier.
    fn follow(
        &mut self,
        events: &Receiver<io::Result<Next>>,
        signals: &Signals,
    ) -> anyhow::Result<bool> {
        let mut sent = false;
        loop {
            if signals.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            if signals.reload.swap(false, Ordering::Relaxed) {
                self.reload();
                self.save(true)?;
            }
            let mut changed = false;
            let mut next = events.recv_timeout(if sent { Duration::ZERO } else { LOOK });
            // Those that came together are kept together.
            for _ in 0..AHEAD {
                match next {
                    Ok(Ok(Next::End)) | Err(RecvTimeoutError::Disconnected) => {
                        self.save(changed)?;
                        return Ok(true);
                    }
                    Ok(Err(error)) => {
                        say(format_args!("reading events: {error}"));
                        self.counts.read_failed = true;
                        self.save(changed)?;
                        return Ok(true);
                    }
                    Ok(Ok(Next::Line(line, behind))) => {
                        changed |= self.line(&line);
                        self.state.position = behind.or(self.state.position);
                    }
                    Ok(Ok(Next::Lost(events))) => {
                        self.counts.lost += events;
                        let events = counted(events, "event");
                        say(format_args!("{events} left the log before they were read"));
                    }
                    Ok(Ok(Next::Cut)) => say(format_args!(
                        "the log ends, or begins anew, before the place that was come to: after a \
                         power failure, or as it was removed; what is there now follows"
                    )),
                    Ok(Ok(Next::Unreadable)) => {
                        self.counts.lines += 1;
                        self.damaged("it is too long, or no text");
                    }
                    Err(RecvTimeoutError::Timeout) => break,
                }
                match events.try_recv() {
                    Ok(more) => next = Ok(more),
                    Err(_) => break,
                }
            }
            self.save(changed)?;
            // One in a turn, since a relay may take its time. What is only shown is shown when all
            // is known.
            let rests = self.rests_until.is_some_and(|until| Instant::now() < until);
            sent = false;
            if self.post.is_some()
                && !rests
                && let Some(batch) = self.state.digest.due(self.config.rules, now(), false)
            {
                self.deliver(&batch)?;
                sent = true;
            }
        }
    }

    /// Sends all that waits, a few times where it fails.
    fn last(&mut self, signals: &Signals) -> anyhow::Result<()> {
        self.ended = true;
        for wait in LAST_TRIES.into_iter().map(Some).chain([None]) {
            self.state.digest.try_again();
            self.rests_until = None;
            while !signals.stop.load(Ordering::Relaxed)
                && self.rests_until.is_none()
                && let Some(batch) = self.state.digest.due(self.config.rules, now(), true)
            {
                self.deliver(&batch)?;
            }
            match wait {
                _ if signals.stop.load(Ordering::Relaxed) => break,
                Some(seconds) if self.state.digest.failing() => {
                    thread::sleep(Duration::from_secs(seconds));
                }
                _ => break,
            }
        }
        Ok(())
    }

    /// Takes a line in; whether something is to be kept.
    fn line(&mut self, line: &str) -> bool {
        self.counts.lines += 1;
        match pick::read(line) {
            Line::Other => false,
            Line::Damaged(why) => {
                self.damaged(&why);
                false
            }
            Line::OtherFormat => {
                self.damaged("it is in the form `eve` or `ocsf`, and owners are told from `ecs`");
                self.counts.read_failed = true;
                false
            }
            Line::Verdict(case) => self.case(*case),
        }
    }

    fn case(&mut self, mut case: Case) -> bool {
        // The end of an episode has no class, and is suppressed as what was told.
        let class = match case.class {
            Class::Ordinary => self.state.digest.told_as(&case.episode),
            _ => None,
        };
        // The sensor may not have read the inventory again yet.
        case.suppressed |= suppressed(&self.config, &case, class.unwrap_or(case.class));
        self.counts.suppressed += u64::from(case.suppressed && case.level.convicted());
        let Some(owner) = owner(&self.config, &case) else {
            if case.level.convicted()
                && !case.suppressed
                && self.ownerless.len() < OWNERLESS
                && self.ownerless.insert(case.host)
            {
                self.tell(format_args!(
                    "{} is convicted, and there is no owner's address to write to",
                    case.host
                ));
            }
            return false;
        };
        let about = case.host;
        match self.state.digest.take(&owner, case, now()) {
            Taken::Waits | Taken::Updated | Taken::Withdrawn => true,
            Taken::Nothing => false,
            Taken::Full => {
                self.counts.full += 1;
                say(format_args!(
                    "too many hosts wait: {owner} is not told of {about}"
                ));
                // The mail says how many there were.
                true
            }
        }
    }

    /// Hands a mail over, or shows it, and keeps what came of it.
    fn deliver(&mut self, batch: &Batch) -> anyhow::Result<()> {
        let letter = compose(batch, self.config.language, &self.zone);
        let Some(post) = &self.post else {
            let mut out = io::stdout().lock();
            let Batch { owner, .. } = batch;
            let subject = &letter.subject;
            write!(out, "To: {owner}\nSubject: {subject}\n\n{}\n", letter.body)
                .context(TO_STDOUT)?;
            self.state.digest.told(batch, now());
            self.counts.mails += 1;
            return Ok(());
        };
        let name = identifier(batch);
        let to: Mailboxes = batch.owner.parse().context("an owner's address")?;
        let from: &Mailbox = &post.delivery.from;
        let mail = mail(&letter, from, &to, &name).context("putting a mail together")?;
        match post.postman.send(&mail) {
            Ok(()) => {
                self.state.digest.told(batch, now());
                self.counts.mails += 1;
                let hosts = counted(batch.notices.len() as u64, "host");
                self.tell(format_args!("told {} of {hosts}", batch.owner));
            }
            Err(failure) if failure.refused => {
                self.counts.refused += 1;
                let kept = state::set_aside(&post.delivery.state, &name, &mail.formatted());
                let kept = match kept {
                    Ok(Some(path)) => format!("set aside as {}", path.display()),
                    Ok(None) => "not kept, since as many are as may be".to_owned(),
                    Err(error) => format!("lost, since it could not be set aside: {error}"),
                };
                say(format_args!(
                    "the relay refuses a mail to {}, which is {kept}: {failure}",
                    batch.owner
                ));
                self.state.digest.told(batch, now());
            }
            Err(failure) => {
                if failure.relay {
                    self.rests_until = Some(Instant::now() + REST);
                }
                let wait = self.state.digest.failed(batch, now());
                // At the end it is tried sooner, and then by the next run.
                let again = if self.ended {
                    String::new()
                } else {
                    format!(" (again in {wait} s)")
                };
                say(format_args!(
                    "the mail to {} did not go and is kept{again}: {failure}",
                    batch.owner
                ));
            }
        }
        self.save(true)
    }

    fn save(&self, changed: bool) -> anyhow::Result<()> {
        let Some(post) = self.post.as_ref().filter(|_| changed) else {
            return Ok(());
        };
        let path = &post.delivery.state;
        state::save(path, &self.state)
            .with_context(|| format!("keeping what was told, {}", path.display()))
    }

    /// Reads the inventory again; a wrong one is told, and the old one stays.
    fn reload(&mut self) {
        match Inventory::load(&self.config.inventory_path) {
            Ok(inventory) => {
                self.config.inventory = inventory;
                self.recheck();
                self.look_at_owners();
            }
            Err(error) => say(format_args!("the inventory stays as it was: {error}")),
        }
    }

    /// Looks again whom those that wait are told: the inventory may say otherwise now.
    fn recheck(&mut self) {
        let config = &self.config;
        self.state.digest.recheck(|case| {
            let told = !suppressed(config, case, case.class);
            told.then(|| owner(config, case)).flatten()
        });
    }

    /// Tells of owners that no mail can be sent to.
    fn look_at_owners(&self) {
        let owners: BTreeSet<_> = self.config.inventory.owners().collect();
        for owner in owners {
            if owner.parse::<Mailboxes>().is_err() {
                self.tell(format_args!(
                    "warning: the owner `{owner}` in the inventory is no mail address"
                ));
            }
        }
    }

    fn damaged(&mut self, why: &str) {
        self.counts.damaged += 1;
        if self.counts.damaged <= TOLD_LINES {
            say(format_args!(
                "line {} is no event: {why}",
                self.counts.lines
            ));
        }
    }

    fn tell(&self, text: std::fmt::Arguments<'_>) {
        if !self.config.quiet {
            say(text);
        }
    }

    fn summary(&self) {
        let Counts {
            lines,
            damaged,
            lost,
            mails,
            refused,
            suppressed,
            full,
            ..
        } = self.counts;
        let (waiting, held) = (self.state.digest.waiting(), self.state.digest.held());
        let ownerless = self.ownerless.len();
        self.tell(format_args!(
            "{lines} lines read ({damaged} damaged, {lost} lost), {mails} mails, {refused} refused, \
             {waiting} hosts wait ({held} for another day), {ownerless} without owner, \
             {suppressed} suppressed verdicts, {full} not taken"
        ));
    }
}

/// Whether the inventory wants nobody told of the host as this class.
fn suppressed(config: &NotifyConfig, case: &Case, class: Class) -> bool {
    let suppressed = config
        .inventory
        .suppressed(case.host.into(), class, case.time);
    suppressed.is_some()
}

/// Who is told of the host.
fn owner(config: &NotifyConfig, case: &Case) -> Option<Owner> {
    let owner = config.inventory.owner(case.host.into());
    let owner = owner.filter(|owner| owner.parse::<Mailboxes>().is_ok());
    let fallback = config.fallback.as_ref().map(ToString::to_string);
    owner.map(str::to_owned).or(fallback)
}

/// Seconds of the clock.
fn now() -> i64 {
    Timestamp::now().second()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::compose::Language;
    use crate::notify::digest::Rules;
    use crate::verdict::Level;
    use std::fs;

    const RULES: Rules = Rules {
        digest: 0,
        limit: 9,
    };
    const OWNER: &str = "[[host]]\nnet = '192.0.2.0/24'\nowner = 'a@example.ac.jp'\n";
    const SUPPRESSED: &str = "[[suppress]]\nnet = '192.0.2.0/24'\nclass = 'spam-fanout'\n";

    fn notifier(path: &Path, inventory: &str) -> Notifier {
        fs::write(path, inventory).unwrap();
        Notifier {
            config: NotifyConfig {
                events: Source::Stdin,
                inventory: Inventory::load(path).unwrap(),
                inventory_path: path.to_owned(),
                fallback: None,
                language: Language::English,
                rules: RULES,
                quiet: true,
                state: None,
                delivery: None,
            },
            state: State::default(),
            post: None,
            zone: TimeZone::UTC,
            ownerless: BTreeSet::new(),
            ended: false,
            rests_until: None,
            counts: Counts::default(),
        }
    }

    fn case(class: Class, level: Level) -> Case {
        Case {
            episode: "e".to_owned(),
            host: "192.0.2.66".parse().unwrap(),
            mac: None,
            vlan: None,
            role: None,
            class,
            level,
            closed: level == Level::None,
            acquitted: false,
            suppressed: false,
            first_seen: Timestamp::from_parts(0, 0),
            time: Timestamp::from_parts(60, 0),
            reason: String::new(),
            evidence: Vec::new(),
            numbers: Vec::new(),
            sensor: "mxray".to_owned(),
            event: "0".to_owned(),
        }
    }

    fn reload(notifier: &mut Notifier, inventory: &str) {
        fs::write(&notifier.config.inventory_path, inventory).unwrap();
        notifier.reload();
    }

    #[test]
    fn what_waits_goes_by_the_newest_inventory() {
        let folder = tempfile::tempdir().unwrap();
        let mut notifier = notifier(&folder.path().join("inventory.toml"), OWNER);
        let convicted = || case(Class::SpamFanout, Level::Likely);
        assert!(notifier.case(convicted()));
        reload(&mut notifier, &OWNER.replace("a@", "b@"));
        let batch = notifier.state.digest.due(RULES, now(), true).unwrap();
        assert_eq!(batch.owner, "b@example.ac.jp");
        reload(&mut notifier, &format!("{OWNER}{SUPPRESSED}"));
        assert_eq!(notifier.state.digest.waiting(), 0);
        reload(&mut notifier, OWNER);
        assert!(notifier.case(convicted()));
        reload(&mut notifier, "");
        assert_eq!(notifier.state.digest.waiting(), 0);
    }

    #[test]
    fn the_end_of_an_episode_is_suppressed_as_what_was_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut notifier = notifier(&folder.path().join("inventory.toml"), OWNER);
        assert!(notifier.case(case(Class::SpamFanout, Level::Likely)));
        let batch = notifier.state.digest.due(RULES, now(), true).unwrap();
        notifier.state.digest.told(&batch, now());
        reload(&mut notifier, &format!("{OWNER}{SUPPRESSED}"));
        assert!(!notifier.case(case(Class::Ordinary, Level::None)));
        assert_eq!(notifier.state.digest.waiting(), 0);
    }
}
