//! `mxray live`.

use super::{Outcome, TO_STDOUT, Teller, log, output_name, say, settings};
use crate::capture::live::device::{self, Control, Fanout, Offload};
use crate::capture::live::{Live, OpenError, Options};
use crate::capture::{Fault, Filter, Frame, LinkChange, LinkState};
use crate::config::{LiveConfig, Output, Verbosity};
use crate::correlate::Verdict;
use crate::correlate::site::SensorEvent;
use crate::decode::wanted;
use crate::host::HostAddr;
use crate::pipeline::{self, Behind, Keep, Tap};
use crate::report::json::EventWriter;
use crate::report::packets::PacketFiles;
use crate::report::{InterfaceReport, LifeAction, LifeEvent, Sink, Totals};
use crate::time::Timestamp;
use anyhow::Context as _;
use indicatif::ProgressBar;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Lists what can be read.
pub(super) fn list() -> anyhow::Result<Outcome> {
    let devices = pcap::Device::list().context("asking libpcap for interfaces")?;
    let mut out = io::stdout().lock();
    for device in devices {
        let addresses: Vec<String> = device
            .addresses
            .iter()
            .map(|of| of.addr.to_string())
            .collect();
        let state = if device.flags.is_running() {
            "up"
        } else {
            "down"
        };
        let about = device.desc.into_iter().chain(addresses).collect::<Vec<_>>();
        writeln!(out, "{:16} {state:5} {}", device.name, about.join(", ")).context(TO_STDOUT)?;
    }
    Ok(Outcome::Done)
}

