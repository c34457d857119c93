"""What can stand at the end of a Dockerfile that is being written: instructions, flags, mounts, stages, images, variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dockmagic.dockerfile.instructions.flags import Kind
from dockmagic.dockerfile.instructions.mounts import SHARING, TYPES
from dockmagic.dockerfile.instructions.reading import FLAGS, NAMES, NETWORKS
from dockmagic.dockerfile.lexer.lines import Reader
from dockmagic.errors import DockerfileError

# dockerfile(5) and BuildKit's reference, RUN --mount
MOUNT_KEYS = {
    "bind": ("type", "target", "source", "from", "rw"),
    "cache": ("type", "target", "id", "from", "source", "sharing", "ro", "mode", "uid", "gid"),
    "tmpfs": ("type", "target", "size"),
    "secret": ("type", "id", "target", "env", "required", "mode", "uid", "gid"),
    "ssh": ("type", "id", "target", "required", "mode", "uid", "gid"),
}
_BARE = frozenset({"ro", "rw", "required"})
_COPIES = frozenset({"ADD", "COPY"})
_BASES = ("localhost/base", "localhost/python", "scratch")
_STAGE = re.compile(r"^[ \t]*FROM[ \t].*[ \t]AS[ \t]+(\S+)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_DECLARED = re.compile(r"^[ \t]*(?:ARG|ENV)[ \t]+([^\n]*)", re.IGNORECASE | re.MULTILINE)
# A character for private use, which no Dockerfile has.
_CURSOR = "\ue000"
_VARIABLE = re.compile(r"\$\{?(\w*)$")

Names = Callable[[], Sequence[str]]
# The paths of a directory that a text begins.
Paths = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What may be put in the place of the text's end.

    Attributes:
        fragment: that end.
        words: in its place, sorted; each begins with it.
    """

    fragment: str
    words: tuple[str, ...]


_NOTHING = Offer(fragment="", words=())


def complete(before: str, *, images: Names, files: Paths) -> Offer:
    """What may stand at the end of ``before``, the Dockerfile up to the cursor.

    Args:
        before: the text.
        images: gives names of images; asked only where one may stand.
        files: gives paths of the build context that a text begins; the same.
    """
    statement = _statement(before)
    if statement is None:
        return _NOTHING
    if variable := _VARIABLE.search(statement):
        return _offer(variable[1], _variables(before))
    words = re.split(r"[ \t]+", statement.lstrip())
    if len(words) > 1 and words[0].upper() == "ONBUILD":
        del words[0]
    *done, word = words
    if not done:
        return _instructions(word)
    name, flags = done[0].upper(), done[1:]
    if name in _COPIES and not word.startswith("-"):
        return _NOTHING if any(flag.startswith("--from=") for flag in flags) else _offer(word, files(word))
    if not all(flag.startswith("--") for flag in flags):
        return _offer(word, ["AS"]) if name == "FROM" and len(flags) == 1 + _flags_in(flags) else _NOTHING
    if word.startswith("-"):
        return _flag(name, word, lambda: [*_stages(before), *images()])
    return _offer(word, [*_stages(before), *_BASES, *images()]) if name == "FROM" else _NOTHING


def _statement(before: str) -> str | None:
    """The instruction that the text ends in, its continued lines joined; None in a comment or here-document."""
    last = ""
    try:
        for line in Reader(f"{before}{_CURSOR}"):
            last = line.code
    except DockerfileError:
        return None
    return last.removesuffix(_CURSOR) if last.endswith(_CURSOR) else None


def _flags_in(words: Iterable[str]) -> int:
    return sum(word.startswith("--") for word in words)


def _instructions(word: str) -> Offer:
    lower = word != "" and word == word.lower()
    return _offer(word, [name.lower() if lower else name for name in NAMES if name != "MAINTAINER"])


def _flag(instruction: str, word: str, sources: Names) -> Offer:
    """A flag's name, or what may stand behind its ``=``."""
    known = FLAGS.get(instruction, {})
    name, equals, value = word.removeprefix("--").partition("=")
    if not equals:
        return _offer(word, [f"--{flag}" if kind is Kind.SWITCH else f"--{flag}=" for flag, kind in known.items()])
    match name if name in known else "":
        case "from":
            return _offer(value, sources())
        case "network":
            return _offer(value, NETWORKS)
        case "mount":
            return _mount(value, sources)
        case "link" | "parents" | "keep-git-dir" | "unpack":
            return _offer(value, ["true", "false"])
        case _:
            return _NOTHING


def _mount(value: str, sources: Names) -> Offer:
    *earlier, field = value.split(",")
    kind = next((each.partition("=")[2] for each in earlier if each.startswith("type=")), "bind")
    key, equals, text = field.partition("=")
    if not equals:
        given = {each.partition("=")[0] for each in earlier}
        keys = [key for key in MOUNT_KEYS.get(kind, ()) if key not in given]
        return _offer(field, [key if key in _BARE else f"{key}=" for key in keys])
    match key:
        case "type":
            return _offer(text, TYPES)
        case "sharing":
            return _offer(text, SHARING)
        case "from":
            return _offer(text, sources())
        case _:
            return _NOTHING


def _stages(text: str) -> list[str]:
    """Names of the stages above; what is written now is none of them."""
    return _STAGE.findall(text.rpartition("\n")[0])


def _variables(text: str) -> list[str]:
    declared = " ".join(_DECLARED.findall(text.rpartition("\n")[0]))
    return re.findall(r"(?:^|(?<=[ \t]))([A-Za-z_]\w*)(?==|[ \t]|$)", declared)


def _offer(fragment: str, words: Iterable[str]) -> Offer:
    fitting = {word for word in words if word.startswith(fragment) and word != fragment}
    return Offer(fragment=fragment, words=tuple(sorted(fitting)))
