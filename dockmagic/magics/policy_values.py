"""What the words after options that say how a container lives mean, by docker's rules and in its words; see :mod:`dockmagic.magics.values`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from dockmagic.exchange import sizes

_ALL = "ALL"
# Docker's word for taking what was set before back, where nothing was.
_RESET = "RESET"
_WHITE = " \t"


class Restart(NamedTuple):
    """A ``--restart``."""

    name: str
    retries: int = 0


def restart(text: str) -> Restart:
    """``no``, ``always``, ``unless-stopped``, ``on-failure[:RETRIES]``."""
    name, colon, retries = text.partition(":")
    if colon and not name:
        raise ValueError("invalid restart policy format: no policy provided before colon")
    if retries and not re.fullmatch(r"[+-]?\d{1,18}", retries, re.ASCII):
        raise ValueError("invalid restart policy format: maximum retry count must be an integer")
    return Restart(name, int(retries or 0))


def swap(text: str) -> int:
    """Bytes of memory and swap together; -1 for as much as there is."""
    return -1 if text == "-1" else sizes.binary(text)


def pid_mode(text: str) -> str:
    """``host``, ``container:NAME``, or nothing."""
    if text not in {"", "host"} and not re.fullmatch("container:.+", text):
        raise ValueError("--pid: invalid PID mode")
    return text


def uts_mode(text: str) -> str:
    """``host``, or nothing."""
    if text not in {"", "host"}:
        raise ValueError("--uts: invalid UTS mode")
    return text


def label(text: str) -> str:
    """``KEY`` or ``KEY=VALUE``, as it stands."""
    key = text.partition("=")[0].lstrip(_WHITE)
    if not key:
        raise ValueError(f"invalid label '{text}': empty name")
    if any(character in key for character in _WHITE):
        raise ValueError(f"label '{key}' contains whitespaces")
    return text


def label_pair(text: str) -> tuple[str, str]:
    """The same as name and value; a name alone has an empty one."""
    key, _, value = label(text).partition("=")
    return key, value


def capability(text: str) -> str:
    """A capability with its prefix and in capitals: ``net_raw`` is ``CAP_NET_RAW``; ``ALL`` and ``RESET`` stay."""
    name = text.strip().upper()
    return name if name in {_ALL, _RESET} or name.startswith("CAP_") else f"CAP_{name}"


def added_and_dropped(add: Iterable[str], drop: Iterable[str]) -> tuple[list[str], list[str]]:
    """What ``--cap-add`` and ``--cap-drop`` come to together: ``ALL`` stands for all others, and an added one is not dropped."""
    added, dropped = (set(map(capability, names)) for names in (add, drop))
    added, dropped = ({_ALL} if _ALL in names else names for names in (added, dropped))
    return sorted(added - {_RESET}), sorted(dropped - added - {_RESET})