/// Reads the interfaces until a signal ends it.
pub(super) fn run(config: LiveConfig) -> anyhow::Result<Outcome> {
    let verbosity = config.reading.verbosity;
    log(verbosity);
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The second one ends it at once.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    let mut sources = sources(&config, &stop)?;
    let interfaces: Vec<_> = config
        .interfaces
        .iter()
        .map(|name| interface(name))
        .collect();
    if verbosity != Verbosity::Quiet {
        interfaces.iter().for_each(warn);
    }
    let files: Vec<PathBuf> = config.interfaces.iter().map(PathBuf::from).collect();
    let sensor = config.sensor.clone().unwrap_or_else(device::machine_name);
    let keep = config.write.as_ref().map(|write| {
        if write.payload {
            Keep::Whole
        } else {
            Keep::Headers
        }
    });
    let mut sink = LiveSink {
        packets: packets(&config, &sensor)?,
        events: EventWriter::new(append(&config.output)?, &sensor, &files),
        teller: Teller {
            bar: ProgressBar::hidden(),
            verbosity,
            failed: false,
        },
    };
    let writing = || format!("writing {}", output_name(&config.output));
    let filters: Vec<_> = sources
        .iter()
        .map(|_| Filter::new(config.reading.filter.as_deref(), None, None))
        .collect::<Result<_, _>>()?;
    let mut settings = settings(config.reading);
    settings.stats = Some(config.stats);
    settings.keep = keep;
    settings.behind = Behind::Shed {
        from: Timestamp::now().second(),
    };
    sink.started(interfaces).with_context(writing)?;
    let mut progress: Vec<_> = sources.iter().map(|_| |_| ()).collect();
    let taps = sources.iter_mut().zip(filters).zip(&mut progress);
    let taps = taps.map(|((source, filter), progress)| Tap {
        source,
        filter,
        progress,
    });
    let totals = pipeline::run(taps.collect(), &settings, &mut sink).with_context(writing)?;
    let interfaces = config.interfaces.iter();
    let interfaces = interfaces.map(|name| interface(name)).collect();
    sink.stopped(interfaces).with_context(writing)?;
    if verbosity != Verbosity::Quiet {
        say(summary(&totals));
    }
    Ok(if sink.teller.failed {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

/// Where events go: at the end of what is there, since a sensor that was started again has told
/// what it told.
fn append(output: &Output) -> anyhow::Result<Box<dyn Write>> {
    Ok(match output {
        Output::Stdout => Box::new(io::BufWriter::new(io::stdout())),
        Output::File(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let file = file.with_context(|| format!("opening {}", path.display()))?;
            Box::new(io::BufWriter::new(file))
        }
    })
}

/// Where the packets behind verdicts go. The folder must stay writable when privileges are given
/// up, as files are made later.
fn packets(config: &LiveConfig, sensor: &str) -> anyhow::Result<Option<PacketFiles>> {
    let Some(write) = &config.write else {
        return Ok(None);
    };
    PacketFiles::open(&write.folder, sensor, &config.interfaces, write.payload)
        .with_context(|| format!("--write {}", write.folder.display()))
        .map(Some)
}

/// A source for each thread of each interface.
fn sources(config: &LiveConfig, stop: &Arc<AtomicBool>) -> Result<Vec<Live>, OpenError> {
    let (mail, user) = (&config.reading.smtp_ports, config.reading.filter.as_deref());
    let mut sources = Vec::new();
    for (index, name) in (0..).zip(&config.interfaces) {
        for _ in 0..config.fanout {
            let options = Options {
                interface: name.clone(),
                wanted: wanted::expression(mail, config.tunnels, user),
                wanted_ip: wanted::ip_expression(mail, config.tunnels, user),
                ring: config.ring,
                snaplen: config.snaplen,
                promiscuous: config.promiscuous,
                fanout: (config.fanout > 1).then(|| Fanout {
                    // Unlike those of others, and of our other interfaces.
                    group: Fanout::group_of(std::process::id(), index),
                    members: config.fanout,
                }),
                index,
            };
            sources.push(Live::open(options, Arc::clone(stop))?);
        }
    }
    Ok(sources)
}

/// What is known of an interface.
fn interface(name: &str) -> InterfaceReport {
    let control = Control::new().ok();
    let control = control.as_ref();
    let state = match control.map(|control| control.is_up(name)) {
        Some(Ok(true)) => LinkState::Up,
        Some(Ok(false)) => LinkState::Down,
        // Of all of them together nothing is asked.
        _ if name == "any" => LinkState::Up,
        _ => LinkState::Gone,
    };
    InterfaceReport {
        name: name.to_owned(),
        state,
        offloads: control
            .map(|control| control.offloads(name))
            .unwrap_or_default(),
    }
}

/// Warns of what will not be read as it was sent.
fn warn(interface: &InterfaceReport) {
    let name = &interface.name;
    match interface.state {
        LinkState::Gone => say(format_args!(
            "warning: {name}: there is no such interface; waiting for it (`mxray live -D` lists those there are)"
        )),
        LinkState::Down => say(format_args!("warning: {name} is down; waiting for packets")),
        LinkState::Up => {}
    }
    let merged =
        |offload: &&Offload| matches!(offload, Offload::GenericReceive | Offload::LargeReceive);
    let merging: Vec<_> = interface.offloads.iter().filter(merged).collect();
    if !merging.is_empty() {
        let off: Vec<_> = merging
            .iter()
            .map(|offload| format!("{} off", offload.name()))
            .collect();
        say(format_args!(
            "warning: {name} merges packets before they are captured; to have them as they were \
             sent: ethtool -K {name} {}",
            off.join(" ")
        ));
    }
}

/// What became of the packets, as tcpdump says it.
fn summary(totals: &Totals) -> String {
    let kernel = totals.capture.kernel.unwrap_or_default();
    format!(
        "{} packets read, {} received by the filter, {} dropped by the kernel, {} by the interface, {} shed",
        totals.capture.seen, kernel.received, kernel.dropped, kernel.if_dropped, totals.count.shed
    )
}

struct LiveSink {
    events: EventWriter<Box<dyn Write>>,
    packets: Option<PacketFiles>,
    teller: Teller,
}

impl LiveSink {
    fn started(&mut self, interfaces: Vec<InterfaceReport>) -> io::Result<()> {
        let names: Vec<_> = interfaces.iter().map(|one| one.name.as_str()).collect();
        let reason = format!("Reads {}.", names.join(", "));
        self.events.life(&LifeEvent {
            time: Timestamp::now(),
            action: LifeAction::Started,
            interfaces,
            libpcap: Some(device::libpcap_version()),
            reason,
        })
    }

    fn stopped(&mut self, interfaces: Vec<InterfaceReport>) -> io::Result<()> {
        self.events.life(&LifeEvent {
            time: Timestamp::now(),
            action: LifeAction::Stopped,
            interfaces,
            libpcap: None,
            reason: "Ended as it was told to.".to_owned(),
        })
    }
}

impl Sink for LiveSink {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
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
        self.events.life(&LifeEvent {
            time: *time,
            action,
            interfaces: vec![InterfaceReport {
                state: *state,
                ..interface(name)
            }],
            libpcap: None,
            reason: format!("{name} {what}."),
        })
    }

    fn totals(&mut self, totals: &Totals, at: Option<Timestamp>) -> io::Result<()> {
        let Some(packets) = &self.packets else {
            return self.events.totals(totals, at);
        };
        let mut totals = totals.clone();
        totals
            .evidence
            .get_or_insert_default()
            .add(packets.counts());
        self.events.totals(&totals, at)
    }

    fn fault(&mut self, fault: &Fault) {
        self.teller.tell(fault);
    }
}
