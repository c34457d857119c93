from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.errors import RegistryError
from dockmagic.registry import origin


def test_a_port_is_the_schemes_own_unless_it_is_said():
    assert origin.of("https://Registry.Example/v2/").address == "registry.example:443"
    assert origin.of("http://registry.example/").address == "registry.example:80"
    assert origin.of("https://[::1]:5000/x").address == "[::1]:5000"


def test_the_schemes_own_port_is_not_part_of_the_origin():
    assert origin.of("https://registry.example:443/a") == origin.of("https://registry.example/b")
    assert origin.of("https://registry.example:443").url == "https://registry.example"


@pytest.mark.parametrize(
    "url",
    ["", "/path", "ftp://host/", "file:///etc/passwd", "https://", "https://user:pass@host/", "https://host:port/",
     "https://host:99999/", "https://ho st/", "https://host/\n", "javascript:x", "https://[::1"],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(url):
    with pytest.raises(RegistryError):
        origin.of(url)


@pytest.mark.parametrize(
    "host", ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "LOCALHOST."]
)
def test_names_of_this_machine(host):
    assert origin.is_loopback(host)
    assert origin.is_reserved(host)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "fe80::1", "fd00::1", "224.0.0.1", "::",
     "::ffff:10.0.0.1", "100.64.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "0"],
)  # fmt: skip
def test_addresses_that_no_stranger_may_send_us_to(host):
    assert origin.is_reserved(host)


@pytest.mark.parametrize("host", ["8.8.8.8", "registry.example", "2606:4700::1111", "1.example", "10.example"])
def test_public_hosts(host):
    assert not origin.is_reserved(host)
    assert not origin.is_loopback(host)


@given(st.ip_addresses(v=4))
def test_an_address_is_the_same_in_every_spelling(address):
    spellings = [str(address), str(int(address)), hex(int(address)), str(ipaddress.IPv6Address(f"::ffff:{address}"))]
    assert len({origin.is_reserved(spelling) for spelling in spellings}) == 1


@given(st.text())
def test_any_text_is_an_origin_or_refused(text):
    try:
        found = origin.of(text)
    except RegistryError:
        return
    assert found.scheme in {"http", "https"}
    assert found.host
