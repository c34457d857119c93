"""Messages between the processes of the launcher: one JSON object and descriptors on a SOCK_SEQPACKET socket.

A message that is too long for one packet travels in a memory file whose descriptor comes first.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterable

MAX_DESCRIPTORS = 200
_PACKET = 32768
_NUMBER = 4
_SPILLED = b"*"


def send(channel: socket.socket, message: dict[str, object], descriptors: Iterable[int] = ()) -> None:
    """Send one message; the descriptors are duplicated.

    Raises:
        OSError: nobody listens any more, among others.
    """
    packet = json.dumps(message, ensure_ascii=True).encode()
    if len(packet) <= _PACKET:
        socket.send_fds(channel, [packet], list(descriptors))
        return
    spilled = memory_file(packet)
    try:
        socket.send_fds(channel, [_SPILLED], [spilled, *descriptors])
    finally:
        os.close(spilled)


def receive(channel: socket.socket):  # type: ignore[no-untyped-def]  # noqa: ANN201 - JSON, and no typing here
    """Wait for one message: ``(object, descriptors)``, or None at the end of the channel.

    Raises:
        OSError: the channel is broken.
    """
    packet, descriptors = _receive_packet(channel)
    if not packet:
        for descriptor in descriptors:
            os.close(descriptor)
        return None
    if packet == _SPILLED:
        packet = read_all(descriptors[0])
        os.close(descriptors[0])
        del descriptors[0]
    return json.loads(packet), descriptors


def _receive_packet(channel: socket.socket) -> tuple[bytes, list[int]]:
    """As ``socket.recv_fds``, which drops its flags (Python 3.11): descriptors arrive close-on-exec here."""
    room = socket.CMSG_LEN(MAX_DESCRIPTORS * _NUMBER)
    packet, ancillary, _, _ = channel.recvmsg(_PACKET, room, socket.MSG_CMSG_CLOEXEC)
    descriptors: list[int] = []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors += struct.unpack(f"={len(data) // _NUMBER}i", data[: len(data) // _NUMBER * _NUMBER])
    return packet, descriptors


def memory_file(*contents: bytes) -> int:
    """A descriptor of an anonymous file with these contents, one after the other."""
    descriptor = os.memfd_create("dockmagic", os.MFD_CLOEXEC)
    for content in contents:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    return descriptor


def read_all(descriptor: int) -> bytes:
    """A regular file's content from its beginning."""
    found, size = [], 0
    while chunk := os.pread(descriptor, 1 << 20, size):
        found.append(chunk)
        size += len(chunk)
    return b"".join(found)


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a channel."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
