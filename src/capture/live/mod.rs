//! Frames from an interface, by libpcap (`TPACKET_V3` on Linux): a [`Source`] for each packet
//! socket. Uses [`super::frame`], [`crate::time`] and the kernel through `device`.
//!
//! The wall clock is read here and nowhere else: where nothing arrives, it becomes a time in the
//! stream of packets ([`Input::Time`]), so that seconds close and silence is noticed on a link
//! that is silent. libpcap's own timeout does not return on such a link (the timer of
//! `TPACKET_V3` starts at the first packet), so the socket does not block and is polled.

pub mod device;
mod kernel;

use super::{Fault, Frame, Input, KernelCounts, LinkChange, LinkState, Origin, Progress, Source};
use crate::capture::LinkType;
use crate::time::Timestamp;
use device::{Control, Fanout};
use kernel::Kernel;
use pcap::{Active, Capture, Error, PacketHeader, Precision, Stat};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the kernel keeps a block that is not full, and how long to wait for one, in
/// milliseconds: short beside the two seconds that packets may be late, long beside what a
/// wake-up costs.
const TIMEOUT: i32 = 100;

/// How long the kernel may take until it hands over what it holds.
const PATIENCE: Duration = Duration::from_millis(2 * TIMEOUT.unsigned_abs() as u64);

/// Between two looks at an interface that is not there, or at one that was.
const LOOK: Duration = Duration::from_secs(1);

/// The default of the ring, in octets: at a million packets of 100 octets a second, half a
/// second's. libpcap's own of 2 MiB is full in some milliseconds.
pub const RING: u32 = 64 << 20;

/// The default snap length: above every frame of Ethernet, with offloads too.
pub const SNAPLEN: u32 = 262_144;

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The interface's name; `any` is all of them.
    pub interface: String,
    /// What the kernel lets through of a link whose frames are Ethernet's or alike, in libpcap's
    /// language.
    pub wanted: String,
    /// The same of several interfaces together, whose frames are cooked.
    pub wanted_cooked: String,
    /// The same of a link that carries nothing but IP.
    pub wanted_ip: String,
    /// The ring's size in octets.
    pub ring: u32,
    /// Octets of a frame that are read at most.
    pub snaplen: u32,
    /// Whether frames for other stations are asked for.
    pub promiscuous: bool,
    /// The group of sockets that share the interface's packets, where there are several.
    pub fanout: Option<Fanout>,
    /// Set where a socket has to be opened anew and this process may not, as it should end for
    /// another one that may; `None` where it may itself.
    pub reopen: Option<Arc<AtomicBool>>,
    /// Whether it tells what becomes of the interface.
    pub tells: bool,
    /// Whether an earlier process read it, which ended for this one: that it is read again is told.
    pub again: bool,
    /// The index of this source's name in [`Origin::file`].
    pub index: u32,
}

/// Why an interface cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none of that name.
    #[error("{0}: there is no such interface")]
    Missing(String),
    /// The right to read it is missing.
    #[error(
        "{0}: no right to read packets: run it as root or give it CAP_NET_RAW \
         (setcap cap_net_raw+ep on the program, AmbientCapabilities in a unit)"
    )]
    Permission(String),
    /// Anything else, in libpcap's words.
    #[error("{interface}: {message}")]
    Other {
        /// The interface.
        interface: String,
        /// What libpcap says.
        message: String,
    },
}

/// A packet socket, and what it needs to be one again.
pub struct Live {
    socket: Option<Capture<Active>>,
    state: State,
}

/// All but the socket, from which frames are borrowed.
struct State {
    options: Options,
    stop: Arc<AtomicBool>,
    stopping: Option<Rest>,
    control: Option<Control>,
    link: LinkType,
    /// As it was last told.
    told: LinkState,
    /// The interface that the socket is bound to, by its number.
    bound: Option<u32>,
    next_look: Instant,
    /// Frames until the interface is looked at again; 0 where nothing came.
    until_look: u16,
    /// What is left of an interface that has gone.
    leaving: Option<Rest>,
    kernel: Kernel,
    frames: u64,
    octets: u64,
    faults: Vec<Fault>,
    files: Vec<PathBuf>,
}

