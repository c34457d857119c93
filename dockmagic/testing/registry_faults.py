"""The ways in which a :class:`dockmagic.testing.FakeRegistry` can fail."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from dockmagic.testing.registry_requests import Request

_PIECE = b"x" * 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with some requests.

    Attributes:
        kind: ``status``: answer with ``status``, ``headers`` and ``body``. ``reset``: break the connection. ``truncate``: break it
            after ``after`` bytes of the content. ``wrong-digest``: send other bytes of the same length. ``wrong-length``:
            send fewer bytes, and say so. ``slow``: send the content byte by byte for ever slower. ``endless``: send without an
            end. ``html``: answer with a web page. ``redirect``: send to ``headers["Location"]``. ``stall``: say nothing.
        method: of the requests, "" for any.
        path: a regular expression that is found in their path.
        times: of how many.
    """

    kind: str
    method: str = ""
    path: str = ""
    times: int = 1
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    after: int = 0


class Faults:
    """Those that are still to come.

    Attributes:
        ended: set when the registry closes; what stalls ends then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[Fault] = []
        self.ended = threading.Event()

    def add(self, fault: Fault) -> None:
        """One more."""
        with self._lock:
            self._pending.append(fault)

    def take(self, request: Request) -> Fault | None:
        """The fault of a request, if it has one."""
        with self._lock:
            for number, fault in enumerate(self._pending):
                if fault.method in {"", request.method} and re.search(fault.path, request.path):
                    left = replace(fault, times=fault.times - 1)
                    self._pending[number : number + 1] = [left] if left.times > 0 else []
                    return fault
        return None

    def end(self) -> None:
        """Let everything that waits go on."""
        self.ended.set()


def answer_fault(fault: Fault, handler: BaseHTTPRequestHandler, ended: threading.Event, content: bytes) -> bool:
    """Answer in that way; True when the usual answer shall follow."""
    match fault.kind:
        case "reset":
            _reset(handler)
        case "stall":
            ended.wait()
        case "status" | "redirect":
            status = 307 if fault.kind == "redirect" else fault.status
            _send(handler, status, fault.body, {"Content-Length": str(len(fault.body)), **fault.headers})
        case "html":
            page = b"<html><body>Please sign in</body></html>"
            _send(handler, 200, page, {"Content-Type": "text/html", "Content-Length": str(len(page))})
        case "truncate" | "wrong-digest" | "wrong-length":
            _send_wrong(fault, handler, content)
        case "slow":
            _send(handler, 200, b"", {"Content-Length": str(len(content))})
            _drip(handler, content, ended)
        case "endless":
            _send(handler, 200, b"", {"Connection": "close"})
            while not ended.is_set():
                handler.wfile.write(_PIECE)
        case _:
            raise ValueError(f"no such fault: {fault.kind}")
    return False


def _send_wrong(fault: Fault, handler: BaseHTTPRequestHandler, content: bytes) -> None:
    sent = {"truncate": content[: fault.after], "wrong-digest": bytes(len(content)), "wrong-length": content[:-1]}[
        fault.kind
    ]
    announced = len(content) if fault.kind == "truncate" else len(sent)
    _send(handler, 200, sent, {"Content-Length": str(announced)})
    if fault.kind == "truncate":
        _reset(handler, graceful=True)


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)
        handler.wfile.flush()


def _drip(handler: BaseHTTPRequestHandler, content: bytes, ended: threading.Event) -> None:
    for byte in content:
        if ended.wait(0.05):
            return
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()


def _reset(handler: BaseHTTPRequestHandler, *, graceful: bool = False) -> None:
    """End the connection: with a reset, or with an ordinary end that comes too early."""
    if not graceful:
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    # The handler's own files hold the socket open; only the last one's close sends the reset.
    handler.rfile.close()
    if graceful:
        handler.connection.shutdown(socket.SHUT_RDWR)
    handler.connection.close()
