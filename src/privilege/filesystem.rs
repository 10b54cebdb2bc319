//! Landlock: which files can be opened from now on, and that nothing goes over TCP.

use ::landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, Scope, make_bitflags,
};
use std::io;
use std::path::{Path, PathBuf};

/// What the program and its libraries read as long as they run: itself, the counters of
/// interfaces (links into `/sys/devices`), and the names in filter expressions.
const ALWAYS_READ: [&str; 6] = [
    "/proc/self",
    "/sys/class/net",
    "/sys/devices",
    "/etc/nsswitch.conf",
    "/etc/protocols",
    "/etc/services",
];

/// What came of it.
pub(super) struct Enforced {
    /// `full`, `partial` or `none`.
    pub(super) degree: &'static str,
    /// The version of the kernel's interface that is used; 0 for none.
    pub(super) abi: i32,
    /// Why it is not full, and what could not be allowed.
    pub(super) missing: Vec<String>,
}

/// Lets this thread, and those that it makes, read below `read` and write below `write`, and
/// open nothing else.
pub(super) fn restrict(read: &[PathBuf], write: &[PathBuf]) -> Enforced {
    let mut missing = Vec::new();
    match enforce(read, write, &mut missing) {
        Ok(status) => {
            let (abi, reason) = match status.landlock {
                LandlockStatus::Available {
                    effective_abi,
                    kernel_abi,
                } => (kernel_abi.unwrap_or(effective_abi as i32), None),
                LandlockStatus::NotEnabled => (0, Some("landlock is not enabled")),
                LandlockStatus::NotImplemented => (0, Some("the kernel has no landlock")),
            };
            missing.extend(reason.map(str::to_owned));
            let degree = match status.ruleset {
                RulesetStatus::FullyEnforced => "full",
                RulesetStatus::PartiallyEnforced => {
                    missing.push(format!("landlock ABI {abi} does not know all restrictions"));
                    "partial"
                }
                RulesetStatus::NotEnforced => "none",
            };
            Enforced {
                degree,
                abi,
                missing,
            }
        }
        Err(error) => {
            missing.push(format!("landlock: {error}"));
            Enforced {
                degree: "none",
                abi: 0,
                missing,
            }
        }
    }
}

fn enforce(
    read: &[PathBuf],
    write: &[PathBuf],
    missing: &mut Vec<String>,
) -> Result<RestrictionStatus, RulesetError> {
    let reading = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let writing = reading
        | make_bitflags!(AccessFs::{
            WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer
        });
    let mut rules = Vec::new();
    // What the system has not got is not missed.
    rules.extend(ALWAYS_READ.iter().filter_map(|path| {
        let folder = Path::new(path).is_dir();
        let access = if folder {
            reading
        } else {
            AccessFs::ReadFile.into()
        };
        Some(PathBeneath::new(PathFd::new(path).ok()?, access))
    }));
    for (paths, access) in [(read, reading), (write, writing)] {
        for path in paths {
            match allow(path, access) {
                Ok(rule) => rules.push(rule),
                Err(error) => missing.push(format!("{}: {error}", path.display())),
            }
            // Of a link also where it leads, as that is what is opened: to read, what may take its
            // place too, and to write, that file alone, as its folder was not named.
            if path.is_symlink()
                && let Ok(target) = path.canonicalize()
            {
                let rule = if access == reading {
                    allow(&target, access)
                } else {
                    let file = PathFd::new(&target).map_err(io::Error::other);
                    let access = access & AccessFs::from_file(ABI::V6);
                    file.map(|file| PathBeneath::new(file, access))
                };
                rules.extend(rule);
            }
        }
    }
    let all = AccessFs::from_all(ABI::V6);
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .handle_access(make_bitflags!(AccessNet::{BindTcp | ConnectTcp}))?
        .scope(make_bitflags!(Scope::{AbstractUnixSocket | Signal}))?
        .create()?
        .add_rules(rules.into_iter().map(Ok::<_, RulesetError>))?
        .restrict_self()
}

/// A rule for the folder, or for that in which the file lies. It may not be there yet, and a
/// file that is replaced is another one.
fn allow(path: &Path, access: BitFlags<AccessFs>) -> io::Result<PathBeneath<PathFd>> {
    let folder = match path.parent() {
        _ if path.is_dir() => path,
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // Says why without saying again where.
    folder.metadata()?;
    let folder = PathFd::new(folder).map_err(io::Error::other)?;
    Ok(PathBeneath::new(folder, access))
}