/// What was captured before a moment is still read: before the end was asked for, or before the
/// interface was seen to have gone.
struct Rest {
    until: Timestamp,
    /// Until then the kernel may still hand over what it holds.
    patience: Instant,
    is_read: bool,
}

impl Rest {
    fn until_now() -> Self {
        Self {
            until: Timestamp::now(),
            patience: Instant::now() + PATIENCE,
            is_read: false,
        }
    }

    /// A frame of that time came.
    fn came(&mut self, time: Timestamp) {
        self.is_read |= time > self.until;
    }

    /// Nothing came.
    fn idle(&mut self) {
        self.is_read |= Instant::now() >= self.patience;
    }
}

impl Live {
    /// Opens the interface; one that is not there is waited for.
    ///
    /// # Errors
    /// Where the right to read it is missing, or libpcap refuses what was asked.
    pub fn open(options: Options, stop: Arc<AtomicBool>) -> Result<Self, OpenError> {
        let name = options.interface.clone();
        let socket = match open(&options) {
            Ok(socket) => Some(socket),
            Err(OpenError::Missing(_)) => None,
            Err(error) => return Err(error),
        };
        let mut live = Self {
            socket: None,
            state: State {
                options,
                stop,
                stopping: None,
                control: Control::new().ok(),
                link: LinkType::ETHERNET,
                told: LinkState::Gone,
                bound: None,
                next_look: Instant::now() + LOOK,
                until_look: 0,
                leaving: None,
                kernel: Kernel::default(),
                frames: 0,
                octets: 0,
                faults: Vec::new(),
                files: vec![PathBuf::from(name)],
            },
        };
        if let Some(socket) = socket {
            live.bind(socket);
            if !live.state.options.again {
                live.state.told = LinkState::Up;
            }
        }
        Ok(live)
    }

    fn bind(&mut self, (socket, until_now): Opened) {
        let state = &mut self.state;
        state.link = link_type(socket.get_datalink().0);
        state.bound = state.number();
        state.kernel.reopened(until_now);
        self.socket = Some(socket);
    }

    /// Looks what has become of the interface, once a second at the most; what has changed.
    fn look(&mut self) -> Option<LinkChange> {
        let now = Instant::now();
        if now < self.state.next_look {
            return None;
        }
        self.state.next_look = now + LOOK;
        if self.state.options.interface == "any" {
            return None;
        }
        let number = self.state.number();
        if self.socket.is_some() && number != self.state.bound {
            // Gone, or another one of that name: the old socket will never hear of it. What it
            // holds is read before.
            let rest = self.state.leaving.get_or_insert_with(Rest::until_now);
            if !rest.is_read {
                self.state.next_look = Instant::now() + PATIENCE;
                return None;
            }
            self.state.kernel.count(self.socket.as_mut());
            self.socket = None;
            self.state.bound = None;
            self.state.leaving = None;
        }
        // Who is told to end begins nothing.
        if self.socket.is_none() && self.state.stop.load(Ordering::SeqCst) {
            return None;
        }
        if self.socket.is_none()
            && number.is_some()
            && let Some(reopen) = &self.state.options.reopen
        {
            reopen.store(true, Ordering::SeqCst);
            self.state.stop.store(true, Ordering::SeqCst);
            // That it is there again is told by the one that reads it.
            return self.state.changed(LinkState::Gone);
        }
        if self.socket.is_none() && number.is_some() {
            match open(&self.state.options) {
                Ok(socket) => self.bind(socket),
                Err(OpenError::Missing(_)) => {}
                Err(error) => {
                    let path = Path::new(&self.state.options.interface);
                    let fault = Fault::warning(path, error.to_string());
                    self.state.faults.push(fault);
                }
            }
        }
        let now = match (&self.socket, &self.state.control) {
            (None, _) => LinkState::Gone,
            (Some(_), Some(control)) => match control.is_up(&self.state.options.interface) {
                Ok(false) => LinkState::Down,
                Ok(true) | Err(_) => LinkState::Up,
            },
            (Some(_), None) => LinkState::Up,
        };
        self.state.changed(now)
    }
}

