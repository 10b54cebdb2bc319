//! `mxray live`: what is opened, as whom it is read, and how it ends.

mod sink;
mod state;
mod status;

use super::outputs::Outputs;
use super::{HOST_OCTETS, Outcome, TO_STDOUT, Teller, log, output_name, say, settings};
use crate::capture::live::device::{self, Control, Fanout, Offload};
use crate::capture::live::{Live, OpenError, Options};
use crate::capture::{Filter, LinkState, Progress};
use crate::cli;
use crate::config::{self, Hosts, LiveConfig, Output, Verbosity};
use crate::decode::wanted;
use crate::pipeline::{self, Behind, Keep, KeepState, Tap};
use crate::privilege::{self, Child, Confinement};
use crate::report::json::EventWriter;
use crate::report::packets::PacketFiles;
use crate::report::{InterfaceReport, Totals};
use crate::service::{self, Notifier};
use crate::time::Timestamp;
use anyhow::Context as _;
use indicatif::ProgressBar;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use sink::{LiveSink, Manager};
use state::StateFiles;
use status::Status;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Memory that a host takes more where hosts are told by period: a copy of its counters, and
/// its sums.
const PERIOD_OCTETS: usize = 1536;

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

/// Reads the interfaces until a signal ends it. This process starts another that does so, as an
/// unprivileged user; it is that other where it was started so.
pub(super) fn run(args: &cli::Live) -> anyhow::Result<Outcome> {
    let config = config::live(args.clone())?;
    match Child::begin()? {
        None => {
            let user = config.user.as_deref();
            let status = privilege::launch(user, &mut |text| say(text))?;
            Ok(Outcome::Status(status))
        }
        Some(child) => capture(args, config, child),
    }
}

/// Opens what has to be open, gives up what is not needed any more, and reads.
fn capture(args: &cli::Live, config: LiveConfig, child: Child) -> anyhow::Result<Outcome> {
    let verbosity = config.reading.verbosity;
    log(verbosity);
    let signals = Signals::catch()?;
    if child.stops_at_once() {
        signals.stop.store(true, Ordering::Relaxed);
    }
    let reopen = Arc::new(AtomicBool::new(false));
    let again = child.is_successor()?;
    let mut sources = sources(&config, &signals.stop, &reopen, again)?;
    let control = Control::new().context("making a socket to ask about interfaces")?;
    let interfaces = interfaces(&control, &config.interfaces);
    if verbosity != Verbosity::Quiet {
        interfaces.iter().for_each(warn);
    }
    let files: Vec<PathBuf> = config.interfaces.iter().map(PathBuf::from).collect();
    let sensor = config.sensor.clone().unwrap_or_else(device::machine_name);
    let filters: Vec<_> = sources
        .iter()
        .map(|_| Filter::new(config.reading.filter.as_deref(), None, None))
        .collect::<Result<_, _>>()?;
    let output = Outputs::new(append(&config.output)?, config.log.as_ref())?;
    let status = config.status.as_deref().map(Status::open).transpose()?;
    let notifier = Notifier::from_env().context("reaching the service manager")?;
    let packets = packets(&config, &sensor)?;
    let privilege = privilege::confine(&confinement(&config))?;
    let settings = stages(&config);
    let meaning = Arc::new(AtomicU64::new(settings.count.meaning()));
    let mut sink = LiveSink {
        args: args.clone(),
        output: config.output,
        events: EventWriter::new(output, &sensor, &files).in_format(config.format),
        hosts: config.hosts,
        packets,
        teller: Teller {
            bar: ProgressBar::hidden(),
            verbosity,
            failed: false,
        },
        reload: signals.reload,
        count: settings.count.clone(),
        meaning: Arc::clone(&meaning),
        status,
        manager: Manager::new(notifier, service::watchdog_interval()),
        control,
    };
    let writing = format!("writing {}", output_name(&sink.output));
    let kept = config.checkpoint.is_some();
    let mut keeper = StateFiles {
        path: config.checkpoint,
        sensor,
        meaning,
        reopen: Arc::clone(&reopen),
        child,
    };
    let resumed = keeper
        .resume(&settings.context, settings.workers, &settings.count)
        .context("going on with what was known")?;
    if let Some(status) = &mut sink.status {
        status.resume(resumed.as_ref());
    }
    // A sensor that only opens its sockets anew has not stopped.
    if !again {
        sink.started(interfaces, privilege)
            .context(writing.clone())?;
    }
    sink.ready();
    let keep_state = KeepState {
        every: config.checkpoint_interval,
        // For the process that opens sockets anew, always.
        at_end: if kept {
            Arc::new(AtomicBool::new(true))
        } else {
            Arc::clone(&reopen)
        },
        keeper: &mut keeper,
    };
    let mut progress: Vec<_> = sources.iter().map(|_| |_| ()).collect();
    let taps = taps(&mut sources, filters, &mut progress);
    let totals = pipeline::run(taps, &settings, resumed, Some(keep_state), &mut sink);
    let totals = totals.context(writing.clone())?;
    if reopen.load(Ordering::SeqCst) {
        return Ok(Outcome::Status(privilege::REOPEN));
    }
    sink.stopped(&config.interfaces).context(writing.clone())?;
    sink.close().context(writing)?;
    if verbosity != Verbosity::Quiet {
        say(summary(&totals));
    }
    Ok(if sink.teller.failed {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

/// What is read again, and written, as long as it runs.
fn confinement(config: &LiveConfig) -> Confinement {
    let written = [
        config.output.path(),
        config.status.as_deref(),
        config.checkpoint.as_deref(),
        config.write.as_ref().map(|write| write.folder.as_path()),
        config.log.as_ref().map(|log| log.folder.as_path()),
    ];
    Confinement {
        read: config.read_again.clone(),
        write: written.into_iter().flatten().map(PathBuf::from).collect(),
    }
}

/// What the stages need to know.
fn stages(config: &LiveConfig) -> pipeline::Settings {
    let mut settings = settings(config.reading.clone());
    settings.stats = Some(config.stats);
    if config.hosts != Hosts::None {
        settings.hosts = pipeline::Hosts::Every {
            seconds: config.hosts_interval,
            outside: config.hosts == Hosts::All,
        };
        // Of each host it is also kept what it had done when the period began.
        settings.count.hosts = settings.count.hosts * HOST_OCTETS / (HOST_OCTETS + PERIOD_OCTETS);
    }
    settings.keep = config.write.as_ref().map(keep);
    settings.behind = Behind::Shed {
        from: Timestamp::now().second(),
    };
    settings
}

/// What signals ask for.
struct Signals {
    /// SIGINT, SIGTERM: end.
    stop: Arc<AtomicBool>,
    /// SIGHUP: open outputs anew, read again what the site says.
    reload: Arc<AtomicBool>,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        // Apart, since it also ends for other reasons, and then a first signal is no second one.
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The second one ends it at once.
            flag::register_conditional_shutdown(signal, 1, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&stop))?;
        }
        let reload = Arc::new(AtomicBool::new(false));
        flag::register(SIGHUP, Arc::clone(&reload))?;
        Ok(Self { stop, reload })
    }
}

