"""Routes of this process's network namespace, by rtnetlink(7)."""

from __future__ import annotations

import os
import socket
import struct

_NEW_ROUTE = 24  # RTM_NEWROUTE
_FLAGS = 0x1 | 0x4 | 0x400 | 0x100  # NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE
_MAIN, _STATIC, _UNREACHABLE = 254, 4, 7  # RT_TABLE_MAIN, RTPROT_STATIC, RTN_UNREACHABLE
_DESTINATION = 1  # RTA_DST
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg
_ATTRIBUTE = struct.Struct("=HH4s")  # struct rtattr with an IPv4 address


def refuse(network: str, length: int) -> None:
    """Make a network unreachable: also for a socket that is bound to an interface, which passes by local routes.

    Args:
        network: an IPv4 address, e.g. ``"169.254.0.0"``.
        length: how many bits of it count.

    Raises:
        OSError: the kernel refuses.
    """
    attribute = _ATTRIBUTE.pack(_ATTRIBUTE.size, _DESTINATION, socket.inet_aton(network))
    route = _ROUTE.pack(socket.AF_INET, length, 0, 0, _MAIN, _STATIC, 0, _UNREACHABLE, 0)
    size = _HEADER.size + len(route) + len(attribute)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as kernel:
        kernel.send(_HEADER.pack(size, _NEW_ROUTE, _FLAGS, 1, 0) + route + attribute)
        errno = -int(struct.unpack_from("=i", kernel.recv(4096), _HEADER.size)[0])
    if errno:
        raise OSError(errno, f"RTM_NEWROUTE: {os.strerror(errno)}")