impl Source for Live {
    fn next_input(&mut self) -> Option<Input<'_>> {
        if self.state.is_drained(self.socket.as_ref()) {
            return None;
        }
        if self.state.until_look == 0 {
            self.state.until_look = u16::MAX;
            if let Some(change) = self.look() {
                return Some(Input::Link(change));
            }
        }
        let Self { socket, state } = self;
        let Some(socket) = socket else {
            std::thread::sleep(Duration::from_millis(TIMEOUT.unsigned_abs().into()));
            state.idle();
            return Some(Input::Time(Timestamp::now()));
        };
        // Kept aside, since a packet stays borrowed from the socket.
        let number = socket.as_raw_fd();
        match socket.next_packet() {
            Ok(packet) => Some(Input::Frame(state.frame(packet.header, packet.data))),
            Err(error) => {
                state.wait(number, &error);
                Some(Input::Time(Timestamp::now()))
            }
        }
    }

    fn take_faults(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.state.faults)
    }

    fn files(&self) -> &[PathBuf] {
        &self.state.files
    }

    fn progress(&self) -> Progress {
        Progress {
            done: self.state.octets,
            total: 0,
        }
    }

    fn kernel(&mut self) -> Option<KernelCounts> {
        let mut counts = self.state.kernel.count(self.socket.as_mut());
        if !self.state.options.tells {
            // The interface's own drops are told once, and not by each of its sockets.
            counts.if_dropped = 0;
        }
        Some(counts)
    }
}

impl State {
    /// What is to be told of the interface, where it is not as it was told.
    fn changed(&mut self, now: LinkState) -> Option<LinkChange> {
        let is_told = now == self.told || !self.options.tells;
        self.told = now;
        (!is_told).then(|| LinkChange {
            time: Timestamp::now(),
            interface: self.options.interface.clone(),
            state: now,
        })
    }

    fn number(&self) -> Option<u32> {
        let control = self.control.as_ref()?;
        control.number(&self.options.interface)
    }

    /// Whether the end was asked for, and what had come until then is read.
    fn is_drained(&mut self, socket: Option<&Capture<Active>>) -> bool {
        if !self.stop.load(Ordering::Relaxed) {
            return false;
        }
        let stopping = self.stopping.get_or_insert_with(|| {
            // What comes from now on would be received and not read, and the two must add up.
            // Where it cannot be kept away, the end is where it begins.
            if let Some(socket) = socket {
                let _ = device::shut(socket.as_raw_fd());
            }
            Rest::until_now()
        });
        stopping.is_read
    }

    fn frame<'a>(&mut self, header: &PacketHeader, bytes: &'a [u8]) -> Frame<'a> {
        self.frames += 1;
        self.octets += u64::from(header.len);
        self.until_look = self.until_look.saturating_sub(1);
        // With `Precision::Nano` they are nanoseconds, whatever the field is called.
        let time = Timestamp::from_parts(header.ts.tv_sec, header.ts.tv_usec);
        for rest in self.stopping.iter_mut().chain(&mut self.leaving) {
            rest.came(time);
        }
        Frame {
            bytes,
            wire_len: header.len,
            time,
            link: self.link,
            origin: Origin {
                file: self.options.index,
                frame: self.frames,
            },
        }
    }

    /// There is nothing to read now.
    fn idle(&mut self) {
        self.until_look = 0;
        for rest in self.stopping.iter_mut().chain(&mut self.leaving) {
            rest.idle();
        }
    }

    /// Waits for something to read. An interface that is down or gone ends a read with an error,
    /// and is told of when it is looked at.
    fn wait(&mut self, socket: i32, error: &Error) {
        self.idle();
        if *error != Error::TimeoutExpired {
            // What the socket will say again at once is waited for in another way.
            std::thread::sleep(Duration::from_millis(TIMEOUT.unsigned_abs().into()));
        }
        device::wait(socket, TIMEOUT);
    }
}

