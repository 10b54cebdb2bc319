//! Brings batches to the disk, on a thread of its own: whoever writes events must not wait for
//! a disk, since behind it packets are waiting.

use super::index::Batch;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// Batches that may wait. While the disk is slower than that, batches grow.
const WAITING: usize = 4;

/// A batch, and the files that it is about.
pub(super) struct Job {
    pub(super) segment: Arc<File>,
    pub(super) index: Arc<File>,
    pub(super) batch: Batch,
    /// The folder, where the segment is new in it.
    pub(super) folder: Option<File>,
}

/// The thread; it ends when this is dropped, with all that was handed over on the disk.
pub(super) struct Syncer {
    jobs: Option<Sender<Job>>,
    faults: Receiver<io::Error>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, taken) = bounded::<Job>(WAITING);
        // The last fault is enough: they are told and change nothing.
        let (failed, faults) = bounded(1);
        let thread = thread::Builder::new().name("event-log".to_owned());
        let thread = thread.spawn(move || {
            for job in taken {
                if let Err(error) = bring(&job) {
                    let _ = failed.try_send(error);
                }
            }
        })?;
        Ok(Self {
            jobs: Some(jobs),
            faults,
            thread: Some(thread),
        })
    }

    /// Hands a batch over, where there is room; gives it back where there is none.
    pub(super) fn offer(&self, job: Job) -> Result<(), Box<Job>> {
        let Some(jobs) = &self.jobs else {
            return Err(Box::new(job));
        };
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => Box::new(job),
        })
    }

    /// Hands a batch over, and waits for room.
    pub(super) fn hand(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // The thread ends after this one.
            let _ = jobs.send(job);
        }
    }

    /// What went wrong since this was last asked.
    pub(super) fn fault(&self) -> Option<io::Error> {
        self.faults.try_recv().ok()
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The events first, and then the promise that they are there.
fn bring(job: &Job) -> io::Result<()> {
    job.segment.sync_data()?;
    (&*job.index).write_all(job.batch.to_string().as_bytes())?;
    if let Some(folder) = &job.folder {
        folder.sync_all()?;
    }
    Ok(())
}
