"""``@container("bread:1")``: a Python function that runs in a container, arguments and result by value."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypedDict, TypeVar, Unpack

from dockmagic.api import inside
from dockmagic.api.source import source_of
from dockmagic.errors import RunError, UsageError
from dockmagic.exchange import tree
from dockmagic.exchange.taken import Files

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine
    from dockmagic.engine.request import Network
    from dockmagic.results import Image, Run
    from dockmagic.sandbox.pump import Stream

P = ParamSpec("P")
R = TypeVar("R")
_RESULT = "/tmp/.dockmagic-result"  # noqa: S108 - in a container that is thrown away


class CallOptions(TypedDict, total=False):
    """Of :meth:`dockmagic.Engine.run`, what counts for a call."""

    env: Mapping[str, str]
    volumes: Sequence[str]
    workdir: str
    user: str
    network: Network
    timeout: float


def container(
    image: str | Image, *, python: str = "python3", engine: Engine | None = None, **options: Unpack[CallOptions]
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function: each call runs in a new container of ``image``, which is removed afterwards.

    Arguments and result go by value: None, truth values, numbers, text, bytes, lists, tuples, sets, dicts, NumPy arrays, pandas and polars
    frames, 64 MB each way. Nothing is pickled. What the function prints is shown. Modules that it uses are imported there; any other
    name of where it stands has to be an argument.

    Args:
        image: a name, or an Image; it must have Python 3.7 or later, as ``localhost/python`` has.
        python: the interpreter there, with its options.
        engine: whose image it is; by default this process's own.
        options: as for :meth:`dockmagic.Engine.run`.

    Raises:
        UsageError: when it is decorated: it is no plain function, or uses what it cannot take along. When it is called: an argument
            cannot be taken along, or what comes back is no result.
        RunError: when it is called: it raised, or the interpreter ended otherwise.
        NotFoundError: no such image.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        source = source_of(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            blobs: list[bytes] = []
            try:
                arguments = tree.pack([list(args), kwargs], blobs)
            except (TypeError, ValueError) as error:
                raise UsageError(f"an argument of {source.name}: {error}") from None
            told: dict[str, Any] = {"name": source.name, "source": source.text, "file": source.file}
            told |= {"arguments": arguments, "blobs": len(blobs), "result": _RESULT}
            given: dict[str, object] = {"call": told, **{f"blob{number}": blob for number, blob in enumerate(blobs)}}
            run = (engine or _default()).run(
                image, script=_script(), interp=python, given=given, get=(_RESULT,), on_output=_show, **options
            )
            value: R = _result(source.name, run)
            return value

        return call

    return decorate


def _default() -> Engine:
    from dockmagic.engine.engine import default  # noqa: PLC0415 - only when it is called

    return default()


@functools.cache
def _script() -> str:
    """The container's side: two files of ours, as one."""
    once = "from __future__ import annotations\n"
    parts = [Path(str(module.__file__)).read_text("utf-8") for module in (tree, inside)]
    lines = "".join(part.replace(once, "") for part in parts).splitlines(keepends=True)
    return once + "".join(line for line in lines if not line.startswith("from dockmagic."))


def _show(stream: Stream, data: bytes) -> None:
    file = sys.stdout if stream == "stdout" else sys.stderr
    file.write(data.decode("utf-8", "replace"))
    file.flush()


def _result(name: str, run: Run) -> Any:
    """What the function returned.

    Raises:
        RunError: it raised, or did not come to its end.
        UsageError: what came back cannot be read.
    """
    files: Files = run.files.get(_RESULT, b"")
    told = None if isinstance(files, bytes) or "told" not in files else _read(name, files)
    if told is None:
        raise (
            run.error
            if isinstance(run.error, RunError)
            else RunError(
                f"{name} ended without a result", returncode=run.exit_code, stdout=run.stdout, stderr=run.stderr
            )
        )
    if "error" in told:
        kind, text, trace = (str(part) for part in told["error"])
        raise RunError(
            f"{name} raised {kind}: {text}",
            returncode=run.exit_code,
            stdout=run.stdout,
            stderr=run.stderr,
            detail=trace,
        )
    return told["value"]


def _read(name: str, files: Mapping[str, bytes]) -> Mapping[str, Any]:
    blobs = {int(number): data for number, data in files.items() if number.isdecimal()}
    try:
        told = json.loads(files["told"].decode("utf-8", "surrogatepass"))
        if set(told) == {"error"} and len(told["error"]) == 3:  # noqa: PLR2004 - type, text, traceback
            return {"error": told["error"]}
        return {"value": tree.unpack(told["value"], blobs)}
    except ImportError as error:
        raise UsageError(
            f"the result of {name} needs a library here: {error}", hint="install it for the notebook"
        ) from None
    except Exception as error:  # noqa: BLE001 - it is a container's text: anything may be wrong with it
        raise UsageError(f"what {name} left is no result: {type(error).__name__}") from None
