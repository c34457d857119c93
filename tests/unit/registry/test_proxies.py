from __future__ import annotations

import pytest

from dockmagic.errors import UsageError
from dockmagic.registry import origin, proxies

REGISTRY = origin.of("https://registry.example")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_environment_names_the_proxy(monkeypatch):
    assert proxies.of(REGISTRY) == ""
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert proxies.of(REGISTRY) == "http://proxy.example:3128"
    assert proxies.of(origin.of("http://registry.example")) == ""
    monkeypatch.setenv("all_proxy", "proxy.example:1")
    assert proxies.of(origin.of("http://registry.example")) == "http://proxy.example:1"


@pytest.mark.parametrize("names", ["registry.example", ".example", "*", "x, registry.example:443,y"])
def test_no_proxy_names_who_is_asked_directly(monkeypatch, names):
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", names.replace(":443", ""))
    assert proxies.of(REGISTRY) == ""


def test_this_machine_is_always_asked_directly(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    assert proxies.of(origin.of("http://127.0.0.1:5000")) == ""


def test_another_kind_of_proxy_is_refused(monkeypatch):
    monkeypatch.setenv("https_proxy", "socks5://proxy.example:1080")
    with pytest.raises(UsageError):
        proxies.of(REGISTRY)


def test_a_proxys_password_is_unquoted():
    assert proxies.credentials("http://me:p%40ss@proxy.example") == "me:p@ss"
    assert proxies.credentials("http://proxy.example") == ""
