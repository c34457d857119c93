"""``run`` and ``exec``, as cells and as lines, and the cell that builds first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockmagic.errors import NotFoundError, UsageError
from dockmagic.magics import building, cell, health_options, limit_values
from dockmagic.magics.values import environment, file_lines

if TYPE_CHECKING:
    from dockmagic.magics.grammar import Command
    from dockmagic.magics.notebook import Notebook
    from dockmagic.results import Image, Run

Start = Callable[[dict[str, Any]], "Run"]


def run_cell(notebook: Notebook, command: Command, body: str) -> None:
    """``%%container run``: the body is the script."""
    _finish(notebook, command, _runner(notebook, command, command.operands[0], script=_script(command, body)))


def exec_cell(notebook: Notebook, command: Command, body: str) -> None:
    """``%%container exec``: the body is the script."""
    _finish(notebook, command, _executer(notebook, command, script=_script(command, body)))


def run_line(notebook: Notebook, command: Command) -> Run:
    """``%container run``: the words after the image replace its CMD; returns the Run."""
    return _return(notebook, command, _runner(notebook, command, command.operands[0], script=None))


def exec_line(notebook: Notebook, command: Command) -> Run:
    """``%container exec``: the words after the container are the command; returns the Run."""
    return _return(notebook, command, _executer(notebook, command, script=None))


def build_then_run(notebook: Notebook, command: Command, body: str) -> None:
    """``%%container`` without a verb: build, then the script below ``---``, else the image's own command."""
    parts = cell.split(body)
    if parts.script is not None and not parts.script.strip():
        raise UsageError(
            f"line {parts.line}: no script stands below ---",
            hint="without the line --- the image's own command runs",
        )
    if building.checked(notebook, command, parts.dockerfile):
        return
    options = _options(notebook, command)
    build = building.attempt(notebook, command, parts.dockerfile)
    image = build.image
    if image is None or not (parts.script is not None or command.arguments or _has_command(image, command)):
        building.finish(notebook, command, build)
        return
    tags: tuple[str, ...] = command.options["tag"]

    def start(shown: dict[str, Any]) -> Run:
        # By its name where the cell gave one: so the container says what the cell says.
        return notebook.engine.run(tags[0] if tags else image, script=parts.script, build=build, **options, **shown)

    _finish(notebook, command, start, names=tags)


def _script(command: Command, body: str) -> str:
    """The body, which IPython has refused only where it has no line at all."""
    if body.strip():
        return body
    verb = command.verb
    raise UsageError("the cell has no script", hint=f"%container {verb.name} {verb.operands} [ARG...] runs a command")


def _has_command(image: Image, command: Command) -> bool:
    process = image.config.get("config") or {}
    return bool(process.get("Cmd") or process.get("Entrypoint") or command.options["entrypoint"])


def _runner(notebook: Notebook, command: Command, image: str, *, script: str | None) -> Start:
    options = _options(notebook, command)
    return lambda shown: notebook.engine.run(image, script=script, **options, **shown)


def _executer(notebook: Notebook, command: Command, *, script: str | None) -> Start:
    options = {**_process(notebook, command), "running": command.options["running"]}
    container = command.operands[0]
    return lambda shown: notebook.engine.exec(container, script=script, **options, **shown)


def _options(notebook: Notebook, command: Command) -> dict[str, Any]:
    """The engine's keywords for a new container."""
    _check_background(command)
    from dockmagic.engine.settings import Settings  # noqa: PLC0415 - %load_ext need not wait for it

    options = command.options
    beside = options["bg"] or options["detach"]
    if options["rm"] and (options["keep"] or (options["name"] and not beside)):
        kept = "--keep" if options["keep"] else "--name"
        raise UsageError(f"--rm cannot be used with {kept}", hint="a container without a name is removed after its run")
    return {
        **_process(notebook, command),
        "name": options["name"],
        "keep": options["keep"] or (beside and not options["rm"]),
        "remove": options["rm"],
        "background": options["bg"] and not options["detach"],
        "detach": options["detach"],
        "volumes": options["volume"],
        "mounts": options["mount"],
        "volumes_from": options["volumes_from"],
        "entrypoint": options["entrypoint"],
        "network": options["network"] or "",
        "publish": options["publish"],
        "publish_all": options["publish_all"],
        "expose": options["expose"],
        **_of_run(command),
        "cidfile": options["cidfile"],
        "settings": Settings(
            cap_add=options["cap_add"],
            cap_drop=options["cap_drop"],
            untrusted=options["untrusted"],
            security_opts=options["security_opt"],
            read_only=options["read_only"],
            tmpfs=options["tmpfs"],
            groups=options["group_add"],
            sysctls=options["sysctl"],
            init=options["init"],
            hostname=options["hostname"],
            add_hosts=options["add_host"] if command.verb.name else (),
            dns=options["dns"],
            **{option.key: options[option.key] for option in health_options.RUN},
            dns_search=options["dns_search"],
            dns_options=options["dns_option"],
            labels=_labels(command),
            stop_signal=options["stop_signal"],
            stop_timeout=options["stop_timeout"],
        ),
        "limits": limit_values.limits(options),
    }


