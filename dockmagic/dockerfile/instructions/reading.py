"""From a node to its instruction: flags and arguments checked, names in their case, values still as written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NoReturn, TypedDict

from dockmagic.dockerfile.instructions import kinds
from dockmagic.dockerfile.instructions.devices import parse_device
from dockmagic.dockerfile.instructions.flags import Flags, Kind, parse_flags
from dockmagic.dockerfile.instructions.mounts import parse_mount
from dockmagic.dockerfile.instructions.quantities import parse_duration, parse_int32
from dockmagic.dockerfile.instructions.suggestion import did_you_mean
from dockmagic.dockerfile.lexer.blanks import BLANK_RUN, SPACES
from dockmagic.dockerfile.lexer.heredoc import without_heredocs
from dockmagic.dockerfile.lexer.lines import split_command
from dockmagic.dockerfile.location import fault, reason_of
from dockmagic.dockerfile.parser import Node, parse
from dockmagic.dockerfile.quoting import quote
from dockmagic.errors import DockerfileError, Location

_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*\Z")
_ONBUILD = re.compile(r"\A\s*ONBUILD\s*", re.IGNORECASE | re.ASCII)
_NETWORKS = ("default", "none", "host")
_SECURITY = ("sandbox", "insecure")
_MIN_INTERVAL = 1_000_000

_TRANSFER_FLAGS = {"chown": Kind.TEXT, "chmod": Kind.TEXT, "link": Kind.SWITCH, "exclude": Kind.TEXTS}
_COPY_FLAGS = _TRANSFER_FLAGS | {"from": Kind.TEXT, "parents": Kind.SWITCH}
_ADD_FLAGS = _TRANSFER_FLAGS | {"checksum": Kind.TEXT, "keep-git-dir": Kind.SWITCH, "unpack": Kind.SWITCH}
_RUN_FLAGS = {"mount": Kind.TEXTS, "network": Kind.TEXT, "security": Kind.TEXT, "device": Kind.TEXTS}
_TIMES = ("interval", "timeout", "start-period", "start-interval")
_HEALTH_FLAGS = dict.fromkeys((*_TIMES, "retries"), Kind.TEXT)


class _Place(TypedDict):
    source: str
    code: str
    location: Location
    comments: tuple[str, ...]


def parse_instruction(node: Node) -> kinds.Instruction:
    """The instruction that ``node`` is.

    Raises:
        DockerfileError: with location. No such instruction, a bad flag, too few or too many arguments.
    """
    try:
        return _READERS.get(node.name.lower(), _unknown)(node)
    except DockerfileError as error:
        raise fault(error.message, node.location) from None


def parse_trigger(expression: str) -> kinds.Instruction:
    """The instruction of an ONBUILD trigger, as an image's config keeps it.

    Raises:
        DockerfileError: it is none, or several; without location, for it stands in no text of the reader's.
    """
    try:
        nodes = parse(expression).nodes
        if len(nodes) == 1:
            return parse_instruction(nodes[0])
    except DockerfileError as error:
        raise DockerfileError(f"ONBUILD trigger: {reason_of(error)}") from None
    raise DockerfileError(f"ONBUILD trigger: {len(nodes)} instructions instead of one")


def _place(node: Node) -> _Place:
    return {
        "source": node.source,
        "code": node.code.strip(SPACES),
        "location": node.location,
        "comments": node.comments,
    }


def _only(node: Node) -> str:
    """The one argument of an instruction that has no flags."""
    if len(node.args) != 1:
        raise DockerfileError(f"{node.name.upper()} requires exactly one argument")
    parse_flags(node.flags, {})
    return node.args[0]


def _at_least_one(node: Node, flags: Mapping[str, Kind] | None = None) -> Flags:
    if not node.args:
        raise DockerfileError(f"{node.name.upper()} requires at least one argument")
    return parse_flags(node.flags, flags or {})


def _documentation(node: Node, name: str) -> str:
    """What a comment line above says of ``name``: ``# name its description``."""
    found = (comment.removeprefix(f"{name} ") for comment in node.comments if comment.startswith(f"{name} "))
    return next(found, "") if name else ""


def _unknown(node: Node) -> NoReturn:
    raise DockerfileError(f"unknown instruction: {node.name}{did_you_mean(node.name, _NAMES, any_case=True)}")


