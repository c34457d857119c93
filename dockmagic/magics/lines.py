"""The verbs that look at images and containers, name them and take them away: each is one call of the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dockmagic.engine import requirement
from dockmagic.errors import UsageError
from dockmagic.magics import building, checking, dockerfiles, kernels, looks, registries, running
from dockmagic.magics.streams import Streams
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.magics.grammar import Command
    from dockmagic.magics.notebook import Notebook
    from dockmagic.results import Diff, Finding, Image
    from dockmagic.store.archive_output import Target

Line = Callable[["Notebook", "Command"], Any]


class Log(str):
    """What a container printed, or other plain text; it is shown as it stands, not quoted."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self).removesuffix("\n")


def _removed(names: Sequence[str]) -> Table[str]:
    """Names that are gone; an image's id is left out, for it is not the same on every machine."""
    told = tuple(name for name in names if not name.startswith("sha256:"))
    return Table(columns=("REMOVED",), items=told, rows=tuple((name,) for name in told))


def _load(notebook: Notebook, command: Command) -> Table[Image]:
    options = command.options
    paths = [*([options["input"]] if options["input"] else []), *command.operands]
    if len(paths) > 1:
        raise UsageError("the archive is there twice: -i and a word", hint="write %container load PATH")
    source = notebook.source(next(iter(paths), ""), "%container load PATH")
    return notebook.engine.load(source, platform=options["platform"], all_platforms=options["all_platforms"])


def _import(notebook: Notebook, command: Command) -> Image:
    path, *name = command.operands
    source = notebook.source(path, "%container import PATH")
    return notebook.engine.import_(source, *name, message=command.options["message"], changes=command.options["change"])


def _logs(notebook: Notebook, command: Command) -> Log | None:
    """The text; with ``-f`` it is printed while it comes."""
    name = command.operands[0]
    wanted = {option: command.options[option] for option in ("since", "until", "tail", "timestamps")}
    if not command.options["follow"]:
        return Log(notebook.engine.logs(name, **wanted))
    streams = Streams()
    try:
        notebook.engine.follow(name, lambda data: streams.write("stdout", data), **wanted)
    finally:
        streams.close()
    return None


def _diff(notebook: Notebook, command: Command) -> Diff | Log:
    if command.options["text"]:
        return Log(notebook.engine.text_diff(*command.operands))
    return notebook.engine.diff(*command.operands)


def _doctor(notebook: Notebook, command: Command) -> Table[Finding] | Log | None:
    options = command.options
    needs = requirement.Needs(runs=options["runs"], walls=options["walls"], instead=options["instead"])
    if needs != requirement.Needs() and not options["require"]:
        raise UsageError("--runs, --walls and --instead belong to --require", hint="write --require too")
    found = notebook.engine.doctor()
    if not options["require"]:
        return found
    told = requirement.require(found, needs)
    return Log(told) if told else None


def _output(notebook: Notebook, command: Command) -> Target:
    return notebook.target(command.options["output"] or "", f"%container {command.verb.name} -o PATH NAME")


def _save(notebook: Notebook, command: Command) -> Table[Image]:
    options = command.options
    return notebook.engine.save(
        *command.operands,
        output=_output(notebook, command),
        format=options["format"],
        all_platforms=options["all_platforms"],
    )


LINES: dict[str, Line] = {
    "build": building.build_line,
    "run": running.run_line,
    "exec": running.exec_line,
    "check": checking.check_line,
    "images": looks.images,
    "ps": looks.ps,
    "inspect": looks.inspect,
    "layers": lambda notebook, command: notebook.engine.layers(*command.operands),
    "history": looks.history,
    "diff": _diff,
    "commit": lambda notebook, command: notebook.engine.commit(
        *command.operands,
        message=command.options["message"],
        author=command.options["author"],
        changes=command.options["change"],
    ),
    "logs": _logs,
    "stop": lambda notebook, command: notebook.engine.stop(
        *command.operands, timeout=command.options["time"], signal=command.options["signal"]
    ),
    "start": lambda notebook, command: notebook.engine.start(*command.operands),
    "restart": lambda notebook, command: notebook.engine.restart(
        *command.operands, timeout=command.options["time"], signal=command.options["signal"]
    ),
    "kill": lambda notebook, command: notebook.engine.kill(*command.operands, signal=command.options["signal"]),
    "pause": lambda notebook, command: notebook.engine.pause(*command.operands),
    "unpause": lambda notebook, command: notebook.engine.unpause(*command.operands),
    "wait": lambda notebook, command: notebook.engine.wait(*command.operands),
    "stats": lambda notebook, command: notebook.engine.stats(*command.operands),
    "cp": lambda notebook, command: notebook.engine.cp(*command.operands),
    "top": lambda notebook, command: notebook.engine.top(*command.operands),
    "port": lambda notebook, command: notebook.engine.port(*command.operands),
    "rename": lambda notebook, command: notebook.engine.rename(*command.operands),
    "rm": lambda notebook, command: _removed(
        notebook.engine.rm(*command.operands, force=command.options["force"], volumes=command.options["volumes"])
    ),
    "rmi": lambda notebook, command: _removed(notebook.engine.rmi(*command.operands, force=command.options["force"])),
    "tag": lambda notebook, command: notebook.engine.tag(*command.operands),
    "pull": registries.pull,
    "push": registries.push,
    "login": registries.login,
    "logout": registries.logout,
    "load": _load,
    "save": _save,
    "export": lambda notebook, command: notebook.engine.export(command.operands[0], _output(notebook, command)),
    "import": _import,
    "df": lambda notebook, _: notebook.engine.df(),
    "prune": lambda notebook, command: notebook.engine.prune(
        dry_run=command.options["dry_run"], base=command.options["base"], volumes=command.options["volumes"]
    ),
    "volume create": lambda notebook, command: notebook.engine.volume.create(
        next(iter(command.operands), None), command.options["driver"], dict(command.options["label"])
    ),
    "volume ls": looks.volumes,
    "volume inspect": looks.inspect_volumes,
    "volume rm": lambda notebook, command: _removed(
        notebook.engine.volume.remove(command.operands, force=command.options["force"])
    ),
    "volume prune": lambda notebook, command: _removed(
        notebook.engine.volume.prune(command.options["filter"], all=command.options["all"])
    ),
    "kernel install": kernels.install,
    "kernel ls": kernels.listed,
    "kernel rm": lambda notebook, command: _removed(kernels.remove(notebook, command)),
    "share": lambda notebook, _: notebook.engine.share(),
    "fsck": lambda notebook, command: notebook.engine.fsck(repair=command.options["repair"]),
    "to-dockerfile": dockerfiles.write,
    "defaults": lambda notebook, command: notebook.defaults.change(command),
    "doctor": _doctor,
}
