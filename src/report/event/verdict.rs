//! `mxray` of a verdict, and of a host.

use super::super::{HostReport, text};
use super::correlation::CorrelationBody;
use super::dns::Dns;
use super::smtp::Smtp;
use super::{SCHEMA_VERSION, round};
use crate::correlate::evidence::Evidence;
use crate::correlate::role::{RoleSource, RoleView};
use crate::correlate::score::Against;
use crate::correlate::site::Vantage;
use crate::correlate::{CounterEvidence, Verdict, posterior};
use crate::count::host::HostTotals;
use crate::count::site::Losses;
use crate::count::smtp::SmtpTotals;
use crate::verdict::{Class, Level, Role};
use schemars::JsonSchema;
use serde::Serialize;

/// `mxray` of a verdict.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VerdictBody {
    /// Version of this schema.
    pub schema_version: &'static str,
    /// `packet`, or `wall` where there was no packet.
    pub time_source: &'static str,
    /// What the host is taken for.
    pub class: Class,
    /// How sure.
    pub level: Level,
    /// Sum of the log-likelihood ratios, natural logarithm.
    pub score: f64,
    /// Probability of an infection, with one host in a thousand infected.
    pub posterior: f64,
    /// The sums of evidence that `score` comes from, for each thing that the host could honestly be.
    pub against: AgainstBody,
    /// `new`, `updated` or `closed`.
    pub state: &'static str,
    /// True where the episode is closed since the host turned out to do by trade what it was
    /// noticed for, or to be several: a false alarm. Absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub acquitted: bool,
    /// The inventory wants nobody told.
    pub suppressed: bool,
    /// Why, in the inventory's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed_reason: Option<String>,
    /// The episode.
    pub episode: Episode,
    /// What the host is for.
    pub role: RoleBody,
    /// What speaks for an infection.
    pub evidence: Vec<EvidenceBody>,
    /// What speaks against it.
    pub counterevidence: Vec<CounterBody>,
    /// What of the host's traffic was in sight; null where that cannot be told.
    pub visibility: Visibility,
    /// How whole the capture was.
    pub capture: CaptureBody,
    /// Its DNS.
    pub dns: Dns,
    /// Its SMTP.
    pub smtp: Smtp,
    /// Keyword A queries against all A queries.
    pub correlation: CorrelationBody,
}

/// `mxray.against`: log-likelihood ratios, natural logarithm, of "bot" against an honest host of
/// each kind.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AgainstBody {
    /// Somebody's machine.
    pub pc: f64,
    /// A machine that delivers mail by trade.
    pub sender: f64,
    /// A machine that asks about mail servers and sends nothing.
    pub prober: f64,
}

/// `mxray` of a host: in replay what it did from the beginning, live what it did from
/// `event.start` to `event.end`. Numbers of distinct things are then of those that were new, and
/// beyond 128 the difference of two estimates.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HostBody {
    /// Version of this schema.
    pub schema_version: &'static str,
    /// `packet`, or `wall` where there was no packet.
    pub time_source: &'static str,
    /// What the host is taken for.
    pub class: Class,
    /// How sure.
    pub level: Level,
    /// Sum of the log-likelihood ratios, natural logarithm.
    pub score: f64,
    /// Probability of an infection, with one host in a thousand infected.
    pub posterior: f64,
    /// What the host is for.
    pub role: RoleBody,
    /// Its DNS.
    pub dns: Dns,
    /// Its SMTP.
    pub smtp: Smtp,
    /// Keyword A queries against all A queries.
    pub correlation: CorrelationBody,
}

/// `mxray.episode`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Episode {
    /// The same in all events of the episode.
    pub id: String,
    /// Counts them from 1.
    pub sequence: u64,
    /// Time of the episode's first observation.
    pub first_seen: String,
}

/// `mxray.role`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RoleBody {
    /// The role.
    pub name: Role,
    /// `inventory`, `learned` or `default`.
    pub source: &'static str,
    /// What it rests on.
    pub basis: Vec<String>,
}

