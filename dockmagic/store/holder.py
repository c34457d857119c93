"""Who works on the store: a process, named so that nobody else is ever taken for it.

A pid alone is given away again; with the process's birth (clock ticks since boot, proc(5)) it is unique for a boot. A
home directory may be shared between machines, so the machine, its boot and the pid namespace belong to the name too.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

_TOKEN = re.compile(r"(\d+)-(\d+)-([0-9a-f]{8})-([0-9a-f]{8})-(\d+)")
_STATE, _BIRTH = 0, 19  # fields 3 and 22 of /proc/PID/stat, counted behind the name's ")"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process.

    Attributes:
        pid: in its own pid namespace.
        birth: clock ticks from boot to its start; 0 where unknown.
        host: digest of the machine's name.
        boot: digest of the boot's id.
        namespace: inode of its pid namespace.
    """

    pid: int
    birth: int
    host: str
    boot: str
    namespace: int

    def token(self) -> str:
        """The holder as text, fit for a file's name."""
        return f"{self.pid}-{self.birth}-{self.host}-{self.boot}-{self.namespace}"

    @classmethod
    def parse(cls, text: str) -> Holder | None:
        """The holder whose token ``text`` begins with, None if it is no token."""
        found = _TOKEN.match(text)
        if found is None:
            return None
        pid, birth, host, boot, namespace = found.groups()
        return cls(pid=int(pid), birth=int(birth), host=host, boot=boot, namespace=int(namespace))

    def lives(self) -> bool | None:
        """Whether the process lives; None where that cannot be seen from here (another machine or pid namespace)."""
        here = of(os.getpid())
        if (self.host, self.boot, self.namespace) == (here.host, here.boot, here.namespace):
            return self.birth != 0 and birth_of(self.pid) == self.birth
        if self.host == here.host and self.boot != here.boot:
            return False
        return None


def of(pid: int) -> Holder:
    """The process with that pid, in this process's pid namespace."""
    host, boot = _machine()
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    return Holder(pid=pid, birth=birth_of(pid), host=host, boot=boot, namespace=namespace)


def birth_of(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 when there is none or it has ended (a zombie too)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = stat.rpartition(b")")[2].split()
    return 0 if fields[_STATE] in {b"Z", b"X"} else int(fields[_BIRTH])


@functools.cache
def _machine() -> tuple[str, str]:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        boot = ""
    return _short(os.uname().nodename), _short(boot)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
