"""Whose copied files are: ``--chown=USER[:GROUP]``, names looked up in the image. Pure."""

from __future__ import annotations

from dockmagic.errors import UsageError

_HIGHEST = 65535
_NAME, _ID, _GROUP = 0, 2, 3


def needs_files(text: str) -> bool:
    """Whether a name has to be looked up."""
    return not all(part == "" or _is_number(part) for part in text.split(":", 1))


def owner(text: str, passwd: str, group: str, *, asked: str = "--chown") -> tuple[int, int]:
    """(uid, gid) of ``USER[:GROUP]``.

    Without a group a name has the one that /etc/passwd gives, and a number the group of the same number, as the Dockerfile
    reference says.

    Args:
        text: as written, variables replaced.
        passwd: the image's /etc/passwd.
        group: the image's /etc/group.
        asked: what asks for it, in messages.

    Raises:
        UsageError: there is no such user or group in the image, or a number is too large.
    """
    user, colon, named_group = text.partition(":")
    if colon and not named_group:
        raise UsageError(f'{asked} {text}: the group is missing behind ":"')
    uid, gid = _user(user, passwd, asked) if user else (0, 0)
    return uid, (_group(named_group, group, asked) if named_group else gid)


def _user(name: str, passwd: str, asked: str) -> tuple[int, int]:
    if _is_number(name):
        return _number(name, asked), _number(name, asked)
    for fields in _rows(passwd, _GROUP + 1):
        if fields[_NAME] == name and _is_number(fields[_ID]) and _is_number(fields[_GROUP]):
            return _number(fields[_ID], asked), _number(fields[_GROUP], asked)
    raise UsageError(f"{asked}: no user {name} in the image's /etc/passwd", hint="add it by RUN, or give a number")


def _group(name: str, group: str, asked: str) -> int:
    if _is_number(name):
        return _number(name, asked)
    for fields in _rows(group, _ID + 1):
        if fields[_NAME] == name and _is_number(fields[_ID]):
            return _number(fields[_ID], asked)
    raise UsageError(f"{asked}: no group {name} in the image's /etc/group", hint="add it by RUN, or give a number")


def _rows(text: str, fields: int) -> list[list[str]]:
    return [row for line in text.splitlines() if len(row := line.split(":")) >= fields]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _number(text: str, asked: str) -> int:
    value = int(text) if len(text) <= len(str(_HIGHEST)) else _HIGHEST + 1
    if value > _HIGHEST:
        raise UsageError(f"{asked}: the id {text[:20]} is larger than {_HIGHEST}")
    return value
