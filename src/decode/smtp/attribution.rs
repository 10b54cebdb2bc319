//! Which command a reply answers: replies come in the order of the commands (RFC 5321
//! section 4.1, RFC 2920).

use super::Verb;
use std::collections::VecDeque;

/// Commands that wait for their replies. No client has so many on the way; one that is seen
/// alone never gets any.
pub(super) const MAX_OUTSTANDING: usize = 128;
/// Replies that were captured before their commands, at most.
const MAX_AHEAD: u8 = 4;

/// The commands that were not answered yet.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    queue: VecDeque<Verb>,
    /// Commands or replies were missed, and so it is not known which reply is whose. Then the
    /// queue holds no more than the last command, if the client waited before it sent that:
    /// the next reply is to it, unless something is missed again.
    lost: bool,
    /// So many replies came before the commands that they answer: a capture may have the two
    /// directions slightly out of order.
    ahead: u8,
}

impl Outstanding {
    /// A command. `waited`: this client waits for its replies, so that all before it must have
    /// been answered. Whether its own reply has been seen already.
    pub(super) fn command(&mut self, verb: Verb, waited: bool) -> bool {
        if self.lost {
            self.queue.clear();
            if waited {
                self.queue.push_back(verb);
            }
            return false;
        }
        if let Some(ahead) = self.ahead.checked_sub(1) {
            self.ahead = ahead;
            return true;
        }
        if self.queue.len() == MAX_OUTSTANDING {
            self.lose();
            return false;
        }
        self.queue.push_back(verb);
        false
    }

    /// A reply to the command that waits longest.
    pub(super) fn answer(&mut self) -> Option<Verb> {
        let verb = self.queue.pop_front();
        self.lost &= verb.is_none();
        verb
    }

    /// A reply that can only be to such a command; whether one was waiting.
    pub(super) fn answer_to(&mut self, verb: Verb) -> bool {
        let place = self.queue.iter().position(|waiting| *waiting == verb);
        self.queue.drain(..place.map_or(0, |place| place + 1));
        self.lost &= place.is_none();
        place.is_some()
    }

    /// A reply whose command is still to come.
    pub(super) fn ahead(&mut self) {
        self.ahead = (self.ahead + 1).min(MAX_AHEAD);
    }

    /// It is not known any more what has been answered.
    pub(super) fn lose(&mut self) {
        self.queue.clear();
        self.ahead = 0;
        self.lost = true;
    }

    /// The same, but that the next reply is to the one command that waits.
    pub(super) fn lose_all_but_one(&mut self) {
        match self.queue.len() {
            1 => self.lost = true,
            _ => self.lose(),
        }
    }

    /// All that was sent has been answered.
    pub(super) fn settle(&mut self) {
        self.queue.clear();
        self.lost = false;
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    pub(super) fn next(&self) -> Option<Verb> {
        self.queue.front().copied()
    }

    pub(super) fn holds(&self, verb: Verb) -> bool {
        self.queue.contains(&verb)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}
