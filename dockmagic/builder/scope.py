"""What a stage knows at one of its instructions, and what a setting makes of it. Pure.

The rules are those of the Dockerfile reference; the fields those of the OCI image configuration, with Docker's extensions.
"""

from __future__ import annotations

import posixpath
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dockmagic.builder.arguments import Arguments, variables
from dockmagic.builder.history import health_words, list_words, quoted_words
from dockmagic.dockerfile import instructions as kinds
from dockmagic.dockerfile.instructions import Instruction, exposed_ports
from dockmagic.dockerfile.location import fault
from dockmagic.oci.config import ContainerConfig

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHELL = ("/bin/sh", "-c")
_HIGHEST_SIGNAL = 64
_REAL_TIME = ("RTMIN", "RTMAX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A stage between two instructions.

    Attributes:
        config: how processes of the image are started.
        arguments: the build arguments that are declared and set, in the order of their declaration; an ENV behind an ARG sets it
            too.
        has_cmd: CMD was given in this stage, so that ENTRYPOINT keeps it.
        author: of MAINTAINER.
    """

    config: ContainerConfig
    arguments: Mapping[str, str] = field(default_factory=dict)
    has_cmd: bool = False
    author: str = ""

    def variables(self) -> dict[str, str]:
        """What the next instruction may use."""
        return variables(self.arguments, self.config.env)

    @property
    def shell(self) -> tuple[str, ...]:
        """What reads the shell form of RUN, CMD and ENTRYPOINT."""
        return self.config.shell or DEFAULT_SHELL

    @property
    def workdir(self) -> str:
        """The working directory, absolute and without ``..``: the config keeps it as it was written."""
        return absolute(self.config.working_dir)

    def command(self, instruction: kinds.Run | kinds.Cmd | kinds.Entrypoint) -> tuple[str, ...]:
        """The argument vector of an instruction; in the shell form the shell is there even without a command."""
        if instruction.shell_form:
            return (*self.shell, " ".join(instruction.command))
        return instruction.command

    def absolute(self, path: str) -> str:
        """A path of the image as it is from the working directory; a slash at its end is lost."""
        return absolute(posixpath.join(self.workdir, path))


def with_path(config: ContainerConfig) -> ContainerConfig:
    """The config, with Docker's PATH where it has none."""
    if any(item.startswith("PATH=") for item in config.env):
        return config
    return replace(config, env=(*config.env, f"PATH={DEFAULT_PATH}"))


def absolute(path: str) -> str:
    """``path`` from the root, without ``..`` and repeated slashes."""
    return "/" + posixpath.normpath(posixpath.join("/", path)).lstrip("/")


def declared(scope: Scope, instruction: kinds.Arg, outside: Arguments) -> Scope:
    """The scope behind an ARG.

    Args:
        scope: the scope before it.
        instruction: with variables replaced.
        outside: what is given and what was declared before the first FROM.
    """
    arguments = dict(scope.arguments)
    for definition in instruction.definitions:
        value = outside.value_of(definition)
        if value is not None:
            arguments[definition.name] = value
    return replace(scope, arguments=arguments)


def argument_words(instruction: kinds.Arg, scope: Scope) -> str:
    """``ARG NAME=value``, as Docker's history has it."""
    words = []
    for definition in instruction.definitions:
        value = scope.arguments.get(definition.name)
        words.append(definition.name if value is None else f"{definition.name}={value}")
    return " ".join(["ARG", *words])


def settled(scope: Scope, instruction: Instruction) -> tuple[Scope, str]:
    """What a setting makes of the scope.

    Args:
        scope: the scope before it.
        instruction: with variables replaced; none of FROM, ARG, RUN, COPY and ADD.

    Returns:
        The scope behind it, and the instruction in the history's words.

    Raises:
        DockerfileError: a value that cannot be.
    """
    config = scope.config
    match instruction:
        case kinds.Env():
            config = replace(config, env=_with_env(config.env, instruction.pairs))
            newer = {pair.name: pair.value for pair in instruction.pairs if pair.name in scope.arguments}
            scope = replace(scope, config=config, arguments={**scope.arguments, **newer})
            return scope, _pairs("ENV", instruction.pairs)
        case kinds.Label():
            labels = {**config.labels, **{pair.name: pair.value for pair in instruction.pairs}}
            return replace(scope, config=replace(config, labels=labels)), _pairs("LABEL", instruction.pairs)
        case kinds.Workdir():
            path = _moved(scope, instruction.path)
            return replace(scope, config=replace(config, working_dir=path)), f"WORKDIR {path}"
        case kinds.User():
            return replace(scope, config=replace(config, user=instruction.user)), f"USER {instruction.user}"
        case kinds.Maintainer():
            return replace(scope, author=instruction.maintainer), f"MAINTAINER {instruction.maintainer}"
        case kinds.Cmd() | kinds.Entrypoint():
            return _command(scope, instruction)
        case _:
            changed, words = _declaration(config, instruction)
            return replace(scope, config=changed), words


def _moved(scope: Scope, path: str) -> str:
    """Where a WORKDIR leads: an absolute path is kept as written, also its last slash."""
    if path.startswith("/"):
        return path
    return scope.absolute(path) if path else posixpath.join("/", scope.config.working_dir)


def _command(scope: Scope, instruction: kinds.Cmd | kinds.Entrypoint) -> tuple[Scope, str]:
    argv = scope.command(instruction)
    words = quoted_words(instruction.keyword, argv)
    if isinstance(instruction, kinds.Cmd):
        return replace(scope, config=replace(scope.config, cmd=argv), has_cmd=True), words
    # A new ENTRYPOINT drops the CMD that it did not know: the base's.
    cmd = scope.config.cmd if scope.has_cmd else None
    return replace(scope, config=replace(scope.config, entrypoint=argv, cmd=cmd)), words


def _declaration(config: ContainerConfig, instruction: Instruction) -> tuple[ContainerConfig, str]:
    match instruction:
        case kinds.Shell():
            return replace(config, shell=instruction.command), list_words("SHELL", instruction.command)
        case kinds.Expose():
            ports = exposed_ports(instruction.ports)
            merged = tuple(sorted({*config.exposed_ports, *ports}))
            return replace(config, exposed_ports=merged), list_words("EXPOSE", ports)
        case kinds.Volume():
            if not all(instruction.paths):
                raise fault("VOLUME specified can not be an empty string", instruction.location)
            merged = tuple(sorted({*config.volumes, *instruction.paths}))
            return replace(config, volumes=merged), list_words("VOLUME", instruction.paths)
        case kinds.StopSignal():
            if not is_signal(instruction.signal):
                raise fault(f"invalid signal: {instruction.signal[:40]}", instruction.location)
            return replace(config, stop_signal=instruction.signal), f"STOPSIGNAL {instruction.signal}"
        case kinds.Healthcheck():
            found = _healthcheck(instruction)
            return replace(config, healthcheck=found), health_words(instruction)
        case kinds.OnBuild():
            triggers = (*config.on_build, instruction.expression)
            return replace(config, on_build=triggers), f"ONBUILD {instruction.expression}"
        case _:
            raise fault(f"{instruction.keyword} is no setting", instruction.location)


def _with_env(env: tuple[str, ...], pairs: tuple[kinds.Pair, ...]) -> tuple[str, ...]:
    """A name that is there keeps its place."""
    values = {name: value for name, _, value in (item.partition("=") for item in env)}
    values |= {pair.name: pair.value for pair in pairs}
    return tuple(f"{name}={value}" for name, value in values.items())


def _pairs(keyword: str, pairs: tuple[kinds.Pair, ...]) -> str:
    return " ".join([keyword, *(f"{pair.name}={pair.value}" for pair in pairs)])


def _healthcheck(instruction: kinds.Healthcheck) -> dict[str, object]:
    """The object of Docker's image specification; times in nanoseconds."""
    numbers = {
        "Interval": instruction.interval,
        "Timeout": instruction.timeout,
        "StartPeriod": instruction.start_period,
        "StartInterval": instruction.start_interval,
        "Retries": instruction.retries,
    }
    return {"Test": list(instruction.test), **{name: number for name, number in numbers.items() if number}}


def is_signal(text: str) -> bool:
    """A number or a name that signal(7) knows, with or without SIG; also RTMIN+n and RTMAX-n."""
    if text.isascii() and text.isdigit():
        return 0 < int(text[:9]) <= _HIGHEST_SIGNAL
    name = text.upper().removeprefix("SIG")
    base, _, offset = name.replace("-", "+").partition("+")
    if base in _REAL_TIME:
        return offset == "" or (offset.isascii() and offset.isdigit())
    return f"SIG{name}" in signal.Signals.__members__
