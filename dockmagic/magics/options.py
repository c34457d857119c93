"""The options, declared once: parsing, help, completion and the reference page all read these tables.

Names and kinds of value are docker's; where dockmagic has no such option yet, the table says so, and using it is an
error: an option is never ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dockmagic.builder import exports, option_values
from dockmagic.magics import limit_values, values


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option.

    Attributes:
        names: as typed, the long one last: ``("-t", "--tag")``.
        help: one line, for the help and the reference.
        value: what its value is called there; "" for a flag, which takes none.
        read: turns the value's text into a value; ``ValueError`` says what is wrong with it.
        many: may be given again; the values are collected in a tuple.
        default: the value when it is not given (``()`` for ``many``, False for a flag).
        raw: braces in its value are Python's, not filled.
        absent: why it cannot be used here, with what to do instead; "" for one that can.
    """

    names: tuple[str, ...]
    help: str = ""
    value: str = ""
    read: Callable[[str], Any] = str
    many: bool = False
    default: Any = None
    raw: bool = False
    absent: str = ""

    @property
    def key(self) -> str:
        """Its name as an identifier: ``build_arg``."""
        return self.names[-1].lstrip("-").replace("-", "_")

    @property
    def title(self) -> str:
        """``-t, --tag``."""
        return ", ".join(self.names)

    @property
    def initial(self) -> Any:
        """The value when it is not given."""
        if self.many:
            return ()
        return self.default if self.value else False


def _one_of(*allowed: str, later: tuple[str, ...] = ()) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text in later:
            raise ValueError(f"{text} is not available yet; available: {', '.join(allowed)}")
        if text not in allowed:
            raise ValueError(f"it is none of {', '.join(allowed)}")
        return text

    return read


TAG = Option(names=("-t", "--tag"), value="NAME", read=values.filled, many=True, help="a name for the image")
LABEL = Option(names=("--label",), value="KEY=VALUE", read=values.pair, many=True, help="a label of the image")
NO_CACHE = Option(names=("--no-cache",), help="build every step again")

BUILD_ARG = Option(
    names=("--build-arg",),
    value="KEY=VALUE",
    read=values.named,
    many=True,
    help="a value for an ARG; KEY alone takes the notebook's variable",
)
CONTEXT = Option(
    names=("--context",),
    value="PATH",
    read=values.filled,
    help="the directory that COPY takes files from (default: the notebook's)",
)
EXPECT = (
    Option(names=("--result",), value="VAR", read=values.variable, help="the report as a Python variable"),
    Option(names=("--no-raise-error",), help="an expectation that does not hold raises nothing"),
)
CHECK = (
    BUILD_ARG,
    Option(names=("--target",), value="STAGE", help="look only at this stage and what it needs"),
    CONTEXT,
    Option(names=("--result",), value="VAR", read=values.variable, help="the warnings as a Python variable"),
    Option(names=("--no-raise-error",), help="neither warnings nor a fault raise anything"),
)

