//! Doubly linked lists through the slots of a table: an entry moves from one to another, or
//! to the end of its own, without a search.

use super::Slot;

/// The neighbours of an entry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Links {
    before: Option<u32>,
    behind: Option<u32>,
}

impl Links {
    /// The entry behind.
    pub(super) fn next(self) -> Option<u32> {
        self.behind
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
                before: self.last,
                behind: None,
            };
        }
        match self.last {
            Some(last) => behind(slots, last, Some(at)),
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
        match links.before {
            Some(entry) => behind(slots, entry, links.behind),
            None => self.first = links.behind,
        }
        match links.behind {
            Some(entry) => {
                if let Some(slot) = slots.get_mut(entry as usize) {
                    slot.links.before = links.before;
                }
            }
            None => self.last = links.before,
        }
        self.len -= 1;
    }
}

fn behind(slots: &mut [Slot], at: u32, entry: Option<u32>) {
    if let Some(slot) = slots.get_mut(at as usize) {
        slot.links.behind = entry;
    }
}
