"""A kernelspec whose kernel runs inside an image: a value, and the directories that Jupyter reads.

The format is jupyter_client's: https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dockmagic.errors import ConflictError, NotFoundError, UsageError

PROVISIONER = "dockmagic"
FILE = "kernel.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A kernel that front ends offer.

    Attributes:
        name: of the kernelspec.
        display_name: what front ends show.
        image: its name, looked up each time that the kernel starts.
        python: the Python in the image.
        debugger: that Python has debugpy.
        home: the store that has the image.
        options: how it is run: keywords of ``Engine.run`` as JSON, ``limits`` as a mapping.
        directory: of the kernelspec.
    """

    name: str
    display_name: str
    image: str
    python: str = "python3"
    debugger: bool = False
    home: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    directory: Path = Path()

    def __repr__(self) -> str:
        return f"<kernel {self.name} in {self.image}>"

    def document(self) -> dict[str, Any]:
        """The content of ``kernel.json``."""
        config = {"image": self.image, "python": self.python, "home": self.home, "options": dict(self.options)}
        return {
            "argv": [self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": self.display_name,
            "language": "python",
            "interrupt_mode": "signal",
            "metadata": {
                "debugger": self.debugger,
                "kernel_provisioner": {"provisioner_name": PROVISIONER, "config": config},
            },
        }


def named(text: str) -> str:
    """A name for a kernelspec; Jupyter knows no capitals.

    Raises:
        UsageError: it is none.
    """
    name = text.lower()
    if not _NAME.fullmatch(name):
        raise UsageError(f'--name "{text}" is no name for a kernel', hint="letters, digits, and . _ - behind the first")
    return name


def name_of(image: str) -> str:
    """A name for the kernel of an image: ``bread-1`` of ``bread:1``."""
    last = image.rpartition("/")[2].partition("@")[0].removesuffix(":latest")
    return re.sub(r"[^a-z0-9._-]+", "-", last.lower()).strip("-._") or "image"


def place(*, prefix: str = "", sys_prefix: bool = False) -> Path:
    """Where kernelspecs are written: the user's own data directory, or that of a Python environment.

    Raises:
        UsageError: both were asked for.
        NotFoundError: Jupyter is not there.
    """
    if prefix and sys_prefix:
        raise UsageError("--prefix and --sys-prefix exclude each other")
    if prefix or sys_prefix:
        return Path(prefix or sys.prefix).expanduser().absolute() / "share" / "jupyter" / "kernels"
    return Path(_paths().jupyter_data_dir()) / "kernels"


def write(kernel: Kernel, at: Path) -> Kernel:
    """Write the kernelspec below ``at``; one of ours of the same name is replaced.

    Raises:
        ConflictError: the name belongs to a kernel that is not ours.
        UsageError: it cannot be written.
    """
    for directory in _directories(kernel.name, at):
        if (directory / FILE).exists() and read(directory) is None:
            raise ConflictError(
                f"there is another kernel of the name {kernel.name}", hint="--name gives this one a name of its own"
            )
    target = at / kernel.name
    aside = target / f".{FILE}.{os.getpid()}"
    try:
        target.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(kernel.document(), indent=1) + "\n", "utf-8")
        aside.replace(target / FILE)
    except OSError as error:
        hint = "without --prefix and --sys-prefix it is written for you alone"
        raise UsageError(f"the kernelspec cannot be written: {error.strerror}", hint=hint, detail=str(target)) from None
    finally:
        with suppress(OSError):
            aside.unlink()
    found = read(target)
    if found is None:
        raise UsageError("the kernelspec was changed while it was written", detail=str(target))
    return found


def read(directory: Path) -> Kernel | None:
    """The kernel of a kernelspec's directory; None for one that is not ours, or not there."""
    try:
        found = json.loads((directory / FILE).read_text("utf-8"))
        provisioner = found["metadata"]["kernel_provisioner"]
        if provisioner["provisioner_name"] != PROVISIONER:
            return None
        config = provisioner["config"]
        return Kernel(
            name=directory.name,
            display_name=found["display_name"],
            image=config["image"],
            python=config["python"],
            debugger=found["metadata"]["debugger"],
            home=config["home"],
            options=config["options"],
            directory=directory,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def installed() -> tuple[Kernel, ...]:
    """Every kernel of ours that Jupyter finds here, by name; of one name the one that it prefers."""
    found: dict[str, Kernel] = {}
    for top in _tops():
        for directory in sorted(top.glob("*/")):
            kernel = read(directory)
            if kernel is not None:
                found.setdefault(kernel.name, kernel)
    return tuple(found[name] for name in sorted(found))


def remove(name: str) -> None:
    """Remove a kernelspec of ours; a kernel that runs goes on.

    Raises:
        NotFoundError: there is none of ours of that name.
        UsageError: it cannot be removed.
    """
    kernel = next((kernel for kernel in installed() if kernel.name == name.lower()), None)
    if kernel is None:
        raise NotFoundError(f"no kernel of an image is called {name}", hint="see %container kernel ls")
    try:
        shutil.rmtree(kernel.directory)
    except OSError as error:
        raise UsageError(f"the kernel {name} cannot be removed: {error.strerror}", detail=str(error)) from None


def _directories(name: str, at: Path) -> Iterator[Path]:
    return (top / name for top in dict.fromkeys([at, *_tops()]))


def _tops() -> list[Path]:
    return [Path(path) for path in _paths().jupyter_path("kernels")]


def _paths() -> Any:
    try:
        from jupyter_core import paths  # noqa: PLC0415 - Jupyter is only needed here
    except ImportError:
        raise NotFoundError("Jupyter is not installed here", hint="pip install jupyter_client") from None
    return paths
