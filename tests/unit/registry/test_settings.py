from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from dockmagic.errors import UsageError
from dockmagic.registry import settings

WHOLE = """
pull = "never"
parallel = 5
timeout = 12.5

[registry."docker.io"]
mirrors = ["mirror.example", "http://127.0.0.1:5001"]

[registry."registry.example:5000"]
http = false
ca = "ca.pem"
token-hosts = ["sso.example"]
redirect-hosts = ["10.0.0.5:9000"]
chunk-mib = 8
"""


def test_everything_that_the_page_names_is_read():
    found = settings.parse(tomllib.loads(WHOLE), base=Path("/etc/x"))
    assert (found.pull, found.parallel, found.timeout) == ("never", 5, 12.5)
    assert found.of("docker.io").mirrors == ("mirror.example", "http://127.0.0.1:5001")
    own = found.of("registry.example:5000")
    assert (own.http, own.ca, own.chunk) == (False, "/etc/x/ca.pem", 8 << 20)
    assert (own.token_hosts, own.redirect_hosts) == (("sso.example",), ("10.0.0.5:9000",))


def test_without_a_file_everything_is_as_usual(tmp_path):
    assert settings.read(tmp_path / "registries.toml") == settings.Settings()
    assert settings.Settings().of("anything.example") == settings.Registry()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mirors = []", 'unknown key "mirors"'),
        ('[registry."a.example"]\nmirors = []', r'\[registry."a.example"\]: unknown key "mirors"'),
        ('[registry."a.example"]\nhttp = "yes"', "http is no true or false"),
        ('[registry."a.example"]\nmirrors = "x"', "mirrors is no list of texts"),
        ('[registry."a.example"]\nmirrors = [1]', "mirrors is no list of texts"),
        ('[registry."a.example"]\nmirrors = ["a b"]', '"a b" is no registry'),
        ('[registry."a b"]', '"a b" is no registry'),
        ('pull = "always"', 'pull = "always"'),
        ("parallel = 0", "parallel is not from 1 to 16"),
        ("parallel = true", "parallel is no number"),
        ("registry = 1", "registry is no table"),
        ("registry.a = 1", "is no table"),
        ("x =", "is no TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path, text, said):
    file = tmp_path / "registries.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        settings.read(file)


def test_the_page_names_every_key():
    page = (Path(__file__).resolve().parents[3] / "docs" / "registry.md").read_text()
    keys = ("pull", "parallel", "timeout", "mirrors", "http", "ca", "token-hosts", "redirect-hosts", "chunk-mib")
    assert [key for key in keys if f"`{key}`" not in page] == []
