//! The mail servers that a host turned to, and what became of that.

use crate::count::delta::{Fact, Outcome, Server, What};
use std::collections::BTreeMap;

/// Servers that are told apart.
pub const SERVERS: usize = 4_096;

/// What became of a host's connections to a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connections begun.
    pub attempts: u64,
    /// Those that the server answered.
    pub established: u64,
    /// Those that it refused.
    pub refused: u64,
    /// Those that nobody answered within 30 s; one that was answered later counts twice, as in the
    /// events.
    pub unanswered: u64,
    /// Messages that it accepted.
    pub accepted: u64,
    /// Times that it refused the host's mail.
    pub rejected: u64,
}

/// The mail servers of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    servers: BTreeMap<Server, Tally>,
    /// Connections to servers beyond those that are told apart.
    omitted: u64,
}

impl Peers {
    /// Takes in what was observed of the host.
    pub fn learn(&mut self, fact: &Fact) {
        match fact.what {
            What::Attempt(server) => {
                if self.servers.len() < SERVERS || self.servers.contains_key(&server) {
                    self.servers.entry(server).or_default().attempts += 1;
                } else {
                    self.omitted += 1;
                }
            }
            What::Outcome(server, outcome) => self.tally(server, |tally| {
                *match outcome {
                    Outcome::Established => &mut tally.established,
                    Outcome::Refused => &mut tally.refused,
                    Outcome::Unanswered => &mut tally.unanswered,
                } += 1;
            }),
            What::Message {
                server,
                accepted: true,
            } => self.tally(server, |tally| tally.accepted += 1),
            What::Refusal { server, .. } => self.tally(server, |tally| tally.rejected += 1),
            _ => {}
        }
    }

    /// The servers turned to most often first.
    #[must_use]
    pub fn by_attempts(&self) -> Vec<(Server, Tally)> {
        let mut servers: Vec<_> = self.servers.iter().map(|(at, of)| (*at, *of)).collect();
        servers.sort_by_key(|(server, tally)| (std::cmp::Reverse(tally.attempts), *server));
        servers
    }

    /// Connections to servers that are not told apart.
    #[must_use]
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    fn tally(&mut self, server: Server, count: impl FnOnce(&mut Tally)) {
        if let Some(tally) = self.servers.get_mut(&server) {
            count(tally);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Origin;
    use crate::host::HostAddr;
    use crate::time::Timestamp;

    fn server(last: u16) -> Server {
        let [high, low] = last.to_be_bytes();
        Server {
            addr: HostAddr::from_v4([198, 51, high, low]),
            port: 25,
        }
    }

    fn learn(peers: &mut Peers, what: What) {
        peers.learn(&Fact {
            host: HostAddr::from_v4([192, 0, 2, 1]),
            time: Timestamp::default(),
            origin: Origin::default(),
            packet_time: Timestamp::default(),
            what,
        });
    }

    #[test]
    fn every_attempt_is_counted_once() {
        let mut peers = Peers::default();
        for last in 0..5_000 {
            learn(&mut peers, What::Attempt(server(last)));
        }
        learn(&mut peers, What::Attempt(server(7)));
        learn(&mut peers, What::Outcome(server(7), Outcome::Unanswered));
        learn(&mut peers, What::Outcome(server(7), Outcome::Unanswered));
        learn(&mut peers, What::Outcome(server(7), Outcome::Established));
        let told = peers.by_attempts();
        assert_eq!((told.len(), peers.omitted()), (SERVERS, 5_000 - 4_096));
        let (first, tally) = told[0];
        assert_eq!(first, server(7));
        assert_eq!(
            (tally.attempts, tally.established, tally.unanswered),
            (2, 1, 2)
        );
    }
}
