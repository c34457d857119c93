"""Who a process runs as: ``USER`` of an image or ``-u``, looked up in the container's own /etc/passwd and /etc/group.

The files are hostile: only regular files on the root's own file system are read, without blocking, and no more than 1 MB of them
(CVE-2024-9676, CVE-2026-47262). Numbers are plain decimal digits below 65,536; anything else is a name (CVE-2024-40635).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from dockmagic.sandbox.places import WITHIN
from dockmagic.syscalls import files

IDS = 65536
_LIMIT = 1 << 20
_PASSWD_FIELDS = 7
_GROUP_FIELDS = 4


class Refused(Exception):  # noqa: N818 - the request is at fault, not a program
    """The caller asked for something that the image does not have or that is not allowed; in words for the user."""


class Account:
    """A user as setuid(2) and the environment want it.

    Attributes:
        home: the value of HOME.
        groups: supplementary group ids.
    """

    __slots__ = ("gid", "groups", "home", "uid")

    def __init__(self, uid: int, gid: int, groups: list[int], home: str) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.home = home


def resolve(wanted: str, root: int, further: Sequence[str] = ()) -> Account:
    """Look ``wanted`` up below the directory that ``root`` is open on.

    Args:
        wanted: ``""`` (root), ``name``, ``uid``, ``name:group``, ``uid:gid`` and mixtures.
        root: descriptor of the container's root.
        further: names or ids of groups that it is in besides its own.

    Raises:
        Refused: no such user or group, a number out of range, or a file that cannot be trusted.
    """
    passwd = read(root, "etc/passwd", needed=bool(wanted))
    group = read(root, "etc/group", needed=bool(further or wanted.partition(":")[2]))
    found = look_up(wanted, passwd, group)
    found.groups = list(dict.fromkeys([*found.groups, *(_group(name, group) for name in further)]))
    return found


def look_up(wanted: str, passwd: str, group: str) -> Account:
    """As :func:`resolve`, on the files' texts."""
    user, _, wanted_group = wanted.partition(":")
    number = _number(user or "0", "uid")
    entry = next((e for e in users(passwd) if (e[1] == number if number is not None else e[0] == user)), None)
    if entry is None and number is None:
        raise Refused(f'the image has no user "{user}"')
    name, uid, gid, home = entry or ("", number or 0, 0, "/")
    if wanted_group:
        return Account(uid, _group(wanted_group, group), [], home)
    memberships = [g for _, g, members in groups(group) if name and name in members]
    return Account(uid, gid, memberships, home)


def users(passwd: str) -> list[tuple[str, int, int, str]]:
    """Name, uid, gid and home of each sound line; passwd(5)."""
    found = []
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) >= _PASSWD_FIELDS - 1 and _is_id(fields[2]) and _is_id(fields[3]):
            found.append((fields[0], int(fields[2]), int(fields[3]), fields[5] or "/"))
    return found


def groups(group: str) -> list[tuple[str, int, list[str]]]:
    """Name, gid and members of each sound line; group(5)."""
    found = []
    for line in group.splitlines():
        fields = line.split(":")
        if len(fields) >= _GROUP_FIELDS - 1 and _is_id(fields[2]):
            members = fields[3].split(",") if len(fields) >= _GROUP_FIELDS else []
            found.append((fields[0], int(fields[2]), members))
    return found


def read(root: int, path: str, *, needed: bool) -> str:
    """A small regular file of the container as text; "" when it is not there and not needed.

    Raises:
        Refused: it is needed and not there, not a regular file, or too long.
    """
    try:
        descriptor = files.openat2(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY, resolve=WITHIN, dir_fd=root)
    except OSError as error:
        if needed and not isinstance(error, FileNotFoundError):
            raise Refused(f"/{path} of the image cannot be read: {error.strerror}") from error
        return ""
    try:
        found = os.fstat(descriptor)
        sound = stat.S_ISREG(found.st_mode) and found.st_size <= _LIMIT
        content = os.read(descriptor, _LIMIT + 1) if sound else b""
        if sound and len(content) <= _LIMIT:
            return content.decode("utf-8", "surrogateescape")
    finally:
        os.close(descriptor)
    if needed:
        raise Refused(f"/{path} of the image is not an ordinary file of at most 1 MB")
    return ""


def _group(wanted: str, group: str) -> int:
    number = _number(wanted, "gid")
    for name, gid, _ in groups(group):
        if gid == number if number is not None else name == wanted:
            return gid
    if number is None:
        raise Refused(f'the image has no group "{wanted}"')
    return number


def _number(text: str, what: str) -> int | None:
    """A number in plain decimal digits; None for a name."""
    if not (text.isascii() and text.isdigit()):
        return None
    if not _is_id(text):
        raise Refused(f"{what} {text[:20]} is out of range: a container has the ids 0 to {IDS - 1}")
    return int(text)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(IDS)) + 5 and int(text) < IDS
