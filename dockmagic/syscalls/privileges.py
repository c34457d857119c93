"""What a process may do: capabilities(7), prctl(2), its keyring, and its system-call filter."""

from __future__ import annotations

import struct

from dockmagic.syscalls.call import address, call, erase

# linux/capability.h, in the order of their bits
_NAMES = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
CAPABILITIES = tuple(_NAMES.split())

FILTER_NEW_LISTENER = 0x8
FILTER_WAIT_KILLABLE = 0x20

_SET_CHILD_SUBREAPER = 36
_SET_PDEATHSIG = 1
_SET_DUMPABLE = 4
_SET_NAME = 15
_CAPBSET_DROP = 24
_SET_NO_NEW_PRIVS = 38
_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_JOIN_SESSION_KEYRING = 1
_SET_MODE_FILTER = 1
_LAST_BIT = 63
_EINVAL = 22


def mask(names: list[str] | tuple[str, ...]) -> int:
    """Names of capabilities, with or without ``CAP_``, as a set of bits.

    Raises:
        ValueError: an unknown name.
    """
    bits = 0
    for name in names:
        plain = name.upper().removeprefix("CAP_")
        if plain not in CAPABILITIES:
            raise ValueError(name)
        bits |= 1 << CAPABILITIES.index(plain)
    return bits


def limit_bounding_set(keep: int) -> None:
    """Take every capability that is not in ``keep`` from the bounding set, also those that have no name here yet."""
    for bit in range(_LAST_BIT + 1):
        if not keep >> bit & 1:
            try:
                call("prctl", _CAPBSET_DROP, bit, 0, 0, 0)
            except OSError as error:
                if error.errno == _EINVAL and bit >= len(CAPABILITIES):
                    return  # the kernel knows no more
                if error.errno != _EINVAL:
                    raise


def set_capabilities(bits: int) -> None:
    """Make ``bits`` the permitted and effective set; the inheritable and the ambient one empty."""
    call("prctl", _CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    call("capset", struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), struct.pack("=6I", low, low, 0, high, high, 0))


def set_no_new_privileges() -> None:
    """No execve of this process or its children will gain anything from now on."""
    call("prctl", _SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def set_dumpable(value: int) -> None:
    """0: no process without rights over the whole machine may look into this one, nor into its /proc files."""
    call("prctl", _SET_DUMPABLE, value, 0, 0, 0)


def set_parent_death_signal(number: int) -> None:
    """Ask for a signal when the parent *thread* ends; a change of ids takes it back."""
    call("prctl", _SET_PDEATHSIG, number, 0, 0, 0)


def set_child_subreaper() -> None:
    """Become the parent of whatever comes from this process and loses its own: prctl(2)."""
    call("prctl", _SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def join_new_session_keyring() -> None:
    """Leave the caller's session keyring behind; keyctl(2)."""
    call("keyctl", _JOIN_SESSION_KEYRING, None, 0, 0, 0)


def hide_command_line(name: str) -> None:
    """Empty this process's command line and first environment as /proc shows them, and give it a name.

    They lie in its own memory: proc_pid_stat(5), arg_start to env_end.
    """
    with open("/proc/self/stat", "rb") as file:  # noqa: PTH123 - the child has no pathlib
        words = file.read().rpartition(b")")[2].split()
    for first, last in (words[45:47], words[47:49]):
        if int(first) and int(last) > int(first):
            erase(int(first), int(last) - int(first))
    call("prctl", _SET_NAME, name.encode(), 0, 0, 0)


def load_filter(program: bytes, flags: int = 0) -> int:
    """Load a program of seccomp(2); a listener's descriptor with FILTER_NEW_LISTENER, else 0."""
    where, kept = address(program)
    head = struct.pack("@HP", len(program) // 8, where)
    try:
        return call("seccomp", _SET_MODE_FILTER, flags, head)
    finally:
        del kept
