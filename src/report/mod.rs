//! What people and machines get to see: events ([`json`], in the names of ECS, [`eve`] or [`ocsf`]), the table ([`table`]), bins
//! and hosts ([`bins`], [`hosts`]), one host explained ([`explain`]), a page and pictures of all of it ([`html`],
//! [`plot`], out of a [`story`]), learned roles ([`draft`]), packets behind
//! verdicts ([`packets`]).
//!
//! Everything is handed to a [`Sink`], in order; a sink writes, and knows no packets.

#![forbid(unsafe_code)]

pub mod bins;
pub mod composer;
pub mod draft;
pub mod eve;
pub mod event;
pub mod explain;
pub mod hosts;
pub mod html;
pub mod json;
pub mod language;
pub mod ocsf;
pub mod packets;
pub mod plot;
pub mod story;
pub mod table;
pub mod text;

pub use json::Format;

use crate::capture::live::device::Offload;
use crate::capture::{Fault, Frame, KernelCounts, LinkChange, LinkState};
use crate::correlate::op25b::Report as Op25b;
use crate::correlate::site::SensorEvent;
use crate::correlate::{Judgement, Verdict};
use crate::count::PacketCounts;
use crate::count::delta::{Fact, HostBin};
use crate::count::host::HostTotals;
use crate::count::prefixes::Prefixes;
use crate::decode::malformed::{Malformed, Unsupported};
use crate::eventlog::LogCounts;
use crate::home::Home;
use crate::host::HostAddr;
use crate::inventory::Inventory;
use crate::keywords::Keywords;
use crate::privilege::Confined;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// Takes what a run has to tell, in the order of the contract: by second, then by host.
///
/// An error ends the run.
pub trait Sink {
    /// A host's level or class changed, or its episode ended.
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()>;

    /// Packets of a host under suspicion, in order of time, after the verdict that they are behind;
    /// only where the run keeps them.
    fn packets(&mut self, _host: HostAddr, _frames: &[Frame<'_>]) -> io::Result<()> {
        Ok(())
    }

    /// The sensor sees less than before, or more again.
    fn sensor(&mut self, _event: &SensorEvent) -> io::Result<()> {
        Ok(())
    }

    /// An interface went down, or came back.
    fn link(&mut self, _change: &LinkChange) -> io::Result<()> {
        Ok(())
    }

    /// The bins of a second, by host.
    fn bins(&mut self, _second: i64, _bins: &[(HostAddr, HostBin)]) -> io::Result<()> {
        Ok(())
    }

    /// Whether this host is followed second by second; see [`Sink::followed`].
    fn follows(&self, _host: HostAddr) -> bool {
        false
    }

    /// What a host that is followed did in a second, and what is thought of it then; only where
    /// the run follows hosts, and behind the verdicts of the second.
    fn followed(&mut self, _second: &Followed<'_>) -> io::Result<()> {
        Ok(())
    }

    /// A host at the end, or at the end of a period.
    fn host(&mut self, _host: &HostReport<'_>) -> io::Result<()> {
        Ok(())
    }

    /// Totals from the beginning, at an interval or at the end; `at` is packet time, `None`
    /// where there was no packet.
    fn totals(&mut self, _totals: &Totals, _at: Option<Timestamp>) -> io::Result<()> {
        Ok(())
    }

    /// A second has passed, and perhaps more, with packets or without: what is asked of the run.
    /// Live only.
    fn beat(&mut self) -> io::Result<Option<Reload>> {
        Ok(None)
    }

    /// Something went wrong with an input.
    fn fault(&mut self, fault: &Fault);
}

/// A second of a host that is followed.
#[derive(Debug)]
pub struct Followed<'a> {
    /// The host.
    pub host: HostAddr,
    /// The UTC second.
    pub second: i64,
    /// What was observed of it, in order.
    pub facts: Vec<&'a Fact>,
    /// What is thought of it when the second is closed.
    pub judgement: Judgement,
}

/// What is told of the sensor's own life.
#[derive(Clone, Debug)]
pub struct LifeEvent {
    /// When, by the wall clock.
    pub time: Timestamp,
    /// What happened.
    pub action: LifeAction,
    /// The interfaces that it is about.
    pub interfaces: Vec<InterfaceReport>,
    /// The version of libpcap, when it begins.
    pub libpcap: Option<String>,
    /// What the process that reads packets may do, when it begins.
    pub privilege: Option<Confined>,
    /// One plain sentence.
    pub reason: String,
}

impl LifeEvent {
    /// Something that happens now and of which nothing more is known.
    #[must_use]
    pub fn now(action: LifeAction, reason: String) -> Self {
        Self {
            time: Timestamp::now(),
            action,
            interfaces: Vec::new(),
            libpcap: None,
            privilege: None,
            reason,
        }
    }
}

/// What happens to a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeAction {
    /// It begins to read.
    Started,
    /// It ended as it was told to.
    Stopped,
    /// An interface is down, or gone.
    InterfaceDown,
    /// It is up again.
    InterfaceUp,
    /// Config, inventory and keywords were read again.
    ConfigReloaded,
    /// They are not valid, and the old ones stay.
    ConfigRefused,
}

/// An interface, and what is known of it.
#[derive(Clone, Debug)]
pub struct InterfaceReport {
    /// Its name.
    pub name: String,
    /// What it is.
    pub state: LinkState,
    /// What is on that spoils packets.
    pub offloads: Vec<Offload>,
}

