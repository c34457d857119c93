"""/etc/hosts and /etc/resolv.conf, and the command lines of the programs that connect a private network."""

from __future__ import annotations

import pytest

from dockmagic.sandbox import names, outlet

HOST = "# made by hand\nnameserver 127.0.0.53\nnameserver 192.0.2.1\noptions edns0 trust-ad\nsearch a.example\nsearch b.example .\n"


@pytest.mark.parametrize(
    ("network", "chosen", "expected"),
    [
        ("none", ((), (), ()), ""),
        ("none", (("192.0.2.9",), (), ()), "nameserver 192.0.2.9\n"),
        ("host", ((), (), ()), HOST),
        ("host", ((), ("c.example",), ()), "nameserver 127.0.0.53\nnameserver 192.0.2.1\nsearch c.example\noptions edns0 trust-ad\n"),
        ("private", ((), (), ()), "nameserver 10.0.2.3\nsearch b.example\noptions edns0 trust-ad\n"),
        ("private", (("192.0.2.9", "192.0.2.8"), (".",), ("ndots:2",)), "nameserver 192.0.2.9\nnameserver 192.0.2.8\noptions ndots:2\n"),
    ],
)  # fmt: skip
def test_name_servers_are_the_hosts_or_what_was_chosen(network, chosen, expected):
    assert names.resolver(network, HOST, *chosen) == expected


def test_hosts_has_the_container_where_others_could_ask_for_it():
    added = [("203.0.113.5", "flour")]
    assert names.hosts("none", "oven", "", added).splitlines()[-2:] == [
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "203.0.113.5\tflour",
    ]
    assert names.hosts("private", "oven", "", added).splitlines()[-2:] == ["10.0.2.100\toven", "203.0.113.5\tflour"]
    assert names.hosts("host", "oven", "192.0.2.4 me", added) == "192.0.2.4 me\n203.0.113.5\tflour\n"


@pytest.mark.parametrize("program", ["pasta", "slirp4netns"])
def test_a_program_enters_the_namespaces_of_one_process_and_is_told_to_leave_the_loopback_alone(program):
    words = outlet.command(program, f"/usr/bin/{program}", 42)

    assert words[0] == f"/usr/bin/{program}"
    assert {"/proc/42/ns/net"} < set(words)
    assert any("/proc/42/ns/user" in word for word in words)
    assert {"pasta": "--no-map-gw", "slirp4netns": "--disable-host-loopback"}[program] in words
