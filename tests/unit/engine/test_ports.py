"""What -p, -P and --expose say."""

from __future__ import annotations

import pytest

from dockmagic.engine import network_names, ports
from dockmagic.errors import UsageError
from dockmagic.sandbox.spec import Port


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", [Port(container=80)]),
        ("8080:80", [Port(container=80, host=8080)]),
        ("53:53/udp", [Port(container=53, host=53, protocol="udp")]),
        ("80/TCP", [Port(container=80)]),
        ("0.0.0.0:8080:80", [Port(container=80, address="0.0.0.0", host=8080)]),
        ("127.0.0.1::80", [Port(container=80)]),
        ("[::1]:8080:80", [Port(container=80, address="::1", host=8080)]),
        ("::1:8080:80", [Port(container=80, address="::1", host=8080)]),
        ("8000-8010:80", [Port(container=80, host=8000, last=8010)]),
        ("8000-8001:80-81", [Port(container=80, host=8000), Port(container=81, host=8001)]),
        ("80-81", [Port(container=80), Port(container=81)]),
    ],
)
def test_a_port_is_published_as_docker_words_it_but_on_the_loopback(text, expected):
    assert list(ports.published(text)) == expected


@pytest.mark.parametrize(
    "text", ["", ":", "x", "0", "65536", "80-79", "8080:", "127.0.0.1:80", "1.2.3:80:80", "80/sctp", "80/", "1-2:80-82", "٨٠", "80:80:80:80", "-80"]
)  # fmt: skip
def test_what_is_no_port_is_refused(text):
    with pytest.raises(UsageError, match="-p"):
        ports.published(text)


def test_exposed_ports_are_published_once_each():
    found = ports.exposed(["80/tcp", "80", "53/udp", "90-91"])
    assert [(port.container, port.protocol, port.host) for port in found] == [
        (80, "tcp", 0), (53, "udp", 0), (90, "tcp", 0), (91, "tcp", 0)
    ]  # fmt: skip


def test_what_a_row_keeps_comes_back():
    wanted = (Port(container=80, address="::1", host=8080), Port(container=53, protocol="udp"))
    assert ports.stored(ports.as_json(wanted)) == wanted
    (first, second) = ports.of_row({"ports": ports.as_json(wanted)})
    assert (first.host, second.host) == ("[::1]:8080", "127.0.0.1:0")


def test_a_builds_network_is_one_of_four_words():
    assert [network_names.of_build(word) for word in ("none", "host", "default", "bridge", "pasta")] == [
        "none", "host", "default", "private", "private"
    ]  # fmt: skip
    with pytest.raises(ValueError, match="shares no container's"):
        network_names.of_build("container:web")
