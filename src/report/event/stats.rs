//! `mxray` of the totals.

use super::super::{EvidenceCounts, Totals};
use super::{SCHEMA_VERSION, round};
use crate::capture::KernelCounts;
use crate::correlate::op25b;
use crate::count::PacketCounts;
use crate::decode::tcp::TcpCounts;
use crate::decode::tcp::half::SegmentCounts;
use crate::eventlog::LogCounts;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// `mxray` of the totals, all from the beginning of the run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StatsBody {
    /// Version of this schema.
    pub schema_version: &'static str,
    /// `packet`, or `wall` where there was no packet.
    pub time_source: &'static str,
    /// What became of the packets: `seen` is the sum of the rest.
    pub packets: Packets,
    /// What the kernel counted of the packets that passed its filter; live only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Kernel>,
    /// The packets behind verdicts; live only, with `--write`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// The event log; live only, with `--log`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// Packets that the snap length cut.
    pub truncated: u64,
    /// Datagrams put together from fragments. Of a datagram's frames, the one that completed it
    /// counts in `mxray.packets` by what the datagram is, the others as ignored.
    pub reassembled: u64,
    /// Packets more than two seconds behind the newest: counted in totals, not in bins.
    pub late: u64,
    /// Messages that the mirror port delivered twice; counted, and no evidence.
    pub duplicates: u64,
    /// Observations left out of judgement, since their host had made over a thousand of them in
    /// a second, or a few of them had come together of too many pairs of hosts; they were counted.
    pub observations_omitted: u64,
    /// The look for floods of DNS servers.
    pub floods: Floods,
    /// Which addresses are one machine's.
    pub identity: Identity,
    /// TCP connections to mail servers, to the DNS and to chat servers.
    pub tcp: Tcp,
    /// Hosts.
    pub hosts: Hosts,
    /// Capture files read; live, interfaces.
    pub files: u64,
    /// Audit of outbound port 25 blocking; in the last totals, with `--home`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op25b: Option<Op25b>,
}

/// `mxray.op25b`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Op25b {
    /// Prefixes with hosts that are no mail servers and connected to port 25 outside, the worst
    /// first.
    pub prefixes: Vec<Op25bPrefix>,
    /// All hosts of IPv4.
    pub ipv4: Op25bHoles,
    /// All hosts of IPv6.
    pub ipv6: Op25bHoles,
    /// The other flows of mail that go round a site's servers.
    pub flows: Op25bFlows,
    /// Whether there are more prefixes or hosts than are told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// A prefix of `mxray.op25b`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Op25bPrefix {
    /// A /24 of IPv4, a /64 of IPv6.
    pub net: String,
    /// Its hosts.
    #[serde(flatten)]
    pub holes: Op25bHoles,
}

/// Connections to port 25 outside.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Op25bHoles {
    /// Hosts that are no mail servers and made some.
    pub hosts: u64,
    /// Their connections.
    pub attempts: u64,
    /// Those that were refused or not answered; null where servers' packets were not mirrored.
    pub blocked: Option<u64>,
    /// Those that were answered; null likewise.
    pub leaked: Option<u64>,
    /// Connections of mail servers.
    pub allowed: u64,
    /// `leaked` as a part of `leaked` and `blocked`; null where both are 0 or null.
    pub leak_ratio: Option<f64>,
}

/// `mxray.op25b.flows`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Op25bFlows {
    /// MAIL commands of hosts outside to port 25 inside with an own domain of the site.
    pub forged: u64,
    /// Connections to port 25 of a server at which the host had read mail within half an hour.
    pub pop_before_smtp: u64,
    /// Submissions to port 587 with AUTH.
    pub submitted_auth: u64,
    /// With TLS, in which AUTH cannot be seen.
    pub submitted_tls: u64,
    /// With neither before MAIL.
    pub submitted_open: u64,
}

/// `mxray.packets`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Packets {
    /// All.
    pub seen: u64,
    /// Decoded whole.
    pub decoded: u64,
    /// Well-formed, and nothing that mxray reads; of a whole datagram's fragments all but the
    /// one that completed it.
    pub ignored: u64,
    /// Kept out by the filter or the window of time.
    pub filtered: u64,
    /// Not decoded, by reason.
    pub unsupported: BTreeMap<String, u64>,
    /// Broken, by reason; what could be read was counted.
    pub malformed: BTreeMap<String, u64>,
    /// Fragments whose datagram was not whole by then. At the end of the input: never was.
    pub fragments_unfinished: u64,
    /// Thrown away for lack of time.
    pub shed: u64,
}

/// `mxray.kernel`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Kernel {
    /// All of them, those that were dropped among them.
    pub received: u64,
    /// Dropped for want of room between kernel and mxray.
    pub dropped: u64,
    /// Dropped by the interface or its driver, whatever they carried.
    pub if_dropped: u64,
}

/// `mxray.evidence` of the totals.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Evidence {
    /// Packets written.
    pub packets: u64,
    /// Files made.
    pub files: u64,
    /// Files removed, since the folder was full.
    pub removed: u64,
    /// Packets that were to be written and were not: too many at once, a full file, a folder
    /// that cannot be written to.
    pub omitted: u64,
    /// Hosts under suspicion whose further packets were not kept, since those of too many were.
    pub unfollowed: u64,
}

/// `mxray.log` of the totals: since the process began, up to before this event.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Log {
    /// Events written.
    pub events: u64,
    /// Events that were to be written and that the disk did not take.
    pub lost: u64,
    /// Segments removed, since the log was full, delivered or not.
    pub segments_removed: u64,
    /// Events in them.
    pub events_removed: u64,
}

