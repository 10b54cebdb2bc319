//! Seccomp: which system calls can be made from now on.
//!
//! A list of what is allowed. All else fails with `ENOSYS`, as on a kernel that has not got
//! it: a C library that is newer than this list then falls back on older calls.

use ::seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};
use nix::libc;
use std::collections::BTreeMap;

/// Allowed with any arguments.
#[rustfmt::skip]
const ALLOWED: &[i64] = &[
    // Files, of which landlock says which: logs that are reopened, renamed and synced,
    // checkpoints, configuration.
    libc::SYS_read, libc::SYS_readv, libc::SYS_pread64, libc::SYS_preadv, libc::SYS_preadv2,
    libc::SYS_write, libc::SYS_writev, libc::SYS_pwrite64, libc::SYS_pwritev, libc::SYS_pwritev2,
    libc::SYS_openat, libc::SYS_close, libc::SYS_lseek, libc::SYS_getdents64,
    libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx, libc::SYS_statfs, libc::SYS_fstatfs,
    libc::SYS_faccessat, libc::SYS_faccessat2, libc::SYS_readlinkat, libc::SYS_getcwd,
    libc::SYS_mkdirat, libc::SYS_unlinkat, libc::SYS_renameat2,
    libc::SYS_truncate, libc::SYS_ftruncate, libc::SYS_fallocate, libc::SYS_fadvise64,
    libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_sync_file_range, libc::SYS_flock,
    libc::SYS_fchmod, libc::SYS_umask, libc::SYS_copy_file_range, libc::SYS_sendfile,
    libc::SYS_fcntl, libc::SYS_dup, libc::SYS_dup3, libc::SYS_pipe2,
    // Waiting.
    libc::SYS_ppoll, libc::SYS_pselect6, libc::SYS_epoll_create1, libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2, libc::SYS_eventfd2, libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime, libc::SYS_timerfd_gettime,
    // Sockets that are there: packets, the status socket, the service manager's. None is
    // made, bound or connected, and no descriptor is passed on (sendmsg).
    libc::SYS_accept, libc::SYS_accept4, libc::SYS_recvfrom, libc::SYS_recvmsg,
    libc::SYS_recvmmsg, libc::SYS_sendto, libc::SYS_getsockopt, libc::SYS_setsockopt,
    libc::SYS_getsockname, libc::SYS_getpeername, libc::SYS_shutdown,
    // Memory.
    libc::SYS_brk, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_madvise, libc::SYS_membarrier,
    // Threads.
    libc::SYS_futex, libc::SYS_set_robust_list, libc::SYS_get_robust_list, libc::SYS_rseq,
    libc::SYS_set_tid_address, libc::SYS_gettid, libc::SYS_sched_yield, libc::SYS_getcpu,
    libc::SYS_sched_getaffinity, libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler, libc::SYS_exit, libc::SYS_exit_group,
    // Signals to itself.
    libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending, libc::SYS_rt_sigsuspend, libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack, libc::SYS_restart_syscall,
    // Time, chance, and what it is.
    libc::SYS_clock_gettime, libc::SYS_clock_getres, libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep, libc::SYS_gettimeofday, libc::SYS_times, libc::SYS_getrandom,
    libc::SYS_getpid, libc::SYS_getppid, libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid,
    libc::SYS_getegid, libc::SYS_getrusage, libc::SYS_sysinfo, libc::SYS_uname, libc::SYS_capget,
];

/// The same by the older names that C libraries use where there are any.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const ALLOWED_OLDER: &[i64] = &[
    libc::SYS_open, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_readlink,
    libc::SYS_mkdir, libc::SYS_rmdir, libc::SYS_unlink, libc::SYS_rename, libc::SYS_renameat,
    libc::SYS_chmod, libc::SYS_dup2, libc::SYS_pipe, libc::SYS_poll, libc::SYS_select,
    libc::SYS_epoll_wait, libc::SYS_time, libc::SYS_getrlimit,
];
#[cfg(target_arch = "aarch64")]
const ALLOWED_OLDER: &[i64] = &[libc::SYS_renameat, libc::SYS_getrlimit];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ALLOWED_OLDER: &[i64] = &[];

/// What may be asked of a terminal, a pipe, or an interface by a socket that is there.
#[allow(
    clippy::unnecessary_cast,
    reason = "these are signed in some C libraries"
)]
const REQUESTS: [u64; 9] = [
    libc::TCGETS as u64,
    libc::TIOCGWINSZ as u64,
    libc::FIONREAD as u64,
    libc::FIONBIO as u64,
    libc::FIOCLEX as u64,
    libc::SIOCGIFNAME as u64,
    libc::SIOCGIFFLAGS as u64,
    libc::SIOCGIFINDEX as u64,
    SIOCETHTOOL,
];
/// Of linux/sockios.h. What it changes takes a capability.
const SIOCETHTOOL: u64 = 0x8946;

/// Allows what a capture needs to this thread and those that it makes, and nothing else.
///
/// # Errors
/// Why it is not enforced.
pub(super) fn restrict() -> Result<(), String> {
    let filter = filter().map_err(|error| format!("seccomp: {error}"))?;
    ::seccompiler::apply_filter(&filter).map_err(|error| format!("seccomp: {error}"))
}

fn filter() -> Result<BpfProgram, ::seccompiler::BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let always = ALLOWED.iter().chain(ALLOWED_OLDER);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        always.map(|&call| (call, Vec::new())).collect();
    let own = u64::from(std::process::id());
    let no_code = || Is::MaskedEq(libc::PROT_EXEC as u64);
    let mut only = |call, argument, is, value| -> Result<(), ::seccompiler::BackendError> {
        let condition = SeccompCondition::new(argument, Length::Dword, is, value)?;
        let rule = SeccompRule::new(vec![condition])?;
        rules.entry(call).or_default().push(rule);
        Ok(())
    };
    only(libc::SYS_mmap, 2, no_code(), 0)?;
    only(libc::SYS_mprotect, 2, no_code(), 0)?;
    // A thread and no process. Of clone3 nothing can be seen here: C libraries use clone then.
    let thread = libc::CLONE_THREAD as u64;
    only(libc::SYS_clone, 0, Is::MaskedEq(thread), thread)?;
    only(libc::SYS_prctl, 0, Is::Eq, libc::PR_SET_NAME as u64)?;
    // A pair is connected to nothing else: signal handlers write into one.
    only(libc::SYS_socketpair, 0, Is::Eq, libc::AF_UNIX as u64)?;
    only(libc::SYS_kill, 0, Is::Eq, own)?;
    only(libc::SYS_tgkill, 0, Is::Eq, own)?;
    for request in REQUESTS {
        only(libc::SYS_ioctl, 1, Is::Eq, request)?;
    }
    // Limits are read and not set.
    let unset = SeccompCondition::new(2, Length::Qword, Is::Eq, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![unset])?]);
    let errno = SeccompAction::Errno(libc::ENOSYS as u32);
    SeccompFilter::new(rules, errno, SeccompAction::Allow, architecture)?.try_into()
}