/// What the site says, read again while a run goes on.
#[derive(Clone, Debug)]
pub struct Reload {
    /// Which labels count as guesses at mail hosts.
    pub keywords: Arc<Keywords>,
    /// What is known of hosts.
    pub inventory: Arc<Inventory>,
    /// What is inside.
    pub home: Arc<Home>,
}

/// What a host did: from the beginning, or in a period.
#[derive(Debug)]
pub struct HostReport<'a> {
    /// The host.
    pub host: HostAddr,
    /// The end of the input, or of the period.
    pub at: Timestamp,
    /// From when to when: its first packet and its newest, or the period.
    pub span: (Option<Timestamp>, Option<Timestamp>),
    /// Its counters.
    pub totals: HostTotals,
    /// What is thought of it.
    pub judgement: Judgement,
    /// Prefixes of the names that it asked A of; `None` in a period.
    pub prefixes: Option<&'a Prefixes>,
}

/// What a capture thread counts. Every frame seen is in one of the next five, or went to
/// a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureCounts {
    /// Frames read.
    pub seen: u64,
    /// Kept out by the filter or by the window of time.
    pub filtered: u64,
    /// Well-formed, and nothing that mxray reads; also the fragments of a whole datagram but
    /// for the one that completed it, which counts by what the datagram is.
    pub ignored: u64,
    /// Fragments whose datagram is not whole.
    pub fragments: u64,
    /// Datagrams put together from fragments.
    pub reassembled: u64,
    /// Carried by something that is not decoded.
    pub unsupported: BTreeMap<Unsupported, u64>,
    /// Broken before the ports could be read.
    pub malformed: BTreeMap<Malformed, u64>,
    /// Frames that the snap length cut; also counted above.
    pub truncated: u64,
    /// Packets more than two seconds behind the newest; also counted above.
    pub late: u64,
    /// Earliest packet time.
    pub first: Option<Timestamp>,
    /// Newest packet time.
    pub last: Option<Timestamp>,
    /// What the kernel counts; `None` where none captures.
    pub kernel: Option<KernelCounts>,
    /// Packets behind verdicts that were not handed over, as too many were asked for at once.
    pub evidence_omitted: u64,
    /// Hosts under suspicion whose further packets were not handed over, as too many were.
    pub evidence_unfollowed: u64,
}

impl CaptureCounts {
    /// Adds what another capture thread counted.
    pub fn add(&mut self, other: &Self) {
        let Self {
            seen,
            filtered,
            ignored,
            fragments,
            reassembled,
            unsupported,
            malformed,
            truncated,
            late,
            first,
            last,
            kernel,
            evidence_omitted,
            evidence_unfollowed,
        } = other;
        self.evidence_omitted += evidence_omitted;
        self.evidence_unfollowed += evidence_unfollowed;
        self.seen += seen;
        self.filtered += filtered;
        self.ignored += ignored;
        self.fragments += fragments;
        self.reassembled += reassembled;
        for (reason, count) in unsupported {
            *self.unsupported.entry(*reason).or_insert(0) += count;
        }
        for (damage, count) in malformed {
            *self.malformed.entry(*damage).or_insert(0) += count;
        }
        self.truncated += truncated;
        self.late += late;
        self.first = self.first.into_iter().chain(*first).min();
        self.last = self.last.max(*last);
        if let Some(kernel) = kernel {
            self.kernel.get_or_insert_default().add(*kernel);
        }
    }

    /// Counts a packet that is not decoded.
    pub fn unsupported(&mut self, reason: Unsupported) {
        *self.unsupported.entry(reason).or_insert(0) += 1;
    }
}

/// Everything counted from the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// By the capture thread.
    pub capture: CaptureCounts,
    /// By all workers.
    pub count: PacketCounts,
    /// Hosts with mail lookups that had to be forgotten.
    pub suspects_evicted: u64,
    /// DNS servers that had to be forgotten.
    pub servers_evicted: u64,
    /// Pairs of an IP and an Ethernet address that had to be forgotten.
    pub bindings_evicted: u64,
    /// Hosts that did something in a period and were not told of it, each as often.
    pub hosts_omitted: u64,
    /// Connections to port 25 outside; at the end, where it is known what is outside.
    pub op25b: Option<Op25b>,
    /// The packets behind verdicts; `None` where none are kept.
    pub evidence: Option<EvidenceCounts>,
    /// The event log; `None` where none is written.
    pub log: Option<LogCounts>,
}

/// What became of the packets behind verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvidenceCounts {
    /// Written.
    pub packets: u64,
    /// Files made.
    pub files: u64,
    /// Files removed for want of room.
    pub removed: u64,
    /// Packets that were to be written and were not.
    pub omitted: u64,
    /// Hosts under suspicion whose further packets were not kept.
    pub unfollowed: u64,
}

impl EvidenceCounts {
    /// Adds what another part counted.
    pub fn add(&mut self, other: Self) {
        let Self {
            packets,
            files,
            removed,
            omitted,
            unfollowed,
        } = other;
        self.packets += packets;
        self.files += files;
        self.removed += removed;
        self.omitted += omitted;
        self.unfollowed += unfollowed;
    }
}

#[cfg(test)]
mod tests;
