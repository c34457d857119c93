"""What a container executes: pure functions from the image's config and the caller's words to an argument vector."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dockmagic.errors import UsageError

SCRIPT_NAME = "script"
SCRIPT_PATH = f"/run/dockmagic/{SCRIPT_NAME}"
DEFAULT_INTERPRETER = ("/bin/sh", "-e")
# "take the command from the next word", also as the last of several letters
_COMMAND_FLAG = re.compile(r"-[a-zA-Z]*c")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What an image says about its processes; () or "" where it says nothing."""

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    user: str = ""
    workdir: str = ""


def words(command: Sequence[str] | str) -> tuple[str, ...]:
    """A command's words; a text is split by the shell's rules of quoting, and nothing in it is expanded.

    Raises:
        UsageError: a quote is not closed.
    """
    if not isinstance(command, str):
        return tuple(command)
    try:
        return tuple(shlex.split(command))
    except ValueError:
        raise UsageError("a quote is not closed in the command", hint="or give it as a list of words") from None


def script_argv(script: str, args: Sequence[str], *, interp: str | None, shell: Sequence[str]) -> tuple[str, ...]:
    """The command that runs ``script``, which stands as a read-only file at :data:`SCRIPT_PATH`.

    The interpreter is ``interp``, else the script's shebang, else the image's explicit SHELL without its trailing
    ``-c``, which may be the last letter of several (``-euc``), else ``/bin/sh -e``.

    Raises:
        UsageError: ``interp`` has unbalanced quotes.
    """
    return (*interpreter(script, interp=interp, shell=shell), SCRIPT_PATH, *args)


def interpreter(script: str, *, interp: str | None, shell: Sequence[str]) -> tuple[str, ...]:
    """The words before the script's path; see :func:`script_argv`."""
    if interp:
        try:
            words = tuple(shlex.split(interp))
        except ValueError:
            raise UsageError("--interp: unbalanced quotes") from None
        if words:
            return words
    if script.startswith("#!"):
        # as execve(2) reads it: the interpreter, then everything else as one argument
        words = tuple(script[2:].split("\n", 1)[0].strip(" \t\r").split(None, 1))
        if words:
            return words
    if len(shell) > 1 and _COMMAND_FLAG.fullmatch(shell[-1]):
        flags = shell[-1][:-1]
        return (*shell[:-1], *((flags,) if flags != "-" else ()))
    return tuple(shell) or DEFAULT_INTERPRETER


def image_argv(image: Defaults, args: Sequence[str], *, entrypoint: str | None) -> tuple[str, ...]:
    """The image's own command: ENTRYPOINT, then ``args`` or else CMD; ``entrypoint`` replaces the first and drops CMD.

    Returns:
        () where the image has none and none was given.

    Raises:
        UsageError: ``entrypoint`` has unbalanced quotes.
    """
    if entrypoint is not None:
        return (*((entrypoint,) if entrypoint else ()), *args)
    return (*image.entrypoint, *(args or image.cmd))


def environment(image: Defaults, extra: Mapping[str, str], *, hostname: str) -> tuple[tuple[str, str], ...]:
    """A container's whole environment, in order: the image's, docker's defaults, then ``extra``."""
    env: dict[str, str] = {"PATH": DEFAULT_PATH, "HOSTNAME": hostname}
    for item in image.env:
        key, _, value = item.partition("=")
        env[key] = value
    env.update(extra)
    return tuple(env.items())
