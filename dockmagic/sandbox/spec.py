"""What to run and how it ended, as values; the child gets them as JSON (``Spec.to_json``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

# podman's default set: what package managers need, and useful only inside the container's own user namespace.
DEFAULT_CAPABILITIES = (
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)

# Overlayfs takes 500 (OVL_MAX_STACK); the lowest is the container's own, with its mount points.
MOST_LAYERS = 499

# Names of docker's --ulimit; ``limiting.KINDS`` has their numbers.
ULIMITS = (
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
)

# linux/capability.h; all that there are.
CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"),
    *("LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER"),
    *("SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE"),
    *("SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP"),
    *("MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF"),
    "CHECKPOINT_RESTORE",
)

# What dockmagic itself provides in every container: never a change that the container made.
PROVIDED_PATHS = (
    "dev",
    "etc/apt/apt.conf.d/90dockmagic-one-id",
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "proc",
    "run/dockmagic",
    "sys",
)

# Programs that give a private network its way out, best first.
NETWORK_PROGRAMS = ("pasta", "slirp4netns")

Network = Literal["none", "private", "host"]
Tier = Literal["T0", "T1", "T2"]
Ids = Literal["range", "single"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A directory or file of the host in the container.

    Attributes:
        source: absolute path on the host, of something that exists.
        target: absolute path in the container; made when missing.
        read_only: with everything mounted below it.
        socket: it is a socket of ours; nothing else may be one.
    """

    source: str
    target: str
    read_only: bool = False
    socket: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """What a container sees besides its root: of RUN --mount, and a run's volumes and file systems in memory.

    Attributes:
        kind: ``"layers"`` in overlay form, a ``"directory"`` below the scheme's root, ``"tmpfs"``, or a ``"file"`` in memory.
        target: absolute path in the container; made when missing, and taken away again when it is still empty.
        read_only: nothing can be written there.
        lowers: of layers: directories, top first, relative to the scheme's root.
        upper: of layers: directory of what is written to them.
        work: of layers: directory of overlayfs.
        directory: of a directory: its path, relative to the scheme's root.
        source: path within layers or directory, looked up without leaving them.
        size: bytes that a tmpfs may hold, 0 for the kernel's own limit.
        noexec: nothing in a tmpfs can be executed.
        early: a tmpfs or directory that is there before what dockmagic itself provides, and before volumes, which may lie in it.
        content: of a file.
        mode: of a file; of a tmpfs, 0 for 1777.
        owner: (uid, gid) of a file.
    """

    kind: Literal["layers", "directory", "tmpfs", "file"]
    target: str
    read_only: bool = True
    lowers: tuple[str, ...] = ()
    upper: str = ""
    work: str = ""
    directory: str = ""
    source: str = "/"
    size: int = 0
    noexec: bool = False
    early: bool = False
    content: bytes = field(default=b"", repr=False)
    mode: int = 0
    owner: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port of the container that is reached through one of the host.

    Attributes:
        container: its number there.
        address: of the host: that of its loopback unless another one is asked for.
        host: its number there, 0 for any that is free.
        last: the highest of a range to choose from, 0 for none.
        protocol: ``"tcp"`` or ``"udp"``.
    """

    container: int
    address: str = "127.0.0.1"
    host: int = 0
    last: int = 0
    protocol: Literal["tcp", "udp"] = "tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a container may use; 0 is no limit.

    Attributes:
        pids: processes and threads.
        memory: bytes of all processes together, with the files that they keep in memory.
        cpus: processors, e.g. 1.5.
        disk: bytes that the writable layer may take.
        shm: bytes of /dev/shm.
        ulimits: (name, soft, hard) of setrlimit(2), names as docker's; -1 is no limit.
    """

    pids: int = 512
    memory: int = 0
    cpus: float = 0.0
    disk: int = 0
    shm: int = 64 << 20
    ulimits: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One process in one container.

    Attributes:
        lowers: directories of the image's layers, top first, relative to the scheme's root.
        upper: directory of the writable layer, relative to the scheme's root.
        work: directory of overlayfs, on the same file system.
        argv: the program, looked up in PATH of ``env`` when it has no slash, and its arguments.
        env: its whole environment, but for HOME, which is the user's when missing.
        cwd: absolute path in the container; made when missing.
        user: ``""``, ``name[:group]`` or ``uid[:gid]``, looked up in the container.
        groups: names or ids of further groups, looked up there too.
        hostname: at most 64 bytes.
        network: ``"none"``: only a loopback of its own; ``"private"``: also a way out through a program of the host; ``"host"``: the host's.
        programs: which program may be it, best first, of ``NETWORK_PROGRAMS``.
        peer: pid and birth of a process whose network it shares, of which ``network`` then says the kind; None for none.
        ports: what is published of a private network.
        binds: directories and files of the host.
        mounts: in the order in which they are made.
        files: below /run/dockmagic, read-only: (name, content, mode).
        capabilities: the bounding set, and what root has.
        no_new_privileges: set-user-ID programs give nothing.
        seccomp: one more filter, as ``seccomp_profile`` compiles it; b"" for none.
        read_only: nothing can be written to the root; tmpfs and volumes can be.
        sysctls: (name, value) of settings below /proc/sys that the container has for itself.
        init: PID 1 is a process that starts the program and waits for orphans.
        add_hosts: lines of /etc/hosts: (address, name).
        dns: name servers of /etc/resolv.conf; see ``names.resolver`` for this and the next two.
        dns_search: domains of it.
        dns_options: options of it.
        epoch: seconds since 1970, the time stamps of what dockmagic provides.
        limits: what it may use.
        task: in place of the program, for ``parcels.work``; () for none.
        purpose: ``"run"`` or ``"build"`` (a RUN instruction).
        owners: the side table that an earlier process on this writable layer left (``Exit.owners``).
    """

    lowers: tuple[str, ...]
    upper: str
    work: str
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = "/"
    user: str = ""
    groups: tuple[str, ...] = ()
    hostname: str = "dockmagic"
    network: Network = "none"
    programs: tuple[str, ...] = NETWORK_PROGRAMS
    peer: tuple[int, int] | None = None
    ports: tuple[Port, ...] = ()
    binds: tuple[Bind, ...] = ()
    mounts: tuple[Mount, ...] = ()
    files: tuple[tuple[str, bytes, int], ...] = ()
    capabilities: tuple[str, ...] = DEFAULT_CAPABILITIES
    no_new_privileges: bool = True
    seccomp: bytes = field(default=b"", repr=False)
    read_only: bool = False
    sysctls: tuple[tuple[str, str], ...] = ()
    init: bool = False
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    add_hosts: tuple[tuple[str, str], ...] = ()
    epoch: int = 0
    limits: Limits = field(default_factory=Limits)
    task: tuple[str, ...] = ()
    purpose: Literal["run", "build"] = "run"
    owners: Mapping[str, list[int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON; of ``files`` and ``mounts`` without their content, which goes beside it: see :meth:`contents`."""
        told = asdict(self)
        told["seccomp"] = self.seccomp.hex()
        told["files"] = [(name, len(content), mode) for name, content, mode in self.files]
        told["mounts"] = [{**asdict(mount), "content": len(mount.content)} for mount in self.mounts]
        return told

    def contents(self) -> list[bytes]:
        """The content of all files, in order: those of ``files``, then those of ``mounts``."""
        return [*(content for _, content, _ in self.files), *(mount.content for mount in self.mounts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a process ended.

    Attributes:
        code: docker's exit code: its own, 126, 127, or 128 + the signal.
        signalled: the signal's number, or 0.
        not_started: the program could not be executed (codes 126 and 127); the container was built.
        killed: it was ended from outside: by ``kill``, by an interrupt that it did not heed, by the end of the launch server, or
            by the kernel for want of memory.
        stopped: the limit that it met, e.g. ``"memory limit"``, or "".
        limits: what held each limit: ``"cgroup v2"``, ``"cgroup v1"``, ``"watchdog"``; of cpus ``"processors"`` that it may use.
        owners: inode number in the upper directory to ``[uid, gid]``: owners that no xattr could hold (single ids only).
        user: uid and gid that it ran as, in the container.
        notes: what was honoured more weakly than asked, in words.
    """

    code: int
    signalled: int = 0
    not_started: bool = False
    killed: bool = False
    stopped: str = ""
    limits: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, list[int]] = field(default_factory=dict)
    user: tuple[int, int] = (0, 0)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """How strong the walls of every container of a runtime are.

    Attributes:
        tier: ``"T0"``: all walls; ``"T1"``: those that a pod allows; ``"T2"``: none.
        ids: ``"range"`` of ids, or a ``"single"`` one.
        notes: what is weaker than it could be, in words.
    """

    tier: Tier
    ids: Ids
    notes: tuple[str, ...] = ()
