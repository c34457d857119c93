"""Adding a process to a living container: the client's side of ``sandbox.joiner``."""

from __future__ import annotations

import os
from pathlib import Path

from dockmagic.errors import NotFoundError
from dockmagic.sandbox import identity, sealed, wire
from dockmagic.sandbox.client import LaunchedProcess, begun, spawn
from dockmagic.sandbox.ids import Scheme
from dockmagic.sandbox.spec import Spec

_BOOT = "from dockmagic.sandbox.joiner import begin; begin()"


def join(
    pid: int, birth: int, spec: Spec, stdio: list[int], *, scheme: Scheme, root: Path, upper: int = -1
) -> LaunchedProcess:
    """Start ``spec`` in the container whose first process is ``pid``; see ``runtime.Runtime.join``.

    Args:
        pid: of the container's first process.
        birth: of the same.
        spec: what to run.
        stdio: descriptors of stdin, stdout and stderr.
        scheme: how ids are mapped.
        root: the scheme's root directory.
        upper: a descriptor of the writable layer, where its path leads there in the launch server only; else -1.
    """
    _require_alive(pid, birth)
    seal = scheme.kind != "root" and sealed.is_needed()
    channel, theirs = wire.pair()
    contents = wire.memory_file(*(content for _, content, _ in spec.files))
    ourselves = os.pidfd_open(os.getpid())
    with theirs:
        words = [str(theirs.fileno()), str(pid), str(birth)]
        process = spawn(_BOOT, words, root, [theirs.fileno()], last="seal" if seal else "plain")
    try:
        message = {"spec": spec.to_json(), "single": scheme.single, "upper": upper >= 0}
        wire.send(channel, message, [contents, ourselves, *stdio, *([upper] if upper >= 0 else [])])
        started = begun(channel, [])
    except BaseException:
        channel.close()
        process.wait()
        raise
    finally:
        os.close(contents)
        os.close(ourselves)
    return LaunchedProcess(channel, started, (), finish=process.wait)


def _require_alive(pid: int, birth: int) -> None:
    pidfd = identity.open_process(pid, birth)
    if pidfd is None:
        raise NotFoundError("the container has ended", hint="start it again")
    os.close(pidfd)
