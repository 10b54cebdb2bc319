//! What a live run tells, and what it is told while it goes on.

use super::status::Status;
use super::{append, interface, interfaces};
use crate::capture::live::device::{self, Control};
use crate::capture::{Fault, Frame, LinkChange, LinkState};
use crate::cli;
use crate::command::outputs::Outputs;
use crate::command::{Teller, output_name, say};
use crate::config::{self, Hosts, Output, Verbosity};
use crate::correlate::Verdict;
use crate::correlate::site::SensorEvent;
use crate::count;
use crate::host::HostAddr;
use crate::privilege::Confined;
use crate::report::json::EventWriter;
use crate::report::packets::PacketFiles;
use crate::report::{HostReport, InterfaceReport, LifeAction, LifeEvent, Reload, Sink, Totals};
use crate::service::Notifier;
use crate::time::Timestamp;
use sd_notify::NotifyState;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Writes events, and hears what is asked of the run.
pub(super) struct LiveSink {
    /// What was typed, for a reload.
    pub(super) args: cli::Live,
    pub(super) output: Output,
    pub(super) events: EventWriter<Outputs>,
    pub(super) hosts: Hosts,
    pub(super) packets: Option<PacketFiles>,
    pub(super) teller: Teller,
    /// Set by a signal.
    pub(super) reload: Arc<AtomicBool>,
    /// By what packets are counted.
    pub(super) count: count::Settings,
    /// What that means, for whoever goes on with it.
    pub(super) meaning: Arc<AtomicU64>,
    pub(super) status: Option<Status>,
    pub(super) manager: Manager,
    /// For asking about interfaces: made before no socket could be made any more.
    pub(super) control: Control,
}

impl LiveSink {
    /// Tells that it begins.
    pub(super) fn started(
        &mut self,
        interfaces: Vec<InterfaceReport>,
        privilege: Confined,
    ) -> io::Result<()> {
        let names: Vec<_> = interfaces.iter().map(|one| one.name.as_str()).collect();
        let reason = format!("Reads {}.", names.join(", "));
        self.events.life(&LifeEvent {
            interfaces,
            libpcap: Some(device::libpcap_version()),
            privilege: Some(privilege),
            ..LifeEvent::now(LifeAction::Started, reason)
        })
    }

    /// Tells the service manager that packets are read.
    pub(super) fn ready(&self) {
        self.manager.tell(&[NotifyState::Ready]);
    }

    /// Tells that it ends.
    pub(super) fn stopped(&mut self, names: &[String]) -> io::Result<()> {
        self.manager.tell(&[NotifyState::Stopping]);
        self.events.life(&LifeEvent {
            interfaces: interfaces(&self.control, names),
            ..LifeEvent::now(LifeAction::Stopped, "Ended as it was told to.".to_owned())
        })
    }

    /// Ends the outputs, and says what went wrong with the log.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let closed = self.events.out_mut().close();
        for fault in self.events.out_mut().take_faults() {
            say(fault);
        }
        closed
    }

    /// Opens the output anew, and reads again what the site says. What is wrong is told, and
    /// what was stays.
    fn reload(&mut self) -> io::Result<Option<Reload>> {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            self.manager.tell(&[NotifyState::Reloading, now]);
        }
        self.events.flush()?;
        let opened = append(&self.output);
        let (action, reason, reload) = match (opened, config::live(self.args.clone())) {
            (Ok(output), read) => {
                self.events.out_mut().write_to(output);
                match read {
                    Ok(config) => {
                        let reading = config.reading;
                        let keywords = Arc::new(reading.keywords);
                        self.count.keywords = Arc::clone(&keywords);
                        self.meaning.store(self.count.meaning(), Ordering::Relaxed);
                        let reload = Reload {
                            keywords,
                            inventory: Arc::new(reading.inventory),
                            home: Arc::new(reading.home),
                        };
                        let reason = "Opened the output anew, and read config, inventory and \
                                      keywords.";
                        (LifeAction::ConfigReloaded, reason.to_owned(), Some(reload))
                    }
                    Err(error) => {
                        let reason = format!("What was read before stays: {error}.");
                        (LifeAction::ConfigRefused, reason, None)
                    }
                }
            }
            (Err(error), _) => {
                let name = output_name(&self.output);
                let reason = format!("{name} is written on as it was: {error:#}.");
                (LifeAction::ConfigRefused, reason, None)
            }
        };
        if action == LifeAction::ConfigRefused || self.teller.verbosity != Verbosity::Quiet {
            say(&reason);
        }
        self.events.life(&LifeEvent::now(action, reason))?;
        self.manager.tell(&[NotifyState::Ready]);
        Ok(reload)
    }
}

