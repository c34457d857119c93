"""The words that ``--network`` takes. Pure."""

from __future__ import annotations

from typing import Literal

from dockmagic.sandbox.spec import NETWORK_PROGRAMS

SHARED = "container:"
PRIVATE = ("private", "bridge", "default")
NAMES = ("none", "host", *PRIVATE, *NETWORK_PROGRAMS)
_HINT = "none, private (also bridge, default), private by pasta or slirp4netns alone, host, container:NAME"


def of_run(text: str) -> str:
    """A word that ``--network`` of a run takes.

    Raises:
        ValueError: it takes another.
    """
    if text in NAMES or (text.startswith(SHARED) and text != SHARED):
        return text
    raise ValueError(f"it is none of {_HINT}")


def of_build(text: str) -> Literal["default", "none", "private", "host"]:
    """The same of a build, with the name that the builder has for it.

    Raises:
        ValueError: it takes another.
    """
    if text.startswith(SHARED):
        raise ValueError("RUN shares no container's network; it is none of default, private, host, none")
    match of_run(text):
        case "none" | "host" | "default" as same:
            return same
        case _:
            return "private"
