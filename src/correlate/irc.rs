//! Chat: the worms of the study's time are led through IRC channels (its outlook).
//!
//! People chat as well, so that this is conduct that convicts nobody; no name of a channel or
//! a server is looked at.

use super::evidence::{Trail, Witness};
use super::fanout::hash;
use super::score::Against;
use super::suspect::DAY;
use super::window::Window;
use crate::count::delta::Server;
use crate::time::Timestamp;
use crate::words::counted;
use serde::{Deserialize, Serialize};

/// Chat servers kept.
const SERVERS: usize = 16;
/// A machine that is registered at one: .1 of bots against .02 of PCs, and nearly no server.
const REGISTERED: Against = Against::each(1.0, 1.6, 1.6);
/// It has joined a channel there.
const JOINED: Against = Against::each(0.7, 0.7, 0.7);

/// Chat servers that a host is registered at.
#[derive(Debug, Serialize, Deserialize)]
pub struct Chat {
    servers: Window,
    joined: Window,
    trail: Trail,
}

impl Default for Chat {
    fn default() -> Self {
        Self {
            servers: Window::new(DAY, SERVERS),
            joined: Window::new(DAY, SERVERS),
            trail: Trail::default(),
        }
    }
}

impl Chat {
    /// Memory beside the struct itself.
    pub(super) fn octets(&self) -> usize {
        self.servers.octets() + self.joined.octets() + self.trail.octets()
    }

    pub(super) fn learn(&mut self, server: Server, joined: bool, witness: Witness) {
        let (key, now) = (hash(server.addr), witness.time);
        if self.servers.touch(key, now).0.is_none() {
            self.trail.note(witness, None);
        }
        if joined {
            self.joined.touch(key, now);
        }
    }

    /// Takes in the servers of another address of the host.
    pub(super) fn merge(&mut self, other: &Self) {
        self.servers.merge(&other.servers);
        self.joined.merge(&other.joined);
        self.trail.merge(&other.trail);
    }

    /// What it weighs that the host is registered.
    pub(super) fn weigh(&self) -> Against {
        match (self.servers.is_empty(), self.joined.is_empty()) {
            (true, _) => Against::default(),
            (false, true) => REGISTERED,
            (false, false) => REGISTERED + JOINED,
        }
    }

    /// Drops what lies more than a day behind `now`.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.servers.expire(now);
        self.joined.expire(now);
        if self.servers.is_empty() {
            self.trail = Trail::default();
        }
    }

    pub(super) fn explain(&self) -> (Trail, String) {
        let joined = match self.joined.len() {
            0 => "",
            _ => " and joined a channel",
        };
        let servers = counted(self.servers.len() as u64, "chat server");
        let text = format!("registered at {servers} (IRC){joined}");
        (self.trail.clone(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Origin;
    use crate::host::HostAddr;

    #[test]
    fn chat_weighs_once_and_little() {
        let mut chat = Chat::default();
        for second in 0..50 {
            let time = Timestamp::from_parts(second, 0);
            let origin = Origin::default();
            let addr = HostAddr::from_v4([198, 51, 100, 7]);
            let server = Server { addr, port: 6667 };
            let witness = Witness { origin, time };
            chat.learn(server, second % 2 == 1, witness);
        }
        assert!((chat.weigh().sender - 2.3).abs() < 1e-9);
        assert_eq!(
            chat.explain().1,
            "registered at 1 chat server (IRC) and joined a channel"
        );
        chat.expire(Timestamp::from_parts(2 * 86_400, 0));
        assert_eq!(chat.weigh(), Against::default());
    }
}
