from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dockmagic.registry import challenge


def one(text):
    (found,) = challenge.parse([text])
    return found.scheme, dict(found.parameters)


def test_a_bearer_challenge_keeps_commas_in_quotes():
    text = 'Bearer realm="https://auth.example/token",service="registry",scope="repository:a/b:pull,push"'
    assert one(text) == (
        "bearer",
        {"realm": "https://auth.example/token", "service": "registry", "scope": "repository:a/b:pull,push"},
    )


def test_blanks_escapes_and_letter_case_do_not_matter():
    assert one('bAsIc   Realm = "a \\"b\\"" , charset=UTF-8') == ("basic", {"realm": 'a "b"', "charset": "UTF-8"})


def test_a_scheme_may_stand_alone():
    assert one("Negotiate") == ("negotiate", {})


def test_several_challenges_in_one_header_and_in_several():
    found = challenge.parse(['Basic realm="x", Bearer realm="y",service=z', "Negotiate"])
    assert [(c.scheme, dict(c.parameters)) for c in found] == [
        ("basic", {"realm": "x"}),
        ("bearer", {"realm": "y", "service": "z"}),
        ("negotiate", {}),
    ]


def test_nonsense_is_no_challenge():
    assert challenge.parse(["", "=", ",,", '"x"']) == ()


@given(st.text())
def test_any_header_can_be_read(text):
    assert all(found.scheme == found.scheme.lower() for found in challenge.parse([text]))


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(), max_size=4))
def test_what_is_written_is_read(parameters):
    def quote(value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    text = "Bearer " + ", ".join(f"{name}={quote(value)}" for name, value in parameters.items())
    assert one(text) == ("bearer", parameters)
