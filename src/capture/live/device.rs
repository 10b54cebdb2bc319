//! What is asked of the kernel about an interface and a packet socket, beside what libpcap does:
//! the only place with system calls that no safe library has (docs/decisions/0016).
#![expect(
    unsafe_code,
    reason = "ioctl(2), setsockopt(2) and poll(2) on a number, each in a function of its own"
)]

use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::net::UnixDatagram;

/// Sockets of one interface that share its packets (`PACKET_FANOUT` of packet(7)): by a hash of
/// addresses and ports that is the same for both directions, with IPv4's fragments put together
/// before, since only the first has ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fanout {
    /// The group's number.
    pub group: u16,
    /// How many sockets it will have.
    pub members: u32,
}

impl Fanout {
    /// A group's number, which all programs of a network namespace share, for an interface of a
    /// process.
    #[must_use]
    pub fn group_of(process: u32, interface: u32) -> u16 {
        // Consecutive numbers of processes and interfaces stay apart.
        let mixed = process.wrapping_mul(0x9e37).wrapping_add(interface);
        u16::try_from(mixed & 0xffff).unwrap_or(0)
    }
}

/// What a driver or the kernel makes of packets before they are captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offload {
    /// Segments are put together by the kernel (GRO).
    GenericReceive,
    /// Segments are put together by the network card (LRO).
    LargeReceive,
    /// This machine's own packets are captured before they are cut into segments (TSO).
    Segmentation,
    /// The checksums of its own packets are captured before they are computed.
    Checksum,
}

impl Offload {
    /// As ethtool(8) calls it on its command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GenericReceive => "gro",
            Self::LargeReceive => "lro",
            Self::Segmentation => "tso",
            Self::Checksum => "tx",
        }
    }
}

/// A socket of no use but for asking about interfaces; it needs no right to.
#[derive(Debug)]
pub struct Control(UnixDatagram);

impl Control {
    /// # Errors
    /// Where no descriptor is left.
    pub fn new() -> io::Result<Self> {
        UnixDatagram::unbound().map(Self)
    }

    /// The number of the interface of that name, where there is one.
    #[must_use]
    pub fn number(&self, interface: &str) -> Option<u32> {
        let mut request = Request::of(interface)?;
        self.ask(libc::SIOCGIFINDEX as Ioctl, &mut request).ok()?;
        // SAFETY: SIOCGIFINDEX fills in this member (netdevice(7)).
        let number = unsafe { request.0.ifr_ifru.ifru_ifindex };
        u32::try_from(number).ok()
    }

    /// Whether the interface is up and has a carrier.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn is_up(&self, interface: &str) -> io::Result<bool> {
        let mut request = Request::of(interface).ok_or(io::ErrorKind::InvalidInput)?;
        self.ask(libc::SIOCGIFFLAGS as Ioctl, &mut request)?;
        // SAFETY: SIOCGIFFLAGS fills in this member (netdevice(7)).
        let flags = i32::from(unsafe { request.0.ifr_ifru.ifru_flags });
        Ok(flags & libc::IFF_UP != 0 && flags & libc::IFF_RUNNING != 0)
    }

    /// The offloads of an interface that are on; none where the driver does not say.
    #[must_use]
    pub fn offloads(&self, interface: &str) -> Vec<Offload> {
        /// `ETHTOOL_GFLAGS` of `linux/ethtool.h`, whose answer has a bit for LRO.
        const GFLAGS: u32 = 0x25;
        const LRO: u32 = 1 << 15;
        /// `ETHTOOL_GGRO`, `ETHTOOL_GTSO` and `ETHTOOL_GTXCSUM`, which answer 0 or 1.
        const ASKED: [(u32, Offload); 3] = [
            (0x2b, Offload::GenericReceive),
            (0x1e, Offload::Segmentation),
            (0x16, Offload::Checksum),
        ];
        let is_on = |(command, offload)| {
            let value = self.ethtool(interface, command)?;
            (value != 0).then_some(offload)
        };
        let mut on: Vec<_> = ASKED.into_iter().filter_map(is_on).collect();
        if self
            .ethtool(interface, GFLAGS)
            .is_some_and(|flags| flags & LRO != 0)
        {
            on.push(Offload::LargeReceive);
        }
        on.sort_unstable();
        on
    }

    /// The answer to a command of ethtool's that has a single number.
    fn ethtool(&self, interface: &str, command: u32) -> Option<u32> {
        /// `SIOCETHTOOL` of `linux/sockios.h`.
        const SIOCETHTOOL: Ioctl = 0x8946;
        /// `struct ethtool_value`.
        #[repr(C)]
        struct Value {
            command: u32,
            data: u32,
        }
        let mut value = Value { command, data: 0 };
        let mut request = Request::of(interface)?;
        request.0.ifr_ifru.ifru_data = (&raw mut value).cast();
        self.ask(SIOCETHTOOL, &mut request).ok()?;
        Some(value.data)
    }

    fn ask(&self, what: Ioctl, request: &mut Request) -> io::Result<()> {
        // SAFETY: each of these calls reads and writes an `ifreq`, which lives through it.
        let answer = unsafe { libc::ioctl(self.0.as_raw_fd(), what, &raw mut request.0) };
        if answer < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// The type of an ioctl's number, which is not the same for all C libraries.
#[cfg(target_env = "musl")]
type Ioctl = libc::c_int;
#[cfg(not(target_env = "musl"))]
type Ioctl = libc::c_ulong;

/// What the kernel is asked about an interface.
struct Request(libc::ifreq);

impl Request {
    /// `None` where no interface can have that name.
    fn of(interface: &str) -> Option<Self> {
        // SAFETY: `ifreq` is numbers and octets, for which 0 is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        // One octet less, so that the name ends with a zero.
        let room = request.ifr_name.len() - 1;
        if interface.is_empty() || interface.len() > room || interface.contains('\0') {
            return None;
        }
        for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
            *to = libc::c_char::from_ne_bytes([from]);
        }
        Some(Self(request))
    }
}

