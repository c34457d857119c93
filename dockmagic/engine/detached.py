"""Containers that outlive the notebook (``--detach``): each belongs to a supervisor, a process of its own.

This is the side of whoever asks: it starts the supervisor (:mod:`dockmagic.engine.supervisor`), hears that the program has begun, or
why not, and goes its way. From then on the store tells of the container, as of one of any other process.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from dockmagic.engine import containers
from dockmagic.engine.commission import Commission
from dockmagic.engine.request import Request
from dockmagic.errors import ConflictError, DockmagicError, RunError, UsageError
from dockmagic.results import Build, Container, Image, Isolation, Run

if TYPE_CHECKING:
    from dockmagic.engine.session import Session

_BOOT = "from dockmagic.engine.supervisor import main; main(int(sys.argv[1]))"
# Programs are looked for, ~ is somebody's, and a temporary file lies somewhere: nothing else of this process's environment is there.
_VARIABLES = ("PATH", "HOME", "TMPDIR")


def begin(
    session: Session,
    image: Image,
    names: tuple[str, ...],
    request: Request,
    *,
    build: Build | None,
    container: str = "",
) -> Run:
    """Have it run by a supervisor; returns once its program has begun, or could not.

    Args:
        session: what it works on.
        image: what is to run.
        names: of the image, as it was asked for.
        request: what to run.
        build: the build before it in the one-cell form.
        container: the id of one that has ended and is to run again; "" for a new one.

    Returns:
        The run; where the program is not there or cannot be executed, how it ended.

    Raises:
        DockmagicError: as :func:`dockmagic.engine.run.run`.
    """
    from dockmagic.sandbox import wire  # noqa: PLC0415 - Linux only

    commission = Commission(
        home=session.home.absolute(),
        shared=tuple(path.absolute() for path in session.shared),
        weak=session.is_weak,
        image=image.id,
        names=names,
        request=request,
        container=container,
    )
    channel, theirs = wire.pair()
    with channel:
        _start(session, theirs)
        answer = _asked(channel, commission)
        row = session.store.containers.get(answer["container"])
        if row is None:
            raise ConflictError("the container was removed while it began")
        value = containers.describe(session, row, known=((), 0))
        # It goes on, and may end and be removed, once this has been heard.
        wire.send(channel, {"known": True})
    return _run(answer, value, image, build)


def _start(session: Session, theirs: socket.socket) -> None:
    """Start a supervisor at the other end of the channel; what is started here leaves it behind and ends."""
    from dockmagic.sandbox.client import spawn  # noqa: PLC0415 - as above

    with theirs:
        if session.is_given:
            raise UsageError("a runtime that was given cannot run detached containers", hint="background=True can")
        process = spawn(_BOOT, [str(theirs.fileno())], session.home, [theirs.fileno()], variables=_VARIABLES)
    try:
        code = process.wait()
    except BaseException:
        process.wait()
        raise
    if code != os.EX_OK:
        raise _lost()


def _asked(channel: socket.socket, commission: Commission) -> dict[str, Any]:
    """What the supervisor says of the beginning."""
    from dockmagic.sandbox import replies, wire  # noqa: PLC0415 - as above

    try:
        wire.send(channel, commission.to_json())
        heard = wire.receive(channel)
    except OSError:
        heard = None
    if heard is None:
        raise _lost()
    answer: dict[str, Any] = heard[0]
    if "container" not in answer:
        replies.raise_failure(answer, "the supervisor of the container")
    return answer


def _lost() -> DockmagicError:
    return DockmagicError("the supervisor ended before the container began", hint="--bg needs none")


def _run(answer: dict[str, Any], value: Container, image: Image, build: Build | None) -> Run:
    return Run(
        exit_code=answer["exit_code"],
        stopped=answer["stopped"],
        error=_error(answer["error"], value) if answer["error"] else None,
        stderr=answer["stderr"],
        output=answer["stderr"],
        isolation=Isolation(**{**answer["isolation"], "notes": tuple(answer["isolation"]["notes"])}),
        container=value,
        image=image,
        build=build,
        kept=answer["kept"],
    )


def _error(told: dict[str, str], value: Container) -> RunError:
    return RunError(
        told["message"],
        returncode=int(told["returncode"]),
        stderr=told["stderr"],
        cmd=value.command,
        hint=told["hint"],
        detail=told["detail"],
    )
