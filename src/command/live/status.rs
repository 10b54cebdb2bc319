//! What is going on, on a unix socket: who connects gets a line of JSON, and then the end.
//!
//! It is answered between seconds, by the thread that writes events, so that nothing is shared
//! and nobody who reads slowly holds anything up: what a socket does not take at once is dropped.

use crate::correlate::evidence::Evidence;
use crate::correlate::{Correlator, State, Verdict, posterior};
use crate::pipeline::Resumed;
use crate::report::Totals;
use crate::report::event::StatsBody;
use crate::time::{NANOS, Timestamp};
use crate::verdict::Level;
use anyhow::Context as _;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Hosts that are told of at most: a line of some 100 kB, which fits into a socket's buffer.
const HOSTS: usize = 500;
/// Of how many of them the evidence is told, so many pieces each, so that the line stays of that size.
const EXPLAINED: usize = 50;
const PIECES: usize = 6;
/// Who is answered in a second at most.
const ANSWERS: usize = 16;

/// The socket, and what is told on it.
pub(super) struct Status {
    listener: UnixListener,
    suspects: BTreeMap<IpAddr, Suspect>,
    totals: Totals,
    /// When these were taken, by the wall clock.
    totals_at: Option<Timestamp>,
    rates: Option<Rates>,
}

/// What came a second between the last two totals.
#[derive(Clone, Copy, Debug, Serialize)]
struct Rates {
    /// Seconds between them.
    seconds: f64,
    /// Packets read.
    packets: f64,
    /// Packets that the kernel dropped.
    dropped: f64,
    /// Packets thrown away.
    shed: f64,
}

impl Rates {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate needs no more than 53 bits"
    )]
    fn between(before: &Totals, now: &Totals, nanos: i64) -> Option<Self> {
        let seconds = nanos as f64 / NANOS as f64;
        let dropped = |totals: &Totals| totals.capture.kernel.unwrap_or_default().dropped;
        let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / seconds;
        (seconds > 0.0).then(|| Self {
            seconds,
            packets: rate(before.capture.seen, now.capture.seen),
            dropped: rate(dropped(before), dropped(now)),
            shed: rate(before.count.shed, now.count.shed),
        })
    }
}

/// A host under suspicion, as its newest verdict says.
#[derive(Clone, Debug, Serialize)]
struct Suspect {
    ip: IpAddr,
    class: &'static str,
    level: &'static str,
    score: f64,
    posterior: f64,
    first_seen: String,
    updated: String,
    suppressed: bool,
    reason: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<Piece>,
}

/// What speaks for it, the weightiest first.
#[derive(Clone, Debug, Serialize)]
struct Piece {
    family: &'static str,
    llr: f64,
    text: String,
}

/// The line.
#[derive(Serialize)]
struct Snapshot<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    version: &'static str,
    /// When the totals were taken.
    stats_at: Option<String>,
    /// Null before there are two totals.
    rates: Option<Rates>,
    /// As `mxray` of the totals' event.
    stats: StatsBody,
    /// How many hosts under suspicion stand at each level, without those that are suppressed.
    levels: BTreeMap<&'static str, usize>,
    /// The highest score first, the first ones with their evidence.
    hosts: Vec<Cow<'a, Suspect>>,
    /// Under suspicion and not told of.
    hosts_omitted: usize,
}