/// A socket, and what it had counted before it began to count for us.
type Opened = (Capture<Active>, Stat);

/// Opens a socket that does not block.
fn open(options: &Options) -> Result<Opened, OpenError> {
    let named = |error: Error| refused(&options.interface, error);
    let ring = i32::try_from(options.ring).unwrap_or(i32::MAX);
    let snaplen = i32::try_from(options.snaplen).unwrap_or(i32::MAX);
    let inactive = |promiscuous| {
        Ok::<_, OpenError>(
            Capture::from_device(options.interface.as_str())
                .map_err(named)?
                .promisc(promiscuous)
                .snaplen(snaplen)
                .timeout(TIMEOUT)
                .buffer_size(ring)
                .precision(Precision::Nano),
        )
    };
    // Activation can warn, that promiscuous mode is not to be had for one, and the crate takes
    // a warning for a failure.
    let opened = match inactive(options.promiscuous)?.open() {
        Err(error) if options.promiscuous && !is_fatal(&error) => inactive(false)?.open(),
        opened => opened,
    };
    let mut socket = opened.and_then(Capture::setnonblock).map_err(named)?;
    let until_now = begin(&mut socket).map_err(|error| OpenError::Other {
        interface: options.interface.clone(),
        message: format!("cannot begin: {error}"),
    })?;
    if let Some(fanout) = options.fanout {
        let number = socket.as_raw_fd();
        device::join(number, fanout).map_err(|error| OpenError::Other {
            interface: options.interface.clone(),
            message: format!(
                "cannot share its packets among {} threads: {error}",
                fanout.members
            ),
        })?;
    }
    let wanted = match link_type(socket.get_datalink().0) {
        LinkType::RAW => &options.wanted_ip,
        LinkType::LINUX_SLL | LinkType::LINUX_SLL2 => &options.wanted_cooked,
        _ => &options.wanted,
    };
    socket.filter(wanted, true).map_err(named)?;
    Ok((socket, until_now))
}

/// A socket receives from the moment it is bound: everything, as it has no filter yet, and what
/// the others of its group receive too. All of that is thrown away, and nothing let in until the
/// filter is set. What it had counted by then.
fn begin(socket: &mut Capture<Active>) -> Result<Stat, Box<dyn std::error::Error>> {
    let number = socket.as_raw_fd();
    device::shut(number)?;
    let until_now = socket.stats()?;
    let held = until_now.received.wrapping_sub(until_now.dropped);
    // The kernel hands over the last of them when its timer says so.
    let patience = Instant::now() + 5 * PATIENCE;
    let mut read = 0;
    while read < held && Instant::now() < patience {
        match socket.next_packet() {
            Ok(_) => read += 1,
            Err(_) => device::wait(number, TIMEOUT),
        }
    }
    Ok(until_now)
}

/// Whether another try without promiscuous mode is in vain.
fn is_fatal(error: &Error) -> bool {
    let text = error.to_string();
    is_missing(&text) || is_permission(&text)
}

fn is_missing(text: &str) -> bool {
    text.contains("No such device") || text.contains("doesn't exist")
}

fn is_permission(text: &str) -> bool {
    text.contains("permission") || text.contains("not permitted")
}

/// libpcap says what is wrong in words alone.
fn refused(interface: &str, error: Error) -> OpenError {
    let interface = interface.to_owned();
    let message = match error {
        Error::PcapError(message) => message,
        error => error.to_string(),
    };
    if is_missing(&message) {
        OpenError::Missing(interface)
    } else if is_permission(&message) {
        OpenError::Permission(interface)
    } else {
        OpenError::Other { interface, message }
    }
}

/// The number in files of what libpcap calls a data link: raw IP differs.
fn link_type(data_link: i32) -> LinkType {
    match u32::try_from(data_link) {
        Ok(12 | 14) => LinkType::RAW,
        Ok(number) => LinkType(number),
        Err(_) => LinkType(u32::MAX),
    }
}
