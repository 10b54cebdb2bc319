//! Which connection a packet belongs to, and which are forgotten for others.

use super::early::Early;
use super::slot::{Attempt, Slot, State};
use super::stream::Stream;
use super::{Connection, Connections, GENERATIONS, Listener, Moment, Sent};
use crate::decode::observation::{IRC_IN_TLS, Service};
use crate::decode::packet::Segment;
use crate::decode::smtp::Side;
use crate::time::Timestamp;
use foldhash::fast::RandomState;
use std::hash::BuildHasher as _;

/// Where the index has a connection: by its ends, and where a newer attempt has these, by the
/// initial number as well.
fn key(hasher: &RandomState, slot: &Slot) -> u64 {
    match slot.initial {
        Some(initial) if slot.replaced => hasher.hash_one((slot.connection(), initial)),
        _ => hasher.hash_one(slot.connection()),
    }
}

impl Connections {
    pub(super) fn slot(&self, at: u32) -> Option<&Slot> {
        self.slots.get(at as usize)
    }

    /// The newest attempt between these ends.
    fn newest(&self, connection: &Connection) -> Option<u32> {
        let hash = self.hasher.hash_one(connection);
        let is = |slot: &Slot| !slot.replaced && slot.connection() == *connection;
        let found = self.index.find(hash, |&at| self.slot(at).is_some_and(is))?;
        Some(*found)
    }

    /// The attempt between these ends with that initial number, of which there is a newer one.
    fn older(&self, connection: &Connection, initial: u32) -> Option<u32> {
        if self.replaced == 0 {
            return None;
        }
        let hash = self.hasher.hash_one((connection, initial));
        let is = |slot: &Slot| {
            slot.replaced && slot.initial == Some(initial) && slot.connection() == *connection
        };
        let found = self.index.find(hash, |&at| self.slot(at).is_some_and(is))?;
        Some(*found)
    }

    /// The place of the packet's connection; a new one where it begins one or belongs to one
    /// that is not known and says something. None where it is nobody's.
    pub(super) fn place(
        &mut self,
        connection: &Connection,
        sent: &Sent<'_>,
        out: &mut Listener<'_>,
    ) -> Option<u32> {
        let segment = sent.segment;
        let (syn, reset) = (segment.has(Segment::SYN), segment.has(Segment::RST));
        let begins = syn && !reset;
        let initial = match sent.side {
            Side::Client => segment.seq,
            // What the server acknowledges is the SYN.
            Side::Server => segment.ack.wrapping_sub(1),
        };
        let newest = self.newest(connection);
        let slot = newest.and_then(|at| self.slot(at));
        let same = slot.is_some_and(|slot| slot.initial == Some(initial));
        let refuses = sent.side == Side::Server && reset && segment.has(Segment::ACK);
        if !same
            && (begins || refuses)
            && let Some(at) = self.older(connection, initial)
        {
            if begins && sent.side == Side::Server {
                self.recall(at, newest, &sent.moment, out);
            }
            return Some(at);
        }
        if let Some((at, slot)) = newest.zip(slot) {
            if !begins || same {
                let ours = slot.may_have(sent);
                self.counts.segments.out_of_window += u64::from(!ours && !sent.payload.is_empty());
                return ours.then_some(at);
            }
            if slot.attempt == Attempt::Unseen
                && let Some(held) = &slot.held
                && held
                    .iter()
                    .all(|early: &Early| early.sent().follows(initial))
            {
                // They overtook it.
                return Some(at);
            }
            // An answer to another SYN than the newest is old, unless that one is over.
            if sent.side == Side::Server && !slot.is_over() {
                return None;
            }
            self.replace(at, &sent.moment, out);
        } else if sent.payload.is_empty() && !begins && !reset && !segment.has(Segment::FIN) {
            return None;
        }
        // Of a chat only the beginning is of use.
        if !begins && connection.service == Service::Irc {
            return None;
        }
        self.insert(Slot::new(connection, self.generation, &sent.moment))
    }

    fn insert(&mut self, slot: Slot) -> Option<u32> {
        let at = if let Some(at) = self.free.pop() {
            *self.slots.get_mut(at as usize)? = slot;
            at
        } else {
            // Four thousand million connections do not fit in memory either.
            let at = u32::try_from(self.slots.len()).ok()?;
            self.slots.push(slot);
            at
        };
        self.enter(at);
        self.opening.push(&mut self.slots, at);
        Some(at)
    }

    /// Puts a connection into the index.
    pub(super) fn enter(&mut self, at: u32) {
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash = |&at: &u32| slots.get(at as usize).map_or(0, |slot| key(hasher, slot));
        self.index.insert_unique(hash(&at), at, hash);
    }

