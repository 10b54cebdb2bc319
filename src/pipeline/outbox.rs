//! A capture thread's messages to the calling thread, and what is done where it takes none.

use super::keeper::Excerpt;
use super::{Behind, HungUp, Message};
use crossbeam_channel::{Sender, TrySendError};
use std::collections::VecDeque;

/// Octets of packets that wait for room, beyond which those that are asked for are thrown away.
const WAITING: usize = 16 << 20;

/// Messages that wait for room: what comes within half an hour or more. Beyond them the thread
/// waits itself, since nothing that was counted may be thrown away, and the kernel drops and
/// counts the packets that come meanwhile.
const PATIENCE: usize = 4096;

/// The way to the calling thread. Live, what finds no room waits here, as it comes by the second
/// and not by the packet, and packets must not wait: not until [`PATIENCE`] is full.
pub(super) struct Outbox {
    sender: Sender<Message>,
    waiting: VecDeque<Message>,
    behind: Behind,
}

impl Outbox {
    pub(super) fn new(sender: Sender<Message>, behind: Behind) -> Self {
        Self {
            sender,
            waiting: VecDeque::new(),
            behind,
        }
    }

    pub(super) fn send(&mut self, message: Message) -> Result<(), HungUp> {
        if self.behind == Behind::Wait {
            return Ok(self.sender.send(message)?);
        }
        self.waiting.push_back(message);
        self.flush()?;
        while self.waiting.len() > PATIENCE
            && let Some(message) = self.waiting.pop_front()
        {
            self.sender.send(message)?;
        }
        Ok(())
    }

    /// Sends packets that were asked for, or throws them away where many wait already; how many.
    pub(super) fn hand_over(&mut self, excerpt: Excerpt) -> Result<u64, HungUp> {
        let waiting = self.waiting.iter().map(|message| match message {
            Message::Kept(excerpt) => excerpt.size().1,
            _ => 0,
        });
        if waiting.sum::<usize>() >= WAITING {
            return Ok(excerpt.size().0 as u64);
        }
        self.send(Message::Kept(excerpt))?;
        Ok(0)
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn flush(&mut self) -> Result<(), HungUp> {
        while let Some(message) = self.waiting.pop_front() {
            match self.sender.try_send(message) {
                Ok(()) => {}
                Err(TrySendError::Full(message)) => {
                    self.waiting.push_front(message);
                    break;
                }
                Err(TrySendError::Disconnected(_)) => return Err(HungUp),
            }
        }
        Ok(())
    }

    /// Sends what waits, and from now on waits for room.
    pub(super) fn finish(&mut self) -> Result<(), HungUp> {
        self.behind = Behind::Wait;
        for message in self.waiting.drain(..) {
            self.sender.send(message)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn what_waits_for_a_reader_has_a_bound_and_none_of_it_is_lost() {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        let mut outbox = Outbox::new(sender, Behind::Shed { from: 0 });
        let sent = AtomicUsize::new(0);
        let all = i64::try_from(2 * PATIENCE).unwrap();
        std::thread::scope(|scope| {
            let waited = scope.spawn(|| {
                let mut most = 0;
                for through in 0..all {
                    let closed = Message::Closed {
                        worker: 0,
                        through,
                        deltas: Vec::new(),
                    };
                    assert!(outbox.send(closed).is_ok());
                    most = most.max(outbox.waiting.len());
                    sent.fetch_add(1, Ordering::SeqCst);
                }
                assert!(outbox.finish().is_ok());
                drop(outbox);
                most
            });
            while sent.load(Ordering::SeqCst) <= PATIENCE {
                std::thread::yield_now();
            }
            let came = receiver.iter().map(|message| match message {
                Message::Closed { through, .. } => through,
                _ => unreachable!(),
            });
            assert!(came.eq(0..all));
            assert_eq!(waited.join().unwrap(), PATIENCE);
        });
    }
}
