//! What a process gives up before it reads what others wrote.

use super::{filesystem, syscalls};
use caps::CapSet;
use nix::unistd::{Uid, User};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// What is still needed of the file system. A folder stands for all that is below it, and a
/// file for the folder in which it lies, since it may be replaced, or made later.
#[derive(Clone, Debug, Default)]
pub struct Confinement {
    /// Read again on request: config, inventory, keywords.
    pub read: Vec<PathBuf>,
    /// Written, made, renamed and removed: outputs, checkpoint, evidence, the status socket.
    pub write: Vec<PathBuf>,
}

/// What holds for the process, as the kernel tells it: `mxray.privilege` of the start event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Confined {
    /// The name of the user that it runs as, or the number where it has no name.
    pub user: String,
    /// All that it may do beyond any user (effective, permitted, inheritable or ambient), as
    /// `CAP_NET_RAW`.
    pub capabilities: Vec<String>,
    /// Whether nothing that it executes can have more.
    pub no_new_privs: bool,
    /// How much of what landlock is to restrict it does: `full`, `partial` or `none`.
    pub landlock: &'static str,
    /// Version of the kernel's landlock; 0 for none.
    pub landlock_abi: i32,
    /// Whether system calls are filtered: `filter` or `none`.
    pub seccomp: &'static str,
    /// What could not be done, and why.
    pub missing: Vec<String>,
}

/// Why a process must not go on.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// Only the calling thread can be confined, and what the others have stays.
    #[error("{0} threads run, which could not be confined")]
    Threads(usize),
    /// What no system refuses.
    #[error("giving up {what}: {message}")]
    Refused {
        /// What is not given up.
        what: &'static str,
        /// What the system says of it.
        message: String,
    },
}

/// Gives up all capabilities, and all that is not needed to go on reading from sockets that
/// are open and writing to what is named; for good. What a kernel cannot do is told in the
/// result.
///
/// To be called with all sockets open, before there is another thread.
///
/// # Errors
/// The process may do more than it should, for another reason than an old kernel.
pub fn confine(needed: &Confinement) -> Result<Confined, ConfineError> {
    let mut missing = Vec::new();
    match fs::read_dir("/proc/self/task") {
        Ok(threads) => match threads.count() {
            0 | 1 => {}
            threads => return Err(ConfineError::Threads(threads)),
        },
        Err(error) => missing.push(format!("/proc/self/task: {error}")),
    }
    let user = user_name();
    if Uid::effective().is_root() {
        missing.push("the user is root".to_owned());
    }
    give_up_capabilities()?;
    nix::sys::prctl::set_no_new_privs().map_err(refused("new privileges"))?;
    let files = filesystem::restrict(&needed.read, &needed.write);
    missing.extend(files.missing);
    missing.extend(syscalls::restrict().err());
    let status = Status::read(&mut missing);
    Ok(Confined {
        user,
        capabilities: status.capabilities(),
        no_new_privs: status.number("NoNewPrivs") == 1,
        landlock: files.degree,
        landlock_abi: files.abi,
        seccomp: match status.number("Seccomp") {
            0 => "none",
            _ => "filter",
        },
        missing,
    })
}

fn refused<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> ConfineError {
    move |error| ConfineError::Refused {
        what,
        message: error.to_string(),
    }
}

/// The name of the user that this process runs as, or the number where it has no name.
#[must_use]
pub fn user_name() -> String {
    let number = Uid::effective();
    let user = User::from_uid(number).ok().flatten();
    user.map_or_else(|| number.to_string(), |user| user.name)
}

fn give_up_capabilities() -> Result<(), ConfineError> {
    // Who may not limit what can ever be had gets nothing by it, without new privileges.
    let may = caps::has_cap(None, CapSet::Effective, caps::Capability::CAP_SETPCAP);
    if may.unwrap_or(false) {
        caps::clear(None, CapSet::Bounding).map_err(refused("capabilities"))?;
    }
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        caps::clear(None, set).map_err(refused("capabilities"))?;
    }
    // Older than 4.3, there are none.
    let _ = caps::clear(None, CapSet::Ambient);
    Ok(())
}

/// `/proc/self/status`, by the names before the colon.
struct Status(BTreeMap<String, String>);

impl Status {
    fn read(missing: &mut Vec<String>) -> Self {
        let text = fs::read_to_string("/proc/self/status").unwrap_or_else(|error| {
            missing.push(format!("/proc/self/status: {error}"));
            String::new()
        });
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        Self(
            lines
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect(),
        )
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str) -> u32 {
        self.text(name).parse().unwrap_or(0)
    }

    fn capabilities(&self) -> Vec<String> {
        let sets = ["CapEff", "CapPrm", "CapInh", "CapAmb"];
        let set = sets
            .map(|name| u64::from_str_radix(self.text(name), 16).unwrap_or(0))
            .iter()
            .fold(0, |all, set| all | set);
        let mut held: Vec<_> = caps::all()
            .into_iter()
            .filter(|capability| capability.bitmask() & set != 0)
            .map(|capability| capability.to_string())
            .collect();
        held.sort();
        held
    }
}