impl Status {
    /// Makes the socket, which its owner and group may read; one that is left of an earlier run
    /// gives way.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let socket = || format!("making the status socket {}", path.display());
        if let Ok(there) = fs::symlink_metadata(path) {
            // Whatever else stands there is not ours to remove.
            if there.file_type().is_socket() && UnixStream::connect(path).is_err() {
                fs::remove_file(path).with_context(socket)?;
            }
        }
        let listener = UnixListener::bind(path).with_context(socket)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o660)).with_context(socket)?;
        listener.set_nonblocking(true).with_context(socket)?;
        Ok(Self {
            listener,
            suspects: BTreeMap::new(),
            totals: Totals::default(),
            totals_at: None,
            rates: None,
        })
    }

    /// Takes in what was thought of hosts before a restart.
    pub(super) fn resume(&mut self, resumed: Option<&Resumed>) {
        let correlator = resumed.and_then(Resumed::correlator);
        for verdict in correlator.into_iter().flat_map(Correlator::standing) {
            self.verdict(&verdict);
        }
    }

    /// Takes in what is thought of a host now.
    pub(super) fn verdict(&mut self, verdict: &Verdict) {
        let ip = verdict.host.ip();
        let judgement = &verdict.judgement;
        if verdict.state == State::Closed {
            self.suspects.remove(&ip);
            return;
        }
        // Of a notice its sentence says all, and notices are many.
        let told = judgement.level > Level::Notice;
        let evidence = judgement.evidence.iter().filter(|_| told);
        let mut evidence: Vec<_> = evidence.map(Piece::of).collect();
        evidence.sort_by(|one, other| other.llr.total_cmp(&one.llr));
        evidence.truncate(PIECES);
        let suspect = Suspect {
            ip,
            class: judgement.class.name(),
            level: judgement.level.name(),
            score: judgement.score,
            posterior: posterior(judgement.score),
            first_seen: verdict.first_seen.to_string(),
            updated: verdict.time.to_string(),
            suppressed: verdict.suppressed.is_some(),
            reason: judgement.reason.clone(),
            evidence,
        };
        self.suspects.insert(ip, suspect);
    }

    /// Takes in the newest totals.
    pub(super) fn totals(&mut self, totals: &Totals) {
        let now = Timestamp::now();
        self.rates = self
            .totals_at
            .and_then(|then| Rates::between(&self.totals, totals, now.nanos_since(then)));
        self.totals = totals.clone();
        self.totals_at = Some(now);
    }

    /// Answers who has connected since.
    pub(super) fn answer(&mut self) {
        for _ in 0..ANSWERS {
            let Ok((stream, _)) = self.listener.accept() else {
                return;
            };
            // That somebody does not read is no failure of ours.
            let _ = self.tell(stream);
        }
    }

    fn tell(&self, mut stream: UnixStream) -> io::Result<()> {
        let mut hosts: Vec<_> = self.suspects.values().collect();
        hosts.sort_by(|one, other| other.score.total_cmp(&one.score));
        hosts.truncate(HOSTS);
        let mut levels = BTreeMap::new();
        // Nobody is to be told of those that are suppressed, by an alert neither.
        for suspect in self.suspects.values().filter(|of| !of.suppressed) {
            *levels.entry(suspect.level).or_insert(0) += 1;
        }
        let hosts: Vec<_> = (0..)
            .zip(hosts)
            .map(|(rank, suspect)| suspect.told(rank < EXPLAINED))
            .collect();
        let mut line = serde_json::to_vec(&Snapshot {
            timestamp: Timestamp::now().to_string(),
            version: env!("CARGO_PKG_VERSION"),
            stats_at: self.totals_at.map(|time| time.to_string()),
            rates: self.rates,
            stats: StatsBody::of(&self.totals, false),
            levels,
            hosts_omitted: self.suspects.len() - hosts.len(),
            hosts,
        })?;
        line.push(b'\n');
        stream.set_nonblocking(true)?;
        stream.write_all(&line)
    }
}

impl Suspect {
    /// With or without its evidence.
    fn told(&self, explained: bool) -> Cow<'_, Self> {
        if explained || self.evidence.is_empty() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self {
            evidence: Vec::new(),
            ..self.clone()
        })
    }
}

impl Piece {
    fn of(evidence: &Evidence) -> Self {
        Self {
            family: evidence.family.name(),
            llr: evidence.llr,
            text: evidence.text.clone(),
        }
    }
}
