"""``kernel install``, ``kernel ls`` and ``kernel rm``, as lines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dockmagic.magics.running import env_texts
from dockmagic.magics.values import environment

if TYPE_CHECKING:
    from dockmagic.kernels.kernelspec import Kernel
    from dockmagic.magics.grammar import Command
    from dockmagic.magics.notebook import Notebook
    from dockmagic.table import Table


def install(notebook: Notebook, command: Command) -> Kernel:
    """``kernel install``."""
    from dockmagic.kernels import verbs  # noqa: PLC0415 - rarely asked
    from dockmagic.sandbox.spec import Limits  # noqa: PLC0415 - as above

    options = command.options
    return verbs.install(
        notebook.engine,
        command.operands[0],
        name=options["name"],
        display_name=options["display_name"],
        prefix=options["prefix"],
        sys_prefix=options["sys_prefix"],
        network=options["network"] or ("private" if options["publish"] else "none"),
        publish=options["publish"],
        untrusted=options["untrusted"],
        volumes=options["volume"],
        env=environment(env_texts(options["env_file"]), options["env"], os.environ),
        workdir=options["workdir"],
        user=options["user"],
        limits=Limits(
            pids=options["pids_limit"],
            memory=options["memory"],
            cpus=options["cpus"],
            shm=options["shm_size"],
            ulimits=options["ulimit"],
        ),
    )


def listed(_notebook: Notebook, _command: Command) -> Table[Kernel]:
    """``kernel ls``."""
    from dockmagic.kernels import verbs  # noqa: PLC0415 - rarely asked

    return verbs.listed()


def remove(_notebook: Notebook, command: Command) -> tuple[str, ...]:
    """``kernel rm``; returns the names."""
    from dockmagic.kernels import verbs  # noqa: PLC0415 - rarely asked

    return verbs.remove(*command.operands)
