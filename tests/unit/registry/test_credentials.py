from __future__ import annotations

import base64
import json
import os
import stat
import sys

import pytest

from dockmagic.errors import RegistryError, UsageError
from dockmagic.registry.credentials import Keychain
from dockmagic.registry.token import Credential

HELPER = f"""#!{sys.executable}
import json, pathlib, sys
file = pathlib.Path(__file__).with_name("kept.json")
kept = json.loads(file.read_text()) if file.exists() else {{}}
verb, words = sys.argv[1], sys.stdin.read()
if verb == "get":
    if words not in kept:
        sys.exit(print("credentials not found in native keychain") or 1)
    print(json.dumps(kept[words]))
elif verb == "store":
    said = json.loads(words)
    kept[said["ServerURL"]] = said
    file.write_text(json.dumps(kept))
elif verb == "erase":
    kept.pop(words)
    file.write_text(json.dumps(kept))
"""


def auth(text):
    return {"auth": base64.b64encode(text.encode()).decode()}


@pytest.fixture
def docker(tmp_path):
    return tmp_path / "docker.json"


@pytest.fixture
def keychain(tmp_path, docker):
    return Keychain(tmp_path / "config" / "auth.json", docker)


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """A credential helper ``test`` on the path."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "docker-credential-test"
    program.write_text(HELPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return program


def test_nobody_is_known_where_there_is_no_file(keychain):
    assert keychain.find("registry.example") is None


@pytest.mark.parametrize("key", ["registry.example", "https://registry.example", "https://registry.example/v1/"])
def test_dockers_file_is_read_in_all_its_spellings(keychain, docker, key):
    docker.write_text(json.dumps({"auths": {"other.example": auth("x:y"), key: auth("me:pass:word")}}))
    assert keychain.find("registry.example") == Credential(username="me", password="pass:word")
    assert keychain.find("evil-registry.example") is None


def test_docker_hub_has_a_name_of_its_own_there(keychain, docker):
    docker.write_text(json.dumps({"auths": {"https://index.docker.io/v1/": auth("me:p")}}))
    assert keychain.find("docker.io").username == "me"


def test_refresh_tokens_and_plain_fields_are_read(keychain, docker):
    docker.write_text(
        json.dumps(
            {
                "auths": {
                    "a.example": {**auth("u:"), "identitytoken": "t"},
                    "b.example": {"username": "u", "password": "p"},
                }
            }
        )
    )
    assert keychain.find("a.example").identity == "t"
    assert keychain.find("b.example") == Credential(username="u", password="p")


def test_what_login_keeps_is_found_first_and_only_ours_to_read(keychain, docker, tmp_path):
    docker.write_text(json.dumps({"auths": {"registry.example": auth("docker:x")}}))
    before = docker.read_bytes()
    assert keychain.store("registry.example", Credential(username="me", password="p")) == ""
    assert keychain.find("registry.example").username == "me"
    file = tmp_path / "config" / "auth.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [p.name for p in file.parent.iterdir()] == ["auth.json"]
    assert docker.read_bytes() == before


def test_logout_forgets_one_and_keeps_the_others(keychain):
    keychain.store("a.example", Credential(username="a", password="p"))
    keychain.store("docker.io", Credential(username="b", password="p"))
    assert keychain.erase("a.example")
    assert not keychain.erase("a.example")
    assert keychain.find("a.example") is None
    assert keychain.find("docker.io").username == "b"


def test_a_helper_keeps_gives_and_forgets(keychain, docker, helper, tmp_path):
    docker.write_text(json.dumps({"credsStore": "test"}))
    assert keychain.find("registry.example") is None
    assert keychain.store("registry.example", Credential(username="me", password="p")) == "test"
    assert keychain.find("registry.example") == Credential(username="me", password="p")
    assert not (tmp_path / "config").exists()
    assert keychain.erase("registry.example")
    assert keychain.find("registry.example") is None


def test_a_helper_for_one_registry_goes_before_the_store_of_all(keychain, docker, helper):
    docker.write_text(json.dumps({"credsStore": "absent", "credHelpers": {"registry.example": "test"}}))
    keychain.store("registry.example", Credential(username="<token>", password="refresh"))
    assert keychain.find("registry.example") == Credential(identity="refresh")


def test_a_helper_that_is_not_installed_knows_nobody(keychain, docker):
    docker.write_text(json.dumps({"credsStore": "not-there"}))
    assert keychain.find("registry.example") is None


@pytest.mark.parametrize("name", ["../../tmp/x", "a b", "x/y", "a;b", "é", 7, ["test"]])
def test_a_helper_is_a_name_and_nothing_more(keychain, docker, name):
    docker.write_text(json.dumps({"credHelpers": {"registry.example": name}}))
    with pytest.raises(UsageError):
        keychain.find("registry.example")


def test_a_helper_that_fails_is_an_error_without_its_words(keychain, docker, helper):
    helper.write_text("#!/bin/sh\necho SECRET; echo SECRET >&2; exit 3\n")
    docker.write_text(json.dumps({"credsStore": "test"}))
    with pytest.raises(RegistryError) as caught:
        keychain.find("registry.example")
    assert "SECRET" not in str(caught.value) + caught.value.detail
    assert "exit code 3" in str(caught.value)


@pytest.mark.parametrize("content", ["[]", "{", "7", '"x"'])
def test_a_damaged_file_is_named_and_not_overwritten(keychain, docker, tmp_path, content):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "auth.json").write_text(content)
    for what in (
        lambda: keychain.find("a.example"),
        lambda: keychain.store("a.example", Credential(username="u", password="p")),
    ):
        with pytest.raises(UsageError, match=r"auth.json"):
            what()
    assert (tmp_path / "config" / "auth.json").read_text() == content


def test_a_pipe_in_place_of_the_file_does_not_hang(keychain, docker):
    os.mkfifo(docker)
    with pytest.raises(UsageError, match="it is no file"):
        keychain.find("a.example")


@pytest.mark.parametrize("entry", [{"auth": "%%%"}, {"auth": ""}, {}, "x", {"auth": "bm9jb2xvbg=="}])
def test_an_entry_without_a_user_is_nobody_or_has_no_password(keychain, docker, entry):
    docker.write_text(json.dumps({"auths": {"a.example": entry}}))
    found = keychain.find("a.example")
    assert found is None or found == Credential(username="nocolon")