impl Log {
    fn of(counts: LogCounts) -> Self {
        let LogCounts {
            events,
            lost,
            segments_removed,
            events_removed,
        } = counts;
        Self {
            events,
            lost,
            segments_removed,
            events_removed,
        }
    }
}

/// `mxray.floods`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Floods {
    /// Queries left out, since a sixty-fourth of the hosts had asked 32 other servers in that
    /// minute.
    pub queries_omitted: u64,
    /// Servers that were forgotten for others.
    pub servers_evicted: u64,
}

/// `mxray.identity`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Identity {
    /// Pairs of an IP and an Ethernet address that were forgotten for others, within a day of
    /// their last sign.
    pub bindings_evicted: u64,
}

/// `mxray.tcp`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Tcp {
    /// Connections in the tables now.
    pub connections: u64,
    /// That were picked up in the middle.
    pub midstream: u64,
    /// That were forgotten for others before they had ended.
    pub evicted: u64,
    /// Segments with nothing new: retransmissions, and copies of a doubled mirror port.
    pub retransmitted: u64,
    /// Segments with something new beside what was known; the first copy of an octet counts.
    pub overlapped: u64,
    /// Segments that came before others that belong before them.
    pub reordered: u64,
    /// Segments too far from what was expected, which were left out.
    pub out_of_window: u64,
    /// Holes in connections: lost by the capture, or cut off by the snap length.
    pub holes: u64,
    /// Octets in them.
    pub octets_lost: u64,
    /// Times that octets which waited for others were given up for want of room.
    pub shed: u64,
}

/// `mxray.hosts`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Hosts {
    /// In the tables now.
    pub tracked: u64,
    /// That had to leave a full table.
    pub evicted: u64,
    /// That did something in a period and were left out of the host events, each as often, since
    /// this process began.
    pub omitted: u64,
}

impl StatsBody {
    /// These totals; `wall`: there was no packet. The number of files is not among them.
    #[must_use]
    pub fn of(totals: &Totals, wall: bool) -> Self {
        let (capture, count) = (&totals.capture, &totals.count);
        let mut malformed = BTreeMap::new();
        for (damage, number) in capture.malformed.iter().chain(&count.malformed) {
            *malformed.entry(damage.name().to_owned()).or_insert(0) += number;
        }
        let unsupported = capture.unsupported.iter();
        Self {
            schema_version: SCHEMA_VERSION,
            time_source: if wall { "wall" } else { "packet" },
            packets: Packets {
                seen: capture.seen,
                decoded: count.decoded,
                ignored: capture.ignored,
                filtered: capture.filtered,
                unsupported: unsupported
                    .map(|(why, n)| (why.name().into_owned(), *n))
                    .collect(),
                malformed,
                fragments_unfinished: capture.fragments,
                shed: count.shed,
            },
            kernel: capture.kernel.map(Kernel::of),
            evidence: totals.evidence.map(Evidence::of),
            log: totals.log.map(Log::of),
            truncated: capture.truncated,
            reassembled: capture.reassembled,
            late: capture.late,
            duplicates: count.duplicates,
            observations_omitted: count.untold,
            floods: Floods {
                queries_omitted: count.unasked,
                servers_evicted: totals.servers_evicted,
            },
            identity: Identity {
                bindings_evicted: totals.bindings_evicted,
            },
            tcp: Tcp::of(count),
            hosts: Hosts {
                tracked: count.hosts,
                evicted: count.evicted + totals.suspects_evicted,
                omitted: totals.hosts_omitted,
            },
            files: 0,
            op25b: totals.op25b.as_ref().map(Op25b::of),
        }
    }
}

impl Kernel {
    /// What was counted.
    fn of(counts: KernelCounts) -> Self {
        let KernelCounts {
            received,
            dropped,
            if_dropped,
        } = counts;
        Self {
            received,
            dropped,
            if_dropped,
        }
    }
}

impl Evidence {
    /// What was counted.
    fn of(counts: EvidenceCounts) -> Self {
        let EvidenceCounts {
            packets,
            files,
            removed,
            omitted,
            unfollowed,
        } = counts;
        Self {
            packets,
            files,
            removed,
            omitted,
            unfollowed,
        }
    }
}

impl Op25b {
    /// The audit.
    fn of(report: &op25b::Report) -> Self {
        let holes = |holes: &op25b::Holes| Op25bHoles {
            hosts: holes.hosts,
            attempts: holes.attempts,
            blocked: holes.blocked,
            leaked: holes.leaked,
            allowed: holes.allowed,
            leak_ratio: holes.leak_ratio().map(round),
        };
        let prefixes = report.prefixes.iter().map(|(net, of)| Op25bPrefix {
            net: format!("{net}/{}", if net.is_ipv4() { 24 } else { 64 }),
            holes: holes(of),
        });
        let op25b::Flows {
            forged,
            pop_before_smtp,
            submitted_auth,
            submitted_tls,
            submitted_open,
        } = report.flows;
        Self {
            prefixes: prefixes.collect(),
            ipv4: holes(&report.ipv4),
            ipv6: holes(&report.ipv6),
            flows: Op25bFlows {
                forged,
                pop_before_smtp,
                submitted_auth,
                submitted_tls,
                submitted_open,
            },
            cut: report.cut,
        }
    }
}

impl Tcp {
    /// What was counted.
    fn of(count: &PacketCounts) -> Self {
        let TcpCounts {
            segments,
            midstream,
            evicted,
            shed,
        } = count.tcp;
        let SegmentCounts {
            retransmitted,
            overlapped,
            reordered,
            out_of_window,
            holes,
            lost,
            ..
        } = segments;
        Self {
            connections: count.connections,
            midstream,
            evicted,
            retransmitted,
            overlapped,
            reordered,
            out_of_window,
            holes,
            octets_lost: lost,
            shed,
        }
    }
}
