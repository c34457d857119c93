"""The process between Jupyter and a kernel in a container: it starts the container, passes signals on, and leaves nothing behind.

It lives as long as the kernel. When the provisioner's end of the channel closes, because Jupyter was killed, it ends the container and
removes the connection's directory; when it is killed itself, the launch server ends with it and with that the container.

Messages from the provisioner: an order, then ``signal`` and ``kill``. To it: ``ready`` or ``failed``. Its exit code is the kernel's.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from dockmagic.engine import images
from dockmagic.engine.engine import Engine
from dockmagic.engine.limits import stored
from dockmagic.engine.settings import Settings
from dockmagic.errors import EXIT_INTERNAL, DockmagicError
from dockmagic.kernels import connection
from dockmagic.sandbox import identity, wire

if TYPE_CHECKING:
    from dockmagic.results import Run
    from dockmagic.sandbox.pump import Stream
    from dockmagic.sandbox.runtime import Process

# Seconds between looks whether the kernel has its sockets.
_LOOK = 0.02
_TAIL = 20
_OPEN = "import os, sys; [os.chmod(path, 0o666) for path in sys.argv[1:]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to start.

    Attributes:
        home: the store's directory.
        image: the image's name.
        argv: the command.
        directory: the private one of the connection.
        sockets: the names of those that the kernel will have.
        options: as :class:`~dockmagic.kernels.kernelspec.Kernel` has them.
    """

    home: str
    image: str
    argv: tuple[str, ...]
    directory: str
    sockets: tuple[str, ...]
    options: Mapping[str, Any]

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Order:
        """From the provisioner's message."""
        return cls(**{**message, "argv": tuple(message["argv"]), "sockets": tuple(message["sockets"])})


class Supervisor:
    """One kernel's life.

    Args:
        channel: to the provisioner.
        order: what to start.
    """

    def __init__(self, channel: socket.socket, order: Order) -> None:
        self._channel = channel
        self._order = order
        self._engine = Engine(order.home)
        self._process: Process | None = None
        self._unwanted = False
        self._abandoned = False
        self._opened = False
        self._ready = False
        self._end: Run | BaseException | None = None
        self._bell, self._ring = os.pipe()
        self._worker = threading.Thread(target=self._work, name="kernel", daemon=True)

    def run(self) -> int:
        """Stay until the kernel has ended and its container is gone; the kernel's exit code."""
        self._worker.start()
        while self._end is None:
            self._turn()
        self._worker.join()
        if not self._ready:
            self._tell({"failed": _failure(self._end)})
        self._engine.close()
        if self._abandoned:
            shutil.rmtree(self._order.directory, ignore_errors=True)
        return EXIT_INTERNAL if isinstance(self._end, BaseException) else self._end.exit_code

    def kill(self) -> None:
        """End the container, now or as soon as it runs."""
        self._unwanted = True
        if self._process is not None:
            self._process.kill()

    def _work(self) -> None:
        options = dict(self._order.options)
        try:
            self._prepare(options["user"])
            self._end = self._engine.run(
                self._order.image,
                self._order.argv,
                entrypoint="",
                volumes=(*options.pop("volumes"), f"{connection.shared(self._order.directory)}:{connection.INSIDE}"),
                limits=stored(options.pop("limits")),
                settings=Settings(init=True, untrusted=options.pop("untrusted", False)),
                on_output=_passed_on,
                on_start=self._started,
                **options,
            )
        except BaseException as error:  # noqa: BLE001 - told to the provisioner
            self._end = error
        os.write(self._ring, b".")

    def _prepare(self, user: str) -> None:
        """Only root can show its files as those of another user in a container; where there is one id, all are the same."""
        if os.geteuid() == 0 or self._engine.session.runtime.isolation.ids == "single":
            return
        record = images.find(self._engine.session, self._order.image, pull=True)
        if (user or images.defaults(record.config).user).partition(":")[0] not in {"", "0", "root"}:
            connection.open_up(self._order.directory)
            self._opened = True

    def _open_sockets(self) -> None:
        """Who made them in the container is another user there than Jupyter's, and only the container's root may change that."""
        process = self._process
        rows = self._engine.session.store.containers.list()
        row = next((row for row in rows if process is not None and row.pid == process.pid), None)
        if row is not None:
            paths = (f"{connection.INSIDE}/{name}" for name in self._order.sockets)
            with suppress(DockmagicError):  # it has ended, and tells by itself
                self._engine.exec(row.id, (self._order.argv[0], "-c", _OPEN, *paths), user="0:0", running=True)

    def _started(self, process: Process) -> None:
        self._process = process
        if self._unwanted:
            process.kill()

    def _turn(self) -> None:
        heard = [self._bell] if self._abandoned else [self._bell, self._channel.fileno()]
        found, _, _ = select.select(heard, [], [], None if self._ready else _LOOK)
        if self._channel.fileno() in found:
            self._hear()
        if not self._ready and self._answers():
            if self._opened:
                self._open_sockets()
            self._ready = True
            self._tell({"ready": True})

    def _answers(self) -> bool:
        return all(Path(connection.shared(self._order.directory), name).is_socket() for name in self._order.sockets)

    def _hear(self) -> None:
        try:
            heard = wire.receive(self._channel)
        except OSError:
            heard = None
        if heard is None:
            self._abandoned = True
            self.kill()
        elif "signal" in heard[0]:
            self._signal(heard[0]["signal"])
        else:
            self.kill()

    def _signal(self, number: int) -> None:
        """As for a kernel beside Jupyter: to it and to the processes of its group."""
        if self._process is not None and self._end is None:
            identity.send_to(number, identity.in_group(self._process.pid))

    def _tell(self, message: dict[str, object]) -> None:
        with suppress(OSError):
            wire.send(self._channel, message)


def _passed_on(stream: Stream, data: bytes) -> None:
    """What the kernel complains of beside its messages stands in the server's own errors, as any kernel's.

    Its standard output has only a greeting for who starts one by hand.
    """
    if stream == "stderr":
        with suppress(OSError):
            os.write(2, data)


def _failure(end: Run | BaseException) -> str:
    if isinstance(end, DockmagicError):
        return str(end)
    if isinstance(end, BaseException):
        return f"{type(end).__name__}: {end}"
    tail = "\n".join(end.output.splitlines()[-_TAIL:])
    hint = ""
    if "No module named ipykernel" in tail:
        hint = "\nThe image has no ipykernel; add to its Dockerfile: RUN pip install ipykernel"
    return f"the kernel ended before it could be asked (exit code {end.exit_code})\n{tail}{hint}"


def main(descriptor: int) -> NoReturn:
    """Serve the provisioner whose channel this is."""
    channel = socket.socket(fileno=descriptor)
    heard = wire.receive(channel)
    if heard is None:
        sys.exit(EXIT_INTERNAL)
    supervisor = Supervisor(channel, Order.of(heard[0]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisor.kill())
    sys.exit(supervisor.run())


if __name__ == "__main__":
    main(int(sys.argv[1]))
