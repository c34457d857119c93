"""``kernel install``, ``kernel ls`` and ``kernel rm``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from dockmagic.engine import ports
from dockmagic.kernels import kernelspec
from dockmagic.kernels.inside import python_of
from dockmagic.kernels.kernelspec import Kernel
from dockmagic.sandbox.spec import Limits
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine
    from dockmagic.engine.request import Network

_COLUMNS = ("NAME", "DISPLAY NAME", "IMAGE", "NETWORK")


def install(
    engine: Engine,
    image: str,
    *,
    name: str = "",
    display_name: str = "",
    prefix: str = "",
    sys_prefix: bool = False,
    network: Network = "none",
    volumes: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    workdir: str = "",
    user: str = "",
    limits: Limits | None = None,
    publish: Sequence[str] = (),
    untrusted: bool = False,
) -> Kernel:
    """Make an image a kernel that JupyterLab offers; one of ours of the same name is replaced.

    Args:
        engine: its store has the image, also when the kernel starts.
        image: its name, looked up each time that the kernel starts.
        name: of the kernel; "" for one made of the image's.
        display_name: what front ends show.
        prefix: write into this environment's ``share/jupyter``, not into the user's data directory.
        sys_prefix: write into this Python's own.
        network: as for :meth:`Engine.run`, like all that follow.
        volumes: the same; a relative source is taken from here and now.
        env: the same.
        workdir: the same.
        user: the same.
        limits: the same.
        publish: the same.
        untrusted: it has no capability at all.

    Raises:
        NotFoundError: no such image, or it has no ipykernel: the error says which line of its Dockerfile adds it.
        ConflictError: the name belongs to a kernel that is not ours.
        UsageError: a bad name or option, or the place cannot be written.
        IsolationError: nothing can be run here.
    """
    wanted = kernelspec.named(name) if name else kernelspec.name_of(image)
    at = kernelspec.place(prefix=prefix, sys_prefix=sys_prefix)
    volumes = tuple(map(_absolute, volumes))
    bounds = limits or Limits()
    for text in publish:
        ports.published(text)
    python = python_of(
        engine,
        image,
        {"network": network, "volumes": volumes, "env": env, "workdir": workdir, "user": user, "limits": bounds},
    )
    options = {
        "network": network,
        "publish": list(publish),
        "untrusted": untrusted,
        "volumes": list(volumes),
        "env": dict(env or {}),
        "workdir": workdir,
        "user": user,
        "limits": asdict(bounds),
    }
    kernel = Kernel(
        name=wanted,
        display_name=display_name or (f"{name} ({image})" if name else image),
        image=image,
        python=python.program,
        debugger=python.debugger,
        home=str(engine.session.home.absolute()),
        options=options,
    )
    return kernelspec.write(kernel, at)


def listed() -> Table[Kernel]:
    """Every kernel of an image that Jupyter finds here."""
    kernels = kernelspec.installed()
    rows = tuple((k.name, k.display_name, k.image, k.options.get("network", "none")) for k in kernels)
    return Table(columns=_COLUMNS, items=kernels, rows=rows)


def remove(*names: str) -> tuple[str, ...]:
    """Remove kernels of images from what Jupyter finds; returns their names.

    Raises:
        NotFoundError: one is not there, or not ours; those before it are gone.
    """
    for name in names:
        kernelspec.remove(name)
    return names


def _absolute(volume: str) -> str:
    """A volume whose source does not depend on where the kernel will be started."""
    source, colon, rest = volume.partition(":")
    return f"{Path(source).expanduser().absolute()}{colon}{rest}" if source.startswith((".", "~")) else volume
