"""What an image has for a kernel: a Python with ipykernel, found by asking it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockmagic.errors import EXIT_NOT_FOUND, NotFoundError

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine

_NAMES = ("python3", "python")
_QUESTION = """
import importlib.util, json, os, sysconfig
found = {name: importlib.util.find_spec(name) is not None for name in ("ipykernel_launcher", "debugpy", "pip")}
found["managed"] = os.path.exists(os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED"))
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """A Python that can be a kernel.

    Attributes:
        program: as it is called in the image.
        debugger: it has debugpy.
    """

    program: str
    debugger: bool


def python_of(engine: Engine, image: str, options: dict[str, Any]) -> Python:
    """The Python of an image.

    Args:
        engine: has the image.
        image: its name.
        options: of :meth:`Engine.run`, as the kernel will have them.

    Raises:
        NotFoundError: no such image; it has no Python; or that has no ipykernel, and the error says which line adds it.
        DockmagicError: nothing can be run here.
    """
    for program in _NAMES:
        asked = engine.run(image, (program, "-c", _QUESTION), entrypoint="", **options)
        if asked.exit_code == EXIT_NOT_FOUND:
            continue
        try:
            found = json.loads(asked.stdout)
        except ValueError:
            found = {}
        if not found.get("ipykernel_launcher"):
            raise NotFoundError(f"the image {image} has no ipykernel", hint=_line(found), detail=asked.stderr[-2000:])
        return Python(program=program, debugger=found["debugpy"])
    raise NotFoundError(
        f"the image {image} has no Python",
        hint="a kernel needs one: FROM python:3.12-slim, then RUN pip install ipykernel",
    )


def _line(found: dict[str, bool]) -> str:
    """What adds ipykernel, by what its Python has."""
    if not found.get("pip"):
        return "its Python has no pip: FROM python:3.12-slim has, then RUN pip install ipykernel"
    forced = "--break-system-packages " if found["managed"] else ""
    return f"add to its Dockerfile: RUN pip install {forced}ipykernel"
