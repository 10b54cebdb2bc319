//! Sends frames on an interface: many with one call, which is as fast as a link between two
//! interfaces of one machine goes.
#![expect(
    unsafe_code,
    reason = "sendmmsg(2) on a packet socket, for which no library is at hand"
)]

use std::ffi::CString;
use std::io::{self, Error};
use std::net::UdpSocket;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, mem, ptr, thread};

/// Frames of one call.
const AT_ONCE: usize = 64;

/// Keeps frames in a file, each behind its length.
pub(crate) fn store(frames: &[Vec<u8>], file: &Path) -> io::Result<()> {
    let mut octets = Vec::new();
    for frame in frames {
        let length = u32::try_from(frame.len()).map_err(Error::other)?;
        octets.extend_from_slice(&length.to_le_bytes());
        octets.extend_from_slice(frame);
    }
    fs::write(file, octets)
}

/// Sends the frames of the file so many times over, `rate` a second; 0 is as fast as it goes.
pub(crate) fn send(interface: &str, times: u64, rate: u32, file: &Path) -> io::Result<u32> {
    let octets = fs::read(file)?;
    let frames = split(&octets);
    let socket = socket(interface)?;
    let begin = Instant::now();
    let mut sent = 0_u32;
    for _ in 0..times {
        for batch in frames.chunks(AT_ONCE) {
            if rate > 0 {
                let due = Duration::from_secs_f64(f64::from(sent) / f64::from(rate));
                thread::sleep(due.saturating_sub(begin.elapsed()));
            }
            send_all(&socket, batch)?;
            sent += u32::try_from(batch.len()).map_err(Error::other)?;
        }
    }
    Ok(sent)
}

fn split(octets: &[u8]) -> Vec<&[u8]> {
    let mut rest = octets;
    let mut frames = Vec::new();
    while let Some((length, tail)) = rest.split_first_chunk() {
        let (frame, tail) = tail.split_at(u32::from_le_bytes(*length) as usize);
        frames.push(frame);
        rest = tail;
    }
    frames
}

/// A packet socket that receives nothing.
fn socket(interface: &str) -> io::Result<OwnedFd> {
    // SAFETY: it takes numbers alone.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: the descriptor is new, and nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let name = CString::new(interface)?;
    // SAFETY: the name ends with a zero and lives through the call.
    let number = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if number == 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: an address is numbers and octets, for which 0 is a value.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).map_err(Error::other)?;
    address.sll_ifindex = number.cast_signed();
    let size = libc::socklen_t::try_from(size_of_val(&address)).map_err(Error::other)?;
    // SAFETY: the address's place and size are given.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size) };
    if bound < 0 {
        return Err(Error::last_os_error());
    }
    Ok(socket)
}

fn send_all(socket: &OwnedFd, frames: &[&[u8]]) -> io::Result<()> {
    let mut parts: Vec<_> = frames
        .iter()
        .map(|frame| libc::iovec {
            iov_base: frame.as_ptr().cast_mut().cast(),
            iov_len: frame.len(),
        })
        .collect();
    let messages = parts.iter_mut().map(|part| {
        // SAFETY: a header is numbers and pointers that may be null.
        let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
        header.msg_hdr.msg_iov = ptr::from_mut(part);
        header.msg_hdr.msg_iovlen = 1;
        header
    });
    let mut messages: Vec<_> = messages.collect();
    let mut rest = messages.as_mut_slice();
    while !rest.is_empty() {
        let count = libc::c_uint::try_from(rest.len()).map_err(Error::other)?;
        // SAFETY: so many headers are given, and what they point to lives as long as `parts`
        // and `frames`.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), count, 0) };
        let Ok(sent) = usize::try_from(sent) else {
            let error = Error::last_os_error();
            if error.raw_os_error() != Some(libc::ENOBUFS) {
                return Err(error);
            }
            // The other end's queue is full, and the packet was not taken.
            thread::yield_now();
            continue;
        };
        rest = rest.get_mut(sent..).unwrap_or_default();
    }
    Ok(())
}

/// A socket that asks for the time of each packet, held open: while there is one, the kernel
/// stamps a packet once, when it arrives, and all that read it get the same time.
pub(crate) fn stamped() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let on: libc::c_int = 1;
    let size = libc::socklen_t::try_from(size_of_val(&on)).map_err(Error::other)?;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS);
    // SAFETY: the option takes an int, of which address and size are given.
    let set = unsafe {
        let on = (&raw const on).cast();
        libc::setsockopt(socket.as_raw_fd(), level, option, on, size)
    };
    if set < 0 {
        return Err(Error::last_os_error());
    }
    Ok(socket)
}