BUILD = (
    TAG,
    BUILD_ARG,
    Option(names=("--target",), value="STAGE", help="stop at this stage"),
    NO_CACHE,
    CONTEXT,
    LABEL,
    Option(
        names=("--no-cache-filter",),
        value="STAGE",
        read=values.names,
        many=True,
        help="build every step of this stage again",
    ),
    Option(
        names=("--build-context",),
        value="NAME=PATH",
        read=option_values.context,
        many=True,
        help="what a name means: a directory, docker-image://IMAGE, oci-layout://DIR:TAG, a URL",
    ),
    Option(
        names=("--secret",),
        value="id=NAME,src=FILE",
        read=option_values.secret,
        many=True,
        help="a secret for RUN --mount=type=secret; env=VARIABLE in place of src=FILE",
    ),
    Option(
        names=("--ssh",),
        value="ID",
        read=option_values.agent,
        many=True,
        help="the ssh agent for RUN --mount=type=ssh: default, or ID=SOCKET",
    ),
    Option(
        names=("--add-host",),
        value="NAME:ADDRESS",
        read=option_values.host,
        many=True,
        help="a line of /etc/hosts for RUN",
    ),
    Option(names=("--check",), help="build nothing: show what the linter says"),
    Option(
        names=("--progress",),
        value="KIND",
        read=_one_of("auto", "plain", "quiet", "none", later=("tty", "rawjson")),
        default="auto",
        help="plain: print what the steps print; quiet: show nothing while it goes on",
    ),
    Option(names=("--pull",), help="ask registries for the base images, also for those that are here"),
    Option(
        names=("--platform",),
        value="PLATFORM",
        read=values.filled,
        many=True,
        help="what the image is for: linux/arm64; several with commas",
    ),
    Option(
        names=("-o", "--output"),
        value="DEST",
        read=exports.output,
        many=True,
        help="a directory for the image's files; or type=tar, oci or docker, with dest=FILE",
    ),
    Option(names=("--load",), help="accepted as with docker: an image is kept in any case"),
    Option(names=("--iidfile",), value="PATH", read=values.filled, help="write the image's id to a file"),
    Option(
        names=("--metadata-file",), value="PATH", read=values.filled, help="write digests and names to a file, as JSON"
    ),
    Option(
        names=("--cache-to",),
        value="DEST",
        read=exports.cache_to,
        many=True,
        help="type=local,dest=DIR: keep the steps in a directory; mode=max: those of every stage",
    ),
    Option(
        names=("--cache-from",),
        value="SOURCE",
        read=exports.cache_from,
        many=True,
        help="type=local,src=DIR: take steps from such a directory",
    ),
    Option(names=("--provenance",), value="false", read=_one_of("false", "0"), help="false: none is made in any case"),
    Option(names=("--sbom",), value="false", read=_one_of("false", "0"), help="false: none is made in any case"),
)

_PROCESS = (
    Option(
        names=("-e", "--env"),
        value="KEY=VALUE",
        read=values.named,
        many=True,
        help="a variable; KEY alone takes the notebook's value",
    ),
    Option(names=("--env-file",), value="PATH", read=values.filled, many=True, help="variables, one a line"),
    Option(names=("-w", "--workdir"), value="PATH", default="", help="the directory to start in"),
    Option(names=("-u", "--user"), value="USER", default="", help="name or id, and group: bob, 1000:1000"),
)

_TIMEOUT = Option(names=("--timeout",), value="TIME", read=values.seconds, help="end it after that time: 20s, 1m30s")
_SCRIPT = (
    Option(names=("--interp",), value="COMMAND", read=values.filled, help='what reads the script: "python3 -u"'),
    _TIMEOUT,
    Option(names=("--stdin",), value="VAR", read=values.variable, help="its input: a variable's value, as --in has it"),
    Option(
        names=("--in",),
        value="NAMES",
        read=values.inputs,
        many=True,
        raw=True,
        help="variables as files in /run/dockmagic/in, scalars also as $NAME; or NAME=EXPR",
    ),
    Option(
        names=("--get",),
        value="PATH=VAR",
        read=values.output,
        many=True,
        help="afterwards: a file or directory of the container as a variable",
    ),
)

_CONTAINER = (
    Option(names=("--name",), value="NAME", read=values.filled, default="", help="name the container and keep it"),
    Option(names=("--keep",), help="keep the container under a name made for it"),
    Option(names=("--rm",), help="remove the container afterwards: the default without --name and --keep"),
    Option(
        names=("-v", "--volume"),
        value="[SOURCE:]TARGET[:ro]",
        read=values.filled,
        many=True,
        help="a directory or file of this machine (./dir:/d), or a volume (name:/d)",
    ),
    Option(
        names=("--mount",),
        value="OPTIONS",
        read=values.filled,
        many=True,
        help="the same in docker's words: type=volume,src=cache,dst=/c,readonly",
    ),
    Option(
        names=("--volumes-from",),
        value="CONTAINER[:ro]",
        read=values.filled,
        many=True,
        help="what another container has mounted",
    ),
    Option(names=("--entrypoint",), value="COMMAND", help="in place of the image's ENTRYPOINT"),
)

