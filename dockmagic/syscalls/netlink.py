"""Routes of this process's network namespace, by rtnetlink(7)."""

from __future__ import annotations

import os
import socket
import struct

_NEW_ROUTE = 24  # RTM_NEWROUTE
_FLAGS = 0x1 | 0x4 | 0x400 | 0x800  # NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_APPEND
_TABLE, _STATIC, _HOST, _LOCAL = 255, 4, 254, 2  # RT_TABLE_LOCAL, RTPROT_STATIC, RT_SCOPE_HOST, RTN_LOCAL
_DESTINATION, _INTERFACE = 1, 4  # RTA_DST, RTA_OIF
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg
_ATTRIBUTE = struct.Struct("=HH4s")  # struct rtattr with an IPv4 address or a number


def keep_here(network: str, length: int, interface: str) -> None:
    """Let what is sent to a network arrive in this namespace, so that none of it leaves by an interface.

    A route that refuses would not do: the kernel passes over it for a socket that is bound to an interface, and takes the destination for a
    neighbour's (``ip_route_output_key_hash_rcu``). A local route of that same interface it does follow.

    Args:
        network: an IPv4 address, e.g. ``"169.254.0.0"``.
        length: how many bits of it count.
        interface: the name of the one that leads out.

    Raises:
        OSError: the kernel refuses.
    """
    number = struct.pack("=I", socket.if_nametoindex(interface))
    attributes = b"".join(
        _ATTRIBUTE.pack(_ATTRIBUTE.size, kind, value)
        for kind, value in ((_DESTINATION, socket.inet_aton(network)), (_INTERFACE, number))
    )
    route = _ROUTE.pack(socket.AF_INET, length, 0, 0, _TABLE, _STATIC, _HOST, _LOCAL, 0)
    size = _HEADER.size + len(route) + len(attributes)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as kernel:
        kernel.send(_HEADER.pack(size, _NEW_ROUTE, _FLAGS, 1, 0) + route + attributes)
        errno = -int(struct.unpack_from("=i", kernel.recv(4096), _HEADER.size)[0])
    if errno:
        raise OSError(errno, f"RTM_NEWROUTE: {os.strerror(errno)}")
