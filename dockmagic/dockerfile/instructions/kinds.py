"""The instructions of the Dockerfile reference: one frozen class each, and their union."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockmagic.dockerfile.instructions.devices import Device
    from dockmagic.dockerfile.instructions.mounts import Mount
    from dockmagic.dockerfile.lexer.heredoc import Heredoc
    from dockmagic.errors import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What every instruction keeps of its text.

    Attributes:
        source: its first line as written, for readers.
        code: the whole logical line, without comments and continuation characters.
        location: its physical lines.
        comments: the comment lines just above it, without ``#``.
    """

    source: str
    code: str
    location: Location
    comments: tuple[str, ...] = ()

    @property
    def keyword(self) -> str:
        """The instruction's name in upper case."""
        return type(self).__name__.upper()

    @property
    def written_keyword(self) -> str:
        """The instruction's name in the case in which it is written."""
        return self.code[: len(self.keyword)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A name and its value, quotes and variables as written until :func:`expand` took them away.

    ``separator`` is "=" or, in the old form ``ENV name value``, "".
    """

    name: str
    value: str
    separator: str = "="


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """A file that stands in the Dockerfile as a here-document.

    Attributes:
        path: its name, the delimiter.
        data: its content, leading tabs already removed for ``<<-``.
        expand: variables in it are replaced.
    """

    path: str
    data: str
    expand: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One name of an ARG; ``value`` is None where it has no default. ``comment`` is its line of documentation."""

    name: str
    value: str | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class From(Written):
    """``FROM [--platform=PLATFORM] BASE [AS NAME]``.

    ``name`` is in lower case, ``written_name`` as written; both "" without AS. ``comment`` is its line of
    documentation.
    """

    base: str
    platform: str = ""
    name: str = ""
    written_name: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine(Written):
    """What RUN, CMD and ENTRYPOINT share.

    Attributes:
        command: in the exec form its words; in the shell form one text for the shell, or () where there is none.
        shell_form: the image's shell reads ``command``.
    """

    command: tuple[str, ...]
    shell_form: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(CommandLine):
    """``RUN [--mount=…] [--network=…] [--security=…] [--device=…] COMMAND``.

    Attributes:
        heredocs: the here-documents of its line; variables in them are the shell's to replace.
        mounts: those with variables are ``pending`` until :func:`expand` saw them.
        network: "default", "none" or "host".
        security: "sandbox" or "insecure".
        devices: the devices asked for.
        flags_used: the names of the flags that were given, in order, each once.
    """

    heredocs: tuple[Heredoc, ...] = ()
    mounts: tuple[Mount, ...] = ()
    network: str = "default"
    security: str = "sandbox"
    devices: tuple[Device, ...] = ()
    flags_used: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cmd(CommandLine):
    """``CMD COMMAND``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrypoint(CommandLine):
    """``ENTRYPOINT COMMAND``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Written):
    """What COPY and ADD share: paths, ownership and what to leave out. Modes and owners are text until the plan."""

    sources: tuple[str, ...]
    inline: tuple[Inline, ...]
    destination: str
    chown: str = ""
    chmod: str = ""
    link: bool = False
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy(Transfer):
    """``COPY [--from=…] [--chown=…] [--chmod=…] [--link] [--parents] [--exclude=…] SOURCE… DESTINATION``.

    ``from_`` names a stage, an image or a context; "" is the build context.
    """

    from_: str = ""
    parents: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Transfer):
    """``ADD``: like COPY, with URLs, repositories and archives. ``unpack`` is None where the source decides."""

    checksum: str = ""
    keep_git_dir: bool | None = None
    unpack: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Env(Written):
    """``ENV name=value …`` or ``ENV name value``."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Written):
    """``LABEL name=value …`` or ``LABEL name value``."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arg(Written):
    """``ARG name[=default] …``."""

    definitions: tuple[Definition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdir(Written):
    """``WORKDIR PATH``."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Written):
    """``USER NAME[:GROUP]``."""

    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell(Written):
    """``SHELL ["executable", "argument"]``."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expose(Written):
    """``EXPOSE PORT[/PROTOCOL] …``; :func:`exposed_ports` reads them."""

    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Written):
    """``VOLUME PATH …``."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopSignal(Written):
    """``STOPSIGNAL SIGNAL``, a name or a number."""

    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck(Written):
    """``HEALTHCHECK NONE`` or ``HEALTHCHECK [OPTIONS] CMD COMMAND``.

    Attributes:
        test: ("NONE",), ("CMD", words…) or ("CMD-SHELL", text), as the image's config has it.
        interval: nanoseconds, like the other times; 0 where none is given.
        retries: 0 where none is given.
    """

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBuild(Written):
    """``ONBUILD INSTRUCTION``; ``expression`` is the instruction's text, bodies of here-documents included."""

    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintainer(Written):
    """``MAINTAINER NAME``, which Docker would rather see as a label."""

    maintainer: str


Instruction = (
    From
    | Run
    | Copy
    | Add
    | Env
    | Arg
    | Label
    | Workdir
    | User
    | Cmd
    | Entrypoint
    | Shell
    | Expose
    | Volume
    | StopSignal
    | Healthcheck
    | OnBuild
    | Maintainer
)
