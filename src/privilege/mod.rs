//! Who reads packets, and what that process may do: as little as possible.
//!
//! `mxray live` is two processes of the same program. The **launcher** ([`launch`]) reads no
//! packet. It goes on as an unprivileged user who may open packet sockets and nothing more,
//! starts the other, passes signals on, and starts it again where its sockets must be opened
//! anew. That other, the **child** ([`Child`]), opens sockets and outputs, gives up what it
//! was allowed ([`confine`]), and only then reads a packet or what its predecessor left.
//!
//! Reasons are in `docs/decisions/0018-privileges.md`.

#![forbid(unsafe_code)]

mod child;
mod confine;
mod filesystem;
mod launcher;
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
))]
mod syscalls;
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
mod syscalls {
    //! There is no list for this architecture, and seccompiler knows it not.
    pub(super) fn restrict() -> Result<(), String> {
        Err("seccomp: there is no filter for this architecture".to_owned())
    }
}
mod user;

pub use child::Child;
pub use confine::{ConfineError, Confined, Confinement, confine, user_name};
pub use launcher::{LaunchError, REOPEN, launch};
pub use user::UserError;
