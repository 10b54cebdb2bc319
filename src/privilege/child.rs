//! What the child knows of its launcher, and how its state outlives it.

use super::launcher::{LAUNCHER, STOP};
use caps::{CapSet, Capability};
use nix::sys::signal::Signal;
use nix::unistd::getppid;
use std::env;
use std::fs::File;
use std::io::{self, Seek as _};
use std::os::fd::AsFd as _;

/// A process that [`launch`](super::launch) started.
#[derive(Debug)]
pub struct Child {
    /// Memory that the launcher holds and every child of its has as standard input.
    state: File,
    stop: bool,
}

impl Child {
    /// What this process is to its launcher; `None` where it has none.
    ///
    /// From here on the process gets SIGTERM when the launcher ends, and `CAP_NET_RAW` is in
    /// effect if it is permitted. To be called first of all, but after the signals are
    /// caught: a signal that comes before ends the process.
    ///
    /// # Errors
    /// The launcher has ended already, or the system refuses a step.
    pub fn begin() -> io::Result<Option<Self>> {
        let Some(launcher) = env::var_os(LAUNCHER) else {
            return Ok(None);
        };
        nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?;
        // It may have ended before that.
        if launcher.to_str() != Some(&getppid().to_string()) {
            return Err(io::Error::other(
                "the process that started this one has ended",
            ));
        }
        // Else tools show the name under which it was executed, `exe`.
        nix::sys::prctl::set_name(c"mxray-capture")?;
        // A program file may permit it without putting it into effect.
        if caps::has_cap(None, CapSet::Permitted, Capability::CAP_NET_RAW).unwrap_or(false) {
            caps::raise(None, CapSet::Effective, Capability::CAP_NET_RAW)
                .map_err(io::Error::other)?;
        }
        Ok(Some(Self {
            state: io::stdin().as_fd().try_clone_to_owned()?.into(),
            stop: env::var_os(STOP).is_some(),
        }))
    }

    /// Whether SIGINT or SIGTERM came between the former child and this one: it takes the
    /// state over, drains it and ends.
    #[must_use]
    pub fn stops_at_once(&self) -> bool {
        self.stop
    }

    /// Whether a former child left its state for this one.
    ///
    /// # Errors
    /// The memory cannot be used.
    pub fn is_successor(&self) -> io::Result<bool> {
        Ok(self.state.metadata()?.len() > 0)
    }

    /// Hands what the former child left to `read`, and frees its memory; `None` where nothing
    /// is left. The former child read packets: to be called after [`confine`](super::confine).
    ///
    /// # Errors
    /// The memory cannot be used. What `read` cannot read is for `T` to say.
    pub fn take_state<T>(&mut self, read: impl FnOnce(&mut File) -> T) -> io::Result<Option<T>> {
        if !self.is_successor()? {
            return Ok(None);
        }
        self.state.rewind()?;
        let state = read(&mut self.state);
        self.state.set_len(0)?;
        Ok(Some(state))
    }

    /// Lets `write` leave the state for the next child. The process then ends with status
    /// [`REOPEN`](super::REOPEN); with any other, what it left is forgotten.
    ///
    /// # Errors
    /// Those of `write`; nothing is left then.
    pub fn leave_state(
        &mut self,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        self.state.set_len(0)?;
        self.state.rewind()?;
        write(&mut self.state).inspect_err(|_| {
            // The first error is the one to tell.
            let _ = self.state.set_len(0);
        })
    }
}