_LIMITS = (
    Option(
        names=("-m", "--memory"),
        value="SIZE",
        read=limit_values.memory,
        default=0,
        help="what all its processes together may use: 256m, 1g",
    ),
    Option(names=("--cpus",), value="NUMBER", read=limit_values.cpus, default=0.0, help="how many processors: 1.5"),
    Option(
        names=("--pids-limit",),
        value="COUNT",
        read=limit_values.pids,
        default=512,
        help="processes and threads (default 512), -1 for any number",
    ),
    Option(
        names=("--disk",),
        value="SIZE",
        read=limit_values.size,
        default=0,
        help="what its writable layer may take on disk: 200m",
    ),
    Option(
        names=("--shm-size",), value="SIZE", read=limit_values.size, default=64 << 20, help="of /dev/shm (default 64m)"
    ),
    Option(
        names=("--ulimit",),
        value="NAME=SOFT[:HARD]",
        read=limit_values.ulimit,
        many=True,
        help="a limit of each process: nofile=1024:4096",
    ),
)
# Of each RUN of a build; in the cell that also runs they are the run's.
STEP_LIMITS = (*_LIMITS, _TIMEOUT)
_PROFILE = (
    Option(names=("--untrusted",), help="no capability at all: for hostile code"),
    Option(names=("--cap-add",), value="NAME", read=values.filled, many=True, help="keep one more capability, or ALL"),
    Option(names=("--cap-drop",), value="NAME", read=values.filled, many=True, help="keep one less, or none: ALL"),
    Option(
        names=("--security-opt",),
        value="OPTION",
        read=values.filled,
        many=True,
        help="seccomp=FILE: refuse more calls; no-new-privileges=false: set-user-ID programs work",
    ),
    Option(names=("--read-only",), help="nothing can be written but to volumes and memory"),
    Option(
        names=("--tmpfs",),
        value="PATH[:OPTIONS]",
        read=values.filled,
        many=True,
        help="a file system in memory: size=64m, mode=1777, exec, ro",
    ),
    Option(names=("--init",), help="PID 1 starts the script and waits for orphans"),
    Option(names=("-h", "--hostname"), value="NAME", default="", help="its host name (default: of its own name)"),
)
BACKGROUND = (
    Option(names=("--bg",), help="go on beside the notebook and end with it; what it prints goes to its log alone"),
    Option(names=("--proc",), value="VAR", read=values.variable, help="with --bg: a handle to wait for it or end it"),
)
# The cell that builds first gives its hosts to the build.
RUN_HOST = Option(
    names=("--add-host",), value="NAME:ADDRESS", read=option_values.host, many=True, help="a line of /etc/hosts"
)
_OUTPUT_LIMIT = Option(
    names=("--output-limit",),
    value="SIZE",
    read=limit_values.size,
    default=16 << 20,
    help="cut what it prints after so much (default 16m)",
)

RUN = (*_CONTAINER, *_PROCESS, *_SCRIPT, *_LIMITS, *_PROFILE, _OUTPUT_LIMIT, *BACKGROUND)
EXEC = (*_PROCESS, *_SCRIPT, _OUTPUT_LIMIT, Option(names=("--running",), help="refuse a container that has ended"))

RESULT = (
    Option(names=("--result",), value="VAR", read=values.variable, help="the Run or Build as a Python variable"),
    Option(names=("--no-raise-error",), help="a failure raises nothing; see the result"),
)
QUIET = Option(names=("-q", "--quiet"), help="no record below the cell")
OUTPUT = (
    Option(
        names=("--out",), value="VAR", read=values.variable, help="standard output as text in a variable, not shown"
    ),
    Option(names=("--err",), value="VAR", read=values.variable, help="the same for standard error"),
)


