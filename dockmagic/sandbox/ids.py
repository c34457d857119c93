"""Which ids containers have: the scheme that the outer user namespace of a launch server is mapped by.

- ``range-<base>``: real root; inside 0..65535 is outside base..base+65535, of root's line in /etc/subuid or far above all users.
- ``range-<uid>-<base>``: a user with 65,535 subordinate ids and newuidmap(1); inside 0 is the user, the rest the range. Root of a user
  namespace (of rootless podman's or docker's container) is such a user, whose range is of the namespace's own ids.
- ``single-<uid>``: a user without; inside 0 is the user, and there is nothing else.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

IDS = 65536
# Above the ids of systemd's dynamic users and of the usual subordinate ranges, and below 2^31.
FAR_BASE = 1879048192

_WHOLE_RANGE = "0 0 65536\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One way to map ids.

    Attributes:
        name: part of the store's paths.
        kind: what is mapped: a range far from all users, the user and a range, or the one id that everybody may map.
        uid_base: first outside uid of the range, 0 for a single id.
        gid_base: the same for gids.
        owner: outside uid and gid that are 0 inside.
    """

    name: str
    kind: Literal["root", "subordinate", "single"]
    uid_base: int
    gid_base: int
    owner: tuple[int, int]

    @property
    def single(self) -> bool:
        """There is one id only."""
        return self.kind == "single"

    @property
    def inner_map(self) -> str:
        """The map of a container's own namespace below the outer one: the same ids, by as many lines as the outer has."""
        return {"root": _WHOLE_RANGE, "subordinate": f"0 0 1\n1 1 {IDS - 1}\n", "single": "0 0 1\n"}[self.kind]

    def write(self, pid: int) -> None:
        """Map the ids of the user namespace that ``pid`` has just made.

        Raises:
            OSError: the kernel or newuidmap refuses.
        """
        if self.kind == "subordinate" and os.geteuid():
            _run_mapper("newuidmap", pid, self.owner[0], self.uid_base)
            _run_mapper("newgidmap", pid, self.owner[1], self.gid_base)
            return
        if self.single:
            Path(f"/proc/{pid}/setgroups").write_text("deny")
        Path(f"/proc/{pid}/uid_map").write_text(self._outer_map(self.owner[0], self.uid_base))
        Path(f"/proc/{pid}/gid_map").write_text(self._outer_map(self.owner[1], self.gid_base))

    def _outer_map(self, own: int, base: int) -> str:
        if self.kind == "subordinate":
            return f"0 {own} 1\n1 {base} {IDS - 1}\n"
        return f"0 {own} {1 if self.single else IDS}\n"


def candidates() -> list[Scheme]:
    """The schemes that this user may have, best first; whether one works is seen by trying."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0 and not _is_real_root():
        uids, gids = room(_map("uid_map")), room(_map("gid_map"))
        return [*([_user_and_range(0, 0, uids, gids)] if uids and gids else []), _single(uid, gid)]
    uids, gids = _granted("/etc/subuid", uid, IDS - bool(uid)), _granted("/etc/subgid", uid, IDS - bool(uid))
    if uid == 0:
        base, gid_base = (uids, gids) if uids and gids else (FAR_BASE, FAR_BASE)
        owner = (base, gid_base)
        return [Scheme(name=_name("", *owner), kind="root", uid_base=base, gid_base=gid_base, owner=owner)]
    if uids and gids and shutil.which("newuidmap") and shutil.which("newgidmap"):
        return [_user_and_range(uid, gid, uids, gids), _single(uid, gid)]
    return [_single(uid, gid)]


def room(id_map: str) -> int:
    """Where the last 65,535 ids above 0 begin that stand in one line of a map, as a map below it wants them; 0 for none.

    Args:
        id_map: as ``/proc/self/uid_map`` has it; user_namespaces(7).
    """
    extents = [(int(first), int(count)) for first, _, count in (line.split() for line in id_map.splitlines())]
    bases = [first + count - (IDS - 1) for first, count in extents if first + count - max(first, 1) >= IDS - 1]
    return max(bases, default=0)


def parse_granted(text: str, uid: int, name: str, count: int) -> int:
    """The first range of at least ``count`` ids for a user in subuid(5) or subgid(5); 0 for none."""
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) != 3 or fields[0] not in {str(uid), name}:  # noqa: PLR2004 - the format's three fields
            continue
        if fields[1].isdigit() and fields[2].isdigit() and int(fields[2]) >= count:
            return int(fields[1])
    return 0


def alone() -> Scheme:
    """The scheme of this user's one id."""
    return _single(os.geteuid(), os.getegid())


def _user_and_range(uid: int, gid: int, uids: int, gids: int) -> Scheme:
    name = _name(f"{uid}-", uids, gids)
    return Scheme(name=name, kind="subordinate", uid_base=uids, gid_base=gids, owner=(uid, gid))


def _single(uid: int, gid: int) -> Scheme:
    return Scheme(name=f"single-{uid}", kind="single", uid_base=0, gid_base=0, owner=(uid, gid))


def _name(prefix: str, base: int, gid_base: int) -> str:
    return f"range-{prefix}{base}" + ("" if base == gid_base else f".{gid_base}")


def _granted(path: str, uid: int, count: int) -> int:
    try:
        text = Path(path).read_text("utf-8", "replace")
    except OSError:
        return 0
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return parse_granted(text, uid, name, count)


def _is_real_root() -> bool:
    """Uid 0 here is the machine's own, not the root of a namespace."""
    return _map("uid_map").split() == ["0", "0", "4294967295"]


def _map(name: str) -> str:
    return Path(f"/proc/self/{name}").read_text("ascii")


def _run_mapper(program: str, pid: int, own: int, base: int) -> None:
    words = [program, str(pid), "0", str(own), "1", "1", str(base), str(IDS - 1)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={"PATH": os.environ.get("PATH", "")})
    if done.returncode:
        raise PermissionError(1, f"{program}: {done.stderr.strip() or f'exit code {done.returncode}'}")