def _from(node: Node) -> kinds.From:
    written = ""
    if len(node.args) == 3 and node.args[1].lower() == "as":  # noqa: PLR2004 - BASE AS NAME
        written = node.args[2]
        if not _STAGE_NAME.match(written.lower()):
            reason = "name can't start with a number or contain symbols"
            raise DockerfileError(f"invalid name for build stage: {quote(written)}, {reason}")
    elif len(node.args) != 1:
        raise DockerfileError("FROM requires either one or three arguments")
    flags = parse_flags(node.flags, {"platform": Kind.TEXT})
    name = written.lower()
    return kinds.From(
        base=node.args[0],
        platform=flags.text("platform"),
        name=name,
        written_name=written,
        comment=_documentation(node, name),
        **_place(node),
    )


def _run(node: Node) -> kinds.Run:
    flags = parse_flags(node.flags, _RUN_FLAGS)
    return kinds.Run(
        command=node.args,
        shell_form=not node.json,
        heredocs=node.heredocs,
        mounts=tuple(parse_mount(text) for text in flags.texts("mount")),
        network=_one_of(flags.text("network", "default"), _NETWORKS, "invalid network mode"),
        security=_one_of(flags.text("security", "sandbox"), _SECURITY, "security mode is not valid:"),
        devices=tuple(parse_device(text) for text in flags.texts("device")),
        flags_used=flags.used,
        **_place(node),
    )


def _one_of(value: str, choices: tuple[str, ...], reason: str) -> str:
    if value not in choices:
        raise DockerfileError(f'{reason} "{value}"{did_you_mean(value, choices)}')
    return value


def _cmd(node: Node) -> kinds.Cmd:
    parse_flags(node.flags, {})
    return kinds.Cmd(command=node.args, shell_form=not node.json, **_place(node))


def _entrypoint(node: Node) -> kinds.Entrypoint:
    parse_flags(node.flags, {})
    return kinds.Entrypoint(command=node.args, shell_form=not node.json, **_place(node))


def _copy(node: Node) -> kinds.Copy:
    _require_destination(node)
    flags = parse_flags(node.flags, _COPY_FLAGS)
    sources, inline = _sources(node)
    return kinds.Copy(
        sources=sources,
        inline=inline,
        destination=node.args[-1],
        chown=flags.text("chown"),
        chmod=flags.text("chmod"),
        link=bool(flags.switch("link")),
        exclude=flags.texts("exclude"),
        from_=flags.text("from"),
        parents=bool(flags.switch("parents")),
        **_place(node),
    )


def _add(node: Node) -> kinds.Add:
    _require_destination(node)
    flags = parse_flags(node.flags, _ADD_FLAGS)
    sources, inline = _sources(node)
    return kinds.Add(
        sources=sources,
        inline=inline,
        destination=node.args[-1],
        chown=flags.text("chown"),
        chmod=flags.text("chmod"),
        link=bool(flags.switch("link")),
        exclude=flags.texts("exclude"),
        checksum=flags.text("checksum"),
        keep_git_dir=flags.switch("keep-git-dir"),
        unpack=flags.switch("unpack"),
        **_place(node),
    )


def _require_destination(node: Node) -> None:
    if len(node.args) < 2:  # noqa: PLR2004 - a source and a destination
        reason = "requires at least two arguments, but only one was provided. Destination could not be determined"
        raise DockerfileError(f"{node.name.upper()} {reason}")


def _sources(node: Node) -> tuple[tuple[str, ...], tuple[kinds.Inline, ...]]:
    """The paths and the here-documents among all arguments but the last."""
    if not node.heredocs:
        return node.args[:-1], ()
    # "<< EOF" is one here-document, but two of the words that blanks cut.
    text, ends_with_heredoc = without_heredocs(split_command(node.code).rest)
    if ends_with_heredoc:
        raise DockerfileError(f"{node.name.upper()} cannot accept a heredoc as a destination")
    paths = BLANK_RUN.split(text.strip(SPACES))[:-1]
    inline = tuple(kinds.Inline(path=each.name, data=each.body, expand=each.expand) for each in node.heredocs)
    return tuple(paths), inline


def _pairs(node: Node) -> tuple[kinds.Pair, ...]:
    parse_flags(node.flags, {})
    if not node.args:
        raise DockerfileError(f"{node.name.upper()} requires at least one argument")
    names = node.args[::3]
    if not all(names):
        raise DockerfileError(f"{node.name.upper()} names can not be blank")
    triples = zip(names, node.args[1::3], node.args[2::3], strict=True)
    return tuple(kinds.Pair(name=name, value=value, separator=separator) for name, value, separator in triples)


