"""The options of networks; see :mod:`dockmagic.magics.options`."""

from __future__ import annotations

from dockmagic.magics import values
from dockmagic.magics.options import Option


def _of_run(text: str) -> str:
    from dockmagic.engine.network_names import of_run  # noqa: PLC0415 - %load_ext need not wait for it

    return of_run(text)


def _of_build(text: str) -> str:
    from dockmagic.engine.network_names import of_build  # noqa: PLC0415 - as above

    return of_build(text)


OF_RUN = Option(
    names=("--network",),
    also=("--net",),
    value="MODE",
    read=_of_run,
    words=("none", "private", "host", "container:"),
    help="none, private, host or container:NAME (default none, with -p private)",
)
OF_BUILD = Option(
    names=("--network",),
    value="MODE",
    read=_of_build,
    words=("none", "private", "host"),
    help="of RUN: none, private or host (default private where it works, else host)",
)
OF_BOTH = Option(
    names=("--network",),
    also=("--net",),
    value="MODE",
    read=_of_run,
    words=("none", "private", "host", "container:"),
    help="none, private or host; for the run also container:NAME",
)
PORTS = (
    Option(
        names=("-p", "--publish"),
        value="PORTS",
        read=values.filled,
        many=True,
        help="8080:80: reach its port 80 by 127.0.0.1:8080; [ADDRESS:][HOST]:PORT[/udp]",
    ),
    Option(names=("-P", "--publish-all"), help="so for every port of EXPOSE and --expose, each on a free one"),
    Option(names=("--expose",), value="PORT[/udp]", read=values.filled, many=True, help="one more port for -P"),
)
NAMES = (
    Option(names=("--dns",), value="ADDRESS", read=values.filled, many=True, help="a name server"),
    Option(
        names=("--dns-search",),
        value="DOMAIN",
        read=values.filled,
        many=True,
        help='where short names are looked up; "." for nowhere',
    ),
    Option(
        names=("--dns-opt", "--dns-option"),
        value="OPTION",
        read=values.filled,
        many=True,
        help="of resolv.conf(5): ndots:2",
    ),
)
RUN = (*PORTS, *NAMES)
_NO_BRIDGE = "each private network has one container, which is always 10.0.2.100"
RUN_REFUSED = tuple(
    Option(names=(name,), value="VALUE", absent=reason)
    for name, reason in (
        ("--ip", _NO_BRIDGE),
        ("--ip6", "a private network has no IPv6"),
        ("--mac-address", _NO_BRIDGE),
        ("--link-local-ip", _NO_BRIDGE),
        ("--net-alias", f"{_NO_BRIDGE}; --network container:NAME shares one"),
        ("--network-alias", f"{_NO_BRIDGE}; --network container:NAME shares one"),
        ("--link", f"{_NO_BRIDGE}; --network container:NAME shares one, and its containers meet on 127.0.0.1"),
    )
)
