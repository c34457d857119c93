"""The verbs of kernels inside images."""

from __future__ import annotations

from collections.abc import Iterable

from dockmagic.magics import options as table
from dockmagic.magics import values
from dockmagic.magics.options import Option
from dockmagic.magics.verb import Verb

# What a kernel's container takes of those that ``run`` has.
_OF_RUN = frozenset(
    ["--network", "--publish", "--untrusted", "--volume", "--env", "--env-file", "--workdir", "--user", "--memory", "--cpus", "--pids-limit", "--shm-size", "--ulimit"]
)  # fmt: skip


def kernel_verbs(run: Iterable[Option]) -> tuple[Verb, ...]:
    """The verbs.

    Args:
        run: the options of ``run``.
    """
    return (
        Verb(
            name="kernel install",
            summary="make an image with ipykernel a kernel that JupyterLab offers",
            operands="IMAGE",
            options=(
                Option(
                    names=("--name",),
                    value="NAME",
                    read=values.filled,
                    default="",
                    help="of the kernel (default: made of the image's)",
                ),
                Option(
                    names=("--display-name",),
                    value="TEXT",
                    read=values.filled,
                    default="",
                    help="what JupyterLab shows",
                ),
                Option(
                    names=("--prefix",),
                    value="PATH",
                    read=values.filled,
                    default="",
                    help="for the Python environment there",
                ),
                Option(names=("--sys-prefix",), help="for the notebook's own Python environment"),
                *(option for option in run if option.names[-1] in _OF_RUN and not option.absent),
            ),
        ),
        Verb(name="kernel ls", summary="every kernel inside an image that Jupyter finds"),
        Verb(
            name="kernel rm",
            summary="take kernels inside images from Jupyter's list; those that run go on",
            operands="KERNEL...",
            options=table.later("-f|--force"),
        ),
    )