/// A piece of evidence.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct EvidenceBody {
    /// Its family.
    pub family: &'static str,
    /// Log-likelihood ratio, natural logarithm, of "bot" against the honest host that it speaks
    /// against most: the greatest of its shares in `against`. So these of all families do not
    /// add up to the score, nor to any of the sums in `against`.
    pub llr: f64,
    /// Whether the family's cap cut it.
    pub capped: bool,
    /// One plain sentence.
    pub text: String,
    /// Domains for example.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// The first packets that show it.
    pub packets: Vec<PacketBody>,
    /// Whether there are more packets or domains than are listed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// A packet to look at.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PacketBody {
    /// The capture file.
    pub file: String,
    /// Its number there, as Wireshark counts.
    pub frame: u64,
    /// Its time.
    pub ts: String,
}

/// A piece of counter-evidence.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CounterBody {
    /// What was seen.
    pub what: &'static str,
    /// How often.
    pub n: u64,
    /// Log-likelihood ratio, natural logarithm, of what it weighs, at most 0: for the honest host
    /// that it speaks for most. 0: it explains something, and has no weight of its own or none in
    /// the host's role.
    pub llr: f64,
    /// One plain sentence.
    pub text: String,
}

/// `mxray.visibility`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Visibility {
    /// Its DNS queries were seen.
    pub dns: bool,
    /// Replies to them were seen.
    pub dns_replies: bool,
    /// Its mail connections were seen.
    pub smtp_out: Option<bool>,
    /// The servers' packets were seen; null where nothing tells.
    pub smtp_replies: Option<bool>,
    /// All its mail connections that carried anything were TLS from the first octet on; null
    /// where none did.
    pub tls_only: Option<bool>,
    /// Where the tap is: `access`, between hosts and their resolvers, or `resolver-egress`,
    /// between resolvers and the Internet, where no host is judged by its DNS; null where that
    /// cannot be told.
    pub vantage: Option<&'static str>,
    /// Part of its DNS was hidden: it used DNS over TLS or QUIC, or DNS over HTTPS at a resolver
    /// known by name. False where its TLS was seen, and none of that; null where neither was.
    /// A resolver of another name, HTTP/3 and Encrypted Client Hello are not seen through.
    pub dns_hidden: Option<bool>,
    /// `inside`, or `unknown` without `--home`.
    pub home: &'static str,
}

/// `mxray.capture`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CaptureBody {
    /// Percentage of what was sent that mxray did not see: the greater of the packets that were
    /// dropped in the running five minutes and the five before, and of the octets of mail and DNS over TCP that
    /// were missing when that was last measured, over ten minutes or more. Null where nothing was
    /// dropped, and too little was seen to measure.
    pub loss_pct: Option<f64>,
    /// What the whole sensor lost in the running five minutes and the five before, where it lost
    /// anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// Packets of this host that the snap length cut.
    pub truncated: u64,
    /// Only one direction of its DNS, or of its SMTP, was seen.
    pub one_way: bool,
}

/// `mxray.capture.lost`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Lost {
    /// Packets that the kernel dropped for want of room in the ring; 0 in replay.
    pub kernel_dropped: u64,
    /// Packets that the interface or its driver dropped, whatever they carried; 0 in replay.
    pub if_dropped: u64,
    /// Packets that mxray threw away, since its workers were behind; 0 in replay.
    pub shed: u64,
    /// Packets that were broken, or whose message was.
    pub malformed: u64,
    /// Hosts that had to leave a full table, with what was known of them.
    pub evicted: u64,
}

impl Lost {
    fn of(losses: Losses) -> Option<Self> {
        let Losses {
            kernel,
            interface,
            shed,
            malformed,
            evicted,
        } = losses;
        let lost = Self {
            kernel_dropped: kernel,
            if_dropped: interface,
            shed,
            malformed,
            evicted,
        };
        (losses != Losses::default()).then_some(lost)
    }
}