    /// Takes a connection out of the index.
    fn leave(&mut self, at: u32) {
        let hash = self.slot(at).map_or(0, |slot| key(&self.hasher, slot));
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == at) {
            entry.remove();
        }
    }

    /// Another attempt takes over a connection's ends. One that waits for its answer stays
    /// known; the others have said all.
    fn replace(&mut self, at: u32, moment: &Moment, out: &mut Listener<'_>) {
        let connection = self.slot(at).map(Slot::connection);
        self.release(at, out);
        if connection.and_then(|connection| self.newest(&connection)) != Some(at) {
            return;
        }
        self.end(at, false, moment, out);
        if self.slot(at).is_some_and(Slot::is_open) {
            self.mark(at, true);
        } else {
            self.remove(at);
        }
    }

    /// An older attempt is answered after all: its packets are those that follow, unless the
    /// newer one was answered too.
    fn recall(&mut self, at: u32, newest: Option<u32>, moment: &Moment, out: &mut Listener<'_>) {
        let Some(slot) = self.slot(at) else {
            return;
        };
        let (open, began) = (slot.is_open(), slot.began);
        let newer = newest.and_then(|newest| self.slot(newest));
        let stays = newer.is_some_and(|slot| slot.stream.is_some() && slot.began >= began);
        if open && !stays {
            if let Some(newest) = newest {
                self.replace(newest, moment, out);
            }
            self.mark(at, false);
        }
    }

    fn mark(&mut self, at: u32, replaced: bool) {
        self.leave(at);
        if let Some(slot) = self.slots.get_mut(at as usize) {
            self.replaced -= usize::from(slot.replaced);
            slot.replaced = replaced;
            self.replaced += usize::from(replaced);
        }
        self.enter(at);
    }

    pub(super) fn touch(&mut self, at: u32, time: Timestamp) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        // What is over is kept for so long after it was: its list stays in order.
        if !slot.is_over() {
            slot.last = slot.last.max(time);
        }
        if slot.state == State::Live {
            self.unlink(at);
            self.link(at, State::Live);
        }
    }

    /// Follows the octets of a connection from now on.
    pub(super) fn follow(&mut self, at: u32, moment: &Moment, out: &mut Listener<'_>) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        if slot.stream.is_some() {
            return;
        }
        let from_start = slot.attempt != Attempt::Unseen;
        let mut stream = match slot.service {
            Service::Dns => Stream::dns(from_start),
            Service::Irc => Stream::irc(slot.connection().port == IRC_IN_TLS),
            _ => Stream::smtp(from_start),
        };
        if let Some(initial) = slot.initial {
            let first = initial.wrapping_add(1);
            match slot.attempt {
                Attempt::Unseen => {}
                Attempt::Doubtful(of_server) => {
                    stream.begin(Side::Client, first, false);
                    stream.begin(Side::Server, of_server, true);
                }
                Attempt::Said(_) => stream.begin(Side::Client, first, true),
            }
        }
        slot.last = slot.last.max(moment.time);
        slot.stream = Some(Box::new(stream));
        self.unlink(at);
        self.link(at, State::Live);
        if self.live.len() > self.limits.streams
            && let Some(eldest) = self.live.first()
        {
            self.evict(eldest, moment, out);
        }
    }

    /// Puts a connection among those that are over. Who counts beginnings has not counted
    /// those that had none, so that they have a bound of their own.
    pub(super) fn settle(&mut self, at: u32) {
        let Some(slot) = self.slots.get_mut(at as usize) else {
            return;
        };
        slot.generation = self.generation;
        let stray = slot.attempt == Attempt::Unseen;
        self.unlink(at);
        self.link(at, if stray { State::Stray } else { State::Done });
        if self.strays.len() > self.limits.streams
            && let Some(eldest) = self.strays.first()
        {
            self.remove(eldest);
        }
    }

    /// Takes a connection out of its list.
    fn unlink(&mut self, at: u32) {
        match self.slot(at).map(|slot| slot.state) {
            Some(State::Opening) => self.opening.remove(&mut self.slots, at),
            Some(State::Live) => self.live.remove(&mut self.slots, at),
            Some(State::Done) => self.done.remove(&mut self.slots, at),
            Some(State::Stray) => self.strays.remove(&mut self.slots, at),
            None => {}
        }
    }

    /// Puts a connection that is in no list at the end of one.
    pub(super) fn link(&mut self, at: u32, state: State) {
        if let Some(slot) = self.slots.get_mut(at as usize) {
            slot.state = state;
        }
        match state {
            State::Opening => self.opening.push(&mut self.slots, at),
            State::Live => self.live.push(&mut self.slots, at),
            State::Done => self.done.push(&mut self.slots, at),
            State::Stray => self.strays.push(&mut self.slots, at),
        }
    }

    /// Forgets a connection that says nothing any more.
    pub(super) fn remove(&mut self, at: u32) {
        self.take_held(at);
        self.unlink(at);
        self.leave(at);
        if let Some(slot) = self.slots.get_mut(at as usize) {
            self.replaced -= usize::from(std::mem::take(&mut slot.replaced));
        }
        self.free.push(at);
    }

    /// Forgets quiet connections that began more than [`GENERATIONS`] calls ago. Called each
    /// time that the bound's part of connections has begun, whichever table they are in, it
    /// bounds the sum.
    pub fn forget(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        let now = self.generation;
        for state in [State::Opening, State::Done] {
            loop {
                let list = if state == State::Opening {
                    &self.opening
                } else {
                    &self.done
                };
                let Some(at) = list.first() else { break };
                // Nothing gets so old that the number's going round matters.
                let age = |slot: &Slot| u32::from(now.wrapping_sub(slot.generation));
                if self.slot(at).is_none_or(|slot| age(slot) <= GENERATIONS) {
                    break;
                }
                // The one that is over has said everything.
                self.counts.evicted += u64::from(state == State::Opening);
                self.remove(at);
            }
        }
    }
}
