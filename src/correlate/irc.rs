//! Chat: the worms of the study's time are led through IRC channels (its outlook).
//!
//! People chat as well, so that this is conduct that convicts nobody; no name of a channel or
//! a server is looked at.

use super::evidence::{Family, Trail, Witness};
use super::fanout::hash;
use super::score::{Against, Score};
use super::suspect::DAY;
use super::window::Window;
use crate::count::delta::Server;
use crate::words::counted;

/// Chat servers kept.
const SERVERS: usize = 16;
/// A machine that is registered at one: .1 of bots against .02 of PCs, and nearly no server.
const REGISTERED: Against = Against::each(1.0, 1.6, 1.6);
/// It has joined a channel there.
const JOINED: Against = Against::each(0.7, 0.7, 0.7);

/// Chat servers that a host is registered at.
#[derive(Debug)]
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
    pub(super) fn learn(
        &mut self,
        server: Server,
        joined: bool,
        score: &mut Score,
        witness: Witness,
    ) {
        let (key, now) = (hash(server.addr), witness.time);
        if self.servers.touch(key, now).0.is_none() {
            self.trail.note(witness, None);
            // The first one tells what there is to tell.
            if self.servers.len() == 1 {
                score.add(Family::Irc, REGISTERED, now);
            }
        }
        if joined && self.joined.touch(key, now).0.is_none() && self.joined.len() == 1 {
            score.add(Family::Irc, JOINED, now);
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
    use crate::time::Timestamp;

    #[test]
    fn chat_weighs_once_and_little() {
        let (mut chat, mut score) = (Chat::default(), Score::default());
        for second in 0..50 {
            let time = Timestamp::from_parts(second, 0);
            let origin = Origin::default();
            let addr = HostAddr::from_v4([198, 51, 100, 7]);
            let server = Server { addr, port: 6667 };
            let witness = Witness { origin, time };
            chat.learn(server, second % 2 == 1, &mut score, witness);
        }
        assert!((score.of(Family::Irc).sender - 2.3).abs() < 0.05);
        assert_eq!(
            chat.explain().1,
            "registered at 1 chat server (IRC) and joined a channel"
        );
    }
}
