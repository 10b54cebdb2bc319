//! A capture thread's lanes to the workers: each host's packets on one of them, marks on all.

use super::batch::{Batch, Mark};
use super::{Behind, HungUp};
use crate::count::shard_of;
use crate::decode::lan::Binding;
use crate::decode::packet::Packet;
use crate::host::HostAddr;
use crossbeam_channel::{Receiver, Sender, TrySendError};

/// The ways to the workers, each with the batch that is being filled.
pub(super) struct Lanes {
    ways: Vec<(Batch, Sender<Batch>)>,
    recycled: Receiver<Batch>,
    behind: Behind,
}

impl Lanes {
    pub(super) fn new(
        to_workers: Vec<Sender<Batch>>,
        recycled: Receiver<Batch>,
        behind: Behind,
    ) -> Self {
        let ways = to_workers
            .into_iter()
            .map(|sender| (Batch::default(), sender))
            .collect();
        Self {
            ways,
            recycled,
            behind,
        }
    }

    /// Puts a packet into its host's lane.
    #[inline]
    pub(super) fn push(
        &mut self,
        host: HostAddr,
        packet: &Packet<'_>,
        late: bool,
    ) -> Result<(), HungUp> {
        let at = shard_of(host) % self.ways.len();
        self.put(at, |batch| batch.push(packet, late))
    }

    /// Puts what was said of an address into that address's lane.
    pub(super) fn bind(&mut self, binding: Binding, late: bool) -> Result<(), HungUp> {
        let at = shard_of(binding.said.addr) % self.ways.len();
        self.put(at, |batch| batch.bind(binding, late))
    }

    /// Puts a mark into every lane.
    pub(super) fn mark(&mut self, mark: Mark) -> Result<(), HungUp> {
        for at in 0..self.ways.len() {
            self.put(at, |batch| batch.mark(mark))?;
        }
        Ok(())
    }

    /// Hands over what there is.
    pub(super) fn flush(&mut self) -> Result<(), HungUp> {
        for at in 0..self.ways.len() {
            if self
                .ways
                .get(at)
                .is_some_and(|(batch, _)| !batch.is_empty())
            {
                self.send(at)?;
            }
        }
        Ok(())
    }

    /// Hands over what there is, and waits where a worker is behind.
    pub(super) fn finish(&mut self) -> Result<(), HungUp> {
        self.behind = Behind::Wait;
        self.flush()
    }

    /// Puts something into a lane's batch, and hands that over when it is full.
    #[inline]
    fn put(&mut self, at: usize, into: impl FnOnce(&mut Batch)) -> Result<(), HungUp> {
        if let Some((batch, _)) = self.ways.get_mut(at) {
            into(batch);
            if batch.is_full() {
                self.send(at)?;
            }
        }
        Ok(())
    }

    /// Hands a batch over and takes a used one in its place. Where the worker is behind, waits,
    /// or throws the packets of a full one away; marks always arrive.
    fn send(&mut self, at: usize) -> Result<(), HungUp> {
        let Some((batch, sender)) = self.ways.get_mut(at) else {
            return Ok(());
        };
        if self.behind == Behind::Wait {
            let empty = self.recycled.try_recv().unwrap_or_default();
            return Ok(sender.send(std::mem::replace(batch, empty))?);
        }
        match sender.try_send(std::mem::take(batch)) {
            Ok(()) => *batch = self.recycled.try_recv().unwrap_or_default(),
            Err(TrySendError::Full(full)) => {
                *batch = full;
                if batch.is_full() {
                    batch.shed();
                }
            }
            Err(TrySendError::Disconnected(_)) => return Err(HungUp),
        }
        Ok(())
    }
}