def later(*spelled: str) -> tuple[Option, ...]:
    """Docker's options that are not there yet: ``-p|--publish=``, with ``=`` where one takes a value."""
    return tuple(
        Option(names=names, value="VALUE" if takes else "", absent="it is not available yet")
        for names, takes in (
            (tuple(word.rstrip("=").split("|")), word.endswith("=")) for text in spelled for word in text.split()
        )
    )


_TERMINAL = "a cell has no terminal; its body is the script, and --stdin VAR gives it input"
NO_TERMINAL = (
    Option(names=("-i", "--interactive"), absent=_TERMINAL),
    Option(names=("--tty",), absent=_TERMINAL),
)
NO_TTY = Option(names=("-t",), absent=_TERMINAL)
NO_QUIET = Option(
    names=("-q", "--quiet"), absent="a line shows nothing by itself; keep what it returns: x = %container …"
)


def _refused(spelled: str, why: str) -> tuple[Option, ...]:
    """As :func:`later`, of options that have a reason of their own."""
    return tuple(replace(option, absent=why) for option in later(spelled))


_LIMITED = "a build's steps are limited by -m, --cpus, --pids-limit, --disk, --ulimit, --shm-size and --timeout"

# Docker's options that a build does not honour.
BUILD_LATER = (
    *_refused("--push", "push it afterwards: %container push NAME"),
    *_refused("--squash", "copy the result onto an empty image: FROM scratch, COPY --from=STAGE / /"),
    *_refused("--compress --stream", "there is no daemon that the context is sent to"),
    *_refused("--force-rm --rm", "nothing is left of a step but the container of one that failed"),
    *_refused("--isolation=", "it is for Windows"),
    *_refused("--memory-swap= --cgroup-parent= --cpu-period= --cpu-quota=", _LIMITED),
    *_refused("-c|--cpu-shares= --cpuset-cpus= --cpuset-mems=", _LIMITED),
    *_refused("--security-opt=", "every step has the same walls; --security-opt of run adds to them"),
    *_refused("--attest=", "no attestations are made"),
    *_refused("--annotation=", "LABEL and --label describe an image"),
    *_refused("--allow=", "RUN shares the host's network without it, and --security=insecure is not executed"),
    *_refused("--builder=", "there is no other builder"),
    *_refused("--call=", "--check lints; targets and outlines are not listed"),
    *_refused("-D|--debug", "%config ContainerMagics.full_tracebacks=True shows everything"),
    *_refused("--disable-content-trust", "there is no content trust; name a base image by its digest"),
    *_refused("--policy= --detach --server-config= --root= --print= --invoke= --on=", "it is buildx's own experiment"),
    Option(names=("-f", "--file"), value="PATH", absent="the cell is the Dockerfile"),
)
RUN_LATER = (
    *later(
        "--memory-swap= --memory-reservation= --memory-swappiness=",
        "--cpuset-cpus= -c|--cpu-shares=",
        "-d|--detach --isolation= --platform= --pull=",
        "--restart= --stop-signal= --stop-timeout= --device= --gpus= --privileged",
        "--group-add= --pid= --ipc= --uts= --userns= --cgroupns= --cidfile=",
        "--volume-driver= --log-driver= --log-opt= --runtime= --sysctl=",
        "--sig-proxy= -a|--attach= --detach-keys= --oom-kill-disable --blkio-weight=",
    ),
    Option(names=("--label",), value="KEY=VALUE", absent="it is not available yet for a run; --label of a build is"),
)
EXEC_LATER = later("-d|--detach --privileged --bg --proc= --detach-keys=")
EXEC_FIXED = tuple(
    Option(names=names, value="VALUE", absent="a container keeps what it was created with; give it to run")
    for names in (("--network",), ("-v", "--volume"), ("--name",), ("--entrypoint",), ("-p", "--publish"), ("--dns",))
)