impl VerdictBody {
    /// A verdict in the episode of this identifier, without its packets.
    pub(in crate::report) fn of(verdict: &Verdict, episode: String) -> Self {
        let judgement = &verdict.judgement;
        let reason = verdict.suppressed.clone();
        let against = judgement.counterevidence.iter();
        Self {
            schema_version: SCHEMA_VERSION,
            time_source: "packet",
            class: judgement.class,
            level: judgement.level,
            score: round(judgement.score),
            posterior: round(posterior(judgement.score)),
            against: AgainstBody::of(judgement.against),
            state: verdict.state.name(),
            acquitted: verdict.acquitted,
            suppressed: verdict.suppressed.is_some(),
            suppressed_reason: reason.filter(|reason| !reason.is_empty()),
            episode: Episode {
                id: episode,
                sequence: verdict.sequence,
                first_seen: verdict.first_seen.to_string(),
            },
            role: RoleBody::of(&judgement.role),
            evidence: judgement.evidence.iter().map(EvidenceBody::of).collect(),
            counterevidence: against.map(CounterBody::of).collect(),
            visibility: Visibility::of(verdict),
            capture: CaptureBody {
                loss_pct: verdict.site.loss.map(|share| round(100.0 * share)),
                lost: Lost::of(verdict.site.losses),
                truncated: verdict.totals.cut,
                one_way: one_way(&verdict.totals),
            },
            dns: Dns::of(&verdict.totals),
            smtp: Smtp::of(&verdict.totals.smtp, &judgement.windows),
            correlation: CorrelationBody::of(&verdict.totals),
        }
    }
}

impl HostBody {
    /// A host at the end.
    pub(in crate::report) fn of(report: &HostReport<'_>) -> Self {
        let HostReport {
            totals, judgement, ..
        } = report;
        Self {
            schema_version: SCHEMA_VERSION,
            time_source: "packet",
            class: judgement.class,
            level: judgement.level,
            score: round(judgement.score),
            posterior: round(posterior(judgement.score)),
            role: RoleBody::of(&judgement.role),
            dns: Dns::of(totals),
            smtp: Smtp::of(&totals.smtp, &judgement.windows),
            correlation: CorrelationBody::of(totals),
        }
    }
}

impl AgainstBody {
    fn of(sums: Against) -> Self {
        let Against { pc, sender, prober } = sums.map(round);
        Self { pc, sender, prober }
    }
}

impl CounterBody {
    fn of(against: &CounterEvidence) -> Self {
        Self {
            what: against.what,
            n: against.count,
            llr: round(against.llr),
            text: against.text.clone(),
        }
    }
}

impl RoleBody {
    /// A role, and where it is from.
    fn of(view: &RoleView) -> Self {
        let source = match view.source {
            RoleSource::Inventory => "inventory",
            RoleSource::Learned => "learned",
            RoleSource::Default => "default",
        };
        Self {
            name: view.role,
            source,
            basis: view.basis.clone(),
        }
    }
}

impl EvidenceBody {
    /// All but the packets.
    fn of(piece: &Evidence) -> Self {
        Self {
            family: piece.family.name(),
            llr: round(piece.llr),
            capped: piece.capped,
            text: piece.text.clone(),
            domains: piece
                .domains
                .iter()
                .map(|domain| text::name(domain))
                .collect(),
            packets: Vec::new(),
            cut: piece.more,
        }
    }
}

impl Visibility {
    /// What was in sight of a host.
    fn of(verdict: &Verdict) -> Self {
        let smtp = &verdict.totals.smtp;
        let tls_only = tls_only(smtp);
        Self {
            dns: verdict.totals.queries.total > 0,
            dns_replies: verdict.totals.replies.total > 0,
            smtp_out: Some(smtp.attempts > 0 || tls_only.is_some()),
            smtp_replies: smtp.answers_seen,
            tls_only,
            dns_hidden: verdict.totals.dns_hidden,
            vantage: verdict.site.vantage.map(Vantage::name),
            home: match verdict.inside {
                Some(true) => "inside",
                Some(false) => "outside",
                None => "unknown",
            },
        }
    }
}

/// Whether the other side of its DNS, or of its SMTP, was not seen.
fn one_way(totals: &HostTotals) -> bool {
    let dns = totals.queries.total > 0 && totals.replies.total == 0;
    let smtp = &totals.smtp;
    dns || smtp.answers_seen == Some(false) || smtp.commands_seen == Some(false)
}

/// Whether all its mail connections that carried anything were TLS from the first octet on.
fn tls_only(smtp: &SmtpTotals) -> Option<bool> {
    let clear = smtp.mail_from
        + smtp.rcpt_to
        + smtp.messages
        + smtp.replies_4xx
        + smtp.replies_5xx
        + smtp.starttls
        + smtp.auth
        + smtp.helo_names
        + smtp.not_smtp;
    let clear = clear > 0 || !smtp.defects.is_empty();
    (clear || smtp.tls > 0).then_some(!clear)
}
