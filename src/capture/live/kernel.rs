//! What the kernel counts, from numbers of 32 bits that begin anew with every socket.

use super::KernelCounts;
use pcap::{Active, Capture, Stat};

/// Adds up what one socket after the other says.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    total: KernelCounts,
    last: Stat32,
}

/// As libpcap tells them. `received` includes `dropped`.
#[derive(Clone, Copy, Debug, Default)]
struct Stat32 {
    received: u32,
    dropped: u32,
    if_dropped: u32,
}

impl From<Stat> for Stat32 {
    fn from(stat: Stat) -> Self {
        Self {
            received: stat.received,
            dropped: stat.dropped,
            if_dropped: stat.if_dropped,
        }
    }
}

impl Kernel {
    /// Another socket counts, and what it has counted until now is not for us.
    pub(super) fn reopened(&mut self, until_now: Stat) {
        self.last = until_now.into();
    }

    /// Asks the socket, where there is one; what all of them counted.
    pub(super) fn count(&mut self, socket: Option<&mut Capture<Active>>) -> KernelCounts {
        if let Some(Ok(stat)) = socket.map(Capture::stats) {
            self.add(stat.into());
        }
        self.total
    }

    fn add(&mut self, now: Stat32) {
        let more = |now: u32, last: u32| u64::from(now.wrapping_sub(last));
        self.total.add(KernelCounts {
            received: more(now.received, self.last.received),
            dropped: more(now.dropped, self.last.dropped),
            if_dropped: more(now.if_dropped, self.last.if_dropped),
        });
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_wrap_and_sockets_that_change() {
        let mut kernel = Kernel::default();
        let stat = |received, dropped| Stat32 {
            received,
            dropped,
            if_dropped: 0,
        };
        kernel.add(stat(u32::MAX, 7));
        kernel.add(stat(9, 8));
        assert_eq!(kernel.total.received, u64::from(u32::MAX) + 10);
        assert_eq!(kernel.total.dropped, 8);
        kernel.reopened(Stat {
            received: 2,
            dropped: 0,
            if_dropped: 0,
        });
        kernel.add(stat(7, 5));
        assert_eq!(kernel.total.received, u64::from(u32::MAX) + 15);
        assert_eq!(kernel.total.dropped, 13);
    }
}
