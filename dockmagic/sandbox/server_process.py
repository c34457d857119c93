"""The launch server's process as its client has it: started, greeted, asked and ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dockmagic.errors import IsolationError
from dockmagic.sandbox import replies, sealed, wire
from dockmagic.sandbox.client import spawn
from dockmagic.sandbox.ids import Scheme


class ServerProcess:
    """The launch server's process.

    Args:
        root: the scheme's root directory.
        scheme: how ids are mapped.
        peer: a descriptor of the user namespace of another such process, which it enters; -1 for one of its own.

    Attributes:
        control: the socket to it.
        owner: the process that started it.
        pid: its own.
    """

    BOOT = "from dockmagic.sandbox.server import main; main(int(sys.argv[1]))"

    def __init__(self, root: Path, scheme: Scheme, peer: int = -1) -> None:
        self.owner = os.getpid()
        self._peer = peer
        self.control, theirs = wire.pair()
        with theirs:
            self._process = spawn(self.BOOT, [str(theirs.fileno())], root, [theirs.fileno()])
        self.pid = self._process.pid
        self._finalizer = weakref.finalize(self, _end, self.control, self._process)
        try:
            self.greet(scheme)
        except BaseException:
            self.close()
            raise

    def ask(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        """One request that the server itself answers."""
        return self.ask_whole(message, descriptors)[0]

    def ask_whole(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> tuple[dict[str, Any], list[int]]:
        """The same, with the descriptors of the answer."""
        wire.send(self.control, message, descriptors)
        return self._hear()

    def close(self) -> None:
        """Hang up and wait for its end."""
        self._finalizer()

    def greet(self, scheme: Scheme) -> None:
        """Let it begin.

        Raises:
            IsolationError: it cannot.
        """
        settings = {
            "single": scheme.single,
            "id_map": scheme.inner_map,
            "trees": scheme.kind == "root",
            "seal": scheme.kind != "root" and sealed.is_needed(),
        }
        ourselves = os.pidfd_open(os.getpid())
        try:
            self.expect("unshared", settings, [ourselves, *([self._peer] if self._peer >= 0 else [])])
        finally:
            os.close(ourselves)
        try:
            if self._peer < 0:
                scheme.write(self.pid)
        except OSError as error:
            raise replies.wall("ids of the user namespace", error.errno or 0, error.strerror or str(error)) from error
        self.expect("ready", {"mapped": True})

    def expect(self, word: str, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """One request whose answer has a word, or tells what went wrong.

        Raises:
            IsolationError: what went wrong.
        """
        answer = self.ask(message, descriptors)
        if word not in answer:
            replies.raise_told(answer)

    def _hear(self) -> tuple[dict[str, Any], list[int]]:
        try:
            heard = wire.receive(self.control)
        except ConnectionResetError:  # it ended with something unread
            heard = None
        if heard is None:
            raise IsolationError(
                "the launch server did not start",
                operation="launch server",
                hint="%container doctor tries what it needs",
                detail=f"the interpreter that it runs in: {sys.executable}",
            )
        answer: dict[str, Any] = heard[0]
        return answer, heard[1]


def _end(control: socket.socket, process: subprocess.Popen[bytes]) -> None:
    control.close()
    process.wait()
