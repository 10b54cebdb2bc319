//! The launcher: starts the child, passes signals on, starts it again.

use super::user::{UserError, give_up_privileges};
use crate::service::Notifier;
use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sd_notify::NotifyState;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The exit status by which a child says: start another that opens the sockets anew, it takes
/// over what I left. `EX_TEMPFAIL` of sysexits.h.
pub const REOPEN: u8 = 75;

/// Names the launcher's process number to its child, and tells that it is one.
pub(super) const LAUNCHER: &str = "MXRAY_LAUNCHER";
/// Set where a child is to end as soon as it has taken the state over.
pub(super) const STOP: &str = "MXRAY_STOP";

/// What Rust ends a process with whose main thread panics.
const PANICKED: u8 = 101;
/// A child that ran so long did not fail for what made the last one fail.
const CALM: Duration = Duration::from_mins(1);
/// Crashes in a row, without calm between them, after which the launcher gives up: it has
/// waited 31 seconds then.
const MAX_CRASHES: u32 = 5;
/// At least so long from one start to the next, whatever a child asks for.
const BETWEEN_STARTS: Duration = Duration::from_secs(1);

/// Why there is no child.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The user cannot be left.
    #[error(transparent)]
    User(#[from] UserError),
    /// The system refuses a step.
    #[error("{step}: {source}")]
    System {
        /// What was tried.
        step: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

fn refused<E: Into<io::Error>>(step: &'static str) -> impl Fn(E) -> LaunchError {
    move |error| LaunchError::System {
        step,
        source: error.into(),
    }
}

/// Goes on as an unprivileged user, runs this program with the same arguments as the child,
/// again and again as long as need be, and returns the status to exit with.
///
/// `user` is whom root becomes (without it `mxray`, else `nobody`). `tell` is called with what
/// people should read. Must be called while the process has one thread.
///
/// # Errors
/// No child was started, or no further one.
pub fn launch(user: Option<&str>, tell: &mut dyn FnMut(&str)) -> Result<u8, LaunchError> {
    give_up_privileges(user)?;
    let state = memfd_create(c"mxray-state", MFdFlags::MFD_CLOEXEC);
    let state = File::from(state.map_err(refused("making an anonymous file"))?);
    let signals = signals().map_err(refused("catching signals"))?;
    let mut restarts = Restarts::default();
    let mut stop = None;
    loop {
        let started = Instant::now();
        let status = run_child(&state, &signals, &mut stop)?;
        match restarts.after(status, started.elapsed(), stop) {
            Next::End(status) => return Ok(status),
            Next::Reopen { after } => pause(after, &signals, &mut stop),
            Next::Recover { after } => {
                let text = format!(
                    "the capturing process ended with {status}; it starts again in {} s",
                    after.as_secs()
                );
                tell(&text);
                // Nobody to read it is no failure.
                if let Ok(Some(notifier)) = Notifier::from_env() {
                    let _ = notifier.notify(&[NotifyState::Status(&text)]);
                }
                // It may have been in the middle of writing.
                state.set_len(0).map_err(refused("forgetting state"))?;
                pause(after, &signals, &mut stop);
                if stop.is_some() {
                    return Ok(exit_status(status));
                }
            }
        }
    }
}

/// The signals that come, from here on.
fn signals() -> io::Result<Receiver<i32>> {
    let mut caught = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD])?;
    let (sender, signals) = unbounded();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in caught.forever() {
                if sender.send(signal).is_err() {
                    return;
                }
            }
        })?;
    Ok(signals)
}

/// Starts a child, passes signals on to it, and returns how it ended. What asks it to end
/// stays in `stop`.
fn run_child(
    state: &File,
    signals: &Receiver<i32>,
    stop: &mut Option<i32>,
) -> Result<ExitStatus, LaunchError> {
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| OsString::from("mxray"));
    // The program that runs, whatever now lies where it was started from.
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0(name)
        .args(arguments)
        .env(LAUNCHER, std::process::id().to_string())
        // The watchdog is the child's to feed.
        .env_remove("WATCHDOG_PID")
        // What a terminal sends to all of a group would come twice.
        .process_group(0)
        .stdin(Stdio::from(
            state.try_clone().map_err(refused("handing on state"))?,
        ));
    if stop.is_some() {
        command.env(STOP, "1");
    }
    let mut child = command
        .spawn()
        .map_err(refused("starting the capturing process"))?;
    let number = i32::try_from(child.id()).unwrap_or(i32::MAX);
    loop {
        if let Some(status) = child.try_wait().map_err(refused("waiting for it"))? {
            return Ok(status);
        }
        // The other thread ends only with the process.
        let Ok(signal) = signals.recv() else {
            return child.wait().map_err(refused("waiting for it"));
        };
        if signal == SIGCHLD {
            continue;
        }
        if signal == SIGINT || signal == SIGTERM {
            *stop = Some(signal);
        }
        if let Ok(signal) = Signal::try_from(signal) {
            // Not waited for yet, so that the number is still its own.
            let _ = kill(Pid::from_raw(number), signal);
        }
    }
}

