//! One direction only.

use super::{Gathered, Protocol, Sight, Slot, Turn};
use serde::{Deserialize, Serialize};

/// Slots that are judged together at the least.
const SLOTS: u32 = 2;

/// Of the side that is there, how much must come. A tenth of the queries of a broken resolver are
/// answered, a site with a blocked port 25 has some mail server: of so many, more than one in
/// fifty is of the other side wherever that is mirrored.
const LEAST_DNS: u64 = 500;
const LEAST_SMTP: u64 = 200;

/// One in so many may be of the other side: routes that are asymmetric leak a little.
const SHARE: u64 = 50;

/// And not more than so many, whatever the share. A flood, of queries or of replies that nobody
/// asked for, makes any share small; what the hosts do beside it goes on.
const LEAK: u64 = 50;

/// Watches both sides of a protocol.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OneWay {
    protocol: Protocol,
    gathered: Gathered,
    sight: Sight,
}

impl OneWay {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            gathered: Gathered::default(),
            sight: Sight::Unknown,
        }
    }

    /// What was last seen of it.
    pub(super) fn sight(&self) -> Sight {
        self.sight
    }

    pub(super) fn judge(&mut self, slot: &Slot) -> Option<Turn> {
        self.gathered.add(slot);
        let sides = self.protocol.of(&self.gathered.bin);
        let (more, less) = (
            sides.client.max(sides.server),
            sides.client.min(sides.server),
        );
        let least = match self.protocol {
            Protocol::Dns => LEAST_DNS,
            Protocol::Smtp => LEAST_SMTP,
        };
        if self.gathered.slots < SLOTS || more < least {
            return None;
        }
        let sight = if less * SHARE > more || less > LEAK {
            Sight::Both
        } else if sides.client > sides.server {
            Sight::ClientSide
        } else {
            Sight::ServerSide
        };
        let was = std::mem::replace(&mut self.sight, sight);
        let gathered = self.gathered.take();
        let since = gathered.start;
        let window = gathered.window();
        let one_way = |sight| matches!(sight, Sight::ClientSide | Sight::ServerSide);
        let minutes = window.span / 60;
        let (client, server) = (sides.client, sides.server);
        let (asks, answers) = match self.protocol {
            Protocol::Dns => ("DNS queries", "replies"),
            Protocol::Smtp => ("packets of mail clients", "of their servers"),
        };
        let counts = format!("{client} {asks} and {server} {answers} in {minutes} minutes");
        if sight == was {
            None
        } else if one_way(sight) {
            let missing = match (self.protocol, sight) {
                (Protocol::Dns, Sight::ClientSide) => "the replies are not mirrored",
                (Protocol::Dns, _) => "the queries are not mirrored",
                (Protocol::Smtp, Sight::ClientSide) => "the servers' packets are not mirrored",
                (Protocol::Smtp, _) => "the clients' packets are not mirrored",
            };
            Some(Turn::Blind {
                since,
                window,
                reason: format!("{counts}: {missing}."),
            })
        } else {
            one_way(was).then(|| Turn::Recovered {
                window,
                reason: format!("{counts}: both directions are mirrored again."),
            })
        }
    }
}
