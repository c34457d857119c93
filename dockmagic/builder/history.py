"""How an instruction stands in an image's history, and how it is shown again. Pure.

``created_by`` is worded as Docker words it: RUN with its shell and build arguments, the others as they are after
variables were replaced. The instruction as it was written stands in ``comment``, so that it can be shown of an image that
was built elsewhere, and never with a build argument's value.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence

from dockmagic.dockerfile import instructions as kinds
from dockmagic.dockerfile.instructions import format_duration
from dockmagic.dockerfile.quoting import quote
from dockmagic.oci.config import History

_WRITTEN = "dockmagic: "
_SHELL = "/bin/sh -c "
_NO_OPERATION = "#(nop)"
_BUILDKIT = " # buildkit"
_ARGUMENTS = re.compile(r"\|\d+ ")


def row(written: str, created_by: str, *, epoch: int, empty_layer: bool) -> History:
    """A row of the history.

    Args:
        written: the instruction's first line.
        created_by: in Docker's words.
        epoch: seconds since 1970.
        empty_layer: it made no layer.
    """
    return History(
        created=rfc3339(epoch), created_by=created_by, comment=f"{_WRITTEN}{written}", empty_layer=empty_layer
    )


def rfc3339(epoch: int) -> str:
    """Seconds since 1970 as the specification writes dates."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def instruction_of(entry: History) -> str:
    """The instruction of a row, as written where it is known; Docker's own words are taken apart."""
    if entry.comment.startswith(_WRITTEN):
        return entry.comment.removeprefix(_WRITTEN)
    text = entry.created_by.removesuffix(_BUILDKIT)
    if text.startswith("RUN "):
        return f"RUN {_command(text.removeprefix('RUN '))}"
    if text.startswith(_SHELL):
        command = text.removeprefix(_SHELL)
        if command.startswith(_NO_OPERATION):
            return command.removeprefix(_NO_OPERATION).strip()
        return f"RUN {command}"
    if _ARGUMENTS.match(text):
        return f"RUN {_command(text)}"
    return text


def _command(text: str) -> str:
    """What a shell was given, without the build arguments before it."""
    if _ARGUMENTS.match(text):
        _, shell, command = text.partition(f" {_SHELL}")
        return command if shell else "…"
    return text.removeprefix(_SHELL)


def run_words(argv: Sequence[str], arguments: Mapping[str, str]) -> str:
    """``RUN`` with the build arguments that it sees."""
    values = [f"{name}={value}" for name, value in arguments.items()]
    return " ".join(["RUN", *([f"|{len(values)}", *values] if values else []), *argv])


def quoted_words(keyword: str, words: Sequence[str]) -> str:
    """``CMD ["a" "b"]``."""
    return f"{keyword} [{' '.join(map(quote, words))}]"


def list_words(keyword: str, words: Sequence[str]) -> str:
    """``VOLUME [/a /b]``."""
    return f"{keyword} [{' '.join(words)}]"


def transfer_words(instruction: kinds.Copy | kinds.Add) -> str:
    """``COPY --chown=OWNER SOURCE… DESTINATION``: without the flags that only say where from and how."""
    parents = ["--parents"] if isinstance(instruction, kinds.Copy) and instruction.parents else []
    flags = [f"--{name}={value}" for name in ("chown", "chmod") if (value := getattr(instruction, name))]
    inline = (f"<<{each.path}" for each in instruction.inline)
    words = (*parents, *flags, *instruction.sources, *inline, instruction.destination)
    return " ".join([instruction.keyword, *words])


def health_words(instruction: kinds.Healthcheck) -> str:
    """``HEALTHCHECK {Test:[CMD a] Interval:5s …}``."""
    times = {
        "Interval": instruction.interval,
        "Timeout": instruction.timeout,
        "StartPeriod": instruction.start_period,
        "StartInterval": instruction.start_interval,
    }
    shown = " ".join(f"{name}:{format_duration(time)}" for name, time in times.items())
    return f"HEALTHCHECK {{Test:[{' '.join(instruction.test)}] {shown} Retries:{instruction.retries}}}"