/// The name of this machine; `mxray` where the kernel has none.
#[must_use]
pub fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "mxray" } else { name }.to_owned()
}

/// What libpcap calls itself and its version.
#[must_use]
pub fn libpcap_version() -> String {
    unsafe extern "C" {
        safe fn pcap_lib_version() -> *const libc::c_char;
    }
    // SAFETY: libpcap returns a string that ends with a zero and lasts (pcap_lib_version(3PCAP)).
    let version = unsafe { std::ffi::CStr::from_ptr(pcap_lib_version()) };
    version.to_string_lossy().into_owned()
}

/// Lets a packet socket share its interface's packets with the others of its group.
///
/// # Errors
/// Where the kernel refuses, as it does a group that others formed in another way.
pub fn join(socket: RawFd, fanout: Fanout) -> io::Result<()> {
    let mode = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_DEFRAG;
    let value = i32::from(fanout.group) | mode.cast_signed() << 16;
    let size = libc::socklen_t::try_from(size_of_val(&value)).unwrap_or(0);
    // SAFETY: the option takes an int, of which address and size are given.
    let answer = unsafe {
        let value = (&raw const value).cast();
        libc::setsockopt(socket, libc::SOL_PACKET, libc::PACKET_FANOUT, value, size)
    };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Lets nothing more into a packet socket, until libpcap sets another filter.
///
/// # Errors
/// Where the kernel has no filters.
pub(super) fn shut(socket: RawFd) -> io::Result<()> {
    let mut nothing = libc::sock_filter {
        code: 0x06, // BPF_RET | BPF_K of linux/filter.h: so many octets of it.
        jt: 0,
        jf: 0,
        k: 0,
    };
    let program = libc::sock_fprog {
        len: 1,
        filter: &raw mut nothing,
    };
    let size = libc::socklen_t::try_from(size_of_val(&program)).unwrap_or(0);
    // SAFETY: the option takes a program, of which address and size are given, and the kernel
    // copies its one instruction.
    let answer = unsafe {
        let program = (&raw const program).cast();
        libc::setsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            program,
            size,
        )
    };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Waits until the socket has something to say, at most so many milliseconds.
pub(super) fn wait(socket: RawFd, milliseconds: i32) {
    let mut entry = libc::pollfd {
        fd: socket,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one entry is given, and it lives through the call. A signal or an error ends it
    // sooner, which is all the same.
    unsafe { libc::poll(&raw mut entry, 1, milliseconds) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_there_and_others_are_not() {
        let control = Control::new().unwrap();
        assert!(control.number("lo").is_some_and(|number| number > 0));
        assert!(control.is_up("lo").is_ok());
        for name in ["", "no-such-if", "a-name-that-is-too-long", "l\0"] {
            assert_eq!(control.number(name), None, "{name:?}");
            assert_eq!(control.offloads(name), []);
        }
    }
}
