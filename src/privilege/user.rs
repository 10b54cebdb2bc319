//! The user that a process goes on as, and the one capability that is left to it.

use caps::{CapSet, Capability, CapsHashSet};
use nix::unistd::{self, Gid, Uid, User};
use std::ffi::CString;

/// Whom to become where nobody says; the first that there is.
const DEFAULTS: [&str; 2] = ["mxray", "nobody"];

/// Why a process cannot go on as it should.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// No such user.
    #[error("there is no user `{0}`")]
    Unknown(String),
    /// Another user is asked for by one who is not root.
    #[error("only root can go on as `{0}`")]
    NotRoot(String),
    /// The system refuses a step.
    #[error("{step}: {message}")]
    Refused {
        /// What was tried.
        step: &'static str,
        /// What the system says of it.
        message: String,
    },
}

fn refused<E: std::fmt::Display>(step: &'static str) -> impl Fn(E) -> UserError {
    move |error| UserError::Refused {
        step,
        message: error.to_string(),
    }
}

/// Goes on as `user` (root without it: `mxray` if there is such a user, else `nobody`), with
/// `CAP_NET_RAW` if it is permitted, for this process to pass on and not in effect.
///
/// Root stays root where its capabilities do not suffice to become another, as in some
/// containers, unless `user` is given.
///
/// # Errors
/// No such user, or the caller may not become it. The process must end then: it may have
/// gone half of the way.
pub(super) fn give_up_privileges(user: Option<&str>) -> Result<(), UserError> {
    let other = choose(user)?;
    // Before the user changes: what it takes is lost with root.
    forget_bounding()?;
    if let Some(user) = other {
        become_user(&user)?;
    }
    keep_net_raw()?;
    nix::sys::prctl::set_no_new_privs().map_err(refused("no new privileges"))
}

/// Whom to become; without one the user stays.
fn choose(asked: Option<&str>) -> Result<Option<User>, UserError> {
    let find = |name: &str| User::from_name(name).map_err(refused("looking up a user"));
    if let Some(name) = asked {
        let user = find(name)?.ok_or_else(|| UserError::Unknown(name.to_owned()))?;
        return match (user.uid == Uid::effective(), Uid::effective().is_root()) {
            (true, _) => Ok(None),
            (false, true) => Ok(Some(user)),
            (false, false) => Err(UserError::NotRoot(name.to_owned())),
        };
    }
    let may = |capability| caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false);
    if !Uid::effective().is_root() || !may(Capability::CAP_SETUID) || !may(Capability::CAP_SETGID) {
        return Ok(None);
    }
    for name in DEFAULTS {
        if let Some(user) = find(name)? {
            return Ok(Some(user));
        }
    }
    Err(UserError::Unknown(DEFAULTS.join("` or `")))
}

/// Nothing that is executed from here on can have more than `CAP_NET_RAW`. Needs
/// `CAP_SETPCAP`; who has not got it has no more to lose by this.
fn forget_bounding() -> Result<(), UserError> {
    let may = caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP);
    if !may.unwrap_or(false) {
        return Ok(());
    }
    let bounding = caps::read(None, CapSet::Bounding).map_err(refused("reading capabilities"))?;
    for capability in bounding {
        if capability != Capability::CAP_NET_RAW {
            caps::drop(None, CapSet::Bounding, capability)
                .map_err(refused("dropping capabilities"))?;
        }
    }
    Ok(())
}

fn become_user(user: &User) -> Result<(), UserError> {
    let name = CString::new(user.name.as_str()).map_err(refused("naming a user"))?;
    // Else permitted capabilities are gone with root's user number.
    nix::sys::prctl::set_keepcaps(true).map_err(refused("keeping capabilities"))?;
    unistd::initgroups(&name, user.gid).map_err(refused("setting groups"))?;
    let (uid, gid): (Uid, Gid) = (user.uid, user.gid);
    unistd::setresgid(gid, gid, gid).map_err(refused("setting the group"))?;
    unistd::setresuid(uid, uid, uid).map_err(refused("setting the user"))
}

/// `CAP_NET_RAW` for what is executed next, and none in effect here.
fn keep_net_raw() -> Result<(), UserError> {
    let step = "limiting capabilities";
    let permitted = caps::has_cap(None, CapSet::Permitted, Capability::CAP_NET_RAW);
    let mut kept = CapsHashSet::new();
    if permitted.map_err(refused(step))? {
        kept.insert(Capability::CAP_NET_RAW);
    }
    caps::clear(None, CapSet::Effective).map_err(refused(step))?;
    caps::set(None, CapSet::Inheritable, &kept).map_err(refused(step))?;
    caps::set(None, CapSet::Permitted, &kept).map_err(refused(step))?;
    caps::set(None, CapSet::Ambient, &kept).map_err(refused(step))
}