impl Sink for LiveSink {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        if let Some(status) = &mut self.status {
            status.verdict(verdict);
        }
        if let Some(packets) = &mut self.packets {
            packets.verdict(verdict);
        }
        self.events.verdict(verdict)
    }

    fn packets(&mut self, host: HostAddr, frames: &[Frame<'_>]) -> io::Result<()> {
        if let Some(packets) = &mut self.packets {
            packets.packets(host, frames);
            for fault in packets.take_faults() {
                self.teller.tell(&fault);
            }
        }
        Ok(())
    }

    fn host(&mut self, host: &HostReport<'_>) -> io::Result<()> {
        if self.hosts.wants(host) {
            return self.events.host(host);
        }
        Ok(())
    }

    fn sensor(&mut self, event: &SensorEvent) -> io::Result<()> {
        self.events.sensor(event)
    }

    fn link(&mut self, change: &LinkChange) -> io::Result<()> {
        let LinkChange {
            time,
            interface: name,
            state,
        } = change;
        let (action, what) = match state {
            LinkState::Up => (LifeAction::InterfaceUp, "is up"),
            LinkState::Down => (LifeAction::InterfaceDown, "is down"),
            LinkState::Gone => (LifeAction::InterfaceDown, "is gone"),
        };
        if self.teller.verbosity != Verbosity::Quiet {
            say(format_args!("{name} {what}"));
        }
        let interface = InterfaceReport {
            state: *state,
            ..interface(&self.control, name)
        };
        self.events.life(&LifeEvent {
            time: *time,
            interfaces: vec![interface],
            ..LifeEvent::now(action, format!("{name} {what}."))
        })
    }

    fn totals(&mut self, totals: &Totals, at: Option<Timestamp>) -> io::Result<()> {
        if let Some(status) = &mut self.status {
            status.totals(totals);
        }
        self.manager.totals(totals);
        let mut totals = totals.clone();
        if let Some(packets) = &self.packets {
            let evidence = totals.evidence.get_or_insert_default();
            evidence.add(packets.counts());
        }
        totals.log = self.events.out_mut().log_counts();
        self.events.totals(&totals, at)
    }

    fn beat(&mut self) -> io::Result<Option<Reload>> {
        self.manager.alive();
        // What the log holds goes to the disk, also where nothing more is told.
        self.events.flush()?;
        for fault in self.events.out_mut().take_faults() {
            say(fault);
        }
        if let Some(status) = &mut self.status {
            status.answer();
        }
        if self.reload.swap(false, Ordering::Relaxed) {
            return self.reload();
        }
        Ok(None)
    }

    fn fault(&mut self, fault: &Fault) {
        self.teller.tell(fault);
    }
}

/// The service manager, where there is one. That it does not read is no failure of the capture.
pub(super) struct Manager {
    notifier: Option<Notifier>,
    /// How often it wants to hear that all is well.
    watchdog: Option<Duration>,
    told: Instant,
}

impl Manager {
    pub(super) fn new(notifier: Option<Notifier>, watchdog: Option<Duration>) -> Self {
        Self {
            notifier,
            watchdog,
            told: Instant::now(),
        }
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if let Some(notifier) = &self.notifier {
            let _ = notifier.notify(states);
        }
    }

    /// Says that all is well, where it is time to.
    fn alive(&mut self) {
        if self
            .watchdog
            .is_some_and(|every| self.told.elapsed() >= every)
        {
            self.told = Instant::now();
            self.tell(&[NotifyState::Watchdog]);
        }
    }

    /// Says what became of the packets.
    fn totals(&self, totals: &Totals) {
        let kernel = totals.capture.kernel.unwrap_or_default();
        let status = format!(
            "{} packets read, {} of {} dropped, {} shed",
            totals.capture.seen, kernel.dropped, kernel.received, totals.count.shed
        );
        self.tell(&[NotifyState::Status(&status)]);
    }
}