def _arg(node: Node) -> kinds.Arg:
    _at_least_one(node)
    definitions: list[kinds.Definition] = []
    for word in node.args:
        name, equals, value = word.partition("=")
        if not name:
            raise DockerfileError("ARG names can not be blank")
        comment = _documentation(node, name)
        definitions.append(kinds.Definition(name=name, value=value if equals else None, comment=comment))
    return kinds.Arg(definitions=tuple(definitions), **_place(node))


def _shell(node: Node) -> kinds.Shell:
    parse_flags(node.flags, {})
    if not node.args:
        raise DockerfileError("SHELL requires at least one argument")
    if not node.json:
        raise DockerfileError("SHELL requires the arguments to be in JSON form")
    return kinds.Shell(command=node.args, **_place(node))


def _expose(node: Node) -> kinds.Expose:
    _at_least_one(node)
    return kinds.Expose(ports=tuple(sorted(node.args)), **_place(node))


def _volume(node: Node) -> kinds.Volume:
    _at_least_one(node)
    paths = tuple(path.strip(SPACES) for path in node.args)
    if not all(paths):
        raise DockerfileError("VOLUME specified can not be an empty string")
    return kinds.Volume(paths=paths, **_place(node))


def _onbuild(node: Node) -> kinds.OnBuild:
    _at_least_one(node)
    trigger = node.args[0].upper()
    if trigger == "ONBUILD":
        raise DockerfileError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in {"MAINTAINER", "FROM"}:
        raise DockerfileError(f"{trigger} isn't allowed as an ONBUILD trigger")
    expression = _ONBUILD.sub("", node.code, count=1)
    bodies = (f"\n{heredoc.content}{heredoc.name}" for heredoc in node.heredocs)
    return kinds.OnBuild(expression=expression + "".join(bodies), **_place(node))


def _healthcheck(node: Node) -> kinds.Healthcheck:
    if not node.args:
        raise DockerfileError("HEALTHCHECK requires at least one argument")
    kind, *command = node.args
    kind = kind.upper()
    if kind == "NONE":
        if command:
            raise DockerfileError("HEALTHCHECK NONE takes no arguments")
        return kinds.Healthcheck(test=(kind,), **_place(node))
    flags = parse_flags(node.flags, _HEALTH_FLAGS)
    if kind != "CMD":
        raise DockerfileError(f"Unknown type {quote(kind)} in HEALTHCHECK (try CMD)")
    if not command:
        raise DockerfileError("Missing command after HEALTHCHECK CMD")
    times = {name.replace("-", "_"): _interval(name, flags.text(name)) for name in _TIMES}
    test = ("CMD" if node.json else "CMD-SHELL", *command)
    return kinds.Healthcheck(test=test, retries=_retries(flags.text("retries")), **times, **_place(node))


def _interval(name: str, text: str) -> int:
    nanoseconds = parse_duration(text) if text else 0
    if nanoseconds and nanoseconds < _MIN_INTERVAL:
        raise DockerfileError(f"Interval {quote(name)} cannot be less than 1ms")
    return nanoseconds


def _retries(text: str) -> int:
    retries = parse_int32(text) if text else 0
    if retries < 0:
        raise DockerfileError(f"--retries cannot be negative ({retries})")
    return retries


_READERS: dict[str, Callable[[Node], kinds.Instruction]] = {
    "add": _add,
    "arg": _arg,
    "cmd": _cmd,
    "copy": _copy,
    "entrypoint": _entrypoint,
    "env": lambda node: kinds.Env(pairs=_pairs(node), **_place(node)),
    "expose": _expose,
    "from": _from,
    "healthcheck": _healthcheck,
    "label": lambda node: kinds.Label(pairs=_pairs(node), **_place(node)),
    "maintainer": lambda node: kinds.Maintainer(maintainer=_only(node), **_place(node)),
    "onbuild": _onbuild,
    "run": _run,
    "shell": _shell,
    "stopsignal": lambda node: kinds.StopSignal(signal=_only(node), **_place(node)),
    "user": lambda node: kinds.User(user=_only(node), **_place(node)),
    "volume": _volume,
    "workdir": lambda node: kinds.Workdir(path=_only(node), **_place(node)),
}
_NAMES = tuple(name.upper() for name in _READERS)

# What completion offers: the names of all instructions, and the flags of those that have some.
NAMES = _NAMES
FLAGS: Mapping[str, Mapping[str, Kind]] = {
    "ADD": _ADD_FLAGS,
    "COPY": _COPY_FLAGS,
    "FROM": {"platform": Kind.TEXT},
    "HEALTHCHECK": _HEALTH_FLAGS,
    "RUN": _RUN_FLAGS,
}
NETWORKS = _NETWORKS
