//! Doubly linked lists through the slots of a table: an entry moves from one to another, or
//! to the end of its own, without a search.

use super::Slot;

/// The place of an entry that is none.
const NONE: u32 = u32::MAX;

/// The neighbours of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    before: u32,
    behind: u32,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            before: NONE,
            behind: NONE,
        }
    }
}

impl Links {
    /// The entry behind.
    pub(super) fn next(self) -> Option<u32> {
        (self.behind != NONE).then_some(self.behind)
    }

    fn previous(self) -> Option<u32> {
        (self.before != NONE).then_some(self.before)
    }
}

/// A list; an entry stands in one at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct List {
    first: Option<u32>,
    last: Option<u32>,
    len: usize,
}

impl List {
    pub(super) fn first(&self) -> Option<u32> {
        self.first
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Puts an entry that is in no list at the end.
    pub(super) fn push(&mut self, slots: &mut [Slot], at: u32) {
        if let Some(slot) = slots.get_mut(at as usize) {
            slot.links = Links {
                before: self.last.unwrap_or(NONE),
                behind: NONE,
            };
        }
        match self.last {
            Some(last) => behind(slots, last, at),
            None => self.first = Some(at),
        }
        self.last = Some(at);
        self.len += 1;
    }

    /// Takes out an entry of this list.
    pub(super) fn remove(&mut self, slots: &mut [Slot], at: u32) {
        let Some(slot) = slots.get_mut(at as usize) else {
            return;
        };
        let links = std::mem::take(&mut slot.links);
        match links.previous() {
            Some(entry) => behind(slots, entry, links.behind),
            None => self.first = links.next(),
        }
        match links.next() {
            Some(entry) => {
                if let Some(slot) = slots.get_mut(entry as usize) {
                    slot.links.before = links.before;
                }
            }
            None => self.last = links.previous(),
        }
        self.len -= 1;
    }
}

fn behind(slots: &mut [Slot], at: u32, entry: u32) {
    if let Some(slot) = slots.get_mut(at as usize) {
        slot.links.behind = entry;
    }
}
