from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.errors import RegistryError
from dockmagic.registry import origin, token
from dockmagic.registry.challenge import Challenge
from dockmagic.registry.token import Credential

HOME = origin.of("https://registry.example")
REALM = Challenge(scheme="bearer", parameters={"realm": "https://auth.example/token?x=1", "service": "the registry"})


def test_nobody_asks_without_a_password():
    asked = token.request(REALM, ["repository:a/b:pull"], None)
    assert (asked.method, dict(asked.headers)) == ("GET", {})
    assert parse_qs(urlsplit(asked.url).query) == {
        "x": ["1"],
        "service": ["the registry"],
        "scope": ["repository:a/b:pull"],
    }


def test_a_user_asks_with_basic_authentication_and_every_scope_by_itself():
    asked = token.request(
        REALM, ["repository:a:pull,push", "repository:b:pull"], Credential(username="me", password="p")
    )
    query = parse_qs(urlsplit(asked.url).query)
    assert query["scope"] == ["repository:a:pull,push", "repository:b:pull"]
    assert asked.headers["Authorization"] == "Basic bWU6cA=="


def test_a_refresh_token_goes_into_the_body():
    asked = token.request(REALM, ["repository:a:pull"], Credential(identity="secret"))
    assert asked.method == "POST"
    assert parse_qs(asked.body.decode())["refresh_token"] == ["secret"]
    assert "secret" not in asked.url


def test_a_challenge_without_a_realm_is_an_error():
    with pytest.raises(RegistryError):
        token.request(Challenge(scheme="bearer"), [], None)


def test_secrets_are_not_shown():
    shown = repr(Credential(username="me", password="SECRET1", identity="SECRET2"))
    shown += repr(token.request(REALM, [], Credential(username="me", password="SECRET1")))
    shown += repr(token.Token(value="SECRET3", seconds=1))
    assert "SECRET" not in shown
    assert "U0VDUkVUMQ" not in shown


@pytest.mark.parametrize(
    ("realm", "registry"),
    [
        ("https://registry.example/token", "https://registry.example"),
        ("https://auth.registry.example/token", "https://registry.example"),
        ("https://gitlab.example/jwt", "https://registry.gitlab.example"),
        ("http://127.0.0.1:5000/token", "http://127.0.0.1:5000"),
    ],
)
def test_credentials_may_go_to_the_registrys_own_domain(realm, registry):
    assert token.may_have_credentials(realm, origin.of(registry))


@pytest.mark.parametrize(
    ("realm", "registry"),
    [
        ("https://auth.example/token", "https://registry.example"),
        ("https://evil.example/token", "https://registry.example"),
        ("https://example/token", "https://registry.example"),
        ("https://registry.example:8443/token", "https://registry.example"),
        ("http://auth.registry.example/token", "https://registry.example"),
        ("https://evilregistry.example/token", "https://registry.example"),
        ("https://0.0.1/token", "https://127.0.0.1"),
        ("http://127.0.0.1:5001/token", "http://127.0.0.1:5000"),
    ],
)
def test_credentials_go_nowhere_else(realm, registry):
    assert not token.may_have_credentials(realm, origin.of(registry))


def test_the_user_may_name_a_host_for_tokens():
    assert token.may_have_credentials("https://sso.example/token", HOME, ["sso.example"])
    assert token.is_allowed("https://10.0.0.1/token", HOME, insecure=False, trusted=["10.0.0.1"])


def test_a_realm_by_plain_http_is_for_registries_that_are_spoken_to_so():
    assert not token.is_allowed("http://registry.example/token", HOME, insecure=False)
    assert token.is_allowed("http://registry.example/token", origin.of("http://registry.example"), insecure=True)


def test_both_names_of_a_token_are_read():
    assert token.parse(b'{"token": "a", "expires_in": 300}') == token.Token(value="a", seconds=300)
    assert token.parse(b'{"access_token": "b"}').value == "b"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"token": 1}', b'{"token": "a\\r\\nX: y"}', b'{"token": "\xc3\xa9"}']
)
def test_what_is_no_token_is_an_error(body):
    with pytest.raises(RegistryError):
        token.parse(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.sampled_from(["token", "expires_in", "a"]), x),
    )
)
def test_any_json_is_a_token_that_fits_into_a_header_or_refused(value):
    try:
        found = token.parse(json.dumps(value).encode())
    except RegistryError:
        return
    assert found.value.isascii()
    assert found.value.isprintable()
    assert found.seconds > 0
