"""The system calls that a container may make: Docker's default profile as a table of our own, and tighter in five places.

- Calls of any foreign ABI end the process with SIGSYS: the same kernel code can be reached through i386 or 32-bit Arm with
  other numbers (and through ``socketcall``, whose arguments a filter cannot see). Not ENOSYS: a 32-bit program's ``exit``
  would fail too, and some C libraries then repeat it for ever. x32 numbers (bit 30) are ENOSYS, as on a kernel without x32.
- A call that the profile knows and refuses is EPERM; a number that it does not know is ENOSYS, so that programs fall
  back to older calls.
- Sockets are an allow-list: UNIX, INET, INET6, and NETLINK for routes only; socket pairs are UNIX. Other netlink protocols
  say EPROTONOSUPPORT, as a kernel without them: useradd and others then go on without audit.
- ``vmsplice`` is EPERM, ``statmount`` and ``listmount`` are ENOSYS, as under podman: few programs ask, and each has another way.
- Terminal input cannot be forged (TIOCSTI, TIOCLINUX).

Arguments that the kernel reads as ``int`` are compared in their low 32 bits, as the kernel does; otherwise a set high bit would pass a
refused value (CVE-2019-10063). Switching users is not touched: where the namespace has one id, ``setuid`` fails with the
kernel's own error.

Not promised: a filter does not see what a pointer points to, so names of xattrs, paths and ``clone3``'s flags are beyond it;
``clone3`` is therefore ENOSYS.
"""

from __future__ import annotations

from collections.abc import Iterable
from errno import ENOSYS, EPERM, EPROTONOSUPPORT

from dockmagic.sandbox import bpf, syscall_table

ALLOWED = """
access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr
flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr
getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch lchown lgetxattr link linkat
listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat
name_to_handle_at newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2
read readahead readlink readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir sendfile
setxattr setxattrat splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee
truncate umask unlink unlinkat utime utimensat utimes write writev

epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd
eventfd2 io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit poll ppoll pselect6 select signalfd
signalfd4 timerfd_create timerfd_gettime timerfd_settime

brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap
modify_ldt mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
process_mrelease process_vm_readv process_vm_writev remap_file_pages

accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg
sendto setsockopt shutdown

futex futex_requeue futex_wait futex_waitv futex_wake get_robust_list mq_getsetattr mq_notify mq_open
mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
set_robust_list shmat shmctl shmdt shmget

adjtimex alarm clock_adjtime clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep
setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_settime times

kill pause pidfd_open pidfd_send_signal restart_syscall rt_sigaction rt_sigpending rt_sigprocmask
rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack tgkill tkill

capget capset getegid geteuid getgid getgroups getpgid getpgrp getpid getppid getresgid getresuid getsid gettid
getuid setfsgid setfsuid setgid setgroups setpgid setregid setresgid setresuid setreuid setsid setuid

arch_prctl execve execveat exit exit_group fork get_thread_area getcpu getpriority getrandom getrlimit getrusage
ioprio_get ioprio_set landlock_add_rule landlock_create_ruleset landlock_restrict_self prctl prlimit64 ptrace
rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
sched_yield seccomp set_thread_area set_tid_address setpriority setrlimit sysinfo uname uretprobe vfork wait4
waitid
"""

REFUSED = """
_sysctl acct add_key afs_syscall bpf chroot clock_settime create_module delete_module fanotify_init finit_module
fsconfig fsmount fsopen fspick get_kernel_syms get_mempolicy getpmsg init_module io_uring_enter io_uring_register
io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl listns lookup_dcookie lsm_get_self_attr
lsm_list_modules lsm_set_self_attr mbind migrate_pages mount mount_setattr move_mount move_pages nfsservctl
open_by_handle_at open_tree open_tree_attr perf_event_open pidfd_getfd pivot_root process_madvise putpmsg
query_module quotactl quotactl_fd reboot request_key security set_mempolicy set_mempolicy_home_node setdomainname
sethostname setns settimeofday swapoff swapon sysfs syslog tuxcall umount2 unshare uselib userfaultfd ustat
vhangup vmsplice vserver
"""

