"""An ssh agent for RUN --mount=type=ssh: connections are passed on by this process, whom the agent knows."""

from __future__ import annotations

import os
import selectors
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dockmagic.errors import UsageError

_CHUNK = 65536


@contextmanager
def forwarded(agent: Path) -> Iterator[Path]:
    """A socket whose connections lead to the agent's, while the block runs.

    Args:
        agent: the agent's socket.

    Yields:
        The path of a socket that everybody may connect to who sees it.

    Raises:
        UsageError: nobody listens there.
    """
    with suppress(OSError):
        _connect(agent).close()
        with tempfile.TemporaryDirectory(prefix="dockmagic-ssh-") as directory:
            path = Path(directory) / "agent"
            with _Listener(path, agent):
                yield path
            return
    raise UsageError(
        "--ssh: no agent listens there",
        hint="start ssh-agent, or name its socket: --ssh default=PATH",
        detail=str(agent),
    )


def _connect(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.connect(str(path))
    except OSError:
        made.close()
        raise
    return made


class _Listener:
    """Accepts connections in a thread, and serves each in one of its own."""

    def __init__(self, path: Path, agent: Path) -> None:
        self._agent = agent
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        path.chmod(0o666)  # its directory is ours alone
        self._socket.listen()
        self._wake, self._woken = os.pipe()
        self._thread = threading.Thread(target=self._accept, name="dockmagic-ssh", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        os.close(self._woken)
        self._thread.join()
        os.close(self._wake)
        self._socket.close()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while self._wake not in {key.fd for key, _ in selector.select()}:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError), _connect(self._agent) as agent:
            _pass_on(connection, agent)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Until one of the two hangs up."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, (one, other))
        selector.register(other, selectors.EVENT_READ, (other, one))
        while True:
            for key, _ in selector.select():
                source, target = key.data
                data = source.recv(_CHUNK)
                if not data:
                    return
                target.sendall(data)