/// Waits, but not longer than until a signal asks to end.
fn pause(time: Duration, signals: &Receiver<i32>, stop: &mut Option<i32>) {
    let end = Instant::now() + time;
    while stop.is_none() {
        match signals.recv_deadline(end) {
            Ok(signal) if signal == SIGINT || signal == SIGTERM => *stop = Some(signal),
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// As shells tell it: that of the process, or 128 and the signal that ended it.
fn exit_status(status: ExitStatus) -> u8 {
    let signal = status.signal().map(|signal| signal.saturating_add(128));
    let status = status.code().or(signal);
    status
        .and_then(|status| u8::try_from(status).ok())
        .unwrap_or(1)
}

/// What follows the end of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The launcher ends with this status.
    End(u8),
    /// Another takes the state over.
    Reopen { after: Duration },
    /// Another begins without it.
    Recover { after: Duration },
}

/// How often children were started again.
#[derive(Debug, Default)]
struct Restarts {
    /// In a row.
    crashes: u32,
    /// A child was started only to drain what the last one left.
    draining: bool,
}

impl Restarts {
    /// What follows a child that ended with `status` after it `ran` so long, when `stop` has
    /// been asked for or not.
    fn after(&mut self, status: ExitStatus, ran: Duration, stop: Option<i32>) -> Next {
        let shown = exit_status(status);
        if status.code() == Some(REOPEN.into()) && !self.draining {
            self.draining = stop.is_some();
            return Next::Reopen {
                after: BETWEEN_STARTS.saturating_sub(ran),
            };
        }
        if let Some(stop) = stop {
            // Before it caught signals: there was nothing to drain.
            let at_once = status.signal() == Some(stop);
            return Next::End(if at_once { 0 } else { shown });
        }
        if status.code().is_some() && shown != PANICKED {
            return Next::End(shown);
        }
        if ran >= CALM {
            self.crashes = 0;
        }
        self.crashes += 1;
        if self.crashes > MAX_CRASHES {
            return Next::End(shown);
        }
        Next::Recover {
            after: BETWEEN_STARTS * 2_u32.pow(self.crashes - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(300);

    fn exited(status: i32) -> ExitStatus {
        ExitStatus::from_raw(status << 8)
    }

    fn killed(signal: i32) -> ExitStatus {
        ExitStatus::from_raw(signal)
    }

    #[test]
    fn a_status_is_passed_on() {
        for status in [0, 1, 2, 10] {
            let shown = u8::try_from(status).unwrap();
            let mut restarts = Restarts::default();
            assert_eq!(
                restarts.after(exited(status), SHORT, None),
                Next::End(shown)
            );
            assert_eq!(
                restarts.after(exited(status), CALM, Some(SIGTERM)),
                Next::End(shown)
            );
        }
    }

    #[test]
    fn sockets_are_opened_again_at_once_but_not_in_a_loop() {
        let mut restarts = Restarts::default();
        for _ in 0..100 {
            let next = restarts.after(exited(REOPEN.into()), CALM, None);
            let after = Duration::ZERO;
            assert_eq!(next, Next::Reopen { after });
        }
        let next = restarts.after(exited(REOPEN.into()), SHORT, None);
        let after = Duration::from_millis(700);
        assert_eq!(next, Next::Reopen { after });
    }

    #[test]
    fn state_that_was_left_is_drained_also_when_the_end_is_asked_for() {
        let mut restarts = Restarts::default();
        let mut next = || restarts.after(exited(REOPEN.into()), CALM, Some(SIGTERM));
        assert!(matches!(next(), Next::Reopen { .. }));
        // Who is only to drain needs no sockets.
        assert_eq!(next(), Next::End(REOPEN));
    }

    #[test]
    fn crashes_wait_longer_each_time_and_end_it() {
        for crash in [killed(11), killed(9), exited(PANICKED.into())] {
            let mut restarts = Restarts::default();
            for seconds in [1, 2, 4, 8, 16] {
                let after = Duration::from_secs(seconds);
                let next = restarts.after(crash, SHORT, None);
                assert_eq!(next, Next::Recover { after });
            }
            let status = exit_status(crash);
            assert_eq!(restarts.after(crash, SHORT, None), Next::End(status));
        }
    }

    #[test]
    fn a_minute_of_calm_forgives_crashes() {
        let mut restarts = Restarts::default();
        let after = Duration::from_secs(1);
        for _ in 0..20 {
            let next = restarts.after(killed(11), CALM, None);
            assert_eq!(next, Next::Recover { after });
        }
    }

    #[test]
    fn a_crash_while_it_drains_is_a_failure() {
        let mut restarts = Restarts::default();
        assert_eq!(
            restarts.after(killed(9), SHORT, Some(SIGTERM)),
            Next::End(137)
        );
        assert_eq!(
            restarts.after(killed(SIGTERM), SHORT, Some(SIGTERM)),
            Next::End(0)
        );
        // Somebody else's SIGTERM to the child alone is a crash as any.
        let next = restarts.after(killed(SIGTERM), SHORT, None);
        assert!(matches!(next, Next::Recover { .. }));
    }
}
