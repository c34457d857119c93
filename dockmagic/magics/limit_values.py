"""What the words after options that limit a container mean; see :mod:`dockmagic.magics.values`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dockmagic.exchange import sizes

if TYPE_CHECKING:
    from dockmagic.sandbox.spec import Limits

# As docker has it: less holds no process.
_LEAST_MEMORY = 6 << 20


def limits(options: Mapping[str, Any]) -> Limits:
    """The options' values together."""
    from dockmagic.sandbox.spec import Limits  # noqa: PLC0415 - %load_ext need not wait for it

    return Limits(
        pids=options["pids_limit"],
        memory=options["memory"],
        cpus=options["cpus"],
        disk=options["disk"],
        shm=options["shm_size"],
        ulimits=options["ulimit"],
    )


def size(text: str) -> int:
    """Bytes: ``256m``, ``1.5g``, with units of 1024 as docker has them; a plain number counts bytes."""
    count = sizes.binary(text)
    if count <= 0:
        raise ValueError("it must be more than nothing")
    return count


def memory(text: str) -> int:
    """The same, at least 6 MiB."""
    count = size(text)
    if count < _LEAST_MEMORY:
        raise ValueError("the least is 6m")
    return count


def cpus(text: str) -> float:
    """A number of processors: ``1.5``."""
    if not re.fullmatch(r"\d{1,6}(\.\d{0,6})?|\.\d{1,6}", text, re.ASCII):
        raise ValueError("it is no number of processors such as 1.5")
    found = float(text)
    if found < 0.01:  # noqa: PLR2004 - the kernel's least: 1 ms of 100
        raise ValueError("the least is 0.01")
    return found


def pids(text: str) -> int:
    """A number of processes; ``-1`` or ``0`` for any."""
    if text in {"-1", "0"}:
        return 0
    if not re.fullmatch(r"\d{1,7}", text, re.ASCII):
        raise ValueError("it is no number of processes")
    return int(text)


def retries(text: str) -> int:
    """A number of attempts."""
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise ValueError("it is no number of attempts")
    return int(text)


def ulimit(text: str) -> tuple[str, int, int]:
    """``NAME=SOFT[:HARD]``, -1 or ``unlimited`` for none."""
    from dockmagic.sandbox.spec import ULIMITS  # noqa: PLC0415 - %load_ext need not wait for it

    name, equals, numbers = text.partition("=")
    if name not in ULIMITS:
        raise ValueError(f"{name!r} is none of {', '.join(ULIMITS)}")
    soft, colon, hard = numbers.partition(":")
    words = [soft, hard if colon else soft]
    if not equals or not all(re.fullmatch(r"-1|unlimited|\d{1,18}", word, re.ASCII) for word in words):
        raise ValueError("it is no NAME=SOFT[:HARD]")
    low, high = (-1 if word in {"-1", "unlimited"} else int(word) for word in words)
    if high != -1 and (low == -1 or low > high):
        raise ValueError("the soft limit is above the hard one")
    return name, low, high