def _of_run(command: Command) -> dict[str, Any]:
    """Of options that belong to the build in the cell that builds first."""
    return {"pull": command.options["pull"], "platform": command.options["platform"]} if command.verb.name else {}


def _check_background(command: Command) -> None:
    options = command.options
    if options["proc"] and not (options["bg"] or options["detach"]):
        raise UsageError("--proc cannot be used without --bg")
    beside = "--detach" if options["detach"] else "--bg" if options["bg"] else ""
    end = "%container wait stays until its end" if options["detach"] else "--proc VAR, then VAR.wait()"
    for name in ("out", "err", "get", *(["proc"] if options["detach"] else [])):
        if beside and options[name]:
            raise UsageError(
                f"--{name} cannot be used with {beside}", hint=f"%container logs has what it prints; {end}"
            )


def _process(notebook: Notebook, command: Command) -> dict[str, Any]:
    """The engine's keywords for any process."""
    options = command.options
    return {
        "argv": command.arguments,
        "interp": options["interp"],
        "env": environment(env_texts(options["env_file"]), options["env"], os.environ),
        "workdir": options["workdir"],
        "user": options["user"],
        "timeout": options["timeout"],
        "output_limit": options["output_limit"],
        "stdin": notebook.read(options["stdin"]) if options["stdin"] else None,
        "given": notebook.values([pair for word in options["in"] for pair in word]),
        "get": tuple(path for path, _ in options["get"]),
    }


def _labels(command: Command) -> tuple[tuple[str, str], ...]:
    """Those of ``--label-file``, then those of ``--label``, which win; in the cell that builds first that is the build's."""
    texts = env_texts(command.options["label_file"], option="--label-file")
    read = [(name, value or "") for text in texts for name, value in file_lines(text)]
    return (*read, *(command.options["label"] if command.verb.name else ()))


def env_texts(paths: Sequence[str], *, option: str = "--env-file") -> Iterator[str]:
    """The texts of files with names and values.

    Raises:
        NotFoundError: one cannot be read.
        UsageError: a line of one is none of that form.
    """
    for path in paths:
        try:
            text = Path(path).expanduser().read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise NotFoundError(f"{option} {path} cannot be read: {reason}") from None
        try:
            list(file_lines(text))
        except ValueError as error:
            raise UsageError(f"{option} {path}, {error}") from None
        yield text


def _finish(notebook: Notebook, command: Command, start: Start, names: Sequence[str] | None = None) -> None:
    """Run with live output, keep the result, show its record, raise its error."""
    with _shown_when_interrupted(notebook, command, names):
        run = _stream(notebook, command, start)
    _record(notebook, command, run, names)
    _end(notebook, command, run)


def _return(notebook: Notebook, command: Command, start: Start) -> Run:
    run = _stream(notebook, command, start)
    notebook.assign(command.options["result"], run)
    _end(notebook, command, run)
    return run


def _end(notebook: Notebook, command: Command, run: Run) -> None:
    """Set the variables of ``--get``; then raise the run's error, else that of a file that is not what its name says."""
    unread: UsageError | None = None
    for path, name in command.options["get"]:
        if path in run.files:
            try:
                notebook.take(name, path, run)
            except UsageError as error:
                unread = unread or error
    building.raise_failure(command, run.error or unread)


@contextmanager
def _shown_when_interrupted(notebook: Notebook, command: Command, names: Sequence[str] | None) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        run: Run | None = getattr(interrupt, "run", None)
        if run is not None:
            _record(notebook, command, run, names)
        raise


def _record(notebook: Notebook, command: Command, run: Run, names: Sequence[str] | None) -> None:
    notebook.assign(command.options["result"], run)
    if not command.options["quiet"]:
        notebook.show(run, names)


def _stream(notebook: Notebook, command: Command, start: Start) -> Run:
    """Start, show what it prints; ``--out`` and ``--err`` get theirs however it ends."""
    out, err = command.options["out"], command.options["err"]
    streams = notebook.streams(hidden=[*(["stdout"] if out else []), *(["stderr"] if err else [])])  # type: ignore[list-item]
    run: Run | None = None
    try:
        run = start({"on_output": streams.write})
        if command.options.get("proc") and run.container is not None:
            notebook.assign(command.options["proc"], notebook.engine.background(run.container))
    except KeyboardInterrupt as interrupt:
        run = getattr(interrupt, "run", None)
        raise
    finally:
        streams.close()
        notebook.assign(out, run.stdout if run is not None else "")
        notebook.assign(err, run.stderr if run is not None else "")
    return run
