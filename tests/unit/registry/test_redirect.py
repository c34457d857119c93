from __future__ import annotations

import pytest

from dockmagic.errors import RegistryError
from dockmagic.registry import origin, redirect

HOME = origin.of("https://registry.example")
HERE = "https://registry.example/v2/a/blobs/sha256:1"


def test_a_relative_location_stays_at_the_registry():
    assert (
        redirect.target(HOME, HERE, "/v2/a/blobs/uploads/1?x=y") == "https://registry.example/v2/a/blobs/uploads/1?x=y"
    )
    assert redirect.target(HOME, HERE, "../x#part") == "https://registry.example/v2/a/x"


def test_a_registry_may_send_us_to_a_public_store():
    assert redirect.target(HOME, HERE, "https://cdn.example/blob") == "https://cdn.example/blob"


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1/x", "https://localhost/x", "http://169.254.169.254/latest", "https://10.0.0.1/", "//192.168.1.1/x",
     "file:///etc/passwd", "ftp://host/x", "https://user@host/", "http://[::1]:8888/", "http://2130706433/"],
)  # fmt: skip
def test_nobody_sends_us_where_only_this_machine_can_go(location):
    with pytest.raises(RegistryError):
        redirect.target(HOME, HERE, location)


def test_a_registry_of_this_machine_may_send_us_to_itself_and_nowhere_else_here():
    home = origin.of("http://127.0.0.1:5000")
    assert redirect.target(home, "http://127.0.0.1:5000/v2/", "/a") == "http://127.0.0.1:5000/a"
    with pytest.raises(RegistryError, match="redirect-hosts"):
        redirect.target(home, "http://127.0.0.1:5000/v2/", "http://127.0.0.1:8888/a")


def test_the_user_may_allow_a_host():
    home = origin.of("http://127.0.0.1:5000")
    for trusted in (["127.0.0.1:9000"], ["127.0.0.1"]):
        assert redirect.target(home, "http://127.0.0.1:5000/", "http://127.0.0.1:9000/a", trusted)


def test_a_layers_own_address_is_https_unless_the_registry_is_insecure_too():
    assert redirect.is_foreign_allowed("https://cdn.example/a", insecure=False)
    assert not redirect.is_foreign_allowed("http://cdn.example/a", insecure=False)
    assert redirect.is_foreign_allowed("http://cdn.example/a", insecure=True)
    assert not redirect.is_foreign_allowed("https://10.0.0.1/a", insecure=True)
    assert not redirect.is_foreign_allowed("file:///etc/passwd", insecure=True)