# Docker's conditional rules, for capabilities that mean something inside a user namespace. BPF, PERFMON, SYS_BOOT,
# SYS_MODULE, SYS_RAWIO and SYS_TIME widen nothing here: those calls act on the whole machine.
_WIDENED = {
    "DAC_READ_SEARCH": "open_by_handle_at",
    "SYS_ADMIN": (
        "clone clone3 fanotify_init fsconfig fsmount fsopen fspick lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount"
        " mount_setattr move_mount open_tree quotactl quotactl_fd setdomainname sethostname setns umount2 unshare"
    ),
    "SYS_CHROOT": "chroot",
    "SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "SYS_PTRACE": "kcmp pidfd_getfd process_madvise",
    "SYS_TTY_CONFIG": "vhangup",
}

_CHOWN_FAMILY = ("chown", "lchown", "fchown", "fchownat")

# linux/sched.h: NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET (NEWTIME cannot be passed to clone).
_NAMESPACES = 0x7E020000
# linux/personality.h: PER_LINUX, PER_LINUX32, UNAME26, the last two together; all ones only asks.
_PERSONALITIES = (0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
# linux/socket.h
_UNIX, _INET, _INET6, _NETLINK, _NETLINK_ROUTE = 1, 2, 10, 16, 0
# asm-generic/ioctls.h: TIOCSTI, TIOCLINUX
_FORGING_IOCTLS = (0x5412, 0x541C)

_LET = bpf.end(bpf.ALLOW)
_REFUSE = bpf.end(bpf.fail(EPERM))
_UNKNOWN = bpf.end(bpf.fail(ENOSYS))


def program(machine: str, capabilities: Iterable[str]) -> bytes:
    """The filter of a container.

    Args:
        machine: ``os.uname().machine``: ``"x86_64"`` or ``"aarch64"``.
        capabilities: the bounding set, with or without ``CAP_``; a kept one lets through the calls that it is for.

    Returns:
        An array of ``struct sock_filter`` for SECCOMP_SET_MODE_FILTER.

    Raises:
        KeyError: no filter can be built for this machine.
    """
    pieces = dict.fromkeys(REFUSED.split(), _REFUSE)
    pieces |= dict.fromkeys(ALLOWED.split(), _LET)
    pieces |= _checked()
    for capability in capabilities:
        widened = _WIDENED.get(capability.upper().removeprefix("CAP_"), "")
        pieces |= dict.fromkeys(widened.split(), _LET)
    return _assemble(machine, pieces, default=_UNKNOWN, foreign=bpf.end(bpf.KILL_PROCESS))


def ownership_program(machine: str) -> bytes:
    """The second filter of a container that has one id: it hands changes of owners to the supervisor.

    To be installed with SECCOMP_FILTER_FLAG_NEW_LISTENER beside :func:`program`; an error of either filter wins over the
    notification. ``mknod`` of devices needs nothing: the kernel refuses it in a user namespace.

    Raises:
        KeyError: no filter can be built for this machine.
    """
    pieces = dict.fromkeys(_CHOWN_FAMILY, bpf.end(bpf.NOTIFY))
    return _assemble(machine, pieces, default=_LET, foreign=_LET)


def _checked() -> dict[str, bpf.Code]:
    """The calls that are let through for some arguments."""
    unix_only = bpf.when_equal(bpf.low(0), (_UNIX,), _LET, _REFUSE)
    route_only = bpf.when_equal(bpf.low(2), (_NETLINK_ROUTE,), _LET, bpf.end(bpf.fail(EPROTONOSUPPORT)))
    netlink = bpf.when_equal(bpf.low(0), (_NETLINK,), route_only, _REFUSE)
    return {
        "clone": bpf.when_any_bit(bpf.low(0), _NAMESPACES, _REFUSE, _LET),
        "clone3": _UNKNOWN,
        "ioctl": bpf.when_equal(bpf.low(1), _FORGING_IOCTLS, _REFUSE, _LET),
        "personality": bpf.when_equal(bpf.low(0), _PERSONALITIES, _LET, _REFUSE),
        "socket": bpf.when_equal(bpf.low(0), (_UNIX, _INET, _INET6), _LET, netlink),
        "socketpair": unix_only,
    }


def _assemble(machine: str, pieces: dict[str, bpf.Code], *, default: bpf.Code, foreign: bpf.Code) -> bytes:
    """The program for one machine; names that it lacks are left out."""
    numbers = syscall_table.numbers(machine)
    native = {numbers[name]: code for name, code in pieces.items() if name in numbers}
    return bpf.pack(bpf.only_native(syscall_table.audit_arch(machine), bpf.by_number(native, default), foreign))
