"""A step that failed is kept: a container on the layers below it, so that one can look."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dockmagic.builder.steps import run as running
from dockmagic.engine import containers
from dockmagic.engine.naming import default_name, new_id
from dockmagic.errors import BuildError

if TYPE_CHECKING:
    from dockmagic.builder.built import Stopped
    from dockmagic.engine.session import Session

_REFERENCE = "failed"


def keep(session: Session, stopped: Stopped, error: BuildError, *, text: str) -> None:
    """Make a container of the state before the step, and let the error name it.

    It goes when the kernel has ended, when the same Dockerfile fails again, or with ``rm``.

    Args:
        session: what it works on.
        stopped: the state.
        error: gets the container's name, and a hint.
        text: the Dockerfile: the name derives from it.
    """
    store = session.store
    rows = {row.name: row for row in store.containers.list()}
    living = {name for name, row in rows.items() if row.status == containers.RUNNING}
    name = default_name(_REFERENCE, [text, error.step], living)
    if name in rows:
        containers.discard(session, rows[name])
    image_id = store.images.put(stopped.config, stopped.diff_ids)
    row = store.containers.create(
        id=new_id(),
        name=name,
        image_id=image_id,
        image_ref=image_id[:17],
        kept=False,
        spec={
            "network": running.network_of(session.runtime, stopped.network),
            "env": dict(stopped.env),
            "user": "",
            "workdir": "",
        },
        kernel_pid=os.getpid(),
    )
    session.call("mkdir", {"paths": [containers.upper(row), containers.work(row)]})
    store.containers.ended(row.id, exit_code=error.exit_code)
    error.container = name
    error.hint = "\n".join(filter(None, [error.hint, f"%%container exec {name} runs a script in the state before it"]))