/// Where events go: at the end of what is there, since a sensor that was started again has told
/// what it told.
fn append(output: &Output) -> anyhow::Result<Option<Box<dyn Write>>> {
    Ok(match output {
        Output::Stdout => Some(Box::new(io::BufWriter::new(io::stdout()))),
        Output::File(path) => Some(Box::new(io::BufWriter::new(append_to(path)?))),
        Output::Nowhere => None,
    })
}

/// Ends a last line that a full disk or a crash has cut, so that the next one is whole.
fn end_line(mut file: File) -> io::Result<File> {
    // What is no plain file has no end to look at.
    if file.metadata()?.is_file() && file.seek(SeekFrom::End(0))? > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

fn append_to(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.create(true).read(true).append(true).open(path);
    file.and_then(end_line).map_err(|error| {
        let what = format!("opening {}", path.display());
        if error.kind() == io::ErrorKind::PermissionDenied {
            let user = privilege::user_name();
            let hint = format!("{what}: {user}, as whom packets are read, may not (--user)");
            return anyhow::Error::new(error).context(hint);
        }
        anyhow::Error::new(error).context(what)
    })
}

/// The sources, each with its filter; how far they have come nobody asks.
fn taps<'a, P: FnMut(Progress) + Send>(
    sources: &'a mut [Live],
    filters: Vec<Filter>,
    progress: &'a mut [P],
) -> Vec<Tap<'a>> {
    let taps = sources.iter_mut().zip(filters).zip(progress);
    let taps = taps.map(|((source, filter), progress)| Tap {
        source,
        filter,
        progress,
    });
    taps.collect()
}

/// How much of packets is kept for verdicts.
fn keep(write: &config::Write) -> Keep {
    if write.payload {
        Keep::Whole
    } else {
        Keep::Headers
    }
}

/// Where the packets behind verdicts go.
fn packets(config: &LiveConfig, sensor: &str) -> anyhow::Result<Option<PacketFiles>> {
    let Some(write) = &config.write else {
        return Ok(None);
    };
    PacketFiles::open(&write.folder, sensor, &config.interfaces, write.payload)
        .with_context(|| format!("--write {}", write.folder.display()))
        .map(Some)
}

/// A source for each thread of each interface.
fn sources(
    config: &LiveConfig,
    stop: &Arc<AtomicBool>,
    reopen: &Arc<AtomicBool>,
    again: bool,
) -> Result<Vec<Live>, OpenError> {
    let (mail, user) = (&config.reading.smtp_ports, config.reading.filter.as_deref());
    let mut sources = Vec::new();
    for (index, name) in (0..).zip(&config.interfaces) {
        for member in 0..config.fanout {
            let options = Options {
                interface: name.clone(),
                wanted: wanted::expression(mail, config.tunnels, user),
                wanted_cooked: wanted::cooked_expression(mail, config.tunnels, user),
                wanted_ip: wanted::ip_expression(mail, config.tunnels, user),
                ring: config.ring,
                snaplen: config.snaplen,
                promiscuous: config.promiscuous,
                fanout: (config.fanout > 1).then(|| Fanout {
                    // Unlike those of others, and of our other interfaces.
                    group: Fanout::group_of(std::process::id(), index),
                    members: config.fanout,
                }),
                reopen: Some(Arc::clone(reopen)),
                // One of those that share an interface tells of it.
                tells: member == 0,
                again,
                index,
            };
            sources.push(Live::open(options, Arc::clone(stop))?);
        }
    }
    Ok(sources)
}

/// What is known of the interfaces.
fn interfaces(control: &Control, names: &[String]) -> Vec<InterfaceReport> {
    names.iter().map(|name| interface(control, name)).collect()
}

/// What is known of an interface.
fn interface(control: &Control, name: &str) -> InterfaceReport {
    let state = match control.is_up(name) {
        Ok(true) => LinkState::Up,
        Ok(false) => LinkState::Down,
        // Of all of them together nothing is asked.
        Err(_) if name == "any" => LinkState::Up,
        Err(_) => LinkState::Gone,
    };
    InterfaceReport {
        name: name.to_owned(),
        state,
        offloads: control.offloads(name),
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
